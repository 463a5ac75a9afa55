"""One watch: the services in turn, each heard even if another is silent."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import listing, plural
from analysis_lib.importing.registry import read_record
from analysis_lib.importing.screening import FILE as RULES
from analysis_lib.importing.screening import ScreeningDecision, ScreeningRules, screen
from analysis_lib.importing.search import read_records
from analysis_lib.importing.search.record import Record, find_dois
from analysis_lib.importing.watching import kept
from analysis_lib.importing.watching.asking import Replay, UnansweredError
from analysis_lib.importing.watching.found import as_words
from analysis_lib.importing.watching.kept import Kept
from analysis_lib.importing.watching.known_works import as_record
from analysis_lib.importing.watching.queries import OfPubMed, OfRegistry, Searches
from analysis_lib.importing.watching.services import (
    CROSSREF,
    PUBMED,
    REGISTRY,
    Addresses,
    Notice,
    Study,
    articles,
    notices,
    studies,
)
from analysis_lib.review.found import Row, schema
from analysis_lib.review.model import Review

LONGEST_QUOTED: Final = 160  # characters of a record's words in the table; the answer has them all
JUDGED: Final = {"include": "met", "exclude": "not met", "unclear": "unclear"}
REPORTS: Final = "reports"  # what Crossref's query is called


@contextmanager
def _heard(harvest: Harvest) -> Iterator[None]:
    """Note that a service did not answer, and go on with the next."""
    try:
        yield
    except UnansweredError as failure:
        harvest.failures.append(str(failure))


@dataclass(slots=True)
class Harvest:
    """What came in, query by query.

    Attributes
    ----------
    rows : list of dict
        Notices about included reports, as rows of ``found.csv``.
    records : list of (dict, Record)
        Trials and articles, as rows and as records to compare.
    runs : list of dict
        The queries that were answered in whole.
    told, failures : list of str
        What to say of each query, and of each service that did not answer.
    """

    rows: list[Row] = field(default_factory=list)
    records: list[tuple[Row, Record]] = field(default_factory=list)
    runs: list[dict[str, str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asking:
    """Whom a watch asks for what, and since when.

    Attributes
    ----------
    review, searches
        What is watched.
    asker : Kept or Replay
        Answers, and keeps the answers in its folder.
    day : datetime.date
    contact : str
    at : Addresses
    runs : sequence of dict
        What earlier watches asked.
    first : datetime.date
        From when on a query asks that was never answered.
    """

    review: Review
    searches: Searches
    asker: Kept | Replay
    day: datetime.date
    contact: str
    at: Addresses
    runs: Sequence[Mapping[str, str]]
    first: datetime.date

    def everything(self, rules: ScreeningRules | None) -> Harvest:
        """Ask all that ``searches.toml`` names; what fails is told, and the rest is heard."""
        harvest = Harvest()
        if rules is None and self.searches.clinicaltrials:
            harvest.told.append(f"No {RULES}: the trials of the registry are not judged.")
        for name, query in self.searches.clinicaltrials.items():
            with _heard(harvest):
                self._trials(harvest, name, query, rules)
        for name, line in self.searches.pubmed.items():
            with _heard(harvest):
                self._articles(harvest, name, line)
        if self.searches.reports:
            self._reports(harvest)
        return harvest

    def _trials(
        self, harvest: Harvest, name: str, query: OfRegistry, rules: ScreeningRules | None
    ) -> None:
        asked = _one_line(
            "; ".join(
                f"{field}: {query[field]}" for field in OfRegistry.model_fields if query[field]
            )
        )
        since = self._since(REGISTRY, asked)
        found = list(studies(self.asker, self.at, name, query, since))
        rows = [self._registration(study, name, rules) for study in found]
        harvest.records += [(row, as_record(row)) for row in rows]
        self._done(harvest, REGISTRY, name, asked, since, len(found))

    def _articles(self, harvest: Harvest, name: str, query: OfPubMed) -> None:
        asked = _one_line(query.term)
        since = self._since(PUBMED, asked)
        days = since, self.day
        files, notes = articles(self.asker, self.at, name, query, days, self.contact)
        records = [record for file in files for record in read_records(self.asker.folder / file)]
        harvest.records += [(self._article(record, name), record) for record in records]
        harvest.told += notes
        self._done(harvest, PUBMED, name, asked, since, len(records))

    def _file(self, file: str) -> str:
        return f"{self.asker.folder.name}/{file}"

    def _since(self, service: str, asked: str) -> datetime.date:
        return kept.asked_since(self.runs, service, asked, self.first)

    def _done(
        self,
        harvest: Harvest,
        service: str,
        name: str,
        asked: str,
        since: datetime.date,
        records: int,
    ) -> None:
        harvest.runs.append(
            {
                "day": self.day.isoformat(),
                "service": service,
                "query": name,
                "asked": asked,
                "since": since.isoformat(),
                "folder": self.asker.folder.name,
                "records": str(records),
            }
        )
        if service != CROSSREF:
            harvest.told.append(f"{service}, {name}: {plural(records, 'record')} since {since}.")

    def _row(self, service: str, query: str, **told: str) -> Row:
        row = dict.fromkeys(schema().columns, "")
        common = {"day": self.day.isoformat(), "service": service, "query": query}
        return row | common | told

    def _registration(self, study: Study, query: str, rules: ScreeningRules | None) -> Row:
        judged, words = "", ""
        if rules is not None:
            try:
                decision = screen(read_record(study.text), self.review.criteria, rules)
            except ReviewError as error:
                judged, words = (
                    "unclear",
                    f"the record cannot be read: {' '.join(str(error).split())}",
                )
            else:
                judged = {"include": "met", "exclude": "not met"}.get(decision.decision, "unclear")
                words = _deciding_words(decision)
        return self._row(
            REGISTRY,
            query,
            found=study.id,
            kind="registration",
            title=as_words(study.title),
            judged=judged,
            words=as_words(words),
            file=self._file(study.file),
        )

    def _article(self, record: Record, query: str) -> Row:
        return self._row(
            PUBMED,
            query,
            found=f"PMID {record.pmid}",
            kind="article",
            title=as_words(record.title),
            authors=as_words(record.authors),
            year=str(record.year or ""),
            doi=as_words(record.doi),
            file=self._file(record.file),
        )

    def _reports(self, harvest: Harvest) -> None:
        """Ask what is said of the included reports."""
        dois = _dois_by_citation(self.review.path.parent / "book" / "references.bib")
        reports = self.review.reports.to_dict("records")
        with_doi = [report for report in reports if dois.get(str(report["citation"]))]
        without = [str(report["report"]) for report in reports if report not in with_doi]
        unknown, told = list[str](), 0
        with _heard(harvest):
            for report in with_doi:
                name, doi = str(report["report"]), dois[str(report["citation"])]
                found = notices(self.asker, self.at, name, doi, self.contact)
                unknown += [name] if found is None else []
                told += len(found or ())
                harvest.rows += [self._notice(report, notice) for notice in found or ()]
            k = len(with_doi)
            self._done(harvest, CROSSREF, REPORTS, "included reports", self.first, k)
            asked = plural(k, "included report")
            harvest.told.append(f"{CROSSREF}: {asked} asked for, {plural(told, 'notice')}.")
        if without:
            harvest.told.append(
                f"Without a DOI in references.bib, so not asked for: {listing(without)}."
            )
        if unknown:
            harvest.told.append(
                f"Not known to {CROSSREF} by the DOI of references.bib: {listing(unknown)}."
            )

    def _notice(self, report: Mapping[object, object], notice: Notice) -> Row:
        said = [notice.kind, " and ".join(notice.sources), notice.day]
        return self._row(
            CROSSREF,
            REPORTS,
            found=as_words(f"{report['report']}: {notice.kind} {notice.doi}".strip()),
            kind="notice",
            title=as_words(f"{report['first_author']} {report['year']}"),
            doi=as_words(notice.doi),
            words=as_words(", ".join(filter(None, said))),
            trial=str(report["trial"]),
            file=self._file(notice.file),
        )


def _deciding_words(decision: ScreeningDecision) -> str:
    """Return what decides: the criteria that are not met, or those unclear, or all."""
    wanted = {"exclude": "not met", "unclear": "unclear"}.get(decision.decision)
    told = [
        f"{one.criterion}: {_cut(one.words)}" + (f" ({one.field})" if one.field else "")
        for one in decision.judgements
        if wanted in (None, one.judgement)
    ]
    return "; ".join(told)


def _one_line(words: str) -> str:
    return " ".join(words.split())


def _cut(words: str) -> str:
    words = _one_line(words)
    return words if len(words) <= LONGEST_QUOTED else f"{words[:LONGEST_QUOTED]}..."


def _dois_by_citation(path: Path) -> dict[str, str]:
    from pybtex.database import parse_file  # only who watches waits for it
    from pybtex.exceptions import PybtexError

    try:
        entries = parse_file(path).entries
    except PybtexError as error:
        raise ReviewError(f"{path.name}: {_one_line(str(error))}") from None
    given = ((key, str(entry.fields.get("doi", ""))) for key, entry in entries.items())
    return {key: next(find_dois(doi), "") for key, doi in given}
