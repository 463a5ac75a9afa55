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
    as_number,
    check_choice,
    check_not_negative,
    check_positive,
    check_values,
    columns_of,
)
from analysis_lib.base.errors import ReviewError
from analysis_lib.effects.columns import EffectSizes, Labels, effect_sizes

CorrectionRule: TypeAlias = Literal["only0", "if0all", "all", "none"]
DoubleZeros: TypeAlias = Literal["keep", "drop"]
AddToN: TypeAlias = Literal["twice", "once"]
Mask: TypeAlias = npt.NDArray[np.bool_]
Cells: TypeAlias = tuple[FloatArray, FloatArray, FloatArray, FloatArray]

CORRECTION = 0.5
WITHOUT_CORRECTION = "from empty cells without a correction"


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
    add_to_n: AddToN = "twice",
    labels: Labels = None,
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
    add_to_n : {"twice", "once"}, default "twice"
        By how many times the correction an arm grows that is corrected: twice, once for each of
        its two cells (RevMan and R's metafor), or once (R's meta unless told otherwise).
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
    check_choice("add_to_n", add_to_n, get_args(AddToN))
    cells, add, names, method = _tables(
        events1, n1, events2, n2, correction, correct, double_zeros, labels
    )
    effect, variance = log_risk_ratios(cells, add, add_to_n)
    check_computable("RR", effect, variance, names, why=WITHOUT_CORRECTION)
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
    labels: Labels = None,
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
    cells, add, names, method = _tables(
        events1, n1, events2, n2, correction, correct, double_zeros, labels
    )
    effect, variance = log_odds_ratios(cells, add)
    check_computable("OR", effect, variance, names, why=WITHOUT_CORRECTION)
    return effect_sizes(effect, variance, "OR", method, names)


def risk_difference(
    events1: npt.ArrayLike,
    n1: npt.ArrayLike,
    events2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    correction: float = CORRECTION,
    correct: CorrectionRule = "only0",
    double_zeros: DoubleZeros = "keep",
    shrink: bool = False,
    labels: Labels = None,
) -> EffectSizes:
    r"""Difference of two risks, first arm minus second.

    Parameters
    ----------
    events1, n1, events2, n2, correction, correct, double_zeros, labels
        As for `risk_ratio`. The correction of a table with an empty cell enters the variance,
        which would be zero where both arms are empty or full, and not the difference: 0 of 20
        against 6 of 20 is -0.3.
    shrink : bool, default False
        Let the correction enter the difference too, as R's metafor does.

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
    cells, add, names, method = _tables(
        events1, n1, events2, n2, correction, correct, double_zeros, labels
    )
    effect, variance = risk_differences(cells, add, shrink=shrink)
    check_computable("RD", effect, variance, names, why=WITHOUT_CORRECTION)
    return effect_sizes(effect, variance, "RD", method, names)


def peto_odds_ratio(
    events1: npt.ArrayLike,
    n1: npt.ArrayLike,
    events2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    labels: Labels = None,
) -> EffectSizes:
    r"""Peto's estimate of the logarithm of the odds ratio, first arm over second.

    Parameters
    ----------
    events1, n1, events2, n2, labels
        As for `risk_ratio`. An empty cell needs no correction.

    Returns
    -------
    EffectSizes
        :math:`(O-E)/V` with variance :math:`1/V`; see `peto_scores`.

    Raises
    ------
    ReviewError
        For counts that are none, and a trial in which nobody, or everybody, had the event.

    Examples
    --------
    >>> trial = peto_odds_ratio(0, 120, 2, 118)
    >>> print(f"{np.exp(trial.effect[0]):.2f}")
    0.13
    """
    cells, names = checked_cells(events1, n1, events2, n2, labels)
    difference, v = peto_scores(cells)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect, variance = difference / v, 1 / v
    check_computable("OR", effect, variance, names, why=WITHOUT_CORRECTION)
    return effect_sizes(effect, variance, "OR", "Peto", names)


def log_risk_ratios(
    cells: Cells, add: FloatArray, add_to_n: AddToN = "twice"
) -> tuple[FloatArray, FloatArray]:
    """Return log risk ratios and variances; not finite where an empty cell forbids them."""
    a, b, c, d = cells
    to_n = add * (2 if add_to_n == "twice" else 1)
    n1, n2 = a + b + to_n, c + d + to_n
    everybody = (b == 0) & (d == 0) & (add_to_n == "once")
    to_events = np.where(everybody, 0.0, add)  # as R's meta: else their variance would be zero
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = np.log((a + add) / n1) - np.log((c + add) / n2)
        left1, left2 = n1 - a - to_events, n2 - c - to_events
        variance = left1 / ((a + to_events) * n1) + left2 / ((c + to_events) * n2)
    return effect, variance


def log_odds_ratios(cells: Cells, add: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return log odds ratios and variances; not finite where an empty cell forbids them."""
    a, b, c, d = (cell + add for cell in cells)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(a / b) - np.log(c / d), 1 / a + 1 / b + 1 / c + 1 / d


def risk_differences(
    cells: Cells, add: FloatArray, *, shrink: bool = False
) -> tuple[FloatArray, FloatArray]:
    """Return risk differences and variances; the correction enters the latter, or both."""
    a, b, c, d = (cell + add for cell in cells)
    variance = a * b / (a + b) ** 3 + c * d / (c + d) ** 3
    if not shrink:
        a, b, c, d = cells
    return a / (a + b) - c / (c + d), variance


def peto_scores(cells: Cells) -> tuple[FloatArray, FloatArray]:
    r"""Each trial's O - E and V of Peto's odds ratio.

    Notes
    -----
    The logarithm of the odds ratio of a trial is (O - E)/V with variance 1/V, where
    :math:`E = n_1(a+c)/N` and :math:`V = n_1n_2(a+c)(b+d)/(N^2(N-1))`; all trials together have
    :math:`\sum(O-E)/\sum V` with variance :math:`1/\sum V`.

    References
    ----------
    Yusuf S, Peto R, Lewis J, Collins R, Sleight P (1985). Beta blockade during and after myocardial
    infarction. Progress in Cardiovascular Diseases 27:335-371.
    """
    a, b, c, d = cells
    n1, n2 = a + b, c + d
    n, events = n1 + n2, a + c
    v = n1 * n2 * events * (b + d) / (n**2 * (n - 1))
    return np.asarray(a - n1 * events / n), np.asarray(v)


def checked_cells(
    events1: npt.ArrayLike,
    n1: npt.ArrayLike,
    events2: npt.ArrayLike,
    n2: npt.ArrayLike,
    labels: Labels,
) -> tuple[Cells, tuple[str, ...]]:
    """Return those with and without the event, of the first and the second arm."""
    (a, n1, c, n2), names = columns_of(labels, events1=events1, n1=n1, events2=events2, n2=n2)
    for arm, n, x in (("1", n1, a), ("2", n2, c)):
        check_positive(f"n{arm}", n, names)
        check_not_negative(f"events{arm}", x, names)
        check_values(f"events{arm}", x, names, x <= n, f"at most n{arm}")
    return (a, n1 - a, c, n2 - c), names


def _tables(
    events1: npt.ArrayLike,
    n1: npt.ArrayLike,
    events2: npt.ArrayLike,
    n2: npt.ArrayLike,
    correction: float,
    correct: CorrectionRule,
    double_zeros: DoubleZeros,
    labels: Labels,
) -> tuple[Cells, FloatArray, tuple[str, ...], str]:
    """Return the cells of the trials that stay, what is added, names, and the method in words."""
    check_correction(correction, correct)
    check_choice("double_zeros", double_zeros, get_args(DoubleZeros))
    cells, names = checked_cells(events1, n1, events2, n2, labels)
    if double_zeros == "drop":
        cells, names = _without_double_zeros(cells, names)
    add = added(cells, correction, correct)
    method = "no correction" if correct == "none" else f"{correction:g} added, {correct}"
    return cells, add, names, f"{method}; double zeros: {double_zeros}"


def check_correction(correction: float, correct: str) -> None:
    """Raise unless there is such a correction, and such a rule for it."""
    check_choice("correct", correct, get_args(CorrectionRule))
    if not (np.isfinite(as_number("correction", correction)) and correction > 0):
        raise ReviewError(f"correction must be finite and greater than zero, not {correction}")


def added(
    cells: Sequence[FloatArray], correction: float, correct: CorrectionRule = "only0"
) -> FloatArray:
    """Return what is added to the cells of each trial, or to the events of its rates."""
    empty: Mask = np.any([cell == 0 for cell in cells], axis=0)
    everywhere = correct == "all" or (correct == "if0all" and bool(empty.any()))
    return np.where(empty if correct == "only0" else everywhere, correction, np.zeros(len(empty)))


def tells_nothing(cells: Cells, measure: str) -> Mask:
    """Say of each trial whether it tells nothing of the ratio: a difference it always tells.

    Of an odds ratio nothing is told where nobody or everybody had the event, of a risk ratio where
    nobody had.
    """
    a, b, c, d = cells
    nothing: Mask = (a == 0) & (c == 0) & (measure != "RD")
    everybody: Mask = (b == 0) & (d == 0) & (measure == "OR")
    return nothing | everybody


def parted(
    cells: Cells, names: tuple[str, ...], dropped: Mask
) -> tuple[Cells, tuple[str, ...], tuple[str, ...]]:
    """Return the cells and the names of the trials that stay, and the names of the others."""
    if dropped.all():
        raise ReviewError(f"no trial is left without double zeros ({', '.join(names)})")
    kept = tuple(name for name, out in zip(names, dropped, strict=True) if not out)
    left_out = tuple(name for name, out in zip(names, dropped, strict=True) if out)
    a, b, c, d = (cell[~dropped] for cell in cells)
    return (a, b, c, d), kept, left_out


def _without_double_zeros(cells: Cells, names: tuple[str, ...]) -> tuple[Cells, tuple[str, ...]]:
    cells, kept, left_out = parted(cells, names, tells_nothing(cells, "OR"))
    if left_out:
        warnings.warn(
            "left out, because the event happened to nobody or to everybody: "
            f"{', '.join(left_out)}",
            DroppedTrials,
            stacklevel=4,
        )
    return cells, kept


def computable(effect: FloatArray, variance: FloatArray) -> Mask:
    """Say of each trial whether it has an effect of its own that can be weighted."""
    return np.isfinite(effect) & np.isfinite(variance) & (variance > 0)


def check_computable(
    measure: str,
    effect: FloatArray,
    variance: FloatArray,
    names: tuple[str, ...],
    *,
    why: str = "from empty cells",
) -> None:
    """Raise unless all trials have an effect of their own, and name those that have not."""
    good = computable(effect, variance)
    if not good.all():
        told = ", ".join(name for name, fine in zip(names, good, strict=True) if not fine)
        raise ReviewError(f"{measure} or its variance cannot be computed {why}: {told}")
