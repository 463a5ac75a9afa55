"""Plots of rows for a narrow column: the words of a row stand above its interval.

No word is smaller than 12 pixels where the drawing is shown in its own size, 288 pixels, which is
the column of the narrowest telephone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import accumulate
from typing import Any, ClassVar

from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation, Transform

from analysis_lib.plots.look import GREY, INK, PALE, figure_of, narrowly
from analysis_lib.plots.marks import paint_light, paint_line
from analysis_lib.plots.rows import (
    ABOVE_HEADING,
    BOLD,
    LETTERS,
    MARGIN,
    NOTE,
    OWN,
    SPANNING,
    TEXT,
    Row,
    RowPlot,
    _Page,
    size_of,
    unbroken,
    weight_of,
)
from analysis_lib.plots.text import text_size, widest, wrap_to

WIDTH = 3.0
LINE, LANE, BETWEEN = 0.18, 0.22, 0.08  # inches: a line of words, the interval, the gap below
GAP = 0.12
#: What stands right of the effect, the first that a row has.
BESIDE = {"weight": "weight", "i2": "I²"}


def draw_rows(plot: RowPlot, ax: Axes | None) -> Axes:
    """Draw a plot of rows; a figure of its own carries the drawing for a narrow column, too.

    Parameters
    ----------
    plot
        What is drawn.
    ax
        Where to; a figure sized from the rows when absent.
    """
    told: dict[str, Any] = {field.name: getattr(plot, field.name) for field in fields(plot)}
    if plot.layout.compact:
        return StackedPlot(**told).draw(ax)
    axes = plot.draw(ax)
    if ax is None:
        narrowly(axes, lambda: StackedPlot(**told).draw(None))
    return axes


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of words of a row: what stands left, and what right in grey."""

    left: str
    right: str = ""
    size: float = TEXT
    bold: bool = False


@dataclass(frozen=True, slots=True)
class StackedPlot(RowPlot):
    """A plot of rows whose words stand above their intervals."""

    row_height: ClassVar[float] = LINE
    plot_width: ClassVar[float] = WIDTH - 2 * MARGIN

    def _page(self, plot_width: float) -> _Page:
        return _Page((), MARGIN, plot_width, plot_width + 2 * MARGIN)

    def _headings(self) -> dict[str, str]:
        present = {name for row in self.rows for name in row.cells}
        what = next((name for name in ("events", "n") if f"{name}_experimental" in present), "")
        people = {"n": "people: ", "events": "events / people: "}.get(what, "")
        lines = [self.heading]
        if people:
            lines += [f"{people}{self.layout.arms[0]}; {self.layout.arms[1]}"]
        lines += [self._effects().replace("\n", " ")]
        wrapped = [wrap_to(line, WIDTH - 2 * MARGIN, size=NOTE, weight="bold") for line in lines]
        return {"label": "\n".join(wrapped)}

    def _lines(self, row: Row) -> list[_Line]:
        """Return the lines of words above the interval of a row."""
        room = WIDTH - 2 * MARGIN
        if row.kind in SPANNING:
            size = size_of(row)
            words = wrap_to(unbroken(row.label), room, size=size, weight=weight_of(row))
            return [_Line(line, size=size, bold=row.kind in BOLD) for line in words.split("\n")]
        beside = self._people(row)
        lights = GAP + 0.17 if row.risk and not self.domains else 0.0
        taken = text_size(beside, size=NOTE)[0] + GAP if beside else 0.0
        label = row.label.replace("\n", " ")
        longest = widest(label.split(" "), size=TEXT, weight=weight_of(row))
        shared = beside if longest + taken + lights <= room else ""
        free = room - lights - (taken if shared else 0.0)
        words = wrap_to(label, free, size=TEXT, weight=weight_of(row))
        first, *others = words.split("\n")
        lines = [_Line(first, shared, bold=row.kind in BOLD)]
        lines += [_Line(line, bold=row.kind in BOLD) for line in others]
        lines += [] if shared == beside else [_Line("", beside)]
        if effect := row.cells.get("effect"):
            name = next((name for name in BESIDE if row.cells.get(name)), "")
            more = f"{BESIDE[name]} {row.cells[name]}" if name else ""
            free = room - text_size(effect, size=TEXT, weight=weight_of(row))[0] - GAP
            fits = text_size(more, size=NOTE)[0] <= free
            effects = wrap_to(effect, room, size=TEXT, weight=weight_of(row)).split("\n")
            lines += [_Line(line, bold=row.kind in BOLD) for line in effects[:-1]]
            lines.append(_Line(effects[-1], more if fits else "", bold=row.kind in BOLD))
        own = [
            f"{head}: {row.cells[OWN + name]}"
            for name, head in self.own.items()
            if row.cells.get(OWN + name)
        ]
        if own:
            told = wrap_to("; ".join(own), room, size=NOTE)
            lines += [_Line(line, size=NOTE) for line in told.split("\n")]
        return lines

    def _people(self, row: Row) -> str:
        for what, between in (("events", "; "), ("n", " / ")):
            sides = [row.cells.get(f"{what}_{side}", "") for side in ("experimental", "comparator")]
            if all(sides):
                return between.join(sides)
        return ""

    def _has_lights(self, row: Row) -> bool:
        return bool(self.domains and row.all_lights)

    def _heights(self) -> list[float]:
        heights = []
        for index, row in enumerate(self.rows):
            lines = len(self._lines(row)) + self._has_lights(row)
            above = ABOVE_HEADING if row.kind == "heading" and index else 0.0
            lane = LANE if row.interval is not None else 0.0
            heights.append(lines + above + (lane + BETWEEN) / LINE)
        return heights

    def _centres(self) -> list[float]:
        """Return where the interval of each row stands, below its words."""
        ends = list(accumulate(self._heights(), initial=-0.5))[1:]
        return [end - (BETWEEN + LANE / 2) / LINE for end in ends]

    def _paint_upright(self, ax: Axes, x: float, **line: Any) -> None:
        # Only beside the intervals: no line runs through the words.
        half = LANE / 2 / LINE
        for y, row in zip(self._centres(), self.rows, strict=True):
            if row.interval is not None:
                paint_line(ax, [x, x], [y - half, y + half], zorder=1, **line)

    def _paint_band(self, ax: Axes, low: float, high: float) -> None:
        half = LANE / 2 / LINE
        for y, row in zip(self._centres(), self.rows, strict=True):
            if row.interval is not None:
                ax.fill_between([low, high], y - half, y + half, color=PALE, lw=0, zorder=0)

    def _paint_columns(self, ax: Axes, page: _Page, columns: Transform) -> None:
        up = ScaledTranslation(0, 0.06, figure_of(ax).dpi_scale_trans)
        heading = self._headings()["label"]
        ax.text(
            MARGIN, -0.5, heading, transform=columns + up, va="bottom", size=NOTE, weight="bold"
        )
        starts = accumulate(self._heights(), initial=-0.5)
        for index, (start, row) in enumerate(zip(starts, self.rows, strict=False)):
            shift = ABOVE_HEADING if row.kind == "heading" and index else 0.0
            colour = GREY if row.kind == "quiet" else INK
            style = "italic" if row.kind == "note" else "normal"
            for place, line in enumerate(self._lines(row)):
                y = start + shift + place + 0.5
                ax.text(
                    MARGIN, y, line.left, transform=columns, va="center_baseline", size=line.size,
                    weight="bold" if line.bold else "normal", color=colour, style=style,
                )  # fmt: skip
                room = 0.27 if place == 0 and row.risk and not self.domains else 0.0
                ax.text(
                    page.width - MARGIN - room, y, line.right, transform=columns, ha="right",
                    va="center_baseline", size=NOTE, color=GREY,
                )  # fmt: skip

    def _paint_risk(self, ax: Axes, page: _Page, columns: Transform) -> None:
        starts = accumulate(self._heights(), initial=-0.5)
        for start, row in zip(starts, self.rows, strict=False):
            if self._has_lights(row):
                self._paint_lights(ax, start + len(self._lines(row)) + 0.5, row, columns)
            elif row.risk:
                x = page.width - MARGIN - 0.1
                paint_light(ax, x, start + 0.5, row.risk, transform=columns, size=12.6)

    def _paint_lights(self, ax: Axes, y: float, row: Row, columns: Transform) -> None:
        each = 0.36
        for place, (letter, light) in enumerate(zip(LETTERS, row.all_lights, strict=False)):
            x = MARGIN + place * each
            ax.text(x, y, letter, transform=columns, va="center_baseline", size=NOTE, color=GREY)
            paint_light(ax, x + 0.2, y, light, transform=columns, size=12.6)
