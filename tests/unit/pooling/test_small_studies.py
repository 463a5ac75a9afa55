"""Do limit meta-analysis, Henmi and Copas' interval and the worst case hold what they promise?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from golden_cases import agree, cases, columns_of, load
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

import analysis_lib as al

# Closed forms on a tau2 by REML, which R has to 1e-9.
CLOSED_FORM = 1e-6
REASON = "closed forms on an iterated tau2 (REML)"
# R's root finder and integral stop at 1e-4; a wide interval (egger2001) shows it.
HENMI_COPAS = 1e-3
HC_REASON = "R's root is good to about 1e-4 of its search"
# R fits the filled-in studies again with REML's default step of 1e-5.
TRIMMED = 2e-4
TRIMMED_REASON = "R fits again, and stops at a step of 1e-5 of tau2"
quick = examples(40)

#: What else the file holds, and where it is compared.
ELSEWHERE = {
    "stepfun": "test_selection",
    "stepfun_EE": "test_selection",
    "beta": "test_selection",
    "copas": "not offered: the selection model of Copas and Shi has two numbers nobody knows",
    "tes": "not offered: a test of excess significance says nothing of the effect",
}
COVERED = {"limitmeta": 15, "hc": 5, "PET": 10, "PEESE": 10, "trimfill": 30}


def effects(entry: dict[str, Any]) -> tuple[Any, Any]:
    columns = columns_of("n6", entry)
    return columns["yi"], columns["vi"]


def test_every_entry_is_compared_or_told_why_not() -> None:
    kinds = {entry["id"].split("|")[0] for entry in load("n6")["entries"]}
    assert kinds == {*COVERED, *ELSEWHERE}
    assert {kind: len(cases("n6", kind)) for kind in COVERED} == COVERED


@pytest.mark.parametrize("entry", cases("n6", "limitmeta"))
def test_limit_meta_analysis(entry: dict[str, Any]) -> None:
    out = entry["out"]
    ours = al.limit_meta_analysis(*effects(entry), adjustment=entry["opts"]["method.adjust"])
    where = {"where": entry["id"], "reason": REASON}
    for told, mine, theirs, scale in (
        ("estimate", ours.estimate, out["TE.adjust"], ours.se),
        ("se", ours.se, out["seTE.adjust"], 0.0),
        ("ci", ours.ci, [out["lower.adjust"], out["upper.adjust"]], ours.se),
        ("p", ours.p_value, out["pval.adjust"], 0.0),
        ("intercept", ours.intercept, out["alpha.r"], 0.0),
        ("slope", ours.slope, out["beta.r"], ours.se),
        ("Q", ours.q, out["Q"], 0.0),
        ("Q small", ours.q_small, out["Q.small"], 1.0),
        ("Q residual", ours.q_residual, out["Q.resid"], 0.0),
        ("G2", ours.g2, out["G.squared"], 0.0),
        ("limits", ours.limits, out["TE.limit"], ours.se),
    ):
        agree("limit meta-analysis", told, mine, theirs, CLOSED_FORM, scale=scale, **where)


@pytest.mark.parametrize("entry", cases("n6", "trimfill"))
def test_trim_and_fill(entry: dict[str, Any]) -> None:
    out, options = entry["out"], entry["opts"]
    chosen = {"estimator": options["estimator"], "tau2_method": options["method"]}
    if "error" in out:  # R takes the root of a negative number
        with pytest.raises(al.ReviewError, match="Q0 has no value here"):
            al.trim_and_fill(*effects(entry), **chosen)
        return
    ours = al.trim_and_fill(*effects(entry), **chosen)
    fit, where = ours.fit, {"where": entry["id"], "reason": TRIMMED_REASON}
    assert (ours.k0, ours.side) == (out["k0"], out["side"])
    for told, mine, theirs, scale in (
        ("estimate", fit.estimate, out["beta"], fit.se),
        ("se", fit.se, out["se"], 0.0),
        ("ci", fit.ci, [out["ci.lb"], out["ci.ub"]], fit.se),
        ("tau2", fit.tau2, out["tau2"], float(np.mean(fit.variance))),
    ):
        agree("trim and fill, estimators", told, mine, theirs, TRIMMED, scale=scale, **where)


@pytest.mark.parametrize("entry", cases("n6", "hc"))
def test_henmi_copas(entry: dict[str, Any]) -> None:
    out, ours = entry["out"], al.henmi_copas(*effects(entry))
    where = {"where": entry["id"], "reason": HC_REASON}
    agree("Henmi-Copas", "estimate", ours.estimate, out["beta"], 1e-10, **where)
    agree("Henmi-Copas", "se", ours.se, out["se"], 1e-10, **where)
    agree("Henmi-Copas", "tau2", ours.tau2, out["tau2"], 1e-10, **where)
    ends = [out["ci.lb"], out["ci.ub"]]
    agree("Henmi-Copas", "ci", ours.ci, ends, HENMI_COPAS, scale=ours.se, **where)


@pytest.mark.parametrize("entry", cases("n6", "PET") + cases("n6", "PEESE"))
def test_pet_and_peese(entry: dict[str, Any]) -> None:
    y, v = effects(entry)
    kind, _, model = entry["id"].split("|")
    out, where = entry["out"], {"where": entry["id"], "reason": REASON}
    if model == "rma":
        fit = al.meta_regression(y, v, np.sqrt(v) if kind == "PET" else v)
        agree("PET-PEESE", "mixed", fit.coefficients, out["beta"], 1e-5, scale=0.01, **where)
        return
    result = al.pet_peese(y, v)
    line = result.pet if kind == "PET" else result.peese
    slope = result.pet_slope if kind == "PET" else result.peese_slope
    ours = [line.estimate, slope.estimate]
    agree("PET-PEESE", "lines", ours, out["coef"], 1e-8, scale=0.01, **where)
    agree("PET-PEESE", "ci", line.ci, out["ci_intercept"], 1e-8, scale=line.se, **where)


# --- properties ----------------------------------------------------------------------------------


@st.composite
def studies(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    k = draw(st.integers(3, 12))
    effect = np.array(draw(st.lists(st.integers(-200, 200), min_size=k, max_size=k))) / 100
    variance = np.array(draw(st.lists(st.integers(2, 60), min_size=k, max_size=k))) / 100
    variance[0] += 0.005  # not all equal
    return effect, variance


@quick
@given(studies(), st.sampled_from([1e-6, 7.0, 1e6]), st.floats(-20, 20))
def test_scale_and_shift(drawn: Any, factor: float, shift: float) -> None:
    y, v = drawn
    for function in (al.limit_meta_analysis, al.henmi_copas):
        one, two = function(y, v), function((y + shift) * factor, v * factor**2)
        expected = (np.array(one.ci) + shift) * factor
        assert np.array(two.ci) == pytest.approx(expected, rel=1e-5, abs=1e-5 * factor)


@quick
@given(studies())
def test_henmi_and_copas_about_the_common_effect(drawn: Any) -> None:
    y, v = drawn
    narrow, wide = al.henmi_copas(y, v, level=0.8), al.henmi_copas(y, v)
    assert wide.ci[0] < narrow.ci[0] < wide.estimate < narrow.ci[1] < wide.ci[1]
    common = al.pool(y, v, tau2_method="FE")
    assert wide.estimate == pytest.approx(common.estimate)
    assert wide.se >= common.se * (1 - 1e-12)


@quick
@given(studies(), st.floats(1, 50))
def test_worst_case_is_what_is_left(drawn: Any, threshold: float) -> None:
    y, v = drawn
    y = np.concatenate([y, [3.0, 0.1]])
    v = np.concatenate([v, [0.1, 0.1]])
    for model in ("random", "common"):
        found = al.worst_case_bias(y, v, model=model, threshold=-threshold / 100)
        chosen = y / np.sqrt(v) <= 1.959963984540054
        tau2 = al.pool(y, v).tau2 if model == "random" else 0.0
        left = np.average(y[chosen], weights=1 / (v + tau2)[chosen])
        assert found.worst_estimate == pytest.approx(left)
        assert found.n_affirmative == (~chosen).sum()
        mirrored = al.worst_case_bias(
            -y, v, model=model, threshold=threshold / 100, favoured="negative"
        )
        assert mirrored.ci == pytest.approx((-found.ci[1], -found.ci[0]))
        assert mirrored.ratio_for_estimate == found.ratio_for_estimate
        if found.ratio_for_estimate not in (None, 1.0):
            share = np.where(chosen, found.ratio_for_estimate, 1.0) / (v + tau2)
            assert np.average(y, weights=share) == pytest.approx(-threshold / 100, abs=1e-6)


def test_s_value_of_a_common_effect_is_the_closed_form() -> None:
    """Mathur and VanderWeele's equation for the estimate, with sums over both kinds of study."""
    y = np.array([0.9, 0.8, 0.7, -0.1, 0.05, -0.2])
    v = np.array([0.04, 0.05, 0.06, 0.05, 0.04, 0.09])
    found = al.worst_case_bias(y, v, model="common")
    a = y / np.sqrt(v) > 1.96
    expected = -(y[a] / v[a]).sum() / (y[~a] / v[~a]).sum()
    assert found.ratio_for_estimate == pytest.approx(expected)
    assert found.ratio_for_interval < found.ratio_for_estimate
    nu = (v[~a] ** -1).sum()
    assert found.worst_ci[1] - found.worst_ci[0] == pytest.approx(2 * 1.959964 / math.sqrt(nu))


def test_clusters_widen_the_interval_of_effects_that_agree() -> None:
    y, v = [0.9, 0.9, 0.1, 0.1, 0.5, -0.5], [0.05] * 6
    alone = al.worst_case_bias(y, v)
    together = al.worst_case_bias(y, v, cluster=["a", "a", "b", "b", "c", "d"])
    assert together.ci[1] - together.ci[0] > alone.ci[1] - alone.ci[0]


def test_results_show_themselves() -> None:
    y, v = [0.9, 0.8, 0.7, -0.1], [0.04, 0.05, 0.06, 0.05]
    assert "worst selection" in str(al.worst_case_bias(y, v))
    assert al.worst_case_bias(y, v).to_frame().loc[0, "n_affirmative"] == 3
    limit = al.limit_meta_analysis(y, v)
    assert limit.caution is not None
    assert "Limit meta-analysis" in limit._repr_html_()
    assert al.henmi_copas(y, v).to_frame().loc[0, "k"] == 4
    assert "Henmi" in str(al.henmi_copas(y, v))


# --- bad input -----------------------------------------------------------------------------------

FUNCTIONS = (al.limit_meta_analysis, al.henmi_copas, al.worst_case_bias)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_bad_input(function: Any) -> None:
    with pytest.raises(al.ReviewError, match=r"Cai: -1\.0"):
        function([0.1, 0.2, 0.3], [0.1, 0.2, -1], labels=["Aasa", "Kell", "Cai"])
    with pytest.raises(al.ReviewError, match="level must lie"):
        function([0.1, 0.2, 2.3], [0.1, 0.2, 0.3], level=7)


def test_too_few_studies() -> None:
    with pytest.raises(al.ReviewError, match="k = 2: 3 effects or more"):
        al.limit_meta_analysis([0.1, 0.2], [0.1, 0.2])
    with pytest.raises(al.ReviewError, match="Kell is the only study"):
        al.henmi_copas([0.1], [0.1], labels=["Kell"])
    assert al.henmi_copas([0.1, 0.9], [0.1, 0.2]).ci[0] < 0.1


def test_bad_options() -> None:
    y, v = [0.1, 0.2, 2.3], [0.1, 0.2, 0.3]
    with pytest.raises(al.ReviewError, match="adjustment must be one of"):
        al.limit_meta_analysis(y, v, adjustment="beta")  # type: ignore[arg-type]
    with pytest.raises(al.ReviewError, match=r"all standard errors are equal"):
        al.limit_meta_analysis(y, [0.1] * 3)
    with pytest.raises(al.ReviewError, match="favoured must be one of"):
        al.worst_case_bias(y, v, favoured="up")  # type: ignore[arg-type]
    with pytest.raises(al.ReviewError, match="no study of 3 is significant and negative"):
        al.worst_case_bias(y, v, favoured="negative")
    with pytest.raises(al.ReviewError, match="every study of 3"):
        al.worst_case_bias([2, 2, 2], [0.1] * 3)
    with pytest.raises(al.ReviewError, match="threshold must be finite"):
        al.worst_case_bias(y, v, threshold=math.nan)
