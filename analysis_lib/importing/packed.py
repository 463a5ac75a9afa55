"""A packed file that holds one file is read as that file: no name in it is used as a path.

What people put beside it, and plainly cannot be imported, is told by name: a README, a licence, a
picture, a note in words. Of two files that could be meant neither is chosen.
"""

from __future__ import annotations

import gzip
import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from typing import Final

from analysis_lib.base.errors import ReviewError, shown

ZIP: Final = b"PK\x03\x04"
GZIP: Final = b"\x1f\x8b"
#: Parts of one document, by which it is none of several files.
DOCUMENTS: Final = frozenset(
    ("word/document.xml", "content.xml", "[Content_Types].xml", "_rels/.rels", "mimetype")
)
NUMBERS: Final = ".iwa"  # parts of a document of Apple's
#: What is nothing to import, by its name or by how that ends.
ABOUT: Final = re.compile(
    r"(?:read.?me|licen[cs]e|copying|notice|change(?:s|log)|citation|authors|codebook|manifest)"
    r"(?:[\W_].*)?|.*\.(?:md|rst|pdf|docx?|rtf|html?|png|jpe?g|gif|svg|tiff?|eps|r|rmd|qmd|py|"
    r"ipynb|do|sas|sps|sh|log|md5|sha\d*|url|lnk|css|js|ini|cfg|ya?ml|toml|sql|gitignore)",
    re.IGNORECASE,
)
#: How the export of a search begins some line; a table has a mark twice in each of its lines.
RECORDS: Final = re.compile(
    r"^(?:[A-Z][A-Z0-9] {1,2}- |PMID- |%[A-Z0-9] |@\w+\{|FN |PT |Record #|\s*[<{\[])", re.MULTILINE
)
MARKS: Final = ",;|\t"  # between the cells of a table
SAMPLE: Final = 20_000  # bytes, by which words are told from records
MOST_FILES: Final = 100  # that are looked at
BESIDE: Final = ("Thumbs.db", "desktop.ini")  # what systems put into a folder by themselves
FAULTS: Final = (
    *(zipfile.BadZipFile, gzip.BadGzipFile, zlib.error),
    *(RuntimeError, NotImplementedError, EOFError),
)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The bytes of a file, and what a person should know of those that lay beside it."""

    content: bytes
    note: str = ""


def unpacked(name: str, content: bytes, limit: int) -> Unpacked:
    """Return the one file that a zip or a .gz holds; anything else comes back as it is.

    Parameters
    ----------
    name
        What the file is called.
    content
        Its bytes.
    limit
        The most bytes that it may hold; no more are unpacked.

    Raises
    ------
    ReviewError
        For one file that is larger, broken or locked by a password.
    """
    try:
        if content.startswith(GZIP):
            with gzip.open(io.BytesIO(content)) as packed:
                found = Unpacked(packed.read(limit + 1))
        elif content.startswith(ZIP):
            found = _only_file(content, limit)
        else:
            return Unpacked(content)
    except FAULTS as error:
        if content.startswith(ZIP) and isinstance(error, zipfile.BadZipFile):
            return Unpacked(content)  # its reader says what it should have been
        raise ReviewError(
            f"{name}: cannot be unpacked ({error}); unpack it and import what it holds"
        ) from None
    if len(found.content) > limit:
        raise ReviewError(f"{name}: too many bytes unpacked; the limit is {limit:,}")
    return found


def _only_file(content: bytes, limit: int) -> Unpacked:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        files = [part for part in packed.infolist() if is_file(part.filename)]
        is_one = any(name in DOCUMENTS or name.endswith(NUMBERS) for name in packed.namelist())
        if is_one or len(files) > MOST_FILES:
            return Unpacked(content)
        one = files if len(files) == 1 else [part for part in files if _may_be_read(packed, part)]
        if len(one) != 1:
            return Unpacked(content)
        left = ", ".join(shown(part.filename) for part in files if part is not one[0])
        note = f"{shown(one[0].filename)} is read; not read: {left}" if left else ""
        with packed.open(one[0]) as part:
            return Unpacked(part.read(limit + 1), note)


def _may_be_read(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """Say whether a file may be a sheet or a search; of a text its beginning tells."""
    name = part.filename.rpartition("/")[2]
    if is_about(part.filename):
        return False
    if not name.lower().endswith(".txt"):
        return True
    with packed.open(part) as text:
        sample = text.read(SAMPLE)
    words = sample.replace(b"\0", b"").decode("latin-1")  # marks are ASCII in every encoding
    first = [line for line in words.splitlines() if line.strip()][:2]
    is_table = any(min(line.count(mark) for line in first) > 1 for mark in MARKS if first)
    return is_table or RECORDS.search(words) is not None


def is_about(part: str) -> bool:
    """Say whether the name of a file tells that it is nothing to import."""
    return ABOUT.fullmatch(part.rpartition("/")[2]) is not None


def is_file(part: str) -> bool:
    """Say whether a name in a zip is that of a file which somebody put there."""
    name = part.rpartition("/")[2]
    return bool(name) and not part.startswith("__MACOSX") and not (name[0] == "." or name in BESIDE)
