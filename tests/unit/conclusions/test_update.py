"""What would a new trial do, and does the record of versions tell what changed?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from figure_texts import clipped_texts, overlapping_texts
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT
from properties import examples

import analysis_lib as al
from analysis_lib.base.errors import ReviewError
from analysis_lib.conclusions.update import (
    ABOVE,
    BELOW,
    INCLUDES,
    prompted_steps,
    side_of,
    simulate_update,
    smallest_trial,
    update_map,
)
from analysis_lib.conclusions.versions import (
    COMPUTED,
    NUMBERS,
    PRINTED,
    RESULTS,
    VERSIONS,
    data_fingerprint,
    read_versions,
    record_version,
    whats_new,
)
from analysis_lib.importing.registry import read_record
from analysis_lib.importing.screening import parse_rules, screen
from analysis_lib.plots import look
from analysis_lib.plots.funnels import extended_funnel
from analysis_lib.pooling.pooled_effect import pool

# pool_many agrees with pool to 1e-8; worst seen here: 2e-14.
AGREEMENT = 1e-8
# Shares of 4,000 draws: the standard error of a share is at most 0.008; five of them.
# Worst of 20 seeds: 0.019.
SHARE = 0.04
# The mean of 4,000 draws with SD 0.28: five standard errors. Worst of 20 seeds: 0.0075.
MEAN = 0.022
# Their variance: five standard errors, each sqrt(2 / 4,000). Worst of 20 seeds: 0.047.
SPREAD = 0.112
# The mean of 4,000 sampling variances, of relative SD 0.14: five standard errors, and some.
# Worst of 20 seeds: 0.004.
REPORTED = 0.012

EFFECT, VARIANCE, LABELS = [-0.3, -0.6, 0.0], [0.05, 0.08, 0.04], ["A", "B", "C"]


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def review() -> al.Review:
    return al.load_review(ROOT / "data")


# --- one trial more -------------------------------------------------------------------------------


def test_an_interval_that_touches_zero_includes_it() -> None:
    low, high = [-2, -2, -2, 0, 1, np.nan], [-1, 0, 1, 1, 2, np.nan]
    assert side_of(low, high).tolist() == [BELOW, INCLUDES, INCLUDES, INCLUDES, ABOVE, INCLUDES]


@pytest.mark.parametrize("options", [{}, {"tau2_method": "DL", "ci_method": "HK"}])
def test_every_draw_is_pooled_as_it_would_be_alone(options: dict[str, str]) -> None:
    found = simulate_update(
        EFFECT, VARIANCE, per_arm=30, true_effect=-0.5, sd=2.0, draws=20, **options
    )
    for i in range(20):
        y, v = [*EFFECT, found.new_effect[i]], [*VARIANCE, found.new_variance[i]]
        alone = pool(y, v, **options)
        low, high = alone.prediction_interval or (np.nan, np.nan)
        expected = (alone.estimate, *alone.ci, alone.tau2, low, high)
        names = ("estimate", "ci_low", "ci_high", "tau2", "pi_low", "pi_high")
        seen = [getattr(found.after, name)[i] for name in names]
        assert seen == pytest.approx(expected, abs=AGREEMENT)


def test_the_trials_drawn_are_those_assumed() -> None:
    n, sd, truth = 50, 1.4, -0.5
    found = simulate_update(
        EFFECT, VARIANCE, per_arm=n, true_effect=truth, sd=sd, draws=4_000, seed=3
    )
    expected = sd**2 * 2 / n
    assert found.new_effect.mean() == pytest.approx(truth, abs=MEAN)
    assert found.new_effect.var() == pytest.approx(expected, rel=SPREAD)
    assert found.new_variance.mean() == pytest.approx(expected, rel=REPORTED)


def test_without_heterogeneity_the_share_is_the_power_of_a_z_test() -> None:
    """With two equal trials (FE), the updated z is normal: its tail can be computed by hand."""
    from scipy.special import ndtr

    v, n, sd, truth = 0.04, 200, 2.0, 0.3
    found = simulate_update(
        [0.2], [v], per_arm=n, true_effect=truth, sd=sd, draws=4_000, tau2_method="FE"
    )
    new = sd**2 * 2 / n
    total = 1 / v + 1 / new
    mean, spread = (0.2 / v + truth / new) / total, np.sqrt(1 / new) / total
    limit = 1.959964 / np.sqrt(total)
    assert found.share(ABOVE) == pytest.approx(1 - ndtr((limit - mean) / spread), abs=SHARE)
    assert found.changed == pytest.approx(found.share(ABOVE) + found.share(BELOW))


def test_the_same_seed_gives_the_same_draws_and_another_gives_others() -> None:
    first, again, other = (
        simulate_update(EFFECT, VARIANCE, per_arm=20, true_effect=0.0, draws=50, seed=s)
        for s in (5, 5, 6)
    )
    assert np.array_equal(first.after.estimate, again.after.estimate)
    assert not np.array_equal(first.after.estimate, other.after.estimate)


def test_standardised_trials_are_drawn_with_the_variance_of_g() -> None:
    found = simulate_update(
        EFFECT, VARIANCE, per_arm=25, true_effect=-0.4, measure="SMD", draws=500
    )
    expected = 2 / 25 + found.new_effect**2 / (2 * 50)
    assert found.new_variance == pytest.approx(expected)


def test_the_certainty_prompts_are_asked_only_where_wanted() -> None:
    plain = simulate_update(EFFECT, VARIANCE, per_arm=20, true_effect=0.0, draws=20)
    assert plain.steps_before is plain.steps_after is plain.rated_down_more is None
    given = {"per_arm": 500, "sd": 2.0, "draws": 40, "mid": 0.5, "prompts": True}
    far = simulate_update(EFFECT, VARIANCE, true_effect=-3.0, participants=200, **given)
    # An effect far from all others makes the results inconsistent.
    assert (far.rated_down_more, far.rated_down_less) == (1.0, 0.0)
    near = simulate_update(EFFECT, VARIANCE, true_effect=-0.1, participants=200, **given)
    assert near.rated_down_less > 0.9  # and a large one among them makes them precise
    assert near.steps_before == prompted_steps(near.before, 200, 0.5, 2.0)


@pytest.mark.parametrize("true_effect", [-3.0, -0.5, 0.0, 0.6])
@pytest.mark.parametrize(("per_arm", "participants"), [(8, 40), (30, 500), (30, None), (300, 200)])
@pytest.mark.parametrize("mid", [None, 0.2, 0.5])
def test_the_steps_of_each_draw_are_those_of_its_prompts(
    true_effect: float, per_arm: int, participants: float | None, mid: float | None
) -> None:
    found = simulate_update(
        EFFECT,
        VARIANCE,
        per_arm=per_arm,
        true_effect=true_effect,
        participants=participants,
        mid=mid,
        prompts=True,
        draws=40,
    )
    more = None if participants is None else participants + 2 * per_arm
    assert found.steps_after.tolist() == [
        prompted_steps(pool([*EFFECT, y], [*VARIANCE, v]), more, mid, 1.0)
        for y, v in zip(found.new_effect, found.new_variance, strict=True)
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"per_arm": 1},
        {"per_arm": 2.5},
        {"per_arm": True},
        {"sd": 0.0},
        {"sd": float("nan")},
        {"draws": 0},
        {"draws": 10**9},
        {"measure": "OR"},
        {"measure": "SMD", "sd": 2.0},
        {"true_effect": float("inf")},
        {"tau2": -1.0},
    ],
)
def test_a_trial_that_cannot_be_run_is_told(wrong: dict[str, object]) -> None:
    with pytest.raises(ReviewError):
        simulate_update(EFFECT, VARIANCE, **{"per_arm": 20, "true_effect": 0.0, **wrong})


# --- every result that a trial may have -----------------------------------------------------------


@examples(15)
@given(row=st.integers(0, 8), column=st.integers(0, 12))
def test_each_point_of_the_map_is_a_pooled_analysis(row: int, column: int) -> None:
    found = update_map(EFFECT, VARIANCE, columns=13, rows=9)
    alone = pool([*EFFECT, found.effect[column]], [*VARIANCE, found.se[row] ** 2])
    seen = (found.ci_low[row, column], found.ci_high[row, column])
    assert seen == pytest.approx(alone.ci, abs=AGREEMENT)
    assert found.side[row, column] == side_of(*alone.ci)


def test_the_map_turns_with_the_signs() -> None:
    found = update_map(EFFECT, VARIANCE, effect_range=(-2, 2), columns=21, rows=5)
    turned = update_map([-y for y in EFFECT], VARIANCE, effect_range=(-2, 2), columns=21, rows=5)
    assert np.array_equal(turned.side, -found.side[:, ::-1])
    assert {BELOW, INCLUDES} <= set(found.side.ravel().tolist())


def test_a_map_without_points_or_range_is_told() -> None:
    for wrong in ({"rows": 1}, {"effect_range": (1.0, 1.0)}, {"largest_se": 0.0}):
        with pytest.raises(ReviewError):
            update_map(EFFECT, VARIANCE, **wrong)


# --- the number of people -------------------------------------------------------------------------


def test_the_smallest_trial_changes_the_conclusion_and_one_person_less_does_not() -> None:
    found = smallest_trial(EFFECT, VARIANCE, observed=-0.5, sd=2.0)
    assert (found.before, found.after) == (INCLUDES, BELOW)
    assert found.per_arm is not None
    for n, side in ((found.per_arm, BELOW), (found.per_arm - 1, INCLUDES)):
        after = pool([*EFFECT, -0.5], [*VARIANCE, 2.0**2 * 2 / n])
        assert side_of(*after.ci) == side


def test_a_conclusion_can_be_out_of_reach_of_any_single_trial() -> None:
    """Effects far apart: no trial outweighs 1 / tau2, not even one without error."""
    found = smallest_trial([-3.0, 0.2, 2.5], [0.01, 0.01, 0.01], observed=-1.0, largest=500)
    assert found.per_arm is None
    assert found.before == found.after == found.limit == INCLUDES


def test_a_clear_result_can_become_unclear() -> None:
    found = smallest_trial([-0.5, -0.6], [0.03, 0.04], observed=1.0, measure="SMD")
    assert (found.before, found.after) == (BELOW, INCLUDES)


@pytest.mark.parametrize("wrong", [{"observed": float("nan")}, {"largest": 1}, {"sd": -1.0}])
def test_a_size_that_cannot_be_looked_for_is_told(wrong: dict[str, float]) -> None:
    with pytest.raises(ReviewError):
        smallest_trial(EFFECT, VARIANCE, **{"observed": 0.0, **wrong})


# --- the extended funnel plot ---------------------------------------------------------------------


def test_the_extended_funnel_is_legible_and_describes_itself() -> None:
    found = update_map(EFFECT, VARIANCE, labels=LABELS, columns=41, rows=31)
    details = pd.DataFrame({"provenance": ["reported", "reconstructed", "reported"]}, LABELS)
    ax = extended_funnel(
        found, details=details, favours=("favours one", "favours two"), title="Pain"
    )
    assert clipped_texts(ax) == []
    assert overlapping_texts(ax) == []
    assert "3 comparisons" in look.alt_text(ax)
    assert "favours one" in look.alt_text(ax)
    assert "reconstructed, not reported" in look.caption(ax)
    points = [line for line in ax.lines if line.get_marker() == "o"]
    assert sorted(len(line.get_xdata()) for line in points) == [1, 2]
    assert {line.get_markerfacecolor() for line in points} == {"white", look.BLUE}


def test_the_regions_are_painted_where_the_map_has_them() -> None:
    clear = update_map(EFFECT, VARIANCE, columns=41, rows=31)
    legend = [t.get_text() for t in extended_funnel(clear).get_legend().get_texts()]
    sides = set(clear.side.ravel().tolist())
    assert sum(text.startswith("afterwards") for text in legend) == len(sides)
    stuck = update_map([-3.0, 0.2, 2.5], [0.01] * 3, effect_range=(-1, 1), columns=11, rows=5)
    only = [t.get_text() for t in extended_funnel(stuck).get_legend().get_texts()]
    assert [t for t in only if t.startswith("after")] == [
        "afterwards, the pooled interval lies on both sides of no difference"
    ]


@pytest.mark.slow
def test_the_extended_funnel_of_ratios_stands_on_their_axis() -> None:
    found = update_map(EFFECT, VARIANCE, labels=LABELS, columns=41, rows=31)
    ax = extended_funnel(found, measure="RR", unit="points", name_points=False)
    assert ax.get_xscale() == "log"
    assert ax.get_xlim() == pytest.approx(np.exp(found.effect[[0, -1]]))
    points = next(line for line in ax.lines if line.get_marker() == "o")
    assert points.get_xdata() == pytest.approx(np.exp(EFFECT))
    upright = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "None"]
    assert upright == pytest.approx([1.0, np.exp(found.before.estimate)])
    assert ax.get_xlabel() == "Risk ratio in the new trial (log scale)"
    assert "of log RR" in ax.get_ylabel()
    assert "1" in [label.get_text() for label in ax.get_xticklabels()]
    words = " ".join(text.get_text() for text in ax.get_legend().get_texts())
    assert "below 1" in words + look.alt_text(ax)
    assert "zero" not in words + look.alt_text(ax)
    # What was painted lies in the same place on both axes.
    plain = extended_funnel(found, measure="MD", name_points=False)
    ends = [
        np.vstack([path.vertices for c in drawn.collections for path in c.get_paths()])
        for drawn in (ax, plain)
    ]
    assert ends[0][:, 0].min() == pytest.approx(np.exp(ends[1][:, 0].min()))
    assert plain.get_xlabel() == "MD in the new trial"
    assert "below zero" in look.alt_text(plain) + plain.get_legend().get_texts()[0].get_text()


# --- a made-up trial, from the record to the result -----------------------------------------------


def test_a_made_up_eligible_trial_is_accepted_and_moves_the_result(review: al.Review) -> None:
    record = replace(
        read_record(review.path / "registry" / "NCT05706103.json"),
        id="NCT99999999",
        title="A made-up trial",
        interventions=("Barbell training only: three sets of 8RM", "Bodyweight exercise only"),
        arms=("Barbell", "Bodyweight"),
        outcomes=("Pain intensity (NPRS)",),
        conditions=("Low Back Pain",),
        inclusion=("Adults with chronic non-specific low back pain",),
        exclusion=("Specific LBP", "Spinal surgery", "Concomitant treatment"),
    )  # fmt: skip
    text = (review.path / "screening_rules.toml").read_text(encoding="utf-8")
    decision = screen(record, review.criteria, parse_rules(text, review.criteria))
    assert decision.decision == "include"
    effects = al.study_effects(review, "pain", "ETP")
    new = al.mean_difference(60, 3.0, 2.0, 60, 4.0, 2.0)
    before = pool(effects.effect, effects.variance)
    after = pool([*effects.effect, *new.effect], [*effects.variance, *new.variance])
    assert after.k == before.k + 1
    assert after.estimate < before.estimate
    assert after.se < before.se


# --- versions -------------------------------------------------------------------------------------


def test_a_version_holds_every_result_once(review: al.Review) -> None:
    head, results = record_version(review, "2.0", "2026-01-02", basis=COMPUTED, status="living")
    assert len(head) == 1
    assert not results.duplicated(["outcome", "follow_up"]).any()
    pain = results.query("outcome == 'pain' and follow_up == 'ETP'").iloc[0]
    fit = al.study_effects(review, "pain", "ETP").pool(**review.info.methods)
    numbers = [fit.estimate, *fit.ci, *(fit.prediction_interval or ())]
    assert pain[list(NUMBERS)].tolist() == pytest.approx(numbers, abs=1e-6)  # six decimals are kept
    assert (pain["k"], pain["certainty"]) == (fit.k, "very low")


def test_the_printed_version_holds_the_printed_results(review: al.Review) -> None:
    _, results = record_version(review, "1.0", "2025-12-05", basis=PRINTED, status="published")
    pain = results.query("outcome == 'pain' and follow_up == 'ETP'").iloc[0]
    assert (pain["estimate"], pain["ci_low"], pain["ci_high"]) == (-0.52, -0.92, -0.08)


@pytest.mark.parametrize(
    "wrong", [{"basis": "guessed"}, {"version": " "}, {"date": "some day"}], ids=str
)
def test_a_record_that_cannot_be_made_is_told(review: al.Review, wrong: dict[str, str]) -> None:
    given = {"version": "2", "date": "2026-01-01", "basis": PRINTED, "status": "", **wrong}
    with pytest.raises(ReviewError):
        record_version(review, given.pop("version"), given.pop("date"), **given)


def test_what_is_new_is_told_from_two_records(review: al.Review) -> None:
    first = record_version(review, "1", "2025-12-05", basis=PRINTED, status="published")
    second = record_version(review, "2", "2026-01-01", basis=COMPUTED, status="living")
    first[0].loc[0, "trials"] = "; ".join([*review.trials["trial"][1:], "gone-1990"])
    turned = (second[1]["outcome"] == "pain") & (second[1]["follow_up"] == "STP")
    second[1].loc[turned, ["estimate", "ci_low", "ci_high"]] = [-0.6, -1.0, -0.2]
    heads, results = (
        pd.concat(pair, ignore_index=True) for pair in zip(first, second, strict=True)
    )
    news = whats_new(review, heads, results)
    assert news.trials.to_numpy().tolist() == [["Aasa 2015", "added"], ["gone-1990", "removed"]]
    row = news.results.query("outcome == 'Pain intensity'").iloc[0]
    assert row["Before"] == "−0.48 (−1.15 to 0.18)"
    assert row["Now"] == "−0.60 (−1.00 to −0.20)"
    assert row["Conclusion"] == "favours loaded; before: no clear difference"
    assert "one trial was added and one trial was removed" in news.summary
    assert "changed for pain intensity (short training programs)" in news.summary
    assert news.history["Version"].tolist() == ["2", "1"]
    status = news.status.set_index("What")["This version"]
    assert "reconstructed, not reported" in status["Results are"]
    assert status["Data since then"] == "unchanged"


def test_more_is_better_turns_what_an_interval_says(review: al.Review) -> None:
    only = record_version(review, "1", "2025-12-05", basis=PRINTED, status="")
    news = whats_new(review, *only)
    endurance = news.results.query("outcome == 'Back muscle endurance'")
    assert set(endurance["Conclusion"]) == {"favours loaded"}
    assert "the first version" in news.summary
    assert news.trials.empty


def test_data_that_changed_since_are_told(review: al.Review) -> None:
    record = record_version(review, "1", "2026-01-01", basis=COMPUTED, status="")
    arms = review.arms.copy()
    arms.loc[0, "n"] += 1
    changed = replace(review, arms=arms)
    assert data_fingerprint(changed) != data_fingerprint(review)
    assert "have changed" in whats_new(changed, *record).summary
    assert "are those of this version" in whats_new(review, *record).summary


def test_records_that_cannot_be_read_are_told(review: al.Review) -> None:
    heads, results = record_version(review, "1", "2026-01-01", basis=PRINTED, status="")
    for wrong in (heads.iloc[:0], pd.concat([heads, heads]), heads.drop(columns="trials")):
        with pytest.raises(ReviewError):
            whats_new(review, wrong, results)


@pytest.mark.parametrize(
    ("name", "column", "value", "words"),
    [
        (VERSIONS, "status", "<script>", "'<script>' holds HTML or script"),
        (VERSIONS, "date", "yesterday", "'yesterday' must be a day, as in 2025-03-31"),
        (VERSIONS, "basis", "guessed", "'guessed' must be one of: printed, computed"),
        (RESULTS, "estimate", "much", "'much' is not a number"),
        (RESULTS, "k", "1.5", "'1.5' is not a whole number"),
        (RESULTS, "certainty", "good", "'good' must be one of: very low, low, moderate, high"),
    ],
)
def test_a_record_with_a_wrong_cell_is_refused_with_its_place(
    tmp_path: Path, name: str, column: str, value: str, words: str
) -> None:
    for table in (VERSIONS, RESULTS):
        rows = pd.read_csv(ROOT / "data" / f"{table}.csv", dtype="str")
        if table == name:
            rows.loc[0, column] = value
        rows.to_csv(tmp_path / f"{table}.csv", index=False)
    with pytest.raises(ReviewError) as caught:
        read_versions(tmp_path)
    assert f"{name}.csv, row 2, column {column}: {words}" in str(caught.value)
