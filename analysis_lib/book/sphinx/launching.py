"""A button that opens a notebook on Binder, where ``review.toml`` names the public repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis_lib.book.sphinx.making import making

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

BINDER: Final = {"binderhub_url": "https://mybinder.org", "notebook_interface": "jupyterlab"}
NEWEST: Final = "HEAD"  # whatever the repository calls its main branch


def offer_launch(app: Sphinx, config: Config) -> None:
    """Let the theme show its launch button, or none where no repository is named."""
    repository = making(app).review.info.repository
    config.html_theme_options["launch_buttons"] = BINDER if repository else {}
    if repository:
        config.html_theme_options["repository_url"] = repository
        config.html_theme_options["repository_branch"] = NEWEST


def setup(app: Sphinx) -> None:
    """Do so when the review is loaded."""
    app.connect("config-inited", offer_launch, priority=600)  # after `making`
