"""References: every key resolves, every DOI has a source, and all say the same about this book."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import yaml
from places import ROOT
from pybtex.database import Entry, parse_file

import analysis_lib as al
from analysis_lib.base.errors import ReviewError
from analysis_lib.book.engine import citing
from analysis_lib.book.sphinx.texts import TEXTS
from analysis_lib.conclusions.versions import data_fingerprint, read_versions

FOLDERS = (ROOT / "book", TEXTS)
OURS: dict[str, Entry] = dict(parse_file(ROOT / "book" / "references.bib").entries)
SHARED: dict[str, Entry] = dict(parse_file(TEXTS / "methods.bib").entries)
ENTRIES = SHARED | OURS
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
CFF = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
DOI = re.compile(r"10\.\d{4,9}/[^\s{}]+")
ROLE = re.compile(r"\{cite:\w+\}`([^`]+)`")


def texts() -> dict[str, str]:
    """Return the Markdown of every page and every notebook."""
    pages = {str(p): p.read_text("utf-8") for folder in FOLDERS for p in folder.glob("*.md")}
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


def test_a_work_in_both_bibliographies_is_the_same() -> None:
    both = SHARED.keys() & OURS.keys()
    assert "higgins2024" in both
    told = [
        {name: text for name, text in entry.fields.items() if name not in citing.PRIVATE}
        for works in (SHARED, OURS)
        for entry in (works[key] for key in sorted(both))
    ]
    assert told[: len(both)] == told[len(both) :]


def test_the_shared_texts_cite_shared_works_alone() -> None:
    pages = "".join(text for page, text in texts().items() if page.startswith(str(TEXTS)))
    cited = {key.strip() for keys in ROLE.findall(pages) for key in keys.split(",")}
    assert cited <= SHARED.keys()


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
    versions, _ = read_versions(ROOT / "data")
    newest = versions.iloc[-1]
    assert CFF["version"] == newest["version"]
    assert str(CFF["date-released"]) == newest["date"]
    assert CFF["title"] == CONFIG["title"]
    assert [author["name"] for author in CFF["authors"]] == [CONFIG["author"]]
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
    review = al.load_review(ROOT / "data")
    cited = citing.cite_book(review, CONFIG["title"], CONFIG["author"])
    fingerprint = f"data fingerprint {data_fingerprint(review)}"
    assert f"version {CFF['version']} of {CFF['date-released']}" in cited.after
    assert fingerprint in cited.after
    assert fingerprint in cited.bibtex
    article = citing.cite_review(review)
    assert article.before.startswith("Marco Ranzani, Andrea Pozzi, ")
    for name, text in (("book", cited.bibtex), ("review", article.bibtex)):
        (tmp_path / f"{name}.bib").write_text(text, encoding="utf-8")
    (book,) = parse_file(tmp_path / "book.bib").entries.values()
    assert book.fields["title"] == CFF["title"]
    (entry,) = parse_file(tmp_path / "review.bib").entries.values()
    assert entry.fields["title"] == ENTRIES["ranzani2025"].fields["title"]
    assert not set(citing.PRIVATE) & set(entry.fields)


def test_a_review_without_a_version_or_an_article_is_cited_by_what_is_known(
    tmp_path: Path,
) -> None:
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "references.bib").write_text("@misc{ranzani2025,\n}\n")
    review = replace(al.load_review(ROOT / "data"), path=tmp_path / "data")
    cited = citing.cite_book(review, "", "")
    assert cited.before.startswith("Marco Ranzani, Andrea Pozzi, ")
    assert "no version recorded, data fingerprint " in cited.after
    assert "year" not in cited.bibtex
    with pytest.raises(ReviewError, match="ranzani2025 has no author, title or year"):
        citing.cite_review(review)


def test_data_that_changed_since_the_version_are_not_cited_as_the_version() -> None:
    version = {"version": "1.1", "date": "2026-11-21", "fingerprint": "a1"}
    words = "version 1.1 of 2026-11-21, data fingerprint a1"
    assert citing.version_words(version, "a1") == words
    assert "with later changes, data fingerprint b2" in citing.version_words(version, "b2")
