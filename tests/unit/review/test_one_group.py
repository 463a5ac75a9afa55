"""Are proportions, rates, means and correlations of single groups outcomes of a review?"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from typed_reviews import typed

import analysis_lib as al
from analysis_lib import plots
from analysis_lib.base import formatting as fmt
from analysis_lib.base.measures import GROUP_MEASURES, no_difference, pooled, shown
from analysis_lib.book.sections import chapters, one_group, robustness
from analysis_lib.book.sections.answers import answer_table, verdict
from analysis_lib.book.sections.grading import summary_table
from analysis_lib.book.sections.one_group import (
    group_text,
    other_transformations,
    unit_of_axis,
    value_words,
)
from analysis_lib.book.sections.results import show_analysis
from analysis_lib.importing.checking import check_folder
from analysis_lib.review.possible import pooled_analyses

EXACT = 1e-12  # the same function, through a table of text with all digits

GROUPS: dict[str, list[dict[str, Any]]] = {
    "proportion": [{"n": n, "events": x} for n, x in ((40, 3), (200, 12), (31, 0), (500, 51))],
    "rate": [{"events": x, "person_time": t} for x, t in ((40, 300.5), (20, 412), (31, 350))],
    "mean": [{"n": 40, "mean": m, "sd": s} for m, s in ((3, 1), (4.5, 1.25), (5, 2))],
    "correlation": [{"n": n, "correlation": r} for n, r in ((40, 0.3), (200, 0.5), (31, -0.1))],
}
COMPUTED = {
    "proportion": al.proportion([3, 12, 0, 51], [40, 200, 31, 500]),
    "rate": al.rate([40, 20, 31], [300.5, 412, 350]),
    "mean": al.single_mean([40] * 3, [3, 4.5, 5], [1, 1.25, 2]),
    "correlation": al.correlation([0.3, 0.5, -0.1], [40, 200, 31]),
}


def review_of(folder: Path, measure: str, *more: dict[str, Any]) -> al.Review:
    rows = [
        {"trial": f"t{i}", "arm": "a", **row} for i, row in enumerate([*GROUPS[measure], *more])
    ]
    return al.load_review(typed(folder / "review", measure, arm_results=rows))


@pytest.mark.few
@pytest.mark.parametrize("measure", GROUP_MEASURES)
def test_groups_are_pooled_as_their_function_says(tmp_path: Path, measure: str) -> None:
    effects = review_of(tmp_path, measure).analysis("y", "w8")
    np.testing.assert_allclose(effects.effect, COMPUTED[measure].effect, rtol=EXACT)
    np.testing.assert_allclose(effects.variance, COMPUTED[measure].variance, rtol=EXACT)
    assert effects.is_of_one_group
    assert list(effects.comparisons["Arms"]) == ["arm a"] * effects.k


@pytest.mark.few
@pytest.mark.parametrize("measure", GROUP_MEASURES)
def test_a_page_shows_a_group(
    tmp_path: Path, measure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    review, drawn, told, tables = review_of(tmp_path, measure), [], [], []

    def show_figure(ax: Any, name: str) -> None:
        drawn.append((name, plots.alt_text(ax), [t.get_text() for t in ax.texts]))
        plt.close(ax.figure)

    monkeypatch.setattr(one_group, "show_figure", show_figure)
    monkeypatch.setattr(one_group, "say", lambda text, **_: told.append(str(text)))
    monkeypatch.setattr(one_group, "show_table", lambda table, *_, **__: tables.append(table))
    show_analysis(review, "y", "w8")
    ((name, alt, texts),) = drawn
    assert name == "fig-y-w8"
    effects = review.analysis("y", "w8")
    fit = effects.pool()
    assert fmt.effect(fit.estimate, measure) in alt
    # nothing is compared: no test against none (but of a correlation), no side is favoured
    assert any("Test of the pooled" in t for t in texts) == (measure == "correlation")
    assert not any("favours" in t for t in texts)
    assert f"the pooled {measure} of score was {fmt.effect(fit.estimate, measure)}" in told[0]
    assert "comparison" not in told[0]
    assert bool(tables) == (measure != "mean")


def test_a_proportion_is_told_in_per_cent(tmp_path: Path) -> None:
    review = review_of(tmp_path, "proportion")
    effects = review.analysis("y", "w8")
    fit = effects.pool()
    share = fmt.percent(1 / (1 + math.exp(-fit.estimate)), 1)
    text = str(group_text(review, effects, fit))
    assert f"On average over the groups, {share} of people had score" in text
    assert "each as the logit of the proportion" in text
    assert verdict(review).startswith(f"On average over the groups, {share}")
    assert share in str(answer_table(review))


def test_freeman_and_tukey_lead_back_by_the_harmonic_mean(tmp_path: Path) -> None:
    effects = review_of(tmp_path, "proportion").analysis("y", "w8")
    table = other_transformations(effects)
    assert table is not None
    assert list(table["Scale"])[:2] == ["logit", "Freeman and Tukey's double transformation"]
    sizes = al.proportion([3, 12, 0, 51], [40, 200, 31, 500], transform="freeman-tukey")
    fit = al.pool(sizes.effect, sizes.variance, **effects.methods)
    back = al.back_transformed(
        [fit.estimate, *fit.ci], sizes.measure, size=al.harmonic_mean([40, 200, 31, 500])
    )
    assert table.iloc[1, 2] == fmt.estimate(back[0], (back[1], back[2]), 3)


def test_what_compares_nothing_enters_no_page_of_comparisons(tmp_path: Path) -> None:
    review = review_of(tmp_path, "proportion")
    assert not list(pooled_analyses(review))
    assert "no pooled result" not in summary_table(review).to_string()
    assert any("Can be pooled: Score, w8, 4" in line for line in check_folder(review.path))


def test_a_group_that_lacks_a_number_is_told(tmp_path: Path) -> None:
    effects = review_of(tmp_path, "correlation", {"n": 3, "correlation": 0.2}, {"correlation": 0.4})
    first, second = effects.analysis("y", "w8").unknown
    assert first == "T3: n must be at least 4 for a correlation (got 3.0)"
    assert second == "T4: not all of correlation, n"


def test_what_stands_in_place_of_an_sd_serves_groups_too(tmp_path: Path) -> None:
    effects = review_of(tmp_path, "mean", {"n": 25, "mean": 4, "se": 0.4}).analysis("y", "w8")
    assert effects.variance[-1] == pytest.approx(0.16, rel=EXACT)
    assert effects.remarks[0][0] == "T3"


@pytest.mark.parametrize("measure", GROUP_MEASURES)
def test_what_is_shown_leads_back(measure: str) -> None:
    for value in (-1.5, -0.1, 0.0, 0.7, 2.0):
        assert pooled(shown(value, measure), measure) == pytest.approx(value, abs=EXACT)
    assert math.isnan(no_difference(measure)) == (measure != "correlation")


def test_a_correlation_of_one_is_named(tmp_path: Path) -> None:
    words = "arm_results.csv, row 5, column correlation: '1' must be less than 1"
    with pytest.raises(al.ReviewError, match=words):
        review_of(tmp_path, "correlation", {"n": 30, "correlation": 1})


def test_a_printed_result_of_a_group_is_refused(tmp_path: Path) -> None:
    printed = {
        **{"id": "p1", "outcome": "y", "follow_up": "w8", "kind": "pooled", "place": "results"},
        **{"estimate": 0.1, "words": "0.1"},
    }
    rows = [{"trial": "t", "arm": "a", "n": 40, "events": 3}]
    folder = typed(tmp_path / "review", "proportion", arm_results=rows, published=[printed])
    words = "published.csv, row 2, column outcome: a printed proportion of one group cannot be"
    with pytest.raises(al.ReviewError, match=words):
        al.load_review(folder)


@pytest.mark.few
@pytest.mark.parametrize("measure", GROUP_MEASURES)
def test_groups_are_left_out_one_by_one_and_have_no_funnel(
    tmp_path: Path, measure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    review, drawn, told, tables = review_of(tmp_path, measure), [], [], []

    def show_figure(ax: Any, name: str) -> None:
        drawn.append((name, plots.alt_text(ax)))
        plt.close(ax.figure)

    monkeypatch.setattr(robustness, "show_figure", show_figure)
    for module in (robustness, chapters, one_group):
        monkeypatch.setattr(module, "say", lambda text, **w: told.append(text.format(**w)))
    monkeypatch.setattr(robustness, "show_table", lambda table, *_, **__: tables.append(table))
    chapters.show_leave_one_out(review)
    chapters.show_reporting_bias(review)
    effects = review.analysis("y", "w8")
    table = al.leave_one_out(effects.effect, effects.variance, **effects.methods)
    ends = fmt.effect_interval((table["estimate"].min(), table["estimate"].max()), measure)
    assert drawn == [("fig-leave-one-out-y-w8", drawn[0][1])]
    assert f"the pooled {measure} runs from {ends}" in drawn[0][1]
    assert list(tables[0]["Group"]) == list(effects.labels)
    without, funnel = told
    assert value_words(float(table["estimate"].min()), measure) in without
    assert "Score, week 8: no funnel plot" in funnel


@pytest.mark.few
@pytest.mark.parametrize("measure", GROUP_MEASURES)
def test_a_proportion_and_a_correlation_have_no_unit(tmp_path: Path, measure: str) -> None:
    rows = [{"trial": f"t{i}", "arm": "a", **row} for i, row in enumerate(GROUPS[measure])]
    folder = typed(tmp_path / "review", measure, arm_results=rows, outcome={"unit": "points"})
    effects = al.load_review(folder).analysis("y", "w8")
    text = str(group_text(effects.review, effects, effects.pool()))
    assert ("points" in text) == (measure in ("mean", "rate"))
    assert bool(unit_of_axis(effects.review, effects)) == (measure in ("mean", "rate"))
