"""Does a page tell the printed result first, and keep reconstructed numbers out of it?"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from places import ROOT

from analysis_lib import plots
from analysis_lib.base.errors import ReviewError
from analysis_lib.book import page
from analysis_lib.book.sections import as_printed, results
from analysis_lib.review.comparisons import study_effects
from analysis_lib.review.model import Review
from analysis_lib.review.possible import pooled_analyses

#: The sections of the review itself.
OWN_PAGES = sorted((ROOT / "notebooks").glob("0[0-9]_*.ipynb"))
NUMBER = re.compile(r"[−-]?\d+(?:\.\d+)?")


def analysed(review: Review):  # type: ignore[no-untyped-def]
    for row in review.published[review.published["kind"] == "pooled"].itertuples():
        effects = study_effects(review, row.outcome, row.follow_up)
        answer = results.printed_answer(review, effects)
        assert answer is not None, row.id
        yield row, effects, answer


@pytest.mark.slow
def test_every_number_that_is_told_of_a_printed_result_is_printed(review: Review) -> None:
    printed = review.printed.set_index("id")
    for row, _, answer in analysed(review):
        digits = {str(x) for x in printed.loc[row.id].dropna()}
        digits |= {str(int(float(x))) for x in digits if re.fullmatch(r"\d+(\.0)?", x)}
        told = str(results.printed_text(review, answer)).replace("−", "-")
        told = told.partition("**The authors say.**")[0].replace("95% CI", "")
        for number in NUMBER.findall(told):
            allowed = {number, number.removeprefix("-")}
            assert allowed & digits or float(number) in {
                float(x) for x in digits if NUMBER.fullmatch(x)
            }, (row.id, number)


def test_a_doubt_stands_beside_its_number(review: Review) -> None:
    told = {row.id: str(results.printed_text(review, a)) for row, _, a in analysed(review)}
    assert "narrower than the printed variance" in told["disability-STP"]
    assert "a minus sign is probably lost" in told["strength-ETP"]
    assert "and give no reason" in told["endurance-STP"]
    assert "the number of people is not printed" in told["fear-avoidance-PW"]


def test_what_the_authors_say_follows_the_result_with_its_place(review: Review) -> None:
    for row, _, answer in analysed(review):
        printed, _, said = str(results.printed_text(review, answer)).partition("**The authors say.")
        assert printed.startswith("**Printed result.**"), row.id
        assert re.search(r"\(Results, \w+ outcomes meta-analyses, [^)]+\)\.", said), row.id
    silent = dataclasses.replace(review, statements=review.statements.head(0))
    assert "The authors say" not in str(results.printed_text(silent, answer))


@contextlib.contextmanager
def shown() -> Iterator[list[str]]:
    """Collect the paragraphs that are shown, and the names of figures."""
    seen: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "display", lambda thing: seen.extend(str(thing.data).split("\n\n")))
        patch.setattr(results, "show_figure", lambda _, name: seen.append(name))
        yield seen
    plt.close("all")


@pytest.mark.slow
def test_a_result_line_holds_no_number_that_only_the_reconstruction_has(review: Review) -> None:
    """Ours is told as a result only where every effect is reported, and below what is printed."""
    for effects in pooled_analyses(review):
        with shown() as seen:
            results.show_analysis(review, effects.outcome, effects.follow_up)
        heads = [text.partition("**")[2].partition(".**")[0] for text in seen]
        assert heads[0] == "Printed result", heads
        ours = [text for text in seen if text.startswith(("**Result", "**Recomputed"))]
        assert bool(ours) is not bool(effects.reconstructed.any()), (effects.outcome, ours)
        figure = seen.index(f"fig-{effects.outcome}-{effects.follow_up}".lower())
        assert all(seen.index(text) > figure for text in ours)


@pytest.mark.parametrize("path", OWN_PAGES, ids=lambda path: path.stem)
def test_the_pages_tell_no_result_of_reconstructed_effects(path: Path) -> None:
    """In the sections of the review no stored output and no prose has a "Result." of ours.

    Prose that names Q of all trials, or an interval of tau2, would have it from a reconstruction.
    """
    cells = nbformat.read(path, as_version=4).cells
    told = [cell.source for cell in cells if cell.cell_type == "markdown"]
    outputs = [out.data for cell in cells for out in cell.get("outputs", []) if "data" in out]
    told += [data["text/markdown"] for data in outputs if "text/markdown" in data]
    for text in told:
        assert not re.search(r"\*\*Result\.\*\*", text), text
        assert "Cochran's Q was" not in text, text
        assert not re.search(r"τ² = [\d.]+ \(95% CI", text), text


def test_two_numbers_for_one_result_are_explained(review: Review) -> None:
    told = {row.id: str(results.reconstruction_text(review, e)) for row, e, _ in analysed(review)}
    assert "printed −0.92, ours −0.97" in told["pain-ETP"]
    assert "printed 474, ours 466" in told["pain-ETP"]
    assert "printed −4.43, ours −9.23" in told["disability-STP"]
    assert "printed 0.22, ours −0.22" in told["strength-ETP"]
    assert "Two numbers" not in told["endurance-STP"]


def test_reconstructed_comparisons_carry_no_digits(review: Review) -> None:
    effects = study_effects(review, "pain", "ETP")
    answer = results.printed_answer(review, effects)
    assert answer is not None
    ax = results.draw_printed_forest(review, answer, effects)
    texts = [text.get_text() for text in ax.texts]
    assert "−0.52 (−0.92 to −0.08)" in texts
    assert "−1.88 to 0.83" in texts
    effects_told = [text for text in texts if re.search(r"\d \(.* to .*\)", text)]
    assert effects_told == ["−0.52 (−0.92 to −0.08)"]
    assert "reconstructed" in plots.caption(ax)
    assert "Bar: printed prediction interval." in plots.caption(ax)
    assert "Reconstructed, not results of the trials" in texts
    plt.close("all")


def test_a_reported_comparison_keeps_its_digits() -> None:
    table = pd.DataFrame(
        {
            "effect": [-0.5, 0.2],
            "variance": [0.04, 0.09],
            "low": [float("nan"), 0.1],
            "high": [float("nan"), 0.4],
            "provenance": ["reported", "reconstructed"],
        },
        index=["A 2001", "B 2002"],
    )
    printed = plots.PrintedResult(-0.3, (-0.6, 0.0))
    ax = plots.forest_of_printed(printed, table, measure="MD")
    texts = [text.get_text() for text in ax.texts]
    assert "−0.50 (−0.89 to −0.11)" in texts
    assert "Reported comparisons" in texts
    assert "No 95% prediction interval is printed" in texts
    assert "rediction interval" not in plots.caption(ax)
    plt.close("all")
    with pytest.raises(ReviewError, match="no column low, high"):
        plots.forest_of_printed(printed, table.drop(columns=["low", "high"]))


def test_what_is_printed_of_influential_trials_has_its_digits(review: Review) -> None:
    table = as_printed.sensitivity_table(review)
    kell = table[table["What was done"] == "Without Kell 2009"]
    assert kell["Effect (95% CI)"].tolist() == ["−0.33 (−0.69 to 0.02)", "−0.169 (−0.44 to 0.10)"]
    assert kell["p"].tolist() == ["0.687", "0.223"]
    assert table["Test between subgroups"].str.startswith("Q").sum() == 2
    first = table.groupby("Analysis", sort=False)["What was done"].first()
    assert set(first) == {"All trials"}
