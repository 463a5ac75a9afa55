"""What every statistic asks of its input: named studies, finite numbers, positive variances."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis_lib.base.errors import ReviewError, did_you_mean, shown

FloatArray = npt.NDArray[np.float64]


def as_floats(name: str, values: npt.ArrayLike) -> FloatArray:
    """Return a one-dimensional float array, or say what cannot be read as one."""
    try:
        array = np.atleast_1d(np.asarray(values, dtype=float))
    except (TypeError, ValueError) as error:
        raise ReviewError(f"{name}: not a list of numbers ({error})") from None
    if array.ndim != 1:
        raise ReviewError(f"{name}: expected one dimension, got shape {array.shape}")
    return array


def as_array(name: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return values of any kind as an array, or say that their shape is none."""
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ReviewError(f"{name}: not a column of values ({error})") from None


def as_number(name: str, value: object) -> float:
    """Return a number as a float, or say what was given in its place."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ReviewError(f"{name} must be a number, got {shown(value)}")
    return float(value)


def as_count(name: str, value: object) -> int:
    """Return a whole number of 1 or more, or say what was given in its place."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ReviewError(f"{name} must be a whole number, got {shown(value)}")
    if value < 1:
        raise ReviewError(f"{name} must be 1 or more, got {value}")
    return int(value)


def as_path(name: str, value: object) -> Path:
    """Return the place of a file or folder, or say what was given in its place."""
    if not isinstance(value, (str, PathLike)) or not str(value) or "\0" in str(value):
        raise ReviewError(f"{name} must be the name of a file or folder, got {shown(value)}")
    return Path(value)


def as_items(name: str, values: object) -> tuple[Any, ...]:
    """Return the items of a list, or say what was given in its place."""
    if not isinstance(values, Iterable):
        raise ReviewError(f"{name} must be a list, got {shown(values)}")
    return tuple(values)


def check_seed(seed: object) -> None:
    """Raise unless random numbers can be begun with a seed."""
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise ReviewError(f"seed must be a whole number of 0 or more, got {shown(seed)}")


def check_kind(name: str, value: object, kind: type, of: str) -> None:
    """Raise unless a value is what a function makes, and name that function."""
    if not isinstance(value, kind):
        raise ReviewError(
            f"{name} must be of the kind that {of} returns ({kind.__name__}), got {shown(value)}"
        )


def check_executor(executor: object) -> None:
    """Raise unless work can be given to an executor; none is given without one."""
    if executor is not None and not hasattr(executor, "map"):
        raise ReviewError(f"executor: one of concurrent.futures or like it, got {shown(executor)}")


def study_labels(labels: Sequence[object] | None, k: int) -> tuple[str, ...]:
    """Return ``k`` labels as text; without labels the studies are numbered from 1."""
    if labels is None:
        return tuple([f"study {i}" for i in range(1, k + 1)])
    names = tuple(str(label) for label in as_items("labels", labels))
    if len(names) != k:
        raise ReviewError(f"labels: {len(names)} labels for {k} studies")
    return names


def check_lengths(**columns: FloatArray) -> int:
    """Return the common length of the columns, or name the ones that differ."""
    sizes = {name: len(column) for name, column in columns.items()}
    if len(set(sizes.values())) != 1:
        told = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        raise ReviewError(f"columns of unequal length: {told}")
    return next(iter(sizes.values()))


def columns_of(
    labels: Sequence[object] | None, **given: npt.ArrayLike
) -> tuple[list[FloatArray], tuple[str, ...]]:
    """Return columns that are equally long, in the order in which they are given, and labels."""
    columns = {name: as_floats(name, values) for name, values in given.items()}
    return list(columns.values()), study_labels(labels, check_lengths(**columns))


def check_values(
    name: str, values: FloatArray, labels: Sequence[str], valid: npt.NDArray[np.bool_], rule: str
) -> None:
    """Raise one error that names every study whose value breaks ``rule``."""
    if not valid.all():
        told = ", ".join(
            f"{label}: {value}"
            for label, value, good in zip(labels, values, valid, strict=True)
            if not good
        )
        raise ReviewError(f"{name} must be {rule} ({told})")


def check_finite(name: str, values: FloatArray, labels: Sequence[str]) -> None:
    """Raise unless all values are finite."""
    check_values(name, values, labels, np.isfinite(values), "finite")


def check_positive(name: str, values: FloatArray, labels: Sequence[str]) -> None:
    """Raise unless all values are finite and greater than zero."""
    valid = np.isfinite(values) & (values > 0)
    check_values(name, values, labels, valid, "finite and greater than zero")


def check_not_negative(name: str, values: FloatArray, labels: Sequence[str]) -> None:
    """Raise unless all values are finite and zero or more."""
    valid = np.isfinite(values) & (values >= 0)
    check_values(name, values, labels, valid, "finite and zero or more")


def check_level(level: float) -> None:
    """Raise unless the level of an interval lies between 0 and 1."""
    if isinstance(level, bool) or not isinstance(level, Real):
        raise ReviewError(f"level must be a number between 0 and 1, got {shown(level)}")
    if not 0 < level < 1:
        meant = f"; did you mean {level / 100:g}?" if 1 < level < 100 else ""
        raise ReviewError(f"level must lie between 0 and 1, got {level}{meant}")


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Raise unless the value is one of the choices, and name the one that was meant."""
    if not isinstance(value, str) or value not in choices:
        told = f"{shown(value)}{did_you_mean(value, choices)}"
        raise ReviewError(f"{name} must be one of {', '.join(choices)}; got {told}")


def check_effects(
    effect: npt.ArrayLike, variance: npt.ArrayLike, labels: Sequence[object] | None = None
) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Return effects, variances and labels that a pooling can use.

    R's ``rma`` drops a row with a missing value and carries on with a zero variance; here both
    stop with an error that names the study, so that no row is lost unseen.
    """
    y, v = as_floats("effect", effect), as_floats("variance", variance)
    if len(y) != len(v):
        check_lengths(effect=y, variance=v)
    if len(y) == 0:
        raise ReviewError("effect: no studies to pool (k = 0)")
    names = study_labels(labels, len(y))
    if not (np.isfinite(y) & np.isfinite(v) & (v > 0)).all():
        check_finite("effect", y, names)
        check_positive("variance", v, names)
    return y, v, names
