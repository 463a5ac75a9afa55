"""Do clusters, cross-over trials, pairs, changes and medians equal R and the formulas' sources?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from golden_cases import agree, cases, columns_of, load
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

import analysis_lib as al

# Closed forms. Worst error seen 8e-13 (variance of SMCC, "UB").
CLOSED_FORM = 1e-9
REASON = "closed form; R's numbers have 15 significant digits"
ITERATED = 1e-6  # pooled by REML
R_ABOVE_ZERO = 1e-10
#: R's meta reads Wan's factors from the paper's tables, which differ from its formulas by so much.
WAN_TABLES = 5e-3

quick = examples(60)

PAIRED = {
    "MPRR": "RR", "MPOR": "OR", "MPRD": "RD", "MPORC": "conditional OR", "MPPETO": "Peto OR"
}  # fmt: skip
#: metafor's measure and variance -> options of ``crossover_smd``.
CROSSOVER = {
    "SMCC|LS": {"unit": "change"},
    "SMCC|UB": {"unit": "change", "variance_method": "UB"},
    "SMCC|LS2": {"unit": "change", "variance_method": "LS2"},
    "SMCR|LS": {"unit": "first"},
    "SMCR|LS2": {"unit": "first", "variance_method": "LS2"},
    "SMCRH|default": {"unit": "first", "variance_method": "unequal"},
    "SMCRP|default": {"unit": "average", "variance_method": "LS"},
    "SMCRPH|default": {"unit": "average", "variance_method": "unequal"},
}
EVENTS = {"OR": al.odds_ratio, "RR": al.risk_ratio, "RD": al.risk_difference}
MEANS = {"MD": al.mean_difference, "SMD": al.standardized_mean_difference}


def data(entry: dict[str, Any]) -> dict[str, np.ndarray]:
    columns = columns_of("n8", entry)
    return {name: np.array(values, dtype=float) for name, values in columns.items()}


def compare(family: str, where: str, **pairs: tuple[Any, Any]) -> None:
    for name, (ours, expected) in pairs.items():
        values = list(np.atleast_1d(ours))
        keys = {"where": where, "reason": REASON}
        agree(family, name, values, expected, CLOSED_FORM, scale=1e-12, **keys)


def pools(family: str, where: str, sizes: al.EffectSizes, expected: dict[str, Any]) -> None:
    fit = al.pool(sizes.effect, sizes.variance)
    keys = {"where": where, "reason": "rests on an iterated tau2", "tolerance": ITERATED}
    agree(family, "pooled", fit.estimate, expected["beta"], scale=fit.se, **keys)
    agree(family, "pooled SE", fit.se, expected["se"], **keys)
    agree(family, "tau2", fit.tau2, expected["tau2"], scale=R_ABOVE_ZERO / ITERATED, **keys)


def groups(columns: dict[str, np.ndarray]) -> list[np.ndarray]:
    names = ("n", "mpre", "sdpre", "mpost", "sdpost")
    return [columns[f"{name}{place}"] for place in (1, 2) for name in names]


@pytest.mark.parametrize("entry", cases("n8", "cluster_binary"))
def test_golden_clusters_of_events(entry: dict[str, Any]) -> None:
    c, out, function = data(entry), entry["out"], EVENTS[entry["opts"]["measure"]]
    deff = al.design_effect((c["n1i"] + c["n2i"]) / c["n_clusters"], c["icc"])
    counts = [c[name] / deff for name in ("ai", "n1i", "ci", "n2i")]
    sizes = function(*counts)
    naive = function(c["ai"], c["n1i"], c["ci"], c["n2i"])
    compare(
        "cluster trials", entry["id"],
        deff=(deff, out["deff"]), events1=(counts[0], out["events1_eff"]),
        yi=(sizes.effect, out["yi_eff"]), vi=(sizes.variance, out["vi_eff"]),
        inflated=(al.inflated(naive, deff).se, out["se_inflated"]),
    )  # fmt: skip
    pools("cluster trials", entry["id"], sizes, out["pooled_eff"])


@pytest.mark.parametrize("entry", cases("n8", "cluster_continuous"))
def test_golden_clusters_of_means(entry: dict[str, Any]) -> None:
    c, out, function = data(entry), entry["out"], MEANS[entry["opts"]["measure"]]
    deff = al.design_effect((c["n1i"] + c["n2i"]) / c["n_clusters"], c["icc"])
    sizes = function(c["n1i"] / deff, c["m1"], c["sd1"], c["n2i"] / deff, c["m2"], c["sd2"])
    naive = function(c["n1i"], c["m1"], c["sd1"], c["n2i"], c["m2"], c["sd2"])
    compare(
        "cluster trials", entry["id"],
        yi=(sizes.effect, out["yi_eff"]), vi=(sizes.variance, out["vi_eff"]),
        inflated=(al.inflated(naive, deff).se, out["se_inflated"]),
    )  # fmt: skip
    pools("cluster trials", entry["id"], al.inflated(naive, deff), out["pooled_inflated"])


@pytest.mark.parametrize("entry", cases("n8", "crossover"))
def test_golden_crossover_equals_metafor(entry: dict[str, Any]) -> None:
    columns, out = list(data(entry).values()), entry["out"]
    measure, vtype = entry["opts"]["measure"], entry["opts"]["vtype"]
    if measure == "MC":
        sizes = al.crossover_difference(*columns)
    elif measure == "ROMC":
        sizes = al.crossover_ratio_of_means(*columns)
    else:
        sizes = al.crossover_smd(*columns, **CROSSOVER[f"{measure}|{vtype}"])
    pairs = {"yi": (sizes.effect, out["yi"]), "vi": (sizes.variance, out["vi"])}
    compare("metafor escalc, cross-over", entry["id"], **pairs)


@pytest.mark.parametrize("entry", cases("n8", "crossover_formula"))
def test_golden_crossover_of_the_handbook(entry: dict[str, Any]) -> None:
    columns, out = list(data(entry).values()), entry["out"]
    difference, smd = al.crossover_difference(*columns), al.crossover_smd(*columns)
    compare(
        "cross-over, Handbook", entry["id"],
        md=(difference.effect, out["md"]), se_md=(difference.se, out["se_md"]),
        smd=(smd.effect, out["smd"]), se_smd=(smd.se, out["se_smd"]),
    )  # fmt: skip
    pools("cross-over, Handbook", entry["id"], difference, out["pooled_md"])
    # The printed SE of the difference leads back to the correlation.
    n, _, sd1, _, sd2, _ = columns
    back = al.correlation_from_sds(sd1, sd2, difference.se * np.sqrt(n))
    compare("cross-over, Handbook", entry["id"], r=(back, out["r_back_from_se"]))


@pytest.mark.parametrize("entry", cases("n8", "paired_binary"))
def test_golden_paired_events_equal_metafor(entry: dict[str, Any]) -> None:
    sizes = al.paired_events(*data(entry).values(), measure=PAIRED[entry["opts"]["measure"]])
    out = entry["out"]
    pairs = {"yi": (sizes.effect, out["yi"]), "vi": (sizes.variance, out["vi"])}
    compare("metafor escalc, paired events", entry["id"], **pairs)


@pytest.mark.parametrize("entry", cases("n8", "curtin2002"))
def test_golden_crossover_trials_pool_as_in_metafor(entry: dict[str, Any]) -> None:
    columns = data(entry)
    sizes = al.generic_effect(columns["yi"], se=columns["sei"])
    pools("cross-over, Curtin 2002", entry["id"], sizes, entry["out"])


@pytest.mark.parametrize("entry", cases("n8", "change"))
def test_golden_change_scores_equal_metafor(entry: dict[str, Any]) -> None:
    c, out, opts = data(entry), entry["out"], entry["opts"]
    n1, pre1, sd_pre1, post1, sd_post1, n2, pre2, sd_pre2, post2, sd_post2 = groups(c)
    sd1 = al.sd_of_change(sd_pre1, sd_post1, c["ri"])
    sd2 = al.sd_of_change(sd_pre2, sd_post2, c["ri"])
    change = (n1, post1 - pre1, sd1, n2, post2 - pre2, sd2)
    final = (n1, post1, sd_post1, n2, post2, sd_post2)
    sizes = MEANS[opts["measure"]](*(change if opts["values"] == "change" else final))
    compare(
        "change scores", entry["id"], sd1=(sd1, out["sd_change1"]), sd2=(sd2, out["sd_change2"]),
        yi=(sizes.effect, out["yi"]), vi=(sizes.variance, out["vi"]),
    )  # fmt: skip
    pools("change scores", entry["id"], sizes, out["pooled"])


@pytest.mark.parametrize("entry", cases("n8", "ppc"))
def test_golden_changes_of_two_groups(entry: dict[str, Any]) -> None:
    c, out = data(entry), entry["out"]
    morris, simple, becker = (
        al.standardized_change_difference(*groups(c), c["ri"], method=method)
        for method in ("Morris", "simple", "Becker")
    )
    compare(
        "pre-post-control", entry["id"],
        dppc2=(morris.effect, out["dppc2"]), v_morris=(morris.variance, out["v_morris"]),
        v_simple=(simple.variance, out["v_simple"]), becker=(becker.effect, out["becker_yi"]),
        v_becker=(becker.variance, out["becker_vi"]),
    )  # fmt: skip


@pytest.mark.parametrize("entry", cases("n8", "ancova"))
def test_golden_ancova_equals_lm(entry: dict[str, Any]) -> None:
    c, out = data(entry), entry["out"]
    sizes = al.ancova_difference(*groups(c), c["ri"])
    pairs = {"md": (sizes.effect, out["md_adj"]), "se": (sizes.se, out["se"])}
    compare("ANCOVA", entry["id"], **pairs)
    pools("ANCOVA", entry["id"], sizes, out["pooled"])


@pytest.mark.parametrize("entry", cases("n8", "mixed_change_final"))
def test_golden_change_and_final_scores_mix_in_a_mean_difference(entry: dict[str, Any]) -> None:
    out = entry["out"]
    sizes = al.generic_effect(out["yi"], se=np.sqrt(out["vi"]))
    pools("change and final scores", entry["id"], sizes, out["pooled"])


def summaries(entry: dict[str, Any]) -> dict[str, np.ndarray]:
    c, case = data(entry), entry["opts"].get("case", "case3_all")
    known = {"n": c["n"], "median": c["median"]}
    if case != "case2_q1_median_q3":
        known |= {"minimum": c["min"], "maximum": c["max"]}
    if case != "case1_min_median_max":
        known |= {"q1": c["q1"], "q3": c["q3"]}
    return known


@pytest.mark.parametrize("entry", cases("n8", "fivenum", "fivenum_notest"))
def test_golden_medians_equal_metafor(entry: dict[str, Any]) -> None:
    known, out = summaries(entry), entry["out"]
    arms = al.mean_sd_from_median(**known, sd_method="Shi")
    test = al.skewness_of_median(**known)
    if "sig" in out:
        compare(
            "metafor conv.fivenum", entry["id"], mean=(arms.mean, out["mean"]),
            sd=(arms.sd, out["sd"]), skewness=(test.statistic, out["tval"]),
            critical=(test.critical, out["crit"]),
        )  # fmt: skip
        assert test.skewed.tolist() == out["sig"]
    else:  # R gives no mean for a skewed summary
        straight = ~test.skewed
        assert straight.tolist() == [mean is not None for mean in out["mean"]]
        pairs = {
            name: (getattr(arms, name)[straight], [x for x in out[name] if x is not None])
            for name in ("mean", "sd")
        }
        compare("metafor conv.fivenum", entry["id"], **pairs)


@pytest.mark.parametrize("entry", cases("n8", "metamean"))
def test_golden_medians_equal_meta(entry: dict[str, Any]) -> None:
    methods = {"method": entry["opts"]["method.mean"], "sd_method": entry["opts"]["method.sd"]}
    arms, out = al.mean_sd_from_median(**summaries(entry), **methods), entry["out"]
    compare("meta metamean", entry["id"], mean=(arms.mean, out["mean"]))
    from_table = methods["sd_method"] == "Wan"
    agree(
        "meta metamean", "sd by Wan" if from_table else "sd by Shi", list(arms.sd), out["sd"],
        WAN_TABLES if from_table else CLOSED_FORM, where=entry["id"],
        reason="R reads Wan's factors from the printed tables" if from_table else REASON,
    )  # fmt: skip


def test_golden_no_entry_is_skipped() -> None:
    kinds = {entry["id"].split("|")[0] for entry in load("n8")["entries"]}
    assert kinds == {
        "cluster_binary", "cluster_continuous", "crossover", "crossover_formula", "paired_binary",
        "curtin2002", "change", "mixed_change_final", "ppc", "ancova", "fivenum", "fivenum_notest",
        "metamean",
    }  # fmt: skip


# --- properties ----------------------------------------------------------------------------------

MEAN, SPREAD = st.floats(-50, 50), st.floats(0.5, 20)
GROUP = st.tuples(st.integers(5, 200), MEAN, SPREAD, MEAN, SPREAD)


@quick
@given(GROUP, GROUP, st.floats(-0.9, 0.9))
def test_swapping_the_groups_turns_the_sign(first: Any, second: Any, r: float) -> None:
    for function in (al.ancova_difference, al.standardized_change_difference):
        there, back = function(*first, *second, r), function(*second, *first, r)
        assert there.effect[0] == pytest.approx(-back.effect[0], abs=1e-9)
        assert there.variance[0] == pytest.approx(back.variance[0])


def test_ancova_equals_the_regression_on_the_raw_data() -> None:
    generator = np.random.default_rng(11)
    rows, group = [], np.repeat([1.0, 0.0], [14, 17])
    before = generator.normal(50, 10, 31)
    after = 0.6 * before - 4 * group + generator.normal(0, 5, 31)
    design = np.column_stack([np.ones(31), group, before])
    beta, rest, *_ = np.linalg.lstsq(design, after, rcond=None)
    se = np.sqrt(rest[0] / 28 * np.linalg.inv(design.T @ design)[1, 1])
    for which in (group == 1, group == 0):
        x, y = before[which], after[which]
        rows += [len(x), x.mean(), x.std(ddof=1), y.mean(), y.std(ddof=1)]
    # One correlation stands for both groups: the pooled one within them.
    inside = [(before[g] - before[g].mean(), after[g] - after[g].mean()) for g in
              (group == 1, group == 0)]  # fmt: skip
    sxy = sum(x @ y for x, y in inside)
    scale = sum(np.sqrt((x @ x) * (y @ y)) for x, y in inside)
    sizes = al.ancova_difference(*rows, sxy / scale)
    assert sizes.effect[0] == pytest.approx(beta[1])
    assert sizes.se[0] == pytest.approx(se)


def test_no_clusters_change_nothing() -> None:
    trial = al.mean_difference(20, 1, 2, 20, 2, 2)
    assert al.design_effect(1, 0.3) == 1
    assert al.inflated(trial, 1).variance == trial.variance


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: al.design_effect(20, 1.2), r"icc must be between 0 and 1 \(study 1: 1\.2\)"),
        (lambda: al.design_effect(20, -0.1, labels=["Kell"]), r"icc .*\(Kell: -0\.1\)"),
        (lambda: al.design_effect(0.5, 0.1), "cluster_size must be 1 or more"),
        (lambda: al.design_effect("many", 0.1), "^cluster_size: not a list of numbers"),
        (lambda: al.design_effect(20, "low"), "^icc: not a list of numbers"),
        (
            lambda: al.inflated(al.mean_difference(9, 1, 1, 9, 1, 1), [1.5, 2]),
            "effect has 1, effect_of_design has 2",
        ),
        (lambda: al.inflated(al.mean_difference(9, 1, 1, 9, 1, 1), 0.5), "1 or more"),
        (lambda: al.crossover_difference(9, 1, 1, 2, 1, 1), "correlation must be strictly"),
        (lambda: al.crossover_smd(9, 1, 1, 2, 1, 0.5, unit="last"), "unit must be one of average"),
        (
            lambda: al.crossover_smd(9, 1, 1, 2, 1, 0.5, unit="first", variance_method="UB"),
            "UB does not go with unit first",
        ),
        (lambda: al.crossover_ratio_of_means(9, -1, 1, 2, 1, 0.5), r"mean1 \* mean2 must be"),
        (lambda: al.paired_events(1, -1, 2, 3), "only_first must be"),
        (lambda: al.paired_events(1, 0, 0, 3, measure="conditional OR"), "from empty cells: stu"),
        (
            lambda: al.standardized_change_difference(2, 1, 1, 2, 1, 2, 1, 1, 2, 1, 0.5),
            r"n1 \+ n2 must be 5 or more",
        ),
        (lambda: al.skewness_of_median(20, 5), "give q1 and q3, or minimum and maximum"),
        (
            lambda: al.mean_sd_from_median(20, 5, q1=4, q3=6, sd_method="Hozo"),
            "sd_method must be one of Wan, Shi",
        ),
    ],
)
def test_impossible_designs_are_refused(call: Any, told: str) -> None:
    with pytest.raises(al.ReviewError, match=told):
        call()
