"""Screening by rule: a trial against the criteria of a review, with the words that decide."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, cast, get_args

import pandas as pd

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing.registry import TrialRecord

Judgement = Literal["met", "not met", "unclear"]
Decision = Literal["include", "exclude", "unclear"]

JUDGEMENTS: Final = frozenset(get_args(Judgement))
RECORD_FIELDS: Final = frozenset(f.name for f in fields(TrialRecord))


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to judge a criterion: what to look for, where, and what it decides."""

    criterion: str
    decision: Judgement
    fields: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    at_least: float | None = None
    below: float | None = None
    always: str | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is excluded: its box in the flow diagram and the criterion behind it."""

    id: str
    text: str
    criterion: str | None
    box: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class ScreeningRules:
    """The rules and reasons of a review, as data."""

    rules: tuple[Rule, ...]
    shown: Mapping[str, tuple[str, ...]]
    reasons: tuple[Reason, ...]


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
        If the text is not TOML, or a rule or reason names an unknown criterion, field or
        decision, has no test or a broken pattern.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ReviewError(f"screening rules: not readable as TOML: {error}") from None
    known = _criteria(criteria)
    rules = tuple(_rule(entry, known) for entry in _tables(data, "rule"))
    shown = {str(c): tuple(map(str, names)) for c, names in data.get("shown", {}).items()}
    for criterion, names in shown.items():
        _stop_unknown(f"shown.{criterion}", criterion, names, known)
    reasons = data.get("reason", {})
    if not isinstance(reasons, dict):
        raise ReviewError("screening rules: reason must be a table of reasons")
    return ScreeningRules(rules, shown, tuple(_reason(n, e, known) for n, e in reasons.items()))


def _criteria(criteria: pd.DataFrame) -> dict[str, str]:
    if missing := [c for c in ("criterion", "domain") if c not in criteria.columns]:
        raise ReviewError(f"criteria: missing columns {', '.join(missing)}")
    return dict(zip(map(str, criteria["criterion"]), map(str, criteria["domain"]), strict=True))


def _tables(data: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = data.get(name, [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ReviewError(f"screening rules: {name} must be a list of tables")
    return found


def _stop_unknown(
    where: str, criterion: str, names: Iterable[str], known: Mapping[str, str]
) -> None:
    if criterion not in known:
        raise ReviewError(f"screening rules, {where}: unknown criterion {criterion!r}")
    if unknown := [name for name in names if name not in RECORD_FIELDS]:
        raise ReviewError(f"screening rules, {where}: unknown field {', '.join(unknown)}")


def _rule(entry: Mapping[str, Any], known: Mapping[str, str]) -> Rule:
    criterion, names = str(entry.get("criterion")), tuple(map(str, entry.get("fields", ())))
    where, decision = f"rule for {criterion}", entry.get("decision")
    _stop_unknown(where, criterion, names, known)
    if decision not in JUDGEMENTS:
        raise ReviewError(f"screening rules, {where}: unknown decision {decision!r}")
    tests = [t for t in ("pattern", "at_least", "below", "always") if t in entry]
    if len(tests) != 1 or (tests != ["always"] and not names):
        raise ReviewError(f"screening rules, {where}: needs fields and one test, or always")
    bound = {t: float(entry[t]) for t in ("at_least", "below") if t in entry}
    return Rule(
        criterion,
        cast(Judgement, decision),
        names,
        _compiled(str(entry["pattern"]), where) if "pattern" in entry else None,
        bound.get("at_least"),
        bound.get("below"),
        str(entry["always"]) if "always" in entry else None,
    )


def _compiled(pattern: str, where: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise ReviewError(f"screening rules, {where}: broken pattern ({error})") from None


def _reason(name: str, entry: Mapping[str, Any], known: Mapping[str, str]) -> Reason:
    criterion, decision = entry.get("criterion"), entry.get("decision", "exclude")
    if criterion is not None:
        _stop_unknown(f"reason.{name}", criterion, (), known)
    if decision not in get_args(Decision) or not entry.get("text"):
        raise ReviewError(f"screening rules, reason.{name}: needs a text and a known decision")
    return Reason(
        name, str(entry["text"]), criterion, str(entry.get("box", name)), cast(Decision, decision)
    )


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
    reason = next((r for r in rules.reasons if r.criterion == failed[0]), None)
    return ScreeningDecision(
        record.id,
        record.title,
        "exclude",
        reason.box if reason else failed[0],
        reason.text if reason else None,
        judgements,
    )


def _judge(
    record: TrialRecord, criterion: str, domain: str, rules: ScreeningRules
) -> CriterionJudgement:
    for rule in rules.rules:
        if rule.criterion != criterion:
            continue
        if rule.always is not None:
            return CriterionJudgement(criterion, domain, rule.decision, rule.always, "")
        for name in rule.fields:
            for entry in _entries(record, name):
                if _applies(rule, entry):
                    return CriterionJudgement(criterion, domain, rule.decision, str(entry), name)
    shown = rules.shown.get(criterion, ())
    words = "; ".join(str(e) for name in shown for e in _entries(record, name))
    return CriterionJudgement(criterion, domain, "unclear", words or "not stated", ", ".join(shown))


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
    known, reasons = _criteria(criteria), {r.id: r for r in rules.reasons}
    decisions = []
    for row in reports.to_dict("records"):
        name, given = str(row["report"]), str(row["reason"])
        if given not in reasons:
            raise ReviewError(f"{name}: unknown reason {given!r}")
        reason = reasons[given]
        judgements = tuple(_recorded(c, domain, reason) for c, domain in known.items())
        decisions.append(
            ScreeningDecision(
                name, str(row["title"]), reason.decision, reason.box, reason.text, judgements
            )
        )
    return tuple(decisions)


def _recorded(criterion: str, domain: str, reason: Reason) -> CriterionJudgement:
    if reason.criterion == criterion and reason.decision == "exclude":
        return CriterionJudgement(criterion, domain, "not met", reason.text, "recorded reason")
    return CriterionJudgement(criterion, domain, "unclear", "not recorded", "")
