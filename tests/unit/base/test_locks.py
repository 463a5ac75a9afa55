"""Is a folder locked for one process at a time, until that lets it go or ends?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from analysis_lib.base.locks import lock

HOLD = """
import sys
from pathlib import Path
from analysis_lib.base.locks import lock
print(lock(Path(sys.argv[1])) is not None, flush=True)
sys.stdin.read()
"""


def test_a_lock_is_had_once_and_again_when_it_was_let_go(tmp_path: Path) -> None:
    held = lock(tmp_path)
    assert held is not None
    assert lock(tmp_path) is None
    os.close(held)
    again = lock(tmp_path)
    assert again is not None
    os.close(again)


def test_a_lock_ends_with_the_process_that_holds_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        assert lock(tmp_path) is None
        other.kill()
    held = lock(tmp_path)
    assert held is not None
    os.close(held)


def test_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        lock(tmp_path / "none")
