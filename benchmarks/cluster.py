"""Measure simulation and all subsets on Dask, and work out what larger clusters would do.

``python benchmarks/cluster.py`` starts one and two workers on this machine, lets them simulate and
pool, and measures apart: the processor seconds of a block of work, and those that client and
scheduler spend on a task, whatever is in it. From these two follows on paper what 100 and 10,000
cores would need; nothing on that line was run. Prints tables for `cluster.md`.
"""

from __future__ import annotations

import time
from functools import partial

from distributed import Client, LocalCluster
from run import best, data

from analysis_lib.pooling.leaving_out import SUBSETS_PER_TASK, gosh
from analysis_lib.pooling.simulation import BLOCK_SIZE, Design, blocks_per_task, simulate

DESIGN = Design("10 trials", (25,) * 10, (25,) * 10, tau2=0.1)
METHODS = {"ci_methods": ["HK"], "pi_methods": ["HTS"]}
EMPTY_TASKS = 2000
SHARE, HOUR = 0.02, 3600.0


def nothing(_: int) -> None:
    """Do nothing, to see what a task costs by itself."""


def block_seconds(engine: str) -> float:
    """Return processor seconds that one block of a simulation takes."""
    run = partial(simulate, DESIGN, n=10 * BLOCK_SIZE, engine=engine, **METHODS)
    return best(run, repeats=3).cpu / 10


def task_seconds(client: Client) -> float:
    """Return processor seconds of client and scheduler, which share this process, a task."""
    executor = client.get_executor()
    list(executor.map(nothing, range(100)))
    start = time.process_time()
    list(executor.map(nothing, range(EMPTY_TASKS)))
    return (time.process_time() - start) / EMPTY_TASKS


def measured(workers: int, engine: str) -> tuple[str, float]:
    """Run both kinds of work on so many workers; return a line of the table, and a task's cost."""
    here = simulate(DESIGN, n=40 * BLOCK_SIZE, engine=engine, **METHODS).table
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        executor = client.get_executor()
        simulate(DESIGN, n=2 * BLOCK_SIZE, engine=engine, executor=executor, **METHODS)
        start = time.perf_counter()
        there = simulate(DESIGN, n=40 * BLOCK_SIZE, engine=engine, executor=executor, **METHODS)
        simulated = time.perf_counter() - start
        start = time.perf_counter()
        subsets = gosh(*data(18), engine=engine, executor=executor)
        pooled = time.perf_counter() - start
        same = there.table.equals(here) and len(subsets) == 2**18 - 1
        cost = task_seconds(client)
    told = "the same" if same else "DIFFERENT"
    return f"| {workers} | {simulated:.2f} s | {pooled:.2f} s | {told} |", cost


def share_of_scheduling(cores: int) -> tuple[float, float]:
    """Return what part of an hour one scheduler spends on so many cores, and seconds a task."""
    blocks = HOUR * cores * (1 - SHARE) / block_seconds("numpy")
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        task = task_seconds(client)
    return blocks / blocks_per_task(int(blocks)) * task / HOUR, task


def on_paper(cores: int, block: float, task: float) -> str:
    """Return the line of a cluster: the largest simulation in an hour, and what it spends."""
    blocks = HOUR * cores * (1 - SHARE) / block
    tasks = blocks / blocks_per_task(int(blocks))
    least = task * cores / SHARE  # a task must last so long for one scheduler to spend 2 %
    each = f"{tasks:,.0f} of {blocks / tasks * block:,.2g} s"
    return (
        f"| {cores:,} | {blocks * BLOCK_SIZE:,.0f} | {each} | {least:.2g} s "
        f"| {100 * tasks * task / HOUR:.2f} % |"
    )


def main() -> None:
    """Print the tables."""
    for engine in ("numpy", "numba"):
        block = block_seconds(engine)
        print(f"\n## engine={engine!r}\n")
        print(f"A block of {BLOCK_SIZE:,} data sets of 10 trials: {block:.3f} s of one core;")
        print(f"a task of `gosh` holds {SUBSETS_PER_TASK:,} subsets.\n")
        print("| workers | 400,000 data sets | 2^18 subsets | result |\n|---:|---:|---:|---|")
        tasks = []
        for workers in (1, 2):
            line, cost = measured(workers, engine)
            tasks.append(cost)
            print(line, flush=True)
        print(f"\nClient and scheduler: {1e3 * max(tasks):.2f} ms a task.\n")
        print("| cores | data sets in an hour | tasks | a task at least | scheduling |")
        print("|---:|---:|---:|---:|---:|")
        for cores in (1, 2, 100, 10_000):
            print(on_paper(cores, block, max(tasks)))


if __name__ == "__main__":
    main()
