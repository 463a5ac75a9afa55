"""From the exports of a search to records: the format is found from the content of a file.

`record` says what a record is and cleans it; one module reads one kind of format: `tagged` (RIS,
MEDLINE, Web of Science, EndNote, RefWorks, Cochrane), `bibtex`, `elements` (XML), `objects` (JSON)
and `tables`. This
one stands in front of them, counts, and says what a person should know.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from analysis_lib.base.checks import as_path
from analysis_lib.base.errors import ReviewError, attempt, shown
from analysis_lib.base.formatting import plural
from analysis_lib.base.garbage import garbage_left_lying
from analysis_lib.importing.search import bibtex, elements, objects, tables, tagged
from analysis_lib.importing.search.record import Found, Record, record_of
from analysis_lib.importing.spreadsheets import Sheet, sheet_of, sheets_of
from analysis_lib.importing.texts import decode, encoding_notes, plain, read_bytes, read_file
from analysis_lib.importing.workbooks import is_workbook

if TYPE_CHECKING:
    from analysis_lib.importing.registries import Entry

__all__ = ["Record", "SearchExport", "is_search_export", "read_records"]

LARGEST_EXPORT = 200_000_000  # bytes; 100,000 records with their abstracts
MOST_RECORDS = 500_000
MOST_TOLD = 5  # examples in a note
SAMPLE = tagged.SAMPLE
REGISTRY = "the export of a registry"
A_TABLE = 3  # columns; what has fewer may be a note before the records
#: Columns that only a sheet of results has.
RESULTS = frozenset(
    (
        *("n", "mean", "events", "n1", "n1i", "ai", "m1i", "mean1", "yi", "te", "d1", "overall"),
        *("experimental n", "experimental mean", "experimental cases"),
    )
)


@dataclass(frozen=True, slots=True)
class SearchExport:
    """What the export of a search holds.

    Attributes
    ----------
    file : str
        Name of the file.
    format : str
        What it is, as people call it.
    records : tuple of Record
        As many as the file holds; one without a title is one too.
    notes : tuple of str
        What a person should know: how many records begin in the file and how many were read,
        what stands between them, what has no title, which columns were not used, how an encoding
        was guessed.
    """

    file: str
    format: str
    records: tuple[Record, ...]
    notes: tuple[str, ...]

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


@garbage_left_lying()
def read_records(
    path: str | Path,
    *,
    encoding: str | None = None,
    columns: Mapping[str, str] | None = None,
    sheet: str | None = None,
) -> SearchExport:
    """Read the export of a search.

    Parameters
    ----------
    path
        A file in any of the formats that databases and reference managers write: RIS, MEDLINE
        (.nbib) and XML of PubMed, Web of Science (.ciw, .txt), EndNote (.enw, .xml), RefWorks,
        BibTeX, MODS, JSON (CSL and the answers of services), and tables (CSV, TSV, xlsx). Its
        ending does not matter.
    encoding
        Of a text file, if somebody knows it; otherwise it is told from the bytes.
    columns
        Which column of a table is the ``title``, ``authors``, ``year``, ``journal``, ``volume``,
        ``issue``, ``pages``, ``doi``, ``pmid`` or ``kind``, where its name does not tell.
    sheet
        Of a workbook; by default the one that holds records.

    Returns
    -------
    SearchExport
        Nothing is left out. Markup, entities and invisible marks, which databases leave in
        titles, are taken away.

    Raises
    ------
    ReviewError
        For a file that cannot be read, or is in no format that is known.
    """
    file = as_path("path", path)
    name = f"{file.stem} ({sheet}){file.suffix}" if sheet else file.name
    read = read_file(file, LARGEST_EXPORT)
    raw = _read(file.name, read.content, encoding, columns or {}, sheet)
    if not raw.records:
        raise ReviewError(f"{file.name}: looks like {raw.format}, but holds no record")
    if len(raw.records) > MOST_RECORDS:
        raise ReviewError(f"{file.name}: more than {MOST_RECORDS:,} records")
    records = tuple(record_of(name, row, found) for row, found in raw.records)
    notes = [f"{raw.format}, {plural(len(records), 'record')} read", *raw.notes]
    without = [record.row for record in records if not record.title]
    if without:
        notes.append(f"{plural(len(without), 'record')} without a title, kept: row {some(without)}")
    told = (*read.notes, *(f"{file.name}: {note}" for note in notes))
    return SearchExport(name, raw.format, records, told)


def is_search_export(
    path: str | Path, columns: Mapping[str, str] | None = None, sheet: str | None = None
) -> bool:
    """Say whether a file is the export of a search, and not a sheet of results.

    It is one if a person named the column of its titles, too.
    """
    file = as_path("path", path)
    content = read_bytes(file, LARGEST_EXPORT)
    if not is_workbook(content):
        text = _lines(decode(content[:SAMPLE]).text)
        if _text_format(text) or _registry(text):
            return True
    if "title" in (columns or {}):
        return True
    if is_workbook(content):
        return _has_records(file.name, content, sheet)
    return _is_search(sheet_of(file.name, content, is_header=_is_any_header))


def _has_records(name: str, content: bytes, sheet: str | None) -> bool:
    """Say whether a workbook is the export of a search: its first table holds records."""
    if sheet:
        found = {sheet: attempt(sheet_of, name, content, sheet=sheet, is_header=_is_any_header)}
    else:
        every = attempt(sheets_of, name, content, _is_any_header)
        if isinstance(every, ReviewError):  # a zip of RevMan, or what its reader will refuse
            return False
        found = every
    filled = [table for table in found.values() if isinstance(table, Sheet) and table.rows]
    first = next((t for t in filled if _is_search(t) or len(t.columns) >= A_TABLE), None)
    return first is not None and _is_search(first)


def _is_search(table: Sheet) -> bool:
    names = table.columns
    return tables.is_header(names) > 0 and RESULTS.isdisjoint(plain(name) for name in names)


def _is_any_header(cells: Collection[str]) -> int:
    """Say whether a row is the header of an export, or of results; a study may be called T1."""
    return tables.is_header(cells) or int(not RESULTS.isdisjoint(map(plain, cells)))


@dataclass(frozen=True, slots=True)
class _Raw:
    """What a reader found: fields by record, and what it has to tell."""

    format: str
    records: Sequence[tuple[int, Found]]
    notes: Sequence[str] = ()


Reader: TypeAlias = Callable[[str], _Raw]


def _read(
    name: str,
    content: bytes,
    encoding: str | None,
    columns: Mapping[str, str],
    sheet: str | None,
) -> _Raw:
    decoded = None if is_workbook(content) else decode(content, encoding)
    text = _lines(decoded.text) if decoded else ""
    reader = _text_format(text) or _registry(text)
    if decoded is None and sheet is None:
        sheet = sheet_with_records(name, content)
    if decoded is None or reader is None or sheet is not None:
        table = sheet_of(name, content, sheet=sheet, encoding=encoding, is_header=tables.is_header)
        return _from_table(table, columns)
    try:
        raw = reader(text)
    except ReviewError as error:
        mark = "," if str(error).startswith(("row ", "line ")) else ":"
        raise ReviewError(f"{name}{mark} {error}") from None
    return replace(raw, notes=[*raw.notes, *encoding_notes(decoded)])


def sheet_with_records(name: str, content: bytes) -> str | None:
    """Return the one sheet of a workbook that holds records; the first if none seems to.

    Raises
    ------
    ReviewError
        If several could be meant.
    """
    found = sheets_of(name, content, tables.is_header)
    filled = {s: t.columns for s, t in found.items() if isinstance(t, Sheet) and t.rows}
    names = {s: tables.is_header(columns) for s, columns in filled.items()}
    chosen = [s for s, n in names.items() if n > 1] or [s for s, n in names.items() if n]
    if len(chosen) > 1:
        raise ReviewError(
            f"{name}: several sheets hold records ({', '.join(map(repr, chosen))}); import one "
            f"after the other, each with --sheet, as in --sheet {chosen[0]!r}"
        )
    return next(iter([*chosen, *filled]), None)


def _lines(text: str) -> str:
    if "\0" in text:
        text = text.replace("\0", "")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _text_format(text: str) -> Reader | None:
    """Return what reads a text; nothing if it is a table, or unknown."""
    form = elements.find_form(text, SAMPLE)
    if form is not None:
        return partial(_from_elements, form=form)
    dialect = tagged.find_dialect(text)
    if dialect is not None:
        return partial(_from_tags, dialect=dialect)
    if bibtex.SIGN.search(text, 0, SAMPLE):
        return _from_bibtex
    of_registry = text and _registry(text)
    return _from_objects if not of_registry and objects.SIGN.match(text) else None


def _registry(text: str) -> Reader | None:
    """Return what reads the export of a registry; nothing if it is none."""
    from analysis_lib.importing import registries  # it cleans as a search does

    return _from_registry if registries.is_registry(text) else None


def _from_registry(text: str) -> _Raw:
    from analysis_lib.importing import registries

    return _of_entries(registries.entries_of(text))


def _of_entries(entries: Sequence[Entry]) -> _Raw:
    """Return trials as records of a search: entries of their registry, with their numbers."""
    from analysis_lib.importing.registries import registry_of

    found = [
        (
            entry.row,
            {
                "title": [entry.title],
                "year": [entry.date],
                "journal": [f"{registry_of(entry.number)} {entry.number}" if entry.number else ""],
                "kind": ["Trial registry record"],
            },
        )
        for entry in entries
    ]
    without = [entry.row for entry in entries if not entry.number]
    told = f"{plural(len(without), 'trial')} without a number, kept: row {some(without)}"
    return _Raw(REGISTRY, found, [told] * bool(without))


def _from_elements(text: str, form: elements.Form) -> _Raw:
    return _Raw(form.name, elements.read_elements(text, form))


def _from_objects(text: str) -> _Raw:
    return _Raw("JSON", objects.read_objects(text))


def _from_bibtex(text: str) -> _Raw:
    records, broken = bibtex.read_bibtex(text)
    notes = [f"{plural(len(broken), 'fault')} in BibTeX: {some(broken)}"] if broken else []
    return _Raw("BibTeX", records, notes)


def _from_tags(text: str, dialect: tagged.Dialect) -> _Raw:
    reading = tagged.read_tagged(text, dialect)
    notes = []
    if reading.begun not in (0, len(reading.found)):
        begun = plural(reading.begun, "line")
        notes.append(f"{begun} with {dialect.begins}, which begins a record; look at the count")
    if reading.skipped:
        lines = plural(len(reading.skipped), "line")
        rows = (f"{number} {shown(line)}" for number, line in reading.skipped)
        notes.append(f"{lines} between records not read: {some(rows)}")
    return _Raw(dialect.name, reading.found, notes)


def _from_table(table: Sheet, columns: Mapping[str, str]) -> _Raw:
    from analysis_lib.importing import registries

    notes = [note.removeprefix(f"{table.file}: ") for note in table.notes]
    entries = None if columns else registries.entries_of_table(table)
    if entries is not None:
        raw = _of_entries(entries)
        return replace(raw, notes=[*notes, *raw.notes])
    where = tables.columns_of(table, columns)
    used = {column for columns in where.values() for column in columns}
    unused = [column for column in table.columns if column not in used]
    notes += [f"columns not used: {', '.join(unused)}"] if unused else []
    return _Raw("a table", tables.read_table(table, where), notes)


def some(items: Iterable[object]) -> str:
    """Return the first of many items for a message."""
    found = list(islice(items, MOST_TOLD + 1))
    return ", ".join(map(str, found[:MOST_TOLD])) + (" and more" if len(found) > MOST_TOLD else "")
