"""Does every number become the same text wherever it is printed?"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

from analysis_lib.base import formatting as fmt


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


@examples(200)
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


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.4896, "0.49"),
        (1.0, "1.00"),
        (0.01, "0.01"),
        (0.0099, "0.010"),
        (0.0042, "0.004"),
        (0.0009, "<0.001"),
        (0.0, "<0.001"),
        (12.345, "12.35"),
        (340.2, "340"),
        (1000.0, "1000"),
        (1000.1, ">1000"),
        (math.inf, ">1000"),
        (None, "not estimable"),
        (math.nan, "not estimable"),
    ],
)
def test_ratios(value: float | None, expected: str) -> None:
    assert fmt.ratio(value) == expected


def read(text: str) -> float:
    return float(text.strip("<>").replace(fmt.MINUS, "-"))


@examples(200)
@given(st.floats(-12, 12), st.floats(0, 3))
def test_an_effect_on_ratios_is_printed_as_a_ratio_never_as_a_logarithm(
    value: float, more: float
) -> None:
    text = fmt.effect(value, "RR")
    assert fmt.MINUS not in text
    if text[0] not in "<>":
        # half of the last digit: three decimals below 0.01, two below 100, none above
        last = 0.0005 if math.exp(value) < 0.01 else 0.5 if math.exp(value) >= 100 else 0.005
        assert abs(read(text) - math.exp(value)) <= last * (1 + 1e-9)
    assert read(text) <= read(fmt.effect(value + more, "RR"))
    assert fmt.effect(value, "MD") == fmt.number(value)
    assert fmt.effect(value, "RD") == fmt.number(value, 3)


def test_effects_with_their_intervals() -> None:
    limits = (math.log(0.6), math.log(0.94))
    assert fmt.effect_estimate(math.log(0.75), limits, "OR") == "0.75 (0.60 to 0.94)"
    assert fmt.effect_estimate(-0.5, (-0.92, -0.08), "MD") == fmt.estimate(-0.5, (-0.92, -0.08))
    assert fmt.effect_estimate(-0.0471, (-0.101, 0.0077), "RD") == "−0.047 (−0.101 to 0.008)"
    assert fmt.effect_estimate(None, limits, "RR") == "not estimable"
    assert fmt.effect_interval(None, "RR", absent="") == ""
    assert fmt.effect_interval((math.nan, 1.0), "RR") == "not estimable"


def test_the_digits_of_p_change_where_they_are_said_to() -> None:
    below = [math.nextafter(border, 0) for border in (0.1, 0.001)]
    assert [fmt.p_value(p) for p in (0.1, below[0])] == ["p = 0.10", "p = 0.100"]
    assert [fmt.p_value(p) for p in (0.001, below[1])] == ["p = 0.001", "p < 0.001"]
    assert [fmt.p_value(p) for p in (0.99, math.nextafter(0.99, 1))] == ["p = 0.99", "p > 0.99"]


def test_bands_and_ticks() -> None:
    assert [fmt.mid_band(mid, "RR") for mid in (0.8, 1.25)] == ["0.80 to 1.25"] * 2
    assert fmt.mid_band(1.5, "MD") == "±1.5"
    shown = [fmt.tick(v) for v in (1e-5, 0.0001, 0.025, 0.2, 1.0, 5.0, 10000.0, 1e6, 2e6)]
    assert shown == ["10⁻⁵", "0.0001", "0.025", "0.2", "1", "5", "10000", "10⁶", "2e+06"]


def test_a_label_keeps_its_capital_in_a_sentence_only_where_it_has_to() -> None:
    plain = (
        "Pain",
        "Fear-avoidance beliefs",
        "Post-washout",
        "A fall",
        "Pain, at rest",
        "Übelkeit",
    )
    for label in plain:
        assert fmt.inside_sentence(label) == label[0].lower() + label[1:]
    for label in ("ADHD total", "QoL", "T score", "HbA1c", "6-minute walk", "pain", "ADHD-RS", ""):
        assert fmt.inside_sentence(label) == label
