"""The lights of risk of bias: their colours, their signs, and a legend of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import Transform

from analysis_lib.plots.look import BLACK, FONT_SIZE, INK, SKY, VERMILLION, YELLOW
from analysis_lib.plots.text import moved_right, text_size, write

#: Judgement -> the sign inside the light and its colour. The signs are those of the RoB 2 tool's
#: own summary; the colours also differ in lightness. What is not stated is a grey blank: readers of
#: other tools take a question mark for a judgement.
RISK_SIGNS = {
    **{"low": "+", "some concerns": "!", "unclear": "~", "moderate": "!", "high": "−"},
    **{"very high": "×"},
    **{"serious": "−", "critical": "×", "no information": "i", "not stated": ""},
}

RISK_COLOURS = {
    **{"low": SKY, "some concerns": YELLOW, "unclear": YELLOW, "moderate": YELLOW},
    **{"high": VERMILLION, "serious": VERMILLION, "critical": "#F0B0D0"},
    **{"very high": "#F0B0D0"},
    **{"no information": "#F0F0F0", "not stated": "#CFD2D6"},
}

#: What a legend says of each light, and the inches of a light and of the gap beside it.
RISK_WORDS = {
    "low": "low risk",
    "some concerns": "some concerns",
    "unclear": "unclear risk",
    "moderate": "moderate risk",
    "high": "high risk",
    "very high": "very high risk",
    "serious": "serious risk",
    "critical": "critical risk",
    "no information": "no information",
    "not stated": "not stated",
}

LEGEND_LIGHT, LEGEND_GAP = 0.175, 0.06


def paint_line(ax: Axes, x: Sequence[float], y: Sequence[float], **look: Any) -> None:
    """Draw a line or a mark into an Axes whose ends are fixed.

    ``Axes.plot`` would look for units, a colour and new ends first; a plot of rows has hundreds.
    """
    ax.add_artist(Line2D(x, y, **look))


def paint_light(
    ax: Axes, x: float, y: float, judgement: str, *, transform: Transform, size: float
) -> None:
    """Draw one light of a risk-of-bias plot: its colour, and the sign that says the same."""
    paint_line(
        ax, [x], [y], marker="o", markersize=size, markerfacecolor=RISK_COLOURS[judgement],
        markeredgecolor=INK, markeredgewidth=0.7, linestyle="", transform=transform, clip_on=False,
        zorder=3,
    )  # fmt: skip
    if not (sign := RISK_SIGNS[judgement]):
        return
    ax.text(
        x, y, sign, transform=transform, ha="center", va="center_baseline",
        size=0.72 * size, weight="bold", color=BLACK, zorder=4,
    )  # fmt: skip


def legend_width(judgement: str, *, size: float = FONT_SIZE) -> float:
    """Return how many inches a light takes in the legend, with its words and the gap behind."""
    return 1.5 * LEGEND_LIGHT + 4 * LEGEND_GAP + text_size(RISK_WORDS[judgement], size=size)[0]


def paint_risk_legend(
    ax: Axes,
    judgements: Iterable[str],
    *,
    transform: Transform,
    x: float = 0.0,
    size: float = FONT_SIZE,
) -> None:
    """Draw a line of lights, each before its words, from the point (x, 0) to the right."""
    inches = LEGEND_LIGHT / 2
    for judgement in judgements:
        place = moved_right(ax, transform, inches)
        paint_light(ax, x, 0, judgement, transform=place, size=72 * LEGEND_LIGHT)
        inches += LEGEND_LIGHT / 2 + LEGEND_GAP
        write(ax, x, RISK_WORDS[judgement], moved_right(ax, transform, inches), size)
        inches += text_size(RISK_WORDS[judgement], size=size)[0]
        inches += 3 * LEGEND_GAP + LEGEND_LIGHT / 2
