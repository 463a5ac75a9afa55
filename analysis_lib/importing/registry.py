"""Trial-registry records: two written forms, one structure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from analysis_lib.base.errors import ReviewError
from analysis_lib.review.cells import CONTROL, MARKUP

LARGEST_RECORD = 2_000_000  # characters; the longest records of the registry stay below
LONGEST_LIST = 2_000  # entries, of sites say
DEEPEST = 32  # levels of nesting; the registry's own form has fewer than ten
OLDEST = 150.0  # years
NCT_ID: Final = re.compile(r"NCT\d{8}")
# Marks that reverse or hide text on a page, so that it reads otherwise than it is.
HIDING: Final = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
# A lone surrogate is half a character; a print or a file of it fails later.
SURROGATE: Final = re.compile("[\ud800-\udfff]")
SUFFIXES: Final = (".json", ".txt")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """What a registry says about a trial; ``None`` or an empty tuple where it is silent.

    Attributes
    ----------
    id, title, official_title, summary
        The registry number and the words that describe the trial.
    study_type, phases, design, allocation, masking
        In the registry's own capitals, such as ``INTERVENTIONAL``, ``PARALLEL``, ``RANDOMIZED``,
        ``DOUBLE``.
    conditions
        Conditions and key words, each a term; the page form does not tell the two apart and
        separates terms by commas.
    interventions, arms, outcomes
        Name, or name and description joined by a colon.
    min_age, max_age
        Years.
    sex
        ``ALL``, ``FEMALE`` or ``MALE``.
    enrolment, enrolment_type
        People, and ``ESTIMATED`` or ``ACTUAL``.
    sponsor, locations, status, start_date, primary_completion_date, completion_date
        As the registry writes them; a location is city and state.
    inclusion, exclusion
        The criteria, one entry each.
    """

    id: str
    title: str
    official_title: str | None
    summary: str | None
    study_type: str | None
    phases: tuple[str, ...]
    design: str | None
    allocation: str | None
    masking: str | None
    conditions: tuple[str, ...]
    interventions: tuple[str, ...]
    arms: tuple[str, ...]
    outcomes: tuple[str, ...]
    min_age: float | None
    max_age: float | None
    sex: str | None
    enrolment: int | None
    enrolment_type: str | None
    sponsor: str | None
    locations: tuple[str, ...]
    status: str | None
    start_date: str | None
    primary_completion_date: str | None
    completion_date: str | None
    inclusion: tuple[str, ...]
    exclusion: tuple[str, ...]


def read_record(source: str | Path) -> TrialRecord:
    """Read a registry record from a file or from its text.

    Parameters
    ----------
    source
        A `Path`, or a name of one line that ends in ``.json`` or ``.txt``, is a file; any other
        string is the text itself. The text is either JSON as the ClinicalTrials.gov API (version
        2) gives it for one study, or the plain text of a trial page with the headings
        "Quick facts", "Eligibility criteria" and "Conditions:".

    Returns
    -------
    TrialRecord

    Raises
    ------
    ReviewError
        If the file cannot be read; if the text is too long, cut short, nested too deeply, has a
        value of the wrong kind, lacks the number, the title or the criteria, or holds markup,
        script or control characters. Nothing is returned of a record with a fault.

    References
    ----------
    ClinicalTrials.gov API version 2, data structure of a study record.

    Examples
    --------
    >>> record = read_record("data/registry/NCT05706103.json")
    >>> record.id, record.enrolment
    ('NCT05706103', 62)
    """
    text = _text(source)
    if len(text) > LARGEST_RECORD:
        raise ReviewError(f"record: {len(text):,} characters; the limit is {LARGEST_RECORD:,}")
    if text.lstrip().startswith(("{", "[")):
        return _checked(_from_json(text))
    _stop_unsafe("record", text)
    return _checked(_from_page(text))


def _text(source: str | Path) -> str:
    if isinstance(source, str) and ("\n" in source or not source.endswith(SUFFIXES)):
        return source
    path = Path(source)
    try:
        if path.suffix not in SUFFIXES or not path.is_file():
            raise ReviewError(f"{path.name!r}: not a file that ends in .json or .txt")
        if path.stat().st_size > 4 * LARGEST_RECORD:  # a character of UTF-8 has up to four bytes
            raise ReviewError(f"{path.name}: larger than any registry record")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ReviewError(f"{path.name}: not UTF-8 text") from None
    except (OSError, ValueError) as error:
        if isinstance(error, ReviewError):
            raise
        raise ReviewError(f"{path.name!r}: cannot be read") from None


def _stop_unsafe(where: str, text: str) -> None:
    for pattern, told in (
        (CONTROL, "holds a control character"),
        (HIDING, "holds characters that hide or reverse text"),
        (SURROGATE, "holds half a character"),
        (MARKUP, "holds HTML or script"),
    ):
        if found := pattern.search(text):
            raise ReviewError(f"{where}: {told} at position {found.start()}")


def _checked(record: TrialRecord) -> TrialRecord:
    """Refuse a record without number, title or criteria, or with impossible figures."""
    if not NCT_ID.fullmatch(record.id):
        raise ReviewError(f"id: {record.id[:40]!r} is not NCT and eight digits")
    if not record.title:
        raise ReviewError(f"{record.id}: the title is empty")
    for name in ("inclusion", "exclusion"):
        if not getattr(record, name):
            raise ReviewError(f"{record.id}: no {name} criteria")
    low, high = record.min_age or 0.0, record.max_age or OLDEST
    if not 0 <= low <= high <= OLDEST:
        raise ReviewError(f"{record.id}: ages from {low:g} to {high:g} years")
    if record.enrolment is not None and record.enrolment < 0:
        raise ReviewError(f"{record.id}: enrolment is {record.enrolment}")
    return record


# --- what both forms share ------------------------------------------------------------------------

_YEARS: Final = {"year": 1.0, "month": 1 / 12, "week": 7 / 365.25, "day": 1 / 365.25}
_AGE: Final = re.compile(r"(\d{1,4}) (year|month|week|day)s?", re.IGNORECASE)


def _age(text: str | None) -> float | None:
    if text is None or text.strip().upper() in ("", "N/A"):
        return None
    found = _AGE.fullmatch(text.strip())
    if not found:
        raise ReviewError(f"age: {text[:40]!r} is not a number of years, months, weeks or days")
    return int(found[1]) * _YEARS[found[2].lower()]


_BULLET: Final = re.compile(r"^\s*(?:[*•\-–]|\d{1,3}[.)])\s+")
_INCLUSION: Final = re.compile(r"^\s*(?:key\s+)?inclusion criteria\s*:?\s*$", re.IGNORECASE)
_EXCLUSION: Final = re.compile(r"^\s*(?:key\s+)?exclusion criteria\s*:?\s*$", re.IGNORECASE)
_ESCAPED: Final = re.compile(r"\\([<>\[\]*_~^&#+\-.()=|`\\])")


def _criteria(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Divide the criteria into those for and those against taking part, one entry a bullet."""
    lists: dict[str, list[str]] = {"inclusion": [], "exclusion": []}
    current: list[str] | None = None
    for line in text.splitlines():
        if _INCLUSION.match(line):
            current = lists["inclusion"]
        elif _EXCLUSION.match(line):
            current = lists["exclusion"]
        elif current is not None and line.strip():
            entry = _ESCAPED.sub(r"\1", _BULLET.sub("", line).strip())
            if _BULLET.match(line) or not current:
                current.append(entry)
            else:  # a line without a bullet goes on with the entry above it
                current[-1] += " " + entry
    return tuple(lists["inclusion"]), tuple(lists["exclusion"])


def _terms(texts: Sequence[str]) -> tuple[str, ...]:
    """Split at commas, as the page form joins terms, and drop repetitions."""
    parts = (part.strip() for text in texts for part in text.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


# --- JSON of the registry's interface ------------------------------------------------------------


def _from_json(text: str) -> TrialRecord:
    try:
        study = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except ReviewError:
        raise
    except RecursionError:
        raise ReviewError("record: nested too deeply") from None
    except ValueError as error:
        raise ReviewError(f"record: not readable as JSON, or cut short ({error})") from None
    _stop_deep(study)
    get = _Reader(study)
    inclusion, exclusion = _criteria(get.text("eligibilityModule.eligibilityCriteria") or "")
    title = get.text("identificationModule.briefTitle")
    number = get.text("identificationModule.nctId")
    if number is None or title is None:
        raise ReviewError("record: nctId or briefTitle is missing")
    return TrialRecord(
        id=number,
        title=title,
        official_title=get.text("identificationModule.officialTitle"),
        summary=get.text("descriptionModule.briefSummary"),
        study_type=get.text("designModule.studyType"),
        phases=get.texts("designModule.phases"),
        design=get.text("designModule.designInfo.interventionModel"),
        allocation=get.text("designModule.designInfo.allocation"),
        masking=get.text("designModule.designInfo.maskingInfo.masking"),
        conditions=_terms(
            get.texts("conditionsModule.conditions") + get.texts("conditionsModule.keywords")
        ),
        interventions=get.entries(
            "armsInterventionsModule.interventions", ": ", "name", "description"
        ),
        arms=get.entries("armsInterventionsModule.armGroups", ": ", "label", "description"),
        outcomes=tuple(
            outcome
            for rank in ("primary", "secondary", "other")
            for outcome in get.entries(
                f"outcomesModule.{rank}Outcomes", ": ", "measure", "description"
            )
        ),
        min_age=_age(get.text("eligibilityModule.minimumAge")),
        max_age=_age(get.text("eligibilityModule.maximumAge")),
        sex=get.text("eligibilityModule.sex"),
        enrolment=get.whole("designModule.enrollmentInfo.count"),
        enrolment_type=get.text("designModule.enrollmentInfo.type"),
        sponsor=get.text("sponsorCollaboratorsModule.leadSponsor.name"),
        locations=get.entries("contactsLocationsModule.locations", ", ", "city", "state"),
        status=get.text("statusModule.overallStatus"),
        start_date=get.text("statusModule.startDateStruct.date"),
        primary_completion_date=get.text("statusModule.primaryCompletionDateStruct.date"),
        completion_date=get.text("statusModule.completionDateStruct.date"),
        inclusion=inclusion,
        exclusion=exclusion,
    )


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name[:40] for name in names if names.count(name) > 1})
        raise ReviewError(f"record: {', '.join(twice)} stands twice in one object")
    return found


def _no_constant(name: str) -> None:
    raise ReviewError(f"record: {name} is not a value")


def _stop_deep(value: object) -> None:
    level: list[object] = [value]
    for _ in range(DEEPEST):
        inner = (x for x in level if isinstance(x, dict | list))
        level = [y for x in inner for y in (x.values() if isinstance(x, dict) else x)]
        if not level:
            return
    raise ReviewError(f"record: nested more than {DEEPEST} levels deep")


class _Reader:
    """Take values from a study by their path, each of the kind it must be."""

    def __init__(self, study: object) -> None:
        if not isinstance(study, dict):
            raise ReviewError("record: not one study, but a " + type(study).__name__)
        section = study.get("protocolSection")
        if not isinstance(section, dict):
            raise ReviewError("record: protocolSection is missing or not an object")
        self._section = section

    def _value(self, path: str) -> object:
        value: object = self._section
        for key in path.split("."):
            if value is None:
                return None
            value = _expect(value, dict, path).get(key)
        return value

    def text(self, path: str) -> str | None:
        value = self._value(path)
        return None if value is None else _clean(value, path)

    def texts(self, path: str) -> tuple[str, ...]:
        return tuple(_clean(x, path) for x in self._list(path))

    def whole(self, path: str) -> int | None:
        value = self._value(path)
        if isinstance(value, bool):
            raise ReviewError(f"{path}: a yes or no, where a whole number is expected")
        return None if value is None else _expect(value, int, path)

    def entries(self, path: str, between: str, *keys: str) -> tuple[str, ...]:
        """Join the named texts of each object in a list; the first must be there."""
        found = []
        for entry in self._list(path):
            cells = _expect(entry, dict, path)
            if cells.get(keys[0]) is None:
                raise ReviewError(f"{path}: an entry has no {keys[0]}")
            texts = (_clean(cells[k], f"{path}.{k}") for k in keys if cells.get(k) is not None)
            found.append(between.join(texts))
        return tuple(found)

    def _list(self, path: str) -> list[Any]:
        value = self._value(path)
        items: list[Any] = [] if value is None else _expect(value, list, path)
        if len(items) > LONGEST_LIST:
            raise ReviewError(f"{path}: {len(items)} entries; the limit is {LONGEST_LIST}")
        return items


def _expect(value: object, kind: type[T], path: str) -> T:
    if not isinstance(value, kind):
        raise ReviewError(f"{path}: a {type(value).__name__}, where {kind.__name__} is expected")
    return value


def _clean(value: object, path: str) -> str:
    text = _expect(value, str, path)
    _stop_unsafe(path, text)
    return text.strip()


# --- the plain text of a trial page ---------------------------------------------------------------

_FACTS: Final = ("Phase", "Study type", "Enrollment", "Ages", "Sex", "Sponsor", "Locations",
                 "Trial ID")  # fmt: skip
_NEEDED: Final = ("Quick facts", "What this trial studies", "Eligibility criteria")
_END_OF_CRITERIA: Final = "Where this trial is running"


def _from_page(text: str) -> TrialRecord:
    lines = [line.strip() for line in text.splitlines()]
    filled = [line for line in lines if line]
    missing = [heading for heading in _NEEDED if heading not in lines]
    conditions = next((x for x in reversed(filled) if x.startswith("Conditions:")), None)
    if missing or conditions is None:
        told = ", ".join([*missing, *([] if conditions else ["Conditions:"])])
        raise ReviewError(f"record: neither JSON nor a whole trial page (missing: {told})")
    facts = _facts(lines)
    summary = " ".join(_section(lines, "What this trial studies"))
    first, last = lines.index("Eligibility criteria"), _index(lines, _END_OF_CRITERIA)
    inclusion, exclusion = _criteria("\n".join(lines[first:last]))
    head = filled[: filled.index("Quick facts")]
    low, high = _ages(facts.get("Ages"))
    count, kind = _enrolment(facts.get("Enrollment"))
    groups = _compared(summary)
    return TrialRecord(
        id=_first(facts.get("Trial ID", "").split()) or "",
        title=head[0] if head else "",
        official_title=head[1] if len(head) > 1 else None,
        summary=summary or None,
        study_type=_upper(facts.get("Study type")),
        phases=tuple(p.strip() for p in facts.get("Phase", "").split("/") if p.strip()),
        design=None,
        allocation=_said(summary, _ALLOCATIONS),
        masking=_said(summary, _MASKINGS),
        conditions=_terms([conditions.removeprefix("Conditions:")]),
        interventions=groups,
        arms=groups,
        outcomes=_measured(summary),
        min_age=low,
        max_age=high,
        sex=_upper(facts.get("Sex")),
        enrolment=count,
        enrolment_type=kind,
        sponsor=_unbracketed(facts.get("Sponsor")),
        locations=tuple(_section(lines, _END_OF_CRITERIA)),
        status=_upper(facts.get("Status")),
        start_date=None,
        primary_completion_date=None,
        completion_date=None,
        inclusion=inclusion,
        exclusion=exclusion,
    )


def _facts(lines: Sequence[str]) -> Mapping[str, str]:
    """Read the lines of quick facts, in which a label and its value touch."""
    section = _section(lines, "Quick facts")
    return {
        label: line.removeprefix(label).lstrip(": ")
        for label in _FACTS
        for line in section
        if line.startswith(label)
    }


def _section(lines: Sequence[str], heading: str) -> list[str]:
    """Return the block of filled lines under a heading."""
    if heading not in lines:
        return []
    block: list[str] = []
    for line in lines[lines.index(heading) + 1 :]:
        if line:
            block.append(line)
        elif block:
            break
    return block


def _index(lines: Sequence[str], heading: str) -> int:
    return lines.index(heading) if heading in lines else len(lines)


def _first(items: Sequence[str]) -> str | None:
    return items[0] if items else None


def _upper(text: str | None) -> str | None:
    return text.upper() if text else None


def _unbracketed(text: str | None) -> str | None:
    return re.sub(r"\s*\([^()]*\)$", "", text) or None if text else None


def _ages(text: str | None) -> tuple[float | None, float | None]:
    if not text:
        return None, None
    low, joined, high = text.partition(" to ")
    if joined:
        return _age(low), _age(high)
    return _age(re.sub(r"\s*(?:and older|\+)$", "", text, flags=re.IGNORECASE)), None


def _enrolment(text: str | None) -> tuple[int | None, str | None]:
    if not text:
        return None, None
    found = re.fullmatch(r"(\d{1,9})(?: \((estimated|actual)\))?", text, re.IGNORECASE)
    if not found:
        raise ReviewError(f"enrolment: {text[:40]!r} is not a count")
    return int(found[1]), _upper(found[2])


# The page tells these in a sentence, the registry in a word of its own.
_ALLOCATIONS: Final = (
    (re.compile(r"\bnon-?randomi[sz]ed\b|\bnot randomi[sz]ed\b", re.IGNORECASE), "NON_RANDOMIZED"),
    (re.compile(r"\brandomly (?:assigned|allocated)\b|\brandomi[sz]ed\b", re.IGNORECASE),
     "RANDOMIZED"),
)  # fmt: skip
_MASKINGS: Final = tuple(
    (re.compile(rf"\b{word}[- ](?:blind|mask)", re.IGNORECASE), word.upper())
    for word in ("single", "double", "triple", "quadruple")
)
_COMPARED: Final = re.compile(
    r"\beffects? of ([^.;]{1,300}?) (?:compared (?:to|with)|versus|vs\.?) "
    r"([^.;]{1,300}?) (?:on|in) ",
    re.IGNORECASE,
)
_MEASURED: Final = re.compile(r"\bimpacts? of [^.;]{1,300}? on ([^.;]{1,500})[.;]", re.IGNORECASE)


def _said(text: str, choices: Sequence[tuple[re.Pattern[str], str]]) -> str | None:
    return next((word for pattern, word in choices if pattern.search(text)), None)


def _compared(summary: str) -> tuple[str, ...]:
    """Take the two groups from a sentence "effects of A compared to B on ..."."""
    found = _COMPARED.search(summary)
    return (found[1], found[2]) if found else ()


def _measured(summary: str) -> tuple[str, ...]:
    """Take the outcomes from a sentence "impacts of ... on X, Y, and Z."."""
    found = _MEASURED.search(summary)
    parts = re.split(r",\s*(?:and\s+)?", found[1]) if found else []
    return tuple(part.strip() for part in parts if part.strip())
