"""Are pages that show nothing of a notebook read while the notebooks run?"""

from __future__ import annotations

from pathlib import Path

import pytest
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
