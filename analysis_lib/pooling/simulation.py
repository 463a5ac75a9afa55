"""How often do intervals keep their promise? Meta-analyses simulated where the truth is known.

`simulate` draws trials with people in two arms, pools them as a reviewer would, and counts how
often each interval holds the true mean or the true effect of a new setting.

The work is cut into blocks. The random numbers of a block depend on the seed, the design and the
block's place alone, and counts are added up exactly, so that the result is the same whoever
computes which block, in which order, on how many machines, in how many attempts.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, as_completed
from dataclasses import asdict, dataclass
from itertools import product, zip_longest
from pathlib import Path
from typing import Any, Protocol, TextIO, TypeVar

import numpy as np
import pandas as pd
from scipy.special import ndtr

from analysis_lib.base.checks import (
    FloatArray,
    as_count,
    as_floats,
    as_items,
    as_number,
    check_choice,
    check_kind,
)
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import MEASURES
from analysis_lib.effects.means import small_sample_correction
from analysis_lib.pooling.batch import PooledRows, pool_many
from analysis_lib.pooling.methods import CI_METHODS, Methods

#: Data sets a block: some hundredths of a second of work, little to lose and little to send.
BLOCK_SIZE = 10_000
#: An executor gets several blocks at a time: a scheduler needs a millisecond or two for a task,
#: which is to be under 2 % of the work in it. There are so many tasks at least, that many cores
#: have some, and at most, so that a run of any size costs the scheduler seconds.
BLOCKS_PER_TASK, FEWEST_TASKS = 8, 64
MOST_TASKS = 10_000
#: Stored blocks of another version are not taken up. Raise it when the same seed gives other data.
VERSION = 1

Progress = Callable[[int, int], None]
Tally = list[dict[str, Any]]


class TaskExecutor(Protocol):
    """What is needed of an executor: the ``submit`` of `concurrent.futures.Executor`."""

    def submit(self, fn: Any, /, *args: Any) -> Future[Any]:
        """Start ``fn(*args)``, wherever that may be, and return its future."""


@dataclass(frozen=True, slots=True)
class Design:
    """One meta-analysis to simulate: the trials, and the truth behind them.

    Parameters
    ----------
    name : str
        What the results call it.
    n_experimental, n_comparator : tuple of float, length k
        People in the two arms of each trial, more than 1. A part of a shared arm need not be a
        whole number.
    tau2 : float
        Variance of the true effects between trials.
    mean : float
        Mean of the true effects.
    measure : {"MD", "SMD"}
        Mean difference, or Hedges' g in standard deviations.
    sd : tuple of float, length k, optional
        Standard deviation of people in each trial, for MD; 1 when absent. For SMD it is 1 always.

    Raises
    ------
    ReviewError
        For arms, standard deviations or a truth that no trial can have.

    Examples
    --------
    >>> from analysis_lib.pooling.simulation import Design
    >>> Design("five small trials", (20,) * 5, (20,) * 5, tau2=0.1).k
    5
    """

    name: str
    n_experimental: tuple[float, ...]
    n_comparator: tuple[float, ...]
    tau2: float
    mean: float = 0.0
    measure: str = "MD"
    sd: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("n_experimental", "n_comparator", "sd"):
            # plain floats, so that the same design is written, and seeded, in one way only
            object.__setattr__(self, name, tuple(as_floats(name, getattr(self, name)).tolist()))
        for name in ("tau2", "mean"):
            object.__setattr__(self, name, as_number(name, getattr(self, name)))
        if not self.sd:
            object.__setattr__(self, "sd", (1.0,) * self.k)
        self._check()

    @property
    def k(self) -> int:
        """Number of trials."""
        return len(self.n_experimental)

    def _check(self) -> None:
        told = f"design {self.name!r}"
        check_choice(f"{told}: measure", self.measure, MEASURES)
        if {len(self.n_experimental), len(self.n_comparator), len(self.sd)} != {
            self.k
        } or self.k < 2:
            raise ReviewError(
                f"{told}: n_experimental, n_comparator, sd need one length, two or more"
            )
        for name in ("n_experimental", "n_comparator"):
            _check_all(f"{told}: {name}", getattr(self, name), above=1.0)
        _check_all(f"{told}: sd", self.sd, above=0.0)
        if self.measure == "SMD" and set(self.sd) != {1.0}:
            raise ReviewError(f"{told}: effects in standard deviations leave no room for sd")
        if not (math.isfinite(self.mean) and math.isfinite(self.tau2) and self.tau2 >= 0):
            raise ReviewError(
                f"{told}: mean and tau2 must be finite and tau2 not negative, "
                f"got {self.mean} and {self.tau2}"
            )

    def draw(self, rows: int, generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Draw data sets.

        Parameters
        ----------
        rows : int
            How many.
        generator : numpy.random.Generator
            Where the random numbers come from.

        Returns
        -------
        effect, variance : ndarray of shape (rows, k)
            What the trials report: the effect, and its sampling variance as it is estimated from
            the standard deviations of the arms.

        Notes
        -----
        A trial's true effect is normal about ``mean`` with variance ``tau2``; the difference of
        its two sample means is normal about that, and the squared standard deviations of its arms
        are drawn from chi-squared distributions with ``n - 1`` degrees of freedom.
        """
        n1, n2, sd = np.array(self.n_experimental), np.array(self.n_comparator), np.array(self.sd)
        shape = (rows, self.k)
        truth = self.mean + math.sqrt(self.tau2) * generator.standard_normal(shape)
        noise = sd * np.sqrt(1 / n1 + 1 / n2) * generator.standard_normal(shape)
        squares1, squares2 = (sd**2 * generator.chisquare(n - 1, shape) for n in (n1, n2))
        if self.measure == "MD":
            return truth + noise, squares1 / (n1 - 1) / n1 + squares2 / (n2 - 1) / n2
        degrees = n1 + n2 - 2
        pooled_sd = np.sqrt((squares1 + squares2) / degrees)
        g = small_sample_correction(degrees) * (truth + noise) / pooled_sd
        return g, 1 / n1 + 1 / n2 + g**2 / (2 * (n1 + n2))


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """The result of `simulate`.

    Attributes
    ----------
    table : DataFrame
        One row for each design, estimator of tau2 and interval; see `simulate`.
    n, seed, level
        Data sets a design, seed of the random numbers, level of the intervals.
    """

    table: pd.DataFrame
    n: int
    seed: int
    level: float


def simulate(
    designs: Sequence[Design] | Design,
    *,
    n: int = 10_000,
    seed: int = 0,
    tau2_methods: Sequence[str] = ("REML",),
    ci_methods: Sequence[str] = CI_METHODS,
    pi_methods: Sequence[str] = ("HTS", "V", "normal"),
    level: float = 0.95,
    executor: TaskExecutor | None = None,
    progress: Progress | None = None,
    store: Path | str | None = None,
    engine: str = "numpy",
) -> Simulation:
    """Count how often confidence and prediction intervals hold the truth.

    Parameters
    ----------
    designs : Design or sequence of Design
        What to simulate; names must differ.
    n : int
        Data sets drawn from each design.
    seed : int
        Of all random numbers.
    tau2_methods, ci_methods, pi_methods : sequence of str
        Methods to compare, as in `analysis_lib.pool`. All see the same data sets.
    level : float
        Level of all intervals, between 0 and 1.
    executor : optional
        Anything with the ``submit`` of `concurrent.futures.Executor`: a process pool, or
        ``client.get_executor()`` of a Dask cluster. If it breaks, because a worker of a process
        pool was killed for example, what is left is computed here, with a warning.
    progress : callable, optional
        Called with the number of blocks that are done and of all blocks; see `progress_bar`.
    store : path, optional
        A folder that keeps every finished block. A run that is interrupted and started again, or
        started again with a larger n or more designs, computes only what is missing there.
    engine : {"numpy", "numba"}
        What does the arithmetic, as in `analysis_lib.pool_many`: the same numbers to 1e-12.

    Returns
    -------
    Simulation
        Its table has the columns ``design``, ``k``, ``measure``, ``mean``, ``tau2`` (the truth),
        ``tau2_method``, ``kind`` (CI or PI), ``method``, ``fits`` (data sets with such an
        interval; an HTS interval needs three studies), ``coverage`` and its standard error
        ``coverage_se``, ``excludes_zero`` (share of the intervals without zero: for CI the error
        rate of the test when the mean is zero, its power when not), ``width`` (mean),
        ``tau2_estimate`` (mean) and ``tau2_zero`` (share of estimates that are zero).

    Raises
    ------
    ReviewError
        For an unknown method, designs of one name, n below 1, or a data set that could not be
        fitted.

    Notes
    -----
    A confidence interval covers if it holds ``mean``. Of a prediction interval the coverage is
    the probability that it holds a new true effect drawn from ``N(mean, tau2)``, computed exactly
    for each data set, so that no noise is added by drawing the new effect.

    Block b of a design has the random numbers of ``SeedSequence(seed, spawn_key=(d, b))``, what
    `numpy.random.SeedSequence.spawn` would give, with d from the content of the design rather
    than from its place in the list. Adding designs or data sets leaves the others as they were.

    References
    ----------
    Morris TP, White IR, Crowther MJ (2019). Using simulation studies to evaluate statistical
    methods. Statistics in Medicine 38:2074-2102.
    Partlett C, Riley RD (2017). Random effects meta-analysis: coverage performance of 95%
    confidence and prediction intervals following REML estimation. Statistics in Medicine
    36:301-317.

    Examples
    --------
    >>> from analysis_lib.pooling.simulation import Design, simulate
    >>> small = Design("five small trials", (20,) * 5, (20,) * 5, tau2=0.1)
    >>> table = simulate(small, n=4000, ci_methods=["wald", "HK"], pi_methods=[]).table
    >>> table[["method", "coverage"]].round(2)
      method  coverage
    0   wald      0.91
    1     HK      0.94
    """
    designs = [designs] if isinstance(designs, Design) else list(as_items("designs", designs))
    _check_names(designs)
    n = as_count("n", n)
    compared = tuple(tau2_methods), tuple(ci_methods), tuple(pi_methods)
    methods = _Compared(*compared, float(level), engine)
    blocks = [block for design in designs for block in _blocks(design, methods, n, seed)]
    tallies = run_blocks(blocks, executor, progress, Store(None if store is None else Path(store)))
    rows = [
        row
        for design in designs
        for row in _summary(design, [sums for b, sums in tallies.items() if b.design == design])
    ]
    return Simulation(pd.DataFrame(rows, columns=list(COLUMNS)), n, seed, level)


def progress_bar(stream: TextIO | None = None, *, width: int = 30) -> Progress:
    """Return a function that draws how far a simulation has come, in plain text.

    Parameters
    ----------
    stream : text file, optional
        Where to; the error stream by default. On a terminal the line is drawn over, elsewhere a
        line is written at every tenth of the way.
    width : int
        Characters of the bar.

    Returns
    -------
    callable
        To be passed as ``progress`` to `simulate`.

    Examples
    --------
    >>> import sys
    >>> from analysis_lib.pooling.simulation import progress_bar
    >>> bar = progress_bar(sys.stdout, width=10)
    >>> bar(2, 2)
    [##########] 2 of 2 blocks, done
    """
    out = sys.stderr if stream is None else stream
    begun: list[tuple[float, int]] = []  # when, and how many blocks were there already

    def show(done: int, total: int) -> None:
        begun[:] = begun or [(time.monotonic(), done)]
        if not out.isatty() and done < total and done * 10 // total == (done - 1) * 10 // total:
            return
        filled = width * done // total
        bar = "#" * filled + "-" * (width - filled)
        text = f"[{bar}] {done} of {total} blocks, {_time_left(*begun[0], done, total)}"
        end = "\n" if done == total or not out.isatty() else ""
        out.write(("\r" if out.isatty() else "") + text.ljust(width + 40 if not end else 0) + end)
        out.flush()

    return show


def _time_left(start: float, at_start: int, done: int, total: int) -> str:
    if done == total:
        return "done"
    if done == at_start:
        return "starting"
    seconds = (time.monotonic() - start) / (done - at_start) * (total - done)
    return f"about {seconds:.0f} s left"


@dataclass(frozen=True, slots=True)
class _Compared:
    """What is computed of every data set."""

    tau2: tuple[str, ...]
    ci: tuple[str, ...]
    pi: tuple[str, ...]
    level: float
    engine: str

    def __post_init__(self) -> None:
        if not self.tau2 or not (self.ci or self.pi):
            raise ReviewError("simulate needs a method for tau2 and at least one interval")
        for _ in self.passes():  # each is checked
            pass

    def passes(self) -> Iterator[tuple[Methods, str | None, str | None]]:
        """Yield the methods of each pass of fitting, and its interval of each kind."""
        for tau2, (ci, pi) in product(self.tau2, zip_longest(self.ci, self.pi)):
            methods = Methods(tau2_method=tau2, level=self.level)
            methods = methods if ci is None else methods.but(ci_method=ci)
            yield methods if pi is None else methods.but(pi_method=pi), ci, pi


@dataclass(frozen=True, slots=True)
class _Block:
    """A part of the work: some data sets of one design."""

    design: Design
    methods: _Compared
    place: int
    rows: int
    seed: int

    def generator(self) -> np.random.Generator:
        key = (digest({**asdict(self.design), "name": ""}), self.place)
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    @property
    def file(self) -> str:
        """Name of the file that keeps the result: whatever can change it changes the name."""
        return f"{digest({'version': VERSION, **asdict(self)}):032x}.json"

    def compute(self) -> Tally:
        """Draw and fit the data sets, and return the sums for each interval."""
        effect, variance = self.design.draw(self.rows, self.generator())
        tally = []
        for methods, ci, pi in self.methods.passes():
            rows = pool_many(effect, variance, engine=self.methods.engine, **methods)
            if not rows.fitted.all():
                lost = int((~rows.fitted).sum())
                raise ReviewError(f"design {self.design.name!r}: {lost} data sets not fitted")
            kinds = (
                ("CI", ci, (rows.ci_low, rows.ci_high), _holds_mean),
                ("PI", pi, (rows.pi_low, rows.pi_high), _share_held),
            )
            for kind, method, limits, cover in kinds:
                if method is not None:
                    name = {"tau2_method": rows.tau2_method, "kind": kind, "method": method}
                    tally.append(name | _sums(rows, *limits, cover, self.design))
        return tally


class Block(Protocol):
    """A part of the work, whatever is drawn and fitted in it."""

    @property
    def file(self) -> str:
        """Name of the file that keeps the result."""

    def compute(self) -> Tally:
        """Do the work."""


BlockOfKind = TypeVar("BlockOfKind", bound=Block)


def digest(content: dict[str, Any]) -> int:
    """Return a number that changes with anything in the content."""
    text = json.dumps(content, sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16])


def _blocks(design: Design, methods: _Compared, n: int, seed: int) -> Iterator[_Block]:
    for place, start in enumerate(range(0, n, BLOCK_SIZE)):
        yield _Block(design, methods, place, min(BLOCK_SIZE, n - start), seed)


#: What is added up of each interval over the data sets that have it.
SUMS = ("fits", "covered", "covered_squared", "excludes_zero", "width", "tau2", "tau2_zero")


def _compute(block: Block) -> Tally:
    return block.compute()


def _compute_all(blocks: Sequence[Block]) -> list[Tally]:
    return [_compute(block) for block in blocks]


def _sums(
    rows: PooledRows,
    low: FloatArray,
    high: FloatArray,
    cover: Callable[[Design, FloatArray, FloatArray], FloatArray],
    design: Design,
) -> dict[str, float]:
    there = np.isfinite(low)
    low, high, tau2 = low[there], high[there], rows.tau2[there]
    covered = cover(design, low, high)
    counted = (
        np.ones_like(low),
        covered,
        covered**2,
        (low > 0) | (high < 0),
        high - low,
        tau2,
        tau2 == 0,
    )
    return {name: float(values.sum()) for name, values in zip(SUMS, counted, strict=True)}


def _holds_mean(design: Design, low: FloatArray, high: FloatArray) -> FloatArray:
    return ((low <= design.mean) & (design.mean <= high)).astype(float)


def _share_held(design: Design, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return the probability that each interval holds a new true effect."""
    if design.tau2 == 0:
        return _holds_mean(design, low, high)
    to_z = 1 / math.sqrt(design.tau2)
    return np.asarray(ndtr((high - design.mean) * to_z) - ndtr((low - design.mean) * to_z))


COLUMNS = (
    "design",
    "k",
    "measure",
    "mean",
    "tau2",
    "tau2_method",
    "kind",
    "method",
    "fits",
    "coverage",
    "coverage_se",
    "excludes_zero",
    "width",
    "tau2_estimate",
    "tau2_zero",
)


def _summary(design: Design, tallies: Sequence[Tally]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table that belong to one design."""
    truth = {
        "design": design.name,
        "k": design.k,
        "measure": design.measure,
        "mean": design.mean,
        "tau2": design.tau2,
    }
    for parts in zip(*tallies, strict=True):
        # fsum rounds once, so that the order of the blocks cannot matter
        total = {name: math.fsum(part[name] for part in parts) for name in SUMS}
        fits = total.pop("fits")
        mean = {name: value / fits if fits else math.nan for name, value in total.items()}
        spread = max(0.0, mean["covered_squared"] - mean["covered"] ** 2)
        yield truth | {
            **{name: parts[0][name] for name in ("tau2_method", "kind", "method")},
            "fits": int(fits),
            "coverage": mean["covered"],
            "coverage_se": math.sqrt(spread / fits) if fits else math.nan,
            "excludes_zero": mean["excludes_zero"],
            "width": mean["width"],
            "tau2_estimate": mean["tau2"],
            "tau2_zero": mean["tau2_zero"],
        }


@dataclass(frozen=True, slots=True)
class Store:
    """The folder that keeps finished blocks; without a folder nothing is kept."""

    folder: Path | None

    def load(self, block: Block) -> Tally | None:
        """Return what was kept of a block, if it was."""
        if self.folder is None or not (self.folder / block.file).is_file():
            return None
        kept: Tally = json.loads((self.folder / block.file).read_text(encoding="utf-8"))
        return kept

    def save(self, block: Block, tally: Tally) -> None:
        """Write a file of another name and rename it, so that no half of a file is ever found."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh = self.folder / f"{block.file}.{os.getpid()}"
        fresh.write_text(json.dumps(tally), encoding="utf-8")
        fresh.replace(self.folder / block.file)


def run_blocks(
    blocks: Sequence[BlockOfKind],
    executor: TaskExecutor | None,
    progress: Progress | None,
    store: Store,
) -> dict[BlockOfKind, Tally]:
    """Return the sums of every block, in the order of the blocks."""
    done = {block: kept for block in blocks if (kept := store.load(block)) is not None}

    def report() -> None:
        if progress is not None:
            progress(len(done), len(blocks))

    def keep(block: BlockOfKind, tally: Tally) -> None:
        store.save(block, tally)
        done[block] = tally
        report()

    report()
    missing = [block for block in blocks if block not in done]
    if executor is not None:
        try:
            for block, tally in _elsewhere(missing, executor):
                keep(block, tally)
        except BrokenExecutor as error:
            warnings.warn(
                f"the executor broke ({error}); the rest is computed in this process",
                RuntimeWarning,
                stacklevel=3,
            )
    for block in missing:
        if block not in done:
            keep(block, _compute(block))
    return {block: done[block] for block in blocks}


def blocks_per_task(blocks: int) -> int:
    """Return how many of so many blocks an executor gets at a time."""
    enough = min(BLOCKS_PER_TASK, 1 + blocks // FEWEST_TASKS)
    return max(enough, math.ceil(blocks / MOST_TASKS))


def _elsewhere(
    blocks: Sequence[BlockOfKind], executor: TaskExecutor
) -> Iterator[tuple[BlockOfKind, Tally]]:
    """Yield blocks as the executor finishes them; whatever stops this calls off the others."""
    futures: dict[Future[list[Tally]], Sequence[BlockOfKind]] = {}
    size = blocks_per_task(len(blocks))
    try:
        for start in range(0, len(blocks), size):
            task = blocks[start : start + size]
            futures[executor.submit(_compute_all, task)] = task
        for future in as_completed(futures):
            yield from zip(futures[future], future.result(), strict=True)
    finally:
        for future in futures:
            future.cancel()


def _check_names(designs: Sequence[Design]) -> None:
    for design in designs:
        check_kind("designs", design, Design, "Design")
    names = [design.name for design in designs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        told = f"two designs are called {', '.join(twice)}" if twice else "no design"
        raise ReviewError(f"designs: {told}")


def _check_all(told: str, values: Sequence[float], *, above: float) -> None:
    bad = [value for value in values if not (math.isfinite(value) and value > above)]
    if bad:
        raise ReviewError(f"{told} must be finite and above {above:g}, got {bad}")
