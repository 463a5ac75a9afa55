"""Read BibTeX with pybtex, entry by entry, so that a broken one does not stop the others."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from analysis_lib.importing.search.record import Found

SIGN = re.compile(r"^\s*@[A-Za-z]+\s*[{(]\s*[^={}]*,", re.MULTILINE)
#: Keys are not needed, and some exports write ones that are none.
KEY = re.compile(r"(@[A-Za-z]+\s*[{(])[^={}(),\"\n]*(?=,)")
NO_COMMA = re.compile(r"([}\"])([ \t]*\n\s*[A-Za-z][\w-]*\s*=\s*[{\"\d])")
NO_ENTRY = ("string", "preamble")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "title": ("title", "booktitle"),
    "authors": ("author", "editor"),
    "year": ("year", "date"),
    "journal": ("journal", "journaltitle", "booktitle"),
    "volume": ("volume",),
    "issue": ("number", "issue"),
    "pages": ("pages",),
    "doi": ("doi", "url"),
    "pmid": ("pmid",),
}
MATHS = re.compile(r"\$([^$]*)\$")
NAMED = {r"\textless": "<", r"\textgreater": ">", r"\ldots": "…", r"\textquotesingle": "'"}
COMMAND = re.compile(r"\\[A-Za-z]+\s*")


def read_bibtex(text: str) -> tuple[list[tuple[int, Found]], list[str]]:
    """Read the entries of a BibTeX file.

    Parameters
    ----------
    text
        The whole file.

    Returns
    -------
    found : list of (int, Found)
        First line and fields of each entry; of a broken one, what stands before the fault.
    broken : list of str
        What could not be understood, with its line.
    """
    # Only who has such a file waits for the library that reads it.
    from pybtex.database.input.bibtex import LowLevelParser

    text = NO_COMMA.sub(r"\1,\2", KEY.sub(r"\1key", text))
    faults: list[Exception] = []
    parser = LowLevelParser(text, handle_error=faults.append)
    found = []
    line, at = 1, 0
    for command, parts in parser:
        line, at = line + text.count("\n", at, parser.command_start), parser.command_start
        if command.lower() not in NO_ENTRY:
            found.append((line, _found(command, parts[1])))
    return found, [" ".join(str(fault).split()) for fault in faults]


def _found(command: str, given: Iterable[tuple[str, list[str]]]) -> Found:
    values = {name.lower(): "".join(pieces) for name, pieces in given}
    found = {
        field: [_plain(values[name]) for name in names if values.get(name)]
        for field, names in FIELDS.items()
    }
    found["authors"] = [name for text in found["authors"][:1] for name in _persons(text)]
    return {**found, "kind": [command]}


def _persons(text: str) -> list[str]:
    return [person.strip() for person in re.split(r"\s+and\s+", text) if person.strip()]


def _plain(text: str) -> str:
    """Return LaTeX as text: accents as letters, without braces and commands."""
    if "\\" in text:
        import latexcodec  # noqa: F401 - it registers the codec; pybtex brings it

        for command, letter in NAMED.items():
            text = text.replace(command, letter)
        text = COMMAND.sub("", codecs.decode(cast(Any, text), "ulatex"))
    text = MATHS.sub(lambda maths: re.sub("[_^]", "", maths[1]), text)
    return " ".join(text.replace("{", "").replace("}", "").replace("~", " ").split())
