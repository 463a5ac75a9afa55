"""Run notebooks, each when something that it depends on has changed, and keep what they show.

Starting a kernel and importing everything takes longer than most notebooks do, so each of the two
kernels runs many notebooks, emptied in between. The tests run each notebook in a kernel of its own:
one that leaned on another would give other outputs there.
"""

from __future__ import annotations

import atexit
import json
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, as_completed, wait
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeAlias

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.util import run_sync
from tqdm import tqdm

from analysis_lib.base.errors import ReviewError
from analysis_lib.book.engine import reading
from analysis_lib.book.engine.sources import Sources
from analysis_lib.book.numbers import write_numbers
from analysis_lib.book.page import IN_BOOK

CELL_TIMEOUT = 600  # seconds
#: Drawing makes so many small objects that looking for rings among them took a fifth of the time.
LESS_OFTEN = "gc.set_threshold(50_000)"
KERNELS = min(2, os.cpu_count() or 1)
#: The entry of a kept notebook's metadata that says from what it was computed.
DIGEST = "computed_from"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

#: What `reading` tells of a notebook: each file that it read, and the tables it asked for.
Told: TypeAlias = Mapping[str, Any]
Kept: TypeAlias = Callable[[Path, nbformat.NotebookNode, Told], None]
READING = "from analysis_lib.book.engine import reading"


def execute(
    path: Path, kernel: AsyncKernelManager, sources: Sources
) -> tuple[nbformat.NotebookNode, Told]:
    """Execute one notebook in its folder; return it without timestamps or other noise.

    The numbers in its prose are those that it has just computed.

    Returns
    -------
    notebook, told
        The notebook, and what it read of its book; see `reading`.

    Raises
    ------
    ReviewError
        If a cell fails, takes too long or ends its kernel, or if the prose names a number that no
        cell stores.
    """
    notebook: nbformat.NotebookNode = nbformat.read(path, as_version=4)
    # The kernel may have run a notebook of another folder.
    begin = f"import gc, os\nos.chdir({str(path.parent.resolve())!r})\n{LESS_OFTEN}\n"
    folder = sources.folder.resolve()
    data = str(folder / sources.data)
    begin += f"{READING}\nreading.begin({str(folder)!r}, {data!r})\n%reset -f"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(begin))
    notebook.cells.append(nbformat.v4.new_code_cell(f"{READING}\nreading.tell({data!r})"))
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
        raise ReviewError(f"{path.name}: a cell failed\n{error}") from None
    finally:  # `Execution` ends the kernel, also when the program is given up
        atexit.unregister(client._cleanup_kernel)
    told = json.loads(next(out.text for out in notebook.cells.pop().outputs if "text" in out))
    del notebook.cells[0]
    for number, cell in enumerate(code_of(notebook), start=1):
        cell.execution_count = number
    return finished(path, notebook), told


def code_of(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return the cells of a notebook that run."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def finished(path: Path, notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a notebook that has run with its numbers in its prose, and nothing of who ran it."""
    notebook.metadata = nbformat.from_dict(METADATA)
    try:
        write_numbers(notebook)
    except ReviewError as error:
        raise ReviewError(f"{path.name}: {error}") from None
    return notebook


def retold(path: Path, kept: Path) -> nbformat.NotebookNode:
    """Return a notebook with the outputs that its code, which is the same, gave before."""
    notebook: nbformat.NotebookNode = nbformat.read(path, as_version=4)
    ran = nbformat.read(kept, as_version=4)
    for cell, before in zip(code_of(notebook), code_of(ran), strict=True):
        cell.outputs, cell.execution_count = before.outputs, before.execution_count
    return finished(path, notebook)


class Execution:
    """Notebooks that run, two at a time, while something else may be done.

    Its threads do not keep a program from ending.

    Parameters
    ----------
    paths
        The notebooks; none of them is changed.
    sources
        The review whose notebooks they are.
    keep
        Called with the path, the executed notebook and what it read, as soon as one has run.
    """

    def __init__(self, paths: Iterable[Path], sources: Sources, keep: Kept) -> None:
        self._waiting: SimpleQueue[Path] = SimpleQueue()
        # What shows most takes longest and comes first: no kernel is left alone with it at the end.
        for path in sorted(paths, key=lambda path: path.stat().st_size, reverse=True):
            self._waiting.put(path)
        self._sources, self._keep = sources, keep
        count = self._waiting.qsize()
        self._bar = tqdm(total=count, desc="notebooks", disable=None, leave=False)
        self._kernels: list[AsyncKernelManager] = []
        self._ends: list[Future[None]] = [Future() for _ in range(min(KERNELS, count))]
        for end in self._ends:
            Thread(target=self._run, args=[end], daemon=True).start()

    def wait(self) -> None:
        """Return when all have run; whatever stops this stops them.

        Raises
        ------
        ReviewError
            As `execute`.
        """
        try:
            for done in as_completed(self._ends):
                done.result()
        finally:
            self.give_up()

    def give_up(self) -> None:
        """Begin no more notebooks, and end those that run."""
        with suppress(Empty):
            while True:
                self._waiting.get_nowait()
        unfinished = True
        while unfinished:  # a kernel that is just being started can be ended a moment later
            for kernel in self._kernels:
                _kill(kernel)
            unfinished = bool(wait(self._ends, timeout=0.1).not_done)
        self._bar.close()

    def _run(self, end: Future[None]) -> None:
        try:
            self._run_waiting()
        except BaseException as error:
            end.set_exception(error)
        else:
            end.set_result(None)

    def _run_waiting(self) -> None:
        kernel = AsyncKernelManager(kernel_name="python3")
        self._kernels.append(kernel)
        try:
            with suppress(Empty):
                while True:
                    path = self._waiting.get_nowait()
                    self._keep(path, *execute(path, kernel, self._sources))
                    self._bar.update()
                    tqdm.write(f"  ran {path.name}")
        finally:
            run_sync(kernel.shutdown_kernel)(now=True)


def _kill(kernel: AsyncKernelManager) -> None:
    process = getattr(kernel.provisioner, "process", None)
    if process is not None and process.poll() is None:
        process.kill()


def run_stale(
    sources: Sources, notebooks: Mapping[str, Path], store: Path, tables: Mapping[str, str]
) -> Execution:
    """Begin to run the notebooks whose result may have changed since they last ran.

    Parameters
    ----------
    sources
        What the book is made from.
    notebooks
        Each notebook by its name in the store.
    store
        The folder of notebooks that have run. One that was cut off while it was written, or that
        was computed from something else, is run again.
    tables
        The digest of each table of the review, as `reading.digests` has it.
    """
    folder = sources.folder.resolve()
    data = (folder / sources.data).resolve()
    wanted = {name: _wanted(sources, path) for name, path in notebooks.items()}
    origins = {name: computed_from(store / name) for name in notebooks}
    stale = [n for n in notebooks if not _is_current(origins[n], wanted[n], folder, tables)]
    print(f"notebooks: {len(stale)} to run, {len(notebooks) - len(stale)} up to date", flush=True)
    names = {notebooks[name]: name for name in stale}
    os.environ[IN_BOOK] = "yes"  # the kernels inherit it

    def keep(path: Path, notebook: nbformat.NotebookNode, told: Told) -> None:
        if sources.changed():  # whoever asked for the book is told so
            return
        read = {Path(file): found for file, found in told["read"].items()}
        notebook.metadata[DIGEST] = {
            "code": wanted[names[path]],
            "read": {
                os.path.relpath(file, folder): found
                for file, found in read.items()
                if {folder, data} & set(file.parents)
            },
            "tables": {name: tables[name] for name in told["tables"]},
        }
        write_whole(store / names[path], nbformat.writes(notebook))

    for name in notebooks.keys() - stale:  # their prose may be another
        path, kept = notebooks[name], store / name
        notebook = retold(path, kept)
        notebook.metadata[DIGEST] = origins[name]
        write_if_new(kept, nbformat.writes(notebook))
    return Execution(names, sources, keep)


def _is_current(origin: Any, wanted: str, folder: Path, tables: Mapping[str, str]) -> bool:
    """Return whether a notebook has run with this code, and what it read is the same still."""
    if not isinstance(origin, dict) or origin.get("code") != wanted:
        return False
    files = (reading.digest(folder / path) == told for path, told in origin["read"].items())
    return all(files) and all(tables.get(n) == told for n, told in origin["tables"].items())


def _wanted(sources: Sources, path: Path) -> str:
    try:
        return sources.notebook(nbformat.read(path, as_version=4).cells)
    except Exception as error:  # whatever nbformat raises: the file is no notebook
        raise ReviewError(f"{path.name}: not a notebook ({error})") from None


def computed_from(path: Path) -> Any:
    """Return from what a kept notebook was computed; nothing if it is not whole."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))["metadata"][DIGEST]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_if_new(path: Path, text: str) -> None:
    """Write a file, unless it says the same: pages that take it in need not be read again."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_whole(path, text)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
