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
from typing import Any, ClassVar, TypedDict

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
from analysis_lib.plots.marks import (
    RISK_SIGNS,
    legend_width,
    paint_light,
    paint_line,
    paint_risk_legend,
)
from analysis_lib.plots.text import in_lines, inches_from, text_size, widest, wrap_to

# Inches and points of the page.
ROW, LINE = 0.27, 0.16
GAP = 0.16
MARGIN = 0.08
PLOT_WIDTH = 2.4
#: Points. In a figure that is shown in its own size 9 points are 12 pixels, the least on a screen.
TEXT = 9.5
NOTE = 9.0
LARGEST_SQUARE, EVEN_SQUARE, SMALLEST_SQUARE = 12.0, 7.0, 3.0
TITLE = 11.0
BROWSERS = 0.95  # of a line: another program's letters may be a little wider
WIDEST_ARM = 1.0  # inches; a longer name of an arm goes over several lines
WIDEST_OWN = 1.3  # inches; a longer cell of a column of one's own is broken
LIGHT = 0.22  # inches from one light of a trial to the next
ABOVE_HEADING = 0.3  # of a row
LETTERS = "ABCDEFGHIJKL"
RISK_LINE = 0.26

#: The pale blue of the range of a reconstructed effect.
BAND = "#cfdcf0"
RECONSTRUCTIONS = ("range over all reconstructions that agree with the print", "one of them")

# How far an axis follows its intervals, as parts of what it shows without doing so.
NEAR_MISS = 0.15
LARGEST_STRETCH = 2.0

LEFT_COLUMNS = ("n_experimental", "n_comparator", "events_experimental", "events_comparator")
RIGHT_COLUMNS = ("effect", "weight", "p", "i2", "tau2", "risk")
#: Columns of one's own are named so among the cells of a row.
OWN = "own:"
NUMBER = re.compile(r"[−+]?[\d.,]+%?")
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
    lights: tuple[str, ...] = ()  # of the domains, before that of the whole

    @property
    def all_lights(self) -> tuple[str, ...]:
        """The judgements of the domains and of the whole."""
        return (*self.lights, *([self.risk] if self.risk else []))

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
    finding: str
    reference: float | None
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
        What is drawn: outcome and follow-up, say.
    finding
        What it shows, in a sentence; it stands above the title.
    reference
        A value to compare with, as it is read on the axis: a dashed line.
    compact
        Draw for the width of a telephone: the words of a row stand above its interval, which has
        the whole width. A figure of its own carries this drawing beside the other one
        (`analysis_lib.plots.narrow_drawing`).

    Raises
    ------
    ReviewError
        If the limits are no interval, or the reference is not on the axis of the measure.
    """

    measure: str = "MD"
    unit: str = ""
    arms: tuple[str, str] = ("experimental", "comparator")
    favours: tuple[str, str] | None = None
    mid: float | None = None
    limits: Interval | None = None
    title: str = ""
    finding: str = ""
    reference: float | None = None
    compact: bool = False

    def __post_init__(self) -> None:
        if self.limits is not None and not self.limits[0] < self.limits[1]:
            raise ReviewError(f"limits must be (low, high) with low < high, got {self.limits}")
        least = 0.0 if self.measure in RATIO_MEASURES else -math.inf
        if self.reference is not None and not least < self.reference < math.inf:
            raise ReviewError(f"reference: no {self.measure} is {self.reference}")


@dataclass(frozen=True, slots=True)
class RowPlot:
    """A plot of rows before it is drawn."""

    rows: Sequence[Row]
    notes: Sequence[str]
    level: float
    layout: RowLayout
    heading: str = "Comparison"
    flag_label: str = ""
    own: Mapping[str, str] = field(default_factory=dict)  # heads of columns of one's own
    domains: Sequence[str] = ()  # names of the lights of a row, the one of the whole last
    effects: str = ""  # head of the effects, which are estimates with their intervals when absent
    bands: tuple[str, str] = RECONSTRUCTIONS  # what a band is, and the mark on it

    row_height: ClassVar[float] = ROW  # inches
    plot_width: ClassVar[float] = PLOT_WIDTH  # inches, where a figure is sized from its rows

    def draw(self, ax: Axes | None) -> Axes:
        """Draw it into ``ax``, or into a figure of the size that the rows need."""
        page = self._page(self.plot_width)
        legend_lines = self._legend_lines(page.width)
        notes = [
            wrap_to(unbroken(note), page.width - 2 * MARGIN, size=NOTE)
            for note in (*self.notes, *self._domain_notes())
        ]
        title = self._title(page.width - 2 * MARGIN)
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

    def _domain_notes(self) -> list[str]:
        """Return what the letters above the lights stand for."""
        told = [f"{letter} {name}" for letter, name in zip(LETTERS, self.domains, strict=False)]
        return [f"Risk of bias: {'; '.join(told)}"] if told else []

    def _heights(self) -> list[float]:
        """Return the height of each row, in rows: a heading stands off, text has what it needs."""
        heights = []
        for index, row in enumerate(self.rows):
            names = ["label", *(name for name in row.cells if name.startswith(OWN))]
            more = max(self._cell(row, name).count("\n") for name in names)
            above = ABOVE_HEADING if row.kind == "heading" and index else 0.0
            heights.append(1.0 + above + more * LINE / self.row_height)
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

    def _above(self, title: tuple[str, str]) -> float:
        return MARGIN + self._title_height(title) + self._heading_height() + 0.10

    def _title(self, width: float) -> tuple[str, str]:
        """Return the finding and the title; without a finding the title takes its place."""
        first, second = self.layout.finding, self.layout.title
        width *= BROWSERS
        if not first:
            first, second = second, ""
        return (
            wrap_to(first, width, size=TITLE, weight="bold"),
            wrap_to(second, width, size=TEXT),
        )

    def _title_height(self, title: tuple[str, str]) -> float:
        first, second = title
        height = text_size(first, size=TITLE, weight="bold")[1] + 0.14 if first else 0.0
        return height + (text_size(second, size=TEXT)[1] + 0.08 if second else 0.0)

    def _heading_height(self) -> float:
        return max(
            text_size(heading, size=TEXT, weight="bold")[1] for heading in self._headings().values()
        )

    def _headings(self) -> dict[str, str]:
        present = {name for row in self.rows for name in row.cells}
        arms = [wrap_to(arm, WIDEST_ARM, size=TEXT, weight="bold") for arm in self.layout.arms]
        among = "time" if self.layout.measure in (*RATE_MEASURES, "rate") else "n"
        headings = {
            "n_experimental": f"n\n{arms[0]}",
            "n_comparator": f"n\n{arms[1]}",
            "events_experimental": f"events / {among}\n{arms[0]}",
            "events_comparator": f"events / {among}\n{arms[1]}",
            "effect": self._effects(),
            "weight": "Weight",
            "p": "p",
            "i2": "I²",
            "tau2": "τ²\n(log scale)" if self.layout.measure in RATIO_MEASURES else "τ²",
        }
        found = {name: heading for name, heading in headings.items() if name in present}
        if any(row.risk for row in self.rows):
            found["risk"] = "Risk of bias\n" if self.domains else "Risk\nof bias"
        own = {
            OWN + name: wrap_to(head, WIDEST_OWN, size=TEXT, weight="bold")
            for name, head in self.own.items()
        }
        return {"label": self.heading, **own, **found}

    def _effects(self) -> str:
        return self.effects or f"{self.layout.measure}\n({fmt.percent(self.level)} CI)"

    def _page(self, plot_width: float) -> _Page:
        """Lay out the columns from the width of what stands in them."""
        headings = self._headings()
        columns, x = [], MARGIN
        before = ["label", *(name for name in headings if name.startswith(OWN))]
        before += [name for name in LEFT_COLUMNS if name in headings]
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
            align = "left" if name.startswith(OWN) and not self._is_of_numbers(name) else align
            columns.append(_Column(name, headings[name], x, x + width, align))
            x += width + GAP
        return _Page(tuple(columns), plot_left, plot_width, x - GAP + MARGIN)

    def _column_width(self, name: str, heading: str) -> float:
        texts = [
            (self._cell(row, name), weight_of(row)) for row in self.rows if row.kind not in SPANNING
        ]
        lights = len(self.domains) * LIGHT if name == "risk" else 0.0
        return max(
            lights,
            widest([heading], size=TEXT, weight="bold"),
            widest((t for t, weight in texts if weight == "normal"), size=TEXT),
            widest((t for t, weight in texts if weight == "bold"), size=TEXT, weight="bold"),
        )

    def _spanning_width(self) -> float:
        """Return what headings and quiet lines need of the columns left of the plot."""
        return max(
            (
                text_size(self._cell(row, "label"), size=size_of(row), weight=weight_of(row))[0]
                + GAP
                for row in self.rows
                if row.kind in SPANNING
            ),
            default=0.0,
        )

    def _is_of_numbers(self, column: str) -> bool:
        cells = [row.cells[column] for row in self.rows if row.cells.get(column)]
        return all(NUMBER.fullmatch(cell) for cell in cells)

    def _cell(self, row: Row, column: str) -> str:
        if column == "label":
            return row.label
        cell = row.cells.get(column, "")
        return wrap_to(cell, WIDEST_OWN, size=TEXT) if column.startswith(OWN) else cell

    def _below(self, page: _Page, legend_lines: list[list[Artist]], notes: list[str]) -> float:
        axis = 0.30 + (0.20 if self._axis_label() else 0.0) + self._favours_height(page)
        note_height = sum(text_size(note, size=NOTE)[1] + 0.06 for note in notes)
        risk_lines = RISK_LINE * len(self._risk_lines(page.width))
        return axis + 0.10 + note_height + sum(map(_line_height, legend_lines)) + risk_lines

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
        # An arrow stays with the word beside it.
        words = (f"←\N{NO-BREAK SPACE}{left}", f"{right}\N{NO-BREAK SPACE}→")
        return wrap_to(words[0], room, size=NOTE), wrap_to(words[1], room, size=NOTE)

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
            measure = self.layout.measure
            limits = _axis_limits(self.rows, half, self._reference(), measure)
            set_pooled_axis(ax, measure, *limits)
        else:
            set_effect_axis(ax, self.layout.measure, *self.layout.limits)

    def _paint(
        self,
        ax: Axes,
        page: _Page,
        left: float,
        rows_top: float,
        title: tuple[str, str],
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
        self._paint_risk(ax, page, columns)
        bottom = rows_top - self._rows_height()
        notes_top = self._paint_axis(ax, page, left, bottom)
        self._paint_notes(ax, left, notes_top, page.width, notes, legend_lines)
        return ax

    def _paint_title(self, ax: Axes, left: float, rows_top: float, title: tuple[str, str]) -> None:
        bottom = rows_top + self._heading_height() + 0.20
        inches = inches_from(ax, left, 0)
        first, second = title
        if second:
            ax.text(MARGIN, bottom, second, transform=inches, size=TEXT, va="bottom")
            bottom += text_size(second, size=TEXT)[1] + 0.08
        ax.text(MARGIN, bottom, first, transform=inches, weight="bold", size=TITLE, va="bottom")

    def _paint_frame(self, ax: Axes, page: _Page, columns: Transform) -> None:
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        if self.layout.mid is not None:
            self._paint_band(ax, *band(self.layout.mid, self.layout.measure))
        for x, line in self._upright_lines():
            self._paint_upright(ax, x, **line)
        ends = [MARGIN, page.width - MARGIN]
        ax.plot(ends, [-0.5, -0.5], color=GREY, lw=0.8, transform=columns, clip_on=False)

    def _reference(self) -> float | None:
        """Return the value to compare with, as effects are pooled."""
        value = self.layout.reference
        return None if value is None else pooled(value, self.layout.measure)

    def _upright_lines(self) -> list[tuple[float, dict[str, Any]]]:
        """Return where a line goes through all rows, and how it is drawn."""
        lines: list[tuple[float, dict[str, Any]]] = [
            (no_difference(self.layout.measure), {"color": INK, "linewidth": 1.0})
        ]
        means = [row.estimate for row in self.rows if row.kind == "pooled"]
        if means and means[-1] is not None:
            dotted = {"color": GREY, "linewidth": 0.8, "linestyle": (0, (2, 3))}
            lines.append((shown(means[-1], self.layout.measure), dotted))
        if self.layout.reference is not None:
            dashed = {"color": VERMILLION, "linewidth": 1.0, "linestyle": (0, (6, 3))}
            lines.append((self.layout.reference, dashed))
        return lines

    def _paint_upright(self, ax: Axes, x: float, **line: Any) -> None:
        ax.axvline(x, zorder=1, **line)

    def _paint_band(self, ax: Axes, low: float, high: float) -> None:
        ax.axvspan(low, high, color=PALE, zorder=0)

    def _paint_columns(self, ax: Axes, page: _Page, columns: Transform) -> None:
        scale = figure_of(ax).dpi_scale_trans
        for column in page.columns:
            letters = LINE if column.heading.endswith("\n") else 0.0  # which stand below it
            ax.text(
                column.anchor,
                -0.5,
                column.heading.rstrip(),
                transform=columns + ScaledTranslation(0, 0.06 + letters, scale),
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
                        size=size_of(row),
                        weight=weight_of(row),
                        style=style,
                        color=GREY if row.kind == "quiet" else INK,
                    )

    def _paint_risk(self, ax: Axes, page: _Page, columns: Transform) -> None:
        place = {column.name: column.anchor for column in page.columns}
        for y, row in zip(self._centres(), self.rows, strict=True):
            for x, light in zip(
                self._lights_at(place.get("risk", 0.0)), row.all_lights, strict=False
            ):
                paint_light(ax, x, y, light, transform=columns, size=13.5)
        if not self.domains:
            return
        up = ScaledTranslation(0, 0.06, figure_of(ax).dpi_scale_trans)
        for x, letter in zip(self._lights_at(place["risk"]), LETTERS, strict=False):
            ax.text(
                x, -0.5, letter, transform=columns + up, ha="center", va="bottom", size=TEXT,
                weight="bold",
            )  # fmt: skip

    def _lights_at(self, middle: float) -> list[float]:
        """Return where the lights of a row stand around a middle, in inches."""
        many = max(len(self.domains), 1)
        return [middle + (place - (many - 1) / 2) * LIGHT for place in range(many)]

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
        self,
        ax: Axes,
        left: float,
        y: float,
        width: float,
        notes: list[str],
        legend_lines: list[list[Artist]],
    ) -> None:
        inches = inches_from(ax, left, 0)
        for note in notes:
            ax.text(MARGIN, y, note, transform=inches, va="top", size=NOTE)
            y -= text_size(note, size=NOTE)[1] + 0.06
        for handles in legend_lines:
            ax.add_artist(_legend(ax, handles, MARGIN, y - 0.02, inches))
            y -= _line_height(handles)
        for words in self._risk_lines(width):
            middle = inches_from(ax, left + MARGIN, y - RISK_LINE / 2)
            paint_risk_legend(ax, words, transform=middle, size=NOTE)
            y -= RISK_LINE

    def _legend_handles(self) -> list[Artist]:
        handles: list[Artist] = []
        if self.layout.reference is not None:
            told = fmt.threshold(self.layout.reference)
            label = f"for comparison: {told} {self.layout.unit}".rstrip()
            handles.append(Line2D([], [], color=VERMILLION, lw=1.0, ls=(0, (6, 3)), label=label))
        if any(row.kind == "band" for row in self.rows):
            handles.append(Patch(facecolor=BAND, edgecolor=GREY, label=self.bands[0]))
            handles.append(_study_marker(hollow=True, flagged=False, label=self.bands[1]))
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
        shown = {light for row in self.rows for light in row.all_lights}
        return [word for word in RISK_SIGNS if word in shown]

    def _risk_lines(self, width: float) -> list[list[str]]:
        """Distribute the lights of the legend over lines that fit the width."""
        needed = {word: legend_width(word, size=NOTE) for word in self._risk_words()}
        return in_lines(needed.items(), width - 2 * MARGIN)

    def _legend_lines(self, width: float) -> list[list[Artist]]:
        """Distribute the legend over lines that fit the width."""
        room, sign = width - 2 * MARGIN, 0.45
        handles = self._legend_handles()
        for handle in handles:
            handle.set_label(wrap_to(str(handle.get_label()), room - sign, size=NOTE))
        needed = [text_size(str(handle.get_label()), size=NOTE)[0] + sign for handle in handles]
        return in_lines(zip(handles, needed, strict=True), room)


def size_of(row: Row) -> float:
    """Return the size of the words of a row."""
    return NOTE if row.kind == "quiet" else TEXT


def weight_of(row: Row) -> str:
    """Return the weight of the words of a row."""
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


def unbroken(note: str) -> str:
    """Return a note whose lines may not break around a sign that compares."""
    return re.sub(" ([=<>]) ", "\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", note)


def _axis_limits(
    rows: Sequence[Row],
    half: float | None,
    reference: float | None = None,
    measure: str = "MD",
) -> Interval:
    """Return limits, as pooled, that show every estimate, most of every interval and the band.

    The prediction interval is shown whole where the axis grows by it to at most twice of what the
    comparisons need; else it is treated as every other interval.
    """
    estimates = [row.estimate for row in rows if row.estimate is not None]
    pooled = [end for row in rows if row.kind == "pooled" and row.interval for end in row.interval]
    origin = [] if math.isnan(no_difference(measure)) else [0.0]
    core = [*origin, *estimates, *pooled, *([-half, half] if half is not None else [])]
    core += [] if reference is None else [reference]
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
        ax.add_artist(mark)


def _paint_band(ax: Axes, y: float, estimate: float, limits: Interval) -> None:
    """Draw the range of a reconstructed effect, and one of its values as a hollow square."""
    low, high = limits
    ax.add_patch(
        Rectangle((low, y - 0.24), high - low, 0.48, facecolor=BAND, edgecolor=GREY, lw=0.6)
    )
    mark = _study_marker(hollow=True, flagged=False, label="")
    mark.set_data([estimate], [y])
    ax.add_artist(mark)


def _paint_interval(ax: Axes, y: float, limits: Interval, *, color: str, width: float) -> None:
    """Draw an interval; an end beyond the axis becomes an arrow at the edge."""
    left, right = ax.get_xlim()
    low, high = max(limits[0], left), min(limits[1], right)
    if low < high:
        look: dict[str, Any] = {"color": color, "lw": width, "solid_capstyle": "butt"}
        paint_line(ax, [low, high], [y, y], zorder=2, **look)
    for end, edge, marker in ((limits[0], left, "<"), (limits[1], right, ">")):
        outside = end < edge if marker == "<" else end > edge
        if outside:
            paint_line(
                ax, [edge], [y], marker=marker, markersize=max(6.0, width + 4), color=color,
                clip_on=False, linestyle="", zorder=3,
            )  # fmt: skip
