"""What the pages on robustness and reporting bias show of one analysis, in the review's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import pandas as pd

from analysis_lib import plots
from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError, attempt
from analysis_lib.book.page import say, show_figure, show_table
from analysis_lib.book.sections import over_sets, twice
from analysis_lib.book.sections.analyses import (
    axis_unit,
    details,
    directions,
    heading,
    name_of,
    or_say_why,
    question,
)
from analysis_lib.book.sections.one_group import unit_of_axis, value_words
from analysis_lib.conclusions.certainty import TEST_NAMES
from analysis_lib.conclusions.specifications import specifications
from analysis_lib.plots import statement
from analysis_lib.pooling.asymmetry import (
    FEWEST_STUDIES,
    FEWEST_TO_READ,
    EggerTest,
    egger_test,
)
from analysis_lib.pooling.leaving_out import (
    baujat,
    gosh,
    influence,
    influential,
    leave_one_out,
    marked,
)
from analysis_lib.pooling.pooled_effect import PooledEffect
from analysis_lib.pooling.subgroups import SubgroupAnalysis, subgroup_analysis, subgroups_of
from analysis_lib.pooling.trimming import TrimAndFill, trim_and_fill
from analysis_lib.review.comparisons import StudyEffects, study_effects
from analysis_lib.review.found import unmarked
from analysis_lib.review.funnel_tests import asymmetry_test
from analysis_lib.review.model import Review
from analysis_lib.review.possible import pooled_analyses
from analysis_lib.review.subgroups import (
    RISK_LEVELS,
    high_risk_or_not,
    level_order,
    levels_by_factor,
)

RISK_OF_BIAS = "risk of bias"
#: Of two trials the one that is left is a trial, not a pooled result; of more than twenty each is
#: left out of one way to pool, not of all.
FEWEST_LEFT, MOST_LEFT = 3, 20
#: The column that says in how many sets of reconstructed effects a statement holds.
SETS = "Sets that say so"
GROUP_LEFT_OUT = (
    "With all {groups} the pooled {measure} is {value}; without one of them it lies between {low} "
    "and {high}."
)
FITTING, FILLED_TOO = "The test that fits the measure", "Filled, common effect"
ADDED_UP = (
    "Mantel-Haenszel adds up counts and has no funnel of its own: the tests, the funnel and what "
    "is filled are of the trials' own effects, weighted by inverse variance."
)


def subgroups(review: Review, effects: StudyEffects) -> dict[str, list[str]]:
    """Return the subgroup of every comparison by risk of bias and by each factor of the data."""
    return {RISK_OF_BIAS: high_risk_or_not(review, effects), **levels_by_factor(review, effects)}


def subgroup_table(review: Review) -> pd.DataFrame:
    """Return the test between subgroups of every primary analysis by every factor, as text."""
    rows = []
    for effects in pooled_analyses(review, "primary"):
        for factor, groups in subgroups(review, effects).items():
            row = {"Analysis": heading(review, effects), "Factor": factor}
            rows.append(row | _subgroup_cells(review, effects, factor, groups))
    return pd.DataFrame(rows)


def _subgroup_cells(
    review: Review, effects: StudyEffects, factor: str, groups: list[str]
) -> dict[str, str]:
    if len(set(groups)) < 2:
        return {"Subgroups": f"one only: {groups[0]}", "Test between": ""}
    if effects.reconstructed.any():
        return over_sets.subgroup_cells(review, effects, groups, _order(review, factor))
    found = attempt(_by_subgroup, review, effects, factor, groups)
    if isinstance(found, ReviewError):
        return {"Subgroups": _not_computed(found), "Test between": ""}
    told = [
        f"{name} {fmt.effect_estimate(fit.estimate, fit.ci, effects.measure)}, "
        f"{fmt.plural(fit.k, 'comparison')}"
        for name, fit in found.fits.items()
    ]
    test = f"Q = {fmt.number(found.q_between)}, df = {found.df}, {fmt.p_value(found.p_value)}"
    if found.note or found.df2:
        test = found.note or found.test_words()
    return {"Subgroups": "; ".join(told), "Test between": test}


def _not_computed(why: ReviewError) -> str:
    """Return what a cell says where the data allow no answer."""
    return f"not computed: {why}"


def _by_subgroup(
    review: Review, effects: StudyEffects, factor: str, groups: list[str]
) -> SubgroupAnalysis:
    """Pool each subgroup; they stand in the order of their levels, not in that of the trials."""
    if effects.covariance is not None:
        _check_whole_trials(effects, groups)
    if effects.adds_up_counts or effects.covariance is not None:
        found = subgroups_of(_fits(effects, groups), effects.pool())
    else:
        found = subgroup_analysis(
            effects.effect, effects.variance, groups, labels=effects.labels, **effects.methods
        )
    order = _order(review, factor)
    return replace(found, fits={name: found.fits[name] for name in order if name in found.fits})


def _order(review: Review, factor: str) -> Sequence[str]:
    """Return the levels of a factor in their order."""
    return RISK_LEVELS if factor == RISK_OF_BIAS else level_order(review, factor)


def _fits(effects: StudyEffects, groups: list[str]) -> dict[str, PooledEffect]:
    """Pool each subgroup by itself."""
    return {
        name: effects.only([group == name for group in groups]).pool()
        for name in dict.fromkeys(groups)
    }


def _check_whole_trials(effects: StudyEffects, groups: list[str]) -> None:
    """Raise where comparisons that are modelled together stand in several subgroups."""
    found: dict[str, set[str]] = {}
    for trial, group in zip(effects.table["trial"], groups, strict=True):
        found.setdefault(str(trial), set()).add(group)
    if torn := [trial for trial, of_trial in found.items() if len(of_trial) > 1]:
        raise ReviewError(
            f"{fmt.listing(torn)} has comparisons in several subgroups, which share an arm that is "
            "modelled: the subgroups are not independent"
        )


def show_subgroups(review: Review, outcome: str, follow_up: str, factor: str) -> None:
    """Show a forest plot by subgroup."""
    effects = study_effects(review, outcome, follow_up)
    known = subgroups(review, effects)
    if factor not in known:
        raise ReviewError(f"factor: one of {', '.join(known)}, not {factor!r}")
    groups = known[factor]
    name = f"fig-subgroups-{outcome}-{follow_up}-{factor}".lower().replace(" ", "-")
    title = f"{heading(review, effects)}, by {factor}"
    if len(set(groups)) < 2:
        show_figure(statement("All comparisons are in one subgroup.", title=title), name)
        return
    if effects.reconstructed.any():
        order = _order(review, factor)
        show_figure(over_sets.draw_subgroups(review, effects, factor, groups, order), name)
        return
    asked = question(review, outcome)
    with or_say_why(title):
        ax = plots.forest_by_subgroup(
            _by_subgroup(review, effects, factor, groups),
            factor=factor,
            details=details(review, effects),
            measure=effects.measure,
            unit=axis_unit(review, outcome),
            arms=review.info.short_names,
            favours=directions(asked),
            mid=asked.mid,
            title=title,
        )
        show_figure(ax, name)


def trials_left_out(review: Review, effects: StudyEffects) -> pd.DataFrame:
    """Mark the influential trials, as `influential` does: one row a trial left out."""
    names = review.trial_names
    if effects.adds_up_counts or effects.covariance is not None:
        trials = dict.fromkeys(effects.table["trial"])
        rows = [
            {"left_out": names[trial], **effects.without(trial).pool().numbers()}
            for trial in trials
        ]
        return marked(pd.DataFrame(rows), effects.pool())
    return influential(
        effects.effect,
        effects.variance,
        labels=effects.labels,
        groups=[names[trial] for trial in effects.table["trial"]],
        **effects.methods,
    )


def show_leave_one_out(review: Review, outcome: str, follow_up: str) -> None:
    """Show what is left of an analysis without each of its trials."""
    asked = question(review, outcome)
    title = f"{name_of(review, outcome, follow_up)}, without each trial"
    name = f"fig-leave-one-out-{outcome}-{follow_up}".lower()
    with or_say_why(title):
        effects = study_effects(review, outcome, follow_up)
        if effects.reconstructed.any():
            show_figure(over_sets.draw_left_out(review, effects), name)
            return
        ax = plots.leave_one_out(
            trials_left_out(review, effects),
            effects.pool(),
            measure=effects.measure,
            unit=axis_unit(review, outcome),
            favours=directions(asked),
            mid=asked.mid,
            title=title,
        )
        show_figure(ax, name)


def show_diagnostics(review: Review, outcome: str, follow_up: str) -> None:
    """Show the case diagnostics of Viechtbauer and Cheung as a table."""
    caption = f"Influence of each comparison: {name_of(review, outcome, follow_up)}"
    with or_say_why(caption):
        effects = study_effects(review, outcome, follow_up)
        numeric, note = list(DIAGNOSTICS.values()), basis(effects)
        if effects.reconstructed.any():
            table = over_sets.diagnostics_table(review, effects, DIAGNOSTICS)
            caption, note = f"{caption}, reconstructed", over_sets.NOTE
        else:
            table = _diagnostics(effects)
        show_table(table, caption, numeric=numeric, note=note)


def show_group_left_out(review: Review, effects: StudyEffects) -> None:
    """Show what is measured of one group without each of the groups, and their influence."""
    title = f"{heading(review, effects)}, without each group"
    measure = effects.measure
    with or_say_why(title):
        fit = effects.pool()
        options = {"labels": effects.labels, **effects.methods}
        table = leave_one_out(effects.effect, effects.variance, **options)
        ax = plots.leave_one_out(
            table, fit, measure=measure, unit=unit_of_axis(review, effects), title=title
        )
        show_figure(ax, f"fig-leave-one-out-{effects.outcome}-{effects.follow_up}".lower())
        say(
            GROUP_LEFT_OUT,
            groups=fmt.plural(effects.k, "group"),
            measure=measure,
            value=value_words(fit.estimate, measure),
            low=value_words(float(table["estimate"].min()), measure),
            high=value_words(float(table["estimate"].max()), measure),
        )
        show_table(
            _diagnostics(effects).rename(columns={"Comparison": "Group"}),
            f"Influence of each group: {heading(review, effects)}",
            numeric=list(DIAGNOSTICS.values()),
            note=basis(effects),
        )


DIAGNOSTICS = {
    "rstudent": "Studentised residual",
    "dffits": "DFFITS",
    "cook_d": "Cook's distance",
    "cov_r": "Covariance ratio",
    "tau2_del": "τ² without",
    "q_del": "Q without",
    "hat": "Hat",
}


def _diagnostics(effects: StudyEffects) -> pd.DataFrame:
    """Return the diagnostics as text."""
    effects.check_independent()
    found = influence(effects.effect, effects.variance, labels=effects.labels, **_tau2(effects))
    cells = {
        words: [fmt.number(x, absent="") for x in found[c]] for c, words in DIAGNOSTICS.items()
    }
    return pd.DataFrame({"Comparison": found["label"], **cells})


def show_baujat(review: Review, outcome: str, follow_up: str) -> None:
    """Show what each comparison adds to heterogeneity and to the pooled effect."""
    title = name_of(review, outcome, follow_up)
    name = f"fig-baujat-{outcome}-{follow_up}".lower()
    with or_say_why(f"{title}, what each comparison adds,"):
        effects = study_effects(review, outcome, follow_up)
        if effects.reconstructed.any():
            show_figure(over_sets.draw_baujat(review, effects), name)
            return
        effects.check_independent()
        table = baujat(effects.effect, effects.variance, labels=effects.labels, **_tau2(effects))
        # Q is a sum over studies weighted without tau2, as Baujat and R's meta draw it.
        common = baujat(effects.effect, effects.variance, tau2_method="FE")
        table["q_contribution"] = common["q_contribution"]
        ax = plots.baujat(table, title=title)
        show_figure(ax, name)


def show_all_subsets(
    review: Review, outcome: str, follow_up: str, highlight: str | None = None
) -> None:
    """Show the pooled effect and the heterogeneity of every subset of the comparisons."""
    title = name_of(review, outcome, follow_up)
    name = f"fig-subsets-{outcome}-{follow_up}".lower()
    with or_say_why(f"{title}, every subset of the comparisons,"):
        effects = study_effects(review, outcome, follow_up)
        if effects.reconstructed.any():
            names = {unmarked(label): label for label in effects.labels}
            highlight = names.get(highlight or "", highlight)
            apart = highlight or effects.labels[0]
            show_figure(over_sets.draw_subsets(review, effects, apart), name)
            return
        effects.check_independent()
        fits = gosh(effects.effect, effects.variance, labels=effects.labels)
        ax = plots.gosh(
            fits,
            highlight=highlight,
            measure=effects.measure,
            unit=axis_unit(review, outcome),
            title=title,
        )
        show_figure(ax, name)


def specification_table(review: Review) -> pd.DataFrame:
    """Return, for every primary analysis, how many specifications reach which conclusion.

    Each trial is left out in turn where there are three to twenty: one of two leaves a trial, and
    one of many leaves much the same, after as many times the work.

    Returns
    -------
    pandas.DataFrame
        Columns Analysis, Specifications, Estimates, and how often the confidence and the
        prediction interval lie on one side of no difference, as text.
    """
    rows = []
    for effects in pooled_analyses(review, "primary"):
        if effects.k == 1:
            told = "one comparison: nothing is pooled"
            rows.append({"Analysis": heading(review, effects), "Estimates": told})
            continue
        trials = list(dict.fromkeys(effects.table["trial"]))
        exclusions: list[tuple[str, ...]] = [()]
        if FEWEST_LEFT <= len(trials) <= MOST_LEFT:
            exclusions += [(trial,) for trial in trials]
        if effects.reconstructed.any():
            cells = over_sets.specification_cells(review, effects, exclusions)
            rows.append({"Analysis": heading(review, effects), **cells})
            continue
        found = attempt(specifications, effects, exclusions=exclusions)
        if isinstance(found, ReviewError):
            rows.append({"Analysis": heading(review, effects), "Estimates": _not_computed(found)})
            continue
        with_pi = found.dropna(subset=["pi_excludes_zero"])
        low, high = float(found["estimate"].min()), float(found["estimate"].max())
        rows.append(
            {
                "Analysis": heading(review, effects),
                "Specifications": fmt.count(len(found)),
                "Estimates": _from_to(low, high, effects.measure),
                "CI on one side of no difference": _share(found["ci_excludes_zero"]),
                "PI on one side of no difference": _share(with_pi["pi_excludes_zero"]),
            }
        )
    return pd.DataFrame(rows)


def _from_to(low: float, high: float, measure: str) -> str:
    """Return a range of estimates, one number where both ends are printed alike."""
    ends = (fmt.effect(low, measure), fmt.effect(high, measure))
    return ends[0] if ends[0] == ends[1] else fmt.effect_interval((low, high), measure)


def _share(found: pd.Series) -> str:
    if found.empty:
        return fmt.NOT_ESTIMABLE
    yes = int(found.sum())
    return f"{yes} of {len(found)} ({fmt.percent(yes / len(found))})"


def show_funnel(review: Review, outcome: str, follow_up: str) -> None:
    """Show a contour-enhanced funnel plot with what trim-and-fill would add."""
    title = name_of(review, outcome, follow_up)
    with or_say_why(f"{title}, the funnel plot,"):
        effects = study_effects(review, outcome, follow_up)
        if effects.k < FEWEST_STUDIES:
            told = fmt.plural(effects.k, "comparison", spelled=True)
            ax = statement(f"{told.capitalize()}: no funnel to look at.", title=title)
        elif effects.reconstructed.any():
            ax = over_sets.draw_funnel(review, effects)
        else:
            filled = attempt(_filled, effects)
            ax = plots.funnel(
                effects.pool(),
                details=details(review, effects),
                filled=None if isinstance(filled, ReviewError) else filled,
                measure=effects.measure,
                unit=axis_unit(review, outcome),
                title=title,
            )
        show_figure(ax, f"fig-funnel-{outcome}-{follow_up}".lower())
        if effects.adds_up_counts:
            say(ADDED_UP)


def reporting_bias_table(review: Review) -> pd.DataFrame:
    """Return tests of asymmetry and trim-and-fill of every analysis with three comparisons.

    Of reconstructed effects only analyses with ten comparisons have a row: with fewer, neither
    chance nor the reconstruction can be told from missing results.
    """
    rows = []
    outcomes = review.outcomes.set_index("outcome")["label"]
    follow_ups = review.follow_ups.set_index("follow_up")["label"]
    for effects in pooled_analyses(review):
        if effects.reconstructed.any() and effects.k < FEWEST_TO_READ:
            continue
        row = {
            "Follow-up": follow_ups[effects.follow_up],
            "k": fmt.count(effects.k),
            "Effect": _pooled_text(effects, review),
            "Outcome": outcomes[effects.outcome],
        }
        rows.append(row | _asymmetry_cells(review, effects))
    return pd.DataFrame(rows).fillna("")


def _asymmetry_cells(review: Review, effects: StudyEffects) -> dict[str, str]:
    if effects.reconstructed.any():
        return over_sets.asymmetry_cells(review, effects)
    if effects.k < FEWEST_STUDIES:
        return {"Egger's test": "too few comparisons"}
    filled = attempt(_filled, effects)
    then = ""
    if not isinstance(filled, ReviewError):
        fit = filled.fit
        then = fmt.effect_estimate(fit.estimate, fit.ci, effects.measure)
    return {
        "Egger's test": _egger_text(attempt(_egger, effects)),
        **_fitting_test(effects),
        "Filled": _filled_text(filled),
        "Effect then": then,
        FILLED_TOO: _filled_text(attempt(_filled, effects, "common")),
    }


def _fitting_test(effects: StudyEffects) -> dict[str, str]:
    """Return the test that fits the measure, where that is another than Egger's."""
    found = attempt(asymmetry_test, effects)
    if isinstance(found, ReviewError):
        own = attempt(_egger, effects)
        same = isinstance(own, ReviewError) and str(own) == str(found)
        return {} if same else {FITTING: _not_computed(found)}
    kind = found.method.split(":")[0]
    return {} if kind == "Egger" else {FITTING: f"{TEST_NAMES[kind]}: {_egger_text(found)}"}


def _egger(effects: StudyEffects) -> EggerTest:
    effects.check_independent()
    return egger_test(effects.effect, effects.variance)


def _egger_text(egger: EggerTest | ReviewError) -> str:
    if isinstance(egger, ReviewError):
        return _not_computed(egger)
    told = f"t = {fmt.number(egger.statistic)}, df = {egger.df}, {fmt.p_value(egger.p_value)}"
    return told if egger.readable else f"too few to read: {told}"


def _filled(effects: StudyEffects, around: Literal["random", "common"] = "random") -> TrimAndFill:
    effects.check_independent()
    return trim_and_fill(
        effects.effect,
        effects.variance,
        labels=effects.labels,
        around=around,
        **effects.methods,
    )


def _filled_text(filled: TrimAndFill | ReviewError) -> str:
    if isinstance(filled, ReviewError):
        return _not_computed(filled)
    return f"{filled.k0} on the {filled.side}" if filled.k0 else "0"


def _pooled_text(effects: StudyEffects, review: Review) -> str:
    """Return the pooled effect, as printed where it is printed."""
    if effects.reconstructed.any() and (told := twice.printed_effect(review, effects)):
        return told
    fit = effects.pool()
    return fmt.effect_estimate(fit.estimate, fit.ci, effects.measure)


def stability_table(
    review: Review, found: pd.DataFrame, *topics: str, priority: str | None = None
) -> pd.DataFrame:
    """Return which statements hold in every reconstruction, as text.

    Parameters
    ----------
    review
        A review that was loaded.
    found
        Result of ``analysis_lib.conclusions.stability.stability_of_all``.
    topics
        Topics to keep.
    priority
        ``primary`` or ``secondary`` outcomes only; all by default.

    Returns
    -------
    pandas.DataFrame
        Columns About, What the effects in use say, `SETS`, Said here and
        Analysis.
    """
    kept = found[found["topic"].isin(topics)]
    if priority is not None:
        wanted = review.outcomes.loc[review.outcomes["priority"] == priority, "outcome"]
        kept = kept[kept["outcome"].isin(wanted)]
    names = {
        (effects.outcome, effects.follow_up): heading(review, effects)
        for effects in pooled_analyses(review)
    }
    return pd.DataFrame(
        {
            "About": kept["subject"],
            "What the effects in use say": kept["says"],
            SETS: [
                over_sets.in_sets(share, n)
                for share, n in zip(kept["share"], kept["draws"], strict=True)
            ],
            "Said here": kept["stable"].map({True: "yes", False: "no"}),
            "Analysis": [
                names[pair] for pair in zip(kept["outcome"], kept["follow_up"], strict=True)
            ],
        }
    )


def stable_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return, of `stability_table`, the statements that nearly every reconstruction makes."""
    kept = table[table["Said here"] == "yes"].drop(columns="Said here")
    return kept.rename(columns={"What the effects in use say": "What holds"})


def basis(effects: StudyEffects) -> str:
    """Say what the numbers below rest on."""
    n = int(effects.reconstructed.sum())
    if not n:
        return "Computed from reported data."
    if n == effects.k:
        return "Computed from reconstructed effects, not from reported ones."
    return f"Computed from {n} reconstructed effects and {effects.k - n} others."


def _tau2(effects: StudyEffects) -> dict[str, Any]:
    return {"tau2_method": effects.methods.tau2_method}
