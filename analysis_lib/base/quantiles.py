"""Quantiles of the two distributions that intervals are made with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis_lib.base.checks import FloatArray


def two_sided_quantile(level: npt.ArrayLike, df: npt.ArrayLike = np.inf) -> FloatArray:
    """Return half the width, in standard errors, of an interval that holds the level.

    Student's t on ``df`` degrees of freedom; the normal distribution where they are infinite.
    """
    return upper_quantile((1 - np.asarray(level, dtype=float)) / 2, df)


def upper_quantile(tail: npt.ArrayLike, df: npt.ArrayLike = np.inf) -> FloatArray:
    """Return the value beyond which the upper tail lies, of t, or normal where df are infinite.

    The tail itself is the argument, so that the digits of a tiny one are kept.
    """
    below, degrees = np.asarray(tail, dtype=float), np.asarray(df, dtype=float)
    normal = np.isinf(degrees)
    by_t = special.stdtrit(np.where(normal, 1.0, degrees), below)
    return np.asarray(-np.where(normal, special.ndtri(below), by_t))
