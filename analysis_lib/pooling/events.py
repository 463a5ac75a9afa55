"""Pool events: Mantel-Haenszel, Peto and inverse variance, for counts and for incidence rates.

Where events are rare, the sampling variance of a trial's own effect is a poor guess, and an empty
cell has to be filled by a made-up number before there is an effect at all. Mantel-Haenszel and Peto
add up counts over the trials and need neither.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias, Unpack, get_args

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import FloatArray, check_choice
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import plural
from analysis_lib.effects.columns import Labels
from analysis_lib.effects.events import (
    AddToN,
    Cells,
    CorrectionRule,
    added,
    check_computable,
    check_correction,
    checked_cells,
    computable,
    log_odds_ratios,
    log_risk_ratios,
    parted,
    peto_scores,
    risk_differences,
    tells_nothing,
)
from analysis_lib.effects.rates import Rates, checked_rates, log_rate_ratios, rate_differences
from analysis_lib.pooling import mantel_haenszel as mh
from analysis_lib.pooling.absolute import AbsoluteEffect, absolute_effect
from analysis_lib.pooling.methods import EVENT_METHODS, MODELS, MethodNames, Methods
from analysis_lib.pooling.pooled_effect import (
    PooledEffect,
    confidence_interval,
    frozen,
    lower_tail,
    pool,
    pool_given_tau2,
    ratio,
)
from analysis_lib.pooling.tau2 import MeanModel

DoubleZeros: TypeAlias = Literal["drop", "keep"]
HeterogeneityAround: TypeAlias = Literal["MH", "inverse"]
Mask: TypeAlias = npt.NDArray[np.bool_]

EVENT_MEASURES = ("OR", "RR", "RD")
RATE_MEASURES = ("IRR", "IRD")
RATE_METHODS = ("MH", "Cochran", "inverse")
RD_VARIANCES = ("Sato", "Greenland")

#: Methods that add up counts, in words.
COUNTING = {"MH": "Mantel-Haenszel", "Cochran": "Cochran's ratio"}

#: Events are called rare below these (Cochrane Handbook, section 10.4.4).
FEW_EVENTS, SMALL_RISK = 5, 0.01


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class PooledEvents(PooledEffect):
    """The result of `pool_events` and `pool_rates`: a `PooledEffect` that knows its counts.

    Attributes
    ----------
    measure, method, model : str
        What was asked for. The estimate of a ratio is its natural logarithm.
    shares : ndarray of shape (k,)
        The weights of the trials in the estimate; they sum to 1.
    corrected : tuple of str
        The trials whose own effect needed the correction.
    left_out : tuple of str
        The trials without any information on a ratio, which are not among the ``labels``.
    correction : float
        What was added to each cell of the corrected trials.
    around : str
        The mean that Q, and the DerSimonian-Laird tau2, are taken around: "MH" or "inverse".
    rare : str or None
        A sentence where events are rare: what that means for the method that was used.

    Notes
    -----
    The own effect of a trial that cannot be computed (an empty cell and ``correct="none"``) is
    NaN; its counts are in the estimate, and it does not count in Q.
    """

    measure: str
    method: str
    model: str
    shares: FloatArray
    corrected: tuple[str, ...]
    left_out: tuple[str, ...]
    correction: float
    around: str
    rare: str | None

    @property
    def weights(self) -> FloatArray:
        """Share of each trial in the pooled effect; the shares sum to 1."""
        return self.shares

    @property
    def q_df(self) -> int:
        """Degrees of freedom of Q: trials with an effect of their own, minus one."""
        return max(0, int(np.isfinite(self.effect).sum()) - 1)

    def absolute(self, *, assumed_risk: float, per: float = 1000) -> AbsoluteEffect:
        """Return what the estimate means for people, or in person-time; see `absolute_effect`."""
        values = (self.estimate, *self.ci)
        estimate, low, high = values if self.measure in ("RD", "IRD") else map(math.exp, values)
        return absolute_effect(
            estimate, (low, high), self.measure, assumed_risk=assumed_risk, per=per
        )

    def handling(self, *, named: bool = True) -> str:
        """Say what was done with empty cells and with trials that tell nothing; else be empty.

        Parameters
        ----------
        named
            Whether the trials that were left out are named, or counted only.
        """
        told = []
        if self.corrected:
            trials = plural(len(self.corrected), "trial")
            told.append(
                f"{self.correction:g} was added to the cells of {trials} with an empty cell, for "
                f"{'its own effect' if len(self.corrected) == 1 else 'their own effects'}"
                f"{'' if self.by_inverse_variance else ', not for the pooled one'}."
            )
        if self.left_out:
            trials = plural(len(self.left_out), "trial")
            names = f" ({', '.join(self.left_out)})" if named else ""
            why = "nobody or everybody had the event in both arms"
            if self.measure in RATE_MEASURES:
                why = "there was no event in either arm"
            told.append(f"Left out, because {why}, which says nothing of a ratio: {trials}{names}.")
        return " ".join(told)

    @property
    def by_inverse_variance(self) -> bool:
        """Whether the trials' own effects were weighted, as in every random-effects model."""
        return self.method == "inverse" or self.model == "random"

    def title(self) -> str:
        """Say which model was fitted to how many trials, and by which method."""
        weights = "inverse" if self.model == "random" and self.method == "MH" else self.method
        return f"{PooledEffect.title(self)}: {self.measure}, {weights}"

    def _mean_model(self) -> MeanModel:
        known = np.isfinite(self.effect)
        return MeanModel(self.effect[known], self.variance[known])


class _Trials(NamedTuple):
    """What the two public functions have in common once counts are checked."""

    names: tuple[str, ...]
    effect: FloatArray
    variance: FloatArray
    corrected: Mask
    left_out: tuple[str, ...]
    combined: Callable[[], mh.Combined]  # the common effect of the counts
    rare: bool


def pool_events(
    events1: npt.ArrayLike,
    n1: npt.ArrayLike,
    events2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    measure: str = "OR",
    method: str = "MH",
    model: str = "common",
    correction: float = 0.5,
    double_zeros: DoubleZeros = "drop",
    correct: CorrectionRule = "only0",
    correct_pooled: bool = False,
    add_to_n: AddToN = "twice",
    rd_variance: str = "Sato",
    shrink: bool = False,
    heterogeneity: HeterogeneityAround | None = None,
    labels: Labels = None,
    **methods: Unpack[MethodNames],
) -> PooledEvents:
    r"""Pool events of two arms.

    Parameters
    ----------
    events1, n1, events2, n2 : array_like of shape (k,)
        People with the event and people in all, of the first and of the second arms.
    measure : {"OR", "RR", "RD"}
        Odds ratio, risk ratio or risk difference, first arm against second. Ratios are pooled and
        returned as natural logarithms.
    method : {"MH", "Peto", "inverse"}
        Mantel-Haenszel; Peto's odds ratio (for OR only); inverse variance.
    model : {"common", "random"}
        One true effect, or true effects that vary. The random-effects model weights the trials'
        own effects by inverse variances in every method, as RevMan and R's meta do.
    correction : float
        Added to the cells of a trial with an empty one, where its own effect needs it.
    double_zeros : {"drop", "keep"}
        What becomes of trials that tell nothing about a ratio: nobody had the event in either arm
        or, for the odds ratio, everybody had. A risk difference keeps them always.
    correct : {"only0", "if0all", "all", "none"}
        Which trials are corrected; see `risk_ratio`.
    correct_pooled : bool
        Put the corrected counts into the Mantel-Haenszel estimate too, as RevMan does. By default
        it needs no correction and gets none.
    add_to_n : {"twice", "once"}
        As in `risk_ratio`.
    rd_variance : {"Sato", "Greenland"}
        Variance of the Mantel-Haenszel risk difference: Sato's, as R's metafor, or Greenland and
        Robins', as RevMan and R's meta.
    shrink : bool
        Let the correction enter risk differences too, as R's metafor does; see `risk_difference`.
    heterogeneity : {"MH", "inverse"}, optional
        The mean that Q, and the DerSimonian-Laird tau2, are taken around: the Mantel-Haenszel
        estimate or the inverse-variance one. By default the former for method MH in the
        common-effect model and with ``tau2_method="DL"``, as RevMan 5 does.
    labels : sequence of shape (k,), optional
        Names of the trials.
    **methods
        As in `pool`; the common-effect model uses the level, and the normal distribution.

    Returns
    -------
    PooledEvents
        The estimate, its interval, heterogeneity, and what was corrected or left out.

    Raises
    ------
    ReviewError
        For impossible counts, unknown options, no trial that is left, or an arm without a single
        event over all trials, of which no ratio can be computed without a correction.

    Notes
    -----
    The formulas are in `analysis_lib.pooling.mantel_haenszel`.

    References
    ----------
    Cochrane Handbook for Systematic Reviews of Interventions, section 10.4.
    Deeks JJ, Higgins JPT (2010). Statistical algorithms in Review Manager 5.

    Examples
    --------
    >>> fit = pool_events([1, 0, 4], [100, 120, 210], [3, 2, 9], [100, 118, 205], measure="RR")
    >>> round(float(np.exp(fit.estimate)), 2), fit.corrected
    (0.35, ('study 2',))
    """
    check_choice("measure", measure, EVENT_MEASURES)
    check_choice("method", method, EVENT_METHODS)
    check_choice("rd_variance", rd_variance, RD_VARIANCES)
    check_choice("add_to_n", add_to_n, get_args(AddToN))
    check_correction(correction, correct)
    check_choice("double_zeros", double_zeros, get_args(DoubleZeros))
    if method == "Peto" and measure != "OR":
        raise ReviewError(f"method: Peto's is an odds ratio, not {measure}")
    cells, names = checked_cells(events1, n1, events2, n2, labels)
    if not names:
        raise ReviewError("events1: no trials")
    dropped = (double_zeros == "drop") & tells_nothing(cells, measure)
    cells, names, left_out = parted(cells, names, dropped)
    rare = _is_rare(cells)
    if method == "Peto":
        return _peto(cells, names, left_out, rare, model, methods)
    add = added(cells, correction, correct)
    if measure == "RR":
        effect, variance = log_risk_ratios(cells, add, add_to_n)
    elif measure == "OR":
        effect, variance = log_odds_ratios(cells, add)
    else:
        effect, variance = risk_differences(cells, add, shrink=shrink)

    def combined() -> mh.Combined:
        more = add if correct_pooled else np.zeros_like(add)
        a, b, c, d = cells
        counts = (a + more, b + more, c + more, d + more)
        if measure == "RD":
            differences, _ = risk_differences(cells, more, shrink=shrink)
            return mh.risk_difference(counts, differences, rd_variance)
        _check_events(measure, counts)
        return mh.odds_ratio(counts) if measure == "OR" else mh.risk_ratio(counts)

    trials = _Trials(names, effect, variance, add > 0, left_out, combined, rare)
    return _pooled(trials, measure, method, model, correction, heterogeneity, methods)


def pool_rates(
    events1: npt.ArrayLike,
    time1: npt.ArrayLike,
    events2: npt.ArrayLike,
    time2: npt.ArrayLike,
    *,
    measure: str = "IRR",
    method: str = "MH",
    model: str = "common",
    correction: float = 0.5,
    double_zeros: DoubleZeros = "drop",
    correct: CorrectionRule = "only0",
    correct_pooled: bool = False,
    shrink: bool = False,
    heterogeneity: HeterogeneityAround | None = None,
    labels: Labels = None,
    **methods: Unpack[MethodNames],
) -> PooledEvents:
    r"""Pool incidence rates of two arms.

    Parameters
    ----------
    events1, time1, events2, time2 : array_like of shape (k,)
        Events and person-time of the first and of the second arms.
    measure : {"IRR", "IRD"}
        Ratio (pooled and returned as a logarithm) or difference of the rates.
    method : {"MH", "Cochran", "inverse"}
        Mantel-Haenszel; Cochran's ratio, for IRR only; inverse variance.
    model, correction, double_zeros, correct, correct_pooled, shrink, heterogeneity, labels
        As in `pool_events`; what is corrected are the numbers of events.
    **methods
        As in `pool`.

    Returns
    -------
    PooledEvents
        As `pool_events`.

    Raises
    ------
    ReviewError
        For negative events, person-time that is not positive, and as `pool_events`.

    References
    ----------
    Cochrane Handbook, section 10.4; Rothman KJ, Greenland S, Lash TL (2008). Modern Epidemiology.

    Examples
    --------
    >>> fit = pool_rates([9, 8, 3], [413, 263, 487], [19, 19, 13], [398, 245, 435])
    >>> round(float(np.exp(fit.estimate)), 2)
    0.37
    """
    check_choice("measure", measure, RATE_MEASURES)
    check_choice("method", method, RATE_METHODS)
    check_correction(correction, correct)
    check_choice("double_zeros", double_zeros, get_args(DoubleZeros))
    if method == "Cochran" and measure != "IRR":
        raise ReviewError(f"method: Cochran's is a ratio of rates, not {measure}")
    rates, names = checked_rates(events1, time1, events2, time2, labels)
    dropped = (measure == "IRR" and double_zeros == "drop") & (
        (rates.events1 == 0) & (rates.events2 == 0)
    )
    columns, names, left_out = parted(rates, names, dropped)
    rates = Rates(*columns)
    add = added((rates.events1, rates.events2), correction, correct)
    if measure == "IRR":
        effect, variance = log_rate_ratios(rates, add)
    else:
        effect, variance = rate_differences(rates, add, shrink=shrink)

    def combined() -> mh.Combined:
        more = add if correct_pooled else np.zeros_like(add)
        counts = rates._replace(events1=rates.events1 + more, events2=rates.events2 + more)
        if measure == "IRD":
            return mh.rate_difference(counts, rate_differences(rates, more, shrink=shrink)[0])
        for arm, events in (("first", counts.events1), ("second", counts.events2)):
            _check_some(measure, f"no event in the {arm} arms", bool(events.any()))
        return (
            mh.cochran_rate_ratio(counts, effect) if method == "Cochran" else mh.rate_ratio(counts)
        )

    rare = bool(min(rates.events1.min(), rates.events2.min()) < FEW_EVENTS)
    trials = _Trials(names, effect, variance, add > 0, left_out, combined, rare)
    return _pooled(trials, measure, method, model, correction, heterogeneity, methods)


def _pooled(
    trials: _Trials,
    measure: str,
    method: str,
    model: str,
    correction: float,
    heterogeneity: HeterogeneityAround | None,
    names: MethodNames,
) -> PooledEvents:
    """Pool in the model that is asked for, with Q and tau2 around the mean that is asked for."""
    check_choice("model", model, MODELS)
    methods = Methods.named(names)
    around = _around(method, model, heterogeneity, methods)
    if model == "common" and method != "inverse":
        combined = trials.combined()
        methods = methods.but(tau2_method="FE", ci_method="wald")
        fit = _common(trials, combined, methods, around)
        shares = combined.weights / combined.weights.sum()
    else:
        check_computable(measure, trials.effect, trials.variance, trials.names)
        methods = methods if model == "random" else methods.but(tau2_method="FE", ci_method="wald")
        fit = _inverse_variance(trials, methods, around)
        shares = fit.weights
    return _with_counts(
        fit,
        trials,
        shares,
        measure=measure,
        method=method,
        model=model,
        correction=correction,
        around=around,
        rare=_rare_words(measure, method, model) if trials.rare and len(trials.names) > 1 else None,
    )


def _around(
    method: str, model: str, heterogeneity: HeterogeneityAround | None, methods: Methods
) -> HeterogeneityAround:
    if heterogeneity is not None:
        check_choice("heterogeneity", heterogeneity, get_args(HeterogeneityAround))
        if heterogeneity == "MH" and method != "MH":
            raise ReviewError(f"heterogeneity: around the MH estimate, but the method is {method}")
        return heterogeneity
    by_counts = method == "MH" and (model == "common" or methods.tau2_method == "DL")
    return "MH" if by_counts else "inverse"


def _common(
    trials: _Trials, combined: mh.Combined, methods: Methods, around: HeterogeneityAround
) -> PooledEffect:
    known = computable(trials.effect, trials.variance)
    y, v = trials.effect[known], trials.variance[known]
    several = len(y) > 1
    centre = combined.estimate
    if around == "inverse" and several:
        centre = pool(y, v, tau2_method="FE").estimate
    if combined.variance == 0:
        raise ReviewError(
            "nobody, or everybody, had the event in every arm: counts have no variance to add up; "
            "inverse variance, with a correction, has one"
        )
    se = float(np.sqrt(combined.variance))
    statistic = ratio(combined.estimate, se)
    return PooledEffect(
        effect=frozen(np.where(known, trials.effect, np.nan)),
        variance=frozen(np.where(known, trials.variance, np.nan)),
        labels=trials.names,
        methods=methods,
        estimate=combined.estimate,
        se=se,
        ci=confidence_interval(combined.estimate, se, None, methods.level),
        statistic=statistic,
        p_value=2 * lower_tail(-abs(statistic), None),
        df=None,
        tau2=0.0 if len(trials.names) > 1 else None,
        q=float(((y - centre) ** 2 / v).sum()) if several else 0.0,
    )


def _inverse_variance(
    trials: _Trials, methods: Methods, around: HeterogeneityAround
) -> PooledEffect:
    """Pool the trials' own effects; around the MH estimate, that gives Q and tau2."""
    if around == "inverse" or len(trials.names) == 1:
        return pool(trials.effect, trials.variance, labels=trials.names, **methods)
    q = float(((trials.effect - trials.combined().estimate) ** 2 / trials.variance).sum())
    weights = 1 / trials.variance
    degrees = len(weights) - 1
    spread = float(weights.sum() - (weights**2).sum() / weights.sum())
    if methods.tau2_method == "DL":
        tau2 = max(0.0, (q - degrees) / spread)
        studies = (trials.effect, trials.variance, trials.names)
        return replace(pool_given_tau2(studies, tau2, methods), q=q)
    return replace(pool(trials.effect, trials.variance, labels=trials.names, **methods), q=q)


def _peto(
    cells: Cells,
    names: tuple[str, ...],
    left_out: tuple[str, ...],
    rare: bool,
    model: str,
    methods: MethodNames,
) -> PooledEvents:
    """Pool (O - E)/V with weights V; a trial without information has none."""
    difference, v = peto_scores(cells)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect, variance = difference / v, 1 / v
    uncorrected = np.zeros(len(names), dtype=bool)

    def combined() -> mh.Combined:
        _check_some("OR", "nobody, or everybody, had the event in any trial", bool(v.any()))
        return mh.Combined(float(difference.sum() / v.sum()), float(1 / v.sum()), v)

    trials = _Trials(names, effect, variance, uncorrected, left_out, combined, rare)
    if model == "random":
        _check_some("OR", "a trial without information was kept", bool(v.all()))
    return _pooled(trials, "OR", "Peto", model, 0.0, None, methods)


def _with_counts(
    fit: PooledEffect, trials: _Trials, shares: FloatArray, **asked: object
) -> PooledEvents:
    fields = {name: getattr(fit, name) for name in PooledEffect.__dataclass_fields__}
    corrected = tuple(n for n, add in zip(trials.names, trials.corrected, strict=True) if add)
    return PooledEvents(
        **fields,
        shares=frozen(shares),
        corrected=corrected,
        left_out=trials.left_out,
        **asked,  # type: ignore[arg-type]  # the words that were asked for
    )


def _is_rare(cells: Cells) -> bool:
    """Say whether an arm has fewer than five events or the risk over all trials is under 1 %."""
    a, b, c, d = cells
    risk = (a + c).sum() / (a + b + c + d).sum()
    return bool(min(a.min(), c.min()) < FEW_EVENTS or risk < SMALL_RISK)


def _rare_words(measure: str, method: str, model: str) -> str:
    """Say what rare events mean for the method that was used, after section 10.4.4.

    Inverse-variance weights err most, in every random-effects model; Peto's odds ratio errs least
    where it fits; otherwise it is Mantel-Haenszel without a correction.
    """
    handbook = "(Cochrane Handbook, section 10.4.4)."
    if model == "random" or method == "inverse":
        instead = "Mantel-Haenszel or Peto" if measure == "OR" else "Mantel-Haenszel"
        return (
            f"Events are rare: inverse-variance weights can mislead. Read {instead}, with one true "
            f"effect, beside them {handbook}"
        )
    if method == "Peto":
        return (
            "Events are rare: Peto's method suits them where the arms of each trial are about as "
            "large and the effect is not very large; elsewhere Mantel-Haenszel does, without a "
            f"correction {handbook}"
        )
    return (
        f"Events are rare: {COUNTING[method]} adds up counts, which suits them better than "
        f"inverse-variance weights do {handbook}"
    )


def _check_events(measure: str, cells: Cells) -> None:
    """Raise where the counts over all trials leave the ratio without bounds."""
    if measure == "RD":
        return
    a, b, c, d = cells
    arms = (("first", a, b), ("second", c, d))
    for arm, events, others in arms:
        _check_some(measure, f"no event in the {arm} arms", bool(events.any()))
        if measure == "OR":
            _check_some(measure, f"nobody without the event in the {arm} arms", bool(others.any()))
    if measure == "OR":
        _check_some(measure, "no trial has the event in one arm", bool((a * d).any()))
        _check_some(measure, "no trial has the event in one arm", bool((b * c).any()))


def _check_some(measure: str, why: str, some: bool) -> None:
    if not some:
        peto = ", Peto's odds ratio" if measure == "OR" else ""
        raise ReviewError(
            f"{measure}: {why}: it cannot be pooled without a correction; inverse variance{peto} "
            "and corrected counts (correct_pooled) can"
        )
