"""The effect of every comparison of a review, and how it is known: one table for all analyses.

The table is computed once, whole columns at a time, and kept with the review. An analysis is a
slice of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis_lib.base.measures import BINARY_MEASURES, GENERIC_MEASURES, RATIO_MEASURES
from analysis_lib.effects.arms import rescale
from analysis_lib.effects.columns import EffectSizes
from analysis_lib.effects.events import (
    odds_ratio,
    peto_odds_ratio,
    risk_difference,
    risk_ratio,
    tells_nothing,
)
from analysis_lib.effects.generic import generic_effect
from analysis_lib.effects.means import mean_difference, standardized_mean_difference
from analysis_lib.review.arm_names import ANALYSIS, ARMS, comparison_names
from analysis_lib.review.baseline import BASELINE, PROVENANCES
from analysis_lib.review.model import Review

Mask = npt.NDArray[np.bool_]
Tables = Mapping[str, pd.DataFrame]
Analysis = tuple[str, str]  # outcome and follow-up

MAIN = "main"
LEVEL = 0.95  # of the intervals in contrasts.csv that name none
PRINTED = ("estimate", "ci_low", "ci_high", "level", "se", "p", "df", "o_minus_e", "v")
SIDES = ("experimental", "comparator")
KEYS = [*ANALYSIS, "trial", *ARMS]
COMPUTE: dict[str, Callable[..., EffectSizes]] = {
    "MD": mean_difference,
    "SMD": standardized_mean_difference,
    "RR": risk_ratio,
    "OR": odds_ratio,
    "RD": risk_difference,
}
#: What `COMPUTE` takes of each arm.
OF_MEANS, OF_EVENTS = ("n", "mean", "sd"), ("events", "n")
SCALE = ("scale_min", "scale_max")
HOW = ("provenance", "source")

TELLS_NOTHING = "nobody, or everybody, had the event in both arms, which says nothing of a ratio"
NO_MEANS = "neither means and SDs by arm with n, nor a difference"
NO_EVENTS = "no events with n in both arms"
TOO_FEW = "fewer than two people in an arm or in the share of it that is lent here"
NOT_AMONG = "events are not among the people of the arm"
OUTSIDE = "a mean lies outside the scale of its instrument"
NO_VARIANCE = "its variance is not a finite number greater than zero"

NAMES = ["trial", "label", *ARMS]
COLUMNS = dict.fromkeys(NAMES, "str") | {
    "n_experimental": "float64",
    "n_comparator": "float64",
    "effect": "float64",
    "variance": "float64",
    "low": "float64",
    "high": "float64",
    "provenance": "str",
    "source": "str",
}
EVENTS = {"events_experimental": "float64", "events_comparator": "float64"}


def takes(measure: str) -> tuple[str, ...]:
    """Return what a measure takes of each arm, in the order of its function."""
    return OF_EVENTS if measure in BINARY_MEASURES else OF_MEANS


@dataclass(frozen=True, slots=True, eq=False)
class KnownEffects:
    """Every comparison of a review, in the order of outcomes, follow-ups, trials and arms.

    Attributes
    ----------
    table : pandas.DataFrame
        One row an effect that is known, as `StudyEffects.table` holds it; `EVENTS` at the end.
    places : mapping
        The rows of each outcome and follow-up that have any.
    unknown : mapping
        The comparisons of each outcome and follow-up whose effect is not known, with the reason.
    silent : pandas.DataFrame
        One row a comparison of events that is left out because it tells nothing of a ratio.
    measures : mapping
        The measure of each outcome.
    """

    table: pd.DataFrame
    places: Mapping[Analysis, slice]
    unknown: Mapping[Analysis, Sequence[str]]
    measures: Mapping[str, str]
    silent: pd.DataFrame

    def analysis(self, outcome: str, follow_up: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """Return the known effects of one outcome at one follow-up, and what is not known."""
        columns = len(COLUMNS) + (len(EVENTS) if self.measures[outcome] in BINARY_MEASURES else 0)
        rows = self.places.get((outcome, follow_up), slice(0))
        table = self.table.iloc[rows, :columns].reset_index(drop=True)
        return table, tuple(self.unknown.get((outcome, follow_up), ()))

    def without_information(self, outcome: str, follow_up: str) -> pd.DataFrame:
        """Return the comparisons of one analysis that tell nothing of a ratio."""
        here = (self.silent["outcome"] == outcome) & (self.silent["follow_up"] == follow_up)
        return self.silent.loc[here, [*COLUMNS, *EVENTS]].reset_index(drop=True)


def known_effects(review: Review, reading: str = MAIN) -> KnownEffects:
    """Return every comparison of a review with its effect, computed when first asked for.

    Parameters
    ----------
    review
        A review that was loaded.
    reading
        Which reading of the text, where ``analyses.csv`` holds several.
    """
    return review.kept(("known effects", reading), lambda: _known_effects(review, reading))


def _known_effects(review: Review, reading: str) -> KnownEffects:
    tables = _keyed(review)
    pairs = _comparisons(tables, reading)
    outcomes = tables["outcomes"].set_index("outcome")[["measure", *SCALE]]
    listed = _with_arms(pairs.join(outcomes, on="outcome"), tables["arm_results"])
    listed = listed.join(_of_events(review), on="outcome")
    listed.insert(0, "label", pd.Series(comparison_names(pairs, review.trial_names), dtype="str"))
    other = _from_contrasts(listed, tables["contrasts"])
    if reading == MAIN:  # no other one is reconstructed
        other = pd.concat([other, _from_reconstruction(listed, tables["reconstructed"])])
    arms, reasons, silent = _from_arms(listed, listed.index.isin(other.index[_has_variance(other)]))
    known = pd.concat([arms, other])  # the best known first: of a doubled row the first stays
    usable = _has_variance(known)
    reasons[known.index[~usable]] = NO_VARIANCE
    known = known[usable]
    known = known[~known.index.duplicated()].sort_index()
    reasons[known.index] = ""
    table = listed[NAMES].join(known, how="right")[[*COLUMNS, *EVENTS]].astype(COLUMNS | EVENTS)
    measures = dict(zip(review.outcomes["outcome"], review.outcomes["measure"], strict=True))
    places = _places(pairs.loc[known.index])
    silent = listed[[*ANALYSIS, *NAMES]].join(silent[~silent.index.isin(known.index)], how="right")
    silent = silent.reindex(columns=[*ANALYSIS, *COLUMNS, *EVENTS]).astype(COLUMNS | EVENTS)
    return KnownEffects(table, places, _unknown(listed, reasons), measures, silent)


def _of_events(review: Review) -> pd.DataFrame:
    """Return how the events of each outcome become effects."""
    names = list(review.outcomes["outcome"])
    chosen = [review.info.events_of(name) for name in names]
    columns = {
        "by_peto": [one.event_method == "Peto" for one in chosen],
        "correction": [float(one.correction) for one in chosen],
        # Peto's estimate of a trial does not exist without information.
        "drops": [one.double_zeros == "drop" or one.event_method == "Peto" for one in chosen],
    }
    return pd.DataFrame(columns, index=names)


def _unknown(listed: pd.DataFrame, reasons: pd.Series) -> dict[Analysis, list[str]]:
    """Return by analysis the names of the comparisons that are not known, with the reasons."""
    found: dict[Analysis, list[str]] = {}
    rows = listed.assign(reason=reasons).loc[reasons != "", [*ANALYSIS, "label", "reason"]]
    for outcome, follow_up, label, reason in rows.to_numpy(dtype=object):
        found.setdefault((outcome, follow_up), []).append(f"{label}: {reason}")
    return found


def _has_variance(known: pd.DataFrame) -> Mask:
    """Say which effects can be weighted."""
    effect, variance = (known[name].to_numpy(dtype=float) for name in ("effect", "variance"))
    return np.asarray(np.isfinite(effect) & np.isfinite(variance) & (variance > 0))


def _keyed(review: Review) -> dict[str, pd.DataFrame]:
    """Return the tables with their keys in the order of the review, in which they are sorted.

    Every key is one of a list, so that columns of them are matched by their place in it.
    """
    kinds = {
        "outcome": pd.CategoricalDtype(review.outcomes["outcome"]),
        "follow_up": pd.CategoricalDtype(review.follow_ups["follow_up"]),
        "trial": pd.CategoricalDtype(review.trials["trial"]),
        **dict.fromkeys(["arm", *ARMS], pd.CategoricalDtype(sorted(set(review.arms["arm"])))),
    }
    results = review.arm_results[review.arm_results["time"] != BASELINE]
    tables = {
        "outcomes": review.outcomes,
        "arms": review.arms,
        "arm_results": results.rename(columns={"time": "follow_up"}),
        "contrasts": review.contrasts,
        "reconstructed": review.reconstructed,
        "analyses": review.analyses,
    }
    return {
        name: table.astype({key: kind for key, kind in kinds.items() if key in table})
        for name, table in tables.items()
    }


def _comparisons(tables: Tables, reading: str) -> pd.DataFrame:
    """Return the comparisons that ``analyses.csv`` names, and those that only results name."""
    named = tables["analyses"]
    in_reading = [reading in readings.split("; ") for readings in named["reading"]]
    found = pd.concat([tables["contrasts"][KEYS], _pairs_of_arms(tables)])
    not_discussed = found.merge(named[[*ANALYSIS, "trial"]], how="left_anti")
    pairs = pd.concat([named.loc[in_reading, KEYS], not_discussed]).drop_duplicates()
    return pairs.sort_values(KEYS, ignore_index=True)


def _pairs_of_arms(tables: Tables) -> pd.DataFrame:
    """Return every experimental arm of a trial with every comparator one, by analysis."""
    results = tables["arm_results"][[*ANALYSIS, "trial", "arm"]]
    arms = results.merge(tables["arms"][["trial", "arm", "group"]], on=["trial", "arm"])
    first, second = (
        arms[arms["group"] == side].rename(columns={"arm": f"{side}_arm"}) for side in SIDES
    )
    return first.merge(second, on=[*ANALYSIS, "trial"])[KEYS]


def _places(pairs: pd.DataFrame) -> dict[Analysis, slice]:
    """Return where each analysis begins and ends."""
    starts = np.flatnonzero(~pairs.duplicated(ANALYSIS))
    keys = pairs[ANALYSIS].iloc[starts].itertuples(index=False, name=None)
    return dict(zip(keys, map(slice, starts, [*starts[1:], len(pairs)]), strict=True))


def _with_arms(pairs: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Put what ``arm_results`` holds of both arms beside each comparison."""
    columns = sorted({*OF_MEANS, *OF_EVENTS, *SCALE, *HOW})
    results = results.astype({"n": float, "events": float})
    for side in SIDES:
        here = [*ANALYSIS, "trial", f"{side}_arm"]
        names = {"arm": f"{side}_arm", **{column: f"{column}_{side}" for column in columns}}
        arm = results.rename(columns=names)[[*here, *(names[c] for c in columns)]]
        pairs = pairs.merge(arm, how="left", on=here, validate="m:1")
    return pairs


def _of_both(names: Iterable[str]) -> list[str]:
    return [f"{name}_{side}" for side in SIDES for name in names]


def _from_arms(
    listed: pd.DataFrame, is_known: Mask
) -> tuple[pd.DataFrame, pd.Series, pd.DataFrame]:
    """Return the effects from means and SDs by arm, or from events; and why the others have none.

    The last are those of events that tell nothing of a ratio, where the review leaves them out.

    ``is_known`` says of which comparisons the effect is known in another way: they have their
    share of an arm all the same.
    """
    of_events = listed["measure"].isin(BINARY_MEASURES)
    has_means, has_events = (
        listed[_of_both(names)].notna().all(axis="columns") for names in (OF_MEANS, OF_EVENTS)
    )
    reasons = pd.Series(np.where(of_events, NO_EVENTS, NO_MEANS), listed.index, dtype="str")
    complete = has_events.where(of_events, has_means & ~listed["measure"].isin(GENERIC_MEASURES))
    arms, fits = _rescaled(_shared(listed, complete | is_known)[complete])
    people, events = arms[_of_both(["n"])], arms[_of_both(["events"])]
    of_events = of_events[arms.index]
    few = ~of_events & (people < 2).any(axis="columns")
    few |= of_events & arms["by_peto"] & (people.sum(axis="columns") < 2)
    beyond = of_events & np.any(events.to_numpy() > people.to_numpy(), axis=1)
    silent = of_events & arms["drops"] & ~beyond & _tells_nothing(arms)
    told = [TOO_FEW, NOT_AMONG, OUTSIDE, TELLS_NOTHING]
    reasons[arms.index] = np.select([few, beyond, ~fits, silent], told, "")
    how = arms[[*people, *events]].join(_how(arms))
    used = reasons[arms.index] == ""
    return _computed(arms[used]).join(how), reasons, how[silent]


def _tells_nothing(arms: pd.DataFrame) -> Mask:
    """Say of which comparisons of events a ratio is not told."""
    n1, events1, n2, events2 = (arms[name].to_numpy() for name in _of_both(["n", "events"]))
    cells = (events1, n1 - events1, events2, n2 - events2)
    is_odds = (arms["measure"] == "OR").to_numpy()
    is_ratio = is_odds | (arms["measure"] == "RR").to_numpy()
    of_odds, of_risks = (tells_nothing(cells, measure) for measure in ("OR", "RR"))
    return np.asarray(is_ratio & np.where(is_odds, of_odds, of_risks))


def _shared(listed: pd.DataFrame, enters: pd.Series) -> pd.DataFrame:
    """Divide the people and the events of an arm among the comparisons that it enters."""
    shared = listed.copy()
    for side in SIDES:
        arm = [*ANALYSIS, "trial", f"{side}_arm"]
        shares = enters.groupby([listed[key] for key in arm]).transform("sum").clip(lower=1)
        for name in ("n", "events"):
            shared[f"{name}_{side}"] /= shares
    return shared


def _rescaled(arms: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Bring means and SDs to the scale of the outcome, and say which fit their own scale."""
    arms, fits = arms.copy(), pd.Series(True, index=arms.index)
    for side in SIDES:
        mean, sd, *scale = (f"{name}_{side}" for name in ("mean", "sd", *SCALE))
        points = arms[arms["measure"] == "MD"].dropna(subset=[*scale, *SCALE])
        for _, rows in points.groupby([*scale, *SCALE]):
            low, high, new_low, new_high = (float(x) for x in rows[[*scale, *SCALE]].iloc[0])
            inside = rows[mean].between(low, high) & (low < high) & (new_low < new_high)
            fits[rows.index[~inside]] = False
            if inside.any():
                source, target = (low, high), (new_low, new_high)
                here = rows.index[inside]
                scaled = rescale(rows[mean][here], rows[sd][here], source=source, target=target)
                arms.loc[here, mean], arms.loc[here, sd] = scaled.mean, scaled.sd
    return arms, fits


def _computed(arms: pd.DataFrame) -> pd.DataFrame:
    """Return effects and variances, each measure in one call."""
    found = [pd.DataFrame({"effect": [], "variance": []}, dtype=float)]
    for key, rows in arms.groupby(["measure", "by_peto", "correction"]):
        measure, by_peto, correction = str(key[0]), key[1], key[2]
        numbers = [rows[name] for name in _of_both(takes(measure))]
        compute, more = COMPUTE[measure], dict[str, Any]()
        if measure in BINARY_MEASURES:
            compute = peto_odds_ratio if by_peto else compute
            more = {} if by_peto else {"correction": correction}
        with np.errstate(all="ignore"):  # told as NO_VARIANCE
            sizes = compute(*numbers, labels=rows["label"].tolist(), **more)
        columns = {"effect": sizes.effect, "variance": sizes.variance}
        found.append(pd.DataFrame(columns, index=rows.index))
    return pd.concat(found)


def _how(arms: pd.DataFrame) -> pd.DataFrame:
    """Return how the effects are known: as well as the less known of two arms."""
    ranks = [
        pd.Index(PROVENANCES).get_indexer(pd.Index(arms[name])) for name in _of_both(["provenance"])
    ]
    first, second = (arms[name] for name in _of_both(["source"]))
    return pd.DataFrame(
        {
            "provenance": np.take(PROVENANCES, np.maximum(*ranks)),
            "source": first.where(first == second, first + "; " + second),
        },
        index=arms.index,
    )


def _from_contrasts(listed: pd.DataFrame, contrasts: pd.DataFrame) -> pd.DataFrame:
    """Return the effects that a source prints on the measure of the analysis."""
    found = _matching(listed, contrasts)
    numbers = found[list(PRINTED)].astype(float).assign(effect=np.nan, variance=np.nan)
    by_scores = numbers["estimate"].isna()
    score, v = numbers["o_minus_e"], numbers["v"]
    numbers.loc[by_scores, "effect"], numbers.loc[by_scores, "variance"] = score / v, 1 / v
    is_wide = numbers["ci_high"] > numbers["ci_low"]  # else there is no variance, which is told
    usable = ~by_scores & (is_wide | numbers[["se", "p"]].notna().any(axis="columns"))
    is_ratio = found["measure"].isin(RATIO_MEASURES)
    for log in (False, True):
        rows = numbers[usable & (is_ratio == log)]
        if len(rows):
            with np.errstate(all="ignore"):
                sizes = generic_effect(
                    rows["estimate"],
                    se=rows["se"],
                    ci=(rows["ci_low"], rows["ci_high"]),
                    p_value=rows["p"],
                    level=rows["level"].fillna(LEVEL),
                    df=rows["df"],
                    log=log,
                )
            numbers.loc[rows.index, "effect"] = sizes.effect
            numbers.loc[rows.index, "variance"] = sizes.variance
    return _renamed(found.assign(estimate=numbers["effect"], variance=numbers["variance"]))


def _from_reconstruction(listed: pd.DataFrame, reconstructed: pd.DataFrame) -> pd.DataFrame:
    """Return the reconstructed effects."""
    found = _matching(listed, reconstructed)
    return _renamed(found.assign(variance=found["se"] ** 2))


def _matching(listed: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table that belong to the comparisons, numbered as these are."""
    keys = [*KEYS, "measure"]
    rows = listed[keys].rename_axis("row").reset_index()
    return rows.merge(table, on=keys, validate="1:1").set_index("row")


def _renamed(found: pd.DataFrame) -> pd.DataFrame:
    columns = [column for column in COLUMNS if column not in NAMES]
    people = dict.fromkeys(_of_both(["n"]), float)
    return found.rename(columns={"estimate": "effect"}).reindex(columns=columns).astype(people)
