"""Does the page on the audit tell all that was found, and are its sums by hand right?"""

from __future__ import annotations

import itertools
import math
import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import analysis_lib as al
from analysis_lib.book.sections import audit_report as ar
from analysis_lib.printed.audit import RULES, Audit
from analysis_lib.review.model import arms_at_baseline

CLOSE = 1e-9  # the same closed form, twice


@pytest.fixture(scope="module")
def found(review: al.Review) -> Audit:
    return ar.audit_of(review, exclusive_columns=["between_groups_text"])


@pytest.fixture(scope="module")
def told(review: al.Review, found: Audit) -> pd.DataFrame:
    return ar.findings_in_words(review, found, {"exclusive lists": "Results, lists"})


# --- counts ---------------------------------------------------------------------------------------


def test_every_check_is_counted_once(found: Audit) -> None:
    table = ar.rules_table(found)
    assert table["Rule"].tolist() == [rule.name for rule in RULES]
    assert table.iloc[:, 2:].astype(int).to_numpy().sum() == len(found.checks)
    assert table["Do not agree"].astype(int).sum() == len(found)


def test_the_counts_of_the_prose_add_up(found: Audit) -> None:
    counts = ar.counts_of(found)
    assert counts["judged"] == counts["agree"] + counts["found"]
    assert counts["found"] == sum(counts[f"matters-{word}"] for word in ar.WEIGHTS) > 0
    assert counts["places"] <= counts["found"]
    assert 0 < counts["corrections"] < counts["found"]


# --- a review that was made up --------------------------------------------------------------------


def test_made_up_numbers_agree_and_a_lost_minus_is_found() -> None:
    made_up = ar.made_up_results(40, seed=1)
    spoilt = ar.without_a_minus(made_up)
    (changed,) = made_up.index[(made_up != spoilt).any(axis=1)]
    assert made_up.loc[changed, "estimate"] == f"-{spoilt.loc[changed, 'estimate']}"
    table = ar.audits_table({"sound": al.audit(made_up), "spoilt": al.audit(spoilt)})
    assert table["Results"].tolist() == ["40", "40"]
    assert table["Findings"].tolist()[0] == "0"
    assert int(table["Findings"].tolist()[1]) > 0
    assert table["Correction proposed"].tolist()[0] == ""
    assert "−" in table["Correction proposed"].tolist()[1]


# --- the findings ---------------------------------------------------------------------------------


def test_every_finding_is_told_under_the_weight_it_has(found: Audit, told: pd.DataFrame) -> None:
    assert len(told) == len(found)
    tables = [ar.findings_table(told, word) for word in ar.WEIGHTS]
    assert sum(map(len, tables)) == len(found)
    assert [len(table) for table in tables] == [
        sum(finding.matters == word for finding in found.findings) for word in ar.WEIGHTS
    ]


def test_what_was_found_about_one_result_stands_together(told: pd.DataFrame) -> None:
    headings = told["heading"].tolist()
    changes = sum(a != b for a, b in itertools.pairwise(headings))
    assert changes == len(set(headings)) - 1


def test_names_and_true_minus_signs_stand_in_the_place_of_keys(
    review: al.Review, told: pd.DataFrame
) -> None:
    keys = [*review.trials["trial"], *review.published["id"], "between_groups_text"]
    for column in ("heading", "printed", "follows", "suggestion"):
        text = "\n".join(told[column])
        assert [key for key in keys if key in text] == []
        assert re.findall(r"(?<!\w)-\d", text) == []


def test_a_finding_says_where_it_stands(told: pd.DataFrame) -> None:
    headings = told.drop_duplicates("where").set_index("where")["heading"]
    assert headings["sertpoyraz-2009"] == "Sertpoyraz 2009 (Results, lists)"
    assert headings["kell-2009 disability"] == "Kell 2009 disability (Table 1)"
    assert headings["pain-ETP-abstract"].endswith("in the abstract (Abstract)")
    assert not headings["short-programs"].startswith("short-programs")  # a claim is its place


def test_the_words_of_one_finding(told: pd.DataFrame) -> None:
    words = ar.told_of(told, "strength-ETP")
    assert words["printed"] == "estimate 0.22, CI from −0.70, CI to 0.26"
    assert words["suggestion"] == "estimate −0.22 for 0.22 (sign)"


# --- by hand --------------------------------------------------------------------------------------


@given(st.floats(-5, 5).filter(lambda x: abs(x) > 0.01), st.floats(0.05, 2))
def test_what_agrees_leads_to_the_same_by_every_road(estimate: float, se: float) -> None:
    p = 2 * stats.norm.sf(abs(estimate) / se)
    if p < 1e-12:  # beyond that a p value has too few digits left to lead back
        return
    z = stats.norm.ppf(0.975)
    row = pd.Series(
        {"estimate": estimate, "ci_low": estimate - z * se, "ci_high": estimate + z * se, "p": p}
    )
    hand = ar.interval_by_hand(row)
    assert hand["se"] == pytest.approx(se, rel=CLOSE)
    assert hand["se-by-p"] == pytest.approx(se, rel=1e-6)  # p near 1e-12 keeps six digits of z
    assert hand["p-interval"] == pytest.approx(p, rel=1e-6)
    assert hand["z"] == pytest.approx(abs(estimate) / se, rel=CLOSE)
    assert hand["mirrored"] == hand["low"]


def test_a_misprinted_limit_shows(review: al.Review) -> None:
    """Worked out with a pocket calculator: 2 × (−0.52) + 0.08 = −0.96; 0.52 / 2.29 = 0.227."""
    hand = ar.interval_by_hand(review.published.set_index("id").loc["pain-ETP"])
    assert (hand["centre"], hand["mirrored"], hand["interval"]) == (
        "−0.50",
        "−0.96",
        "−0.92 to −0.08",
    )
    assert hand["se-by-p"] == pytest.approx(0.227, abs=5e-4)
    assert (hand["low-by-p"], hand["high-by-p"]) == ("−0.965", "−0.075")


def test_people_that_an_interval_takes() -> None:
    z = stats.norm.ppf(0.975)
    row = pd.Series({"participants": 100, "trials": 3, "ci_low": -z / 8, "ci_high": z / 8})
    hand = ar.people_by_hand(row)
    assert (hand["least"], hand["se"]) == (0.2, pytest.approx(0.125, rel=CLOSE))
    assert hand["need"] in (256, 257)  # 4 / 0.125², with or without the noise of arithmetic


@pytest.mark.parametrize("k", [3, 4, 9, 20, 40])
def test_a_prediction_interval_tells_its_comparisons(k: int) -> None:
    """The nearest quantile is the right one, computed with scipy from tau2 0.28, SE 0.2."""
    half = stats.t.ppf(0.975, k - 2) * math.sqrt(0.28 + 0.2**2)
    z = stats.norm.ppf(0.975)
    row = pd.Series(
        {"pi_low": -half, "pi_high": half, "tau2": 0.28, "ci_low": -0.2 * z, "ci_high": 0.2 * z}
    )
    hand = ar.prediction_by_hand(row)
    assert hand["half"] == pytest.approx(half, rel=CLOSE)
    assert hand["least"] < half
    assert hand["tau-alone"] < hand["least"]  # type: ignore[operator]  # both are numbers
    told = ar.comparisons_by_hand(float(str(hand["quantile"])))
    assert (told["k"], told["df"]) == (k, k - 2)
    assert told["t"] == pytest.approx(hand["quantile"], rel=1e-6)


# --- Table 1, and the arms that entered -----------------------------------------------------------


def test_small_deviations_stand_beside_those_of_other_trials(review: al.Review) -> None:
    table = ar.small_sds_table(review, {"Pain": ("pain", 10, ["kell-2009", "nambi-2020a"])})
    scores = arms_at_baseline(review, "pain").dropna(subset=["sd"])
    sds = 10 * scores["sd"] / scores["scale_max"]
    others = sds.groupby(scores["trial"]).median().drop(["kell-2009", "nambi-2020a"]).median()
    kell = sds[scores["trial"] == "kell-2009"].min()
    row = table.iloc[0]
    assert table["Trial"].tolist() == ["Kell 2009", "Nambi 2020a"]
    assert set(table["outcome"]) == {"Pain"}
    assert row["n"] == "9"
    assert float(row["Smallest SD"]) == pytest.approx(kell, abs=0.005)
    assert float(row["The SD if it were an SE"]) == pytest.approx(3 * kell, abs=0.005)
    assert float(row["Median SD of the other trials"]) == pytest.approx(others, abs=0.005)


def test_each_arm_enters_an_analysis_once_by_the_main_reading(review: al.Review) -> None:
    members = ar.arms_of_analyses(review)
    assert not members.duplicated().any()
    cai = members[(members["analysis"] == "pain-ETP") & (members["trial"] == "cai-2017")]
    assert sorted(cai["arm"]) == ["rtg-a", "rtg-b", "ueg"]
    other = members[(members["analysis"] == "strength-STP")]["trial"]
    assert "sertpoyraz-2009" not in set(other)  # of another reading


@pytest.mark.slow
def test_more_people_than_the_arms_hold_are_not_possible(review: al.Review) -> None:
    found = ar.audit_of(review, members=ar.arms_of_analyses(review))
    table = ar.reading_table(review, found)
    misfits = [f.rule for f in found.findings if f.rule in ar.BY_MEMBERS]
    assert {*misfits} == {*ar.BY_MEMBERS}
    assert table["Fits"].tolist().count("no") == len(misfits)
    assert table["Result"].notna().all()
    told = " ".join(table["What is printed"] + table["Under our reading"])
    assert "fear-avoidance-ETP" not in told  # a key
    assert " -" not in told  # a hyphen for a minus sign


def test_what_the_print_says_about_the_number_of_comparisons(
    review: al.Review, found: Audit
) -> None:
    table = ar.comparisons_told(review, found)
    assert len(table)
    assert table.notna().all(axis=None)
    pain = table[table["Result"] == "Pain intensity, extended training programs"]
    assert any("9" in words for words in pain["What follows"])
