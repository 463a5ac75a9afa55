"""How far a Bayesian answer hangs on the prior of tau: one analysis under several of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis_lib.base.checks import check_kind
from analysis_lib.base.errors import ReviewError, attempt
from analysis_lib.conclusions.method_choice import INTERVAL_WORDS, people_sd
from analysis_lib.pooling.bayesian import EMPIRICAL_PRIORS, TauPrior, bayes_pool
from analysis_lib.pooling.pooled_effect import pool
from analysis_lib.review.comparisons import StudyEffects

#: Scales of the priors in standard deviations of people.
SCALES = {"half-normal": (0.25, 0.5, 1.0, 2.0), "half-Cauchy": (0.25, 0.5, 1.0)}
#: The published priors, and the measure whose heterogeneity they were found for.
PUBLISHED = {"SMD": "Rhodes 2015", "OR": "Turner 2015"}
WITHOUT = "No prior"
COLUMNS = [
    *("family", "choice", "k", "estimate", "ci_low", "ci_high", "tau", "tau_low", "tau_high"),
    *("pi_low", "pi_high", "overlap", "why"),
]


def prior_sensitivity(effects: StudyEffects) -> pd.DataFrame:
    """Compute one analysis under several priors of tau, and without one.

    Parameters
    ----------
    effects
        The effects of one analysis, at least two that are taken as independent.

    Returns
    -------
    pandas.DataFrame
        One row a prior: ``family``, ``choice`` in words, ``k``, ``estimate`` (posterior mean) with
        its central interval, ``tau`` (median) with its interval, the interval of a new effect,
        ``overlap`` (of the prior and the posterior of tau, 0 to 1: how much of the answer about
        tau is prior), and ``why`` where it cannot be computed. The first row is the review's own
        method, which has no prior.

    Raises
    ------
    ReviewError
        For fewer than two effects, effects that are modelled together, a measure of one group, and
        mean differences of people whose number is not known.

    Notes
    -----
    Scales are in standard deviations of people: those of a standardised difference; of a mean
    difference, the median over the comparisons; of the logarithm of a ratio, 1.

    References
    ----------
    Röver C (2020). Bayesian random-effects meta-analysis using the bayesmeta R package. Journal of
    Statistical Software 93(6).

    Examples
    --------
    >>> from analysis_lib import load_review
    >>> pain = load_review("examples/spinal_manipulation/data").analysis("pain", "listed")
    >>> found = prior_sensitivity(pain)
    >>> found["choice"].tolist()[:3]
    ['REML, Wald', 'half-normal, 0.25 SD', 'half-normal, 0.5 SD']
    """
    check_kind("effects", effects, StudyEffects, "study_effects")
    effects.check_independent()
    where = f"{effects.outcome}, {effects.follow_up}"
    if effects.is_of_one_group:
        raise ReviewError(f"{where}: the scale of a prior is known for comparisons only")
    if effects.k < 2:
        raise ReviewError(f"{where}: two effects are needed to speak of their spread")
    scale = people_sd(effects)
    if not np.isfinite(scale):
        raise ReviewError(
            f"{where}: the people of the arms are not known, nor their standard deviation, in "
            "which the priors of tau have their scale"
        )
    return pd.DataFrame(_rows(effects, scale), columns=COLUMNS)


def _rows(effects: StudyEffects, scale: float) -> Iterator[dict[str, object]]:
    yield _without(effects)
    for family, choice, prior in _priors(effects.measure, scale):
        row = {"family": family, "choice": choice, "k": effects.k, "why": ""}
        fit = attempt(
            bayes_pool,
            effects.effect,
            effects.variance,
            tau_prior=prior,
            level=effects.methods.level,
            labels=effects.labels,
        )
        if isinstance(fit, ReviewError):
            yield row | {"why": str(fit)}
            continue
        yield row | {
            "estimate": fit.mean,
            "tau": fit.tau_median,
            "overlap": fit.prior_overlap,
            **_ends("ci", fit.ci),
            **_ends("tau", fit.tau_ci),
            **_ends("pi", fit.prediction_interval),
        }


def _without(effects: StudyEffects) -> dict[str, object]:
    methods = effects.methods
    fit = pool(effects.effect, effects.variance, labels=effects.labels, **methods)
    tau2 = fit.tau2_ci
    return {
        "family": WITHOUT,
        "choice": f"{methods.tau2_method}, {INTERVAL_WORDS[methods.ci_method]}",
        "k": fit.k,
        "estimate": fit.estimate,
        "tau": None if fit.tau2 is None else fit.tau2**0.5,
        "why": "",
        **_ends("ci", fit.ci),
        **_ends("tau", None if tau2 is None else (tau2[0] ** 0.5, tau2[1] ** 0.5)),
        **_ends("pi", fit.prediction_interval),
    }


def _priors(measure: str, scale: float) -> Iterator[tuple[str, str, TauPrior]]:
    for name, sizes in SCALES.items():
        for size in sizes:
            family = f"{name[0].upper()}{name[1:]} prior"
            yield family, f"{name}, {size:g} SD", (name, size * scale)
    if measure in PUBLISHED:
        name = PUBLISHED[measure]
        yield "Prior of other reviews", f"empirical ({name})", EMPIRICAL_PRIORS[name]


def _ends(name: str, limits: tuple[float, float] | None) -> dict[str, float]:
    low, high = limits or (np.nan, np.nan)
    return {f"{name}_low": low, f"{name}_high": high}
