"""What a notebook reads of its review and of the pages of its book, for which it runs again.

A change of code runs every notebook. One of the data runs those that asked the review for a table
that has changed, or opened its file. A change of prose runs a notebook that reads it: the page that
tells on which others a number stands has their titles and their code.

Python itself tells of every file that is opened and every folder that is listed, and `Review`, as
long as a kernel is watched, of every table that is asked for. What Python does not see, as the work
of another program, counts as if it had opened every table.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import FrameType
from typing import Any

import pandas as pd

from analysis_lib.book.engine.sources import LIBRARY, PROSE, TABLE, files_below
from analysis_lib.review.model import Review, load_review

#: Other programs, which may open anything.
OTHERS = {
    *("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"),
    "subprocess.Popen",
}
#: Packages whose compiled code opens no table, or has Python open it.
SEEN = {
    *("charset_normalizer", "contourpy", "debugpy", "fontTools", "hypothesis", "kiwisolver"),
    *("llvmlite", "markupsafe", "math_core", "matplotlib", "msgpack", "numba", "numpy", "pandas"),
    *("PIL", "psutil", "pydantic_core", "rpds", "scipy", "sqlalchemy", "tornado", "yaml", "zmq"),
}
SITE = "site-packages"

_read: dict[str, str] = {}
_asked: set[str] = set()


def begin(folder: str, data: str) -> None:
    """Forget what was read, and note what is read from now on; for the kernel of a notebook.

    Parameters
    ----------
    folder, data
        The review, and its folder of data.
    """
    _read.clear()
    _asked.clear()
    _forget_modules(Path(folder))
    _listen(Path(data).resolve())


def tell(data: str) -> None:
    """Print what was read, and the digest of each as it was then, as JSON; and which tables."""
    if _may_open_unseen():
        _note_all(Path(data).resolve())
    print(json.dumps({"read": _read, "tables": sorted(_asked)}))


def digests(review: Review) -> dict[str, str]:
    """Return a digest of each table of a review, with all that goes with it."""
    values = {field.name: getattr(review, field.name) for field in fields(review)}
    tables = {name: value for name, value in values.items() if isinstance(value, pd.DataFrame)}
    return {name: hashlib.sha256(_told(t).encode()).hexdigest() for name, t in tables.items()}


def _told(table: pd.DataFrame) -> str:
    columns = [(name, str(column.dtype), column.tolist()) for name, column in table.items()]
    return ascii((table.attrs, table.index.tolist(), columns))


def _forget_modules(folder: Path) -> None:
    """Have what stands beside the notebooks imported anew: it may hold what it has read."""
    for name, module in list(sys.modules.items()):
        file = Path(getattr(module, "__file__", None) or os.devnull)
        own = file.is_relative_to(folder) and not file.is_relative_to(LIBRARY)
        if own and SITE not in file.parts:
            del sys.modules[name]


@cache
def _listen(data: Path) -> None:
    def note(event: str, arguments: tuple[object, ...]) -> None:
        _note(event, arguments, data)

    def ask(review: Review, name: str) -> Any:
        found = object.__getattribute__(review, name)
        if name not in _asked and isinstance(found, pd.DataFrame) and _is_at(review, data):
            _asked.add(name)
        return found

    sys.addaudithook(note)  # for the rest of the process: nothing takes it off
    setattr(Review, "__getattribute__", ask)  # noqa: B010  # no part of what a review is


def _is_at(review: Review, data: Path) -> bool:
    place: Path = object.__getattribute__(review, "path")
    return place.resolve() == data


def _note(event: str, arguments: tuple[object, ...], data: Path) -> None:
    if event in OTHERS:
        _note_all(data)
    if event not in ("open", "os.listdir", "os.scandir") or _is_import():
        return
    place = "." if arguments[0] is None else arguments[0]
    if not isinstance(place, str | bytes | os.PathLike):  # something that is open
        return
    path = Path(os.path.abspath(os.fsdecode(place)))
    is_read = event != "open" or path.suffix in PROSE
    if event == "open" and path.suffix == TABLE:
        path = path.resolve()
        is_read = path.is_relative_to(data) and not (path.parent == data and _is_loader())
    if is_read and str(path) not in _read:
        _read[str(path)] = ""  # what the digest opens is no reading of the notebook's
        _read[str(path)] = digest(path)


def _note_all(data: Path) -> None:
    """Note every table of the data."""
    for file in files_below(data):
        if file.suffix == TABLE:
            _read.setdefault(str(file), digest(file))


def _may_open_unseen() -> bool:
    """Return whether anything was imported that may open a file without Python."""
    compiled = {
        _package(str(file))
        for name, module in list(sys.modules.items())
        if (file := getattr(module, "__file__", None))
        and str(file).endswith(tuple(EXTENSION_SUFFIXES))
        and name.partition(".")[0] not in sys.stdlib_module_names
    }
    processes = {"multiprocessing.popen_spawn_posix", "multiprocessing.popen_forkserver"}
    return bool(compiled - SEEN or processes & sys.modules.keys())


def _package(file: str) -> str:
    """Return the folder of installed packages in which a file lies, or the file elsewhere."""
    parts = Path(file).parts
    return parts[parts.index(SITE) + 1] if SITE in parts else file


def _frames() -> Iterator[FrameType]:
    """Yield what calls what, from the first that does not belong to this module outwards."""
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_globals is not globals():
            yield frame
        frame = frame.f_back


def _is_import() -> bool:
    """Return whether Python looks for a module or a package, in every folder of its path."""
    name = next((str(frame.f_globals.get("__name__")) for frame in _frames()), "")
    return name.startswith(("importlib.", "_frozen_importlib"))


def _is_loader() -> bool:
    """Return whether a review is loaded, which tells itself what a notebook asks it for."""
    return any(frame.f_code is load_review.__code__ for frame in _frames())


def digest(path: Path) -> str:
    """Return a digest of a page or table, or of the pages' names in a folder; empty if none is.

    That of a notebook is one of its title, its headings and its code: no other page shows more.
    """
    try:
        if path.is_dir():
            names = sorted(n for n in os.listdir(path) if Path(n).suffix in PROSE)
            content = "\n".join(names).encode(errors="surrogateescape")
        else:
            content = path.read_bytes()
            content = _headings_and_code(content) if path.suffix == ".ipynb" else content
    except OSError:
        return ""
    return hashlib.sha256(content).hexdigest()


def _headings_and_code(content: bytes) -> bytes:
    """Return what other pages tell of a notebook; all of it if it is none."""
    try:
        cells = [(c["cell_type"], "".join(c["source"])) for c in json.loads(content)["cells"]]
    except (ValueError, KeyError, TypeError):
        return content
    lines = [(kind, line) for kind, source in cells for line in source.splitlines()]
    kept = [line for kind, line in lines if kind == "code" or line.startswith("#")]
    told = "\n".join([*(line for _, line in lines[:1]), *kept])
    return told.encode(errors="surrogatepass")
