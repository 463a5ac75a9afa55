"""How free a reconstruction is: every reconstructed effect with its range over the ensemble."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.transforms import blended_transform_factory

from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import interval, number, plural
from analysis_lib.plots.look import (
    BLUE,
    GREY,
    INK,
    SKY,
    axes_of_size,
    describe,
    figure_of,
    is_narrow_page,
    legend_columns,
    styled,
)

COLUMNS = ("group", "label", "effect", "low", "high")
WIDTH = 6.2  # inches
GAP = 8 * "\N{NO-BREAK SPACE}"  # a drawing on a page would fold other spaces into one
ROW = 0.25  # inches a row


class _Comparison(NamedTuple):
    group: str
    label: str
    effect: float
    limits: tuple[float, float] | None


@styled
def ensemble_ranges(
    comparisons: pd.DataFrame,
    *,
    xlabel: str,
    favours: tuple[str, str] | None = None,
    caption: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw reconstructed effects as hollow squares on a bar, their range over the ensemble.

    Parameters
    ----------
    comparisons
        One row a comparison, in the order to draw: ``group`` (a heading, such as the follow-up),
        ``label``, ``effect``, ``low`` and ``high``. A row without ``low`` and ``high`` is not
        reconstructed and is drawn as a filled square without a bar.
    xlabel
        Measure and unit of the effects.
    favours
        What a result left and right of no difference favours.
    caption
        What stands below the figure.
    ax
        Where to draw; a figure sized from its rows when absent.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ReviewError
        When there is no row, or a column is missing.
    """
    missing = [column for column in COLUMNS if column not in comparisons]
    if missing or comparisons.empty:
        raise ReviewError(f"comparisons: no {', '.join(missing) or 'row'}")
    rows = [
        _Comparison(str(group), str(label), float(x), None if pd.isna(low) else (low, high))
        for group, label, x, low, high in zip(*(comparisons[c] for c in COLUMNS), strict=True)
    ]
    groups = list(dict.fromkeys(row.group for row in rows))
    if ax is None:
        ax = axes_of_size(WIDTH, ROW * (len(rows) + 1.4 * len(groups)) + 1.3)
    ax.axvline(0, color=GREY, linewidth=0.9, zorder=1)
    y, places, names = 0.0, list[float](), list[str]()
    for group, inside in itertools.groupby(rows, lambda row: row.group):
        places, names = [*places, y], [*names, group]
        for row in inside:
            y += 1
            _draw(ax, row, y)
            places, names = [*places, y], [*names, row.label]
        y += 1.4
    ax.use_sticky_edges = False  # a bar must not end at the frame
    ax.margins(x=0.04)
    heads = [name in groups for name in names]
    if is_narrow_page():  # a heading runs on over the plot, whose row is empty
        across = blended_transform_factory(figure_of(ax).transFigure, ax.transData)
        for place, name in zip(places, names, strict=True):
            if name in groups:
                ax.text(0.01, place, name, transform=across, weight="bold", in_layout=False)
        names = ["" if is_head else name for name, is_head in zip(names, heads, strict=True)]
    ax.set_yticks(places, names)
    for tick, is_head in zip(ax.get_yticklabels(), heads, strict=True):
        tick.set_fontweight("bold" if is_head else "normal")
    ax.set_ylim(y - 0.7, -0.8)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(
        xlabel
        if favours is None
        else f"{xlabel}\n\N{LEFTWARDS ARROW} favours {favours[0]}"
        f"{GAP}favours {favours[1]} \N{RIGHTWARDS ARROW}"
    )
    _legend(ax, rows)
    return describe(ax, alt=_alt(rows, xlabel), caption=caption or _caption(rows))


def _draw(ax: Axes, row: _Comparison, y: float) -> None:
    if row.limits is not None:
        low, high = row.limits
        ax.barh(y, high - low, left=low, height=0.56, facecolor=SKY, alpha=0.45, zorder=2)
    ax.plot(row.effect, y, **_mark(reconstructed=row.limits is not None))


def _mark(*, reconstructed: bool) -> dict[str, Any]:
    return {
        "marker": "s",
        "markersize": 6.5,
        "markeredgewidth": 1.3,
        "markeredgecolor": BLUE if reconstructed else INK,
        "markerfacecolor": "white" if reconstructed else INK,
        "linestyle": "none",
        "zorder": 3,
    }


def _legend(ax: Axes, rows: Sequence[_Comparison]) -> None:
    handles: list[Any] = []
    if any(row.limits is not None for row in rows):
        handles += ax.plot([], [], **_mark(reconstructed=True), label="reconstructed")
        handles.append(Patch(facecolor=SKY, alpha=0.45, label="range, 95% of the ensemble"))
    if any(row.limits is None for row in rows):
        handles += ax.plot([], [], **_mark(reconstructed=False), label="known")
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=legend_columns(3))


def _alt(rows: Sequence[_Comparison], xlabel: str) -> str:
    told = []
    for group, inside in itertools.groupby(rows, lambda row: row.group):
        cells = [
            f"{row.label} "
            + (number(row.effect) if row.limits is None else f"range {interval(row.limits)}")
            for row in inside
        ]
        told.append(f"{group}: {'; '.join(cells)}")
    return f"{xlabel}, reconstructed effects and their ranges. {'. '.join(told)}."


def _caption(rows: Sequence[_Comparison]) -> str:
    n = sum(row.limits is not None for row in rows)
    return (
        f"{plural(n, 'effect')} that {'is' if n == 1 else 'are'} reconstructed, not reported. "
        "Hollow square: the least surprising value that agrees with the print. Bar: the middle "
        "95% of the values over the ensemble, which all agree with the print."
    )
