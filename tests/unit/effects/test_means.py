"""Do effect sizes and conversions equal R, the Handbook's examples and their own definitions?"""

from __future__ import annotations

import warnings
from dataclasses import astuple, is_dataclass
from functools import partial
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from golden_cases import agree, columns_of, load
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

import analysis_lib as al
from analysis_lib.base.errors import ReviewError
from analysis_lib.effects.arms import Arm
from analysis_lib.effects.means import small_sample_correction
from analysis_lib.pooling.pooled_effect import pool

# Closed forms; R's numbers carry 15 digits. Worst error seen 4e-12 (variance of g, "UB").
CLOSED_FORM = 1e-10
CLOSED_FORM_REASON = "closed form; R's numbers have 15 significant digits"
# REML is converged tightly by R in these entries; worst error seen 9e-11 (tau2).
ITERATIVE = 1e-6
ITERATIVE_REASON = "rests on an iterated tau2 (REML)"
# The threshold at which R stops iterating tau2 is absolute. Three entries with tau2 = 0 and an SE
# of 0.001 stop 2e-12 above zero, where the restricted likelihood already falls (computed with 50
# digits): R's SE is too large by 1e-6, the limits by 2e-6 SE.
R_THRESHOLD = 1e-11
R_ABOVE_ZERO = 1e-5
R_ABOVE_ZERO_REASON = "R stops slightly above tau2 = 0; ours is zero"
# Identities between two ways to compute one number: rounding only (1e-13 was met as well).
SAME = 1e-11

quick = examples(60)

# --- equal to R ----------------------------------------------------------------------------------

#: Measures of metafor's escalc that this library does not offer, with the reason.
B1_NOT_OFFERED = {
    "SMCRH": "heteroscedastic variant of SMCR",
    "SMCRP": "standardized by the SDs of both times",
    "SMCRPH": "standardized by the SDs of both times",
    "ROMC": "ratio of means within one group",
    "VRC": "compares spread within one group",
    "CVRC": "compares spread within one group",
    "CVLN": "spread of one group",
    "SDLN": "spread of one group",
    "SMN": "one group's mean in its own SDs",
    **dict.fromkeys(
        ("RR", "OR", "RD", "AS", "PETO", "YUQ", "PHI", "OR2DN", "OR2DL"),
        "events: compared in test_events",
    ),
}
B1_VARIANTS_NOT_OFFERED = {
    "uncorrected": "d without the small-sample correction is biased",
    "LS2": "a third large-sample variance",
    "LS3": "a third large-sample variance",
    "UB": "Glass' delta has the large-sample variance",
    "HO": "the arms' SDs per mean taken as equal",
    "AV": "one averaged variance for all trials",
    "AVHO": "one averaged variance for all trials",
    "H0": "variance under the null hypothesis",
}
#: Which variances, and whether without the correction too, each measure is offered with.
B1_OFFERED = {
    "SMD": {("LS", True), ("LS", False), ("LS2", True), ("UB", True)},
    "SMDH": {("LS", True), ("LS", False), ("LS2", True), ("LS2", False)},
    "SMD1": {("LS", True), ("LS", False)},
    "SMD1H": {("LS", True), ("LS", False)},
    "ROM": {("LS", True), ("LS", False)},
    "VR": {("LS", True)},
    "CVR": {("LS", True)},
}
B2_NOT_OFFERED = {"ROM|pooledvar": "the arms' SDs per mean taken as equal"}
#: Words of an entry's id -> options of ``standardized_mean_difference``.
B2_SMD = {
    "Hedges|exact": {"variance_method": "UB"},
    "Hedges|approx": {"variance_method": "meta", "correction": "approximate"},
    "Cohen|exact": {"variance_method": "UB", "correction": "none"},
    "Cohen|approx": {"correction": "none"},
    "Glass|control": {"variance_method": "meta", "correction": "none", "unit": "second"},
    "Glass|experimental": {"variance_method": "meta", "correction": "none", "unit": "first"},
}
B1_COVERED = 51
B2_COVERED = 36

TWO_ARMS = ("n1i", "m1i", "sd1i", "n2i", "m2i", "sd2i")
FLEISS_ARMS = ("n.e", "mean.e", "sd.e", "n.c", "mean.c", "sd.c")


def b1_reason(entry: dict[str, Any]) -> str | None:
    """Say why an entry of b1 has no counterpart here; ``None`` when it has."""
    measure, variant = entry["measure"], entry.get("vtype")
    if measure in B1_NOT_OFFERED:
        return B1_NOT_OFFERED[measure]
    if (variant, entry.get("correct", True)) in B1_OFFERED.get(measure, ()):
        return None
    if measure in B1_OFFERED and variant in ("LS", "LS2") and entry.get("correct") is False:
        return B1_VARIANTS_NOT_OFFERED["uncorrected"]
    if measure in B1_OFFERED or variant not in ("LS", "UB", "HO", None):
        return B1_VARIANTS_NOT_OFFERED[variant]
    if entry.get("correct") is False and measure not in ("MD", "MC", "MN", "MNLN"):
        return B1_VARIANTS_NOT_OFFERED["uncorrected"]
    return None


def b2_reason(entry: dict[str, Any]) -> str | None:
    return next((why for word, why in B2_NOT_OFFERED.items() if word in entry["id"]), None)


def columns(topic: str, entry: dict[str, Any], names: tuple[str, ...]) -> list[list[float]]:
    data = columns_of(topic, entry)
    return [data[name] for name in names]


def ours_for_b1(entry: dict[str, Any]) -> al.EffectSizes:
    measure, vtype = entry["measure"], entry.get("vtype")
    if entry["dataset"] == "prepost":
        names = ("ni", "m_pre", "sd_pre", "m_post", "sd_post", "ri")
        group = columns("b1", entry, names)
        if measure == "MC":
            return al.mean_change(*group)
        unit = {"SMCR": "pre", "SMCC": "change"}[measure]
        return al.standardized_mean_change(*group, standardizer=unit, variance_method=vtype)
    if measure in ("MN", "MNLN"):
        return al.single_mean(*columns("b1", entry, ("ni", "mi", "sdi")), log=measure == "MNLN")
    n1, m1, sd1, n2, m2, sd2 = arms = columns("b1", entry, TWO_ARMS)
    if measure == "MD":
        return al.mean_difference(*arms, pooled_sd=vtype == "HO")
    if measure == "ROM":
        return al.ratio_of_means(*arms, correct=entry.get("correct", True))
    if measure in ("VR", "CVR"):
        means = {"mean1": m1, "mean2": m2} if measure == "CVR" else {}
        return al.variability_ratio(n1, sd1, n2, sd2, **means)
    return al.standardized_mean_difference(
        *arms,
        variance_method="unequal" if measure == "SMD1H" else vtype,
        correction="exact" if entry.get("correct", True) else "none",
        unit={"SMD": "pooled", "SMDH": "average"}.get(measure, "second"),
    )


def ours_for_b2(entry: dict[str, Any]) -> al.EffectSizes:
    arms = columns("b2", entry, FLEISS_ARMS if entry["dataset"].startswith("F") else TWO_ARMS)
    if "|MD" in entry["id"]:
        return al.mean_difference(*arms, pooled_sd="pooledvar" in entry["id"])
    if entry["id"].endswith("|ROM"):
        return al.ratio_of_means(*arms)
    (options,) = (o for words, o in B2_SMD.items() if f"SMD|{words}" in entry["id"])
    return al.standardized_mean_difference(*arms, **options)


def covered(topic: str, reason: Any) -> list[Any]:
    entries = load(topic)["entries"]
    return [pytest.param(e, id=e["id"]) for e in entries if reason(e) is None]


@pytest.mark.parametrize("entry", covered("b1", b1_reason))
def test_golden_effect_sizes_equal_metafor(entry: dict[str, Any]) -> None:
    out = entry["out"]
    if None in out["yi"]:  # Glass' delta, corrected, of an arm of two: there is none
        with pytest.raises(ReviewError, match="at least 3 in the arm of the unit"):
            ours_for_b1(entry)
        return
    sizes = ours_for_b1(entry)
    family = f"metafor escalc {entry['measure']}"
    keys = {"where": entry["id"], "reason": CLOSED_FORM_REASON}
    agree(family, "effect", sizes.effect, out["yi"], CLOSED_FORM, **keys)
    agree(family, "variance", sizes.variance, out["vi"], CLOSED_FORM, **keys)
    agree(family, "se", sizes.se, out["sei"], CLOSED_FORM, **keys)


@pytest.mark.parametrize("entry", covered("b2", b2_reason))
def test_golden_effect_sizes_equal_meta(entry: dict[str, Any]) -> None:
    sizes, out = ours_for_b2(entry), entry["out"]
    family = f"meta metacont {sizes.measure}"
    # A limit near zero is a difference of larger numbers: its error is measured in SEs.
    keys = {"where": entry["id"], "reason": CLOSED_FORM_REASON, "scale": min(out["seTE"])}
    agree(family, "effect", sizes.effect, out["TE"], CLOSED_FORM, **keys)
    agree(family, "se", sizes.se, out["seTE"], CLOSED_FORM, **keys)
    if "ci_t" not in entry["id"]:  # t intervals of single trials are not offered
        low, high = sizes.ci()
        agree(family, "ci", low, out["lower"], CLOSED_FORM, **keys)
        agree(family, "ci", high, out["upper"], CLOSED_FORM, **keys)


@pytest.mark.parametrize("entry", covered("b2", b2_reason))
def test_golden_arms_to_pooled_effect_equals_meta(entry: dict[str, Any]) -> None:
    """The whole way of a review, from its arms to its diamond."""
    sizes, out = ours_for_b2(entry), entry["out"]
    method = "DL" if entry["id"].endswith("|DL") else "REML"
    ci_method = "HK" if entry["id"].endswith("|HK") else "wald"
    options = {"tau2_method": method, "ci_method": ci_method, "pi_method": "V"}
    fit = pool(sizes.effect, sizes.variance, **options)
    family = "meta metacont, pooled"
    at_zero = fit.tau2 == 0
    size = R_ABOVE_ZERO if at_zero else ITERATIVE
    keys = {
        "where": entry["id"],
        "tolerance": size,
        "reason": R_ABOVE_ZERO_REASON if at_zero else ITERATIVE_REASON,
    }
    agree(family, "estimate", fit.estimate, out["TE.random"], scale=fit.se, **keys)
    agree(family, "se", fit.se, out["seTE.random"], **keys)
    agree(family, "ci", fit.ci, [out["lower.random"], out["upper.random"]], scale=fit.se, **keys)
    agree(family, "p value", fit.p_value, out["pval.random"], **keys)
    agree(family, "tau2", fit.tau2, out["tau2"], scale=R_THRESHOLD / size, **keys)
    agree(family, "Q", fit.q, out["Q"], **keys)
    agree(family, "I2", fit.i2, out["I2"], **keys)
    pi = [out["lower.predict"], out["upper.predict"]]
    agree(family, "PI", fit.prediction_interval, pi, scale=fit.se, **keys)


@pytest.mark.parametrize(
    ("topic", "reason", "count"), [("b1", b1_reason, B1_COVERED), ("b2", b2_reason, B2_COVERED)]
)
def test_golden_no_effect_size_is_skipped(topic: str, reason: Any, count: int) -> None:
    """Each entry is compared or has a reason; the number compared cannot shrink unseen."""
    reasons = [reason(entry) for entry in load(topic)["entries"]]
    assert reasons.count(None) == count
    assert all(isinstance(why, str) and why for why in reasons if why is not None)


def test_golden_every_reason_is_needed() -> None:
    entries = load("b1")["entries"]
    assert set(B1_NOT_OFFERED) <= {entry["measure"] for entry in entries}
    assert set(B1_VARIANTS_NOT_OFFERED.values()) <= {b1_reason(entry) for entry in entries}
    assert set(B2_NOT_OFFERED.values()) == {b2_reason(e) for e in load("b2")["entries"]} - {None}


# --- equal to the Handbook -----------------------------------------------------------------------

# "printed" values are met to the digits printed, "exact" ones to the six or so digits given.
PRINTED = 0.01
SIX_DIGITS = 2e-5


def example(name: str) -> dict[str, Any]:
    return next(entry for entry in load("conversions")["entries"] if entry["id"] == name)


def test_golden_handbook_p_value() -> None:
    case = example("handbook|p to SD")
    sd = al.sd_from_p(**case["in"])
    assert sd == pytest.approx(case["out"]["sd"], abs=PRINTED)
    agree(
        "conversions",
        "SD from p",
        sd,
        case["exact"]["sd"],
        SIX_DIGITS,
        where=case["id"],
        reason="the reference has five or six digits",
    )
    sizes = {"n1": 25, "n2": 22}
    assert al.sd_from_t(3.8, case["exact"]["t"], **sizes) == pytest.approx(sd, rel=SIX_DIGITS)
    assert al.sd_from_difference_se(case["exact"]["se"], **sizes) == pytest.approx(
        sd, rel=SIX_DIGITS
    )


def test_golden_handbook_paired_measurements() -> None:
    first, second = (
        example("handbook|paired|SD of change 2"),
        example("handbook|paired|correlation 0.68"),
    )
    assert al.sd_from_se(first["exact"]["se"], 10) == pytest.approx(2, rel=SIX_DIGITS)
    change = al.mean_change(**second["in"])
    assert change.effect[0] == pytest.approx(second["out"]["mean"])
    assert change.se[0] == pytest.approx(second["out"]["se"], abs=0.0005)
    keys = {"where": second["id"], "reason": "the reference has five or six digits"}
    agree("conversions", "SE of change", change.se[0], second["exact"]["se"], SIX_DIGITS, **keys)
    sd = al.sd_of_change(2.21, 2.38, 0.68)
    agree("conversions", "SD of change", sd, second["exact"]["sd_change"], SIX_DIGITS, **keys)


def test_golden_combined_arms() -> None:
    case = example("combine arms")
    arm = al.combine_arms(**case["in"])
    keys = {"where": case["id"], "reason": "the reference has five or six digits"}
    for quantity in ("n", "mean", "sd"):
        agree(
            "conversions",
            f"combined {quantity}",
            getattr(arm, quantity),
            case["exact"][quantity],
            SIX_DIGITS,
            **keys,
        )


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("small-sample g", al.standardized_mean_difference),
        ("change score SMCR", al.standardized_mean_change),
    ],
)
def test_golden_single_effects(name: str, function: Any) -> None:
    case = example(name)
    sizes = function(**case["in"])
    for quantity in ("effect", "variance"):
        agree(
            "conversions",
            f"{quantity}",
            getattr(sizes, quantity)[0],
            case["exact"][quantity],
            SIX_DIGITS,
            where=name,
            reason="the reference has five or six digits",
        )


# --- medians -------------------------------------------------------------------------------------


def test_golden_wan_sd_from_range() -> None:
    case = example("Wan 2014|range")
    arm = al.mean_sd_from_median(**case["in"])
    agree(
        "conversions",
        "Wan SD",
        arm.sd,
        case["out"]["sd"],
        SIX_DIGITS,
        where=case["id"],
        reason="the reference has seven digits",
    )


def test_sd_from_median_follows_wan() -> None:
    """Formulas 7 and 15 of the paper by hand, with the standard library's normal quantiles."""
    inverse = NormalDist().inv_cdf
    by_range = (32 - 0) / (2 * inverse((16 - 0.375) / (16 + 0.25)))
    by_quartiles = (14 - 8) / (2 * inverse((0.75 * 16 - 0.125) / (16 + 0.25)))
    extremes, quartiles = {"minimum": 0, "maximum": 32}, {"q1": 8, "q3": 14}
    for method in ("Luo", "Wan"):
        option = {"method": method}
        assert al.mean_sd_from_median(16, 10, **extremes, **option).sd == pytest.approx(by_range)
        assert al.mean_sd_from_median(16, 10, **quartiles, **option).sd == pytest.approx(
            by_quartiles
        )
        both = al.mean_sd_from_median(16, 10, **extremes, **quartiles, **option)
        assert both.sd == pytest.approx((by_range + by_quartiles) / 2)


@pytest.mark.parametrize(
    ("n", "known", "luo", "wan"),
    [
        # n^0.75 = 8: weight 4/12 on the mid-range 16.  Wan: (0 + 20 + 32)/4.
        (16, {"minimum": 0, "maximum": 32}, 12.0, 13.0),
        # Weight 0.71 on the mid-quartile 11.  Wan: (8 + 10 + 14)/3.
        (39, {"q1": 8, "q3": 14}, 10.71, 32 / 3),
        # n^0.75 = 8, n^0.55 = 2^2.2: 2.2/10.2 on 16, 0.7 - 0.72/2^2.2 on 11, the rest on 10.
        (
            16,
            {"minimum": 0, "maximum": 32, "q1": 8, "q3": 14},
            10 + 2.2 / 10.2 * 6 + (0.7 - 0.72 / 2**2.2) * 1,
            12.0,
        ),
    ],
)
def test_mean_from_median_by_hand(n: int, known: dict[str, float], luo: float, wan: float) -> None:
    """The weights of both papers, worked by hand at sample sizes that make them tidy."""
    assert al.mean_sd_from_median(n, 10, **known).mean == pytest.approx(luo)
    assert al.mean_sd_from_median(n, 10, **known, method="Wan").mean == pytest.approx(wan)


# Worst bias of the SD over 4000 normal samples of each size: 0.5 % of the true SD.
SD_BIAS = 0.01
SAMPLES = 4000


@pytest.mark.parametrize("size", [25, 101])  # n = 4Q + 1, the sizes for which the papers derive
@pytest.mark.parametrize("known", ["range", "quartiles", "both"])
def test_medians_of_normal_samples_lead_back_to_the_truth(size: int, known: str) -> None:
    samples = np.random.default_rng(20140114).normal(50, 10, (SAMPLES, size))
    low, q1, median, q3, high = np.quantile(samples, [0, 0.25, 0.5, 0.75, 1], axis=1)
    options: dict[str, Any] = {}
    if known != "quartiles":
        options |= {"minimum": low, "maximum": high}
    if known != "range":
        options |= {"q1": q1, "q3": q3}
    luo = al.mean_sd_from_median(np.full(SAMPLES, size), median, **options)
    wan = al.mean_sd_from_median(np.full(SAMPLES, size), median, **options, method="Wan")
    monte_carlo_error = np.std(luo.mean) / SAMPLES**0.5
    assert abs(np.mean(luo.mean) - 50) < 4 * monte_carlo_error
    assert abs(np.mean(luo.sd) / 10 - 1) < SD_BIAS
    # What "optimal" promises: no larger error of the mean than Wan's fixed weights.
    assert np.mean((luo.mean - 50) ** 2) <= np.mean((wan.mean - 50) ** 2)


# --- properties ----------------------------------------------------------------------------------

size = st.integers(2, 400)
mean = st.floats(-200, 200)
spread = st.floats(0.01, 100)
arm = st.tuples(size, mean, spread)
factor = st.floats(0.01, 100)
correlation = st.floats(-0.95, 0.95)


@quick
@given(arm, arm)
def test_swapping_the_arms_turns_the_sign(first: Any, second: Any) -> None:
    for function in (al.mean_difference, al.standardized_mean_difference):
        there, back = function(*first, *second), function(*second, *first)
        assert there.effect[0] == -back.effect[0]
        assert there.variance[0] == pytest.approx(back.variance[0], rel=SAME)


@quick
@given(arm, arm, factor, mean)
def test_a_new_unit_scales_md_and_leaves_smd(first: Any, second: Any, f: float, c: float) -> None:
    moved = [(n, f * m + c, f * s) for n, m, s in (first, second)]
    unit = min(first[2], second[2])
    md, new_md = al.mean_difference(*first, *second), al.mean_difference(*moved[0], *moved[1])
    # The shift loses digits of small differences: errors are measured in units of the scale.
    rounding = SAME * (abs(c) + f * 200 + f * unit)
    assert new_md.effect[0] == pytest.approx(f * md.effect[0], rel=SAME, abs=rounding)
    assert new_md.variance[0] == pytest.approx(f**2 * md.variance[0], rel=SAME)
    g = al.standardized_mean_difference(*first, *second)
    new_g = al.standardized_mean_difference(*moved[0], *moved[1])
    assert new_g.effect[0] == pytest.approx(g.effect[0], rel=SAME, abs=rounding / (f * unit))


@quick
@given(arm, arm)
def test_hedges_g_is_nearer_to_zero_than_d(first: Any, second: Any) -> None:
    g = al.standardized_mean_difference(*first, *second).effect[0]
    md = al.mean_difference(*first, *second, pooled_sd=True)
    d = md.effect[0] / (md.se[0] / (1 / first[0] + 1 / second[0]) ** 0.5)
    assert abs(g) <= abs(d)
    assert g * d >= 0


def test_small_sample_correction_grows_to_one() -> None:
    degrees = np.array([1.5, 2, 3, 10, 100, 1e4, 1e6, 1e9])
    correction = small_sample_correction(degrees)
    assert (np.diff(correction) > 0).all()
    # Hedges' own approximation 1 - 3/(4m - 1) is off by 3e-6 at m = 100, and less beyond.
    large = degrees >= 100
    rough = 1 - 3 / (4 * degrees[large] - 1)
    assert correction[large] == pytest.approx(rough, abs=5e-6)
    assert correction[-1] == pytest.approx(1 - 0.75e-9, abs=1e-14)
    assert correction[1] == pytest.approx(1 / np.sqrt(np.pi))  # Gamma(1) / Gamma(1/2)


@quick
@given(size.filter(lambda n: n > 2), mean, spread, mean, spread, correlation)
def test_change_before_and_after_swapped(
    n: int, m0: float, s0: float, m1: float, s1: float, r: float
) -> None:
    there, back = al.mean_change(n, m0, s0, m1, s1, r), al.mean_change(n, m1, s1, m0, s0, r)
    assert there.effect[0] == -back.effect[0]
    assert there.variance[0] == pytest.approx(back.variance[0], rel=SAME)
    # Standardized by the SD of the changes, the same change is g = J times t / sqrt(n).
    g = al.standardized_mean_change(n, m0, s0, m1, s1, r, standardizer="change").effect[0]
    t = there.effect[0] / there.se[0]
    j = small_sample_correction(np.array([n - 1.0]))[0]
    assert g == pytest.approx(j * t / n**0.5, rel=SAME)


@quick
@given(arm, arm)
def test_conversions_lead_back_to_the_sd(first: Any, second: Any) -> None:
    (n1, m1, sd), (n2, _, _) = first, second
    se = sd / n1**0.5
    assert al.sd_from_se(se, n1) == pytest.approx(sd, rel=SAME)
    z = -NormalDist().inv_cdf(0.025)
    assert al.sd_from_ci(-z * se, z * se, n1, distribution="normal") == pytest.approx(sd, rel=SAME)
    difference = sd  # any difference does, as long as it is not zero
    se = sd * (1 / n1 + 1 / n2) ** 0.5
    assert al.sd_from_difference_se(se, n1, n2) == pytest.approx(sd, rel=SAME)
    assert al.sd_from_t(-difference, difference / se, n1, n2) == pytest.approx(sd, rel=SAME)
    low, high = m1 - z * se, m1 + z * se
    assert al.sd_from_difference_ci(low, high, n1, n2, distribution="normal") == pytest.approx(
        sd, rel=1e-6
    )


def test_t_intervals_lead_back_to_the_sd() -> None:
    """Printed t quantiles: 2.262 on 9 degrees of freedom, 2.101 on 18 (any t table)."""
    assert al.sd_from_ci(10 - 2.262, 10 + 2.262, 10) == pytest.approx(10**0.5, rel=1e-3)
    se = 3 * (2 / 10) ** 0.5
    assert al.sd_from_difference_ci(-2.101 * se, 2.101 * se, 10, 10) == pytest.approx(3, rel=1e-3)
    assert al.sd_from_p(2.101 * se, 0.05, 10, 10) == pytest.approx(3, rel=1e-3)


def test_a_tiny_p_value_keeps_its_digits() -> None:
    """With many degrees of freedom t is normal: z is 10.0 at p = 1.524e-23 (two-sided)."""
    assert al.sd_from_p(10.0, 1.524e-23, 5e8, 5e8) == pytest.approx((2.5e8) ** 0.5, rel=1e-4)


@quick
@given(spread, spread, correlation)
def test_correlation_and_sd_of_change_are_inverse(s0: float, s1: float, r: float) -> None:
    change = al.sd_of_change(s0, s1, r)
    assert change == pytest.approx(np.sqrt(s0**2 + s1**2 - 2 * r * s0 * s1), rel=1e-6)
    # r is a difference of squares over 2 s0 s1: its error grows with the ratio of the SDs.
    rounding = SAME * max(s0 / s1, s1 / s0)
    assert al.correlation_from_sds(s0, s1, change) == pytest.approx(r, abs=rounding)


@quick
@given(st.floats(0, 100), spread, st.booleans())
def test_rescaling_there_and_back(m: float, s: float, reverse: bool) -> None:
    there = al.rescale(m, s, source=(0, 100), target=(1, 7), reverse=reverse)
    assert 1 <= there.mean <= 7
    back = al.rescale(there.mean, there.sd, source=(1, 7), target=(0, 100), reverse=reverse)
    assert back.mean == pytest.approx(m, rel=SAME, abs=100 * SAME)
    assert back.sd == pytest.approx(s, rel=SAME)


@quick
@given(st.lists(st.floats(0, 100), min_size=3, max_size=20), st.booleans())
def test_rescaled_summaries_equal_summaries_of_rescaled_scores(
    scores: list[float], reverse: bool
) -> None:
    raw = np.array(scores)
    sd = raw.std(ddof=1) + 1e-3  # never zero
    new = raw / 10 if not reverse else 10 - raw / 10
    moved = al.rescale(raw.mean(), sd, source=(0, 100), target=(0, 10), reverse=reverse)
    assert moved.mean == pytest.approx(new.mean(), abs=10 * SAME)
    assert moved.sd == pytest.approx(sd / 10, rel=SAME)


def test_change_of_unit_turns_the_direction() -> None:
    change = al.change_unit([-120.0, 60.0], [30.0, 15.0], -1 / 60)
    assert list(change.mean) == pytest.approx([2, -1])
    assert list(change.sd) == pytest.approx([0.5, 0.25])


scores = st.lists(st.floats(-100, 100), min_size=2, max_size=30)


def summary(values: Any) -> tuple[int, float, float]:
    raw = np.asarray(values)
    return len(raw), float(raw.mean()), float(raw.std(ddof=1))


@quick
@given(scores, scores, scores)
def test_combined_arms_equal_the_pooled_raw_data(a: Any, b: Any, c: Any) -> None:
    for values in (a, b, c):
        values[0] += 300  # no arm without spread
    arm = al.combine_arms(*summary(a), *summary(b))
    for combined, raw in (
        (arm, a + b),
        (al.combine_arms(arm.n, arm.mean, arm.sd, *summary(c)), a + b + c),
    ):
        n, mean, sd = summary(raw)
        assert combined.n == n
        assert combined.mean == pytest.approx(mean, rel=SAME, abs=300 * SAME)
        assert combined.sd == pytest.approx(sd, rel=SAME)


@quick
@given(st.integers(8, 400), mean, spread, st.integers(1, 4))
def test_shares_of_a_comparator_add_up(n: int, m: float, s: float, parts: int) -> None:
    share = al.split_comparator(n, m, s, parts)
    assert share.n * parts == pytest.approx(n)
    assert (share.mean, share.sd) == (m, s)
    # Each share alone weighs less than the whole arm would, by exactly the divided size.
    whole, part = al.mean_difference(30, 0, 1, n, m, s), al.mean_difference(30, 0, 1, *_of(share))
    assert part.variance[0] - 1 / 30 == pytest.approx((whole.variance[0] - 1 / 30) * parts)


def _of(share: Arm) -> tuple[Any, Any, Any]:
    return share.n, share.mean, share.sd


@quick
@given(st.lists(st.tuples(arm, arm), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_the_trials_does_not_matter(trials: Any, random: Any) -> None:
    shuffled = random.sample(range(len(trials)), len(trials))
    rows = np.array([[*first, *second] for first, second in trials], dtype=float)
    there = al.standardized_mean_difference(*rows.T)
    moved = al.standardized_mean_difference(*rows[shuffled].T)
    assert list(there.effect[shuffled]) == list(moved.effect)
    assert list(there.variance[shuffled]) == list(moved.variance)


@quick
@given(st.lists(st.floats(-50, 50), min_size=5, max_size=5, unique=True), size, factor, mean)
def test_medians_move_with_the_scale(five: list[float], n: int, f: float, c: float) -> None:
    names = ("minimum", "q1", "median", "q3", "maximum")
    ordered = np.cumsum(np.abs(five) + 0.1)
    for method in ("Luo", "Wan"):
        here = al.mean_sd_from_median(n, **dict(zip(names, ordered, strict=True)), method=method)
        moved = dict(zip(names, f * ordered + c, strict=True))
        there = al.mean_sd_from_median(n, **moved, method=method)
        assert there.mean == pytest.approx(f * here.mean + c, rel=SAME, abs=SAME * (abs(c) + f))
        assert there.sd == pytest.approx(f * here.sd, rel=1e-6)


def test_a_symmetric_summary_has_its_median_as_mean() -> None:
    for method in ("Luo", "Wan"):
        mirror = al.mean_sd_from_median(20, 10, minimum=0, q1=7, q3=13, maximum=20, method=method)
        assert mirror.mean == pytest.approx(10)


# --- columns, single numbers, labels -------------------------------------------------------------


def test_single_numbers_and_columns_mix() -> None:
    assert isinstance(al.sd_from_se(0.5, 16), float)
    assert list(al.sd_from_se([0.5, 1.0], 16)) == [2.0, 4.0]
    groups = al.mean_change([10, 20], [5, 6], [1, 1], [4, 5], [1, 1], 0.5, labels=["a", "b"])
    assert list(groups.variance) == pytest.approx([0.1, 0.05])
    assert groups.labels == ("a", "b")


#: Functions that return numbers or columns, with single numbers that they take.
CONVERSIONS: list[tuple[Any, dict[str, float]]] = [
    (al.sd_from_se, {"se": 0.5, "n": 16}),
    (al.sd_from_ci, {"low": 1, "high": 2, "n": 16}),
    (al.sd_from_difference_ci, {"low": 1, "high": 2, "n1": 16, "n2": 16}),
    (al.sd_from_t, {"difference": 1, "t": 2, "n1": 16, "n2": 16}),
    (al.sd_from_p, {"difference": 1, "p": 0.1, "n1": 16, "n2": 16}),
    (al.sd_of_change, {"sd_pre": 1, "sd_post": 2, "correlation": 0.5}),
    (al.correlation_from_sds, {"sd_pre": 1, "sd_post": 2, "sd_change": 2}),
    (al.combine_arms, {"n1": 9, "mean1": 1, "sd1": 1, "n2": 9, "mean2": 2, "sd2": 1}),
    (al.split_comparator, {"n": 20, "mean": 1, "sd": 1, "shares": 2}),
    (partial(al.rescale, source=(0, 10), target=(0, 100)), {"mean": 1, "sd": 1}),
    (partial(al.change_unit, factor=2), {"mean": 1, "sd": 1}),
    (al.design_effect, {"cluster_size": 20, "icc": 0.1}),
]


@pytest.mark.parametrize(("function", "given"), CONVERSIONS)
def test_a_column_among_single_numbers_gives_columns(function: Any, given: Any) -> None:
    """Whichever of the inputs it is, every part of the result is a column."""
    alone = parts(function(**given))
    for name, value in given.items():
        found = parts(function(**given | {name: [value, value]}))
        assert [np.shape(part) for part in found] == [(2,)] * len(alone), name
        assert [part[1] for part in found] == list(alone)


def parts(result: Any) -> tuple[Any, ...]:
    return astuple(result) if is_dataclass(result) else (result,)


def test_a_single_number_that_is_wrong_is_wrong_in_every_row() -> None:
    with pytest.raises(ReviewError, match=r"\(Kell: -1.0, Aasa: -1.0\)"):
        al.sd_from_se(-1, [16, 20], labels=["Kell", "Aasa"])


def test_results_cannot_be_changed_by_accident() -> None:
    sizes = al.mean_difference([10, 12], [1, 2], [1, 1], [10, 12], [0, 0], [1, 1])
    with pytest.raises(ValueError, match="read-only"):
        sizes.effect[0] = 0.0
    with pytest.raises(AttributeError):
        sizes.measure = "SMD"


def test_intervals_widen_with_the_level() -> None:
    sizes = al.mean_difference(25, 4.2, 2.0, 25, 5.0, 2.0)
    low, high = sizes.ci()
    assert high[0] - low[0] == pytest.approx(2 * 1.959964 * sizes.se[0], rel=1e-6)
    wide_low, wide_high = sizes.ci(0.99)
    assert wide_low[0] < low[0] < high[0] < wide_high[0]


# --- an SD that looks like an SE -----------------------------------------------------------------


def test_a_standard_error_among_sds_is_named() -> None:
    n, sd = [25, 36, 49, 30], [2.0, 2.2, 1.9 / 7, 2.4]
    told = r"Smith: SD 0\.271429.*it means SD 1\.9"
    with pytest.warns(al.LooksLikeStandardError, match=told) as warned:
        found = al.warn_if_sd_looks_like_se(n, sd, labels=["Aasa", "Cai", "Smith", "Kell"])
    assert warned[0].filename == __file__  # where it was called, so that one finds the line
    assert [one.label for one in found] == ["Smith"]
    assert found[0].others_median == pytest.approx(2.2)
    assert found[0].sd_if_se == pytest.approx(1.9)


def test_two_standard_errors_do_not_hide_each_other() -> None:
    with pytest.warns(al.LooksLikeStandardError):
        found = al.warn_if_sd_looks_like_se([25] * 5, [2.0, 0.4, 2.1, 0.42, 2.2])
    assert [one.label for one in found] == ["study 2", "study 4"]


def test_sds_that_differ_as_sds_do_are_left_alone() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert al.warn_if_sd_looks_like_se([25, 30, 40, 60], [1.5, 2.0, 2.5, 3.0]) == ()


def test_the_rule_turns_at_the_fourth_root_of_n() -> None:
    """At n = 16 the fourth root is 2: half the others' median is the edge."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert al.warn_if_sd_looks_like_se([16] * 4, [2.0, 2.0, 2.0, 1.0]) == ()
    with pytest.warns(al.LooksLikeStandardError):
        assert len(al.warn_if_sd_looks_like_se([16] * 4, [2.0, 2.0, 2.0, 0.999])) == 1


@quick
@given(st.lists(st.tuples(size, spread), min_size=3, max_size=8), factor)
def test_the_unit_of_the_scale_does_not_matter(arms: Any, f: float) -> None:
    n, sd = np.array(arms).T
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", al.LooksLikeStandardError)
        here = al.warn_if_sd_looks_like_se(n, sd)
        there = al.warn_if_sd_looks_like_se(n, 2.0 ** round(np.log2(f)) * sd)
    assert [one.label for one in here] == [one.label for one in there]


# --- bad input -----------------------------------------------------------------------------------

GOOD = {
    "n1": [20, 30],
    "mean1": [4.0, 5.0],
    "sd1": [2.0, 2.5],
    "n2": [20, 30],
    "mean2": [5.0, 6.0],
    "sd2": [2.0, 2.5],
}
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("function", [al.mean_difference, al.standardized_mean_difference])
@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("sd1", 0.0, r"sd1 must be .*greater than zero \(Kell: 0\.0\)"),
        ("sd2", -2.5, r"sd2 must be .*greater than zero \(Kell: -2\.5\)"),
        ("sd1", INF, r"sd1 .*\(Kell: inf\)"),
        ("n1", 1, r"n1 must be finite and at least 2 \(Kell: 1\.0\)"),
        ("n2", NAN, r"n2 .*\(Kell: nan\)"),
        ("mean1", NAN, r"mean1 must be finite \(Kell: nan\)"),
        ("mean2", INF, r"mean2 must be finite \(Kell: inf\)"),
    ],
)
def test_impossible_arms_are_named(function: Any, column: str, value: float, told: str) -> None:
    bad = GOOD | {column: [GOOD[column][0], value]}
    with pytest.raises(ReviewError, match=told):
        function(**bad, labels=["Aasa", "Kell"])


def test_unequal_columns_are_named() -> None:
    with pytest.raises(ReviewError, match=r"unequal length: .*sd1 has 3"):
        al.mean_difference(**(GOOD | {"sd1": [1, 2, 3]}))
    with pytest.raises(ReviewError, match="labels: 1 labels for 2 studies"):
        al.mean_difference(**GOOD, labels=["Aasa"])
    with pytest.raises(ReviewError, match="mean1: not a list of numbers"):
        al.mean_difference(**(GOOD | {"mean1": ["4,0", "5"]}))


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: al.sd_from_ci(5, 5, 20), r"high - low must be greater than zero \(study 1: 0"),
        (lambda: al.sd_from_ci(4, 5, 20, level=95), "level must lie between 0 and 1"),
        (
            lambda: al.sd_from_ci(4, 5, 20, distribution="z"),
            "distribution must be one of t, n",
        ),
        (lambda: al.sd_from_t(1, 0, 20, 20), "t must be finite and not zero"),
        (lambda: al.sd_from_t(0, 2, 20, 20), "difference must be finite and not zero"),
        (lambda: al.sd_from_p(1, 0, 20, 20), "p must be strictly between 0 and 1"),
        (lambda: al.sd_from_p(1, 1, 20, 20), "p must be strictly between 0 and 1"),
        (lambda: al.sd_from_p(1, NAN, 20, 20), "p must be strictly between 0 and 1"),
        (lambda: al.sd_of_change(1, 1, 1), "correlation must be strictly between -1 and 1"),
        (lambda: al.correlation_from_sds(1, 1, 3), r"implied by the three SDs .*study 1: -3\.5"),
        (lambda: al.rescale(11, 2, source=(0, 10), target=(0, 100)), r"inside the scale .*11"),
        (lambda: al.rescale(5, 2, source=(10, 0), target=(0, 100)), "source: lowest and highest"),
        (lambda: al.change_unit(5, 2, 0), "factor must be finite and not zero"),
        (lambda: al.split_comparator(25, 5, 2, 1.5), "shares must be a whole number"),
        (lambda: al.split_comparator(5, 5, 2, 3), r"n of one share must be at least 2"),
        (lambda: al.mean_sd_from_median(20, 5), "give q1 and q3, or minimum and maximum"),
        (lambda: al.mean_sd_from_median(20, 5, q1=4), "give q1 and q3 together"),
        (lambda: al.mean_sd_from_median(20, 5, q1=6, q3=7), r"median - q1 .*\(study 1: -1"),
        (lambda: al.mean_sd_from_median(20, 5, q1=5, q3=5), r"q3 - q1 must be greater than zero"),
        (
            lambda: al.mean_sd_from_median(20, 5, q1=4, q3=6, method="x"),
            "method must be one of",
        ),
        (lambda: al.warn_if_sd_looks_like_se([20, 20], [1, 2]), "3 arms or more"),
        (lambda: al.standardized_mean_change(2, 5, 1, 4, 1, 0.5), "n must be at least 3"),
        (
            lambda: al.standardized_mean_change(9, 5, 1, 4, 1, 0.5, standardizer="post"),
            "standardizer: 'pre' or 'change'",
        ),
        (
            lambda: al.standardized_mean_difference(9, 5, 1, 9, 4, 1, variance_method="AV"),
            "variance_method must be one of LS, UB",
        ),
    ],
)
def test_impossible_statistics_are_refused(call: Any, told: str) -> None:
    with pytest.raises(ReviewError, match=told):
        call()
