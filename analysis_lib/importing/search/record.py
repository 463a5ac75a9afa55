"""One record of a search: what an export says of a work, cleaned of what databases leave in it."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias
from urllib.parse import unquote

#: What a reader found of a record: values by the names of `FIELDS`.
Found: TypeAlias = Mapping[str, Sequence[str]]
FIELDS: Final = (
    *("title", "authors", "year", "journal", "volume", "issue", "pages", "doi", "pmid", "kind"),
)

YEAR = re.compile(r"(?<!\d)(1[89]|20)\d\d(?=(?:[01]\d[0-3]\d)?(?!\d))")  # also of 20150501
PMID = re.compile(r"(?<![\w:.-])[1-9]\d{4,7}(?![\w-])")  # no other database's number
DOI = re.compile(r"10\.\d{4,9}/", re.IGNORECASE)
SPACED = re.compile(r"(10\.\d{4,9})(?: / |//)")
#: What an address says of the form of a work, behind its DOI.
FORM = re.compile(r"(?:/(?:abs|abstract|epdf|epub|full|fulltext|html|pdf|summary)|\.pdf|#\w*)$")
QUERY = re.compile(r"[?#&][\w.-]+=.*$")
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
#: Elements of HTML, JATS and MathML that databases leave in titles.
ELEMENTS = """
    a abbr acronym article-title b bdi bdo big blockquote body bold br center cite code dd del div
    dl dt em embed emph emphasis font form h1 h2 h3 h4 h5 h6 head hr html i iframe img inf
    inline-formula inline-graphic input ins italic kbd label li link list list-item mark math meta
    mfrac mi mml mn mo monospace mover mpadded mphantom mroot mrow ms mspace msqrt mstyle msub
    msubsup msup mtable
    mtd mtext mtr munder named-content object ol overline p pre q roman s samp sans-serif sc scp
    script sec semantics small span strike strong style styled-content sub subscript sup superscript
    svg table tbody td tex tex-math th title tr tt u ul underline upright var video xref
"""
TAG = re.compile(
    rf"<\s*/?\s*(?:[a-z]+:)?(?:{'|'.join(ELEMENTS.split())})(?:[\s/][^<>]*)?>", re.IGNORECASE
)
ACTIVE = re.compile(
    r"<\s*(script|style)\b[^<>]*>(?:(?!<\s*\1).)*?<\s*/\s*\1\s*>", re.IGNORECASE | re.DOTALL
)
COMMENT = re.compile(
    r"<!--(?:(?!<!--).)*?-->|<\?xml[^<>]*\?>|<!\[CDATA\[|\]\](?:>|&gt;)", re.DOTALL
)
BREAK = re.compile(r"<\s*/?\s*(?:[a-z]+:)?(?:br|p|li|div|tr|td|title|sec)\b[^<>]*>", re.IGNORECASE)
HIDDEN = ("Cf", "Cc", "Cs")  # marks of direction, of no width, and of control
FOLDED = str.maketrans({
    **{"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th"},
    **dict.fromkeys("\u2018\u2019\u02bc\u00b4\u2032", ""),  # apostrophes
})  # fmt: skip
#: How Embase and Ovid write where an article stands.
PLACES = (
    re.compile(r"(?P<journal>[^()]+?) \((?P<year>\d{4})\) (?P<volume>\w+)(?::(?P<issue>\w+))?"
               r"(?: [A-Z][A-Z.]* ?\w*)? ?(?:\((?P<pages>[^()]*)\))?\.?(?: |$)"),
    re.compile(r"(?P<journal>[^()]+?)\. (?P<volume>\d+) ?(?:\((?P<issue>[^()]*)\))?: ?"
               r"(?P<pages>[\w-]+)[,;.] ?(?P<year>(?:1[89]|20)\d\d)"),
)  # fmt: skip
LISTED = re.compile(r"""(['"])((?:(?!\1\s*[,\]]).)+)\1\s*(?=[,\]])""")
AND_OTHERS = re.compile(r",?\s(?:et\.? al|(?:jr|sr|iii?)(?=[.,]*\s*(?:,|$)))\b\.?", re.IGNORECASE)
IN_BRACKETS = re.compile(r"[(\[][^()\[\]]*[)\]]")  # a year, a number of ORCID
INITIALS = re.compile(r"(?:[A-ZÀ-Þ][.\-]{0,2}){1,4}|[A-ZÀ-Þ]{1,3}")
#: Words before a family name, which some databases leave out or put behind.
BEFORE_NAMES = """
    al ap da das de del della den der des di do dos du e el la las le los ter ten van vande vander
    ver vom von zu zum zur y
"""
PARTICLES = frozenset(BEFORE_NAMES.split())
PERSONS = re.compile(r"[;|\n]")
PERSONS_OR_AND = re.compile(r"[;|\n]|\s(?:and|&)\s")
LONGEST_PERSON = 60  # letters; more is a list that nothing separates


@dataclass(frozen=True)
class Record:
    """One record of a search, as exported.

    Attributes
    ----------
    file, row : str, int
        Where it stands: the row of a table, the first line of a record in a text file, the
        number of a record in XML.
    title, authors, journal : str
        Empty when the export does not give them; the authors are separated by semicolons.
    year : int or None
        Year of publication.
    doi : str
        In lower case, without the address before it; when there are several, the first.
    volume, issue, pages, pmid, kind : str
        As exported; `kind` is what the database calls the type of the work.
    other_dois : tuple of str
        The further ones of a record that has several.
    """

    file: str
    row: int
    title: str = ""
    authors: str = ""
    year: int | None = None
    journal: str = ""
    doi: str = ""
    volume: str = ""
    issue: str = ""
    pages: str = ""
    pmid: str = ""
    kind: str = ""
    other_dois: tuple[str, ...] = ()

    @property
    def first_author(self) -> str:
        """Family name of the first author, for comparison."""
        return family_name(self.authors)

    @property
    def dois(self) -> tuple[str, ...]:
        """Every DOI of the record."""
        return (self.doi, *self.other_dois) if self.doi else ()


def record_of(file: str, row: int, found: Found) -> Record:
    """Return a record from what a reader found, cleaned.

    Parameters
    ----------
    file, row
        Where it stands.
    found
        Values by the names of `FIELDS`: of all but `authors` and `doi` the first is taken.
    """
    first = {name: next((v for v in found.get(name, ()) if v.strip()), "") for name in FIELDS}
    if not (first["volume"] or first["pages"]):
        first |= _in_place(first["journal"], first["year"])
    year = YEAR.search(first["year"])
    dois = list(dict.fromkeys(doi for value in found.get("doi", ()) for doi in find_dois(value)))
    return Record(
        file=file,
        row=row,
        title=cleaned(first["title"]),
        authors=cleaned("; ".join(_names(found.get("authors", ())))),
        year=int(year.group()) if year else None,
        journal=cleaned(first["journal"]),
        doi=dois[0] if dois else "",
        volume=cleaned(first["volume"]),
        issue=cleaned(first["issue"]),
        pages=cleaned(first["pages"]),
        pmid=next(iter(PMID.findall(first["pmid"])), ""),
        kind=cleaned("; ".join(found.get("kind", ()))),
        other_dois=tuple(dois[1:]),
    )


def _in_place(source: str, year: str) -> dict[str, str]:
    """Return what the place of an article tells, where the export gives it in one text.

    Examples
    --------
    >>> _in_place("J Ex (2014) 3:2 (152-60). Date of Publication: 2014", "")
    {'journal': 'J Ex', 'volume': '3', 'issue': '2', 'pages': '152-60', 'year': '2014'}
    >>> _in_place("J Ex. 12(3):4-9, 2015 May", "2015")["pages"]
    '4-9'
    """
    found = next((m for m in (form.match(source) for form in PLACES) if m), None)
    if found is None:
        return {}
    told = {name: (found[name] or "").strip() for name in ("journal", "volume", "issue", "pages")}
    return {**told, "year": year or found["year"]}


def _names(values: Iterable[str]) -> Iterator[str]:
    """Return the names of authors, also of a list as a program writes it: ['One, A', 'Two, B']."""
    for value in filter(str.strip, values):
        listed = value.strip().startswith("[") and [name for _, name in LISTED.findall(value)]
        yield from listed or [value]


def cleaned(text: str) -> str:
    """Return text without markup, entities and marks that nobody sees.

    Examples
    --------
    >>> cleaned("Water (H<sub>2</sub>O), P &lt; 0.05 &amp; &lt;i&gt;in vivo&lt;/i&gt;")
    'Water (H2O), P < 0.05 & in vivo'
    """
    if "&" in text or "<" in text:
        text = _without_markup(text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return " ".join(_visible(text).split())


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c for c in text if c.isspace() or unicodedata.category(c) not in HIDDEN)


def _without_markup(text: str) -> str:
    """Take entities and tags away until there is none: some databases encode twice."""
    for _ in range(4):
        before = text
        text = ENTITY.sub(lambda found: html.unescape(found.group()), text)
        text = ACTIVE.sub(" ", COMMENT.sub(" ", text))
        text = TAG.sub("", BREAK.sub(" ", text))
        if text == before:
            break
    return text


def find_dois(text: str) -> Iterator[str]:
    """Find every DOI in a cell: an address, percent-encoded, one of several.

    Examples
    --------
    >>> list(find_dois("https://doi.org/10.1000/S0000%2812%29-1?x=y; 10.1000/b."))
    ['10.1000/s0000(12)-1', '10.1000/b']
    """
    text = ENTITY.sub(lambda found: html.unescape(found.group()), text)
    text = SPACED.sub(r"\1/", unquote(text) if "%" in text else text)
    starts = [*(found.start() for found in DOI.finditer(text)), len(text)]
    for start, end in pairwise(starts):
        words = _visible(text[start:end]).split()
        doi = QUERY.sub("", words[0])
        doi = re.sub(r"\[doi\]$|https?:.*$", "", doi, flags=re.IGNORECASE).rstrip(".,;:|\"'")
        doi = FORM.sub("", doi)
        while doi.endswith((")", "]", ">")) and not _balanced(doi):
            doi = doi[:-1].rstrip(".,;")
        if not doi.endswith("/"):
            yield doi.lower()


def _balanced(text: str) -> bool:
    return all(text.count(a) == text.count(b) for a, b in ("()", "[]", "<>"))


def folded(text: str) -> str:
    """Return text for comparison: without accents, case, punctuation or double spaces.

    Examples
    --------
    >>> folded("  Sørmuster & Łoś:  α-Blockers ")
    'sormuster los alpha blockers'
    """
    text = text.casefold()
    if not text.isascii():
        text = unicodedata.normalize("NFKD", GREEK.sub(_greek, text)).translate(FOLDED)
        text = "".join(c for c in text if not unicodedata.combining(c))
    return " ".join(WORDS.findall(text.replace("'", "")))


WORDS = re.compile(r"[^\W_]+")
GREEK = re.compile("[α-ω]")


def _greek(found: re.Match[str]) -> str:
    name = unicodedata.name(found.group(), "")
    return f" {name.split()[-1].lower()} " if name.startswith("GREEK SMALL LETTER") else " "


def family_name(authors: str) -> str:
    """Return the family name of the first author, in whatever order the names stand.

    Examples
    --------
    >>> [family_name(a) for a in ("Example, Ann; Sample, Bo", "A Example, B Sample", "Muster E")]
    ['example', 'example', 'muster']
    >>> [family_name(a) for a in ("Ann Example|Bo Sample", "Example, A. and Sample, B.")]
    ['example', 'example']
    >>> [family_name(a) for a in ("van der Example, J", "Example, J. van der")]
    ['example', 'example']
    """
    return _family_and_given(authors)[0]


def family_and_given(authors: str) -> tuple[str, str]:
    """Return the family name of the first author and the given names, or initials; some are empty.

    Examples
    --------
    >>> [family_and_given(a)[1] for a in ("Example, Ann B.; Sample, Bo", "Example A.-B.")]
    ['ann b', 'a b']
    """
    family, given = _family_and_given(authors)
    person = PERSONS.split(authors.strip(), maxsplit=1)[0]
    return family, given if len(person.split(",")[0]) <= LONGEST_PERSON else ""


def _family_and_given(authors: str) -> tuple[str, str]:
    person = PERSONS_OR_AND.split(authors.strip(), maxsplit=1)[0]
    person = AND_OTHERS.sub("", IN_BRACKETS.sub(" ", person)).strip().strip(",")
    before, _, after = person.partition(",")
    words = before.split()
    while len(words) > 1 and not after and words[-1] in PARTICLES:  # Example J van der
        words.pop()
    if after.strip() and len(words) > 1 and _is_list(after):
        person, after = before, ""
    if after.strip() or len(words) < 2:  # family name, given names
        return _family(words), _given(after.split(",")[0].split())
    initials = [word for word in words if INITIALS.fullmatch(word)]
    if INITIALS.fullmatch(words[-1]):  # Muster E
        return _family([word for word in words if word not in initials] or words[:1]), _given(
            initials
        )
    if INITIALS.fullmatch(words[0]):  # A Example, A. B. Example
        return _family([word for word in words if word not in initials]), _given(initials)
    return _family(words[-1:]), _given(words[:-1])  # Ann Example


def _given(names: Sequence[str]) -> str:
    """Return given names for comparison; initials that stand together are apart."""
    apart = (
        " ".join(name) if INITIALS.fullmatch(name) and name.isalpha() else name for name in names
    )
    return " ".join(word for word in folded(" ".join(apart)).split() if word not in PARTICLES)


def _is_list(after: str) -> bool:
    """Say whether what follows a comma is another person, and not given names."""
    following = after.split(",")[0].split()
    return len(following) > 1 and not all(INITIALS.fullmatch(word) for word in following)


def _family(words: Sequence[str]) -> str:
    names = folded(" ".join(words)).split()
    return " ".join([name for name in names if name not in PARTICLES] or names)
