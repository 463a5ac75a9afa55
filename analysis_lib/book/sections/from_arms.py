"""From two arms of Table 1 to an effect: what the page on effect measures shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from analysis_lib.base import formatting as fmt
from analysis_lib.effects.columns import EffectSizes
from analysis_lib.effects.suspect_sds import SuspectSD
from analysis_lib.review.model import Review, arms_at_baseline
from analysis_lib.review.shared_arms import COLUMNS


def arms_on_scale(review: Review, outcome: str, scale: tuple[float, float]) -> pd.DataFrame:
    """Return the arms whose mean score before training is known, carried to one scale.

    Parameters
    ----------
    review
        A review that was loaded.
    outcome
        A key of ``outcomes.csv``.
    scale
        Lowest and highest possible score of the scale wanted.

    Returns
    -------
    pandas.DataFrame
        The columns of `arms_at_baseline` with ``mean`` and ``sd`` on that scale (a standard
        deviation may be absent), ``trial_label``, and ``label``: trial and arm as printed.

    Notes
    -----
    The straight line of `analysis_lib.rescale`.
    """
    arms = arms_at_baseline(review, outcome).dropna(subset=["mean"])
    factor = (scale[1] - scale[0]) / (arms["scale_max"] - arms["scale_min"])
    names = arms["trial"].map(review.trial_names)
    return arms.assign(
        mean=scale[0] + factor * (arms["mean"] - arms["scale_min"]),
        sd=factor * arms["sd"],
        trial_label=names,
        label=names + ", " + arms["label_printed"],
    )


def two_arm_comparisons(review: Review, arms: pd.DataFrame) -> pd.DataFrame:
    """Return the comparison of each trial that has two arms and no more, both of them known.

    Parameters
    ----------
    review
        A review that was loaded.
    arms
        Result of `arms_on_scale`.

    Returns
    -------
    pandas.DataFrame
        The columns of `analysis_lib.review.shared_arms.find_shared_arms`; the loaded arm first.
    """
    sizes = review.arms["trial"].value_counts()
    arms = arms[arms["trial"].map(sizes) == 2].dropna(subset=["sd"])
    loaded, unloaded = (arms[arms["group"] == side] for side in ("experimental", "comparator"))
    pairs = loaded.merge(unloaded, on="trial", suffixes=("1", "2"))
    return pairs.assign(label=pairs["trial"].map(review.trial_names))[list(COLUMNS)]


def with_intervals(sizes: EffectSizes) -> list[str]:
    """Return each effect with its 95 % interval as text."""
    limits = zip(*sizes.ci(), strict=True)
    return [fmt.estimate(e, ci) for e, ci in zip(sizes.effect, limits, strict=True)]


def effects_table(pairs: pd.DataFrame, columns: Mapping[str, EffectSizes]) -> pd.DataFrame:
    """Return comparisons with their people and, under each heading, their effects, as text."""
    people = {"Trial": pairs["label"], "n, loaded": pairs["n1"], "n, unloaded": pairs["n2"]}
    return pd.DataFrame(people | {name: with_intervals(s) for name, s in columns.items()})


def comparator_table(counted: Mapping[str, tuple[float, EffectSizes]]) -> pd.DataFrame:
    """Return one difference with its comparator counted in several ways, as text."""
    return pd.DataFrame(
        {
            "Comparator": counted.keys(),
            "n": [fmt.count(n) for n, _ in counted.values()],
            "Difference (95 % CI)": [with_intervals(size)[0] for _, size in counted.values()],
            "Standard error": [fmt.number(size.se[0], 3) for _, size in counted.values()],
        }
    )


def suspects_table(suspects: Sequence[SuspectSD]) -> pd.DataFrame:
    """Return the arms whose SD may be a standard error, with what it would be then, as text."""
    return pd.DataFrame(
        {
            "Arm": [s.label for s in suspects],
            "n": [fmt.count(s.n) for s in suspects],
            "SD as printed": [fmt.number(s.sd) for s in suspects],
            "Median of the other arms": [fmt.number(s.others_median) for s in suspects],
            "SD, if the printed value is a standard error": [
                fmt.number(s.sd_if_se) for s in suspects
            ],
        }
    )
