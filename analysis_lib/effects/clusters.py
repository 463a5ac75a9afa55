"""Cluster-randomised trials whose analysis took no account of the clusters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import (
    as_floats,
    check_kind,
    check_lengths,
    check_values,
    study_labels,
)
from analysis_lib.effects.columns import Column, EffectSizes, Labels, as_given, effect_sizes


def design_effect(
    cluster_size: npt.ArrayLike, icc: npt.ArrayLike, *, labels: Labels = None
) -> Column:
    r"""How many times larger the variance of an effect is because people come in clusters.

    Parameters
    ----------
    cluster_size : array_like, shape (k,)
        Mean number of people in a cluster; 1 or more.
    icc : array_like, shape (k,) or a single number
        Intracluster correlation, from 0 to 1.
    labels : sequence, optional
        Trial labels.

    Returns
    -------
    ndarray, shape (k,), or float
        :math:`1 + (m - 1)\,ICC`. Sizes of arms and events divided by it make the trial as heavy as
        it should be; means and standard deviations stay.

    Raises
    ------
    ReviewError
        For a cluster of less than one, or an intracluster correlation outside 0 to 1.

    References
    ----------
    Cochrane Handbook, sections 23.1.4 and 23.1.5.

    Examples
    --------
    >>> print(f"{design_effect(29.6, 0.02):.3f}")
    1.572
    """
    size, correlation = as_floats("cluster_size", cluster_size), as_floats("icc", icc)
    if 1 in (len(size), len(correlation)):
        size, correlation = np.broadcast_arrays(size, correlation)
    names = study_labels(labels, check_lengths(cluster_size=size, icc=correlation))
    check_values("cluster_size", size, names, np.isfinite(size) & (size >= 1), "1 or more")
    inside = (correlation >= 0) & (correlation <= 1)
    check_values("icc", correlation, names, inside, "between 0 and 1")
    return as_given(1 + (size - 1) * correlation, cluster_size, icc)


def inflated(sizes: EffectSizes, effect_of_design: npt.ArrayLike) -> EffectSizes:
    """Return the effects with their variances multiplied by the design effect.

    Parameters
    ----------
    sizes : EffectSizes
        Effects computed as if people had been randomised one by one.
    effect_of_design : array_like, shape (k,) or a single number
        See `design_effect`; 1 or more.

    Returns
    -------
    EffectSizes
        The same effects with larger variances.

    Raises
    ------
    ReviewError
        For a design effect below 1.

    References
    ----------
    Cochrane Handbook, section 23.1.5.

    Examples
    --------
    >>> from analysis_lib import mean_difference
    >>> trial = mean_difference(210, 22.1, 6.1, 205, 24.0, 6.4)
    >>> print(f"{inflated(trial, 1.573).se[0]:.3f}")
    0.770
    """
    check_kind("sizes", sizes, EffectSizes, "mean_difference")
    factor = as_floats("effect_of_design", effect_of_design)
    factor = np.broadcast_to(factor, sizes.effect.shape) if len(factor) == 1 else factor
    check_lengths(effect=sizes.effect, effect_of_design=factor)
    good = np.isfinite(factor) & (factor >= 1)
    check_values("effect_of_design", factor, sizes.labels, good, "1 or more")
    method = f"{sizes.method}; variance times the design effect"
    return effect_sizes(
        sizes.effect.copy(), sizes.variance * factor, sizes.measure, method, sizes.labels
    )
