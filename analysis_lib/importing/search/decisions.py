"""Decisions of screeners from Rayyan, ASReview and Covidence, beside the records of a review.

Rayyan writes who decided what into the notes of a record, ASReview a label into a column, Covidence
one list for each decision. The records are found again by what they are, never by their number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from analysis_lib.base.errors import Problem, ReviewError, shown, stop
from analysis_lib.importing.search import read_records
from analysis_lib.importing.search.duplicates import deduplicate
from analysis_lib.importing.search.record import Record, folded
from analysis_lib.importing.search.store import (
    FOLDER,
    SCREENING,
    Stored,
    read_store,
    read_table,
    write_table,
)
from analysis_lib.importing.spreadsheets import sheet_of
from analysis_lib.importing.texts import decode, plain, read_bytes
from analysis_lib.importing.workbooks import is_workbook

RAYYAN: Final = re.compile(r"RAYYAN-INCLUSION:\s*\{([^{}]*)\}")
ANSWER: Final = re.compile(r"\"([^\"]+)\"\s*=>\s*\"([^\"]+)\"")
ASREVIEW: Final = re.compile(r"ASReview_(relevant|irrelevant)", re.IGNORECASE)
LABELS: Final = ("asreview label", "included", "label included", "final included")
ONE = "one person"
WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("included", "include", "1", "yes", "relevant"), "include"),
    **dict.fromkeys(("excluded", "exclude", "0", "no", "irrelevant"), "exclude"),
    **dict.fromkeys(("maybe", "undecided", "unclear"), "unclear"),
}
PEOPLE: Final = SCREENING[2:4]


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
    """What an import of decisions did: answers written, answers that stood there, and the rest."""

    added: int
    known: int
    unanswered: int
    not_found: tuple[Record, ...]


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
    file = Path(path)
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
        table = sheet_of(file.name, content, encoding=encoding)
    except ReviewError:  # a text with tags, and no table
        return [{} for _ in records]
    label = next((c for name in LABELS for c in table.columns if plain(c) == name), "")
    cells = {row.number: row for row in table.rows}
    found: list[Mapping[str, str]] = []
    for record in records:
        row = cells.get(record.row)
        word = _word(row.get(label)) if row and label else ""
        noted = _said(" ".join(row.cells.values())) if row else {}
        found.append(noted or ({ONE: word} if word else {}))
    return found


def _word(cell: str) -> str:
    """Return the answer in a cell of a label; ASReview writes -1 where nobody has answered."""
    return "" if cell.strip().startswith("-") else WORDS.get(plain(cell).removesuffix(" 0"), "")


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
    screened: Screened, data: str | Path, who: str, *, overwrite: bool = False
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
    overwrite
        Whether they replace others that stand there.

    Raises
    ------
    ReviewError
        If the file holds the answers of other people than `who` says, or answers that differ from
        those of the review. Nothing is written then.
    """
    folder = Path(data) / FOLDER
    stored = read_store(folder)
    if not stored:
        raise ReviewError("import the search first: search/records.csv has no record")
    column = _columns(screened, who)
    places = _found_again(screened.records, stored)
    rows = {row["record"]: row for row in read_table(folder / "screening.csv")}
    problems, missing = list[Problem](), list[Record]()
    added = known = unanswered = 0
    for record, answers in zip(screened.records, screened.answers, strict=True):
        row = rows.get(str(places.get((record.file, record.row))))
        unanswered += not answers
        if row is None:
            missing += [record] if answers else []
            continue
        for name, word in answers.items():
            old = " ".join(row.get(column[name], "").casefold().split())
            if old == word:
                known += 1
            elif old and not overwrite:
                told = f"{shown(record.title)}: {old} in screening.csv and {word} here"
                told += "; --replace takes the new one"
                problems.append(Problem(screened.file, told, record.row, column[name]))
            else:
                row[column[name]] = word
                added += 1
    stop(problems, f"in {screened.file}")
    write_table(folder / "screening.csv", SCREENING, list(rows.values()))
    return AddedDecisions(added, known, unanswered, tuple(missing))


def _columns(screened: Screened, who: str) -> dict[str, str]:
    """Return the column of each person of the file."""
    people = screened.people
    wanted = list(PEOPLE) if who == "both" else [who]
    if len(people) != len(wanted):
        told = ", ".join(people)
        raise ReviewError(
            f"{screened.file}: decisions of {len(people)} ({told}); say --decisions both if they "
            "are two, --decisions first or --decisions second if it is one"
        )
    return dict(zip(people, wanted, strict=True))


def _found_again(records: Sequence[Record], stored: Sequence[Stored]) -> dict[tuple[str, int], int]:
    """Return the number of the kept record that each record surely is."""
    numbers = {s.number: (s.record.file, s.record.row) for s in stored}
    settled = {
        numbers[s.number]: numbers[s.of] if s.decision == "duplicate" and s.of else None
        for s in stored
    }
    kept = {place: number for number, place in numbers.items() if settled[place] is None}
    found = deduplicate([*(s.record for s in stored), *records], settled=settled)
    by_title: dict[str, list[int]] = {}
    for one in stored:
        if (one.record.file, one.record.row) in kept:
            by_title.setdefault(folded(one.record.title), []).append(one.number)
    places = {}
    for d in found.decisions[len(stored) :]:
        same = by_title.get(folded(d.record.title), [])
        if d.decision == "duplicate" and d.of is not None and (d.of.file, d.of.row) in kept:
            places[d.record.file, d.record.row] = kept[d.of.file, d.of.row]
        elif len(same) == 1 and d.record.title:  # the file was made from this very search
            places[d.record.file, d.record.row] = same[0]
    return places
