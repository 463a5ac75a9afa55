"""One making of a book at a time: a lock that ends with the process that holds it."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from analysis_lib.base.errors import ReviewError

HELD: dict[Path, IO[str]] = {}


def hold(folder: Path) -> None:
    """Hold the lock of a book until this process ends; whoever holds it already goes on.

    Raises
    ------
    ReviewError
        If another process holds it, or the folder cannot be written.
    """
    place = folder.resolve() / "_build"
    if place in HELD:
        return
    try:
        place.mkdir(exist_ok=True)
        file = (place / "lock").open("a")
    except OSError as error:
        raise ReviewError(f"{place}: cannot be written ({error.strerror})") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise ReviewError(f"{folder}: this book is being built already; wait for it") from None
    HELD[place] = file
