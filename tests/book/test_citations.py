"""References: every key resolves, every DOI has a source, and all say the same about this book."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import citing
import nbformat
import pytest
import yaml
from places import ROOT
from pybtex.database import Entry, parse_file

import analysis_lib as al
from analysis_lib.conclusions.versions import data_fingerprint

FILES = ("references.bib", "methods.bib")
ENTRIES: dict[str, Entry] = {
    key: entry for name in FILES for key, entry in parse_file(ROOT / "book" / name).entries.items()
}
CFF = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
DOI = re.compile(r"10\.\d{4,9}/[^\s{}]+")
ROLE = re.compile(r"\{cite:\w+\}`([^`]+)`")


def texts() -> dict[str, str]:
    """Return the Markdown of every page and every notebook."""
    pages = {p.name: p.read_text(encoding="utf-8") for p in (ROOT / "book").glob("*.md")}
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        pages[path.name] = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    return pages


def test_every_citation_resolves() -> None:
    cited = {
        (page, key.strip())
        for page, text in texts().items()
        for keys in ROLE.findall(text)
        for key in keys.split(",")
    }
    assert cited
    assert sorted((page, key) for page, key in cited if key not in ENTRIES) == []


def test_no_entry_stands_in_both_bibliographies() -> None:
    counts = [len(parse_file(ROOT / "book" / name).entries) for name in FILES]
    assert sum(counts) == len(ENTRIES)


@pytest.mark.parametrize("key", sorted(ENTRIES))
def test_a_doi_has_a_source_and_its_absence_a_reason(key: str) -> None:
    fields = ENTRIES[key].fields
    if "doi" in fields:
        assert DOI.fullmatch(fields["doi"])
        assert fields["doisource"]
        assert "nodoi" not in fields
    else:
        assert fields["nodoi"]
        assert "doisource" not in fields


def test_no_doi_stands_twice() -> None:
    dois = [e.fields["doi"].lower() for e in ENTRIES.values() if "doi" in e.fields]
    assert len(dois) == len(set(dois)) > 60


def test_the_citation_file_names_the_newest_version() -> None:
    version = citing.newest_version(ROOT)
    assert CFF["version"] == version["version"]
    assert str(CFF["date-released"]) == version["date"]
    assert CFF["title"] == citing.setting(ROOT, "title")
    assert [author["name"] for author in CFF["authors"]] == [citing.setting(ROOT, "author")]
    assert "doi" not in CFF, "the book has none"


def test_the_citation_file_says_of_the_review_what_the_bibliography_says() -> None:
    (cited,) = CFF["references"]
    entry = ENTRIES["ranzani2025"]
    assert cited["title"] == re.sub("[{}]", "", entry.fields["title"])
    assert str(cited["year"]) == entry.fields["year"]
    assert cited.get("doi") == entry.fields.get("doi")
    named = [(a["family-names"], a["given-names"]) for a in cited["authors"]]
    persons = entry.persons["author"]
    assert named == [(" ".join(p.last_names), " ".join(p.first_names)) for p in persons]


def test_the_page_on_citing_says_the_same(tmp_path: Path) -> None:
    page = citing.page(ROOT)
    version = citing.newest_version(ROOT)
    assert f"version {version['version']} of {version['date']}" in page
    fingerprint = data_fingerprint(al.load_review(ROOT / "data"))
    assert page.count(f"data fingerprint {fingerprint}") == 2  # in words and as BibTeX
    assert "The book has no DOI." in page
    both = re.findall(r"```bibtex\n(.*?)```", page, re.DOTALL)
    for name, text in zip(("book", "review"), both, strict=True):
        (tmp_path / f"{name}.bib").write_text(text, encoding="utf-8")
    (book,) = parse_file(tmp_path / "book.bib").entries.values()
    assert book.fields["title"] == CFF["title"]
    (review,) = parse_file(tmp_path / "review.bib").entries.values()
    assert review.fields["title"] == ENTRIES["ranzani2025"].fields["title"]
    assert not set(citing.PRIVATE) & set(review.fields)


def test_data_that_changed_since_the_version_are_not_cited_as_the_version() -> None:
    version = {"version": "1.1", "date": "2026-11-21", "fingerprint": "a1"}
    words = "version 1.1 of 2026-11-21, data fingerprint a1"
    assert citing.version_words(version, "a1") == words
    assert "with later changes, data fingerprint b2" in citing.version_words(version, "b2")


def test_the_examples_are_right() -> None:
    assert doctest.testmod(citing).failed == 0
