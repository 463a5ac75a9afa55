"""Does the best known form of each effect win, and does everything that is shown follow it?

Every number that is put into the tables here is made up. It goes into a temporary copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import examples
from test_model import copy_to, read, write

import analysis_lib as al
from analysis_lib.base.measures import BINARY_MEASURES, MEAN_MEASURES, RATE_MEASURES
from analysis_lib.book.sections.analyses import (
    analysis_text,
    draw_forest,
    nothing_to_pool,
    question,
)
from analysis_lib.conclusions.published import CIRCULAR, INDEPENDENT, compare_with_published
from analysis_lib.effects.means import standardized_mean_difference
from analysis_lib.plots import alt_text
from analysis_lib.review.arm_names import telling_parts
from analysis_lib.review.comparisons import StudyEffects, study_effects
from analysis_lib.review.known_effects import COMPUTE
from analysis_lib.review.model import result_status

EXACT = 1e-12  # the same few operations in another order; worst seen 2e-16
Z95 = 1.959963984540054  # normal quantile of 0.975, R 4.5 qnorm
MADE_UP = {"provenance": "reported", "source": "made up for a test", "note": ""}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return copy_to(tmp_path)


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    yield
    plt.close("all")


def add(data: Path, table: str, **cells: object) -> None:
    """Add a row; a column that is not named stays empty."""
    rows = read(data, table)
    full: Mapping[str, object] = MADE_UP | cells
    assert set(full) <= set(rows[0])
    write(data, table, [*rows, [str(full.get(column, "")) for column in rows[0]]])


def add_arm(
    data: Path, trial: str, arm: str, n: float | str, mean: float, sd: float, **cells: object
) -> None:
    """Add the five columns n, mean, sd, arm and time: by default pain after the washout, 0-10."""
    where = {"outcome": "pain", "time": "PW", "scale_min": 0, "scale_max": 10}
    add(data, "arm_results", **(where | cells), trial=trial, arm=arm, n=n, mean=mean, sd=sd)


def add_difference(data: Path, **cells: object) -> None:
    """Add a printed difference: by default pain after the washout in Gibbs."""
    where = {"trial": "gibbs-2022", "outcome": "pain", "follow_up": "PW", "measure": "MD"}
    numbers = {"estimate": -0.7, "ci_low": -1.5, "ci_high": 0.1, "unit": "points, 0-10"}
    arms = {
        "experimental_arm": "rtg",
        "comparator_arm": "ueg",
        "n_experimental": 32,
        "n_comparator": 32,
    }
    add(data, "contrasts", **(where | numbers | arms | cells))


def pain(data: Path, follow_up: str = "PW") -> StudyEffects:
    return study_effects(al.load_review(data), "pain", follow_up)


def row(effects: StudyEffects, label: str) -> Mapping[str, object]:
    return effects.table.set_index("label").loc[label].to_dict()


# Real rows in place of reconstructed ones


@pytest.mark.slow
def test_rows_by_arm_replace_a_reconstructed_effect_everywhere(data: Path) -> None:
    """Five columns for two arms: effect, pooled result, forest plot and data status follow."""
    before = al.load_review(data)
    old = study_effects(before, "pain", "PW")
    assert old.reconstructed.all()
    assert alt_text(draw_forest(before, old)).endswith("7 of 7 are reconstructed.")
    assert status(before, "Aasa 2015") == "none"

    hundred = {"scale_max": 100}
    add_arm(data, "aasa-2015", "rtg", 30, 20.0, 10.0, **hundred)
    add_arm(data, "aasa-2015", "ueg", 32, 30.0, 12.0, **hundred)
    after = al.load_review(data)
    new = study_effects(after, "pain", "PW")

    aasa = row(new, "Aasa 2015")
    assert aasa["effect"] == pytest.approx(-1.0, rel=EXACT)  # (20 - 30) / 10
    assert aasa["variance"] == pytest.approx(1.0**2 / 30 + 1.2**2 / 32, rel=EXACT)
    assert (aasa["n_experimental"], aasa["n_comparator"]) == (30, 32)
    assert (aasa["provenance"], aasa["source"]) == ("reported", "made up for a test")
    assert np.isnan(aasa["low"])
    assert np.isnan(aasa["high"])
    others = new.table["trial"] != "aasa-2015"
    assert new.table[others].equals(old.table[others])
    assert new.labels == old.labels

    assert new.pool().estimate != pytest.approx(old.pool().estimate, abs=0.01)
    assert alt_text(draw_forest(after, new)).endswith("6 of 7 are reconstructed.")
    assert "6 of the 7 effects shown here are reconstructed" in analysis_text(
        new.pool(), new, question(after, "pain")
    )
    assert status(after, "Aasa 2015") == "Pain intensity (PW)"


def status(review: al.Review, trial: str) -> str:
    return str(result_status(review).set_index("trial")["arm_level"].loc[trial])


@pytest.mark.slow
def test_with_all_rows_reported_agreement_is_no_longer_circular(data: Path) -> None:
    assert bases(al.load_review(data), "strength-PW") == {CIRCULAR}
    for trial in ("aasa-2015", "helmhout-2008"):
        for arm, mean in (("rtg", 120.0), ("ueg", 110.0)):
            where = {"outcome": "strength", "scale_min": "", "scale_max": ""}
            add_arm(data, trial, arm, 40, mean, 25.0, **where)
    review = al.load_review(data)
    effects = study_effects(review, "strength", "PW")
    assert not effects.reconstructed.any()
    assert "reconstructed" not in alt_text(draw_forest(review, effects))
    expected = standardized_mean_difference(40, 120.0, 25.0, 40, 110.0, 25.0)
    assert effects.effect == pytest.approx([expected.effect[0]] * 2, rel=EXACT)
    assert bases(review, "strength-PW") == {INDEPENDENT}


def bases(review: al.Review, result: str) -> set[str]:
    found = compare_with_published(review)
    return set(found.loc[(found["id"] == result) & (found["quantity"] == "estimate"), "basis"])


@pytest.mark.slow
def test_one_arm_alone_replaces_nothing(data: Path, review: al.Review) -> None:
    add_arm(data, "aasa-2015", "rtg", 30, 2.0, 1.0)
    assert pain(data).table.equals(study_effects(review, "pain", "PW").table)


def test_rows_of_another_time_replace_nothing(data: Path, review: al.Review) -> None:
    for arm in ("rtg", "ueg"):
        add_arm(data, "aasa-2015", arm, 30, 2.0, 1.0)
    unchanged = study_effects(review, "pain", "ETP").table
    assert pain(data, "ETP").table.equals(unchanged)


def test_rows_without_n_replace_nothing(data: Path) -> None:
    for arm in ("rtg", "ueg"):
        add_arm(data, "aasa-2015", arm, "", 2.0, 1.0)
    assert row(pain(data), "Aasa 2015")["provenance"] == "reconstructed"


def test_an_effect_is_as_well_known_as_the_less_known_arm(data: Path) -> None:
    add_arm(data, "aasa-2015", "rtg", 30, 2.0, 1.0)
    add_arm(data, "aasa-2015", "ueg", 30, 3.0, 1.0, provenance="secondary", source="another review")
    aasa = row(pain(data), "Aasa 2015")
    assert aasa["provenance"] == "secondary"
    assert aasa["source"] == "made up for a test; another review"


def test_results_of_a_trial_that_no_analysis_names_are_added(data: Path) -> None:
    for arm, mean in (("rtg", 2.0), ("ueg", 3.0)):
        add_arm(data, "calatayud-2020", arm, 40, mean, 1.0)
    effects = pain(data)
    assert effects.k == 8
    assert row(effects, "Calatayud 2020")["effect"] == pytest.approx(-1.0, rel=EXACT)


# A shared comparator


def test_a_shared_comparator_lends_half_of_its_people_to_each_comparison(data: Path) -> None:
    add_arm(data, "cai-2017", "rtg-a", 28, 2.0, 1.0)
    add_arm(data, "cai-2017", "rtg-b", 26, 2.5, 1.5)
    add_arm(data, "cai-2017", "ueg", 24, 3.0, 2.0)
    effects = pain(data)
    first, second = row(effects, "Cai 2017 (a)"), row(effects, "Cai 2017 (b)")
    assert (first["n_experimental"], first["n_comparator"]) == (28, 12)
    assert (second["n_experimental"], second["n_comparator"]) == (26, 12)
    assert first["effect"] == pytest.approx(-1.0, rel=EXACT)
    assert first["variance"] == pytest.approx(1.0 / 28 + 2.0**2 / 12, rel=EXACT)
    assert second["variance"] == pytest.approx(1.5**2 / 26 + 2.0**2 / 12, rel=EXACT)
    cai = effects.table[effects.table["trial"] == "cai-2017"]
    assert cai[["n_experimental", "n_comparator"]].to_numpy().sum() == 28 + 26 + 24


def test_a_shared_loaded_arm_is_split_as_well(data: Path) -> None:
    for arm, mean in (("rtg", 2.0), ("ueg-a", 3.0), ("ueg-b", 4.0)):
        add_arm(data, "nambi-2020b", arm, 14, mean, 1.0)
    nambi = pain(data).table.set_index("trial").loc["nambi-2020b"]
    assert nambi["n_experimental"].tolist() == [7, 7]
    assert nambi["effect"].tolist() == pytest.approx([-1.0, -2.0], rel=EXACT)


# Printed differences


def test_a_printed_difference_is_preferred_to_a_reconstructed_one(data: Path) -> None:
    add_difference(data)
    gibbs = row(pain(data), "Gibbs 2022")
    assert gibbs["effect"] == -0.7
    assert gibbs["variance"] == pytest.approx((1.6 / (2 * Z95)) ** 2, rel=EXACT)
    assert gibbs["provenance"] == "reported"


def test_rows_by_arm_are_preferred_to_a_printed_difference(data: Path) -> None:
    add_difference(data)
    add_arm(data, "gibbs-2022", "rtg", 30, 2.0, 1.0)
    add_arm(data, "gibbs-2022", "ueg", 30, 3.0, 1.0)
    assert row(pain(data), "Gibbs 2022")["effect"] == pytest.approx(-1.0, rel=EXACT)


@pytest.mark.slow
def test_a_standardised_difference_does_not_enter_an_analysis_of_points(
    data: Path, review: al.Review
) -> None:
    """Tataryn prints an SMD of Aasa's pain; Table 1 alone could not make points of it."""
    printed = review.contrasts.set_index(["trial", "outcome", "follow_up"])
    assert printed.loc[("aasa-2015", "pain", "ETP"), "measure"] == "SMD"
    effects = study_effects(review, "pain", "ETP")
    assert effects.measure == "MD"
    assert row(effects, "Aasa 2015")["provenance"] == "reconstructed"
    add_difference(data, measure="SMD", unit="standard deviations")
    assert row(pain(data), "Gibbs 2022")["provenance"] == "reconstructed"


def test_a_difference_in_points_does_not_enter_an_analysis_of_standard_deviations(
    data: Path,
) -> None:
    add_difference(data, outcome="disability", unit="points, 0-24")
    effects = study_effects(al.load_review(data), "disability", "PW")
    assert row(effects, "Gibbs 2022")["provenance"] == "reconstructed"


# What is not there


@pytest.mark.parametrize(
    ("outcome", "follow_up", "message"),
    [
        ("happiness", "PW", "outcome 'happiness' is not in outcomes.csv"),
        ("pain", "LATER", "follow-up 'LATER' is not in follow_ups.csv"),
    ],
)
def test_an_unknown_analysis_is_named(
    review: al.Review, outcome: str, follow_up: str, message: str
) -> None:
    with pytest.raises(al.ReviewError, match=message):
        study_effects(review, outcome, follow_up)


@pytest.mark.parametrize("follow_up", ["STP", "ETP", "PW"])
def test_an_outcome_that_no_trial_reports_is_empty(review: al.Review, follow_up: str) -> None:
    effects = study_effects(review, "kinesiophobia", follow_up)
    assert (effects.k, effects.unknown, effects.participants) == (0, (), 0)
    assert effects.effect.shape == (0,)
    assert "no effect is known" in alt_text(draw_forest(review, effects))


def test_means_and_sds_without_n_are_listed_as_unknown(review: al.Review) -> None:
    effects = study_effects(review, "catastrophizing", "ETP")
    assert effects.k == 0
    assert effects.unknown == ("Gibbs 2022: neither means and SDs by arm with n, nor a difference",)
    assert "Gibbs 2022" in nothing_to_pool(review, effects)


def test_the_missing_n_is_all_that_an_unknown_effect_waits_for(data: Path) -> None:
    rows = read(data, "arm_results")
    n, time = rows[0].index("n"), rows[0].index("time")
    write(
        data, "arm_results", [[*r[:n], "30", *r[n + 1 :]] if r[time] == "ETP" else r for r in rows]
    )
    effects = study_effects(al.load_review(data), "catastrophizing", "ETP")
    assert effects.unknown == ()
    assert effects.effect == pytest.approx([8.5 - 8.9], rel=EXACT)


def test_another_reading_has_no_reconstructed_effects(review: al.Review) -> None:
    """Only the main reading is kept in the data; another one is not filled up with it."""
    effects = study_effects(review, "pain", "STP", reading="santos-38")
    assert effects.k == 0
    assert len(effects.unknown) == 10


def test_scores_at_baseline_enter_no_analysis(review: al.Review) -> None:
    results = review.arm_results
    bare = replace(review, arm_results=results[results["time"] != "baseline"])
    assert len(bare.arm_results) < len(results)
    for outcome, follow_up in product(review.outcomes["outcome"], review.follow_ups["follow_up"]):
        ours, theirs = (study_effects(r, outcome, follow_up) for r in (review, bare))
        pd.testing.assert_frame_equal(ours.table, theirs.table)
        assert ours.unknown == theirs.unknown
    with pytest.raises(al.ReviewError, match="follow-up 'baseline' is not in"):
        study_effects(review, "pain", "baseline")


def test_every_measure_of_the_tables_can_be_computed() -> None:
    assert set(COMPUTE) == {*MEAN_MEASURES, *BINARY_MEASURES, *RATE_MEASURES}


def test_an_analysis_without_a_trial(review: al.Review) -> None:
    effects = study_effects(review, "pain", "PW")
    rest = effects.without("nambi-2020b")
    assert rest.k == effects.k - 2
    assert "nambi-2020b" not in set(rest.table["trial"])
    called = review.trial_names["nambi-2020b"]
    pd.testing.assert_frame_equal(effects.without(called).table, rest.table)
    with pytest.raises(al.ReviewError, match="pain, PW: no trial nobody-1999"):
        effects.without("nambi-2020b", "nobody-1999")
    meant = r"pain, PW: no trial Gibs 2022 \(did you mean 'Gibbs 2022'\?\)"
    with pytest.raises(al.ReviewError, match=meant):
        effects.without("Gibs 2022")


# An analysis as a notebook asks for it


def test_the_review_gives_its_analyses(review: al.Review) -> None:
    ours, theirs = review.analysis("pain", "PW"), study_effects(review, "pain", "PW")
    pd.testing.assert_frame_equal(ours.table, theirs.table)
    assert ours.review is review
    with pytest.raises(al.ReviewError, match="outcome 'happiness' is not in"):
        review.analysis("happiness", "PW")


def test_an_analysis_pools_by_the_methods_of_its_review(review: al.Review) -> None:
    methods = al.Methods(tau2_method="DL", ci_method="HK", pi_method="V", level=0.9)
    other = replace(review, info=review.info.model_copy(update={"methods": methods}))
    effects = other.analysis("pain", "PW")
    assert effects.pool().methods == methods
    assert effects.without("nambi-2020b").pool().methods == methods
    assert effects.pool(level=0.8).methods == methods.but(level=0.8)
    assert replace(effects, review=None).pool().methods == al.Methods()


def test_an_effect_changes_with_its_table_and_not_with_that_of_another(review: al.Review) -> None:
    """What was computed of a review is kept with that review alone."""
    before = review.analysis("pain", "PW").table
    none = replace(review, reconstructed=review.reconstructed.iloc[:0])
    assert none.analysis("pain", "PW").k == 0
    changed = review.analysis("pain", "PW").table
    changed["effect"] = 0.0
    pd.testing.assert_frame_equal(review.analysis("pain", "PW").table, before)


def test_comparisons_are_told_in_words(data: Path) -> None:
    add_arm(data, "cai-2017", "rtg-a", 28, 2.0, 1.0)
    add_arm(data, "cai-2017", "ueg", 24, 3.0, 2.0)
    add_difference(data, n_experimental="", n_comparator=32)
    effects = al.load_review(data).analysis("pain", "PW")
    table = effects.comparisons.set_index("Comparison")
    variance = 1.0 / 28 + 2.0**2 / 12  # ueg serves two comparisons
    low, high = (-1 + sign * Z95 * variance**0.5 for sign in (-1, 1))
    assert table.loc["Cai 2017 (a)"].to_dict() == {
        "Arms": "RTG (a) against UEG",
        "People": "28 and 12",
        "MD": "\u22121.00",
        "95 % CI": f"\u2212{-low:.2f} to {high:.2f}",
        "How it is known": "reported",
        "Source": "made up for a test",
    }
    assert table.loc["Gibbs 2022", "People"] == "not stated and 32"
    assert effects.rows()[0] == ("Comparison", "People", "MD", "95 % CI", "How it is known")
    assert len(effects.rows()) == effects.k + 1


def test_ratios_are_told_as_ratios(review: al.Review) -> None:
    effects = study_effects(review, "pain", "PW")
    table = effects.table.iloc[:1].assign(effect=np.log(0.5), variance=(np.log(2) / Z95) ** 2)
    told = replace(effects, measure="RR", table=table).comparisons.iloc[0]
    assert (told["RR"], told["95 % CI"]) == ("0.50", "0.25 to 1.00")


def test_what_the_review_prints_of_an_analysis_stands_beside_it(review: al.Review) -> None:
    printed = review.analysis("pain", "ETP").printed.set_index("id")
    assert printed.loc["pain-ETP", ["estimate", "ci_low", "i2"]].tolist() == [
        "-0.52",
        "-0.92",
        "67",
    ]
    assert printed.loc["pain-ETP", "place"] == "results"
    assert set(printed["outcome"] + printed["follow_up"]) == {"painETP"}
    assert review.analysis("catastrophizing", "STP").printed.empty
    with pytest.raises(al.ReviewError, match="do not come from a review"):
        replace(review.analysis("pain", "ETP"), review=None).printed  # noqa: B018


def test_hostile_words_stay_words_in_the_table_of_an_analysis(review: al.Review) -> None:
    effects = study_effects(review, "pain", "PW")
    hostile = effects.table.assign(label="<script>", source="<img onerror=x>")
    html = replace(effects, table=hostile)._repr_html_()
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert "<img" not in html


# Names of comparisons


@pytest.mark.parametrize(
    ("arms", "parts"),
    [
        (("rtg-a", "rtg-b"), ("a", "b")),
        (("high-load-lifting", "low-load-lifting"), ("high", "low")),
        (("usual-care", "wait-list"), ("usual-care", "wait-list")),
        (("lifting", "lifting-fast"), ("lifting", "lifting-fast")),
        (("a-b", "a_b"), ("a-b", "a_b")),
        (("a-x", "a-y", "b-x"), ("a-x", "a-y", "b-x")),
        (("leg-1-long", "leg-2-long", "leg-10-long"), ("1", "2", "10")),
    ],
)
def test_arms_are_told_apart_by_what_differs(arms: tuple[str, ...], parts: tuple[str, ...]) -> None:
    telling = telling_parts(frozenset(arms))
    assert tuple(telling[arm] for arm in arms) == parts


words = st.text("ab-_", min_size=1, max_size=6).map(lambda text: f"a{text}")


@given(st.frozensets(words, min_size=1, max_size=6))
@examples(200)
def test_what_tells_arms_apart_is_never_empty_and_never_twice(arms: frozenset[str]) -> None:
    telling = telling_parts(arms)
    assert set(telling) == arms
    assert all(telling.values())
    assert len(set(telling.values())) == len(arms)
