"""The rules that compare printed results with each other and with the tables of a review."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import pandas as pd

from analysis_lib.printed.audit.results import RESULT_RULES
from analysis_lib.printed.audit.rows import (
    COUNTS,
    LARGEST_DF,
    MAIN,
    REPEATED,
    ROUNDED,
    WRONG,
    Check,
    Matters,
    Options,
    Row,
    Rule,
    as_share,
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
from analysis_lib.printed.intervals import FLOAT_ERROR, printed_text
from analysis_lib.review.baseline import ARM, Factor, read_factors, scores_at_baseline
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
        share = as_share(i2)
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
    share = as_share(after).low
    least_q = (left - 1) / (1 - share) if 0 < share < 1 else 0.0
    room = 1 - as_share(before).high
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
            told = f"the arms taken to enter hold {most}, in {found} trials"
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
)
