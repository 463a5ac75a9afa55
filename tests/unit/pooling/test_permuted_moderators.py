"""Are permutation p values of moderators those of R's permutest, and what their definition says?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from golden_cases import agree, load
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

import analysis_lib as al
from analysis_lib.pooling.permuted_moderators import permuted_moderators

COUNTED = 1e-12  # shares of whole numbers
DATA = load("permutest")["datasets"]
ENTRIES = [entry for entry in load("permutest")["entries"] if "moderator" in entry]
FAMILY = "metafor: permutation test"


def regression(name: str, moderator: str, **methods: Any) -> al.MetaRegression:
    columns = DATA[name]["columns"]
    x = columns[moderator]
    if isinstance(x[0], str):
        x = [float(level != min(x)) for level in x]
    return al.meta_regression(columns["yi"], columns["vi"], {moderator: x}, **methods)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])
def test_all_orders_give_the_p_value_of_r(entry: dict[str, Any]) -> None:
    moderator, tau2_method = entry["moderator"], entry["id"].split("|")[-1]
    found = permuted_moderators(regression(entry["dataset"], moderator, tau2_method=tau2_method))
    assert found.exact
    p, reason = found.p_values[moderator], "shares of whole numbers"
    agree(
        FAMILY, "p of moderator", p, entry["out"]["QMp"], COUNTED, where=entry["id"], reason=reason
    )


@pytest.mark.slow
def test_drawn_orders_are_near_all_of_them() -> None:
    # k = 8: 40 320 orders, of which 999 are drawn; the p values of two seeds differ by chance alone
    generator = np.random.default_rng(5)
    fit = al.meta_regression(
        generator.normal(size=8), generator.uniform(0.1, 0.4, 8), {"x": generator.normal(size=8)}
    )
    first, again, other = (permuted_moderators(fit, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert (first.orders, first.exact, first.seed) == (999, False, 1)
    # four standard errors of the difference of two shares of 999
    assert abs(first.p_values["x"] - other.p_values["x"]) < 4 * np.sqrt(2 * 0.25 / 999)


def test_a_factor_is_tested_as_a_whole() -> None:
    columns = al.indicators("where", ["a", "a", "b", "b", "c", "c"])
    fit = al.meta_regression([0, 0.1, 1, 1.1, 2, 2.2], [0.02] * 6, columns)
    found = permuted_moderators(fit, {"where": list(columns)})
    assert set(found.p_values) == {"where"}
    # the three pairs can change places, and each pair its members: 3! 2^3 of 720 orders
    assert found.p_values["where"] == pytest.approx(48 / 720, rel=COUNTED)


@given(
    st.lists(st.floats(-2, 2), min_size=5, max_size=5, unique=True), st.sampled_from(["HK", "wald"])
)
@examples(20)
def test_the_observed_order_is_always_among_those_counted(x: list[float], ci_method: str) -> None:
    if np.ptp(x) < 1e-3:
        return
    fit = al.meta_regression([0.1, 0.5, 0.2, 0.9, 0.4], [0.1, 0.2, 0.1, 0.3, 0.2], {"x": x},
                             ci_method=ci_method)  # fmt: skip
    assert 1 / 120 <= permuted_moderators(fit).p_values["x"] <= 1


def test_an_exact_fit_gives_no_error() -> None:
    fit = al.meta_regression([0.0, 1, 2, 3], [0.1] * 4, {"x": [0, 1, 2, 3]}, ci_method="HK")
    assert permuted_moderators(fit).p_values["x"] == pytest.approx(2 / 24, rel=COUNTED)


def test_what_cannot_be_is_named() -> None:
    fit = regression("bcg_RR_k5", "ablat")
    with pytest.raises(al.ReviewError, match="terms must be one of intercept, ablat"):
        permuted_moderators(fit, {"x": ["x"]})
    with pytest.raises(al.ReviewError, match="draws must be at least 1, got 0"):
        permuted_moderators(fit, draws=0)
