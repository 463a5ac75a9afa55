"""What people wait for: an environment, a book, a review that grows, a large search, the tests.

`run.py` measures these with ``--book``, the tests with ``--tests``. Each piece of work is what a
command does, in a copy of the project or in a made-up review; times are wall times of one run,
except for reviews and searches, which are processor times.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import reviews
import searches
from run import ROOT, Row, environment, verdict

#: What takes longer than this is stopped, in seconds, and the row says so.
PATIENCE = 180.0
LARGEST_PAGE = 1.5  # MB
#: A note of published.csv; a number would have to agree with the words that are printed with it.
NOTE = "The middle of the printed confidence interval is -0.50, not -0.52."
JUDGED = "aasa-2015,all,D1,not stated,"


@dataclass(frozen=True, slots=True)
class Done:
    """How long a command ran, in seconds, and why it has no result if it has none."""

    wall: float
    cpu: float  # of processes that have ended
    failed: str = ""


def run(
    command: Sequence[str], folder: Path, *, patience: float = PATIENCE, **settings: str
) -> Done:
    """Run a command in a folder; it finds the library there, if it is there, or else in ours."""
    library = folder if (folder / "analysis_lib").is_dir() else ROOT
    before, start = _of_children(), time.perf_counter()
    # In a session of its own, so that what it began is stopped with it.
    process = subprocess.Popen(  # noqa: S603 (the commands are ours)
        command, cwd=folder, env=environment(library, **settings), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    failed = ""
    try:
        _, words = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        failed = f"stopped after {patience:g} s"
    else:
        if process.returncode:
            print(words, file=sys.stderr)
            failed = "ended with an error"
    return Done(time.perf_counter() - start, _of_children() - before, failed)


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def told(part: str, task: str, who: str, done: Done, limit: float) -> Row:
    """Return the row of a command that should take no longer than a limit."""
    met = "no" if done.failed else verdict(done.wall, limit)
    target = f"at most {limit:g} s" + (f"; {done.failed}" if done.failed else "")
    return Row(part, task, who, done.wall, "s", done.wall, target, met)


@contextmanager
def copied() -> Iterator[Path]:
    """Lend a copy of the project in which nothing was built."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        skip = shutil.ignore_patterns("_build", ".venv", ".git", "__pycache__", ".*_cache")
        shutil.copytree(ROOT, copy, ignore=skip)
        yield copy


def starting(quick: bool) -> Iterator[Row]:
    """Measure what the command line needs before it answers, and a check of this review."""
    repeats = 2 if quick else 7
    for task, words, limit in (
        ("`--help`", ["--help"], 0.2),
        ("`check` of this review", ["check", str(ROOT)], 1.5),
    ):
        command = [sys.executable, "-m", "analysis_lib", *words]
        runs = [run(command, ROOT, OPENBLAS_NUM_THREADS="1") for _ in range(repeats)]
        cpu = min(done.cpu for done in runs)
        yield Row("command line", task, "analysis_lib", cpu, "s", min(d.wall for d in runs),
                  f"at most {limit:g} s", verdict(cpu, limit))  # fmt: skip


def growing(quick: bool) -> Iterator[Row]:
    """Measure loading, checking and pooling all of reviews as they grow, and searches."""
    part, costs = "growth of a review", []
    for (trials, outcomes), (limit, memory) in reviews.TARGETS.items():
        if quick and trials > 100:
            continue
        cost = reviews.measure(trials, outcomes, 1 if quick or trials > 100 else 3)
        costs.append(cost)
        task = f"{trials:,} trials × {outcomes} outcomes: load, check, pool all"
        yield Row(part, task, "analysis_lib", cost.everything, "s", None, f"at most {limit:g} s",
                  verdict(cost.everything, limit))  # fmt: skip
        if memory:
            yield Row(part, f"{trials:,} × {outcomes}: memory", "analysis_lib", cost.memory, "MB",
                      None, f"at most {memory:g} MB", verdict(cost.memory, memory))  # fmt: skip
    if len(costs) > 1:
        sizes = [cost.comparisons for cost in costs]
        power = _power(sizes, [cost.everything for cost in costs])
        yield Row(part, "time grows with the power of comparisons", "analysis_lib", power, "")
    sizes = [500, 1000] if quick else [10_000, 100_000]
    found = [searches.measure(n) for n in sizes]
    for n, one in zip(sizes, found, strict=True):
        target = ("at most 30 s", verdict(one.taken, 30)) if n == 100_000 else ("", "")
        task = f"{n:,} records read, duplicates removed, stored"
        yield Row("growth of a search", task, "import", one.taken, "s", None, *target)
    power = _power(sizes, [one.taken for one in found])
    yield Row("growth of a search", "time grows with the power of records", "import", power, "",
              None, "linear: at most 1.1", verdict(power, 1.1))  # fmt: skip


def _power(sizes: Sequence[float], times: Sequence[float]) -> float:
    return float(np.log(times[-1] / times[0]) / np.log(sizes[-1] / sizes[0]))


def new_book(quick: bool) -> Iterator[Row]:
    """Measure the build of a new book of 100 trials with 20 outcomes, and its pages."""
    trials, outcomes = (10, 2) if quick else (100, 20)
    part = f"a new book, {trials} trials × {outcomes} outcomes"
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "review"
        reviews.write_review(folder, trials, outcomes)
        done = run([sys.executable, "-m", "analysis_lib", "build", str(folder)], ROOT)
        yield told(part, "cold", "build", done, 60)
        pages = [file.stat().st_size for file in (folder / "_build" / "html").rglob("*.html")]
        largest = max(pages, default=float("nan")) / 1e6
        yield Row(part, "largest page", "build", largest, "MB", None,
                  f"under {LARGEST_PAGE} MB", verdict(largest, LARGEST_PAGE))  # fmt: skip


def book(_: bool) -> Iterator[Row]:
    """Measure the build of this book: from nothing, unchanged, and after an edit."""
    build = [sys.executable, "-m", "analysis_lib", "build"]
    steps: tuple[tuple[str, float, Callable[[Path], None]], ...] = (
        ("from nothing", 35, lambda copy: None),
        ("nothing changed", 2, lambda copy: None),
        ("one cell of published.csv changed", 12, _change_cell),
        ("one judgement of the risk of bias changed", 12, _change_judgement),
        ("one sentence of prose changed", 5, _change_prose),
    )
    with copied() as copy:
        for task, limit, change in steps:
            change(copy)
            yield told("the book", task, "build", run(build, copy), limit)


def watched(_: bool) -> Iterator[Row]:
    """Measure an edited sentence while the book is watched, from the file to the page."""
    command = [sys.executable, "-u", "-m", "analysis_lib", "build", "--watch", "--port", "0"]
    with copied() as copy:
        process = subprocess.Popen(  # noqa: S603 (the command is ours)
            command, cwd=copy, env=environment(copy), start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        lines = process.stdout or iter(())
        try:
            next(line for line in lines if line.startswith("open "))
            best = float("inf")
            for _ in range(3):
                _change_prose(copy)
                start = time.perf_counter()
                next(line for line in lines if line.startswith("open "))
                best = min(best, time.perf_counter() - start)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
    yield told("the book", "one sentence of prose changed", "build --watch", Done(best, 0.0), 5)


def _change_cell(copy: Path) -> None:
    table = copy / "data" / "published.csv"
    words = table.read_text(encoding="utf-8")
    if words.count(NOTE) != 1:
        raise LookupError("published.csv: the cell that is to be changed is not there")
    table.write_text(words.replace(NOTE, f"Changed. {NOTE}"), encoding="utf-8")


def _change_judgement(copy: Path) -> None:
    table = copy / "data" / "risk_of_bias.csv"
    words = table.read_text(encoding="utf-8")
    if words.count(JUDGED) != 1:
        raise LookupError("risk_of_bias.csv: the judgement that is to be changed is not there")
    table.write_text(words.replace(JUDGED, JUDGED.replace("not stated", "low")), encoding="utf-8")


def _change_prose(copy: Path) -> None:
    page = copy / "book" / "reuse.md"
    words = page.read_text(encoding="utf-8").rstrip()
    page.write_text(f"{words}\n\nA sentence more.\n", encoding="utf-8")


def install(_: bool) -> Iterator[Row]:
    """Measure the way from a clone to an environment that is ready, without uv and with it."""
    ways = [("pip brings uv", ["UV="], 40.0)] + ([("uv", [], 10.0)] if shutil.which("uv") else [])
    with copied() as copy:
        for who, words, limit in ways:
            done = run(["make", "-s", ".venv/ready", f"PYTHON={sys.executable}", *words], copy)
            yield told("install", "from a clone to ready", who, done, limit)
            shutil.rmtree(copy / ".venv", ignore_errors=True)


def tests(_: bool) -> Iterator[Row]:
    """Measure the quick tests and all of them, where the environment is ready."""
    for target, limit in (("check", 60.0), ("test", 240.0)):
        done = run(["make", "-s", target], ROOT, patience=4 * limit)
        yield told("tests", f"`make {target}`", "make", done, limit)
