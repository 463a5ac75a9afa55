"""Standard deviations that may be standard errors, typed into the column of the former.

A standard error is smaller than its standard deviation by the root of n. Taken for one it makes a
trial look surer than it is, and gives it most of the weight.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis_lib.effects.suspect_sds import FEWEST_TO_COMPARE, suspect_sds
from analysis_lib.review.model import Review

Names = Mapping[Any, str]

FEWEST_PEOPLE = 2  # one person has no standard deviation


@dataclass(frozen=True, slots=True)
class DoubtfulSpread:
    """A standard deviation that would fit the other arms better as a standard error.

    Attributes
    ----------
    trial, arm : str
        Their names in the review.
    outcome, time : str
        Keys: what was measured, and when.
    label : str
        Name of the outcome.
    sd, others_median, sd_if_se : float
        As typed; the median of the other arms on the same scale; what the typed number would mean
        as a standard error.
    """

    trial: str
    arm: str
    outcome: str
    time: str
    label: str
    sd: float
    others_median: float
    sd_if_se: float

    def __str__(self) -> str:
        return (
            f"{self.trial}, {self.arm}, {self.label}, {self.time}: the SD of {self.sd:g} is "
            f"small beside those of the other arms (median {self.others_median:.3g}); as a "
            f"standard error it would mean an SD of {self.sd_if_se:.3g}"
        )


def doubtful_spreads(review: Review) -> tuple[DoubtfulSpread, ...]:
    """Find the standard deviations of a review that may be standard errors.

    Parameters
    ----------
    review
        A review that was loaded.

    Returns
    -------
    tuple of DoubtfulSpread
        In the order of ``arm_results.csv`` within each outcome and time.

    Notes
    -----
    The rule is that of `warn_if_sd_looks_like_se`, among three or more arms of one outcome at one
    time: on one scale, or on scales whose ends are stated, as shares of them. Arms that are known
    on unlike scales (a standardised outcome whose instruments have no stated ends) are not
    compared.
    """
    found: list[DoubtfulSpread] = []
    arms = review.arms.set_index(["trial", "arm"])["label_printed"].to_dict()
    labels = review.outcomes.set_index("outcome")["label"].to_dict()
    names = review.trial_names, arms, labels
    for _, rows in _comparable(review).groupby(["outcome", "time", "has_scale"], sort=False):
        if len(rows) >= FEWEST_TO_COMPARE:
            found += _doubtful(rows, *names)
    return tuple(found)


def _comparable(review: Review) -> pd.DataFrame:
    """Return the results whose spread can be held beside others, with the width of the scale."""
    results = review.arm_results.dropna(subset=["n", "sd"])
    results = results[results["n"] >= FEWEST_PEOPLE]
    outcomes = review.outcomes.set_index("outcome").loc[results["outcome"]].set_index(results.index)
    is_difference = outcomes["measure"] == "MD"
    width = results["scale_max"] - results["scale_min"]
    # A mean difference is pooled as if what states no scale were on that of the outcome.
    width = width.fillna((outcomes["scale_max"] - outcomes["scale_min"]).where(is_difference))
    table = results.assign(width=width.fillna(1.0), has_scale=width.notna())
    return table[table["has_scale"] | is_difference]


def _doubtful(
    rows: pd.DataFrame, trials: Names, arms: Names, labels: Names
) -> Iterator[DoubtfulSpread]:
    """Return the doubtful ones among results that can be compared, with their names."""
    shares = (rows["sd"] / rows["width"]).to_numpy(dtype=float)
    for one in suspect_sds(rows["n"].to_numpy(dtype=float), shares, labels=list(rows.index)):
        row = rows.loc[int(one.label)].to_dict()
        yield DoubtfulSpread(
            trial=trials[row["trial"]],
            arm=arms[row["trial"], row["arm"]],
            outcome=row["outcome"],
            time=row["time"],
            label=labels[row["outcome"]],
            sd=row["sd"],
            others_median=one.others_median * row["width"],
            sd_if_se=one.sd_if_se * row["width"],
        )
