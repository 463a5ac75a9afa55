"""Do the permutation test and the bootstrap give what their definitions say, whoever computes?"""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import golden_cases
import numpy as np
import pytest
from golden_cases import agree
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

from analysis_lib.base.errors import ReviewError
from analysis_lib.pooling import resampling
from analysis_lib.pooling.batch import pool_many
from analysis_lib.pooling.pooled_effect import pool
from analysis_lib.pooling.resampling import bootstrap, permutation_test

GOLDEN = golden_cases.load("permutest")
FAMILY = "metafor: permutation test"
#: Of means; those of moderators are in test_permuted_moderators.
OF_MEANS = [entry for entry in GOLDEN["entries"] if "moderator" not in entry]
# R's p values are counts over a power of two, so nothing but equality will do.
EXACT = 0.0
# R stops its search for tau2 at a step of 1e-5 (its default, see the notes of the golden file),
# which leaves its z with four to six digits. Worst seen: 2.9e-5.
R_STOPS_EARLY = 1e-4
# Two ways of one sum. Worst seen: 3e-16.
ROUNDING = 1e-12

EFFECT = [-0.9, -0.1, -0.6, 0.2, -0.5, -0.4, -0.2]
VARIANCE = [0.09, 0.04, 0.10, 0.05, 0.02, 0.16, 0.03]


@pytest.mark.parametrize("entry", OF_MEANS, ids=lambda entry: entry["id"])
def test_permutation_test_equals_r(entry):
    data = GOLDEN["datasets"][entry["dataset"]]["columns"]
    out, where = entry["out"], entry["id"]
    test = permutation_test(data["yi"], data["vi"], tau2_method=where.split("|")[-1])
    agree(FAMILY, "p value", test.p_value, out["pval"][0], EXACT, where=where)
    agree(FAMILY, "patterns", test.patterns, out["n_perm"], EXACT, where=where)
    reason = "R stops its search at a step of 1e-5"
    for what, ours, theirs in (
        ("estimate", test.estimate, out["beta"][0]),
        ("statistic", test.statistic, out["zval"][0]),
    ):
        agree(FAMILY, what, ours, theirs, R_STOPS_EARLY, where=where, reason=reason)


def test_every_reference_entry_is_used_or_excused():
    left_out = [name for names in GOLDEN["not_covered"].values() for name in names]
    ids = {entry["id"] for entry in GOLDEN["entries"]}
    assert len(ids | set(left_out)) == len(ids) + len(left_out) == GOLDEN["r_entries"]


@pytest.mark.parametrize("ci_method", ["wald", "HK", "HK-adhoc"])
@pytest.mark.parametrize("tau2_method", ["REML", "FE"])
def test_exact_test_counts_every_pattern(tau2_method, ci_method):
    options = {"tau2_method": tau2_method, "ci_method": ci_method}
    observed = abs(pool(EFFECT, VARIANCE, **options).statistic)
    sizes = [
        abs(pool(np.multiply(EFFECT, signs), VARIANCE, **options).statistic)
        for signs in itertools.product([-1, 1], repeat=len(EFFECT))
    ]
    test = permutation_test(EFFECT, VARIANCE, **options)
    assert test.exact
    assert test.patterns == 2 ** len(EFFECT)
    assert test.as_extreme == sum(size >= observed * (1 - ROUNDING) for size in sizes)
    assert test.p_value == test.as_extreme / test.patterns


@examples(40)
@given(st.integers(0, 10**6), st.integers(1, 9), st.sampled_from(["wald", "HK-adhoc"]))
def test_exact_p_value_is_a_multiple_that_no_mirror_or_order_changes(seed, k, ci_method):
    generator = np.random.default_rng(seed)
    effect, variance = generator.normal(0.3, 1, k), generator.uniform(0.01, 1, k)
    test = permutation_test(effect, variance, ci_method=ci_method)
    order = generator.permutation(k)
    for again in (
        permutation_test(-effect, variance, ci_method=ci_method),
        permutation_test(effect[order], variance[order], ci_method=ci_method),
        permutation_test(7 * effect, 49 * variance, ci_method=ci_method),
    ):
        assert again.p_value == test.p_value
    assert test.as_extreme % 2 == 0
    assert 2 / 2**k <= test.p_value <= 1


def test_one_study_cannot_be_significant():
    assert permutation_test([3.0], [0.01]).p_value == 1


def test_equal_effects_have_the_smallest_p_value():
    test = permutation_test([0.5] * 6, [0.1] * 6, ci_method="HK")
    assert test.statistic == math.inf
    assert test.p_value == 2 / 2**6


def test_drawn_patterns_approach_the_exact_p_value():
    exact = permutation_test(EFFECT, VARIANCE)
    drawn = permutation_test(EFFECT, VARIANCE, max_patterns=100, draws=40_000, seed=5)
    assert not drawn.exact
    assert drawn.p_value == (drawn.as_extreme + 1) / 40_001
    # five standard errors; seen 0.5 with this seed
    assert abs(drawn.p_value - exact.p_value) < 5 * drawn.simulation_error
    assert exact.simulation_error is None


def test_drawn_test_depends_on_the_seed_alone(monkeypatch):
    chosen = {"max_patterns": 1, "draws": 3000}
    monkeypatch.setattr(resampling, "FITS_PER_TASK", 700)
    alone = permutation_test(EFFECT, VARIANCE, seed=3, **chosen)
    with ThreadPoolExecutor(3) as executor:
        assert permutation_test(EFFECT, VARIANCE, seed=3, executor=executor, **chosen) == alone
    other = permutation_test(EFFECT, VARIANCE, seed=4, **chosen)
    assert other.as_extreme != alone.as_extreme


def test_cutting_the_work_changes_no_exact_count(monkeypatch):
    whole = permutation_test(EFFECT, VARIANCE)
    monkeypatch.setattr(resampling, "FITS_PER_TASK", 9)
    assert permutation_test(EFFECT, VARIANCE) == whole


@pytest.mark.slow
def test_error_rate_of_the_exact_test():
    """With six studies the levels are multiples of 2/64; p <= 4/64 must happen 4 times in 64."""
    generator = np.random.default_rng(11)
    variance = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.04])
    repeats = 400
    hits = sum(
        permutation_test(generator.normal(0, np.sqrt(variance + 0.2)), variance).p_value <= 4 / 64
        for _ in range(repeats)
    )
    expected = repeats * 4 / 64
    # four binomial standard deviations; seen 0.6 with this seed
    assert abs(hits - expected) < 4 * math.sqrt(expected * 60 / 64)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0.1, np.nan], [0.1, 0.2]), "effect must be finite"),
        (([0.1, 0.2], [0.1, 0.0]), "variance must be"),
        (([0.1, 0.2], [0.1]), "unequal length"),
    ],
)
def test_bad_input_is_named(arguments, words):
    for function in (permutation_test, bootstrap):
        with pytest.raises(ReviewError, match=words):
            function(*arguments)


def test_counts_must_be_positive():
    with pytest.raises(ReviewError, match="draws must be 1 or more, got 0"):
        permutation_test(EFFECT, VARIANCE, draws=0)
    with pytest.raises(ReviewError, match="max_patterns must be 1 or more, got -1"):
        permutation_test(EFFECT, VARIANCE, max_patterns=-1)
    with pytest.raises(ReviewError, match="draws must be 1 or more, got 0"):
        bootstrap(EFFECT, VARIANCE, draws=0)
    with pytest.raises(ReviewError, match="Aasa alone has no variance between studies"):
        bootstrap([0.1], [0.2], labels=["Aasa"])


def test_bootstrap_intervals_are_quantiles_of_refitted_draws():
    """The draws are redone by hand from the documented seeds, and fitted one by one."""
    fit = pool(EFFECT, VARIANCE)
    redrawn = bootstrap(EFFECT, VARIANCE, draws=60, seed=8)
    own = np.random.default_rng(np.random.SeedSequence(8).spawn(1)[0])
    noise = own.standard_normal((60, len(EFFECT)))
    data = fit.estimate + noise * np.sqrt(np.add(VARIANCE, fit.tau2))
    refits = [pool(row, VARIANCE) for row in data]
    estimates = np.array([refit.estimate for refit in refits])
    errors = np.array([refit.se for refit in refits])
    tau2 = [refit.tau2 for refit in refits]
    np.testing.assert_allclose(redrawn.estimates, estimates, atol=ROUNDING)
    np.testing.assert_allclose(redrawn.ci_percentile, np.quantile(estimates, [0.025, 0.975]))
    np.testing.assert_allclose(redrawn.tau2_ci, np.quantile(tau2, [0.025, 0.975]), atol=ROUNDING)
    low, high = np.quantile((estimates - fit.estimate) / errors, [0.025, 0.975])
    expected = [fit.estimate - high * fit.se, fit.estimate - low * fit.se]
    np.testing.assert_allclose(redrawn.ci_studentised, expected)


def test_bootstrap_of_the_common_effect_model_is_the_wald_interval():
    """There tau2 is zero and the estimate exactly normal, so theory gives the quantiles."""
    redrawn = bootstrap(EFFECT, VARIANCE, tau2_method="FE", draws=40_000, level=0.9)
    fit = pool(EFFECT, VARIANCE, tau2_method="FE", level=0.9)
    # standard error of a 5 % quantile of the normal: sqrt(0.05 * 0.95 / n) / density
    error = fit.se * math.sqrt(0.05 * 0.95 / 40_000) / 0.1031
    for interval in (redrawn.ci_percentile, redrawn.ci_studentised):
        # four standard errors; seen 1.0 with this seed
        np.testing.assert_allclose(interval, fit.ci, rtol=0, atol=4 * error)
    assert redrawn.tau2_ci == (0.0, 0.0)


def test_bootstrap_depends_on_the_seed_alone(monkeypatch):
    monkeypatch.setattr(resampling, "FITS_PER_TASK", 400)
    alone = bootstrap(EFFECT, VARIANCE, draws=2000, seed=1)
    with ThreadPoolExecutor(3) as executor:
        shared = bootstrap(EFFECT, VARIANCE, draws=2000, seed=1, executor=executor)
    np.testing.assert_array_equal(shared.estimates, alone.estimates)
    assert shared.ci_studentised == alone.ci_studentised
    assert bootstrap(EFFECT, VARIANCE, draws=2000, seed=2).ci_studentised != alone.ci_studentised
    assert not alone.estimates.flags.writeable


@pytest.mark.slow
def test_studentised_interval_covers_better_than_percentile():
    """Five studies with much heterogeneity: the percentile interval takes tau2 as known."""
    generator = np.random.default_rng(2)
    variance = np.array([0.05, 0.08, 0.1, 0.15, 0.2])
    repeats, tau2, hits = 300, 0.3, np.zeros(2)
    for effect in generator.normal(0, np.sqrt(variance + tau2), (repeats, 5)):
        redrawn = bootstrap(effect, variance, draws=400)
        for i, (low, high) in enumerate((redrawn.ci_percentile, redrawn.ci_studentised)):
            hits[i] += low <= 0 <= high
    percentile, studentised = hits / repeats
    # seen: 0.87 and 0.91; the standard error of each is about 0.016
    assert percentile < studentised
    assert studentised > 0.88


def test_a_data_set_that_cannot_be_fitted_is_told(monkeypatch):
    def failing(*arguments, **options):
        rows = pool_many(*arguments, **options)
        rows.reason[0] = 16
        return rows

    monkeypatch.setattr(resampling, "pool_many", failing)
    with pytest.raises(ReviewError, match="1 of 64 redrawn data sets"):
        permutation_test(EFFECT, VARIANCE)
