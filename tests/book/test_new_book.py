"""Is the book of a new review never stale, and does its archive run where it is unpacked?

A review is begun with ``new`` in a folder whose name has a space and an accent, and filled with two
trials that count events.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from bs4 import BeautifulSoup
from warm_python import WarmPython

import analysis_lib
from analysis_lib.__main__ import main

LIBRARY = Path(analysis_lib.__file__).parent.parent
BUILD = ("-m", "analysis_lib", "build", ".")
JUPYTER_BOOK = ("-c", "from jupyter_book.cli.main import main; main()", "build", ".", "-W", "-n")
SHEET = """\
Study,n1,events1,n2,events2
Aasa 2015,50,EVENTS,50,20
Cai 2017,60,12,60,25
"""


class Said(NamedTuple):
    code: int
    words: str


def run(
    folder: Path, *command: str, program: str = sys.executable, warm: WarmPython | None = None
) -> Said:
    """Run a command; of a warm Python the kernels are forked, and so is Python itself."""
    if warm and program == sys.executable:
        process = warm.start(*command, cwd=folder)
        words, _ = process.communicate()
        return Said(process.returncode, words)
    done = subprocess.run(
        [program, *command],
        cwd=folder,
        env={**os.environ, **(warm.env if warm else {}), "PYTHONPATH": str(LIBRARY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Said(done.returncode, done.stdout)


def succeed(folder: Path, *command: str, **how: Any) -> str:
    said = run(folder, *command, **how)
    assert said.code == 0, said.words
    return said.words


def forest(folder: Path) -> str:
    """Return the description of the forest plot, as the page of the results has it."""
    html = (folder / "_build" / "html" / "notebooks" / "04_results.html").read_text("utf-8")
    image = BeautifulSoup(html, "html.parser").select_one("figure#fig-falls-end img")
    assert image is not None
    return str(image["alt"])


def set_events(folder: Path, old: str, new: str) -> None:
    """Change the events of the first arm of the first trial."""
    table = folder / "data" / "arm_results.csv"
    rows = table.read_text(encoding="utf-8").splitlines()
    place = rows[0].split(",").index("events")
    cells = rows[1].split(",")
    assert cells[place] == old
    cells[place] = new
    rows[1] = ",".join(cells)
    table.write_text("\n".join([*rows, ""]), encoding="utf-8")


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a new review of two trials, with its book."""
    folder = tmp_path_factory.mktemp("new") / "Die Übersicht"
    assert main(["new", str(folder)]) == 0
    end = "reported,the sheet,"
    for table, row in {
        "outcomes": f"falls,Falls,primary,RR,,counted,yes,,,,,{end}",
        "follow_ups": f"end,End,At the end,{end}",
    }.items():
        with (folder / "data" / f"{table}.csv").open("a", encoding="utf-8") as file:
            file.write(row + "\n")
    sheet = folder.parent / "sheet.csv"
    sheet.write_text(SHEET.replace("EVENTS", "0"))
    to = ["--to", str(folder), "--outcome", "falls", "--time", "end"]
    assert main(["import", str(sheet), *to]) == 0
    succeed(folder, *BUILD)
    return folder


def test_a_changed_cell_changes_the_page(review: Path, warm: WarmPython) -> None:
    before = forest(review)
    assert "pages: nothing changed" in succeed(review, *BUILD, warm=warm)
    set_events(review, "0", "40")
    said = succeed(review, *BUILD, warm=warm)
    assert "ran 04_results.ipynb" in said
    assert "ran 01_selection.ipynb" not in said  # which asks for no table of results
    after = forest(review)
    assert before != after
    csv = (review / "_build/html/downloads/data/arm_results.csv").read_bytes()
    assert csv == (review / "data/arm_results.csv").read_bytes()
    # The risk ratio of 40 of 50 against 20 of 50; it was under 1 with no event.
    assert "Aasa 2015 2.00; Cai" in after


def test_a_changed_cell_changes_the_page_of_plain_jupyter_book(
    review: Path, warm: WarmPython
) -> None:
    before = forest(review)
    set_events(review, "40", "10")
    succeed(review, *JUPYTER_BOOK, warm=warm)
    assert forest(review) != before
    assert "Aasa 2015 0.50; Cai" in forest(review)
    again = succeed(review, *BUILD, warm=warm)  # one command takes over from the other
    assert "pages: nothing changed" in again


def test_the_archive_runs_where_it_is_unpacked(review: Path, tmp_path: Path) -> None:
    """With the packages of this environment; the library is that of the archive."""
    with zipfile.ZipFile(review / "_build" / "html" / "downloads" / "book.zip") as packed:
        packed.extractall(tmp_path)
    with WarmPython(tmp_path) as warm:
        here = (f"BIN={warm.bin}", "READY=requirements.lock")
        said = succeed(tmp_path, "test", *here, program="make", warm=warm)
        assert " failed" not in said
        assert (tmp_path / "_build" / "html" / "index.html").is_file()
        # A figure that came out otherwise would be seen.
        (figure, *_) = sorted((tmp_path / "figures").glob("*.svg"))
        figure.write_bytes(figure.read_bytes() + b" ")
        told = run(tmp_path, "-m", "pytest", "-q", "tests", warm=warm)
    assert told.code == 1
    assert figure.name in told.words


def test_the_packages_that_the_archive_names_are_those_that_are_installed(review: Path) -> None:
    with zipfile.ZipFile(review / "_build" / "html" / "downloads" / "book.zip") as packed:
        lock = packed.read("requirements.lock").decode().splitlines()
    names = {line.partition("==")[0] for line in lock}
    assert {"pandas", "jupyter-book", "nbval", "pytest", "ipykernel"} <= names
    assert "analysis-lib" not in names
    succeed(review, "-m", "pip", "install", "--dry-run", "--no-index", "-q", *lock)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_told(review: Path, tmp_path: Path) -> None:
    folder = tmp_path / "review"
    shutil.copytree(review, folder, ignore=shutil.ignore_patterns("_build"))
    folder.chmod(0o555)
    said = run(folder, *BUILD)
    folder.chmod(0o755)
    assert said.code == 1
    assert said.words.splitlines()[-1].endswith("_build: cannot be written (Permission denied)")
