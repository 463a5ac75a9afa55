"""Texts that every book shares, such as what the methods are: a page includes them by name.

````
```{review-text} methods
```
````

They are written with the library and hold nothing of the data. The works that they cite are added
to the bibliography, unless the book has entries of its own for them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pybtex.database import parse_file

from analysis_lib.book.engine.citing import as_written
from analysis_lib.book.engine.running import write_if_new
from analysis_lib.book.sphinx.making import making

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

TEXTS = Path(__file__).parent.parent / "texts"
INCLUDED = re.compile(r"^```\{review-text\} (\w+)\n```$", re.MULTILINE)


def include(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the texts in the place of their names."""
    source[0] = INCLUDED.sub(lambda found: text(found[1]), source[0])


def text(name: str) -> str:
    """Return a text that books share."""
    return (TEXTS / f"{name}.md").read_text(encoding="utf-8")


def add_works(app: Sphinx, config: Config) -> None:
    """Add to the bibliography what the texts cite and the book does not have."""
    folder = Path(app.srcdir)
    known = {
        key
        for name in config.bibtex_bibfiles
        if (folder / name).is_file()
        for key in parse_file(folder / name).entries
    }
    works = parse_file(TEXTS / "methods.bib").entries
    missing = {key: work for key, work in works.items() if key not in known}
    file = making(app).store / "methods.bib"
    write_if_new(file, as_written(missing))
    config.bibtex_bibfiles = [*config.bibtex_bibfiles, file.relative_to(folder).as_posix()]


def setup(app: Sphinx) -> None:
    """Register the two steps."""
    app.connect("source-read", include)
    app.connect("config-inited", add_works, priority=600)  # the store is known
