"""Do sheets of rates, clusters, cross-over trials and other forms of effects reach the review?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typed_reviews import typed

import analysis_lib as al
from analysis_lib.__main__ import main

Bring = Callable[..., tuple[int, Path]]
EXACT = 1e-12


@pytest.fixture
def bring(tmp_path: Path) -> Bring:
    def import_sheet(measure: str, sheet: str, *options: str) -> tuple[int, Path]:
        folder = typed(tmp_path / "review", measure).parent
        file = tmp_path / "sheet.csv"
        file.write_text(sheet, encoding="utf-8")
        told = ("--outcome", "y", "--time", "w8", *options)
        return main(["import", str(file), "--to", str(folder), *told]), folder

    return import_sheet


def test_rates_by_arm(bring: Bring) -> None:
    _, folder = bring("IRR", "Study,x1i,t1i,x2i,t2i\nAasa 2015,9,413,19,398\n")
    effects = al.load_review(folder / "data").analysis("y", "w8")
    assert effects.effect[0] == pytest.approx(-0.784210, abs=1e-6)
    assert list(effects.table[[*effects.counts]].loc[0]) == [9, 413, 19, 398]


def test_more_events_than_people_are_rates(bring: Bring) -> None:
    head = "Study,events1,n1,person time 1,events2,n2,person time 2"
    code, folder = bring("IRR", f"{head}\nAasa 2015,30,20,413,19,20,398\n")
    assert code == 0
    assert al.load_review(folder / "data").analysis("y", "w8").k == 1


def test_clusters_pairs_and_instruments(bring: Bring) -> None:
    head = "Study,n1,mean1,sd1,n2,mean2,sd2,ICC,Cluster size,Paired correlation,Scale,High is good"
    rows = ["A 2001,40,30,9,40,22,9,0.05,11,,SF-36,yes", "B 2002,20,3,2,20,4,2.1,,,0.5,RMDQ,no"]
    _, folder = bring("SMD", "\n".join([head, *rows, ""]))
    effects = al.load_review(folder / "data").analysis("y", "w8")
    clusters, pairs = effects.remarks
    assert "1 + (11 − 1) × 0.05 = 1.50" in clusters[1]
    assert "SF-36 counts the other way" in clusters[1]
    assert "a correlation of 0.5 between the two treatments" in pairs[1]
    assert list(effects.table["instrument"]) == ["SF-36", "RMDQ"]


def test_an_effect_may_come_with_its_exact_p_value(bring: Bring) -> None:
    _, folder = bring("HR", "Study,HR,p value\nA 2001,0.7,0.03\n")
    effects = al.load_review(folder / "data").analysis("y", "w8")
    expected = al.generic_effect(0.7, p_value=0.03, log=True)
    assert effects.effect[0] == pytest.approx(expected.effect[0], rel=EXACT)
    assert effects.variance[0] == pytest.approx(expected.variance[0], rel=EXACT)


def test_an_interval_may_have_a_level_and_degrees_of_freedom(bring: Bring) -> None:
    _, folder = bring("MD", "Study,MD,lower,upper,level,df\nA 2001,0.7,0.1,1.3,90,38\n")
    effects = al.load_review(folder / "data").analysis("y", "w8")
    expected = al.generic_effect(0.7, ci=(0.1, 1.3), level=0.9, df=38)
    assert effects.variance[0] == pytest.approx(expected.variance[0], rel=EXACT)


@pytest.mark.parametrize(
    ("measure", "sheet", "words"),
    [
        ("HR", "Study,HR,p\nA 2001,0.7,<0.05\n", "row 2, column p: '<0.05' is not a number"),
        ("HR", "Study,HR,p\nA 2001,0.7,1.2\n", "column p: 1.2 does not lie between 0 and 1"),
        (
            "IRR",
            "Study,x1i,t1i,x2i,t2i\nA 2001,9,0,1,5\n",
            "column t1i: 0 is not greater than zero",
        ),
        (
            "SMD",
            "Study,n1,mean1,sd1,n2,mean2,sd2,high is good\nA 2001,9,3,2,9,4,2,perhaps\n",
            "column high is good: 'perhaps' is neither yes nor no",
        ),
    ],
)
def test_what_cannot_be_is_named(
    bring: Bring, capsys: pytest.CaptureFixture[str], measure: str, sheet: str, words: str
) -> None:
    code, _ = bring(measure, sheet)
    assert code == 1
    assert words in capsys.readouterr().err


def test_adjusted_effects_are_told(bring: Bring) -> None:
    _, folder = bring("MD", "Study,MD,SE,Score type\nA 2001,-0.7,0.3,ANCOVA\nB 2002,-0.5,0.3,\n")
    effects = al.load_review(folder / "data").analysis("y", "w8")
    assert effects.remarks == [("A 2001", "adjusted for baseline")]


def test_a_single_group_is_one_row_an_arm(bring: Bring) -> None:
    rows = ["A 2001,all,experimental,40,0.3", "B 2002,all,experimental,50,0.1"]
    sheet = "\n".join(["Study,Arm,Side,n,Correlation", *rows, ""])
    _, folder = bring("correlation", sheet)
    effects = al.load_review(folder / "data").analysis("y", "w8")
    assert effects.effect == pytest.approx(al.correlation([0.3, 0.1], [40, 50]).effect, rel=EXACT)
