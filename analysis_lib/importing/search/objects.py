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

SIGN = re.compile(r"\s*(?:\[\s*)?[{]\s*\"")
#: Where the list of records may stand, if the file is not that list itself.
LISTS: Final = (
    *("message.items", "resultList.result", "results", "items", "data", "records", "references"),
    *("hits.hits", "response.docs", "works"),
)
WRAPPED: Final = ("data", "_source", "work")  # around a record: Zotero's interface, others
#: Where in a record what stands, the preferred place first.
PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "title": ("title", "display_name", "titleText", "bibjson.title"),
    "year": (
        *("issued.date-parts", "issued.raw", "issued.literal", "published.date-parts", "issued"),
        *("published-print.date-parts", "published-online.date-parts", "publication_year"),
        *("pubYear", "year_published", "year", "date_published", "publication_date", "date"),
    ),
    "journal": (
        *("container-title", "publicationTitle", "journalTitle", "journalInfo.journal.title"),
        *("primary_location.source.display_name", "host_venue.display_name", "source.title"),
        *("venue", "journal.name", "journal.title", "journal"),
    ),
    "volume": ("volume", "journalVolume", "journalInfo.volume", "biblio.volume", "journal.volume"),
    "issue": ("issue", "journalInfo.issue", "biblio.issue", "journal.issue"),
    "pages": (
        *("page", "pages", "pageInfo", "biblio.first_page", "start_page", "journal.pages"),
        "first_page",
    ),
    "doi": ("DOI", "doi", "ids.doi", "externalIds.DOI", "external_ids.doi"),
    "pmid": ("PMID", "pmid", "ids.pmid", "externalIds.PubMed", "external_ids.pmid"),
    "kind": (
        *("type", "itemType", "publication_type", "publicationTypes", "pubTypeList.pubType"),
        *("pubType", "type_crossref"),
    ),
}
PEOPLE: Final = ("author", "authors", "creators", "authorships", "authorString", "editor")
FAMILY: Final = ("family", "lastName", "last_name", "surname", "collective_name")
GIVEN: Final = ("given", "firstName", "first_name", "forename", "initials")
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
    if not any(_texts(work, place) for work in works for place in PLACES["title"]):
        raise ReviewError(
            "JSON without titles; what is read of JSON is CSL (Zotero and other managers) and the "
            "answers of Crossref, OpenAlex, Europe PMC, Lens and Semantic Scholar"
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
        raise ReviewError("JSON that is nested more deeply than any export") from None


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
    return [found]


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
    listed = work.get("external_ids")
    for one in listed if isinstance(listed, list) else ():  # Lens
        if isinstance(one, dict) and one.get("type") in ("doi", "pmid"):
            given[one["type"]] = [*given[one["type"]], str(one.get("value", ""))]
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
        # Europe PMC and others: "Example A, Sample B."
        yield from (name.strip(" .") for name in re.split(r"[;,]", value) if name.strip(" ."))
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
