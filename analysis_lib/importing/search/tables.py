"""Read the exports of a search that are tables, under the headings of each vendor."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from analysis_lib.base.errors import Problem, ReviewError, shown, stop
from analysis_lib.importing.search.record import Found
from analysis_lib.importing.spreadsheets import Row, Sheet
from analysis_lib.importing.texts import plain

#: What databases call a column, in the words of `plain`, the preferred first.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "title": (
        *("title", "article title", "document title", "primary title", "title primary"),
        *("display name", "ti", "t1", "publication title english", "scientific title"),
        *("public title", "study title"),
    ),
    "authors": (
        *("authors", "author", "author s", "author names", "authors primary", "author full names"),
        *("authorships author display name", "au", "a1", "creators", "creator", "first author"),
        *("raw author names", "authors affiliations"),
    ),
    "year": (
        *("year", "publication year", "pub year", "pubyear", "published year", "year published"),
        *("py", "yr", "publication date", "date published", "date", "year of publication"),
        *("pub date", "cover date", "entry date"),
    ),
    "journal": (
        *("journal", "journal title", "source title", "journal book", "periodical full"),
        *("publication title", "publication name", "secondary title", "journal name"),
        *("primary location source display name", "container title", "periodical", "source", "so"),
        *("jf", "jo", "t2"),
    ),
    "volume": ("volume", "vol", "vl", "biblio volume"),
    "issue": ("issue", "number", "issue number", "is", "biblio issue"),
    "pages": ("pages", "page range", "page start", "start page", "first page", "biblio first page"),
    "doi": ("doi", "dois", "digital object identifier", "doi link", "do", "doi url", "ids doi"),
    "pmid": ("pmid", "pubmed id", "medline pmid", "accession number pubmed", "ids pmid"),
    "kind": ("document type", "publication type", "item type", "type", "reference type"),
}

#: What is told to somebody whose file is none of these.
KNOWN: Final = (
    "RIS, MEDLINE or .nbib, Web of Science, EndNote XML or .enw, RefWorks, BibTeX, and tables"
)


def is_header(cells: Collection[str]) -> bool:
    """Say whether the cells of a row are the headings of an export."""
    names = {plain(cell) for cell in cells}
    return not names.isdisjoint(NAMES["title"]) and len(names) > 1


def read_table(table: Sheet, where: Mapping[str, str]) -> list[tuple[int, Found]]:
    """Return row and fields of each record of a table.

    Parameters
    ----------
    table
        The table, as it was read.
    where
        Which column holds what, as `columns_of` says.

    Raises
    ------
    ReviewError
        For a table that has no column for titles, or two for one thing.
    """
    if "title" not in where:
        raise ReviewError(
            f"{table.file}, row 1: no column for titles, and none of the formats that are known "
            f"here ({KNOWN}). {table.header}"
        )
    repeated = [column for column in where.values() if column in table.repeated]
    stop(
        (Problem(table.file, f"two columns are named {shown(column)}") for column in repeated),
        f"in {table.file}",
    )
    return [(row.number, _found(row, where)) for row in table.rows]


def columns_of(table: Sheet) -> dict[str, str]:
    """Return which column of a table holds what."""
    named: dict[str, str] = {}
    for column in table.columns:
        named.setdefault(plain(column), column)
    places = {
        field: next((named[name] for name in names if name in named), "")
        for field, names in NAMES.items()
    }
    return {field: column for field, column in places.items() if column}


def _found(row: Row, where: Mapping[str, str]) -> Found:
    return {field: [row.get(column)] for field, column in where.items() if row.get(column)}
