"""Dependent effects as blocks: which belong together, and whether their covariance can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import (
    FloatArray,
    as_floats,
    as_items,
    check_finite,
    check_lengths,
    check_positive,
    study_labels,
)
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import listing

#: Positions of the effects of one cluster.
Rows: TypeAlias = npt.NDArray[np.intp]

#: A correlation matrix whose smallest eigenvalue is below this is taken for singular.
SINGULAR = 1e-10
#: How far two halves of a covariance matrix may differ by rounding, relative to the variances.
SYMMETRY = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Clustered:
    """Effects, their covariance and the rows of each cluster, all checked."""

    effect: FloatArray
    covariance: FloatArray
    labels: tuple[str, ...]
    clusters: tuple[str, ...]
    rows: tuple[Rows, ...]


def check_clustered(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    cluster: Sequence[object],
    labels: Sequence[object] | None = None,
) -> Clustered:
    """Return effects and their covariance matrix by cluster, or say what is wrong with which study.

    A vector of variances stands for independent sampling errors.
    """
    y = as_floats("effect", effect)
    if len(y) == 0:
        raise ReviewError("effect: no studies to pool (k = 0)")
    names = study_labels(labels, len(y))
    check_finite("effect", y, names)
    members, rows = cluster_rows(cluster, names)
    covariance = _covariance(variance, names)
    _check_within(covariance, names, rows)
    for cluster_name, own in zip(members, rows, strict=True):
        _check_positive_definite(covariance[np.ix_(own, own)], cluster_name, names, own)
    return Clustered(y, covariance, names, members, rows)


def cluster_rows(
    cluster: Sequence[object], labels: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[Rows, ...]]:
    """Return the names of the clusters in order of appearance, and the rows of each."""
    given = [None if _is_missing(name) else str(name) for name in as_items("cluster", cluster)]
    if len(given) != len(labels):
        raise ReviewError(f"cluster: {len(given)} clusters named for {len(labels)} effects")
    missing = [label for label, name in zip(labels, given, strict=True) if name is None]
    if missing:
        raise ReviewError(f"cluster: no cluster is named for {listing(missing)}")
    members = tuple(dict.fromkeys(str(name) for name in given))
    place = {name: i for i, name in enumerate(members)}
    index = np.array([place[str(name)] for name in given])
    return members, tuple(np.flatnonzero(index == i) for i in range(len(members)))


def _is_missing(name: object) -> bool:
    return name is None or name != name


def _covariance(variance: npt.ArrayLike, labels: tuple[str, ...]) -> FloatArray:
    """Return the covariance matrix of a vector of variances or of a matrix."""
    try:
        given = np.atleast_1d(np.asarray(variance, dtype=float))
    except (TypeError, ValueError) as error:
        raise ReviewError(f"variance: not numbers ({error})") from None
    if given.ndim == 2:
        if given.shape != (len(labels), len(labels)):
            raise ReviewError(f"variance: shape {given.shape} for {len(labels)} effects")
        diagonal = np.diagonal(given)
    else:
        diagonal = as_floats("variance", given)
        check_lengths(effect=np.empty(len(labels)), variance=diagonal)
    check_positive("variance", diagonal, labels)
    return given if given.ndim == 2 else np.diag(given)


def _check_within(covariance: FloatArray, labels: tuple[str, ...], rows: Sequence[Rows]) -> None:
    """Raise unless the matrix is finite, symmetric, and zero between clusters."""
    scale = np.sqrt(np.diagonal(covariance))
    size = SYMMETRY * np.outer(scale, scale)
    between = np.ones(covariance.shape, dtype=bool)
    for own in rows:
        between[np.ix_(own, own)] = False
    finite = np.isfinite(covariance)
    known = np.where(finite, covariance, 0.0)
    faults = (
        (~finite, "is not finite"),
        (np.abs(known - known.T) > size, "is not symmetric"),
        (between & (np.abs(known) > size), "links effects of different clusters"),
    )
    for fault, told in faults:
        if fault.any():
            i, j = (labels[place] for place in np.argwhere(fault)[0])
            raise ReviewError(f"variance: the covariance of {i} and {j} {told}")


def _check_positive_definite(
    block: FloatArray, cluster: str, labels: tuple[str, ...], rows: Rows
) -> None:
    if len(rows) == 1:
        return
    scale = np.sqrt(np.diagonal(block))
    if np.linalg.eigvalsh(block / np.outer(scale, scale))[0] < SINGULAR:
        told = listing([labels[row] for row in rows])
        raise ReviewError(f"variance: covariance of {cluster} ({told}) is not positive definite")
