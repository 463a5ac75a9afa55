"""Make the book of a review: check its data, run what changed, write the pages, swap them in."""

from __future__ import annotations

import datetime
import shutil
import time
from pathlib import Path

from analysis_lib.base.errors import ReviewError
from analysis_lib.book.engine.lock import hold
from analysis_lib.book.engine.settings import read_settings
from analysis_lib.book.engine.stamp import is_current
from analysis_lib.importing.watching.state import last_search
from analysis_lib.review.model import load_review


def build(folder: Path) -> Path:
    """Make the book of a review, and say at each step what is being done.

    Parameters
    ----------
    folder
        The review: ``data``, ``book``, ``notebooks``, ``_config.yml``, ``_toc.yml``.

    Returns
    -------
    Path
        The first page. A book that is whole takes the place of the one before; whatever stops the
        making leaves that one as it is.

    Raises
    ------
    ReviewError
        If the data are wrong, a notebook fails, a page cannot be written, or another process makes
        this book.
    """
    start = time.monotonic()
    folder = folder.resolve()
    settings = read_settings(folder)
    say("checking the data")
    try:
        review = load_review(folder / settings.review_folder)
        say(f"  {review}")
        say(f"  {last_search(review).sentence(datetime.date.today())}")
    except ReviewError as error:
        from analysis_lib.importing.checking import what_comes_first  # slow to import

        told = what_comes_first(folder / settings.review_folder)
        raise ReviewError(f"{error}{told}\nNothing was built.") from None
    hold(folder)
    html, before = folder / "_build" / "html", folder / "_build" / "before"
    if before.is_dir() and not html.is_dir():  # a swap was cut off
        before.rename(html)
    sources = settings.sources(folder)
    if is_current(html, sources, review):
        say("pages: nothing changed")
    else:
        # A book that is current is told in half the time that importing Sphinx takes.
        from analysis_lib.book.sphinx.keeping import keep
        from analysis_lib.book.writing import make_pages

        fresh = folder / "_build" / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        make_pages(sources, review, fresh)
        shutil.rmtree(before, ignore_errors=True)
        if html.is_dir():
            html.rename(before)
        (fresh / "html").rename(html)
        shutil.rmtree(before, ignore_errors=True)
        keep(fresh)
    say(f"done in {time.monotonic() - start:.0f} s")
    return html / "index.html"


def say(words: str) -> None:
    """Print at once, so that progress is seen as it is made."""
    print(words, flush=True)
