"""Are pages that show nothing of a notebook read while the notebooks run?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from places import ROOT
from test_build import CODE, TOC, small_copy

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("build")]

#: Sphinx reads a page by this function, which is registered when the book is made.
NOTE = """

_read_executed = read_executed


def read_executed(app: Sphinx, page: str, source: list[str]) -> None:
    (Path(app.srcdir) / f"read-{Path(page).name}").touch()
    _read_executed(app, page, source)
"""
#: Ends when the page has been read; were it read after the notebook, never.
WAIT = """
import time
from pathlib import Path
for _ in range(1_000):
    if Path("../read-alone").exists():
        break
    time.sleep(0.1)
else:
    raise RuntimeError("the page was not read")
"""


def test_a_notebook_can_wait_for_a_page(tmp_path: Path) -> None:
    book = small_copy(tmp_path)
    book.add_to_library("book/sphinx/making.py", NOTE)
    (book.root / "_toc.yml").write_text(f"{TOC}  - file: book/alone\n")
    (book.root / "book" / "alone.md").write_text("# Alone\n\nNothing of a notebook.\n")
    book.write_notebook(CODE + WAIT)
    book.must_build()
    assert "Nothing of a notebook." in book.text("book/alone")


GIVE_UP = """
import sys
from pathlib import Path
from analysis_lib.book.engine.running import Execution
from analysis_lib.book.engine.sources import Sources
folder = Path(sys.argv[1])
running = Execution(folder.glob("*.ipynb"), Sources(folder), lambda *kept: print("kept"))
running.give_up()
"""


def test_notebooks_that_are_given_up_end_at_once_and_nothing_is_kept(tmp_path: Path) -> None:
    endless = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("while True:\n    pass")])
    for name in "abc":
        nbformat.write(endless, tmp_path / f"{name}.ipynb")
    ended = subprocess.run(
        [sys.executable, "-c", GIVE_UP, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
