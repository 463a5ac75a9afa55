"""The least value of a smooth function whose parameters have lower bounds."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import FloatArray

#: A value and its gradient at one point.
Objective = Callable[[FloatArray], tuple[float, FloatArray]]
#: How many of the lowest places on a grid are followed downhill.
STARTS = 3
#: Newton's steps double the digits; more than a dozen are taken only on long ridges.
MAX_STEPS = 200
#: A step that moves every parameter by less than this share of its size is the last one: the
#: next would be its square.
LAST_STEP = 1e-6
#: Differences of gradients lose a third of the digits at this step, and no more.
DIFFERENCE = 1e-5


def least(objective: Objective, start: FloatArray, lower: FloatArray) -> FloatArray:
    """Return the place of the minimum that lies downhill of a start.

    Parameters
    ----------
    objective
        Returns value and gradient. Parameters are scaled so that a change of one matters.
    start, lower
        Where to begin, and the bounds; minus infinity for none.

    Notes
    -----
    Newton's method with curvature from differences of the gradient. Directions that curve down
    count as if they curved up; a parameter on its bound stays there while the slope pushes it out.
    """
    x = np.maximum(start, lower)
    value, slope = objective(x)
    for _ in range(MAX_STEPS):
        free = (x > lower) | (slope < 0)
        if not free.any():
            break
        step = np.zeros_like(x)
        step[free] = _downhill(
            curvature(objective, x, lower, free), slope[free], 1 + np.abs(x[free])
        )
        moved, value, slope = _shortened(objective, x, step, lower, (value, slope))
        size = np.abs(moved - x) / (1 + np.abs(moved))
        x = moved
        if size.max() <= LAST_STEP:
            break
    return x


def curvature(
    objective: Objective,
    x: FloatArray,
    lower: FloatArray,
    free: npt.NDArray[np.bool_] | None = None,
) -> FloatArray:
    """Return the matrix of second derivatives, of the free parameters, by central differences."""
    rows, free = [], np.ones(len(x), dtype=bool) if free is None else free
    for i in np.arange(len(x))[free]:
        width = DIFFERENCE * (1 + abs(x[i]))
        up, down = x.copy(), x.copy()
        up[i] += width
        down[i] = max(x[i] - width, lower[i])
        change = objective(up)[1] - objective(down)[1]
        rows.append(change[free] / (up[i] - down[i]))
    matrix = np.array(rows)
    return np.asarray((matrix + matrix.T) / 2)


def lowest_places(values: FloatArray) -> list[tuple[int, ...]]:
    """Return the lowest places of a grid that are no higher than all their neighbours."""
    padded = np.pad(values, 1, constant_values=np.inf)
    around = [
        padded[tuple(slice(1 + i, 1 + i + n) for i, n in zip(step, values.shape, strict=True))]
        for step in product((-1, 0, 1), repeat=values.ndim)
    ]
    places = np.argwhere(values <= np.min(around, axis=0))
    order = np.argsort(values[tuple(places.T)])
    return [tuple(map(int, places[i])) for i in order[:STARTS]]


def _downhill(matrix: FloatArray, slope: FloatArray, size: FloatArray) -> FloatArray:
    """Return Newton's step, in units of the parameters' sizes: none is too small to count."""
    values, vectors = np.linalg.eigh(matrix * np.outer(size, size))
    bends = np.abs(values)
    bends = np.maximum(bends, 1e-8 * (float(bends.max()) or 1.0))
    return np.asarray(-size * (vectors @ ((vectors.T @ (slope * size)) / bends)))


def _shortened(
    objective: Objective,
    x: FloatArray,
    step: FloatArray,
    lower: FloatArray,
    here: tuple[float, FloatArray],
) -> tuple[FloatArray, float, FloatArray]:
    """Return the first point that is lower, halving the step; the point itself if none is."""
    rounding = 1e-14 * (1 + abs(here[0]))
    for _ in range(40):
        there = np.maximum(x + step, lower)
        value, slope = objective(there)
        if np.isfinite(value) and value <= here[0] + rounding:
            return there, value, slope
        step = step / 2
    return x, *here
