"""Do the effects of binary outcomes equal R's, and do impossible counts stop with a name?"""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest
from golden_cases import agree, columns_of, load
from hypothesis import assume, given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from properties import examples

from analysis_lib.base.errors import ReviewError
from analysis_lib.effects import events as binary
from analysis_lib.effects.columns import EffectSizes
from analysis_lib.plots import alt_text, forest
from analysis_lib.pooling.pooled_effect import pool

# Closed forms; R's numbers carry 15 digits. Worst error seen 4e-15.
CLOSED_FORM = 1e-10
REASON = "closed form; R's numbers have 15 significant digits"
# Identities between two ways to compute one number: rounding only.
SAME = 1e-11
# REML is iterated; R's reference was run to 1e-12. Worst error seen 2e-15.
ITERATED = 1e-10

MEASURES = {
    "RR": binary.risk_ratio,
    "OR": binary.odds_ratio,
    "RD": partial(binary.risk_difference, shrink=True),  # as metafor does
}
NOT_OFFERED = {
    "AS": "arcsine difference: hard to read as a risk",
    "PETO": "Peto's odds ratio: biased when arms are unequal or effects large",
    "YUQ": "a measure of association, not of effect",
    "PHI": "a measure of association, not of effect",
    "OR2DN": "turns an odds ratio into an SMD",
    "OR2DL": "turns an odds ratio into an SMD",
}
VARIANCES_NOT_OFFERED = {"UB": "unbiased variance of the RD", "AV": "one averaged variance"}
COVERED = 23

quick = examples(60)
COUNTS = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
TRIAL = st.tuples(COUNTS, COUNTS).map(lambda arms: (*arms[0], *arms[1]))

pytestmark = pytest.mark.usefixtures("closed_figures")


def entries() -> list[dict[str, Any]]:
    return [entry for entry in load("b1")["entries"] if entry["dataset"].endswith("2x2")]


def reason(entry: dict[str, Any]) -> str | None:
    """Say why an entry has no counterpart here; ``None`` when it has."""
    by_measure = NOT_OFFERED.get(entry["measure"])
    return by_measure or VARIANCES_NOT_OFFERED.get(entry.get("vtype", ""))


def arms(entry: dict[str, Any]) -> list[np.ndarray]:
    data = columns_of("b1", entry)
    return [np.array(data[name]) for name in ("ai", "n1i", "ci", "n2i")]


def ours(entry: dict[str, Any], rows: np.ndarray) -> EffectSizes:
    options = {"correct": entry.get("to", "only0"), "correction": entry.get("add", 0.5)}
    return MEASURES[entry["measure"]](*(column[rows] for column in arms(entry)), **options)


@pytest.mark.parametrize(
    "entry", [pytest.param(e, id=e["id"]) for e in entries() if reason(e) is None]
)
def test_golden_binary_effects_equal_metafor(entry: dict[str, Any]) -> None:
    out = entry["out"]
    # Where R has no number, or a variance of zero, nothing can be pooled.
    usable = np.array([v is not None and v > 0 for v in out["vi"]])
    if entry.get("drop00"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", binary.DroppedTrials)
            sizes = MEASURES[entry["measure"]](*arms(entry), double_zeros="drop")
    else:
        sizes = ours(entry, usable)
    expected = {key: [x for x, use in zip(out[key], usable, strict=True) if use] for key in out}
    family = f"metafor escalc {entry['measure']}"
    keys = {"where": entry["id"], "reason": REASON}
    agree(family, "effect", sizes.effect, expected["yi"], CLOSED_FORM, **keys)
    agree(family, "variance", sizes.variance, expected["vi"], CLOSED_FORM, **keys)
    agree(family, "se", sizes.se, expected["sei"], CLOSED_FORM, **keys)
    for row in np.flatnonzero(~usable):
        if not entry.get("drop00"):
            with pytest.raises(ReviewError, match=r"study 1"):
                ours(entry, np.array([row]))


def test_golden_no_binary_entry_is_skipped() -> None:
    reasons = [reason(entry) for entry in entries()]
    assert reasons.count(None) == COVERED
    assert {*NOT_OFFERED.values(), *VARIANCES_NOT_OFFERED.values(), None} == set(reasons)


def test_a_risk_ratio_goes_into_the_same_pooling_as_a_mean_difference() -> None:
    """The 13 BCG trials, REML: the pooled log RR that R's metafor gives (dat.bcg)."""
    bcg = load("b1")["datasets"]["bcg_2x2"]["columns"]
    sizes = binary.risk_ratio(bcg["ai"], bcg["n1i"], bcg["ci"], bcg["n2i"])
    fit = pool(sizes.effect, sizes.variance, labels=sizes.labels)
    six_digits = 1e-6  # digits of the known result
    assert fit.estimate == pytest.approx(-0.714532, abs=six_digits)
    assert fit.se == pytest.approx(0.179782, abs=six_digits)
    assert fit.tau2 == pytest.approx(0.313243, abs=six_digits)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("dataset", ["bcg_2x2", "zeros_2x2"])
def test_golden_shown_effects_are_those_of_metafor(dataset: str, measure: str) -> None:
    """What stands in the column of a forest plot: R's logarithms turned back, its differences."""
    (entry,) = (e for e in entries() if e["id"] == f"{dataset}|{measure}|only0")
    usable = np.array([v is not None and v > 0 for v in entry["out"]["vi"]])
    sizes = ours(entry, usable)
    fit = pool(sizes.effect, sizes.variance, tau2_method="DL", labels=sizes.labels)
    drawn = dict(zip(sizes.labels, shown_places(forest(fit, measure=measure)), strict=True))
    from_r = np.array([x for x, use in zip(entry["out"]["yi"], usable, strict=True) if use])
    expected = np.exp(from_r) if measure in ("RR", "OR") else from_r
    assert list(drawn.values()) == pytest.approx(list(expected), rel=CLOSED_FORM, abs=CLOSED_FORM)


@pytest.mark.parametrize(
    ("dataset", "measure"), [("bcg_RR", "RR"), ("hart1999_IRR", "IRR"), ("hine1989_RD", "RD")]
)
def test_golden_shown_pooled_effects_are_those_of_metafor(dataset: str, measure: str) -> None:
    """The diamond and its text: exp of R's pooled logarithm for ratios, R's own for an RD."""
    source = load("a1")
    (entry,) = (e for e in source["entries"] if e["id"] == f"{dataset}|REML|z|tight")
    columns = source["datasets"][dataset]["columns"]
    ax = forest(pool(columns["yi"], columns["vi"]), measure=measure)
    (diamond,) = (patch for patch in ax.patches if isinstance(patch, Polygon))
    corners = diamond.get_xy()[:4, 0]
    out = entry["out"]
    from_r = np.array([*out["ci_lb"], *out["b"], *out["ci_ub"]])
    expected = from_r if measure == "RD" else np.exp(from_r)
    low, mean, high = expected
    assert [min(corners), corners[1], max(corners)] == pytest.approx(list(expected), abs=ITERATED)
    digits = 3 if measure == "RD" else 2
    text = f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})".replace("-", "−")
    assert text in [written.get_text() for written in ax.texts]
    assert text in alt_text(ax)


def shown_places(ax: Axes) -> list[float]:
    return [float(line.get_xdata()[0]) for line in ax.lines if line.get_marker() == "s"]


def test_dropped_trials_are_named() -> None:
    with pytest.warns(binary.DroppedTrials, match=r"everybody: Nobody 1999, Everybody 2001$"):
        sizes = binary.risk_ratio(
            [0, 4, 9],
            [10, 10, 9],
            [0, 2, 8],
            [12, 10, 8],
            double_zeros="drop",
            labels=["Nobody 1999", "Some 2000", "Everybody 2001"],
        )
    assert sizes.labels == ("Some 2000",)


def test_nothing_is_dropped_without_being_asked() -> None:
    sizes = binary.odds_ratio([0, 4], [10, 10], [0, 2], [12, 10])
    assert sizes.labels == ("study 1", "study 2")


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (([5], [4], [1], [9]), r"events1 must be at most n1 \(Aasa: 5.0\)"),
        (([-1], [4], [1], [9]), r"events1 must be finite and zero or more \(Aasa: -1.0\)"),
        (([1], [0], [1], [9]), r"n1 must be finite and greater than zero \(Aasa: 0.0\)"),
        (([1], [4], [np.nan], [9]), r"events2 must be finite and zero or more \(Aasa: nan\)"),
        (([1], [4], [1], [np.inf]), r"n2 must be finite and greater than zero \(Aasa: inf\)"),
        (([1], [4], [1, 2], [9]), r"columns of unequal length"),
        ((["one"], [4], [1], [9]), r"events1: not a list of numbers"),
    ],
)
@pytest.mark.parametrize("measure", MEASURES)
def test_impossible_counts_are_named(measure: str, counts: Any, words: str) -> None:
    with pytest.raises(ReviewError, match=words):
        MEASURES[measure](*counts, labels=["Aasa"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"correct": "sometimes"}, "correct must be one of only0, .*got 'sometimes'"),
        ({"double_zeros": "hide"}, "double_zeros must be one of keep, drop; got 'hide'"),
        ({"correction": 0}, r"correction must be finite and greater than zero, not 0"),
        ({"correction": np.nan}, r"correction must be finite and greater than zero, not nan"),
        ({"double_zeros": "drop"}, r"no trial is left without double zeros \(study 1\)"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ReviewError, match=words):
        binary.risk_ratio([0], [10], [0], [12], **options)


@quick
@given(trial=TRIAL)
def test_exchanging_the_arms_turns_the_sign(trial: tuple[int, int, int, int]) -> None:
    a, n1, c, n2 = trial
    for measure in MEASURES.values():
        one, other = measure(a, n1, c, n2), measure(c, n2, a, n1)
        np.testing.assert_allclose(one.effect, -other.effect, rtol=SAME, atol=SAME)
        np.testing.assert_allclose(one.variance, other.variance, rtol=SAME)


@quick
@given(trial=TRIAL)
def test_exchanging_event_and_no_event_turns_odds_ratio_and_difference(
    trial: tuple[int, int, int, int],
) -> None:
    a, n1, c, n2 = trial
    for measure in (binary.odds_ratio, binary.risk_difference):
        one, other = measure(a, n1, c, n2), measure(n1 - a, n1, n2 - c, n2)
        np.testing.assert_allclose(one.effect, -other.effect, rtol=SAME, atol=SAME)
        np.testing.assert_allclose(one.variance, other.variance, rtol=SAME)


@quick
@given(trial=TRIAL)
def test_a_table_without_an_empty_cell_is_not_corrected(trial: tuple[int, int, int, int]) -> None:
    a, n1, c, n2 = trial
    assume(0 < a < n1 and 0 < c < n2)
    for measure in MEASURES.values():
        assert measure(*trial).effect == measure(*trial, correct="none").effect
        assert measure(*trial).effect != measure(*trial, correct="all").effect or a * n2 == c * n1


@quick
@given(trial=TRIAL)
def test_every_table_of_counts_has_an_effect_and_a_variance(
    trial: tuple[int, int, int, int],
) -> None:
    for measure in MEASURES.values():
        sizes = measure(*trial)
        assert np.isfinite(sizes.effect).all()
        assert (sizes.variance > 0).all()
