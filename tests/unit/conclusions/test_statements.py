"""Does a sentence say no more than the effect, its interval and its certainty allow?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis_lib.base.errors import ReviewError
from analysis_lib.conclusions.certainty import RATINGS
from analysis_lib.conclusions.statements import CERTAINTY_SIGNS, Statement, statement

numbers = st.floats(-10, 10)


def test_the_table_of_patterns() -> None:
    """GRADE's patterns (Santesso 2020), as the prototypes paraphrase them."""
    words = {
        ("less", "greatly", "high"): "Load greatly reduces pain.",
        ("less", "greatly", "moderate"): "Load probably greatly reduces pain.",
        ("less", "greatly", "low"): "Load may greatly reduce pain.",
        ("less", "", "very low"): "Load may reduce pain, but the evidence is very uncertain.",
        ("less", "slightly", "high"): "Load reduces pain slightly.",
        ("less", "slightly", "low"): "Load may reduce pain slightly.",
        ("little", "", "high"): "Load makes little or no difference to pain.",
        ("little", "", "moderate"): "Load probably makes little or no difference to pain.",
        ("little", "", "very low"): "Load may make little or no difference to pain, but the "
        "evidence is very uncertain.",
        ("more", "", ""): "In these trials load increased pain; how certain this is has not been "
        "rated.",
    }
    for parts, sentence in words.items():
        assert Statement(*parts).sentence("load", "pain") == sentence


@pytest.mark.parametrize(
    ("effect", "ci", "options", "direction"),
    [
        (-0.52, (-0.92, -0.08), {"certainty": "very low", "important": 1.5}, "little"),
        (-2.04, (-3.92, -0.16), {"certainty": "very low", "standardised": True}, "less"),
        (-0.40, (-1.00, 0.20), {"certainty": "very low", "standardised": True}, "unknown"),
        (0.06, (-0.16, 0.28), {"certainty": "very low", "standardised": True}, "little"),
        (-0.10, (-1.00, 0.90), {"certainty": "very low", "standardised": True}, "unknown"),
        (-0.09, (-0.88, 0.71), {"certainty": "low"}, "unclear"),
        (0.47, (0.09, 0.85), {"certainty": "moderate"}, "more"),
        (0.47, (0.00, 0.85), {"certainty": "moderate"}, "unclear"),
    ],
)
def test_where_the_interval_lies_decides(effect, ci, options, direction) -> None:  # type: ignore[no-untyped-def]
    assert statement(effect, ci, **options).direction == direction


@pytest.mark.parametrize(
    ("effect", "size"), [(0.2, "slightly"), (0.49, "slightly"), (0.5, ""), (0.8, "greatly")]
)
def test_the_size_of_a_standardised_difference(effect: float, size: str) -> None:
    found = statement(effect, (0.1, 2.0), certainty="low", standardised=True)
    assert (found.direction, found.size) == ("more", size)


@given(numbers, numbers, numbers, st.sampled_from(RATINGS), st.none() | st.floats(0.01, 5))
def test_turning_the_sides_round_turns_the_direction(a, b, c, rating, important) -> None:  # type: ignore[no-untyped-def]
    low, effect, high = sorted((a, b, c))
    one = statement(effect, (low, high), certainty=rating, important=important)
    other = statement(-effect, (-high, -low), certainty=rating, important=important)
    turned = {"more": "less", "less": "more"}
    assert other.direction == turned.get(one.direction, one.direction)
    if one.direction in turned:
        assert low > 0 or high < 0
    if rating == "very low":
        assert not one.size
        assert "very uncertain" in one.phrase()
        assert "very uncertain" in one.sentence("x", "y")


def test_a_rating_is_one_of_four() -> None:
    assert CERTAINTY_SIGNS["very low"] == "⊕⊝⊝⊝"
    assert CERTAINTY_SIGNS["high"] == "⊕⊕⊕⊕"
    with pytest.raises(ReviewError, match="certainty must be one of very low"):
        statement(0.1, (0.0, 0.2), certainty="so-so")
