"""The page of printed results: every pooled result as the article has it, before anything else."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from analysis_lib import plots
from analysis_lib.base import formatting as fmt
from analysis_lib.base.measures import MEASURE_WORDS
from analysis_lib.book.sections.analyses import (
    analysis_names,
    axis_unit,
    printed_words,
    result_names,
)
from analysis_lib.printed.audit.rows import MAIN
from analysis_lib.review.model import Review

NOT_PRINTED = "not printed"


def printed_results(review: Review) -> pd.DataFrame:
    """Return the printed results of all trials together, and of single trials, with their words.

    Returns
    -------
    pandas.DataFrame
        The columns of ``published.csv``, with ``label``, ``lower_is_better`` and ``mid`` of the
        outcome, and ``follow_up_label``.
    """
    outcomes = review.outcomes[["outcome", "label", "lower_is_better", "mid"]]
    times = review.follow_ups[["follow_up", "label"]].set_axis(
        ["follow_up", "follow_up_label"], axis="columns"
    )
    printed = review.published[review.published["kind"].isin(MAIN)]
    return printed.merge(outcomes, on="outcome").merge(times, on="follow_up")


def draw_printed(review: Review, caption: str) -> Axes:
    """Draw every printed result with its intervals, outcome by outcome.

    No band shows a difference that matters: which one does is the reader's to say.
    """
    printed = printed_results(review)
    outcomes = review.outcomes[review.outcomes["outcome"].isin(printed["outcome"])]
    first, second = review.info.short_names
    rows = [
        plots.PooledRow(
            panel=row["outcome"],
            label=row["follow_up_label"],
            estimate=row["estimate"],
            ci=(row["ci_low"], row["ci_high"]),
            prediction_interval=None if pd.isna(row["pi_low"]) else (row["pi_low"], row["pi_high"]),
        )
        for row in printed.to_dict("records")
    ]
    panels, favours = {}, {}
    for row in outcomes.to_dict("records"):
        outcome = row["outcome"]
        measure = MEASURE_WORDS[row["measure"]].capitalize()
        axis = ", ".join(filter(None, (measure, axis_unit(review, outcome))))
        panels[outcome] = (row["label"], axis)
        favours[outcome] = (first, second) if row["lower_is_better"] else (second, first)
    return plots.overview(rows, panel_labels=panels, favours=favours, caption=caption)


def printed_table(review: Review) -> pd.DataFrame:
    """Return every printed result with the digits of its source, under its outcome."""
    printed = printed_results(review)
    digits = review.printed.set_index("id").loc[printed["id"]].reset_index()
    rows = digits.to_dict("records")
    units = [axis_unit(review, outcome) for outcome in printed["outcome"]]
    of_unit = [f" in {unit}" if unit else "" for unit in units]
    return pd.DataFrame(
        {
            "Follow-up": printed["follow_up_label"],
            "Trials": printed["trials"],
            "People": printed["participants"],
            "Effect (95 % CI)": [_printed_effect(row) for row in rows],
            "95 % prediction interval": [
                NOT_PRINTED if pd.isna(row["pi_low"]) else _printed_limits(row, "pi")
                for row in rows
            ],
            "I²": [NOT_PRINTED if pd.isna(x) else f"{x}%" for x in digits["i2"]],
            "τ²": digits["tau2"].fillna(NOT_PRINTED),
            "outcome": printed["label"] + ", " + printed["measure"] + of_unit,
        }
    )


def sensitivity_table(review: Review) -> pd.DataFrame:
    """Return what the review prints of leaving out trials and of subgroups, digits as printed.

    Returns
    -------
    pandas.DataFrame
        Text columns What was done, Effect (95 % CI), p, I², τ², Test between subgroups, and
        Analysis; the result of all trials stands first in each analysis.
    """
    kinds = ["pooled", "sensitivity", "subgroup"]
    rows = review.printed[review.printed["kind"].isin(kinds)]
    shaken = rows.loc[rows["kind"] != "pooled", ["outcome", "follow_up"]].drop_duplicates()
    names, results = analysis_names(review), result_names(review)
    rows = shaken.merge(rows, on=["outcome", "follow_up"])
    places = {key: place for place, key in enumerate(names)}
    order = [places[key] for key in zip(rows["outcome"], rows["follow_up"], strict=True)]
    rows = rows.assign(order=order).sort_values("order", kind="stable")
    analyses = [names[key] for key in zip(rows["outcome"], rows["follow_up"], strict=True)]
    return pd.DataFrame(
        {
            "What was done": [
                fmt.sentence(results[key].removeprefix(name).lstrip(", ") or "all trials")[:-1]
                for key, name in zip(rows["id"], analyses, strict=True)
            ],
            "Effect (95% CI)": [_printed_effect(row) for row in rows.to_dict("records")],
            "p": _p_printed(rows),
            "I²": rows["i2"].map(lambda x: f"{x}%", na_action="ignore"),
            "τ²": rows["tau2"],
            "Test between subgroups": [
                "" if pd.isna(q) else f"Q {q}, df {df}"
                for q, df in zip(rows["q"], rows["df"], strict=True)
            ],
            "Analysis": analyses,
        }
    ).fillna("")


def _printed_effect(row: dict[Hashable, Any]) -> str:
    if pd.isna(row["estimate"]):
        return ""
    return f"{row['estimate']} ({_printed_limits(row, 'ci')})".replace("-", fmt.MINUS)


def _printed_limits(row: dict[Hashable, Any], name: str) -> str:
    return f"{row[f'{name}_low']} to {row[f'{name}_high']}".replace("-", fmt.MINUS)


def _p_printed(rows: pd.DataFrame) -> list[str]:
    less = {"<": "<\N{NO-BREAK SPACE}"}
    pairs = zip(rows["p_relation"], rows["p"], strict=True)
    return ["" if pd.isna(p) else f"{less.get(relation, '')}{p}" for relation, p in pairs]


def printed_values(review: Review) -> dict[str, object]:
    """Return the printed results by name, for the prose of any page.

    Returns
    -------
    dict
        How many results there are, with an interval that leaves out no difference (``clear``, and
        in words ``clear-list``), and the same of prediction intervals (``pi``, ``pi-clear``, in
        words ``pi-clear-word``); each result by its id with its interval, its prediction interval
        (``-pi``) and its size (``-size``); the recorded certainty (``certainty-...``), minimal
        important differences (``mid-...``), people and trials of the whole review, and
        `printed_words`.
    """
    printed = printed_results(review)
    clear = (printed["ci_low"] > 0) | (printed["ci_high"] < 0)
    pi = printed.dropna(subset=["pi_low"])
    names = printed["label"].str.lower() + " (" + printed["follow_up_label"].str.lower() + ")"
    pi_clear = int(((pi["pi_low"] > 0) | (pi["pi_high"] < 0)).sum())
    values: dict[str, object] = {
        "results": len(printed),
        "clear": int(clear.sum()),
        "clear-list": fmt.listing(list(names[clear])),
        "pi": len(pi),
        "pi-clear": pi_clear,
        "pi-clear-word": str(pi_clear or "none"),
        "trials": len(review.trials),
        "people": review.info.participants["total"],
        "published": review.info.dates["published"],
    }
    for row in printed.to_dict("records"):
        values[row["id"]] = fmt.estimate(row["estimate"], (row["ci_low"], row["ci_high"]))
        limits = row["pi_low"], row["pi_high"]
        values[f"{row['id']}-pi"] = fmt.interval(limits, absent=NOT_PRINTED)
        values[f"{row['id']}-size"] = abs(row["estimate"])
    for row in review.certainty.to_dict("records"):
        values[f"certainty-{row['outcome']}-{row['follow_up']}"] = row["rating"]
    for row in review.outcomes.dropna(subset=["mid"]).to_dict("records"):
        values[f"mid-{row['outcome']}"] = row["mid"]
    return values | printed_words(review)
