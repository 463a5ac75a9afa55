"""Do the shares on the page of simulations stand beside the right design, method and claim?"""

from __future__ import annotations

import itertools

import pandas as pd
import pytest
from places import ROOT

import analysis_lib as al
from analysis_lib.book.pages import coverage_tables as ct

CLOSE = 1e-12  # a hundredfold, and nothing else


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return pd.read_csv(ROOT / "book" / "tables" / "operating_characteristics.csv")


@pytest.fixture(scope="module")
def designs(review: al.Review, stored: pd.DataFrame) -> pd.DataFrame:
    return ct.coverage_by_design(review, stored)


def test_each_design_has_the_shares_of_its_own_row(
    stored: pd.DataFrame, designs: pd.DataFrame
) -> None:
    for result, row in designs.iterrows():
        here = stored[(stored["result"] == result) & (stored["effect"] == "none")]
        reml = here[here["tau2_method"] == "REML"].set_index("method")
        for method in ("wald", "HK", "HK-adhoc"):
            assert row[method] == reml.loc[method, "coverage"]
        assert row["tau2"] == reml["tau2"].iloc[0]
        assert row["name"].endswith(f" ({reml['k'].iloc[0]})")


def test_designs_stand_in_the_order_of_print(review: al.Review, designs: pd.DataFrame) -> None:
    order = [result for result in review.published["id"] if result in designs.index]
    assert designs.index.tolist() == order
    assert designs.loc["pain-ETP", "name"] == "Pain intensity, ETP (9)"
    pooled = review.published[review.published["kind"] == "pooled"]
    assert len(designs) == len(pooled)


def test_ends_are_told_by_method_in_per_cent() -> None:
    shares = pd.DataFrame({"wald": [0.9, 0.8], "HK-adhoc": [0.95, 1.0], "V": [0.5, 0.5]})
    told = ct.lowest_and_highest(shares, ["wald", "HK-adhoc"])
    assert told == pytest.approx(
        {"wald-low": 80, "wald-high": 90, "hk-adhoc-low": 95, "hk-adhoc-high": 100}, rel=CLOSE
    )


def test_power_is_told_without_and_with_the_printed_effect(
    review: al.Review, stored: pd.DataFrame, designs: pd.DataFrame
) -> None:
    table = ct.power_table(review, stored, designs).set_index("Result")
    row = table.loc["Pain intensity, ETP (9)"]
    assert row["True mean"] == "−0.52"
    false = 1 - designs.loc["pain-ETP", "wald"]
    assert row["Wald, no effect"] == f"{false:.1%}"
    here = stored[(stored["result"] == "pain-ETP") & (stored["effect"] == "printed")]
    here = here[(here["tau2_method"] == "REML") & (here["method"] == "HK")]
    assert row["Hartung-Knapp, true mean"] == f"{here['excludes_zero'].iloc[0]:.0%}"


def grid(shares: dict[str, float]) -> pd.DataFrame:
    """Return a made-up grid on which every method holds as often everywhere."""
    return pd.DataFrame(
        [
            {"set": "grid", "sizes": size, "k": k, "i2": i2, "tau2_method": tau2, "method": method,
             "coverage": share}
            for size, k, i2 in itertools.product(
                ("equal", "one large"), (3, 10, 20), (0.0, 0.25, 0.75, 0.9)
            )
            for tau2 in ("DL", "REML")
            for method, share in shares.items()
        ]
    )  # fmt: skip


def test_the_grid_is_read_by_number_of_trials() -> None:
    table = ct.grid_coverage(grid({"wald": 0.9, "HK": 0.95}), "one large", 0.75)
    assert table.index.tolist() == ["3 trials", "10 trials", "20 trials"]
    assert table["wald"].tolist() == [0.9] * 3


def test_what_a_flat_grid_can_and_cannot_agree_with() -> None:
    """Wald errs in 40 % of all settings: large, and not larger with unequal trials."""
    checks = ct.literature_checks(grid({"wald": 0.6, "HK": 0.94, "HK-adhoc": 0.96, "HTS": 0.95}))
    told = {known.rpartition(" (")[0][:40]: (here, same) for known, here, same in checks}
    assert len(told) == 7
    expected = {
        "The error rate of DerSimonian and Laird'": ("largest: 40.0% and 6.0%", True),
        "Hartung and Knapp's test errs less often": (
            "in 18 of 18 settings with heterogeneity",
            True,
        ),
        "With trials of unequal size both err mor": ("on average 0.0% and 0.0% more", False),
        "The prediction interval is poorly calibr": ("10 trials: 95.0% at I² 25%, 95.0% at 90%",
                                                     False),
    }  # fmt: skip
    assert {known: told[known] for known in expected} == expected


def test_settings_without_heterogeneity_do_not_count() -> None:
    rows = grid({"wald": 0.9, "HK": 0.94, "HK-adhoc": 0.96, "HTS": 0.95})
    rows.loc[rows["i2"] == 0, "coverage"] = 0.1
    told = [here for _, here, _ in ct.literature_checks(rows)]
    assert told[0] == "largest: 10.0% and 6.0%"


def test_a_claim_that_fails_is_told_so(stored: pd.DataFrame) -> None:
    checks = ct.literature_checks(stored)
    table = ct.literature_table([*checks, ("known", "here", False)])
    assert table["Same direction"].tolist()[-1] == "no"
    assert table["Same direction"].tolist()[:-1] == ["yes" if same else "no" for *_, same in checks]


def test_the_level_of_the_test_between_subgroups_is_told_before_and_after() -> None:
    level = pd.read_csv(ROOT / "book" / "tables" / "subgroup_level.csv")
    table = ct.subgroup_level_table(level)
    assert table["Trials"].tolist()[0] == "2 + 2"
    assert table["χ², common τ²"].tolist()[0] == f"{level['chi2_common'][0]:.1%}"
    # four standard errors of a share of 5 % in 4000 reviews, and the most that F errs by
    error = 4 * (0.05 * 0.95 / level["reviews"].min()) ** 0.5
    assert (level["f"] < 0.05 + error).all()
    assert (level["f_common"] < 0.08).all()
    assert level.loc[level["studies"] == 2, "chi2"].min() > 0.15


def test_shares_with_shared_arms_stand_beside_their_own_design(review: al.Review) -> None:
    stored = pd.read_csv(ROOT / "book" / "tables" / "shared_arm_coverage.csv")
    held = ct.shared_coverage_by_design(review, stored)
    pooled = review.published[review.published["kind"] == "pooled"]
    assert len(held) == len(pooled)
    here = stored[stored["result"] == "pain-ETP"].set_index("method")["coverage"]
    row = held.loc["Pain intensity, ETP (9 in 7)"]
    assert {name: row[name] for name in ct.SHARED} == {name: here[name] for name in ct.SHARED}
    assert set(stored["method"]) == set(ct.SHARED)
    told = ct.shared_coverage_table(held)
    assert told.loc[1, "Split, Wald"] == f"{100 * here['split, wald']:.0f}%"
    differ = held[held["tau2"] > 0]
    ends = ct.shared_ends(held)
    assert ends["split-wald-low"] == pytest.approx(100 * differ["split, wald"].min())
    assert ends["modelled-robust-high"] == pytest.approx(100 * differ["modelled, robust"].max())
