"""What is somebody told who imports before the review is described, and does the way then work?"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from analysis_lib.__main__ import main
from analysis_lib.review.schemas import header, usual_tables

SHEET = """Study,Outcome,Time,n1,mean1,sd1,n2,mean2,sd2
Aasa 2015,Pain,Post,35,3.1,1.2,36,4,1.5
Bell 2016,Pain,Post,30,3.2,1.2,33,4.2,1.4
Cole 2017,Disability,Post,30,3.2,1.2,33,4.2,1.4
"""


@pytest.fixture
def new(tmp_path: Path) -> Path:
    assert main(["new", str(tmp_path / "mine")]) == 0
    return tmp_path / "mine"


def describe(folder: Path, name: str, *rows: dict[str, str]) -> None:
    with (folder / "data" / f"{name}.csv").open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header(name), restval="")
        writer.writerows({**row, "provenance": "reported", "source": "x"} for row in rows)


def test_results_first_then_what_is_told(new: Path, tmp_path: Path, capsys: Any) -> None:
    sheet = tmp_path / "results.csv"
    sheet.write_text(SHEET)
    command = ["import", str(sheet), "--to", str(new)]
    before = {file: file.read_bytes() for file in (new / "data").iterdir()}
    assert main(command) == 1
    told = capsys.readouterr().err
    assert told.startswith("3 problems")  # two outcomes and a follow-up, each once
    assert "row 4: outcome 'Disability' is not in outcomes.csv (it has none)" in told
    assert "in a row that begins with disability" in told
    assert {file: file.read_bytes() for file in (new / "data").iterdir()} == before

    assert main(["check", str(new)]) == 1
    told = capsys.readouterr().err
    for word in ("outcomes.csv, a row an outcome", "follow_ups.csv, a row", "import SHEET --to"):
        assert word in told
    assert main(["build", str(new)]) == 1
    assert capsys.readouterr().err == f"{told}Nothing was built.\n"
    outcome = {"priority": "primary", "measure": "MD", "unit": "points", "instruments": "VAS",
               "lower_is_better": "yes"}  # fmt: skip
    describe(new, "outcomes", *({"outcome": name.lower(), "label": name, **outcome}
                                for name in ("Pain", "Disability")))  # fmt: skip
    assert main(["check", str(new)]) == 1
    told = capsys.readouterr().err
    assert ("outcomes.csv, a row an outcome" in told, "follow_ups.csv, a row" in told) == (0, 1)
    describe(new, "follow_ups", {"follow_up": "post", "label": "Post", "definition": "After"})
    assert main(command) == 0, capsys.readouterr().err
    assert main(["check", str(new)]) == 0
    assert "Can be pooled: Pain, post, 2 comparisons." in capsys.readouterr().out


@pytest.mark.parametrize("name", usual_tables())
def test_a_table_of_a_review_needs_no_import(
    new: Path, tmp_path: Path, capsys: Any, name: str
) -> None:
    own = tmp_path / "any name.csv"
    own.write_text(",".join(header(name)) + "\n")
    assert main(["import", str(own), "--to", str(new)]) == 1
    told = capsys.readouterr().err
    assert f"any name.csv: the table {name} of a review is not imported" in told
    assert str(Path("data", f"{name}.csv")) in told


def test_judgements_first(new: Path, tmp_path: Path, capsys: Any) -> None:
    sheet = tmp_path / "rob.csv"
    sheet.write_text("Study,D1,D2,D3,D4,D5,Overall\nAasa 2015,Low,Low,Low,Low,Low,Low\n")
    assert main(["import", str(sheet), "--to", str(new)]) == 1
    assert "'Aasa 2015' is not in trials.csv (it has none); import its results first" in (
        capsys.readouterr().err
    )
