"""Do Bayesian results equal quadrature in R and bayesmeta, and behave as posteriors must?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from golden_cases import agree, columns_of, load
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

import analysis_lib as al
from analysis_lib.pooling.bayesian import EMPIRICAL_PRIORS, PRIORS, Posterior, checked_prior

# Both sides are sums over nodes. Worst error seen 2e-11, but for a mean of tau whose tail falls so
# slowly that R's last node is felt (3e-9).
QUADRATURE = 1e-7
REASON = "two quadratures; a slow tail is felt at R's last node"
# bayesmeta mixes normals on a grid of tau, and says so; tau itself it integrates.
GRID, GRID_TAU = 5e-3, 1e-6
# Intervals that lie beside zero are compared on the scale of the posterior's SD.
quick = examples(30)

TAU_PRIORS: dict[str, Any] = {
    "HN0.5": ("half-normal", 0.5),
    "HN1": ("half-normal", 1.0),
    "HC0.5": ("half-Cauchy", 0.5),
    "unif": "uniform",
}
MEAN_PRIORS: dict[str, tuple[float, float] | None] = {"flat": None, "N(0,4)": (0.0, 4.0)}
COVERED = {"quadrature": 22, "bayesmeta": 22}


def cases(kind: str) -> list[Any]:
    return [pytest.param(e, id=e["id"]) for e in load("n7")["entries"] if e["id"].startswith(kind)]


def fitted(entry: dict[str, Any]) -> al.BayesianEffect:
    columns = columns_of("n7", entry)
    _, _, tau, mean = entry["id"].split("|")
    return al.bayes_pool(
        columns["yi"], columns["vi"], tau_prior=TAU_PRIORS[tau], mean_prior=MEAN_PRIORS[mean]
    )


def test_every_entry_is_compared() -> None:
    assert {kind: len(cases(kind)) for kind in COVERED} == COVERED
    assert len(load("n7")["entries"]) == sum(COVERED.values())


@pytest.mark.parametrize("entry", cases("quadrature"))
def test_quadrature(entry: dict[str, Any]) -> None:
    fit, out = fitted(entry), entry["out"]
    for told, ours, theirs in (
        ("mean", fit.mean, out["mu_mean"]),
        ("median", fit.median, out["mu_median"]),
        ("ci", fit.ci, out["mu_central"]),
        ("tau mean", fit.tau_mean, out["tau_mean"]),
        ("tau median", fit.tau_median, out["tau_median"]),
        ("tau ci", fit.tau_ci, out["tau_central"]),
        ("prediction interval", fit.prediction_interval, out["theta_new_central"]),
        ("probability", fit.probability_beyond(0), out["P_mu_gt_0"]),
        ("marginal", math.exp(fit.log_marginal_likelihood), out["marginal_likelihood"]),
    ):
        agree("Bayes", told, ours, theirs, QUADRATURE, where=entry["id"], reason=REASON)
    if math.isfinite(fit.sd) and "unif" not in entry["id"] and "HC" not in entry["id"]:
        agree("Bayes", "sd", fit.sd, out["mu_sd"], QUADRATURE, where=entry["id"], reason=REASON)


@pytest.mark.parametrize("entry", cases("bayesmeta"))
def test_bayesmeta(entry: dict[str, Any]) -> None:
    fit, out = fitted(entry), entry["out"]["central"]
    why = {"where": entry["id"], "reason": "bayesmeta mixes normals on a grid of tau"}
    for name, ours, tolerance in (
        ("mu", (fit.median, *fit.ci), GRID),
        ("theta_new", (fit.mixtures[1].quantile(0.5), *fit.prediction_interval), GRID),
        ("tau", (fit.tau_median, *fit.tau_ci), GRID_TAU),
    ):
        theirs = [out[name][part] for part in ("median", "95% lower", "95% upper")]
        scale = theirs[2] - theirs[1]
        agree("bayesmeta", name, ours, theirs, tolerance, scale=scale, **why)


# --- properties ----------------------------------------------------------------------------------


@st.composite
def studies(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    k = draw(st.integers(2, 8))
    effect = np.array(draw(st.lists(st.integers(-300, 300), min_size=k, max_size=k))) / 100
    return effect, np.array(draw(st.lists(st.integers(1, 100), min_size=k, max_size=k))) / 100


@quick
@given(studies(), st.sampled_from([1e-6, 10.0, 1e6]), st.floats(-10, 10))
def test_scale_and_shift(drawn: Any, factor: float, shift: float) -> None:
    y, v = drawn
    fit = al.bayes_pool(y, v, tau_prior=("half-normal", 0.5))
    other = al.bayes_pool(
        (y + shift) * factor, v * factor**2, tau_prior=("half-normal", 0.5 * factor)
    )
    scale = pytest.approx((np.array(fit.ci) + shift) * factor, rel=1e-7, abs=1e-7 * factor)
    assert np.array(other.ci) == scale
    assert other.tau_median == pytest.approx(fit.tau_median * factor, rel=1e-7)
    assert other.prior_overlap == pytest.approx(fit.prior_overlap, rel=1e-5)


@quick
@given(studies())
def test_quantiles_hold_what_they_say(drawn: Any) -> None:
    y, v = drawn
    for prior in (("half-normal", 0.5), ("half-Cauchy", 0.5), "Rhodes 2015", "Turner 2015"):
        fit = al.bayes_pool(y, v, tau_prior=prior, level=0.9)
        below, above = (fit.probability_beyond(end, "below") for end in fit.ci)
        assert below == pytest.approx(0.05, abs=1e-9)
        assert above == pytest.approx(0.95, abs=1e-9)
        new = fit.probability_beyond(fit.prediction_interval[1], of="new")
        assert new == pytest.approx(0.05, abs=1e-9)
        assert 0 < fit.tau_ci[0] < fit.tau_median < fit.tau_ci[1]
        assert 0 <= fit.prior_overlap <= 1 + 1e-6


@quick
@given(studies(), st.randoms(use_true_random=False))
def test_order_does_not_matter(drawn: Any, random: Any) -> None:
    y, v = drawn
    order = list(range(len(y)))
    random.shuffle(order)
    one, two = al.bayes_pool(y, v), al.bayes_pool(y[order], v[order])
    assert two.mean == pytest.approx(one.mean, abs=1e-10)
    assert two.tau_ci == pytest.approx(one.tau_ci, rel=1e-8)


@pytest.mark.parametrize("prior", [*EMPIRICAL_PRIORS.values(), ("half-Cauchy", 0.3)])
def test_prior_is_a_distribution(prior: Any) -> None:
    """Where the data say nothing, the posterior of tau is the prior."""
    posterior = Posterior(np.array([0.0, 0.0]), np.array([1e150, 1e150]), prior, None)
    quantile = posterior.tau_quantile(0.5)
    known = {"log-normal": math.exp(-1.28), "log-t": math.exp(-1.72), "half-Cauchy": 0.3}
    assert quantile == pytest.approx(known[prior[0]], rel=1e-6)
    assert posterior.prior_overlap() == pytest.approx(1, abs=1e-6)


def test_no_tau_is_the_common_effect() -> None:
    effect, variance = [-0.5, -0.1, -0.9], [0.04, 0.05, 0.06]
    fit = al.bayes_pool(effect, variance, tau_prior=("half-normal", 1e-9))
    common = al.pool(effect, variance, tau2_method="FE")
    assert fit.mean == pytest.approx(common.estimate)
    assert fit.ci == pytest.approx(common.ci)


def test_a_prior_of_the_mean_pulls_towards_it() -> None:
    effect, variance = [1.0, 1.2], [0.1, 0.1]
    flat, pulled = al.bayes_pool(effect, variance), al.bayes_pool(
        effect, variance, mean_prior=(0, 0.1)
    )  # fmt: skip
    assert 0 < pulled.mean < flat.mean
    assert al.bayes_pool(effect, variance, mean_prior=(0, 1e8)).mean == pytest.approx(flat.mean)


def test_two_studies_say_little_about_tau() -> None:
    fit = al.bayes_pool([-0.5, -0.4], [0.04, 0.05])
    assert fit.prior_overlap > 0.75
    many = al.bayes_pool(np.tile([-0.5, 0.4], 30), np.full(60, 0.04))
    assert many.prior_overlap < 0.3
    assert math.isinf(al.bayes_pool([0, 1], [1, 1], tau_prior=("half-Cauchy", 1.0)).sd)
    assert math.isfinite(al.bayes_pool([0, 1, 2], [1, 1, 1], tau_prior="Rhodes 2015").sd)


def test_many_precise_studies_are_resolved() -> None:
    rng = np.random.default_rng(1)
    effect = rng.normal(0.3, 0.2, 3000)
    fit = al.bayes_pool(effect, np.full(3000, 1e-4))
    assert fit.tau_median == pytest.approx(math.sqrt(effect.var() - 1e-4), rel=1e-2)
    assert fit.mean == pytest.approx(effect.mean(), abs=1e-6)


def test_it_shows_itself() -> None:
    fit = al.bayes_pool([-0.5, -0.4], [0.04, 0.05])
    assert "half-normal 0.5" in str(fit)
    assert "overlap" in fit._repr_html_()
    assert fit.to_frame().loc[0, "tau_ci_high"] == fit.tau_ci[1]


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"tau_prior": ("half-normal", 0)}, "scale must be greater than zero, got 0"),
        ({"tau_prior": ("half-normal", -1)}, "scale must be greater than zero"),
        ({"tau_prior": ("half-normal", np.nan)}, "scale must be a finite number"),
        ({"tau_prior": ("half-normal", "wide")}, "scale must be a finite number, got 'wide'"),
        ({"tau_prior": ("half-normal",)}, "half-normal takes scale"),
        ({"tau_prior": ("uniform", 1)}, "uniform takes no number"),
        ({"tau_prior": "half-norml"}, "did you mean 'half-normal'"),
        ({"tau_prior": ()}, "tau_prior must be one of"),
        ({"tau_prior": "uniform"}, r"2 studies \(Kell and Aasa\).* 4 or more are needed"),
        ({"mean_prior": (0, 0)}, "SD above zero"),
        ({"level": 2}, "level must lie"),
    ],
)
def test_bad_priors(options: dict[str, Any], told: str) -> None:
    with pytest.raises(al.ReviewError, match=told):
        al.bayes_pool([0.1, 0.2], [0.1, 0.2], labels=["Kell", "Aasa"], **options)


def test_bad_input() -> None:
    with pytest.raises(al.ReviewError, match=r"1 study \(Kell\).* 2 or more"):
        al.bayes_pool([0.1], [0.1], labels=["Kell"])
    with pytest.raises(al.ReviewError, match=r"Aasa: -0\.1"):
        al.bayes_pool([0.1, 0.2], [0.1, -0.1], labels=["Kell", "Aasa"])
    fit = al.bayes_pool([0.1, 0.2], [0.1, 0.1])
    for arguments, told in (((math.inf,), "finite"), ((0.0, "over"), "direction must be")):
        with pytest.raises(al.ReviewError, match=told):
            fit.probability_beyond(*arguments)
    with pytest.raises(al.ReviewError, match="of must be one of mean, new"):
        fit.probability_beyond(0.0, of="tau")
    assert {checked_prior((name, *([1.0] * len(numbers))))[0] for name, numbers in PRIORS.items()}
