"""What a book is made from, and whether any of it has changed since.

A book depends on the files of its folder, on the library and on the packages that are installed.
Each has a digest of contents; times of change decide nothing, save for a file that changes while a
book is being made from it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import analysis_lib

LIBRARY = Path(analysis_lib.__file__).parent
#: What is copied into the archive of a book; a review may name more, under ``review_inputs``.
PARTS = ("data", "book", "notebooks", "_config.yml", "_toc.yml", "requirements.lock", "LICENSE")
MADE = {"_build", "__pycache__", "node_modules"}
#: Neither pages nor their looks change what a notebook computes.
PROSE = {".md", ".ipynb", ".css", ".js"}
#: How the name of a table of data ends: a notebook depends on those that it asks for.
TABLE = ".csv"


def files_below(folder: Path, ignored: Sequence[str] = ()) -> list[Path]:
    """Return the files of a folder in order, without what is hidden or was made by a program.

    Parameters
    ----------
    folder
        Where to look. An environment of Python is not entered, nor is any folder twice.
    ignored
        Paths relative to ``folder`` that are left out, with everything below them.
    """
    found: list[Path] = []
    left_out = {folder / path for path in ignored}
    entered = set()
    for top, inner, names in os.walk(folder, followlinks=True):
        here = Path(top)
        place = here.resolve()
        if place in entered or "pyvenv.cfg" in names:
            inner.clear()
            continue
        entered.add(place)
        inner[:] = [name for name in inner if _is_source(name) and here / name not in left_out]
        found += [here / name for name in names if _is_source(name)]
    return sorted(file for file in found if file not in left_out and file.is_file())


def _is_source(name: str) -> bool:
    return not name.startswith(".") and not name.endswith((".egg-info", "~")) and name not in MADE


def digest(files: Iterable[Path], root: Path) -> str:
    """Return a digest of the names, relative to ``root``, and the contents of files."""
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(file.relative_to(root).as_posix().encode(errors="surrogateescape"))
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


@cache  # reading what is installed takes longer than everything else here
def environment() -> str:
    """Return a digest of Python and of every package that is installed."""
    packages = {(d.metadata["Name"] or "", d.version or "") for d in distributions()}
    return hashlib.sha256(json.dumps([sys.version, sorted(packages)]).encode()).hexdigest()


@dataclass(frozen=True)
class Sources:
    """The folder of a review, as it is when a book is made.

    Attributes
    ----------
    folder
        The review: its ``data``, ``book``, ``notebooks``, ``_config.yml`` and ``_toc.yml``.
    inputs
        Further files and folders that its notebooks read, relative to ``folder``.
    ignored
        What has no influence on the book, relative to ``folder``.
    data
        The folder of the data, relative to ``folder``.
    """

    folder: Path
    inputs: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    data: str = "data"

    def __post_init__(self) -> None:
        self.seen  # noqa: B018  # before anything is read

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """Every file on which the book may depend."""
        known = files_below(self.folder, self.ignored)
        return tuple(dict.fromkeys([*known, *self.copied]))

    @property
    def copied(self) -> list[Path]:
        """Every file that readers can take along; links are not followed."""
        places = [self.folder / part for part in (*PARTS, self.data, *self.inputs)]
        found = {file for place in places if place.is_dir() for file in files_below(place)}
        found |= {place for place in places if place.is_file()}
        top = self.folder.resolve()
        return sorted(f for f in found if f.resolve() == top / f.relative_to(self.folder))

    @cached_property
    def tables(self) -> frozenset[Path]:
        """Every table of the data."""
        place = self.folder / self.data
        return frozenset(f for f in self.files if f.suffix == TABLE and f.is_relative_to(place))

    @cached_property
    def told(self) -> str:
        """A digest of what the tables of the data hold."""
        return digest(self.tables, self.folder)

    @cached_property
    def common(self) -> str:
        """A digest of all that a notebook may read or call, save what the tables hold."""
        read = [f for f in self.files if f.suffix not in PROSE and f not in self.tables]
        code = [file for file in files_below(LIBRARY) if file.suffix not in PROSE]
        names = json.dumps(sorted(os.path.relpath(file, self.folder) for file in self.tables))
        files = (digest(read, self.folder), digest(code, LIBRARY))
        return "".join((*files, environment(), hashlib.sha256(names.encode()).hexdigest()))

    @cached_property
    def library(self) -> str:
        """A digest of the library, with its texts and its looks."""
        return digest(files_below(LIBRARY), LIBRARY)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of all that a page may show."""
        shown = (digest(self.files, self.folder), self.library, environment())
        return hashlib.sha256("".join(shown).encode()).hexdigest()

    @cached_property
    def seen(self) -> dict[Path, tuple[int, int, int]]:
        """When each file of the review was written last, to tell one that is written meanwhile."""
        return {file: _written(file) for file in (*self.copied, *files_below(LIBRARY))}

    def written(self) -> dict[Path, tuple[int, int, int]]:
        """When each file on which the book may depend was written last."""
        return {file: _written(file) for file in (*self.files, *files_below(LIBRARY))}

    def notebook(self, cells: Sequence[Mapping[str, Any]]) -> str:
        """Return a digest of what a notebook does: its code and all that this may use."""
        told = [(c["source"], c["metadata"]) for c in cells if c["cell_type"] == "code"]
        text = self.common + json.dumps(told, sort_keys=True)
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()

    def changed(self) -> list[Path]:
        """Return the files that were written, added or removed since the book was begun."""
        now = Sources(self.folder, self.inputs, self.ignored, self.data).seen
        return sorted(
            file for file in now.keys() | self.seen if now.get(file) != self.seen.get(file)
        )


def code_written() -> object:
    """Return what differs once the library is written, or the packages that are installed."""
    environment.cache_clear()
    return {file: _written(file) for file in files_below(LIBRARY)}, environment()


def _written(file: Path) -> tuple[int, int, int]:
    told = file.stat()
    return told.st_ino, told.st_size, told.st_mtime_ns
