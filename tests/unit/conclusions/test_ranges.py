"""Are medians and ranges over the sets those of the sets, each computed on its own?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import analysis_lib as al
from analysis_lib.base.errors import ReviewError
from analysis_lib.conclusions import ranges
from analysis_lib.conclusions.stability import Draws, draws, share
from analysis_lib.pooling.leaving_out import baujat, gosh, influence
from analysis_lib.pooling.subgroups import subgroup_analysis
from analysis_lib.review.subgroups import high_risk_or_not

# pool_many and pool solve the same equation by two roads; worst seen 2e-9
SOLVED = 1e-6


@pytest.fixture(scope="module")
def found(review: al.Review) -> Draws:
    return draws(review, al.study_effects(review, "pain", "ETP"))


def quantiles(values: list[float]) -> list[float]:
    return np.quantile(values, (0.5, 0.025, 0.975)).tolist()


@given(arrays(float, st.integers(2, 40), elements=st.floats(-1e3, 1e3)))
def test_a_spread_holds_its_median(values: np.ndarray) -> None:
    middle, low, high = ranges.spread(values)
    assert values.min() <= low <= middle <= high <= values.max()


def test_what_is_absent_everywhere_has_no_median() -> None:
    middle, low, high = ranges.spread(np.array([[np.nan, 1.0], [np.nan, 3.0]]))
    assert np.isnan([middle[0], low[0], high[0]]).all()
    assert middle[1] == 2.0


def test_each_trial_is_left_out_of_every_set(review: al.Review, found: Draws) -> None:
    table = ranges.trials_left_out(found, review.trial_names, review.info.methods)
    assert list(table["left_out"]) == [
        *dict.fromkeys(review.trial_names[t] for t in found.effects.table["trial"]),
        "",
    ]
    one_by_one = [
        member.without("kell-2009").pool(**review.info.methods) for member in found.members()
    ]
    kell = table.set_index("left_out").loc["Kell 2009"]
    for name, values in {
        "estimate": [fit.estimate for fit in one_by_one],
        "ci_high": [fit.ci[1] for fit in one_by_one],
        "i2": [fit.i2 for fit in one_by_one],
    }.items():
        ends = kell[[name, f"{name}_low", f"{name}_high"]].tolist()
        assert ends == pytest.approx(quantiles(values), abs=SOLVED)
    excluded = np.mean([not fit.ci[0] <= 0 <= fit.ci[1] for fit in one_by_one])
    assert kell["excludes"] == excluded


def test_the_review_prints_what_the_sets_say_without_kell(review: al.Review, found: Draws) -> None:
    """The printed result was aimed at, so that its range is within its rounding."""
    table = ranges.trials_left_out(found, review.trial_names, review.info.methods)
    kell = table.set_index("left_out").loc["Kell 2009"]
    printed = review.published.set_index("id").loc["pain-ETP-without-kell"]
    for name in ("estimate", "ci_low", "ci_high"):
        assert kell[f"{name}_low"] == pytest.approx(printed[name], abs=0.0051)
        assert kell[f"{name}_high"] == pytest.approx(printed[name], abs=0.0051)


@pytest.mark.slow
def test_pulls_and_diagnostics_are_those_of_each_set(found: Draws) -> None:
    pairs = list(zip(found.effect, found.variance, strict=True))
    pulls = ranges.pulls(found, "REML")
    theirs = [baujat(*pair, tau2_method="FE")["q_contribution"][5] for pair in pairs]
    ends = pulls.loc[5, ["q_contribution", "q_contribution_low", "q_contribution_high"]].tolist()
    assert ends == pytest.approx(quantiles(theirs))
    hats = [influence(*pair, tau2_method="REML")["hat"][0] for pair in pairs]
    table = ranges.diagnostics(found, "REML")
    assert table.loc[0, ["hat", "hat_low", "hat_high"]].tolist() == pytest.approx(quantiles(hats))
    assert tuple(table["label"]) == found.effects.labels


def test_every_subset_of_every_set_is_pooled(found: Draws) -> None:
    few = Draws(found.effects, found.effect[:3], found.variance[:3])
    cloud = ranges.subsets(few, "Kell 2009")
    assert (cloud.subsets, cloud.sets) == (2**9 - 1 - 9, 3)
    assert len(cloud.estimate) == len(cloud.i2) == len(cloud.with_it) == 3 * cloud.subsets
    theirs = gosh(few.effect[2], few.variance[2], labels=found.effects.labels)
    kept = theirs.k > 1
    ours = slice(2 * cloud.subsets, None)
    assert sorted(cloud.estimate[ours]) == pytest.approx(sorted(theirs.estimate[kept]), abs=SOLVED)
    with_kell = cloud.estimate[ours][cloud.with_it[ours]]
    expected = theirs.estimate[kept & theirs.includes("Kell 2009")]
    assert sorted(with_kell) == pytest.approx(sorted(expected), abs=SOLVED)


def test_a_comparison_that_is_not_there_is_told(found: Draws) -> None:
    with pytest.raises(ReviewError, match="no comparison 'Nobody 1900' among Aasa 2015"):
        ranges.subsets(found, "Nobody 1900")


def test_subgroups_are_pooled_in_every_set(review: al.Review, found: Draws) -> None:
    groups = high_risk_or_not(review, found.effects)
    ours = ranges.subgroups(found, groups, review.info.methods)
    fits = [subgroup_analysis(x.effect, x.variance, groups, **x.methods) for x in found.members()]
    for row in ours.table.to_dict("records"):
        theirs = [fit.fits[row["level"]].estimate for fit in fits]
        ends = [row[name] for name in ("estimate", "estimate_low", "estimate_high")]
        assert ends == pytest.approx(quantiles(theirs), abs=SOLVED)
    assert ours.differ == np.mean([fit.p_value < 0.05 for fit in fits])


def test_specifications_hold_the_main_one(review: al.Review, found: Draws) -> None:
    table = ranges.specification_ranges(found, [(), ("kell-2009",)])
    assert table.count == 2 * (4 * 3 * 2 + 3)
    low, high = table.estimates
    assert low < found.effects.pool().estimate < high
    assert table.pi_excludes is not None
    for ends in (table.ci_excludes, table.pi_excludes):
        assert 0 <= ends[1] <= ends[0] <= ends[2] <= 1


def test_a_statement_holds_as_stability_says(review: al.Review, found: Draws) -> None:
    """Without Gibbs the interval leaves out no difference in nearly all sets, not in all."""
    table = ranges.trials_left_out(found, review.trial_names, review.info.methods)
    gibbs = table.set_index("left_out").loc["Gibbs 2022", "excludes"]
    less = found.effects.without("gibbs-2022")
    agree = share(review, less, lambda x: x.pool().ci[1] < 0)
    assert gibbs == pytest.approx(agree)
    assert ranges.holds(gibbs) is True
    assert ranges.holds(0.5) is None
    assert ranges.holds(0.05) is False
