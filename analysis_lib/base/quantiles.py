"""Quantiles of the two distributions that intervals are made with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis_lib.base.checks import FloatArray, check_level


def two_sided_quantile(level: float, df: npt.ArrayLike = np.inf) -> FloatArray:
    """Return half the width, in standard errors, of an interval that holds the level.

    Student's t on ``df`` degrees of freedom; the normal distribution where they are infinite.
    """
    check_level(level)
    degrees = np.asarray(df, dtype=float)
    tail = (1 - level) / 2
    normal = np.isinf(degrees)
    by_t = special.stdtrit(np.where(normal, 1.0, degrees), tail)
    return np.asarray(-np.where(normal, special.ndtri(tail), by_t))
