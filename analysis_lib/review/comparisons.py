"""Which effects enter an analysis, and how each is known.

A comparison may be known in three ways. Means and standard deviations by arm come first, a
difference that a source prints comes second, and a reconstructed one is taken only where there is
neither. Adding rows to ``arm_results.csv`` therefore replaces reconstructed effects everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis_lib.base.checks import FloatArray
from analysis_lib.base.errors import ReviewError, did_you_mean
from analysis_lib.base.formatting import count, effect, effect_interval, plural
from analysis_lib.base.quantiles import two_sided_quantile
from analysis_lib.base.results import Result
from analysis_lib.pooling.methods import MethodNames, Methods
from analysis_lib.pooling.pooled_effect import PooledEffect, pool
from analysis_lib.review.arm_names import ARMS
from analysis_lib.review.known_effects import MAIN, known_effects
from analysis_lib.review.model import Review


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
    review : Review, optional
        The review that the analysis belongs to.
    """

    outcome: str
    follow_up: str
    measure: str
    table: pd.DataFrame
    unknown: tuple[str, ...]
    review: Review | None = field(default=None, repr=False)

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
        return tuple(self.table["label"].to_numpy(dtype=object))

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
        """Return the rows of `comparisons`, without the longest columns, their heads first."""
        table = self.comparisons.drop(columns=["Arms", "Source"])
        return [tuple(table), *table.itertuples(index=False, name=None)]

    @property
    def comparisons(self) -> pd.DataFrame:
        """One row a comparison, in words: its arms, people, effect, interval, and how it is known.

        Ratios are ratios here, not logarithms. The interval is the trial's own normal one.
        """
        level = self._methods.level
        margin = two_sided_quantile(level) * np.sqrt(self.variance)
        limits = zip(self.effect - margin, self.effect + margin, strict=True)
        people = self.table[["n_experimental", "n_comparator"]].to_numpy(dtype=float)
        return pd.DataFrame(
            {
                "Comparison": self.table["label"],
                "Arms": self._arms(),
                "People": [f"{count(n1)} and {count(n2)}" for n1, n2 in people],
                self.measure: [effect(y, self.measure) for y in self.effect],
                f"{100 * level:g} % CI": [effect_interval(ends, self.measure) for ends in limits],
                "How it is known": self.table["provenance"],
                "Source": self.table["source"],
            },
            dtype="str",
        )

    def _arms(self) -> list[str]:
        """Return the arms of each comparison, named as printed."""
        arms = pd.DataFrame() if self.review is None else self.review.arms
        printed = {} if arms.empty else arms.set_index(["trial", "arm"])["label_printed"].to_dict()
        return [
            f"{printed.get((trial, first), first)} against {printed.get((trial, second), second)}"
            for trial, first, second in self.table[["trial", *ARMS]].itertuples(index=False)
        ]

    @property
    def printed(self) -> pd.DataFrame:
        """What the review prints of this analysis: rows of ``published.csv``, digits as printed.

        ``place`` and ``source`` say where; empty if nothing is printed.
        """
        if self.review is None:
            raise ReviewError("printed: these effects do not come from a review")
        rows = self.review.printed
        is_here = (rows["outcome"] == self.outcome) & (rows["follow_up"] == self.follow_up)
        return rows[is_here].reset_index(drop=True)

    @property
    def _methods(self) -> Methods:
        return self.review.info.methods if self.review else Methods()

    def pool(self, **methods: Unpack[MethodNames]) -> PooledEffect:
        """Pool the effects by the methods of the review, or by others.

        Parameters
        ----------
        **methods
            What differs from the methods of the review; see `analysis_lib.pool`.

        Raises
        ------
        ReviewError
            If no effect is known, and as `analysis_lib.pool`.

        Examples
        --------
        >>> from analysis_lib import load_review
        >>> pain = study_effects(load_review("data"), "pain", "ETP")
        >>> pain.pool().ci_method, pain.pool(ci_method="HK").ci_method
        ('wald', 'HK')
        """
        chosen = self._methods.but(**methods)
        return pool(self.effect, self.variance, labels=self.labels, **chosen)

    def without(self, *trials: str) -> StudyEffects:
        """Return the analysis without some trials.

        Parameters
        ----------
        *trials
            What a trial is called, or its key.

        Raises
        ------
        ReviewError
            For a trial that is not in the analysis.

        Examples
        --------
        >>> from analysis_lib import load_review
        >>> pain = study_effects(load_review("data"), "pain", "ETP")
        >>> pain.k - pain.without("Kell 2009").k
        1
        """
        names = self.review.trial_names if self.review else {}
        keys = {names.get(key, key): key for key in self.table["trial"]}
        keys |= {key: key for key in keys.values()}
        if absent := [name for name in trials if name not in keys]:
            told = ", ".join(f"{name}{did_you_mean(name, tuple(keys))}" for name in absent)
            raise ReviewError(f"{self.outcome}, {self.follow_up}: no trial {told}")
        gone = {keys[name] for name in trials}
        rest = self.table[~self.table["trial"].isin(gone)].reset_index(drop=True)
        return replace(self, table=rest)


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
    every = known_effects(review, reading)
    if outcome not in every.measures:
        raise ReviewError(f"outcome {outcome!r} is not in outcomes.csv")
    if follow_up not in review.follow_ups["follow_up"].array:
        raise ReviewError(f"follow-up {follow_up!r} is not in follow_ups.csv")
    table, unknown = every.analysis(outcome, follow_up)
    return StudyEffects(outcome, follow_up, every.measures[outcome], table, unknown, review)
