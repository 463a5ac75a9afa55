"""One process at a time: a lock of a folder, which ends with the process that holds it."""

from __future__ import annotations

import os
from pathlib import Path


def lock(folder: Path) -> int | None:
    """Lock a folder, and return what is to be closed to let it go; `None` if it is locked already.

    Raises
    ------
    OSError
        If the folder cannot be read.
    """
    import fcntl  # which Windows has not

    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        return None
    return held
