"""Does compiled code give what NumPy gives, for every method and every kind of row?"""

from __future__ import annotations

import sys

import numpy as np
import pytest
from test_batch import random_data

from analysis_lib.base.errors import ReviewError
from analysis_lib.pooling import batch
from analysis_lib.pooling.batch import PooledRows, Reason, pool_many
from analysis_lib.pooling.leaving_out import gosh
from analysis_lib.pooling.methods import TAU2_METHODS
from analysis_lib.pooling.resampling import bootstrap, permutation_test
from analysis_lib.pooling.simulation import Design, simulate

pytestmark = pytest.mark.slow  # the first call of each kernel compiles it, some seconds

# The promise, in units of the number and its scale. Worst of 650,000 rows over up to eight orders
# of variances: 8e-13 (HE of 60 studies, where large variances cancel), estimates 3e-13, REML 1e-14.
SAME = 1e-12
# A p value or Kenward and Roger's quantile magnifies the rounding of what it is computed from by
# the steepness of its tail. Worst: 8e-11, in a p value of 1e-280.
SAME_TAIL = 1e-9
SCALED_BY_SE = ("estimate", "se", "ci_low", "ci_high", "pi_low", "pi_high")


def assert_same(numba: PooledRows, numpy: PooledRows, smallest: np.ndarray) -> None:
    """Compare all numbers of all rows, each on its own scale."""
    assert (numba.reason == numpy.reason).all()
    assert (numba.k == numpy.k).all()
    scales = dict.fromkeys(SCALED_BY_SE, numpy.se)
    scales |= {"tau2": smallest, "i2": 1.0, "i2_tau2": 1.0, "q": 1.0, "p_value": 1e-300, "df": 1.0}
    kenward_roger = numpy.methods.ci_method == "KR"
    for name, scale in scales.items():
        ours, theirs = getattr(numba, name), getattr(numpy, name)
        there = np.isfinite(theirs)
        assert (np.isfinite(ours) == there).all(), name
        tail = name == "p_value" or (kenward_roger and name in ("ci_low", "ci_high", "df"))
        distance = np.abs(ours - theirs)[there] / (np.abs(theirs) + scale)[there]
        assert distance.max(initial=0.0) <= (SAME_TAIL if tail else SAME), name


@pytest.mark.parametrize("tau2_method", TAU2_METHODS)
@pytest.mark.parametrize("orders", [0.0, 1.5, 3.0, 8.0])
def test_every_row_is_that_of_numpy(tau2_method, orders):
    for k in (1, 2, 3, 5, 12, 60):
        effect, variance = random_data(int(10 * orders) + k, 300, k, orders)
        mask = np.random.default_rng(k).random(effect.shape) < 0.8
        smallest = np.where(mask, variance, np.inf).min(axis=1)
        for ci_method in ("wald", "HK", *(["KR"] if tau2_method == "REML" else [])):
            chosen = {"tau2_method": tau2_method, "ci_method": ci_method}
            numba = pool_many(effect, variance, mask, engine="numba", **chosen)
            assert_same(numba, pool_many(effect, variance, mask, **chosen), smallest)


@pytest.mark.parametrize("tau2_method", ["REML", "ML"])
def test_the_examples_reach_every_part_of_the_search(tau2_method):
    """Of what is compared above, some has several maxima, some is searched closely."""
    searched = {"several": 0, "closely": 0}
    closely, highest = batch._search_closely, batch._choose_highest

    def count_closely(block, cells, method):
        searched["closely"] += len(cells.row)
        return closely(block, cells, method)

    def count_highest(tau2, block, method, rows, found):
        searched["several"] += len(rows)
        highest(tau2, block, method, rows, found)

    effect, variance = random_data(33, 300, 3, 3.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "_search_closely", count_closely)
        patch.setattr(batch, "_choose_highest", count_highest)
        pool_many(effect, variance, tau2_method=tau2_method)
    assert min(searched.values()) > 0


@pytest.mark.parametrize(
    ("effect", "variance"),
    [
        ([-0.284, 0.389, -0.222], [0.1556, 0.0288, 0.2072]),
        ([-0.118, 0.402, -0.371], [0.0149, 0.0581, 0.1494]),
        ([0.584, -0.104, -1.255], [0.2659, 0.1165, 0.4075]),
        ([1.24, 1.30, 4.89], [0.00028, 0.00037, 0.75]),  # two maxima above zero
    ],
)
@pytest.mark.parametrize("tau2_method", ["REML", "ML"])
def test_low_and_several_maxima_are_found(effect, variance, tau2_method):
    numba = pool_many(effect, variance, tau2_method=tau2_method, engine="numba")
    numpy = pool_many(effect, variance, tau2_method=tau2_method)
    assert_same(numba, numpy, np.array([min(variance)]))


def test_bad_and_empty_rows_have_their_reasons():
    nan, inf = np.nan, np.inf
    effect = [[0.1, 0.2, 0.4], [nan, 0.2, 0.4], [0.1, inf, 0.4], [0.1, 0.2, 0.4], [0.1, 0.2, 0.4]]
    variance = [[0.1, 0.2, 0.4], [0.1, 0.2, 0.4], [0.1, 0.2, 0.4], [0.1, 0.0, 0.4], [0.1, nan, 1]]
    everything = np.ones((5, 3), dtype=bool)
    few = np.array([[1, 0, 1], [0, 1, 1], [1, 0, 1], [0, 0, 0], [1, 0, 0]], dtype=bool)
    for mask in (everything, few):
        numba = pool_many(effect, variance, mask, engine="numba")
        assert_same(numba, pool_many(effect, variance, mask), np.ones(5))
    assert len(pool_many(np.empty((0, 3)), np.empty((0, 3)), engine="numba")) == 0
    none = pool_many(np.empty((2, 0)), np.empty((2, 0)), engine="numba")
    assert none.reason.tolist() == [Reason.NO_STUDIES] * 2


def test_a_row_that_does_not_settle_is_flagged(monkeypatch):
    monkeypatch.setattr(batch, "RULES", batch.RULES._replace(most_steps=1))
    rows = pool_many([0.1, 0.9, 2.0, -1.0], [0.02, 0.3, 0.05, 0.1], engine="numba")
    assert rows.reason[0] & Reason.NOT_CONVERGED


def test_the_rules_are_those_of_numpy(monkeypatch):
    """A rule that is changed changes both: without the close search the low maximum is missed."""
    low = [-0.284, 0.389, -0.222], [0.1556, 0.0288, 0.2072]
    assert pool_many(*low, tau2_method="ML", engine="numba").tau2[0] > 0
    monkeypatch.setattr(batch, "RULES", batch.RULES._replace(close_tilt=1.0))
    assert pool_many(*low, tau2_method="ML", engine="numba").tau2[0] == 0


def test_subsets_permutations_bootstrap_and_simulation_take_the_engine():
    effect, variance = (a[0] for a in random_data(3, 1, 9, 1.5))
    numba, numpy = (gosh(effect, variance, engine=engine) for engine in ("numba", "numpy"))
    np.testing.assert_allclose(numba.tau2, numpy.tau2, rtol=SAME, atol=SAME * variance.min())
    tests = [permutation_test(effect, variance, engine=e) for e in ("numba", "numpy")]
    assert tests[0] == tests[1]
    drawn = [bootstrap(effect, variance, draws=500, engine=e) for e in ("numba", "numpy")]
    np.testing.assert_allclose(drawn[0].estimates, drawn[1].estimates, rtol=1e-10)
    design = Design("five small trials", (20,) * 5, (20,) * 5, tau2=0.1)
    tables = [simulate(design, n=2000, engine=e).table for e in ("numba", "numpy")]
    # widths are means of intervals, coverages means of what intervals hold
    numbers = ["coverage", "excludes_zero", "width", "tau2_estimate", "tau2_zero"]
    np.testing.assert_allclose(tables[0][numbers], tables[1][numbers], rtol=1e-10)


def test_an_unknown_engine_is_refused():
    with pytest.raises(ReviewError, match="engine"):
        pool_many([0.1, 0.2], [0.1, 0.2], engine="fortran")


def test_without_numba_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "analysis_lib.pooling.compiled", raising=False)
    monkeypatch.delattr("analysis_lib.pooling.compiled", raising=False)
    with pytest.raises(ReviewError, match=r"numba is not installed .*analysis-lib\[fast\]"):
        pool_many([0.1, 0.2], [0.1, 0.2], engine="numba")
