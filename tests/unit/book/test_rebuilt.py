"""Does the page on the reconstruction say what went in, what came out, and how free it is?"""

from __future__ import annotations

import math
from dataclasses import replace

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import analysis_lib as al
from analysis_lib import plots
from analysis_lib.book.pages import rebuilt as rb
from analysis_lib.book.sections.analyses import pooled_analyses
from analysis_lib.conclusions.stability import stability
from analysis_lib.printed.reconstruction.tables import KEY

CLOSE = 1e-12  # the same few operations, in another order
LONG = 1.959963984540054  # the 97.5 % quantile of the normal distribution


@pytest.fixture(scope="module")
def effects(review: al.Review) -> pd.DataFrame:
    return rb.rebuilt_comparisons(review)


# --- which comparisons enter ----------------------------------------------------------------------


def test_every_reconstructed_comparison_is_there_with_its_guess(
    review: al.Review, effects: pd.DataFrame
) -> None:
    expected = [
        (found.outcome, found.follow_up, label)
        for found in pooled_analyses(review)
        for label, free in zip(found.labels, found.reconstructed, strict=True)
        if free
    ]
    keys = effects[["outcome", "follow_up", "label"]].itertuples(index=False, name=None)
    assert list(keys) == expected
    needed = ["effect", "low", "high", "guess", "guess_sd", "variance_from", "why", "analysis"]
    assert effects[needed].notna().all(axis=None)
    assert set(effects["argued"]) == {"reported", "reconstructed"}


def test_comparisons_are_counted_as_they_are_pooled(review: al.Review) -> None:
    table = rb.comparisons_table(review).set_index("Result")
    row = table.loc["Pain intensity, extended training programs"]
    pain = al.study_effects(review, "pain", "ETP")
    assert (row["Trials, printed"], row["Trials"], row["Comparisons"]) == ("7", "7", str(pain.k))
    assert "Cai 2017 (2)" in row["Comparisons of"]
    assert "Kell 2009," in row["Comparisons of"]
    untold = replace(review, published=review.published.assign(trials=pd.NA))
    assert set(rb.comparisons_table(untold)["Trials, printed"]) == {"not printed"}


def test_the_comparisons_that_a_printed_error_asks_for(review: al.Review) -> None:
    """Disability after short programs: SE = 3.76 / 3.92 = 0.959; 4.18 / 0.959² = 4.5, so five."""
    told = rb.result_of_other_trials(review)
    assert told == {
        "differs": "Disability, short training programs",
        "differs-printed": 3,
        "differs-ours": 4,
        "least-k": 5,
    }


def test_each_membership_is_argued_once(review: al.Review, effects: pd.DataFrame) -> None:
    table = rb.reasons_table(review, effects)
    assert not table.duplicated(["Trial", "Result"]).any()
    assert len(table) == len(effects[["analysis", "trial"]].drop_duplicates())
    assert set(table["Membership"]) == {"named", "inferred"}


@pytest.mark.slow
def test_a_reading_that_misses_a_number_is_excluded(
    review: al.Review, effects: pd.DataFrame
) -> None:
    readings = rb.other_readings(review, effects)
    assert (readings["change"].isna() == (readings["missed"] > 0)).all()
    assert (readings["change"].dropna() > 0).all()
    keys = list(readings[["outcome", "follow_up", "reading"]].itertuples(index=False, name=None))
    assert ("pain", "STP", "santos-38") in keys
    words = {key: f"reading {i}" for i, key in enumerate(keys)}
    table = rb.readings_table(review, readings, words)
    assert table["Other reading"].tolist() == list(words.values())
    assert (table["Verdict"] == "possible").tolist() == (readings["missed"] == 0).tolist()
    with pytest.raises(KeyError):  # a reading without words is not passed over
        rb.readings_table(review, readings, {})


# --- what is guessed beforehand, and what is aimed at ---------------------------------------------


def test_what_is_known_beforehand(review: al.Review) -> None:
    rows = pd.DataFrame(
        [
            ("nothing", None, math.nan, "nothing"),
            ("p value", None, 1.0, "no significant difference"),
            ("p value", "experimental", 1.0, "the direction alone"),
            ("p value", "experimental", 0.05, "significant, in favour of loaded"),
            ("p value", "comparator", 0.05, "significant, in favour of unloaded"),
            ("contrast", None, math.nan, "a standardised difference in another review"),
        ],
        columns=["effect_from", "favours", "p_high", "expected"],
    ).assign(trial="kell-2009")
    assert rb.known_beforehand(review, rows).tolist() == rows["expected"].tolist()
    table = rb.known_table(review, pd.concat([rows, rows.iloc[:1]]).reset_index(drop=True))
    assert table.iloc[0].tolist() == ["nothing", "2", "Kell 2009"]
    assert len(table) == len(rows)


def test_where_variances_come_from(effects: pd.DataFrame) -> None:
    table = rb.variances_table(effects)
    assert table["Sampling variances from"].tolist() == list(
        dict.fromkeys(effects["variance_from"])
    )
    assert all(name in " ".join(table["Results"]) for name in effects["analysis"])


def test_a_guess_may_be_off_by_a_factor(review: al.Review) -> None:
    factors = rb.guess_factors(review)
    assert set(factors) == {"spread-md", "spread-smd"}
    assert all(factor > 1 for factor in factors.values())


REPORT = pd.DataFrame(
    [
        ("estimate", "-0.52", -0.5243, False, True),
        ("ci_low", "-0.92", -0.9531, True, False),
        ("p_value", "< 0.001", 0.0004, True, False),
        ("i2", "67", 66.71, True, False),
        ("tau2", "0.28", 0.31, False, False),
    ],
    columns=["quantity", "printed", "reconstructed", "inside_rounding", "set_aside"],
).assign(result="pain-ETP")


def test_a_printed_number_beside_ours_has_two_digits_more(review: al.Review) -> None:
    report = REPORT.assign(verdict=rb.INSIDE)
    table = rb.report_table(review, report)
    assert table["Number"].tolist() == ["estimate", "95 % CI, lower", "p", "I², %", "τ²"]
    assert table["Printed"].tolist() == ["−0.52", "−0.92", "< 0.001", "67", "0.28"]
    assert table["Reconstructed"].tolist() == ["−0.5243", "−0.9531", "0.00040", "66.71", "0.3100"]
    assert table["Residual"].tolist() == ["−0.0043", "−0.0331", "", "−0.29", "0.0300"]
    assert set(table["Result"]) == {"Pain intensity, extended training programs"}


def test_numbers_set_aside_are_counted_apart_from_those_aimed_at() -> None:
    """The first is set aside; three of the other four are inside."""
    expected = {"numbers": 5, "aims": 4, "inside": 3, "outside": 1, "aside": 1}
    assert rb.report_counts(REPORT) == expected


def test_verdicts_of_the_main_readings(review: al.Review) -> None:
    report = rb.main_report(review)
    assert set(report["reading"]) == {"main"}
    assert (report["verdict"] == rb.ASIDE).tolist() == report["set_aside"].tolist()
    aside = rb.set_aside_table(rb.report_table(review, report))
    assert len(aside) == rb.report_counts(report)["aside"] > 0
    assert aside.columns.tolist()[-1] == "What the others lead to"


# --- how free the effects are ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "xlabel", "better"),
    [
        ("pain", "Mean difference, points of 10", ("loaded", "unloaded")),
        ("disability", "Standardised mean difference", ("loaded", "unloaded")),
        ("endurance", "Mean difference, minutes", ("unloaded", "loaded")),
    ],
)
def test_ranges_are_drawn_in_the_unit_of_their_outcome(
    review: al.Review, effects: pd.DataFrame, outcome: str, xlabel: str, better: tuple[str, str]
) -> None:
    ax = rb.draw_ranges(review, effects, outcome, "What is drawn.")
    unit, favours = ax.get_xlabel().split("\n")
    assert unit == xlabel
    left, right = favours.split(8 * "\N{NO-BREAK SPACE}")
    assert (left, right) == (f"← favours {better[0]}", f"favours {better[1]} →")
    assert plots.caption(ax) == "What is drawn."
    plt.close(plots.figure_of(ax))


def test_a_range_as_long_as_the_guess_is_all_that_was_left() -> None:
    rows = pd.DataFrame({"low": [-LONG, -LONG], "high": [LONG, 0.0], "guess_sd": [1.0, 1.0]})
    assert rb.range_left(rows).tolist() == pytest.approx([1.0, 0.5], rel=CLOSE)
    key = dict(zip(KEY, ("pain", "ETP", "a-2001", "x", "y"), strict=True))
    told = rows.assign(label=["A", "B"], guess=-0.5, effect=0.25, analysis="Pain", **key)
    sets = pd.DataFrame({"se": [0.102 + 0.001 * i for i in range(201)]}).assign(**key)
    assert rb.ranges_table(told, sets).iloc[1].tolist() == [
        "B", "−0.50 ± 1.00", "−1.96 to 0.00", "0.11 to 0.30", "50%", "Pain",
    ]  # fmt: skip


# --- what can be said -----------------------------------------------------------------------------

SAID = pd.DataFrame(
    [
        ("pooled effect", "direction", "favours loaded", 1.0, True),
        ("pooled effect", "significance", "p below 0.05", 0.6, False),
        ("influence", "Kell 2009", "influential", 0.99, True),
        ("influence", "Aasa 2015", "not influential", 0.7, False),
        ("subgroups", "load", "p below 0.05", 0.96, True),
        ("subgroups", "sex", "p of 0.05 or more", 0.97, True),
    ],
    columns=["topic", "subject", "says", "share", "stable"],
).assign(outcome="pain", follow_up="ETP", analysis="Pain, late")
SAID["text"] = SAID["subject"] + ": " + SAID["says"]


def test_what_is_not_stable_is_not_told() -> None:
    table = rb.statements_table(SAID).set_index("Topic")
    assert table.loc["influence", "What holds"] == "Kell 2009: influential"
    assert table.loc["subgroups", "What holds"].splitlines() == [
        "load: p below 0.05",
        "sex: p of 0.05 or more",
    ]


def test_the_prose_names_only_what_is_stable() -> None:
    assert rb.statements_told(SAID) == {
        "statements": 6,
        "stable": 4,
        "influence": 2,
        "influence-stable": 1,
        "open": "the significance of pain, late",
        "influential": "Kell 2009 (pain, late)",
        "subgroups": "pain, late by load",
    }


def test_statements_are_on_trials_and_not_on_their_comparisons(review: al.Review) -> None:
    found = stability(review, al.study_effects(review, "pain", "ETP"), "influence")
    said = rb.statements(review, found)
    assert "Cai 2017 (a)" in set(found["subject"])
    assert set(said["subject"]) == set(found["subject"]) & set(review.trial_names.values())
    assert set(said["analysis"]) == {"Pain intensity, extended training programs"}
    row = said[said["subject"] == "Kell 2009"].iloc[0]
    assert row["text"] == f"Kell 2009: {row['says']} (all {row['draws']})"


# --- known data sets, hidden ----------------------------------------------------------------------


def test_scores_of_hidden_data_sets() -> None:
    """Errors 1 and 2 against guesses off by 2 and 4: half of the guess's error."""
    rows = pd.DataFrame(
        {
            "data_set": ["BCG"] * 4,
            "conclusions_known": [False, False, True, True],
            "effect": [0.0] * 4,
            "reconstructed": [1.0, 2.0, 3.0, 3.0],
            "guess": [2.0, 4.0, 3.0, 3.0],
            "covered": [True, False, True, True],
            "se_covered": [True, True, False, False],
        }
    )
    scores = rb.validation_scores(rows)
    assert scores["ratio"].tolist() == pytest.approx([0.5, 1.0], rel=CLOSE)
    assert scores["inside"].tolist() == [1, 2]
    table = rb.validation_table(scores)
    assert table["Conclusions"].tolist() == [
        "Conclusions of the studies known",
        "Conclusions not known",
    ]
    assert table.iloc[1].tolist()[:5] == ["BCG", "2", "1", "2", "0.50"]
    assert rb.validation_rates(scores) == {
        "covered": 75.0,
        "se-covered": 50.0,
        "ratio": pytest.approx(0.75, rel=CLOSE),
        "worst": pytest.approx(1.0, rel=CLOSE),
        "worse": 1,
    }
