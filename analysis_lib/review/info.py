"""What a review is: the words of ``review.toml``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, Final, Literal, TypeAlias, cast, get_args

from pydantic import AfterValidator, BeforeValidator, Field, Strict, model_validator

from analysis_lib.base.checks import check_choice
from analysis_lib.base.errors import ReviewError
from analysis_lib.pooling.dependent_effects import LIKELIHOODS
from analysis_lib.pooling.methods import EventMethodNames, EventMethods, MethodNames, Methods
from analysis_lib.review.entries import Entries, Items, Words

Side = Literal["experimental", "comparator"]
#: How comparisons that share an arm are treated; see `analysis_lib.review.dependence`.
Treatment: TypeAlias = Literal["split", "combine", "model"]
TREATMENTS: Final[tuple[Treatment, ...]] = get_args(Treatment)
SHARED_ARMS: Final = "shared_arms"
#: What the comparisons of a forest plot can be sorted by.
ORDERS: Final = ("effect", "weight", "year", "name", "risk of bias")


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


def _written_as(pattern: str, what: str) -> AfterValidator:
    """Return the check that a text is written so, and is otherwise told what it must be."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError(f"must be {what}")
        return text

    return AfterValidator(check)


ADDRESS: Final = _written_as(
    r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+", "one address, as in name@example.org"
)
REPOSITORY: Final = _written_as(
    r"https://(github|gitlab)\.com/[\w.-]{1,100}/[\w.-]{1,100}",
    "the address of a repository, as https://github.com/OWNER/NAME",
)
LICENCE: Final = _written_as(
    r"[\w.+-]{1,64}", "the short name of a licence in SPDX's list, as CC-BY-4.0"
)
OF_EVENTS: Final = tuple(field.name for field in fields(EventMethods))
OF_METHODS: Final = (*Methods(), SHARED_ARMS, *OF_EVENTS)


def _methods(entries: object) -> object:
    """Return the methods that a table names, or everything that is wrong with it."""
    if not isinstance(entries, dict):
        return entries
    faults = []
    for name, value in entries.items():
        try:
            check_choice("the name of a method", name, OF_METHODS)
            if name == SHARED_ARMS:
                check_choice(name, value, TREATMENTS)
            elif name in OF_EVENTS:
                EventMethods(**cast(EventMethodNames, {name: value}))
            else:
                Methods.named(cast(MethodNames, {name: value}))
        except ReviewError as error:
            faults.append(str(error))
    if faults:
        raise ValueError("; ".join(faults))
    methods = Methods(**{name: value for name, value in entries.items() if name in Methods()})
    if entries.get(SHARED_ARMS) == "model" and methods.tau2_method not in LIKELIHOODS:
        raise ValueError(
            f'shared_arms = "model" goes with tau2_method REML, ML or FE, not {methods.tau2_method}'
        )
    return methods


def _shared_arms(entries: object) -> object:
    """Return how shared arms are treated; what is wrong is told with the other methods."""
    given = entries.get(SHARED_ARMS) if isinstance(entries, dict) else None
    return given if given in TREATMENTS else TREATMENTS[0]


def _events(entries: object) -> object:
    """Return how events are pooled; what is wrong is told with the other methods."""
    if not isinstance(entries, dict):
        return EventMethods()
    return EventMethods(**_sound(entries))


def _sound(entries: Mapping[str, Any]) -> EventMethodNames:
    found: dict[str, Any] = {}
    for name in set(OF_EVENTS) & set(entries):
        try:
            EventMethods(**cast(EventMethodNames, {name: entries[name]}))
        except ReviewError:
            continue
        found[name] = entries[name]
    return cast(EventMethodNames, found)


class OfModerators(Entries):
    """What a review chooses for meta-regression: table ``[moderators]``.

    ``permutations`` is how many orders of the trials are drawn for a p value that is asked for so;
    few trials have fewer orders, and then all are looked at.
    """

    permutations: Annotated[int, Field(ge=99, le=99_999)] | None = None


def _known_order(order: str) -> str:
    if order.removeprefix("-") not in ORDERS:
        raise ValueError(f"must be one of {', '.join(ORDERS)}, or one of these after a minus")
    return order


class OfOutcome(Entries):
    """What a review chooses for one outcome: table ``[outcome.NAME]``.

    What is absent is as in ``[methods]``. ``assumed_risk`` are the risks without the intervention,
    at which the summary of findings tells what a ratio means for people, or of rates the events in
    one unit of person-time; by default the median of the trials' comparator arms. ``columns``,
    ``order``, ``limits`` and ``reference`` are those of its forest plots
    (`analysis_lib.plots.forest`); a column is one of the trials, of their interventions, or of the
    pooled effects.
    """

    event_method: Literal["MH", "Peto", "inverse"] | None = None
    model: Literal["common", "random"] | None = None
    correction: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    double_zeros: Literal["drop", "keep"] | None = None
    assumed_risk: Items[Annotated[float, Field(gt=0, allow_inf_nan=False)]] = ()
    columns: Items[Words] = ()
    order: Annotated[str, AfterValidator(_known_order)] | None = None
    limits: Annotated[tuple[float, float], Strict(strict=False)] | None = None
    reference: Annotated[float, Field(allow_inf_nan=False)] | None = None


class ReviewInfo(Entries):
    """What a review is: the words of ``review.toml``.

    ``experimental`` and ``comparator`` are the two sides of every comparison in the words of the
    review, ``short_names`` the same two for the heads of columns. ``methods``, ``events`` and
    ``shared_arms`` are the entries of the table ``[methods]``: how effects are pooled, what events
    need beside, and how comparisons that share an arm are treated.
    ``contact`` is an address to which a service may write that is asked for new trials,
    ``repository`` that of the public repository which holds the review, by which readers launch its
    notebooks, and ``license`` the licence under which it is published.
    """

    title: Words
    authors: Items[Words]
    question: Words
    registration: Words
    dates: Mapping[Words, Words] = {}
    citation: Words
    contact: Annotated[Words, ADDRESS] = ""
    repository: Annotated[Words, REPOSITORY] = ""
    license: Annotated[Words, LICENCE] = ""
    experimental: Words
    comparator: Words
    short_names: Annotated[
        tuple[Words, Words], Strict(strict=False), AfterValidator(_two_names)
    ] = Field(default_factory=lambda known: (known["experimental"], known["comparator"]))
    participants: Participants = Participants()
    methods: Annotated[Methods, BeforeValidator(_methods)] = Methods()
    events: Annotated[EventMethods, BeforeValidator(_events)] = Field(
        EventMethods(), validation_alias="methods"
    )
    shared_arms: Annotated[Treatment, BeforeValidator(_shared_arms)] = Field(
        TREATMENTS[0], validation_alias="methods"
    )
    outcome: Mapping[Words, OfOutcome] = {}
    moderators: OfModerators = OfModerators()
    risk_of_bias: RiskOfBias = RiskOfBias()

    def of_outcome(self, outcome: str) -> OfOutcome:
        """Return what the review chooses for one outcome."""
        return self.outcome.get(outcome, OfOutcome())

    def events_of(self, outcome: str) -> EventMethods:
        """Return how the events of one outcome are pooled."""
        chosen = self.of_outcome(outcome)
        own = {name: chosen[name] for name in OF_EVENTS if chosen[name] is not None}
        return self.events.but(**cast(EventMethodNames, own))
