"""Is a standard error that was typed as a standard deviation asked about, and little else?"""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

import analysis_lib as al
from analysis_lib.review.spreads import DoubtfulSpread, doubtful_spreads


def typed(
    review: al.Review, *sds: float, n: int = 25, outcome: str = "pain", **more: object
) -> tuple[DoubtfulSpread, ...]:
    """Return what is found if these are the SDs of the first arms of the review at one time."""
    rows = review.arms[["trial", "arm"]].head(len(sds)).assign(
        outcome=outcome, time="STP", n=n, mean=4.0, sd=sds, scale_min=0.0, scale_max=10.0, **more
    )  # fmt: skip
    return doubtful_spreads(dataclasses.replace(review, arm_results=rows))


def test_a_standard_error_is_named_with_trial_arm_outcome_and_time(review: al.Review) -> None:
    (found,) = typed(review, 2.0, 2.2, 0.4, 2.4)
    arm = review.arms.iloc[2]
    assert found.trial == review.trial_names[arm["trial"]]
    assert found.arm == arm["label_printed"]
    assert (found.outcome, found.time, found.sd) == ("pain", "STP", 0.4)
    assert found.others_median == pytest.approx(2.2)
    assert found.sd_if_se == pytest.approx(0.4 * 25**0.5)
    assert str(found) == (
        f"{found.trial}, {found.arm}, Pain intensity, STP: the SD of 0.4 is small beside those of "
        "the other arms (median 2.2); as a standard error it would mean an SD of 2"
    )


def test_two_arms_of_ordinary_spread_or_too_few_to_compare_say_nothing(review: al.Review) -> None:
    assert typed(review, 2.0, 2.2, 1.4, 2.4) == ()
    assert typed(review, 2.0, 0.4) == ()
    assert typed(review, 2.0, 2.2, 0.4, n=1) == ()  # one person has no SD that pools


def test_spreads_on_other_scales_are_compared_as_shares_of_them(review: al.Review) -> None:
    wide = {"scale_max": [10.0, 100.0, 100.0, 10.0]}
    rows = review.arms[["trial", "arm"]].head(4).assign(
        outcome="pain", time="STP", n=25, mean=4.0, sd=[2.0, 22.0, 4.0, 2.4], scale_min=0.0, **wide
    )  # fmt: skip
    (found,) = doubtful_spreads(dataclasses.replace(review, arm_results=rows))
    assert found.sd == 4.0
    assert found.others_median == pytest.approx(22.0)  # on the scale of the arm
    assert found.sd_if_se == pytest.approx(20.0)


def test_unlike_instruments_without_a_scale_are_not_compared(review: al.Review) -> None:
    sds = (2.0, 2.2, 0.4, 2.4)
    nothing = {"scale_min": float("nan"), "scale_max": float("nan")}
    rows = (
        review.arms[["trial", "arm"]].head(4).assign(time="STP", n=25, mean=4.0, sd=sds, **nothing)
    )
    measures = review.outcomes.set_index("outcome")["measure"]
    for outcome, measure, known in (("pain", "MD", 1), ("disability", "SMD", 0)):
        assert measures[outcome] == measure
        results = rows.assign(outcome=outcome)
        assert len(doubtful_spreads(dataclasses.replace(review, arm_results=results))) == known


def test_times_and_outcomes_are_not_mixed(review: al.Review) -> None:
    rows = review.arms[["trial", "arm"]].head(4).assign(
        outcome="pain", time=["STP", "STP", "ETP", "ETP"], n=25, mean=4.0,
        sd=[2.0, 2.2, 0.4, 2.4], scale_min=0.0, scale_max=10.0,
    )  # fmt: skip
    assert doubtful_spreads(dataclasses.replace(review, arm_results=rows)) == ()
    both = pd.concat([rows.assign(time="STP"), rows.assign(time="ETP", sd=2.0)])
    (found,) = doubtful_spreads(dataclasses.replace(review, arm_results=both))
    assert (found.time, found.sd) == ("STP", 0.4)
