"""The subgroups that a review forms of its trials, from data alone."""

from __future__ import annotations

from collections.abc import Sequence

from analysis_lib.review.arm_names import TOGETHER
from analysis_lib.review.baseline import NOT_STATED, Factor, read_factors
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.instruments import HIGH, SEVERITY
from analysis_lib.review.model import Review
from analysis_lib.review.moderators import levels_of_moderators
from analysis_lib.review.risk_of_bias import overall_judgements

RISK_LEVELS = ("high risk", "not rated high")


def overall_risk(review: Review, effects: StudyEffects) -> list[str]:
    """Return the overall risk of bias of each comparison, in the order of the effects."""
    overall = overall_judgements(
        review.risk_of_bias,
        outcome=effects.outcome,
        trials=list(review.trials["trial"]),
        **review.info.risk_of_bias,
    )
    return [str(overall[trial]) for trial in effects.table["trial"]]


def high_risk_or_not(review: Review, effects: StudyEffects) -> list[str]:
    """Return for each comparison whether its trial is rated at high risk of bias overall."""
    high, other = RISK_LEVELS
    return [high if SEVERITY[risk] == HIGH else other for risk in overall_risk(review, effects)]


def level_order(review: Review, factor: str) -> list[str]:
    """Return the levels of a factor in the order of ``subgroup_levels.csv``, then ``not stated``.

    Examples
    --------
    >>> from analysis_lib import load_review
    >>> level_order(load_review("data"), "baseline pain intensity")
    ['low', 'acceptable', 'high', 'not stated']
    """
    declared = review.moderators[review.moderators["label"] == factor]
    for row in declared.itertuples():  # a moderator: its words in the order of the alphabet
        words = getattr(review, str(row.table))[str(row.moderator)]
        return [*sorted(words.dropna().unique()), NOT_STATED]
    rows = review.subgroup_levels
    return [*rows.loc[rows["factor"] == factor, "level"].astype(str), NOT_STATED]


def levels_by_factor(review: Review, effects: StudyEffects) -> dict[str, list[str]]:
    """Return the level of each experimental arm by every factor of the review.

    Factors are those of ``subgroup_levels.csv``, and the categories of ``moderators.csv``.

    Parameters
    ----------
    review
        A review that was loaded.
    effects
        The comparisons of one analysis.

    Returns
    -------
    dict of str to list of str
        For each factor, in the order of the file, one level a comparison; ``not stated`` where the
        arm has no value. Empty for a review that names no factor.

    Raises
    ------
    ReviewError
        For a value on the border of two levels or outside all of them.

    Examples
    --------
    >>> from analysis_lib import load_review, study_effects
    >>> review = load_review("data")
    >>> levels_by_factor(review, study_effects(review, "endurance", "PW"))
    {'baseline pain intensity': ['acceptable']}
    """
    factors = review.kept(
        "factors", lambda: read_factors(review.subgroup_levels, review.arms, review.arm_results)
    )
    arms = list(zip(effects.table["trial"], effects.table["experimental_arm"], strict=True))
    levels = {name: _of_arms(factor, arms) for name, factor in factors.items()}
    return levels | levels_of_moderators(review, effects)


def _of_arms(factor: Factor, arms: Sequence[tuple[str, str]]) -> list[str]:
    """Return the level of each arm; of arms that became one, that of all of them."""
    found = []
    for trial, arm in arms:
        levels = set(factor.of_arms((trial, part) for part in arm.split(TOGETHER)))
        found.append(levels.pop() if len(levels) == 1 else NOT_STATED)
    return found
