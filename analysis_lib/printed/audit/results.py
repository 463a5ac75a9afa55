"""The rules that need one printed result, and the one character that would mend it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import chdtrc, ndtr, ndtri, stdtr

from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import RATIO_MEASURES
from analysis_lib.printed.audit.rows import (
    COUNTS,
    LABELS,
    LARGEST_DF,
    ROUNDED,
    WRONG,
    Check,
    Matters,
    Options,
    Row,
    Rule,
    excludes_null,
    good,
    interval_centre,
    judged,
    narrowed_effect,
    pi_half_width,
    pi_quantile,
    ranges,
    read_row,
    show,
    standard_error,
    statistic_dfs,
    statistic_from_limits,
    t_quantiles,
    typical_variance,
    unknown,
    whole_df,
    wrong,
)
from analysis_lib.printed.intervals import FLOAT_ERROR, SLIPS, Interval, one_character_corrections


def _two_sided(statistic: Interval, df: float | None) -> Interval:
    def p(size: float) -> float:
        return float(2 * (ndtr(-size) if df is None else stdtr(df, -size)))

    return Interval(p(statistic.high), p(statistic.low))


def _reference_df(row: Row, options: Options) -> float | None:
    k = row.count("comparisons")
    return None if options.ci_method == "wald" or k is None else k - 1.0


def check_ranges(row: Row, options: Options) -> Check:
    """Check that the figures are possible at all.

    Formula: low < high for both intervals; estimate inside its interval; 0 <= I2 <= 100;
    0 <= p <= 1; tau2 >= 0; Q >= 0. Tolerance: the printed digits.
    """
    problems = []
    limits: tuple[tuple[str, float, float], ...] = (
        ("i2", 0, 100),
        ("p", 0, 1),
        ("tau2", 0, math.inf),
        ("q", 0, math.inf),
    )
    for name, low, high in limits:
        value = row.get(name)
        if value is not None and not value.overlaps(Interval(low, high)):
            problems.append(f"{LABELS[name]} lies outside {low} to {high}")
    for first, second in (
        ("ci_low", "ci_high"),
        ("pi_low", "pi_high"),
        ("ci_low", "estimate"),
        ("estimate", "ci_high"),
    ):
        a, b = row.get(first), row.get(second)
        if a is not None and b is not None and a.low > b.high + FLOAT_ERROR:
            problems.append(f"{LABELS[first]} is above {LABELS[second]}")
    if row.measure in RATIO_MEASURES:
        for name in ("estimate", "ci_low", "ci_high", "pi_low", "pi_high"):
            value = row.get(name)
            if value is not None and value.high <= 0:
                problems.append(f"{LABELS[name]} of a ratio is not positive")
    printed = row.told(*ROUNDED)
    if problems:
        return wrong(printed, "; ".join(problems), "number", "impossible")
    return good(printed, "every figure is possible")


def check_sign(row: Row, options: Options) -> Check:
    """Check that the estimate has the sign of its interval.

    Formula: sign(estimate) = sign((low + high) / 2). Tolerance: judged only where the printed
    digits leave no doubt about both signs.
    """
    estimate, centre = row.scaled("estimate"), interval_centre(row)
    if estimate is None or centre is None:
        return unknown("needs an estimate and its interval")
    printed = row.told("estimate", "ci_low", "ci_high")
    if (estimate.low > 0 and centre.high < 0) or (estimate.high < 0 and centre.low > 0):
        follows = f"the interval is centred on {show(centre)}, of the other sign"
        matters: Matters = "conclusion" if excludes_null(row) else "number"
        return wrong(printed, follows, matters)
    return good(printed, "estimate and interval agree in sign")


def check_centre(row: Row, options: Options) -> Check:
    """Check that the estimate is the centre of its confidence interval.

    Formula: estimate = (low + high) / 2, on the log scale for ratios. Tolerance: the intervals
    of the printed digits overlap. A wrong sign alone is left to the rule ``sign``.
    """
    estimate, centre = row.scaled("estimate"), interval_centre(row)
    if estimate is None or centre is None:
        return unknown("needs an estimate and its interval")
    printed = row.told("estimate", "ci_low", "ci_high")
    follows = f"the centre of the interval is {show(centre)}"
    if estimate.overlaps(centre):
        return good(printed, follows)
    if (-estimate).overlaps(centre):
        return unknown("the sizes agree; see the rule 'sign'")
    return wrong(printed, follows, "number")


def check_p_value(row: Row, options: Options) -> Check:
    """Check that the p value fits the estimate and its interval.

    Formula: p = 2 Phi(-|estimate| / SE), SE = (high - low) / (2 z); t with k - 1 degrees of
    freedom for Hartung-Knapp intervals. Tolerance: over all unrounded limits that print as these
    do. Where the estimate is not the centre of its interval, fitting either one is enough.

    References
    ----------
    Altman DG, Bland JM. How to obtain the P value from a confidence interval. BMJ
    2011;343:d2304.
    """
    p, statistic = row.get("p"), statistic_from_limits(row)
    if p is None or statistic is None:
        return unknown("needs a p value and an interval")
    printed = f"p {row.p_relation} {row.texts['p']}; " + row.told("estimate", "ci_low", "ci_high")
    df = _reference_df(row, options)
    from_interval = _two_sided(statistic, df)
    follows = f"the interval gives p = {show(from_interval)}"
    fits = p.overlaps(from_interval)
    if check_centre(row, options).verdict == "inconsistent":
        from_estimate = _p_of_estimate(row, df)
        fits = fits or p.overlaps(from_estimate)
        follows += f", the estimate with that width p = {show(from_estimate)}"
    alpha = 1 - options.level
    crosses = (p.low > alpha) != (from_interval.low > alpha)
    return judged(fits, printed, follows, "conclusion" if crosses else "number")


def _p_of_estimate(row: Row, df: float | None) -> Interval:
    estimate = row.scaled("estimate")
    assert estimate is not None
    assert row.quantile is not None
    widths = [(v - u) / (2 * row.quantile) for u, v in row.limits]
    sizes = [abs(estimate.low), abs(estimate.high)]
    return _two_sided(Interval(min(sizes) / max(widths), max(sizes) / min(widths)), df)


_NOT_SIGNIFICANT = (
    "non-significant",
    "nonsignificant",
    "not significant",
    "no significant",
    "not statistically significant",
    "no statistically significant",
    "no clear",
)


def check_significance_words(row: Row, options: Options) -> Check:
    """Check that the words about significance fit the interval.

    Formula: "significant" if the interval leaves out the null value, "non-significant" or "no
    clear difference" if not. Tolerance: a limit whose printed digits include the null decides
    nothing; nor do words that say both.
    """
    words = row.words.lower()
    denied = any(phrase in words for phrase in _NOT_SIGNIFICANT)
    for phrase in _NOT_SIGNIFICANT:
        words = words.replace(phrase, "")
    claimed = "significant" in words
    truth = excludes_null(row)
    if denied == claimed or truth is None:
        return unknown("needs an interval and one claim about it")
    said = "significant" if claimed else "not significant"
    printed = f"said to be {said}; " + row.told("ci_low", "ci_high")
    follows = f"the interval {'leaves out' if truth else 'includes'} the null value"
    return judged(claimed == truth, printed, follows, "conclusion")


def check_pi_centre(row: Row, options: Options) -> Check:
    """Check that the estimate is the centre of the prediction interval.

    Formula: estimate = (PI low + PI high) / 2. Tolerance: the printed digits, with the estimate
    narrowed by the confidence interval where the two agree.
    """
    effect, low, high = narrowed_effect(row), row.scaled("pi_low"), row.scaled("pi_high")
    if effect is None or low is None or high is None:
        return unknown("needs an estimate and a prediction interval")
    centre = (low + high).scaled(0.5)
    printed = row.told("estimate", "pi_low", "pi_high")
    follows = f"the prediction interval is centred on {show(centre)}, the effect is {show(effect)}"
    return judged(effect.overlaps(centre), printed, follows)


def check_pi_floor(row: Row, options: Options) -> Check:
    """Check that the prediction interval is as wide as tau2 and SE require.

    Formula: half-width >= z sqrt(tau2 + SE2), since every method multiplies that root by a
    normal or t quantile, and no t quantile is below z; SE = 0 and tau2 = 0 are the least where
    one is not printed. Tolerance: the largest half-width, least tau2 and SE that the digits allow.

    References
    ----------
    Higgins JPT, Thompson SG, Spiegelhalter DJ. A re-evaluation of random-effects meta-analysis.
    J R Stat Soc A 2009;172:137-159.
    """
    half, tau2, se = pi_half_width(row), row.get("tau2"), standard_error(row, options)
    if half is None or (tau2 is None and se is None):
        return unknown("needs a prediction interval and τ² or SE")
    z = float(ndtri((1 + options.level) / 2))
    least_tau2 = max(tau2.low, 0.0) if tau2 else 0.0
    least = z * math.sqrt(least_tau2 + (se.low**2 if se else 0.0))
    printed = row.told("pi_low", "pi_high", "tau2", "ci_low", "ci_high")
    follows = f"half-width {show(half)}; τ² and SE require at least {least:.4g}"
    if half.high >= least - FLOAT_ERROR:
        return good(printed, follows)
    alone = z * math.sqrt(least_tau2)
    if alone > half.high:
        follows += f", and τ² alone {alone:.4g}"
    return wrong(printed, follows, _pi_matters(row, least), "impossible")


def _pi_matters(row: Row, least: float) -> Matters:
    """Ask whether the printed interval leaves out the null where a sound one would not."""
    effect, low, high = narrowed_effect(row), row.scaled("pi_low"), row.scaled("pi_high")
    if effect is None or low is None or high is None:
        return "number"
    outside = low.low > 0 or high.high < 0
    return "conclusion" if outside and abs(effect.middle) < least else "number"


def check_pi_width(row: Row, options: Options) -> Check:
    """Check that the width of the prediction interval fits tau2, SE and some t.

    Formula: half-width / sqrt(tau2 + SE2) = t(df), with df = k - 2 (Higgins 2009), k - 1
    (Veroniki 2016) or infinite (normal); where k is printed it must be one of these. Tolerance:
    the printed digits of all of them.
    """
    quantile = pi_quantile(row, options)
    if quantile is None:
        return unknown("needs a prediction interval, τ² and SE")
    z = float(ndtri((1 + options.level) / 2))
    if quantile.high < z - FLOAT_ERROR:
        return unknown("too narrow; see 'prediction width floor'")
    printed = row.told("pi_low", "pi_high", "tau2", "ci_low", "ci_high", "comparisons")
    dfs = whole_df(quantile, options.level)
    # Above LARGEST_DF a t quantile cannot be told from the next in printed digits.
    normal = quantile.low <= float(t_quantiles(options.level)[-1]) + FLOAT_ERROR
    k = row.count("comparisons")
    follows = f"the width implies the quantile {show(quantile)}"
    if dfs:
        follows += f", that of t with df = {ranges(dfs)} (k = {ranges(d + 2 for d in dfs)})"
    fits = bool(dfs) or normal
    if k is not None:
        fits = normal or k - 2 in dfs or k - 1 in dfs
    if not dfs and quantile.high >= z:
        follows += _nearest_df(quantile, options.level) if not normal else ", the normal one"
    return judged(fits, printed, follows)


def _nearest_df(quantile: Interval, level: float) -> str:
    table = t_quantiles(level)
    above = int(np.searchsorted(-table, -quantile.high))  # quantiles fall as df grows
    if above == 0:
        return f", more than t with 1 degree of freedom ({table[0]:.4g})"
    if above >= LARGEST_DF:
        return ", between the t quantiles and the normal one"
    return f", between t({above}) = {table[above - 1]:.4g} and t({above + 1}) = {table[above]:.4g}"


def _most_small_sample(n: int, comparisons: float) -> float:
    """Hedges' J for the mean comparison; some formulas shrink the variance by J squared."""
    df = n / comparisons - 2
    return 1 - 3 / (4 * df - 1) if df > 1 else 0.0


def check_se_floor(row: Row, options: Options) -> Check:
    """Check that the standard error of a pooled SMD is possible with so few people.

    Formula: the variance of one SMD is at least 1/n1 + 1/n2 >= 4/N, so SE2 >= 1 / sum(1 / v) >=
    4/N over all N people, whatever tau2. Some formulas multiply the variance by J squared
    (Hedges), so the bound is lowered by J(N / comparisons) squared; with comparisons not printed,
    two for each trial. Tolerance: the largest SE that the digits allow.

    References
    ----------
    Borenstein M, Hedges LV, Higgins JPT, Rothstein HR. Introduction to Meta-Analysis, 2009,
    chapter 4.
    """
    n, se = row.count("participants"), standard_error(row, options)
    trials = row.count("trials")
    parts = row.count("comparisons") or (2 * trials if trials else None)
    if row.measure != "SMD" or not n or se is None or se.high <= 0 or not parts:
        return unknown("needs a pooled SMD, n, trials and interval")
    j = _most_small_sample(n, parts)
    least = 2 / math.sqrt(n) * j
    printed = row.told("participants", "ci_low", "ci_high")
    follows = f"the interval gives SE {show(se)}; with {n} people it is at least {least:.4g}"
    if se.high >= least - FLOAT_ERROR:
        return good(printed, follows)
    need = math.ceil(n * (least / se.high) ** 2)
    return wrong(
        printed, f"{follows}; this width needs about {need} people or more", "number", "impossible"
    )


def check_typical_variance(row: Row, options: Options) -> Check:
    """Check that I2 and tau2 imply a within-study variance that the sample sizes allow.

    Formula: s2 = tau2 (1 - I2) / I2. It is at least the harmonic mean of the variances, which for
    SMDs is at least 4 k / N times J squared (as in ``standard error floor``; k is at least the
    number of trials). Exact where I2 and tau2 come from one statistic (DerSimonian-Laird, I2
    computed from tau2, or two comparisons, where all estimators agree). Otherwise s2 is told and
    nothing is judged. Tolerance: the printed digits.

    References
    ----------
    Higgins JPT, Thompson SG. Quantifying heterogeneity in a meta-analysis. Stat Med
    2002;21:1539-1558.
    """
    typical = typical_variance(row)
    if typical is None:
        return unknown("needs I² and τ² above zero")
    told = f"typical within-study variance {show(typical)} (SE {_show_root(typical)})"
    k, n = row.count("comparisons"), row.count("participants")
    least_k = k or row.count("trials")
    exact = options.i2_matches_tau2 or k == 2
    if not exact or row.measure != "SMD" or not n or not least_k:
        return unknown(told)
    least = 4 * least_k / n * _most_small_sample(n, k or 2 * least_k) ** 2
    printed = row.told("i2", "tau2", "participants")
    follows = f"{told}; {n} people in {least_k} comparisons give at least {least:.4g}"
    return judged(typical.high >= least - FLOAT_ERROR, printed, follows)


def _show_root(value: Interval) -> str:
    return show(Interval(math.sqrt(value.low), math.sqrt(value.high)), 3)


def check_q(row: Row, options: Options) -> Check:
    """Check that I2 fits Q and its degrees of freedom.

    Formula: I2 = max(0, (Q - df) / Q). Tolerance: the printed digits.
    """
    q, df, i2 = row.get("q"), row.get("df"), row.get("i2")
    if q is None or df is None or i2 is None or q.low <= 0:
        return unknown("needs Q, df and I²")
    implied = Interval(*(max(0.0, 100 * (1 - df.low / x)) for x in (q.low, q.high)))
    printed = row.told("q", "df", "i2")
    follows = f"Q and df give I² = {show(implied)} %"
    return judged(i2.overlaps(implied), printed, follows)


def check_q_p_value(row: Row, options: Options) -> Check:
    """Check that the p value of a Q statistic fits it.

    Formula: p = P(chi2 with df > Q), for rows that print Q, df and p and no interval.
    Tolerance: the printed digits.
    """
    q, df, p = row.get("q"), row.get("df"), row.get("p")
    if q is None or df is None or p is None or row.limits or df.low < 1:
        return unknown("needs Q, df and their p")
    implied = Interval(*(float(chdtrc(df.low, max(x, 0.0))) for x in (q.high, q.low)))
    printed = f"{row.told('q', 'df')}, p {row.p_relation} {row.texts['p']}"
    follows = f"Q and df give p = {show(implied, 3)}"
    return judged(p.overlaps(implied), printed, follows)


def check_statistic_sign(row: Row, options: Options) -> Check:
    """Check that a coefficient and its test statistic have the same sign.

    Formula: statistic = coefficient / SE and SE > 0, so the signs agree. Tolerance: judged where
    the digits leave no doubt about both signs.
    """
    estimate, statistic = row.scaled("estimate"), row.get("statistic")
    if estimate is None or statistic is None:
        return unknown("needs an estimate and its test statistic")
    printed = row.told("estimate", "statistic", "p")
    opposed = (estimate.low > 0 and statistic.high < 0) or (estimate.high < 0 < statistic.low)
    if not opposed:
        return good(printed, "the signs agree")
    return wrong(
        printed,
        "a statistic is the coefficient over a positive standard error",
        "wording",
        "impossible",
    )


def check_statistic_p(row: Row, options: Options) -> Check:
    """Check that a test statistic fits its p value with some whole degrees of freedom.

    Formula: p = 2 P(t with df > |statistic|); df is told (k - 2 for Egger's test) and, where
    printed, must be it. Tolerance: the printed digits.
    """
    dfs = statistic_dfs(row)
    if dfs is None:
        return unknown("needs a test statistic and its p")
    df = row.count("df")
    printed = row.told("statistic", "p", "df")
    fits = bool(dfs) if df is None else (df in dfs or df > LARGEST_DF)
    if fits:
        told = ranges(dfs) if dfs[-1:] != (LARGEST_DF,) else f"{dfs[0]} or more"
        return good(printed, f"they agree for df = {told}")
    return wrong(
        printed,
        "no whole degrees of freedom give this p"
        if not dfs
        else f"they agree for df = {ranges(dfs)} only",
        "number",
    )


RESULT_RULES: Final = (
    Rule(
        "ranges",
        "Are the figures possible at all?",
        "Could these figures be checked against the output of the analysis?",
        ROUNDED,
        check_ranges,
    ),
    Rule(
        "sign",
        "Does the estimate have the sign of its interval?",
        "Has the estimate, or have its limits, lost a minus sign?",
        ("estimate", "ci_low", "ci_high"),
        check_sign,
    ),
    Rule(
        "centre",
        "Is the estimate the centre of its confidence interval?",
        "Is one of the three figures misprinted?",
        ("estimate", "ci_low", "ci_high"),
        check_centre,
    ),
    Rule(
        "p value",
        "Does the p value fit estimate and interval?",
        "Which of the p value and the interval is as computed?",
        ("p", "estimate", "ci_low", "ci_high"),
        check_p_value,
    ),
    Rule(
        "significance words",
        "Do the words about significance fit the interval?",
        "Which is meant, the words or the interval?",
        ("ci_low", "ci_high"),
        check_significance_words,
    ),
    Rule(
        "prediction centre",
        "Is the estimate the centre of the prediction interval?",
        "Does the prediction interval belong to this analysis?",
        ("estimate", "pi_low", "pi_high"),
        check_pi_centre,
    ),
    Rule(
        "prediction width floor",
        "Is the prediction interval as wide as τ² and SE require?",
        "Was the prediction interval computed with another τ²?",
        ("pi_low", "pi_high", "tau2", "ci_low", "ci_high"),
        check_pi_floor,
    ),
    Rule(
        "prediction width",
        "Does its width fit τ², SE and some t?",
        "Which τ², SE and degrees of freedom went into it?",
        ("pi_low", "pi_high", "tau2", "ci_low", "ci_high"),
        check_pi_width,
    ),
    Rule(
        "standard error floor",
        "Is the standard error possible with so few people?",
        "How many people entered this analysis?",
        ("participants", "ci_low", "ci_high"),
        check_se_floor,
    ),
    Rule(
        "typical variance",
        "Do I² and τ² imply a within-study variance that n allows?",
        "Are I² and τ² from the same analysis?",
        ("i2", "tau2", "participants"),
        check_typical_variance,
    ),
    Rule(
        "Q and I²",
        "Does I² fit Q and df?",
        "Which of Q, df and I² is as computed?",
        ("q", "df", "i2"),
        check_q,
    ),
    Rule(
        "Q and p",
        "Does the p value of Q fit?",
        "Which of Q, df and p is as computed?",
        ("q", "df", "p"),
        check_q_p_value,
    ),
    Rule(
        "statistic sign",
        "Do coefficient and statistic agree in sign?",
        "Which of the two has the right sign?",
        ("estimate", "statistic"),
        check_statistic_sign,
    ),
    Rule(
        "statistic and p",
        "Does the statistic fit its p value?",
        "Which of the statistic and p is as computed?",
        ("statistic", "p"),
        check_statistic_p,
    ),
)


def mended(
    cells: Mapping[str, object],
    row: Row,
    options: Options,
    confirmed: frozenset[str] = frozenset(),
) -> str | None:
    """Find the likeliest one-character correction that makes a result agree with itself.

    A correction of one figure must make every broken rule consistent and break no other. The
    readiest slip comes first (see ``SLIPS``), then the smaller change. If digits rounded as
    printed allow none, the readiest slips are tried with digits that may have been cut off.
    Figures in the ``confirmed`` columns are left alone: the review prints them elsewhere with
    more digits.
    """
    broken = [r for r in RESULT_RULES if r.check(row, options).verdict in WRONG]
    shared = set.intersection(*({*r.uses} for r in broken)) - confirmed
    for cut_off in (False, True):
        fitting = [
            _Correction(column, text, slip, abs(float(text) - float(row.texts[column])))
            for column in sorted(shared & row.texts.keys())
            for slip, text in one_character_corrections(row.texts[column])
            if _likely(column, slip, cut_off)
            and _agrees({**cells, column: text}, broken, options, cut_off)
        ]
        if fitting:
            return _told(fitting, row) + (", if digits were cut off" if cut_off else "")
    return None


@dataclass(frozen=True, slots=True)
class _Correction:
    column: str
    text: str
    slip: int
    change: float


READIEST: Final = ("sign", "zero left out")


def _likely(column: str, slip: int, cut_off: bool) -> bool:
    if column in COUNTS:
        return SLIPS[slip] == "digit changed"
    return SLIPS[slip] in READIEST or not cut_off


def _agrees(
    cells: Mapping[str, object], broken: Sequence[Rule], options: Options, cut_off: bool
) -> bool:
    """Whether the broken rules are consistent now, and no other is broken.

    To have nothing left to judge is not to be mended.
    """
    try:
        row = read_row(cells, options, cut_off=cut_off)
    except ReviewError:
        return False
    return all(r.check(row, options).verdict == "consistent" for r in broken) and not any(
        r.check(row, options).verdict in WRONG for r in RESULT_RULES if r not in broken
    )


MOST_NAMED = 3  # equally likely corrections that a suggestion lists


def _told(fitting: Sequence[_Correction], row: Row) -> str:
    ranked = sorted(fitting, key=lambda c: (c.slip, c.change))
    first = ranked[0]
    equal = [c.text for c in ranked if (c.slip, c.column) == (first.slip, first.column)]
    told = " or ".join(equal[:MOST_NAMED])
    return f"{LABELS[first.column]} {told} for {row.texts[first.column]} ({SLIPS[first.slip]})"
