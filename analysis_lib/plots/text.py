"""Words in a figure: how much room they take, how they are wrapped, where names may stand."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import Formatter
from matplotlib.transforms import Bbox, ScaledTranslation, Transform

from analysis_lib.base.checks import FloatArray
from analysis_lib.base.formatting import listing, number, sentence, threshold
from analysis_lib.plots.look import (
    FONT_SIZE,
    GREY,
    PALE,
    SMALL,
    STYLE,
    axes_of_size,
    describe,
    figure_of,
    house_style,
    is_narrow_page,
    missing_letters_allowed,
    page_room,
    styled,
    wrap_titles,
)

T = TypeVar("T")
Places = npt.NDArray[np.intp]
RULER_DPI = 100.0
#: What stands left of the words of a legend below a plot on a narrow page, in inches.
LEGEND_MARK = 1.05

#: Where a name may stand seen from its point, the best place first.
DIRECTIONS = (
    (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1),
    (1, 0.5), (0.5, 1), (-0.5, 1), (-1, 0.5), (1, -0.5), (0.5, -1), (-0.5, -1), (-1, -0.5),
)  # fmt: skip

#: These, and how often they are tried again farther off.
RINGS = 24
NEAR = np.array([(*place, ring) for ring in range(RINGS) for place in DIRECTIONS])

#: Where a name may stand to the right and above a crowd, the nearest place first: so many dots
#: across, and its own height so many times up.
FARTHER = np.array(
    sorted(
        product((1, 2, 3, 4, 6, 8, 10, 12, 15, 18, 22), np.arange(0.5, 16.0, 0.75)),
        key=lambda place: float(np.hypot(0.5 * place[0], place[1])),
    )
)


def inches_from(ax: Axes, x: float, y: float) -> Transform:
    """Return a transform from inches, counted from the point (x, y) of the page in inches."""
    scale = figure_of(ax).dpi_scale_trans
    return scale + ScaledTranslation(x, y, scale)


def below_axes(ax: Axes, inches: float) -> Transform:
    """Return the transform of the Axes, moved down by so many inches."""
    return ax.transAxes + ScaledTranslation(0, -inches, figure_of(ax).dpi_scale_trans)


def legend_below(ax: Axes, handles: Sequence[Artist], *, ncols: int, **look: Any) -> None:
    """Put the legend below the axis and its label, where it hides nothing."""
    ax.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0, 0), borderaxespad=0,
        bbox_transform=below_axes(ax, 0.55), ncols=ncols, **look,
    )  # fmt: skip


def write(ax: Axes, x: float, text: str, place: Transform, size: float) -> None:
    """Write a line of text on the page of an Axes, its middle at (x, 0)."""
    figure_of(ax).text(x, 0, text, transform=place, va="center_baseline", size=size)


def moved_right(ax: Axes, place: Transform, inches: float) -> Transform:
    """Return a transform that lands further to the right."""
    return place + ScaledTranslation(inches, 0, figure_of(ax).dpi_scale_trans)


@functools.lru_cache(maxsize=4096)
def text_size(text: str, *, size: float = FONT_SIZE, weight: str = "normal") -> tuple[float, float]:
    """Return width and height of a text in inches, measured from the font itself."""
    ruler = _ruler()
    ruler.set(text=text, size=size, weight=weight)
    with missing_letters_allowed():
        box = ruler.get_window_extent(dpi=RULER_DPI)
    return float(box.width / RULER_DPI), float(box.height / RULER_DPI)


@functools.cache
def _ruler() -> Text:
    """Return the text on which all are measured: a page and a style for each cost far more."""
    page = Figure(dpi=RULER_DPI)
    FigureCanvasAgg(page)  # which keeps what it draws with
    with house_style():
        return page.text(0, 0, "", family=STYLE["font.sans-serif"][0])


def widest(texts: Iterable[str], *, size: float = FONT_SIZE, weight: str = "normal") -> float:
    """Return the width in inches of the widest text, 0 when there is none."""
    return max((text_size(text, size=size, weight=weight)[0] for text in texts), default=0.0)


@functools.lru_cache(maxsize=4096)
def wrap_to(text: str, width: float, *, size: float = FONT_SIZE, weight: str = "normal") -> str:
    """Break a text between words into lines that are no wider than ``width`` inches.

    A single word that is wider keeps a line of its own.
    """
    if text_size(text, size=size, weight=weight)[0] <= width:  # as most texts do
        return text
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_size(longer, size=size, weight=weight)[0] <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


def in_lines(things: Iterable[tuple[T, float]], room: float) -> list[list[T]]:
    """Distribute things, each with its width, over lines that have so much room."""
    lines: list[list[T]] = []
    used = np.inf
    for thing, width in things:
        if used + width > room:
            lines.append([])
            used = 0.0
        lines[-1].append(thing)
        used += width
    return lines


def legend_words(text: str) -> str:
    """Return the words of a legend, which are broken on a narrow page."""
    if not is_narrow_page():
        return text
    return wrap_to(text, page_room(np.inf) - LEGEND_MARK, size=SMALL)


class NumberFormatter(Formatter):
    """Print the ticks of an axis as the text prints numbers, all with the same decimals."""

    def __init__(self, *, as_percent: bool = False) -> None:
        self._as_percent = as_percent

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the text of a value on its own."""
        return self.format_ticks([x])[0]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Return the texts of all ticks."""
        scaled = [100.0 * value if self._as_percent else float(value) for value in values]
        digits = max((len(threshold(v).partition(".")[2]) for v in scaled), default=0)
        return [number(v, digits) + ("%" if self._as_percent else "") for v in scaled]


def label_points(
    ax: Axes,
    points: Sequence[tuple[float, float]],
    labels: Sequence[str],
    *,
    upright_lines: Sequence[float] = (),
    size: float = SMALL,
) -> list[str]:
    """Write a name beside each point, where it covers no other name, no point and no line.

    Names that find room only further away get a thin line to their point. The limits of the Axes
    must be final.

    Returns
    -------
    list of str
        The names that found no room.
    """
    figure = figure_of(ax)
    if is_narrow_page():
        wrap_titles(figure)  # which take room from the points
    figure.draw_without_rendering()
    dot = figure.dpi / 72.0 * 5.0
    inside = ax.get_window_extent()
    places = ax.transData.transform(np.asarray(points, dtype=float).reshape(-1, 2))
    lines = [ax.transData.transform((value, 0.0))[0] for value in upright_lines]
    walls = np.array([(x - 1, inside.y0, x + 1, inside.y1) for x in lines]).reshape(-1, 4)
    inches = [text_size(name, size=size) for name in labels]
    sizes = [(figure.dpi * width, figure.dpi * height) for width, height in inches]
    spots = _spots(places, sizes, walls, inside, dot)
    best: dict[int, int] = {}
    for order, fanned in _orders(places, 4 * dot):
        best = max(best, _arranged(order, fanned, spots, dot), key=len)
        if len(best) == len(places):
            break
    for index, spot in best.items():
        box, leader = spots.boxes[spot], spots.leaders[spot]
        is_far = bool(np.hypot(*(leader[1] - leader[0])) > 2 * dot)
        _write_label(ax, box, leader, labels[index], size, is_far=is_far)
    return [label for index, label in enumerate(labels) if index not in best]


def _orders(places: FloatArray, near: float) -> Iterator[tuple[list[int], set[int]]]:
    """Yield orders in which points may be named, and which names stand off, fanned out.

    In a crowd a name close to its point can take the room of all others; so, where not every name
    finds room, those of points that are ``near`` to another one move away.
    """
    x, y = places.T
    apart = np.hypot(*(places[:, None] - places[None]).T)
    np.fill_diagonal(apart, np.inf)
    lonely = apart.min(axis=1, initial=np.inf)
    crowd = {int(index) for index in np.flatnonzero(lonely < near)}
    for key, fanned in (
        (-lonely, set()),
        *product((-lonely, -x, y - x, -x - y, y, -y, x - y), [crowd]),
    ):
        yield [int(index) for index in np.argsort(key, kind="stable")], fanned


class _Spots(NamedTuple):
    """Where names may stand as far as the points and lines of a plot leave room, all in one list.

    ``near`` and ``beyond`` are the spots of each point beside it and above it to the right.
    """

    boxes: FloatArray
    leaders: FloatArray
    near: Sequence[Places]
    beyond: Sequence[Places]


def _spots(
    places: FloatArray,
    sizes: Sequence[tuple[float, float]],
    walls: FloatArray,
    inside: Bbox,
    dot: float,
) -> _Spots:
    """Return the spots whose box touches no point and no line, and whose leader no other point."""
    taken = np.vstack([_squares(places, dot), walls])
    # A leader over another dot would give that dot the name; one that hides it cannot.
    marks = _squares(places, 0.7 * dot)
    boxes, leaders = [np.empty((0, 4))], [np.empty((0, 2, 2))]
    near, beyond = list[Places](), list[Places]()
    count = 0
    for (x, y), size in zip(places, sizes, strict=True):
        hidden = (np.abs(places - (x, y)) <= 0.7 * dot).all(axis=1)
        here = np.vstack([_places(x, y, *size, dot), _places_beyond(x, y, *size, dot)])
        kept = np.flatnonzero(_is_free(here, taken, inside))
        lines = _leaders(x, y, here[kept])
        clear = ~_meet(lines, marks[~hidden]).any(axis=1)
        kept, lines = kept[clear], lines[clear]
        boxes.append(here[kept])
        leaders.append(lines)
        own = count + np.arange(len(kept))
        near.append(own[kept < len(NEAR)])
        beyond.append(own[kept >= len(NEAR)])
        count += len(kept)
    return _Spots(np.vstack(boxes), np.concatenate(leaders), near, beyond)


def _arranged(order: Sequence[int], fanned: set[int], spots: _Spots, dot: float) -> dict[int, int]:
    """Return a spot for every point whose name finds room, in the given order.

    Each name closes the spots that it would touch, those behind its leader, and those whose
    leaders cross it or its own.
    """
    is_open = np.ones(len(spots.boxes), dtype=bool)
    found = {}
    for index in order:
        kinds = (spots.near[index], spots.beyond[index])
        here = np.concatenate(kinds[::-1] if index in fanned else kinds)
        free = here[is_open[here]]
        if not free.size:
            continue
        found[index] = int(free[0])
        is_open[here] = False
        left = np.flatnonzero(is_open)
        boxes, leaders = spots.boxes[left], spots.leaders[left]
        name = spots.boxes[free[:1]] + (-0.4 * dot, 0.0, 0.4 * dot, 0.0)
        leader = spots.leaders[free[:1]]
        closed = ~_is_apart(boxes, name)[:, 0] | _meet(leader, boxes)[0]
        closed |= _cross(leaders, leader)[:, 0] | _meet(leaders, name)[:, 0]
        is_open[left[closed]] = False
    return found


def _squares(places: FloatArray, half: float) -> FloatArray:
    """Return left, bottom, right and top of a square about each place."""
    return np.hstack([places - half, places + half])


def _leaders(x: float, y: float, boxes: FloatArray) -> FloatArray:
    """Return the line from a point to the nearest place of each box, shape (boxes, 2, 2)."""
    nearest = np.clip((x, y), boxes[:, :2], boxes[:, 2:])
    return np.stack([np.broadcast_to((x, y), nearest.shape), nearest], axis=1)


def _meet(lines: FloatArray, boxes: FloatArray) -> npt.NDArray[np.bool_]:
    """Say which lines touch which boxes, shape (lines, boxes).

    A line is inside the width of a box on one stretch of its length and inside the height on
    another; it touches the box where both overlap.
    """
    start, reach = lines[:, None, 0], lines[:, None, 1] - lines[:, None, 0]
    with np.errstate(divide="ignore", invalid="ignore"):  # lines that are level or upright
        one, other = (boxes[None, :, :2] - start) / reach, (boxes[None, :, 2:] - start) / reach
    enters = np.maximum(*np.moveaxis(np.fmin(one, other), 2, 0))
    leaves = np.minimum(*np.moveaxis(np.fmax(one, other), 2, 0))
    return np.asarray((enters <= leaves) & (enters <= 1) & (leaves >= 0))


def _cross(lines: FloatArray, others: FloatArray) -> npt.NDArray[np.bool_]:
    """Say which lines cross which others: the ends of each lie on two sides of the other."""
    a, b = lines[:, None, 0], lines[:, None, 1]
    c, d = others[None, :, 0], others[None, :, 1]
    is_cut = _side(a, b, c) * _side(a, b, d) <= 0
    return np.asarray(is_cut & (_side(c, d, a) * _side(c, d, b) <= 0))


def _side(start: FloatArray, end: FloatArray, place: FloatArray) -> FloatArray:
    """Return a number whose sign says on which side of a line a place lies."""
    along, to = end - start, place - start
    return np.asarray(along[..., 0] * to[..., 1] - along[..., 1] * to[..., 0])


def _is_free(boxes: FloatArray, taken: FloatArray, inside: Bbox) -> npt.NDArray[np.bool_]:
    """Say of each box whether it lies inside and touches nothing of what is taken."""
    left, bottom, right, top = boxes.T
    x0, y0, x1, y1 = inside.extents
    free = (x0 <= left) & (right <= x1) & (y0 <= bottom) & (top <= y1)
    free[free] = _is_apart(boxes[free], taken).all(axis=1)
    return np.asarray(free)


def _is_apart(boxes: FloatArray, others: FloatArray) -> npt.NDArray[np.bool_]:
    """Say which boxes touch nothing of which others, shape (boxes, others)."""
    left, bottom, right, top = (side[:, None] for side in boxes.T)
    beside = (others[:, 0] > right) | (left > others[:, 2])
    above = (others[:, 1] > top) | (bottom > others[:, 3])
    return np.asarray(beside | above)


def left_out_note(names: Sequence[str]) -> str:
    """Return the sentence of a caption that lists the points without a name."""
    return f" Without a name for want of room: {listing(list(names))}." if names else ""


def _places(x: float, y: float, width: float, height: float, dot: float) -> FloatArray:
    """Return boxes (left, bottom, right, top) around a point, the nearest first."""
    across, up, ring = NEAR.T
    gap = (1.4 + 1.5 * ring) * dot
    left = x + across * gap - (0.5 - 0.5 * across) * width
    bottom = y + up * gap - (0.5 - 0.5 * up) * height
    return np.column_stack([left, bottom, left + width, bottom + height])


def _places_beyond(x: float, y: float, width: float, height: float, dot: float) -> FloatArray:
    """Return boxes to the right of a point and above it, the nearest first."""
    across, up = FARTHER.T
    left, bottom = x + across * dot, y + up * height
    return np.column_stack([left, bottom, left + width, bottom + height])


def _write_label(
    ax: Axes, box: FloatArray, leader: FloatArray, label: str, size: float, *, is_far: bool
) -> None:
    back = ax.transData.inverted()
    x, y = back.transform((box[:2] + box[2:]) / 2)
    ax.text(x, y, label, ha="center", va="center", size=size, zorder=5)
    if is_far:
        ends = back.transform(leader)
        ax.plot(ends[:, 0], ends[:, 1], color=GREY, lw=0.6, zorder=2)


@styled
def statement(text: str, *, ax: Axes | None = None, title: str = "") -> Axes:
    """Draw a sentence instead of a plot: what a page shows when there is nothing to draw.

    Parameters
    ----------
    text
        The sentence, for example "No trial reported kinesiophobia at this follow-up."
    ax
        Where to write; a new figure when absent.
    title
        Title above it.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if ax is None:
        ax = axes_of_size(7.0, 1.4)
    figure = figure_of(ax)
    width = ax.get_position().width * figure.get_figwidth()
    ax.set_axis_off()
    ax.text(
        0.5,
        0.5,
        wrap_to(text, 0.9 * width),
        ha="center",
        va="center",
        transform=ax.transAxes,
        bbox={"boxstyle": "round,pad=0.8", "facecolor": PALE, "edgecolor": "none"},
    )
    if title:
        ax.set_title(title)
    said = sentence(text)
    return describe(ax, alt=said, caption=f"{title}. {said}" if title else said)
