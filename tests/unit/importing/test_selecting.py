"""Do decisions of other programs come home, and does the flow diagram count what was decided?"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from table_rows import rows_of

import analysis_lib as al
from analysis_lib.__main__ import main

A = """TY  - JOUR
TI  - Lifting crates for back pain: a trial
AU  - Example, Ann
PY  - 2015
DO  - 10.1000/a
ER  -
TY  - JOUR
TI  - Walking to work and the knees of postmen
AU  - Muster, Eva
PY  - 2016
ER  -
TY  - JOUR
TI  - Chairs in the offices of the north
AU  - Sample, Bo
PY  - 2017
ER  -
"""
B = "Title,Authors,Year,DOI\nLifting crates for back pain: a trial,Example A,2015,10.1000/a\n"
RAYYAN = (
    "key,title,authors,year,doi,notes\n"
    "r1,Lifting Crates for Back Pain: A Trial,Example A,2015,10.1000/A,"
    '"RAYYAN-INCLUSION: {""Ann""=>""Included"", ""Bo""=>""Included""} | RAYYAN-LABELS: x"\n'
    "r2,Walking to work and the knees of postmen,Muster E,2016,,"
    '"RAYYAN-INCLUSION: {""Ann""=>""Excluded"", ""Bo""=>""Maybe""}"\n'
    "r3,Chairs in the offices of the north,Sample B,2017,,"
    '"RAYYAN-INCLUSION: {""Ann""=>""Excluded"", ""Bo""=>""Excluded""}"\n'
    "r4,A work of another search,Nobody N,2001,,"
    '"RAYYAN-INCLUSION: {""Ann""=>""Excluded"", ""Bo""=>""Excluded""}"\n'
)
RESULTS = "Study,n1,mean1,sd1,n2,mean2,sd2\nExample 2015,9,1,2,9,2,2\n"


@pytest.fixture
def run(folder: Path, tmp_path: Path, capsys: Any) -> Callable[..., tuple[int, str]]:
    """Run a command on a review, with files that are written first."""

    def run(command: str, files: dict[str, str] | None = None, *more: str) -> tuple[int, str]:
        capsys.readouterr()
        for name, text in (files or {}).items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        paths = [str(tmp_path / name) for name in files or {}]
        to = ["--to", str(folder)] if command == "import" else [str(folder)]
        code = main([command, *paths, *to, *more])
        told = capsys.readouterr()
        return code, told.out + told.err

    assert run("import", {"a.ris": A, "b.csv": B})[0] == 0
    return run


def table(folder: Path, name: str) -> list[dict[str, str]]:
    return rows_of(folder / "data" / f"{name}.csv")


def write(folder: Path, name: str, rows: list[dict[str, str]]) -> None:
    with (folder / "data" / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def answers(folder: Path) -> list[tuple[str, str]]:
    return [(row["first"], row["second"]) for row in table(folder, "search/screening")]


def test_decisions_of_two_people_in_rayyan_come_home(
    folder: Path, run: Callable[..., tuple[int, str]]
) -> None:
    code, told = run("import", {"rayyan.csv": RAYYAN}, "--decisions", "both")
    assert (code, "6 decisions written" in told) == (0, True), told
    assert "1 decided record not found among those of the search: row 5 A work of another" in told
    assert answers(folder) == [
        ("include", "include"), ("exclude", "unclear"), ("exclude", "exclude")
    ]  # fmt: skip
    assert (
        "6 stood there already" in run("import", {"rayyan.csv": RAYYAN}, "--decisions", "both")[1]
    )
    other = RAYYAN.replace('""Ann""=>""Included', '""Ann""=>""Excluded')
    code, told = run("import", {"rayyan.csv": other}, "--decisions", "both")
    assert (code, "include in screening.csv and exclude here" in told) == (1, True)
    assert run("import", {"rayyan.csv": other}, "--decisions", "both", "--replace")[0] == 0
    assert answers(folder)[0] == ("exclude", "include")


@pytest.mark.parametrize("nobody", ["", "-1", "-1.0"])
def test_decisions_of_one_person(
    folder: Path, run: Callable[..., tuple[int, str]], nobody: str
) -> None:
    asreview = (
        "title,authors,doi,asreview_label\nLifting crates for back pain: a trial,Example A,"
        "10.1000/a,1\nChairs in the offices of the north,Sample Bo,,0\n"
        f"Walking to work and the knees of postmen,Muster Eva,,{nobody}\n"
    )
    code, told = run("import", {"asreview.csv": asreview}, "--decisions", "second")
    assert (code, "2 decisions written" in told, "1 undecided" in told) == (0, True, True), told
    assert answers(folder) == [("", "include"), ("", ""), ("", "exclude")]
    covidence = "Title,Authors,Published Year,DOI,Covidence #\nWalking to work and the knees of "
    covidence += "postmen,Muster Eva,2016,,#2\n"
    given = ("--decisions", "second", "--decided", "exclude")
    assert run("import", {"irrelevant.csv": covidence}, *given)[0] == 0
    assert answers(folder)[1] == ("", "exclude")
    ris = A.replace("DO  - 10.1000/a", 'N1  - RAYYAN-INCLUSION: {"Ann"=>"Included"}')
    assert run("import", {"rayyan.ris": ris}, "--decisions", "first")[0] == 0
    assert answers(folder)[0] == ("include", "include")


def test_a_title_that_may_be_several_records_is_asked_about(
    folder: Path, run: Callable[..., tuple[int, str]]
) -> None:
    """Two editorials are two records: whose answer it is, only a person can say."""
    editorial = "TY  - JOUR\nTI  - Editorial\nJO  - J Examples\n{}ER  -\n"
    both = editorial.format("PY  - 2015\nSP  - 1\n") + editorial.format("PY  - 2016\nSP  - 9\n")
    assert run("import", {"editorials.ris": both})[0] == 0
    given = ("--decisions", "first")
    code, told = run("import", {"asreview.csv": "title,included\nEditorial,1\n"}, *given)
    assert (code, "0 decisions written" in told) == (0, True), told
    assert "1 decided record may be several of the search" in told
    assert "row 2 Editorial (5 or 6)" in told
    named = "title,journal,year,included\nEditorial,J Examples,{},0\n"
    assert run("import", {"named.csv": named.format(2016)}, *given)[0] == 0
    assert answers(folder)[-2:] == [("", ""), ("exclude", "")]
    code, told = run("import", {"other.csv": named.format(1999)}, *given)
    assert "1 decided record not found" in told


def test_two_answers_to_one_record_are_refused(
    folder: Path, run: Callable[..., tuple[int, str]]
) -> None:
    """The file holds both copies of a work of which the review keeps one."""
    row = "Lifting crates for back pain: a trial,Example A,10.1000/a,{}\n"
    text = "title,authors,doi,included\n" + row.format(1) + row.format(0)
    code, told = run("import", {"asreview.csv": text}, "--decisions", "first", "--replace")
    assert (code, "exclude here and include in row 2, which is the same work" in told) == (1, True)
    assert answers(folder)[0] == ("", "")


def test_decisions_of_three_people(folder: Path, run: Callable[..., tuple[int, str]]) -> None:
    cy = RAYYAN.replace('""Bo""=>""Maybe""', '""Bo""=>""Maybe"", ""Cy""=>""Included""')
    code, told = run("import", {"rayyan.csv": cy}, "--decisions", "both")
    assert (code, "decisions of 3 (Ann, Bo, Cy)" in told, "--person NAME" in told) == (
        1,
        True,
        True,
    )
    people = ("--person", "Bo", "--person", "Ann", "--person", "Cy")
    code, told = run("import", {"rayyan.csv": cy}, "--decisions", "both", *people)
    assert code == 0, told
    settled = [row["settled"] for row in table(folder, "search/screening")]
    assert (answers(folder)[1], settled) == (("unclear", "exclude"), ["", "include", ""])
    code, told = run("import", {"rayyan.csv": cy}, "--decisions", "first", "--person", "Annn")
    assert (code, "did you mean 'Ann'?" in told) == (1, True), told


@pytest.mark.parametrize(
    ("text", "more", "words"),
    [
        ("title,included\nA,perhaps\nB,1\n", ("--decisions", "first"),
         "row 2, column included: 'perhaps' is no decision; it is include, exclude or maybe"),
        (RAYYAN, ("--decisions", "first"), "decisions of 2 (Ann, Bo); say --decisions both"),
        (B, ("--decisions", "first"), "no decisions of Rayyan"),
    ],
)  # fmt: skip
def test_what_is_no_decision_is_told(
    run: Callable[..., tuple[int, str]], text: str, more: tuple[str, ...], words: str
) -> None:
    code, told = run("import", {"file.csv": text}, *more)
    assert (code, words in told) == (1, True), told


def test_the_flow_is_counted_when_everything_is_decided(
    folder: Path, run: Callable[..., tuple[int, str]]
) -> None:
    code, told = run("selection")
    assert (code, "3 records of screening.csv without an answer" in told) == (1, True)
    run("import", {"rayyan.csv": RAYYAN}, "--decisions", "both")
    code, told = run("selection")
    assert (code, "2: Walking to work and the knees of postmen (exclude, unclear)" in told) == (
        1, True
    )  # fmt: skip
    rows = table(folder, "search/screening")
    write(folder, "search/screening", [r | {"settled": "Include" if r["record"] == "2" else ""}
                                       for r in rows])  # fmt: skip
    code, told = run("selection")
    assert (code, "2 reports of full_text.csv without a decision" in told) == (1, True)
    rows = table(folder, "search/full_text")
    assert [row["record"] for row in rows] == ["1", "2"]
    rows[0]["decision"] = "include"
    rows[1] |= {"decision": "Exclude", "reason": "No pain"}
    write(folder, "search/full_text", rows)
    given = ("--outcome", "Pain", "--time", "ETP")
    assert run("import", {"results.csv": RESULTS}, *given)[0] == 0
    assert table(folder, "selection") == []
    code, told = run("selection")
    assert code == 0, told
    counts = {row["box"]: int(row["count"]) for row in table(folder, "selection")}
    assert counts == {
        "records_identified": 4, "records_databases": 4, "duplicates_removed": 1,
        "records_screened": 3, "records_excluded": 1, "reports_sought": 2,
        "reports_not_retrieved": 0, "reports_assessed": 2, "reports_excluded": 1,
        "reports_included": 1, "studies_included": 1, "database-a": 3, "database-b": 1,
        "reason-no-pain": 1,
    }  # fmt: skip
    al.plots.prisma(al.load_review(folder / "data").selection)


def test_a_later_search_keeps_every_decision(
    folder: Path, run: Callable[..., tuple[int, str]]
) -> None:
    test_the_flow_is_counted_when_everything_is_decided(folder, run)
    later = A.replace("Chairs in", "Tables in").replace("10.1000/a", "10.1000/A")
    assert run("import", {"later.ris": later}, "--search", "2")[0] == 0
    assert answers(folder)[:3] == [
        ("include", "include"), ("exclude", "unclear"), ("exclude", "exclude")
    ]  # fmt: skip
    assert "selection.csv counts 4 in 'records_identified', but now it is 7" in run("check")[1]
    code, told = run("selection")
    assert (code, "1 record of screening.csv without an answer" in told) == (1, True), told
    assert [row["decision"] for row in table(folder, "search/full_text")] == ["include", "Exclude"]


@pytest.mark.slow
def test_counting_again_leaves_nothing_stale(
    folder: Path, run: Callable[..., tuple[int, str]]
) -> None:
    """A reason that is called otherwise now is one box, and a label of a person stays."""
    test_the_flow_is_counted_when_everything_is_decided(folder, run)
    boxes = table(folder, "selection")
    labels = {"database-a": "MEDLINE by Ovid", "reason-no-pain": "No pain"}
    boxes = [row | {"label": labels.get(row["box"], row["label"])} for row in boxes]
    own = {"box": "previous_studies", "label": "Before", "count": "1", "source": "the paper"}
    write(folder, "selection", [*boxes, boxes[0] | {"parent": ""} | own])
    reports = table(folder, "search/full_text")
    reports[1]["reason"] = "Not in pain"
    write(folder, "search/full_text", reports)
    code, told = run("selection")
    assert code == 0, told
    found = {row["box"]: (row["label"], row["count"]) for row in table(folder, "selection")}
    assert found["database-a"] == ("MEDLINE by Ovid", "3")
    assert found["reason-not-in-pain"] == ("Not in pain", "1")
    assert "reason-no-pain" not in found
    assert (found["previous_studies"], found["new_studies"][1]) == (("Before", "1"), "0")
    al.plots.prisma(al.load_review(folder / "data").selection)


@pytest.mark.few
@pytest.mark.parametrize("count", ["2", "-1", "some"])
def test_previous_studies_that_cannot_be_are_refused(
    folder: Path, run: Callable[..., tuple[int, str]], count: str
) -> None:
    test_the_flow_is_counted_when_everything_is_decided(folder, run)
    boxes = table(folder, "selection")
    own = {"box": "previous_studies", "count": count, "source": "the paper", "parent": ""}
    write(folder, "selection", [boxes[0] | own, *boxes])
    code, told = run("selection")
    assert (code, "selection.csv, row 2, column count" in told) == (1, True), told
    assert "previous studies, but trials.csv has 1 in all" in told


def test_a_judged_report_never_vanishes(folder: Path, run: Callable[..., tuple[int, str]]) -> None:
    test_the_flow_is_counted_when_everything_is_decided(folder, run)
    rows = table(folder, "search/screening")
    rows[1]["settled"] = "No"
    write(folder, "search/screening", rows)
    code, told = run("selection")
    assert (code, "record 2 has a decision (Exclude), but is a duplicate or" in told) == (1, True)


@pytest.mark.parametrize("name", ["screening", "full_text"])
def test_an_empty_row_of_a_spreadsheet_is_named(
    folder: Path, run: Callable[..., tuple[int, str]], name: str
) -> None:
    test_the_flow_is_counted_when_everything_is_decided(folder, run)
    rows = table(folder, f"search/{name}")
    write(folder, f"search/{name}", [*rows, dict.fromkeys(rows[0], "")])
    code, told = run("selection")
    assert (code, f"{name}.csv, row {len(rows) + 2}, column record: an empty row" in told) == (
        1, True
    )  # fmt: skip
