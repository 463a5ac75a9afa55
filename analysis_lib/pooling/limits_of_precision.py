"""Limit meta-analysis: the mean that studies without sampling error would have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import FloatArray, check_choice, check_level
from analysis_lib.effects.columns import Labels
from analysis_lib.pooling.asymmetry import FunnelResult, check_unequal, enough_effects
from analysis_lib.pooling.pooled_effect import (
    Interval,
    confidence_interval,
    lower_tail,
    pool,
)

ADJUSTMENTS = ("beta0", "betalim", "mulim")


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitMetaAnalysis(FunnelResult):
    """Result of `limit_meta_analysis`.

    Attributes
    ----------
    estimate, se : float
        The adjusted mean and its standard error.
    ci : (float, float)
        Confidence interval, normal.
    p_value : float
        Test of an adjusted mean of zero, two-sided.
    slope, intercept : float
        The line of the generalised radial plot: the effect at no standard error, and the lean.
    q, q_small, q_residual : float
        Cochran's Q, what of it the lean explains, and what is left.
    g2 : float
        Share of the variance that is left once the lean is taken off, from 0 to 1.
    limits : ndarray of shape (k,)
        Effects of the studies, as they would be without sampling error.
    adjustment : str
        ``"beta0"``, ``"betalim"`` or ``"mulim"``.
    level : float
        Level of the interval.
    """

    estimate: float
    se: float
    ci: Interval
    p_value: float
    slope: float
    intercept: float
    q: float
    q_small: float
    q_residual: float
    g2: float
    limits: FloatArray
    adjustment: str
    level: float

    def title(self) -> str:
        """Say what was computed."""
        return f"Limit meta-analysis ({self.adjustment})"

    def numbers(self) -> dict[str, float]:
        """Return the results by name, unrounded."""
        return {
            "estimate": self.estimate,
            "se": self.se,
            "ci_low": self.ci[0],
            "ci_high": self.ci[1],
            "p_value": self.p_value,
            "q_small": self.q_small,
            "g2": self.g2,
        }


def limit_meta_analysis(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    adjustment: Literal["beta0", "betalim", "mulim"] = "beta0",
    labels: Labels = None,
    level: float = 0.95,
) -> LimitMetaAnalysis:
    r"""Adjust a pooled effect for small-study effects, by letting every study grow without end.

    Parameters
    ----------
    effect, variance : array_like, shape (k,)
        Effects and their sampling variances; k at least 3.
    adjustment : {"beta0", "betalim", "mulim"}, default "beta0"
        The line at a standard error of tau; the line through the limits; or their common-effect
        mean.
    labels : sequence, optional
        Study labels.
    level : float, default 0.95
        Level of the interval.

    Returns
    -------
    LimitMetaAnalysis
        With ``caution`` where there are fewer than ten studies.

    Raises
    ------
    ReviewError
        For k below 3, equal standard errors, an unknown adjustment, and invalid effects.

    Notes
    -----
    With tau2 by REML, in the generalised radial plot, :math:`y_i/\sqrt{v_i+\tau^2}` is regressed on
    :math:`1/\sqrt{v_i+\tau^2}`: intercept :math:`\alpha`, slope :math:`\beta`. The limit of study i
    is :math:`\beta+\sqrt{\tau^2/(v_i+\tau^2)}\,(y_i-\beta)`, and
    :math:`\beta_0=\beta+\tau\alpha`. Standard errors are those of the regression with a residual
    variance of 1, as in ``limitmeta`` of R's metasens.

    References
    ----------
    Rücker G, Schwarzer G, Carpenter JR, Binder H, Schumacher M (2011). Treatment-effect estimates
    adjusted for small-study effects via a limit meta-analysis. Biostatistics 12:122-142.

    Examples
    --------
    >>> effect = [-0.581, 0.530, 0.771, 1.031, 0.553, 0.295, 0.078, 0.573, -0.176, -0.232]
    >>> variance = [0.023, 0.052, 0.060, 0.115, 0.095, 0.203, 0.200, 0.211, 0.051, 0.040]
    >>> result = limit_meta_analysis(effect, variance)
    >>> print(f"{result.estimate:.2f} ({result.ci[0]:.2f} to {result.ci[1]:.2f})")
    -0.07 (-0.71 to 0.56)
    """
    check_choice("adjustment", adjustment, ADJUSTMENTS)
    check_level(level)
    y, v, names = enough_effects(effect, variance, labels)
    check_unequal(np.sqrt(v))
    fit = pool(y, v, labels=names)
    tau2 = fit.tau2 or 0.0
    generalised, plain = _Radial(y, v + tau2), _Radial(y, v)
    limits = generalised.slope + np.sqrt(tau2 / (v + tau2)) * (y - generalised.slope)
    at_limit = _Radial(limits, v)
    estimate, se = {
        "beta0": generalised.at(math.sqrt(tau2)),
        "betalim": at_limit.at(0.0),
        "mulim": (float(np.average(limits, weights=1 / v)), float((1 / v).sum() ** -0.5)),
    }[adjustment]
    return LimitMetaAnalysis(
        k=len(y),
        estimate=estimate,
        se=se,
        ci=confidence_interval(estimate, se, None, level),
        p_value=2 * lower_tail(-abs(estimate) / se, None),
        slope=generalised.slope,
        intercept=generalised.intercept,
        q=fit.q,
        q_small=fit.q - plain.unexplained,
        q_residual=plain.unexplained,
        g2=at_limit.unexplained / at_limit.total if at_limit.total > 0 else 0.0,
        limits=limits,
        adjustment=adjustment,
        level=level,
    )


class _Radial:
    """The line of a radial plot, ``y / s`` on ``1 / s``, by least squares."""

    def __init__(self, y: FloatArray, variance: FloatArray) -> None:
        x = variance**-0.5
        response = y * x
        away, rise = x - x.mean(), response - response.mean()
        self._spread, self._mean_x = float(away @ away), float(x.mean())
        self._mean_square = float((x * x).mean())
        self.slope = float(away @ rise) / self._spread
        self.intercept = float(response.mean()) - self.slope * self._mean_x
        left = rise - self.slope * away
        self.unexplained, self.total = float(left @ left), float(rise @ rise)

    def at(self, se: float) -> tuple[float, float]:
        """Return the effect that the line foretells at a standard error, and its own error."""
        covariance = 1 - 2 * se * self._mean_x + se**2 * self._mean_square
        return self.slope + se * self.intercept, math.sqrt(covariance / self._spread)
