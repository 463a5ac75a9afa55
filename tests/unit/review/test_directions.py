"""Is a trial that may count in the other direction asked about, and none where none stands out?"""

from __future__ import annotations

import pandas as pd
import pytest

from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.directions import odd_one_out

CLEAR, UNCLEAR = 0.04, 4.0  # of an effect of 1: the 95 % interval is +-0.39, or +-3.9


def analysis(*effects: tuple[str, float, float], measure: str = "SMD") -> StudyEffects:
    table = pd.DataFrame(effects, columns=["trial", "effect", "variance"])
    return StudyEffects("function", "w8", measure, table, ())


@pytest.mark.parametrize(
    ("effects", "odd"),
    [
        ((("a", -1, CLEAR), ("b", 1, CLEAR), ("c", -1, CLEAR)), "b"),
        ((("a", 1, CLEAR), ("b", -1, CLEAR), ("c", 1, CLEAR), ("d", -1, UNCLEAR)), "b"),
        ((("a", -1, CLEAR), ("b", 1, CLEAR)), None),  # of two neither is odd
        ((("a", -1, CLEAR), ("b", 1, UNCLEAR), ("c", -1, CLEAR)), None),
        ((("a", -1, CLEAR), ("b", 1, CLEAR), ("c", -1, UNCLEAR)), None),
        ((("a", -1, CLEAR), ("b", 1, CLEAR), ("c", -1, CLEAR), ("d", 1, CLEAR)), None),
        ((("a", -1, CLEAR), ("a", -1, CLEAR), ("b", 1, CLEAR)), None),  # two arms of one trial
        ((("a", -1, CLEAR), ("b", 1, CLEAR), ("b", -1, CLEAR), ("c", -1, CLEAR)), None),
        ((("a", -1, CLEAR), ("b", 1, CLEAR), ("b", 1, CLEAR), ("c", -1, CLEAR)), "b"),
        ((), None),
    ],
)
def test_one_trial_against_two_or_more_is_odd(
    effects: tuple[tuple[str, float, float], ...], odd: str | None
) -> None:
    assert odd_one_out(analysis(*effects)) == odd
    turned = [(trial, -effect, variance) for trial, effect, variance in effects]
    assert odd_one_out(analysis(*turned)) == odd


def test_the_interval_of_a_clear_effect_excludes_no_difference() -> None:
    others = (("a", -1.0, CLEAR), ("c", -1.0, CLEAR))
    for effect, odd in ((1.9599, None), (1.96, "b")):  # the quantile is 1.95996
        assert odd_one_out(analysis(*others, ("b", effect, 1.0))) == odd


def test_other_measures_are_in_one_unit() -> None:
    effects = (("a", -1, CLEAR), ("b", 1, CLEAR), ("c", -1, CLEAR))
    assert odd_one_out(analysis(*effects, measure="MD")) is None
