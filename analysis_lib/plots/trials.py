"""The trials: who was in their arms, what was done, and how often intervals hold at such sizes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from analysis_lib.base.formatting import number, percent
from analysis_lib.plots.look import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MOST_LISTED,
    PALE,
    SKY,
    SMALL,
    VERMILLION,
    axes_of_size,
    describe,
    figure_of,
    legend_columns,
    styled,
)
from analysis_lib.plots.text import NumberFormatter, wrap_to

WIDTH = 5.0  # inches
ROW = 0.24  # inches a row
COVERAGE_WIDTH = 6.2  # inches
COVERAGE_ROW = 0.36  # inches a design
NAME_WIDTH = 2.2  # inches; a longer name takes two lines
APART = 0.2  # of a row, between the marks of two methods
STEP = 0.05  # the axis begins at a multiple of this
#: One mark a method, told apart by form and filling as well as by colour.
MARKS: tuple[dict[str, Any], ...] = (
    {"marker": "s", "color": BLUE, "markersize": 5},
    {"marker": "o", "color": VERMILLION, "markerfacecolor": "white", "markersize": 6},
    {"marker": "^", "color": GREEN, "markersize": 6},
)


@styled
def arm_means(
    arms: pd.DataFrame,
    *,
    mean: str,
    sd: str,
    group_labels: dict[str, str],
    xlabel: str,
    caption: str,
    ax: Axes | None = None,
) -> Axes:
    """Draw the mean of every arm with one standard deviation to each side.

    Parameters
    ----------
    arms
        One row an arm, in the order to draw: ``trial_label``, ``group`` and the columns ``mean``
        and ``sd``. Rows without a mean are left out; a mean without an SD has no line.
    mean, sd
        Names of the two columns.
    group_labels
        What each group is called; the first is drawn filled, the second hollow.
    xlabel
        The variable and its unit.
    caption
        What stands below the figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    rows = arms.dropna(subset=[mean])
    trials = list(dict.fromkeys(rows["trial_label"]))
    if ax is None:
        ax = axes_of_size(WIDTH, ROW * (len(rows) + 0.6 * len(trials)) + 1.1)
    y, ticks = 0.0, []
    for i, trial in enumerate(trials):
        inside = rows[rows["trial_label"] == trial]
        top = y
        for arm in inside.itertuples():
            _arm(ax, arm, y, mean, sd, list(group_labels).index(str(arm.group)))
            y -= 1
        ticks.append((top + y + 1) / 2)
        if i % 2 == 0:
            ax.axhspan(y + 0.2, top + 0.8, color=PALE, zorder=0, linewidth=0)
        y -= 0.6
    ax.set_yticks(ticks, trials)
    ax.set_ylim(y + 1.1, 1.0)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(xlabel)
    for i, label in enumerate(group_labels.values()):
        ax.plot([], [], **_marker(i), label=label)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=legend_columns(2))
    told = "; ".join(
        f"{arm.trial_label}, {group_labels[str(arm.group)]}: {number(getattr(arm, mean), 1)}"
        for arm in rows.itertuples()
    )
    return describe(ax, alt=f"{xlabel}, mean of each arm. {told}.", caption=caption)


def _marker(group: int) -> dict[str, Any]:
    colour = (BLUE, VERMILLION)[group]
    return {
        "marker": ("s", "o")[group],
        "color": colour,
        "markerfacecolor": colour if group == 0 else "white",
        "markersize": 6,
        "linestyle": "none",
    }


def _arm(ax: Axes, arm: object, y: float, mean: str, sd: str, group: int) -> None:
    centre, spread = getattr(arm, mean), getattr(arm, sd)
    if not pd.isna(spread):
        ends = (centre - spread, centre + spread)
        ax.plot(ends, (y, y), color=(BLUE, VERMILLION)[group], linewidth=1.4)
    ax.plot(centre, y, **_marker(group))


@styled
def arm_sizes(
    arms: pd.DataFrame, *, group_labels: dict[str, str], caption: str, ax: Axes | None = None
) -> Axes:
    """Draw the number of participants of every trial, arm by arm.

    Parameters
    ----------
    arms
        One row an arm: ``trial_label``, ``group`` and ``n``.
    group_labels
        What each group is called; the first is drawn filled, the second hollow.
    caption
        What stands below the figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    trials = list(dict.fromkeys(arms["trial_label"]))
    if ax is None:
        ax = axes_of_size(WIDTH, 1.15 * ROW * len(trials) + 1.0)
    told = []
    for y, trial in enumerate(trials):
        inside = arms[arms["trial_label"] == trial]
        start = 0
        for group, n in zip(inside["group"], inside["n"], strict=True):
            ax.barh(y, n, left=start, height=0.7, **_bar(list(group_labels).index(str(group))))
            ax.text(start + n / 2, y, str(n), size=SMALL, ha="center", va="center", color=INK)
            start += int(n)
        told.append(f"{trial} {' + '.join(str(n) for n in inside['n'])}")
    ax.set_yticks(range(len(trials)), trials)
    ax.set(ylim=(len(trials) - 0.4, -0.6), xlabel="Participants")
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    key = [Patch(label=label, **_bar(i)) for i, label in enumerate(group_labels.values())]
    ax.legend(handles=key, loc="lower left", bbox_to_anchor=(0, 1), ncols=legend_columns(2))
    return describe(ax, alt=f"Participants by arm: {'; '.join(told)}.", caption=caption)


def _bar(group: int) -> dict[str, Any]:
    return {"facecolor": (SKY, "white")[group], "edgecolor": (BLUE, VERMILLION)[group]}


@styled
def feature_matrix(
    features: pd.DataFrame, *, caption: str, alt: str, ax: Axes | None = None
) -> Axes:
    """Draw which trial has which feature: a filled mark for yes, a small dot for no.

    Parameters
    ----------
    features
        True and False, one row a trial and one column a feature.
    caption
        What stands below the figure.
    alt
        What the figure shows, in words.

    Returns
    -------
    matplotlib.axes.Axes
    """
    has = features.to_numpy(dtype=bool)
    rows, columns = has.shape
    if ax is None:
        ax = axes_of_size(1.7 + 0.5 * columns, ROW * 1.15 * rows + 1.9)
    for i in range(0, rows, 2):
        ax.axhspan(i - 0.5, i + 0.5, color=PALE, zorder=0, linewidth=0)
    for marker, wanted, size, colour in (("s", True, 60, INK), (".", False, 14, GREY)):
        y, x = np.nonzero(has == wanted)
        ax.scatter(x, y, marker=marker, s=size, color=colour)
    ax.set(xlim=(-0.6, columns - 0.4), ylim=(rows - 0.5, -0.5))
    ax.set_yticks(range(rows), _words(features.index))
    ax.set_xticks(range(columns), _words(features.columns), rotation=40, ha="left")
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return describe(ax, alt=alt, caption=caption)


def _words(labels: Iterable[object]) -> list[str]:
    return [str(label) for label in labels]


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
        ax = axes_of_size(COVERAGE_WIDTH, COVERAGE_ROW * len(shares) + 1.1)
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
    figure_of(ax).legend(
        *ax.get_legend_handles_labels(), loc="outside upper left", ncols=legend_columns(3)
    )
    promised = f"The line marks the {percent(level)} that are promised."
    return describe(ax, alt=_alt(shares, labels, title), caption=f"{title}. {promised}")


def _alt(shares: pd.DataFrame, labels: Mapping[str, str], title: str) -> str:
    if len(shares) > MOST_LISTED:
        told = (
            f"{label} from {percent(shares[method].min(), 1)} ({shares[method].idxmin()}) "
            f"to {percent(shares[method].max(), 1)} ({shares[method].idxmax()})"
            for method, label in labels.items()
            if shares[method].notna().any()
        )
        return f"{title}. {'; '.join(told)}."
    told = (
        f"{name}: "
        + ", ".join(
            f"{label} {percent(row[method], 1, absent='none')}" for method, label in labels.items()
        )
        for name, row in shares.iterrows()
    )
    return f"{title}. {'; '.join(told)}."
