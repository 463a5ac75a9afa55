"""What a relative effect means for people: risks, differences and numbers needed to treat."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pandas as pd

from analysis_lib.base.checks import check_choice
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import estimate as estimate_text
from analysis_lib.base.formatting import number
from analysis_lib.base.results import Result

Interval = tuple[float, float]

#: From the assumed risk and the effect to the risk with the intervention.
_RISKS: Final[dict[str, Callable[[float, float], float]]] = {
    "RR": lambda p, x: p * x,
    "OR": lambda p, x: p * x / (1 - p + p * x),
    "HR": lambda p, x: -math.expm1(x * math.log1p(-p)) if p < 1 else 1.0,
    "RD": lambda p, x: p + x,
}
#: The measures of which a risk follows from an assumed one.
ABSOLUTE_MEASURES: Final = tuple(_RISKS)


@dataclass(frozen=True, slots=True)
class AbsoluteEffect(Result):
    """The result of `absolute_effect`.

    Attributes
    ----------
    measure, assumed_risk, per
        What was asked for.
    risk, risk_ci : float and (low, high)
        People with the event under the intervention, of ``per``.
    difference, difference_ci : float and (low, high)
        The same minus the assumed risk.
    nnt, nnt_ci : float and (first, second)
        Number needed to treat for one person fewer with the event; negative: for one more. In the
        order of the interval of the risk. Where the interval holds no difference it runs from the
        first number through infinity to the second.
    through_infinity : bool
        Whether it does.
    capped : bool
        Whether a risk above all people, or below none, was set to that bound.
    """

    measure: str
    assumed_risk: float
    per: float
    risk: float
    risk_ci: Interval
    difference: float
    difference_ci: Interval
    nnt: float
    nnt_ci: Interval
    through_infinity: bool
    capped: bool

    def title(self) -> str:
        """Say which risk was assumed."""
        return (
            f"From {number(self.assumed_risk * self.per, 0)} of {self.per:g} by the {self.measure}"
        )

    def rows(self) -> list[tuple[str, ...]]:
        """Return the risk, the difference and the number needed to treat as words."""
        return [
            (f"risk, of {self.per:g}", estimate_text(self.risk, self.risk_ci, 0)),
            (f"difference, of {self.per:g}", estimate_text(self.difference, self.difference_ci, 0)),
            ("number needed to treat", self.nnt_words()),
        ]

    def nnt_words(self) -> str:
        """Say the number needed to treat for benefit (fewer events) or harm, with its interval."""
        first, second = (_one_nnt(value) for value in self.nnt_ci)
        joined = f"{first} to ∞ to {second}" if self.through_infinity else f"{first} to {second}"
        return f"{_one_nnt(self.nnt)} ({joined})"

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers, unrounded, as a table of one row."""
        table: dict[str, float] = {}
        for name in ("risk", "difference", "nnt"):
            low, high = getattr(self, f"{name}_ci")
            table |= {name: getattr(self, name), f"{name}_low": low, f"{name}_high": high}
        return pd.DataFrame([table])


def absolute_effect(
    estimate: float,
    ci: Interval,
    measure: str,
    *,
    assumed_risk: float,
    per: float = 1000,
) -> AbsoluteEffect:
    r"""Risk with the intervention, difference and number needed to treat, at an assumed risk.

    Parameters
    ----------
    estimate : float
        The effect as readers know it: a ratio (not its logarithm), or a difference of risks.
    ci : (low, high)
        Its confidence interval.
    measure : {"RR", "OR", "HR", "RD"}
        What it is.
    assumed_risk : float
        Risk without the intervention, between 0 and 1: the median of the trials' comparator arms,
        or of the people that a reader has in mind. For HR, the risk by the time of interest.
    per : float
        People that risks are counted of.

    Returns
    -------
    AbsoluteEffect
        Each number with its interval. The uncertainty of the assumed risk is not in it.

    Raises
    ------
    ReviewError
        For a ratio that is not positive (a pooled logarithm: give its exponential), an interval
        that does not hold the estimate, or an assumed risk outside 0 to 1.

    Notes
    -----
    With the assumed risk p and the effect x, the risk is ``p x`` for RR, ``p x / (1 - p + p x)``
    for OR, ``1 - (1 - p)**x`` for HR and ``p + x`` for RD. The number needed to treat is
    ``1 / (p - risk)``. An interval of the difference from benefit through zero to harm becomes one
    of the number needed to treat from benefit through infinity to harm (Altman 1998).

    References
    ----------
    Cochrane Handbook, sections 14.1.5 and 15.4.4.
    Altman DG (1998). Confidence intervals for the number needed to treat. BMJ 317:1309-1312.

    Examples
    --------
    >>> effect = absolute_effect(0.8, (0.66, 0.97), "RR", assumed_risk=0.15)
    >>> round(effect.risk), round(effect.difference), effect.nnt_words()
    (120, -30, 'NNTB 33 (NNTB 20 to NNTB 222)')
    """
    check_choice("measure", measure, tuple(_RISKS))
    low, high = ci
    _check(estimate, low, high, measure, assumed_risk)
    risks = [_RISKS[measure](assumed_risk, x) for x in (estimate, low, high)]
    bounded = [min(1.0, max(0.0, risk)) for risk in risks]
    fewer = [assumed_risk - risk for risk in bounded]
    nnt = [1 / less if less else math.inf for less in fewer]
    differences = [-per * less for less in fewer]
    return AbsoluteEffect(
        measure=measure,
        assumed_risk=assumed_risk,
        per=per,
        risk=per * bounded[0],
        risk_ci=(per * bounded[1], per * bounded[2]),
        difference=differences[0],
        difference_ci=(differences[1], differences[2]),
        nnt=nnt[0],
        nnt_ci=(nnt[1], nnt[2]),
        through_infinity=fewer[1] * fewer[2] < 0,
        capped=bounded != risks,
    )


def _check(estimate: float, low: float, high: float, measure: str, assumed_risk: float) -> None:
    values = (estimate, low, high)
    if not all(math.isfinite(value) for value in values):
        raise ReviewError(f"estimate and ci must be finite, got {values}")
    if measure != "RD" and min(values) <= 0:
        raise ReviewError(
            f"{measure}: a ratio is greater than zero, got {values}; of a pooled logarithm give "
            "the exponential"
        )
    if not low <= estimate <= high:
        raise ReviewError(f"ci: {low:g} to {high:g} does not hold the estimate {estimate:g}")
    if not 0 < assumed_risk < 1:
        raise ReviewError(f"assumed_risk must lie between 0 and 1, got {assumed_risk}")


def _one_nnt(value: float) -> str:
    if math.isinf(value):
        return "∞"
    return f"{'NNTB' if value > 0 else 'NNTH'} {number(abs(value), 0)}"
