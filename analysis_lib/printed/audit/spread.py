"""The rules about standard deviations: too small, printed twice, or implied by a pooled result."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from typing import Final

import pandas as pd
from scipy.special import chdtr

from analysis_lib.base.formatting import p_value
from analysis_lib.printed.audit.rows import (
    MAIN,
    Check,
    Row,
    Rule,
    judged,
    show,
    standard_error,
    unknown,
    wrong,
)
from analysis_lib.printed.audit.tables import Tables
from analysis_lib.printed.intervals import Interval, printed_text, read_printed
from analysis_lib.review.baseline import ARM, BASELINE, scores_at_baseline

ALPHA = 0.05  # the usual limit for calling something unlikely by chance

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
    df = float((n - 1).sum())
    # Divided before they are squared: the square of a tiny spread is zero.
    ratios = mine["share"] * top / median if median > 0 else None
    statistic = math.inf if ratios is None else float(((n - 1) * ratios**2).sum())
    return float(chdtr(df, statistic)), float((mine["share"] * n.pow(0.5)).mean())


def _small(mine: pd.DataFrame, others: pd.Series, likely: float) -> Check:
    sds = ", ".join(
        f"{printed_text(sd)} (n {int(n)})" for sd, n in zip(mine["sd"], mine["n"], strict=True)
    )
    share = float(mine["share"].max() / others.median())
    score = bool(mine["scale_max"].notna().any())  # a spread that gives trials their weight
    return wrong(
        f"SD {sds}",
        f"at most {share:.2g} of the median of the other trials ({p_value(likely)}); as standard "
        "errors they would give SDs within the range of the others",
        "number" if score else "none",
    )


#: A standard deviation after treatment this much smaller, or larger, than before is asked about.
LEAST_FACTOR, MOST_FACTOR = 0.8, 1.25


def check_implied_sds(tables: Tables) -> Iterator[tuple[str, Check]]:
    """Compare the SDs that a pooled mean difference implies with those before treatment.

    Formula: without heterogeneity (printed tau2 of 0) SE = (sum 1 / v)^(-1/2) with
    v = s1^2 / n1 + s2^2 / n2, a shared arm split between its comparisons. The printed SE over that
    of the SDs at baseline is the factor by which all SDs would have changed; where none is printed
    at baseline, the two factors of one outcome at two follow-ups of the same arms are compared.
    Told outside 0.8 to 1.25. Tolerance: the printed digits of the interval. ``members`` says which
    arms enter.
    """
    known: list[tuple[Row, frozenset[tuple[str, str]], Interval]] = []
    for row in tables.rows:
        if row.kind not in {*MAIN, "sensitivity"} or row.measure != "MD" or not _even(row):
            continue
        se, arms = standard_error(row, tables.options), _arms_of(row, tables)
        if se is None or arms is None:
            yield row.id, unknown("needs the interval and the arms that enter")
            continue
        implied = _se_at_baseline(row, arms, tables)
        if implied is not None:
            yield row.id, _changed(row, se.scaled(1 / implied), f"SE {show(se)}")
            continue
        key = frozenset(arms[ARM].itertuples(index=False, name=None))
        for other, others, se_other in known:
            if row.outcome == other.outcome and key == others:
                factor = Interval(se.low / se_other.high, se.high / se_other.low)
                yield row.id, _changed(row, factor, f"SE {show(se)}, {other.id} {show(se_other)}")
        known.append((row, key, se))


def _even(row: Row) -> bool:
    tau2 = row.get("tau2")
    return tau2 is not None and tau2.low <= 0 and float(row.texts["tau2"]) == 0


def _changed(row: Row, factor: Interval, told: str) -> Check:
    printed = row.told("ci_low", "ci_high", "tau2")
    follows = f"{told}: the standard deviations would be {show(factor, 2)} times as large"
    far = factor.high < LEAST_FACTOR or factor.low > MOST_FACTOR
    return judged(not far, printed, follows)


def _arms_of(row: Row, tables: Tables) -> pd.DataFrame | None:
    """Return the arms that enter a result, those of its main result less the trials left out."""
    members, arms = tables.frame("members"), tables.frame("arms")
    main = tables.main(row) or row
    if members is None or arms is None or main.id not in set(members["analysis"]):
        return None
    entering = members.loc[members["analysis"] == main.id, ARM].merge(arms, on=ARM)
    return entering[~entering["trial"].isin(row.without)]


def _se_at_baseline(row: Row, arms: pd.DataFrame, tables: Tables) -> float | None:
    """Return the standard error if every arm had its SD at baseline, in units of the least scale.

    Nothing if an arm has no SD there.
    """
    results = tables.frame("arm_results")
    if results is None:
        return None
    scores = arms[[*ARM, "group", "n"]].merge(
        scores_at_baseline(results, row.outcome).reset_index(), on=ARM, suffixes=("", "_then")
    )
    if len(scores) < len(arms) or scores["sd"].isna().any():
        return None
    scale = pd.to_numeric(scores["scale_max"]) - pd.to_numeric(scores["scale_min"])
    sd = pd.to_numeric(scores["sd"]) * (1.0 if scale.isna().any() else scale.min() / scale)
    split = scores.groupby(["trial", "group"])["n"].transform("size")
    other = scores.groupby("trial")["n"].transform("size") - split  # arms on the other side
    sizes = pd.to_numeric(scores["n"]) / other.where((split == 1) & (other > 1), 1)
    scores = scores.assign(variance=sd**2 / sizes)
    precision = 0.0
    for _, trial in scores.groupby("trial"):
        sides = [side["variance"].to_list() for _, side in trial.groupby("group")]
        if len(sides) != 2:
            return None
        precision += sum(1 / (a + b) for a, b in _pairs(*sides))
    return 1 / math.sqrt(precision)


def _pairs(first: list[float], second: list[float]) -> list[tuple[float, float]]:
    """Pair the arms of two sides; a single arm is paired with each of the other side."""
    if len(first) == 1:
        return [(first[0], other) for other in second]
    if len(second) == 1:
        return [(other, second[0]) for other in first]
    return list(zip(first, second, strict=False))


SPREAD_RULES: Final = (
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
    Rule(
        "implied SDs",
        "Do the standard deviations behind a pooled result fit those before treatment?",
        "Which standard deviations were pooled?",
        ("ci_low", "ci_high", "tau2"),
        check_implied_sds,
    ),
)
