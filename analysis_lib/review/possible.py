"""Which analyses of a review can be had, and why another cannot.

``check`` and every page of a book ask here, so that none promises what another cannot show.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis_lib.base.errors import ReviewError, attempt
from analysis_lib.review.comparisons import StudyEffects, study_effects
from analysis_lib.review.model import Review


def analyses(
    review: Review, priority: str | None = None
) -> Iterator[tuple[str, str, StudyEffects | ReviewError]]:
    """Return every outcome and follow-up with its effects, or with why there can be none.

    Parameters
    ----------
    review
        A review that was loaded.
    priority
        ``primary`` or ``secondary`` outcomes only; all by default.

    Yields
    ------
    outcome, follow_up, found
        The effects are pooled by the review's own methods on the way: what comes out without an
        error can be shown.
    """
    for outcome in review.outcomes.itertuples():
        if priority is not None and outcome.priority != priority:
            continue
        for follow_up in review.follow_ups["follow_up"]:
            name, time = str(outcome.outcome), str(follow_up)
            yield name, time, attempt(_poolable, review, name, time)


def _poolable(review: Review, outcome: str, follow_up: str) -> StudyEffects:
    """Return the effects of an analysis, or stop as pooling them would."""
    with np.errstate(all="ignore"):  # a number that is not finite is refused by its name
        effects = study_effects(review, outcome, follow_up)
        if effects.k:
            effects.pool()
    return effects


def pooled_analyses(review: Review, priority: str | None = None) -> Iterator[StudyEffects]:
    """Return the effects of every outcome and follow-up that has any, in the review's order.

    What is measured of one group compares nothing and is not among them. An analysis that cannot
    be computed is left out; `analyses` says why, and so does ``check``.
    """
    return (found for found in _known(review, priority) if not found.is_of_one_group)


def group_analyses(review: Review, priority: str | None = None) -> Iterator[StudyEffects]:
    """Return, in the same order, the analyses of what is measured of one group."""
    return (found for found in _known(review, priority) if found.is_of_one_group)


def _known(review: Review, priority: str | None) -> Iterator[StudyEffects]:
    for _, _, found in analyses(review, priority):
        if isinstance(found, StudyEffects) and found.k:
            yield found
