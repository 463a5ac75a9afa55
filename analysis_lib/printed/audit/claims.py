"""The rules that compare what a text says of a table with the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import number
from analysis_lib.printed.audit.rows import (
    COUNTS,
    MATTERS,
    Check,
    Matters,
    Rule,
    good,
    show,
    unknown,
    wrong,
)
from analysis_lib.printed.audit.tables import Tables
from analysis_lib.printed.intervals import Interval, printed_text, read_printed
from analysis_lib.review.baseline import ARM

# Columns of whole numbers, which nobody rounds.
WHOLE: Final = frozenset({*COUNTS, "n", "men", "women", "events", "year", "weeks", "sessions"})


def check_claims(tables: Tables) -> Iterator[tuple[str, Check]]:
    """Check that a number in the text follows from the table it sums up.

    ``claims`` has one row a statement: claim, table, column, where (``arm=x & trial=a|b``; rows of
    ``arm_results`` have the group of their arm too),
    statistic (sum, product, min, max, mean, median, rows, trials), relation (= <= >=), value,
    factor (to bring the table to the unit of the text), scale_max (to bring scores to one scale),
    words, and optionally matters. A statement about other statements names the table ``claims``.
    Formula: the statistic of the column over the rows that ``where`` chooses. A mean may be
    weighted by n, over arms or over trials: any that fits is enough. Tolerance: the printed
    digits of the text, and those of the table.
    """
    claims = tables.frame("claims")
    if claims is None:
        yield "all", unknown("needs the statements of the text")
        return
    for claim in claims.to_dict("records"):
        texts = {str(k): printed_text(v) or "" for k, v in claim.items()}
        yield texts["claim"], _check_claim(texts, tables)


def _check_claim(claim: Mapping[str, str], tables: Tables) -> Check:
    name = claim["claim"]
    table = _claimed(tables, claim["table"])
    if table is None:
        return unknown(f"needs {claim['table']}")
    rows = _chosen(table, claim["where"], name)
    if claim["column"] not in rows.columns:
        raise ReviewError(f"{name}: {claim['table']} has no column {claim['column']!r}")
    rows = rows[rows[claim["column"]].notna()]
    counted = claim["statistic"] in ("rows", "trials")
    exact = counted or claim["column"] in WHOLE
    said = read_printed(claim["value"], f"{name}, value", exact=exact)
    if rows.empty and not counted:
        return unknown("no such rows")
    found = _statistics(rows, claim)
    if any(_holds(said, value, claim["relation"] or "=") for value in found):
        return good(claim["words"], "the table gives the same")
    told = " or ".join(dict.fromkeys(show(v) for v in found))
    follows = f"the table gives {told}, the text {claim['value']}"
    if claim["statistic"] == "sum":
        follows += _explained(rows, claim["column"], found[0].low - said.low)
    follows += _repeated(claim, tables)
    return wrong(claim["words"], follows, _matters(claim))


def _claimed(tables: Tables, name: str) -> pd.DataFrame | None:
    """Return the table that a claim speaks of; results by arm know the side of their arm."""
    table, arms = tables.frame(name), tables.frame("arms")
    if name != "arm_results" or table is None or arms is None:
        return table
    return table.merge(arms[[*ARM, "group"]], on=ARM, how="left")


def _matters(claim: Mapping[str, str]) -> Matters:
    """How much a statement matters: its own column says so, or else a number."""
    found = next((m for m in MATTERS if m == claim.get("matters")), None)
    if claim.get("matters") and found is None:
        raise ReviewError(f"{claim['claim']}: matters is {claim['matters']!r}, none of {MATTERS}")
    return found or "number"


def _chosen(table: pd.DataFrame, where: str, name: str) -> pd.DataFrame:
    for condition in filter(None, where.split("&")):
        column, _, values = (part.strip() for part in condition.partition("="))
        if column not in table.columns:
            raise ReviewError(f"{name}: where names the unknown column {column!r}")
        wanted = {v.strip() for v in values.split("|")}
        table = table[table[column].map(lambda v: _plain(v) in wanted)]  # noqa: B023
    return table


def _plain(value: object) -> str:
    return {"True": "yes", "False": "no"}.get(str(value), str(value))


def _statistics(rows: pd.DataFrame, claim: Mapping[str, str]) -> list[Interval]:
    """Return the statistic of a claim in each reading that is fair."""
    kind, column = claim["statistic"], claim["column"]
    if kind == "rows":
        return [Interval(len(rows), len(rows))]
    if kind == "trials":
        n = rows["trial"].nunique()
        return [Interval(n, n)]
    values = pd.DataFrame(
        [_cell_interval(row, claim) for row in rows.to_dict("records")], index=rows.index
    )
    if kind in ("sum", "product", "min", "max", "median"):
        return [Interval(*(float(getattr(values[end], kind)()) for end in ("low", "high")))]
    if kind != "mean":
        raise ReviewError(f"{claim['claim']}: unknown statistic {kind!r} of {column}")
    weights = [
        pd.Series(1.0, index=rows.index),
        1 / rows.groupby("trial")["trial"].transform("size"),
    ]
    if "n" in rows.columns:
        weights.append(pd.to_numeric(rows["n"]).astype(float))
    return [
        Interval(*(float((values[end] * w).sum() / w.sum()) for end in ("low", "high")))
        for w in weights
    ]


def _cell_interval(row: Mapping[Any, object], claim: Mapping[str, str]) -> dict[str, float]:
    column = claim["column"]
    text = printed_text(row[column]) or ""
    value = read_printed(text, f"{claim['claim']}, {column}", exact=column in WHOLE)
    factor = float(claim["factor"] or 1)
    if claim["scale_max"]:
        highest = printed_text(row.get("scale_max"))
        if highest is None:
            raise ReviewError(f"{claim['claim']}: a row of {claim['table']} has no scale_max")
        factor *= float(claim["scale_max"]) / float(highest)
    scaled = value.scaled(factor)
    return {"low": scaled.low, "high": scaled.high}


def _holds(said: Interval, found: Interval, relation: str) -> bool:
    if relation == "=":
        return said.overlaps(found)
    return found.low <= said.high if relation == "<=" else found.high >= said.low


def _explained(rows: pd.DataFrame, column: str, difference: float) -> str:
    """Name the rows that, left out or counted twice, would explain a difference of sums."""
    same = rows[pd.to_numeric(rows[column]) == abs(difference)]
    if difference == 0 or same.empty or "arm" not in rows.columns:
        return ""
    names = ", ".join(f"{t} {a}" for t, a in zip(same["trial"], same["arm"], strict=True))
    return f"; the difference of {abs(difference):g} is the size of {names}" + (
        " (left out?)" if difference > 0 else " (counted twice?)"
    )


DISTINCT_DIGITS = 3  # two statements share shorter figures all the time


def _repeated(claim: Mapping[str, str], tables: Tables) -> str:
    """Name another statement about the same column that prints the very same figure."""
    claims = tables.frames["claims"]
    same = claims[
        (claims["table"] == claim["table"])
        & (claims["column"] == claim["column"])
        & (claims["statistic"] == claim["statistic"])
        & (claims["claim"] != claim["claim"])
        & (claims["value"].map(printed_text) == claim["value"])
    ]
    if same.empty or sum(c.isdigit() for c in claim["value"]) < DISTINCT_DIGITS:
        return ""
    return f"; {', '.join(same['claim'])} prints the same figure (repeated?)"


def check_left_out_arm(tables: Tables) -> Iterator[tuple[str, Check]]:
    """Find the arm that totals leave out by the means that the text prints of the same arms.

    Formula: a total of n falls short of the table by the size of one arm, or of several, one of
    which was left out. Without each of them in turn the printed means of the same group are
    computed again, over arms. One is told if more of the printed means come out without it than
    without any other, and more than with all. Tolerance: the printed digits of the text. Those of
    the table are taken as they stand, since their errors of rounding cancel in a mean.
    """
    claims = tables.frame("claims")
    if claims is None:
        yield "all", unknown("needs the statements of the text")
        return
    told = [
        {str(k): printed_text(v) or "" for k, v in c.items()} for c in claims.to_dict("records")
    ]
    for total in told:
        if (total["table"], total["column"], total["statistic"]) != ("arms", "n", "sum"):
            continue
        arms = _chosen(tables.frames["arms"], total["where"], total["claim"])
        short = float(arms["n"].sum()) - float(total["value"])
        candidates = arms[arms["n"] == short]
        means = [c for c in told if c["statistic"] == "mean" and _about(c, total)]
        if len(candidates) > 1 and means:
            yield total["claim"], _left_out_arm(candidates, means, tables)


def _about(claim: Mapping[str, str], total: Mapping[str, str]) -> bool:
    """Say whether a mean is one of the arms that a total counts, and of no others."""
    of_mean, of_total = (
        {part.strip() for part in where["where"].split("&") if part.strip()}
        for where in (claim, total)
    )
    kept = {part for part in of_mean if not part.startswith(("outcome=", "time="))}
    return claim["table"] in ("arms", "arm_results") and kept == of_total


def _left_out_arm(
    candidates: pd.DataFrame, means: Sequence[Mapping[str, str]], tables: Tables
) -> Check:
    names = ["", *(f"{t} {a}" for t, a in candidates[ARM].itertuples(index=False))]
    found = {name: [_mean_without(name, claim, tables) for claim in means] for name in names}
    said = [read_printed(c["value"], c["claim"]) for c in means]
    fits = {
        name: sum(v is not None and s.low <= v <= s.high for v, s in zip(values, said, strict=True))
        for name, values in found.items()
    }
    best = max(fits, key=lambda name: fits[name])
    printed = "; ".join(f"{_subject(c)} {c['value']}" for c in means)
    if best and sum(n == fits[best] for n in fits.values()) == 1:
        counts = ", ".join(f"{n} without {name}" for name, n in fits.items() if name)
        values = ", ".join(
            f"{_subject(c)} {number(v, 2)}" for c, v in zip(means, found[best], strict=True) if v
        )
        follows = (
            f"of {len(means)} printed means come out: {fits['']} with all arms, {counts}; "
            f"without {best}: {values}"
        )
        return wrong(printed, follows, "number")
    return unknown("the printed means fit several arms as well")


def _subject(claim: Mapping[str, str]) -> str:
    """Return of what a claim gives the mean: an outcome, or what the name of its column says."""
    outcome = claim["where"].partition("outcome=")[2].partition("&")[0].strip()
    return outcome or claim["column"].removesuffix("_mean").replace("_", " ")


def _mean_without(name: str, claim: Mapping[str, str], tables: Tables) -> float | None:
    """Return the mean of a column over the arms of a group, one of them left out."""
    table = _claimed(tables, claim["table"])
    if table is None:
        return None
    rows = _chosen(table, claim["where"], claim["claim"])
    rows = rows[rows[claim["column"]].notna() & (rows["trial"] + " " + rows["arm"] != name)]
    if rows.empty:
        return None
    over_arms = _statistics(rows, claim)[0]
    return (over_arms.low + over_arms.high) / 2


CLAIM_RULES: Final = (
    Rule(
        "text and table",
        "Do numbers in the text follow from the tables?",
        "Which rows of the table does the text sum up?",
        ("value",),
        check_claims,
    ),
    Rule(
        "left-out arm",
        "Do printed means say which arm a total leaves out?",
        "Was this arm left out of the totals?",
        ("value",),
        check_left_out_arm,
    ),
)
