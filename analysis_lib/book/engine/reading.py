"""What a notebook reads of the pages and notebooks of its book, for which it runs again.

A change of data or of code runs every notebook. A change of prose need not, except for a notebook
that reads it: the page that tells on which others a number stands has their titles and their code.
Python itself tells of every file that is opened and every folder that is listed.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import sys
from functools import cache
from pathlib import Path

from analysis_lib.book.engine.sources import PROSE

_read: dict[str, str] = {}


def begin() -> None:
    """Forget what was read, and note what is read from now on; for the kernel of a notebook."""
    _read.clear()
    _listen()


def tell() -> None:
    """Print what was read, and the digest of each as it was then, as JSON."""
    print(json.dumps(_read))


@cache
def _listen() -> None:
    sys.addaudithook(_note)  # for the rest of the process: nothing takes it off


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event not in ("open", "os.listdir", "os.scandir") or _is_import():
        return
    place = "." if arguments[0] is None else arguments[0]
    if not isinstance(place, str | bytes | os.PathLike):  # something that is open
        return
    path = Path(os.path.abspath(os.fsdecode(place)))
    if str(path) not in _read and (event != "open" or path.suffix in PROSE):
        _read[str(path)] = ""  # what the digest opens is no reading of the notebook's
        _read[str(path)] = digest(path)


def _is_import() -> bool:
    """Return whether Python looks for a module or a package, in every folder of its path."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals is globals():
        frame = frame.f_back
    name = "" if frame is None else str(frame.f_globals.get("__name__"))
    return name.startswith(("importlib.", "_frozen_importlib"))


def digest(path: Path) -> str:
    """Return a digest of a page, or of the names of the pages in a folder; empty if there is none.

    That of a notebook is one of its title, its headings and its code: no other page shows more.
    """
    try:
        if path.is_dir():
            content = "\n".join(sorted(n for n in os.listdir(path) if Path(n).suffix in PROSE))
        else:
            content = path.read_text(encoding="utf-8", errors="replace")
            content = _headings_and_code(content) if path.suffix == ".ipynb" else content
    except OSError:
        return ""
    return hashlib.sha256(content.encode(errors="surrogateescape")).hexdigest()


def _headings_and_code(content: str) -> str:
    """Return what other pages tell of a notebook; all of it if it is none."""
    try:
        cells = [(c["cell_type"], "".join(c["source"])) for c in json.loads(content)["cells"]]
    except (ValueError, KeyError, TypeError):
        return content
    lines = [(kind, line) for kind, source in cells for line in source.splitlines()]
    kept = [line for kind, line in lines if kind == "code" or line.startswith("#")]
    return "\n".join([*(line for _, line in lines[:1]), *kept])
