"""Every state of the explorer page, computed beforehand, so that the browser only looks up.

A state is an analysis, the trials that are left out, an estimator of the variance between studies
and the methods of the two intervals. Numbers are kept with the digits that the book prints, as
whole numbers of the last digit; sentences are kept once, with gaps for the numbers in them. The
script on the page neither rounds nor computes.

The script draws differences between means. Analyses of events stand in the tables below it only.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator
from scipy.special import ndtri

from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import MEASURE_WORDS, MEASURES
from analysis_lib.book.page import Table
from analysis_lib.book.sections import twice
from analysis_lib.book.sections.analyses import (
    directions_in_short,
    heading,
    question,
    recorded_certainty,
)
from analysis_lib.book.sections.answers import answers, has_printed
from analysis_lib.book.sentences import Question, plain_words, subject
from analysis_lib.book.templates import render
from analysis_lib.conclusions.ranges import spread
from analysis_lib.conclusions.stability import draws
from analysis_lib.conclusions.statements import statement
from analysis_lib.plots.marks import RISK_COLOURS, RISK_SIGNS
from analysis_lib.pooling.batch import pool_many
from analysis_lib.pooling.methods import TAU2_METHODS, Methods
from analysis_lib.pooling.pooled_effect import Interval, PooledEffect, pool_given_tau2
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.instruments import HIGH, SEVERITY
from analysis_lib.review.model import Review
from analysis_lib.review.possible import pooled_analyses
from analysis_lib.review.subgroups import overall_risk

#: All ways to leave out some of ten trials but not all. With more trials, as many as stay below
#: this are left out together.
MOST_SUBSETS = 2**10 - 1
#: Decimals of effects, their variance and Q: those of `analysis_lib.base.formatting`.
DIGITS = 2
MOST_EXACT = 2**53  # up to here JavaScript tells whole numbers apart

TAU2_LABELS = {
    "REML": "Restricted maximum likelihood (REML)",
    "ML": "Maximum likelihood (ML)",
    "DL": "DerSimonian and Laird (DL)",
    "PM": "Paule and Mandel (PM)",
    "EB": "Empirical Bayes (EB)",
    "HE": "Hedges (HE)",
    "HS": "Hunter and Schmidt (HS)",
    "SJ": "Sidik and Jonkman (SJ)",
    "FE": "None: one effect common to all (FE)",
}
CI_LABELS = {
    "wald": "Normal distribution (Wald)",
    "HK": "Hartung and Knapp",
    "HK-adhoc": "Hartung and Knapp, never narrower",
    "KR": "Kenward and Roger (with REML)",
}
PI_LABELS = {
    "HTS": "t, k − 2 degrees of freedom (HTS)",
    "V": "t, k − 1 degrees of freedom (V)",
    "HK": "Hartung and Knapp, k − 1 (HK)",
    "HK-PR": "Hartung and Knapp, k − 2 (HK-PR)",
    "normal": "Normal distribution",
    "KR": "Kenward and Roger (KR, with REML)",
    "KR-PR": "Kenward and Roger, one degree less (KR-PR, with REML)",
}
BANDS = (
    "Bands are ranges of reconstructed comparisons: 95% of the effects that agree with the print "
    "lie in them. No band is the result of a trial."
)
RECONSTRUCTED = (
    f"{BANDS} With all trials, every set of effects gives the printed result, where its numbers "
    "agree with each other. With trials left out, the sets differ. The average is then shown with "
    "its range over all sets. Its confidence and prediction intervals are computed from one set "
    "alone: another set, which agrees with the print as well, gives others."
)
#: The judgements that the button leaves out, whatever the instrument calls them.
WORST = tuple(level for level, severity in SEVERITY.items() if severity == HIGH)

LEFT_OUT = (
    "Effects on events (risk ratios, odds ratios and risk differences) are not drawn here; they "
    "stand in the tables below."
)
MODELLED = (
    "Analyses whose shared arms are modelled are not drawn here, because what is drawn takes "
    "comparisons as independent; they stand in the tables below."
)

NOTHING_POOLED = "No outcome has an effect that can be pooled yet."

#: What stands before the range of a reconstructed effect.
RANGE = "range"
#: The column for what an article prints, which a review of one's own has not.
PRINTED = "Printed in the review"

Json = dict[str, Any]


def script(review: Review) -> str:
    """Return the data of the explorer as a script that assigns them to one constant.

    A script, unlike a data file, is also read where the page was opened from a folder.

    Parameters
    ----------
    review
        A review that was loaded.

    Returns
    -------
    str
        ``const EXPLORER = {...};``, the same text for the same data.

    Examples
    --------
    >>> from analysis_lib import load_review
    >>> script(load_review("data")).startswith("const EXPLORER = {")
    True
    """
    text = json.dumps(states(review), separators=(",", ":"))
    # A page that held the script itself would end it at "</script>".
    return "const EXPLORER = " + text.replace("<", r"\u003c") + ";\n"


def states(review: Review) -> Json:
    """Return every analysis of a review that the explorer draws, in all its states.

    Parameters
    ----------
    review
        A review that was loaded.

    Returns
    -------
    dict
        ``main`` (the choices with which the page opens; the analysis is absent if none is drawn),
        ``by_tau2``, ``by_ci`` and ``by_pi`` (the methods in the order of the arrays: estimators;
        those with each confidence interval; these with each prediction interval), ``risk`` (sign
        and colour of each judgement), ``worst`` (those that count as high) and ``analyses``. Each
        analysis has what is ``printed`` of it, its studies (a reconstructed one is a ``range``),
        its trials with their risk of bias, the axis, ``left_out`` (one list of trial numbers a
        subset; any ``most`` trials have one) and the arrays, subset by subset: ``estimate``,
        ``tau2``, ``weights`` (where no effect is reconstructed) and ``spread`` (where one is: the
        range of the estimate over all sets of effects) for each of ``by_tau2``; ``ci``, ``p`` and
        ``finding`` for each of ``by_ci``; ``pi`` and ``words`` for each of ``by_pi``.
    """
    analyses = drawn_analyses(review)
    methods = review.info.methods
    main = name_of(main_analysis(review)) if analyses else None
    return {
        "main": {"analysis": main, **main_methods(review)},
        **{f"by_{name}": list(places) for name, places in BY.items()},
        "level": fmt.percent(methods.level),
        "risk": {word: [sign, RISK_COLOURS[word]] for word, sign in RISK_SIGNS.items()},
        "worst": list(WORST),
        "analyses": {name_of(effects): states_of(review, effects) for effects in analyses},
    }


def name_of(effects: StudyEffects) -> str:
    """Return the name of an analysis in the address of a view."""
    return f"{effects.outcome}-{effects.follow_up}"


def drawn_analyses(review: Review, priority: str | None = None) -> list[StudyEffects]:
    """Return the analyses that the explorer draws: of independent differences between means."""
    return [effects for effects in pooled_analyses(review, priority) if _is_drawn(effects)]


def _is_drawn(effects: StudyEffects) -> bool:
    return effects.measure in MEASURES and effects.covariance is None


def not_drawn(review: Review) -> str:
    """Say which analyses are not drawn and why; empty if all are."""
    others = [effects for effects in pooled_analyses(review) if not _is_drawn(effects)]
    told = [LEFT_OUT] if any(effects.measure not in MEASURES for effects in others) else []
    if any(effects.covariance is not None for effects in others):
        told.append(MODELLED)
    return " ".join(told)


def main_analysis(review: Review) -> StudyEffects:
    """Return the analysis that the page shows first: the primary one with the most trials.

    One that the explorer draws goes before one that it does not.
    """
    found = (
        drawn_analyses(review, "primary")
        or drawn_analyses(review)
        or list(pooled_analyses(review, "primary"))
        or list(pooled_analyses(review))
    )
    return max(found, key=lambda effects: (effects.table["trial"].nunique(), effects.k))


def main_methods(review: Review) -> Json:
    """Return the methods of the review, by the names that the page gives them."""
    methods = review.info.methods
    return {
        "tau2": methods.tau2_method,
        "ci": methods.ci_method,
        "pi": methods.pi_method,
    }


def subsets(trials: int) -> list[tuple[int, ...]]:
    """Return which trials are left out: first none, then one, and so on, never all.

    Examples
    --------
    >>> subsets(3)
    [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]
    """
    found: list[tuple[int, ...]] = []
    for size in range(trials):
        layer = list(itertools.combinations(range(trials), size))
        if size > 1 and len(found) + len(layer) > MOST_SUBSETS:
            break
        found += layer
    return found


def choices_of_trials(risks: Sequence[str]) -> list[tuple[int, ...]]:
    """Return the subsets that are computed: `subsets`, and all trials at high risk left out.

    Parameters
    ----------
    risks
        The overall judgement of each trial.

    Examples
    --------
    >>> choices_of_trials(["low", "high"])
    [(), (0,), (1,)]
    """
    found = subsets(len(risks))
    high = tuple(i for i, risk in enumerate(risks) if risk in WORST)
    return found if high in found or len(high) == len(risks) else [*found, high]


def methods_together() -> Iterator[tuple[str, str, str]]:
    """Yield the estimators, confidence and prediction intervals that go together.

    Kenward and Roger's intervals go with REML alone.
    """
    for names in itertools.product(TAU2_METHODS, CI_LABELS, PI_LABELS):
        with contextlib.suppress(ReviewError):
            Methods(tau2_method=names[0], ci_method=names[1], pi_method=names[2])
            yield names


TOGETHER = tuple(methods_together())


def _first(parts: int) -> dict[str, int]:
    """Return the first of `TOGETHER` with each choice of the first one, two or three methods."""
    places: dict[str, int] = {}
    for place, names in enumerate(TOGETHER):
        places.setdefault(" ".join(names[:parts]), place)
    return places


BY = {name: _first(parts) for parts, name in enumerate(("tau2", "ci", "pi"), start=1)}


def fits(
    effects: StudyEffects, level: float, choices: Sequence[tuple[int, ...]]
) -> Iterator[list[PooledEffect]]:
    """Yield the results of all methods, as in `TOGETHER`, for each choice of what to leave out."""
    masks = _masks(effects, choices)
    found = {
        method: pool_many(effects.effect, effects.variance, masks, tau2_method=method).tau2
        for method in TAU2_METHODS
    }
    labels = np.array(effects.labels, dtype=object)
    for row, mask in enumerate(masks):
        studies = (effects.effect[mask], effects.variance[mask], tuple(labels[mask]))
        results = {
            names: pool_given_tau2(
                studies,
                None if mask.sum() == 1 else float(found[names[0]][row]),
                Methods(tau2_method=names[0], ci_method=names[1], level=level),
            )
            for names in dict.fromkeys(names[:2] for names in TOGETHER)
        }
        yield [
            dataclasses.replace(fit, methods=_predicting(fit.methods, names[2]))
            for names in TOGETHER
            for fit in (results[names[:2]],)
        ]


@cache
def _predicting(methods: Methods, pi_method: str) -> Methods:
    """Return methods with another prediction interval, checked once for all states."""
    return methods.but(pi_method=pi_method)


def _told(effects: StudyEffects, choices: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return the choices but those that leave one reconstructed comparison, which is a range."""
    masks = _masks(effects, choices)
    alone = (masks.sum(axis=1) == 1) & (masks & effects.reconstructed).any(axis=1)
    return [choice for choice, hidden in zip(choices, alone, strict=True) if not hidden]


def _masks(effects: StudyEffects, choices: Sequence[tuple[int, ...]]) -> npt.NDArray[np.bool_]:
    """Return which comparisons stay with each choice of trials to leave out."""
    members = effects.table["trial"].to_numpy(dtype=object)
    trials = list(dict.fromkeys(members))
    return np.array(
        [[trial not in {trials[i] for i in left_out} for trial in members] for left_out in choices]
    )


def states_of(review: Review, effects: StudyEffects) -> Json:
    """Return one analysis in all its states, as `states` has it."""
    # A difference that matters is the reader's own, typed on the page.
    asked = dataclasses.replace(question(review, effects.outcome), mid=None)
    level = review.info.methods.level
    rated = recorded_certainty(review, effects.outcome, effects.follow_up)
    trials = list(dict.fromkeys(effects.table["trial"]))
    names = review.trial_names
    risks = dict(zip(effects.table["trial"], overall_risk(review, effects), strict=True))
    choices = _told(effects, choices_of_trials([risks[trial] for trial in trials]))
    main = effects.pool()
    return {
        "title": heading(review, effects),
        "outcome": effects.outcome,
        "follow_up": effects.follow_up,
        "measure": MEASURE_WORDS.get(effects.measure, effects.measure),
        "unit": asked.unit,
        "arms": list(review.info.short_names),
        "favours": directions_in_short(review, asked),
        "certainty": "" if rated is None else str(rated["rating"]),
        "printed": printed_first(review, effects),
        "axis": _axis(main, _shown_intervals(effects, level)),
        "trials": [[trial, names[trial], risks[trial]] for trial in trials],
        "studies": _studies(effects, trials, level),
        "most": len(subsets(len(trials))[-1]),
        "left_out": [list(left_out) for left_out in choices],
        **_arrays(
            fits(effects, level, choices),
            () if effects.reconstructed.any() else effects.labels,
            asked,
            None if rated is None else str(rated["rating"]),
        ),
        "spread": _spreads(review, effects, choices),
    }


def printed_first(review: Review, effects: StudyEffects) -> Json | None:
    """Return what the review prints of an analysis, to stand before anything that is computed.

    Returns
    -------
    dict or None
        ``numbers``, those that are printed, with the certainty; and ``ours``, where this book has
        other numbers and why, which may be empty.
    """
    key = effects.outcome, effects.follow_up
    found = next((one for one in answers(review) if one.key == key), None)
    if found is None or not has_printed(review):
        return None
    limits = found.prediction_interval
    between = "" if limits is None else fmt.effect_interval(limits, effects.measure)
    told = [
        f"{MEASURE_WORDS[effects.measure].capitalize()} {found.asked.with_unit(found.effect)}",
        f"95% prediction interval {between}" if between else "no prediction interval printed",
        f"trials: {found.trials}; people: {found.people}",
        f"certainty: {found.certainty or 'not rated'}",
    ]
    return {
        "numbers": "; ".join(told) + ".",
        "ours": " ".join(twice.sentences(review, *key)),
    }


def _spreads(
    review: Review, effects: StudyEffects, choices: Sequence[tuple[int, ...]]
) -> list[int | str | None]:
    """Return the range of the estimate over all sets of effects, for each choice and estimator."""
    if not effects.reconstructed.any():
        return []
    found, masks = draws(review, effects), _masks(effects, choices)
    # every set of effects with every choice of trials, in one call an estimator
    every = np.repeat(np.arange(len(found)), len(masks))
    ends = np.array(
        [
            spread(
                pool_many(
                    found.effect[every],
                    found.variance[every],
                    np.tile(masks, (len(found), 1)),
                    tau2_method=method,
                ).estimate.reshape(len(found), len(masks))
            )[1:]
            for method in TAU2_METHODS
        ]
    )
    return last_digits(ends.transpose(2, 0, 1).ravel().tolist())


def _study_intervals(effects: StudyEffects, level: float) -> list[Interval]:
    half = float(ndtri((1 + level) / 2)) * np.sqrt(effects.variance)
    return list(
        zip((effects.effect - half).tolist(), (effects.effect + half).tolist(), strict=True)
    )


def _shown_intervals(effects: StudyEffects, level: float) -> list[Interval]:
    """Return what is drawn of each comparison: its interval, or its range if reconstructed."""
    known = zip(
        effects.reconstructed,
        _study_intervals(effects, level),
        zip(effects.table["low"].tolist(), effects.table["high"].tolist(), strict=True),
        effects.effect.tolist(),
        strict=True,
    )
    return [
        interval if not free else (effect, effect) if np.isnan(ends[0]) else ends
        for free, interval, ends, effect in known
    ]


def _studies(effects: StudyEffects, trials: list[str], level: float) -> list[Json]:
    table = effects.table
    columns = (
        effects.labels,
        table["trial"],
        effects.effect.tolist(),
        _shown_intervals(effects, level),
        table["n_experimental"].to_list(),
        table["n_comparator"].to_list(),
        effects.reconstructed.tolist(),
    )
    return [
        {
            "label": label,
            "trial": trials.index(trial),
            **(
                {"range": last_digits(ends)}
                if reconstructed
                else {"effect": last_digits([effect, *ends])}
            ),
            "people": [fmt.count(n_experimental), fmt.count(n_comparator)],
        }
        for label, trial, effect, ends, n_experimental, n_comparator, reconstructed in zip(
            *columns, strict=True
        )
    ]


def _axis(main: PooledEffect, intervals: Sequence[Interval]) -> Json:
    """Return ends and ticks that hold the main analysis; they stay when trials are left out."""
    shown = [*intervals, main.ci, main.prediction_interval or main.ci]
    low, high = min(0.0, *(pair[0] for pair in shown)), max(0.0, *(pair[1] for pair in shown))
    steps = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    ticks: list[float] = (np.round(steps, 9) + 0.0).tolist()  # no 0.30000000000000004, no minus 0
    digits = max(len(fmt.threshold(tick).partition(".")[2]) for tick in ticks)
    return {
        "low": ticks[0],
        "high": ticks[-1],
        "ticks": [[tick, fmt.number(tick, digits)] for tick in ticks],
    }


def _arrays(
    states: Iterable[list[PooledEffect]],
    weighed: tuple[str, ...],
    asked: Question,
    certainty: str | None,
) -> Json:
    """Return the numbers and sentences of all states, in the order of `fits`."""
    by_tau2: dict[str, list[Any]] = {"estimate": [], "tau2": [], "weights": []}
    by_ci: dict[str, list[Any]] = {"ci": [], "p": [], "finding": []}
    by_pi: dict[str, list[Any]] = {"pi": [], "words": []}
    q: list[list[str]] = []
    p_values: dict[str, int] = {}
    templates: dict[str, int] = {}
    for results in states:
        first = results[0]
        q.append([fmt.number(first.q), fmt.p_value(first.q_p_value), fmt.percent(first.i2)])
        for fit in (results[place] for place in BY["tau2"].values()):
            by_tau2["estimate"].append(fit.estimate)
            by_tau2["tau2"].append(fit.tau2)
            by_tau2["weights"] += _weights(fit, weighed)
        for fit in (results[place] for place in BY["ci"].values()):
            by_ci["ci"] += fit.ci
            by_ci["p"].append(_number_of(fmt.p_value(fit.p_value), p_values))
            by_ci["finding"].append(_number_of(finding(fit, asked, certainty), templates))
        for fit in results:
            limits = fit.prediction_interval
            by_pi["pi"] += limits or (None, None)
            by_pi["words"].append(_number_of(template(plain_words(fit, asked), limits), templates))
    return {
        "q": q,
        "p_values": list(p_values),
        "templates": list(templates),
        "estimate": last_digits(by_tau2["estimate"]),
        "tau2": last_digits(by_tau2["tau2"]),
        "weights": last_digits(by_tau2["weights"], digits=3),
        "ci": last_digits(by_ci["ci"]),
        "p": by_ci["p"],
        "finding": by_ci["finding"],
        "pi": last_digits(by_pi["pi"]),
        "words": by_pi["words"],
    }


def finding(fit: PooledEffect, asked: Question, certainty: str | None) -> str:
    """Return what a result shows, with the certainty of the whole one, as GRADE words it."""
    told = statement(fit.estimate, fit.ci, certainty=certainty)
    return told.sentence(asked.first, subject(asked), of_one_trial=fit.k == 1)


def _weights(fit: PooledEffect, labels: tuple[str, ...]) -> list[float | None]:
    weights = dict(zip(fit.labels, fit.weights.tolist(), strict=True))
    return [weights.get(label) for label in labels]


def _number_of(text: str, known: dict[str, int]) -> int:
    return known.setdefault(text, len(known))


def template(text: str, limits: Interval | None) -> str:
    """Return what a result means with a gap ``{pi}`` for the numbers in it.

    Examples
    --------
    >>> template("May favour either (prediction interval −1.00 to 1.00).", (-1, 1))
    'May favour either (prediction interval {pi}).'
    """
    if limits is None:
        return text
    return text.replace(
        f"(prediction interval {fmt.interval(limits)})", "(prediction interval {pi})"
    )


def last_digits(values: Sequence[float | None], digits: int = DIGITS) -> list[int | str | None]:
    """Return numbers as they print, counted in units of their last digit.

    One with more digits than a number of JavaScript holds is text.

    Examples
    --------
    >>> last_digits([-0.4963, 0.001, None, 1e15])
    [-50, 0, None, '100000000000000000']
    """
    # Python rounds the exact value, as printing does; multiplying first would not.
    whole = [None if x is None else int(f"{x:.{digits}f}".replace(".", "")) for x in values]
    return [str(x) if x is not None and abs(x) >= MOST_EXACT else x for x in whole]


# -- What stands on the page without the script ------------------------------------------------


def form(review: Review, folder: str = "../_static") -> Markup:
    """Return the HTML of the explorer: controls that the script brings to life.

    Parameters
    ----------
    review
        A review that was loaded.
    folder
        Where the page finds the scripts and the style.

    Returns
    -------
    markupsafe.Markup
        Hidden until the script runs; without scripts a sentence says so. Another says which
        analyses are not drawn, if there are any.
    """
    analyses = drawn_analyses(review)
    others = not_drawn(review)
    if not analyses:
        return Markup('<p class="explorer-note">{}</p>').format(others) if others else Markup()
    outcomes = review.outcomes.set_index("outcome")["label"]
    follow_ups = review.follow_ups.set_index("follow_up")["label"]
    shown = {effects.outcome: outcomes[effects.outcome] for effects in analyses}
    times = {t: follow_ups[t] for t in follow_ups.index if t in {e.follow_up for e in analyses}}
    main = main_analysis(review)
    methods = main_methods(review)
    choices = [
        _Choice("outcome", "Outcome", shown, main.outcome),
        _Choice("follow_up", "Follow-up", times, main.follow_up),
        _Choice("tau2", "Variance between trials", TAU2_LABELS, methods["tau2"]),
        _Choice("ci", "Confidence interval", CI_LABELS, methods["ci"]),
        _Choice("pi", "Prediction interval", PI_LABELS, methods["pi"]),
    ]
    return render(
        "explorer.html", folder=folder, choices=choices, left_out=others, note=RECONSTRUCTED
    )


class _Choice(NamedTuple):
    """What a reader can choose: the words of each value, and the value chosen first."""

    name: str
    label: str
    options: dict[str, str]
    chosen: str


def main_results(review: Review) -> pd.DataFrame:
    """Return what the review prints of every analysis, as text, and ours beside it.

    Ours has a letter where it is another number, which `twice.notes` explains.
    """
    rows, letters = [], twice.letters(review)
    outcomes = review.outcomes.set_index("outcome")["label"]
    follow_ups = review.follow_ups.set_index("follow_up")["label"]
    for effects in pooled_analyses(review):
        fit = effects.pool()
        trials = effects.table["trial"].nunique()
        key = effects.outcome, effects.follow_up
        rows.append(
            {
                "Outcome": f"{outcomes[effects.outcome]}, {MEASURE_WORDS[effects.measure]}",
                "Follow-up": follow_ups[effects.follow_up],
                PRINTED: twice.printed_effect(review, effects) or fmt.EN_DASH,
                "Trials (comparisons)": f"{trials} ({fit.k})",
                f"Effect ({fmt.percent(fit.level)} CI)": fmt.effect_estimate(
                    fit.estimate, fit.ci, effects.measure
                )
                + (f" ({letter})" if (letter := letters.get(key)) else ""),
                "p": fmt.p_cell(fit.p_value),
                "Prediction interval": fmt.effect_interval(
                    fit.prediction_interval, effects.measure, absent=fmt.EN_DASH
                ),
            }
        )
    return pd.DataFrame(rows)


def main_comparisons(review: Review) -> pd.DataFrame:
    """Return the comparisons of the analysis that the page opens with, as text.

    A reconstructed comparison is its range; weights stand there where nothing is reconstructed.
    """
    effects = main_analysis(review)
    fit = effects.pool()
    free = effects.reconstructed
    shown = zip(effects.effect.tolist(), _shown_intervals(effects, fit.level), free, strict=True)
    first, second = review.info.short_names
    cells = {
        "Comparison": effects.labels,
        f"n {first}": [fmt.count(n) for n in effects.table["n_experimental"]],
        f"n {second}": [fmt.count(n) for n in effects.table["n_comparator"]],
        f"{effects.measure} ({fmt.percent(fit.level)} CI)": [
            f"{RANGE} {fmt.effect_interval(ends, effects.measure)}"
            if is_free
            else fmt.effect_estimate(effect, ends, effects.measure)
            for effect, ends, is_free in shown
        ],
        "Weight": [fmt.percent(weight, 1) for weight in fit.weights.tolist()],
        "Risk of bias": overall_risk(review, effects),
        "Known how": list(effects.table["provenance"]),
    }
    if free.any():
        del cells["Weight"]
    return pd.DataFrame(cells)


def results_table(review: Review) -> Table | str:
    """Return the main results, which say without scripts what the explorer says."""
    results = main_results(review)
    if results.empty:
        return NOTHING_POOLED
    told = "All trials, methods of the review. A dash: not estimable from so few."
    note = " ".join([told, twice.notes(review)]).strip()
    if any(effects.reconstructed.any() for effects in pooled_analyses(review)):
        note += (
            " Effects that are not printed are reconstructed from what is, so that these results "
            "are no independent confirmation of the printed ones."
        )
    if (results[PRINTED] == fmt.EN_DASH).all():
        results = results.drop(columns=PRINTED)
    numeric = list(results.columns[2:])
    caption = "The main result of every analysis"
    return Table(results, caption, "explorer-main", note, numeric, group="Outcome")


def comparisons_table(review: Review) -> Table | str:
    """Return the comparisons with which the explorer opens."""
    if next(pooled_analyses(review), None) is None:
        return NOTHING_POOLED
    comparisons = main_comparisons(review)
    first = heading(review, main_analysis(review))
    caption = f"The comparisons of the first analysis: {first}"
    numeric = list(comparisons.columns[1:-2])
    note = BANDS if RANGE in str(comparisons) else ""
    return Table(comparisons, caption, "explorer-comparisons", note, numeric)
