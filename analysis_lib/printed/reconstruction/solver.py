"""The nearest point to a prior at which printed numbers come out: priors and the solver.

`analysis_lib.printed.reconstruction` is the front door; its notes say what is solved here.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares, nnls
from scipy.special import ndtr, stdtrit

from analysis_lib.base.checks import (
    FloatArray,
    as_floats,
    check_lengths,
    check_values,
    study_labels,
)
from analysis_lib.base.errors import ReviewError
from analysis_lib.printed.intervals import Interval
from analysis_lib.printed.reconstruction.targets import (
    QUANTITIES,
    Z95,
    Targets,
    critical_z,
    unit_of,
)

# From soft to hard: how heavily a miss by one rounding half-width weighs against a distance of one
# prior standard deviation. The last step, infinitely hard, is taken by linear constraints.
HARDNESS = (0.01, 0.1, 1.0, 10.0)
MOST_COMPROMISES = 200  # steps towards printed numbers that cannot all be met
AIM = 0.98  # aim within this part of a rounding interval, so that the answer rounds as printed
SCORE_SLACK = 1e-4  # a REML score may be off by this part of the rounding half-width of tau2
LARGEST_LOG = 20.0  # no trial step may overflow
MOST_STEPS, LONGEST_STEP, SHORTEST_STEP = 30, 3.0, 1e-2  # in prior standard deviations
TAU2_WEIGHT = 0.05  # the carried tau2 is free: it only has to stay where the steps are sound


@dataclass(frozen=True, slots=True)
class Prior:
    """What is known about the comparisons before the printed pooled results are looked at.

    Parameters
    ----------
    labels : tuple of str, length k
        Names of the comparisons.
    effect_mean, effect_sd : ndarray, shape (k,)
        Guess of each effect, in the outcome's unit, and how far off it may be.
    log_variance_mean : ndarray, shape (k,)
        Logarithm of the guessed sampling variance at an effect of zero.
    log_variance_factor : ndarray, shape (k, k)
        How far off it may be: Cholesky factor of the covariance of the logarithms.
    curvature : ndarray, shape (k,)
        Growth of the variance with the squared effect: ``1 / (2 N)`` for a standardized mean
        difference of N people (Hedges), zero for a mean difference.
    """

    labels: tuple[str, ...]
    effect_mean: FloatArray
    effect_sd: FloatArray
    log_variance_mean: FloatArray
    log_variance_factor: FloatArray
    curvature: FloatArray

    @classmethod
    def of(
        cls,
        effect_mean: npt.ArrayLike,
        effect_sd: npt.ArrayLike,
        variance: npt.ArrayLike,
        log_variance_sd: npt.ArrayLike,
        *,
        curvature: npt.ArrayLike | None = None,
        correlation: npt.ArrayLike | None = None,
        labels: Sequence[object] | None = None,
    ) -> Prior:
        """Check and build a prior from variances on their natural scale.

        Parameters
        ----------
        effect_mean, effect_sd, variance, log_variance_sd : array_like, shape (k,)
            As the fields of the class, the variance not yet on the logarithmic scale.
        curvature : array_like, shape (k,), optional
            Zero when not given.
        correlation : array_like, shape (k, k), optional
            Correlation of the log variances, for comparisons that share an arm; none by default.
        labels : sequence, optional
            Names of the comparisons; numbered from 1 when not given.

        Returns
        -------
        Prior
            The checked prior.

        Raises
        ------
        ReviewError
            When lengths differ, or a spread or variance is not positive (names the comparison), or
            the correlation is not that of k values.
        """
        columns = {
            "effect_mean": as_floats("effect_mean", effect_mean),
            "effect_sd": as_floats("effect_sd", effect_sd),
            "variance": as_floats("variance", variance),
            "log_variance_sd": as_floats("log_variance_sd", log_variance_sd),
        }
        k = check_lengths(**columns)
        columns["curvature"] = as_floats(
            "curvature", np.zeros(k) if curvature is None else curvature
        )
        check_lengths(**columns)
        names = study_labels(labels, k)
        for name, values in columns.items():
            finite = np.isfinite(values)
            if name == "effect_mean":
                check_values(name, values, names, finite, "finite")
            elif name == "curvature":
                check_values(name, values, names, finite & (values >= 0), "finite, zero or more")
            else:
                check_values(name, values, names, finite & (values > 0), "finite, above zero")
        matrix = np.eye(k) if correlation is None else np.asarray(correlation, dtype=float)
        if matrix.shape != (k, k) or float(np.linalg.eigvalsh(matrix).min()) <= 0:
            raise ReviewError(f"correlation: not a correlation matrix of {k} values")
        factor = columns["log_variance_sd"][:, None] * np.linalg.cholesky(matrix)
        return cls(
            names,
            columns["effect_mean"],
            columns["effect_sd"],
            np.log(columns["variance"]),
            factor,
            columns["curvature"],
        )


def conditioned(mean: float, sd: float, low: float, high: float) -> tuple[float, float]:
    """Return mean and SD of a normal distribution after it is cut to a range.

    Parameters
    ----------
    mean, sd : float
        The normal distribution.
    low, high : float
        What is known: the value lies between them; either may be infinite.

    Returns
    -------
    tuple of float
        Mean and SD of the truncated distribution.

    Raises
    ------
    ReviewError
        When the range has practically no probability under the distribution.

    Notes
    -----
    With a, b the standardized limits, phi and Phi density and distribution function and
    D = Phi(b) - Phi(a): mean + sd (phi(a) - phi(b)) / D, and variance
    sd² (1 + (a phi(a) - b phi(b)) / D - ((phi(a) - phi(b)) / D)²).

    References
    ----------
    Johnson NL, Kotz S, Balakrishnan N (1994). Continuous Univariate Distributions 1, chapter 13.

    Examples
    --------
    >>> tuple(round(value, 4) for value in conditioned(0.0, 1.0, 0.0, float("inf")))
    (0.7979, 0.6028)
    """
    ends = (np.array([low, high]) - mean) / sd
    if ends[0] > 0:  # work in the lower tail, where the distribution function is exact
        mirrored, spread = conditioned(-mean, sd, -high, -low)
        return -mirrored, spread
    probability = float(ndtr(ends[1]) - ndtr(ends[0]))
    if probability < 1e-12:
        raise ReviewError(f"no room between {low} and {high} under N({mean}, {sd}²)")
    density = np.exp(-(ends**2) / 2) / np.sqrt(2 * np.pi)
    weighted = np.where(np.isfinite(ends), ends, 0.0) * density
    shift = float(density[0] - density[1]) / probability
    variance = 1 + float(weighted[0] - weighted[1]) / probability - shift**2
    return mean + sd * shift, sd * float(np.sqrt(variance))


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Several numbers (m) and their derivatives by all unknowns (n)."""

    value: FloatArray  # (m,)
    slope: FloatArray  # (m, n)

    def combined(
        self,
        value: Sequence[float] | FloatArray,
        coefficients: Sequence[Sequence[float]] | FloatArray,
    ) -> _Numbers:
        """Return functions of the numbers from their values and first derivatives."""
        matrix = np.atleast_2d(np.asarray(coefficients, dtype=float))
        return _Numbers(np.atleast_1d(np.asarray(value, dtype=float)), matrix @ self.slope)


@dataclass(frozen=True, slots=True)
class _Conditions:
    """Numbers that have to lie between two limits each."""

    value: FloatArray
    slope: FloatArray
    low: FloatArray
    high: FloatArray

    @classmethod
    def joined(cls, parts: Sequence[_Conditions]) -> _Conditions:
        """Put conditions below each other."""
        return cls(
            np.concatenate([p.value for p in parts]),
            np.concatenate([p.slope for p in parts]),
            np.concatenate([p.low for p in parts]),
            np.concatenate([p.high for p in parts]),
        )

    @property
    def miss(self) -> FloatArray:
        """Signed distance of each number from its limits, zero inside."""
        return np.asarray(self.value - np.clip(self.value, self.low, self.high))


@dataclass(frozen=True, slots=True)
class _Aims:
    """The inner parts of rounding intervals, counted in half-widths."""

    unit: FloatArray
    low: FloatArray
    high: FloatArray

    @classmethod
    def at(cls, intervals: Sequence[Interval]) -> _Aims:
        """Aim at the inner part of each interval."""
        unit = np.array([unit_of(interval) for interval in intervals])
        return cls(
            unit,
            np.array([interval.low for interval in intervals]) / unit + (1 - AIM),
            np.array([interval.high for interval in intervals]) / unit - (1 - AIM),
        )

    def conditions(self, numbers: _Numbers) -> _Conditions:
        """Ask that the numbers lie there."""
        return _Conditions(
            numbers.value / self.unit, numbers.slope / self.unit[:, None], self.low, self.high
        )


@dataclass(frozen=True, slots=True)
class Studies:
    """Effects and variances at one point, and how they change with their own unknowns."""

    effect: FloatArray
    variance: FloatArray
    effect_by_a: FloatArray
    variance_by_a: FloatArray
    variance_by_b: FloatArray  # (k, k), the others are (k,)


def _pooled(studies: Studies, member: FloatArray, tau2: _Numbers) -> list[_Numbers]:
    """Return pooled mean, its SE, the slope of the restricted likelihood at tau2, and Q.

    Of every fit, whose members are a row of ones and zeros (m, k), at its own tau2.

    The slope (times two) is sum w² (y - mean)² - sum w + sum w² / sum w with w = 1 / (v + tau2)
    (Viechtbauer 2005, J Educ Behav Stat 30:261-293). The REML estimate makes it zero. Cochran's Q,
    the weighted sum of squares about the common-effect mean, knows no tau2.
    """
    y, k = studies.effect, len(studies.effect)
    w = member / (studies.variance + tau2.value[:, None])
    total = w.sum(axis=1, keepdims=True)
    share = w / total
    mean = share @ y
    r, w2 = y - mean[:, None], w**2
    squares, lean = w2.sum(axis=1, keepdims=True), (w2 * r).sum(axis=1, keepdims=True)
    score = (w2 * r**2).sum(axis=1, keepdims=True) - total + squares / total
    fixed = member / studies.variance
    off = y - (fixed @ y / fixed.sum(axis=1))[:, None]
    value = np.column_stack([mean, total**-0.5, score, (fixed * off**2).sum(axis=1)])
    by_effect = np.stack(
        [share, np.zeros_like(w), 2 * w2 * r - 2 * lean * share, 2 * fixed * off], axis=1
    )
    score_by_weight = 2 * w * r**2 - 2 * lean * r / total - 1 + 2 * w / total - squares / total**2
    by_variance = np.stack(
        [
            -w2 * r / total,
            0.5 * w2 * total**-1.5,
            -w2 * score_by_weight,
            -((fixed * off) ** 2),
        ],
        axis=1,
    )
    # Weights are 1 / (v + tau2), so the derivative by tau2 is the sum of those by variances.
    by_tau2 = by_variance.sum(axis=2)
    by_tau2[:, 3] = 0.0
    slope = by_tau2[:, :, None] * tau2.slope[:, None, :]
    slope[:, :, :k] += by_effect * studies.effect_by_a + by_variance * studies.variance_by_a
    slope[:, :, k : 2 * k] += by_variance @ studies.variance_by_b
    return [_Numbers(*numbers) for numbers in zip(value, slope, strict=True)]


def _score_information(variance: FloatArray, member: FloatArray, tau2: float) -> float:
    """Return the expected slope of the score; score / information is a step in tau2."""
    w = member / (variance + tau2)
    total, squares = float(w.sum()), float(w @ w)
    return squares - 2 * float(w @ w**2) / total + (squares / total) ** 2


def _q_for(i2: Interval, k: int) -> Interval:
    """Return the values of Q that give these I² = max(0, 1 - (k - 1) / Q)."""
    low = (k - 1) / (1 - i2.low) if i2.low > 0 else 0.0
    return Interval(low, (k - 1) / (1 - i2.high) if i2.high < 1 else np.inf)


@dataclass(frozen=True, slots=True)
class _Fit:
    """One REML fit that the solver carries along, with its own tau2.

    A tau2 that starts above zero is ``start * exp(scale / start * u)`` and its score is zero; one
    that starts at zero stays there, and its score must not be positive.
    """

    member: FloatArray
    start: float
    scale: float
    information: float
    printed: tuple[int, ...]  # positions in QUANTITIES
    aims: _Aims
    k: int
    quantile: float  # of t, of the prediction interval

    def stationary(self, score: _Numbers) -> _Conditions:
        """Ask that tau2 is the REML estimate, to a small part of its rounding."""
        per_step = 1 / (self.information * self.scale)
        low = -np.inf if self.start == 0 else -SCORE_SLACK
        return _Conditions(
            score.value * per_step, score.slope * per_step, np.array([low]), np.array([SCORE_SLACK])
        )


def _printed_numbers(pooled: _Numbers, tau2: float, tau2_slope: FloatArray, fit: _Fit) -> _Numbers:
    """Return the printed numbers of a fit from mean, SE, tau2 and Q.

    The p value stands as the absolute z statistic and I² as Q: both are smooth where the printed
    numbers are not, and a limit on one is a limit on the other.
    """
    mean, se, _, q = (float(value) for value in pooled.value)
    sign = 1.0 if mean >= 0 else -1.0
    z = abs(mean) / se
    spread = float(np.hypot(se, np.sqrt(tau2)))
    half, by_se = fit.quantile * spread, fit.quantile * se / spread
    by_tau2 = fit.quantile / (2 * spread)
    value = [mean, mean - Z95 * se, mean + Z95 * se, z, mean - half, mean + half, tau2, q]
    coefficients = (
        (1, 0, 0, 0),
        (1, -Z95, 0, 0),
        (1, Z95, 0, 0),
        (sign / se, -z / se, 0, 0),
        (1, -by_se, -by_tau2, 0),
        (1, by_se, by_tau2, 0),
        (0, 0, 1, 0),
        (0, 0, 0, 1),
    )
    base = _Numbers(pooled.value, np.vstack([pooled.slope[:2], tau2_slope, pooled.slope[3]]))
    return base.combined(
        [value[row] for row in fit.printed], [coefficients[row] for row in fit.printed]
    )


def _fits_of(member: FloatArray, aims: Mapping[str, Interval], prior: Prior) -> tuple[_Fit, ...]:
    """Return the fit, or two of them where tau2 may be zero or not: at zero and above."""
    known, k = dict(aims), int(member.sum())
    if "p_value" in known:
        known["p_value"] = critical_z(known["p_value"])
    if "i2" in known:
        known["i2"] = _q_for(known["i2"], k)
    guess = np.exp(prior.log_variance_mean) + prior.curvature * prior.effect_mean**2
    typical = float(guess[member > 0].mean())
    tau2, i2 = known.get("tau2"), aims.get("i2")
    if k == 1:  # one study has no spread: its fit is itself
        starts = [(0.0, typical)]
    elif tau2 is None:
        starts = [(0.0, typical), (typical, typical)]
    elif tau2.low > 0:
        starts = [(tau2.middle, unit_of(tau2))]
    elif i2 is not None and i2.low <= 0:  # both are printed as zero
        starts = [(0.0, unit_of(tau2))]
    else:
        starts = [(0.0, unit_of(tau2)), (tau2.high / 2, unit_of(tau2))]
    positions = tuple(QUANTITIES.index(name) for name in known)
    return tuple(
        _Fit(
            member,
            start,
            scale,
            _score_information(guess, member, start),
            positions,
            _Aims.at(list(known.values())),
            k,
            float(stdtrit(k - 2, 0.975)) if k > 2 else np.nan,
        )
        for start, scale in starts
    )


def _indicator(k: int, positions: Sequence[int], *, inside: bool) -> FloatArray:
    """Return ones at the positions (or everywhere else) and zeros at the rest."""
    member = np.full(k, 0.0 if inside else 1.0)
    member[list(positions)] = 1.0 if inside else 0.0
    return member


@dataclass(frozen=True, slots=True)
class Problem:
    """The nearest point to the prior, or to a draw from it, where the printed numbers come out.

    The unknowns are the effects in prior standard deviations (k of them, "a"), the log variances
    in theirs and uncorrelated (k, "b"), and one for the tau2 of every fit.
    """

    prior: Prior
    fits: tuple[_Fit, ...]
    between: tuple[tuple[tuple[int, ...], _Aims], ...]  # positions of fits, printed Q
    member: FloatArray  # of each fit, a row
    start_tau2: FloatArray
    rate: FloatArray  # of the logarithm of tau2; zero where it stays at zero

    @classmethod
    def of(
        cls,
        prior: Prior,
        fits: tuple[_Fit, ...],
        between: tuple[tuple[tuple[int, ...], _Aims], ...],
    ) -> Problem:
        """Put what the fits have in common into arrays."""
        start = np.array([fit.start for fit in fits])
        rate = np.array([fit.scale / fit.start if fit.start else 0.0 for fit in fits])
        return cls(prior, fits, between, np.array([fit.member for fit in fits]), start, rate)

    @classmethod
    def alternatives(cls, prior: Prior, targets: Targets) -> tuple[Problem, ...]:
        """Set up the fits of printed results and subgroups, every tau2 that is open both ways."""
        k = len(prior.labels)
        choices = [
            _fits_of(_indicator(k, t.left_out, inside=False), t.aims(), prior) for t in targets.fits
        ]
        between: list[tuple[tuple[int, ...], _Aims]] = []
        for test in targets.between:
            first = len(choices)
            choices += [_fits_of(_indicator(k, g, inside=True), {}, prior) for g in test.groups]
            between.append((tuple(range(first, len(choices))), _Aims.at([test.q_between])))
        return tuple(cls.of(prior, fits, tuple(between)) for fits in itertools.product(*choices))

    def start(self, deviations: FloatArray) -> FloatArray:
        """Return the unknowns at a point of the prior, every tau2 at its printed value."""
        return np.concatenate([deviations, np.zeros(len(self.fits))])

    @property
    def weight(self) -> FloatArray:
        """Weight of each unknown in the distance that is minimised."""
        k2 = 2 * len(self.prior.labels)
        return np.concatenate([np.ones(k2), np.full(len(self.fits), TAU2_WEIGHT)])

    def studies(self, x: FloatArray) -> Studies:
        """Return effects and variances for the unknowns."""
        prior, k = self.prior, len(self.prior.labels)
        effect = prior.effect_mean + prior.effect_sd * x[:k]
        factor = np.exp(
            np.clip(prior.log_variance_factor @ x[k : 2 * k], -LARGEST_LOG, LARGEST_LOG)
        )
        variance = (np.exp(prior.log_variance_mean) + prior.curvature * effect**2) * factor
        return Studies(
            effect,
            variance,
            prior.effect_sd,
            2 * prior.curvature * effect * prior.effect_sd * factor,
            variance[:, None] * prior.log_variance_factor,
        )

    def tau2(self, x: FloatArray) -> _Numbers:
        """Return the tau2 of every fit for the unknowns."""
        m = len(self.fits)
        value = self.start_tau2 * np.exp(np.clip(self.rate * x[-m:], -LARGEST_LOG, LARGEST_LOG))
        slope = np.zeros((m, len(x)))
        slope[:, -m:] = np.diag(self.rate * value)
        return _Numbers(value, slope)

    def conditions(self, x: FloatArray) -> _Conditions:
        """Return everything that has to hold, in rounding half-widths."""
        tau2 = self.tau2(x)
        pooled = _pooled(self.studies(x), self.member, tau2)
        found: list[_Conditions] = []
        for fit, moments, own, slope in zip(self.fits, pooled, tau2.value, tau2.slope, strict=True):
            if fit.k > 1:
                found.append(fit.stationary(_Numbers(moments.value[2:3], moments.slope[2:3])))
            if fit.printed:
                numbers = _printed_numbers(moments, float(own), slope, fit)
                found.append(fit.aims.conditions(numbers))
        for positions, aims in self.between:
            found.append(aims.conditions(_between_statistic([pooled[i] for i in positions])))
        return _Conditions.joined(found)

    def soften(
        self,
        x: FloatArray,
        origin: FloatArray,
        hardness: float,
        *,
        tolerance: float = 1e-3,
        forgiving: bool = False,
    ) -> FloatArray:
        """Balance the distance from ``origin`` against the misses (Levenberg-Marquardt).

        When ``forgiving``, a large miss counts in proportion and not squared, so that one number
        that cannot be met does not spoil the others.
        """
        near = np.diag(self.weight)
        latest: dict[bytes, _Conditions] = {}

        def conditions(at: FloatArray) -> _Conditions:
            key = at.tobytes()  # the solver asks for values and derivatives in turn
            if key not in latest:
                latest.clear()
                latest[key] = self.conditions(at)
            return latest[key]

        def values(at: FloatArray) -> FloatArray:
            return np.concatenate([self.weight * (at - origin), hardness * conditions(at).miss])

        def slopes(at: FloatArray) -> FloatArray:
            here = conditions(at)
            return np.concatenate([near, hardness * (here.miss != 0)[:, None] * here.slope])

        if forgiving:
            found = least_squares(values, x, jac=slopes, loss="soft_l1", max_nfev=MOST_COMPROMISES)
        else:
            found = least_squares(
                values, x, jac=slopes, method="lm", ftol=tolerance, xtol=tolerance
            )
        return np.asarray(found.x)

    def harden(self, x: FloatArray, origin: FloatArray) -> FloatArray | None:
        """Go to the nearest point to ``origin`` where all conditions hold, or give up.

        Each step goes to the nearest point that meets the conditions made linear, or a quarter
        of the way, and so on, until misses and distance together have fallen.
        """
        weight, penalty = self.weight, 0.0
        conditions = self.conditions(x)
        for _ in range(MOST_STEPS):
            step, pressure = _nearest_step(conditions, x - origin, weight)
            if step is None:
                return None
            penalty = max(penalty, 1.1 * pressure)
            length = _bounded(step)
            before = _merit(x - origin, conditions, weight, penalty)
            while length > SHORTEST_STEP:
                conditions = self.conditions(x + length * step)
                if _merit(x + length * step - origin, conditions, weight, penalty) < before:
                    break
                length /= 4
            x = x + length * step
            if float(np.abs(length * step).max()) < SHORTEST_STEP:
                break
        return self.settle(x)

    def settle(self, x: FloatArray) -> FloatArray | None:
        """Take the last small steps onto the conditions, or give up."""
        for _ in range(MOST_STEPS):
            conditions = self.conditions(x)
            if float(np.abs(conditions.miss).max()) < SCORE_SLACK:
                return x
            step, _ = _nearest_step(conditions, np.zeros_like(x), self.weight)
            if step is None:
                return None
            x = x + _bounded(step) * step
        return None

    def nearest(self, start: FloatArray, to: FloatArray | None = None) -> FloatArray | None:
        """Return the unknowns that meet every condition nearest to a point of the prior.

        The point is the middle of the prior unless ``to`` is given; the search begins at
        ``start``. Both are deviations from the prior in its standard deviations.
        """
        x, origin = self.start(start), self.start(np.zeros_like(start) if to is None else to)
        for hardness in HARDNESS:
            x = self.soften(x, origin, hardness)
        return self.harden(x, origin)

    def compromise(self) -> FloatArray:
        """Return the unknowns that come as near as possible to conditions that cannot all hold."""
        x = origin = self.start(np.zeros(2 * len(self.prior.labels)))
        for hardness in HARDNESS:
            x = self.soften(x, origin, hardness, forgiving=True)
        return x


def _bounded(step: FloatArray) -> float:
    """Return the part of a step that moves no unknown too far."""
    return LONGEST_STEP / max(float(np.abs(step).max()), LONGEST_STEP)


def _merit(off: FloatArray, conditions: _Conditions, weight: FloatArray, penalty: float) -> float:
    """Return the distance from the origin and the misses in one number that has to fall."""
    distance = float(((weight * off) ** 2).sum()) / 2
    return distance + penalty * float(np.abs(conditions.miss).sum())


def _nearest_step(
    conditions: _Conditions, off: FloatArray, weight: FloatArray
) -> tuple[FloatArray | None, float]:
    """Return the step to the least distance under conditions made linear, and their pressure.

    Least distance programming by non-negative least squares (Lawson and Hanson 1974, Solving
    Least Squares Problems, chapter 23). The pressure is the largest multiplier.
    """
    above, below = np.isfinite(conditions.low), np.isfinite(conditions.high)
    matrix = np.concatenate([conditions.slope[above], -conditions.slope[below]])
    limits = (
        np.concatenate(
            [
                (conditions.low - conditions.value)[above],
                (conditions.value - conditions.high)[below],
            ]
        )
        + matrix @ off
    )
    system = np.vstack([(matrix / weight).T, limits])
    wanted = np.zeros(len(off) + 1)
    wanted[-1] = 1.0
    multipliers, _ = nnls(system, wanted)
    rest = system @ multipliers - wanted
    if abs(rest[-1]) < 1e-12:  # the linear conditions exclude each other
        return None, 0.0
    nearest = -rest[:-1] / rest[-1] / weight
    return nearest - off, float(multipliers.max(initial=0.0) / abs(rest[-1]))


def _between_statistic(pooled: Sequence[_Numbers]) -> _Numbers:
    """Return Q between subgroups: sum (mean - overall)² / SE² (Borenstein 2009, chapter 19)."""
    mean = np.array([numbers.value[0] for numbers in pooled])
    se = np.array([numbers.value[1] for numbers in pooled])
    weight = se**-2
    off = mean - weight @ mean / weight.sum()
    rows = _Numbers(np.empty(0), np.concatenate([numbers.slope[:2] for numbers in pooled]))
    by_row = np.column_stack([2 * weight * off, -2 * off**2 * se**-3]).ravel()
    return rows.combined([float(weight @ off**2)], by_row)
