"""From results to the page: figures with alt text, tables with captions, numbers for the prose.

A notebook calls `show_figure`, `show_table` and `say`, and nothing else, to show something, so that
every page of the book looks and reads alike, and every number in a sentence is a stored,
regression-tested output.

They are also the only ways from the data to a page. What is written in the code is Markdown or
HTML; what comes from the data is text, whatever signs it holds: no caller has to escape anything,
and none can forget to.
"""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import HTML, SVG, Markdown, display
from markupsafe import Markup
from matplotlib.axes import Axes

from analysis_lib import plots
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.unsafe import harmless

#: The environment variable that says that a book is made: what readers can take along, a figure as
#: PDF and a table as CSV, travels with the outputs then.
IN_BOOK = "ANALYSIS_LIB_IN_BOOK"
INTERVAL = re.compile(r"\(?[−-]?[\d.]+ to [−-]?[\d.]+\)?|[\d.]+ (\([\d-]+\) )?± [\w.]+")
#: A space that does not break, and a hyphen between two signs that forbid a break.
UNBROKEN = str.maketrans({" ": "\u00a0", "-": "\u2060-\u2060"})
#: What has a meaning within a line of Markdown, MyST or GitHub's dialect, which makes links of
#: bare addresses; and what has one where a line begins.
MARKDOWN_SIGNS = re.compile(
    r"[\\`*{}\[\]|~$&^@]|(?<![^\W_])_|_(?![^\W_])|<(?=\S)|/(?=/)|(?<=www)\.", re.IGNORECASE
)
MARKDOWN_START = re.compile(r"^(\d*)([#>+=:%(-]|[.)](?=\s|$))")
UNSAFE_IN_A_NAME = re.compile(r"-*[^a-z0-9_-]+-*")
LONGEST_NAME = 100
SIGNIFICANT_DIGITS = 6  # more would store the rounding noise of one machine's arithmetic


def stored_table(name: str) -> pd.DataFrame:
    """Read a table of ``book/tables``: results that take long and are stored by a command.

    Parameters
    ----------
    name
        Name of the file, without its ending.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    ReviewError
        If there is no such table here or in the folders above.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        path = folder / "book" / "tables" / f"{name}.csv"
        if path.is_file():
            return pd.read_csv(path)
    raise ReviewError(f"book/tables/{name}.csv: no such table, here or above")


def publish(values: Mapping[str, object], *, prefix: str = "") -> None:
    """Store numbers and words under names that any page can glue into its prose.

    Parameters
    ----------
    values
        Name and value. A number is stored as a plain ``int`` or ``float`` of six significant
        digits, so that two machines store the same text; a ``str`` stays what it is.
    prefix
        Put before every name, with a hyphen.

    Raises
    ------
    ValueError
        If a value is absent or not finite: the page would print ``None`` or ``nan``.
    """
    from myst_nb import glue

    for name, value in values.items():
        glue(f"{prefix}-{name}" if prefix else name, _plain(name, value), display=False)


def _plain(name: str, value: object) -> int | float | str:
    if isinstance(value, str):
        return value
    try:
        number = float(value)  # type: ignore[arg-type]  # what is no number is told below
    except TypeError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name}: {value} cannot stand in a sentence")
    if number.is_integer():
        return int(number)
    rounded = float(f"{number:.{SIGNIFICANT_DIGITS}g}")
    # The noise that rounding takes away must not decide between 5 and 5.0 either.
    return int(rounded) if rounded.is_integer() else rounded


class Prose(str):
    """Markdown in which every word from the data is text; only `prose` makes it."""

    __slots__ = ()


class Question(Prose):
    """Prose that asks those who keep a review: a page shows it, a manuscript marks it."""

    __slots__ = ()


def prose(template: str, **words: object) -> Prose:
    r"""Return Markdown with words from the data in the gaps of a template.

    Parameters
    ----------
    template
        Markdown that is written in the code, with gaps such as ``{outcome}``.
    **words
        What fills the gaps. It is escaped: it shows as it stands, on one line.

    Examples
    --------
    >>> print(prose("**Result.** {told}", told="a *good* one"))
    **Result.** a \*good\* one
    """
    return Prose(template.format(**{name: as_markdown(str(word)) for name, word in words.items()}))


def say(template: str, **words: object) -> None:
    """Show paragraphs: a template with its words, as `prose` takes them, or prose that is made."""
    told = template if isinstance(template, Prose) else prose(template, **words)
    if not _kept(told):
        display(Markdown(told))


def ask_keepers(template: str, **words: object) -> None:
    """Show what those who keep the review have to settle."""
    say(Question(prose(template, **words)))


def as_markdown(words: str) -> str:
    r"""Return Markdown that shows words as they are, whatever signs they hold.

    Examples
    --------
    >>> print(as_markdown("*p* < 0.05"))
    \*p\* < 0.05
    """
    signs = MARKDOWN_SIGNS.sub(r"\\\g<0>", " ".join(words.split()))
    return MARKDOWN_START.sub(r"\1\\\2", signs)


def anchor(name: str) -> str:
    """Return a name that can stand in an address and name a file, the same for the same name.

    Letters become small, spaces hyphens. A name with other signs, or a very long one, gets a few
    digits at the end that no other name has.

    Examples
    --------
    >>> anchor("fig-subgroups-pain-STP-risk of bias"), anchor("fig-../x")
    ('fig-subgroups-pain-stp-risk-of-bias', 'fig-x-509af2')
    """
    plain = name.lower().replace(" ", "-")
    kept = UNSAFE_IN_A_NAME.sub("-", plain).strip("-")
    if kept == plain and len(kept) <= LONGEST_NAME:
        return kept
    return f"{kept[: LONGEST_NAME - 7]}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def show_figure(ax: Axes, name: str) -> None:
    """Show a plot as a vector figure with a number, a caption and a text for those who listen.

    The words travel with the output, and `analysis_lib.book.sphinx` puts them on the page.

    Parameters
    ----------
    ax
        Axes that a function of ``analysis_lib.plots`` returned, which carries its description.
    name
        The name by which pages refer to the figure, ``fig-...``; see `anchor`.
    """
    name = anchor(name)
    if _kept(Figure(ax, name)):
        return
    # A drawing that is taken along says in itself what of it is reconstructed.
    title = plots.caption(ax).partition(". ")[0]
    told = {"Title": title} if "reconstructed" in title else {}
    svg = plots.as_svg(ax, Creator=None, **told)
    words = {"name": name, "alt": plots.alt_text(ax), "caption": plots.caption(ax)}
    words = {key: " ".join(text.split()) for key, text in words.items()}
    if os.environ.get(IN_BOOK):
        words |= _for_readers(ax)
    plt.close(plots.figure_of(ax))  # or the notebook would show it a second time
    display(SVG(svg), metadata={"figure": words})


def _for_readers(ax: Axes) -> dict[str, str]:
    """Return what a book has of a figure beside its drawing: for print, and for a phone."""
    found = {"pdf": base64.b64encode(plots.as_pdf(ax)).decode("ascii")}
    narrow = plots.narrow_drawing(ax)
    if narrow is not None:
        found["narrow"] = plots.as_svg(narrow, Creator=None)
        plt.close(plots.figure_of(narrow))
    return found


def show_table(
    table: pd.DataFrame,
    caption: str,
    *,
    note: str = "",
    name: str = "",
    numeric: Sequence[str] = (),
    group: str | None = None,
) -> None:
    """Show a table whose cells are text, with a caption and headers that a screen reader finds.

    Parameters
    ----------
    table
        Formatted cells; the first column heads its row. Everything is escaped: text from data is
        never taken for HTML.
    caption
        What the table holds.
    note
        What stands below it.
    name
        An anchor for links to the table.
    numeric
        Columns to align to the right.
    group
        A column to leave out; rows that follow each other with the same value in it stand under
        that value as their heading.
    """
    show_made(Table(table, caption, name, note, numeric, group))


class Made(Protocol):
    """A table that is made: its name, its HTML, and the same as a file."""

    @property
    def name(self) -> str:
        """An anchor for links to the table."""

    def html(self) -> Markup:
        """Return it as HTML, in which every word from the data is escaped."""

    def csv(self) -> str:
        """Return it as a file."""


def show_made(table: Made) -> None:
    """Show a table that is made; in a book the file travels with it."""
    if _kept(table):
        return
    shown = HTML(table.html())
    if os.environ.get(IN_BOOK):
        display(shown, metadata={"table": {"name": table.name, "csv": table.csv()}})
    else:
        display(shown)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text with its caption, as `show_table` takes it."""

    frame: pd.DataFrame
    caption: str
    name: str = ""
    note: str = ""
    numeric: Sequence[str] = ()
    group: str | None = None

    def html(self) -> Markup:
        """Return the table as HTML; everything in it is escaped."""
        return table_html(
            self.frame,
            self.caption,
            note=self.note,
            name=self.name,
            numeric=self.numeric,
            group=self.group,
        )

    def csv(self) -> str:
        """Return the table as a file."""
        return table_csv(self.frame, self.group)


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot with its name, as `show_figure` takes it."""

    ax: Axes
    name: str


Shown = Prose | Made | Figure
_COLLECTED: ContextVar[list[Shown] | None] = ContextVar("collected", default=None)


@contextmanager
def collected() -> Iterator[list[Shown]]:
    """Keep what is shown instead of showing it, for another form than a page.

    Yields
    ------
    list of Prose, Made or Figure
        In the order in which it was shown.
    """
    shown: list[Shown] = []
    before = _COLLECTED.set(shown)
    try:
        yield shown
    finally:
        _COLLECTED.reset(before)


def _kept(shown: Shown) -> bool:
    collecting = _COLLECTED.get()
    if collecting is None:
        return False
    collecting.append(shown)
    return True


def table_html(
    table: pd.DataFrame,
    caption: str,
    *,
    note: str = "",
    name: str = "",
    numeric: Sequence[str] = (),
    group: str | None = None,
) -> Markup:
    """Return the HTML of ``show_table``."""
    columns = [column for column in table.columns if column != group]
    right = [Markup(' class="number"') if c in numeric else Markup() for c in columns]
    head = _joined(
        Markup('<th scope="col"{}>{}</th>').format(side, _cell(column))
        for column, side in zip(columns, right, strict=True)
    )
    body = []
    headings = [_cell(value) for value in table[group]] if group is not None else [""] * len(table)
    cells = zip(*(table[column] for column in columns), strict=True)
    for heading, rows in itertools.groupby(zip(headings, cells, strict=True), lambda row: row[0]):
        lines = [_row(values, right) for _, values in rows]
        if group is not None:
            # The style is for JupyterLab, which would write the heading into the middle.
            row = Markup(
                '<tr class="group"><th scope="rowgroup" colspan="{}" style="text-align: left">'
                "{}</th></tr>"
            )
            lines.insert(0, row.format(len(columns), heading))
        body.append(Markup("<tbody>{}</tbody>").format(_joined(lines)))
    place = Markup(' id="{}"').format(anchor(name)) if name else ""
    foot = Markup('<p class="table-note">{}</p>').format(_cell(note)) if note else ""
    return Markup(
        '<div class="table-block"{}><div class="table-scroll" tabindex="0" role="region" '
        'aria-label="{}"><table class="review"><caption>{}</caption> <thead><tr>{}</tr></thead> {}'
        "</table></div> {}</div>"
    ).format(place, _quoted(caption), _cell(caption), head, _joined(body), foot)


def table_csv(table: pd.DataFrame, group: str | None = None) -> str:
    """Return a table as CSV; the column of the headings comes first.

    No spreadsheet runs a cell of it: see `analysis_lib.base.unsafe.harmless`.

    Examples
    --------
    >>> print(table_csv(pd.DataFrame({"n": [1], "Side": ["a, b"]}), "Side").strip())
    Side,n
    "a, b",1
    """
    first = [group] if group is not None else []
    columns = [*first, *(column for column in table.columns if column != group)]
    told = table[columns].rename(columns=_harmless).map(_harmless)
    return str(told.to_csv(index=False, lineterminator="\n"))


def _harmless(cell: object) -> object:
    return harmless(cell) if isinstance(cell, str) else cell


def _row(values: Sequence[object], right: Sequence[Markup]) -> Markup:
    first, *others = zip(values, right, strict=True)
    cells = [Markup('<th scope="row"{}>{}</th>').format(first[1], _cell(first[0]))]
    cells += [Markup("<td{}>{}</td>").format(side, _cell(value)) for value, side in others]
    return Markup("<tr>{}</tr>").format(_joined(cells))


def _joined(parts: Iterable[Markup]) -> Markup:
    # The spaces are not seen. Search, which strips the tags, needs them to tell words apart.
    return Markup(" ").join(parts)


def _quoted(words: str) -> Markup:
    """Escape what stands in an attribute, on one line."""
    return _text(" ".join(words.split()))


def _cell(value: object) -> Markup:
    """Escape a cell; an absent value is an empty cell.

    A line break is written as a tag: an empty line would end the HTML for a Markdown page. The two
    ends of an interval, and a mean with its standard deviation, stay on one line.
    """
    absent = value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))
    if absent:
        return Markup()
    unbroken = INTERVAL.sub(lambda found: found.group().translate(UNBROKEN), str(value))
    return Markup("<br>").join(_text(line) for line in unbroken.splitlines())


def _text(words: str) -> Markup:
    return Markup(html.escape(words))  # noqa: S704  # escaped, as the notebooks' outputs have it
