"""What an analysis needs to know of designs and instruments, and is not told."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

import pandas as pd

from analysis_lib.base.formatting import listing, threshold
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.designs import PAIRED
from analysis_lib.review.model import Review

UNACCOUNTED: Final = {
    "cluster": (
        "icc",
        "randomised clusters and {counts} here as if people had been randomised one by one, which "
        "makes {it} too heavy: give cluster_size and icc in arm_results.csv",
    ),
    "cross-over": (
        PAIRED,
        "gave everybody both treatments and {counts} here as if these were different people: give "
        "paired_correlation in arm_results.csv",
    ),
}
OR_THE_EFFECT: Final = ", or the effect with the SE of {its} own analysis in contrasts.csv"


def open_questions(review: Review, effects: StudyEffects) -> Iterator[str]:
    """Ask what an analysis needs to know of designs and of the direction of instruments."""
    here = set(effects.table["trial"])
    for design, (column, told) in UNACCOUNTED.items():
        trials = here & review.kept(("trials of design", design), partial(_trials, review, design))
        if not trials:
            continue
        rows = _results_here(review, effects, trials)
        bare = list(dict.fromkeys(rows.loc[rows[column].isna(), "trial"]))
        bare = [trial for trial in bare if _is_by_arm(review, effects, trial)]
        if bare:
            one = len(bare) == 1
            words = {"counts": "counts" if one else "count", "it": "it" if one else "them"}
            its = OR_THE_EFFECT.format(its="its" if one else "their")
            yield f"{listing([review.trial_names[t] for t in bare])} {told.format(**words)}{its}"
    if effects.measure == "SMD":
        yield from _directions(review, _results_here(review, effects, here))


def _trials(review: Review, design: str) -> set[str]:
    return set(review.trials.loc[review.trials["design"] == design, "trial"])


def _results_here(review: Review, effects: StudyEffects, trials: set[str]) -> pd.DataFrame:
    places = review.kept(
        "places of results", lambda: review.arm_results.groupby(["outcome", "time"]).indices
    )
    rows = review.arm_results.iloc[places.get((effects.outcome, effects.follow_up), [])]
    return rows[rows["trial"].isin(trials)]


def _is_by_arm(review: Review, effects: StudyEffects, trial: str) -> bool:
    """Say whether no source prints the effect of a trial, so that its arms were counted."""
    printed = review.contrasts
    here = (printed["outcome"] == effects.outcome) & (printed["follow_up"] == effects.follow_up)
    return not (here & (printed["trial"] == trial)).any()


def _directions(review: Review, results: pd.DataFrame) -> Iterator[str]:
    """Ask which way several instruments count, where that is not stated of one."""
    bare = list(dict.fromkeys(results.loc[results["higher_is_better"].isna(), "trial"]))
    if bare and len(set(results["trial"])) > 1:
        yield (
            f"which way the instrument of {listing([review.trial_names[t] for t in bare])} counts "
            "is not stated (higher_is_better in arm_results.csv); taken as that of the outcome"
        )


def designs_of(review: Review) -> dict[str, str]:
    """Return the design of each trial that is not parallel, with what its clusters are taken for.

    Returns
    -------
    dict
        By key of the trial; an empty text where people were randomised one by one.
    """
    return {
        str(trial): "; ".join(_design_words(review, str(trial), design))
        for trial, design in review.trials[["trial", "design"]].itertuples(index=False)
    }


def _design_words(review: Review, trial: str, design: object) -> Iterator[str]:
    columns = ["cluster_size", "icc"]
    tables = [review.arm_results, review.contrasts]
    rows = pd.concat([table.loc[table["trial"] == trial, columns] for table in tables]).dropna()
    correlations = review.arm_results.loc[review.arm_results["trial"] == trial, PAIRED].dropna()
    if design == "cluster" or len(rows):
        yield "cluster-randomised"
    for size, icc in rows.drop_duplicates().itertuples(index=False):
        yield f"clusters of {threshold(size)} people on average, ICC {threshold(icc)}"
    if design == "cross-over" or len(correlations):
        yield "cross-over"
    for r in correlations.drop_duplicates():
        yield f"correlation within people {threshold(r)}"
