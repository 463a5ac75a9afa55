"""Measure de-duplication on sets whose duplicates were labelled by people.

    python benchmarks/duplicates.py FOLDER [--tell]

The sets belong to others and are not part of this repository; `duplicates.md` says where they are.
No label says of which other record one is a duplicate. In ASySD's set (CSV) all records of a work
but one are labelled, in those of SRA's dedupe-sweep (EndNote XML) all of them; so a labelled record
is found if it shares a work with another, flagged if it is only to be looked at, and a false
merge is a record in a work of others although its label says that it is the only one, or the last.
"""

from __future__ import annotations

import csv
import io
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis_lib.importing.search import Record, read_records
from analysis_lib.importing.search.duplicates import Deduplication, deduplicate
from analysis_lib.importing.texts import decode, read_bytes

HEAD = """\
| set | records | labelled | found | found or flagged | specificity | false merges | seconds |
|---|---:|---:|---:|---:|---:|---:|---:|"""
Works = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Score:
    """What became of the records of a labelled set: positions, and works merged by mistake."""

    name: str
    records: Sequence[Record]
    labelled: int
    missed: Sequence[int]
    flagged: Sequence[int]
    false: Works
    seconds: float

    def row(self) -> str:
        """Return the line of the table."""
        found = self.labelled - len(self.missed) - len(self.flagged)
        merged = sum(len(work) - 1 for work in self.false)
        cells = (
            *(self.name, f"{len(self.records):,}", f"{self.labelled:,}"),
            f"{found / self.labelled:.3f}",
            f"{(found + len(self.flagged)) / self.labelled:.3f}",
            f"{1 - merged / (len(self.records) - self.labelled):.4f}",
            *(str(merged), f"{self.seconds:.1f}"),
        )
        return "| " + " | ".join(cells) + " |"

    def told(self) -> Iterator[str]:
        """Return a line for each record that is missed, flagged or merged by mistake."""
        false = [position for work in self.false for position in work]
        for what in ("missed", "flagged", "false"):
            for position in false if what == "false" else getattr(self, what):
                r = self.records[position]
                place = f"{r.journal} {r.volume}:{r.pages}"
                yield f"{self.name}, {what}: {r.title} | {r.authors[:30]} {r.year} | {place}"


def labels_of(path: Path) -> list[bool]:
    """Return of every record whether people labelled it as a duplicate."""
    text = decode(read_bytes(path)).text
    if path.suffix == ".csv":
        rows = csv.DictReader(io.StringIO(text, newline=""))
        return [row["source"] == "duplicate" for row in rows]
    records = re.findall(r"<record>.*?</record>", text, re.DOTALL)
    return [re.search(r"<caption>(?:<style[^>]*>)?Duplicate", r) is not None for r in records]


def works_of(found: Deduplication) -> tuple[Works, set[int]]:
    """Return the positions of the records of each work, and those that are to be looked at."""
    places = {(d.record.file, d.record.row): i for i, d in enumerate(found.decisions)}
    works: dict[int, list[int]] = defaultdict(list)
    flagged = set()
    for position, decision in enumerate(found.decisions):
        of = decision.of and places[decision.of.file, decision.of.row]
        works[position if of is None or decision.decision != "duplicate" else of].append(position)
        if of is not None and decision.decision != "duplicate":
            flagged |= {position, of}
    return list(works.values()), flagged


def score(path: Path) -> Score:
    """Read a set, find its duplicates and compare them with the labels."""
    records, labels = read_records(path).records, labels_of(path)
    if len(records) != len(labels):
        raise SystemExit(f"{path.name}: {len(records)} records, but {len(labels)} labels")
    start = time.perf_counter()
    works, flagged = works_of(deduplicate(records))
    seconds = time.perf_counter() - start
    all_but_one = path.suffix == ".csv"
    alone = [work for work in works if all(labels[i] for i in work)]
    alone = alone if all_but_one else [work for work in alone if len(work) == 1]
    own = [[i for i in work if not labels[i]] for work in works]
    false = [
        only if all_but_one else work
        for work, only in zip(works, own, strict=True)
        if len(only) > 1 or (only and len(work) > 1 and not all_but_one)
    ]
    return Score(
        path.stem,
        records,
        sum(labels),
        [work[0] for work in alone if flagged.isdisjoint(work)],
        [work[0] for work in alone if not flagged.isdisjoint(work)],
        false,
        seconds,
    )


def main(folder: Path, tell: bool) -> None:
    """Print the table, and with `--tell` every record that is not found."""
    scores = [score(path) for path in sorted(folder.iterdir()) if path.suffix in (".csv", ".xml")]
    print(HEAD)
    for one in scores:
        print(one.row())
    for line in (line for one in scores if tell for line in one.told()):
        print(line)


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--tell" in sys.argv[2:])
