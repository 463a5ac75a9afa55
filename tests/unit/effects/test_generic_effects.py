"""Do reported estimates, single groups, ratios of means and SMD variants equal R?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from golden_cases import agree, cases, columns_of, load
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

import analysis_lib as al
from analysis_lib.effects.events import peto_odds_ratio

# Closed forms. Worst error seen 2e-12 (log odds of Clopper-Pearson limits: 1e-9).
CLOSED_FORM = 1e-8
REASON = "closed form; R's numbers have 15 significant digits"
ITERATED = 1e-6  # REML, PM; worst error seen 2e-9
R_ABOVE_ZERO = 1e-11  # R stops so far above tau2 = 0

quick = examples(60)

ARMS = ("n1i", "m1i", "sd1i", "n2i", "m2i", "sd2i")
TRANSFORMS = {
    "PLOGIT": "logit", "PLN": "log", "PFT": "freeman-tukey", "PAS": "arcsine", "PRAW": "none",
    "IRLN": "log", "IRFT": "freeman-tukey", "IRS": "sqrt", "IR": "none",
    "ZCOR": "z", "COR": "none",
}  # fmt: skip
CONVERSIONS = {"HH": "Hasselblad-Hedges", "CS": "Cox-Snell"}
#: Name in the reference file -> options of ``standardized_mean_difference``.
SMD_VARIANTS = {
    "SMD_Hedges_FALSE": {"correction": "approximate", "variance_method": "meta"},
    "SMD_Hedges_TRUE": {"variance_method": "UB"},
    "SMD_Cohen": {"correction": "none", "variance_method": "UB"},
    "SMD_Cohen_TRUE": {"correction": "none", "variance_method": "UB"},
    "SMD_Glass_control": {"unit": "second", "correction": "none", "variance_method": "meta"},
    "SMD_Glass_experimental": {"unit": "first", "correction": "none", "variance_method": "meta"},
    "SMDH_LS": {"unit": "average"},
    "SMDH_LS2": {"unit": "average", "variance_method": "LS2"},
    "SMD_LS": {},
    "SMD_LS2": {"variance_method": "LS2"},
    "SMD_UB": {"variance_method": "UB"},
    "SMD1": {"unit": "second"},
    "SMD1H": {"unit": "second", "variance_method": "unequal"},
    "SMD_FALSE": {"correction": "none"},
}
INTERVALS = {
    "CP": "clopper-pearson", "WS": "wilson", "WSCC": "wilson-corrected", "AC": "agresti-coull",
    "SA": "simple", "SACC": "simple-corrected",
}  # fmt: skip
#: Kinds of entries without a counterpart here, with the reason.
NOT_OFFERED = {
    "metaprop_glmm": "generalised linear mixed models are not offered",
    "metarate_glmm": "generalised linear mixed models are not offered",
}


def data(entry: dict[str, Any]) -> dict[str, list[float]]:
    return columns_of("n2", entry)


def reported(entry: dict[str, Any]) -> al.EffectSizes:
    kind, columns, opts = entry["id"].split("|")[0], data(entry), entry["opts"]
    if kind in ("metagen_p", "metagen_p_df"):
        df = columns["df"] if kind.endswith("df") else None
        return al.generic_effect(columns["est"], p_value=columns["pval"], df=df)
    interval = (columns["lower"], columns["upper"])
    if kind in ("metagen_ci_df", "metagen_ci_nodf"):
        df = columns["df"] if kind == "metagen_ci_df" else None
        return al.generic_effect(columns["est"], ci=interval, df=df)
    level = opts.get("level.ci", 0.95)
    return al.generic_effect(columns["est"], ci=interval, level=level, log=True)


def from_arms(entry: dict[str, Any]) -> al.EffectSizes:
    columns, name = data(entry), entry["id"].split("|")[2]
    n1, m1, sd1, n2, m2, sd2 = arms = [columns[key] for key in ARMS]
    if name.startswith("ROM"):
        return al.ratio_of_means(*arms, correct=name == "ROM_TRUE")
    if name.startswith("MD"):
        return al.mean_difference(*arms, pooled_sd=name == "MD_TRUE")
    if name in ("VR", "CVR"):
        means = {"mean1": m1, "mean2": m2} if name == "CVR" else {}
        return al.variability_ratio(n1, sd1, n2, sd2, **means)
    return al.standardized_mean_difference(*arms, **SMD_VARIANTS[name])


def one_group(entry: dict[str, Any]) -> al.EffectSizes:
    columns, transform = data(entry), TRANSFORMS[entry["opts"]["sm"]]
    if "r" in columns:
        return al.correlation(columns["r"], columns["n"], transform=transform)
    if "time" in columns:
        return al.rate(columns["event"], columns["time"], transform=transform)
    return al.proportion(columns["event"], columns["n"], transform=transform)


def converted(entry: dict[str, Any]) -> al.EffectSizes:
    columns, method = data(entry), CONVERSIONS[entry["opts"]["method"]]
    if entry["id"].startswith("or2smd"):
        return al.smd_from_odds_ratio(columns["lnor"], columns["selnor"], method=method)
    return al.odds_ratio_from_smd(columns["smd"], columns["sesmd"], method=method)


OURS: dict[str, Callable[[dict[str, Any]], al.EffectSizes]] = {
    **dict.fromkeys(
        ("metagen_ci", "metagen_ci_df", "metagen_ci_nodf", "metagen_p", "metagen_p_df",
         "conv.wald", "rma"),
        reported,
    ),
    **dict.fromkeys(
        ("oe_v", "oe_v_metagen"),
        lambda entry: al.hazard_ratio_from_logrank(data(entry)["oe"], data(entry)["v"]),
    ),
    **dict.fromkeys(("metarate", "metaprop", "metacor"), one_group),
    **dict.fromkeys(("metacont", "escalc"), from_arms),
    **dict.fromkeys(("or2smd", "smd2or"), converted),
}  # fmt: skip


@pytest.mark.parametrize("entry", cases("n2", *OURS))
def test_golden_effects_and_their_pooling_equal_r(entry: dict[str, Any]) -> None:
    sizes, out, opts = OURS[entry["id"].split("|")[0]](entry), entry["out"], entry["opts"]
    family = f"n2 {entry['id'].split('|')[0]}"
    keys = {"where": entry["id"], "reason": REASON, "tolerance": CLOSED_FORM}
    for name, ours in (("yi", sizes.effect), ("TE", sizes.effect), ("vi", sizes.variance),
                       ("seTE", sizes.se)):  # fmt: skip
        if isinstance(out.get(name), list):
            agree(family, name, list(ours), out[name], scale=1e-9, **keys)
    pooled = "TE.random" if "TE.random" in out else "beta"
    if pooled not in out:
        return
    method = opts.get("method.tau", opts.get("method", "REML"))
    tau2_method = {"EE": "FE"}.get(method, method if method in ("REML", "DL", "PM") else "REML")
    fit = al.pool(sizes.effect, sizes.variance, tau2_method=tau2_method)
    keys["tolerance"] = ITERATED
    agree(family, "pooled", fit.estimate, out[pooled], scale=fit.se, **keys)
    agree(family, "pooled SE", fit.se, out.get("seTE.random", out.get("se")), **keys)
    agree(family, "tau2", fit.tau2, out["tau2"], scale=R_ABOVE_ZERO / ITERATED, **keys)
    if "backtransf_random" in out and "r" not in data(entry):
        sizes_of = data(entry).get("time", data(entry).get("n"))
        size = al.harmonic_mean(sizes_of)
        back = al.back_transformed([fit.estimate, *fit.ci], sizes.measure, size=size)
        expected = [out["backtransf_random"], *out["backtransf_random_ci"]]
        agree(family, "turned back", list(back), expected, scale=1e-3, **keys)
    elif "backtransf_random" in out:
        back = al.back_transformed([fit.estimate, *fit.ci], sizes.measure)
        agree(family, "turned back", list(back), out["backtransf_random"], scale=1e-3, **keys)


@pytest.mark.parametrize("entry", cases("n2", "metaprop_ci"))
def test_golden_intervals_of_proportions_equal_meta(entry: dict[str, Any]) -> None:
    events, n = (np.array(data(entry)[name], dtype=float) for name in ("event", "n"))
    for name, method in INTERVALS.items():
        limits = al.proportion_interval(events, n, method=method)
        # Newcombe sets the corrected interval to 0 for no event and to 1 for events in everybody;
        # R does not. The plain one of R misses 1 by rounding there.
        inside = (events > 0) & (events < n)
        with np.errstate(divide="ignore"):  # R gives the limits on the logit scale
            ours = [list(np.log(x[inside]) - np.log1p(-x[inside])) for x in limits]
        for side, values in zip(("lower", "upper"), ours, strict=True):
            expected = [x for x, use in zip(entry["out"][name][side], inside, strict=True) if use]
            agree("meta metaprop intervals", name, values, expected, 1e-7, where=entry["id"],
                  scale=1e-2, reason="log odds of limits near 0 and 1 lose digits")  # fmt: skip


@pytest.mark.parametrize("entry", cases("n2", "absolute"))
def test_golden_absolute_effects_equal_meta(entry: dict[str, Any]) -> None:
    out, opts, columns = entry["out"], entry["opts"], data(entry)
    row = opts["row"] - 1
    interval = (columns["lower"][row], columns["upper"][row])
    ours = al.absolute_effect(columns["est"][row], interval, opts["sm"], assumed_risk=opts["acr"])
    keys = {"where": entry["id"], "reason": REASON, "tolerance": CLOSED_FORM}
    agree("absolute effects", "risk", [ours.risk, *ours.risk_ci], out["per1000"], **keys)
    difference = [ours.difference, *ours.difference_ci]
    agree("absolute effects", "difference", difference, out["diff_per1000"], **keys)
    agree("absolute effects", "NNT", [ours.nnt, *ours.nnt_ci], out["nnt"], **keys)


def test_golden_no_entry_is_skipped() -> None:
    kinds = {entry["id"].split("|")[0] for entry in load("n2")["entries"]}
    assert kinds == {*OURS, *NOT_OFFERED, "metaprop_ci", "absolute"}


# --- properties ----------------------------------------------------------------------------------


@quick
@given(st.floats(-5, 5), st.floats(0.01, 3), st.sampled_from([0.8, 0.9, 0.95, 0.99]),
       st.sampled_from([None, 3.0, 30.0]))  # fmt: skip
def test_interval_and_p_lead_back_to_the_standard_error(
    effect: float, se: float, level: float, df: float | None
) -> None:
    from scipy import stats

    distribution = stats.norm if df is None else stats.t(df)
    half = distribution.isf((1 - level) / 2) * se
    by_ci = al.generic_effect(effect, ci=(effect - half, effect + half), level=level, df=df)
    assert by_ci.se[0] == pytest.approx(se, rel=1e-9)
    p = 2 * distribution.sf(abs(effect) / se)
    if 1e-12 < p < 1 - 1e-6:
        by_p = al.generic_effect(effect, p_value=p, df=df)
        assert by_p.se[0] == pytest.approx(se, rel=1e-6)
    ratio = al.generic_effect(
        np.exp(effect), ci=(np.exp(effect - half), np.exp(effect + half)),
        level=level, df=df, log=True,
    )  # fmt: skip
    assert ratio.effect[0] == pytest.approx(effect, abs=1e-12)
    assert ratio.se[0] == pytest.approx(se, rel=1e-9)


def test_each_row_uses_what_it_states() -> None:
    nan = float("nan")
    rows = al.generic_effect(
        [0.5, 0.5, 0.5],
        se=[0.2, nan, nan],
        ci=([nan, 0.108007, nan], [nan, 0.891993, nan]),
        p_value=[nan, nan, 0.0124193],
        labels=["Aasa", "Cai", "Kell"],
    )
    assert rows.se == pytest.approx([0.2] * 3, rel=1e-5)


@quick
@given(st.integers(0, 50), st.integers(0, 50), st.sampled_from(["logit", "log", "arcsine", "none"]))
def test_a_proportion_leads_back_to_itself(events: int, others: int, transform: str) -> None:
    n = events + others + 2
    sizes = al.proportion(events + 1, n, transform=transform)
    back = al.back_transformed(sizes.effect, sizes.measure)
    assert back[0] == pytest.approx((events + 1) / n)


@quick
@given(st.floats(0.05, 0.95), st.floats(0.2, 4))
def test_absolute_effects_of_no_effect_and_turned_round(risk: float, ratio: float) -> None:
    for measure in ("RR", "OR", "HR"):
        none = al.absolute_effect(1.0, (0.5, 2.0), measure, assumed_risk=risk)
        assert none.difference == pytest.approx(0, abs=1e-9)
        assert none.through_infinity
    there = al.absolute_effect(ratio, (ratio, ratio), "OR", assumed_risk=risk, per=1)
    back = al.absolute_effect(1 / ratio, (1 / ratio,) * 2, "OR", assumed_risk=there.risk, per=1)
    assert back.risk == pytest.approx(risk)


def test_a_risk_is_never_above_everybody() -> None:
    effect = al.absolute_effect(3.0, (2.0, 4.5), "RR", assumed_risk=0.4)
    assert effect.risk == 1000
    assert effect.capped


def test_an_absolute_effect_is_told_with_its_intervals() -> None:
    effect = al.absolute_effect(0.8, (0.7, 0.95), "RR", assumed_risk=0.1)
    assert effect.rows() == [
        ("risk, of 1000", "80 (70 to 95)"),
        ("difference, of 1000", "−20 (−30 to −5)"),
        ("number needed to treat", "NNTB 50 (NNTB 33 to NNTB 200)"),
    ]


def test_pooled_events_tell_people_what_they_mean() -> None:
    fit = al.pool_events([10, 12], [100, 110], [20, 22], [100, 112], measure="RR")
    told = fit.absolute(assumed_risk=0.2)
    assert told.risk == pytest.approx(200 * np.exp(fit.estimate))
    assert "NNTB" in str(told)


# --- bad input -----------------------------------------------------------------------------------


#: A call of every function of effects for one trial, and the measure it returns.
MEASURES: list[tuple[str, Callable[..., Any], tuple[float, ...], dict[str, Any]]] = [
    ("MD", al.mean_difference, (9, 2, 1, 9, 1, 1), {}),
    ("SMD", al.standardized_mean_difference, (9, 2, 1, 9, 1, 1), {}),
    ("MC", al.mean_change, (9, 2, 1, 1, 1, 0.5), {}),
    ("SMCR", al.standardized_mean_change, (9, 2, 1, 1, 1, 0.5), {}),
    ("SMCC", al.standardized_mean_change, (9, 2, 1, 1, 1, 0.5), {"standardizer": "change"}),
    ("ROM", al.ratio_of_means, (9, 2, 1, 9, 1, 1), {}),
    ("RR", al.risk_ratio, (2, 9, 3, 9), {}),
    ("OR", al.odds_ratio, (2, 9, 3, 9), {}),
    ("RD", al.risk_difference, (2, 9, 3, 9), {}),
    ("OR", peto_odds_ratio, (2, 9, 3, 9), {}),
    ("MD", al.crossover_difference, (9, 2, 1, 1, 1, 0.5), {}),
    ("ROM", al.crossover_ratio_of_means, (9, 2, 1, 1, 1, 0.5), {}),
    ("OR", al.paired_events, (12, 8, 3, 27), {}),
    ("RR", al.paired_events, (12, 8, 3, 27), {"measure": "RR"}),
    ("OR", al.paired_events, (12, 8, 3, 27), {"measure": "Peto OR"}),
    ("SMD", al.smd_from_odds_ratio, (0.6, 0.2), {}),
    ("OR", al.odds_ratio_from_smd, (0.2, 0.1), {}),
    ("HR", al.hazard_ratio_from_logrank, (-4.2, 12.5), {}),
    ("mean", al.single_mean, (9, 2, 1), {}),
    ("mean, log", al.single_mean, (9, 2, 1), {"log": True}),
    ("correlation, z", al.correlation, (0.5, 4), {}),
]


@pytest.mark.parametrize(("measure", "function", "trial", "options"), MEASURES)
def test_an_effect_knows_its_measure_and_its_trial(
    measure: str, function: Callable[..., Any], trial: tuple[float, ...], options: dict[str, Any]
) -> None:
    columns = [[x, x] for x in trial]
    sizes = function(*columns, labels=["Kell", "Aasa"], **options)
    assert sizes.measure == measure
    assert sizes.labels == ("Kell", "Aasa")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: al.generic_effect(0.5, se=0), r"se must be .*greater than zero \(study 1: 0\.0"),
        (lambda: al.generic_effect(0.5), "standard error, interval or p value"),
        (lambda: al.generic_effect(0.5, ci=(0.6, 0.9)), r"low must be at most the estimate"),
        (lambda: al.generic_effect(0.5, ci=(0.1, 0.4)), r"high must be at least the estimate"),
        (lambda: al.generic_effect(0.5, ci=(0.5, 0.5)), "high - low must be"),
        (lambda: al.generic_effect([0.5], ci=([0.1], [float("nan")])), "both limits or none"),
        (lambda: al.generic_effect(0.5, ci=(0, 0.9), log=True), "low of a ratio must be greater"),
        (lambda: al.generic_effect(-0.5, se=1, log=True), "estimate of a ratio must be greater"),
        (lambda: al.generic_effect(0.5, p_value=0), "p_value must be strictly between"),
        (lambda: al.generic_effect(0.0, p_value=0.5), "not zero where only a p value"),
        (lambda: al.generic_effect(0.5, ci=(0, 1), level=95), "level must be between 0 and 1"),
        (lambda: al.generic_effect([], se=[]), "no trials"),
        (lambda: al.hazard_ratio_from_logrank(-4, -1), r"v must be .*\(study 1: -1\.0\)"),
        (lambda: al.proportion(5, 4), r"events must be at most n \(study 1: 5\.0\)"),
        (lambda: al.proportion(1, 4, transform="logits"), "did you mean .logit"),
        (lambda: al.rate(1, 0), "time must be"),
        (lambda: al.correlation(1.0, 30), "correlation must be strictly between -1 and 1"),
        (lambda: al.correlation(0.5, 3), "n must be at least 4"),
        (lambda: al.single_mean(20, -1, 2, log=True), "to have a logarithm"),
        (lambda: al.back_transformed(0.3, "proportion, freeman-tukey"), "needs the harmonic mean"),
        (lambda: al.ratio_of_means(9, 1, 1, 9, -1, 1), "mean1 / mean2 must be greater than zero"),
        (lambda: al.smd_from_odds_ratio(0.3, 0), "^se must be finite and greater than zero"),
        (
            lambda: al.generic_effect(0, p_value=0.5),
            "^estimate must be not zero where only a p value is given",
        ),
        (lambda: al.absolute_effect(-0.2, (-0.5, 0.1), "OR", assumed_risk=0.1), "the exponential"),
        (lambda: al.absolute_effect(0.8, (0.9, 1), "RR", assumed_risk=0.1), "does not hold"),
        (lambda: al.absolute_effect(0.8, (0.7, 1), "RR", assumed_risk=10), "between 0 and 1"),
    ],
)
def test_impossible_reports_are_refused(call: Any, told: str) -> None:
    with pytest.raises(al.ReviewError, match=told):
        call()


@pytest.mark.parametrize(
    ("ci", "risk", "per", "message"),
    [
        ((0.4,), 0.2, 1000, "ci: two limits are needed, got 1"),
        ((0.4, 0.9), "much", 1000, "estimate, ci, assumed_risk and per"),
        ((0.4, 0.9), 0.2, 0, "per must be finite and above 0, got 0"),
    ],
)
def test_bad_input_of_absolute_effects_is_named(ci: Any, risk: Any, per: Any, message: str) -> None:
    with pytest.raises(al.ReviewError, match=message):
        al.absolute_effect(0.6, ci, "IRR", assumed_risk=risk, per=per)
