"""Do models of dependent effects equal R, and behave as their definitions demand?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from golden_cases import agree, columns_of, load
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

import analysis_lib as al
from analysis_lib.pooling.clusters import check_clustered
from analysis_lib.pooling.dependent_effects import Blocks, MultilevelEffect

# What follows from REML or ML: R keeps the best of several optimisers. Worst error seen 1e-6 (a
# variance), 3e-7 (a standard error).
VARIANCE = 1e-4
MEAN = 1e-6
ITERATED = "R keeps the best of several optimisers; ours has the same likelihood or a higher one"
# A variance that R leaves within 1e-7 of zero is zero here.
AT_ZERO = 1e-3
# R's profiles start from its default fit.
PROFILE = 1e-4
LIKELIHOOD = 1e-8
# Robust standard errors of a fit of ours: what is left of the fit's own error.
ROBUST = 1e-6
CLOSED_FORM = 1e-12

quick = examples(40)

OTHER = "moderators, and variances within studies alone"
NOT_OFFERED = {"rma.mv_mod": OTHER}
#: A correlation of standardised differences that is another convention than Gleser and Olkin's.
OTHER_SMD = ("SMD_geomN", "SMD_vcalc_grp")
COVERED = {
    "rma.mv": 18,
    "rma.mv_study_only": 6,
    "metagen_cluster": 3,
    "rma_ignore_clusters_robust": 3,
    "multiarm": 8,
    "aggregate": 3,
}


def family(entry: dict[str, Any]) -> str:
    return entry["id"].split("|")[0]


def cases(name: str) -> list[Any]:
    return [pytest.param(e, id=e["id"]) for e in load("n5")["entries"] if family(e) == name]


def data(entry: dict[str, Any]) -> dict[str, Any]:
    return columns_of("n5", entry)


def covariance(entry: dict[str, Any]) -> Any:
    columns = data(entry)
    if "|vcalc" not in entry["id"]:
        return columns["vi"]
    rho = next(
        e["opts"]["rho"]
        for e in load("n5")["entries"]
        if e["dataset"] == entry["dataset"] and e["opts"].get("V") == "vcalc" and "rho" in e["opts"]
    )
    return al.within_trial_covariance(columns["vi"], columns["study"], correlation=rho)


def fitted(entry: dict[str, Any], **options: Any) -> MultilevelEffect:
    columns = data(entry)
    return al.multilevel(columns["yi"], covariance(entry), columns["study"], **options)


def test_every_entry_is_compared_or_told_why_not() -> None:
    found: dict[str, int] = {}
    for entry in load("n5")["entries"]:
        found[family(entry)] = found.get(family(entry), 0) + 1
    assert {name: n for name, n in found.items() if name not in NOT_OFFERED} == COVERED


@pytest.mark.parametrize("entry", cases("rma.mv"))
def test_three_levels(entry: dict[str, Any]) -> None:
    out, opts = entry["out"], entry["opts"]
    test = "t" if opts["test"] == "t" else "wald"
    fit = fitted(entry, method=opts["method"], ci_method=test)
    where = {"where": entry["id"], "reason": ITERATED}
    size = max(out["sigma2"])
    agree("multilevel", "sigma2", fit.sigma2, out["sigma2"], VARIANCE, scale=size, **where)
    agree("multilevel", "estimate", [fit.estimate], out["beta"], MEAN, **where)
    agree("multilevel", "se", [fit.se], out["se"], MEAN, **where)
    agree("multilevel", "df", [fit.df], out["ddf"], 0, **where)
    ends = [out["ci.lb"][0], out["ci.ub"][0]]
    agree("multilevel", "ci", fit.ci, ends, MEAN, scale=out["se"][0], **where)
    agree("multilevel", "p", [fit.p_value], out["pval"], 1e-5, **where)
    agree("multilevel", "log-likelihood", fit.log_likelihood, out["logLik"], LIKELIHOOD, **where)
    agree("multilevel", "Q", fit.q, out["QE"], 1e-10, **where)
    agree("multilevel", "p of Q", fit.q_p_value, out["QEp"], 1e-8, **where)
    typical = fit.typical_variance
    agree("multilevel", "typical variance", typical, out["typical_v"], 1e-10, **where)
    shares = [100 * share for share in fit.i2]
    agree("multilevel", "I2", shares, out["I2_by_level"], 1e-5, scale=100, **where)
    pi = [out["pi.lb"], out["pi.ub"]]
    agree("multilevel", "PI", fit.prediction_interval, pi, 1e-5, scale=out["se"][0], **where)
    assert fit.log_likelihood >= out["logLik"] - 1e-9


@pytest.mark.parametrize("entry", cases("aggregate"))
def test_the_effects_of_one_study_are_combined_by_their_covariance(entry: dict[str, Any]) -> None:
    """One true effect within a study; that is also what is pooled where there is one trial."""
    columns, out = data(entry), entry["out"]
    y, v = np.array(columns["yi"]), np.array(columns["vi"])
    for study, effect, variance in zip(out["study"], out["yi"], out["vi"], strict=True):
        own = np.array([name == study for name in columns["study"]])
        trial = [study] * int(own.sum())
        whole = al.within_trial_covariance(v[own], trial, correlation=entry["opts"]["rho"])
        fit = al.multilevel(y[own], whole, trial, method="FE")
        same = al.pool_dependent(y[own], whole, trial)
        where = {"where": f"{entry['id']}|{study}", "reason": "closed form"}
        agree("within trial", "combined effect", fit.estimate, effect, 1e-10, scale=fit.se, **where)
        agree("within trial", "its variance", fit.se**2, variance, 1e-10, **where)
        assert same.estimate == pytest.approx(effect)
        assert same.tau2 is None


@pytest.mark.parametrize("entry", [c for c in cases("rma.mv") if "|z" in str(c.id)])
def test_profile_intervals(entry: dict[str, Any]) -> None:
    out = entry["out"]
    fit = fitted(entry, method=entry["opts"]["method"])
    theirs = [[ends["ci.lb"], ends["ci.ub"]] for ends in out["profile_ci_sigma2"]]
    agree("multilevel", "profile CI", fit.sigma2_ci, theirs, PROFILE, where=entry["id"])


@pytest.mark.parametrize("entry", cases("rma.mv_study_only"))
def test_clusters_alone(entry: dict[str, Any]) -> None:
    out, fit = entry["out"], fitted(entry, within=False)
    where = {"where": entry["id"], "reason": ITERATED}
    agree("multilevel", "sigma2, one level", fit.sigma2[0], out["sigma2"], VARIANCE, **where)
    agree("multilevel", "estimate, one level", fit.estimate, out["beta"], MEAN, **where)
    agree("multilevel", "se, one level", fit.se, out["se"], MEAN, **where)
    assert fit.sigma2[1] == 0
    compare_robust(entry, fit)


@pytest.mark.parametrize("entry", cases("metagen_cluster"))
def test_meta_with_clusters(entry: dict[str, Any]) -> None:
    out, fit = entry["out"], fitted(entry)
    where = {"where": entry["id"], "reason": "R's meta stops early"}
    agree("multilevel", "meta", fit.estimate, out["TE.random"], 1e-4, **where)
    agree("multilevel", "meta, se", fit.se, out["seTE.random"], 1e-4, **where)


@pytest.mark.parametrize("entry", [c for c in cases("rma.mv") if "REML|z" in str(c.id)])
def test_robust_multilevel(entry: dict[str, Any]) -> None:
    compare_robust(entry, fitted(entry))


@pytest.mark.parametrize("entry", cases("rma_ignore_clusters_robust"))
def test_robust_pool(entry: dict[str, Any]) -> None:
    compare_robust(entry, al.pool(data(entry)["yi"], data(entry)["vi"]))


def compare_robust(entry: dict[str, Any], fit: MultilevelEffect | al.PooledEffect) -> None:
    study, out = data(entry)["study"], entry["out"]["robust"]
    where = {"where": entry["id"], "reason": "what is left of the fit's own error"}
    one, two = (al.robust(fit, study, kind=kind) for kind in ("CR1", "CR2"))
    for told, ours, theirs in (
        ("CR1 se", one.se, out["CR1"]["se"]),
        ("CR1 df", one.df, out["CR1"]["df"]),
        ("CR1 p", one.p_value, out["CR1"]["pval"]),
        ("CR2 se", two.se, out["cs_CR2"]["SE"]),
        ("CR2 df", two.df, out["cs_CR2"]["df_Satt"]),
        ("CR2 p", two.p_value, out["cs_CR2"]["p_Satt"]),
    ):
        agree("robust", told, [ours], theirs, ROBUST, **where)
    ends = [out["cs_CR2"]["CI_L"][0], out["cs_CR2"]["CI_U"][0]]
    agree("robust", "CR2 ci", two.ci, ends, ROBUST, scale=two.se, **where)


@pytest.mark.parametrize("entry", cases("multiarm"))
def test_shared_arms(entry: dict[str, Any]) -> None:
    columns, out = data(entry), entry["out"]
    measure = "MD" if entry["id"].endswith("|MD_exact") else "SMD"
    arms = [columns[name] for name in ("n_t", "m_t", "sd_t", "n_b", "m_b", "sd_b")]
    ours = al.shared_arm_covariance(*arms, trial=columns["study"], measure=measure)
    where = {"where": entry["id"], "reason": "closed form"}
    agree("shared arms", "variance", np.diag(ours), out["vi"], CLOSED_FORM, **where)
    if entry["id"].endswith(OTHER_SMD):
        return
    for block in out["V_blocks"]:
        rows = np.array(block["rows"]) - 1
        agree("shared arms", "V", ours[np.ix_(rows, rows)], block["V"], CLOSED_FORM, **where)
    fit = al.multilevel(out["yi"], ours, columns["study"])
    agree("shared arms", "estimate", [fit.estimate], out["beta"], MEAN, **where)
    agree("shared arms", "se", [fit.se], out["se"], MEAN, **where)
    size = max(out["sigma2"]) / AT_ZERO
    agree("shared arms", "sigma2", fit.sigma2, out["sigma2"], 1e-8, scale=size, **where)


@pytest.mark.parametrize("entry", [c for c in cases("rma.mv") if "vcalc|REML|z" in str(c.id)])
def test_covariance_at_a_stated_correlation(entry: dict[str, Any]) -> None:
    if "V" in entry["out"]:
        ours = covariance(entry)
        agree("within trial", "V", ours, entry["out"]["V"], CLOSED_FORM, where=entry["id"])


# --- properties ----------------------------------------------------------------------------------


@st.composite
def dependent(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Draw effects, variances and clusters of which one at least has two effects."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=6))
    sizes[0] = max(sizes[0], 2)
    k = sum(sizes)
    numbers = st.lists(st.integers(-200, 200), min_size=k, max_size=k)
    effect = np.array(draw(numbers)) / 100
    variance = np.array(draw(st.lists(st.integers(1, 50), min_size=k, max_size=k))) / 100
    return effect, variance, [f"trial {i}" for i, n in enumerate(sizes) for _ in range(n)]


@quick
@given(dependent(), st.sampled_from([1e-6, 3.0, 1e6]), st.floats(-50, 50))
def test_scale_and_shift(drawn: Any, factor: float, shift: float) -> None:
    y, v, cluster = drawn
    fit = al.multilevel(y, v, cluster)
    other = al.multilevel((y + shift) * factor, v * factor**2, cluster)
    assert other.estimate == pytest.approx(
        (fit.estimate + shift) * factor, rel=1e-6, abs=1e-6 * factor
    )
    assert other.se == pytest.approx(fit.se * factor, rel=1e-5)
    one, two = al.robust(fit, cluster), al.robust(other, cluster)
    assert two.se == pytest.approx(one.se * factor, rel=1e-4, abs=1e-9 * factor)


@quick
@given(dependent(), st.randoms(use_true_random=False))
def test_order_does_not_matter(drawn: Any, random: Any) -> None:
    y, v, cluster = drawn
    order = list(range(len(y)))
    random.shuffle(order)
    fit = al.multilevel(y, v, cluster)
    other = al.multilevel(y[order], v[order], [cluster[i] for i in order])
    assert other.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-8)
    assert other.q == pytest.approx(fit.q)


@quick
@given(dependent(), st.sampled_from(["REML", "ML"]))
def test_no_better_place_on_a_fine_grid(drawn: Any, method: Any) -> None:
    y, v, cluster = drawn
    fit = al.multilevel(y, v, cluster, method=method)
    blocks = Blocks(check_clustered(y, v, cluster))
    nodes = np.expm1(np.linspace(0, np.log1p(blocks.bound), 60))
    grid = np.stack(np.meshgrid(nodes, nodes), axis=-1)
    ours = float(blocks.deviance(np.array(fit.sigma2) / blocks.unit, method))
    assert ours <= blocks.deviance(grid, method).min() + 1e-7


@pytest.mark.parametrize("seed", range(8))
def test_the_search_ends_where_the_likelihood_is_level(seed: int) -> None:
    """Variances of effects that differ ten-thousandfold, and go together closely."""
    rng = np.random.default_rng(seed)
    trial = np.repeat(np.arange(12), 3)
    v = 10 ** rng.uniform(-3, 1, 36)
    matrix = al.within_trial_covariance(v, trial, correlation=0.95)
    y = rng.normal(0, 2, 12)[trial] + rng.normal(0, 0.5 + np.sqrt(v))
    fit = al.multilevel(y, matrix, trial)
    blocks = Blocks(check_clustered(y, matrix, trial))
    at = np.array(fit.sigma2) / blocks.unit
    _, slope = blocks.slope(at, "REML")
    inside = at > 0
    assert inside.any()
    assert np.abs(slope * (1 + at))[inside].max() < 1e-5  # of a deviance, by a step of e
    assert (slope[~inside] >= 0).all()


def test_slope_is_that_of_the_deviance() -> None:
    y, v = np.array([0.3, 0.9, -0.2, 0.5, 1.4]), np.array([0.1, 0.2, 0.1, 0.3, 0.2])
    trial = ["a", "a", "b", "b", "c"]
    matrix = al.within_trial_covariance(v, trial, correlation=0.4)
    blocks = Blocks(check_clustered(y, matrix, trial))
    at, width = np.array([0.7, 0.4]), 1e-6
    for method in ("REML", "ML"):
        _, slope = blocks.slope(at, method)
        for i in (0, 1):
            step = np.eye(2)[i] * width
            rise = blocks.deviance(at + step, method) - blocks.deviance(at - step, method)
            assert slope[i] == pytest.approx(float(rise) / (2 * width), rel=1e-6)


def test_dense_matrices_give_the_same_likelihood() -> None:
    trial = ["a", "a", "b", "b", "b", "c"]
    y = np.array([0.3, 0.9, -0.2, 0.5, 1.4, 0.1])
    matrix = al.within_trial_covariance([0.1, 0.2, 0.1, 0.3, 0.2, 0.4], trial, correlation=0.4)
    fit = al.multilevel(y, matrix, trial)
    model, ones = fit.model_covariance, np.ones(6)
    precision = np.linalg.inv(model)
    information = ones @ precision @ ones
    assert fit.se == pytest.approx(information**-0.5)
    assert fit.estimate == pytest.approx(ones @ precision @ y / information)
    assert fit.weights @ y == pytest.approx(fit.estimate)
    away = y - fit.estimate
    expected = -0.5 * (
        5 * np.log(2 * np.pi)
        - np.log(6)
        + np.linalg.slogdet(model)[1]
        + np.log(information)
        + away @ precision @ away
    )
    assert fit.log_likelihood == pytest.approx(expected)


def test_robust_error_of_clusters_of_one_is_that_of_independent_effects() -> None:
    effect, variance = [0.1, 0.5, 0.9, 0.4], [0.04, 0.05, 0.04, 0.06]
    fit = al.pool(effect, variance)
    result = al.robust(fit, ["a", "b", "c", "d"], kind="CR1")
    weights, away = fit.weights, fit.effect - fit.estimate
    assert result.se == pytest.approx(np.sqrt(4 / 3 * ((weights * away) ** 2).sum()))
    assert result.caution is not None
    assert "3 degrees of freedom" in result.caution


def test_equal_effects_have_no_variance_beyond_sampling() -> None:
    fit = al.multilevel([0.5] * 4, [0.1, 0.2, 0.1, 0.2], ["a", "a", "b", "b"])
    assert fit.sigma2 == (0, 0)
    assert fit.estimate == 0.5
    assert fit.sigma2_ci[0][0] == 0


def test_two_trials_are_enough() -> None:
    fit = al.multilevel([0.1, 1.2, 0.3], [0.1, 0.1, 0.1], ["a", "a", "b"], labels=["x", "y", "z"])
    assert np.isfinite([fit.se, *fit.prediction_interval]).all()
    assert al.robust(fit, ["a", "a", "b"]).df >= 1


def test_results_show_themselves() -> None:
    fit = al.multilevel([0.1, 1.2, 0.3], [0.1, 0.1, 0.1], ["a", "a", "<b>"])
    assert "variance within clusters" in str(fit)
    assert fit.to_frame().loc[0, "sigma2_between"] == fit.sigma2[0]
    result = al.robust(fit, ["a", "a", "b"])
    assert "caution" in result._repr_html_()
    assert result.to_frame().loc[0, "df"] == result.df


# --- signs of covariances ------------------------------------------------------------------------


def test_an_arm_on_both_sides_has_a_negative_covariance() -> None:
    ours = al.shared_arm_covariance(
        [20, 30], [1.0, 2.0], [1.0, 1.0], [30, 25], [2.0, 3.0], [1.0, 1.0], trial=["t", "t"]
    )
    assert ours[0, 1] == pytest.approx(-1 / 30)


@pytest.mark.parametrize(
    ("measure", "part"),
    [("RR", 1 / 8 - 1 / 40), ("OR", 1 / 8 + 1 / 32), ("RD", 8 * 32 / 40**3)],
)
def test_events_of_a_shared_arm(measure: str, part: float) -> None:
    arms = ([4, 6], [40, 50], [8, 8], [40, 40])
    ours = al.shared_arm_covariance(*arms, trial=["t", "t"], measure=measure)
    assert ours[0, 1] == pytest.approx(part)
    function = {"RR": al.risk_ratio, "OR": al.odds_ratio, "RD": al.risk_difference}[measure]
    assert np.diag(ours) == pytest.approx(function(*arms).variance)


@pytest.mark.parametrize("measure", ["RR", "OR", "RD"])
def test_empty_cells_leave_the_matrix_positive_definite(measure: str) -> None:
    arms = ([0, 6, 3], [40, 50, 30], [1, 1, 1], [40, 40, 40])
    ours = al.shared_arm_covariance(*arms, trial=["t"] * 3, measure=measure)
    assert np.linalg.eigvalsh(ours)[0] > 0
    function = {"RR": al.risk_ratio, "OR": al.odds_ratio, "RD": al.risk_difference}[measure]
    assert np.diag(ours) == pytest.approx(function(*arms).variance)


def test_names_of_arms_go_before_their_numbers() -> None:
    arms = ([20, 30], [1.0, 2.0], [1.0, 1.0], [25, 25], [3.0, 3.0], [1.0, 1.0])
    named = al.shared_arm_covariance(*arms, trial=["t", "t"], arm1=["a", "b"], arm2=["c", "d"])
    assert named[0, 1] == 0
    ratio = al.shared_arm_covariance(*arms, trial=["t", "t"], measure="ROM")
    assert ratio[0, 1] == pytest.approx(1 / (25 * 9))
    assert al.shared_arm_covariance(*arms, trial=["t", "u"])[0, 1] == 0


def test_outcomes_and_times() -> None:
    ours = al.within_trial_covariance(
        [1.0, 1.0, 1.0, 1.0],
        ["t"] * 4,
        correlation=0.6,
        outcome=["pain", "pain", "function", "function"],
        time=[0, 2, 0, 2],
        autocorrelation=0.5,
    )
    assert ours[0].tolist() == pytest.approx([1, 0.25, 0.6, 0.15])
    over_time = al.within_trial_covariance([1.0, 4.0], ["t", "t"], time=[1, 4], autocorrelation=0.5)
    assert over_time[0, 1] == pytest.approx(2 * 0.125)


# --- bad input -----------------------------------------------------------------------------------

EFFECT, VARIANCE_OF, TRIAL = [0.1, 0.2, 0.4], [0.1, 0.1, 0.2], ["Kell", "Kell", "Aasa"]
LABELS = ["Kell a", "Kell b", "Aasa"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"cluster": ["Kell", "Cai", "Aasa"]},
            "Kell, Cai and Aasa have one effect each.*use pool",
        ),
        ({"cluster": ["Kell"] * 3}, "all 3 effects are of Kell"),
        ({"cluster": ["Kell", None, "Aasa"]}, "no cluster is named for Kell b"),
        ({"cluster": ["Kell", float("nan"), "Aasa"]}, "no cluster is named for Kell b"),
        ({"cluster": ["Kell", "Kell"]}, "2 clusters named for 3 effects"),
        ({"variance": [0.1, -0.1, 0.2]}, r"variance must be .* \(Kell b: -0.1\)"),
        ({"variance": [0.1, float("nan"), 0.2]}, r"variance must be .* \(Kell b: nan\)"),
        ({"effect": [0.1, float("nan"), 0.2]}, r"effect must be finite \(Kell b: nan\)"),
        (
            {"variance": [[0.1, 0.2, 0], [0.2, 0.1, 0], [0, 0, 0.1]]},
            r"Kell \(Kell a and Kell b\) is not positive definite",
        ),
        (
            {"variance": [[0.1, 0, 0], [0, 0.1, 0.05], [0, 0.05, 0.1]]},
            "covariance of Kell b and Aasa links effects of different clusters",
        ),
        (
            {"variance": [[0.1, 0.02, 0], [0.05, 0.1, 0], [0, 0, 0.1]]},
            "covariance of Kell a and Kell b is not symmetric",
        ),
        (
            {"variance": [[0.1, np.inf, 0], [np.inf, 0.1, 0], [0, 0, 0.1]]},
            "covariance of Kell a and Kell b is not finite",
        ),
        ({"variance": [[0.1, 0], [0, 0.1]]}, r"shape \(2, 2\) for 3 effects"),
        ({"variance": "many"}, "variance: not numbers"),
        ({"method": "DL"}, "method must be one of REML, ML"),
        ({"ci_method": "HK"}, "ci_method must be one of wald, t"),
        ({"level": 95}, "did you mean 0.95"),
        ({"effect": [], "cluster": [], "variance": [], "labels": []}, "no studies"),
    ],
)
def test_bad_input(changed: dict[str, Any], told: str) -> None:
    given = {"effect": EFFECT, "variance": VARIANCE_OF, "cluster": TRIAL, "labels": LABELS}
    with pytest.raises(al.ReviewError, match=told) as raised:
        al.multilevel(**{**given, **changed})
    assert "\n" not in str(raised.value)


def test_a_single_effect_is_named() -> None:
    with pytest.raises(al.ReviewError, match="Kell is the only effect"):
        al.multilevel([0.1], [0.1], ["a"], labels=["Kell"])


def test_bad_input_of_robust_errors() -> None:
    fit = al.multilevel(EFFECT, VARIANCE_OF, TRIAL, labels=LABELS)
    varying = al.multilevel([0.1, 0.2, 2.5, 2.4], [0.1] * 4, ["a", "a", "b", "b"])
    with pytest.raises(al.ReviewError, match="study 1 and study 2, dependent in the fit"):
        al.robust(varying, ["x", "y", "z", "z"])
    with pytest.raises(al.ReviewError, match="all 3 effects are of t"):
        al.robust(fit, ["t"] * 3)
    with pytest.raises(al.ReviewError, match="kind must be one of"):
        al.robust(fit, TRIAL, kind="CR3")  # type: ignore[arg-type]
    with pytest.raises(al.ReviewError, match="expected a result of multilevel or pool, got list"):
        al.robust([1], TRIAL)  # type: ignore[arg-type]
    with pytest.raises(al.ReviewError, match="2 clusters named for 3 effects"):
        al.robust(fit, ["a", "b"])
    common = al.pool_events([4, 6], [40, 50], [8, 9], [40, 50], method="MH", model="common")
    with pytest.raises(al.ReviewError, match="events pooled by MH"):
        al.robust(common, ["a", "b"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "state how effects"),
        ({"correlation": 1.0}, "between -1 and 1"),
        ({"time": [1, 2]}, "belong together|state how"),
        ({"correlation": 0.5, "autocorrelation": 0.5}, "belong together"),
        ({"time": [1, 2], "autocorrelation": -0.5}, "between 0 and 1"),
        ({"time": [1, np.nan], "autocorrelation": 0.5}, r"time must be finite \(study 2"),
        ({"correlation": 0.5, "outcome": ["a"]}, "outcome: 1 given for 2"),
    ],
)
def test_bad_correlations(options: dict[str, Any], told: str) -> None:
    with pytest.raises(al.ReviewError, match=told):
        al.within_trial_covariance([0.1, 0.2], ["t", "t"], **options)


def test_bad_arms() -> None:
    arms = ([20, 30], [1.0, 2.0], [1.0, 1.0], [25, 25], [3.0, 3.0], [1.0, 1.0])
    for options, told in (
        ({"measure": "HR"}, "measure must be one of"),
        ({"measure": "RR"}, "RR takes events1, n1, events2, n2; got 6"),
        ({"trial": ["t"]}, "trial: 1 given for 2"),
        ({"arm1": ["a", "b"]}, "belong together"),
        ({"arm1": ["a", "b"], "arm2": ["a", "c"]}, "comparison 1: an arm against itself"),
    ):
        with pytest.raises(al.ReviewError, match=told):
            al.shared_arm_covariance(*arms, **{"trial": ["t", "t"], **options})
    with pytest.raises(al.ReviewError, match="Kell b: -1"):
        al.shared_arm_covariance(
            [20, 30], [1, 2], [1, -1], [25, 25], [3, 3], [1, 1], trial=["t", "t"],
            labels=["Kell a", "Kell b"],
        )  # fmt: skip


@pytest.mark.parametrize(
    ("covariance", "trial", "message"),
    [
        (np.eye(3), ["a", "b"], "cluster: 2 clusters named for 3 effects"),
        (np.eye(3), ["a", None, "b"], "no cluster is named for study 2"),
        (np.eye(3), ["a", np.nan, np.nan], "no cluster is named for study 2 and study 3"),
        (np.eye(3) + 0.2, ["a", "b", "c"], "study 1 and study 2 links effects of different"),
    ],
)
def test_pooling_takes_no_effects_apart_that_nobody_named(
    covariance: Any, trial: list[Any], message: str
) -> None:
    with pytest.raises(al.ReviewError, match=message):
        al.pool_dependent([1.0, 2.0, 3.0], covariance, trial)


def test_effects_of_unnamed_trials_are_not_of_one_trial() -> None:
    with pytest.raises(al.ReviewError, match="trial: none is named for effect 2 and 3"):
        al.within_trial_covariance([1.0, 2.0, 3.0], ["a", None, None], correlation=0.5)
