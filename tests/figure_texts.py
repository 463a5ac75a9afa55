"""What a reader of a figure would trip over: texts that overlap or are cut off."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from analysis_lib.plots.look import figure_of


def overlapping_texts(ax: Axes, *, tolerance: float = 0.5) -> list[tuple[str, str]]:
    """Return the pairs of visible texts of a figure whose boxes overlap by more than a hair.

    Parameters
    ----------
    ax
        Any Axes of the figure; every text of the figure is looked at.
    tolerance
        Pixels by which two boxes may touch.

    Returns
    -------
    list of pairs of str
        Empty when every text stands free.
    """
    boxes = _text_boxes(ax)
    return [
        (first, second)
        for i, (first, a) in enumerate(boxes)
        for second, b in boxes[i + 1 :]
        if min(a.x1, b.x1) - max(a.x0, b.x0) > tolerance
        and min(a.y1, b.y1) - max(a.y0, b.y0) > tolerance
    ]


def clipped_texts(ax: Axes, *, tolerance: float = 0.5) -> list[str]:
    """Return the visible texts of a figure that reach beyond its edge."""
    page = figure_of(ax).bbox
    return [
        text
        for text, box in _text_boxes(ax)
        if box.x0 < page.x0 - tolerance
        or box.y0 < page.y0 - tolerance
        or box.x1 > page.x1 + tolerance
        or box.y1 > page.y1 + tolerance
    ]


def _text_boxes(ax: Axes) -> list[tuple[str, Bbox]]:
    figure = figure_of(ax)
    figure.draw_without_rendering()
    unseen = {id(text) for axes in figure.axes for text in _undrawn_texts(axes)}
    return [
        (text.get_text(), text.get_window_extent())
        for text in figure.findobj(Text)
        if isinstance(text, Text)
        and text.get_visible()
        and text.get_text().strip()
        and id(text) not in unseen
    ]


def _undrawn_texts(axes: Axes) -> Iterator[Text]:
    """Yield the texts that exist but are never drawn, as labels of ticks outside the view."""
    for axis in (axes.xaxis, axes.yaxis):
        is_off = not (axes.axison and axes.get_visible() and axis.get_visible())
        low, high = sorted(axis.get_view_interval())
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
            if is_off or not low <= tick.get_loc() <= high:
                yield tick.label1
                yield tick.label2
        if is_off:
            yield axis.label
            yield axis.offsetText
