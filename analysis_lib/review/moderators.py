"""What may explain why effects differ: the columns that ``moderators.csv`` declares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from analysis_lib.base.checks import FloatArray
from analysis_lib.review.arm_names import TOGETHER
from analysis_lib.review.baseline import NOT_STATED
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.model import Review

NUMBER = "number"  # a kind of moderator; the other is a category


@dataclass(frozen=True, slots=True, eq=False)
class Moderator:
    """A characteristic of the trials, or of their experimental arms, by comparison.

    Attributes
    ----------
    label, unit : str
        Its name in text and plots, and its unit if it is a number.
    is_number : bool
        Whether it is a number; otherwise words divide the trials.
    stated : pandas.Series, shape (k,)
        Text or numbers in the order of the effects, absent where they are not stated.
    """

    label: str
    unit: str
    is_number: bool
    stated: pd.Series

    @property
    def numbers(self) -> FloatArray:
        """The values of a number, shape (k,); NaN where it is not stated."""
        return self.stated.to_numpy(dtype=float)

    @property
    def name(self) -> str:
        """Label with the unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


def moderators_of(review: Review, effects: StudyEffects) -> Iterator[Moderator]:
    """Return every declared moderator with its values for the comparisons of an analysis.

    A column of ``arms.csv`` tells of the experimental arm of a comparison.
    """
    declared = (review.moderators[c] for c in ("moderator", "table", "label", "kind", "unit"))
    for name, of, label, kind, unit in zip(*declared, strict=True):
        keys = ["trial"] if of == "trials" else ["trial", "arm"]
        table: pd.DataFrame = getattr(review, of)
        wanted = effects.table[["trial", "experimental_arm"]]
        wanted = wanted.rename(columns={"experimental_arm": "arm"})[keys]
        column = _of_rows(wanted, table, name)
        yield Moderator(
            label=label,
            unit="" if pd.isna(unit) else unit,
            is_number=kind == NUMBER,
            stated=column.astype(float) if kind == NUMBER else column,
        )


def _of_rows(wanted: pd.DataFrame, table: pd.DataFrame, name: str) -> pd.Series:
    """Return a column of a table for trials or arms; of arms that became one, what all have."""
    keys = [str(key) for key in wanted]
    if "arm" in wanted:
        wanted = wanted.assign(arm=wanted["arm"].str.split(TOGETHER, regex=False)).explode("arm")
    found = wanted.join(table.set_index(keys)[name], on=keys)[name].groupby(level=0)
    return found.first().where(found.nunique(dropna=False).eq(1))


def levels_of_moderators(review: Review, effects: StudyEffects) -> dict[str, list[str]]:
    """Return the level of each comparison by every moderator that is a category."""
    return {
        moderator.label: moderator.stated.fillna(NOT_STATED).tolist()
        for moderator in moderators_of(review, effects)
        if not moderator.is_number
    }
