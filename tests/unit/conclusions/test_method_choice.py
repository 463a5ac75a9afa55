"""Is every choice of method computed from the effects it says, and told why where it cannot be?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from places import DATA, ROOT

import analysis_lib as al
from analysis_lib.conclusions.method_choice import (
    FAMILIES,
    FREQUENTIST,
    method_choice_ranges,
    method_choices,
    people_sd,
)
from analysis_lib.conclusions.stability import Draws, draws


@pytest.fixture(scope="module")
def manipulation() -> al.StudyEffects:
    review = al.load_review(ROOT / "examples" / "spinal_manipulation" / "data")
    return al.study_effects(review, "pain", "listed")


@pytest.fixture(scope="module")
def found(manipulation: al.StudyEffects) -> pd.DataFrame:
    return method_choices(manipulation)


def row(table: pd.DataFrame, family: str, words: str) -> pd.Series:
    rows = table[(table["family"] == family) & (table["choice"] == words)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_each_choice_is_its_own_function(
    manipulation: al.StudyEffects, found: pd.DataFrame
) -> None:
    split, combined, modelled = (
        al.treat_shared_arms(manipulation, choice) for choice in ("split", "combine", "model")
    )
    hk = al.pool(combined.effect, combined.variance, ci_method="HK")
    here = row(found, "Arms combined", "REML, Hartung-Knapp")
    assert (here["estimate"], here["ci_low"], here["ci_high"]) == (hk.estimate, *hk.ci)
    fit = al.multilevel(modelled.effect, modelled.covariance, modelled.trial)
    robust = al.robust(fit, modelled.trial)
    here = row(found, "Arms modelled", "three levels, robust (CR2)")
    assert (here["estimate"], here["ci_low"]) == (fit.estimate, robust.ci[0])
    prior = ("half-normal", 0.5 * people_sd(manipulation))
    bayes = al.bayes_pool(split.effect, split.variance, tau_prior=prior)
    here = row(found, "Bayesian", "half-normal prior, 0.5 SD, arms split")
    assert (here["estimate"], here["ci_high"]) == (bayes.mean, bayes.ci[1])
    step = al.selection_model(split.effect, split.variance, alternative="less")
    here = row(found, "Selection", "three-parameter selection model, arms split")
    assert here["estimate"] == step.estimate
    assert not found["why"].any()


def test_families_stand_in_order_and_every_estimator_twice(found: pd.DataFrame) -> None:
    assert set(found["family"]) == set(FAMILIES)
    counts = found["family"].value_counts()
    assert counts["Arms split"] == counts["Arms combined"] == len(FREQUENTIST)
    assert found["choice"].str.cat(found["family"]).is_unique


def test_a_scale_is_that_of_people(manipulation: al.StudyEffects) -> None:
    n1, n2 = manipulation.table[["n_experimental", "n_comparator"]].to_numpy(float).T
    sd = np.sqrt(manipulation.variance / (1 / n1 + 1 / n2))
    assert people_sd(manipulation) == pytest.approx(np.median(sd))
    assert people_sd(replace(manipulation, measure="SMD")) == 1


@pytest.mark.slow
def test_what_cannot_be_computed_has_a_reason() -> None:
    effects = al.study_effects(al.load_review(DATA), "strength", "ETP")
    table = method_choices(effects)
    assert set(table["family"]) == {"Arms split", "Bayesian", "Selection"}
    lost = table[table["estimate"].isna()]
    assert set(lost["family"]) == {"Selection"}
    assert lost["why"].str.contains("2 effects of the 3 or more").all()
    assert (table["choice"] == "empirical prior (Rhodes 2015)").sum() == 1


@pytest.mark.slow
def test_ranges_are_those_of_the_sets() -> None:
    review = al.load_review(DATA)
    ensemble = draws(review, al.study_effects(review, "endurance", "STP"))
    few = Draws(ensemble.effects, ensemble.effect[:3], ensemble.variance[:3])
    table = method_choice_ranges(few, lower_is_better=False, sets=3)
    each = [method_choices(one, lower_is_better=False) for one in few.members()]
    estimates = np.array([t["estimate"].to_numpy(float) for t in each])
    known = np.isfinite(estimates).all(axis=0)
    assert table["estimate"][known].to_numpy() == pytest.approx(np.median(estimates, axis=0)[known])
    above = np.mean([t["ci_low"] > 0 for t in each], axis=0)
    assert table["above"][known].to_numpy() == pytest.approx(above[known])
    assert (table["sets"][known] == 3).all()
    assert table.loc[table["sets"] == 0, "why"].ne("").all()
