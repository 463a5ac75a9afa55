"""From results to the sentences that a paper needs, so that words and numbers cannot part."""

from __future__ import annotations

from dataclasses import dataclass, replace

from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import (
    EVENT_MEASURES,
    GROUP_MEASURES,
    MEASURE_WORDS,
    RATIO_MEASURES,
    Interval,
    band,
    margin,
    pooled,
    scale_words,
)
from analysis_lib.conclusions.certainty import crossed
from analysis_lib.pooling.events import PooledEvents
from analysis_lib.pooling.pooled_dependent import PooledDependent
from analysis_lib.pooling.pooled_effect import FEWEST_FOR_SPREAD, PooledEffect

__all__ = [
    "MEASURE_WORDS",
    "Question",
    "cautions",
    "heterogeneity_sentence",
    "methods_sentence",
    "plain_words",
    "printed_sentence",
    "reach",
    "results_sentence",
    "share_of_benefit",
    "subject",
]

TAU2_WORDS = {
    "DL": "the DerSimonian and Laird method",
    "HE": "the Hedges method",
    "HS": "the Hunter and Schmidt method",
    "SJ": "the Sidik and Jonkman method",
    "ML": "maximum likelihood",
    "REML": "restricted maximum likelihood (REML)",
    "EB": "the empirical Bayes method",
    "PM": "the Paule and Mandel method",
}
CI_WORDS = {
    "wald": "is based on the normal distribution",
    "HK": "follows Hartung and Knapp",
    "HK-adhoc": "follows Hartung and Knapp, never narrower than with the classic standard error",
    "KR": "follows Kenward and Roger",
}
#: Whose interval it is, where another takes its place.
CI_NAMES = {
    "HK": "Hartung and Knapp",
    "HK-adhoc": "Hartung and Knapp",
    "KR": "Kenward and Roger",
}
PI_WORDS = {
    "HTS": "with a t distribution on k − 2 degrees of freedom",
    "V": "with a t distribution on k − 1 degrees of freedom",
    "HK": "with the Hartung and Knapp standard error and a t distribution on k − 1 degrees of "
    "freedom",
    "HK-PR": "with the Hartung and Knapp standard error and a t distribution on k − 2 degrees of "
    "freedom",
    "normal": "with the normal distribution",
    "KR": "with Kenward and Roger's standard error and degrees of freedom",
    "KR-PR": "with Kenward and Roger's standard error and one degree of freedom less than theirs",
}
#: What is compared between the arms when an effect is one on events.
EVENT_WORDS = {
    "RR": "risk",
    "RD": "risk",
    "OR": "odds",
    "HR": "hazard",
    "IRR": "rate",
    "IRD": "rate",
}


@dataclass(frozen=True, slots=True)
class Question:
    """The words in which an outcome is spoken of.

    Attributes
    ----------
    outcome
        As it stands in a sentence: "pain intensity", or the event: "a fall".
    first, second
        The arms; the effect is first minus second, or first over second.
    lower_is_better
        Whether a negative effect, or a ratio below 1, favours the first arm: yes for an event
        that harms, no for one that is wanted.
    measure, unit
        MD, SMD, RR, OR or RD, and the unit of the effect; a ratio has none.
    mid
        Minimal important difference, in the units of the effect. For a ratio it is a ratio: 0.8
        and 1.25 say the same.
    """

    outcome: str
    first: str
    second: str
    lower_is_better: bool
    measure: str = "MD"
    unit: str = ""
    mid: float | None = None

    @property
    def margin(self) -> float | None:
        """The minimal important difference on the scale on which effects are pooled."""
        if self.mid is None:
            return None
        try:
            return margin(self.mid, self.measure)
        except ReviewError as error:
            raise ReviewError(f"{self.outcome}: {error}") from None

    @property
    def is_ratio(self) -> bool:
        """Whether effects are pooled as logarithms of ratios."""
        return self.measure in RATIO_MEASURES

    def better_arm(self, effect: float) -> str:
        """Return the arm that an effect favours, given as it is pooled: its sign decides.

        Raises
        ------
        ReviewError
            For an effect of zero, which favours neither.
        """
        if effect == 0:
            raise ReviewError(f"{self.outcome}: no difference favours neither arm")
        return self.first if (effect < 0) == self.lower_is_better else self.second

    def with_unit(self, number: str) -> str:
        """Return a printed number with its unit; a ratio has none."""
        return number if self.is_ratio else f"{number} {self.unit}".strip()


def methods_sentence(fit: PooledEffect, measure: str = "MD") -> str:
    """Return the sentence that a methods section needs, from what was in fact done.

    Parameters
    ----------
    fit
        Result of `analysis_lib.pool`.
    measure
        What was pooled; of a ratio it is said that its logarithms were.

    Examples
    --------
    >>> import analysis_lib as al
    >>> print(methods_sentence(al.pool([0.2], [0.04])))
    One comparison was available, so nothing was pooled; its own 95% confidence interval is given.
    """
    if isinstance(fit, PooledDependent):
        return _method_of_modelled(fit, measure)
    level = fmt.percent(fit.level)
    scaled = scale_words(measure)
    handling = fit.handling() if isinstance(fit, PooledEvents) else ""
    after = f" {handling}" if handling else ""
    if fit.k == 1:
        computed = f", computed for the {scaled}," if scaled else ""
        return (
            f"{_comparisons(fit, measure).capitalize()} was available, so nothing was pooled; its "
            f"own {level} confidence interval{computed} is given.{after}"
        )
    counts = isinstance(fit, PooledEvents) and not fit.by_inverse_variance
    scale = f", each as the {scaled}," if scaled and not counts else ""
    of_scale = f", computed for the {scaled}," if scaled and counts else ""
    text = f"{_comparisons(fit, measure).capitalize()} were pooled{scale} by {_weighting(fit)}"
    interval = f"the {level} confidence interval{of_scale} {CI_WORDS[fit.ci_method]}"
    if fit.tau2_method == "FE":
        return f"{text} in a common-effect model; {interval}.{after}"
    by = TAU2_WORDS[fit.tau2_method]
    if fit.tau2_method == "DL" and _is_around_counts(fit):
        by += ", from Q around the Mantel-Haenszel estimate"
    parts = [
        f"{text} in a random-effects model",
        f"the between-study variance was estimated by {by}",
        interval,
    ]
    if fit.prediction_interval is None:
        what = _what_is_pooled(measure)
        parts.append(f"there are too few {what}s for a prediction interval")
    else:
        parts.append(f"the {level} prediction interval was computed {PI_WORDS[fit.pi_method]}")
    return "; ".join(parts) + f".{after}"


def _method_of_modelled(fit: PooledDependent, measure: str) -> str:
    """Return the sentence for comparisons whose covariance is in the model."""
    level, scaled = fmt.percent(fit.level), scale_words(measure)
    scale = f", each as the {scaled}," if scaled else ""
    trials = fmt.plural(fit.n_trials, "trial", spelled=True)
    text = f"{_comparisons(fit).capitalize()} of {trials} were pooled{scale}"
    shared = "by the covariance of those that share an arm"
    interval = f"the {level} confidence interval {CI_WORDS['wald']}"
    if fit.robust is not None:
        interval = (
            f"the {level} confidence interval is cluster-robust (CR2), with a t distribution on "
            f"{fmt.degrees(fit.robust.df)} degrees of freedom, because that of "
            f"{CI_NAMES[fit.ci_method]} takes comparisons as independent"
        )
    if fit.tau2 is None or fit.tau2_method == "FE":
        return f"{text} {shared}, with one true effect; {interval}."
    parts = [
        f"{text} in a three-level model, {shared}, with random effects between trials and between "
        "the comparisons of a trial",
        f"both variances were estimated by {TAU2_WORDS[fit.tau2_method]}",
        interval,
    ]
    if fit.prediction_interval is None:
        parts.append("there are too few trials for a prediction interval")
    else:
        parts.append(
            f"the {level} prediction interval, for one comparison in a new trial, was computed "
            f"{PI_WORDS[fit.pi_method]}, k being the number of trials"
        )
    return "; ".join(parts) + "."


def _weighting(fit: PooledEffect) -> str:
    """Return how the trials are weighted."""
    if not isinstance(fit, PooledEvents) or fit.method == "inverse":
        return "inverse-variance weighting"
    if fit.method == "Peto":
        own = "(O − E) / V"
        if fit.model == "common":
            return f"Peto's method, {own},"
        return f"inverse-variance weighting of Peto's log odds ratios, {own},"
    if fit.model == "common":
        return "the Mantel-Haenszel method, which adds up counts,"
    return (
        "inverse-variance weighting (Mantel-Haenszel adds up counts in a common-effect model only)"
    )


def _is_around_counts(fit: PooledEffect) -> bool:
    """Say whether Q is taken around the Mantel-Haenszel estimate."""
    return isinstance(fit, PooledEvents) and fit.around == "MH"


def results_sentence(fit: PooledEffect, question: Question) -> str:
    """Return the sentence that a results section needs: estimate, intervals, p value.

    Examples
    --------
    >>> import analysis_lib as al
    >>> ask = Question("pain", "loaded exercise", "unloaded exercise", True, unit="points")
    >>> results_sentence(al.pool([-0.5], [0.04]), ask).split(", ", 1)[1]
    'the mean difference in pain was −0.50 points (95% CI −0.89 to −0.11; p = 0.012).'
    """
    measure = question.measure
    what = f"{_words(measure)} {'for' if measure in EVENT_MEASURES else 'in'} {question.outcome}"
    interval = f"{fmt.percent(fit.level)} CI {fmt.effect_interval(fit.ci, measure)}"
    estimate = question.with_unit(fmt.effect(fit.estimate, measure))
    value = f"{estimate} ({interval}; {fmt.p_value(fit.p_value)})"
    if fit.k == 1:
        return f"In the one comparison available, the {what} was {value}."
    text = f"Across {_comparisons(fit)}, the pooled {what} was {value}"
    if fit.tau2_method == "FE":
        return f"{text}."
    if fit.prediction_interval is None:
        return f"{text}; a prediction interval cannot be estimated."
    return (
        f"{text}; the {fmt.percent(fit.level)} prediction interval runs from "
        f"{fmt.effect_interval(fit.prediction_interval, measure)}."
    )


def heterogeneity_sentence(fit: PooledEffect, measure: str = "MD") -> str:
    """Return the sentence on how much effects differ between studies, without labels for it.

    Parameters
    ----------
    fit
        Result of `analysis_lib.pool`.
    measure
        What was pooled; τ² of a ratio is that of its logarithms, which is said.

    Examples
    --------
    >>> import analysis_lib as al
    >>> heterogeneity_sentence(al.pool([-0.5], [0.04]))
    'With one comparison, heterogeneity cannot be estimated.'
    """
    if fit.q_p_value is None:
        return f"With one {_what_is_pooled(measure)}, heterogeneity cannot be estimated."
    degrees = "degree" if fit.q_df == 1 else "degrees"
    around = ", around the Mantel-Haenszel estimate," if _is_around_counts(fit) else ""
    text = (
        f"Cochran's Q{around} was {fmt.number(fit.q)} on {fit.q_df} {degrees} of freedom "
        f"({fmt.p_value(fit.q_p_value)}); I² = {fmt.percent(fit.i2)}"
    )
    if fit.tau2_method == "FE":
        return f"{text}; the model assumes one true effect."
    digits = fmt.tau2_digits(measure)
    if isinstance(fit, PooledDependent):
        return f"{text}{_by_level(fit, measure, digits)}."
    interval = f"{fmt.percent(fit.level)} CI {fmt.interval(fit.tau2_ci, digits)}"
    if fit.has_empty_tau2_set:
        interval = f"no value fits at the {fmt.percent(fit.level)} level: the effects differ less "
        interval += "than chance would make them"
    scaled = scale_words(measure).removeprefix("natural ")
    scale = f" for the {scaled}" if scaled else ""
    return f"{text}, τ² = {fmt.number(fit.tau2, digits)} ({interval}){scale}."


def _by_level(fit: PooledDependent, measure: str, digits: int) -> str:
    """Return both variances, each with its interval and its share of the whole variance."""
    if fit.tau2 is None:
        return "; with one trial, the variance of true effects cannot be estimated"
    told = [
        f"{fmt.number(sigma2, digits)} {name} ({fmt.percent(fit.level)} CI "
        f"{fmt.interval(limits, digits)}; {fmt.percent(share)} of the variance)"
        for name, sigma2, limits, share in zip(
            ("between trials", "within them"),
            fit.model.sigma2,
            fit.model.sigma2_ci,
            fit.model.i2,
            strict=True,
        )
    ]
    scaled = scale_words(measure).removeprefix("natural ")
    scale = f" for the {scaled}" if scaled else ""
    return f", τ² = {' and '.join(told)}{scale}"


def plain_words(fit: PooledEffect, question: Question) -> str:
    """Return what a result means, in words: direction, size, and what a new setting may see.

    Parameters
    ----------
    fit
        Result of `analysis_lib.pool`.
    question
        The outcome, the arms and the minimal important difference.

    Returns
    -------
    str
        Up to three sentences.

    Raises
    ------
    ReviewError
        If the minimal important difference is not positive, or is a ratio of 1.

    Notes
    -----
    Only what the intervals hold is said. "Important" always means: at least the minimal important
    difference.

    Examples
    --------
    >>> import analysis_lib as al
    >>> ask = Question("pain", "loaded exercise", "unloaded exercise", True)
    >>> plain_words(al.pool([-0.1], [0.04]), ask).partition(":")[2]
    ' the confidence interval lies on both sides of no difference.'
    """
    sentences = [_direction(fit, question), _size(fit, question), _new_setting(fit, question)]
    return " ".join(sentence for sentence in sentences if sentence)


def printed_sentence(estimate: float, ci: Interval, question: Question) -> str:
    """Return what a pooled result says that is known by its estimate and interval alone.

    Parameters
    ----------
    estimate, ci
        Pooled effect and its confidence interval as they are printed: a ratio as a ratio.
    question
        The outcome, the arms and the minimal important difference.

    Examples
    --------
    >>> ask = Question("pain", "loaded exercise", "unloaded exercise", True, unit="points", mid=1.5)
    >>> print(printed_sentence(-0.52, (-0.92, -0.08), ask))
    the difference is 0.52 points in favour of loaded exercise (−0.52, −0.92 to −0.08); the interval lies on one side of no difference, and the difference is smaller than the minimal important difference of 1.5 points
    >>> ask = Question("a fall", "exercise", "rest", True, "RR", mid=0.8)
    >>> print(printed_sentence(0.71, (0.55, 0.92), ask))
    the ratio is 0.71 in favour of exercise (0.55 to 0.92); the interval lies on one side of no difference, and the ratio is at least as far from 1 as the minimal important difference of 0.80 or 1.25
    """  # noqa: E501
    measure = question.measure
    effect, low, high = (pooled(value, measure) for value in (estimate, *ci))
    what = "ratio" if question.is_ratio else "difference"
    size = question.with_unit(fmt.effect(effect if question.is_ratio else abs(effect), measure))
    side = f" in favour of {question.better_arm(effect)}" if effect else ""
    interval = fmt.effect_interval((low, high), measure)
    if not question.is_ratio:
        interval = f"{fmt.effect(effect, measure)}, {interval}"
    text = f"the {what} is {size}{side} ({interval}); the interval {_beside_none((low, high))}"
    if question.margin is None:
        return text
    compared = _compared(question, smaller=abs(effect) < question.margin)
    return (
        f"{text}, and the {what} is {compared} the minimal important difference of "
        f"{_mid_words(question)}"
    )


def _beside_none(limits: Interval) -> str:
    """Return where an interval lies, as effects are pooled, beside no difference."""
    low, high = limits
    if low > 0 or high < 0:
        return "lies on one side of no difference"
    if low < 0 < high:
        return "lies on both sides of no difference"
    return "ends at no difference"


def reach(limits: Interval, question: Question) -> str:
    """Return in words how far an interval reaches to each side.

    Parameters
    ----------
    limits
        The ends as they are printed: those of a ratio as ratios.
    question
        The outcome, the arms and the minimal important difference.

    Examples
    --------
    >>> ask = Question("pain", "load", "no load", True, mid=1.5)
    >>> reach((-1.88, 0.83), ask)
    'from an important benefit of load to a benefit of no load too small to matter'
    """
    ends = [_end(pooled(limit, question.measure), question) for limit in limits]
    return f"from {ends[0]} to {ends[1]}"


def _end(limit: float, question: Question) -> str:
    if limit == 0:
        return "no difference"
    side = question.better_arm(limit)
    if question.margin is None:
        return f"a benefit of {side}"
    if abs(limit) >= question.margin:
        return f"an important benefit of {side}"
    return f"a benefit of {side} too small to matter"


def _what_is_pooled(measure: str) -> str:
    return "group" if measure in GROUP_MEASURES else "comparison"


def _comparisons(fit: PooledEffect, measure: str = "MD") -> str:
    return fmt.plural(fit.k, _what_is_pooled(measure), spelled=True)


def _words(measure: str) -> str:
    return MEASURE_WORDS.get(measure, measure)


def _mid_words(question: Question) -> str:
    """Return the minimal important difference in print; a ratio is told from either arm."""
    if question.mid is None:
        return ""
    if question.is_ratio:
        return " or ".join(fmt.ratio(end) for end in band(question.mid, question.measure))
    return question.with_unit(fmt.threshold(question.mid, least=1))


def _compared(question: Question, *, smaller: bool) -> str:
    """Return how an effect relates to the minimal important difference."""
    if question.is_ratio:
        return "closer to 1 than" if smaller else "at least as far from 1 as"
    return "smaller than" if smaller else "at least"


def _direction(fit: PooledEffect, question: Question) -> str:
    where = "In this comparison" if fit.k == 1 else "On average"
    what = subject(question)
    if crossed(fit.ci, (0.0,)) or 0.0 in fit.ci:
        return (
            f"{where}, {what} did not clearly differ between {question.first} and "
            f"{question.second}: the confidence interval {_beside_none(fit.ci)}."
        )
    better = question.better_arm(fit.estimate)
    other = question.second if better == question.first else question.first
    said = f"was better with {better} than with {other}"
    if question.measure in EVENT_MEASURES:
        was = "were" if question.measure == "OR" else "was"
        lower = "lower" if fit.estimate < 0 else "higher"
        said = f"{was} {lower} with {question.first} than with {question.second}"
    return f"{where}, {what} {said}: the confidence interval {_beside_none(fit.ci)}."


def subject(question: Question) -> str:
    """Return what the arms are compared in, as it stands in a sentence.

    Of events it is how often they happen; what is wanted has a chance, not a risk.

    Examples
    --------
    >>> ask = Question("recovery", "exercise", "rest", lower_is_better=False, measure="RR")
    >>> subject(ask)
    'the chance of recovery'
    """
    if question.measure not in EVENT_MEASURES:
        return question.outcome
    word = EVENT_WORDS[question.measure]
    if word == "risk" and not question.lower_is_better:
        word = "chance"
    return f"the {word} of {question.outcome}"


def _size(fit: PooledEffect, question: Question) -> str:
    half = question.margin
    if half is None:
        return ""
    ratio = "a ratio of " if question.is_ratio else ""
    mid = f"the minimal important difference ({ratio}{_mid_words(question)})"
    small, large = (_compared(question, smaller=smaller) for smaller in (True, False))
    low, high = fit.ci
    if -half < low and high < half:
        return f"Every value in the interval is {small} {mid}."
    if low >= half or high <= -half:
        return f"Every value in the interval is {large} {mid}."
    arms = [
        question.better_arm(end)
        for end, reaches in ((low, low <= -half), (high, high >= half))
        if reaches
    ]
    compared = "reaches" if abs(fit.estimate) >= half else f"is {small}"
    return (
        f"The estimate {compared} {mid}; the interval holds differences too small to matter and "
        f"important ones in favour of {arms[0] if len(arms) == 1 else 'either'}."
    )


def _new_setting(fit: PooledEffect, question: Question) -> str:
    limits = fit.prediction_interval
    if fit.k == 1 or fit.tau2 is None or fit.tau2_method == "FE":
        return ""
    if limits is None:
        return f"From {_comparisons(fit)}, what a new setting may see cannot be estimated."
    interval = f"prediction interval {fmt.effect_interval(limits, question.measure)}"
    if not fit.tau2:
        return (
            "The spread between settings was estimated as zero, so the interval for a new, similar "
            f"one ({interval}) tells how little is known, not how much settings differ."
        )
    if crossed(limits, (0.0,)) or 0.0 in limits:
        text = "In a new, similar setting the true effect may favour either"
    else:
        text = (
            "In a new, similar setting the true effect is expected to favour "
            f"{question.better_arm(fit.estimate)}"
        )
    text += f" ({interval})"
    share = share_of_benefit(fit, question)
    if share is None or fit.k < FEWEST_FOR_SPREAD:
        return f"{text}."
    ends = [share_of_benefit(replace(fit, estimate=end), question) or 0.0 for end in fit.ci]
    return (
        f"{text}; an important benefit of {question.first} is expected in about "
        f"{fmt.percent(share)} of such settings ({fmt.percent(min(ends))} to "
        f"{fmt.percent(max(ends))} over the confidence interval of the mean)."
    )


def cautions(fit: PooledEffect, measure: str = "MD") -> str:
    """Return what few comparisons, or a small spread by luck, make doubtful; else nothing.

    Parameters
    ----------
    fit
        Result of `analysis_lib.pool`.
    measure
        What was pooled.

    Examples
    --------
    >>> import analysis_lib as al
    >>> print(cautions(al.pool([0.1, 0.5], [0.04, 0.05])))
    Two comparisons hardly tell how much effects differ, and the intervals depend on it.
    """
    what = _what_is_pooled(measure)
    told = fit.cautions((what, f"{what}s"), lambda limits: fmt.effect_interval(limits, measure))
    return " ".join(told)


def share_of_benefit(fit: PooledEffect, question: Question) -> float | None:
    """Return the share of new settings with an important benefit of the first arm."""
    if question.margin is None:
        return None
    if question.lower_is_better:
        return fit.probability_beyond(-question.margin, "below")
    return fit.probability_beyond(question.margin, "above")
