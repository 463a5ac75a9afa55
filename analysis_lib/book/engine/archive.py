"""What readers can take along: data, notebooks with their results, and all in one archive.

The archive runs: with the library, the pages, the settings, the locked packages and tests, its own
``make test`` makes the book again and compares it with what it holds.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import nbformat
from packaging.requirements import Requirement

from analysis_lib.book.engine.deposit import CRATE, crate, deposit_files
from analysis_lib.book.engine.running import DIGEST
from analysis_lib.book.engine.sources import LIBRARY, Sources, files_below
from analysis_lib.review.model import Review

FOLDER = "downloads"
ARCHIVE = "book.zip"
UNPACKED = Path(__file__).parents[1] / "unpacked"
LOCK = "requirements.lock"
PROJECT = "analysis-lib"
EARLIEST = (1980, 1, 1, 0, 0, 0)  # the zip format knows no time before; the same in every build


def offer(sources: Sources, review: Review, notebooks: Mapping[str, Path], out: Path) -> None:
    """Put the files that readers can take along beside the pages.

    Parameters
    ----------
    sources
        What the book was made from.
    review
        The review that it shows.
    notebooks
        Each notebook that has run, by its page.
    out
        The folder of the pages. The figures and tables of the pages are in ``downloads`` already.
    """
    downloads = out / FOLDER
    ran = {f"{page}.ipynb": clean(file) for page, file in notebooks.items()}
    for page, text in ran.items():
        for place in (downloads, out / "_sources"):
            write(place / page, text)
    shown = {file.relative_to(downloads): file for file in files_below(downloads)}
    own = {file.relative_to(sources.folder): file for file in sources.copied}
    for name, file in own.items():
        if file.is_relative_to(review.path):
            write(downloads / name, file.read_bytes())
    extra = {file.relative_to(UNPACKED): file for file in files_below(UNPACKED)}
    packed = {path.as_posix(): file.read_bytes() for path, file in (shown | own | extra).items()}
    packed |= library() | {page: text.encode() for page, text in ran.items()}
    packed |= {name: text.encode() for name, text in deposit_files(review).items()}
    packed.setdefault(LOCK, "".join(f"{line}\n" for line in locked()).encode())
    packed[CRATE] = crate(review, packed).encode()
    write_archive(packed, downloads / ARCHIVE)


def write(path: Path, content: str | bytes) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


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


def library() -> dict[str, bytes]:
    """Return the library, and what makes it known as a package where the archive is unpacked."""
    files = {
        f"{LIBRARY.name}/{file.relative_to(LIBRARY).as_posix()}": file.read_bytes()
        for file in files_below(LIBRARY)
    }
    package = distribution(PROJECT)
    place = f"{LIBRARY.name}-{package.version}.dist-info"
    for name in ("METADATA", "entry_points.txt"):
        files[f"{place}/{name}"] = (package.read_text(name) or "").encode()
    return files


def locked() -> list[str]:
    """Return the packages that a book needs, each in the version that is installed here."""
    found: dict[str, str] = {}
    waiting = [(PROJECT, frozenset({"book"}))]
    done = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in done:
            continue
        done.add((name, extras))
        try:
            package = distribution(name)
        except PackageNotFoundError:  # one for another system
            continue
        found[name] = f"{name}=={package.version}"
        for text in package.requires or []:
            wanted = Requirement(text)
            for extra in extras | {""}:
                if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
                    waiting.append((wanted.name.lower(), frozenset(wanted.extras)))
    found.pop(PROJECT)
    return sorted(found.values())


def write_archive(files: Mapping[str, bytes], archive: Path) -> None:
    """Pack files; the same files make the same archive, byte for byte."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, files[name])
