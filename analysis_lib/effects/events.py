"""Events in two arms: risk ratio, odds ratio and risk difference, ready to be pooled.

The ratios are returned as natural logarithms, because that is the scale on which they are pooled;
``numpy.exp`` of a pooled estimate and of its limits gives the ratio. A negative effect means fewer
events in the first arm.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import (
    FloatArray,
    as_floats,
    check_choice,
    check_lengths,
    check_values,
    study_labels,
)
from analysis_lib.base.errors import ReviewError
from analysis_lib.effects.columns import EffectSizes, effect_sizes

CorrectionRule: TypeAlias = Literal["only0", "if0all", "all", "none"]
DoubleZeros: TypeAlias = Literal["keep", "drop"]
Mask: TypeAlias = npt.NDArray[np.bool_]

CORRECTION = 0.5


class DroppedTrials(UserWarning):
    """Trials left out because nobody, or everybody, had the event in both arms."""


def risk_ratio(
    events1: npt.ArrayLike,
    n1: npt.ArrayLike,
    events2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    correction: float = CORRECTION,
    correct: CorrectionRule = "only0",
    double_zeros: DoubleZeros = "keep",
    labels: Sequence[object] | None = None,
) -> EffectSizes:
    r"""Logarithm of the ratio of two risks, first arm over second.

    Parameters
    ----------
    events1, n1 : array_like, shape (k,)
        People with the event, and people in all, in the first arms.
    events2, n2 : array_like, shape (k,)
        The same in the second arms.
    correction : float, default 0.5
        What is added to each of the four cells of a table that is corrected.
    correct : {"only0", "if0all", "all", "none"}, default "only0"
        Which tables are corrected: those with an empty cell; all, if one of them has an empty
        cell; all; none. The names are those of R's metafor.
    double_zeros : {"keep", "drop"}, default "keep"
        What becomes of a trial in which nobody in either arm had the event, or everybody had.
        Kept, it is corrected like any other table with an empty cell, and says "no difference"
        with little weight. Such a trial tells nothing about a ratio, and the Cochrane Handbook
        leaves it out: ``"drop"`` does so, with a `DroppedTrials` warning that names it.
    labels : sequence, optional
        Trial labels.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"RR"``; effects are natural logarithms.

    Raises
    ------
    ReviewError
        For events that are negative or more than the people, arms without people, values that
        are not finite, columns of unequal length, and trials whose ratio or variance cannot be
        computed without a correction. The message names the trial and the value.

    Notes
    -----
    With a of n1 and c of n2 people having the event (after correction),

    .. math:: y = \ln\frac{a/n_1}{c/n_2}, \qquad
        v = \frac{1}{a}-\frac{1}{n_1}+\frac{1}{c}-\frac{1}{n_2}.

    References
    ----------
    Cochrane Handbook for Systematic Reviews of Interventions, sections 6.4.1 and 10.4.4.

    Examples
    --------
    >>> trial = risk_ratio(4, 123, 11, 139)
    >>> print(f"{np.exp(trial.effect[0]):.2f}")
    0.41
    """
    (a, b, c, d), names, method = _tables(
        events1, n1, events2, n2, correction, correct, double_zeros, labels
    )
    computable = (a > 0) & (c > 0) & (b + d > 0)
    _check_computable("RR", computable, names)
    effect = np.log(a / (a + b)) - np.log(c / (c + d))
    variance = b / (a * (a + b)) + d / (c * (c + d))  # 1/a - 1/n1, without its cancellation
    return effect_sizes(effect, variance, "RR", method, names)


def odds_ratio(
    events1: npt.ArrayLike,
    n1: npt.ArrayLike,
    events2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    correction: float = CORRECTION,
    correct: CorrectionRule = "only0",
    double_zeros: DoubleZeros = "keep",
    labels: Sequence[object] | None = None,
) -> EffectSizes:
    r"""Logarithm of the ratio of two odds, first arm over second.

    Parameters
    ----------
    events1, n1, events2, n2, correction, correct, double_zeros, labels
        As for `risk_ratio`.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"OR"``; effects are natural logarithms.

    Raises
    ------
    ReviewError
        As `risk_ratio`.

    Notes
    -----
    With the cells a, b (first arm with and without the event), c and d (second arm),

    .. math:: y = \ln\frac{a\,d}{b\,c}, \qquad
        v = \frac{1}{a}+\frac{1}{b}+\frac{1}{c}+\frac{1}{d}.

    References
    ----------
    Cochrane Handbook, sections 6.4.1 and 10.4.4.

    Examples
    --------
    >>> trial = odds_ratio(4, 123, 11, 139)
    >>> print(f"{np.exp(trial.effect[0]):.2f}")
    0.39
    """
    (a, b, c, d), names, method = _tables(
        events1, n1, events2, n2, correction, correct, double_zeros, labels
    )
    _check_computable("OR", (a > 0) & (b > 0) & (c > 0) & (d > 0), names)
    effect = np.log(a / b) - np.log(c / d)
    return effect_sizes(effect, 1 / a + 1 / b + 1 / c + 1 / d, "OR", method, names)


def risk_difference(
    events1: npt.ArrayLike,
    n1: npt.ArrayLike,
    events2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    correction: float = CORRECTION,
    correct: CorrectionRule = "only0",
    double_zeros: DoubleZeros = "keep",
    labels: Sequence[object] | None = None,
) -> EffectSizes:
    r"""Difference of two risks, first arm minus second.

    Parameters
    ----------
    events1, n1, events2, n2, correction, correct, double_zeros, labels
        As for `risk_ratio`. A risk difference without a correction needs one only where both
        arms are empty or full, since its variance would be zero; ``correct="only0"`` corrects
        every table with an empty cell all the same, as R's metafor does.

    Returns
    -------
    EffectSizes
        ``measure`` is ``"RD"``; effects lie between -1 and 1.

    Raises
    ------
    ReviewError
        As `risk_ratio`.

    Notes
    -----
    With the risks :math:`p_1 = a/n_1` and :math:`p_2 = c/n_2`,

    .. math:: y = p_1 - p_2, \qquad v = \frac{p_1(1-p_1)}{n_1}+\frac{p_2(1-p_2)}{n_2}.

    References
    ----------
    Cochrane Handbook, sections 6.4.1 and 10.4.4.

    Examples
    --------
    >>> trial = risk_difference(4, 123, 11, 139)
    >>> print(f"{trial.effect[0]:.3f}")
    -0.047
    """
    (a, b, c, d), names, method = _tables(
        events1, n1, events2, n2, correction, correct, double_zeros, labels
    )
    n1, n2 = a + b, c + d
    effect, variance = a / n1 - c / n2, a * b / n1**3 + c * d / n2**3
    _check_computable("RD", variance > 0, names)
    return effect_sizes(effect, variance, "RD", method, names)


def is_double_zero(
    events1: npt.ArrayLike, n1: npt.ArrayLike, events2: npt.ArrayLike, n2: npt.ArrayLike
) -> Mask:
    """Say of each trial whether nobody in either arm had the event, or everybody had.

    Parameters
    ----------
    events1, n1, events2, n2 : array_like, shape (k,)
        As for `risk_ratio`.

    Returns
    -------
    ndarray of bool, shape (k,)

    Raises
    ------
    ReviewError
        For counts that are not counts of events among people.

    Examples
    --------
    >>> is_double_zero([0, 3], [10, 30], [0, 0], [12, 30]).tolist()
    [True, False]
    """
    cells, _ = _cells(events1, n1, events2, n2, None)
    return _double_zero(cells)


Cells: TypeAlias = tuple[FloatArray, FloatArray, FloatArray, FloatArray]


def _cells(
    events1: npt.ArrayLike,
    n1: npt.ArrayLike,
    events2: npt.ArrayLike,
    n2: npt.ArrayLike,
    labels: Sequence[object] | None,
) -> tuple[Cells, tuple[str, ...]]:
    """Return those with and without the event, of the first and the second arm."""
    given = {"events1": events1, "n1": n1, "events2": events2, "n2": n2}
    columns = {name: as_floats(name, values) for name, values in given.items()}
    names = study_labels(labels, check_lengths(**columns))
    for people, events in (("n1", "events1"), ("n2", "events2")):
        n, x = columns[people], columns[events]
        check_values(people, n, names, np.isfinite(n) & (n > 0), "finite and greater than zero")
        check_values(events, x, names, np.isfinite(x) & (x >= 0), "finite and zero or more")
        check_values(events, x, names, x <= n, f"at most {people}")
    a, c = columns["events1"], columns["events2"]
    return (a, columns["n1"] - a, c, columns["n2"] - c), names


def _tables(
    events1: npt.ArrayLike,
    n1: npt.ArrayLike,
    events2: npt.ArrayLike,
    n2: npt.ArrayLike,
    correction: float,
    correct: CorrectionRule,
    double_zeros: DoubleZeros,
    labels: Sequence[object] | None,
) -> tuple[Cells, tuple[str, ...], str]:
    """Return the corrected cells of the trials that stay, their names, and the method in words."""
    check_choice("correct", correct, get_args(CorrectionRule))
    check_choice("double_zeros", double_zeros, get_args(DoubleZeros))
    if not (np.isfinite(correction) and correction > 0):
        raise ReviewError(f"correction must be finite and greater than zero, not {correction}")
    cells, names = _cells(events1, n1, events2, n2, labels)
    if double_zeros == "drop":
        cells, names = _without_double_zeros(cells, names)
    a, b, c, d = cells
    add = np.where(_to_correct(cells, correct), correction, 0.0)
    method = "no correction" if correct == "none" else f"{correction:g} added, {correct}"
    return (a + add, b + add, c + add, d + add), names, f"{method}; double zeros: {double_zeros}"


def _to_correct(cells: Cells, correct: CorrectionRule) -> Mask:
    """Say of each trial whether its cells are corrected."""
    empty: Mask = np.any([cell == 0 for cell in cells], axis=0)
    if correct == "only0":
        return empty
    everywhere = correct == "all" or (correct == "if0all" and bool(empty.any()))
    return np.full_like(empty, everywhere)


def _double_zero(cells: Cells) -> Mask:
    a, b, c, d = cells
    nobody: Mask = (a == 0) & (c == 0)
    everybody: Mask = (b == 0) & (d == 0)
    return nobody | everybody


def _without_double_zeros(cells: Cells, names: tuple[str, ...]) -> tuple[Cells, tuple[str, ...]]:
    drop = _double_zero(cells)
    if drop.all():
        raise ReviewError(f"no trial is left without double zeros ({', '.join(names)})")
    if drop.any():
        gone = ", ".join(name for name, out in zip(names, drop, strict=True) if out)
        warnings.warn(
            f"left out, because the event happened to nobody or to everybody: {gone}",
            DroppedTrials,
            stacklevel=4,
        )
    a, b, c, d = cells
    kept = tuple(name for name, out in zip(names, drop, strict=True) if not out)
    return (a[~drop], b[~drop], c[~drop], d[~drop]), kept


def _check_computable(measure: str, computable: Mask, names: tuple[str, ...]) -> None:
    if not computable.all():
        told = ", ".join(name for name, good in zip(names, computable, strict=True) if not good)
        raise ReviewError(
            f"{measure} or its variance cannot be computed from empty cells without a "
            f"correction: {told}"
        )
