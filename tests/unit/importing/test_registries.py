"""Is every trial of a registry's export read, and does it say what its registry says?

The exports are made up in the forms that the registries write.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing import deduplicate, read_records
from analysis_lib.importing.eligibility import Criteria, years_of
from analysis_lib.importing.registries import read_trials
from analysis_lib.importing.search import is_search_export


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "export"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def study(number: int) -> dict[str, Any]:
    return {
        "protocolSection": {
            "identificationModule": {"nctId": f"NCT0000000{number}", "briefTitle": "A chair trial"},
            "statusModule": {"startDateStruct": {"date": "2019-05"}},
            "eligibilityModule": {"eligibilityCriteria": "Inclusion:\n* Owns a chair"},
        }
    }


@pytest.mark.parametrize(
    "form",
    [
        lambda studies: json.dumps({"studies": studies, "nextPageToken": "x"}),
        lambda studies: json.dumps(studies, indent=1),
        lambda studies: "\n".join(map(json.dumps, studies)),
    ],
)
def test_every_study_of_clinicaltrials_gov_is_read(
    write: Callable[[str], Path], form: Callable[[list[Any]], str]
) -> None:
    path = write(form([study(1), study(2)]))
    found = read_trials(path)
    assert [(t.id, t.inclusion) for t in found] == [
        ("NCT00000001", ("Owns a chair",)),
        ("NCT00000002", ("Owns a chair",)),
    ]
    assert is_search_export(path)
    assert [(r.journal, r.year) for r in read_records(path)] == [
        ("ClinicalTrials.gov NCT00000001", 2019),
        ("ClinicalTrials.gov NCT00000002", 2019),
    ]


ISRCTN = """\
<?xml version="1.0" encoding="UTF-8"?>
<allTrials xmlns="http://www.67bricks.com/isrctn" totalCount="1"><fullTrial>
<trial version="3"><isrctn dateAssigned="2020-01-01T00:00:00Z">11111111</isrctn>
<trialDescription><title>Chairs &amp; sleep</title><scientificTitle>A chair trial</scientificTitle>
<plainEnglishSummary/><primaryOutcome>Hours of sleep</primaryOutcome></trialDescription>
<trialDesign><primaryStudyDesign>Interventional</primaryStudyDesign><interventionalTrialDesign>
<allocation>Randomized controlled trial</allocation><masking>Double blind</masking>
</interventionalTrialDesign><overallEndDate>2023-06-30T00:00:00.000Z</overallEndDate></trialDesign>
<participants><recruitmentCountries><country>Wales</country></recruitmentCountries>
<inclusion>1. Owns a chair
2. Sleeps</inclusion><lowerAgeLimit unit="years" value="18.0">18 Years</lowerAgeLimit>
<gender>Both</gender><targetEnrolment>210</targetEnrolment>
<totalFinalEnrolment>0</totalFinalEnrolment><exclusion>Fracture</exclusion>
<recruitmentStart>2020-09-01T00:00:00.000Z</recruitmentStart></participants>
<conditions><condition><description>Insomnia</description></condition></conditions>
<interventions><intervention><description>A chair</description><phase/></intervention>
</interventions>
</trial><sponsor><organisation>University of Chairs</organisation></sponsor></fullTrial></allTrials>
"""
ICTRP = """\
<?xml version='1.0' encoding='UTF-8' ?>
<Trials_downloaded_from_ICTRP>
  <Trial><Internal_Number>1
    </Internal_Number>
    <TrialID>DRKS00000001
    </TrialID>
    <Public_title>Chairs &amp; sleep
    </Public_title>
    <Scientific_title>A chair trial
    </Scientific_title>
    <Acronym/>
    <Primary_sponsor>University of Chairs
    </Primary_sponsor>
    <Date_registration3>20200801
    </Date_registration3>
    <Recruitment_Status>Recruiting
    </Recruitment_Status>
    <Inclusion_agemin>18 Years
    </Inclusion_agemin>
    <Inclusion_agemax>no maximum age
    </Inclusion_agemax>
    <Inclusion_gender>Both, male and female
    </Inclusion_gender>
    <Date_enrollement>2020-09-01
    </Date_enrollement>
    <Target_size>210
    </Target_size>
    <Study_type>Interventional
    </Study_type>
    <Study_design>Allocation: Randomized controlled trial. Masking: Double blind.
    </Study_design>
    <Countries>Wales;Chile
    </Countries>
    <Inclusion_Criteria>Inclusion criteria: 1. Owns a chair&lt;br&gt;2. Sleeps
    </Inclusion_Criteria>
    <Exclusion_Criteria>Exclusion criteria: Fracture
    </Exclusion_Criteria>
    <Condition>Insomnia
    </Condition>
    <Intervention>A chair
    </Intervention>
    <Primary_outcome>Hours of sleep
    </Primary_outcome></Trial>
</Trials_downloaded_from_ICTRP>
"""
EU = """\
EudraCT Number:          2014-000001-42
Sponsor Protocol Number: CHAIR
Sponsor Name:            University of Chairs
Full Title:              Chairs & sleep
Start Date:              2020-09-01
Medical condition:       Insomnia
E.3 Principal inclusion criteria: 1. Owns a chair
2. Sleeps
E.4 Principal exclusion criteria: Fracture
E.8.1.1 Randomised: Yes
E.8.1.4 Double blind: Yes
F.4.2.2 In the whole clinical trial: 210
Trial protocol:          GB(Completed)
Link:                    https://www.clinicaltrialsregister.eu/

EudraCT Number:          2014-000001-42
Full Title:              Stühle und Schlaf
"""


@pytest.mark.parametrize(
    ("text", "number"),
    [(ISRCTN, "ISRCTN11111111"), (ICTRP, "DRKS00000001"), (EU, "2014-000001-42")],
)
def test_a_trial_says_what_its_registry_says(
    write: Callable[[str], Path], text: str, number: str
) -> None:
    path = write(text)
    (trial,) = read_trials(path)
    assert (trial.id, trial.title) == (number, "Chairs & sleep")
    assert (trial.inclusion, trial.exclusion) == (("Owns a chair", "Sleeps"), ("Fracture",))
    assert (trial.allocation, trial.masking) == ("RANDOMIZED", "DOUBLE")
    assert (trial.enrolment, trial.enrolment_type) == (210, "ESTIMATED")
    assert (trial.conditions, trial.sponsor) == (("Insomnia",), "University of Chairs")
    assert trial.start_date == "2020-09-01"
    assert (trial.min_age, trial.max_age) == (None if text == EU else 18, None)
    (record,) = read_records(path)
    assert (record.title, record.year) == ("Chairs & sleep", 2020)
    assert number in record.journal


def test_a_table_of_ictrp_says_the_same(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["TrialID", "Public title", "Inclusion Criteria", "Target size"])
    book.active.append(["DRKS00000001", "Chairs & sleep", "Owns a chair", 210])
    book.save(tmp_path / "ictrp.xlsx")
    (trial,) = read_trials(tmp_path / "ictrp.xlsx")
    assert (trial.id, trial.inclusion) == ("DRKS00000001", ("Owns a chair",))


OF_TODAY = (
    "NCT Number,Study Title,Study Status,Conditions,Sex,Age,Phases,Enrollment,Study Type,"
    "Study Design,Start Date,Primary Completion Date,Completion Date,Locations\n"
    'NCT00000001,Chairs & sleep,RECRUITING,Insomnia|Sleep,ALL,"ADULT, OLDER_ADULT",PHASE2|PHASE3,'
    "210,INTERVENTIONAL,Allocation: RANDOMIZED|Masking: DOUBLE (PARTICIPANT),2020-09-01,2021-01,"
    "2021-06-30,Wales|Norway\n"
)
OF_OLD = (
    '"Rank","NCT Number","Title","Status","Conditions","Gender","Age","Phases","Enrollment",'
    '"Study Type","Study Designs","Start Date"\n"1","NCT00000001","Chairs & sleep","Recruiting",'
    '"Insomnia|Sleep","All","18 Years to 65 Years   (Adult)","Phase 2|Phase 3","210",'
    '"Interventional","Allocation: Randomized|Masking: Double","September 1, 2020"\n'
)
OF_ISRCTN = (
    "ISRCTN,Title,Date assigned,Overall trial status,Recruitment start date,"
    "Target number of participants\n11111111,Chairs & sleep,01/08/2020,Recruiting,2020-09-01,210\n"
)


@pytest.mark.parametrize(
    ("text", "number", "phases", "people"),
    [
        (OF_TODAY, "NCT00000001", ("PHASE2", "PHASE3"), None),
        (OF_OLD, "NCT00000001", ("Phase 2", "Phase 3"), None),
        (OF_ISRCTN, "ISRCTN11111111", (), "ESTIMATED"),
    ],
)
def test_tables_of_registries_say_what_a_trial_has_a_place_for(
    write: Callable[[str], Path], text: str, number: str, phases: tuple[str, ...], people: str
) -> None:
    path = write(text)
    (trial,) = read_trials(path)
    assert (trial.id, trial.title, trial.status) == (number, "Chairs & sleep", "RECRUITING")
    assert (trial.enrolment, trial.enrolment_type, trial.phases) == (210, people, phases)
    assert "2020" in (trial.start_date or "")
    assert (trial.min_age, trial.max_age) == ((18, 65) if text == OF_OLD else (None, None))
    if phases:
        assert (trial.conditions, trial.allocation) == (("Insomnia", "Sleep"), "RANDOMIZED")
    assert is_search_export(path)
    export = read_records(path)
    assert [(r.title, r.year, r.journal.split()[-1]) for r in export] == [
        ("Chairs & sleep", 2020, number)
    ]
    assert export.format == "the export of a registry"


def test_a_table_of_works_that_names_trials_is_none_of_a_registry(
    write: Callable[[str], Path],
) -> None:
    export = read_records(write("Title,Authors,NCT Number\nChairs,Example A,NCT00000001\n"))
    assert [(r.authors, r.kind) for r in export] == [("Example A", "")]


def test_a_search_keeps_the_trial_that_is_faulty(write: Callable[[str], Path]) -> None:
    """Nothing of a registry's answer is lost to a search; who reads trials is told of each."""
    bold, bare = study(2), study(3)
    bold["protocolSection"]["identificationModule"]["briefTitle"] = "A <b>bold</b> chair"
    del bare["protocolSection"]["identificationModule"]["briefTitle"]
    path = write(json.dumps({"studies": [study(1), bold, bare, {"protocolSection": None}]}))
    export = read_records(path)
    assert [r.title for r in export] == ["A chair trial", "A bold chair", "", ""]
    assert export.notes[1:] == (
        "export: 1 trial without a number, kept: row 4",
        "export: 2 records without a title, kept: row 3, 4",
    )
    with pytest.raises(ReviewError) as error:
        read_trials(path)
    assert [f"trial {n} of 4" in str(error.value) for n in (1, 2, 3, 4)] == [
        False,
        True,
        True,
        True,
    ]


def test_a_line_that_is_cut_off_is_named(write: Callable[[str], Path]) -> None:
    lines = [json.dumps(study(1)), json.dumps(study(2))[:-9], json.dumps(study(3))]
    with pytest.raises(ReviewError, match=r"row 2: not readable as JSON.* take the line out"):
        read_records(write("\n".join(lines)))


def test_one_trial_of_two_registries_is_one_entry_and_never_an_article(
    write: Callable[[str], Path], tmp_path: Path
) -> None:
    of_ictrp = tmp_path / "ictrp.xml"
    of_ictrp.write_text(ICTRP.replace("DRKS00000001", "NCT00000001"), encoding="utf-8")
    own = study(1)
    own["protocolSection"]["identificationModule"]["briefTitle"] = "Chairs and sleep"
    ris = tmp_path / "a.ris"
    ris.write_text("TY  - JOUR\nTI  - Chairs & sleep\nPY  - 2020\nER  -\n", encoding="utf-8")
    files = (of_ictrp, write(json.dumps(own)), ris)
    found = deduplicate(record for file in files for record in read_records(file))
    assert [d.decision for d in found.decisions] == ["kept", "duplicate", "linked"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ISRCTN.replace("11111111", "1"), "trial 1 of 1: 'ISRCTN1' is no number of ISRCTN"),
        (ICTRP.replace("Public_t", "t").replace("Scientific_t", "t"), "the title is empty"),
        (ISRCTN[:-30], "not well-formed XML"),
        ("Nothing,of,this\n1,2,3\n", "no trial of"),
        (json.dumps({"studies": [study(1), {"protocolSection": {}}]}), "trial 2 of 2"),
    ],
)
def test_what_cannot_be_read_is_told(write: Callable[[str], Path], text: str, words: str) -> None:
    with pytest.raises(ReviewError, match=words):
        read_trials(write(text))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Inclusion Criteria include:", "Exclusion Criteria include:"),
        ("Inclusion Criteria (all of the following):", "Exclusion Criteria (any):"),
        ("1. Inclusion Criteria", "2. Exclusion Criteria"),
        ("I. Patient inclusion criteria:", "II. Patient exclusion criteria:"),
        ("Criteria for inclusion:", "Criteria for exclusion:"),
        ("Patients will be included if:", "Patients will be excluded if:"),
        ("Eligible participants:", "Ineligible participants:"),
        ("Main inclusion criteria", "Non-inclusion criteria"),
        ("Einschlusskriterien:", "Ausschlusskriterien:"),
        ("Criterios de inclusión:", "Criterios de exclusión:"),
        ("## Inclusion critera", "## Exclusion critera"),
    ],
)
@pytest.mark.parametrize("bullet", ["* ", "1. ", "• ", ""])
def test_headings_are_known_by_their_words(one: str, other: str, bullet: str) -> None:
    text = f"{one}\n\n{bullet}Age over 60\n\n{bullet}Stiff knee\n\n{other}\n\n{bullet}Fracture"
    assert Criteria.of(text) == Criteria(("Age over 60", "Stiff knee"), ("Fracture",), ())


@pytest.mark.parametrize(
    "line",
    ["* Excluded from another trial", "* Patients eligible for surgery", "Inclusion body myositis"],
)
def test_a_criterion_is_no_heading(line: str) -> None:
    assert len(Criteria.of(f"Exclusion criteria:\n* Fracture\n{line}").exclusion) > 0
    assert Criteria.of(f"Exclusion criteria:\n* Fracture\n{line}").inclusion == ()


def test_headings_within_a_line_part_it() -> None:
    found = Criteria.of("Inclusion: Adults with pain. Exclusion: pregnancy.")
    assert found == Criteria(("Adults with pain.",), ("pregnancy.",), ())


@pytest.mark.parametrize(
    ("text", "years"),
    [("18Y", 18), ("18 Year(s)", 18), ("18.5 years", 18.5), ("6 mo", 0.5), ("No limit", None),
     ("90 Minutes", 90 / 60 / 24 / 365.25), ("2 weeks", 14 / 365.25)],
)  # fmt: skip
def test_ages_in_every_unit(text: str, years: float | None) -> None:
    assert years_of(text) == (None if years is None else pytest.approx(years))
