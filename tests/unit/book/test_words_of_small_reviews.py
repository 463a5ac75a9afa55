"""Do the pages of any small review hold together as sentences?

Reviews of every measure, with one trial or a few, without events, with one event, rated and not,
go through the cells of the notebooks that `new` writes. Each rule is asked of all their words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from small_reviews import Drawn, Row, Tables, write
from test_any_review import NO_WORDS, build, inserts

import analysis_lib as al
from analysis_lib.base.measures import GROUP_MEASURES
from analysis_lib.book.sections import answers
from analysis_lib.book.sections.analyses import finding
from analysis_lib.book.sections.grading import summary_table
from analysis_lib.review.possible import pooled_analyses

NAMES = ("Aasa 2015", "Cai 2017", "Kell 2009", "Boer 2001")
SIDES = (("a", "experimental"), ("b", "comparator"))
Arms = tuple[dict[str, float], ...]


def events(first: int, second: int, n: int = 40) -> Arms:
    return {"n": n, "events": first}, {"n": n + 1, "events": second}


def rates(first: int, second: int) -> Arms:
    return tuple({"n": 50, "events": x, "person_time": 40} for x in (first, second))


def means(first: float, second: float, n: int = 20) -> Arms:
    return tuple({"n": n, "mean": x, "sd": 2} for x in (first, second))


def typed(
    measure: str,
    trials: Sequence[Arms],
    *,
    rating: str = "",
    wanted: bool = False,
    risks: Sequence[str] = (),
    unit: str = "",
    mid: str = "",
    **methods: str,
) -> Drawn:
    """Return a review of one outcome; every arm is a row of its numbers."""
    outcome: Row = {"outcome": "o", "label": "Recovery" if wanted else "Falls", "measure": measure}
    outcome |= {"priority": "primary", "unit": unit, "instruments": "any", "mid": mid}
    outcome |= {"lower_is_better": "no" if wanted else "yes"}
    tables: Tables = {"outcomes": [outcome]}
    tables["follow_ups"] = [{"follow_up": "w8", "label": "Week 8", "definition": "Week 8"}]
    tables |= {name: [] for name in ("trials", "arms", "arm_results", "risk_of_bias", "certainty")}
    not_said = dict.fromkeys(("risk_of_bias_text", "between_groups_text"), "not stated")
    for name, arms in zip(NAMES, trials, strict=False):
        trial = name[:4].strip().lower()
        row = {"trial": trial, "label": name, "year": name[-4:], **not_said}
        tables["trials"].append({**row, "pooled": "yes", "gender_reported": "no"})
        for (arm, side), numbers in zip(SIDES, arms, strict=False):
            known = {key: f"{value:g}" for key, value in numbers.items()}
            row = {"trial": trial, "arm": arm, "group": side, "label_printed": f"Arm {arm}"}
            tables["arms"].append({**row, "n": known["n"]})
            tables["arm_results"].append(
                {"trial": trial, "arm": arm, "outcome": "o", "time": "w8", **known}
            )
    for row, risk in zip(tables["trials"], risks, strict=False):
        judged = {"trial": row["trial"], "outcome": "all", "item": "overall", "judgement": risk}
        tables["risk_of_bias"].append(judged)
    if rating:
        tables["certainty"] = [
            {"outcome": "o", "follow_up": "w8", "rating": rating, "reasons": "few people"}
        ]
    return tables, {key: f'"{value}"' for key, value in methods.items()}


BY_COUNTS = {"event_method": "MH", "model": "common"}
FEW = (events(3, 6), events(0, 2))
COMMON = (events(20, 26), events(30, 22), events(15, 20))
ONE_GROUP = ({"n": 40.0, "events": 3.0},)
REVIEWS: dict[str, Drawn] = {
    "one trial": typed("MD", [means(4, 5)], unit="points", risks=["low"]),
    "equal trials": typed("MD", [means(5, 5)] * 2, rating="moderate", mid="1"),
    "one trial a subgroup": typed(
        "MD", [means(4, 5), means(3, 5), means(5, 4)], rating="very low", risks=["high", "low"]
    ),
    "all is sure": typed("SMD", [means(4, 5, n) for n in (30, 40, 50)], rating="high"),
    "one trial of events": typed("RR", FEW[:1]),
    "rare events": typed("OR", FEW, rating="low"),
    "rare, by counts": typed("RR", FEW, **BY_COUNTS),
    "rare, by Peto": typed("OR", FEW, **(BY_COUNTS | {"event_method": "Peto"})),
    "rare, MH random": typed("OR", FEW, event_method="MH", tau2_method="DL"),
    "differences by counts": typed("RD", FEW, mid="0.05", **BY_COUNTS),
    "wanted events": typed("RR", COMMON, wanted=True, rating="moderate"),
    "nobody had it": typed("RR", [events(0, 0)] * 2, rating="low"),
    "nobody had it, differences": typed("RD", [events(0, 0)] * 2),
    "one event": typed("OR", [events(1, 0), events(0, 0)]),
    "ratio of rates": typed("IRR", [rates(3, 6), rates(0, 2)], unit="person-years"),
    "difference of rates": typed("IRD", [rates(3, 6)], unit="person-years", rating="low"),
    "one group": typed("proportion", [ONE_GROUP]),
    "groups": typed("proportion", [ONE_GROUP, ({"n": 30.0, "events": 9.0},)]),
}
#: What no sentence may hold, by what is wrong with it.
FAULTS = {
    "two full stops": r"\.\s*\.(?!\w)",
    "empty brackets": r"\(\s*\)|\[\s*\]",
    "a number that is none": NO_WORDS.pattern,
    "the plural of one": r"(?<![\d.−–-])\b1 (trials|comparisons|groups|people|events)\b",
    "one in the plural": r"\bone (trials|comparisons|groups)\b",
    "a comma without a word before it": r"(^|\(|\s),|,\s*[,.;]",
    "a space before a full stop": r"\w \.(\s|$)",
    "a small letter after a full stop": r"[a-z]{3}\. [a-z]",
    "a range of equal ends": r"(?<=\s)(−?\d+\.\d+) to \1(?!\d)",
    "the library's own words": r"\w+=(True|False|'|\")",
    "person-time as a unit of a difference": r"\.\d+ person-\w+ \(",
}


@cache
def words_of(name: str) -> tuple[str, ...]:
    """Return everything that the pages of a review say, a text each."""
    return tuple(_words(REVIEWS[name]))


def _words(drawn: Drawn) -> Iterator[str]:
    with TemporaryDirectory() as place:
        folder = Path(place) / "review"
        write(folder, drawn)
        for texts in build(folder).values():
            yield from texts
        review = al.load_review(folder / "data")
        tables = {key: told for key, told in inserts(review).items() if key != "codebook"}
        yield from (text for texts in tables.values() for text in texts)
        yield answers.verdict(review)
        yield answers.harms(review)


@cache
def review_of(name: str) -> al.Review:
    with TemporaryDirectory() as place:
        write(Path(place) / "review", REVIEWS[name])
        return al.load_review(Path(place) / "review" / "data")


each = pytest.mark.parametrize("name", REVIEWS)


@pytest.mark.slow  # runs the notebooks of every review
@each
def test_every_sentence_is_whole(name: str) -> None:
    found = [
        f"{fault}: …{text[max(0, hit.start() - 60) : hit.end() + 30]}…"
        for text in words_of(name)
        for fault, pattern in FAULTS.items()
        for hit in re.finditer(pattern, text)
    ]
    assert not found, "\n".join(found)


@pytest.mark.slow
@each
def test_one_result_has_the_same_words_on_every_page(name: str) -> None:
    review, whole = review_of(name), "\n".join(words_of(name))
    for effects in pooled_analyses(review):
        said = finding(review, effects)
        assert [a.sentence for a in answers.answers(review)] == [said]
        summary = next(text for text in words_of(name) if "Summary of findings:" in text)
        assert said in " ".join(summary.split())
        assert said.removesuffix(".")[1:] in whole.partition("Summary of findings:")[0]


@pytest.mark.slow  # loads every review
@each
def test_one_trial_is_not_called_several(name: str) -> None:
    review = review_of(name)
    for effects in pooled_analyses(review):
        said = finding(review, effects)
        assert ("these trials" in said) <= (effects.table["trial"].nunique() > 1)
        assert ("this trial " in said) <= (effects.table["trial"].nunique() == 1)


@pytest.mark.slow
@each
def test_advice_on_rare_events_is_about_another_method(name: str) -> None:
    whole = "\n".join(words_of(name))
    uses_counts = (
        "adds up counts, in a common-effect model" in whole or "Peto's method, (O" in whole
    )
    assert not (uses_counts and "Events are rare: inverse-variance" in whole)
    assert not ("by Peto's method" in whole and "Read Mantel-Haenszel" in whole)


@pytest.mark.few
@each
def test_harms_that_nobody_wrote_down_are_not_called_unreported(name: str) -> None:
    assert answers.harms(review_of(name)).startswith("Nothing is recorded")


def test_a_wanted_event_that_happens_more_often_is_a_benefit() -> None:
    """More recoveries with the intervention: the number needed to treat is one for benefit."""
    more = typed("RR", [events(30, 20), events(28, 20)], wanted=True)
    with TemporaryDirectory() as place:
        write(Path(place) / "review", more)
        table = summary_table(al.load_review(Path(place) / "review" / "data"))
    assert table["Number needed to treat"].iloc[0].startswith("NNTB")
    assert "more per 1000" in table["Difference"].iloc[0]


def test_every_kind_of_measure_is_among_the_reviews() -> None:
    measures = {drawn[0]["outcomes"][0]["measure"] for drawn in REVIEWS.values()}
    assert {"MD", "SMD", "RR", "OR", "RD", "IRR", "IRD"} <= measures
    assert measures & set(GROUP_MEASURES)


def test_the_faults_are_found_where_they_are() -> None:
    """A rule that finds nothing anywhere is none."""
    bad = (
        "Nothing..", "Nothing ( ).", "It is nan.", "From 1 trials.", "Of one trials.",
        "Pain , 0 to 10.", "It is so .", "It fell. then rose.", "From 0.51 to 0.51.",
        "x (common_tau2=True)", "It is −0.07 person-years (95% CI).",
    )  # fmt: skip
    for (fault, pattern), text in zip(FAULTS.items(), bad, strict=True):
        assert re.search(pattern, text), fault
    assert all(one != other for one, other in pairwise(sorted(FAULTS)))
