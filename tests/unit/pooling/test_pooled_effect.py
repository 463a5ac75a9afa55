"""Does pooling equal R, reach the best tau2, keep its invariances and refuse bad input?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest
from golden_cases import agree, load
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

from analysis_lib.base.errors import ReviewError
from analysis_lib.pooling import tau2 as _tau2
from analysis_lib.pooling.methods import CI_METHODS, PI_METHODS, TAU2_METHODS
from analysis_lib.pooling.pooled_effect import PooledEffect, pool

# Tolerances with their reasons; the worst errors seen are printed after every run.
CLOSED_FORM = (1e-10, "same formula on both sides; R prints 15 digits")
ITERATIVE = (1e-6, "R iterates tau2 to a step of 1e-15; all else follows from tau2")
TINY_SCALE = (2e-5, "R's step of 1e-15 is absolute, and tau2 here is 3e-10")
LOST_DIGITS = (1e-5, "variance ratio 5e10: R warns that it loses digits of Q; ours has them")
R_DEFAULT = (1e-4, "R stopped by its default, a step of 1e-5 (REML) or 1.2e-4 (PM) in tau2")
R_LIMITS = (2e-4, "R's default search for a limit of tau2 stops within 1.2e-4, whatever the scale")

METAFOR_CI = {"z": "wald", "knha": "HK", "adhoc": "HK-adhoc"}
META_CI = {"classic": "wald", "HK": "HK", "HK+se": "HK-adhoc", "HK, se": "HK-adhoc"}
ITERATED_METHODS = ("ML", "REML", "EB", "PM")


@cache
def fitted(topic: str, dataset: str, tau2: str, ci: str, pi: str, level: float) -> PooledEffect:
    columns = load(topic)["datasets"][dataset]["columns"]
    return pool(
        columns["yi"], columns["vi"], tau2_method=tau2, ci_method=ci, pi_method=pi, level=level
    )


def fit_of(
    topic: str, entry: Any, tau2: str, ci: str = "wald", pi: str = "HTS", level: float = 0.95
) -> PooledEffect:
    return fitted(topic, entry["dataset"], tau2, ci, pi, level)


def first(value: Any) -> Any:
    return value[0] if isinstance(value, list) else value


# --- equal to R ---------------------------------------------------------------------------------

Comparison = tuple[str, Any, Any, float]


def metafor_values(topic: str, entry: dict[str, Any]) -> Iterator[Comparison]:
    """Yield quantity, ours, R's and the scale for what counts as zero, for one ``rma`` fit."""
    _, method, test, *_ = entry["id"].split("|")
    ci = METAFOR_CI[test]
    fit, out = fit_of(topic, entry, method, ci), entry["out"]
    yield "k", fit.k, out["k"], 0
    yield "tau2", fit.tau2, out["tau2"], 0
    yield "I2 from tau2", fit.i2_tau2, out["I2"] / 100, 0
    yield "Q", fit.q, out["QE"], 0
    yield "Q df", fit.q_df, out["QE_df"], 0
    yield "p of Q", fit.q_p_value, out["QEp"], 0
    yield "estimate", fit.estimate, out["b"][0], fit.se
    yield "SE", fit.se, out["se"][0], 0
    yield "statistic", fit.statistic, out["stat"][0], 1
    yield "p", fit.p_value, out["pval"][0], 0
    yield "df", fit.df, out["ddf"], 0
    yield "CI", fit.ci, (out["ci_lb"][0], out["ci_ub"][0]), fit.se
    if "weights_pct" in out:
        yield "weights", fit.weights * 100, out["weights_pct"], 0
    names = ("normal", "HTS", "V") if test == "z" else ("HK", "HK-PR", "HK")
    for key, name in zip(("default", "riley_k_minus_2", "t_k_minus_1"), names, strict=True):
        interval = fit_of(topic, entry, method, ci, name).prediction_interval
        yield f"PI {name}", interval, out["pi"][key], fit.se


def meta_values(topic: str, entry: dict[str, Any]) -> Iterator[Comparison]:
    """The same for one ``metagen`` fit."""
    _, method, *rest = entry["id"].split("|")
    asked = rest[-1]
    if "PI" in rest:
        ci, pi = "wald", {"S": "normal", "HK+se": "HK", "HK-PR+se": "HK-PR"}.get(asked, asked)
    else:
        ci, pi = META_CI.get(asked, "wald"), "V"
    if rest[0] in ("level", "null"):
        ci = "HK"
    # R's ad hoc correction of the prediction interval acts on HK alone (see the notes in c1)
    pi_ci = "HK-adhoc" if asked == "HK+se" and "PI" in rest else ci
    level = entry.get("level", 0.95)
    fit, out = fit_of(topic, entry, method, ci, pi, level), entry["out"]
    common = fit_of(topic, entry, "FE", level=level)
    yield "k", fit.k, out["k"], 0
    yield "common effect", common.estimate, out["TE.common"], common.se
    yield "common SE", common.se, out["seTE.common"], 0
    yield "common CI", common.ci, (out["lower.common"], out["upper.common"]), common.se
    if asked != "null":
        yield "common p", common.p_value, out["pval.common"], 0
        yield "p", fit.p_value, first(out["pval.random"]), 0
    yield "estimate", fit.estimate, first(out["TE.random"]), fit.se
    yield "SE", fit.se, first(out["seTE.random"]), 0
    limits = (first(out["lower.random"]), first(out["upper.random"]))
    yield "CI", fit.ci, limits, fit.se
    yield "df", math.inf if fit.df is None else fit.df, first(out["df.random"]), 0
    yield "tau2", fit.tau2, out["tau2"], 0
    yield "Q", fit.q, out["Q"], 0
    yield "Q df", fit.q_df, out["df.Q"], 0
    yield "p of Q", fit.q_p_value, out["pval.Q"], 0
    by_tau2 = asked == "I2_tau2"
    yield "I2 from tau2" if by_tau2 else "I2", fit.i2_tau2 if by_tau2 else fit.i2, out["I2"], 0
    if not by_tau2:
        yield "H", None if fit.h2 is None else math.sqrt(fit.h2), out["H"], 0
    if method != "DL" and asked != "":
        limits = (out["lower.tau2"], out["upper.tau2"])
        yield "tau2 CI", fit.tau2_ci, None if None in limits else limits, 0
    pi_fit = fit_of(topic, entry, method, pi_ci, pi, level)
    limits = (first(out["lower.predict"]), first(out["upper.predict"]))
    interval = pi_fit.prediction_interval
    yield f"PI {pi}", interval, None if None in limits else limits, fit.se


#: Where R is different on purpose of ours, or has no answer: (topic, data set, quantity) -> ours.
ONE_STUDY = "one study: tau2, its I2 and a prediction have no estimate; metafor prints zeros"
TWO_STUDIES = "two studies leave t no degrees of freedom (k - 2 = 0); metafor takes 1 instead"
ZERO_BY_ZERO = "all effects zero: a test of 0 against SE 0 has statistic 0 and p = 1; R prints NaN"
DIFFERENCES: dict[tuple[str, str, str], tuple[Any, str]] = {
    **{
        ("h1", "k1", what): (None, ONE_STUDY)
        for what in ("tau2", "I2 from tau2", "p of Q", *(f"PI {name}" for name in PI_METHODS))
    },
    **{
        ("h1", data, f"PI {name}"): (None, TWO_STUDIES)
        for data in ("k2_het", "k2_hom", "k2_same")
        for name in ("HTS", "HK-PR")
    },
}
#: Data whose tau2 is below the steps at which R stops by default: h2 tells nothing of its tau2,
#: which h1 holds to the tight entries.
BELOW_R_STEPS = ("tiny_scale", "tiny_vi", "tiny_vi_one", "reml0_he_pos")
FREE_OF_TAU2 = (
    "k",
    "df",
    "common effect",
    "common SE",
    "common CI",
    "common p",
    "Q",
    "Q df",
    "p of Q",
    "I2",
    "H",
)


def tolerance_of(topic: str, entry: dict[str, Any], quantity: str) -> tuple[float, str]:
    method, data = entry["id"].split("|")[1], entry["dataset"]
    if topic == "h1" and data == "tiny_vi_one":
        return LOST_DIGITS
    if topic == "h1" and data == "tiny_scale":
        return TINY_SCALE
    if quantity == "tau2 CI" and topic in ("c1", "h2"):
        return R_LIMITS
    if method not in ITERATED_METHODS or quantity in FREE_OF_TAU2:
        return CLOSED_FORM
    return R_DEFAULT if topic == "h2" else ITERATIVE


def check(family: str, topic: str, entry: dict[str, Any], values: Iterator[Comparison]) -> int:
    """Hold every quantity of an entry to R, or to the table of differences; return their count."""
    data, where = entry["dataset"], f"{topic}:{entry['id']}"
    comparisons = list(values)
    for quantity, ours, expected, scale in comparisons:
        method = entry["id"].split("|")[1]
        iterated = topic == "h2" and method in ITERATED_METHODS and quantity not in FREE_OF_TAU2
        if iterated and data in BELOW_R_STEPS:
            continue
        if (topic, data, quantity) in DIFFERENCES:
            assert ours == DIFFERENCES[topic, data, quantity][0], where
            continue
        if data == "identical_zero" and quantity in ("statistic", "p") and expected is None:
            assert ours == (0.0 if quantity == "statistic" else 1.0), (where, ZERO_BY_ZERO)
            continue
        if quantity == "tau2 CI" and ours is not None:
            ours, expected = up_to_cap(ours, expected, min(columns_of(topic, data)["vi"]))
            scale = 1
        if data == "reml0_he_pos" and quantity in ("tau2", "I2 from tau2"):
            scale = 0.01  # R creeps towards zero and stops short of it; the variances are 0.01
        tolerance, reason = tolerance_of(topic, entry, quantity)
        agree(family, quantity, ours, expected, tolerance, where=where, scale=scale, reason=reason)
    return len(comparisons)


def columns_of(topic: str, data: str) -> dict[str, list[float]]:
    columns: dict[str, list[float]] = load(topic)["datasets"][data]["columns"]
    return columns


def up_to_cap(ours: Any, expected: Any, smallest: float) -> tuple[Any, Any]:
    """R looks for the upper limit no further than max(100, 10 tau2); 100 may mean more."""
    if expected is not None and expected[1] == 100:
        assert ours[1] > 100
        return ours[0], expected[0]
    return ours, expected


FAMILIES = {
    "a1": ("pooling: metafor", metafor_values),
    "c1": ("pooling: meta, intervals", meta_values),
    "h1": ("pooling: metafor, edge cases", metafor_values),
    "h2": ("pooling: meta, edge cases", meta_values),
}
REFUSED = {"with_na": "missing values: R drops the rows", "vi_zero": "R goes on with variance 0"}


def fits_of(topic: str) -> list[dict[str, Any]]:
    return [entry for entry in load(topic)["entries"] if "confint" not in entry["id"]]


@pytest.mark.parametrize(
    ("topic", "data"), [(topic, data) for topic in FAMILIES for data in load(topic)["datasets"]]
)
def test_golden_pooling(topic: str, data: str) -> None:
    family, values = FAMILIES[topic]
    entries = [entry for entry in fits_of(topic) if entry["dataset"] == data]
    assert entries
    for entry in entries:
        if data in REFUSED:
            columns = columns_of(topic, data)
            with pytest.raises(ReviewError, match="study 2"):
                pool(columns["yi"], columns["vi"])
        else:
            assert check(family, topic, entry, values(topic, entry)) >= 15


@pytest.mark.parametrize("topic", ["h1", "h2"])
def test_golden_rows_dropped_by_the_reader_equal_rows_dropped_by_r(topic: str) -> None:
    columns = columns_of(topic, "with_na")
    rows = [(y, v) for y, v in zip(columns["yi"], columns["vi"], strict=True) if y and v]
    fit = pool(*zip(*rows, strict=True), tau2_method="PM")
    key = "with_na|PM|z|tight" if topic == "h1" else "with_na|PM|classic"
    out = next(entry["out"] for entry in load(topic)["entries"] if entry["id"] == key)
    tolerance, reason = ITERATIVE if topic == "h1" else R_DEFAULT
    expected = out["b"][0] if topic == "h1" else first(out["TE.random"])
    agree(
        "pooling: rows with missing values",
        "estimate",
        fit.estimate,
        expected,
        tolerance,
        where=key,
        reason=reason,
    )


def confint_entries() -> list[tuple[str, dict[str, Any]]]:
    return [
        (topic, entry)
        for topic in ("a2", "h1")
        for entry in load(topic)["entries"]
        if topic == "a2" or "confint" in entry["id"]
    ]


@pytest.mark.parametrize("topic", ["a2", "h1"])
def test_golden_q_profile(topic: str) -> None:
    for name, entry in confint_entries():
        if name == topic and entry["dataset"] not in REFUSED:
            check_q_profile(topic, entry)


def check_q_profile(topic: str, entry: dict[str, Any]) -> None:
    family, where = "Q-profile interval", f"{topic}:{entry['id']}"
    method = entry["id"].split("|")[1] if topic == "a2" else "DL"
    fit = fit_of(topic, entry, method)
    if "error" in entry:
        assert fit.k == 1, where
        assert fit.tau2_ci is None, where
        return
    out = entry["out"]
    ours, expected = fit.tau2_ci, out["tau2_ci"]
    ours_i2, expected_i2 = fit.i2_ci, [limit / 100 for limit in out.get("I2_ci", ())]
    assert ours is not None
    assert ours_i2 is not None
    if out["ub_sign"] == ">":  # R stopped at the end of its search, max(100, 10 tau2)
        assert ours[1] > expected[1], where
        ours, expected = ours[:1], expected[:1]
        ours_i2, expected_i2 = ours_i2[:1], expected_i2[:1]
    default = entry["id"].endswith("default")
    tight = TINY_SCALE if entry["dataset"] == "tiny_scale" else ITERATIVE
    tolerance, reason = R_LIMITS if default else tight
    what = "tau2 CI, R's default search" if default else "tau2 CI"
    scale = 1 if default else 0
    agree(family, what, ours, expected, tolerance, where=where, scale=scale, reason=reason)
    if expected_i2:
        agree(family, "I2 CI", ours_i2, expected_i2, tolerance, where=where, reason=reason)


@pytest.mark.parametrize("topic", ["a1", "a2", "c1", "h1", "h2"])
def test_golden_no_entry_is_skipped(topic: str) -> None:
    golden = load(topic)
    left_out = [name for names in golden["not_covered"].values() for name in names]
    ids = {entry["id"] for entry in golden["entries"]} | set(left_out)
    assert len(ids) == golden["r_entries"]
    assert len(golden["entries"]) + len(left_out) == golden["r_entries"]
    assert all(len(reason) > 20 for reason in golden["not_covered"])
    by_data = {entry["dataset"] for entry in golden["entries"]}
    assert by_data == set(golden["datasets"])


def test_golden_bcg_anchor() -> None:
    columns = columns_of("a1", "bcg_RR")
    fit = pool(columns["yi"], columns["vi"])
    assert (round(fit.tau2 or 0, 4), round(fit.estimate, 4)) == (0.3132, -0.7145)


# --- the maximum of the likelihood --------------------------------------------------------------

N_RANDOM = 10_000
#: Points of tau2 at which the independent search looks, from zero to beyond the squared range.
N_GRID = 300
#: Deviances are sums of up to 50 logarithms, up to 1e3 in all: rounding leaves 1e-12. In 60,000
#: data sets (six seeds) the search never found a value below ours.
DEVIANCE_ROUNDING = 1e-9


def random_study_sets(n: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield k 2 to 50, variances over eight orders, tau2 zero to huge, scales 1e-10 to 1e10.

    Every other set breaks the model, each study's error being stretched at random: that is where
    the likelihood has several maxima.
    """
    rng = np.random.default_rng(seed)
    for _ in range(n):
        k = rng.integers(2, 51)
        spread = rng.uniform(0, 4)
        variance = 10 ** rng.uniform(-spread, spread, k)
        tau2 = 0.0 if rng.random() < 0.25 else 10 ** rng.uniform(-4, 8)
        stretch = 10 ** rng.uniform(-2, 2, k) if rng.random() < 0.5 else 1.0
        effect = rng.normal(0, np.sqrt(variance + tau2)) * stretch
        unit = 10.0 ** rng.choice([-10, 0, 0, 10])
        yield effect * unit, variance * unit**2


def deviances(
    effect: np.ndarray, variance: np.ndarray, tau2: np.ndarray, restricted: bool
) -> np.ndarray:
    """Twice the negative log-likelihood at many tau2, written down straight from its definition."""
    total = variance + tau2[:, None]
    weights = 1 / total
    sums = weights.sum(1, keepdims=True)
    residual = effect - (weights * effect).sum(1, keepdims=True) / sums
    deviance = np.log(total).sum(1) + (weights * residual**2).sum(1)
    return np.asarray(deviance + np.log(sums[:, 0]) if restricted else deviance)


def search_points(effect: np.ndarray, variance: np.ndarray) -> np.ndarray:
    low, high = variance.min(), np.ptp(effect) ** 2 + variance.max()
    return np.concatenate(([0.0], np.geomspace(low * 1e-4, high, N_GRID)))


@pytest.mark.slow
@pytest.mark.parametrize(("method", "n"), [("REML", N_RANDOM), ("ML", 2_000)])
def test_likelihood_is_highest_at_tau2_on_random_data(method: str, n: int) -> None:
    several = 0
    for effect, variance in random_study_sets(n, seed=20250):
        tau2 = pool(effect, variance, tau2_method=method).tau2
        assert tau2 is not None
        points = search_points(effect, variance)
        found = deviances(effect, variance, np.append(points, tau2), method == "REML")
        assert found[-1] <= found[:-1].min() + DEVIANCE_ROUNDING, (effect, variance, tau2)
        inner = np.sign(np.diff(found[:-1]))
        several += int((np.diff(inner) > 0).sum() + (inner[0] > 0) > 1)
    # the test must have met likelihoods with several maxima, else it shows nothing about them
    assert several >= n // 500


#: A few roundings of the last digit, 2e-16 each; worst seen 2.3e-16.
LAST_DIGITS = 1e-14


def test_one_dominant_study_costs_no_digits() -> None:
    """Exact fractions are the judge where R warns that it cannot be (variance ratio 5e10)."""
    columns = columns_of("h1", "tiny_vi_one")
    fit = pool(columns["yi"], columns["vi"])
    y = [Fraction(value) for value in columns["yi"]]
    w = [1 / Fraction(value) for value in columns["vi"]]
    mean = sum(a * b for a, b in zip(w, y, strict=True)) / sum(w)
    q = sum(a * (b - mean) ** 2 for a, b in zip(w, y, strict=True))
    trace = sum(a * (1 - a / sum(w)) for a in w)
    assert fit.q == pytest.approx(float(q), rel=LAST_DIGITS)
    assert fit.typical_variance == pytest.approx(float(4 / trace), rel=LAST_DIGITS)


@pytest.mark.parametrize("method", ["PM", "EB"])
def test_paule_mandel_solves_its_equation_on_random_data(method: str) -> None:
    for effect, variance in random_study_sets(1_000, seed=7):
        fit = pool(effect, variance, tau2_method=method)
        weights = 1 / (variance + (fit.tau2 or 0))
        q = float((weights * (effect - fit.estimate) ** 2).sum())
        if fit.tau2 == 0:
            assert q <= fit.k - 1
        else:
            # the residual of a study with weight 1e8 is known to 1e-16 of its effect
            assert q == pytest.approx(fit.k - 1, rel=1e-6)


def test_two_maxima_the_higher_one_wins() -> None:
    for effect, variance in random_study_sets(3_000, seed=11):
        points = search_points(effect, variance)
        found = deviances(effect, variance, points, restricted=True)
        lows = [i for i in range(1, len(found) - 1) if found[i - 1] > found[i] < found[i + 1]]
        if found[0] < found[1] and lows and abs(found[0] - found[lows[0]]) > 0.01:
            tau2 = pool(effect, variance).tau2 or 0.0
            assert (tau2 == 0) == (found[0] < min(found[i] for i in lows))
            return
    pytest.fail("no data set with two maxima")


# --- properties ---------------------------------------------------------------------------------

EXAMPLES = examples(60)
#: Shifting and scaling round the input itself in its last digit. These examples also pass with
#: 1e-13; the rest is room for processors that round sums in another order.
EQUIVARIANCE = 1e-10

study = st.tuples(st.floats(-5, 5), st.floats(-3, 2).map(lambda x: 10**x))
studies = st.lists(study, min_size=2, max_size=20)
tau2_methods = st.sampled_from(TAU2_METHODS)
ci_methods = st.sampled_from(CI_METHODS)
pi_methods = st.sampled_from(tuple(PI_METHODS))


def arrays(rows: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    effect, variance = np.array(rows).T
    return effect, variance


def same_tau2(a: PooledEffect, b: PooledEffect, factor: float = 1.0) -> None:
    """Compare tau2 with the precision of what it is added to, the smallest variance."""
    assert b.tau2 == pytest.approx(
        factor * (a.tau2 or 0), rel=EQUIVARIANCE, abs=EQUIVARIANCE * b.variance.min()
    )


@EXAMPLES
@given(studies, st.floats(-100, 100), tau2_methods, ci_methods)
def test_shift_moves_the_estimate_and_nothing_else(
    rows: list[tuple[float, float]], shift: float, method: str, ci: str
) -> None:
    effect, variance = arrays(rows)
    a = pool(effect, variance, tau2_method=method, ci_method=ci)
    b = pool(effect + shift, variance, tau2_method=method, ci_method=ci)
    same_tau2(a, b)
    assert b.estimate - shift == pytest.approx(a.estimate, abs=EQUIVARIANCE)
    assert b.se == pytest.approx(a.se, rel=EQUIVARIANCE)


@EXAMPLES
@given(studies, st.sampled_from([-1.0, 1e-10, 1e-5, 3.0, 1e10]), tau2_methods, ci_methods)
def test_scale_multiplies_everything(
    rows: list[tuple[float, float]], factor: float, method: str, ci: str
) -> None:
    effect, variance = arrays(rows)
    a = pool(effect, variance, tau2_method=method, ci_method=ci)
    b = pool(effect * factor, variance * factor**2, tau2_method=method, ci_method=ci)
    same_tau2(a, b, factor**2)
    size = abs(factor)
    assert b.se == pytest.approx(a.se * size, rel=EQUIVARIANCE)
    assert b.estimate == pytest.approx(
        a.estimate * factor, rel=EQUIVARIANCE, abs=EQUIVARIANCE * size
    )
    assert b.i2 == pytest.approx(a.i2, abs=EQUIVARIANCE)


@EXAMPLES
@given(studies, st.randoms(use_true_random=False), tau2_methods, ci_methods)
def test_order_of_studies_does_not_matter(
    rows: list[tuple[float, float]], random: Any, method: str, ci: str
) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)
    effect, variance = arrays(rows)
    a = pool(effect, variance, tau2_method=method, ci_method=ci)
    b = pool(effect[order], variance[order], tau2_method=method, ci_method=ci)
    same_tau2(a, b)
    assert b.estimate == pytest.approx(a.estimate, rel=EQUIVARIANCE, abs=EQUIVARIANCE)
    assert b.weights == pytest.approx(a.weights[order], rel=EQUIVARIANCE)


@EXAMPLES
@given(studies, st.sampled_from([m for m in TAU2_METHODS if m != "FE"]))
def test_without_heterogeneity_every_method_is_the_common_effect(
    rows: list[tuple[float, float]], method: str
) -> None:
    effect, variance = arrays(rows)
    effect = effect * np.sqrt(variance.min()) * 1e-3  # far less spread than sampling error
    common = pool(effect, variance, tau2_method="FE")
    fit = pool(effect, variance, tau2_method=method)
    if method == "SJ":  # never zero unless all effects are equal
        assert (fit.tau2 or 0) <= effect.var()
    else:
        assert fit.tau2 == 0
        assert (fit.estimate, fit.se, fit.ci) == (common.estimate, common.se, common.ci)


@EXAMPLES
@given(studies, tau2_methods)
def test_ad_hoc_hartung_knapp_is_never_narrower_than_wald(
    rows: list[tuple[float, float]], method: str
) -> None:
    """Its SE is at least the classic one and t has wider tails than the normal distribution."""
    effect, variance = arrays(rows)
    wald = pool(effect, variance, tau2_method=method)
    ad_hoc = pool(effect, variance, tau2_method=method, ci_method="HK-adhoc")
    plain = pool(effect, variance, tau2_method=method, ci_method="HK")
    assert ad_hoc.se == max(wald.se, plain.se)
    assert ad_hoc.ci[1] - ad_hoc.ci[0] >= wald.ci[1] - wald.ci[0]


#: Where the predictive distribution has at least the SE and no more degrees of freedom than the
#: CI: the classic SE against Wald, the Hartung-Knapp SE against either form of Hartung-Knapp.
NEVER_NARROWER = [
    ("wald", "HTS"),
    ("wald", "V"),
    ("wald", "normal"),
    ("HK", "HK"),
    ("HK", "HK-PR"),
    ("HK-adhoc", "HK"),
    ("HK-adhoc", "HK-PR"),
]


@EXAMPLES
@given(studies, tau2_methods, st.sampled_from(NEVER_NARROWER))
def test_prediction_interval_is_never_narrower_than_the_confidence_interval(
    rows: list[tuple[float, float]], method: str, pair: tuple[str, str]
) -> None:
    effect, variance = arrays(rows)
    fit = pool(effect, variance, tau2_method=method, ci_method=pair[0], pi_method=pair[1])
    interval = fit.prediction_interval
    if interval is None:
        assert method == "FE" or fit.k == 2
    else:
        slack = 1e-12 * abs(fit.estimate)
        assert interval[0] <= fit.ci[0] + slack
        assert interval[1] >= fit.ci[1] - slack


@EXAMPLES
@given(studies, tau2_methods, ci_methods, pi_methods, st.sampled_from([0.8, 0.95, 0.99]))
def test_parts_of_a_fit_agree_with_each_other(
    rows: list[tuple[float, float]], method: str, ci: str, pi: str, level: float
) -> None:
    effect, variance = arrays(rows)
    fit = pool(effect, variance, tau2_method=method, ci_method=ci, pi_method=pi, level=level)
    assert fit.weights.sum() == pytest.approx(1, rel=1e-12)
    assert fit.weights @ effect == pytest.approx(fit.estimate, abs=EQUIVARIANCE)
    assert fit.ci[0] <= fit.estimate <= fit.ci[1]
    assert 0 <= fit.p_value <= 1
    for share in (fit.i2, fit.i2_tau2):
        assert share is not None
        assert 0 <= share < 1
    assert fit.tau2_ci is not None
    assert 0 <= fit.tau2_ci[0] <= fit.tau2_ci[1]
    if fit.prediction_interval is not None:
        above = fit.probability_beyond(fit.prediction_interval[1], "above")
        below = fit.probability_beyond(fit.prediction_interval[0], "below")
        # a tail of 0.5 % asked of the t distribution's own inverse
        assert (above, below) == pytest.approx(((1 - level) / 2,) * 2, rel=1e-6)
        assert fit.probability_beyond(fit.estimate, "below") == 0.5


# --- edges and bad input ------------------------------------------------------------------------


def test_one_study() -> None:
    for ci in CI_METHODS:
        for method in TAU2_METHODS:
            fit = pool([0.42], [0.09], ci_method=ci, tau2_method=method)
            assert fit.ci == pytest.approx((-0.167989195362016, 1.00798919536202))
            assert (fit.k, fit.estimate, fit.q, fit.q_df) == (1, 0.42, 0.0, 0)
            absent = (
                fit.tau2,
                fit.tau2_ci,
                fit.i2,
                fit.i2_tau2,
                fit.i2_ci,
                fit.h2,
                fit.q_p_value,
                fit.prediction_interval,
                fit.df,
                fit.probability_beyond(0.0),
            )
            assert set(absent) == {None}
            assert fit.weights.tolist() == [1.0]
            assert "1 study" in str(fit)


def test_common_effect_has_no_prediction() -> None:
    fit = pool([0.1, 0.5, 0.2], [0.1, 0.1, 0.2], tau2_method="FE")
    assert (fit.tau2, fit.prediction_interval, fit.probability_beyond(0.1)) == (0.0, None, None)
    assert fit.i2_tau2 == fit.i2
    assert str(fit).startswith("Common-effect")


def test_equal_effects_with_hartung_knapp_predict_a_point() -> None:
    fit = pool([0.3] * 4, [0.1, 0.2, 0.1, 0.3], ci_method="HK", pi_method="HK")
    assert (fit.se, fit.ci, fit.statistic, fit.p_value) == (0.0, (0.3, 0.3), math.inf, 0.0)
    assert fit.probability_beyond(0.2) == 1.0
    assert fit.probability_beyond(0.4) == 0.0
    assert pool([-0.3] * 4, [0.1] * 4, ci_method="HK").statistic == -math.inf


def test_text_names_methods_and_numbers() -> None:
    columns = columns_of("a1", "bcg_RR")
    fit = pool(columns["yi"], columns["vi"], ci_method="HK")
    for words in ("13 studies", "REML", "HK", "95%", "0.3132", "HTS", "152.23 on 12 df"):
        assert words in str(fit)
    assert repr(fit).startswith("PooledEffect(k=13, estimate=-0.7145")


def test_result_cannot_be_changed_and_keeps_no_hold_on_the_input() -> None:
    effect = np.array([0.1, 0.4])
    fit = pool(effect, [0.1, 0.2], labels=["a", "b"])
    effect[0] = 9
    assert fit.effect[0] == 0.1
    assert fit.labels == ("a", "b")
    with pytest.raises(ValueError, match="read-only"):
        fit.effect[0] = 1
    with pytest.raises(AttributeError):
        fit.estimate = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("effect", "variance", "options", "words"),
    [
        ([0.1, 0.2], [0.1, 0.0], {"labels": ["Kell", "Cai"]}, "Cai: 0.0"),
        ([0.1, 0.2], [0.1, -1.0], {}, "study 2: -1.0"),
        ([0.1, math.nan], [0.1, 0.1], {"labels": ["Kell", "Cai"]}, "Cai: nan"),
        ([0.1, 0.2], [0.1, math.inf], {}, "study 2: inf"),
        ([0.1, 0.2], [0.1], {}, "effect has 2, variance has 1"),
        ([], [], {}, "k = 0"),
        ([0.1], [0.1], {"labels": ["a", "b"]}, "2 labels for 1"),
        ([0.1], [0.1], {"tau2_method": "reml"}, "tau2_method must be one of .* got 'reml'"),
        ([0.1], [0.1], {"ci_method": "t"}, "ci_method"),
        ([0.1], [0.1], {"pi_method": "t"}, "pi_method"),
        ([0.1], [0.1], {"level": 95}, "level must lie between 0 and 1, got 95"),
        ([0.1], [0.1], {"level": math.nan}, "level"),
    ],
)
def test_bad_input_is_named(
    effect: list[float], variance: list[float], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ReviewError, match=words):
        pool(effect, variance, **options)


def test_bad_question_is_named() -> None:
    fit = pool([0.1, 0.2, 0.4], [0.1, 0.1, 0.1])
    with pytest.raises(ReviewError, match=r"^direction must be .* above, below; got 'up'"):
        fit.probability_beyond(0, "up")
    with pytest.raises(ReviewError, match="threshold must be finite"):
        fit.probability_beyond(math.nan)


def test_no_convergence_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tau2, "MAX_STEPS", 2)
    for method in ("REML", "ML", "PM", "EB"):
        with pytest.raises(ArithmeticError, match="no convergence"):
            pool([0.1, 0.9, 0.3, 2.0], [0.01, 0.02, 0.03, 0.04], tau2_method=method)


@pytest.mark.parametrize(
    ("effect", "methods", "told"),
    [
        ([0.1, 0.5], {}, ["Two studies hardly tell"]),
        ([0.1, 0.5, 0.9], {}, ["Three studies hardly tell", "the prediction interval most of all"]),
        ([0.1, 0.5, 0.9, 0.4, 0.2], {}, []),
        ([0.4, 0.41, 0.42, 0.4, 0.4], {"ci_method": "HK"}, ["is narrower than the classic one"]),
        ([0.4] * 5, {"ci_method": "HK"}, ["All effects are equal", "shrinks to a point"]),
        ([0.1, 0.5], {"tau2_method": "FE"}, []),
    ],
)
def test_a_printed_result_carries_its_cautions(
    effect: list[float], methods: dict[str, str], told: list[str]
) -> None:
    fit = pool(effect, [0.04, 0.05, 0.04, 0.06, 0.03][: len(effect)], **methods)
    printed = str(fit)
    assert all(words in printed for words in told)
    assert ("caution" in printed) == bool(told) == bool(fit.cautions())


def test_an_empty_set_of_tau2_is_told_as_one() -> None:
    assert "(no value fits at the 95% level)" in str(
        pool([0.4] * 5, [0.04, 0.05, 0.04, 0.06, 0.03])
    )
