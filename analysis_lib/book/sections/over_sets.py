"""Robustness of a result whose effects are reconstructed: what is shown is true of all sets.

The same questions as in `analysis_lib.book.sections.robustness`, for effects that are known only
as far as they agree with what is printed. Every number is a median with the range of 95 % of the
sets, and a statement that does not hold in as many is told as not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis_lib import plots
from analysis_lib.base import formatting as fmt
from analysis_lib.base.checks import FloatArray
from analysis_lib.base.errors import ReviewError, attempt
from analysis_lib.book.sections.analyses import axis_unit, directions, heading, question
from analysis_lib.conclusions import ranges
from analysis_lib.conclusions.stability import draws
from analysis_lib.pooling.asymmetry import FEWEST_STUDIES, egger_test
from analysis_lib.pooling.trimming import TrimAndFill, trim_and_fill
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.model import Review

NOT_KNOWN = "not known"
NOTE = (
    "Median and range of 95% of the sets of effects that agree with the print. What does not hold "
    "in 95% of them is not known."
)


def titled(review: Review, effects: StudyEffects, what: str) -> str:
    """Return the title of a picture of reconstructed effects."""
    return f"{heading(review, effects)}: {what}, reconstructed"


def verdict(share: float, yes: str, no: str) -> str:
    """Return what holds in nearly all sets, or that it is not known.

    Examples
    --------
    >>> [verdict(share, "differ", "do not differ") for share in (0.99, 0.01, 0.5)]
    ['differ', 'do not differ', 'not known']
    """
    held = ranges.holds(share)
    return NOT_KNOWN if held is None else yes if held else no


def in_sets(share: float, sets: int) -> str:
    """Return in how many sets a statement holds, as text.

    Examples
    --------
    >>> in_sets(1.0, 200), in_sets(0.985, 200)
    ('all 200', '197 of 200')
    """
    n = round(share * sets)
    return f"all {fmt.count(sets)}" if n == sets else f"{fmt.count(n)} of {fmt.count(sets)}"


# --- leaving out, subgroups, Baujat, subsets ------------------------------------------------------


def draw_left_out(review: Review, effects: StudyEffects) -> Axes:
    """Draw the pooled effect without each trial, over the sets."""
    asked = question(review, effects.outcome)
    table = left_out(review, effects)
    rows = table.assign(
        label=table["left_out"].where(table["left_out"] != "", "all trials in"),
        told=[ranges.told(ends, effects.measure) for ends in ranges.ends_of(table, "estimate")],
    )
    return plots.ranges_over_sets(
        rows,
        title=titled(review, effects, "pooled effect without each trial"),
        heading="Left out",
        measure=effects.measure,
        unit=axis_unit(review, effects.outcome),
        favours=directions(asked),
    )


def left_out(review: Review, effects: StudyEffects) -> pd.DataFrame:
    """Return `analysis_lib.conclusions.ranges.trials_left_out` of an analysis."""
    found = draws(review, effects)
    return ranges.trials_left_out(found, review.trial_names, review.info.methods)


def subgroup_ranges(
    review: Review, effects: StudyEffects, groups: Sequence[str], order: Sequence[str]
) -> ranges.SubgroupRanges:
    """Return the subgroups of an analysis over the sets, in the order of their levels."""
    found = ranges.subgroups(draws(review, effects), groups, review.info.methods)
    table = found.table.set_index("level")
    there = [level for level in order if level in table.index]
    return ranges.SubgroupRanges(table.loc[there].reset_index(), found.differ)


def subgroup_cells(
    review: Review, effects: StudyEffects, groups: Sequence[str], order: Sequence[str]
) -> dict[str, str]:
    """Return what is known of the subgroups of an analysis by one factor, as text."""
    found = subgroup_ranges(review, effects, groups, order)
    levels, told = found.table["level"], _subgroups_told(found, effects.measure)
    counts = [fmt.plural(int(k), "comparison") for k in found.table["k"]]
    sides = [
        ", interval on one side of no difference" if ranges.holds(share) else ""
        for share in found.table["excludes"]
    ]
    told = [" ".join(x) for x in zip(levels, told, strict=True)]
    told = [f"{x}, {n}{side}" for x, n, side in zip(told, counts, sides, strict=True)]
    return {
        "Subgroups": "; ".join(told),
        "Test between": verdict(found.differ, "p below 0.05", "p of 0.05 or more"),
    }


def _subgroups_told(found: ranges.SubgroupRanges, measure: str) -> list[str]:
    """Return the effect of each subgroup; that of one comparison is a range without a middle."""
    return [
        ranges.told(ends, measure)
        if k > 1
        else f"range {fmt.effect_interval((ends[1], ends[2]), measure)}"
        for ends, k in zip(ranges.ends_of(found.table, "estimate"), found.table["k"], strict=True)
    ]


def draw_subgroups(
    review: Review,
    effects: StudyEffects,
    factor: str,
    groups: Sequence[str],
    order: Sequence[str],
) -> Axes:
    """Draw the pooled effect of each subgroup over the sets."""
    found = subgroup_ranges(review, effects, groups, order)
    counts = [fmt.plural(int(k), "comparison") for k in found.table["k"]]
    labels = [
        f"{level}: {count}" for level, count in zip(found.table["level"], counts, strict=True)
    ]
    return plots.ranges_over_sets(
        found.table.assign(label=labels, told=_subgroups_told(found, effects.measure)),
        title=titled(review, effects, f"by {factor}"),
        heading="Subgroup",
        measure=effects.measure,
        unit=axis_unit(review, effects.outcome),
        favours=directions(question(review, effects.outcome)),
    )


def draw_baujat(review: Review, effects: StudyEffects) -> Axes:
    """Draw what each comparison adds to heterogeneity and to the pooled effect, over the sets."""
    table = ranges.pulls(draws(review, effects), effects.methods.tau2_method)
    return plots.baujat_over_sets(table, title=titled(review, effects, "what each comparison adds"))


def draw_subsets(review: Review, effects: StudyEffects, highlight: str) -> Axes:
    """Draw every subset of the comparisons in every set."""
    return plots.subsets_over_sets(
        ranges.subsets(draws(review, effects), highlight),
        highlight=highlight,
        title=titled(review, effects, "every subset of the comparisons"),
        measure=effects.measure,
        unit=axis_unit(review, effects.outcome),
    )


def diagnostics_table(
    review: Review, effects: StudyEffects, columns: Mapping[str, str]
) -> pd.DataFrame:
    """Return the case diagnostics over the sets, as text.

    Parameters
    ----------
    review, effects
        The analysis.
    columns
        The words for each of `analysis_lib.conclusions.ranges.DIAGNOSTICS`.
    """
    found = ranges.diagnostics(draws(review, effects), effects.methods.tau2_method)
    told = {"Comparison": found["label"]}
    for name, words in columns.items():
        told[words] = pd.Series([ranges.told(row) for row in ranges.ends_of(found, name)])
    return pd.DataFrame(told)


def specification_cells(
    review: Review, effects: StudyEffects, exclusions: Sequence[Sequence[str]]
) -> dict[str, str]:
    """Return what the specifications of an analysis say over the sets, as text."""
    found = ranges.specification_ranges(draws(review, effects), exclusions)
    pi = found.pi_excludes
    return {
        "Specifications": fmt.count(found.count),
        "Estimates, 95% of them": fmt.effect_interval(found.estimates, effects.measure),
        "CI on one side of no difference": ranges.told_percent(found.ci_excludes),
        "PI on one side of no difference": (
            fmt.NOT_ESTIMABLE if pi is None else ranges.told_percent(pi)
        ),
    }


# --- asymmetry ------------------------------------------------------------------------------------


def draw_funnel(review: Review, effects: StudyEffects) -> Axes:
    """Draw the funnel of an analysis, each comparison a range of effects and errors."""
    found = draws(review, effects)
    return plots.funnel_over_sets(
        ranges.spread(found.effect),
        ranges.spread(np.sqrt(found.variance)),
        effects.labels,
        centre=effects.pool().estimate,
        title=titled(review, effects, "funnel plot"),
        measure=effects.measure,
        unit=axis_unit(review, effects.outcome),
    )


def asymmetry_cells(review: Review, effects: StudyEffects) -> dict[str, str]:
    """Return Egger's test and trim-and-fill over the sets, as text."""
    if effects.k < FEWEST_STUDIES:
        return {"Egger's test": "too few comparisons"}
    found = draws(review, effects)
    pairs = list(zip(found.effect, found.variance, strict=True))
    answers = [attempt(egger_test, *pair) for pair in pairs]
    tests = [test for test in answers if not isinstance(test, ReviewError)]
    filled = [one for pair in pairs if not isinstance(one := _filled(*pair), ReviewError)]
    few = "" if tests and tests[0].readable else "too few to read: "
    t = ranges.spread(np.array([test.statistic for test in tests]))
    small = float(np.mean([test.p_value < 0.05 for test in tests]))
    p = verdict(small, "p below 0.05", "p of 0.05 or more")
    return {
        "Egger's test": f"{few}t {ranges.told(t)}, {p}",
        "Filled": _filled_text(filled),
        "Effect then": ranges.told(_effects_then(filled), effects.measure),
    }


def _filled(effect: FloatArray, variance: FloatArray) -> TrimAndFill | ReviewError:
    return attempt(trim_and_fill, effect, variance)


def _effects_then(filled: Sequence[TrimAndFill]) -> FloatArray:
    return ranges.spread(np.array([one.fit.estimate for one in filled]))


def _filled_text(filled: Sequence[TrimAndFill]) -> str:
    """Say how many studies are filled in, and on which side, in the middle 95 % of the sets.

    Counts on the left are counted below zero, so that a range can reach to both sides.
    """
    signed = np.array([one.k0 if one.side == "right" else -one.k0 for one in filled])
    _, low, high = np.quantile(signed, ranges.QUANTILES, method="nearest").tolist()
    sides = [f"{-int(low)} on the left"] if low < 0 else []
    sides += [f"{int(high)} on the right"] if high > 0 else []
    if low == high or not sides:
        return sides[0] if sides else "0"
    least = "0" if low <= 0 <= high else str(min(abs(int(low)), abs(int(high))))
    return f"{least} to {' or '.join(sides)}" if least != "0" else f"up to {' or '.join(sides)}"
