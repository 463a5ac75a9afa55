"""Many trials from the exports of registries: ClinicalTrials.gov, ISRCTN, WHO ICTRP, EU CTR.

Each registry writes under its own names; what is wanted of them is listed here, and every trial
becomes the same `TrialRecord`. Where a registry is silent, so is the record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from analysis_lib.base.checks import as_path
from analysis_lib.base.errors import ReviewError, stop
from analysis_lib.importing.eligibility import Criteria, years_of
from analysis_lib.importing.registry import (
    NCT_ID,
    TrialRecord,
    allocation_said,
    masking_said,
    studies_of,
    study_record,
)
from analysis_lib.importing.search.record import cleaned
from analysis_lib.importing.spreadsheets import Sheet, sheet_of
from analysis_lib.importing.texts import decode, plain, read_bytes
from analysis_lib.importing.workbooks import is_workbook
from analysis_lib.importing.xml_stream import CHUNK, Budget, read_xml

#: What a registry says of a trial, by the names of `Registry.fields`.
Said: TypeAlias = Mapping[str, list[str]]

LARGEST = 200_000_000  # bytes; a whole registry has more
MOST_ELEMENTS = 20_000_000
BREAK: Final = re.compile(r"<\s*br\s*/?>|\r\n?", re.IGNORECASE)
EVERYBODY: Final = frozenset(("all", "both", "both males and females", "male and female", "b", "a"))


@dataclass(frozen=True, slots=True)
class Registry:
    """How a registry names what is wanted of it: the places in which each thing may stand."""

    name: str
    number: re.Pattern[str]
    fields: Mapping[str, tuple[str, ...]]
    trial: str = ""  # the element of a trial, in XML


ISRCTN: Final = Registry(
    "ISRCTN registry",
    re.compile(r"\d{8}"),
    {
        "id": ("trial/isrctn",),
        "title": ("trial/trialDescription/title",),
        "official_title": ("trial/trialDescription/scientificTitle",),
        "summary": ("trial/trialDescription/plainEnglishSummary",
                    "trial/trialDescription/studyHypothesis"),
        "study_type": ("trial/trialDesign/primaryStudyDesign",),
        "phase": ("trial/interventions/intervention/phase",),
        "design": ("trial/trialDesign/interventionalTrialDesign/assignment",
                   "trial/trialDesign/studyDesign"),
        "allocation": ("trial/trialDesign/interventionalTrialDesign/allocation",
                       "trial/trialDesign/secondaryStudyDesign"),
        "masking": ("trial/trialDesign/interventionalTrialDesign/masking",
                    "trial/trialDesign/studyDesign"),
        "conditions": ("trial/conditions/condition/description",),
        "interventions": ("trial/interventions/intervention/drugNames",
                          "trial/interventions/intervention/description"),
        "outcomes": ("trial/trialDescription/primaryOutcome",
                     "trial/trialDescription/primaryOutcomes/outcomeMeasure/variable",
                     "trial/trialDescription/secondaryOutcome",
                     "trial/trialDescription/secondaryOutcomes/outcomeMeasure/variable"),
        "min_age": ("trial/participants/lowerAgeLimit",),
        "max_age": ("trial/participants/upperAgeLimit",),
        "sex": ("trial/participants/gender",),
        "actual": ("trial/participants/totalFinalEnrolment",),
        "planned": ("trial/participants/targetEnrolment",),
        "sponsor": ("sponsor/organisation",),
        "locations": ("trial/participants/recruitmentCountries/country",),
        "status": ("trial/trialDesign/overallStatusOverride",),
        "start": ("trial/participants/recruitmentStart",),
        "end": ("trial/trialDesign/overallEndDate",),
        "inclusion": ("trial/participants/inclusion",),
        "exclusion": ("trial/participants/exclusion",),
    },
    "fullTrial",
)  # fmt: skip
ICTRP: Final = Registry(
    "WHO ICTRP",
    re.compile(r"[A-Za-z]{2,}[\w/.-]*\d[\w/.-]*|\d{4}-\d{6}-\d{2}[\w/-]*"),
    {
        "id": ("TrialID",),
        "title": ("Public_title", "Scientific_title"),
        "official_title": ("Scientific_title",),
        "study_type": ("Study_type",),
        "phase": ("Phase",),
        "design": ("Study_design",),
        "allocation": ("Study_design",),
        "masking": ("Study_design",),
        "conditions": ("Condition",),
        "interventions": ("Intervention",),
        "outcomes": ("Primary_outcome", "Secondary_outcome"),
        "min_age": ("Inclusion_agemin",),
        "max_age": ("Inclusion_agemax",),
        "sex": ("Inclusion_gender",),
        "actual": ("results_actual_enrollment",),
        "planned": ("Target_size",),
        "sponsor": ("Primary_sponsor",),
        "locations": ("Countries",),
        "status": ("Recruitment_Status",),
        "start": ("Date_enrollement", "Date_enrolment"),
        "registered": ("Date_registration", "Date_registration3"),
        "end": ("results_date_completed",),
        "inclusion": ("Inclusion_Criteria",),
        "exclusion": ("Exclusion_Criteria",),
    },
    "Trial",
)
EU_CTR: Final = Registry(
    "EU Clinical Trials Register",
    re.compile(r"\d{4}-\d{6}-\d{2}"),
    {
        "id": ("EudraCT Number", "A.2 EudraCT number"),
        "title": ("A.3.1 Title of the trial for lay people, in easily understood, i.e. "
                  "non-technical, language", "A.3 Full title of the trial", "Full Title"),
        "official_title": ("A.3 Full title of the trial", "Full Title"),
        "summary": ("E.2.1 Main objective of the trial",),
        "allocation": ("E.8.1.1 Randomised",),
        "masking": ("E.8.1.4 Double blind",),
        "conditions": ("E.1.1 Medical condition(s) being investigated", "Medical condition"),
        "interventions": ("D.3.1 Product name", "D.2.1.1.1 Trade name"),
        "outcomes": ("E.5.1 Primary end point(s)", "E.5.2 Secondary end point(s)"),
        "planned": ("F.4.2.2 In the whole clinical trial",),
        "sponsor": ("B.1.1 Name of Sponsor", "Sponsor Name"),
        "status": ("Trial Status",),
        "start": ("Start Date", "Date of Competent Authority Decision"),
        "registered": ("Date on which this record was first entered in the EudraCT database",),
        "end": ("P. Date of the global end of the trial",),
        "inclusion": ("E.3 Principal inclusion criteria",),
        "exclusion": ("E.4 Principal exclusion criteria",),
    },
)  # fmt: skip
#: Tables of WHO ICTRP (columns called as the elements of its XML), of ClinicalTrials.gov as it
#: writes and wrote them, and of ISRCTN.
TABLE: Final = Registry(
    "a registry of trials",
    re.compile(rf"{ICTRP.number.pattern}|{ISRCTN.number.pattern}"),
    {
        **ICTRP.fields,
        "id": ("TrialID", "NCT Number", "ISRCTN", "ISRCTN Number", "EudraCT Number"),
        "title": ("Public_title", "Study Title", "Title", "Scientific_title"),
        "summary": ("Brief Summary", "Plain English Summary"),
        "study_type": ("Study_type", "Study Types", "Primary study design"),
        "phase": ("Phase", "Phases"),
        **dict.fromkeys(("design", "allocation", "masking"), ("Study_design", "Study Designs")),
        "conditions": ("Condition", "Conditions"),
        "interventions": ("Intervention", "Interventions"),
        "outcomes": ("Primary_outcome", "Secondary_outcome", "Primary Outcome Measures",
                     "Secondary Outcome Measures", "Other Outcome Measures", "Outcome Measures"),
        "ages": ("Age",),
        "sex": ("Inclusion_gender", "Sex", "Gender"),
        "actual": ("results_actual_enrollment", "Total final enrolment"),
        "planned": ("Target_size", "Target number of participants", "Target enrolment"),
        "people": ("Enrollment",),  # planned or actual; the table does not say
        "sponsor": ("Primary_sponsor", "Sponsor", "Sponsor/Collaborators"),
        "locations": ("Countries", "Locations", "Countries of recruitment"),
        "status": ("Recruitment_Status", "Study Status", "Status", "Recruitment",
                   "Overall trial status", "Overall status"),
        "start": ("Date_enrollement", "Date_enrolment", "Start Date", "Recruitment start date",
                  "Overall start date"),
        "registered": ("Date_registration", "Date_registration3", "First Posted", "Date assigned",
                       "Date applied", "First Received"),
        "primary_end": ("Primary Completion Date",),
        "end": ("results_date_completed", "Completion Date", "Overall end date",
                "Overall trial end date"),
        "inclusion": ("Inclusion_Criteria", "Participant inclusion criteria"),
        "exclusion": ("Exclusion_Criteria", "Participant exclusion criteria"),
    },
)  # fmt: skip
XML: Final = (
    (re.compile(r"<Trials_downloaded_from_ICTRP\b|<Trial>\s*<(?:Export_date|Internal_Number)"),
     ICTRP),
    (re.compile(r"<allTrials\b|<fullTrial\b"), ISRCTN),
)  # fmt: skip
AGES: Final = re.compile(r"(.+?) (?:to|and) (.+?)(?: \(|$)")  # 18 Years to 65 Years (Adult)
OF_WORKS: Final = frozenset(("authors", "author", "doi", "journal"))  # columns, of no registry
EU_CTR_SIGN: Final = re.compile(r"^(?:EudraCT Number|A\.2 EudraCT number):", re.MULTILINE)
JSON_SIGN: Final = re.compile(r"\s*[\[{].*?\"protocolSection\"\s*:", re.DOTALL)
#: Names in the text of the EU register that end the value above them.
NOT_WANTED: Final = re.compile(
    r"[A-Z]\.\d|(?:Trial|Link|Disease|Population Age|Gender|Sponsor|National Competent|Clinical "
    r"Trial Type|Date|Summary)\b"
)
SAMPLE = 20_000  # characters in which a registry shows itself


def read_trials(source: str | Path) -> tuple[TrialRecord, ...]:
    """Read every trial of the export of a registry.

    Parameters
    ----------
    source
        A file: JSON of ClinicalTrials.gov (a study, a search's response, a list, or one study a
        line), XML of ISRCTN, XML or a table of WHO ICTRP, or the text that the EU Clinical Trials
        Register gives for a search or a trial.

    Returns
    -------
    tuple of TrialRecord
        As many as the file holds.

    Raises
    ------
    ReviewError
        For a file that is none of these, and for a trial without number or title.
    """
    file = as_path("source", source)
    content = read_bytes(file, LARGEST)
    trials = None if is_workbook(content) else trials_of(decode(content).text)
    trials = _of_table(file.name, content) if trials is None else trials
    if not trials:
        raise ReviewError(
            f"{file.name}: no trial of ClinicalTrials.gov (JSON), ISRCTN (XML), WHO ICTRP (XML or "
            "table) or the EU Clinical Trials Register (text)"
        )
    return tuple(trials)


def is_registry(text: str) -> bool:
    """Say whether a text is the export of a registry."""
    signs = (*(sign for sign, _ in XML), EU_CTR_SIGN)
    return bool(JSON_SIGN.match(text[:SAMPLE])) or any(s.search(text, 0, SAMPLE) for s in signs)


def trials_of(text: str) -> list[TrialRecord] | None:
    """Return the trials of a text; nothing if it is of no registry.

    Raises
    ------
    ReviewError
        For trials that cannot be read, each with its number in the file.
    """
    if JSON_SIGN.match(text[:SAMPLE]):
        return _each(studies_of(text), study_record)
    found = _said_in(text)
    return None if found is None else _each(found[1], partial(_record, found[0]))


@dataclass(frozen=True, slots=True)
class Entry:
    """What a search keeps of a trial; of what the export does not give, nothing.

    Attributes
    ----------
    row : int
        Its number in the export, or the row of a table.
    number, title, date : str
        The number of its registry, and when it began or was registered.
    """

    row: int
    number: str
    title: str
    date: str


def entries_of(text: str) -> list[Entry]:
    """Return the entry of every trial of a registry's export, also of one that is faulty."""
    if JSON_SIGN.match(text[:SAMPLE]):
        return [_entry_of(row, study) for row, study in enumerate(studies_of(text), start=1)]
    registry, trials = _said_in(text) or (ICTRP, [])
    return [_entry(registry, row, said) for row, said in enumerate(trials, start=1)]


def entries_of_table(table: Sheet) -> list[Entry] | None:
    """Return the entries of a table; nothing if it is of no registry."""
    names = {plain(column) for column in table.columns}
    rows = _rows_said(table) if OF_WORKS.isdisjoint(names) else None
    if rows is None:
        return None
    return [_entry(TABLE, row.number, said) for row, said in zip(table.rows, rows, strict=True)]


def _said_in(text: str) -> tuple[Registry, Sequence[Said]] | None:
    """Return what each trial of a text says; nothing if it is of no registry, or JSON."""
    for sign, registry in XML:
        if sign.search(text, 0, SAMPLE):
            listener = _Trials(registry)
            content = re.sub(r"^\s*<\?xml[^>]*\?>", "", text).encode()
            chunks = (content[at : at + CHUNK] for at in range(0, len(content), CHUNK))
            read_xml(chunks, listener, Budget(MOST_ELEMENTS))
            return registry, listener.found
    return (EU_CTR, list(_of_lines(text))) if EU_CTR_SIGN.search(text, 0, SAMPLE) else None


def _entry(registry: Registry, row: int, said: Said) -> Entry:
    title, start, registered = (
        next(iter(_every(registry, said, name)), "") for name in ("title", "start", "registered")
    )
    return Entry(row, _number(registry, said), title, _day(start or registered) or "")


def _entry_of(row: int, study: object) -> Entry:
    """Return the entry of a study of ClinicalTrials.gov, whatever else is wrong in it."""

    def at(*path: str) -> str:
        found = study
        for key in ("protocolSection", *path):
            found = found.get(key) if isinstance(found, dict) else None
        return found if isinstance(found, str) else ""

    own = "identificationModule"
    title = at(own, "briefTitle") or at(own, "officialTitle")
    began = at("statusModule", "startDateStruct", "date")
    return Entry(row, at(own, "nctId"), title, began)


def registry_of(number: str) -> str:
    """Return the registry of a number.

    Examples
    --------
    >>> registry_of("NCT01234567"), registry_of("2014-001354-42"), registry_of("DRKS00000001")
    ('ClinicalTrials.gov', 'EU Clinical Trials Register', 'WHO ICTRP')
    """
    if NCT_ID.fullmatch(number):
        return "ClinicalTrials.gov"
    if number.startswith("ISRCTN"):
        return ISRCTN.name
    return EU_CTR.name if EU_CTR.number.match(number.removeprefix("EUCTR")) else ICTRP.name


def _each(found: Sequence[object], read: Callable[..., TrialRecord]) -> list[TrialRecord]:
    trials, problems = list[TrialRecord](), list[str]()
    for number, one in enumerate(found, start=1):
        try:
            trials.append(read(one))
        except ReviewError as error:
            problems.append(f"trial {number} of {len(found)}: {error}")
    stop(problems, "in the trials; nothing was read")
    return trials


def _record(registry: Registry, said: Said) -> TrialRecord:
    """Return a trial as a record, from what its registry says under its own names."""

    def every(name: str) -> list[str]:
        return _every(registry, said, name)

    def first(name: str) -> str | None:
        return cleaned(next(iter(every(name)), "")) or None

    def terms(name: str) -> tuple[str, ...]:
        parts = (cleaned(part) for text in every(name) for part in re.split(r"[;|\n]", text))
        return tuple(dict.fromkeys(part for part in parts if part))

    number = _number(registry, said)
    if not registry.number.fullmatch(number.removeprefix("ISRCTN") or "-"):
        raise ReviewError(f"{number!r} is no number of {registry.name}")
    title = first("title")
    if title is None:
        raise ReviewError(f"{number}: the title is empty")
    criteria = Criteria.of("\n".join(
        ["Inclusion:", *_lines(every("inclusion")), "Exclusion:", *_lines(every("exclusion"))]
    ))  # fmt: skip
    actual, planned = _people(first("actual")), _people(first("planned"))
    people = actual or planned or _people(first("people"))
    allocation, masking = first("allocation") or "", first("masking") or ""
    low, high = _age(first("min_age")), _age(first("max_age"))
    if ages := AGES.match(first("ages") or ""):  # of the old tables of ClinicalTrials.gov
        low, high = (_age(age) for age in ages.groups())
    if registry is EU_CTR:
        allocation = "randomised" if allocation == "Yes" else ""
        masking = "double blind" if masking == "Yes" else ""
    return TrialRecord(
        id=number,
        title=title,
        official_title=first("official_title"),
        summary=first("summary"),
        study_type=_upper(first("study_type")),
        phases=tuple(p for p in terms("phase") if p.upper() not in ("N/A", "NA")),
        design=first("design"),
        allocation=allocation_said(allocation),
        masking=masking_said(masking),
        conditions=terms("conditions"),
        interventions=terms("interventions"),
        arms=(),
        outcomes=terms("outcomes"),
        min_age=low,
        max_age=high,
        sex=_sex(first("sex")),
        enrolment=people,
        enrolment_type="ACTUAL" if actual else "ESTIMATED" if planned else None,
        sponsor=first("sponsor"),
        locations=terms("locations"),
        status=_upper(first("status")),
        start_date=_day(first("start") or first("registered")),
        primary_completion_date=_day(first("primary_end")),
        completion_date=_day(first("end")),
        inclusion=criteria.inclusion,
        exclusion=criteria.exclusion,
        other_criteria=criteria.other,
    )


def _every(registry: Registry, said: Said, name: str) -> list[str]:
    """Return what a registry says of one thing, in all its places."""
    places = registry.fields.get(name, ())
    given = [BREAK.sub("\n", text) for place in places for text in said.get(place, ())]
    return [text for text in given if text.strip()]


def _number(registry: Registry, said: Said) -> str:
    number = cleaned(next(iter(_every(registry, said, "id")), ""))
    own = registry is ISRCTN or (registry is TABLE and ISRCTN.number.fullmatch(number))
    return f"ISRCTN{number}" if own and number else number


def _lines(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        for line in text.split("\n"):
            yield cleaned(line)


def _upper(text: str | None) -> str | None:
    return text.upper() if text else None


def _sex(text: str | None) -> str | None:
    return "ALL" if text and plain(text) in EVERYBODY else _upper(text)


def _age(text: str | None) -> float | None:
    """Return an age; of what no registry explains, such as "Adult", nothing."""
    try:
        return years_of(text)
    except ReviewError:
        return None


def _people(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and int(text) else None


def _day(text: str | None) -> str | None:
    """Return a date without its time; 20150501 as 2015-05-01."""
    if text is None:
        return None
    day = text.partition("T")[0]
    whole = re.fullmatch(r"(\d{4})(\d\d)(\d\d)", day)
    return "-".join(whole.groups()) if whole else day


# --- how they are written -------------------------------------------------------------------------


class _Trials:
    """Hears the elements of a trial: their text, by the path below it."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.found: list[dict[str, list[str]]] = []
        self.path: list[str] = []
        self.pieces: list[str] = []
        self.inside = False

    def start(self, name: str, attributes: Mapping[str, str], line: Callable[[], int]) -> None:
        self.pieces = []
        if self.inside:
            self.path.append(name)
        elif name == self.registry.trial:
            self.inside, self.path = True, []
            self.found.append({})

    def text(self, words: str) -> None:
        if self.inside:
            self.pieces.append(words)

    def end(self, name: str) -> None:
        if not self.inside:
            return
        if not self.path:
            self.inside = False
            return
        words = "".join(self.pieces).strip()
        if words:
            self.found[-1].setdefault("/".join(self.path), []).append(words)
        self.path.pop()
        self.pieces = []


def _of_table(name: str, content: bytes) -> list[TrialRecord]:
    """Read the trials of a table."""
    rows = _rows_said(sheet_of(name, content, is_header=lambda cells: bool(_places(cells, "id"))))
    return _each(rows or [], partial(_record, TABLE))


def _rows_said(table: Sheet) -> list[Said] | None:
    """Return what each row of a table says; nothing if no column gives a registry's number."""
    if not _places(table.columns, "id"):
        return None
    known = {place: c for name in TABLE.fields for place, c in _places(table.columns, name).items()}
    return [
        {place: [cell] for place, column in known.items() if (cell := row.get(column))}
        for row in table.rows
    ]


def _places(columns: Collection[str], name: str) -> dict[str, str]:
    """Return the columns that hold one thing, by what they are called here."""
    names = {_solid(column): column for column in columns}
    places = TABLE.fields[name]
    return {place: names[_solid(place)] for place in places if _solid(place) in names}


def _solid(name: str) -> str:
    return plain(name).replace(" ", "")


def _of_lines(text: str) -> Iterator[dict[str, list[str]]]:
    """Read the lines "name: value" of the EU register; a trial of several countries comes once."""
    known = {place for names in EU_CTR.fields.values() for place in names}
    trials: dict[str, dict[str, list[str]]] = {}
    now: dict[str, list[str]] = {}
    last: list[str] | None = None
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        name = " ".join(name.split())
        if colon and name == "EudraCT Number":
            number = value.strip()[:14]
            now = {} if number in trials else trials.setdefault(number, {})
        if colon and name in known:
            last = now.setdefault(name, [])
            last.append(value.strip())
        elif colon and NOT_WANTED.match(line):
            last = None  # the name of something that is not wanted here
        elif last and line.strip():
            last[-1] += f"\n{line.strip()}"
    for number, said in trials.items():
        said["EudraCT Number"] = [number]
        yield said
