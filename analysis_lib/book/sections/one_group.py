"""What is measured of one group, told and drawn: a proportion, a rate, a mean, a correlation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from analysis_lib.base import formatting as fmt
from analysis_lib.base.checks import FloatArray
from analysis_lib.base.errors import ReviewError, attempt
from analysis_lib.base.measures import shown
from analysis_lib.book.page import Prose, prose, say, show_figure, show_table
from analysis_lib.book.sections.analyses import (
    axis_unit,
    details,
    heading,
    nothing_to_pool,
)
from analysis_lib.book.sentences import cautions, heterogeneity_sentence, methods_sentence
from analysis_lib.effects.columns import EffectSizes
from analysis_lib.effects.single_groups import (
    back_transformed,
    correlation,
    harmonic_mean,
    proportion,
    rate,
)
from analysis_lib.plots import forest, statement
from analysis_lib.pooling.pooled_effect import PooledEffect, pool
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.model import Review
from analysis_lib.review.possible import analyses, group_analyses

TEXT = "**In plain words.** {meaning}\n\n**Result.** {result}\n\n**Method.** {method}"
#: How else a measure of one group may be pooled; the first is how it is.
TRANSFORMS: dict[str, tuple[Callable[..., EffectSizes], tuple[str, ...]]] = {
    "proportion": (proportion, ("logit", "freeman-tukey", "arcsine")),
    "rate": (rate, ("log", "freeman-tukey", "sqrt")),
    "correlation": (correlation, ("z", "none")),
}
NAMES = {
    "logit": "logit",
    "freeman-tukey": "Freeman and Tukey's double transformation",
    "sqrt": "square root",
    "z": "Fisher's z",
    "none": "none",
}
#: Measures that are numbers without a unit, whatever the outcome's table says.
WITHOUT_UNIT = ("proportion", "correlation")
NO_FUNNEL = (
    "Of one group, {names}: no funnel plot, test of asymmetry or trim-and-fill is shown. Nothing "
    "is compared, so that no side is the one that gets published; and the standard error of a "
    "proportion, a rate or a correlation follows from its own value, which bends a funnel without "
    "any bias."
)
CAUTION = (
    "The way back from Freeman and Tukey's transformation needs one size for all groups (their "
    "harmonic mean) and can mislead where sizes differ widely (Schwarzer and others 2019)."
)


def show_group(review: Review, effects: StudyEffects, name: str) -> None:
    """Show the forest plot of a measure of one group, its text, and other transformations."""
    title = heading(review, effects)
    if not effects.k:
        show_figure(statement(nothing_to_pool(review, effects), title=title), name)
        return
    fit = effects.pool()
    ax = forest(
        fit,
        details=details(review, effects),
        measure=effects.measure,
        unit=unit_of_axis(review, effects),
        arms=review.info.short_names,
        title=title,
    )
    show_figure(ax, name)
    say(group_text(review, effects, fit))
    table = other_transformations(effects)
    if table is not None:
        show_table(
            table,
            f"The same groups on other scales: {title}",
            numeric=["Groups"],
            note=CAUTION if effects.measure != "correlation" else "",
            name=f"scales-{effects.outcome}-{effects.follow_up}".lower(),
        )


def group_text(review: Review, effects: StudyEffects, fit: PooledEffect) -> Prose:
    """Return the paragraphs below the forest plot of a measure of one group."""
    row = review.outcomes.set_index("outcome").loc[effects.outcome]
    label = fmt.inside_sentence(str(row["label"]))
    unit = _unit(row["unit"], effects.measure)
    doubts = cautions(fit, effects.measure)
    after = "\n\n**Caution.** {doubts}" if doubts else ""
    after += "\n\n**Left out.** {unknown}." if effects.unknown else ""
    after += "\n\n**Of another form.** {remarks}." if effects.remarks else ""
    return prose(
        f"{TEXT}{after}",
        meaning=meaning(fit, effects.measure, label, unit),
        result=f"{_result(fit, effects.measure, label, unit)} "
        f"{heterogeneity_sentence(fit, effects.measure)}",
        method=methods_sentence(fit, effects.measure),
        doubts=doubts,
        unknown="; ".join(effects.unknown),
        remarks=". ".join(f"{name}: {told}" for name, told in effects.remarks),
    )


def meaning(fit: PooledEffect, measure: str, label: str, unit: str) -> str:
    """Return what a pooled proportion, rate, mean or correlation says, in words."""
    low, high = (value_words(end, measure) for end in fit.ci)
    value = value_words(fit.estimate, measure)
    where = "In this group" if fit.k == 1 else "On average over the groups"
    texts: dict[str, str] = {
        "proportion": f"{where}, {value} of people had {label} ({low} to {high}).",
        "rate": f"{where}, {label} happened {value} times per unit of person-time ({low} to "
        f"{high}).",
        "mean": f"{where}, the mean of {label} was {value}{unit} ({low} to {high}).",
        "correlation": f"{where}, the correlation of {label} was {value} ({low} to {high}), "
        f"{_side(fit)}.",
    }
    return texts[measure] + _new_group(fit, measure)


def group_answers(review: Review) -> str:
    """Return what the primary outcomes that are measured of one group show; nothing without any."""
    told = []
    for _, _, effects in analyses(review, "primary"):
        if isinstance(effects, StudyEffects) and effects.k and effects.is_of_one_group:
            row = review.outcomes.set_index("outcome").loc[effects.outcome]
            label = fmt.inside_sentence(str(row["label"]))
            unit = _unit(row["unit"], effects.measure)
            told.append(meaning(effects.pool(), effects.measure, label, unit))
    return " ".join(told)


def _unit(unit: object, measure: str) -> str:
    """Return the unit of an outcome after a space; a proportion and a correlation have none."""
    return f" {unit}" if isinstance(unit, str) and measure not in WITHOUT_UNIT else ""


def unit_of_axis(review: Review, effects: StudyEffects) -> str:
    """Return the unit of an axis: nothing for what is a number without one."""
    return "" if effects.measure in WITHOUT_UNIT else axis_unit(review, effects.outcome)


def say_no_funnel(review: Review) -> None:
    """Say of what is measured of one group that no funnel is drawn, and why."""
    names = [heading(review, effects) for effects in group_analyses(review)]
    if names:
        say(NO_FUNNEL, names="; ".join(names))


def value_words(value: float, measure: str) -> str:
    """Return a pooled number as its readers know it; a proportion in per cent."""
    if measure == "proportion":
        return fmt.percent(shown(value, measure), 1)
    return fmt.effect(value, measure)


def _side(fit: PooledEffect) -> str:
    low, high = fit.ci
    if low > 0 or high < 0:
        return f"{'above' if low > 0 else 'below'} zero"
    return "on both sides of none"


def _new_group(fit: PooledEffect, measure: str) -> str:
    limits = fit.prediction_interval
    if fit.k == 1 or fit.tau2_method == "FE" or limits is None:
        return ""
    low, high = (value_words(end, measure) for end in limits)
    return f" In a new, similar group it may lie between {low} and {high}."


def _result(fit: PooledEffect, measure: str, label: str, unit: str) -> str:
    interval = fmt.effect_interval(fit.ci, measure)
    told = f"{fmt.effect(fit.estimate, measure)}{unit} ({fmt.percent(fit.level)} CI {interval})"
    if fit.k == 1:
        return f"In the one group available, the {measure} of {label} was {told}."
    text = f"Across {fmt.plural(fit.k, 'group', spelled=True)}, the pooled {measure} of {label} was"
    limits = fit.prediction_interval
    if fit.tau2_method == "FE" or limits is None:
        return f"{text} {told}."
    ends = fmt.effect_interval(limits, measure)
    return f"{text} {told}; the {fmt.percent(fit.level)} prediction interval runs from {ends}."


def other_transformations(effects: StudyEffects) -> pd.DataFrame | None:
    """Return the groups pooled on each scale that there is for their measure, as text."""
    if effects.measure not in TRANSFORMS:
        return None
    compute, names = TRANSFORMS[effects.measure]
    rows = [_row(effects, compute, name) for name in names]
    return pd.DataFrame(rows)


def _row(
    effects: StudyEffects, compute: Callable[..., EffectSizes], transform: str
) -> dict[str, str]:
    first, sizes = _columns(effects)
    found = attempt(compute, first, sizes, transform=transform)
    fit = (
        found
        if isinstance(found, ReviewError)
        else attempt(pool, found.effect, found.variance, **effects.methods)
    )
    head = f"{fmt.capitalised(effects.measure)} ({fmt.percent(effects.methods.level)} CI)"
    scale = NAMES.get(transform, transform)
    if isinstance(found, ReviewError) or isinstance(fit, ReviewError):
        return {"Scale": scale, "Groups": "", head: f"not computed: {fit}"}
    values = back_transformed([fit.estimate, *fit.ci], found.measure, size=harmonic_mean(sizes))
    digits = fmt.RISK_DIGITS if effects.measure != "correlation" else fmt.DIGITS
    value, low, high = (float(x) for x in values)
    return {
        "Scale": scale,
        "Groups": fmt.count(fit.k),
        head: fmt.estimate(value, (low, high), digits),
    }


def _columns(effects: StudyEffects) -> tuple[FloatArray, FloatArray]:
    """Return what the functions of one group take: events or correlations, and sizes."""
    table = effects.table
    if effects.measure == "correlation":
        return np.tanh(effects.effect), table["n_experimental"].to_numpy(float)
    size = "person_time_experimental" if effects.measure == "rate" else "n_experimental"
    return table["events_experimental"].to_numpy(float), table[size].to_numpy(float)
