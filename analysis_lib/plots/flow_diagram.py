"""The PRISMA 2020 flow diagram, drawn from the counts of ``selection.csv``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from analysis_lib.base.formatting import count, inside_sentence, listing
from analysis_lib.plots.look import (
    GREY,
    INK,
    PALE,
    SMALL,
    axes_of_size,
    describe,
    page_room,
    styled,
)
from analysis_lib.plots.text import text_size, wrap_to
from analysis_lib.review.flow import (
    BOXES,
    DATABASES,
    EXCLUDED,
    NEW,
    NOT_RETRIEVED,
    PREVIOUS,
    PREVIOUS_REPORTS,
    STUDIES,
)

WIDTH, NARROWEST = 4.9, 3.6  # inches
BETWEEN = 0.22
PADDING = 0.1
GAP = 0.28

# The boxes from top to bottom: what goes on, and what leaves beside it.
STEPS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    ((PREVIOUS, PREVIOUS_REPORTS), ()),
    (
        ("records_identified", DATABASES, "records_registers", "records_citation"),
        ("duplicates_removed", "records_removed_other"),
    ),
    (("records_screened",), ("records_excluded",)),
    (("reports_sought",), (NOT_RETRIEVED,)),
    (("reports_assessed",), (EXCLUDED,)),
    (
        (
            *(STUDIES, NEW, "reports_included", "reports_included_databases"),
            "reports_included_citation",
        ),
        (),
    ),
)
STAGES = {
    PREVIOUS: "Previous studies",
    "records_identified": "Identification",
    "records_screened": "Screening",
    STUDIES: "Included",
}


@dataclass(frozen=True, slots=True)
class _Box:
    lines: tuple[str, ...]
    width: float

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
    width = max(page_room(WIDTH), NARROWEST)
    box = (width - 2 * PADDING - BETWEEN) / 2
    rows = selection.set_index("box")
    labels = {str(box): str(label) for box, label in rows["label"].items()}
    counts = {str(box): int(n) for box, n in rows["count"].items()}
    parts = {
        box: [str(part) for part in rows.index[rows["parent"] == box] if counts[str(part)]]
        for box in (EXCLUDED, DATABASES)
    }

    def shown(boxes: Sequence[str]) -> list[str]:
        every = [b for box in boxes for b in (box, *parts.get(box, ()))]
        return [box for box in every if _is_shown(box, counts)]

    flow = [(shown(left), shown(right)) for left, right in STEPS]
    flow = [(left, right) for left, right in flow if left]
    stages = {i: STAGES[left[0]] for i, (left, _) in enumerate(flow) if left[0] in STAGES}
    steps = [
        (_box(left, labels, counts, box), _box(right, labels, counts, box) if right else None)
        for left, right in flow
    ]
    heights = [max(a.height, b.height if b else 0) for a, b in steps]
    stage_height = 0.26
    total = sum(heights) + GAP * (len(steps) - 1) + stage_height * len(stages) + 2 * PADDING
    if ax is None:
        ax = axes_of_size(width, total, layout=None)
        ax.set_position((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(-total, 0))
    ax.set_axis_off()
    _draw(ax, steps, heights, stage_height, stages)
    return describe(ax, alt=_alt(labels, counts, flow, parts[EXCLUDED]), caption=_caption(counts))


def _is_shown(box: str, counts: Mapping[str, int]) -> bool:
    """Say whether a box is there and, unless every diagram has it, not empty."""
    return box in counts and (box in BOXES or counts[box] > 0)


def _box(
    names: Sequence[str], labels: Mapping[str, str], counts: Mapping[str, int], width: float
) -> _Box:
    """Return a box whose first line is what it counts, and whose other lines are its parts."""
    lines = []
    for i, name in enumerate(names):
        line = f"{labels[name]} (n\u00a0=\u00a0{count(counts[name])})"
        indent = "" if i == 0 else "  "
        wrapped = wrap_to(line, width - 2 * PADDING - 0.15 * bool(indent), size=SMALL)
        lines += [indent + part for part in wrapped.split("\n")]
    return _Box(tuple(lines), width)


def _draw(
    ax: Axes,
    steps: list[tuple[_Box, _Box | None]],
    heights: list[float],
    stage_height: float,
    stages: Mapping[int, str],
) -> None:
    width = steps[0][0].width
    left, right = PADDING, PADDING + width + BETWEEN
    y = -PADDING
    previous: float | None = None
    for i, ((main, beside), height) in enumerate(zip(steps, heights, strict=True)):
        if i in stages:
            ax.text(left, y - 0.05, stages[i], size=SMALL, weight="bold", color=GREY, va="top")
            y -= stage_height
        _draw_box(ax, main, left, y, height=height)
        # What was there before a later search does not flow into its records.
        if previous is not None and stages.get(i - 1) != STAGES[PREVIOUS]:
            _arrow(ax, (left + width / 2, previous), (left + width / 2, y))
        if beside is not None:
            top = y - (height - beside.height) / 2
            _draw_box(ax, beside, right, top, pale=True)
            _arrow(ax, (left + width, y - height / 2), (right, y - height / 2))
        previous = y - height
        y = previous - GAP


def _draw_box(
    ax: Axes, box: _Box, x: float, y: float, *, height: float | None = None, pale: bool = False
) -> None:
    high = height or box.height
    ax.add_patch(
        FancyBboxPatch(
            (x, y - high),
            box.width,
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


def _alt(
    labels: Mapping[str, str],
    counts: Mapping[str, int],
    steps: Sequence[tuple[Sequence[str], Sequence[str]]],
    reasons: Sequence[str],
) -> str:
    def told(box: str) -> str:
        return f"{inside_sentence(labels[box])}, {counts[box]}"

    boxes = [box for left, right in steps for box in (*left, *right) if box not in reasons]
    flow = "; ".join(map(told, boxes))
    why = listing([told(reason) for reason in reasons])
    end = f" Reasons for exclusion at full text: {why}." if reasons else ""
    return f"Flow diagram, from top to bottom: {flow}.{end}"


def _caption(counts: Mapping[str, int]) -> str:
    return (
        f"PRISMA 2020 flow diagram: from {count(counts['records_identified'])} records to "
        f"{count(counts[STUDIES])} studies."
    )
