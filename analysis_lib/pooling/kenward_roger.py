"""Kenward and Roger's variance of a pooled mean, and the degrees of freedom that go with it."""

from __future__ import annotations

from typing import TypeVar

from analysis_lib.base.checks import FloatArray

Number = TypeVar("Number", float, FloatArray)


def kenward_roger(
    first: Number, others: Number, squares: Number, cubes: Number
) -> tuple[Number, Number]:
    r"""Return variance and degrees of freedom of the mean, from sums of weights at REML's tau2.

    Parameters
    ----------
    first : float or ndarray
        Weight of the most precise study. Kept apart, so that no digits cancel where it outweighs
        all others.
    others, squares, cubes : float or ndarray
        Sums of the weights of the other studies, of their squares and of their cubes.

    Returns
    -------
    tuple
        Variance and degrees of freedom.

    Notes
    -----
    With :math:`W_p=\sum w^p` and the expected information of tau2
    :math:`I=W_2/2-W_3/W_1+W_2^2/(2W_1^2)`, the variance is
    :math:`v=1/W_1+2(W_3-W_2^2/W_1)/(W_1^2I)` and the degrees of freedom are :math:`2I/(vW_2)^2`.

    References
    ----------
    Partlett C, Riley RD (2017). Random effects meta-analysis: coverage performance of 95%
    confidence and prediction intervals following REML estimation. Statistics in Medicine
    36:301-317.
    """
    total, all_squares = others + first, squares + first * first
    bend = first**3 * others / total + cubes - (2 * first * first * squares + squares**2) / total
    information = (
        (first * others / total) ** 2
        + squares
        - 2 * cubes / total
        + (2 * first * first * squares + squares**2) / total**2
    ) / 2
    variance = 1 / total + 2 * bend / (total**2 * information)
    return variance, 2 * information / (variance * all_squares) ** 2
