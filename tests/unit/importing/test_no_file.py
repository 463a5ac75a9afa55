"""Is what is no file called by its name, by every function that reads one?"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import analysis_lib as al
from analysis_lib.__main__ import main
from analysis_lib.base.errors import ReviewError
from analysis_lib.importing import import_results, read_records
from analysis_lib.importing.checking import check_folder
from analysis_lib.importing.extraction import read_results
from analysis_lib.importing.new_review import new_review
from analysis_lib.importing.registries import read_trials
from analysis_lib.importing.search import is_search_export
from analysis_lib.importing.search.decisions import read_decisions
from analysis_lib.importing.spreadsheets import read_sheet
from analysis_lib.importing.texts import read_bytes

OF_FILES = (
    *(read_bytes, read_sheet, read_results, import_results, read_records, is_search_export),
    *(read_decisions, read_trials),
)


@pytest.mark.parametrize("read", [*OF_FILES, check_folder, new_review, al.load_review])
@pytest.mark.parametrize("value", [None, 3, 2.5, True, b"a.csv", ["a.csv"], "", "a\0.csv"])
def test_what_can_be_no_name_is_said(read: Callable[[Any], Any], value: Any) -> None:
    with pytest.raises(ReviewError, match="must be the name of a file or folder, got "):
        read(value)


@pytest.mark.parametrize("read", OF_FILES)
def test_a_folder_is_no_file_and_not_missing(read: Callable[[Any], Any], tmp_path: Path) -> None:
    folder = tmp_path / "sheets.csv"
    folder.mkdir()
    with pytest.raises(ReviewError, match=r"^sheets\.csv: a folder, not a file$"):
        read(folder)
    with pytest.raises(ReviewError, match=r"^none\.csv: there is no such file in .*sheets\.csv$"):
        read(str(folder / "none.csv"))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(ReviewError, match=r"pipe\.csv: a device, not a file"):
        read_bytes(tmp_path / "pipe.csv")


def test_a_name_that_no_system_takes_is_said() -> None:
    with pytest.raises(ReviewError, match="cannot be read"):
        read_bytes("x" * 5000)


def test_the_command_says_so_too(folder: Path, capsys: Any) -> None:
    assert main(["import", str(folder), "--to", str(folder)]) == 1
    assert "review: a folder, not a file" in capsys.readouterr().err
