"""Meta-regression: how effects go with characteristics of the studies."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, Unpack, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtrc, fdtrc

from analysis_lib.base.checks import (
    FloatArray,
    as_array,
    as_floats,
    as_items,
    check_choice,
    check_effects,
    check_finite,
)
from analysis_lib.base.errors import ReviewError, shown
from analysis_lib.base.formatting import estimate as estimate_text
from analysis_lib.base.formatting import number, p_value, percent, plural
from analysis_lib.base.results import Result
from analysis_lib.pooling.methods import MethodNames, Methods, NamesItsMethods
from analysis_lib.pooling.pooled_effect import (
    Interval,
    confidence_interval,
    frozen,
    lower_tail,
    ratio,
)
from analysis_lib.pooling.tau2 import (
    EPSILON,
    MeanModel,
    between_variance,
    q_profile,
    q_statistic,
)

INTERCEPT = "intercept"
#: With fewer studies a moderator, a regression finds what is not there (Handbook, chapter 10.11).
FEWEST_A_MODERATOR = 10
#: A moderator is said to follow from the others when less than half the digits of it are left
#: once they are taken out; a coefficient for it would have no digits at all.
RANK_TOLERANCE = math.sqrt(EPSILON)

Moderators: TypeAlias = "npt.ArrayLike | Mapping[str, npt.ArrayLike] | pd.DataFrame"


class RegressionModel:
    """The model of a meta-regression, in units of the smallest sampling variance.

    Weighted least squares goes through the QR decomposition of the weighted design, which loses
    fewer digits than the normal equations.
    """

    __slots__ = ("design", "deviation", "n_coefficients", "unit", "variance")

    def __init__(self, effect: FloatArray, variance: FloatArray, design: FloatArray) -> None:
        self.unit = float(variance.min())
        self.deviation = effect / math.sqrt(self.unit)
        self.variance = variance / self.unit
        self.design = design
        self.n_coefficients = design.shape[1]

    def residuals(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return residuals and one minus leverage of the weighted fit."""
        root = np.sqrt(weights)
        basis, _ = np.linalg.qr(root[..., None] * self.design)
        target = root * self.deviation
        fitted = (basis @ (np.swapaxes(basis, -1, -2) @ target[..., None]))[..., 0]
        return (target - fitted) / root, 1 - (basis * basis).sum(-1)

    def sum_of_squares(self, weights: FloatArray) -> float:
        """Return the weighted sum of the squared residuals of one fit."""
        residual, _ = self.residuals(weights)
        return float((weights * residual).dot(residual))

    def log_information(self, weights: FloatArray) -> float:
        """Return the logarithm of the determinant of ``X' W X``."""
        triangle = np.linalg.qr(np.sqrt(weights)[:, None] * self.design, mode="r")
        return 2 * float(np.log(np.abs(np.diag(triangle))).sum())

    def coefficients(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return coefficients and their covariance matrix in the units of the data."""
        root = np.sqrt(weights)
        basis, triangle = np.linalg.qr(root[:, None] * self.design)
        inverse = np.linalg.inv(triangle)
        beta = inverse @ (basis.T @ (root * self.deviation))
        return beta * math.sqrt(self.unit), inverse @ inverse.T * self.unit


def members_of(groups: Sequence[object], names: tuple[str, ...]) -> dict[str, list[int]]:
    """Return the rows of each group, in order of first appearance."""
    values = as_items("groups", groups)
    if len(values) != len(names):
        raise ReviewError(f"groups: {len(values)} groups for {len(names)} studies")
    rows: dict[str, list[int]] = {}
    for row, value in enumerate(values):
        if value is None or value != value or str(value).strip() == "":
            raise ReviewError(f"groups: {names[row]} has no group ({value!r})")
        rows.setdefault(str(value), []).append(row)
    if len(rows) < 2:
        raise ReviewError(f"groups: at least two are needed, got {', '.join(rows)}")
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class MetaRegression(Result, NamesItsMethods):
    """The result of ``meta_regression``; arrays have one element a coefficient, p in all.

    Attributes
    ----------
    names : tuple of str
        Coefficient names, ``"intercept"`` first if there is one.
    coefficients, se, statistic, p_value : ndarray of shape (p,)
        Estimates, standard errors, z or t values, two-sided p values.
    ci : ndarray of shape (p, 2)
        Confidence limits.
    covariance : ndarray of shape (p, p)
        Covariance matrix of the coefficients.
    df : int or None
        Degrees of freedom of the t distribution (k - p); None for the normal.
    tau2 : float
        Variance between studies that the moderators leave.
    tau2_total : float
        The same without moderators.
    q_e : float
        Weighted residual sum of squares at tau2 = 0, chi-squared on k - p degrees of freedom.
    q_m, q_m_df, q_m_p_value : float, tuple, float
        Test of all coefficients but the intercept: chi-squared on ``(m, None)``, or F on
        ``(m, k - p)`` degrees of freedom with Hartung-Knapp.
    """

    effect: FloatArray
    variance: FloatArray
    labels: tuple[str, ...]
    design: FloatArray
    names: tuple[str, ...]
    methods: Methods
    coefficients: FloatArray
    covariance: FloatArray
    se: FloatArray
    ci: FloatArray
    statistic: FloatArray
    p_value: FloatArray
    df: int | None
    tau2: float
    tau2_total: float
    q_e: float
    q_m: float
    q_m_df: tuple[int, int | None]
    q_m_p_value: float

    @property
    def k(self) -> int:
        """Number of studies."""
        return len(self.effect)

    @property
    def q_e_df(self) -> int:
        """Degrees of freedom of ``q_e``: studies minus coefficients."""
        return self.k - len(self.names)

    @property
    def q_e_p_value(self) -> float:
        """P value of ``q_e``, the test of heterogeneity that the moderators leave."""
        return float(chdtrc(self.q_e_df, self.q_e))

    @property
    def i2(self) -> float:
        """Residual I2 from ``q_e``, a fraction."""
        return max(0.0, 1 - self.q_e_df / self.q_e) if self.q_e > 0 else 0.0

    @property
    def i2_tau2(self) -> float:
        """Residual I2 from tau2, as metafor prints it; for FE the one from ``q_e``."""
        if self.tau2_method == "FE":
            return self.i2
        model = self._model()
        _, complement = model.residuals(1 / model.variance)
        typical = self.q_e_df / float((complement / model.variance).sum()) * model.unit
        return self.tau2 / (self.tau2 + typical)

    @property
    def r2(self) -> float | None:
        """Share of tau2 that the moderators explain; None where there is none to explain."""
        if self.tau2_method == "FE" or self.tau2_total == 0:
            return None
        return max(0.0, 1 - self.tau2 / self.tau2_total)

    @property
    def tau2_ci(self) -> Interval:
        """Q-profile interval of the tau2 that the moderators leave."""
        model = self._model()
        low, high = q_profile(model, self.level)
        return low * model.unit, high * model.unit

    def test_of(self, names: Sequence[str]) -> tuple[float, tuple[int, int | None], float]:
        """Test some coefficients as a whole, such as those of all levels of a factor.

        Parameters
        ----------
        names
            Names of coefficients.

        Returns
        -------
        statistic, degrees of freedom, p value
            As ``q_m``, ``q_m_df`` and ``q_m_p_value``.

        Raises
        ------
        ReviewError
            For a coefficient that the regression does not have.
        """
        for name in names:
            check_choice("names", name, self.names)
        rows = [self.names.index(name) for name in names]
        inner = self.covariance[np.ix_(rows, rows)]
        return wald_test(self.coefficients[rows], inner, self.df, tested=0)

    def _model(self) -> RegressionModel:
        return RegressionModel(self.effect, self.variance, self.design)

    has_header = True

    def title(self) -> str:
        """Say what was fitted, and what it explains."""
        return (
            f"Meta-regression of {plural(self.k, 'study', 'studies')} "
            f"({self.tau2_method}, {self.ci_method}): residual tau2 {number(self.tau2, 4)}, "
            f"R2 {percent(self.r2, 1)}, moderators {p_value(self.q_m_p_value)}"
        )

    @property
    def caution(self) -> str | None:
        """A sentence where the studies are too few for the moderators; else ``None``.

        Terms are counted as moderators; a factor of many levels needs more studies than one of two.
        """
        moderators = len([name for name in self.names if name != INTERCEPT])
        if self.k >= FEWEST_A_MODERATOR * moderators:
            return None
        return (
            f"Fewer than {FEWEST_A_MODERATOR} studies a moderator; such a regression often finds "
            "what is not there (Cochrane Handbook, section 10.11)."
        )

    def rows(self) -> list[tuple[str, ...]]:
        """Return one row a coefficient, as words, and the caution where there is one."""
        cells = [
            (name, estimate_text(b, (low, high), 4), p_value(p))
            for name, b, (low, high), p in zip(
                self.names, self.coefficients, self.ci, self.p_value, strict=True
            )
        ]
        caution = [("caution", self.caution, "")] if self.caution else []
        return [("coefficient", f"estimate ({percent(self.level)} CI)", "test"), *cells, *caution]

    def to_frame(self) -> pd.DataFrame:
        """Return the coefficients, unrounded, one row each."""
        return pd.DataFrame(
            {
                "coefficient": self.names,
                "estimate": self.coefficients,
                "se": self.se,
                "ci_low": self.ci[:, 0],
                "ci_high": self.ci[:, 1],
                "statistic": self.statistic,
                "p_value": self.p_value,
            }
        )


def meta_regression(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    moderators: Moderators,
    *,
    labels: Sequence[object] | None = None,
    intercept: bool = True,
    **methods: Unpack[MethodNames],
) -> MetaRegression:
    """Regress effects on characteristics of the studies (mixed-effects meta-regression).

    Parameters
    ----------
    effect, variance : array_like of shape (k,)
        Effects and sampling variances.
    moderators : array_like of shape (k,) or (k, m), mapping or DataFrame of named columns
        Numeric moderators; ``indicators`` turns a categorical one into such columns.
    labels : sequence of shape (k,), optional
        Names of the studies.
    intercept : bool
        Whether to add an intercept.
    **methods
        As in ``pool``; t has k - p degrees of freedom, and ``pi_method`` changes nothing here.

    Returns
    -------
    MetaRegression
        Coefficients with tests and intervals, and what heterogeneity is left.

    Raises
    ------
    ReviewError
        For input that ``pool`` refuses, moderators that are missing or not numeric (naming study
        and moderator), columns that follow from others, or too few studies for the coefficients.

    Notes
    -----
    With ``W = diag(1 / (v + tau2))``: ``b = (X'WX)^-1 X'Wy`` and ``cov(b) = (X'WX)^-1``, which
    Hartung and Knapp multiply by the residual mean square ``s2 = e'We / (k - p)`` (ad hoc form:
    by ``max(1, s2)``). R2 compares tau2 with that of the same studies without moderators.

    References
    ----------
    Thompson SG, Higgins JPT (2002). Statistics in Medicine 21:1559-1573.
    Knapp G, Hartung J (2003). Statistics in Medicine 22:2693-2710.
    Raudenbush SW (2009). In: The Handbook of Research Synthesis and Meta-Analysis, 2nd ed. (R2)
    Cochrane Handbook, chapter 10.11.4.

    Examples
    --------
    >>> weeks = {"weeks": [4, 8, 12, 16, 20]}
    >>> fit = meta_regression([0.1, 0.3, 0.3, 0.6, 0.7], [0.02, 0.03, 0.02, 0.04, 0.03], weeks)
    >>> fit.names, fit.coefficients.round(3)
    (('intercept', 'weeks'), array([-0.055,  0.037]))
    """
    chosen = Methods.named(methods)
    if chosen.ci_method == "KR":
        raise ReviewError("ci_method: Kenward and Roger's interval is for a mean, not a regression")
    if not isinstance(intercept, bool):
        raise ReviewError(f"intercept must be True or False, got {shown(intercept)}")
    y, v, studies = check_effects(effect, variance, labels)
    names, design = _design(moderators, studies, intercept)
    k, p = design.shape
    if k <= p:
        raise ReviewError(f"moderators: {p} coefficients need more than {k} studies")
    model = RegressionModel(y, v, design)
    tau2, beta, covariance = fitted(model, chosen)
    df = None if chosen.ci_method == "wald" else k - p
    se = np.sqrt(np.diag(covariance))
    statistic = np.array([ratio(b, s) for b, s in zip(beta, se, strict=True)])
    limits = [confidence_interval(b, s, df, chosen.level) for b, s in zip(beta, se, strict=True)]
    q_m, q_m_df, q_m_p = wald_test(beta, covariance, df, tested=int(intercept))
    mean_model = MeanModel(y, v)
    return MetaRegression(
        effect=frozen(y),
        variance=frozen(v),
        labels=studies,
        design=frozen(design),
        names=names,
        methods=chosen,
        coefficients=frozen(beta),
        covariance=frozen(covariance),
        se=frozen(se),
        ci=frozen(np.array(limits)),
        statistic=frozen(statistic),
        p_value=frozen(np.array([2 * lower_tail(-abs(z), df) for z in statistic])),
        df=df,
        tau2=tau2 * model.unit,
        tau2_total=between_variance(chosen.tau2_method, mean_model) * mean_model.unit,
        q_e=q_statistic(model),
        q_m=q_m,
        q_m_df=q_m_df,
        q_m_p_value=q_m_p,
    )


def fitted(model: RegressionModel, methods: Methods) -> tuple[float, FloatArray, FloatArray]:
    """Return tau2, in units of the smallest variance, coefficients and their covariance."""
    tau2 = between_variance(methods.tau2_method, model)
    beta, covariance = model.coefficients(1 / (model.variance + tau2))
    if methods.ci_method != "wald":
        k, p = model.design.shape
        factor = q_statistic(model, tau2) / (k - p)
        covariance = covariance * (factor if methods.ci_method == "HK" else max(1.0, factor))
    return tau2, beta, covariance


def indicators(
    name: str, values: Sequence[object], *, baseline: str | None = None, all_levels: bool = False
) -> dict[str, FloatArray]:
    """Turn a categorical moderator into columns of zeros and ones, one a level but the baseline.

    Parameters
    ----------
    name : str
        Name of the moderator; columns are called ``name=level``.
    values : sequence of shape (k,)
        The level of each study.
    baseline : str, optional
        The level that the others are compared with; the alphabetically first when absent.
    all_levels : bool
        Give the baseline a column too, for a regression without intercept.

    Returns
    -------
    dict of str to ndarray of shape (k,)
        Columns for ``meta_regression``, in alphabetical order.

    Raises
    ------
    ReviewError
        For a missing level, a single level or an unknown baseline.

    Examples
    --------
    >>> indicators("place", ["home", "gym", "home"])
    {'place=home': array([1., 0., 1.])}
    """
    values = as_items(name, values)
    places = tuple(f"study {i}" for i in range(1, len(values) + 1))
    members = members_of(values, places)
    levels = sorted(members)
    if baseline is not None and baseline not in levels:
        raise ReviewError(f"{name}: no study has the baseline {baseline!r}")
    left_out = None if all_levels else (baseline or levels[0])
    columns = {}
    for level in levels:
        if level != left_out:
            columns[f"{name}={level}"] = np.zeros(len(values))
            columns[f"{name}={level}"][members[level]] = 1.0
    return columns


def _design(
    moderators: Moderators,
    studies: tuple[str, ...],
    intercept: bool,
) -> tuple[tuple[str, ...], FloatArray]:
    """Return coefficient names and a design matrix of full rank."""
    columns = {INTERCEPT: np.ones(len(studies))} if intercept else {}
    for name, values in _named_columns(moderators):
        column = as_floats(f"moderator {name}", values)
        if len(column) != len(studies):
            raise ReviewError(f"moderator {name}: {len(column)} values for {len(studies)} studies")
        check_finite(f"moderator {name}", column, studies)
        columns[name] = column
    if len(columns) == intercept:
        raise ReviewError("moderators: there is none")
    design = np.column_stack(list(columns.values()))
    _check_rank(tuple(columns), design)
    return tuple(columns), design


def _named_columns(
    moderators: Moderators,
) -> Iterable[tuple[str, npt.ArrayLike]]:
    if isinstance(moderators, Mapping) or hasattr(moderators, "columns"):
        return [(str(name), x) for name, x in cast(Mapping[str, npt.ArrayLike], moderators).items()]
    array = as_array("moderators", moderators)
    if array.ndim == 2:
        return [(f"moderator {i}", column) for i, column in enumerate(array.T, start=1)]
    return [(str(getattr(moderators, "name", None) or "moderator"), array)]


def _check_rank(names: tuple[str, ...], design: FloatArray) -> None:
    """Raise if a column follows from those before it, and name it."""
    lengths = np.linalg.norm(design, axis=0)
    scaled = design / np.where(lengths > 0, lengths, 1.0)
    triangle = np.linalg.qr(scaled, mode="r")
    left = np.zeros(len(names))
    left[: len(triangle)] = np.abs(np.diag(triangle))
    dependent = [name for name, share in zip(names, left, strict=True) if share < RANK_TOLERANCE]
    if dependent:
        raise ReviewError(
            f"moderators: {', '.join(dependent)} follows from the columns before it "
            f"({', '.join(name for name in names if name not in dependent)})"
        )


def wald_test(
    beta: FloatArray, covariance: FloatArray, df: int | None, *, tested: int
) -> tuple[float, tuple[int, int | None], float]:
    """Wald test of the coefficients from position ``tested`` on: chi-squared, or F with df."""
    b, inner = beta[tested:], covariance[tested:, tested:]
    m = len(b)
    scale = np.sqrt(np.diag(inner))
    if not scale.all():  # a Hartung-Knapp SE of zero: the fit is exact
        statistic = math.inf if b.any() else 0.0
    else:
        z = b / scale
        statistic = float(z @ np.linalg.solve(inner / np.outer(scale, scale), z))
    if df is None:
        return statistic, (m, None), float(chdtrc(m, statistic))
    return statistic / m, (m, df), float(fdtrc(m, df, statistic / m))
