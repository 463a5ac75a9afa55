"""What watches found: ``found.csv``, where people decide. Nothing is included by itself.

One row a trial of a registry, an article, or a notice about an included report. A watch adds rows
and fills what it knows; `decision`, `decided_by` and `why` are people's, and stay as they wrote
them, like any column that they add.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from analysis_lib.base.unsafe import MARKUP
from analysis_lib.importing.search.record import cleaned
from analysis_lib.importing.watching.kept import rows_of

if TYPE_CHECKING:
    import pandera.pandas as pa

FILE: Final = "found.csv"
Kind = Literal["registration", "article", "notice"]
KINDS: Final = ("registration", "article", "notice")
JUDGED: Final = ("met", "not met", "unclear")
DECISIONS: Final = ("include", "exclude", "wait")
#: Notices after which the numbers of a report are in doubt; others, such as corrections, are told.
DOUBTS: Final = (
    *("retraction", "partial retraction", "withdrawal", "removal", "expression of concern"),
)
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
    """Return what earlier watches found, with what people decided.

    Raises
    ------
    ReviewError
        For a table that cannot be read, naming row, column and value.
    """
    return rows_of(data / FILE, schema())


def is_doubt(row: Row) -> bool:
    """Say whether a notice puts the numbers of its report in doubt."""
    return row["kind"] == "notice" and row["words"].partition(",")[0] in DOUBTS


def as_words(text: str) -> str:
    """Return what a service says as words that every gate of the review lets through.

    Signs that could be markup become signs that only look alike; the answer itself is kept as it
    was received.

    Examples
    --------
    >>> as_words("Pain &lt;b&gt;and <script>x</script>function <unusual tag")
    'Pain and function ‹unusual tag'
    """
    words = cleaned(text)
    if MARKUP.search(words):
        words = words.replace("<", "‹").replace("&#", "& #")
        words = MARKUP.sub(lambda found: found.group().replace(":", " :"), words)
    return words


def news(
    earlier: Sequence[Row], now: Iterable[Row], day: datetime.date
) -> tuple[list[Row], list[Row], list[Row]]:
    """Put what was found into the table.

    Returns
    -------
    rows, new, changed : list of dict
        The whole table; what was never seen; what is judged otherwise than before. What people
        wrote stays.
    """
    rows = {row["found"]: dict(row) for row in earlier}
    new, changed = [], []
    for row in now:
        known = rows.get(row["found"])
        if known is None:
            rows[row["found"]] = row
            new.append(row)
        elif (known["judged"], known["words"]) != (row["judged"], row["words"]):
            told = {name: row[name] for name in ("title", "judged", "words", "file")}
            known |= told | {"changed": day.isoformat()}
            changed.append(known)
    return list(rows.values()), new, changed
