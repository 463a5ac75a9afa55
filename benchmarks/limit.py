"""Measure how near the pooling of all subsets comes to what this processor can do at most.

``python benchmarks/limit.py`` writes limit.md and limit.svg, and needs numba. The arithmetic that
REML fits need is counted while NumPy does it; what one core can do is measured with three small
kernels in the same run. All times are processor seconds, the best of several repeats.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numba
import numpy as np
from run import best, data, load, processor

from analysis_lib.pooling import batch, compiled
from analysis_lib.pooling.leaving_out import gosh

HERE = Path(__file__).resolve().parent
#: What `_side_by_side` in `pooling/compiled.py` computes for one study at one tau2: v + tau2, its
#: inverse, and eight sums. Divisions count once here and have a limit of their own.
OPERATIONS, DIVISIONS = 23, 1
#: A mask of one byte a study comes in; twelve numbers and a reason go out.
BYTES_OUT = 12 * 8 + 8 + 1


@dataclass(frozen=True, slots=True)
class Work:
    """What one fit needs, on average."""

    looks: float  # values of tau2 at which the sums are taken
    studies: float  # that are added up, over all looks
    bytes: float

    @property
    def operations(self) -> float:
        """Additions, multiplications and divisions."""
        return OPERATIONS * self.studies


@dataclass(frozen=True, slots=True)
class Machine:
    """What one core can do at most, a second."""

    operations: float
    divisions: float
    bytes: float

    def seconds(self, work: Work) -> dict[str, float]:
        """Return how long one fit takes at least, by each of the limits."""
        return {
            "additions and multiplications": work.operations / self.operations,
            "divisions": DIVISIONS * work.studies / self.divisions,
            "memory": work.bytes / self.bytes,
        }


def drawn(k: int, subsets: int) -> np.ndarray:
    """Return masks of random subsets that are not empty."""
    masks = np.random.default_rng(1).random((subsets, k)) < 0.5
    return masks[masks.any(axis=1)]


def count(k: int, subsets: int) -> Work:
    """Count what so many random subsets of k studies need."""
    (y, v), masks = data(k), drawn(k, subsets)
    looks = studies = 0.0
    weigh = batch._Block.weigh

    def counted(block: batch._Block, tau2: np.ndarray | float) -> batch.Weighted:
        nonlocal looks, studies
        looks += len(block.k)
        studies += float((block.k - 1).sum())
        return weigh(block, tau2)

    batch._Block.weigh = counted  # type: ignore[method-assign]
    try:
        batch.pool_many(y, v, masks)
    finally:
        batch._Block.weigh = weigh  # type: ignore[method-assign]
    return Work(looks / len(masks), studies / len(masks), k + BYTES_OUT)


@numba.njit(fastmath={"contract"})
def _multiply_and_add(x: np.ndarray, times: int) -> None:
    for _ in range(times):
        for i in range(len(x)):
            a = x[i]
            for _ in range(32):
                a = a * 0.999 + 0.001
            x[i] = a


@numba.njit(error_model="numpy")
def _divide(x: np.ndarray, y: np.ndarray, times: int) -> None:
    for _ in range(times):
        for i in range(len(x)):
            y[i] = 1.0 / x[i]


def measure_machine() -> Machine:
    """Measure multiplying and adding, dividing, and reading and writing memory, on one core."""
    small, other = np.random.default_rng(1).random((2, 1024))
    times = 2000
    operations = 64 * len(small) * times
    added = best(partial(_multiply_and_add, small, times), repeats=7)
    divided = best(partial(_divide, small, other, times), repeats=7)
    large, target = np.ones(2**24), np.empty(2**24)
    copied = best(partial(np.copyto, target, large), repeats=7)
    return Machine(
        operations / added.cpu, len(small) * times / divided.cpu, 2 * large.nbytes / copied.cpu
    )


def measure_fits(k: int) -> dict[str, float]:
    """Return processor seconds a fit of all subsets, by engine and for the compiled pass."""
    y, v = data(k)
    found = {
        engine: best(partial(gosh, y, v, engine=engine), repeats=3).cpu / 2**k
        for engine in ("numpy", "numba")
    }
    masks = drawn(k, 12_000)

    def compiled_pass() -> list[batch.Part]:
        return list(compiled.solve(*batch._as_rows(y, v, masks), "REML"))

    found["pass"] = best(compiled_pass, repeats=20).cpu / len(masks)
    return found


def lines(k: int, work: Work, machine: Machine, fits: dict[str, float]) -> Iterator[str]:
    """Yield the page."""
    limits = machine.seconds(work)
    limit = max(limits.values())
    yield from ["# How near to the limit of the machine?", ""]
    yield (
        f"All subsets of {k} studies pooled by REML, as `gosh` does: {2**k:,} fits on one core. "
        f"{processor()}; load of the machine {load():.1f}. Processor seconds, the best of several "
        "repeats; the limits were measured in the same run, so that what others did at the same "
        "time slows both."
    )
    yield from ["", "| what a fit needs | on average |", "|---|---:|"]
    yield f"| values of tau² at which the studies are added up | {work.looks:.1f} |"
    yield f"| studies added up, over all these | {work.studies:.0f} |"
    told = f"operations, {OPERATIONS} a study, {DIVISIONS} of them a division"
    yield f"| {told} | {work.operations:,.0f} |"
    yield f"| bytes in and out | {work.bytes:.0f} |"
    yield from ["", "| what one core can do | a second | a fit takes at least |"]
    yield "|---|---:|---:|"
    rates = (machine.operations, machine.divisions, machine.bytes)
    units = ("operations", "divisions", "bytes")
    for (name, seconds), rate, unit in zip(limits.items(), rates, units, strict=True):
        yield f"| {name} | {rate / 1e9:.1f} billion {unit} | {1e9 * seconds:.0f} ns |"
    yield ""
    yield f"So one fit takes at least {1e9 * limit:.0f} ns, and all take {limit * 2**k:.3f} s."
    yield from ["", "| who | a fit | fits a second | times the limit |", "|---|---:|---:|---:|"]
    names = {
        "numpy": '`gosh`, `engine="numpy"`',
        "numba": '`gosh`, `engine="numba"`',
        "pass": "of this the compiled pass: contrasts, τ² and all sums",
    }
    for key, name in names.items():
        yield (
            f"| {name} | {1e9 * fits[key]:.0f} ns | {1 / fits[key]:,.0f} | "
            f"{fits[key] / limit:.1f} |"
        )
    yield from ["", "![Operations a second against operations a byte](limit.svg)", ""]
    yield "What keeps it from the limit, and what was tried: [limit_notes.md](limit_notes.md)."


def draw(work: Work, machine: Machine, fits: dict[str, float], path: Path) -> None:
    """Draw the roof and where the engines stand under it."""
    import matplotlib.pyplot as plt

    from analysis_lib.plots import use_style

    use_style()
    figure, ax = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
    intensity = np.geomspace(0.1, 1000, 50)
    roof = np.minimum(intensity * machine.bytes, machine.operations)
    ax.loglog(intensity, roof / 1e9, label="memory, then operations")
    dividing = machine.divisions * OPERATIONS / DIVISIONS / 1e9
    ax.axhline(dividing, linestyle="--", label="divisions")
    here = work.operations / work.bytes
    for (who, seconds), marker in zip(fits.items(), "osD", strict=True):
        told = "compiled pass alone" if who == "pass" else f"gosh, {who}"
        ax.loglog(here, work.operations / seconds / 1e9, marker, label=told)
    ax.set_xlabel("operations a byte")
    ax.set_ylabel("billion operations a second")
    ax.legend()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("-k", type=int, default=20, help="number of studies")
    parser.add_argument("--folder", type=Path, default=HERE, help="where to write")
    chosen = parser.parse_args()
    work, machine, fits = count(chosen.k, 2**14), measure_machine(), measure_fits(chosen.k)
    text = "\n".join(lines(chosen.k, work, machine, fits)) + "\n"
    (chosen.folder / "limit.md").write_text(text, encoding="utf-8", newline="\n")
    draw(work, machine, fits, chosen.folder / "limit.svg")
    print(text)


if __name__ == "__main__":
    main()
