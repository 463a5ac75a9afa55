"""Selection models: what the effects say if results that are not significant are seen less often.

Every effect counts with the probability that one of its precision is seen at all. Whether results
were selected, and how, is a matter of few numbers here, and the answer leans on the model of
selection; with few effects nothing tells selection from chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from analysis_lib.base.checks import FloatArray, as_floats, check_choice, check_effects, check_level
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import estimate as estimate_text
from analysis_lib.base.formatting import listing, number, p_value, percent, plural
from analysis_lib.base.results import Result
from analysis_lib.pooling.asymmetry import FEWEST_TO_READ
from analysis_lib.pooling.maximum import Objective, curvature, least, lowest_places
from analysis_lib.pooling.pooled_effect import Interval, confidence_interval, lower_tail, pool

KINDS = ("step", "beta")
ALTERNATIVES = ("greater", "less", "two-sided")
MODELS = ("random", "common")
#: Means and variances that are looked at before the likeliest places are followed uphill.
MEANS, VARIANCES = 9, 7
#: Rounds by which the weights are brought near their best for one mean and variance.
ROUNDS = 8
#: A beta model takes no p value for nearer to 0 or 1 than this, as R's metafor does; else a single
#: result far out could decide.
LEAST_P = 1e-5
#: Panels of the beta model's integral between these two, and nodes in each.
PANELS = 16
NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(16)
#: A likelihood whose least curvature is below this share of the largest has no peak.
FLAT = 1e-12
#: From where the beta model begins: no selection, and selection of three kinds.
BETA_STARTS = ((1.0, 1.0), (0.7, 1.0), (1.5, 1.5), (1.5, 6.0))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SelectionModel(Result):
    """The result of `selection_model`.

    Attributes
    ----------
    k : int
        Number of studies.
    estimate : float
        Mean effect of all studies, those included that were not seen.
    se : float or None
        Its standard error; None where the likelihood has no peak.
    ci : tuple of float or None
        Confidence interval (low, high).
    p_value : float or None
        Test of a mean of zero, two-sided.
    tau2 : float
        Variance of true effects.
    weights : tuple of float
        Of a step model: how often a result in each interval of p is seen, by one in the first. Of
        a beta model: its two exponents.
    weights_se : tuple of float or None
        Standard errors; None for what is held.
    counts : tuple of int
        Studies in each interval of p; empty for a beta model.
    log_likelihood : float
        At its maximum.
    selection_statistic, selection_df, selection_p_value : float
        Likelihood ratio test of no selection.
    kind, alternative, model : str
        What was fitted.
    steps : tuple of float
        Ends of the intervals of p.
    level : float
        Level of the interval.
    """

    k: int
    estimate: float
    se: float | None
    ci: Interval | None
    p_value: float | None
    tau2: float
    weights: tuple[float, ...]
    weights_se: tuple[float | None, ...]
    counts: tuple[int, ...]
    log_likelihood: float
    selection_statistic: float
    selection_df: int
    selection_p_value: float
    kind: str
    alternative: str
    model: str
    steps: tuple[float, ...]
    level: float

    @property
    def caution(self) -> str | None:
        """A sentence to print beside the result where it rests on too little; else ``None``."""
        if self.k < FEWEST_TO_READ:
            return (
                f"Only {self.k} effects: with fewer than {FEWEST_TO_READ}, selection cannot be "
                "told from chance (Sterne 2011)."
            )
        if 0 in self.counts:
            return "An interval of p holds no study, which is why its weight is zero."
        return None

    def __repr__(self) -> str:
        return (
            f"SelectionModel(k={self.k}, kind={self.kind!r}, estimate={self.estimate:.4g}, "
            f"weights={tuple(round(weight, 4) for weight in self.weights)})"
        )

    def title(self) -> str:
        """Say which model was fitted to how many studies."""
        return (
            f"{self.kind.capitalize()} selection model of {plural(self.k, 'study', 'studies')} "
            f"({self.alternative})"
        )

    def rows(self) -> list[tuple[str, ...]]:
        """Return the results as words, and the caution where there is one."""
        told: list[tuple[str, ...]] = [
            ("estimate", f"{estimate_text(self.estimate, self.ci, 4)} ({percent(self.level)} CI)"),
            ("test", p_value(self.p_value)),
            ("tau2", number(self.tau2, 4)),
            *zip(self._weight_names(), (number(w, 3) for w in self.weights), strict=True),
            ("test of selection", p_value(self.selection_p_value)),
        ]
        return [*told, ("caution", self.caution)] if self.caution else told

    def _weight_names(self) -> list[str]:
        if self.kind == "beta":
            return ["exponent of p", "exponent of 1 - p"]
        ends = (0.0, *self.steps, 1.0)
        return [f"weight of p from {low:g} to {high:g}" for low, high in pairwise(ends)]

    def to_frame(self) -> pd.DataFrame:
        """Return the results, unrounded, as a table of one row."""
        low, high = self.ci or (None, None)
        numbers: dict[str, float | None] = {
            "k": self.k,
            "estimate": self.estimate,
            "se": self.se,
            "ci_low": low,
            "ci_high": high,
            "p_value": self.p_value,
            "tau2": self.tau2,
            "log_likelihood": self.log_likelihood,
            "selection_p_value": self.selection_p_value,
        }
        numbers |= {f"weight_{i}": weight for i, weight in enumerate(self.weights, start=1)}
        return pd.DataFrame([numbers])


def selection_model(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    steps: Sequence[float] = (0.025,),
    kind: Literal["step", "beta"] = "step",
    alternative: Literal["greater", "less", "two-sided"] = "greater",
    model: Literal["random", "common"] = "random",
    labels: Sequence[object] | None = None,
    level: float = 0.95,
) -> SelectionModel:
    r"""Fit a model of effects of which some are seen less often than others, by their p value.

    Parameters
    ----------
    effect, variance : array_like of shape (k,)
        Effects and their sampling variances; at least as many as the model has numbers.
    steps : sequence of float, default (0.025,)
        Ends of the intervals of p, rising, strictly between 0 and 1. The default is the
        three-parameter model. A beta model has none.
    kind : {"step", "beta"}
        One weight for each interval of p (Vevea and Hedges), the first being 1; or
        :math:`p^{a-1}(1-p)^{b-1}` (Citkowicz and Vevea).
    alternative : {"greater", "less", "two-sided"}
        Which results are favoured: effects above zero, below zero, or both. The p values are of
        this side.
    model : {"random", "common"}
        True effects that vary, or one.
    labels : sequence of shape (k,), optional
        Names of the studies; numbered when absent.
    level : float, default 0.95
        Level of the interval.

    Returns
    -------
    SelectionModel
        With ``caution`` where there are fewer than ten studies.

    Raises
    ------
    ReviewError
        For steps that do not rise between 0 and 1, fewer studies than numbers to estimate, no study
        in the first interval (nothing to compare the others with), and effects or variances as for
        `pool`.

    Notes
    -----
    With :math:`\eta_i^2=v_i+\tau^2`, the likelihood is the product of
    :math:`w(p_i)\phi((y_i-\mu)/\eta_i)/(\eta_iA_i)`, :math:`A_i` being the mean of w over all
    results that a study of this precision may have. It is maximised from several places, because it
    may have several maxima; standard errors come from its curvature there. This is ``selmodel`` of
    R's metafor.

    References
    ----------
    Vevea JL, Hedges LV (1995). A general linear model for estimating effect size in the presence of
    publication bias. Psychometrika 60:419-435.
    Citkowicz M, Vevea JL (2017). A parsimonious weight function for modeling publication bias.
    Psychological Methods 22:28-41.
    McShane BB, Böckenholt U, Hansen KT (2016). Adjusting for publication bias in meta-analysis.
    Perspectives on Psychological Science 11:730-749. (three-parameter model)

    Examples
    --------
    >>> effect = [0.62, 0.48, 0.91, 0.30, 0.12, 0.75, 1.05, 0.22, 0.55, 0.40, 0.15, 0.83]
    >>> variance = [0.05, 0.09, 0.12, 0.02, 0.03, 0.09, 0.2, 0.04, 0.045, 0.07, 0.01, 0.11]
    >>> fit = selection_model(effect, variance)
    >>> print(f"{fit.estimate:.2f}, weights {fit.weights[0]:.2f} and {fit.weights[1]:.2f}")
    0.20, weights 1.00 and 0.11
    """
    check_choice("kind", kind, KINDS)
    check_choice("alternative", alternative, ALTERNATIVES)
    check_choice("model", model, MODELS)
    check_level(level)
    y, v, names = check_effects(effect, variance, labels)
    ends = _checked_steps(steps) if kind == "step" else ()
    _check_enough(names, 2 + len(ends) if kind == "step" else 4)
    unit, sign = math.sqrt(float(v.min())), -1.0 if alternative == "less" else 1.0
    z, s = sign * y / unit, np.sqrt(v) / unit
    seen: Seen = (
        Steps(z, s, ends, alternative, names) if kind == "step" else Beta(z, s, alternative)
    )
    place, value = _likeliest(seen, model == "random")
    variances = _variances(seen, place, model == "random")
    log_likelihood = -value - len(y) * math.log(unit)
    weights, weights_se = seen.weights(place[2:], variances[2:])
    se = None if variances[0] is None else math.sqrt(variances[0]) * unit
    mean = sign * float(place[0]) * unit
    statistic = 2 * (log_likelihood - _without_selection(y, v, model))
    df = len(place) - 2 + seen.held
    return SelectionModel(
        k=len(y),
        estimate=mean,
        se=se,
        ci=None if se is None else confidence_interval(mean, se, None, level),
        p_value=None if se is None else 2 * lower_tail(-abs(mean) / se, None),
        tau2=float(place[1]) * unit**2,
        weights=weights,
        weights_se=weights_se,
        counts=seen.counts,
        log_likelihood=log_likelihood,
        selection_statistic=max(0.0, statistic),
        selection_df=df,
        selection_p_value=float(special.chdtrc(df, max(0.0, statistic))),
        kind=kind,
        alternative=alternative,
        model=model,
        steps=ends,
        level=level,
    )


def _checked_steps(steps: Sequence[float]) -> tuple[float, ...]:
    ends = tuple(as_floats("steps", steps).tolist())
    inside = all(0 < step < 1 for step in ends)
    if not ends or not inside or any(low >= high for low, high in pairwise(ends)):
        raise ReviewError(f"steps must rise, strictly between 0 and 1, got {ends}")
    return ends


def _check_enough(names: tuple[str, ...], needed: int) -> None:
    if len(names) < needed:
        raise ReviewError(
            f"effect: {plural(len(names), 'study', 'studies')} ({listing(list(names))}) for "
            f"{needed} numbers to estimate; {needed} or more studies are needed"
        )


class Seen(Protocol):
    """A model of what is seen: results and standard errors in one unit, and parameters of weights.

    The parameters are mean and variance of the true effects, and logarithms of weights.
    """

    z: FloatArray
    s: FloatArray
    held: int
    counts: tuple[int, ...]

    def starts(self, means: FloatArray, variances: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return a grid of parameters, and minus the log-likelihood at each."""

    def parts(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return log w and its gradient by weights, log A and its gradient; by study."""

    def weights(
        self, x: FloatArray, variances: Sequence[float | None]
    ) -> tuple[tuple[float, ...], tuple[float | None, ...]]:
        """Return weights and their standard errors."""


class Steps:
    """One weight for each interval of p; the first is 1, and that of an empty one is 0."""

    def __init__(
        self,
        z: FloatArray,
        s: FloatArray,
        ends: tuple[float, ...],
        alternative: str,
        names: tuple[str, ...],
    ) -> None:
        self.z, self.s = z, s
        n = len(ends) + 1
        two_sided = alternative == "two-sided"
        cuts = -special.ndtri(np.array(ends) / (1 + two_sided))
        own = list(range(n))
        inner = [*cuts, 0.0, *-cuts[::-1]] if two_sided else [*cuts]
        self._owner = np.array(own + own[::-1] if two_sided else own)
        self._edges = np.array([math.inf, *inner, -math.inf])
        p = special.ndtr(-np.abs(z / s)) * 2 if two_sided else special.ndtr(-z / s)
        self._place = np.searchsorted(np.array(ends), p, side="left")
        self.counts = tuple(map(int, np.bincount(self._place, minlength=n)))
        if self.counts[0] == 0:
            told = f"p below {ends[0]:g}" + " on the side of the alternative" * (not two_sided)
            raise ReviewError(
                f"steps: none of {len(z)} studies ({listing(list(names))}) has {told}, so that "
                "there is nothing to compare the others with"
            )
        self._free = np.flatnonzero(np.array(self.counts[1:])) + 1
        self.held = n - 1 - len(self._free)

    def _spread(self, log_weights: FloatArray) -> FloatArray:
        """Return the weights of all intervals."""
        weights = np.zeros(len(self.counts))
        weights[0] = 1.0
        weights[self._free] = np.exp(log_weights)
        return weights

    def starts(self, means: FloatArray, variances: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return every mean and variance with weights near their best, and how unlikely each is."""
        mean, variance = (x.reshape(-1, 1, 1) for x in np.meshgrid(means, variances, indexing="ij"))
        chances = _between(self._edges, self.s, mean, variance)[0]
        by_own = np.stack(
            [chances[:, self._owner == i].sum(axis=1) for i in range(len(self.counts))], axis=1
        )
        tiny = np.finfo(float).tiny
        weights = np.ones((len(mean), len(self.counts)))
        for _ in range(ROUNDS):
            whole = np.maximum((weights[..., None] * by_own).sum(axis=1), tiny)
            expected = np.maximum((by_own / whole[:, None, :]).sum(axis=2), tiny)
            weights = np.array(self.counts) / expected
            weights = np.clip(weights / weights[:, :1], 1e-8, 1e8)
        whole = np.maximum((weights[..., None] * by_own).sum(axis=1), tiny)
        eta2 = self.s**2 + variance[:, 0]
        lost = 0.5 * (np.log(2 * math.pi * eta2) + (self.z - mean[:, 0]) ** 2 / eta2)
        value = (lost + np.log(whole) - np.log(weights[:, self._place])).sum(axis=1)
        shape = (len(means), len(variances))
        found = np.hstack([mean[:, 0], variance[:, 0], np.log(weights[:, self._free])])
        return found.reshape(*shape, -1), value.reshape(shape)

    def parts(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return log w and its gradient by weights, log A and its gradient; by study."""
        weights = self._spread(x[2:])
        of_regions = weights[self._owner][:, None]
        chances, by_mean, by_variance = (
            of_regions * part for part in _between(self._edges, self.s, x[0], x[1])
        )
        whole = np.maximum(chances.sum(axis=0), np.finfo(float).tiny)
        by_weights = [chances[self._owner == i].sum(axis=0) for i in self._free]
        slope = np.array([by_mean.sum(axis=0), by_variance.sum(axis=0), *by_weights]) / whole
        mine = self._place == self._free[:, None]
        return np.log(weights[self._place]), mine.astype(float), np.log(whole), slope

    def weights(
        self, x: FloatArray, variances: Sequence[float | None]
    ) -> tuple[tuple[float, ...], tuple[float | None, ...]]:
        """Return weights and their standard errors."""
        weights = self._spread(x)
        errors: list[float | None] = [None] * len(weights)
        for i, variance in zip(self._free, variances, strict=True):
            errors[i] = None if variance is None else float(weights[i]) * math.sqrt(variance)
        return tuple(map(float, weights)), tuple(errors)


class Beta:
    """Weights ``p**(a - 1) * (1 - p)**(b - 1)``, whose mean is an integral over all results."""

    counts: tuple[int, ...] = ()
    held = 0

    def __init__(self, z: FloatArray, s: FloatArray, alternative: str) -> None:
        self.z, self.s = z, s
        self._two_sided = alternative == "two-sided"
        far = -float(special.ndtri(LEAST_P / (1 + self._two_sided)))
        ends: list[FloatArray] = [np.linspace(-far, far, PANELS + 1)]
        if self._two_sided:  # towards zero 1 - p vanishes, and panels are ever narrower
            near = -float(special.ndtri((1 - LEAST_P) / 2))
            half = np.geomspace(near, far, PANELS + 1)
            ends = [-half[::-1], half]
        outer = [end[place] for end in ends[::-1] for place in (-1, 0)]
        self._edges = np.array([math.inf, *outer, -math.inf])
        laid = [_panels(end) for end in ends]
        self._nodes, self._widths = (np.concatenate(parts) for parts in zip(*laid, strict=True))
        self._at_nodes = self._logs(self._nodes)
        middle = [0.0] * self._two_sided
        self._flat = self._logs(np.array([2 * far, *middle, -2 * far]))
        self._own = self._logs(z / s)

    def _logs(self, z: FloatArray) -> FloatArray:
        """Return log p and log (1 - p) of test statistics, p being no nearer to 0 or 1."""
        p = special.ndtr(-np.abs(z)) * 2 if self._two_sided else special.ndtr(-z)
        p = np.clip(p, LEAST_P, 1 - LEAST_P)
        return np.array([np.log(p), np.log1p(-p)])

    def starts(self, means: FloatArray, variances: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return some means and variances with several kinds of selection."""
        inner = (means[::2], variances[::2])
        found = np.array(
            [[[[m, v, *np.log(own)] for own in BETA_STARTS] for v in inner[1]] for m in inner[0]]
        )
        objective = _objective(self, varies=True)
        values = [objective(x)[0] for x in found.reshape(-1, 4)]
        return found, np.array(values).reshape(found.shape[:3])

    def parts(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return log w and its gradient by weights, log A and its gradient; by study."""
        exponents = np.exp(np.minimum(x[2:], 50.0))
        eta2 = self.s**2 + x[1]
        away = self.s[:, None] * self._nodes - x[0]
        mass = np.exp((exponents - 1) @ self._at_nodes - away**2 / (2 * eta2[:, None]))
        mass *= self._widths * (self.s / np.sqrt(2 * math.pi * eta2))[:, None]
        flat = np.exp((exponents - 1) @ self._flat)[:, None]
        between = _between(self._edges, self.s, x[0], x[1])
        chances, by_mean, by_variance = (flat * part[::2] for part in between)
        whole = np.maximum(mass.sum(axis=1) + chances.sum(axis=0), np.finfo(float).tiny)
        by_logs = self._at_nodes @ mass.T + self._flat @ chances
        moments = [
            (mass * away).sum(axis=1) / eta2 + by_mean.sum(axis=0),
            (mass * (away**2 / eta2[:, None] - 1)).sum(axis=1) / (2 * eta2)
            + by_variance.sum(axis=0),
            *(exponents[:, None] * by_logs),
        ]
        log_w = (exponents - 1) @ self._own
        return log_w, exponents[:, None] * self._own, np.log(whole), np.array(moments) / whole

    def weights(
        self, x: FloatArray, variances: Sequence[float | None]
    ) -> tuple[tuple[float, ...], tuple[float | None, ...]]:
        """Return both exponents and their standard errors."""
        exponents = [float(value) for value in np.exp(x)]
        errors = [
            None if variance is None else value * math.sqrt(variance)
            for value, variance in zip(exponents, variances, strict=True)
        ]
        return tuple(exponents), tuple(errors)


def _between(
    edges: FloatArray, s: FloatArray, mean: FloatArray | float, variance: FloatArray | float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return how likely a test statistic is between falling edges, and its slopes; by study, last.

    The slopes are those by mean and variance of the true effects.
    """
    eta = np.sqrt(s**2 + variance)
    u = (edges[:, None] * s - mean) / eta
    low, high = u[..., 1:, :], u[..., :-1, :]
    near, far = np.where(low > 0, -low, high), np.where(low > 0, -high, low)
    chances = special.ndtr(near) - special.ndtr(far)  # in the nearer tail no digits cancel
    density = np.exp(-(np.minimum(np.abs(u), 40.0) ** 2) / 2) / math.sqrt(2 * math.pi)
    bent = density * np.where(np.isfinite(u), u, 0.0)
    by_mean = (density[..., 1:, :] - density[..., :-1, :]) / eta
    by_variance = (bent[..., 1:, :] - bent[..., :-1, :]) / (2 * eta**2)
    return chances, by_mean, by_variance


def _panels(edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return nodes and widths of Gauss-Legendre's rule in panels between edges."""
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (1 + NODES)).ravel(), (half * NODE_WEIGHTS).ravel()


def _objective(seen: Seen, varies: bool) -> Objective:
    """Return minus the log-likelihood, whose variance has no slope where it is held at zero."""

    def minus_log_likelihood(x: FloatArray) -> tuple[float, FloatArray]:
        eta2 = seen.s**2 + x[1]
        away = seen.z - x[0]
        log_w, w_slope, log_a, a_slope = seen.parts(x)
        value = log_w - log_a - 0.5 * (np.log(2 * math.pi * eta2) + away**2 / eta2)
        slope = -a_slope
        slope[0] += away / eta2
        slope[1] += 0.5 * (away**2 / eta2 - 1) / eta2
        slope[1] *= varies
        slope[2:] += w_slope
        return -float(value.sum()), -slope.sum(axis=1)

    return minus_log_likelihood


def _bounds(n: int) -> FloatArray:
    lower = np.full(n, -math.inf)
    lower[1] = 0.0
    return lower


def _likeliest(seen: Seen, varies: bool) -> tuple[FloatArray, float]:
    """Return the parameters of greatest likelihood, and minus its logarithm."""
    objective = _objective(seen, varies)
    spread = float(np.ptp(seen.z)) + float(np.median(seen.s))
    means = np.linspace(float(seen.z.min()) - spread / 2, float(seen.z.max()), MEANS)
    end = math.log1p(spread**2)
    variances = np.expm1(np.linspace(0, end, VARIANCES)) if varies else np.zeros(1)
    grid, values = seen.starts(means, variances)
    starts = [grid[place] for place in lowest_places(values)]
    found = [least(objective, x, _bounds(len(x))) for x in starts]
    best = min(found, key=lambda x: objective(x)[0])
    return best, objective(best)[0]


def _variances(seen: Seen, x: FloatArray, varies: bool) -> list[float | None]:
    """Return the variance of each parameter; ``None`` for what is on its bound or has no peak."""
    free = np.ones(len(x), dtype=bool)
    free[1] = varies and x[1] > 0
    matrix = curvature(_objective(seen, varies), x, _bounds(len(x)), free)
    values, vectors = np.linalg.eigh(matrix)
    found: list[float | None] = [None] * len(x)
    if values[0] > FLAT * values[-1]:
        own = (vectors**2 / values).sum(axis=1)
        for place, value in zip(np.flatnonzero(free), own, strict=True):
            found[place] = float(value)
    return found


def _without_selection(y: FloatArray, v: FloatArray, model: str) -> float:
    """Return the log-likelihood of the model in which everything is seen."""
    fit = pool(y, v, tau2_method="ML" if model == "random" else "FE")
    total = v + (fit.tau2 or 0.0)
    return -0.5 * float((np.log(2 * math.pi * total) + (y - fit.estimate) ** 2 / total).sum())
