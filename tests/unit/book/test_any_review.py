"""Does a book show what `check` promises, whatever small review is typed in?

Random reviews go through the loader, `check`, the code cells of the notebooks that `new` writes and
the tables that its other pages insert.
Where `check` refuses a folder, the book refuses it in the same words; where it does not, every
section shows something, what can be pooled is drawn, and what cannot be computed is said as `check`
says it.
"""

from __future__ import annotations

import contextlib
import html
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
from hypothesis import HealthCheck, example, given, note
from properties import examples
from small_reviews import Drawn, small_reviews, three_equal_trials, write
from template_cells import DRAWING

import analysis_lib as al
from analysis_lib import plots
from analysis_lib.base.errors import attempt
from analysis_lib.book import page
from analysis_lib.book.sections import analyses, explorer
from analysis_lib.book.sections.tables import TABLES
from analysis_lib.importing.checking import check_folder
from analysis_lib.review.known_effects import TELLS_NOTHING
from analysis_lib.review.possible import analyses as every_analysis

#: What no reader should meet; an error that names a wrong number may say that it is ``inf``.
NO_WORDS = re.compile(r"\b(nan|None(?!: one effect)|NaT|NAType)\b|<NA>|(?<!: )\binf\b")

FEW = 3  # trials


@contextlib.contextmanager
def collected() -> Iterator[list[str]]:
    """Collect what is shown, as text: of a figure its name, alt text and caption."""
    seen: list[str] = []

    def show_figure(ax: Any, name: str) -> None:
        ax.figure.draw_without_rendering()
        seen.append(f"figure {name}: {plots.alt_text(ax)} {plots.caption(ax)}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "display", lambda thing: seen.append(words(thing.data)))
        for module in DRAWING:
            patch.setattr(module, "show_figure", show_figure)
        yield seen
    plt.close("all")


def words(shown: str) -> str:
    """Return the words of HTML or Markdown."""
    return html.unescape(re.sub(r"<[^>]*>", " ", shown)).replace("\\", "")


def code_cells(folder: Path) -> list[str]:
    """Return the code of a book, each cell once: what every notebook begins with is run once."""
    notebooks = [json.loads(p.read_text()) for p in sorted((folder / "notebooks").glob("*.ipynb"))]
    cells = [
        "".join(c["source"]) for n in notebooks for c in n["cells"] if c["cell_type"] == "code"
    ]
    return list(dict.fromkeys(cells))


def build(folder: Path) -> dict[str, list[str]]:
    """Run the code of a book; return what each cell showed."""
    names: dict[str, Any] = {}
    found = {}
    with contextlib.chdir(folder):
        for code in code_cells(folder):
            with collected() as seen:
                exec(code, names)
            found[code] = list(seen)
    return found


def inserts(review: al.Review) -> dict[str, list[str]]:
    """Return what the other pages insert: the tables, and the explorer with its data."""
    found = {name: make(review) for name, make in TABLES.items()}
    tables = {n: [words(t if isinstance(t, str) else str(t.html()))] for n, t in found.items()}
    if len(review.trials) <= FEW:  # every set of trials is pooled in every way
        json.loads(explorer.script(review).removeprefix("const EXPLORER = ").rstrip(";\n"))
    return tables | {"explorer": [words(str(explorer.form(review)))]}


def promises(review: al.Review) -> Iterator[tuple[str, str]]:
    """Yield what `check` has to say of an analysis, and what then has to stand on a page."""
    labels = dict(zip(review.outcomes["outcome"], review.outcomes["label"], strict=True))
    names = analyses.analysis_names(review)
    for outcome, time, found in every_analysis(review):
        name = f"{labels[outcome]}, {time}"
        if isinstance(found, al.ReviewError):
            page = f"{names[outcome, time]} cannot be computed**: {found}."
            yield f"Cannot be computed: {name}: {found}.", page
            continue
        if found.k:
            yield f"Can be pooled: {name}, {found.k} comparison", f"figure fig-{outcome}-{time}: "
        for unknown in found.unknown:
            label, _, why = unknown.partition(": ")
            is_silent = why == TELLS_NOTHING
            yield (label, label) if is_silent else (unknown, unknown)
            if is_silent and found.k:
                yield f"Left out of {name}: ", "Left out, because nobody or everybody had the event"


@pytest.mark.slow  # runs the notebooks of a dozen random reviews
@examples(12, suppress_health_check=list(HealthCheck))
@example(three_equal_trials())
@given(small_reviews())
def test_the_book_shows_what_check_promises(drawn: Drawn) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "review"
        write(folder, drawn)
        told = attempt(check_folder, folder)
        if isinstance(told, al.ReviewError):
            with pytest.raises(al.ReviewError) as caught:
                build(folder)
            assert str(told).startswith(str(caught.value))
            return
        shown = build(folder)
        assert all(list(shown.values())[1:])  # the first cell only loads
        shown |= inserts(al.load_review(folder / "data"))
        whole = "\n".join(text for texts in shown.values() for text in texts)
        note(whole)
        assert not NO_WORDS.search(whole)
        for line, page in promises(al.load_review(folder / "data")):
            assert line in "\n".join(told)
            assert page in whole
