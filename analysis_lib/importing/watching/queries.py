"""What a watch asks for: ``searches.toml``, and how each service is asked."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from analysis_lib.base.errors import ReviewError
from analysis_lib.review.cells import read_text
from analysis_lib.review.entries import Entries, Words, read_toml

FILE: Final = "searches.toml"
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}")


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError("must be a short name of letters, digits, - and _")
    return text


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


Name = Annotated[str, AfterValidator(_name)]


class OfRegistry(Entries):
    """A query of ClinicalTrials.gov, in the words of its search form."""

    condition: Words = ""
    intervention: Words = ""
    term: Words = ""

    @model_validator(mode="after")
    def _asks_something(self) -> OfRegistry:
        if not any((self.condition, self.intervention, self.term)):
            raise ValueError("needs at least one of condition, intervention, term")
        return self


class OfPubMed(Entries):
    """A query of PubMed, as its search line takes it."""

    term: Annotated[Words, AfterValidator(_filled)]


class Searches(Entries):
    """What is watched: the entries of ``searches.toml``.

    ``since`` is the day of the last search by hand, from which the first watch asks on, and absent
    in a review that nobody watches;
    ``overdue_after`` the number of days after which a search is overdue; ``reports`` whether
    Crossref is asked about the included reports.
    """

    since: datetime.date | None = None
    overdue_after: Annotated[int, Field(ge=1)] = 31
    reports: bool = True
    clinicaltrials: Mapping[Name, OfRegistry] = {}
    pubmed: Mapping[Name, OfPubMed] = {}


def read_searches(data: Path) -> Searches:
    """Read what a review watches.

    Raises
    ------
    ReviewError
        If the file is missing, or an entry is; with table, key and value of what is wrong.
    """
    path = data / FILE
    if not path.is_file():
        raise ReviewError(
            f"{FILE}: the file is missing from {data.name}/; it holds the queries of the watch, "
            'such as since = 2025-03-31 and [pubmed.trials] with term = "..."'
        )
    searches = read_toml(read_text(path), Searches, FILE)
    if not (searches.clinicaltrials or searches.pubmed or searches.reports):
        raise ReviewError(f"{FILE}: asks for nothing; it needs a table such as [pubmed.trials]")
    return searches
