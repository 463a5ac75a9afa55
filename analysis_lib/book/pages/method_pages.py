"""The page on the choice of method: what every choice says, what is fixed and what hangs on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes

from analysis_lib import plots
from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError, attempt
from analysis_lib.book.page import Prose, Table, prose, show_made, table_csv
from analysis_lib.book.sections.analyses import axis_unit, directions, heading, question
from analysis_lib.book.sections.over_sets import NOT_KNOWN, titled
from analysis_lib.conclusions import ranges
from analysis_lib.conclusions.method_choice import (
    FAMILIES,
    PRIORS,
    SETS,
    method_choice_ranges,
    method_choices,
    people_sd,
)
from analysis_lib.conclusions.stability import draws
from analysis_lib.pooling.bayesian import bayes_pool
from analysis_lib.pooling.dependent_effects import MultilevelEffect
from analysis_lib.printed.audit.rows import MAIN
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.dependence import ARMS_ARE, treat_shared_arms
from analysis_lib.review.info import TREATMENTS
from analysis_lib.review.model import Review
from analysis_lib.review.possible import pooled_analyses

#: An analysis, and the answer of every choice.
Answers = list[tuple[StudyEffects, pd.DataFrame]]
OF_CHOICES = (
    "Of {n} choices of method, {clear} have an interval on one side of no difference: {sides}. The "
    "estimates run from {low} to {high}."
)
OF_SETS = (
    "Of {n} choices of method, {clear} have an interval on one side of no difference in 95% of the "
    "sets of effects or more, {open} in some of them, and {rest} in 5% or fewer. The median "
    "estimates run from {low} to {high}. All of these numbers are reconstructed."
)
OF_ALL = (
    "In {same} of {n} analyses of this review every method gives the same answer, as far as the "
    "print fixes it, to the question whether the interval lies on one side of no difference; in "
    "{hang} the answer hangs on the method: {which}. These answers rest on reconstructed effects."
)


def answers(review: Review) -> Answers:
    """Return every analysis of several effects with what each choice of method says of it."""
    several = (effects for effects in pooled_analyses(review) if effects.k > 1)
    return [(effects, of_choices(review, effects)) for effects in several]


def of_choices(review: Review, effects: StudyEffects) -> pd.DataFrame:
    """Return what each choice says, over the sets where effects are reconstructed.

    The shares ``above`` and ``below`` are those of sets, or 1 and 0 where everything is reported.
    """
    lower = question(review, effects.outcome).lower_is_better
    if effects.reconstructed.any():
        return method_choice_ranges(draws(review, effects), lower_is_better=lower)
    found = method_choices(effects, lower_is_better=lower)
    return found.assign(
        above=(found["ci_low"] > 0).astype(float),
        below=(found["ci_high"] < 0).astype(float),
        sets=found["estimate"].notna().astype(int),
    )


def verdicts(table: pd.DataFrame) -> list[str]:
    """Return of every computed choice the side on which its interval lies, none, or not known.

    Examples
    --------
    >>> verdicts(pd.DataFrame({"above": [0.0, 0.0, 0.0], "below": [1.0, 0.0, 0.5], "sets": 25}))
    ['below', 'neither', 'not known']
    """
    shares = table.loc[table["sets"] > 0, ["above", "below"]].to_numpy(dtype=float)
    return [_verdict(above, below) for above, below in shares.tolist()]


def _verdict(above: float, below: float) -> str:
    for name, share in (("above", above), ("below", below)):
        if ranges.holds(share):
            return name
    return "neither" if ranges.holds(above + below) is False else NOT_KNOWN


def choice_words(review: Review, effects: StudyEffects, table: pd.DataFrame) -> Prose:
    """Say in a sentence or two how far the answer of one analysis hangs on the method."""
    asked, found = question(review, effects.outcome), verdicts(table)
    sides = {"below": asked.better_arm(-1.0), "above": asked.better_arm(1.0)}
    counts = {side: found.count(side) for side in sides}
    favoured = [f"{fmt.count(n)} favour {sides[side]}" for side, n in counts.items() if n]
    ends = (table["estimate"].min(), table["estimate"].max())
    return prose(
        OF_SETS if effects.reconstructed.any() else OF_CHOICES,
        n=fmt.count(len(found)),
        clear=fmt.count(sum(counts.values())),
        sides=fmt.listing(favoured) or "none favours either",
        open=fmt.count(found.count(NOT_KNOWN)),
        rest=fmt.count(found.count("neither")),
        low=fmt.effect(ends[0], effects.measure),
        high=fmt.effect(ends[1], effects.measure),
    )


def lead(review: Review, found: Answers) -> Prose:
    """Say of how many analyses the answer hangs on the method."""
    hang = [heading(review, effects) for effects, table in found if len(set(verdicts(table))) > 1]
    return prose(
        OF_ALL,
        n=fmt.count(len(found)),
        same=fmt.count(len(found) - len(hang)),
        hang=fmt.count(len(hang)),
        which="; ".join(fmt.inside_sentence(name) for name in hang) or "none",
    )


@dataclass(frozen=True, slots=True)
class ShortTable:
    """A table that a page shows in short, and whose file has all of its columns."""

    short: Table
    full: pd.DataFrame

    @property
    def name(self) -> str:
        """An anchor for links to the table."""
        return self.short.name

    def html(self) -> Markup:
        """Return what the page shows."""
        return self.short.html()

    def csv(self) -> str:
        """Return the whole table as a file."""
        return table_csv(self.full)


def show_families(review: Review, found: Answers) -> None:
    """Show what is printed of every analysis and how far its answer hangs on the method.

    The file to download has a column for each family of methods; see `families_table`.
    """
    rows = []
    for effects, table in found:
        told = _family(table, effects.measure)
        estimates, _, clear = told.partition("; ")
        rows.append(
            {
                "Analysis": heading(review, effects),
                "Printed": _printed(effects),
                "Estimates": estimates,
                "Intervals on one side": clear,
            }
        )
    note = (
        "Printed: estimate and 95% interval of the review. All else is computed from reconstructed "
        f"effects, {SETS} sets of them. The download tells each family of methods by itself."
    )
    caption = "What all methods together make of this review, reconstructed"
    short = Table(pd.DataFrame(rows), caption, "tab-choices-review", note)
    show_made(ShortTable(short, families_table(review, found)))


def families_table(review: Review, found: Answers) -> pd.DataFrame:
    """Return what is printed of every analysis, and what each family of methods makes of it."""
    rows = []
    for effects, table in found:
        row = {"Analysis": heading(review, effects), "Printed": _printed(effects)}
        by_family = dict(list(table.groupby("family")))
        row |= {name: _family(by_family.get(name), effects.measure) for name in FAMILIES}
        rows.append(row)
    return pd.DataFrame(rows)


def _printed(effects: StudyEffects) -> str:
    rows = effects.printed
    rows = rows[rows["kind"].isin(MAIN)]
    if rows.empty:
        return "nothing"
    row = rows.iloc[0]
    told = f"{row['estimate']} ({row['ci_low']} to {row['ci_high']})"
    return told.replace("-", fmt.MINUS)


def _family(table: pd.DataFrame | None, measure: str) -> str:
    """Return the range of a family's estimates, and how many intervals lie on one side."""
    if table is None:
        return "no arm is shared"
    if not (table["sets"] > 0).any():
        return "not computed: too few effects"
    found = verdicts(table)
    clear = sum(side in ("above", "below") for side in found)
    low, high = (float(table["estimate"].min()), float(table["estimate"].max()))
    same = fmt.effect(low, measure) == fmt.effect(high, measure)
    ends = fmt.effect(low, measure) if same else fmt.effect_interval((low, high), measure)
    unknown = found.count(NOT_KNOWN)
    told = f"{ends}; {clear or 'none'} of {len(found)}"
    return f"{told}, {unknown} {NOT_KNOWN}" if unknown else told


def draw_choices(review: Review, effects: StudyEffects, table: pd.DataFrame) -> Axes:
    """Draw every choice of one analysis; hollow, and over the sets, where it is reconstructed."""
    asked = question(review, effects.outcome)
    favours = directions(asked)
    if not effects.reconstructed.any():
        title = f"{heading(review, effects)}, by every choice of method"
        return plots.method_choices(
            table, title=title, measure=effects.measure, unit=asked.unit, favours=favours
        )
    known = table[table["sets"] > 0]
    rows = known.assign(
        label=known["choice"].where(known["family"].isin(FAMILIES[3:]), _with_arms(known)),
        told=[
            f"{ranges.told(ends, effects.measure)}, {_says(verdict)}"
            for ends, verdict in zip(
                ranges.ends_of(known, "estimate"), verdicts(known), strict=True
            )
        ],
    )
    title = titled(review, effects, "every choice of method")
    unit = axis_unit(review, effects.outcome)
    return plots.ranges_over_sets(
        rows,
        title=title,
        heading="Method",
        measure=effects.measure,
        unit=unit,
        favours=favours,
    )


def _with_arms(known: pd.DataFrame) -> pd.Series:
    return known["treatment"].map(ARMS_ARE) + ": " + known["choice"]


def _says(verdict: str) -> str:
    told = {"neither": "CI on both sides", NOT_KNOWN: "CI: not known"}
    return told.get(verdict, "CI on one side")


def treatments_table(effects: StudyEffects) -> pd.DataFrame:
    """Return the same analysis with shared arms split, combined and modelled, as text."""
    return pd.DataFrame(_treatment_row(effects, choice) for choice in TREATMENTS)


def _treatment_row(effects: StudyEffects, choice: str) -> dict[str, str]:
    treated = treat_shared_arms(effects, choice)  # type: ignore[arg-type]  # of the three
    fit = treated.pool()
    digits = fmt.tau2_digits(effects.measure)
    told = fmt.number(None if isinstance(fit, MultilevelEffect) else fit.tau2, digits)
    if isinstance(fit, MultilevelEffect):
        between, within = (fmt.number(value, digits) for value in fit.sigma2)
        told = f"{between} between trials, {within} within"
    return {
        "Shared arms": ARMS_ARE[treated.choice],
        "Effects": fmt.count(treated.k),
        effects.measure: fmt.effect_estimate(fit.estimate, fit.ci, effects.measure),
        "95% PI": fmt.effect_interval(fit.prediction_interval, effects.measure),
        "Variance of true effects": told,
    }


def priors_table(effects: StudyEffects, *, trials: int | None = None) -> pd.DataFrame:
    """Return mean, τ and their intervals by prior, and how much of τ's posterior is prior.

    Parameters
    ----------
    effects
        One analysis, whose shared arms are combined.
    trials
        So many of its trials, from the first; all when absent.
    """
    return pd.DataFrame(list(_prior_rows(effects, trials)))


def _prior_rows(effects: StudyEffects, trials: int | None) -> Iterator[dict[str, str]]:
    treated, scale = treat_shared_arms(effects, "combine"), people_sd(effects)
    first = list(dict.fromkeys(treated.trial))[:trials]
    kept = [trial in first for trial in treated.trial]
    y, v = treated.effect[kept], treated.variance[kept]
    for name, size in PRIORS:
        row = {"Prior of τ": f"{name}, {size:g} SD"}
        fit = attempt(bayes_pool, y, v, tau_prior=(name, size * scale))
        if isinstance(fit, ReviewError):
            yield row | {"Mean": f"not computed: {fit}"}
            continue
        yield row | {
            "Mean": fmt.effect_estimate(fit.mean, fit.ci, effects.measure),
            "Above zero": fmt.percent(fit.probability_beyond(0.0), 1),
            "τ (median)": fmt.estimate(fit.tau_median, fit.tau_ci),
            "New setting": fmt.effect_interval(fit.prediction_interval, effects.measure),
            "Prior and posterior of τ overlap": fmt.percent(fit.prior_overlap),
        }
