"""Is an estimate found that is not in the middle of its interval, and none that rounding moved?"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis_lib.effects.lopsided import off_centre

Z = 1.959963984540054


@given(effect=st.floats(-3, 3), se=st.floats(0.05, 2), digits=st.integers(1, 4), log=st.booleans())
def test_what_is_printed_of_a_symmetric_interval_is_never_told(
    effect: float, se: float, digits: int, log: bool
) -> None:
    numbers = [effect, effect - Z * se, effect + Z * se]
    printed = [round(math.exp(x) if log else x, digits) for x in numbers]
    assert off_centre(*printed, log=log) is None


@pytest.mark.parametrize(
    ("numbers", "log", "middle"),
    [
        ((2.0, 1.0, 3.0), True, math.sqrt(3)),  # even as a difference, not as a ratio
        ((0.85, 0.30, 0.90), True, math.sqrt(0.27)),
        ((5.0, 1.0, 6.0), False, 3.5),
        ((1.30, 1.02, 16.6), True, math.sqrt(1.02 * 16.6)),  # 1.66, mistyped
    ],
)
def test_an_estimate_elsewhere_is_told_with_the_middle(
    numbers: tuple[float, float, float], log: bool, middle: float
) -> None:
    assert off_centre(*numbers, log=log) == pytest.approx(middle)


def test_no_interval_and_no_ratio_are_not_judged() -> None:
    assert off_centre(1, 1, 1, log=False) is None
    assert off_centre(1, 0, 2, log=True) is None
