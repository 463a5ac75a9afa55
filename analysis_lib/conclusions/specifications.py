"""Which conclusions survive the choices that an analyst could have made otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import pandas as pd

from analysis_lib.base.errors import ReviewError, attempt
from analysis_lib.pooling.events import PooledEvents
from analysis_lib.pooling.methods import EventMethodNames, Methods
from analysis_lib.pooling.pooled_effect import PooledEffect
from analysis_lib.review.comparisons import StudyEffects, study_effects
from analysis_lib.review.dependence import shares_arms
from analysis_lib.review.info import TREATMENTS

TAU2_CHOICES = ("REML", "DL", "PM", "SJ", "FE")
CI_CHOICES = ("wald", "HK", "HK-adhoc")
PI_CHOICES = ("HTS", "V")
#: With shared arms modelled this interval is that of HK, the cluster-robust one.
REPEATED = "HK-adhoc"


def specifications(
    effects: StudyEffects,
    *,
    exclusions: Sequence[Sequence[str]] = ((),),
    tau2_methods: Sequence[str] = TAU2_CHOICES,
    ci_methods: Sequence[str] = CI_CHOICES,
    pi_methods: Sequence[str] = PI_CHOICES,
    level: float = 0.95,
) -> pd.DataFrame:
    """Pool one analysis under every combination of choices.

    Parameters
    ----------
    effects
        The effects of one analysis.
    exclusions
        Sets of trials to leave out, the empty one for none.
    tau2_methods, ci_methods, pi_methods
        Choices of ``analysis_lib.pool``.
    level
        Level of the intervals.

    Returns
    -------
    pandas.DataFrame
        One row a combination: ``without`` (trials joined by ``; ``), ``tau2_method``,
        ``ci_method``, ``pi_method``, ``k``, ``estimate``, ``ci_low``, ``ci_high``, ``p_value``,
        ``tau2``, ``pi_low``, ``pi_high``, ``ci_excludes_zero``, ``pi_excludes_zero`` (absent
        where there is no prediction interval). Of events, whose ways of pooling are choices too,
        also ``event_method`` and ``double_zeros``; where arms are shared, ``shared_arms``.

    Notes
    -----
    Where comparisons share arms, each way to treat these is a choice, as far as it can be had;
    modelled, with the estimators and intervals that there are for it. Reconstructed effects belong
    to arms that were split.

    A model of one common effect knows no prediction interval, and its rows are not repeated for
    each choice of one.

    Examples
    --------
    >>> from analysis_lib import load_review, study_effects
    >>> found = specifications(study_effects(load_review("data"), "endurance", "PW"))
    >>> set(found["ci_excludes_zero"])
    {True}
    """
    rows = [
        {**_row(fit, without), **told}
        for treated, told in _treated(effects)
        for without in exclusions
        for fit in _fits(treated.without(*without), tau2_methods, ci_methods, pi_methods, level)
    ]
    return pd.DataFrame(rows)


def _treated(effects: StudyEffects) -> Iterator[tuple[StudyEffects, dict[str, str]]]:
    """Yield an analysis in every way to treat its shared arms, and the way in words."""
    review, where = effects.review, (effects.outcome, effects.follow_up)
    split = None if review is None else study_effects(review, *where, shared_arms="split")
    if review is None or split is None or effects.reconstructed.any() or not shares_arms(split):
        yield effects, {}
        return
    gone = set(split.table["trial"]) - set(effects.table["trial"])
    for choice in TREATMENTS:
        treated = attempt(study_effects, review, *where, shared_arms=choice)
        if isinstance(treated, StudyEffects):
            yield treated.without(*gone), {"shared_arms": choice}


def _fits(
    effects: StudyEffects,
    tau2_methods: Sequence[str],
    ci_methods: Sequence[str],
    pi_methods: Sequence[str],
    level: float,
) -> Iterator[PooledEffect]:
    for tau2_method, ci_method, pi_method in product(tau2_methods, ci_methods, pi_methods):
        if tau2_method == "FE" and pi_method != pi_methods[0]:
            continue
        methods = Methods(
            tau2_method=tau2_method, ci_method=ci_method, pi_method=pi_method, level=level
        )
        if effects.covariance is not None:
            fit = attempt(effects.pool, event_method="inverse", **methods)
            if ci_method != REPEATED and isinstance(fit, PooledEffect):
                yield fit
        elif not effects.counts:
            yield effects.pool(**methods)
        elif tau2_method == "FE":  # with normal intervals only
            if ci_method == ci_methods[0]:
                yield from _common_fits(effects, methods)
        else:
            yield from (effects.pool(**way, **methods) for way in _with_zeros(effects))


def _common_fits(effects: StudyEffects, methods: Methods) -> Iterator[PooledEffect]:
    """Pool events as one common effect; of trials without information only one method knows."""
    by_counts = ("MH", "Peto") if effects.measure == "OR" else ("MH",)
    for event_method in by_counts:
        fit = attempt(effects.pool, event_method=event_method, double_zeros="drop", **methods)
        if not isinstance(fit, ReviewError):
            yield fit
    yield from (effects.pool(**way, **methods) for way in _with_zeros(effects))


def _with_zeros(effects: StudyEffects) -> list[EventMethodNames]:
    """Return inverse variance without trials that tell nothing of a ratio, and with them."""
    chosen: list[EventMethodNames] = [{"event_method": "inverse", "double_zeros": "drop"}]
    if effects.holds_double_zeros:
        chosen.append({"event_method": "inverse", "double_zeros": "keep"})
    return chosen


def _row(fit: PooledEffect, without: Sequence[str]) -> dict[str, object]:
    limits = fit.prediction_interval
    return {
        "without": "; ".join(without),
        "tau2_method": fit.tau2_method,
        "ci_method": fit.ci_method,
        "pi_method": fit.pi_method,
        **_choices_of_events(fit),
        "k": fit.k,
        "estimate": fit.estimate,
        "ci_low": fit.ci[0],
        "ci_high": fit.ci[1],
        "p_value": fit.p_value,
        "tau2": fit.tau2,
        "pi_low": None if limits is None else limits[0],
        "pi_high": None if limits is None else limits[1],
        "ci_excludes_zero": not fit.ci[0] <= 0 <= fit.ci[1],
        "pi_excludes_zero": pd.NA if limits is None else not limits[0] <= 0 <= limits[1],
    }


def _choices_of_events(fit: PooledEffect) -> dict[str, str]:
    if not isinstance(fit, PooledEvents):
        return {}
    zeros = "drop" if fit.left_out else "keep"
    return {"event_method": fit.method, "double_zeros": zeros}
