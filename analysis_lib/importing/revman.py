"""Read what RevMan writes: the data package and CSV of RevMan Web, the file and CSV of RevMan 5.

Each becomes one sheet in the words of an extraction sheet, of every row only what its analysis
uses: RevMan writes zeros into all other columns. The package's two versions name the same columns
of the data rows; only their settings differ.

References
----------
Cochrane, RevMan knowledge base: data package specification, versions 1 and 2.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing.spreadsheets import Row, Sheet, sheet_of
from analysis_lib.importing.texts import plain
from analysis_lib.importing.xml_stream import CHUNK, Budget, read_xml

LARGEST_PART = 50_000_000  # bytes of a table in a package
MOST_PARTS = 5_000
RM5 = re.compile(rb"<COCHRANE_REVIEW\b")
DATA_ROWS = re.compile(r"(?:^|[/-])data-rows\.csv$", re.IGNORECASE)
SETTINGS = re.compile(r"overall-estimates-and-settings\.csv$", re.IGNORECASE)
INNER = re.compile(r"-data\.zip$", re.IGNORECASE)

#: What a row of each kind of analysis uses.
OF_KIND: Final[Mapping[str, tuple[str, ...]]] = {
    "events": ("Experimental cases", "Experimental N", "Control cases", "Control N"),
    "means": (
        *("Experimental mean", "Experimental SD", "Experimental N"),
        *("Control mean", "Control SD", "Control N"),
    ),
    "effects": ("GIV Mean", "GIV SE", "Experimental N", "Control N"),
    "ratios": ("Effect estimate", "SE", "CI start", "CI end", "Experimental N", "Control N"),
    "log-rank": ("O-E", "O-E variance", "Experimental N", "Control N"),
}
COLUMNS: Final = (
    *("Study", "Study year", "Outcome", "Effect measure", "Subgroup", "Arm 1", "Arm 2"),
    *dict.fromkeys(column for columns in OF_KIND.values() for column in columns),
)
MEASURES: Final = {
    "odds ratio": "OR",
    "peto odds ratio": "OR",
    "peto or": "OR",
    "or": "OR",
    "odds ratio non event": "OR",
    "risk ratio": "RR",
    "rr": "RR",
    "risk difference": "RD",
    "rd": "RD",
    "hazard ratio": "HR",
    "hr": "HR",
    "rate ratio": "IRR",
    "mean difference": "MD",
    "md": "MD",
    "standardized mean difference": "SMD",
    "standardised mean difference": "SMD",
    "std mean difference": "SMD",
    "smd": "SMD",
}
#: Kinds of analyses as the settings of a package, RevMan 5's CSV and its file name them.
KINDS: Final = {
    "dichotomous": "events",
    "continuous": "means",
    "contrast level": "effects",
    "generic inverse variance": "effects",
    "o e and variance": "log-rank",
    "dic": "events",
    "con": "means",
    "iv": "ratios",
    "ipd": "log-rank",
    "DICH": "events",
    "CONT": "means",
    "IV": "effects",
    "IPD": "log-rank",
}


@dataclass(frozen=True, slots=True)
class Analysis:
    """One analysis of RevMan: its number, name, kind, measure and the labels of its groups."""

    number: str
    comparison: str = ""
    name: str = ""
    kind: str = ""
    measure: str = ""
    labels: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class StudyRow:
    """A study in an analysis: its cells under the names of `COLUMNS`, and where it stands."""

    number: int
    analysis: str
    cells: Mapping[str, str]


def read_revman(
    name: str, content: bytes, analyses: Collection[str] = (), encoding: str | None = None
) -> Sheet | None:
    """Read a file of RevMan.

    Parameters
    ----------
    name, content
        Name and bytes of the file.
    analyses
        Which analyses, such as "1.2"; all when empty.
    encoding
        Of a text file, if somebody knows it.

    Returns
    -------
    Sheet or None
        One row a study and analysis; ``None`` if the file is not RevMan's.

    Raises
    ------
    ReviewError
        For an analysis that the file does not have, or a package without results.
    """
    if content.startswith(b"PK"):
        found = _package(name, content)
    elif RM5.search(content[:5000]):
        found = _rm5(content)
    else:
        found = _table(name, content, encoding)
    if found is None:
        return None
    return _sheet(name, *found, wanted=analyses)


Found = tuple[dict[str, Analysis], list[StudyRow]]


def _sheet(
    name: str, known: Mapping[str, Analysis], rows: Sequence[StudyRow], wanted: Collection[str]
) -> Sheet:
    """Return the rows as a sheet, each analysis under a name of its own."""
    absent = [number for number in wanted if number not in known]
    if absent:
        told = ", ".join(f"{a.number} ({a.name})" for a in known.values())
        raise ReviewError(f"{name}: no analysis {', '.join(absent)}; it has {told}")
    names = [analysis.name for analysis in known.values()]
    table = []
    for row in rows:
        if wanted and row.analysis not in wanted:
            continue
        analysis = known[row.analysis]
        outcome = analysis.name
        if names.count(outcome) > 1:
            outcome = f"{analysis.number} {outcome}"
        used = {*OF_KIND[analysis.kind], "Study", "Study year", "Subgroup"}
        cells = {column: cell for column, cell in row.cells.items() if column in used}
        if analysis.kind in ("effects", "ratios", "log-rank"):  # no people are needed there
            cells = {c: cell for c, cell in cells.items() if c[-2:] != " N" or _is_something(cell)}
        labels = dict(zip(("Arm 1", "Arm 2"), analysis.labels, strict=True))
        cells |= {"Outcome": outcome, "Effect measure": analysis.measure, **labels}
        table.append(Row(row.number, {column: cell for column, cell in cells.items() if cell}))
    columns = tuple(c for c in COLUMNS if any(c in row.cells for row in table))
    told = ", ".join(f"{a.number} {a.name}" for a in known.values() if not wanted)
    notes = (f"{name}: RevMan, analyses {told}",) if told else ()
    return Sheet(name, columns, tuple(table), notes=notes)


# --- RevMan Web -----------------------------------------------------------------------------------


def _package(name: str, content: bytes) -> Found | None:
    """Read the data package: a zip, or the zip within the zip of a whole review."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()[:MOST_PARTS]
            inner = next((part for part in parts if INNER.search(part.filename)), None)
            if inner is not None:
                return _package(name, _part(packed, inner))
            rows = next((part for part in parts if DATA_ROWS.search(part.filename)), None)
            settings = next((part for part in parts if SETTINGS.search(part.filename)), None)
            if rows is None:
                if settings is not None:
                    raise ReviewError(f"{name}: a data package without data rows")
                return None
            known = {}
            if settings is not None:
                known = _settings(sheet_of(settings.filename, _part(packed, settings)))
            return _data_rows(sheet_of(rows.filename, _part(packed, rows)), known)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise ReviewError(f"{name}: not a readable zip ({type(error).__name__})") from None


def _part(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    if part.file_size > LARGEST_PART:
        raise ReviewError(
            f"{part.filename}: {part.file_size:,} bytes unpacked; the limit is {LARGEST_PART:,}"
        )
    return packed.read(part)


def _settings(table: Sheet) -> dict[str, Analysis]:
    known = {}
    for row in table.rows:
        number = f"{row.get('Analysis group')}.{row.get('Analysis number')}"
        sides = ("Experimental", "Control")
        labels = [
            row.get(f"{side} group label") or row.get(f"{side} intervention") for side in sides
        ]
        known[number] = Analysis(
            number,
            row.get("Analysis group name"),
            row.get("Analysis name"),
            KINDS.get(plain(row.get("Data type")), ""),
            MEASURES.get(plain(row.get("Effect measure")), ""),
            (labels[0], labels[1]),
        )
    return known


def _table(name: str, content: bytes, encoding: str | None) -> Found | None:
    """Read a CSV of RevMan; nothing if the table is another."""
    head = plain(content[:2000].decode("utf-8", errors="replace"))
    if "analysis group analysis number" in head and "giv mean" in head:
        return _data_rows(sheet_of(name, content, encoding=encoding), {})
    if "comparison number outcome number" in head:
        return _rm5_table(sheet_of(name, content, encoding=encoding))
    return None


def _data_rows(table: Sheet, settings: Mapping[str, Analysis]) -> Found:
    rows = []
    for row in table.rows:
        number = f"{row.get('Analysis group')}.{row.get('Analysis number')}"
        cells = {**row.cells, "O-E variance": row.get("Variance")}
        rows.append(StudyRow(row.number, number, cells))
    known = dict(settings)
    for study in rows:
        first = known.get(study.analysis, Analysis(study.analysis))
        known[study.analysis] = replace(
            first, name=first.name or study.cells.get("Analysis name", study.analysis)
        )
    return {number: _with_kind(a, rows) for number, a in known.items()}, rows


def _with_kind(analysis: Analysis, rows: Iterable[StudyRow]) -> Analysis:
    """Return the analysis with its kind, told from the columns that are not all zero."""
    if analysis.kind:
        return analysis
    own = [row.cells for row in rows if row.analysis == analysis.number]

    def used(*columns: str) -> bool:
        return any(_is_something(cells.get(column, "")) for cells in own for column in columns)

    if used("GIV SE"):
        kind = "effects"
    elif used("O-E", "O-E variance"):
        kind = "log-rank"
    else:
        kind = "means" if used("Experimental SD", "Control SD") else "events"
    return replace(analysis, kind=kind)


def _is_something(cell: str) -> bool:
    return bool(cell.strip("0.,- "))


# --- RevMan 5 -------------------------------------------------------------------------------------


def _rm5_table(table: Sheet) -> Found:
    """Read the CSV of RevMan 5: rows of comparisons, outcomes and subgroups head the studies."""
    known: dict[str, Analysis] = {}
    rows: list[StudyRow] = []
    comparison, subgroups = "", dict[tuple[str, str], str]()
    for row in table.rows:
        first, second, third = (
            row.get(f"{level} Number") for level in ("Comparison", "Outcome", "Subgroup")
        )
        number, name = f"{first}.{second}", row.get("Name")
        if second == "0":
            comparison = name
        elif row.get("Data Type"):
            known[number] = Analysis(
                number,
                comparison,
                name,
                KINDS.get(plain(row.get("Data Type")), ""),
                MEASURES.get(plain(row.get("Effect Measure")), ""),
                (row.get("Group Label 1"), row.get("Group Label 2")),
            )
        elif third != "0" and (number, third) not in subgroups and not _is_study(row):
            subgroups[number, third] = name
        elif number in known and known[number].kind:
            cells = _of_rm5(row.cells) | {"Subgroup": subgroups.get((number, third), "")}
            rows.append(StudyRow(row.number, number, cells))
    return {number: a for number, a in known.items() if a.kind}, rows


def _is_study(row: Row) -> bool:
    return bool(row.get("Year of study") or row.get("User defined order"))


def _of_rm5(cells: Mapping[str, str]) -> dict[str, str]:
    """Return the cells of RevMan 5 under the names of RevMan Web."""
    names = {
        "Name": "Study",
        "Year of study": "Study year",
        "Effect Estimate": "Effect estimate",
        "CI Start": "CI start",
        "CI End": "CI end",
        "Variance": "O-E variance",
        **{f"Events {i}": f"{side} cases" for i, side in SIDES.items()},
        **{f"Total {i}": f"{side} N" for i, side in SIDES.items()},
        **{f"Mean {i}": f"{side} mean" for i, side in SIDES.items()},
        **{f"SD {i}": f"{side} SD" for i, side in SIDES.items()},
    }
    return {names.get(name, name): cell for name, cell in cells.items()}


SIDES: Final = {"1": "Experimental", "2": "Control"}


def _rm5(content: bytes) -> Found:
    """Read the file of RevMan 5, which is XML."""
    listener = _Review()
    chunks = (content[at : at + CHUNK] for at in range(0, len(content), CHUNK))
    read_xml(chunks, listener, Budget())
    return listener.known, list(listener.rows())


class _Review:
    """Hears the studies, and the analyses with their rows."""

    def __init__(self) -> None:
        self.studies: dict[str, tuple[str, str]] = {}
        self.known: dict[str, Analysis] = {}
        self.data: list[tuple[str, str, Mapping[str, str]]] = []  # analysis, subgroup, attributes
        self.comparison = self.comparison_name = self.number = self.subgroup = ""
        self.pieces: list[str] = []
        self.inside: list[str] = []  # the elements whose name or label is wanted

    def start(self, name: str, attributes: Mapping[str, str], line: Callable[[], int]) -> None:
        self.pieces = []
        kind, _, what = name.rpartition("_")
        if name == "STUDY":
            year = attributes.get("YEAR", "")
            self.studies[attributes.get("ID", "")] = attributes.get("NAME", ""), year
        elif name == "COMPARISON":
            self.comparison = attributes.get("NO", "")
            self.inside.append(name)
        elif what == "OUTCOME" and kind in KINDS:
            self.number, self.subgroup = f"{self.comparison}.{attributes.get('NO', '')}", ""
            measure = MEASURES.get(plain(attributes.get("EFFECT_MEASURE", "")), "")
            self.known[self.number] = Analysis(
                self.number, self.comparison_name, kind=KINDS[kind], measure=measure
            )
            self.inside.append(name)
        elif what == "SUBGROUP":
            self.inside.append(name)
        elif what == "DATA" and kind in KINDS and self.number:
            self.data.append((self.number, self.subgroup, dict(attributes)))

    def text(self, words: str) -> None:
        self.pieces.append(words)

    def end(self, name: str) -> None:
        words = " ".join("".join(self.pieces).split())
        inside = self.inside[-1] if self.inside else ""
        if name == "NAME" and inside == "COMPARISON":
            self.comparison_name = words
        elif name == "NAME" and inside.endswith("_SUBGROUP"):
            self.subgroup = words
        elif inside.endswith("_OUTCOME"):
            self._of_outcome(name, words)
        if name == inside:
            self.inside.pop()
            if name.endswith("_SUBGROUP"):
                self.subgroup = ""
        self.pieces = []

    def _of_outcome(self, name: str, words: str) -> None:
        analysis = self.known[self.number]
        if name == "NAME":
            analysis = replace(analysis, name=words)
        elif name == "EFFECT_MEASURE":
            analysis = replace(analysis, measure=MEASURES.get(plain(words), ""))
        elif name == "GROUP_LABEL_1":
            analysis = replace(analysis, labels=(words, analysis.labels[1]))
        elif name == "GROUP_LABEL_2":
            analysis = replace(analysis, labels=(analysis.labels[0], words))
        self.known[self.number] = analysis

    def rows(self) -> Iterator[StudyRow]:
        """Return the rows of all analyses in their order, numbered."""
        for number, (analysis, subgroup, given) in enumerate(self.data, start=1):
            study, year = self.studies.get(given.get("STUDY_ID", ""), ("", ""))
            sides = [(i, side) for i, side in SIDES.items()]
            cells = {
                "Study": study,
                "Study year": year,
                "Subgroup": subgroup,
                "GIV Mean": given.get("ESTIMATE", ""),
                "GIV SE": given.get("SE", ""),
                "O-E": given.get("O_E", ""),
                "O-E variance": given.get("VAR", ""),
                **{f"{side} cases": given.get(f"EVENTS_{i}", "") for i, side in sides},
                **{f"{side} N": given.get(f"TOTAL_{i}", "") for i, side in sides},
                **{f"{side} mean": given.get(f"MEAN_{i}", "") for i, side in sides},
                **{f"{side} SD": given.get(f"SD_{i}", "") for i, side in sides},
            }
            yield StudyRow(number, analysis, cells)
