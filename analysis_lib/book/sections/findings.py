"""The summary of findings and the evidence profile of a review, as GRADE has them.

The summary tells each outcome in digits, people, certainty and words; the reasons of a certainty
stand below it, each once and under a letter. The profile is one matrix of outcomes by domains:
what stated rules prompt, with the numbers that they were applied to behind each sign, and what the
reviewers recorded.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pandas as pd
from markupsafe import Markup

from analysis_lib.base import formatting as fmt
from analysis_lib.base.measures import MEASURE_WORDS
from analysis_lib.book.page import say, show_made, table_csv
from analysis_lib.book.sections.analyses import axis_unit
from analysis_lib.book.sections.answers import DOUBTS, Answer, answers, has_printed, when
from analysis_lib.book.sections.grading import ABSOLUTE_HEADS, grade, summary_table
from analysis_lib.book.templates import render
from analysis_lib.conclusions.certainty import GRADE_DOMAINS, RATINGS, Assessment, Prompt
from analysis_lib.conclusions.statements import CERTAINTY_SIGNS
from analysis_lib.review.baseline import NOT_STATED
from analysis_lib.review.model import Review
from analysis_lib.review.possible import pooled_analyses

Familiar = dict[str, tuple[str, tuple[float, float]]]
#: What a prompt asks for, as a sign and in words.
DOWN, NOTHING, OPEN = "▼", "–", "?"
OVER_SETS = (
    "Weights and tests of asymmetry rest on reconstructed effects: they are medians with the range "
    "of 95% of the sets that agree with the print, and the prompt is what 95% of the sets ask for, "
    "or else all that any of them asks for. The other numbers are recomputed; the sets differ in "
    "them by no more than the rounding of the print. Where they are not the printed ones, because "
    "printed numbers contradict each other or the text does not say who entered, the audit shows "
    "both with the reason."
)


@dataclass(frozen=True, slots=True)
class FindingsTable:
    """The summary of findings, as a page shows it.

    Attributes
    ----------
    frame
        Result of `analysis_lib.book.sections.grading.summary_table`.
    keys
        Outcome and follow-up of each row, as the tables name them.
    reasons
        Why a certainty is what it is, by outcome and follow-up; an outcome that nothing is pooled
        of has all of its follow-ups.
    told
        The answers by outcome and follow-up.
    units
        Unit and direction of each outcome, by its label.
    title, note
        Caption, and what stands below.
    """

    frame: pd.DataFrame
    keys: list[tuple[str, str]]
    reasons: Mapping[tuple[str, str], tuple[str, ...]]
    told: Mapping[tuple[str, str], Answer]
    units: Mapping[str, str]
    times: Mapping[str, str]
    title: str
    note: str = ""
    name: str = "findings-table"

    def csv(self) -> str:
        """Return the table as a file."""
        return table_csv(self.frame)

    def html(self) -> Markup:
        """Return the table; every word of the data is escaped."""
        letters = _lettered(reason for key in self.keys for reason in self._reasons(key))
        doubts = dict.fromkeys(
            rule for key in self.keys if key in self.told for rule in self.told[key].doubts
        )
        numbers = {rule: str(place) for place, rule in enumerate(doubts, start=1)}
        rows = [
            self._row(row, key, letters, numbers)
            for row, key in zip(self.frame.to_dict("records"), self.keys, strict=True)
        ]
        groups = [
            {"outcome": outcome, "unit": self.units.get(str(outcome), ""), "rows": list(inside)}
            for outcome, inside in groupby(rows, key=lambda row: row["outcome"])
        ]
        return render(
            "findings.html",
            caption=self.title,
            anchor=self.name,
            groups=groups,
            heads=[head for head in self._heads() if any(row["cells"].get(head) for row in rows)],
            reasons=[(letter, fmt.sentence(reason)) for reason, letter in letters.items()],
            doubts=[(number, DOUBTS[rule]) for rule, number in numbers.items()],
            note=self.note,
        )

    def _heads(self) -> tuple[str, ...]:
        absolute = (ABSOLUTE_HEADS["without"], ABSOLUTE_HEADS["with"])
        return (*absolute, "Effect (95% CI)", "People (trials)")

    def _reasons(self, key: tuple[str, str]) -> tuple[str, ...]:
        return self.reasons.get(key, ())

    def _row(
        self,
        row: Mapping[Hashable, str],
        key: tuple[str, str],
        letters: Mapping[str, str],
        numbers: Mapping[str, str],
    ) -> dict[str, Any]:
        answer = self.told.get(key)
        absolute = [row.get(ABSOLUTE_HEADS[name], "") for name in ("difference", "nnt")]
        effect = "\n".join(filter(None, [row["Effect (95 % CI)"], *_with_heads(absolute)]))
        people, trials = row["People"], row["Trials"]
        return {
            "outcome": row["Outcome"],
            "when": fmt.capitalised(self.times.get(key[1], row["Follow-up"])),
            "cells": {
                ABSOLUTE_HEADS["without"]: row.get(ABSOLUTE_HEADS["without"], ""),
                ABSOLUTE_HEADS["with"]: row.get(ABSOLUTE_HEADS["with"], ""),
                "Effect (95% CI)": effect,
                "People (trials)": f"{people} ({trials})" if people else "",
            },
            "doubts": [numbers[rule] for rule in answer.doubts] if answer else [],
            "signs": CERTAINTY_SIGNS.get(row["Certainty, recorded"], ""),
            "certainty": row["Certainty, recorded"].replace(NOT_STATED, "not rated") or "not rated",
            "letters": [letters[reason] for reason in self._reasons(key)],
            "words": answer.sentence if answer else row["In words"],
        }


def _with_heads(cells: Iterable[str]) -> Iterator[str]:
    """Yield what an effect means for people, each line with what it is."""
    for head, cell in zip(("difference", "number needed to treat"), cells, strict=True):
        if cell:
            yield f"{head}: {'; '.join(cell.splitlines())}"


def _lettered(reasons: Iterable[str]) -> dict[str, str]:
    """Return a letter for each reason that is told, in the order of the table."""
    return {one: chr(ord("a") + place) for place, one in enumerate(dict.fromkeys(reasons))}


def findings_table(
    review: Review, *, familiar: Familiar | None = None, title: str = "", note: str = ""
) -> FindingsTable | None:
    """Return the summary of findings of a review; nothing if it has no outcome.

    Parameters
    ----------
    review
        A review that was loaded.
    familiar
        For a standardised outcome, an instrument that readers know and its scale.
    title, note
        Caption, and what stands below the table.
    """
    frame = summary_table(review, familiar=familiar)
    if frame.empty:
        return None
    outcomes = dict(zip(review.outcomes["label"], review.outcomes["outcome"], strict=True))
    labels = dict(zip(review.follow_ups["label"], review.follow_ups["follow_up"], strict=True))
    keys = [
        (str(outcomes.get(outcome, outcome)), str(labels.get(time, time)))
        for outcome, time in zip(frame["Outcome"], frame["Follow-up"], strict=True)
    ]
    return FindingsTable(
        frame,
        keys,
        _recorded_reasons(review),
        {answer.key: answer for answer in answers(review)},
        {str(label): _unit(review, str(key)) for label, key in outcomes.items()},
        {str(time): when(review, str(time)) for time in labels.values()},
        title or f"{fmt.capitalised(review.info.experimental)} against {review.info.comparator}",
        _source(review) + (f" {note}" if note else ""),
    )


def _unit(review: Review, outcome: str) -> str:
    row = review.outcomes.set_index("outcome").loc[outcome]
    better = "lower is better" if row["lower_is_better"] else "higher is better"
    if row["measure"] == "IRR":  # its unit is that of the time at risk
        return better
    unit = axis_unit(review, outcome) or ("standard deviations" if row["measure"] == "SMD" else "")
    return f"{unit}; {better}" if unit else better


def _recorded_reasons(review: Review) -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for row in review.certainty.to_dict("records"):
        told = "" if pd.isna(row["reasons"]) else str(row["reasons"])
        reasons = tuple(part.strip() for part in told.split(";") if part.strip())
        if reasons == (NOT_STATED,) or not reasons:
            reasons = () if row["rating"] == RATINGS[-1] else ("the reviewers give no reason",)
        for key in ((row["outcome"], row["follow_up"]), (row["outcome"], "any")):
            found[key] = tuple(dict.fromkeys((*found.get(key, ()), *reasons)))
    return found


def _source(review: Review) -> str:
    told = "as the review prints them" if has_printed(review) else "computed from the data"
    sides = f"{review.info.experimental} minus {review.info.comparator}"
    in_use = [measure for measure in MEASURE_WORDS if measure in set(review.outcomes["measure"])]
    short = ["CI: confidence interval"]
    if in_use:
        short += [f"{', '.join(in_use)}: {', '.join(MEASURE_WORDS[name] for name in in_use)}"]
    if "SMD" in in_use:
        short += ["SD: standard deviations"]
    text = f"Effects, people and trials are {told}; differences are {sides}. {'; '.join(short)}."
    if review.certainty.empty:
        return text
    signs = ", ".join(f"{CERTAINTY_SIGNS[rating]} {rating}" for rating in reversed(RATINGS))
    return f"{text} Certainty as the reviewers rate it: {signs}."


@dataclass(frozen=True, slots=True)
class ProfileTable:
    """The evidence profile: what rules prompt in each domain, for every result."""

    rows: list[tuple[str, str, Assessment]]  # outcome, follow-up, prompts
    title: str = "Evidence profile: every result and the five domains"
    note: str = ""
    name: str = "profile-table"

    def csv(self) -> str:
        """Return the matrix with its numbers as a file."""
        told = [
            {
                "Outcome": outcome,
                "Measured": time,
                **{
                    prompt.domain.capitalize(): f"{prompt.suggestion} ({prompt.finding})"
                    for prompt in found.prompts
                },
                "Prompted": found.suggested_text,
                "Recorded": found.recorded or "not rated",
                "Reasons": found.recorded_reasons,
            }
            for outcome, time, found in self.rows
        ]
        return table_csv(pd.DataFrame(told))

    def html(self) -> Markup:
        """Return rules and matrix; every word of the data is escaped."""
        groups = [
            {"outcome": outcome, "rows": [self._row(time, found) for _, time, found in inside]}
            for outcome, inside in groupby(self.rows, key=lambda row: row[0])
        ]
        return render(
            "profile.html",
            caption=self.title,
            anchor=self.name,
            domains=[domain.capitalize() for domain in GRADE_DOMAINS],
            rules=list(self._rules()),
            groups=groups,
            note=self.note,
        )

    def _rules(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each domain with its rule; one that differs by outcome names the outcomes."""
        for place, domain in enumerate(GRADE_DOMAINS):
            outcomes: dict[str, list[str]] = {}
            for outcome, _, found in self.rows:
                told = outcomes.setdefault(found.prompts[place].rule, [])
                told += [] if outcome in told else [outcome]
            if len(outcomes) == 1:
                yield domain.capitalize(), [_ended(rule) for rule in outcomes]
            else:
                yield (
                    domain.capitalize(),
                    [
                        f"{fmt.capitalised(fmt.listing([fmt.inside_sentence(n) for n in names]))}: "
                        f"{_ended(rule)}"
                        for rule, names in outcomes.items()
                    ],
                )

    def _row(self, time: str, found: Assessment) -> dict[str, object]:
        return {
            "when": time,
            "cells": [
                {
                    "sign": sign(prompt),
                    "says": prompt.suggestion,
                    "told": f"{fmt.capitalised(prompt.suggestion)}. "
                    f"{fmt.capitalised(prompt.finding)}.",
                }
                for prompt in found.prompts
            ],
            "prompted": found.suggested_text,
            "signs": CERTAINTY_SIGNS.get(found.recorded or "", ""),
            "recorded": found.recorded or "not rated",
            "reasons": "" if found.recorded_reasons in ("", NOT_STATED) else found.recorded_reasons,
            "agrees": found.agrees is not False,
        }


def _ended(rule: str) -> str:
    return rule if rule.endswith("?") else f"{rule}."


def sign(prompt: Prompt) -> str:
    """Return what a prompt asks for as a sign.

    Examples
    --------
    >>> sign(Prompt("imprecision", "", "", (1, 2))), sign(Prompt("imprecision", "", "", (0, 0)))
    ('▼–▼▼', '–')
    """
    if prompt.steps is None or prompt.lacks:
        return OPEN
    signs = [DOWN * step or "0" for step in dict.fromkeys(prompt.steps)]
    return NOTHING if signs == ["0"] else NOTHING.join(signs)


def profile(review: Review) -> ProfileTable:
    """Return the evidence profile of every result that can be pooled."""
    labels = dict(zip(review.outcomes["outcome"], review.outcomes["label"], strict=True))
    found = list(pooled_analyses(review))
    rows = [
        (
            str(labels[effects.outcome]),
            fmt.capitalised(when(review, effects.follow_up)),
            grade(review, effects),
        )
        for effects in found
    ]
    any_free = any(effects.reconstructed.any() for effects in found)
    return ProfileTable(rows, note=OVER_SETS if any_free else "")


def show_findings(
    review: Review, *, familiar: Familiar | None = None, title: str = "", note: str = ""
) -> None:
    """Show the summary of findings, or say that there is none; see `findings_table`."""
    table = findings_table(review, familiar=familiar, title=title, note=note)
    if table is None:
        say("No result compares two groups, so there is no summary of findings.")
    else:
        show_made(table)


def show_profile(review: Review) -> bool:
    """Show the evidence profile, if anything can be pooled; return whether it was."""
    table = profile(review)
    if table.rows:
        show_made(table)
    return bool(table.rows)
