"""Run notebooks and keep of them only what a reader or a comparison needs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

CELL_TIMEOUT = 300  # seconds
PROCESSES = min(2, os.cpu_count() or 1)


def execute(path: Path) -> Path:
    """Execute one notebook in place, without timestamps or anything else that changes by itself."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise SystemExit(f"{path.name}: a cell failed\n{error}") from None
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
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
    return path


def execute_all(paths: Iterable[Path]) -> None:
    """Execute notebooks side by side and say which are done."""
    with ProcessPoolExecutor(PROCESSES) as pool:
        for path in pool.map(execute, paths):
            print(f"  ran {path.name}", flush=True)


if __name__ == "__main__":
    execute_all(map(Path, sys.argv[1:]))
