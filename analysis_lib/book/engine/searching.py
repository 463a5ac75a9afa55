"""What the search of a book looks up: each section of its pages, and words that mean the same.

Sphinx finds pages that hold all words, and knows functions of the library best. A reader looks for
the place that tells of something: here the sections come first, ranked by how much they tell of
it, and the pages of the library last. ``search.js`` reads what is written here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup, Tag

INDEX = "search-sections.js"
LAST_SCRIPT = '<script src="searchindex.js"></script>'
OWN_SCRIPTS = """
<script src="_static/search-sections.js"></script>
<script src="_static/search.js"></script>"""
UNREAD = (
    ".headerlink, script, style, noscript, summary, nav, .cell_input, .downloads, .all-downloads, "
    "#explorer"
)
HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
#: What readers ask with, beside the words of the glossary.
SAME: tuple[tuple[str, ...], ...] = (
    ("safe", "safety", "harm", "harms", "adverse event", "adverse events", "side effect"),
    ("MCID", "MID", "minimal important difference", "minimal clinically important difference"),
    ("GRADE", "certainty of the evidence", "summary of findings"),
    ("RoB 2", "RoB", "risk of bias"),
    ("egger", "begg", "funnel", "small-study effects", "publication bias", "reporting bias"),
    ("NNT", "number needed to treat"),
    ("drop out", "dropouts", "withdrawals", "adherence"),
    ("cite", "citation", "BibTeX"),
    ("csv", "download", "data"),
    ("PRISMA", "flow diagram", "study selection"),
    ("fixed effect", "fixed-effect", "common effect", "common-effect"),
    ("Mantel-Haenszel", "Peto", "rare events", "zero cells"),
    ("summary effect", "overall effect", "pooled estimate", "average effect"),
)
#: Their sections come after those of all other pages.
OF_THE_LIBRARY = "api"


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a page: where it is and what it says, without the sections inside it."""

    page: str
    anchor: str
    title: str
    of: str  # title of the page
    text: str


def write_index(out: Path, pages: Iterable[str], kept: Path | None = None) -> None:
    """Write what ``search.js`` reads, and have the search page load both.

    Parameters
    ----------
    out
        The folder of the pages.
    pages
        The pages in the order of reading; those of the library are left to Sphinx.
    kept
        A file that keeps what was found on each page, by a digest of the page.
    """
    sections: list[Any] = []
    same = [list(names) for names in SAME]
    before = json.loads(kept.read_text(encoding="utf-8")) if kept and kept.is_file() else {}
    known: dict[str, Any] = {}
    for page in pages:
        file = out / f"{page}.html"
        if page.rpartition("/")[2].startswith(OF_THE_LIBRARY) or not file.is_file():
            continue
        html = file.read_text(encoding="utf-8")
        key = hashlib.sha256(f"{page} {html}".encode()).hexdigest()
        names, found = known[key] = before.get(key) or read_page(html, page)
        same += names
        sections += found
    if kept:
        kept.write_text(json.dumps(known), encoding="utf-8")
    told = json.dumps(sections, ensure_ascii=False)
    script = f"const SECTIONS = {told};\nconst SAME = {json.dumps(same, ensure_ascii=False)};\n"
    (out / "_static" / INDEX).write_text(script, encoding="utf-8")
    search = out / "search.html"
    if search.is_file():
        html = search.read_text(encoding="utf-8")
        search.write_text(html.replace(LAST_SCRIPT, LAST_SCRIPT + OWN_SCRIPTS), encoding="utf-8")


def read_page(html: str, page: str) -> tuple[list[list[str]], list[Any]]:
    """Return the names of each entry of a glossary on a page, and its sections as plain rows."""
    article = BeautifulSoup(html, "html.parser").article
    if article is None:
        return [], []
    names = list(names_of_entries(article))
    return names, [astuple(section) for section in sections_of(article, page)]


def names_of_entries(article: Tag) -> Iterator[list[str]]:
    """Yield the names of each entry of a glossary that has several."""
    names: list[str] = []
    for item in article.select("dl.glossary > dt, dl.glossary > dd"):
        if item.name == "dt":
            words, _, symbol = _text(item).partition(" (")
            names += [words, *([symbol.rstrip(")")] if symbol else [])]
        else:
            if len(names) > 1:
                yield names
            names = []


def sections_of(article: Tag, page: str) -> list[Section]:
    """Return the sections of a page in their order; an entry of a glossary is one.

    The article is taken apart.
    """
    for part in article.select(UNREAD):
        part.decompose()
    title = article.find("h1")
    of = _text(title) if isinstance(title, Tag) else page
    found: list[Section] = []
    for place in reversed(article.select("section[id], dl.glossary > dt[id]")):
        if place.name == "dt":
            told = place.find_next_sibling("dd")
            text = _text(told) if isinstance(told, Tag) else ""
            found.append(Section(page, str(place["id"]), _text(place), of, text))
            continue
        head = place.find(HEADINGS, recursive=False)
        name = _text(head.extract()) if isinstance(head, Tag) else of
        found.append(Section(page, str(place["id"]), name, of, _text(place)))
        place.extract()
    return found[::-1]


def _text(tag: Tag) -> str:
    # The spaces tell the words of two cells apart; the one before a full stop is none.
    return " ".join(tag.get_text(" ").split()).replace(" .", ".").replace(" ,", ",")
