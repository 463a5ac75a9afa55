"""Which effects enter an analysis, and how each is known.

A comparison may be known in three ways. Means and standard deviations by arm come first, a
difference that a source prints comes second, and a reconstructed one is taken only where there is
neither. Adding rows to ``arm_results.csv`` therefore replaces reconstructed effects everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Unpack, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis_lib.base.checks import FloatArray
from analysis_lib.base.errors import ReviewError, did_you_mean
from analysis_lib.base.formatting import count, effect, effect_interval, listing, plural
from analysis_lib.base.measures import BINARY_MEASURES, GROUP_MEASURES, RATE_MEASURES
from analysis_lib.base.quantiles import two_sided_quantile
from analysis_lib.base.results import Result
from analysis_lib.effects.events import tells_nothing
from analysis_lib.pooling.events import PooledEvents, pool_events, pool_rates
from analysis_lib.pooling.methods import EventMethodNames, EventMethods, MethodNames, Methods
from analysis_lib.pooling.pooled_dependent import pool_dependent
from analysis_lib.pooling.pooled_effect import PooledEffect, pool
from analysis_lib.review.arm_names import ARMS, TOGETHER
from analysis_lib.review.found import unmarked
from analysis_lib.review.info import OF_EVENTS, Treatment
from analysis_lib.review.known_effects import EVENTS, MAIN, TIMES, known_effects
from analysis_lib.review.model import Review


class PoolingNames(MethodNames, EventMethodNames, total=False):
    """The keyword arguments of `StudyEffects.pool`."""


COUNTS = ("events_experimental", "n_experimental", "events_comparator", "n_comparator")
RATES = tuple(name for pair in zip(EVENTS, TIMES, strict=True) for name in pair)
OF_COUNTS = (*BINARY_MEASURES, *RATE_MEASURES)


@dataclass(frozen=True, slots=True, eq=False)
class StudyEffects(Result):
    """The effects of one analysis.

    Attributes
    ----------
    outcome, follow_up : str
        Which analysis.
    measure : str
        As in ``outcomes.csv``. Experimental minus comparator; of ratios the natural logarithm.
    table : pandas.DataFrame
        One row a comparison: ``trial``, ``label``, ``experimental_arm``, ``comparator_arm``,
        ``n_experimental``, ``n_comparator`` (after a shared arm is split), ``effect``,
        ``variance``, ``low`` and ``high`` (how far a reconstructed effect is free; absent
        otherwise), ``provenance``, ``source``, ``people`` (both arms together, before clusters
        are counted as fewer), ``instrument`` and ``remark``, what was done with a trial of another
        design. With a measure of events also ``events_experimental`` and ``events_comparator``, of
        which a shared arm lends its share, and with one of rates ``person_time_experimental`` and
        ``person_time_comparator``.
    unknown : tuple of str
        Comparisons that belong here and whose effect is not known, with the reason.
    review : Review, optional
        The review that the analysis belongs to.
    silent : pandas.DataFrame, optional
        Comparisons of events that are left out because they tell nothing of a ratio, as in
        ``table`` but without effects.
    shared_arms : {"split", "combine", "model"}
        How comparisons that share an arm were treated.
    covariance : ndarray of shape (k, k), optional
        Of the sampling errors, where shared arms are modelled.
    """

    outcome: str
    follow_up: str
    measure: str
    table: pd.DataFrame
    unknown: tuple[str, ...]
    review: Review | None = field(default=None, repr=False)
    silent: pd.DataFrame | None = field(default=None, repr=False)
    shared_arms: Treatment = "split"
    covariance: FloatArray | None = field(default=None, repr=False)

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
        people = self.table["people"].to_numpy(dtype=float)
        return None if np.isnan(people).any() else float(people.sum())

    @property
    def remarks(self) -> list[tuple[str, str]]:
        """The comparisons of another design or form than two arms of final scores, and how."""
        known = self.table[["label", "remark"]]
        return [(label, told) for label, told in known.itertuples(index=False) if told]

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
        level = self.methods.level
        margin = two_sided_quantile(level) * np.sqrt(self.variance)
        limits = zip(self.effect - margin, self.effect + margin, strict=True)
        people = self.table[["n_experimental", "n_comparator"]].to_numpy(dtype=float)
        return pd.DataFrame(
            {
                "Comparison": self.table["label"],
                "Arms": self._arms(),
                "People": [
                    "not stated" if np.isnan((n1, n2)).all() else _people_words(n1, n2)
                    for n1, n2 in people
                ],
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
            " against ".join(
                printed.get((trial, arm), arm) for arm in (first, second) if not pd.isna(arm)
            )
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
    def events(self) -> EventMethods:
        """How the review pools the events of the outcome."""
        return self.review.info.events_of(self.outcome) if self.review else EventMethods()

    @property
    def is_of_events(self) -> bool:
        """Whether the effects are those of events, and the counts of every one are known."""
        if self.measure not in BINARY_MEASURES or not set(EVENTS) <= set(self.table):
            return False
        return not np.isnan([self.table[name].to_numpy(dtype=float) for name in COUNTS]).any()

    @property
    def is_of_rates(self) -> bool:
        """Whether the effects are those of rates, and events and time of every one are known."""
        if self.measure not in RATE_MEASURES or not set(RATES) <= set(self.table):
            return False
        return bool(self.table[list(RATES)].notna().all(axis=None))

    @property
    def is_of_one_group(self) -> bool:
        """Whether something is measured of one group, and nothing compared."""
        return self.measure in GROUP_MEASURES

    @property
    def counts(self) -> tuple[str, ...]:
        """The columns that are added up over the trials, if the effects are those of counts."""
        if self.is_of_rates:
            return RATES
        return COUNTS if self.is_of_events else ()

    @property
    def methods(self) -> Methods:
        """How the review pools the effects: ``tau2_method`` is FE in a common-effect model."""
        return self._chosen({})[1]

    def pool(self, **methods: Unpack[PoolingNames]) -> PooledEffect:
        """Pool the effects by the methods of the review, or by others.

        Parameters
        ----------
        **methods
            What differs from the methods of the review; see `Methods` and, for events,
            `EventMethods`. An estimator of tau2 that is asked for is that of a random-effects
            model, or ``"FE"`` that of the common-effect one.

        Returns
        -------
        PooledEffect
            Of events a `PooledEvents`, which tells what was corrected and left out.

        Raises
        ------
        ReviewError
            If no effect is known, if events are to be added up of which some are not known, and as
            `analysis_lib.pool` and `analysis_lib.pool_events`.

        Examples
        --------
        >>> from analysis_lib import load_review
        >>> pain = study_effects(load_review("data"), "pain", "ETP")
        >>> pain.pool().ci_method, pain.pool(ci_method="HK").ci_method
        ('wald', 'HK')
        """
        events, chosen = self._chosen(methods)
        if self.covariance is not None:
            self._check_modelled(events, chosen)
            trials = list(self.table["trial"])
            return pool_dependent(
                self.effect, self.covariance, trials, labels=self.labels, **chosen
            )
        if self.counts:
            return self._pool_counts(events, chosen)
        if self.measure in OF_COUNTS:
            self._check_generic(events, chosen)
        return pool(self.effect, self.variance, labels=self.labels, **chosen)

    def _chosen(self, names: PoolingNames) -> tuple[EventMethods, Methods]:
        """Return how events are pooled, and how effects; which model is meant, tau2_method says."""
        given = dict(names)
        own = {name: given.pop(name) for name in OF_EVENTS if name in given}
        events = self.events.but(**cast(EventMethodNames, own))
        methods = self.review.info.methods if self.review else Methods()
        if self.measure in OF_COUNTS and events.model == "common":
            methods = methods.but(tau2_method="FE", ci_method="wald")
        return events, methods.but(**cast(MethodNames, given))

    def _pool_counts(self, events: EventMethods, chosen: Methods) -> PooledEvents:
        """Pool the counts of all comparisons, those without information among them."""
        known = self.table if self.silent is None else pd.concat([self.table, self.silent])
        return (pool_rates if self.is_of_rates else pool_events)(
            *(known[name].to_numpy(dtype=float) for name in self.counts),
            measure=self.measure,
            method=events.event_method,
            model="common" if chosen.tau2_method == "FE" else "random",
            correction=events.correction,
            double_zeros=cast(Literal["drop", "keep"], events.double_zeros),
            labels=known["label"].tolist(),
            **chosen,
        )

    def _check_modelled(self, events: EventMethods, chosen: Methods) -> None:
        """Raise where counts are to be added up whose comparisons share arms that are modelled."""
        if self.measure in OF_COUNTS and events.event_method == "MH" and chosen.tau2_method == "FE":
            raise ReviewError(
                f"{self.outcome}, {self.follow_up}: Mantel-Haenszel adds up counts as if no arm "
                "were shared; with shared_arms model, event_method inverse pools the effects"
            )

    def _check_generic(self, events: EventMethods, chosen: Methods) -> None:
        """Raise where counts are to be added up that are not all known."""
        by_counts = events.event_method == "MH" and chosen.tau2_method == "FE"
        if by_counts or events.event_method == "Peto":
            counts = RATES if self.measure in RATE_MEASURES else COUNTS
            bare = self.table.reindex(columns=list(counts)).isna().any(axis="columns")
            raise ReviewError(
                f"{self.outcome}, {self.follow_up}: event_method {events.event_method} adds up "
                f"events, which are not known of {listing(self.table['label'][bare].tolist())}; "
                "event_method inverse pools the effects"
            )

    @property
    def holds_double_zeros(self) -> bool:
        """Whether a trial of the analysis, used or left out, tells nothing of a ratio."""
        if self.silent is not None or not self.counts:
            return self.silent is not None
        if self.is_of_rates:
            no_events = (self.table[list(EVENTS)] == 0).all(axis="columns")
            return self.measure == "IRR" and bool(no_events.any())
        events1, n1, events2, n2 = (self.table[name].to_numpy(dtype=float) for name in COUNTS)
        cells = (events1, n1 - events1, events2, n2 - events2)
        return bool(tells_nothing(cells, self.measure).any())

    @property
    def adds_up_counts(self) -> bool:
        """Whether the pooled effect is made of counts, and not of the trials' own effects."""
        by_mh = bool(self.counts) and self.events.event_method == "MH"
        return by_mh and self.methods.tau2_method == "FE"

    @property
    def told_of_shared_arms(self) -> str:
        """A sentence on arms that several comparisons share, where they are not simply split."""
        if self.shared_arms == "combine":
            joined = self.table[ARMS].apply(lambda arm: arm.str.contains(TOGETHER, regex=False))
            labels = self.table["label"][joined.any(axis="columns")].tolist()
            if not labels:
                return ""
            return (
                "Arms that are compared with the same arm are combined, so that nobody counts "
                f"twice: {listing(labels)}."
            )
        if self.shared_arms == "model":
            return (
                "Comparisons that share an arm have all of its people each; that they do is in "
                "the model, as the covariance of their effects."
            )
        wanted = "split" if self.review is None else self.review.info.shared_arms
        if wanted != "split" and self.reconstructed.any():
            return (
                "Shared arms are split here: reconstructed effects fit what is printed of arms "
                "that were split."
            )
        return ""

    def check_independent(self) -> None:
        """Raise where shared arms are modelled, for what takes comparisons as independent.

        Raises
        ------
        ReviewError
            Unless the comparisons are taken as independent.
        """
        if self.covariance is not None:
            raise ReviewError(
                "it takes comparisons as independent, and those that share an arm are modelled "
                "together here (shared_arms in review.toml); split or combined, it can be had"
            )

    def only(self, kept: Sequence[bool]) -> StudyEffects:
        """Return the analysis with some of its comparisons: one true or false for each."""
        mask = np.asarray(kept, dtype=bool)
        return replace(
            self,
            table=self.table[mask].reset_index(drop=True),
            silent=None,
            covariance=None if self.covariance is None else self.covariance[np.ix_(mask, mask)],
        )

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
        known = self.table if self.silent is None else pd.concat([self.table, self.silent])
        keys = {names.get(key, key): key for key in known["trial"]}
        keys |= {unmarked(name): key for name, key in keys.items()}
        keys |= {key: key for key in keys.values()}
        if absent := [name for name in trials if name not in keys]:
            told = ", ".join(f"{name}{did_you_mean(name, tuple(keys))}" for name in absent)
            raise ReviewError(f"{self.outcome}, {self.follow_up}: no trial {told}")
        gone = {keys[name] for name in trials}
        kept = ~self.table["trial"].isin(gone).to_numpy()
        return replace(
            self,
            covariance=None if self.covariance is None else self.covariance[np.ix_(kept, kept)],
            table=_without(self.table, gone),
            silent=None if self.silent is None else _without(self.silent, gone),
        )


def _people_words(first: float, second: float) -> str:
    return count(first) if np.isnan(second) else f"{count(first)} and {count(second)}"


def _without(table: pd.DataFrame, trials: set[str]) -> pd.DataFrame:
    return table[~table["trial"].isin(trials)].reset_index(drop=True)


def study_effects(
    review: Review,
    outcome: str,
    follow_up: str,
    *,
    reading: str = MAIN,
    shared_arms: Treatment | None = None,
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
    shared_arms : {"split", "combine", "model"}, optional
        How comparisons that share an arm are treated; by default as ``review.toml`` says.

    Returns
    -------
    StudyEffects
        Possibly empty: an outcome that no trial reports has no effects.

    Raises
    ------
    ReviewError
        For an outcome or a follow-up that the review does not have, and as `treat_shared_arms`.

    Notes
    -----
    Split, an arm that serves m comparisons of the analysis lends each of them n / m of its people,
    with mean and standard deviation unchanged (Cochrane Handbook, section 23.3.4); see
    `treat_shared_arms` for the two other ways. Effects that are reconstructed fit what is printed
    of arms that were split: unless another way is asked for here, they stay so. The variance of a
    printed difference is ``((high - low) / (2 z))**2``.

    Examples
    --------
    >>> from analysis_lib import load_review
    >>> effects = study_effects(load_review("data"), "endurance", "PW")
    >>> effects.labels
    ('Aasa 2015',)
    """
    every = known_effects(review, reading)
    if not isinstance(outcome, str) or outcome not in every.measures:
        raise ReviewError(f"outcome {outcome!r} is not in outcomes.csv")
    if follow_up not in review.follow_ups["follow_up"].array:
        raise ReviewError(f"follow-up {follow_up!r} is not in follow_ups.csv")
    table, unknown = every.analysis(outcome, follow_up)
    silent = every.silent.get((outcome, follow_up))
    measure = every.measures[outcome]
    effects = StudyEffects(outcome, follow_up, measure, table, unknown, review, silent)
    choice = shared_arms or review.info.shared_arms
    if choice == "split" or (shared_arms is None and effects.reconstructed.any()):
        return effects
    from analysis_lib.review.dependence import with_shared_arms  # which needs this module

    name = ("shared arms", outcome, follow_up, reading, choice)
    return review.kept(name, lambda: with_shared_arms(effects, choice))
