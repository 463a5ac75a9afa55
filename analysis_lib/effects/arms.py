"""Arms of a trial in the shape that a comparison needs: combined, split, on another scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import as_items, as_number, check_values
from analysis_lib.base.errors import ReviewError, shown
from analysis_lib.effects.columns import Column, Labels, as_given, checked


@dataclass(frozen=True, slots=True, eq=False)
class MeanSD:
    """A mean and a standard deviation (of one trial arm, or a column of each)."""

    mean: Column
    sd: Column


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """Size, mean and standard deviation of a trial arm (or a column of each)."""

    n: Column
    mean: Column
    sd: Column


def combine_arms(
    n1: npt.ArrayLike,
    mean1: npt.ArrayLike,
    sd1: npt.ArrayLike,
    n2: npt.ArrayLike,
    mean2: npt.ArrayLike,
    sd2: npt.ArrayLike,
    *,
    labels: Labels = None,
) -> Arm:
    r"""Two arms of a trial as if they had been one.

    Parameters
    ----------
    n1, mean1, sd1, n2, mean2, sd2 : array_like, shape (k,)
        Sizes, means and SDs of the two arms. For a third arm, combine its numbers with the
        result; the order does not matter.
    labels : sequence, optional
        Trial labels.

    Returns
    -------
    Arm
        Exactly the size, the mean and the SD of all their participants together.

    Raises
    ------
    ReviewError
        As `mean_difference`.

    Notes
    -----
    .. math:: n = n_1+n_2, \quad m = \frac{n_1 m_1+n_2 m_2}{n}, \quad
        (n-1)s^2 = (n_1-1)s_1^2+(n_2-1)s_2^2+\frac{n_1 n_2}{n}(m_1-m_2)^2 .

    References
    ----------
    Cochrane Handbook, section 6.5.2.10.

    Examples
    --------
    >>> arm = combine_arms(25, 60, 10, 35, 52, 12)
    >>> print(f"n {arm.n:.0f}, mean {arm.mean:.2f}, SD {arm.sd:.2f}")
    n 60, mean 55.33, SD 11.81
    """
    given = (n1, mean1, sd1, n2, mean2, sd2)
    (n1, mean1, sd1, n2, mean2, sd2), _ = checked(
        labels, n1=n1, mean1=mean1, sd1=sd1, n2=n2, mean2=mean2, sd2=sd2
    )
    n = n1 + n2
    # From the first mean towards the second, so that equal means stay exactly equal.
    mean = mean1 + (mean2 - mean1) * (n2 / n)
    within = (n1 - 1) * sd1**2 + (n2 - 1) * sd2**2
    between = n1 * n2 / n * (mean1 - mean2) ** 2
    sd = np.sqrt((within + between) / (n - 1))
    return Arm(n=as_given(n, *given), mean=as_given(mean, *given), sd=as_given(sd, *given))


def split_comparator(
    n: npt.ArrayLike,
    mean: npt.ArrayLike,
    sd: npt.ArrayLike,
    shares: npt.ArrayLike,
    *,
    labels: Labels = None,
) -> Arm:
    """Give each of several comparisons its share of one comparator arm.

    A comparator that meets two intervention arms of its trial would otherwise be counted twice.
    Its size is divided evenly; mean and SD stay as they are. The share need not be a whole
    number: 25 people in two comparisons count as 12.5 in each, and are not rounded.

    Parameters
    ----------
    n, mean, sd : array_like, shape (k,)
        The comparator arm as printed.
    shares : array_like, shape (k,)
        Number of comparisons that share it; a whole number, 1 or more.
    labels : sequence, optional
        Trial labels.

    Returns
    -------
    Arm
        One share.

    Raises
    ------
    ReviewError
        As `mean_difference`; also when a share would be smaller than 2.

    Notes
    -----
    The shares have the same mean, so that the comparisons remain correlated: splitting removes
    the double counting only in part. Combining the intervention arms (`combine_arms`) removes
    it wholly.

    References
    ----------
    Cochrane Handbook, section 23.3.4 (16.5.4 in version 5.1).

    Examples
    --------
    >>> arm = split_comparator(25, 4.8, 2.1, 2)
    >>> print(arm.n, arm.mean, arm.sd)
    12.5 4.8 2.1
    """
    (sizes, means, sds, parts), names = checked(labels, n=n, mean=mean, sd=sd, shares=shares)
    share = sizes / parts
    check_values("n of one share", share, names, share >= 2, "at least 2")
    given = (n, mean, sd, shares)
    return Arm(n=as_given(share, *given), mean=as_given(means, *given), sd=as_given(sds, *given))


def rescale(
    mean: npt.ArrayLike,
    sd: npt.ArrayLike,
    *,
    source: tuple[float, float],
    target: tuple[float, float],
    reverse: bool = False,
    labels: Labels = None,
) -> MeanSD:
    r"""Mean and SD of scores on one scale as if measured on another.

    Parameters
    ----------
    mean, sd : array_like, shape (k,)
        Mean and SD of the scores (not of changes; see `change_unit`).
    source, target : (float, float)
        Lowest and highest possible score of the scale used and of the scale wanted.
    reverse : bool, default False
        True when a high score is good on one scale and bad on the other.
    labels : sequence, optional
        Arm labels.

    Returns
    -------
    MeanSD
        On the target scale.

    Raises
    ------
    ReviewError
        For a scale whose lowest score is not below its highest, a mean outside the source scale,
        or an SD that is not positive.

    Notes
    -----
    A straight line takes source (a, b) to target (A, B); with :math:`f = (B-A)/(b-a)`,

    .. math:: m' = A + f(m-a) \quad\text{or, reversed,}\quad m' = B - f(m-a),
        \qquad s' = f s .

    That both scales measure the same thing is the reader's judgement, not a computation.

    Examples
    --------
    >>> pain = rescale(42.0, 21.0, source=(0, 100), target=(0, 10))
    >>> print(f"{pain.mean:.1f} ({pain.sd:.1f})")
    4.2 (2.1)
    """
    (means, sds), names = checked(labels, mean=mean, sd=sd)
    low, high = _scale("source", source)
    new_low, new_high = _scale("target", target)
    inside = (means >= low) & (means <= high)
    check_values("mean", means, names, inside, f"inside the scale from {low:g} to {high:g}")
    factor = (new_high - new_low) / (high - low)
    moved = factor * (means - low)
    new_mean = new_high - moved if reverse else new_low + moved
    return MeanSD(mean=as_given(new_mean, mean, sd), sd=as_given(factor * sds, mean, sd))


def change_unit(
    mean: npt.ArrayLike, sd: npt.ArrayLike, factor: npt.ArrayLike, *, labels: Labels = None
) -> MeanSD:
    """Mean and SD in another unit: both multiplied by a factor.

    Parameters
    ----------
    mean, sd : array_like, shape (k,)
        Mean and SD, of scores or of changes.
    factor : array_like, shape (k,) or a single number
        How many new units make one old unit: 1/60 from seconds to minutes. A negative factor
        also turns the direction, as a change on a reversed scale needs.
    labels : sequence, optional
        Arm labels.

    Returns
    -------
    MeanSD
        ``factor * mean`` and ``abs(factor) * sd``.

    Raises
    ------
    ReviewError
        For a factor of zero, an SD that is not positive, or a value that is not finite.

    Examples
    --------
    >>> hold = change_unit(90.0, 30.0, 1 / 60)
    >>> print(f"{hold.mean:.1f} ({hold.sd:.1f}) minutes")
    1.5 (0.5) minutes
    """
    (means, sds, factors), _ = checked(labels, mean=mean, sd=sd, factor=factor)
    given = (mean, sd, factor)
    return MeanSD(
        mean=as_given(factors * means, *given), sd=as_given(np.abs(factors) * sds, *given)
    )


def _scale(name: str, limits: tuple[float, float]) -> tuple[float, float]:
    ends = as_items(name, limits)
    if len(ends) != 2:
        raise ReviewError(f"{name}: lowest and highest possible score, not {shown(limits)}")
    low, high = (as_number(name, end) for end in ends)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ReviewError(f"{name}: lowest and highest possible score, not {limits}")
    return low, high
