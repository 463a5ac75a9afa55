"""Do the columns that moderators.csv declares divide trials, and explain effects, as R says?"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from places import GOLDEN, ROOT

import analysis_lib as al
from analysis_lib import plots
from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.book.sections import chapters, moderation, robustness
from analysis_lib.book.sections.moderation import regression_note, regression_on, regression_table
from analysis_lib.pooling.permuted_moderators import permuted_moderators
from analysis_lib.review.moderators import moderators_of
from analysis_lib.review.possible import pooled_analyses
from analysis_lib.review.subgroups import level_order, levels_by_factor

EXAMPLE = ROOT / "examples" / "hazard_ratios"
HEADER = ["moderator", "table", "label", "kind", "unit", "provenance", "source", "note"]
ITERATED = 1e-7  # R iterates tau2; worst seen 2e-9
PLACES = ["clinic", "home", "clinic", "", "home", "home", "clinic", "school"]
WEEKS = ["4", "8", "12", "6", "20", "", "9", "15"]
DOSES = ["1.5", "2", "1", "3", "2.5", "1", "2", "4"]


def rewrite(path: Path, **columns: list[str]) -> None:
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    for name, cells in columns.items():
        table[name] = [*[""] * (len(table) - len(cells)), *cells]
    table.to_csv(path, index=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight trials with log-rank scores, now a primary outcome, and what may explain them."""
    review = tmp_path / "review"
    shutil.copytree(EXAMPLE, review)
    data = review / "data"
    rewrite(data / "trials.csv", place=PLACES, weeks=WEEKS)
    doses = [cell for dose in DOSES for cell in (dose, "")]
    rewrite(data / "arms.csv", dose=doses)
    outcomes = (data / "outcomes.csv").read_text(encoding="utf-8")
    (data / "outcomes.csv").write_text(outcomes.replace("secondary,HR", "primary,HR"), "utf-8")
    declare(data, ("place", "trials", "Place", "category", ""))
    declare(data, ("weeks", "trials", "Length", "number", "weeks"))
    declare(data, ("dose", "arms", "Dose", "number", "mg"))
    return data


def declare(data: Path, row: tuple[str, ...]) -> None:
    path = data / "moderators.csv"
    if not path.exists():
        path.write_text(",".join(HEADER) + "\n", encoding="utf-8")
    with path.open("a", encoding="utf-8") as file:
        file.write(",".join([*row, "reported", "made up", ""]) + "\n")


def test_a_category_divides_trials_as_any_factor(folder: Path) -> None:
    review = al.load_review(folder)
    effects = review.analysis("logrank", "whole")
    levels = levels_by_factor(review, effects)["Place"]
    assert levels == [place or "not stated" for place in PLACES]
    assert level_order(review, "Place") == ["clinic", "home", "school", "not stated"]
    table = robustness.subgroup_table(review)
    (told,) = table[table["Analysis"].str.contains("log-rank") & (table["Factor"] == "Place")][
        "Subgroups"
    ]
    home = effects.effect[[1, 4, 5]], effects.variance[[1, 4, 5]]
    pooled = al.pool(*home, **effects.methods)
    assert f"home {al.base.formatting.effect_estimate(pooled.estimate, pooled.ci, 'HR')}" in told


def test_a_number_is_a_regression_on_the_trials_that_state_it(folder: Path) -> None:
    review = al.load_review(folder)
    effects = review.analysis("logrank", "whole")
    _, weeks, dose = moderators_of(review, effects)
    assert (weeks.name, dose.name) == ("Length (weeks)", "Dose (mg)")
    fit, terms = regression_on(review, effects, [weeks])
    stated = [i for i, cell in enumerate(WEEKS) if cell]
    x = {"Length (weeks)": [float(WEEKS[i]) for i in stated]}
    expected = al.meta_regression(
        effects.effect[stated], effects.variance[stated], x, **effects.methods
    )
    assert fit.coefficients.tolist() == expected.coefficients.tolist()
    assert terms == {"Length (weeks)": ["Length (weeks)"]}
    arms, _ = regression_on(review, effects, [dose])
    assert arms.design[:, 1].tolist() == [float(cell) for cell in DOSES]
    note = regression_note(fit, 1, effects.k, "HR")
    assert "7 comparisons" in note
    assert "Of 1 comparison a moderator is not stated" in note
    assert "fewer than 10 comparisons a moderator" in note


@pytest.mark.parametrize(
    ("ci_method", "statistic", "degrees", "p"),
    [  # R 4.2.2, metafor 5.1-12: anova(rma(yi, vi, mods = ~ alloc + ablat, ...), btt = 2:3)
        ("wald", 1.285017960466, (2, None), 0.525971116035086),
        ("HK", 0.600725428260215, (2, 9), 0.569000377430613),
    ],
)
def test_a_factor_is_tested_as_a_whole_as_in_r(
    ci_method: str, statistic: float, degrees: tuple[int, int | None], p: float
) -> None:
    cases = json.loads((GOLDEN / "d3_predict_anova_permutest.json").read_text(encoding="utf-8"))
    bcg = cases["datasets"]["bcg_RR"]["columns"]
    columns = al.indicators("alloc", bcg["alloc"])
    fit = al.meta_regression(
        bcg["yi"], bcg["vi"], {**columns, "ablat": bcg["ablat"]}, ci_method=ci_method
    )
    found = fit.test_of(list(columns))
    assert found[0] == pytest.approx(statistic, rel=ITERATED)
    assert found[1] == degrees
    assert found[2] == pytest.approx(p, rel=ITERATED)


def test_all_coefficients_but_the_intercept_are_the_test_of_the_moderators() -> None:
    fit = al.meta_regression(
        [0.1, 0.3, 0.3, 0.6, 0.7, 0.2, 0.4],
        [0.02, 0.03, 0.02, 0.04, 0.03, 0.05, 0.02],
        al.indicators("place", list("abcabca")),
    )
    assert fit.test_of(fit.names[1:]) == (fit.q_m, fit.q_m_df, fit.q_m_p_value)
    statistic, degrees, p = fit.test_of(["place=b"])
    assert statistic == pytest.approx(fit.statistic[1] ** 2, rel=1e-12)
    assert degrees == (1, None)
    assert p == pytest.approx(fit.p_value[1], rel=1e-9)
    with pytest.raises(ReviewError, match=r"names must be one of intercept, .*did you mean"):
        fit.test_of(["place=B"])


def test_the_page_shows_each_number_and_all_moderators_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    review = al.load_review(folder)

    def show_figure(ax: object, name: str) -> None:
        seen.append(f"{name}: {plots.alt_text(ax)}")

    for module in (moderation, robustness):
        monkeypatch.setattr(module, "show_figure", show_figure)
    monkeypatch.setattr(
        moderation, "show_table", lambda table, caption, **more: seen.append(f"{caption} {table}")
    )
    monkeypatch.setattr("analysis_lib.book.page.display", lambda thing: seen.append(thing.data))
    chapters.show_subgroups(review)
    text = "\n".join(seen)
    assert "fig-bubbles-logrank-whole-length: Bubble plot: HR of 7 comparisons over Length" in text
    assert "fig-bubbles-logrank-whole-dose" in text
    assert "by all moderators at once" in text
    assert "Place=home" in text


def test_coefficients_of_ratios_are_ratios_of_ratios(folder: Path) -> None:
    review = al.load_review(folder)
    effects = review.analysis("logrank", "whole")
    fit, terms = regression_on(review, effects, list(moderators_of(review, effects))[2:])
    (row,) = regression_table(fit, terms, "HR").to_dict("records")
    slope = float(al.base.measures.shown(fit.coefficients[1], "HR"))
    assert row["Change"].startswith(f"{slope:.2f} (")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (
            ("wekes", "trials", "X", "number", ""),
            r"moderators.csv, row 5, column moderator: 'wekes' is no further column of trials.csv "
            r"\(did you mean 'weeks'\?\)",
        ),
        (("label", "trials", "X", "category", ""), "'label' is no further column of trials.csv"),
        (("dose", "trials", "X", "number", ""), "dose"),
        (("x", "trials", "risk of bias", "number", ""), "is a factor of subgroups already"),
        (("x", "trial", "X", "number", ""), "must be one of: trials, arms"),
        (("x", "trials", "X", "numeric", ""), "must be one of: category, number"),
    ],
)
def test_a_wrong_declaration_names_its_place(folder: Path, row: tuple[str, ...], told: str) -> None:
    declare(folder, row)
    with pytest.raises(ReviewError, match=told):
        al.load_review(folder)


def test_a_column_that_is_not_declared_is_told(folder: Path) -> None:
    rewrite(folder / "trials.csv", setting=PLACES)
    with pytest.raises(
        ReviewError,
        match=r"trials.csv, row 1: unknown columns: 'setting'; a moderator is declared in mod",
    ):
        al.load_review(folder)


def test_a_word_among_numbers_is_told(folder: Path) -> None:
    rewrite(folder / "trials.csv", weeks=[*WEEKS[:-1], "many"])
    with pytest.raises(ReviewError, match=r"trials.csv, row 13, column weeks: 'many' is no number"):
        al.load_review(folder)


@pytest.mark.slow
def test_permutation_p_values_are_shown_on_request(folder: Path) -> None:
    toml = folder / "review.toml"
    text = toml.read_text(encoding="utf-8") + "\n[moderators]\npermutations = 99\n"
    toml.write_text(text, encoding="utf-8")
    review = al.load_review(folder)
    assert review.info.moderators.permutations == 99
    effects = list(pooled_analyses(review, "primary"))[-1]
    moderators = [m for m in moderators_of(review, effects) if m.is_number][:1]
    fit, terms = regression_on(review, effects, moderators)
    permuted = permuted_moderators(fit, terms, draws=99)
    table = regression_table(fit, terms, effects.measure, permuted)
    (p,) = set(table["Permutation test"])
    assert p == fmt.p_value(permuted.p_values[moderators[0].name])
    assert f"{permuted.orders} orders" in regression_note(fit, 1, effects.k, "HR", permuted)
