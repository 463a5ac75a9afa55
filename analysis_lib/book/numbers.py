"""Numbers in the prose of notebooks, as they were when the notebook last ran.

In a cell of Markdown a number stands as ``<data value='etp-p:.3f'>0.022</data>``: the name under
which `publish` stored it, its format, and the text that follows. JupyterLab, editors and GitHub
show the text; a book takes the name and glues what the run of its build stored. So no page of a
book shows a number that is out of date, and no reader of a notebook sees a name in its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from myst_nb.core.variables import format_plain_text

from analysis_lib.base.errors import ReviewError
from analysis_lib.book.page import as_markdown

NUMBER = re.compile(r"<data value='(?P<name>[^':]+):(?P<format>[^']+)'>(?P<text>[^<]*)</data>")
STORED = "application/papermill.record/text/plain"


def as_roles(source: str) -> str:
    """Return the source of a page with the role that glues in the place of every number.

    Examples
    --------
    >>> as_roles("p = <data value='etp-p:.3f'>0.022</data>")
    'p = {glue:text}`etp-p:.3f`'
    """
    return NUMBER.sub(r"{glue:text}`\g<name>:\g<format>`", source)


def stored_values(notebook: Mapping[str, Any]) -> dict[str, str]:
    """Return what `publish` stored in the outputs of a notebook, as the text of each value."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return {
        output["metadata"]["scrapbook"]["name"]: "".join(output["data"][STORED])
        for output in outputs
        if STORED in output.get("data", {})
    }


def with_numbers(source: str, values: Mapping[str, str]) -> str:
    """Return Markdown with the text of every number written anew.

    Parameters
    ----------
    source
        A cell of Markdown.
    values
        Result of `stored_values`.

    Raises
    ------
    ReviewError
        For a name under which nothing is stored.

    Examples
    --------
    >>> with_numbers("p = <data value='p:.3f'></data>", {"p": "0.0221"})
    "p = <data value='p:.3f'>0.022</data>"
    """

    def written(number: re.Match[str]) -> str:
        name, form = number["name"], number["format"]
        if name not in values:
            raise ReviewError(f"{name}: no cell stores a value of this name")
        # No line begins with it, so that a sign that matters there alone is left as it is.
        text = as_markdown("," + format_plain_text(values[name], form))[1:]
        text = re.sub(r"\\?<", "&lt;", text)  # or a word from the data could end the tag
        return f"<data value='{name}:{form}'>{text}</data>"

    return NUMBER.sub(written, source)


def write_numbers(notebook: Any) -> None:
    """Write the numbers into the prose of a notebook that has run."""
    values = stored_values(notebook)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = with_numbers(cell["source"], values)
