"""Does a simulation draw what it says, count what it says, and give the same on any machine?"""

from __future__ import annotations

import importlib
import io
import math
import multiprocessing
import os
import signal
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT
from scipy.special import ndtr

from analysis_lib import load_review
from analysis_lib.base.errors import ReviewError
from analysis_lib.effects.means import mean_difference, standardized_mean_difference
from analysis_lib.pooling import simulation
from analysis_lib.pooling.leaving_out import gosh
from analysis_lib.pooling.pooled_effect import pool
from analysis_lib.pooling.simulation import Design, progress_bar, simulate

FIVE = Design("five", (10, 15, 20, 30, 40), (12, 15, 18, 33, 40), tau2=0.1)
SMD = Design("smd", (8, 12, 20), (9, 12, 6.5), tau2=0.3, mean=-0.5, measure="SMD")
# Two ways of one sum. Worst seen: 4e-15.
ROUNDING = 1e-12
#: Of a mean over simulated data sets: so many standard errors are a chance of 1 in 16,000.
STANDARD_ERRORS = 4


def cell(table: pd.DataFrame, design: str, method: str, column: str, kind: str = "CI") -> float:
    found = table[
        (table["design"] == design) & (table["method"] == method) & (table["kind"] == kind)
    ]
    assert len(found) == 1
    return float(found[column].iloc[0])


@pytest.mark.parametrize("design", [FIVE, SMD], ids=lambda design: design.name)
def test_drawn_effects_have_the_moments_of_theory(design):
    """Hedges' g is unbiased; an MD and its estimated variance are unbiased too."""
    rows = 40_000
    effect, variance = design.draw(rows, np.random.default_rng(1))
    n1, n2 = np.array(design.n_experimental), np.array(design.n_comparator)
    error = effect.std(axis=0) / math.sqrt(rows)
    assert (abs(effect.mean(axis=0) - design.mean) < STANDARD_ERRORS * error).all()
    if design.measure == "MD":
        expected = 1 / n1 + 1 / n2
        error = variance.std(axis=0) / math.sqrt(rows)
        assert (abs(variance.mean(axis=0) - expected) < STANDARD_ERRORS * error).all()
        total = expected + design.tau2
        error = total * math.sqrt(2 / rows)  # of the variance of a normal sample
        assert (abs(effect.var(axis=0) - total) < STANDARD_ERRORS * error).all()


def test_drawn_effects_are_those_of_the_effect_size_functions():
    """The arms are drawn again from the same random numbers and given to the public functions."""
    rows = 3
    for design, function in ((FIVE, mean_difference), (SMD, standardized_mean_difference)):
        effect, variance = design.draw(rows, np.random.default_rng(4))
        generator = np.random.default_rng(4)
        n1, n2 = (np.tile(n, (rows, 1)) for n in (design.n_experimental, design.n_comparator))
        truth = design.mean + math.sqrt(design.tau2) * generator.standard_normal(n1.shape)
        difference = truth + np.sqrt(1 / n1 + 1 / n2) * generator.standard_normal(n1.shape)
        sd1, sd2 = (np.sqrt(generator.chisquare(n - 1) / (n - 1)) for n in (n1, n2))
        zero = np.zeros_like(n1)
        columns = (a.ravel() for a in (n1, difference, sd1, n2, zero, sd2))
        expected = function(*columns)
        np.testing.assert_allclose(effect.ravel(), expected.effect, rtol=ROUNDING)
        np.testing.assert_allclose(variance.ravel(), expected.variance, rtol=ROUNDING)


def test_counts_are_those_of_fitting_one_by_one():
    n, seed = 80, 6
    table = simulate(FIVE, n=n, seed=seed, tau2_methods=["DL"]).table
    key = (simulation.digest({**simulation.asdict(FIVE), "name": ""}), 0)
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
    data = list(zip(*FIVE.draw(n, generator), strict=True))
    for ci_method in ("wald", "HK", "HK-adhoc"):
        fits = [pool(y, v, tau2_method="DL", ci_method=ci_method) for y, v in data]
        covered = [fit.ci[0] <= 0 <= fit.ci[1] for fit in fits]
        assert cell(table, "five", ci_method, "coverage") == np.mean(covered)
        assert cell(table, "five", ci_method, "excludes_zero") == np.mean(np.logical_not(covered))
        width = np.mean([fit.ci[1] - fit.ci[0] for fit in fits])
        assert cell(table, "five", ci_method, "width") == pytest.approx(width, rel=ROUNDING)
    for pi_method in ("HTS", "V", "normal"):
        fits = [pool(y, v, tau2_method="DL", pi_method=pi_method) for y, v in data]
        limits = np.array([fit.prediction_interval for fit in fits]) / math.sqrt(FIVE.tau2)
        shares = ndtr(limits[:, 1]) - ndtr(limits[:, 0])
        coverage = cell(table, "five", pi_method, "coverage", "PI")
        assert coverage == pytest.approx(shares.mean(), rel=ROUNDING)
        error = cell(table, "five", pi_method, "coverage_se", "PI")
        assert error == pytest.approx(shares.std() / math.sqrt(n), rel=1e-6)
        tau2 = [fit.tau2 for fit in fits]
        mean = cell(table, "five", pi_method, "tau2_estimate", "PI")
        assert mean == pytest.approx(np.mean(tau2), rel=ROUNDING)
        assert cell(table, "five", pi_method, "tau2_zero", "PI") == np.mean(np.equal(tau2, 0))


def test_common_effect_interval_covers_as_often_as_it_says():
    """Large trials, no heterogeneity: theory gives 0.95 but for the estimated variances."""
    large = Design("large", (400,) * 4, (400,) * 4, tau2=0)
    table = simulate(large, n=20_000, tau2_methods=["FE"], pi_methods=[]).table
    coverage = cell(table, "large", "wald", "coverage")
    # seen 1.5 standard errors from 0.95 with this seed
    assert abs(coverage - 0.95) < STANDARD_ERRORS * cell(table, "large", "wald", "coverage_se")


def test_hartung_knapp_covers_exactly_when_trials_are_equal():
    """With equal variances HK is Student's t of the effects: 0.95 whatever tau2 is."""
    for tau2 in (0.0, 0.5):
        equal = Design("equal", (500,) * 4, (500,) * 4, tau2=tau2)
        table = simulate(equal, n=20_000, pi_methods=[]).table
        error = cell(table, "equal", "HK", "coverage_se")
        # seen 0.5 and 1.5 standard errors with this seed
        assert abs(cell(table, "equal", "HK", "coverage") - 0.95) < STANDARD_ERRORS * error


def test_directions_of_the_literature():
    """IntHout 2014, Langan 2019, Partlett and Riley 2017, in one design that shows them all.

    Six trials, one ten times as large, I2 about 75 %: the Wald interval covers too seldom, HK
    much better though not quite 0.95, the normal prediction interval too seldom, HTS more than V.
    """
    uneven = Design("uneven", (200, *(20,) * 5), (200, *(20,) * 5), tau2=0.3)
    table = simulate(uneven, n=20_000, tau2_methods=["REML"]).table
    wald, hk, adhoc = (
        cell(table, "uneven", method, "coverage") for method in ("wald", "HK", "HK-adhoc")
    )
    hts, v, normal = (
        cell(table, "uneven", method, "coverage", "PI") for method in ("HTS", "V", "normal")
    )
    assert wald < 0.91  # seen 0.882
    assert wald + 0.03 < hk <= adhoc  # seen 0.938, 0.945
    assert normal < v < hts  # seen 0.845, 0.903, 0.915


def test_two_trials_have_no_hts_interval():
    two = Design("two", (20, 30), (20, 30), tau2=0.1)
    table = simulate(two, n=50).table
    assert cell(table, "two", "HTS", "fits", "PI") == 0
    assert math.isnan(cell(table, "two", "HTS", "coverage", "PI"))
    assert cell(table, "two", "V", "fits", "PI") == 50


def test_without_heterogeneity_a_prediction_interval_holds_the_mean_or_not():
    none = Design("none", (20,) * 4, (20,) * 4, tau2=0)
    table = simulate(none, n=200).table
    coverage = cell(table, "none", "normal", "coverage", "PI")
    assert round(coverage * 200) == coverage * 200


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(simulation, "BLOCK_SIZE", 40)


@pytest.mark.usefixtures("small_blocks")
def test_neither_order_nor_company_changes_a_design():
    together = simulate([FIVE, SMD], n=100).table
    reversed_ = simulate([SMD, FIVE], n=100).table
    alone = simulate(FIVE, n=100).table
    for table in (reversed_, alone):
        rows = table[table["design"] == "five"].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, together.iloc[:6], check_exact=True)
    other = simulate(FIVE, n=100, seed=1).table
    assert not other["width"].equals(alone["width"])


@pytest.mark.usefixtures("small_blocks")
def test_threads_give_the_same():
    alone = simulate([FIVE, SMD], n=200).table
    with ThreadPoolExecutor(3) as executor:
        shared = simulate([FIVE, SMD], n=200, executor=executor).table
    pd.testing.assert_frame_equal(shared, alone, check_exact=True)


class InterruptedRunError(Exception):
    """Stands for the power cut."""


def stop_after(blocks: int):
    def progress(done: int, total: int) -> None:
        if done == blocks:
            raise InterruptedRunError

    return progress


@pytest.mark.usefixtures("small_blocks")
def test_an_interrupted_run_continues(tmp_path, monkeypatch):
    whole = simulate([FIVE, SMD], n=200).table  # ten blocks
    store = tmp_path / "blocks"
    with pytest.raises(InterruptedRunError):
        simulate([FIVE, SMD], n=200, store=store, progress=stop_after(4))
    assert len(list(store.iterdir())) == 4
    computed = []
    compute = simulation._compute
    monkeypatch.setattr(simulation, "_compute", lambda b: computed.append(b) or compute(b))
    seen = []
    again = simulate([FIVE, SMD], n=200, store=store, progress=lambda *a: seen.append(a))
    pd.testing.assert_frame_equal(again.table, whole, check_exact=True)
    assert len(computed) == 6
    assert seen == [(done, 10) for done in range(4, 11)]
    assert sorted(path.suffix for path in store.iterdir()) == [".json"] * 10
    # more data sets: the old blocks count
    simulate([FIVE, SMD], n=240, store=store)
    assert len(computed) == 6 + 2


@pytest.mark.usefixtures("small_blocks")
def test_a_store_is_not_taken_for_another_run(tmp_path):
    runs = [
        {"n": 80},
        {"n": 80, "seed": 1},
        {"n": 80, "level": 0.9},
        {"n": 80, "tau2_methods": ["DL"]},
        {"n": 80, "ci_methods": ["wald"]},
    ]
    for i, options in enumerate(runs, start=1):
        expected = simulate(FIVE, **options).table
        kept = simulate(FIVE, store=tmp_path, **options).table
        pd.testing.assert_frame_equal(kept, expected, check_exact=True)
        assert len(list(tmp_path.iterdir())) == 2 * i


class BreaksAfter:
    """An executor that computes some tasks and then breaks, as a killed pool does."""

    def __init__(self, tasks: int) -> None:
        self.left = tasks

    def submit(self, fn, /, *args) -> Future:
        future: Future = Future()
        self.left -= 1
        if self.left < 0:
            future.set_exception(BrokenExecutor("a worker is gone"))
        else:
            future.set_result(fn(*args))
        return future


@pytest.mark.usefixtures("small_blocks")
def test_a_broken_executor_costs_nothing():
    whole = simulate(FIVE, n=200).table
    with pytest.warns(RuntimeWarning, match="the executor broke .a worker is gone"):
        rescued = simulate(FIVE, n=200, executor=BreaksAfter(2)).table
    pd.testing.assert_frame_equal(rescued, whole, check_exact=True)


def kill_when_halfway(pid_of_one):
    """Return a progress function that kills one worker once, when some blocks are done."""
    killed = []

    def progress(done: int, total: int) -> None:
        if not killed and 2 <= done < total:
            killed.append(pid_of_one())
            os.kill(killed[0], signal.SIGKILL)

    return progress, killed


SUBSETS_OF = ([0.1, 0.5, 0.9, 0.4, -0.2, 0.3], [0.04, 0.05, 0.04, 0.06, 0.1, 0.02])
MANY = [Design(f"design {k}", (20,) * k, (20,) * k, tau2=0.1) for k in range(3, 13)]


@pytest.mark.slow  # starts processes
def test_a_killed_process_of_a_pool_costs_nothing(tmp_path, monkeypatch):
    whole = simulate(MANY, n=20_000).table
    # spawned rather than forked, since a fork of a process with threads may hang
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        progress, killed = kill_when_halfway(lambda: next(iter(executor._processes)))
        with pytest.warns(RuntimeWarning, match="the executor broke"):
            rescued = simulate(
                MANY, n=20_000, executor=executor, progress=progress, store=tmp_path
            ).table
    assert killed
    pd.testing.assert_frame_equal(rescued, whole, check_exact=True)
    assert len(list(tmp_path.iterdir())) == 2 * len(MANY)


@pytest.mark.slow  # starts a cluster
def test_a_killed_worker_of_a_cluster_costs_nothing():
    distributed = pytest.importorskip(
        "distributed", reason="the optional package distributed (Dask) is not installed"
    )
    whole = simulate(MANY, n=20_000).table
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        assert len(cluster.workers) == 2
        progress, killed = kill_when_halfway(lambda: cluster.workers[0].pid)
        executor = client.get_executor()
        shared = simulate(MANY, n=20_000, executor=executor, progress=progress).table
        subsets = gosh(*SUBSETS_OF, executor=executor)
    assert killed
    np.testing.assert_array_equal(subsets.tau2, gosh(*SUBSETS_OF).tau2)
    pd.testing.assert_frame_equal(shared, whole, check_exact=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"n_experimental": (20, 1, 20)},
            "'bad': n_experimental must be finite and above 1, got .1.0.",
        ),
        ({"n_comparator": (20, 20)}, "'bad': n_experimental, n_comparator, sd need one length"),
        ({"sd": (1, 0, 2)}, "'bad': sd must be finite and above 0, got .0.0."),
        ({"sd": (1, 1, 2), "measure": "SMD"}, "leave no room for sd"),
        ({"tau2": -0.1}, "tau2 not negative, got 0.0 and -0.1"),
        ({"mean": math.nan}, "mean and tau2 must be finite"),
        ({"measure": "OR"}, "'bad': measure must be one of MD, SMD; got 'OR'"),
    ],
)
def test_impossible_designs_are_refused(change, words):
    good = {"n_experimental": (20,) * 3, "n_comparator": (20,) * 3, "tau2": 0.1}
    with pytest.raises(ReviewError, match=words):
        Design("bad", **{**good, **change})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 0}, "n must be 1 or more, got 0"),
        ({"tau2_methods": ["XX"]}, "tau2_method must be one of .*; got 'XX'"),
        ({"ci_methods": ["t"]}, "ci_method must be one of"),
        ({"pi_methods": ["t"]}, "pi_method must be one of"),
        ({"ci_methods": [], "pi_methods": []}, "at least one interval"),
        ({"level": 1.0}, "level must lie between 0 and 1"),
    ],
)
def test_impossible_options_are_refused(options, words):
    with pytest.raises(ReviewError, match=words):
        simulate(FIVE, **options)


def test_designs_need_different_names():
    with pytest.raises(ReviewError, match="two designs are called five"):
        simulate([FIVE, FIVE])
    with pytest.raises(ReviewError, match="no design"):
        simulate([])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_bar_on_a_terminal_draws_over_its_line():
    screen = Terminal()
    bar = progress_bar(screen, width=10)
    for done in (0, 5, 10):
        bar(done, 10)
    lines = [line.strip() for line in screen.getvalue().split("\r")[1:]]
    assert lines[0] == "[----------] 0 of 10 blocks, starting"
    assert lines[1].startswith("[#####-----] 5 of 10 blocks, about")
    assert lines[2] == "[##########] 10 of 10 blocks, done"
    assert screen.getvalue().endswith("\n")


def test_progress_bar_in_a_file_writes_a_line_each_tenth():
    log = io.StringIO()
    bar = progress_bar(log, width=10)
    for done in range(501):
        bar(done, 500)
    lines = log.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[-1] == "[##########] 500 of 500 blocks, done"


@pytest.fixture(scope="module")
def described():
    return importlib.import_module("simulate").described_designs(load_review(ROOT / "data"))


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return pd.read_csv(ROOT / "book" / "tables" / "operating_characteristics.csv")


def test_stored_results_are_those_of_the_data(described, stored):
    """If this fails, the data of the review have changed: run ``make simulate``."""
    expected = {design.name: words["fingerprint"] for design, words in described}
    assert dict(zip(stored["design"], stored["fingerprint"], strict=True)) == expected
    assert set(stored.groupby("design").size()) == {12}  # two estimators, six intervals


def test_review_designs_have_the_comparisons_of_the_analyses(described):
    analyses = load_review(ROOT / "data").analyses
    main = analyses[analyses["reading"].map(lambda cell: "main" in cell.split("; "))]
    sizes = main.groupby(["outcome", "follow_up"]).size()
    designs = [(d, words) for d, words in described if words["set"] == "review"]
    assert len(designs) == 26  # 13 pooled results, with and without an effect
    for design, words in designs:
        assert design.k == sizes[tuple(str(words["result"]).rsplit("-", 1))]


def test_stored_results_can_be_repeated(described, stored):
    """A fresh run of one design, other seed, differs by no more than its standard error says."""
    design = next(d for d, _ in described if d.name == "pain-ETP, effect none")
    fresh = simulate(design, n=10_000, seed=77).table
    old = stored[stored["tau2_method"] == "REML"]
    for row in fresh.itertuples():
        told = cell(old, design.name, row.method, "coverage", row.kind)
        # seen at most 1.5 standard errors
        assert abs(row.coverage - told) < STANDARD_ERRORS * row.coverage_se


@given(st.integers(1, 10**7))
def test_tasks_are_neither_few_nor_many(blocks):
    size = simulation.blocks_per_task(blocks)
    tasks = math.ceil(blocks / size)
    assert tasks <= simulation.MOST_TASKS
    assert tasks >= min(blocks, simulation.FEWEST_TASKS // 2)
    # small enough to share, large enough that a task's own cost is small
    assert size >= simulation.BLOCKS_PER_TASK or blocks < 8 * simulation.FEWEST_TASKS


def test_several_blocks_a_task_give_the_same(monkeypatch):
    alone = simulate([FIVE, SMD], n=200).table
    monkeypatch.setattr(simulation, "BLOCK_SIZE", 40)
    blocks = simulate([FIVE, SMD], n=200).table
    monkeypatch.setattr(simulation, "MOST_TASKS", 3)
    with ThreadPoolExecutor(2) as executor:
        shared = simulate([FIVE, SMD], n=200, executor=executor).table
    pd.testing.assert_frame_equal(shared, blocks, check_exact=True)
    assert not shared.equals(alone), "another size of blocks draws other data"
