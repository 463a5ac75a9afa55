"""Is the agreement of two people who screened what it should be, and who disagrees told?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing import screening_agreement

fuzz = examples(150)

# Rounding only.
SAME = 1e-12
# A numerical derivative with a step of 1e-6 is right to about that.
DERIVATIVE = 1e-6

YES_NO = (20, 5, 10, 15)  # both yes, only the first, only the second, neither


def answers(counts: tuple[int, int, int, int]) -> tuple[list[str], list[str]]:
    pairs = [("yes", "yes"), ("yes", "no"), ("no", "yes"), ("no", "no")]
    both = [pair for pair, n in zip(pairs, counts, strict=True) for _ in range(n)]
    return [a for a, _ in both], [b for _, b in both]


def test_kappa_by_hand() -> None:
    """Observed 35/50; by chance 25/50 x 30/50 + 25/50 x 20/50 = 0.5; so 0.2 / 0.5."""
    found = screening_agreement(*answers(YES_NO))
    assert found.observed == pytest.approx(0.7, rel=SAME)
    assert found.expected == pytest.approx(0.5, rel=SAME)
    assert found.kappa == pytest.approx(0.4, rel=SAME)
    assert len(found.disagreements) == 15
    assert found.disagreements[0] == "record 21"


def test_the_standard_error_is_that_of_the_delta_method() -> None:
    """Derivatives of kappa taken numerically, multinomial covariance: an independent way."""

    def kappa(p: np.ndarray) -> float:
        table = p.reshape(2, 2)
        expected = table.sum(axis=1) @ table.sum(axis=0)
        return float((np.trace(table) - expected) / (1 - expected))

    shares = np.array(YES_NO) / sum(YES_NO)
    step = 1e-6
    slope = np.array(
        [(kappa(shares + step * e) - kappa(shares - step * e)) / (2 * step) for e in np.eye(4)]
    )
    variance = (shares @ slope**2 - (shares @ slope) ** 2) / sum(YES_NO)
    found = screening_agreement(*answers(YES_NO))
    assert found.se == pytest.approx(math.sqrt(variance), rel=DERIVATIVE)
    assert found.ci is not None
    assert found.ci[0] < found.kappa < found.ci[1]


def test_capitals_and_spaces_are_no_disagreement() -> None:
    found = screening_agreement(["Include", "exclude ", " MAYBE"], ["include", "Exclude", "maybe"])
    assert (found.kappa, found.disagreements) == (1.0, ())


def test_full_agreement_and_one_answer_only() -> None:
    full = screening_agreement(["yes", "no"], ["yes", "no"])
    assert (full.kappa, full.se, full.disagreements) == (1.0, pytest.approx(0, abs=1e-7), ())
    nothing = screening_agreement(["no", "no"], ["no", "no"])
    assert (nothing.kappa, nothing.se, nothing.ci) == (None, None, None)
    assert "one and the same answer, kappa cannot be computed" in str(nothing)
    opposed = screening_agreement(["yes", "yes"], ["no", "no"])
    for found, kappa in ((full, "1.00"), (opposed, "0.00")):
        assert f"kappa is {kappa}, and the answers do not vary enough for an" in str(found)


@fuzz
@given(st.tuples(*[st.integers(0, 30)] * 4).filter(lambda c: sum(c) > 0))
def test_kappa_is_the_same_for_both_and_at_most_one(counts: tuple[int, int, int, int]) -> None:
    first, second = answers(counts)
    one, other = screening_agreement(first, second), screening_agreement(second, first)
    assert one.kappa == (None if other.kappa is None else pytest.approx(other.kappa, abs=SAME))
    assert one.kappa is None or -1 - SAME <= one.kappa <= 1 + SAME
    assert one.se is None or one.se >= 0


@pytest.mark.parametrize(
    ("first", "second", "labels", "words"),
    [
        ([], [], None, "0 answers of one and 0 of the other"),
        (["yes"], [], None, "1 answers of one and 0 of the other"),
        (["yes"], [""], ["Aasa"], "Aasa: an answer is missing"),
        (["yes"], [None], ["Aasa"], "Aasa: an answer is missing"),
        (["yes"], ["no"], ["a", "b"], "2 labels for 1 records"),
    ],
)
def test_answers_that_are_missing_are_named(
    first: Any, second: Any, labels: Any, words: str
) -> None:
    with pytest.raises(ReviewError, match=words):
        screening_agreement(first, second, labels=labels)
    with pytest.raises(ReviewError, match="level must lie"):
        screening_agreement(["yes"], ["no"], level=1)


def test_a_decision_is_the_same_however_it_is_spelled() -> None:
    one = ["Include", "no", "1", "maybe", "ＩＮＣＬＵＤＥ", " exclude. ", 0]
    two = ["included", "Exclude", "yes", "unclear", "include", "EXCLUDED", "exclude"]
    found = screening_agreement(one, two)  # type: ignore[arg-type]
    assert (found.disagreements, found.kappa) == ((), pytest.approx(1))


@pytest.mark.parametrize("nothing", ["", " ", "NA", "-", None, float("nan")])
def test_an_answer_that_is_none_is_named(nothing: Any) -> None:
    with pytest.raises(ReviewError, match="Hips: an answer is missing"):
        screening_agreement(["include", nothing], ["include", "include"], labels=["Knees", "Hips"])
