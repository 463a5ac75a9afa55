"""Python's search for objects in circles, which looks through whatever lives again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def garbage_left_lying() -> Iterator[None]:
    """Look for garbage seldom: work that keeps what it makes has little.

    A fifth of the time of making pages, and a quarter of that of reading 100,000 records, went into
    looking through what is in use.
    """
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
