"""RoB 2: from answers to signalling questions to a judgement a domain, and to one overall.

The version for individually randomised, parallel-group trials and the effect of assignment to
intervention. The algorithm is written down as the rows of the guidance's tables, so that a reader
can hold the two side by side; the questions are in short words of our own.

References
----------
Sterne JAC, Savović J, Page MJ, et al. RoB 2: a revised tool for assessing risk of bias in
randomised trials. BMJ 2019;366:l4898.

Higgins JPT, Savović J, Page MJ, Sterne JAC. Revised Cochrane risk-of-bias tool for randomized
trials (RoB 2): guidance, 22 August 2019. Tables 4, 6, 10, 12 and 14.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import listing
from analysis_lib.review.baseline import NOT_STATED
from analysis_lib.review.instruments import (
    CONCERNS,
    HIGH,
    LEVELS,
    LOW,
    OVERALL,
    ROB2,
    Instrument,
    check_item,
    instrument_names,
    used_instruments,
)

#: From the best to the worst; the fourth says that the judgement is not known.
JUDGEMENTS = (LOW, CONCERNS, HIGH, NOT_STATED)

ANSWERS = {
    "Y": "yes",
    "PY": "probably yes",
    "PN": "probably no",
    "N": "no",
    "NI": "no information",
    "NA": "not applicable",
}
YES, NO, UNKNOWN = frozenset({"Y", "PY"}), frozenset({"N", "PN"}), frozenset({"NI"})
NOT_YES, NOT_NO = NO | UNKNOWN, YES | UNKNOWN

ALL_OUTCOMES = "all"

Conditions = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Question:
    """A signalling question, its permitted answers, and when it is asked."""

    id: str
    text: str
    asked_if: Conditions = field(default_factory=dict)
    any_of: bool = False
    options: frozenset[str] = YES | NO | UNKNOWN

    def is_asked(self, answers: Mapping[str, str]) -> bool:
        """Say whether the answers so far lead to this question."""
        reached = [answers.get(id_) in wanted for id_, wanted in self.asked_if.items()]
        return not reached or (any(reached) if self.any_of else all(reached))


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the tool's algorithm: these answers give this judgement."""

    judgement: str
    answers: Conditions

    def holds(self, given: Mapping[str, str]) -> bool:
        """Say whether the given answers are those of the row."""
        return all(given.get(id_) in wanted for id_, wanted in self.answers.items())


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain of the tool: its questions and the parts of its algorithm.

    A domain with several parts is judged by the worst of them.
    """

    id: str
    title: str
    questions: tuple[Question, ...]
    parts: tuple[tuple[Rule, ...], ...]


DOMAINS: tuple[Domain, ...] = (
    Domain(
        "D1",
        ROB2.domains["D1"],
        (
            Question("1.1", "Was the allocation sequence random?"),
            Question("1.2", "Was it concealed until participants were enrolled and assigned?"),
            Question("1.3", "Do differences at baseline suggest that randomisation went wrong?"),
        ),
        (
            (
                Rule(LOW, {"1.1": NOT_NO, "1.2": YES, "1.3": NOT_YES}),
                Rule(CONCERNS, {"1.1": NO, "1.2": YES, "1.3": NOT_YES}),
                Rule(CONCERNS, {"1.2": YES, "1.3": YES}),
                Rule(CONCERNS, {"1.2": UNKNOWN, "1.3": NOT_YES}),
                Rule(HIGH, {"1.2": UNKNOWN, "1.3": YES}),
                Rule(HIGH, {"1.2": NO}),
            ),
        ),
    ),
    Domain(
        "D2",
        ROB2.domains["D2"],
        (
            Question("2.1", "Did participants know which intervention they received?"),
            Question("2.2", "Did those who gave care or the intervention know it?"),
            Question(
                "2.3",
                "Were there deviations from the intended intervention because of the trial?",
                {"2.1": NOT_NO, "2.2": NOT_NO},
                any_of=True,
            ),
            Question("2.4", "Were these deviations likely to affect the outcome?", {"2.3": YES}),
            Question("2.5", "Were they balanced between the groups?", {"2.4": NOT_NO}),
            Question("2.6", "Did the analysis suit the effect of assignment to intervention?"),
            Question(
                "2.7",
                "Could analysing participants outside their group have changed the result much?",
                {"2.6": NOT_YES},
            ),
        ),
        (
            (
                Rule(LOW, {"2.1": NO, "2.2": NO}),
                Rule(LOW, {"2.3": NO}),
                Rule(CONCERNS, {"2.3": UNKNOWN}),
                Rule(CONCERNS, {"2.3": YES, "2.4": NO}),
                Rule(CONCERNS, {"2.3": YES, "2.4": NOT_NO, "2.5": YES}),
                Rule(HIGH, {"2.3": YES, "2.4": NOT_NO, "2.5": NOT_YES}),
            ),
            (
                Rule(LOW, {"2.6": YES}),
                Rule(CONCERNS, {"2.6": NOT_YES, "2.7": NO}),
                Rule(HIGH, {"2.6": NOT_YES, "2.7": NOT_NO}),
            ),
        ),
    ),
    Domain(
        "D3",
        ROB2.domains["D3"],
        (
            Question("3.1", "Were data available for all, or nearly all, who were randomised?"),
            Question(
                "3.2",
                "Is there evidence that missing data did not bias the result?",
                {"3.1": NOT_YES},
                options=YES | NO,
            ),
            Question("3.3", "Could being missing depend on the true value?", {"3.2": NO}),
            Question("3.4", "Is it likely that it did?", {"3.3": NOT_NO}),
        ),
        (
            (
                Rule(LOW, {"3.1": YES}),
                Rule(LOW, {"3.1": NOT_YES, "3.2": YES}),
                Rule(LOW, {"3.1": NOT_YES, "3.2": NO, "3.3": NO}),
                Rule(CONCERNS, {"3.1": NOT_YES, "3.2": NO, "3.3": NOT_NO, "3.4": NO}),
                Rule(HIGH, {"3.1": NOT_YES, "3.2": NO, "3.3": NOT_NO, "3.4": NOT_NO}),
            ),
        ),
    ),
    Domain(
        "D4",
        ROB2.domains["D4"],
        (
            Question("4.1", "Was the way of measuring the outcome unsuitable?"),
            Question("4.2", "Could measurement have differed between the groups?"),
            Question(
                "4.3",
                "Did those who assessed the outcome know the intervention received?",
                {"4.1": NOT_YES, "4.2": NOT_YES},
            ),
            Question("4.4", "Could this knowledge have influenced assessment?", {"4.3": NOT_NO}),
            Question("4.5", "Is it likely that it did?", {"4.4": NOT_NO}),
        ),
        (
            (
                Rule(HIGH, {"4.1": YES}),
                Rule(HIGH, {"4.1": NOT_YES, "4.2": YES}),
                Rule(LOW, {"4.1": NOT_YES, "4.2": NO, "4.3": NO}),
                Rule(LOW, {"4.1": NOT_YES, "4.2": NO, "4.3": NOT_NO, "4.4": NO}),
                Rule(CONCERNS, {"4.1": NOT_YES, "4.2": UNKNOWN, "4.3": NO}),
                Rule(CONCERNS, {"4.1": NOT_YES, "4.2": UNKNOWN, "4.3": NOT_NO, "4.4": NO}),
                Rule(
                    CONCERNS,
                    {"4.1": NOT_YES, "4.2": NOT_YES, "4.3": NOT_NO, "4.4": NOT_NO, "4.5": NO},
                ),
                Rule(
                    HIGH,
                    {"4.1": NOT_YES, "4.2": NOT_YES, "4.3": NOT_NO, "4.4": NOT_NO, "4.5": NOT_NO},
                ),
            ),
        ),
    ),
    Domain(
        "D5",
        ROB2.domains["D5"],
        (
            Question("5.1", "Were the data analysed by a plan fixed before they were unblinded?"),
            Question("5.2", "Was the result likely picked from several outcome measurements?"),
            Question("5.3", "Was it likely picked from several analyses of the data?"),
        ),
        (
            (
                Rule(HIGH, {"5.2": YES}),
                Rule(HIGH, {"5.2": NOT_YES, "5.3": YES}),
                Rule(LOW, {"5.1": YES, "5.2": NO, "5.3": NO}),
                Rule(CONCERNS, {"5.1": NOT_YES, "5.2": NO, "5.3": NO}),
                Rule(CONCERNS, {"5.2": UNKNOWN, "5.3": NOT_YES}),
                Rule(CONCERNS, {"5.2": NO, "5.3": UNKNOWN}),
            ),
        ),
    ),
)

DOMAIN_IDS = tuple(domain.id for domain in DOMAINS)
_DOMAINS = {domain.id: domain for domain in DOMAINS}
_QUESTIONS = {question.id: question for domain in DOMAINS for question in domain.questions}


def domain_judgement(domain: str, answers: Mapping[str, str]) -> str:
    """Return the judgement that the tool's algorithm proposes for one domain.

    Parameters
    ----------
    domain
        D1 to D5.
    answers
        Question -> answer (Y, PY, PN, N, NI; NA or nothing where the question is not asked).
        Questions of other domains may be among them.

    Returns
    -------
    str
        low, some concerns or high; "not stated" while the answers given do not settle it.

    Raises
    ------
    ReviewError
        If an answer is not one the question permits, or answers a question that the answers
        before it rule out.

    References
    ----------
    The guidance of 22 August 2019, Tables 4, 6, 10, 12 and 14 (see the module).

    Examples
    --------
    >>> domain_judgement("D1", {"1.1": "Y", "1.2": "NI", "1.3": "N"})
    'some concerns'
    """
    chosen = _domain(domain)
    given = _checked_answers(chosen, answers)
    return _worst([_part_judgement(part, given) for part in chosen.parts])


def asked_questions(domain: str, answers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the questions of a domain that the answers so far lead to.

    Examples
    --------
    >>> asked_questions("D3", {"3.1": "N", "3.2": "PN"})
    ('3.1', '3.2', '3.3')
    """
    return tuple(q.id for q in _domain(domain).questions if q.is_asked(answers))


def overall_judgement(domains: Iterable[str], *, concerns_for_high: int | None = None) -> str:
    """Return the overall judgement from the five domain judgements.

    Parameters
    ----------
    domains
        The judgement of each domain.
    concerns_for_high
        Number of domains with some concerns that together make the overall judgement high. The
        tool leaves this to the reviewers ("some concerns for multiple domains in a way that
        substantially lowers confidence in the result"); ``None`` leaves it out.

    Returns
    -------
    str
        The worst of the domains, made stricter by ``concerns_for_high``; "not stated" when a
        domain is not stated and the others do not already make it high.

    References
    ----------
    Sterne et al. 2019, Table 2.

    Examples
    --------
    >>> overall_judgement(["low", "some concerns", "low", "some concerns", "low"])
    'some concerns'
    >>> overall_judgement(
    ...     ["low", "some concerns", "low", "some concerns", "low"], concerns_for_high=2
    ... )
    'high'
    """
    found = list(domains)
    if not found:
        raise ReviewError("overall judgement: no domain judgements given")
    _check_words("domain judgement", found, JUDGEMENTS)
    if concerns_for_high is not None:
        if concerns_for_high < 1:
            raise ReviewError(f"concerns_for_high must be at least 1, got {concerns_for_high}")
        if found.count(CONCERNS) >= concerns_for_high:
            return HIGH
    return _worst(found)


def judgements(
    table: pd.DataFrame,
    *,
    outcome: str = ALL_OUTCOMES,
    trials: Sequence[str] | None = None,
    concerns_for_high: int | None = None,
    instrument: Instrument = ROB2,
) -> pd.DataFrame:
    """Return the matrix of judgements that a traffic-light plot shows.

    A judgement that the table records stands, since the tool lets reviewers depart from its
    proposal; where none is recorded it comes from the level below: a domain from its signalling
    questions, the overall judgement from the domains. Nothing is guessed.

    Parameters
    ----------
    table
        Columns trial, outcome, item (overall, D1 to D5 or a signalling question) and judgement
        (a judgement, or the answer to the question).
    outcome
        Whose judgements; rows for "all" hold for every outcome that has no row of its own.
    trials
        Trials to show, in this order; those without a row are "not stated". All trials of the
        table when absent.
    concerns_for_high
        See `overall_judgement`; of RoB 2 alone.
    instrument
        Whose judgements.

    Returns
    -------
    pandas.DataFrame
        Index trial; columns D1 to D5 and overall, or the domains of the other instrument; each
        cell a level of it or "not stated".

    Raises
    ------
    ReviewError
        For an unknown item, a word that is no judgement or answer, or a row given twice.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     {"trial": ["kell-2009"], "outcome": ["all"], "item": ["overall"], "judgement": ["high"]}
    ... )
    >>> judgements(table).loc["kell-2009", ["D1", "overall"]].tolist()
    ['not stated', 'high']
    """
    recorded = _recorded(table, outcome, instrument)
    shown = list(trials) if trials is not None else list(dict.fromkeys(table["trial"]))
    rows = [_row(recorded.get(trial, {}), concerns_for_high, instrument) for trial in shown]
    index = pd.Index(shown, name="trial", dtype="str")
    return pd.DataFrame(rows, index=index, columns=[*instrument.domains, OVERALL], dtype="str")


def overall_judgements(
    table: pd.DataFrame,
    *,
    outcome: str = ALL_OUTCOMES,
    trials: Sequence[str] | None = None,
    concerns_for_high: int | None = None,
) -> pd.Series:
    """Return the overall judgement of each trial, by the instrument with which it was judged.

    Parameters
    ----------
    table, outcome, trials, concerns_for_high
        As for `judgements`.

    Returns
    -------
    pandas.Series
        Index trial. RoB 2 where a trial was judged by several instruments and it is among them.
    """
    options = {"outcome": outcome, "trials": trials, "concerns_for_high": concerns_for_high}
    found = judgements(table, **options)[OVERALL]  # type: ignore[arg-type]  # as declared above
    for other in used_instruments(table):
        if other is not ROB2:
            theirs = judgements(table, instrument=other, **options)[OVERALL]  # type: ignore[arg-type]
            found = found.where(found != NOT_STATED, theirs)
    return found


def milder_than_domains(table: pd.DataFrame, names: Mapping[str, str]) -> Iterator[str]:
    """Say which recorded overall judgements are milder than a domain, against the instrument.

    Where an instrument takes its worst domain as the overall judgement (`Instrument.has_overall`),
    reviewers may judge a study worse than that, never better.

    Parameters
    ----------
    table
        As for `judgements`.
    names
        What the trials are called.
    """
    for instrument in used_instruments(table):
        if not instrument.has_overall:
            continue
        ranks = {level: rank for rank, level in enumerate(instrument.levels)}
        for outcome in dict.fromkeys(table["outcome"]):
            for trial, recorded in _recorded(table, outcome, instrument).items():
                overall = recorded.get(OVERALL, NOT_STATED)
                worse = [
                    f"{item} is {word}"
                    for item, word in recorded.items()
                    if item in instrument.domains
                    and ranks.get(word, -1) > ranks.get(overall, len(ranks))
                ]
                if worse:
                    whose = "" if outcome == ALL_OUTCOMES else f", {outcome}"
                    yield (
                        f"{names.get(trial, trial)}{whose}: {overall} overall, although "
                        f"{listing(worse)}; by {instrument.name} the overall judgement is at "
                        "least as bad as the worst domain"
                    )


def judgement_shares(
    matrix: pd.DataFrame, weights: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """Return the share of each judgement in each column of the matrix.

    Parameters
    ----------
    matrix
        From `judgements`.
    weights
        Trial -> its weight in the analysis, in any unit (a trial with two comparisons has their
        sum). Trials without a weight do not count; every trial counts the same when absent.

    Returns
    -------
    pandas.DataFrame
        Index as the columns of the matrix, columns `JUDGEMENTS` and whatever other level there is
        in the matrix; each row adds up to 1.
    """
    if matrix.empty:
        raise ReviewError("risk of bias: no trials to summarise")
    size = pd.Series(1.0, index=matrix.index)
    if weights is not None:
        size = pd.Series([float(weights.get(trial, 0.0)) for trial in matrix.index], matrix.index)
        for trial, weight in size.items():
            if not 0 <= weight < float("inf"):
                raise ReviewError(f"weight of {trial} must be finite and not negative: {weight}")
    if not size.sum() > 0:
        raise ReviewError("risk of bias: none of the trials has a weight above zero")
    words = [w for w in LEVELS if w in JUDGEMENTS or (matrix == w).to_numpy().any()]
    shares = {word: (matrix == word).mul(size, axis=0).sum() / size.sum() for word in words}
    return pd.DataFrame(shares)


def questions_table() -> pd.DataFrame:
    """Return every signalling question with its domain and the answers that lead to it."""
    rows = [
        {"domain": d.id, "title": d.title, "question": q.id, "text": q.text, "asked_if": _when(q)}
        for d in DOMAINS
        for q in d.questions
    ]
    return pd.DataFrame(rows)


def _when(question: Question) -> str:
    joint = " or " if question.any_of else " and "
    order = list(ANSWERS)
    return joint.join(
        f"{id_} is {'/'.join(sorted(wanted, key=order.index))}"
        for id_, wanted in question.asked_if.items()
    )


def _domain(name: str) -> Domain:
    if name not in _DOMAINS:
        raise ReviewError(f"domain must be one of {', '.join(DOMAIN_IDS)}, got {name!r}")
    return _DOMAINS[name]


def _checked_answers(domain: Domain, answers: Mapping[str, str]) -> dict[str, str]:
    unknown = [id_ for id_ in answers if id_ not in _QUESTIONS]
    if unknown:
        raise ReviewError(f"no such signalling question: {', '.join(unknown)}")
    given = {
        question.id: answers[question.id]
        for question in domain.questions
        if answers.get(question.id, "NA") != "NA"
    }
    for question in domain.questions:
        answer = given.get(question.id)
        if answer is None:
            continue
        if answer not in question.options:
            allowed = ", ".join(word for word in ANSWERS if word in question.options)
            raise ReviewError(f"answer to {question.id} must be one of {allowed}, got {answer!r}")
        if not question.is_asked(given):
            raise ReviewError(
                f"{question.id} is answered {answer!r}, but is asked only if {_when(question)}"
            )
    return given


def _part_judgement(part: tuple[Rule, ...], given: Mapping[str, str]) -> str:
    return next((rule.judgement for rule in part if rule.holds(given)), NOT_STATED)


def _worst(found: Sequence[str]) -> str:
    """Return the worst judgement; a judgement that is not known leaves only "high" certain."""
    if HIGH in found:
        return HIGH
    return max(found, key=JUDGEMENTS.index)


def _recorded(
    table: pd.DataFrame, outcome: str, instrument: Instrument
) -> dict[str, dict[str, str]]:
    """Return trial -> item -> word, an outcome's own rows before those for all outcomes."""
    missing = {"trial", "outcome", "item", "judgement"} - set(table.columns)
    if missing:
        raise ReviewError(f"risk of bias: no column {', '.join(sorted(missing))}")
    twice = table[table.duplicated(["trial", "outcome", "item"])]
    for _, row in twice.iterrows():
        raise ReviewError(f"risk of bias: {row['trial']}, {row['outcome']}, {row['item']}: twice")
    table = table[instrument_names(table) == instrument.name]
    recorded: dict[str, dict[str, str]] = {}
    for scope in dict.fromkeys((ALL_OUTCOMES, outcome)):
        for _, row in table[table["outcome"] == scope].iterrows():
            trial, item, word = str(row["trial"]), str(row["item"]), str(row["judgement"])
            if instrument is ROB2:
                _check_item(trial, item, word)
            else:
                check_item(instrument, item, word)
            recorded.setdefault(trial, {})[item] = word
    return recorded


def _check_item(trial: str, item: str, word: str) -> None:
    if item in _QUESTIONS:
        _check_words(f"{trial}, {item}: answer", [word], (*ANSWERS, NOT_STATED))
    elif item == OVERALL or item in _DOMAINS:
        _check_words(f"{trial}, {item}: judgement", [word], JUDGEMENTS)
    else:
        raise ReviewError(f"{trial}: {item!r} is no domain and no signalling question")


def _check_words(what: str, words: Iterable[str], known: Sequence[str]) -> None:
    for word in words:
        if word not in known:
            raise ReviewError(f"{what} must be one of {', '.join(known)}, got {word!r}")


def _proposals(items: Mapping[str, str], concerns_for_high: int | None) -> dict[str, str]:
    """Return what the level below proposes for each domain and for the overall judgement."""
    answers = {q: word for q, word in items.items() if q in _QUESTIONS and word != NOT_STATED}
    proposed = {domain: domain_judgement(domain, answers) for domain in DOMAIN_IDS}
    standing = [_standing(items, domain, proposed[domain]) for domain in DOMAIN_IDS]
    proposed[OVERALL] = overall_judgement(standing, concerns_for_high=concerns_for_high)
    return proposed


def _standing(items: Mapping[str, str], item: str, proposed: str) -> str:
    recorded = items.get(item, NOT_STATED)
    return proposed if recorded == NOT_STATED else recorded


def _row(
    items: Mapping[str, str], concerns_for_high: int | None, instrument: Instrument
) -> dict[str, str]:
    if instrument is ROB2:
        proposed = _proposals(items, concerns_for_high)
        return {item: _standing(items, item, proposed[item]) for item in proposed}
    row = {domain: items.get(domain, NOT_STATED) for domain in instrument.domains}
    worst = instrument.worst(word for domain, word in row.items() if domain[0] != "A")
    return row | {OVERALL: _standing(items, OVERALL, worst)}
