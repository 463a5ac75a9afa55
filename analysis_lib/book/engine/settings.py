"""What ``_config.yml`` says of the review: enough to know what a book is made from.

The rest of the file is for Sphinx, and is read where pages are written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from analysis_lib.base.errors import ReviewError
from analysis_lib.book.engine.sources import Sources
from analysis_lib.review.entries import Items, checked

CONFIG, CONTENTS = "_config.yml", "_toc.yml"


class Settings(BaseModel):
    """The settings of a book that are not those of Sphinx.

    Attributes
    ----------
    review_folder : str
        The folder of the data.
    review_inputs, review_ignores : tuple of str
        What notebooks read beside it, and what has nothing to do with the book.
    """

    model_config = ConfigDict(frozen=True)

    review_folder: str = "data"
    review_inputs: Items[str] = ()
    review_ignores: Items[str] = ()

    def sources(self, folder: Path) -> Sources:
        """Return what a book is made from."""
        return Sources(folder, self.review_inputs, self.review_ignores, self.review_folder)


class _Sphinx(BaseModel):
    config: Settings = Settings()


class _Config(BaseModel):
    sphinx: _Sphinx = _Sphinx()


def read_settings(folder: Path) -> Settings:
    """Read the settings of a book.

    Raises
    ------
    ReviewError
        If one of the two files that jupyter-book needs is missing, or the settings cannot be read.
    """
    for name in (CONFIG, CONTENTS):
        if not (folder / name).is_file():
            raise ReviewError(
                f"{folder / name}: the file is missing; python -m analysis_lib new writes one"
            )
    return checked(read_yaml(folder / CONFIG), _Config, CONFIG).sphinx.config


def read_yaml(file: Path) -> Any:
    """Read a file of settings.

    Raises
    ------
    ReviewError
        If it is not YAML.
    """
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ReviewError(f"{file}: cannot be read: {error}") from None
