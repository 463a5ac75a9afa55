"""Permutation p values of a meta-regression.

With few studies a regression finds what is not there; its p value then says how often studies
with these effects and moderators, put together at random, look as they do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import FloatArray, check_choice
from analysis_lib.base.errors import ReviewError
from analysis_lib.pooling.regression import MetaRegression, RegressionModel, fitted, wald_test

MOST_ORDERS = 5040  # of seven studies; all of them are looked at
#: Statistics that differ by less are equal but for rounding, as in R's metafor.
SAME = math.sqrt(np.finfo(float).eps)

Order = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class PermutedModerators:
    """The result of `permuted_moderators`.

    Attributes
    ----------
    p_values : mapping of str to float
        Of each moderator as a whole.
    orders : int
        How many orders of the studies were looked at.
    exact : bool
        Whether these are all orders; if not, they were drawn with ``seed``.
    seed : int or None
        None for an exact test.
    """

    p_values: Mapping[str, float]
    orders: int
    exact: bool
    seed: int | None


def permuted_moderators(
    fit: MetaRegression,
    terms: Mapping[str, Sequence[str]] | None = None,
    *,
    draws: int = 999,
    seed: int = 0,
) -> PermutedModerators:
    """Test moderators by giving the studies each other's.

    Parameters
    ----------
    fit : MetaRegression
        With an intercept.
    terms : mapping of str to sequence of str, optional
        The names of the coefficients of each moderator; a factor has several. By default each
        coefficient but the intercept by itself.
    draws : int
        How many orders of the studies are drawn at random, if there are more than 5040.
    seed : int
        Of the random draw.

    Returns
    -------
    PermutedModerators

    Raises
    ------
    ReviewError
        For a coefficient that the regression does not have, or no draws.

    Notes
    -----
    If moderators have nothing to do with effects, every order of the rows of moderators beside the
    studies' effects and variances is equally likely. The p value is the share of the orders whose
    statistic (that of `MetaRegression.test_of`) is at least the observed one; with n orders drawn,
    ``(count + 1) / (n + 1)``. An order in which the coefficients cannot be told apart does not
    arise: the columns are the same.

    References
    ----------
    Higgins JPT, Thompson SG (2004). Controlling the risk of spurious findings from meta-regression.
    Statistics in Medicine 23:1663-1682.

    Examples
    --------
    >>> from analysis_lib import meta_regression
    >>> weeks = {"weeks": [4, 8, 12, 16, 20]}
    >>> fit = meta_regression([0.1, 0.3, 0.3, 0.6, 0.7], [0.02, 0.03, 0.02, 0.04, 0.03], weeks)
    >>> round(permuted_moderators(fit).p_values["weeks"], 3)
    0.033
    """
    if draws < 1:
        raise ReviewError(f"draws must be at least 1, got {draws}")
    chosen = dict(terms) if terms else {name: [name] for name in fit.names[1:]}
    for names in chosen.values():
        for name in names:
            check_choice("terms", name, fit.names)
    rows = {term: [fit.names.index(name) for name in names] for term, names in chosen.items()}
    exact = math.factorial(fit.k) <= MOST_ORDERS
    observed = _statistics(fit, np.arange(fit.k), rows)
    counts, orders = np.zeros(len(rows), dtype=int), 0
    for order in _orders(fit.k, exact=exact, draws=draws, seed=seed):
        counts += _statistics(fit, order, rows) >= observed - SAME
        orders += 1
    extra = 0 if exact else 1  # the order that was observed is one of those drawn
    values = (counts + extra) / (orders + extra)
    p_values = {term: float(p) for term, p in zip(rows, values, strict=True)}
    return PermutedModerators(p_values, orders, exact, None if exact else seed)


def _orders(k: int, *, exact: bool, draws: int, seed: int) -> Iterator[Order]:
    if exact:
        yield from (np.array(order) for order in permutations(range(k)))
        return
    generator = np.random.default_rng(seed)
    for _ in range(draws):
        yield generator.permutation(k)


def _statistics(fit: MetaRegression, order: Order, rows: Mapping[str, list[int]]) -> FloatArray:
    """Return the root of the statistic of each term, with moderators in another order."""
    model = RegressionModel(fit.effect, fit.variance, fit.design[order])
    _, beta, covariance = fitted(model, fit.methods)
    tests = [wald_test(beta[i], covariance[np.ix_(i, i)], fit.df, tested=0) for i in rows.values()]
    return np.sqrt([statistic for statistic, _, _ in tests])
