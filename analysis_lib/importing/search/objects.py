"""Read records in JSON: of Zotero and other managers (CSL), Crossref, OpenAlex, Europe PMC, Lens.

Each source nests under its own names; the places of what is wanted are listed here, and whatever
else an object holds is left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing.search.record import Found

SIGN = re.compile(r"\s*(?:\[\s*)?[{]\s*\"|\s*\[\s*\]")
#: Where the list of records may stand, if the file is not that list itself.
LISTS: Final = (
    *("message.items", "resultList.result", "results", "items", "data", "records", "references"),
    *("hits.hits", "response.docs", "works", "publications", "search-results.entry"),
)
WRAPPED: Final = ("data", "_source", "work", "attributes")  # around a record: Zotero's, others
#: Where in a record what stands, the preferred place first.
PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "title": ("title", "display_name", "titles.title", "dc:title", "bibjson.title"),
    "year": (
        *("issued.date-parts", "issued.raw", "issued.literal", "published.date-parts", "issued"),
        *("published-print.date-parts", "published-online.date-parts", "publication_year"),
        *("pubYear", "year_published", "year", "date_published", "publication_date", "date"),
        *("publicationYear", "journalInfo.yearOfPublication", "prism:coverDate", "pubdate"),
    ),
    "journal": (
        *("container-title", "publicationTitle", "journalTitle", "journalInfo.journal.title"),
        *("primary_location.source.display_name", "host_venue.display_name", "source.title"),
        *("venue", "journal.name", "journal.title", "journal", "prism:publicationName"),
        *("container.title", "fulljournalname"),
    ),
    "volume": (
        *("volume", "journalVolume", "journalInfo.volume", "biblio.volume", "journal.volume"),
        "prism:volume",
    ),
    "issue": (
        *("issue", "journalInfo.issue", "biblio.issue", "journal.issue", "prism:issueIdentifier"),
    ),
    "pages": (
        *("page", "pages", "pageInfo", "biblio.first_page", "start_page", "journal.pages"),
        *("first_page", "prism:pageRange"),
    ),
    "doi": ("DOI", "doi", "ids.doi", "externalIds.DOI", "external_ids.doi", "prism:doi"),
    "pmid": ("PMID", "pmid", "ids.pmid", "externalIds.PubMed", "external_ids.pmid"),
    "kind": (
        *("type", "itemType", "publication_type", "publicationTypes", "pubTypeList.pubType"),
        *("pubType", "type_crossref", "pubtype", "subtypeDescription"),
    ),
}
PEOPLE: Final = (
    "author",
    "authors",
    "creators",
    "authorships",
    "authorString",
    "dc:creator",
    "editor",
)
FAMILY: Final = ("family", "lastName", "last_name", "familyName", "surname", "collective_name")
GIVEN: Final = ("given", "firstName", "first_name", "givenName", "forename", "initials")
NUMBERED: Final = (("external_ids", "type"), ("articleids", "idtype"))  # of Lens, of PubMed
WHOLE: Final = (
    *("literal", "name", "author.display_name", "display_name", "display_name_best", "fullName"),
)


def read_objects(text: str) -> list[tuple[int, Found]]:
    """Return the number and the fields of each record of a file in JSON.

    Parameters
    ----------
    text
        The whole file: a list of records, the answer of a service, or one record in each line.

    Raises
    ------
    ReviewError
        For what is not JSON, with its line, and for JSON that holds no list of works.
    """
    works = [_unwrapped(work) for work in _works(_parsed(text))]
    if not any(map(_titles, works)):
        raise ReviewError(
            "JSON without titles; what is read of JSON is CSL (Zotero and other managers) and the "
            "answers of Crossref, OpenAlex, Europe PMC, Lens, Dimensions and Semantic Scholar; "
            "export it as RIS, or as .csv"
        )
    return [(number, _fields(work)) for number, work in enumerate(works, start=1)]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
        if len(lines) > 1 and all(line.lstrip().startswith("{") for _, line in lines):
            return [_line(number, line) for number, line in lines]
        raise ReviewError(
            f"row {error.lineno}: not readable JSON ({error.msg}); was it cut off?"
        ) from None
    except RecursionError:
        raise ReviewError(
            "JSON that is nested more deeply than any export; download the search as RIS or .csv"
        ) from None


def _line(number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        raise ReviewError(
            f"row {number}: not readable JSON, perhaps cut off; take the line out, or download the "
            "file again"
        ) from None


def _works(found: Any) -> list[Any]:
    """Return the list of records of a file."""
    if isinstance(found, list):
        return found
    for place in LISTS:
        several = found
        for key in place.split("."):
            several = several.get(key) if isinstance(several, dict) else None
        if isinstance(several, list):
            return several
    # Some put each work under its own name, as PubMed's summaries do.
    named = found.get("result", found) if isinstance(found, dict) and not _titles(found) else {}
    works = [one for one in named.values() if isinstance(one, dict)]
    return works if any(map(_titles, works)) else [found]


def _titles(work: Mapping[str, Any]) -> list[str]:
    return [text for place in PLACES["title"] for text in _texts(work, place)]


def _unwrapped(work: Any) -> Mapping[str, Any]:
    """Return the object of a record, without what is put around it; an empty one of no object."""
    if not isinstance(work, dict):
        return {}
    inner = (work[key] for key in WRAPPED if isinstance(work.get(key), dict))
    return work if "title" in work else next(inner, work)


def _fields(work: Mapping[str, Any]) -> Found:
    given = {
        field: next((texts for place in places if (texts := _texts(work, place))), [])
        for field, places in PLACES.items()
    }
    for place, kind in NUMBERED:
        for name in ("doi", "pmid"):
            listed = work.get(place)
            several = listed if isinstance(listed, list) else []
            same = [one for one in several if isinstance(one, dict) and one.get(kind) == name]
            given[name] = [*given[name], *(t for one in same for t in _texts(one, "value"))]
    authors = next((names for key in PEOPLE if (names := [*_people(work.get(key))])), [])
    return {**given, "authors": authors}


def _texts(value: Any, place: str) -> list[str]:
    """Return the texts at a place; those of a list one by one, but a date as one."""
    key, _, rest = place.partition(".")
    if isinstance(value, list):
        return [text for one in value for text in _texts(one, place)]
    value = value.get(key) if isinstance(value, dict) else None
    if rest == "date-parts" and isinstance(value, dict):
        parts = value.get(rest) or [[]]
        first = parts[0] if isinstance(parts[0], list) else parts
        return ["-".join(map(str, first))] if any(first) else []
    if rest:
        return _texts(value, rest)
    return [*_leaves(value)]


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    elif (
        isinstance(value, (str, int, float)) and not isinstance(value, bool) and str(value).strip()
    ):
        yield str(value)


def _people(value: Any) -> Iterator[str]:
    """Yield the names of people, the family name first where it is told apart."""
    if isinstance(value, str):
        # "Example, A; Sample, B", or as Europe PMC has it "Example A, Sample B."
        names = value.split(";" if ";" in value else ",")
        yield from (name.strip(" .") for name in names if name.strip(" ."))
    for one in value if isinstance(value, list) else ():
        if isinstance(one, str):
            yield one
            continue
        family, given, whole = (
            next((t[0] for name in names if (t := _texts(one, name))), "")
            for names in (FAMILY, GIVEN, WHOLE)
        )
        particle = next(iter(_texts(one, "non-dropping-particle")), "")
        if family:
            yield f"{particle} {family}".strip() + (f", {given}" if given else "")
        elif whole:
            yield whole
