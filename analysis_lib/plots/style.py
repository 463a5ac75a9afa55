"""How every figure of the review looks, and how it is described to those who cannot see it.

Colours are those of Okabe and Ito, which readers with any common form of colour blindness can
tell apart; nothing is told by colour alone, so that a figure also reads in print and in grey.

References
----------
Okabe M, Ito K. Color universal design: how to make figures and presentations that are friendly
to colorblind people. 2008. https://jfly.uni-koeln.de/color/
"""

from __future__ import annotations

import contextlib
import functools
import io
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, product
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.path import Path as Line
from matplotlib.text import Text
from matplotlib.ticker import Formatter
from matplotlib.transforms import Bbox, ScaledTranslation, Transform

from analysis_lib.base.checks import FloatArray
from analysis_lib.base.formatting import listing, number, printable, sentence, threshold

ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILLION, PURPLE, BLACK = "#0072B2", "#D55E00", "#CC79A7", "#000000"
INK = "#1A1A1A"
GREY, PALE = "#6B6B6B", "#E9ECEF"

#: Judgement -> the sign inside the light and its colour. The signs are those of the RoB 2 tool's
#: own summary; the colours also differ in lightness.
RISK_SIGNS = {
    **{"low": "+", "some concerns": "!", "unclear": "~", "moderate": "!", "high": "−"},
    **{"serious": "−", "critical": "×", "no information": "i", "not stated": "?"},
}
RISK_COLOURS = {
    **{"low": SKY, "some concerns": YELLOW, "unclear": YELLOW, "moderate": YELLOW},
    **{"high": VERMILLION, "serious": VERMILLION, "critical": "#F0B0D0"},
    **{"no information": "#F0F0F0", "not stated": "#FFFFFF"},
}

#: What a legend says of each light, and the inches of a light and of the gap beside it.
RISK_WORDS = {
    "low": "low risk",
    "some concerns": "some concerns",
    "unclear": "unclear risk",
    "moderate": "moderate risk",
    "high": "high risk",
    "serious": "serious risk",
    "critical": "critical risk",
    "no information": "no information",
    "not stated": "not stated",
}
LEGEND_LIGHT, LEGEND_GAP = 0.17, 0.06

#: Where a name may stand seen from its point, the best place first.
DIRECTIONS = (
    (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1),
    (1, 0.5), (0.5, 1), (-0.5, 1), (-1, 0.5), (1, -0.5), (0.5, -1), (-0.5, -1), (-1, -0.5),
)  # fmt: skip

#: How often the places around a point are tried again farther off.
RINGS = 24

#: Where a name may stand to the right and above a crowd, the nearest place first: so many dots
#: across, and its own height so many times up.
FARTHER = sorted(
    product((1, 2, 3, 4, 6, 8, 10, 12, 15, 18, 22), np.arange(0.5, 16.0, 0.75)),
    key=lambda place: float(np.hypot(0.5 * place[0], place[1])),
)

FONT_SIZE = 10.0
SMALL = 8.5

STYLE: dict[Any, Any] = {
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": FONT_SIZE,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.titlesize": 11.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": FONT_SIZE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=[BLUE, VERMILLION, GREEN, ORANGE, SKY, PURPLE, YELLOW, BLACK]),
    "axes.unicode_minus": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
    "legend.frameon": False,
    "legend.fontsize": 9.0,
    "lines.linewidth": 1.3,
    "hatch.linewidth": 0.6,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.dpi": 100.0,
    "savefig.dpi": 200.0,
    # Text stays text, so that a figure can be searched and read aloud; a fixed salt keeps the
    # names inside the file, and so the file, the same from run to run.
    "svg.fonttype": "none",
    "svg.hashsalt": "analysis-lib",
    "pdf.fonttype": 42,
    # Labels come from data, where a dollar sign is a dollar sign and no LaTeX is run.
    "text.parse_math": False,
    "text.usetex": False,
    "axes.formatter.use_mathtext": False,
}

P = ParamSpec("P")
R = TypeVar("R")


class Description(NamedTuple):
    """What a figure says, in words."""

    alt: str
    caption: str


_descriptions: WeakKeyDictionary[Axes, Description] = WeakKeyDictionary()


def use_style() -> None:
    """Make the house style the default of the session, for figures of your own as well."""
    mpl.rcParams.update(STYLE)


@contextlib.contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style within a block, labels in any script among it.

    The letters that our font lacks are drawn with another one by whoever opens the SVG.
    """
    with warnings.catch_warnings(), mpl.rc_context(STYLE):
        warnings.filterwarnings("ignore", r"Glyph .* missing from font", UserWarning)
        yield


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Decorate a plot function: it draws in the house style whatever the session's style is."""

    @functools.wraps(draw)
    def in_style(*args: P.args, **kwargs: P.kwargs) -> R:
        with house_style():
            return draw(*args, **kwargs)

    return in_style


def describe(ax: Axes, *, alt: str, caption: str) -> Axes:
    """Attach the alt text and the caption to an Axes and return it."""
    _descriptions[ax] = Description(alt, caption)
    return ax


def alt_text(ax: Axes) -> str:
    """Return what the figure shows, for a reader who hears the page."""
    return _description(ax).alt


def caption(ax: Axes) -> str:
    """Return the caption to print below the figure."""
    return _description(ax).caption


def _description(ax: Axes) -> Description:
    if ax not in _descriptions:
        raise KeyError("this Axes was not drawn by analysis_lib.plots and carries no description")
    return _descriptions[ax]


def axes_of_size(width: float, height: float, *, layout: str | None = "constrained") -> Axes:
    """Return new Axes in a figure of the given size in inches."""
    figure = plt.figure(figsize=(width, height), layout=layout)
    return figure.add_subplot()


def figure_of(ax: Axes) -> Figure:
    """Return the figure that holds the Axes."""
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("the Axes belongs to no figure")
    return figure


def inches_from(ax: Axes, x: float, y: float) -> Transform:
    """Return a transform from inches, counted from the point (x, y) of the page in inches."""
    scale = figure_of(ax).dpi_scale_trans
    return scale + ScaledTranslation(x, y, scale)


def below_axes(ax: Axes, inches: float) -> Transform:
    """Return the transform of the Axes, moved down by so many inches."""
    return ax.transAxes + ScaledTranslation(0, -inches, figure_of(ax).dpi_scale_trans)


def paint_light(
    ax: Axes, x: float, y: float, judgement: str, *, transform: Transform, size: float
) -> None:
    """Draw one light of a risk-of-bias plot: its colour, and the sign that says the same."""
    ax.plot(
        [x], [y], marker="o", markersize=size, markerfacecolor=RISK_COLOURS[judgement],
        markeredgecolor=INK, markeredgewidth=0.7, linestyle="", transform=transform, clip_on=False,
        zorder=3,
    )  # fmt: skip
    ax.text(
        x, y, RISK_SIGNS[judgement], transform=transform, ha="center", va="center_baseline",
        size=0.72 * size, weight="bold", color=BLACK, zorder=4,
    )  # fmt: skip


def paint_risk_legend(
    ax: Axes,
    judgements: Iterable[str],
    *,
    transform: Transform,
    x: float = 0.0,
    size: float = FONT_SIZE,
) -> None:
    """Draw a line of lights, each before its words, from the point (x, 0) to the right."""
    inches = LEGEND_LIGHT / 2
    for judgement in judgements:
        place = moved_right(ax, transform, inches)
        paint_light(ax, x, 0, judgement, transform=place, size=72 * LEGEND_LIGHT)
        inches += LEGEND_LIGHT / 2 + LEGEND_GAP
        write(ax, x, RISK_WORDS[judgement], moved_right(ax, transform, inches), size)
        inches += text_size(RISK_WORDS[judgement], size=size)[0]
        inches += 3 * LEGEND_GAP + LEGEND_LIGHT / 2


def write(ax: Axes, x: float, text: str, place: Transform, size: float) -> None:
    """Write a line of text on the page of an Axes, its middle at (x, 0)."""
    figure_of(ax).text(x, 0, text, transform=place, va="center_baseline", size=size)


def moved_right(ax: Axes, place: Transform, inches: float) -> Transform:
    """Return a transform that lands further to the right."""
    return place + ScaledTranslation(inches, 0, figure_of(ax).dpi_scale_trans)


@functools.lru_cache(maxsize=4096)
def text_size(text: str, *, size: float = FONT_SIZE, weight: str = "normal") -> tuple[float, float]:
    """Return width and height of a text in inches, measured from the font itself."""
    with house_style():
        page = Figure(dpi=100)
        box = page.text(0, 0, text, size=size, weight=weight).get_window_extent()
    return float(box.width / page.dpi), float(box.height / page.dpi)


def widest(texts: Iterable[str], *, size: float = FONT_SIZE, weight: str = "normal") -> float:
    """Return the width in inches of the widest text, 0 when there is none."""
    return max((text_size(text, size=size, weight=weight)[0] for text in texts), default=0.0)


def wrap_to(text: str, width: float, *, size: float = FONT_SIZE, weight: str = "normal") -> str:
    """Break a text between words into lines that are no wider than ``width`` inches.

    A single word that is wider keeps a line of its own.
    """
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_size(longer, size=size, weight=weight)[0] <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


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
    figure.draw_without_rendering()
    dot = figure.dpi / 72.0 * 5.0
    inside = ax.get_window_extent()
    places = ax.transData.transform(np.asarray(points, dtype=float).reshape(-1, 2))
    lines = [ax.transData.transform((value, 0.0))[0] for value in upright_lines]
    walls = [Bbox.from_extents(x - 1, inside.y0, x + 1, inside.y1) for x in lines]
    inches = [text_size(name, size=size) for name in labels]
    sizes = [(figure.dpi * width, figure.dpi * height) for width, height in inches]
    best: dict[int, tuple[Bbox, Line]] = {}
    for order, fanned in _orders(places, 4 * dot):
        found = _arranged(order, fanned, places, sizes, walls, inside, dot)
        best = max(best, found, key=len)
        if len(best) == len(places):
            break
    for index, (box, leader) in best.items():
        _write_label(ax, box, leader, labels[index], size, is_far=_length(leader) > 2 * dot)
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


def _arranged(
    order: Sequence[int],
    fanned: set[int],
    places: FloatArray,
    sizes: Sequence[tuple[float, float]],
    walls: Sequence[Bbox],
    inside: Bbox,
    dot: float,
) -> dict[int, tuple[Bbox, Line]]:
    """Return a box and a leader for every point whose name finds room, in the given order."""
    dots = [_around(x, y, dot) for x, y in places]
    names: list[Bbox] = []
    leaders: list[Line] = []
    found = {}
    for index in order:
        x, y = places[index]
        # A leader over another dot would give that dot the name; one that hides it cannot.
        marks = [_around(a, b, 0.7 * dot) for a, b in places]
        others = [mark for mark in marks if not mark.contains(x, y)]
        width, height = sizes[index]
        where = [_places, _places_beyond]
        for box in chain.from_iterable(
            places_of(x, y, width, height, dot)
            for places_of in (reversed(where) if index in fanned else where)
        ):
            if not _holds(inside, box):
                continue
            if any(box.overlaps(other) for other in (*dots, *walls, *names)):
                continue
            leader = _leader(x, y, box)
            if (
                not any(path.intersects_bbox(box) for path in leaders)
                and not any(leader.intersects_bbox(other) for other in names + others)
                and not any(leader.intersects_path(path) for path in leaders)
            ):
                found[index] = (box, leader)
                names.append(box.padded(0.4 * dot, 0.0))
                leaders.append(leader)
                break
    return found


def _around(x: float, y: float, half: float) -> Bbox:
    return Bbox.from_extents(x - half, y - half, x + half, y + half)


def left_out_note(names: Sequence[str]) -> str:
    """Return the sentence of a caption that lists the points without a name."""
    return f" Without a name for want of room: {listing(list(names))}." if names else ""


def _holds(outer: Bbox, inner: Bbox) -> bool:
    return bool(
        outer.x0 <= inner.x0
        and inner.x1 <= outer.x1
        and outer.y0 <= inner.y0
        and inner.y1 <= outer.y1
    )


def _leader(x: float, y: float, box: Bbox) -> Line:
    """Return the line from a point to the nearest place of a box."""
    return Line([(x, y), (min(max(x, box.x0), box.x1), min(max(y, box.y0), box.y1))])


def _length(line: Line) -> float:
    ends = np.asarray(line.vertices)
    return float(np.hypot(*(ends[1] - ends[0])))


def _places(x: float, y: float, width: float, height: float, dot: float) -> Iterator[Bbox]:
    """Yield boxes around a point, the nearest first."""
    for ring in range(RINGS):
        gap = (1.4 + 1.5 * ring) * dot
        for across, up in DIRECTIONS:
            left = x + across * gap - (0.5 - 0.5 * across) * width
            bottom = y + up * gap - (0.5 - 0.5 * up) * height
            yield Bbox.from_bounds(left, bottom, width, height)


def _places_beyond(x: float, y: float, width: float, height: float, dot: float) -> Iterator[Bbox]:
    """Yield boxes to the right of a point and above it, the nearest first."""
    for across, up in FARTHER:
        yield Bbox.from_bounds(x + across * dot, y + up * height, width, height)


def _write_label(
    ax: Axes, box: Bbox, leader: Line, label: str, size: float, *, is_far: bool
) -> None:
    back = ax.transData.inverted()
    x, y = back.transform(((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2))
    ax.text(x, y, label, ha="center", va="center", size=size, zorder=5)
    if is_far:
        ends = back.transform(np.asarray(leader.vertices))
        ax.plot(ends[:, 0], ends[:, 1], color=GREY, lw=0.6, zorder=2)


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


def as_svg(ax: Axes, **metadata: str | None) -> str:
    """Return the figure of an Axes as SVG, whatever its labels hold; it carries no date."""
    buffer = io.StringIO()
    with house_style():
        figure_of(ax).savefig(buffer, format="svg", metadata={"Date": None, **metadata})
    return printable(buffer.getvalue())


def as_pdf(ax: Axes) -> bytes:
    """Return the figure of an Axes as PDF; it carries no date."""
    buffer = io.BytesIO()
    with house_style():
        figure_of(ax).savefig(buffer, format="pdf", metadata={"CreationDate": None})
    return buffer.getvalue()


def save_figure(ax: Axes, path: str | Path) -> Path:
    """Save the figure of an Axes as SVG, PDF or PNG, with its title inside the file.

    The file carries no date, so that the same result gives the same file.

    Parameters
    ----------
    ax
        An Axes that a function of this package drew.
    path
        Where to; the ending names the format.

    Returns
    -------
    pathlib.Path
        The path that was written.
    """
    target = Path(path)
    said = _description(ax)
    if target.suffix == ".svg":
        svg = as_svg(ax, Title=said.caption, Description=said.alt)
        target.write_text(svg, encoding="utf-8")
        return target
    metadata: dict[str, Any] = {
        ".pdf": {"CreationDate": None, "Title": said.caption, "Subject": said.alt},
        ".png": {"Title": said.caption, "Description": said.alt, "Software": None},
    }
    if target.suffix not in metadata:
        raise ValueError(f"{target.name}: save as .svg, {', '.join(metadata)}")
    with house_style():
        figure_of(ax).savefig(target, metadata=metadata[target.suffix])
    return target
