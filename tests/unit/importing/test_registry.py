"""Do both forms of a registry record give one structure, and is every faulty one refused?"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT
from properties import examples

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing.registry import (
    LARGEST_RECORD,
    LONGEST_LIST,
    TrialRecord,
    read_record,
)

REGISTRY = ROOT / "data" / "registry"
PAGE = (REGISTRY / "NCT05706103.txt").read_text(encoding="utf-8")
JSON = (REGISTRY / "NCT05706103.json").read_text(encoding="utf-8")
STUDY: dict[str, Any] = json.loads(JSON)


def changed(path: str, value: object) -> str:
    """The record as JSON, with one value put in its place."""
    study = copy.deepcopy(STUDY)
    target = study["protocolSection"]
    *way, last = path.split(".")
    for key in way:
        target = target.setdefault(key, {})
    target[last] = value
    return json.dumps(study)


def without(path: str) -> str:
    study = copy.deepcopy(STUDY)
    target = study["protocolSection"]
    *way, last = path.split(".")
    for key in way:
        target = target[key]
    del target[last]
    return json.dumps(study)


# --- what is read ---------------------------------------------------------------------------------


def test_both_forms_give_the_same_structure() -> None:
    assert read_record(PAGE) == read_record(JSON)


@pytest.mark.parametrize("name", ["NCT05706103.txt", "NCT05706103.json"])
def test_a_file_reads_as_its_text(name: str) -> None:
    path = REGISTRY / name
    assert read_record(path) == read_record(str(path)) == read_record(path.read_text("utf-8"))


def test_the_record_says_what_the_page_says() -> None:
    record = read_record(PAGE)
    assert record.id == "NCT05706103"
    assert record.title == "Exercise therapy for recurrent low back pain"
    assert record.official_title is not None
    assert record.official_title.startswith("Efficacy of Specific Skilled Motor Versus General")
    assert (record.study_type, record.phases) == ("INTERVENTIONAL", ("NA",))
    assert (record.allocation, record.masking) == ("RANDOMIZED", "DOUBLE")
    assert (record.min_age, record.max_age, record.sex) == (18.0, 45.0, "ALL")
    assert (record.enrolment, record.enrolment_type) == (62, "ESTIMATED")
    assert (record.sponsor, record.locations) == ("University Ghent", ("Ghent, Oost-Vlaanderen",))
    assert record.interventions == (
        "specific skilled motor control training",
        "general extension training",
    )
    assert record.outcomes == (
        "pain levels",
        "functional disability",
        "changes in brain and muscle structure/function",
    )
    assert (len(record.inclusion), len(record.exclusion)) == (7, 14)
    assert record.exclusion[0] == "Chronic LBP (i.e. duration remission <1 month)"
    assert record.exclusion[9].endswith("BMI >30kg/m²)")


def test_what_is_not_stated_is_none() -> None:
    record = read_record(PAGE)
    absent = (record.design, record.status, record.start_date, record.primary_completion_date,
              record.completion_date)  # fmt: skip
    assert absent == (None,) * 5


def test_the_registry_form_fills_what_the_page_leaves_open() -> None:
    study = copy.deepcopy(STUDY)
    section = study["protocolSection"]
    section["statusModule"] = {
        "overallStatus": "RECRUITING",
        "startDateStruct": {"date": "2021-01"},
        "completionDateStruct": {"date": "2025-12-31"},
    }
    section["designModule"]["designInfo"]["interventionModel"] = "PARALLEL"
    section["armsInterventionsModule"]["armGroups"][0]["description"] = "18 sessions"
    section["eligibilityModule"] |= {"minimumAge": "6 Months", "maximumAge": "N/A"}
    record = read_record(json.dumps(study))
    assert (record.status, record.start_date, record.design) == (
        "RECRUITING",
        "2021-01",
        "PARALLEL",
    )
    assert (record.completion_date, record.primary_completion_date) == ("2025-12-31", None)
    assert record.arms[0] == "specific skilled motor control training: 18 sessions"
    assert (record.min_age, record.max_age) == (0.5, None)


@pytest.mark.parametrize("module", ["contactsLocationsModule", "outcomesModule", "conditionsModule",
                                    "armsInterventionsModule", "designModule",
                                    "sponsorCollaboratorsModule", "descriptionModule"])  # fmt: skip
def test_a_missing_module_leaves_its_fields_empty(module: str) -> None:
    record = read_record(without(module))
    assert all(getattr(record, f) in (None, ()) for f in FIELDS_OF[module])


FIELDS_OF = {
    "contactsLocationsModule": ["locations"],
    "outcomesModule": ["outcomes"],
    "conditionsModule": ["conditions"],
    "armsInterventionsModule": ["arms", "interventions"],
    "designModule": ["allocation", "masking", "enrolment", "enrolment_type", "phases"],
    "sponsorCollaboratorsModule": ["sponsor"],
    "descriptionModule": ["summary"],
}


def test_a_criterion_over_two_lines_is_one_entry() -> None:
    text = "Inclusion Criteria:\n\n1. first\n   goes on\n2. second\nExclusion criteria\n- third"
    record = read_record(changed("eligibilityModule.eligibilityCriteria", text))
    assert (record.inclusion, record.exclusion) == (("first goes on", "second"), ("third",))


@pytest.mark.parametrize(
    ("text", "inclusion", "exclusion", "other"),
    [
        ("Inclusion:\n* Old\nExclusion:\n* Young", ("Old",), ("Young",), ()),
        ("**Inclusion Criteria:**\n\n* Old\n\n**Exclusion Criteria:**\n* A", ("Old",), ("A",), ()),
        ("KEY INCLUSION CRITERIA\n- Old\n## Exclusion criterion\n- A", ("Old",), ("A",), ()),
        (
            "Inclusion criteria: old\n* tall\nExclusion criteria: none",
            ("old", "tall"),
            ("none",),
            (),
        ),
        ("Inclusion Criteria:\n* Old", ("Old",), (), ()),
        ("Adults with\na stiff neck.", (), (), ("Adults with a stiff neck.",)),
        ("All adults.\nExclusion criteria\n* A", (), ("A",), ("All adults.",)),
        ("Inclusion of the old is planned", (), (), ("Inclusion of the old is planned",)),
    ],
)
def test_criteria_are_read_under_headings_of_every_spelling(
    text: str, inclusion: tuple[str, ...], exclusion: tuple[str, ...], other: tuple[str, ...]
) -> None:
    record = read_record(changed("eligibilityModule.eligibilityCriteria", text))
    assert (record.inclusion, record.exclusion, record.other_criteria) == (
        inclusion,
        exclusion,
        other,
    )


@pytest.mark.parametrize(
    ("text", "years"),
    [("2 Years", 2), ("6 Months", 0.5), ("52 Weeks", 364 / 365.25), ("12 Hours", 0.5 / 365.25)],
)
def test_ages_are_years(text: str, years: float) -> None:
    study = json.loads(changed("eligibilityModule.minimumAge", text))
    assert read_record(json.dumps(study)).min_age == pytest.approx(years)


def test_the_only_study_of_a_response_is_read() -> None:
    assert read_record(json.dumps({"studies": [STUDY], "nextPageToken": "x"})) == read_record(JSON)


def test_a_wrong_value_is_told_with_its_place() -> None:
    with pytest.raises(ReviewError) as caught:
        read_record(changed("designModule.enrollmentInfo.count", "62"))
    place = "table [protocolSection.designModule.enrollmentInfo], key count"
    assert f"record, {place}: '62' must be a whole number" in str(caught.value)


# --- what is refused ------------------------------------------------------------------------------

END = PAGE.index("Conditions:")


@pytest.mark.parametrize("cut", range(0, END, 97))
def test_a_page_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(ReviewError):
        read_record(PAGE[:cut] + "\n")


@pytest.mark.parametrize("cut", range(1, len(JSON.rstrip()) - 1, 113))
def test_json_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(ReviewError, match="cut short"):
        read_record(JSON[:cut] + "\n")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("identificationModule.nctId", 5706103),
        ("identificationModule.nctId", "NCT0570610"),
        ("identificationModule.nctId", "../../NCT05706103"),
        ("identificationModule.nctId", None),
        ("identificationModule.briefTitle", ""),
        ("identificationModule.briefTitle", ["Exercise"]),
        ("identificationModule", "Exercise"),
        ("designModule.enrollmentInfo.count", "62"),
        ("designModule.enrollmentInfo.count", 62.5),
        ("designModule.enrollmentInfo.count", True),
        ("designModule.enrollmentInfo.count", -1),
        ("designModule.phases", "NA"),
        ("designModule.phases", [1]),
        ("conditionsModule.conditions", {"a": "b"}),
        ("armsInterventionsModule.interventions", [{"type": "OTHER"}]),
        ("armsInterventionsModule.armGroups", ["one"]),
        ("contactsLocationsModule.locations", [{"city": 9}]),
        ("contactsLocationsModule.locations", [{"city": "x"}] * (LONGEST_LIST + 1)),
        ("eligibilityModule.minimumAge", "eighteen"),
        ("eligibilityModule.minimumAge", "46 Years"),
        ("eligibilityModule.maximumAge", "999 Years"),
        ("eligibilityModule.eligibilityCriteria", ""),
        ("eligibilityModule.eligibilityCriteria", "Inclusion Criteria:"),
        ("descriptionModule.briefSummary", "<script>alert(1)</script>"),
        ("descriptionModule.briefSummary", "see javascript:alert(1)"),
        ("identificationModule.briefTitle", "back\x00pain"),
        ("identificationModule.briefTitle", "back \u202epain"),
        ("identificationModule.briefTitle", "back \ud800 pain"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused(path: str, value: object) -> None:
    with pytest.raises(ReviewError):
        read_record(changed(path, value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "neither JSON nor a whole trial page"),
        ("{}", "protocolSection"),
        ("[]", "0 studies, not one study"),
        ('{"studies": []}', "0 studies, not one study"),
        ('{"studies": [{}, {}]}', "2 studies, not one study"),
        ('{"protocolSection": 1}', "protocolSection"),
        ('{"protocolSection": {}}', "identificationModule is missing"),
        ('{"a": 1, "a": 2}', "stands twice"),
        ('{"a": NaN}', "not a value"),
        ('{"a": ' + "9" * 5000 + "}", "cut short"),
        ("[" * 100_000, "deep|cut short"),
        (" " * (LARGEST_RECORD + 1), "the limit is"),
        (PAGE.replace("62 (estimated)", "many"), "enrolment"),
        (PAGE.replace("18 Years", "young"), "age"),
        (PAGE.replace("Pregnant women", "<img src=x onerror=alert(1)>"), "HTML"),
        (PAGE.replace("Pregnant women", "Pregnant\x07women"), "control"),
        (PAGE.replace("Trial IDNCT05706103", "Trial IDISRCTN1"), "id:"),
    ],
)
def test_a_faulty_text_is_refused_and_named(text: str, message: str) -> None:
    with pytest.raises(ReviewError, match=message):
        read_record(text)


@pytest.mark.parametrize(
    "name",
    ["../../../etc/passwd", "/etc/passwd", "missing.json", "a\x00b.json", "/etc", "data/registry",
     "~/x.txt", "x" * 5000 + ".json", "README.md"],
)  # fmt: skip
def test_a_path_that_is_no_record_is_refused(name: str) -> None:
    for source in (name, Path(name)):
        with pytest.raises(ReviewError):
            read_record(source)


def test_a_folder_or_a_large_or_binary_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large.json").write_bytes(b" " * (4 * LARGEST_RECORD + 1))
    for name in ("folder.json", "binary.txt", "large.json"):
        with pytest.raises(ReviewError):
            read_record(tmp_path / name)


# --- fuzz: any input gives a whole record or a clear error ----------------------------------------


LONGEST_MESSAGE = 5_000  # characters, of at most 20 problems: a hostile text is cut


def read_or_refuse(source: str) -> None:
    try:
        record = read_record(source)
    except ReviewError as refused:
        message = str(refused)
        if not 0 < len(message) < LONGEST_MESSAGE:
            raise AssertionError(f"a message of {len(message)} characters") from refused
        return
    assert isinstance(record, TrialRecord)
    assert record.title
    assert record.inclusion or record.exclusion or record.other_criteria


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
PATHS = [
    "identificationModule", "identificationModule.nctId", "identificationModule.officialTitle",
    "descriptionModule.briefSummary", "conditionsModule.keywords", "designModule.designInfo",
    "designModule.enrollmentInfo.count", "armsInterventionsModule.armGroups",
    "outcomesModule.otherOutcomes", "eligibilityModule.minimumAge",
    "eligibilityModule.eligibilityCriteria", "contactsLocationsModule.locations", "statusModule",
]  # fmt: skip


@examples(300)
@given(st.sampled_from(PATHS), VALUES)
def test_any_value_in_any_place_is_read_or_refused(path: str, value: object) -> None:
    read_or_refuse(changed(path, value))


@examples(300)
@given(st.sampled_from([PAGE, JSON]), st.data())
def test_any_text_put_into_a_record_is_read_or_refused(text: str, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(text)))
    last = data.draw(st.integers(first, min(first + 60, len(text))))
    read_or_refuse(text[:first] + data.draw(st.text(max_size=30)) + text[last:] + "\n")


@examples(150)
@given(st.text() | VALUES.map(json.dumps))
def test_any_text_at_all_is_refused(text: str) -> None:
    with pytest.raises(ReviewError):
        read_record(text)
