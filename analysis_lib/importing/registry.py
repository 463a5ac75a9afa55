"""Trial-registry records: two written forms, one structure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from annotated_types import MaxLen
from pydantic import AfterValidator, BaseModel, ConfigDict, Strict, model_validator
from pydantic.alias_generators import to_camel

from analysis_lib.base.errors import ReviewError, shown
from analysis_lib.base.unsafe import CONTROL, MARKUP
from analysis_lib.importing.eligibility import Criteria, years_of
from analysis_lib.review.entries import checked

LARGEST_RECORD = 2_000_000  # characters; the longest records of the registry stay below
LONGEST_LIST = 2_000  # entries, of sites say
OLDEST = 150.0  # years
NCT_ID: Final = re.compile(r"NCT\d{8}")
# Marks that reverse or hide text on a page, so that it reads otherwise than it is.
HIDING: Final = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
# A lone surrogate is half a character; a print or a file of it fails later.
SURROGATE: Final = re.compile("[\ud800-\udfff]")
SUFFIXES: Final = (".json", ".txt")


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
    inclusion, exclusion, other_criteria
        The criteria, one entry each; those that stand under neither heading are the others.
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
    other_criteria: tuple[str, ...]


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
        If the file cannot be read; if the text is too long, cut short, nested too deeply, holds
        several studies, has a value of the wrong kind, lacks the number, the title or all criteria,
        or holds markup, script or control characters. Nothing is returned of a record with a fault.

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
        studies = studies_of(text)
        if len(studies) != 1:
            told = f"{len(studies)} studies, not one study; read_trials reads several"
            raise ReviewError(f"record: {told}")
        return study_record(studies[0])
    _stop_unsafe("record: ", text)
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
            raise ReviewError(f"{where}{told} at position {found.start()}")


def _checked(record: TrialRecord) -> TrialRecord:
    """Refuse a record without number, title or criteria, or with impossible figures."""
    if not NCT_ID.fullmatch(record.id):
        raise ReviewError(f"id: {record.id[:40]!r} is not NCT and eight digits")
    if not record.title:
        raise ReviewError(f"{record.id}: the title is empty")
    if not (record.inclusion or record.exclusion or record.other_criteria):
        raise ReviewError(f"{record.id}: no criteria of who may take part")
    low, high = record.min_age or 0.0, record.max_age or OLDEST
    if not 0 <= low <= high <= OLDEST:
        raise ReviewError(f"{record.id}: ages from {low:g} to {high:g} years")
    if record.enrolment is not None and record.enrolment < 0:
        raise ReviewError(f"{record.id}: enrolment is {record.enrolment}")
    return record


# --- what both forms share ------------------------------------------------------------------------


def _terms(texts: Sequence[str]) -> tuple[str, ...]:
    """Split at commas, as the page form joins terms, and drop repetitions."""
    parts = (part.strip() for text in texts for part in text.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


# --- JSON of the registry's interface ------------------------------------------------------------


def _clean(text: str) -> str:
    _stop_unsafe("", text)
    return text.strip()


T = TypeVar("T")
_Text = Annotated[str, AfterValidator(_clean)]
_Items = Annotated[tuple[T, ...], Strict(strict=False), MaxLen(LONGEST_LIST)]


class _Part(BaseModel):
    """A part of a study: what is read here, of the registry's many fields."""

    model_config = ConfigDict(frozen=True, strict=True, alias_generator=to_camel)

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, part: object) -> object:
        if isinstance(part, dict):
            return {key: value for key, value in part.items() if value is not None}
        return part


class _Intervention(_Part):
    name: _Text
    description: _Text | None = None


class _Arm(_Part):
    label: _Text
    description: _Text | None = None


class _Outcome(_Part):
    measure: _Text
    description: _Text | None = None


class _Location(_Part):
    city: _Text
    state: _Text | None = None


class _Day(_Part):
    date: _Text | None = None


class _Identification(_Part):
    nct_id: _Text
    brief_title: _Text
    official_title: _Text | None = None


class _Description(_Part):
    brief_summary: _Text | None = None


class _Masking(_Part):
    masking: _Text | None = None


class _DesignInfo(_Part):
    intervention_model: _Text | None = None
    allocation: _Text | None = None
    masking_info: _Masking = _Masking()


class _Enrolment(_Part):
    count: int | None = None
    type: _Text | None = None


class _Design(_Part):
    study_type: _Text | None = None
    phases: _Items[_Text] = ()
    design_info: _DesignInfo = _DesignInfo()
    enrollment_info: _Enrolment = _Enrolment()


class _Conditions(_Part):
    conditions: _Items[_Text] = ()
    keywords: _Items[_Text] = ()


class _ArmsInterventions(_Part):
    interventions: _Items[_Intervention] = ()
    arm_groups: _Items[_Arm] = ()


class _Outcomes(_Part):
    primary_outcomes: _Items[_Outcome] = ()
    secondary_outcomes: _Items[_Outcome] = ()
    other_outcomes: _Items[_Outcome] = ()


class _Eligibility(_Part):
    eligibility_criteria: _Text = ""
    sex: _Text | None = None
    minimum_age: _Text | None = None
    maximum_age: _Text | None = None


class _Sponsor(_Part):
    name: _Text | None = None


class _Sponsors(_Part):
    lead_sponsor: _Sponsor = _Sponsor()


class _Locations(_Part):
    locations: _Items[_Location] = ()


class _Status(_Part):
    overall_status: _Text | None = None
    start_date_struct: _Day = _Day()
    primary_completion_date_struct: _Day = _Day()
    completion_date_struct: _Day = _Day()


class _Protocol(_Part):
    identification_module: _Identification
    description_module: _Description = _Description()
    design_module: _Design = _Design()
    conditions_module: _Conditions = _Conditions()
    arms_interventions_module: _ArmsInterventions = _ArmsInterventions()
    outcomes_module: _Outcomes = _Outcomes()
    eligibility_module: _Eligibility = _Eligibility()
    sponsor_collaborators_module: _Sponsors = _Sponsors()
    contacts_locations_module: _Locations = _Locations()
    status_module: _Status = _Status()


class _Study(_Part):
    protocol_section: _Protocol


def study_record(study: object) -> TrialRecord:
    """Return a study of the registry's interface as a record; see `read_record`."""
    return _checked(_from_json(study))


def _from_json(found: object) -> TrialRecord:
    study = checked(found, _Study, "record").protocol_section
    design, outcomes = study.design_module, study.outcomes_module
    eligibility, status = study.eligibility_module, study.status_module
    criteria = Criteria.of(eligibility.eligibility_criteria)
    measured = (outcomes.primary_outcomes, outcomes.secondary_outcomes, outcomes.other_outcomes)
    return TrialRecord(
        id=study.identification_module.nct_id,
        title=study.identification_module.brief_title,
        official_title=study.identification_module.official_title,
        summary=study.description_module.brief_summary,
        study_type=design.study_type,
        phases=design.phases,
        design=design.design_info.intervention_model,
        allocation=design.design_info.allocation,
        masking=design.design_info.masking_info.masking,
        conditions=_terms(study.conditions_module.conditions + study.conditions_module.keywords),
        interventions=_joined(study.arms_interventions_module.interventions),
        arms=_joined(study.arms_interventions_module.arm_groups),
        outcomes=tuple(outcome for rank in measured for outcome in _joined(rank)),
        min_age=years_of(eligibility.minimum_age),
        max_age=years_of(eligibility.maximum_age),
        sex=eligibility.sex,
        enrolment=design.enrollment_info.count,
        enrolment_type=design.enrollment_info.type,
        sponsor=study.sponsor_collaborators_module.lead_sponsor.name,
        locations=_joined(study.contacts_locations_module.locations, ", "),
        status=status.overall_status,
        start_date=status.start_date_struct.date,
        primary_completion_date=status.primary_completion_date_struct.date,
        completion_date=status.completion_date_struct.date,
        inclusion=criteria.inclusion,
        exclusion=criteria.exclusion,
        other_criteria=criteria.other,
    )


def _joined(entries: Sequence[_Part], between: str = ": ") -> tuple[str, ...]:
    """Join the texts of each entry of a list."""
    return tuple(
        between.join(str(text) for _, text in entry if text is not None) for entry in entries
    )


def _parsed(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except ReviewError:
        raise
    except RecursionError:
        raise ReviewError("record: nested too deeply") from None
    except ValueError as error:
        raise ReviewError(f"record: not readable as JSON, or cut short ({error})") from None


def studies_of(text: str) -> list[object]:
    """Return the studies of a text: one, a list, a search's response, or one in each line.

    Raises
    ------
    ReviewError
        For a text that is not JSON.
    """
    try:
        found = _parsed(text)
    except ReviewError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or not all(line.lstrip().startswith("{") for line in lines):
            raise
        return [_of_line(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    several = found.get("studies") if isinstance(found, dict) else found
    return several if isinstance(several, list) else [found]


def _of_line(number: int, line: str) -> object:
    try:
        return _parsed(line)
    except ReviewError as error:
        told = "take the line out, or download the file again"
        raise ReviewError(f"row {number}: {str(error).removeprefix('record: ')}; {told}") from None


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({shown(name) for name in names if names.count(name) > 1})
        raise ReviewError(f"record: {', '.join(twice[:3])} stands twice in one object")
    return found


def _no_constant(name: str) -> None:
    raise ReviewError(f"record: {name} is not a value")


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
    criteria = Criteria.of("\n".join(lines[first + 1 : last]))
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
        allocation=allocation_said(summary),
        masking=masking_said(summary),
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
        inclusion=criteria.inclusion,
        exclusion=criteria.exclusion,
        other_criteria=criteria.other,
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
        return years_of(low), years_of(high)
    return years_of(re.sub(r"\s*(?:and older|\+)$", "", text, flags=re.IGNORECASE)), None


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


def allocation_said(text: str) -> str | None:
    """Return the registry's word for an allocation that a sentence tells."""
    return _said(text, _ALLOCATIONS)


def masking_said(text: str) -> str | None:
    """Return the registry's word for a masking that a sentence tells."""
    return _said(text, _MASKINGS)


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
