"""Small made-up reviews, drawn at random: arms shared, results and people missing, names alike."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product
from random import Random
from typing import Any

import pandas as pd
from places import DATA

import analysis_lib as al

MEASURES = ("MD", "SMD", "RR", "OR", "RD")
TIMES = ("baseline", "w4", "w8")
SIDES = ("experimental", "comparator")
ARM_NAMES = ("usual-care", "high-load-lifting", "low-load-lifting", "lifting", "a_b", "a-b")
TRIAL_NAMES = ("Kell 2009", "Kell 2009 (high)", "Kell 2009 (lifting)", "Aasa 2015")
READINGS = ("main", "other", "main; other")
PLACE = ("outcome", "follow_up", "trial", "experimental_arm", "comparator_arm")


@cache
def _template() -> al.Review:
    return al.load_review(DATA)


def table_of(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return rows as the loader gives them: every column, each of its type."""
    empty = getattr(_template(), name).iloc[:0]
    return pd.DataFrame(rows, columns=empty.columns).astype(empty.dtypes)


@cache  # what is computed of a review once serves every question that is asked of it
def random_review(seed: int) -> al.Review:
    """Return a review whose tables agree with each other as the loader demands."""
    random = Random(seed)
    trials = [f"t{i}" for i in range(random.randint(1, 4))]
    scale = random.choice([{}, {"scale_min": 0, "scale_max": 10}])
    measures = {f"o{i}": measure for i, measure in enumerate(random.sample(MEASURES, 3))}
    groups = {
        (trial, arm): random.choice(SIDES)
        for trial in trials
        for arm in random.sample(ARM_NAMES, random.randint(2, 4))
    }
    pairs = [
        (trial, first, second)
        for (trial, first), (other, second) in product(groups, groups)
        if trial == other and (groups[trial, first], groups[trial, second]) == SIDES
    ]
    places = [(o, time, *pair) for o, time, pair in product(measures, TIMES[1:], pairs)]

    def keyed(part: float) -> list[dict[str, Any]]:
        chosen = [place for place in places if random.random() < part]
        return [dict(zip(PLACE, place, strict=True)) for place in chosen]

    tables: dict[str, list[dict[str, Any]]] = {
        "outcomes": [
            {"outcome": o, "label": o, "measure": m, **scale} for o, m in measures.items()
        ],
        "follow_ups": [{"follow_up": time} for time in TIMES[1:]],
        "trials": [
            {"trial": trial, "label": name}
            for trial, name in zip(trials, random.sample(TRIAL_NAMES, 4), strict=False)
        ],
        "arms": [{"trial": t, "arm": arm, "group": group} for (t, arm), group in groups.items()],
        "arm_results": [
            {"trial": t, "arm": arm, "outcome": o, "time": time, **_result(random, measures[o])}
            for (t, arm), o, time in product(groups, measures, TIMES)
            if random.random() < 0.8
        ],
        "contrasts": [row | _contrast(random) for row in keyed(0.3)],
        "reconstructed": [row | _rebuilt(random, measures[row["outcome"]]) for row in keyed(0.2)],
        "analyses": [row | {"reading": random.choice(READINGS)} for row in keyed(0.1)],
    }
    made = {name: table_of(name, rows) for name, rows in tables.items()}
    return replace(_template(), **made)  # type: ignore[arg-type]  # tables alone


def _people(random: Random) -> int | None:
    return random.choice([None, 1, 2, 3, 20, 33])


def _result(random: Random, measure: str) -> dict[str, Any]:
    how = {"provenance": random.choice(["reported", "secondary"]), "source": random.choice("ab")}
    n = _people(random)
    if measure in ("RR", "OR", "RD"):
        return how | {"n": n, "events": None if n is None else random.randint(0, n)}
    low, high = random.choice([(None, None), (0, 100), (0, 10), (20, 60)])
    mean, sd = random.choice([4.0, 7.5, 25.0]), random.choice([None, 1.0, 2.5, 1e-200])
    return how | {"n": n, "mean": mean, "sd": sd, "scale_min": low, "scale_max": high}


def _contrast(random: Random) -> dict[str, Any]:
    low, width = random.choice([-1.0, 0.25]), random.choice([0.0, 0.5, 2.0])
    people = {"n_experimental": _people(random), "n_comparator": _people(random)}
    limits = {"estimate": low + width / 2, "ci_low": low, "ci_high": low + width}
    how = {"measure": random.choice(["MD", "SMD"]), "provenance": "secondary", "source": "printed"}
    return people | limits | how


def _rebuilt(random: Random, measure: str) -> dict[str, Any]:
    return {
        "measure": measure, "estimate": -0.5, "se": random.choice([0.2, 0.4]), "low": -1.0,
        "high": 0.1, "n_experimental": 12.5, "n_comparator": 20,
        "provenance": "reconstructed", "source": "computed",
    }  # fmt: skip


def shuffled(review: al.Review, seed: int) -> al.Review:
    """Return the review with the rows of its tables in another order, as another file has them."""
    tables = ("trials", "arms", "arm_results", "contrasts", "reconstructed", "analyses")
    rows = {name: getattr(review, name).sample(frac=1, random_state=seed) for name in tables}
    made = {name: table.reset_index(drop=True) for name, table in rows.items()}
    return replace(review, **made)
