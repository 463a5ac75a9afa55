"""From an extraction sheet to the tables of a review: means, SDs and events by arm.

Two shapes of sheet are understood, in CSV and in xlsx:

- one row a comparison, with the two arms beside each other, as RevMan exports an analysis
  (``Study``, ``Experimental mean``, ``Experimental SD``, ``Experimental N``, ``Control mean`` ...);
- one row an arm (``Study``, ``Arm``, ``Side``, ``Mean``, ``SD``, ``N``).

Nothing is guessed and nothing is left out: a cell that cannot be used stops the import with its
file, row, column and value, and what was done with every row is in the notes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

from analysis_lib.base.errors import Problem, ReviewError, shown
from analysis_lib.importing.spreadsheets import MOST_PROBLEMS, Row, Sheet, read_sheet, stop, unsafe
from analysis_lib.importing.texts import as_key, plain

Side: TypeAlias = Literal["experimental", "comparator"]

#: What a column may be called, in the words of `plain`. Options can name any other.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "study": ("study", "study id", "study name", "trial", "source", "author year"),
    "year": ("year", "study year", "publication year"),
    "outcome": ("outcome", "outcome name", "analysis name"),
    "time": ("time", "time point", "timepoint", "follow up", "followup"),
    "scale_min": ("scale min", "scale minimum"),
    "scale_max": ("scale max", "scale maximum"),
    # one row an arm
    "arm": ("arm", "arm name", "group", "treatment"),
    "side": ("side", "role"),
    "n": ("n", "total", "n analysed", "n analyzed", "sample size"),
    "mean": ("mean",),
    "sd": ("sd", "standard deviation", "std dev"),
    "events": ("events", "cases"),
    # one row a comparison; RevMan's names first, then those of R's metafor and meta
    "n1": ("experimental n", "experimental total", "n1", "n1i", "n e"),
    "mean1": ("experimental mean", "mean1", "mean 1", "m1", "m1i", "mean e"),
    "sd1": ("experimental sd", "sd1", "sd 1", "s1", "sd1i", "sd e"),
    "events1": ("experimental cases", "experimental events", "events1", "ai", "event e"),
    "n2": ("control n", "control total", "n2", "n2i", "n c"),
    "mean2": ("control mean", "mean2", "mean 2", "m2", "m2i", "mean c"),
    "sd2": ("control sd", "sd2", "sd 2", "s2", "sd2i", "sd c"),
    "events2": ("control cases", "control events", "events2", "ci", "event c"),
}
SIDES: Final[Mapping[str, Side]] = {
    **dict.fromkeys(("experimental", "experimental", "intervention", "first"), "experimental"),
    **dict.fromkeys(("comparator", "control", "comparator", "comparison", "second"), "comparator"),
}
#: Sides of a comparison: the digit of its columns, the side, the name of its arms.
PAIR: Final[tuple[tuple[str, Side, str], ...]] = (
    ("1", "experimental", "experimental"),
    ("2", "comparator", "control"),
)
YEAR = re.compile(r"\b(1[89]|20)\d\d\b")
LARGEST_ARM = 999_999_999  # people


@dataclass(frozen=True, slots=True)
class ArmResult:
    """The result of one arm, and the row of the sheet in which it stands."""

    study: str
    trial: str
    year: int
    outcome: str
    time: str
    arm: str
    arm_label: str
    side: Side
    n: int | None
    mean: float | None
    sd: float | None
    events: int | None
    scale_min: float | None
    scale_max: float | None
    row: int

    @property
    def numbers(self) -> tuple[float | None, ...]:
        """What was measured: n, mean, SD, events."""
        return (self.n, self.mean, self.sd, self.events)


@dataclass(frozen=True, slots=True)
class ImportedResults:
    """What an extraction sheet holds, ready to be written into a review's tables.

    Attributes
    ----------
    file : str
        Name of the sheet's file.
    results : tuple of ArmResult
        One a row and arm, in the order of the sheet.
    paired : bool
        Whether a row of the sheet is a comparison, its two arms beside each other.
    notes : tuple of str
        What a reviewer should look at: columns not used, arms that seem to be listed twice, arms
        of one person.
    """

    file: str
    results: tuple[ArmResult, ...]
    paired: bool
    notes: tuple[str, ...]


def import_results(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    outcome: str | None = None,
    time: str | None = None,
    sheet: str | None = None,
    encoding: str | None = None,
) -> ImportedResults:
    """Read results by arm from an extraction sheet.

    Parameters
    ----------
    path
        A CSV or xlsx file, one row a comparison or one row an arm.
    columns
        Which column holds what, where the header does not say it in a known way: for example
        ``{"study": "Autor", "n1": "Fälle"}``. The keys are those of `NAMES`.
    outcome, time
        The outcome and the follow-up of every row, when the sheet has no column for it.
    sheet
        Which sheet of an xlsx file; the first when absent.
    encoding
        Of a text file, if it is not told right.

    Returns
    -------
    ImportedResults

    Raises
    ------
    ReviewError
        Lists everything that cannot be used, each with file, row, column and value.
    """
    table = read_sheet(path, sheet=sheet, encoding=encoding)
    where = _mapped(table, columns or {})
    given = {"outcome": outcome, "time": time}
    missing = [name for name, value in given.items() if value is None and name not in where]
    if "study" not in where or missing:
        wanted = [*(["study"] if "study" not in where else []), *missing]
        raise ReviewError(
            f"{table.file}, row 1: no column for {', '.join(wanted)}. {table.header}; name the "
            "right one, or give one value for all"
        )
    stop(_unclear(table, where))
    reader = _Reader(table, where, given)
    results = list(reader.read())
    results = _numbered(results) if reader.pairs else results
    problems = [*reader.problems, *_contradictions(table.file, results)]
    if not results and not problems:
        problems.append(Problem(table.file, "the table has a header and no rows"))
    stop(problems)
    unused = [column for column in table.columns if column not in where.values()]
    notes = [*table.notes, *([f"columns not used: {', '.join(unused)}"] if unused else [])]
    notes += [*_single_people(table.file, results), *_listed_twice(table.file, results)]
    return ImportedResults(table.file, tuple(results), reader.pairs, tuple(notes))


def _mapped(table: Sheet, chosen: Mapping[str, str]) -> dict[str, str]:
    """Return which column of the sheet holds what."""
    problems: list[object] = []
    for name, column in chosen.items():
        if name not in NAMES:
            problems.append(f"{name!r} is not one of {', '.join(NAMES)}")
        elif column not in table.columns:
            problems.append(f"{table.file}: there is no column {column!r}")
    stop(problems)
    where = dict(chosen)
    for column in table.columns:
        for name, known in NAMES.items():
            if name not in chosen and column not in where.values() and plain(column) in known:
                if name in where:
                    told = f"columns {where[name]!r} and {column!r} both seem to hold {name}"
                    problems.append(Problem(table.file, f"{told}; name the right one"))
                else:
                    where[name] = column
    stop(problems)
    return where


def _unclear(table: Sheet, where: Mapping[str, str]) -> Iterator[Problem]:
    """Name what is unsafe or ambiguous in the columns that are used; the others are not judged."""
    for column in where.values():
        if column in table.repeated:
            yield Problem(table.file, f"two columns are named {shown(column)}")
    yield from unsafe(table, where.values())


class _Reader:
    """Turns the rows of a sheet into results and collects what cannot be used."""

    def __init__(
        self, table: Sheet, where: Mapping[str, str], given: Mapping[str, str | None]
    ) -> None:
        self.table, self.where, self.given = table, where, given
        self.problems: list[Problem] = []
        self.pairs = {"n1", "n2"} <= where.keys()
        if not self.pairs and not {"arm", "side", "n"} <= where.keys():
            raise ReviewError(
                f"{table.file}, row 1: neither the columns of two arms (n1, n2 and means with SDs "
                "or events) nor those of one (arm, side, n and mean with SD or events). "
                f"{table.header}"
            )

    def read(self) -> Iterator[ArmResult]:
        for row in self.table.rows:
            if len(self.problems) >= MOST_PROBLEMS:
                break
            base = self._base(row)
            if base is None:
                continue
            if self.pairs:
                for digit, side, name in PAIR:
                    arm = replace(base, side=side, arm=name, arm_label=name)
                    yield self._measured(arm, row, digit)
            else:
                arm_of_row = self._arm(base, row)
                if arm_of_row is not None:
                    yield self._measured(arm_of_row, row, "")

    def _base(self, row: Row) -> ArmResult | None:
        """Return what a row says besides its numbers, or note why it cannot be used."""
        study = row.get(self.where["study"])
        outcome, time = (row.get(self.where.get(n)) or self.given[n] for n in ("outcome", "time"))
        for name, text in (("study", study), ("outcome", outcome), ("time", time)):
            if not text:
                self._add(
                    row, name, "a value is missing; write it in each row, also below merged cells"
                )
        if not (study and outcome and time):
            return None
        year, trial = self._year(row, study), as_key(study)
        if not trial:
            self._add(row, "study", f"{shown(study)} has no letter or digit for an identifier")
        if year is None or not trial:
            return None
        low, high = self._number(row, "scale_min"), self._number(row, "scale_max")
        if (low is None) != (high is None) or (
            low is not None and high is not None and low >= high
        ):
            self._add(row, "scale_min", "the lowest score must be below the highest, or both empty")
        return ArmResult(
            study, trial, year, outcome, time, "", "", "experimental",
            None, None, None, None, low, high, row.number,
        )  # fmt: skip

    def _arm(self, base: ArmResult, row: Row) -> ArmResult | None:
        label, side = row.get(self.where["arm"]), plain(row.get(self.where["side"]))
        if not as_key(label):
            self._add(row, "arm", f"{shown(label)} cannot name an arm")
        if side not in SIDES:
            found = shown(row.get(self.where["side"]))
            self._add(row, "side", f"{found} is not one of {', '.join(SIDES)}")
        if not as_key(label) or side not in SIDES:
            return None
        return replace(base, arm=as_key(label), arm_label=label, side=SIDES[side])

    def _measured(self, arm: ArmResult, row: Row, digit: str) -> ArmResult:
        """Return the arm with its numbers, each checked by itself and with the others."""
        n, events = (self._count(row, name + digit) for name in ("n", "events"))
        mean, sd = (self._number(row, name + digit) for name in ("mean", "sd"))
        if n is not None and n < 1:
            self._add(row, "n" + digit, f"{n} people; an arm has at least one")
        if sd is not None and sd <= 0:
            self._add(row, "sd" + digit, f"{sd:g} is not greater than zero")
        if events is not None and events < 0:
            self._add(row, "events" + digit, f"{events} is negative")
        if events is not None and n is not None and events > n:
            self._add(row, "events" + digit, f"{events} events among {n} people")
        if events is not None and not self._filled(row, "n" + digit):
            self._add(row, "n" + digit, "events without a number of people")
        if not self._filled(row, "mean" + digit) and not self._filled(row, "events" + digit):
            self._add(row, "mean" + digit, "neither a mean nor events")
        return replace(arm, n=n, mean=mean, sd=sd, events=events)

    def _year(self, row: Row, study: str) -> int | None:
        """Return the year from its column, or the one that the study's name ends with."""
        year = self._count(row, "year")
        if year is None:
            named = [match.group() for match in YEAR.finditer(study)]
            year = int(named[-1]) if named else None
        if year is None and not row.get(self.where.get("year")):
            told = f"no year is given for {shown(study)}, nor is one in its name"
            self._add(row, "year", told)
        elif year is not None and not YEAR.fullmatch(str(year)):
            self._add(row, "year", f"{year} is not a year")
            return None
        return year

    def _number(self, row: Row, name: str) -> float | None:
        if name not in self.where:
            return None
        try:
            return self.table.number(row, self.where[name])
        except ReviewError as error:
            told = str(error).rpartition(f"column {self.where[name]}: ")[2]
            self._add(row, name, told)
            return None

    def _count(self, row: Row, name: str) -> int | None:
        number = self._number(row, name)
        if number is None:
            return None
        if not number.is_integer() or abs(number) > LARGEST_ARM:
            self._add(row, name, f"{shown(row.get(self.where[name]))} is not a whole number")
            return None
        return int(number)

    def _filled(self, row: Row, name: str) -> bool:
        return bool(row.get(self.where.get(name)))

    def _add(self, row: Row, name: str, told: str) -> None:
        column = self.where.get(name, name)
        self.problems.append(Problem(self.table.file, told, row.number, column))


def _numbered(results: Sequence[ArmResult]) -> list[ArmResult]:
    """Give the arms of a trial numbers where it stands in several rows of one outcome and time."""
    rows: dict[tuple[str, str, str], list[int]] = {}
    for result in results:
        key = (result.trial, plain(result.outcome), plain(result.time))
        if result.row not in rows.setdefault(key, []):
            rows[key].append(result.row)
    numbered = []
    for result in results:
        own = rows[result.trial, plain(result.outcome), plain(result.time)]
        mark = f"-{own.index(result.row) + 1}" if len(own) > 1 else ""
        label = f"{result.arm_label}{mark.replace('-', ' ')}"
        numbered.append(replace(result, arm=result.arm + mark, arm_label=label))
    return numbered


def _contradictions(file: str, results: Sequence[ArmResult]) -> Iterator[Problem]:
    """Find studies of one identifier, rows that stand twice, and arms that change sides."""
    labels: dict[str, ArmResult] = {}
    places: dict[tuple[str, ...], ArmResult] = {}
    sides: dict[tuple[str, str], ArmResult] = {}
    for result in results:
        first = labels.setdefault(result.trial, result)
        if plain(first.study) != plain(result.study):
            told = f"{shown(result.study)} and {shown(first.study)} get the same identifier"
            yield Problem(file, told, result.row)
        elif first.year != result.year:
            told = f"{shown(result.study)} is of {first.year} in row {first.row}"
            yield Problem(file, told, result.row)
        place = (result.trial, plain(result.outcome), plain(result.time), result.arm)
        twin = places.setdefault(place, result)
        if twin is not result:
            told = f"{shown(result.study)}, {result.arm_label}: stands already in row {twin.row}"
            yield Problem(file, told, result.row)
        same_arm = sides.setdefault((result.trial, result.arm), result)
        if same_arm.side != result.side:
            told = f"{shown(result.arm_label)} is on the other side in row {same_arm.row}"
            yield Problem(file, told, result.row)
    yield from _rows_twice(file, results)


def _rows_twice(file: str, results: Sequence[ArmResult]) -> Iterator[Problem]:
    """Find two rows of a trial in which every number is the same: one comparison typed twice."""
    rows: dict[int, list[ArmResult]] = {}
    for result in results:
        rows.setdefault(result.row, []).append(result)
    seen: dict[object, int] = {}
    for number, arms in rows.items():
        if len(arms) == len(PAIR):
            one = arms[0]
            measured = tuple(arm.numbers for arm in arms)
            key = (one.trial, plain(one.outcome), plain(one.time), measured)
            if seen.setdefault(key, number) != number:
                told = f"{shown(one.study)}: the same numbers as in row {seen[key]}"
                yield Problem(file, told, number)


def _single_people(file: str, results: Sequence[ArmResult]) -> Iterator[str]:
    for result in results:
        if result.n == 1:
            yield (
                f"{file}, row {result.row}: {result.study}, {result.arm_label} has one person; "
                "its mean has no standard deviation, so it cannot enter a pooling of means"
            )


def _listed_twice(file: str, results: Sequence[ArmResult]) -> Iterator[str]:
    """Say which arms of a trial have equal numbers: perhaps one arm, listed for two comparisons."""
    groups: dict[object, list[ArmResult]] = {}
    for result in results:
        key = (result.trial, plain(result.outcome), plain(result.time), result.side, result.numbers)
        groups.setdefault(key, []).append(result)
    for group in groups.values():
        if len(group) > 1:
            rows = " and ".join(str(result.row) for result in group)
            yield (
                f"{file}, rows {rows}: {group[0].study}, equal numbers on the same side; if it is "
                "one arm in several comparisons, its people are counted more than once"
            )


def total_people(results: Sequence[ArmResult]) -> int:
    """Return the people of all results together, as a check against the sheet's own total."""
    return int(math.fsum(result.n or 0 for result in results))
