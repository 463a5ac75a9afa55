"""Write what was imported into the tables of a review, or say why not; never half of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from analysis_lib.base.errors import Problem, shown
from analysis_lib.importing.extraction import PAIR, ArmResult, ImportedResults
from analysis_lib.importing.spreadsheets import stop
from analysis_lib.importing.texts import plain, write_all
from analysis_lib.review.cells import read_cells

Cells: TypeAlias = dict[str, str]

KEYS: Mapping[str, tuple[str, ...]] = {
    "trials": ("trial",),
    "arms": ("trial", "arm"),
    "arm_results": ("trial", "outcome", "arm", "time"),
    "analyses": ("outcome", "follow_up", "trial", "experimental_arm", "comparator_arm"),
}


@dataclass(frozen=True, slots=True)
class Filled:
    """What was written.

    Attributes
    ----------
    added : mapping of str to int
        Rows added to each table.
    known : int
        Results that stood in the review already, with the same numbers.
    """

    added: Mapping[str, int]
    known: int


@dataclass(slots=True)
class _Table:
    """A table of the review as it stands in its file, to which rows are added."""

    path: Path
    columns: list[str]
    rows: list[Cells]
    keys: tuple[str, ...] = ()
    added: int = 0
    places: dict[tuple[str, ...], Cells] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for row in self.rows:
            self.places.setdefault(self._place(row), row)

    def _place(self, row: Cells) -> tuple[str, ...]:
        return tuple(row.get(key, "").strip() for key in self.keys)

    def find(self, row: Cells) -> Cells | None:
        """Return the row with the same keys."""
        return self.places.get(self._place(row))

    def add(self, row: Cells) -> None:
        self.columns += [name for name, cell in row.items() if cell and name not in self.columns]
        self.rows.append(row)
        self.places[self._place(row)] = row
        self.added += 1

    def text(self) -> str:
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([row.get(column, "") for column in self.columns] for row in self.rows)
        return buffer.getvalue()


def add_results(imported: ImportedResults, data: str | Path, *, source: str = "") -> Filled:
    """Add imported results to ``trials.csv``, ``arms.csv`` and ``arm_results.csv``.

    Where several rows of a sheet are comparisons of one trial, ``analyses.csv`` keeps which arms
    belong together.

    Parameters
    ----------
    imported
        What `analysis_lib.importing.import_results` read.
    data
        The folder with the tables of a review. Its outcomes and follow-ups must be described
        already: what an outcome is, is for the reviewer to say.
    source
        Which document the sheet was extracted from; put before the file and row of each result.

    Returns
    -------
    Filled

    Raises
    ------
    ReviewError
        For an outcome or a follow-up that the review does not have, and for results that
        contradict those in the review. Nothing is written then.
    """
    folder = Path(data)
    tables = {name: _read(folder, name, keys) for name, keys in KEYS.items()}
    outcomes = _matcher(_read(folder, "outcomes", ()), "outcome", ())
    follow_ups = _read(folder, "follow_ups", ())
    times = _matcher(follow_ups, "follow_up", ("baseline",))
    followed = {row.get("follow_up", "").strip() for row in follow_ups.rows}
    problems: list[object] = []
    known = 0
    people = _people(imported.results)
    places: dict[tuple[str, str, str], list[Cells]] = {}
    for result in imported.results:
        outcome, time = outcomes(result.outcome), times(result.time)
        for what, found, key, file in (
            ("outcome", result.outcome, outcome, "outcomes.csv"),
            ("follow-up", result.time, time, "follow_ups.csv"),
        ):
            if key is None:
                told = f"{what} {shown(found)} is not in {file}; describe it there first"
                problems.append(Problem(imported.file, told, result.row))
        if outcome is None or time is None:
            continue
        end = _end(imported.file, result, source)
        problems += _add_trial(tables["trials"], result, end)
        problems += _add_arm(tables["arms"], result, people[result.trial, result.arm], end)
        row = _result_row(result, outcome, time, end)
        twin = tables["arm_results"].find(row)
        if twin is None:
            tables["arm_results"].add(row)
        elif _same(twin, row):
            known += 1
        else:
            told = f"{result.study}, {result.arm_label}: arm_results.csv has other numbers"
            problems.append(Problem(imported.file, told, result.row))
        if imported.paired and time in followed:
            places.setdefault((outcome, time, result.trial), []).append(row)
    stop(problems)
    for rows in places.values():
        _add_pairs(tables["analyses"], rows)
    write_all({table.path: table.text() for table in tables.values() if table.added})
    return Filled({f"{name}.csv": table.added for name, table in tables.items()}, known)


def _read(folder: Path, name: str, keys: tuple[str, ...]) -> _Table:
    """Read a table as it stands; one that is not there has the columns of a new review."""
    # pandera is slow to import, and only who fills a table needs it.
    from analysis_lib.review.schemas import SCHEMAS, header

    path = folder / f"{name}.csv"
    if not path.exists():
        return _Table(path, header(name), [], keys)
    cells = read_cells(path, SCHEMAS[name])
    stop(cells.ragged)
    columns = list(cells.header)
    rows = cells.text[columns].fillna("").to_dict("records")
    return _Table(path, columns, [{str(k): str(v) for k, v in row.items()} for row in rows], keys)


def _matcher(table: _Table, column: str, always: Sequence[str]) -> Callable[[str], str | None]:
    """Return a function from a name in a sheet to the identifier in the review."""
    known = {plain(key): key for key in always}
    for row in table.rows:
        key = row.get(column, "").strip()
        known |= {plain(name): key for name in (row.get("label", ""), key) if name}
    return lambda name: known.get(plain(name))


def _people(results: Sequence[ArmResult]) -> dict[tuple[str, str], int]:
    """Return the largest number analysed in each arm."""
    most: dict[tuple[str, str], int] = {}
    for result in results:
        key = (result.trial, result.arm)
        most[key] = max(most.get(key, 0), result.n or 0)
    return most


def _end(file: str, result: ArmResult, source: str) -> Cells:
    place = f"{file}, row {result.row}"
    return {
        "provenance": "reported",
        "source": f"{source.strip()}; {place}" if source.strip() else place,
        "note": "",
    }


def _add_trial(trials: _Table, result: ArmResult, end: Cells) -> Iterator[str]:
    row = {
        "trial": result.trial,
        "label": result.study,
        "year": str(result.year),
        "pooled": "yes",
        **end,
    }
    twin = trials.find(row)
    if twin is None:
        trials.add(row)
    elif plain(twin.get("label", "")) != plain(result.study):
        label = shown(twin.get("label", ""))
        yield f"{result.study}: trials.csv names {result.trial} {label}; write the same name"


def _add_arm(arms: _Table, result: ArmResult, people: int, end: Cells) -> Iterator[str]:
    note = "Largest number analysed; the number randomised is not in the sheet."
    row = {
        "trial": result.trial,
        "arm": result.arm,
        "group": result.side,
        "label_printed": result.arm_label,
        "n": str(people),
        **end,
        "note": note,
    }
    twin = arms.find(row)
    if twin is None and not people:
        yield f"{result.study}, {result.arm_label}: no row gives a number of people"
    elif twin is None:
        arms.add(row)
    elif twin.get("group", "").strip() != result.side:
        yield f"{result.study}, {result.arm_label}: arms.csv has it on the other side"


def _add_pairs(analyses: _Table, arms: Sequence[Cells]) -> None:
    """Keep which arms of a trial are compared, if the sheet has several comparisons of it.

    The arms come in the order of the sheet: first and second arm of each row.
    """
    if len(arms) == len(PAIR):
        return
    for experimental, comparator in zip(arms[::2], arms[1::2], strict=True):
        row = {
            "outcome": experimental["outcome"],
            "follow_up": experimental["time"],
            "trial": experimental["trial"],
            "experimental_arm": experimental["arm"],
            "comparator_arm": comparator["arm"],
            "reading": "main",
            "why": "The two arms stand in one row of the sheet.",
            "provenance": "reported",
            "source": experimental["source"],
            "note": "",
        }
        if analyses.find(row) is None:
            analyses.add(row)


def _result_row(result: ArmResult, outcome: str, time: str, end: Cells) -> Cells:
    numbers = {
        "n": result.n,
        "mean": result.mean,
        "sd": result.sd,
        "events": result.events,
        "scale_min": result.scale_min,
        "scale_max": result.scale_max,
    }
    names = {"trial": result.trial, "outcome": outcome, "arm": result.arm, "time": time}
    return {**names, **{name: _as_cell(value) for name, value in numbers.items()}, **end}


def _as_cell(value: float | None) -> str:
    if value is None:
        return ""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _same(known: Cells, row: Cells) -> bool:
    """Say whether two rows hold the same numbers, however they are written."""
    for name in ("n", "mean", "sd", "events", "scale_min", "scale_max"):
        old, new = known.get(name, "").strip(), row[name]
        try:
            if (float(old) if old else None) != (float(new) if new else None):
                return False
        except ValueError:
            return False
    return True
