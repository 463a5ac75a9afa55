"""Standard errors that hold when effects of one trial are dependent in an unknown way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from analysis_lib.base.checks import FloatArray, check_choice
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import degrees, interval, number, p_value, percent, plural
from analysis_lib.base.results import Result
from analysis_lib.pooling.clusters import Rows, cluster_rows
from analysis_lib.pooling.dependent_effects import MultilevelEffect
from analysis_lib.pooling.events import PooledEvents
from analysis_lib.pooling.pooled_effect import (
    Interval,
    PooledEffect,
    confidence_interval,
    lower_tail,
    ratio,
)

KINDS = ("CR1", "CR2")
#: Tipton (2015): with fewer degrees of freedom the distribution is no longer close to t.
FEWEST_DF = 4
#: An eigenvalue below this share of the largest is zero but for rounding.
ZERO = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RobustEffect(Result):
    """The result of `robust`.

    Attributes
    ----------
    estimate, se : float
        The mean of the fit, and its robust standard error.
    df : float
        Degrees of freedom: Satterthwaite's for CR2, clusters less one for CR1.
    ci : tuple of float
        Confidence interval (low, high), by Student's t.
    statistic, p_value : float
        Test of a mean of zero, two-sided.
    kind : str
        ``"CR1"`` or ``"CR2"``.
    k, n_clusters : int
        Effects, and clusters.
    level : float
        Level of the interval.
    """

    estimate: float
    se: float
    df: float
    ci: Interval
    statistic: float
    p_value: float
    kind: str
    k: int
    n_clusters: int
    level: float

    @property
    def caution(self) -> str | None:
        """A sentence to print beside the result where the clusters are too few; else ``None``."""
        if self.df >= FEWEST_DF:
            return None
        return (
            f"Only {degrees(self.df)} degrees of freedom: with fewer than {FEWEST_DF}, the p value "
            "and the interval of a robust standard error cannot be trusted (Tipton 2015)."
        )

    def __repr__(self) -> str:
        return (
            f"RobustEffect(estimate={self.estimate:.4g}, se={self.se:.4g}, df={self.df:.4g}, "
            f"kind={self.kind!r}, n_clusters={self.n_clusters})"
        )

    def title(self) -> str:
        """Say which standard error it is."""
        return f"Robust standard error ({self.kind}) from {plural(self.n_clusters, 'cluster')}"

    def rows(self) -> list[tuple[str, ...]]:
        """Return the results as words, and the caution where there is one."""
        words = f"{number(self.estimate, 4)} ({percent(self.level)} CI {interval(self.ci, 4)})"
        told: list[tuple[str, ...]] = [
            ("estimate", words),
            ("standard error", number(self.se, 4)),
            ("test", f"{p_value(self.p_value)} on {degrees(self.df)} degrees of freedom"),
        ]
        return [*told, ("caution", self.caution)] if self.caution else told

    def to_frame(self) -> pd.DataFrame:
        """Return the results, unrounded, as a table of one row."""
        numbers = {
            "k": self.k,
            "n_clusters": self.n_clusters,
            "estimate": self.estimate,
            "se": self.se,
            "df": self.df,
            "ci_low": self.ci[0],
            "ci_high": self.ci[1],
            "p_value": self.p_value,
        }
        return pd.DataFrame([numbers])


def robust(
    fit: MultilevelEffect | PooledEffect,
    cluster: Sequence[object],
    *,
    kind: Literal["CR1", "CR2"] = "CR2",
) -> RobustEffect:
    r"""Cluster-robust standard error of a pooled mean.

    Parameters
    ----------
    fit : MultilevelEffect or PooledEffect
        What `multilevel` or `pool` returned. Its covariance of the effects is the working model:
        it need not be true.
    cluster : sequence of shape (k,)
        What each effect belongs to. Effects of different clusters are taken as independent.
    kind : {"CR1", "CR2"}
        CR2 takes off the bias of small numbers and has Satterthwaite's degrees of freedom; CR1 is
        multiplied by the root of m / (m - 1) and has m - 1 of them, m being the clusters.

    Returns
    -------
    RobustEffect
        With ``caution`` where the degrees of freedom are fewer than four.

    Raises
    ------
    ReviewError
        For one cluster, clusters of another number than effects, a fit whose model links effects of
        different clusters, or events pooled by another weight than inverse variance.

    Notes
    -----
    With the working covariance :math:`\Phi_i` of cluster i, :math:`W_i=\Phi_i^{-1}`,
    :math:`M=1/\sum 1'W_i1` and residuals :math:`e_i`, the variance is
    :math:`M^2\sum(1'W_iA_ie_i)^2`. CR2 has :math:`A_i=D_i'B_i^{-1/2}D_i`, D being the Cholesky
    factor of :math:`\Phi_i` and :math:`B_i=D_i(\Phi_i-1M1')D_i'`. With
    :math:`u_i=MA_i'W_i1` and :math:`\Omega_{ij}=\delta_{ij}u_i'\Phi_iu_i-M\,1'u_i\,1'u_j` the
    degrees of freedom are :math:`(\mathrm{tr}\,\Omega)^2/\mathrm{tr}\,\Omega^2`. A multilevel fit
    with `within_trial_covariance` is the correlated-and-hierarchical-effects model.

    References
    ----------
    Hedges LV, Tipton E, Johnson MC (2010). Robust variance estimation in meta-regression with
    dependent effect size estimates. Research Synthesis Methods 1:39-65.
    Tipton E (2015). Small sample adjustments for robust variance estimation with meta-regression.
    Psychological Methods 20:375-393.
    Pustejovsky JE, Tipton E (2022). Meta-analysis with robust variance estimation: expanding the
    range of working models. Prevention Science 23:425-438.

    Examples
    --------
    >>> from analysis_lib import pool
    >>> fit = pool([0.31, 0.42, 0.18, 0.75, 0.66, 0.05], [0.04, 0.05, 0.04, 0.08, 0.07, 0.03])
    >>> result = robust(fit, ["Cai", "Cai", "Cai", "Kell", "Kell", "Aasa"])
    >>> print(f"SE {result.se:.3f} on {result.df:.2f} degrees of freedom")
    SE 0.127 on 1.73 degrees of freedom
    """
    check_choice("kind", kind, KINDS)
    model = _working_model(fit)
    members, rows = cluster_rows(cluster, fit.labels)
    if len(members) == 1:
        raise ReviewError(f"cluster: all {fit.k} effects are of {members[0]}; two are needed")
    _check_blocks(model, fit.labels, rows)
    blocks = [model[np.ix_(own, own)] for own in rows]
    pulls = [np.asarray(np.linalg.solve(b, np.ones(len(b))), dtype=float) for b in blocks]
    mean_variance = 1 / sum(float(pull.sum()) for pull in pulls)
    if kind == "CR2":
        pulls = [_adjusted(b, pull, mean_variance) for b, pull in zip(blocks, pulls, strict=True)]
    residual = fit.effect - fit.estimate
    scores = [float(pull @ residual[own]) for pull, own in zip(pulls, rows, strict=True)]
    m = len(members)
    correction = m / (m - 1) if kind == "CR1" else 1.0
    se = mean_variance * math.sqrt(correction * float(np.square(scores).sum()))
    df = _satterthwaite(blocks, pulls, mean_variance) if kind == "CR2" else m - 1.0
    statistic = ratio(fit.estimate, se)
    return RobustEffect(
        estimate=fit.estimate,
        se=se,
        df=df,
        ci=confidence_interval(fit.estimate, se, df, fit.level),
        statistic=statistic,
        p_value=2 * lower_tail(-abs(statistic), df),
        kind=kind,
        k=fit.k,
        n_clusters=m,
        level=fit.level,
    )


def _working_model(fit: MultilevelEffect | PooledEffect) -> FloatArray:
    if isinstance(fit, PooledEvents) and fit.method != "inverse":
        raise ReviewError(f"fit: events pooled by {fit.method} have no robust standard error here")
    if isinstance(fit, MultilevelEffect | PooledEffect):
        return fit.model_covariance
    raise ReviewError(f"fit: expected a result of multilevel or pool, got {type(fit).__name__}")


def _check_blocks(model: FloatArray, labels: tuple[str, ...], rows: Sequence[Rows]) -> None:
    """Raise where the model says that effects of different clusters are dependent."""
    between = model != 0
    for own in rows:
        between[np.ix_(own, own)] = False
    if between.any():
        i, j = (labels[place] for place in np.argwhere(between)[0])
        raise ReviewError(f"cluster: {i} and {j}, dependent in the fit, are of two clusters here")


def _adjusted(block: FloatArray, pull: FloatArray, mean_variance: float) -> FloatArray:
    """Return ``A' W 1``, the weights of a cluster's residuals without the bias of small numbers."""
    factor = np.linalg.cholesky(block).T
    values, vectors = np.linalg.eigh(factor @ (block - mean_variance) @ factor.T)
    kept = values > ZERO * values.max()
    power = np.zeros_like(values)
    power[kept] = values[kept] ** -0.5
    root = (vectors * power) @ vectors.T
    return np.asarray(factor.T @ root @ factor @ pull)


def _satterthwaite(
    blocks: Sequence[FloatArray], pulls: Sequence[FloatArray], mean_variance: float
) -> float:
    own = np.array([pull @ block @ pull for block, pull in zip(blocks, pulls, strict=True)])
    totals = np.array([pull.sum() for pull in pulls])
    omega = np.diag(own) - mean_variance * np.outer(totals, totals)
    return float(np.trace(omega) ** 2 / np.square(omega).sum())
