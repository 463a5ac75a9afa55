"""From the exports of a search to one list of records, each duplicate explained.

Databases export RIS or CSV. Records are the same when they share a DOI, or when they share a title
and nothing contradicts it: no other DOI, year or first author. Everything that was read stands in
the log exactly once, as kept, as a duplicate of a kept record, or as kept and to be looked at.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy.special import ndtri

from analysis_lib.base.checks import FloatArray
from analysis_lib.base.errors import Problem, ReviewError, shown
from analysis_lib.importing.spreadsheets import read_sheet, stop
from analysis_lib.importing.texts import decode, plain, read_bytes
from analysis_lib.importing.workbooks import MOST_ROWS
from analysis_lib.review.cells import CONTROL, MARKUP

RIS_LINE = re.compile(r"^([A-Z][A-Z0-9])  ?-(?: (.*)|)$")
YEAR = re.compile(r"\b(1[89]|20)\d\d\b")
FORMATTING = re.compile(r"</?(?:i|b|u|em|strong|sub|sup)>", re.IGNORECASE)
DOI = re.compile(r"\b10\.\d{4,9}/\S+", re.IGNORECASE)

#: The tags of RIS that say what is needed here, the preferred one first.
RIS_TAGS: Final[Mapping[str, tuple[str, ...]]] = {
    "title": ("TI", "T1", "CT"),
    "authors": ("AU", "A1"),
    "year": ("PY", "Y1", "DA"),
    "journal": ("JO", "JF", "T2", "JA"),
    "doi": ("DO",),
}
#: What databases call the columns of a CSV export, in the words of `plain`.
CSV_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "title": ("title", "article title", "document title"),
    "authors": ("authors", "author", "first author"),
    "year": ("year", "publication year", "pub year"),
    "journal": ("journal", "journal book", "source title", "publication title", "source"),
    "doi": ("doi",),
}

FACTS = ("DOI", "year", "first author")
CHOICES = tuple(itertools.product((False, True), repeat=len(FACTS)))  # which of the facts

Verdict: TypeAlias = Literal["kept", "duplicate", "look at"]


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a search, as exported.

    Attributes
    ----------
    file, row : str, int
        Where it stands: the row of a CSV file, the first line of a RIS record.
    title, authors, journal : str
        Empty when the export does not give them.
    year : int or None
        Year of publication.
    doi : str
        In lower case, without the address before it.
    """

    file: str
    row: int
    title: str = ""
    authors: str = ""
    year: int | None = None
    journal: str = ""
    doi: str = ""

    @property
    def first_author(self) -> str:
        """Family name of the first author, for comparison."""
        return plain(re.split(r"[,;]", self.authors)[0]).split(" ")[0] if self.authors else ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of one record.

    Attributes
    ----------
    record : Record
    decision : {"kept", "duplicate", "look at"}
        A record to look at is kept: it has a title that another has, and something differs.
    of : Record or None
        The kept record that it repeats, or resembles.
    why : str
        The reason in words.
    """

    record: Record
    decision: Verdict
    of: Record | None
    why: str


@dataclass(frozen=True, slots=True)
class Deduplication:
    """The records that remain, and the decision on every record that was read."""

    records: tuple[Record, ...]
    decisions: tuple[Decision, ...]

    @property
    def counts(self) -> dict[str, int]:
        """The boxes of the PRISMA flow diagram that follow."""
        read, kept = len(self.decisions), len(self.records)
        return {
            "records_identified": read,
            "duplicates_removed": read - kept,
            "records_screened": kept,
        }

    def log(self) -> pd.DataFrame:
        """Return one row a decision: file, row, title, decision, of (file and row), why."""
        return pd.DataFrame(
            [
                {
                    "file": d.record.file,
                    "row": d.record.row,
                    "title": d.record.title,
                    "decision": d.decision,
                    "of": f"{d.of.file}, row {d.of.row}" if d.of else "",
                    "why": d.why,
                }
                for d in self.decisions
            ],
            columns=["file", "row", "title", "decision", "of", "why"],
        )


def is_search_export(path: str | Path) -> bool:
    """Say whether a file is the export of a search, and not an extraction sheet.

    A RIS file is one; so is a table with a column of titles and none of results.
    """
    file = Path(path)
    if file.suffix.lower() == ".ris":
        return True
    if file.suffix.lower() == ".txt" and _is_ris(file):
        return True
    header = {plain(column) for column in read_sheet(file).columns}
    results = {"n", "mean", "experimental n", "n1", "events"}
    return not header.isdisjoint(CSV_NAMES["title"]) and header.isdisjoint(results)


def read_records(path: str | Path) -> tuple[Record, ...]:
    """Read the export of a search.

    Parameters
    ----------
    path
        A .ris, .csv, .tsv or .txt file (a .txt file that begins with a RIS record is read as RIS),
        or an .xlsx file.

    Returns
    -------
    tuple of Record
        As many as the file holds; a record without a title is one too. The tags of italics and
        of raised letters, which databases leave in titles, are taken away.

    Raises
    ------
    ReviewError
        For a file that cannot be read, has no column for titles, or holds script.
    """
    file = Path(path)
    if file.suffix.lower() == ".ris" or (file.suffix.lower() == ".txt" and _is_ris(file)):
        return _from_ris(file.name, FORMATTING.sub("", decode(read_bytes(file)).text))
    return _from_sheet(file)


def deduplicate(records: Iterable[Record]) -> Deduplication:
    """Decide of every record whether an earlier one is the same.

    Parameters
    ----------
    records
        In the order in which they are to be kept: the first of several stays, and takes from the
        others only what it lacks (DOI, year, journal, authors).

    Returns
    -------
    Deduplication

    Notes
    -----
    The rules use no similarity score: the same DOI, or the same title without accents, case and
    punctuation, with no DOI, year or first author that contradicts it. Records with the same
    title and a contradiction are both kept, to be looked at.

    Examples
    --------
    >>> first = Record("a.ris", 1, "Lifting for back pain", "Aasa, B", 2015, doi="10.1/x")
    >>> again = Record("b.csv", 2, "Lifting for Back Pain.", "Aasa B", 2015)
    >>> deduplicate([first, again]).counts["duplicates_removed"]
    1
    """
    known = _Known()
    judged: list[tuple[Record, Verdict, int | None, str]] = []
    for record in records:
        verdict, twin, why = _judged(record, known)
        judged.append((record, verdict, twin, why))
        known.learn(record, twin if verdict == "duplicate" else None)
    decisions = tuple(
        Decision(record, decision, None if of is None else known.records[of], why)
        for record, decision, of, why in judged
    )
    return Deduplication(tuple(known.records), decisions)


class _Known:
    """The records that are kept, found by DOI, and by title with what does not contradict it.

    DOI, year and first author are three facts of which any may be missing; a record is kept under
    every choice of those that it has, so that one look finds it for every choice that another has,
    however many records share a title.
    """

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.by_doi: dict[str, int] = {}
        self.by_title: dict[str, int] = {}
        self.by_facts: dict[object, int] = {}

    def learn(self, record: Record, twin: int | None) -> None:
        """Keep a record, or let the one that it repeats take what it lacks."""
        position = len(self.records) if twin is None else twin
        if twin is None:
            self.records.append(record)
        else:
            self.records[twin] = record = _completed(self.records[twin], record)
        title, facts = plain(record.title), _facts(record)
        self.by_title.setdefault(title, position)
        for chosen in CHOICES:
            self.by_facts.setdefault((title, *_given(facts), *_only(facts, chosen)), position)
        if record.doi:
            self.by_doi.setdefault(record.doi, position)

    def fitting(self, record: Record) -> int | None:
        """Return the first kept record with the title, of which no fact contradicts these."""
        title, facts = plain(record.title), _facts(record)
        places = (self.by_facts.get((title, *given, *_only(facts, given))) for given in CHOICES)
        return min((place for place in places if place is not None), default=None)


def _facts(record: Record) -> tuple[str, ...]:
    return record.doi, str(record.year or ""), record.first_author


def _given(facts: tuple[str, ...]) -> tuple[bool, ...]:
    return tuple(map(bool, facts))


def _only(facts: tuple[str, ...], chosen: tuple[bool, ...]) -> tuple[str, ...]:
    return tuple(fact if choice else "" for fact, choice in zip(facts, chosen, strict=True))


def _judged(record: Record, known: _Known) -> tuple[Verdict, int | None, str]:
    """Return the decision on a record, the position of its twin among the kept ones, and why."""
    if record.doi in known.by_doi:
        return "duplicate", known.by_doi[record.doi], f"the same DOI, {record.doi}"
    title = plain(record.title)
    if not title:
        return "kept", None, "without a title, it cannot be compared by title"
    fitting = known.fitting(record)
    if fitting is not None:
        return "duplicate", fitting, "the same title, and nothing that contradicts it"
    first = known.by_title.get(title)
    if first is None:
        return "kept", None, ""
    differs = " and ".join(_contradictions(record, known.records[first]))
    return "look at", first, f"the same title, but {differs}"


def _contradictions(one: Record, other: Record) -> Iterator[str]:
    for what, mine, theirs in zip(FACTS, _facts(one), _facts(other), strict=True):
        if mine and theirs and mine != theirs:
            yield f"another {what}"


def _completed(kept: Record, duplicate: Record) -> Record:
    lacking = {
        name: getattr(duplicate, name)
        for name in ("title", "authors", "year", "journal", "doi")
        if not getattr(kept, name) and getattr(duplicate, name)
    }
    return replace(kept, **lacking)


def _is_ris(file: Path) -> bool:
    first = next((line for line in decode(read_bytes(file)).text.splitlines() if line.strip()), "")
    return RIS_LINE.match(first) is not None


def _from_ris(name: str, text: str) -> tuple[Record, ...]:
    records: list[Record] = []
    problems: list[object] = []
    fields: dict[str, list[str]] = {}
    start, tag = 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        match = RIS_LINE.match(line.rstrip())
        if match and match[1] == "TY":
            if start:
                problems.append(Problem(name, "a record begins before the last one ends", number))
            fields, start, tag = {}, number, "TY"
        elif not start:
            if line.strip():
                told = f"{shown(line)} stands outside of a record (TY to ER)"
                problems.append(Problem(name, told, number))
        elif match and match[1] == "ER":
            records.append(_from_tags(name, start, fields))
            start = 0
        elif match:
            tag = match[1]
            fields.setdefault(tag, []).append((match[2] or "").strip())
        elif line.strip() and fields.get(tag):
            fields[tag][-1] = f"{fields[tag][-1]} {line.strip()}"  # a long field goes on
        if len(problems) >= LARGEST_REPORT:
            break
    if start and not problems:
        problems.append(Problem(name, "the last record does not end (ER)", start))
    if len(records) > MOST_ROWS:
        problems.append(f"{name}: more than {MOST_ROWS:,} records")
    if not records and not problems:
        problems.append(f"{name}: holds no record")
    stop([*problems, *_unsafe(records)])
    return tuple(records)


LARGEST_REPORT = 20  # lines of trouble; a file that is no RIS would have one a line


def _from_tags(name: str, start: int, fields: Mapping[str, Sequence[str]]) -> Record:
    values = {
        what: next((fields[tag] for tag in tags if any(fields.get(tag, ()))), [])
        for what, tags in RIS_TAGS.items()
    }
    first = {what: next(iter(found), "") for what, found in values.items()}
    first["authors"] = "; ".join(values["authors"])
    return _record(name, start, first)


def _from_sheet(file: Path) -> tuple[Record, ...]:
    table = read_sheet(file)
    where: dict[str, str] = {}
    for what, known in CSV_NAMES.items():
        for name in known:  # in the order of preference
            found = [column for column in table.columns if plain(column) == name]
            if found:
                where.setdefault(what, found[0])
    if "title" not in where:
        raise ReviewError(f"{table.file}, row 1: no column for titles. {table.header}")
    return tuple(
        _record(
            table.file,
            row.number,
            {what: FORMATTING.sub("", row.get(where.get(what))) for what in CSV_NAMES},
        )
        for row in table.rows
    )


def _record(name: str, row: int, cells: Mapping[str, str]) -> Record:
    year, doi = YEAR.search(cells["year"]), DOI.search(cells["doi"])
    return Record(
        file=name,
        row=row,
        title=cells["title"],
        authors=cells["authors"],
        year=int(year.group()) if year else None,
        journal=cells["journal"],
        doi=doi.group().rstrip(".,;)").lower() if doi else "",
    )


def _unsafe(records: Iterable[Record]) -> Iterator[Problem]:
    for record in records:
        for what in ("title", "authors", "journal", "doi"):
            cell = getattr(record, what)
            if CONTROL.search(cell) or MARKUP.search(cell):
                told = f"{shown(cell)} holds HTML, script or a control character"
                yield Problem(record.file, told, record.row, what)


# --- two people screen ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ScreeningAgreement:
    """How far two people who screened the same records agree.

    Attributes
    ----------
    n : int
        Records that both judged.
    observed, expected : float
        Share on which they agree, and share on which they would by chance.
    kappa : float or None
        Cohen's kappa; ``None`` when both gave one and the same answer to everything.
    se : float or None
        Its large-sample standard error.
    ci : (float, float) or None
        Its confidence interval, within -1 and 1.
    level : float
        Of the interval.
    disagreements : tuple of str
        The records to talk about.
    """

    n: int
    observed: float
    expected: float
    kappa: float | None
    se: float | None
    ci: tuple[float, float] | None
    level: float
    disagreements: tuple[str, ...]


def screening_agreement(
    first: Sequence[str],
    second: Sequence[str],
    *,
    labels: Sequence[object] | None = None,
    level: float = 0.95,
) -> ScreeningAgreement:
    r"""Cohen's kappa of two people who screened the same records.

    Parameters
    ----------
    first, second : sequence of str, shape (n,)
        Their answers, for example "include", "exclude", "unclear".
    labels : sequence, optional
        Names of the records.
    level : float, default 0.95
        Level of the confidence interval.

    Returns
    -------
    ScreeningAgreement

    Raises
    ------
    ReviewError
        For no records, lists of unequal length, or an answer that is missing.

    Notes
    -----
    With the shares :math:`p_{ij}` of answers i and j, observed agreement
    :math:`p_o = \sum p_{ii}` and expected agreement :math:`p_e = \sum p_{i.}p_{.i}`,

    .. math:: \kappa = \frac{p_o-p_e}{1-p_e}, \qquad
        \widehat{se}^2 = \frac{A+B-C}{n(1-p_e)^2},

    .. math:: A = \sum_i p_{ii}\left(1-(p_{i.}+p_{.i})(1-\kappa)\right)^2, \quad
        B = (1-\kappa)^2\sum_{i\neq j}p_{ij}(p_{.i}+p_{j.})^2, \quad
        C = \left(\kappa-p_e(1-\kappa)\right)^2 .

    References
    ----------
    Cohen J (1960). A coefficient of agreement for nominal scales. Educational and Psychological
    Measurement 20:37-46.

    Fleiss JL, Cohen J, Everitt BS (1969). Large sample standard errors of kappa and weighted
    kappa. Psychological Bulletin 72:323-327.

    Examples
    --------
    >>> one = ["include"] * 25 + ["exclude"] * 25
    >>> two = ["include"] * 20 + ["exclude"] * 5 + ["include"] * 10 + ["exclude"] * 15
    >>> round(screening_agreement(one, two).kappa, 2)
    0.4
    """
    names = _checked_answers(first, second, labels)
    if not 0 < level < 1:
        raise ReviewError(f"level must be strictly between 0 and 1, not {level}")
    answers = sorted({*first, *second})
    positions = {answer: i for i, answer in enumerate(answers)}
    counts = np.zeros((len(answers), len(answers)))
    for a, b in zip(first, second, strict=True):
        counts[positions[a], positions[b]] += 1
    shares = counts / len(first)
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    observed, expected = float(np.trace(shares)), float(rows @ columns)
    differ = tuple(n for n, a, b in zip(names, first, second, strict=True) if a != b)
    kappa = se = ci = None
    if len(answers) > 1:
        kappa = (observed - expected) / (1 - expected)
        se = _se_of_kappa(shares, kappa, expected) / len(first) ** 0.5
        margin = -float(ndtri((1 - level) / 2)) * se
        ci = (max(-1.0, kappa - margin), min(1.0, kappa + margin))
    return ScreeningAgreement(len(first), observed, expected, kappa, se, ci, level, differ)


def _se_of_kappa(shares: FloatArray, kappa: float, expected: float) -> float:
    """Return the standard error of kappa for one record (Fleiss, Cohen and Everitt 1969)."""
    rows, columns, agreed = shares.sum(axis=1), shares.sum(axis=0), np.diag(shares)
    on_diagonal = float(agreed @ (1 - (rows + columns) * (1 - kappa)) ** 2)
    spread = shares * (columns[:, None] + rows[None, :]) ** 2
    off_diagonal = (1 - kappa) ** 2 * float(spread.sum() - np.trace(spread))
    centre = (kappa - expected * (1 - kappa)) ** 2
    # Rounding may leave a hair less than zero where the two agree in everything.
    return float(np.sqrt(max(0.0, on_diagonal + off_diagonal - centre)) / (1 - expected))


def _checked_answers(
    first: Sequence[str], second: Sequence[str], labels: Sequence[object] | None
) -> tuple[str, ...]:
    if len(first) != len(second) or not len(first):
        raise ReviewError(f"{len(first)} answers of one and {len(second)} of the other; need equal")
    names = tuple(
        map(str, labels) if labels is not None else (f"record {i + 1}" for i in range(len(first)))
    )
    if len(names) != len(first):
        raise ReviewError(f"labels: {len(names)} labels for {len(first)} records")
    for name, a, b in zip(names, first, second, strict=True):
        if not (isinstance(a, str) and isinstance(b, str) and a.strip() and b.strip()):
            raise ReviewError(f"{name}: an answer is missing ({a!r}, {b!r})")
    return names
