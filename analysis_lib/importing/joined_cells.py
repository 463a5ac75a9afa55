"""Cells in which people write several numbers: 4.5 (1.2), 12/40, 0.50 (0.20 to 1.25).

What a cell joins is told by the header of its column, never by the cell alone. Each such column
becomes the columns that the header names; a cell that is written otherwise stays as it is, and is
named where its number is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from analysis_lib.importing.result_columns import PERCENT
from analysis_lib.importing.spreadsheets import Row, Sheet
from analysis_lib.importing.texts import plain

NUMBER = r"([+\-−]?\d[\d.,]*|[+\-−]?[.,]\d+)"
TO = r"\s*(?:;|,\s|–|—|-|to|bis|until)\s*"
MEAN_SD = re.compile(rf"{NUMBER}\s*(?:\(|\[|±|\+/-|\+-)\s*(?:SD\s*=?\s*)?{NUMBER}\s*[)\]]?", re.I)
EVENTS_OF = re.compile(rf"{NUMBER}\s*(?:/|of)\s*{NUMBER}(?:\s*\([^()]*\))?", re.I)
COUNT_OF = re.compile(rf"{NUMBER}\s*[(\[]\s*[\d.,]+\s*%?\s*[)\]]")
ONLY_CI = re.compile(rf"[(\[]?\s*{NUMBER}{TO}{NUMBER}\s*[)\]]?", re.I)
WITH_CI = re.compile(rf"{NUMBER}\s*[(\[]\s*(?:95\s*%\s*CI:?\s*)?{NUMBER}{TO}{NUMBER}\s*[)\]]", re.I)


@dataclass(frozen=True, slots=True)
class Join:
    """A way to join numbers: words of the header, the names that take their place, and the form."""

    header: re.Pattern[str]
    names: tuple[str, ...]
    cell: re.Pattern[str]


#: Headers as `plain` writes them; the groups ``before`` and ``behind`` are kept.
JOINS: Final = (
    Join(re.compile(r"(?P<before>.*?)\b(?:mean|m) sd\b(?P<behind>.*)"), ("mean", "sd"), MEAN_SD),
    Join(re.compile(r"(?P<before>.*?)\bmean sem?\b(?P<behind>.*)"), ("mean", "se"), MEAN_SD),
    Join(
        re.compile(r"(?P<before>.*?)\bmean(?: 95)? ci(?: 95)?\b(?P<behind>.*)"),
        ("mean", "ci lower", "ci upper"),
        WITH_CI,
    ),
    Join(
        re.compile(
            r"(?P<before>.*?)\bmedian (?:iqr|q1 q3|quartiles|interquartile range)\b(?P<behind>.*)"
        ),
        ("median", "q1", "q3"),
        WITH_CI,
    ),
    Join(
        re.compile(r"(?P<before>.*?)\bmedian (?:range|min max)\b(?P<behind>.*)"),
        ("median", "minimum", "maximum"),
        WITH_CI,
    ),
    Join(
        re.compile(
            r"(?P<before>.*?)\b(?:(?:events?|cases|number) )?(?:n|no|events?|cases|number) "
            r"percent(?P<behind>.*)"
        ),
        ("events",),
        COUNT_OF,
    ),
    Join(
        re.compile(r"(?P<before>.*?)\b(?:events?|cases|n) (?:total|of|n)\b(?P<behind>.*)"),
        ("events", "total"),
        EVENTS_OF,
    ),
    Join(
        re.compile(r"(?P<before>.*?\S)(?: \d\d)? (?:ci|confidence interval)(?: \d\d)?(?P<behind>)"),
        ("", "ci lower", "ci upper"),
        WITH_CI,
    ),
    Join(
        re.compile(r"(?P<before>.*?)\b(?:95 )?(?:ci|confidence interval)\b(?: 95)?(?P<behind>.*)"),
        ("ci lower", "ci upper"),
        ONLY_CI,
    ),
)


def split_joined(sheet: Sheet) -> Sheet:
    """Return a sheet whose columns hold one number each.

    Parameters
    ----------
    sheet
        Any extraction sheet; without such columns it comes back as it is.
    """
    splits = {column: found for column in sheet.columns if (found := _split(column, sheet))}
    if not splits:
        return sheet
    columns = [new for column in sheet.columns for new in _new_names(column, splits)]
    rows = tuple(Row(row.number, dict(_cells(row, splits))) for row in sheet.rows)
    told = (f"{column} is read as {', '.join(names)}" for column, (_, names) in splits.items())
    notes = tuple(f"{sheet.file}: {words}" for words in told)
    return replace(sheet, columns=tuple(columns), rows=rows, notes=(*sheet.notes, *notes))


Splits = Mapping[str, tuple[Join, tuple[str, ...]]]


def _split(column: str, sheet: Sheet) -> tuple[Join, tuple[str, ...]] | None:
    """Return how the cells of a column are joined; nothing if they are not."""
    for join in JOINS:
        told = PERCENT.sub(" percent ", column) if join.cell is COUNT_OF else column
        found = join.header.fullmatch(plain(told))
        if found is None:
            continue
        beside = found["before"], found["behind"]
        names = tuple(" ".join(f"{beside[0]} {name} {beside[1]}".split()) for name in join.names)
        cells = [cell for row in sheet.rows if (cell := row.get(column))]
        is_free = not set(names) & {plain(other) for other in sheet.columns if other != column}
        if is_free and any(join.cell.fullmatch(cell) for cell in cells):
            return join, names
    return None


def _new_names(column: str, splits: Splits) -> tuple[str, ...]:
    return splits[column][1] if column in splits else (column,)


def _cells(row: Row, splits: Splits) -> Iterator[tuple[str, str]]:
    for column, cell in row.cells.items():
        if column not in splits:
            yield column, cell
            continue
        join, names = splits[column]
        found = join.cell.fullmatch(cell)
        yield from zip(names, found.groups() if found else (cell,), strict=False)
