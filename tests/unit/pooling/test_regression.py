"""Do subgroup analysis and meta-regression equal R, agree with each other, refuse bad input?"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from golden_cases import agree, load
from hypothesis import given
from hypothesis import strategies as st
from properties import examples
from scipy.special import chdtrc

from analysis_lib.base.errors import ReviewError
from analysis_lib.pooling.pooled_effect import pool
from analysis_lib.pooling.regression import MetaRegression, indicators, meta_regression
from analysis_lib.pooling.subgroups import SubgroupAnalysis, subgroup_analysis

CLOSED_FORM = (1e-10, "same formula on both sides; R prints 15 digits")
ITERATIVE = (1e-6, "R iterates tau2 to a small step; all else follows from tau2")
R_LIMITS = (2e-4, "R's default search for a limit of tau2 stops within 1.2e-4, whatever the scale")
R_DEFAULT = (1e-3, "R's metareg stopped by its default, a step of 1e-5 in tau2")
CANCELLING = (1e-7, "years not centred: R loses digits, see the test of shifted moderators")
CLOSED_METHODS = ("FE", "DL", "HE", "HS", "SJ")
CI = {"z": "wald", "knha": "HK", "adhoc": "HK-adhoc", "classic": "wald", "HK": "HK"}


# --- equal to R: meta-regression ----------------------------------------------------------------


def columns_of(topic: str, data: str) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = load(topic)["datasets"][data]["columns"]
    return columns


def moderators_of(columns: dict[str, np.ndarray], formula: str) -> dict[str, np.ndarray]:
    """Build the columns of R's formula; R makes a factor of text, baseline the first level."""
    built: dict[str, np.ndarray] = {}
    for term in formula.removeprefix("~ ").removesuffix(" - 1").split(" + "):
        if shifted := re.fullmatch(r"I\((\w+) - ([\d.]+)\)", term):
            built[term] = columns[shifted[1]].astype(float) - float(shifted[2])
        elif " * " in term:
            left, right = term.split(" * ")
            built |= {left: columns[left], right: columns[right]}
            built[f"{left}:{right}"] = columns[left].astype(float) * columns[right].astype(float)
        elif term == "sqrt(vi)":
            built[term] = np.sqrt(columns["vi"].astype(float))
        elif term.startswith("factor(") or isinstance(columns[term][0], str):
            values = [str(value) for value in columns[re.sub(r"factor\((\w+)\)", r"\1", term)]]
            built |= indicators(term, values, all_levels=formula.endswith(" - 1"))
        else:
            built[term] = columns[term]
    return built


@cache
def regression(data: str, formula: str, method: str, ci: str) -> MetaRegression:
    columns = {name: np.array(x, dtype=object) for name, x in columns_of("d2", data).items()}
    used = [name for name in columns if re.search(rf"\b{name}\b", formula)]
    complete = [
        all(columns[name][i] is not None for name in used) for i in range(len(columns["yi"]))
    ]
    kept = {name: x[complete] for name, x in columns.items()}
    effect, variance = kept["yi"].astype(float), kept["vi"].astype(float)
    table = {name: x.astype(float) for name, x in moderators_of(kept, formula).items()}
    return meta_regression(
        effect,
        variance,
        table,
        tau2_method=method,
        ci_method=ci,
        intercept=not formula.endswith(" - 1"),
    )


Comparison = tuple[str, Any, Any, float]


def regression_values(fit: MetaRegression, out: dict[str, Any]) -> Iterator[Comparison]:
    yield "k", fit.k, out["k"], 0
    yield "coefficients", len(fit.names), len(out["coef"]), 0
    yield "tau2", fit.tau2, out["tau2"], 1e-6 * fit.variance.min()
    yield "I2 from tau2", fit.i2_tau2, out["I2"] / 100, 1e-6
    yield "QE", fit.q_e, out["QE"], 0
    yield "QE df", fit.q_e_df, out["QE_df"], 0
    yield "p of QE", fit.q_e_p_value, out["QEp"], 0
    for i, se in enumerate(fit.se):
        yield "estimate", fit.coefficients[i], out["b"][i], se
        yield "SE", se, out["se"][i], 0
        yield "statistic", fit.statistic[i], out["stat"][i], 1
        yield "p", fit.p_value[i], out["pval"][i], 0
        yield "CI", fit.ci[i], (out["ci_lb"][i], out["ci_ub"][i]), se
    yield "df", fit.df, out["ddf"], 0
    yield "QM", fit.q_m, out["QM"], 0
    yield "QM df", fit.q_m_df, out["QM_df"], 0
    yield "p of QM", fit.q_m_p_value, out["QMp"], 0
    yield "R2", fit.r2, None if out["R2"] is None else out["R2"] / 100, 1e-6


#: Where R answers another question; ours is None.
R2_DIFFERENCE = {
    "FE": "no tau2 to explain; R's number is the share of the weighted sum of squares",
    "no heterogeneity": "tau2 is zero without moderators, so there is no share; R prints 0",
}


def regression_tolerance(entry: dict[str, Any], method: str, quantity: str) -> tuple[float, str]:
    formula = entry["mods"]
    if "year" in formula and "I(year" not in formula:
        return (
            CANCELLING if method in CLOSED_METHODS or quantity in ("QE", "p of QE") else ITERATIVE
        )
    return CLOSED_FORM if method in CLOSED_METHODS else ITERATIVE


REGRESSIONS = sorted({(e["dataset"], e["mods"]) for e in load("d2")["entries"]})


@pytest.mark.parametrize(("data", "formula"), REGRESSIONS)
def test_golden_meta_regression(data: str, formula: str) -> None:
    entries = [e for e in load("d2")["entries"] if (e["dataset"], e["mods"]) == (data, formula)]
    assert len(entries) == 19
    for entry in entries:
        *_, method, test = entry["id"].split("|")
        fit = regression(data, formula, method, CI[test])
        for quantity, ours, expected, scale in regression_values(fit, entry["out"]):
            if quantity == "R2" and (method == "FE" or fit.tau2_total == 0):
                assert ours is None, R2_DIFFERENCE
                continue
            tolerance, reason = regression_tolerance(entry, method, quantity)
            agree(
                "meta-regression",
                quantity,
                ours,
                expected,
                tolerance,
                where=f"d2:{entry['id']}",
                scale=scale,
                reason=reason,
            )


def test_golden_shifted_moderators_keep_their_digits() -> None:
    """R loses digits of QE with years about 1966; ours are those of R with centred years."""
    ours = regression("bcg_RR", "~ ablat + year", "DL", "wald")
    key = "bcg_RR|~ I(ablat - 33.46) + I(year - 1966)|DL|z"
    out = next(entry["out"] for entry in load("d2")["entries"] if entry["id"] == key)
    for quantity, value, expected in (("QE", ours.q_e, out["QE"]), ("QM", ours.q_m, out["QM"])):
        agree(
            "meta-regression, centred years",
            quantity,
            value,
            expected,
            CLOSED_FORM[0],
            where=f"d2:{key}",
            reason=CLOSED_FORM[1],
        )


def test_golden_metareg_of_meta() -> None:
    for entry in load("d3")["entries"]:
        columns = columns_of("d3", entry["dataset"])
        ci = CI[entry["id"].split("|")[-1]]
        fit = meta_regression(
            columns["yi"], columns["vi"], {"ablat": columns["ablat"]}, ci_method=ci
        )
        for quantity, ours, expected, scale in regression_values(fit, entry["out"]):
            agree(
                "meta-regression: meta",
                quantity,
                ours,
                expected,
                R_DEFAULT[0],
                where=f"d3:{entry['id']}",
                scale=scale,
                reason=R_DEFAULT[1],
            )


# --- equal to R: subgroups ----------------------------------------------------------------------


def subgroups_of(entry: dict[str, Any], method: str) -> SubgroupAnalysis:
    columns = columns_of("d1", entry["dataset"])
    return subgroup_analysis(
        columns["yi"],
        columns["vi"],
        columns[entry["subgroup"]],
        common_tau2=entry["tau.common"] and method != "FE",
        tau2_method=method,
        ci_method=CI[entry["ci"]] if method != "FE" else "wald",
        pi_method="V",
    )


def subgroup_values(entry: dict[str, Any]) -> Iterator[Comparison]:
    method, out = entry["method.tau"], entry["out"]
    result, common = subgroups_of(entry, method), subgroups_of(entry, "FE")
    yield "between, common effect", common.q_between, out["Q.b.common"], 0
    yield "p between, common effect", common.p_value, out["pval.Q.b.common"], 0
    yield "between", result.q_between, out["Q.b.random"], 0
    yield "df between", [result.df], out["df.Q.b"], 0
    # R's meta takes Q for chi-squared with Hartung-Knapp too; see test_subgroups_pooled.
    yield "p between", float(chdtrc(result.df, result.q_between)), out["pval.Q.b.random"], 0
    yield "Q within", result.q_within, out["Q.w.common"], 0
    yield "df within", result.q_within_df, out["df.Q.w"], 0
    yield "p within", result.q_within_p_value, out["pval.Q.w.common"], 0
    yield "tau2 of all", result.overall.tau2, out["tau2"], 0
    yield "estimate of all", result.overall.estimate, out["TE.random"], result.overall.se
    if entry["tau.common"]:
        yield "common tau2", result.tau2, out["tau2.resid"], 0
    for i, (name, fit) in enumerate(result.fits.items()):
        assert name == str(out["subgroup.levels"][i])
        yield "k", fit.k, out["k.w"][i], 0
        yield "estimate", fit.estimate, out["TE.random.w"][i], fit.se
        yield "SE", fit.se, out["seTE.random.w"][i], 0
        limits = (out["lower.random.w"][i], out["upper.random.w"][i])
        yield "CI", fit.ci, limits, fit.se
        yield "p", fit.p_value, out["pval.random.w"][i], 0
        yield "df", math.inf if fit.df is None else fit.df, out["df.random.w"][i], 0
        yield "tau2", fit.tau2, out["tau2.w"][i], 0
        yield "Q", fit.q, out["Q.w"][i], 0
        yield "p of Q", fit.q_p_value, out["pval.Q.w"][i], 0
        yield "I2", fit.i2, out["I2.w"][i], 0
        yield "H", math.sqrt(fit.h2 or 0), out["H.w"][i], 0
        limits = (out["lower.predict.w"][i], out["upper.predict.w"][i])
        yield "PI V", fit.prediction_interval, limits, fit.se
        tau2_ci = result.tau2_ci if entry["tau.common"] else fit.tau2_ci
        if method != "DL":  # R's default for DL is Jackson's interval, which is not offered
            assert tau2_ci is not None
            both = (out["lower.tau2.w"][i], out["upper.tau2.w"][i])
            upper = 1 if both[1] == 100 else 2  # 100 is the end of R's search
            yield "tau2 CI", tau2_ci[:upper], both[:upper], 1


@pytest.mark.parametrize("entry", load("d1")["entries"], ids=lambda entry: entry["id"])
def test_golden_subgroups(entry: dict[str, Any]) -> None:
    for quantity, ours, expected, scale in subgroup_values(entry):
        tolerance, reason = CLOSED_FORM if entry["method.tau"] == "DL" else ITERATIVE
        if quantity == "tau2 CI":
            tolerance, reason = R_LIMITS
        agree(
            "subgroups: meta",
            quantity,
            ours,
            expected,
            tolerance,
            where=f"d1:{entry['id']}",
            scale=scale,
            reason=reason,
        )


def test_golden_subgroups_of_metafor() -> None:
    (entry,) = load("d4")["entries"]
    columns = columns_of("d4", entry["dataset"])
    result = subgroup_analysis(columns["yi"], columns["vi"], columns["alloc"])
    fits, out = [result.fits[name] for name in sorted(result.fits)], entry["out"]
    for quantity, ours, expected in (
        ("estimate", [fit.estimate for fit in fits], out["est"]),
        ("SE", [fit.se for fit in fits], out["se"]),
        ("tau2", [fit.tau2 for fit in fits], out["tau2"]),
        ("between", result.q_between, out["QM"]),
        ("p between", result.p_value, out["QMp"]),
    ):
        agree(
            "subgroups: metafor",
            quantity,
            ours,
            expected,
            ITERATIVE[0],
            where=f"d4:{entry['id']}",
            reason=ITERATIVE[1],
        )


@pytest.mark.parametrize("topic", ["d1", "d2", "d3", "d4"])
def test_golden_no_entry_is_skipped(topic: str) -> None:
    golden = load(topic)
    left_out = [name for names in golden["not_covered"].values() for name in names]
    assert len({entry["id"] for entry in golden["entries"]} | set(left_out)) == golden["r_entries"]
    if topic == "d2":
        assert len(golden["entries"]) == 19 * len(REGRESSIONS)


# --- properties ---------------------------------------------------------------------------------

EXAMPLES = examples(40)
row = st.tuples(st.floats(-5, 5), st.floats(-3, 1).map(lambda x: 10**x), st.integers(-20, 20))
tables = st.lists(row, min_size=5, max_size=15, unique_by=lambda r: r[2])
methods = st.sampled_from(["FE", "DL", "HE", "REML", "ML", "PM", "SJ"])
#: Two routes to one number, through different sums. These examples also pass with 1e-13.
TWO_ROUTES = 1e-10


@EXAMPLES
@given(tables, methods)
def test_common_tau2_between_test_is_the_regression_on_indicators(
    rows: list[tuple[float, float, int]], method: str
) -> None:
    effect, variance, _ = np.array(rows).T
    groups = [f"group {i % 2}" for i in range(len(rows))]
    between = subgroup_analysis(effect, variance, groups, common_tau2=True, tau2_method=method)
    slope = meta_regression(effect, variance, indicators("group", groups), tau2_method=method)
    assert between.tau2 == pytest.approx(
        slope.tau2, rel=TWO_ROUTES, abs=TWO_ROUTES * variance.min()
    )
    assert between.q_between == pytest.approx(slope.q_m, rel=TWO_ROUTES, abs=TWO_ROUTES)
    assert between.q_within == pytest.approx(slope.q_e, rel=TWO_ROUTES, abs=TWO_ROUTES)


@EXAMPLES
@given(tables, methods, st.sampled_from(["wald", "HK", "HK-adhoc"]))
def test_moving_and_stretching_a_moderator_changes_its_slope_alone(
    rows: list[tuple[float, float, int]], method: str, ci: str
) -> None:
    effect, variance, x = np.array(rows).T
    a = meta_regression(effect, variance, x, tau2_method=method, ci_method=ci)
    b = meta_regression(effect, variance, 10 * x + 50, tau2_method=method, ci_method=ci)
    assert b.tau2 == pytest.approx(a.tau2, rel=TWO_ROUTES, abs=TWO_ROUTES * variance.min())
    assert 10 * b.coefficients[1] == pytest.approx(
        a.coefficients[1], rel=TWO_ROUTES, abs=TWO_ROUTES
    )
    assert 10 * b.se[1] == pytest.approx(a.se[1], rel=TWO_ROUTES)
    assert b.q_e == pytest.approx(a.q_e, rel=TWO_ROUTES, abs=TWO_ROUTES)


@EXAMPLES
@given(tables, methods)
def test_regression_on_a_constant_column_alone_is_pooling(
    rows: list[tuple[float, float, int]], method: str
) -> None:
    effect, variance, _ = np.array(rows).T
    fit = meta_regression(
        effect, variance, {"one": np.ones(len(rows))}, tau2_method=method, intercept=False
    )
    pooled = pool(effect, variance, tau2_method=method)
    assert fit.tau2 == pytest.approx(pooled.tau2, rel=TWO_ROUTES, abs=TWO_ROUTES * variance.min())
    assert fit.coefficients[0] == pytest.approx(pooled.estimate, rel=TWO_ROUTES, abs=TWO_ROUTES)
    assert fit.se[0] == pytest.approx(pooled.se, rel=TWO_ROUTES)
    assert fit.tau2_ci == pytest.approx(
        pooled.tau2_ci, rel=TWO_ROUTES, abs=TWO_ROUTES * variance.min()
    )


@pytest.mark.slow
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_likelihood_is_highest_at_tau2_of_random_regressions(method: str) -> None:
    rng = np.random.default_rng(3)
    for _ in range(400):
        k = int(rng.integers(4, 30))
        x = np.column_stack([np.ones(k), rng.normal(size=(k, int(rng.integers(1, 3))))])
        variance = 10 ** rng.uniform(-3, 3, k)
        stretch = 10 ** rng.uniform(-2, 2, k)
        effect = rng.normal(0, np.sqrt(variance + 10 ** rng.uniform(-4, 4))) * stretch
        fit = meta_regression(effect, variance, x[:, 1:], tau2_method=method)
        high = np.ptp(effect) ** 2 + variance.max()
        points = np.array([0.0, *np.geomspace(1e-4 * variance.min(), high, 100), fit.tau2])
        found = deviances(effect, variance, x, points, method == "REML")
        assert found[-1] <= found.min() + 1e-8  # rounding of the normal equations


def deviances(
    effect: np.ndarray, variance: np.ndarray, x: np.ndarray, tau2: np.ndarray, restricted: bool
) -> np.ndarray:
    """Twice the negative log-likelihood at each tau2, by the normal equations."""
    weights = 1 / (variance + tau2[:, None])
    information = (x.T * weights[:, None, :]) @ x
    slopes = np.linalg.solve(information, ((weights * effect) @ x)[:, :, None])
    residual = effect - slopes[:, :, 0] @ x.T
    value = (weights * residual**2).sum(1) - np.log(weights).sum(1)
    return value + np.linalg.slogdet(information)[1] if restricted else value


# --- shapes, edges and bad input ----------------------------------------------------------------

EFFECT, VARIANCE = [0.1, 0.4, 0.3, 0.9, 0.6], [0.02, 0.03, 0.02, 0.05, 0.04]
WEEKS, AGE = [4.0, 8.0, 12.0, 20.0, 16.0], [30.0, 42.0, 38.0, 55.0, 31.0]


def test_moderators_may_come_in_any_shape() -> None:
    frame = pd.DataFrame({"weeks": WEEKS, "age": AGE})
    named = meta_regression(EFFECT, VARIANCE, frame)
    assert named.names == ("intercept", "weeks", "age")
    for same in ({"weeks": WEEKS, "age": AGE}, np.column_stack([WEEKS, AGE])):
        fit = meta_regression(EFFECT, VARIANCE, same)
        assert fit.coefficients.tolist() == named.coefficients.tolist()
    assert fit.names == ("intercept", "moderator 1", "moderator 2")
    assert meta_regression(EFFECT, VARIANCE, frame["weeks"]).names == ("intercept", "weeks")
    assert meta_regression(EFFECT, VARIANCE, WEEKS).names == ("intercept", "moderator")


def test_indicators() -> None:
    places = ["home", "gym", "home", "clinic"]
    assert list(indicators("place", places)) == ["place=gym", "place=home"]
    assert list(indicators("place", places, baseline="home")) == ["place=clinic", "place=gym"]
    full = indicators("place", places, all_levels=True)
    assert sum(full.values()).tolist() == [1.0] * 4
    with pytest.raises(ReviewError, match="no study has the baseline 'sea'"):
        indicators("place", places, baseline="sea")
    with pytest.raises(ReviewError, match="study 2 has no group"):
        indicators("place", ["home", None, "gym"])


def test_subgroup_with_one_study() -> None:
    groups = ["a", "a", "b", "a", "a"]
    alone = subgroup_analysis(EFFECT, VARIANCE, groups, ci_method="HK").fits["b"]
    assert (alone.k, alone.tau2, alone.ci_method) == (1, None, "wald")
    assert alone.se == pytest.approx(math.sqrt(0.02))
    shared = subgroup_analysis(EFFECT, VARIANCE, groups, common_tau2=True)
    one = shared.fits["b"]
    assert shared.tau2 is not None
    assert shared.tau2 > 0
    assert one.tau2 == shared.tau2
    assert one.se == pytest.approx(math.sqrt(0.02 + shared.tau2))
    assert (one.tau2_ci, one.i2_ci, one.i2_tau2, one.prediction_interval) == (None,) * 4


def test_every_subgroup_a_single_study() -> None:
    result = subgroup_analysis(EFFECT, VARIANCE, list("abcde"))
    assert (result.df, result.q_within_df, result.q_within_p_value) == (4, 0, None)
    assert result.q_between == pytest.approx(pool(EFFECT, VARIANCE).q)
    with pytest.raises(ReviewError, match="no group has two studies"):
        subgroup_analysis(EFFECT, VARIANCE, list("abcde"), common_tau2=True)


def test_results_read_well() -> None:
    text = str(subgroup_analysis(EFFECT, VARIANCE, list("aabbb")))
    assert "a  2  0.2333" in text
    assert "2 subgroups; Q = 2.09 (df = 1, p = 0.15)" in text
    text = str(meta_regression(EFFECT, VARIANCE, {"weeks": WEEKS}, ci_method="HK"))
    for words in ("5 studies", "REML, HK", "weeks  0.0", "residual tau2"):
        assert words in text


@pytest.mark.parametrize("ci_method", ["wald", "HK", "HK-adhoc"])
def test_standard_errors_are_those_of_the_covariance(ci_method: str) -> None:
    fit = meta_regression(EFFECT, VARIANCE, {"weeks": WEEKS}, ci_method=ci_method)
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx(fit.se)
    assert fit.covariance == pytest.approx(fit.covariance.T)


def test_exact_fit_has_no_spread() -> None:
    fit = meta_regression([1, 2, 3, 4], [0.1] * 4, [1, 2, 3, 4], ci_method="HK")
    assert fit.tau2 == 0
    assert fit.q_e == pytest.approx(0, abs=1e-25)
    assert fit.coefficients == pytest.approx([0, 1], abs=1e-12)


@pytest.mark.parametrize(
    ("moderators", "words"),
    [
        ({"weeks": WEEKS, "days": [7 * w for w in WEEKS]}, "days follows from .*intercept, weeks"),
        ({"same": [2.0] * 5}, "same follows from the columns before it"),
        ({"zero": [0.0] * 5}, "zero follows"),
        ({"weeks": [4, 8, math.nan, 20, 16]}, "moderator weeks must be finite .Cai: nan"),
        ({"place": ["home"] * 5}, "moderator place: not a list of numbers"),
        ({"weeks": WEEKS[:4]}, "moderator weeks: 4 values for 5 studies"),
        ({str(i): np.eye(5)[i] for i in range(4)}, "5 coefficients need more than 5 studies"),
        ({}, "there is none"),
    ],
)
def test_bad_moderators_are_named(moderators: Any, words: str) -> None:
    labels = ["Aasa", "Kell", "Cai", "Smith", "Gibbs"]
    with pytest.raises(ReviewError, match=words):
        meta_regression(EFFECT, VARIANCE, moderators, labels=labels)


@pytest.mark.parametrize(
    ("groups", "options", "words"),
    [
        (["a"] * 5, {}, "at least two are needed, got a"),
        (["a"] * 4, {}, "4 groups for 5 studies"),
        (["a", "b", None, "a", "b"], {}, "study 3 has no group"),
        (["a", "b", math.nan, "a", "b"], {}, "study 3 has no group"),
        (["a", "b", "a", "a", "b"], {"tau2_method": "XX"}, "tau2_method"),
        (["a", "b", "a", "a", "b"], {"common_tau2": True, "level": 2}, "level"),
    ],
)
def test_bad_groups_are_named(groups: list[Any], options: Any, words: str) -> None:
    with pytest.raises(ReviewError, match=words):
        subgroup_analysis(EFFECT, VARIANCE, groups, **options)


def test_equal_effects_in_a_group_with_hartung_knapp() -> None:
    result = subgroup_analysis([1, 1, 2, 3], [0.1] * 4, list("aabb"), ci_method="HK")
    assert (result.q_between, result.statistic, result.p_value) == (None,) * 3
    assert "equal effects make the HK standard error of a zero" in result.note
    assert result.note in str(result)


@pytest.mark.parametrize(("k", "warned"), [(9, True), (10, False)])
def test_few_studies_a_moderator_are_told(k: int, warned: bool) -> None:
    effect = [0.1 * (i % 3) for i in range(k)]
    fit = meta_regression(effect, [0.04] * k, {"dose": list(range(k))})
    assert bool(fit.caution) == ("caution" in str(fit)) == warned
