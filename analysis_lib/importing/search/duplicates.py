"""One list from the records of all searches: each is kept, merged, linked or to be looked at.

Everything that was read stands in the log exactly once. A record is merged only into a work that it
surely is (see `works`); what is likely is kept and flagged. What a person decided in the log is
respected when the search is imported again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import pandas as pd

from analysis_lib.base.garbage import garbage_left_lying
from analysis_lib.importing.search.record import Record
from analysis_lib.importing.search.works import Facts, compared, facts_of, may_be_one

Decided: TypeAlias = Literal["kept", "duplicate", "linked", "look at"]
Place: TypeAlias = tuple[str, int]  # file and row of a record

MOST_COMPARED = 20  # works of one key; more share only what says little, such as "Editorial"
EDGE = 30  # letters of a title at its beginning and end by which a similar one is found
ORDER: Final = ("duplicate", "linked", "look at")


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of one record.

    Attributes
    ----------
    record : Record
    decision : {"kept", "duplicate", "linked", "look at"}
        Only a duplicate is taken out; what is linked or to be looked at is kept.
    of : Record or None
        The kept record that it repeats, is about, or resembles.
    why : str
        The reason in words.
    """

    record: Record
    decision: Decided
    of: Record | None
    why: str


@dataclass(frozen=True, slots=True)
class Deduplication:
    """The records that remain, and the decision on every record that was read."""

    records: tuple[Record, ...]
    decisions: tuple[Decision, ...]

    @property
    def counts(self) -> dict[str, int]:
        """The boxes of the PRISMA flow diagram that follow."""
        read, kept = len(self.decisions), len(self.records)
        return {
            "records_identified": read,
            "duplicates_removed": read - kept,
            "records_screened": kept,
        }

    def log(self) -> pd.DataFrame:
        """Return one row a decision: file, row, title, decision, of_file, of_row, why."""
        return pd.DataFrame(
            [
                {
                    "file": d.record.file,
                    "row": d.record.row,
                    "title": d.record.title,
                    "decision": d.decision,
                    "of_file": d.of.file if d.of else "",
                    "of_row": str(d.of.row) if d.of else "",
                    "why": d.why,
                }
                for d in self.decisions
            ],
            columns=["file", "row", "title", "decision", "of_file", "of_row", "why"],
        )


@garbage_left_lying()
def deduplicate(
    records: Iterable[Record], *, settled: Mapping[Place, Place | None] | None = None
) -> Deduplication:
    """Decide of every record whether an earlier one is the same work.

    Parameters
    ----------
    records
        In the order in which they are to be kept: the first of several stays, and takes from the
        others only what it lacks.
    settled
        What a person decided, by file and row of a record: the place of the record that it
        repeats, or ``None`` if it repeats none.

    Returns
    -------
    Deduplication

    Examples
    --------
    >>> first = Record("a.ris", 1, "Lifting for back pain", "Aasa, B", 2015, doi="10.1/x")
    >>> again = Record("b.csv", 2, "Lifting for Back Pain.", "Aasa B", 2015)
    >>> deduplicate([first, again]).counts["duplicates_removed"]
    1
    """
    known = _Known()
    decided = settled or {}
    judged: list[tuple[Record, Decided, int | None, str]] = []
    for record in records:
        place, facts = (record.file, record.row), facts_of(record)
        keys = _keys(facts)
        decision: tuple[Decided, int | None, str]
        if place in decided and decided[place] is None:
            decision = "kept", None, "decided by a person"
        elif place in decided and decided[place] in known.places:
            decision = "duplicate", known.places[decided[place]], "decided by a person"
        else:
            decision = known.judge(facts, keys)
        judged.append((record, *decision))
        known.learn(record, facts, keys, decision[1] if decision[0] == "duplicate" else None)
    return Deduplication(
        tuple(known.records),
        tuple(
            Decision(record, decision, None if of is None else known.records[of], why)
            for record, decision, of, why in judged
        ),
    )


@dataclass(frozen=True, slots=True)
class Found:
    """Where a record stands among others: works that it surely is, and those it may be."""

    sure: tuple[Record, ...]
    likely: tuple[Record, ...]


def find(
    records: Iterable[Record],
    among: Iterable[Record],
    settled: Mapping[Place, Place | None],
) -> Iterator[Found]:
    """Find records among those of a review, of which it is decided which are one.

    Parameters
    ----------
    records
        What is looked for; of each, one answer.
    among
        The records of the review, those that are kept first.
    settled
        Which of them each repeats; see `deduplicate`.

    Yields
    ------
    Found
        Likely is a work of the same title of which no fact contradicts.
    """
    known = _Known()
    for record in among:
        of = settled.get((record.file, record.row))
        facts = facts_of(record)
        known.learn(record, facts, _keys(facts), known.places[of] if of else None)
    for record in records:
        facts = facts_of(record)
        near = [(known.records[i], known.facts[i]) for i in known.near(_keys(facts))]
        verdicts = [(kept, compared(facts, of), of) for kept, of in near]
        yield Found(
            tuple(kept for kept, verdict, _ in verdicts if verdict and verdict[0] == "duplicate"),
            tuple(kept for kept, _, of in verdicts if may_be_one(facts, of)),
        )


class _Known:
    """The works that are kept, each with what is known of it from all its records."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.facts: list[Facts] = []
        self.by_key: dict[int, tuple[int, ...]] = {}
        self.places: dict[Place | None, int] = {}

    def judge(self, facts: Facts, keys: Iterable[int]) -> tuple[Decided, int | None, str]:
        """Compare a record with the works that share a key, and keep the surest finding."""
        if not facts.titles and not facts.dois and not facts.pmids:
            return "kept", None, "without title and identifier, it cannot be compared"
        best: tuple[int, int, Decided, str] | None = None
        for position in self.near(keys):
            found = compared(facts, self.facts[position])
            if found is not None:
                rank = (ORDER.index(found[0]), position)
                if best is None or rank < best[:2]:
                    best = (*rank, *found)
        return ("kept", None, "") if best is None else (best[2], best[1], best[3])

    def learn(self, record: Record, facts: Facts, keys: Iterable[int], twin: int | None) -> None:
        """Keep a record, or let the one that it repeats take what it lacks."""
        if twin is None:
            twin = len(self.records)
            self.records.append(record)
            self.facts.append(facts)
        else:
            self.records[twin] = _completed(self.records[twin], record)
            self.facts[twin] |= facts
        self.places[record.file, record.row] = twin
        for key in keys:
            works = self.by_key.get(key, ())
            if twin not in works[-1:] and len(works) < MOST_COMPARED:
                self.by_key[key] = *works, twin

    def near(self, keys: Iterable[int]) -> list[int]:
        """Return the works that have one of the keys."""
        return sorted({work for key in keys for work in self.by_key.get(key, ())})


def _keys(facts: Facts) -> tuple[int, ...]:
    """Return hashes, which take little memory, of what records of one work have in common.

    Should two keys ever have one hash, works are compared that need not be; their names tell keys
    apart that may be empty, since nothing and zero have one hash.
    """
    return tuple(map(hash, _in_common(facts)))


def _in_common(facts: Facts) -> Iterator[object]:
    """Return what records of one work have in common, however they are exported."""
    yield from (*facts.dois, *facts.pmids, *facts.numbers)
    author, year = min(facts.authors, default=""), min(facts.years, default=0)
    journal = min(facts.journals, default="")[:3]
    for title, _ in facts.titles:
        solid = title.replace(" ", "")
        yield "title", solid
        yield "title", solid, author
        yield "title", solid, year, journal
        yield "begins", solid[:EDGE]
        yield "ends", solid[-EDGE:]
        yield "words", author, *sorted(title.split(), key=lambda word: (-len(word), word))[:3]
        for page in facts.pages:
            yield "page", page, min(facts.volumes, default=""), author
            yield "page and year", page, year, journal


def _completed(kept: Record, duplicate: Record) -> Record:
    names = ("title", "authors", "year", "journal", "doi", "volume", "issue", "pages", "pmid")
    lacking = {
        name: getattr(duplicate, name)
        for name in names
        if not getattr(kept, name) and getattr(duplicate, name)
    }
    return replace(kept, **lacking)
