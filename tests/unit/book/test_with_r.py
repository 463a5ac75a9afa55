"""Is it told when R computed the analyses, by which version, and where it did not agree?"""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path

import pandas as pd
import pytest
from places import ROOT

from analysis_lib.__main__ import main
from analysis_lib.base.errors import ReviewError
from analysis_lib.book.engine.with_r import compare_with_r
from analysis_lib.book.sections.tables import TABLES
from analysis_lib.book.sections.with_r import FILE, comparison_told
from analysis_lib.review.model import load_review

DAY = datetime.date(2026, 3, 1)
EXAMPLE = ROOT / "examples" / "hazard_ratios"
#: Stands for R: says what a script of it would find.
FOUND = """#!/bin/sh
printf 'analysis,verdict,r,metafor\\nhazard whole,as in metafor,4.2.2,3.8.1\\n' > agreement.csv
printf 'logrank whole,{verdict},4.2.2,3.8.1\\n' >> agreement.csv
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of an example of which R has computed nothing yet."""
    made = tmp_path / "review"
    shutil.copytree(EXAMPLE, made, ignore=shutil.ignore_patterns("_build", "tables"))
    return made


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a script in the place of R."""
    program = tmp_path / "bin" / "Rscript"
    program.parent.mkdir()
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_that_it_never_happened_is_said(folder: Path) -> None:
    told = TABLES["with-r"](load_review(folder / "data"))
    assert told == (
        "R has not computed the analyses of this review yet (python -m analysis_lib with-r)."
    )


def test_what_was_found_is_recorded_and_told_until_the_data_change(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, FOUND.format(verdict="metafor has no such interval"))
    review = load_review(folder / "data")
    told, agrees = compare_with_r(review, DAY)
    assert agrees
    assert told == comparison_told(review)
    assert told == (
        "On 2026-03-01, R 4.2.2 with metafor 3.8.1 computed 1 of 2 analyses as here. "
        "1 could not be compared: metafor has no such interval."
    )
    settings = folder / "data" / "review.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace('title = "', 'title = "A ', 1))
    changed = comparison_told(load_review(folder / "data"))
    assert changed == f"{told} The data of the review have changed since."


def test_a_difference_is_told_by_name_and_exit_code(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    stand_in(tmp_path, monkeypatch, FOUND.format(verdict="DIFFERS"))
    assert main(["with-r", str(folder)]) == 1
    assert "1 of 2 analyses as here. Not as here: logrank whole." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("#!/bin/sh\necho there is no package called metafor >&2; exit 1\n", "no package metafor"),
        ("#!/bin/sh\necho Error in rma >&2; exit 1\n", "could not compute.*: Error in rma"),
    ],
)
def test_an_r_that_cannot_is_a_sentence(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, told: str
) -> None:
    stand_in(tmp_path, monkeypatch, script)
    with pytest.raises(ReviewError, match=told):
        compare_with_r(load_review(folder / "data"), DAY)
    assert not (folder / FILE).exists()


def test_a_missing_r_is_a_sentence(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["with-r", str(folder)]) == 1
    assert "Rscript is not installed" in capsys.readouterr().err


def test_a_record_that_nobody_wrote_is_refused(folder: Path) -> None:
    (folder / FILE).parent.mkdir(parents=True)
    (folder / FILE).write_text("day,r\n2026-03-01,4\n")
    with pytest.raises(ReviewError, match="needs the columns day, r, metafor"):
        comparison_told(load_review(folder / "data"))


EXAMPLES = ("hazard_ratios", "hydroxychloroquine", "rosiglitazone", "spinal_manipulation")


@pytest.mark.parametrize("place", [".", *(f"examples/{name}" for name in EXAMPLES)])
def test_what_is_recorded_here_agrees(place: str) -> None:
    rows = pd.read_csv(ROOT / place / FILE)
    assert set(rows["verdict"]) == {"as in metafor"}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_r_itself_agrees(folder: Path) -> None:
    told, agrees = compare_with_r(load_review(folder / "data"), DAY)
    assert agrees
    assert "computed 2 of 2 analyses as here." in told
