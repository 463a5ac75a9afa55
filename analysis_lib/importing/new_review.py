"""Write the folder of a new review: empty tables, words to fill in, and a book that adapts.

What is written are the files of ``template``, and a header for every table.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from analysis_lib.base.checks import as_path
from analysis_lib.base.errors import ReviewError

TEMPLATE: Final = Path(__file__).parent / "template"
#: Folders of the template whose names a new review hides: packages leave hidden files out.
HIDDEN: Final = ("binder", "github")
#: What the first page asks; `check` tells while it is still there.
INTRO_PROMPT: Final = "What does this mean, and how sure are you? Write it here, in plain words."


def new_review(path: str | Path) -> tuple[Path, ...]:
    """Write the folder of a new review.

    Parameters
    ----------
    path
        The folder; it must not hold anything yet.

    Returns
    -------
    tuple of Path
        What was written: ``data`` with every table as a header, ``review.toml`` with comments,
        ``book``, ``notebooks``, the two files that jupyter-book needs, ``.github``, by which a
        repository tests, publishes and watches itself, and ``.binder`` and ``environment.yml``,
        by which readers run its notebooks.

    Raises
    ------
    ReviewError
        If the folder is not empty, or cannot be written.
    """
    # pandera is slow to import, and only this function and the loader need the schemas.
    from analysis_lib.review.schemas import header, usual_tables

    folder = as_path("path", path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ReviewError(f"{folder} is there and is not an empty folder; nothing was written")
    skip = shutil.ignore_patterns("__pycache__", ".*")
    try:
        shutil.copytree(TEMPLATE, folder, ignore=skip, dirs_exist_ok=True)
        for name in HIDDEN:
            (folder / name).rename(folder / f".{name}")
        for name in usual_tables():
            table = folder / "data" / f"{name}.csv"
            table.write_text(",".join(header(name)) + "\n", encoding="utf-8")
    except (OSError, shutil.Error) as error:
        raise ReviewError(f"{folder}: cannot be written ({error})") from None
    return tuple(sorted(file for file in folder.rglob("*") if file.is_file()))
