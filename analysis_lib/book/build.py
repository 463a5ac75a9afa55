"""Make the book of a review: check its data, run what changed, write the pages, swap them in."""

from __future__ import annotations

import datetime
import gc
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from jupyter_book.config import get_final_config
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.util.docutils import docutils_namespace, patch_docutils

from analysis_lib.base.errors import ReviewError
from analysis_lib.book.engine.lock import hold
from analysis_lib.book.engine.sources import Sources
from analysis_lib.book.sphinx.making import STAMP, state
from analysis_lib.importing.watching.state import last_search
from analysis_lib.review.model import Review, load_review


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
        review = load_review(folder / settings.get("review_folder", "data"))
        say(f"  {review}")
        say(f"  {last_search(review).sentence(datetime.date.today())}")
    except ReviewError as error:
        raise ReviewError(f"{error}\nNothing was built.") from None
    hold(folder)
    html, before = folder / "_build" / "html", folder / "_build" / "before"
    if before.is_dir() and not html.is_dir():  # a swap was cut off
        before.rename(html)
    if is_current(folder, settings, html, review):
        say("pages: nothing changed")
    else:
        fresh = folder / "_build" / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        write_pages(folder, settings, fresh, "html")
        shutil.rmtree(before, ignore_errors=True)
        if html.is_dir():
            html.rename(before)
        (fresh / "html").rename(html)
        shutil.rmtree(before, ignore_errors=True)
        shutil.rmtree(fresh)
    say(f"done in {time.monotonic() - start:.0f} s")
    return html / "index.html"


def say(words: str) -> None:
    """Print at once, so that progress is seen as it is made."""
    print(words, flush=True)


def read_settings(folder: Path) -> dict[str, Any]:
    """Return the settings of a book, as jupyter-book hands them to Sphinx.

    Raises
    ------
    ReviewError
        If one of the two files that jupyter-book needs is missing or cannot be read.
    """
    for name in ("_config.yml", "_toc.yml"):
        if not (folder / name).is_file():
            raise ReviewError(
                f"{folder / name}: the file is missing; python -m analysis_lib new writes one"
            )
    given = {
        "external_toc_path": (folder / "_toc.yml").as_posix(),
        "nitpicky": True,
        "latex_individualpages": False,
    }
    try:
        settings, _ = get_final_config(
            user_yaml=folder / "_config.yml", cli_config=given, sourcedir=folder
        )
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, TypeError) as error:
        raise ReviewError(f"{folder / '_config.yml'}: cannot be read: {error}") from None
    return dict(settings)


def is_current(folder: Path, settings: dict[str, Any], html: Path, review: Review) -> bool:
    """Whether the pages that are there were made from what is there now."""
    stamp = html / STAMP
    return stamp.is_file() and stamp.read_text() == state(sources_of(folder, settings), review)


def sources_of(folder: Path, settings: Mapping[str, Any]) -> Sources:
    """Return what a book is made from."""
    inputs, ignores = (tuple(settings.get(f"review_{key}", ())) for key in ("inputs", "ignores"))
    return Sources(folder, inputs, ignores)


def write_pages(folder: Path, settings: dict[str, Any], out: Path, builder: str) -> None:
    """Let Sphinx write pages from nothing, with every warning an error.

    Parameters
    ----------
    folder
        The review.
    settings
        What `read_settings` returns.
    out
        An empty folder or none; the pages are below it in a folder with the builder's name.
    builder
        ``html``, or ``singlehtml`` for all pages as one.

    Raises
    ------
    ReviewError
        If a page cannot be written, or there was a warning.
    """
    say("writing the pages")
    try:
        with patch_docutils(), docutils_namespace(), garbage_left_lying():
            app = Sphinx(
                srcdir=folder,
                confdir=None,
                outdir=out / builder,
                doctreedir=out / "doctrees",
                buildername=builder,
                confoverrides=settings,
                status=None,
                warning=sys.stderr,
                warningiserror=True,
                keep_going=True,
            )
            app.build()
    except SphinxError as error:
        raise ReviewError(str(error)) from None
    if app.statuscode:
        raise ReviewError("The pages could not be written; see the messages above.")


@contextmanager
def garbage_left_lying() -> Iterator[None]:
    """Look for garbage seldom: a fifth of the time went into looking through pages in use."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
