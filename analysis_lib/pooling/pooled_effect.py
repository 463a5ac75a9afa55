"""Pool the effects of several studies: estimate, intervals, heterogeneity.

``pool`` fits the common-effect model (``tau2_method="FE"``) or the random-effects model and returns
a ``PooledEffect``. What it states about heterogeneity and about a new setting is computed from the
stored effects when it is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtrc, ndtr, ndtri, stdtr, stdtrit

from analysis_lib.base.checks import FloatArray, check_choice, check_effects
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import estimate as estimate_text
from analysis_lib.base.formatting import interval, number, p_value, percent, plural
from analysis_lib.base.results import Result
from analysis_lib.pooling.kenward_roger import kenward_roger
from analysis_lib.pooling.methods import PREDICTIONS, MethodNames, Methods, NamesItsMethods
from analysis_lib.pooling.tau2 import MeanModel, between_variance, q_profile, q_statistic

Interval = tuple[float, float]
#: With fewer studies the spread between them is hardly known, and what rests on it less.
FEWEST_FOR_SPREAD = 5


def with_digits(limits: Interval) -> str:
    """Return an interval with the digits that a printed result has."""
    return interval(limits, 4)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PooledEffect(Result, NamesItsMethods):
    """The result of ``pool``: one mean effect, how sure we are of it, and how effects vary.

    An absent value is ``None``: tau2 and what follows from it when there is one study, and the
    prediction interval where it has no degrees of freedom or where the model (FE) knows no
    distribution of effects.

    Attributes
    ----------
    effect, variance : ndarray of shape (k,)
        The input, read-only.
    labels : tuple of str
        Study labels.
    methods : Methods
        The methods in use, each also an attribute: ``tau2_method``, ``ci_method``, ``pi_method``,
        ``level``. ``ci_method`` is ``"wald"`` whenever there is one study.
    estimate, se : float
        Pooled effect and its standard error (Hartung and Knapp's where that is the method).
    ci : tuple of float
        Confidence interval (low, high) of the pooled effect.
    statistic, p_value : float
        Test of a pooled effect of zero, two-sided: z, or t on ``df`` degrees of freedom.
    df : float or None
        Degrees of freedom of the test and the interval; None for the normal distribution.
    tau2 : float or None
        Variance of the true effects between studies.
    q : float
        Cochran's Q.
    shared_tau2 : bool
        Whether tau2 comes from other studies too, as in subgroups that share one.
    """

    effect: FloatArray
    variance: FloatArray
    labels: tuple[str, ...]
    methods: Methods
    estimate: float
    se: float
    ci: Interval
    statistic: float
    p_value: float
    df: float | None
    tau2: float | None
    q: float
    shared_tau2: bool = False

    @property
    def k(self) -> int:
        """Number of studies."""
        return len(self.effect)

    @property
    def weights(self) -> FloatArray:
        """Share of each study in the pooled effect; the shares sum to 1."""
        weights = 1 / (self.variance + (self.tau2 or 0.0))
        return np.asarray(weights / weights.sum())

    @property
    def model_covariance(self) -> FloatArray:
        """Covariance of the effects under the fitted model, of shape (k, k)."""
        return np.diag(self.variance + (self.tau2 or 0.0))

    @property
    def q_df(self) -> int:
        """Degrees of freedom of Q."""
        return self.k - 1

    @property
    def q_p_value(self) -> float | None:
        """P value of Q, the test that all studies share one true effect."""
        return float(chdtrc(self.q_df, self.q)) if self.q_df else None

    @property
    def h2(self) -> float | None:
        """Q by its degrees of freedom, at least 1 (the square of Higgins and Thompson's H)."""
        return max(1.0, self.q / self.q_df) if self.q_df else None

    @property
    def i2(self) -> float | None:
        """Higgins and Thompson's I2 = max(0, (Q - df) / Q), a fraction (R's meta prints it)."""
        return None if self.h2 is None else 1 - 1 / self.h2

    @property
    def i2_tau2(self) -> float | None:
        """I2 = tau2 / (tau2 + typical sampling variance) (metafor and RevMan print it).

        The common-effect model does not estimate tau2; there it is the Q-based one, as in metafor.
        """
        if self.tau2 is None or self.typical_variance is None or self.tau2_method == "FE":
            return self.i2
        return self.tau2 / (self.tau2 + self.typical_variance)

    @property
    def typical_variance(self) -> float | None:
        """Higgins and Thompson's typical sampling variance; None for one study."""
        if self.k == 1:
            return None
        model = self._mean_model()
        weights = 1 / model.variance
        _, complement = model.residuals(weights)
        return self.q_df / float(weights @ complement) * model.unit

    @property
    def tau2_ci(self) -> Interval | None:
        """Q-profile confidence interval of tau2; None where tau2 comes from other studies too."""
        if self.tau2 is None or self.shared_tau2:
            return None
        model = self._mean_model()
        low, high = q_profile(model, self.level)
        return low * model.unit, high * model.unit

    @property
    def has_empty_tau2_set(self) -> bool:
        """Whether no tau2 fits the effects, which differ less than chance would make them.

        The Q-profile set is empty then, and ``tau2_ci`` is zero at both ends.
        """
        return self.tau2_ci is not None and self.tau2_ci[1] == 0

    @property
    def i2_ci(self) -> Interval | None:
        """Confidence interval of the tau2-based I2, from the limits of tau2."""
        limits, typical = self.tau2_ci, self.typical_variance
        if limits is None or typical is None:
            return None
        low, high = limits
        return low / (low + typical), high / (high + typical)

    @property
    def prediction_interval(self) -> Interval | None:
        """Where the true effect of a new, similar setting may lie (low, high)."""
        predictive = self._predictive()
        if predictive is None:
            return None
        scale, df = predictive
        return confidence_interval(self.estimate, scale, df, self.level)

    def probability_beyond(self, threshold: float, direction: str = "above") -> float | None:
        """Probability that the true effect of a new setting lies beyond a threshold.

        Parameters
        ----------
        threshold : float
            In the units of the effects.
        direction : {"above", "below"}
            Which side of the threshold.

        Returns
        -------
        float or None
            From the distribution of the prediction interval; None where that is None.

        Raises
        ------
        ReviewError
            For another direction or a threshold that is not finite.

        Notes
        -----
        ``P(T > (threshold - estimate) / sqrt(tau2 + SE**2))``, T being Student's t or normal as
        ``pi_method`` says.

        References
        ----------
        Higgins JPT, Thompson SG, Spiegelhalter DJ (2009). A re-evaluation of random-effects
        meta-analysis. Journal of the Royal Statistical Society A 172:137-159.

        Examples
        --------
        >>> fit = pool([0.1, 0.5, 0.9, 0.4], [0.04, 0.05, 0.04, 0.06])
        >>> round(fit.probability_beyond(0.0, "above"), 3)
        0.86
        """
        check_choice("direction", direction, ("above", "below"))
        if not math.isfinite(threshold):
            raise ReviewError(f"threshold must be finite, got {threshold}")
        predictive = self._predictive()
        if predictive is None:
            return None
        scale, df = predictive
        beyond = self.estimate - threshold if direction == "above" else threshold - self.estimate
        return lower_tail(ratio(beyond, scale), df)

    def _mean_model(self) -> MeanModel:
        return MeanModel(self.effect, self.variance)

    def _predictive(self) -> tuple[float, float | None] | None:
        """Return scale and degrees of freedom of a new setting's effect, centred on the mean."""
        if self.tau2 is None or self.tau2_method == "FE":
            return None
        lost, se_method = PREDICTIONS[self.pi_method]
        if se_method == "HK" and self.ci_method == "HK-adhoc":
            se_method = self.ci_method
        model = self._mean_model()
        weights = 1 / (model.variance + self.tau2 / model.unit)
        se, kr_df = _standard_error(model, weights, se_method)
        df = None if lost is None else (self.k if kr_df is None else kr_df) - lost
        if df is not None and not (df >= 1 or (kr_df is not None and df > 0)):
            return None
        return math.hypot(math.sqrt(self.tau2), se), df

    def __repr__(self) -> str:
        return (
            f"PooledEffect(k={self.k}, estimate={self.estimate:.4g}, "
            f"ci=({self.ci[0]:.4g}, {self.ci[1]:.4g}), tau2_method={self.tau2_method!r}, "
            f"ci_method={self.ci_method!r})"
        )

    def title(self) -> str:
        """Say which model was fitted to how many studies."""
        kind = "Common-effect" if self.tau2_method == "FE" else "Random-effects"
        common = ", common" * self.shared_tau2
        return (
            f"{kind} meta-analysis of {plural(self.k, 'study', 'studies')} "
            f"({self.tau2_method}{common}, {self.ci_method})"
        )

    def rows(self) -> list[tuple[str, ...]]:
        """Return the results as words."""
        level = percent(self.level)
        told = [
            ("estimate", f"{number(self.estimate, 4)} ({level} CI {interval(self.ci, 4)})"),
            ("test", p_value(self.p_value)),
        ]
        varies = self.tau2_method != "FE"  # else there is one true effect, and no spread of them
        if varies:
            told.append((f"{level} PI ({self.pi_method})", interval(self.prediction_interval, 4)))
        if self.q_p_value is None:
            return [*told, ("heterogeneity", "needs two studies")]
        if varies:
            tau2 = estimate_text(self.tau2, self.tau2_ci, 4)
            if self.has_empty_tau2_set:
                tau2 = f"{number(self.tau2, 4)} (no value fits at the {level} level)"
            told.append(("tau2", tau2))
        q = f"{number(self.q)} on {self.q_df} df, {p_value(self.q_p_value)}"
        cautions = [("caution", text) for text in self.cautions()]
        return [*told, ("I2", percent(self.i2, 1)), ("Q", q), *cautions]

    def cautions(
        self,
        studies: tuple[str, str] = ("study", "studies"),
        words: Callable[[Interval], str] = with_digits,
    ) -> list[str]:
        """Return a sentence for all that few studies, or effects alike by luck, make doubtful.

        Parameters
        ----------
        studies : (one, several)
            What is pooled.
        words : callable
            Prints an interval.

        Notes
        -----
        A Hartung-Knapp interval can be narrower than the classic one, where effects happen to lie
        close together (Röver, Knapp and Friede 2015).
        """
        if self.k == 1 or self.tau2_method == "FE":
            return []
        told = []
        if self.k < FEWEST_FOR_SPREAD:
            what = "the intervals depend on it"
            if self.prediction_interval is not None:
                what += ", the prediction interval most of all"
            number_of = plural(self.k, *studies, spelled=True)
            told.append(
                f"{number_of[:1].upper()}{number_of[1:]} hardly tell how much effects differ, and "
                f"{what}."
            )
        if self.ci_method == "HK" and self.se == 0:
            told.append(
                "All effects are equal, so that the Hartung and Knapp interval shrinks to a point; "
                "it does not tell how sure the mean is."
            )
        elif self.ci_method == "HK":
            classic = pool(self.effect, self.variance, **self.methods.but(ci_method="wald")).ci
            if self.ci[1] - self.ci[0] < classic[1] - classic[0]:
                told.append(
                    "The Hartung and Knapp interval is narrower than the classic one "
                    f"({words(classic)}), because the effects happen to lie close together; it is "
                    "not to be read as the more certain."
                )
        return told

    def numbers(self) -> dict[str, float | None]:
        """Return the results by name, unrounded."""
        low, high = self.prediction_interval or (None, None)
        return {
            "k": self.k,
            "estimate": self.estimate,
            "se": self.se,
            "ci_low": self.ci[0],
            "ci_high": self.ci[1],
            "p_value": self.p_value,
            "pi_low": low,
            "pi_high": high,
            "tau2": self.tau2,
            "i2": self.i2,
            "i2_tau2": self.i2_tau2,
            "q": self.q,
            "q_p_value": self.q_p_value,
        }

    def to_frame(self) -> pd.DataFrame:
        """Return the results, unrounded, as a table of one row."""
        return pd.DataFrame([self.numbers()])


def pool(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    labels: Sequence[object] | None = None,
    **methods: Unpack[MethodNames],
) -> PooledEffect:
    """Pool effects by inverse-variance weighting.

    Parameters
    ----------
    effect : array_like of shape (k,)
        Effect of each study, all on one scale.
    variance : array_like of shape (k,)
        Sampling variances (squared standard errors).
    labels : sequence of shape (k,), optional
        Names of the studies; numbered when absent.
    **methods
        ``tau2_method="REML"``, ``ci_method="wald"``, ``pi_method="HTS"``, ``level=0.95``, typed
        or unpacked from a `Methods` (which lists the choices): ``**review.info.methods``.

    Returns
    -------
    PooledEffect
        The pooled effect with its intervals, heterogeneity and weights.

    Raises
    ------
    ReviewError
        For no studies, unequal lengths, effects or variances that are not finite, variances that
        are not positive, an unknown method or level.

    Notes
    -----
    With weights ``w = 1 / (v + tau2)``, the estimate is ``sum(w y) / sum(w)`` and its classic
    standard error ``1 / sqrt(sum(w))``. Hartung and Knapp multiply the latter by the root of
    ``q = sum(w (y - estimate)**2) / (k - 1)``; the ad hoc form, as in metafor, by the root of
    ``max(1, q)``. REML and ML find the global maximum over tau2 >= 0. When all effects are equal
    q is 0: the Hartung-Knapp interval shrinks to a point, and its test gives an infinite statistic
    and p = 0, or 0 and p = 1 for a pooled effect of exactly zero.

    References
    ----------
    Cochrane Handbook for Systematic Reviews of Interventions, chapter 10.10.
    Hartung J, Knapp G (2001). Statistics in Medicine 20:3875-3889.
    Knapp G, Hartung J (2003). Statistics in Medicine 22:2693-2710. (ad hoc form)
    Higgins JPT, Thompson SG (2002). Statistics in Medicine 21:1539-1558. (I2, H2)
    Higgins JPT, Thompson SG, Spiegelhalter DJ (2009). Journal of the Royal Statistical Society A
    172:137-159. (HTS)
    Partlett C, Riley RD (2017). Statistics in Medicine 36:301-317. (HK-PR)

    Examples
    --------
    >>> fit = pool([0.1, 0.5, 0.9, 0.4], [0.04, 0.05, 0.04, 0.06])
    >>> round(fit.estimate, 4), round(fit.tau2, 4)
    (0.4774, 0.0753)
    """
    chosen = Methods.named(methods)
    y, v, names = check_effects(effect, variance, labels)
    model = MeanModel(y, v)
    tau2 = None if len(y) == 1 else between_variance(chosen.tau2_method, model) * model.unit
    return pool_given_tau2((y, v, names), tau2, chosen, model=model)


def pool_given_tau2(
    studies: tuple[FloatArray, FloatArray, tuple[str, ...]],
    tau2: float | None,
    methods: Methods,
    *,
    model: MeanModel | None = None,
    shared_tau2: bool = False,
) -> PooledEffect:
    """Pool checked effects, variances and labels with a between-study variance that is known.

    ``model`` is that of the effects and variances, where the caller has it already.
    """
    y, v, names = studies
    k = len(y)
    methods = methods if k > 1 else methods.but(ci_method="wald")
    model = model or MeanModel(y, v)
    weights = 1 / (model.variance + (tau2 or 0.0) / model.unit)
    estimate = model.mean(weights)
    se, df = _standard_error(model, weights, methods.ci_method)
    if methods.ci_method.startswith("HK"):
        df = k - 1
    statistic = ratio(estimate, se)
    return PooledEffect(
        effect=frozen(y),
        variance=frozen(v),
        labels=names,
        methods=methods,
        estimate=estimate,
        se=se,
        ci=confidence_interval(estimate, se, df, methods.level),
        statistic=statistic,
        p_value=2 * lower_tail(-abs(statistic), df),
        df=df,
        tau2=tau2,
        q=q_statistic(model),
        shared_tau2=shared_tau2,
    )


def _standard_error(
    model: MeanModel, weights: FloatArray, ci_method: str
) -> tuple[float, float | None]:
    """Return the standard error of the weighted mean, and Kenward and Roger's df, if theirs."""
    if ci_method == "KR":
        first = float(weights.max())
        rest = np.delete(weights, weights.argmax())
        sums = (float((rest**power).sum()) for power in (1, 2, 3))
        variance, df = kenward_roger(first, *sums)
        return math.sqrt(variance * model.unit), df
    se = math.sqrt(model.unit / weights.sum())
    if ci_method == "wald":
        return se, None
    factor = model.sum_of_squares(weights) / (len(weights) - 1)
    return se * math.sqrt(factor if ci_method == "HK" else max(1.0, factor)), None


def confidence_interval(centre: float, scale: float, df: float | None, level: float) -> Interval:
    """Return the central interval of Student's t, or of the normal distribution without df."""
    tail = (1 - level) / 2
    half = -scale * float(ndtri(tail) if df is None else stdtrit(df, tail))
    return centre - half, centre + half


def lower_tail(statistic: float, df: float | None) -> float:
    """Return the probability below a value of Student's t, or of the normal without df."""
    return float(ndtr(statistic) if df is None else stdtr(df, statistic))


def ratio(value: float, scale: float) -> float:
    """Return ``value / scale`` and its limit as the scale falls to zero."""
    if scale > 0:
        return value / scale
    return math.copysign(math.inf, value) if value else 0.0


def frozen(values: FloatArray) -> FloatArray:
    """Return a copy that cannot be written to."""
    copy = values.copy()
    copy.flags.writeable = False
    return copy
