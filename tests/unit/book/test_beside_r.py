"""Are the numbers of the page on the second review those of R, in their places?"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from places import GOLDEN, ROOT

import analysis_lib as al
from analysis_lib.book.pages import beside_r
from analysis_lib.review.shared_arms import SharedArm, comparisons_of

IN_R = json.loads((GOLDEN / "rubinstein2019.json").read_text(encoding="utf-8"))["results"]
# R looks for the tau2 of Paule and Mandel with its default tolerance; the worst number here is the
# end of a prediction interval, 1.4e-5 off (tests/unit/book/test_second_review.py says why).
R_DEFAULT = 1e-4


@pytest.fixture(scope="module")
def pooled() -> pd.DataFrame:
    review = al.load_review(ROOT / "examples" / "spinal_manipulation" / "data")
    effects = al.study_effects(review, "pain", "listed")
    return beside_r.pooled_beside_r(comparisons_of(review, effects), IN_R)


def test_every_line_is_the_same_in_r(pooled: pd.DataFrame) -> None:
    assert len(pooled) == 2 * 4 * 3
    assert not pooled.duplicated(["measure", "method"]).any()
    for row in pooled.itertuples():
        assert row.here == pytest.approx(row.R, abs=R_DEFAULT), row.method
    decimals = beside_r.equal_decimals(pooled["here"].explode(), pooled["R"].explode())
    assert decimals >= 4


def test_numbers_stand_under_their_headings(pooled: pd.DataFrame) -> None:
    row = pooled.iloc[[0]].assign(
        here=[np.array([-3.18, -7.7, 1.34, -24.9, 18.53, 98.7654321])],
        R=[np.array([1.0, 2, 3, 4, 5, 6])],
    )
    table = beside_r.beside_r_table(row).iloc[0]
    assert table["Method"] == "REML, Wald"
    assert table["Here"] == "−3.1800 (−7.7000 to 1.3400)"
    assert table["95 % PI, here"] == "−24.900 to 18.530"
    assert table["τ², here"] == "98.7654"
    assert table[["R", "95 % PI, R", "τ², R"]].tolist() == [
        "1.0000 (2.0000 to 3.0000)",
        "4.000 to 5.000",
        "6.0000",
    ]
    assert table["measure"] == "Mean difference (points)"
    smd = beside_r.beside_r_table(pooled[pooled["measure"] == "SMD"])["measure"]
    assert set(smd) == {"Standardised mean difference"}


@pytest.mark.parametrize(("off", "decimals"), [(0.02, 1), (0.0009, 3), (1e-12, 9), (0.0, 9)])
def test_the_worst_number_decides_on_the_decimals(off: float, decimals: int) -> None:
    assert beside_r.equal_decimals([1.0, 2.0], [1.0, 2.0 + off]) == decimals


def test_a_shared_arm_is_named_by_its_side() -> None:
    arms = [
        SharedArm("kell", 1, 9, 4.0, 1.5, None, ("Kell a", "Kell b"), (0, 1)),
        SharedArm("aasa", 2, 35, 3.0, 2.0, None, ("Aasa a", "Aasa b"), (2, 3)),
    ]
    table = beside_r.shared_arms_table(arms, ("manipulation", "comparison"))
    assert table.iloc[0].tolist() == ["Kell a and Kell b", "manipulation", "9", "4.00 (1.50)"]
    assert table.iloc[1, 1] == "comparison"


def test_each_choice_is_a_row() -> None:
    fits = {name: al.pool([-1.0, 1.0, 0.5], [v] * 3) for name, v in (("a", 0.5), ("b", 5.0))}
    table = beside_r.choices_table(fits)
    assert table["Choice"].tolist() == ["a", "b"]
    assert table["Comparisons"].tolist() == ["3", "3"]
    assert table["τ²"].tolist()[1] == "0.0"


def test_tests_of_bias_have_six_decimals_and_counts_none() -> None:
    effect, variance = [0.1, 0.3, 0.35, 0.65, 0.45], [0.01, 0.04, 0.02, 0.08, 0.06]
    egger, begg = al.egger_test(effect, variance), al.begg_test(effect, variance)
    filled = al.trim_and_fill(effect, variance)
    table = beside_r.bias_table(egger, begg, filled, IN_R["MD"]).set_index("Quantity")
    assert table.loc["Egger's test, t", "Here"] == f"{egger.statistic:.6f}".replace("-", "−")
    assert table.loc["Trim and fill, studies filled in", "Here"] == str(filled.k0)
    assert table.loc["Trim and fill, studies filled in", "R"] == "6"
    assert table.loc["Trim and fill, upper limit", "Here"] == f"{filled.fit.ci[1]:.6f}".replace(
        "-", "−"
    )


def test_the_lowest_effects_are_named() -> None:
    told = beside_r.most_extreme([0.5, -2.04, -3.1], ["A", "B", "C"], 2)
    assert told == "C (−3.1) and B (−2.0)"
