"""Do Mantel-Haenszel, Peto and inverse variance equal R, and do they say what they left out?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from golden_cases import agree, cases, columns_of, load
from hypothesis import assume, given
from hypothesis import strategies as st
from properties import examples

import analysis_lib as al
from analysis_lib.pooling.methods import MODELS
from analysis_lib.pooling.stratified import breslow_day, cochran_mantel_haenszel

# Closed forms. Worst error seen 5e-12 (p values far out in the tail).
CLOSED_FORM = 1e-9
REASON = "closed form; R's numbers have 15 significant digits"
# Everything that rests on an iterated tau2 (REML, PM); worst error seen 2e-8.
ITERATED = 1e-6
# R stops REML some 1e-13 above tau2 = 0; ours is zero.
R_ABOVE_ZERO = 1e-11

quick = examples(60)


def columns(topic: str, entry: dict[str, Any]) -> list[list[float]]:
    return list(columns_of(topic, entry).values())


def has_double_zeros(entry: dict[str, Any]) -> bool:
    first, n1, second, n2 = (np.array(c) for c in columns("n1", entry))
    nobody, everybody = (first + second) == 0, (n1 + n2 - first - second) == 0
    return bool((nobody | everybody).any())


def ours_for_rma_mh(entry: dict[str, Any]) -> al.PooledEvents:
    """R's ``to`` and ``add`` have two parts: for the trials' own effects, and for the pooled."""
    opts = entry["opts"]
    own, pooled = opts["to"]
    function = al.pool_rates if opts["measure"].startswith("IR") else al.pool_events
    return function(
        *columns("n1", entry),
        measure=opts["measure"],
        correct=own,
        correct_pooled=pooled != "none",
        # R leaves double zeros out of the trials' own effects alone; corrected counts of them
        # are in its pooled estimate.
        double_zeros="drop" if opts["drop00"] and pooled == "none" else "keep",
        shrink=opts["measure"] in ("RD", "IRD"),
    )


@pytest.mark.parametrize("entry", cases("n1", "rma.mh"))
def test_golden_mantel_haenszel_equals_metafor(entry: dict[str, Any]) -> None:
    out, family = entry["out"], f"metafor rma.mh {entry['opts']['measure']}"
    if out["beta"] is None:  # no event in any first arm: R has no estimate either
        with pytest.raises(al.ReviewError, match="no event in the first arms"):
            ours_for_rma_mh(entry)
        return
    fit = ours_for_rma_mh(entry)
    keys = {"where": entry["id"], "reason": REASON, "tolerance": CLOSED_FORM}
    agree(family, "estimate", fit.estimate, out["beta"], **keys)
    agree(family, "se", fit.se, out["se"], **keys)
    agree(family, "z", fit.statistic, out["zval"], **keys)
    agree(family, "p value", fit.p_value, out["pval"], **keys)
    agree(family, "ci", fit.ci, [out["ci.lb"], out["ci.ub"]], scale=fit.se, **keys)
    if not has_double_zeros(entry):  # R leaves them out of Q but not out of the estimate
        agree(family, "Q", fit.q, out["QE"], scale=1e-12, **keys)
        agree(family, "I2", fit.i2 or 0.0, out["I2"] / 100, scale=1e-12, **keys)
    if "weights_pct" in out and len(out["weights_pct"]) == fit.k:
        agree(family, "weights", list(100 * fit.weights), out["weights_pct"], scale=1e-3, **keys)


@pytest.mark.parametrize("entry", cases("n1", "rma.peto"))
def test_golden_peto_equals_metafor(entry: dict[str, Any]) -> None:
    out, family = entry["out"], "metafor rma.peto"
    keep = "drop" if entry["opts"]["drop00"] else "keep"
    fit = al.pool_events(*columns("n1", entry), method="Peto", double_zeros=keep)
    keys = {"where": entry["id"], "reason": REASON, "tolerance": CLOSED_FORM}
    agree(family, "estimate", fit.estimate, out["beta"], **keys)
    agree(family, "se", fit.se, out["se"], **keys)
    agree(family, "p value", fit.p_value, out["pval"], **keys)
    agree(family, "ci", fit.ci, [out["ci.lb"], out["ci.ub"]], scale=fit.se, **keys)
    agree(family, "Q", fit.q, out["QE"], scale=1e-12, **keys)


def with_tests() -> list[Any]:
    """Entries of raw counts; of corrected ones R takes the tests from the corrected counts."""
    return [
        param
        for param in cases("n1", "rma.mh")
        if param.values[0]["out"].get("TA") is not None
        and param.values[0]["opts"]["to"][1] == "none"
    ]


@pytest.mark.parametrize("entry", with_tests())
def test_golden_tests_of_the_counts_equal_metafor(entry: dict[str, Any]) -> None:
    out, opts = entry["out"], entry["opts"]
    counts = columns("n1", entry)
    keys = {"where": entry["id"], "reason": REASON, "tolerance": CLOSED_FORM}
    association = cochran_mantel_haenszel(*counts, continuity=opts["correct_MH_test"])
    agree("metafor rma.mh tests", "CMH", association.statistic, out["MH"], **keys)
    agree("metafor rma.mh tests", "CMH p", association.p_value, out["MHp"], **keys)
    corrected, plain = breslow_day(*counts), breslow_day(*counts, tarone=False)
    agree("metafor rma.mh tests", "Tarone", corrected.statistic, out["TA"], **keys)
    agree("metafor rma.mh tests", "Tarone p", corrected.p_value, out["TAp"], **keys)
    agree("metafor rma.mh tests", "Breslow-Day", plain.statistic, out["BD"], **keys)


def both_models(
    entry: dict[str, Any], topic: str, common: dict[str, Any], random: dict[str, Any]
) -> None:
    """Compare the common-effect and the random-effects fit with one of R's meta."""
    opts, out = entry["opts"], entry["out"]
    family = f"meta {entry['id'].split('|')[0]} {opts['sm']}"
    function = al.pool_rates if topic == "n1" else al.pool_events
    method = opts["method"].replace("Inverse", "inverse")
    asked = {"measure": opts["sm"], "method": method}
    for model, options in (("common", common), ("random", random)):
        estimate = out[f"TE.{model}"]
        if estimate is None or not np.isfinite(estimate):
            with pytest.raises(al.ReviewError, match="no event in the first arms"):
                function(*columns(topic, entry), model=model, **asked, **options)
            continue
        fit = function(*columns(topic, entry), model=model, **asked, **options)
        tolerance = CLOSED_FORM if model == "common" else ITERATED
        keys = {"where": entry["id"], "reason": REASON, "tolerance": tolerance}
        agree(family, f"{model} estimate", fit.estimate, estimate, scale=fit.se, **keys)
        agree(family, f"{model} se", fit.se, out[f"seTE.{model}"], **keys)
        limits = [out[f"lower.{model}"], out[f"upper.{model}"]]
        agree(family, f"{model} ci", fit.ci, limits, scale=fit.se, **keys)
        if model == "random":
            agree(family, "Q", fit.q, out["Q"], **keys)
            agree(family, "tau2", fit.tau2, out["tau2"], scale=R_ABOVE_ZERO / ITERATED, **keys)
            agree(family, "I2", fit.i2, out["I2"], scale=1e-3, **keys)
            pi = [out["lower.predict"], out["upper.predict"]]
            agree(family, "PI", fit.prediction_interval, pi, scale=fit.se, **keys)


@pytest.mark.parametrize("entry", cases("n1b", "metabin"))
def test_golden_events_equal_meta(entry: dict[str, Any]) -> None:
    opts = entry["opts"]
    shared = {
        "double_zeros": "keep" if opts["allstudies"] else "drop",
        "add_to_n": "twice" if opts["RR.Cochrane"] else "once",
        "correct_pooled": not opts["MH.exact"],
    }
    around = ("MH" if opts["Q.Cochrane"] else "inverse") if opts["method"] == "MH" else None
    random = {"tau2_method": opts["method.tau"], "pi_method": "V", "heterogeneity": around}
    both_models(entry, "n1b", {**shared, "rd_variance": "Greenland"}, {**shared, **random})


@pytest.mark.parametrize("entry", cases("n1", "metainc"))
def test_golden_rates_equal_meta(entry: dict[str, Any]) -> None:
    shared = {"double_zeros": "keep", "pi_method": "V"}
    random = {"tau2_method": entry["opts"]["method.tau"], "heterogeneity": "inverse"}
    both_models(entry, "n1", shared, {**shared, **random})


def test_golden_no_entry_is_skipped() -> None:
    kinds = {e["id"].split("|")[0] for topic in ("n1", "n1b") for e in load(topic)["entries"]}
    assert kinds == {"rma.mh", "rma.peto", "metainc", "metabin"}


# --- properties ----------------------------------------------------------------------------------

COUNTS = st.integers(20, 300).flatmap(lambda n: st.tuples(st.integers(0, n // 2), st.just(n)))
TRIALS = st.lists(st.tuples(COUNTS, COUNTS), min_size=2, max_size=6)


def as_columns(trials: Any) -> tuple[list[int], ...]:
    first, second = zip(*trials, strict=True)
    (events1, n1), (events2, n2) = zip(*first, strict=True), zip(*second, strict=True)
    return list(events1), list(n1), list(events2), list(n2)


@pytest.mark.slow
@quick
@given(TRIALS, st.sampled_from(["OR", "RR", "RD"]), st.sampled_from(["MH", "Peto", "inverse"]))
def test_swapping_the_arms_turns_the_sign(trials: Any, measure: str, method: str) -> None:
    assume(method != "Peto" or measure == "OR")
    events1, n1, events2, n2 = as_columns(trials)
    assume(sum(events1) > 0 and sum(events2) > 0)
    there = al.pool_events(events1, n1, events2, n2, measure=measure, method=method)
    back = al.pool_events(events2, n2, events1, n1, measure=measure, method=method)
    assert there.estimate == pytest.approx(-back.estimate, abs=1e-12)
    assert there.se == pytest.approx(back.se)
    assert there.weights.sum() == pytest.approx(1)


@quick
@given(TRIALS, st.sampled_from(["OR", "RR"]))
def test_a_double_zero_changes_no_mantel_haenszel_ratio(trials: Any, measure: str) -> None:
    events1, n1, events2, n2 = as_columns(trials)
    assume(sum(events1) > 0 and sum(events2) > 0)
    fit = al.pool_events(events1, n1, events2, n2, measure=measure)
    more = al.pool_events([*events1, 0], [*n1, 50], [*events2, 0], [*n2, 70], measure=measure)
    assert more.estimate == pytest.approx(fit.estimate)
    assert more.se == pytest.approx(fit.se)
    assert more.left_out[-1:] == (f"study {len(n1) + 1}",)


def test_twins_in_one_trial_or_two_have_one_odds_ratio() -> None:
    """Mantel-Haenszel of one trial is the trial's own, and of two equal ones as well."""
    own = al.odds_ratio(8, 40, 15, 42)
    for times in (1, 2):
        fit = al.pool_events([8] * times, [40] * times, [15] * times, [42] * times)
        assert fit.estimate == pytest.approx(own.effect[0])
        assert fit.se == pytest.approx(own.se[0] / times**0.5)


def test_it_says_what_was_corrected_and_left_out() -> None:
    fit = al.pool_events(
        [0, 3, 0], [50, 60, 40], [4, 6, 0], [52, 61, 44], labels=["Aasa", "Cai", "Kell"]
    )
    assert (fit.corrected, fit.left_out, fit.labels) == (("Aasa",), ("Kell",), ("Aasa", "Cai"))
    assert "Events are rare" in fit.rare
    assert "OR, MH" in str(fit)
    assert fit.handling() == (
        "0.5 was added to the cells of 1 trial with an empty cell, for its own effect, not for "
        "the pooled one. Left out, because nobody or everybody had the event in both arms, which "
        "says nothing of a ratio: 1 trial (Kell)."
    )
    kept = al.pool_events([0, 3, 0], [50, 60, 40], [4, 6, 0], [52, 61, 44], measure="RD")
    assert kept.k == 3
    assert kept.left_out == ()


@pytest.mark.parametrize(
    ("measure", "method", "model"),
    [(m, w, model) for m in ("OR", "RR", "RD") for w in ("MH", "inverse") for model in MODELS]
    + [("OR", "Peto", model) for model in MODELS],
)
def test_rare_events_recommend_another_method_than_the_one_in_use(
    measure: str, method: str, model: str
) -> None:
    """Random effects are weighted by inverse variances, whichever method is named."""
    fit = al.pool_events(
        [1, 3, 2], [50, 60, 40], [4, 6, 1], [52, 61, 44],
        measure=measure, method=method, model=model,
    )  # fmt: skip
    advice = str(fit.rare)
    uses_counts = model == "common" and method != "inverse"
    assert ("Read " in advice) is not uses_counts
    assert "can mislead" in advice or uses_counts
    assert ("Peto" in advice) is (measure == "OR" and (method == "Peto" or not uses_counts))
    assert fit.title().endswith(method if model == "common" or method == "Peto" else "inverse")


@pytest.mark.parametrize("method", ["MH", "Cochran", "inverse"])
def test_rare_rates_recommend_no_odds_ratio(method: str) -> None:
    fit = al.pool_rates([1, 8], [413, 263], [19, 3], [398, 245], method=method)
    assert "Peto" not in str(fit.rare)
    assert ("Read Mantel-Haenszel" in str(fit.rare)) is (method == "inverse")


@pytest.mark.parametrize("tau2_method", ["DL", "REML"])
def test_random_effects_take_q_around_mantel_haenszel_with_dl_alone(tau2_method: str) -> None:
    counts = (
        [4, 29, 62, 180],
        [123, 7499, 13598, 1541],
        [11, 45, 248, 372],
        [139, 7277, 12867, 1451],
    )
    named, plain = (
        al.pool_events(*counts, method=method, model="random", tau2_method=tau2_method)
        for method in ("MH", "inverse")
    )
    assert named.around == ("MH" if tau2_method == "DL" else "inverse")
    assert (named.tau2 == plain.tau2) is (tau2_method == "REML")
    assert (named.estimate == plain.estimate) is (tau2_method == "REML")


def test_common_events_are_not_called_rare() -> None:
    assert al.pool_events([20, 30], [50, 60], [24, 26], [52, 61]).rare is None


def test_one_trial_has_no_variance_between_trials_and_two_equal_ones_have_zero() -> None:
    one = al.pool_events([1], [9], [2], [9])
    two = al.pool_events([1, 2], [9, 9], [2, 3], [9, 9])
    assert (one.tau2, two.tau2) == (None, 0.0)


@pytest.mark.parametrize("rule", ["only0", "if0all", "all", "none"])
@pytest.mark.parametrize("empty", [True, False])
def test_rates_are_corrected_where_it_is_asked_for(rule: str, empty: bool) -> None:
    events1, events2 = np.array([0.0 if empty else 2.0, 6]), np.array([8.0, 9])
    time1, time2 = [100, 120], [90, 110]
    everywhere = rule == "all" or (rule == "if0all" and empty)
    add = np.where((events1 == 0) & (rule == "only0") | everywhere, 0.5, 0)
    if empty and rule == "none":
        with pytest.raises(al.ReviewError, match="cannot be computed from empty cells: study 1"):
            al.pool_rates(events1, time1, events2, time2, method="inverse", correct=rule)
        return
    asked = al.pool_rates(events1, time1, events2, time2, method="inverse", correct=rule)
    by_hand = al.pool_rates(events1 + add, time1, events2 + add, time2, method="inverse")
    assert (asked.estimate, asked.se) == (by_hand.estimate, by_hand.se)
    assert asked.corrected == tuple(np.array(["study 1", "study 2"])[add > 0])


def test_breslow_and_day_where_the_common_odds_ratio_is_one() -> None:
    """Of two mirrored trials each has 6 events expected, with variance 2.1, and 3 more or fewer."""
    test = breslow_day([3, 9], [20, 20], [9, 3], [20, 20], tarone=False)
    assert test.statistic == pytest.approx(2 * 3**2 / 2.1)


def test_a_risk_difference_is_not_shrunk() -> None:
    assert al.risk_difference(0, 20, 6, 20).effect[0] == -0.3
    assert al.pool_events([0], [20], [6], [20], measure="RD").estimate == pytest.approx(-0.3)
    shrunk = al.risk_difference(0, 20, 6, 20, shrink=True)
    assert shrunk.effect[0] == pytest.approx(0.5 / 21 - 6.5 / 21)


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: al.pool_events([1], [0], [2], [9]), r"n1 must be .*\(study 1: 0\.0\)"),
        (lambda: al.pool_events([11], [10], [2], [9]), r"events1 must be at most n1 \(study 1"),
        (lambda: al.pool_events([], [], [], []), "no trials"),
        (lambda: al.pool_events([0], [9], [0], [9]), "no trial is left without double zeros"),
        (lambda: al.pool_events([1], [9], [2], [9], method="Mh"), "did you mean .MH"),
        (lambda: al.pool_events([1], [9], [2], [9], measure="HR"), "measure must be one of OR"),
        (lambda: al.pool_events([1], [9], [2], [9], model="fixed"), "model must be one of common"),
        (lambda: al.pool_events([1], [9], [2], [9], correction=0), "correction must be finite"),
        (lambda: al.pool_events([1], [9], [2], [9], double_zeros="x"), "double_zeros must be"),
        (
            lambda: al.pool_events([1], [9], [2], [9], method="Peto", measure="RR"),
            "Peto's is an odds ratio, not RR",
        ),
        (
            lambda: al.pool_events([1, 2], [9, 9], [0, 0], [9, 9], measure="RR"),
            "RR: no event in the second arms: .*correct_pooled",
        ),
        (
            lambda: al.pool_events([0], [9], [3], [9], method="inverse", correct="none"),
            "cannot be computed from empty cells: study 1",
        ),
        (
            lambda: al.pool_rates([1], [0.0], [2], [9]),
            r"^time1 must be finite and greater than zero \(study 1: 0\.0\)",
        ),
        (lambda: al.pool_rates([], [], [], []), "^events1: no trials"),
        (lambda: al.pool_rates([-1], [8], [2], [9]), r"events1 must be .*\(study 1: -1\.0\)"),
        (
            lambda: al.pool_rates([1], [8], [2], [9], method="Cochran", measure="IRD"),
            "Cochran's is a ratio of rates",
        ),
        (
            lambda: al.pool_events([1], [9], [2], [9], heterogeneity="Peto"),
            "^heterogeneity must be one of",
        ),
        (lambda: cochran_mantel_haenszel([0], [9], [0], [9]), "no trial tells anything"),
        (lambda: breslow_day([1], [9], [2], [9]), "fewer than two trials"),
    ],
)
def test_impossible_events_are_refused(call: Any, told: str) -> None:
    with pytest.raises(al.ReviewError, match=told):
        call()
