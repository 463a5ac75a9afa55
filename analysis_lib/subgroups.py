"""The subgroups that a review forms of its trials, from data alone."""

from __future__ import annotations

import pandas as pd

from analysis_lib.errors import ReviewError
from analysis_lib.review import Review
from analysis_lib.risk_of_bias import judgements
from analysis_lib.study_effects import StudyEffects

BASELINE_PAIN = "baseline pain intensity"
NOT_STATED = "not stated"


def overall_risk(review: Review, effects: StudyEffects) -> list[str]:
    """Return the overall risk of bias of each comparison, in the order of the effects."""
    matrix = judgements(
        review.risk_of_bias,
        outcome=effects.outcome,
        trials=list(review.trials["trial"]),
        **review.info.risk_of_bias,
    )
    return [str(matrix.loc[trial, "overall"]) for trial in effects.table["trial"]]


def high_risk_or_not(review: Review, effects: StudyEffects) -> list[str]:
    """Return for each comparison whether its trial is rated at high risk of bias overall."""
    return [
        "high risk" if risk == "high" else "not rated high"
        for risk in overall_risk(review, effects)
    ]


def baseline_levels(
    review: Review, effects: StudyEffects, factor: str = BASELINE_PAIN
) -> list[str]:
    """Return the baseline level of each experimental arm, as ``subgroup_levels`` says.

    Parameters
    ----------
    review
        A review that was loaded.
    effects
        The comparisons of one analysis.
    factor
        A factor of ``subgroup_levels.csv``.

    Returns
    -------
    list of str
        One level a comparison; ``not stated`` where the arm has no value.

    Raises
    ------
    ReviewError
        For an unknown factor, or a value on the border of two levels or outside all of them.
    """
    levels = review.subgroup_levels[review.subgroup_levels["factor"] == factor]
    if levels.empty:
        raise ReviewError(f"factor {factor!r} is not in subgroup_levels.csv")
    arms = review.arms.set_index(["trial", "arm"])
    found = []
    for label, pair in zip(
        effects.labels,
        effects.table[["trial", "experimental_arm"]].itertuples(index=False, name=None),
        strict=True,
    ):
        found.append(_level(levels, arms.loc[pair], label))
    return found


def _level(levels: pd.DataFrame, arm: pd.Series, where: str) -> str:
    column = str(levels["column"].iloc[0])
    name = column.removesuffix("_mean")
    low, high = arm[f"{name}_scale_min"], arm[f"{name}_scale_max"]
    if pd.isna(arm[column]):
        return NOT_STATED
    share = (float(arm[column]) - float(low)) / (float(high) - float(low))
    inside = levels[(levels["low"] <= share) & (share <= levels["high"])]
    if len(inside) != 1:
        raise ReviewError(f"{where}: {column} {arm[column]} lies in {len(inside)} levels, not one")
    return str(inside["level"].iloc[0])
