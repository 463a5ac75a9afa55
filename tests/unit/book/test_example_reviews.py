"""Do the example reviews hold the data of their sources, and pool them to R's answers?"""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from places import GOLDEN, ROOT

import analysis_lib as al
from analysis_lib.__main__ import main
from analysis_lib.base.errors import ReviewError
from analysis_lib.book.sections.analyses import analysis_text, draw_forest, question
from analysis_lib.book.sections.event_methods import methods_of_events
from analysis_lib.book.sections.grading import absolute_effects, assumed_risks, grade, summary_table
from analysis_lib.book.sections.robustness import trials_left_out
from analysis_lib.conclusions.specifications import specifications
from analysis_lib.plots import alt_text
from analysis_lib.pooling.events import PooledEvents
from analysis_lib.review.comparisons import COUNTS
from analysis_lib.review.funnel_tests import asymmetry_test

SAME = 1e-8  # as in the list of reference values for metabin; worst seen 1e-13
ROSIGLITAZONE = ROOT / "examples" / "rosiglitazone" / "data"
R = "metabin|nissen2007_death|"


def golden(name: str) -> dict[str, Any]:
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


METABIN = golden("n1b_metabin")
ANSWERS = {entry["id"]: entry["out"] for entry in METABIN["entries"]}


@pytest.fixture(scope="module")
def deaths() -> al.StudyEffects:
    return al.load_review(ROSIGLITAZONE).analysis("death", "end")


def test_the_counts_are_those_of_the_data_set() -> None:
    columns = METABIN["datasets"]["nissen2007_death"]["columns"]
    rows = al.load_review(ROSIGLITAZONE).arm_results
    for outcome in ("death", "death-rd"):
        here = rows[rows["outcome"] == outcome]
        for arm, events, people in (("rosiglitazone", "ai", "n1i"), ("control", "ci", "n2i")):
            found = here[here["arm"] == arm]
            assert found["events"].tolist() == columns[events]
            assert found["n"].tolist() == columns[people]


@pytest.mark.parametrize(
    ("names", "r", "model"),
    [
        ({}, "OR|MH|DL|exact|dropDZ|QIV|", "common"),
        ({"event_method": "Peto"}, "OR|Peto|REML|corrected|dropDZ|QIV|", "common"),
        ({"event_method": "inverse"}, "OR|Inverse|REML|corrected|dropDZ|QIV|", "common"),
        (
            {"event_method": "inverse", "model": "random", "ci_method": "wald"},
            "OR|Inverse|REML|corrected|dropDZ|QIV|",
            "random",
        ),
        (
            {"model": "random", "tau2_method": "DL", "ci_method": "wald", "double_zeros": "keep"},
            "OR|MH|DL|exact|all|QMH|",
            "random",
        ),
    ],
)
def test_every_way_of_pooling_gives_the_answer_of_r(
    deaths: al.StudyEffects, names: dict[str, Any], r: str, model: str
) -> None:
    fit, answer = deaths.pool(**names), ANSWERS[R + r]
    assert fit.estimate == pytest.approx(answer[f"TE.{model}"], rel=SAME)
    assert fit.se == pytest.approx(answer[f"seTE.{model}"], rel=SAME)
    assert fit.ci == pytest.approx((answer[f"lower.{model}"], answer[f"upper.{model}"]), rel=SAME)
    assert fit.k == answer["k"]


HYDROXYCHLOROQUINE = ROOT / "examples" / "hydroxychloroquine" / "data"


def test_the_deaths_with_hydroxychloroquine_are_those_of_the_data_set() -> None:
    """The sums of the 28 rows of dat.axfors2021 with hcq_cq == "hcq"."""
    review = al.load_review(HYDROXYCHLOROQUINE)
    deaths = review.arm_results[review.arm_results["outcome"] == "death"]
    sums = deaths.groupby("arm")[["events", "n"]].sum()
    assert sums.loc["hcq"].tolist() == [499, 3369]
    assert sums.loc["control"].tolist() == [874, 4790]
    assert len(review.trials) == 28


def test_trials_without_a_death_turn_a_conclusion_when_they_are_kept() -> None:
    """Twelve of 28 trials tell nothing; the unmodified Hartung-Knapp interval narrows with them."""
    effects = al.load_review(HYDROXYCHLOROQUINE).analysis("death", "end")
    dropped, kept = effects.pool(), effects.pool(double_zeros="keep")
    assert (dropped.k, kept.k) == (16, 28)
    assert [round(math.exp(end), 3) for end in dropped.ci] == [0.995, 1.18]
    assert [round(math.exp(end), 3) for end in kept.ci] == [1.014, 1.15]
    assert set(methods_of_events(effects)["Double zeros"]) == {"left out", "kept"}


def test_a_difference_of_risks_keeps_every_trial() -> None:
    fit = al.load_review(ROSIGLITAZONE).analysis("death-rd", "end").pool()
    answer = ANSWERS[R + "RD|MH|DL|exact|dropDZ|QIV|"]
    assert fit.estimate == pytest.approx(answer["TE.common"], rel=SAME)
    assert fit.k == answer["k.all"]
    assert isinstance(fit, PooledEvents)
    assert not fit.left_out


def test_silent_trials_are_left_out_and_told(deaths: al.StudyEffects) -> None:
    fit = deaths.pool()
    assert isinstance(fit, PooledEvents)
    assert (deaths.k, len(fit.left_out), len(fit.corrected)) == (23, 19, 17)
    assert fit.left_out[:2] == ("Trial 02", "Trial 03")
    text = str(analysis_text(fit, deaths, question(deaths.review, "death")))
    assert "Mantel-Haenszel method, which adds up counts, in a common-effect model" in text
    assert "17 trials with an empty cell" in text
    assert "19 trials (Trial 02, " in text
    assert "Rare events" in text
    axes = draw_forest(deaths.review, deaths)
    notes = [told.get_text().replace("\n", " ") for told in axes.texts]
    assert any("both arms" in told and "19 trials." in told for told in notes)
    assert "Trial 02" not in alt_text(axes)


def test_a_trial_without_information_changes_no_ratio_unless_it_is_kept(tmp_path: Path) -> None:
    """Without the nineteen trials everything is the same; kept, they pull the ratio towards 1."""
    full, fewer = al.load_review(ROSIGLITAZONE), tmp_path / "fewer"
    shutil.copytree(ROSIGLITAZONE.parent, fewer)
    effects = full.analysis("death", "end")
    silent = set(effects.silent["trial"])
    for name in ("trials", "arms", "arm_results"):
        path = fewer / "data" / f"{name}.csv"
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table[~table["trial"].isin(silent)].to_csv(path, index=False)
    rest = al.load_review(fewer / "data").analysis("death", "end")
    for way in ("MH", "Peto", "inverse"):
        ours, theirs = (one.pool(event_method=way) for one in (effects, rest))
        assert (ours.estimate, ours.ci) == (theirs.estimate, theirs.ci)
    kept = effects.pool(event_method="inverse", double_zeros="keep")
    assert kept.k == 42
    assert abs(kept.estimate) < abs(effects.pool(event_method="inverse").estimate)


def test_every_method_stands_side_by_side(deaths: al.StudyEffects) -> None:
    table = methods_of_events(deaths)
    assert table["Trials"].tolist() == ["23"] * 4 + ["42"] * 2
    r = ANSWERS[R + "OR|Peto|REML|corrected|dropDZ|QIV|"]
    assert table["OR"][1].startswith(f"{math.exp(r['TE.common']):.2f} (")


def test_leaving_a_trial_out_pools_the_rest_by_the_same_method(deaths: al.StudyEffects) -> None:
    table = trials_left_out(deaths.review, deaths).set_index("left_out")
    alone = deaths.without("Trial 42").pool()
    assert table["estimate"]["Trial 42"] == alone.estimate
    assert len(table) == 23


def test_other_choices_name_the_way_events_are_pooled(deaths: al.StudyEffects) -> None:
    table = specifications(deaths)
    common = table[table["tau2_method"] == "FE"]
    assert set(common["event_method"]) == {"MH", "Peto", "inverse"}
    assert set(table["k"]) == {23, 42}
    assert not table.duplicated().any()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"MH"', '"Pteo"', r"\[methods\]: event_method must be one of MH, Peto, inverse; got"),
        ('"MH"', '"Pteo"', r"did you mean 'Peto'"),
        ("model =", "modle =", r"got 'modle' \(did you mean 'model'\?\)"),
        ("correction = 0.5", "correction = 0", "correction must be finite and greater than zero"),
        ('"drop"', '"dorp"', "double_zeros must be one of drop, keep; got 'dorp'"),
        (
            'double_zeros = "drop"',
            '[outcome.deth]\nmodel = "random"',
            r"table \[outcome.deth\]: 'deth' is not in outcomes.csv \(did you mean 'death'\?\)",
        ),
        (
            'double_zeros = "drop"',
            '[outcome.death]\nevent_method = "Petto"',
            r"\[outcome.death\], key event_method: 'Petto' must be one of MH, Peto, inverse",
        ),
        ('"MH"', '"Peto"', "table \\[methods\\], key event_method: Peto's is an odds ratio"),
    ],
)
def test_a_wrong_choice_names_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    folder = tmp_path / "review"
    shutil.copytree(ROSIGLITAZONE.parent, folder)
    toml = folder / "data" / "review.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(ReviewError, match=told):
        al.load_review(folder / "data")


def test_one_outcome_may_be_pooled_in_another_way(tmp_path: Path) -> None:
    folder = tmp_path / "review"
    shutil.copytree(ROSIGLITAZONE.parent, folder)
    with (folder / "data" / "review.toml").open("a", encoding="utf-8") as toml:
        toml.write('\n[outcome.death]\nevent_method = "Peto"\n')
    review = al.load_review(folder / "data")
    fit = review.analysis("death", "end").pool()
    answer = ANSWERS[R + "OR|Peto|REML|corrected|dropDZ|QIV|"]
    assert fit.estimate == pytest.approx(answer["TE.common"], rel=SAME)
    assert review.analysis("death-rd", "end").events.event_method == "MH"


def test_check_warns_of_rare_events(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(ROSIGLITAZONE.parent)]) == 0
    told = capsys.readouterr().out
    assert "event_method MH, model common, correction 0.5 and double_zeros drop" in told
    assert "Left out of Death, end: Trial 02, Trial 03" in told
    assert "Cannot be used yet" not in told
    assert "Death, end: Events are rare" in told
    assert "Mantel-Haenszel, one common effect 1.70 (0.98 to 2.93); Peto" in told


def test_the_summary_of_findings_says_what_a_ratio_means_for_people(
    deaths: al.StudyEffects,
) -> None:
    review = deaths.review
    arms = deaths.table[["events_comparator", "n_comparator"]].sum()
    assert (deaths.table["events_comparator"] == 0).mean() > 0.5  # the median risk is none
    (risk,) = assumed_risks(deaths)
    assert risk == arms["events_comparator"] / arms["n_comparator"]
    (found,) = absolute_effects(deaths)
    odds = math.exp(deaths.pool().estimate) * risk / (1 - risk)
    assert found.risk == pytest.approx(1000 * odds / (1 + odds), rel=SAME)
    row = summary_table(review).iloc[0]
    assert row["Without"] == "2.3 per 1000"
    assert row["With the intervention"] == "3.9 (2.3 to 6.7) per 1000"
    assert row["Difference"] == "1.6 more per 1000 (0.0 fewer to 4.4 more)"
    assert "to ∞ to NNTH" in row["Number needed to treat"]


def test_an_assumed_risk_of_the_review_stands_in_place_of_the_median(tmp_path: Path) -> None:
    folder = tmp_path / "review"
    shutil.copytree(ROSIGLITAZONE.parent, folder)
    with (folder / "data" / "review.toml").open("a", encoding="utf-8") as toml:
        toml.write("\n[outcome.death]\nassumed_risk = [0.01, 0.1]\n")
    row = summary_table(al.load_review(folder / "data")).iloc[0]
    assert row["Without"] == "10 per 1000; 100 per 1000"


def test_the_test_of_asymmetry_fits_the_measure(deaths: al.StudyEffects) -> None:
    columns = [deaths.table[name].to_numpy(dtype=float) for name in COUNTS]
    assert asymmetry_test(deaths).p_value == al.harbord_test(*columns).p_value
    prompt = grade(deaths.review, deaths).prompts[-1]
    assert "Harbord's test p = " in prompt.finding
    as_risks = replace(deaths, measure="RR")
    assert asymmetry_test(as_risks).p_value == al.peters_test(*columns, measure="RR").p_value
    people = deaths.table[["n_experimental", "n_comparator"]].to_numpy().T
    scores = replace(deaths, measure="SMD")
    expected = al.pustejovsky_test(*people, deaths.effect)
    assert asymmetry_test(scores).p_value == expected.p_value
    plain = replace(deaths, measure="MD")
    assert asymmetry_test(plain).p_value == al.egger_test(plain.effect, plain.variance).p_value


# --- hazard ratios ------------------------------------------------------------------------------

HAZARDS = ROOT / "examples" / "hazard_ratios" / "data"
GENERIC = golden("n2_generic")
GENERIC_ANSWERS = {entry["id"]: entry["out"] for entry in GENERIC["entries"]}
REML = 1e-6  # tau2 of the reference is iterated; of it depends the estimate where it is not zero


@pytest.fixture(scope="module")
def hazards() -> al.Review:
    return al.load_review(HAZARDS)


def test_the_hazard_ratios_are_those_of_the_data_sets(hazards: al.Review) -> None:
    rows = hazards.contrasts
    printed = rows[rows["outcome"] == "hazard"]
    columns = GENERIC["datasets"]["steurer2006"]["columns"]
    for ours, theirs in (("estimate", "est"), ("ci_low", "lower"), ("ci_high", "upper")):
        assert printed[ours].tolist() == columns[theirs]
    scores = rows[rows["outcome"] == "logrank"]
    columns = GENERIC["datasets"]["pignon2000_grp1"]["columns"]
    assert scores["o_minus_e"].tolist() == columns["oe"]
    assert scores["v"].tolist() == columns["v"]


def test_hazard_ratios_with_intervals_are_pooled_to_the_answer_of_r(hazards: al.Review) -> None:
    fit = hazards.analysis("hazard", "whole").pool()
    answer = GENERIC_ANSWERS["metagen_ci|steurer2006|REML|0.95"]
    assert fit.estimate == pytest.approx(answer["TE.random"], rel=REML)
    assert fit.ci == pytest.approx((answer["lower.random"], answer["upper.random"]), rel=REML)
    assert fit.q == pytest.approx(answer["Q"], rel=SAME)


def test_log_rank_scores_are_pooled_to_the_answer_of_r(hazards: al.Review) -> None:
    effects = hazards.analysis("logrank", "whole")
    answer = GENERIC_ANSWERS["oe_v|pignon2000_grp1|REML"]
    assert effects.effect == pytest.approx(answer["yi"], rel=SAME)
    assert effects.variance == pytest.approx(answer["vi"], rel=SAME)
    fit = effects.pool()
    assert fit.estimate == pytest.approx(answer["beta"], rel=REML)
    assert fit.tau2 == pytest.approx(answer["tau2"], rel=REML)
    common = GENERIC_ANSWERS["oe_v|pignon2000_grp1|EE"]
    assert effects.pool(tau2_method="FE").ci == pytest.approx(
        (common["ci.lb"], common["ci.ub"]), rel=SAME
    )


def test_weights_are_shown_without_people(hazards: al.Review) -> None:
    effects = hazards.analysis("hazard", "whole")
    assert effects.participants is None
    axes = draw_forest(hazards, effects)
    texts = {text.get_text() for text in axes.texts}
    assert "Weight" in texts
    assert not any(text.startswith("n\n") for text in texts)
    assert "Pooled HR 0.89" in alt_text(axes)
    text = str(analysis_text(effects.pool(), effects, question(hazards, "hazard")))
    assert "the hazard of the event did not clearly differ" in text
    assert "natural logarithm of the hazard ratio" in text


def test_pages_of_effects_without_people_are_whole(hazards: al.Review) -> None:
    table = summary_table(hazards)
    assert table["People"].tolist() == ["not stated"] * 2
    prompt = grade(hazards, hazards.analysis("hazard", "whole")).prompts[3]
    assert "number of participants not stated" in prompt.finding


def change(folder: Path, row: int, **cells: str) -> None:
    path = folder / "data" / "contrasts.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    for column, cell in cells.items():
        if column not in table:
            table.insert(table.columns.get_loc("provenance"), column, "")
        table.loc[row, column] = cell
    table.to_csv(path, index=False)


@pytest.mark.few
@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (
            {"measure": "OR"},
            "row 2, column measure: OR is not the measure of 'hazard', which is HR",
        ),
        ({"estimate": "0"}, "row 2, column estimate: a ratio must be greater than zero, got 0"),
        ({"ci_low": "0"}, "row 2, column ci_low: a limit of a ratio must be greater than zero"),
        ({"estimate": "3"}, "row 2, column estimate: outside its confidence interval, got 3"),
        (
            {"ci_low": "", "ci_high": ""},
            "row 2, column ci_low: neither an interval, nor a standard",
        ),
        ({"se": "0", "ci_low": "", "ci_high": ""}, "row 2, column se: '0' must be greater than 0"),
        ({"level": "95"}, "row 2, column level: '95' must be at most 1"),
        ({"ci_low": "", "ci_high": "", "p": "0"}, "row 2, column p: must lie strictly between"),
        (
            {"ci_low": "", "ci_high": "", "p": "0.2", "estimate": "1"},
            "row 2, column p: tells nothing of an effect of no difference",
        ),
        ({"estimate": "", "ci_low": "", "ci_high": ""}, "row 2, column estimate: neither an"),
        (
            {"estimate": "", "ci_low": "", "ci_high": "", "o_minus_e": "3"},
            "row 2, column v: O − E needs its variance",
        ),
        (
            {"estimate": "", "ci_low": "", "ci_high": "", "o_minus_e": "3", "v": "-1"},
            "row 2, column v: '-1' must be greater than 0",
        ),
    ],
)
def test_a_wrong_effect_names_table_row_and_column(
    tmp_path: Path, cells: dict[str, str], told: str
) -> None:
    folder = tmp_path / "review"
    shutil.copytree(HAZARDS.parent, folder)
    change(folder, 0, **cells)
    with pytest.raises(ReviewError, match=f"contrasts.csv, {told}"):
        al.load_review(folder / "data")


@pytest.mark.few
@pytest.mark.parametrize(
    ("cells", "named"),
    [
        ({"se": "0.3"}, {"se": 0.3}),
        ({"p": "0.04"}, {"p_value": 0.04}),
        ({"p": "0.04", "df": "12"}, {"p_value": 0.04, "df": 12}),
        ({"ci_low": "0.4", "ci_high": "0.8", "level": "0.9"}, {"ci": (0.4, 0.8), "level": 0.9}),
        (
            {"ci_low": "0.4", "ci_high": "0.8", "df": "9"},
            {"ci": (0.4, 0.8), "df": 9},
        ),
    ],
)
def test_a_precision_may_be_stated_in_any_way(
    tmp_path: Path, cells: dict[str, str], named: dict[str, Any]
) -> None:
    folder = tmp_path / "review"
    shutil.copytree(HAZARDS.parent, folder)
    change(folder, 0, **({"ci_low": "", "ci_high": ""} | cells))
    effects = al.load_review(folder / "data").analysis("hazard", "whole")
    expected = al.generic_effect(0.5532, log=True, **named)
    assert effects.effect[0] == expected.effect[0]
    assert effects.variance[0] == pytest.approx(expected.variance[0], rel=1e-15)
