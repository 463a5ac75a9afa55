"""Printed SDs that may be standard errors."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import FloatArray
from analysis_lib.base.errors import ReviewError
from analysis_lib.effects.columns import Labels, checked

FEWEST_TO_COMPARE = 3


class LooksLikeStandardError(UserWarning):
    """A printed SD that may be a standard error; the paper should be read again."""


@dataclass(frozen=True, slots=True)
class SuspectSD:
    """One SD that fits the other trials better when it is read as a standard error.

    Attributes
    ----------
    label : str
        The arm.
    n, sd : float
        Its size and its SD as printed.
    others_median : float
        The median SD of all other arms on the scale.
    sd_if_se : float
        ``sd * sqrt(n)``: the SD, if the printed number were a standard error.
    """

    label: str
    n: float
    sd: float
    others_median: float
    sd_if_se: float


def warn_if_sd_looks_like_se(
    n: npt.ArrayLike, sd: npt.ArrayLike, *, labels: Labels = None
) -> tuple[SuspectSD, ...]:
    r"""Warn of SDs that would fit the other trials better as standard errors.

    Parameters
    ----------
    n, sd : array_like, shape (k,)
        Sizes and printed SDs of all arms (three or more) on the same scale.
    labels : sequence, optional
        Arm labels, such as "Smith 2011, experimental".

    Returns
    -------
    tuple of SuspectSD
        One finding a suspect arm; empty when there is none.

    Warns
    -----
    LooksLikeStandardError
        Once, naming all suspect arms.

    Raises
    ------
    ReviewError
        For fewer than three arms (no median of others to compare with), an SD that is not
        positive, or a size below 2.

    Notes
    -----
    The rule. Let M be the median SD of all *other* arms. A standard error is smaller than its SD
    by the factor :math:`\sqrt n`. The printed value s is suspect when, on the scale of ratios,
    :math:`s\sqrt n` lies nearer to M than s itself does:

    .. math:: |\log(s\sqrt n / M)| < |\log(s / M)|,

    which is the same as :math:`s < M / n^{1/4}`. No constant is tuned.

    Its limits. It asks a question and does not answer it: only the paper tells. An arm whose
    scores truly vary little is named as well, the more easily the smaller n is (at n = 16 an SD
    below half the median is enough). It is blind when half of the arms or more are wrong,
    because the median is then wrong too.

    References
    ----------
    Kadlec D, Sainani KL, Nimphius S (2023). With great power comes great responsibility: common
    errors in meta-analyses and meta-regressions in strength and conditioning research. Sports
    Medicine 53:313-325. They found the mistake in 9 of 20 much cited meta-analyses, mostly by
    standardized differences greater than 3. The rule above is this library's own.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", LooksLikeStandardError)
    ...     found = warn_if_sd_looks_like_se([25, 30, 28, 36], [2.1, 1.9, 0.4, 2.4])
    >>> print([(one.label, round(one.sd_if_se, 1)) for one in found])
    [('study 3', 2.1)]
    """
    found = suspect_sds(n, sd, labels=labels)
    if found:
        told = ", ".join(
            f"{one.label}: SD {one.sd:g}, the others' median {one.others_median:g}, "
            f"as an SE it means SD {one.sd_if_se:.3g}"
            for one in found
        )
        warnings.warn(
            f"SDs that may be standard errors ({told})", LooksLikeStandardError, stacklevel=2
        )
    return found


def suspect_sds(
    n: npt.ArrayLike, sd: npt.ArrayLike, *, labels: Labels = None
) -> tuple[SuspectSD, ...]:
    """Return what `warn_if_sd_looks_like_se` finds, without the warning.

    Examples
    --------
    >>> [one.label for one in suspect_sds([25, 30, 28, 36], [2.1, 1.9, 0.4, 2.4], labels="ABCD")]
    ['C']
    """
    (sizes, spreads), names = checked(labels, n=n, sd=sd)
    if len(names) < FEWEST_TO_COMPARE:
        raise ReviewError(f"sd: {FEWEST_TO_COMPARE} arms or more to compare, got {len(names)}")
    others = _medians_of_others(spreads)
    return tuple(
        _suspect(names[i], float(sizes[i]), float(spreads[i]), float(others[i]))
        for i in np.flatnonzero(spreads < others / sizes**0.25)
    )


def _medians_of_others(values: FloatArray) -> FloatArray:
    """Return for each value the median of all the others, by one sorting."""
    k = len(values)
    order = np.argsort(values)
    rank = np.empty(k, dtype=int)
    rank[order] = np.arange(k)
    # Of k - 1 others these stand in the middle; they are one if that number is odd.
    middle = ((k - 2) // 2, (k - 1) // 2)
    low, high = (values[order[np.where(rank <= place, place + 1, place)]] for place in middle)
    return np.asarray((low + high) / 2)


def _suspect(label: str, n: float, sd: float, others_median: float) -> SuspectSD:
    return SuspectSD(label, n, sd, others_median, sd_if_se=sd * n**0.5)
