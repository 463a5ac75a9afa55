"""Let Sphinx write the pages of a book."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import yaml
from jupyter_book.config import get_final_config
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.util.docutils import docutils_namespace, patch_docutils

from analysis_lib.base.errors import ReviewError
from analysis_lib.base.garbage import garbage_left_lying
from analysis_lib.book.engine.settings import CONFIG, CONTENTS
from analysis_lib.book.engine.sources import Sources
from analysis_lib.book.sphinx.keeping import BookChangedError, bring_back, ground
from analysis_lib.book.sphinx.making import give_up_notebooks
from analysis_lib.review.model import Review

EXTENSION = "analysis_lib.book.sphinx"


def make_pages(sources: Sources, review: Review, fresh: Path) -> None:
    """Write the pages of a book, with those of the making before as far as they still hold.

    Parameters
    ----------
    sources, review
        What the book is made from.
    fresh
        A folder that is not there; the pages are in its folder ``html``.

    Raises
    ------
    ReviewError
        If a setting is wrong, a page cannot be written, or there was a warning.
    """
    rests_on = ground(sources, review)
    bring_back(rests_on, fresh)
    try:
        write_pages(sources.folder, fresh, "html", rests_on)
    except BookChangedError:
        shutil.rmtree(fresh)
        write_pages(sources.folder, fresh, "html", rests_on)


def write_pages(folder: Path, out: Path, builder: str, rests_on: str = "") -> None:
    """Let Sphinx write pages, with every warning an error.

    Parameters
    ----------
    folder
        The review.
    out
        An empty folder or none, or what was kept; the pages are below it in a folder with the
        builder's name.
    builder
        ``html``, or ``singlehtml`` for all pages as one.
    rests_on
        Result of `ground`, if the pages are to be kept for the next making.

    Raises
    ------
    ReviewError
        If a setting is wrong, a page cannot be written, or there was a warning.
    BookChangedError
        If the pages that were kept do not hold.
    """
    # Extensions write into the list of templates: the one of Sphinx is shared by all makings.
    settings = {"templates_path": []} | sphinx_settings(folder)
    if EXTENSION in settings["extensions"]:  # of a book without it nothing is kept
        settings["review_ground"] = rests_on
    print("writing the pages", flush=True)
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
            try:
                app.build()
            finally:
                give_up_notebooks(app)
    except BookChangedError:
        raise
    except SphinxError as error:
        raise ReviewError(str(error)) from None
    if app.statuscode:
        raise ReviewError("The pages could not be written; see the messages above.")


def sphinx_settings(folder: Path) -> dict[str, Any]:
    """Return the settings of a book, as jupyter-book hands them to Sphinx.

    Raises
    ------
    ReviewError
        If jupyter-book cannot make anything of them.
    """
    given = {
        "external_toc_path": (folder / CONTENTS).as_posix(),
        "nitpicky": True,
        "latex_individualpages": False,
    }
    try:
        settings, _ = get_final_config(
            user_yaml=folder / CONFIG, cli_config=given, sourcedir=folder
        )
    except (OSError, ValueError, yaml.YAMLError, AttributeError, TypeError) as error:
        raise ReviewError(f"{folder / CONFIG}: cannot be read: {error}") from None
    return dict(settings)
