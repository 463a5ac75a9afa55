"""Do trials of other designs, and what reports give in place of means, enter as R and Cochrane say?

Reference values: golden n8 (clusters, cross-over) and n1 (rates), through a folder of tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from golden_cases import load
from typed_reviews import typed

import analysis_lib as al
from analysis_lib.book.sections.analyses import draw_forest
from analysis_lib.book.sections.grading import absolute_effects, summary_table
from analysis_lib.importing.checking import check_folder
from analysis_lib.plots import alt_text
from analysis_lib.review.known_effects import MIXED, NO_RATES, NO_RATIO, NOT_PAIRED
from analysis_lib.review.open_questions import designs_of

#: Closed forms in double precision, carried through a table of text with all digits.
EXACT = 1e-12
GOLDEN = 1e-9  # R's numbers have 15 digits; one logarithm and a sum
ITERATED = 1e-6  # tau2 by REML


Make = Callable[..., al.Review]


@pytest.fixture
def review_of(tmp_path: Path) -> Make:
    def make(measure: str, **tables: Any) -> al.Review:
        return al.load_review(typed(tmp_path / "review", measure, **tables))

    return make


def arms(trial: str, first: dict[str, Any], second: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"trial": trial, "arm": "a", **first}, {"trial": trial, "arm": "b", **second}]


def columns(topic: str, name: str) -> list[dict[str, float]]:
    table = load(topic)["datasets"][name]["columns"]
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def entry(topic: str, key: str) -> dict[str, Any]:
    (found,) = [e for e in load(topic)["entries"] if e["id"] == key]
    out: dict[str, Any] = found["out"]
    return out


def rates(name: str) -> list[dict[str, Any]]:
    rows = []
    for i, c in enumerate(columns("n1", name)):
        first = {"events": int(c["x1i"]), "person_time": c["t1i"]}
        rows += arms(f"t{i}", first, {"events": int(c["x2i"]), "person_time": c["t2i"]})
    return rows


@pytest.mark.few
@pytest.mark.parametrize("measure", ["IRR", "IRD"])
def test_rates_by_arm_are_pooled_as_r_pools_them(review_of: Make, measure: str) -> None:
    effects = review_of(
        measure,
        arm_results=rates("hart1999"),
        toml='[outcome.y]\nevent_method = "MH"\nmodel = "common"',
    ).analysis("y", "w8")
    out = entry("n1", f"rma.mh|hart1999|{measure}|default")
    fit = effects.pool()
    assert effects.is_of_rates
    assert fit.estimate == pytest.approx(out["beta"], rel=GOLDEN)
    assert fit.se == pytest.approx(out["se"], rel=GOLDEN)
    assert fit.q == pytest.approx(out["QE"], rel=GOLDEN)


@pytest.mark.few
@pytest.mark.parametrize(
    ("measure", "unit", "per"),
    [
        ("IRR", "person-years", "per 1000 person-years"),
        ("IRR", "", "per 1000 units of person-time"),
        ("IRD", "events per person-year", "per 1000 person-years"),
        ("IRD", "per 100 person-years", "per 1000 units of 100 person-years"),
    ],
)
def test_rates_are_told_in_person_time(
    review_of: Make, tmp_path: Path, measure: str, unit: str, per: str
) -> None:
    """By hand: the median rate of the comparators, multiplied by the ratio or plus the rest."""
    review = review_of(measure, arm_results=rates("hart1999"), outcome={"unit": unit})
    effects = review.analysis("y", "w8")
    table = effects.table
    without = (table["events_comparator"] / table["person_time_comparator"]).median()
    fit = effects.pool()
    values = np.array([fit.estimate, *fit.ci])
    with_it = without * np.exp(values) if measure == "IRR" else np.maximum(without + values, 0)
    (found,) = absolute_effects(effects)
    assert [found.risk, *found.risk_ci] == pytest.approx(1000 * with_it)
    assert [found.difference, *found.difference_ci] == pytest.approx(1000 * (with_it - without))
    assert found.nnt == pytest.approx(1 / (without - with_it[0]))
    row = summary_table(review).iloc[0]
    assert row["Without"] == f"{1000 * without:.0f} {per}"
    assert row["With the intervention"].endswith(per)
    assert f"fewer {per}" in row["Difference"]
    assert "Number needed to treat" not in row
    toml = "[outcome.y]\nassumed_risk = [1.5]"
    words = {"outcome": {"unit": unit}, "toml": toml}
    given = al.load_review(
        typed(tmp_path / "given", measure, arm_results=rates("hart1999"), **words)
    )
    assert summary_table(given).loc[0, "Without"] == f"1500 {per}"


def test_a_risk_above_one_is_refused(review_of: Make) -> None:
    rows = arms("x", {"events": 3, "n": 20}, {"events": 4, "n": 20})
    with pytest.raises(al.ReviewError, match="a risk lies between 0 and 1, got 1"):
        review_of("RR", arm_results=rows, toml="[outcome.y]\nassumed_risk = [1.5]")


@pytest.mark.parametrize("rate", [0.0, -0.1, math.inf])
def test_a_rate_that_cannot_be_is_refused(rate: float) -> None:
    with pytest.raises(al.ReviewError, match="a rate is finite and above 0"):
        al.absolute_effect(0.8, (0.7, 0.9), "IRR", assumed_risk=rate)


def test_a_trial_without_any_event_tells_nothing_of_a_ratio_of_rates(review_of: Make) -> None:
    none = {"events": 0, "person_time": 50}
    rows = [*rates("hart1999"), *arms("silent", none, none)]
    effects = review_of("IRR", arm_results=rows).analysis("y", "w8")
    assert effects.silent is not None
    assert list(effects.silent["label"]) == ["Silent"]
    assert effects.holds_double_zeros


def test_events_without_time_are_no_rate(review_of: Make) -> None:
    rows = arms("x", {"events": 3, "n": 20}, {"events": 4, "n": 20})
    assert review_of("IRR", arm_results=rows).analysis("y", "w8").unknown == (f"X: {NO_RATES}",)


def test_ratios_of_means_come_from_means_by_arm(review_of: Make) -> None:
    rows = arms("x", {"n": 25, "mean": 4.2, "sd": 2}, {"n": 25, "mean": 5, "sd": 2})
    rows += arms("y", {"n": 25, "mean": 4.2, "sd": 2}, {"n": 25, "mean": -5, "sd": 2})
    effects = review_of("ROM", arm_results=rows).analysis("y", "w8")
    expected = al.ratio_of_means(25, 4.2, 2, 25, 5, 2)
    assert effects.effect[0] == pytest.approx(expected.effect[0], rel=EXACT)
    assert effects.variance[0] == pytest.approx(expected.variance[0], rel=EXACT)
    assert effects.unknown == (f"Y: {NO_RATIO}",)


@pytest.mark.few
@pytest.mark.parametrize("measure", ["OR", "RR", "RD"])
def test_events_of_clusters_are_divided_by_the_design_effect(review_of: Make, measure: str) -> None:
    name = "made_cluster_a"
    out, rows = entry("n8", f"cluster_binary|{name}|{measure}"), []
    for i, c in enumerate(columns("n8", name)):
        design = {"cluster_size": out["m"][i], "icc": c["icc"]}
        first = {"events": int(c["ai"]), "n": int(c["n1i"]), **design}
        rows += arms(f"t{i}", first, {"events": int(c["ci"]), "n": int(c["n2i"]), **design})
    review = review_of(measure, arm_results=rows)
    effects = review.analysis("y", "w8")
    np.testing.assert_allclose(effects.effect, out["yi_eff"], rtol=GOLDEN)
    np.testing.assert_allclose(effects.variance, out["vi_eff"], rtol=GOLDEN)
    assert effects.table["n_experimental"].to_numpy() == pytest.approx(out["n1_eff"], rel=GOLDEN)
    people = sum(c["n1i"] + c["n2i"] for c in columns("n8", name))
    assert effects.participants == people  # those who took part, not those who count
    assert all("the design effect 1 + (" in told for _, told in effects.remarks)
    assert all(
        told.startswith("cluster-randomised; clusters of") for told in designs_of(review).values()
    )


def test_a_printed_effect_of_clusters_is_made_less_sure(review_of: Make) -> None:
    printed = {"trial": "x", "estimate": 0.5, "se": 0.2, "cluster_size": 29.6, "icc": 0.02}
    effects = review_of("MD", contrasts=[printed]).analysis("y", "w8")
    assert effects.variance[0] == pytest.approx(0.04 * (1 + 28.6 * 0.02), rel=EXACT)


@pytest.mark.few
@pytest.mark.parametrize(
    ("measure", "function"),
    [
        ("MD", al.crossover_difference),
        ("SMD", al.crossover_smd),
        ("ROM", al.crossover_ratio_of_means),
    ],
)
def test_people_under_two_treatments_are_pairs(
    review_of: Make, measure: str, function: Callable[..., al.EffectSizes]
) -> None:
    paired = {"n": 12, "paired_correlation": 0.5}
    rows = arms("x", {"mean": 7.2, "sd": 2.1, **paired}, {"mean": 8.9, "sd": 2.4, **paired})
    rows += arms(
        "y", {"mean": 7.2, "sd": 2.1, **paired}, {"mean": 8.9, "sd": 2.4, **paired, "n": 11}
    )
    effects = review_of(measure, arm_results=rows).analysis("y", "w8")
    expected = function(12, 7.2, 2.1, 8.9, 2.4, 0.5)
    assert effects.effect[0] == pytest.approx(expected.effect[0], rel=EXACT)
    assert effects.variance[0] == pytest.approx(expected.variance[0], rel=EXACT)
    assert effects.participants == 12
    assert effects.unknown == (f"Y: {NOT_PAIRED}",)


IN_PLACE = [
    ({"mean": 3, "se": 0.4}, float(al.sd_from_se(0.4, 20)), 3),
    ({"mean": 3, "ci_low": 2, "ci_high": 4}, float(al.sd_from_ci(2, 4, 20)), 3),
    (
        {"median": 3, "q1": 2, "q3": 5},
        float(al.mean_sd_from_median(20, 3, q1=2, q3=5).sd),
        float(al.mean_sd_from_median(20, 3, q1=2, q3=5).mean),
    ),
    (
        {"median": 3, "minimum": 1, "maximum": 7},
        float(al.mean_sd_from_median(20, 3, minimum=1, maximum=7).sd),
        float(al.mean_sd_from_median(20, 3, minimum=1, maximum=7).mean),
    ),
]


@pytest.mark.few
@pytest.mark.parametrize(("cells", "sd", "mean"), IN_PLACE)
def test_what_stands_in_place_of_an_sd_gives_one(
    review_of: Make, cells: dict[str, float], sd: float, mean: float
) -> None:
    rows = arms("x", {"n": 20, **cells}, {"n": 20, "mean": 4, "sd": 2})
    review = review_of("MD", arm_results=rows)
    effects = review.analysis("y", "w8")
    assert effects.effect[0] == pytest.approx(mean - 4, rel=EXACT)
    assert effects.variance[0] == pytest.approx(sd**2 / 20 + 4 / 20, rel=EXACT)
    assert effects.remarks
    estimated = review.arm_results["weaker"].notna().tolist()
    assert estimated == ["median" in cells, False]


def test_skewed_medians_are_told(review_of: Make) -> None:
    rows = arms(
        "x", {"n": 60, "median": 6, "minimum": 1, "maximum": 15}, {"n": 60, "mean": 4, "sd": 2}
    )
    ((_, told),) = review_of("MD", arm_results=rows).analysis("y", "w8").remarks
    assert "the scores are skewed, so both estimates are doubtful" in told


def test_the_sd_of_a_change_follows_from_a_correlation(review_of: Make) -> None:
    change = {"n": 40, "score": "change", "final_sd": 2, "change_correlation": 0.6}
    rows = arms("x", {"mean": -3, **change}, {"mean": -1, **change})
    rows += [
        {"trial": "x", "arm": arm, "time": "baseline", "n": 40, "mean": 5, "sd": 2.5}
        for arm in "ab"
    ]
    effects = review_of("MD", arm_results=rows).analysis("y", "w8")
    sd = float(al.sd_of_change(2.5, 2, 0.6))
    assert effects.variance[0] == pytest.approx(2 * sd**2 / 40, rel=EXACT)
    assert "change from baseline" in effects.remarks[0][1]


def test_changes_and_final_scores_mix_as_differences_only_between_trials(review_of: Make) -> None:
    change, final = {"n": 20, "mean": 3, "sd": 2, "score": "change"}, {"n": 20, "mean": 3, "sd": 2}
    rows = [*arms("x", change, change), *arms("y", final, final), *arms("z", change, final)]
    effects = review_of("MD", arm_results=rows).analysis("y", "w8")
    assert effects.k == 2
    assert effects.unknown == (f"Z: {MIXED}",)


def test_instruments_that_run_the_other_way_do_not_cancel(review_of: Make) -> None:
    up = {"n": 40, "sd": 9, "instrument": "SF-36", "higher_is_better": "yes"}
    down = {"n": 40, "sd": 9, "instrument": "RMDQ", "higher_is_better": "no"}
    rows = arms("x", {"mean": 30, **up}, {"mean": 20, **up})
    rows += arms("y", {"mean": 20, **down}, {"mean": 30, **down})
    printed = {"trial": "z", "estimate": 0.5, "se": 0.1, "higher_is_better": "yes"}
    effects = review_of("SMD", arm_results=rows, contrasts=[printed]).analysis("y", "w8")
    assert effects.effect[0] == pytest.approx(effects.effect[1], rel=EXACT)
    assert effects.effect[2] == -0.5
    told = dict(effects.remarks)
    assert told["X"] == "the sign is turned, because SF-36 counts the other way"
    assert "Y" not in told


@pytest.mark.slow
def test_check_asks_for_designs_and_directions(tmp_path: Path) -> None:
    arm = {"n": 20, "mean": 3, "sd": 2}
    rows = [*arms("x", arm, arm), *arms("y", arm, arm), *arms("z", arm, arm)]
    trials = [{"trial": "x", "design": "cluster"}, {"trial": "y", "design": "cross-over"}]
    trials += [{"trial": "z"}]
    told = "\n".join(check_folder(typed(tmp_path / "r", "SMD", trials=trials, arm_results=rows)))
    assert (
        "X randomised clusters and counts here as if people had been randomised one by one" in told
    )
    assert "Y gave everybody both treatments and counts here as if these were different" in told
    assert "which way the instrument of X, Y and Z counts is not stated" in told


WRONG = [
    ({"icc": 0.1}, "column cluster_size: missing: an ICC needs the cluster size"),
    ({"cluster_size": 8}, "column icc: missing: a cluster size needs the ICC"),
    ({"icc": 1.1, "cluster_size": 3}, "column icc: '1.1' must be at most 1"),
    ({"icc": 0.1, "cluster_size": 0.5}, "column cluster_size: '0.5' must be at least 1"),
    ({"paired_correlation": 1}, "column paired_correlation: '1' must be less than 1"),
    ({"higher_is_better": "yes"}, "column higher_is_better: only instruments of a standardised"),
    ({"sd": "", "se": 0}, "column se: '0' must be greater than 0"),
    ({"sd": "", "ci_low": 2}, "column ci_low: one limit without the other"),
    ({"sd": "", "ci_low": 3.5, "ci_high": 4}, "the interval 3.5 to 4 does not hold the mean 3"),
    ({"change_correlation": 0.3}, "column change_correlation: a correlation with baseline is that"),
    ({"person_time": 0}, "column person_time: '0' must be greater than 0"),
    ({"person_time": 9}, "column person_time: person-time without events"),
    ({"mean": "", "sd": "", "median": 3}, "column median: a median without quartiles or range"),
    ({"mean": "", "sd": "", "median": 3, "q1": 4, "q3": 5}, "row 2: "),
]


@pytest.mark.few
@pytest.mark.parametrize(("cells", "words"), WRONG)
def test_what_cannot_be_is_named(review_of: Make, cells: dict[str, Any], words: str) -> None:
    rows = arms("x", {"n": 20, "mean": 3, "sd": 2, **cells}, {"n": 20, "mean": 4, "sd": 2})
    with pytest.raises(al.ReviewError) as caught:
        review_of("MD", arm_results=rows)
    assert f"arm_results.csv, row 2{'' if words.startswith('row') else ', '}" in str(
        caught.value
    ) or ("arm_results.csv, row 2:" in str(caught.value))
    assert words in str(caught.value)


def test_the_instrument_of_a_trial_stands_in_the_forest_plot(review_of: Make) -> None:
    arm = {"n": 40, "mean": 20, "sd": 9}
    rows = [*arms("x", {**arm, "instrument": "RMDQ"}, arm), *arms("y", arm, arm)]
    review = review_of("SMD", arm_results=rows)
    ax = draw_forest(review, review.analysis("y", "w8"))
    told = alt_text(ax)
    plt.close(ax.figure)
    assert "X (RMDQ) 0.00" in told
    assert "Y 0.00" in told
