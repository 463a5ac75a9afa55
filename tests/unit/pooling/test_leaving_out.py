"""Does leaving out, adding up and taking all subsets give R's numbers, and those of refitting?"""

from __future__ import annotations

import importlib
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from golden_cases import agree, columns_of, load
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

from analysis_lib.base.errors import ReviewError
from analysis_lib.pooling.pooled_effect import pool

# The package's function of this name stands before the module.
inf = importlib.import_module("analysis_lib.pooling.leaving_out")

# Closed forms differ from R by rounding alone. Worst seen: 7e-14.
CLOSED = 1e-10
# R iterates tau2 (REML and PM entries, converged tightly). Worst seen: 4.4e-10, a tau2 of REML.
ITERATED = 1e-6
# R runs gosh() with its own stopping rule (REML threshold 1e-5). Worst seen: 6.8e-5, a tau2.
R_STOPS_EARLY = 2e-4
REASON = {
    CLOSED: "closed form, 15 digits printed",
    ITERATED: "iterated by R, converged tightly",
    R_STOPS_EARLY: "R's gosh stops REML at its default threshold",
}
CI_METHOD = {"z": "wald", "knha": "HK"}
# What e1 to e3 also hold and the module does not offer; the files say how many and why.
E1_KINDS = {
    "leave1out": 49,
    "influence": 49,
    "rstudent": 49,
    "cumul": 58,
    "baujat": 28,
    "hatvalues": 28,
    "weights": 28,
}
E2_KINDS = {"metainf": 16, "metacum": 16, "meta::baujat": 2}


def tolerance(method: str) -> float:
    return CLOSED if method in ("FE", "DL") else ITERATED


def data(topic: str, entry: dict) -> dict[str, np.ndarray]:
    columns = columns_of(topic, entry)
    return {"effect": np.array(columns["yi"]), "variance": np.array(columns["vi"])} | {
        name: np.array(columns[name]) for name in ("year", "weeks") if name in columns
    }


def kind_of(entry: dict) -> str:
    last = entry["id"].split("|")[-1]
    return "cumul" if "|cumul_by|" in entry["id"] else last


def absent_as_none(column: pd.Series) -> list[float | None]:
    return [None if math.isnan(x) else x for x in column]


def entries(topic: str, kind: str) -> list:
    chosen = [e for e in load(topic)["entries"] if kind_of(e) == kind]
    return [pytest.param(e, id=e["id"]) for e in chosen]


def compare(entry, quantities, family, scales, limit):
    for name, (ours, theirs) in quantities.items():
        where, scale = entry["id"], scales.get(name, 0.0)
        agree(family, name, ours, theirs, limit, where=where, scale=scale, reason=REASON[limit])


# --- equal to R ----------------------------------------------------------------------------------


def compare_refits(table: pd.DataFrame, entry: dict, method: str, family: str, v: np.ndarray):
    """Compare a table of refits with metafor's leave1out or cumul."""
    out, single = entry["out"], (table["k"] == 1).to_numpy()
    # metafor calls tau2 and I2 of a single study zero; here they are absent.
    several = ~single
    ours = {
        "estimate": (table["estimate"], out["estimate"]),
        "se": (table["se"], out["se"]),
        "p_value": (table["p_value"], out["pval"]),
        "ci_low": (table["ci_low"], out["ci_lb"]),
        "ci_high": (table["ci_high"], out["ci_ub"]),
        "q": (table["q"], out["Q"]),
        "q_p_value": (table["q_p_value"][several], np.array(out["Qp"])[several]),
        "i2_tau2": (table["i2_tau2"][several], np.array(out["I2"])[several] / 100),
    }
    if out["stat"]:  # recorded for the z tests only
        ours["statistic"] = (table["estimate"] / table["se"], out["stat"])
    if method != "FE":
        ours["tau2"] = (table["tau2"][several], np.array(out["tau2"])[several])
    assert np.isnan(table["tau2"][single]).all()
    assert not np.isnan(table["tau2"][several]).any()
    smallest = float(table["se"].min())
    scales = dict.fromkeys(("estimate", "ci_low", "ci_high"), smallest)
    scales |= {"statistic": 1.0, "q": 1.0, "i2_tau2": 1.0, "tau2": float(v.min())}
    compare(entry, ours, family, scales, tolerance(method))


@pytest.mark.parametrize("entry", entries("e1", "leave1out"))
def test_golden_leave_one_out_equals_metafor(entry):
    d, (_, method, test, _) = data("e1", entry), entry["id"].split("|")
    options = {"tau2_method": method, "ci_method": CI_METHOD[test]}
    table = inf.leave_one_out(d["effect"], d["variance"], **options)
    compare_refits(table, entry, method, "leave-one-out (metafor)", d["variance"])


@pytest.mark.parametrize("entry", entries("e1", "cumul"))
def test_golden_cumulative_equals_metafor(entry):
    d, parts = data("e1", entry), entry["id"].split("|")
    by_column = parts[2] == "cumul_by"
    order = d[parts[3]] if by_column else None
    ci_method = "wald" if by_column else CI_METHOD[parts[2]]
    labels = [str(i + 1) for i in range(len(d["effect"]))]
    table = inf.cumulative(
        d["effect"],
        d["variance"],
        order,
        labels=labels,
        tau2_method=parts[1],
        ci_method=ci_method,
    )
    if by_column:
        assert list(table["added"]) == [str(i) for i in entry["out"]["order_ids"]]
    compare_refits(table, entry, parts[1], "cumulative (metafor)", d["variance"])


@pytest.mark.parametrize("entry", entries("e1", "influence"))
def test_golden_influence_equals_metafor(entry):
    d, (_, method, test, _) = data("e1", entry), entry["id"].split("|")
    options = {"tau2_method": method, "ci_method": CI_METHOD[test]}
    table, out = inf.influence(d["effect"], d["variance"], **options), entry["out"]
    same = ("rstudent", "dffits", "cook_d", "cov_r", "tau2_del", "hat")
    ours = {name: (table[name], out[name]) for name in same}
    ours["q_del"] = (table["q_del"], out["QE_del"])
    ours["dfbetas"] = (table["dfbetas"], out["dfbs"])
    ours["weight"] = (table["weight"], np.array(out["weight"]) / 100)
    scales = dict.fromkeys(("rstudent", "dffits", "dfbetas", "cook_d"), 1.0)
    scales["tau2_del"] = float(d["variance"].min())
    compare(entry, ours, "deletion diagnostics (metafor)", scales, tolerance(method))


@pytest.mark.parametrize("entry", entries("e1", "rstudent"))
def test_golden_rstudent_equals_metafor(entry):
    d, (_, method, test, _) = data("e1", entry), entry["id"].split("|")
    options = {"tau2_method": method, "ci_method": CI_METHOD[test]}
    table = inf.influence(d["effect"], d["variance"], **options)
    ours = {"rstudent": (table["rstudent"], entry["out"]["z"])}
    compare(entry, ours, "rstudent (metafor)", {"rstudent": 1.0}, tolerance(method))


@pytest.mark.parametrize("entry", entries("e1", "baujat") + entries("e2", "meta::baujat"))
def test_golden_baujat_equals_metafor_and_meta(entry):
    from_meta = kind_of(entry) == "meta::baujat"
    method = "FE" if from_meta else entry["id"].split("|")[1]
    d = data("e2" if from_meta else "e1", entry)
    table, out = inf.baujat(d["effect"], d["variance"], tau2_method=method), entry["out"]
    ours = {
        "q_contribution": (table["q_contribution"], out["x"]),
        "influence": (table["influence"], out["y"]),
    }
    scales = {"q_contribution": max(out["x"]), "influence": max(out["y"])}
    compare(entry, ours, "Baujat", scales, tolerance(method))


@pytest.mark.parametrize("entry", entries("e1", "hatvalues") + entries("e1", "weights"))
def test_golden_weights_equal_metafor(entry):
    d, (_, method, *_) = data("e1", entry), entry["id"].split("|")
    table, out = inf.influence(d["effect"], d["variance"], tau2_method=method), entry["out"]
    theirs = out["hat"] if "hat" in out else np.array(out["weights_pct"]) / 100
    column = "hat" if "hat" in out else "weight"
    compare(entry, {column: (table[column], theirs)}, "weights", {}, tolerance(method))


@pytest.mark.parametrize("entry", entries("e2", "metainf") + entries("e2", "metacum"))
def test_golden_refits_equal_meta(entry):
    d, (_, method, model, function) = data("e2", entry), entry["id"].split("|")
    refit = inf.leave_one_out if function == "metainf" else inf.cumulative
    # meta prints tau2 of its estimator even beside the common-effect estimate.
    tau2 = refit(d["effect"], d["variance"], tau2_method=method)
    chosen = "FE" if model == "common" else method
    table, out = refit(d["effect"], d["variance"], tau2_method=chosen), entry["out"]
    ours = {
        "estimate": (table["estimate"], out["TE"]),
        "se": (table["se"], out["seTE"]),
        "ci_low": (table["ci_low"], out["lower"]),
        "ci_high": (table["ci_high"], out["upper"]),
        "p_value": (table["p_value"], out["pval"]),
        "tau2": (absent_as_none(tau2["tau2"]), out["tau2"]),
        "i2": (absent_as_none(table["i2"]), out["I2"]),
    }
    scales = dict.fromkeys(("estimate", "ci_low", "ci_high"), float(table["se"].min()))
    scales |= {"tau2": float(d["variance"].min()), "i2": 1.0}
    compare(entry, ours, f"{function} (meta)", scales, tolerance(method))


@pytest.mark.parametrize("entry", entries("e3", "gosh"))
def test_golden_gosh_equals_metafor(entry):
    d, (_, method, _) = data("e3", entry), entry["id"].split("|")
    fits, out = inf.gosh(d["effect"], d["variance"], tau2_method=method), entry["out"]
    assert len(fits) == out["n"]
    theirs_to_ours = {tuple(row): i for i, row in enumerate(fits.membership.astype(int).tolist())}
    place = [theirs_to_ours[tuple(row)] for row in out["incl"]]
    several = fits.k[place] > 1
    i2 = fits.i2_tau2[place][several]
    ours = {
        "k": (fits.k[place], out["k"]),
        "estimate": (fits.estimate[place], out["est"]),
        "q": (fits.q[place], out["QE"]),
        "tau2": (fits.tau2[place][several], np.array(out["tau2"])[several]),
        "i2_tau2": (i2, np.array(out["I2"])[several] / 100),
    }
    scales = {"estimate": 0.1 * math.sqrt(d["variance"].min()), "q": 1.0, "i2_tau2": 1.0}
    scales["tau2"] = float(d["variance"].min())
    limit = R_STOPS_EARLY if method == "REML" else CLOSED
    compare(entry, ours, "all subsets (metafor)", scales, limit)
    assert not np.array(out["tau2"])[~several].any(), "metafor's tau2 of one study is 0"


def test_golden_no_covered_entry_is_skipped():
    """Every kind of entry is compared in full, and what is not compared says why."""
    for topic, expected in (("e1", E1_KINDS), ("e2", E2_KINDS), ("e3", {"gosh": 9})):
        kinds = [kind_of(entry) for entry in load(topic)["entries"]]
        assert {kind: kinds.count(kind) for kind in kinds} == expected


# --- equal to refitting --------------------------------------------------------------------------

Y = np.array([-0.89, -1.59, -1.35, -1.44, -0.22, -0.79, -1.62])
V = np.array([0.33, 0.19, 0.42, 0.02, 0.05, 0.007, 0.22])
LABELS = [f"trial {i}" for i in range(7)]
# Two ways to the same tau2, both by root finding. Worst seen: 2e-14.
REFIT = 1e-8


def assert_row_equals_fit(row: pd.Series, fit) -> None:
    scale = fit.se
    assert row["k"] == fit.k
    assert row["estimate"] == pytest.approx(fit.estimate, rel=REFIT, abs=REFIT * scale)
    assert row["se"] == pytest.approx(fit.se, rel=REFIT)
    assert row["ci_low"] == pytest.approx(fit.ci[0], rel=REFIT, abs=REFIT * scale)
    assert row["ci_high"] == pytest.approx(fit.ci[1], rel=REFIT, abs=REFIT * scale)
    assert row["p_value"] == pytest.approx(fit.p_value, rel=1e-6)
    assert row["q"] == pytest.approx(fit.q, rel=REFIT)
    if fit.tau2 is not None:
        smallest = fit.variance.min()
        assert row["tau2"] == pytest.approx(fit.tau2, rel=REFIT, abs=REFIT * smallest)
        assert row["i2"] == pytest.approx(fit.i2, abs=REFIT)
        assert row["q_p_value"] == pytest.approx(fit.q_p_value, rel=1e-6)


studies = st.integers(2, 9).flatmap(
    lambda k: st.tuples(
        st.lists(st.floats(-3, 3), min_size=k, max_size=k),
        st.lists(st.floats(-3, 1).map(lambda x: 10**x), min_size=k, max_size=k),
    )
)
methods = st.sampled_from(["FE", "DL", "REML", "PM", "SJ"])
ci_methods = st.sampled_from(["wald", "HK-adhoc"])


@examples(40)
@given(studies, methods, ci_methods)
def test_leave_one_out_and_cumulative_equal_refitting(sample, tau2_method, ci_method):
    y, v = np.array(sample[0]), np.array(sample[1])
    options = {"tau2_method": tau2_method, "ci_method": ci_method}
    left, added = inf.leave_one_out(y, v, **options), inf.cumulative(y, v, **options)
    for i in range(len(y)):
        keep = np.arange(len(y)) != i
        assert_row_equals_fit(left.iloc[i], pool(y[keep], v[keep], **options))
        assert_row_equals_fit(added.iloc[i], pool(y[: i + 1], v[: i + 1], **options))


def test_groups_are_left_out_together():
    trials = ["Cai", "Cai", "Kell", "Nambi", "Nambi", "Nambi", "Smith"]
    table = inf.leave_one_out(Y, V, groups=trials)
    assert list(table["left_out"]) == ["Cai", "Kell", "Nambi", "Smith"]
    for _, row in table.iterrows():
        keep = np.array(trials) != row["left_out"]
        assert_row_equals_fit(row, pool(Y[keep], V[keep]))


def test_rows_with_equal_labels_are_still_left_out_one_by_one():
    assert len(inf.leave_one_out(Y[:3], V[:3], labels=["a", "a", "b"])) == 3


@examples(25)
@given(studies, methods)
def test_gosh_equals_pooling_each_subset(sample, tau2_method):
    y, v = np.array(sample[0][:5]), np.array(sample[1][:5])
    fits = inf.gosh(y, v, tau2_method=tau2_method)
    assert len(fits) == 2 ** len(y) - 1
    assert fits.exact
    for i, chosen in enumerate(fits.membership):
        fit = pool(y[chosen], v[chosen], tau2_method=tau2_method)
        assert fits.k[i] == fit.k == chosen.sum()
        assert fits.estimate[i] == pytest.approx(fit.estimate, rel=REFIT, abs=REFIT * fit.se)
        if fit.tau2 is None:
            assert np.isnan(fits.tau2[i])
        else:
            assert fits.tau2[i] == pytest.approx(fit.tau2, rel=REFIT, abs=REFIT * v.min())


# --- the review's rule ---------------------------------------------------------------------------


def test_the_study_that_makes_the_heterogeneity_is_influential_by_part_a():
    effect, variance = [0.1, 0.12, 0.08, 2.0], [0.02] * 4
    table = inf.influential(effect, variance, labels="ABCD").set_index("left_out")
    assert table.loc["D", ["tau2_falls", "i2_falls", "influential"]].all()
    assert table.loc["D", "tau2_reduction"] == 1.0
    assert table.loc["D", "i2_reduction"] == 1.0


def test_each_part_of_the_rule_on_its_own():
    # Homogeneous, so part (a) is silent: without A the sign and the significance change.
    table = inf.influential([1.0, -0.2, -0.1], [0.02, 5.0, 5.0], labels="ABC", tau2_method="FE")
    table = table.set_index("left_out")
    assert table["sign_changes"].tolist() == [True, False, False]
    assert table["significance_changes"].tolist() == [True, False, False]
    assert not table[["tau2_falls", "i2_falls", "effect_moves"]].any(axis=None)
    assert table["influential"].tolist() == [True, False, False]
    assert table["tau2_reduction"].isna().all(), "no part of zero can be lost"


def test_a_change_of_given_size_counts_only_when_it_is_given():
    effect, variance = [0.50, 0.52, 0.58], [0.01] * 3
    assert not inf.influential(effect, variance)["influential"].any()
    moved = inf.influential(effect, variance, meaningful_change=0.02)
    assert moved["effect_moves"].tolist() == (moved["estimate_change"].abs() >= 0.02).tolist()
    assert moved["influential"].tolist() == [False, False, True]


def test_the_quarter_is_the_boundary():
    full = pool(Y, V)
    table = inf.influential(Y, V)
    expected = (full.tau2 - table["tau2"]) / full.tau2 >= 0.25
    assert table["tau2_falls"].tolist() == expected.tolist()
    reduction = float(table["tau2_reduction"].max())
    at, above = (inf.influential(Y, V, reduction=r) for r in (reduction, reduction + 1e-9))
    assert at["tau2_falls"].sum() == 1
    assert not above["tau2_falls"].any()


# --- edges ---------------------------------------------------------------------------------------


def test_two_studies_leave_one_whose_tau2_is_absent():
    table = inf.leave_one_out([0.1, 0.5], [0.04, 0.05])
    assert table["estimate"].tolist() == [0.5, 0.1]
    assert table[["tau2", "i2", "i2_tau2", "q_p_value", "pi_low"]].isna().all(axis=None)
    diagnostics = inf.influence([0.1, 0.5], [0.04, 0.05])
    assert diagnostics[["rstudent", "dffits", "tau2_del"]].isna().all(axis=None)
    assert diagnostics[["cook_d", "cov_r", "hat", "q_del"]].notna().all(axis=None)
    fixed = inf.influence([0.1, 0.5], [0.04, 0.05], tau2_method="FE")
    assert fixed.notna().all(axis=None)
    assert fixed["rstudent"].tolist() == pytest.approx([-0.4 / 0.3, 0.4 / 0.3])


def test_identical_effects_influence_nothing():
    table = inf.influence([0.25] * 4, [0.1, 0.2, 0.05, 0.3], ci_method="HK")
    assert (table[["rstudent", "dffits", "dfbetas", "cook_d"]] == 0).all(axis=None)
    assert (inf.baujat([0.25] * 4, [0.1, 0.2, 0.05, 0.3])["influence"] == 0).all()


@pytest.mark.parametrize("function", [inf.leave_one_out, inf.influence, inf.baujat])
def test_one_study_cannot_be_left_out(function):
    with pytest.raises(ReviewError, match="without Kell no study remains"):
        function([0.1], [0.04], labels=["Kell"])


def test_one_group_cannot_be_left_out():
    with pytest.raises(ReviewError, match="without Nambi no study remains"):
        inf.leave_one_out([0.1, 0.2], [0.04, 0.05], groups=["Nambi", "Nambi"])


@pytest.mark.parametrize("function", [inf.leave_one_out, inf.influential, inf.cumulative, inf.gosh])
def test_bad_input_names_the_study(function):
    with pytest.raises(ReviewError, match=r"greater than zero \(Kell: 0.0\)"):
        function([0.1, 0.2], [0.04, 0.0], labels=["Aasa", "Kell"])


def test_order_is_checked_and_ties_keep_their_place():
    table = inf.cumulative(Y[:3], V[:3], [2001, 1999, 1999], labels="ABC")
    assert table["added"].tolist() == ["B", "C", "A"]
    with pytest.raises(ReviewError, match="no value for B"):
        inf.cumulative(Y[:3], V[:3], [2001, None, 1999], labels="ABC")
    with pytest.raises(ReviewError, match="for 3 studies"):
        inf.cumulative(Y[:3], V[:3], [2001, 1999])


# --- all subsets ---------------------------------------------------------------------------------


def test_gosh_gives_the_same_on_any_executor(monkeypatch):
    alone = inf.gosh(Y, V)
    monkeypatch.setattr(inf, "SUBSETS_PER_TASK", 10)
    with ThreadPoolExecutor(2) as executor:
        shared = inf.gosh(Y, V, executor=executor)
    for name in ("members", "k", "estimate", "tau2", "i2", "i2_tau2", "q"):
        np.testing.assert_allclose(getattr(shared, name), getattr(alone, name), rtol=1e-13)


def test_gosh_draws_by_seed_without_repeats():
    one, again, other = (inf.gosh(Y, V, max_subsets=50, seed=s) for s in (1, 1, 2))
    assert not one.exact
    assert (one.seed, inf.gosh(Y, V).seed) == (1, None)
    assert (one.estimate == again.estimate).all()
    assert not np.array_equal(one.members, other.members)
    assert len(np.unique(one.members, axis=0)) == 50


def test_gosh_beyond_twenty_studies_draws_each_study_half_the_time():
    y, v = np.linspace(-1, 1, 27), np.full(27, 0.1)
    fits = inf.gosh(y, v, max_subsets=4000, tau2_method="DL")
    assert fits.membership.shape == (4000, 27)
    # The share of 4000 fair draws stays within 5 standard errors (0.0079 each) of one half.
    assert np.abs(fits.membership.mean(axis=0) - 0.5).max() < 0.04
    assert (fits.k == fits.membership.sum(axis=1)).all()
    chosen = fits.membership[7]
    fit = pool(y[chosen], v[chosen], tau2_method="DL")
    assert fits.estimate[7] == pytest.approx(fit.estimate, abs=1e-12)


def test_gosh_finds_the_subsets_with_a_study():
    fits = inf.gosh(Y, V, labels=LABELS, tau2_method="DL")
    assert (fits.includes("trial 4") == fits.membership[:, 4]).all()
    assert len(fits.to_frame()) == len(fits) == 127
    with pytest.raises(ReviewError, match="no study 'Kell'"):
        fits.includes("Kell")
    with pytest.raises(ReviewError, match="max_subsets must be 1 or more"):
        inf.gosh(Y, V, max_subsets=0)
