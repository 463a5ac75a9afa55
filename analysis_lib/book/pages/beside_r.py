"""The page on the second review: the same numbers here and in R, and what a shared arm does."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis_lib.base import formatting as fmt
from analysis_lib.base.measures import MEASURE_WORDS
from analysis_lib.pooling.asymmetry import EggerTest
from analysis_lib.pooling.pooled_effect import PooledEffect, pool
from analysis_lib.pooling.rank_correlation import BeggTest
from analysis_lib.pooling.trimming import TrimAndFill
from analysis_lib.review.shared_arms import SharedArm, effects_of

TAU2_METHODS = ("REML", "DL", "PM", "ML")
#: R's names of the intervals: their words, and the interval and prediction interval here.
INTERVALS = {
    "z": ("Wald", "wald", "HTS"),
    "knha": ("Hartung-Knapp", "HK", "HK-PR"),
    "adhoc": ("Hartung-Knapp, ad hoc", "HK-adhoc", "HK-PR"),
}
MOST_DECIMALS = 9  # beyond them stands the rounding noise of one machine


def pooled_beside_r(
    comparisons: pd.DataFrame, in_r: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """Pool by every method that R was asked for, and put R's numbers beside ours.

    Parameters
    ----------
    comparisons
        As for `analysis_lib.review.shared_arms.effects_of`.
    in_r
        R's results by measure, and by estimator of τ² and interval (``REML_z``).

    Returns
    -------
    pandas.DataFrame
        One row a measure, estimator and interval: ``measure``, ``method`` (in words), and for
        ``here`` and ``R`` six numbers each, in an array: estimate, two limits, two prediction
        limits, τ².
    """
    rows = []
    for measure, results in in_r.items():
        sizes = effects_of(comparisons, measure)
        for tau2_method in TAU2_METHODS:
            for key, (words, ci_method, pi_method) in INTERVALS.items():
                fit = pool(
                    sizes.effect,
                    sizes.variance,
                    tau2_method=tau2_method,
                    ci_method=ci_method,
                    pi_method=pi_method,
                )
                r = results[f"{tau2_method}_{key}"]
                numbers = {
                    "here": (fit.estimate, *fit.ci, *(fit.prediction_interval or ()), fit.tau2),
                    "R": (r["estimate"], *r["ci"], *r["pi_riley_k_minus_2"], r["tau2"]),
                }
                arrays = {name: np.array(values, dtype=float) for name, values in numbers.items()}
                rows.append({"measure": measure, "method": f"{tau2_method}, {words}", **arrays})
    return pd.DataFrame(rows)


def beside_r_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return `pooled_beside_r` as text."""
    columns: dict[str, list[str]] = {"Method": list(found["method"])}
    for head, side in (("Here", "here"), ("R", "R")):
        columns[head] = [fmt.estimate(x[0], (x[1], x[2]), 4) for x in found[side]]
    for head, side in (("95 % PI, here", "here"), ("95 % PI, R", "R")):
        columns[head] = [fmt.interval((x[3], x[4]), 3) for x in found[side]]
    for head, side in (("τ², here", "here"), ("τ², R", "R")):
        columns[head] = [fmt.number(x[5], 4) for x in found[side]]
    units = {"MD": "Mean difference (points)"}
    measure = [units.get(name) or MEASURE_WORDS[name].capitalize() for name in found["measure"]]
    return pd.DataFrame(columns | {"measure": measure})


def equal_decimals(ours: Iterable[float], theirs: Iterable[float]) -> int:
    """Return to how many decimals all numbers are the same, at most nine.

    Examples
    --------
    >>> equal_decimals([1.0, 2.0], [1.0, 2.003]), equal_decimals([1.0], [1.0])
    (2, 9)
    """
    worst = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    return min(MOST_DECIMALS, int(-math.log10(worst))) if worst else MOST_DECIMALS


def shared_arms_table(shared: Sequence[SharedArm], sides: tuple[str, str]) -> pd.DataFrame:
    """Return the arms that are listed in several comparisons, as text.

    Parameters
    ----------
    shared
        Result of `analysis_lib.review.shared_arms.find_shared_arms`.
    sides
        What the first and the second arm of a comparison are called.
    """
    return pd.DataFrame(
        {
            "Comparisons": fmt.listing(list(arm.labels)),
            "Shared arm": sides[arm.side - 1],
            "People": fmt.count(arm.n),
            "Mean (SD)": f"{fmt.number(arm.mean)} ({fmt.number(arm.sd)})",
        }
        for arm in shared
    )


def choices_table(fits: Mapping[str, PooledEffect]) -> pd.DataFrame:
    """Return pooled results by the choice that led to them, as text."""
    return pd.DataFrame(
        {
            "Choice": choice,
            "Comparisons": fmt.count(fit.k),
            "Mean difference (95 % CI)": fmt.estimate(fit.estimate, fit.ci),
            "95 % prediction interval": fmt.interval(fit.prediction_interval),
            "τ²": fmt.number(fit.tau2, 1),
        }
        for choice, fit in fits.items()
    )


def bias_table(
    egger: EggerTest, begg: BeggTest, filled: TrimAndFill, in_r: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """Return the tests of reporting bias here and in R, as text."""
    r = in_r["trimfill"]
    numbers: dict[str, tuple[float, float]] = {
        "Egger's test, t": (egger.statistic, in_r["egger"]["t"]),
        "Egger's test, p": (egger.p_value, in_r["egger"]["p"]),
        "Begg's test, τ": (begg.tau, in_r["begg"]["tau"]),
        "Begg's test, p": (begg.p_value, in_r["begg"]["p"]),
        "Trim and fill, studies filled in": (filled.k0, r["k0"]),
        "Trim and fill, mean difference": (filled.fit.estimate, r["estimate"]),
        "Trim and fill, lower limit": (filled.fit.ci[0], r["ci"][0]),
        "Trim and fill, upper limit": (filled.fit.ci[1], r["ci"][1]),
    }
    digits = {name: 0 if isinstance(ours, int) else 6 for name, (ours, _) in numbers.items()}
    return pd.DataFrame(
        {
            "Quantity": name,
            "Here": fmt.number(ours, digits[name]),
            "R": fmt.number(theirs, digits[name]),
        }
        for name, (ours, theirs) in numbers.items()
    )


def most_extreme(effect: Sequence[float], labels: Sequence[str], number: int) -> str:
    """Return the lowest effects with the names of their comparisons, as text."""
    lowest = sorted(zip(effect, labels, strict=True))[:number]
    return fmt.listing([f"{label} ({fmt.number(value, 1)})" for value, label in lowest])
