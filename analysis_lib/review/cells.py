"""The one reader of tables: from a CSV file to cells that are checked, or to what is wrong.

A file is read as text with no guess about any cell. A schema then says what each column holds: its
kind (numbers, whole numbers, yes or no, text) and its rules. Every problem names file, row, column
and value; rows are counted as a spreadsheet counts them, the header being row 1.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from analysis_lib.base.errors import Problem, ReviewError, did_you_mean, shown, stop
from analysis_lib.base.unsafe import danger

if TYPE_CHECKING:  # slow to import, and the statistics do not need it
    import pandera.pandas as pa

LARGEST_FILE = 20_000_000  # bytes; a table of facts is far smaller
LARGEST_COUNT = 999_999_999

#: What a column holds, as the types that pandas gives it.
TEXT, NUMBER, COUNT, YES_NO = "str", "float64", "Int64", "boolean"
NOT_OF_KIND: Final = {
    NUMBER: "is not a number",
    COUNT: "is not a whole number",
    YES_NO: "is neither yes nor no",
}


def kind_of(column: pa.Column) -> str:
    """Return what a column holds: ``TEXT``, ``NUMBER``, ``COUNT`` or ``YES_NO``."""
    return str((column.metadata or {})["kind"])


@dataclass(frozen=True, slots=True)
class Cells:
    """A table as it stands in its file.

    Attributes
    ----------
    file : str
        Name of the file.
    text : pandas.DataFrame
        Every cell as text without spaces around it, an empty one absent; the columns of the schema,
        then those that only the file has. The index holds the rows of the file.
    header : tuple of str
        The columns of the file, in its order.
    ragged : tuple of Problem
        The rows whose length is not that of the header; with any, there is no text.
    """

    file: str
    text: pd.DataFrame
    header: tuple[str, ...]
    ragged: tuple[Problem, ...] = ()


def read_table(path: Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Read a table that stands alone.

    Parameters
    ----------
    path
        The file.
    schema
        Its columns.

    Returns
    -------
    pandas.DataFrame
        Checked values; the index holds the rows of the file.

    Raises
    ------
    ReviewError
        Naming file, row, column and value of everything that cannot be used.
    """
    return table_of(path.name, text_of(path, schema), schema)


def table_of(file: str, content: str, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Take the text of a file that stands alone apart; returns and raises as `read_table`."""
    cells = cells_of(file, content, schema)
    stop(cells.ragged, f"in {file}")
    values, problems = checked_values(cells, schema)
    stop(in_order(problems), f"in {file}")
    return values


def read_as_text(path: Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Read a table that stands alone, its cells as they stand in the file.

    Raises
    ------
    ReviewError
        If the file cannot be read, or is no table of these columns.
    """
    cells = read_cells(path, schema)
    stop(cells.ragged, f"in {path.name}")
    return cells.text


def read_cells(path: Path, schema: pa.DataFrameSchema) -> Cells:
    """Read a table as text.

    Raises
    ------
    ReviewError
        If the file cannot be read, or its header does not fit the schema. A table that is not
        usual may be absent, and has no rows then.
    """
    return cells_of(path.name, text_of(path, schema), schema)


def text_of(path: Path, schema: pa.DataFrameSchema) -> str:
    """Return the text of a table's file; a table that is not usual may be absent, and is a header.

    Raises
    ------
    ReviewError
        If the file cannot be read.
    """
    is_usual = (schema.metadata or {}).get("usual", True)
    if is_usual or path.exists() or path.is_symlink():
        return read_text(path)
    return ",".join(schema.columns)


def cells_of(file: str, content: str, schema: pa.DataFrameSchema) -> Cells:
    """Take the text of a file apart into the cells of a table.

    Raises
    ------
    ReviewError
        If it is not CSV, or its header does not fit the schema.
    """
    rows = _rows(file, content)
    header = [cell.strip() for cell in rows[0]] if rows else []
    _stop_header(file, header, schema)
    width, lines = len(header), rows[1:]
    places = range(2, len(lines) + 2)
    other = [i for i, row in enumerate(lines) if len(row) != width]
    ragged = [
        Problem(file, f"{len(lines[i])} cells where the header has {width}", places[i])
        for i in other
        if any(cell.strip() for cell in lines[i])
    ]
    for i in other:
        lines[i] = [""] * width
    columns = zip(*lines, strict=True) if lines else [()] * width
    text = pd.DataFrame(
        {name: _stripped(cells) for name, cells in zip(header, columns, strict=True)},
        index=pd.Index(places, dtype="int64"),
        dtype="str",
    )
    text = text.iloc[:0] if ragged else text.dropna(how="all")
    names = [*schema.columns, *(name for name in header if name not in schema.columns)]
    text = text.reindex(columns=names).astype("str")
    return Cells(file, text, tuple(header), tuple(ragged))


def checked_values(cells: Cells, schema: pa.DataFrameSchema) -> tuple[pd.DataFrame, list[Problem]]:
    """Turn text into numbers, whole numbers and yes/no, and list every cell that breaks a rule.

    Of one cell the first problem matters, the others follow from it: see `in_order`.
    """
    values, problems = _typed(cells, schema)
    if len(values):
        problems += _broken_rules(cells, values, schema)
        if key := (schema.metadata or {}).get("unique"):
            problems += _twice(cells, key)
    elif (schema.metadata or {}).get("needs_rows"):
        problems.append(Problem(cells.file, "the table has a header and no rows"))
    return values, problems


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sort by file and row, as somebody goes through the files to mend them.

    A cell is named once, with the first thing that is wrong with it.
    """
    once: dict[object, Problem] = {}
    for problem in problems:
        in_a_cell = problem.row is not None and problem.column is not None
        place = (problem.file, problem.row, problem.column) if in_a_cell else problem
        once.setdefault(place, problem)
    return sorted(once.values(), key=lambda p: (p.file, p.row or 0, p.column or ""))


def rows_where(wrong: pd.Series) -> list[int]:
    """Return the row numbers at which something is true."""
    return [int(row) for row in wrong.index[wrong.to_numpy(dtype=bool, na_value=False)]]


# --- the file -------------------------------------------------------------------------------------


def read_text(path: Path) -> str:
    """Return the text of a file of a review, without the mark that Excel puts before UTF-8.

    Raises
    ------
    ReviewError
        If it is missing, a link, too large, not UTF-8, or may not be read.
    """
    if path.is_symlink():
        raise ReviewError(f"{path.name}: a link to another place; put the file itself there")
    if not path.is_file():
        raise ReviewError(f"{path.name}: the file is missing from {path.parent.name}/")
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise ReviewError(f"{path.name}: {size:,} bytes; the limit is {LARGEST_FILE:,}")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ReviewError(f"{path.name}, row {line}: not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise ReviewError(f"{path.name}: cannot be read ({error.strerror})") from None


def links_in(folder: Path) -> Iterator[Problem]:
    """Find the links in a folder: what they lead to is not part of the review."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            name = path.relative_to(folder).as_posix()
            yield Problem(name, "a link to another place; put the file itself there")


def _rows(file: str, content: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(content, newline=""), strict=True))
    except csv.Error as error:
        raise ReviewError(f"{file}: not a readable CSV file ({error})") from None


def _stop_header(file: str, header: Sequence[str], schema: pa.DataFrameSchema) -> None:
    if not any(header):
        raise ReviewError(f"{file}, row 1: the header is missing")
    known = list(schema.columns)
    absent = [name for name in known if name not in header]
    unknown = [
        name for name in header
        if name not in known and (schema.strict or not name or did_you_mean(name, absent))
    ]  # fmt: skip
    lists = {
        "missing columns": [shown(c) for c in absent if schema.columns[c].required],
        "unknown columns": [f"{shown(c)}{did_you_mean(c, absent)}" for c in unknown],
        "columns named twice": [
            shown(c) for c in sorted({c for c in header if header.count(c) > 1})
        ],
    }
    if told := [f"{what}: {', '.join(names)}" for what, names in lists.items() if names]:
        raise ReviewError(f"{file}, row 1: {'; '.join(told)}")


# --- the cells ------------------------------------------------------------------------------------
# Most cells of a large table repeat each other, so what is asked of a text is asked once.


def _stripped(cells: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    codes, distinct = pd.factorize(np.array(cells, dtype=object))
    clean = np.array([cell.strip() or None for cell in distinct], dtype=object)
    return clean[codes] if len(clean) else clean


def _typed(cells: Cells, schema: pa.DataFrameSchema) -> tuple[pd.DataFrame, list[Problem]]:
    """Turn text into values, and list the cells that are unsafe or not of their column's kind."""
    values: dict[str, pd.Series] = {}
    problems: list[Problem] = []
    for name, text in cells.text.items():
        column = str(name)
        kind = kind_of(schema.columns[column]) if column in schema.columns else TEXT
        if kind == TEXT:
            values[column] = text
            problems += _unsafe(cells.file, column, text)
            continue
        values[column] = _as_kind(text, kind)
        other = text[text.notna() & values[column].isna()]
        problems += _unsafe(cells.file, column, other)
        problems += [
            Problem(cells.file, f"{shown(cell)} {NOT_OF_KIND[kind]}", int(row), column)
            for row, cell in zip(other.index, other, strict=True)
        ]
    return pd.DataFrame(values, index=cells.text.index, copy=False), problems


def _as_kind(text: pd.Series, kind: str) -> pd.Series:
    """Return values, absent where the text is not of the kind."""
    if kind == YES_NO:
        return text.map({"yes": True, "no": False}).astype("boolean")
    numbers = pd.to_numeric(text.to_numpy(dtype=object), errors="coerce").astype("float64")
    numbers[np.isinf(numbers)] = np.nan
    if kind == COUNT:
        numbers[(numbers != numbers.round()) | (np.abs(numbers) > LARGEST_COUNT)] = np.nan
    return pd.Series(numbers, index=text.index, dtype=kind)


def _unsafe(file: str, column: str, text: pd.Series) -> Iterator[Problem]:
    """Name the cells that a spreadsheet or a browser could run."""
    distinct = set(text.to_numpy(dtype=object))
    told = {x: why for x in distinct if isinstance(x, str) and (why := danger(x))}
    if not told:
        return
    found = text[text.isin(list(told))]
    for row, cell in zip(found.index, found, strict=True):
        yield Problem(file, f"{shown(cell)} {told[cell]}", int(row), column)


def _twice(cells: Cells, columns: list[str]) -> Iterator[Problem]:
    """Name the rows whose key is that of another row."""
    keys = cells.text[columns].dropna()
    for row, *key in keys[keys.duplicated(keep=False)].itertuples():
        told = ", ".join(f"{name} {shown(x)}" for name, x in zip(columns, key, strict=True))
        yield Problem(cells.file, f"{told} stand together in the table twice", int(row))


def _broken_rules(
    cells: Cells, values: pd.DataFrame, schema: pa.DataFrameSchema
) -> Iterator[Problem]:
    """Say what pandera finds in the words of somebody who looks at a spreadsheet."""
    from pandera.errors import SchemaErrors

    try:
        schema.validate(values, lazy=True, inplace=True)  # no rule changes a value
    except SchemaErrors as errors:
        cases = errors.failure_cases[["index", "column", "check"]].drop_duplicates()
        for (column, rule), found in cases.groupby(["column", "check"], sort=False):
            text = cells.text.loc[found["index"], column]
            for row, cell in zip(text.index, text, strict=True):
                yield Problem(cells.file, _broken(cell, str(rule)), int(row), str(column))


def _broken(cell: object, rule: str) -> str:
    if rule == "not_nullable":
        return "a value is missing"
    if rule == "field_uniqueness":
        return f"{shown(cell)} stands in the table twice"
    return f"{shown(cell)} {rule}"
