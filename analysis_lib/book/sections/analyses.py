"""What the sections of a review have in common: one outcome at one follow-up, told and drawn.

The notebooks of the primary and the secondary outcomes, of robustness, reporting bias and
certainty ask for the same things in the same order; they ask here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pandas as pd

from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import rate_unit
from analysis_lib.book.page import Prose, prose, say, show_table
from analysis_lib.book.sections.event_methods import methods_of_events
from analysis_lib.book.sentences import (
    Question,
    cautions,
    heterogeneity_sentence,
    methods_sentence,
    plain_words,
    printed_sentence,
    reach,
    results_sentence,
    subject,
)
from analysis_lib.conclusions import statements
from analysis_lib.conclusions.published import REPEATS
from analysis_lib.plots import forest, statement
from analysis_lib.pooling.events import PooledEvents
from analysis_lib.pooling.pooled_effect import PooledEffect
from analysis_lib.printed.audit.rows import MAIN
from analysis_lib.review.baseline import NOT_STATED
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.instruments import used_instruments
from analysis_lib.review.known_effects import EVENTS, TELLS_NOTHING, TIMES
from analysis_lib.review.model import Review
from analysis_lib.review.possible import pooled_analyses as pooled_analyses  # for notebooks
from analysis_lib.review.risk_of_bias import judgements
from analysis_lib.review.subgroups import overall_risk


def say_why(what: str, why: ReviewError) -> None:
    """Show in place of a result why the data allow none."""
    say("**{what} cannot be computed**: {why}.", what=what, why=why)


@contextmanager
def or_say_why(what: str) -> Iterator[None]:
    """Show what the block shows; where the data do not allow it, say why in its place."""
    try:
        yield
    except ReviewError as error:
        say_why(what, error)


def question(review: Review, outcome: str) -> Question:
    """Return the words in which the review speaks of an outcome."""
    row = review.outcomes.set_index("outcome").loc[outcome]
    return Question(
        outcome=fmt.inside_sentence(str(row["label"])),
        first=review.info.experimental,
        second=review.info.comparator,
        lower_is_better=bool(row["lower_is_better"]),
        measure=str(row["measure"]),
        unit=_unit(row["unit"], str(row["measure"])),
        mid=None if pd.isna(row["mid"]) else float(row["mid"]),
    )


def _unit(known: Any, measure: str) -> str:
    """Return the unit of an effect; a difference of rates is one in a unit of time."""
    unit = "" if bool(pd.isna(known)) else str(known)
    return rate_unit(unit) if measure == "IRD" else unit


def recorded_certainty(review: Review, outcome: str, follow_up: str) -> pd.Series | None:
    """Return the row that rates the certainty of an analysis, if people rated it."""
    rows = review.certainty
    rows = rows[(rows["outcome"] == outcome) & (rows["follow_up"] == follow_up)]
    return None if rows.empty else rows.iloc[0]


def axis_unit(review: Review, outcome: str) -> str:
    """Return the unit of an outcome with the scale it is measured on, for axes and headings."""
    row = review.outcomes.set_index("outcome").loc[outcome]
    unit = _unit(row["unit"], str(row["measure"]))
    if pd.isna(row["scale_max"]):
        return unit
    scale = f"{row['scale_min']:g} to {row['scale_max']:g}"
    return unit if unit.endswith(scale) else ", ".join(filter(None, (unit, scale)))


def directions(asked: Question) -> tuple[str, str]:
    """Return what a result left and right of no difference favours."""
    return f"favours {asked.better_arm(-1.0)}", f"favours {asked.better_arm(1.0)}"


def directions_in_short(review: Review, asked: Question) -> tuple[str, str]:
    """Return the same in the review's short names, for where there is little room."""
    first, second = review.info.short_names
    better = (first, second) if asked.lower_is_better else (second, first)
    return f"favours {better[0]}", f"favours {better[1]}"


def heading(review: Review, effects: StudyEffects) -> str:
    """Return the name of an analysis: outcome and follow-up."""
    return name_of(review, effects.outcome, effects.follow_up)


def name_of(review: Review, outcome: str, follow_up: str) -> str:
    """Return the name of an analysis, whether or not it can be computed."""
    try:
        return analysis_names(review)[outcome, follow_up]
    except KeyError:
        raise ReviewError(f"the review has no analysis of {outcome!r} at {follow_up!r}") from None


def analysis_names(review: Review) -> dict[tuple[str, str], str]:
    """Return the name of every outcome at every follow-up, by the keys of the two."""
    return {
        (str(outcome.outcome), str(follow_up.follow_up)): (
            f"{outcome.label}, {fmt.inside_sentence(str(follow_up.label))}"
        )
        for outcome in review.outcomes.itertuples()
        for follow_up in review.follow_ups.itertuples()
    }


def details(review: Review, effects: StudyEffects) -> pd.DataFrame:
    """Return what a forest plot shows beside the effects, by label of the comparison.

    Events are among it if any are known. The risk of bias is among it if a trial of the analysis
    is rated, or if the reviewers recorded of any trial that a judgement is not stated.
    """
    known = effects.table.set_index("label")
    events = [name for name in (*EVENTS, *TIMES) if name in known and known[name].notna().any()]
    people = [name for name in ("n_experimental", "n_comparator") if known[name].notna().any()]
    table = known[[*people, *events, "provenance"]]
    risk = overall_risk(review, effects)
    recorded_as_absent = (review.risk_of_bias["judgement"] == NOT_STATED).any()
    if recorded_as_absent or set(risk) != {NOT_STATED}:
        return table.assign(risk_of_bias=risk)
    return table


def further_columns(review: Review, effects: StudyEffects) -> pd.DataFrame:
    """Return what is known of the trials of an analysis, by label of the comparison.

    The columns of ``trials.csv`` and ``interventions.csv``, those of the effects, and of each arm
    the mean with its standard deviation, where any is known.
    """
    known = effects.table.set_index("label")
    for table in (review.trials, review.interventions):
        about = table.set_index("trial")
        known = known.join(about[about.columns.difference(known.columns, sort=False)], on="trial")
    rows = review.arm_results
    rows = rows[(rows["outcome"] == effects.outcome) & (rows["time"] == effects.follow_up)]
    told = {
        (row["trial"], row["arm"]): " ± ".join(
            fmt.threshold(row[name]) for name in ("mean", "sd") if pd.notna(row[name])
        )
        for row in rows.to_dict("records")
    }
    for side in ("experimental", "comparator"):
        arms = zip(known["trial"], known[f"{side}_arm"], strict=True)
        known[f"mean_{side}"] = [told.get(arm) or None for arm in arms]
    return known


def lights_of_domains(review: Review, effects: StudyEffects) -> pd.DataFrame | None:
    """Return the judgements of all domains by comparison, if any domain of any trial is rated."""
    used = used_instruments(review.risk_of_bias)
    if len(used) != 1:  # different instruments have different domains
        return None
    matrix = judgements(
        review.risk_of_bias,
        outcome=effects.outcome,
        trials=list(review.trials["trial"]),
        instrument=used[0],
        **review.info.risk_of_bias,
    ).drop(columns="overall")
    lights = matrix.loc[list(effects.table["trial"])].set_axis(effects.table["label"])
    if (lights == NOT_STATED).to_numpy().all():
        return None
    return lights.rename(columns=dict(used[0].domains))


def finding(review: Review, effects: StudyEffects) -> str:
    """Return what an analysis shows, with the certainty that is recorded, in a sentence."""
    asked, fit = question(review, effects.outcome), effects.pool()
    rated = recorded_certainty(review, effects.outcome, effects.follow_up)
    told = statements.statement(
        fit.estimate,
        fit.ci,
        certainty=None if rated is None else str(rated["rating"]),
        important=asked.margin,
        standardised=effects.measure == "SMD",
    )
    alone = len(set(effects.table["trial"])) == 1
    return told.sentence(asked.first, subject(asked), of_one_trial=alone)


def of_review(review: Review, effects: StudyEffects) -> dict[str, Any]:
    """Return what ``review.toml`` chooses for the forest plots of an outcome.

    Raises
    ------
    ReviewError
        If no table has a column that is chosen.
    """
    chosen = review.info.of_outcome(effects.outcome)
    known = further_columns(review, effects)
    missing = [name for name in chosen.columns if name not in known]
    if missing:
        raise ReviewError(
            f"review.toml, table [outcome.{effects.outcome}], key columns: no column "
            f"{', '.join(missing)}; there are {', '.join(known.columns)}"
        )
    also = [*chosen.columns, *(["year"] if chosen.order else [])]
    beside = details(review, effects)
    also = [name for name in dict.fromkeys(also) if name not in beside]
    found: dict[str, Any] = {
        "details": beside.join(known[also]),
        "columns": chosen.columns,
        "order": chosen.order or "",
        "domains": lights_of_domains(review, effects),
        "limits": chosen.limits,
        "reference": chosen.reference,
    }
    return found


def draw_forest(
    review: Review, effects: StudyEffects, *, fit: PooledEffect | None = None, **options: Any
) -> Any:
    """Draw the forest plot of an analysis in the words of the review, with what it chooses."""
    if not effects.k:
        return statement(nothing_to_pool(review, effects), title=heading(review, effects))
    asked = question(review, effects.outcome)
    is_main = fit is None and not effects.reconstructed.any()
    fit = fit or effects.pool()
    chosen, names = of_review(review, effects), with_instruments(effects)
    if names and fit.labels == effects.labels:
        fit = replace(fit, labels=tuple(names))
        named = dict(zip(effects.labels, names, strict=True))
        for table in ("details", "domains"):
            if chosen[table] is not None:
                chosen[table] = chosen[table].rename(named)
    settings: dict[str, Any] = {
        **chosen,
        "finding": finding(review, effects) if is_main else "",
        "measure": effects.measure,
        "arms": review.info.short_names,
        "unit": axis_unit(review, effects.outcome),
        "favours": directions(asked),
        "mid": asked.mid,
        "title": heading(review, effects),
        "note": effects.told_of_shared_arms,
    }
    return forest(fit, **(settings | options))


def with_instruments(effects: StudyEffects) -> list[str]:
    """Return the comparisons of a standardised difference with their instruments, if any is told.

    What differs between trials of another measure is not hidden by its unit.
    """
    told = effects.table["instrument"]
    if effects.measure != "SMD" or not told.any():
        return []
    return [
        f"{label} ({name})" if name else label
        for label, name in zip(effects.labels, told, strict=True)
    ]


def nothing_to_pool(review: Review, effects: StudyEffects) -> str:
    """Say that an analysis has no effects, and which comparisons are known to be missing."""
    text = f"{heading(review, effects)}: no effect is known."
    return f"{text} Missing: {fmt.listing(list(effects.unknown))}." if effects.unknown else text


ADDING_UP = "{which} counts, {needs} no correction of empty cells, and {has} one true effect."
DOUBLE_ZEROS = (
    " Trials in which nobody or everybody had the event in both arms tell nothing of a ratio; "
    "kept, with the correction, they pull it towards 1."
)


def show_event_methods(review: Review, effects: StudyEffects) -> None:
    """Show the events of an analysis pooled by every method, side by side."""
    with_peto = effects.measure == "OR"
    adding_up = ADDING_UP.format(
        which="Mantel-Haenszel and Peto add up" if with_peto else "Mantel-Haenszel adds up",
        needs="need" if with_peto else "needs",
        has="have" if with_peto else "has",
    )
    show_table(
        methods_of_events(effects),
        f"The same events pooled by each method: {heading(review, effects)}",
        numeric=["Trials"],
        note=adding_up + (DOUBLE_ZEROS if effects.holds_double_zeros else ""),
        name=f"methods-{effects.outcome}-{effects.follow_up}".lower(),
    )


IN_WORDS = "**In plain words.** {meaning}\n\n**Result.** {result}\n\n**Method.** {method}"
#: Where the printed result has been told, ours follows it.
RECOMPUTED = "**Recomputed from the data of the trials.** {result}\n\n**Method.** {method}"
RECONSTRUCTED = (
    "**Reconstructed.** {which} of the {effects} shown here {are} reconstructed, not reported: "
    "computed so that the pooled result agrees with the printed one. The pooled result is "
    "therefore not an independent confirmation of the review, and no single hollow square is a "
    "result of its trial."
)
LEFT_OUT = "**Left out.** {unknown}."
REMARKS = "**Of another design or form.** {remarks}."
CAUTION = "**Caution.** {doubts}"
RARE = "**Rare events.** {rare}"


def analysis_text(
    fit: PooledEffect, effects: StudyEffects, asked: Question, *, is_printed: bool = False
) -> Prose:
    """Return the paragraphs below a forest plot, whose printed result may stand above it."""
    before = f"{RECONSTRUCTED}\n\n" if effects.reconstructed.any() else ""
    doubts = cautions(fit, effects.measure)
    rare = fit.rare if isinstance(fit, PooledEvents) else None
    after = f"\n\n{CAUTION}" if doubts else ""
    after += f"\n\n{RARE}" if rare else ""
    unknown = [one for one in effects.unknown if not one.endswith(TELLS_NOTHING)]  # said above
    after += f"\n\n{REMARKS}" if effects.remarks else ""
    after += f"\n\n{LEFT_OUT}" if unknown else ""
    return prose(
        f"{before}{RECOMPUTED if is_printed else IN_WORDS}{after}",
        unknown="; ".join(unknown),
        remarks=". ".join(f"{label}: {told}" for label, told in effects.remarks),
        rare=rare or "",
        doubts=doubts,
        meaning=plain_words(fit, asked),
        result=f"{results_sentence(fit, asked)} {heterogeneity_sentence(fit, effects.measure)}",
        method=" ".join(
            filter(None, [methods_sentence(fit, effects.measure), effects.told_of_shared_arms])
        ),
        **_known_how(effects),
    )


def _known_how(effects: StudyEffects) -> dict[str, str]:
    n, k = int(effects.reconstructed.sum()), effects.k
    return {
        "which": "All" if n == k else fmt.count(n),
        "effects": fmt.plural(k, "effect"),
        "are": "is" if n == 1 else "are",
    }


def printed_words(review: Review) -> dict[str, str]:
    """Return, for every pooled result as printed, what it says and how far its PI reaches.

    Returns
    -------
    dict
        ``reading-<id>`` for each result, and ``reach-<id>`` for each prediction interval.
    """
    words = {}
    pooled = review.published[review.published["kind"].isin(MAIN)]
    for _, row in pooled.iterrows():
        asked = question(review, row["outcome"])
        limits = (row["ci_low"], row["ci_high"])
        words[f"reading-{row['id']}"] = printed_sentence(row["estimate"], limits, asked)
        if not pd.isna(row["pi_low"]):
            words[f"reach-{row['id']}"] = reach((row["pi_low"], row["pi_high"]), asked)
    return words


QUANTITY_WORDS = {
    "estimate": "estimate",
    "ci_low": "95 % CI, lower",
    "ci_high": "95 % CI, upper",
    "p": "p",
    "pi_low": "95 % PI, lower",
    "pi_high": "95 % PI, upper",
    "i2": "I², %",
    "tau2": "τ²",
    "q": "Q",
    "df": "degrees of freedom",
    "statistic": "test statistic",
    "trials": "trials",
    "comparisons": "comparisons",
    "participants": "participants",
}


def result_names(review: Review) -> dict[str, str]:
    """Return what each printed result is called: its analysis, and what sets it apart."""
    analysis, trials = analysis_names(review), review.trial_names
    names = {}
    for _, row in review.published.iterrows():
        name = analysis[row["outcome"], row["follow_up"]]
        if not pd.isna(row["without"]):
            keys = [key.strip() for key in row["without"].split(";")]
            left_out = [trials.get(key, key) for key in keys]
            name += f", without {fmt.listing(left_out)}"
        elif row["kind"] == "sensitivity":
            name += ", printed again with more digits"
        elif row["kind"] == "subgroup":
            name += f", subgroups by {row['factor']}"
        elif row["kind"] == "bias":
            name += ", test of asymmetry"
        elif row["kind"] in REPEATS:
            name += f", in the {row['kind']}"
        names[row["id"]] = name
    return names
