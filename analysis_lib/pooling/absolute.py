"""What an effect means for people: risks or rates, differences and numbers needed to treat."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pandas as pd

from analysis_lib.base.checks import as_floats, as_items, check_choice
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import estimate as estimate_text
from analysis_lib.base.formatting import number
from analysis_lib.base.measures import RATE_MEASURES, RATIO_MEASURES, Interval
from analysis_lib.base.results import Result

#: From the assumed risk and the effect to the risk with the intervention.
_RISKS: Final[dict[str, Callable[[float, float], float]]] = {
    "RR": lambda p, x: p * x,
    "OR": lambda p, x: p * x / (1 - p + p * x),
    "HR": lambda p, x: -math.expm1(x * math.log1p(-p)) if p < 1 else 1.0,
    "RD": lambda p, x: p + x,
    "IRR": lambda p, x: p * x,
    "IRD": lambda p, x: p + x,
}
#: The measures of which a risk, or a rate, follows from an assumed one.
ABSOLUTE_MEASURES: Final = tuple(_RISKS)


@dataclass(frozen=True, slots=True)
class AbsoluteEffect(Result):
    """The result of `absolute_effect`.

    Attributes
    ----------
    measure, assumed_risk, per
        What was asked for.
    risk, risk_ci : float and (low, high)
        People with the event under the intervention, of ``per``; for IRR and IRD the events in
        ``per`` units of person-time.
    difference, difference_ci : float and (low, high)
        The same minus the assumed risk.
    nnt, nnt_ci : float and (first, second)
        Number needed to treat for one person fewer with the event; negative: for one more. In the
        order of the interval of the risk. Where the interval includes no difference it runs from
        the first number through infinity to the second. Of rates it is the person-time at risk in
        which there is one event fewer.
    through_infinity : bool
        Whether it does.
    capped : bool
        Whether a risk above all people, or one or a rate below none, was set to that bound.
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

    @property
    def is_rate(self) -> bool:
        """Whether events are counted in person-time, and not of people."""
        return self.measure in RATE_MEASURES

    def title(self) -> str:
        """Say which risk, or which rate, was assumed."""
        if self.is_rate:
            assumed = number(self.assumed_risk * self.per, 1)
            return f"From a rate of {assumed} per {self.per:g} by the {self.measure}"
        return (
            f"From {number(self.assumed_risk * self.per, 0)} of {self.per:g} by the {self.measure}"
        )

    def rows(self) -> list[tuple[str, ...]]:
        """Return the risk, the difference and the number needed to treat as words."""
        if self.is_rate:
            per = f"per {self.per:g} units of person-time"
            return [
                (f"rate, {per}", estimate_text(self.risk, self.risk_ci, 1)),
                (f"difference, {per}", estimate_text(self.difference, self.difference_ci, 1)),
                ("person-time for one event fewer", self.nnt_words()),
            ]
        return [
            (f"risk, of {self.per:g}", estimate_text(self.risk, self.risk_ci, 0)),
            (f"difference, of {self.per:g}", estimate_text(self.difference, self.difference_ci, 0)),
            ("number needed to treat", self.nnt_words()),
        ]

    def nnt_words(self, *, wanted: bool = False) -> str:
        """Say the number needed to treat for benefit or harm, with its interval.

        Parameters
        ----------
        wanted
            Whether the event is wanted, so that one more is the benefit; else one fewer is.

        Examples
        --------
        >>> more = absolute_effect(1.5, (1.2, 1.9), "RR", assumed_risk=0.2)
        >>> more.nnt_words(), more.nnt_words(wanted=True)
        ('NNTH 10 (NNTH 25 to NNTH 6)', 'NNTB 10 (NNTB 25 to NNTB 6)')
        """
        sign = -1.0 if wanted else 1.0
        told, first, second = (_one_nnt(sign * value) for value in (self.nnt, *self.nnt_ci))
        joined = f"{first} to ∞ to {second}" if self.through_infinity else f"{first} to {second}"
        return f"{told} ({joined})"

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

    Of rates: events in person-time with the intervention, at an assumed rate.

    Parameters
    ----------
    estimate : float
        The effect as readers know it: a ratio (not its logarithm), or a difference of risks or of
        rates.
    ci : (low, high)
        Its confidence interval.
    measure : {"RR", "OR", "HR", "RD", "IRR", "IRD"}
        What it is.
    assumed_risk : float
        Risk without the intervention, between 0 and 1: the median of the trials' comparator arms,
        or of the people that a reader has in mind. For HR, the risk by the time of interest. For
        IRR and IRD a rate instead, above 0: events in one unit of person-time.
    per : float
        People, or units of person-time, that events are counted of.

    Returns
    -------
    AbsoluteEffect
        Each number with its interval. The uncertainty of the assumed risk is not in it.

    Raises
    ------
    ReviewError
        For a ratio that is not positive (a pooled logarithm: give its exponential), an interval
        that does not hold the estimate, an assumed risk outside 0 to 1, or an assumed rate that is
        not above 0.

    Notes
    -----
    With the assumed risk p and the effect x, the risk is ``p x`` for RR, ``p x / (1 - p + p x)``
    for OR, ``1 - (1 - p)**x`` for HR and ``p + x`` for RD; the rate is ``p x`` for IRR and
    ``p + x`` for IRD. The number needed to treat is
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
    >>> falls = absolute_effect(0.77, (0.71, 0.83), "IRR", assumed_risk=0.85)  # in a person-year
    >>> round(falls.risk, 1), round(falls.difference, 1)
    (654.5, -195.5)
    """
    check_choice("measure", measure, tuple(_RISKS))
    limits = as_items("ci", ci)
    if len(limits) != 2:
        raise ReviewError(f"ci: two limits are needed, got {len(limits)}")
    given = (estimate, *limits, assumed_risk, per)
    numbers = as_floats("estimate, ci, assumed_risk and per", given)
    estimate, low, high, assumed_risk, per = numbers.tolist()
    _check(estimate, low, high, measure, assumed_risk)
    if not 0 < per < math.inf:
        raise ReviewError(f"per must be finite and above 0, got {per:g}")
    risks = [_RISKS[measure](assumed_risk, x) for x in (estimate, low, high)]
    most = math.inf if measure in RATE_MEASURES else 1.0
    bounded = [min(most, max(0.0, risk)) for risk in risks]
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
    if measure in RATIO_MEASURES and min(values) <= 0:
        raise ReviewError(
            f"{measure}: a ratio is greater than zero, got {values}; of a pooled logarithm give "
            "the exponential"
        )
    if not low <= estimate <= high:
        raise ReviewError(f"ci: {low:g} to {high:g} does not hold the estimate {estimate:g}")
    if measure in RATE_MEASURES:
        if not 0 < assumed_risk < math.inf:
            raise ReviewError(f"assumed_risk: a rate is finite and above 0, got {assumed_risk}")
    elif not 0 < assumed_risk < 1:
        raise ReviewError(f"assumed_risk must lie between 0 and 1, got {assumed_risk}")


def _one_nnt(value: float) -> str:
    if math.isinf(value):
        return "∞"
    return f"{'NNTB' if value > 0 else 'NNTH'} {number(abs(value), 0)}"
