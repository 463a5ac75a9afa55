"""What `export` writes of a review comes back: the columns that it adds to those of other programs.

A file for RevMan or netmeta has columns that these programs know, and beside them what the review
itself has of each comparison, under headers that begin with "review". `import` reads those alone.
"""

from __future__ import annotations

from dataclasses import replace
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
BESIDE: Final = ("outcomes", "follow_ups")  # tables that an export has beside it
#: Another, if the review declares moderators: their values by trial, or by trial and arm.
VALUES: Final = "moderator_values.csv"
OF_VALUES: Final = ("trial", "arm", "moderator", "value")


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
