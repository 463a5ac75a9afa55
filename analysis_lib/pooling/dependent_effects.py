"""Effects that come in clusters: random effects between the clusters and within them.

The covariance of a cluster with sampling covariance ``V`` is ``V + between * J + within * I``, J
being a matrix of ones. In the coordinates of the eigenvectors of V its inverse and its determinant
are sums, so that no matrix is inverted while the two variances are sought. They are measured in
units of the smallest eigenvalue.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtrc, chdtri

from analysis_lib.base.checks import FloatArray, check_choice, check_level
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import estimate as estimate_text
from analysis_lib.base.formatting import interval, listing, number, p_value, percent, plural
from analysis_lib.base.results import Result
from analysis_lib.pooling.clusters import Clustered, check_clustered
from analysis_lib.pooling.maximum import least, lowest_places
from analysis_lib.pooling.pooled_effect import (
    Interval,
    confidence_interval,
    frozen,
    lower_tail,
    ratio,
)

LEVELS = ("between", "within")
LIKELIHOODS = ("REML", "ML", "FE")
TESTS = ("wald", "t")
#: Variances looked at in each direction, two to a step of the logarithm, before the best places are
#: followed downhill; so many at least, and at most.
FEWEST_NODES, MOST_NODES = 9, 41
#: A profile is read off a row of so many values, which is narrowed so often about the best of them.
PROFILE_GRID, PROFILE_ROUNDS = 33, 4


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MultilevelEffect(Result):
    """The result of `multilevel`.

    Attributes
    ----------
    effect : ndarray of shape (k,)
        The input, read-only.
    covariance : ndarray of shape (k, k)
        Sampling covariance; diagonal where variances were given.
    cluster, labels : tuple of str
        Cluster and name of each effect.
    method, ci_method : str
        ``"REML"``, ``"ML"`` or ``"FE"``; ``"wald"`` or ``"t"``.
    level : float
        Level of the intervals.
    estimate, se : float
        Mean effect and its standard error.
    ci : tuple of float
        Confidence interval (low, high).
    statistic, p_value : float
        Test of a mean of zero, two-sided.
    df : float or None
        Degrees of freedom of test and interval; None for the normal distribution.
    sigma2 : tuple of float
        Variance of true effects between clusters, and within them.
    log_likelihood : float
        At the maximum; the restricted one for REML, with all constants as in R's metafor.
    q : float
        Cochran's Q with the full covariance.
    """

    effect: FloatArray
    covariance: FloatArray
    cluster: tuple[str, ...]
    labels: tuple[str, ...]
    method: str
    ci_method: str
    level: float
    estimate: float
    se: float
    ci: Interval
    statistic: float
    p_value: float
    df: float | None
    sigma2: tuple[float, float]
    log_likelihood: float
    q: float

    @property
    def k(self) -> int:
        """Number of effects."""
        return len(self.effect)

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return len(set(self.cluster))

    @property
    def q_df(self) -> int:
        """Degrees of freedom of Q."""
        return self.k - 1

    @property
    def q_p_value(self) -> float:
        """P value of Q, the test that all effects share one true effect."""
        return float(chdtrc(self.q_df, self.q))

    @property
    def model_covariance(self) -> FloatArray:
        """Covariance of the effects under the fitted model, of shape (k, k)."""
        names = np.array(self.cluster)
        between, within = self.sigma2
        shared = between * (names[:, None] == names[None, :])
        return np.asarray(self.covariance + shared + within * np.eye(self.k))

    @property
    def weights(self) -> FloatArray:
        """Share of each effect in the mean; the shares sum to 1."""
        pull = np.linalg.solve(self.model_covariance, np.ones(self.k))
        return np.asarray(pull / pull.sum())

    @property
    def typical_variance(self) -> float:
        """Higgins and Thompson's typical sampling variance, with the full covariance."""
        blocks = self._blocks()
        weights = 1 / blocks.variance
        own = blocks.ones**2 * weights
        trace = float(weights.sum() - (own @ weights) / own.sum())
        return self.q_df / trace * blocks.unit

    @property
    def i2(self) -> tuple[float, float]:
        """Shares of the variance that lie between clusters and within them, as fractions."""
        whole = sum(self.sigma2) + self.typical_variance
        return self.sigma2[0] / whole, self.sigma2[1] / whole

    @property
    def i2_total(self) -> float:
        """Share of the variance that is no sampling error."""
        return sum(self.i2)

    @property
    def prediction_interval(self) -> Interval:
        """Where the true effect of one comparison in a new cluster may lie (low, high)."""
        scale = math.sqrt(self.se**2 + sum(self.sigma2))
        return confidence_interval(self.estimate, scale, self.df, self.level)

    @property
    def sigma2_ci(self) -> tuple[Interval, Interval]:
        """Profile likelihood intervals of both variances."""
        blocks = self._blocks()
        best = float(blocks.deviance(np.array(self.sigma2) / blocks.unit, self.method))
        limits = [
            _profile_interval(blocks, self, which, best + float(chdtri(1, 1 - self.level)))
            for which in (0, 1)
        ]
        return limits[0], limits[1]

    def _blocks(self) -> Blocks:
        return Blocks(check_clustered(self.effect, self.covariance, self.cluster, self.labels))

    def __repr__(self) -> str:
        return (
            f"MultilevelEffect(k={self.k}, n_clusters={self.n_clusters}, "
            f"estimate={self.estimate:.4g}, ci=({self.ci[0]:.4g}, {self.ci[1]:.4g}), "
            f"sigma2=({self.sigma2[0]:.4g}, {self.sigma2[1]:.4g}), method={self.method!r})"
        )

    def title(self) -> str:
        """Say which model was fitted to what."""
        clusters = plural(self.n_clusters, "cluster")
        return (
            f"Multilevel meta-analysis of {plural(self.k, 'effect')} in {clusters} ({self.method})"
        )

    def rows(self) -> list[tuple[str, ...]]:
        """Return the results as words."""
        level = percent(self.level)
        told = [
            ("estimate", f"{number(self.estimate, 4)} ({level} CI {interval(self.ci, 4)})"),
            ("test", p_value(self.p_value)),
            (f"{level} PI", interval(self.prediction_interval, 4)),
        ]
        for name, sigma2, limits, share in zip(
            LEVELS, self.sigma2, self.sigma2_ci, self.i2, strict=True
        ):
            words = f"{estimate_text(sigma2, limits, 4)}, I2 {percent(share, 1)}"
            told.append((f"variance {name} clusters", words))
        q = f"{number(self.q)} on {self.q_df} df, {p_value(self.q_p_value)}"
        return [*told, ("Q", q)]

    def to_frame(self) -> pd.DataFrame:
        """Return the results, unrounded, as a table of one row."""
        ends = {"ci": self.ci, "pi": self.prediction_interval}
        ends |= {f"sigma2_{name}": ci for name, ci in zip(LEVELS, self.sigma2_ci, strict=True)}
        numbers: dict[str, float] = {
            "k": self.k,
            "n_clusters": self.n_clusters,
            "estimate": self.estimate,
            "se": self.se,
            "p_value": self.p_value,
            "log_likelihood": self.log_likelihood,
            "q": self.q,
            "q_p_value": self.q_p_value,
        }
        numbers |= {f"sigma2_{name}": x for name, x in zip(LEVELS, self.sigma2, strict=True)}
        numbers |= {f"i2_{name}": x for name, x in zip(LEVELS, self.i2, strict=True)}
        numbers |= {f"{name}_low": low for name, (low, _) in ends.items()}
        numbers |= {f"{name}_high": high for name, (_, high) in ends.items()}
        return pd.DataFrame([numbers])


def multilevel(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    cluster: Sequence[object],
    *,
    method: Literal["REML", "ML", "FE"] = "REML",
    ci_method: Literal["wald", "t"] = "wald",
    within: bool = True,
    labels: Sequence[object] | None = None,
    level: float = 0.95,
) -> MultilevelEffect:
    r"""Pool effects of which several come from one trial, by a three-level model.

    Parameters
    ----------
    effect : array_like of shape (k,)
        Effects, all on one scale.
    variance : array_like of shape (k,) or (k, k)
        Sampling variances, or the sampling covariance, as `shared_arm_covariance` and
        `within_trial_covariance` give it. Effects of different clusters must not covary.
    cluster : sequence of shape (k,)
        What each effect belongs to, in most reviews its trial.
    method : {"REML", "ML", "FE"}
        Restricted or full maximum likelihood, or none: one true effect, and both variances zero.
    ci_method : {"wald", "t"}
        Normal distribution, or Student's t on k - 1 degrees of freedom.
    within : bool, default True
        Whether true effects also vary within clusters; without, that variance is zero.
    labels : sequence of shape (k,), optional
        Names of the effects; numbered when absent.
    level : float, default 0.95
        Level of the intervals.

    Returns
    -------
    MultilevelEffect
        The mean with its intervals, both variances, their shares and the likelihood.

    Raises
    ------
    ReviewError
        For one effect in every cluster or all effects in one (the two variances cannot be told
        apart, or one of them not at all), a covariance that is not positive definite or links
        clusters, values that are not finite, variances that are not positive.

    Notes
    -----
    :math:`y_{ij}=\mu+u_i+w_{ij}+e_{ij}` with :math:`\mathrm{var}(u)=\sigma^2_b`,
    :math:`\mathrm{var}(w)=\sigma^2_w` and the sampling covariance V. The likelihood may have
    several maxima: it is looked at on a grid, and the best places are followed by Newton's method.
    Shares of variance use the typical sampling variance :math:`(k-1)/\mathrm{tr}\,P`; a prediction
    interval is for one comparison in a new trial. This is ``rma.mv(random = ~ 1 | cluster/row)`` of
    R's metafor.

    References
    ----------
    Konstantopoulos S (2011). Fixed effects and variance components estimation in three-level
    meta-analysis. Research Synthesis Methods 2:61-76.
    Van den Noortgate W and others (2013). Three-level meta-analysis of dependent effect sizes.
    Behavior Research Methods 45:576-594.

    Examples
    --------
    >>> fit = multilevel([0.31, 0.42, 0.18, 0.75, 0.66, 0.05, 0.51], [0.04] * 7,
    ...                  ["Cai", "Cai", "Cai", "Kell", "Kell", "Aasa", "Gibbs"])
    >>> print(f"{fit.estimate:.3f} (SE {fit.se:.3f})")
    0.403 (SE 0.136)
    """
    check_choice("method", method, LIKELIHOODS)
    check_choice("ci_method", ci_method, TESTS)
    check_level(level)
    data = check_clustered(effect, variance, cluster, labels)
    blocks = Blocks(data)
    sigma2 = np.zeros(2)
    if method != "FE":
        _check_levels(data, within)
        sigma2 = blocks.best(method, within)
    mean, se2, q = blocks.mean(sigma2)
    df = len(data.effect) - 1.0 if ci_method == "t" else None
    se = math.sqrt(se2)
    statistic = ratio(mean, se)
    names = np.empty(len(data.effect), dtype=object)
    for name, rows in zip(data.clusters, data.rows, strict=True):
        names[rows] = name
    return MultilevelEffect(
        effect=frozen(data.effect),
        covariance=frozen(data.covariance),
        cluster=tuple(names),
        labels=data.labels,
        method=method,
        ci_method=ci_method,
        level=level,
        estimate=mean,
        se=se,
        ci=confidence_interval(mean, se, df, level),
        statistic=statistic,
        p_value=2 * lower_tail(-abs(statistic), df),
        df=df,
        sigma2=(float(sigma2[0]) * blocks.unit, float(sigma2[1]) * blocks.unit),
        log_likelihood=blocks.log_likelihood(sigma2, method),
        q=q,
    )


def _check_levels(data: Clustered, within: bool) -> None:
    """Raise where nothing tells the variance between clusters from that within."""
    if len(data.effect) == 1:
        raise ReviewError(f"effect: {data.labels[0]} is the only effect; two clusters are needed")
    if len(data.clusters) == 1:
        raise ReviewError(f"cluster: all {len(data.effect)} effects are of {data.clusters[0]}")
    if within and len(data.clusters) == len(data.effect):
        told = listing(list(data.clusters))
        raise ReviewError(
            f"cluster: {told} have one effect each, so variance between and within them cannot be "
            "told apart; use pool"
        )


class Blocks:
    """Effects in the coordinates of the eigenvectors of each cluster's sampling covariance."""

    __slots__ = ("bound", "effect", "n", "ones", "origin", "starts", "unit", "variance")

    def __init__(self, data: Clustered) -> None:
        self.origin = float(data.effect[np.diagonal(data.covariance).argmin()])
        away = data.effect - self.origin
        parts = [_rotated(data.covariance[np.ix_(own, own)], away[own]) for own in data.rows]
        variance, self.ones, effect = map(np.concatenate, zip(*parts, strict=True))
        self.unit = float(variance.min())
        self.variance, self.effect = variance / self.unit, effect / math.sqrt(self.unit)
        self.starts = np.cumsum([0, *(len(own) for own in data.rows[:-1])])
        self.n = len(away)
        self.bound = float(np.ptp(away)) ** 2 / self.unit  # no estimate of a variance exceeds it

    def _by_cluster(self, values: FloatArray) -> FloatArray:
        return np.asarray(np.add.reduceat(values, self.starts, axis=-1))

    def deviance(self, sigma2: FloatArray, method: str) -> FloatArray:
        """Return minus twice the log-likelihood but for constants; sigma2 of shape (..., 2)."""
        between, within = sigma2[..., :1], sigma2[..., 1:]
        weights = 1 / (self.variance + within)
        s, t = (self._by_cluster(self.ones * x * weights) for x in (self.ones, self.effect))
        r = weights @ self.effect**2
        shrink = 1 + between * s
        information = (s / shrink).sum(-1)
        explained = (t / shrink).sum(-1) ** 2 / information + (between * t**2 / shrink).sum(-1)
        value = r - explained + np.log(shrink).sum(-1) - np.log(weights).sum(-1)
        return np.asarray(value + np.log(information) if method == "REML" else value)

    def slope(self, sigma2: FloatArray, method: str) -> tuple[float, FloatArray]:
        """Return the deviance at one point, and its gradient."""
        between, within = sigma2
        weights = 1 / (self.variance + within)
        s = self._by_cluster(self.ones**2 * weights)
        shrink = 1 + between * s
        information = float((s / shrink).sum())
        t = self._by_cluster(self.ones * self.effect * weights)
        mean = float((t / shrink).sum()) / information
        residual = self.effect - mean * self.ones
        t = self._by_cluster(self.ones * residual * weights)
        s1, t1 = (self._by_cluster(self.ones * x * weights**2) for x in (self.ones, residual))
        lost = information if method == "REML" else math.inf
        by_between = s / shrink - (t / shrink) ** 2 - (s / shrink) ** 2 / lost
        pulled = between * t / shrink
        by_within = pulled * (2 * t1 - pulled * s1) - between * s1 / shrink
        by_within -= s1 / shrink**2 / lost
        own = float(weights.sum() - (weights * residual) @ (weights * residual))
        gradient = np.array([float(by_between.sum()), own + float(by_within.sum())])
        value = float((weights * residual) @ residual - (between * t**2 / shrink).sum())
        value += float(np.log(shrink).sum() - np.log(weights).sum())
        return value + (math.log(information) if method == "REML" else 0.0), gradient

    def best(self, method: str, within: bool) -> FloatArray:
        """Return the variances of greatest likelihood, in units of the smallest variance."""
        end = math.log1p(self.bound)
        n_nodes = min(max(FEWEST_NODES, int(2 * end)), MOST_NODES)
        nodes = np.expm1(np.linspace(0, end, n_nodes))
        inner = nodes if within else nodes[:1]
        grid = np.array(list(product(nodes, inner))).reshape(len(nodes), len(inner), 2)
        values = self.deviance(grid, method)
        lower = np.zeros(2)

        def objective(x: FloatArray) -> tuple[float, FloatArray]:
            value, gradient = self.slope(x, method)
            return value, gradient if within else gradient * [1, 0]

        found = [least(objective, grid[place], lower) for place in lowest_places(values)]
        return min(found, key=lambda x: objective(x)[0])

    def mean(self, sigma2: FloatArray) -> tuple[float, float, float]:
        """Return mean and its variance in the units of the data, and Q without the variances."""
        mean, information = self._fit(sigma2)
        common, _ = self._fit(np.zeros(2))
        q = float(((self.effect - common * self.ones) ** 2 / self.variance).sum())
        return self.origin + mean * math.sqrt(self.unit), self.unit / information, q

    def _fit(self, sigma2: FloatArray) -> tuple[float, float]:
        weights = 1 / (self.variance + sigma2[1])
        s, t = (self._by_cluster(self.ones * x * weights) for x in (self.ones, self.effect))
        shrink = 1 + sigma2[0] * s
        information = float((s / shrink).sum())
        return float((t / shrink).sum()) / information, information

    def log_likelihood(self, sigma2: FloatArray, method: str) -> float:
        """Return the log-likelihood with all its constants, in the units of the data."""
        free = self.n - (method == "REML")
        constant = free * math.log(2 * math.pi * self.unit)
        constant -= math.log(self.n) if method == "REML" else 0.0
        return -(float(self.deviance(sigma2, method)) + constant) / 2


def _rotated(block: FloatArray, effect: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    if not (block - np.diag(np.diagonal(block))).any():
        return np.diagonal(block), np.ones(len(effect)), effect
    values, vectors = np.linalg.eigh(block)
    return values, vectors.sum(axis=0), effect @ vectors


def _profile_interval(blocks: Blocks, fit: MultilevelEffect, which: int, limit: float) -> Interval:
    """Return where the deviance, minimised over the other variance, is at the limit."""
    from scipy.optimize import brentq  # slow to import, and only needed here

    peak = math.log1p(fit.sigma2[which] / blocks.unit)

    def excess(log_value: float) -> float:
        return _profile(blocks, math.expm1(log_value), which, fit.method) - limit

    high = peak + 1
    while excess(high) < 0:
        high += 2
    low = 0.0 if excess(0.0) <= 0 else math.expm1(brentq(excess, 0.0, peak, rtol=1e-12))
    return low * blocks.unit, math.expm1(brentq(excess, peak, high, rtol=1e-12)) * blocks.unit


def _profile(blocks: Blocks, value: float, which: int, method: str) -> float:
    """Return the least deviance with one of the variances held."""
    low, high = 0.0, math.log1p(blocks.bound)
    for _ in range(PROFILE_ROUNDS):
        nodes = np.linspace(low, high, PROFILE_GRID)
        points = np.full((PROFILE_GRID, 2), value)
        points[:, 1 - which] = np.expm1(nodes)
        values = blocks.deviance(points, method)
        best = int(values.argmin())
        low, high = nodes[max(best - 1, 0)], nodes[min(best + 1, PROFILE_GRID - 1)]
    return float(values.min())
