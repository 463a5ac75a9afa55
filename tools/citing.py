"""How to cite this book and the review it computes, from the records that say what they are.

The version of the book is the newest of ``data/versions.csv``; the review is the entry of the
bibliography that ``data/review.toml`` names.
"""

from __future__ import annotations

import csv
import re
import tomllib
from pathlib import Path

import analysis_lib as al
from analysis_lib.conclusions.versions import data_fingerprint

#: Fields of the bibliography that are for its keepers and not for a reference list.
PRIVATE = ("keywords", "annotation", "doisource", "nodoi")
UNKNOWN = "Our copy of the article states neither journal nor DOI: add them from where you read it."


def newest_version(root: Path) -> dict[str, str]:
    """Return the last row of the record of versions."""
    with (root / "data" / "versions.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))[-1]


def setting(root: Path, name: str) -> str:
    """Return a setting of the first level of ``_config.yml`` that is a text on one line."""
    text = (root / "_config.yml").read_text(encoding="utf-8")
    found = re.search(rf'^{name}: "?(.*?)"?$', text, flags=re.MULTILINE)
    if found is None:
        raise SystemExit(f"_config.yml has no {name}")
    return found[1]


def review_entry(root: Path) -> str:
    """Return the review's entry of the bibliography, as BibTeX, without what is for its keepers."""
    review = tomllib.loads((root / "data" / "review.toml").read_text(encoding="utf-8"))
    bibliography = (root / "book" / "references.bib").read_text(encoding="utf-8")
    key = re.escape(review["citation"])
    entry = re.search(rf"^@\w+\{{{key},\n.*?^\}}", bibliography, flags=re.MULTILINE | re.DOTALL)
    if entry is None:
        raise SystemExit(f"references.bib has no entry {review['citation']}")
    lines = entry[0].splitlines()
    return "\n".join(line for line in lines if line.split("=")[0].strip() not in PRIVATE)


def fields(entry: str) -> dict[str, str]:
    r"""Return the fields of a BibTeX entry that has one on each line, without braces.

    Examples
    --------
    >>> fields("@misc{a,\n  title = {The {R} book},\n}")
    {'title': 'The R book'}
    """
    found = re.findall(r"^\s*(\w+) = \{(.*)\},?$", entry, flags=re.MULTILINE)
    return {name: re.sub("[{}]", "", text) for name, text in found}


def book_entry(root: Path, fingerprint: str) -> str:
    """Return this book as BibTeX."""
    version = newest_version(root)
    lines = {
        "author": f"{{{setting(root, 'author')}}}",
        "title": setting(root, "title"),
        "year": version["date"][:4],
        "note": f"Executable systematic review, {version_words(version, fingerprint)}",
    }
    body = "".join(f"  {name} = {{{text}}},\n" for name, text in lines.items())
    return f"@misc{{executablereview{version['date'][:4]},\n{body}}}"


def version_words(version: dict[str, str], fingerprint: str) -> str:
    """Say which version it is, of what day and of which data: those that the pages are made from.

    Examples
    --------
    >>> version_words({"version": "1.1", "date": "2026-11-21", "fingerprint": "a1"}, "b2")
    'version 1.1 of 2026-11-21 with later changes, data fingerprint b2'
    """
    changed = "" if version["fingerprint"] == fingerprint else " with later changes"
    words = f"version {version['version']} of {version['date']}{changed}"
    return f"{words}, data fingerprint {fingerprint}"


def page(root: Path) -> str:
    """Return the parts of the page on citing that change, for a page to include."""
    version = newest_version(root)
    fingerprint = data_fingerprint(al.load_review(root / "data"))
    book, review = book_entry(root, fingerprint), review_entry(root)
    told = fields(review)
    names = ", ".join(" ".join(reversed(n.split(", "))) for n in told["author"].split(" and "))
    doi = f"https://doi.org/{told['doi']}" if "doi" in told else UNKNOWN
    return f"""\
## This book

{setting(root, "author")} ({version["date"][:4]}). *{setting(root, "title")}.* \
Executable systematic review, {version_words(version, fingerprint)}.

```bibtex
{book}
```

Add the address at which you read it and the day. The fingerprint is computed from the tables of \
the data: the same fingerprint, the same data. The book has no DOI.

## The review

{names} ({told["year"]}). {told["title"]}. {told["howpublished"]}. {doi}

```bibtex
{review}
```
"""
