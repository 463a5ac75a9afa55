"""From the bytes of a file to its text, saying so where its encoding is a guess; and back."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from analysis_lib.base.checks import as_path
from analysis_lib.base.errors import ReviewError, shown
from analysis_lib.base.formatting import plural
from analysis_lib.importing.packed import unpacked
from analysis_lib.review.cells import LARGEST_FILE

MARKS = (  # the longer first: the mark of UTF-32 begins like that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WESTERN = "cp1252"
SAMPLE = 20_000  # bytes are enough to tell an alphabet
OF_UTF16 = 0.1  # of the bytes are zero where every Latin letter takes two
FEWEST_LETTERS = 20  # not ASCII, that tell an alphabet
#: What is written in other than Latin letters, and not in Unicode.
OTHERS = (
    *("cp1251", "koi8_r", "cp1253", "cp1255", "cp1256"),
    *("gb18030", "big5", "cp932", "euc_jp", "cp949"),
)
OTHER_ALPHABET = 0.25  # of the letters; in a text with Latin letters few have accents


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a file, and how its encoding was guessed; empty if nothing was."""

    text: str
    guessed: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """A file that was read: its name, its bytes, and what lay beside it in a packed one."""

    name: str
    content: bytes
    notes: tuple[str, ...] = ()


def read_bytes(path: str | Path, largest: int | None = None) -> bytes:
    """Return the bytes of a file, or of the one file that it packs; see `read_file`."""
    return read_file(path, largest).content


def read_file(path: str | Path, largest: int | None = None) -> Read:
    """Return a file, or the one file that it packs; it may have so many bytes.

    Raises
    ------
    ReviewError
        For what is no file: a folder, a value of another kind; and for a file that is missing,
        cannot be read, or is too large.
    """
    file = as_path("path", path)
    try:
        state = file.stat()
        if not S_ISREG(state.st_mode):
            kind = "a folder" if S_ISDIR(state.st_mode) else "a device"
            raise ReviewError(f"{file.name or file}: {kind}, not a file")
        limit = largest or LARGEST_FILE
        if state.st_size > limit:
            raise ReviewError(f"{file.name}: {state.st_size:,} bytes; the limit is {limit:,}")
        found = unpacked(file.name, file.read_bytes(), limit)
        return Read(file.name, found.content, (f"{file.name}: {found.note}",) * bool(found.note))
    except (FileNotFoundError, NotADirectoryError):
        raise ReviewError(f"{file.name}: there is no such file in {file.parent}") from None
    except OSError as error:
        raise ReviewError(f"{shown(file.name)}: cannot be read ({error.strerror})") from None


def decode(content: bytes, encoding: str | None = None) -> Decoded:
    """Return bytes as text: by their mark, as UTF-8, and only then by a guess.

    Parameters
    ----------
    content
        The bytes of a file.
    encoding
        Its encoding, if somebody knows it.

    Raises
    ------
    ReviewError
        For an encoding that does not exist, or in which the bytes are not written.

    Examples
    --------
    >>> decode("für ältere".encode("cp1252"))
    Decoded(text='für ältere', guessed='cp1252')
    """
    if encoding is not None:
        return Decoded(_in_encoding(content, encoding))
    content = content.removeprefix(codecs.BOM_UTF8)
    for mark, marked in MARKS:
        if content.startswith(mark):
            return Decoded(content.decode(marked, errors="replace"))
    sample = content[:SAMPLE]
    if sample.count(0) > OF_UTF16 * len(sample):
        order = "utf-16-be" if sample[::2].count(0) > sample[1::2].count(0) else "utf-16-le"
        return Decoded(content.decode(order, errors="replace"), "UTF-16")
    try:
        return Decoded(content.decode("utf-8"))
    except UnicodeDecodeError:
        return _guessed(content)


def _in_encoding(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        raise ReviewError(f"--encoding {encoding}: no such encoding; try utf-8 or cp1252") from None
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ReviewError(f"row {line} is not written in {encoding}") from None


def _guessed(content: bytes) -> Decoded:
    """Return text that is not UTF-8: another alphabet, or Western, line by line if it is mixed."""
    other = _other_alphabet(content)
    if other:
        return Decoded(content.decode(other, errors="replace"), other)
    lines, western, mixed = [], 0, False
    for line in content.splitlines(keepends=True):
        try:
            lines.append(line.decode("utf-8"))
            mixed = mixed or not line.isascii()
        except UnicodeDecodeError:
            lines.append(_western(line))
            western += 1
    told = f"UTF-8, but {WESTERN} in {plural(western, 'line')}" if mixed else WESTERN
    return Decoded("".join(lines), told)


def _other_alphabet(content: bytes) -> str:
    """Return the encoding of a text in letters that are not Latin; empty if it is none."""
    # Only who has such a file waits for the library that tells alphabets.
    from charset_normalizer import from_bytes

    sample = content[:SAMPLE]
    high = sum(byte > 0x7F for byte in sample)
    letters = high + sum(bytes([byte]).isalpha() for byte in sample)
    if high < max(FEWEST_LETTERS, OTHER_ALPHABET * letters):
        return ""
    best = from_bytes(sample, cp_isolation=list(OTHERS)).best()
    return best.encoding if best else ""


def _western(line: bytes) -> str:
    try:
        return line.decode(WESTERN)
    except UnicodeDecodeError:  # five bytes mean nothing in it
        return line.decode("latin-1")


def plain(text: str) -> str:
    """Return text for comparison: without accents, case, punctuation or double spaces.

    Examples
    --------
    >>> plain("  Ülger,  T. (2017) ")
    'ulger t 2017'
    """
    unaccented = "".join(
        c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c)
    )
    return " ".join("".join(c if c.isalnum() else " " for c in unaccented).split())


#: What stands before a family name, and is left out by some.
PARTICLES = frozenset(
    (
        *("van", "von", "der", "den", "de", "del", "della", "di", "da", "dos", "du", "la", "le"),
        *("el", "al", "ter", "ten", "zu", "zum"),
    )
)
DIGRAPHS = str.maketrans({"ø": "o", "œ": "oe", "æ": "ae", "ß": "ss", "ł": "l", "đ": "d", "ı": "i"})


def spelling(name: str) -> str:
    """Return a name as it is written, but for spaces and the way accents are stored."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def sounds(name: str) -> str:
    """Return what names have in common that may be spellings of one: Müller, Mueller, MULLER.

    Examples
    --------
    >>> sounds("van der Müller-Sørensen 2015") == sounds("Mueller Sorensen 2015")
    True
    """
    words = plain(name.casefold().translate(DIGRAPHS)).split()
    joined = "".join(word for word in words if word not in PARTICLES) or "".join(words)
    return joined.replace("ue", "u").replace("oe", "o").replace("ae", "a")


def as_key(text: str) -> str:
    """Return a name as an identifier of a review's tables; empty if nothing of it can be one.

    A letter that is not Latin becomes its name, a sign without one its number, so that different
    names get different identifiers.

    Examples
    --------
    >>> as_key("Ülger 2017"), as_key("样 2015"), as_key("Лев 2001")
    ('ulger-2017', '6837-2015', 'elieve-2001')
    """
    return "-".join("".join(c if c.isascii() else _spelled(c) for c in plain(text)).split())


def _spelled(letter: str) -> str:
    name = unicodedata.name(letter, "")
    words = name.partition("LETTER ")[2].split()
    if not words:
        return f"{ord(letter):x}"
    # "L with stroke" is an l; the name of any other letter is taken whole.
    spelled = words[0] if name.startswith("LATIN") else "".join(words)
    return "".join(c for c in spelled.lower() if c.isalnum())


def encoding_notes(decoded: Decoded) -> list[str]:
    """Say how the encoding of a file was guessed, and what to do if it is wrong."""
    if not decoded.guessed:
        return []
    told = f"the encoding is not stated; read as {decoded.guessed}"
    return [f"{told}. If letters look wrong, name it with --encoding"]


def write_all(texts: Mapping[Path, str]) -> None:
    """Write all files or none: each beside its place first, then all into their places."""
    fresh = {path: path.with_name(f"{path.name}.new") for path in texts}
    for path, text in texts.items():
        fresh[path].write_text(text, encoding="utf-8", newline="")
    for path in texts:
        fresh[path].replace(path)
