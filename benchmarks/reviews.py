"""Measure how the cost of a review grows with its trials and its outcomes.

Run ``python benchmarks/reviews.py``; it writes made-up reviews of several sizes, measures in a
fresh process of one thread what it takes to load, to check and to pool all of each, and writes
``reviews.csv`` and ``reviews.md``. ``--quick`` takes the smallest sizes only. Times are processor
times, the best of several processes; memory is the peak beyond what the imports take.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd

from analysis_lib.importing.new_review import new_review

HERE = Path(__file__).resolve().parent

SIZES = ((10, 10), (100, 10), (10, 100), (100, 100), (1000, 10), (1000, 100))
#: Trials, outcomes -> most seconds for everything, most megabytes.
TARGETS = {(100, 100): (1.0, None), (1000, 100): (8.0, 500.0)}
#: Outcomes are, in turn, means on a scale (MD), means without one (SMD), and events.
MEASURES = ("MD", "SMD", "RR", "MD", "SMD", "OR", "MD", "SMD", "RD", "MD")
THREE_ARMS = 0.2  # part of the trials that compare two arms with a third
EVENTS_RISK = 0.3
MADE_UP = {"provenance": "reported", "source": "made up", "note": ""}


def write_review(folder: Path, trials: int, outcomes: int, *, seed: int = 1) -> Path:
    """Write a made-up review in which every trial reports every outcome, once.

    Parameters
    ----------
    folder
        Where; it must not hold anything yet.
    trials, outcomes
        How many.
    seed
        The same seed writes the same files.

    Returns
    -------
    Path
        The folder with ``review.toml``.
    """
    new_review(folder)
    generator = np.random.default_rng(seed)
    keys = pd.Series([f"trial-{i:04}" for i in range(trials)])
    arms = _arms(keys, generator)
    known = _outcomes(outcomes)
    tables = {
        "trials": pd.DataFrame(
            {"trial": keys, "label": keys.str.replace("trial-", "Author "), "year": 2020}
        ).assign(pooled="yes", gender_reported="no", risk_of_bias_text="none",
                 between_groups_text="none"),
        "outcomes": known,
        "follow_ups": pd.DataFrame({"follow_up": ["end"], "label": ["End"], "definition": ["end"]}),
        "arms": arms,
        "arm_results": pd.concat(
            [
                _results(arms, outcome, measure, generator)
                for outcome, measure in zip(known["outcome"], known["measure"], strict=True)
            ]
        ),
    }  # fmt: skip
    for name, table in tables.items():
        table.assign(**MADE_UP).to_csv(folder / "data" / f"{name}.csv", index=False)
    return folder / "data"


def _arms(trials: pd.Series, generator: np.random.Generator) -> pd.DataFrame:
    """Return two arms a trial; some have a third, on the experimental side."""
    three = trials[generator.random(len(trials)) < THREE_ARMS]
    sides = (
        (trials, "strength-short", "experimental"),
        (three, "strength-long", "experimental"),
        (trials, "usual-care", "comparator"),
    )
    arms = pd.concat([pd.DataFrame({"trial": t, "arm": a, "group": g}) for t, a, g in sides])
    people = generator.integers(12, 120, len(arms))
    return arms.assign(label_printed=arms["arm"], n=people).sort_values("trial", kind="stable")


def _outcomes(n: int) -> pd.DataFrame:
    measures = pd.Series([MEASURES[i % len(MEASURES)] for i in range(n)])
    keys = pd.Series([f"outcome-{i:04}" for i in range(n)])
    return pd.DataFrame(
        {"outcome": keys, "label": keys.str.replace("outcome-", "Outcome "), "measure": measures,
         "scale_min": np.where(measures == "MD", "0", ""),
         "scale_max": np.where(measures == "MD", "10", "")}
    ).assign(priority="primary", instruments="any", lower_is_better="yes")  # fmt: skip


def _results(
    arms: pd.DataFrame, outcome: str, measure: str, generator: np.random.Generator
) -> pd.DataFrame:
    """Return the results of every arm: a mean out of 100 with its SD, or events."""
    table = arms[["trial", "arm", "n"]].assign(outcome=outcome, time="end")
    if measure in ("RR", "OR", "RD"):
        return table.assign(events=generator.binomial(table["n"], EVENTS_RISK))
    return table.assign(
        mean=generator.uniform(30, 60, len(table)).round(1),
        sd=generator.uniform(10, 25, len(table)).round(1),
        scale_min=0,
        scale_max=100,
    )


PROBE = """
import re, sys, time
from pathlib import Path
import analysis_lib as al
from analysis_lib.importing.checking import check_review
from analysis_lib.review import schemas
def megabytes(field):
    status = Path("/proc/self/status")
    return int(re.search(field + r":\\s+(\\d+)", status.read_text())[1]) / 1024 \\
        if status.is_file() else float("nan")
def taken(work):
    start = time.process_time()
    result = work()
    return result, time.process_time() - start
def pool_all():
    found = [al.study_effects(review, outcome, "end") for outcome in review.outcomes["outcome"]]
    return sum(effects.pool().k for effects in found)
before = megabytes("VmRSS")
review, load = taken(lambda: al.load_review(sys.argv[1]))
check = taken(lambda: check_review(review))[1]
comparisons, pool = taken(pool_all)
print(comparisons, load, check, pool, megabytes("VmHWM") - before)
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one review costs: seconds, and megabytes beyond the imports."""

    trials: int
    outcomes: int
    comparisons: int
    load: float
    check: float
    pool: float  # every outcome
    memory: float

    @property
    def everything(self) -> float:
        """Load, check and pool all of it."""
        return self.load + self.check + self.pool

    @property
    def met(self) -> str:
        """Whether the targets of this size are met; nothing where there are none."""
        if (self.trials, self.outcomes) not in TARGETS:
            return ""
        seconds, megabytes = TARGETS[self.trials, self.outcomes]
        is_met = self.everything <= seconds and (megabytes is None or self.memory <= megabytes)
        told = f"{seconds:g} s" + (f", {megabytes:g} MB" if megabytes else "")
        return f"{'yes' if is_met else 'no'} ({told})"


def measure(trials: int, outcomes: int, repeats: int) -> Cost:
    """Write a review and measure it, each time in a fresh process."""
    with tempfile.TemporaryDirectory() as place:
        folder = write_review(Path(place) / "review", trials, outcomes)
        runs = [_run(folder) for _ in range(repeats)]
    comparisons, load, check, pool, memory = (min(column) for column in zip(*runs, strict=True))
    return Cost(trials, outcomes, int(comparisons), load, check, pool, memory)


def _run(folder: Path) -> list[float]:
    """Load, check and pool a review in a process that has read none; return the numbers."""
    # One thread: those of linear algebra would wait for work while they count as working.
    settings = {**os.environ, "PYTHONPATH": str(HERE.parent), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(  # noqa: S603 (the command is ours)
        [sys.executable, "-c", PROBE, str(folder)],
        check=True, capture_output=True, text=True, env=settings,
    )  # fmt: skip
    return [float(number) for number in done.stdout.split()]


def write(costs: Sequence[Cost], folder: Path) -> None:
    """Write the costs for machines and for readers."""
    with (folder / "reviews.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Cost)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(cost) for cost in costs)
    (folder / "reviews.md").write_text("\n".join(_lines(costs)) + "\n", encoding="utf-8")


def _lines(costs: Sequence[Cost]) -> Iterator[str]:
    yield from ["# What a review costs as it grows", ""]
    yield (
        "Made-up reviews of `reviews.py`: every trial reports every outcome, one trial in five "
        "compares two arms with a third. Processor seconds of one core: a fresh process loads the "
        "review, checks what was loaded, as the command `check` does, and pools every outcome. "
        "Memory is the peak beyond the imports."
    )
    yield ""
    columns = "trials", "outcomes", "comparisons", "load", "check", "pool all", "everything"
    yield f"| {' | '.join((*columns, 'memory', 'met'))} |"
    yield f"|{'---:|' * len(columns)}---:|---|"
    for c in costs:
        yield (
            f"| {c.trials} | {c.outcomes} | {c.comparisons} | {c.load:.3g} s | {c.check:.3g} s | "
            f"{c.pool:.3g} s | {c.everything:.3g} s | {c.memory:.0f} MB | {c.met} |"
        )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="the two smallest sizes, once")
    parser.add_argument("--folder", type=Path, default=HERE, help="where to write")
    chosen = parser.parse_args()
    costs = []
    for trials, outcomes in SIZES[:2] if chosen.quick else SIZES:
        costs.append(measure(trials, outcomes, 1 if chosen.quick else 3))
        print(costs[-1], flush=True)
    write(costs, chosen.folder)


if __name__ == "__main__":
    main()
