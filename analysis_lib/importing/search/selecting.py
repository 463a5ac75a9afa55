"""From what was imported and decided to the boxes of the PRISMA 2020 flow diagram.

``search/records.csv`` counts the records by database and the duplicates, ``search/screening.csv``
the first stage of screening, ``search/full_text.csv`` the second with its reasons. Nothing is
written into ``selection.csv`` before every decision is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from analysis_lib.base.checks import as_path
from analysis_lib.base.errors import Problem, ReviewError, shown, stop
from analysis_lib.base.formatting import plural
from analysis_lib.importing.filling import read_table as read_review_table
from analysis_lib.importing.search.agreement import SPELLINGS
from analysis_lib.importing.search.store import (
    FOLDER,
    SCREENING,
    Row,
    Stored,
    read_numbered,
    read_store,
    read_table,
    write_table,
)
from analysis_lib.importing.texts import as_key, plain, write_all
from analysis_lib.review.flow import DATABASES, EXCLUDED, NEW, NOT_RETRIEVED, PREVIOUS, STUDIES

SOURCE: Final = f"data/{FOLDER}"  # of the boxes that are counted here
FULL_TEXT: Final = ("record", "title", "decision", "reason")
BY_HAND: Final = frozenset(("citation search", "citations", "hand search", "snowballing"))
SAID: Final[Mapping[str, str]] = {
    **{word: name for name, words in SPELLINGS for word in words if name != "unclear"},
    **{word: "include" for name, words in SPELLINGS for word in words if name == "unclear"},
    **dict.fromkeys(("not retrieved", "not available"), NOT_RETRIEVED),
}  # what is unclear goes on: the full text decides
LABELS: Final[Mapping[str, str]] = {
    "records_identified": "Records identified",
    DATABASES: "Records from databases",
    "records_registers": "Records from registers",
    "records_citation": "Records from citation search",
    "duplicates_removed": "Duplicate records removed",
    "records_screened": "Records screened",
    "records_excluded": "Records excluded",
    "reports_sought": "Reports sought for retrieval",
    NOT_RETRIEVED: "Reports not retrieved",
    "reports_assessed": "Reports assessed for eligibility",
    EXCLUDED: "Reports excluded",
    "reports_included": "Reports included in the review",
    STUDIES: "Studies included in the review",
}


@dataclass(frozen=True, slots=True)
class Selected:
    """What was counted, or what has to be decided first.

    Attributes
    ----------
    boxes : tuple of mapping of str to str
        The rows of ``selection.csv``; none while decisions are missing.
    conflicts : tuple of str
        Records on which the two people differ, with what each said.
    waiting : tuple of str
        What is to be done before the boxes can be counted.
    """

    boxes: tuple[Row, ...]
    conflicts: tuple[str, ...]
    waiting: tuple[str, ...]


def fill_selection(data: str | Path) -> Selected:
    """Count the boxes of the flow diagram and write them into ``selection.csv``.

    Parameters
    ----------
    data
        The folder with the tables of a review, into which its searches were imported.

    Returns
    -------
    Selected
        While two people differ (and no column ``settled`` of ``screening.csv`` says what holds), or
        a decision is missing, only what waits. Reports that were included at the first stage are
        put into ``full_text.csv``, with every decision that stands there kept.

    Raises
    ------
    ReviewError
        For a review without a search, and for words that are no decision.
    """
    path = as_path("data", data)
    folder = path / FOLDER
    stored = read_store(folder)
    if not stored:
        raise ReviewError("no search was imported yet: search/records.csv has no record")
    kept = {s.number: s.decision != "duplicate" for s in stored}
    table = read_numbered(folder / "screening.csv", SCREENING, kept)
    screening = [row for row in table if kept[int(row["record"])]]
    stop(_unknown("screening.csv", table, (*SCREENING[2:4], "settled")), "in screening.csv")
    included, conflicts, open_ = _first_stage(screening)
    reports = _full_text(folder, screening, included)
    stop(_unknown("full_text.csv", reports, ("decision",)), "in full_text.csv")
    undecided = [row for row in reports if not row.get("decision")]
    trials = read_review_table(path, "trials", ("trial",)).rows
    waiting = [
        *[f"{plural(len(conflicts), 'record')} on which two people differ"] * bool(conflicts),
        *[f"{plural(open_, 'record')} of screening.csv without an answer"] * bool(open_),
        *[f"{plural(len(undecided), 'report')} of full_text.csv without a decision"]
        * bool(undecided),
        *["trials.csv without a trial"] * (not trials),
    ]
    if waiting:
        return Selected((), tuple(conflicts), tuple(waiting))
    selection = read_review_table(path, "selection", ("box",))
    boxes = [*_boxes(folder, stored, len(included), reports, len(trials))]
    boxes += _new_studies(selection.rows, len(trials))
    selection.rows[:] = _with_others(boxes, selection.rows)
    write_all({selection.path: selection.text()})
    return Selected(tuple(boxes), (), ())


def _new_studies(rows: Sequence[Row], trials: int) -> Iterator[Row]:
    """Yield the box of the new studies, if a person typed how many the review had before."""
    for number, row in enumerate(rows, start=2):
        if row["box"] != PREVIOUS:
            continue
        if not row["count"].isdecimal() or int(row["count"]) > trials:
            told = f"{shown(row['count'])} previous studies, but trials.csv has {trials} in all"
            raise ReviewError(str(Problem("selection.csv", told, number, "count")))
        yield _row(NEW, "New studies", trials - int(row["count"]))


def _with_others(boxes: Sequence[Row], rows: Sequence[Row]) -> list[Row]:
    """Return the boxes that were counted, under the labels they have, and those of a person."""
    before = {row["box"]: row for row in rows}
    own = {row["box"] for row in boxes}
    named = [row | {"label": before.get(row["box"], row)["label"] or row["label"]} for row in boxes]
    others = [row for row in rows if row["box"] not in own and row.get("source") != SOURCE]
    return [*named, *others]


def _unknown(name: str, rows: Sequence[Row], columns: Sequence[str]) -> Iterator[Problem]:
    for number, row in enumerate(rows, start=2):
        for column in columns:
            word = row.get(column, "")
            if word and plain(word) not in SAID:
                told = f"{shown(word)} is not one of include, exclude, unclear"
                told += ", not retrieved" if column == "decision" else ""
                yield Problem(name, told, number, column)


def _first_stage(screening: Sequence[Row]) -> tuple[set[str], list[str], int]:
    """Return the records that go on, those on which two people differ, and how many wait."""
    included, conflicts, waiting = set(), list[str](), 0
    for row in screening:
        words = [SAID[plain(row[c])] for c in SCREENING[2:4] if row.get(c)]
        if settled := row.get("settled", ""):
            words = [SAID[plain(settled)]]
        if not words:
            waiting += 1
        elif len(set(words)) > 1:
            first, second = (row[column] for column in SCREENING[2:4])
            conflicts.append(f"{row['record']}: {row['title']} ({first}, {second})")
        elif words[0] == "include":
            included.add(row["record"])
    return included, conflicts, waiting


def _full_text(folder: Path, screening: Sequence[Row], included: set[str]) -> list[Row]:
    """Return the sheet of the second stage, with every decision that stands there."""
    path = folder / "full_text.csv"
    known = {row["record"]: row for row in read_numbered(path, FULL_TEXT)}
    rows = [
        known.get(row["record"], {"record": row["record"], "title": row["title"]})
        for row in screening
        if row["record"] in included
    ]
    lost = [row for row in known.values() if row["decision"] and row not in rows]
    stop((_out(path.name, row) for row in lost), f"in {path.name}")
    if rows and rows != list(known.values()):
        write_table(path, FULL_TEXT, rows)
    return rows


def _out(name: str, row: Row) -> str:
    """Say that a report was judged whose record does not go on any more."""
    return (
        f"{name}: record {row['record']} has a decision ({row['decision']}), but is a duplicate or "
        "excluded at the first stage; take its row out, or mend the first stage"
    )


def _boxes(
    folder: Path, stored: Sequence[Stored], sought: int, reports: Sequence[Row], trials: int
) -> Iterator[Row]:
    """Yield the rows of ``selection.csv``."""
    exports = {row["file"]: row for row in read_table(folder / "exports.csv")}
    databases = list[str]()
    ways: Counter[str] = Counter()
    for one in stored:
        export = exports.get(one.record.file, {})
        database = export.get("database") or one.record.file
        way = DATABASES
        if plain(database) in BY_HAND:
            way = "records_citation"
        elif "registry" in export.get("format", ""):
            way = "records_registers"
        else:
            databases.append(database)
        ways[way] += 1
    removed = sum(s.decision == "duplicate" for s in stored)
    said = [SAID[plain(row["decision"])] for row in reports]
    lost, out = said.count(NOT_RETRIEVED), said.count("exclude")
    screened = len(stored) - removed
    counts = {
        "records_identified": len(stored),
        **ways,
        "duplicates_removed": removed,
        "records_screened": screened,
        "records_excluded": screened - sought,
        "reports_sought": sought,
        NOT_RETRIEVED: lost,
        "reports_assessed": sought - lost,
        EXCLUDED: out,
        "reports_included": sought - lost - out,
        STUDIES: trials,
    }
    for box in LABELS:
        if box in counts:
            yield _row(box, LABELS[box], counts[box])
    by_database = [*_parts("database", databases, DATABASES)]
    yield from by_database if len(by_database) > 1 else ()
    reasons = [
        row.get("reason", "") or "No reason given"
        for row, word in zip(reports, said, strict=True)
        if word == "exclude"
    ]
    yield from _parts("reason", reasons, EXCLUDED)


def _parts(kind: str, names: Sequence[str], parent: str) -> Iterator[Row]:
    """Yield a box for each name; those that differ by case or marks only are one."""
    labels: dict[str, str] = {}
    for name in names:
        labels.setdefault(as_key(name), name)
    for key, n in Counter(map(as_key, names)).items():
        yield _row(f"{kind}-{key or 'unnamed'}", labels[key], n, parent)


def _row(box: str, label: str, count: int, parent: str = "") -> Row:
    told = {"provenance": "reported", "source": SOURCE, "note": ""}
    return {"box": box, "label": label, "count": str(count), "parent": parent, **told}
