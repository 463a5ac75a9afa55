"""Does review.toml choose how shared arms are treated, and does every page of a review follow?

The review has the trials of a reference data set of R: three, of which two have several arms that
are compared with one.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from places import GOLDEN
from template_cells import NOTEBOOKS
from test_binary_review import read_pages
from test_chapters import add

import analysis_lib as al
from analysis_lib.__main__ import main
from analysis_lib.base import formatting as fmt
from analysis_lib.book.engine.exporting import export
from analysis_lib.book.sections import explorer
from analysis_lib.book.sections.analyses import analysis_text, question
from analysis_lib.book.sections.grading import grade
from analysis_lib.conclusions.specifications import specifications
from analysis_lib.pooling.pooled_dependent import PooledDependent
from analysis_lib.review.dependence import treat_shared_arms

# R stops where the likelihood changes by less than 1e-8; the mean is as near as that leaves it
NEAR_R = 1e-6
CHOICES = ("split", "combine", "model")
REFERENCE = json.loads((GOLDEN / "n5_multilevel.json").read_text())
RSCRIPT = shutil.which("Rscript")


def entry(name: str) -> dict[str, Any]:
    (found,) = (one for one in REFERENCE["entries"] if one["id"] == name)
    return dict(found["out"])


def write(folder: Path, measure: str = "MD", **numbers: list[float]) -> Path:
    """Write a review with the arms of the reference data set, or with other numbers of them."""
    assert main(["new", str(folder)]) == 0
    add(
        folder,
        "outcomes",
        {
            "outcome": "pain",
            "label": "Pain",
            "priority": "primary",
            "measure": measure,
            "unit": "points" if measure == "MD" else "",
            "instruments": "x",
            "lower_is_better": "yes",
        },
    )
    add(folder, "follow_ups", {"follow_up": "end", "label": "End", "definition": "End"})
    data = pd.DataFrame(REFERENCE["datasets"]["made_arms_a"]["columns"] | numbers)
    for trial, rows in data.groupby("study", sort=False):
        label = f"Trial {trial}"
        add(folder, "trials", {"trial": trial, "label": label, "year": "2020", "pooled": "yes"})
        arms = [("b", "comparator", rows.iloc[0][["n_b", "m_b", "sd_b"]])]
        for i, row in enumerate(rows.to_dict("records")):
            arms.append((f"t{i}", "experimental", pd.Series(row)[["n_t", "m_t", "sd_t"]]))
        for arm, group, (n, mean, sd) in arms:
            names = {"trial": trial, "arm": arm}
            add(folder, "arms", names | {"group": group, "label_printed": arm, "n": f"{n:g}"})
            found = {"mean": f"{mean:g}", "sd": f"{sd:g}"}
            if measure not in ("MD", "SMD"):
                found = {"events": f"{mean:g}"}
            where = {"outcome": "pain", "time": "end", "n": f"{n:g}"}
            add(folder, "arm_results", names | where | found)
    return folder


def choose(folder: Path, **methods: str) -> al.Review:
    """Put choices into the table [methods], as a reviewer would."""
    toml = folder / "data" / "review.toml"
    lines = toml.read_text(encoding="utf-8").splitlines()
    for name, value in methods.items():
        lines = [line for line in lines if not line.startswith(f"{name} =")]
        lines.insert(lines.index("[methods]") + 1, f'{name} = "{value}"')
    toml.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return al.load_review(folder / "data")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("arms") / "review")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "review"))


@pytest.mark.parametrize("choice", CHOICES)
def test_the_choice_is_what_is_pooled(copy: Path, choice: str) -> None:
    review = choose(copy, shared_arms=choice, ci_method="wald")
    effects = review.analysis("pain", "end")
    split = review.analysis("pain", "end", shared_arms="split")
    expected = treat_shared_arms(split, choice).pool()
    fit = effects.pool()
    assert (fit.estimate, fit.se, fit.ci) == (expected.estimate, expected.se, expected.ci)
    assert fit.weights.sum() == pytest.approx(1)
    people = 21 + 19 + 20 + 30 + 31 + 24 + 26 + 25 + 25  # every arm once
    assert [effects.participants, split.participants] == pytest.approx([people, people])
    assert effects.k == {"split": 6, "combine": 3, "model": 6}[choice]
    assert effects.shared_arms == choice


@pytest.mark.parametrize(
    ("measure", "name"),
    [
        ("MD", "multiarm|made_arms_a|MD_exact"),
        ("SMD", "multiarm|made_arms_a|SMD_gleser_olkin_pooledN"),
    ],
)
def test_modelled_it_is_as_in_r(tmp_path: Path, measure: str, name: str) -> None:
    review = choose(write(tmp_path / "review", measure), shared_arms="model", ci_method="wald")
    fit, r = review.analysis("pain", "end").pool(pi_method="normal"), entry(name)
    assert isinstance(fit, PooledDependent)
    found = [fit.estimate, fit.se, *fit.ci, fit.q, *(fit.prediction_interval or ())]
    names = ("beta", "se", "ci.lb", "ci.ub", "QE", "pi.lb", "pi.ub")
    theirs = [float(np.ravel(r[name])[0]) for name in names]
    assert found == pytest.approx(theirs, rel=NEAR_R * 10)
    assert fit.estimate == pytest.approx(r["beta"][0], rel=NEAR_R)
    common = review.analysis("pain", "end").pool(tau2_method="FE")
    theirs = [r["common"]["beta"], r["common"]["se"], r["common"]["QE"]]
    assert [common.estimate, common.se, common.q] == pytest.approx(theirs, rel=1e-9)  # closed form


def test_a_combined_arm_is_the_arm_of_all_its_people(copy: Path) -> None:
    effects = choose(copy, shared_arms="combine").analysis("pain", "end")
    table = effects.table.set_index("label")
    both = al.combine_arms(21, 8.2, 2.8, 19, 7.5, 3.1)
    one = al.mean_difference(both.n, both.mean, both.sd, 20, 10, 3)
    row = table.loc["Trial s1"]
    assert (row["effect"], row["variance"]) == pytest.approx((one.effect[0], one.variance[0]))
    assert (row["n_experimental"], row["n_comparator"], row["people"]) == (40, 20, 60)
    assert row["experimental_arm"] == "t0 + t1"


@pytest.mark.slow
def test_events_of_combined_arms_are_added_up(tmp_path: Path) -> None:
    """One of the comparisons tells nothing of a ratio by itself; its people count all the same."""
    m_t, m_b = [0, 3, 4, 1, 2, 3], [0, 0, 6, 5, 5, 5]
    folder = write(tmp_path / "review", "OR", m_t=m_t, m_b=m_b)
    split = choose(folder, shared_arms="split").analysis("pain", "end")
    assert len(split.silent) == 1
    effects = choose(folder, shared_arms="combine", event_method="MH", model="common")
    effects = effects.analysis("pain", "end")
    assert effects.silent is None
    columns = ([3, 4, 6], [40, 30, 75], [0, 6, 5], [20, 31, 25])
    names = ("events_experimental", "n_experimental", "events_comparator", "n_comparator")
    for name, expected in zip(names, columns, strict=True):
        assert effects.table[name].tolist() == pytest.approx(expected)
    assert effects.pool().estimate == pytest.approx(al.pool_events(*columns).estimate)
    with pytest.raises(al.ReviewError, match="Mantel-Haenszel adds up counts as if no arm"):
        choose(folder, shared_arms="model").analysis("pain", "end").pool()
    modelled = choose(folder, event_method="inverse").analysis("pain", "end")
    covariance = al.shared_arm_covariance(
        [3, 4, 1, 2, 3], [19, 30, 24, 26, 25], [0, 6, 5, 5, 5], [20, 31, 25, 25, 25],
        trial=["s1", "s2", "s3", "s3", "s3"], measure="OR", arm1=list("abcde"), arm2=list("vwxxx"),
    )  # fmt: skip
    assert modelled.covariance == pytest.approx(covariance)
    assert modelled.pool(tau2_method="FE").k == 5
    told = grade(modelled.review, modelled)
    events = sum(m_t) - m_t[0] + 0 + 6 + 5  # of the comparisons that tell; each arm once
    assert f"{events} events" in " ".join(prompt.finding for prompt in told.prompts)


@pytest.mark.parametrize(
    "choice", [*(pytest.param(c, marks=pytest.mark.slow) for c in ("split", "combine")), "model"]
)
def test_every_page_follows(copy: Path, choice: str) -> None:
    review = choose(copy, shared_arms=choice)
    pages = read_pages(review, calls_of_pages())
    outcomes = pages['chapters.show_outcomes(review, "primary")']
    words = {
        "split": "Six comparisons were pooled by inverse-variance weighting",
        "combine": "combined, so that nobody counts twice: Trial s1 and Trial s3.",
        "model": "Six comparisons of three trials were pooled in a three-level model",
    }
    for name, told in words.items():
        assert (told in outcomes) == (name == choice)
    assert not any("Traceback" in page or "nan" in page.split() for page in pages.values())
    modelled = "those that share an arm are modelled together" in "\n".join(pages.values())
    assert modelled == (choice == "model")
    fit = review.analysis("pain", "end").pool()
    assert f"{fmt.effect(fit.estimate, 'MD')}" in pages["chapters.show_findings(review)"]
    assert bool(explorer.not_drawn(review)) == (choice == "model")
    assert (choice == "model") == (not explorer.drawn_analyses(review))


def calls_of_pages() -> tuple[str, ...]:
    template = [call for calls in NOTEBOOKS.values() for call in calls]
    more = (
        'robustness.show_diagnostics(review, "pain", "end")',
        'robustness.show_baujat(review, "pain", "end")',
        'robustness.show_all_subsets(review, "pain", "end")',
        'robustness.show_funnel(review, "pain", "end")',
        "explorer.results_table(review).html()",
        "explorer.comparisons_table(review).html()",
    )
    return (*template, *more)


def test_other_choices_are_the_other_treatments(copy: Path) -> None:
    table = specifications(choose(copy).analysis("pain", "end"))
    assert set(table["shared_arms"]) == set(CHOICES)
    assert table.groupby("shared_arms")["k"].unique().map(list).to_dict() == {
        "split": [6], "combine": [3], "model": [6],
    }  # fmt: skip
    assert set(table.loc[table["shared_arms"] == "model", "tau2_method"]) == {"REML", "FE"}


def test_few_comparisons_are_told_as_they_are(copy: Path) -> None:
    review = choose(copy, shared_arms="model", ci_method="HK-adhoc")
    effects = review.analysis("pain", "end")
    fit = effects.pool()
    assert fit.ci == al.robust(fit.model, list(effects.table["trial"])).ci
    text = str(analysis_text(fit, effects, question(review, "pain")))
    for told in ("cluster-robust (CR2)", "Three trials hardly tell", "Tipton 2015", "within them"):
        assert told in text
    one = effects.without("Trial s2", "Trial s3")
    alone = one.pool()
    assert (alone.k, alone.tau2, alone.prediction_interval) == (2, None, None)
    pulls = np.linalg.solve(one.covariance, [1, 1])
    assert alone.estimate == pytest.approx(pulls @ one.effect / pulls.sum())
    text = str(analysis_text(alone, one, question(review, "pain")))
    assert "with one trial, the variance of true effects cannot be estimated" in text
    assert isinstance(effects.without("Trial s1", "Trial s3").pool(), al.PooledEffect)


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({"shared_arms": "pool"}, "shared_arms must be one of split, combine, model; got 'pool'"),
        ({"shared_arms": "modell"}, "did you mean 'model'"),
        (
            {"shared_arms": "model", "tau2_method": "DL"},
            'shared_arms = "model" goes with tau2_method REML, ML or FE, not DL',
        ),
    ],
)
def test_a_wrong_choice_is_told(copy: Path, methods: dict[str, str], message: str) -> None:
    with pytest.raises(al.ReviewError, match=message):
        choose(copy, **methods)


def test_what_cannot_be_combined_is_told_on_its_page(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two arms against each of two: nobody can say which of them are to become one."""
    arm = {"trial": "s1", "arm": "c", "n": "22"}
    add(copy, "arms", arm | {"group": "comparator", "label_printed": "c"})
    where = {"outcome": "pain", "time": "end", "mean": "9", "sd": "3"}
    add(copy, "arm_results", arm | where)
    review = choose(copy, shared_arms="combine")
    (page,) = read_pages(review, ('chapters.show_outcomes(review, "primary")',)).values()
    assert "cannot be computed" in page
    assert "both arms are shared, so they cannot be combined: Trial s1 (t0, b)" in page
    capsys.readouterr()
    assert main(["check", str(copy)]) == 0
    told = capsys.readouterr().out
    assert "shared_arms combine: review.toml" in told
    assert "both arms are shared" in told


@pytest.mark.slow
@pytest.mark.skipif(RSCRIPT is None, reason="R is not installed")
@pytest.mark.parametrize("choice", CHOICES)
def test_the_script_of_r_has_the_same_answer(copy: Path, choice: str, tmp_path: Path) -> None:
    review = choose(copy, shared_arms=choice, ci_method="wald")
    export(review, "metafor", tmp_path / "r")
    done = subprocess.run(
        [str(RSCRIPT), "metafor.R"], cwd=tmp_path / "r", capture_output=True, text=True, check=False
    )
    if "there is no package" in done.stderr:
        pytest.skip("R has no metafor")
    assert "1 of 1 analyses are as in metafor" in done.stdout, done.stdout + done.stderr


@pytest.mark.slow
def test_shared_arms_leave_whole_and_come_back(copy: Path, tmp_path: Path) -> None:
    """Written as effects they could not be split again: their people would count twice."""
    review = choose(copy, shared_arms="model")
    export(review, "csv", tmp_path / "out")
    assert main(["new", str(tmp_path / "new")]) == 0
    sheet = tmp_path / "out" / "comparisons.csv"
    assert main(["import", str(sheet), "--to", str(tmp_path / "new")]) == 0
    for choice in ("split", "model"):
        own, back = choose(copy, shared_arms=choice), choose(tmp_path / "new", shared_arms=choice)
        now = back.analysis("pain", "end").pool()
        # the same numbers are computed in the same way, in another order of the trials at most
        assert now.ci == pytest.approx(own.analysis("pain", "end").pool().ci, rel=1e-9)


def test_check_asks_for_no_numbers_where_the_method_is_in_the_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = [3.0, 4.0, 2.0, 5.0, 6.0, 3.0]
    folder = write(tmp_path / "review", "OR", m_t=events, m_b=[4.0, 4.0, 6.0, 5.0, 5.0, 5.0])
    choose(folder, shared_arms="model", event_method="MH", model="common")
    assert main(["check", str(folder)]) == 0
    told = capsys.readouterr().out
    assert "Cannot be computed: Pain, end" in told
    assert "fill arm_results.csv" not in told
