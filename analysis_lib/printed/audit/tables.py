"""The rules that compare printed results with each other and with the tables of a review."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

import pandas as pd
from scipy.special import chdtr

from analysis_lib.base.errors import ReviewError
from analysis_lib.printed.audit.results import RESULT_RULES
from analysis_lib.printed.audit.rows import (
    COUNTS,
    LARGEST_DF,
    MAIN,
    MATTERS,
    REPEATED,
    ROUNDED,
    WRONG,
    Check,
    Matters,
    Options,
    Row,
    Rule,
    excludes_null,
    good,
    listed,
    pi_quantile,
    show,
    standard_error,
    statistic_dfs,
    typical_variance,
    unknown,
    whole_df,
    wrong,
)
from analysis_lib.printed.intervals import FLOAT_ERROR, Interval, printed_text, read_printed
from analysis_lib.review.baseline import ARM, BASELINE, Factor, read_factors, scores_at_baseline
from analysis_lib.review.flow import EXCLUDED, STUDIES, flow_problems

ALPHA = 0.05  # the usual limit for calling something unlikely by chance


@dataclass(frozen=True, slots=True)
class Tables:
    """All that an audit is given."""

    rows: tuple[Row, ...]
    cells: tuple[Mapping[str, object], ...]
    frames: Mapping[str, pd.DataFrame]
    options: Options
    by_analysis: Mapping[tuple[str, str], tuple[Row, ...]] = field(repr=False)

    def frame(self, name: str) -> pd.DataFrame | None:
        """Return a table of the review, if it was given."""
        return self.frames.get(name)

    def main(self, row: Row) -> Row | None:
        """Return the main result of the analysis that a row belongs to."""
        rows = self.by_analysis.get(row.analysis, ())
        return next((r for r in rows if r.kind in MAIN and r is not row), None)


def check_repeated(tables: Tables) -> Iterator[tuple[str, Check]]:
    """Check that abstract, discussion and sensitivity text repeat the results' figures.

    Formula: a figure printed twice is one number. Tolerance: the intervals of the printed digits
    overlap. A sensitivity row in which nothing is left out repeats the main result.
    """
    for row in tables.rows:
        whole = row.kind == "sensitivity" and not row.without and not row.factor
        main = tables.main(row) if row.kind in REPEATED or whole else None
        if main is None:
            continue
        shared = [c for c in (*ROUNDED, *COUNTS) if c in row.numbers and c in main.numbers]
        differ = [c for c in shared if not row.numbers[c].overlaps(main.numbers[c])]
        if not differ:
            yield row.id, good(row.told(*shared), f"as in {main.id}")
            continue
        matters: Matters = "conclusion" if excludes_null(row) != excludes_null(main) else "number"
        yield row.id, wrong(row.told(*differ), f"{main.id} prints {main.told(*differ)}", matters)


def check_copied(tables: Tables) -> Iterator[tuple[str, Check]]:
    """Look for a figure of a broken result that another result of the outcome prints too.

    Formula: the same text of three digits or more in the same column of two results of one outcome
    at different follow-ups, told only if the rules about centre or prediction interval already
    find the first one broken and the second sound. Exact.
    """
    for row in tables.rows:
        rules = [r for r in COPYABLE if r.check(row, tables.options).verdict in WRONG]
        if row.kind not in MAIN or not rules:
            continue
        columns = sorted({c for r in rules for c in r.uses})
        for other in tables.rows:
            if other.kind not in MAIN or other.outcome != row.outcome or other is row:
                continue
            if any(r.check(other, tables.options).verdict in WRONG for r in COPYABLE):
                continue
            same = [c for c in columns if _same_figure(row, other, c)]
            if same:
                yield row.id, wrong(row.told(*same), f"{other.id} prints the same", "number")


COPYABLE: Final = tuple(r for r in RESULT_RULES if r.name in ("centre", "prediction centre"))
DISTINCT_DIGITS = 3  # two results share shorter figures all the time


def _same_figure(row: Row, other: Row, column: str) -> bool:
    text = row.texts.get(column, "")
    digits = sum(c.isdigit() for c in text)
    return text == other.texts.get(column) and digits >= DISTINCT_DIGITS


def check_measures(tables: Tables) -> Iterator[tuple[str, Check]]:
    """Check that an analysis is told with one effect measure throughout.

    Formula: the measure of each row with an estimate equals that of the main result. Exact.
    """
    for row in tables.rows:
        main = tables.main(row)
        if main is None or "ci_low" not in row.numbers or not (row.measure and main.measure):
            continue
        if row.measure == main.measure:
            yield row.id, good(row.measure, f"as in {main.id}")
        else:
            yield (
                row.id,
                wrong(
                    f"{row.measure}, {row.told('estimate')}",
                    f"{main.id} is a {main.measure}",
                    "wording",
                ),
            )


def _comparisons_of(arms: pd.DataFrame) -> pd.Series:
    """Count each trial's comparisons when a shared arm is split: the arms of its larger group."""
    return arms.groupby(["trial", "group"]).size().groupby("trial").max()


def _entering(row: Row, tables: Tables) -> pd.DataFrame | None:
    """Return the arms that enter an analysis, where ``members`` says so."""
    members, arms = tables.frame("members"), tables.frame("arms")
    if members is None or arms is None or row.id not in set(members["analysis"]):
        return None
    chosen = members.loc[members["analysis"] == row.id, ["trial", "arm"]]
    return arms.merge(chosen, on=["trial", "arm"])


def _candidates(row: Row, tables: Tables) -> pd.DataFrame | None:
    """All arms of trials that report the outcome at baseline, if any does."""
    arms, results = tables.frame("arms"), tables.frame("arm_results")
    if arms is None or results is None:
        return None
    scores = scores_at_baseline(results, row.outcome)
    trials = scores.index[scores["mean"].notna()].get_level_values("trial")
    return None if trials.empty else arms[arms["trial"].isin(trials)]


def _k_evidence(row: Row, tables: Tables) -> Iterator[tuple[str, int, int]]:
    """Yield (what, least, most) for the number of comparisons of a main result."""
    k, trials = row.count("comparisons"), row.count("trials")
    if k is not None:
        yield f"{k} comparisons are printed", k, k
    elif trials is not None:
        yield f"{trials} trials give at least as many comparisons", trials, LARGEST_DF
    quantile = pi_quantile(row, tables.options)
    dfs = whole_df(quantile, tables.options.level) if quantile is not None else ()
    if dfs and dfs[-1] < LARGEST_DF:
        least, most = dfs[0] + 1, dfs[-1] + 2
        yield f"the width of the prediction interval fits {least} to {most}", least, most
    least = _k_from_tau2(row, tables.options)
    if least > 1:
        yield f"SE² > τ² / k needs at least {least}", least, LARGEST_DF
    for other in tables.by_analysis[row.analysis]:
        yield from _k_from_companion(row, other)
    yield from _k_from_arms(row, tables)


def _k_from_tau2(row: Row, options: Options) -> int:
    tau2, se = row.get("tau2"), standard_error(row, options)
    if tau2 is None or se is None or se.high <= 0 or tau2.low <= 0:
        return 1
    return math.ceil(tau2.low / se.high**2 - FLOAT_ERROR)


def _k_from_companion(row: Row, other: Row) -> Iterator[tuple[str, int, int]]:
    q, i2 = other.get("q"), row.get("i2")
    if other.kind == "subgroup" and q is not None and i2 is not None and q.low > 0:
        share = i2.scaled(0.01).clipped(0.0, 1.0)
        least = math.ceil(q.low * (1 - share.high) - FLOAT_ERROR) + 1
        yield (
            f"Q between subgroups {other.texts['q']} with I² needs at least {least}",
            least,
            LARGEST_DF,
        )
    dfs = statistic_dfs(other) if other.kind == "bias" else None
    if dfs:
        most = dfs[-1] + 2 if dfs[-1] < LARGEST_DF else LARGEST_DF
        yield f"the test of bias fits {dfs[0] + 2} to {most}", dfs[0] + 2, most


def _k_from_arms(row: Row, tables: Tables) -> Iterator[tuple[str, int, int]]:
    entering, trials = _entering(row, tables), row.count("trials")
    if entering is not None:
        k = int(_comparisons_of(entering).sum())
        yield f"the arms that enter make {k}", k, k
        return
    candidates = _candidates(row, tables)
    if candidates is not None and trials:
        most = int(_comparisons_of(candidates).nlargest(trials).sum())
        yield f"{trials} trials with this outcome have at most {most}", trials, max(most, trials)


def check_comparisons(tables: Tables) -> Iterator[tuple[str, Check]]:
    """Check that one number of comparisons k can explain all that an analysis prints.

    Formula: k >= trials; k - 2 or k - 1 is the df of the prediction interval's t; SE2 =
    1 / sum(1 / (v + tau2)) > tau2 / k, so k > tau2 / SE2; Q between subgroups <= Q total =
    (k - 1) / (1 - I2), since random weights never exceed 1 / v; df of Egger's test is k - 2; and k
    is at most what the trials' arms can make. Tolerance: each bound over all printed digits.
    """
    for row in tables.rows:
        if row.kind not in MAIN or row.count("trials") == 1:
            continue
        evidence = list(_k_evidence(row, tables))
        if len(evidence) < 2:
            yield row.id, unknown("needs two statements about k")
            continue
        least, most = max(e[1] for e in evidence), min(e[2] for e in evidence)
        printed, follows = row.told("trials", "comparisons"), "; ".join(e[0] for e in evidence)
        if least > most:
            yield row.id, wrong(printed, follows, "number")
            continue
        told = str(least) if most == least else f"{least} to {most}"
        follows += f": k = {told if most < LARGEST_DF else f'{least} or more'}"
        yield row.id, good(printed, follows)


def check_left_out(tables: Tables) -> Iterator[tuple[str, Check]]:
    """Check that leaving studies out can give the heterogeneity that is printed.

    Formula: leaving studies out never raises Q, and Q = (k - 1) / (1 - I2), so I2 can rise only so
    far; k is bounded by the trials and their arms. Where I2 and tau2 come from one statistic, the
    typical variance s2 can fall at most by the factor (k' - 1) / (k - 1) for k' of k comparisons.
    Tolerance: the printed digits and the widest range of k.
    """
    for row in tables.rows:
        main = tables.main(row) if row.without else None
        if main is None:
            continue
        before, after = main.get("i2"), row.get("i2")
        if before is None or after is None:
            yield row.id, unknown("needs I² with and without the studies")
            continue
        evidence = list(_k_evidence(main, tables))
        least = max((e[1] for e in evidence), default=1)
        most = min((e[2] for e in evidence), default=LARGEST_DF)
        printed = f"{row.told('i2', 'tau2')}, before {main.told('i2', 'tau2')}"
        problem = _left_out_problem(row, main, (least, most), tables.options)
        if problem:
            yield row.id, wrong(printed, problem, "number")
        else:
            yield row.id, good(printed, "Q need not have risen")


def _left_out_problem(row: Row, main: Row, k: tuple[int, int], options: Options) -> str | None:
    before, after = main.numbers["i2"], row.numbers["i2"]
    least_k, most_k = k
    if most_k < least_k:  # reported by check_comparisons
        return None
    left = row.count("comparisons") or max(least_k - (most_k - least_k) - 2 * len(row.without), 1)
    share = after.scaled(0.01).clipped(0.0, 1.0).low
    least_q = (left - 1) / (1 - share) if 0 < share < 1 else 0.0
    room = 1 - before.scaled(0.01).clipped(0.0, 1.0).high
    most_q = (most_k - 1) / room if room > 0 else math.inf
    if least_q > most_q + FLOAT_ERROR:
        return (
            f"Q would be at least {least_q:.4g} where the whole analysis has at most {most_q:.4g}"
        )
    full, rest = typical_variance(main), typical_variance(row)
    if options.i2_matches_tau2 and full is not None and rest is not None and left > 1:
        fall = (left - 1) / (most_k - 1)
        if rest.high < fall * full.low - FLOAT_ERROR:
            return f"the typical variance falls from {show(full)} to {show(rest)}"
    return None


def check_subgroup_levels(tables: Tables) -> Iterator[tuple[str, Check]]:
    """Check that there are as many subgroups as the degrees of freedom of Q say.

    Formula: df = subgroups - 1, and a subgroup needs a trial in it: at most as many as there are
    trials, and as many as the review's own cut points leave non-empty among the trials that report
    the outcome (from ``subgroup_levels``: factor, level, variable, low, high). Exact counts.
    """
    factors = _factors(tables)
    for row in tables.rows:
        df, main = row.count("df"), tables.main(row)
        if row.kind != "subgroup" or df is None:
            continue
        trials = main.count("trials") if main else None
        bounds = [(trials, f"{trials} trials")] if trials else []
        if row.factor in factors:
            bounds += _occupied(row, factors[row.factor], tables)
        if not bounds:
            yield row.id, unknown("needs the trials or the levels")
            continue
        follows = f"{df + 1} subgroups; {'; '.join(b[1] for b in bounds)}"
        if df + 1 <= min(b[0] for b in bounds):
            yield row.id, good(row.told("q", "df"), follows)
        else:
            yield row.id, wrong(row.told("q", "df"), follows, "number")


def _factors(tables: Tables) -> dict[str, Factor]:
    """Return the factors of subgroups, where levels and values are given."""
    frames = [tables.frame(name) for name in ("subgroup_levels", "arms", "arm_results")]
    if any(frame is None for frame in frames):
        return {}
    return read_factors(*(frame for frame in frames if frame is not None))


def _occupied(row: Row, factor: Factor, tables: Tables) -> list[tuple[int, str]]:
    """How many of the levels hold an arm of a trial with the outcome, and which."""
    arms = _candidates(row, tables)
    if arms is None:
        return []
    known = factor.by_arm.dropna()
    values = known[known.index.isin(pd.MultiIndex.from_frame(arms[ARM]))]
    held = {name for value in values for name in factor.holding(float(value))}
    found = [name for name, _, _ in factor.levels if name in held]
    silent = sorted(set(arms["trial"]) - set(values.index.get_level_values("trial")))
    told = f"the trials fall into {', '.join(found)} only" if found else "no trial has a value"
    return [(len(found), told + (f" ({', '.join(silent)} has no value)" if silent else ""))]


def check_flow(tables: Tables) -> Iterator[tuple[str, Check]]:
    """Check that the boxes of the flow diagram add up and agree with the tables.

    Formula: each box is what flows in less what leaves (``selection.flow_problems``); the listed
    excluded reports are as many for each reason as the boxes say; the trials as many as the
    studies included. Exact counts.
    """
    selection = tables.frame("selection")
    if selection is None:
        yield "all", unknown("needs the boxes of the flow diagram")
        return
    counts = {str(b): int(c) for b, c in zip(selection["box"], selection["count"], strict=True)}
    reasons = [str(b) for b in selection.loc[selection["parent"] == EXCLUDED, "box"]]
    problems = list(flow_problems(counts, reasons))
    listed = tables.frame("excluded_reports")
    if listed is not None:
        told = listed["reason"].value_counts()
        problems += [
            (box, f"{counts[box]} in the flow diagram, {told.get(box, 0)} reports listed")
            for box in reasons
            if counts[box] != told.get(box, 0)
        ]
    trials = tables.frame("trials")
    if trials is not None and STUDIES in counts and counts[STUDIES] != len(trials):
        problems.append((STUDIES, f"{counts[STUDIES]} studies, {len(trials)} trials listed"))
    for box, message in problems:
        yield box, wrong(str(counts.get(box, "missing")), message, "number")
    if not problems:
        yield "all", good(f"{len(counts)} boxes", "they add up")


# Columns of whole numbers, which nobody rounds.
WHOLE: Final = frozenset({*COUNTS, "n", "men", "women", "events", "year", "weeks", "sessions"})


def check_claims(tables: Tables) -> Iterator[tuple[str, Check]]:
    """Check that a number in the text follows from the table it sums up.

    ``claims`` has one row a statement: claim, table, column, where (``arm=x & trial=a|b``; rows of
    ``arm_results`` have the group of their arm too),
    statistic (sum, min, max, mean, rows, trials), relation (= <= >=), value, factor (to bring the
    table to the unit of the text), scale_max (to bring scores to one scale), words, and
    optionally matters.
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
    if kind in ("sum", "min", "max"):
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


def check_sexes(tables: Tables) -> Iterator[tuple[str, Check]]:
    """Check that men and women of an arm add up to its n.

    Formula: men + women = n. Exact counts.
    """
    arms = tables.frame("arms")
    if arms is None:
        yield "all", unknown("needs the table of arms")
        return
    for row in arms.dropna(subset=["n", "men", "women"]).to_dict("records"):
        n, men, women = (int(row[c]) for c in ("n", "men", "women"))
        where, printed = f"{row['trial']} {row['arm']}", f"{men}/{women}, n {n}"
        if men + women == n:
            yield where, good(printed, "men and women add up to n")
        else:
            yield where, wrong(printed, f"{men} + {women} = {men + women}", "none")


def check_analysis_size(tables: Tables) -> Iterator[tuple[str, Check]]:
    """Check that the arms that enter an analysis hold as many people as it counts.

    Formula: n of the analysis <= sum of n of its arms (fewer may be analysed), and the arms come
    from as many trials as are printed. Where ``members`` does not say which arms enter, the
    largest trials that report the outcome are taken. Exact.
    """
    for row in tables.rows:
        n, trials = row.count("participants"), row.count("trials")
        if row.kind not in MAIN or n is None:
            continue
        entering, candidates = _entering(row, tables), _candidates(row, tables)
        found = trials
        if entering is not None:
            most, found = int(pd.to_numeric(entering["n"]).sum()), entering["trial"].nunique()
            told = f"the arms that enter hold {most}, in {found} trials"
        elif candidates is not None and trials:
            sizes = pd.to_numeric(candidates["n"]).groupby(candidates["trial"]).sum()
            most = int(sizes.nlargest(trials).sum())
            told = f"the {trials} largest trials with this outcome hold {most}"
        else:
            yield row.id, unknown("needs the arms that enter")
            continue
        printed = row.told("participants", "trials")
        if n <= most and trials in (None, found):
            yield row.id, good(printed, told)
        else:
            yield row.id, wrong(printed, told, "number")


def check_exclusive_lists(tables: Tables) -> Iterator[tuple[str, Check]]:
    """Check that a trial stands in exactly one of several lists that exclude each other.

    Formula: exactly one entry in each column named in ``exclusive_columns``; entries are separated
    by semicolons, and "not stated" is none. Exact.
    """
    trials = tables.frame("trials")
    for column in tables.options.exclusive_columns:
        if trials is None or column not in trials.columns:
            yield "all", unknown(f"needs the column {column} of the trials")
            continue
        for trial, cell in zip(trials["trial"], trials[column], strict=True):
            entries = [e for e in listed(printed_text(cell) or "") if e != "not stated"]
            if len(entries) == 1:
                yield str(trial), good(entries[0], "one list")
                continue
            told = "stands in lists that exclude each other" if entries else "stands in no list"
            yield (
                str(trial),
                wrong(" and ".join(entries) or "nothing", f"{column}: {told}", "wording"),
            )


MEAN_SD: Final = ["n", "mean", "sd", "scale_min", "scale_max"]


def _measured(tables: Tables) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield everything that is told of arms as mean and SD: results, then characteristics.

    Each by its name, one row an arm with a mean and an SD: the columns of ``MEAN_SD``, the scale
    absent where there is none.
    """
    arms, results = tables.frame("arms"), tables.frame("arm_results")
    if results is not None:
        for (outcome, time), rows in results.groupby(["outcome", "time"], sort=False):
            yield str(outcome if time == BASELINE else f"{outcome} {time}"), _complete(rows)
    if arms is not None:
        for name in (c[:-5] for c in arms.columns if c.endswith("_mean")):
            columns = {f"{name}_mean": "mean", f"{name}_sd": "sd"}
            if f"{name}_sd" in arms.columns:
                yield name, _complete(arms[[*ARM, "n", *columns]].rename(columns=columns))


def _complete(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.reindex(columns=[*ARM, *MEAN_SD]).dropna(subset=["mean", "sd"])


def check_identical_cells(tables: Tables) -> Iterator[tuple[str, Check]]:
    """Look for two trials with the same mean and SD, to more digits than chance allows.

    Formula: with means and SDs spread evenly over the ranges seen, two cells agree with
    probability (unit / range) of the mean times that of the SD; the expected number of agreeing
    pairs is this times the pairs of arms of different trials on one scale. A pair is told where
    fewer than 0.05 are expected. Tolerance: identical printed digits only.
    """
    if tables.frame("arms") is None:
        yield "all", unknown("needs the table of arms")
        return
    for name, rows in _measured(tables):
        for _, group in rows.groupby("scale_max", dropna=False):
            yield from _identical(name, group)


def _identical(name: str, group: pd.DataFrame) -> Iterator[tuple[str, Check]]:
    cells = [
        (str(t), f"{t} {a}", printed_text(m) or "", printed_text(s) or "")
        for t, a, m, s in group[[*ARM, "mean", "sd"]].itertuples(index=False)
    ]
    pairs = [(a, b) for a, b in combinations(cells, 2) if a[0] != b[0]]
    for a, b in pairs:
        if a[2:] != b[2:]:
            continue
        expected = float(len(pairs))
        for place in (2, 3):
            values = [float(c[place]) for c in cells]
            printed = read_printed(a[place], name)
            spread = max(values) - min(values)
            expected *= min((printed.high - printed.low) / spread, 1.0) if spread else 1.0
        if expected < ALPHA:
            yield (
                f"{a[1]}, {b[1]}",
                wrong(
                    f"{name}: {a[2]} ± {a[3]} in both",
                    f"{expected:.2g} such pairs are expected by chance",
                    "number",
                ),
            )


def check_small_sds(tables: Tables) -> Iterator[tuple[str, Check]]:
    """Look for SDs so far below those of like trials that they may be standard errors.

    Formula: with the median SD m of the other trials as the true one, a trial's pooled s2 has
    (sum of n - 1) s2 / m2 ~ chi2 with sum(n - 1) degrees of freedom. Told where the probability of
    so small an s is below 0.05 over the number of trials (Bonferroni) and s sqrt(n), the SD if s
    were a standard error, is not above the largest SD of the others. Scores are compared as shares
    of their scale, other columns as shares of their mean. Tolerance: s at the upper end of its
    printed digits.
    """
    if tables.frame("arms") is None:
        yield "all", unknown("needs the table of arms")
        return
    for name, rows in _measured(tables):
        filled = rows.dropna(subset=["n"])
        filled = filled.assign(share=_spread(filled)).dropna(subset=["share"])
        for trial, mine in filled.groupby("trial"):
            others = filled.loc[filled["trial"] != trial, "share"]
            if others.empty:
                continue
            likely, as_sd = _pooled_against(mine, name, float(others.median()))
            if likely < ALPHA / filled["trial"].nunique() and as_sd <= others.max():
                yield f"{trial} {name}", _small(mine, others, likely)


def _spread(rows: pd.DataFrame) -> pd.Series:
    """Return SDs as shares of their scale, or, where no row has one, of their mean."""
    sd, mean, low, high = (pd.to_numeric(rows[c]) for c in ("sd", "mean", "scale_min", "scale_max"))
    return sd / mean.abs() if high.isna().all() else sd / (high - low)


def _pooled_against(mine: pd.DataFrame, name: str, median: float) -> tuple[float, float]:
    """Probability of so small a pooled spread, and the spread if it were a standard error."""
    top = [
        read_printed(printed_text(sd) or "", name).high / float(sd) if float(sd) > 0 else 1.0
        for sd in mine["sd"]
    ]
    n = pd.to_numeric(mine["n"]).astype(float)
    spread = mine["share"] * top
    df = float((n - 1).sum())
    statistic = float(((n - 1) * spread**2).sum()) / median**2 if median > 0 else math.inf
    return float(chdtr(df, statistic)), float((mine["share"] * n.pow(0.5)).mean())


def _small(mine: pd.DataFrame, others: pd.Series, likely: float) -> Check:
    sds = ", ".join(
        f"{printed_text(sd)} (n {int(n)})" for sd, n in zip(mine["sd"], mine["n"], strict=True)
    )
    share = float(mine["share"].max() / others.median())
    score = bool(mine["scale_max"].notna().any())  # a spread that gives trials their weight
    return wrong(
        f"SD {sds}",
        f"at most {share:.2g} of the median of the other trials (p = {likely:.1g}); as standard "
        "errors they would give SDs within the range of the others",
        "number" if score else "none",
    )


TABLE_RULES: Final = (
    Rule(
        "repeated figures",
        "Do abstract and discussion repeat the results?",
        "Which of the two places is right?",
        ROUNDED,
        check_repeated,
    ),
    Rule(
        "copied figure",
        "Does a broken result share a figure with another?",
        "Was this figure taken from the other result?",
        ROUNDED,
        check_copied,
    ),
    Rule(
        "measure",
        "Is an analysis told with one effect measure?",
        "Which measure is meant?",
        ("measure",),
        check_measures,
    ),
    Rule(
        "number of comparisons",
        "Can one k explain all that is printed?",
        "Which trials and which of their arms entered this analysis?",
        ("trials", "comparisons", "tau2", "i2", "q"),
        check_comparisons,
    ),
    Rule(
        "left out",
        "Can leaving studies out give the printed heterogeneity?",
        "Are these the figures without the studies named?",
        ("i2", "tau2"),
        check_left_out,
    ),
    Rule(
        "subgroups",
        "Are there as many subgroups as df says?",
        "Which trial stood in which subgroup?",
        ("df",),
        check_subgroup_levels,
    ),
    Rule(
        "flow diagram",
        "Do the boxes add up?",
        "Which of these counts is right?",
        ("count",),
        check_flow,
    ),
    Rule(
        "text and table",
        "Do numbers in the text follow from the tables?",
        "Which rows of the table does the text sum up?",
        ("value",),
        check_claims,
    ),
    Rule(
        "sexes",
        "Do men and women add up to n?",
        "Is n, or one of the two counts, misprinted?",
        ("n", "men", "women"),
        check_sexes,
    ),
    Rule(
        "size of analysis",
        "Can the arms hold as many people?",
        "Which arms were counted?",
        ("participants",),
        check_analysis_size,
    ),
    Rule(
        "exclusive lists",
        "Does a trial stand in exactly one list?",
        "In which list does this trial belong?",
        (),
        check_exclusive_lists,
    ),
    Rule(
        "identical cells",
        "Do two trials print the same mean and SD?",
        "Was one of the two cells copied from the other row?",
        (),
        check_identical_cells,
    ),
    Rule(
        "small SDs",
        "Is an SD far below those of like trials?",
        "Are these standard deviations, or standard errors?",
        (),
        check_small_sds,
    ),
)
