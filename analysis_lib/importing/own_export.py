"""What `export` writes of a review comes back: the columns that it adds to those of other programs.

A file for RevMan or netmeta has columns that these programs know, and beside them what the review
itself has of each comparison, under headers that begin with "review". `import` reads those alone.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Final

from analysis_lib.base.unsafe import restored
from analysis_lib.importing.spreadsheets import Row, Sheet

MARK: Final = "review "
OF_ARM: Final = ("n", "mean", "sd", "change mean", "change sd", "events", "person time")
#: What both arms of a comparison share, or its effect, as the column of a sheet is called.
OF_ROW: Final = (
    *("Outcome", "Time", "Study", "Year", "Arm 1", "Arm 2", "Effect measure"),
    *(f"{name} {side}" for side in "12" for name in OF_ARM),
    *("Scale min", "Scale max", "Instrument", "Higher is better", "Cluster size", "ICC"),
    *("Paired correlation", "TE", "seTE", "Own provenance", "Own source"),
    *("Own provenance 1", "Own source 1", "Own provenance 2", "Own source 2"),
)
LONGEST_HEADER: Final = 5000  # characters of a table of a review
MOST: Final = 0.6  # of the columns of a file, by which it is a table of a review
BESIDE: Final = ("outcomes", "follow_ups")  # tables that an export has beside it
#: Another, if the review declares moderators: their values by trial, or by trial and arm.
VALUES: Final = "moderator_values.csv"
OF_VALUES: Final = ("trial", "arm", "moderator", "value")


def table_of_review(file: Path) -> str:
    """Return the name of the table of a review that a file is; empty if it is none."""
    if not file.is_file():
        return ""
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as text:
        first = text.readline(LONGEST_HEADER)
    header = {cell.strip() for cell in next(csv.reader([first]), [])}
    if not header >= {"provenance", "source"}:
        return ""
    from analysis_lib.review import schemas  # pandera is slow to import

    shared = {name: len(header & {*schemas.header(name)}) for name in schemas.SCHEMAS}
    best = max(shared, key=shared.__getitem__)
    return best if shared[best] > MOST * len(header) else ""


def is_own(content: bytes) -> bool:
    """Say whether a file is an export of a review."""
    return f"{MARK}Study".encode() in content[:5000]


def as_extracted(sheet: Sheet) -> Sheet:
    """Return an export as an extraction sheet: of its columns those of the review."""
    names = {f"{MARK}{name}": name for name in OF_ROW}
    columns = tuple(names[column] for column in sheet.columns if column in names)
    rows = tuple(
        Row(row.number, {names[c]: restored(x) for c, x in row.cells.items() if c in names})
        for row in sheet.rows
    )
    told = f"{sheet.file}: an export of a review; its columns that begin with {MARK!r} are read"
    return replace(sheet, columns=columns, rows=rows, notes=(*sheet.notes, told), is_own=True)
