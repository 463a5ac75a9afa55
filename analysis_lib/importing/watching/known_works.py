"""Which of the works that a watch found the review knows already."""

from __future__ import annotations

from collections.abc import Sequence

from analysis_lib.importing.search import read_records
from analysis_lib.importing.search.duplicates import Decision, deduplicate
from analysis_lib.importing.search.record import Record
from analysis_lib.importing.search.store import FOLDER as STORE
from analysis_lib.importing.search.store import read_store
from analysis_lib.importing.watching.found import as_words
from analysis_lib.importing.watching.services import REGISTRY
from analysis_lib.review.found import FILE, Row
from analysis_lib.review.model import Review


def as_record(row: Row) -> Record:
    """Return a row of ``found.csv`` as a record, to compare it with others."""
    is_trial = row["kind"] == "registration"
    return Record(
        FILE,
        0,
        row["title"],
        row["authors"],
        int(row["year"]) if row["year"] else None,
        journal=REGISTRY if is_trial else "",
        doi=row["doi"],
        pmid=row["found"].removeprefix("PMID ") if row["kind"] == "article" else "",
        kind="registry entry" if is_trial else "",
    )


def _known_records(review: Review, earlier: Sequence[Row]) -> list[Record]:
    """Return every work that was ever seen: cited, exported from a search, found by a watch."""
    bibliography = review.path.parent / "book" / "references.bib"
    cited = list(read_records(bibliography)) if bibliography.is_file() else []
    stored = [stored.record for stored in read_store(review.path / STORE)]
    return [*cited, *stored, *(as_record(row) for row in earlier if row["kind"] != "notice")]


def without_known(
    notices: Sequence[Row],
    found: Sequence[tuple[Row, Record]],
    earlier: Sequence[Row],
    review: Review,
) -> tuple[list[Row], list[Row]]:
    """Part what is new, or was found before, from what the review knows otherwise.

    Parameters
    ----------
    notices
        Rows that are kept as they are.
    found
        Trials and articles, each as a row and as a record.
    earlier
        The rows of ``found.csv``.
    review
        Whose bibliography, searches and registry records are known.

    Returns
    -------
    rows, known : list of dict
        Rows for ``found.csv``, and what is a known work, with the reason. A trial of a registry is
        known by its number alone; what it resembles is told.
    """
    seen = {row["found"] for row in earlier}
    registered = {file.stem for file in (review.path / "registry").glob("NCT*.*")}
    once = {row["found"]: (row, record) for row, record in reversed(found)}
    fresh = [pair for pair in reversed(once.values()) if pair[0]["found"] not in seen]
    again = [row for name, (row, _) in once.items() if name in seen]
    records = _known_records(review, earlier)
    decided = deduplicate([*records, *(record for _, record in fresh)]).decisions[len(records) :]
    rows, known = list[Row](), list[Row]()
    for (row, _), decision in zip(fresh, decided, strict=True):
        if row["found"] in registered:
            known.append(_known(row, "its record stands in registry/"))
        elif decision.decision == "duplicate" and row["kind"] == "article":
            known.append(_known(row, _likeness(decision)))
        else:
            rows.append(row | {"like": as_words(_likeness(decision)) if decision.of else ""})
    return [*notices, *rows, *again], known


def _known(row: Row, why: str) -> Row:
    return {name: row[name] for name in ("found", "title", "file")} | {"why": as_words(why)}


def _likeness(decision: Decision) -> str:
    of = decision.of
    return f"{of.title} ({of.file}): {decision.why}" if of is not None else ""
