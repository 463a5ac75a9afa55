"""How much memory does it take to read a table? Asked in a process that does nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing import import_results


def of_reading(path: Path) -> tuple[int, str]:
    """Return the peak in MB, and what reading the file told.

    The peak is read from the process's own memory map: what getrusage tells counts the memory of
    the process that started this one, too.
    """
    try:
        told = f"{len(import_results(path, outcome='Pain', time='ETP').results)} read"
    except ReviewError as error:
        told = str(error)
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak
    return int(peak[1]) // 1024, told[:2000]
