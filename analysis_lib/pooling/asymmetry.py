"""Small-study effects: whether the funnel leans, and what a symmetric one would say.

A leaning funnel has many causes; results that stayed unpublished are only one. With fewer than
ten effects none of these methods can tell a lean from chance: every result then says so in
``caution``, and its ``readable`` is False.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from analysis_lib.base.checks import (
    FloatArray,
    as_floats,
    check_choice,
    check_effects,
    check_lengths,
    check_level,
    check_not_negative,
    check_values,
    study_labels,
)
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import number, p_cell
from analysis_lib.base.results import Result
from analysis_lib.effects.columns import Labels
from analysis_lib.pooling.pooled_effect import (
    confidence_interval,
    lower_tail,
)
from analysis_lib.pooling.regression import meta_regression

#: A line through two points leaves nothing to judge it by.
FEWEST_STUDIES = 3
#: Sterne et al. (2011): no test of funnel asymmetry with fewer than ten studies.
FEWEST_TO_READ = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelResult(Result):
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
    df : int or None
        k - 2, or None for the normal distribution.
    """

    estimate: float
    se: float
    ci: tuple[float, float]
    statistic: float
    df: int | None
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EggerTest(FunnelResult):
    """Result of `egger_test`.

    Attributes
    ----------
    intercept, se : float
        The lean of the funnel and its standard error: Egger's intercept, or the coefficient of the
        other predictor of imprecision. Positive: the less precise the study, the larger its
        effect (the other way round for a predictor that grows with size).
    ci : (float, float)
        Confidence interval of the intercept, t on `df` degrees of freedom.
    statistic, p_value : float
        t and its two-sided p value.
    df : int or None
        k - 2, or None for a normal test.
    limit : Coefficient
        Egger's slope: the effect that the line foretells where the predictor is zero, which for
        the predictors of imprecision is a study of infinite size.
    method, level : str, float
        What was computed, and the level of the intervals.
    """

    intercept: float
    se: float
    ci: tuple[float, float]
    statistic: float
    df: int | None
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
            "df": math.inf if self.df is None else self.df,
            "p_value": self.p_value,
            "limit": self.limit.estimate,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PetPeese(FunnelResult):
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
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    predictor: str = "se",
    n: npt.ArrayLike | None = None,
    model: str = "multiplicative",
    labels: Labels = None,
    level: float = 0.95,
) -> EggerTest:
    r"""Egger's regression test: in its classic form, unless told otherwise.

    Parameters
    ----------
    effect, variance : array_like, shape (k,)
        Effects and their sampling variances; k at least 3.
    predictor : str, default "se"
        What the effects are regressed on: ``"se"``, ``"variance"``, or of the people in each
        study ``"n"``, ``"1/n"``, ``"sqrt(n)"``, ``"1/sqrt(n)"``.
    n : array_like, shape (k,), optional
        People in each study, for the predictors that need them.
    model : {"multiplicative", "additive", "additive, t"}, default "multiplicative"
        How effects scatter about the line: by a factor of their standard errors (the classic
        test); by a variance between studies, estimated by REML, with a normal test (the default
        of R's metafor) or with t on k - 2 degrees of freedom (Thompson and Sharp).
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
    meta. The default test of metafor is ``model="additive"``.

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
    check_choice("predictor", predictor, tuple(PREDICTORS))
    check_choice("model", model, tuple(EGGER_MODELS))
    y, v, names = enough_effects(effect, variance, labels)
    x = _predictor(predictor, v, n, names)
    imprecision = "standard errors" if predictor in ("se", "variance") else "sizes"
    if model == "multiplicative":
        told = "Egger: weighted regression" + (f" on {predictor}" if predictor != "se" else "")
        return lean_of_line(y, x, v, level, told=told, imprecision=imprecision)
    check_level(level)
    check_unequal(x, imprecision)
    fit = meta_regression(y, v, x, level=level)
    df = len(y) - 2 if model == "additive, t" else None
    limit, lean = (
        _coefficient(float(b), float(se), df, level)
        for b, se in zip(fit.coefficients, fit.se, strict=True)
    )
    return lean_test(len(y), limit, lean, level, told=f"Egger: mixed-effects model, {predictor}")


# --- adjusted estimates --------------------------------------------------------------------------


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
    y, v, _ = enough_effects(effect, variance, labels)
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
    check_not_negative("se", errors, names)
    inside = (levels > 0) & (levels < 1)
    check_values("p_levels", levels, [str(p) for p in levels], inside, "strictly between 0 and 1")
    return tuple(
        Contour(float(p), read_only(errors.copy()), read_only(-special.ndtri(p / 2) * errors))
        for p in levels
    )


# --- what the functions above share --------------------------------------------------------------


def enough_effects(
    effect: npt.ArrayLike, variance: npt.ArrayLike, labels: Labels
) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Return checked effects, variances and names of three studies or more."""
    y, v, names = check_effects(effect, variance, labels)
    if len(y) < FEWEST_STUDIES:
        raise ReviewError(
            f"k = {len(y)}: {FEWEST_STUDIES} effects or more are needed, "
            "because two always lie on a line"
        )
    return y, v, names


def read_only(values: FloatArray) -> FloatArray:
    """Return the same array, which can no longer be written to."""
    values.flags.writeable = False
    return values


PREDICTORS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "se": np.sqrt,
    "variance": lambda v: v,
    "n": lambda n: n,
    "1/n": lambda n: 1 / n,
    "sqrt(n)": np.sqrt,
    "1/sqrt(n)": lambda n: 1 / np.sqrt(n),
}
EGGER_MODELS = ("multiplicative", "additive", "additive, t")


def _predictor(
    name: str, v: FloatArray, n: npt.ArrayLike | None, names: Sequence[str]
) -> FloatArray:
    if name in ("se", "variance"):
        return PREDICTORS[name](v)
    if n is None:
        raise ReviewError(f"n: the predictor {name} needs the people in each study")
    people = as_floats("n", n)
    check_lengths(effect=v, n=people)
    check_values("n", people, names, np.isfinite(people) & (people > 0), "greater than zero")
    return PREDICTORS[name](people)


def lean_of_line(
    y: FloatArray,
    x: FloatArray,
    v: FloatArray,
    level: float,
    *,
    told: str,
    imprecision: str = "standard errors",
) -> EggerTest:
    """Return the test of the slope of y on x, weighted by 1/v, t on k - 2 degrees of freedom."""
    if len(y) < FEWEST_STUDIES:
        raise ReviewError(f"k = {len(y)}: {FEWEST_STUDIES} studies or more are needed for a line")
    check_unequal(x, imprecision)
    limit, lean = _weighted_line(y, x, v, level)
    return lean_test(len(y), limit, lean, level, told=f"{told}, t on k - 2 degrees of freedom")


def lean_test(
    k: int, limit: Coefficient, lean: Coefficient, level: float, *, told: str
) -> EggerTest:
    """Return the result of a test of the coefficient ``lean``."""
    return EggerTest(
        k=k,
        intercept=lean.estimate,
        se=lean.se,
        ci=lean.ci,
        statistic=lean.statistic,
        df=lean.df,
        p_value=lean.p_value,
        limit=limit,
        level=level,
        method=told,
    )


def check_unequal(values: FloatArray, what: str = "standard errors") -> None:
    """Raise where all studies are equally imprecise, so that no line can be drawn."""
    if np.ptp(values) == 0:
        raise ReviewError(f"all {what} are equal ({values[0]:g}): effects cannot depend on them")


def _weighted_line(
    y: FloatArray, x: FloatArray, v: FloatArray, level: float
) -> tuple[Coefficient, Coefficient]:
    """Return intercept and slope of y on x with weights 1/v and an estimated error scale."""
    check_level(level)
    check_unequal(x)
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


def _coefficient(estimate: float, se: float, df: int | None, level: float) -> Coefficient:
    statistic = estimate / se
    return Coefficient(
        estimate=estimate,
        se=se,
        ci=confidence_interval(estimate, se, df, level),
        statistic=statistic,
        df=df,
        p_value=2 * lower_tail(-abs(statistic), df),
    )
