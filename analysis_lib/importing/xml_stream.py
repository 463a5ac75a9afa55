"""Read XML from strangers piece by piece, with an end to the work that it can ask for.

Nothing is expanded: a document that declares entities or attributes of its own is refused. A file
may hold so many elements and no more, and no tag or comment that is longer than any honest one, so
that the time is bounded by the bytes that are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol
from xml.parsers import expat

from analysis_lib.base.errors import ReviewError

CHUNK = 1 << 18  # bytes read at a time
LONGEST_PIECE = 1 << 20  # bytes of one tag or comment; the parser reads an unfinished one again
MOST_ELEMENTS = 1_500_000  # of a file
DEEPEST = 200  # elements in one another


class Listener(Protocol):
    """What hears the pieces: names come without their prefix."""

    def start(self, name: str, attributes: Mapping[str, str], line: Callable[[], int]) -> None:
        """Begin an element; `line` says where."""

    def text(self, words: str) -> None:
        """Take a piece of text."""

    def end(self, name: str) -> None:
        """End an element."""


@dataclass(slots=True)
class Budget:
    """How many elements the parts of a file may still hold."""

    left: int = MOST_ELEMENTS


def read_xml(chunks: Iterable[bytes], listener: Listener, budget: Budget) -> None:
    """Tell a listener the elements and the text of an XML document.

    Parameters
    ----------
    chunks
        The bytes of the document, piece by piece; none is kept.
    listener
        Hears of each element and of the text between.
    budget
        Shared by the parts of one file.

    Raises
    ------
    ReviewError
        For XML that is not well formed (with its line), that declares entities or attributes, or
        that asks for too much work.
    """
    parser = _parser(listener, budget)
    read = 0
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
            read += len(chunk)
            if read - parser.CurrentByteIndex > LONGEST_PIECE:
                raise ReviewError(f"a tag or comment of more than {LONGEST_PIECE:,} bytes")
        parser.Parse(b"", True)
    except ReviewError:
        raise
    except (expat.ExpatError, LookupError, ValueError) as error:
        line = parser.CurrentLineNumber
        raise ReviewError(f"line {line}: not well-formed XML ({error})") from None


def _parser(listener: Listener, budget: Budget) -> expat.XMLParserType:
    parser = expat.ParserCreate()

    def line() -> int:
        return int(parser.CurrentLineNumber)

    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        budget.left -= 1
        if budget.left < 0 or depth > DEEPEST:
            raise ReviewError("holds more pieces of XML, or deeper ones, than a file may")
        listener.start(_local(name), attributes, line)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        listener.end(_local(name))

    def document_type(_name: str, _system: str | None, _public: str | None, declares: bool) -> None:
        if declares:
            raise ReviewError(
                "the XML declares entities or attributes of its own (DOCTYPE with brackets), "
                "which are not read, because they can make a small file endless; take the DOCTYPE "
                "out, or export in another form"
            )

    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = listener.text
    parser.StartDoctypeDeclHandler = document_type
    return parser


def _local(name: str) -> str:
    return name.rpartition(":")[2] if ":" in name else name
