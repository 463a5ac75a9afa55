"""The trials themselves: who was in the arms, and what was done with them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from analysis_lib.base.formatting import number
from analysis_lib.plots.style import (
    BLUE,
    GREY,
    INK,
    PALE,
    SKY,
    SMALL,
    VERMILLION,
    axes_of_size,
    describe,
    styled,
)

WIDTH = 5.0  # inches
ROW = 0.24  # inches a row


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
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
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
    ax.legend(handles=key, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
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
