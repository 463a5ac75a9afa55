"""Funnel plots: what seems to be missing, and what a new trial would have to be to change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.special import ndtri

from analysis_lib.base import formatting as fmt
from analysis_lib.base.checks import FloatArray
from analysis_lib.base.measures import RATIO_MEASURES, no_difference, shown
from analysis_lib.conclusions.update import ABOVE, BELOW, INCLUDES, UpdateMap, side_of
from analysis_lib.plots.axis import (
    axis_words,
    set_effect_axis,
    set_effect_ticks,
    set_pooled_axis,
    shown_values,
)
from analysis_lib.plots.forests import RECONSTRUCTED, study_details
from analysis_lib.plots.look import (
    BLUE,
    GREY,
    INK,
    VERMILLION,
    axes_of_size,
    describe,
    is_narrow_page,
    legend_columns,
    styled,
)
from analysis_lib.plots.text import (
    NumberFormatter,
    label_points,
    left_out_note,
    legend_below,
    legend_words,
    statement,
)
from analysis_lib.pooling.asymmetry import contour_levels
from analysis_lib.pooling.pooled_effect import PooledEffect
from analysis_lib.pooling.trimming import TrimAndFill

# From outside in: the smaller the p value, the darker.
SHADES = ("#C6CDD5", "#DCE1E7", "#EEF1F4", "#FFFFFF")
#: The regions also differ in lightness, and lie left and right: none is told by colour alone.
EXTENDED_SHADES = {BELOW: "#A9CCE6", INCLUDES: "#FFFFFF", ABOVE: "#F8DCC4"}


@styled
def funnel(
    fit: PooledEffect | None,
    *,
    details: pd.DataFrame | None = None,
    filled: TrimAndFill | None = None,
    measure: str = "MD",
    unit: str = "",
    p_levels: tuple[float, float, float] = (0.1, 0.05, 0.01),
    pseudo_limits: bool = True,
    name_points: bool = True,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw effects against their standard errors, over contours of statistical significance.

    Parameters
    ----------
    fit
        Result of `analysis_lib.pool`; ``None`` when there is nothing to pool.
    details
        As for `forest`; a comparison whose provenance is reconstructed is drawn hollow.
    filled
        Result of `analysis_lib.trim_and_fill`: the studies it fills in are drawn as crosses.
    measure, unit
        For the horizontal axis. A ratio stands on a logarithmic axis; its standard error is that
        of its logarithm.
    p_levels
        Where the shading changes, largest first.
    pseudo_limits
        Draw the lines between which effects would lie if all studies shared the pooled effect.
    name_points
        Write the labels beside the points, where there is room.
    title
        Title of the plot.
    ax
        Where to draw; a new figure when absent.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if fit is None or fit.k == 1:
        text = "There are no comparisons to draw." if fit is None else (
            f"One comparison, {fit.labels[0]}: a funnel plot has nothing to compare it with."
        )  # fmt: skip
        return statement(text, ax=ax, title=title)
    if ax is None:
        ax = axes_of_size(6.6, 5.4)
    _set_limits(ax, fit, filled, measure)
    _paint_contours(ax, p_levels, measure)
    _paint_lines(ax, fit, pseudo_limits, measure)
    points = _Points.of(fit, details, measure)
    points.paint(ax)
    if filled is not None and filled.k0:
        mirrored = shown_values(filled.filled_effect, measure)
        deep = np.sqrt(filled.filled_variance)
        ax.plot(mirrored, deep, "X", ms=8, mec=INK, mfc=VERMILLION, zorder=4)
    _label_axes(ax, measure, unit, title, ("", " (smaller studies below)"))
    handles = _handles(points, filled, p_levels, fit, pseudo_limits)
    legend_below(ax, handles, ncols=legend_columns(2), columnspacing=1.5)
    caption = _caption(title, fit) + (points.write_names(ax) if name_points else "")
    return describe(ax, alt=_alt(fit, filled, measure), caption=caption)


@dataclass(frozen=True, slots=True)
class _Points:
    """The comparisons of a pooled result as points; those that are reconstructed are hollow."""

    labels: tuple[str, ...]
    effects: FloatArray
    errors: FloatArray
    is_hollow: npt.NDArray[np.bool_]
    upright_lines: tuple[float, float]

    @classmethod
    def of(cls, fit: PooledEffect, details: pd.DataFrame | None, measure: str) -> Self:
        known = study_details(fit.labels, details).get("provenance", pd.Series(dtype=str))
        return cls(
            fit.labels,
            shown_values(fit.effect, measure),
            np.sqrt(fit.variance),
            np.array([known.get(label) == RECONSTRUCTED for label in fit.labels]),
            (no_difference(measure), shown(fit.estimate, measure)),
        )

    def paint(self, ax: Axes) -> None:
        for mask, face in ((~self.is_hollow, BLUE), (self.is_hollow, "white")):
            x, y = self.effects[mask], self.errors[mask]
            ax.plot(x, y, "o", ms=7, mec=BLUE, mfc=face, mew=1.4, zorder=4)

    def write_names(self, ax: Axes) -> str:
        """Write the names beside the points, and return the note of those without room."""
        points = list(zip(self.effects, self.errors, strict=True))
        lines = self.upright_lines
        return left_out_note(label_points(ax, points, self.labels, upright_lines=lines))

    def handles(self) -> list[Line2D]:
        """Return what the legend says of the kinds of points that are drawn."""
        kinds = (
            (~self.is_hollow, BLUE, "reported comparison"),
            (self.is_hollow, "white", "reconstructed comparison"),
        )
        return [_marker("o", BLUE, face, name) for mask, face, name in kinds if mask.any()]


def _set_limits(ax: Axes, fit: PooledEffect, filled: TrimAndFill | None, measure: str) -> None:
    effects, variances = [fit.effect], [fit.variance]
    if filled is not None:
        effects.append(filled.filled_effect)
        variances.append(filled.filled_variance)
    lowest = 1.08 * float(np.sqrt(np.concatenate(variances)).max())
    reach = ndtri((1 + fit.level) / 2) * lowest
    ends = [0.0, fit.estimate - reach, fit.estimate + reach, *np.concatenate(effects)]
    pad = 0.04 * (max(ends) - min(ends))
    set_pooled_axis(ax, measure, min(ends) - pad, max(ends) + pad)
    ax.set_ylim(lowest, 0.0)


def _paint_contours(ax: Axes, p_levels: Sequence[float], measure: str) -> None:
    ax.set_facecolor(SHADES[0])
    depth = np.array([0.0, ax.get_ylim()[0]])
    contours = sorted(contour_levels(depth, p_levels), key=lambda contour: contour.p_level)
    for contour, shade in zip(contours, SHADES[1:], strict=True):
        left, right = (shown_values(side * contour.half_width, measure) for side in (-1, 1))
        ax.fill_betweenx(contour.se, left, right, color=shade, lw=0, zorder=0)


def _paint_lines(ax: Axes, fit: PooledEffect, pseudo_limits: bool, measure: str) -> None:
    ax.axvline(no_difference(measure), color=INK, lw=1.0, zorder=1)
    ax.axvline(shown(fit.estimate, measure), color=INK, lw=1.1, ls=(0, (2, 2)), zorder=2)
    if pseudo_limits:
        deep = ax.get_ylim()[0]
        reach = ndtri((1 + fit.level) / 2) * deep
        ends = [shown(fit.estimate + side * reach, measure) for side in (-1, 0, 1)]
        ax.plot(ends, [deep, 0.0, deep], color=GREY, lw=1.0, ls=(0, (6, 3)), zorder=1)


def _label_axes(
    ax: Axes, measure: str, unit: str, title: str, of_whom: tuple[str, str]
) -> None:  # fmt: skip
    """Name the axes; ``of_whom`` says whose effect, and whose standard error, they show."""
    ax.yaxis.set_major_formatter(NumberFormatter())
    set_effect_ticks(ax, measure)
    what, bracket, rest = axis_words(measure, unit).partition(" (")
    ax.set_xlabel(f"{what}{of_whom[0]}{bracket}{rest}")
    of_what = f" of log {measure}" if measure in RATIO_MEASURES else ""
    ax.set_ylabel(_in_height(f"Standard error{of_what}{of_whom[1]}"))
    if title:
        ax.set_title(title)


def _in_height(label: str) -> str:
    """Return the words beside an upright axis, in two lines where a page is narrow and so low."""
    return label.replace(" (", "\n(") if is_narrow_page() else label


def _handles(
    points: _Points,
    filled: TrimAndFill | None,
    p_levels: Sequence[float],
    fit: PooledEffect,
    pseudo_limits: bool,
) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [*points.handles()]
    if filled is not None and filled.k0:
        handles.append(_marker("X", INK, VERMILLION, "filled in by trim-and-fill"))
    handles.append(Line2D([], [], color=INK, lw=1.1, ls=(0, (2, 2)), label="pooled estimate"))
    if pseudo_limits:
        name = legend_words(f"{fmt.percent(fit.level)} limits without heterogeneity")
        handles.append(Line2D([], [], color=GREY, lw=1.0, ls=(0, (6, 3)), label=name))
    return [*handles, *_contour_handles(p_levels)]


def _contour_handles(p_levels: Sequence[float]) -> list[Patch]:
    edges = sorted(p_levels)
    names = [f"p < {edges[0]:g}"]
    names += [f"{low:g} ≤ p < {high:g}" for low, high in pairwise(edges)]
    names.append(f"p ≥ {edges[-1]:g}")
    return [
        Patch(facecolor=shade, edgecolor=GREY, label=name)
        for shade, name in zip(SHADES, names, strict=True)
    ]


def _marker(marker: str, edge: str, face: str, label: str) -> Line2D:
    return Line2D([], [], ls="", marker=marker, ms=7, mec=edge, mfc=face, mew=1.3, label=label)


def _alt(fit: PooledEffect, filled: TrimAndFill | None, measure: str) -> str:
    left = int((fit.effect < fit.estimate).sum())
    text = (
        f"Funnel plot of {fmt.plural(fit.k, 'comparison')}: {left} left of the pooled estimate of "
        f"{fmt.effect(fit.estimate, measure)}, {fit.k - left} not."
    )
    if filled is not None:
        text += f" Trim-and-fill adds {filled.k0} on the {filled.side}."
    return text


def _caption(title: str, fit: PooledEffect) -> str:
    head = f"{title}. " if title else ""
    few = "" if fit.k >= 10 else (
        " With fewer than ten comparisons, asymmetry cannot be told from chance."
    )  # fmt: skip
    return (
        f"{head}Funnel plot; the shading shows the two-sided p value of an effect with that "
        f"standard error against no difference.{few}"
    )


@styled
def extended_funnel(
    found: UpdateMap,
    *,
    details: pd.DataFrame | None = None,
    measure: str = "MD",
    unit: str = "",
    favours: tuple[str, str] | None = None,
    name_points: bool = True,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw what the conclusion becomes for each effect and standard error of a new trial.

    Parameters
    ----------
    found
        Result of `analysis_lib.conclusions.update.update_map`.
    details
        As for `forest`; a comparison whose provenance is reconstructed is drawn hollow.
    measure, unit
        For the horizontal axis. A ratio stands on a logarithmic axis; the standard error is that
        of its logarithm.
    favours
        What an interval below no difference, and one above it, says: "favours loaded", say.
    name_points
        Write the labels beside the points, where there is room.
    title
        Title of the plot.
    ax
        Where to draw; a new figure when absent.

    Returns
    -------
    matplotlib.axes.Axes

    References
    ----------
    Langan D, Higgins JPT, Gregory W, Sutton AJ. Graphical augmentations to the funnel plot assess
    the impact of additional evidence on a meta-analysis. J Clin Epidemiol 2012;65:511-519.
    """
    if ax is None:
        ax = axes_of_size(6.6, 5.6)
    fit = found.before
    if favours is None:
        null = "1" if measure in RATIO_MEASURES else "zero"
        favours = (f"below {null}", f"above {null}")
    grid = shown_values(found.effect, measure)
    _paint_regions(ax, found, grid)
    points = _Points.of(fit, details, measure)
    ax.axvline(points.upright_lines[0], color=INK, lw=1.0, zorder=2)
    ax.axvline(points.upright_lines[1], color=INK, lw=1.1, ls=(0, (2, 2)), zorder=2)
    points.paint(ax)
    set_effect_axis(ax, measure, grid[0], grid[-1])
    ax.set_ylim(found.se[-1], 0.0)
    of_whom = (" in the new trial", " of the new trial (smaller trials below)")
    _label_axes(ax, measure, unit, title, of_whom)
    legend_below(ax, _handles_extended(found, points, favours), ncols=1)
    caption = _caption_extended(title, any_hollow=bool(points.is_hollow.any()))
    caption += points.write_names(ax) if name_points else ""
    return describe(ax, alt=_alt_extended(found, favours), caption=caption)


def _paint_regions(ax: Axes, found: UpdateMap, effects: FloatArray) -> None:
    """Shade the regions; the grid's first row stands for everything up to a standard error of 0."""
    se = np.concatenate([[0.0], found.se[1:]])
    sides = ((BELOW, -found.ci_high), (ABOVE, found.ci_low))
    for side, beyond in sides:
        if (beyond > 0).any():
            ax.contourf(
                effects, se, beyond, levels=[0.0, np.inf], colors=[EXTENDED_SHADES[side]], zorder=0
            )
        if (beyond > 0).any() and (beyond < 0).any():
            ax.contour(effects, se, beyond, levels=[0.0], colors=INK, linewidths=1.0, zorder=1)


def _handles_extended(
    found: UpdateMap, points: _Points, favours: tuple[str, str]
) -> list[Line2D | Patch]:
    words = _words(favours)
    regions = [
        Patch(
            facecolor=EXTENDED_SHADES[side], edgecolor=GREY,
            label=legend_words(f"afterwards, the pooled interval {words[side]}"),
        )
        for side in (BELOW, INCLUDES, ABOVE)
        if (found.side == side).any()
    ]  # fmt: skip
    pooled = Line2D([], [], color=INK, lw=1.1, ls=(0, (2, 2)), label="pooled estimate as it is")
    return [*regions, *points.handles(), pooled]


def _words(favours: tuple[str, str]) -> dict[int, str]:
    return {
        BELOW: f"lies on one side of no difference ({favours[0]})",
        INCLUDES: "lies on both sides of no difference",
        ABOVE: f"lies on one side of no difference ({favours[1]})",
    }


def _alt_extended(found: UpdateMap, favours: tuple[str, str]) -> str:
    words = _words(favours)
    before = int(side_of(*found.before.ci))
    shares = [
        f"in {fmt.percent(share)} of the drawn area it {words[side]}"
        for side in (BELOW, INCLUDES, ABOVE)
        if (share := float((found.side == side).mean())) > 0
    ]
    return (
        f"Extended funnel plot of {fmt.plural(found.before.k, 'comparison')}. As it is, the pooled "
        f"interval {words[before]}; after a new trial, {fmt.listing(shares)}."
    )


def _caption_extended(title: str, *, any_hollow: bool) -> str:
    head = f"{title}. " if title else ""
    tail = " Hollow points are reconstructed, not reported." if any_hollow else ""
    return (
        f"{head}Extended funnel plot: for each effect and standard error of one new trial, the "
        f"shading shows where the updated confidence interval of the pooled effect lies.{tail}"
    )
