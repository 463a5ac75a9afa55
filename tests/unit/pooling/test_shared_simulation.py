"""Are comparisons that share an arm drawn as they are, and is every interval counted as its own?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import simulate as tool
from places import DATA, ROOT

import analysis_lib as al
from analysis_lib.pooling.shared_simulation import SharedDesign, _intervals, shared_coverage

SISTERS = SharedDesign(
    "sisters", ("a", "a", "b"), (20, 30, 25), (40, 40, 25), tau2=0.09, mean=0.4, sd=(2, 2, 3)
)
STANDARD = SharedDesign("standard", ("a", "a", "b"), (20, 30, 25), (40, 40, 25), 0.0, measure="SMD")


def drawn(design: SharedDesign, n: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    sets = [design.draw(generator) for _ in range(n)]
    return np.array([s.effect for s in sets]), np.array([s.covariance for s in sets])


@pytest.mark.slow
@pytest.mark.parametrize("design", [SISTERS, STANDARD])
def test_errors_have_the_covariance_that_is_stated(design: SharedDesign) -> None:
    effects, stated = drawn(design, 20_000)
    same = np.equal.outer(np.array(design.trial), np.array(design.trial))
    expected = stated.mean(axis=0) + design.tau2 * same
    assert effects.mean(axis=0) == pytest.approx(design.mean, abs=0.03)
    # 20,000 sets know a variance to 1 %; four times that, and what a small trial's g adds
    assert np.cov(effects.T) == pytest.approx(expected, rel=0.06, abs=0.01)


def test_split_and_combined_follow_from_the_whole() -> None:
    data = SISTERS.draw(np.random.default_rng(2))
    shared = data.covariance[0, 1]
    assert data.split[0] == pytest.approx(data.covariance[0, 0] + shared)  # half an arm: twice it
    effect, variance = data.combined()
    assert effect[0] == pytest.approx((20 * data.effect[0] + 30 * data.effect[1]) / 50)
    weights = np.array([0.4, 0.6])
    assert variance[0] == pytest.approx(weights @ data.covariance[:2, :2] @ weights)


def test_counts_are_those_of_fitting_one_by_one() -> None:
    table = shared_coverage([SISTERS], n=6, seed=4).set_index("method")
    assert len(table) == 8
    key_rows = shared_coverage([SISTERS, STANDARD], n=6, seed=4)
    again = key_rows[key_rows["design"] == "sisters"].set_index("method")
    pd.testing.assert_frame_equal(table, again)  # another design leaves it as it was
    assert (table["fits"] == 6).all()
    assert table["coverage"].between(0, 1).all()


def test_names_say_what_is_computed() -> None:
    data = SISTERS.draw(np.random.default_rng(3))
    found = dict(_intervals(data, 0.9, 2.0))
    fit = al.multilevel(data.effect, data.covariance, data.trial, level=0.9)
    assert found["modelled, wald"] == fit.ci
    assert found["modelled, robust"] == al.robust(fit, data.trial).ci
    assert found["split, HK"] == al.pool(data.effect, data.split, ci_method="HK", level=0.9).ci
    prior = ("half-normal", 1.0)
    bayes = al.bayes_pool(*data.combined(), tau_prior=prior, level=0.9)
    assert found["combined, Bayes"] == bayes.ci


def test_a_finished_block_is_taken_up(tmp_path: object) -> None:
    first = shared_coverage([SISTERS], n=4, seed=4, store=str(tmp_path))
    kept = list(__import__("pathlib").Path(str(tmp_path)).iterdir())
    assert len(kept) == 1
    kept[0].write_text(kept[0].read_text().replace('"fits": 4.0', '"fits": 8.0'))
    assert (shared_coverage([SISTERS], n=4, seed=4, store=str(tmp_path))["fits"] == 8).all()
    assert (first["fits"] == 4).all()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"n_own": (20.0, 30.0)}, "need one length"),
        ({"trial": ("a", "a", "a")}, "two trials or more"),
        ({"tau2": -1.0}, "tau2 not negative"),
        ({"n_shared": (1.0, 2.0, 3.0)}, "arms of more than one"),
        ({"measure": "RR"}, "measure must be one of"),
    ],
)
def test_designs_that_cannot_be(changed: dict[str, object], told: str) -> None:
    given = {"trial": ("a", "a", "b"), "n_own": (20, 30, 25), "n_shared": (40, 40, 25), "tau2": 0.1}
    with pytest.raises(al.ReviewError, match=told):
        SharedDesign("odd", **{**given, **changed})  # type: ignore[arg-type]


def test_names_must_differ() -> None:
    with pytest.raises(al.ReviewError, match="names that differ"):
        shared_coverage([SISTERS, SISTERS], n=1)


@pytest.mark.slow
def test_the_stored_table_is_of_the_designs_of_this_review() -> None:
    stored = pd.read_csv(ROOT / "book" / "tables" / "shared_arm_coverage.csv")
    described = list(tool.shared_designs(al.load_review(DATA)))
    expected = {design.name: words["fingerprint"] for design, words in described}
    assert dict(zip(stored["design"], stored["fingerprint"], strict=True)) == expected
