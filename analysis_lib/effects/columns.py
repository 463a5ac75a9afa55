"""Columns of results in, effects out: what every function of this room shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import (
    FloatArray,
    as_floats,
    check_lengths,
    check_level,
    check_values,
    study_labels,
)
from analysis_lib.base.quantiles import two_sided_quantile

#: A column of results, or a single number when every input was a single number.
Column: TypeAlias = FloatArray | np.float64
Labels: TypeAlias = Sequence[object] | None


@dataclass(frozen=True, slots=True, eq=False)
class EffectSizes:
    """Effects of several trials with their sampling variances.

    Attributes
    ----------
    effect : ndarray, shape (k,)
        One effect a trial, in the unit that `measure` names.
    variance : ndarray, shape (k,)
        Sampling variances, in that unit squared.
    measure : str
        ``"MD"`` mean difference, ``"SMD"`` standardized mean difference, ``"MC"`` mean change,
        ``"SMCR"`` or ``"SMCC"`` standardized mean change.
    method : str
        How the variance was computed.
    labels : tuple of str
        One label a trial.
    """

    effect: FloatArray
    variance: FloatArray
    measure: str
    method: str
    labels: tuple[str, ...]

    @property
    def se(self) -> FloatArray:
        """Standard errors, the square roots of the variances."""
        return np.sqrt(self.variance)

    def ci(self, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """Return the lower and the upper limits of the trials' own normal intervals."""
        check_level(level)
        margin = two_sided_quantile(level) * self.se
        return self.effect - margin, self.effect + margin


_Rule: TypeAlias = tuple[Callable[[FloatArray], npt.NDArray[np.bool_]], str]
_FINITE: _Rule = (np.isfinite, "finite")
_POSITIVE: _Rule = (lambda x: np.isfinite(x) & (x > 0), "finite and greater than zero")
_NOT_ZERO: _Rule = (lambda x: np.isfinite(x) & (x != 0), "finite and not zero")

#: What each kind of column has to be; the kind is the name up to an underscore or a digit.
_RULES: dict[str, _Rule] = {
    "n": (lambda x: np.isfinite(x) & (x >= 2), "finite and at least 2"),
    "mean": _FINITE,
    "low": _FINITE,
    "high": _FINITE,
    "median": _FINITE,
    "q": _FINITE,
    "minimum": _FINITE,
    "maximum": _FINITE,
    "sd": _POSITIVE,
    "se": _POSITIVE,
    "difference": _NOT_ZERO,
    "t": _NOT_ZERO,
    "factor": _NOT_ZERO,
    "p": (lambda x: (x > 0) & (x < 1), "strictly between 0 and 1"),
    "correlation": (lambda x: np.abs(x) < 1, "strictly between -1 and 1"),
    "shares": (lambda x: (x >= 1) & (x == np.floor(x)) & np.isfinite(x), "a whole number from 1"),
}


def checked(labels: Labels, **given: npt.ArrayLike) -> tuple[list[FloatArray], tuple[str, ...]]:
    """Return the columns, all of one length and each obeying the rule of its kind.

    A single number stands for every row.
    """
    columns = {name: as_floats(name, values) for name, values in given.items()}
    listed = {name: column for name, column in columns.items() if np.ndim(given[name]) > 0}
    k = check_lengths(**listed) if listed else 1
    names = study_labels(labels, k)
    full = {name: col if name in listed else np.full(k, col[0]) for name, col in columns.items()}
    for name, column in full.items():
        valid, rule = _RULES[name.split("_")[0].rstrip("0123456789")]
        check_values(name, column, names, valid(column), rule)
    return list(full.values()), names


def as_given(result: FloatArray, *given: npt.ArrayLike) -> Column:
    """Return a single number when every input was one."""
    return result if any(np.ndim(values) > 0 for values in given) else np.float64(result[0])


def effect_sizes(
    effect: FloatArray, variance: FloatArray, measure: str, method: str, names: tuple[str, ...]
) -> EffectSizes:
    """Return the result, with arrays that cannot be written to."""
    effect.flags.writeable = variance.flags.writeable = False
    return EffectSizes(effect, variance, measure, method, names)
