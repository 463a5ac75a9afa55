"""The certainty of every analysis of a review: what the numbers prompt, beside what is recorded."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import attempt
from analysis_lib.base.measures import GROUP_MEASURES, shown
from analysis_lib.book.sections.analyses import question, recorded_certainty
from analysis_lib.book.sections.answers import Answer, answers, computed, harms, has_printed
from analysis_lib.conclusions.certainty import Assessment, Finding, assess, summary_of_findings
from analysis_lib.conclusions.prompts_over_sets import (
    publication_bias_over_sets,
    risk_of_bias_over_sets,
)
from analysis_lib.conclusions.stability import draws
from analysis_lib.pooling.absolute import ABSOLUTE_MEASURES, AbsoluteEffect, absolute_effect
from analysis_lib.pooling.asymmetry import FEWEST_STUDIES, FEWEST_TO_READ
from analysis_lib.review.arm_names import ARMS, TOGETHER
from analysis_lib.review.baseline import BASELINE, NOT_STATED
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.funnel_tests import asymmetry_test
from analysis_lib.review.known_effects import EVENTS
from analysis_lib.review.model import Review, arms_at_baseline
from analysis_lib.review.possible import pooled_analyses
from analysis_lib.review.spreads import doubtful_spreads
from analysis_lib.review.subgroups import overall_risk

#: Columns of the summary of findings that only some outcomes fill.
ABSOLUTE_HEADS = {
    "without": "Without",
    "with": "With the intervention",
    "difference": "Difference",
    "nnt": "Number needed to treat",
}


def grade(review: Review, effects: StudyEffects) -> Assessment:
    """Compute the prompts for one analysis and put the recorded rating beside them.

    Parameters
    ----------
    review
        A review that was loaded.
    effects
        The effects of one analysis, at least one.

    Returns
    -------
    Assessment

    Notes
    -----
    The standard deviation between people, which the optimal information size needs, is 1 for a
    standardised difference, and for a mean difference the median of the baseline standard
    deviations of the arms, on the scale of the effect, without those that may be standard errors.
    For events it needs the assumed risk instead. Where effects are reconstructed, the prompts that
    rest on single effects (risk of bias, publication bias) are those of nearly all sets.
    """
    asked = question(review, effects.outcome)
    recorded = recorded_certainty(review, effects.outcome, effects.follow_up)
    enough = effects.k >= FEWEST_STUDIES
    found = assess(
        effects.pool(),
        judgements=overall_risk(review, effects),
        participants=effects.participants,
        mid=asked.margin,
        sd=sd_between_people(review, effects),
        assumed_risk=next(iter(assumed_risks(effects)), None),
        events=_events(effects),
        egger=attempt(asymmetry_test, effects) if enough else None,
        measure=effects.measure,
        recorded=None if recorded is None else str(recorded["rating"]),
        recorded_reasons="" if recorded is None else str(recorded["reasons"]),
    )
    return _over_sets(review, effects, found) if effects.reconstructed.any() else found


def _over_sets(review: Review, effects: StudyEffects, found: Assessment) -> Assessment:
    """Return an assessment of which what rests on single effects holds in nearly all sets."""
    sets = draws(review, effects)
    tests = (
        [attempt(asymmetry_test, one) for one in sets.members()]
        if effects.k >= FEWEST_TO_READ
        else []
    )
    over_sets = {
        prompt.domain: prompt
        for prompt in (
            risk_of_bias_over_sets(sets, overall_risk(review, effects), review.info.methods),
            *([publication_bias_over_sets(sets, tests)] if tests else []),
        )
    }
    prompts = tuple(over_sets.get(prompt.domain, prompt) for prompt in found.prompts)
    return dataclasses.replace(found, prompts=prompts)


def assumed_risks(effects: StudyEffects) -> tuple[float, ...]:
    """Return the risks, or rates, without the intervention at which an effect is told for people.

    Those of ``review.toml``; or else, where events are known, the median of the comparator arms
    that are pooled, and where that is none or all, the risk in all of them together.
    """
    review = effects.review
    given = () if review is None else review.info.of_outcome(effects.outcome).assumed_risk
    if given or not effects.counts:
        return given
    arms = effects.table.drop_duplicates(["trial", "comparator_arm"])
    events, people = (arms[name].to_numpy(float) for name in effects.counts[2:])
    candidates = (float(np.median(events / people)), float(events.sum() / people.sum()))
    most = math.inf if effects.is_of_rates else 1
    return tuple(risk for risk in candidates if 0 < risk < most)[:1]


def absolute_effects(effects: StudyEffects) -> tuple[AbsoluteEffect, ...]:
    """Return what the pooled effect of an analysis means for people, at each assumed risk."""
    if effects.measure not in ABSOLUTE_MEASURES:
        return ()
    fit = effects.pool()
    estimate, low, high = (shown(x, effects.measure) for x in (fit.estimate, *fit.ci))
    found = (
        attempt(absolute_effect, estimate, (low, high), effects.measure, assumed_risk=risk)
        for risk in assumed_risks(effects)
    )
    return tuple(one for one in found if isinstance(one, AbsoluteEffect))  # a limit is infinite


def comparator_mean(review: Review, effects: StudyEffects) -> float | None:
    """Return the median of the comparators' means, on the scale of a mean difference."""
    if effects.measure != "MD":
        return None
    outcome = review.outcomes.set_index("outcome").loc[effects.outcome]
    rows = review.arm_results[
        (review.arm_results["outcome"] == effects.outcome)
        & (review.arm_results["time"] == effects.follow_up)
    ]
    arms = effects.table[["trial", "comparator_arm"]].drop_duplicates()
    arms = arms.rename(columns={"comparator_arm": "arm"})
    arms = arms.assign(arm=arms["arm"].str.split(TOGETHER, regex=False)).explode("arm")
    rows = rows.merge(arms, on=["trial", "arm"])
    low, high = rows["scale_min"], rows["scale_max"]
    least, most = (float(x) for x in outcome[["scale_min", "scale_max"]].to_numpy(float))
    scaled = least + (rows["mean"] - low) / (high - low) * (most - least)
    means = scaled.where(scaled.notna(), rows["mean"].where(low.isna() | math.isnan(least)))
    median = means.median()
    return None if pd.isna(median) else float(median)


def _events(effects: StudyEffects) -> float | None:
    """Return the number of events in both arms; an arm that is shared counts once."""
    if not effects.counts:
        return None
    if effects.covariance is None:
        return float(effects.table[list(EVENTS)].to_numpy(float).sum())
    arms = [effects.table.drop_duplicates(["trial", arm]) for arm in ARMS]  # each of them whole
    return float(sum(table[name].sum() for table, name in zip(arms, EVENTS, strict=True)))


def sd_between_people(review: Review, effects: StudyEffects) -> float | None:
    """Return what the optimal information size needs: for events that formula is not the one."""
    if effects.measure == "SMD":
        return 1.0
    return baseline_sd(review, effects.outcome) if effects.measure == "MD" else None


def baseline_sd(
    review: Review, outcome: str, scale: tuple[float, float] | None = None
) -> float | None:
    """Return the median of the baseline standard deviations of an outcome.

    Parameters
    ----------
    review
        A review that was loaded.
    outcome
        An outcome; one without scores at baseline has no answer.
    scale
        Only arms measured on this scale; by default all, rescaled to the scale of the outcome.

    Returns
    -------
    float or None
    """
    arms = arms_at_baseline(review, outcome)
    doubted = {
        (one.trial, one.arm)
        for one in doubtful_spreads(review)
        if (one.outcome, one.time) == (outcome, BASELINE)
    }
    names = zip(arms["trial"].map(review.trial_names), arms["label_printed"], strict=True)
    arms = arms[[name not in doubted for name in names]]
    low, high, sd = arms["scale_min"], arms["scale_max"], arms["sd"]
    if scale is not None:
        found = sd[(low == scale[0]) & (high == scale[1])]
    else:
        row = review.outcomes.set_index("outcome").loc[outcome]
        found = sd / (high - low) * (row["scale_max"] - row["scale_min"])
    median = found.median()
    return None if pd.isna(median) else float(median)


def findings(
    review: Review, *, familiar: dict[str, tuple[str, tuple[float, float]]] | None = None
) -> list[Finding]:
    """Return a row of the summary of findings for every outcome and follow-up with effects.

    Parameters
    ----------
    review
        A review that was loaded.
    familiar
        For a standardised outcome, an instrument that readers know and its scale; the effect is
        also told in its points, through the median baseline standard deviation on that scale.
    """
    found = []
    for effects in pooled_analyses(review):
        asked = question(review, effects.outcome)
        known = None
        if familiar and effects.outcome in familiar:
            name, scale = familiar[effects.outcome]
            sd = baseline_sd(review, effects.outcome, scale)
            known = None if sd is None else (name, sd)
        follow_ups = review.follow_ups.set_index("follow_up")["label"]
        found.append(
            Finding(
                outcome=str(review.outcomes.set_index("outcome").loc[effects.outcome, "label"]),
                follow_up=str(follow_ups[effects.follow_up]),
                fit=effects.pool(),
                assessment=grade(review, effects),
                measure=effects.measure,
                unit="SD" if effects.measure == "SMD" else asked.unit,
                trials=int(effects.table["trial"].nunique()),
                participants=effects.participants,
                familiar=known,
                absolute=absolute_effects(effects),
                without=_mean_without(review, effects, asked.unit),
                wanted=not asked.lower_is_better,
            )
        )
    return found


def _mean_without(review: Review, effects: StudyEffects, unit: str) -> str:
    mean = comparator_mean(review, effects)
    return "" if mean is None else f"mean {fmt.number(mean, 1)} {unit}".strip()


def _rated(found: Sequence[Finding]) -> Iterator[tuple[Finding, Assessment]]:
    for one in found:
        if one.assessment is not None and one.assessment.recorded:
            yield one, one.assessment


def agreement_told(found: Sequence[Finding]) -> dict[str, object]:
    """Return how many recorded ratings lie in the prompted range, and which do not, in words.

    Parameters
    ----------
    found
        Result of `findings`.
    """
    rated = list(_rated(found))
    differ = [
        f"{one.outcome.lower()} ({one.follow_up.lower()})"
        for one, assessment in rated
        if not assessment.agrees
    ]
    return {
        "rated": len(rated),
        "agree": len(rated) - len(differ),
        "differ": len(differ),
        "differ-list": fmt.listing(differ),
    }


def summary_table(
    review: Review, *, familiar: dict[str, tuple[str, tuple[float, float]]] | None = None
) -> pd.DataFrame:
    """Return the summary of findings with headings for a reader.

    Of a review of a publication the effects, trials and people are the printed ones; certainty is
    prompted by what was recomputed. Adverse events and outcomes without a pooled result have rows.
    """
    found = findings(review, familiar=familiar)
    told = {answer.key: answer for answer in answers(review)}
    shown = [told.get(answer.key, answer) for answer in computed(review)]  # not all are printed
    if has_printed(review):
        found = [_as_printed(*pair) for pair in zip(found, shown, strict=True)]
    table = summary_of_findings(found).assign(
        words=[answer.statement.phrase() for answer in shown],
        trials=[answer.trials for answer in shown],
        participants=[answer.people for answer in shown],
    )
    if has_printed(review):
        table = table.drop(columns="comparisons")
    table["effect"] += table["familiar"].map(lambda words: f"\n{words}" if words else "")
    pooled = {answer.key[0] for answer in shown}
    rest = pd.DataFrame(_rows_without_effect(review, pooled))
    table = pd.concat([table.astype("str"), rest], ignore_index=True).fillna("")
    headings = {
        "follow_up": "Follow-up",
        "trials": "Trials",
        "comparisons": "Comparisons",
        "participants": "People",
        "effect": "Effect (95 % CI)",
        "words": "In words",
        **ABSOLUTE_HEADS,
        "recorded": "Certainty, recorded",
        "suggested": "Certainty, prompted",
        "outcome": "Outcome",
    }
    table = table.drop(columns=[name for name in ABSOLUTE_HEADS if not (table[name] != "").any()])
    return table.rename(columns=headings)[[h for name, h in headings.items() if name in table]]


def _as_printed(finding: Finding, answer: Answer) -> Finding:
    """Return a finding with the effect that is printed."""
    if finding.fit is None:
        return finding
    fit = dataclasses.replace(finding.fit, estimate=answer.estimate, ci=answer.ci)
    return dataclasses.replace(finding, fit=fit)


def _rows_without_effect(review: Review, pooled: set[str]) -> list[dict[str, str]]:
    """Return a row for each outcome that nothing is pooled of, and one for adverse events."""
    rows = []
    for row in review.outcomes.to_dict("records"):
        if row["outcome"] in pooled or row["measure"] in GROUP_MEASURES:
            continue
        rated = review.certainty.loc[review.certainty["outcome"] == row["outcome"], "rating"]
        rows.append(
            {
                "outcome": str(row["label"]),
                "follow_up": "any",
                "effect": "no pooled result",
                "words": "Nothing is pooled",
                "recorded": fmt.listing(list(dict.fromkeys(rated))) or NOT_STATED,
            }
        )
    if len(review.adverse_events):
        told = {"follow_up": "any", "words": harms(review), "recorded": NOT_STATED}
        rows.append({"outcome": "Adverse events", **told})
    return rows
