"""The records of a review's searches on disk: every record that was read, and what became of it.

``search/records.csv`` holds one row a record, duplicates too, so that what was read can be counted
and every decision undone: a person may change `decision` and `of` in it, and the next import keeps
to that. ``search/exports.csv`` holds one row a file, ``search/screening.csv`` one a record that
two people judge.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from analysis_lib.base.errors import Problem, ReviewError, did_you_mean, shown, stop
from analysis_lib.base.garbage import garbage_left_lying
from analysis_lib.base.unsafe import harmless, restored
from analysis_lib.importing.search import SearchExport
from analysis_lib.importing.search.duplicates import Decision, Place, deduplicate
from analysis_lib.importing.search.record import Record
from analysis_lib.importing.texts import decode, plain, read_bytes, write_all

FOLDER: Final = "search"
LARGEST_STORE = 500_000_000  # bytes of records.csv
COLUMNS: Final = (
    *("record", "decision", "of", "why", "title", "authors", "year", "journal", "volume", "issue"),
    *("pages", "doi", "pmid", "kind", "search", "file", "row"),
)
EXPORTS: Final = ("file", "database", "search", "format", "records", "without_title")
SCREENING: Final = ("record", "title", "first", "second")
DECISIONS: Final = ("kept", "duplicate", "linked", "look at")
#: How a person may write a decision.
WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("kept", "keep"), "kept"),
    **dict.fromkeys(("duplicate", "duplicates", "dup"), "duplicate"),
    **dict.fromkeys(("linked", "link"), "linked"),
    **dict.fromkeys(("look at", "lookat"), "look at"),
}
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Stored:
    """A record of the store, with its number and what became of it.

    Attributes
    ----------
    number : int
        Under which the other tables know it.
    record : Record
    decision : {"kept", "duplicate", "linked", "look at"}
    of : int or None
        The number of the record that it repeats, is about, or resembles.
    why, search : str
        The reason, and the name of the search that found it.
    """

    number: int
    record: Record
    decision: str
    of: int | None
    why: str
    search: str

    @property
    def place(self) -> Place:
        """File and row of the record."""
        return self.record.file, self.record.row


@dataclass(frozen=True, slots=True)
class AddedSearch:
    """What an import of searches did.

    Attributes
    ----------
    records : tuple of Stored
        Every record of the review, those of earlier searches first.
    added, known : int
        Records that are new, and records of the same files that stood there already.
    kept_answers : tuple of str
        Titles that a person decided to be duplicates although somebody had screened them.
    """

    records: tuple[Stored, ...]
    added: int
    known: int
    kept_answers: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """The boxes of the PRISMA flow diagram that follow."""
        read = len(self.records)
        removed = sum(stored.decision == "duplicate" for stored in self.records)
        return {
            "records_identified": read,
            "duplicates_removed": removed,
            "records_screened": read - removed,
        }


@garbage_left_lying()
def add_search(
    exports: Sequence[SearchExport], data: str | Path, *, search: str = "1"
) -> AddedSearch:
    """Add the exports of a search to a review, with every earlier decision kept.

    Parameters
    ----------
    exports
        What `read_records` read; the first file is the one whose records stay.
    data
        The folder with the tables of a review.
    search
        Name of the search, so that a later one can be told from an earlier.

    Returns
    -------
    AddedSearch

    Raises
    ------
    ReviewError
        If a file of the same name with other records was imported before, or if what a person
        changed in ``records.csv`` cannot be understood. Nothing is written then.
    """
    folder = Path(data) / FOLDER
    earlier = read_store(folder)
    places = {s.place: s for s in earlier}
    read = [record for export in exports for record in export]
    stop(_other_records(read, places), "in the search exports")
    fresh = [record for record in read if (record.file, record.row) not in places]
    known, settled = decided(earlier)
    found = deduplicate([*known, *fresh], settled=settled)
    records = (*earlier, *_numbered(found.decisions, earlier, search))
    screening, kept_answers = _screening(folder, records)
    folder.mkdir(parents=True, exist_ok=True)
    write_all(
        {
            folder / "records.csv": _text(COLUMNS, map(_row, records)),
            folder / "exports.csv": _text(EXPORTS, _exports(folder, exports, search)),
            folder / "screening.csv": _text(SCREENING, screening),
        }
    )
    return AddedSearch(records, len(fresh), len(read) - len(fresh), tuple(kept_answers))


def _other_records(read: Iterable[Record], places: Mapping[Place, Stored]) -> Iterator[Problem]:
    """Find records that stand where another stood: a file of the same name with other content."""
    files = {file for file, _ in places}
    for record in read:
        known = places.get((record.file, record.row))
        if known is None and record.file in files:
            told = "a file of this name was imported before and had no such record"
        elif known is not None and known.record.title != record.title:
            told = f"a file of this name was imported before, and had {shown(known.record.title)}"
        else:
            continue
        yield Problem(record.file, f"{told} here; give the new export another name", record.row)


def _numbered(
    decisions: Sequence[Decision], earlier: Sequence[Stored], search: str
) -> Iterator[Stored]:
    """Give the new records the numbers that follow."""
    numbers = {s.place: s.number for s in earlier}
    last = max(numbers.values(), default=0)
    for decision in decisions[len(earlier) :]:
        last += 1
        place = decision.record.file, decision.record.row
        numbers[place] = last
        of = None if decision.of is None else numbers[decision.of.file, decision.of.row]
        yield Stored(last, decision.record, decision.decision, of, decision.why, search)


def decided(stored: Sequence[Stored]) -> tuple[list[Record], dict[Place, Place | None]]:
    """Return the records of a store, those that are kept first, and which of them each repeats."""
    places = {s.number: s.place for s in stored}
    order = sorted(stored, key=lambda s: s.decision == "duplicate")
    settled = {s.place: places[s.of] if s.decision == "duplicate" and s.of else None for s in order}
    return [s.record for s in order], settled


@garbage_left_lying()
def read_store(folder: Path) -> list[Stored]:
    """Read the records of a review; none if it has none.

    A duplicate of a duplicate repeats the record at the end of that chain.

    Raises
    ------
    ReviewError
        For a row that cannot be understood, with its column and what to type instead.
    """
    path = folder / "records.csv"
    rows = read_numbered(path, COLUMNS) if path.exists() else []
    for row in rows:
        row["decision"] = WORDS.get(plain(row["decision"]), row["decision"])
    by_number = {row["record"]: row for row in rows}
    stop(_unclear(path.name, rows, by_number), f"in {path.name}")
    return [_stored(row, _kept(row["of"], by_number)) for row in rows]


def read_numbered(
    path: Path, columns: Sequence[str], known: Collection[int] | None = None
) -> list[Row]:
    """Read one of our own tables, in which each row is of a record, by its number.

    Parameters
    ----------
    path
        The table; one that is not there has no rows.
    columns
        Those that it must have.
    known
        The numbers that there are.

    Raises
    ------
    ReviewError
        For a column that is missing, and a number that is none, unknown or there twice.
    """
    rows = read_table(path) if path.exists() else []
    missing = [column for column in columns if rows and column not in rows[0]]
    if missing:
        has = ", ".join(rows[0])
        raise ReviewError(
            f"{path.name}, row 1: no column {' and no column '.join(map(shown, missing))}; give it "
            f"its name back. The columns are {has}"
        )
    stop(_misnumbered(path.name, rows, known), f"in {path.name}")
    return rows


def _misnumbered(
    name: str, rows: Sequence[Row], known: Collection[int] | None
) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for row_number, row in enumerate(rows, start=2):
        number, told = row["record"], ""
        if not any(row.values()):
            told = "an empty row; take it out"
        elif not number.isdecimal():
            told = f"{shown(number)} is no number of a record; a row is added by import only"
        elif number in seen:
            told = f"{number} stands in row {seen[number]} too; take one of the rows out"
        elif known is not None and int(number) not in known:
            told = f"{number} is not the number of a record of records.csv"
        if told:
            yield Problem(name, told, row_number, "record")
        seen[number] = row_number


def read_answers(folder: Path) -> dict[int, tuple[str, ...]]:
    """Return what the screeners said of each record of which they said something."""
    rows = read_numbered(folder / "screening.csv", SCREENING[:1])
    said = {
        int(row["record"]): tuple(filter(None, (row.get(person, "") for person in SCREENING[2:])))
        for row in rows
    }
    return {number: answers for number, answers in said.items() if answers}


def _kept(number: str, rows: Mapping[str, Row]) -> str:
    """Return the record at the end of a chain of duplicates; empty if that is none, or a circle."""
    seen = set()
    while rows.get(number, {}).get("decision") == "duplicate" and number not in seen:
        seen.add(number)
        number = rows[number]["of"]
    return "" if number in seen or number not in rows else number


def _unclear(name: str, rows: Sequence[Row], by_number: Mapping[str, Row]) -> Iterator[Problem]:
    """Find what a person cannot have meant."""
    for number, row in enumerate(rows, start=2):
        decision, of = row["decision"], row["of"]
        if decision not in DECISIONS:
            told = f"{shown(decision)} is not one of {', '.join(DECISIONS)}"
            yield Problem(name, told + did_you_mean(decision, DECISIONS), number, "decision")
        elif of not in by_number and (decision == "duplicate" or (of and decision != "kept")):
            told = f"{shown(of)} is not the number of a record; type that of the record which this "
            told += "one repeats (column record), or make the decision kept"
            yield Problem(name, told, number, "of")
        elif decision == "duplicate" and (circle := _circle(row, by_number)):
            told = f"{' repeats '.join(circle)}, so that none is kept; make one decision kept"
            yield Problem(name, told, number, "of")
        if not row["row"].isdecimal():
            told = f"{shown(row['row'])} is no number; type the row of the record in {row['file']}"
            yield Problem(name, told, number, "row")


def _circle(row: Row, rows: Mapping[str, Row]) -> list[str]:
    """Return the numbers of records that repeat each other in a circle, if this one does."""
    chain = [row["record"]]
    while rows.get(chain[-1], {}).get("decision") == "duplicate":
        chain.append(rows[chain[-1]]["of"])
        if chain[-1] in chain[:-1]:
            return chain if chain[-1] == chain[0] else []
    return []


def _stored(row: Row, of: str) -> Stored:
    year = row.get("year", "")
    text = ("title", "authors", "journal", "volume", "issue", "pages", "pmid", "kind")
    dois = row.get("doi", "").split()
    record = Record(
        row["file"],
        int(row["row"]),
        **{name: row.get(name, "") for name in text},
        year=int(year) if year.isdecimal() else None,
        doi=dois[0] if dois else "",
        other_dois=tuple(dois[1:]),
    )
    return Stored(
        int(row["record"]),
        record,
        row["decision"],
        int(of) if of and row["decision"] != "kept" else None,
        row.get("why", ""),
        row.get("search", ""),
    )


def _row(stored: Stored) -> Row:
    record = stored.record
    cells = {name: str(getattr(record, name, None) or "") for name in COLUMNS}
    return cells | {
        "record": str(stored.number),
        "decision": stored.decision,
        "of": str(stored.of or ""),
        "why": stored.why,
        "search": stored.search,
        "doi": " ".join(record.dois),
    }


def _screening(folder: Path, records: Sequence[Stored]) -> tuple[list[Row], list[str]]:
    """Return the sheet of the screeners with all their answers, and answers on duplicates."""
    known = {stored.number for stored in records}
    table = read_numbered(folder / "screening.csv", SCREENING, known)
    answered = {row["record"]: row for row in table}
    rows, on_duplicates = [], []
    for stored in records:
        row = answered.get(str(stored.number), {})
        has_answer = any(row.get(column) for column in SCREENING[2:])
        if stored.decision != "duplicate" or has_answer:
            named = {"record": str(stored.number), "title": stored.record.title}
            rows.append(row | named)
        if stored.decision == "duplicate" and has_answer:
            on_duplicates.append(stored.record.title)
    return rows, on_duplicates


def _exports(folder: Path, exports: Sequence[SearchExport], search: str) -> list[Row]:
    path = folder / "exports.csv"
    rows = {row.get("file", ""): row for row in (read_table(path) if path.exists() else [])}
    for export in exports:
        row = {
            "file": export.file,
            "database": Path(export.file).stem,
            "search": search,
            "format": export.format,
            "records": str(len(export)),
            "without_title": str(sum(not record.title for record in export)),
        }
        rows.setdefault(export.file, row)
    return list(rows.values())


def read_table(path: Path) -> list[Row]:
    """Read one of our own tables, as a spreadsheet may have saved it again."""
    text = decode(read_bytes(path, LARGEST_STORE)).text
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise ReviewError(f"{path.name}: not a readable CSV file ({error})") from None
    return [
        {name: restored((cell or "").strip()) for name, cell in row.items() if name is not None}
        for row in rows
    ]


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write one of our own tables."""
    write_all({path: _text(columns, rows)})


def _text(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """Return a table as text that no spreadsheet runs; further columns of a person stay."""
    table = list(rows)
    more = [name for row in table for name in row if name not in columns]
    names = [*columns, *dict.fromkeys(more)]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([harmless(row.get(name, "")) for name in names] for row in table)
    return buffer.getvalue()
