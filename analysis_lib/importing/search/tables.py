"""Read the exports of a search that are tables, under the headings of each vendor."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from analysis_lib.base.errors import Problem, ReviewError, did_you_mean, shown, stop
from analysis_lib.importing.search.record import FIELDS, YEAR, Found
from analysis_lib.importing.spreadsheets import Row, Sheet
from analysis_lib.importing.texts import plain

#: What databases call a column, without spaces and accents, the preferred first.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "title": (
        *("title", "article title", "document title", "primary title", "title primary"),
        *("display name", "ti", "t1", "publication title english", "scientific title"),
        *("public title", "study title", "item title", "paper title", "work title"),
        *("titel", "titulo", "titre", "titolo", "tytul", "title of work", "baslik", "otsikko"),
        *("标题", "题名", "篇名", "タイトル", "論題", "論文名", "제목", "название", "заглавие"),
    ),
    "authors": (
        *("authors", "author", "author s", "author names", "authors primary", "author full names"),
        *("authorships author display name", "au", "a1", "af", "creators", "creator"),
        *("raw author names", "authors affiliations", "autoren", "autor", "autores", "autor es"),
        *("auteurs", "auteur", "autori", "autore", "autorzy", "författare", "yazar", "yazarlar"),
        *("作者", "著者", "著者名", "저자", "авторы", "автор", "first author"),
    ),
    "year": (
        *("year", "publication year", "pub year", "published year", "year published", "py", "yr"),
        *("year of publication", "publication date", "date published", "date of publication"),
        *("pub date", "cover date", "date", "published", "published print", "published online"),
        *("issued", "jahr", "erscheinungsjahr", "ano", "ano de publicacion", "annee", "anno"),
        *("ano de publicacao", "jaar", "rok", "år", "yil", "vuosi", "年份", "年", "出版年"),
        *("发表时间", "연도", "발행년", "год", "entry date"),
    ),
    "journal": (
        *("journal", "journal title", "source title", "journal book", "periodical full"),
        *("publication title", "publication name", "secondary title", "journal name"),
        "publication",
        *("primary location source display name", "container title", "periodical", "source", "so"),
        *("jf", "jo", "t2", "venue", "zeitschrift", "revista", "revue", "rivista", "tijdschrift"),
        *("刊名", "期刊", "来源", "雑誌名", "収録刊行物", "학술지명", "журнал"),
    ),
    "volume": ("volume", "vol", "vl", "biblio volume", "band", "volumen", "卷", "巻"),
    "issue": ("issue", "number", "issue number", "is", "biblio issue", "heft", "numero", "期"),
    "pages": (
        *("pages", "page range", "page start", "start page", "first page", "biblio first page"),
        *("bp", "page", "seiten", "paginas", "pagination", "medline pgn", "pg", "页码", "ページ"),
    ),
    "doi": (
        *("doi", "dois", "digital object identifier", "doi link", "do", "di", "doi url", "ids doi"),
        *("doi name", "item doi", "external ids doi", "url", "urls", "link", "links", "id"),
    ),
    "pmid": (
        *("pmid", "pubmed id", "medline pmid", "accession number pubmed", "ids pmid", "pm"),
        *("external ids pub med", "pubmed"),
    ),
    "kind": (
        *("document type", "publication type", "item type", "type", "reference type", "dt"),
        *("type of work", "work type", "typ", "pt"),
    ),
}
#: Where a name that is not listed tells enough: a word of it, and words that tell of another thing.
TELLING: Final[Mapping[str, tuple[str, str]]] = {
    "title": (
        r"\btitles?\b",
        r"journal|source|publication|secondary|series|short|abbrev|book|conference|host|alternat|"
        r"running|container|issue|iso|subtitle|original|translated|periodical|parent|meeting",
    ),
    "authors": (
        r"\bauthors?\b",
        r"\bids?\b|count|address|affiliation|keyword|e ?mail|orcid|correspond|contact|country|"
        r"institution|number of|reprint|group|url|secondary|book",
    ),
    "year": (r"\byear\b|\bpub(?:lication|lished|lish)? ?date\b", r"count|cited|embargo|by year"),
    "doi": (r"\bdois?\b", r"cited|references?|data|book"),
}
LONGEST_NAME = 4  # words; the strategy of a search tells of titles, too
NUMBERED = re.compile(r"authors? \d+")
HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])")  # of "authorString"

#: What is told to somebody whose file is none of these.
KNOWN: Final = (
    "RIS, MEDLINE or .nbib, PubMed XML, Web of Science, EndNote XML or .enw, RefWorks, BibTeX, "
    "MODS, JSON (CSL), and tables"
)
#: Which columns hold what.
Where = Mapping[str, tuple[str, ...]]


def _solid(name: str) -> str:
    return plain(name).replace(" ", "")


ORDER: Final[Mapping[str, Mapping[str, int]]] = {
    field: {_solid(name): place for place, name in reversed([*enumerate(names)])}
    for field, names in NAMES.items()
}


def is_header(cells: Collection[str]) -> int:
    """Say of how many things a row names the columns; 0 if it is not the header of an export."""
    names = [cell for cell in cells if cell.strip()]
    if len(names) < 2 or not _columns("title", names):
        return 0
    return sum(bool(_columns(field, names)) for field in FIELDS)


def read_table(table: Sheet, where: Where) -> list[tuple[int, Found]]:
    """Return row and fields of each record of a table.

    Parameters
    ----------
    table
        The table, as it was read.
    where
        Which columns hold what, as `columns_of` says.

    Raises
    ------
    ReviewError
        For a table that has no column for titles, or two for one thing.
    """
    if "title" not in where:
        raise ReviewError(
            f"{table.file}, row 1: no column for titles, and none of the formats that are known "
            f"here ({KNOWN}). {table.header}. Name the column with --column title=NAME"
        )
    used = [column for columns in where.values() for column in columns]
    repeated = [column for column in used if column in table.repeated]
    stop(
        (Problem(table.file, f"two columns are named {shown(column)}") for column in repeated),
        f"in {table.file}",
    )
    return [(row.number, _found(row, where)) for row in table.rows]


def columns_of(table: Sheet, chosen: Mapping[str, str] | None = None) -> dict[str, tuple[str, ...]]:
    """Return which columns of a table hold what, the preferred first.

    Parameters
    ----------
    table
        The table, as it was read.
    chosen
        Columns that a person named, by the names of `FIELDS`.

    Raises
    ------
    ReviewError
        For a name that is none, or a column that the table does not have.
    """
    stop(_misnamed(table, chosen or {}), f"in the names of columns of {table.file}")
    named = {field: (column,) for field, column in (chosen or {}).items()}
    told = {field: tuple(_columns(field, table.columns)) for field in FIELDS}
    return {field: columns for field, columns in (told | named).items() if columns}


def _misnamed(table: Sheet, chosen: Mapping[str, str]) -> Iterator[str]:
    for field, column in chosen.items():
        if field not in FIELDS:
            yield f"--column {field}: it is one of {', '.join(FIELDS)}{did_you_mean(field, FIELDS)}"
        if column not in table.columns:
            yield (
                f"--column {field}={column}: there is no such column"
                f"{did_you_mean(column, table.columns)}"
            )


def _columns(field: str, columns: Iterable[str]) -> list[str]:
    """Return the columns for one thing: those listed, in that order, or those whose name tells."""
    every = list(columns)
    listed = [column for column in every if _solid(column) in ORDER[field]]
    if listed or field not in TELLING:
        return sorted(listed, key=lambda column: ORDER[field][_solid(column)])
    word, others = TELLING[field]
    names = {column: plain(HUMPS.sub(" ", column)) for column in every}
    return [
        column
        for column, name in names.items()
        if len(name.split()) <= LONGEST_NAME
        and re.search(word, name)
        and not re.search(others, name)
    ]


def _found(row: Row, where: Where) -> Found:
    return {field: _values(field, row, columns) for field, columns in where.items()}


def _values(field: str, row: Row, columns: tuple[str, ...]) -> list[str]:
    """Return what a row says: of several columns, the first that is filled with such a thing."""
    cells = [cell for column in columns if (cell := row.get(column))]
    if field == "authors" and all(NUMBERED.fullmatch(plain(column)) for column in columns):
        return cells
    if field == "year":
        cells = [cell for cell in cells if YEAR.search(cell)]
    elif field == "doi":
        cells = [cell for cell in cells if "10." in cell]
    return cells[:1]
