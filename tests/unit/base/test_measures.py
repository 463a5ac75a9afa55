"""Is a ratio pooled as a logarithm and shown as a ratio, everywhere by the same rule?"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

from analysis_lib.base import measures
from analysis_lib.base.errors import ReviewError
from analysis_lib.review import schemas

# exp and log are correct to the last digit or two, and log may lose as many near 1.
SAME = 1e-12
RATIOS = sorted(measures.RATIO_MEASURES - set(measures.GROUP_MEASURES))

quick = examples(100)


def test_every_measure_of_the_tables_has_words_and_a_kind() -> None:
    binary = set(schemas.BINARY_MEASURES)
    assert {*schemas.MEASURES, *binary} <= set(measures.MEASURE_WORDS)
    assert binary <= measures.EVENT_MEASURES
    assert set(measures.MEASURE_WORDS) >= measures.EVENT_MEASURES
    for measure, words in measures.MEASURE_WORDS.items():
        assert ("ratio" in words.split()) is (measure in measures.RATIO_MEASURES)


@pytest.mark.parametrize("measure", RATIOS)
@quick
@given(value=st.floats(-300, 300))
def test_pooled_undoes_shown_and_the_other_arm_sees_the_inverse(measure: str, value: float) -> None:
    ratio = measures.shown(value, measure)
    assert ratio > 0
    assert measures.pooled(ratio, measure) == pytest.approx(value, rel=SAME, abs=SAME)
    assert measures.shown(-value, measure) == pytest.approx(1 / ratio, rel=SAME)


@pytest.mark.parametrize("measure", ["MD", "SMD", "RD", "points"])
def test_differences_are_shown_as_they_are_pooled(measure: str) -> None:
    for value in (-1.5, 0.0, 2.0):
        assert measures.shown(value, measure) == measures.pooled(value, measure) == value
    assert measures.no_difference(measure) == 0
    assert measures.margin(1.5, measure) == 1.5


@pytest.mark.parametrize("measure", RATIOS)
def test_no_difference_between_ratios_is_one_and_extremes_do_not_crash(measure: str) -> None:
    assert measures.no_difference(measure) == 1
    assert measures.shown(1e6, measure) == math.inf
    assert measures.shown(-1e6, measure) == 0
    assert measures.pooled(0.0, measure) == -math.inf  # a limit that is printed as 0.00
    with pytest.raises(ReviewError, match=f"{measure}: a ratio cannot be negative, got -0.5"):
        measures.pooled(-0.5, measure)


@quick
@given(mid=st.floats(0.01, 100).filter(lambda mid: abs(mid - 1) > 1e-6))
def test_a_mid_and_its_inverse_mean_the_same_band(mid: float) -> None:
    low, high = measures.band(mid, "RR")
    assert low < 1 < high
    assert low * high == pytest.approx(1, rel=SAME)
    assert measures.band(1 / mid, "RR") == pytest.approx((low, high), rel=SAME)
    assert mid == pytest.approx(low if mid < 1 else high, rel=SAME)


def test_080_and_125_are_the_very_same_margin() -> None:
    assert measures.margin(0.8, "RR") == measures.margin(1.25, "RR")
    assert measures.pooled(0.8, "RR") == -measures.margin(1.25, "RR")


@pytest.mark.parametrize(
    ("mid", "measure", "says"),
    [
        (0.0, "MD", "mid must be greater than zero, got 0.0"),
        (-0.8, "RR", "mid must be greater than zero, got -0.8"),
        (math.inf, "MD", "mid must be greater than zero, got inf"),
        (1.0, "OR", "OR = 1 is no difference; give a ratio such as 0.8 or 1.25"),
    ],
)
def test_what_is_no_size_of_a_difference_is_refused(mid: float, measure: str, says: str) -> None:
    with pytest.raises(ReviewError, match=says):
        measures.margin(mid, measure)
