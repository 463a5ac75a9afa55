"""What two records say of the works behind them, fact by fact, and whether they are surely one.

No score decides. Two records are one work when an identifier and the title agree, or the title and
at least two further facts, and no fact contradicts. Whatever is likely and not sure is to be looked
at by a person; an erratum, a comment, a registry's entry is linked to the work that it is about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import product
from typing import Final, Literal, TypeAlias, TypeVar

from analysis_lib.importing.search.record import PARTICLES, Record, folded

Verdict: TypeAlias = Literal["duplicate", "linked", "look at"]
Relation: TypeAlias = Literal["same", "alike", "another", "unknown"]
Title: TypeAlias = Literal["same", "variant", "similar", "another"]

#: What a work is that is about another one, as titles and types say it.
ABOUT: Final = (
    ("erratum", r"(?:(?:publisher |author )?corrections?|errat(?:um|a)|corrigend\w+|addendum)\b"),
    ("retraction", r"(?:retraction|retracted(?: article)?|expression of concern|withdrawn)\b"),
    ("comment", r"(?:(?:an? |invited |editorial )?comments?(?:ary)?(?: on)?|discussion (?:of|on)|"
     r"letter(?: to the editor)?)\b"),
    ("reply", r"(?:reply(?: to)?|repl\w+ by|authors? (?:reply|response)|(?:in )?response to|re)\b"),
)  # fmt: skip
PREFIXES: Final = tuple(
    (kind, re.compile(rf"{words}\s*(?:(?:to|for|of|in|on|regarding|notice|note)\b\s*)*"))
    for kind, words in ABOUT
)
#: The same behind a title: "Title (Erratum)", "Title: a comment".
SUFFIXES: Final = tuple(
    (kind, re.compile(rf"(?:[:.?]|\s[-–—]|[(\[])\s*{words}\s*[)\].]*$", re.IGNORECASE))
    for kind, words in ABOUT
)
LONGEST_SUFFIX = 60  # letters
#: The same as databases call the type of a record.
TYPES: Final = (
    ("erratum", re.compile(r"erratum|corrigend|^correction", re.IGNORECASE)),
    ("retraction", re.compile(r"retraction", re.IGNORECASE)),
)
#: What is told of a work once, and again at length.
FORMS: Final = (
    ("abstract", re.compile(r"abstract|\babst\b", re.IGNORECASE)),
    ("thesis", re.compile(r"\bthes[ie]s|dissertation", re.IGNORECASE)),
)
#: Web of Science names an erratum by the place of the article: "Title (vol 3, pg 1, 2015)".
PLACE = re.compile(r"\(vol\.? [\w ]+, (?:pg|pp?)\.? .*$", re.IGNORECASE)
REGISTRY = re.compile(
    r"clinicaltrials\.gov|\bnct\d{8}\b|\bisrctn|\beuctr|\bictrp\b|trialsearch|\bchictr|\bactrn|"
    r"\bdrks\d|\bjprn|\bctri\b|\birct|trial regist|clinical trials? regist",
    re.IGNORECASE,
)
NUMBERS = re.compile(r"\b(?:NCT|ISRCTN|DRKS|ACTRN|ChiCTR[\w-]*?)\d{8,}|\b\d{4}-\d{6}-\d{2}\b")
LANGUAGE = re.compile(r"[\[(]\s*(?:in |article in )?[A-Z][a-z]+(?:, [A-Z][a-z]+)*\s*[\])]\s*\.?$")
TWO_TITLES = re.compile(r"([^=\[\]]+?)(?:\s+=\s+([^=\[\]]+)|\s*\[([^=\[\]]+)\]\.?)")
LISTED = """
    afrikaans arabic bulgarian chinese croatian czech danish dutch english estonian finnish french
    german greek hebrew hungarian italian japanese korean lithuanian norwegian persian polish
    portuguese romanian russian serbian slovak slovene slovenian spanish swedish thai turkish
    ukrainian multilingual
"""
LANGUAGES = frozenset(LISTED.split())
BEHIND_JOURNAL = re.compile(r"[(:=\[]|\.\s+Conference\b", re.IGNORECASE)  # place, meeting
OF_ENTRIES = "10.1002/central/"  # DOIs of the Cochrane Library's entries, not of works
SPELLED_OUT = re.compile("(?<=[aou])e|(?<=a)a|(?<=d)j")  # ae, aa and dj for one letter
JOINED = re.compile(rf"(?:{'|'.join((*PARTICLES, 'o'))})*")
NUMBER = re.compile(r"\b(?:\d+|i{1,3}|iv|vi{0,3}|ix|x)\b")
SMALL = "a an and the of in for on with to by from et de la le y und der die"
SMALL_WORDS = frozenset(SMALL.split())
ENOUGH_FACTS = 2  # besides the title
IN_ONE_PLACE = frozenset(("first author", "journal", "volume", "first page"))
FEW_WORDS, MANY_WORDS = 5, 8  # a title of many does not come twice by chance
MOST_NAMES = 50_000  # of journals, kept in mind
A_TITLE = 3  # words, when a work has two titles
ALIKE = 0.85  # of the letters of two titles
LONGEST_TITLE = 600  # letters that are compared
SPELLED = 4  # letters with which two spellings of a word begin
TOLD: Final[Mapping[str, str]] = {
    "same": "the same", "variant": "the same, otherwise spelled", "similar": "a similar"
}  # fmt: skip
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a work, from one record or from all that are it."""

    titles: frozenset[str]
    kinds: frozenset[str]
    authors: frozenset[str]
    years: frozenset[int]
    journals: frozenset[str]
    volumes: frozenset[str]
    pages: frozenset[str]
    dois: frozenset[str]
    pmids: frozenset[str]
    numbers: frozenset[str]
    issues: frozenset[str]
    forms: frozenset[str]

    def __or__(self, other: Facts) -> Facts:
        """Return what is known from both."""
        return Facts(*(getattr(self, f.name) | getattr(other, f.name) for f in fields(Facts)))


def facts_of(record: Record) -> Facts:
    """Return the facts of a record, in forms that can be compared."""
    kind, title = title_of(record)
    return Facts(
        titles=_some(title) | _two_languages(record.title),
        kinds=frozenset((kind,)),
        authors=_some(record.first_author),
        years=frozenset(() if record.year is None else (record.year,)),
        journals=_some(_journal(record.journal)),
        volumes=_some(_first(r"\d+", record.volume)),
        pages=_some(_first(r"[a-z]?\d+", record.pages.casefold())),
        dois=frozenset(doi for doi in record.dois if not doi.startswith(OF_ENTRIES)),
        pmids=_some(record.pmid),
        numbers=frozenset(NUMBERS.findall(record.journal) if kind == "registry entry" else ()),
        issues=_some(_first(r"\d+", record.issue)),
        forms=_some(_named(FORMS, record.kind) or ("work" if record.kind else "")),
    )


def _named(kinds: Iterable[tuple[str, re.Pattern[str]]], text: str) -> str:
    return next((kind for kind, pattern in kinds if pattern.search(text)), "")


def _two_languages(text: str) -> frozenset[str]:
    """Return both titles of a work with two, as in "Titel [Title]" and "Titel = Title"."""
    found = TWO_TITLES.fullmatch(text[:LONGEST_TITLE])
    both = [folded(title) for title in found.groups() if title] if found else []
    return frozenset(title for title in both if len(title.split()) >= A_TITLE)


def _some(text: str) -> frozenset[str]:
    return frozenset((text,)) if text else frozenset()


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found.group().lstrip("0") if found else ""


def title_of(record: Record) -> tuple[str, str]:
    """Return what kind of work a title says that it is, and the title without saying so.

    Examples
    --------
    >>> title_of(Record("f", 1, "Erratum to: [A trial of talc]. [Japanese]"))
    ('erratum', 'a trial of talc')
    """
    text = record.title[:LONGEST_TITLE]
    mark = LANGUAGE.search(text)
    if mark and set(folded(mark.group()).split()) - {"in", "article"} <= LANGUAGES:
        text = text[: mark.start()]
    kind = _named(TYPES, record.kind)
    if PLACE.search(text):
        kind, text = "erratum", PLACE.sub("", text)
    for name, suffix in SUFFIXES:
        found = suffix.search(text, max(1, len(text) - LONGEST_SUFFIX))
        if found:
            kind, text = name, text[: found.start()]
    title = folded(text)
    for name, prefix in PREFIXES:
        found = prefix.match(title)
        if found and found.end() < len(title):
            kind, title = kind or name, title[found.end() :]
            break
    if _is_entry(f"{record.journal} {record.kind}") or "/isrctn" in record.doi:
        kind = "registry entry"
    return kind, title


@lru_cache(maxsize=MOST_NAMES)
def _is_entry(where: str) -> bool:
    return REGISTRY.search(where) is not None


@lru_cache(maxsize=MOST_NAMES)
def _journal(name: str) -> str:
    """Return the name of a journal without its place, meeting, subtitle and small words."""
    words = folded(BEHIND_JOURNAL.split(name)[0] or name).split()
    return " ".join(word for word in words if word not in SMALL_WORDS)


def compared(one: Facts, other: Facts) -> tuple[Verdict, str] | None:
    """Say whether two works are one, and why; nothing if they have nothing to do with each other.

    Parameters
    ----------
    one, other
        What is known of them.

    Returns
    -------
    tuple of (str, str), or None
        "duplicate" if they are surely one, "linked" if one is about the other, "look at" if
        somebody has to decide; and the reason.
    """
    identifier, title = _identifier(one, other), _titles(one, other)
    relations = dict(_relations(one, other))
    agrees = [fact for fact, relation in relations.items() if relation == "same"]
    if title == "another":
        place = "place in a journal" if {*agrees} >= IN_ONE_PLACE else ""
        same = identifier or place
        return ("look at", f"the same {same}, but another title") if same else None
    about = sorted((one.kinds | other.kinds) - {""})
    if about and one.kinds.isdisjoint(other.kinds):
        return "linked", f"{about[0]}, and the work that it is about"
    differs = [fact for fact, relation in relations.items() if relation == "another"]
    if _printed_later(relations, one, other):
        differs.remove("year")
    if not identifier and "first page" not in agrees:  # one place tells more than what it is called
        differs += _unlike(one, other)
    told = f"{TOLD[title]} title"
    if _is_sure(title, identifier, agrees, differs, len(_words(one))):
        shared = [identifier] if identifier else agrees
        return "duplicate", f"{told} and the same {' and '.join(shared)}"
    if differs and _is_likely(title, bool(identifier), agrees, len(_words(one))):
        return "look at", f"{told}, but another {' and another '.join(differs)}"
    if not differs and (title != "similar" or agrees):
        return "look at", f"{told}, and too little else to be sure"
    return None


def _is_sure(
    title: Title, identifier: str, agrees: list[str], differs: list[str], words: int
) -> bool:
    """Say whether two works are one beyond doubt."""
    if identifier and title in ("same", "variant"):
        # One article has one DOI and one PMID; a book or a supplement lends its DOI to all in it.
        lent = identifier.startswith("DOI")
        in_place = title == "same" or "first page" in agrees or not lent
        return in_place and {"first author", "first page"}.isdisjoint(differs)
    if differs:
        return False
    if title == "same" and words < FEW_WORDS and "first author" not in agrees:
        return "first page" in agrees and len(agrees) > ENOUGH_FACTS
    if title == "same":
        return len(agrees) >= ENOUGH_FACTS or (len(agrees) == 1 and words >= MANY_WORDS)
    return title == "variant" and {*agrees} >= IN_ONE_PLACE


def _is_likely(title: Title, identifier: bool, agrees: list[str], words: int) -> bool:
    """Say whether somebody should look at two works, although something contradicts."""
    if identifier:
        return True
    if title == "same":
        return bool(agrees) or words >= MANY_WORDS
    return "first author" in agrees and len(agrees) >= ENOUGH_FACTS


def _unlike(one: Facts, other: Facts) -> Iterator[str]:
    """Tell in what two works differ that are not known to stand in one place."""
    if _equal(one.forms, other.forms) == "another":
        yield "form"
    if _equal(one.issues, other.issues) == "another":
        yield "issue"
    if _best(one.journals, other.journals, _journals) == "alike":
        yield "journal"


def _identifier(one: Facts, other: Facts) -> str:
    if one.dois & other.dois:
        return f"DOI, {min(one.dois & other.dois)}"
    if one.numbers & other.numbers:
        return f"number, {min(one.numbers & other.numbers)}"
    return "PMID" if one.pmids & other.pmids else ""


def _relations(one: Facts, other: Facts) -> Iterator[tuple[str, Relation]]:
    yield "DOI", _equal(one.dois, other.dois)
    yield "PMID", _equal(one.pmids, other.pmids)
    yield "year", _equal(one.years, other.years)
    yield "first author", _best(one.authors, other.authors, _authors)
    yield "journal", _best(one.journals, other.journals, _journals)
    yield "volume", _equal(one.volumes, other.volumes)
    yield "first page", _equal(one.pages, other.pages)


def _equal(mine: frozenset[T], theirs: frozenset[T]) -> Relation:
    if not mine or not theirs:
        return "unknown"
    return "same" if mine & theirs else "another"


def _best(
    mine: frozenset[str], theirs: frozenset[str], relate: Callable[[str, str], Relation]
) -> Relation:
    """Return how the values relate that are nearest to each other."""
    found = {relate(a, b) for a, b in product(mine, theirs)}
    return next((r for r in ("same", "alike", "unknown", "another") if r in found), "unknown")


def _printed_later(relations: Mapping[str, Relation], one: Facts, other: Facts) -> bool:
    """Say whether the years differ as those of first sight and of print do."""
    return (
        relations["year"] == "another"
        and min(abs(a - b) for a, b in product(one.years, other.years)) <= 1
        and relations["first page"] == relations["journal"] == "same"
    )


def _authors(one: str, other: str) -> Relation:
    """Compare family names: spaces, umlauts and a second family name may be left out."""
    mine, theirs = (SPELLED_OUT.sub("", name.replace(" ", "")) for name in (one, other))
    short, long = sorted((mine, theirs), key=len)
    if long.endswith(short) and JOINED.fullmatch(long.removesuffix(short)):
        return "same"
    if {*one.split()} <= {*other.split()} or {*other.split()} <= {*one.split()}:
        return "same"
    return "another"


def _journals(one: str, other: str) -> Relation:
    """Compare names of journals: words may be abbreviated, and a name may be its initials."""
    mine, theirs = one.split(), other.split()
    if len(mine) == len(theirs) and all(map(_abbreviates, mine, theirs)):
        return "same"
    if any(
        short == ["".join(word[0] for word in long)]
        for short, long in ((mine, theirs), (theirs, mine))
    ):
        return "same"
    common = sum(any(_abbreviates(word, w) for w in theirs) for word in mine)
    return "alike" if 2 * common >= min(len(mine), len(theirs)) else "another"


def _abbreviates(one: str, other: str) -> bool:
    """Say whether a word is the other, shortened: its letters stand in it, in order."""
    short, long = sorted((one, other), key=len)
    rest = iter(long)
    return short[0] == long[0] and all(letter in rest for letter in short)


def _titles(one: Facts, other: Facts) -> Title:
    """Return how the titles relate that are nearest to each other."""
    if one.titles & other.titles:
        return "same"
    found = {_two_titles(a, b) for a, b in product(one.titles, other.titles)}
    return next((t for t in ("same", "variant", "similar") if t in found), "another")


def _two_titles(one: str, other: str) -> Title:
    if _solid(one) == _solid(other):
        return "same"
    mine, theirs = one.split(), other.split()
    short, long = sorted((mine, theirs), key=len)
    if len(short) >= FEW_WORDS and long[: len(short)] == short:
        # One has a subtitle; "trial" and "trial II" are two.
        return "variant" if not NUMBER.search(" ".join(long[len(short) :])) else "similar"
    if sorted(NUMBER.findall(one)) != sorted(NUMBER.findall(other)):
        return "another"
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    if matcher.real_quick_ratio() < ALIKE or matcher.ratio() < ALIKE:
        return "another"
    return "variant" if _only_spelling(mine, theirs) else "similar"


def _only_spelling(one: list[str], other: list[str]) -> bool:
    """Say whether titles differ by small words and by the spelling of long ones only."""
    mine, theirs = ([w for w in words if w not in SMALL_WORDS] for words in (one, other))
    return len(mine) == len(theirs) and all(
        a == b or (a[:SPELLED] == b[:SPELLED] and SequenceMatcher(None, a, b).ratio() >= ALIKE)
        for a, b in zip(mine, theirs, strict=True)
    )


def _solid(title: str) -> str:
    return "".join(word for word in title.split() if word not in SMALL_WORDS)


def _words(work: Facts) -> list[str]:
    return max(work.titles, key=len, default="").split()
