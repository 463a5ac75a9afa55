"""Are the arms of a single trial told as they were reported, and their changes as computed?"""

from __future__ import annotations

import pandas as pd
import pytest
from places import DATA

import analysis_lib as al
from analysis_lib.book.pages import one_trial

ARMS = {"rtg": "Loaded", "ueg": "Unloaded"}
CLOSE = 1e-12  # one subtraction


@pytest.fixture(scope="module")
def gibbs() -> pd.DataFrame:
    return one_trial.arms_by_time(al.load_review(DATA), "gibbs-2022", "catastrophizing")


@pytest.fixture
def made_up() -> pd.DataFrame:
    rows = [("baseline", "rtg", 20.0, 4.0), ("baseline", "ueg", 22.0, 5.0),
            ("ETP", "rtg", 12.0, 4.0), ("ETP", "ueg", 19.0, 5.0)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["time", "arm", "mean", "sd"])
    return table.pivot(index="time", columns="arm", values=["mean", "sd"]).loc[["baseline", "ETP"]]


def test_times_stand_in_the_order_of_the_data(gibbs: pd.DataFrame) -> None:
    assert gibbs.index.tolist() == ["baseline", "ETP", "PW"]
    assert gibbs.notna().all(axis=None)


def test_arms_stand_side_by_side_with_their_difference(made_up: pd.DataFrame) -> None:
    table = one_trial.arms_table(made_up, {"baseline": "Before", "ETP": "After"}, ARMS)
    assert table.iloc[1].tolist() == ["After", "12.0 ± 4.0", "19.0 ± 5.0", "−7.0"]
    assert table.columns.tolist()[1:3] == ["Loaded, mean ± SD", "Unloaded, mean ± SD"]
    with pytest.raises(KeyError):  # a time without a name is not passed over
        one_trial.arms_table(made_up, {"baseline": "Before"}, ARMS)


def test_a_change_is_the_later_mean_less_the_earlier(made_up: pd.DataFrame) -> None:
    told = one_trial.changes_told(made_up, "baseline", "ETP")
    assert told == pytest.approx({"rtg": -8.0, "ueg": -3.0}, rel=CLOSE)


def test_the_change_within_an_arm_depends_on_the_correlation(made_up: pd.DataFrame) -> None:
    table = one_trial.change_table(
        made_up, {"rtg": 32, "ueg": 32}, ARMS, (0.3, 0.7), begin="baseline", end="ETP"
    )
    assert table["Group"].tolist() == ["Loaded"] * 2 + ["Unloaded"] * 2
    assert table["Assumed correlation"].tolist() == ["0.3", "0.7"] * 2
    found = al.standardized_mean_change(32, 20.0, 4.0, 12.0, 4.0, 0.7)
    low, high = (limit[0] for limit in found.ci())
    expected = f"{found.effect[0]:.2f} ({low:.2f} to {high:.2f})".replace("-", "−")
    assert table["Standardised change (95 % CI)"].tolist()[1] == expected
    assert expected.startswith("−1.95")  # (12 - 20) / 4 times 1 - 3 / (4 * 31 - 1)
