"""Screening by rule: a trial against the criteria of a review, with the words that decide."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Final, Literal

import pandas as pd
from annotated_types import MinLen
from pydantic import AfterValidator, PlainValidator, model_validator

from analysis_lib.base.errors import ReviewError, did_you_mean, shown, stop
from analysis_lib.importing.registry import TrialRecord
from analysis_lib.review.baseline import NOT_STATED
from analysis_lib.review.entries import Entries, Items, Words, read_toml

Judgement = Literal["met", "not met", "unclear"]
Decision = Literal["include", "exclude", "unclear"]

FILE: Final = "screening_rules.toml"
RECORD_FIELDS: Final = frozenset(f.name for f in fields(TrialRecord))


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"is a broken pattern ({error})") from None


def _field(name: str) -> str:
    if name not in RECORD_FIELDS:
        raise ValueError(f"is no field of a record{did_you_mean(name, sorted(RECORD_FIELDS))}")
    return name


Field = Annotated[str, AfterValidator(_field)]


class Rule(Entries):
    """One way to judge a criterion: what to look for, where, and what it decides."""

    criterion: Words
    decision: Judgement
    fields: Items[Field] = ()
    pattern: Annotated[re.Pattern[str], PlainValidator(_pattern)] | None = None
    at_least: float | None = None
    below: float | None = None
    always: Words | None = None

    @model_validator(mode="after")
    def _has_one_test(self) -> Rule:
        tests = [t for t in ("pattern", "at_least", "below", "always") if self[t] is not None]
        if len(tests) != 1 or (tests != ["always"] and not self.fields):
            raise ValueError("needs fields and one test (pattern, at_least or below), or always")
        return self


class Reason(Entries):
    """Why something is excluded: its words, the criterion behind it and its box in the diagram."""

    text: Annotated[Words, MinLen(1)]
    criterion: Words | None = None
    box: Words | None = None
    decision: Decision = "exclude"


class ScreeningRules(Entries):
    """The rules and reasons of a review, as data: the tables of ``screening_rules.toml``."""

    rule: Items[Rule] = ()
    shown: Mapping[Words, Items[Field]] = {}
    reason: Mapping[Words, Reason] = {}


@dataclass(frozen=True, slots=True)
class CriterionJudgement:
    """How one criterion is judged, and by which words of which field.

    Of a criterion for exclusion, ``met`` says that the trial does not fall under it.
    """

    criterion: str
    domain: str
    judgement: Judgement
    words: str
    field: str


@dataclass(frozen=True, slots=True)
class ScreeningDecision:
    """The decision on one record or report.

    Attributes
    ----------
    id, title
        Registry number or report, and its title.
    decision
        ``include`` if every criterion is met, ``exclude`` if one is not, else ``unclear``.
    reason, reason_text
        The box of the PRISMA flow diagram for the exclusion and its words; ``None`` without one.
    judgements
        One for each criterion, in the order of the criteria.
    """

    id: str
    title: str
    decision: Decision
    reason: str | None
    reason_text: str | None
    judgements: tuple[CriterionJudgement, ...]

    def judgement(self, criterion: str) -> CriterionJudgement:
        """Return how a criterion was judged."""
        for one in self.judgements:
            if one.criterion == criterion:
                return one
        raise ReviewError(f"{self.id}: no criterion {criterion!r}")

    def to_frame(self) -> pd.DataFrame:
        """Return the judgements as a table, one row a criterion."""
        names = list(CriterionJudgement.__slots__)
        return pd.DataFrame(
            [[getattr(j, n) for n in names] for j in self.judgements], columns=names
        )


# --- rules as data --------------------------------------------------------------------------------


def parse_rules(text: str, criteria: pd.DataFrame) -> ScreeningRules:
    """Read the rules of ``screening_rules.toml`` and check them against the criteria.

    Parameters
    ----------
    text
        TOML with the tables ``rule``, ``shown`` and ``reason``; the file says what they hold.
    criteria
        The columns criterion and domain of ``criteria.csv``.

    Raises
    ------
    ReviewError
        If the text is not TOML, or a rule or reason names an unknown criterion, field, decision or
        key, has no test or a broken pattern.
    """
    rules = read_toml(text, ScreeningRules, FILE)
    known = list(_criteria(criteria))
    named = [
        *((f"table [rule.{i}], key criterion", r.criterion) for i, r in enumerate(rules.rule, 1)),
        *(("table [shown]", name) for name in rules.shown),
        *((f"table [reason.{n}], key criterion", r.criterion) for n, r in rules.reason.items()),
    ]
    unknown = [(place, name) for place, name in named if name is not None and name not in known]
    stop(
        [
            f"{FILE}, {place}: {shown(name)} is not in criteria.csv{did_you_mean(name, known)}"
            for place, name in unknown
        ],
        f"in {FILE}",
    )
    return rules


def _criteria(criteria: pd.DataFrame) -> dict[str, str]:
    if missing := [c for c in ("criterion", "domain") if c not in criteria.columns]:
        raise ReviewError(f"criteria: missing columns {', '.join(missing)}")
    return dict(zip(map(str, criteria["criterion"]), map(str, criteria["domain"]), strict=True))


# --- a registry record ----------------------------------------------------------------------------


def screen(record: TrialRecord, criteria: pd.DataFrame, rules: ScreeningRules) -> ScreeningDecision:
    """Judge a registry record by the criteria of a review.

    Parameters
    ----------
    record
        From `analysis_lib.importing.registry.read_record`.
    criteria
        The review's criteria: columns criterion and domain, one row each.
    rules
        From `parse_rules`.

    Returns
    -------
    ScreeningDecision
        The reason is that of the first criterion, in the order of ``criteria``, that is not met.

    Notes
    -----
    The rules find words; they do not understand them. ``unclear`` is the honest judgement where
    the record is silent, and a person decides.
    """
    judgements = tuple(
        _judge(record, criterion, domain, rules)
        for criterion, domain in _criteria(criteria).items()
    )
    failed = [j.criterion for j in judgements if j.judgement == "not met"]
    if not failed:
        clear = all(j.judgement == "met" for j in judgements)
        decision: Decision = "include" if clear else "unclear"
        return ScreeningDecision(record.id, record.title, decision, None, None, judgements)
    for name, reason in rules.reason.items():
        if reason.criterion == failed[0]:
            box, text = reason.box or name, reason.text
            return ScreeningDecision(record.id, record.title, "exclude", box, text, judgements)
    return ScreeningDecision(record.id, record.title, "exclude", failed[0], None, judgements)


def _judge(
    record: TrialRecord, criterion: str, domain: str, rules: ScreeningRules
) -> CriterionJudgement:
    for rule in rules.rule:
        if rule.criterion != criterion:
            continue
        if rule.always is not None:
            return CriterionJudgement(criterion, domain, rule.decision, rule.always, "")
        for name in rule.fields:
            for entry in _entries(record, name):
                if _applies(rule, entry):
                    return CriterionJudgement(criterion, domain, rule.decision, str(entry), name)
    quoted = rules.shown.get(criterion, ())
    words = "; ".join(str(e) for name in quoted for e in _entries(record, name))
    return CriterionJudgement(criterion, domain, "unclear", words or NOT_STATED, ", ".join(quoted))


def _entries(record: TrialRecord, name: str) -> Sequence[object]:
    value = getattr(record, name)
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def _applies(rule: Rule, entry: object) -> bool:
    if rule.pattern is not None:
        return rule.pattern.search(str(entry)) is not None
    if not isinstance(entry, int | float):
        return False
    if rule.at_least is not None:
        return entry >= rule.at_least
    return rule.below is not None and entry < rule.below


# --- reports that people have screened ------------------------------------------------------------


def screen_reports(
    reports: pd.DataFrame, criteria: pd.DataFrame, rules: ScreeningRules
) -> tuple[ScreeningDecision, ...]:
    """Put reports that were excluded by people into the same structure, by their recorded reason.

    Parameters
    ----------
    reports
        Columns report, title and reason (a reason of the rules), one row each.
    criteria, rules
        As for `screen`.

    Returns
    -------
    tuple of ScreeningDecision
        The criterion behind the reason is ``not met``; the others are ``unclear``, since a review
        records one reason only.

    Raises
    ------
    ReviewError
        If a reason is unknown; the message names the report.
    """
    known = _criteria(criteria)
    decisions = []
    for row in reports.to_dict("records"):
        name, given = str(row["report"]), str(row["reason"])
        if given not in rules.reason:
            close = did_you_mean(given, list(rules.reason))
            raise ReviewError(f"{name}: unknown reason {given!r}{close}")
        reason = rules.reason[given]
        judgements = tuple(_recorded(c, domain, reason) for c, domain in known.items())
        decisions.append(
            ScreeningDecision(
                name,
                str(row["title"]),
                reason.decision,
                reason.box or given,
                reason.text,
                judgements,
            )
        )
    return tuple(decisions)


def _recorded(criterion: str, domain: str, reason: Reason) -> CriterionJudgement:
    if reason.criterion == criterion and reason.decision == "exclude":
        return CriterionJudgement(criterion, domain, "not met", reason.text, "recorded reason")
    return CriterionJudgement(criterion, domain, "unclear", "not recorded", "")
