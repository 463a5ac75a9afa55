"""Let Sphinx write the pages of a book."""

from __future__ import annotations

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


def write_pages(folder: Path, out: Path, builder: str) -> None:
    """Let Sphinx write pages from nothing, with every warning an error.

    Parameters
    ----------
    folder
        The review.
    out
        An empty folder or none; the pages are below it in a folder with the builder's name.
    builder
        ``html``, or ``singlehtml`` for all pages as one.

    Raises
    ------
    ReviewError
        If a setting is wrong, a page cannot be written, or there was a warning.
    """
    settings = sphinx_settings(folder)
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
            app.build()
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
