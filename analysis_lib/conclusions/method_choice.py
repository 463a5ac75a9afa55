"""What the choice of method does: one analysis by every way to treat, pool, and correct it.

Each choice is a way to treat shared arms (split, combined, modelled), with a frequentist or a
Bayesian model, an estimator and an interval, or a correction for selection. What a choice needs and
does not find is told as the reason in its row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np
import pandas as pd

from analysis_lib.base.checks import check_kind
from analysis_lib.base.errors import ReviewError, attempt
from analysis_lib.base.formatting import plural
from analysis_lib.conclusions.ranges import spread
from analysis_lib.conclusions.stability import Draws
from analysis_lib.pooling.asymmetry import pet_peese
from analysis_lib.pooling.bayesian import EMPIRICAL_PRIORS, TauPrior, bayes_mean
from analysis_lib.pooling.copas_interval import henmi_copas
from analysis_lib.pooling.dependent_effects import multilevel
from analysis_lib.pooling.limits_of_precision import limit_meta_analysis
from analysis_lib.pooling.pooled_effect import Interval, pool
from analysis_lib.pooling.robust_variance import robust
from analysis_lib.pooling.selection import selection_model
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.dependence import (
    ARMS_ARE,
    TreatedEffects,
    shares_arms,
    treat_shared_arms,
    treated_draws,
)
from analysis_lib.review.info import TREATMENTS, Treatment

Answer = tuple[float, Interval]
#: What choices have in common, in the order of the page.
FAMILIES = ("Arms split", "Arms combined", "Arms modelled", "Bayesian", "Selection")
#: Estimator of tau2 and interval of each frequentist choice.
FREQUENTIST = (
    ("REML", "wald"),
    ("REML", "HK"),
    ("REML", "HK-adhoc"),
    ("REML", "KR"),
    ("DL", "wald"),
    ("DL", "HK"),
    ("PM", "wald"),
    ("PM", "HK"),
    ("FE", "wald"),
)
INTERVAL_WORDS = {
    "wald": "Wald",
    "HK": "Hartung-Knapp",
    "HK-adhoc": "Hartung-Knapp, ad hoc",
    "KR": "Kenward-Roger",
}
#: Priors of tau in standard deviations of people, and what each is called.
PRIORS: tuple[tuple[str, float], ...] = (
    ("half-normal", 0.5),
    ("half-normal", 1.0),
    ("half-Cauchy", 0.5),
)
#: Sets of reconstructed effects of which every choice is computed: the first so many.
SETS = 25
#: Fewest studies that each correction for selection is computed of: a line needs a third point, and
#: a selection model a study for each of its three numbers.
FEWEST = 3
COLUMNS = ["family", "choice", "treatment", "k", "estimate", "ci_low", "ci_high", "why"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One way from effects to an answer."""

    family: str
    words: str
    treatment: Treatment
    compute: Callable[[TreatedEffects], Answer]


Treated = Mapping[Treatment, TreatedEffects | ReviewError]


def method_choices(effects: StudyEffects, *, lower_is_better: bool = True) -> pd.DataFrame:
    """Compute one analysis by every choice of method.

    Parameters
    ----------
    effects
        The effects of one analysis.
    lower_is_better
        The side on which a result is favoured, for models of selection.

    Returns
    -------
    pandas.DataFrame
        One row a choice: ``family``, ``choice`` and ``treatment`` of shared arms in words, ``k``,
        ``estimate``, ``ci_low``, ``ci_high``, and ``why`` where it cannot be computed.

    Examples
    --------
    >>> from analysis_lib import load_review, study_effects
    >>> found = method_choices(study_effects(load_review("data"), "endurance", "PW"))
    >>> sorted(set(found["family"]))
    ['Arms split', 'Bayesian', 'Selection']
    """
    treated = {choice: attempt(treat_shared_arms, effects, choice) for choice in TREATMENTS}
    choices = _choices(effects, shares_arms(effects), lower_is_better)
    return pd.DataFrame(_rows(choices, treated), columns=COLUMNS)


def _rows(choices: Iterable[Choice], by_treatment: Treated) -> Iterator[dict[str, object]]:
    for choice in choices:
        treated = by_treatment[choice.treatment]
        answer = treated if isinstance(treated, ReviewError) else attempt(choice.compute, treated)
        row: dict[str, object] = {
            "family": choice.family,
            "choice": choice.words,
            "treatment": choice.treatment,
            "k": np.nan if isinstance(treated, ReviewError) else treated.k,
        }
        if isinstance(answer, ReviewError):
            yield {
                **row,
                "estimate": np.nan,
                "ci_low": np.nan,
                "ci_high": np.nan,
                "why": str(answer),
            }
        else:
            estimate, (low, high) = answer
            yield row | {"estimate": estimate, "ci_low": low, "ci_high": high, "why": ""}


def method_choice_ranges(
    found: Draws, *, lower_is_better: bool = True, sets: int = SETS
) -> pd.DataFrame:
    """Compute every choice of method from several sets of reconstructed effects.

    Parameters
    ----------
    found
        The ensemble of an analysis.
    lower_is_better
        As for `method_choices`.
    sets
        How many sets, from the first.

    Returns
    -------
    pandas.DataFrame
        One row a choice: ``family``, ``choice``, ``treatment``, ``k``; ``estimate`` (median over
        the sets) with ``estimate_low`` and ``estimate_high`` (the range of 95 % of them);
        ``above`` and ``below`` (shares of the sets in which the whole interval lies on that side of
        no difference); ``sets`` in which it could be computed; and ``why`` where it could in none.
    """
    check_kind("found", found, Draws, "draws")
    tables = list(_tables(found, lower_is_better, sets))
    first = tables[0]
    numbers = np.array(
        [table[["estimate", "ci_low", "ci_high"]].to_numpy(float) for table in tables]
    )
    middle, low, high = spread(numbers[:, :, 0])
    known = np.isfinite(numbers[:, :, 0])
    fitted = np.maximum(known.sum(axis=0), 1)
    return first[["family", "choice", "treatment", "k"]].assign(
        estimate=middle,
        estimate_low=low,
        estimate_high=high,
        above=((numbers[:, :, 1] > 0) & known).sum(axis=0) / fitted,
        below=((numbers[:, :, 2] < 0) & known).sum(axis=0) / fitted,
        sets=known.sum(axis=0),
        why=first["why"].where(~known.any(axis=0), ""),
    )


def _tables(found: Draws, lower_is_better: bool, sets: int) -> Iterator[pd.DataFrame]:
    """Yield what `method_choices` returns of each set, whose arms are looked at once."""
    members = list(islice(found.members(), sets))
    shared = shares_arms(members[0])
    numbers = (members[0], found.effect[:sets], found.variance[:sets])
    treated = {choice: attempt(treated_draws, *numbers, choice) for choice in TREATMENTS}
    for i, member in enumerate(members):
        here: Treated = {
            choice: of_sets if isinstance(of_sets, ReviewError) else of_sets[i]
            for choice, of_sets in treated.items()
        }
        choices = _choices(member, shared, lower_is_better)
        yield pd.DataFrame(_rows(choices, here), columns=COLUMNS)


def _choices(effects: StudyEffects, shared: bool, lower_is_better: bool) -> Iterator[Choice]:
    """Yield every choice that an analysis has; without shared arms there is one treatment."""
    treatments: tuple[Treatment, ...] = ("split", "combine") if shared else ("split",)
    for treatment in treatments:
        family = FAMILIES[treatment == "combine"]
        for tau2_method, ci_method in FREQUENTIST:
            words = f"{tau2_method}, {INTERVAL_WORDS[ci_method]}"
            compute = partial(_pooled, tau2_method=tau2_method, ci_method=ci_method)
            yield Choice(family, words, treatment, compute)
    if shared:
        for words, model in MODELLED.items():
            yield Choice(FAMILIES[2], words, "model", model)
    scale = people_sd(effects)
    for treatment in treatments:
        ending = f", arms {ARMS_ARE[treatment]}" if shared else ""
        for words, prior in _priors(effects.measure, scale):
            yield Choice(FAMILIES[3], words + ending, treatment, partial(_bayesian, prior=prior))
        for words, correct in _corrections(lower_is_better).items():
            yield Choice(
                FAMILIES[4], words + ending, treatment, partial(_corrected, correct=correct)
            )


def _pooled(treated: TreatedEffects, *, tau2_method: str, ci_method: str) -> Answer:
    fit = pool(
        treated.effect,
        treated.variance,
        labels=treated.labels,
        tau2_method=tau2_method,
        ci_method=ci_method,
    )
    return fit.estimate, fit.ci


def _multilevel(
    treated: TreatedEffects, *, ci_method: str = "wald", method: str = "REML"
) -> Answer:
    fit = multilevel(
        treated.effect,
        treated.covariance,
        treated.trial,
        method=method,  # type: ignore[arg-type]  # of the names above
        ci_method=ci_method,  # type: ignore[arg-type]
        labels=treated.labels,
    )
    return fit.estimate, fit.ci


def _robust(treated: TreatedEffects) -> Answer:
    fit = multilevel(treated.effect, treated.covariance, treated.trial, labels=treated.labels)
    return fit.estimate, robust(fit, treated.trial).ci


MODELLED: dict[str, Callable[[TreatedEffects], Answer]] = {
    "three levels, REML, Wald": _multilevel,
    "three levels, REML, t": partial(_multilevel, ci_method="t"),
    "three levels, ML, Wald": partial(_multilevel, method="ML"),
    "three levels, robust (CR2)": _robust,
}


def people_sd(effects: StudyEffects) -> float:
    """Return the standard deviation of people that effects are differences of, the median.

    1 for effects in standard deviations and for logarithms of ratios; not a number where the people
    of a mean difference are not known.
    """
    if effects.measure != "MD":
        return 1.0
    n = effects.table[["n_experimental", "n_comparator"]].to_numpy(dtype=float)
    return float(np.median(np.sqrt(effects.variance / (1 / n).sum(axis=1))))


def _priors(measure: str, scale: float) -> Iterator[tuple[str, TauPrior]]:
    for name, size in PRIORS:
        yield f"{name} prior, {size:g} SD", (name, size * scale)
    if measure == "SMD":
        yield "empirical prior (Rhodes 2015)", EMPIRICAL_PRIORS["Rhodes 2015"]
    elif measure == "OR":
        yield "empirical prior (Turner 2015)", EMPIRICAL_PRIORS["Turner 2015"]


def _bayesian(treated: TreatedEffects, *, prior: TauPrior) -> Answer:
    return bayes_mean(treated.effect, treated.variance, tau_prior=prior, labels=treated.labels)


def _corrections(lower_is_better: bool) -> dict[str, Callable[[TreatedEffects], Answer]]:
    side = "less" if lower_is_better else "greater"
    return {
        "three-parameter selection model": partial(_step_model, alternative=side),
        "limit meta-analysis": _limit,
        "PET": partial(_line, which="pet"),
        "PEESE": partial(_line, which="peese"),
        "Henmi-Copas interval": _henmi_copas,
    }


def _corrected(treated: TreatedEffects, *, correct: Callable[[TreatedEffects], Answer]) -> Answer:
    if treated.k < FEWEST:
        effects = plural(treated.k, "effect")
        raise ReviewError(
            f"{effects} of the {FEWEST} or more that a correction for selection needs"
        )
    return correct(treated)


def _step_model(treated: TreatedEffects, *, alternative: str) -> Answer:
    fit = selection_model(
        treated.effect,
        treated.variance,
        alternative=alternative,  # type: ignore[arg-type]  # of the names above
        labels=treated.labels,
    )
    if fit.ci is None:
        raise ReviewError("the likelihood of the selection model has no peak")
    return fit.estimate, fit.ci


def _limit(treated: TreatedEffects) -> Answer:
    fit = limit_meta_analysis(treated.effect, treated.variance, labels=treated.labels)
    return fit.estimate, fit.ci


def _line(treated: TreatedEffects, *, which: str) -> Answer:
    fit = pet_peese(treated.effect, treated.variance, labels=treated.labels)
    line = fit.pet if which == "pet" else fit.peese
    return line.estimate, line.ci


def _henmi_copas(treated: TreatedEffects) -> Answer:
    fit = henmi_copas(treated.effect, treated.variance, labels=treated.labels)
    return fit.estimate, fit.ci
