"""Meta-regression on the moderators that a review declares, told and drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis_lib import plots
from analysis_lib.base import formatting as fmt
from analysis_lib.base.checks import FloatArray
from analysis_lib.base.measures import RATIO_MEASURES
from analysis_lib.book.page import show_figure, show_table
from analysis_lib.book.sections.analyses import axis_unit, heading, or_say_why
from analysis_lib.pooling.permuted_moderators import PermutedModerators, permuted_moderators
from analysis_lib.pooling.regression import (
    FEWEST_A_MODERATOR,
    MetaRegression,
    indicators,
    meta_regression,
)
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.model import Review
from analysis_lib.review.moderators import Moderator, moderators_of
from analysis_lib.review.possible import pooled_analyses


def regression_on(
    review: Review, effects: StudyEffects, moderators: Sequence[Moderator]
) -> tuple[MetaRegression, dict[str, list[str]]]:
    """Regress the effects of an analysis on moderators, numbers and categories.

    Returns
    -------
    MetaRegression
        Of the comparisons of which every moderator is stated.
    dict of str to list of str
        The names of the coefficients of each moderator.

    Raises
    ------
    ReviewError
        As `analysis_lib.meta_regression`.
    """
    effects.check_independent()
    stated = np.all([m.stated.notna().to_numpy() for m in moderators], axis=0)
    columns: dict[str, FloatArray] = {}
    terms: dict[str, list[str]] = {}
    for moderator in moderators:
        more = _columns(moderator, stated)
        columns |= more
        terms[moderator.name] = list(more)
    fit = meta_regression(
        effects.effect[stated],
        effects.variance[stated],
        columns,
        labels=[label for label, here in zip(effects.labels, stated, strict=True) if here],
        **effects.methods,
    )
    return fit, terms


def _columns(moderator: Moderator, stated: npt.NDArray[np.bool_]) -> dict[str, FloatArray]:
    if moderator.is_number:
        return {moderator.name: moderator.numbers[stated]}
    return indicators(moderator.label, moderator.stated[stated].tolist())


def show_moderators(review: Review) -> None:
    """Show every primary analysis over each declared number, and over all moderators at once."""
    for effects in pooled_analyses(review, "primary"):
        moderators = list(moderators_of(review, effects))
        for moderator in moderators:
            if moderator.is_number:
                _show_one(review, effects, moderator)
        if len(moderators) > 1:
            _show_together(review, effects, moderators)


def _show_one(review: Review, effects: StudyEffects, moderator: Moderator) -> None:
    title = f"{heading(review, effects)}, by {moderator.label}"
    with or_say_why(f"{title}, the regression,"):
        fit, terms = regression_on(review, effects, [moderator])
        ax = plots.bubbles(
            fit,
            moderator=moderator.name,
            measure=effects.measure,
            unit=axis_unit(review, effects.outcome),
            title=title,
        )
        show_figure(ax, _name("bubbles", effects, moderator.label))
        _show_table(review, effects, fit, terms, title)


def _show_together(review: Review, effects: StudyEffects, moderators: Sequence[Moderator]) -> None:
    title = f"{heading(review, effects)}, by all moderators at once"
    with or_say_why(f"{title}, the regression,"):
        fit, terms = regression_on(review, effects, moderators)
        _show_table(review, effects, fit, terms, title)


def _show_table(
    review: Review,
    effects: StudyEffects,
    fit: MetaRegression,
    terms: dict[str, list[str]],
    title: str,
) -> None:
    draws = review.info.moderators.permutations
    permuted = None if draws is None else permuted_moderators(fit, terms, draws=draws)
    show_table(
        regression_table(fit, terms, effects.measure, permuted),
        f"Meta-regression: {title}",
        note=regression_note(fit, len(terms), effects.k, effects.measure, permuted),
    )


def regression_table(
    fit: MetaRegression,
    terms: dict[str, list[str]],
    measure: str,
    permuted: PermutedModerators | None = None,
) -> pd.DataFrame:
    """Return a row a coefficient, and the test of each moderator as a whole, as text."""
    rows = []
    for term, names in terms.items():
        _, degrees, p = fit.test_of(names)
        whole = f"{fmt.p_value(p)}, {degrees[0]} df" if len(names) > 1 else fmt.p_value(p)
        for name in names:
            i = fit.names.index(name)
            slope, ends = float(fit.coefficients[i]), (float(fit.ci[i, 0]), float(fit.ci[i, 1]))
            told = (
                fmt.effect_estimate(slope, ends, measure)
                if measure in RATIO_MEASURES
                else fmt.estimate(slope, ends, 3)
            )
            row = {"Coefficient": name, "Change": told, "Test of the moderator": whole}
            rows.append(row)
            if permuted is not None:
                row["Permutation test"] = fmt.p_value(permuted.p_values[term])
    return pd.DataFrame(rows)


def regression_note(
    fit: MetaRegression,
    moderators: int,
    k: int,
    measure: str,
    permuted: PermutedModerators | None = None,
) -> str:
    """Say what a coefficient is, what is left unexplained, and what makes it doubtful."""
    what = "ratio of ratios" if measure in RATIO_MEASURES else "difference of effects"
    told = [
        f"Change: {what} for one unit more of a number, or for a category against the one that "
        f"comes first in the alphabet ({fmt.percent(fit.level)} CI).",
        f"{fmt.plural(fit.k, 'comparison')}; residual τ² {fmt.number(fit.tau2)}, "
        f"R² {fmt.percent(fit.r2)}.",
    ]
    if permuted is not None:
        which = "all" if permuted.exact else "randomly drawn"
        told.append(
            f"Permutation test: how often trials that are given each other's moderators, in {which}"
            f" {fmt.plural(permuted.orders, 'order')}, look as much related as these."
        )
    if fit.k < k:
        told.append(f"Of {fmt.plural(k - fit.k, 'comparison')} a moderator is not stated.")
    if fit.k < FEWEST_A_MODERATOR * moderators:
        told.append(
            f"Caution: fewer than {FEWEST_A_MODERATOR} comparisons a moderator; such a regression "
            "often finds what is not there."
        )
    return " ".join(told)


def _name(what: str, effects: StudyEffects, label: str) -> str:
    words = "".join(c if c.isalnum() else "-" for c in label)
    return f"fig-{what}-{effects.outcome}-{effects.follow_up}-{words}".lower()
