"""One kind of effect as another: odds ratios and standardized mean differences."""

from __future__ import annotations

import math
from typing import Final

import numpy.typing as npt

from analysis_lib.base.checks import (
    check_choice,
    check_finite,
    check_positive,
    columns_of,
)
from analysis_lib.effects.columns import EffectSizes, Labels, effect_sizes

#: Standard deviations that one unit of the log odds is worth.
FACTORS: Final = {"Hasselblad-Hedges": math.sqrt(3) / math.pi, "Cox-Snell": 1 / 1.65}


def smd_from_odds_ratio(
    effect: npt.ArrayLike,
    se: npt.ArrayLike,
    *,
    method: str = "Hasselblad-Hedges",
    labels: Labels = None,
) -> EffectSizes:
    r"""Standardized mean differences from logarithms of odds ratios.

    Parameters
    ----------
    effect, se : array_like of shape (k,)
        Logarithms of odds ratios and their standard errors.
    method : {"Hasselblad-Hedges", "Cox-Snell"}
        Which distribution of the scores behind the events: logistic
        (:math:`\sqrt3/\pi` SDs a unit) or normal (1/1.65).
    labels : sequence of shape (k,), optional
        Names of the trials.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"SMD"``. The factor is taken as known.

    Raises
    ------
    ReviewError
        For a standard error that is not positive, or an unknown method.

    References
    ----------
    Hasselblad V, Hedges LV (1995). Meta-analysis of screening and diagnostic tests. Psychological
    Bulletin 117:167-178.
    Cox DR, Snell EJ (1989). Analysis of Binary Data, 2nd edition. Cochrane Handbook, section 10.6.

    Examples
    --------
    >>> print(f"{smd_from_odds_ratio(0.62, 0.25).effect[0]:.3f}")
    0.342
    """
    check_choice("method", method, tuple(FACTORS))
    return _scaled(effect, se, FACTORS[method], "SMD", method, labels)


def odds_ratio_from_smd(
    effect: npt.ArrayLike,
    se: npt.ArrayLike,
    *,
    method: str = "Hasselblad-Hedges",
    labels: Labels = None,
) -> EffectSizes:
    """Logarithms of odds ratios from standardized mean differences.

    Parameters
    ----------
    effect, se, method, labels
        As for `smd_from_odds_ratio`, whose inverse it is.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"OR"``; effects are natural logarithms.

    Raises
    ------
    ReviewError
        As `smd_from_odds_ratio`.

    References
    ----------
    Cochrane Handbook, section 10.6.

    Examples
    --------
    >>> print(f"{odds_ratio_from_smd(0.21, 0.11).effect[0]:.3f}")
    0.381
    """
    check_choice("method", method, tuple(FACTORS))
    return _scaled(effect, se, 1 / FACTORS[method], "OR", method, labels)


def _scaled(
    effect: npt.ArrayLike,
    se: npt.ArrayLike,
    factor: float,
    measure: str,
    method: str,
    labels: Labels,
) -> EffectSizes:
    (y, errors), names = columns_of(labels, effect=effect, se=se)
    check_finite("effect", y, names)
    check_positive("se", errors, names)
    return effect_sizes(factor * y, (factor * errors) ** 2, measure, method, names)
