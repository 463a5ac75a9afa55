"""Are shared arms split, combined and modelled as their numbers say?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import DATA, ROOT
from properties import examples
from random_reviews import random_review
from scipy.linalg import block_diag

import analysis_lib as al
from analysis_lib.base.errors import attempt
from analysis_lib.conclusions.stability import Draws, draws
from analysis_lib.review.dependence import (
    shares_arms,
    treat_shared_arms,
    treated_draws,
    with_shared_arms,
)
from analysis_lib.review.info import TREATMENTS, Treatment
from analysis_lib.review.shared_arms import comparisons_of, effects_of, settle_shared_arms


@pytest.fixture(scope="module")
def pain() -> al.StudyEffects:
    return al.study_effects(al.load_review(DATA), "pain", "ETP")


@pytest.fixture(scope="module")
def manipulation() -> al.StudyEffects:
    review = al.load_review(ROOT / "examples" / "spinal_manipulation" / "data")
    return al.study_effects(review, "pain", "listed")


def test_split_is_the_analysis_as_it_is(pain: al.StudyEffects) -> None:
    treated = treat_shared_arms(pain, "split")
    assert treated.effect == pytest.approx(pain.effect)
    assert treated.covariance == pytest.approx(np.diag(pain.variance))
    assert treated.pool().estimate == pain.pool().estimate
    assert shares_arms(pain)


def test_a_modelled_arm_is_whole(pain: al.StudyEffects) -> None:
    """Of a difference in points: SD squared by people, the shared arm's part between sisters."""
    treated = treat_shared_arms(pain, "model")
    i, j = (pain.labels.index(f"Cai 2017 ({which})") for which in "ab")
    n1, part = pain.table.loc[i, ["n_experimental", "n_comparator"]].to_numpy(float)
    square = pain.variance[[i, j]] / (1 / n1 + 1 / part)
    assert treated.covariance[i, i] == pytest.approx(square[0] * (1 / n1 + 1 / (2 * part)))
    assert treated.covariance[i, j] == pytest.approx(np.sqrt(square.prod()) / (2 * part))
    alone = pain.labels.index("Aasa 2015")
    assert treated.covariance[alone, alone] == pytest.approx(pain.variance[alone])
    assert np.linalg.eigvalsh(treated.covariance)[0] > 0


def test_combined_arms_count_once(pain: al.StudyEffects) -> None:
    treated = treat_shared_arms(pain, "combine")
    assert treated.k == len(set(treated.trial)) == pain.table["trial"].nunique()
    assert "Cai 2017" in treated.labels
    row = treated.labels.index("Cai 2017")
    pair = [pain.labels.index(f"Cai 2017 ({which})") for which in "ab"]
    assert treated.effect[row] == pytest.approx(pain.effect[pair].mean())  # arms of one size
    whole = treat_shared_arms(pain, "model").covariance[np.ix_(pair, pair)]
    assert treated.variance[row] == pytest.approx(whole.mean())


def test_standardised_differences_share_their_own_size(pain: al.StudyEffects) -> None:
    smd = replace(pain, measure="SMD")
    treated = treat_shared_arms(smd, "model")
    assert np.linalg.eigvalsh(treated.covariance)[0] > 0
    i, j = (pain.labels.index(f"Cai 2017 ({which})") for which in "ab")
    rows = pain.table.loc[[i, j]]
    whole = 2 * rows["n_comparator"].iloc[0]
    people = rows["n_experimental"].sum() + whole
    of_effect = pain.effect[i] ** 2 / (2 * rows[["n_experimental", "n_comparator"]].iloc[0].sum())
    square = (pain.variance[i] - of_effect) / (1 / rows["n_experimental"] + 2 / whole).iloc[0]
    expected = square / whole + pain.effect[i] * pain.effect[j] / (2 * people)
    assert treated.covariance[i, j] == pytest.approx(expected, rel=0.2)  # the two SDs differ a bit


@pytest.mark.slow
def test_numbers_by_arm_are_used_where_they_are_known(manipulation: al.StudyEffects) -> None:
    table = comparisons_of(manipulation.review, manipulation)
    for choice in ("split", "combine"):
        treated = treat_shared_arms(manipulation, choice)
        expected = effects_of(settle_shared_arms(table, choice))
        assert treated.effect == pytest.approx(expected.effect)
        assert treated.variance == pytest.approx(expected.variance)
    modelled = treat_shared_arms(manipulation, "model")
    assert np.diag(modelled.covariance) == pytest.approx(manipulation.variance)
    assert (modelled.covariance > 0).sum() > manipulation.k
    assert isinstance(modelled.pool(), al.MultilevelEffect)
    assert shares_arms(manipulation)


@pytest.mark.few
@pytest.mark.parametrize("choice", TREATMENTS)
@pytest.mark.parametrize("measure", ["MD", "SMD"])
@pytest.mark.parametrize(("outcome", "follow_up"), [("pain", "ETP"), ("endurance", "STP")])
def test_sets_are_treated_as_each_is(
    outcome: str, follow_up: str, measure: str, choice: Treatment
) -> None:
    review = al.load_review(DATA)
    found = draws(review, al.study_effects(review, outcome, follow_up))
    few = Draws(replace(found.effects, measure=measure), found.effect[:4], found.variance[:4])
    members = list(few.members())
    treated = treated_draws(members[0], few.effect, few.variance, choice)
    assert len(treated) == len(members) == 4
    for of_set, member in zip(treated, members, strict=True):
        alone = treat_shared_arms(member, choice)
        assert (of_set.labels, of_set.trial) == (alone.labels, alone.trial)
        # the same arithmetic, so the same numbers
        assert of_set.effect.tolist() == alone.effect.tolist()
        assert of_set.covariance.tolist() == alone.covariance.tolist()


@pytest.mark.slow
@given(st.integers(0, 10**6), st.sampled_from(TREATMENTS))
@examples(15)
def test_each_trial_is_treated_as_if_it_were_alone(seed: int, choice: Treatment) -> None:
    review = random_review(seed)
    for outcome in review.outcomes["outcome"]:
        effects = al.study_effects(review, outcome, "w8", shared_arms="split")
        trials = list(dict.fromkeys(effects.table["trial"]))
        if not shares_arms(effects):
            continue
        with np.errstate(invalid="ignore"):  # made-up variances that no two arms can have
            together = attempt(with_shared_arms, effects, choice)
            alone = [
                attempt(with_shared_arms, effects.without(*{*trials} - {trial}), choice)
                for trial in trials
            ]
        known = [one for one in alone if isinstance(one, al.StudyEffects)]
        if isinstance(together, al.ReviewError):
            assert len(known) < len(alone)
            continue
        tables = pd.concat([one.table for one in known], ignore_index=True)
        pd.testing.assert_frame_equal(together.table, tables, check_exact=True)
        if choice == "model":
            blocks = [
                np.diag(one.variance) if one.covariance is None else one.covariance for one in known
            ]
            assert np.array_equal(together.covariance, block_diag(*blocks), equal_nan=True)


def test_without_shared_arms_all_three_are_one() -> None:
    effects = al.study_effects(al.load_review(DATA), "endurance", "ETP")
    assert not shares_arms(effects)
    fits = [treat_shared_arms(effects, choice).pool() for choice in ("split", "combine", "model")]
    assert len({fit.estimate for fit in fits}) == 1


def test_what_cannot_be_known_is_said(pain: al.StudyEffects) -> None:
    with pytest.raises(al.ReviewError, match="choice must be one of"):
        treat_shared_arms(pain, "share")  # type: ignore[arg-type]
    ratios = replace(pain, measure="HR")
    with pytest.raises(al.ReviewError, match="pain, ETP: arms are shared, and of HR without"):
        treat_shared_arms(ratios, "model")
    with pytest.raises(al.ReviewError, match="pain, ETP: arms are shared, and of HR without"):
        treated_draws(ratios, ratios.effect[None], ratios.variance[None], "model")
