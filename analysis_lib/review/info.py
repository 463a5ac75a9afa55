"""What a review is: the words of ``review.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, cast

from pydantic import AfterValidator, BeforeValidator, Field, Strict, model_validator

from analysis_lib.base.errors import ReviewError
from analysis_lib.pooling.methods import MethodNames, Methods
from analysis_lib.review.entries import Entries, Items, Words

Side = Literal["experimental", "comparator"]


class Difference(Entries):
    """Why the arms add up to another number of people than the review states."""

    n: int
    group: Side
    why: Words


class Participants(Entries):
    """The numbers of people that a review states; ``None`` where it states none."""

    total: int | None = None
    experimental: int | None = None
    comparator: int | None = None
    difference: Items[Difference] = ()

    @model_validator(mode="after")
    def _needs_a_total(self) -> Participants:
        if self.total is None and self.model_fields_set:
            raise ValueError("needs total, the number of people in all")
        return self


class RiskOfBias(Entries):
    """What a review adds to RoB 2.

    ``concerns_for_high`` is the number of domains with some concerns that together make the overall
    judgement high; ``None`` leaves it out.
    """

    concerns_for_high: Annotated[int, Field(ge=1)] | None = None


def _two_names(names: tuple[str, str]) -> tuple[str, str]:
    if names[0] == names[1]:
        raise ValueError("must be two names that differ")
    return names


def _methods(entries: object) -> object:
    """Return the methods that a table names, or everything that is wrong with it."""
    if not isinstance(entries, dict):
        return entries
    faults = []
    for name, value in entries.items():
        try:
            Methods.named(cast(MethodNames, {name: value}))
        except ReviewError as error:
            faults.append(str(error))
    if faults:
        raise ValueError("; ".join(faults))
    return Methods(**entries)


class ReviewInfo(Entries):
    """What a review is: the words of ``review.toml``.

    ``experimental`` and ``comparator`` are the two sides of every comparison in the words of the
    review, ``short_names`` the same two for the heads of columns.
    """

    title: Words
    authors: Items[Words]
    question: Words
    registration: Words
    dates: Mapping[Words, Words] = {}
    citation: Words
    experimental: Words
    comparator: Words
    short_names: Annotated[
        tuple[Words, Words], Strict(strict=False), AfterValidator(_two_names)
    ] = Field(default_factory=lambda known: (known["experimental"], known["comparator"]))
    participants: Participants = Participants()
    methods: Annotated[Methods, BeforeValidator(_methods)] = Methods()
    risk_of_bias: RiskOfBias = RiskOfBias()
