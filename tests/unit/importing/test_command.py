"""Does the command take somebody from an empty folder to a pooled result, and never half way?

The longest test is a reviewer's afternoon: a new folder, an extraction sheet, a search, a check,
and the result that R has for the same sheet.
"""

from __future__ import annotations

import csv
import json
import re
import shlex
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import openpyxl
import pytest
from golden_cases import load
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from places import GOLDEN
from properties import examples
from template_cells import NOTEBOOKS

import analysis_lib as al
from analysis_lib.__main__ import COMMANDS, _parser, main
from analysis_lib.base import formatting
from analysis_lib.review.schemas import SCHEMAS, header

RUBINSTEIN = json.loads((GOLDEN / "rubinstein2019.json").read_text(encoding="utf-8"))
# Through the sheet the numbers stay what they are; worst error seen 1e-14.
CLOSED_FORM = 1e-10

END = {"provenance": "reported", "source": "the sheet", "note": ""}
OUTCOME = {
    "outcome": "pain",
    "label": "Pain",
    "priority": "primary",
    "measure": "MD",
    "unit": "points, 0 to 100",
    "instruments": "VAS",
    "lower_is_better": "yes",
    **END,
}
FOLLOW_UP = {"follow_up": "ETP", "label": "Month 1", "definition": "One month", **END}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a new review with one outcome and one follow-up."""
    path = tmp_path / "review"
    assert main(["new", str(path)]) == 0
    add(path, "outcomes", OUTCOME)
    add(path, "follow_ups", FOLLOW_UP)
    return path


def add(folder: Path, table: str, row: dict[str, str]) -> None:
    path = folder / "data" / f"{table}.csv"
    header = path.read_text(encoding="utf-8").splitlines()[0].split(",")
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerow([row.get(column, "") for column in header])


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def revman(path: Path) -> Path:
    """Write the 23 comparisons of the second review as RevMan exports an analysis."""
    data = RUBINSTEIN["data"]
    columns = {
        "Study": data["Source"],
        "Experimental mean": data["m1"],
        "Experimental SD": data["s1"],
        "Experimental N": data["n1"],
        "Control mean": data["m2"],
        "Control SD": data["s2"],
        "Control N": data["n2"],
    }
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# --- new -----------------------------------------------------------------------------------------


def test_new_writes_every_table_and_a_book(tmp_path: Path) -> None:
    path = tmp_path / "review"
    assert main(["new", str(path)]) == 0
    written = {file.stem for file in (path / "data").glob("*.csv")}
    absent = {"claims", "instruments", "moderators", "reconstructed", "statements"}
    assert written == set(SCHEMAS) - absent
    for name in written:
        text = (path / "data" / f"{name}.csv").read_text(encoding="utf-8")
        assert text == ",".join(header(name)) + "\n"
        needed = {c for c, spec in SCHEMAS[name].columns.items() if spec.required}
        assert needed <= set(header(name))
    for name in NOTEBOOKS:
        notebook = nbformat.read(path / "notebooks" / f"{name}.ipynb", as_version=4)
        nbformat.validate(notebook)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                compile(cell.source, name, "exec")
    toc = (path / "_toc.yml").read_text(encoding="utf-8")
    assert all(f"notebooks/{name}" in toc for name in NOTEBOOKS)


def test_new_never_writes_over_anything(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    before = contents(tmp_path)
    code, _, told = run(capsys, "new", tmp_path)
    assert (code, "is not an empty folder; nothing was written" in told) == (1, True)
    assert run(capsys, "new", tmp_path / "mine.txt")[0] == 1
    assert contents(tmp_path) == before


def test_check_of_a_new_review_says_where_to_begin(tmp_path: Path, capsys: Any) -> None:
    main(["new", str(tmp_path / "review")])
    code, _, told = run(capsys, "check", tmp_path / "review")
    assert code == 1
    assert [line.split(":")[0] for line in told.splitlines()[1:5]] == [
        f"- {name}.csv" for name in ("arms", "follow_ups", "outcomes", "trials")
    ]


@pytest.mark.slow
def test_check_names_every_word_of_the_template_that_was_left(
    folder: Path, tmp_path: Path, capsys: Any
) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("Study,n1,mean1,sd1,n2,mean2,sd2\nAasa 2015,35,4,2,35,5,2\n")
    command = ("import", sheet, "--to", folder, "--outcome", "pain", "--time", "ETP")
    assert run(capsys, *command)[0] == 0
    words = ["title", "authors", "question", "experimental", "comparator", "short_names"]
    toml, intro = folder / "data" / "review.toml", folder / "book" / "intro.md"
    told = "review.toml still has the words of the template: {}."
    while words:
        code, out, _ = run(capsys, "check", folder)
        assert (code, told.format(formatting.listing(words)) in out) == (0, True)
        name = words.pop()
        mine = '["we", "they"]' if name in ("authors", "short_names") else '"My own words"'
        text = re.sub(rf"^{name} = .*$", f"{name} = {mine}", toml.read_text(), flags=re.MULTILINE)
        toml.write_text(text)
    out = run(capsys, "check", folder)[1]
    assert "of the template" not in out
    assert "book/intro.md still asks what you found" in out
    intro.write_text("# {review}`title`\n\nLess pain.\n")
    assert "intro.md" not in run(capsys, "check", folder)[1]


def test_check_counts_only_what_there_is(folder: Path, tmp_path: Path, capsys: Any) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("Study,n1,mean1,sd1,n2,mean2,sd2\nAasa 2015,35,4,2,35,5,2\n")
    run(capsys, "import", sheet, "--to", folder, "--outcome", "pain", "--time", "ETP")
    assert "\n1 trial, 2 arms, 2 results by arm.\n" in run(capsys, "check", folder)[1]


def test_check_of_a_folder_that_is_no_review(tmp_path: Path, capsys: Any) -> None:
    code, out, told = run(capsys, "check", tmp_path)
    assert (code, out) == (1, "")
    assert "no review.toml in it" in told


# --- import: results -----------------------------------------------------------------------------


def test_from_an_empty_folder_to_the_result_of_r(folder: Path, tmp_path: Path, capsys: Any) -> None:
    sheet = revman(tmp_path / "extraction.csv")
    command = ("import", sheet, "--to", folder, "--outcome", "Pain", "--time", "Month 1")
    code, _, told = run(capsys, *command)
    assert code == 1
    # Two trials have two rows that share no arm: that has to be said.
    assert [line.split(":")[1] for line in told.splitlines()[1:]] == [
        " 'Dougherty 2014', Pain, Month 1",
        " 'Hurwitz 2002', Pain, Month 1",
    ]
    code, out, told = run(capsys, *command, "--one-trial")
    assert (code, told) == (0, "")
    assert "46 results read.\nAdded: 17 rows in trials.csv, 46 rows in arms.csv" in out
    assert out.count("equal numbers on the same side") == 4
    # Six trials stand in two rows: which of their arms belong together is kept.
    assert "12 rows in analyses.csv" in out
    code, out, told = run(capsys, "check", folder)
    assert (code, told) == (0, "")
    assert "Can be pooled: Pain, ETP, 23 comparisons." in out

    review = al.load_review(folder / "data")
    fit = al.study_effects(review, "pain", "ETP").pool(tau2_method="DL", ci_method="wald")
    expected = RUBINSTEIN["results"]["MD"]["DL_z"]
    assert fit.estimate == pytest.approx(expected["estimate"], rel=CLOSED_FORM)
    assert fit.ci == pytest.approx(expected["ci"], rel=CLOSED_FORM)
    assert (review.arm_results["provenance"] == "reported").all()
    assert review.arm_results["source"].iloc[0] == "extraction.csv, row 2"


@pytest.mark.slow
def test_importing_twice_changes_nothing(folder: Path, tmp_path: Path, capsys: Any) -> None:
    sheet = revman(tmp_path / "extraction.csv")
    command = ["import", sheet, "--to", folder, "--outcome", "pain", "--time", "ETP"]
    command.append("--one-trial")
    assert run(capsys, *command)[0] == 0
    before = contents(folder)
    code, out, _ = run(capsys, *command)
    assert code == 0
    assert "46 results stood there already, with the same numbers." in out
    assert "Added" not in out  # what is zero is not told
    assert contents(folder) == before


def test_other_numbers_for_a_known_arm_stop_the_import(
    folder: Path, tmp_path: Path, capsys: Any
) -> None:
    sheet = tmp_path / "sheet.csv"
    head = "Study,n1,mean1,sd1,n2,mean2,sd2\n"
    command = ("import", sheet, "--to", folder, "--outcome", "pain", "--time", "ETP")
    sheet.write_text(head + "Aasa 2015,35,4,2,35,5,2\n")
    assert run(capsys, *command)[0] == 0
    before = contents(folder)
    sheet.write_text(head + "Aasa 2015,35,4,2,35,5.5,2\nKell 2009,9,3,1,9,4,1\n")
    code, _, told = run(capsys, *command)
    assert code == 1
    told_cell = "row 2: Aasa 2015, control: mean is 5 in arm_results.csv and 5.5 here; --replace"
    assert told_cell in told
    assert contents(folder) == before
    code, out, _ = run(capsys, *command, "--replace", "--dry-run")
    assert code == 0
    assert "arm_results.csv, Aasa 2015, control: mean 5 is now 5.5" in out
    assert contents(folder) == before
    assert run(capsys, *command, "--replace")[0] == 0
    assert al.load_review(folder / "data").arm_results["mean"].tolist() == [4, 5.5, 3, 4]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--outcome", "sleep", "--time", "ETP"), "outcome 'sleep' is not in outcomes.csv"),
        (("--outcome", "pain", "--time", "later"), "follow-up 'later' is not in follow_ups.csv"),
        (("--outcome", "pain"), "no column for time"),
        (("--outcome", "pain", "--time", "ETP", "--column", "n1"), "write NAME=HEADER"),
        (("--outcome", "pain", "--time", "ETP", "--column", "n1=X"), "there is no column 'X'"),
        (("--outcome", "pain", "--time", "ETP", "--sheet", "A"), "only an .xlsx or .ods file"),
    ],
)
def test_what_the_import_needs_is_named_and_nothing_written(
    folder: Path, tmp_path: Path, capsys: Any, options: tuple[str, ...], words: str
) -> None:
    sheet = revman(tmp_path / "extraction.csv")
    before = contents(folder)
    code, out, told = run(capsys, "import", sheet, "--to", folder, "--one-trial", *options)
    assert (code, out) == (1, "")
    assert words in told
    assert contents(folder) == before


def test_columns_are_named_on_the_command_line(folder: Path, tmp_path: Path, capsys: Any) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("Autor,n1,mean1,sd1,n2,mean2,sd2\nAasa 2015,35,4,2,35,5,2\n")
    command = ["import", sheet, "--to", folder, "--outcome", "pain", "--time", "baseline"]
    code, _, told = run(capsys, *command, "--column", "study = Autor", "--source", "Appendix D")
    assert (code, told) == (0, "")
    results = al.load_review(folder / "data").arm_results
    assert results["time"].tolist() == ["baseline", "baseline"]
    assert results["source"].tolist() == ["Appendix D; sheet.csv, row 2"] * 2


def test_events_go_into_the_tables(folder: Path, tmp_path: Path, capsys: Any) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(
        "Study,Experimental cases,Experimental N,Control cases,Control N\nAasa 2015,2,35,0,35\n"
    )
    command = ["import", sheet, "--to", folder, "--outcome", "pain", "--time", "ETP"]
    assert run(capsys, *command)[0] == 0
    results = al.load_review(folder / "data").arm_results
    assert results["events"].tolist() == [2, 0]
    assert results["mean"].isna().all()


@pytest.mark.few
@pytest.mark.parametrize("measure", ["RR", "OR", "RD"])
def test_events_are_pooled(folder: Path, tmp_path: Path, capsys: Any, measure: str) -> None:
    """The 13 BCG trials from a sheet to the effects of R's metafor, in the same pooling."""
    add(folder, "outcomes", OUTCOME | {"outcome": "tb", "label": "TB", "measure": measure})
    bcg = load("b1")["datasets"]["bcg_2x2"]["columns"]
    sheet = tmp_path / "sheet.csv"
    arms = zip(bcg["ai"], bcg["n1i"], bcg["ci"], bcg["n2i"], strict=True)
    rows = [f"Trial {i} 1950,{','.join(map(str, arm))}" for i, arm in enumerate(arms)]
    head = "Study,Experimental cases,Experimental N,Control cases,Control N"
    sheet.write_text("\n".join([head, *rows]))
    command = ["import", sheet, "--to", folder, "--outcome", "tb", "--time", "ETP"]
    assert run(capsys, *command)[0] == 0
    effects = al.study_effects(al.load_review(folder / "data"), "tb", "ETP")
    (out,) = (e["out"] for e in load("b1")["entries"] if e["id"] == f"bcg_2x2|{measure}|only0")
    assert sorted(effects.effect) == pytest.approx(sorted(out["yi"]), rel=CLOSED_FORM)
    assert sorted(effects.variance) == pytest.approx(sorted(out["vi"]), rel=CLOSED_FORM)
    assert effects.table["n_experimental"].sum() == sum(bcg["n1i"])
    assert effects.pool().k == len(rows)


def test_an_arm_of_one_person_is_told_by_check(folder: Path, tmp_path: Path, capsys: Any) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("Study,n1,mean1,sd1,n2,mean2,sd2\nAasa 2015,1,4,2,35,5,2\n")
    command = ["import", sheet, "--to", folder, "--outcome", "pain", "--time", "ETP"]
    code, out, _ = run(capsys, *command)
    assert (code, "Aasa 2015, experimental has one person" in out) == (0, True)
    code, out, _ = run(capsys, "check", folder)
    assert code == 0
    assert "Cannot be used yet in Pain, ETP: Aasa 2015: fewer than two people in an arm" in out


@pytest.mark.slow
def test_500_trials_are_imported_and_checked(folder: Path, tmp_path: Path, capsys: Any) -> None:
    sheet = tmp_path / "sheet.csv"
    rows = [f"Trial {i} 2001,{20 + i},5,2,{30 + i},6,2" for i in range(500)]
    sheet.write_text("\n".join(["Study,n1,mean1,sd1,n2,mean2,sd2", *rows]))
    command = ["import", sheet, "--to", folder, "--outcome", "pain", "--time", "ETP"]
    assert run(capsys, *command)[0] == 0
    results = al.load_review(folder / "data").arm_results
    assert int(results["n"].sum()) == sum(50 + 2 * i for i in range(500))


def test_a_workbook_with_one_row_an_arm_several_outcomes_and_times(
    folder: Path, tmp_path: Path, capsys: Any
) -> None:
    add(folder, "outcomes", OUTCOME | {"outcome": "function", "label": "Función"})
    book = openpyxl.Workbook()
    for row in (
        ["Study", "Outcome", "Time", "Arm", "Side", "N", "Mean", "SD", "Scale min", "Scale max"],
        ["Cai 2017", "Pain", "baseline", "Legs", "experimental", 28, 3.5, 1, 0, 10],
        [None, "Pain", "baseline", "Control", "control", 28, 3.25, 1.5, 0, 10],
        [None, "pain", "month 1", "Legs", "experimental", 26, 1.5, 1, 0, 10],
        [None, "pain", "month 1", "Control", "control", 27, 2.5, 1.5, 0, 10],
        [None, "FUNCION", "Month 1", "Legs", "experimental", 25, 60, 11.5, None, None],
        [None, "funcion", "Month 1", "Control", "control", 27, 55, 12, None, None],
    ):
        book.active.append(row)
    book.active.merge_cells("A2:A7")
    sheet = tmp_path / "extraction.xlsx"
    book.save(sheet)
    code, out, told = run(capsys, "import", sheet, "--to", folder)
    assert (code, told) == (0, "")
    assert "Added: 1 row in trials.csv, 2 rows in arms.csv, 6 rows in arm_results.csv.\n" in out
    review = al.load_review(folder / "data")
    assert review.arms["n"].tolist() == [28, 28]  # the largest number analysed
    assert review.analyses.empty
    for outcome, people, effect in (("pain", (26, 27), -1.0), ("function", (25, 27), 5.0)):
        effects = al.study_effects(review, outcome, "ETP")
        row = effects.table.iloc[0]
        assert (row["n_experimental"], row["n_comparator"], row["effect"]) == (*people, effect)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("Legs,first,28", "Legs,second,28", "arms.csv has it on the other side"),
    ],
)
def test_arms_that_do_not_fit_the_review(
    folder: Path, tmp_path: Path, capsys: Any, first: str, second: str, words: str
) -> None:
    sheet = tmp_path / "sheet.csv"
    command = ["import", sheet, "--to", folder, "--outcome", "pain"]
    sheet.write_text(f"Study,Arm,Side,N,Mean,SD\nCai 2017,{first},2,1\n")
    assert run(capsys, *command, "--time", "baseline")[0] == 0
    sheet.write_text(f"Study,Arm,Side,N,Mean,SD\nCai 2017,{second},2,1\n")
    code, _, told = run(capsys, *command, "--time", "ETP")
    assert (code, words in told) == (1, True)


def test_a_trial_is_known_by_its_name_or_its_identifier(
    folder: Path, tmp_path: Path, capsys: Any
) -> None:
    sheet = tmp_path / "sheet.csv"
    command = ["import", sheet, "--to", folder, "--outcome", "PAIN", "--time"]
    sheet.write_text("Study,n1,mean1,sd1,n2,mean2,sd2\nAasa 2015,9,4,2,9,5,2\n")
    assert run(capsys, *command, "ETP")[0] == 0
    trials = folder / "data" / "trials.csv"
    trials.write_text(trials.read_text().replace("Aasa 2015", "Aasa 2015 (SMILE)"))
    for name, time in (("aasa-2015", "Month 1"), ("Aasa 2015 (SMILE)", "baseline")):
        sheet.write_text(f"Study,n1,mean1,sd1,n2,mean2,sd2\n{name},9,4,2,9,5,2\n")
        assert run(capsys, *command, time)[0] == 0
    review = al.load_review(folder / "data")
    assert (len(review.trials), len(review.arm_results)) == (1, 4)


def test_a_broken_table_of_the_review_is_named(folder: Path, tmp_path: Path, capsys: Any) -> None:
    sheet = revman(tmp_path / "sheet.csv")
    command = ["import", sheet, "--to", folder, "--outcome", "pain", "--time", "ETP", "--one-trial"]
    table = folder / "data" / "trials.csv"
    text = table.read_text(encoding="utf-8")
    for broken, words in (
        (text + "a,b\n", ", row 2: 2 cells where the header has 7"),
        (text + '"a', ": not a readable CSV file"),
    ):
        table.write_text(broken, encoding="utf-8")
        code, _, told = run(capsys, *command)
        assert (code, f"trials.csv{words}" in told) == (1, True)


NUMBERS = st.integers(2, 400)
MEANS = st.decimals(0, 100, places=2)
SDS = st.decimals("0.01", 40, places=2)
TABLE = st.dictionaries(
    st.integers(1900, 1999),
    st.tuples(NUMBERS, MEANS, SDS, NUMBERS, MEANS, SDS),
    min_size=1,
    max_size=6,
)


@pytest.mark.slow
@examples(15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=TABLE)
def test_fuzz_the_way_from_the_sheet_to_the_review(
    tmp_path_factory: pytest.TempPathFactory, table: dict[int, tuple[Any, ...]]
) -> None:
    """Every number and every total that was typed is the one the review then holds."""
    place = tmp_path_factory.mktemp("fuzz")
    main(["new", str(place / "review")])
    add(place / "review", "outcomes", OUTCOME)
    add(place / "review", "follow_ups", FOLLOW_UP)
    sheet = place / "sheet.csv"
    lines = [f"Ülger {year};" + ";".join(map(str, row)) for year, row in table.items()]
    text = "\n".join(["Study;n1;mean1;sd1;n2;mean2;sd2", *lines])
    sheet.write_text(text.replace(".", ","), encoding="utf-8-sig")
    options = ["--to", str(place / "review"), "--outcome", "pain", "--time", "ETP"]
    assert main(["import", str(sheet), *options]) == 0
    results = al.load_review(place / "review" / "data").arm_results
    typed = [arm for row in table.values() for arm in (row[:3], row[3:])]
    assert results["n"].tolist() == [arm[0] for arm in typed]
    assert results["mean"].tolist() == [float(arm[1]) for arm in typed]
    assert results["sd"].tolist() == [float(arm[2]) for arm in typed]


# --- import: the exports of a search --------------------------------------------------------------


def test_exports_of_a_search_become_records_a_log_and_a_screening_sheet(
    folder: Path, tmp_path: Path, capsys: Any
) -> None:
    ris, table = tmp_path / "a.ris", tmp_path / "b.csv"
    ris.write_text("TY  - JOUR\nTI  - Lifting\nAU  - Kell\nPY  - 2009\nDO  - 10.1000/a\nER  - \n")
    table.write_text("Title,Author,Publication Year\nLIFTING.,Kell,2009\nWalking,,2010\n")
    code, out, told = run(capsys, "import", ris, table, "--to", folder)
    assert (code, told) == (0, "")
    assert "a.ris: RIS, 1 record read\nb.csv: a table, 2 records read" in out
    assert "records_identified: 3\nduplicates_removed: 1\nrecords_screened: 2" in out
    search = folder / "data" / "search"
    kept = list(csv.DictReader((search / "records.csv").read_text().splitlines()))
    assert [(r["decision"], r["of"], r["title"], r["file"]) for r in kept] == [
        ("kept", "", "Lifting", "a.ris"),
        ("duplicate", "1", "LIFTING.", "b.csv"),
        ("kept", "", "Walking", "b.csv"),
    ]
    assert (search / "screening.csv").read_text().splitlines()[0] == "record,title,first,second"
    before = contents(folder)
    code, out, _ = run(capsys, "import", ris, "--to", folder)
    assert (code, "1 record stood there already" in out) == (0, True)
    assert contents(folder) == before


def test_sheets_and_exports_are_not_mixed(folder: Path, tmp_path: Path, capsys: Any) -> None:
    ris = tmp_path / "a.ris"
    ris.write_text("TY  - JOUR\nTI  - Lifting\nER  - \n")
    sheet = revman(tmp_path / "sheet.csv")
    for files in ((ris, sheet), (sheet, sheet)):
        code, _, told = run(capsys, "import", *files, "--to", folder)
        assert (code, "one extraction sheet at a time" in told) == (1, True)


def test_every_command_has_help_with_an_example_and_exit_codes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in (*COMMANDS, "watch"):
        with pytest.raises(SystemExit) as stopped:
            main([name, "--help"])
        told = " ".join(capsys.readouterr().out.split())
        assert stopped.value.code == 0
        assert f"Example: python -m analysis_lib {name} " in told
        assert "Exit codes: 0" in told
        options = _parser().parse_args(_arguments(name))
        assert callable(options.run)


def _arguments(name: str) -> list[str]:
    """Return the words of the example of a command, which must be ones that it takes."""
    return shlex.split(COMMANDS[name][1]) if name in COMMANDS else [name, "x", "--replay", "y"]


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"analysis-lib {version('analysis-lib')}\n"
