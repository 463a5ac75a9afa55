"""Every number that a review prints, beside the same number recomputed.

Agreement means something only where our number does not come from the printed one. A result that
rests on reported effects agrees *independently*; one that rests on reconstructed effects, which
were computed to agree, agrees *in a circle*. The two are never mixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from analysis_lib.base.errors import ReviewError, attempt
from analysis_lib.base.measures import shown, shown_interval
from analysis_lib.pooling.asymmetry import EggerTest, egger_test
from analysis_lib.pooling.pooled_effect import PooledEffect
from analysis_lib.pooling.subgroups import subgroup_analysis
from analysis_lib.printed.intervals import Interval, read_printed
from analysis_lib.review.comparisons import StudyEffects, study_effects
from analysis_lib.review.model import Review
from analysis_lib.review.subgroups import levels_by_factor

INDEPENDENT, CIRCULAR, NOT_RECOMPUTED = "independent", "circular", "not recomputed"
REPEATS = ("abstract", "discussion")
SINGLE_EFFECTS = (
    "the test needs the effect of each trial, and these are reconstructed: other sets that agree "
    "with the print give other values"
)
MODELLED = "comparisons that share an arm are modelled together, and it takes them as independent"


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What we find for one printed result, by the name of its column in ``published``."""

    numbers: Mapping[str, float]
    basis: str
    reason: str = ""


def compare_with_published(review: Review) -> pd.DataFrame:
    """Put every printed number beside ours.

    Parameters
    ----------
    review
        A review that was loaded.

    Returns
    -------
    pandas.DataFrame
        One row a printed number: ``id``, ``outcome``, ``follow_up``, ``kind``, ``place``,
        ``quantity``, ``printed`` (as text), ``recomputed``, ``difference``, ``inside_rounding``
        (true, false, or absent where nothing was recomputed), ``basis`` (``independent``,
        ``circular`` or ``not recomputed``) and ``reason`` (why nothing was).

    Notes
    -----
    A number agrees inside rounding if it lies between the two values that its last printed digit
    allows; ``p < 0.001`` allows every smaller one. I2 is printed in per cent, and compared so.
    """
    rows = [
        row
        for (_, printed), (_, numbers) in zip(
            review.printed.iterrows(), review.published.iterrows(), strict=True
        )
        for row in _compare_result(review, printed, numbers)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


COLUMNS = [
    *("id", "outcome", "follow_up", "kind", "place", "quantity", "printed"),
    *("recomputed", "difference", "inside_rounding", "basis", "reason"),
]
QUANTITIES = (
    "estimate",
    "ci_low",
    "ci_high",
    "p",
    "pi_low",
    "pi_high",
    "i2",
    "tau2",
    "q",
    "df",
    "statistic",
    "trials",
    "comparisons",
    "participants",
)


def _compare_result(
    review: Review, printed: pd.Series, numbers: pd.Series
) -> Iterator[dict[str, object]]:
    ours = attempt(_recompute, review, numbers)
    if isinstance(ours, ReviewError):
        ours = Recomputed({}, NOT_RECOMPUTED, str(ours))
    for quantity in QUANTITIES:
        text = printed[quantity]
        if pd.isna(text):
            continue
        row = {
            **{c: printed[c] for c in ("id", "outcome", "follow_up", "kind", "place")},
            "quantity": quantity,
            "printed": f"< {text}" if quantity == "p" and printed["p_relation"] == "<" else text,
        }
        yield row | _verdict(ours, quantity, str(text), str(printed["p_relation"]))


def _verdict(ours: Recomputed, quantity: str, text: str, relation: str) -> dict[str, object]:
    value = ours.numbers.get(quantity)
    if value is None:
        reason = ours.reason or "our analysis has no such number"
        nothing = {"recomputed": None, "difference": None, "inside_rounding": pd.NA}
        return {**nothing, "basis": NOT_RECOMPUTED, "reason": reason}
    allowed = read_printed(text, quantity)
    if quantity == "p" and relation == "<":
        allowed = Interval(0.0, allowed.middle)
    return {
        "recomputed": value,
        "difference": value - float(text),
        "inside_rounding": allowed.contains(value),
        "basis": ours.basis,
        "reason": "",
    }


def _recompute(review: Review, result: pd.Series) -> Recomputed:
    """Recompute one printed result by its kind."""
    effects = study_effects(review, str(result["outcome"]), str(result["follow_up"]))
    if not effects.k:
        return Recomputed({}, NOT_RECOMPUTED, "no effect is known")
    if result["kind"] in ("subgroup", "bias") and effects.covariance is not None:
        return Recomputed({}, NOT_RECOMPUTED, MODELLED)
    basis = CIRCULAR if effects.reconstructed.any() else INDEPENDENT
    if result["kind"] == "subgroup":
        return _recompute_subgroups(review, effects, str(result["factor"]), basis)
    if result["kind"] == "bias":
        if basis == CIRCULAR:
            return Recomputed({}, NOT_RECOMPUTED, SINGLE_EFFECTS)
        return Recomputed(_egger_values(egger_test(effects.effect, effects.variance)), basis)
    if not pd.isna(result["without"]):
        left_out = [trial.strip() for trial in str(result["without"]).split(";")]
        if not set(left_out) <= set(effects.table["trial"]):
            return Recomputed({}, NOT_RECOMPUTED, "a trial left out is not in our analysis")
        effects = effects.without(*left_out)
    return Recomputed(_pooled_values(effects.pool(), effects), basis)


def _recompute_subgroups(
    review: Review, effects: StudyEffects, factor: str, basis: str
) -> Recomputed:
    levels = levels_by_factor(review, effects)
    if factor not in levels:
        return Recomputed({}, NOT_RECOMPUTED, "which trial is in which subgroup is not stated")
    found = subgroup_analysis(effects.effect, effects.variance, levels[factor], **effects.methods)
    values = {"q": found.q_between, "df": float(found.df), "p": found.p_value}
    return Recomputed({k: v for k, v in values.items() if v is not None}, basis)


def _egger_values(found: EggerTest) -> dict[str, float]:
    return {"estimate": found.intercept, "statistic": found.statistic, "p": found.p_value}


def _pooled_values(fit: PooledEffect, effects: StudyEffects) -> dict[str, float]:
    ci = shown_interval(fit.ci, effects.measure)  # a review prints ratios
    pi = fit.prediction_interval and shown_interval(fit.prediction_interval, effects.measure)
    found = {
        "estimate": shown(fit.estimate, effects.measure),
        "ci_low": ci[0],
        "ci_high": ci[1],
        "p": fit.p_value,
        "pi_low": pi and pi[0],
        "pi_high": pi and pi[1],
        "i2": None if fit.i2 is None else 100 * fit.i2,
        "tau2": fit.tau2,
        "q": fit.q,
        "trials": float(effects.table["trial"].nunique()),
        "comparisons": float(effects.k),
        "participants": effects.participants,
    }
    return {name: float(value) for name, value in found.items() if value is not None}
