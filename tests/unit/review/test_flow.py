"""Do the boxes of a flow diagram that do not add up get named, and only they?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import DATA
from properties import examples

import analysis_lib as al
from analysis_lib.review.flow import (
    BOXES,
    EXCLUDED,
    FLOW,
    NOT_RETRIEVED,
    OPTIONAL,
    STUDIES,
    Equation,
)

PROPERTY = examples(100)
REASONS = ["reason_a", "reason_b", "reason_c"]


@st.composite
def flows(draw: st.DrawFn) -> dict[str, int]:
    """Draw the counts of a review whose boxes add up: at each step some leave."""
    databases, citation = draw(st.integers(0, 10**6)), draw(st.integers(0, 10**4))
    identified = databases + citation
    duplicates = draw(st.integers(0, identified))
    screened = identified - duplicates
    off_topic = draw(st.integers(0, screened))
    sought = screened - off_topic
    lost = draw(st.integers(0, sought))
    assessed = sought - lost
    reasons = [draw(st.integers(0, assessed // len(REASONS))) for _ in REASONS]
    included = assessed - sum(reasons)
    from_citation = draw(st.integers(0, included))
    return {
        "records_identified": identified,
        "records_databases": databases,
        "records_citation": citation,
        "duplicates_removed": duplicates,
        "records_screened": screened,
        "records_excluded": off_topic,
        "reports_sought": sought,
        NOT_RETRIEVED: lost,
        "reports_assessed": assessed,
        EXCLUDED: sum(reasons),
        **dict(zip(REASONS, reasons, strict=True)),
        "reports_included": included,
        "reports_included_databases": included - from_citation,
        "reports_included_citation": from_citation,
        STUDIES: draw(st.integers(0, included)),
    }


@given(counts=flows())
@PROPERTY
def test_counts_that_add_up_pass(counts: dict[str, int]) -> None:
    assert set(BOXES) | set(REASONS) <= set(counts)
    assert list(al.flow_problems(counts, REASONS)) == []


@given(
    counts=flows(),
    box=st.sampled_from([*BOXES, *REASONS]),
    change=st.integers(-1000, 1000).filter(bool),
)
@PROPERTY
def test_a_changed_count_is_told_by_every_sum_it_belongs_to(
    counts: dict[str, int], box: str, change: int
) -> None:
    changed = {**counts, box: counts[box] + change}
    problems = list(al.flow_problems(changed, REASONS))
    sums = [step.box for step in (*FLOW, Equation(EXCLUDED, tuple(REASONS))) if box in step.boxes]
    assert [named for named, _ in problems] == sums
    # Studies are counted by name against the list of trials, not by a sum of reports.
    assert bool(sums) == (box != STUDIES)
    assert all(str(changed[box]) in message and box in message for _, message in problems)


@given(counts=flows(), gone=st.sets(st.sampled_from(BOXES), min_size=1))
@PROPERTY
def test_every_missing_box_is_named(counts: dict[str, int], gone: set[str]) -> None:
    kept = {box: n for box, n in counts.items() if box not in gone}
    problems = list(al.flow_problems(kept, REASONS))
    assert problems == [(box, f"the box {box!r} is missing") for box in BOXES if box in gone]


def test_the_message_shows_the_sum() -> None:
    counts = dict.fromkeys(BOXES, 0) | {"records_identified": 9, "records_databases": 5}
    counts |= {"records_citation": 3, "duplicates_removed": 9}
    assert list(al.flow_problems(counts, [])) == [
        (
            "records_identified",
            "records_identified is 9, but records_databases + records_citation = 5 + 3 = 8",
        )
    ]


def test_a_difference_is_written_with_its_sign() -> None:
    counts = dict.fromkeys(BOXES, 0) | {"records_screened": 2, "duplicates_removed": 0}
    assert next(message for _, message in al.flow_problems(counts, [])) == (
        "records_screened is 2, but records_identified - duplicates_removed = 0 - 0 = 0"
    )


def test_everything_that_leaves_a_box_is_told() -> None:
    step = Equation("left", ("came",), ("went", "died"))
    told = step.told({"left": 3, "came": 9, "went": 4, "died": 1})
    assert told == "left is 3, but came - went - died = 9 - 4 - 1 = 4"


def test_without_reasons_the_excluded_are_not_compared() -> None:
    counts = dict.fromkeys(BOXES, 0) | {EXCLUDED: 4, "reports_assessed": 4, "reports_sought": 4}
    counts |= {"records_screened": 4, "records_identified": 4, "records_databases": 4}
    assert list(al.flow_problems(counts, [])) == []
    assert [box for box, _ in al.flow_problems({**counts, "a": 3}, ["a"])] == [EXCLUDED]


@pytest.mark.few
@pytest.mark.parametrize("step", FLOW, ids=lambda step: f"{step.box}={'+'.join(step.plus)}")
def test_every_sum_holds_in_the_review(step: Equation) -> None:
    selection = al.load_review(DATA).selection.set_index("box")["count"]
    counts = {str(box): int(n) for box, n in selection.items()}
    assert counts[step.box] == step.total(counts) > 0


def test_what_not_every_review_counts_may_be_absent() -> None:
    counts = dict.fromkeys(BOXES, 0)
    assert OPTIONAL.isdisjoint(counts)
    assert list(al.flow_problems(counts, [])) == []


@pytest.mark.parametrize(
    ("more", "databases", "box"),
    [
        ({"records_databases": 3, "one": 1, "two": 1}, ["one", "two"], "records_databases"),
        ({"records_registers": 2}, [], "records_identified"),
        ({"previous_studies": 4, "new_studies": 1, "studies_included": 6}, [], "studies_included"),
        ({"records_removed_other": 1}, [], "records_screened"),
    ],
)
def test_parts_add_up_where_they_are_counted(
    more: dict[str, int], databases: list[str], box: str
) -> None:
    counts = dict.fromkeys(BOXES, 0) | more
    assert box in [wrong for wrong, _ in al.flow_problems(counts, [], databases)]
