"""One making of a book at a time."""

from __future__ import annotations

from pathlib import Path

from analysis_lib.base.errors import ReviewError
from analysis_lib.base.locks import lock

HELD: dict[Path, int] = {}


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
        held = lock(place)
    except OSError as error:
        raise ReviewError(f"{place}: cannot be written ({error.strerror})") from None
    if held is None:
        raise ReviewError(f"{folder}: this book is being built already; wait for it")
    HELD[place] = held
