"""From results to the sentences that a paper needs, so that words and numbers cannot part."""

from __future__ import annotations

from dataclasses import dataclass

from analysis_lib import formatting as fmt
from analysis_lib.certainty import crossed
from analysis_lib.errors import ReviewError
from analysis_lib.pooling import PooledEffect

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
}
PI_WORDS = {
    "HTS": "with a t distribution on k − 2 degrees of freedom",
    "V": "with a t distribution on k − 1 degrees of freedom",
    "HK": "with the Hartung and Knapp standard error and a t distribution on k − 1 degrees of "
    "freedom",
    "HK-PR": "with the Hartung and Knapp standard error and a t distribution on k − 2 degrees of "
    "freedom",
    "normal": "with the normal distribution",
}
Interval = tuple[float, float]

MEASURE_WORDS = {"MD": "mean difference", "SMD": "standardised mean difference"}


@dataclass(frozen=True, slots=True)
class Question:
    """The words in which an outcome is spoken of.

    Attributes
    ----------
    outcome
        As it stands in a sentence: "pain intensity".
    first, second
        The arms; the effect is first minus second.
    lower_is_better
        Whether a negative effect favours the first arm.
    measure, unit
        MD or SMD, and the unit of the effect.
    mid
        Minimal important difference, in the units of the effect.
    """

    outcome: str
    first: str
    second: str
    lower_is_better: bool
    measure: str = "MD"
    unit: str = ""
    mid: float | None = None

    def better_arm(self, effect: float) -> str:
        """Return the arm that an effect of this sign favours."""
        return self.first if (effect < 0) == self.lower_is_better else self.second

    def with_unit(self, number: str) -> str:
        """Return a printed number with its unit."""
        return f"{number} {self.unit}".strip()


def methods_sentence(fit: PooledEffect) -> str:
    """Return the sentence that a methods section needs, from what was in fact done.

    Examples
    --------
    >>> import analysis_lib as al
    >>> print(methods_sentence(al.pool([0.2], [0.04])))
    One comparison was available, so nothing was pooled; its own 95% confidence interval is given.
    """
    level = fmt.percent(fit.level)
    if fit.k == 1:
        return (
            "One comparison was available, so nothing was pooled; its own "
            f"{level} confidence interval is given."
        )
    pooled = f"{_comparisons(fit).capitalize()} were pooled by inverse-variance weighting"
    interval = f"the {level} confidence interval {CI_WORDS[fit.ci_method]}"
    if fit.tau2_method == "FE":
        return f"{pooled} in a common-effect model; {interval}."
    parts = [
        f"{pooled} in a random-effects model",
        f"the between-study variance was estimated by {TAU2_WORDS[fit.tau2_method]}",
        interval,
    ]
    if fit.prediction_interval is None:
        parts.append("there are too few comparisons for a prediction interval")
    else:
        parts.append(f"the {level} prediction interval was computed {PI_WORDS[fit.pi_method]}")
    return "; ".join(parts) + "."


def results_sentence(fit: PooledEffect, question: Question) -> str:
    """Return the sentence that a results section needs: estimate, intervals, p value.

    Examples
    --------
    >>> import analysis_lib as al
    >>> ask = Question("pain", "loaded exercise", "unloaded exercise", True, unit="points")
    >>> results_sentence(al.pool([-0.5], [0.04]), ask).split(", ", 1)[1]
    'the mean difference in pain was −0.50 points (95% CI −0.89 to −0.11; p = 0.012).'
    """
    measure = _measure(question)
    interval = f"{fmt.percent(fit.level)} CI {fmt.interval(fit.ci)}"
    value = (
        f"{question.with_unit(fmt.number(fit.estimate))} ({interval}; {fmt.p_value(fit.p_value)})"
    )
    if fit.k == 1:
        return f"In the one comparison available, the {measure} in {question.outcome} was {value}."
    text = f"Across {_comparisons(fit)}, the pooled {measure} in {question.outcome} was {value}"
    if fit.tau2_method == "FE":
        return f"{text}."
    if fit.prediction_interval is None:
        return f"{text}; a prediction interval cannot be estimated."
    return (
        f"{text}; the {fmt.percent(fit.level)} prediction interval runs from "
        f"{fmt.interval(fit.prediction_interval)}."
    )


def heterogeneity_sentence(fit: PooledEffect) -> str:
    """Return the sentence on how much effects differ between studies, without labels for it.

    Examples
    --------
    >>> import analysis_lib as al
    >>> heterogeneity_sentence(al.pool([-0.5], [0.04]))
    'With one comparison, heterogeneity cannot be estimated.'
    """
    if fit.q_p_value is None:
        return "With one comparison, heterogeneity cannot be estimated."
    degrees = "degree" if fit.q_df == 1 else "degrees"
    text = (
        f"Cochran's Q was {fmt.number(fit.q)} on {fit.q_df} {degrees} of freedom "
        f"({fmt.p_value(fit.q_p_value)}); I² = {fmt.percent(fit.i2)}"
    )
    if fit.tau2_method == "FE":
        return f"{text}; the model assumes one true effect."
    interval = f"{fmt.percent(fit.level)} CI {fmt.interval(fit.tau2_ci)}"
    return f"{text}, τ² = {fmt.number(fit.tau2)} ({interval})."


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
        If the minimal important difference is not positive.

    Notes
    -----
    Only what the intervals hold is said. "Important" always means: at least the minimal important
    difference.

    Examples
    --------
    >>> import analysis_lib as al
    >>> ask = Question("pain", "loaded exercise", "unloaded exercise", True)
    >>> plain_words(al.pool([-0.1], [0.04]), ask).partition(":")[2]
    ' the confidence interval includes no difference.'
    """
    if question.mid is not None and not question.mid > 0:
        raise ReviewError(f"{question.outcome}: mid must be greater than zero, got {question.mid}")
    sentences = [_direction(fit, question), _size(fit, question), _new_setting(fit, question)]
    return " ".join(sentence for sentence in sentences if sentence)


def printed_sentence(estimate: float, ci: Interval, question: Question) -> str:
    """Return what a pooled result says that is known by its estimate and interval alone.

    Parameters
    ----------
    estimate, ci
        Pooled effect, first arm minus second, and its confidence interval.
    question
        The outcome, the arms and the minimal important difference.

    Examples
    --------
    >>> ask = Question("pain", "loaded exercise", "unloaded exercise", True, unit="points", mid=1.5)
    >>> print(printed_sentence(-0.52, (-0.92, -0.08), ask))
    the difference is 0.52 points in favour of loaded exercise (−0.52, −0.92 to −0.08); the interval excludes no difference, and the difference is smaller than the 1.5 points that people notice
    """  # noqa: E501
    size = question.with_unit(fmt.number(abs(estimate)))
    side = f" in favour of {question.better_arm(estimate)}" if estimate else ""
    interval = f"{fmt.number(estimate)}, {fmt.interval(ci)}"
    excludes = "excludes" if ci[0] > 0 or ci[1] < 0 else "includes"
    text = f"the difference is {size}{side} ({interval}); the interval {excludes} no difference"
    if question.mid is None:
        return text
    compared = "smaller than" if abs(estimate) < question.mid else "at least"
    mid = question.with_unit(fmt.threshold(question.mid, least=1))
    return f"{text}, and the difference is {compared} the {mid} that people notice"


def reach(limits: Interval, question: Question) -> str:
    """Return in words how far an interval reaches to each side.

    Examples
    --------
    >>> ask = Question("pain", "load", "no load", True, mid=1.5)
    >>> reach((-1.88, 0.83), ask)
    'from a benefit of load that people notice to a benefit of no load too small to notice'
    """
    ends = [_end(limit, question) for limit in limits]
    return f"from {ends[0]} to {ends[1]}"


def _end(limit: float, question: Question) -> str:
    if limit == 0:
        return "no difference"
    words = f"a benefit of {question.better_arm(limit)}"
    if question.mid is None:
        return words
    noticed = "that people notice" if abs(limit) >= question.mid else "too small to notice"
    return f"{words} {noticed}"


def _comparisons(fit: PooledEffect) -> str:
    return fmt.plural(fit.k, "comparison", spelled=True)


def _measure(question: Question) -> str:
    return MEASURE_WORDS.get(question.measure, question.measure)


def _direction(fit: PooledEffect, question: Question) -> str:
    where = "In this comparison" if fit.k == 1 else "On average"
    if crossed(fit.ci, (0.0,)) or 0.0 in fit.ci:
        return (
            f"{where}, {question.outcome} did not clearly differ between {question.first} and "
            f"{question.second}: the confidence interval includes no difference."
        )
    better = question.better_arm(fit.estimate)
    other = question.second if better == question.first else question.first
    return (
        f"{where}, {question.outcome} was better with {better} than with {other}: the confidence "
        "interval excludes no difference."
    )


def _size(fit: PooledEffect, question: Question) -> str:
    if question.mid is None:
        return ""
    size = question.with_unit(fmt.threshold(question.mid, least=1))
    mid = f"the minimal important difference ({size})"
    low, high = fit.ci
    if -question.mid < low and high < question.mid:
        return f"Every value in the interval is smaller than {mid}."
    if low >= question.mid or high <= -question.mid:
        return f"Every value in the interval is at least {mid}."
    arms = [
        question.better_arm(end)
        for end, reaches in ((low, low <= -question.mid), (high, high >= question.mid))
        if reaches
    ]
    compared = "reaches" if abs(fit.estimate) >= question.mid else "is smaller than"
    return (
        f"The estimate {compared} {mid}; the interval holds differences too small to matter and "
        f"important ones in favour of {fmt.listing(arms)}."
    )


def _new_setting(fit: PooledEffect, question: Question) -> str:
    limits = fit.prediction_interval
    if fit.k == 1 or fit.tau2_method == "FE":
        return ""
    if limits is None:
        return f"From {_comparisons(fit)}, what a new setting may see cannot be estimated."
    if crossed(limits, (0.0,)):
        text = "In a new, similar setting the true effect may favour either"
    else:
        text = (
            "In a new, similar setting the true effect is expected to favour "
            f"{question.better_arm(fit.estimate)}"
        )
    text += f" (prediction interval {fmt.interval(limits)})"
    share = _share_of_benefit(fit, question)
    if share is None:
        return f"{text}."
    return (
        f"{text}; an important benefit of {question.first} is expected in about "
        f"{fmt.percent(share)} of such settings."
    )


def _share_of_benefit(fit: PooledEffect, question: Question) -> float | None:
    if question.mid is None:
        return None
    if question.lower_is_better:
        return fit.probability_beyond(-question.mid, "below")
    return fit.probability_beyond(question.mid, "above")
