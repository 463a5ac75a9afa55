"""From an extraction sheet to results by arm and effects, ready for the tables of a review.

A sheet has one row a comparison (the two arms beside each other, as RevMan, metafor, meta and
Metapsy write them), one row an arm, or one row an effect with its standard error or interval; files
of RevMan are read as they are. Nothing is guessed: a cell that cannot be used stops the import with
its file, row, column and value, and what was done with every row is in the notes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias, TypeVar

from analysis_lib.base.errors import Problem, ReviewError, attempt, did_you_mean, shown, stop
from analysis_lib.base.formatting import plural
from analysis_lib.base.measures import RATIO_MEASURES
from analysis_lib.effects.lopsided import off_centre, uneven_words
from analysis_lib.effects.suspect_sds import suspect_sds
from analysis_lib.importing.follow_up_columns import (
    IS_RESULT,
    is_header,
    one_row_a_follow_up,
    told_beside,
)
from analysis_lib.importing.grids import spans
from analysis_lib.importing.joined_cells import split_joined
from analysis_lib.importing.own_export import as_extracted, is_own
from analysis_lib.importing.result_columns import (
    NAMES,
    SIDES,
    SURE_OF_STUDY,
    Columns,
    columns_of,
    fills,
)
from analysis_lib.importing.result_rows import ArmResult, Difference, changes, read_rows
from analysis_lib.importing.revman import read_revman
from analysis_lib.importing.spreadsheets import Sheet, sheet_of, sheets_of, unsafe
from analysis_lib.importing.texts import as_key, plain, read_file, sounds, spelling
from analysis_lib.importing.workbooks import is_workbook

__all__ = ["NAMES", "ArmResult", "Difference", "ImportedResults", "Pair", "import_results"]

Item = TypeVar("Item", ArmResult, Difference)

TWO = 2  # arms of a comparison
MEASURED = ("mean", "events", "change", "median")
FEWEST_TO_COMPARE = 3  # arms of an outcome, among which a strange SD shows


@dataclass(frozen=True, slots=True)
class Pair:
    """Two arms that stand in one row: what is compared with what."""

    trial: str
    outcome: str
    time: str
    experimental: str
    comparator: str
    row: int


@dataclass(frozen=True, slots=True)
class ImportedResults:
    """What an extraction sheet holds, ready to be written into a review's tables.

    Attributes
    ----------
    file : str
        Name of the sheet's file.
    results : tuple of ArmResult
        In the order of the sheet; an arm that several rows share stands once.
    differences : tuple of Difference
        Effects of rows that give no results by arm.
    pairs : tuple of Pair
        Which arms stand in one row.
    blank : tuple of ArmResult
        The arms of rows that give no result.
    given : frozenset of str
        Which columns of ``arm_results.csv`` and ``contrasts.csv`` the sheet can fill.
    notes : tuple of str
        What a reviewer should look at: rows and columns that were not used, SDs that were computed
        or that look like standard errors, arms of one person, arms that seem to be listed twice.
    """

    file: str
    results: tuple[ArmResult, ...]
    differences: tuple[Difference, ...]
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...]
    blank: tuple[ArmResult, ...] = ()
    given: frozenset[str] = frozenset()


def import_results(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    outcome: str | None = None,
    time: str | None = None,
    sheet: str | None = None,
    encoding: str | None = None,
    analyses: Collection[str] = (),
    medians: bool = False,
    one_trial: bool = False,
) -> ImportedResults:
    """Read the results of trials from an extraction sheet or a file of RevMan.

    Parameters
    ----------
    path
        A table (CSV, TSV, xlsx, ods), a data package or CSV of RevMan Web, a file or CSV of
        RevMan 5.
    columns
        Which column holds what, where the header does not say it in a known way: for example
        ``{"study": "Autor", "n1": "Fälle"}``. The keys are those of `NAMES`.
    outcome, time
        The outcome and the follow-up of every row, when the sheet has no column for it.
    sheet
        Which sheet of a workbook; the first with a table of results when absent.
    encoding
        Of a text file, if it is not told right.
    analyses
        Which analyses of a file of RevMan, such as "1.2"; all when empty.
    medians
        Estimate mean and SD where a row gives a median with quartiles or range.
    one_trial
        Rows of one name, outcome and follow-up are comparisons of one trial. Otherwise they are
        asked about, because they may be two trials.

    Returns
    -------
    ImportedResults

    Raises
    ------
    ReviewError
        Lists everything that cannot be used, each with file, row, column and value.
    """
    table = read_results(path, sheet=sheet, encoding=encoding, analyses=analyses)
    return results_of(
        table, columns=columns, outcome=outcome, time=time, medians=medians, one_trial=one_trial
    )


def read_results(
    path: str | Path,
    *,
    sheet: str | None = None,
    encoding: str | None = None,
    analyses: Collection[str] = (),
) -> Sheet:
    """Return the cells of an extraction sheet or a file of RevMan; see `import_results`."""
    read = read_file(path)
    table = _table_of(read.name, read.content, sheet, encoding, analyses)
    return replace(table, notes=(*read.notes, *table.notes))


def _table_of(
    name: str, content: bytes, sheet: str | None, encoding: str | None, analyses: Collection[str]
) -> Sheet:
    if is_own(content) and not analyses:
        return as_extracted(sheet_of(name, content, encoding=encoding))
    table = read_revman(name, content, analyses, encoding)
    if table is not None:
        return table
    chosen = sheet
    if chosen is None and is_workbook(content):
        chosen = _with_table(name, content)
    table = sheet_of(name, content, sheet=chosen, encoding=encoding, is_header=is_header)
    if sheet is not None:  # what it holds is not what another sheet of the workbook holds
        table = replace(table, file=f"{name}, sheet {sheet}")
    return split_joined(table)


def _with_table(name: str, content: bytes) -> str | None:
    """Return the first sheet of a workbook with a header of results or judgements, or with rows."""
    read = sheets_of(name, content, is_header)
    if len(read) == 1:
        return next(iter(read))
    filled = {s: table for s, table in read.items() if isinstance(table, Sheet) and table.rows}
    with_results = [s for s, table in filled.items() if holds_results(split_joined(table), {})]
    with_header = [s for s, table in filled.items() if is_header(table.columns)]
    return next(iter([*with_results, *with_header, *filled]), None)


def results_of(
    table: Sheet,
    *,
    columns: Mapping[str, str] | None = None,
    outcome: str | None = None,
    time: str | None = None,
    medians: bool = False,
    one_trial: bool = False,
) -> ImportedResults:
    """Return the results that a sheet holds; see `import_results`."""
    table = one_row_a_follow_up(table, columns or {}, time)
    found = columns_of(table, columns or {})
    given = {"outcome": outcome, "time": time}
    check_shape(table, found, given)
    stop(_one_sided(table, found), f"in {table.file}")
    stop(unsafe(table, found.place.values()), f"in {table.file}")
    rows = read_rows(table, found, given, estimate_from_medians=medians)
    authors = found.place["study"]
    several = _of_several_years(authors, (*rows.results, *rows.differences))
    results = _with_years(rows.results, several)
    differences = _with_years(rows.differences, several)
    results = results if table.is_own else _arms_named(results)
    stop(_spelled_alike(table.file, (*results, *differences)), f"in {table.file}")
    rows_of = _by_row(results)
    problems = [*rows.problems, *_contradictions(table.file, results)]
    if not table.is_own:
        problems += _rows_twice(table.file, rows_of)
    if not (one_trial or table.is_own):
        problems += _asked(table.file, rows_of)
    problems += _differences_twice(table.file, differences)
    problems += [] if table.is_own else _as_many_as_all(table.file, rows_of)
    if not (results or differences or problems):
        told = f"the table has a header and no row with a result.{told_beside(table)}"
        problems.append(Problem(table.file, told.rstrip(".")))
    stop(problems, f"in {table.file}")
    results = _shared_once(results)
    notes = [*table.notes, *rows.notes, *_notes(table, found, results, differences)]
    return ImportedResults(
        table.file,
        tuple(results),
        tuple(differences),
        tuple(_pairs(rows_of)),
        tuple(notes),
        tuple(_with_years(rows.blank, several)),
        frozenset(fills(found.place)),
    )


def holds_results(table: Sheet, columns: Mapping[str, str]) -> bool:
    """Say whether a sheet has columns of results; not of one whose columns cannot be told apart."""
    wide = attempt(one_row_a_follow_up, table, columns)
    if isinstance(wide, ReviewError):
        return True  # what is wrong with it is told when it is read
    found = attempt(columns_of, wide, columns)
    if isinstance(found, ReviewError):
        return False
    return found.paired or found.by_arm or found.has_effects


def check_shape(table: Sheet, found: Columns, given: Mapping[str, str | None]) -> None:
    """Stop if a sheet lacks what every extraction sheet has."""
    missing = [name for name, value in given.items() if value is None and not found.get(name)]
    wanted = [*([] if found.get("study") else ["study"]), *missing]
    if wanted:
        flags = " and ".join(f"--{name} NAME" for name in missing)
        same = f"; if all rows have the same, say so with {flags}" if missing else ""
        raise ReviewError(
            f"{table.file}, row 1: no column for {', '.join(wanted)}. {table.header}. Name the "
            f"right one with --column {wanted[0]}=HEADER{same}.{told_beside(table)}"
        )
    if not (found.paired or found.by_arm or found.has_effects):
        raise ReviewError(
            f"{table.file}, row 1: neither the columns of two arms (n1, n2 and means with SDs or "
            "events), nor those of one (arm, side, n and mean with SD or events), nor an effect "
            f"with its standard error or interval. {table.header}. Name them with --column "
            f"NAME=HEADER.{told_beside(table)}"
        )
    if IS_RESULT.isdisjoint(found.place) and (beside := told_beside(table)):
        raise ReviewError(f"{table.file}, row 1: no column with a result of a row.{beside}")


def _one_sided(table: Sheet, found: Columns) -> Iterator[Problem]:
    """Find numbers that the sheet seems to have of one arm only: a misspelt name of a column."""
    unused = [column for column in table.columns if column not in found.place.values()]
    names = {side: [w for w in MEASURED if found.get(f"{w}{side}")] for side in SIDES}
    lacking = [side for side in SIDES if not names[side]]
    if not found.paired or not lacking:
        return
    if len(lacking) == 1:
        what = next(iter(names[SIDES[0]] or names[SIDES[1]]))
        column = found.get(f"{what}{SIDES[0]}") or found.get(f"{what}{SIDES[1]}") or ""
        words = NAMES[f"{what}{lacking[0]}"]
        near = [other for other in unused if did_you_mean(plain(other), words)]
        meant = f" (did you mean {shown(near[0])}?)" if near else ""
        told = f"no column beside {shown(column)} for the other arm{meant}"
        yield Problem(table.file, f"{told}; name it with --column {what}{lacking[0]}=HEADER", 1)
    elif not found.has_effects:
        told = "the people of two arms, and no column for means with SDs or for events"
        more = f"; not used: {', '.join(map(shown, unused))}" if unused else ""
        told += f"{more}. Name them with --column mean1=HEADER.{told_beside(table)}"
        yield Problem(table.file, told, 1)


# --- names ----------------------------------------------------------------------------------------


def _with_years(items: Sequence[Item], several: Collection[str]) -> list[Item]:
    """Put the year behind the names of authors who have trials of several years."""
    named = []
    for item in items:
        if item.trial in several and item.year is not None:
            study = f"{item.study} {item.year}"
            item = replace(item, study=study, trial=as_key(study))
        named.append(item)
    return named


def _of_several_years(column: str, items: Iterable[ArmResult | Difference]) -> set[str]:
    """Return the names that several years share, if they are those of authors, not of trials."""
    if plain(column) in SURE_OF_STUDY:
        return set()
    years: dict[str, set[int | None]] = {}
    for item in items:
        years.setdefault(item.trial, set()).add(item.year)
    return {trial for trial, known in years.items() if len(known) > 1}


def _place(result: ArmResult) -> tuple[str, str, str]:
    return result.trial, plain(result.outcome), plain(result.time)


def _arms_named(results: Sequence[ArmResult]) -> list[ArmResult]:
    """Give arms without a name a number where a trial has several comparisons."""
    rows: dict[tuple[str, str, str], list[int]] = {}
    for result in results:
        if result.row not in rows.setdefault(_place(result), []):
            rows[_place(result)].append(result.row)
    named = []
    for result in results:
        own = rows[_place(result)]
        is_unnamed = result.arm_label in ("experimental", "control")
        if len(own) > 1 and is_unnamed:
            number = own.index(result.row) + 1
            label = f"{result.arm_label} {number}"
            result = replace(result, arm=as_key(label), arm_label=label)
        named.append(result)
    return named


ByRow: TypeAlias = Mapping[tuple[int, str], list[ArmResult]]


def _by_row(results: Iterable[ArmResult]) -> ByRow:
    """Return the arms of each row, and of each of its follow-ups if it has several."""
    rows: dict[tuple[int, str], list[ArmResult]] = {}
    for result in results:
        rows.setdefault((result.row, result.time), []).append(result)
    return rows


def _pairs(rows: ByRow) -> Iterator[Pair]:
    for (number, _), arms in rows.items():
        if len(arms) == TWO:
            first, second = arms
            yield Pair(first.trial, first.outcome, first.time, first.arm, second.arm, number)


def _shared_once(results: Sequence[ArmResult]) -> list[ArmResult]:
    """Keep an arm that several rows share once."""
    seen: dict[object, ArmResult] = {}
    for result in results:
        seen.setdefault((_place(result), result.arm), result)
    return list(seen.values())


# --- what contradicts itself ----------------------------------------------------------------------


def _contradictions(file: str, results: Sequence[ArmResult]) -> Iterator[Problem]:
    """Find studies of one identifier, rows that stand twice, and arms that change sides."""
    labels: dict[str, ArmResult] = {}
    places: dict[object, ArmResult] = {}
    sides: dict[tuple[str, str], ArmResult] = {}
    arms = _by_row(results)
    for result in results:
        first = labels.setdefault(result.trial, result)
        if spelling(first.study) == spelling(result.study) and first.year != result.year:
            told = (
                f"{shown(result.study)} is of {first.year or 'no year'} in row {first.row} and of "
                f"{result.year or 'no year'} here; if they are two trials, put the year into the "
                "name of each"
            )
            yield Problem(file, told, result.row)
        twin = places.setdefault((_place(result), result.arm), result)
        if twin is not result and twin.numbers != result.numbers:
            told = f"{shown(result.study)}, {result.arm_label}: stands already in row {twin.row}"
            yield Problem(file, f"{told}, with other numbers", result.row)
        elif twin is not result and len(arms[result.row, result.time]) < TWO:
            told = f"{shown(result.study)}, {result.arm_label}: stands already in row {twin.row}"
            yield Problem(file, told, result.row)
        same_arm = sides.setdefault((result.trial, result.arm), result)
        if same_arm.side != result.side:
            told = f"{shown(result.arm_label)} is on the other side in row {same_arm.row}"
            yield Problem(file, told, result.row)


def _spelled_alike(file: str, items: Iterable[ArmResult | Difference]) -> Iterator[Problem]:
    """Ask about names that may be two spellings of one trial, or two trials."""
    seen: dict[str, ArmResult | Difference] = {}
    told: set[str] = set()
    for item in items:
        first = seen.setdefault(f"{sounds(item.study)} {item.year}", item)
        name = spelling(item.study)
        if name != spelling(first.study) and name not in told:
            told.add(name)
            yield Problem(file, f"{shown(name)} {as_spelled(first.study, first.row)}", item.row)


def as_spelled(other: str, row: int | None = None) -> str:
    """Ask whether a name is another spelling of one that is known, or another trial."""
    where = f"in row {row}" if row else "in trials.csv"
    return (
        f"is spelled almost like {shown(spelling(other))} {where}. If they are one trial, write "
        "the same name; if two, put a letter behind the year of each (2015a, 2015b)"
    )


def _rows_twice(file: str, rows: ByRow) -> Iterator[Problem]:
    """Find two rows of a trial in which every number is the same: one comparison typed twice."""
    seen: dict[object, int] = {}
    for (number, _), arms in rows.items():
        if len(arms) == TWO:
            key = (_place(arms[0]), tuple(arm.numbers for arm in arms))
            if seen.setdefault(key, number) != number:
                told = f"{shown(arms[0].study)}: the same numbers as in row {seen[key]}"
                yield Problem(file, told, number)


def _asked(file: str, rows: ByRow) -> Iterator[Problem]:
    """Ask about rows of one name, outcome and time that share no arm: they may be two trials."""
    firsts: dict[object, list[ArmResult]] = {}
    for (number, _), arms in rows.items():
        first = firsts.setdefault(_place(arms[0]), arms)
        if len(arms) == TWO and first is not arms and not _related(first, arms):
            told = (
                f"{shown(arms[0].study)}, {arms[0].outcome}, {arms[0].time}: stands in rows "
                f"{first[0].row} and {number} with other numbers. If they are two trials, give "
                "each its own name (2015a, 2015b); if two instruments, keep one or make them two "
                "outcomes; if one trial, name its arms in columns 'Arm 1' and 'Arm 2', or say "
                "--one-trial"
            )
            yield Problem(file, told, number)


def _as_many_as_all(file: str, rows: ByRow) -> Iterator[Problem]:
    """Ask about a row without a year that has the people of all rows above: perhaps their total."""
    above: dict[object, list[list[ArmResult]]] = {}
    for (number, _), arms in rows.items():
        if len(arms) != TWO:
            continue
        others = above.setdefault((plain(arms[0].outcome), plain(arms[0].time)), [])
        people = [sum(pair[side].n or 0 for pair in others) for side in range(TWO)]
        dated = any(pair[0].year is not None for pair in others)
        if len(others) > 1 and dated and arms[0].year is None and people == [a.n for a in arms]:
            told = (
                f"{shown(arms[0].study)} has as many people as the rows above together; if it is "
                "their total, take the row out; if a trial, give its year"
            )
            yield Problem(file, told, number)
        others.append(arms)


def _related(one: Sequence[ArmResult], other: Sequence[ArmResult]) -> bool:
    """Say whether two rows share an arm, or name their arms or subgroups."""
    if any(a.numbers == b.numbers for a, b in zip(one, other, strict=True)):
        return True
    return not any(_is_numbered(arm) for arm in (*one, *other))


def _is_numbered(arm: ArmResult) -> bool:
    return arm.arm.startswith(("experimental-", "control-")) and arm.arm[-1].isdigit()


def _differences_twice(file: str, differences: Sequence[Difference]) -> Iterator[Problem]:
    seen: dict[object, Difference] = {}
    for one in differences:
        key = (one.trial, plain(one.outcome), plain(one.time), one.arms, one.measure)
        twin = seen.setdefault(key, one)
        if twin is not one:
            told = (
                f"{shown(one.study)}, {one.outcome}, {one.time}: stands already in row {twin.row}; "
                "give two trials two names, or name the arms in columns 'Arm 1' and 'Arm 2'"
            )
            yield Problem(file, told, one.row)


# --- what a person should know --------------------------------------------------------------------


def _notes(
    table: Sheet,
    found: Columns,
    results: Sequence[ArmResult],
    differences: Sequence[Difference],
) -> Iterator[str]:
    unused = [column for column in table.columns if column not in found.place.values()]
    if unused:
        yield f"columns not used: {', '.join(unused)}"
    if results and differences:
        effects = plural(len(differences), "row")
        yield f"{effects} without results by arm: the effect with its precision was read"
    elif results and found.has_effects:
        yield "effects not used: every row gives results by arm, from which they are computed"
    told = changes(results)
    if told:
        yield told
    yield from _derived(results, differences)
    for result in results:
        if result.is_empty:
            yield (
                f"{table.file}, row {result.row}: {result.study}, {result.arm_label} has neither a "
                "mean nor events yet"
            )
        if result.n == 1:
            yield (
                f"{table.file}, row {result.row}: {result.study}, {result.arm_label} has one "
                "person; its mean has no standard deviation, so it cannot enter a pooling of means"
            )
    yield from _half(table.file, [result for result in results if result.n != 1])
    yield from _listed_twice(table.file, results)
    yield from _suspect(table.file, results)
    for one in differences:
        yield from _uneven(table.file, one)


def _half(file: str, results: Sequence[ArmResult]) -> Iterator[str]:
    """Say which rows have a mean, and not yet what it needs to be pooled."""
    for what, lacking in (
        ("no standard deviation", [r.row for r in results if r.mean is not None and r.sd is None]),
        ("no number of people", [r.row for r in results if r.mean is not None and r.n is None]),
    ):
        if lacking:
            several = "s" * (len(set(lacking)) > 1)
            yield f"{file}, row{several} {spans(lacking)}: a mean with {what}; not pooled without"


def _uneven(file: str, one: Difference) -> Iterator[str]:
    """Warn of an estimate that does not stand in the middle of its interval on any scale it has."""
    if one.ci_low is None or one.ci_high is None:
        return
    is_ratio = one.measure in RATIO_MEASURES
    of_logs: tuple[bool, ...] = (is_ratio and one.is_log is False,)
    if not one.measure and one.is_log is None and one.ci_low > 0:
        of_logs = (False, True)  # of what it is, the sheet does not say
    middles = [off_centre(one.estimate, one.ci_low, one.ci_high, log=log) for log in of_logs]
    middle = middles[0]
    if middle is not None and None not in middles:
        numbers = f"{one.estimate:g} ({one.ci_low:g} to {one.ci_high:g})"
        yield f"{file}, row {one.row}: {one.study}: {uneven_words(numbers, middle)}"


def _derived(results: Sequence[ArmResult], differences: Sequence[Difference]) -> Iterator[str]:
    """Say how many numbers were computed, with the first as an example."""
    for told, items in (
        ("computed", [r for r in results if r.derived and not r.is_estimated]),
        ("estimated from medians", [r for r in results if r.is_estimated]),
        ("computed", [d for d in differences if d.derived]),
    ):
        if items:
            first = items[0]
            yield f"numbers {told} in {len(items)}: {first.study}, row {first.row}: {first.derived}"


def _listed_twice(file: str, results: Sequence[ArmResult]) -> Iterator[str]:
    """Say which arms of a trial have equal numbers: perhaps one arm, listed for two comparisons."""
    groups: dict[object, list[ArmResult]] = {}
    for result in results:
        groups.setdefault((_place(result), result.side, result.numbers), []).append(result)
    for group in groups.values():
        if len(group) > 1:
            rows = " and ".join(str(result.row) for result in group)
            yield (
                f"{file}, rows {rows}: {group[0].study}, equal numbers on the same side; if it is "
                "one arm in several comparisons, name it in a column, so that its people count once"
            )


def _suspect(file: str, results: Sequence[ArmResult]) -> Iterator[str]:
    """Say which SDs would fit the others better as standard errors."""
    groups: dict[object, list[ArmResult]] = {}
    for result in results:
        if result.sd is not None and result.n is not None and result.n > 1:
            key = (plain(result.outcome), plain(result.time), result.is_change)
            groups.setdefault(key, []).append(result)
    for group in groups.values():
        if len(group) < FEWEST_TO_COMPARE:
            continue
        by_name = {f"row {r.row}: {r.study}, {r.arm_label}": r for r in group}
        for one in suspect_sds(
            [float(r.n or 0) for r in by_name.values()],
            [float(r.sd or 0) for r in by_name.values()],
            labels=list(by_name),
        ):
            yield (
                f"{file}, {one.label}: SD {one.sd:g} may be a standard error (the others' median "
                f"SD is {one.others_median:g}; as a standard error it means SD {one.sd_if_se:.3g})"
            )
