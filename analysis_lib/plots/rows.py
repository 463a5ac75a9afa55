"""Plots that are tables: rows of text with an interval drawn in the middle of each.

The width of every column is measured from the text that stands in it, and the figure is as large
as its rows and notes need.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TypedDict

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Polygon, Rectangle
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation, Transform, blended_transform_factory

from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import (
    EVENT_MEASURES,
    RATE_MEASURES,
    RATIO_MEASURES,
    Interval,
    band,
    margin,
    no_difference,
    pooled,
    shown,
    shown_interval,
)
from analysis_lib.plots.axis import axis_words, ratio_ticks, set_effect_axis, set_pooled_axis
from analysis_lib.plots.look import (
    BLACK,
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    VERMILLION,
    axes_of_size,
    figure_of,
)
from analysis_lib.plots.marks import RISK_SIGNS, paint_light, paint_risk_legend
from analysis_lib.plots.text import inches_from, text_size, widest, wrap_to

# Inches and points of the page.
ROW, LINE = 0.27, 0.16
GAP = 0.18
MARGIN = 0.08
PLOT_WIDTH = 2.7
COMPACT_ROW, COMPACT_PLOT_WIDTH = 0.42, 1.9
TEXT = 9.5
NOTE = 8.5
LARGEST_SQUARE, EVEN_SQUARE, SMALLEST_SQUARE = 12.0, 7.0, 3.0
TITLE = 11.0
WIDEST_ARM = 1.0  # inches; a longer name of an arm goes over several lines
WIDEST_COMPACT = 1.7  # inches; a longer heading or quiet line of a compact plot is broken
ABOVE_HEADING = 0.3  # of a row
RISK_LINE = 0.26

#: The pale blue of the range of a reconstructed effect.
BAND = "#cfdcf0"

# How far an axis follows its intervals, as parts of what it shows without doing so.
NEAR_MISS = 0.15
LARGEST_STRETCH = 2.0

LEFT_COLUMNS = (
    "label", "n_experimental", "n_comparator", "events_experimental", "events_comparator",
)  # fmt: skip
RIGHT_COLUMNS = ("effect", "weight", "p", "i2", "tau2", "risk")
#: Rows without cells, whose text may run on over the columns left of the plot.
SPANNING = ("heading", "quiet")
BOLD = ("pooled", "heading")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the plot: what stands in its columns and what is drawn in its middle.

    ``estimate`` and ``interval`` are given as they are pooled, and drawn as readers see them.
    """

    kind: str  # heading, study, band, pooled, quiet, prediction, note
    label: str
    cells: Mapping[str, str] = field(default_factory=dict)
    estimate: float | None = None
    interval: Interval | None = None
    weight: float = 0.0
    risk: str | None = None
    hollow: bool = False
    flagged: bool = False

    def shown(self, measure: str) -> Row:
        """Return the row with its numbers as readers see them."""
        return replace(
            self,
            estimate=None if self.estimate is None else shown(self.estimate, measure),
            interval=None if self.interval is None else shown_interval(self.interval, measure),
        )


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of text: its heading and where its left and right edge lie, in inches."""

    name: str
    heading: str
    left: float
    right: float
    align: str

    @property
    def anchor(self) -> float:
        return {"left": self.left, "right": self.right, "center": (self.left + self.right) / 2}[
            self.align
        ]


@dataclass(frozen=True, slots=True)
class _Page:
    """Where everything goes, in inches from the lower left corner."""

    columns: tuple[_Column, ...]
    plot_left: float
    plot_width: float
    width: float


class LayoutOptions(TypedDict, total=False):
    """The keyword arguments by which plots of rows take the fields of `RowLayout`."""

    measure: str
    unit: str
    arms: tuple[str, str]
    favours: tuple[str, str] | None
    mid: float | None
    limits: Interval | None
    title: str
    compact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLayout:
    """What forest plots, leave-one-out and cumulative plots are told about their axis and words.

    Parameters
    ----------
    measure
        Heading of the effect column: MD, SMD, RR, OR, RD. Effects whose measure is a ratio are
        pooled as natural logarithms; here they become ratios on a logarithmic axis.
    unit
        Unit of the horizontal axis, for example "points, 0 to 10". A ratio has none.
    arms
        Names of the two arms above their numbers, where there are any.
    favours
        What a result left and right of no difference favours.
    mid
        Minimal important difference: a band of that half-width around no difference. For a ratio
        it is a ratio: 0.8 and 1.25 both give the band from 0.8 to 1.25.
    limits
        Ends of the horizontal axis as they are read on it, for a ratio (0.1, 10), say; chosen
        from the data when absent. An interval that goes beyond them ends in an arrow.
    title
        Title of the plot.
    compact
        Draw for the width of a telephone: the numbers stand below the names, and the columns for
        participants, weight and risk of bias are left out.

    Raises
    ------
    ReviewError
        If the limits are no interval.
    """

    measure: str = "MD"
    unit: str = ""
    arms: tuple[str, str] = ("experimental", "comparator")
    favours: tuple[str, str] | None = None
    mid: float | None = None
    limits: Interval | None = None
    title: str = ""
    compact: bool = False

    def __post_init__(self) -> None:
        if self.limits is not None and not self.limits[0] < self.limits[1]:
            raise ReviewError(f"limits must be (low, high) with low < high, got {self.limits}")


@dataclass(frozen=True, slots=True)
class RowPlot:
    """A plot of rows before it is drawn."""

    rows: Sequence[Row]
    notes: Sequence[str]
    level: float
    layout: RowLayout
    heading: str = "Comparison"
    flag_label: str = ""

    @property
    def row_height(self) -> float:
        """Height of a row in inches."""
        return COMPACT_ROW if self.layout.compact else ROW

    @property
    def plot_width(self) -> float:
        """Width of the middle part in inches, where a figure is sized from its rows."""
        return COMPACT_PLOT_WIDTH if self.layout.compact else PLOT_WIDTH

    def draw(self, ax: Axes | None) -> Axes:
        """Draw it into ``ax``, or into a figure of the size that the rows need."""
        page = self._page(self.plot_width)
        legend_lines = self._legend_lines(page.width)
        notes = [
            wrap_to(_unbroken(note), page.width - 2 * MARGIN, size=NOTE) for note in self.notes
        ]
        title = wrap_to(self.layout.title, page.width - 2 * MARGIN, size=TITLE, weight="bold")
        below = self._below(page, legend_lines, notes)
        above = self._above(title)
        height = above + self._rows_height() + below
        if ax is None:
            ax = axes_of_size(page.width, height, layout=None)
            left, top = 0.0, height
        else:
            left, top, page = self._fit_into(ax, page, height)
        rows_top = top - above
        self._place(ax, page, left, rows_top)
        return self._paint(ax, page, left, rows_top, title, notes, legend_lines)

    def _heights(self) -> list[float]:
        """Return the height of each row, in rows: a heading stands off, text has what it needs."""
        heights = []
        for index, row in enumerate(self.rows):
            height = 1.0
            if row.kind in SPANNING:
                more = self._cell(row, "label").count("\n") * LINE
                height = (ROW + more) / self.row_height
            heights.append(height + (ABOVE_HEADING if row.kind == "heading" and index else 0.0))
        return heights

    def _centres(self) -> list[float]:
        """Return where the text of each row stands; the first at 0, one row lower at 1."""
        heights = self._heights()
        ends = accumulate(heights, initial=-0.5)
        shifts = [
            ABOVE_HEADING / 2 if row.kind == "heading" and index else 0.0
            for index, row in enumerate(self.rows)
        ]
        return [
            end + height / 2 + shift
            for end, height, shift in zip(ends, heights, shifts, strict=False)
        ]

    def _rows_height(self) -> float:
        """Return the height of all rows in inches."""
        return sum(self._heights()) * self.row_height

    def _above(self, title: str) -> float:
        return MARGIN + self._title_height(title) + self._heading_height() + 0.10

    def _title_height(self, title: str) -> float:
        return text_size(title, size=TITLE, weight="bold")[1] + 0.14 if title else 0.0

    def _heading_height(self) -> float:
        return max(
            text_size(heading, size=TEXT, weight="bold")[1] for heading in self._headings().values()
        )

    def _headings(self) -> dict[str, str]:
        if self.layout.compact:
            return {
                "label": f"{self.heading}\n{self.layout.measure} ({fmt.percent(self.level)} CI)"
            }
        present = {name for row in self.rows for name in row.cells}
        arms = [wrap_to(arm, WIDEST_ARM, size=TEXT, weight="bold") for arm in self.layout.arms]
        among = "time" if self.layout.measure in RATE_MEASURES else "n"
        headings = {
            "n_experimental": f"n\n{arms[0]}",
            "n_comparator": f"n\n{arms[1]}",
            "events_experimental": f"events / {among}\n{arms[0]}",
            "events_comparator": f"events / {among}\n{arms[1]}",
            "effect": f"{self.layout.measure}\n({fmt.percent(self.level)} CI)",
            "weight": "Weight",
            "p": "p",
            "i2": "I²",
            "tau2": "τ²\n(log scale)" if self.layout.measure in RATIO_MEASURES else "τ²",
        }
        found = {name: heading for name, heading in headings.items() if name in present}
        if any(row.risk for row in self.rows):
            found["risk"] = "Risk\nof bias"
        return {"label": self.heading, **found}

    def _page(self, plot_width: float) -> _Page:
        """Lay out the columns from the width of what stands in them."""
        headings = self._headings()
        columns, x = [], MARGIN
        before = [name for name in LEFT_COLUMNS if name in headings]
        after = [name for name in RIGHT_COLUMNS if name in headings]
        plot_left = 0.0
        widths = {name: self._column_width(name, headings[name]) for name in [*before, *after]}
        widths["label"] += max(0.0, self._spanning_width() - sum(widths[n] + GAP for n in before))
        for name in [*before, "plot", *after]:
            if name == "plot":
                plot_left, x = x, x + plot_width + GAP
                continue
            width = widths[name]
            align = {"label": "left", "risk": "center"}.get(name, "right")
            columns.append(_Column(name, headings[name], x, x + width, align))
            x += width + GAP
        return _Page(tuple(columns), plot_left, plot_width, x - GAP + MARGIN)

    def _column_width(self, name: str, heading: str) -> float:
        texts = [
            (self._cell(row, name), _weight(row)) for row in self.rows if row.kind not in SPANNING
        ]
        return max(
            widest([heading], size=TEXT, weight="bold"),
            widest((t for t, weight in texts if weight == "normal"), size=TEXT),
            widest((t for t, weight in texts if weight == "bold"), size=TEXT, weight="bold"),
        )

    def _spanning_width(self) -> float:
        """Return what headings and quiet lines need of the columns left of the plot."""
        return max(
            (
                text_size(self._cell(row, "label"), size=_size(row), weight=_weight(row))[0] + GAP
                for row in self.rows
                if row.kind in SPANNING
            ),
            default=0.0,
        )

    def _cell(self, row: Row, column: str) -> str:
        if column != "label":
            return row.cells.get(column, "")
        if self.layout.compact and row.kind in SPANNING:
            return wrap_to(
                _unbroken(row.label), WIDEST_COMPACT, size=_size(row), weight=_weight(row)
            )
        below = row.cells.get("effect", "") if self.layout.compact else ""
        return f"{row.label}\n{below}" if below else row.label

    def _below(self, page: _Page, legend_lines: list[list[Artist]], notes: list[str]) -> float:
        axis = 0.30 + (0.20 if self._axis_label() else 0.0) + self._favours_height(page)
        note_height = sum(text_size(note, size=NOTE)[1] + 0.06 for note in notes)
        risk_line = RISK_LINE if self._risk_words() else 0.0
        return axis + 0.10 + note_height + sum(map(_line_height, legend_lines)) + risk_line

    def _axis_label(self) -> str:
        """Return what stands below the axis; a difference without a unit needs nothing there."""
        is_told = self.layout.unit or self.layout.measure in EVENT_MEASURES
        return axis_words(self.layout.measure, self.layout.unit) if is_told else ""

    def _favours_height(self, page: _Page) -> float:
        if self.layout.favours is None:
            return 0.0
        return max(text_size(text, size=NOTE)[1] for text in self._favours_texts(page)) + 0.08

    def _favours_texts(self, page: _Page) -> tuple[str, str]:
        left, right = self.layout.favours or ("", "")
        room = page.plot_width / 2 - 0.06
        return wrap_to(f"← {left}", room, size=NOTE), wrap_to(f"{right} →", room, size=NOTE)

    def _fit_into(self, ax: Axes, page: _Page, height: float) -> tuple[float, float, _Page]:
        """Return left and top of a given Axes and a page whose middle part fills its width."""
        box = ax.get_position()
        width_in, height_in = figure_of(ax).get_size_inches()
        wide, high = box.width * width_in, box.height * height_in
        middle = page.plot_width + wide - page.width
        smallest = self.plot_width / 2
        if middle < smallest or high < height:
            raise ReviewError(
                f"the Axes is {wide:.1f} by {high:.1f} in; this forest plot needs "
                f"{page.width - self.plot_width + smallest:.1f} by {height:.1f} in"
            )
        return box.x0 * width_in, (box.y0 + box.height) * height_in, self._page(middle)

    def _place(self, ax: Axes, page: _Page, left: float, rows_top: float) -> None:
        width_in, height_in = figure_of(ax).get_size_inches()
        height = self._rows_height()
        ax.set_position(
            (
                (left + page.plot_left) / width_in,
                (rows_top - height) / height_in,
                page.plot_width / width_in,
                height / height_in,
            )
        )
        ax.set_ylim(sum(self._heights()) - 0.5, -0.5)
        half = None if self.layout.mid is None else margin(self.layout.mid, self.layout.measure)
        for row in self.rows:
            if row.estimate is not None and math.isinf(shown(row.estimate, self.layout.measure)):
                raise ReviewError(
                    f"{row.estimate:g} cannot be a logarithm of {self.layout.measure}; "
                    "effects are given as natural logarithms, limits as ratios"
                )
        if self.layout.limits is None:
            set_pooled_axis(ax, self.layout.measure, *_axis_limits(self.rows, half))
        else:
            set_effect_axis(ax, self.layout.measure, *self.layout.limits)

    def _paint(
        self,
        ax: Axes,
        page: _Page,
        left: float,
        rows_top: float,
        title: str,
        notes: list[str],
        legend_lines: list[list[Artist]],
    ) -> Axes:
        columns = blended_transform_factory(inches_from(ax, left, 0), ax.transData)
        self._paint_frame(ax, page, columns)
        self._paint_columns(ax, page, columns)
        self._paint_title(ax, left, rows_top, title)
        largest_weight = max(row.weight for row in self.rows)
        for y, row in zip(self._centres(), self.rows, strict=True):
            _paint_row(ax, y, row.shown(self.layout.measure), largest_weight)
        if not self.layout.compact:
            self._paint_risk(ax, page, columns)
        bottom = rows_top - self._rows_height()
        notes_top = self._paint_axis(ax, page, left, bottom)
        self._paint_notes(ax, left, notes_top, notes, legend_lines)
        return ax

    def _paint_title(self, ax: Axes, left: float, rows_top: float, title: str) -> None:
        bottom = rows_top + self._heading_height() + 0.20
        inches = inches_from(ax, left, 0)
        ax.text(MARGIN, bottom, title, transform=inches, weight="bold", size=TITLE, va="bottom")

    def _paint_frame(self, ax: Axes, page: _Page, columns: Transform) -> None:
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        ax.axvline(no_difference(self.layout.measure), color=INK, linewidth=1.0, zorder=1)
        if self.layout.mid is not None:
            ax.axvspan(*band(self.layout.mid, self.layout.measure), color=PALE, zorder=0)
        means = [row.estimate for row in self.rows if row.kind == "pooled"]
        if means and means[-1] is not None:
            mean = shown(means[-1], self.layout.measure)
            ax.axvline(mean, color=GREY, linewidth=0.8, linestyle=(0, (2, 3)), zorder=1)
        ends = [MARGIN, page.width - MARGIN]
        ax.plot(ends, [-0.5, -0.5], color=GREY, lw=0.8, transform=columns, clip_on=False)

    def _paint_columns(self, ax: Axes, page: _Page, columns: Transform) -> None:
        up = ScaledTranslation(0, 0.06, figure_of(ax).dpi_scale_trans)
        for column in page.columns:
            ax.text(
                column.anchor,
                -0.5,
                column.heading,
                transform=columns + up,
                ha=column.align,
                va="bottom",
                size=TEXT,
                weight="bold",
                linespacing=1.05,
            )
            for y, row in zip(self._centres(), self.rows, strict=True):
                if cell := self._cell(row, column.name):
                    style = "italic" if row.kind == "note" else "normal"
                    ax.text(
                        column.anchor,
                        y,
                        cell,
                        transform=columns,
                        ha=column.align,
                        va="center_baseline",
                        size=_size(row),
                        weight=_weight(row),
                        style=style,
                        color=GREY if row.kind == "quiet" else INK,
                    )

    def _paint_risk(self, ax: Axes, page: _Page, columns: Transform) -> None:
        place = {column.name: column.anchor for column in page.columns}
        for y, row in zip(self._centres(), self.rows, strict=True):
            if row.risk:
                paint_light(ax, place["risk"], y, row.risk, transform=columns, size=13.5)

    def _paint_axis(self, ax: Axes, page: _Page, left: float, y: float) -> float:
        """Draw ticks, direction and unit below the rows; return where the next line may stand."""
        _set_ticks(ax, page, self.layout.measure)
        ax.tick_params(axis="x", labelsize=NOTE)
        y -= 0.30
        inches = inches_from(ax, left + page.plot_left, 0)
        if self.layout.favours is not None:
            sides = zip(
                self._favours_texts(page), (0.0, page.plot_width), ("left", "right"), strict=True
            )
            for text, x, align in sides:
                ax.text(x, y, text, transform=inches, ha=align, va="top", size=NOTE)
            y -= self._favours_height(page)
        if label := self._axis_label():
            middle = page.plot_width / 2
            ax.text(middle, y, label, transform=inches, ha="center", va="top", size=NOTE)
            y -= 0.20
        return y - 0.10

    def _paint_notes(
        self, ax: Axes, left: float, y: float, notes: list[str], legend_lines: list[list[Artist]]
    ) -> None:
        inches = inches_from(ax, left, 0)
        for note in notes:
            ax.text(MARGIN, y, note, transform=inches, va="top", size=NOTE)
            y -= text_size(note, size=NOTE)[1] + 0.06
        for handles in legend_lines:
            ax.add_artist(_legend(ax, handles, MARGIN, y - 0.02, inches))
            y -= _line_height(handles)
        middle = inches_from(ax, left + MARGIN, y - RISK_LINE / 2)
        paint_risk_legend(ax, self._risk_words(), transform=middle, size=NOTE)

    def _legend_handles(self) -> list[Artist]:
        handles: list[Artist] = []
        if any(row.kind == "band" for row in self.rows):
            label = "range over all reconstructions that agree with the print"
            handles.append(Patch(facecolor=BAND, edgecolor=GREY, label=label))
            handles.append(_study_marker(hollow=True, flagged=False, label="one of them"))
        elif any(row.hollow for row in self.rows):
            handles.append(_study_marker(hollow=False, flagged=False, label="reported"))
            label = "reconstructed from printed results"
            handles.append(_study_marker(hollow=True, flagged=False, label=label))
        if any(row.flagged for row in self.rows):
            handles.append(_study_marker(hollow=False, flagged=True, label=self.flag_label))
        if self.layout.mid is not None:
            small = "closer to 1" if self.layout.measure in RATIO_MEASURES else "smaller"
            size = fmt.mid_band(self.layout.mid, self.layout.measure)
            label = f"{small} than the minimal important difference ({size})"
            handles.append(Patch(facecolor=PALE, edgecolor=GREY, label=label))
        return handles

    def _risk_words(self) -> list[str]:
        """Return the judgements whose lights are drawn."""
        shown = set() if self.layout.compact else {row.risk for row in self.rows}
        return [word for word in RISK_SIGNS if word in shown]

    def _legend_lines(self, width: float) -> list[list[Artist]]:
        """Distribute the legend over lines that fit the width."""
        lines: list[list[Artist]] = []
        used = width
        for handle in self._legend_handles():
            label = wrap_to(str(handle.get_label()), width - 2 * MARGIN - 0.45, size=NOTE)
            handle.set_label(label)
            needed = text_size(str(handle.get_label()), size=NOTE)[0] + 0.45
            if used + needed > width - 2 * MARGIN:
                lines.append([])
                used = 0.0
            lines[-1].append(handle)
            used += needed
        return lines


def _size(row: Row) -> float:
    return NOTE if row.kind == "quiet" else TEXT


def _weight(row: Row) -> str:
    return "bold" if row.kind in BOLD else "normal"


def _set_ticks(ax: Axes, page: _Page, measure: str) -> None:
    """Put round numbers on the horizontal axis, but none that would reach beyond the page."""
    low, high = ax.get_xlim()
    left, right = pooled(low, measure), pooled(high, measure)
    kept = []
    for tick, text in _round_numbers(low, high, measure, page.plot_width):
        half = text_size(text, size=NOTE)[0] / 2
        centre = page.plot_left + (pooled(tick, measure) - left) * page.plot_width / (right - left)
        if half < centre < page.width - half:
            kept.append((tick, text))
    ax.set_xticks([tick for tick, _ in kept], [text for _, text in kept])


def _round_numbers(low: float, high: float, measure: str, width: float) -> list[tuple[float, str]]:
    """Return the ticks between two ends of an axis of so many inches, each with its text."""
    if measure in RATIO_MEASURES:
        return [(tick, fmt.tick(tick)) for tick in ratio_ticks(low, high, width)]
    ticks = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    digits = max(len(fmt.threshold(tick).partition(".")[2]) for tick in ticks)
    return [(tick, fmt.number(tick, digits)) for tick in ticks if low <= tick <= high]


def _unbroken(note: str) -> str:
    """Return a note whose lines may not break around a sign that compares."""
    return re.sub(" ([=<>]) ", "\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", note)


def _axis_limits(rows: Sequence[Row], half: float | None) -> Interval:
    """Return limits, as pooled, that show every estimate, most of every interval and the band.

    The prediction interval is shown whole where the axis grows by it to at most twice of what the
    comparisons need; else it is treated as every other interval.
    """
    estimates = [row.estimate for row in rows if row.estimate is not None]
    pooled = [end for row in rows if row.kind == "pooled" and row.interval for end in row.interval]
    core = [0.0, *estimates, *pooled, *([-half, half] if half is not None else [])]
    intervals = [row.interval for row in rows if row.interval and row.kind != "prediction"]
    predictions = [row.interval for row in rows if row.interval and row.kind == "prediction"]
    alone = _padded(_following(core, intervals))
    if predictions:
        low, high = (min(x for x, _ in predictions), max(x for _, x in predictions))
        low, high = min(alone[0], low), max(alone[1], high)
        if high - low > LARGEST_STRETCH * (alone[1] - alone[0]):
            return _padded(_following(core, [*intervals, *predictions]))
        return _padded((low, high)) if (low, high) != alone else alone
    return alone


def _following(core: Sequence[float], intervals: Sequence[Interval]) -> Interval:
    """Return limits that hold the core and follow the intervals as far again as it is wide.

    What is longer ends in an arrow, so that one wide interval does not squeeze all others
    together; one that is only a little longer is still followed.
    """
    low, high = min(core), max(core)
    room = (high - low) or max(abs(end) for interval in intervals for end in interval)
    starts, ends = [start for start, _ in intervals], [end for _, end in intervals]
    left = max(low - room, min([low, *starts]))
    right = min(high + room, max([high, *ends]))
    slack = NEAR_MISS * (right - left)
    return (
        min([left, *(start for start in starts if left - start <= slack)]),
        max([right, *(end for end in ends if end - right <= slack)]),
    )


def _padded(limits: Interval) -> Interval:
    pad = 0.04 * (limits[1] - limits[0])
    return limits[0] - pad, limits[1] + pad


def _study_marker(*, hollow: bool, flagged: bool, label: str, size: float = 7.0) -> Line2D:
    """Return the mark of a study, as it stands in the plot and in the legend."""
    colour = VERMILLION if flagged else BLUE
    return Line2D(
        [], [], linestyle="", marker="D" if flagged else "s", markersize=size,
        markeredgecolor=colour, markeredgewidth=1.3, markerfacecolor="white" if hollow else colour,
        label=label, zorder=3,
    )  # fmt: skip


def _line_height(handles: list[Artist]) -> float:
    """Return the height in inches of a line of the legend."""
    return max(text_size(str(handle.get_label()), size=NOTE)[1] for handle in handles) + 0.10


def _legend(ax: Axes, handles: list[Artist], x: float, y: float, transform: Transform) -> Legend:
    return Legend(
        ax,
        handles,
        [str(handle.get_label()) for handle in handles],
        loc="upper left",
        bbox_to_anchor=(x, y),
        bbox_transform=transform,
        ncols=len(handles),
        fontsize=NOTE,
        borderpad=0,
        borderaxespad=0,
        handlelength=1.2,
        handletextpad=0.4,
        columnspacing=1.2,
        frameon=False,
    )


def _paint_row(ax: Axes, y: float, row: Row, largest_weight: float) -> None:
    if row.interval is None:
        return
    if row.kind == "prediction" or row.estimate is None:
        _paint_interval(ax, y, row.interval, color=ORANGE, width=5.0)
    elif row.kind == "band":
        _paint_band(ax, y, row.estimate, row.interval)
    elif row.kind == "pooled":
        low, high = row.interval
        corners = [(low, y), (row.estimate, y - 0.3), (high, y), (row.estimate, y + 0.3)]
        ax.add_patch(Polygon(corners, closed=True, facecolor=BLACK, edgecolor=BLACK, zorder=4))
    else:
        _paint_interval(ax, y, row.interval, color=INK, width=1.2)
        side = EVEN_SQUARE
        if largest_weight:
            side = max(LARGEST_SQUARE * np.sqrt(row.weight / largest_weight), SMALLEST_SQUARE)
        mark = _study_marker(hollow=row.hollow, flagged=row.flagged, label="", size=side)
        mark.set_data([row.estimate], [y])
        ax.add_line(mark)


def _paint_band(ax: Axes, y: float, estimate: float, limits: Interval) -> None:
    """Draw the range of a reconstructed effect, and one of its values as a hollow square."""
    low, high = limits
    ax.add_patch(
        Rectangle((low, y - 0.24), high - low, 0.48, facecolor=BAND, edgecolor=GREY, lw=0.6)
    )
    mark = _study_marker(hollow=True, flagged=False, label="")
    mark.set_data([estimate], [y])
    ax.add_line(mark)


def _paint_interval(ax: Axes, y: float, limits: Interval, *, color: str, width: float) -> None:
    """Draw an interval; an end beyond the axis becomes an arrow at the edge."""
    left, right = ax.get_xlim()
    low, high = max(limits[0], left), min(limits[1], right)
    if low < high:
        ax.plot([low, high], [y, y], color=color, lw=width, solid_capstyle="butt", zorder=2)
    for end, edge, marker in ((limits[0], left, "<"), (limits[1], right, ">")):
        outside = end < edge if marker == "<" else end > edge
        if outside:
            ax.plot(
                [edge], [y], marker=marker, markersize=max(6.0, width + 4), color=color,
                clip_on=False, linestyle="", zorder=3,
            )  # fmt: skip
