"""Do the methods for small-study effects equal R, and behave as their definitions demand?"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from golden_cases import agree, columns_of, load
from hypothesis import assume, given
from hypothesis import strategies as st
from properties import examples

import analysis_lib as al
from analysis_lib.base.errors import ReviewError
from analysis_lib.pooling import rank_correlation as ranks
from analysis_lib.pooling import trimming
from analysis_lib.pooling.pooled_effect import pool

# Closed forms; R's numbers carry 15 digits. Worst error seen 2e-12 (statistic of Egger).
CLOSED_FORM = 1e-10
CLOSED_FORM_REASON = "closed form; R's numbers have 15 significant digits"
# REML is converged tightly by R in these entries; worst error seen 4e-11 (tau2).
ITERATIVE = 1e-6
ITERATIVE_REASON = "rests on an iterated tau2 (REML)"
# ... but not when metafor's trimfill fits again with the filled-in studies: that fit stops at R's
# default threshold. Worst error seen 1.1e-4 (tau2). The test shows that ours is the maximum.
R_STOPS_EARLY = 2e-4
R_STOPS_EARLY_REASON = "R's fit with filled-in studies stops early; ours is at the maximum"
# Identities between two ways to compute one number: rounding only (1e-13 was met as well).
SAME = 1e-11

quick = examples(60)

# --- equal to R ----------------------------------------------------------------------------------

MIXED_MODEL = "a meta-regression on the standard error or the variance: see moderators"
OTHER_PREDICTOR = "a regression on sample size: this review has no use for it"
F1_NOT_OFFERED = {
    "|regtest|rma|": MIXED_MODEL,
    "|PET|rma|": MIXED_MODEL,
    "|PEESE|rma|": MIXED_MODEL,
    "|regtest|lm|ni": OTHER_PREDICTOR,
    "|regtest|lm|sqrtni": OTHER_PREDICTOR,
    "|fsn|": "fail-safe numbers: not a method of this review",
    "|tes|": "test of excess significance: not a method of this review",
    "|hc|": "Henmi and Copas' interval: not a method of this review",
}
F3_NOT_OFFERED = {
    "|Begg|TRUE": "continuity correction: the exact p value is offered instead",
    "|Thompson": MIXED_MODEL,
    "|Macaskill": OTHER_PREDICTOR,
    "|Pustejovsky": "regression on a function of sample sizes only",
    "|Harbord": "binary outcomes only",
    "|Peters": "binary outcomes only",
    "|Schwarzer": "binary outcomes only",
    "|Deeks": "binary outcomes only",
    "|limitmeta": "limit meta-analysis: not a method of this review",
    "|copas": "selection model: not a method of this review",
}
F1_COVERED = {"regtest": 12, "ranktest": 12, "trimfill": 126, "PET": 6, "PEESE": 6}
F3_COVERED = {"Begg": 12, "Egger": 12, "trimfill": 72}


def reason(table: dict[str, str], entry: dict[str, Any]) -> str | None:
    """Say why an entry has no counterpart here; ``None`` when it has."""
    return next((why for part, why in table.items() if part in entry["id"]), None)


def cases(topic: str, table: dict[str, str], word: str) -> list[Any]:
    entries = load(topic)["entries"]
    return [
        pytest.param(e, id=e["id"]) for e in entries if word in e["id"] and reason(table, e) is None
    ]


def effects(topic: str, entry: dict[str, Any]) -> tuple[Any, Any]:
    """Return effects and variances of the entry's data set, from arms where R began with arms."""
    data = columns_of(topic, entry)
    if entry["dataset"] == "bcg_2x2":
        return log_ratios(data, odds="|OR|" in entry["id"])
    if "metacont" not in entry["id"]:
        return data["yi"], data["vi"]
    if "n.e" in data:
        names = ("n.e", "mean.e", "sd.e", "n.c", "mean.c", "sd.c")
    else:
        names = ("n1i", "m1i", "sd1i", "n2i", "m2i", "sd2i")
    arms = [data[name] for name in names]
    if "|MD|" in entry["id"]:
        sizes = al.mean_difference(*arms)
    else:
        sizes = al.standardized_mean_difference(*arms, variance_method="UB")
    return sizes.effect, sizes.variance


def log_ratios(data: dict[str, list[float]], odds: bool) -> tuple[Any, Any]:
    """Log odds ratios or log risk ratios, with their variances, from counts without zeros."""
    a, c, n1, n2 = (np.array(data[name]) for name in ("ai", "ci", "n1i", "n2i"))
    if odds:
        b, d = n1 - a, n2 - c
        return np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d
    return np.log(a * n2 / (c * n1)), 1 / a - 1 / n1 + 1 / c - 1 / n2


@pytest.mark.parametrize("entry", cases("f1", F1_NOT_OFFERED, "|regtest|"))
def test_golden_regression_tests_equal_metafor(entry: dict[str, Any]) -> None:
    y, v = effects("f1", entry)
    if entry["predictor"] == "sei":
        test = al.egger_test(y, v)
        found, limit = test, test.limit
    else:
        both = al.pet_peese(y, v)
        found, limit = both.peese_slope, both.peese
    out = entry["out"]
    keys = {"where": entry["id"], "reason": CLOSED_FORM_REASON}
    family = f"metafor regtest lm {entry['predictor']}"
    agree(family, "statistic", found.statistic, out["stat"], CLOSED_FORM, **keys)
    agree(family, "df", found.df, out["df"], 0, **keys)
    agree(family, "p value", found.p_value, out["pval"], CLOSED_FORM, **keys)
    ci = [out["limit_ci_lb"], out["limit_ci_ub"]]
    agree(family, "limit", limit.estimate, out["limit_est"], CLOSED_FORM, scale=limit.se, **keys)
    agree(family, "limit ci", limit.ci, ci, CLOSED_FORM, scale=limit.se, **keys)
    agree(family, "se", [limit.se, found.se], out["se"], CLOSED_FORM, **keys)


@pytest.mark.parametrize(
    "entry", cases("f1", F1_NOT_OFFERED, "|PET|") + cases("f1", F1_NOT_OFFERED, "|PEESE|")
)
def test_golden_pet_peese_equal_r(entry: dict[str, Any]) -> None:
    both, out = al.pet_peese(*effects("f1", entry)), entry["out"]
    name = entry["id"].split("|")[1]
    line = (both.pet, both.pet_slope) if name == "PET" else (both.peese, both.peese_slope)
    keys = {"where": entry["id"], "reason": CLOSED_FORM_REASON}
    for quantity, theirs in (("estimate", "b"), ("se", "se"), ("statistic", "t"), ("p_value", "p")):
        ours = [getattr(coefficient, quantity) for coefficient in line]
        scale = min(out["se"]) if quantity == "estimate" else 0.0
        agree(f"R lm {name}", quantity, ours, out[theirs], CLOSED_FORM, scale=scale, **keys)
    agree(f"R lm {name}", "df", line[0].df, out["df"], 0, **keys)


@pytest.mark.parametrize("entry", cases("f1", F1_NOT_OFFERED, "|ranktest|"))
def test_golden_rank_tests_equal_metafor(entry: dict[str, Any]) -> None:
    exact = None if entry["id"].endswith("TRUE") else False
    test = al.begg_test(*effects("f1", entry), exact=exact)
    keys = {"where": entry["id"], "reason": CLOSED_FORM_REASON}
    agree("metafor ranktest", "tau", test.tau, entry["out"]["tau"], CLOSED_FORM, **keys)
    agree("metafor ranktest", "p value", test.p_value, entry["out"]["pval"], CLOSED_FORM, **keys)


@pytest.mark.parametrize("entry", cases("f3", F3_NOT_OFFERED, "|metabias|Begg"))
def test_golden_begg_equals_meta(entry: dict[str, Any]) -> None:
    test, out = al.begg_test(*effects("f3", entry), exact=False), entry["out"]
    keys = {"where": entry["id"], "reason": CLOSED_FORM_REASON}
    agree("meta metabias Begg", "score", test.score, out["bias"], CLOSED_FORM, **keys)
    agree("meta metabias Begg", "score se", test.score_se, out["se_bias"], CLOSED_FORM, **keys)
    z = test.score / test.score_se
    agree("meta metabias Begg", "statistic", z, out["statistic"], CLOSED_FORM, **keys)
    agree("meta metabias Begg", "p value", test.p_value, out["pval"], CLOSED_FORM, **keys)


@pytest.mark.parametrize("entry", cases("f3", F3_NOT_OFFERED, "|metabias|Egger"))
def test_golden_egger_equals_meta(entry: dict[str, Any]) -> None:
    test, out = al.egger_test(*effects("f3", entry)), entry["out"]
    keys = {"where": entry["id"], "reason": CLOSED_FORM_REASON}
    for quantity, ours, theirs in (
        ("intercept", test.intercept, "bias"),
        ("se", test.se, "se_bias"),
        ("statistic", test.statistic, "statistic"),
        ("df", test.df, "df"),
        ("p value", test.p_value, "pval"),
        ("limit", test.limit.estimate, "intercept"),
        ("limit se", test.limit.se, "se_intercept"),
    ):
        agree("meta metabias Egger", quantity, ours, out[theirs], CLOSED_FORM, **keys)


def tolerance(method: str, filled: int = 0) -> dict[str, Any]:
    if method == "REML" and filled:
        return {"tolerance": R_STOPS_EARLY, "reason": R_STOPS_EARLY_REASON}
    if method == "REML":
        return {"tolerance": ITERATIVE, "reason": ITERATIVE_REASON}
    return {"tolerance": CLOSED_FORM, "reason": CLOSED_FORM_REASON}


@pytest.mark.parametrize("entry", cases("f1", F1_NOT_OFFERED, "|trimfill|"))
def test_golden_trim_and_fill_equals_metafor(entry: dict[str, Any]) -> None:
    side = None if entry["side"] == "auto" else entry["side"]
    options = {"estimator": entry["estimator"], "tau2_method": entry["method"]}
    if "error" in entry:  # R takes the root of a negative number
        with pytest.raises(al.ReviewError, match="Q0 has no value here"):
            al.trim_and_fill(*effects("f1", entry), side=side, **options)
        return
    result, out = al.trim_and_fill(*effects("f1", entry), side=side, **options), entry["out"]
    assert (result.side, result.k0, result.fit.k) == (out["side"], out["k0"], out["k"])
    check_filled("metafor trimfill", result, entry["id"], entry["method"], out, "yi_filled")
    fit, keys = result.fit, {"where": entry["id"], **tolerance(entry["method"], result.k0)}
    agree("metafor trimfill", "estimate", fit.estimate, out["b"][0], scale=fit.se, **keys)
    agree("metafor trimfill", "se", fit.se, out["se"][0], **keys)
    ci = [out["ci_lb"][0], out["ci_ub"][0]]
    agree("metafor trimfill", "ci", fit.ci, ci, scale=fit.se, **keys)
    agree("metafor trimfill", "p value", fit.p_value, out["pval"][0], **keys)
    agree("metafor trimfill", "tau2", fit.tau2, out["tau2"], **keys)
    agree("metafor trimfill", "Q", fit.q, out["QE"], **keys)
    i2 = fit.i2 if entry["method"] == "FE" else fit.i2_tau2
    agree("metafor trimfill", "I2", i2, out["I2"] / 100, **keys)
    if entry["method"] == "REML" and result.k0:
        ours, theirs = restricted_score(fit, fit.tau2), restricted_score(fit, out["tau2"])
        assert abs(ours) < abs(theirs)


#: Effects that lean one way with common-effect weights and the other way with random-effects ones,
#: and what metafor 3.8-1 prints for ``trimfill(rma(yi, vi, method = ...))``.
LEANS_BOTH_WAYS = (
    [0.75, -0.23, 0.29, 1.31, -0.85, 0.18, -0.21, -0.74, -0.72],
    [0.347, 0.119, 0.184, 0.032, 0.011, 0.086, 0.143, 0.372, 0.357],
)


@pytest.mark.parametrize(
    ("method", "side", "k0", "estimate"),
    [
        ("FE", "left", 5, -0.793990163227715),
        ("DL", "right", 0, -0.00869117489523774),
        ("REML", "right", 0, 0.00288971190905365),
    ],
)
def test_the_side_is_that_of_the_model_in_use(
    method: str, side: str, k0: int, estimate: float
) -> None:
    result = al.trim_and_fill(*LEANS_BOTH_WAYS, tau2_method=method)
    assert (result.side, result.k0) == (side, k0)
    limit = tolerance(method)["tolerance"]
    assert result.fit.estimate == pytest.approx(estimate, abs=limit * result.fit.se)
    common = al.trim_and_fill(*LEANS_BOTH_WAYS, tau2_method=method, around="common")
    assert common.side == "left"


def restricted_score(fit: Any, tau2: float) -> float:
    """Twice the slope of the restricted log likelihood: zero at its maximum."""
    w = 1 / (fit.variance + tau2)
    mean = w @ fit.effect / w.sum()
    return float((w**2) @ (fit.effect - mean) ** 2 - w.sum() + (w**2).sum() / w.sum())


@pytest.mark.parametrize("entry", cases("f3", F3_NOT_OFFERED, "meta::trimfill"))
def test_golden_trim_and_fill_equals_meta(entry: dict[str, Any]) -> None:
    _, _, kind, _, common, _, left = entry["id"].split("|")
    result = al.trim_and_fill(
        *effects("f3", entry),
        side={"NULL": None, "TRUE": "left", "FALSE": "right"}[left],
        estimator=f"{kind}0",
        around="common" if common == "TRUE" else "random",
        tau2_method="DL",
        pi_method="V",
    )
    fit, out = result.fit, entry["out"]
    assert (result.side == "left", result.k0, fit.k) == (out["left"], out["k0"], out["k"])
    check_filled("meta trimfill", result, entry["id"], "DL", out, "TE_filled")
    keys = {"where": entry["id"], "scale": fit.se, **tolerance("DL")}
    agree("meta trimfill", "estimate", fit.estimate, out["TE.random"], **keys)
    agree("meta trimfill", "se", fit.se, out["seTE.random"], **keys)
    agree("meta trimfill", "ci", fit.ci, [out["lower.random"], out["upper.random"]], **keys)
    pi = [out["lower.predict"], out["upper.predict"]]
    agree("meta trimfill", "prediction interval", fit.prediction_interval, pi, **keys)
    agree("meta trimfill", "tau2", fit.tau2, out["tau2"], **keys)
    common_fit = pool(fit.effect, fit.variance, tau2_method="FE")
    agree("meta trimfill", "common estimate", common_fit.estimate, out["TE.common"], **keys)
    agree("meta trimfill", "common se", common_fit.se, out["seTE.common"], **keys)


def check_filled(
    family: str, result: trimming.TrimAndFill, where: str, method: str, out: Any, name: str
) -> None:
    """Compare the filled-in effects; packages list them in different orders."""
    keys = {"where": where, "scale": result.fit.se, **tolerance(method)}
    filled = out[name] if isinstance(out[name], list) else [out[name]]
    agree(family, "filled effects", sorted(result.filled_effect), sorted(filled), **keys)
    if "vi_filled" in out:
        spread = sorted(out["vi_filled"])
        agree(family, "filled variances", sorted(result.filled_variance), spread, **keys)


@pytest.mark.parametrize(
    ("topic", "table", "counts"),
    [("f1", F1_NOT_OFFERED, F1_COVERED), ("f3", F3_NOT_OFFERED, F3_COVERED)],
)
def test_golden_no_entry_is_skipped(
    topic: str, table: dict[str, str], counts: dict[str, int]
) -> None:
    """Each entry is compared or has a reason; the number compared cannot shrink unseen."""
    left = [e for e in load(topic)["entries"] if reason(table, e) is None]
    kinds = [next(word for word in counts if word in e["id"]) for e in left]
    assert {word: kinds.count(word) for word in counts} == counts
    for part in table:
        assert any(part in e["id"] for e in load(topic)["entries"]), f"no entry has {part}"


# --- published results ---------------------------------------------------------------------------

VIECHTBAUER = (
    [-0.581, 0.530, 0.771, 1.031, 0.553, 0.295, 0.078, 0.573, -0.176, -0.232],
    [0.023, 0.052, 0.060, 0.115, 0.095, 0.203, 0.200, 0.211, 0.051, 0.040],
)
SIX_DIGITS = 2e-5


def test_viechtbauer_2005() -> None:
    egger = al.egger_test(*VIECHTBAUER)
    assert (egger.statistic, egger.df) == (pytest.approx(2.385575, rel=SIX_DIGITS), 8)
    assert egger.p_value == pytest.approx(0.044160, rel=SIX_DIGITS)
    assert al.begg_test(*VIECHTBAUER).tau == pytest.approx(1 / 3)
    filled = al.trim_and_fill(*VIECHTBAUER)
    assert (filled.side, filled.k0) == ("left", 3)
    assert filled.fit.estimate == pytest.approx(0.028554, rel=SIX_DIGITS)
    assert filled.fit.ci == pytest.approx((-0.324516, 0.381623), rel=SIX_DIGITS)
    assert filled.filled_labels == ("Filled: study 8", "Filled: study 3", "Filled: study 4")


# --- the definitions -----------------------------------------------------------------------------


def test_egger_is_the_line_through_standardized_effects() -> None:
    """The classic form: y/s against 1/s by ordinary least squares."""
    y, v = map(np.array, VIECHTBAUER)
    design = np.column_stack([np.ones_like(y), 1 / np.sqrt(v)])
    (intercept, slope), *_ = np.linalg.lstsq(design, y / np.sqrt(v), rcond=None)
    test = al.egger_test(y, v)
    assert test.intercept == pytest.approx(intercept, rel=SAME)
    assert test.limit.estimate == pytest.approx(slope, rel=SAME)


@pytest.mark.parametrize("k", [3, 5, 6, 7])
def test_exact_p_values_count_all_rankings(k: int) -> None:
    """Against a count of every permutation, for every score that can occur."""
    scores = [ranks._kendall_score(np.arange(k), np.array(p)) for p in permutations(range(k))]
    assert len(set(scores)) > k
    for score in set(scores):
        upper, lower = np.mean(np.array(scores) >= score), np.mean(np.array(scores) <= score)
        counted = min(1.0, 2 * min(upper, lower))
        assert ranks._kendall_exact_p(score, k) == pytest.approx(counted, rel=SAME)


@pytest.mark.parametrize(("k", "exact"), [(49, True), (50, False)])
def test_p_values_are_counted_below_fifty_studies(k: int, exact: bool) -> None:
    rng = np.random.default_rng(1994)
    test = al.begg_test(rng.normal(size=k), rng.uniform(0.1, 1, k))
    assert test.exact is exact
    assert 0 < test.p_value <= 1


def test_kendall_variance_with_ties_by_permutation() -> None:
    """The formula's SE is the SD of the score over all rankings of tied values."""
    a, b = np.array([1.0, 1, 2, 3, 3, 3, 4]), np.array([1.0, 2, 2, 2, 4, 4, 5])
    scores = [ranks._kendall_score(a, b[list(p)]) for p in permutations(range(7))]
    expected = ranks._kendall_se(7, ranks._tie_sizes(a), ranks._tie_sizes(b))
    assert np.std(scores) == pytest.approx(expected, rel=SAME)


def test_one_huge_trial_keeps_the_digits_of_begg() -> None:
    """v - 1/sum(w) as a difference would lose all its digits for the first study."""
    y, v = [0.3, 0.1, 0.5, 0.9, 0.2], [1e-18, 1.0, 2.0, 3.0, 4.0]
    deviates = ranks._standardized_deviates(np.array(y), np.array(v))
    weights = 1 / np.array(v[1:])
    mean_of_others = weights @ np.array(y[1:]) / weights.sum()
    # The large trial against all others: (y1 - their mean) over its SE, v1 + 1/sum being 1/sum.
    assert deviates[0] == pytest.approx((0.3 - mean_of_others) * weights.sum() ** 0.5, rel=1e-6)
    assert deviates[1:] == pytest.approx((np.array(y[1:]) - 0.3) / np.sqrt(v[1:]), rel=1e-6)


def test_equal_studies_are_ties() -> None:
    """Wherever they stand: sums in another order would differ in their last digit."""
    rng = np.random.default_rng(1938)
    for _ in range(20):
        y, v = rng.normal(size=12), rng.uniform(0.01, 1, 12)
        y[[2, 11]], v[[2, 11]] = y[0], v[0]
        deviates = ranks._standardized_deviates(y, v)
        assert deviates[0] == deviates[2] == deviates[11]
        assert not al.begg_test(y, v).exact
        assert al.begg_test(y[3:], v[3:]).exact


def test_trim_and_fill_finds_what_was_taken_away() -> None:
    """A symmetric funnel that has lost its three leftmost small studies gets them back."""
    half = np.array([0.05, 0.1, 0.3, 0.55, 0.8, 1.1])
    # Slightly wider on the right, so that the mirrored pairs have an order.
    y = 0.4 + np.concatenate([1.02 * half, -half, [0.0]])
    v = np.concatenate([half, half, [0.01]]) ** 4
    kept = y > 0.4 - 0.5
    result = al.trim_and_fill(y[kept], v[kept], around="common")
    assert (result.side, result.k0, result.around) == ("left", 3, "common")
    estimate, (low, high) = result.fit.estimate, result.fit.ci
    assert result.to_frame().iloc[0].to_dict() == {
        "k": 10, "k0": 3, "estimate": estimate, "ci_low": low, "ci_high": high,
        "p_value": result.fit.p_value,
    }  # fmt: skip
    assert sorted(result.filled_effect) == pytest.approx(sorted(y[~kept]), abs=0.03)
    assert sorted(result.filled_variance) == pytest.approx(sorted(v[~kept]))
    unadjusted = pool(y[kept], v[kept]).estimate
    assert abs(result.fit.estimate - 0.4) < abs(unadjusted - 0.4)
    assert al.trim_and_fill(y, v, side="left", around="common").k0 == 0


def test_contours_mark_the_p_values_of_single_studies() -> None:
    contours = al.contour_levels([0.0, 0.2, 1.0])
    assert [contour.p_level for contour in contours] == [0.1, 0.05, 0.01]
    assert contours[1].half_width == pytest.approx([0, 0.3919928, 1.9599640], rel=1e-6)
    for contour in contours:  # an effect on the contour has just this p value
        fit = pool([contour.half_width[1]], [0.04], tau2_method="FE")
        assert fit.p_value == pytest.approx(contour.p_level)


def test_results_are_told_with_four_decimals() -> None:
    told = dict(al.egger_test([-1, -0.5, -0.2, 0.1], [0.1, 0.1, 0.05, 0.02]).rows())
    assert (told["intercept"], told["df"], told["p value"]) == ("−4.7521", "2", "0.062")


def test_few_studies_bring_a_caution() -> None:
    y, v = map(np.array, VIECHTBAUER)
    for function in (al.egger_test, al.begg_test, al.trim_and_fill, al.pet_peese):
        enough, few = function(y, v), function(y[1:], v[1:])
        assert enough.k == 10
        assert enough.readable
        assert enough.caution is None
        assert few.k == 9
        assert not few.readable
        assert few.caution.startswith("Only 9 effects: with fewer than 10")


# --- properties ----------------------------------------------------------------------------------

study = st.tuples(st.floats(-5, 5), st.floats(0.01, 4))
studies = st.lists(study, min_size=4, max_size=15, unique_by=(lambda s: s[0], lambda s: s[1]))


def split(drawn: list[tuple[float, float]]) -> tuple[Any, Any]:
    """Effects and variances on a coarse grid, so that rounding makes no ties and breaks none."""
    y, v = np.round(np.array(drawn).T, 3)
    assume(len(set(v)) == len(v))
    assume(len(set(y)) == len(y))
    return y, v


@quick
@given(studies)
def test_mirrored_effects_mirror_the_results(drawn: Any) -> None:
    y, v = split(drawn)
    here, there = al.egger_test(y, v), al.egger_test(-y, v)
    assert there.intercept == pytest.approx(-here.intercept, rel=SAME, abs=SAME * here.se)
    assert there.p_value == pytest.approx(here.p_value, rel=SAME)
    begg, mirrored = al.begg_test(y, v), al.begg_test(-y, v)
    assert (mirrored.score, mirrored.p_value) == (-begg.score, begg.p_value)
    left = al.trim_and_fill(y, v, side="left", tau2_method="DL")
    right = al.trim_and_fill(-y, v, side="right", tau2_method="DL")
    assert left.k0 == right.k0
    assert left.fit.estimate == pytest.approx(-right.fit.estimate, rel=SAME, abs=SAME)


@quick
@given(studies, st.integers(-4, 4), st.randoms(use_true_random=False))
def test_unit_and_order_do_not_matter(drawn: Any, power: int, random: Any) -> None:
    y, v = split(drawn)
    f = 2.0**power  # exact in binary: no rank can change by rounding
    order = random.sample(range(len(y)), len(y))
    here, there = al.egger_test(y, v), al.egger_test(f * y[order], f**2 * v[order])
    assert there.intercept == pytest.approx(here.intercept, rel=1e-6, abs=SAME)
    assert there.limit.estimate == pytest.approx(f * here.limit.estimate, rel=1e-6, abs=SAME * f)
    begg, moved = al.begg_test(y, v), al.begg_test(f * y[order], f**2 * v[order])
    assert moved.p_value == pytest.approx(begg.p_value, rel=SAME)


@quick
@given(studies, st.floats(-10, 10))
def test_a_shift_moves_the_limit_and_leaves_the_lean(drawn: Any, shift: float) -> None:
    y, v = split(drawn)
    here, there = al.egger_test(y, v), al.egger_test(y + shift, v)
    rounding = SAME * (here.se + here.limit.se + 10)
    assert there.intercept == pytest.approx(here.intercept, rel=1e-6, abs=rounding)
    assert there.limit.estimate == pytest.approx(here.limit.estimate + shift, abs=rounding)


@quick
@given(studies, st.sampled_from(["L0", "R0"]), st.sampled_from(["random", "common"]))
def test_filled_studies_are_mirror_images(drawn: Any, estimator: str, around: str) -> None:
    y, v = split(drawn)
    result = al.trim_and_fill(y, v, estimator=estimator, around=around, tau2_method="DL")
    k0 = result.k0
    assert 0 <= k0 < len(y)
    assert result.fit.k == len(y) + k0
    far = np.argsort(y if result.side == "left" else -y)[len(y) - k0 :]
    assert sorted(result.filled_variance) == sorted(v[far])
    # Each image and its original have the same midpoint: the centre of the trimmed funnel.
    trimmed = np.delete(np.arange(len(y)), far)
    method = "FE" if around == "common" else "DL"
    center = pool(y[trimmed], v[trimmed], tau2_method=method).estimate
    midpoints = (np.array(sorted(result.filled_effect)) + np.sort(y[far])[::-1]) / 2
    assert midpoints == pytest.approx(np.full(k0, center), abs=SAME)


# --- bad input -----------------------------------------------------------------------------------

ALL = [al.egger_test, al.begg_test, al.trim_and_fill, al.pet_peese]


@pytest.mark.parametrize("function", ALL)
def test_two_studies_are_too_few(function: Any) -> None:
    with pytest.raises(ReviewError, match="k = 2: 3 effects or more are needed, because two"):
        function([0.1, 0.2], [0.1, 0.2])
    with pytest.raises(ReviewError, match="k = 0"):
        function([], [])


@pytest.mark.parametrize("function", ALL)
def test_impossible_studies_are_named(function: Any) -> None:
    with pytest.raises(ReviewError, match=r"variance .*\(Kell: 0\.0\)"):
        function([0.1, 0.2, 0.3], [0.1, 0.2, 0.0], labels=["Aasa", "Cai", "Kell"])
    with pytest.raises(ReviewError, match=r"effect must be finite \(study 2: nan\)"):
        function([0.1, float("nan"), 0.3], [0.1, 0.2, 0.3])
    with pytest.raises(ReviewError, match="unequal length"):
        function([0.1, 0.2, 0.3], [0.1, 0.2])


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda y, v: al.egger_test(y, [0.1] * 4), "all standard errors are equal"),
        (lambda y, v: al.egger_test([0.5] * 4, v), "exactly on a line"),
        (lambda y, v: al.egger_test(np.sqrt(v) * 3 + 1, v), "exactly on a line"),
        (lambda y, v: al.begg_test(y, [0.1] * 4), "all variances are equal: nothing to rank"),
        (lambda y, v: al.begg_test([0.5] * 4, v), "all effects are equal: nothing to rank"),
        (lambda y, v: al.begg_test(y, [0.1, 0.1, 0.2, 0.3], exact=True), "counted with ties"),
        (lambda y, v: al.trim_and_fill(y, v, side="up"), "side must be one of left, right"),
        (lambda y, v: al.trim_and_fill(y, v, estimator="Q1"), "estimator must be one of L0, R0"),
        (lambda y, v: al.trim_and_fill(y, v, around="FE"), "around must be one of random"),
        (lambda y, v: al.pet_peese(y, v, level=95), "level must lie between 0 and 1"),
        (lambda y, v: al.contour_levels([0.1, -0.1]), r"se must be .*\(row 2: -0\.1\)"),
        (lambda y, v: al.contour_levels([0.1], [5]), "p_levels must be strictly between 0 and 1"),
    ],
)
def test_impossible_questions_are_refused(call: Any, told: str) -> None:
    with pytest.raises(ReviewError, match=told):
        call([0.1, 0.5, 0.2, 0.9], np.array([0.1, 0.2, 0.3, 0.4]))


def test_trimming_without_end_is_reported() -> None:
    """An estimator that changes its mind for ever: an error instead of an endless loop."""
    answers = iter([1.0, 2.0, 1.0, 2.0, 1.0])
    y, v = np.array([0.1, 0.2, 0.5, 0.9]), np.array([0.1, 0.2, 0.3, 0.4])
    with pytest.raises(ReviewError, match="trimming alternates between 1 and 2 studies"):
        trimming._trim(y, v, lambda _: next(answers), "FE")


def test_identical_effects_need_no_filling() -> None:
    result = al.trim_and_fill([0.5] * 4, [0.1, 0.2, 0.3, 0.4], side="left")
    assert result.k0 == 0
    assert result.fit.estimate == pytest.approx(0.5)
    assert len(result.filled_effect) == 0
