"""Do intervals keep their promise when comparisons share an arm? Old ones beside new, simulated.

`shared_coverage` draws trials whose comparisons have an arm in common, treats that arm in the three
ways, and counts how often each interval holds the true mean. It is slower than `simulate`, whose
comparisons are independent, because each data set is fitted by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis_lib.base.checks import FloatArray, check_choice, check_level
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import MEASURES
from analysis_lib.effects.means import small_sample_correction
from analysis_lib.pooling.bayesian import bayes_pool
from analysis_lib.pooling.copas_interval import henmi_copas
from analysis_lib.pooling.dependent_effects import MultilevelEffect, multilevel
from analysis_lib.pooling.pooled_effect import Interval, PooledEffect, pool
from analysis_lib.pooling.robust_variance import robust
from analysis_lib.pooling.simulation import Progress, Store, Tally, TaskExecutor, digest, run_blocks

#: Data sets a block: about two seconds of work.
BLOCK_SIZE = 250
#: Stored blocks of another version are not taken up. Raise it when the same seed gives other data.
VERSION = 1
#: Scale of the half-normal prior of tau, in standard deviations of people.
PRIOR_SCALE = 0.5
#: What is added up of each interval.
SUMS = ("fits", "covered", "excludes_zero", "width")


@dataclass(frozen=True, slots=True)
class SharedDesign:
    """One meta-analysis to simulate whose comparisons may share an arm.

    Parameters
    ----------
    name : str
        What the results call it.
    trial : tuple of str, length k
        The trial of each comparison. Comparisons of one trial share their second arm.
    n_own, n_shared : tuple of float, length k
        People in the first arm of each comparison, and in the whole of the second.
    tau2 : float
        Variance of the true effects between trials; comparisons of a trial have the same one.
    mean : float
        Mean of the true effects.
    measure : {"MD", "SMD"}
        Mean difference, or Hedges' g in standard deviations.
    sd : tuple of float, length k, optional
        Standard deviation of people, for MD; 1 when absent.

    Raises
    ------
    ReviewError
        For columns of unequal length, fewer than two trials, or arms that no trial can have.
    """

    name: str
    trial: tuple[str, ...]
    n_own: tuple[float, ...]
    n_shared: tuple[float, ...]
    tau2: float
    mean: float = 0.0
    measure: str = "MD"
    sd: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        told = f"design {self.name!r}"
        check_choice(f"{told}: measure", self.measure, MEASURES)
        for name in ("n_own", "n_shared", "sd"):
            object.__setattr__(self, name, tuple(map(float, getattr(self, name))))
        if not self.sd:
            object.__setattr__(self, "sd", (1.0,) * self.k)
        if {len(self.n_own), len(self.n_shared), len(self.sd)} != {self.k}:
            raise ReviewError(f"{told}: trial, n_own, n_shared and sd need one length")
        if len(set(self.trial)) < 2:
            raise ReviewError(f"{told}: two trials or more are needed")
        sound = all(n > 1 for n in self.n_own + self.n_shared) and all(s > 0 for s in self.sd)
        if not (sound and self.tau2 >= 0 and math.isfinite(self.tau2 + self.mean)):
            raise ReviewError(f"{told}: arms of more than one, sd above zero, tau2 not negative")

    @property
    def k(self) -> int:
        """Number of comparisons."""
        return len(self.trial)

    def draw(self, generator: np.random.Generator) -> Drawn:
        """Draw one data set."""
        place = np.unique(np.array(self.trial), return_inverse=True)[1]
        own, shared, sd = np.array(self.n_own), np.array(self.n_shared), np.array(self.sd)
        firsts = np.unique(place, return_index=True)[1]
        truth = self.mean + math.sqrt(self.tau2) * generator.standard_normal(len(firsts))
        noise = sd / np.sqrt(own) * generator.standard_normal(self.k)
        common = (sd / np.sqrt(shared))[firsts] * generator.standard_normal(len(firsts))
        effect = truth[place] + noise - common[place]
        square1 = sd**2 * generator.chisquare(own - 1) / (own - 1)
        freedom = shared[firsts] - 1
        square2 = ((sd[firsts] ** 2) * generator.chisquare(freedom) / freedom)[place]
        sisters = place[:, None] == place[None, :]
        uses = sisters.sum(axis=1)
        if self.measure == "MD":
            parts = square1 / own, square2 / shared
            split = parts[0] + parts[1] * uses
            covariance = np.diag(parts[0]) + sisters * np.sqrt(np.outer(parts[1], parts[1]))
            return Drawn(effect, split, covariance, self.trial, own)
        degrees = own + shared - 2
        pooled = np.sqrt((square1 * (own - 1) + square2 * (shared - 1)) / degrees)
        g = small_sample_correction(degrees) * effect / pooled
        people = sisters @ own + shared
        covariance = sisters * (
            1 / np.sqrt(np.outer(shared, shared)) + np.outer(g, g) / (2 * people)
        )
        np.fill_diagonal(covariance, 1 / own + 1 / shared + g**2 / (2 * (own + shared)))
        part = shared / uses
        split = 1 / own + 1 / part + g**2 / (2 * (own + part))
        return Drawn(g, split, covariance, self.trial, own)


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """One data set: effects, variances with arms split, covariance with arms whole, own people."""

    effect: FloatArray
    split: FloatArray
    covariance: FloatArray
    trial: tuple[str, ...]
    people: FloatArray

    def combined(self) -> tuple[FloatArray, FloatArray]:
        """Return effects and variances of one comparison a trial."""
        names = np.array(self.trial)
        weights = np.array([(names == name) * self.people for name in dict.fromkeys(self.trial)])
        weights = weights / weights.sum(axis=1, keepdims=True)
        return weights @ self.effect, np.diagonal(weights @ self.covariance @ weights.T)

    def modelled(self, level: float) -> MultilevelEffect | PooledEffect:
        """Return the multilevel fit, or the pooled one where every trial has one comparison."""
        if len(set(self.trial)) == len(self.trial):
            return pool(self.effect, np.diagonal(self.covariance), level=level)
        return multilevel(self.effect, self.covariance, self.trial, level=level)


def _intervals(data: Drawn, level: float, scale: float) -> Iterator[tuple[str, Interval]]:
    """Yield every interval that is compared, by its name."""
    for ci_method in ("wald", "HK"):
        fit = pool(data.effect, data.split, ci_method=ci_method, level=level)
        yield f"split, {ci_method}", fit.ci
    effect, variance = data.combined()
    for ci_method in ("HK", "KR"):
        fit = pool(effect, variance, ci_method=ci_method, level=level)
        yield f"combined, {ci_method}", fit.ci
    yield "combined, Henmi-Copas", henmi_copas(effect, variance, level=level).ci
    prior = ("half-normal", PRIOR_SCALE * scale)
    yield "combined, Bayes", bayes_pool(effect, variance, tau_prior=prior, level=level).ci
    modelled = data.modelled(level)
    yield "modelled, wald", modelled.ci
    yield "modelled, robust", robust(modelled, data.trial).ci


@dataclass(frozen=True, slots=True)
class _SharedBlock:
    """A part of the work: some data sets of one design."""

    design: SharedDesign
    level: float
    place: int
    rows: int
    seed: int

    @property
    def file(self) -> str:
        """Name of the file that keeps the result: whatever can change it changes the name."""
        own = {"version": VERSION, "kind": "shared", "prior": PRIOR_SCALE, **asdict(self)}
        return f"{digest(own):032x}.json"

    def compute(self) -> Tally:
        """Draw and fit the data sets, and return the sums for each interval."""
        key = (digest({**asdict(self.design), "name": ""}), self.place)
        generator = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))
        sums: dict[str, dict[str, float]] = {}
        scale, mean = float(np.median(self.design.sd)), self.design.mean
        for _ in range(self.rows):
            data = self.design.draw(generator)
            for name, (low, high) in _intervals(data, self.level, scale):
                own = sums.setdefault(name, dict.fromkeys(SUMS, 0.0))
                counted = (1.0, low <= mean <= high, low > 0 or high < 0, high - low)
                for what, value in zip(SUMS, counted, strict=True):
                    own[what] += value
        return [{"method": name, **own} for name, own in sums.items()]


def shared_coverage(
    designs: Sequence[SharedDesign],
    *,
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    executor: TaskExecutor | None = None,
    progress: Progress | None = None,
    store: Path | str | None = None,
) -> pd.DataFrame:
    """Count how often intervals hold the true mean where comparisons share an arm.

    Parameters
    ----------
    designs : sequence of SharedDesign
        What to simulate; names must differ.
    n, seed, level, executor, progress, store
        As for `simulate`.

    Returns
    -------
    pandas.DataFrame
        One row for each design and interval: ``design``, ``k``, ``trials``, ``measure``, ``mean``,
        ``tau2``, ``method``, ``fits``, ``coverage``, ``coverage_se``, ``excludes_zero`` and
        ``width`` (mean).

    Notes
    -----
    The shared arm is split (Wald and Hartung-Knapp intervals), its comparisons are combined into
    one (Hartung-Knapp, Kenward-Roger, Henmi-Copas, and Bayesian with a half-normal prior of tau at
    half a standard deviation of people), or modelled (multilevel, Wald and robust CR2). All see the
    same data sets. Block b of a design has the random numbers of
    ``SeedSequence(seed, spawn_key=(d, b))``, as in `simulate`.

    References
    ----------
    Morris TP, White IR, Crowther MJ (2019). Using simulation studies to evaluate statistical
    methods. Statistics in Medicine 38:2074-2102.

    Examples
    --------
    >>> small = SharedDesign("sisters", ("a", "a", "b", "c"), (20,) * 4, (20,) * 4, tau2=0.1)
    >>> table = shared_coverage([small], n=20)
    >>> table["method"].tolist()[:2]
    ['split, wald', 'split, HK']
    """
    check_level(level)
    names = [design.name for design in designs]
    if len(set(names)) < len(names) or not names or n < 1:
        raise ReviewError("designs need names that differ, and n must be 1 or more")
    blocks = [
        _SharedBlock(design, level, place, min(BLOCK_SIZE, n - start), seed)
        for design in designs
        for place, start in enumerate(range(0, n, BLOCK_SIZE))
    ]
    tallies = run_blocks(blocks, executor, progress, Store(None if store is None else Path(store)))
    rows = [
        row
        for design in designs
        for row in _summary(design, [part for b, part in tallies.items() if b.design == design])
    ]
    return pd.DataFrame(rows)


def _summary(design: SharedDesign, tallies: Sequence[Tally]) -> Iterator[dict[str, object]]:
    for parts in zip(*tallies, strict=True):
        total = {name: math.fsum(part[name] for part in parts) for name in SUMS}
        fits = total["fits"]
        share = total["covered"] / fits
        yield {
            "design": design.name,
            "k": design.k,
            "trials": len(set(design.trial)),
            "measure": design.measure,
            "mean": design.mean,
            "tau2": design.tau2,
            "method": parts[0]["method"],
            "fits": int(fits),
            "coverage": share,
            "coverage_se": math.sqrt(share * (1 - share) / fits),
            "excludes_zero": total["excludes_zero"] / fits,
            "width": total["width"] / fits,
        }
