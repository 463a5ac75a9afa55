"""Who may take part in a trial, from the free text of a registry: criteria by heading, and ages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from analysis_lib.base.errors import ReviewError, shown
from analysis_lib.importing.texts import plain

DAYS_A_YEAR: Final = 365.25
YEARS: Final = {
    "y": 1.0,
    "mo": 1 / 12,
    "w": 7 / DAYS_A_YEAR,
    "d": 1 / DAYS_A_YEAR,
    "h": 1 / 24 / DAYS_A_YEAR,
    "mi": 1 / 1440 / DAYS_A_YEAR,
}
AGE: Final = re.compile(
    r"(\d{1,4}(?:\.\d{1,3})?) ?(y|mo|w|d|h|mi)(?:(?:ea)?rs?|nths?|eeks?|ays?|ours?|n(?:ute)?s?)?"
    r"(?:\(s\))?",
    re.IGNORECASE,
)
NO_LIMIT: Final = frozenset(
    ("", "n a", "na", "none", "no limit", "no maximum", "no minimum", "not applicable", "0")
)
BULLET: Final = re.compile(r"^\s*(?:[*•\-–]|\d{1,3}[.)])\s+")
ESCAPED: Final = re.compile(r"\\([<>\[\]*_~^&#+\-.()=|`\\])")
NUMBERED: Final = re.compile(r"^\W*(?:[IVX]{1,4}|\d{1,2})[.)]\s+")

#: A heading behind a sentence: "Adults with pain. Exclusion: pregnancy."
WITHIN: Final = re.compile(
    r"((?<=[a-z\d)])[.;])[ \t]+(?=(?:key )?(?:inclusion|exclusion)(?: criteria)?[ \t]*:)",
    re.IGNORECASE,
)

#: Words of a heading that say which list it stands above, the clearer first.
OUT = re.compile(
    r"\b(?:exclusions?|excluded|ineligible|non ?inclusion|not (?:be )?(?:eligible|included)|"
    r"ausschlusskriterien|exclusao)\b"
)
IN = re.compile(r"\b(?:inclusions?|included|eligible|einschlusskriterien|inclusao)\b")
CRITERIA = re.compile(r"\b(?:crit\w+|\w+kriterien)\b|^(?:inclusions?|exclusions?)$")
#: Words that may stand beside them in a heading; with any other it is a criterion itself.
BESIDE: Final = frozenset(
    """
    key main major general primary principal core important crit criteria criterion critera
    criterias criterium criterios criteres criteri criterios requirements for of the this study
    studies trial trials participants participant patients patient subjects subject people persons
    individuals volunteers be will would can may are is were if they who that must meet met should
    include includes including all any each following one more or and at least to in into from with
    as follows below selection de d di para los las pacientes del estudio part group cohort arm
    phase a b c 1 2 3 4 non not have has either
    """.split()  # noqa: SIM905 - a list of so many words is read as one text
)
LONGEST_HEADING = 12  # words


@dataclass(frozen=True, slots=True)
class Criteria:
    """Who may take part and who may not, one entry a bullet, and what stands under no heading."""

    inclusion: tuple[str, ...]
    exclusion: tuple[str, ...]
    other: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Criteria:
        r"""Return the criteria of a text with headings.

        Examples
        --------
        >>> Criteria.of("Inclusion:\n* Adults\n\nPatients will be excluded if:\n* Fracture")
        Criteria(inclusion=('Adults',), exclusion=('Fracture',), other=())
        """
        lists: dict[str, list[str]] = {"inclusion": [], "exclusion": [], "other": []}
        current, apart = lists["other"], True
        for line in WITHIN.sub(r"\1\n", text).splitlines():
            if not line.strip():
                apart = True
                continue
            heading, rest = heading_of(line)
            if heading:
                current, line = lists[heading], rest
            entry = ESCAPED.sub(r"\1", BULLET.sub("", line).strip())
            if heading or apart or BULLET.match(line) or not current:
                current += [entry] if entry else []
            else:  # a line without a bullet goes on with the entry above it
                current[-1] += " " + entry
            apart = False
        return cls(*(tuple(entries) for entries in lists.values()))


def heading_of(line: str) -> tuple[str, str]:
    """Return the list above which a line stands, and what follows behind it; empty if above none.

    Examples
    --------
    >>> heading_of("**Key Exclusion Criteria:** pregnancy")
    ('exclusion', 'pregnancy')
    >>> heading_of("* Excluded from another trial")
    ('', '')
    """
    head, colon, rest = NUMBERED.sub("", line).partition(":")
    words = plain(head)
    known = {*OUT.sub(" ", IN.sub(" ", words)).split()} <= BESIDE
    if not known or len(words.split()) > LONGEST_HEADING or not (colon or CRITERIA.search(words)):
        return "", ""
    found = "exclusion" if OUT.search(words) else "inclusion" if IN.search(words) else ""
    return (found, rest.strip(" \t*_")) if found else ("", "")


def years_of(text: str | None) -> float | None:
    """Return an age in years; nothing where there is no limit.

    Raises
    ------
    ReviewError
        For a text that is no age.

    Examples
    --------
    >>> years_of("18 Years"), years_of("6 Month(s)"), years_of("N/A")
    (18.0, 0.5, None)
    """
    if text is None or plain(text) in NO_LIMIT:
        return None
    found = AGE.fullmatch(text.strip())
    if not found:
        raise ReviewError(f"age: {shown(text)} is no number of years, months, weeks, days or hours")
    return float(found[1]) * YEARS[found[2].lower()]
