"""Trim and fill: what a funnel without its lean would say."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, Unpack

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import FloatArray, check_choice
from analysis_lib.base.errors import ReviewError
from analysis_lib.effects.columns import Labels
from analysis_lib.pooling.asymmetry import (
    FunnelResult,
    check_unequal,
    enough_effects,
    read_only,
)
from analysis_lib.pooling.methods import MethodNames, Methods
from analysis_lib.pooling.pooled_effect import PooledEffect, pool
from analysis_lib.pooling.regression import meta_regression

Side: TypeAlias = Literal["left", "right"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrimAndFill(FunnelResult):
    """Result of `trim_and_fill`.

    Attributes
    ----------
    side : {"left", "right"}
        Where studies seem to be missing.
    k0 : int
        How many.
    fit : PooledEffect
        The pooled effect with the filled-in mirror images.
    filled_effect, filled_variance : ndarray, shape (k0,)
        The mirror images.
    filled_labels : tuple of str
        "Filled: " and the label of the study that each mirrors.
    estimator, around : str
        The estimator of k0, and the model whose mean is the mirror.
    """

    side: Side
    k0: int
    fit: PooledEffect
    filled_effect: FloatArray
    filled_variance: FloatArray
    filled_labels: tuple[str, ...]
    estimator: str
    around: str

    def title(self) -> str:
        """Say how many studies were filled in, and where."""
        return f"Trim and fill ({self.estimator}): {self.k0} filled in on the {self.side}"

    def numbers(self) -> dict[str, float]:
        """Return the results by name, unrounded."""
        low, high = self.fit.ci
        return {
            "k0": self.k0,
            "estimate": self.fit.estimate,
            "ci_low": low,
            "ci_high": high,
            "p_value": self.fit.p_value,
        }


def trim_and_fill(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    labels: Labels = None,
    side: Side | None = None,
    estimator: Literal["L0", "R0", "Q0"] = "L0",
    around: Literal["random", "common"] = "random",
    **methods: Unpack[MethodNames],
) -> TrimAndFill:
    r"""Duval and Tweedie's trim and fill: add the mirror images of studies without a partner.

    Parameters
    ----------
    effect, variance : array_like, shape (k,)
        Effects and their sampling variances; k at least 3.
    labels : sequence, optional
        Study labels.
    side : {"left", "right"}, optional
        Where studies seem to be missing. By default the side opposite to the lean of the effects
        on their standard errors, found by `meta_regression` in the model of `around`.
    estimator : {"L0", "R0", "Q0"}, default "L0"
        Estimator of the number of missing studies.
    around : {"random", "common"}, default "random"
        Which mean is the centre while trimming: of the random-effects model with `tau2_method`
        (as R's metafor does with the model it is given), or of the common-effect model (the
        default of ``trimfill`` in R's meta). They can find different sides and numbers.
    **methods
        As in `pool`, for the final fit.

    Returns
    -------
    TrimAndFill
        With the side, the number k0 and the fit with the filled-in studies.

    Raises
    ------
    ReviewError
        For k below 3, equal standard errors without a `side`, unknown options, a trimming that
        alternates between numbers without end, a Q0 that has no value, and invalid effects or
        variances.

    Notes
    -----
    Seen from the side where studies are missing, let the k0 most extreme effects on the far side
    be trimmed and :math:`\hat\mu` be the mean of the rest. Rank all
    :math:`|y_i-\hat\mu|`; let :math:`T` be the sum of the ranks of effects on the far side and
    :math:`\gamma` the length of the run of far-side effects at the top of the ranking. Then

    .. math:: R_0 = \gamma - 1, \qquad L_0 = \frac{4T - k(k+1)}{2k-1}, \qquad
              Q_0 = k - \tfrac12 - \sqrt{2k^2 - 4T + \tfrac14},

    rounded and never negative, and again until the number stays. Q0 has no value where so many of
    the largest effects lie on one side that the root is of a negative number. The filled-in
    effects are :math:`2\hat\mu - y_i`, with the variances of the effects that they mirror.

    It is a sensitivity analysis: the filled-in studies are not data, and heterogeneity alone can
    call for them.

    References
    ----------
    Duval S, Tweedie R (2000). Trim and fill: a simple funnel-plot-based method of testing and
    adjusting for publication bias in meta-analysis. Biometrics 56:455-463.

    Duval S, Tweedie R (2000). A nonparametric "trim and fill" method of accounting for
    publication bias in meta-analysis. Journal of the American Statistical Association 95:89-98.

    Examples
    --------
    >>> effect = [-0.581, 0.530, 0.771, 1.031, 0.553, 0.295, 0.078, 0.573, -0.176, -0.232]
    >>> variance = [0.023, 0.052, 0.060, 0.115, 0.095, 0.203, 0.200, 0.211, 0.051, 0.040]
    >>> result = trim_and_fill(effect, variance)
    >>> print(f"{result.k0} missing on the {result.side}: {result.fit.estimate:.4f}")
    3 missing on the left: 0.0286
    """
    chosen = Methods.named(methods)
    y, v, names = enough_effects(effect, variance, labels)
    check_choice("estimator", estimator, tuple(_ESTIMATORS))
    check_choice("around", around, ("random", "common"))
    trim_method = "FE" if around == "common" else chosen.tau2_method
    found = _missing_side(y, v, trim_method) if side is None else side
    check_choice("side", found, ("left", "right"))

    # With studies missing on the left, the far side is the right: trim from the top.
    far = 1.0 if found == "left" else -1.0
    order = np.argsort(far * y, kind="stable")
    k0, center = _trim(far * y[order], v[order], _ESTIMATORS[estimator], trim_method)
    mirrored = order[len(y) - k0 :]
    filled_effect = 2 * far * center - y[mirrored]
    filled_labels = tuple(f"Filled: {names[i]}" for i in mirrored)
    fit = pool(
        np.concatenate([y, filled_effect]),
        np.concatenate([v, v[mirrored]]),
        labels=(*names, *filled_labels),
        **chosen,
    )
    return TrimAndFill(
        k=len(y),
        side=found,
        k0=k0,
        fit=fit,
        filled_effect=read_only(filled_effect),
        filled_variance=read_only(v[mirrored]),
        filled_labels=filled_labels,
        estimator=estimator,
        around=around,
    )


def _missing_side(y: FloatArray, v: FloatArray, tau2_method: str) -> Side:
    """Return the side opposite to the lean of the funnel (left when it does not lean)."""
    se = np.sqrt(v)
    check_unequal(se)
    _, lean = meta_regression(y, v, se, tau2_method=tau2_method).coefficients
    return "right" if lean < 0 else "left"


def _estimate_l0(centered: FloatArray) -> float:
    k = len(centered)
    rank_sum = float(np.sum(_ranks_of_size(centered)[centered > 0]))
    return (4 * rank_sum - k * (k + 1)) / (2 * k - 1)


def _estimate_r0(centered: FloatArray) -> float:
    near = _ranks_of_size(centered)[centered < 0]
    run = len(centered) - (int(near.max()) if len(near) else 0)
    return run - 1.0


def _estimate_q0(centered: FloatArray) -> float:
    k = len(centered)
    rank_sum = float(np.sum(_ranks_of_size(centered)[centered > 0]))
    inside = 2 * k**2 - 4 * rank_sum + 0.25
    if inside < 0:
        raise ReviewError("Q0 has no value here, because the funnel leans too far; L0 and R0 have")
    return k - 0.5 - math.sqrt(inside)


_ESTIMATORS: dict[str, Callable[[FloatArray], float]] = {
    "L0": _estimate_l0,
    "R0": _estimate_r0,
    "Q0": _estimate_q0,
}


def _ranks_of_size(centered: FloatArray) -> npt.NDArray[np.int64]:
    ranks = np.empty(len(centered), dtype=np.int64)
    ranks[np.argsort(np.abs(centered), kind="stable")] = np.arange(1, len(centered) + 1)
    return ranks


def _trim(
    y: FloatArray,
    v: FloatArray,
    estimate: Callable[[FloatArray], float],
    tau2_method: str,
) -> tuple[int, float]:
    """Return how many of the largest of the sorted effects lack a partner, and the centre."""
    k, k0, seen = len(y), 0, []
    while k0 not in seen:
        seen.append(k0)
        center = pool(y[: k - k0], v[: k - k0], tau2_method=tau2_method).estimate
        k0 = max(0, round(estimate(y - center)))
    if k0 != seen[-1]:
        turns = " and ".join(str(n) for n in seen[seen.index(k0) :])
        raise ReviewError(f"trimming alternates between {turns} studies: no answer")
    return k0, center
