"""Pool effects of which several come from one trial, as `pool` pools independent ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Unpack, cast

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import FloatArray
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import plural
from analysis_lib.pooling.clusters import check_clustered
from analysis_lib.pooling.dependent_effects import LIKELIHOODS, MultilevelEffect, multilevel
from analysis_lib.pooling.methods import PREDICTIONS, MethodNames, Methods
from analysis_lib.pooling.pooled_effect import (
    FEWEST_FOR_SPREAD,
    Interval,
    PooledEffect,
    frozen,
    pool,
    with_digits,
)
from analysis_lib.pooling.robust_variance import RobustEffect, robust


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class PooledDependent(PooledEffect):
    """The result of `pool_dependent`: a `PooledEffect` whose effects are not independent.

    ``tau2`` is the variance of true effects in all, between trials and within them; ``None`` where
    all effects are of one trial. The Q-based I2 and Q itself take the whole covariance.

    Attributes
    ----------
    model : MultilevelEffect
        The three-level model behind it, with both variances.
    robust : RobustEffect or None
        The cluster-robust standard error, where that is the interval.
    """

    model: MultilevelEffect
    robust: RobustEffect | None

    @property
    def n_trials(self) -> int:
        """Number of trials."""
        return self.model.n_clusters

    @property
    def weights(self) -> FloatArray:
        """Share of each effect in the pooled one; the shares sum to 1."""
        return self.model.weights

    @property
    def model_covariance(self) -> FloatArray:
        """Covariance of the effects under the fitted model, of shape (k, k)."""
        return self.model.model_covariance

    @property
    def typical_variance(self) -> float | None:
        """Higgins and Thompson's typical sampling variance, with the whole covariance."""
        return self.model.typical_variance

    @property
    def tau2_ci(self) -> Interval | None:
        """None: each of the two variances has an interval, ``model.sigma2_ci``."""
        return None

    def cautions(
        self,
        studies: tuple[str, str] = ("study", "studies"),
        words: Callable[[Interval], str] = with_digits,
    ) -> list[str]:
        """Return a sentence for all that few trials make doubtful."""
        told = []
        if self.n_trials < FEWEST_FOR_SPREAD and self.tau2_method != "FE":
            trials = plural(self.n_trials, "trial", spelled=True).capitalize()
            told.append(
                f"{trials} hardly tell{'s' if self.n_trials == 1 else ''} how much effects differ "
                "between trials, and the intervals depend on it."
            )
        if self.robust is not None and self.robust.caution:
            told.append(self.robust.caution)
        return told

    def _predictive(self) -> tuple[float, float | None] | None:
        """Return scale and degrees of freedom of one comparison in a new trial."""
        if self.tau2 is None or self.tau2_method == "FE":
            return None
        lost, se_method = PREDICTIONS[self.pi_method]
        fit = self.model if se_method == "wald" else self.robust or self.model
        df: float | None = None
        if lost is not None:
            own = self.robust.df if self.robust and se_method == "KR" else float(self.n_trials)
            df = own - lost
            if df <= 0 or (df < 1 and se_method != "KR"):
                return None
        return math.hypot(math.sqrt(self.tau2), fit.se), df


def pool_dependent(
    effect: npt.ArrayLike,
    covariance: npt.ArrayLike,
    trial: Sequence[object],
    *,
    labels: Sequence[object] | None = None,
    **methods: Unpack[MethodNames],
) -> PooledEffect:
    """Pool effects of which several come from one trial, by the methods that `pool` takes.

    Parameters
    ----------
    effect : array_like of shape (k,)
        Effects, all on one scale.
    covariance : array_like of shape (k, k)
        Their sampling covariance, as `shared_arm_covariance` gives it.
    trial : sequence of shape (k,)
        The trial of each effect.
    labels : sequence of shape (k,), optional
        Names of the effects; numbered when absent.
    **methods
        As in `pool`. The variances are estimated by ``tau2_method`` REML or ML, or are none (FE).
        ``ci_method`` wald is the normal interval; each of the others, which take effects as
        independent, gives way to the cluster-robust one, CR2 with Satterthwaite's degrees of
        freedom. Prediction intervals count trials where `pool` counts studies.

    Returns
    -------
    PooledEffect
        A `PooledDependent`; or what `pool` returns, where every trial has one effect.

    Raises
    ------
    ReviewError
        For another estimator of tau2, and as `multilevel` and `robust`.

    Notes
    -----
    The model is that of `multilevel`: random effects between trials and between the comparisons of
    a trial. Several effects of one trial alone tell nothing of either variance: they are combined
    by their covariance, and tau2 is absent.

    References
    ----------
    Pustejovsky JE, Tipton E (2022). Meta-analysis with robust variance estimation: expanding the
    range of working models. Prevention Science 23:425-438.

    Examples
    --------
    >>> covariance = [[0.09, 0.04, 0], [0.04, 0.08, 0], [0, 0, 0.05]]
    >>> fit = pool_dependent([-0.5, -0.3, -0.6], covariance, ["Kell", "Kell", "Aasa"])
    >>> print(f"{fit.estimate:.3f} (SE {fit.se:.3f})")
    -0.506 (SE 0.167)
    """
    chosen = Methods.named(methods)
    checked = check_clustered(effect, covariance, trial, labels)
    trials = [str(name) for name in trial]
    if len(checked.clusters) == len(trials):
        return pool(effect, np.diagonal(checked.covariance), labels=labels, **chosen)
    one_trial = len(checked.clusters) == 1
    method = "FE" if one_trial else chosen.tau2_method
    if method not in LIKELIHOODS:
        raise ReviewError(
            f"tau2_method: where comparisons share arms that are modelled, the variances are "
            f"estimated by REML or ML, or are none (FE); not by {method}"
        )
    fit = multilevel(
        effect,
        covariance,
        trials,
        method=cast(Literal["REML", "ML", "FE"], method),
        labels=labels,
        level=chosen.level,
    )
    if one_trial:
        chosen = chosen.but(ci_method="wald")
    by_trial = None if chosen.ci_method == "wald" else robust(fit, trials)
    used = by_trial or fit
    return PooledDependent(
        effect=fit.effect,
        variance=frozen(np.diagonal(fit.covariance)),
        labels=fit.labels,
        methods=chosen,
        estimate=used.estimate,
        se=used.se,
        ci=used.ci,
        statistic=used.statistic,
        p_value=used.p_value,
        df=used.df,
        tau2=None if one_trial else sum(fit.sigma2),
        q=fit.q,
        model=fit,
        robust=by_trial,
    )
