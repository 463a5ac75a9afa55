"""Write what was imported into the tables of a review, or say why not; never half of it.

A cell that is empty in the review is filled. One that holds another number stops the import, unless
the sheet is to replace it; then every change is told, cell by cell.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from analysis_lib.base.errors import Problem, did_you_mean, shown, stop
from analysis_lib.base.measures import RATIO_MEASURES
from analysis_lib.importing.extraction import ImportedResults
from analysis_lib.importing.result_rows import ArmResult, Difference, Side
from analysis_lib.importing.texts import as_key, plain, write_all
from analysis_lib.review.cells import read_cells

Cells: TypeAlias = dict[str, str]

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "trials": ("trial",),
    "arms": ("trial", "arm"),
    "arm_results": ("trial", "outcome", "arm", "time"),
    "contrasts": (
        *("trial", "outcome", "follow_up", "experimental_arm", "comparator_arm", "measure"),
    ),
    "analyses": ("outcome", "follow_up", "trial", "experimental_arm", "comparator_arm"),
}
#: What an import may fill or change in a row that is there already.
MEASURED: Final[Mapping[str, tuple[str, ...]]] = {
    "arm_results": (
        *("n", "mean", "sd", "events", "scale_min", "scale_max", "person_time", "cluster_size"),
        "correlation",
        *("icc", "paired_correlation", "final_sd", "change_correlation"),
        *("median", "q1", "q3", "minimum", "maximum", "score", "instrument", "higher_is_better"),
    ),
    "contrasts": (
        *("estimate", "se", "ci_low", "ci_high", "n_experimental", "n_comparator"),
        *("p", "df", "level", "cluster_size", "icc", "score"),
    ),
}
LARGEST = "Largest number analysed; the number randomised is not in the sheet."


@dataclass(frozen=True, slots=True)
class Change:
    """A cell of the review that an import fills or changes."""

    table: str
    place: str
    column: str
    old: str
    new: str

    def __str__(self) -> str:
        what = f"{self.table}, {self.place}: {self.column}"
        return f"{what} {self.old} is now {self.new}" if self.old else f"{what} is now {self.new}"


@dataclass(frozen=True, slots=True)
class Filled:
    """What was written.

    Attributes
    ----------
    added : mapping of str to int
        Rows added to each table.
    known : int
        Results that stood in the review already, with the same numbers.
    changes : tuple of Change
        Cells that were empty and are filled now, and cells that were replaced.
    """

    added: Mapping[str, int]
    known: int
    changes: tuple[Change, ...]


@dataclass(slots=True)
class ReviewTable:
    """A table of the review as it stands in its file, to which rows are added."""

    path: Path
    columns: list[str]
    rows: list[Cells]
    keys: tuple[str, ...] = ()
    added: int = 0
    is_changed: bool = False
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
        """Add a row, and whatever columns it fills."""
        self._widen(row)
        self.rows.append(row)
        self.places[self._place(row)] = row
        self.added += 1

    def set(self, row: Cells, cells: Cells) -> None:
        """Change cells of a row."""
        self._widen(cells)
        row.update(cells)
        self.is_changed = True

    def _widen(self, cells: Cells) -> None:
        self.columns += [name for name, cell in cells.items() if cell and name not in self.columns]

    def text(self) -> str:
        """Return the table as it is written."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([row.get(column, "") for column in self.columns] for row in self.rows)
        return buffer.getvalue()


def add_results(
    imported: ImportedResults,
    data: str | Path,
    *,
    source: str = "",
    replace: bool = False,
    scale: str = "",
    dry_run: bool = False,
) -> Filled:
    """Add imported results to the tables of a review.

    Trials, arms and their results go to ``trials.csv``, ``arms.csv`` and ``arm_results.csv``,
    effects to ``contrasts.csv``; where a trial has several comparisons, ``analyses.csv`` keeps
    which arms belong together.

    Parameters
    ----------
    imported
        What `analysis_lib.importing.import_results` read.
    data
        The folder with the tables of a review. Its outcomes and follow-ups must be described
        already: what an outcome is, is for the reviewer to say.
    source
        Which document the sheet was extracted from; put before the file and row of each result.
    replace
        Whether other numbers of the sheet replace those of the review.
    scale
        ``"log"`` or ``"ratio"``: how the ratios of the sheet are given, where it does not say.
    dry_run
        Say what would change, and write nothing.

    Returns
    -------
    Filled

    Raises
    ------
    ReviewError
        For an outcome or a follow-up that the review does not have, and for results that
        contradict those in the review. Nothing is written then.
    """
    filling = _Filling(imported, Path(data), source.strip(), replace, scale)
    stop(filling.fill(), f"in {imported.file}")
    tables = filling.tables
    if not dry_run:
        written = [table for table in tables.values() if table.added or table.is_changed]
        write_all({table.path: table.text() for table in written})
    added = {f"{name}.csv": table.added for name, table in tables.items()}
    return Filled(added, filling.known, tuple(filling.changes))


class _Filling:
    """Puts the results of one sheet into the tables and collects what speaks against it."""

    def __init__(
        self, imported: ImportedResults, folder: Path, source: str, replace: bool, scale: str
    ) -> None:
        self.imported, self.source, self.replace, self.scale = imported, source, replace, scale
        self.tables = {name: read_table(folder, name, keys) for name, keys in KEYS.items()}
        outcomes, follow_ups = (
            read_table(folder, "outcomes", ()),
            read_table(folder, "follow_ups", ()),
        )
        self.outcome, self.time = Matcher(outcomes, "outcome"), Matcher(follow_ups, "follow_up")
        self.time.known["baseline"] = "baseline"
        self.trial = Matcher(self.tables["trials"], "trial")
        self.measures = {row.get("outcome", ""): row.get("measure", "") for row in outcomes.rows}
        self.followed = {row.get("follow_up", "").strip() for row in follow_ups.rows}
        self.arms: dict[tuple[str, str], tuple[str, str]] = {}  # trial and arm: those of the review
        self.known = 0
        self.changes: list[Change] = []
        self.problems: list[Problem] = []

    def fill(self) -> list[Problem]:
        """Fill the tables, and return what speaks against writing them."""
        people = _people(self.imported.results)
        for result in self.imported.results:
            self._result(result, people[result.trial, result.arm])
        for difference in self.imported.differences:
            self._difference(difference)
        if not self.problems:
            self._pairs()
        return self.problems

    def _add(self, row: int, told: str) -> None:
        self.problems.append(Problem(self.imported.file, told, row))

    def _result(self, result: ArmResult, people: int) -> None:
        outcome, time = self._described(result)
        if outcome is None or time is None:
            return
        end = self._end(result.row, result.derived)
        trial = self._trial(result, end)
        arm = self._arm(result, trial, result.arm_label, result.side, people, end)
        self.arms[result.trial, result.arm] = trial, arm
        if result.is_empty:
            return
        row = {
            **{"trial": trial, "outcome": outcome, "arm": arm, "time": time},
            **{name: _as_cell(getattr(result, name)) for name in MEASURED["arm_results"][:-8]},
            "score": "change" if result.is_change else "",
            "instrument": result.instrument,
            "higher_is_better": result.higher_is_better if self.measures[outcome] == "SMD" else "",
            **end,
        }
        if result.is_estimated:  # the review estimates mean and SD, and says so where they count
            row |= {"mean": "", "sd": "", "note": ""}
            row |= {name: _as_cell(value) for name, value in result.summary.items()}
        self._put("arm_results", row, f"{result.study}, {result.arm_label}", result.row)

    def _difference(self, one: Difference) -> None:
        outcome, time = self._described(one)
        if outcome is None or time is None:
            return
        measure = self.measures[outcome]
        problem = self._measure_problem(one, measure)
        if problem:
            self._add(one.row, f"{one.study}: {problem}")
            return
        end = self._end(one.row, one.derived)
        trial = self._trial(one, end)
        sides: tuple[Side, Side] = ("experimental", "comparator")
        first, second = (
            self._arm(one, trial, name, side, people or 0, end)
            for name, side, people in zip(one.arms, sides, one.people, strict=True)
        )
        numbers = _as_the_measure(one, measure, self.scale)
        numbers |= dict(zip(("n_experimental", "n_comparator"), one.people, strict=True))
        numbers |= {name: getattr(one, name) for name in MEASURED["contrasts"][-6:-1]}
        row = {
            **{"trial": trial, "outcome": outcome, "follow_up": time, "measure": measure},
            **{"experimental_arm": first, "comparator_arm": second},
            **{name: _as_cell(value) for name, value in numbers.items()},
            "score": one.score,
            **end,
        }
        self._put("contrasts", row, one.study, one.row)

    def _measure_problem(self, one: Difference, measure: str) -> str:
        """Say why an effect cannot be one of the outcome's measure; nothing if it can."""
        if one.measure and one.measure != measure:
            return (
                f"the sheet gives {shown(one.measure)}, but outcomes.csv says {measure} "
                f"for {one.outcome}"
            )
        if measure not in RATIO_MEASURES:
            return ""
        if one.is_log is None and not self.scale:
            told = f"is {one.estimate:g} the {measure} itself or its logarithm?"
            return f"{told} Say --scale ratio or --scale log"
        given = [value for value in (one.estimate, one.ci_low) if value is not None]
        if not _is_log(one, self.scale) and min(given) <= 0:
            return f"a ratio and its limits are greater than zero, not {min(given):g}"
        return ""

    def _described(self, item: ArmResult | Difference) -> tuple[str | None, str | None]:
        """Return the identifiers of outcome and follow-up, or note that one is not described."""
        found = self.outcome(item.outcome), self.time(item.time)
        for what, name, key, matcher, file in (
            ("outcome", item.outcome, found[0], self.outcome, "outcomes.csv"),
            ("follow-up", item.time, found[1], self.time, "follow_ups.csv"),
        ):
            if key is None:
                told = f"{what} {shown(name)} is not in {file}{matcher.hint(name)}"
                self._add(item.row, f"{told}; describe it there first")
        return found

    def _end(self, row: int, derived: str) -> Cells:
        place = f"{self.imported.file}, row {row}"
        return {
            "provenance": "reported",
            "source": f"{self.source}; {place}" if self.source else place,
            "note": derived,
        }

    def _trial(self, item: ArmResult | Difference, end: Cells) -> str:
        """Return the identifier of a trial, which is added if it is new."""
        known = self.trial(item.study)
        if known is not None:
            return known
        row = {
            **{"trial": item.trial, "label": item.study, "pooled": "yes"},
            "year": _as_cell(item.year),
            **end,
            "note": "",
        }
        self.tables["trials"].add(row)
        self.trial.known[plain(item.study)] = item.trial
        return item.trial

    def _arm(
        self,
        item: ArmResult | Difference,
        trial: str,
        label: str,
        side: Side,
        people: int,
        end: Cells,
    ) -> str:
        """Return the identifier of an arm, which is added if it is new."""
        table = self.tables["arms"]
        own = [row for row in table.rows if row.get("trial") == trial]
        named = next(
            (row for row in own if plain(row.get("label_printed", "")) == plain(label)), None
        )
        arm = named["arm"] if named else as_key(label)
        row = {
            **{"trial": trial, "arm": arm, "group": side, "label_printed": label},
            "n": str(people or ""),
            **end,
            "note": LARGEST if people else "",
        }
        twin = named or table.find(row)
        if twin is None:
            table.add(row)
        elif twin.get("group", "").strip() != side:
            self._add(item.row, f"{item.study}, {label}: arms.csv has it on the other side")
        elif twin.get("note") == LARGEST and people > int(twin.get("n") or 0):
            place = f"{item.study}, {label}"
            self.changes.append(Change("arms.csv", place, "n", twin.get("n", ""), str(people)))
            table.set(twin, {"n": str(people)})
        return arm

    def _put(self, name: str, row: Cells, place: str, number: int) -> None:
        """Add a row, fill the empty cells of the one that is there, or note what differs."""
        table = self.tables[name]
        twin = table.find(row)
        if twin is None:
            table.add(row)
            return
        fresh = {
            column: row[column]
            for column in MEASURED[name]
            if row.get(column) and not _equal(twin.get(column, ""), row[column])
        }
        for column, new in fresh.items():
            old = twin.get(column, "").strip()
            if old and not self.replace:
                told = f"{place}: {column} is {old} in {name}.csv and {new} here"
                self._add(number, f"{told}; --replace takes the new one")
            self.changes.append(Change(f"{name}.csv", place, column, old, new))
        if fresh:
            end = {column: row[column] for column in ("provenance", "source", "note")}
            table.set(twin, {**fresh, **end, **({"printed": ""} if twin.get("printed") else {})})
        else:
            self.known += 1

    def _pairs(self) -> None:
        """Keep which arms of a trial are compared, if the sheet has several comparisons of it."""
        several: dict[tuple[str, ...], list[Cells]] = {}
        empty = {(r.trial, r.arm, r.row) for r in self.imported.results if r.is_empty}
        for pair in self.imported.pairs:
            if {
                (pair.trial, arm, pair.row) for arm in (pair.experimental, pair.comparator)
            } & empty:
                continue
            outcome, time = self.outcome(pair.outcome), self.time(pair.time)
            if outcome is None or time is None or time not in self.followed:
                continue
            trial, first = self.arms[pair.trial, pair.experimental]
            _, second = self.arms[pair.trial, pair.comparator]
            row = {
                **{"outcome": outcome, "follow_up": time, "trial": trial},
                **{"experimental_arm": first, "comparator_arm": second},
                "reading": "main",
                "why": "The two arms stand in one row of the sheet.",
                **self._end(pair.row, ""),
            }
            several.setdefault((outcome, time, trial), []).append(row)
        for rows in several.values():
            for row in rows if len(rows) > 1 else ():
                if self.tables["analyses"].find(row) is None:
                    self.tables["analyses"].add(row)


class Matcher:
    """Finds the identifier in the review for a name in a sheet: the label will do, too."""

    def __init__(self, table: ReviewTable, column: str) -> None:
        self.known: dict[str, str] = {}
        self.names: list[str] = []
        for row in table.rows:
            key, label = row.get(column, "").strip(), row.get("label", "").strip()
            self.known |= {plain(name): key for name in (label, key) if name}
            self.names += [name for name in (key, label) if name]

    def __call__(self, name: str) -> str | None:
        """Return the identifier; ``None`` if the review has no such name."""
        return self.known.get(plain(name))

    def hint(self, name: str) -> str:
        """Ask whether a similar name was meant, or say which there are."""
        return did_you_mean(name, self.names) or f" (it has {', '.join(self.names) or 'none'})"


def read_table(folder: Path, name: str, keys: tuple[str, ...]) -> ReviewTable:
    """Read a table as it stands; one that is not there has the columns of a new review."""
    # pandera is slow to import, and only who fills a table needs it.
    from analysis_lib.review.schemas import SCHEMAS, header

    path = folder / f"{name}.csv"
    if not path.exists():
        return ReviewTable(path, header(name), [], keys)
    cells = read_cells(path, SCHEMAS[name])
    stop(cells.ragged, f"in {path.name}")
    columns = list(cells.header)
    rows = cells.text[columns].fillna("").to_dict("records")
    return ReviewTable(
        path, columns, [{str(k): str(v) for k, v in row.items()} for row in rows], keys
    )


def _people(results: Sequence[ArmResult]) -> dict[tuple[str, str], int]:
    """Return the largest number analysed in each arm."""
    most: dict[tuple[str, str], int] = {}
    for result in results:
        key = (result.trial, result.arm)
        most[key] = max(most.get(key, 0), result.n or 0)
    return most


def _is_log(one: Difference, scale: str) -> bool:
    return scale == "log" if one.is_log is None else one.is_log


def _as_the_measure(one: Difference, measure: str, scale: str) -> dict[str, float | None]:
    """Return estimate and limits as `contrasts` holds them: a ratio as a ratio."""
    numbers = {"estimate": one.estimate, "ci_low": one.ci_low, "ci_high": one.ci_high}
    if measure in RATIO_MEASURES and _is_log(one, scale):
        numbers = {n: None if v is None else math.exp(v) for n, v in numbers.items()}
    return {**numbers, "se": one.se}


def _as_cell(value: float | None) -> str:
    if value is None:
        return ""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _equal(old: str, new: str) -> bool:
    """Say whether two cells hold the same number, however it is written."""
    try:
        return float(old) == float(new)
    except ValueError:
        return old.strip() == new.strip()
