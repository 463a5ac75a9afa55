"""What three public services are asked, and what their answers say.

References
----------
ClinicalTrials.gov, API version 2: ``/studies`` with ``query.cond``, ``query.intr``, ``query.term``,
``filter.advanced``, ``pageToken``. NCBI, E-utilities: ESearch (JSON) by the day of entry, EFetch
(MEDLINE). Crossref, REST API: ``/works/{doi}``, whose ``updated-by`` names the notices about a
work, those of Retraction Watch too, and ``update-to`` the work that a notice is about.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, Field

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing.registry import NCT_ID
from analysis_lib.importing.search.record import cleaned
from analysis_lib.importing.watching.asking import Asker, Request, UnansweredError
from analysis_lib.importing.watching.queries import OfPubMed, OfRegistry
from analysis_lib.review.entries import checked

REGISTRY, PUBMED, CROSSREF = "ClinicalTrials.gov", "PubMed", "Crossref"
MOST_PAGES: Final = 1_000
A_PAGE: Final = 100  # studies; a study has up to two megabytes
MOST_IDS: Final = 9_999  # of one search, says PubMed
IDS_A_PAGE: Final = 1_000
RECORDS_AT_ONCE: Final = 200
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the services are."""

    registry: str = "https://clinicaltrials.gov/api/v2"
    pubmed: str = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
    crossref: str = "https://api.crossref.org"


@dataclass(frozen=True, slots=True)
class Study:
    """A study as the registry answers: its record, and the file in which it came."""

    text: str
    id: str
    title: str
    file: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said of a report: a retraction, a correction, a doubt.

    Attributes
    ----------
    kind : str
        In the service's words, such as "retraction".
    doi : str
        Of the notice.
    sources : tuple of str
        Who says so, such as "publisher" and "retraction-watch".
    day : str
        Since when, as far as it is told.
    file : str
        The answer in which it stands.
    """

    kind: str
    doi: str
    sources: tuple[str, ...]
    day: str
    file: str


class _Page(BaseModel):
    studies: list[dict[str, Any]]
    next_page: str | None = Field(None, alias="nextPageToken")
    total: int | None = Field(None, alias="totalCount")


class _Found(BaseModel):
    error: str = Field("", alias="ERROR")
    count: int | None = None
    idlist: list[Annotated[str, Field(pattern=r"^[0-9]{1,9}$")]] = []
    errorlist: dict[str, list[str]] = {}


class _Search(BaseModel):
    esearchresult: _Found


class _Moment(BaseModel):
    parts: list[list[int | None]] = Field([], alias="date-parts")


class _Update(BaseModel):
    doi: str = Field("", alias="DOI")
    type: str
    source: str = "publisher"
    updated: _Moment | None = None


class _Work(BaseModel):
    doi: str = Field(alias="DOI")
    updated_by: list[_Update] = Field([], alias="updated-by")
    update_to: list[_Update] = Field([], alias="update-to")


class _Message(BaseModel):
    message: _Work


def studies(
    asker: Asker, at: Addresses, name: str, query: OfRegistry, since: datetime.date
) -> Iterator[Study]:
    """Ask the registry for the studies that were posted or changed since a day.

    Raises
    ------
    UnansweredError
        If an answer is missing, is of another form than described, or if pages do not add up.
    """
    asked = {
        "query.cond": query.condition,
        "query.intr": query.intervention,
        "query.term": query.term,
        "filter.advanced": f"AREA[LastUpdatePostDate]RANGE[{since.isoformat()},MAX]",
        "countTotal": "true",
        "pageSize": str(A_PAGE),
        "format": "json",
    }
    given = {key: value for key, value in asked.items() if value}
    total, received, token = None, 0, ""
    for number in range(1, MOST_PAGES + 1):
        file = f"clinicaltrials-{name}-{number}.json"
        parameters = given | ({"pageToken": token} if token else {})
        request = Request(REGISTRY, file, f"{at.registry}/studies", parameters, "json", seconds=1.5)
        page = _as(asker.ask(request).json(REGISTRY), _Page, REGISTRY)
        total = page.total if number == 1 else total
        received += len(page.studies)
        for study in page.studies:
            yield _study(study, file)
        if not page.next_page:
            break
        if page.next_page == token:
            raise UnansweredError(f"{REGISTRY}: page {number} leads to itself")
        token = page.next_page
    if total is not None and received != total:
        raise UnansweredError(f"{REGISTRY}: gave {received} of {total} studies")


def _study(study: Mapping[str, Any], file: str) -> Study:
    module = _inside(study, "protocolSection", "identificationModule")
    number, title = module.get("nctId"), module.get("briefTitle")
    if not isinstance(number, str) or not NCT_ID.fullmatch(number):
        raise UnansweredError(
            f"{REGISTRY}: its answer is not of the form that it describes "
            "(protocolSection.identificationModule.nctId)"
        )
    shown = cleaned(title) if isinstance(title, str) else ""
    return Study(json.dumps(study, ensure_ascii=False), number, shown, file)


def _inside(document: Mapping[str, Any], *way: str) -> Mapping[str, Any]:
    for name in way:
        inner = document.get(name)
        document = inner if isinstance(inner, dict) else {}
    return document


def articles(
    asker: Asker,
    at: Addresses,
    name: str,
    query: OfPubMed,
    days: tuple[datetime.date, datetime.date],
    contact: str,
) -> tuple[list[str], list[str]]:
    """Ask PubMed for the articles that were entered between two days.

    Returns
    -------
    files : list of str
        The answers that hold them, in the form of MEDLINE.
    notes : list of str
        What the service says about the query.

    Raises
    ------
    UnansweredError
        If an answer is missing, is of another form than described, or if pages do not add up.
    ReviewError
        If the query finds more than the service gives away.
    """
    me = {"db": "pubmed", "tool": "analysis_lib", "email": contact}
    since, until = (day.strftime("%Y/%m/%d") for day in days)
    asked = me | {
        **{"term": query.term, "datetype": "edat", "mindate": since, "maxdate": until},
        **{"retmode": "json", "retmax": str(IDS_A_PAGE)},
    }
    ids, notes = _ids(asker, at, name, asked)
    files = []
    for number, start in enumerate(range(0, len(ids), RECORDS_AT_ONCE), start=1):
        some = ids[start : start + RECORDS_AT_ONCE]
        file = f"pubmed-{name}-{number}.txt"
        wanted = me | {"id": ",".join(some), "rettype": "medline", "retmode": "text"}
        address = f"{at.pubmed}/efetch.fcgi"
        asker.ask(Request(PUBMED, file, address, wanted, "medline", tuple(some), seconds=0.5))
        files.append(file)
    return files, notes


def _ids(
    asker: Asker, at: Addresses, name: str, asked: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    ids: list[str] = []
    notes: list[str] = []
    for number in range(1, MOST_IDS // IDS_A_PAGE + 2):
        file = f"pubmed-{name}-ids-{number}.json"
        parameters = {**asked, "retstart": str(len(ids))}
        request = Request(
            PUBMED, file, f"{at.pubmed}/esearch.fcgi", parameters, "json", seconds=0.5
        )
        found = _as(asker.ask(request).json(PUBMED), _Search, PUBMED).esearchresult
        if found.error or found.count is None:
            told = cleaned(found.error) or "the number of records is missing"
            raise UnansweredError(f"{PUBMED}, query {name}: {told}")
        if found.count > MOST_IDS:
            raise ReviewError(
                f"{PUBMED}, query {name}: {found.count:,} new records; it gives {MOST_IDS:,} at "
                "most. Narrow the query, or set since in searches.toml to a later day."
            )
        if number == 1:
            notes = [
                f"{PUBMED}, query {name}: not found: {cleaned(phrase)}"
                for phrases in found.errorlist.values()
                for phrase in phrases
            ]
        ids += found.idlist
        if len(ids) >= found.count:
            return list(dict.fromkeys(ids)), notes
        if not found.idlist:
            break
    raise UnansweredError(
        f"{PUBMED}, query {name}: gave {len(ids)} of {found.count} numbers; ask again"
    )


def notices(
    asker: Asker, at: Addresses, report: str, doi: str, contact: str
) -> tuple[Notice, ...] | None:
    """Ask Crossref what is said of a report.

    Returns
    -------
    tuple of Notice, or None
        ``None`` if Crossref does not know the DOI. One notice that a publisher and Retraction
        Watch both tell of is one.

    Raises
    ------
    UnansweredError
        If there is no answer, or one about another work or of another form than described.
    """
    file = f"crossref-{report}.json"
    address = f"{at.crossref}/works/{quote(doi, safe='')}"
    answer = asker.ask(
        Request(CROSSREF, file, address, {"mailto": contact}, "json", may_be_unknown=True)
    )
    if not answer.is_found:
        return None
    work = _as(answer.json(CROSSREF), _Message, CROSSREF).message
    if work.doi.casefold() != doi.casefold():
        raise UnansweredError(f"{CROSSREF}: was asked for {doi} and answers about another work")
    told = [(_word(update.type), update) for update in work.updated_by]
    told += [(f"notice of {_word(update.type)}", update) for update in work.update_to]
    by_notice: dict[tuple[str, str], list[_Update]] = {}
    for kind, update in told:
        by_notice.setdefault((kind, cleaned(update.doi).lower()), []).append(update)
    return tuple(
        Notice(
            kind,
            notice,
            tuple(sorted({cleaned(update.source) for update in updates})),
            min(filter(None, map(_day, updates)), default=""),
            file,
        )
        for (kind, notice), updates in by_notice.items()
    )


def _word(kind: str) -> str:
    return cleaned(kind).replace("_", " ").lower()


def _day(update: _Update) -> str:
    parts = update.updated.parts[0] if update.updated and update.updated.parts else []
    known = [part for part in parts if part is not None]
    return "-".join([f"{known[0]:04d}", *(f"{part:02d}" for part in known[1:3])]) if known else ""


def _as(document: object, model: type[Model], service: str) -> Model:
    """Return an answer as a model, or say in one line that its form is another."""
    try:
        return checked(document, model, service)
    except ReviewError as error:
        first = str(error).partition("\n- ")[2].splitlines()[0]
        raise UnansweredError(
            f"{first}: its answer is not of the form that it describes; see whether a newer "
            "version of this library knows it"
        ) from None
