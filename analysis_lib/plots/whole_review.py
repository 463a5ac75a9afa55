"""One picture of a whole review: every pooled result, with what is known and what to expect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from analysis_lib.base import formatting as fmt
from analysis_lib.base.measures import (
    RATIO_MEASURES,
    Interval,
    band,
    no_difference,
    shown,
    shown_interval,
)
from analysis_lib.plots.axis import set_effect_ticks, set_pooled_axis
from analysis_lib.plots.look import (
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
)
from analysis_lib.plots.text import widest, wrap_to

WIDTH = 5.0  # inches


@dataclass(frozen=True, slots=True)
class PooledRow:
    """One pooled result: its interval for the mean, and the one for a new setting.

    The numbers are those of the result, for a ratio therefore logarithms.
    """

    panel: str
    label: str
    estimate: float
    ci: Interval
    prediction_interval: Interval | None = None


@styled
def overview(
    rows: Sequence[PooledRow],
    *,
    panel_labels: dict[str, tuple[str, str]],
    favours: dict[str, tuple[str, str]],
    mid: dict[str, float] | None = None,
    measures: dict[str, str] | None = None,
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
        For some panels, the minimal important difference: drawn as a pale band around no
        difference. For a ratio it is a ratio, such as 0.8.
    measures
        The measure of each panel, such as RR; a panel without one shows differences.
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
    measure_of = {panel: (measures or {}).get(panel, "MD") for panel in panels}
    for ax, panel, group in zip(axes, panels, groups, strict=True):
        measure = measure_of[panel]
        _panel(ax, group, measure, panel_labels[panel], favours[panel], (mid or {}).get(panel))
    _number_ratios(list(axes), list(measure_of.values()))
    return describe(axes[0], alt=_alt(rows, measure_of, panel_labels), caption=caption)


def _panel(
    ax: Axes,
    rows: list[PooledRow],
    measure: str,
    title: tuple[str, str],
    favours: tuple[str, str],
    mid: float | None,
) -> None:
    positions = np.arange(len(rows))[::-1]
    if mid is not None:
        ax.axvspan(*band(mid, measure), color=PALE, zorder=0, linewidth=0)
    ax.axvline(no_difference(measure), color=GREY, linewidth=1, zorder=1)
    for y, row in zip(positions, rows, strict=True):
        if row.prediction_interval is not None:
            wide = shown_interval(row.prediction_interval, measure)
            ax.plot(wide, (y, y), color=SKY, linewidth=7, solid_capstyle="butt")
        ax.plot(shown_interval(row.ci, measure), (y, y), color=BLUE, linewidth=2.2)
        ax.plot(
            shown(row.estimate, measure), y, marker="D", color=BLACK, markersize=6, linestyle="none"
        )
    limit = 1.08 * max(
        abs(end) for row in rows for end in (*row.ci, *(row.prediction_interval or ()))
    )
    set_pooled_axis(ax, measure, -limit, limit)
    ax.set(ylim=(-0.6, len(rows) - 0.4), yticks=positions)
    labels = [wrap_to(row.label, 1.15, size=9.0) for row in rows]
    ax.set_yticklabels(labels)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    _words_around(ax, title, favours, indent=72 * widest(labels, size=9.0) + 5)
    ax.secondary_yaxis("right").set_yticks(
        positions,
        [
            f"{fmt.effect(row.estimate, measure)}\n{fmt.effect_interval(row.ci, measure)}"
            for row in rows
        ],
        size=SMALL,
    )
    ax.child_axes[-1].tick_params(length=0)
    ax.child_axes[-1].spines["right"].set_visible(False)


def _number_ratios(axes: Sequence[Axes], measures: Sequence[str]) -> None:
    """Put round ratios on the axes that have them, once it is known how wide these are."""
    if RATIO_MEASURES.isdisjoint(measures):
        return
    figure_of(axes[0]).draw_without_rendering()
    for ax, measure in zip(axes, measures, strict=True):
        if measure in RATIO_MEASURES:
            set_effect_ticks(ax, measure)


def _words_around(
    ax: Axes, title: tuple[str, str], favours: tuple[str, str], *, indent: float
) -> None:
    """Write the title and the two directions, which may be wider than the axes.

    Blanks keep the room above and below; the words themselves stay out of the layout, or a long
    one would squeeze the axes. The title begins where the labels of the rows begin.
    """
    room = figure_of(ax).get_figwidth() - 0.1
    name = wrap_to(title[0], room, size=FONT_SIZE, weight="bold")
    ax.set_title("\n".join([" "] * (2 + name.count("\n"))), size=SMALL)
    ax.set_xlabel(" ", size=SMALL)
    above: dict[str, Any] = {"weight": "bold", "size": FONT_SIZE, "va": "bottom"}
    below: dict[str, Any] = {"size": SMALL, "color": GREY, "va": "top"}
    for words, place, offset, look in (
        (name, (0, 1), (-indent, 16), above),
        (title[1], (0, 1), (-indent, 4), {"size": SMALL, "va": "bottom"}),
        (f"◂ favours {favours[0]}", (0.49, 0), (-4, -19), {**below, "ha": "right"}),
        (f"favours {favours[1]} ▸", (0.51, 0), (4, -19), {**below, "ha": "left"}),
    ):
        note = ax.annotate(
            words, place, offset, xycoords="axes fraction", textcoords="offset points", **look
        )
        note.set_in_layout(False)


def _alt(
    rows: Sequence[PooledRow], measures: dict[str, str], panel_labels: dict[str, tuple[str, str]]
) -> str:
    told = []
    for row in rows:
        measure = measures[row.panel]
        words = (
            f"{panel_labels[row.panel][0]}, {row.label}: "
            f"{fmt.effect_estimate(row.estimate, row.ci, measure)}"
        )
        if row.prediction_interval is not None:
            limits = fmt.effect_interval(row.prediction_interval, measure)
            words += f", prediction interval {limits}"
        told.append(words)
    return "Pooled effects with confidence and prediction intervals. " + "; ".join(told) + "."
