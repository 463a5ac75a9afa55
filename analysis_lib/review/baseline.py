"""What is known before anybody was treated: scores, and the subgroups that a review forms of them.

A score at baseline is a row of ``arm_results`` whose time is ``baseline``. A factor of
``subgroup_levels`` speaks of ``baseline of`` an outcome, or of a column of ``arms``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import pandas as pd

from analysis_lib.base.errors import ReviewError

#: How a row came to be known, from the best known to the least.
PROVENANCES: Final = ("reported", "secondary", "reconstructed")
#: What stands where a source was read and does not say.
NOT_STATED: Final = "not stated"
#: The time of a result by arm that is no follow-up.
BASELINE: Final = "baseline"

ARM = ["trial", "arm"]
NUMBERS = ("mean", "sd", "scale_min", "scale_max")
BASELINE_OF = f"{BASELINE} of "


def outcome_of(variable: str) -> str | None:
    """Return the outcome whose baseline a factor speaks of; ``None`` for a column of ``arms``.

    Examples
    --------
    >>> outcome_of("baseline of sleep"), outcome_of("age_mean")
    ('sleep', None)
    """
    return variable.removeprefix(BASELINE_OF) if variable.startswith(BASELINE_OF) else None


def scores_at_baseline(arm_results: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """Return the rows of an outcome at baseline by trial and arm, what is measured as numbers."""
    here = (arm_results["outcome"] == outcome) & (arm_results["time"] == BASELINE)
    rows = arm_results[here].set_index(ARM)
    return rows.assign(**{name: pd.to_numeric(rows[name]) for name in NUMBERS})


def share_of_scale(scores: pd.DataFrame) -> pd.Series:
    """Return the means as shares of their scale, from 0 to 1; without a scale, as they stand."""
    shares = (scores["mean"] - scores["scale_min"]) / (scores["scale_max"] - scores["scale_min"])
    return shares.fillna(scores["mean"])


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """What a review forms subgroups by.

    Attributes
    ----------
    name : str
        As in ``subgroup_levels`` and ``published``.
    variable : str
        What it speaks of.
    levels : tuple of (str, float, float)
        Name and ends of each level, both ends included.
    by_arm : pandas.Series
        The value of each arm, by trial and arm, on the scale of the levels.
    """

    name: str
    variable: str
    levels: tuple[tuple[str, float, float], ...]
    by_arm: pd.Series

    def holding(self, value: float) -> list[str]:
        """Return the levels that hold a value: two, if it lies on their border."""
        return [name for name, low, high in self.levels if low <= value <= high]

    def of_arms(self, arms: Iterable[tuple[str, str]]) -> list[str]:
        """Return the level of each arm; ``not stated`` where it has no value.

        Raises
        ------
        ReviewError
            For a value on the border of two levels, or outside all of them.
        """
        return [self._of_arm(trial, arm) for trial, arm in arms]

    def _of_arm(self, trial: str, arm: str) -> str:
        value = self.by_arm.get((trial, arm))
        if pd.isna(value):
            return NOT_STATED
        found = self.holding(float(value))
        if len(found) != 1:
            raise ReviewError(
                f"{trial}, {arm}: {self.variable} {value:g} lies in {len(found)} levels of "
                f"{self.name!r}, not one"
            )
        return found[0]


def read_factors(
    levels: pd.DataFrame, arms: pd.DataFrame, arm_results: pd.DataFrame
) -> dict[str, Factor]:
    """Return the factors of a review by name, in the order of ``subgroup_levels``.

    Parameters
    ----------
    levels, arms, arm_results
        The tables of a review, cells as numbers or as text.

    Raises
    ------
    ReviewError
        For a factor that speaks of a column which ``arms`` does not have.
    """
    return {
        str(name): Factor(
            name=str(name),
            variable=(variable := str(rows["variable"].iloc[0])),
            levels=tuple(
                (str(level), float(low), float(high))
                for level, low, high in rows[["level", "low", "high"]].itertuples(index=False)
            ),
            by_arm=_values(variable, arms, arm_results),
        )
        for name, rows in levels.groupby("factor", sort=False)
    }


def _values(variable: str, arms: pd.DataFrame, arm_results: pd.DataFrame) -> pd.Series:
    """Return the value of each arm: a share of the scale, or a number of ``arms``."""
    outcome = outcome_of(variable)
    if outcome is not None:
        return share_of_scale(scores_at_baseline(arm_results, outcome))
    if variable not in arms:
        raise ReviewError(f"subgroup_levels: arms has no column {variable!r}")
    return pd.to_numeric(arms.set_index(ARM)[variable])
