"""The answer table: every result of a review in words, digits and a picture, with its certainty.

A review of a publication shows the results as they are printed; any other one shows those that
are computed from its data. The two are never mixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import pandas as pd
from markupsafe import Markup

from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import (
    RATIO_MEASURES,
    Interval,
    pooled,
    shown,
)
from analysis_lib.book.page import table_csv
from analysis_lib.book.sections.analyses import (
    axis_unit,
    question,
    recorded_certainty,
)
from analysis_lib.book.sections.as_printed import NOT_PRINTED, printed_results
from analysis_lib.book.sections.audit_report import broken_rules
from analysis_lib.book.sections.one_group import group_answers
from analysis_lib.book.sections.trial_tables import SIDES, told_events
from analysis_lib.book.sentences import Question, subject
from analysis_lib.book.templates import render
from analysis_lib.conclusions.statements import CERTAINTY_SIGNS, Statement, statement
from analysis_lib.printed.audit.rows import MAIN
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.model import Review
from analysis_lib.review.possible import pooled_analyses

CAPTION = "The results in words and digits"
NOTHING = "No result can be pooled yet."
#: What a finding of the audit means to a reader of the table, by the name of its rule.
DOUBTS = {
    "centre": "The average is not in the middle of its confidence interval.",
    "prediction centre": "The average is not in the middle of its prediction interval.",
    "prediction width floor": "The prediction interval is narrower than the printed variance "
    "between trials allows.",
    "sign": "The average stands near one end of its interval: a minus sign is probably lost.",
    "standard error floor": "The interval is narrower than the printed number of people allows.",
}
DOUBTED_PREDICTIONS = {"prediction centre", "prediction width floor"}
#: Steps of an axis: it ends at the first of these, times a power of ten, that holds everything.
STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


@dataclass(frozen=True, slots=True)
class Answer:
    """One result. Effects are on the scale on which they are pooled.

    Attributes
    ----------
    key
        Outcome and follow-up, as the tables name them.
    asked
        The outcome and the two sides.
    unit, when
        Unit of the effect with its scale, and the follow-up in a reader's words.
    estimate, ci, prediction_interval
        The result; a prediction interval may be absent.
    trials, people
        As counts, or why there is none.
    certainty
        The recorded rating, or nothing.
    doubts
        Names of the rules of the audit that the printed numbers break.
    """

    key: tuple[str, str]
    asked: Question
    unit: str
    when: str
    estimate: float
    ci: Interval
    prediction_interval: Interval | None
    trials: str
    people: str
    certainty: str | None
    doubts: tuple[str, ...] = ()

    @property
    def statement(self) -> Statement:
        """What the result shows."""
        return statement(
            self.estimate,
            self.ci,
            certainty=self.certainty,
            important=self.asked.margin,
            standardised=self.asked.measure == "SMD",
        )

    @property
    def sentence(self) -> str:
        """What the result shows, in a sentence."""
        alone = self.trials == "1"
        return self.statement.sentence(self.asked.first, subject(self.asked), of_one_trial=alone)

    @property
    def effect(self) -> str:
        """The result as readers see it."""
        return fmt.effect_estimate(self.estimate, self.ci, self.asked.measure)


def answers(review: Review) -> list[Answer]:
    """Return every result of a review: as printed, or else as computed.

    Parameters
    ----------
    review
        A review that was loaded.

    Returns
    -------
    list of Answer
        In the order of the outcomes and follow-ups.
    """
    return review.kept(
        "answers", lambda: list(_printed(review) if has_printed(review) else computed(review))
    )


def has_printed(review: Review) -> bool:
    """Return whether a publication's results are recorded."""
    return bool(review.published["kind"].isin(MAIN).any())


def verdict(review: Review) -> str:
    """Return the sentences on the first outcome of a review: the answer to its question.

    Follow-ups that say the same share a sentence.
    """
    found = answers(review)
    if not found:
        return group_answers(review) or NOTHING
    asked = found[0].asked
    first = [answer for answer in found if answer.asked == asked]
    return " ".join(_said(first, lambda answer: answer.sentence))


def harms(review: Review) -> str:
    """Return what the trials report of adverse events, and how many say nothing."""
    if review.adverse_events.empty:
        return "Nothing is recorded about adverse events: what harms there are is not known here."
    told = told_events(review)
    if told.empty:
        return "No trial reports adverse events: what harms there are is not known."
    caused = told[told["relation"] != "unrelated"].groupby("group")["events"].sum()
    first, second = (int(caused.get(side, 0)) for side in SIDES)
    other = int(told["events"].sum()) - first - second
    telling = told["trial"].nunique()
    silent = len(review.trials) - telling
    text = (
        f"{fmt.capitalised(fmt.plural(telling, 'trial', spelled=True))} of {len(review.trials)} "
        f"{'reports' if telling == 1 else 'report'} on harms: {fmt.plural(first, 'event')} related "
        f"to {review.info.experimental} and {second} to {review.info.comparator}"
    )
    if other:
        text += f", {other} related to neither"
    if not silent:
        return f"{text}."
    others = fmt.plural(silent, "other trial says", "other trials say", spelled=True)
    return f"{text}. The {others} nothing, so uncommon harms cannot be ruled out."


@dataclass(frozen=True, slots=True)
class AnswerTable:
    """The answer table of a review, as a page shows it."""

    answers: list[Answer]
    sides: tuple[str, str]
    source: str
    name: str = "answers"

    def html(self) -> Markup:
        """Return the table; every word of the data is escaped."""
        letters = self._letters()
        return render(
            "answers.html",
            caption=CAPTION,
            sides=self.sides,
            effect=self._effect_words(),
            source=self.source,
            groups=list(self._groups(letters)),
            notes=[(letter, DOUBTS[rule]) for rule, letter in letters.items()],
            important=self._thresholds(),
            predictions=any(answer.prediction_interval for answer in self.answers),
            standardised=any(answer.asked.measure == "SMD" for answer in self.answers),
        )

    def csv(self) -> str:
        """Return the table as a file."""
        return table_csv(self.frame())

    def frame(self) -> pd.DataFrame:
        """Return the cells as text."""
        return pd.DataFrame(
            {
                "Outcome": [answer.asked.outcome for answer in self.answers],
                "Measured": [answer.when for answer in self.answers],
                "In words": [answer.statement.phrase() for answer in self.answers],
                "Effect (95% CI)": [answer.effect for answer in self.answers],
                "Prediction interval": [
                    fmt.effect_interval(a.prediction_interval, a.asked.measure, absent="none")
                    for a in self.answers
                ],
                "Trials": [answer.trials for answer in self.answers],
                "People": [answer.people for answer in self.answers],
                "Certainty": [answer.certainty or "not rated" for answer in self.answers],
            }
        )

    def _letters(self) -> dict[str, str]:
        rules = dict.fromkeys(rule for answer in self.answers for rule in answer.doubts)
        return {rule: chr(ord("a") + place) for place, rule in enumerate(rules)}

    def _groups(self, letters: dict[str, str]) -> Iterator[dict[str, object]]:
        for asked, rows in groupby(self.answers, key=lambda answer: answer.asked):
            group = list(rows)
            axis = Axis.of(group)
            yield {
                "outcome": fmt.capitalised(asked.outcome),
                "unit": group[0].unit,
                "words": _said(group, lambda answer: answer.statement.phrase()),
                "ticks": axis.ticks(),
                "rows": [
                    {
                        "when": fmt.capitalised(answer.when),
                        "effect": answer.effect,
                        "letters": [letters[rule] for rule in answer.doubts],
                        "strip": axis.strip(answer),
                        "trials": answer.trials,
                        "people": answer.people,
                        "signs": CERTAINTY_SIGNS.get(answer.certainty or "", ""),
                        "certainty": answer.certainty or "not rated",
                    }
                    for answer in group
                ],
            }

    def _effect_words(self) -> str:
        ratios = {answer.asked.is_ratio for answer in self.answers}
        if len(ratios) == 2:
            return "Average difference or ratio"
        return "Average ratio" if ratios == {True} else "Average difference"

    def _thresholds(self) -> list[str]:
        asked = dict.fromkeys(answer.asked for answer in self.answers)
        return [f"{a.with_unit(fmt.threshold(a.mid))} ({a.outcome})" for a in asked if a.mid]


def answer_table(review: Review) -> AnswerTable | str:
    """Return the answer table of a review, or the sentence that stands in its place."""
    found = answers(review)
    if not found:
        return group_answers(review) or NOTHING
    printed = "the digits as the review prints them"  # the words are this book's
    source = printed if has_printed(review) else "computed from the data"
    return AnswerTable(found, review.info.short_names, source)


@dataclass(frozen=True, slots=True)
class Axis:
    """One scale for the strips of an outcome: left is better with the experimental side."""

    measure: str
    reach: float
    turned: bool

    @classmethod
    def of(cls, group: Iterable[Answer]) -> Axis:
        """Return the axis that holds every interval of an outcome."""
        rows = list(group)
        limits = [abs(end) for row in rows for end in (*row.ci, *(row.prediction_interval or ()))]
        asked = rows[0].asked
        largest = max([end for end in limits if math.isfinite(end)], default=1.0)
        return cls(
            asked.measure, _round_up(largest, asked.measure), turned=not asked.lower_is_better
        )

    def at(self, effect: float) -> float:
        """Return the place of an effect in per cent of the width."""
        share = max(-1.0, min(1.0, effect / self.reach))
        return round(50 + 50 * (-share if self.turned else share), 2)

    def ticks(self) -> list[dict[str, object]]:
        """Return the places and the numbers of the ticks."""
        ends = (-self.reach, 0.0, self.reach)
        written = fmt.ratio if self.measure in RATIO_MEASURES else fmt.threshold
        return [{"at": self.at(x), "text": written(shown(x, self.measure))} for x in ends]

    def strip(self, answer: Answer) -> dict[str, object]:
        """Return the places of one result's marks."""
        pi = answer.prediction_interval
        told = "no prediction interval"
        if pi is not None:
            told = f"95% prediction interval {fmt.effect_interval(pi, self.measure)}"
        return {
            "ci": sorted(self.at(end) for end in answer.ci),
            "pi": sorted(self.at(end) for end in pi) if pi else None,
            "pi_doubted": bool(DOUBTED_PREDICTIONS & set(answer.doubts)),
            "mark": self.at(answer.estimate),
            "mark_doubted": "sign" in answer.doubts,
            "told": told,
        }


def _round_up(size: float, measure: str) -> float:
    """Return a round number, or the logarithm of a round ratio, at least so large."""
    if measure in RATIO_MEASURES:
        return math.log(_round_up(shown(size, measure), "MD"))
    if size <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(size))
    return next(step * power for step in STEPS if step * power >= size * (1 - 1e-12))


def _printed(review: Review) -> Iterator[Answer]:
    rows = printed_results(review).to_dict("records")
    places = {name: place for place, name in enumerate(review.outcomes["outcome"])}
    broken = broken_rules(review)
    for row in sorted(rows, key=lambda row: places[row["outcome"]]):
        asked = question(review, row["outcome"])
        measure = asked.measure
        yield Answer(
            (row["outcome"], row["follow_up"]),
            asked,
            "" if asked.is_ratio else axis_unit(review, row["outcome"]),
            when(review, row["follow_up"]),
            pooled(row["estimate"], measure),
            (pooled(row["ci_low"], measure), pooled(row["ci_high"], measure)),
            None
            if pd.isna(row["pi_low"])
            else (pooled(row["pi_low"], measure), pooled(row["pi_high"], measure)),
            fmt.count(row["trials"], absent=NOT_PRINTED),
            fmt.count(row["participants"], absent=NOT_PRINTED),
            _rating(review, row["outcome"], row["follow_up"]),
            tuple(rule for rule in broken.get(row["id"], ()) if rule in DOUBTS),
        )


def computed(review: Review) -> Iterator[Answer]:
    """Return every result that can be pooled, from the data."""
    for effects in pooled_analyses(review):
        fit, asked = effects.pool(), question(review, effects.outcome)
        yield Answer(
            (effects.outcome, effects.follow_up),
            asked,
            "" if asked.is_ratio else axis_unit(review, effects.outcome),
            when(review, effects.follow_up),
            fit.estimate,
            fit.ci,
            fit.prediction_interval,
            fmt.count(effects.table["trial"].nunique()),
            _people(effects),
            _rating(review, effects.outcome, effects.follow_up),
        )


def _people(effects: StudyEffects) -> str:
    try:
        return fmt.count(effects.participants)
    except ReviewError:
        return "not stated"


def when(review: Review, follow_up: str) -> str:
    """Return a follow-up in a reader's words, as they stand in a sentence."""
    row = review.follow_ups.set_index("follow_up").loc[follow_up]
    return fmt.inside_sentence(str(row["label"] if pd.isna(row["plain"]) else row["plain"]))


def _rating(review: Review, outcome: str, follow_up: str) -> str | None:
    row = recorded_certainty(review, outcome, follow_up)
    return None if row is None else str(row["rating"])


def _said(group: list[Answer], words: Callable[[Answer], str]) -> list[str]:
    """Return what is said of all follow-ups, or what of each, with when it holds."""
    said: dict[str, list[str]] = {}
    for answer in group:
        said.setdefault(words(answer), []).append(answer.when)
    if len(said) == 1:
        return list(said)
    return [
        f"{fmt.capitalised(fmt.listing(times))}: {fmt.inside_sentence(text)}"
        for text, times in said.items()
    ]
