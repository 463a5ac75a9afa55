"""Are the tables of the page on effect measures what Table 1 of the review says?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import analysis_lib as al
from analysis_lib.book.sections import from_arms
from analysis_lib.effects.suspect_sds import SuspectSD
from analysis_lib.review.model import arms_at_baseline
from analysis_lib.review.shared_arms import effects_of

ARITHMETIC = 1e-12  # two orders of the same few operations


@pytest.fixture(scope="module")
def arms(review: al.Review) -> pd.DataFrame:
    return from_arms.arms_on_scale(review, "pain", (0, 10))


def test_every_arm_stands_on_the_one_scale(review: al.Review, arms: pd.DataFrame) -> None:
    printed = arms_at_baseline(review, "pain").set_index(["trial", "arm"])
    ours = arms.set_index(["trial", "arm"])
    assert printed.loc[("aasa-2015", "rtg"), ["mean", "scale_max"]].tolist() == [43, 100]
    assert ours.loc[("aasa-2015", "rtg"), "mean"] == pytest.approx(4.3, rel=ARITHMETIC)
    on_ten = printed.index[printed["scale_max"].eq(10) & printed["sd"].notna()]
    assert len(on_ten)
    unchanged = ours.loc[on_ten, ["mean", "sd"]] - printed.loc[on_ten, ["mean", "sd"]]
    assert np.abs(unchanged.to_numpy()).max() < ARITHMETIC


def test_an_arm_without_a_score_is_left_out(review: al.Review, arms: pd.DataFrame) -> None:
    scores = arms_at_baseline(review, "pain")
    assert len(arms) == scores["mean"].notna().sum() < len(scores)
    assert arms["sd"].isna().sum() == (scores["sd"].isna() & scores["mean"].notna()).sum() > 0


def test_the_line_is_that_of_rescale(review: al.Review) -> None:
    arms = from_arms.arms_on_scale(review, "pain", (20, 70)).set_index(["trial", "arm"])
    ours = arms.loc[("aasa-2015", "ueg")]
    printed = arms_at_baseline(review, "pain").set_index(["trial", "arm"]).loc[("aasa-2015", "ueg")]
    theirs = al.rescale(printed["mean"], printed["sd"], source=(0, 100), target=(20, 70))
    assert ours["mean"] == pytest.approx(theirs.mean, rel=ARITHMETIC)
    assert ours["sd"] == pytest.approx(theirs.sd, rel=ARITHMETIC)


def test_pairs_are_the_trials_with_two_known_arms(review: al.Review, arms: pd.DataFrame) -> None:
    pairs = from_arms.two_arm_comparisons(review, arms)
    assert "cai-2017" not in set(pairs["trial"])  # three arms
    assert set(pairs["trial"]) == {
        trial for trial, rows in arms.dropna(subset=["sd"]).groupby("trial") if len(rows) == 2
    } & {trial for trial, rows in review.arms.groupby("trial") if len(rows) == 2}
    aasa = pairs.set_index("trial").loc["aasa-2015"]
    assert (aasa["label"], aasa["n1"], aasa["n2"]) == ("Aasa 2015", 35, 35)


def test_a_standardised_difference_is_the_same_on_either_scale(
    review: al.Review, arms: pd.DataFrame
) -> None:
    """The page says so."""
    on_hundred = from_arms.arms_on_scale(review, "pain", (0, 100))
    sizes = [
        effects_of(from_arms.two_arm_comparisons(review, table), "SMD")
        for table in (arms, on_hundred)
    ]
    assert sizes[0].effect == pytest.approx(sizes[1].effect, rel=1e-9)


def test_effects_stand_under_their_headings() -> None:
    pairs = pd.DataFrame({"label": ["A", "B"], "n1": [10, 20], "n2": [12, 22]})
    sizes = al.mean_difference(*[[20, 20], [1.0, 2.0], [1.0, 1.0]] * 2)
    table = from_arms.effects_table(pairs, {"MD": sizes})
    assert table.columns.tolist() == ["Trial", "n, loaded", "n, unloaded", "MD"]
    # 1.96 * sqrt(2 / 20)
    assert table["MD"].tolist() == ["0.00 (−0.62 to 0.62)"] * 2
    assert table.iloc[1, :3].tolist() == ["B", 20, 22]


def test_a_comparator_in_half_has_the_same_difference_and_a_larger_error() -> None:
    whole = al.mean_difference(20, 3.0, 1.0, 20, 2.0, 1.0)
    half = al.mean_difference(20, 3.0, 1.0, 10, 2.0, 1.0)
    table = from_arms.comparator_table({"whole": (20, whole), "half": (10, half)})
    assert table["n"].tolist() == ["20", "10"]
    # sqrt(1/20 + 1/20) and sqrt(1/20 + 1/10)
    assert table["Standard error"].tolist() == ["0.316", "0.387"]
    assert table.iloc[:, 2].tolist() == ["1.00 (0.38 to 1.62)", "1.00 (0.24 to 1.76)"]


def test_a_doubtful_arm_is_shown_with_what_it_would_be() -> None:
    table = from_arms.suspects_table([SuspectSD("Kell 2009, loaded", 9, 0.5, 1.6, 1.5)])
    assert table.iloc[0].tolist() == ["Kell 2009, loaded", "9", "0.50", "1.60", "1.50"]
    assert from_arms.suspects_table([]).empty
