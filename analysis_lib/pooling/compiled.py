"""The sums of `analysis_lib.pooling.batch` in compiled code, for `engine="numba"`.

Only the sums over studies are here; the search for tau2, its steps and its stopping rules are those
of `batch`, whichever engine adds up. One pass over the studies of a data set gives all sums at one
tau2. Data sets are worked on side by side, so that the processor computes several at once, and in
order of their number of studies, so that neighbours are equally long. The order of the additions,
study after study, is NumPy's; no rule of arithmetic is relaxed.

Compiled code is kept beside the byte code of this module (numba's cache) and read from there by the
next process.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import FloatArray
from analysis_lib.pooling import batch
from analysis_lib.pooling.batch import (
    BoolArray,
    Contrasts,
    RowIndex,
    Rules,
    Weighted,
    log_weights,
)

#: Cells worked on at once: what NumPy does for each row of a block is then cheap beside its start.
CELLS_PER_BLOCK = 2**18
#: Data sets side by side: their sums stay in the smallest cache.
LANES = 32

#: Where the sums of a data set stand in `_add_up`, and what these need.
OTHERS, MEAN, SQUARES, CUBES, Q, PULL, SHIFTED, BEND = range(8)
TAU2, V0, W0, TILT, TYPICAL, VALUE, SLOPE = range(8, 15)
#: What `_contrast` finds out about a data set: effect and variance of its most precise study, its
#: largest and its mean variance, and the variance of its effects.
EFFECT, SMALLEST, LARGEST, AVERAGE, SPREAD = range(5)

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _compiled(function: _Function) -> _Function:
    """Compile at the first call; a division by zero gives infinity, as in NumPy."""
    return cast(_Function, numba.njit(cache=True, error_model="numpy")(function))


def contrasts(
    y: FloatArray, v: FloatArray, present: BoolArray
) -> tuple[npt.NDArray[np.int64], BoolArray, RowIndex, Contrasts]:
    """Turn rows of studies into contrasts with their most precise one, shortest rows first."""
    rows, studies = present.shape
    k = present.sum(axis=1)
    # Sixteen bits are sorted by counting; of more studies the order would only be less apt.
    order = np.argsort(k.astype(np.uint16), kind="stable")
    bad, about = np.zeros(rows, dtype=np.bool_), np.zeros((5, rows))
    z, others = np.empty((2, rows, studies))
    _contrast(y, v, present, order, bad, about, z, others)
    rows_that_fit = np.flatnonzero(~bad[order] & (k[order] > 0))
    usable = order[rows_that_fit]
    about = about.take(rows_that_fit, axis=1)
    y0, v0 = about[EFFECT], about[SMALLEST]
    block = _Block(y0, v0, k[usable].astype(float), about, rows_that_fit, z, others)
    return k, bad, usable, block


@dataclass(frozen=True, slots=True)
class _Block(Contrasts):
    """Contrasts of ``rows`` of the arrays ``z`` and ``v``, which are those of the whole block."""

    about: FloatArray  # what `_contrast` fills
    rows: RowIndex
    z: FloatArray
    v: FloatArray

    def take(self, rows: RowIndex) -> _Block:
        return _Block(
            self.y0[rows],
            self.v0[rows],
            self.k[rows],
            self.about.take(rows, axis=1),
            self.rows[rows],
            self.z,
            self.v,
        )

    def v_max(self) -> FloatArray:
        return np.asarray(self.about[LARGEST])

    def mean_variance(self) -> FloatArray:
        return np.asarray(self.about[AVERAGE])

    def sample_variance(self) -> FloatArray:
        return np.asarray(self.about[SPREAD])

    def log_weights(self, tau2: FloatArray) -> FloatArray:
        return log_weights(self.v[self.rows] + tau2[:, None], axis=1)

    def search(self, method: str) -> FloatArray:
        tau2 = np.empty(len(self.k))
        _search(
            self.z, self.v, self.rows, self.k, self.about, _EQUATIONS[method], batch.RULES, tau2
        )
        return tau2

    def weigh(self, tau2: FloatArray | float) -> _Sums:
        tau2 = np.broadcast_to(tau2, self.v0.shape)
        sums = np.empty((8, len(tau2)))
        _add_up(self.z, self.v, self.rows, self.k, self.v0, tau2, sums)
        w0 = 1.0 / (self.v0 + tau2)
        return _Sums(w0, sums[OTHERS], sums[OTHERS] + w0, sums[MEAN], tuple(sums))


@dataclass(frozen=True, slots=True)
class _Sums(Weighted):
    """Sums that are all there."""

    sums: tuple[FloatArray, ...]

    def squares(self) -> FloatArray:
        return self.sums[SQUARES]

    def cubes(self) -> FloatArray:
        return self.sums[CUBES]

    def q(self) -> FloatArray:
        return self.sums[Q]

    def pull(self) -> FloatArray:
        return self.sums[PULL]

    def pull_and_bend(self) -> tuple[FloatArray, FloatArray]:
        return self.sums[PULL], self.sums[BEND]


@_compiled
def _contrast(
    y: FloatArray,
    v: FloatArray,
    present: BoolArray,
    order: RowIndex,
    bad: BoolArray,
    about: FloatArray,
    z: FloatArray,
    others: FloatArray,
) -> None:
    """Fill ``bad``, and for each row in this order ``z``, ``others`` and what is ``about`` it.

    Absent studies are overwritten rather than skipped: a branch that
    the processor cannot foresee costs more than the arithmetic.
    """
    rows, studies = present.shape
    for place in range(rows):
        row = order[place]
        first, v0, wrong = -1, np.inf, False
        for i in range(studies):
            here, effect, variance = present[row, i], y[row, i], v[row, i]
            wrong |= here & ~(np.isfinite(effect) & (variance > 0) & (variance < np.inf))
            if here and variance < v0:
                first, v0 = i, variance
        bad[row] = wrong
        if wrong or first < 0:
            continue
        y0, n, total, sum_of_v, largest = y[row, first], 0, 0.0, v0, v0
        for i in range(studies):
            z[place, n], others[place, n] = y[row, i] - y0, v[row, i]
            n += present[row, i] & (i != first)
        for i in range(n, studies):
            z[place, i], others[place, i] = 0.0, np.inf
        for i in range(n):
            total += z[place, i]
            sum_of_v += others[place, i]
            largest = max(largest, others[place, i])
        mean = total / (n + 1)
        squares = mean * mean
        for i in range(n):
            squares += (z[place, i] - mean) ** 2
        about[EFFECT, place], about[SMALLEST, place], about[LARGEST, place] = y0, v0, largest
        about[AVERAGE, place] = sum_of_v / (n + 1)
        about[SPREAD, place] = squares / n


@_compiled
def _side_by_side(v: FloatArray, y: FloatArray, w: FloatArray, s: FloatArray, longest: int) -> None:
    """Fill the sums ``s`` of data sets that stand side by side, each at its own tau2."""
    s[:8] = 0.0
    for i in range(longest):
        for j in range(LANES):
            weight = 1.0 / (v[i, j] + s[TAU2, j])
            w[i, j] = weight
            s[OTHERS, j] += weight
            s[MEAN, j] += weight * y[i, j]
            s[SQUARES, j] += weight * weight
            s[CUBES, j] += weight * weight * weight
    for j in range(LANES):
        s[W0, j] = 1.0 / (s[V0, j] + s[TAU2, j])
        s[MEAN, j] /= s[OTHERS, j] + s[W0, j]
    for i in range(longest):
        for j in range(LANES):
            residual = y[i, j] - s[MEAN, j]
            u = w[i, j] * residual
            s[Q, j] += u * residual
            s[PULL, j] += u * u
            u += s[W0, j] * s[MEAN, j]
            s[SHIFTED, j] += w[i, j] * u
            s[BEND, j] += w[i, j] * u * u
    for j in range(LANES):
        pulled = s[W0, j] * s[MEAN, j]
        s[Q, j] += pulled * s[MEAN, j]
        s[PULL, j] += pulled * pulled
        s[BEND, j] -= s[SHIFTED, j] * s[SHIFTED, j] / (s[OTHERS, j] + s[W0, j])


@_compiled
def _add_up(
    z: FloatArray,
    v: FloatArray,
    rows: RowIndex,
    k: FloatArray,
    v0: FloatArray,
    tau2: FloatArray,
    sums: FloatArray,
) -> None:
    """Fill the eight ``sums`` of these rows of ``z`` and ``v``, each at its own tau2."""
    n, studies = len(rows), z.shape[1]
    variances, effects = np.empty((studies, LANES)), np.empty((studies, LANES))
    w, s = np.empty((studies, LANES)), np.empty((15, LANES))
    for start in range(0, n, LANES):
        longest = 0
        for j in range(LANES):
            here = min(start + j, n - 1)  # the last row stands in for those beyond it
            s[TAU2, j], s[V0, j] = tau2[here], v0[here]
            longest = max(longest, int(k[here]) - 1)
        for j in range(LANES):
            row = rows[min(start + j, n - 1)]
            for i in range(longest):
                variances[i, j], effects[i, j] = v[row, i], z[row, i]
        _side_by_side(variances, effects, w, s, longest)
        for which in range(8):
            for j in range(min(LANES, n - start)):
                sums[which, start + j] = s[which, j]


class _Lane(Protocol):
    """What is known of a data set during its search."""

    row: int
    looking: int
    step: int
    peaks: int
    k: float
    v0: float
    v_max: float
    s2: float
    typical: float
    ceiling: float
    scan_end: float
    tilt_at_zero: float
    low: float
    tilt: float
    high: float
    high_tilt: float
    growth: float
    peak_low: float
    peak_high: float
    start: float


#: A `_Lane` as numba knows it.
_RECORD = np.dtype([(name, kind) for name, kind in _Lane.__annotations__.items()])
#: Where it looks: at zero, at the end of a cell of the grid, inside a cell, at the ceiling, for
#: the solution, or nowhere any more.
AT_ZERO, ON_GRID, CLOSELY, AT_CEILING, FOR_ROOT, NOWHERE = range(6)
#: What is searched for.
MOMENTS, LIKELIHOOD, RESTRICTED = range(3)
_EQUATIONS = {"PM": MOMENTS, "EB": MOMENTS, "ML": LIKELIHOOD, "REML": RESTRICTED}


@_compiled
def _take_place(lane: _Lane, row: int, k: float, about: FloatArray, widen: float) -> None:
    """Begin with a data set; there is no maximum above ``ceiling``, see `batch`."""
    lane.row, lane.looking, lane.peaks = row, AT_ZERO, 0
    lane.k, lane.v0 = k, about[SMALLEST]
    lane.v_max, lane.s2 = about[LARGEST], about[SPREAD]
    ceiling = lane.s2 / 2 - lane.v0
    ceiling += math.sqrt(lane.s2**2 / 4 + lane.s2 * (lane.v_max - lane.v0))
    lane.ceiling = max(0.0, ceiling) * widen


@_compiled
def _equate(s: FloatArray, k: FloatArray, equation: int) -> None:
    """Fill value and slope of the equation that tau2 solves, and what the likelihood's tells."""
    for j in range(LANES):
        w0, others, squares = s[W0, j], s[OTHERS, j], s[SQUARES, j]
        total = others + w0
        trace, of_square = total, squares + w0 * w0
        if equation == RESTRICTED:
            trace = (others * (total + w0) - squares) / total
            of_square = (squares - 2 * s[CUBES, j] / total) + (
                (w0 * others) ** 2 + 2 * w0 * w0 * squares + squares * squares
            ) / (total * total)
        pull = s[PULL, j]
        s[TILT, j], s[TYPICAL, j] = pull / trace, trace / of_square
        s[VALUE, j] = trace / pull - 1
        s[SLOPE, j] = (2 * trace * s[BEND, j] - of_square * pull) / (pull * pull)
        if equation == MOMENTS:
            s[VALUE, j] = (k[j] - 1) / s[Q, j] - 1
            s[SLOPE, j] = (k[j] - 1) * pull / (s[Q, j] * s[Q, j])


@_compiled
def _next_place(
    lane: _Lane,
    here: float,
    q: float,
    tilt: float,
    typical: float,
    value: float,
    slope: float,
    equation: int,
    rules: Rules,
) -> float:
    """Return the tau2 to look at next, or the solution, when it is known what is ``here``."""
    if lane.looking == FOR_ROOT:
        return _newton_step(lane, here, value, slope, rules)
    if equation == MOMENTS:
        return _bracket_of_moments(lane, q, rules)
    if lane.looking == AT_ZERO:
        lane.low, lane.tilt, lane.tilt_at_zero = 0.0, tilt, tilt
        lane.typical = typical
        lane.scan_end = min(lane.v_max - 2 * lane.typical, lane.ceiling)
        return _next_cell(lane, rules)
    if lane.looking == AT_CEILING or (lane.tilt > 1 and tilt <= 1):
        _keep_peak(lane, here, tilt)
    if lane.looking == AT_CEILING:
        return _begin_root(lane)
    if lane.looking == ON_GRID:
        near = _is_level(lane.tilt, rules.close_tilt) or _is_level(tilt, rules.close_tilt)
        if near and (lane.tilt > 1) == (tilt > 1):
            growth = ((here + lane.v0) / (lane.low + lane.v0)) ** (1 / rules.close_steps)
            lane.growth, lane.high, lane.high_tilt = growth, here, tilt
            lane.looking, lane.step = CLOSELY, 0
            return _next_inside(lane)
    lane.low, lane.tilt = here, tilt
    if lane.looking == CLOSELY:
        lane.step += 1
        if lane.step < rules.close_steps:
            return _next_inside(lane)
        lane.low, lane.tilt = lane.high, lane.high_tilt
    return _next_cell(lane, rules)


@_compiled
def _is_level(tilt: float, near: float) -> bool:
    return 1 / near < tilt < near


@_compiled
def _next_inside(lane: _Lane) -> float:
    return min((lane.low + lane.v0) * lane.growth - lane.v0, lane.high)


@_compiled
def _keep_peak(lane: _Lane, here: float, tilt: float) -> None:
    """Keep the cell in which the likelihood stops rising, and the root of its secant."""
    low, high = 1 / lane.tilt - 1, 1 / tilt - 1
    lane.peaks += 1
    lane.peak_low, lane.peak_high = lane.low, here
    lane.start = lane.low - (here - lane.low) * low / (high - low)


@_compiled
def _next_cell(lane: _Lane, rules: Rules) -> float:
    """Return the end of the next cell of the grid, or what comes after the grid."""
    low, reach, typical = lane.low, lane.v_max, lane.typical
    stays_below = lane.tilt * (reach + low) ** 2 < 4 * (reach - typical) * (typical + low)
    if low < lane.scan_end and not stays_below:
        lane.looking = ON_GRID
        return min(max(rules.scan_start * lane.v0, rules.scan_ratio * low), lane.ceiling)
    if lane.tilt > 1 and lane.ceiling > 0:
        lane.looking = AT_CEILING
        return lane.ceiling
    return _begin_root(lane)


@_compiled
def _begin_root(lane: _Lane) -> float:
    """Return where the root of the only peak is looked for; NaN if there is another maximum."""
    if lane.peaks + (lane.tilt_at_zero <= 1) > 1:
        lane.looking = NOWHERE
        return math.nan
    if lane.peaks == 0:
        lane.looking = NOWHERE
        return 0.0
    lane.looking, lane.step = FOR_ROOT, 0
    lane.low, lane.high = lane.peak_low, lane.peak_high
    return min(max(lane.start, lane.low), lane.high)


@_compiled
def _bracket_of_moments(lane: _Lane, q_at_zero: float, rules: Rules) -> float:
    """Return where Q = k - 1 is looked for, zero if Q is no larger."""
    if q_at_zero <= lane.k - 1:
        lane.looking = NOWHERE
        return 0.0
    lane.looking, lane.step = FOR_ROOT, 0
    lane.low, lane.high = 0.0, max(0.0, lane.s2 - lane.v0) * rules.above_rounding
    return _middle(lane)


@_compiled
def _newton_step(lane: _Lane, here: float, value: float, slope: float, rules: Rules) -> float:
    """Return the next approximation, as `batch` does."""
    if value < 0:
        lane.low = here
    else:
        lane.high = here
    newton = here - value / slope
    halved = lane.step >= rules.patient_steps and lane.step % 2 == 0
    inside = lane.low <= newton <= lane.high and not halved
    following = newton if inside else _middle(lane)
    size = following + lane.v0
    lane.step += 1
    if (inside and abs(following - here) <= rules.step_tolerance * size) or (
        lane.high - lane.low <= rules.smallest_bracket * size
    ):
        lane.looking = NOWHERE
    elif lane.step == rules.most_steps:
        lane.looking = NOWHERE
        return math.nan
    return following


@_compiled
def _middle(lane: _Lane) -> float:
    """Return the point halfway in the bracket on the scale log(tau2 + v0)."""
    middle = math.sqrt((lane.low + lane.v0) * (lane.high + lane.v0)) - lane.v0
    return min(max(middle, lane.low), lane.high)


@_compiled
def _search(
    z: FloatArray,
    v: FloatArray,
    rows: RowIndex,
    k: FloatArray,
    about: FloatArray,
    equation: int,
    rules: Rules,
    tau2: FloatArray,
) -> None:
    """Fill ``tau2`` by the search of `batch`, NaN where several maxima have to be compared.

    As soon as one data set is done, the next takes its place.
    """
    n, studies = len(rows), z.shape[1]
    variances, effects = np.ones((studies, LANES)), np.zeros((studies, LANES))
    w, s = np.empty((studies, LANES)), np.ones((15, LANES))
    lanes: Any = np.zeros(LANES, dtype=_RECORD)
    lanes.row[:] = -1
    widen = rules.above_rounding
    waiting, longest, working = 0, 0, n
    while working > 0:
        for j in range(LANES):
            if lanes[j].row < 0 and waiting < n:
                _take_place(lanes[j], waiting, k[waiting], about[:, waiting], widen)
                for i in range(studies):
                    variances[i, j] = v[rows[waiting], i]
                    effects[i, j] = z[rows[waiting], i]
                longest = max(longest, int(lanes[j].k) - 1)
                s[TAU2, j], s[V0, j] = 0.0, lanes[j].v0
                waiting += 1
        _side_by_side(variances, effects, w, s, longest)
        _equate(s, lanes.k, equation)
        for j in range(LANES):
            lane = lanes[j]
            if lane.row >= 0:
                place = s[TAU2, j]
                s[TAU2, j] = _next_place(
                    lane,
                    place,
                    s[Q, j],
                    s[TILT, j],
                    s[TYPICAL, j],
                    s[VALUE, j],
                    s[SLOPE, j],
                    equation,
                    rules,
                )
                if lane.looking == NOWHERE:
                    tau2[lane.row] = s[TAU2, j]
                    lane.row = -1
                    working -= 1
