"""GRADE: what the numbers of an analysis suggest for each domain, beside what reviewers recorded.

A prompt is not a rating. It applies one stated rule to numbers that it shows, so that a reader can
see where a recorded rating follows from them and where it rests on a judgement that no rule can
make. Indirectness is such a judgement and is never computed.

References
----------
Schünemann HJ, Higgins JPT, Vist GE, et al. Chapter 14: Completing 'Summary of findings' tables and
grading the certainty of the evidence. Cochrane Handbook for Systematic Reviews of Interventions.

Guyatt GH, Oxman AD, Kunz R, et al. GRADE guidelines 6. Rating the quality of evidence:
imprecision. J Clin Epidemiol 2011;64:1283-1293.

Zeng L, Brignardello-Petersen R, Hultcrantz M, et al. GRADE guidance 34: update on rating
imprecision using a minimally contextualized approach. J Clin Epidemiol 2022;150:216-224.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from scipy.special import ndtri

from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import RATE_MEASURES, RATIO_MEASURES
from analysis_lib.pooling.absolute import ABSOLUTE_MEASURES, AbsoluteEffect, absolute_effect
from analysis_lib.pooling.asymmetry import FEWEST_TO_READ, EggerTest
from analysis_lib.pooling.batch import PooledRows
from analysis_lib.pooling.pooled_effect import PooledEffect
from analysis_lib.review.baseline import NOT_STATED
from analysis_lib.review.instruments import HIGH, LOW, SEVERITY
from analysis_lib.review.risk_of_bias import JUDGEMENTS

RATINGS = ("very low", "low", "moderate", "high")
GRADE_DOMAINS = (
    "risk of bias",
    "inconsistency",
    "indirectness",
    "imprecision",
    "publication bias",
)
#: Handbook section 10.10.2: from here I2 "may represent substantial", "considerable" heterogeneity.
SUBSTANTIAL_I2, CONSIDERABLE_I2 = 0.5, 0.75
#: Below these nothing is called precise: chance may make any interval narrow.
FEWEST_PEOPLE, FEWEST_EVENTS = 100, 50
#: Egger and colleagues (BMJ 1997;315:629-634) took p < 0.1 as evidence of asymmetry.
EGGER_LEVEL = 0.1

#: What a test of asymmetry is called, by the first word of its method.
TEST_NAMES = {
    "Egger": "Egger's test",
    "Harbord": "Harbord's test",
    "Peters": "Peters' test",
    "Pustejovsky and Rodgers": "Pustejovsky and Rodgers' test",
}

#: From so many people of a thousand on, decimals say nothing.
FEWEST_WHOLE = 10

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a rule says about one domain.

    Attributes
    ----------
    domain
        One of `GRADE_DOMAINS`.
    rule
        The rule in words.
    finding
        The numbers that it was applied to.
    steps
        Levels to rate down: the fewest and the most that fit what is known; ``None`` where
        nothing can be computed.
    lacks : str
        What is not known and would decide; the fewest steps are then no suggestion.
    """

    domain: str
    rule: str
    finding: str
    steps: tuple[int, int] | None
    lacks: str = ""

    @property
    def suggestion(self) -> str:
        """The suggested step in words."""
        if self.steps is None:
            return "a reader's judgement"
        return f"cannot tell: {self.lacks}" if self.lacks else suggested(self.steps)


def suggested(steps: tuple[int, int]) -> str:
    """Return the fewest and the most steps in words.

    Examples
    --------
    >>> suggested((0, 0)), suggested((1, 2))
    ('do not rate down', 'rate down by 1 to 2')
    """
    low, high = steps
    if low == high:
        return "do not rate down" if low == 0 else f"rate down by {low}"
    return f"rate down by {low} to {high}"


@dataclass(frozen=True, slots=True)
class Assessment:
    """The prompts for one pooled result, and the rating that was recorded for it."""

    start: str
    prompts: tuple[Prompt, ...]
    recorded: str | None
    recorded_reasons: str

    @property
    def suggested(self) -> tuple[str, str]:
        """The lowest and the highest rating that the computed prompts allow."""
        computed = [prompt.steps for prompt in self.prompts if prompt.steps is not None]
        top = RATINGS.index(self.start)
        lowest = max(0, top - sum(most for _, most in computed))
        highest = max(0, top - sum(fewest for fewest, _ in computed))
        return RATINGS[lowest], RATINGS[highest]

    @property
    def suggested_text(self) -> str:
        """The suggested rating, as one word or as a range."""
        low, high = self.suggested
        return low if low == high else f"{low} to {high}"

    @property
    def agrees(self) -> bool | None:
        """Whether the recorded rating lies in the suggested range; ``None`` if none is recorded."""
        if self.recorded is None:
            return None
        low, high = map(RATINGS.index, self.suggested)
        return low <= RATINGS.index(self.recorded) <= high

    def table(self) -> pd.DataFrame:
        """Return the prompts as a table with columns domain, rule, finding, suggestion."""
        return pd.DataFrame(
            [
                {
                    "domain": prompt.domain,
                    "rule": prompt.rule,
                    "finding": prompt.finding,
                    "suggestion": prompt.suggestion,
                }
                for prompt in self.prompts
            ]
        )


def assess(
    fit: PooledEffect,
    *,
    judgements: Sequence[str],
    participants: float | None,
    mid: float | None = None,
    sd: float | None = None,
    assumed_risk: float | None = None,
    events: float | None = None,
    egger: EggerTest | ReviewError | None = None,
    measure: str = "MD",
    start: str = "high",
    recorded: str | None = None,
    recorded_reasons: str = "",
) -> Assessment:
    """Compute the prompts of all five domains for one pooled result.

    Parameters
    ----------
    fit
        Result of `analysis_lib.pool`.
    judgements
        Overall risk of bias of each comparison, in the order of ``fit.labels``.
    participants
        Number of participants in the analysis; ``None`` when not known.
    mid
        Minimal important difference, on the scale of pooling: in the unit of the effect, or for a
        ratio what `analysis_lib.base.measures.margin` makes of it.
    sd
        Standard deviation of the outcome between people, in the units of the effect (1 for a
        standardised mean difference); with ``mid`` it gives the optimal information size.
    assumed_risk
        Risk without the intervention; with a ratio in ``mid``, or a difference of risks, it gives
        the optimal information size of events.
    events
        Number of events in both arms; ``None`` for an outcome of another kind, or when not known.
    egger
        Result of the test of asymmetry that fits the measure, such as `analysis_lib.egger_test`,
        or why it has none; used when there are ten comparisons or more.
    measure
        What was pooled; the prompts print ratios where these are logarithms.
    start
        Starting level: high for randomised trials.
    recorded, recorded_reasons
        The reviewers' rating and their reasons.

    Returns
    -------
    Assessment

    Raises
    ------
    ReviewError
        If the judgements do not match the comparisons, a rating is unknown, or ``mid`` or ``sd``
        is not positive.

    Examples
    --------
    >>> import analysis_lib as al
    >>> fit = al.pool([-0.4, -0.9, 0.1], [0.04, 0.09, 0.05])
    >>> found = assess(fit, judgements=["low", "high", "low"], participants=180, mid=1.0, sd=2.0)
    >>> [prompt.suggestion for prompt in found.prompts][2]
    "a reader's judgement"
    """
    for name, rating in (("start", start), ("recorded", recorded)):
        if rating is not None and rating not in RATINGS:
            raise ReviewError(f"{name} must be one of {', '.join(RATINGS)}, got {rating!r}")
    for name, value in (("mid", mid), ("sd", sd), ("participants", participants)):
        if value is not None and not 0 < value < math.inf:
            raise ReviewError(f"{name} must be finite and greater than zero, got {value}")
    prompts = (
        risk_of_bias_prompt(fit, judgements),
        inconsistency_prompt(fit, mid, measure),
        Prompt(
            "indirectness",
            "Do the participants, interventions, comparisons and outcomes answer the question?",
            "cannot be computed",
            None,
        ),
        imprecision_prompt(
            fit, participants, mid, sd, measure, assumed_risk=assumed_risk, events=events
        ),
        publication_bias_prompt(fit, egger),
    )
    return Assessment(start, prompts, recorded, recorded_reasons)


def risk_of_bias_prompt(fit: PooledEffect, judgements: Sequence[str]) -> Prompt:
    """Return the prompt from the share of weight at each judgement.

    Notes
    -----
    The Handbook's guide speaks of where "most information" comes from; most is read as more than
    half of the weight. Weight whose judgement is not stated is counted as low and as high in turn.
    The levels of other instruments count as `analysis_lib.review.instruments.SEVERITY` says.
    """
    if len(judgements) != fit.k:
        raise ReviewError(f"judgements: {len(judgements)} for {fit.k} comparisons")
    for label, word in zip(fit.labels, judgements, strict=True):
        if word not in SEVERITY:
            raise ReviewError(f"{label}: judgement must be one of {', '.join(SEVERITY)}: {word!r}")
    share = {
        word: float(
            sum(w for w, j in zip(fit.weights, judgements, strict=True) if SEVERITY[j] == word)
        )
        for word in JUDGEMENTS
    }
    told = ", ".join(f"{word} {fmt.percent(part)}" for word, part in share.items() if part > 0)
    return Prompt(
        "risk of bias",
        "0 if more than half of the weight is at low risk; 2 if more than half is at high risk; "
        "else 1",
        f"weight by overall judgement: {told}",
        risk_of_bias_steps(share),
    )


def risk_of_bias_steps(share: Mapping[str, float]) -> tuple[int, int]:
    """Return the fewest and the most steps that shares of weight by judgement ask for.

    Examples
    --------
    >>> risk_of_bias_steps({"high": 0.6, "not stated": 0.4}), risk_of_bias_steps({"low": 0.6})
    ((2, 2), (0, 0))
    """
    low, high, unknown = (share.get(word, 0.0) for word in (LOW, HIGH, NOT_STATED))
    return _bias_steps(low + unknown, high), _bias_steps(low, high + unknown)


def _bias_steps(low: float, high: float) -> int:
    if low > 0.5:
        return 0
    return 2 if high > 0.5 else 1


def inconsistency_prompt(fit: PooledEffect, mid: float | None, measure: str = "MD") -> Prompt:
    """Return the prompt from I2 and from what the prediction interval adds to the confidence one.

    Parameters
    ----------
    fit, mid, measure
        As for `assess`.

    Notes
    -----
    The interval for a new setting is held against the null and, if known, the minimal important
    difference on both sides: inconsistency matters where it reaches across a threshold that the
    interval for the mean does not reach. With an estimated variance between studies of zero the
    prediction interval is wider only for its degrees of freedom, which is no sign of
    inconsistency.
    """
    rule = (
        f"1 if I² is {fmt.percent(SUBSTANTIAL_I2)} or more, or if τ² is above zero and the "
        "prediction interval crosses a threshold (no difference, the minimal important "
        "difference either way) that the "
        f"confidence interval does not; 2 if I² is {fmt.percent(CONSIDERABLE_I2)} or more and it "
        "does"
    )
    if fit.i2 is None:
        return Prompt("inconsistency", rule, "one comparison: nothing to compare", (0, 0))
    numbers = (
        f"I² {fmt.percent(fit.i2)}, {fmt.percent(fit.level)} interval for the mean "
        f"{fmt.effect_interval(fit.ci, measure)}, for a new setting "
        f"{fmt.effect_interval(fit.prediction_interval, measure)}"
    )
    step, further = inconsistency_step(fit.i2, fit.tau2, fit.ci, fit.prediction_interval, mid)
    if further is not None:
        numbers += f"; crossed by the latter only: {_told(further, measure)}"
    return Prompt("inconsistency", rule, numbers, (step, step))


def inconsistency_step(
    i2: float,
    tau2: float | None,
    ci: Interval,
    prediction_interval: Interval | None,
    mid: float | None,
) -> tuple[int, list[float] | None]:
    """Return the step of `inconsistency_prompt`, and the thresholds that bear on it, if any can."""
    is_substantial = i2 >= SUBSTANTIAL_I2
    if prediction_interval is None or not tau2:
        return int(is_substantial), None
    thresholds = _thresholds(mid)
    further = sorted(set(crossed(prediction_interval, thresholds)) - set(crossed(ci, thresholds)))
    if i2 >= CONSIDERABLE_I2 and further:
        return 2, further
    return int(is_substantial or bool(further)), further


def inconsistency_steps(rows: PooledRows, mid: float | None) -> list[int]:
    """Return the step of `inconsistency_prompt` of many pooled effects, of one measure."""
    names = ("i2", "tau2", "ci_low", "ci_high", "pi_low", "pi_high")
    steps = []
    for i2, tau2, *ends in zip(*(getattr(rows, name).tolist() for name in names), strict=True):
        pi = None if math.isnan(ends[2]) else (ends[2], ends[3])
        steps.append(inconsistency_step(i2, tau2, (ends[0], ends[1]), pi, mid)[0])
    return steps


def imprecision_prompt(
    fit: PooledEffect,
    participants: float | None,
    mid: float | None,
    sd: float | None,
    measure: str = "MD",
    *,
    assumed_risk: float | None = None,
    events: float | None = None,
) -> Prompt:
    """Return the prompt from the confidence interval and the optimal information size.

    Parameters
    ----------
    fit, participants, mid, sd, measure, assumed_risk, events
        As for `assess`.

    Notes
    -----
    Where the information size, or the number of people, is not known, the numbers cannot say that
    the result is precise enough. With very few people or events it is not, whatever the interval.
    """
    needed = None
    if mid is not None and sd is not None:
        needed = optimal_information_size(mid, sd)
    elif mid is not None and assumed_risk is not None:
        needed = information_size_of_events(assumed_risk, mid, measure)
    people = "number of participants not stated"
    if participants is not None:
        people = f"{fmt.count(participants)} participants"
    size = f"{people}, optimal information size {fmt.count(needed, absent='not known')}"
    few = _few(participants, events)
    step, found = imprecision_step(fit.ci, participants, mid, needed, few=bool(few))
    lacks = ""
    if step == 0 and participants is None:
        lacks = "the number of participants is not known"
    elif step == 0 and needed is None:
        lacks = "the optimal information size is not known"
    name = "no difference" if mid is None else "the minimal important difference, either way"
    rule = (
        f"1 for each threshold inside the confidence interval ({name}); if there is none, 1 when "
        "there are fewer participants than the optimal information size; in any case 1 with fewer "
        f"than {FEWEST_PEOPLE} participants or {FEWEST_EVENTS} events"
    )
    finding = (
        f"{fmt.percent(fit.level)} CI {fmt.effect_interval(fit.ci, measure)}, thresholds inside: "
        f"{_told(found, measure)}; {size}{few}"
    )
    return Prompt("imprecision", rule, finding, (step, max(step, int(bool(lacks)))), lacks)


def imprecision_step(
    ci: Interval,
    participants: float | None,
    mid: float | None,
    needed: float | None,
    *,
    few: bool,
) -> tuple[int, tuple[float, ...]]:
    """Return the least step of `imprecision_prompt`, and the thresholds inside the interval.

    ``needed`` is the optimal information size; ``few``, whether people or events are very few.
    """
    # Without a minimal important difference only the side of no difference can be asked about.
    found = crossed(ci, (0.0,) if mid is None else (-mid, mid))
    is_short = needed is not None and participants is not None and participants < needed
    return max(min(2, len(found)), int(is_short or few)), found


def _few(participants: float | None, events: float | None) -> str:
    """Say that there are few people or events, however narrow the interval; else be empty."""
    if participants is not None and participants < FEWEST_PEOPLE:
        return f"; fewer than {FEWEST_PEOPLE} participants"
    if events is not None and events < FEWEST_EVENTS:
        return f"; {fmt.count(events)} events, fewer than {FEWEST_EVENTS}"
    return ""


def publication_bias_prompt(fit: PooledEffect, egger: EggerTest | ReviewError | None) -> Prompt:
    """Return the prompt from the number of comparisons and, if there are enough, their test."""
    rule = (
        f"1 if there are {FEWEST_TO_READ} comparisons or more and the test of asymmetry that fits "
        f"the measure has p < {EGGER_LEVEL:g}"
    )
    comparisons = fmt.plural(fit.k, "comparison")
    if fit.k < FEWEST_TO_READ:
        finding = f"{comparisons}: too few to tell asymmetry from chance"
        return Prompt("publication bias", rule, finding, (0, 0))
    if not isinstance(egger, EggerTest):
        why = "no test was given" if egger is None else f"no test of asymmetry: {egger}"
        return Prompt("publication bias", rule, f"{comparisons}; {why}", None)
    step = int(egger.p_value < EGGER_LEVEL)
    name = TEST_NAMES.get(egger.method.split(":")[0], "test of asymmetry")
    finding = f"{comparisons}, {name} {fmt.p_value(egger.p_value)}"
    return Prompt("publication bias", rule, finding, (step, step))


def crossed(limits: Interval, thresholds: Sequence[float]) -> tuple[float, ...]:
    """Return the thresholds that lie strictly inside an interval.

    Examples
    --------
    >>> crossed((-0.92, 0.10), (-1.0, 0.0, 1.0))
    (0.0,)
    """
    return tuple(value for value in thresholds if limits[0] < value < limits[1])


def _told(thresholds: Sequence[float], measure: str) -> str:
    """Return thresholds as readers know them."""
    return ", ".join(fmt.effect(value, measure) for value in thresholds) or "none"


def _thresholds(mid: float | None) -> tuple[float, ...]:
    return (0.0,) if mid is None else (-mid, 0.0, mid)


def optimal_information_size(
    mid: float, sd: float, *, alpha: float = 0.05, power: float = 0.8
) -> int:
    """Return how many participants one trial would need to detect a difference.

    Parameters
    ----------
    mid
        The difference to detect.
    sd
        Standard deviation between people, in the same units.
    alpha, power
        Two-sided level and power.

    Returns
    -------
    int
        Participants in both arms of equal size.

    Raises
    ------
    ReviewError
        If ``mid`` or ``sd`` is not positive, or a probability is not between 0 and 1.

    Notes
    -----
    Twice the least whole number of at least 2 (z_{1-alpha/2} + z_power)^2 (sd / mid)^2.

    References
    ----------
    Guyatt et al. 2011 (see the module); the formula is that for comparing two means.

    Examples
    --------
    >>> optimal_information_size(0.2, 1.0)
    786
    """
    for name, value in (("mid", mid), ("sd", sd)):
        if not 0 < value < math.inf:
            raise ReviewError(f"{name} must be finite and greater than zero, got {value}")
    for name, value in (("alpha", alpha), ("power", power)):
        if not 0 < value < 1:
            raise ReviewError(f"{name} must lie between 0 and 1, got {value}")
    quantiles = float(ndtri(1 - alpha / 2) + ndtri(power))
    return 2 * math.ceil(2 * (quantiles * sd / mid) ** 2)


def information_size_of_events(
    assumed_risk: float,
    mid: float,
    measure: str,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
) -> int | None:
    """Return how many participants one trial would need to detect a difference of risks.

    Parameters
    ----------
    assumed_risk
        Risk in the second arm.
    mid
        The difference to detect, as pooled: the size of a logarithm for a ratio.
    measure
        RR, OR, HR or RD.
    alpha, power
        Two-sided level and power.

    Returns
    -------
    int or None
        Participants in both arms of equal size; ``None`` where the measure tells no risk, or the
        difference leads to no risk between 0 and 1.

    Notes
    -----
    Twice the least whole number of at least (z_{1-alpha/2} + z_power)^2 (p (1 - p) + q (1 - q)) /
    (p - q)^2, q being the assumed risk and p the risk that is less by the difference.

    References
    ----------
    Guyatt et al. 2011 (see the module); the formula is that for comparing two proportions.

    Examples
    --------
    >>> information_size_of_events(0.2, 0.1, "RD")
    394
    """
    of_people = measure in ABSOLUTE_MEASURES and measure not in RATE_MEASURES
    if not of_people or not 0 < assumed_risk < 1:
        return None
    value = math.exp(-mid) if measure in RATIO_MEASURES else -mid
    risk = absolute_effect(value, (value, value), measure, assumed_risk=assumed_risk, per=1).risk
    if not 0 < risk < 1:
        return None
    quantiles = float(ndtri(1 - alpha / 2) + ndtri(power))
    spread = risk * (1 - risk) + assumed_risk * (1 - assumed_risk)
    return 2 * math.ceil(quantiles**2 * spread / (risk - assumed_risk) ** 2)


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of a summary of findings, before its numbers become text.

    ``fit`` is ``None`` for an outcome without data. ``familiar`` turns a standardised mean
    difference into the units of an instrument that readers know: its name and its standard
    deviation between people. ``absolute`` says what the effect means for people at one assumed
    risk or more; ``without`` is the mean of the comparator, as text, where means are compared;
    ``wanted`` says that an event is a benefit, for the number needed to treat.
    """

    outcome: str
    follow_up: str
    fit: PooledEffect | None
    assessment: Assessment | None
    measure: str
    unit: str = ""
    trials: int | None = None
    participants: float | None = None
    familiar: tuple[str, float] | None = None
    absolute: tuple[AbsoluteEffect, ...] = ()
    without: str = ""
    wanted: bool = False


def summary_of_findings(findings: Sequence[Finding]) -> pd.DataFrame:
    """Return the summary-of-findings table, one row a finding, as text.

    Returns
    -------
    pandas.DataFrame
        Columns outcome, follow_up, trials, comparisons, participants, effect, without, with,
        difference, nnt, familiar, recorded, suggested, agreement.

    Notes
    -----
    A standardised mean difference is multiplied by the standard deviation of the familiar
    instrument (Handbook section 15.5.3.2).
    """
    rows = [_finding_row(finding) for finding in findings]
    columns = [
        "outcome", "follow_up", "trials", "comparisons", "participants", "effect", "without",
        "with", "difference", "nnt", "familiar", "recorded", "suggested", "agreement",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _finding_row(finding: Finding) -> Mapping[str, str]:
    fit, assessment = finding.fit, finding.assessment
    agrees = None if assessment is None else assessment.agrees
    return {
        "outcome": finding.outcome,
        "follow_up": finding.follow_up,
        "trials": fmt.count(finding.trials),
        "comparisons": fmt.count(0 if fit is None else fit.k),
        "participants": fmt.count(finding.participants),
        "effect": "no data" if fit is None else _effect_text(finding, fit),
        **_absolute_texts(finding),
        "familiar": "" if fit is None else _familiar_text(finding, fit),
        "recorded": (assessment.recorded if assessment else None) or "not stated",
        "suggested": assessment.suggested_text if assessment else "",
        "agreement": {True: "yes", False: "no", None: ""}[agrees],
    }


def _absolute_texts(finding: Finding) -> dict[str, str]:
    """Return what happens without and with the intervention, and the difference, for people."""
    found = finding.absolute
    per = [f" {_per(one, finding.unit)}" for one in found]
    risks = [one.assumed_risk * one.per for one in found]
    cells = {
        "without": [_people(x) + of for x, of in zip(risks, per, strict=True)],
        "with": [
            f"{_people(one.risk)} ({_people(one.risk_ci[0])} to {_people(one.risk_ci[1])}){of}"
            for one, of in zip(found, per, strict=True)
        ],
        "difference": [
            f"{_more(one.difference)}{of} "
            f"({_more(one.difference_ci[0])} to {_more(one.difference_ci[1])})"
            for one, of in zip(found, per, strict=True)
        ],
        "nnt": [one.nnt_words(wanted=finding.wanted) for one in found if not one.is_rate],
    }
    texts = {name: "; ".join(texts) for name, texts in cells.items()}
    return texts if found else {**texts, "without": finding.without}


def _per(effect: AbsoluteEffect, unit: str) -> str:
    """Return of how many people, or in how much person-time, events are counted.

    The unit is that of the outcome: ``person-years``, or ``events per person-year``.
    """
    per = f"per {fmt.count(effect.per)}"
    if not effect.is_rate:
        return per
    time = unit.rpartition("per ")[2].strip() or "person-time"
    if time == "person-time" or time[0].isdigit():
        return f"{per} units of {time}"
    return f"{per} {time}" if time.endswith("s") else f"{per} {time}s"


def _people(value: float) -> str:
    """Return people, or events, of a thousand; of few, with a decimal."""
    return fmt.number(value, 0 if value >= FEWEST_WHOLE or value == 0 else 1)


def _more(difference: float) -> str:
    if difference == 0:
        return "no difference"
    return f"{_people(abs(difference))} {'more' if difference > 0 else 'fewer'}"


def _effect_text(finding: Finding, fit: PooledEffect) -> str:
    has_unit = finding.unit and finding.measure not in RATIO_MEASURES
    unit = f" {finding.unit}" if has_unit else ""
    return f"{finding.measure} {fmt.effect_estimate(fit.estimate, fit.ci, finding.measure)}{unit}"


def _familiar_text(finding: Finding, fit: PooledEffect) -> str:
    if finding.familiar is None:
        return ""
    name, sd = finding.familiar
    if finding.measure != "SMD":
        raise ReviewError(f"{finding.outcome}: {name} needs an SMD, not {finding.measure}")
    if not 0 < sd < math.inf:
        raise ReviewError(f"{finding.outcome}: standard deviation of {name} must be positive: {sd}")
    return f"{fmt.estimate(fit.estimate * sd, (fit.ci[0] * sd, fit.ci[1] * sd), 1)} on {name}"
