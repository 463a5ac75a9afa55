"""Do the pages say of reconstructed effects only what all sets have in common?"""

from __future__ import annotations

import re
from collections.abc import Iterator

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from figure_texts import clipped_texts
from matplotlib.axes import Axes

import analysis_lib as al
from analysis_lib import plots
from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.book.sections import over_sets, robustness
from analysis_lib.conclusions import ranges
from analysis_lib.review.possible import pooled_analyses

PHONE = 3.73  # inches of 96 pixels: the column of a telephone of 390 pixels


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def all_figures(review: al.Review) -> Iterator[Axes]:
    pain = al.study_effects(review, "pain", "ETP")
    disability = al.study_effects(review, "disability", "STP")
    factor = "baseline pain intensity"
    groups = robustness.subgroups(review, disability)[factor]
    yield over_sets.draw_left_out(review, pain)
    yield over_sets.draw_baujat(review, pain)
    yield over_sets.draw_subsets(review, pain, "Kell 2009")
    yield over_sets.draw_funnel(review, al.study_effects(review, "pain", "STP"))
    yield over_sets.draw_subgroups(review, disability, factor, groups, ["acceptable", "high"])


def texts_of(ax: Axes) -> str:
    return " ".join(text.get_text() for text in plots.figure_of(ax).findobj(plt.Text))


@pytest.mark.slow
def test_every_figure_says_in_its_title_that_it_is_reconstructed(review: al.Review) -> None:
    for ax in all_figures(review):
        assert "reconstructed" in " ".join(texts_of(ax).split())
        assert "reconstructed" in plots.caption(ax).partition(". ")[0]
        assert clipped_texts(ax) == []
        narrow = plots.narrow_drawing(ax)
        assert narrow is not None
        assert plots.figure_of(narrow).get_figwidth() <= PHONE
        assert clipped_texts(narrow) == []


def test_no_figure_holds_digits_of_one_set(review: al.Review) -> None:
    """The effects in use are one set: none of their digits that are not the range's stands here."""
    pain = al.study_effects(review, "pain", "STP")
    single = {fmt.number(x) for x in pain.effect}
    ax = over_sets.draw_funnel(review, pain)
    told = set(re.findall(r"−?\d+\.\d\d", plots.alt_text(ax) + plots.caption(ax)))
    assert told.isdisjoint(single)


def test_what_the_print_fixes_has_no_range_and_the_rest_has_one(review: al.Review) -> None:
    pain = al.study_effects(review, "pain", "ETP")
    table = over_sets.left_out(review, pain).set_index("left_out")
    ends = zip(table.index, ranges.ends_of(table, "estimate"), strict=True)
    effect = {trial: ranges.told(numbers, pain.measure) for trial, numbers in ends}
    assert effect["Kell 2009"] == "−0.33"  # as the review prints it
    assert re.fullmatch(r"−\d\.\d\d \(−\d\.\d\d to −\d\.\d\d\)", effect["Aasa 2015"])
    sides = table["excludes"].map(
        lambda share: over_sets.verdict(share, "on one side of it", "holds it")
    )
    assert sides["Kell 2009"] == "holds it"
    assert sides["Gibbs 2022"] == "on one side of it"
    assert sides["Cai 2017"] == over_sets.NOT_KNOWN


def test_subgroups_tell_a_side_only_where_nearly_all_sets_do(review: al.Review) -> None:
    table = robustness.subgroup_table(review)
    told = table.set_index(["Analysis", "Factor"])
    known = told.loc[("Disability, short training programs", "baseline pain intensity")]
    assert known["Test between"] == "p below 0.05"
    assert "high −3.60" in known["Subgroups"]
    assert "interval on one side of no difference" in known["Subgroups"]
    assert "acceptable range −0.20 to 0.55, 1 comparison" in known["Subgroups"]
    open_ = told.loc[("Pain intensity, extended training programs", "risk of bias")]
    assert open_["Test between"] == over_sets.NOT_KNOWN
    assert "one side" not in open_["Subgroups"]
    assert not table.map(lambda cell: "e-" in cell or "= 0.0" in cell).any(axis=None)


def test_shares_are_told_as_counts_of_sets() -> None:
    assert over_sets.in_sets(1.0, 200) == "all 200"
    assert over_sets.in_sets(0.975, 200) == "195 of 200"


def test_asymmetry_is_looked_at_from_ten_comparisons(review: al.Review) -> None:
    table = robustness.reporting_bias_table(review)
    rows = table[table["k"].astype(int) > 1]
    assert list(rows["Outcome"]) == ["Pain intensity"]
    assert list(rows["Effect"]) == ["−0.48 (−1.15 to 0.18)"]  # as printed
    assert "(" in rows["Egger's test"].iloc[0]
    enough = [e for e in pooled_analyses(review) if e.k >= 10 and e.reconstructed.any()]
    assert len(rows) == len(enough)


def test_nothing_to_draw_is_said() -> None:
    with pytest.raises(ReviewError, match="rows: nothing to draw"):
        plots.ranges_over_sets(pd.DataFrame(columns=["label"]), title="None, reconstructed")


def test_effects_that_are_known_are_drawn_as_before(review: al.Review) -> None:
    reported = al.study_effects(review, "endurance", "PW")
    assert not reported.reconstructed.any()
    row = robustness.reporting_bias_table(review).query("k == '1'").iloc[0]
    assert row["Egger's test"] == "too few comparisons"
