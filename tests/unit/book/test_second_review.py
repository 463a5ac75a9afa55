"""Does the second review, as data, go through the same functions and come out as in R?

Everything here is reported and nothing reconstructed: 23 comparisons of Rubinstein 2019 with the
number, mean and standard deviation of each arm, and R's results for them.
"""

from __future__ import annotations

import csv
import json
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from golden_cases import agree
from places import GOLDEN, ROOT

import analysis_lib as al
from analysis_lib.importing.checking import check_folder
from analysis_lib.review import shared_arms as sh

FOLDER = ROOT / "examples" / "spinal_manipulation"
RUBINSTEIN = json.loads((GOLDEN / "rubinstein2019.json").read_text(encoding="utf-8"))
DATA, RESULTS = RUBINSTEIN["data"], RUBINSTEIN["results"]

FAMILY = "R, second review"
# Closed forms; R's numbers carry 15 digits. Worst error seen 5e-15.
CLOSED_FORM = 1e-10
CLOSED_FORM_REASON = "closed form; R's numbers have 15 significant digits"
# REML and ML, converged tightly by R. Worst error seen 2e-9 (an interval of meta's metacont).
ITERATIVE = 1e-6
ITERATIVE_REASON = "rests on an iterated tau2"
# R looks for the roots of PM and of the Q-profile with its default tolerance, 1.2e-4 on the scale
# of tau2, and meta stops REML at its default threshold. Our PM solves its equation to 1e-9, R's
# does not (tested below). Worst error seen 1e-5 (upper limit of tau2, SMD).
R_DEFAULT = 2e-5
R_DEFAULT_REASON = "R stops at its default tolerance"

TAU2 = ("REML", "DL", "PM", "ML")
CI = {"z": "wald", "knha": "HK", "adhoc": "HK-adhoc"}
# metafor's "riley" takes t with k - 2 and whichever standard error the test has.
PI = {"z": "HTS", "knha": "HK-PR", "adhoc": "HK-PR"}
HOW_CLOSE = {
    "REML": (ITERATIVE, ITERATIVE_REASON),
    "ML": (ITERATIVE, ITERATIVE_REASON),
    "DL": (CLOSED_FORM, CLOSED_FORM_REASON),
    "PM": (R_DEFAULT, R_DEFAULT_REASON),
}
ARM_COLUMNS = {"n1": "n1", "mean1": "m1", "sd1": "s1", "n2": "n2", "mean2": "m2", "sd2": "s2"}
# A trial's comparisons that list one arm twice, found by eye in the source.
SHARED = {"bronfort-2011": 1, "cecchi-2010": 1, "hemmila-2002": 1, "hondras-2009": 2}


@pytest.fixture(scope="module")
def review() -> al.Review:
    return al.load_review(FOLDER / "data")


@pytest.fixture(scope="module")
def effects(review: al.Review) -> al.StudyEffects:
    return al.study_effects(review, "pain", "listed")


@pytest.fixture(scope="module")
def comparisons(review: al.Review, effects: al.StudyEffects) -> pd.DataFrame:
    return sh.comparisons_of(review, effects)


def sizes(comparisons: pd.DataFrame, measure: str) -> al.EffectSizes:
    return sh.effects_of(comparisons, measure)


# --- the data ------------------------------------------------------------------------------------


def test_every_number_of_the_source_is_in_the_tables(comparisons: pd.DataFrame) -> None:
    for ours, theirs in ARM_COLUMNS.items():
        assert comparisons[ours].tolist() == [float(x) for x in DATA[theirs]]


def test_everything_is_reported_with_its_place(review: al.Review) -> None:
    assert (review.arm_results["provenance"] == "reported").all()
    for label, name in zip(DATA["label"], DATA["Source"], strict=True):
        rows = review.arm_results["source"].str.endswith(f": {label}")
        assert rows.sum() == 2
        trial = review.arm_results.loc[rows, "trial"].unique()
        assert review.trials.set_index("trial").loc[trial, "label"].tolist() == [name]
    assert review.reconstructed.empty
    assert review.published.empty


def test_no_cell_of_the_tables_is_empty_for_want_of_a_column() -> None:
    """Columns that would be empty throughout are left out of the files."""
    for path in (FOLDER / "data").glob("*.csv"):
        header, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
        for position, column in enumerate(header):
            assert column == "note" or not rows or any(row[position] for row in rows)


# --- as in R -------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", ["MD", "SMD"])
def test_golden_effects(comparisons: pd.DataFrame, measure: str) -> None:
    found, expected = sizes(comparisons, measure), RESULTS[measure]
    keys = {"where": f"{measure} escalc", "reason": CLOSED_FORM_REASON}
    agree(FAMILY, "effect", found.effect, expected["yi"], CLOSED_FORM, **keys)
    agree(FAMILY, "variance", found.variance, expected["vi"], CLOSED_FORM, **keys)


def test_golden_the_analysis_of_the_review_is_that_of_its_comparisons(
    effects: al.StudyEffects,
) -> None:
    keys = {"where": "MD study_effects", "reason": CLOSED_FORM_REASON}
    agree(FAMILY, "effect", effects.effect, RESULTS["MD"]["yi"], CLOSED_FORM, **keys)
    agree(FAMILY, "variance", effects.variance, RESULTS["MD"]["vi"], CLOSED_FORM, **keys)
    assert effects.unknown == ()


@pytest.mark.parametrize("measure", ["MD", "SMD"])
@pytest.mark.parametrize("tau2_method", TAU2)
@pytest.mark.parametrize("ci", CI)
def test_golden_pooled(comparisons: pd.DataFrame, measure: str, tau2_method: str, ci: str) -> None:
    found, expected = sizes(comparisons, measure), RESULTS[measure][f"{tau2_method}_{ci}"]
    fit = al.pool(
        found.effect,
        found.variance,
        tau2_method=tau2_method,
        ci_method=CI[ci],
        pi_method=PI[ci],
    )
    size, reason = HOW_CLOSE[tau2_method]
    where = f"{measure} {tau2_method} {ci}"
    keys: dict[str, Any] = {"tolerance": size, "where": where, "reason": reason}
    agree(FAMILY, "estimate", fit.estimate, expected["estimate"], scale=fit.se, **keys)
    agree(FAMILY, "se", fit.se, expected["se"], **keys)
    agree(FAMILY, "ci", fit.ci, expected["ci"], scale=fit.se, **keys)
    agree(FAMILY, "p value", fit.p_value, expected["p"], **keys)
    agree(FAMILY, "tau2", fit.tau2, expected["tau2"], **keys)
    agree(FAMILY, "Q", fit.q, expected["Q"], **keys)
    agree(FAMILY, "p of Q", fit.q_p_value, expected["Qp"], **keys)
    agree(FAMILY, "I2 (tau2)", fit.i2_tau2, expected["I2_tau2"] / 100, **keys)
    pi = fit.prediction_interval
    agree(FAMILY, "PI", pi, expected["pi_riley_k_minus_2"], scale=fit.se, **keys)


@pytest.mark.parametrize("measure", ["MD", "SMD"])
def test_paule_mandel_solves_its_equation_better_than_r(
    comparisons: pd.DataFrame, measure: str
) -> None:
    found = sizes(comparisons, measure)
    ours = al.pool(found.effect, found.variance, tau2_method="PM").tau2
    gaps = []
    for tau2 in (ours, RESULTS[measure]["PM_z"]["tau2"]):
        weights = 1 / (found.variance + tau2)
        mean = np.average(found.effect, weights=weights)
        gaps.append(abs(float(weights @ (found.effect - mean) ** 2) - (len(found.effect) - 1)))
    assert gaps[0] < 1e-9
    assert gaps[0] < gaps[1]


@pytest.mark.parametrize("measure", ["MD", "SMD"])
def test_golden_interval_of_tau2(comparisons: pd.DataFrame, measure: str) -> None:
    found, expected = sizes(comparisons, measure), RESULTS[measure]["qprofile"]
    fit = al.pool(found.effect, found.variance)
    keys: dict[str, Any] = {"where": f"{measure} confint", "reason": R_DEFAULT_REASON}
    agree(FAMILY, "tau2 interval", fit.tau2_ci, expected["tau2"][1:], R_DEFAULT, **keys)


@pytest.mark.parametrize("measure", ["MD", "SMD"])
def test_golden_leave_one_out(comparisons: pd.DataFrame, measure: str) -> None:
    found, expected = sizes(comparisons, measure), RESULTS[measure]["leave1out"]
    table = al.leave_one_out(found.effect, found.variance, labels=found.labels)
    keys: dict[str, Any] = {"where": f"{measure} leave1out", "reason": ITERATIVE_REASON}
    size = float(np.mean(table["se"]))
    agree(FAMILY, "without one", table["estimate"], expected["estimate"], ITERATIVE,
          scale=size, **keys)  # fmt: skip
    agree(FAMILY, "tau2 without one", table["tau2"], expected["tau2"], ITERATIVE, **keys)
    agree(FAMILY, "Q without one", table["q"], expected["Q"], ITERATIVE, **keys)


@pytest.mark.parametrize("measure", ["MD", "SMD"])
def test_golden_reporting_bias(comparisons: pd.DataFrame, measure: str) -> None:
    found, expected = sizes(comparisons, measure), RESULTS[measure]
    egger = al.egger_test(found.effect, found.variance)
    begg = al.begg_test(found.effect, found.variance)
    filled = al.trim_and_fill(found.effect, found.variance)
    keys: dict[str, Any] = {"where": f"{measure} bias", "reason": CLOSED_FORM_REASON}
    agree(FAMILY, "Egger t", egger.statistic, expected["egger"]["t"], CLOSED_FORM, **keys)
    agree(FAMILY, "Egger p", egger.p_value, expected["egger"]["p"], CLOSED_FORM, **keys)
    assert egger.df == expected["egger"]["df"]
    agree(FAMILY, "Begg tau", begg.tau, expected["begg"]["tau"], CLOSED_FORM, **keys)
    agree(FAMILY, "Begg p", begg.p_value, expected["begg"]["p"], CLOSED_FORM, **keys)
    r = expected["trimfill"]
    assert (filled.side, filled.k0) == (r["side"], r["k0"])
    keys["reason"], size = ITERATIVE_REASON, filled.fit.se
    agree(FAMILY, "filled", filled.fit.estimate, r["estimate"], ITERATIVE, scale=size, **keys)
    agree(FAMILY, "filled ci", filled.fit.ci, r["ci"], ITERATIVE, scale=size, **keys)


@pytest.mark.parametrize("measure", ["MD", "SMD"])
def test_golden_meta_gives_the_same(comparisons: pd.DataFrame, measure: str) -> None:
    """R's meta: the Q-based I2, and for the SMD the unbiased variance."""
    arms = [comparisons[name].to_numpy() for name in ARM_COLUMNS]
    found = (
        al.mean_difference(*arms)
        if measure == "MD"
        else al.standardized_mean_difference(*arms, variance_method="UB")
    )
    expected = RESULTS[measure]["metacont"]
    fit = al.pool(found.effect, found.variance, pi_method="HTS")
    keys: dict[str, Any] = {"where": f"{measure} metacont", "reason": R_DEFAULT_REASON}
    agree(FAMILY, "se of trials", found.se, expected["seTE"], CLOSED_FORM, **keys)
    agree(FAMILY, "estimate", fit.estimate, expected["estimate"], R_DEFAULT, scale=fit.se, **keys)
    agree(FAMILY, "ci", fit.ci, expected["ci"], R_DEFAULT, scale=fit.se, **keys)
    agree(FAMILY, "tau2", fit.tau2, expected["tau2"], R_DEFAULT, **keys)
    agree(FAMILY, "I2 (Q)", fit.i2, expected["I2_Q"], R_DEFAULT, **keys)
    pi = fit.prediction_interval
    agree(FAMILY, "PI", pi, expected["pi_HTS"], R_DEFAULT, scale=fit.se, **keys)


def test_golden_no_result_of_r_is_left_out() -> None:
    pooled = {f"{method}_{ci}" for method in TAU2 for ci in CI}
    others = {"yi", "vi", "qprofile", "leave1out", "egger", "begg", "trimfill", "metacont"}
    assert set(RESULTS) == {"MD", "SMD"}
    for measure in RESULTS.values():
        assert set(measure) == pooled | others


# --- arms in two comparisons ---------------------------------------------------------------------


def test_the_arms_that_stand_twice_are_recognised(comparisons: pd.DataFrame) -> None:
    found = sh.find_shared_arms(comparisons)
    assert {arm.trial: arm.side for arm in found} == SHARED
    assert all(len(arm.labels) == 2 for arm in found)


def test_two_arms_of_equal_size_and_other_results_are_not_one(comparisons: pd.DataFrame) -> None:
    """Hurwitz 2002 lists 169 people twice, with other means."""
    hurwitz = comparisons[comparisons["trial"] == "hurwitz-2002"]
    assert hurwitz["n1"].tolist() == [169, 169]
    assert sh.find_shared_arms(hurwitz) == ()


def test_keeping_them_warns_and_names_them(comparisons: pd.DataFrame) -> None:
    with pytest.warns(sh.SharedArms, match=r"Bronfort 2011.*the same first arm \(n = 50\)"):
        kept = sh.settle_shared_arms(comparisons)
    pd.testing.assert_frame_equal(kept, comparisons)


def test_splitting_counts_everybody_once(comparisons: pd.DataFrame) -> None:
    split = sh.settle_shared_arms(comparisons, "split")
    assert len(split) == len(comparisons)
    twice = sum(arm.n for arm in sh.find_shared_arms(comparisons))
    total = comparisons[["n1", "n2"]].to_numpy().sum()
    assert split[["n1", "n2"]].to_numpy().sum() == total - twice
    assert (split["mean1"] == comparisons["mean1"]).all()


def test_combining_leaves_one_comparison_a_trial(comparisons: pd.DataFrame) -> None:
    one = sh.settle_shared_arms(comparisons, "combine")
    assert len(one) == len(comparisons) - len(SHARED)
    twice = sum(arm.n for arm in sh.find_shared_arms(comparisons))
    total = comparisons[["n1", "n2"]].to_numpy().sum()
    assert one[["n1", "n2"]].to_numpy().sum() == total - twice
    bronfort = one[one["trial"] == "bronfort-2011"].iloc[0]
    # 95 people with mean 37 and 96 with mean 36.
    assert bronfort["n2"] == 191
    assert bronfort["mean2"] == pytest.approx((95 * 37 + 96 * 36) / 191, rel=CLOSED_FORM)
    assert bronfort["label"].startswith("Bronfort 2011")
    assert sh.find_shared_arms(one) == ()


def test_three_comparisons_with_one_control_become_one() -> None:
    rows = [["t", f"T {mark}", 20, 5.0, 2.0, 30, 6.0, 2.0] for mark in "abc"]
    table = pd.DataFrame(rows, columns=list(sh.COLUMNS))
    table["mean1"] = [4.0, 5.0, 6.0]
    one = sh.settle_shared_arms(table, "combine")
    assert one[["label", "n1", "mean1", "n2"]].to_numpy().tolist() == [["T", 60.0, 5.0, 30.0]]


def test_a_comparison_that_shares_both_arms_cannot_be_combined() -> None:
    rows = [
        ["t", "A-B", 20, 5.0, 2.0, 30, 6.0, 2.0],
        ["t", "A-C", 20, 5.0, 2.0, 31, 7.0, 2.0],
        ["t", "D-B", 21, 4.0, 2.0, 30, 6.0, 2.0],
    ]
    table = pd.DataFrame(rows, columns=list(sh.COLUMNS))
    with pytest.raises(al.ReviewError, match=r"both arms are shared.*: A-B$"):
        sh.settle_shared_arms(table, "combine")
    assert sh.settle_shared_arms(table, "split")["n1"].tolist() == [10.0, 10.0, 21.0]


def test_wrong_choices_are_named(comparisons: pd.DataFrame) -> None:
    with pytest.raises(
        al.ReviewError, match="choice must be one of keep, split, combine; got 'drop'"
    ):
        sh.settle_shared_arms(comparisons, "drop")  # type: ignore[arg-type]  # that is the test
    with pytest.raises(al.ReviewError, match="no column sd2"):
        sh.find_shared_arms(comparisons.drop(columns="sd2"))
    with pytest.raises(al.ReviewError, match="measure must be one of MD, SMD; got 'RR'"):
        sh.effects_of(comparisons, "RR")


def test_no_shared_arm_no_warning(comparisons: pd.DataFrame) -> None:
    alone = comparisons[~comparisons["trial"].isin(SHARED)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(sh.settle_shared_arms(alone)) == len(alone)


# --- the command ---------------------------------------------------------------------------------


def test_check_tells_what_is_there_and_what_is_missing() -> None:
    told = "\n".join(check_folder(FOLDER))
    assert "17 trials, 46 arms, 46 results by arm" in told
    assert "Can be pooled: Pain, listed, 23 comparisons." in told
    assert told.count("Counted more than once?") == len(SHARED)
    assert "risk_of_bias.csv is empty" in told
