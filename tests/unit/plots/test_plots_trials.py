"""Do the pictures of the first pages show what the data hold, and can every word be read?"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from figure_texts import clipped_texts, overlapping_texts
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.text import Text

import analysis_lib as al
from analysis_lib import plots
from analysis_lib.base.formatting import estimate, interval, number
from analysis_lib.plots.look import figure_of

SIDES = {"experimental": "loaded", "comparator": "unloaded"}
SMALLEST_LETTER = 8.0  # points; the figures are drawn at the width at which a phone shows them
PHONE = 6.5  # inches: a wider figure would have to shrink too much

pytestmark = pytest.mark.usefixtures("closed_figures")


@pytest.fixture(scope="module")
def arms(review: al.Review) -> pd.DataFrame:
    labels = review.trials[["trial", "label"]].rename(columns={"label": "trial_label"})
    return review.arms.merge(labels, on="trial")


def words_of(ax: Axes) -> list[str]:
    """Return the visible texts of the whole figure, each on one line."""
    found = [text for text in figure_of(ax).findobj(Text) if isinstance(text, Text)]
    return [" ".join(t.get_text().split()) for t in found if t.get_visible() and t.get_text()]


def draw_prisma(review: al.Review, arms: pd.DataFrame) -> Axes:
    return plots.prisma(review.selection)


def draw_sizes(review: al.Review, arms: pd.DataFrame) -> Axes:
    return plots.arm_sizes(arms, group_labels=SIDES, caption="Sizes.")


def draw_ages(review: al.Review, arms: pd.DataFrame) -> Axes:
    return plots.arm_means(
        arms,
        mean="age_mean",
        sd="age_sd",
        group_labels=SIDES,
        xlabel="Age, years",
        caption="Ages.",
    )


def draw_features(review: al.Review, arms: pd.DataFrame) -> Axes:
    return plots.feature_matrix(features(review), caption="Features.", alt="Who did what.")


def features(review: al.Review) -> pd.DataFrame:
    programmes = review.interventions.merge(review.trials[["trial", "label"]], on="trial")
    marks = programmes["modalities"].str.get_dummies(sep="; ").astype(bool)
    return marks.set_index(programmes["label"])


def pooled_rows(review: al.Review) -> list[plots.PooledRow]:
    printed = review.published[review.published["kind"].isin(["pooled", "single"])]
    names = review.follow_ups.set_index("follow_up")["label"]
    return [
        plots.PooledRow(
            panel=row.outcome,
            label=names[row.follow_up],
            estimate=row.estimate,
            ci=(row.ci_low, row.ci_high),
            prediction_interval=None if pd.isna(row.pi_low) else (row.pi_low, row.pi_high),
        )
        for row in printed.itertuples()
    ]


def draw_overview(review: al.Review, arms: pd.DataFrame) -> Axes:
    outcomes = review.outcomes.set_index("outcome")
    return plots.overview(
        pooled_rows(review),
        panel_labels={
            str(outcome): (row["label"], f"{row['measure']}, {row['unit']}")
            for outcome, row in outcomes.iterrows()
        },
        favours={str(outcome): ("loaded", "unloaded") for outcome in outcomes.index},
        mid={"pain": 1.5},
        caption="Everything printed.",
    )


DRAWN = [draw_prisma, draw_sizes, draw_ages, draw_features, draw_overview]


# All of them


@pytest.mark.parametrize(
    "draw", [pytest.param(d, marks=pytest.mark.slow if d == draw_sizes else ()) for d in DRAWN]
)
def test_every_word_stands_free_and_inside(
    review: al.Review, arms: pd.DataFrame, draw: Callable[[al.Review, pd.DataFrame], Axes]
) -> None:
    ax = draw(review, arms)
    slanted = {t.get_text() for t in ax.get_xticklabels() if t.get_rotation()}  # asked for below
    assert [pair for pair in overlapping_texts(ax) if not set(pair) <= slanted] == []
    assert clipped_texts(ax) == []


def test_slanted_words_keep_their_distance(review: al.Review, arms: pd.DataFrame) -> None:
    ax = draw_features(review, arms)
    figure_of(ax).canvas.draw()
    labels = ax.get_xticklabels()
    assert len(labels) > 1
    starts = [ax.transData.transform((x, 0))[0] for x in ax.get_xticks()]
    for label, gap in zip(labels, np.diff(starts), strict=False):
        distance = gap * math.sin(math.radians(label.get_rotation()))
        assert distance > label.get_fontsize() * figure_of(ax).dpi / 72


@pytest.mark.few
@pytest.mark.parametrize("draw", DRAWN)
def test_letters_are_large_enough_on_a_phone(
    review: al.Review, arms: pd.DataFrame, draw: Callable[[al.Review, pd.DataFrame], Axes]
) -> None:
    figure = figure_of(draw(review, arms))
    assert figure.get_figwidth() <= PHONE
    sizes = [t.get_fontsize() for t in figure.findobj(Text) if isinstance(t, Text)]
    assert min(sizes) >= SMALLEST_LETTER


@pytest.mark.parametrize("draw", DRAWN)
def test_every_figure_is_described(
    review: al.Review, arms: pd.DataFrame, draw: Callable[[al.Review, pd.DataFrame], Axes]
) -> None:
    ax = draw(review, arms)
    for words in (plots.alt_text(ax), plots.caption(ax)):
        assert words.endswith(".")
        assert not re.search(r"nan|None|<NA>|\.\.|  ", words)


@pytest.mark.slow
@pytest.mark.parametrize("draw", DRAWN)
def test_drawing_changes_neither_the_data_nor_the_style_of_the_session(
    review: al.Review, arms: pd.DataFrame, draw: Callable[[al.Review, pd.DataFrame], Axes]
) -> None:
    before = (arms.copy(), review.selection.copy(), dict(plt.rcParams))
    draw(review, arms)
    pd.testing.assert_frame_equal(arms, before[0])
    pd.testing.assert_frame_equal(review.selection, before[1])
    assert dict(plt.rcParams) == before[2]


# The flow diagram


def test_every_box_of_the_flow_is_drawn_with_its_count(review: al.Review) -> None:
    ax = plots.prisma(review.selection)
    drawn = " ".join(words_of(ax))
    for box in review.selection.itertuples():
        assert f"{box.label} (n = {box.count})" in drawn
    assert {"Identification", "Screening", "Included"} <= set(words_of(ax))


def test_every_count_of_the_flow_is_in_the_alt_text(review: al.Review) -> None:
    alt = plots.alt_text(plots.prisma(review.selection))
    for box in review.selection.itertuples():
        assert f"{box.label.lower()}, {box.count}" in alt
    assert "1710 records to 13 studies" in plots.caption(plots.prisma(review.selection))


def test_another_review_with_more_and_longer_reasons_still_fits(review: al.Review) -> None:
    selection = review.selection.copy()
    long = "A reason that the authors put into a great many words so that nobody could doubt it"
    selection.loc[selection["parent"] == "reports_excluded", "label"] = long
    more = selection[selection["parent"] == "reports_excluded"].assign(count=1_234_567)
    more["box"] += "_more"
    ax = plots.prisma(pd.concat([selection, more], ignore_index=True))
    assert overlapping_texts(ax) == []
    assert clipped_texts(ax) == []


def test_a_flow_without_reasons_is_drawn(review: al.Review) -> None:
    selection = review.selection[review.selection["parent"] != "reports_excluded"]
    selection = selection[selection["parent"].isna()]
    alt = plots.alt_text(plots.prisma(selection))
    assert "reports excluded, 57" in alt


def test_the_flow_can_be_drawn_into_a_given_place(review: al.Review) -> None:
    _, place = plt.subplots()
    assert plots.prisma(review.selection, ax=place) is place


# Every printed result


def test_empty_boxes_of_the_flow_vanish_and_previous_studies_come_first(review: al.Review) -> None:
    selection = review.selection.copy()
    gone = selection["box"].isin(["reports_not_retrieved", "records_citation"])
    selection.loc[gone, "count"] = 0
    more = pd.DataFrame(
        {
            "box": ["previous_studies", "new_studies", "first", "second"],
            "label": ["Studies of the previous version", "New studies", "First base", "Second"],
            "count": [9, 4, 1600, 9],
            "parent": [None, None, "records_databases", "records_databases"],
        }
    )
    ax = plots.prisma(pd.concat([selection, more], ignore_index=True))
    texts = [text.get_text() for text in ax.texts]
    assert texts[0] == "Previous studies"
    arrows = [p for p in ax.patches if isinstance(p, FancyArrowPatch)]
    assert (
        max(arrow.get_path().vertices[:, 1].max() for arrow in arrows)
        < ax.texts[1].get_position()[1]
    )
    assert not any("not retrieved" in text or "citation search" in text for text in texts[:8])
    assert any("First base (n\u00a0=\u00a01600)" in " ".join(text.split("\n")) for text in texts)


def test_every_printed_result_is_in_the_alt_text(review: al.Review) -> None:
    alt = plots.alt_text(draw_overview(review, review.arms))
    for row in pooled_rows(review):
        told = f"{row.label}: {estimate(row.estimate, row.ci)}"
        if row.prediction_interval is not None:
            told += f", prediction interval {interval(row.prediction_interval)}"
        assert told in alt


def test_every_printed_result_is_written_beside_its_mark(review: al.Review) -> None:
    drawn = words_of(draw_overview(review, review.arms))
    for row in pooled_rows(review):
        assert f"{number(row.estimate)} {interval(row.ci)}" in drawn
        assert row.label in drawn


def test_the_marks_stand_where_the_numbers_are() -> None:
    rows = [
        plots.PooledRow("a", "first", -0.5, (-0.9, -0.1), (-2.0, 1.0)),
        plots.PooledRow("a", "second", 0.2, (0.1, 0.3)),
    ]
    ax = plots.overview(
        rows, panel_labels={"a": ("A", "MD")}, favours={"a": ("x", "y")}, caption="Two."
    )
    drawn = {(tuple(line.get_xdata()), float(line.get_ydata()[0])) for line in ax.lines}
    for y, row in zip((1.0, 0.0), rows, strict=True):
        assert ((row.estimate,), y) in drawn
        assert (row.ci, y) in drawn
    assert ((-2.0, 1.0), 1.0) in drawn
    low, high = ax.get_xlim()
    assert low == -high < -2.0  # no difference stands in the middle, and nothing is cut off
    assert [t.get_text() for t in ax.get_yticklabels()] == ["first", "second"]


def test_the_band_of_small_differences_is_drawn_where_one_is_known() -> None:
    rows = [plots.PooledRow(panel, "one", 0.2, (0.1, 3.0)) for panel in ("a", "b")]
    ax = plots.overview(
        rows,
        panel_labels={"a": ("A", "MD"), "b": ("B", "MD")},
        favours={"a": ("x", "y"), "b": ("x", "y")},
        mid={"a": 1.5},
        caption="Two.",
    )
    first, second = figure_of(ax).axes[:2]
    bands = [p for p in first.patches if isinstance(p, Rectangle)]
    assert [(p.get_x(), p.get_x() + p.get_width()) for p in bands] == [(-1.5, 1.5)]
    assert not second.patches


# The trials


def test_every_arm_is_drawn_with_its_size(review: al.Review, arms: pd.DataFrame) -> None:
    ax = draw_sizes(review, arms)
    sizes = [text.get_text() for text in ax.texts]
    assert sizes == [str(n) for n in arms["n"]]
    assert [t.get_text() for t in ax.get_yticklabels()] == review.trials["label"].tolist()
    bars = [p.get_width() for p in ax.patches if isinstance(p, Rectangle) and p.get_width()]
    assert bars == arms["n"].tolist()


def test_the_sizes_are_told_in_words(review: al.Review, arms: pd.DataFrame) -> None:
    alt = plots.alt_text(draw_sizes(review, arms))
    for trial, inside in arms.groupby("trial_label"):
        assert f"{trial} {' + '.join(str(n) for n in inside['n'])}" in alt


def test_every_mean_is_drawn_with_its_standard_deviation(arms: pd.DataFrame) -> None:
    two = pd.DataFrame(
        {
            "trial_label": ["A", "A", "B", "B"],
            "group": ["experimental", "comparator", "experimental", "comparator"],
            "mean": [40.0, 42.5, 30.0, np.nan],
            "sd": [10.0, 5.0, np.nan, 3.0],
        }
    )
    ax = plots.arm_means(
        two, mean="mean", sd="sd", group_labels=SIDES, xlabel="Age", caption="Ages."
    )
    spreads = [tuple(line.get_xdata()) for line in ax.lines if len(line.get_xdata()) == 2]
    assert spreads == [(30.0, 50.0), (37.5, 47.5)]
    centres = [line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 1]
    assert centres == [40.0, 42.5, 30.0]
    assert plots.alt_text(ax) == (
        "Age, mean of each arm. A, loaded: 40.0; A, unloaded: 42.5; B, loaded: 30.0."
    )


def test_every_mean_of_table_1_is_told_in_words(review: al.Review, arms: pd.DataFrame) -> None:
    ax = draw_ages(review, arms)
    alt = plots.alt_text(ax)
    for arm in arms.dropna(subset=["age_mean"]).itertuples():
        assert f"{arm.trial_label}, {SIDES[arm.group]}: {number(arm.age_mean, 1)}" in alt
    assert {text.get_text() for text in ax.get_legend().get_texts()} == set(SIDES.values())


def test_groups_differ_in_more_than_colour(review: al.Review, arms: pd.DataFrame) -> None:
    lines = [line for line in draw_ages(review, arms).lines if line.get_marker() != "None"]
    looks = {(line.get_marker(), line.get_markerfacecolor()) for line in lines}
    assert len({marker for marker, _ in looks}) == len({face for _, face in looks}) == 2


def test_every_feature_has_its_mark(review: al.Review) -> None:
    table = features(review)
    ax = plots.feature_matrix(table, caption="Features.", alt="Who did what.")
    yes, no = ({(int(x), int(y)) for x, y in points.get_offsets()} for points in ax.collections)
    has = table.to_numpy()
    assert yes == {(x, y) for y, x in zip(*np.nonzero(has), strict=True)}
    assert no == {(x, y) for y, x in zip(*np.nonzero(~has), strict=True)}
    assert [t.get_text() for t in ax.get_yticklabels()] == list(table.index)
    assert [t.get_text() for t in ax.get_xticklabels()] == list(table.columns)
