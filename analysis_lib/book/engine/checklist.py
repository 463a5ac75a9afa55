"""The PRISMA 2020 checklist, filled from what a book shows and what its tables hold.

The items stand in ``texts/prisma.csv``, each with the functions that show it, the tables that it
needs, or the page that tells it. What the tables cannot know is said to be missing.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis_lib.base.formatting import listing
from analysis_lib.review.model import Review

ITEMS = Path(__file__).parents[1] / "texts" / "prisma.csv"
CALL = re.compile(r"\bshow_\w+")
CAPTIONS = {
    "introduction": "PRISMA 2020: title, abstract and introduction",
    "methods": "PRISMA 2020: methods",
    "results": "PRISMA 2020: results",
    "discussion": "PRISMA 2020: discussion and other information",
    "living": "PRISMA-LSR: items and additions for living reviews",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """Where a book reports one item: pages to go to, and words about them."""

    item: str
    asks: str
    pages: tuple[str, ...]
    words: str


def calls_in(cells: Sequence[Mapping[str, str]]) -> set[str]:
    """Return the functions that the code of a notebook calls to show something."""
    code = (cell["source"] for cell in cells if cell["cell_type"] == "code")
    return {name for source in code for name in CALL.findall(source)}


def answers(review: Review, section: str, shown: Mapping[str, set[str]]) -> list[Answer]:
    """Return the items of one section, each with where the book reports it.

    Parameters
    ----------
    review
        A review that was loaded.
    section
        One of `CAPTIONS`.
    shown
        What each page of the book calls, in the order of reading; nothing for one without code.
    """
    return [_answer(review, row, shown) for row in rows_of(section)]


def rows_of(*sections: str) -> list[dict[str, str]]:
    """Return the items of some sections, as ``texts/prisma.csv`` has them."""
    with ITEMS.open(encoding="utf-8", newline="") as lines:
        return [row for row in csv.DictReader(lines) if row["section"] in sections]


def _answer(review: Review, row: Mapping[str, str], shown: Mapping[str, set[str]]) -> Answer:
    calls, tables = set(row["calls"].split()), row["tables"].split()
    if calls:
        pages = tuple(page for page, called in shown.items() if called & calls)
        if not pages:
            words = "Not here. No page of the book shows it."
        elif tables and all(getattr(review, name).empty for name in tables):
            pages, words = (), f"Not here. Nothing is recorded in {_files(tables)}."
        else:
            words = ""
    else:
        pages = (row["page"],) if row["page"] in shown else ()
        words = _words(review, row["words"])
        if not pages:
            words = words if row["words"] == "registration" else f"Not here. {words}".strip()
    return Answer(row["item"], row["asks"], pages, words)


def _words(review: Review, words: str) -> str:
    if words == "registration":
        return review.info.registration
    if words == "title":
        says = "systematic review" in review.info.title.lower()
        return "the title says so" if says else "the title does not say so"
    return words


def _files(tables: Sequence[str]) -> str:
    return listing([f"data/{name}.csv" for name in tables])
