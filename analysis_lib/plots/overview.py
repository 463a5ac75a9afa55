"""One picture of a whole review: every pooled result, with what is known and what to expect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from analysis_lib.formatting import estimate, interval, number
from analysis_lib.plots.style import (
    BLACK,
    BLUE,
    FONT_SIZE,
    GREY,
    PALE,
    SKY,
    SMALL,
    axes_of_size,
    describe,
    figure_of,
    styled,
    widest,
    wrap_to,
)

WIDTH = 5.0  # inches


@dataclass(frozen=True, slots=True)
class PooledRow:
    """One pooled result: its interval for the mean, and the one for a new setting."""

    panel: str
    label: str
    estimate: float
    ci: tuple[float, float]
    prediction_interval: tuple[float, float] | None = None


@styled
def overview(
    rows: Sequence[PooledRow],
    *,
    panel_labels: dict[str, tuple[str, str]],
    favours: dict[str, tuple[str, str]],
    mid: dict[str, float] | None = None,
    caption: str,
) -> Axes:
    """Draw pooled results in panels that share nothing but their order.

    Parameters
    ----------
    rows
        The results; those of one ``panel`` are drawn together on a scale of their own.
    panel_labels
        Title of each panel, and the measure with its unit.
    favours
        For each panel, the side that a result left and right of no difference favours.
    mid
        For some panels, the minimal important difference: drawn as a pale band around zero.
    caption
        What stands below the figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes of the first panel.
    """
    panels = list(dict.fromkeys(row.panel for row in rows))
    groups = [[row for row in rows if row.panel == panel] for panel in panels]
    heights = [len(group) + 1.9 for group in groups]
    first = axes_of_size(WIDTH, 0.4 * sum(heights) + 0.5)
    figure = figure_of(first)
    first.remove()
    axes = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
    for ax, panel, group in zip(axes, panels, groups, strict=True):
        _panel(ax, group, panel_labels[panel], favours[panel], (mid or {}).get(panel))
    return describe(axes[0], alt=_alt(rows, panel_labels), caption=caption)


def _panel(
    ax: Axes,
    rows: list[PooledRow],
    title: tuple[str, str],
    favours: tuple[str, str],
    mid: float | None,
) -> None:
    positions = np.arange(len(rows))[::-1]
    if mid is not None:
        ax.axvspan(-mid, mid, color=PALE, zorder=0, linewidth=0)
    ax.axvline(0, color=GREY, linewidth=1, zorder=1)
    for y, row in zip(positions, rows, strict=True):
        if row.prediction_interval is not None:
            ax.plot(row.prediction_interval, (y, y), color=SKY, linewidth=7, solid_capstyle="butt")
        ax.plot(row.ci, (y, y), color=BLUE, linewidth=2.2)
        ax.plot(row.estimate, y, marker="D", color=BLACK, markersize=6, linestyle="none")
    limit = 1.08 * max(
        abs(end) for row in rows for end in (*row.ci, *(row.prediction_interval or ()))
    )
    ax.set(xlim=(-limit, limit), ylim=(-0.6, len(rows) - 0.4), yticks=positions)
    labels = [wrap_to(row.label, 1.15, size=9.0) for row in rows]
    ax.set_yticklabels(labels)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    _words_around(ax, title, favours, indent=72 * widest(labels, size=9.0) + 5)
    ax.secondary_yaxis("right").set_yticks(
        positions, [number(row.estimate) + "\n" + interval(row.ci) for row in rows], size=SMALL
    )
    ax.child_axes[-1].tick_params(length=0)
    ax.child_axes[-1].spines["right"].set_visible(False)


def _words_around(
    ax: Axes, title: tuple[str, str], favours: tuple[str, str], *, indent: float
) -> None:
    """Write the title and the two directions, which may be wider than the axes.

    Blanks keep the room above and below; the words themselves stay out of the layout, or a long
    one would squeeze the axes. The title begins where the labels of the rows begin.
    """
    ax.set_title(" \n ", size=SMALL)
    ax.set_xlabel(" ", size=SMALL)
    above: dict[str, Any] = {"weight": "bold", "size": FONT_SIZE, "va": "bottom"}
    below: dict[str, Any] = {"size": SMALL, "color": GREY, "va": "top"}
    for words, place, offset, look in (
        (title[0], (0, 1), (-indent, 16), above),
        (title[1], (0, 1), (-indent, 4), {"size": SMALL, "va": "bottom"}),
        (f"◂ favours {favours[0]}", (0.49, 0), (0, -19), {**below, "ha": "right"}),
        (f"favours {favours[1]} ▸", (0.51, 0), (0, -19), {**below, "ha": "left"}),
    ):
        note = ax.annotate(
            words, place, offset, xycoords="axes fraction", textcoords="offset points", **look
        )
        note.set_in_layout(False)


def _alt(rows: Sequence[PooledRow], panel_labels: dict[str, tuple[str, str]]) -> str:
    told = []
    for row in rows:
        words = f"{panel_labels[row.panel][0]}, {row.label}: {estimate(row.estimate, row.ci)}"
        if row.prediction_interval is not None:
            words += f", prediction interval {interval(row.prediction_interval)}"
        told.append(words)
    return "Pooled effects with confidence and prediction intervals. " + "; ".join(told) + "."
