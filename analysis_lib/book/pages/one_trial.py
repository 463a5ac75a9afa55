"""What one trial reports of an outcome that no other does: its arms, time by time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from analysis_lib.base import formatting as fmt
from analysis_lib.book.sections.from_arms import with_intervals
from analysis_lib.effects.means import standardized_mean_change
from analysis_lib.review.model import Review


def arms_by_time(review: Review, trial: str, outcome: str) -> pd.DataFrame:
    """Return the results of a trial's arms: a row a time, as stored; mean and SD of each arm.

    Returns
    -------
    pandas.DataFrame
        By time; columns ``mean`` and ``sd``, each by arm.
    """
    rows = review.arm_results
    here = rows[(rows["trial"] == trial) & (rows["outcome"] == outcome)]
    times = here["time"].unique()
    return here.pivot(index="time", columns="arm", values=["mean", "sd"]).loc[times]


def arms_table(
    by_time: pd.DataFrame, times: Mapping[str, str], arms: Mapping[str, str]
) -> pd.DataFrame:
    """Return two arms side by side, with the difference of their means, as text.

    Parameters
    ----------
    by_time
        Result of `arms_by_time`.
    times, arms
        What the times and the two arms are called; the difference is first less second.
    """
    mean, sd = by_time["mean"], by_time["sd"]
    first, second = arms
    columns = {
        f"{name}, mean ± SD": [
            f"{fmt.number(m, 1)} ± {fmt.number(s, 1)}"
            for m, s in zip(mean[arm], sd[arm], strict=True)
        ]
        for arm, name in arms.items()
    }
    differences = [fmt.number(x, 1) for x in mean[first] - mean[second]]
    names = [times[str(time)] for time in by_time.index]
    return pd.DataFrame({"Time": names, **columns, "Difference of means": differences})


def changes_told(by_time: pd.DataFrame, begin: str, end: str) -> dict[str, float]:
    """Return how far the mean of each arm moved from one time to another, by arm."""
    moved = by_time["mean"].loc[end] - by_time["mean"].loc[begin]
    return {str(arm): float(change) for arm, change in moved.items()}


def change_table(
    by_time: pd.DataFrame,
    people: Mapping[str, float],
    arms: Mapping[str, str],
    correlations: Sequence[float],
    *,
    begin: str,
    end: str,
) -> pd.DataFrame:
    """Return the standardised change within each arm under assumed correlations, as text.

    Parameters
    ----------
    by_time, arms
        As for `arms_table`.
    people
        The people of each arm.
    correlations
        Between the two measurements of a person, where no report gives it.
    begin, end
        The two times.
    """
    rows = []
    for arm, name in arms.items():
        first, last = (
            (by_time["mean"][arm][time], by_time["sd"][arm][time]) for time in (begin, end)
        )
        for correlation in correlations:
            found = standardized_mean_change(people[arm], *first, *last, correlation)
            rows.append(
                {
                    "Group": name,
                    "Assumed correlation": fmt.number(correlation, 1),
                    "Standardised change (95 % CI)": with_intervals(found)[0],
                }
            )
    return pd.DataFrame(rows)
