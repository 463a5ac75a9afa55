"""How often intervals hold the truth, by design and method."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis_lib.base.formatting import percent
from analysis_lib.plots.style import (
    BLUE,
    GREEN,
    INK,
    PALE,
    VERMILLION,
    NumberFormatter,
    axes_of_size,
    describe,
    figure_of,
    styled,
    wrap_to,
)

WIDTH = 6.2  # inches
ROW = 0.36  # inches a design
NAME_WIDTH = 2.2  # inches; a longer name takes two lines
APART = 0.2  # of a row, between the marks of two methods
STEP = 0.05  # the axis begins at a multiple of this


@styled
def coverage(
    shares: pd.DataFrame,
    *,
    level: float,
    labels: Mapping[str, str],
    title: str,
    ax: Axes | None = None,
) -> Axes:
    """Draw how often the intervals of several methods hold the truth, one row a design.

    Parameters
    ----------
    shares
        One row a design, named by the index, and one column a method: fractions. NaN where a
        method has no interval.
    level
        The share that is promised.
    labels
        What each method is called; at most three.
    title
        What the intervals hold, for the caption.
    ax
        Where to draw; a new figure when absent.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        For more methods than there are marks.
    """
    if len(labels) > len(MARKS):
        raise ValueError(f"{len(labels)} methods for {len(MARKS)} marks")
    if ax is None:
        ax = axes_of_size(WIDTH, ROW * len(shares) + 1.1)
    for i, (method, mark) in enumerate(zip(labels, MARKS, strict=False)):
        middle = (len(labels) - 1) / 2
        rows = [row + APART * (i - middle) for row in range(len(shares))]
        ax.plot(shares[method], rows, label=labels[method], linestyle="none", **mark)
    for row in range(0, len(shares), 2):
        ax.axhspan(row - 0.5, row + 0.5, color=PALE, zorder=0, linewidth=0)
    ax.axvline(level, color=INK, linewidth=1.0, zorder=1)
    lowest = min(float(np.nanmin(shares[list(labels)].to_numpy(dtype=float))), level)
    ax.set_xlim(STEP * math.floor(lowest / STEP - 0.2), 1.0 + 0.2 * STEP)
    ax.set_ylim(len(shares) - 0.5, -0.5)
    names = [wrap_to(str(name), NAME_WIDTH, size=9.0) for name in shares.index]
    ax.set_yticks(range(len(shares)), names)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_formatter(NumberFormatter(as_percent=True))
    ax.set_xlabel("share of the intervals that hold the truth")
    figure_of(ax).legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=3)
    promised = f"The line marks the {percent(level)} that are promised."
    return describe(ax, alt=_alt(shares, labels, title), caption=f"{title}. {promised}")


def _alt(shares: pd.DataFrame, labels: Mapping[str, str], title: str) -> str:
    told = (
        f"{name}: "
        + ", ".join(
            f"{label} {percent(row[method], 1, absent='none')}" for method, label in labels.items()
        )
        for name, row in shares.iterrows()
    )
    return f"{title}. {'; '.join(told)}."


#: One mark a method, told apart by form and filling as well as by colour.
MARKS: tuple[dict[str, Any], ...] = (
    {"marker": "s", "color": BLUE, "markersize": 5},
    {"marker": "o", "color": VERMILLION, "markerfacecolor": "white", "markersize": 6},
    {"marker": "^", "color": GREEN, "markersize": 6},
)
