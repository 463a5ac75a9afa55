"""Robustness over an ensemble of reconstructed effects: medians and ranges, no single set.

The marks are hollow, as everywhere where something is reconstructed, and stand at the median over
the sets; the bars are the range of 95 % of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from analysis_lib.base import formatting as fmt
from analysis_lib.base.checks import FloatArray
from analysis_lib.base.errors import ReviewError
from analysis_lib.conclusions.ranges import SubsetsOfSets, ends_of
from analysis_lib.conclusions.stability import STABLE
from analysis_lib.conclusions.update import ABOVE, BELOW, INCLUDES
from analysis_lib.conclusions.update_over_sets import MapOverSets
from analysis_lib.plots.axis import axis_words, set_effect_ticks
from analysis_lib.plots.funnels import EXTENDED_SHADES, SHADES
from analysis_lib.plots.influence import drawn_part, set_subset_axes, subsets_legend
from analysis_lib.plots.look import (
    BLUE,
    FONT_SIZE,
    GREY,
    INK,
    ORANGE,
    SKY,
    axes_of_size,
    describe,
    legend_columns,
    styled,
    told_shortly,
)
from analysis_lib.plots.rows import TEXT, Row, RowLayout, RowPlot
from analysis_lib.plots.stacked import draw_rows
from analysis_lib.plots.text import (
    NumberFormatter,
    label_points,
    left_out_note,
    legend_below,
    wrap_to,
)
from analysis_lib.pooling.asymmetry import contour_levels

WIDEST_NAME = 2.2  # inches
LEVEL = 0.95
BANDS = ("95% of the sets of effects that agree with the print", "median over the sets")
#: The part of the range and the part of the median, in words, for captions.
SAID = "Hollow mark: median over the sets of effects that agree with the print. Bar: 95% of them."
HOLLOW: dict[str, Any] = {
    "marker": "s", "markersize": 6.5, "markeredgewidth": 1.3, "markeredgecolor": BLUE,
    "markerfacecolor": "white", "linestyle": "none", "zorder": 3,
}  # fmt: skip
#: The p values at which the shading of a funnel changes.
LEVELS = (0.1, 0.05, 0.01)
#: Where the sets differ.
OPEN = "#DDDDDD"


@styled
def ranges_over_sets(
    rows: pd.DataFrame,
    *,
    title: str,
    heading: str = "Comparison",
    measure: str = "MD",
    unit: str = "",
    favours: tuple[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one line a number: its name, its median and its range, with their digits beside.

    Parameters
    ----------
    rows
        ``label``, ``estimate``, ``estimate_low`` and ``estimate_high``, from top to bottom, and
        ``told``, what stands beside them.
    title
        Title of the plot, which should say that it shows what is reconstructed.
    heading
        What stands above the names.
    measure, unit
        For the horizontal axis.
    favours
        What a result left and right of no difference favours.
    ax
        Where to draw; a figure sized from its rows when absent.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ReviewError
        If there is no row.
    """
    if rows.empty:
        raise ReviewError("rows: nothing to draw")
    names, words = [str(name) for name in rows["label"]], [str(told) for told in rows["told"]]
    lines = [
        Row(
            "band",
            wrap_to(name, WIDEST_NAME, size=TEXT),
            # An interval is not broken.
            {"effect": told.replace(" (", "\u00a0(").replace(" to ", "\u00a0to\u00a0")},
            middle,
            (low, high),
            hollow=True,
        )
        for name, told, (middle, low, high) in zip(
            names, words, ends_of(rows, "estimate"), strict=True
        )
    ]
    layout = RowLayout(measure=measure, unit=unit, favours=favours, title=title)
    told_as = f"{measure}\n(95% of sets)"
    ax = draw_rows(RowPlot(lines, (), LEVEL, layout, heading, effects=told_as, bands=BANDS), ax)
    listed = [f"{name} {told}" for name, told in zip(names, words, strict=True)]
    alt = f"{title}: {told_shortly(listed, ends_of(rows, 'estimate')[:, 0])}."
    return describe(ax, alt=alt, caption=f"{title}. {SAID}")


@styled
def baujat_over_sets(table: pd.DataFrame, *, title: str, ax: Axes | None = None) -> Axes:
    """Draw Baujat's plot over the ensemble: each comparison is a cross of two ranges.

    Parameters
    ----------
    table
        Result of `analysis_lib.conclusions.ranges.pulls`.
    title
        Title of the plot.
    ax
        Where to draw; a new figure when absent.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if ax is None:
        ax = axes_of_size(6.0, 4.8)
    x, y = (ends_of(table, name) for name in ("q_contribution", "influence"))
    _crosses(ax, x, y, alpha=0.7)
    for limits, numbers in ((ax.set_xlim, x), (ax.set_ylim, y)):
        top = float(np.nanmax(numbers)) or 1.0
        limits(-0.06 * top, 1.1 * top)
    ax.set_xlabel("Contribution to heterogeneity (part of Q)")
    ax.set_ylabel("Influence on the pooled estimate")
    _write_title(ax, title)
    labels = [str(label) for label in table["label"]]
    unnamed = label_points(ax, list(zip(x[:, 0], y[:, 0], strict=True)), labels)
    adds, moves = labels[int(x[:, 0].argmax())], labels[int(y[:, 0].argmax())]
    alt = (
        f"{title}. Baujat plot of {fmt.plural(len(table), 'comparison')}, each a range over the "
        f"sets. By the medians, {adds} adds most to heterogeneity and "
        f"{'' if moves == adds else f'{moves} '}moves the pooled estimate most."
    )
    caption = f"{title}. Right: adds to heterogeneity. Top: moves the pooled estimate. {SAID}"
    return describe(ax, alt=alt, caption=caption + left_out_note(unnamed))


@styled
def subsets_over_sets(
    found: SubsetsOfSets,
    *,
    highlight: str,
    title: str,
    measure: str = "MD",
    unit: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw pooled estimate and I2 of every subset of the comparisons in every set.

    Parameters
    ----------
    found
        Result of `analysis_lib.conclusions.ranges.subsets`.
    highlight
        The comparison that its subsets are told apart by.
    title
        Title of the plot.
    measure, unit
        For the horizontal axis.
    ax
        Where to draw; a new figure when absent.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if ax is None:
        ax = axes_of_size(6.0, 4.8)
    dots = drawn_part(np.arange(len(found.i2)))
    groups = [
        (~found.with_it, ORANGE, "s", f"without {highlight}"),
        (found.with_it, BLUE, "o", f"with {highlight}"),
    ]
    for mask, colour, marker, _ in groups:
        here = dots[mask[dots]]
        ax.scatter(
            found.estimate[here], found.i2[here], s=6, marker=marker, color=colour, alpha=0.25,
            linewidths=0, rasterized=True,
        )  # fmt: skip
    set_subset_axes(ax, measure, unit, null=0.0)
    _write_title(ax, title)
    subsets_legend(ax, groups)
    caption = (
        f"{title}. One dot for one subset of two comparisons or more in one set: "
        f"{fmt.count(found.subsets)} subsets in {fmt.count(found.sets)} sets of effects that agree "
        f"with the print"
    )
    if len(dots) < len(found.i2):
        caption += f"; a random {fmt.count(len(dots))} of them are drawn"
    parts = [f"{name} from {_percents(found.i2[mask])}" for mask, _, _, name in groups]
    alt = f"{title}. The middle 95% of I² runs {fmt.listing(parts)}."
    return describe(ax, alt=alt, caption=f"{caption}.")


def _percents(values: FloatArray) -> str:
    low, high = np.nanquantile(values, (0.025, 0.975))
    return f"{fmt.percent(float(low))} to {fmt.percent(float(high))}"


@styled
def funnel_over_sets(
    effect: FloatArray,
    error: FloatArray,
    labels: tuple[str, ...],
    *,
    centre: float,
    title: str,
    measure: str = "MD",
    unit: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a funnel plot in which every comparison is a cross of two ranges.

    Parameters
    ----------
    effect, error : ndarray, shape (3, k)
        Median and both ends of the range of each effect and of its standard error, as
        `analysis_lib.conclusions.ranges.spread` returns them.
    labels
        Names of the comparisons.
    centre
        The printed pooled effect, around which the funnel stands.
    title
        Title of the plot.
    measure, unit
        For the horizontal axis.
    ax
        Where to draw; a new figure when absent.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if ax is None:
        ax = axes_of_size(6.0, 5.2)
    deepest = 1.08 * float(error.max())
    reach = 1.1 * max(float(np.abs(effect).max()), 1.96 * deepest)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(deepest, 0)
    _contours(ax, deepest)
    half = 1.96 * deepest
    ax.plot(
        (centre - half, centre, centre + half), (deepest, 0, deepest), color=GREY, lw=1, ls="--"
    )
    ax.axvline(centre, color=INK, lw=1)
    _crosses(ax, effect.T, error.T, alpha=0.8)
    set_effect_ticks(ax, measure)
    ax.yaxis.set_major_formatter(NumberFormatter())
    ax.set_xlabel(axis_words(measure, unit))
    ax.set_ylabel("Standard error")
    _write_title(ax, title)
    unnamed = label_points(ax, list(zip(effect[0], error[0], strict=True)), labels)
    shades = [
        Patch(facecolor=shade, edgecolor=GREY, label=f"p below {level:.2f}")
        for shade, level in zip(reversed(SHADES[:3]), LEVELS, strict=True)
    ]
    legend_below(ax, shades, ncols=legend_columns(3), fontsize=FONT_SIZE - 1)
    alt = (
        f"{title}: {fmt.plural(len(labels), 'comparison')} around the printed "
        f"{fmt.effect(centre, measure)}; each is a range of effects and of standard errors, so "
        "that its shape is not known."
    )
    return describe(ax, alt=alt, caption=f"{title}. {SAID}{left_out_note(unnamed)}")


@styled
def extended_funnel_over_sets(
    found: MapOverSets,
    effect: FloatArray,
    error: FloatArray,
    labels: tuple[str, ...],
    *,
    title: str,
    measure: str = "MD",
    unit: str = "",
    favours: tuple[str, str] = ("below zero", "above zero"),
    ax: Axes | None = None,
) -> Axes:
    """Draw what the conclusion becomes, in nearly all sets, for each result of a new trial.

    Parameters
    ----------
    found
        Result of `analysis_lib.conclusions.update_over_sets.map_over_sets`.
    effect, error, labels
        As for `funnel_over_sets`.
    title
        Title of the plot.
    measure, unit
        For the horizontal axis.
    favours
        What an interval below no difference, and one above it, says.
    ax
        Where to draw; a new figure when absent.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if ax is None:
        ax = axes_of_size(6.0, 5.2)
    ax.set_facecolor(OPEN)
    words = {BELOW: favours[0], INCLUDES: "includes no difference", ABOVE: favours[1]}
    shares = {side: found.share(side) for side in words}
    se = np.concatenate([[0.0], found.se[1:]])  # the first row stands for everything down to zero
    for side, share in shares.items():
        if (share >= STABLE).any():
            colours = [EXTENDED_SHADES[side]]
            ax.contourf(found.effect, se, share, levels=[STABLE, 1.01], colors=colours, zorder=0)
    ax.axvline(0, color=INK, lw=1, zorder=1)
    _crosses(ax, effect.T, error.T, alpha=0.8)
    ax.set_xlim(found.effect[0], found.effect[-1])
    ax.set_ylim(found.se[-1], 0)
    set_effect_ticks(ax, measure)
    ax.yaxis.set_major_formatter(NumberFormatter())
    what, bracket, rest = axis_words(measure, unit).partition(" (")
    ax.set_xlabel(f"{what} in the new trial{bracket}{rest}")
    ax.set_ylabel("Standard error of the new trial (smaller trials below)")
    _write_title(ax, title)
    unnamed = label_points(ax, list(zip(effect[0], error[0], strict=True)), labels)
    there = {side: words[side] for side, share in shares.items() if (share >= STABLE).any()}
    shades = [
        Patch(facecolor=EXTENDED_SHADES[side], edgecolor=GREY, label=f"afterwards: {word}")
        for side, word in there.items()
    ]
    shades.append(Patch(facecolor=OPEN, edgecolor=GREY, label="not known: the sets differ"))
    legend_below(ax, shades, ncols=1, fontsize=FONT_SIZE - 1)
    parts = [
        f"in {fmt.percent(float((shares[side] >= STABLE).mean()))} of the drawn area: {word}"
        for side, word in there.items()
    ]
    alt = (
        f"{title}. What the pooled interval says after one new trial, in 95% of the sets or more: "
        f"{'; '.join(parts)}. Elsewhere the sets differ."
    )
    caption = (
        f"{title}. For each effect and standard error of one new trial: where the updated "
        f"confidence interval lies in 95% of the sets or more. {SAID}{left_out_note(unnamed)}"
    )
    return describe(ax, alt=alt, caption=caption)


def _write_title(ax: Axes, title: str) -> None:
    ax.set_title(wrap_to(title, 5.0, size=11, weight="bold"))


def _crosses(ax: Axes, x: FloatArray, y: FloatArray, *, alpha: float) -> None:
    """Draw each comparison as two ranges that cross at the medians; rows hold median and ends."""
    for across, up in zip(x, y, strict=True):
        ax.plot(across[1:], (up[0], up[0]), color=SKY, linewidth=3, alpha=alpha, zorder=2)
        ax.plot((across[0], across[0]), up[1:], color=SKY, linewidth=3, alpha=alpha, zorder=2)
        ax.plot(across[0], up[0], **HOLLOW)


def _contours(ax: Axes, deepest: float) -> None:
    """Shade where one comparison would be significant, the darker the smaller its p value."""
    ax.set_facecolor(SHADES[0])
    contours = contour_levels([0.0, deepest], sorted(LEVELS))
    for contour, shade in zip(contours, SHADES[1:], strict=True):
        half = contour.half_width
        ax.fill_betweenx(contour.se, -half, half, color=shade, lw=0, zorder=0)
