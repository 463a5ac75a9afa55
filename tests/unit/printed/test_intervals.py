"""Does an interval hold the numbers that it says, its ends and the dust of floats included?"""

from __future__ import annotations

import pytest

from analysis_lib.base.errors import ReviewError
from analysis_lib.printed.intervals import SLIPS, Interval, one_character_corrections


@pytest.mark.parametrize(
    ("interval", "value", "inside"),
    [
        (Interval(0.0, 1.0), 0.5, True),
        (Interval(0.0, 1.0), -0.5e-9, True),  # a float may miss an end by so much
        (Interval(0.0, 1.0), -1.5e-9, False),
        (Interval(0.0, 1.0), 1 + 0.5e-9, True),
        (Interval(0.0, 1.0), 1 + 1.5e-9, False),
        (Interval(0.0, 1e9), 1e9 + 0.5, True),  # and a large one by its own digits
        (Interval(0.0, 1e9), 1e9 + 2, False),
        (Interval(-1e9, 0.0), -1e9 - 0.5, True),
        (Interval(-1e9, 0.0), -1e9 - 2, False),
    ],
)
def test_what_an_interval_contains(interval: Interval, value: float, inside: bool) -> None:
    assert interval.contains(value) is inside


def test_two_printings_allow_what_both_allow() -> None:
    first = Interval(0.1, 0.3)
    assert first.meet(Interval(0.2, 0.4)) == Interval(0.2, 0.3)
    assert first.meet(Interval(0.0, 0.25)) == Interval(0.1, 0.25)
    assert first.meet(Interval(0.3, 0.4)) == Interval(0.3, 0.3)
    assert first.meet(None) is first
    with pytest.raises(ReviewError, match=r"two printings of one number: 0\.35 is above 0\.3$"):
        first.meet(Interval(0.35, 0.4))


def test_arithmetic_takes_the_ends_that_reach_farthest() -> None:
    first, second = Interval(1.0, 2.0), Interval(-3.0, 5.0)
    assert first + second == Interval(-2.0, 7.0)
    assert first - second == Interval(-4.0, 5.0)
    assert first.scaled(-2.0) == Interval(-4.0, -2.0)
    assert first.clipped(1.5) == Interval(1.5, 2.0)
    assert first.clipped(0.0, 0.5) == Interval(0.5, 0.5)
    assert first.middle == 1.5


def test_each_slip_of_one_character_is_taken_back_once() -> None:
    found = list(one_character_corrections("-1.5"))
    texts = [text for _, text in found]
    assert len(set(map(float, texts))) == len(texts)
    by_slip = {slip: {t for i, t in found if SLIPS[i] == slip} for slip in SLIPS}
    assert by_slip["sign"] == {"1.5"}
    assert by_slip["zero left out"] == {"-10.5", "-1.05"}  # 1.50 is no other number, 01.5 no print
    others = {f"-{n}.5" for n in "023456789"} | {f"-1.{n}" for n in "012346789"}
    assert by_slip["digit changed"] == others
    left_out = {f"-{n}1.5" for n in "123456789"} | {f"-1{n}.5" for n in "123456789"}
    assert by_slip["digit left out"] == left_out  # none after the point, where it would be missed
    assert by_slip["digit added"] == set()  # neither 15, nor .5, nor 1.
    assert (4, "0.23") in list(one_character_corrections("0.223"))
    assert list(one_character_corrections("1e-05")) == []
