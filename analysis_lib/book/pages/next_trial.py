"""The page on the next trial: whether it belongs to the review, and what it would change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis_lib.base import formatting as fmt
from analysis_lib.book.sections.analyses import directions_in_short, heading, question
from analysis_lib.book.sections.grading import sd_between_people
from analysis_lib.book.sections.over_sets import in_sets, titled
from analysis_lib.book.sections.twice import printed_effect
from analysis_lib.conclusions.ranges import spread, told, told_percent
from analysis_lib.conclusions.stability import STABLE, Draws, draws
from analysis_lib.conclusions.update import (
    ABOVE,
    BELOW,
    INCLUDES,
    LARGEST_TRIAL,
    Sides,
    UpdateSimulation,
    side_of,
    simulate_update,
)
from analysis_lib.conclusions.update_over_sets import (
    MapOverSets,
    SmallestOverSets,
    map_over_sets,
    smallest_over_sets,
)
from analysis_lib.importing.registry import TrialRecord
from analysis_lib.importing.screening import ScreeningDecision
from analysis_lib.plots.over_sets import extended_funnel_over_sets
from analysis_lib.pooling.batch import PooledRows, pool_many
from analysis_lib.pooling.methods import Methods
from analysis_lib.review.baseline import PROVENANCES
from analysis_lib.review.cells import read_table
from analysis_lib.review.comparisons import StudyEffects, study_effects
from analysis_lib.review.model import Review

OUT_OF_REACH = (
    f"Out of reach: no trial of up to {fmt.count(LARGEST_TRIAL)} people per arm changes it."
)
PAST = {"include": "included", "exclude": "excluded"}


# --- does it belong? ------------------------------------------------------------------------------


def record_table(record: TrialRecord) -> pd.DataFrame:
    """Return the facts of a registry record that a reader asks for first, as text."""
    facts = {
        "Title": record.title,
        "Official title": record.official_title,
        "Sponsor": record.sponsor,
        "Place": "; ".join(record.locations),
        "Allocation and masking, coded by us": f"{record.allocation}, {record.masking}".lower(),
        "Groups": "; ".join(record.interventions),
        "Outcomes named": "; ".join(record.outcomes),
        "Ages": f"{fmt.count(record.min_age)} to {fmt.count(record.max_age)} years",
        "People": f"{fmt.count(record.enrolment)} ({str(record.enrolment_type).lower()})",
    }
    return pd.DataFrame({"What": facts.keys(), "In the record": facts.values()})


def judgements_table(review: Review, decision: ScreeningDecision) -> pd.DataFrame:
    """Return how every criterion was judged and by which words, as text."""
    texts = review.criteria.set_index("criterion")["text"]
    return pd.DataFrame(
        {
            "Criterion": texts[one.criterion],
            "Judgement": one.judgement,
            "Words that decide": one.words.removesuffix(".0"),
            "domain": one.domain.capitalize(),
        }
        for one in decision.judgements
    )


def decision_told(decision: ScreeningDecision) -> dict[str, object]:
    """Return a decision with its reason, the words that decide, and the judgements counted."""
    counts = Counter(one.judgement for one in decision.judgements)
    deciding = [one.words for one in decision.judgements if one.judgement == "not met"]
    return {
        "decision": PAST.get(decision.decision, decision.decision),
        "reason": decision.reason_text or "",
        "words": deciding[0] if deciding else "",
        "criteria": len(decision.judgements),
        "met": counts["met"],
        "unclear": counts["unclear"],
        "not-met": counts["not met"],
    }


def read_sources(path: Path) -> pd.DataFrame:
    """Read what several sources say about a trial.

    Returns
    -------
    pandas.DataFrame
        One row a statement: ``topic``, ``source``, ``people`` and ``words`` (absent where the
        source says nothing of the kind), ``provenance``.

    Raises
    ------
    ReviewError
        Naming file, row, column and value of what cannot be used.
    """
    # pandera is slow to import, and nothing else here needs it.
    import pandera.pandas as pa

    from analysis_lib.review import schemas

    columns = {
        "topic": schemas.text("What the sources speak of"),
        "source": schemas.text("Which source"),
        "people": schemas.count("People to take part", optional=True),
        "words": schemas.text("What the source says", optional=True),
        "provenance": schemas.one_of("How the row came to be known", PROVENANCES),
    }
    return read_table(path, pa.DataFrameSchema(columns, strict=True))


def sources_table(statements: pd.DataFrame) -> pd.DataFrame:
    """Return what the sources about a trial say of the same thing, as text.

    Parameters
    ----------
    statements
        ``topic``, ``source``, ``people`` (or absent) and ``words`` (or absent).
    """
    people = ["" if pd.isna(n) else f"{n:.0f} people" for n in statements["people"]]
    words = statements["words"].fillna("")
    return pd.DataFrame(
        {
            "Source": statements["source"],
            "What it says": [
                "; ".join(filter(None, both)) for both in zip(people, words, strict=True)
            ],
            "topic": statements["topic"],
        }
    )


def excluded_table(review: Review, decisions: Sequence[ScreeningDecision]) -> pd.DataFrame:
    """Return the excluded reports by reason, by `screen_reports` and in the flow diagram."""
    counted = Counter(one.reason for one in decisions if one.decision == "exclude")
    boxes = review.selection[review.selection["parent"] == "reports_excluded"]
    return pd.DataFrame(
        {
            "Reason": boxes["label"],
            "By the structure": [fmt.count(counted[str(box)]) for box in boxes["box"]],
            "In the flow diagram": boxes["count"].map(fmt.count),
        }
    )


# --- what would it change? ------------------------------------------------------------------------


def sides_told(review: Review, outcome: str) -> dict[int, str]:
    """Return what an interval of an outcome says, by where it lies."""
    below, above = directions_in_short(review, question(review, outcome))
    return {BELOW: below, INCLUDES: "no clear side", ABOVE: above}


def map_of(review: Review, effects: StudyEffects) -> MapOverSets:
    """Return `map_over_sets` of an analysis, as far as twice the minimal important difference."""
    mid = question(review, effects.outcome).margin
    return map_over_sets(
        draws(review, effects),
        review.info.methods,
        effect_range=None if mid is None else (-2 * mid, 2 * mid),
    )


def draw_map(review: Review, effects: StudyEffects, landscape: MapOverSets) -> Axes:
    """Draw the map of an analysis as an extended funnel, in the words of the review."""
    asked, found = question(review, effects.outcome), draws(review, effects)
    return extended_funnel_over_sets(
        landscape,
        spread(found.effect),
        spread(np.sqrt(found.variance)),
        effects.labels,
        measure=effects.measure,
        unit=asked.unit,
        favours=directions_in_short(review, asked),
        title=titled(review, effects, "what one new trial would change"),
    )


def map_told(review: Review, effects: StudyEffects, landscape: MapOverSets) -> dict[str, object]:
    """Return which effects of a new trial take a conclusion in favour of less away.

    Returns
    -------
    dict
        The printed effect (``estimate``) and the number of comparisons (``k``); over the sets the
        effect above which the most ``precise`` trial takes it away, and one with the
        ``largest-se``, which is ``small``; and in how many sets the conclusion turns round
        somewhere in the map (``harm``).
    """
    found = draws(review, effects)
    turned = (landscape.sides == ABOVE).any(axis=(1, 2)).mean()
    return {
        "estimate": printed_effect(review, effects),
        "k": effects.k,
        "precise": told(spread(landscape.taken_away_from(0))),
        "small": told(spread(landscape.taken_away_from(-1))),
        "largest-se": float(landscape.se[-1]),
        "harm": f"{in_sets(float(turned), len(found))} sets" if turned else "no set",
    }


def smallest_trials(review: Review, outcomes: Sequence[str]) -> pd.DataFrame:
    """Return the smallest trial that changes each conclusion, by what the trial reports.

    Returns
    -------
    pandas.DataFrame
        One row an analysis and report: ``outcome``, ``follow_up``, ``analysis``, ``reports`` (in
        words), ``found`` (a `SmallestOverSets`), ``sides`` (words for where an interval lies) and
        ``share``, that of the sets in which some trial changes the conclusion.
    """
    rows = []
    keys = [(outcome, time) for outcome in outcomes for time in review.follow_ups["follow_up"]]
    for outcome, follow_up in keys:
        effects = study_effects(review, outcome, follow_up)
        sets, sd = draws(review, effects), sd_between_people(review, effects)
        pooled = effects.pool().estimate
        reports = {
            "the pooled effect": pooled,
            "no difference": 0.0,
            "the opposite of the pooled effect": -pooled,
        }
        for words, observed in reports.items():
            found = smallest_over_sets(sets, review.info.methods, observed=observed, sd=sd or 1.0)
            rows.append(
                {
                    "outcome": outcome,
                    "follow_up": follow_up,
                    "analysis": heading(review, effects),
                    "reports": f"{words} ({fmt.number(observed)})",
                    "found": found,
                    "sides": sides_told(review, outcome),
                    "share": float(np.isfinite(found.per_arm).mean()),
                }
            )
    return pd.DataFrame(rows)


def smallest_trials_table(trials: pd.DataFrame) -> pd.DataFrame:
    """Return `smallest_trials` as text: median, and range of 95 % of the sets."""
    rows = trials.to_dict("records")
    return pd.DataFrame(
        {
            "The new trial reports": trials["reports"],
            "Interval now": [_most_say(row["found"].before, row["sides"]) for row in rows],
            "People per arm": [per_arm_told(row["found"]) for row in rows],
            "Interval then": [
                _most_say(row["found"].after[np.isfinite(row["found"].per_arm)], row["sides"])
                for row in rows
            ],
            "analysis": trials["analysis"],
        }
    )


def per_arm_told(found: SmallestOverSets) -> str:
    """Return the people per arm over the sets, or in how many of them it is out of reach."""
    known = found.per_arm[np.isfinite(found.per_arm)]
    out = 1 - len(known) / len(found.per_arm)
    if out >= STABLE:
        return "out of reach"
    middle, low, high = (fmt.count(round(float(x))) for x in spread(known))
    text = middle if low == high else f"{middle} ({low} to {high})"
    if out <= 1 - STABLE:
        return text
    return f"out of reach in {in_sets(out, len(found.per_arm))} sets, else {text}"


def _most_say(sides: Sides, words: Mapping[int, str]) -> str:
    """Return what nearly all intervals say; each thing that some say, where they differ."""
    counts = Counter(int(side) for side in sides)
    if not counts:
        return ""
    usual, n = counts.most_common(1)[0]
    if n >= STABLE * len(sides):
        return words[usual]
    return " or ".join(words[side] for side in sorted(counts))


def simulated_updates(
    review: Review,
    effects: StudyEffects,
    truths: Mapping[str, float],
    per_arm: Sequence[int],
    *,
    times: int,
    seed: int,
) -> list[tuple[str, UpdateSimulation]]:
    """Draw new trials of every size for every truth, and add them to the sets of an analysis.

    Parameters
    ----------
    review, effects
        A review that was loaded, and the analysis.
    truths
        True effects in the new trial, by the words that say what they are.
    per_arm
        People in each arm.
    times, seed
        How often to draw, and the seed of the random numbers.
    """
    asked, found = question(review, effects.outcome), draws(review, effects)
    sets = (found.effect, found.variance)
    return [
        (
            words,
            simulate_update(
                effects.effect,
                effects.variance,
                per_arm=n,
                true_effect=truth,
                sd=sd_between_people(review, effects) or 1.0,
                measure=effects.measure,
                draws=times,
                seed=seed,
                sets=sets,
                participants=effects.participants,
                mid=asked.margin,
                prompts=True,
                **review.info.methods,
            ),
        )
        for words, truth in truths.items()
        for n in per_arm
    ]


def updates_table(drawn: Sequence[tuple[str, UpdateSimulation]]) -> pd.DataFrame:
    """Return medians over the draws, and how often a conclusion or a prompt changes, as text."""
    return pd.DataFrame(
        {
            "People": fmt.count(s.per_arm),
            "Estimate (95 % of draws)": "{1} ({0} to {2})".format(
                *map(fmt.number, s.quantiles("estimate"))
            ),
            "Confidence interval": _medians(s, "ci_low", "ci_high"),
            "Prediction interval": _medians(s, "pi_low", "pi_high"),
            "Changed": fmt.percent(s.changed),
            "Less certain": fmt.percent(s.rated_down_more),
            "truth": f"True effect in the new trial: {words} ({fmt.number(s.true_effect)})",
        }
        for words, s in drawn
    )


def updates_note(drawn: Sequence[tuple[str, UpdateSimulation]]) -> str:
    """Say how the columns of `updates_table` are to be read."""
    return (
        f"{fmt.count(len(drawn[0][1].new_effect))} trials drawn for each row, with a fixed seed. "
        "People: in each arm. Estimate and limits: medians of the updated results. Changed: share "
        "of draws in which the 95 % confidence interval no longer says what it says now. Less "
        "certain: share in which the computed prompts for inconsistency and imprecision ask to "
        "rate the certainty down by more levels than now. Effects that the trial is added to are "
        "reconstructed: the draws take the sets of effects that agree with the print in turn."
    )


def _medians(simulation: UpdateSimulation, low: str, high: str) -> str:
    return fmt.interval((float(simulation.quantiles(low)[1]), float(simulation.quantiles(high)[1])))


def updates_told(drawn: Sequence[tuple[str, UpdateSimulation]]) -> dict[str, object]:
    """Return where a conclusion changes most often, and where the prompts ask for more or less."""
    truth, most = max(drawn, key=lambda pair: pair[1].changed)
    more_truth, more = max(drawn, key=lambda pair: pair[1].rated_down_more or 0.0)
    return {
        "most-changed": share_told(most.changed),
        "most-truth": truth,
        "most-per-arm": most.per_arm,
        "steps-now": fmt.plural(most.steps_before or 0, "step", spelled=True),
        "more": share_told(more.rated_down_more or 0.0),
        "more-truth": more_truth,
        "less": share_told(max(s.rated_down_less or 0.0 for _, s in drawn)),
    }


def share_told(share: float) -> str:
    """Return a share of draws in words.

    Examples
    --------
    >>> share_told(1.0), share_told(0.873), share_told(0.0)
    ('all', '87 % of the', 'none of the')
    """
    if share in (0.0, 1.0):
        return "all" if share else "none of the"
    return f"{100 * share:.0f} % of the"


def before_and_after_table(
    found: Draws, new: tuple[float, float], methods: Methods, sides: Mapping[int, str], name: str
) -> pd.DataFrame:
    """Return an analysis before and after a trial is added to every set of it, as text.

    Parameters
    ----------
    found
        The ensemble of the analysis.
    new
        Effect and variance of the trial.
    methods
        How to pool.
    sides
        Result of `sides_told`.
    name
        What the trial is called.
    """
    now, then = before_and_after(found, new, methods)
    columns = {
        head: {
            "Comparisons": fmt.count(int(fit.k[0])),
            "Mean difference": told(spread(fit.estimate)),
            "95% CI, lower end": told(spread(fit.ci_low)),
            "95% CI, upper end": told(spread(fit.ci_high)),
            "95% prediction interval, lower end": told(spread(fit.pi_low)),
            "95% prediction interval, upper end": told(spread(fit.pi_high)),
            "I²": told_percent(spread(fit.i2)),
            "τ²": told(spread(fit.tau2)),
            "The interval": _most_say(side_of(fit.ci_low, fit.ci_high), sides),
        }
        for head, fit in (("Before", now), (f"With the {name}", then))
    }
    return pd.DataFrame(columns).rename_axis("What").reset_index()


def before_and_after(
    found: Draws, new: tuple[float, float], methods: Methods
) -> tuple[PooledRows, PooledRows]:
    """Pool every set of an analysis, as it is and with one trial more."""
    effect, variance = (
        np.column_stack([column, np.full(len(found), value)])
        for column, value in zip((found.effect, found.variance), new, strict=True)
    )
    now = pool_many(found.effect, found.variance, **methods)
    return now, pool_many(effect, variance, **methods)


def new_trial_told(
    found: Draws, new: tuple[float, float], methods: Methods, sides: Mapping[int, str]
) -> dict[str, object]:
    """Return what an interval says before and after a trial is added, and the trial's weight."""
    now, then = before_and_after(found, new, methods)
    each = 1 / (np.column_stack([found.variance, np.full(len(found), new[1])]) + then.tau2[:, None])
    return {
        "weight": told_percent(spread(each[:, -1] / each.sum(axis=1))),
        "before": _most_say(side_of(now.ci_low, now.ci_high), sides),
        "after": _most_say(side_of(then.ci_low, then.ci_high), sides),
    }
