"""A Python whose imports are done: commands and kernels that tests start by the dozen fork from it.

The first build of a test file is the command as a reader types it; the others save the imports.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import forking

SCRIPT = Path(forking.__file__)


class Forked:
    """A command that runs, with the names that `subprocess.Popen` has for it."""

    def __init__(self, place: Path, argv: tuple[str, ...], cwd: Path, env: dict[str, str]) -> None:
        reading, writing = os.pipe()
        self.stdout = open(reading, encoding="utf-8")  # noqa: SIM115  # closed by `communicate`
        self.command = forking.Command(str(place), list(argv), str(cwd), env, writing)
        os.close(writing)
        self.returncode: int | None = None

    def send_signal(self, number: int) -> None:
        self.command.send_signal(number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self) -> tuple[str, None]:
        with self.stdout:
            said = self.stdout.read()
        self.returncode = self.command.wait()
        return said, None


class WarmPython:
    """A process from which commands are forked, until it is closed.

    ``library`` is the folder that holds the ``analysis_lib`` that they use; what changes in it
    later, they do not see. Kernels named ``python3`` that a command starts are forked as well; so
    is a ``python`` that is called in the folder ``bin``.
    """

    def __init__(self, library: Path) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="warm-")  # a socket has a short name
        self.bin = Path(self.folder.name)
        self.place = self.bin / "socket"
        self.env = {
            **os.environ, "PYTHONPATH": str(library), "JUPYTER_PATH": self.folder.name
        }  # fmt: skip
        fork = [sys.executable, "-I", "-S", str(SCRIPT), "ask", str(self.place)]
        write_kernel(self.bin, fork)
        write_python(self.bin, fork)
        self.process = subprocess.Popen(
            [sys.executable, SCRIPT, "serve", self.place, library],
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def start(self, *argv: str, cwd: Path) -> Forked:
        """Begin ``python`` with these arguments, ``-m`` or ``-c`` first, and return at once."""
        return Forked(self.place, argv, cwd, self.env)

    def close(self) -> None:
        self.process.communicate()
        self.folder.cleanup()

    def __enter__(self) -> WarmPython:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()


def write_kernel(folder: Path, fork: list[str]) -> None:
    """Tell Jupyter, which looks into ``folder``, that its kernels of Python are forked."""
    kernel = {
        "argv": [*fork, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
    }
    file = folder / "kernels" / "python3" / "kernel.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(kernel), encoding="utf-8")


def write_python(folder: Path, fork: list[str]) -> None:
    """Write a program that is called as Python is, and is forked."""
    file = folder / "python"
    file.write_text(f'#!/bin/sh\nexec {shlex.join(fork)} "$@"\n', encoding="utf-8")
    file.chmod(0o755)
