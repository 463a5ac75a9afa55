"""Read the formats in which each line begins with a tag: RIS, MEDLINE, Web of Science and others.

A dialect says how a line with a tag looks, which tag begins a record and what ends it. Whatever
stands between records (numbers, links, the strategy of the search) is skipped and counted. The
readers that others keep (rispy) do not say in which line a record begins and refuse most of these
dialects; they serve as the independent count in the tests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from analysis_lib.importing.search.record import Found

ENOUGH_TAGS = 3  # that a record without a title is one
#: Tags of notes and numbers, in which the DOI of another work may stand.
MAY_BE_ANOTHER = ("ID", "AN", "N1")
WHOLLY_DOI = re.compile(r"(?:doi:?\s*)?(?:https?://(?:dx\.)?doi\.org/)?10\.\d+/\S+", re.IGNORECASE)
Tags = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a format writes its records.

    Attributes
    ----------
    name : str
        As people call it.
    line : re.Pattern
        A line with a tag: its groups are the tag and the value.
    begins : str
        The tag that begins a record; empty where only the end is marked.
    ends : str
        The tag that ends a record, if there is one.
    fields : mapping
        Which tags hold what, the preferred first.
    each : tuple of str
        Tags of which every line holds a value of its own, also without the tag before it.
    frame : tuple of str
        Tags that stand around all records.
    blank_ends : bool
        Whether a blank line ends a record, or at least a value where a tag begins each record.
    """

    name: str
    line: re.Pattern[str]
    begins: str
    fields: Tags
    ends: str = ""
    each: tuple[str, ...] = ()
    frame: tuple[str, ...] = ()
    blank_ends: bool = False


RIS = Dialect(
    "RIS",
    re.compile(r"\s*([A-Za-z][A-Za-z0-9])(?:[ \t\xa0]{2,4}|\t)[-–—][ \t\xa0]*(.*)"),
    "TY",
    {
        "title": ("TI", "T1", "CT", "BT", "TT", "ST"),
        "authors": ("AU", "A1", "A2", "ED", "A3", "A4"),
        "year": ("PY", "Y1", "YR", "DA"),
        "journal": ("JO", "JF", "T2", "JA", "J2", "SO", "BT"),
        "volume": ("VL",),
        "issue": ("IS",),
        "pages": ("SP",),
        "doi": ("DO", "DI", "L3", "M3", "UR", "L2", "LK", "ID", "AN", "N1"),
        "pmid": ("PM", "C5"),
        "kind": ("TY", "M3"),
    },
    ends="ER",
)
#: With one space before the dash, where words like "ER - positive" may go on an abstract.
RIS_NARROW = replace(RIS, line=re.compile(r"[ \t]*([A-Z][A-Z0-9])[ \t]-[ \t]*(.*)"))
RIS_WITHOUT_TYPE = replace(RIS, begins="")
REFWORKS_RIS = replace(RIS, name="RefWorks", begins="RT", ends="")
#: Ovid's own forms number the records: <1>, or 1. in a line of its own.
OVID = replace(
    RIS,
    name="Ovid",
    line=re.compile(r"(<(?=\d+>\s*$)|[A-Z][A-Z0-9](?=[ \t]{2,4}-))(?:\d+>|[ \t]{2,4}-[ \t]*(.*))"),
    begins="<",
    ends="",
    fields={**RIS.fields, "year": ("YR", "DP", "PY", "SO"), "pmid": ("PM", "UI")},
    blank_ends=True,
)
OVID_LABELS = Dialect(
    "Ovid",
    re.compile(r"(<(?=\d+>)|(?=\d+\.)|[A-Z][A-Za-z]+(?: [A-Za-z/&]+){0,4})(?:\d+[>.])?()\s*"),
    "<",
    {
        "title": ("Title", "Original Title", "Book Title"),
        "authors": ("Authors", "Author", "Author Full Name"),
        "year": ("Year of Publication", "Publication Year", "Date of Publication", "Source"),
        "journal": ("Journal Name", "Journal", "Source"),
        "volume": ("Volume",),
        "issue": ("Issue",),
        "pages": ("Page", "Pages"),
        "doi": ("Digital Object Identifier", "DOI", "DO"),
        "pmid": ("Unique Identifier", "PMID"),
        "kind": ("Publication Type",),
    },
    each=("Authors", "Author"),
)
MEDLINE = Dialect(
    "MEDLINE (PubMed)",
    re.compile(r"(?:\d+: )?([A-Z]{2,4}) {0,2}- ?(.*)"),
    "PMID",
    {
        "title": ("TI", "BTI", "TT"),
        "authors": ("FAU", "AU", "CN"),
        "year": ("DP", "DEP"),
        "journal": ("JT", "TA"),
        "volume": ("VI",),
        "issue": ("IP",),
        "pages": ("PG",),
        "doi": ("LID", "AID", "SO"),
        "pmid": ("PMID",),
        "kind": ("PT",),
    },
    blank_ends=True,
)
WEB_OF_SCIENCE = Dialect(
    "Web of Science",
    re.compile(r"([A-Z][A-Z0-9])(?: (.*))?"),
    "PT",
    {
        "title": ("TI",),
        "authors": ("AF", "AU", "BA"),
        "year": ("PY", "EY"),
        "journal": ("SO", "JI"),
        "volume": ("VL",),
        "issue": ("IS",),
        "pages": ("BP", "AR"),
        "doi": ("DI",),
        "pmid": ("PM",),
        "kind": ("DT", "PT"),
    },
    ends="ER",
    each=("AU", "AF", "BA"),
    frame=("FN", "VR", "EF"),
)
REFER = Dialect(
    "EndNote (refer)",
    re.compile(r"%([0-9A-Z@!#$&()*+<>?\[\]^=~])[ \t]?(.*)"),
    "0",
    {
        "title": ("T",),
        "authors": ("A",),
        "year": ("D", "8"),
        "journal": ("J", "B"),
        "volume": ("V",),
        "issue": ("N",),
        "pages": ("P",),
        "doi": ("R", "U"),
        "pmid": ("M",),
        "kind": ("0",),
    },
    blank_ends=True,
)
REFWORKS = Dialect(
    "RefWorks",
    re.compile(r"(RT|SR|ID|A[1-6]|AD|AB|AN|CL|CN|CY|DB|DO|DS|ED|FD|IS|JF|JO|K1|LA|LK|NO|OL|OP|PB|"
               r"PP|RD|SN|SP|T1|T2|T3|U[1-5L]|VO|WP|YR|AV|PMID) (.*)"),
    "RT",
    {
        "title": ("T1",),
        "authors": ("A1",),
        "year": ("YR", "FD"),
        "journal": ("JF", "JO", "T2"),
        "volume": ("VO",),
        "issue": ("IS",),
        "pages": ("SP",),
        "doi": ("DO", "LK", "UL"),
        "pmid": ("PMID",),
        "kind": ("RT",),
    },
)  # fmt: skip
REFER_WITHOUT_TYPE = replace(REFER, begins="")
COCHRANE = Dialect(
    "Cochrane Library text",
    re.compile(r"(Record|[A-Z]{2,3})(?: #|: ?)(.*)"),
    "Record",
    {
        "title": ("TI",),
        "authors": ("AU",),
        "year": ("YR",),
        "journal": ("SO",),
        "volume": ("VL",),
        "issue": ("NO",),
        "pages": ("PG",),
        "doi": ("DOI", "US"),
        "pmid": ("PM",),
        "kind": ("PT",),
    },
)
#: By what only the format has, the clearest first.
SAMPLE = 300_000  # characters in which a format shows itself
SIGNS: Final = (
    (re.compile(r"^\s*TY(?:[ \t\xa0]{2,4}|\t)[-–—]", re.MULTILINE | re.IGNORECASE), RIS),
    (re.compile(r"^[ \t]*TY[ \t]-", re.MULTILINE), RIS_NARROW),
    (re.compile(r"^(?:\d+: )?PMID ?- ?\d", re.MULTILINE), MEDLINE),
    (re.compile(r"^PT [A-Z]\w*[ \t]*$", re.MULTILINE), WEB_OF_SCIENCE),
    (re.compile(r"^%0[ \t]", re.MULTILINE), REFER),
    (re.compile(r"^RT [A-Z]\w+", re.MULTILINE), REFWORKS),
    (re.compile(r"^RT {2,4}- [A-Z]\w+", re.MULTILINE), REFWORKS_RIS),
    (re.compile(r"^Record #\d+ of \d+\s+ID: ", re.MULTILINE), COCHRANE),
    (re.compile(r"^ER {1,2}-[ \t]*$", re.MULTILINE), RIS_WITHOUT_TYPE),
    (re.compile(r"^<\d+>\s*\n(?:.*\n){0,9}?[A-Z][A-Z0-9] {2,4}- ", re.MULTILINE), OVID),
    (
        re.compile(r"^(?:<\d+>|\d+\.)\s*\n(?:.*\n){0,9}?Title\s*\n[ \t]+\S", re.MULTILINE),
        OVID_LABELS,
    ),
    (re.compile(r"^%[AT][ \t]\S.*\n(?:.*\n)?%[A-Z][ \t]", re.MULTILINE), REFER_WITHOUT_TYPE),
)


@dataclass(slots=True)
class Reading:
    """What was found in a file: records with the line in which each begins, and the rest.

    Attributes
    ----------
    found : list of (int, Found)
        First line and fields of each record.
    skipped : list of (int, str)
        Lines that stand between records, with their numbers.
    begun : int
        How many records the file begins, counted by the tag alone.
    """

    found: list[tuple[int, Found]] = field(default_factory=list)
    skipped: list[tuple[int, str]] = field(default_factory=list)
    begun: int = 0

    def skip(self, open_record: _Open | None) -> None:
        """Count the lines with tags that turned out to be no record."""
        if open_record is not None:
            for tag, values in open_record.tags.items():
                self.skipped += [(open_record.line, f"{tag} {pieces[0]}") for pieces in values]


@dataclass(slots=True)
class _Open:
    """A record that is being read: values by tag, each of pieces that are joined at the end."""

    line: int
    tags: dict[str, list[list[str]]] = field(default_factory=dict)
    last: str = ""
    paused: bool = False  # by a blank line

    def is_record(self, dialect: Dialect) -> bool:
        return not dialect.begins or dialect.begins in self.tags

    def add(self, tag: str, value: str) -> None:
        self.tags.setdefault(tag, []).append([value])
        self.last, self.paused = tag, False

    def goes_on(self, line: str, dialect: Dialect) -> bool:
        """Say whether a line without a tag belongs to the value before it."""
        if self.paused and dialect.blank_ends:
            return False
        return self.is_record(dialect) or line[0] in " \t"

    def go_on(self, words: str, dialect: Dialect) -> None:
        if self.last in dialect.each:
            self.tags[self.last].append([words])
        else:
            self.tags[self.last][-1].append(words)

    def fields(self, dialect: Dialect) -> Found:
        values = {tag: [" ".join(v).strip() for v in lines] for tag, lines in self.tags.items()}
        found = {}
        for name, tags in dialect.fields.items():
            given = [[v for v in values.get(tag, ()) if _says(name, tag, v)] for tag in tags]
            every = name == "kind"
            found[name] = (
                [v for some in given for v in some] if every else next((v for v in given if v), [])
            )
        return found


def _says(name: str, tag: str, value: str) -> bool:
    """Say whether a value can be what its tag is for: an address need not hold a DOI."""
    if name != "doi":
        return bool(value)
    if tag in MAY_BE_ANOTHER:
        return WHOLLY_DOI.fullmatch(value) is not None
    return "10." in value and (not value.startswith("http") or "doi.org/" in value)


def find_dialect(text: str) -> Dialect | None:
    """Return the format of a text, told from the tags that only it has."""
    return next((dialect for sign, dialect in SIGNS if sign.search(text, 0, SAMPLE)), None)


def read_tagged(text: str, dialect: Dialect) -> Reading:
    """Read the records of a text.

    Parameters
    ----------
    text
        The whole file, its lines ending as in Unix.
    dialect
        How it is written.

    Returns
    -------
    Reading
        Nothing is refused: a record that does not end ends with the next or with the file, one
        whose type stands below its other tags is one record, and a type twice is one, too.
    """
    reading = Reading()
    now: _Open | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        tag, value = _parts(line, dialect)
        if tag in dialect.frame:
            continue
        reading.begun += tag == dialect.begins and bool(tag)
        if now is not None and _is_over(now, tag, line, dialect):
            _close(now, dialect, reading)
            now = None
        if tag and tag != dialect.ends:
            now = now or _Open(number)
            now.add(tag, value)
        elif tag or not line.strip():
            if now is not None:
                now.paused = True
        elif now is not None and now.goes_on(line, dialect):
            now.go_on(line.strip(), dialect)
        elif now is not None and now.is_record(dialect):
            reading.skipped.append((number, line.strip()))
        else:  # lines with tags before such a line belong to no record either
            reading.skip(now)
            reading.skipped.append((number, line.strip()))
            now = None
    if now is not None:
        _close(now, dialect, reading)
    return reading


def _parts(line: str, dialect: Dialect) -> tuple[str, str]:
    found = dialect.line.fullmatch(line.rstrip())
    if not found:
        return "", ""
    tag, value = found[1] or dialect.begins, (found[2] or "").strip()
    if dialect.line is RIS.line:
        tag = tag.upper()
    # An abstract may go on with "ER - positive cells".
    return ("", "") if tag == dialect.ends and value and dialect is RIS_NARROW else (tag, value)


def _is_over(now: _Open, tag: str, line: str, dialect: Dialect) -> bool:
    """Say whether a line ends the record that is open."""
    if tag and tag == dialect.ends:
        return True
    if tag and tag == dialect.begins:
        # Types that stand together, or behind the first tags, are those of one record; a whole
        # record and a blank line before it are another, whose own type is lost.
        whole = now.paused and not now.tags.keys().isdisjoint(dialect.fields["title"])
        return now.last != tag and (tag in now.tags or whole)
    return dialect.blank_ends and not dialect.begins and not line.strip()


def _close(now: _Open, dialect: Dialect, reading: Reading) -> None:
    """Keep a record that begins as one, or has at least a title or several other things."""
    fields = now.fields(dialect)
    has_more = not dialect.begins and len(now.tags) >= ENOUGH_TAGS
    if dialect.begins in now.tags or fields.get("title") or has_more:
        reading.found.append((now.line, fields))
    else:
        reading.skip(now)
