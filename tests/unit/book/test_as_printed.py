"""Is every printed result shown with its own digits, and under its own name?"""

from __future__ import annotations

import math
from dataclasses import replace

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import analysis_lib as al
from analysis_lib import plots
from analysis_lib.book.sections import as_printed


def test_every_pooled_or_single_result_is_there_once(review: al.Review) -> None:
    kinds = review.published.set_index("id")["kind"]
    expected = [result for result, kind in kinds.items() if kind in ("pooled", "single")]
    assert as_printed.printed_results(review)["id"].tolist() == expected


def test_a_result_stands_with_the_digits_of_print(review: al.Review) -> None:
    table = as_printed.printed_table(review)
    rows = table.set_index(["outcome", "Follow-up"])
    pain = rows.loc[("Pain intensity, MD in points, 0 to 10", "Extended training programs")]
    assert pain["Effect (95 % CI)"] == "−0.52 (−0.92 to −0.08)"
    assert pain["95 % prediction interval"] == "−1.88 to 0.83"
    assert (pain["I²"], pain["τ²"], pain["Trials"], pain["People"]) == ("67%", "0.28", 7, 474)


def test_what_is_not_printed_is_told_so(review: al.Review) -> None:
    silent = review.printed.assign(pi_low=pd.NA, pi_high=pd.NA, i2=pd.NA)
    table = as_printed.printed_table(replace(review, printed=silent))
    assert set(table["95 % prediction interval"]) == {"not printed"}
    assert set(table["I²"]) == {"not printed"}


def test_the_figure_has_every_result_and_the_sides_of_its_outcome(review: al.Review) -> None:
    ax = as_printed.draw_printed(review, "What is drawn.")
    assert plots.caption(ax) == "What is drawn."
    alt = plots.alt_text(ax)
    for row in as_printed.printed_results(review).itertuples():
        assert f"{row.label}, {row.follow_up_label}: " in alt
    figure = plots.figure_of(ax)
    texts = [text.get_text() for axes in figure.axes for text in [*axes.texts, axes.xaxis.label]]
    assert any("favours unloaded" in text and text.index("unloaded") < 20 for text in texts)
    plt.close(figure)


def test_results_are_counted_as_they_are_printed(review: al.Review) -> None:
    rows = review.published[review.published["kind"] == "pooled"].iloc[:2]
    two = rows.assign(ci_low=[-1.0, -1.0], ci_high=[-0.1, 0.1], pi_low=[-2.0, math.nan])
    values = as_printed.printed_values(
        replace(review, published=two.assign(pi_high=[0.5, math.nan]))
    )
    counts = [values[name] for name in ("results", "clear", "pi", "pi-clear")]
    assert counts == [2, 1, 1, 0]
    assert values["clear-list"] == "pain intensity (short training programs)"


def test_the_prose_finds_each_number_by_its_name(review: al.Review) -> None:
    values = as_printed.printed_values(review)
    assert values["pain-ETP"] == "−0.52 (−0.92 to −0.08)"
    assert values["pain-ETP-size"] == pytest.approx(0.52)
    assert (
        values["certainty-pain-ETP"]
        == review.certainty.set_index(["outcome", "follow_up"]).loc[("pain", "ETP"), "rating"]
    )
    assert values["mid-pain"] == 1.5
    assert not any(pd.isna(value) for value in values.values())
