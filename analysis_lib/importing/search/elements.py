"""Read the forms of records in XML: of EndNote (also Zotero, Mendeley), PubMed, and MODS."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from analysis_lib.importing.search.record import Found
from analysis_lib.importing.xml_stream import CHUNK, Budget, read_xml

FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # in XML; nobody sees them
BARE = re.compile(r"&(?!(?:#\d+|#x[0-9a-fA-F]+|\w+);)")
DECLARED = re.compile(r"^(\s*<\?xml[^>]*?)\s+encoding=[\"'][^\"']*[\"']")  # it is text already
MOST_ELEMENTS = 20_000_000  # a library of EndNote has a hundred for each record


@dataclass(frozen=True, slots=True)
class Form:
    """How records are written in XML.

    Attributes
    ----------
    name : str
        As people call it.
    sign : re.Pattern
        What only this form has.
    records : frozenset of str
        The elements that hold a record.
    places : mapping
        Where in a record what stands, the preferred place first; an element that has a type
        is named with it, as in "identifier:doi".
    behind : mapping
        Places whose text goes behind the last one of another place, with a comma: given names.
    inline : frozenset of str
        Elements within a text, which do not end it.
    together : frozenset of str
        What is taken from all of its places, and not from the first that holds any.
    """

    name: str
    sign: re.Pattern[str]
    records: frozenset[str]
    places: Mapping[str, tuple[str, ...]]
    behind: Mapping[str, str]
    inline: frozenset[str]
    together: frozenset[str] = frozenset(("kind",))

    @property
    def wanted(self) -> frozenset[str]:
        """Every place of which the text is kept."""
        return frozenset((*self.behind, *(p for places in self.places.values() for p in places)))


ENDNOTE: Final = Form(
    "EndNote XML",
    re.compile(
        r"<xml>\s*<records\b|<records>\s*<record>|<record>\s*<(?:database|ref-type)", re.IGNORECASE
    ),
    frozenset(("record",)),
    {
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
    },
    {},
    frozenset(("style",)),
)
ARTICLE, BOOK = "medlinecitation/article", "bookdocument"
JOURNAL = f"{ARTICLE}/journal"
PUBMED: Final = Form(
    "PubMed XML",
    re.compile(r"<PubmedArticleSet\b|<PubmedArticle\b|<PubmedBookArticle\b"),
    frozenset(("pubmedarticle", "pubmedbookarticle")),
    {
        "title": (
            *(f"{ARTICLE}/articletitle", f"{ARTICLE}/vernaculartitle", f"{BOOK}/articletitle"),
            f"{BOOK}/book/booktitle",
        ),
        "authors": tuple(
            f"{people}/author/{name}"
            for people in (f"{ARTICLE}/authorlist", f"{BOOK}/authorlist", f"{BOOK}/book/authorlist")
            for name in ("lastname", "collectivename")
        ),
        "year": (
            *(
                f"{JOURNAL}/journalissue/pubdate/year",
                f"{JOURNAL}/journalissue/pubdate/medlinedate",
            ),
            *(f"{ARTICLE}/articledate/year", f"{BOOK}/book/pubdate/year"),
        ),
        "journal": (f"{JOURNAL}/title", f"{JOURNAL}/isoabbreviation", f"{BOOK}/book/booktitle"),
        "volume": (f"{JOURNAL}/journalissue/volume",),
        "issue": (f"{JOURNAL}/journalissue/issue",),
        "pages": (f"{ARTICLE}/pagination/medlinepgn", f"{ARTICLE}/pagination/startpage"),
        "doi": (
            *("pubmeddata/articleidlist/articleid:doi", f"{ARTICLE}/elocationid:doi"),
            *("pubmedbookdata/articleidlist/articleid:doi", f"{BOOK}/articleidlist/articleid:doi"),
        ),
        "pmid": ("medlinecitation/pmid", f"{BOOK}/pmid"),
        "kind": (f"{ARTICLE}/publicationtypelist/publicationtype", f"{BOOK}/publicationtype"),
    },
    {
        f"{people}/author/forename": f"{people}/author/lastname"
        for people in (f"{ARTICLE}/authorlist", f"{BOOK}/authorlist", f"{BOOK}/book/authorlist")
    },
    frozenset(
        ("i", "b", "u", "sub", "sup", "math", "mi", "mn", "mo", "mrow", "mtext", "msub", "msup")
    ),
    together=frozenset(("kind", "authors")),
)
MODS: Final = Form(
    "MODS",
    re.compile(r"<(?:\w+:)?mods(?:Collection)?[\s>]"),
    frozenset(("mods",)),
    {
        "title": ("titleinfo/title",),
        "authors": ("name:personal/namepart:family", "name:personal/namepart", "name/namepart"),
        "year": (
            *("relateditem:host/part/date", "origininfo/dateissued", "origininfo/copyrightdate"),
            *("relateditem:host/origininfo/dateissued", "part/date"),
        ),
        "journal": ("relateditem:host/titleinfo/title",),
        "volume": ("relateditem:host/part/detail:volume/number", "part/detail:volume/number"),
        "issue": ("relateditem:host/part/detail:issue/number", "part/detail:issue/number"),
        "pages": ("relateditem:host/part/extent/start", "part/extent/start"),
        "doi": ("identifier:doi", "location/url"),
        "pmid": ("identifier:pmid", "identifier:pubmed"),
        "kind": ("genre",),
    },
    {"name:personal/namepart:given": "name:personal/namepart:family"},
    frozenset(),
)
FORMS: Final = (ENDNOTE, PUBMED, MODS)
TYPES: Final = ("type", "idtype", "eidtype")  # attributes that tell what an element holds


def find_form(text: str, end: int) -> Form | None:
    """Return the form of a text, told from its beginning."""
    return next((form for form in FORMS if form.sign.search(text, 0, end)), None)


def read_elements(text: str, form: Form) -> list[tuple[int, Found]]:
    """Read the records of a file in XML.

    Parameters
    ----------
    text
        The whole file.
    form
        How it is written.

    Returns
    -------
    list of (int, Found)
        Number and fields of each record: most such files are a single line.

    Raises
    ------
    ReviewError
        For XML that is not well formed, with its line.
    """
    listener = _Records(form)
    text = BARE.sub("&amp;", FORBIDDEN.sub("", DECLARED.sub(r"\1", text, count=1)))
    content = text.strip().encode()
    chunks = (content[at : at + CHUNK] for at in range(0, len(content), CHUNK))
    read_xml(chunks, listener, Budget(MOST_ELEMENTS))
    return listener.found


class _Records:
    def __init__(self, form: Form) -> None:
        self.form, self.wanted = form, form.wanted
        self.found: list[tuple[int, Found]] = []
        self.path: list[str] = []  # below the record; without the styles of text
        self.values: dict[str, list[str]] = {}
        self.pieces: list[str] = []
        self.inside = False

    def start(self, name: str, attributes: Mapping[str, str], line: Callable[[], int]) -> None:
        name = name.lower()
        if name in self.form.records:
            self.inside = True
            self.values, self.path = {}, []
        elif self.inside and name not in self.form.inline:
            kinds = [v for k, v in attributes.items() if k.lower() in TYPES and v]
            self.path.append(f"{name}:{kinds[0].lower()}" if kinds else name)
            self.pieces = []
            if name == "ref-type":
                self.values["ref-type"] = [attributes.get("name", "")]

    def text(self, words: str) -> None:
        if self.inside:
            self.pieces.append(words)

    def end(self, name: str) -> None:
        name = name.lower()
        if name in self.form.records:
            self.found.append((len(self.found) + 1, self._fields()))
            self.inside = False
        elif self.inside and name not in self.form.inline and self.path:
            place = "/".join(self.path)
            if place in self.wanted and place != "ref-type":
                self._keep(place, "".join(self.pieces).strip())
            self.path.pop()
            self.pieces = []

    def _keep(self, place: str, text: str) -> None:
        last = self.values.get(self.form.behind.get(place, ""))
        if last:
            last[-1] += f", {text}"
        else:
            self.values.setdefault(place, []).append(text)

    def _fields(self) -> Found:
        fields = {}
        for field, places in self.form.places.items():
            given = [[v for v in self.values.get(place, ()) if v] for place in places]
            fields[field] = (
                [v for values in given for v in values]
                if field in self.form.together
                else next((v for v in given if v), [])
            )
        return fields
