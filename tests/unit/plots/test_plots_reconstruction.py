"""Does the picture of a reconstruction show its ranges, and that nothing in it is reported?"""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from figure_texts import clipped_texts, overlapping_texts
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from analysis_lib import plots
from analysis_lib.base.errors import ReviewError
from analysis_lib.plots.look import figure_of
from analysis_lib.plots.reconstruction import ensemble_ranges

PLACE = 1e-9  # data coordinates are stored as they were given
GAP = "\N{NO-BREAK SPACE}" * 8  # which a page does not fold into one space
PHONE = 6.5  # inches: a wider figure would have to shrink too much
ROWS = pd.DataFrame(
    {
        "group": ["Short", "Short", "Long"],
        "label": ["Aasa 2015", "Cai 2017 (a)", "Kell 2009"],
        "effect": [-0.3, 0.1, -1.5],
        "low": [-0.9, None, -1.7],
        "high": [0.2, None, -1.4],
    }
)

pytestmark = pytest.mark.usefixtures("closed_figures")


def draw(rows: pd.DataFrame = ROWS) -> Axes:
    return ensemble_ranges(rows, xlabel="Mean difference", favours=("loaded", "unloaded"))


def test_squares_stand_at_the_effects_and_are_hollow_where_reconstructed() -> None:
    squares = [line for line in draw().lines if line.get_marker() == "s" and len(line.get_xdata())]
    assert [float(line.get_xdata()[0]) for line in squares] == ROWS["effect"].tolist()
    hollow = [to_hex(line.get_markerfacecolor()) == "#ffffff" for line in squares]
    assert hollow == ROWS["low"].notna().tolist()


def test_bars_are_the_ranges() -> None:
    bars = [patch for patch in draw().patches if isinstance(patch, Rectangle)]
    ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars]
    expected = ROWS.dropna()[["low", "high"]].to_numpy()
    assert ends == [pytest.approx(tuple(row), abs=PLACE) for row in expected]


def test_bars_and_squares_stand_beside_their_names() -> None:
    ax = draw()
    places = {t.get_text(): y for t, y in zip(ax.get_yticklabels(), ax.get_yticks(), strict=True)}
    assert list(places) == ["Short", "Aasa 2015", "Cai 2017 (a)", "Long", "Kell 2009"]
    squares = [line for line in ax.lines if line.get_marker() == "s" and len(line.get_xdata())]
    for line, label in zip(squares, ROWS["label"], strict=True):
        assert line.get_ydata()[0] == places[label]


def test_every_word_stands_free_and_inside_and_the_figure_fits_a_phone() -> None:
    ax = draw()
    assert overlapping_texts(ax) == []
    assert clipped_texts(ax) == []
    assert figure_of(ax).get_figwidth() <= PHONE


def test_words_say_what_is_reconstructed() -> None:
    ax = draw()
    alt, caption = plots.alt_text(ax), plots.caption(ax)
    assert "Short: Aasa 2015 range −0.90 to 0.20; Cai 2017 (a) 0.10. Long:" in alt
    assert caption.startswith("2 effects that are reconstructed, not reported.")
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["reconstructed", "range, 95% of the ensemble", "known"]
    assert ax.get_xlabel() == f"Mean difference\n← favours loaded{GAP}favours unloaded →"


def test_a_given_caption_and_axes_are_used() -> None:
    _, ax = plt.subplots()
    found = ensemble_ranges(ROWS, xlabel="SMD", caption="Mine.", ax=ax)
    assert found is ax
    assert plots.caption(ax) == "Mine."
    assert ax.get_xlabel() == "SMD"


def test_rows_that_are_all_known_or_all_reconstructed_have_a_shorter_legend() -> None:
    for rows, expected in (
        (ROWS.dropna(), ["reconstructed", "range, 95% of the ensemble"]),
        (ROWS[ROWS["low"].isna()], ["known"]),
    ):
        legend = [text.get_text() for text in draw(rows).get_legend().get_texts()]
        assert legend == expected


@pytest.mark.parametrize(
    ("rows", "message"),
    [(ROWS.iloc[:0], "no row"), (ROWS.drop(columns=["low", "high"]), "no low, high")],
)
def test_nothing_to_draw_is_said(rows: pd.DataFrame, message: str) -> None:
    with pytest.raises(ReviewError, match=f"comparisons: {message}"):
        draw(rows)
