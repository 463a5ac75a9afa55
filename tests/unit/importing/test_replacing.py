"""Is everything told and done that a corrected sheet changes: cells emptied, rows gone, years?"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook
from properties import examples
from table_rows import rows_of

import analysis_lib as al
from analysis_lib.__main__ import main
from analysis_lib.importing import import_results
from analysis_lib.importing.filling import add_results

HEAD = "Study,Year,n1,mean1,sd1,n2,mean2,sd2\n"
AASA, KELL, DAG = (
    "Aasa,2015,35,3.1,1.2,36,4.0,1.5\n",
    "Kell,2009,30,3.0,1.1,31,4.1,1.4\n",
    "Dag,2001,20,5,1,21,6,1\n",
)
SHEET = HEAD + AASA + KELL + DAG
Bring = Callable[..., tuple[int, str]]


@pytest.fixture
def bring(folder: Path, tmp_path: Path, capsys: Any) -> Bring:
    """Import a sheet of this text; return the exit code and what was told."""

    def run(text: str, *flags: str, name: str = "sheet.csv") -> tuple[int, str]:
        (tmp_path / name).write_text(text, encoding="utf-8")
        command = ["import", str(tmp_path / name), "--to", str(folder)]
        code = main([*command, "--outcome", "Pain", "--time", "ETP", *flags])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def table(folder: Path, name: str = "arm_results") -> list[dict[str, str]]:
    return rows_of(folder / "data" / f"{name}.csv")


def test_an_emptied_cell_is_told_and_becomes_empty(folder: Path, bring: Bring) -> None:
    assert bring(SHEET)[0] == 0
    corrected = SHEET.replace("3.1,1.2", "3.1,")
    code, told = bring(corrected)
    assert code == 0
    assert "Aasa, experimental: sd 1.2 stays; the cell is empty in the sheet, and --replace" in told
    assert table(folder)[0]["sd"] == "1.2"
    code, told = bring(corrected, "--replace", "--dry-run")
    assert (code, "arm_results.csv, Aasa, experimental: sd 1.2 is now empty" in told) == (0, True)
    assert table(folder)[0]["sd"] == "1.2"
    assert bring(corrected, "--replace")[0] == 0
    assert (table(folder)[0]["mean"], table(folder)[0]["sd"]) == ("3.1", "")
    al.load_review(folder / "data")


def test_a_column_that_the_sheet_lacks_empties_nothing(folder: Path, bring: Bring) -> None:
    assert bring(SHEET)[0] == 0
    code, told = bring("Study,n1,mean1,n2,mean2\nAasa,35,3.1,36,4.0\n", "--replace")
    assert (code, "is now empty" in told) == (0, False)
    assert table(folder)[0]["sd"] == "1.2"


@pytest.mark.parametrize("emptied", ["Aasa,2015,35,,,36,4.0,1.5\n", "Aasa,2015,35,,,36,,\n"])
def test_an_arm_without_a_result_any_more_leaves_the_table(
    folder: Path, bring: Bring, emptied: str
) -> None:
    assert bring(SHEET)[0] == 0
    code, told = bring(SHEET.replace(AASA, emptied), "--replace")
    assert (code, "Aasa, experimental: mean 3.1 is now empty" in told) == (0, True)
    assert "Aasa, experimental, pain, ETP: the row is removed" in told
    left = [row["trial"] for row in table(folder)]
    assert left.count("aasa") == (1 if "4.0" in emptied else 0)
    assert ("Aasa has no result any more" in told) == ("4.0" not in emptied)
    al.load_review(folder / "data")


def test_a_deleted_row_is_told_first_and_removed_on_demand(folder: Path, bring: Bring) -> None:
    assert bring(SHEET)[0] == 0
    code, told = bring(HEAD + AASA + DAG, "--replace")
    assert code == 0
    gone = "Kell, experimental, pain, ETP: no longer in the sheet (n 30, mean 3, sd 1.1, sheet.csv"
    assert gone in told
    assert "it stays, --remove takes it out" in told
    assert len(table(folder)) == 6
    code, told = bring(HEAD + AASA + DAG, "--replace", "--remove")
    assert (code, told.count("the row is removed (n 3")) == (0, 2)
    assert [row["trial"] for row in table(folder)] == ["aasa", "aasa", "dag", "dag"]
    assert "Kell has no result any more; it stays in trials.csv" in told
    assert {row["source"] for row in table(folder)} == {"sheet.csv, row 2", "sheet.csv, row 3"}
    al.load_review(folder / "data")


def test_a_corrected_sheet_may_have_another_name(folder: Path, bring: Bring) -> None:
    assert bring(SHEET)[0] == 0
    other = HEAD + AASA + DAG.replace("20,5", "20,7")
    code, told = bring(other, "--replace", name="sheet_v2.csv")
    assert (code, "Kell, experimental, pain, ETP: no longer in the sheet" in told) == (0, True)


def test_the_results_of_another_sheet_are_left_alone(folder: Path, bring: Bring) -> None:
    assert bring(SHEET)[0] == 0
    assert bring(HEAD + "Lie,2003,9,1,1,9,2,1\n", name="other.csv")[0] == 0
    code, told = bring(HEAD + AASA, "--replace", "--remove", name="third.csv")  # 1 of 3 of sheet
    assert (code, "no longer" in told or "removed" in told) == (0, False)
    assert len(table(folder)) == 8


def test_remove_needs_replace(bring: Bring) -> None:
    code, told = bring(SHEET, "--remove")
    assert (code, "say --replace, too" in told) == (1, True)


def test_another_year_is_asked_about_and_replaced_on_demand(bring: Bring) -> None:
    assert bring(SHEET)[0] == 0
    other = SHEET.replace("Kell,2009", "Kell,2010")
    code, told = bring(other)
    assert (code, "Kell is of 2009 in trials.csv and of 2010 here" in told) == (1, True)
    code, told = bring(other, "--replace")
    assert (code, "trials.csv, Kell: year 2009 is now 2010" in told) == (0, True)


def test_the_number_of_people_of_an_arm_follows(folder: Path, bring: Bring) -> None:
    assert bring(SHEET.replace("2015,35", "2015,350"))[0] == 0
    assert bring(SHEET, "--replace")[0] == 0
    assert table(folder, "arms")[0]["n"] == "35"


ROWS = st.lists(
    st.tuples(st.integers(2, 90), st.integers(1, 9), st.integers(1, 9), st.booleans()),
    min_size=2,
    max_size=6,
)


@pytest.mark.slow
@examples(30)
@given(before=ROWS, after=ROWS)
def test_after_replace_and_remove_the_review_is_as_if_the_sheet_were_the_first(
    template: Path, before: Any, after: Any
) -> None:
    """Whatever was changed, emptied, added or deleted."""
    found = []
    for sheets in ((before, after), (after,)):
        with TemporaryDirectory() as place:
            data = Path(place)
            for name in ("outcomes", "follow_ups"):
                shutil.copy(template / "data" / f"{name}.csv", data)
            for rows in sheets:
                lines = [
                    f"T{i},{2000 + i},{n},{mean},{'' if bare else sd},{n},{mean + 1},{sd}\n"
                    for i, (n, mean, sd, bare) in enumerate(rows)
                ]
                (data / "sheet.csv").write_text(HEAD + "".join(lines), encoding="utf-8")
                read = import_results(data / "sheet.csv", outcome="Pain", time="ETP")
                add_results(read, data, replace=True, remove=True)
            kept = rows_of(data / "arm_results.csv")
            found.append(sorted(kept, key=itemgetter("trial", "arm")))
    assert found[0] == found[1]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a new review with one outcome and one follow-up."""
    return _review(tmp_path_factory)


def test_a_study_may_be_called_t1(folder: Path, bring: Bring) -> None:
    """Which is also what a reference manager calls a title."""
    assert bring(HEAD + AASA.replace("Aasa", "T1") + KELL.replace("Kell", "TI"))[0] == 0
    assert len(table(folder)) == 4


def _review(factory: pytest.TempPathFactory) -> Path:
    folder = factory.mktemp("review") / "review"
    assert main(["new", str(folder)]) == 0
    described = {
        "outcomes": {
            "outcome": "pain", "label": "Pain", "priority": "primary", "measure": "MD",
            "instruments": "VAS", "lower_is_better": "yes",
        },
        "follow_ups": {"follow_up": "ETP", "label": "Month 1", "definition": "One month"},
    }  # fmt: skip
    for name, row in described.items():
        path = folder / "data" / f"{name}.csv"
        header = path.read_text(encoding="utf-8").splitlines()[0].split(",")
        with path.open("a", encoding="utf-8", newline="") as file:
            cells = row | {"provenance": "reported", "source": "the sheet"}
            csv.DictWriter(file, header, restval="").writerow(cells)
    return folder


def test_another_sheet_of_the_workbook_loses_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A corrected sheet takes out what it lacks, not what stands in the sheet beside it."""
    path = tmp_path / "both.xlsx"
    rows = [line.strip().split(",") for line in (HEAD, AASA, KELL, DAG)]

    def write(first: list[list[str]]) -> None:
        book = Workbook()
        for name, held in (("One", first), ("Two", rows[3:])):
            sheet = book.create_sheet(name)
            for row in [rows[0], *held]:
                sheet.append(row)
        book.remove(book.worksheets[0])
        book.save(path)

    def bring_sheet(name: str, *flags: str) -> str:
        command = ["import", str(path), "--to", str(folder), "--sheet", name]
        assert main([*command, "--outcome", "Pain", "--time", "ETP", *flags]) == 0
        return capsys.readouterr().out

    write(rows[1:3])
    bring_sheet("One")
    assert "no longer in the sheet" not in bring_sheet("Two")
    write(rows[1:2])
    told = bring_sheet("One", "--replace", "--remove")
    assert ("Kell, experimental, pain, ETP: the row is removed" in told, "Dag" in told) == (
        True,
        False,
    )
    assert [row["trial"] for row in table(folder)] == ["aasa"] * 2 + ["dag"] * 2
    assert "both.xlsx, sheet Two, row 2" in table(folder)[2]["source"]
