"""What a reviewer is told about a folder: what is wrong, what is there, what is still missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from analysis_lib.errors import ReviewError
from analysis_lib.formatting import listing, plural
from analysis_lib.review import Review, load_review
from analysis_lib.shared_arms import comparisons_of, find_shared_arms
from analysis_lib.study_effects import StudyEffects, study_effects

#: What a book cannot show without a table.
NEEDED_FOR = {
    "selection": "the flow diagram of study selection",
    "sources": "the list of databases searched",
    "reports": "the list of included reports",
    "criteria": "the eligibility criteria",
    "risk_of_bias": "the risk of bias plots",
    "certainty": "the certainty of the evidence",
    "adverse_events": "the adverse events",
    "published": "the comparison with printed results",
}


def data_folder(path: str | Path) -> Path:
    """Return the folder with ``review.toml``: the one named, or ``data`` in it.

    Raises
    ------
    ReviewError
        If there is neither.
    """
    folder = Path(path).resolve()
    for place in (folder, folder / "data"):
        if (place / "review.toml").is_file():
            return place
    raise ReviewError(f"{path}: no review.toml in it, nor in its folder data")


def check_folder(path: str | Path) -> list[str]:
    """Read a review's folder and say what it holds and what it lacks.

    Parameters
    ----------
    path
        The folder of a review, or its folder ``data``.

    Returns
    -------
    list of str
        One sentence a line, for people.

    Raises
    ------
    ReviewError
        For a folder that cannot be read; the message lists every problem.
    """
    review = load_review(data_folder(path))
    analyses, impossible = _analyses(review)
    return [
        f"{review.info.title}",
        f"{plural(len(review.trials), 'trial')}, {plural(len(review.arms), 'arm')}, "
        f"{plural(len(review.arm_results), 'result')} by arm, "
        f"{plural(len(review.contrasts), 'printed difference')}.",
        *_told_analyses(review, analyses),
        *impossible,
        *_without_results(review),
        *_missing_numbers(review),
        *_shared(review, analyses),
        *_empty_tables(review),
    ]


def _analyses(review: Review) -> tuple[list[StudyEffects], list[str]]:
    """Return the effects of every analysis, and why an analysis cannot be computed."""
    analyses, impossible = [], []
    for outcome in review.outcomes["outcome"]:
        for follow_up in review.follow_ups["follow_up"]:
            try:
                analyses.append(study_effects(review, str(outcome), str(follow_up)))
            except ReviewError as error:
                impossible.append(f"Cannot be computed: {outcome}, {follow_up}: {error}.")
    return analyses, impossible


def _told_analyses(review: Review, analyses: list[StudyEffects]) -> Iterator[str]:
    labels = dict(zip(review.outcomes["outcome"], review.outcomes["label"], strict=True))
    for effects in analyses:
        name = f"{labels[effects.outcome]}, {effects.follow_up}"
        if effects.k:
            yield f"Can be pooled: {name}, {plural(effects.k, 'comparison')}."
        if effects.unknown:
            yield f"Cannot be used yet in {name}: {listing(list(effects.unknown))}."
    if not any(effects.k for effects in analyses):
        yield "Nothing can be pooled yet: fill arm_results.csv (n, mean, sd) or contrasts.csv."


def _without_results(review: Review) -> Iterator[str]:
    known = {*review.arm_results["trial"], *review.contrasts["trial"]}
    absent = review.trials[~review.trials["trial"].isin(known)]
    if len(absent):
        yield f"Without a result of their own: {listing(list(absent['label']))}."


def _missing_numbers(review: Review) -> Iterator[str]:
    table = review.arm_results
    for column, told in (("n", "number of people"), ("sd", "standard deviation")):
        lacking = int((table[column].isna() & table["mean"].notna()).sum())
        if lacking:
            yield f"arm_results.csv: {plural(lacking, 'mean')} without a {told}."
    alone = int((table["n"] == 1).sum())
    if alone:
        yield f"arm_results.csv: {plural(alone, 'arm')} of one person cannot enter a pooling."


def _shared(review: Review, analyses: list[StudyEffects]) -> Iterator[str]:
    for effects in analyses:
        for arm in find_shared_arms(comparisons_of(review, effects)):
            yield (
                f"{effects.outcome}, {effects.follow_up}: {arm}. If it is one arm, its people "
                "count more than once; see settle_shared_arms."
            )


def _empty_tables(review: Review) -> Iterator[str]:
    for name, shown in NEEDED_FOR.items():
        table: pd.DataFrame = getattr(review, name)
        if table.empty:
            yield f"{name}.csv is empty: the book cannot show {shown}."
