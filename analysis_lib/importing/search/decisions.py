"""Decisions of screeners from Rayyan, ASReview and Covidence, beside the records of a review.

Rayyan writes who decided what into the notes of a record, ASReview a label into a column, Covidence
one list for each decision. The records are found again by what they are, never by their number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from analysis_lib.base.checks import as_path
from analysis_lib.base.errors import Problem, ReviewError, did_you_mean, shown, stop
from analysis_lib.importing.search import read_records, sheet_with_records, tables
from analysis_lib.importing.search.agreement import NO_ANSWER, SPELLINGS
from analysis_lib.importing.search.duplicates import find
from analysis_lib.importing.search.record import Record
from analysis_lib.importing.search.store import (
    FOLDER,
    SCREENING,
    Row,
    Stored,
    decided,
    read_numbered,
    read_store,
    write_table,
)
from analysis_lib.importing.spreadsheets import Sheet, sheet_of
from analysis_lib.importing.texts import decode, plain, read_bytes
from analysis_lib.importing.workbooks import is_workbook

RAYYAN: Final = re.compile(r"RAYYAN-INCLUSION:\s*\{([^{}]*)\}")
ANSWER: Final = re.compile(r"\"([^\"]+)\"\s*=>\s*\"([^\"]+)\"")
ASREVIEW: Final = re.compile(r"ASReview_(relevant|irrelevant)", re.IGNORECASE)
LABELS: Final = ("asreview label", "included", "label included", "final included")
ONE = "one person"
WORDS: Final = {word: name for name, words in SPELLINGS for word in words}
PEOPLE: Final = SCREENING[2:4]
SETTLED: Final = "settled"


@dataclass(frozen=True, slots=True)
class Screened:
    """Records with the answers of the people who screened them, by name."""

    file: str
    records: tuple[Record, ...]
    answers: tuple[Mapping[str, str], ...]

    @property
    def people(self) -> list[str]:
        """Who answered, in the order of the file."""
        return list(dict.fromkeys(name for answers in self.answers for name in answers))


@dataclass(frozen=True, slots=True)
class AddedDecisions:
    """What an import of decisions did.

    Attributes
    ----------
    added, known, unanswered : int
        Answers written, answers that stood there, and records without an answer.
    not_found : tuple of Record
        Records with an answer that are none of the review.
    unsure : tuple of (Record, tuple of int)
        Records with an answer that may be several of the review, with the numbers of those: a
        person has to say which.
    columns : mapping of str to str
        Into which column the answers of each person went.
    """

    added: int
    known: int
    unanswered: int
    not_found: tuple[Record, ...]
    unsure: tuple[tuple[Record, tuple[int, ...]], ...]
    columns: Mapping[str, str]


def read_decisions(path: str | Path, *, encoding: str | None = None, decided: str = "") -> Screened:
    """Read the decisions of an export of Rayyan, ASReview or Covidence.

    Parameters
    ----------
    path
        The export, as a table or as RIS.
    encoding
        Of a text file, if somebody knows it.
    decided
        "include" or "exclude", if the file lists the records of one decision, as Covidence writes
        them.

    Raises
    ------
    ReviewError
        For a file without decisions.
    """
    file = as_path("path", path)
    records = read_records(file, encoding=encoding).records
    # A file of the same name may have been imported as a search.
    own = tuple(replace(record, file=f"{file.name} (decisions)") for record in records)
    if decided:
        return Screened(file.name, own, tuple({ONE: decided} for _ in records))
    answers = tuple(_answers(file, records, encoding))
    if not any(answers):
        raise ReviewError(
            f"{file.name}: no decisions of Rayyan (RAYYAN-INCLUSION in the notes) or ASReview (a "
            "column asreview_label or included). If every record of the file was decided in one "
            "way, as in a list of Covidence, say --decided include or --decided exclude"
        )
    return Screened(file.name, own, answers)


def _answers(
    file: Path, records: Sequence[Record], encoding: str | None
) -> list[Mapping[str, str]]:
    content = read_bytes(file, 200_000_000)
    rows = None if is_workbook(content) else _parts(decode(content, encoding).text, records)
    if rows is not None and any(RAYYAN.search(row) or ASREVIEW.search(row) for row in rows):
        return [_said(row) for row in rows]
    try:
        sheet = sheet_with_records(file.name, content) if is_workbook(content) else None
        table = sheet_of(
            file.name, content, sheet=sheet, encoding=encoding, is_header=tables.is_header
        )
    except ReviewError:  # a text with tags, and no table
        return [{} for _ in records]
    label = next((c for name in LABELS for c in table.columns if plain(c) == name), "")
    cells = {row.number: row for row in table.rows}
    found: list[Mapping[str, str]] = []
    stop(_unknown(table, label), f"in {file.name}")
    for record in records:
        row = cells.get(record.row)
        word = _word(row.get(label)) if row and label else ""
        noted = _said(" ".join(row.cells.values())) if row else {}
        found.append(noted or ({ONE: word} if word else {}))
    return found


def _word(cell: str) -> str:
    """Return the answer in a cell of a label; ASReview writes -1 where nobody has answered."""
    return "" if cell.strip().startswith("-") else WORDS.get(plain(cell).removesuffix(" 0"), "")


def _unknown(table: Sheet, label: str) -> Iterator[Problem]:
    """Find the cells of a label that are neither an answer nor empty."""
    for row in table.rows if label else ():
        cell = row.get(label)
        if cell and plain(cell) not in NO_ANSWER and not cell.startswith("-") and not _word(cell):
            told = f"{shown(cell)} is no decision; it is include, exclude or maybe, or 1 or 0"
            yield Problem(table.file, told, row.number, label)


def _parts(text: str, records: Sequence[Record]) -> list[str] | None:
    """Return the lines of each record of a text with tags; nothing of a table."""
    if not re.search(r"^\s*TY\s+-", text, re.MULTILINE):
        return None
    lines = text.splitlines()
    ends = [*(record.row - 1 for record in records[1:]), len(lines)]
    return [
        "\n".join(lines[record.row - 1 : end]) for record, end in zip(records, ends, strict=True)
    ]


def _said(text: str) -> dict[str, str]:
    found = RAYYAN.search(text)
    if found:
        said = {name: WORDS.get(plain(word), "") for name, word in ANSWER.findall(found[1])}
        return {name: word for name, word in said.items() if word}
    label = ASREVIEW.search(text)
    return {ONE: WORDS[label[1].lower()]} if label else {}


def add_decisions(
    screened: Screened,
    data: str | Path,
    who: str,
    *,
    people: Sequence[str] = (),
    overwrite: bool = False,
) -> AddedDecisions:
    """Write decisions into ``search/screening.csv`` of a review.

    Parameters
    ----------
    screened
        From `read_decisions`.
    data
        The folder with the tables of a review, into which its search was imported.
    who
        ``"first"`` or ``"second"``: whose decisions the file holds; ``"both"`` if it holds those of
        two people.
    people
        Names as the file has them, if it holds the decisions of more people; with ``"both"`` a
        third is the one who settled what the two differed on.
    overwrite
        Whether they replace others that stand there.

    Raises
    ------
    ReviewError
        If the file holds the answers of other people than `who` says, two answers of one person to
        one record, or answers that differ from those of the review. Nothing is written then.
    """
    folder = as_path("data", data) / FOLDER
    stored = read_store(folder)
    if not stored:
        raise ReviewError("import the search first: search/records.csv has no record")
    column = _columns(screened, who, people)
    numbers = {s.number for s in stored}
    table = read_numbered(folder / "screening.csv", SCREENING, numbers)
    writing = _Writing(screened.file, {row["record"]: row for row in table}, overwrite)
    missing, unsure, unanswered = list[Record](), list[tuple[Record, tuple[int, ...]]](), 0
    places = zip(screened.records, screened.answers, _numbers(screened, stored), strict=True)
    for record, every, found in places:
        answers = {column[name]: word for name, word in every.items() if name in column}
        unanswered += not answers
        row = writing.rows.get(str(found[0])) if len(found) == 1 else None
        if answers and row is None:
            unsure += [(record, found)] if found else []
            missing += [] if found else [record]
        for name, word in answers.items() if row is not None else ():
            writing.write(record, row or {}, name, word)
    stop(writing.problems, f"in {screened.file}")
    write_table(folder / "screening.csv", SCREENING, table)
    counts = writing.added, writing.known, unanswered
    return AddedDecisions(*counts, tuple(missing), tuple(unsure), column)


class _Writing:
    """Writes answers into the rows of a table, and gathers those that contradict."""

    def __init__(self, file: str, rows: Mapping[str, Row], overwrite: bool) -> None:
        self.file, self.rows, self.overwrite = file, rows, overwrite
        self.added = self.known = 0
        self.problems: list[Problem] = []
        self.written: dict[tuple[str, str], int] = {}  # record and column: row of the file

    def write(self, record: Record, row: Row, column: str, word: str) -> None:
        old = " ".join(row.get(column, "").casefold().split())
        before = self.written.setdefault((row["record"], column), record.row)
        if old == word:
            self.known += 1
        elif before != record.row:
            told = f"{shown(record.title)}: {word} here and {old} in row {before}, which is the "
            told += "same work; take one of them out of the file"
            self.problems.append(Problem(self.file, told, record.row, column))
        elif old and not self.overwrite:
            told = f"{shown(record.title)}: {old} in screening.csv and {word} here"
            told += "; --replace takes the new one"
            self.problems.append(Problem(self.file, told, record.row, column))
        else:
            row[column] = word
            self.added += 1


def _columns(screened: Screened, who: str, chosen: Sequence[str]) -> dict[str, str]:
    """Return the column of each person of the file."""
    people = screened.people
    stop(
        (f"{screened.file} has no decisions of {shown(name)}{did_you_mean(name, people)}"
         for name in chosen if name not in people),
        "in --person",
    )  # fmt: skip
    wanted = [*PEOPLE, SETTLED] if who == "both" else [who]
    named = list(chosen) or people
    fewest = 2 if who == "both" else 1
    if not fewest <= len(named) <= (len(wanted) if chosen else fewest):
        raise ReviewError(
            f"{screened.file}: decisions of {len(named)} ({', '.join(named)}); say --decisions "
            "both if they are two, --decisions first or --decisions second if it is one. Of more "
            "people, name two with --person NAME --person NAME (a third is who settled what the "
            "two differed on), or one of them with --decisions first"
        )
    return dict(zip(named, wanted, strict=False))


def _numbers(screened: Screened, stored: Sequence[Stored]) -> Iterator[tuple[int, ...]]:
    """Yield of each record the number of the kept one that it is; several if it may be any."""
    known, settled = decided(stored)
    numbers = {s.place: s.number for s in stored}
    for found in find(screened.records, known, settled):
        which = found.sure or found.likely  # the file may have been made from this very search
        yield tuple(sorted(numbers[kept.file, kept.row] for kept in which))
