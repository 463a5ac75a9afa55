"""Write what was imported into the tables of a review, or say why not; never half of it.

A cell that is empty in the review is filled. One that holds another number stops the import, unless
the sheet is to replace it; then every change is told, cell by cell, cells that were emptied among
them. Results that are no longer in the sheet they came from are told, and removed only on demand.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as with_other
from pathlib import Path
from typing import Final, TypeAlias

from analysis_lib.base.checks import as_path
from analysis_lib.base.errors import Problem, did_you_mean, shown, stop
from analysis_lib.base.formatting import plural
from analysis_lib.base.measures import EVENT_MEASURES, RATIO_MEASURES
from analysis_lib.base.unsafe import restored
from analysis_lib.importing.extraction import ImportedResults, as_spelled
from analysis_lib.importing.own_export import OF_VALUES, VALUES
from analysis_lib.importing.result_rows import ArmResult, Difference, Side
from analysis_lib.importing.spreadsheets import sheet_of
from analysis_lib.importing.texts import as_key, plain, read_bytes, sounds, spelling, write_all
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
#: What the reviewer describes before results are imported, and the key of each table.
DESCRIBED: Final = {"outcomes": "outcome", "follow_ups": "follow_up"}
LARGEST = "Largest number analysed; the number randomised is not in the sheet."
#: Without one of these a result by arm is none.
RESULTS: Final = ("mean", "median", "events", "correlation")
#: The place of a result: its columns after the trial.
OF_PLACE: Final[Mapping[str, tuple[str, ...]]] = {
    "arm_results": ("arm", "outcome", "time"),
    "contrasts": ("experimental_arm", "comparator_arm", "outcome", "follow_up"),
}
TWO = 2  # years, which make two trials of one name
ROW = "row"  # in place of a column, where a whole row goes


@dataclass(frozen=True, slots=True)
class Change:
    """A cell of the review that an import fills, changes or empties, or a row that it removes."""

    table: str
    place: str
    column: str
    old: str
    new: str = ""

    def __str__(self) -> str:
        place = f"{self.table}, {self.place}"
        if self.column == ROW:
            return f"{place}: the row is removed ({self.old})"
        what = f"{place}: {self.column}"
        old = f" {self.old}" if self.old else ""
        return f"{what}{old} is now {self.new or 'empty'}"


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
        Cells that were empty and are filled now, cells that were replaced or emptied, and rows that
        were removed.
    notes : tuple of str
        What stays in the review although the sheet has it no longer.
    """

    added: Mapping[str, int]
    known: int
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """What an import changes, and the texts of the tables that it would write."""

    filled: Filled
    texts: Mapping[Path, str]

    def write(self) -> None:
        """Write all tables, or none."""
        write_all(self.texts)


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

    def remove(self, row: Cells) -> None:
        """Remove a row."""
        self.rows = [other for other in self.rows if other is not row]
        self.places.pop(self._place(row), None)
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
    remove: bool = False,
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
        Whether other numbers of the sheet replace those of the review, empty cells too.
    remove
        Whether results are removed that came from this sheet, or from one that it takes the place
        of, and are no longer in it. Without it they are told and stay.
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
    prepared = prepare_results(
        imported, data, source=source, replace=replace, remove=remove, scale=scale
    )
    if not dry_run:
        prepared.write()
    return prepared.filled


def prepare_results(
    imported: ImportedResults,
    data: str | Path,
    *,
    source: str = "",
    replace: bool = False,
    remove: bool = False,
    scale: str = "",
    beside: Path | None = None,
) -> Prepared:
    """Return what `add_results` would change, to be shown before it is written.

    ``beside`` is a folder with an export of a review: outcomes and follow-ups that the review lacks
    are taken from its tables.
    """
    filling = _Filling(imported, as_path("data", data), source.strip(), replace, remove, scale)
    if beside is not None:
        filling.describe(beside)
    stop(filling.fill(), f"in {imported.file}")
    if beside is not None and (beside / VALUES).exists():
        filling.moderate(beside)
    tables = filling.tables
    changed = [table for table in tables.values() if table.added or table.is_changed]
    added = {f"{name}.csv": table.added for name, table in tables.items()}
    filled = Filled(added, filling.known, tuple(filling.changes), tuple(filling.notes))
    return Prepared(filled, {table.path: table.text() for table in changed})


class _Filling:
    """Puts the results of one sheet into the tables and collects what speaks against it."""

    def __init__(
        self,
        imported: ImportedResults,
        folder: Path,
        source: str,
        replace: bool,
        remove: bool,
        scale: str,
    ) -> None:
        self.imported, self.source, self.scale = imported, source, scale
        self.replace, self.remove = replace, remove
        self.tables = {name: read_table(folder, name, keys) for name, keys in KEYS.items()}
        for name, key in (*DESCRIBED.items(), ("moderators", "moderator")):
            self.tables[name] = read_table(folder, name, (key,))
        self._match()
        self.trial = Matcher(self.tables["trials"], "trial")
        self.arms: dict[tuple[str, str], tuple[str, str]] = {}  # trial and arm: those of the review
        self.known = 0
        self.changes: list[Change] = []
        self.notes: list[str] = []
        self.problems: list[Problem] = []
        self.unknown: dict[tuple[str, str], int] = {}  # what is not described, and its first row
        self.seen: dict[int, Cells] = {}  # results of the review that the sheet has, by id
        self.earlier: Counter[str] = Counter()  # files from which these were
        self.sizes = Counter(file_of(row) for name in MEASURED for row in self.tables[name].rows)
        self.both = 0  # results with a mean and with events
        self.asked: set[str] = set()  # names of trials that were looked for
        self.moved = 0  # results that stand in another row of the same sheet

    def _match(self) -> None:
        outcomes, follow_ups = (self.tables[name] for name in DESCRIBED)
        self.outcome, self.time = Matcher(outcomes, "outcome"), Matcher(follow_ups, "follow_up")
        self.time.known["baseline"] = "baseline"
        self.measures = {row.get("outcome", ""): row.get("measure", "") for row in outcomes.rows}
        self.followed = {row.get("follow_up", "").strip() for row in follow_ups.rows}

    def describe(self, folder: Path) -> None:
        """Take what the sheet names and the review lacks from the tables of another folder."""
        items: list[ArmResult | Difference] = [
            *self.imported.results,
            *self.imported.differences,
        ]
        names = {plain(item.outcome) for item in items}, {plain(item.time) for item in items}
        for (table, key), used in zip(DESCRIBED.items(), names, strict=True):
            known = Matcher(self.tables[table], key)
            other = read_table(folder, table, (key,))
            for row in other.rows:
                if plain(row[key]) in used and known(row[key]) is None:
                    self.tables[table].add(row)
        self._match()

    def moderate(self, folder: Path) -> None:
        """Take the moderators of another folder, and their values for the trials of the sheet."""
        table = self.tables["moderators"]
        known, other = Matcher(table, "moderator"), read_table(folder, "moderators", ())
        for row in other.rows:
            if known(row["moderator"]) is None:
                table.add(row)
        held_by = {row["moderator"]: row["table"] for row in table.rows}
        for line in sheet_of(VALUES, read_bytes(folder / VALUES)).rows:
            trial, arm, name, value = (restored(line.get(column)) for column in OF_VALUES)
            key = self.trial(trial)
            if key is None or name not in held_by:
                continue
            holder = self.tables[held_by[name]]
            twin = self._named(key, arm) if arm else holder.find({"trial": key})
            if twin is not None and not twin.get(name):
                holder.set(twin, {name: value})

    def fill(self) -> list[Problem]:
        """Fill the tables, and return what speaks against writing them."""
        people = _people(self.imported.results)
        for result in self.imported.results:
            self._result(result, people[result.trial, result.arm])
        for difference in self.imported.differences:
            self._difference(difference)
        if not self.problems:
            for arm in self.imported.blank:
                self._blank(arm)
            self._absent()
            self._pairs()
            self._sizes()
        return self.problems

    def _add(self, row: int, told: str) -> None:
        self.problems.append(Problem(self.imported.file, told, row))

    def _result(self, result: ArmResult, people: int) -> None:
        outcome, time = self._described(result)
        if outcome is None or time is None:
            return
        result = self._one_kind(result, self.measures[outcome])
        end = self._end(result)
        trial = self._trial(result, end)
        arm = self._arm(result, trial, result.arm_label, result.side, people, end)
        self.arms[result.trial, result.arm] = trial, arm
        if result.is_empty:
            self._blank(result)
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

    def _one_kind(self, result: ArmResult, measure: str) -> ArmResult:
        """Keep of a row with means and with events what the outcome is measured by."""
        if result.mean is None or result.events is None:
            return result
        self.both += 1
        if measure in (*EVENT_MEASURES, "proportion", "rate"):
            return with_other(result, mean=None, sd=None)
        return with_other(result, events=None, person_time=None)

    def _blank(self, result: ArmResult) -> None:
        """Empty what the review has of an arm whose cells are empty in the sheet."""
        trial, outcome, time = (
            self.trial(result.study),
            self.outcome(result.outcome),
            self.time(result.time),
        )
        if trial is None or outcome is None or time is None:
            return
        named = self._named(trial, result.arm_label)
        arm = named["arm"] if named else result.arm
        row = {"trial": trial, "outcome": outcome, "arm": arm, "time": time}
        twin = self.tables["arm_results"].find(row)
        if twin is not None:
            self._see(twin)
            self._empty("arm_results", twin, row, f"{result.study}, {result.arm_label}")

    def _difference(self, one: Difference) -> None:
        outcome, time = self._described(one)
        if outcome is None or time is None:
            return
        measure = self.measures[outcome]
        problem = self._measure_problem(one, measure)
        if problem:
            self._add(one.row, f"{one.study}: {problem}")
            return
        end = self._end(one)
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
                first = f"; describe it there first, in a row that begins with {as_key(name)}"
                self._add(self.unknown.setdefault((what, name), item.row), told + first)
        return found

    def _end(self, item: ArmResult | Difference) -> Cells:
        places = (self.source, item.source, f"{self.imported.file}, row {item.row}")
        return {
            "provenance": item.provenance or "reported",
            "source": "; ".join(filter(None, places)),
            "note": item.derived,
        }

    def _trial(self, item: ArmResult | Difference, end: Cells) -> str:
        """Return the identifier of a trial, which is added if it is new."""
        known = self.trial(item.study)
        if item.study not in self.asked:
            self.asked.add(item.study)
            self._ask(item, known)
        if known is not None:
            self._year(item, known)
            return known
        row = {
            **{"trial": item.trial, "label": item.study, "pooled": "yes"},
            "year": _as_cell(item.year),
            **end,
            "provenance": "reported",
            "note": "",
        }
        self.tables["trials"].add(row)
        self.trial.known[plain(item.study)] = item.trial
        return item.trial

    def _ask(self, item: ArmResult | Difference, known: str | None) -> None:
        """Ask about a trial of the review whose name is spelled almost like one of the sheet."""
        name = spelling(item.study)
        for row in self.tables["trials"].rows:
            label = spelling(row.get("label", ""))
            if label == name or sounds(label) != sounds(name):
                continue
            years = {row.get("year", "").strip(), _as_cell(item.year)} - {""}
            if len(years) < TWO and known in (None, row["trial"]):
                self._add(item.row, f"{shown(name)} {as_spelled(label)}")

    def _year(self, item: ArmResult | Difference, trial: str) -> None:
        """Fill or change the year of a trial; another year may be another trial."""
        twin = self.tables["trials"].find({"trial": trial})
        new, old = _as_cell(item.year), (twin or {}).get("year", "").strip()
        if twin is None or not new or _equal(old, new):
            return
        if old and not self.replace:
            told = f"{item.study} is of {old} in trials.csv and of {new} here"
            self._add(
                item.row, f"{told}; another trial needs another name, --replace takes this year"
            )
            return
        self.changes.append(Change("trials.csv", item.study, "year", old, new))
        self.tables["trials"].set(twin, {"year": new})

    def _named(self, trial: str, label: str) -> Cells | None:
        """Return the arm of a trial that is printed so."""
        own = (row for row in self.tables["arms"].rows if row.get("trial") == trial)
        return next((r for r in own if plain(r.get("label_printed", "")) == plain(label)), None)

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
        named = self._named(trial, label)
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
            self.seen[id(row)] = row
            return
        self._see(twin)
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
        emptied = self._empty(name, twin, row, place)
        if fresh:
            end = {column: row[column] for column in ("provenance", "source", "note")}
            table.set(twin, {**fresh, **end, **({"printed": ""} if twin.get("printed") else {})})
        elif not emptied:
            self.known += 1
            self._move(name, twin, row["source"])

    def _see(self, twin: Cells) -> None:
        """Note that a row of the review stands in the sheet, and which file it was from."""
        self.earlier[file_of(twin)] += id(twin) not in self.seen
        self.seen[id(twin)] = twin

    def _move(self, name: str, twin: Cells, source: str) -> None:
        """Keep the source of a result right when its row moved in the same sheet."""
        old = twin.get("source", "")
        if self.replace and old != source and file_of(twin) == self.imported.file:
            self.tables[name].set(twin, {"source": source})
            self.moved += 1

    def _empty(self, name: str, twin: Cells, row: Cells, place: str) -> bool:
        """Empty what the sheet has a column for and does not fill; say what stays otherwise."""
        columns = [
            column
            for column in MEASURED[name]
            if column in self.imported.given and twin.get(column) and not row.get(column)
        ]
        if not self.replace:
            self.notes += [
                f"{name}.csv, {place}: {column} {twin[column]} stays; the cell is empty in the "
                "sheet, and --replace empties it here too"
                for column in columns
                if column != "score"
            ]
            return False
        self.changes += [Change(f"{name}.csv", place, c, twin[c], "") for c in columns]
        if columns:
            self.tables[name].set(twin, dict.fromkeys(columns, ""))
        rest = {**twin, **row}
        if columns and name == "arm_results" and not any(rest.get(c) for c in RESULTS):
            self._drop(name, twin)
        return bool(columns)

    def _drop(self, name: str, row: Cells) -> None:
        """Remove a result, and the comparisons that the import noted of it."""
        self.changes.append(Change(f"{name}.csv", self._where(name, row), ROW, _numbers(name, row)))
        self.tables[name].remove(row)
        arms = {row.get("arm"), row.get("experimental_arm"), row.get("comparator_arm")} - {None}
        for pair in list(self.tables["analyses"].rows):
            is_same = pair.get("trial") == row["trial"] and _when(pair) == _when(row)
            if is_same and arms & {pair.get("experimental_arm"), pair.get("comparator_arm")}:
                place = self._where("contrasts", pair)
                self.changes.append(Change("analyses.csv", place, ROW, "its result is gone"))
                self.tables["analyses"].remove(pair)

    def _where(self, name: str, row: Cells) -> str:
        trial = self.tables["trials"].find({"trial": row["trial"]}) or {}
        rest = (row.get(column, "") for column in OF_PLACE[name])
        return ", ".join((trial.get("label") or row["trial"], *rest))

    def _absent(self) -> None:
        """Find results that came from the sheet and are in it no longer; remove them on demand.

        A sheet with another name takes the place of one of which it has at least half the results.
        """
        here = {_when(row) for row in self.seen.values()}
        files = {file for file, n in self.earlier.items() if file and 2 * n >= self.sizes[file]}
        files.add(self.imported.file)
        others: Counter[str] = Counter()
        rows = [(table, row) for table in MEASURED for row in self.tables[table].rows]
        for name, row in rows:
            if id(row) in self.seen or file_of(row) not in files:
                continue
            if _when(row) not in here:
                others[", ".join(_when(row))] += 1
            elif self.replace and self.remove:
                self._drop(name, row)
            else:
                flags = "--remove" if self.replace else "--replace --remove"
                self.notes.append(
                    f"{name}.csv, {self._where(name, row)}: no longer in the sheet "
                    f"({_numbers(name, row)}, {row.get('source', '')}); it stays, {flags} takes "
                    "it out"
                )
        for place, n in others.items():
            told = f"{plural(n, 'result')} of {place}, which this sheet does not have"
            self.notes.append(f"{told}: left as {'it is' if n == 1 else 'they are'}")
        self.notes += self._bare()
        if self.both:
            told = f"{plural(self.both, 'result')} with a mean and with events"
            self.notes.append(f"{told}: what the measure of the outcome needs was taken")
        if self.moved:
            told = f"{plural(self.moved, 'result')} moved within {self.imported.file}"
            self.notes.append(f"{told}; the source in the review names the new row")

    def _bare(self) -> Iterator[str]:
        """Name the trials of which the last result was removed."""
        left = {row["trial"] for name in MEASURED for row in self.tables[name].rows}
        gone = {change.place.split(", ")[0] for change in self.changes if change.column == ROW}
        for row in self.tables["trials"].rows:
            if row.get("label") in gone and row["trial"] not in left:
                yield (
                    f"{row['label']} has no result any more; it stays in trials.csv and arms.csv "
                    "until you delete it there"
                )

    def _sizes(self) -> None:
        """Keep the largest number analysed of each arm the largest when numbers were replaced."""
        for trial, arm in set(self.arms.values()) if self.replace else ():
            twin = self.tables["arms"].find({"trial": trial, "arm": arm})
            people = [
                float(row[column])
                for name, side, column in (
                    ("arm_results", "arm", "n"),
                    ("contrasts", "experimental_arm", "n_experimental"),
                    ("contrasts", "comparator_arm", "n_comparator"),
                )
                for row in self.tables[name].rows
                if (row.get("trial"), row.get(side)) == (trial, arm) and row.get(column)
            ]
            if twin is None or twin.get("note") != LARGEST or not people:
                continue
            old, new = twin.get("n", ""), _as_cell(max(people))
            if not _equal(old, new):
                self.changes.append(Change("arms.csv", f"{trial}, {arm}", "n", old, new))
                self.tables["arms"].set(twin, {"n": new})

    def _pairs(self) -> None:
        """Keep which arms of a trial are compared, if the sheet has several comparisons of it."""
        several: dict[tuple[str, ...], list[Cells]] = {}
        empty = {(r.trial, r.arm, r.row, r.time) for r in self.imported.results if r.is_empty}
        for pair in self.imported.pairs:
            arms = pair.experimental, pair.comparator
            if {(pair.trial, arm, pair.row, pair.time) for arm in arms} & empty:
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
                "provenance": "reported",
                "source": "; ".join(
                    filter(None, (self.source, f"{self.imported.file}, row {pair.row}"))
                ),
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
        self.exact: dict[str, str] = {}
        self.names: list[str] = []
        for row in table.rows:
            key, label = row.get(column, "").strip(), row.get("label", "").strip()
            for name in filter(None, (label, key)):
                self.known.setdefault(plain(name), key)
                self.exact.setdefault(spelling(name), key)
            self.names += [name for name in (key, label) if name]

    def __call__(self, name: str) -> str | None:
        """Return the identifier; ``None`` if the review has no such name."""
        return self.exact.get(spelling(name)) or self.known.get(plain(name))

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


def file_of(row: Cells) -> str:
    """Return the file from which an import took a row, as its source says."""
    return row.get("source", "").rpartition(", row ")[0].rpartition("; ")[2]


def _when(row: Cells) -> tuple[str, str]:
    """Return the outcome and the time of a result."""
    return row["outcome"], row.get("time") or row.get("follow_up", "")


def _numbers(name: str, row: Cells) -> str:
    return ", ".join(f"{column} {row[column]}" for column in MEASURED[name] if row.get(column))


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
