"""The certainty of every analysis of a review: what the numbers prompt, beside what is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import attempt
from analysis_lib.book.analyses import heading, question
from analysis_lib.book.page import show_table
from analysis_lib.conclusions.certainty import Assessment, Finding, assess, summary_of_findings
from analysis_lib.pooling.asymmetry import FEWEST_STUDIES, egger_test
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.model import Review, arms_at_baseline
from analysis_lib.review.possible import pooled_analyses
from analysis_lib.review.subgroups import overall_risk


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
    deviations of the arms, on the scale of the effect; where neither is known, and for events, the
    prompt does without.
    """
    asked = question(review, effects.outcome)
    recorded = _recorded(review, effects)
    enough = effects.k >= FEWEST_STUDIES
    return assess(
        effects.pool(),
        judgements=overall_risk(review, effects),
        participants=effects.participants,
        mid=asked.margin,
        sd=sd_between_people(review, effects),
        egger=attempt(egger_test, effects.effect, effects.variance) if enough else None,
        measure=effects.measure,
        recorded=None if recorded is None else str(recorded["rating"]),
        recorded_reasons="" if recorded is None else str(recorded["reasons"]),
    )


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
    low, high, sd = arms["scale_min"], arms["scale_max"], arms["sd"]
    if scale is not None:
        found = sd[(low == scale[0]) & (high == scale[1])]
    else:
        row = review.outcomes.set_index("outcome").loc[outcome]
        found = sd / (high - low) * (row["scale_max"] - row["scale_min"])
    median = found.median()
    return None if pd.isna(median) else float(median)


def _recorded(review: Review, effects: StudyEffects) -> pd.Series | None:
    rows = review.certainty[
        (review.certainty["outcome"] == effects.outcome)
        & (review.certainty["follow_up"] == effects.follow_up)
    ]
    return None if rows.empty else rows.iloc[0]


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
            )
        )
    return found


def show_grade(review: Review, effects: StudyEffects) -> None:
    """Show the five prompts of one analysis, and the recorded rating below them."""
    assessment = grade(review, effects)
    recorded = assessment.recorded or "not recorded"
    reasons = f" ({assessment.recorded_reasons})" if assessment.recorded_reasons else ""
    show_table(
        assessment.table().rename(columns=str.capitalize),
        f"Certainty: {heading(review, effects)}",
        note=f"Prompted: {assessment.suggested_text}. Recorded by the review: {recorded}{reasons}.",
        name=f"grade-{effects.outcome}-{effects.follow_up}".lower(),
    )


def show_grades(review: Review, outcome: str) -> None:
    """Show the prompts and the recorded rating of every analysis of one outcome."""
    for effects in pooled_analyses(review):
        if effects.outcome == outcome:
            show_grade(review, effects)


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


def disagreement_table(found: Sequence[Finding]) -> pd.DataFrame:
    """Return the recorded ratings outside the prompted range, beside what prompts it, as text."""
    return pd.DataFrame(
        {
            "Result": f"{one.outcome}, {one.follow_up.lower()}",
            "Recorded": assessment.recorded,
            "Reasons given": assessment.recorded_reasons,
            "Prompted": assessment.suggested_text,
            "What prompts it": _asking(assessment),
        }
        for one, assessment in _rated(found)
        if not assessment.agrees
    )


def _asking(assessment: Assessment) -> str:
    asking = [
        f"{prompt.domain}: {prompt.suggestion}"
        for prompt in assessment.prompts
        if prompt.steps not in (None, (0, 0))
    ]
    return "; ".join(asking) or "nothing computed asks for rating down"


def summary_table(
    review: Review, *, familiar: dict[str, tuple[str, tuple[float, float]]] | None = None
) -> pd.DataFrame:
    """Return the summary of findings with headings for a reader."""
    table = summary_of_findings(findings(review, familiar=familiar))
    headings = {
        "follow_up": "Follow-up",
        "trials": "Trials",
        "comparisons": "Comparisons",
        "participants": "People",
        "effect": "Effect (95 % CI)",
        "familiar": "In familiar units",
        "recorded": "Certainty, recorded",
        "suggested": "Certainty, prompted",
        "agreement": "Agree",
        "outcome": "Outcome",
    }
    return table.rename(columns=headings)[list(headings.values())]
