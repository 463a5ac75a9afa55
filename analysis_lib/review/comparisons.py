"""Which effects enter an analysis, and how each is known.

A comparison may be known in three ways. Means and standard deviations by arm come first, a
difference that a source prints comes second, and a reconstructed one is taken only where there is
neither. Adding rows to ``arm_results.csv`` therefore replaces reconstructed effects everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from analysis_lib.base.checks import FloatArray
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import count, number, plural
from analysis_lib.base.measures import BINARY_MEASURES
from analysis_lib.base.results import Result
from analysis_lib.effects.arms import rescale
from analysis_lib.effects.columns import EffectSizes
from analysis_lib.effects.events import odds_ratio, risk_difference, risk_ratio
from analysis_lib.effects.means import mean_difference, standardized_mean_difference
from analysis_lib.pooling.methods import MethodNames
from analysis_lib.pooling.pooled_effect import PooledEffect, pool
from analysis_lib.review.baseline import PROVENANCES
from analysis_lib.review.model import Review

MAIN = "main"
COMPARISON = ["trial", "experimental_arm", "comparator_arm"]
LEVEL = 0.95  # of the intervals in contrasts.csv
COMPUTE: dict[str, Callable[..., EffectSizes]] = {
    "MD": mean_difference,
    "SMD": standardized_mean_difference,
    "RR": risk_ratio,
    "OR": odds_ratio,
    "RD": risk_difference,
}


@dataclass(frozen=True, slots=True, eq=False)
class StudyEffects(Result):
    """The effects of one analysis.

    Attributes
    ----------
    outcome, follow_up : str
        Which analysis.
    measure : {"MD", "SMD", "RR", "OR", "RD"}
        Experimental minus comparator, in the unit of the outcome or in standard deviations; the
        natural logarithm of a risk or odds ratio; a difference of risks.
    table : pandas.DataFrame
        One row a comparison: ``trial``, ``label``, ``experimental_arm``, ``comparator_arm``,
        ``n_experimental``, ``n_comparator`` (after a shared arm is split), ``effect``,
        ``variance``, ``low`` and ``high`` (how far a reconstructed effect is free; absent
        otherwise), ``provenance`` and ``source``. With a measure of events also
        ``events_experimental`` and ``events_comparator``, of which a shared arm lends its share.
    unknown : tuple of str
        Comparisons that belong here and whose effect is not known, with the reason.
    """

    outcome: str
    follow_up: str
    measure: str
    table: pd.DataFrame
    unknown: tuple[str, ...]

    has_header = True

    @property
    def k(self) -> int:
        """Number of comparisons."""
        return len(self.table)

    @property
    def effect(self) -> FloatArray:
        """Effects, shape (k,)."""
        return self.table["effect"].to_numpy(dtype=float)

    @property
    def variance(self) -> FloatArray:
        """Sampling variances, shape (k,)."""
        return self.table["variance"].to_numpy(dtype=float)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the comparisons."""
        return tuple(self.table["label"])

    @property
    def participants(self) -> float | None:
        """People in the analysis; an arm that is shared counts once.

        ``None`` where a source prints a difference and not of how many people.
        """
        people = self.table[["n_experimental", "n_comparator"]].to_numpy(dtype=float)
        return None if np.isnan(people).any() else float(people.sum())

    @property
    def reconstructed(self) -> npt.NDArray[np.bool_]:
        """Which effects are reconstructed, shape (k,)."""
        return (self.table["provenance"] == "reconstructed").to_numpy(dtype=bool)

    def to_frame(self) -> pd.DataFrame:
        """Return the table of the comparisons, to be changed freely."""
        return self.table.copy()

    def title(self) -> str:
        """Say which analysis it is, and how many comparisons enter."""
        return f"{self.outcome}, {self.follow_up}: {plural(self.k, 'comparison')} ({self.measure})"

    def rows(self) -> list[tuple[str, ...]]:
        """Return one row a comparison, as words."""
        head = ("comparison", "people", f"effect ({self.measure})", "SE", "provenance")
        people = self.table[["n_experimental", "n_comparator"]].to_numpy(dtype=float)
        columns = (
            self.labels,
            [f"{count(n1)} and {count(n2)}" for n1, n2 in people],
            map(number, self.effect),
            map(number, np.sqrt(self.variance)),
            self.table["provenance"],
        )
        return [head, *zip(*columns, strict=True)]

    def pool(self, **methods: Unpack[MethodNames]) -> PooledEffect:
        """Pool the effects by the methods that ``analysis_lib.pool`` takes."""
        return pool(self.effect, self.variance, labels=self.labels, **methods)

    def without(self, *trials: str) -> StudyEffects:
        """Return the analysis without some trials."""
        unknown = sorted(set(trials) - set(self.table["trial"]))
        if unknown:
            raise ReviewError(f"{self.outcome}, {self.follow_up}: no trial {', '.join(unknown)}")
        rest = self.table[~self.table["trial"].isin(trials)].reset_index(drop=True)
        return StudyEffects(self.outcome, self.follow_up, self.measure, rest, self.unknown)


def study_effects(
    review: Review, outcome: str, follow_up: str, *, reading: str = MAIN
) -> StudyEffects:
    """Return the effects that enter one analysis.

    Parameters
    ----------
    review
        A review that was loaded.
    outcome, follow_up
        Which analysis.
    reading
        Which reading of the text, where ``analyses.csv`` holds several.

    Returns
    -------
    StudyEffects
        Possibly empty: an outcome that no trial reports has no effects.

    Raises
    ------
    ReviewError
        For an outcome or a follow-up that the review does not have.

    Notes
    -----
    An arm that serves m comparisons of the analysis lends each of them n / m of its people, with
    mean and standard deviation unchanged (Cochrane Handbook, section 23.3.4). The variance of a
    printed difference is ``((high - low) / (2 z))**2``.

    Examples
    --------
    >>> from analysis_lib import load_review
    >>> effects = study_effects(load_review("data"), "endurance", "PW")
    >>> effects.labels
    ('Aasa 2015',)
    """
    found = review.outcomes[review.outcomes["outcome"] == outcome]
    if found.empty:
        raise ReviewError(f"outcome {outcome!r} is not in outcomes.csv")
    if follow_up not in set(review.follow_ups["follow_up"]):
        raise ReviewError(f"follow-up {follow_up!r} is not in follow_ups.csv")
    definition = found.iloc[0]
    pairs = _comparisons(review, outcome, follow_up, reading)
    rows, unknown = [], []
    for pair, label in zip(pairs, _labels(review, pairs), strict=True):
        known = (
            _from_arms(review, definition, follow_up, pair, pairs)
            or _from_contrast(review, definition, follow_up, pair)
            or _from_reconstruction(review, definition, follow_up, pair, reading)
        )
        if known is None:
            unknown.append(f"{label}: neither means and SDs by arm with n, nor a difference")
        else:
            rows.append({**dict(zip(COMPARISON, pair, strict=True)), "label": label, **known})
    measure = str(definition["measure"])
    return StudyEffects(outcome, follow_up, measure, _table(rows, measure), tuple(unknown))


Pair = tuple[str, str, str]
COLUMNS = {
    "trial": "str",
    "label": "str",
    "experimental_arm": "str",
    "comparator_arm": "str",
    "n_experimental": "float64",
    "n_comparator": "float64",
    "effect": "float64",
    "variance": "float64",
    "low": "float64",
    "high": "float64",
    "provenance": "str",
    "source": "str",
}
EVENTS = {"events_experimental": "float64", "events_comparator": "float64"}


def _table(rows: list[dict[str, Any]], measure: str) -> pd.DataFrame:
    columns = COLUMNS | (EVENTS if measure in BINARY_MEASURES else {})
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def _here(table: pd.DataFrame, outcome: object, follow_up: str, time: str) -> pd.DataFrame:
    return table[(table["outcome"] == outcome) & (table[time] == follow_up)]


def _comparisons(review: Review, outcome: str, follow_up: str, reading: str) -> list[Pair]:
    """Return the comparisons that ``analyses.csv`` names, and those that only results name."""
    named = _here(review.analyses, outcome, follow_up, "follow_up")
    in_reading = named["reading"].str.split("; ").map(lambda readings: reading in readings)
    pairs = _pairs(named[in_reading.astype(bool)])
    discussed = set(named["trial"])
    found = _pairs(_here(review.contrasts, outcome, follow_up, "follow_up"))
    found += _pairs_of_arms(review, _here(review.arm_results, outcome, follow_up, "time"))
    pairs += [pair for pair in found if pair[0] not in discussed]
    order = {trial: i for i, trial in enumerate(review.trials["trial"])}
    return sorted(dict.fromkeys(pairs), key=lambda pair: (order[pair[0]], *pair[1:]))


def _pairs(table: pd.DataFrame) -> list[Pair]:
    return [(str(a), str(b), str(c)) for a, b, c in table[COMPARISON].itertuples(index=False)]


def _pairs_of_arms(review: Review, results: pd.DataFrame) -> list[Pair]:
    """Return every experimental arm of a trial with every comparator one."""
    sides = results.merge(review.arms[["trial", "arm", "group"]], on=["trial", "arm"])
    both = sides[sides["group"] == "experimental"].merge(
        sides[sides["group"] == "comparator"], on="trial", suffixes=("_experimental", "_comparator")
    )
    return list(zip(both["trial"], both["arm_experimental"], both["arm_comparator"], strict=True))


def _labels(review: Review, pairs: list[Pair]) -> Iterator[str]:
    """Name a comparison by its trial, and by what tells its arms apart where there are several."""
    names = review.trial_names
    for trial, experimental, comparator in pairs:
        siblings = [pair for pair in pairs if pair[0] == trial]
        marks = [
            arm.rpartition("-")[2]
            for arm, arms in (
                (experimental, {pair[1] for pair in siblings}),
                (comparator, {pair[2] for pair in siblings}),
            )
            if len(arms) > 1
        ]
        yield f"{names[trial]} ({', '.join(dict.fromkeys(marks))})" if marks else str(names[trial])


def _from_arms(
    review: Review, definition: pd.Series, follow_up: str, pair: Pair, pairs: list[Pair]
) -> dict[str, Any] | None:
    """Return the effect from means and SDs by arm, or from events, if both arms have them."""
    measure = str(definition["measure"])
    needed = ["n", "events"] if measure in BINARY_MEASURES else ["n", "mean", "sd"]
    results = _here(review.arm_results, definition["outcome"], follow_up, "time")
    trial, *arms = pair
    sides = []
    for position, arm in enumerate(arms, start=1):
        row = results[(results["trial"] == trial) & (results["arm"] == arm)]
        if len(row) != 1 or row[needed].isna().any(axis=None):
            return None
        shares = sum(other[0] == trial and other[position] == arm for other in pairs)
        sides.append(_side(row.iloc[0], definition, shares))
    (first, how1), (second, how2) = sides
    is_binary = measure in BINARY_MEASURES
    people = 1 if is_binary else 0  # where `_side` puts their number
    found: EffectSizes = COMPUTE[measure](*first, *second, labels=[trial])
    events = dict(zip(EVENTS, (first[0], second[0]), strict=True)) if is_binary else {}
    return {
        **events,
        "n_experimental": first[people],
        "n_comparator": second[people],
        "effect": float(found.effect[0]),
        "variance": float(found.variance[0]),
        # An effect is as well known as the less known of its arms.
        "provenance": max(how1[0], how2[0], key=PROVENANCES.index),
        "source": "; ".join(dict.fromkeys((how1[1], how2[1]))),
    }


def _side(
    row: pd.Series, definition: pd.Series, shares: int
) -> tuple[tuple[float, ...], tuple[str, str]]:
    """Return what the measure takes of an arm (its share of people), and how that is known.

    Events and people; or people, mean and SD on the outcome's scale.
    """
    how = (str(row["provenance"]), str(row["source"]))
    people = float(row["n"]) / shares
    if definition["measure"] in BINARY_MEASURES:
        return (float(row["events"]) / shares, people), how
    mean, sd = float(row["mean"]), float(row["sd"])
    scales = [row["scale_min"], row["scale_max"], definition["scale_min"], definition["scale_max"]]
    if definition["measure"] == "MD" and not any(pd.isna(limit) for limit in scales):
        low, high, new_low, new_high = (float(limit) for limit in scales)
        scaled = rescale(
            mean, sd, source=(low, high), target=(new_low, new_high), labels=[row["trial"]]
        )
        mean, sd = float(scaled.mean), float(scaled.sd)
    return (people, mean, sd), how


def _from_contrast(
    review: Review, definition: pd.Series, follow_up: str, pair: Pair
) -> dict[str, Any] | None:
    """Return the effect from a printed difference on the measure of the analysis."""
    printed = _here(review.contrasts, definition["outcome"], follow_up, "follow_up")
    row = _the_row(printed[printed["measure"] == definition["measure"]], pair)
    if row is None:
        return None
    z = -float(ndtri((1 - LEVEL) / 2))
    return {
        **pd.to_numeric(row[["n_experimental", "n_comparator"]]),  # what is absent becomes NaN
        "effect": row["estimate"],
        "variance": ((row["ci_high"] - row["ci_low"]) / (2 * z)) ** 2,
        "provenance": row["provenance"],
        "source": row["source"],
    }


def _from_reconstruction(
    review: Review, definition: pd.Series, follow_up: str, pair: Pair, reading: str
) -> dict[str, Any] | None:
    """Return the reconstructed effect; only the main reading is kept in the data."""
    if reading != MAIN:
        return None
    rows = _here(review.reconstructed, definition["outcome"], follow_up, "follow_up")
    row = _the_row(rows, pair)
    if row is None:
        return None
    return {
        "n_experimental": row["n_experimental"],
        "n_comparator": row["n_comparator"],
        "effect": row["estimate"],
        "variance": row["se"] ** 2,
        "low": row["low"],
        "high": row["high"],
        "provenance": row["provenance"],
        "source": row["source"],
    }


def _the_row(table: pd.DataFrame, pair: Pair) -> pd.Series | None:
    match = (table[COMPARISON] == list(pair)).all(axis=1)
    return table[match].iloc[0] if match.any() else None
