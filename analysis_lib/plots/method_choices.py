"""One analysis by every choice of method: the specification curve, choice by choice."""

from __future__ import annotations

from typing import Unpack

import pandas as pd
from matplotlib.axes import Axes

from analysis_lib.base import formatting as fmt
from analysis_lib.plots.look import describe, styled, told_shortly
from analysis_lib.plots.rows import LayoutOptions, Row, RowLayout, RowPlot
from analysis_lib.plots.stacked import draw_rows


@styled
def method_choices(
    table: pd.DataFrame,
    *,
    level: float = 0.95,
    ax: Axes | None = None,
    **layout: Unpack[LayoutOptions],
) -> Axes:
    """Draw the estimate of every choice with its interval, under the name of its family.

    Parameters
    ----------
    table
        Result of `analysis_lib.method_choices`; choices that could not be computed are left out.
    level
        Level of the intervals.
    ax, **layout
        As for `analysis_lib.plots.forest`.

    Returns
    -------
    matplotlib.axes.Axes
    """
    words = RowLayout(**layout)
    known = table.dropna(subset=["estimate"])
    rows = []
    for family, choices in known.groupby("family", sort=False):
        rows.append(Row("heading", str(family)))
        for choice in choices.to_dict("records"):
            estimate, limits = choice["estimate"], (choice["ci_low"], choice["ci_high"])
            cells = {"effect": fmt.effect_estimate(estimate, limits, words.measure)}
            rows.append(Row("study", str(choice["choice"]), cells, estimate, limits))
    note = "Each line: the same comparisons by another method."
    axes = draw_rows(RowPlot(rows, [note], level, words, heading="Method"), ax)
    ends = (known["estimate"].min(), known["estimate"].max())
    listed = [f"{row.label} {row.cells['effect']}" for row in rows if row.kind == "study"]
    # By family, as the rows are.
    estimates = [float(row.estimate) for row in rows if row.estimate is not None]
    told = told_shortly(listed, estimates)
    alt = (
        f"{fmt.plural(len(known), 'choice')} of method. The {words.measure} runs from "
        f"{fmt.effect_interval(ends, words.measure)}. {told}."
    )
    return describe(axes, alt=alt, caption=fmt.sentence(words.title or "Every choice of method"))
