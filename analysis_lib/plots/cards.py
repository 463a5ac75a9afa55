"""A card of a review: title, verdict and results, as a picture that is shared beside a link."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from analysis_lib.conclusions.statements import CERTAINTY_SIGNS
from analysis_lib.plots.look import BLUE, GREY, INK, axes_of_size, describe, styled
from analysis_lib.plots.text import text_size, wrap_to

WIDTH, HEIGHT = 12.0, 6.3  # inches, of 100 pixels each
MARGIN = 0.55
TITLE, VERDICT, ROW = 21.0, 26.0, 16.0
STEP = 0.36


@styled
def card(title: str, verdict: str, rows: Sequence[tuple[str, str, str]]) -> Axes:
    """Draw title, verdict and as many results as there is room for.

    Parameters
    ----------
    title
        What the review is called.
    verdict
        What it finds, in a sentence or two.
    rows
        Of each result: what was measured and when, the effect, and its certainty.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = axes_of_size(WIDTH, HEIGHT, layout=None)
    ax.set_position((0, 0, 1, 1))
    ax.set_xlim(0, WIDTH)
    ax.set_ylim(HEIGHT, 0)
    ax.set_axis_off()
    ax.axvspan(0, 0.16, color=BLUE, lw=0)
    room, y = WIDTH - 2 * MARGIN, MARGIN
    for text, size, weight, colour in (
        (title, TITLE, "normal", GREY),
        (verdict, VERDICT, "bold", INK),
    ):
        wrapped = wrap_to(text, room, size=size, weight=weight)
        ax.text(MARGIN, y, wrapped, size=size, weight=weight, color=colour, va="top")
        y += text_size(wrapped, size=size, weight=weight)[1] + 0.35
    for what, effect, certainty in rows[: max(0, int((HEIGHT - MARGIN / 2 - y) / STEP))]:
        ax.text(MARGIN, y, wrap_to(what, 5.6, size=ROW).split("\n")[0], size=ROW, va="top")
        ax.text(8.9, y, effect, size=ROW, va="top", ha="right")
        signs = f"{CERTAINTY_SIGNS.get(certainty, '')} {certainty}".strip()
        ax.text(9.1, y, signs, size=ROW, va="top")
        y += STEP
    return describe(ax, alt=f"{title}. {verdict}", caption=title)
