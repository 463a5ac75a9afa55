"""How much the result depends on single studies: leave-one-out, Baujat's plot, all subsets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis_lib.base import formatting as fmt
from analysis_lib.base.checks import FloatArray
from analysis_lib.base.measures import Interval, no_difference, pooled
from analysis_lib.plots.axis import axis_words, set_effect_scale, set_effect_ticks, shown_values
from analysis_lib.plots.look import (
    BLUE,
    INK,
    ORANGE,
    axes_of_size,
    describe,
    legend_columns,
    styled,
)
from analysis_lib.plots.rows import LayoutOptions, Row, RowLayout, RowPlot
from analysis_lib.plots.stacked import draw_rows
from analysis_lib.plots.text import (
    NumberFormatter,
    label_points,
    left_out_note,
    legend_below,
    statement,
)
from analysis_lib.pooling.leaving_out import SubsetFits
from analysis_lib.pooling.pooled_effect import PooledEffect

#: More subsets than these would only cover one another; a random part of them is drawn.
MOST_DOTS = 20_000
#: The distributions along the edges of the plot of all subsets: their part of it, their bars.
EDGE, EDGE_BINS = 0.12, 60

Places = npt.NDArray[np.intp]
#: Which subsets, their colour, their mark, and their name.
SubsetGroup: TypeAlias = tuple[npt.NDArray[np.bool_], str, str, str]


@styled
def leave_one_out(
    table: pd.DataFrame,
    fit: PooledEffect,
    *,
    ax: Axes | None = None,
    **layout: Unpack[LayoutOptions],
) -> Axes:
    """Draw the pooled estimate without each study, and that of all studies below.

    Parameters
    ----------
    table
        Result of `analysis_lib.leave_one_out` or `analysis_lib.influential`; with the latter,
        influential studies are marked.
    fit
        The pooled result of all studies.
    ax, **layout
        As for `analysis_lib.plots.forest`.

    Returns
    -------
    matplotlib.axes.Axes
    """
    words = RowLayout(**layout)
    measure = words.measure
    flags = table.get("influential", pd.Series(False, index=table.index))
    rows = [
        _row("left_out", row, measure, flagged=bool(flag))
        for (_, row), flag in zip(table.iterrows(), flags, strict=True)
    ]
    rows.append(_pooled_row("None", fit, measure))
    drawing = RowPlot(
        rows,
        ["Each line: the pooled estimate without the one that is named."],
        fit.level,
        words,
        heading="Left out",
        flag_label="influential: heterogeneity, direction or significance changes without it",
    )
    axes = draw_rows(drawing, ax)
    marked = [str(name) for name, flag in zip(table["left_out"], flags, strict=True) if flag]
    told = f" Influential: {fmt.listing(marked)}." if marked else ""
    extremes = (table["estimate"].min(), table["estimate"].max())
    alt = (
        f"Leave-one-out plot. Without one, the pooled {measure} runs from "
        f"{fmt.effect_interval(extremes, measure)}; with all "
        f"it is {fmt.effect_estimate(fit.estimate, fit.ci, measure)}.{told}"
    )
    return describe(axes, alt=alt, caption=fmt.sentence(words.title or "Leave-one-out analysis"))


@styled
def cumulative(
    table: pd.DataFrame,
    fit: PooledEffect,
    *,
    ax: Axes | None = None,
    **layout: Unpack[LayoutOptions],
) -> Axes:
    """Draw how the pooled estimate came about: of the first study, the first two, and so on.

    Parameters
    ----------
    table
        Result of `analysis_lib.cumulative`.
    fit
        The pooled result of all studies.
    ax, **layout
        As for `analysis_lib.plots.forest`.

    Returns
    -------
    matplotlib.axes.Axes
    """
    words = RowLayout(**layout)
    measure = words.measure
    rows = [_row("added", row, measure) for _, row in table.iterrows()]
    rows.append(_pooled_row("All", fit, measure))
    drawing = RowPlot(
        rows,
        ["Each line: the pooled estimate of the studies down to the one that is named."],
        fit.level,
        words,
        heading="Added",
    )
    first, last = table.iloc[0], table.iloc[-1]
    told = [
        f"{fmt.effect_estimate(row['estimate'], (row['ci_low'], row['ci_high']), measure)} "
        f"{when} {row['added']}"
        for row, when in ((first, "with"), (last, "after"))
    ]
    alt = f"Cumulative plot. The pooled {measure} goes from {told[0]} alone to {told[1]}."
    return describe(
        draw_rows(drawing, ax),
        alt=alt,
        caption=fmt.sentence(words.title or "Cumulative meta-analysis"),
    )


@styled
def baujat(
    table: pd.DataFrame, *, name_points: bool = True, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw how much each study adds to heterogeneity, and how much it moves the pooled estimate.

    Parameters
    ----------
    table
        Result of `analysis_lib.baujat`.
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
    Baujat B, Mahe C, Pignon J-P, Hill C. A graphical method for exploring heterogeneity in
    meta-analyses. Statistics in Medicine 2002;21:2641-2652.
    """
    shown = table[np.isfinite(table["q_contribution"]) & np.isfinite(table["influence"])]
    if shown.empty:
        return statement("No study has an influence that could be drawn.", ax=ax, title=title)
    if ax is None:
        ax = axes_of_size(6.2, 4.6)
    x, y = shown["q_contribution"].to_numpy(dtype=float), shown["influence"].to_numpy(dtype=float)
    ax.plot(x, y, "o", ms=7, mec=BLUE, mfc=BLUE, zorder=3)
    ax.set_xlim(*_with_room(x))
    ax.set_ylim(*_with_room(y))
    ax.set_xlabel("Contribution to heterogeneity (part of Q)")
    ax.set_ylabel("Influence on the pooled estimate")
    if title:
        ax.set_title(title)
    labels = [str(label) for label in shown["label"]]
    points = list(zip(x, y, strict=True))
    unnamed = label_points(ax, points, labels) if name_points else []
    alt = (
        f"Baujat plot of {fmt.plural(len(shown), 'comparison')}. Adds most to heterogeneity: "
        f"{labels[int(x.argmax())]}. Moves the pooled estimate most: {labels[int(y.argmax())]}."
    )
    caption = "Right: adds to heterogeneity. Top: moves the pooled estimate."
    caption += left_out_note(unnamed)
    return describe(ax, alt=alt, caption=f"{title}. {caption}" if title else caption)


@styled
def gosh(
    fits: SubsetFits,
    *,
    highlight: str | None = None,
    measure: str = "MD",
    unit: str = "",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the pooled estimate and I2 of every subset of the studies.

    Parameters
    ----------
    fits
        Result of `analysis_lib.gosh`.
    highlight
        A study; subsets with and without it are told apart.
    measure, unit
        For the horizontal axis.
    title
        Title of the plot.
    ax
        Where to draw; a new figure when absent.

    Returns
    -------
    matplotlib.axes.Axes

    References
    ----------
    Olkin I, Dahabreh IJ, Trikalinos TA. GOSH - a graphical display of study heterogeneity.
    Research Synthesis Methods 2012;3:214-223.
    """
    has_i2 = np.flatnonzero(np.isfinite(fits.i2))
    if has_i2.size == 0:
        text = "Subsets of one study have no heterogeneity that could be drawn."
        return statement(text, ax=ax, title=title)
    with_it = np.ones(len(fits), dtype=bool) if highlight is None else fits.includes(highlight)
    has_room = ax is None
    ax = axes_of_size(6.2, 4.6) if ax is None else ax
    dots = drawn_part(has_i2)
    set_effect_scale(ax, measure)
    groups = [(with_it, BLUE, "o", f"with {highlight}")]
    if highlight is not None:
        groups.insert(0, (~with_it, ORANGE, "s", f"without {highlight}"))
    for mask, colour, marker, _ in groups:
        here = dots[mask[dots]]
        ax.scatter(
            shown_values(fits.estimate[here], measure), fits.i2[here], s=7, marker=marker,
            color=colour, alpha=0.45, linewidths=0, rasterized=True,
        )  # fmt: skip
    set_subset_axes(ax, measure, unit, null=no_difference(measure))
    if has_room:
        parts = [(has_i2[mask[has_i2]], colour) for mask, colour, _, _ in groups]
        _edge_distributions(ax, fits, parts, measure)
    if title:
        ax.set_title(title)
    if highlight is not None:
        subsets_legend(ax, groups)
    return describe(
        ax,
        alt=_gosh_alt(fits, has_i2, with_it, highlight, measure),
        caption=_gosh_caption(fits, title, len(has_i2), len(dots)),
    )


def _row(column: str, row: pd.Series, measure: str, *, flagged: bool = False) -> Row:
    """Return a line of a table of pooled results; ``column`` holds its name."""
    interval = (float(row["ci_low"]), float(row["ci_high"]))
    cells = _cells(row.to_dict(), interval, measure)
    return Row("study", str(row[column]), cells, float(row["estimate"]), interval, flagged=flagged)


def _pooled_row(label: str, fit: PooledEffect, measure: str) -> Row:
    return Row("pooled", label, _cells(fit.numbers(), fit.ci, measure), fit.estimate, fit.ci)


def _cells(found: Mapping[Any, Any], interval: Interval, measure: str) -> dict[str, str]:
    return {
        "effect": fmt.effect_estimate(found["estimate"], interval, measure),
        "p": fmt.p_cell(found["p_value"], absent=fmt.EN_DASH),
        "i2": fmt.percent(found["i2"], absent=fmt.EN_DASH),
        "tau2": fmt.number(found["tau2"], fmt.tau2_digits(measure), absent=fmt.EN_DASH),
    }


def _with_room(values: FloatArray) -> Interval:
    """Return limits from below zero to above the largest value."""
    top = float(values.max()) or 1.0
    return -0.06 * top, 1.12 * top


def drawn_part(rows: Places) -> Places:
    """Return all rows, or a random part of them that can still be told apart."""
    if len(rows) <= MOST_DOTS:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, size=MOST_DOTS, replace=False))


def _edge_distributions(
    ax: Axes, fits: SubsetFits, parts: list[tuple[Places, str]], measure: str
) -> None:
    """Draw how the estimates and I2 of all subsets are distributed, along two edges."""
    above = ax.inset_axes((0.0, 1.02, 1.0, EDGE))
    beside = ax.inset_axes((1.02, 0.0, EDGE * 0.8, 1.0))
    low, high = (pooled(end, measure) for end in ax.get_xlim())
    bottom, top = ax.get_ylim()
    look: dict[str, Any] = {"histtype": "stepfilled", "alpha": 0.6}
    for rows, colour in parts:
        across = np.linspace(low, high, EDGE_BINS + 1).tolist()
        upwards = np.linspace(bottom, top, EDGE_BINS + 1).tolist()
        above.hist(fits.estimate[rows], across, color=colour, **look)
        beside.hist(fits.i2[rows], upwards, orientation="horizontal", color=colour, **look)
    above.set_xlim(low, high)
    beside.set_ylim(bottom, top)
    for edge in (above, beside):
        edge.set(xticks=[], yticks=[])
        edge.set_axis_off()


def set_subset_axes(ax: Axes, measure: str, unit: str, *, null: float) -> None:
    """Give the axes of pooled estimate and I2 their ends, ticks and words."""
    ax.set_ylim(-0.03, 1.03)
    ax.yaxis.set_major_formatter(NumberFormatter(as_percent=True))
    ax.axvline(null, color=INK, lw=1.0, zorder=0)
    set_effect_ticks(ax, measure)
    ax.set_xlabel(axis_words(measure, unit, before="Pooled "))
    ax.set_ylabel("I²")


def subsets_legend(ax: Axes, groups: Sequence[SubsetGroup]) -> None:
    """Say below the axes which dots are subsets with, and which without, a study."""
    handles = [
        Line2D([], [], ls="", marker=marker, color=colour, ms=6, label=name)
        for _, colour, marker, name in groups
    ]
    legend_below(ax, handles, ncols=legend_columns(2))


def _gosh_alt(
    fits: SubsetFits,
    rows: Places,
    with_it: npt.NDArray[np.bool_],
    highlight: str | None,
    measure: str,
) -> str:
    text = (
        f"Pooled estimate and I² of {fmt.plural(len(rows), 'subset')}: the middle half of the "
        f"estimates lies from {fmt.effect_interval(_quartiles(fits.estimate[rows]), measure)}."
    )
    if highlight is None:
        return text
    medians = [
        fmt.percent(float(np.median(fits.i2[part]))) if part.size else fmt.NOT_ESTIMABLE
        for part in (rows[with_it[rows]], rows[~with_it[rows]])
    ]
    return f"{text} Median I² with {highlight} {medians[0]}, without it {medians[1]}."


def _quartiles(values: FloatArray) -> Interval:
    low, high = np.quantile(values, [0.25, 0.75])
    return float(low), float(high)


def _gosh_caption(fits: SubsetFits, title: str, subsets: int, drawn: int) -> str:
    kind = "every subset" if fits.exact else "a random draw of subsets"
    text = f"One dot for {kind} of two studies or more ({fmt.count(subsets)})"
    if drawn < subsets:
        text += f"; a random {fmt.count(drawn)} of them are drawn"
    return f"{title}. {text}." if title else f"{text}."
