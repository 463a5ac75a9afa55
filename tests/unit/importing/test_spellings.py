"""Are names that differ by an accent, a particle, a hyphen or case asked about, never merged?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import analysis_lib as al
from analysis_lib.__main__ import main
from analysis_lib.importing.texts import sounds

HEAD = "Study,n1,mean1,sd1,n2,mean2,sd2\n"
ROW, OTHER = ",35,3.1,1.2,36,4.0,1.5\n", ",20,5,1,21,6,1\n"
PAIRS = [
    ("Müller 2015", "Muller 2015"),
    ("Müller 2015", "Mueller 2015"),
    ("Sørensen 2015", "Sorensen 2015"),
    ("Smith-Jones 2015", "Smith Jones 2015"),
    ("van der Berg 2015", "Berg 2015"),
    ("Van Den Berg 2015", "van den Berg 2015"),
    ("KELL 2015", "Kell 2015"),
    ("Łukasik 2015", "Lukasik 2015"),
    ("O'Brien 2015", "OBrien 2015"),
    ("José 2015", "Jose 2015"),
]
Bring = Callable[..., tuple[int, str]]


@pytest.fixture
def bring(folder: Path, tmp_path: Path, capsys: Any) -> Bring:
    """Import a sheet of these rows; return the exit code and what was told."""

    def run(*rows: str, head: str = HEAD, name: str = "sheet.csv") -> tuple[int, str]:
        (tmp_path / name).write_text(head + "".join(rows), encoding="utf-8")
        command = ["import", str(tmp_path / name), "--to", str(folder)]
        code = main([*command, "--outcome", "Pain", "--time", "ETP"])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_spellings_in_a_sheet_are_asked_about(bring: Bring, one: str, other: str) -> None:
    code, told = bring(one + ROW, other + OTHER)
    assert code == 1
    assert f"row 3: {other!r} is spelled almost like {one!r} in row 2" in told
    assert "2015a, 2015b" in told


@pytest.mark.few
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_another_spelling_than_that_of_the_review_is_asked_about(
    folder: Path, bring: Bring, one: str, other: str
) -> None:
    assert bring(one + ROW)[0] == 0
    code, told = bring(other + OTHER, name="more.csv")
    assert (code, "is spelled almost like" in told, "in trials.csv" in told) == (1, True, True)
    assert bring(other.replace("2015", "2015a") + OTHER, name="more.csv")[0] == 0
    assert len(al.load_review(folder / "data").trials) == 2


@pytest.mark.slow
def test_two_authors_of_two_years_are_two_trials(folder: Path, bring: Bring) -> None:
    assert bring("Müller 2015" + ROW, "Muller 2017" + OTHER)[0] == 0
    assert len(al.load_review(folder / "data").trials) == 2


def test_accents_stored_in_two_ways_and_spaces_are_one_spelling(bring: Bring) -> None:
    assert bring("Müller  2015" + ROW)[0] == 0
    code, told = bring("Mu\u0308ller 2015" + ROW)
    assert (code, "2 results stood there already" in told) == (0, True), told


def test_effects_are_asked_about_too(bring: Bring) -> None:
    code, told = bring("Müller 2015,1,0.5\n", "Muller 2015,2,0.5\n", head="Study,MD,SE\n")
    assert (code, "'Muller 2015' is spelled almost like 'Müller 2015'" in told) == (1, True)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Li 2015", "Lu 2015"), ("Smith 2015", "Smith 2015a"), ("样 2015", "木 2015")],
)
def test_other_names_are_other_trials(one: str, other: str) -> None:
    assert sounds(one) != sounds(other)
