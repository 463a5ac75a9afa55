"""Random effects with a prior on how effects vary, by quadrature: no sampler, no chance.

Given tau, the mean is normal; its posterior is a mixture of normals over tau. So is that of the
effect in a new setting. The one integral that is left, over the logarithm of tau, is a sum of
Gauss-Legendre panels, halved until nothing changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from analysis_lib.base.checks import (
    FloatArray,
    as_items,
    as_number,
    check_choice,
    check_effects,
    check_level,
)
from analysis_lib.base.errors import ReviewError, shown
from analysis_lib.base.formatting import estimate as estimate_text
from analysis_lib.base.formatting import interval, listing, percent, plural
from analysis_lib.base.results import Result
from analysis_lib.pooling.pooled_effect import Interval, frozen

TauPrior: TypeAlias = tuple[str, *tuple[float, ...]]  # its name, and its numbers
#: Name of a prior of tau -> what its numbers are called.
PRIORS: dict[str, tuple[str, ...]] = {
    "half-normal": ("scale",),
    "half-Cauchy": ("scale",),
    "log-normal": ("location", "scale"),
    "log-t": ("location", "scale"),
    "uniform": (),
}
#: Priors of tau from large collections of meta-analyses, for one of any outcome: of a log odds
#: ratio (Turner and others 2015), of a standardised mean difference (Rhodes and others 2015). Both
#: were published for tau squared; halved, their numbers are those of tau.
EMPIRICAL_PRIORS: dict[str, TauPrior] = {
    "Turner 2015": ("log-normal", -2.56 / 2, 1.74 / 2),
    "Rhodes 2015": ("log-t", -3.44 / 2, 2.59 / 2),
}
LOG_T_DF = 5
#: Nodes of a panel. Its width is a step of log tau, in which no integrand changes its character.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
#: Power of tau by which a prior falls off; with k studies and a flat prior of the mean, the
#: posterior falls by k - 1 more. What falls by less than three has no SD.
TAIL = {"uniform": 0, "log-t": 1, "half-Cauchy": 2}
FEWEST_STUDIES = {"uniform": 4}
#: What is below this share (a logarithm) of the largest integrand is left out.
NEGLIGIBLE = -38.0
#: How far log tau is searched beyond the data and the prior. A log-t prior falls off only slowly
#: below that, where the data say no more and wide panels do.
REACH = 42.0
TAIL_OF_LOG_T = np.array([256.0, 128.0, 64.0, 32.0, 16.0, 8.0])
#: Panels are halved until the integrals agree so closely, and not more often than this.
AGREED, HALVINGS = 1e-11, 8


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BayesianEffect(Result):
    """The result of `bayes_pool`: posterior distributions of the mean, of tau, of a new effect.

    Attributes
    ----------
    effect, variance : ndarray of shape (k,)
        The input, read-only.
    labels : tuple of str
        Study labels.
    tau_prior : tuple
        Name of the prior of tau and its numbers.
    mean_prior : tuple of float or None
        Mean and SD of the normal prior of the mean; None for a flat one.
    level : float
        Level of the intervals.
    mean, sd, median : float
        Of the mean effect's posterior. The SD is infinite where the tails are that heavy: with a
        half-Cauchy prior and two studies, for example.
    ci : tuple of float
        Central credible interval (low, high) of the mean effect.
    tau_mean, tau_median : float
        Of tau's posterior.
    tau_ci : tuple of float
        Central credible interval of tau.
    prediction_interval : tuple of float
        Central interval of the true effect in a new setting.
    prior_overlap : float
        What prior and posterior of tau have in common, from 0 to 1: near 1 the studies say next to
        nothing about tau. Not a number for the uniform prior, which is no distribution.
    log_marginal_likelihood : float
        Of the data; defined up to a constant where a prior is improper.
    """

    effect: FloatArray
    variance: FloatArray
    labels: tuple[str, ...]
    tau_prior: TauPrior
    mean_prior: tuple[float, float] | None
    level: float
    mean: float
    sd: float
    median: float
    ci: Interval
    tau_mean: float
    tau_median: float
    tau_ci: Interval
    prediction_interval: Interval
    prior_overlap: float
    log_marginal_likelihood: float
    mixtures: tuple[Mixture, Mixture] = field(repr=False)

    @property
    def k(self) -> int:
        """Number of studies."""
        return len(self.effect)

    def probability_beyond(
        self, threshold: float, direction: str = "above", *, of: str = "mean"
    ) -> float:
        """Return the probability that an effect lies beyond a threshold.

        Parameters
        ----------
        threshold : float
            In the units of the effects.
        direction : {"above", "below"}
            Which side of it.
        of : {"mean", "new"}
            The mean effect, or the true effect of a new setting.

        Returns
        -------
        float

        Raises
        ------
        ReviewError
            For another direction or effect, or a threshold that is not finite.
        """
        check_choice("direction", direction, ("above", "below"))
        check_choice("of", of, ("mean", "new"))
        if not math.isfinite(threshold):
            raise ReviewError(f"threshold must be finite, got {threshold}")
        mixture = self.mixtures[of == "new"]
        return mixture.above(threshold) if direction == "above" else mixture.below(threshold)

    def __repr__(self) -> str:
        return (
            f"BayesianEffect(k={self.k}, mean={self.mean:.4g}, "
            f"ci=({self.ci[0]:.4g}, {self.ci[1]:.4g}), tau_prior={self.tau_prior!r})"
        )

    def title(self) -> str:
        """Say which model was fitted to how many studies."""
        studies = plural(self.k, "study", "studies")
        return f"Bayesian random-effects meta-analysis of {studies} ({prior_words(self.tau_prior)})"

    def rows(self) -> list[tuple[str, ...]]:
        """Return the results as words."""
        level = percent(self.level)
        shared = percent(None if math.isnan(self.prior_overlap) else self.prior_overlap)
        return [
            ("mean", f"{estimate_text(self.mean, self.ci, 4)} ({level} central interval)"),
            ("above zero", percent(self.probability_beyond(0.0), 1)),
            ("tau", f"{estimate_text(self.tau_median, self.tau_ci, 4)} (median)"),
            (f"{level} interval of a new effect", interval(self.prediction_interval, 4)),
            ("prior and posterior of tau overlap", shared),
        ]

    def to_frame(self) -> pd.DataFrame:
        """Return the results, unrounded, as a table of one row."""
        numbers: dict[str, object] = {"k": self.k, "tau_prior": prior_words(self.tau_prior)}
        for name in ("mean", "sd", "median", "tau_mean", "tau_median", "prior_overlap"):
            numbers[name] = getattr(self, name)
        for name in ("ci", "tau_ci", "prediction_interval"):
            numbers[f"{name}_low"], numbers[f"{name}_high"] = getattr(self, name)
        return pd.DataFrame([numbers])


def bayes_pool(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    tau_prior: TauPrior | str = ("half-normal", 0.5),
    mean_prior: tuple[float, float] | None = None,
    labels: Sequence[object] | None = None,
    level: float = 0.95,
) -> BayesianEffect:
    r"""Pool effects by a Bayesian random-effects model.

    Parameters
    ----------
    effect, variance : array_like of shape (k,)
        Effects and their sampling variances; k at least 2.
    tau_prior : tuple or str
        Prior of tau, the SD of true effects, in their unit: ``("half-normal", scale)``,
        ``("half-Cauchy", scale)``, ``("log-normal", location, scale)``, ``("log-t", location,
        scale)`` (5 degrees of freedom, both on the scale of log tau), ``"uniform"`` (improper; k at
        least 4), or an empirical one: ``"Turner 2015"`` for log odds ratios, ``"Rhodes 2015"`` for
        standardised mean differences.
    mean_prior : tuple of float, optional
        Mean and SD of a normal prior of the mean effect; flat when absent.
    labels : sequence of shape (k,), optional
        Names of the studies; numbered when absent.
    level : float, default 0.95
        Level of the central intervals.

    Returns
    -------
    BayesianEffect
        Posterior summaries of mean, tau and the effect in a new setting.

    Raises
    ------
    ReviewError
        For one study, an unknown prior, a scale that is not above zero, too few studies for the
        uniform prior, and effects or variances as for `pool`.

    Notes
    -----
    With :math:`w_i=1/(v_i+\tau^2)`, :math:`W=\sum w_i` and a flat prior of the mean,
    :math:`p(\tau\mid y)\propto p(\tau)\,W^{-1/2}\prod w_i^{1/2}\exp\{-\tfrac12\sum
    w_i(y_i-\hat\mu)^2\}` and :math:`\mu\mid\tau,y\sim N(\hat\mu, 1/W)`; a new effect adds
    :math:`\tau^2` to that variance. Intervals are quantiles of the mixtures. The integral over
    log tau is exact to about ten digits.

    References
    ----------
    Röver C (2020). Bayesian random-effects meta-analysis using the bayesmeta R package. Journal of
    Statistical Software 93(6):1-51.
    Gelman A (2006). Prior distributions for variance parameters in hierarchical models. Bayesian
    Analysis 1:515-534. (half-normal, half-Cauchy)
    Turner RM and others (2015). Predictive distributions for between-study heterogeneity and simple
    methods for their application in Bayesian meta-analysis. Statistics in Medicine 34:984-998.
    Rhodes KM, Turner RM, Higgins JPT (2015). Predictive distributions were developed for the extent
    of heterogeneity in meta-analyses of continuous outcome data. Journal of Clinical Epidemiology
    68:52-60.

    Examples
    --------
    >>> fit = bayes_pool([-0.5, -0.4], [0.04, 0.05])
    >>> print(f"{fit.mean:.2f} ({fit.ci[0]:.2f} to {fit.ci[1]:.2f})")
    -0.45 (-1.07 to 0.16)
    """
    check_level(level)
    prior = checked_prior(tau_prior)
    centre = _checked_mean_prior(mean_prior)
    y, v, names = _checked_studies(effect, variance, prior, labels)
    posterior = Posterior(y, v, prior, centre)
    low, high = _tails(level)
    about = posterior.mixture()
    spread = np.sqrt(posterior.variance + posterior.tau**2)
    new = Mixture(posterior.share, posterior.mean, spread)
    return BayesianEffect(
        effect=frozen(y),
        variance=frozen(v),
        labels=names,
        tau_prior=prior,
        mean_prior=centre,
        level=level,
        mean=about.centre,
        sd=about.sd if centre or _has_variance(prior, len(y)) else math.inf,
        median=about.quantile(0.5),
        ci=about.interval(level),
        tau_mean=posterior.tau_mean,
        tau_median=posterior.tau_quantile(0.5),
        tau_ci=(posterior.tau_quantile(low), posterior.tau_quantile(high)),
        prediction_interval=new.interval(level),
        prior_overlap=posterior.prior_overlap(),
        log_marginal_likelihood=posterior.log_total,
        mixtures=(about, new),
    )


def bayes_mean(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    tau_prior: TauPrior | str,
    labels: Sequence[object] | None = None,
    level: float = 0.95,
) -> tuple[float, Interval]:
    """Return the mean effect of `bayes_pool` with its interval alone, which is a third of the work.

    Examples
    --------
    >>> prior = ("half-normal", 0.5)
    >>> fit = bayes_pool([-0.5, -0.4], [0.04, 0.05], tau_prior=prior)
    >>> bayes_mean([-0.5, -0.4], [0.04, 0.05], tau_prior=prior) == (fit.mean, fit.ci)
    True
    """
    check_level(level)
    prior = checked_prior(tau_prior)
    y, v, _ = _checked_studies(effect, variance, prior, labels)
    about = Posterior(y, v, prior, None).mixture()
    return about.centre, about.interval(level)


def _checked_studies(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    prior: TauPrior,
    labels: Sequence[object] | None,
) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Return effects, variances and names of so many studies as the prior needs."""
    y, v, names = check_effects(effect, variance, labels)
    fewest = FEWEST_STUDIES.get(prior[0], 2)
    if len(y) < fewest:
        told = listing(list(names))
        raise ReviewError(
            f"effect: {plural(len(y), 'study', 'studies')} ({told}); with the prior "
            f"{prior_words(prior)} of tau, {fewest} or more are needed"
        )
    return y, v, names


def checked_prior(prior: TauPrior | str) -> TauPrior:
    """Return a prior of tau with its numbers, or say what is wrong with it."""
    if isinstance(prior, str) and prior in EMPIRICAL_PRIORS:
        return EMPIRICAL_PRIORS[prior]
    given = (prior,) if isinstance(prior, str) else as_items("tau_prior", prior)
    name, *numbers = given or ("",)
    check_choice("tau_prior", name, (*PRIORS, *EMPIRICAL_PRIORS))
    wanted = PRIORS[str(name)]
    if len(numbers) != len(wanted):
        raise ReviewError(f"tau_prior: {name} takes {listing(list(wanted)) or 'no number'}")
    for called, value in zip(wanted, numbers, strict=True):
        if isinstance(value, bool | str) or not math.isfinite(value):
            raise ReviewError(f"tau_prior: {called} must be a finite number, got {shown(value)}")
        if called == "scale" and value <= 0:
            raise ReviewError(f"tau_prior: scale must be greater than zero, got {value}")
    return (str(name), *map(float, numbers))


def _checked_mean_prior(prior: tuple[float, float] | None) -> tuple[float, float] | None:
    if prior is None:
        return None
    given = as_items("mean_prior", prior)
    if len(given) != 2:
        raise ReviewError(f"mean_prior: a mean and an SD, got {shown(prior)}")
    centre, sd = (as_number("mean_prior", value) for value in given)
    if not (math.isfinite(centre) and math.isfinite(sd) and sd > 0):
        raise ReviewError(f"mean_prior: a finite mean and an SD above zero, got {prior}")
    return centre, sd


def prior_words(prior: TauPrior) -> str:
    """Return the name of a prior with its numbers.

    Examples
    --------
    >>> prior_words(("half-normal", 0.5))
    'half-normal 0.5'
    """
    return " ".join([prior[0], *(f"{value:g}" for value in prior[1:])])


def _has_variance(prior: TauPrior, k: int) -> bool:
    """Return whether the mean effect's posterior, under a flat prior of it, has a variance."""
    return prior[0] not in TAIL or TAIL[prior[0]] + k - 1 > 3 or (prior[0] == "log-t" and k == 3)


def _log_density(prior: TauPrior, log_tau: FloatArray) -> FloatArray:
    """Return the logarithm of the prior's density of log tau."""
    name, *numbers = prior
    if name == "uniform":
        return log_tau
    if name in ("half-normal", "half-Cauchy"):
        ratio = log_tau - math.log(numbers[0])
        square = np.exp(np.minimum(2 * ratio, 700.0))
        if name == "half-normal":
            return np.asarray(0.5 * math.log(2 / math.pi) + ratio - square / 2)
        return np.asarray(math.log(2 / math.pi) + ratio - np.log1p(square))
    location, scale = numbers
    z = (log_tau - location) / scale
    if name == "log-normal":
        return np.asarray(-0.5 * z**2 - 0.5 * math.log(2 * math.pi) - math.log(scale))
    half = (LOG_T_DF + 1) / 2
    constant = math.lgamma(half) - math.lgamma(LOG_T_DF / 2) - math.log(LOG_T_DF * math.pi) / 2
    return np.asarray(constant - math.log(scale) - half * np.log1p(z**2 / LOG_T_DF))


class Posterior:
    """The posterior of tau on the nodes of the panels, and of the mean given each of them.

    Attributes
    ----------
    tau, share : ndarray of shape (n,)
        Nodes, and the posterior probability that each stands for.
    mean, variance : ndarray of shape (n,)
        Of the mean effect, given tau.
    log_total : float
        Logarithm of the integral over everything.
    """

    def __init__(
        self, y: FloatArray, v: FloatArray, prior: TauPrior, centre: tuple[float, float] | None
    ) -> None:
        self._origin = float(y[v.argmin()])
        self._y, self._v, self._prior = y - self._origin, v, prior
        self._centre = centre
        self._lay(self._panels())
        for _ in range(HALVINGS):
            before = (self.log_total, self.tau_mean)
            middles = (self._edges[1:] + self._edges[:-1]) / 2
            self._lay(np.sort(np.concatenate([self._edges, middles])))
            if np.allclose(before, (self.log_total, self.tau_mean), rtol=AGREED, atol=AGREED):
                break

    def _panels(self) -> FloatArray:
        """Return ends of panels of log tau that hold all that counts."""
        name, *numbers = self._prior
        scales = [0.5 * math.log(self._v.min()), 0.5 * math.log(self._v.max())]
        if np.ptp(self._y) > 0:
            scales.append(math.log(np.ptp(self._y)))
        if name.startswith("half"):
            scales.append(math.log(numbers[0]))
        elif numbers:
            scales.append(numbers[0])
        low, high = min(scales) - REACH, max(scales) + REACH
        places = np.arange(low, high, 0.25)
        height = self._log_height(places)[0]
        counts = np.flatnonzero(height > height.max() + NEGLIGIBLE)
        first = low if name == "log-t" else float(places[max(counts[0] - 1, 0)])
        last = float(places[min(counts[-1] + 1, len(places) - 1)])
        even = np.linspace(first, last, 1 + max(4, math.ceil(last - first)))
        return even if name != "log-t" else np.concatenate([first - TAIL_OF_LOG_T, even])

    def _log_height(self, log_tau: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the logarithm of the joint density of data and log tau; mean and its variance."""
        total = self._v + np.exp(np.clip(2 * log_tau, -700.0, 700.0))[..., None]
        weights = 1 / total
        precision = weights.sum(-1)
        pull = weights @ self._y
        log_height = -0.5 * (len(self._y) - 1) * math.log(2 * math.pi) - 0.5 * np.log(total).sum(-1)
        if self._centre is not None:
            centre, sd = self._centre[0] - self._origin, self._centre[1]
            precision, pull = precision + sd**-2, pull + centre * sd**-2
            log_height = log_height - math.log(sd) - 0.5 * math.log(2 * math.pi)
        mean = pull / precision
        misfit = (weights * (self._y - mean[..., None]) ** 2).sum(-1)
        if self._centre is not None:
            misfit = misfit + ((mean - centre) / sd) ** 2
        log_height = log_height - 0.5 * np.log(precision) - misfit / 2
        return log_height + _log_density(self._prior, log_tau), mean, 1 / precision

    def _lay(self, edges: FloatArray) -> None:
        """Lay the nodes of all panels and weigh them."""
        half = np.diff(edges)[:, None] / 2
        log_tau = (edges[:-1, None] + half * (1 + NODES)).ravel()
        height, mean, self.variance = self._log_height(log_tau)
        peak = float(height.max())
        mass = np.exp(height - peak) * (half * WEIGHTS).ravel()
        total = float(mass.sum())
        self.log_total = peak + math.log(total)
        self.tau, self.share, self.mean = np.exp(log_tau), mass / total, mean + self._origin
        self.tau_mean = float(self.share @ self.tau)
        self._edges = edges

    def mixture(self) -> Mixture:
        """Return the posterior of the mean effect."""
        return Mixture(self.share, self.mean, np.sqrt(self.variance))

    def tau_quantile(self, probability: float) -> float:
        """Return the value below which tau lies with this probability."""
        from scipy.optimize import brentq  # slow to import, and only needed here

        cumulative = np.cumsum(self.share.reshape(-1, len(NODES)).sum(axis=1))
        panel = min(int(np.searchsorted(cumulative, probability)), len(cumulative) - 1)
        low, high = float(self._edges[panel]), float(self._edges[panel + 1])
        missing = probability - (float(cumulative[panel - 1]) if panel else 0.0)

        def excess(end: float) -> float:
            half = (end - low) / 2
            height = self._log_height(low + half + half * NODES)[0]
            return half * float(WEIGHTS @ np.exp(height - self.log_total)) - missing

        return math.exp(high if excess(high) <= 0 else brentq(excess, low, high, xtol=1e-13))

    def prior_overlap(self) -> float:
        """Return the area that prior and posterior of tau share."""
        if self._prior[0] == "uniform":
            return math.nan
        log_tau = np.log(self.tau)
        height = self._log_height(log_tau)[0] - self.log_total
        lower = np.exp(np.minimum(_log_density(self._prior, log_tau) - height, 0.0))
        return float(self.share @ lower)


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """A mixture of normal distributions."""

    share: FloatArray
    mean: FloatArray
    spread: FloatArray

    @property
    def centre(self) -> float:
        """Mean."""
        return float(self.share @ self.mean)

    @property
    def sd(self) -> float:
        """Standard deviation."""
        square = self.spread**2 + (self.mean - self.centre) ** 2
        return math.sqrt(float(self.share @ square))

    def below(self, value: float) -> float:
        """Return the probability of less than a value."""
        return float(self.share @ special.ndtr((value - self.mean) / self.spread))

    def above(self, value: float) -> float:
        """Return the probability of more than a value."""
        return float(self.share @ special.ndtr((self.mean - value) / self.spread))

    def quantile(self, probability: float) -> float:
        """Return the value below which so much of the mixture lies."""
        return _root_of_rising(lambda x: self.below(x) - probability, self.centre, self.sd)

    def interval(self, level: float) -> Interval:
        """Return the central interval of this level."""
        low, high = _tails(level)
        return self.quantile(low), self.quantile(high)


def _tails(level: float) -> Interval:
    return (1 - level) / 2, (1 + level) / 2


def _root_of_rising(function: Callable[[float], float], start: float, width: float) -> float:
    """Return the zero of a rising function, searched outwards from a start."""
    from scipy.optimize import brentq  # slow to import, and only needed here

    low, high = start - width, start + width
    while function(low) > 0:
        low -= 2 * (high - low)
    while function(high) < 0:
        high += 2 * (high - low)
    return float(brentq(function, low, high, xtol=1e-14 * (abs(start) + width), rtol=1e-14))
