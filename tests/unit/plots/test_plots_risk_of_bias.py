"""What the risk-of-bias plots show besides the judgements themselves: legend, title, notes, names.

That every judgement stands in its place, and every bar is as long as its share, is asked in
`test_plots.py`.
"""

from __future__ import annotations

from itertools import pairwise

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from figure_texts import clipped_texts, overlapping_texts
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from analysis_lib.plots import look, marks, risk_of_bias_bars, traffic_lights
from analysis_lib.plots.marks import RISK_WORDS
from analysis_lib.review.instruments import ROB2
from analysis_lib.review.risk_of_bias import DOMAIN_IDS, DOMAINS, OVERALL, judgement_shares

PIXEL = 1.0  # texts are placed to a fraction of a pixel; the worst seen is 0.5
WORDS = list(ROB2.words)
LONG = "Risk of bias by trial: fear-avoidance beliefs about physical activity, after the washout"

pytestmark = pytest.mark.usefixtures("closed_figures")


def matrix(words: list[str]) -> pd.DataFrame:
    """Return a trial a word, all of whose judgements are that word."""
    columns = [*DOMAIN_IDS, OVERALL]
    trials = [f"Trial {i}" for i in range(len(words))]
    return pd.DataFrame(dict.fromkeys(columns, words), index=trials)


def draw(kind: str, words: list[str], title: str = "", ax: Axes | None = None) -> Axes:
    if kind == "lights":
        return traffic_lights(matrix(words), title=title, ax=ax)
    shares = judgement_shares(matrix(words))
    return risk_of_bias_bars(shares, weighted=False, title=title, ax=ax)


def page_texts(ax: Axes) -> list[Text]:
    """Return the texts of the legend and the notes, after a draw that puts them in place."""
    figure = look.figure_of(ax)
    figure.draw_without_rendering()
    return list(figure.texts)


def left_edges(texts: list[Text]) -> list[float]:
    return [text.get_window_extent().x0 for text in texts]


@pytest.mark.parametrize("kind", ["lights", "bars"])
@pytest.mark.parametrize("words", [WORDS, ["high", "not stated"], ["low"]])
def test_the_legend_explains_the_lights_that_were_used_with_sign_and_words(
    kind: str, words: list[str]
) -> None:
    ax = draw(kind, words)
    told = [text for text in page_texts(ax) if text.get_text() in RISK_WORDS.values()]
    assert [text.get_text() for text in told] == [RISK_WORDS[word] for word in words]
    for text, word in zip(told, words, strict=True):
        box = text.get_window_extent()
        signs = [
            sign
            for sign in ax.texts
            if sign.get_text()
            and sign.get_text() == marks.RISK_SIGNS[word]
            and abs(sign.get_window_extent().y0 - box.y0) < box.height
            and 0 < box.x0 - sign.get_window_extent().x1 < 2 * box.height
        ]
        assert len(signs) == bool(marks.RISK_SIGNS[word])


@pytest.mark.few
@pytest.mark.parametrize("kind", ["lights", "bars"])
@pytest.mark.parametrize("title", ["", "Short", LONG])
def test_every_text_stays_on_the_page_whatever_the_title(kind: str, title: str) -> None:
    ax = draw(kind, WORDS, title)
    assert clipped_texts(ax) == []
    assert overlapping_texts(ax) == []
    assert ax.get_title(loc="left").replace("\n", " ") == title
    assert "\n" not in look.caption(ax)


def test_a_title_that_says_risk_of_bias_is_not_said_again() -> None:
    told = look.caption(traffic_lights(matrix(WORDS), title="Risk of bias: pain"))
    assert told == "Risk of bias: pain. RoB 2, trial by trial."
    assert look.caption(traffic_lights(matrix(WORDS), title="Pain")) == (
        "Pain. Risk of bias (RoB 2), trial by trial."
    )


def test_title_legend_and_notes_start_at_one_edge() -> None:
    ax = traffic_lights(matrix(WORDS), title="Pain")
    notes = [text for text in page_texts(ax) if text.get_text().startswith("D")]
    title = next(t for t in look.figure_of(ax).findobj(Text) if t.get_text() == "Pain")
    edges = left_edges([title, *notes])
    assert max(edges) - min(edges) < 3 * PIXEL  # letters keep a little room on their left


def test_notes_name_every_domain_at_even_distances() -> None:
    notes = [text for text in page_texts(traffic_lights(matrix(WORDS))) if ":" in text.get_text()]
    assert [note.get_text() for note in notes] == [f"{d.id}: {d.title}" for d in DOMAINS]
    heights = [float(note.get_transform().transform((0.0, 0.0))[1]) for note in notes]
    steps = [upper - lower for upper, lower in pairwise(heights)]
    assert steps == pytest.approx([steps[0]] * len(steps), abs=PIXEL)
    assert steps[0] > 0


def test_the_overall_judgement_is_set_apart() -> None:
    lights = traffic_lights(matrix(WORDS))
    bands = [patch for patch in lights.patches if isinstance(patch, Rectangle)]
    assert [(band.get_x(), band.get_width()) for band in bands] == [(len(DOMAIN_IDS) - 0.5, 1.0)]
    bars = risk_of_bias_bars(judgement_shares(matrix(WORDS)), weighted=False)
    assert [label.get_fontweight() for label in bars.get_yticklabels()] == [
        *["normal"] * len(DOMAIN_IDS), "bold",
    ]  # fmt: skip


def test_in_given_axes_nothing_reaches_over_to_the_neighbour_on_the_left() -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(14, 7))
    figure.subplots_adjust(bottom=0.3, wspace=0.5)
    draw("lights", WORDS, LONG, left)
    draw("bars", WORDS, LONG, right)
    assert len(page_texts(right)) == 2 * len(WORDS) + len(DOMAINS)
    edge = right.get_window_extent().x0
    of_the_right = page_texts(right)[-len(WORDS) :]
    assert min(left_edges(of_the_right)) > edge


def test_parts_of_a_bar_are_told_in_percent_where_there_is_room() -> None:
    shares = pd.DataFrame(
        {"low": [0.54], "some concerns": [0.33], "high": [0.11], "not stated": [0.02]},
        index=[OVERALL],
    )
    ax = risk_of_bias_bars(shares, weighted=True)
    told = [text.get_text() for text in ax.texts if text.get_transform() == ax.transData]
    assert told == ["+  54%", "!  33%", "− 11%"]
    assert "not stated 2%" in look.alt_text(ax)


def test_bars_without_trials_are_a_statement() -> None:
    ax = risk_of_bias_bars(judgement_shares(matrix(["low"])).iloc[:0], weighted=False)
    assert "No trial" in look.alt_text(ax)


def test_a_name_keeps_its_capitals() -> None:
    words = {"low": [1.0], "some concerns": [0.0], "high": [0.0], "not stated": [0.0]}
    shares = pd.DataFrame(words, index=["ADHD, week 8"])
    ax = risk_of_bias_bars(shares, weighted=True)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["ADHD, week 8"]


def test_domains_of_which_nothing_is_stated_are_not_drawn() -> None:
    table = matrix(["not stated", "high"])
    assert len(traffic_lights(table).get_xticklabels()) == len(table.columns)
    table.loc[:, DOMAIN_IDS] = "not stated"
    ax = traffic_lights(table)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["Overall"]
    assert "No judgement of a domain is stated." in look.caption(ax)


@pytest.mark.parametrize("kind", ["lights", "bars"])
def test_lights_and_bars_are_drawn_for_a_telephone_too(kind: str) -> None:
    narrow = look.narrow_drawing(draw(kind, WORDS, title=LONG))
    assert narrow is not None
    assert look.figure_of(narrow).get_figwidth() <= max(look.NARROW_PAGES)
