"""The search of `analysis_lib.pooling.batch` in compiled code, for `engine="numba"`.

The search for tau2, its steps and its stopping rules are those of `batch`. One pass over the
studies of a data set gives all sums at one tau2. Data sets are worked on side by side, so that the
processor computes several at once, in order of their number of studies, so that neighbours are
equally long. What is told of each is added up while its studies are at hand: at zero, where the
search begins, and at the solution. No rule of arithmetic is relaxed.

Methods without a search take their formulas from `batch`, and data sets with several maxima are
left to it. Compiled code is kept beside the byte code of this module (numba's cache) and read from
there by the next process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar, cast

import numba
import numpy as np

from analysis_lib.base.checks import FloatArray
from analysis_lib.pooling import batch
from analysis_lib.pooling.batch import (
    BoolArray,
    Contrasts,
    Part,
    RowIndex,
    Rules,
    Solved,
    Weighted,
)

#: Cells worked on at once: what NumPy does for each row of a block is then cheap beside its start.
CELLS_PER_BLOCK = 2**18
#: Data sets side by side: their sums stay in the smallest cache.
LANES = 48

#: Where the sums of a data set stand in `_add_up`, what these need, and what follows from them.
OTHERS, MEAN, SQUARES, CUBES, Q, PULL, SHIFTED, BEND = range(8)
TAU2, V0, W0, BY_TOTAL, TILT, FALL, RISE, LOW, HIGH, KEPT = range(8, 18)
#: The sums that are told.
TOLD = 5
#: What is searched for, if tau2 is not given.
GIVEN, MOMENTS, LIKELIHOOD, RESTRICTED = range(4)
_EQUATIONS = {"PM": MOMENTS, "EB": MOMENTS, "ML": LIKELIHOOD, "REML": RESTRICTED}

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _compiled(function: _Function) -> _Function:
    """Compile at the first call; a division by zero gives infinity, as in NumPy."""
    return cast(_Function, numba.njit(cache=True, error_model="numpy")(function))


def solve(y: FloatArray, v: FloatArray, present: BoolArray, method: str) -> Iterator[Part]:
    """Solve for tau2 of all rows, in blocks of neighbours."""
    rows_per_block = max(1, CELLS_PER_BLOCK // max(1, present.shape[1]))
    for start in range(0, len(present), rows_per_block):
        rows = slice(start, start + rows_per_block)
        k = batch.counted(present[rows])
        usable = np.flatnonzero(k > 0)
        block = _Block(k[usable].astype(float), y[rows], v[rows], present[rows], usable)
        block, solved = _solve(block, method)
        bad = k > 0
        bad[block.rows] = False
        yield Part(rows, k, bad, rows if len(block.k) == len(k) else start + block.rows, solved)


def _solve(block: _Block, method: str) -> tuple[_Block, Solved]:
    """Solve for tau2 of those data sets of a block that have no number that is bad."""
    equation, tau2 = _EQUATIONS.get(method, GIVEN), np.zeros(len(block.k))
    y0, v0, at_zero, at_tau2 = block.search(equation, tau2)
    bad = np.isnan(v0)
    if bad.any():
        return _solve(replace(block, k=block.k[~bad], rows=block.rows[~bad]), method)
    fixed = _Sums.of(at_zero, 1 / v0)
    if equation == GIVEN:
        tau2 = batch.closed_form(block, fixed, method)
        if tau2.any():
            at_tau2 = block.search(GIVEN, tau2)[-1]
    fit = _Sums.of(at_tau2, 1 / (v0 + tau2))
    return block, Solved(y0, block.k, tau2, fixed, fit)


@dataclass(frozen=True, slots=True)
class _Block(Contrasts):
    """These rows of effects, variances and presence."""

    y: FloatArray
    v: FloatArray
    present: BoolArray
    rows: RowIndex

    def weigh(self, tau2: FloatArray | float) -> Weighted:
        tau2 = np.full(len(self.k), tau2)
        _, v0, _, at_tau2 = self.search(GIVEN, tau2)
        return _Sums.of(at_tau2, 1 / (v0 + tau2))

    def mean_variance(self) -> FloatArray:
        return self._by_numpy().mean_variance()

    def sample_variance(self) -> FloatArray:
        return self._by_numpy().sample_variance()

    def _by_numpy(self) -> Contrasts:
        k = self.k.astype(np.int64)
        return batch.contrasts(self.y, self.v, self.present, self.rows, k)[-1]

    def search(self, equation: int, tau2: FloatArray) -> tuple[FloatArray, ...]:
        """Fill ``tau2`` unless it is given, and return what `_search` fills."""
        n, order = len(tau2), batch.by_length(self.k.astype(np.int64))
        found = np.empty(n), np.empty(n), np.empty((TOLD, n)), np.empty((TOLD, n))
        data = self.y, self.v, self.present, self.rows, self.k, order
        _search(*data, equation, batch.RULES, tau2, *found)
        return found


@dataclass(frozen=True, slots=True)
class _Sums(Weighted):
    """Sums that are all there."""

    sums: FloatArray

    @classmethod
    def of(cls, sums: FloatArray, w0: FloatArray) -> _Sums:
        return cls(w0, sums[OTHERS], sums[OTHERS] + w0, sums[MEAN], sums)

    def squares(self) -> FloatArray:
        return np.asarray(self.sums[SQUARES])

    def cubes(self) -> FloatArray:
        return np.asarray(self.sums[CUBES])

    def q(self) -> FloatArray:
        return np.asarray(self.sums[Q])


@_compiled
def _side_by_side(v: FloatArray, y: FloatArray, w: FloatArray, s: FloatArray, longest: int) -> None:
    """Fill the sums ``s`` of data sets that stand side by side, each at its own tau2."""
    s[:TAU2] = 0.0
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
        s[BY_TOTAL, j] = 1.0 / (s[OTHERS, j] + s[W0, j])
        s[MEAN, j] *= s[BY_TOTAL, j]
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
        s[BEND, j] -= s[SHIFTED, j] * s[SHIFTED, j] * s[BY_TOTAL, j]


class _Lane(Protocol):
    """What is known of a data set during its search."""

    place: int
    step: int
    peaks: int
    k: float
    looking: int
    v0: float
    v_max: float
    falls_at_zero: bool
    low: float
    tilt: float
    start: float
    safe: float
    high: float
    high_tilt: float
    high_fall: float
    high_rise: float
    growth: float
    peak_low: float
    peak_high: float
    peak_start: float


#: A `_Lane` as numba knows it.
_RECORD = np.dtype([(name, kind) for name, kind in _Lane.__annotations__.items()])
#: Where it looks: where it begins, at the end of a cell of the grid, inside one, for the solution,
#: there, or nowhere, since there is no more of them.
FIRST, ON_GRID, CLOSELY, FOR_ROOT, AT_ROOT, NOWHERE = range(6)


@_compiled
def _take_place(
    lane: _Lane,
    j: int,
    y: FloatArray,
    v: FloatArray,
    present: BoolArray,
    row: int,
    effects: FloatArray,
    variances: FloatArray,
    own: FloatArray,
    longest: int,
) -> float:
    """Put contrasts of a row into a column of data sets, and return what they are measured from.

    The smallest variance is NaN if any number is none to pool, and so is then all that follows.
    The studies are gathered in ``own`` first. An absent one is overwritten there rather than
    skipped: a branch that the processor cannot foresee costs more than the arithmetic.
    """
    n = 0
    for i in range(present.shape[1]):
        own[0, n], own[1, n] = y[row, i], v[row, i]
        n += present[row, i]
    first, smallest, largest, right = 0, np.inf, 0.0, True
    for i in range(n):
        variance = own[1, i]
        lower = variance < smallest
        first, smallest = i if lower else first, variance if lower else smallest
        largest = variance if variance > largest else largest
        right &= (abs(own[0, i]) < np.inf) & (variance < np.inf)
    lane.v0, lane.v_max = smallest if right & (smallest > 0) else math.nan, largest
    y0: float = own[0, first]
    own[0, first], own[1, first] = own[0, n - 1], own[1, n - 1]
    for i in range(n - 1):
        effects[i, j], variances[i, j] = own[0, i] - y0, own[1, i]
    for i in range(n - 1, longest):
        effects[i, j], variances[i, j] = 0.0, np.inf
    return y0


@_compiled
def _see(s: FloatArray, k: FloatArray, equation: int) -> None:
    """Fill the tilt and its rates, see `batch`; the inverse of the tilt is what is solved for 1."""
    for j in range(LANES):
        w0, others, squares, by_total = s[W0, j], s[OTHERS, j], s[SQUARES, j], s[BY_TOTAL, j]
        total = others + w0
        trace, of_square = total, squares + w0 * w0
        if equation == RESTRICTED:
            trace = (others * (total + w0) - squares) * by_total
            of_square = (squares - 2 * s[CUBES, j] * by_total) + (
                (w0 * others) ** 2 + 2 * w0 * w0 * squares + squares * squares
            ) * (by_total * by_total)
        by_trace = 1 / trace
        s[TILT, j], s[RISE, j] = s[PULL, j] * by_trace, of_square * by_trace
        s[FALL, j] = s[BEND, j] / s[PULL, j]
        if equation == MOMENTS:
            s[TILT, j] = s[Q, j] / (k[j] - 1)
            s[FALL, j], s[RISE, j] = s[PULL, j] / s[Q, j] / 2, 0.0


@_compiled
def _begin(
    lane: _Lane, tilt: float, fall: float, rise: float, equation: int, rules: Rules
) -> float:
    """Return what `_next_cell` does, when it is known what is at zero."""
    lane.falls_at_zero, lane.peaks = not tilt > 1, 0
    if equation != MOMENTS:
        return _next_cell(lane, 0.0, tilt, fall, rise, rules)
    if tilt > 1:
        end = lane.v_max * (tilt - 1) * rules.above_rounding
        _keep_peak(lane, 0.0, end, (tilt - 1) / (2 * fall))
    lane.falls_at_zero = lane.peaks == 0
    return _begin_root(lane)


@_compiled
def _end_of_cell(
    lane: _Lane, here: float, tilt: float, fall: float, rise: float, rules: Rules
) -> float:
    """Return what `_next_cell` does, or where to look inside the cell that ends ``here``."""
    if lane.tilt > 1 and not tilt > 1:
        _keep_peak(lane, lane.low, here, lane.start)
    elif here > lane.safe and (lane.tilt > 1) == (tilt > 1):
        near = rules.close_tilt
        if 1 / near < lane.tilt < near or 1 / near < tilt < near:
            lane.growth = ((here + lane.v0) / (lane.low + lane.v0)) ** (1 / rules.close_steps)
            lane.high, lane.high_tilt, lane.high_fall, lane.high_rise = here, tilt, fall, rise
            lane.looking, lane.step = CLOSELY, 0
            return _next_inside(lane)
    return _next_cell(lane, here, tilt, fall, rise, rules)


@_compiled
def _inside_cell(lane: _Lane, here: float, tilt: float, rules: Rules) -> float:
    """Return the next point inside a cell, or what `_next_cell` does after the last."""
    if lane.tilt > 1 and not tilt > 1:
        _keep_peak(lane, lane.low, here, (lane.low + here) / 2)
    lane.low, lane.tilt = here, tilt
    lane.step += 1
    if lane.step < rules.close_steps:
        return _next_inside(lane)
    return _next_cell(lane, lane.high, lane.high_tilt, lane.high_fall, lane.high_rise, rules)


@_compiled
def _next_inside(lane: _Lane) -> float:
    return min((lane.low + lane.v0) * lane.growth - lane.v0, lane.high)


@_compiled
def _keep_peak(lane: _Lane, low: float, high: float, start: float) -> None:
    """Keep the cell in which the likelihood stops rising, and where Newton's method begins."""
    lane.peaks += 1
    lane.peak_low, lane.peak_high, lane.peak_start = low, high, start


@_compiled
def _next_cell(
    lane: _Lane, here: float, tilt: float, fall: float, rise: float, rules: Rules
) -> float:
    """Return the end of the cell that begins ``here``, or what comes after the last."""
    slowest = 1 / (lane.v_max + here)
    farthest = _meeting(tilt, slowest, rise) * rules.above_rounding
    end, start = here + farthest, here + (tilt - 1) / (2 * fall - rise)
    if rise <= 2 * slowest:
        if tilt > 1:
            _keep_peak(lane, here, end, start)
        return _begin_root(lane)
    if not end > here:
        return _begin_root(lane)
    if tilt > 1:
        lane.safe = here + _meeting(tilt, fall, slowest)
    else:
        lane.safe = here + (1 - tilt) / (slowest * slowest * farthest)
    lane.low, lane.tilt, lane.start, lane.looking = here, tilt, start, ON_GRID
    return min(max(rules.scan_start * lane.v0, rules.scan_ratio * here, lane.safe), end)


@_compiled
def _meeting(tilt: float, fall: float, rise: float) -> float:
    """Return the largest d with ``(1 + d fall)^2 = tilt (1 + d rise)``, NaN if there is none."""
    b = 2 * fall - tilt * rise
    root = math.sqrt(b * b + 4 * fall * fall * (tilt - 1))
    return 2 * (tilt - 1) / (b + root) if b > 0 else (root - b) / (2 * fall * fall)


@_compiled
def _begin_root(lane: _Lane) -> float:
    """Return where the root of the only peak is looked for; NaN if there is another maximum."""
    lane.looking = AT_ROOT
    if lane.peaks + lane.falls_at_zero > 1:
        return math.nan
    if lane.peaks == 0:
        return 0.0
    lane.looking = FOR_ROOT
    if lane.peak_low <= lane.peak_start <= lane.peak_high:
        return lane.peak_start
    return _middle(lane.peak_low, lane.peak_high, lane.v0)


@_compiled
def _middle(low: float, high: float, v0: float) -> float:
    """Return the point halfway in a bracket on the scale log(tau2 + v0)."""
    return min(max(math.sqrt((low + v0) * (high + v0)) - v0, low), high)


@_compiled
def _newton_steps(s: FloatArray, looking: RowIndex, steps: RowIndex, rules: Rules) -> None:
    """Take those who look for the solution one step on, as `batch` does, without a branch."""
    for j in range(LANES):
        here, v0, tilt, low, high = s[TAU2, j], s[V0, j], s[TILT, j], s[LOW, j], s[HIGH, j]
        searching, rising = looking[j] == FOR_ROOT, tilt > 1
        below, above = here if rising else low, high if rising else here
        newton = here + (tilt - 1) / (2 * s[FALL, j] - s[RISE, j])
        halved = (steps[j] >= rules.patient_steps) & (steps[j] % 2 == 0)
        inside = (below <= newton) & (newton <= above) & (not halved)
        following = newton if inside else _middle(below, above, v0)
        size = following + v0
        settled = (inside & (abs(following - here) <= rules.step_tolerance * size)) | (
            above - below <= rules.smallest_bracket * size
        )
        steps[j] += 1
        late = (steps[j] == rules.most_steps) & (not settled)
        following = math.nan if late else following
        s[LOW, j], s[HIGH, j] = below if searching else low, above if searching else high
        s[TAU2, j] = following if searching else here
        looking[j] = AT_ROOT if searching & (settled | late) else looking[j]


@_compiled
def _search(
    y: FloatArray,
    v: FloatArray,
    present: BoolArray,
    rows: RowIndex,
    k: FloatArray,
    order: RowIndex,
    equation: int,
    rules: Rules,
    tau2: FloatArray,
    y0: FloatArray,
    v0: FloatArray,
    at_first: FloatArray,
    at_tau2: FloatArray,
) -> None:
    """Fill ``tau2`` unless it is given, effect and variance of the most precise study, and sums.

    These are sums at the first look, which is at zero or at the ``tau2`` given, and at the last.
    ``tau2`` is NaN where several maxima have to be compared. As soon as one data set is done, the
    next takes its place. Those that look at the same kind of place are served one after the other,
    since a branch that the processor cannot foresee costs as much as a look at ten studies.
    """
    n, studies = len(rows), y.shape[1]
    variances, effects = np.full((studies, LANES), np.inf), np.zeros((studies, LANES))
    own, w, s = np.empty((2, studies + 1)), np.empty((studies, LANES)), np.ones((KEPT, LANES))
    lanes: Any = np.zeros(LANES, dtype=_RECORD)
    looking, steps = np.full(LANES, AT_ROOT), np.zeros(LANES, dtype=np.intp)
    at, count = np.empty((NOWHERE + 1, LANES), dtype=np.intp), np.zeros(NOWHERE + 1, dtype=np.intp)
    lanes.place[:] = -1
    waiting, longest = 0, 0
    while count[NOWHERE] < LANES:
        count[:] = 0
        for j in range(LANES):
            at[looking[j], count[looking[j]]] = j
            count[looking[j]] += 1
        _newton_steps(s, looking, steps, rules)
        for kind in (FIRST, ON_GRID, CLOSELY):
            for i in range(count[kind]):
                j = at[kind, i]
                lane, here = lanes[j], s[TAU2, j]
                tilt, fall, rise = s[TILT, j], s[FALL, j], s[RISE, j]
                if kind == FIRST:
                    for which in range(TOLD):
                        at_first[which, lane.place] = s[which, j]
                    if equation == GIVEN:
                        lane.looking = AT_ROOT
                    else:
                        s[TAU2, j] = _begin(lane, tilt, fall, rise, equation, rules)
                elif kind == ON_GRID:
                    s[TAU2, j] = _end_of_cell(lane, here, tilt, fall, rise, rules)
                else:
                    s[TAU2, j] = _inside_cell(lane, here, tilt, rules)
                if kind == FIRST and lane.looking == AT_ROOT and s[TAU2, j] == here:
                    at[AT_ROOT, count[AT_ROOT]] = j
                    count[AT_ROOT] += 1
                looking[j], steps[j] = lane.looking, 0
                s[LOW, j], s[HIGH, j] = lane.peak_low, lane.peak_high
        for i in range(count[AT_ROOT]):
            j = at[AT_ROOT, i]
            lane = lanes[j]
            if lane.place >= 0:
                tau2[lane.place] = s[TAU2, j]
                for which in range(TOLD):
                    at_tau2[which, lane.place] = s[which, j]
            looking[j] = NOWHERE
            if waiting < n:
                place, looking[j] = order[waiting], FIRST
                longest = max(longest, int(k[place]) - 1)
                y0[place] = _take_place(
                    lane, j, y, v, present, rows[place], effects, variances, own, longest
                )
                lane.place, lane.k, v0[place] = place, k[place], lane.v0
                s[V0, j], s[TAU2, j] = lane.v0, tau2[place] if equation == GIVEN else 0.0
                waiting += 1
        _side_by_side(variances, effects, w, s, longest)
        _see(s, lanes.k, equation)
