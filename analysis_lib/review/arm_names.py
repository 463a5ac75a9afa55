"""What a comparison is called: by its trial, and by what tells its arms apart."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache

import pandas as pd

ANALYSIS = ["outcome", "follow_up"]
ARMS = ["experimental_arm", "comparator_arm"]
#: What stands between the names of arms that became one.
TOGETHER = " + "


def comparison_names(pairs: pd.DataFrame, trial_names: Mapping[str, str]) -> list[str]:
    """Name the comparisons of analyses; within one analysis no name stands twice.

    Parameters
    ----------
    pairs
        One row a comparison, none of them twice: ``outcome``, ``follow_up``, ``trial``,
        ``experimental_arm``, ``comparator_arm``.
    trial_names
        What each trial is called, by its key; no name belongs to two trials.

    Returns
    -------
    list of str
        The name of the trial; where the trial has several comparisons in the analysis, followed
        by what tells their arms apart.

    Examples
    --------
    >>> arms = ["high-load-lifting", "low-load-lifting"]
    >>> pairs = pd.DataFrame({"outcome": "pain", "follow_up": "end", "trial": "kell",
    ...                       "experimental_arm": arms, "comparator_arm": "usual"})
    >>> comparison_names(pairs, {"kell": "Kell 2009"})
    ['Kell 2009 (high)', 'Kell 2009 (low)']
    """
    names = [trial_names[trial] for trial in pairs["trial"].to_numpy(dtype=object)]
    taken: defaultdict[object, set[str]] = defaultdict(lambda: set(trial_names.values()))
    of_trial = [*ANALYSIS, "trial"]
    places = pairs.duplicated(of_trial, keep=False).to_numpy().nonzero()[0]
    # By name, so that the order of the trials in their table changes no name.
    several = pairs.iloc[places].astype("str")
    arms = several[ARMS].to_numpy(dtype=object)
    analyses = several[ANALYSIS].to_numpy(dtype=object)
    for group in several.groupby(of_trial).indices.values():
        used = taken[tuple(analyses[group[0]])]
        for row, marks in zip(group, _marks(tuple(map(tuple, arms[group]))), strict=True):
            name = f"{names[places[row]]} ({marks})"
            while name in used:  # another trial may be called just that
                name += f" ({marks})"
            used.add(name)
            names[places[row]] = name
    return names


@lru_cache(maxsize=4096)  # the arms of a trial are mostly the same from one analysis to the next
def _marks(pairs: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Say of each pair of arms of one trial what sets it apart from the other pairs."""
    sides = [frozenset(side) for side in zip(*pairs, strict=True)]
    telling = [telling_parts(side) if len(side) > 1 else {} for side in sides]
    marks = (
        [parts[arm] for parts, arm in zip(telling, pair, strict=True) if parts] for pair in pairs
    )
    return tuple(", ".join(dict.fromkeys(mark)) for mark in marks)


def telling_parts(arms: frozenset[str]) -> Mapping[str, str]:
    """Return the part of each identifier that tells it from the others.

    Examples
    --------
    >>> telling = telling_parts(frozenset({"high-load-lifting", "low-load-lifting"}))
    >>> telling["high-load-lifting"], telling["low-load-lifting"]
    ('high', 'low')
    >>> telling_parts(frozenset({"walking", "walking-fast"}))["walking"]
    'walking'
    """
    words = {arm: re.split("[-_]", arm) for arm in arms}
    start = _common(list(words.values()))
    end = _common([split[::-1] for split in words.values()])
    parts = {arm: "-".join(split[start : len(split) - end]) for arm, split in words.items()}
    tells = all(parts.values()) and len(set(parts.values())) == len(arms)
    return parts if tells else {arm: arm for arm in arms}


def _common(lists: list[list[str]]) -> int:
    """Count the words with which all lists begin."""
    same = [len(set(column)) == 1 for column in zip(*lists, strict=False)]
    return [*same, False].index(False)
