"""What two records say of the works behind them, fact by fact, and whether they are surely one.

No score decides. Two records are one work when an identifier and the title agree, or the title and
at least two further facts, and no fact contradicts. Whatever is likely and not sure is to be looked
at by a person; an erratum, a comment, a registry's entry is linked to the work that it is about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import product
from typing import Final, Literal, TypeAlias, TypeVar

from analysis_lib.importing.search import titles
from analysis_lib.importing.search.record import PARTICLES, Record, family_and_given, folded
from analysis_lib.importing.search.titles import FEW_WORDS, MOST_NAMES, SMALL_WORDS, Title, named

Verdict: TypeAlias = Literal["duplicate", "linked", "look at"]
Relation: TypeAlias = Literal["same", "alike", "another", "unknown"]

#: What is told of a work once, and again at length.
FORMS: Final = (
    ("abstract", re.compile(r"abstract|\babst\b", re.IGNORECASE)),
    ("thesis", re.compile(r"\bthes[ie]s|dissertation", re.IGNORECASE)),
    ("preprint", re.compile(r"pre-?print|posted.content", re.IGNORECASE)),
    ("data", re.compile(r"data ?set", re.IGNORECASE)),
    ("comment", re.compile(r"\bcomment|\bletter\b|editorial|\breply\b|\bnote\b", re.IGNORECASE)),
)
NUMBERS = re.compile(r"\b(?:NCT|ISRCTN|DRKS|ACTRN|ChiCTR[\w-]*?)\d{8,}|\b\d{4}-\d{6}-\d{2}\b")
BEHIND_JOURNAL = re.compile(r"[(:=\[]|\.\s+Conference\b", re.IGNORECASE)  # place, meeting
TRANSLATED = re.compile(r"\[|\s=\s")  # Zhonghua Yi Xue Za Zhi [Chinese Medical Journal]
DIGITS = re.compile(r"\d+")
PAGE = re.compile(r"[a-z]?\d+")  # E17, too
OF_ENTRIES = "10.1002/central/"  # DOIs of the Cochrane Library's entries, not of works
SPELLED_OUT = re.compile("(?<=[aou])e|(?<=a)a|(?<=d)j")  # ae, aa and dj for one letter
JOINED = re.compile(rf"(?:{'|'.join((*PARTICLES, 'o'))})*")
ENOUGH_FACTS = 2  # besides the title
IN_ONE_PLACE = frozenset(("first author", "journal", "volume", "first page"))
MANY_WORDS = 8  # a title of many does not come twice by chance
TOLD: Final[Mapping[str, str]] = {
    "same": "the same", "variant": "the same, otherwise spelled", "similar": "a similar"
}  # fmt: skip
ONE_NAME = 0.75  # of the letters of two given names: Sergei, Sergey
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a work, from one record or from all that are it."""

    titles: frozenset[Title]
    kinds: frozenset[str]
    authors: frozenset[str]
    given: frozenset[str]
    years: frozenset[int]
    journals: frozenset[str]
    volumes: frozenset[str]
    pages: frozenset[str]
    dois: frozenset[str]
    pmids: frozenset[str]
    numbers: frozenset[str]
    issues: frozenset[str]
    forms: frozenset[str]
    translated: frozenset[str]

    def __or__(self, other: Facts) -> Facts:
        """Return what is known from both."""
        return Facts(*(getattr(self, f.name) | getattr(other, f.name) for f in fields(Facts)))


def facts_of(record: Record) -> Facts:
    """Return the facts of a record, in forms that can be compared."""
    kind, own = titles.titles_of(record)
    family, given = family_and_given(record.authors)
    return Facts(
        titles=own,
        kinds=frozenset((kind,)),
        authors=_some(family),
        given=_some(given),
        years=frozenset(() if record.year is None else (record.year,)),
        journals=_some(_journal(record.journal)),
        volumes=_some(_first(DIGITS, record.volume)),
        pages=_some(_first(PAGE, record.pages.casefold())),
        dois=frozenset(doi for doi in record.dois if not doi.startswith(OF_ENTRIES)),
        pmids=_some(record.pmid),
        numbers=frozenset(NUMBERS.findall(record.journal) if kind == "registry entry" else ()),
        issues=_some(_first(DIGITS, record.issue)),
        forms=_some(named(FORMS, record.kind) or ("work" if record.kind else "")),
        translated=_some("title" if record.title.startswith("[") else "")
        | _some("journal" if TRANSLATED.search(record.journal) else ""),
    )


@lru_cache(maxsize=MOST_NAMES)
def _some(text: str) -> frozenset[str]:
    """Return the set of a text; the records of one volume or journal share it."""
    return frozenset((text,)) if text else frozenset()


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found.group().lstrip("0") if found else ""


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
    identifier = _identifier(one, other)
    about = sorted((one.kinds | other.kinds) - {""}) if one.kinds.isdisjoint(other.kinds) else []
    apart = not identifier and not about and _are_apart(one, other)
    title = "another" if apart else titles.nearest(one.titles, other.titles)
    if (title != "same" and not about) or title == "another":
        about = [titles.about(one.titles, other.titles, about)]
    if about := [*filter(None, about)]:
        return "linked", f"{about[0]}, and the work that it is about"
    if apart:
        return None
    relations = dict(_relations(one, other))
    agrees = [fact for fact, relation in relations.items() if relation == "same"]
    if title == "another":
        same = identifier or ("place in a journal" if {*agrees} >= IN_ONE_PLACE else "")
        return ("look at", f"the same {same}, but another title") if same else None
    excused = {*_excused(title, identifier, relations, one, other)}
    differs = [f for f, relation in relations.items() if relation == "another" and f not in excused]
    if "first page" not in agrees:  # one place tells more than what it is called
        differs += [fact for fact in _unlike(one, other) if not identifier or fact == "form"]
    told = f"{TOLD[title]} title"
    of_its_own = identifier or {*agrees} >= IN_ONE_PLACE or not titles.recurs(one.titles)
    if of_its_own and _is_sure(title, identifier, agrees, differs, len(_words(one))):
        shared = [identifier] if identifier else agrees
        return "duplicate", f"{told} and the same {' and '.join(shared)}"
    if differs and _is_likely(title, bool(identifier), agrees, len(_words(one))):
        return "look at", f"{told}, but another {' and another '.join(differs)}"
    if not differs and (title != "similar" or agrees):
        return "look at", f"{told}, and too little else to be sure"
    return None


def may_be_one(one: Facts, other: Facts) -> bool:
    """Say whether two works have the same title, and nothing that is known of both contradicts."""
    if not titles.are_same(one.titles, other.titles) or one.kinds != other.kinds:
        return False
    differs = {fact for fact, relation in _relations(one, other) if relation == "another"}
    if not _names(one).isdisjoint(_names(other)):
        differs -= {"first author"}  # whichever of the names stands first
    return not differs


def _names(work: Facts) -> set[str]:
    return {word for name in work.authors | work.given for word in name.split()}


def _is_sure(
    title: titles.Relation, identifier: str, agrees: list[str], differs: list[str], words: int
) -> bool:
    """Say whether two works are one beyond doubt."""
    if identifier and title in ("same", "variant"):
        # One article has one DOI and one PMID; a book or a supplement lends its DOI to all in it.
        lent = identifier.startswith("DOI")
        in_place = "first page" in agrees or not lent
        told = title == "same" and (words >= FEW_WORDS or "first author" in agrees)
        return (in_place or told) and {"first author", "first page", "form"}.isdisjoint(differs)
    if differs:
        return False
    if title == "same" and words < FEW_WORDS and "first author" not in agrees:
        return "first page" in agrees and len(agrees) > ENOUGH_FACTS
    if title == "same":
        if words >= MANY_WORDS:
            return len(agrees) >= ENOUGH_FACTS or agrees == ["first author"]
        # "This month in the journal" comes in every issue of a year.
        own = not {"first author", "first page"}.isdisjoint(agrees)
        return own and len(agrees) >= ENOUGH_FACTS
    return title == "variant" and {*agrees} >= IN_ONE_PLACE


def _is_likely(title: titles.Relation, identifier: bool, agrees: list[str], words: int) -> bool:
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
    yield "first author", _first_author(one, other)
    yield "journal", _best(one.journals, other.journals, _journals)
    yield "volume", _equal(one.volumes, other.volumes)
    yield "first page", _equal(one.pages, other.pages)


def _are_apart(one: Facts, other: Facts) -> bool:
    """Say whether title, volume and author differ, so that no likeness of titles would matter.

    It spares most pairs that share a page and a year by chance the comparison of letters.
    """
    return (
        _equal(one.volumes, other.volumes) == "another"
        and not titles.are_same(one.titles, other.titles)
        and _first_author(one, other) != "same"
    )


def _equal(mine: frozenset[T], theirs: frozenset[T]) -> Relation:
    if not mine or not theirs:
        return "unknown"
    return "same" if mine & theirs else "another"


def _best(
    mine: frozenset[str], theirs: frozenset[str], relate: Callable[[str, str], Relation]
) -> Relation:
    """Return how the values relate that are nearest to each other."""
    if not mine.isdisjoint(theirs):
        return "same"
    found = {relate(a, b) for a, b in product(mine, theirs)}
    return next((r for r in ("same", "alike", "unknown", "another") if r in found), "unknown")


def _excused(
    title: titles.Relation,
    identifier: str,
    relations: Mapping[str, Relation],
    one: Facts,
    other: Facts,
) -> Iterator[str]:
    """Tell which facts may differ, since all others put two works into one place."""
    agrees = {fact for fact, relation in relations.items() if relation == "same"}
    if {"first page", "journal"} <= agrees and _years_apart(one, other) <= 1:
        yield "year"  # of first sight, and of print
    if title != "same" or len(_words(one)) < FEW_WORDS or not agrees >= {"volume", "first page"}:
        return
    if agrees >= {"first author", "year"} and one.translated | other.translated:
        yield "journal"
    if identifier:
        yield "first author"  # misspelt, or given names first


def _years_apart(one: Facts, other: Facts) -> int:
    return min((abs(a - b) for a, b in product(one.years, other.years)), default=0)


def _first_author(one: Facts, other: Facts) -> Relation:
    """Compare family and given names: two of one family name may be two people."""
    if _best(one.given, other.given, _given) == "another":
        return "another"
    return _best(one.authors, other.authors, _authors)


def _given(one: str, other: str) -> Relation:
    """Compare given names: they may be initials, shortened, left out, or otherwise spelled."""
    short, long = sorted((one.split(), other.split()), key=len)
    return "same" if all(any(_one_name(a, b) for b in long) for a in short) else "another"


def _one_name(one: str, other: str) -> bool:
    if one.startswith(other) or other.startswith(one):
        return True
    if len(one) == 1 or len(other) == 1:
        return False
    mine, theirs = (SPELLED_OUT.sub("", name) for name in (one, other))
    return SequenceMatcher(None, mine, theirs, autojunk=False).ratio() >= ONE_NAME


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
    if one[0] != other[0]:
        return False
    short, long = sorted((one, other), key=len)
    rest = iter(long)
    return all(letter in rest for letter in short)


def _words(work: Facts) -> list[str]:
    return max((words for words, _ in work.titles), key=len, default="").split()
