"""What can be said downstream when the study effects are reconstructed, and what cannot.

A reconstruction is one of many sets of effects that agree with the print. A conclusion drawn from
it (this trial is influential, these subgroups differ) is worth saying only if nearly all of the
others lead to it as well. Each statement here is made from the effects in use, then again from
every draw of the ensemble; the share of draws that say the same decides whether it is stable.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis_lib.base.checks import FloatArray, check_choice
from analysis_lib.base.errors import ReviewError, attempt
from analysis_lib.base.formatting import plural
from analysis_lib.base.measures import margin
from analysis_lib.conclusions.certainty import (
    inconsistency_steps,
    publication_bias_prompt,
    risk_of_bias_steps,
    suggested,
)
from analysis_lib.pooling.asymmetry import FEWEST_TO_READ, EggerTest, egger_test
from analysis_lib.pooling.batch import PooledRows, pool_many
from analysis_lib.pooling.leaving_out import SUBSTANTIAL_REDUCTION
from analysis_lib.pooling.subgroups import between
from analysis_lib.pooling.trimming import trim_and_fill
from analysis_lib.printed.reconstruction.files import read_ensemble
from analysis_lib.printed.reconstruction.tables import KEY
from analysis_lib.review.comparisons import StudyEffects, study_effects
from analysis_lib.review.instruments import SEVERITY
from analysis_lib.review.model import Review
from analysis_lib.review.subgroups import high_risk_or_not, levels_by_factor, overall_risk

#: A statement is stable when at least this part of the draws says the same.
STABLE = 0.95
ALPHA = 0.05  # of the tests whose outcome is a statement
COLUMNS = ["outcome", "follow_up", "topic", "subject", "says", "draws", "share", "stable"]
NO_ANSWER = "no answer"
RISK_OF_BIAS = "risk of bias: high or not"
Said = Sequence[str] | npt.NDArray[np.str_]
Topic = Callable[["_Known"], Iterator[tuple[str, Said]]]


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """The effects of one analysis, as they are used and as they might as well be.

    Parameters
    ----------
    effects : StudyEffects
        The effects in use.
    effect, variance : ndarray, shape (draws, k)
        One set of effects a row, in the order of ``effects``. What is not reconstructed is the
        same in every row; where nothing is, there is one row.
    """

    effects: StudyEffects
    effect: FloatArray
    variance: FloatArray

    def __len__(self) -> int:
        return len(self.effect)

    def members(self) -> Iterator[StudyEffects]:
        """Yield the analysis once a draw, with the effects and variances of that draw."""
        used = self.effects
        for effect, variance in zip(self.effect, self.variance, strict=True):
            table = used.table.assign(effect=effect, variance=variance)
            yield StudyEffects(used.outcome, used.follow_up, used.measure, table, used.unknown)


def weights_in(variance: FloatArray, tau2: FloatArray) -> FloatArray:
    """Return the share of each comparison in the weight of every set, shape (sets, k)."""
    each = 1 / (variance + np.nan_to_num(tau2)[:, None])  # one comparison alone has no tau2
    return np.asarray(each / each.sum(axis=1, keepdims=True))


def draws(review: Review, effects: StudyEffects, *, ensemble: pd.DataFrame | None = None) -> Draws:
    """Return the ensemble of one analysis.

    Parameters
    ----------
    review : Review
        A review that was loaded.
    effects : StudyEffects
        The effects in use, all of an analysis or some of them.
    ensemble : DataFrame, optional
        From `read_ensemble`; read from the review's folder by default.

    Returns
    -------
    Draws
        Reconstructed effects vary; reported and secondary ones stand still.

    Raises
    ------
    ReviewError
        When a reconstructed effect is not in the ensemble.
    """
    free = effects.reconstructed
    if not free.any():
        return Draws(effects, effects.effect[None, :], effects.variance[None, :])
    table = read_ensemble(review.path) if ensemble is None else ensemble
    here = table[(table["outcome"] == effects.outcome) & (table["follow_up"] == effects.follow_up)]
    by_comparison = {
        tuple(key): rows.sort_values("draw") for key, rows in here.groupby(list(KEY[2:]))
    }
    pairs = list(effects.table[list(KEY[2:])].itertuples(index=False, name=None))
    absent = [
        label
        for label, pair, is_free in zip(effects.labels, pairs, free, strict=True)
        if is_free and pair not in by_comparison
    ]
    if absent:
        raise ReviewError(
            f"ensemble.csv: no draw of {', '.join(absent)} in {effects.outcome} "
            f"{effects.follow_up}; run make reconstruct"
        )
    size = len(by_comparison[pairs[int(np.argmax(free))]])
    effect, variance = (np.tile(x, (size, 1)) for x in (effects.effect, effects.variance))
    for column in np.flatnonzero(free):
        rows = by_comparison[pairs[column]]
        effect[:, column] = rows["estimate"]
        variance[:, column] = rows["se"] ** 2
    return Draws(effects, effect, variance)


def share(
    review: Review,
    effects: StudyEffects,
    statement: Callable[[StudyEffects], Hashable],
    *,
    ensemble: pd.DataFrame | None = None,
) -> float:
    """Return the share of the ensemble that says what the effects in use say.

    Parameters
    ----------
    review : Review
        A review that was loaded.
    effects : StudyEffects
        The effects in use.
    statement : callable
        Takes effects and returns what they say: true or false, a word, a whole number, a tuple
        of these. Not a number with decimals, which no two draws share.
    ensemble : DataFrame, optional
        As for `draws`.

    Returns
    -------
    float
        Between 0 and 1; 1 where nothing is reconstructed. Say it if this is `STABLE` or more.

    Examples
    --------
    >>> from analysis_lib import egger_test, load_review
    >>> review = load_review("data")
    >>> pain = study_effects(review, "pain", "PW")
    >>> 0 <= share(review, pain, lambda x: egger_test(x.effect, x.variance).p_value < 0.05) <= 1
    True
    """
    said = statement(effects)
    found = draws(review, effects, ensemble=ensemble)
    return float(np.mean([statement(member) == said for member in found.members()]))


def stability(
    review: Review,
    effects: StudyEffects,
    *topics: str,
    ensemble: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return what is said downstream about one analysis, and in what share of draws.

    Parameters
    ----------
    review : Review
        A review that was loaded.
    effects : StudyEffects
        The effects in use, at least one.
    *topics : str
        Which statements: some of `TOPICS`; all by default.
    ensemble : DataFrame, optional
        As for `draws`.

    Returns
    -------
    DataFrame
        One row a statement: ``outcome``, ``follow_up``, ``topic`` (pooled effect, influence,
        subgroups, small-study effects, certainty), ``subject`` (direction, a trial, a factor, a
        test, a domain), ``says`` (in words, from the effects in use), ``draws``, ``share`` of
        draws that say the same, and ``stable`` (`STABLE` or more do).

    Notes
    -----
    Direction and significance of the pooled effect are stable by construction where they were
    printed. Influence is what `influential` marks, without each trial and, where a
    trial has several comparisons, without each of those. Subgroup tests have a separate tau2 in
    each subgroup (`subgroup_analysis`). Prompts of certainty are those of `assess` with the
    review's minimal important difference and without an information size.
    """
    for topic in topics:
        check_choice("topic", topic, tuple(TOPICS))
    found = draws(review, effects, ensemble=ensemble)
    known = _Known(
        review,
        found,
        np.vstack([effects.effect, found.effect]),
        np.vstack([effects.variance, found.variance]),
    )
    rows = []
    for topic in topics or TOPICS:
        for subject, said in TOPICS[topic](known):
            agree = float(np.mean([word == said[0] for word in said[1:]]))
            rows.append((topic, subject, str(said[0]), len(found), agree, agree >= STABLE))
    where = {"outcome": effects.outcome, "follow_up": effects.follow_up}
    return pd.DataFrame(rows, columns=COLUMNS[2:]).assign(**where)[COLUMNS]


def stability_of_all(review: Review, *topics: str) -> pd.DataFrame:
    """Return `stability` of every analysis that rests on reconstructed effects.

    Parameters
    ----------
    review : Review
        A review that was loaded.
    *topics : str
        As for `stability`.

    Returns
    -------
    DataFrame
        The tables one below the other, in the review's order; empty when nothing is
        reconstructed.
    """
    analyses = [
        effects
        for outcome in review.outcomes["outcome"]
        for follow_up in review.follow_ups["follow_up"]
        if (effects := study_effects(review, str(outcome), str(follow_up))).reconstructed.any()
    ]
    if not analyses:
        return pd.DataFrame(columns=COLUMNS)
    ensemble = read_ensemble(review.path)
    tables = [stability(review, effects, *topics, ensemble=ensemble) for effects in analyses]
    return pd.concat(tables, ignore_index=True)


# --- the statements -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """What statements are made from: the effects in use in row 0, the draws below."""

    review: Review
    draws: Draws
    effect: FloatArray
    variance: FloatArray

    @property
    def effects(self) -> StudyEffects:
        return self.draws.effects

    def pool(self, masks: npt.ArrayLike | None = None) -> list[PooledRows]:
        """Pool every row, once for each mask of comparisons."""
        chosen = np.ones((1, self.effects.k), dtype=bool) if masks is None else np.asarray(masks)
        methods = self.review.info.methods
        return [pool_many(self.effect, self.variance, mask, **methods) for mask in chosen]

    def each(self) -> Iterator[StudyEffects]:
        """Yield the effects in use, then every draw."""
        yield self.effects
        yield from self.draws.members()


def _pooled_effect(known: _Known) -> Iterator[tuple[str, Said]]:
    (fit,) = known.pool()
    outcomes = known.review.outcomes.set_index("outcome")
    lower = bool(outcomes["lower_is_better"].loc[known.effects.outcome])
    better, other = (f"favours {name}" for name in known.review.info.short_names)
    yield "direction", np.where((fit.estimate < 0) == lower, better, other)
    yield "significance", _significance(fit.p_value)
    if np.isfinite(fit.pi_low).all():
        includes = (fit.pi_low < 0) & (fit.pi_high > 0)
        yield "prediction interval", np.where(includes, "includes zero", "excludes zero")


def _significance(p_value: FloatArray) -> Said:
    return np.where(p_value < ALPHA, f"p below {ALPHA}", f"p of {ALPHA} or more")


def _influence(known: _Known) -> Iterator[tuple[str, Said]]:
    """Mark every row at once, as `influential` does."""
    left_out = _left_out(known)
    (full,) = known.pool()
    remaining = known.pool([~mask for mask in left_out.values()])
    for name, rest in zip(left_out, remaining, strict=True):
        changes = _falls(full.tau2, rest.tau2) | _falls(full.i2, rest.i2)
        changes |= np.sign(full.estimate) != np.sign(rest.estimate)
        changes |= (full.p_value < ALPHA) != (rest.p_value < ALPHA)
        yield name, np.where(changes, "influential", "not influential")


def _left_out(known: _Known) -> dict[str, npt.NDArray[np.bool_]]:
    """Return what can be left out, by name: every trial, and every comparison of several."""
    table = known.effects.table
    names = known.review.trials.set_index("trial")["label"]
    found = {str(names[t]): (table["trial"] == t).to_numpy() for t in table["trial"].unique()}
    found |= {label: (table["label"] == label).to_numpy() for label in known.effects.labels}
    return {name: mask for name, mask in found.items() if not mask.all()}


def _falls(full: FloatArray, rest: FloatArray) -> npt.NDArray[np.bool_]:
    """Say where a number loses a substantial part; absent or zero numbers cannot."""
    return np.asarray((full > 0) & (full - rest >= SUBSTANTIAL_REDUCTION * full))


def _subgroups(known: _Known) -> Iterator[tuple[str, Said]]:
    effects = known.effects
    factors = levels_by_factor(known.review, effects)
    factors[RISK_OF_BIAS] = high_risk_or_not(known.review, effects)
    for factor, level in factors.items():
        names = dict.fromkeys(level)
        if len(names) < 2:
            continue
        fits = known.pool([[word == name for word in level] for name in names])
        mean = np.array([fit.estimate for fit in fits])
        se = np.array([fit.se for fit in fits])
        by_t = known.review.info.methods.ci_method != "wald"
        *_, p = between(mean, se, np.array([fit.df for fit in fits]) if by_t else None)
        # equal effects have a Hartung-Knapp error of zero, and no test
        yield factor, np.where(np.isnan(p), NO_ANSWER, _significance(p))


def _small_studies(known: _Known) -> Iterator[tuple[str, Said]]:
    """Yield what holds of a funnel; with fewer comparisons chance alone could make any lean."""
    if known.effects.k >= FEWEST_TO_READ:
        yield "Egger's test", [_egger(member) for member in known.each()]
        yield "trim and fill", [_filled(member) for member in known.each()]


def _egger(effects: StudyEffects) -> str:
    found = _egger_test(effects)
    if isinstance(found, ReviewError):
        return NO_ANSWER
    return str(_significance(np.array(found.p_value)))


def _egger_test(effects: StudyEffects) -> EggerTest | ReviewError:
    return attempt(egger_test, effects.effect, effects.variance)


def _filled(effects: StudyEffects) -> str:
    found = attempt(trim_and_fill, effects.effect, effects.variance)
    if isinstance(found, ReviewError):
        return NO_ANSWER
    return f"adds {plural(found.k0, 'comparison')} on the {found.side}" if found.k0 else "adds none"


def _certainty(known: _Known) -> Iterator[tuple[str, Said]]:
    effects, outcomes = known.effects, known.review.outcomes.set_index("outcome")
    judged = overall_risk(known.review, effects)
    mid = outcomes["mid"].loc[effects.outcome]
    half = None if pd.isna(mid) else margin(float(mid), effects.measure)
    (fits,) = known.pool()
    weights = weights_in(known.variance, fits.tau2)
    severity = np.array([SEVERITY[word] for word in judged], dtype=object)
    shares = {word: weights[:, severity == word].sum(axis=1).tolist() for word in set(severity)}
    by_set = (
        dict(zip(shares, of_set, strict=True)) for of_set in zip(*shares.values(), strict=True)
    )
    yield "risk of bias", [suggested(risk_of_bias_steps(share)) for share in by_set]
    yield "inconsistency", [suggested((n, n)) for n in inconsistency_steps(fits, half)]
    # imprecision is of the interval and the people of the whole: it is one for all sets
    one, is_read = effects.pool(), effects.k >= FEWEST_TO_READ
    tests = [_egger_test(member) for member in known.each()] if is_read else [None] * len(fits)
    prompts = [publication_bias_prompt(one, test) for test in tests]
    if any(prompt.steps is not None for prompt in prompts):
        yield "publication bias", [prompt.suggestion for prompt in prompts]


TOPICS: dict[str, Topic] = {
    "pooled effect": _pooled_effect,
    "influence": _influence,
    "subgroups": _subgroups,
    "small-study effects": _small_studies,
    "certainty": _certainty,
}
