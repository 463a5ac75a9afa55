"""Is every row of a batch what `pool` gives for that data set, whatever stands around it?"""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

from analysis_lib.base.errors import ReviewError
from analysis_lib.pooling import batch
from analysis_lib.pooling.batch import Reason, pool_many
from analysis_lib.pooling.methods import CI_METHODS, PI_METHODS, TAU2_METHODS
from analysis_lib.pooling.pooled_effect import pool

# The promise of `pool_many`. Worst seen in 23,000 fits: 2e-14 (p values of 1e-173: 4e-12).
AGREEMENT = 1e-8
# The order of summation may change with the block a row is in. Worst seen: 2e-15.
ROUNDING = 1e-12
COLUMNS = (
    "estimate",
    "se",
    "ci_low",
    "ci_high",
    "p_value",
    "tau2",
    "i2",
    "i2_tau2",
    "q",
    "pi_low",
    "pi_high",
)


def expected_row(effect, variance, **options) -> dict[str, float | None]:
    fit = pool(effect, variance, **options)
    low, high = fit.prediction_interval or (None, None)
    row = {name: getattr(fit, name) for name in COLUMNS if hasattr(fit, name)}
    return row | {"ci_low": fit.ci[0], "ci_high": fit.ci[1], "pi_low": low, "pi_high": high}


def assert_row_equals_pool(rows, i, effect, variance, **options) -> None:
    expected = expected_row(effect, variance, **options)
    scale = dict.fromkeys(("i2", "i2_tau2"), 1.0) | {"tau2": min(variance), "p_value": 1e-300}
    se = 1 / np.sqrt(np.sum(1 / np.asarray(variance)))
    assert rows.k[i] == len(effect)
    for name in COLUMNS:
        ours, theirs = getattr(rows, name)[i], expected[name]
        told = f"{name}, {options}: batch {ours}, pool {theirs}"
        if theirs is None:
            assert np.isnan(ours), told
            assert rows.reason[i] & (Reason.SINGLE_STUDY | Reason.NO_PREDICTION_INTERVAL), told
        else:
            assert abs(ours - theirs) <= AGREEMENT * max(abs(theirs), scale.get(name, se)), told


def random_data(seed: int, n: int, k: int, orders: float) -> tuple[np.ndarray, np.ndarray]:
    """Return n data sets with variances over so many orders, and tau2 from zero to huge."""
    generator = np.random.default_rng(seed)
    variance = 10 ** generator.uniform(-orders / 2, orders / 2, (n, k))
    tau2 = generator.choice([0.0, 0.01, 1.0, 1e4], (n, 1)) * np.median(variance)
    return generator.normal(0.3, 1, (n, k)) * np.sqrt(variance + tau2), variance


options = st.fixed_dictionaries(
    {
        "tau2_method": st.sampled_from(TAU2_METHODS),
        "ci_method": st.sampled_from(CI_METHODS),
        "pi_method": st.sampled_from(tuple(PI_METHODS)),
        "level": st.sampled_from([0.9, 0.95]),
    }
)


@examples(150)
@given(st.integers(0, 10**6), st.integers(1, 12), st.sampled_from([0.0, 1.0, 3.0, 8.0]), options)
def test_each_row_equals_pool(seed, k, orders, chosen):
    effect, variance = random_data(seed, 6, k, orders)
    rows = pool_many(effect, variance, **chosen)
    for i in range(6):
        assert_row_equals_pool(rows, i, effect[i], variance[i], **chosen)


@pytest.mark.parametrize("tau2_method", TAU2_METHODS)
def test_each_method_equals_pool_on_subsets_of_one_data_set(tau2_method):
    effect, variance = (a[0] for a in random_data(3, 1, 7, 2.0))
    mask = (np.arange(1, 128)[:, None] >> np.arange(7) & 1).astype(bool)
    for ci_method in CI_METHODS:
        chosen = {"tau2_method": tau2_method, "ci_method": ci_method}
        rows = pool_many(effect, variance, mask, **chosen)
        for i in range(0, 127, 3):
            assert_row_equals_pool(rows, i, effect[mask[i]], variance[mask[i]], **chosen)


@pytest.mark.parametrize("tau2_method", ["REML", "ML", "PM", "EB"])
@pytest.mark.parametrize(
    ("effect", "variance"),
    [
        ([0.25] * 6, [0.1, 0.2, 0.05, 0.3, 0.15, 0.12]),
        ([0.0] * 3, [0.1, 0.2, 0.05]),
        ([0.1, 0.12, 0.09, 0.11], [0.04, 0.05, 0.02, 0.03]),
        ([-50, 30, 200, -120, 75, 400], [0.1, 0.2, 0.05, 0.4, 0.3, 0.15]),
        ([0.1, 0.3, 0.25, 0.15, 0.4], [0.02, 1e-12, 0.03, 0.05, 0.04]),
        ([1e-5, 3e-5, 2.5e-5, -1e-5], [1e-10, 2e-10, 1.5e-10, 3e-10]),
        ([0.2, 0.5, -0.1, 0.8], [0.05] * 4),
        ([1e9 + 1, 1e9 + 2, 1e9 + 5], [0.5, 0.4, 0.9]),
    ],
    ids=["equal", "zeros", "homogeneous", "huge", "one precise", "tiny", "equal v", "far"],
)
@pytest.mark.parametrize("ci_method", ["wald", "HK"])
def test_hard_data_sets_equal_pool(effect, variance, tau2_method, ci_method):
    chosen = {"tau2_method": tau2_method, "ci_method": ci_method}
    rows = pool_many(effect, variance, **chosen)
    assert_row_equals_pool(rows, 0, effect, variance, **chosen)


def restricted_log_likelihood(tau2, y, v, method):
    """The log-likelihood at every tau2 of a list, written out plainly."""
    w = 1 / (v + tau2[:, None])
    mean = (w * y).sum(1) / w.sum(1)
    value = np.log(w).sum(1) - (w * (y - mean[:, None]) ** 2).sum(1)
    return (value - np.log(w.sum(1)) * (method == "REML")) / 2


# Rounding of a log-likelihood of some hundred units over eight orders of weights; a maximum that is
# missed costs 1e-4 and more.
HEIGHT = 1e-6


@pytest.mark.few
@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("orders", [1.5, 8.0])
def test_no_point_of_a_fine_grid_is_more_likely(method, orders):
    effect, variance = random_data(11, 400, 4, orders)
    found = pool_many(effect, variance, tau2_method=method).tau2
    for y, v, tau2 in zip(effect, variance, found, strict=True):
        y = y - y[v.argmin()]
        grid = v.min() * np.expm1(np.linspace(0, np.log1p((y @ y + v.max()) / v.min()), 2000))
        best = restricted_log_likelihood(grid, y, v, method).max()
        assert restricted_log_likelihood(np.array([tau2]), y, v, method)[0] >= best - HEIGHT


# Rounding of A/B, which is the noise of sums over weights of up to eight orders.
TILT = 1e-9


@examples(100)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["REML", "ML"]),
    st.sampled_from([0.0, 1.0, 3.0, 8.0]),
    st.sampled_from([0.0, 0.01, 1.0, 100.0]),
)
def test_the_likelihood_keeps_the_bounds_of_its_search(seed, method, orders, place):
    effect, variance = random_data(seed, 50, 2 + seed % 8, orders)
    rows, k = np.arange(50), np.full(50, effect.shape[1])
    block = batch.contrasts(effect, variance, np.ones(effect.shape, dtype=bool), rows, k)[-1]
    here = place * block.v0

    def tilt_at(tau2):
        return batch._Look.at(block.weigh(tau2), method).tilt

    look = batch._Look.at(block.weigh(here), method)
    slowest = 1 / (block.v_max() + here)
    farthest = look.farthest(slowest)
    ahead, rising = farthest > 0, look.tilt > 1
    assert ahead[rising].all()
    nearest = np.where(ahead, look.nearest(slowest, farthest), 0.0)
    for share in (0.1, 0.5, 0.9, 1.0):
        there = tilt_at(here + share * nearest)
        assert (there[rising] >= 1 - TILT).all()
        assert (there[~rising] <= 1 + TILT).all()
    for factor in (1.0, 1.1, 2.0, 100.0):
        beyond = here + np.where(ahead, farthest * factor, factor * block.v_max())
        assert (tilt_at(beyond) <= 1 + TILT).all()
    falls = look.rise <= 2 * slowest
    for step in (0.01, 0.1, 1.0, 10.0):
        there = tilt_at(here + step * (block.v0 + here))
        assert (there[falls] <= look.tilt[falls] * (1 + TILT)).all()


def test_the_higher_of_two_maxima_is_taken():
    # Two precise studies agree, a third that is not precise lies far off.
    effect, variance = [1.24, 1.30, 4.89], [0.00028, 0.00037, 0.75]
    y, v = np.array(effect), np.array(variance)
    grid = np.geomspace(1e-9, 10, 20_000)
    heights = restricted_log_likelihood(grid, y, v, "REML")
    inner = (heights[1:-1] > heights[:-2]) & (heights[1:-1] > heights[2:])
    assert inner.sum() == 2, "the example has two maxima"
    tau2 = pool_many(effect, variance).tau2[0]
    assert tau2 == pytest.approx(grid[heights.argmax()], rel=2e-3)  # the grid's spacing
    assert_row_equals_pool(pool_many(effect, variance), 0, effect, variance)


@pytest.mark.parametrize(
    ("effect", "variance"),
    [
        ([-0.284, 0.389, -0.222], [0.1556, 0.0288, 0.2072]),
        ([-0.118, 0.402, -0.371], [0.0149, 0.0581, 0.1494]),
        ([0.584, -0.104, -1.255], [0.2659, 0.1165, 0.4075]),
    ],
)
def test_a_low_maximum_between_two_grid_points_is_seen(effect, variance, monkeypatch):
    # The likelihood falls from zero, rises a little and falls again before the next grid point.
    rows = pool_many(effect, variance, tau2_method="ML")
    assert rows.tau2[0] > 0
    assert_row_equals_pool(rows, 0, effect, variance, tau2_method="ML")
    monkeypatch.setattr(batch, "RULES", batch.RULES._replace(close_tilt=1.0))
    assert pool_many(effect, variance, tau2_method="ML").tau2[0] == 0


@examples(20)
@given(st.integers(0, 10**6), st.sampled_from(["REML", "ML", "PM", "DL"]))
def test_order_and_blocks_do_not_matter(seed, tau2_method):
    effect, variance = random_data(seed, 60, 5, 3.0)
    generator = np.random.default_rng(seed)
    mask = generator.random((60, 5)) < 0.7
    whole = pool_many(effect, variance, mask, tau2_method=tau2_method)
    shuffled = generator.permutation(60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "CELLS_PER_BLOCK", 35)  # seven rows a block, the last one shorter
        parts = pool_many(
            effect[shuffled], variance[shuffled], mask[shuffled], tau2_method=tau2_method
        )
    for name in (*COLUMNS, "k", "reason"):
        expected = getattr(whole, name)[shuffled]
        scale = np.median(variance) * ROUNDING
        np.testing.assert_allclose(getattr(parts, name), expected, rtol=1e-9, atol=scale)


def test_order_of_studies_does_not_matter():
    effect, variance = random_data(2, 200, 8, 3.0)
    turned = np.random.default_rng(1).permutation(8)
    one, other = pool_many(effect, variance), pool_many(effect[:, turned], variance[:, turned])
    np.testing.assert_allclose(one.estimate, other.estimate, atol=1e-9)
    np.testing.assert_allclose(one.tau2, other.tau2, rtol=1e-9, atol=1e-12)


def test_numbers_outside_the_mask_are_not_looked_at():
    effect = [[0.1, np.nan, 0.5], [0.1, 0.3, 0.5]]
    variance = [[0.02, -1.0, 0.04], [0.02, 0.03, 0.04]]
    rows = pool_many(effect, variance, [[1, 0, 1], [0, 1, 1]])
    assert_row_equals_pool(rows, 0, [0.1, 0.5], [0.02, 0.04])
    assert_row_equals_pool(rows, 1, [0.3, 0.5], [0.03, 0.04])


def test_one_line_serves_all_rows():
    effect, variance = random_data(4, 5, 4, 1.0)
    shared = pool_many(effect, variance[0])
    for i in range(5):
        assert_row_equals_pool(shared, i, effect[i], variance[0])


def test_every_absent_number_has_its_reason():
    nan, inf = np.nan, np.inf
    effect = [[0.1, 0.2, 0.4], [nan, 0.2, 0.4], [0.1, inf, 0.4], [0.1, 0.2, 0.4], [0.1, 0.2, 0.4]]
    variance = [[0.1, 0.2, 0.4], [0.1, 0.2, 0.4], [0.1, 0.2, 0.4], [0.1, 0.0, 0.4], [0.1, nan, 1]]
    rows = pool_many(effect, variance)
    assert rows.reason.tolist() == [0] + [Reason.BAD_INPUT] * 4
    assert rows.fitted.tolist() == [True] + [False] * 4
    for name in COLUMNS:
        assert np.isnan(getattr(rows, name)[1:]).all()
        assert not np.isnan(getattr(rows, name)[0])

    by_size = pool_many([0.1, 0.2, 0.4], [0.1, 0.2, 0.4], np.tri(4, 3, -1))
    alone = Reason.SINGLE_STUDY | Reason.NO_PREDICTION_INTERVAL
    expected = [Reason.NO_STUDIES, alone, Reason.NO_PREDICTION_INTERVAL, 0]
    assert by_size.reason.tolist() == expected
    assert by_size.k.tolist() == [0, 1, 2, 3]
    assert np.isnan(by_size.tau2).tolist() == [True, True, False, False]
    assert np.isnan(by_size.estimate).tolist() == [True, False, False, False]


def test_a_row_that_does_not_settle_is_flagged(monkeypatch):
    monkeypatch.setattr(batch, "RULES", batch.RULES._replace(most_steps=1))
    rows = pool_many([0.1, 0.9, 2.0, -1.0], [0.02, 0.3, 0.05, 0.1])
    assert rows.reason[0] & Reason.NOT_CONVERGED
    assert not rows.fitted[0]
    assert np.isnan(rows.estimate[0])


def test_bisection_alone_finds_the_same(monkeypatch):
    effect, variance = random_data(6, 50, 5, 3.0)
    newton = pool_many(effect, variance)
    # every second step halves the bracket
    monkeypatch.setattr(batch, "RULES", batch.RULES._replace(patient_steps=0))
    halved = pool_many(effect, variance)
    np.testing.assert_allclose(halved.tau2, newton.tau2, rtol=1e-9, atol=1e-13)


def test_no_rows_and_no_studies_are_answered():
    assert len(pool_many(np.empty((0, 3)), np.empty((0, 3)))) == 0
    rows = pool_many(np.empty((2, 0)), np.empty((2, 0)))
    assert rows.reason.tolist() == [Reason.NO_STUDIES] * 2
    one = pool_many([[0.4], [0.6]], [[0.1], [0.2]])
    assert one.estimate.tolist() == [0.4, 0.6]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0.1, 0.2]], [[0.1, 0.2, 0.3]]), "not arrays of one shape"),
        ((["a", "b"], [0.1, 0.2]), "not arrays of one shape"),
        ((0.1, 0.2), "expected"),
        ((np.zeros((2, 2, 2)), 1.0), "expected"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ReviewError, match=message):
        pool_many(*arguments)


@pytest.mark.parametrize(
    "wrong", [{"tau2_method": "reml"}, {"ci_method": "t"}, {"pi_method": "X"}, {"level": 95}]
)
def test_unknown_options_are_refused(wrong):
    with pytest.raises(ReviewError, match=next(iter(wrong))):
        pool_many([0.1, 0.2], [0.1, 0.2], **wrong)


def test_the_frame_has_every_array():
    frame = pool_many([0.1, 0.2, 0.4], [0.1, 0.2, 0.4]).to_frame()
    assert list(frame.columns) == ["k", *COLUMNS, "df", "reason"]


# Work arrays of one block: 2**16 cells of 8 bytes, some twenty at once at most. Seen: 8 MB.
WORK_BYTES = 16e6


def test_memory_does_not_grow_with_rows():
    effect, variance = random_data(1, 1, 16, 1.5)
    peaks = []
    for n in (2**14, 2**16):
        mask = (np.arange(1, n + 1)[:, None] % 65535 >> np.arange(16) & 1).astype(bool)
        tracemalloc.start()
        rows = pool_many(effect[0], variance[0], mask)
        result = sum(getattr(rows, name).nbytes for name in (*COLUMNS, "k", "reason"))
        peaks.append(tracemalloc.get_traced_memory()[1] - result)
        tracemalloc.stop()
    assert max(peaks) < WORK_BYTES
    assert peaks[1] < 1.2 * peaks[0]
