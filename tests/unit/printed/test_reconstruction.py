"""Does a reconstruction agree with the print, and how near does it come to hidden truth?"""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT
from properties import examples

from analysis_lib.base.errors import ReviewError
from analysis_lib.pooling.pooled_effect import pool
from analysis_lib.printed.reconstruction import (
    BetweenTarget,
    FitTargets,
    Interval,
    Prior,
    Targets,
    compare,
    conditioned,
    ensemble,
    printed_targets,
    reconstruct,
    rounded,
    set_aside_contradictions,
    validate,
)
from analysis_lib.printed.reconstruction.solver import AIM, Problem
from analysis_lib.printed.reconstruction.tables import (
    TABLES,
    Analysis,
    ReconstructedAnalysis,
    analyses_to_reconstruct,
    build_analysis,
    reconstruct_analysis,
    reconstructed_csv,
)

GOLDEN = json.loads((ROOT / "tests/golden/reconstruction_datasets.json").read_text())["datasets"]

# Central differences with a step of 1e-6 lose about half of 16 digits. Worst seen 4e-8.
JACOBIAN_TOLERANCE = 1e-6
# Trapezoid over 200 001 points. Worst seen 4e-9.
INTEGRAL_TOLERANCE = 1e-6
# The rounding of the printed numbers lets the hidden effect move. Worst seen 0.012.
RECOVERY_TOLERANCE = 0.05
# reconstructed.csv holds six decimals; other processors differ in the last digits of a solution
# that is found to about 1e-4 prior standard deviations. Worst seen on one machine 5e-7 (rounding).
FILE_TOLERANCE = 5e-3

STEPS_OF_PROPERTY = examples(20)


@cache
def tables() -> dict[str, pd.DataFrame]:
    return {
        name: pd.read_csv(ROOT / f"data/{name}.csv", dtype=str, keep_default_na=False)
        for name in TABLES
    }


@cache
def analysis_of(outcome: str, follow_up: str, reading: str = "main") -> Analysis:
    return build_analysis(tables(), outcome, follow_up, reading)


@cache
def result(outcome: str, follow_up: str, reading: str = "main") -> ReconstructedAnalysis:
    return reconstruct_analysis(analysis_of(outcome, follow_up, reading), draws=0)


MAIN = [(o, f) for o, f, reading in analyses_to_reconstruct(tables()) if reading == "main"]


def datasets(k_max: int = 9) -> st.SearchStrategy[tuple[np.ndarray, np.ndarray]]:
    """Effects and variances of the size seen in reviews."""
    effects = st.floats(-2, 2).map(lambda x: round(x, 4))
    variances = st.floats(0.02, 0.5).map(lambda x: round(x, 4))
    return st.integers(3, k_max).flatmap(
        lambda k: st.tuples(
            st.lists(effects, min_size=k, max_size=k).map(np.array),
            st.lists(variances, min_size=k, max_size=k).map(np.array),
        )
    )


# --- printed numbers as intervals -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("-0.40", -0.405, -0.395),
        ("-0.4", -0.45, -0.35),
        ("0", -0.5, 0.5),
        ("\N{MINUS SIGN}1.15", -1.155, -1.145),
    ],
)
def test_a_printed_number_stands_for_half_a_unit_either_side(
    text: str, low: float, high: float
) -> None:
    assert rounded(text) == Interval(low, high)


def test_per_cent_becomes_a_fraction() -> None:
    assert rounded("67.3", per_cent=True) == Interval(0.6725, 0.6735)


@given(st.floats(-1e4, 1e4), st.integers(0, 4))
@STEPS_OF_PROPERTY
def test_every_value_lies_in_the_interval_of_its_rounding(value: float, decimals: int) -> None:
    assert rounded(f"{value:.{decimals}f}").contains(value)


@pytest.mark.parametrize("text", ["", "nr", "1,5", "0.5 (0.1)"])
def test_text_that_is_no_number_is_named(text: str) -> None:
    with pytest.raises(ReviewError, match="is not a number"):
        rounded(text)


def test_two_printings_narrow_each_other_or_contradict() -> None:
    assert rounded("0.28").meet(rounded("0.276")) == rounded("0.276")
    with pytest.raises(ReviewError, match="above"):
        rounded("0.28").meet(rounded("0.296"))


# --- contradictions -------------------------------------------------------------------------------

# What is set aside in each printed result, and why, is in the notebook; the rule is the same for
# all. The list is the finding: it has to change when the transcription or the rule changes.
SET_ASIDE = {
    "pain-STP": ("pi_low", "pi_high"),
    "pain-STP-without-nambi": ("ci_high",),
    "pain-ETP": ("ci_low",),
    "pain-ETP-without-kell": ("p_value",),
    "pain-PW": (),
    "pain-PW-without-nambi-2020b": (),
    "disability-STP": ("pi_low", "pi_high"),
    "disability-ETP": ("pi_low", "pi_high"),
    "disability-ETP-without-kell": (),
    "disability-PW": (),
    "endurance-STP": (),
    "endurance-ETP": (),
    "strength-STP": (),
    "strength-ETP": ("estimate",),
    "strength-PW": (),
    "fear-avoidance-ETP": (),
    "fear-avoidance-PW": (),
}


@pytest.mark.slow
def test_the_printed_results_give_up_these_numbers_and_no_others() -> None:
    found = {
        fit.name: fit.set_aside
        for outcome, follow_up in MAIN
        for fit in analysis_of(outcome, follow_up).targets.fits
    }
    assert found == SET_ASIDE


@given(datasets())
@STEPS_OF_PROPERTY
def test_what_was_pooled_and_rounded_never_contradicts_itself(
    data: tuple[np.ndarray, np.ndarray],
) -> None:
    (fit,) = printed_targets(*data).fits
    assert set_aside_contradictions(fit, len(data[0])).set_aside == ()


@pytest.mark.parametrize(
    ("name", "misprint"),
    [("estimate", "0.52"), ("ci_low", "-0.92"), ("ci_high", "-0.80"), ("p_value", "0.220")],
)
def test_a_misprint_is_the_number_set_aside(name: str, misprint: str) -> None:
    right = {
        "estimate": "-0.52",
        "ci_low": "-0.97",
        "ci_high": "-0.08",
        "p_value": "0.022",
        "pi_low": "-1.88",
        "pi_high": "0.83",
        "tau2": "0.276",
    }
    assert set_aside_contradictions(_fit(right), 9).set_aside == ()
    assert set_aside_contradictions(_fit(right | {name: misprint}), 9).set_aside == (name,)


def _fit(printed: dict[str, str]) -> FitTargets:
    return FitTargets.of("main", {name: rounded(text) for name, text in printed.items()})


def test_tau2_limits_the_number_of_comparisons_from_below() -> None:
    """SE 0.959 with tau2 4.18 needs at least five comparisons: tau2 / SE² is 4.5."""
    printed = _fit({"estimate": "-2.04", "ci_low": "-3.92", "ci_high": "-0.16", "tau2": "4.18"})
    assert set_aside_contradictions(printed, 5).set_aside == ()
    assert set_aside_contradictions(printed, 4).set_aside != ()


def test_a_prediction_interval_of_two_comparisons_is_set_aside() -> None:
    printed = _fit({"estimate": "0.0", "ci_low": "-0.3", "ci_high": "0.3", "pi_low": "-2"})
    assert set_aside_contradictions(printed, 2).set_aside == ("pi_low",)


# --- the equations --------------------------------------------------------------------------------


def test_derivatives_agree_with_differences() -> None:
    rng = np.random.default_rng(1)
    k = 6
    correlation = 0.3 + 0.7 * np.eye(k)
    prior = Prior.of(
        rng.normal(size=k),
        np.full(k, 0.5),
        rng.uniform(0.05, 0.2, k),
        np.full(k, 0.3),
        curvature=np.full(k, 0.02),
        correlation=correlation,
    )
    everything = {
        "estimate": "-0.5",
        "ci_low": "-0.9",
        "ci_high": "-0.1",
        "p_value": "0.02",
        "pi_low": "-1.8",
        "pi_high": "0.8",
        "tau2": "0.3",
        "i2": "0.67",
    }
    left_out = FitTargets("left", (1,), estimate=rounded("-0.3"), tau2=rounded("0.00"))
    test = BetweenTarget("between", ((0, 1, 2), (3,), (4, 5)), rounded("9.5"))
    targets = Targets((_fit(everything), left_out), (test,))
    for problem in Problem.alternatives(prior, targets):
        x = problem.start(rng.standard_normal(2 * k)) + 0.1
        step = 1e-6 * np.eye(len(x))
        differences = np.column_stack(
            [
                (problem.conditions(x + h).value - problem.conditions(x - h).value) / 2e-6
                for h in step
            ]
        )
        slope = problem.conditions(x).slope
        assert np.abs((slope - differences) / (1 + np.abs(slope))).max() < JACOBIAN_TOLERANCE


@pytest.mark.parametrize(
    ("low", "high"), [(-1.0, 1.0), (0.5, np.inf), (-np.inf, -2.0), (4.0, np.inf)]
)
def test_cut_normal_distribution_agrees_with_the_integral(low: float, high: float) -> None:
    x = np.linspace(max(low, -12.0), min(high, 12.0), 200_001)
    density = np.exp(-((x - 0.3) ** 2) / (2 * 0.8**2))
    density /= np.trapezoid(density, x)
    mean = np.trapezoid(x * density, x)
    sd = np.sqrt(np.trapezoid((x - mean) ** 2 * density, x))
    assert conditioned(0.3, 0.8, low, high) == pytest.approx((mean, sd), rel=INTEGRAL_TOLERANCE)


def test_a_range_without_probability_is_an_error() -> None:
    with pytest.raises(ReviewError, match="no room"):
        conditioned(0.0, 1.0, 30.0, np.inf)


@given(datasets())
@STEPS_OF_PROPERTY
def test_the_truth_agrees_with_what_it_prints(data: tuple[np.ndarray, np.ndarray]) -> None:
    targets = printed_targets(*data, [(0,)])
    assert all(residual.inside for residual in compare(*data, targets))


def test_one_unknown_effect_is_recovered() -> None:
    """With all other studies known, the printed mean fixes the last effect."""
    y = np.array([-0.2, -0.5, 0.1, -1.4, -0.3])
    v = np.array([0.04, 0.06, 0.05, 0.09, 0.05])
    guess, sd = y.copy(), np.full(5, 1e-3)
    guess[3], sd[3] = 0.0, 2.0
    prior = Prior.of(guess, sd, v, np.full(5, 1e-3))
    found = reconstruct(prior, printed_targets(y, v))
    assert found.converged
    assert found.effect[3] == pytest.approx(y[3], abs=RECOVERY_TOLERANCE)


def test_a_prior_that_agrees_already_is_left_alone() -> None:
    y, v = np.array([-0.2, -0.5, 0.1, -1.4]), np.array([0.04, 0.06, 0.05, 0.09])
    prior = Prior.of(y, np.full(4, 0.5), v, np.full(4, 0.3))
    found = reconstruct(prior, printed_targets(y, v))
    # Only the inner part of each interval is aimed at, and the truth may lie in the outer part.
    assert found.distance < 1 - AIM
    assert found.converged


# --- the review -----------------------------------------------------------------------------------


SMALL = [("strength", "PW"), ("fear-avoidance", "PW")]
#: The others are computed in the same way, and take longer.
QUICK_FIRST = [
    pytest.param(*names, marks=() if names in SMALL else pytest.mark.slow) for names in MAIN
]


@pytest.mark.parametrize(("outcome", "follow_up"), QUICK_FIRST)
def test_main_readings_agree_with_every_number_that_can_be_met(
    outcome: str, follow_up: str
) -> None:
    table = result(outcome, follow_up).table()
    missed = table[table["used"] & ~table["inside"]]
    assert missed.empty, missed.to_string()
    assert table["used"].sum() >= 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("outcome", "follow_up", "reading"),
    [("pain", "STP", "without-kell"), ("disability", "STP", "three-trials")],
)
def test_readings_that_the_numbers_exclude(outcome: str, follow_up: str, reading: str) -> None:
    assert not result(outcome, follow_up, reading).reconstruction.converged


@pytest.mark.slow
def test_reconstruction_is_what_pool_says() -> None:
    found = result("pain", "ETP").reconstruction
    fit = pool(found.effect, found.variance)
    assert rounded("0.276").contains(fit.tau2)
    assert rounded("-0.52").contains(fit.estimate)
    kell = [label.startswith("kell") for label in found.labels].index(True)
    without = pool(np.delete(found.effect, kell), np.delete(found.variance, kell))
    assert rounded("0.091").contains(without.tau2)


@pytest.mark.parametrize(
    ("outcome", "follow_up", "people"),
    [
        ("disability", "STP", 206),
        ("disability", "ETP", 505),
        ("endurance", "STP", 56),
        ("endurance", "ETP", 173),
        ("strength", "STP", 150),
        ("strength", "ETP", 176),
        ("strength", "PW", 176),
    ],
)
def test_comparisons_add_up_to_the_printed_number_of_people(
    outcome: str, follow_up: str, people: int
) -> None:
    analysis = analysis_of(outcome, follow_up)
    assert analysis.comparisons[
        ["n_experimental", "n_comparator"]
    ].to_numpy().sum() == pytest.approx(people)
    published = tables()["published"].set_index("id")
    assert int(published.loc[f"{outcome}-{follow_up}", "participants"]) == people


def test_number_of_trials_is_the_printed_one_except_for_disability_at_stp() -> None:
    published = tables()["published"].set_index("id")
    differ = [
        (outcome, follow_up)
        for outcome, follow_up in MAIN
        if analysis_of(outcome, follow_up).comparisons["trial"].nunique()
        != int(published.loc[f"{outcome}-{follow_up}", "trials"])
    ]
    assert differ == [("disability", "STP")]


def test_every_comparison_is_argued_for_and_names_arms_that_exist() -> None:
    rows = tables()["analyses"]
    assert (rows[["why", "source", "provenance"]] != "").all(axis=None)
    arms = set(zip(tables()["arms"]["trial"], tables()["arms"]["arm"], strict=True))
    for side in ("experimental_arm", "comparator_arm"):
        assert set(zip(rows["trial"], rows[side], strict=True)) <= arms


def test_shared_arms_are_split_and_kept_in_number() -> None:
    comparisons = analysis_of("pain", "PW").comparisons.set_index("trial")
    assert comparisons.loc["cai-2017", "n_comparator"].tolist() == [14, 14]
    assert comparisons.loc["nambi-2020b", "n_experimental"].tolist() == [7.5, 7.5]


def test_an_effect_known_elsewhere_moves_the_prior_only() -> None:
    analysis = analysis_of("pain", "ETP")
    aasa = analysis.prior.labels.index("aasa-2015 rtg vs ueg")
    # Tataryn: SMD -0.13; SDs of Table 1: 24 and 28 of 100, so 2.4 and 2.8 of 10.
    expected = -0.13 * np.sqrt((2.4**2 + 2.8**2) / 2)
    assert analysis.prior.effect_mean[aasa] == pytest.approx(expected, rel=1e-12)


def test_a_printed_subgroup_test_is_aimed_at_with_the_levels_of_the_data() -> None:
    """Acceptable, high and not stated: as many groups as the printed df asks for."""
    analysis = analysis_of("disability", "STP")
    (test,) = analysis.targets.between
    trials = list(analysis.comparisons["trial"])
    assert [{trials[i] for i in group} for group in test.groups] == [
        {"sertpoyraz-2009"},
        {"kell-2009", "santos-2022"},
        {"helmhout-2008"},
    ]
    levels = tables()["subgroup_levels"]
    one_level = levels.iloc[:1].assign(low="0", high="1")  # two groups fit no df of 2
    other = build_analysis({**tables(), "subgroup_levels": one_level}, "disability", "STP")
    assert other.targets.between == ()


def test_unknown_analysis_is_an_error() -> None:
    with pytest.raises(ReviewError, match="no comparison for pain XYZ"):
        build_analysis(tables(), "pain", "XYZ")


# --- the ensemble ---------------------------------------------------------------------------------


def small() -> Analysis:
    return analysis_of("pain", "PW")


def test_every_member_agrees_with_the_print_and_they_differ() -> None:
    found = ensemble(small().prior, small().targets, draws=20)
    for effect, variance in zip(found.effect, found.variance, strict=True):
        residuals = compare(effect, variance, small().targets)
        assert all(r.inside for r in residuals if r.used)
    ranges = found.ranges()
    assert (ranges["effect_max"] - ranges["effect_min"] > 0.1).all()
    assert (ranges["effect_min"] <= ranges["effect_low"]).all()
    assert (ranges["se_high"] <= ranges["se_max"]).all()


def test_the_same_seed_gives_the_same_ensemble_and_another_does_not() -> None:
    first, again, other = (
        ensemble(small().prior, small().targets, draws=3, seed=seed).effect for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_an_ensemble_of_contradictions_is_refused() -> None:
    prior = Prior.of([0.0, 0.0, 0.0], [1.0] * 3, [0.1] * 3, [0.1] * 3)
    impossible = _fit({"estimate": "0.50", "ci_low": "0.60", "ci_high": "0.90", "tau2": "0.10"})
    with pytest.raises(ReviewError, match="0 of 4 draws"):
        ensemble(prior, Targets((impossible,)), draws=2, tries=2)
    assert not reconstruct(prior, Targets((impossible,))).converged


# --- hidden truth ---------------------------------------------------------------------------------

# Seen with 40 draws, conclusions known | not known: share of true effects inside the range.
# normand1999 MD 0.89 | 0.89, SMD 1.00 | 0.89, raudenbush1985 0.89 | 0.89, hart1999 1.00 | 0.83,
# bcg 0.92 | 0.92, furukawa2003 0.82 | 0.88, rubinstein2019 0.91 | 0.91; all studies 0.91 | 0.91.
# The ranges promise 0.95 and do not quite keep it; the limits below are for 6 to 23 studies.
LEAST_COVERAGE = 0.75
LEAST_MEAN_COVERAGE = 0.88
LOG_VARIANCE_SD = {"MD": 0.37, "SMD": 0.14}  # as in the review's own priors, see _log_drift


@cache
def validation(name: str, *, conclusions: bool) -> pd.DataFrame:
    data = GOLDEN[name]
    curvature = [1 / (2 * n) for n in data["n"]] if "n" in data else None
    return validate(
        data["yi"],
        data["vi"],
        log_variance_sd=LOG_VARIANCE_SD["SMD" if "n" in data else "MD"],
        curvature=curvature,
        conclusions=conclusions,
        decimals=data["decimals"],
        draws=40,
    )


@pytest.mark.slow  # makes 14 ensembles of known data sets
@pytest.mark.parametrize("conclusions", [True, False])
def test_hidden_effects_lie_in_the_ranges(conclusions: bool) -> None:
    coverage = {
        name: validation(name, conclusions=conclusions)["covered"].mean() for name in GOLDEN
    }
    assert min(coverage.values()) >= LEAST_COVERAGE, coverage
    sizes = [len(GOLDEN[name]["yi"]) for name in GOLDEN]
    assert np.average(list(coverage.values()), weights=sizes) >= LEAST_MEAN_COVERAGE, coverage


@pytest.mark.slow  # needs four of the ensembles
def test_hidden_effects_are_nearer_than_the_guesses_where_effects_differ() -> None:
    """Where studies differ much, the printed numbers add to their conclusions.

    Ratio of root mean squared errors seen: normand1999 SMD 0.37, MD 0.65, hart1999 0.72,
    furukawa2003 0.41. Not so with raudenbush1985 (1.5: tau2 is small) and bcg (0.97).
    """
    gains = {}
    for name in ("normand1999 SMD", "normand1999 MD", "hart1999", "furukawa2003"):
        table = validation(name, conclusions=True)
        found = np.sqrt(((table["reconstructed"] - table["effect"]) ** 2).mean())
        guess = np.sqrt(((table["guess"] - table["effect"]) ** 2).mean())
        gains[name] = found / guess
    assert max(gains.values()) < 1, gains


# --- the file -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("outcome", "follow_up"), QUICK_FIRST)
def test_reconstructed_file_is_up_to_date(outcome: str, follow_up: str) -> None:
    """Run ``make reconstruct`` when this fails. The ensembles are checked for two analyses."""
    rows = pd.read_csv(ROOT / "data/reconstructed.csv", keep_default_na=False)
    here = (rows["outcome"] == outcome) & (rows["follow_up"] == follow_up)
    written, fresh = rows[here].reset_index(drop=True), result(outcome, follow_up).rows()
    assert list(written.columns) == list(fresh.columns)
    text = [
        c
        for c in fresh
        if c not in ("estimate", "se", "low", "high", "n_experimental", "n_comparator")
    ]
    pd.testing.assert_frame_equal(written[text].astype(str), fresh[text].astype(str))
    numbers = ["estimate", "se", "n_experimental", "n_comparator"]
    assert np.abs(written[numbers] - fresh[numbers]).max(axis=None) < FILE_TOLERANCE


def test_reconstructed_file_holds_these_analyses_in_their_order() -> None:
    rows = pd.read_csv(ROOT / "data/reconstructed.csv")
    assert list(dict.fromkeys(zip(rows["outcome"], rows["follow_up"], strict=True))) == MAIN


@pytest.mark.parametrize(("outcome", "follow_up"), MAIN)
def test_file_as_read_back_agrees_with_the_print(outcome: str, follow_up: str) -> None:
    written = pd.read_csv(ROOT / "data/reconstructed.csv")
    rows = written[(written["outcome"] == outcome) & (written["follow_up"] == follow_up)]
    targets = analysis_of(outcome, follow_up).targets
    found = compare(rows["estimate"], rows["se"] ** 2, targets)
    assert [r for r in found if r.used and not r.inside] == []
    assert ((rows["low"] <= rows["estimate"]) & (rows["estimate"] <= rows["high"])).all()


@pytest.mark.slow
@pytest.mark.parametrize(("outcome", "follow_up"), SMALL)
def test_ranges_in_the_file_are_those_of_200_draws(outcome: str, follow_up: str) -> None:
    fresh = reconstruct_analysis(analysis_of(outcome, follow_up), draws=200).rows()
    written = pd.read_csv(ROOT / "data/reconstructed.csv")
    written = written[(written["outcome"] == outcome) & (written["follow_up"] == follow_up)]
    for name in ("low", "high"):
        assert written[name].to_numpy() == pytest.approx(fresh[name], abs=FILE_TOLERANCE)


def test_file_text_has_six_decimals_and_no_negative_zero() -> None:
    text = reconstructed_csv([result("strength", "STP")])
    header, *rows = text.splitlines()
    assert header.startswith("outcome,follow_up,trial")
    assert all(len(row.split(",")[6].partition(".")[2]) == 6 for row in rows)
    assert "-0.000000" not in text


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"effect_sd": [1.0, 0.0]}, r"effect_sd must be finite, above zero \(Cai: 0.0\)"),
        ({"variance": [0.1, -1.0]}, r"variance must be .*Cai: -1.0"),
        ({"effect_mean": [0.1, float("nan")]}, r"effect_mean must be finite \(Cai: nan\)"),
        ({"effect_mean": [0.1]}, "unequal length"),
        ({"curvature": [0.0, -1.0]}, r"curvature must be .*Cai"),
        ({"correlation": [[1.0, 2.0], [2.0, 1.0]]}, "correlation: not a correlation matrix"),
        ({"correlation": [[1.0]]}, "correlation"),
    ],
)
def test_priors_that_cannot_be_used_are_named(change: dict[str, object], message: str) -> None:
    good = {
        "effect_mean": [0.0, 0.0],
        "effect_sd": [1.0, 1.0],
        "variance": [0.1, 0.1],
        "log_variance_sd": [0.1, 0.1],
    }
    with pytest.raises(ReviewError, match=message):
        Prior.of(**(good | change), labels=["Aasa", "Cai"])


def test_targets_that_do_not_fit_the_comparisons_are_named() -> None:
    prior = Prior.of([0.0, 0.0], [1.0, 1.0], [0.1, 0.1], [0.1, 0.1])
    with pytest.raises(ReviewError, match="without Kell: cannot leave out"):
        reconstruct(prior, Targets((FitTargets("without Kell", (2,)),)))
    test = BetweenTarget("pain", ((0,),), rounded("1.0"))
    with pytest.raises(ReviewError, match="pain: the groups must share out"):
        reconstruct(prior, Targets((FitTargets("main"),), (test,)))
    with pytest.raises(ReviewError, match="not a printed number: mean"):
        FitTargets.of("main", {"mean": rounded("1")})
    with pytest.raises(ReviewError, match="draws"):
        ensemble(prior, Targets((FitTargets("main"),)), draws=0)
