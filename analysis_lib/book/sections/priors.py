"""How far a Bayesian answer hangs on the prior of tau: a picture, words, and a table."""

from __future__ import annotations

import pandas as pd

from analysis_lib import plots
from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.book.page import Prose, prose, say, show_figure, show_table
from analysis_lib.book.sections.analyses import (
    axis_unit,
    directions,
    heading,
    name_of,
    or_say_why,
    question,
)
from analysis_lib.conclusions.prior_sensitivity import PUBLISHED, prior_sensitivity
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.model import Review

WORDS = (
    "Under {n} priors of τ the mean lies between {low} and {high}, and {clear} of its intervals "
    "lie on one side of no difference. Prior and posterior of τ overlap by {least} to {most}: the "
    "larger the overlap, the more the answer about τ is the prior's own, and not the trials' word. "
    "{published}"
)
NO_PUBLISHED = (
    "No prior from other reviews is shown: those that are published here are for standardised mean "
    "differences and for odds ratios."
)
RECONSTRUCTED = (
    "its effects are reconstructed, and no single set of them is the trials' own; the page on the "
    "choice of method shows the priors over the sets"
)
HEADS = {
    "choice": "Prior of τ",
    "mean": "Mean",
    "tau": "τ",
    "new": "New setting",
    "overlap": "Prior and posterior of τ overlap",
}


def show_priors(review: Review, outcome: str, follow_up: str) -> None:
    """Show one analysis under several priors of tau: the picture, what it says, and the numbers.

    Where that cannot be had, a sentence says why.
    """
    title = f"{name_of(review, outcome, follow_up)}, by the prior of τ"
    with or_say_why(title):
        effects = review.analysis(outcome, follow_up)
        if effects.reconstructed.any():
            raise ReviewError(RECONSTRUCTED)
        found = prior_sensitivity(effects)
        asked = question(review, outcome)
        ax = plots.method_choices(
            found,
            level=effects.methods.level,
            title=f"{heading(review, effects)}, by the prior of τ",
            measure=effects.measure,
            unit=axis_unit(review, outcome),
            favours=directions(asked),
        )
        show_figure(ax, f"fig-priors-{outcome}-{follow_up}".lower())
        say(prior_words(found, effects))
        show_table(
            priors_table(found, effects.measure),
            f"The same comparisons by the prior of τ: {heading(review, effects)}",
            note="Scales in standard deviations of people; mean and τ with their central intervals "
            "(τ: the median). The first row has no prior.",
            name=f"priors-{outcome}-{follow_up}".lower(),
        )


def prior_words(found: pd.DataFrame, effects: StudyEffects) -> Prose:
    """Say how far the mean, its interval and τ hang on the prior."""
    known = found[found["overlap"].notna()]
    clear = int(((known["ci_low"] > 0) | (known["ci_high"] < 0)).sum())
    low, high = (fmt.effect(end, effects.measure) for end in _ends(known["estimate"]))
    least, most = (fmt.percent(end) for end in _ends(known["overlap"]))
    return prose(
        WORDS,
        n=fmt.count(len(known)),
        low=low,
        high=high,
        clear="none" if not clear else fmt.count(clear),
        least=least,
        most=most,
        published="" if effects.measure in PUBLISHED else NO_PUBLISHED,
    )


def _ends(values: pd.Series) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def priors_table(found: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return the answers under every prior as text."""
    rows = []
    for row in found.to_dict("records"):
        if row["why"]:
            rows.append(
                {HEADS["choice"]: row["choice"], HEADS["mean"]: f"not computed: {row['why']}"}
            )
            continue
        ci, tau, new = ((row[f"{name}_low"], row[f"{name}_high"]) for name in ("ci", "tau", "pi"))
        rows.append(
            {
                HEADS["choice"]: row["choice"],
                HEADS["mean"]: fmt.effect_estimate(row["estimate"], ci, measure),
                HEADS["tau"]: fmt.estimate(row["tau"], None if pd.isna(tau[0]) else tau),
                HEADS["new"]: fmt.effect_interval(None if pd.isna(new[0]) else new, measure),
                HEADS["overlap"]: "" if pd.isna(row["overlap"]) else fmt.percent(row["overlap"]),
            }
        )
    return pd.DataFrame(rows).fillna("")
