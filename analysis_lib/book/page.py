"""From results to the page: figures with alt text, tables with captions, numbers for the prose.

A notebook calls these three and nothing else to show something, so that every page of the book
looks and reads alike, and every number in a sentence is a stored, regression-tested output.
"""

from __future__ import annotations

import html
import io
import itertools
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import HTML, SVG, display
from matplotlib.axes import Axes

from analysis_lib import plots
from analysis_lib.base.errors import ReviewError

#: The environment variable that names a folder in which figures are also kept as PDF, for print.
FIGURE_FOLDER = "FIGURE_FOLDER"
NARROW = 6.2  # inches: a wider figure cannot be read on a phone and is scrolled there
INTERVAL = re.compile(r"\(?[−-]?[\d.]+ to [−-]?[\d.]+\)?|[\d.]+ (\([\d-]+\) )?± [\w.]+")
#: What has a meaning within a line of Markdown, MyST or GitHub's dialect, which makes links of
#: bare addresses; and what has one where a line begins.
MARKDOWN_SIGNS = re.compile(r"[\\`*_{}\[\]|~$&^@]|<(?=\S)|:(?=//)|(?<=www)\.", re.IGNORECASE)
MARKDOWN_START = re.compile(r"^(\d*)([#>+=:%(-]|[.)](?=\s|$))")
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


def as_markdown(words: str) -> str:
    r"""Return Markdown that shows words as they are, whatever signs they hold.

    Examples
    --------
    >>> print(as_markdown("*p* < 0.05"))
    \*p\* < 0.05
    """
    signs = MARKDOWN_SIGNS.sub(r"\\\g<0>", " ".join(words.split()))
    return MARKDOWN_START.sub(r"\1\\\2", signs)


def show_figure(ax: Axes, name: str) -> None:
    """Show a plot as a vector figure with a number, a caption and a text for those who listen.

    The words travel with the output, and `analysis_lib.book.sphinx` puts them on the page.

    Parameters
    ----------
    ax
        Axes that a function of ``analysis_lib.plots`` returned, which carries its description.
    name
        The name by which pages refer to the figure, ``fig-...``.
    """
    figure = plots.figure_of(ax)
    buffer = io.StringIO()
    with mpl.rc_context(plots.STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        if folder := os.environ.get(FIGURE_FOLDER):
            figure.savefig(Path(folder) / f"{name}.pdf", metadata={"CreationDate": None})
    plt.close(figure)  # or the notebook would show it a second time
    words = {"name": name, "alt": plots.alt_text(ax), "caption": plots.caption(ax)}
    words = {key: " ".join(text.split()) for key, text in words.items()}
    words["width"] = "wide" if figure.get_figwidth() > NARROW else "narrow"
    display(SVG(buffer.getvalue()), metadata={"figure": words})


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
    display(HTML(table_html(table, caption, note=note, name=name, numeric=numeric, group=group)))


def table_html(
    table: pd.DataFrame,
    caption: str,
    *,
    note: str = "",
    name: str = "",
    numeric: Sequence[str] = (),
    group: str | None = None,
) -> str:
    """Return the HTML of ``show_table``."""
    columns = [column for column in table.columns if column != group]
    right = [' class="number"' if column in numeric else "" for column in columns]
    head = " ".join(
        f'<th scope="col"{side}>{_cell(c)}</th>' for c, side in zip(columns, right, strict=True)
    )
    body = []
    headings = [_cell(value) for value in table[group]] if group is not None else [""] * len(table)
    cells = zip(*(table[column] for column in columns), strict=True)
    for heading, rows in itertools.groupby(zip(headings, cells, strict=True), lambda row: row[0]):
        lines = [_row(values, right) for _, values in rows]
        if group is not None:
            lines.insert(
                0,
                f'<tr class="group"><th scope="rowgroup" colspan="{len(columns)}" '
                'style="text-align: left">'  # which JupyterLab would not do
                f"{heading}</th></tr>",
            )
        body.append(f"<tbody>{' '.join(lines)}</tbody>")
    anchor = f' id="{html.escape(name, quote=True)}"' if name else ""
    foot = f'<p class="table-note">{_cell(note)}</p>' if note else ""
    return (
        f'<div class="table-block"{anchor}><div class="table-scroll" tabindex="0" role="region" '
        f'aria-label="{html.escape(" ".join(caption.split()), quote=True)}">'
        f'<table class="review"><caption>{_cell(caption)}</caption> '
        f"<thead><tr>{head}</tr></thead> {' '.join(body)}</table></div> {foot}</div>"
    )


def _row(values: Sequence[object], right: Sequence[str]) -> str:
    # The spaces are not seen. Search, which strips the tags, needs them to tell words apart.
    cells = [f'<th scope="row"{right[0]}>{_cell(values[0])}</th>']
    cells += [f"<td{side}>{_cell(v)}</td>" for v, side in zip(values[1:], right[1:], strict=True)]
    return f"<tr>{' '.join(cells)}</tr>"


def _cell(value: object) -> str:
    """Escape a cell; an absent value is an empty cell.

    A line break is written as a tag: an empty line would end the HTML for a Markdown page. The two
    ends of an interval, and a mean with its standard deviation, stay on one line.
    """
    absent = value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))
    if absent:
        return ""
    unbroken = INTERVAL.sub(lambda found: found.group().replace(" ", "\u00a0"), str(value))
    return "<br>".join(html.escape(unbroken).splitlines())
