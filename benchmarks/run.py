"""Measure how fast the library is, here and now, and write results.md, results.csv and growth.svg.

Run as ``python benchmarks/run.py``; ``--book`` also measures what people wait for: books, a review
that grows, an environment; ``--tests`` the tests; ``--quick`` tries everything once on small work.
Times are the best of several repeats, because everything else that a computer does can only add to
them. Processor time is what the work took, wall time what a reader waits.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import partial
from importlib.metadata import version
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import peers

import analysis_lib as al
from analysis_lib.pooling.leaving_out import gosh, leave_one_out
from analysis_lib.pooling.resampling import bootstrap, permutation_test
from analysis_lib.pooling.simulation import Design, simulate

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TAU2 = 0.3  # of the data that are measured, about three times the typical sampling variance


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the results."""

    part: str
    task: str
    who: str
    value: float | str
    unit: str
    wall: float | None = None  # seconds
    target: str = ""
    met: str = ""


@dataclass(frozen=True, slots=True)
class Times:
    """Best time of one run of a piece of work, in seconds."""

    wall: float
    cpu: float


def data(k: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return effects and variances of k studies with heterogeneity."""
    generator = np.random.default_rng(seed)
    variance = generator.uniform(0.02, 0.3, k)
    return generator.normal(-0.4, np.sqrt(variance + TAU2)), variance


def best(work: Callable[[], object], *, repeats: int, number: int = 1) -> Times:
    """Return the best wall and the best processor time of several repeats, after one to warm up."""
    work()
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(number):
            work()
        walls.append((time.perf_counter() - wall) / number)
        cpus.append((time.process_time() - cpu) / number)
    return Times(min(walls), min(cpus))


def verdict(value: float, limit: float, *, at_least: bool = False) -> str:
    """Say whether a target is met."""
    return "yes" if (value >= limit if at_least else value <= limit) else "no"


def single_fits(quick: bool) -> Iterable[Row]:
    """Measure one REML meta-analysis of 13 studies, here and elsewhere."""
    part, task = "one meta-analysis, k = 13", "REML fit"
    y, v = data(13)
    how = {"repeats": 3 if quick else 15, "number": 20 if quick else 300}
    ours = best(lambda: al.pool(y, v), **how)
    milliseconds = 1e3 * ours.cpu
    limit = 0.15
    yield Row(part, task, "pool", milliseconds, "ms", ours.wall, "at most 0.15 ms",
              verdict(milliseconds, limit))  # fmt: skip
    everything = best(lambda: all_numbers(al.pool(y, v)), **how)
    yield Row(part, "REML fit, PI, I2, CI of tau2", "pool", 1e3 * everything.cpu, "ms",
              everything.wall)  # fmt: skip
    fastest = float("inf")
    for peer in peers.installed():
        reference = al.pool(y, v, tau2_method=peer.tau2_method)
        estimate, tau2 = peer.fit(y, v)
        distance = max(abs(estimate - reference.estimate), abs(tau2 - reference.tau2))
        theirs = best(partial(peer.fit, y, v), repeats=5, number=5 if quick else 30)
        who = f"{peer.package} {peer.version} {peer.function}"
        if peer.tau2_method == "REML":
            fastest = min(fastest, theirs.cpu)
        differs = f"estimate and tau2 differ from ours by at most {distance:.0e}"
        yield Row(
            part, f"{peer.tau2_method} fit", who, 1e3 * theirs.cpu, "ms", theirs.wall, differs
        )
    if np.isfinite(fastest):
        ratio = fastest / ours.cpu
        yield Row(part, "times faster than the fastest peer with REML", "pool", ratio, "times",
                  None, "at least 5", verdict(ratio, 5, at_least=True))  # fmt: skip


def all_numbers(fit: al.PooledEffect) -> tuple[object, ...]:
    """Ask a fit for everything that it computes on demand."""
    return fit.prediction_interval, fit.i2, fit.i2_tau2, fit.tau2_ci, fit.weights, fit.q_p_value


def further_models(quick: bool) -> Iterable[Row]:
    """Measure models of dependent effects, with a prior, and of selection."""
    part, how = "further models", {"repeats": 3 if quick else 15, "number": 1 if quick else 5}
    y, v = data(100)
    trial = np.arange(100) // 4
    sampling = al.within_trial_covariance(v, trial, correlation=0.5)
    few, few_v = data(12)
    many, many_v = data(50)
    for task, who, limit, work in (
        ("three levels, 100 effects in 25 trials", "multilevel", 10.0,
         lambda: al.multilevel(y, sampling, trial)),
        ("12 studies, half-normal prior", "bayes_pool", 5.0, lambda: al.bayes_pool(few, few_v)),
        ("three-parameter selection model, 50 studies", "selection_model", 20.0,
         lambda: al.selection_model(many, many_v, alternative="less")),
    ):  # fmt: skip
        ours = best(work, **how)
        milliseconds = 1e3 * ours.cpu
        yield Row(part, task, who, milliseconds, "ms", ours.wall, f"at most {limit:g} ms",
                  verdict(milliseconds, limit))  # fmt: skip


def left_out(quick: bool) -> Iterable[Row]:
    """Measure leave-one-out analyses."""
    y, v = data(13)
    part, task = "one study left out, k = 13", "13 REML fits"
    ours = best(lambda: leave_one_out(y, v), repeats=5, number=5 if quick else 50)
    yield Row(part, task, "leave_one_out", 1e3 * ours.cpu, "ms", ours.wall)
    if peers.is_installed("pimeta"):
        theirs = best(partial(peers.pimeta_leave_one_out, y, v), repeats=3, number=3)
        yield Row(part, task, "pimeta leave1out", 1e3 * theirs.cpu, "ms", theirs.wall)


def engines() -> tuple[str, ...]:
    """Return the engines that are there."""
    return ("numpy", "numba") if peers.is_installed("numba") else ("numpy",)


def all_subsets(quick: bool) -> Iterable[Row]:
    """Measure the pooling of every subset, its rate against others, and two processes."""
    part = "all subsets, REML"
    sizes = (10, 12) if quick else (10, 15, 20)
    rates = {}
    for engine in engines():
        who = f"gosh, {engine}"
        for k in sizes:
            ours = best(partial(gosh, *data(k), engine=engine), repeats=3 if k > 15 else 7)
            target = ("at most 4 s", verdict(ours.cpu, 4)) if k == 20 else ("", "")
            yield Row(part, f"2^{k} subsets", who, ours.cpu, "s", ours.wall, *target)
        rates[engine] = 2**k / ours.cpu
        yield Row(part, f"fits a second, 2^{k} subsets", who, rates[engine], "1/s")
    if "numba" in rates:
        ratio = rates["numba"] / rates["numpy"]
        yield Row(part, "rate of compiled code by that of NumPy", "gosh, numba", ratio, "times")
    if peers.is_installed("pimeta"):
        subsets = 200 if quick else 2_000
        theirs = best(partial(peers.pimeta_subsets, *data(k), subsets), repeats=3)
        yield Row(part, f"fits a second, {subsets} random subsets of {k}", "pimeta gosh",
                  subsets / theirs.cpu, "1/s")  # fmt: skip
        ratio = rates["numpy"] * theirs.cpu / subsets
        yield Row(part, "rate of gosh by that of pimeta", "gosh, numpy", ratio, "times", None,
                  "at least 100", verdict(ratio, 100, at_least=True))  # fmt: skip
    yield from one_by_one(k, 20 if quick else 200)
    yield from two_processes(14 if quick else 20)


def one_by_one(k: int, subsets: int) -> Iterable[Row]:
    """Measure others that fit subsets one by one, and how far their tau2 is from ours."""
    y, v = data(k)
    masks = np.random.default_rng(2).random((subsets, k)) < 0.5
    masks = masks[masks.sum(axis=1) > 2]
    tau2 = al.pool_many(y, v, masks).tau2
    found = {}
    for peer in peers.installed():
        if peer.tau2_method == "REML":
            fits = [peer.fit(y[m], v[m])[1] for m in masks]
            theirs = best(lambda fit=peer.fit: [fit(y[m], v[m]) for m in masks], repeats=3)
            found[f"{peer.package} {peer.version}"] = theirs.cpu, np.array(fits)
    if (metafor := peers.metafor_subsets(y, v, masks)) is not None:
        found[f"metafor {metafor[0]} (R)"] = metafor[1:]
    for who, (seconds, fits) in found.items():
        there = np.isfinite(fits)
        told = f"tau2 differs from ours by at most {np.abs(fits - tau2)[there].max():.0e}"
        if not there.all():
            told += f"; {(~there).sum()} not fitted"
        yield Row("all subsets, REML", f"fits a second, {len(masks)} random subsets of {k}",
                  who, len(masks) / seconds, "1/s", None, told)  # fmt: skip


def two_processes(k: int) -> Iterable[Row]:
    """Measure what a second core gives, once the processes are there."""
    y, v = data(k)
    part, walls = "two cores", {}
    for workers in (1, 2):
        # spawned rather than forked, since a fork of a process with threads may hang
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as executor:
            list(executor.map(gosh_warm_up, range(2 * workers)))
            walls[workers] = best(partial(gosh, y, v, executor=executor), repeats=6).wall
        words = f"2^{k} subsets, {workers} process{'es' if workers > 1 else ''}"
        yield Row(part, words, "gosh", walls[workers], "s", walls[workers])
    ratio = walls[1] / walls[2]
    yield Row(part, "times faster with 2", "gosh", ratio, "times", None, "at least 1.8",
              verdict(ratio, 1.8, at_least=True))  # fmt: skip


def gosh_warm_up(_: int) -> int:
    """Import the library in a process and fit something."""
    return len(gosh(*data(10)))


def resampled(quick: bool) -> Iterable[Row]:
    """Measure permutation test and bootstrap."""
    part = "resampling, REML"
    for k, engine in product((8, 10) if quick else (13, 20), engines()):
        ours = best(partial(permutation_test, *data(k), engine=engine), repeats=3)
        yield Row(part, f"exact permutation test, 2^{k} patterns", f"permutation_test, {engine}",
                  ours.cpu, "s", ours.wall)  # fmt: skip
    if peers.is_installed("pimeta"):
        for who, test in (
            ("permutation_test", permutation_test),
            ("pimeta permutest", peers.pimeta_permutations),
        ):
            times = best(partial(test, *data(8)), repeats=3)
            yield Row(part, "exact permutation test, 2^8 patterns", who, times.cpu, "s", times.wall)
    draws = 1000 if quick else 10_000
    for engine in engines():
        ours = best(partial(bootstrap, *data(13), draws=draws, engine=engine), repeats=3)
        yield Row(part, f"bootstrap, {draws} draws, k = 13", f"bootstrap, {engine}", ours.cpu, "s",
                  ours.wall)  # fmt: skip


def simulated(quick: bool) -> Iterable[Row]:
    """Measure simulated meta-analyses: drawing the data, fitting, counting."""
    part = "simulation, REML"
    n = 10_000 if quick else 1_000_000
    for k, engine in product((5, 10), engines()):
        design = Design(f"{k} trials", (25,) * k, (25,) * k, tau2=0.1)
        methods = {"ci_methods": ["HK"], "pi_methods": ["HTS"], "engine": engine}
        ours = best(partial(simulate, design, n=n, **methods), repeats=1 if quick else 2)
        yield Row(part, f"{n} data sets drawn and fitted, k = {k}", f"simulate, {engine}",
                  ours.cpu, "s", ours.wall)  # fmt: skip


MEMORY_PROBE = """
import re, sys
from pathlib import Path
import numpy as np
from analysis_lib.pooling.batch import pool_many
from analysis_lib.pooling.leaving_out import gosh
def megabytes(field):
    status = Path("/proc/self/status").read_text()
    return int(re.search(field + r":\\s+(\\d+)", status)[1]) / 1024
generator = np.random.default_rng(1)
kind, n = sys.argv[1], int(sys.argv[2])
if kind == "gosh":
    data = generator.normal(size=n), generator.uniform(0.02, 0.3, n)
    before = megabytes("VmRSS"); gosh(*data)
else:
    data = generator.normal(size=(n, 10)), np.full((n, 10), 0.1)
    before = megabytes("VmRSS"); pool_many(*data)
print(megabytes("VmHWM") - before)
"""


def memory(quick: bool) -> Iterable[Row]:
    """Measure the memory that the work adds, results included, each in a process of its own."""
    part = "memory"
    if not Path("/proc/self/status").is_file():
        return  # only Linux tells the peak of a process apart from that of its parent
    n = 100_000 if quick else 1_000_000
    for kind, size, task in (
        ("gosh", 12 if quick else 20, "all subsets of {} studies, results included"),
        ("pool_many", n, "{} data sets of 10 studies, results included"),
    ):
        added = float(output_of([sys.executable, "-c", MEMORY_PROBE, kind, str(size)]))
        yield Row(part, task.format(size), kind, added, "MB", None, "under 500 MB",
                  verdict(added, 500))  # fmt: skip


def growth(quick: bool) -> Iterable[Row]:
    """Measure how time grows with the number of data sets and of studies."""
    generator = np.random.default_rng(3)
    for n in (100, 1_000, 10_000) if quick else (100, 1_000, 10_000, 100_000, 1_000_000):
        y, v = generator.normal(0, 0.7, (n, 10)), generator.uniform(0.02, 0.3, (n, 10))
        ours = best(partial(al.pool_many, y, v), repeats=3)
        yield Row("growth with n, k = 10", str(n), "pool_many", 1e6 * ours.cpu / n, "µs a fit",
                  ours.wall)  # fmt: skip
        if "numba" in engines():
            fast = best(partial(al.pool_many, y, v, engine="numba"), repeats=3)
            yield Row("growth with n, k = 10", str(n), "pool_many, numba", 1e6 * fast.cpu / n,
                      "µs a fit", fast.wall)  # fmt: skip
    for k in (5, 10, 20) if quick else (5, 10, 20, 50, 100, 200, 500, 1000):
        n = max(10, 200_000 // k)
        y, v = generator.normal(0, 0.7, (n, k)), generator.uniform(0.02, 0.3, (n, k))
        many = best(partial(al.pool_many, y, v), repeats=3)
        yield Row("growth with k", str(k), "pool_many", 1e6 * many.cpu / n, "µs a fit", many.wall)
        if "numba" in engines():
            fast = best(partial(al.pool_many, y, v, engine="numba"), repeats=3)
            yield Row("growth with k", str(k), "pool_many, numba", 1e6 * fast.cpu / n, "µs a fit",
                      fast.wall)  # fmt: skip
        one = best(partial(al.pool, *data(k)), repeats=5, number=20)
        yield Row("growth with k", str(k), "pool", 1e6 * one.cpu, "µs a fit", one.wall)


IMPORT_PROBE = """
import time
wall, cpu = time.perf_counter(), time.process_time()
import {}
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


def imports(quick: bool) -> Iterable[Row]:
    """Measure importing, each time in a new process."""
    found = {}
    names = {
        "numpy and pandas": "numpy, pandas",
        "analysis_lib": "numpy, pandas, analysis_lib",
        # the modules of the library are read when a name is asked for
        "analysis_lib, with pool and load_review":
            "numpy, pandas, analysis_lib as al; al.pool, al.load_review",
    }  # fmt: skip
    for name, words in names.items():
        command = [sys.executable, "-c", IMPORT_PROBE.format(words)]
        runs = [tuple(map(float, output_of(command).split())) for _ in range(3 if quick else 10)]
        found[name] = Times(*map(min, zip(*runs, strict=True)))
        yield Row("import", name, "import", found[name].cpu, "s", found[name].wall)
    beyond = found["analysis_lib"].cpu - found["numpy and pandas"].cpu
    yield Row("import", "beyond numpy and pandas", "analysis_lib", beyond, "s", None,
              "at most 0.15 s", verdict(beyond, 0.15))  # fmt: skip


def limit(quick: bool) -> Iterable[Row]:
    """Measure how far the pooling of all subsets is from the limit of the processor."""
    if "numba" not in engines():
        return
    import limit as machine  # which needs numba

    part, k = "the limit of the machine", 12 if quick else 20
    work, fits = machine.count(k, 2**14), machine.measure_fits(k)
    least = max(machine.measure_machine().seconds(work).values())
    yield Row(part, "a REML fit at least", "this processor", 1e9 * least, "ns")
    for who, target in (("numpy", 0), ("numba", 4), ("pass", 0)):
        ratio = fits[who] / least
        told = (f"at most {target}", verdict(ratio, target)) if target else ("", "")
        task = "of this the compiled pass" if who == "pass" else f"2^{k} subsets"
        engine = "numba" if who == "pass" else who
        yield Row(part, task, f"gosh, {engine}", ratio, "times the limit", None, *told)
    masks = machine.drawn(15, 2**15)
    tables = [al.pool_many(*data(15), masks, engine=e).to_frame() for e in ("numpy", "numba")]
    one, other = (table.select_dtypes("float") for table in tables)
    apart = float(((one - other).abs() / one.abs().clip(lower=1)).max(axis=None))
    yield Row(part, "largest difference of any number, 2^15 subsets", "gosh, numba",
              apart, "", None, "at most 1e-12", verdict(apart, 1e-12))  # fmt: skip


def scheduling(quick: bool) -> Iterable[Row]:
    """Measure what Dask spends on a task, and on paper what part of the time that is."""
    if not peers.is_installed("distributed"):
        return
    import cluster

    share, cost = cluster.share_of_scheduling(1_000 if quick else 100)
    yield Row("a cluster", "client and scheduler, a task", "dask", 1e3 * cost, "ms")
    yield Row("a cluster", "part of an hour of 100 cores, on paper", "simulate on dask",
              100 * share, "%", None, "under 2 %", verdict(100 * share, 2))  # fmt: skip


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return the environment in which Python finds the library in this folder."""
    return {**os.environ, "PYTHONPATH": str(folder), **more}


def output_of(command: Sequence[str]) -> str:
    """Return what a command prints."""
    # One thread: those of numpy and scipy's linear algebra would wait for work while they are
    # counted as working.
    one_core = environment(ROOT, OPENBLAS_NUM_THREADS="1")
    run = subprocess.run(  # noqa: S603 (the commands are ours)
        command, check=True, capture_output=True, text=True, env=one_core
    )
    return run.stdout


def machine() -> list[str]:
    """Describe the machine and the versions, without names or places."""
    packages = ["numpy", "scipy", "pandas", *(["numba"] if "numba" in engines() else [])]
    packages += sorted({p.package for p in peers.installed()})
    gibibytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return [
        f"Processor: {processor()}, {cores} cores in use, {gibibytes:.0f} GB of memory",
        f"System: {platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "Packages: " + ", ".join(f"{name} {version(name)}" for name in packages),
        f"Not installed: {', '.join(peers.missing()) or 'none'}",
    ]


def processor() -> str:
    """Return the name of the processor's model."""
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def load() -> float:
    """Return how many processes waited for a core in the last minute, ours among them."""
    return os.getloadavg()[0]


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """Write the rows for machines."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def write_table(rows: Sequence[Row], about: Sequence[str], path: Path) -> None:
    """Write the rows for readers."""
    lines = ["# Benchmarks", "", *(f"- {line}" for line in about), ""]
    for part in dict.fromkeys(row.part for row in rows):
        lines += [f"## {part[0].upper()}{part[1:]}", ""]
        lines += ["| task | who | value | wall time | target or note | met |"]
        lines += ["|---|---|---:|---:|---|---|"]
        lines += [_line(row) for row in rows if row.part == part]
        lines += [""]
    lines += ["![How time grows with the number of data sets and of studies](growth.svg)", ""]
    lines += ["What changed from run to run, and why: [history.md](history.md).", ""]
    path.write_text("\n".join(lines), encoding="utf-8", newline="\n")


def _line(row: Row) -> str:
    wall = "" if row.wall is None else _seconds(row.wall)
    value = row.value if isinstance(row.value, str) else f"{row.value:.3g}"
    if isinstance(row.value, float) and row.value >= 1000:
        value = f"{row.value:,.0f}"
    return f"| {row.task} | {row.who} | {value} {row.unit} | {wall} | {row.target} | {row.met} |"


def _seconds(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def draw_growth(rows: Sequence[Row], path: Path) -> None:
    """Draw time a fit against the number of data sets, and against the number of studies."""
    import matplotlib.pyplot as plt

    from analysis_lib.plots import use_style

    use_style()
    figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.2), layout="constrained", sharey=True)
    parts = ("growth with n, k = 10", "growth with k")
    for ax, part, label in zip(axes, parts, ("data sets", "studies"), strict=True):
        for who, marker in (("pool_many", "o"), ("pool_many, numba", "D"), ("pool", "s")):
            chosen = [row for row in rows if row.part == part and row.who == who]
            if chosen:
                x, y = zip(*((float(r.task), float(r.value)) for r in chosen), strict=True)
                power = slope(x[-3:], y[-3:])
                ax.loglog(x, y, marker=marker, label=f"{who}, at the end power {power:.2f}")
        ax.set_xlabel(f"number of {label}")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        ax.legend()
    axes[0].set_ylabel("µs a fit")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the power of x with which y grows: the slope of a line through the logarithms."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def main() -> None:
    """Measure and write."""
    import waiting  # which needs this module

    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--book", action="store_true", help="books, installing, growth too")
    parser.add_argument("--tests", action="store_true", help="make check and make test too")
    parser.add_argument("--quick", action="store_true", help="try everything once on small work")
    parser.add_argument("--folder", type=Path, default=HERE, help="where to write")
    chosen = parser.parse_args()
    parts = [
        single_fits,
        further_models,
        left_out,
        all_subsets,
        resampled,
        simulated,
        memory,
        growth,
        limit,
        scheduling,
        imports,
        waiting.starting,
    ]
    if chosen.book:
        parts += [waiting.growing, waiting.new_book, waiting.book]
        parts += [waiting.watched, waiting.install]
    if chosen.tests:
        parts.append(waiting.tests)
    before, rows = load(), []
    for measure in parts:
        start = time.perf_counter()
        print(str(measure.__doc__).splitlines()[0], end=" ", flush=True)
        rows += measure(chosen.quick)
        print(f"{time.perf_counter() - start:.0f} s", flush=True)
    note = (
        f"Load of the machine: {before:.1f} before, {load():.1f} after (processes that want a "
        "core; the benchmark itself is 1)"
    )
    what = "Values are processor times, but for two cores, books, installing and tests (wall times)"
    write_csv(rows, chosen.folder / "results.csv")
    write_table(rows, [*machine(), note, what], chosen.folder / "results.md")
    draw_growth(rows, chosen.folder / "growth.svg")


if __name__ == "__main__":
    main()
