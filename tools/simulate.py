"""Write how often each interval holds the truth, into book/tables/.

``operating_characteristics.csv`` has comparisons that are independent; in
``shared_arm_coverage.csv`` they share arms, as in the review, and new intervals stand beside old.

Run as ``python tools/simulate.py`` from the project's root. Finished parts are kept in
``_build/simulation``; a run that was interrupted continues when it is started again. The same
numbers come out with one process, with many (``--workers``) and on a Dask cluster
(``--scheduler``, which needs the package ``distributed``).
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import astuple
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

import analysis_lib as al
from analysis_lib.pooling.shared_simulation import SharedDesign, shared_coverage
from analysis_lib.pooling.simulation import Design, TaskExecutor, progress_bar, simulate

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "book" / "tables" / "operating_characteristics.csv"
SHARED_TABLE = TABLE.with_name("shared_arm_coverage.csv")
STORE = ROOT / "_build" / "simulation"
TAU2_METHODS = ("REML", "DL")

#: The grid, after IntHout, Ioannidis and Borm (2014): few to many trials, I2 as a fraction of the
#: total variance of a trial of the usual size, and all trials equal or one ten times as large.
NUMBERS_OF_TRIALS = (2, 3, 5, 10, 20)
HETEROGENEITY = (0.0, 0.25, 0.5, 0.75, 0.9)
PEOPLE_IN_AN_ARM, TIMES_AS_LARGE = 25, 10
SIZES = ("equal", "one large")


def review_designs(review: al.Review) -> Iterator[tuple[Design, dict[str, object]]]:
    """Yield each pooled result of the review as a design, with no mean effect and with its own.

    The comparisons and their numbers of people are those of the analysis, tau2 and the mean are
    those printed. For mean differences the standard deviation of a trial is the one that gives
    the sampling variance of its effect, which is reconstructed where results are not known.
    """
    printed = review.published[review.published["kind"] == "pooled"]
    for row in printed.to_dict("records"):
        effects = al.study_effects(review, row["outcome"], row["follow_up"])
        n1, n2 = (
            effects.table[f"n_{side}"].to_numpy(float) for side in ("experimental", "comparator")
        )
        sd = np.sqrt(effects.variance / (1 / n1 + 1 / n2)) if effects.measure == "MD" else ()
        for truth, mean in (("none", 0.0), ("printed", row["estimate"])):
            design = Design(
                name=f"{row['id']}, effect {truth}",
                n_experimental=tuple(n1),
                n_comparator=tuple(n2),
                tau2=row["tau2"],
                mean=mean,
                measure=effects.measure,
                sd=tuple(sd),
            )
            yield design, {"set": "review", "result": row["id"], "effect": truth}


def shared_designs(review: al.Review) -> Iterator[tuple[SharedDesign, dict[str, object]]]:
    """Yield each pooled result of the review with its shared arms whole, and no mean effect.

    Comparisons of one trial share their arm on one side, and have the trial's own true effect.
    """
    printed = review.published[review.published["kind"] == "pooled"]
    for row in printed.to_dict("records"):
        effects = al.study_effects(review, row["outcome"], row["follow_up"])
        table, treated = effects.table, al.treat_shared_arms(effects, "model")
        arms = [table[["trial", f"{side}_arm"]] for side in ("experimental", "comparator")]
        uses = [arm.groupby(list(arm)).transform("size").to_numpy(float) for arm in arms]
        parts = [table[f"n_{side}"].to_numpy(float) for side in ("experimental", "comparator")]
        whole = [n * use for n, use in zip(parts, uses, strict=True)]
        own, shared = whole[::-1] if uses[0].max() > uses[1].max() else whole
        sd = np.sqrt(treated.variance / (1 / own + 1 / shared))
        design = SharedDesign(
            name=row["id"],
            trial=treated.trial,
            n_own=tuple(own),
            n_shared=tuple(shared),
            tau2=row["tau2"],
            measure=effects.measure,
            sd=tuple(sd) if effects.measure == "MD" else (),
        )
        yield design, {"result": row["id"], "fingerprint": fingerprint(design)}


def grid_designs() -> Iterator[tuple[Design, dict[str, object]]]:
    """Yield the designs of the grid, all of mean differences in standard deviations."""
    variance = 2 / PEOPLE_IN_AN_ARM
    for sizes in SIZES:
        for k in NUMBERS_OF_TRIALS:
            largest = PEOPLE_IN_AN_ARM * (TIMES_AS_LARGE if sizes == "one large" else 1)
            arms = (largest, *(PEOPLE_IN_AN_ARM,) * (k - 1))
            for i2 in HETEROGENEITY:
                name = f"grid, {sizes}, {k} trials, I2 {i2:g}"
                design = Design(name, arms, arms, tau2=i2 / (1 - i2) * variance)
                yield design, {"set": "grid", "sizes": sizes, "i2": i2, "effect": "none"}


def described_designs(review: al.Review) -> list[tuple[Design, dict[str, object]]]:
    """Return every design with the words that the table says of it.

    The fingerprint changes with anything in the design, so that results which are stored can be
    told from results which are out of date.
    """
    designs = [*review_designs(review), *grid_designs()]
    return [(design, {**words, "fingerprint": fingerprint(design)}) for design, words in designs]


def fingerprint(design: Design | SharedDesign) -> str:
    """Return a short digest of a design, to six digits of its numbers."""
    numbers = [(x if isinstance(x, tuple) else (x,)) for x in astuple(design)[1:]]
    text = "; ".join(
        ", ".join(f"{n:.6g}" if isinstance(n, float) else n for n in x) for x in numbers
    )
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@contextmanager
def executor(workers: int, scheduler: str | None) -> Iterator[TaskExecutor | None]:
    """Provide what shares the work: a Dask cluster, some processes, or nothing."""
    if scheduler is not None:
        # the package is optional, and found only where it is asked for
        with import_module("distributed").Client(scheduler) as client:
            yield client.get_executor()
    elif workers > 1:
        # spawned rather than forked, since a fork of a process with threads may hang
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            yield pool
    else:
        yield None


def main() -> None:
    """Read the command line, simulate, write the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--n", type=int, default=100_000, help="data sets a design")
    parser.add_argument("--n-shared", type=int, default=2000, help="the same, with shared arms")
    parser.add_argument("--seed", type=int, default=2025, help="of all random numbers")
    parser.add_argument("--workers", type=int, default=1, help="processes on this machine")
    parser.add_argument("--scheduler", help="address of a Dask scheduler, instead of --workers")
    parser.add_argument("--table", type=Path, default=TABLE, help="file to write")
    chosen = parser.parse_args()
    review = al.load_review(ROOT / "data")
    described, shared = described_designs(review), list(shared_designs(review))
    with executor(chosen.workers, chosen.scheduler) as workers:
        found = shared_coverage(
            [design for design, _ in shared],
            n=chosen.n_shared,
            seed=chosen.seed,
            executor=workers,
            progress=progress_bar(),
            store=STORE,
        )
        result = simulate(
            [design for design, _ in described],
            n=chosen.n,
            seed=chosen.seed,
            tau2_methods=TAU2_METHODS,
            executor=workers,
            progress=progress_bar(),
            store=STORE,
        )
    write(described, result.table, chosen.table)
    write(shared, found, chosen.table.with_name(SHARED_TABLE.name))


def write(
    described: Sequence[tuple[Design | SharedDesign, dict[str, object]]],
    found: pd.DataFrame,
    path: Path,
) -> None:
    """Write what was found with the words of each design."""
    settings = pd.DataFrame([{"design": d.name, **words} for d, words in described])
    table = settings.merge(found, on="design", validate="one_to_many")
    path.parent.mkdir(parents=True, exist_ok=True)
    # six digits are more than the simulation knows and fewer than two machines may differ in
    table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


if __name__ == "__main__":
    main()
