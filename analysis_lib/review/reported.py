"""Means and standard deviations of arms whose report gives something else in their place.

A row of ``arm_results`` may hold a standard error or an interval of the mean, a median with
quartiles or range, or a change from baseline with a correlation. What follows from it fills
``mean`` and ``sd`` when a review is loaded, and ``derived`` says how.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis_lib.base.errors import Problem, ReviewError, attempt
from analysis_lib.base.formatting import threshold
from analysis_lib.effects.conversions import sd_from_ci, sd_from_se, sd_of_change
from analysis_lib.effects.medians import mean_sd_from_median, skewness_of_median
from analysis_lib.review.baseline import BASELINE
from analysis_lib.review.cells import rows_where

Mask = npt.NDArray[np.bool_]

QUARTILES, RANGE = ("q1", "q3"), ("minimum", "maximum")
#: What stands in place of a mean with its standard deviation.
IN_PLACE: Final = (
    *("se", "ci_low", "ci_high", "median", *QUARTILES, *RANGE, "final_sd", "change_correlation"),
)
DERIVED: Final = "derived"
ESTIMATED: Final = "mean: inferred; sd: inferred"
FEWEST: Final = 2  # people, of whom there is a standard deviation
FORMULAS: Final = {
    "se": "SD from the standard error (Cochrane Handbook, section 6.5.2.2)",
    "ci": "SD from the 95 % interval of the mean (Cochrane Handbook, section 6.5.2.2)",
    "change": "SD of the change from the SDs before and after and a correlation of {r} (Cochrane "
    "Handbook, section 6.5.2.8)",
    "median": "mean and SD estimated from the median (Luo 2018, Wan 2014)",
    "skewed": "; by the test of Shi 2023 the scores are skewed, so both estimates are doubtful",
    "not skewed": "; the test of Shi 2023 does not show skew",
}


def with_means(results: pd.DataFrame) -> tuple[pd.DataFrame, list[Problem]]:
    """Fill means and standard deviations that follow from what an arm reports in their place.

    Parameters
    ----------
    results
        ``arm_results``, its cells checked; the index holds the rows of the file.

    Returns
    -------
    filled : pandas.DataFrame
        The same rows; ``derived`` says how mean or SD was computed.
    problems : list of Problem
        What cannot be computed.
    """
    filled = results.copy(deep=False)
    problems = [*_halves(filled)]
    rows = rows_where(filled[list(IN_PLACE)].notna().any(axis="columns"))
    numbers = filled.loc[rows, [*IN_PLACE, "mean", "sd", "n"]].astype(float).to_dict("index")
    for row in rows:
        known = {str(name): x for name, x in numbers[row].items() if not np.isnan(x)}
        found = attempt(_of_row, known, _sd_before(filled, row))
        if isinstance(found, ReviewError):
            problems.append(Problem("arm_results.csv", _without_name(found), row))
        elif found is not None:
            filled.loc[row, ["mean", "sd", DERIVED]] = found
            if "mean" not in known:
                filled.loc[row, "weaker"] = ESTIMATED
    return filled, problems


def _without_name(error: ReviewError) -> str:
    """Return what is wrong without the name that one number alone is given."""
    return str(error).replace(" (study 1: ", " (got ").replace("study 1: ", "")


def _halves(table: pd.DataFrame) -> list[Problem]:
    """Find one number of a pair without the other, and two ways to say one thing."""
    missing = {name: table[name].isna() for name in (*IN_PLACE, "mean", "sd", "n")}
    wrong = [
        (missing["ci_low"] ^ missing["ci_high"], "ci_low", "one limit without the other"),
        (missing["q1"] ^ missing["q3"], "q1", "one quartile without the other"),
        (missing["minimum"] ^ missing["maximum"], "minimum", "one end of the range alone"),
        (
            ~missing["median"] & missing["q1"] & missing["minimum"] & missing["mean"],
            *("median", "a median without quartiles or range"),
        ),
        (
            ~missing["change_correlation"] & (table["score"] != "change"),
            *("change_correlation", "a correlation with baseline is that of a change (score)"),
        ),
        (
            ~missing["change_correlation"] & missing["final_sd"],
            *("final_sd", "missing: the SD of a change needs the SD after treatment"),
        ),
    ]
    return [
        Problem("arm_results.csv", message, row, column)
        for bad, column, message in wrong
        for row in rows_where(bad)
    ]


def _sd_before(table: pd.DataFrame, row: int) -> float:
    """Return the SD of the same arm at baseline; NaN where it is not known."""
    one = table.loc[row]
    same = (table["trial"] == one["trial"]) & (table["arm"] == one["arm"])
    same &= (table["outcome"] == one["outcome"]) & (table["time"] == BASELINE)
    found = table.loc[same, "sd"].dropna()
    return float(found.iloc[0]) if len(found) else float("nan")


def _of_row(known: dict[str, float], sd_before: float) -> tuple[float, float, str] | None:
    """Return mean, SD and how they were computed; nothing where there is no need or no way."""
    n = known.get("n", 0.0)
    if n < FEWEST or "sd" in known:
        return None
    if "mean" not in known:
        return _from_median(known)
    mean = known["mean"]
    if "se" in known:
        return mean, float(sd_from_se(known["se"], n)), FORMULAS["se"]
    if {"ci_low", "ci_high"} <= known.keys():
        if not known["ci_low"] <= mean <= known["ci_high"]:
            limits = f"{known['ci_low']:g} to {known['ci_high']:g}"
            raise ReviewError(f"the interval {limits} does not hold the mean {mean:g}")
        return mean, float(sd_from_ci(known["ci_low"], known["ci_high"], n)), FORMULAS["ci"]
    if {"final_sd", "change_correlation"} <= known.keys():
        if np.isnan(sd_before):
            raise ReviewError("the SD of a change needs the SD of the arm at baseline")
        r = known["change_correlation"]
        sd = float(sd_of_change(sd_before, known["final_sd"], r))
        return mean, sd, FORMULAS["change"].format(r=threshold(r))
    return None


def _from_median(known: dict[str, float]) -> tuple[float, float, str] | None:
    ends = [known.get(name) for name in (*QUARTILES, *RANGE)]
    if "median" not in known or all(end is None for end in ends):
        return None
    q1, q3, least, most = ends
    n, median = known["n"], known["median"]
    found = mean_sd_from_median(n, median, q1=q1, q3=q3, minimum=least, maximum=most)
    skew = attempt(skewness_of_median, n, median, q1=q1, q3=q3, minimum=least, maximum=most)
    told = FORMULAS["median"]
    if not isinstance(skew, ReviewError):
        told += FORMULAS["skewed" if skew.skewed else "not skewed"]
    return float(found.mean), float(found.sd), told
