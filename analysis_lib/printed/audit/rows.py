"""What an audit reads: printed results, and what follows from the figures of one of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import RATIO_MEASURES
from analysis_lib.printed.intervals import FLOAT_ERROR, Interval, printed_text, read_printed

Verdict = Literal["consistent", "inconsistent", "impossible", "cannot be checked"]


Matters = Literal["none", "wording", "number", "conclusion"]
MATTERS: Final[tuple[Matters, ...]] = ("none", "wording", "number", "conclusion")


@dataclass(frozen=True, slots=True)
class Check:
    """What a rule found: a verdict, what is printed, what follows, and how much it matters."""

    verdict: Verdict
    printed: str
    follows: str
    matters: Matters = "none"


@dataclass(frozen=True, slots=True)
class Rule:
    """A check: its name, what it asks of the print and of the authors, the figures it reads."""

    name: str
    asks: str
    question: str
    uses: tuple[str, ...]
    check: Callable[..., Any]


def good(printed: str, follows: str) -> Check:
    """Say that what is printed agrees."""
    return Check("consistent", printed, follows)


def wrong(printed: str, follows: str, matters: Matters, verdict: Verdict = "inconsistent") -> Check:
    """Say that what is printed does not agree."""
    return Check(verdict, printed, follows, matters)


def judged(fits: bool, printed: str, follows: str, matters: Matters = "number") -> Check:
    """Say whether what is printed agrees, and how much it matters if it does not."""
    return good(printed, follows) if fits else wrong(printed, follows, matters)


def unknown(why: str) -> Check:
    """Say why nothing can be judged."""
    return Check("cannot be checked", "", why)


ROUNDED = (
    "estimate",
    "ci_low",
    "ci_high",
    "p",
    "pi_low",
    "pi_high",
    "i2",
    "tau2",
    "q",
    "statistic",
)


COUNTS = ("df", "trials", "comparisons", "participants")


MAIN = frozenset({"pooled", "single"})


REPEATED = frozenset({"abstract", "discussion"})  # kinds of row that say a main result again


WRONG: Final = frozenset({"inconsistent", "impossible"})


LARGEST_DF = 200  # beyond it t is taken as lying between t(200) and the normal


@dataclass(frozen=True, slots=True)
class Options:
    """How the audited review computed its results."""

    level: float
    ci_method: str
    i2_matches_tau2: bool
    exclusive_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One printed result: its words, its figures as text, and what they stand for."""

    id: str
    outcome: str
    follow_up: str
    kind: str
    measure: str
    words: str
    without: tuple[str, ...]
    factor: str
    p_relation: str
    texts: Mapping[str, str]
    numbers: Mapping[str, Interval]
    limits: tuple[tuple[float, float], ...]  # corners of the (low, high) that can have been printed
    quantile: float | None  # of the interval: z, or t for Hartung-Knapp

    def get(self, name: str) -> Interval | None:
        """Return a printed number, or nothing if it is not printed."""
        return self.numbers.get(name)

    def count(self, name: str) -> int | None:
        """Return a printed count."""
        value = self.numbers.get(name)
        return None if value is None else int(value.low)

    def scaled(self, name: str) -> Interval | None:
        """Return a figure on the scale on which the effects are pooled."""
        value = self.get(name)
        return value.log() if value is not None and self.measure in RATIO_MEASURES else value

    @property
    def analysis(self) -> tuple[str, str]:
        """Outcome and follow-up."""
        return (self.outcome, self.follow_up)

    def told(self, *names: str) -> str:
        """Return the printed numbers of these names as a list in words."""
        return ", ".join(f"{LABELS[n]} {self.texts[n]}" for n in names if n in self.texts)


LABELS: Final = {
    "estimate": "estimate",
    "ci_low": "CI from",
    "ci_high": "CI to",
    "p": "p",
    "pi_low": "PI from",
    "pi_high": "PI to",
    "i2": "I² (%)",
    "tau2": "τ²",
    "q": "Q",
    "df": "df",
    "statistic": "statistic",
    "trials": "trials",
    "comparisons": "comparisons",
    "participants": "n",
}


def read_row(cells: Mapping[str, object], options: Options, *, cut_off: bool = False) -> Row:
    """Return one printed result with all that follows from it alone."""
    name = str(cells["id"])
    texts = {c: t for c in (*ROUNDED, *COUNTS) if (t := printed_text(cells.get(c))) is not None}
    relation = printed_text(cells.get("p_relation")) or "="
    if texts.get("p", "").startswith(("<", ">")):
        relation, texts["p"] = texts["p"][0], texts["p"][1:].strip()
    numbers = {c: number(c, t, name, cut_off) for c, t in texts.items()}
    if "p" in numbers and relation in ("<", ">"):
        p = float(texts["p"])
        numbers["p"] = Interval(0.0, p) if relation == "<" else Interval(p, 1.0)
    # Estimators of tau2 stop at zero, and software then prints a bare 0: it is exact. In a float
    # the bare 0 cannot be told from 0.00.
    if texts.get("tau2") == "0" and isinstance(cells.get("tau2"), str):
        numbers["tau2"] = Interval(0.0, 0.0)
    words = {c: printed_text(cells.get(c)) or "" for c in WORDS}
    measure = words["measure"]
    shape = {c: numbers.get(c) for c in ("estimate", "ci_low", "ci_high")}
    if measure in RATIO_MEASURES:
        shape = {c: v.log() if v else None for c, v in shape.items()}
    return Row(
        id=name,
        outcome=words["outcome"],
        follow_up=words["follow_up"],
        kind=words["kind"],
        measure=measure,
        words=words["words"],
        without=tuple(listed(words["without"])),
        factor=words["factor"],
        p_relation=relation,
        texts=texts,
        numbers=numbers,
        limits=possible_limits(shape["estimate"], shape["ci_low"], shape["ci_high"]),
        quantile=interval_quantile(numbers, options),
    )


WORDS: Final = ("outcome", "follow_up", "kind", "measure", "words", "without", "factor")


def number(column: str, text: str, row: str, cut_off: bool) -> Interval:
    """Return a printed number as an interval; a count must be whole and not negative."""
    value = read_printed(text, f"{row}, {column}", exact=column in COUNTS, cut_off=cut_off)
    if column in COUNTS and (value.low != round(value.low) or value.low < 0):
        raise ReviewError(f"{row}, {column}: {text!r} is not a count")
    return value


def listed(cell: object) -> Iterator[str]:
    """Return the parts of a cell that are separated by semicolons."""
    return (part.strip() for part in str(cell).split(";") if part.strip())


def interval_quantile(numbers: Mapping[str, Interval], options: Options) -> float | None:
    """Return what a confidence interval's half-width is in standard errors, where it is known."""
    upper = (1 + options.level) / 2
    if options.ci_method == "wald":
        return float(ndtri(upper))
    k = numbers.get("comparisons")
    return float(stdtrit(k.low - 1, upper)) if k is not None and k.low > 1 else None


def possible_limits(
    estimate: Interval | None, low: Interval | None, high: Interval | None
) -> tuple[tuple[float, float], ...]:
    """Corners of the region of unrounded limits (u, v) that print as they do.

    The limits lie in a rectangle. If the estimate is their centre, (u + v) / 2 also lies in the
    printed estimate, which cuts the rectangle with two parallel lines. Where nothing is left the
    centre does not fit, and the rectangle alone is kept.
    """
    if low is None or high is None:
        return ()
    box = [(low.low, high.low), (low.low, high.high), (low.high, high.high), (low.high, high.low)]
    if not all(math.isfinite(x) for corner in box for x in corner):
        return ()
    if estimate is None:
        return tuple(box)
    left = _cut(box, 1.0, 2 * estimate.low - FLOAT_ERROR)
    left = _cut(left, -1.0, -2 * estimate.high - FLOAT_ERROR)
    return tuple(left or box)


def _cut(
    polygon: list[tuple[float, float]], sign: float, least: float
) -> list[tuple[float, float]]:
    """Keep the part of a convex polygon where ``sign * (u + v) >= least``."""
    kept = []
    for (u0, v0), (u1, v1) in zip(polygon[-1:] + polygon[:-1], polygon, strict=True):
        before, after = sign * (u0 + v0) - least, sign * (u1 + v1) - least
        if before * after < 0:
            share = before / (before - after)
            kept.append((u0 + share * (u1 - u0), v0 + share * (v1 - v0)))
        if after >= 0:
            kept.append((u1, v1))
    return kept


def interval_centre(row: Row) -> Interval | None:
    """Middle of the printed confidence interval, as the digits allow it."""
    low, high = row.scaled("ci_low"), row.scaled("ci_high")
    return None if low is None or high is None else (low + high).scaled(0.5)


def standard_error(row: Row, options: Options) -> Interval | None:
    """SE = (high - low) / (2 z); for Hartung-Knapp intervals it is not the pooling SE."""
    if not row.limits or row.quantile is None or options.ci_method != "wald":
        return None
    widths = [(v - u) / (2 * row.quantile) for u, v in row.limits]
    return Interval(min(widths), max(widths)).clipped(0.0)


def narrowed_effect(row: Row) -> Interval | None:
    """Narrow the estimate by the centre of the interval, where the two agree."""
    estimate, centre = row.scaled("estimate"), interval_centre(row)
    if estimate is None or centre is None or not estimate.overlaps(centre):
        return estimate
    return Interval(max(estimate.low, centre.low), min(estimate.high, centre.high))


def statistic_from_limits(row: Row) -> Interval | None:
    """|estimate| / SE = q |u + v| / (v - u), extreme at the corners of the region."""
    if not row.limits or row.quantile is None or any(v <= u for u, v in row.limits):
        return None
    signed = [row.quantile * (u + v) / (v - u) for u, v in row.limits]
    sizes = [abs(x) for x in signed]
    least = 0.0 if min(signed) <= 0 <= max(signed) else min(sizes)
    return Interval(least, max(sizes))


def show(value: Interval, digits: int = 4) -> str:
    """Write an interval with more digits than any rule turns on."""
    low, high = f"{value.low:.{digits}g}", f"{value.high:.{digits}g}"
    return low if low == high else f"{low} to {high}"


def excludes_null(row: Row) -> bool | None:
    """Whether the interval leaves out the null; ``None`` if the digits cannot tell."""
    low, high = row.scaled("ci_low"), row.scaled("ci_high")
    if low is None or high is None:
        return None
    if low.low > 0 or high.high < 0:
        return True
    return False if low.high < 0 < high.low else None


def pi_half_width(row: Row) -> Interval | None:
    """Return half the width of the printed prediction interval."""
    low, high = row.scaled("pi_low"), row.scaled("pi_high")
    return None if low is None or high is None else (high - low).scaled(0.5)


def pi_quantile(row: Row, options: Options) -> Interval | None:
    """Half-width of the prediction interval over sqrt(tau2 + SE2)."""
    half, tau2, se = pi_half_width(row), row.get("tau2"), standard_error(row, options)
    if half is None or tau2 is None or se is None or se.low <= 0 or half.low <= 0:
        return None
    spread = [math.sqrt(max(t, 0.0) + s**2) for t, s in ((tau2.low, se.low), (tau2.high, se.high))]
    return Interval(half.low / spread[1], half.high / spread[0])


@cache
def t_quantiles(level: float) -> Any:
    """Return the quantiles of t for 1, 2, ... degrees of freedom."""
    return stdtrit(np.arange(1, LARGEST_DF + 1), (1 + level) / 2)


def whole_df(quantile: Interval, level: float) -> tuple[int, ...]:
    """Degrees of freedom whose t quantile lies in the interval."""
    table = t_quantiles(level)
    fits = (table >= quantile.low - FLOAT_ERROR) & (table <= quantile.high + FLOAT_ERROR)
    return tuple(int(i) + 1 for i in np.flatnonzero(fits))


def ranges(numbers: Iterable[int]) -> str:
    """Write whole numbers briefly: 4, 6 to 8."""
    runs: list[list[int]] = []
    for n in sorted(numbers):
        if runs and n == runs[-1][1] + 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    return ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in runs)


def as_share(i2: Interval) -> Interval:
    """Return a printed I2, which is a percentage, as a part of 1."""
    return i2.scaled(0.01).clipped(0.0, 1.0)


def typical_variance(row: Row) -> Interval | None:
    """Within-study variance s2 = tau2 (1 - I2) / I2 (Higgins and Thompson 2002)."""
    tau2, i2 = row.get("tau2"), row.get("i2")
    if tau2 is None or i2 is None or tau2.high <= 0:
        return None
    share = as_share(i2)
    if share.low <= 0:
        return (
            None
            if share.high <= 0
            else Interval(max(tau2.low, 0.0) * (1 - share.high) / share.high, math.inf)
        )
    return Interval(
        max(tau2.low, 0.0) * (1 - share.high) / share.high, tau2.high * (1 - share.low) / share.low
    )


def statistic_dfs(row: Row) -> tuple[int, ...] | None:
    """Whole degrees of freedom for which statistic and p agree; ``None`` if not both printed."""
    statistic, p = row.get("statistic"), row.get("p")
    if statistic is None or p is None:
        return None
    ends = sorted((abs(statistic.low), abs(statistic.high)))
    low = 0.0 if statistic.low <= 0 <= statistic.high else ends[0]
    df = np.arange(1, LARGEST_DF + 1)
    least, most = 2 * stdtr(df, -ends[1]), 2 * stdtr(df, -low)
    least[-1] = 2 * ndtr(-ends[1])  # the last stands for all above it
    fits = (least <= p.high + FLOAT_ERROR) & (most >= p.low - FLOAT_ERROR)
    return tuple(int(i) + 1 for i in np.flatnonzero(fits))
