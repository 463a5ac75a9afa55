"""Trials that are not two groups of people randomised one by one, and scales that run either way.

What `known_effects` does with them, and the words for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pandas as pd

from analysis_lib.base.formatting import number, threshold
from analysis_lib.effects.clusters import design_effect

PAIRED: Final = "paired_correlation"
#: What the tables hold of designs and instruments; a column that a table lacks is empty.
OF_DESIGN: Final = (
    *("cluster_size", "icc", PAIRED, "score", "instrument", "higher_is_better", "derived"),
)
SIDES: Final = ("experimental", "comparator")
SCORES: Final = {"change": "change from baseline", "adjusted": "adjusted for baseline"}


def design_effects(size: pd.Series, icc: pd.Series) -> pd.Series:
    """Return how much heavier than they are clusters' arms would count; 1 where there are none."""
    known = size.notna() & icc.notna()
    factor = pd.Series(1.0, index=size.index)
    if known.any():
        factor[known] = design_effect(size[known].astype(float), icc[known].astype(float))
    return factor


def turned_round(higher_is_better: pd.Series, table: pd.DataFrame) -> pd.Series:
    """Say of which standardised differences the instrument counts against the outcome."""
    both = higher_is_better.notna() & table["lower_is_better"].notna()
    return both & (higher_is_better == table["lower_is_better"]) & (table["measure"] == "SMD")


def turned(arms: pd.DataFrame) -> pd.DataFrame:
    """Return arms with the means of such instruments negated, so that all run one way."""
    arms = arms.copy()
    for side in SIDES:
        turns = turned_round(arms[f"higher_is_better_{side}"], arms)
        arms[f"mean_{side}"] = arms[f"mean_{side}"].where(~turns, -arms[f"mean_{side}"])
    return arms


def remarks_on_arms(arms: pd.DataFrame) -> pd.Series:
    """Say what was done with the arms of each comparison beside the usual; mostly nothing."""
    return _remarks(arms, _of_arms, [f"{name}_{side}" for name in OF_DESIGN for side in SIDES])


def remarks_on_contrasts(found: pd.DataFrame) -> pd.Series:
    """Say the same of effects that a source prints."""
    return _remarks(found, _of_contrast, list(OF_DESIGN))


def _remarks(
    table: pd.DataFrame, words: Callable[[pd.Series], list[str]], columns: list[str]
) -> pd.Series:
    odd = table[columns].notna().any(axis="columns")
    told = ["; ".join(dict.fromkeys(words(row))) for _, row in table[odd].iterrows()]
    return pd.Series(told, table.index[odd], dtype="str").reindex(table.index, fill_value="")


def _of_arms(row: pd.Series) -> list[str]:
    told = []
    for side in SIDES:
        size, icc = row[f"cluster_size_{side}"], row[f"icc_{side}"]
        if not (pd.isna(size) or pd.isna(icc)):
            told.append(f"{_factor(size, icc)} divides its people and events")
    r = row[f"{PAIRED}_{SIDES[0]}"]
    r = row[f"{PAIRED}_{SIDES[1]}"] if pd.isna(r) else r
    if not pd.isna(r):
        told.append(
            f"cross-over trial: differences within people, with a correlation of {threshold(r)} "
            "between the two treatments (Cochrane Handbook, section 23.2.7)"
        )
    for side in SIDES:
        told += _of_scores(row, f"_{side}")
        derived = row[f"derived_{side}"]
        told += [] if pd.isna(derived) else [str(derived)]
    return told


def _of_contrast(row: pd.Series) -> list[str]:
    size, icc = row["cluster_size"], row["icc"]
    clustered = not (pd.isna(size) or pd.isna(icc))
    told = [f"{_factor(size, icc)} multiplies its variance"] if clustered else []
    return told + _of_scores(row, "")


def _of_scores(row: pd.Series, end: str) -> list[str]:
    told = []
    if row[f"score{end}"] in SCORES:
        told.append(SCORES[row[f"score{end}"]])
    one = row.to_frame().T
    if turned_round(one[f"higher_is_better{end}"], one).all():
        name = row[f"instrument{end}"]
        which = "its instrument" if pd.isna(name) else str(name)
        told.append(f"the sign is turned, because {which} counts the other way")
    return told


def _factor(size: float, icc: float) -> str:
    return (
        f"clusters: the design effect 1 + ({threshold(size)} − 1) × {threshold(icc)} = "
        f"{number(float(design_effect(size, icc)))} (Cochrane Handbook, sections 23.1.4 and 23.1.5)"
    )
