"""Run notebooks and keep of them only what a reader or a comparison needs.

Starting a kernel and importing everything takes longer than most notebooks do, so each of the two
kernels runs many notebooks, emptied in between. The tests run each notebook in a kernel of its own:
one that leaned on another would give other outputs there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.util import run_sync

CELL_TIMEOUT = 300  # seconds
KERNELS = min(2, os.cpu_count() or 1)
EMPTY = nbformat.v4.new_code_cell("%reset -f")


def execute(path: Path, kernel: AsyncKernelManager) -> None:
    """Execute one notebook in place, without timestamps or anything else that changes by itself."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.from_dict(EMPTY))
    client = NotebookClient(
        notebook,
        km=kernel,
        timeout=CELL_TIMEOUT,
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise SystemExit(f"{path.name}: a cell failed\n{error}") from None
    del notebook.cells[0]
    for number, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1):
        cell.execution_count = number
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {
                "display_name": "Python 3 (ipykernel)",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        }
    )
    nbformat.write(notebook, path)


def execute_waiting(paths: SimpleQueue[Path]) -> None:
    """Execute one notebook after the other in one kernel, until none is waiting."""
    kernel = AsyncKernelManager(kernel_name="python3")
    try:
        while True:
            path = paths.get_nowait()
            execute(path, kernel)
            print(f"  ran {path.name}", flush=True)
    except Empty:
        return
    finally:
        run_sync(kernel.shutdown_kernel)(now=True)


def execute_all(paths: Iterable[Path]) -> None:
    """Execute notebooks, two at a time, and say which are done."""
    waiting: SimpleQueue[Path] = SimpleQueue()
    for path in paths:
        waiting.put(path)
    with ThreadPoolExecutor(KERNELS) as pool:
        list(pool.map(execute_waiting, [waiting] * min(KERNELS, waiting.qsize())))


if __name__ == "__main__":
    execute_all(map(Path, sys.argv[1:]))
