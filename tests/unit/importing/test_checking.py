"""Does `check` say what the pages will say, and raise no false alarm?"""

from __future__ import annotations

from pathlib import Path

import pytest
from test_chapters import add, begin, bring

import analysis_lib as al
from analysis_lib.book.sections.grading import summary_table
from analysis_lib.importing.checking import check_folder

HEAD = "Study,Outcome,Time,n1,mean1,sd1,n2,mean2,sd2\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return begin(tmp_path / "review")


def lines(folder: Path, word: str) -> list[str]:
    return [line for line in check_folder(folder) if word in line]


@pytest.mark.slow
def test_events_of_one_person_can_enter_a_pooling_and_a_mean_cannot(folder: Path) -> None:
    head = "Study,Experimental cases,Experimental N,Control cases,Control N\n"
    bring(folder, f"{head}Aasa 2015,1,1,5,35\n", "--outcome", "falls", "--time", "w8")
    assert lines(folder, "one person") == []
    assert lines(folder, "Can be pooled") == ["Can be pooled: Falls, w8, 1 comparison."]
    bring(folder, f"{HEAD}Kell 2009,Pain,w8,1,4,2,35,5,2\n")
    assert lines(folder, "one person") == [
        "arm_results.csv: 1 arm of one person cannot enter a pooling."
    ]


def test_a_standard_error_among_standard_deviations_is_asked_about(folder: Path) -> None:
    rows = "Aasa 2015,Pain,w8,25,4,0.4,25,5,2\nCai 2017,Pain,w8,25,3,2.2,25,4,1.9\n"
    bring(folder, f"{HEAD}{rows}")
    (line,) = lines(folder, "standard error")
    assert line.startswith("Standard deviation or standard error? Aasa 2015, experimental, Pain, ")
    assert line.endswith("(median 2); as a standard error it would mean an SD of 2.")


def test_a_value_on_the_border_of_two_subgroups_is_told(folder: Path) -> None:
    bring(folder, f"{HEAD}Aasa 2015,Pain,w8,25,4,2,25,5,2\nAasa 2015,Pain,baseline,25,4,2,25,4,2\n")
    factor = {"factor": "severity", "variable": "baseline of pain"}
    levels = [("mild", "0", "4"), ("severe", "4", "10")]
    rows = [factor | {"level": name, "low": low, "high": high} for name, low, high in levels]
    add(folder, "subgroup_levels", *rows)
    (line,) = lines(folder, "subgroups")
    assert line.startswith("Cannot be divided into subgroups: Pain, w8: aasa-2015, ")
    assert "lies in 2 levels of 'severity', not one." in line


def test_people_of_whom_one_difference_does_not_tell_are_not_counted_as_none(folder: Path) -> None:
    bring(folder, f"{HEAD}Aasa 2015,Pain,w8,25,4,2,25,5,2\nCai 2017,Pain,w52,30,4,2,31,5,2\n")
    arms = al.load_review(folder / "data").arms
    of_cai = dict(zip(arms["group"], arms["arm"], strict=True))
    arm = {f"{side}_arm": of_cai[side] for side in ("experimental", "comparator")}
    estimate = {"estimate": "-1", "ci_low": "-2", "ci_high": "0", "measure": "MD"}
    add(
        folder,
        "contrasts",
        {"trial": "cai-2017", "outcome": "pain", "follow_up": "w8"} | arm | estimate,
    )
    review = al.load_review(folder / "data")
    assert lines(folder, "Can be pooled")[0] == "Can be pooled: Pain, w8, 2 comparisons."
    effects = al.study_effects(review, "pain", "w8")
    assert effects.participants is None
    assert effects.without("cai-2017").participants == 50
    assert list(summary_table(review)["People"])[:2] == ["not stated", "61"]


def test_a_trial_that_may_count_the_other_way_is_asked_about(folder: Path) -> None:
    means = {"Aasa 2015": (4, 8), "Cai 2017": (70, 50), "Kell 2009": (5, 9)}
    rows = [f"{study},Sleep,w8,40,{a},4,40,{b},4\n" for study, (a, b) in means.items()]
    bring(folder, HEAD + "".join(rows).replace("70,4", "70,15").replace("50,4", "50,15"))
    (line,) = lines(folder, "direction")
    assert line.startswith("Sleep_*quality*, w8: Cai 2017 alone has a clear effect on the other")
