"""The variance between studies: nine estimators and the Q-profile interval.

Everything here works for any weighted linear model ``y = X b + u + e`` with ``var(u) = tau2`` and
known ``var(e)``: a pooled effect has the model with a mean only, a regression one with moderators.
Effects and variances are measured in units of the smallest sampling variance, so that nothing
depends on the scale of the data and no absolute tolerance is needed.

References
----------
Viechtbauer W (2005). Bias and efficiency of meta-analytic variance estimators in the random-effects
model. Journal of Educational and Behavioral Statistics 30:261-293. (HS, HE, DL, ML, REML)
Raudenbush SW (2009). Analyzing effect sizes: random-effects models. In: The Handbook of Research
Synthesis and Meta-Analysis, 2nd ed. (the same with moderators)
Sidik K, Jonkman JN (2005). Journal of the Royal Statistical Society C 54:367-384. (SJ)
Morris CN (1983). Journal of the American Statistical Association 78:47-55. (EB)
Paule RC, Mandel J (1982). Journal of Research of the National Bureau of Standards 87:377-385. (PM)
Viechtbauer W (2007). Confidence intervals for the amount of heterogeneity in meta-analysis.
Statistics in Medicine 26:37-52. (Q-profile)
Chandrupatla TR (1997). Advances in Engineering Software 28:145-149. (root finding)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
from scipy.special import chdtri

from analysis_lib.base.checks import FloatArray
from analysis_lib.base.errors import ReviewError

EPSILON = float(np.finfo(float).eps)
#: The score is searched for sign changes at points this far apart in log(tau2 + smallest variance).
#: Each study's part of the score changes over about one unit of that logarithm, so no maximum
#: worth the name fits between two points.
GRID_STEP = 0.1
#: The points, from zero to beyond the largest bound whose square is a number.
GRID = np.expm1(GRID_STEP * np.arange(3600))
#: Weights held in memory at a time while searching the grid.
GRID_BLOCK = 1_000_000
#: The root finder bisects at worst: 64 bits of one number, and the same again to be generous.
MAX_STEPS = 128


class Model(Protocol):
    """What an estimator of tau2 has to know of the data, in units of the smallest variance."""

    @property
    def deviation(self) -> FloatArray:
        """Effects, measured from an arbitrary origin; shape (k,)."""

    @property
    def variance(self) -> FloatArray:
        """Sampling variances, the smallest being 1; shape (k,)."""

    @property
    def n_coefficients(self) -> int:
        """Coefficients of the model, the intercept included."""

    def residuals(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return residuals and one minus leverage of the weighted fit; all shapes (..., k)."""

    def sum_of_squares(self, weights: FloatArray) -> float:
        """Return the weighted sum of the squared residuals of one fit."""

    def log_information(self, weights: FloatArray) -> float:
        """Return the logarithm of the determinant of ``X' W X``."""


class MeanModel:
    """The model of a plain meta-analysis: every study estimates one mean.

    The most precise study comes first and effects are measured from it. Its residual and leverage
    are then sums over the other studies, with no digits lost even when its weight exceeds theirs
    by many orders.
    """

    __slots__ = ("deviation", "n_coefficients", "origin", "others", "unit", "variance")

    def __init__(self, effect: FloatArray, variance: FloatArray) -> None:
        first = int(variance.argmin())
        self.unit = float(variance[first])
        self.origin = float(effect[first])
        self.deviation = (effect - self.origin) / math.sqrt(self.unit)
        self.variance = variance / self.unit
        self.n_coefficients = 1
        self.others = np.ones(len(effect))  # to add up with ``dot``, twice as fast as ``sum``
        self.others[0] = 0.0
        for column in (self.deviation, self.variance):
            column[0], column[first] = column[first], column[0]

    def residuals(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return residuals and one minus leverage of the weighted mean."""
        others = weights.dot(self.others)[..., None]
        total = others + weights[..., :1]
        mean = weights.dot(self.deviation)[..., None] / total
        complement = 1 - weights / total
        complement[..., :1] = others / total
        return self.deviation - mean, complement

    def restricted_score(self, tau2: float) -> float:
        """Return the slope (times 2) of the restricted log-likelihood at one tau2.

        It is what `residuals` give, written out for speed: ``sum((w r)^2) - tr P`` with
        ``tr P = sum(w) - sum(w^2) / sum(w)``, freed of the subtraction of the largest weight.
        """
        weights = np.reciprocal(self.variance + tau2)  # in half the time of ``1 / ...``
        first, others = float(weights[0]), float(weights.dot(self.others))
        total, rest = first + others, weights[1:]
        pull = weights * (self.deviation - float(weights.dot(self.deviation)) / total)
        trace = (others * (total + first) - float(rest.dot(rest))) / total
        return float(pull.dot(pull)) - trace

    def sum_of_squares(self, weights: FloatArray) -> float:
        """Return the weighted sum of the squared deviations from the weighted mean."""
        residual = self.deviation - self._mean(weights)
        return float((weights * residual).dot(residual))

    def log_information(self, weights: FloatArray) -> float:
        """Return the logarithm of the sum of the weights."""
        return math.log(weights.sum())

    def mean(self, weights: FloatArray) -> float:
        """Return the weighted mean in the units of the data."""
        return self.origin + self._mean(weights) * math.sqrt(self.unit)

    def _mean(self, weights: FloatArray) -> float:
        return float(weights.dot(self.deviation) / weights.sum())


def between_variance(method: str, model: Model) -> float:
    """Return tau2 by the named method, in units of the smallest sampling variance."""
    return ESTIMATORS[method](model)


def q_statistic(model: Model, tau2: float = 0.0) -> float:
    """Return the sum of squared residuals, weighted by ``1 / (variance + tau2)``."""
    return model.sum_of_squares(1 / (model.variance + tau2))


def q_profile(model: Model, level: float) -> tuple[float, float]:
    """Return the values of tau2 at which the generalised Q meets its chi-squared quantiles.

    Where even tau2 = 0 leaves less spread than sampling error explains, a limit is zero.
    """
    df = len(model.variance) - model.n_coefficients
    tail = (1 - level) / 2
    low, high = (float(chdtri(df, upper_tail)) for upper_tail in (tail, 1 - tail))
    return _profile_limit(model, low), _profile_limit(model, high)


def _profile_limit(model: Model, quantile: float) -> float:
    """Return the tau2 at which Q falls to the given value; zero if it is below it at once."""

    def excess(tau2: float) -> float:
        return 1 - quantile / q_statistic(model, tau2)

    if q_statistic(model) <= quantile:
        return 0.0
    # Q(tau2) <= (unweighted residual sum of squares) / (tau2 + 1), so that Q < quantile here
    upper = _unweighted_sum_of_squares(model) / quantile
    return _root(excess, 0.0, excess(0.0), upper, excess(upper))


def _unweighted_sum_of_squares(model: Model) -> float:
    return model.sum_of_squares(np.ones(len(model.variance)))


def _fixed_effect(model: Model) -> float:
    return 0.0


def _dersimonian_laird(model: Model) -> float:
    weights = 1 / model.variance
    residual, complement = model.residuals(weights)
    df = len(weights) - model.n_coefficients
    return max(0.0, float((weights @ residual**2 - df) / (weights @ complement)))


def _hedges(model: Model) -> float:
    residual, complement = model.residuals(np.ones_like(model.variance))
    df = len(residual) - model.n_coefficients
    return max(0.0, float(residual @ residual - model.variance @ complement) / df)


def _hunter_schmidt(model: Model) -> float:
    excess = q_statistic(model) - len(model.variance)
    return max(0.0, excess / float((1 / model.variance).sum()))


def _sidik_jonkman(model: Model) -> float:
    start = float(model.deviation.var())
    df = len(model.variance) - model.n_coefficients
    # with weights 1 / (v + start), start * Q(start) is Sidik and Jonkman's weighted sum of squares
    return start * q_statistic(model, start) / df


def _maximum_likelihood(model: Model) -> float:
    def score(weights: FloatArray) -> FloatArray:
        residual, _ = model.residuals(weights)
        return np.asarray(((weights * residual) ** 2 - weights).sum(-1))

    def deviance(tau2: float) -> float:
        weights = 1 / (model.variance + tau2)
        return q_statistic(model, tau2) - float(np.log(weights).sum())

    return _highest_maximum(model, score, _at_one_tau2(model, score), deviance)


def _restricted_maximum_likelihood(model: Model) -> float:
    def score(weights: FloatArray) -> FloatArray:
        residual, complement = model.residuals(weights)
        return np.asarray(((weights * residual) ** 2 - weights * complement).sum(-1))

    def deviance(tau2: float) -> float:
        weights = 1 / (model.variance + tau2)
        spread = q_statistic(model, tau2) - float(np.log(weights).sum())
        return spread + model.log_information(weights)

    # the mean, by far the most frequent model, knows a shorter way
    at_one = model.restricted_score if isinstance(model, MeanModel) else _at_one_tau2(model, score)
    return _highest_maximum(model, score, at_one, deviance)


def _paule_mandel(model: Model) -> float:
    # the tau2 at which the generalised Q equals its expectation
    return _profile_limit(model, len(model.variance) - model.n_coefficients)


#: Every estimator by its name. EB solves the same equation as PM (Morris 1983), hence one function.
ESTIMATORS: dict[str, Callable[[Model], float]] = {
    "FE": _fixed_effect,
    "DL": _dersimonian_laird,
    "HE": _hedges,
    "HS": _hunter_schmidt,
    "SJ": _sidik_jonkman,
    "ML": _maximum_likelihood,
    "REML": _restricted_maximum_likelihood,
    "EB": _paule_mandel,
    "PM": _paule_mandel,
}


def _at_one_tau2(
    model: Model, score: Callable[[FloatArray], FloatArray]
) -> Callable[[float], float]:
    return lambda tau2: float(score(1 / (model.variance + tau2)))


def _highest_maximum(
    model: Model,
    score: Callable[[FloatArray], FloatArray],
    score_at: Callable[[float], float],
    deviance: Callable[[float], float],
) -> float:
    """Return the tau2 >= 0 of least deviance among zero and all places where the score falls to 0.

    The likelihood may have several maxima, so the score is looked at on a grid that reaches from
    zero to a bound beyond which it is negative; every fall through zero is then located exactly.
    """
    bound = _bound(model)
    if bound <= 0:
        return 0.0
    if not math.isfinite(bound):
        raise ReviewError("effects and variances differ too much in size to be pooled")
    nodes, values = _on_grid(model, score, bound)
    rises = values > 0
    falls = (rises[:-1] > rises[1:]).nonzero()[0]
    maxima = [
        _root(score_at, *map(float, (nodes[i], values[i], nodes[i + 1], values[i + 1])))
        for i in falls
    ]
    if not rises[0]:
        maxima.append(0.0)
    return maxima[0] if len(maxima) == 1 else min(maxima, key=deviance)


def _on_grid(
    model: Model, score: Callable[[FloatArray], FloatArray], bound: float
) -> tuple[FloatArray, FloatArray]:
    nodes = GRID[: 3 + int(math.log1p(bound) / GRID_STEP)]
    n_blocks = 1 + len(nodes) * len(model.variance) // GRID_BLOCK
    blocks = np.array_split(nodes, n_blocks) if n_blocks > 1 else [nodes]
    values = [score(1 / (model.variance + block[:, None])) for block in blocks]
    return nodes, values[0] if n_blocks == 1 else np.concatenate(values)


def _bound(model: Model) -> float:
    """Return a tau2 beyond which the score is negative, or a negative number if it is so at once.

    Let s = 1 + tau2 be the smallest total variance, d the range of the sampling variances and c
    the unweighted residual mean square on df degrees of freedom. The squared part of the score is
    at most c df / s**2 and the part subtracted at least df / (s + d): equal at the s below.
    """
    df = len(model.variance) - model.n_coefficients
    c = _unweighted_sum_of_squares(model) / df
    d = float(model.variance.max()) - 1
    return (c + math.sqrt(c * c + 4 * c * d)) / 2 - 1


def _root(function: Callable[[float], float], a: float, f_a: float, b: float, f_b: float) -> float:
    """Return the zero between ``a`` and ``b``, where the function has opposite signs.

    Chandrupatla's method: inverse quadratic interpolation where it can be trusted, else bisection,
    always inside the bracket; the first step is the secant.
    """
    step = f_a / (f_a - f_b)
    for _ in range(MAX_STEPS):
        x = a + step * (b - a)
        f_x = function(x)
        if (f_x > 0) == (f_a > 0):
            c, f_c = a, f_a
        else:
            c, f_c = b, f_b
            b, f_b = a, f_a
        a, f_a = x, f_x
        best = a if abs(f_a) < abs(f_b) else b
        margin = EPSILON * (2 * best + 1) / abs(b - a)
        if f_a == 0 or margin > 0.5:
            return best
        xi, phi = (a - b) / (c - b), (f_a - f_b) / (f_c - f_b)
        step = 0.5
        if phi**2 < xi and (1 - phi) ** 2 < 1 - xi:
            step = f_a / (f_b - f_a) * f_c / (f_b - f_c)
            step += (c - a) / (b - a) * f_a / (f_c - f_a) * f_b / (f_c - f_b)
        step = min(max(step, margin), 1 - margin)
    raise ArithmeticError(f"no convergence between {a} and {b} after {MAX_STEPS} steps")
