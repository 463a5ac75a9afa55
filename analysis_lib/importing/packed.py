"""A packed file that holds one file is read as that file: no name in it is used as a path."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from typing import Final

from analysis_lib.base.errors import ReviewError

ZIP: Final = b"PK\x03\x04"
GZIP: Final = b"\x1f\x8b"
DOCUMENTS: Final = ("word/document.xml", "content.xml")  # parts of one file, not files
BESIDE: Final = ("Thumbs.db", "desktop.ini")  # what systems put into a folder by themselves
FAULTS: Final = (
    *(zipfile.BadZipFile, gzip.BadGzipFile, zlib.error),
    *(RuntimeError, NotImplementedError, EOFError),
)


def unpacked(name: str, content: bytes, limit: int) -> bytes:
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
                found = packed.read(limit + 1)
        elif content.startswith(ZIP):
            found = _only_file(content, limit)
        else:
            return content
    except FAULTS as error:
        if content.startswith(ZIP) and isinstance(error, zipfile.BadZipFile):
            return content  # its reader says what it should have been
        raise ReviewError(
            f"{name}: cannot be unpacked ({error}); unpack it and import what it holds"
        ) from None
    if len(found) > limit:
        raise ReviewError(f"{name}: too many bytes unpacked; the limit is {limit:,}")
    return found


def _only_file(content: bytes, limit: int) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        files = [part for part in packed.infolist() if is_file(part.filename)]
        if len(files) != 1 or files[0].filename in DOCUMENTS:
            return content
        with packed.open(files[0]) as part:
            return part.read(limit + 1)


def is_file(part: str) -> bool:
    """Say whether a name in a zip is that of a file which somebody put there."""
    name = part.rpartition("/")[2]
    return bool(name) and not part.startswith("__MACOSX") and not (name[0] == "." or name in BESIDE)
