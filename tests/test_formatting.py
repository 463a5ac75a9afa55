"""Does every number become the same text wherever it is printed?"""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib import formatting as fmt


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (-0.4963, 2, "−0.50"),
        (0.4963, 2, "0.50"),
        (-0.004, 2, "0.00"),
        (-0.0, 0, "0"),
        (12.0, 0, "12"),
        (math.inf, 2, "∞"),
        (-math.inf, 2, "−∞"),
        (None, 2, "not estimable"),
        (math.nan, 2, "not estimable"),
        (100.0, 1, "100.0"),
    ],
)
def test_number(value: float | None, digits: int, expected: str) -> None:
    assert fmt.number(value, digits) == expected


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_a_printed_number_reads_back_within_half_a_digit(value: float, digits: int) -> None:
    read = float(fmt.number(value, digits).replace(fmt.MINUS, "-"))
    # half a unit of the last digit, and the spacing of doubles at 1e6
    assert abs(read - value) <= 0.5 * 10**-digits + 1e-9
    assert "-" not in fmt.number(value, digits)


@pytest.mark.parametrize(
    ("p", "text", "cell"),
    [
        (0.38, "p = 0.38", "0.38"),
        (0.0223, "p = 0.022", "0.022"),
        (0.0996, "p = 0.100", "0.100"),
        (0.04951, "p = 0.050", "0.050"),
        (0.0009999, "p < 0.001", "<0.001"),
        (0.0, "p < 0.001", "<0.001"),
        (0.999, "p > 0.99", ">0.99"),
        (1.0, "p > 0.99", ">0.99"),
        (None, "p not estimable", "not estimable"),
        (math.nan, "p not estimable", "not estimable"),
    ],
)
def test_p_values(p: float | None, text: str, cell: str) -> None:
    assert fmt.p_value(p) == text
    assert fmt.p_cell(p) == cell


def test_absent_p_can_be_left_empty() -> None:
    assert fmt.p_value(None, absent="") == ""


def test_intervals_and_estimates() -> None:
    assert fmt.estimate(-0.5, (-0.92, -0.08)) == "−0.50 (−0.92 to −0.08)"
    assert fmt.interval((0.0, math.inf)) == "0.00 to ∞"
    assert fmt.interval(None) == "not estimable"
    assert fmt.interval((math.nan, 1.0)) == "not estimable"
    assert fmt.estimate(None, None) == "not estimable"
    assert fmt.estimate(0.5, None, 1) == "0.5 (not estimable)"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (778, "778"),
        (1710, "1710"),
        (12345, "12\u2009345"),
        (6.5, "6.5"),
        (-3, "−3"),
        (27.999999999, "28"),
        (None, "not stated"),
    ],
)
def test_counts(value: float | None, expected: str) -> None:
    assert fmt.count(value) == expected


def test_percent_plural_threshold_listing_sentence() -> None:
    assert (fmt.percent(0.673), fmt.percent(0.673, 1), fmt.percent(None)) == (
        "67%",
        "67.3%",
        "not estimable",
    )
    assert fmt.plural(1, "comparison") == "1 comparison"
    assert fmt.plural(2, "study", "studies", spelled=True) == "two studies"
    assert fmt.plural(13, "trial", spelled=True) == "13 trials"
    assert [fmt.threshold(v) for v in (2.0, 0.25, -1.5, 0.1 + 0.2, 1 / 3)] == [
        "2",
        "0.25",
        "−1.5",
        "0.3",
        "0.3333",
    ]
    assert fmt.threshold(2, least=1) == "2.0"
    assert [fmt.listing(["a", "b", "c"][:n]) for n in range(4)] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert [fmt.sentence(s) for s in ("no studies", "Why?", " ")] == ["No studies.", "Why?", ""]
