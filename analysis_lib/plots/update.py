"""The extended funnel plot: where a new trial must fall to change the conclusion.

References
----------
Langan D, Higgins JPT, Gregory W, Sutton AJ. Graphical augmentations to the funnel plot assess the
impact of additional evidence on a meta-analysis. J Clin Epidemiol 2012;65:511-519.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis_lib.base import formatting as fmt
from analysis_lib.base.checks import FloatArray
from analysis_lib.base.measures import RATIO_MEASURES, no_difference, shown
from analysis_lib.conclusions.update import ABOVE, BELOW, INCLUDES, UpdateMap, side_of
from analysis_lib.plots.axis import axis_words, set_effect_axis, set_effect_ticks, shown_values
from analysis_lib.plots.forests import RECONSTRUCTED, study_details
from analysis_lib.plots.style import (
    BLUE,
    GREY,
    INK,
    NumberFormatter,
    axes_of_size,
    below_axes,
    describe,
    label_points,
    left_out_note,
    styled,
)

#: The regions also differ in lightness, and lie left and right: none is told by colour alone.
SHADES = {BELOW: "#A9CCE6", INCLUDES: "#FFFFFF", ABOVE: "#F8DCC4"}


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
    """
    if ax is None:
        ax = axes_of_size(6.6, 5.6)
    fit = found.before
    if favours is None:
        null = "1" if measure in RATIO_MEASURES else "zero"
        favours = (f"below {null}", f"above {null}")
    grid = shown_values(found.effect, measure)
    _paint_regions(ax, found, grid)
    upright = (no_difference(measure), shown(fit.estimate, measure))
    ax.axvline(upright[0], color=INK, lw=1.0, zorder=2)
    ax.axvline(upright[1], color=INK, lw=1.1, ls=(0, (2, 2)), zorder=2)
    known = study_details(fit.labels, details).get("provenance", pd.Series(dtype=str))
    is_hollow = np.array([known.get(label) == RECONSTRUCTED for label in fit.labels])
    effects, errors = shown_values(fit.effect, measure), np.sqrt(fit.variance)
    for mask, face in ((~is_hollow, BLUE), (is_hollow, "white")):
        ax.plot(
            effects[mask], errors[mask], "o", ms=7, mec=BLUE, mfc=face, mew=1.4, zorder=4
        )  # fmt: skip
    set_effect_axis(ax, measure, grid[0], grid[-1])
    ax.set_ylim(found.se[-1], 0.0)
    _label_axes(ax, measure, unit, title)
    ax.legend(
        handles=_handles(found, is_hollow, favours),
        loc="upper left",
        bbox_to_anchor=(0, 0),
        bbox_transform=below_axes(ax, 0.55),
        borderaxespad=0,
        ncols=1,
    )
    unnamed: list[str] = []
    if name_points:
        points = list(zip(effects, errors, strict=True))
        unnamed = label_points(ax, points, fit.labels, upright_lines=upright)
    return describe(
        ax, alt=_alt(found, favours), caption=_caption(title, is_hollow) + left_out_note(unnamed)
    )


def _label_axes(ax: Axes, measure: str, unit: str, title: str) -> None:
    ax.yaxis.set_major_formatter(NumberFormatter())
    set_effect_ticks(ax, measure)
    what, bracket, rest = axis_words(measure, unit).partition(" (")
    ax.set_xlabel(f"{what} in the new trial{bracket}{rest}")
    of_what = f" of log {measure}" if measure in RATIO_MEASURES else ""
    ax.set_ylabel(f"Standard error{of_what} of the new trial (smaller trials below)")
    if title:
        ax.set_title(title)


def _paint_regions(ax: Axes, found: UpdateMap, effects: FloatArray) -> None:
    """Shade the regions; the grid's first row stands for everything up to a standard error of 0."""
    se = np.concatenate([[0.0], found.se[1:]])
    sides = ((BELOW, -found.ci_high), (ABOVE, found.ci_low))
    for side, beyond in sides:
        if (beyond > 0).any():
            ax.contourf(effects, se, beyond, levels=[0.0, np.inf], colors=[SHADES[side]], zorder=0)
        if (beyond > 0).any() and (beyond < 0).any():
            ax.contour(effects, se, beyond, levels=[0.0], colors=INK, linewidths=1.0, zorder=1)


def _handles(
    found: UpdateMap, is_hollow: np.ndarray[tuple[int], np.dtype[np.bool_]],
    favours: tuple[str, str],
) -> list[Line2D | Patch]:  # fmt: skip
    words = _words(favours)
    handles: list[Line2D | Patch] = [
        Patch(
            facecolor=SHADES[side], edgecolor=GREY,
            label=f"afterwards, the pooled interval {words[side]}",
        )
        for side in (BELOW, INCLUDES, ABOVE)
        if (found.side == side).any()
    ]  # fmt: skip
    for present, face, name in (
        (bool((~is_hollow).any()), BLUE, "reported comparison"),
        (bool(is_hollow.any()), "white", "reconstructed comparison"),
    ):
        if present:
            handles.append(
                Line2D([], [], ls="", marker="o", ms=7, mec=BLUE, mfc=face, mew=1.3, label=name)
            )
    handles.append(
        Line2D([], [], color=INK, lw=1.1, ls=(0, (2, 2)), label="pooled estimate as it is")
    )
    return handles


def _words(favours: tuple[str, str]) -> dict[int, str]:
    return {
        BELOW: f"lies on one side of no difference ({favours[0]})",
        INCLUDES: "lies on both sides of no difference",
        ABOVE: f"lies on one side of no difference ({favours[1]})",
    }


def _alt(found: UpdateMap, favours: tuple[str, str]) -> str:
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


def _caption(title: str, is_hollow: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> str:
    head = f"{title}. " if title else ""
    tail = " Hollow points are reconstructed, not reported." if is_hollow.any() else ""
    return (
        f"{head}Extended funnel plot: for each effect and standard error of one new trial, the "
        f"shading shows where the updated confidence interval of the pooled effect lies.{tail}"
    )
