"""Does a notebook run again when a page or a notebook that it reads has changed, and only then?"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from places import ROOT
from warm_python import WarmPython

from analysis_lib.book.engine.reading import digest

READS = """\
from pathlib import Path
import json
for path in sorted(Path().glob("*.ipynb")):
    cells = json.loads(path.read_text())["cells"]
    print(path.stem, cells[0]["source"], [c["source"] for c in cells if c["cell_type"] == "code"])
print(Path("../book/intro.md").read_text())
"""


def write(folder: Path, name: str, text: str, code: str) -> None:
    cells = [nbformat.v4.new_markdown_cell(text), nbformat.v4.new_code_cell(code)]
    for i, cell in enumerate(cells):
        cell.id = str(i)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "notebooks" / f"{name}.ipynb")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("notebooks", "book", "data"):
        (tmp_path / name).mkdir()
    (tmp_path / "book" / "intro.md").write_text("Welcome")
    write(tmp_path, "reads", "# Reads the others", READS)
    write(tmp_path, "other", "# Other\n\nA sentence.", "print(1 + 1)")
    return tmp_path


RUN = """\
import sys
from pathlib import Path
from analysis_lib.book.engine.running import run_stale
from analysis_lib.book.engine.sources import Sources
folder, store = map(Path, sys.argv[1:])
notebooks = {p.name: p for p in (folder / "notebooks").glob("*.ipynb")}
run_stale(Sources(folder), notebooks, store, {})
"""


def ran(python: WarmPython, folder: Path, store: str = "ran") -> set[str]:
    """Run what is stale; return which notebooks those were."""
    command = python.start("-c", RUN, str(folder), str(folder / "_build" / store), cwd=folder)
    said = command.communicate()[0]
    assert command.returncode == 0, said
    return set(re.findall(r"ran (\w+)\.ipynb", said))


def shown(folder: Path, name: str, store: str = "ran") -> str:
    cells = nbformat.read(folder / "_build" / store / f"{name}.ipynb", as_version=4).cells
    return str([cell.get("outputs") for cell in cells])


def test_what_a_notebook_reads_of_others_is_never_stale(folder: Path) -> None:
    with WarmPython(ROOT) as python:
        assert ran(python, folder) == {"reads", "other"}
        write(folder, "other", "# Other\n\nAnother sentence.", "print(1 + 1)")
        (folder / "book" / "unread.md").write_text("Nobody opens this")
        assert ran(python, folder) == set()
        write(folder, "other", "# Renamed\n\nAnother sentence.", "print(1 + 1)")
        assert ran(python, folder) == {"reads"}
        assert "Renamed" in shown(folder, "reads")
        write(folder, "other", "# Renamed\n\nAnother sentence.", "print(2 + 2)")
        assert ran(python, folder) == {"reads", "other"}
        write(folder, "third", "# Third", "print(3)")
        assert ran(python, folder) == {"reads", "third"}
        (folder / "book" / "intro.md").write_text("Good morning")
        assert ran(python, folder) == {"reads"}
        (folder / "notebooks" / "third.ipynb").unlink()
        assert ran(python, folder) == {"reads"}
        assert ran(python, folder, "afresh") == {"reads", "other"}
    for name in ("reads", "other"):  # as if nothing had been kept
        assert shown(folder, name) == shown(folder, name, "afresh")


def test_a_digest_is_one_of_what_other_pages_show(folder: Path) -> None:
    other = folder / "notebooks" / "other.ipynb"
    before = digest(other), digest(other.parent), digest(folder / "data")
    (other.parent / ".ipynb_checkpoints").mkdir()
    (folder / "data" / "trials.csv").write_text("a table has its own digest")
    assert (digest(other), digest(other.parent), digest(folder / "data")) == before
    write(folder, "other", "A title without a sign\n\n# Other", "print(1 + 1)")
    assert digest(other) != before[0]
    assert digest(folder / "none.md") == ""
    for broken in ("", "{", "[]", '{"cells": 1}', '{"cells": [{}]}'):
        other.write_text(broken)
        assert digest(other) != before[0]
