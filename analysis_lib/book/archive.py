"""What readers can take along: data, notebooks with their results, and all in one archive."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path

import nbformat

from analysis_lib.book.running import DIGEST

FOLDER = "downloads"
ARCHIVE = "book.zip"
EARLIEST = (1980, 1, 1, 0, 0, 0)  # the zip format knows no time before; the same in every build


def offer(data: Iterable[Path], folder: Path, notebooks: dict[str, Path], out: Path) -> None:
    """Put the files that readers can take along beside the pages.

    Parameters
    ----------
    data
        The files of data; none is a link.
    folder
        The review, to which the paths of the data are relative.
    notebooks
        Each notebook that has run, by its page.
    out
        The folder of the pages. The figures and tables of the pages are in ``downloads`` already.
    """
    downloads = out / FOLDER
    for file in data:
        copy = downloads / file.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    for page, ran in notebooks.items():
        text = clean(ran)
        for place in (downloads, out / "_sources"):
            copy = place / f"{page}.ipynb"
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(text, encoding="utf-8")
    write_archive(downloads, downloads / ARCHIVE)


def clean(ran: Path) -> str:
    """Return a notebook that has run as one keeps it, without what travels with its outputs."""
    notebook = nbformat.read(ran, as_version=4)
    del notebook.metadata[DIGEST]
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            told = output.get("metadata", {})
            told.pop("table", None)
            told.get("figure", {}).pop("pdf", None)
    return str(nbformat.writes(notebook)) + "\n"


def write_archive(folder: Path, archive: Path) -> None:
    """Pack a folder; the same files make the same archive, byte for byte."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file != archive:
                entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), EARLIEST)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                packed.writestr(entry, file.read_bytes())
