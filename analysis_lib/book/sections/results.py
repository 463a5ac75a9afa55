"""One printed result: what the review says of it, and what a reconstruction adds, kept apart.

In a review of a publication the printed result comes first. The comparisons behind it, where they
are reconstructed, are ranges without digits, and no number of theirs stands in a sentence that
tells the result.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from analysis_lib import plots
from analysis_lib.base import formatting as fmt
from analysis_lib.base.measures import MEASURE_WORDS
from analysis_lib.book.page import Prose, prose, say, show_figure
from analysis_lib.book.sections import twice
from analysis_lib.book.sections.analyses import (
    analysis_text,
    details,
    directions,
    draw_forest,
    heading,
    name_of,
    or_say_why,
    question,
    recorded_certainty,
    show_event_methods,
)
from analysis_lib.book.sections.answers import DOUBTS, Answer, answers, has_printed
from analysis_lib.book.sections.authors import on_result
from analysis_lib.book.sections.one_group import show_group
from analysis_lib.plots.printed_forest import PrintedResult
from analysis_lib.pooling.events import PooledEvents
from analysis_lib.printed.audit.rows import MAIN
from analysis_lib.review.baseline import NOT_STATED
from analysis_lib.review.comparisons import StudyEffects, study_effects
from analysis_lib.review.model import Review

PRINTED = "**Printed result.** {told}"
AUTHORS = "\n\n**The authors say.** {said}"
ADDS = (
    "**Reconstructed.** Each band is a range of effects that agree with the print, its hollow "
    "square one of them. None is the result of its trial."
)
ABOVE = "The doubt that is told with the printed result is the reason."
TWO_NUMBERS = "\n\n**Two numbers for one result.** {told}"


def show_analysis(review: Review, outcome: str, follow_up: str) -> None:
    """Show one analysis: what is printed of it, the forest plot, what came out and what it means.

    A printed result stands first. Reconstructed comparisons behind it are drawn as ranges; what
    reported ones give is told below their plot. The title of the plot says what the result means.
    The figure is named ``fig-<outcome>-<follow-up>``. An analysis without effects, or one that
    cannot be computed, is a sentence that says so.
    """
    name = f"fig-{outcome}-{follow_up}".lower()
    with or_say_why(name_of(review, outcome, follow_up)):
        effects = study_effects(review, outcome, follow_up)
        if effects.is_of_one_group:
            show_group(review, effects, name)
            return
        answer = printed_answer(review, effects)
        if answer is not None:
            say(printed_text(review, answer))
            if effects.reconstructed.any():
                show_figure(draw_printed_forest(review, answer, effects), name)
                say(reconstruction_text(review, effects))
                return
        show_figure(draw_forest(review, effects), name)
        if effects.k:
            fit = effects.pool()
            asked = question(review, outcome)
            say(analysis_text(fit, effects, asked, is_printed=answer is not None))
            if isinstance(fit, PooledEvents) and fit.rare:
                show_event_methods(review, effects)


def printed_answer(review: Review, effects: StudyEffects) -> Answer | None:
    """Return what is printed of an analysis that has effects, if anything is."""
    if not (effects.k and has_printed(review)):
        return None
    key = effects.outcome, effects.follow_up
    return next((answer for answer in answers(review) if answer.key == key), None)


def draw_printed_forest(review: Review, answer: Answer, effects: StudyEffects) -> Axes:
    """Draw a printed result above the comparisons behind it."""
    known = effects.table.set_index("label")[["effect", "variance", "low", "high"]]
    return plots.forest_of_printed(
        PrintedResult(answer.estimate, answer.ci, answer.prediction_interval),
        known.join(details(review, effects)),
        measure=effects.measure,
        arms=review.info.short_names,
        unit=answer.unit,
        favours=directions(answer.asked),
        title=f"{heading(review, effects)}, printed result and reconstructed comparisons",
        finding=answer.sentence,
    )


def printed_text(review: Review, answer: Answer) -> Prose:
    """Return what a printed result says, its digits as they are printed, and doubts about them."""
    asked, row = answer.asked, printed_row(review, answer)
    interval = fmt.effect_interval(answer.ci, asked.measure)
    effect = asked.with_unit(fmt.effect(answer.estimate, asked.measure))
    test = "" if pd.isna(row["p"]) else f"; p {row['p_relation']} {row['p']}"
    sentences = [
        f"The review prints a {MEASURE_WORDS[asked.measure]} of {effect} (95% CI {interval}{test})"
        f"{_who(row)}.",
        _printed_spread(answer, row),
        _certainty(review, answer),
        *(DOUBTS[rule] for rule in answer.doubts),
    ]
    said = on_result(review, str(row["id"]))
    return prose(PRINTED + (AUTHORS if said else ""), told=" ".join(sentences), said=said)


def reconstruction_text(review: Review, effects: StudyEffects) -> Prose:
    """Return what the bands are, and where ours is another number than the printed one."""
    told = twice.sentences(review, effects.outcome, effects.follow_up)
    answer = printed_answer(review, effects)
    for doubt in answer.doubts if answer else ():  # told beside the printed number
        told = [one.replace(DOUBTS[doubt], ABOVE) for one in told]
    return prose(ADDS + (TWO_NUMBERS if told else ""), told=" ".join(told))


def printed_row(review: Review, answer: Answer) -> pd.Series:
    """Return the row of ``published.csv`` behind an answer, with its digits as text."""
    rows = review.printed[review.printed["kind"].isin(MAIN)]
    outcome, follow_up = answer.key
    return rows[(rows["outcome"] == outcome) & (rows["follow_up"] == follow_up)].iloc[0]


def _who(row: pd.Series) -> str:
    if pd.isna(row["trials"]):
        return ""
    trials = fmt.plural(int(row["trials"]), "trial")
    if pd.isna(row["participants"]):
        return f" from {trials}; the number of people is not printed"
    return f" from {trials} with {fmt.count(float(row['participants']))} people"


def _printed_spread(answer: Answer, row: pd.Series) -> str:
    limits = answer.prediction_interval
    told = "No prediction interval is printed"
    if limits is not None:
        interval = fmt.effect_interval(limits, answer.asked.measure)
        told = f"The prediction interval runs from {interval}"
    unit = {"I²": "%", "τ²": ""}
    numbers = [
        f"{name} is {row[column]}{unit[name]}"
        for name, column in (("I²", "i2"), ("τ²", "tau2"))
        if pd.notna(row[column])
    ]
    return f"{fmt.listing([told, *numbers])}."


def _certainty(review: Review, answer: Answer) -> str:
    row = recorded_certainty(review, *answer.key)
    if row is None:
        return "No certainty is recorded."
    text = f"The authors rate the certainty {row['rating']}"
    reasons = [] if pd.isna(row["reasons"]) else str(row["reasons"]).split("; ")
    if reasons in ([], [NOT_STATED]):
        return f"{text} and give no reason."
    return f"{text}; their {'reasons' if len(reasons) > 1 else 'reason'}: {fmt.listing(reasons)}."
