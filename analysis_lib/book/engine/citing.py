"""How to cite a book and the review it computes, from the records that say what they are.

The version is the newest that is recorded; the review is the entry of the bibliography that
``data/review.toml`` names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pybtex.database import BibliographyData, Entry, parse_file
from pybtex.database.output.bibtex import Writer

from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import listing
from analysis_lib.conclusions.versions import data_fingerprint, read_versions
from analysis_lib.review.model import Review

#: Fields of the bibliography that are for its keepers and not for a reference list.
PRIVATE = ("keywords", "annotation", "doisource", "nodoi")
UNKNOWN = "Our copy of the article states neither journal nor DOI: add them from where you read it."


class AsWritten(Writer):
    """A writer of entries that come from a bibliography, which are LaTeX already."""

    def _encode(self, text: str) -> str:
        return text


def as_written(entries: Mapping[str, Entry]) -> str:
    """Return entries of a bibliography as BibTeX."""
    return str(AsWritten().to_string(BibliographyData(entries)))


@dataclass(frozen=True, slots=True)
class Citation:
    """A work as a reader cites it: the words before, in and after its title, and as BibTeX."""

    before: str
    title: str
    after: str
    bibtex: str


def cite_book(review: Review, title: str, author: str) -> Citation:
    """Return how to cite a book: its newest version, and the data that it shows.

    Parameters
    ----------
    review
        A review that was loaded.
    title, author
        Those of the book; empty: those of the review.
    """
    versions, _ = read_versions(review.path)
    newest: dict[Any, Any] | None = None if versions.empty else versions.iloc[-1].to_dict()
    words = f"Executable systematic review, {version_words(newest, data_fingerprint(review))}"
    year = str(newest["date"])[:4] if newest else ""
    title = title or review.info.title
    authors = [author] if author else review.info.authors
    fields = {
        "author": " and ".join(f"{{{_plain(name)}}}" for name in authors),
        "title": _plain(title),
        "year": year,
        "note": words,
    }
    entry = Entry("misc", [(name, text) for name, text in fields.items() if text])
    when = f" ({year})" if year else ""
    bibtex = BibliographyData({f"book{year}": entry}).to_string("bibtex")
    return Citation(f"{listing(authors)}{when}. ", f"{title}.", f" {words}.", bibtex)


def cite_review(review: Review) -> Citation:
    """Return how to cite the article that a book recomputes, as its bibliography has it.

    Raises
    ------
    ReviewError
        If the entry of the bibliography says neither who nor when.
    """
    key = review.info.citation
    bibliography = review.path.parent / "book" / "references.bib"
    entry = parse_file(bibliography).entries[key]
    missing = {"title", "year"} - set(entry.fields)
    if missing or not entry.persons.get("author"):
        raise ReviewError(f"{bibliography.name}: {key} has no author, title or year to cite")
    for name in PRIVATE:
        entry.fields.pop(name, None)
    names = ", ".join(
        " ".join([*p.first_names, *p.middle_names, *p.prelast_names, *p.last_names])
        for p in entry.persons["author"]
    )
    told = {name: _plain(text) for name, text in entry.fields.items()}
    where = next((told[name] for name in ("journal", "howpublished") if name in told), "")
    doi = f"https://doi.org/{told['doi']}" if "doi" in told else UNKNOWN
    return Citation(
        f"{_plain(names)} ({told['year']}). ",
        f"{told['title']}.",
        f" {where}. {doi}" if where else f" {doi}",
        as_written({key: entry}),
    )


def version_words(newest: Mapping[str, object] | None, fingerprint: str) -> str:
    """Say which version it is, of what day and of which data: those that the pages are made from.

    Examples
    --------
    >>> version_words({"version": "1.1", "date": "2026-11-21", "fingerprint": "a1"}, "b2")
    'version 1.1 of 2026-11-21 with later changes, data fingerprint b2'
    """
    if newest is None:
        return f"no version recorded, data fingerprint {fingerprint}"
    changed = "" if newest["fingerprint"] == fingerprint else " with later changes"
    words = f"version {newest['version']} of {newest['date']}{changed}"
    return f"{words}, data fingerprint {fingerprint}"


def _plain(text: str) -> str:
    return text.replace("{", "").replace("}", "")
