"""Do the plots show what the results say, with no text cut off or on top of another?"""

from __future__ import annotations

import io
import math
import re
import zlib
from itertools import combinations, product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from figure_texts import clipped_texts, overlapping_texts
from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.font_manager import findfont
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.text import Text
from properties import examples

import analysis_lib as al
from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.plots import PooledRow, look, marks, overview
from analysis_lib.plots.axis import ratio_ticks
from analysis_lib.plots.forests import forest, forest_by_subgroup
from analysis_lib.plots.funnels import funnel
from analysis_lib.plots.influence import baujat, cumulative, gosh, leave_one_out
from analysis_lib.plots.risk_of_bias import risk_of_bias_bars, traffic_lights
from analysis_lib.plots.rows import ABOVE_HEADING, Row, _axis_limits
from analysis_lib.plots.text import statement, text_size, wrap_to
from analysis_lib.pooling.pooled_effect import PooledEffect, pool
from analysis_lib.pooling.subgroups import subgroup_analysis
from analysis_lib.pooling.trimming import trim_and_fill
from analysis_lib.review.instruments import INSTRUMENTS
from analysis_lib.review.risk_of_bias import DOMAIN_IDS, JUDGEMENTS, OVERALL, judgement_shares

PLACE = 1e-9  # data coordinates are stored as they were given
HIDDEN, TOUCHING = 7.0, 4.0  # pixels: dots so close cover each other; a line so close touches
FAVOURS = ("favours loaded", "favours unloaded")

LABELS = ["Alpha 2001", "Beta 2002 (a)", "Beta 2002 (b)", "Gamma 2003", "Delta and others 2004"]
EFFECT = [-0.1, -0.25, -1.9, 0.1, -0.9]
VARIANCE = [0.30, 0.09, 0.10, 0.13, 0.25]
DETAILS = pd.DataFrame(
    {
        "n_experimental": [35, 28, 28, 42, 9],
        "n_comparator": [35, 14, 13.5, 43, None],
        "risk_of_bias": ["low", "some concerns", "high", "not stated", None],
        "provenance": ["reported", "reconstructed", "reconstructed", "secondary", "reported"],
    },
    index=LABELS,
)

pytestmark = pytest.mark.usefixtures("closed_figures")


def five() -> PooledEffect:
    return pool(EFFECT, VARIANCE, labels=LABELS)


def texts(ax: Axes) -> list[str]:
    return [t.get_text() for t in ax.texts if t.get_text()]


def lines(ax: Axes, marker: str) -> list[Line2D]:
    return [line for line in ax.lines if line.get_marker() == marker]


def assert_legible(ax: Axes) -> None:
    assert clipped_texts(ax) == []
    assert overlapping_texts(ax) == []
    assert look.alt_text(ax).endswith(".")
    assert look.caption(ax)


# --- style


def test_the_checks_of_legibility_can_fail() -> None:
    ax = look.axes_of_size(4, 3, layout=None)
    ax.text(0.5, 0.5, "one")
    ax.text(0.51, 0.5, "two")
    ax.text(0.9, 0.2, "far beyond the edge of the page", clip_on=False)
    ax.set_xlim(0, 1)
    assert ("one", "two") in overlapping_texts(ax)
    assert "far beyond the edge of the page" in clipped_texts(ax)


def test_the_style_of_the_session_is_left_alone() -> None:
    with plt.rc_context({"font.size": 31.0}):
        forest(five())
        assert plt.rcParams["font.size"] == 31.0


def test_use_style_sets_what_makes_files_reproducible() -> None:
    with plt.rc_context():
        look.use_style()
        assert plt.rcParams["svg.fonttype"] == "none"
        assert plt.rcParams["svg.hashsalt"]


@pytest.mark.few
@pytest.mark.parametrize("ending", [".svg", ".pdf", ".png"])
def test_the_same_plot_gives_the_same_file(tmp_path, ending: str) -> None:
    first, second = (
        look.save_figure(forest(five(), title="Pain"), tmp_path / f"{name}{ending}").read_bytes()
        for name in ("a", "b")
    )
    assert first == second
    assert len(first) > 1000


def test_a_pdf_embeds_the_letters_of_its_fonts_and_nothing_of_their_layout() -> None:
    fonts = embedded_fonts(look.as_pdf(forest(five(), title="Pain")))
    names = {"DejaVu Sans Book": "DejaVu Sans", "DejaVu Sans Bold": "DejaVu Sans:bold"}
    assert {font["name"].getBestFullName() for font in fonts} == set(names)
    for font in fonts:
        assert not set(look.LAYOUT_TABLES) & set(font.keys())
        whole = TTFont(findfont(names[font["name"].getBestFullName()]))
        letters = set(font.getGlyphOrder()) - {".notdef"}  # the box of what is absent is empty
        for letter in letters:  # TrueType, drawn and spaced as in the whole font
            assert font["glyf"][letter] == whole["glyf"][letter]
            assert font["hmtx"][letter] == whole["hmtx"][letter]
        assert all(font[table] == whole[table] for table in ("cvt ", "fpgm", "prep"))


def embedded_fonts(pdf: bytes) -> list[TTFont]:
    streams = re.findall(rb"/Length1 .*?stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    return [TTFont(io.BytesIO(zlib.decompress(stream))) for stream in streams]


def test_an_svg_holds_its_text_and_description(tmp_path) -> None:
    file = look.save_figure(forest(five(), title="Pain"), tmp_path / "a.svg")
    content = file.read_text(encoding="utf-8")
    assert ">Alpha 2001<" in content
    assert "Forest plot of 5 comparisons" in content
    assert "'DejaVu Sans', 'Verdana', sans-serif" in content


def test_only_known_formats_and_described_axes_are_saved(tmp_path) -> None:
    with pytest.raises(ValueError, match=r"save as \.svg"):
        look.save_figure(forest(five()), tmp_path / "a.jpg")
    with pytest.raises(KeyError, match="carries no description"):
        look.alt_text(look.axes_of_size(2, 2))


def test_wrapped_text_fits_its_width() -> None:
    text = "the minimal important difference is drawn as a band around no difference"
    for width in (1.0, 2.0, 4.0):
        wrapped = wrap_to(text, width)
        assert text_size(wrapped)[0] <= width
        assert wrapped.replace("\n", " ") == text


def test_a_statement_stands_where_nothing_can_be_drawn() -> None:
    ax = statement("No trial reported kinesiophobia. " * 4, title="Kinesiophobia")
    assert_legible(ax)
    assert not ax.axison


def luminance(colour: str) -> float:
    """Return the relative luminance of the web content guidelines (WCAG 2, G18)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def test_signs_stand_out_from_their_light_and_lights_differ_in_grey() -> None:
    brightness = [luminance(colour) for colour in marks.RISK_COLOURS.values()]
    for light in brightness:  # black signs; 4.5 is the contrast the guidelines ask of text
        assert (light + 0.05) / 0.05 >= 4.5
    for instrument in INSTRUMENTS.values():
        used = [luminance(marks.RISK_COLOURS[word]) for word in instrument.words]
        assert all(abs(a - b) > 0.1 for a, b in combinations(used, 2))
    for instrument in INSTRUMENTS.values():
        signs = {marks.RISK_SIGNS[word] for word in instrument.words}
        assert len(signs) == len(instrument.words)


# --- forest


@pytest.mark.parametrize("compact", [False, True])
def test_forest_writes_and_places_every_comparison(compact: bool) -> None:
    fit = five()
    ax = forest(
        fit,
        details=DETAILS,
        unit="points, 0 to 10",
        favours=FAVOURS,
        mid=1.0,
        title="Pain intensity after extended training programmes",
        compact=compact,
    )
    assert_legible(ax)
    squares = lines(ax, "s")
    assert [float(s.get_xdata()[0]) for s in squares] == pytest.approx(EFFECT, abs=PLACE)
    written = "\n".join(texts(ax))
    for label, effect in zip(LABELS, EFFECT, strict=True):
        assert label in written
        assert f"{fmt.number(effect)} (" in written
    assert fmt.estimate(fit.estimate, fit.ci) in written
    assert fmt.interval(fit.prediction_interval) in written
    flat = written.replace("\N{NO-BREAK SPACE}", " ").replace("\n", " ")
    assert f"I² = {fmt.percent(fit.i2)}" in flat
    assert f"τ² = {fmt.number(fit.tau2)} ({fmt.interval(fit.tau2_ci)})" in flat
    assert "favours loaded" in flat
    assert ("Weight" in written) is not compact


def test_forest_marks_reconstructed_comparisons_hollow_and_says_so() -> None:
    ax = forest(five(), details=DETAILS)
    hollow = [s.get_markerfacecolor() == "white" for s in lines(ax, "s")]
    assert hollow == [False, True, True, False, False]
    legends = [text.get_text() for text in ax.findobj(Text)]
    assert "reconstructed from printed results" in legends
    assert "2 of 5 are reconstructed" in look.alt_text(ax)
    assert "reconstructed" not in look.alt_text(forest(five()))


def test_forest_areas_follow_the_weights() -> None:
    fit = five()
    sides = np.array([s.get_markersize() for s in lines(forest(fit), "s")])
    assert np.allclose(sides**2 / max(sides) ** 2, fit.weights / max(fit.weights))


def test_forest_diamond_and_bars_are_the_intervals() -> None:
    fit = five()
    ax = forest(fit, limits=(-4.0, 4.0))
    diamond = next(p for p in ax.patches if isinstance(p, Polygon))
    xs = diamond.get_xy()[:, 0]
    assert (min(xs), max(xs)) == pytest.approx(fit.ci, abs=PLACE)
    assert np.median(xs[:4]) == pytest.approx(fit.estimate, abs=PLACE)
    bars = [line for line in ax.lines if line.get_linewidth() == 5.0]
    assert len(bars) == 1
    assert tuple(bars[0].get_xdata()) == pytest.approx(fit.prediction_interval, abs=PLACE)
    assert lines(ax, "<") == lines(ax, ">") == []


def test_forest_intervals_beyond_the_axis_end_in_arrows() -> None:
    ax = forest(five(), limits=(-1.0, 0.5))
    left = {float(line.get_ydata()[0]) for line in lines(ax, "<")}
    right = {float(line.get_ydata()[0]) for line in lines(ax, ">")}
    # rows 0 to 4 are the comparisons, 6 the prediction interval
    assert left == {0.0, 2.0, 4.0, 6.0}
    assert right == {0.0, 3.0, 6.0}
    for line in (*lines(ax, "<"), *lines(ax, ">")):
        assert float(line.get_xdata()[0]) in ax.get_xlim()


def test_forest_mid_is_a_band_and_the_null_a_line() -> None:
    ax = forest(five(), mid=1.5)
    band = next(p for p in ax.patches if not isinstance(p, Polygon))
    assert band.get_extents().transformed(ax.transData.inverted()).intervalx == pytest.approx(
        (-1.5, 1.5),
        abs=1e-6,  # through pixels and back
    )
    assert any(list(line.get_xdata()) == [0, 0] for line in ax.lines)


def test_forest_shows_known_and_unknown_risk_of_bias() -> None:
    ax = forest(five(), details=DETAILS)
    lights = [line.get_markerfacecolor() for line in ax.lines if line.get_marker() == "o"]
    words = [*JUDGEMENTS, "not stated", *JUDGEMENTS]  # each again in the legend
    assert lights == [marks.RISK_COLOURS[word] for word in words]
    signs = [t.get_text() for t in ax.texts if t.get_text() in [*"+!−?"]]
    assert signs == [*"+!−", *"+!−"]  # what is not stated is a blank
    told = [t.get_text() for t in look.figure_of(ax).texts]
    assert told == [marks.RISK_WORDS[word] for word in JUDGEMENTS]
    assert_legible(ax)


def test_forest_writes_half_participants_and_no_total_when_one_is_unknown() -> None:
    written = texts(forest(five(), details=DETAILS))
    assert "13.5" in written
    assert fmt.EN_DASH in written
    assert "142" in written  # loaded: 35 + 28 + 28 + 42 + 9; the unloaded total is not known


def test_forest_of_one_comparison_pools_nothing() -> None:
    ax = forest(pool([0.35], [0.02], labels=["Alpha 2001"]), favours=FAVOURS, unit="minutes")
    assert_legible(ax)
    assert "One comparison: nothing to pool" in texts(ax)
    assert not [p for p in ax.patches if isinstance(p, Polygon)]
    assert "Weight" not in texts(ax)
    assert "Nothing is pooled" in look.alt_text(ax)


def test_forest_of_two_says_that_there_is_no_prediction_interval() -> None:
    ax = forest(pool([-0.2, 0.3], [0.04, 0.05]))
    assert_legible(ax)
    assert "not estimable" in texts(ax)


def test_forest_without_comparisons_is_a_statement() -> None:
    ax = forest(None, title="Kinesiophobia, ETP")
    assert_legible(ax)
    assert "no comparisons" in look.alt_text(ax)


def test_forest_grows_with_its_rows() -> None:
    heights = [
        look.figure_of(forest(pool([0.1] * k, [0.04] * k))).get_figheight() for k in (2, 3, 13)
    ]
    assert heights[2] - heights[1] == pytest.approx(10 * (heights[1] - heights[0]))


@pytest.mark.parametrize(
    ("k", "scale", "compact"),
    [
        pytest.param(k, scale, compact, marks=pytest.mark.slow if k == 40 else ())
        for k, scale, compact in product([1, 2, 12, 40], [0.001, 1.0, 1000.0], [False, True])
    ],
)
def test_forest_is_legible_for_any_size(k: int, scale: float, compact: bool) -> None:
    rng = np.random.default_rng(k)
    effect, variance = scale * rng.normal(0, 1, k), scale**2 * rng.uniform(0.01, 1, k)
    labels = [f"Author {i} with a rather long name 20{i:02d}" for i in range(k)]
    ax = forest(
        pool(effect, variance, labels=labels),
        unit="unit",
        favours=FAVOURS,
        mid=scale / 2,
        title="A title that is long enough to need more than a single line on a narrow page",
        compact=compact,
    )
    assert_legible(ax)


def test_forest_can_be_drawn_into_given_axes() -> None:
    figure = plt.figure(figsize=(12, 6))
    given = figure.add_axes((0.02, 0.02, 0.96, 0.96))
    ax = forest(five(), details=DETAILS, ax=given)
    assert ax is given
    assert_legible(ax)
    small = plt.figure(figsize=(3, 2)).add_subplot()
    with pytest.raises(ReviewError, match="this forest plot needs"):
        forest(five(), details=DETAILS, ax=small)


@pytest.mark.parametrize(
    ("details", "says"),
    [
        (DETAILS.iloc[:3], "no row for Gamma 2003, Delta and others 2004"),
        (pd.concat([DETAILS, DETAILS.iloc[:1]]), "label given twice: Alpha 2001"),
        (DETAILS.assign(risk_of_bias="perhaps"), "risk_of_bias must be one of .*perhaps"),
    ],
)
def test_forest_names_details_that_it_cannot_use(details: pd.DataFrame, says: str) -> None:
    with pytest.raises(ReviewError, match=says):
        forest(five(), details=details)


def test_forest_refuses_labels_that_repeat_and_limits_that_are_none() -> None:
    with pytest.raises(ReviewError, match="labels must differ to be told apart: A"):
        forest(pool([0.1, 0.2], [0.1, 0.1], labels=["A", "A"]))
    with pytest.raises(ReviewError, match="low < high"):
        forest(five(), limits=(1.0, 1.0))


@pytest.mark.parametrize("compact", [False, True])
def test_forest_by_subgroup(compact: bool) -> None:
    groups = ["low pain", "high pain", "high pain", "low pain", "unclear"]
    analysis = subgroup_analysis(EFFECT, VARIANCE, groups, labels=LABELS)
    ax = forest_by_subgroup(
        analysis, factor="pain", details=DETAILS, favours=FAVOURS, compact=compact
    )
    assert_legible(ax)
    written = "\n".join(texts(ax)).replace("\N{NO-BREAK SPACE}", " ").replace("\n", " ")
    assert f"Q = {fmt.number(analysis.q_between)}" in written
    overall = analysis.overall
    assert f"Q = {fmt.number(overall.q)} (df = 4" in written
    assert f"estimate: z = {fmt.number(overall.statistic)}" in written
    for name, fit in analysis.fits.items():
        assert f"Pain: {name}" in written
        spread = f"I² = {fmt.percent(fit.i2)}, τ² = {fmt.number(fit.tau2)}, "
        told = f"Heterogeneity: {spread}{fmt.p_value(fit.q_p_value)}"
        assert (told in written) is (fit.k > 1)
    diamonds = [p for p in ax.patches if isinstance(p, Polygon)]
    assert len(diamonds) == 3  # two subgroups, and all; one study alone is its own result
    order = ["Alpha 2001", "Gamma 2003", "Beta 2002 (a)", "Beta 2002 (b)", "Delta and others 2004"]
    positions = [float(s.get_xdata()[0]) for s in lines(ax, "s")]
    assert positions == pytest.approx([EFFECT[LABELS.index(label)] for label in order], abs=PLACE)


def test_a_subtotal_has_the_weight_of_its_comparisons() -> None:
    analysis = subgroup_analysis(EFFECT, VARIANCE, list("abbaa"), labels=LABELS)
    written = texts(forest_by_subgroup(analysis))
    weights = dict(zip(LABELS, analysis.overall.weights, strict=True))
    for fit in analysis.fits.values():
        assert fmt.percent(sum(weights[label] for label in fit.labels), 1) in written


def test_a_heading_stands_off_from_the_row_above() -> None:
    analysis = subgroup_analysis(EFFECT, VARIANCE, list("abbaa"), labels=LABELS)
    places = {t.get_text(): t.get_position()[1] for t in forest_by_subgroup(analysis).texts}
    before = places[LABELS[4]]  # last of subgroup a, then its subtotal and their line
    assert places["b"] - before == pytest.approx(3 + ABOVE_HEADING)
    assert places[LABELS[1]] - places["b"] == pytest.approx(1)
    assert places["a"] == 0


@pytest.mark.parametrize("measure", ["MD", "RR"])
def test_an_axis_follows_intervals_that_are_only_a_little_longer(measure: str) -> None:
    """Without the rule the axis would end 0.9 from the middle; 0.99 is near, 3 is not."""
    rows = [
        Row("study", "a", {}, -0.3, (-0.99, 0.3)),
        Row("study", "b", {}, 0.3, (-0.3, 3.0)),
    ]
    low, high = _axis_limits(rows, None)
    assert low < -0.99
    assert 0.9 < high < 1.2
    labels = ["a", "b"]
    ax = forest(pool([-0.3, 0.3], [0.1, 4.0], labels=labels), measure=measure)
    assert [len(lines(ax, marker)) for marker in "<>"] == [1, 1]


def test_a_prediction_interval_is_whole_where_it_at_most_doubles_the_axis() -> None:
    studies = [Row("study", "a", {}, -1.0, (-2.0, 0.0)), Row("study", "b", {}, 1.0, (0.0, 2.0))]
    alone = _axis_limits(studies, None)
    for half, is_whole in ((4.3, True), (4.4, False)):
        rows = [*studies, Row("prediction", "p", {}, None, (-half, half))]
        low, high = _axis_limits(rows, None)
        assert (high > half) is is_whole
        assert (low < -half) is is_whole
    assert alone == pytest.approx((-2.16, 2.16))


# --- funnel


def test_funnel_places_points_and_marks_the_hollow_and_the_filled() -> None:
    fit = five()
    filled = trim_and_fill(EFFECT, VARIANCE, labels=LABELS, side="right")
    ax = funnel(fit, details=DETAILS, filled=filled, unit="points", title="Pain")
    assert_legible(ax)
    dots = lines(ax, "o")
    solid, hollow = dots[0], dots[1]
    assert hollow.get_markerfacecolor() == "white"
    assert list(hollow.get_xdata()) == pytest.approx(EFFECT[1:3], abs=PLACE)
    assert list(solid.get_ydata()) == pytest.approx(np.sqrt(np.array(VARIANCE)[[0, 3, 4]]))
    crosses = lines(ax, "X")
    assert sum(len(c.get_xdata()) for c in crosses) == filled.k0
    low, high = ax.get_ylim()
    assert high == 0.0
    assert low > np.sqrt(max(VARIANCE))


def test_funnel_names_every_point_when_there_is_room() -> None:
    assert set(LABELS) <= set(texts(funnel(five())))
    assert not set(LABELS) & set(texts(funnel(five(), name_points=False)))


def test_funnel_contours_change_where_the_p_value_does() -> None:
    ax = funnel(five())
    deep = ax.get_ylim()[0]
    edges = sorted(float(c.get_paths()[0].get_extents().x1) / deep for c in ax.collections)
    # 1.6449, 1.9600 and 2.5758: the normal quantiles of 0.95, 0.975 and 0.995
    assert edges == pytest.approx([1.6449, 1.9600, 2.5758], abs=1e-4)


@pytest.mark.few
@pytest.mark.parametrize("k", [2, 9, 25])
def test_funnel_is_legible_and_warns_of_few_comparisons(k: int) -> None:
    rng = np.random.default_rng(k)
    variance = rng.uniform(0.01, 0.5, k)
    ax = funnel(pool(rng.normal(0, np.sqrt(variance)), variance))
    assert_legible(ax)
    assert ("fewer than ten" in look.caption(ax)) is (k < 10)


def test_funnel_of_nothing_or_of_one_is_a_statement() -> None:
    for fit in (None, pool([0.3], [0.04], labels=["Alpha"])):
        ax = funnel(fit)
        assert_legible(ax)
        assert not ax.axison


# --- ratios


def events() -> pd.DataFrame:
    return DETAILS.assign(
        events_experimental=[3, 8, 2, 20, 1], events_comparator=[7, 6, 9.5, 18, None]
    )


def written_effects(ax: Axes) -> str:
    """Return all words of a plot but the signs of risk of bias and what is told of the tests."""
    tests, signs = ("Heterogeneity", "Test of"), marks.RISK_SIGNS.values()
    kept = [text for text in texts(ax) if not text.startswith(tests) and text not in signs]
    kept += [text.get_text() for text in ax.get_xticklabels()]
    return "\n".join([*kept, look.alt_text(ax), look.caption(ax)])


@pytest.mark.few
@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("measure", ["RR", "OR", "HR", "IRR"])
def test_forest_of_ratios_shows_ratios_on_a_logarithmic_axis(measure: str, compact: bool) -> None:
    fit = five()
    ax = forest(
        fit, details=events(), measure=measure, favours=FAVOURS, mid=0.8, compact=compact,
        title="A fall within a year",
    )  # fmt: skip
    assert_legible(ax)
    assert ax.get_xscale() == "log"
    assert [float(s.get_xdata()[0]) for s in lines(ax, "s")] == pytest.approx(np.exp(EFFECT))
    diamond = next(p for p in ax.patches if isinstance(p, Polygon)).get_xy()[:, 0]
    assert (min(diamond), max(diamond)) == pytest.approx(np.exp(fit.ci))
    bar = next(line for line in ax.lines if line.get_linewidth() == 5.0).get_xdata()
    low, high = ax.get_xlim()
    assert list(bar) == pytest.approx(np.clip(np.exp(fit.prediction_interval), low, high))
    assert any(list(line.get_xdata()) == [1, 1] for line in ax.lines)
    words = written_effects(ax)
    assert fmt.effect_estimate(fit.estimate, fit.ci, measure) in words
    assert fmt.effect_interval(fit.prediction_interval, measure) in words
    assert fmt.MINUS not in words
    assert "ratio (log scale)" in words
    flat = "\n".join(texts(ax)).replace("\N{NO-BREAK SPACE}", " ").replace("\n", " ")
    assert f"τ² = {fmt.number(fit.tau2)} ({fmt.interval(fit.tau2_ci)}, log scale)" in flat


@pytest.mark.parametrize("mid", [0.8, 1.25])
def test_the_band_of_a_ratio_runs_from_one_over_mid_to_mid(mid: float) -> None:
    ax = forest(five(), measure="RR", mid=mid)
    band = next(p for p in ax.patches if not isinstance(p, Polygon))
    assert band.get_extents().transformed(ax.transData.inverted()).intervalx == pytest.approx(
        (0.8, 1.25),
        abs=1e-6,  # through pixels and back
    )
    words = [text.get_text() for text in ax.findobj(Text)]
    assert "closer to 1 than the minimal important difference (0.80 to 1.25)" in words


def test_limits_of_a_ratio_are_ratios() -> None:
    ax = forest(five(), measure="OR", limits=(0.5, 2.0))
    assert ax.get_xlim() == (0.5, 2.0)
    assert {float(line.get_ydata()[0]) for line in lines(ax, "<")} >= {0.0, 2.0, 4.0}
    with pytest.raises(ReviewError, match="an axis of OR must run from above 0"):
        forest(five(), measure="OR", limits=(0.0, 2.0))


def test_numbers_that_are_no_logarithms_are_refused() -> None:
    with pytest.raises(ReviewError, match="effects are given as natural logarithms"):
        forest(pool([900.0, 1100.0], [4.0, 4.0]), measure="RR")
    with pytest.raises(ReviewError, match="RR = 1 is no difference"):
        forest(five(), measure="RR", mid=1.0)


@pytest.mark.slow
def test_exchanging_the_arms_inverts_the_ratios_and_mirrors_the_axis() -> None:
    one, other = five(), pool([-effect for effect in EFFECT], VARIANCE, labels=LABELS)
    for draw in (forest, funnel):
        first, second = draw(one, measure="OR"), draw(other, measure="OR")
        low, high = first.get_xlim()
        assert second.get_xlim() == pytest.approx((1 / high, 1 / low))
        across = [
            (ax.transData + ax.transAxes.inverted()).transform([(end, 1.0) for end in ends])[:, 0]
            for ax, ends in ((first, (low, 1.0, high)), (second, (1 / high, 1.0, 1 / low)))
        ]
        assert across[1] == pytest.approx(1 - across[0][::-1])
        mark = "s" if draw is forest else "o"
        places = [np.concatenate([line.get_xdata() for line in lines(ax, mark)]) for ax in
                  (first, second)]  # fmt: skip
        assert places[1] == pytest.approx(1 / places[0])
    for label, effect in zip(LABELS, EFFECT, strict=True):
        assert f"{label} {fmt.ratio(np.exp(effect))}" in look.alt_text(forest(one, measure="OR"))
        assert f"{label} {fmt.ratio(np.exp(-effect))}" in look.alt_text(forest(other, measure="OR"))


EFFECTS = st.lists(st.tuples(st.floats(-6, 6), st.floats(0.001, 4)), min_size=1, max_size=6)


@pytest.mark.slow
@examples(12)
@given(studies=EFFECTS)
def test_no_plot_of_ratios_ever_prints_a_logarithm(studies: list[tuple[float, float]]) -> None:
    effect, variance = zip(*studies, strict=True)
    fit = pool(effect, variance, tau2_method="DL")
    plots = [forest(fit, measure="RR", mid=0.8, compact=True), funnel(fit, measure="RR")]
    if fit.k > 1:
        table = al.leave_one_out(effect, variance, tau2_method="DL")
        plots.append(leave_one_out(table, fit, measure="RR"))
    for ax in plots:
        words = written_effects(ax)
        assert fmt.MINUS not in words
        assert not re.search(r"\d-\d|[^\w]-\d|nan|inf\b", words)
        assert clipped_texts(ax) == []
    for effect_, half in zip(fit.effect, 1.959964 * np.sqrt(fit.variance), strict=True):
        cell = fmt.effect_estimate(effect_, (effect_ - half, effect_ + half), "RR")
        assert cell in "\n".join(texts(plots[0]))
    plt.close("all")


@examples(250)
@given(
    middle=st.one_of(st.floats(-0.5, 0.5), st.floats(-8, 8)),
    decades=st.floats(-4, 1.2).map(lambda power: 10**power),
    width=st.floats(0.9, 8),
)
def test_ticks_of_ratios_are_round_few_and_on_the_axis(
    middle: float, decades: float, width: float
) -> None:
    low, high = 10 ** (middle - decades / 2), 10 ** (middle + decades / 2)
    ticks = ratio_ticks(low, high, width)
    assert 2 <= len(ticks) <= 8
    assert ticks == sorted(set(ticks))
    assert all(low <= tick <= high for tick in ticks)
    assert 1.0 in ticks or not low <= 1 <= high
    # round: at most three digits more than the axis needs to tell its ends apart
    digits = 3 + max(0, -math.floor(math.log10(high / low - 1)))
    assert all(float(f"{tick:.{digits}g}") == tick for tick in ticks)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.08, 12, [0.1, 0.2, 0.5, 1, 2, 5, 10]),
        (0.3, 3, [0.5, 1, 2]),
        (0.6, 4.9, [1, 2, 4]),
        (0.8, 1.25, [0.8, 0.9, 1, 1.1, 1.2]),
        (0.005, 150, [0.01, 0.1, 1, 10, 100]),
        (1e-9, 1e9, [1e-9, 1e-6, 1e-3, 1, 1e3, 1e6, 1e9]),
    ],
)
def test_ticks_of_usual_axes(low: float, high: float, expected: list[float]) -> None:
    assert ratio_ticks(low, high, 3.5) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("k", "scale", "compact"), list(product([1, 2, 12], [0.01, 1.0, 5.0], [False, True]))
)
def test_forest_of_ratios_is_legible_for_any_size(k: int, scale: float, compact: bool) -> None:
    rng = np.random.default_rng(k)
    fit = pool(scale * rng.normal(0, 1, k), scale**2 * rng.uniform(0.01, 1, k))
    counts = {
        name: rng.integers(1, 90_000, k)
        for name in ("n_experimental", "n_comparator", "events_experimental", "events_comparator")
    }
    ax = forest(
        fit,
        details=pd.DataFrame(counts, index=list(fit.labels)),
        measure="IRR",
        favours=FAVOURS,
        mid=1.25,
        compact=compact,
    )
    assert_legible(ax)


def test_a_risk_difference_stands_on_an_axis_of_differences() -> None:
    fit = pool([-0.05, 0.001, -0.12], [0.0004, 0.0001, 0.002])
    ax = forest(fit, measure="RD", mid=0.01, favours=FAVOURS)
    assert_legible(ax)
    assert ax.get_xscale() == "linear"
    words = texts(ax)
    assert "Risk difference" in words
    assert fmt.effect_estimate(fit.estimate, fit.ci, "RD") in words
    assert fmt.effect(-0.05, "RD") == "−0.050"
    assert "Risk difference" in funnel(fit, measure="RD").get_xlabel()


def test_events_stand_before_the_people_and_add_up() -> None:
    words = texts(forest(five(), details=events(), measure="RR"))
    assert {"events / n\nexperimental", "events / n\ncomparator"} <= set(words)
    assert {"3 / 35", "8 / 28", "9.5 / 13.5", "– / –"} <= set(words)
    assert "34 / 142" in words  # 3 + 8 + 2 + 20 + 1 of 35 + 28 + 28 + 42 + 9
    assert not [word for word in words if word.startswith("n\n")]
    assert [word for word in words if word.endswith("/ ") or word.startswith(" /")] == []


def test_the_people_are_headed_by_the_arms() -> None:
    assert {"n\nexperimental", "n\ncomparator"} <= set(texts(forest(five(), details=DETAILS)))
    named = forest(five(), details=DETAILS, arms=("strength training at home", "usual care"))
    assert {"n\nstrength\ntraining at\nhome", "n\nusual care"} <= set(texts(named))
    assert_legible(named)


def test_subgroups_of_ratios() -> None:
    groups = ["low", "high", "high", "low", "unclear"]
    analysis = subgroup_analysis(EFFECT, VARIANCE, groups, labels=LABELS)
    ax = forest_by_subgroup(analysis, details=events(), measure="RR", favours=FAVOURS)
    assert_legible(ax)
    for name, fit in analysis.fits.items():
        told = fmt.effect_estimate(fit.estimate, fit.ci, "RR")
        assert told in texts(ax)
        assert f"{name}: {told}" in look.alt_text(ax)
    assert fmt.MINUS not in written_effects(ax)


def test_funnel_of_ratios_has_straight_contours_about_one() -> None:
    fit = five()
    filled = trim_and_fill(EFFECT, VARIANCE, labels=LABELS, side="right")
    ax = funnel(fit, filled=filled, measure="OR", unit="ignored", title="A fall")
    assert_legible(ax)
    assert list(lines(ax, "o")[0].get_xdata()) == pytest.approx(np.exp(EFFECT))
    upright = [line.get_xdata()[0] for line in ax.lines if list(line.get_ydata()) == [0, 1]]
    assert upright == pytest.approx([1.0, math.exp(fit.estimate)])
    assert ax.get_xlabel() == "Odds ratio (log scale)"
    assert ax.get_ylabel().startswith("Standard error of log OR")
    deep = ax.get_ylim()[0]
    edges = sorted(math.log(c.get_paths()[0].get_extents().x1) / deep for c in ax.collections)
    assert edges == pytest.approx([1.6449, 1.9600, 2.5758], abs=1e-4)
    assert f"pooled estimate of {fmt.ratio(math.exp(fit.estimate))}" in look.alt_text(ax)


def test_leave_one_out_and_cumulative_plots_of_ratios() -> None:
    fit = five()
    table = al.influential(EFFECT, VARIANCE, labels=LABELS)
    ax = leave_one_out(table, fit, measure="HR", mid=0.8, favours=FAVOURS)
    assert_legible(ax)
    marks = [line for line in ax.lines if line.get_marker() in ("s", "D")]
    assert [float(m.get_xdata()[0]) for m in marks] == pytest.approx(np.exp(table["estimate"]))
    assert "τ²\n(log scale)" in texts(ax)
    assert fmt.MINUS not in written_effects(ax)
    told = fmt.effect_interval((table["estimate"].min(), table["estimate"].max()), "HR")
    assert f"runs from {told}" in look.alt_text(ax)


@pytest.mark.parametrize("measure", ["MD", "RR"])
def test_cumulative_adds_one_study_after_the_other(measure: str) -> None:
    table = al.cumulative(EFFECT, VARIANCE, [5, 4, 3, 2, 1], labels=LABELS)
    fit = five()
    ax = cumulative(table, fit, measure=measure, favours=FAVOURS, title="Pain")
    assert_legible(ax)
    shown = np.exp(table["estimate"]) if measure == "RR" else table["estimate"]
    places = [float(s.get_xdata()[0]) for s in lines(ax, "s")]
    assert places == pytest.approx(list(shown))
    first = [text for text in texts(ax) if text in LABELS]
    assert first == LABELS[::-1]
    alt = look.alt_text(ax)
    assert f"with {LABELS[-1]} alone" in alt
    assert f"to {fmt.effect_estimate(fit.estimate, fit.ci, measure)} after {LABELS[0]}." in alt


def test_all_subsets_of_ratios() -> None:
    fits = al.gosh(EFFECT, VARIANCE, labels=LABELS)
    ax = gosh(fits, measure="RR")
    assert_legible(ax)
    assert ax.get_xlabel() == "Pooled risk ratio (log scale)"
    dots = np.vstack([c.get_offsets() for c in ax.collections])
    assert sorted(dots[:, 0]) == pytest.approx(sorted(np.exp(fits.estimate[np.isfinite(fits.i2)])))
    assert fmt.MINUS not in look.alt_text(ax)


def test_an_overview_holds_ratios_beside_differences() -> None:
    fit = five()
    rows = [
        PooledRow("falls", "one year", fit.estimate, fit.ci, fit.prediction_interval),
        PooledRow("pain", "one year", fit.estimate, fit.ci, fit.prediction_interval),
    ]
    ax = overview(
        rows,
        panel_labels={"falls": ("Falls", "risk ratio"), "pain": ("Pain", "points")},
        favours={"falls": ("one", "other"), "pain": ("one", "other")},
        mid={"falls": 0.8, "pain": 1.0},
        measures={"falls": "RR"},
        caption="All results.",
    )
    assert_legible(ax)
    falls, pain = (axes for axes in look.figure_of(ax).axes[:2])
    assert (falls.get_xscale(), pain.get_xscale()) == ("log", "linear")
    for axes, measure in ((falls, "RR"), (pain, "MD")):
        (diamond,) = lines(axes, "D")
        assert float(diamond.get_xdata()[0]) == pytest.approx(
            math.exp(fit.estimate) if measure == "RR" else fit.estimate
        )
        assert fmt.effect_estimate(fit.estimate, fit.ci, measure) in look.alt_text(ax)
    low, high = falls.get_xlim()
    assert low * high == pytest.approx(1)


# --- risk of bias


def matrix(trials: int) -> pd.DataFrame:
    words = ["low", "some concerns", "high", "not stated"]
    columns = [*DOMAIN_IDS, OVERALL]
    cells = [[words[(i + j) % 4] for j in range(len(columns))] for i in range(trials)]
    return pd.DataFrame(cells, index=[f"trial-{i}" for i in range(trials)], columns=columns)


@pytest.mark.few
@pytest.mark.parametrize("trials", [1, 13, 40])
def test_traffic_lights_show_every_judgement(trials: int) -> None:
    table = matrix(trials)
    names = {trial: f"A trial with a longer name {trial}" for trial in table.index}
    ax = traffic_lights(table, labels=names, title="Pain")
    assert_legible(ax)
    for sign in texts(ax):
        assert sign in marks.RISK_SIGNS.values() or sign.startswith("D1: Randomisation")
    drawn = {
        (float(t.get_position()[0]), float(t.get_position()[1])): t.get_text()
        for t in ax.texts
        if t.get_text() and t.get_text() in marks.RISK_SIGNS.values()
    }
    for (y, (_, row)), (x, column) in product(
        enumerate(table.iterrows()), enumerate(table.columns)
    ):
        assert drawn.get((x, y), "") == marks.RISK_SIGNS[row[column]]
    assert ax.get_yticklabels()[0].get_text() == names["trial-0"]


def test_traffic_lights_without_trials_are_a_statement() -> None:
    assert "No trial" in look.alt_text(traffic_lights(matrix(0)))


def test_traffic_lights_refuse_an_unknown_word() -> None:
    with pytest.raises(ReviewError, match="trial-0, D1: judgement must be one of"):
        traffic_lights(matrix(1).assign(D1="perhaps"))


@pytest.mark.parametrize("weighted", [False, True])
def test_bars_add_up_and_are_as_long_as_the_shares(weighted: bool) -> None:
    shares = judgement_shares(
        matrix(6), {f"trial-{i}": float(i) for i in range(6)} if weighted else None
    )
    ax = risk_of_bias_bars(shares, weighted=weighted, title="Pain")
    assert_legible(ax)
    for y, item in enumerate(shares.index):
        bars = [p for p in ax.patches if abs(p.get_y() + p.get_height() / 2 - y) < PLACE]
        assert [p.get_width() for p in bars] == pytest.approx(
            [s for s in shares.loc[item] if s > 0], abs=PLACE
        )
        ends = [0.0, *(p.get_x() + p.get_width() for p in bars)]
        assert [p.get_x() for p in bars] == pytest.approx(ends[:-1], abs=PLACE)
        assert ends[-1] == pytest.approx(1.0, abs=PLACE)
    assert ("weight" in ax.get_xlabel()) is weighted


def test_bars_of_one_judgement_are_legible() -> None:
    table = matrix(3)
    table[:] = "not stated"
    assert_legible(risk_of_bias_bars(judgement_shares(table), weighted=False))


# --- influence


@pytest.mark.parametrize("compact", [False, True])
def test_leave_one_out_places_every_estimate_and_marks_the_influential(compact: bool) -> None:
    table = al.influential(EFFECT, VARIANCE, labels=LABELS)
    ax = leave_one_out(table, five(), favours=FAVOURS, mid=1.0, title="Pain", compact=compact)
    assert_legible(ax)
    marks = [line for line in ax.lines if line.get_marker() in ("s", "D")]
    assert [float(m.get_xdata()[0]) for m in marks] == pytest.approx(
        list(table["estimate"]), abs=PLACE
    )
    assert [m.get_marker() == "D" for m in marks] == table["influential"].tolist()
    assert table["influential"].any()
    assert not table["influential"].all()
    for label in table.loc[table["influential"], "left_out"]:
        assert label in look.alt_text(ax)


def test_leave_one_out_without_the_rule_marks_nothing() -> None:
    table = al.leave_one_out(EFFECT[:2], VARIANCE[:2], labels=LABELS[:2])
    ax = leave_one_out(table, pool(EFFECT[:2], VARIANCE[:2]))
    assert_legible(ax)
    assert lines(ax, "D") == []
    assert fmt.EN_DASH in texts(ax)  # one study is left: no I2, no tau2
    assert "p" in texts(ax)
    assert {fmt.p_cell(p) for p in table["p_value"]} <= set(texts(ax))


def test_baujat_places_and_names_every_study() -> None:
    table = al.baujat(EFFECT, VARIANCE, labels=LABELS, tau2_method="FE")
    ax = baujat(table, title="Pain")
    assert_legible(ax)
    dots = lines(ax, "o")[0]
    assert list(dots.get_xdata()) == pytest.approx(list(table["q_contribution"]), abs=PLACE)
    assert list(dots.get_ydata()) == pytest.approx(list(table["influence"]), abs=PLACE)
    assert set(LABELS) <= set(texts(ax))
    assert "heterogeneity: Beta 2002 (b)." in look.alt_text(ax)


def test_baujat_of_equal_effects_has_room() -> None:
    ax = baujat(al.baujat([0.1] * 3, [0.04] * 3, tau2_method="FE"))
    assert_legible(ax)
    assert ax.get_xlim()[0] < 0 < ax.get_xlim()[1]


def test_every_name_in_a_crowd_in_a_corner_is_written() -> None:
    table = pd.DataFrame(
        {
            "label": [f"Author {i} 2020" for i in range(6)],
            "q_contribution": [0.1, 0.35, 0.8, 0.9, 3.8, 20.0],
            "influence": [0.03, 0.01, 0.005, 0.0, 0.0, 2.7],
        }
    )
    ax = baujat(table)
    assert_legible(ax)
    assert "want of room" not in look.caption(ax)
    assert set(table["label"]) <= set(texts(ax))


@pytest.mark.few
@pytest.mark.parametrize("seed", range(6))
def test_no_line_to_a_name_crosses_another_dot(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "label": [f"Author {i:02d} 2020" for i in range(9)],
            "q_contribution": np.append(rng.uniform(0, 4, 8), 20.0),
            "influence": np.append(rng.uniform(0, 0.1, 8), 3.0),
        }
    )
    ax = baujat(table)
    to_pixels = ax.transData.transform
    dots = to_pixels(table[["q_contribution", "influence"]].to_numpy())
    leaders = [line for line in ax.lines if line.get_linewidth() == 0.6]
    assert leaders
    for line in leaders:
        start, end = to_pixels(np.column_stack(line.get_data()))
        steps = start + np.linspace(0, 1, 500)[:, None] * (end - start)
        for dot in dots:
            is_its_own = np.hypot(*(dot - start)) < HIDDEN
            assert is_its_own or np.hypot(*(steps - dot).T).min() > TOUCHING


def test_names_beside_crowded_points_never_cover_one_another() -> None:
    rng = np.random.default_rng(4)
    table = pd.DataFrame(
        {
            "label": [f"Author {i:02d} 2020" for i in range(14)],
            "q_contribution": np.append(rng.uniform(0, 1, 13), 20.0),
            "influence": np.append(rng.uniform(0, 0.2, 13), 3.0),
        }
    )
    ax = baujat(table)
    assert_legible(ax)
    written = set(texts(ax))
    unnamed = look.caption(ax).rpartition("want of room: ")[2]
    for label in table["label"]:
        assert (label in written) is not (label in unnamed)
    assert "Author 13 2020" in written


@pytest.mark.parametrize("highlight", [None, "Beta 2002 (b)"])
def test_gosh_draws_every_subset_that_has_heterogeneity(highlight: str | None) -> None:
    fits = al.gosh(EFFECT, VARIANCE, labels=LABELS)
    ax = gosh(fits, highlight=highlight, title="Pain")
    assert_legible(ax)
    dots = np.vstack([c.get_offsets() for c in ax.collections])
    assert len(dots) == 2**5 - 1 - 5  # all subsets but the empty one and the single studies
    drawn = {(round(float(x), 9), round(float(y), 9)) for x, y in dots}
    expected = np.isfinite(fits.i2)
    assert drawn == {
        (round(float(x), 9), round(float(y), 9))
        for x, y in zip(fits.estimate[expected], fits.i2[expected], strict=True)
    }
    assert ("without" in look.alt_text(ax)) is (highlight is not None)
    colours = [to_hex(c.get_facecolor()[0]).upper() for c in ax.collections]
    assert colours == ([look.BLUE] if highlight is None else [look.BLUE, look.ORANGE][::-1])
    above, beside = ax.child_axes
    assert above.get_xlim() == pytest.approx(ax.get_xlim())
    assert beside.get_ylim() == pytest.approx(ax.get_ylim())
    assert len(above.patches) == len(beside.patches) == len(colours)


def test_gosh_in_given_axes_keeps_to_them() -> None:
    given = plt.figure().add_subplot()
    assert gosh(al.gosh(EFFECT, VARIANCE), ax=given).child_axes == []


def test_gosh_draws_a_part_of_very_many_subsets_and_says_so() -> None:
    rng = np.random.default_rng(1)
    fits = al.gosh(rng.normal(0, 1, 15), [0.1] * 15, tau2_method="DL")
    ax = gosh(fits)
    assert sum(len(c.get_offsets()) for c in ax.collections) == 20_000
    assert "a random 20\u2009000 of them are drawn" in look.caption(ax)


def test_gosh_of_one_study_is_a_statement() -> None:
    ax = gosh(al.gosh([0.1], [0.04]))
    assert "no heterogeneity" in look.alt_text(ax)
