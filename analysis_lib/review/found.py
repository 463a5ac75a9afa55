"""What watches found, and what people decided of it: ``found.csv`` of a review.

One row a trial of a registry, an article, or a notice about an included report. Nothing is included
by itself: `decision`, `decided_by` and `why` are people's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis_lib.base.errors import Problem, ReviewError, stop
from analysis_lib.base.unsafe import restored
from analysis_lib.review.cells import read_table

if TYPE_CHECKING:
    import pandera.pandas as pa

FILE: Final = "found.csv"
KINDS: Final = ("registration", "article", "notice")
JUDGED: Final = ("met", "not met", "unclear")
DECISIONS: Final = ("include", "exclude", "wait")
#: Notices after which the numbers of a report are in doubt, and how its trial is marked for them,
#: the gravest first. Others, such as corrections, are told.
DOUBTS: Final[Mapping[str, str]] = {
    "retraction": "retracted",
    "withdrawal": "retracted",
    "removal": "retracted",
    "partial retraction": "retracted in part",
    "expression of concern": "in doubt",
}
Row = dict[str, str]


def schema() -> pa.DataFrameSchema:
    """Return what ``found.csv`` holds."""
    from analysis_lib.review.schemas import (  # pandera is slow to import
        TRIAL,
        count,
        day,
        key,
        one_of,
        table,
        text,
    )

    return table(
        "Found since the last search",
        {
            "found": text("NCT number, PMID, or the report with its notice", unique=True),
            "kind": one_of("What it is", KINDS),
            "day": day("When it was found first"),
            "service": text("Who told of it"),
            "query": text("Query that found it"),
            "title": text("Title", optional=True),
            "authors": text("Authors", optional=True),
            "year": count("Year of publication", low=1800, optional=True),
            "doi": text("DOI of the article, or of the notice", optional=True),
            "judged": one_of("Whether the review's criteria are met", JUDGED, optional=True),
            "words": text("The words that decide, or what the notice says", optional=True),
            "like": text("Known work that it resembles or is about", optional=True),
            "trial": key(f"{TRIAL}, of a notice", optional=True),
            "file": text("Answer in search/watch in which it stands"),
            "changed": text("Day on which the words were last other than before", optional=True),
            "decision": one_of("What people decided", DECISIONS, optional=True),
            "decided_by": text("Who decided", optional=True),
            "why": text("Why", optional=True),
        },
        takes_more=True,
    )


def read_found(data: Path) -> list[Row]:
    """Return what watches found, with what people decided.

    Raises
    ------
    ReviewError
        For a table that cannot be read, naming row, column and value.
    """
    return rows_of(data / FILE, schema()) if (data / FILE).exists() else []


def rows_of(path: Path, of: pa.DataFrameSchema) -> list[dict[str, str]]:
    """Return the rows of a table of a watch as text; none if there is no such file.

    Raises
    ------
    ReviewError
        If it is half written, or a cell is wrong; in one line, with what to do.
    """
    if not path.exists():
        return []
    try:
        table = read_table(path, of)
    except ReviewError as error:
        raise ReviewError(
            f"{path.parent.name}/{path.name} is half written or was changed "
            f"({' '.join(str(error).split())}); bring it back from an earlier copy. "
            "Nothing is lost."
        ) from None
    return [
        {str(name): _as_text(cell) for name, cell in row.items()}
        for row in table.to_dict("records")
    ]


def _as_text(cell: object) -> str:
    return "" if pd.isna(cell) else restored(str(cell))  # type: ignore[call-overload]


def is_doubt(row: Row) -> bool:
    """Say whether a notice puts the numbers of its report in doubt."""
    return row["kind"] == "notice" and notice_of(row) in DOUBTS


def notice_of(row: Row) -> str:
    """Return what kind of notice a row tells of, such as "retraction"."""
    return row["words"].partition(",")[0]


def doubted_trials(rows: Sequence[Row]) -> dict[str, str]:
    """Return the trials whose numbers are in doubt, each with the gravest word for why."""
    order = list(DOUBTS)
    notices = [row for row in rows if is_doubt(row) and row["trial"]]
    notices.sort(key=lambda row: order.index(notice_of(row)), reverse=True)
    return {row["trial"]: DOUBTS[notice_of(row)] for row in notices}


def with_marks(trials: pd.DataFrame, data: Path) -> pd.DataFrame:
    """Return ``trials.csv`` with every trial in doubt marked in its name, wherever that stands.

    Raises
    ------
    ReviewError
        If ``found.csv`` cannot be read, or names a trial that there is not.
    """
    rows = read_found(data)
    known = set(trials["trial"])
    stop(
        (
            Problem(FILE, f"{row['trial']!r} is not in trials.csv", number, "trial")
            for number, row in enumerate(rows, start=2)
            if row["trial"] and row["trial"] not in known
        ),
        f"in {FILE}",
    )
    marks = doubted_trials(rows)
    if not marks:
        return trials
    names = zip(trials["trial"], trials["label"], strict=True)
    marked = [f"{label} [{marks[trial]}]" if trial in marks else label for trial, label in names]
    return trials.assign(label=pd.Series(marked, index=trials.index, dtype="str"))


def unmarked(label: str) -> str:
    """Return a name as it was before its trial was in doubt.

    Examples
    --------
    >>> unmarked("Muster 2019 [retracted], low dose")
    'Muster 2019, low dose'
    """
    for mark in dict.fromkeys(DOUBTS.values()):
        label = label.replace(f" [{mark}]", "")
    return label
