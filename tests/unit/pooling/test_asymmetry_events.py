"""Do the tests of asymmetry that fit events and standardized differences equal R?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from golden_cases import agree, columns_of, load
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

import analysis_lib as al
from analysis_lib.pooling.asymmetry import EggerTest

CLOSED_FORM = 1e-8  # worst error seen 1e-10
REASON = "closed form; R's numbers have 15 significant digits"
ITERATED = 1e-5  # tests that rest on an iterated tau2 (Thompson, regtest rma); worst seen 2e-8

quick = examples(60)

BY_METHOD: dict[str, Callable[..., EggerTest]] = {
    "Harbord": al.harbord_test,
    "Peters": al.peters_test,
    "Deeks": al.deeks_test,
    "Macaskill": lambda *counts, **options: al.macaskill_test(
        *counts, weights="variance", **options
    ),
}
PREDICTORS = {
    "sei": "se", "vi": "variance", "ni": "n", "ninv": "1/n", "sqrtni": "sqrt(n)",
    "sqrtninv": "1/sqrt(n)",
}  # fmt: skip
EFFECTS = {"OR": al.odds_ratio, "RR": al.risk_ratio, "RD": al.risk_difference}


def columns(entry: dict[str, Any]) -> list[np.ndarray]:
    data = columns_of("n3", entry)
    return [np.array(column, dtype=float) for column in data.values()]


def informative(entry: dict[str, Any], measure: str) -> list[np.ndarray]:
    """Return the counts without the trials that R's meta leaves out of a ratio."""
    events1, n1, events2, n2 = columns(entry)
    nobody = (events1 + events2) == 0
    everybody = (events1 + events2 == n1 + n2) & (measure == "OR")
    kept = ~(nobody | everybody) if measure != "RD" else np.ones(len(n1), dtype=bool)
    return [column[kept] for column in (events1, n1, events2, n2)]


def effects(entry: dict[str, Any], measure: str, add_to_n: str) -> al.EffectSizes:
    options = {"add_to_n": add_to_n} if measure == "RR" else {}
    return EFFECTS[measure](*informative(entry, measure), **options)


def of_means(entry: dict[str, Any]) -> al.EffectSizes:
    if entry["opts"].get("sm") == "MD":
        return al.mean_difference(*columns(entry))
    exact = {"variance_method": "UB"}
    rough = {"variance_method": "meta", "correction": "approximate"}
    options = exact if entry["opts"]["exact.smd"] else rough
    return al.standardized_mean_difference(*columns(entry), **options)


def ours(entry: dict[str, Any]) -> EggerTest:
    method, measure = entry["opts"]["method.bias"], entry["opts"].get("sm")
    counts = len(columns(entry)) == 4
    if counts and method in BY_METHOD:
        return BY_METHOD[method](*columns(entry), measure=measure)
    sizes = effects(entry, measure, "once") if counts else of_means(entry)
    if counts:
        _, n1, _, n2 = informative(entry, measure)
    else:
        n1, _, _, n2, _, _ = columns(entry)
    if method == "Pustejovsky":
        return al.pustejovsky_test(n1, n2, sizes.effect, variance=sizes.variance)
    options = {
        "Thompson": {"model": "additive, t"},
        "Macaskill": {"predictor": "n", "n": n1 + n2},
        "Egger": {},
    }[method]
    return al.egger_test(sizes.effect, sizes.variance, **options)


def golden(kind: str, *, without: tuple[str, ...] = ()) -> list[Any]:
    return [
        pytest.param(e, id=e["id"])
        for e in load("n3")["entries"]
        if e["id"].split("|")[0] == kind and e["opts"].get("method.bias") not in without
    ]


@pytest.mark.parametrize("entry", golden("metabias", without=("Begg", "Schwarzer")))
def test_golden_tests_equal_metabias(entry: dict[str, Any]) -> None:
    method, out = entry["opts"]["method.bias"], entry["out"]
    if method == "Harbord" and entry["opts"]["sm"] == "RR":
        return  # R's V is right only for arms of one size; see the efficient score below
    test = ours(entry)
    keys = {
        "where": entry["id"],
        "tolerance": ITERATED if method == "Thompson" else CLOSED_FORM,
        "reason": REASON,
    }
    family = f"meta metabias {method}, n3"
    for name, value in (
        ("bias", test.intercept), ("se.bias", test.se), ("statistic", test.statistic),
        ("pval", test.p_value), ("df", test.df), ("intercept", test.limit.estimate),
        ("se.intercept", test.limit.se),
    ):  # fmt: skip
        agree(family, name, value, out[name], **keys)


@pytest.mark.parametrize("entry", golden("harbord_RR_score"))
def test_golden_harbord_of_risk_ratios_is_the_efficient_score(entry: dict[str, Any]) -> None:
    test, out = al.harbord_test(*columns(entry), measure="RR"), entry["out"]
    keys = {"where": entry["id"], "tolerance": CLOSED_FORM, "reason": REASON}
    for name, value in (("bias", test.intercept), ("se.bias", test.se), ("pval", test.p_value)):
        agree("Harbord, RR", name, value, out[name], **keys)


@pytest.mark.parametrize("entry", golden("regtest"))
def test_golden_predictors_and_models_equal_regtest(entry: dict[str, Any]) -> None:
    opts, out = entry["opts"], entry["out"]
    # R's escalc adds to both cells of an arm, and drop00 leaves all double zeros out.
    _, n1, _, n2 = informative(entry, opts["sm"])
    sizes = effects(entry, opts["sm"], "twice")
    model = "multiplicative" if opts["model"] == "lm" else "additive"
    test = al.egger_test(
        sizes.effect,
        sizes.variance,
        predictor=PREDICTORS[opts["predictor"]],
        n=n1 + n2,
        model=model,
    )
    keys = {
        "where": entry["id"],
        "tolerance": CLOSED_FORM if model == "multiplicative" else ITERATED,
        "reason": REASON,
    }
    family = f"metafor regtest {opts['model']}, n3"
    agree(family, "statistic", test.statistic, out["stat"], **keys)
    agree(family, "p value", test.p_value, out["pval"], **keys)
    agree(family, "coefficients", [test.limit.estimate, test.intercept], out["coef"], **keys)
    agree(family, "SEs", [test.limit.se, test.se], out["se"], **keys)
    assert test.df == out["df"]


@pytest.mark.parametrize("entry", golden("pustejovsky_lm_mod"))
def test_golden_pustejovsky_with_modified_weights(entry: dict[str, Any]) -> None:
    n1, _, _, n2, _, _ = columns(entry)
    sizes = al.standardized_mean_difference(*columns(entry))
    test, out = al.pustejovsky_test(n1, n2, sizes.effect), entry["out"]
    keys = {"where": entry["id"], "tolerance": CLOSED_FORM, "reason": REASON}
    agree("Pustejovsky", "coefficient", test.intercept, out["coef"][1], **keys)
    agree("Pustejovsky", "SE", test.se, out["se"][1], **keys)
    agree("Pustejovsky", "p value", test.p_value, out["p"][1], **keys)


@pytest.mark.parametrize("entry", golden("pustejovsky_rma"))
def test_golden_pustejovsky_as_meta_regression(entry: dict[str, Any]) -> None:
    n1, _, _, n2, _, _ = columns(entry)
    sizes, out = al.standardized_mean_difference(*columns(entry)), entry["out"]
    fit = al.meta_regression(
        sizes.effect,
        sizes.variance,
        np.sqrt(1 / n1 + 1 / n2),
        tau2_method=entry["opts"]["method"],
    )
    keys = {"where": entry["id"], "tolerance": ITERATED, "reason": REASON}
    agree("Pustejovsky, rma", "coefficients", list(fit.coefficients), out["beta"], **keys)
    agree("Pustejovsky, rma", "p values", list(fit.p_value), out["pval"], **keys)


@pytest.mark.parametrize(
    "entry",
    [p for p in golden("metabias") if p.values[0]["opts"]["method.bias"] in ("Begg", "Schwarzer")],
)
def test_golden_rank_tests_equal_metabias(entry: dict[str, Any]) -> None:
    method, out = entry["opts"]["method.bias"], entry["out"]
    if method == "Schwarzer":
        test = al.schwarzer_test(*columns(entry))
    else:
        sizes = effects(entry, entry["opts"]["sm"], "once")
        test = al.begg_test(sizes.effect, sizes.variance, exact=False)
    keys = {"where": entry["id"], "tolerance": CLOSED_FORM, "reason": REASON}
    family = f"meta metabias {method}, n3"
    agree(family, "score", test.score, out["ks"], **keys)
    agree(family, "score SE", test.score_se, out["se.ks"], **keys)
    agree(family, "p value", test.p_value, out["pval"], **keys)


def test_golden_no_entry_is_skipped() -> None:
    kinds = {e["id"].split("|")[0] for e in load("n3")["entries"]}
    assert kinds == {
        "metabias", "regtest", "harbord_RR_score", "pustejovsky_lm_mod", "pustejovsky_rma"
    }  # fmt: skip


# --- properties and bad input ---------------------------------------------------------------------

TRIAL = st.tuples(st.integers(1, 19), st.integers(20, 200), st.integers(1, 19), st.integers(20, 90))


@quick
@given(st.lists(TRIAL, min_size=4, max_size=9, unique=True))
def test_swapping_the_arms_turns_the_lean(trials: list[tuple[int, int, int, int]]) -> None:
    events1, n1, events2, n2 = (
        np.array(column, dtype=float) for column in zip(*trials, strict=True)
    )
    if len(set(n1 + n2)) < 3:
        return
    for function in (al.harbord_test, al.peters_test, al.macaskill_test, al.deeks_test):
        there = function(events1, n1, events2, n2)
        back = function(events2, n2, events1, n1)
        assert there.intercept == pytest.approx(-back.intercept, rel=1e-6, abs=1e-9)
        assert there.p_value == pytest.approx(back.p_value, rel=1e-6, abs=1e-9)


def test_few_trials_carry_the_caution() -> None:
    test = al.harbord_test([4, 6, 3], [123, 306, 231], [11, 29, 11], [139, 303, 220])
    assert "Only 3 effects" in test.caution
    assert "Harbord" in str(test)


def test_the_weights_of_pustejovsky_are_named() -> None:
    sizes = [12, 30, 8, 55], [14, 28, 9, 50], [-0.5, -0.1, -0.9, -0.1]
    own = al.pustejovsky_test(*sizes)
    given = al.pustejovsky_test(*sizes, variance=[0.2, 0.1, 0.3, 0.05])
    assert "weights 1/W^2," in own.method
    assert "weights 1/v," in given.method


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: al.harbord_test([1, 2], [9, 9], [2, 3], [9, 8]), "k = 2: 3 studies or more"),
        (lambda: al.harbord_test([0] * 3, [9] * 3, [0] * 3, [9] * 3), "no trial is left"),
        (
            lambda: al.harbord_test([1], [9], [2], [9], measure="RD"),
            "measure must be one of",
        ),
        (lambda: al.peters_test([1, 2, 3], [9] * 3, [2, 3, 3], [9] * 3), "all sizes are equal"),
        (lambda: al.peters_test([10], [9], [2], [9]), r"events1 must be at most n1"),
        (lambda: al.pustejovsky_test([9, 0, 9], [9] * 3, [0.1, 0.2, 0.3]), r"n1 .*study 2: 0\.0"),
        (
            lambda: al.pustejovsky_test([9, 0], [9] * 2, [0.1, 0.2], labels=["Cai", "Kell"]),
            r"n1 .*Kell: 0\.0",
        ),
        (
            lambda: al.egger_test([1, 2, 3], [1, 2, 3], predictor="n", n=[9, 0, 9]),
            r"^n must be greater than zero \(study 2: 0\.0\)",
        ),
        (
            lambda: al.pustejovsky_test([9] * 3, [8] * 3, [0.1, 0.2, 0.3]),
            "all sizes are equal",
        ),
        (lambda: al.egger_test([1, 2, 3], [1, 2, 3], predictor="n"), "needs the people"),
        (lambda: al.egger_test([1, 2, 3], [1, 2, 3], model="mixed"), "model must be one of"),
        (
            lambda: al.macaskill_test([1], [9], [2], [9], weights="x"),
            "weights must be one of margins",
        ),
        (lambda: al.schwarzer_test([0, 1], [9, 9], [0, 2], [9, 9]), "k = 1 of 2: 3 or more"),
    ],
)
def test_impossible_questions_are_refused(call: Any, told: str) -> None:
    with pytest.raises(al.ReviewError, match=told):
        call()
