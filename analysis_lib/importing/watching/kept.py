"""What a watch keeps under ``search/watch``: every answer as it was received, and when it asked.

One folder a watch, named by its day, with the answers and ``answers.csv``, which says of each what
was asked and when. ``runs.csv`` has one row a query that was answered in whole: from there the next
watch goes on. A query that failed has no row, so that it is asked again for the same days.
"""

from __future__ import annotations

import csv
import datetime
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from analysis_lib.base.errors import ReviewError
from analysis_lib.base.locks import lock
from analysis_lib.base.unsafe import harmless
from analysis_lib.importing.texts import write_all
from analysis_lib.importing.watching.asking import Answer, Replay, Request, Web
from analysis_lib.review.found import rows_of

if TYPE_CHECKING:
    import pandera.pandas as pa

FOLDER: Final = Path("search") / "watch"
ANSWERS, RUNS = "answers.csv", "runs.csv"
OVERLAP: Final = datetime.timedelta(days=7)  # services index a record days after its date


def schema(name: str) -> pa.DataFrameSchema:
    """Return what the tables of a watch hold."""
    from analysis_lib.review.schemas import count, day, table, text  # pandera is slow to import

    tables = {
        ANSWERS: table(
            "Answers of services, as received",
            {
                "file": text("File of the answer", unique=True),
                "day": day("When it was received"),
                "service": text("Who answered"),
                "asked": text("Address and parameters"),
                "status": count("What HTTP calls the answer", low=100),
                "bytes": count("Its size"),
                "sha256": text("Its fingerprint"),
            },
        ),
        RUNS: table(
            "Queries that were answered in whole",
            {
                "day": day("When it was asked"),
                "service": text("Who answered"),
                "query": text("Name of the query"),
                "asked": text("The query, without its days"),
                "since": day("From which day on"),
                "folder": text("Where the answers lie"),
                "records": count("Records received"),
                "new": count("Of these never seen before"),
            },
        ),
    }
    return tables[name]


@dataclass(slots=True)
class Kept:
    """The folder of one watch; it asks, and keeps what it is answered.

    An answer that was received on the same day before the watch was interrupted is not asked again.
    """

    folder: Path
    day: datetime.date
    asker: Web
    rows: dict[str, dict[str, str]] = field(default_factory=dict)

    def ask(self, request: Request) -> Answer:
        """Return the answer, kept before it is looked at."""
        asked = f"{request.address}?{urlencode(request.parameters)}"
        earlier = self.rows.get(request.file)
        if earlier is not None and earlier["asked"] == asked:
            return Replay(self.folder, {request.file: int(earlier["status"])}).ask(request)
        answer = self.asker.ask(request)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / request.file).write_bytes(answer.content)
        self.rows[request.file] = {
            "file": request.file,
            "day": self.day.isoformat(),
            "service": request.service,
            "asked": asked,
            "status": str(answer.status),
            "bytes": str(len(answer.content)),
            "sha256": sha256(answer.content).hexdigest(),
        }
        write_table(self.folder / ANSWERS, list(schema(ANSWERS).columns), self.rows.values())
        return answer


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Let no other watch of a review run meanwhile.

    Raises
    ------
    ReviewError
        If one is under way.
    """
    held = lock(data)
    if held is None:
        raise ReviewError(f"{data}: another watch is under way. Nothing was asked.")
    try:
        yield
    finally:
        os.close(held)


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write a table whole or not at all, as text that no spreadsheet runs."""
    table = list(rows)
    names = [*columns, *dict.fromkeys(n for row in table for n in row if n not in columns)]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([harmless(row.get(name, "")) for name in names] for row in table)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_all({path: buffer.getvalue()})


def begun(root: Path, day: datetime.date, runs: Sequence[Mapping[str, str]], asker: Web) -> Kept:
    """Return the folder of a watch: that of an unfinished one of the same day, or a new one."""
    done = {run["folder"] for run in runs}
    number, name = 1, day.isoformat()
    while name in done:
        number += 1
        name = f"{day.isoformat()}-{number}"
    rows = rows_of(root / name / ANSWERS, schema(ANSWERS))
    return Kept(root / name, day, asker, {row["file"]: row for row in rows})


def replayed(folder: Path) -> tuple[Replay, datetime.date]:
    """Return the answers of an earlier watch, and the day on which they came.

    Raises
    ------
    ReviewError
        If the folder is none of a watch.
    """
    rows = rows_of(folder / ANSWERS, schema(ANSWERS))
    if not rows:
        raise ReviewError(f"{folder}: no answers of a watch in it (answers.csv)")
    day = max(datetime.date.fromisoformat(row["day"]) for row in rows)
    return Replay(folder, {row["file"]: int(row["status"]) for row in rows}), day


def asked_since(
    runs: Sequence[Mapping[str, str]], service: str, asked: str, since: datetime.date
) -> datetime.date:
    """Return the day from which a query has not been answered yet.

    A query whose words changed is another one, and begins at the last search by hand.
    """
    days = [
        datetime.date.fromisoformat(run["day"])
        for run in runs
        if (run["service"], run["asked"]) == (service, asked)
    ]
    return max(days) - OVERLAP if days else since


def last_day(runs: Iterable[Mapping[str, str]]) -> datetime.date | None:
    """Return the day of the newest answer; ``None`` before the first."""
    return max((datetime.date.fromisoformat(run["day"]) for run in runs), default=None)
