"""Judgements of the risk of bias from a wide sheet: a row a study, a column a domain.

That is how robvis, RevMan and reviewers keep them: words or signs, by any of the instruments of
`analysis_lib.review.instruments`. Which instrument a sheet is of is told from its columns and its
words; what may mean two things is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as replace_sheet
from pathlib import Path
from typing import Final

from analysis_lib.base.errors import Problem, ReviewError, did_you_mean, shown, stop
from analysis_lib.base.formatting import listing
from analysis_lib.importing.filling import ROW, Change, Filled, Matcher, file_of, read_table
from analysis_lib.importing.result_columns import OF_ROW
from analysis_lib.importing.result_rows import ABSENT
from analysis_lib.importing.spreadsheets import Row, Sheet, unsafe
from analysis_lib.importing.texts import plain, write_all
from analysis_lib.review.baseline import NOT_STATED
from analysis_lib.review.instruments import (
    INSTRUMENTS,
    OVERALL,
    ROB2,
    SEVERITY,
    Instrument,
    own_instruments,
    wrong_instruments,
)
from analysis_lib.review.risk_of_bias import ALL_OUTCOMES

JUDGEMENT_WORDS = ("judgement", "judgment", "rating", "risk of bias", "risk", "rob")
FEWEST_DOMAINS = 3  # columns of domains that make a sheet one of judgements
KEYS: Final = ("trial", "outcome", "item")
NUMBERED = re.compile(r"(?:d|domain|bias domain|rob d) ?(\d)(?:\b.*)?")
#: How the Excel tool of RoB 2 names what the assessor judged, on its sheet "Results".
OF_TOOL = re.compile(r"([1-5]) 0 assessor s judge?ment")
WHOLE_OF_TOOL = re.compile(r"assessor s overall judge?ment")
WHOLE = re.compile(r"(?:overall|gesamt|global)(?: (?:bias|risk|risk of bias|judg\w+|rating|rob))*")
SIGN: Final = {"−": "-", "–": "-", "—": "-", "×": "x", "✓": "+"}
LIGHTS: Final = {"🟢": "green", "🟡": "yellow", "🔴": "red"}
#: What stands behind a word without changing it.
OF_RISK = re.compile(r"(?: risk)?(?: of bias)?$")
#: Words that name a domain in sheets of people, beside its title.
DOMAIN_WORDS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "RoB 2": {
        "D1": ("randomi[sz]ation",),
        "D2": ("deviations?",),
        "D3": ("missing",),
        "D4": ("measurement",),
        "D5": ("selecti(?:on|ve)", "reported results?", "reporting"),
    },
    "RoB 1": {
        "D1": ("sequence", "randomi[sz]ation"),
        "D2": ("concealment",),
        "D3": ("blinding .*(?:participants|personnel)", "performance bias"),
        "D4": ("blinding .*(?:assess|outcome)", "detection bias"),
        "D5": ("incomplete", "attrition"),
        "D6": ("selective", "reporting bias"),
        "D7": ("other",),
    },
    "ROBINS-I": {
        "D1": ("confounding",),
        "D2": ("selection of participants", "participant selection"),
        "D3": ("classification",),
        "D4": ("deviations?",),
        "D5": ("missing",),
        "D6": ("measurement",),
        "D7": ("reported results?",),
    },
    "QUADAS-2": {
        "A1": (
            r"app(?:licability)?\b.* patient selection",
            r"patient selection app(?:licability)?",
        ),
        "A2": (r"app(?:licability)?\b.* index test", r"index test app(?:licability)?"),
        "A3": (
            r"app(?:licability)?\b.* reference standard",
            r"reference standard app(?:licability)?",
        ),
        "D1": ("patient selection",),
        "D2": ("index test",),
        "D3": ("reference standard",),
        "D4": ("flow",),
    },
    "RoB 2 for cluster-randomised trials": {
        "D1b": ("timing", "identification", "recruitment"),
        "D1a": ("randomi[sz]ation",),
        "D2": ("deviations?",),
        "D3": ("missing",),
        "D4": ("measurement",),
        "D5": ("selecti(?:on|ve)", "reported results?", "reporting"),
    },
    "RoB 2 for cross-over trials": {
        "D1": ("randomi[sz]ation",),
        "DS": ("period", "carry ?over"),
        "D2": ("deviations?",),
        "D3": ("missing",),
        "D4": ("measurement",),
        "D5": ("selecti(?:on|ve)", "reported results?", "reporting"),
    },
    "ROBINS-E": {
        "D1": ("confounding",),
        "D2": ("exposure measurement", "measurement of (?:the )?exposure"),
        "D3": ("selection of participants", "participant selection"),
        "D4": ("post ?exposure",),
        "D5": ("missing",),
        "D6": ("measurement of (?:the )?outcomes?",),
        "D7": ("reported results?",),
    },
    "PROBAST": {
        "A1": (r"app(?:licability)?\b.* participants", r"participants app(?:licability)?"),
        "A2": (r"app(?:licability)?\b.* predictors", r"predictors app(?:licability)?"),
        "A3": (r"app(?:licability)?\b.* outcome", r"outcome app(?:licability)?"),
        "D1": ("participants",),
        "D2": ("predictors",),
        "D3": ("outcome",),
        "D4": ("analysis",),
    },
}


@dataclass(frozen=True, slots=True)
class Judged:
    """A sheet of judgements: its instrument, and which column holds what.

    The column of the outcome is empty if there is none.
    """

    sheet: Sheet
    instrument: Instrument
    study: str
    outcome: str
    items: Mapping[str, str]


def read_judgements(
    sheet: Sheet, instrument: str = "", own: Mapping[str, Instrument] | None = None
) -> Judged | None:
    """Find the instrument and the domains of a sheet; ``None`` if it is none of judgements.

    Parameters
    ----------
    sheet
        From `analysis_lib.importing.spreadsheets`.
    instrument
        Name of the instrument, if a person said it.
    own
        Instruments that the review defines.

    Raises
    ------
    ReviewError
        If the sheet fits several instruments, or none.
    """
    known = {**INSTRUMENTS, **(own or {})}
    sheet = _wide(sheet)
    study = _study(sheet)
    if study is None:
        return None
    named = [c for c in sheet.columns if plain(c) in OF_ROW["outcome"] and not _is_judged(sheet, c)]
    outcome = next(iter(named), "")
    if instrument and instrument not in known:
        told = f"it must be one of {listing(list(known))}{did_you_mean(instrument, list(known))}"
        raise ReviewError(f"--instrument {shown(instrument)}: {told}")
    wanted = [known[instrument]] if instrument else list(known.values())
    fits = [Judged(sheet, one, study, outcome, _items(sheet, one)) for one in wanted]
    domains = [sum(item != OVERALL for item in judged.items) for judged in fits]
    if max(domains) < FEWEST_DOMAINS and not instrument:
        return None
    best = [judged for judged, n in zip(fits, domains, strict=True) if n == max(domains)]
    titled = [_titled(judged) for judged in best]
    best = [judged for judged, n in zip(best, titled, strict=True) if n == max(titled)]
    whole = [judged for judged in best if max(domains) >= _size(judged)] or best
    fitting = [judged for judged in whole if not list(_unreadable(judged))]
    fitting = [judged for judged in fitting if not judged.instrument.is_rare] or fitting
    if len(fitting) == 1 or len(whole) == 1:
        return (fitting or whole)[0]
    names = listing([judged.instrument.name for judged in whole])
    raise ReviewError(f"{sheet.file}: judgements by {names}? Say --instrument NAME")


def defined_instruments(data: Path) -> dict[str, Instrument]:
    """Return the instruments that ``instruments.csv`` of a review defines; none without it."""
    from analysis_lib.review.cells import read_table as read_values
    from analysis_lib.review.schemas import SCHEMAS

    path = data / "instruments.csv"
    if not path.exists():
        return {}
    table = read_values(path, SCHEMAS["instruments"])
    stop(wrong_instruments(table), f"in {path.name}")
    return own_instruments(table)


def add_judgements(
    judged: Judged,
    data: Path,
    *,
    outcome: str | None = None,
    source: str = "",
    replace: bool = False,
    remove: bool = False,
    dry_run: bool = False,
) -> Filled:
    """Add judgements to ``risk_of_bias.csv`` of a review.

    Parameters
    ----------
    judged
        From `read_judgements`.
    data
        The folder with the tables of a review, which must have the trials.
    outcome
        Of which outcome the judgements are, if the sheet has no column for it; of all when neither
        says so.
    source
        Which document the sheet was extracted from.
    replace
        Whether other judgements of the sheet replace those of the review, empty cells too.
    remove
        Whether judgements go that came from this sheet, of trials that it has no longer.
    dry_run
        Say what would change, and write nothing.

    Raises
    ------
    ReviewError
        For a trial or an outcome that the review does not have, a word or sign that is none of the
        instrument, and judgements that differ from those of the review. Nothing is written then.
    """
    sheet = judged.sheet
    used = (judged.study, judged.outcome, *judged.items.values())
    stop(unsafe(sheet, used), f"in {sheet.file}")
    stop(_unreadable(judged), f"in {sheet.file}")
    adding = _Adding(judged, data, source, replace)
    for row in sheet.rows:
        adding.row(row, outcome)
    stop(adding.problems, f"in {sheet.file}")
    adding.absent(remove=replace and remove)
    table = adding.table
    if not dry_run and (table.added or table.is_changed):
        write_all({table.path: table.text()})
    added = {"risk_of_bias.csv": table.added}
    return Filled(added, adding.known, tuple(adding.changes), tuple(adding.notes))


class _Adding:
    """Puts judgements into the table and collects what speaks against it."""

    def __init__(self, judged: Judged, data: Path, source: str, replace: bool) -> None:
        self.judged, self.source, self.replace = judged, source, replace
        self.signs = _signs(judged)
        self.trials = Matcher(read_table(data, "trials", ("trial",)), "trial")
        self.outcomes = Matcher(read_table(data, "outcomes", ("outcome",)), "outcome")
        self.outcomes.known[ALL_OUTCOMES] = ALL_OUTCOMES
        self.table = read_table(data, "risk_of_bias", KEYS)
        self.rows: dict[int, int] = {}  # entries of the table that are of this sheet, and its rows
        self.known = 0
        self.changes: list[Change] = []
        self.notes: list[str] = []
        self.problems: list[Problem] = []
        self.seen: set[tuple[str, str]] = set()  # trial and outcome of the rows

    def row(self, row: Row, outcome: str | None) -> None:
        """Add the judgements of a row."""
        label = row.get(self.judged.study)
        whose = outcome or row.get(self.judged.outcome) or ALL_OUTCOMES
        trial, of = self.trials(label), self.outcomes(whose)
        if trial is None:
            told = f"trial {shown(label)} is not in trials.csv{self.trials.hint(label)}"
            self._add(row, f"{told}; import its results first")
        elif of is None:
            told = f"outcome {shown(whose)} is not in outcomes.csv{self.outcomes.hint(whose)}"
            self._add(row, told)
        else:
            place = f"{self.judged.sheet.file}, row {row.number}"
            name = self.judged.instrument.name
            common = {
                **{"trial": trial, "outcome": of, "provenance": "reported"},
                "instrument": "" if name == ROB2.name else name,
                "source": f"{self.source}; {place}" if self.source else place,
            }
            self.seen.add((trial, of))
            for item, column in self.judged.items.items():
                word = _level(row.get(column), self.judged.instrument, self.signs)
                if word:
                    self._put({**common, "item": item, "judgement": word}, row, label)
                else:
                    self._empty({**common, "item": item}, label)

    def _put(self, new: dict[str, str], row: Row, label: str) -> None:
        twin = self.table.find(new)
        if twin is None:
            self.table.add(new)
            self.rows[id(new)] = row.number
            return
        old, word = twin.get("judgement", ""), new["judgement"]
        what = f"{label}, {new['item']}"
        if id(twin) in self.rows:
            self._add(row, f"{what}: stands already in row {self.rows[id(twin)]}")
        elif twin.get("instrument", "") != new["instrument"]:
            self._add(row, f"{what}: risk_of_bias.csv has it by another instrument")
        elif old == word:
            self.known += 1
        elif self.replace or old == NOT_STATED:
            place = f"{label}, {new['outcome']}"
            self.changes.append(Change("risk_of_bias.csv", place, new["item"], old, word))
            self.table.set(twin, {"judgement": word, "source": new["source"]})
        else:
            told = f"{what}: {old} in risk_of_bias.csv and {word} here"
            self._add(row, f"{told}; --replace takes the new one")

    def _empty(self, row: dict[str, str], label: str) -> None:
        """Take out a judgement whose cell is empty in the sheet; say that it stays otherwise."""
        twin = self.table.find(row)
        if twin is None:
            return
        place, old = f"{label}, {row['outcome']}", twin.get("judgement", "")
        if self.replace:
            self.changes.append(Change("risk_of_bias.csv", place, row["item"], old, ""))
            self.table.remove(twin)
        else:
            told = f"risk_of_bias.csv, {place}: {row['item']} {old} stays; the cell is empty in the"
            self.notes.append(f"{told} sheet, and --replace empties it here too")

    def absent(self, *, remove: bool) -> None:
        """Find judgements that came from this sheet and are in it no longer."""
        for row in list(self.table.rows):
            place = row["trial"], row["outcome"]
            if file_of(row) != self.judged.sheet.file or place in self.seen:
                continue
            what = f"{row['item']} {row.get('judgement', '')}"
            if remove:
                self.changes.append(Change("risk_of_bias.csv", ", ".join(place), ROW, what))
                self.table.remove(row)
            else:
                told = f"risk_of_bias.csv, {', '.join(place)}: {what} is no longer in the sheet"
                self.notes.append(f"{told}; it stays, --replace --remove takes it out")

    def _add(self, row: Row, told: str) -> None:
        self.problems.append(Problem(self.judged.sheet.file, told, row.number))


def unused_columns(judged: Judged) -> list[str]:
    """Return the columns of the sheet that hold neither the study nor a judgement."""
    used = {judged.study, judged.outcome, *judged.items.values()}
    return [column for column in judged.sheet.columns if column not in used]


# --- columns --------------------------------------------------------------------------------------


def _study(sheet: Sheet) -> str | None:
    """Return the column of the studies: one that does more than count them, if there is one."""
    named = [column for column in sheet.columns if plain(column) in OF_ROW["study"]]
    words = [c for c in named if not all(row.get(c).isdecimal() for row in sheet.rows)]
    return next(iter(words or named), None)


def _is_judged(sheet: Sheet, column: str) -> bool:
    """Say whether a column "Outcome" is a domain, as of PROBAST: every cell of it is a level."""
    cells = [cell for row in sheet.rows if (cell := row.get(column))]
    return bool(cells) and all(_sign(c) or OF_RISK.sub("", plain(c)) in SEVERITY for c in cells)


def _wide(sheet: Sheet) -> Sheet:
    """Return a sheet with a row a study and domain as one with a column a domain."""
    place = {plain(column): column for column in reversed(sheet.columns)}
    domain = next((place[word] for word in ("domain", "item", "bias domain") if word in place), "")
    judgement = next((place[word] for word in JUDGEMENT_WORDS if word in place), "")
    if not (domain and judgement):
        return sheet
    others = [column for column in sheet.columns if column not in (domain, judgement)]
    domains: dict[str, str] = {}  # each in its first spelling
    rows = []
    for row in sheet.rows:
        if row.get(domain):
            name = domains.setdefault(plain(row.get(domain)), row.get(domain))
            cells = {column: row.get(column) for column in others}
            rows.append(Row(row.number, {**cells, name: row.get(judgement)}))
    return replace_sheet(sheet, columns=(*others, *domains.values()), rows=tuple(rows))


def _titled(judged: Judged) -> int:
    """Return how many columns name their domain in words of the instrument, behind its number."""
    words = DOMAIN_WORDS.get(judged.instrument.name, {})
    named = 0
    for item, column in judged.items.items():
        header = plain(column).removeprefix(plain(item)).strip()
        titles = [re.escape(plain(judged.instrument.domains.get(item, ""))), *words.get(item, ())]
        named += bool(header) and any(re.search(rf"\b{w}", header) for w in titles if w)
    return named


def _size(judged: Judged) -> int:
    """Return how many domains of bias the instrument has."""
    return sum(name.startswith("D") for name in judged.instrument.domains)


def _items(sheet: Sheet, instrument: Instrument) -> dict[str, str]:
    """Return the column of each domain and of the overall judgement."""
    found: dict[str, str] = {}
    for column in sheet.columns:
        item = _item(plain(column), instrument, set(found))
        if item:
            found[item] = column
    order = (*instrument.domains, OVERALL)
    return {item: found[item] for item in order if item in found}


def _item(header: str, instrument: Instrument, taken: set[str]) -> str:
    if WHOLE.fullmatch(header) or WHOLE_OF_TOOL.fullmatch(header):
        return OVERALL
    own = {plain(item): item for item in instrument.domains}.get(header.removeprefix("domain "), "")
    if own and own not in taken:
        return own
    numbered = OF_TOOL.fullmatch(header) or NUMBERED.fullmatch(header)
    if numbered:
        item = f"D{numbered[1]}"
        return item if item in instrument.domains and item not in taken else ""
    title = {plain(told): item for item, told in instrument.domains.items()}.get(header, "")
    if title and title not in taken:
        return title
    for item, words in DOMAIN_WORDS.get(instrument.name, {}).items():
        if item not in taken and any(re.search(rf"\b{word}", header) for word in words):
            return item
    return ""


# --- words and signs ------------------------------------------------------------------------------


def _sign(cell: str, instrument: Instrument | None = None) -> str:
    """Return a cell as a sign, if it is one of those that are met or one of the instrument."""
    own = {sign for usage in instrument.signs for sign in usage} if instrument else set()
    if cell in own:
        return cell
    sign = SIGN.get(cell, cell.casefold())
    return sign if sign in ("+", "-", "!", "x", "?") else ""


def _signs(judged: Judged) -> Mapping[str, str]:
    """Return what the signs of a sheet mean; nothing if usages differ about one of them."""
    used = {_sign(cell, judged.instrument) for cell in _cells(judged)} - {""}
    usages = [usage for usage in judged.instrument.signs if used <= usage.keys()]
    meanings = {tuple(usage[sign] for sign in sorted(used)) for usage in usages}
    return dict(zip(sorted(used), meanings.pop(), strict=True)) if len(meanings) == 1 else {}


def _cells(judged: Judged) -> Iterator[str]:
    for row in judged.sheet.rows:
        yield from (row.get(column) for column in judged.items.values())


def _level(cell: str, instrument: Instrument, signs: Mapping[str, str]) -> str:
    """Return the level that a cell names; empty if it is empty or no level."""
    if sign := _sign(cell, instrument):
        return signs.get(sign, "")
    word = OF_RISK.sub("", plain(LIGHTS.get(cell.strip("\ufe0f"), cell)))
    if word in instrument.words:
        return word
    if word in instrument.also:
        return instrument.also[word]
    first = [level for level in instrument.levels if level[0] == word]
    return first[0] if len(first) == 1 else ""


def _unreadable(judged: Judged) -> Iterator[Problem]:
    """Name every cell that is no judgement of the instrument."""
    signs, instrument = _signs(judged), judged.instrument
    for row in judged.sheet.rows:
        for column in judged.items.values():
            cell = row.get(column)
            if plain(cell) in ABSENT or not cell or _level(cell, instrument, signs):
                continue
            yield Problem(judged.sheet.file, _told(cell, judged), row.number, column)


def _told(cell: str, judged: Judged) -> str:
    instrument = judged.instrument
    sign = _sign(cell, instrument)
    meant = list(dict.fromkeys(usage[sign] for usage in instrument.signs if sign in usage))
    if len(meant) > 1:
        return f"{shown(cell)} is {' or '.join(meant)} in {instrument.name}; write the word"
    known: Sequence[str] = instrument.words
    return f"{shown(cell)} is no judgement of {instrument.name}: {', '.join(known)}"
