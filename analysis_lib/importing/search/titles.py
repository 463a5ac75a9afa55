"""What a title says: the words by which works are compared, its signs, and what it is about.

A title that differs from another by a sign ("BMI ≥ 30" and "BMI < 30", "HER2+" and "HER2-"), by a
number or by a word that bears meaning is another title, whatever share of its letters is the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import product
from typing import Final, Literal, TypeAlias

from analysis_lib.importing.search.record import Record, folded

Relation: TypeAlias = Literal["same", "variant", "similar", "another"]
#: A title for comparison: its words, and its signs in order.
Title: TypeAlias = tuple[str, str]

#: What a work is that is about another one, as titles and types say it.
ABOUT: Final = (
    ("erratum", r"(?:(?:publisher s? ?|authors? )?corrections?|errat(?:um|a)|corrigend\w+|addendum|"
     r"berichtigung)\b"),
    ("retraction", r"(?:(?:(?:statement|notice) of )?(?:retraction|withdrawal)|"
     r"(?:retracted|withdrawn|removed)(?: article)?|(?:editorial )?expression of concern)\b"),
    ("comment", r"(?:(?:an? |invited |editorial )?comments?(?:ary)?(?: on)?|discussion (?:of|on)|"
     r"letter(?: to the editors?)?|peer review of|faculty opinions recommendation of)\b"),
    ("reply", r"(?:(?:in )?reply(?: to)?|repl\w+ by|author(?: ?s)? (?:reply|response)|"
     r"(?:in )?response to|rejoinder)\b"),
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
#: What one title has besides the words of another, if it is about that work.
ADDED: Final = (
    *((kind, re.compile(rf"\b{words}")) for kind, words in ABOUT),
    ("comment", re.compile(r"\b(?:editorial|editors? note|letter|discussion)\b")),
    ("reply", re.compile(r"\bresponse\b")),
)
RECURRING = re.compile(
    r"(?:the |an? |guest |from the )?(?:(?:in |authors? )?reply|(?:authors? )?response|editorial|"
    r"editors?(?: s)? (?:note|choice|comment)|introduction|conclusions?|preface|foreword|"
    r"discussion|(?:invited )?comment(?:s|ary)?|letters?(?: to the editors?)?|correspondence|"
    r"errat(?:um|a)|corrections?|corrigend(?:um|a)|abstracts?|posters?|news|in brief|"
    r"in this issue|obituary|book reviews?|case reports?|correction notice|retraction|"
    r"announcements?|summary|overview)"
)
ORDER: Final[tuple[Relation, ...]] = ("same", "variant", "similar")
LONGEST_SUFFIX = 60  # letters
MOST_ADDED = 12  # words
#: The same as databases call the type of a record.
TYPES: Final = (
    ("erratum", re.compile(r"erratum|corrigend|^correction", re.IGNORECASE)),
    ("retraction", re.compile(r"retraction|expression of concern", re.IGNORECASE)),
    ("comment", re.compile(r"^comment(?:ary)?$", re.IGNORECASE)),
)
#: Web of Science names an erratum by the place of the article: "Title (vol 3, pg 1, 2015)".
PLACE = re.compile(r"\(vol\.? [\w ]+, (?:pg|pp?)\.? .*$", re.IGNORECASE)
#: Embase tells behind an erratum of which article: "(J Ex (2015) 3 (12) DOI: 10.1000/x)".
CITED = re.compile(r"\s[(\[](?=[^()\[\]]*\((?:19|20)\d\d\)).*$")
#: Fields of research with their codes, which some publishers put behind a title.
CODES = re.compile(r"\s\d\d [A-Z][a-z][\w ,&-]+? \d{4} [A-Z][\w ,&-]+$")
REGISTRY = re.compile(
    r"clinicaltrials\.gov|\bnct\d{8}\b|\bisrctn|\beuctr|\bictrp\b|trialsearch|\bchictr|\bactrn|"
    r"\bdrks\d|\bjprn|\bctri\b|\birct|trial regist|clinical trials? regist",
    re.IGNORECASE,
)
RE = re.compile(r"\s*re\s*:", re.IGNORECASE)  # no "Re-evaluation"
LANGUAGE = re.compile(r"[\[(]\s*(?:in |article in )?[A-Z][a-z]+(?:, [A-Z][a-z]+)*\s*[\])]\s*\.?$")
TWO_TITLES = re.compile(r"([^=\[\]]+?)(?:\s+=\s+([^=\[\]]+)|\s*\[([^=\[\]]+)\]\.?)")
LISTED = """
    afrikaans arabic bulgarian chinese croatian czech danish dutch english estonian finnish french
    german greek hebrew hungarian italian japanese korean lithuanian norwegian persian polish
    portuguese romanian russian serbian slovak slovene slovenian spanish swedish thai turkish
    ukrainian multilingual
"""
LANGUAGES = frozenset(LISTED.split())
NUMBER = re.compile(r"\d+|\b(?:i{1,3}|iv|vi{0,3}|ix|x)\b")
#: Words of a subtitle that tell another report of the work from its main one.
OTHER_REPORT = re.compile(
    r"\b(?:protocol|rationale|design|baseline|follow|abstract|summary|pilot|feasibility|interim|"
    r"secondary|post hoc|subgroup|sub ?study|extension|re ?analysis|update|updated|supplement\w*|"
    r"part|preliminary|cost\w*|economic|qualitative|first|second|third)\b"
)
SMALL = "a an and the of in for on to by et de la le y und der die"
SMALL_WORDS = frozenset(SMALL.split())
FEW_WORDS = 5
A_TITLE = 3  # words, when a work has two titles
ALIKE = 0.85  # of the letters of two titles
LONGEST_TITLE = 600  # letters that are compared
SPELLED = 4  # letters with which two spellings of a word begin
MOST_NAMES = 50_000  # of journals, kept in mind

ONE_SIGN = str.maketrans({
    **dict.fromkeys("≥⩾≧", ">="), **dict.fromkeys("≤⩽≦", "<="), **dict.fromkeys("‐‑‒–—−－", "-"),
    **dict.fromkeys("＋⁺", "+"), "⁻": "-", "＜": "<", "＞": ">", "＝": "=", "·": ".", "％": "%",
})  # fmt: skip
OR_EQUAL = re.compile(r"([<>])\s*(?:or|/)?\s*=", re.IGNORECASE)
#: Comparisons, plus, a minus before a number, and the mark within a number.
SIGN = re.compile(r"[<>]=?|[=≠±≈♂♀↑↓→←%+]|(?:(?<=[\s(])|^)-(?=[\d.])|(?<=\d)[./](?=\d)")


def titles_of(record: Record) -> tuple[str, frozenset[Title]]:
    """Return what kind of work a title says that it is, and the titles without saying so.

    A work with titles in two languages ("Titel [Title]", "Titel = Title") has both.

    Examples
    --------
    >>> titles_of(Record("f", 1, "Erratum to: [A trial of talc in BMI ≥ 30]. [Japanese]"))
    ('erratum', frozenset({('a trial of talc in bmi 30', '>=')}))
    """
    kind, text = _without_marks(record)
    words = folded(text)
    while prefix := _prefix(words):
        kind, words = kind or prefix[0], words[prefix[1] :]
    if _is_entry(f"{record.journal} {record.kind}") or "/isrctn" in record.doi:
        kind = "registry entry"
    own = {(words, signs_of(text))} if words else set()
    return kind, frozenset(own | _in_two_languages(record.title))


def _prefix(words: str) -> tuple[str, int] | None:
    """Return what the beginning of a title says that it is, and where the title goes on."""
    for kind, prefix in PREFIXES:
        found = prefix.match(words)
        if found and found.end() < len(words):
            return kind, found.end()
    return None


def _without_marks(record: Record) -> tuple[str, str]:
    """Return the kind that type and end of a title tell, and the title without such an end."""
    text = record.title[:LONGEST_TITLE]
    mark = LANGUAGE.search(text)
    if mark and set(folded(mark.group()).split()) - {"in", "article"} <= LANGUAGES:
        text = text[: mark.start()]
    text = CODES.sub("", text)
    if (found := CITED.search(text)) and named(ADDED, folded(text[:LONGEST_SUFFIX])):
        text = text[: found.start()]
    kind = named(TYPES, record.kind)
    if PLACE.search(text):
        kind, text = "erratum", PLACE.sub("", text)
    for name, suffix in SUFFIXES:
        found = suffix.search(text, max(1, len(text) - LONGEST_SUFFIX))
        if found:
            kind, text = name, text[: found.start()]
    if found := RE.match(text):
        kind, text = kind or "reply", text[found.end() :]
    return kind, text


def named(kinds: Iterable[tuple[str, re.Pattern[str]]], text: str) -> str:
    """Return the first of the kinds whose words stand in a text; empty if none does."""
    return next((kind for kind, pattern in kinds if pattern.search(text)), "")


def _in_two_languages(text: str) -> set[Title]:
    found = TWO_TITLES.fullmatch(text[:LONGEST_TITLE])
    both = [(folded(part), signs_of(part)) for part in found.groups() if part] if found else []
    return {title for title in both if len(title[0].split()) >= A_TITLE}


@lru_cache(maxsize=MOST_NAMES)
def _is_entry(where: str) -> bool:
    return REGISTRY.search(where) is not None


def signs_of(text: str) -> str:
    """Return the signs of a title that bear meaning, in order and in one spelling.

    Examples
    --------
    >>> signs_of("BMI ≥ 30"), signs_of("BMI > or = 30"), signs_of("−5 to +5, 0.5 mg")
    ('>=', '>=', '-+.')
    """
    if not text.isascii():
        text = text.translate(ONE_SIGN)
    if ">" in text or "<" in text:
        text = OR_EQUAL.sub(r"\1=", text)
    return "".join(SIGN.findall(text))


def nearest(one: frozenset[Title], other: frozenset[Title]) -> Relation:
    """Return how the titles relate that are nearest to each other."""
    if are_same(one, other):
        return "same"
    found = {_related(a, b) for a, b in product(one, other)}
    return next((t for t in ORDER if t in found), "another")


def are_same(one: frozenset[Title], other: frozenset[Title]) -> bool:
    """Say whether two works have a title in common, which is told in a moment.

    Examples
    --------
    >>> are_same(frozenset({("follow up", "")}), frozenset({("followup", "")}))
    True
    """
    return not one.isdisjoint(other) or any(
        a.replace(" ", "") == b.replace(" ", "") and _agree_in_signs((a, mine), (b, theirs))
        for (a, mine), (b, theirs) in product(one, other)
    )


def recurs(titles: frozenset[Title]) -> bool:
    """Say whether a title is one that a journal, and one person in it, prints again and again.

    Examples
    --------
    >>> recurs(frozenset({("the authors reply", "")})), recurs(frozenset({("one", "")}))
    (True, False)
    """
    return any(RECURRING.fullmatch(words) for words, _ in titles)


def about(one: frozenset[Title], other: frozenset[Title], kinds: Iterable[str] = ()) -> str:
    """Return what a work is whose title is that of the other and further words that say so.

    Parameters
    ----------
    one, other
        The titles of both.
    kinds
        What the titles and types alone tell, if they tell it of one of the two only: then any
        further words will do.

    Examples
    --------
    >>> title = "lifting crates for back pain"
    >>> about(frozenset({(title, "")}), frozenset({(f"editorial by muster {title}", "")}))
    'comment'
    """
    for (a, _), (b, _) in product(one, other):
        added = _added(*sorted((a, b), key=len))
        if added and (kind := named(ADDED, added) or min(kinds, default="")):
            return kind
    return ""


def _added(short: str, long: str) -> str:
    """Return the words that a title has before or behind another, if those are not many."""
    words = len(short.split())
    if words >= A_TITLE and words < len(long.split()) <= words + MOST_ADDED:
        if long.endswith(f" {short}"):
            return long.removesuffix(short)
        if long.startswith(f"{short} "):
            return long.removeprefix(short)
    return ""


def _related(one: Title, other: Title) -> Relation:
    relation = _two_titles(one[0], other[0])
    return relation if relation == "another" or _agree_in_signs(one, other) else "similar"


def _agree_in_signs(one: Title, other: Title) -> bool:
    short, long = sorted((one, other), key=lambda title: len(title[0]))
    of_both = long[1][: len(short[1])] if long[0].startswith(f"{short[0]} ") else long[1]
    return of_both == short[1]


def _two_titles(one: str, other: str) -> Relation:
    if one.replace(" ", "") == other.replace(" ", ""):
        return "same"
    if _solid(one) == _solid(other):
        return "variant"
    mine, theirs = one.split(), other.split()
    short, long = sorted((mine, theirs), key=len)
    if len(short) >= FEW_WORDS and long[: len(short)] == short:
        # One has a subtitle; "trial" and "trial II" are two, and so are "trial" and its protocol.
        subtitle = " ".join(long[len(short) :])
        return "similar" if NUMBER.search(subtitle) or OTHER_REPORT.search(subtitle) else "variant"
    if most_alike(one, other) < ALIKE:
        return "another"
    if sorted(NUMBER.findall(one)) != sorted(NUMBER.findall(other)):
        return "another"
    if SequenceMatcher(None, one, other, autojunk=False).ratio() < ALIKE:
        return "another"
    return "variant" if _only_spelling(mine, theirs) else "similar"


def most_alike(one: str, other: str) -> float:
    """Return a bound of the ratio of `SequenceMatcher`: as if the letters stood in one order."""
    common = sum(min(one.count(letter), other.count(letter)) for letter in set(one))
    return 2 * common / (len(one) + len(other))


def _only_spelling(one: list[str], other: list[str]) -> bool:
    """Say whether titles differ by small words and by the spelling of long ones only."""
    mine, theirs = ([w for w in words if w not in SMALL_WORDS] for words in (one, other))
    return len(mine) == len(theirs) and all(
        a == b or (a[:SPELLED] == b[:SPELLED] and SequenceMatcher(None, a, b).ratio() >= ALIKE)
        for a, b in zip(mine, theirs, strict=True)
    )


def _solid(title: str) -> str:
    return "".join(word for word in title.split() if word not in SMALL_WORDS)
