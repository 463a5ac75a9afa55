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
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from analysis_lib.base.checks import FloatArray
from analysis_lib.base.formatting import printable

ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILLION, PURPLE, BLACK = "#0072B2", "#D55E00", "#CC79A7", "#000000"
INK = "#1A1A1A"
GREY, PALE = "#6B6B6B", "#E9ECEF"
FONT_SIZE = 10.0
MOST_LISTED = 12  # rows in an alt text; who hears more of them loses the first
SMALL = 9.0  # points: 12 pixels where a figure is shown in its own size, the least on a screen

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
_narrow: WeakKeyDictionary[Axes, Callable[[], Axes | None]] = WeakKeyDictionary()
#: The page of a figure may be no wider, in inches.
_page_width: ContextVar[float] = ContextVar("page_width", default=float("inf"))
#: Columns of telephones, in inches of 96 pixels.
NARROW_PAGES = (3.0, 3.6)
#: Tables of a font that say how letters go together; PDF has a place for each letter.
LAYOUT_TABLES = ("GDEF", "GPOS", "GSUB", "MATH")
#: Of such a page, what is left for the plot beside its words.
LEAST_PLOT = 0.25


def use_style() -> None:
    """Make the house style the default of the session, for figures of your own as well."""
    mpl.rcParams.update(STYLE)


@contextlib.contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style within a block, labels in any script among it."""
    with missing_letters_allowed(), mpl.rc_context(STYLE):
        yield


@contextlib.contextmanager
def missing_letters_allowed() -> Iterator[None]:
    """Let labels be in any script: whoever opens the SVG draws what our font lacks with another."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing from font", UserWarning)
        yield


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Decorate a plot function: it draws in the house style whatever the session's style is.

    A figure of its own carries how it is drawn for a narrow column, if it fits one.
    """

    @functools.wraps(draw)
    def in_style(*args: P.args, **kwargs: P.kwargs) -> R:
        with house_style():
            drawn = draw(*args, **kwargs)
        if isinstance(drawn, Axes) and kwargs.get("ax") is None and drawn not in _narrow:
            _narrow[drawn] = functools.partial(_on_narrow_page, lambda: draw(*args, **kwargs))
        return drawn

    return in_style


def _on_narrow_page(draw: Callable[[], Any]) -> Axes | None:
    """Draw on the widest of the narrow pages on which no word is cut off; on none if there is none.

    The page of a figure that is sized by its words is as wide as these need.
    """
    # A layout that collapses is a drawing that is not shown.
    warnings.filterwarnings("ignore", "constrained_layout not applied", UserWarning)
    for width in NARROW_PAGES:
        token = _page_width.set(width)
        try:
            ax: Axes = draw()
        finally:
            _page_width.reset(token)
        figure = figure_of(ax)
        wrap_titles(figure)
        if figure.get_figwidth() <= width and _holds_its_words(figure):
            return ax
        plt.close(figure)
    return None


def wrap_titles(figure: Figure) -> None:
    """Break titles, from where they begin, and labels, which stand in their middle."""
    figure.draw_without_rendering()
    for ax in figure.axes:
        box = ax.get_window_extent()
        middle = (box.x0 + box.x1) / 2
        right = figure.bbox.width - middle
        title, label = ax._left_title, ax.xaxis.label  # type: ignore[attr-defined]  # no public name
        start = title.get_window_extent().x0
        for text, room in ((title, figure.bbox.width - start), (label, 2 * min(middle, right))):
            if not text.get_text().strip():  # blanks that keep room
                continue
            lines = [" ".join(text.get_text().split())] if text is title else _lines(text)
            text.set_text("\n".join(_wrapped(text, line, 0.95 * room) for line in lines))


def _lines(text: Text) -> list[str]:
    """Return the lines of a text; what stands wide apart are two."""
    return [part for line in text.get_text().split("\n") for part in re.split(r" {3,}", line)]


def _wrapped(text: Text, line: str, room: float) -> str:
    text.set_text(line)
    width = text.get_window_extent().width
    return textwrap.fill(line, max(int(len(line) * room / width), 8)) if width > room else line


def is_narrow_page() -> bool:
    """Return whether the drawing is one for a narrow column."""
    return _page_width.get() < float("inf")


def page_room(wanted: float) -> float:
    """Return the width of a figure in inches: what it wants, or what a narrow page has."""
    return min(wanted, _page_width.get())


def legend_columns(wide: int) -> int:
    """Return how many columns a legend has: one on a narrow page."""
    return 1 if is_narrow_page() else wide


def _holds_its_words(figure: Figure) -> bool:
    figure.draw_without_rendering()
    page = figure.bbox.padded(0.5)  # pixels that rounding may take
    # The numbers of an axis beyond its ends are not drawn, and the layout has room for others.
    ticks = {id(label) for ax in figure.axes for label in ax.get_xticklabels()}
    boxes = [
        text.get_window_extent()
        for text in figure.findobj(Text)
        if isinstance(text, Text)
        and text.get_visible()
        and text.get_text().strip()
        and id(text) not in ticks
    ]
    shown = [box for box in boxes if box.width and box.overlaps(figure.bbox)]
    inside = all(page.x0 <= box.x0 and box.x1 <= page.x1 and box.y1 <= page.y1 for box in shown)
    widest = max(ax.get_window_extent().width for ax in figure.axes)
    return inside and widest >= LEAST_PLOT * figure.bbox.width


def describe(ax: Axes, *, alt: str, caption: str) -> Axes:
    """Attach the alt text and the caption to an Axes and return it."""
    _descriptions[ax] = Description(alt, caption)
    return ax


def told_shortly(listed: Sequence[str], values: Sequence[float] | FloatArray) -> str:
    """Return the rows of a figure for its alt text: all if they are few, else the two ends.

    Examples
    --------
    >>> told_shortly(["Kell 2009 -1.6", "Cai 2017 -0.3"], [-1.6, -0.3])
    'Kell 2009 -1.6; Cai 2017 -0.3'
    >>> told_shortly([f"row {i}" for i in range(20)], range(20))
    '20 rows, from row 0 to row 19'
    """
    if len(listed) <= MOST_LISTED:
        return "; ".join(listed)
    ends = listed[int(np.nanargmin(values))], listed[int(np.nanargmax(values))]
    return f"{len(listed)} rows, from {ends[0]} to {ends[1]}"


def narrowly(ax: Axes, draw: Callable[[], Axes]) -> Axes:
    """Attach to an Axes how the same is drawn for a narrow column, and return the Axes."""
    _narrow[ax] = draw
    return ax


def narrow_drawing(ax: Axes) -> Axes | None:
    """Return the same result drawn for a narrow column, as a telephone has, if it can be."""
    if ax not in _narrow:
        return None
    with house_style():
        return _narrow[ax]()


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
    if layout is not None:
        width = page_room(width)
    figure = plt.figure(figsize=(width, height), layout=layout)
    return figure.add_subplot()


def figure_of(ax: Axes) -> Figure:
    """Return the figure that holds the Axes."""
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("the Axes belongs to no figure")
    return figure


def as_svg(ax: Axes, **metadata: str | None) -> str:
    """Return the figure of an Axes as SVG, whatever its labels hold; it carries no date."""
    buffer = io.StringIO()
    with house_style():
        figure_of(ax).savefig(buffer, format="svg", metadata={"Date": None, **metadata})
    return printable(buffer.getvalue())


def as_pdf(ax: Axes, **metadata: str) -> bytes:
    """Return the figure of an Axes as PDF, with its title inside; it carries no date."""
    buffer = io.BytesIO()
    told = {"CreationDate": None, "Title": _description(ax).caption, **metadata}
    with house_style(), _fonts_without_layout():
        figure_of(ax).savefig(buffer, format="pdf", metadata=told)
    return buffer.getvalue()


@contextlib.contextmanager
def _fonts_without_layout() -> Iterator[None]:
    """Embed fonts without their tables of layout, of which words that have their places need none.

    Reading and cutting them took half the time of a PDF. Matplotlib has no setting for it, so that
    the options of fontTools are others meanwhile.
    """
    from fontTools import subset  # slow to import, and only needed here

    options = subset.Options
    dropped = [*options().drop_tables, *LAYOUT_TABLES]
    subset.Options = functools.partial(options, drop_tables=dropped)
    try:
        yield
    finally:
        subset.Options = options


def save_figure(ax: Axes, path: str | Path, *, dpi: float = STYLE["savefig.dpi"]) -> Path:
    """Save the figure of an Axes as SVG, PDF or PNG, with its title inside the file.

    The file carries no date, so that the same result gives the same file.

    Parameters
    ----------
    ax
        An Axes that a function of this package drew.
    path
        Where to; the ending names the format.
    dpi
        Dots per inch of a PNG.

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
    elif target.suffix == ".pdf":
        target.write_bytes(as_pdf(ax, Subject=said.alt))
    elif target.suffix == ".png":
        told = {"Title": said.caption, "Description": said.alt, "Software": None}
        with house_style():
            figure_of(ax).savefig(target, metadata=told, dpi=dpi)
    else:
        raise ValueError(f"{target.name}: save as .svg, .pdf or .png")
    return target
