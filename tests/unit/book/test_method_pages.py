"""Does the page on the choice of method keep printed, reported and reconstructed numbers apart?"""

from __future__ import annotations

import pandas as pd
import pytest
from matplotlib.text import Text
from places import ROOT

import analysis_lib as al
from analysis_lib import plots
from analysis_lib.book.page import collected
from analysis_lib.book.pages import method_pages
from analysis_lib.book.sections import priors
from analysis_lib.conclusions.method_choice import FAMILIES, method_choice_ranges, people_sd
from analysis_lib.conclusions.prior_sensitivity import prior_sensitivity
from analysis_lib.conclusions.stability import draws
from analysis_lib.review.possible import pooled_analyses


@pytest.fixture(scope="module")
def few(review: al.Review) -> method_pages.Answers:
    """Two small analyses of reconstructed effects, over three sets."""
    found = []
    for outcome, follow_up in (("endurance", "STP"), ("strength", "ETP")):
        effects = al.study_effects(review, outcome, follow_up)
        found.append((effects, method_choice_ranges(draws(review, effects), sets=3)))
    return found


@pytest.fixture(scope="module")
def manipulation() -> tuple[al.Review, al.StudyEffects, pd.DataFrame]:
    reported = al.load_review(ROOT / "examples" / "spinal_manipulation" / "data")
    effects = al.study_effects(reported, "pain", "listed")
    return reported, effects, method_pages.of_choices(reported, effects)


def test_reported_choices_are_told_with_their_sides(manipulation: tuple) -> None:
    reported, effects, table = manipulation
    below = int((table["ci_high"] < 0).sum())
    told = method_pages.choice_words(reported, effects, table)
    assert told.startswith(f"Of {len(table)} choices of method, {below} have")
    assert f"{below} favour spinal manipulative therapy" in told
    assert "reconstructed" not in told


def test_what_hangs_on_the_set_is_not_known() -> None:
    table = pd.DataFrame({"above": [0.96, 0, 0.5, 0.02], "below": [0, 1, 0.3, 0.02], "sets": 25})
    assert method_pages.verdicts(table) == ["above", "below", "not known", "neither"]
    assert method_pages.verdicts(table.assign(sets=0)) == []


def test_reconstructed_answers_say_what_they_are(
    review: al.Review, few: method_pages.Answers
) -> None:
    for effects, table in few:
        told = method_pages.choice_words(review, effects, table)
        assert told.endswith("All of these numbers are reconstructed.")
        ax = method_pages.draw_choices(review, effects, table)
        assert "reconstructed" in plots.caption(ax).partition(". ")[0]
    assert "reconstructed effects" in method_pages.lead(review, few)


def test_what_is_printed_stands_in_its_own_column(
    review: al.Review, few: method_pages.Answers
) -> None:
    table = method_pages.families_table(review, few)
    assert list(table.columns) == ["Analysis", "Printed", *FAMILIES]
    assert table.loc[0, "Printed"] == "0.50 (0.26 to 0.74)"
    assert table.loc[1, "Selection"] == "not computed: too few effects"
    assert table.loc[1, "Arms combined"] == "no arm is shared"


def test_the_page_shows_all_methods_in_short_and_the_file_each_family(
    review: al.Review, few: method_pages.Answers
) -> None:
    with collected() as shown:
        method_pages.show_families(review, few)
    (table,) = shown
    assert "Intervals on one side" in table.html()
    assert "Arms combined" not in table.html()
    assert set(FAMILIES) <= set(table.csv().splitlines()[0].split(","))


def test_the_prior_is_told_in_a_picture_and_in_words(manipulation: tuple) -> None:
    reported, effects, _ = manipulation
    with collected() as shown:
        priors.show_priors(reported, "pain", "listed")
    found = prior_sensitivity(effects)
    _, words, table = shown
    assert "7 priors" in str(words)
    scale = people_sd(effects)
    fit = al.bayes_pool(effects.effect, effects.variance, tau_prior=("half-Cauchy", 0.5 * scale))
    row = found.set_index("choice").loc["half-Cauchy, 0.5 SD"]
    expected = [fit.mean, *fit.ci, fit.tau_median, *fit.tau_ci, fit.prior_overlap]
    names = ["estimate", "ci_low", "ci_high", "tau", "tau_low", "tau_high", "overlap"]
    assert row[names].tolist() == pytest.approx(expected)
    assert found["estimate"].iloc[0] == effects.pool().estimate
    assert "half-normal, 0.25 SD" in table.html()


def test_the_published_prior_is_that_of_the_measure(review: al.Review) -> None:
    odds = al.load_review(ROOT / "examples" / "rosiglitazone" / "data")
    effects = next(iter(pooled_analyses(odds)))
    assert "empirical (Turner 2015)" in set(prior_sensitivity(effects)["choice"])


def test_where_no_prior_can_be_shown_the_reason_is(review: al.Review) -> None:
    with collected() as shown:
        priors.show_priors(review, "pain", "ETP")
    assert "reconstructed" in str(shown[0])
    one = al.study_effects(review, "endurance", "PW")
    with pytest.raises(al.ReviewError, match="two effects are needed"):
        prior_sensitivity(one)


def test_three_treatments_stand_side_by_side(manipulation: tuple) -> None:
    table = method_pages.treatments_table(manipulation[1])
    assert table["Shared arms"].tolist() == ["split", "combined", "modelled"]
    assert table["Effects"].tolist() == ["23", "19", "23"]
    assert "within" in table.loc[2, "Variance of true effects"]


def test_fewer_trials_leave_more_of_the_prior(manipulation: tuple) -> None:
    name = "Prior and posterior of τ overlap"
    two, every = (method_pages.priors_table(manipulation[1], trials=n)[name] for n in (2, None))
    assert (two.str.rstrip("%").astype(int) > every.str.rstrip("%").astype(int)).all()
    one = method_pages.priors_table(manipulation[1], trials=1)
    assert one["Mean"].str.startswith("not computed").all()


def test_every_choice_is_drawn_with_its_interval(manipulation: tuple) -> None:
    reported, effects, table = manipulation
    ax = method_pages.draw_choices(reported, effects, table)
    assert plots.alt_text(ax).startswith(f"{len(table)} choices of method.")
    drawn = " ".join(t.get_text() for t in ax.get_figure().findobj(Text))
    assert "three levels, robust (CR2)" in drawn
    assert all(name in drawn for name in table["choice"])
