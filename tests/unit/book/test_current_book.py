"""Is a book that is current told so, quickly, and one that is not made again?"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_reviews import three_equal_trials, write

from analysis_lib.book import writing
from analysis_lib.book.build import build
from analysis_lib.book.engine import stamp
from analysis_lib.book.engine.settings import CONFIG, read_settings
from analysis_lib.book.engine.sources import Sources
from analysis_lib.book.sphinx import keeping
from analysis_lib.review.model import Review, load_review

BUILD = """
import sys
from pathlib import Path
from analysis_lib.book.build import build
build(Path(sys.argv[1]))
print(*sys.modules.keys() & {"jsonschema", "matplotlib", "nbformat", "pandera", "sphinx"})
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a review with one page that bears the stamp of a whole book."""
    folder = tmp_path / "review"
    write(folder, three_equal_trials())
    html = folder / "_build" / "html"
    html.mkdir(parents=True)
    (html / "index.html").touch()
    state = stamp.state(read_settings(folder).sources(folder), load_review(folder / "data"))
    (html / stamp.STAMP).write_text(state)
    return folder


@pytest.mark.slow
def test_nothing_that_writes_pages_is_loaded_for_a_book_that_is_current(folder: Path) -> None:
    command = [sys.executable, "-c", BUILD, str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    *_, told, _, loaded = run.stdout.splitlines()
    assert told == "pages: nothing changed"
    assert loaded == "pandera"


@pytest.mark.few
@pytest.mark.parametrize("file", ["data/arms.csv", "book/intro.md", "_toc.yml", CONFIG])
def test_one_line_more_in_any_file_and_the_pages_are_written(
    folder: Path, file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def make_pages(sources: Sources, review: Review, fresh: Path) -> None:
        (fresh / "html").mkdir(parents=True)
        (fresh / "html" / "index.html").write_text("new")

    monkeypatch.setattr(writing, "make_pages", make_pages)
    monkeypatch.setattr(keeping, "keep", shutil.rmtree)
    assert build(folder).read_text() == ""
    with (folder / file).open("a") as end:
        end.write("\n")
    assert build(folder).read_text() == "new"
    assert capsys.readouterr().out.count("nothing changed") == 1
    assert [path.name for path in (folder / "_build").iterdir()] == ["html"]


def test_a_search_that_has_become_overdue_makes_another_state(folder: Path) -> None:
    (folder / "data" / "searches.toml").write_text("since = 2026-01-01\n")  # long ago
    sources, review = read_settings(folder).sources(folder), load_review(folder / "data")
    assert stamp.state(sources, review) == f"{sources.fingerprint} overdue"
    html = folder / "_build" / "html"
    (html / stamp.STAMP).write_text(sources.fingerprint)  # not yet when the book was made
    assert not stamp.is_current(html, sources, review)
