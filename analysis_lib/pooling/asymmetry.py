"""Small-study effects: whether the funnel leans, and what a symmetric one would say.

A leaning funnel has many causes; results that stayed unpublished are only one. With fewer than
ten effects none of these methods can tell a lean from chance: every result then says so in
``caution``, and its ``readable`` is False.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from analysis_lib.base.checks import (
    FloatArray,
    as_floats,
    check_choice,
    check_effects,
    check_level,
    check_values,
    study_labels,
)
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import number, p_cell
from analysis_lib.base.results import Result
from analysis_lib.pooling.methods import MethodNames, Methods
from analysis_lib.pooling.pooled_effect import (
    PooledEffect,
    confidence_interval,
    lower_tail,
    pool,
)
from analysis_lib.pooling.regression import meta_regression

Labels: TypeAlias = Sequence[object] | None
Side: TypeAlias = Literal["left", "right"]

#: A line through two points leaves nothing to judge it by.
FEWEST_STUDIES = 3
#: Sterne et al. (2011): no test of funnel asymmetry with fewer than ten studies.
FEWEST_TO_READ = 10
#: Below this size, and without ties, the distribution of Kendall's score is counted exactly.
EXACT_BELOW = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _FunnelResult(Result):
    """What every result of this module knows: on how many effects it rests."""

    k: int

    def numbers(self) -> dict[str, float]:
        """Return the results by name, unrounded."""
        raise NotImplementedError

    def rows(self) -> list[tuple[str, ...]]:
        """Return the results as words, and the caution where there is one."""
        told: list[tuple[str, ...]] = [
            (name.replace("_", " "), _as_words(name, value))
            for name, value in self.numbers().items()
        ]
        return [*told, ("caution", self.caution)] if self.caution else told

    def to_frame(self) -> pd.DataFrame:
        """Return the results, unrounded, as a table of one row."""
        return pd.DataFrame([{"k": self.k, **self.numbers()}])

    @property
    def readable(self) -> bool:
        """Whether there are effects enough (ten) for the result to mean something."""
        return self.k >= FEWEST_TO_READ

    @property
    def caution(self) -> str | None:
        """A sentence to print beside the result when k is too small; else ``None``."""
        if self.readable:
            return None
        return (
            f"Only {self.k} effects: with fewer than {FEWEST_TO_READ}, asymmetry of a funnel "
            "plot cannot be told from chance (Sterne 2011)."
        )


def _as_words(name: str, value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return p_cell(value) if name.endswith("p_value") else number(value, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficient:
    """One coefficient of a weighted regression, with its t test.

    Attributes
    ----------
    estimate, se : float
        The coefficient and its standard error.
    ci : (float, float)
        Confidence interval with t on `df` degrees of freedom.
    statistic, p_value : float
        ``estimate / se`` and its two-sided p value.
    df : int
        k - 2.
    """

    estimate: float
    se: float
    ci: tuple[float, float]
    statistic: float
    df: int
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EggerTest(_FunnelResult):
    """Result of `egger_test`.

    Attributes
    ----------
    intercept, se : float
        Egger's intercept and its standard error. Positive: the less precise the study, the
        larger its effect.
    ci : (float, float)
        Confidence interval of the intercept, t on `df` degrees of freedom.
    statistic, p_value : float
        t and its two-sided p value.
    df : int
        k - 2.
    limit : Coefficient
        Egger's slope: the effect that the line foretells for a study of infinite size.
    method, level : str, float
        What was computed, and the level of the intervals.
    """

    intercept: float
    se: float
    ci: tuple[float, float]
    statistic: float
    df: int
    p_value: float
    limit: Coefficient
    level: float
    method: str = "Egger: weighted regression, t on k - 2 degrees of freedom"

    def title(self) -> str:
        """Say which test it is."""
        return self.method

    def numbers(self) -> dict[str, float]:
        """Return the results by name, unrounded."""
        return {
            "intercept": self.intercept,
            "se": self.se,
            "ci_low": self.ci[0],
            "ci_high": self.ci[1],
            "statistic": self.statistic,
            "df": self.df,
            "p_value": self.p_value,
            "limit": self.limit.estimate,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BeggTest(_FunnelResult):
    """Result of `begg_test`.

    Attributes
    ----------
    tau : float
        Kendall's tau-b.
    score, score_se : float
        Kendall's score (pairs in the same order minus pairs in opposite order) and its standard
        error under independence, ties accounted for.
    p_value : float
        Two-sided.
    exact : bool
        Whether the p value was counted or comes from the normal approximation.
    method : str
        What was computed.
    """

    tau: float
    score: float
    score_se: float
    p_value: float
    exact: bool
    method: str = "Begg and Mazumdar: rank correlation"

    def title(self) -> str:
        """Say which test it is."""
        return self.method

    def numbers(self) -> dict[str, float]:
        """Return the results by name, unrounded."""
        return {"tau": self.tau, "p_value": self.p_value}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrimAndFill(_FunnelResult):
    """Result of `trim_and_fill`.

    Attributes
    ----------
    side : {"left", "right"}
        Where studies seem to be missing.
    k0 : int
        How many.
    fit : PooledEffect
        The pooled effect with the filled-in mirror images.
    filled_effect, filled_variance : ndarray, shape (k0,)
        The mirror images.
    filled_labels : tuple of str
        "Filled: " and the label of the study that each mirrors.
    estimator, around : str
        The estimator of k0, and the model whose mean is the mirror.
    """

    side: Side
    k0: int
    fit: PooledEffect
    filled_effect: FloatArray
    filled_variance: FloatArray
    filled_labels: tuple[str, ...]
    estimator: str
    around: str

    def title(self) -> str:
        """Say how many studies were filled in, and where."""
        return f"Trim and fill ({self.estimator}): {self.k0} filled in on the {self.side}"

    def numbers(self) -> dict[str, float]:
        """Return the results by name, unrounded."""
        low, high = self.fit.ci
        return {
            "k0": self.k0,
            "estimate": self.fit.estimate,
            "ci_low": low,
            "ci_high": high,
            "p_value": self.fit.p_value,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PetPeese(_FunnelResult):
    """Result of `pet_peese`.

    Attributes
    ----------
    pet, peese : Coefficient
        The effect that each line foretells at a standard error of zero.
    pet_slope, peese_slope : Coefficient
        How the effect grows with the standard error, and with the variance.
    level : float
        Level of the intervals.
    method : str
        What was computed.
    """

    pet: Coefficient
    pet_slope: Coefficient
    peese: Coefficient
    peese_slope: Coefficient
    level: float
    method: str = "PET and PEESE: weighted regression, t on k - 2 degrees of freedom"

    def title(self) -> str:
        """Say what was computed."""
        return self.method

    def numbers(self) -> dict[str, float]:
        """Return the results by name, unrounded."""
        return {
            f"{name}_{part}": value
            for name, line in (("pet", self.pet), ("peese", self.peese))
            for part, value in (
                ("estimate", line.estimate),
                ("ci_low", line.ci[0]),
                ("ci_high", line.ci[1]),
                ("p_value", line.p_value),
            )
        }


@dataclass(frozen=True, slots=True, eq=False)
class Contour:
    """One contour of a funnel plot: effects beyond ``half_width`` have p below ``p_level``."""

    p_level: float
    se: FloatArray
    half_width: FloatArray


# --- tests of asymmetry --------------------------------------------------------------------------


def egger_test(
    effect: npt.ArrayLike, variance: npt.ArrayLike, *, labels: Labels = None, level: float = 0.95
) -> EggerTest:
    r"""Egger's regression test, in its classic form.

    Parameters
    ----------
    effect, variance : array_like, shape (k,)
        Effects and their sampling variances; k at least 3.
    labels : sequence, optional
        Study labels.
    level : float, default 0.95
        Confidence level of the intervals.

    Returns
    -------
    EggerTest
        With the intercept, its t test, and the limit estimate.

    Raises
    ------
    ReviewError
        For k below 3 (no degree of freedom is left to test a line with), equal standard errors
        (there is no line), effects exactly on a line (no residual to test against), and invalid
        effects or variances.

    Notes
    -----
    :math:`y_i/s_i = a + b/s_i`, by least squares; a is the intercept, b the limit estimate. The
    same line is :math:`y_i = b + a s_i` with weights :math:`1/s_i^2`, which is how it is computed.
    This is ``regtest(model="lm")`` of R's metafor and ``metabias(method.bias="Egger")`` of R's
    meta. The default test of metafor (mixed-effects model, normal) is another one: for that, use
    a meta-regression on the standard error.

    The standard error of a standardized mean difference depends on the effect itself, so that
    the test can find a lean where there is none.

    References
    ----------
    Egger M, Davey Smith G, Schneider M, Minder C (1997). Bias in meta-analysis detected by a
    simple, graphical test. BMJ 315:629-634.

    Sterne JAC and others (2011). Recommendations for examining and interpreting funnel plot
    asymmetry in meta-analyses of randomised controlled trials. BMJ 343:d4002.

    Examples
    --------
    >>> effect = [-0.581, 0.530, 0.771, 1.031, 0.553, 0.295, 0.078, 0.573, -0.176, -0.232]
    >>> variance = [0.023, 0.052, 0.060, 0.115, 0.095, 0.203, 0.200, 0.211, 0.051, 0.040]
    >>> test = egger_test(effect, variance)
    >>> print(f"intercept {test.intercept:.2f}, t({test.df}) = {test.statistic:.2f}")
    intercept 4.03, t(8) = 2.39
    >>> test.readable
    True
    """
    y, v, _ = _checked(effect, variance, labels)
    limit, lean = _weighted_line(y, np.sqrt(v), v, level)
    return EggerTest(
        k=len(y),
        intercept=lean.estimate,
        se=lean.se,
        ci=lean.ci,
        statistic=lean.statistic,
        df=lean.df,
        p_value=lean.p_value,
        limit=limit,
        level=level,
    )


def begg_test(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    labels: Labels = None,
    exact: bool | None = None,
) -> BeggTest:
    r"""Begg and Mazumdar's rank correlation of effects with their variances.

    Parameters
    ----------
    effect, variance : array_like, shape (k,)
        Effects and their sampling variances; k at least 3.
    labels : sequence, optional
        Study labels.
    exact : bool, optional
        True: count the p value; False: normal approximation. By default it is counted for k
        below 50 without ties.

    Returns
    -------
    BeggTest
        With Kendall's tau-b and its p value.

    Raises
    ------
    ReviewError
        For k below 3, when all variances or all effects are equal (there is nothing to rank),
        ``exact=True`` with ties, and invalid effects or variances.

    Notes
    -----
    Each effect is compared with the common-effect mean,

    .. math:: z_i = \frac{y_i - \hat\mu}{\sqrt{v_i - 1/\sum_j w_j}}, \qquad w_j = 1/v_j,

    and ranked against :math:`v_i`. Its power is lower than that of Egger's test (Cochrane Handbook
    5.1, section 10.4.3.1). R's ``metabias`` always uses the normal
    approximation; ``ranktest`` of metafor chooses as we do.

    References
    ----------
    Begg CB, Mazumdar M (1994). Operating characteristics of a rank correlation test for
    publication bias. Biometrics 50:1088-1101.

    Kendall MG (1970). Rank Correlation Methods. 4th edition, Griffin.

    Examples
    --------
    >>> effect = [-0.581, 0.530, 0.771, 1.031, 0.553, 0.295, 0.078, 0.573, -0.176, -0.232]
    >>> variance = [0.023, 0.052, 0.060, 0.115, 0.095, 0.203, 0.200, 0.211, 0.051, 0.040]
    >>> test = begg_test(effect, variance)
    >>> print(f"tau {test.tau:.2f}, p {test.p_value:.3f}")
    tau 0.33, p 0.216
    """
    y, v, _ = _checked(effect, variance, labels)
    k = len(y)
    deviates = _standardized_deviates(y, v)
    ties_z, ties_v = _tie_sizes(deviates), _tie_sizes(v)
    for what, ties in (("variances", ties_v), ("effects", ties_z)):
        if len(ties) == 1:
            raise ReviewError(f"all {what} are equal: nothing to rank")
    score = _kendall_score(deviates, v)
    score_se = _kendall_se(k, ties_z, ties_v)
    tied = bool(ties_z.max() > 1 or ties_v.max() > 1)
    if exact and tied:
        raise ReviewError("exact: the p value cannot be counted with ties; leave exact out")
    count = (k < EXACT_BELOW and not tied) if exact is None else exact
    return BeggTest(
        k=k,
        tau=_tau_b(score, k, ties_z, ties_v),
        score=score,
        score_se=score_se,
        p_value=_kendall_exact_p(score, k) if count else _normal_p(score, score_se),
        exact=count,
    )


# --- adjusted estimates --------------------------------------------------------------------------


def trim_and_fill(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    labels: Labels = None,
    side: Side | None = None,
    estimator: Literal["L0", "R0"] = "L0",
    around: Literal["random", "common"] = "random",
    **methods: Unpack[MethodNames],
) -> TrimAndFill:
    r"""Duval and Tweedie's trim and fill: add the mirror images of studies without a partner.

    Parameters
    ----------
    effect, variance : array_like, shape (k,)
        Effects and their sampling variances; k at least 3.
    labels : sequence, optional
        Study labels.
    side : {"left", "right"}, optional
        Where studies seem to be missing. By default the side opposite to the lean of the effects
        on their standard errors, found by `meta_regression` in the model of `around`.
    estimator : {"L0", "R0"}, default "L0"
        Estimator of the number of missing studies.
    around : {"random", "common"}, default "random"
        Which mean is the centre while trimming: of the random-effects model with `tau2_method`
        (as R's metafor does with the model it is given), or of the common-effect model (the
        default of ``trimfill`` in R's meta). They can find different sides and numbers.
    **methods
        As in `pool`, for the final fit.

    Returns
    -------
    TrimAndFill
        With the side, the number k0 and the fit with the filled-in studies.

    Raises
    ------
    ReviewError
        For k below 3, equal standard errors without a `side`, unknown options, a trimming that
        alternates between numbers without end, and invalid effects or variances.

    Notes
    -----
    Seen from the side where studies are missing, let the k0 most extreme effects on the far side
    be trimmed and :math:`\hat\mu` be the mean of the rest. Rank all
    :math:`|y_i-\hat\mu|`; let :math:`T` be the sum of the ranks of effects on the far side and
    :math:`\gamma` the length of the run of far-side effects at the top of the ranking. Then

    .. math:: R_0 = \gamma - 1, \qquad L_0 = \frac{4T - k(k+1)}{2k-1},

    rounded and never negative, and again until the number stays. The filled-in effects are
    :math:`2\hat\mu - y_i`, with the variances of the effects that they mirror.

    It is a sensitivity analysis: the filled-in studies are not data, and heterogeneity alone can
    call for them.

    References
    ----------
    Duval S, Tweedie R (2000). Trim and fill: a simple funnel-plot-based method of testing and
    adjusting for publication bias in meta-analysis. Biometrics 56:455-463.

    Duval S, Tweedie R (2000). A nonparametric "trim and fill" method of accounting for
    publication bias in meta-analysis. Journal of the American Statistical Association 95:89-98.

    Examples
    --------
    >>> effect = [-0.581, 0.530, 0.771, 1.031, 0.553, 0.295, 0.078, 0.573, -0.176, -0.232]
    >>> variance = [0.023, 0.052, 0.060, 0.115, 0.095, 0.203, 0.200, 0.211, 0.051, 0.040]
    >>> result = trim_and_fill(effect, variance)
    >>> print(f"{result.k0} missing on the {result.side}: {result.fit.estimate:.4f}")
    3 missing on the left: 0.0286
    """
    chosen = Methods.named(methods)
    y, v, names = _checked(effect, variance, labels)
    check_choice("estimator", estimator, tuple(_ESTIMATORS))
    check_choice("around", around, ("random", "common"))
    trim_method = "FE" if around == "common" else chosen.tau2_method
    found = _missing_side(y, v, trim_method) if side is None else side
    check_choice("side", found, ("left", "right"))

    # With studies missing on the left, the far side is the right: trim from the top.
    far = 1.0 if found == "left" else -1.0
    order = np.argsort(far * y, kind="stable")
    k0, center = _trim(far * y[order], v[order], _ESTIMATORS[estimator], trim_method)
    mirrored = order[len(y) - k0 :]
    filled_effect = 2 * far * center - y[mirrored]
    filled_labels = tuple(f"Filled: {names[i]}" for i in mirrored)
    fit = pool(
        np.concatenate([y, filled_effect]),
        np.concatenate([v, v[mirrored]]),
        labels=(*names, *filled_labels),
        **chosen,
    )
    return TrimAndFill(
        k=len(y),
        side=found,
        k0=k0,
        fit=fit,
        filled_effect=_frozen(filled_effect),
        filled_variance=_frozen(v[mirrored]),
        filled_labels=filled_labels,
        estimator=estimator,
        around=around,
    )


def pet_peese(
    effect: npt.ArrayLike, variance: npt.ArrayLike, *, labels: Labels = None, level: float = 0.95
) -> PetPeese:
    r"""Precision-effect test and precision-effect estimate: the effect at zero standard error.

    Parameters
    ----------
    effect, variance : array_like, shape (k,)
        Effects and their sampling variances; k at least 3.
    labels : sequence, optional
        Study labels.
    level : float, default 0.95
        Confidence level of the intervals.

    Returns
    -------
    PetPeese
        Both estimates. The rule that picks one of them (PEESE when PET differs from zero, else
        PET) is left to the reader: authors differ about its level and about one or two sides.

    Raises
    ------
    ReviewError
        As `egger_test`.

    Notes
    -----
    Least squares with weights :math:`1/v_i`:

    .. math:: \text{PET: } y_i = \beta_0 + \beta_1\sqrt{v_i}, \qquad
        \text{PEESE: } y_i = \beta_0 + \beta_1 v_i .

    PET is Egger's line, read at its other end.

    References
    ----------
    Stanley TD, Doucouliagos H (2014). Meta-regression approximations to reduce publication
    selection bias. Research Synthesis Methods 5:60-78.

    Examples
    --------
    >>> effect = [-0.581, 0.530, 0.771, 1.031, 0.553, 0.295, 0.078, 0.573, -0.176, -0.232]
    >>> variance = [0.023, 0.052, 0.060, 0.115, 0.095, 0.203, 0.200, 0.211, 0.051, 0.040]
    >>> result = pet_peese(effect, variance)
    >>> print(f"PET {result.pet.estimate:.2f}, PEESE {result.peese.estimate:.2f}")
    PET -0.90, PEESE -0.31
    """
    y, v, _ = _checked(effect, variance, labels)
    pet, pet_slope = _weighted_line(y, np.sqrt(v), v, level)
    peese, peese_slope = _weighted_line(y, v, v, level)
    return PetPeese(
        k=len(y),
        pet=pet,
        pet_slope=pet_slope,
        peese=peese,
        peese_slope=peese_slope,
        level=level,
    )


def contour_levels(
    se: npt.ArrayLike, p_levels: Sequence[float] = (0.1, 0.05, 0.01)
) -> tuple[Contour, ...]:
    r"""Contours of a funnel plot: how large an effect must be to have a p value below a level.

    Parameters
    ----------
    se : array_like, shape (m,)
        Standard errors at which the contours are wanted; zero or more.
    p_levels : sequence of float, default (0.1, 0.05, 0.01)
        Two-sided p values, strictly between 0 and 1.

    Returns
    -------
    tuple of Contour
        One a level, in the order given, with the half width at each standard error.

    Raises
    ------
    ReviewError
        For a standard error that is negative or not finite, or a level outside (0, 1).

    Notes
    -----
    The half width is :math:`z_{1-p/2}\,s`. Contours are centred on no effect, not on the pooled
    effect.

    References
    ----------
    Peters JL, Sutton AJ, Jones DR, Abrams KR, Rushton L (2008). Contour-enhanced meta-analysis
    funnel plots help distinguish publication bias from other causes of asymmetry. Journal of
    Clinical Epidemiology 61:991-996.

    Examples
    --------
    >>> for contour in contour_levels([0.5, 1.0]):
    ...     print(contour.p_level, contour.half_width.round(2))
    0.1 [0.82 1.64]
    0.05 [0.98 1.96]
    0.01 [1.29 2.58]
    """
    errors, levels = as_floats("se", se), as_floats("p_levels", p_levels)
    names = study_labels([f"row {i}" for i in range(1, len(errors) + 1)], len(errors))
    valid = np.isfinite(errors) & (errors >= 0)
    check_values("se", errors, names, valid, "finite and zero or more")
    inside = (levels > 0) & (levels < 1)
    check_values("p_levels", levels, [str(p) for p in levels], inside, "strictly between 0 and 1")
    return tuple(
        Contour(float(p), _frozen(errors.copy()), _frozen(-special.ndtri(p / 2) * errors))
        for p in levels
    )


# --- what the functions above share --------------------------------------------------------------


def _checked(
    effect: npt.ArrayLike, variance: npt.ArrayLike, labels: Labels
) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    y, v, names = check_effects(effect, variance, labels)
    if len(y) < FEWEST_STUDIES:
        raise ReviewError(
            f"k = {len(y)}: {FEWEST_STUDIES} effects or more are needed, "
            "because two always lie on a line"
        )
    return y, v, names


def _frozen(values: FloatArray) -> FloatArray:
    values.flags.writeable = False
    return values


def _check_unequal(se: FloatArray) -> None:
    if np.ptp(se) == 0:
        raise ReviewError(
            f"all standard errors are equal ({se[0]:g}): effects cannot depend on them"
        )


def _weighted_line(
    y: FloatArray, x: FloatArray, v: FloatArray, level: float
) -> tuple[Coefficient, Coefficient]:
    """Return intercept and slope of y on x with weights 1/v and an estimated error scale."""
    check_level(level)
    _check_unequal(np.sqrt(v))
    share = (1 / v) / np.sum(1 / v)
    mean_x, mean_y = share @ x, share @ y
    # Deviations from the weighted means: the textbook sums of squares would cancel.
    spread = np.sum((x - mean_x) ** 2 / v)
    slope = np.sum((x - mean_x) * (y - mean_y) / v) / spread
    intercept = float(mean_y - slope * mean_x)
    residuals = (y - mean_y) - slope * (x - mean_x)
    unexplained = np.sum(residuals**2 / v)
    rounding = (len(y) * np.finfo(float).eps) ** 2 * np.sum(y**2 / v)
    if unexplained <= rounding:
        raise ReviewError("the effects lie exactly on a line: no residual to test it against")
    scale = unexplained / (len(y) - 2)
    slope_se = float(np.sqrt(scale / spread))
    intercept_se = float(np.sqrt(scale * (1 / np.sum(1 / v) + mean_x**2 / spread)))
    return (
        _coefficient(intercept, intercept_se, len(y) - 2, level),
        _coefficient(float(slope), slope_se, len(y) - 2, level),
    )


def _coefficient(estimate: float, se: float, df: int, level: float) -> Coefficient:
    statistic = estimate / se
    return Coefficient(
        estimate=estimate,
        se=se,
        ci=confidence_interval(estimate, se, df, level),
        statistic=statistic,
        df=df,
        p_value=2 * lower_tail(-abs(statistic), df),
    )


def _standardized_deviates(y: FloatArray, v: FloatArray) -> FloatArray:
    """Return the deviates of Begg's test.

    Both ``y - mu`` and ``v - 1/sum(w)`` are written as sums over the *other* studies: as
    differences they lose their digits when one study outweighs the rest. Sums run along rows,
    so that equal studies get exactly equal deviates and count as tied.
    """
    share = (1 / v) / np.sum(1 / v)
    others = np.tile(share, (len(v), 1))
    np.fill_diagonal(others, 0.0)
    away = ((y[:, None] - y[None, :]) * others).sum(axis=1)
    return np.asarray(away / np.sqrt(v * _sorted_row_sums(others)))


def _sorted_row_sums(values: FloatArray) -> FloatArray:
    """Sum each row in order of size, so that rows with the same numbers have the same sum."""
    return np.asarray(np.sort(values, axis=1).sum(axis=1))


def _tie_sizes(values: FloatArray) -> npt.NDArray[np.int64]:
    return np.unique(values, return_counts=True)[1]


def _kendall_score(a: FloatArray, b: FloatArray) -> float:
    signs = np.sign(a[:, None] - a[None, :]) * np.sign(b[:, None] - b[None, :])
    return float(np.triu(signs, 1).sum())


def _pairs(ties: npt.NDArray[np.int64]) -> float:
    return float(np.sum(ties * (ties - 1)) / 2)


def _tau_b(
    score: float, k: int, ties_a: npt.NDArray[np.int64], ties_b: npt.NDArray[np.int64]
) -> float:
    pairs = k * (k - 1) / 2
    return float(score / np.sqrt((pairs - _pairs(ties_a)) * (pairs - _pairs(ties_b))))


def _kendall_se(k: int, ties_a: npt.NDArray[np.int64], ties_b: npt.NDArray[np.int64]) -> float:
    """Return the SE of Kendall's score under independence, with ties (Kendall 1970)."""

    def moments(t: npt.NDArray[np.int64]) -> tuple[float, float, float]:
        return (
            float(np.sum(t * (t - 1) * (2 * t + 5))),
            float(np.sum(t * (t - 1))),
            float(np.sum(t * (t - 1) * (t - 2))),
        )

    all_studies = moments(np.array([k]))
    a, b = moments(ties_a), moments(ties_b)
    variance = (
        (all_studies[0] - a[0] - b[0]) / 18
        + a[1] * b[1] / (2 * all_studies[1])
        + a[2] * b[2] / (9 * all_studies[2])
    )
    return float(np.sqrt(variance))


def _normal_p(score: float, score_se: float) -> float:
    return 2 * lower_tail(-abs(score) / score_se, df=None)


def _kendall_exact_p(score: float, k: int) -> float:
    """Count the rankings of k untied studies whose score is at least as far from zero.

    The number of pairs out of order is a sum of independent uniform numbers 0 .. i - 1, one for
    each i up to k; its distribution is built by adding them in turn.
    """
    chance = np.ones(1)
    for i in range(2, k + 1):
        chance = np.convolve(chance, np.full(i, 1 / i))
    disordered = round((k * (k - 1) / 2 - abs(score)) / 2)
    return float(min(1.0, 2 * chance[: disordered + 1].sum()))


def _missing_side(y: FloatArray, v: FloatArray, tau2_method: str) -> Side:
    """Return the side opposite to the lean of the funnel (left when it does not lean)."""
    se = np.sqrt(v)
    _check_unequal(se)
    _, lean = meta_regression(y, v, se, tau2_method=tau2_method).coefficients
    return "right" if lean < 0 else "left"


def _estimate_l0(centered: FloatArray) -> float:
    k = len(centered)
    rank_sum = float(np.sum(_ranks_of_size(centered)[centered > 0]))
    return (4 * rank_sum - k * (k + 1)) / (2 * k - 1)


def _estimate_r0(centered: FloatArray) -> float:
    near = _ranks_of_size(centered)[centered < 0]
    run = len(centered) - (int(near.max()) if len(near) else 0)
    return run - 1.0


_ESTIMATORS: dict[str, Callable[[FloatArray], float]] = {"L0": _estimate_l0, "R0": _estimate_r0}


def _ranks_of_size(centered: FloatArray) -> npt.NDArray[np.int64]:
    ranks = np.empty(len(centered), dtype=np.int64)
    ranks[np.argsort(np.abs(centered), kind="stable")] = np.arange(1, len(centered) + 1)
    return ranks


def _trim(
    y: FloatArray,
    v: FloatArray,
    estimate: Callable[[FloatArray], float],
    tau2_method: str,
) -> tuple[int, float]:
    """Return how many of the largest of the sorted effects lack a partner, and the centre."""
    k, k0, seen = len(y), 0, []
    while k0 not in seen:
        seen.append(k0)
        center = pool(y[: k - k0], v[: k - k0], tau2_method=tau2_method).estimate
        k0 = max(0, round(estimate(y - center)))
    if k0 != seen[-1]:
        turns = " and ".join(str(n) for n in seen[seen.index(k0) :])
        raise ReviewError(f"trimming alternates between {turns} studies: no answer")
    return k0, center
