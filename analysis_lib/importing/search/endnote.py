"""Read the XML of EndNote (and of Zotero and Mendeley, which write the same)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from analysis_lib.importing.search.record import Found
from analysis_lib.importing.xml_stream import CHUNK, Budget, read_xml

SIGN = re.compile(
    r"<xml>\s*<records\b|<records>\s*<record>|<record>\s*<(?:database|ref-type)", re.IGNORECASE
)
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # in XML; nobody sees them
BARE = re.compile(r"&(?!(?:#\d+|#x[0-9a-fA-F]+|\w+);)")
DECLARED = re.compile(r"^(\s*<\?xml[^>]*?)\s+encoding=[\"'][^\"']*[\"']")  # it is text already
MOST_ELEMENTS = 20_000_000  # a library of EndNote has a hundred for each record
#: Where in a record what stands, the preferred place first.
PLACES: Mapping[str, tuple[str, ...]] = {
    "title": ("titles/title", "titles/short-title", "title"),
    "authors": (
        *("contributors/authors/author", "contributors/secondary-authors/author"),
        "authors/author",
    ),
    "year": ("dates/year", "dates/pub-dates/date", "year"),
    "journal": (
        *("periodical/full-title", "titles/secondary-title", "titles/alt-title"),
        *("alt-periodical/full-title", "periodical/abbr-1", "secondary_title"),
    ),
    "volume": ("volume",),
    "issue": ("number",),
    "pages": ("pages",),
    "doi": ("electronic-resource-num", "urls/related-urls/url"),
    "pmid": ("accession-num",),
    "kind": ("ref-type", "work-type"),
}
WANTED = frozenset(place for places in PLACES.values() for place in places)


def read_endnote(text: str) -> list[tuple[int, Found]]:
    """Read the records of an EndNote library in XML.

    Parameters
    ----------
    text
        The whole file.

    Returns
    -------
    list of (int, Found)
        Number and fields of each record: most such files are a single line.

    Raises
    ------
    ReviewError
        For XML that is not well formed, with its line.
    """
    listener = _Records()
    text = BARE.sub("&amp;", FORBIDDEN.sub("", DECLARED.sub(r"\1", text, count=1)))
    content = text.strip().encode()
    chunks = (content[at : at + CHUNK] for at in range(0, len(content), CHUNK))
    read_xml(chunks, listener, Budget(MOST_ELEMENTS))
    return listener.found


class _Records:
    def __init__(self) -> None:
        self.found: list[tuple[int, Found]] = []
        self.path: list[str] = []  # below the record; without the styles of text
        self.values: dict[str, list[str]] = {}
        self.pieces: list[str] = []
        self.inside = False

    def start(self, name: str, attributes: Mapping[str, str], line: Callable[[], int]) -> None:
        name = name.lower()
        if name == "record":
            self.inside = True
            self.values, self.path = {}, []
        elif self.inside and name != "style":
            self.path.append(name)
            self.pieces = []
            if name == "ref-type":
                self.values["ref-type"] = [attributes.get("name", "")]

    def text(self, words: str) -> None:
        if self.inside:
            self.pieces.append(words)

    def end(self, name: str) -> None:
        name = name.lower()
        if name == "record":
            self.found.append((len(self.found) + 1, self._fields()))
            self.inside = False
        elif self.inside and name != "style" and self.path:
            place = "/".join(self.path)
            if place in WANTED and place != "ref-type":
                self.values.setdefault(place, []).append("".join(self.pieces).strip())
            self.path.pop()
            self.pieces = []

    def _fields(self) -> Found:
        fields = {}
        for field, places in PLACES.items():
            given = [[v for v in self.values.get(place, ()) if v] for place in places]
            every = field == "kind"
            fields[field] = (
                [v for values in given for v in values]
                if every
                else next((v for v in given if v), [])
            )
        return fields
