"""Sheets with their follow-ups beside each other: mean 6 weeks, SD 6 weeks, mean 12 weeks ...

Such a sheet becomes one with a row a follow-up, and says so. Every follow-up bears the words of its
columns, and must be described in the review like any other. A sheet that cannot be understood so
comes back as it is, and `told_beside` says how to lay it out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from analysis_lib.base.errors import Problem, ReviewError, attempt, shown, stop
from analysis_lib.base.formatting import listing
from analysis_lib.importing.grids import MOST_ROWS, MOST_TOLD
from analysis_lib.importing.result_columns import (
    KNOWN,
    NAMES,
    OF_ARM,
    OF_ROW,
    SIDES,
    columns_of,
    names_of,
)
from analysis_lib.importing.spreadsheets import Row, Sheet
from analysis_lib.importing.texts import plain
from analysis_lib.review.baseline import BASELINE

TIME: Final = "Time"
#: Units of time, each in the languages that the other columns may have.
UNITS: Final[Mapping[str, str]] = {
    "hour": r"hours?|hrs?|h|stunden?|heures?|horas?|ore|uur|uren",
    "day": r"days?|d|tage?n?|jours?|j|dias?|giorn[oi]|dag(?:en)?",
    "week": r"weeks?|wks?|w|wochen?|semaines?|sem|semanas?|settiman[ae]|wek(?:en)?",
    "month": r"months?|mths?|mos?|m|monate?n?|mois|mes(?:es)?|mes[ei]|maand(?:en)?",
    "year": r"years?|yrs?|y|jahre?n?|ans?|anos?|ann[oi]|jaar|jaren",
}
SIGNS: Final = {"天": "day", "日": "day", "周": "week", "週": "week", "月": "month", "年": "year"}
FIRST: Final = (
    r"t0|baseline|pre(?:[ -]?(?:test|treatment|intervention))?|ausgangswert|basislinie|"
    r"valeur initiale|linea de base|linea base|basal|inicial|iniziale|nulmeting|基线|基線"
)
AFTER: Final = (
    r"(?:post|after|end of)(?:[ -]?(?:test|treatment|intervention))?|endpoint|final|discharge|"
    r"follow[ -]?up|nachher|apres|despues|dopo|depois"
)
VISIT: Final = r"t|v|visite?|time ?point|follow[ -]?up|fu"
START, END, GAP = r"(?<![^\W_])", r"(?![^\W_])", r"[\s_.-]?"
NUMBER: Final = r"\d{1,3}(?:[.,]\d)?"
_UNIT: Final = "|".join(f"(?P<{name}>{words})" for name, words in UNITS.items())
_BEFORE: Final = "|".join(f"(?P<{name}_no>(?:{words}){GAP})" for name, words in UNITS.items())
FORMS: Final = (
    re.compile(
        rf"{START}(?P<number>{NUMBER}(?:\s?(?:-|–|to|bis)\s?{NUMBER})?){GAP}(?:{_UNIT}){END}"
    ),
    re.compile(rf"{START}(?:{_BEFORE})(?P<number>{NUMBER}){END}"),
    re.compile(rf"第?(?P<number>{NUMBER})\s?[个個か]?(?P<sign>[{''.join(SIGNS)}])[后後时時]?"),
    re.compile(rf"{START}(?P<visit>{VISIT}){GAP}(?P<number>\d{{1,2}}){END}"),
)
WORDS: Final = (
    re.compile(rf"{START}(?P<first>{FIRST}){END}"),
    re.compile(rf"{START}(?P<after>{AFTER}){END}"),
)
#: What may stand beside a follow-up, and says nothing of the column.
BEFORE_IT = re.compile(
    r"(?:(?<![^\W_])(?:at|after|nach|a|las|los|the|in|na|op|tras|dopo|apos|follow[ -]?up)\W+)+$"
)
BEHIND_IT = re.compile(r"^\W*(?:follow[ -]?up|fu|post|after|later)(?![^\W_])")

#: What is measured of an arm or an effect, so that it belongs to a time; people may be of all.
PEOPLE: Final = ("n", *(f"n{side}" for side in SIDES))
MEASURED: Final = frozenset(
    (
        *(f"{what}{side}" for what in OF_ARM for side in ("", *SIDES)),
        *("estimate", "effect_se", "effect_variance", "effect_low", "effect_high", "effect_p"),
        *("o_e", "o_e_variance"),
    )
)
RESULTS: Final = ("mean", "events", "change", "median", "correlation")
IS_RESULT: Final = frozenset(
    ("estimate", "o_e", *(f"{what}{side}" for what in RESULTS for side in ("", *SIDES)))
)
#: What the columns of judgements of bias are called, apart from the titles of domains.
DOMAIN = re.compile(r"(?:d|domain ?)\d[a-z]?|overall.*|\d 0 assessor s judge?ment")
#: A name of a column is no longer than this; what is longer is words.
LONGEST_NAME: Final = 200
LAYOUT: Final = "Study, Arm, Side, Outcome, Time, N, Mean, SD"

Kinds = frozenset[str]


@dataclass(frozen=True, slots=True)
class At:
    """A column of one follow-up: its words there, a key that spellings share, and the rest."""

    time: str
    key: tuple[str, str]
    name: str
    kinds: Kinds

    @property
    def is_numbered(self) -> bool:
        """Whether the follow-up has a number: 6 weeks, T2."""
        return bool(self.key[1])


def one_row_a_follow_up(table: Sheet, chosen: Mapping[str, str], time: str | None = None) -> Sheet:
    """Return a sheet whose follow-ups stand beside each other with one row for each.

    Parameters
    ----------
    table
        Any extraction sheet; one that is not understood so comes back as it is.
    chosen
        Which column holds what, as a person said; who names one of the columns of a follow-up
        wants those alone.
    time
        The one follow-up that is wanted.

    Raises
    ------
    ReviewError
        For two columns of one thing at one follow-up, a wanted follow-up that is not there, and
        more rows than a sheet may have.
    """
    found = {c: at for c in table.columns if (at := _at(c)) is not None}
    if not any(at.is_numbered and at.kinds & IS_RESULT for at in found.values()):
        return table
    of_times = {kind for at in found.values() for kind in at.kinds}
    beside = {c: _kinds(c) for c in table.columns if c not in found}
    is_one = any(kinds & MEASURED and not kinds & set(PEOPLE) for kinds in beside.values())
    if is_one or found.keys() & set(chosen.values()) or "time" in chosen or _has_time(table):
        return table
    spare = {c for c, kinds in beside.items() if kinds & set(PEOPLE) & of_times}
    wide = _unfolded(table, found, spare, time)
    shape = attempt(columns_of, wide, chosen)
    if isinstance(shape, ReviewError) or not (shape.paired or shape.by_arm or shape.has_effects):
        return table
    return wide


def is_header(cells: Collection[str]) -> int:
    """Return how many columns a row names, if one of them is the study's and another is known."""
    cells = [cell for cell in cells if len(cell) <= LONGEST_NAME]
    words = [plain(cell) for cell in cells]
    names_study = any(word in OF_ROW["study"] for word in words)
    of_bias = sum(DOMAIN.fullmatch(word) is not None for word in words)
    known = sum(not KNOWN.isdisjoint(names_of(cell)) or _at(cell) is not None for cell in cells)
    return max(known, of_bias) if names_study and (known > 1 or of_bias > 1) else 0


def told_beside(table: Sheet) -> str:
    """Say which columns seem to bear a follow-up in their names, and how to lay them out."""
    columns = [column for column in table.columns if _numbered(column)]
    if len(columns) < 2:
        return ""
    names = ", ".join(map(shown, columns[:MOST_TOLD])) + " ..." * (len(columns) > MOST_TOLD)
    return (
        f" The columns {names} seem to name their follow-ups, and are not understood. They are "
        "read if each is named by what it holds, its arm where a row has two, and its follow-up, "
        "as in 'Mean 6 weeks', 'SD 1 6 weeks', and no column of results is without. Else give "
        f"each outcome and follow-up a row of its own: {LAYOUT}"
    )


def _has_time(table: Sheet) -> bool:
    return any(name in OF_ROW["time"] for column in table.columns for name in names_of(column))


@lru_cache(4096)
def _kinds(column: str) -> Kinds:
    """Return all that a column may hold, by its surest name."""
    for name in names_of(column):
        kinds = frozenset(kind for kind, words in NAMES.items() if name in words)
        if kinds:
            return kinds
    return frozenset()


# --- the follow-up in the name of a column --------------------------------------------------------


def _folded(text: str) -> str:
    """Return text without case and accents, sign by sign, so that places stay the same."""
    signs = []
    for sign in text:
        base = "".join(c for c in unicodedata.normalize("NFKD", sign.casefold())
                       if not unicodedata.combining(c))  # fmt: skip
        signs.append(base if len(base) == 1 else sign)
    return "".join(signs)


def _numbered(column: str) -> bool:
    folded = _folded(unicodedata.normalize("NFC", column))
    return not _kinds(column) and any(form.search(folded) for form in FORMS)


@lru_cache(
    4096
)  # the rows above the first are looked at as headers, and the columns more than once
def _at(column: str) -> At | None:
    """Return what a column holds and when; nothing if its name is not of that form."""
    if len(column) > LONGEST_NAME or plain(column) in KNOWN:
        return None  # time1 is person-time, and m1 a mean
    forms = WORDS if _kinds(column) else (*FORMS, *WORDS)  # kg/m2 is no second month
    written = unicodedata.normalize("NFC", column)
    folded = _folded(written)
    for form in forms:
        for found in form.finditer(folded):
            before, behind = written[: found.start()], written[found.end() :]
            for name in _without(before, behind):
                kinds = _kinds(name)
                if kinds & MEASURED:
                    time = " ".join(found[0].replace("_", " ").split())
                    label = written[found.start() : found.end()].replace("_", " ")
                    key = _key(found) or ("", plain(time))
                    first = key == (BASELINE, "")
                    return At(BASELINE if first else " ".join(label.split()), key, name, kinds)
    return None


def _without(before: str, behind: str) -> Iterator[str]:
    """Yield what is left of a name without its follow-up, and without words that go with it."""
    short = before[: match.start()] if (match := BEFORE_IT.search(_folded(before))) else before
    rest = behind[match.end() :] if (match := BEHIND_IT.search(_folded(behind))) else behind
    for name in dict.fromkeys((before + " " + behind, short + " " + behind, short + " " + rest)):
        yield " ".join(name.replace("_", " ").split())


def _key(found: re.Match[str]) -> tuple[str, str]:
    """Return unit and number of a follow-up; what is measured first is the baseline."""
    parts = {name: text for name, text in found.groupdict().items() if text is not None}
    number = parts.get("number", "").replace(",", ".")
    if "first" in parts or number == "0":
        return BASELINE, ""
    if "after" in parts:
        return "", ""
    unit = SIGNS.get(parts.get("sign", ""), "") or ("visit" if "visit" in parts else "")
    unit = unit or next(name for name in UNITS if name in parts or f"{name}_no" in parts)
    return unit, " ".join(re.findall(r"[\d.]+", number))


# --- the rows -------------------------------------------------------------------------------------


def _unfolded(table: Sheet, found: Mapping[str, At], spare: set[str], wanted: str | None) -> Sheet:
    names: dict[Kinds, str] = {}
    times: dict[tuple[str, str], str] = {}
    columns: dict[tuple[str, str], dict[str, str]] = {}  # name and column, by follow-up
    problems = []
    for column, at in found.items():
        name = names.setdefault(at.kinds, at.name)
        label = times.setdefault(at.key, at.time)
        twin = columns.setdefault(at.key, {}).setdefault(name, column)
        if twin != column:
            told = f"columns {shown(twin)} and {shown(column)} both seem to hold {name} at {label}"
            problems.append(Problem(table.file, told, 1))
    stop(problems, f"in {table.file}")
    if wanted is not None:
        times = _only(table, times, wanted)
    if len(table.rows) * len(times) > MOST_ROWS:
        raise ReviewError(f"{table.file}: more than {MOST_ROWS:,} rows, one for each follow-up")
    whole = [c for c in table.columns if c not in found and c not in spare]
    rows = tuple(
        Row(row.number, _cells(row, whole, columns[key]) | {TIME: label}, columns[key])
        for row in table.rows
        for key, label in times.items()
    )
    notes = [f"{table.file}: {told}" for told in _notes(times, columns, whole, spare)]
    return replace(
        table,
        columns=(*whole, TIME, *names.values()),
        rows=rows,
        notes=(*table.notes, *notes),
    )


def _only(
    table: Sheet, times: Mapping[tuple[str, str], str], wanted: str
) -> dict[tuple[str, str], str]:
    """Return the follow-up that was asked for, if the sheet has it in its columns."""
    chosen = {key: label for key, label in times.items() if plain(label) == plain(wanted)}
    if not chosen:
        raise ReviewError(
            f"{table.file}: --time {wanted}: the columns are of {listing(list(times.values()))}; "
            "leave --time out and all are read, or name one of them"
        )
    return chosen


def _cells(row: Row, whole: list[str], columns: Mapping[str, str]) -> dict[str, str]:
    cells = {column: cell for column in whole if (cell := row.get(column))}
    return cells | {name: cell for name, column in columns.items() if (cell := row.get(column))}


def _notes(
    times: Mapping[tuple[str, str], str],
    columns: Mapping[tuple[str, str], Mapping[str, str]],
    whole: list[str],
    spare: set[str],
) -> Iterator[str]:
    labels = ", ".join(times.values())
    yield f"follow-ups beside each other, of each of which a row is read: {labels}"
    for key, label in list(times.items())[:MOST_TOLD]:
        yield f"{label} is in {', '.join(columns[key].values())}"
    for_all = [column for column in whole if _kinds(column) & set(PEOPLE)]
    if for_all:
        yield f"people of every follow-up: {', '.join(for_all)}"
    if spare:
        told = ", ".join(sorted(spare))
        yield f"columns not used: {told}, beside the people of each follow-up"
