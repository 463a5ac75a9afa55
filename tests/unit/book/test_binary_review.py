"""Does a review of events show ratios on every page, and never a logarithm?

The trials, their counts and the words are those of the guide in book/reuse.md, with a minimal
important ratio, risk of bias for some trials and a recorded certainty. All that the pages of a new
review show is read: paragraphs, tables, and every text in, below and about each figure.
"""

from __future__ import annotations

import contextlib
import html
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
from matplotlib.text import Text
from template_cells import DRAWING, NOTEBOOKS
from test_chapters import FALLS, SHEET, add, begin, bring
from test_reuse import blocks

import analysis_lib as al
from analysis_lib import plots
from analysis_lib.__main__ import main
from analysis_lib.base import formatting
from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import margin, shown_interval
from analysis_lib.book import page as book
from analysis_lib.book.sections import chapters, explorer, robustness
from analysis_lib.book.sections.analyses import details, question
from analysis_lib.book.sections.grading import assumed_risks, grade, summary_table
from analysis_lib.conclusions.certainty import information_size_of_events

MID = 0.8
Z95 = 1.959964
NEGATIVE = re.compile(r"(?<![\w.])[−-]\d[\d.]*")  # no ratio is below zero
#: The negative numbers that may stand on a page: test statistics, and ticks outside an axis of I².
ALLOWED = re.compile(r"\b[tz](\(\d+\))? = −\d+\.\d+|−\d+%")
#: Of the template's calls, those that show effects of the example.
WITH_EFFECTS = (
    'chapters.show_outcomes(review, "primary")',
    "chapters.show_subgroups(review)",
    "chapters.show_leave_one_out(review)",
    "chapters.show_choices(review)",
    "chapters.show_reporting_bias(review)",
    "chapters.show_findings(review)",
    "chapters.show_prompts(review)",
)
MORE = (
    'robustness.show_all_subsets(review, "tuberculosis", "end")',
    "explorer.results_table(review).html()",
    "explorer.comparisons_table(review).html()",
)


def write_review(folder: Path, measure: str, mid: float | str = MID, trials: int = 13) -> Path:
    """Write the review of the guide, with one measure and the first trials only."""
    assert main(["new", str(folder)]) == 0
    for block in blocks():
        if block.file and block.file.startswith("my-review/data/") and "search" not in block.file:
            text = block.text.replace(",RR,,", f",{measure},,").replace("yes,,,", f"yes,{mid},x,")
            (folder.parent / block.file.replace("my-review", folder.name)).write_text(text)
        elif block.file == "extraction.csv":
            sheet = "".join(block.text.splitlines(keepends=True)[: trials + 1])
    bring(folder, sheet, "--source", "metadat dat.bcg")
    names = al.load_review(folder / "data").trials["trial"] if mid == MID else []
    judged = zip(names, ("low", "high", "some concerns", "low", "high"), strict=False)
    add(
        folder,
        "risk_of_bias",
        *(
            {"trial": str(name), "outcome": "all", "item": "overall", "judgement": word}
            for name, word in judged
        ),
    )
    add(
        folder,
        "certainty",
        {"outcome": "tuberculosis", "follow_up": "end", "rating": "low", "reasons": "spread"},
    )
    return folder


@contextlib.contextmanager
def read_everything() -> Iterator[list[str]]:
    """Collect all that is shown as text, whether it is a paragraph, a table or a figure."""
    seen: list[str] = []

    def show_figure(ax: Any, name: str) -> None:
        ax.figure.draw_without_rendering()
        seen.extend([plots.alt_text(ax), plots.caption(ax)])
        texts = (text.get_text() for text in ax.figure.findobj(Text) if text.get_visible())
        seen.extend(" ".join(text.split()) for text in texts)  # a line may break anywhere
        plt.close(ax.figure)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book, "display", lambda thing: seen.append(told(thing.data)))
        for module in DRAWING:
            patch.setattr(module, "show_figure", show_figure)
        yield seen


def told(page: str) -> str:
    """Return the words of HTML or Markdown."""
    return html.unescape(re.sub(r"<[^>]*>", " ", page)).replace("\\", "").replace("\xa0", " ")


def read_pages(review: al.Review, calls: tuple[str, ...] = ()) -> dict[str, str]:
    """Return what each call shows; by default those of the template, and more."""
    template = [call for calls in NOTEBOOKS.values() for call in calls]
    names = {"review": review, "chapters": chapters, "robustness": robustness, "explorer": explorer}
    found = {}
    for call in calls or (*template, *MORE):
        with read_everything() as seen:
            value = eval(call, dict(names))
        found[call] = "\n".join([*seen, told(value or "")]).strip()
    return found


def intervals_as_pooled(review: al.Review) -> Iterator[tuple[float, float]]:
    """Yield the intervals of all effects and results, as logarithms where they are pooled so."""
    effects = al.study_effects(review, "tuberculosis", "end")
    for value, variance in zip(effects.effect, effects.variance, strict=True):
        half = Z95 * math.sqrt(variance)
        yield value - half, value + half
    for trial in (None, *dict.fromkeys(effects.table["trial"])):
        rest = effects if trial is None else effects.without(trial)
        fit = rest.pool(**review.info.methods)
        yield fit.ci
        if fit.prediction_interval:
            yield fit.prediction_interval


def logarithms(review: al.Review, text: str) -> list[str]:
    """Return what cannot stand in a text where effects are ratios."""
    printed = [fmt.interval(limits) for limits in intervals_as_pooled(review)]
    printed.append(f"±{fmt.threshold(margin(MID, 'RR'))}")
    return [p for p in printed if p in text] + NEGATIVE.findall(ALLOWED.sub("", text))


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> al.Review:
    folder = write_review(tmp_path_factory.mktemp("binary") / "review", "RR")
    return al.load_review(folder / "data")


@pytest.fixture(scope="module")
def pages(review: al.Review) -> dict[str, str]:
    return read_pages(review)


def test_no_page_holds_a_logarithm(review: al.Review, pages: dict[str, str]) -> None:
    assert {*WITH_EFFECTS, *MORE} <= set(pages)
    assert all(pages.values())
    found = {call: logarithms(review, text) for call, text in pages.items()}
    assert {call: wrong for call, wrong in found.items() if wrong} == {}


def test_the_pages_hold_the_ratios_and_the_events(pages: dict[str, str]) -> None:
    """Of R's numbers in the guide: 0.49 (0.33 to 0.73)."""
    results = {
        'chapters.show_outcomes(review, "primary")': "pooled risk ratio for tuberculosis was 0.49",
        "chapters.show_leave_one_out(review)": "0.49 (0.33 to 0.73)",
        "chapters.show_choices(review)": "0.45 to 0.73",
        "chapters.show_reporting_bias(review)": "0.49 (0.33 to 0.73)",
        "chapters.show_findings(review)": "RR 0.49 (0.33 to 0.73)",
        "chapters.show_prompts(review)": "95% CI 0.33 to 0.73",
        "explorer.results_table(review).html()": "0.49 (0.33 to 0.73)",
    }
    for call, ratio in results.items():
        assert ratio in pages[call], call
    outcomes = pages['chapters.show_outcomes(review, "primary")']
    assert "4 / 123" in outcomes
    assert "each as the natural logarithm of the risk ratio" in outcomes
    assert "for the logarithm of the risk ratio" in outcomes
    assert "crossed by the latter only: 0.80, 1.00, 1.25" in pages["chapters.show_prompts(review)"]


@pytest.mark.slow
def test_the_search_finds_logarithms_where_they_are_shown(
    review: al.Review, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the first test could not fail: here nothing turns them back into ratios."""
    monkeypatch.setattr(formatting, "ratio", formatting.number)
    monkeypatch.setattr(formatting, "shown", lambda value, measure: float(value))
    calls = (*WITH_EFFECTS[3:], MORE[1])
    found = {call: logarithms(review, text) for call, text in read_pages(review, calls).items()}
    assert all(found.values()), found


@pytest.mark.slow
@pytest.mark.parametrize("measure", ["OR", "RD"])
def test_every_page_can_show_other_measures_of_events(tmp_path: Path, measure: str) -> None:
    folder = write_review(tmp_path / "review", measure, MID if measure == "OR" else 0.05, trials=3)
    found = read_pages(al.load_review(folder / "data"), WITH_EFFECTS)
    assert all(found.values())
    fit_text = {"OR": "pooled odds ratio for tuberculosis", "RD": "pooled risk difference for"}
    assert fit_text[measure] in found['chapters.show_outcomes(review, "primary")']
    assert (NEGATIVE.search(found["chapters.show_findings(review)"]) is None) is (measure == "OR")


def test_events_stand_beside_the_effects_of_events_only(review: al.Review) -> None:
    effects = al.study_effects(review, "tuberculosis", "end")
    shown = details(review, effects)
    assert shown.loc["Trial 1", ["events_experimental", "events_comparator"]].tolist() == [4, 11]
    assert shown["events_experimental"].dtype == "float64"
    differences = al.study_effects(al.load_review("data"), "pain", "ETP")
    assert not [name for name in differences.table if name.startswith("events")]


def test_an_important_ratio_is_no_threshold_among_logarithms(review: al.Review) -> None:
    effects = al.study_effects(review, "tuberculosis", "end")
    found = grade(review, effects)
    asked = question(review, "tuberculosis")
    assert asked.margin == pytest.approx(math.log(1 / MID))
    imprecision = found.prompts[3]
    fit = effects.pool(**review.info.methods)
    assert shown_interval(fit.ci, "RR")[1] < MID  # all of it is below 0.8, and so far from 1
    assert "thresholds inside: none" in imprecision.finding
    needed = information_size_of_events(*assumed_risks(effects), margin(MID, "RR"), "RR")
    assert f"optimal information size {fmt.count(needed)}" in imprecision.finding
    row = summary_table(review).to_dict("records")[0]
    assert row["Effect (95 % CI)"] == "RR 0.49 (0.33 to 0.73)"


@pytest.mark.parametrize(("mid", "says"), [("1", "1 is no difference"), ("0", "greater than 0")])
def test_a_mid_that_is_no_ratio_is_named_with_its_place(
    tmp_path: Path, mid: str, says: str
) -> None:
    with pytest.raises(ReviewError) as caught:
        al.load_review(write_review(tmp_path / "review", "RR", mid, trials=2) / "data")
    (line,) = [line for line in str(caught.value).splitlines() if says in line]
    for part in ("outcomes.csv", "row 2", "mid"):
        assert part in line


# -- The explorer --------------------------------------------------------------------------------


def test_the_explorer_of_events_is_a_sentence_above_tables(review: al.Review) -> None:
    assert explorer.form(review) == f'<p class="explorer-note">{explorer.LEFT_OUT}</p>'
    data = explorer.states(review)
    assert (data["analyses"], data["main"]["analysis"]) == ({}, None)
    json.dumps(data)


@pytest.mark.slow
def test_the_explorer_draws_means_and_says_that_it_leaves_out_events(tmp_path: Path) -> None:
    folder = begin(tmp_path / "review")
    bring(folder, SHEET.replace(",events1,events2", "").replace(",,\n", "\n"))
    bring(folder, FALLS, "--outcome", "falls", "--time", "w8")
    review = al.load_review(folder / "data")
    data = explorer.states(review)
    assert list(data["analyses"]) == ["pain-w8", "pain-w52"]
    assert data["main"]["analysis"] == "pain-w8"
    form = explorer.form(review)
    assert form.count(explorer.LEFT_OUT) == 1
    assert "Falls" not in form
    assert "Falls, risk ratio" in explorer.results_table(review).html()
