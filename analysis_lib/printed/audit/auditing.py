"""Audit of printed results: what the numbers of a published meta-analysis say about each other.

Every rule needs only printed numbers. A printed number stands for all values that would have been
rounded to its digits, and the rules reckon with that whole interval, so that rounding alone never
raises a finding. A finding is a question to the authors, not a reproach: most misprints are one
character, and where one character would make a result agree with itself, the audit says which.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from analysis_lib.base.checks import as_items, check_choice, check_kind, check_level
from analysis_lib.base.errors import ReviewError
from analysis_lib.printed.audit.claims import CLAIM_RULES
from analysis_lib.printed.audit.results import RESULT_RULES, mended
from analysis_lib.printed.audit.rows import (
    REPEATED,
    ROUNDED,
    WRONG,
    Check,
    Matters,
    Options,
    Row,
    Rule,
    Verdict,
    read_row,
)
from analysis_lib.printed.audit.spread import SPREAD_RULES
from analysis_lib.printed.audit.tables import TABLE_RULES, Tables

__all__ = ["RULES", "Audit", "Finding", "Rule", "audit"]

LARGEST_PUBLISHED = 100_000  # rows; a review prints some dozens


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says about one printed result.

    Attributes
    ----------
    rule, where
        The rule, and the id of the result, trial or statement.
    verdict
        ``consistent``, ``inconsistent``, ``impossible`` or ``cannot be checked``.
    printed, follows
        What stands there, and what follows from it.
    matters
        For what it would matter: ``none``, ``wording``, a ``number``, or a ``conclusion``.
    suggestion
        The change of one character that would make it consistent, or ``None``.
    question
        A question to the authors.
    """

    rule: str
    where: str
    verdict: Verdict
    printed: str
    follows: str
    matters: Matters = "none"
    suggestion: str | None = None
    question: str = ""


@dataclass(frozen=True, slots=True)
class Audit:
    """Every check of an audit."""

    checks: tuple[Finding, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The checks that found something: inconsistent or impossible."""
        return tuple(c for c in self.checks if c.verdict in WRONG)

    def to_frame(self, *, every_check: bool = False) -> pd.DataFrame:
        """Return the findings, or every check, as a table of one row each."""
        names = list(Finding.__slots__)
        chosen = self.checks if every_check else self.findings
        return pd.DataFrame([[getattr(c, n) for n in names] for c in chosen], columns=names)

    def __len__(self) -> int:
        return len(self.findings)

    def __repr__(self) -> str:
        told = pd.Series([c.verdict for c in self.checks], dtype=object).value_counts()
        return f"Audit({', '.join(f'{n} {verdict}' for verdict, n in told.items())})"

    def _repr_html_(self) -> str:
        html: str = self.to_frame().to_html(index=False, na_rep="")
        return html


BETWEEN_TABLES: Final = TABLE_RULES + CLAIM_RULES + SPREAD_RULES
RULES: Final = RESULT_RULES + BETWEEN_TABLES


def audit(
    published: pd.DataFrame,
    *,
    arms: pd.DataFrame | None = None,
    arm_results: pd.DataFrame | None = None,
    trials: pd.DataFrame | None = None,
    interventions: pd.DataFrame | None = None,
    adverse_events: pd.DataFrame | None = None,
    selection: pd.DataFrame | None = None,
    excluded_reports: pd.DataFrame | None = None,
    claims: pd.DataFrame | None = None,
    subgroup_levels: pd.DataFrame | None = None,
    members: pd.DataFrame | None = None,
    exclusive_columns: Sequence[str] = (),
    level: float = 0.95,
    ci_method: str = "wald",
    i2_matches_tau2: bool = False,
) -> Audit:
    """Check what the printed numbers of a review say about each other.

    Parameters
    ----------
    published
        One row a printed result, with the columns of ``data/published.csv``; figures as text keep
        their printed digits (``Review.printed``), floats are taken with the digits of their repr.
    arms, arm_results, trials, interventions, adverse_events, selection, excluded_reports
        The review's other tables, where the rules that compare text and tables shall run.
    claims
        Statements of the text about a table; see `check_claims`.
    subgroup_levels
        The cut points of subgroups; see `check_subgroup_levels`.
    members
        Which arms enter which analysis: analysis (an id of ``published``), trial, arm.
    exclusive_columns
        Columns of ``trials`` in which a trial must have exactly one entry.
    level
        Level of the printed intervals.
    ci_method
        ``wald`` or ``HK`` (Hartung-Knapp).
    i2_matches_tau2
        True if I2 and tau2 come from one statistic (DerSimonian-Laird, or I2 from tau2).

    Returns
    -------
    Audit
        Every check; ``.findings`` are those that found something.

    Raises
    ------
    ReviewError
        If a figure is not a number, an id is missing or doubled, or a claim cannot be read.

    Notes
    -----
    Each rule's docstring gives its formula and its tolerance.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"id": "pain", "estimate": "0.22", "ci_low": "-0.70", "ci_high": "0.26"}
    >>> [f.suggestion for f in audit(pd.DataFrame([row])).findings]
    ['estimate -0.22 for 0.22 (sign)']
    """
    check_level(level)
    check_choice("ci_method", ci_method, ("wald", "HK"))
    columns = as_items("exclusive_columns", exclusive_columns)
    options = Options(level, ci_method, i2_matches_tau2, columns)
    given = {
        "arms": arms,
        "arm_results": arm_results,
        "trials": trials,
        "interventions": interventions,
        "adverse_events": adverse_events,
        "selection": selection,
        "excluded_reports": excluded_reports,
        "claims": claims,
        "subgroup_levels": subgroup_levels,
        "members": members,
    }
    frames = {name: frame for name, frame in given.items() if frame is not None}
    frames["published"] = published
    tables = _read_tables(published, frames, options)
    checks = [
        check
        for row in zip(tables.rows, tables.cells, strict=True)
        for check in _check_result(*row, tables)
    ]
    for rule in BETWEEN_TABLES:
        checks += [_finding(rule, where, check) for where, check in rule.check(tables)]
    return Audit(tuple(checks))


_NEEDED: Final = {
    "published": ("id",),
    "arms": ("trial", "arm", "group", "n", "men", "women"),
    "arm_results": ("trial", "outcome", "arm", "time", "n", "mean", "sd", "scale_min", "scale_max"),
    "trials": ("trial",),
    "selection": ("box", "count", "parent"),
    "excluded_reports": ("reason",),
    "claims": (
        "claim",
        "table",
        "column",
        "where",
        "statistic",
        "relation",
        "value",
        "factor",
        "scale_max",
        "words",
    ),
    "subgroup_levels": ("factor", "level", "variable", "low", "high"),
    "members": ("analysis", "trial", "arm"),
}


def _read_tables(
    published: pd.DataFrame, frames: Mapping[str, pd.DataFrame], options: Options
) -> Tables:
    for name, frame in {"published": published, **frames}.items():
        check_kind(name, frame, pd.DataFrame, "pandas.read_csv")
    if len(published) > LARGEST_PUBLISHED:
        raise ReviewError(f"published: {len(published)} rows; the limit is {LARGEST_PUBLISHED}")
    for name, frame in frames.items():
        needed = _NEEDED.get(name, ())
        if absent := [c for c in needed if c not in frame.columns]:
            raise ReviewError(f"{name}: missing columns {', '.join(absent)}")
    ids = published["id"]
    if ids.isna().any() or ids.duplicated().any():
        twice = sorted({str(i) for i in ids[ids.duplicated() | ids.isna()]})
        raise ReviewError(f"published: ids must be present and unique ({', '.join(twice)})")
    cells = tuple({str(k): v for k, v in c.items()} for c in published.to_dict("records"))
    rows = tuple(read_row(c, options) for c in cells)
    by_analysis: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        # Without outcome and follow-up a result stands alone.
        if any(row.analysis):
            by_analysis[row.analysis].append(row)
        else:
            by_analysis[row.id, ""].append(row)
    grouped = {key: tuple(value) for key, value in by_analysis.items()}
    return Tables(rows, cells, frames, options, grouped)


def _check_result(row: Row, cells: Mapping[str, object], tables: Tables) -> Iterator[Finding]:
    """Run the rules of one result, with the correction that would mend it."""
    options = tables.options
    checks = [(rule, rule.check(row, options)) for rule in RESULT_RULES]
    suggestion = None
    if any(check.verdict in WRONG for _, check in checks):
        completed = _completed(row, cells, tables)
        whole = read_row(completed, options)
        if any(rule.check(whole, options).verdict in WRONG for rule in RESULT_RULES):
            suggestion = mended(completed, whole, options, _confirmed(row, tables))
    for rule, check in checks:
        yield _finding(rule, row.id, check, suggestion)


def _finding(rule: Rule, where: str, check: Check, suggestion: str | None = None) -> Finding:
    if check.verdict not in WRONG:
        return Finding(rule.name, where, check.verdict, check.printed, check.follows)
    return Finding(
        rule.name,
        where,
        check.verdict,
        check.printed,
        check.follows,
        check.matters,
        suggestion,
        rule.question,
    )


def _completed(row: Row, cells: Mapping[str, object], tables: Tables) -> Mapping[str, object]:
    """Add to a result repeated in the abstract the figures that only the results print."""
    main = tables.main(row) if row.kind in REPEATED else None
    if main is None:
        return cells
    rest = {c: t for c, t in main.texts.items() if c not in row.texts}
    if "p" in rest:
        rest["p_relation"] = main.p_relation
    return {**cells, **rest}


def _confirmed(row: Row, tables: Tables) -> frozenset[str]:
    """Figures that another row about the same studies prints with more digits."""
    same = [
        r
        for r in tables.by_analysis.get(row.analysis, ())
        if r is not row and r.without == row.without and r.factor == row.factor
    ]
    return frozenset(
        c
        for c in ROUNDED
        for r in same
        if c in row.texts
        and len(r.texts.get(c, "")) > len(row.texts[c])
        and r.numbers[c].overlaps(row.numbers[c])
    )
