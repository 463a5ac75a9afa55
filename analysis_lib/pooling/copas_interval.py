"""Henmi and Copas' interval: one that small studies hardly move."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from analysis_lib.base.checks import FloatArray, check_effects, check_level
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import estimate as estimate_text
from analysis_lib.base.formatting import number, percent, plural
from analysis_lib.base.results import Result
from analysis_lib.effects.columns import Labels
from analysis_lib.pooling.pooled_effect import Interval, pool

#: Panels of the integral, its length in standard deviations, and nodes in each panel.
PANELS, LENGTH = 24, 12.0
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class HenmiCopas(Result):
    """Result of `henmi_copas`.

    Attributes
    ----------
    k : int
        Number of studies.
    estimate, se : float
        The common-effect mean, and its standard error when true effects vary.
    ci : (float, float)
        Confidence interval.
    tau2 : float
        DerSimonian and Laird's variance of true effects.
    level : float
        Level of the interval.
    """

    k: int
    estimate: float
    se: float
    ci: Interval
    tau2: float
    level: float

    def title(self) -> str:
        """Say what was computed."""
        return f"Henmi and Copas' interval of {plural(self.k, 'study', 'studies')}"

    def rows(self) -> list[tuple[str, ...]]:
        """Return the results as words."""
        words = f"{estimate_text(self.estimate, self.ci, 4)} ({percent(self.level)} CI)"
        return [("estimate", words), ("tau2", number(self.tau2, 4))]

    def to_frame(self) -> pd.DataFrame:
        """Return the results, unrounded, as a table of one row."""
        numbers = {"k": self.k, "estimate": self.estimate, "se": self.se}
        ends = {"ci_low": self.ci[0], "ci_high": self.ci[1], "tau2": self.tau2}
        return pd.DataFrame([numbers | ends])


def henmi_copas(
    effect: npt.ArrayLike, variance: npt.ArrayLike, *, labels: Labels = None, level: float = 0.95
) -> HenmiCopas:
    r"""Return the common-effect mean with an interval that allows for effects that vary.

    Parameters
    ----------
    effect, variance : array_like, shape (k,)
        Effects and their sampling variances; k at least 2.
    labels : sequence, optional
        Study labels.
    level : float, default 0.95
        Level of the interval.

    Returns
    -------
    HenmiCopas
        The weights are those of a common effect, so that small studies, which selection touches
        most, count little; the interval has the width that varying effects demand.

    Raises
    ------
    ReviewError
        For one study, and invalid effects or variances.

    Notes
    -----
    With :math:`W_p=\sum w^p/\sum w`, the estimate over its standard error, times
    :math:`\sqrt{1+\tau^2W_2}`, is compared with the distribution of
    :math:`R/f(Q)`, Q given R being taken for a gamma variable with its exact first two moments.
    This is ``hc`` of R's metafor.

    References
    ----------
    Henmi M, Copas JB (2010). Confidence intervals for random effects meta-analysis and robustness
    to publication bias. Statistics in Medicine 29:2969-2983.

    Examples
    --------
    >>> effect = [-0.581, 0.530, 0.771, 1.031, 0.553, 0.295, 0.078, 0.573, -0.176, -0.232]
    >>> variance = [0.023, 0.052, 0.060, 0.115, 0.095, 0.203, 0.200, 0.211, 0.051, 0.040]
    >>> result = henmi_copas(effect, variance)
    >>> print(f"{result.estimate:.2f} ({result.ci[0]:.2f} to {result.ci[1]:.2f})")
    0.05 (-0.47 to 0.57)
    """
    check_level(level)
    y, v, names = check_effects(effect, variance, labels)
    if len(y) < 2:
        raise ReviewError(f"effect: {names[0]} is the only study; two or more are needed")
    unit = float(v.min())
    common = pool(y, v, labels=names, tau2_method="FE")
    tau2 = pool(y, v, tau2_method="DL").tau2 or 0.0
    moments = _Moments(unit / v, tau2 / unit)
    se = math.sqrt(unit * moments.spread / moments.total)
    half = math.sqrt(moments.spread) * moments.quantile((1 - level) / 2) * se
    return HenmiCopas(
        k=len(y),
        estimate=common.estimate,
        se=se,
        ci=(common.estimate - half, common.estimate + half),
        tau2=tau2,
        level=level,
    )


class _Moments:
    """Q given the estimate, in units of the smallest variance."""

    def __init__(self, weights: FloatArray, tau2: float) -> None:
        self.total = float(weights.sum())
        self._w2, self._w3, self._w4 = (float((weights**p).sum()) / self.total for p in (2, 3, 4))
        self._tau2, self._df = tau2, len(weights) - 1
        self.spread = 1 + tau2 * self._w2

    def _of_q(self, r: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance of Q, given R."""
        t, w1, w2, w3, w4 = self._tau2, self.total, self._w2, self._w3, self._w4
        bent = (r / self.spread) ** 2 - 1 / self.spread
        mean = self._df + t * (w1 - w2) + t**2 * bent * (w3 - w2**2)
        steady = 2 * self._df + 4 * t * (w1 - w2) + 2 * t**2 * (w1 * w2 - 2 * w3 + w2**2)
        by_bend = 4 * t**2 * (w3 - w2**2) + 4 * t**3 * (w4 - 2 * w2 * w3 + w2**3)
        last = self.spread**-2 - 2 * r**2 / self.spread**3
        variance = steady + by_bend * bent + 2 * t**4 * last * (w3 - w2**2) ** 2
        return np.asarray(mean), np.asarray(variance)

    def _beyond(self, x: float) -> float:
        """Return the probability that R over f(Q) lies beyond x."""
        half = LENGTH / PANELS / 2
        r = (x + 2 * half * np.arange(PANELS)[:, None] + half * (1 + NODES)).ravel()
        q = (self.total / self._w2 - 1) * ((r / x) ** 2 - 1) + self._df
        mean, variance = self._of_q(math.sqrt(self.spread) * r)
        known = variance > 0  # far out the two moments may not go together; Q is at its mean there
        shape = mean**2 / np.where(known, variance, 1.0)
        chance = np.where(known, special.gammainc(shape, shape * q / mean), q >= mean)
        density = np.exp(-(r**2) / 2) / math.sqrt(2 * math.pi)
        return float((chance * density) @ np.tile(WEIGHTS * half, PANELS))

    def quantile(self, tail: float) -> float:
        """Return the value beyond which the upper tail lies."""
        from scipy.optimize import brentq  # slow to import, and only needed here

        high = 2.0
        while self._beyond(high) > tail:
            high *= 2
        return float(brentq(lambda x: self._beyond(x) - tail, 1e-8, high, xtol=1e-12))
