"""A printed result above its reconstructed comparisons, which are ranges and carry no digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.special import ndtri

from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import Interval
from analysis_lib.plots.forests import RECONSTRUCTED, people_cells, risk_word, told_first
from analysis_lib.plots.look import describe, styled
from analysis_lib.plots.rows import LayoutOptions, Row, RowLayout, RowPlot
from analysis_lib.plots.stacked import draw_rows

ABOVE, BELOW = "As the review prints it", "Reconstructed, not results of the trials"
REPORTED = "Reported comparisons"
COLUMNS = ("effect", "variance", "low", "high", "provenance")


@dataclass(frozen=True, slots=True)
class PrintedResult:
    """A pooled result as it is printed; effects as they are pooled (logarithms of ratios)."""

    estimate: float
    ci: Interval
    prediction_interval: Interval | None = None
    level: float = 0.95


@styled
def forest_of_printed(
    printed: PrintedResult,
    comparisons: pd.DataFrame,
    *,
    ax: Axes | None = None,
    **layout: Unpack[LayoutOptions],
) -> Axes:
    """Draw a printed result with its intervals, and below it the comparisons behind it.

    Parameters
    ----------
    printed
        The pooled result, drawn filled and with its digits.
    comparisons
        One row a comparison, by its label: ``effect``, ``variance``, ``low``, ``high`` (the range
        of a reconstructed effect), ``provenance``, and, if known, ``n_experimental``,
        ``n_comparator`` and ``risk_of_bias``. A reconstructed comparison is drawn as a band with a
        hollow square and no digits; a reported one as in a forest plot.
    ax, **layout
        As for `analysis_lib.plots.forest`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ReviewError
        If a column is missing.
    """
    words = RowLayout(**layout)
    measure = words.measure
    missing = [column for column in COLUMNS if column not in comparisons]
    if missing:
        raise ReviewError(f"comparisons: no column {', '.join(missing)}")
    rebuilt = comparisons["provenance"] == RECONSTRUCTED
    rows = [Row("heading", ABOVE), *_printed_rows(printed, measure)]
    if not rebuilt.all():
        known = comparisons[~rebuilt]
        rows += [Row("heading", REPORTED), *_reported_rows(known, measure, printed.level)]
    rows += [Row("heading", BELOW), *_bands(comparisons[rebuilt])]
    axes = draw_rows(RowPlot(rows, (), printed.level, words), ax)
    title = f"{words.title}. " if words.title else ""
    told = title + _alt(printed, measure, list(comparisons.index[rebuilt]))
    return describe(axes, alt=told, caption=_caption(words, printed))


def _printed_rows(printed: PrintedResult, measure: str) -> list[Row]:
    cells = {"effect": fmt.effect_estimate(printed.estimate, printed.ci, measure)}
    rows = [Row("pooled", "Average", cells, printed.estimate, printed.ci)]
    limits = printed.prediction_interval
    label = f"{fmt.percent(printed.level)} prediction interval"
    if limits is None:
        return [*rows, Row("note", f"No {label} is printed")]
    told = {"effect": fmt.effect_interval(limits, measure)}
    return [*rows, Row("prediction", label, told, interval=limits)]


def _reported_rows(known: pd.DataFrame, measure: str, level: float) -> list[Row]:
    quantile = float(ndtri((1 + level) / 2))
    rows = []
    for label, row in known.iterrows():
        half = quantile * float(np.sqrt(row["variance"]))
        interval = (float(row["effect"]) - half, float(row["effect"]) + half)
        cells = {"effect": fmt.effect_estimate(row["effect"], interval, measure)}
        cells |= people_cells(row.to_dict())
        rows.append(
            Row("study", str(label), cells, float(row["effect"]), interval, risk=risk_word(row))
        )
    return rows


def _bands(rebuilt: pd.DataFrame) -> list[Row]:
    return [
        Row(
            "band",
            str(label),
            people_cells(row.to_dict()),
            float(row["effect"]),
            _range(row),
            risk=risk_word(row),
            hollow=True,
        )
        for label, row in rebuilt.iterrows()
    ]


def _range(row: pd.Series) -> Interval:
    if pd.isna(row["low"]):  # nothing but this one effect agrees with the print
        return float(row["effect"]), float(row["effect"])
    return float(row["low"]), float(row["high"])


def _alt(printed: PrintedResult, measure: str, rebuilt: Sequence[object]) -> str:
    text = f"Printed result: {measure} {fmt.effect_estimate(printed.estimate, printed.ci, measure)}"
    if printed.prediction_interval is not None:
        between = fmt.effect_interval(printed.prediction_interval, measure)
        text += f", prediction interval {between}"
    names = fmt.listing([str(label) for label in rebuilt])
    return f"{text}. Below it the ranges of reconstructed comparisons: {names}."


def _caption(words: RowLayout, printed: PrintedResult) -> str:
    marks = "Diamond: printed average with its confidence interval"
    if printed.prediction_interval is not None:
        marks += ". Bar: printed prediction interval"
    return fmt.sentence(
        f"{told_first(words)}. {marks}. Pale band with a hollow square: one reconstruction, and "
        "the range over all that agree with the printed numbers; no confidence interval"
    )
