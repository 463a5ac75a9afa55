"""Forest plots as their authors want them: columns, order, lights of domains, a line to compare."""

from __future__ import annotations

import re

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from figure_texts import clipped_texts, overlapping_texts
from matplotlib.axes import Axes
from matplotlib.text import Text

from analysis_lib.base.errors import ReviewError
from analysis_lib.plots import look, narrow_drawing
from analysis_lib.plots.forests import forest, forest_by_subgroup
from analysis_lib.plots.influence import leave_one_out
from analysis_lib.plots.stacked import WIDTH
from analysis_lib.pooling.leaving_out import leave_one_out as left_out
from analysis_lib.pooling.pooled_effect import PooledEffect, pool
from analysis_lib.pooling.subgroups import subgroup_analysis

LABELS = ["Gamma 2003", "Alpha 2001", "Delta and others 2004", "Beta 2002"]
EFFECT, VARIANCE = [0.1, -0.9, -0.3, -1.9], [0.13, 0.25, 0.09, 0.10]
DETAILS = pd.DataFrame(
    {
        "dose": ["low", "three times a week, at home with visits", None, "high"],
        "weeks": [6, 12, 8.5, None],
        "n_experimental": [35, 28, 28, 42],
        "n_comparator": [35, 14, 13.5, 43],
        "risk_of_bias": ["high", "low", "some concerns", "not stated"],
    },
    index=LABELS,
)
DOMAINS = pd.DataFrame(
    {
        "randomisation": ["low", "low", "high", "not stated"],
        "missing data": ["high", "low", "some concerns", "not stated"],
    },
    index=LABELS,
)
#: Pixels to an inch where a drawing is shown in its own size; the least size of text on a screen.
PIXELS, SMALLEST = 96.0, 12.0

pytestmark = pytest.mark.usefixtures("closed_figures")


def four() -> PooledEffect:
    return pool(EFFECT, VARIANCE, labels=LABELS)


def written(ax: Axes) -> list[str]:
    return [t.get_text() for t in look.figure_of(ax).findobj(Text) if t.get_text().strip()]


def names(ax: Axes) -> list[str]:
    """Return the names of the comparisons from the top down."""
    places = {t.get_text(): t.get_position()[1] for t in ax.texts if t.get_text() in LABELS}
    return sorted(places, key=places.__getitem__)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("", LABELS),
        ("effect", ["Beta 2002", "Alpha 2001", "Delta and others 2004", "Gamma 2003"]),
        ("-effect", ["Gamma 2003", "Delta and others 2004", "Alpha 2001", "Beta 2002"]),
        ("year", ["Alpha 2001", "Beta 2002", "Gamma 2003", "Delta and others 2004"]),
        ("name", ["Alpha 2001", "Beta 2002", "Delta and others 2004", "Gamma 2003"]),
        ("weight", ["Alpha 2001", "Gamma 2003", "Beta 2002", "Delta and others 2004"]),
        ("risk of bias", ["Alpha 2001", "Delta and others 2004", "Gamma 2003", "Beta 2002"]),
    ],
)
def test_comparisons_stand_in_the_order_that_is_asked_for(order: str, expected: list[str]) -> None:
    ax = forest(four(), details=DETAILS, order=order)
    assert names(ax) == expected
    at = {t.get_text(): t.get_position()[1] for t in ax.texts}
    marks = {
        float(line.get_ydata()[0]): float(line.get_xdata()[0])
        for line in ax.lines
        if line.get_marker() == "s"
    }
    for label, effect in zip(LABELS, EFFECT, strict=True):
        assert marks[at[label]] == pytest.approx(effect)


def test_a_column_of_years_goes_before_the_year_of_the_label() -> None:
    years = DETAILS.assign(year=[1990, 1993, 1992, 1991])
    assert names(forest(four(), details=years, order="year")) == [
        "Gamma 2003", "Beta 2002", "Delta and others 2004", "Alpha 2001",
    ]  # fmt: skip


@pytest.mark.few
@pytest.mark.parametrize("compact", [False, True])
def test_columns_of_ones_own_stand_beside_their_comparison(compact: bool) -> None:
    ax = forest(four(), details=DETAILS, columns=["dose", "weeks"], compact=compact)
    assert clipped_texts(ax) == []
    assert overlapping_texts(ax) == []
    told = re.sub(r"\s", " ", " ".join(written(ax)))
    for cell in ("Dose", "Weeks", "8.5", "three times a week, at home with visits"):
        assert cell in told
    assert "None" not in told
    assert "nan" not in told


@pytest.mark.parametrize("compact", [False, True])
def test_all_domains_have_their_light_and_their_letter(compact: bool) -> None:
    ax = forest(four(), details=DETAILS, domains=DOMAINS, compact=compact)
    assert clipped_texts(ax) == []
    assert overlapping_texts(ax) == []
    lights = [line for line in ax.lines if line.get_marker() == "o"]
    legend = DETAILS["risk_of_bias"].nunique()
    assert len(lights) == 4 * 3 + legend
    told = re.sub(r"\s", " ", " ".join(written(ax)))
    assert "A randomisation; B missing data; C overall" in told


def test_subgroups_have_their_own_order_and_columns() -> None:
    analysis = subgroup_analysis(EFFECT, VARIANCE, ["x", "x", "y", "y"], labels=LABELS)
    ax = forest_by_subgroup(analysis, details=DETAILS, columns=["weeks"], order="effect")
    assert names(ax) == ["Alpha 2001", "Gamma 2003", "Beta 2002", "Delta and others 2004"]
    assert "Weeks" in written(ax)


@pytest.mark.parametrize(("measure", "value"), [("MD", -2.5), ("RR", 0.4)])
def test_a_line_to_compare_with_is_on_the_axis_and_explained(measure: str, value: float) -> None:
    ax = forest(four(), measure=measure, reference=value)
    low, high = ax.get_xlim()
    assert low < value < high
    assert any(list(line.get_xdata()) == [value, value] for line in ax.lines)
    assert any(text.startswith("for comparison") for text in written(ax))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"columns": ["colour"]}, "no column colour"),
        ({"order": "beauty"}, "order must be one of effect, weight, year, name, risk of bias"),
        ({"domains": DOMAINS.iloc[:2]}, "domains: no row for"),
        ({"domains": DOMAINS.replace("low", "lowish")}, "domains: each must be one of .*lowish"),
        ({"measure": "RR", "reference": 0.0}, "reference: no RR is 0"),
    ],
)
def test_what_cannot_be_shown_is_said(options: dict[str, object], says: str) -> None:
    with pytest.raises(ReviewError, match=says):
        forest(four(), details=DETAILS, **options)  # type: ignore[arg-type]


def test_the_finding_stands_above_the_title_and_in_the_caption() -> None:
    ax = forest(four(), title="Pain, six weeks", finding="Exercise may reduce pain.")
    assert {"Pain, six weeks", "Exercise may reduce pain."} <= set(written(ax))
    assert look.caption(ax).startswith("Pain, six weeks: exercise may reduce pain. Squares")


@pytest.mark.parametrize("plot", ["forest", "leave one out"])
def test_a_figure_carries_a_narrow_drawing_with_the_same_numbers(plot: str) -> None:
    fit = four()
    if plot == "forest":
        ax = forest(fit, details=DETAILS, domains=DOMAINS, columns=["dose"], mid=1.0)
    else:
        ax = leave_one_out(left_out(EFFECT, VARIANCE, labels=LABELS), fit)
    narrow = narrow_drawing(ax)
    assert narrow is not None
    assert look.figure_of(narrow).get_figwidth() == pytest.approx(WIDTH)
    assert clipped_texts(narrow) == []
    assert overlapping_texts(narrow) == []
    effects = {text for text in written(ax) if re.fullmatch(r"[−\d.]+ \(.* to .*\)", text)}
    assert effects
    assert effects <= set(written(narrow))


def test_a_drawing_in_axes_that_were_given_has_no_other() -> None:
    given = plt.figure(figsize=(12, 6)).add_axes((0.02, 0.02, 0.96, 0.96))
    assert narrow_drawing(forest(four(), ax=given)) is None


def test_no_text_of_either_drawing_is_small_and_no_line_runs_through_words() -> None:
    ax = forest(four(), details=DETAILS, domains=DOMAINS, columns=["dose"], title="Pain", mid=1.0)
    narrow = narrow_drawing(ax)
    assert narrow is not None
    signs = {"+", "!", "−", "?"}
    for axes in (ax, narrow):
        sizes = {
            t.get_text(): t.get_fontsize() * PIXELS / 72
            for t in look.figure_of(axes).findobj(Text)
            if t.get_text().strip() and t.get_text() not in signs
        }
        assert {text: size for text, size in sizes.items() if size < SMALLEST} == {}
    figure = look.figure_of(narrow)
    figure.draw_without_rendering()
    upright = [
        line.get_window_extent()
        for line in narrow.lines
        if len(set(map(float, line.get_xdata()))) == 1 and len(line.get_xdata()) == 2
    ]
    words = [t.get_window_extent() for t in narrow.texts if t.get_text().strip()]
    assert upright
    # Half a pixel is the width of the line's own edge.
    assert not any(
        line.x0 < box.x1 and box.x0 < line.x1 and min(line.y1, box.y1) - max(line.y0, box.y0) > 0.5
        for line in upright
        for box in words
    )
