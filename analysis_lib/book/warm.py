"""A process that has imported what makes a book, and forks another one for each making.

It has no threads, unlike the one that serves the pages and tells it when: what is forked beside a
thread may wait for ever for what that thread held. It starts itself again when the library or the
packages have changed, so that no book is made by what was there before.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from runpy import run_module

from analysis_lib.base.errors import ReviewError
from analysis_lib.book.engine.settings import read_settings
from analysis_lib.book.engine.sources import code_written, environment
from analysis_lib.review.model import load_review


@contextmanager
def making(folder: Path) -> Iterator[Callable[[], None]]:
    """Give what makes a book, as often as it is called, while the block runs."""
    if hasattr(os, "fork"):
        with _warm(folder) as make:
            yield make
    else:
        yield lambda: _run(["-m", "analysis_lib", "build", str(folder)])


def _run(command: list[str]) -> None:
    subprocess.run([sys.executable, *command], check=False)  # noqa: S603  # ourselves


@contextmanager
def _warm(folder: Path) -> Iterator[Callable[[], None]]:
    line, end = socket.socketpair()
    with line:
        with end:
            place = end.fileno()
            process = subprocess.Popen(  # noqa: S603  # ourselves
                [sys.executable, "-m", __name__, str(folder), str(place)],
                stdin=subprocess.DEVNULL,
                pass_fds=[place],
                process_group=0,  # Ctrl+C is for this process, which ends them all
            )

        def make() -> None:
            made = b""
            with suppress(ConnectionError):
                line.send(b"!")
                made = line.recv(1)
            if not made:
                raise ReviewError("The process that makes the book has ended; begin again.")

        try:
            yield make
        finally:
            os.killpg(process.pid, signal.SIGTERM)  # and with it what is being made
            process.wait()


def serve(folder: Path, line: socket.socket) -> bool:
    """Fork a process for each making, and return there; the other one returns at the end.

    Returns
    -------
    bool
        Whether this is a process that is to make the book.
    """
    before = code_written()
    load_everything(folder)
    while line.recv(1, socket.MSG_PEEK):
        if code_written() != before:
            line.set_inheritable(True)
            os.execv(sys.executable, sys.orig_argv)  # noqa: S606  # with the same question waiting
        child = os.fork()
        if child == 0:
            line.close()
            return True
        os.waitpid(child, 0)
        line.sendall(line.recv(1))
    return False


def load_everything(folder: Path) -> None:
    """Import what a build imports, and read the review, which teaches its reader all tables."""
    from sphinx.application import builtin_extensions

    from analysis_lib.book.writing import EXTENSION, sphinx_settings

    own = [f"{EXTENSION}.{part}" for part in import_module(EXTENSION).PARTS]
    for module in ("ipykernel.kernelapp", "analysis_lib.plots", *builtin_extensions, *own):
        import_module(module)
    environment()
    with suppress(ReviewError, ImportError):  # which the build tells
        for module in sphinx_settings(folder)["extensions"]:
            import_module(module)
        load_review(folder / read_settings(folder).review_folder)
    gc.freeze()  # what is forked shares it


if __name__ == "__main__":
    _, told, place = sys.argv
    if serve(Path(told), socket.socket(fileno=int(place))):
        sys.argv[1:] = ["build", told]
        run_module("analysis_lib", run_name="__main__")
