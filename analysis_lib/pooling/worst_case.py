"""What the worst selection would leave: how much of it would be needed to explain a result away."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from analysis_lib.base.checks import FloatArray, as_number, check_choice, check_effects, check_level
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import estimate as estimate_text
from analysis_lib.base.formatting import number, percent, plural
from analysis_lib.base.results import Result
from analysis_lib.effects.columns import Labels
from analysis_lib.pooling.clusters import Rows, cluster_rows
from analysis_lib.pooling.pooled_effect import Interval, confidence_interval, pool

MODELS = ("random", "common")
#: A selection beyond this is as good as infinite.
LARGEST_RATIO = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstCase(Result):
    """Result of `worst_case_bias`.

    Attributes
    ----------
    k, n_affirmative : int
        Studies, and those of them that are significant in the favoured direction.
    estimate, ci : float, (float, float)
        Without selection.
    worst_estimate, worst_ci : float, (float, float)
        From the other studies alone: what is left if selection has no limit.
    ratio_for_estimate, ratio_for_interval : float or None
        How many times likelier the affirmative studies must have been to be seen for the estimate,
        or the near end of its interval, to be at the threshold; 1 where it is there already,
        None where no selection of this kind would do.
    threshold : float
        Where the estimate or its interval would have to be.
    favoured, model : str
        ``"positive"`` or ``"negative"``; ``"random"`` or ``"common"``.
    level : float
        Level of the intervals.
    """

    k: int
    n_affirmative: int
    estimate: float
    ci: Interval
    worst_estimate: float
    worst_ci: Interval
    ratio_for_estimate: float | None
    ratio_for_interval: float | None
    threshold: float
    favoured: str
    model: str
    level: float

    def title(self) -> str:
        """Say what was computed."""
        studies = plural(self.k, "study", "studies")
        return f"Worst selection of {studies}, {self.n_affirmative} of them affirmative"

    def rows(self) -> list[tuple[str, ...]]:
        """Return the results as words."""
        level, goal = percent(self.level), f"to move to {number(self.threshold)}"
        return [
            ("no selection", f"{estimate_text(self.estimate, self.ci, 4)} ({level} CI)"),
            ("worst selection", f"{estimate_text(self.worst_estimate, self.worst_ci, 4)}"),
            (f"ratio for the estimate {goal}", _ratio_words(self.ratio_for_estimate)),
            (f"ratio for the interval {goal}", _ratio_words(self.ratio_for_interval)),
        ]

    def to_frame(self) -> pd.DataFrame:
        """Return the results, unrounded, as a table of one row."""
        numbers: dict[str, float | None] = {
            "k": self.k,
            "n_affirmative": self.n_affirmative,
            "estimate": self.estimate,
            "ci_low": self.ci[0],
            "ci_high": self.ci[1],
            "worst_estimate": self.worst_estimate,
            "worst_ci_low": self.worst_ci[0],
            "worst_ci_high": self.worst_ci[1],
            "ratio_for_estimate": self.ratio_for_estimate,
            "ratio_for_interval": self.ratio_for_interval,
        }
        return pd.DataFrame([numbers])


def _ratio_words(ratio: float | None) -> str:
    if ratio is None:
        return "no selection would do"
    return "it is there already" if ratio == 1 else f"{ratio:.3g}"


def worst_case_bias(
    effect: npt.ArrayLike,
    variance: npt.ArrayLike,
    *,
    favoured: Literal["positive", "negative"] = "positive",
    threshold: float = 0.0,
    model: Literal["random", "common"] = "random",
    cluster: Sequence[object] | None = None,
    labels: Labels = None,
    level: float = 0.95,
) -> WorstCase:
    r"""Say how strong publication bias would have to be to explain a result away.

    Parameters
    ----------
    effect, variance : array_like, shape (k,)
        Effects and their sampling variances; k at least 2.
    favoured : {"positive", "negative"}
        Which results are seen more often: two-sided p below 1 - level, on this side of zero. They
        are called affirmative.
    threshold : float, default 0
        Where the estimate would have to be.
    model : {"random", "common"}
        Weights by REML with robust standard errors (CR1, t with one degree of freedom less than
        clusters), or a common effect with normal intervals.
    cluster : sequence, optional
        What each effect belongs to, for the robust standard errors; each to itself when absent.
    labels : sequence, optional
        Study labels.
    level : float, default 0.95
        Level of the intervals.

    Returns
    -------
    WorstCase

    Raises
    ------
    ReviewError
        When no study or every study is affirmative (there is nothing to compare),
        and invalid effects or variances.

    Notes
    -----
    If affirmative studies are seen :math:`\eta` times as often as the others, the mean of all is
    :math:`(\eta\sum_N w_iy_i+\sum_Aw_iy_i)/(\eta\sum_Nw_i+\sum_Aw_i)`: the others count
    :math:`\eta` times. As :math:`\eta` grows they alone are left, the worst case.

    References
    ----------
    Mathur MB, VanderWeele TJ (2020). Sensitivity analysis for publication bias in meta-analyses.
    Journal of the Royal Statistical Society C 69:1091-1119.

    Examples
    --------
    >>> effect = [0.62, 0.48, 0.91, 0.30, 0.12, 0.75, 1.05, 0.22, 0.55, 0.40, 0.05, 0.83]
    >>> variance = [0.05, 0.03, 0.12, 0.02, 0.02, 0.09, 0.2, 0.02, 0.045, 0.028, 0.009, 0.11]
    >>> result = worst_case_bias(effect, variance)
    >>> print(f"{result.estimate:.2f}, at worst {result.worst_estimate:.2f}")
    0.40, at worst 0.12
    """
    check_choice("favoured", favoured, ("positive", "negative"))
    check_choice("model", model, MODELS)
    check_level(level)
    if not math.isfinite(as_number("threshold", threshold)):
        raise ReviewError(f"threshold must be finite, got {threshold}")
    y, v, names = check_effects(effect, variance, labels)
    sign = 1.0 if favoured == "positive" else -1.0
    affirmative = sign * y / np.sqrt(v) > -float(special.ndtri((1 - level) / 2))
    if affirmative.all() or not affirmative.any():
        told = "every study" if affirmative.all() else "no study"
        raise ReviewError(
            f"effect: {told} of {len(y)} is significant and {favoured}; the analysis compares such "
            "studies with the others"
        )
    tau2 = (pool(y, v, labels=names).tau2 or 0.0) if model == "random" else 0.0
    rows = cluster_rows(range(len(y)) if cluster is None else cluster, names)[1]
    seen = _Seen(y * sign, v + tau2, affirmative, rows if model == "random" else None)
    goal = threshold * sign
    plain, worst = seen.interval(1.0, level), seen.interval(math.inf, level)
    return WorstCase(
        k=len(y),
        n_affirmative=int(affirmative.sum()),
        estimate=sign * seen.mean(1.0),
        ci=_turned(plain, sign),
        worst_estimate=sign * seen.mean(math.inf),
        worst_ci=_turned(worst, sign),
        ratio_for_estimate=_ratio(lambda eta: seen.mean(eta) - goal),
        ratio_for_interval=_ratio(lambda eta: seen.interval(eta, level)[0] - goal),
        threshold=threshold,
        favoured=favoured,
        model=model,
        level=level,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """Studies whose favoured side is the positive one, with the variance of their weights."""

    y: FloatArray
    total: FloatArray
    affirmative: npt.NDArray[np.bool_]
    rows: tuple[Rows, ...] | None

    def _weights(self, ratio: float) -> FloatArray:
        return np.where(self.affirmative, 1 / ratio, 1.0) / self.total

    def mean(self, ratio: float) -> float:
        """Return the mean if affirmative studies are seen so many times as often."""
        return float(np.average(self.y, weights=self._weights(ratio)))

    def interval(self, ratio: float, level: float) -> Interval:
        """Return its confidence interval."""
        weights, mean = self._weights(ratio), self.mean(ratio)
        pulls = [] if self.rows is None else [own for own in self.rows if weights[own].any()]
        if len(pulls) < 2:
            se = math.sqrt(float((weights**2) @ self.total)) / float(weights.sum())
            return confidence_interval(mean, se, None, level)
        scores = [float(weights[own] @ (self.y[own] - mean)) for own in pulls]
        m = len(pulls)
        se = math.sqrt(m / (m - 1) * float(np.square(scores).sum())) / float(weights.sum())
        return confidence_interval(mean, se, m - 1.0, level)


def _turned(limits: Interval, sign: float) -> Interval:
    return limits if sign > 0 else (-limits[1], -limits[0])


def _ratio(excess: Callable[[float], float]) -> float | None:
    """Return the ratio at which an excess over the threshold is used up."""
    from scipy.optimize import brentq  # slow to import, and only needed here

    if excess(1.0) <= 0:
        return 1.0
    if excess(LARGEST_RATIO) > 0:
        return None
    end = math.log(LARGEST_RATIO)
    return math.exp(brentq(lambda log_ratio: excess(math.exp(log_ratio)), 0.0, end, xtol=1e-12))
