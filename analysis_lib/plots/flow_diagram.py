"""The PRISMA 2020 flow diagram, drawn from the counts of ``selection.csv``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from analysis_lib.base.formatting import count, inside_sentence, listing
from analysis_lib.plots.look import GREY, INK, PALE, SMALL, axes_of_size, describe, styled
from analysis_lib.plots.text import text_size, wrap_to
from analysis_lib.review.flow import EXCLUDED, NOT_RETRIEVED, STUDIES

WIDTH = 4.9  # inches: as wide as a phone, where the letters can still be read
BOX = 2.24
PADDING = 0.1
GAP = 0.28

# The boxes from top to bottom: what goes on, and what leaves beside it.
STEPS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("records_identified", "records_databases", "records_citation"), ("duplicates_removed",)),
    (("records_screened",), ("records_excluded",)),
    (("reports_sought",), (NOT_RETRIEVED,)),
    (("reports_assessed",), (EXCLUDED,)),
    (
        (STUDIES, "reports_included", "reports_included_databases", "reports_included_citation"),
        (),
    ),
)
STAGES = {0: "Identification", 1: "Screening", 4: "Included"}


@dataclass(frozen=True, slots=True)
class _Box:
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def height(self) -> float:
        return text_size(self.text, size=SMALL)[1] + 2 * PADDING


@styled
def prisma(selection: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the flow of records, reports and studies.

    Parameters
    ----------
    selection
        The table ``selection`` of a review: ``box``, ``label``, ``count`` and ``parent``; the
        boxes whose parent is ``reports_excluded`` are the reasons for exclusion.
    ax
        Where to draw; by default a new figure as high as its text.

    Returns
    -------
    matplotlib.axes.Axes

    References
    ----------
    Page MJ, McKenzie JE, Bossuyt PM, et al. The PRISMA 2020 statement. BMJ 2021;372:n71.
    """
    rows = selection.set_index("box")
    labels = {str(box): str(label) for box, label in rows["label"].items()}
    counts = {str(box): int(n) for box, n in rows["count"].items()}
    reasons = [str(box) for box in rows.index[rows["parent"] == EXCLUDED]]

    steps = [
        (
            _box(left, labels, counts),
            _box((*right, *_below(right, reasons)), labels, counts) if right else None,
        )
        for left, right in STEPS
    ]
    heights = [max(a.height, b.height if b else 0) for a, b in steps]
    stage_height = 0.26
    total = sum(heights) + GAP * (len(steps) - 1) + stage_height * len(STAGES) + 2 * PADDING
    if ax is None:
        ax = axes_of_size(WIDTH, total, layout=None)
        ax.set_position((0, 0, 1, 1))
    ax.set(xlim=(0, WIDTH), ylim=(-total, 0))
    ax.set_axis_off()
    _draw(ax, steps, heights, stage_height)
    return describe(ax, alt=_alt(labels, counts, reasons), caption=_caption(counts))


def _below(boxes: tuple[str, ...], reasons: list[str]) -> list[str]:
    return reasons if EXCLUDED in boxes else []


def _box(names: tuple[str, ...], labels: Mapping[str, str], counts: Mapping[str, int]) -> _Box:
    """Return a box whose first line is what it counts, and whose other lines are its parts."""
    lines = []
    for i, name in enumerate(names):
        line = f"{labels[name]} (n\u00a0=\u00a0{count(counts[name])})"
        indent = "" if i == 0 else "  "
        wrapped = wrap_to(line, BOX - 2 * PADDING - 0.15 * bool(indent), size=SMALL)
        lines += [indent + part for part in wrapped.split("\n")]
    return _Box(tuple(lines))


def _draw(
    ax: Axes, steps: list[tuple[_Box, _Box | None]], heights: list[float], stage_height: float
) -> None:
    left, right = PADDING, WIDTH - BOX - PADDING
    y = -PADDING
    previous: float | None = None
    for i, ((main, beside), height) in enumerate(zip(steps, heights, strict=True)):
        if i in STAGES:
            ax.text(left, y - 0.05, STAGES[i], size=SMALL, weight="bold", color=GREY, va="top")
            y -= stage_height
        _draw_box(ax, main, left, y, height=height)
        if previous is not None:
            _arrow(ax, (left + BOX / 2, previous), (left + BOX / 2, y))
        if beside is not None:
            top = y - (height - beside.height) / 2
            _draw_box(ax, beside, right, top, pale=True)
            _arrow(ax, (left + BOX, y - height / 2), (right, y - height / 2))
        previous = y - height
        y = previous - GAP


def _draw_box(
    ax: Axes, box: _Box, x: float, y: float, *, height: float | None = None, pale: bool = False
) -> None:
    high = height or box.height
    ax.add_patch(
        FancyBboxPatch(
            (x, y - high),
            BOX,
            high,
            boxstyle="round,pad=0,rounding_size=0.05",
            facecolor=PALE if pale else "white",
            edgecolor=GREY,
            linewidth=1,
        )
    )
    ax.text(
        x + PADDING, y - high / 2, box.text, size=SMALL, va="center", color=INK, linespacing=1.2
    )


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    arrow = FancyArrowPatch(
        start,
        end,
        arrowstyle="-|>",
        mutation_scale=10,
        color=INK,
        linewidth=1,
        shrinkA=0,
        shrinkB=0,
    )
    ax.add_patch(arrow)


def _alt(labels: Mapping[str, str], counts: Mapping[str, int], reasons: list[str]) -> str:
    def told(box: str) -> str:
        return f"{inside_sentence(labels[box])}, {counts[box]}"

    flow = "; ".join(told(box) for left, right in STEPS for box in (*left, *right))
    why = listing([told(reason) for reason in reasons])
    return f"Flow diagram, from top to bottom: {flow}. Reasons for exclusion at full text: {why}."


def _caption(counts: Mapping[str, int]) -> str:
    return (
        f"PRISMA 2020 flow diagram: from {count(counts['records_identified'])} records to "
        f"{count(counts[STUDIES])} studies."
    )
