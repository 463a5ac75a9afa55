"""How the sampling errors of effects of one trial go together: shared arms, outcomes, times."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from analysis_lib.base.checks import (
    FloatArray,
    as_floats,
    as_items,
    as_number,
    check_choice,
    check_finite,
    check_lengths,
    check_positive,
    study_labels,
)
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import listing
from analysis_lib.effects.columns import EffectSizes, Labels
from analysis_lib.effects.events import Cells, added, odds_ratio, risk_difference, risk_ratio
from analysis_lib.effects.means import mean_difference, standardized_mean_difference
from analysis_lib.effects.rates import rate_difference, rate_ratio
from analysis_lib.effects.ratios_of_means import ratio_of_means

Parts = tuple[FloatArray, FloatArray]
#: A trial, and what tells an arm from its others.
Arm = tuple[Hashable, Hashable]

_EFFECT: dict[str, Callable[..., EffectSizes]] = {
    "MD": mean_difference,
    "SMD": standardized_mean_difference,
    "ROM": ratio_of_means,
    "RR": risk_ratio,
    "OR": odds_ratio,
    "RD": risk_difference,
    "IRR": rate_ratio,
    "IRD": rate_difference,
}
_OF_MEANS = ("n1", "mean1", "sd1", "n2", "mean2", "sd2")
_OF_EVENTS = ("events1", "n1", "events2", "n2")
_OF_RATES = ("events1", "time1", "events2", "time2")
_TAKES = (
    dict.fromkeys(("MD", "SMD", "ROM"), _OF_MEANS)
    | dict.fromkeys(("RR", "OR", "RD"), _OF_EVENTS)
    | dict.fromkeys(("IRR", "IRD"), _OF_RATES)
)


def shared_arm_covariance(
    *arms: npt.ArrayLike,
    trial: Sequence[object],
    measure: str = "MD",
    arm1: Sequence[Hashable] | None = None,
    arm2: Sequence[Hashable] | None = None,
    correction: float = 0.5,
    labels: Labels = None,
) -> FloatArray:
    r"""Return the sampling covariance of comparisons of which some share an arm.

    Parameters
    ----------
    *arms : array_like, shape (k,)
        What the function of the measure takes, in its order: ``n1, mean1, sd1, n2, mean2, sd2``,
        ``events1, n1, events2, n2`` or ``events1, time1, events2, time2``. A shared arm stands in
        each of its comparisons whole.
    trial : sequence, shape (k,)
        The trial of each comparison.
    measure : {"MD", "SMD", "ROM", "RR", "OR", "RD", "IRR", "IRD"}
        What compares the arms, as `mean_difference`, `standardized_mean_difference`,
        `ratio_of_means`, `risk_ratio`, `odds_ratio`, `risk_difference`, `rate_ratio` and
        `rate_difference` do.
    arm1, arm2 : sequence, shape (k,), optional
        Names of the arms. Without them, arms of one trial with equal numbers are the same arm.
    correction : float, default 0.5
        Of events: what is added to the cells of a comparison with an empty one.
    labels : sequence, shape (k,), optional
        Names of the comparisons, for messages.

    Returns
    -------
    ndarray, shape (k, k)
        The variances of the effects on the diagonal; for `multilevel`.

    Raises
    ------
    ReviewError
        For an unknown measure, columns that it does not take, names or trials of another number,
        and values as the function of the measure.

    Notes
    -----
    Each variance is a sum of one part an arm: :math:`s^2/n` for a difference,
    :math:`s^2/(nm^2)` for a ratio of means, :math:`1/a-1/n` and :math:`1/a+1/(n-a)` for the
    logarithms of a risk and of odds, :math:`p(1-p)/n` for a risk, :math:`1/a` for the logarithm of
    a rate and :math:`a/t^2` for a rate. Comparisons that share an arm
    have its part as their covariance, with a minus where it is the first of one and the second of
    the other. Where zero cells are corrected the part differs between the comparisons, and the
    geometric mean stands for both. For standardised mean differences, N being all people of the
    trial (Gleser and Olkin), :math:`\mathrm{cov}=1/n_{shared}+g_ig_j/(2N)`.

    References
    ----------
    Gleser LJ, Olkin I (2009). Stochastically dependent effect sizes. In: The Handbook of Research
    Synthesis and Meta-Analysis, 2nd ed., 357-376.
    Cochrane Handbook, section 23.3.4.

    Examples
    --------
    >>> covariance = shared_arm_covariance([21, 19], [8.2, 7.5], [2.8, 3.1], [20, 20], [10, 10],
    ...                                    [3, 3], trial=["Kell", "Kell"])
    >>> print(covariance.round(3).tolist())
    [[0.823, 0.45], [0.45, 0.956]]
    """
    check_choice("measure", measure, tuple(_EFFECT))
    wanted = _TAKES[measure]
    if len(arms) != len(wanted):
        raise ReviewError(f"{measure} takes {', '.join(wanted)}; got {len(arms)} columns")
    columns = dict(zip(wanted, map(np.atleast_1d, arms), strict=True))
    more = {} if wanted == _OF_MEANS else {"correction": correction}
    sizes = _EFFECT[measure](*columns.values(), labels=labels, **more)
    k = len(sizes.effect)
    numbers = {name: np.broadcast_to(np.asarray(x, float), k) for name, x in columns.items()}
    arms_of = _arms_of(numbers, _names("trial", trial, k), (arm1, arm2))
    if measure == "SMD":
        return _of_standardized(sizes, numbers, arms_of)
    parts = _PARTS[measure](numbers, correction)
    covariance = np.diag(sizes.variance)
    for i, j in _pairs(arms_of):
        shared = _shared(arms_of[i], arms_of[j])
        value = sum(s * np.sqrt(parts[a][i] * parts[b][j]) for a, b, s in shared)
        covariance[i, j] = covariance[j, i] = value
    return covariance


def within_trial_covariance(
    variance: npt.ArrayLike,
    trial: Sequence[object],
    *,
    correlation: float | None = None,
    outcome: Sequence[Hashable] | None = None,
    time: npt.ArrayLike | None = None,
    autocorrelation: float | None = None,
    labels: Labels = None,
) -> FloatArray:
    r"""Return the sampling covariance of outcomes or times of a trial, at stated correlations.

    Parameters
    ----------
    variance : array_like, shape (k,)
        Sampling variances.
    trial : sequence, shape (k,)
        The trial of each effect; effects of different trials are independent.
    correlation : float, optional
        Correlation of the sampling errors of two outcomes, or of any two effects of a trial where
        neither outcomes nor times are given.
    outcome : sequence, shape (k,), optional
        The outcome of each effect.
    time : array_like, shape (k,), optional
        When each effect was measured.
    autocorrelation : float, optional
        Correlation of two measurements that lie one unit of time apart.
    labels : sequence, shape (k,), optional
        Names of the effects, for messages.

    Returns
    -------
    ndarray, shape (k, k)
        For `multilevel`.

    Raises
    ------
    ReviewError
        For correlations outside -1 to 1 (an autocorrelation below 0), a correlation without
        something it belongs to, variances that are not positive.

    Notes
    -----
    :math:`\mathrm{cov}_{ij}=\rho^{[o_i\ne o_j]}\,\phi^{|t_i-t_j|}\sqrt{v_iv_j}` within a trial, as
    ``vcalc`` of R's metafor. The correlation is an assumption: show what another one changes.

    References
    ----------
    Pustejovsky JE, Tipton E (2022). Meta-analysis with robust variance estimation: expanding the
    range of working models. Prevention Science 23:425-438.

    Examples
    --------
    >>> within_trial_covariance([0.04, 0.09], ["Kell", "Kell"], correlation=0.5).round(3).tolist()
    [[0.04, 0.03], [0.03, 0.09]]
    """
    v = as_floats("variance", variance)
    names = study_labels(labels, len(v))
    check_positive("variance", v, names)
    trials = np.array(_names("trial", trial, len(v)), dtype=object)
    _check_correlations(correlation, autocorrelation, outcome is not None, time is not None)
    power = np.ones((len(v), len(v)))
    if outcome is not None:
        outcomes = np.array(_names("outcome", outcome, len(v)), dtype=object)
        power = np.asarray(outcomes[:, None] != outcomes[None, :], dtype=float)
    elif time is not None:
        power = np.zeros_like(power)
    correlations = np.power(correlation if correlation is not None else 1.0, power)
    if time is not None:
        times = as_floats("time", time)
        check_lengths(variance=v, time=times)
        check_finite("time", times, names)
        apart = np.abs(times[:, None] - times[None, :])
        correlations = correlations * np.power(autocorrelation or 0.0, apart)
    correlations = correlations * (trials[:, None] == trials[None, :])
    np.fill_diagonal(correlations, 1.0)
    return np.asarray(correlations * np.sqrt(np.outer(v, v)))


def _names(what: str, given: Sequence[Hashable] | Sequence[object], k: int) -> list[str]:
    given = as_items(what, given)
    names = [str(name) for name in given]
    if len(names) != k:
        raise ReviewError(f"{what}: {len(names)} given for {k} effects")
    missing = [str(i) for i, name in enumerate(given, 1) if name is None or name != name]
    if missing:
        raise ReviewError(f"{what}: none is named for effect {listing(missing)}")
    return names


def _check_correlations(
    correlation: float | None, autocorrelation: float | None, outcomes: bool, times: bool
) -> None:
    if correlation is None and (outcomes or not times):
        raise ReviewError("correlation: state how effects of one trial go together")
    if (autocorrelation is None) == times:
        raise ReviewError("time and autocorrelation belong together: give both, or neither")
    if correlation is not None and not -1 < as_number("correlation", correlation) < 1:
        raise ReviewError(f"correlation must lie between -1 and 1, got {correlation}")
    if autocorrelation is not None and not (0 <= as_number("autocorrelation", autocorrelation) < 1):
        raise ReviewError(f"autocorrelation must lie between 0 and 1, got {autocorrelation}")


def _arms_of(
    numbers: dict[str, FloatArray],
    trials: list[str],
    named: tuple[Sequence[Hashable] | None, Sequence[Hashable] | None],
) -> list[tuple[Arm, Arm]]:
    """Return what tells both arms of each comparison from all other arms."""
    if (named[0] is None) != (named[1] is None):
        raise ReviewError("arm1 and arm2 belong together: give both, or neither")
    sides = []
    for side, names in zip("12", named, strict=True):
        columns = [x for name, x in numbers.items() if name.endswith(side)]
        keys: list[Hashable] = [tuple(map(float, row)) for row in zip(*columns, strict=True)]
        if names is not None:
            keys = list(_names(f"arm{side}", names, len(trials)))
        sides.append(list(zip(trials, keys, strict=True)))
    pairs: list[tuple[Arm, Arm]] = list(zip(*sides, strict=True))
    twice = [i + 1 for i, (first, second) in enumerate(pairs) if first == second and named[0]]
    if twice:
        raise ReviewError(f"comparison {listing(list(map(str, twice)))}: an arm against itself")
    return pairs


def _pairs(arms_of: Sequence[tuple[Arm, Arm]]) -> Iterator[tuple[int, int]]:
    """Yield the comparisons of each trial by twos."""
    rows: dict[Hashable, list[int]] = {}
    for row, ((trial, _), _) in enumerate(arms_of):
        yield from ((row, other) for other in rows.setdefault(trial, []))
        rows[trial].append(row)


def _shared(mine: tuple[Arm, Arm], others: tuple[Arm, Arm]) -> list[tuple[int, int, float]]:
    """Return the sides on which an arm of one comparison stands in the other, and the sign."""
    return [(a, b, 1.0 if a == b else -1.0) for a in (0, 1) for b in (0, 1) if mine[a] == others[b]]


def _of_standardized(
    sizes: EffectSizes, numbers: dict[str, FloatArray], arms_of: list[tuple[Arm, Arm]]
) -> FloatArray:
    people = {
        arm: numbers[f"n{side + 1}"][i]
        for i, arms in enumerate(arms_of)
        for side, arm in enumerate(arms)
    }
    totals: dict[object, float] = {}
    for arm, n in people.items():
        totals[arm[0]] = totals.get(arm[0], 0.0) + n
    covariance = np.diag(sizes.variance)
    for i, j in _pairs(arms_of):
        arms = arms_of[i]
        shared = _shared(arms, arms_of[j])
        if shared:
            value = sum(sign / people[arms[side]] for side, _, sign in shared)
            value += sizes.effect[i] * sizes.effect[j] / (2 * totals[arms[0][0]])
            covariance[i, j] = covariance[j, i] = value
    return covariance


def _parts_of_difference(x: dict[str, FloatArray], _: float) -> Parts:
    return x["sd1"] ** 2 / x["n1"], x["sd2"] ** 2 / x["n2"]


def _parts_of_ratio_of_means(x: dict[str, FloatArray], _: float) -> Parts:
    first, second = _parts_of_difference(x, _)
    return first / x["mean1"] ** 2, second / x["mean2"] ** 2


def _corrected(x: dict[str, FloatArray], correction: float) -> Cells:
    """Return those with and without the event, with the correction where a cell is empty."""
    cells = (x["events1"], x["n1"] - x["events1"], x["events2"], x["n2"] - x["events2"])
    add = added(cells, correction)
    a, b, c, d = (cell + add for cell in cells)
    return a, b, c, d


def _parts_of_log_risks(x: dict[str, FloatArray], correction: float) -> Parts:
    a, b, c, d = _corrected(x, correction)
    return 1 / a - 1 / (a + b), 1 / c - 1 / (c + d)


def _parts_of_log_odds(x: dict[str, FloatArray], correction: float) -> Parts:
    a, b, c, d = _corrected(x, correction)
    return 1 / a + 1 / b, 1 / c + 1 / d


def _parts_of_risks(x: dict[str, FloatArray], correction: float) -> Parts:
    a, b, c, d = _corrected(x, correction)
    return a * b / (a + b) ** 3, c * d / (c + d) ** 3


def _rates(x: dict[str, FloatArray], correction: float) -> Parts:
    """Return the events of both arms, with the correction where one has none."""
    add = added((x["events1"], x["events2"]), correction)
    return x["events1"] + add, x["events2"] + add


def _parts_of_log_rates(x: dict[str, FloatArray], correction: float) -> Parts:
    first, second = _rates(x, correction)
    return 1 / first, 1 / second


def _parts_of_rates(x: dict[str, FloatArray], correction: float) -> Parts:
    first, second = _rates(x, correction)
    return first / x["time1"] ** 2, second / x["time2"] ** 2


_PARTS: dict[str, Callable[[dict[str, FloatArray], float], Parts]] = {
    "MD": _parts_of_difference,
    "ROM": _parts_of_ratio_of_means,
    "RR": _parts_of_log_risks,
    "OR": _parts_of_log_odds,
    "RD": _parts_of_risks,
    "IRR": _parts_of_log_rates,
    "IRD": _parts_of_rates,
}
