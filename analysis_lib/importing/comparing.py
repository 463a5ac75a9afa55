"""Two extraction sheets of two people: every cell in which they differ, and what was decided.

What differs is written to ``extraction/differences.csv`` of the review. Somebody writes there which
value holds and who decided; the next comparison keeps to it, as long as the two cells are what they
were, whatever the two files are called then. Results are imported when nothing is open.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

from analysis_lib.base.errors import Problem, ReviewError, stop
from analysis_lib.base.formatting import plural
from analysis_lib.base.unsafe import harmless, restored
from analysis_lib.importing.extraction import check_shape
from analysis_lib.importing.follow_up_columns import one_row_a_follow_up
from analysis_lib.importing.result_columns import NAMES, columns_of
from analysis_lib.importing.result_rows import TOTALS, is_absent, side_of
from analysis_lib.importing.spreadsheets import Row, Sheet, unsafe
from analysis_lib.importing.texts import plain, write_all
from analysis_lib.review.cells import read_as_text
from analysis_lib.review.extraction import (
    COMPARED,
    DIFFERENCES,
    FOLDER,
    THERE,
    WHOLE_ROW,
    open_cells,
)

if TYPE_CHECKING:
    import pandera.pandas as pa

SAME: Final = ("study", "outcome", "time")  # what makes two rows the same result
ARMS: Final = ("arm", "side", "arm1", "arm2", "subgroup", "instrument")


@dataclass(frozen=True, slots=True)
class CellDifference:
    """A cell in which two sheets differ: both values, both rows, and what was decided.

    Where only one sheet has a row, the column is `WHOLE_ROW` and the other has no row.
    """

    study: str
    outcome: str
    time: str
    arms: str
    column: str
    first: str
    first_row: int | None
    second: str
    second_row: int | None
    settled: str = ""
    decided_by: str = ""
    why: str = ""

    @property
    def question(self) -> tuple[str, ...]:
        """What was asked; a decision holds as long as it is the same."""
        where = (self.study, self.outcome, self.time, self.arms, self.column)
        return (*map(plain, where), self.first, self.second)


@dataclass(frozen=True, slots=True)
class SheetComparison:
    """What the comparison of two sheets found.

    Attributes
    ----------
    first, second : Sheet
        The two sheets.
    cells, differing : int
        Cells that at least one of them filled, and those in which they differ.
    differences : tuple of CellDifference
        In the order of the first sheet.
    notes : tuple of str
        Which columns were not compared.
    open : tuple of Problem
        What nobody has decided yet.
    results : tuple of str
        Study, outcome and time of every row of the two.
    """

    first: Sheet
    second: Sheet
    cells: int
    differing: int
    differences: tuple[CellDifference, ...]
    notes: tuple[str, ...]
    open: tuple[Problem, ...] = ()
    results: tuple[str, ...] = ()

    def __str__(self) -> str:
        differ = f"{self.differing:,} of {plural(self.cells, 'cell')} differ"
        return f"{self.first.file} and {self.second.file}: {differ}."

    def settled(self) -> Sheet:
        """Return the first sheet with what was decided in the place of what differs."""
        decided: dict[int, dict[str, str]] = {}
        left_out = set()
        for one in self.differences:
            if one.column == WHOLE_ROW:
                left_out.add(one.first_row)
            elif one.first_row is not None:
                decided.setdefault(one.first_row, {})[one.column] = one.settled
        rows = tuple(
            Row(row.number, _filled({**row.cells, **decided.get(row.number, {})}))
            for row in self.first.rows
            if row.number not in left_out
        )
        more = dict.fromkeys(c for cells in decided.values() for c in cells)
        columns = (*self.first.columns, *(c for c in more if c not in self.first.columns))
        return replace(self.first, rows=rows, columns=columns)


def compare_sheets(
    first: Sheet,
    second: Sheet,
    *,
    columns: Mapping[str, str] | None = None,
    outcome: str | None = None,
    time: str | None = None,
) -> SheetComparison:
    """Compare two extraction sheets cell by cell.

    Rows of one study, outcome and time belong together, those with the same arms first. Numbers are
    compared as numbers, words without case; columns may have other names and another order.

    Parameters
    ----------
    first, second
        From `analysis_lib.importing.extraction.read_results`.
    columns, outcome, time
        As for `analysis_lib.importing.import_results`, for both sheets.

    Raises
    ------
    ReviewError
        For a sheet that is none of results, or two of different shape.
    """
    given = {"outcome": outcome, "time": time}
    sides = [_Side(sheet, _choices(sheet, first, second, columns or {}), given)
             for sheet in (first, second)]  # fmt: skip
    one, other = sides
    if (one.columns.paired, one.columns.by_arm) != (other.columns.paired, other.columns.by_arm):
        raise ReviewError(
            f"{first.file} and {second.file}: one has a row for each arm, the other for each "
            "comparison; two sheets of one shape can be compared"
        )
    compared = _compared_columns(one, other)
    for at, side in enumerate(sides):
        wanted = [pair[at] or "" for pair in compared.values()]
        stop(unsafe(side.sheet, wanted), f"in {side.sheet.file}")
    cells, differing, found = 0, 0, list[CellDifference]()
    for row, twin in _together(one, other):
        if row is None or twin is None:
            found.append(_only_in_one(one, other, row, twin))
        for name, (a, b) in compared.items():
            ours, theirs = one.read(row, a), other.read(twin, b)
            cells += ours is not None or theirs is not None
            differing += ours != theirs
            if ours != theirs and row is not None and twin is not None:
                values = row.get(a), row.number, twin.get(b), twin.number
                found.append(CellDifference(*one.names(row), a or b or name, *values))
    notes = tuple(_left(one, other, compared))
    results = tuple(dict.fromkeys(", ".join(key) for key in (*one.rows, *other.rows)))
    return SheetComparison(first, second, cells, differing, tuple(found), notes, results=results)


def settle(comparison: SheetComparison, data: Path, *, dry_run: bool = False) -> SheetComparison:
    """Return a comparison with what was decided of it, and write what differs beside the review.

    Parameters
    ----------
    comparison
        From `compare_sheets`.
    data
        The folder with the tables of the review.
    dry_run
        Write nothing.
    """
    folder = data / FOLDER
    pair = {"first_file": comparison.first.file, "second_file": comparison.second.file}
    earlier, known = _read(folder, DIFFERENCES), _read(folder, COMPARED)
    mine = [row for row in earlier if _is_again(row, comparison, earlier, known)]
    asked_before = [_difference(row, pair) for row in mine]
    decisions = {one.question: one for one in asked_before}
    settled = tuple(_as_decided(one, decisions) for one in comparison.differences)
    rows = [row for row in earlier if row not in mine]
    rows += [_cells(one) | pair for one in settled]
    first = next((row for row in known if _is_again(row, comparison, earlier, known)), None)
    counts = {"cells": comparison.cells, "differing": comparison.differing}
    counted = {name: (first or {}).get(name) or str(n) for name, n in counts.items()}
    entry = {**(first or {}), **pair, **counted, "results": "; ".join(comparison.results)}
    known = [entry if row is first else row for row in known] + [entry] * (first is None)
    table = pd.DataFrame(
        rows, index=range(2, len(rows) + 2), columns=list(_schema(DIFFERENCES).columns)
    )
    asked = table[(table[list(pair)] == pd.Series(pair)).all(axis="columns")]
    if not dry_run:
        folder.mkdir(exist_ok=True)
        tables = {DIFFERENCES: rows, COMPARED: known}
        write_all({folder / name: _text(name, table) for name, table in tables.items()})
    return replace(comparison, differences=settled, open=tuple(open_cells(asked)))


def _is_again(
    row: Mapping[str, str],
    comparison: SheetComparison,
    earlier: Sequence[Mapping[str, str]],
    known: Sequence[Mapping[str, str]],
) -> bool:
    """Say whether a row is of the same comparison, of files that may have other names now.

    It is when the two files have their names, in either order, or when most results are the same.
    """
    files = row["first_file"], row["second_file"]
    if {*files} == {comparison.first.file, comparison.second.file}:
        return True
    entry = next((r for r in known if (r["first_file"], r["second_file"]) == files), None)
    old = {*filter(None, (entry or {}).get("results", "").split("; "))}
    new = {*comparison.results}
    if not old:  # compared before the results were noted
        same = [r for r in earlier if (r["first_file"], r["second_file"]) == files]
        old = {_result(_difference(r)) for r in same}
        return bool(old) and old <= new
    return 2 * len(old & new) > max(len(old), len(new))


def _result(one: CellDifference) -> str:
    return result_name(one.study, one.outcome, one.time)


def result_name(study: str, outcome: str, time: str) -> str:
    """Return a study, an outcome and a time as one name, however they are written."""
    return ", ".join(map(plain, (study, outcome, time)))


# --- the two sheets -------------------------------------------------------------------------------


EVERY: Final = "every follow-up"  # the time of a row that holds several


class _Side:
    """One of the two sheets: what its columns hold, and its rows by study, outcome and time."""

    def __init__(
        self, sheet: Sheet, chosen: Mapping[str, str], given: Mapping[str, str | None]
    ) -> None:
        wide = one_row_a_follow_up(sheet, chosen)
        shape = columns_of(wide, chosen)
        check_shape(wide, shape, given)
        # Of follow-ups beside each other every cell is compared under its own header.
        place = {name: column for name, column in shape.place.items() if column in sheet.columns}
        self.sheet = sheet
        self.given = given if wide is sheet else {**given, "time": EVERY}
        self.columns = replace(shape, place=place)
        self.rows: dict[tuple[str, ...], list[Row]] = {}
        for row in sheet.rows:
            study, outcome, time, _ = self.names(row)
            if not TOTALS.match(study):
                self.rows.setdefault((plain(study), plain(outcome), plain(time)), []).append(row)

    def names(self, row: Row) -> tuple[str, str, str, str]:
        """Return the study, outcome, time and arms of a row."""
        study, outcome, time = (
            row.get(self.columns.get(name)) or self.given.get(name) or "" for name in SAME
        )
        arms = [row.get(self.columns.get(name)) for name in ARMS]
        return study, outcome, time, ", ".join(dict.fromkeys(filter(None, arms)))

    def side(self, row: Row) -> str | None:
        word = row.get(self.columns.get("side")) or row.get(self.columns.get("arm"))
        return side_of(word)

    def read(self, row: Row | None, column: str | None) -> float | str | None:
        """Return a cell as a number, or as text without case; ``None`` if it says nothing."""
        if row is None or column is None:
            return None
        cell = row.get(column)
        if not cell or is_absent(cell):
            return None
        try:
            return self.sheet.number(row, column)
        except ReviewError:
            return " ".join(unicodedata.normalize("NFKC", cell).casefold().split())


def _choices(
    sheet: Sheet, first: Sheet, second: Sheet, chosen: Mapping[str, str]
) -> dict[str, str]:
    """Return what a person said of the columns of a sheet; it need hold for one of the two."""
    nowhere = {c: h for c, h in chosen.items() if h not in (*first.columns, *second.columns)}
    own = {c: h for c, h in chosen.items() if h in sheet.columns}
    return own | nowhere


def _compared_columns(one: _Side, other: _Side) -> dict[str, tuple[str | None, str | None]]:
    """Return the columns of both sheets that hold one thing: what is read, and equal headers."""
    places = one.columns.place, other.columns.place
    names = [n for n in NAMES if n not in SAME and any(n in place for place in places)]
    compared = {name: (one.columns.get(name), other.columns.get(name)) for name in names}
    used = {column for place in places for column in place.values()}
    headers = {plain(column): column for column in other.sheet.columns}
    for column in one.sheet.columns:
        twin = headers.get(plain(column))
        if twin is not None and not {column, twin} & used:
            compared[column] = (column, twin)
    return compared


def _left(
    one: _Side, other: _Side, compared: Mapping[str, tuple[str | None, str | None]]
) -> Iterator[str]:
    for at, side in enumerate((one, other)):
        known = {*side.columns.place.values(), *(pair[at] for pair in compared.values())}
        alone = [column for column in side.sheet.columns if column not in known]
        if alone:
            yield f"columns only in {side.sheet.file}, not compared: {', '.join(alone)}"


def _together(one: _Side, other: _Side) -> Iterator[tuple[Row | None, Row | None]]:
    """Bring the rows together that are of one result; a row without its like comes alone."""
    for key in dict.fromkeys((*one.rows, *other.rows)):
        rows, twins = list(one.rows.get(key, [])), list(other.rows.get(key, []))
        scores = sorted(
            ((_likeness(one, row, other, twin), -i, -j)
             for i, row in enumerate(rows) for j, twin in enumerate(twins)
             if one.side(row) == other.side(twin)),
            reverse=True,
        )  # fmt: skip
        partner: dict[int, int] = {}
        for _, i, j in scores:
            if -i not in partner and -j not in partner.values():
                partner[-i] = -j
        for i, row in enumerate(rows):
            yield row, twins[partner[i]] if i in partner else None
        for j, twin in enumerate(twins):
            if j not in partner.values():
                yield None, twin


def _likeness(one: _Side, row: Row, other: _Side, twin: Row) -> tuple[int, int]:
    """Count how many names of arms, and how many other cells, two rows have in common."""

    def equal(names: Iterable[str]) -> int:
        cells = ((one.read(row, one.columns.get(n)), other.read(twin, other.columns.get(n)))
                 for n in names)  # fmt: skip
        return sum(a is not None and a == b for a, b in cells)

    return equal(ARMS), equal({*one.columns.place} - {*ARMS, *SAME})


def _only_in_one(one: _Side, other: _Side, row: Row | None, twin: Row | None) -> CellDifference:
    if row is not None:
        return CellDifference(*one.names(row), WHOLE_ROW, THERE, row.number, "", None)
    assert twin is not None  # one of the two is there
    return CellDifference(*other.names(twin), WHOLE_ROW, "", None, THERE, twin.number)


def _filled(cells: Mapping[str, str]) -> dict[str, str]:
    return {column: cell for column, cell in cells.items() if cell}


# --- what was decided -----------------------------------------------------------------------------


def _as_decided(
    one: CellDifference, decisions: Mapping[tuple[str, ...], CellDifference]
) -> CellDifference:
    found = decisions.get(one.question)
    if found is None:
        return one
    return replace(one, settled=found.settled, decided_by=found.decided_by, why=found.why)


def _schema(name: str) -> pa.DataFrameSchema:
    from analysis_lib.review.schemas import EXTRACTION  # pandera is slow to import

    return EXTRACTION[name]


def _read(folder: Path, name: str) -> list[dict[str, str]]:
    if not (folder / name).exists():
        return []
    table = read_as_text(folder / name, _schema(name)).fillna("")
    return [{str(k): restored(str(v)) for k, v in row.items()} for row in table.to_dict("records")]


def _difference(row: Mapping[str, str], pair: Mapping[str, str] | None = None) -> CellDifference:
    """Return a row of the table, its cells in the order of the two files."""
    study, outcome, time, arms, column = (
        row[name] for name in ("study", "outcome", "time", "arms", "column")
    )
    settled, by, why = (row[name] for name in ("settled", "decided_by", "why"))
    is_row = column == WHOLE_ROW
    first, second = (THERE if is_row and row[s] else row[s] for s in ("first", "second"))
    if pair is not None and row["first_file"] == pair["second_file"]:
        first, second = second, first
    cells = first, None, second, None
    return CellDifference(study, outcome, time, arms, column, *cells, settled, by, why)


def _cells(one: CellDifference) -> dict[str, str]:
    names = CellDifference.__dataclass_fields__
    return {name: str(value) if (value := getattr(one, name)) is not None else "" for name in names}


def _text(name: str, rows: Sequence[Mapping[str, str]]) -> str:
    columns = list(dict.fromkeys((*_schema(name).columns, *(c for row in rows for c in row))))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([harmless(row.get(c, "")) for c in columns] for row in rows)
    return buffer.getvalue()
