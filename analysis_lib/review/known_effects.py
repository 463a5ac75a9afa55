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

from analysis_lib.base.checks import check_kind
from analysis_lib.base.errors import ReviewError, attempt, shown
from analysis_lib.base.measures import (
    BINARY_MEASURES,
    GENERIC_MEASURES,
    GROUP_MEASURES,
    RATE_MEASURES,
    RATIO_MEASURES,
)
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
from analysis_lib.effects.paired import (
    crossover_difference,
    crossover_ratio_of_means,
    crossover_smd,
)
from analysis_lib.effects.rates import rate_difference, rate_ratio
from analysis_lib.effects.ratios_of_means import ratio_of_means
from analysis_lib.effects.single_groups import correlation, proportion, rate, single_mean
from analysis_lib.review.arm_names import ANALYSIS, ARMS, comparison_names
from analysis_lib.review.baseline import BASELINE, PROVENANCES
from analysis_lib.review.designs import (
    OF_DESIGN,
    PAIRED,
    design_effects,
    remarks_on_arms,
    remarks_on_contrasts,
    turned,
    turned_round,
)
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
    "ROM": ratio_of_means,
    "IRR": rate_ratio,
    "IRD": rate_difference,
}
#: Of the same people under two treatments, whose correlation is known.
COMPUTE_PAIRED: dict[str, Callable[..., EffectSizes]] = {
    "MD": crossover_difference,
    "SMD": crossover_smd,
    "ROM": crossover_ratio_of_means,
}
#: What `COMPUTE` takes of each arm.
OF_MEANS, OF_EVENTS, OF_RATES = ("n", "mean", "sd"), ("events", "n"), ("events", "person_time")
#: What is measured of one group, and what it takes.
OF_GROUP: dict[str, tuple[Callable[..., EffectSizes], tuple[str, ...]]] = {
    "proportion": (proportion, OF_EVENTS),
    "rate": (rate, OF_RATES),
    "mean": (single_mean, OF_MEANS),
    "correlation": (correlation, ("correlation", "n")),
}
SCALE = ("scale_min", "scale_max")
HOW = ("provenance", "source")

TELLS_NOTHING = "nobody, or everybody, had the event in both arms, which says nothing of a ratio"
NO_MEANS = "neither means and SDs by arm with n, nor a difference"
NO_EVENTS = "no events with n in both arms"
NO_RATES = "no events with person-time in both arms"
NO_RATIO = "means of two signs, or of zero, have no ratio"
MIXED = "a change from baseline in one arm, and a final score in the other"
NOT_PAIRED = "a cross-over trial has the same people, and one correlation, under both treatments"
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
    "people": "float64",
    "instrument": "str",
    "remark": "str",
}
EVENTS = {"events_experimental": "float64", "events_comparator": "float64"}
TIMES = {"person_time_experimental": "float64", "person_time_comparator": "float64"}


def takes(measure: str) -> tuple[str, ...]:
    """Return what a measure takes of each arm, in the order of its function."""
    if measure in RATE_MEASURES:
        return OF_RATES
    return OF_EVENTS if measure in BINARY_MEASURES else OF_MEANS


def columns_of(measure: str) -> list[str]:
    """Return the columns of the table of an analysis."""
    has_events = measure in (*BINARY_MEASURES, *RATE_MEASURES, "proportion", "rate")
    counts = [*EVENTS] if has_events else []
    return [*COLUMNS, *counts, *(TIMES if measure in (*RATE_MEASURES, "rate") else [])]


@dataclass(frozen=True, slots=True, eq=False)
class KnownEffects:
    """Every comparison of a review, in the order of outcomes, follow-ups, trials and arms.

    Attributes
    ----------
    table : pandas.DataFrame
        One row an effect that is known, as `StudyEffects.table` holds it; counts at the end.
    places : mapping
        The rows of each outcome and follow-up that have any.
    unknown : mapping
        The comparisons of each outcome and follow-up whose effect is not known, with the reason.
    silent : mapping
        The comparisons of each outcome and follow-up that are left out because their events tell
        nothing of a ratio, as in ``table`` but without effects.
    measures : mapping
        The measure of each outcome.
    arms : pandas.DataFrame
        What `computed_by_arms` takes of every comparison that is computed of two groups of people,
        the silent ones among them: people, events and person-time after an arm is shared out, with
        its number of comparisons, ``shares_experimental`` and ``shares_comparator``.
    """

    table: pd.DataFrame
    places: Mapping[Analysis, slice]
    unknown: Mapping[Analysis, Sequence[str]]
    measures: Mapping[str, str]
    silent: Mapping[Analysis, pd.DataFrame]
    arms: pd.DataFrame

    def arms_of(self, outcome: str, follow_up: str) -> pd.DataFrame:
        """Return the rows of ``arms`` of one outcome at one follow-up, by label."""
        here = (self.arms["outcome"] == outcome) & (self.arms["follow_up"] == follow_up)
        return self.arms[here].set_index("label", drop=False)

    def analysis(self, outcome: str, follow_up: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """Return the known effects of one outcome at one follow-up, and what is not known."""
        rows = self.places.get((outcome, follow_up), slice(0))
        table = self.table.iloc[rows][columns_of(self.measures[outcome])].reset_index(drop=True)
        return table, tuple(self.unknown.get((outcome, follow_up), ()))


def known_effects(review: Review, reading: str = MAIN) -> KnownEffects:
    """Return every comparison of a review with its effect, computed when first asked for.

    Parameters
    ----------
    review
        A review that was loaded.
    reading
        Which reading of the text, where ``analyses.csv`` holds several.
    """
    check_kind("review", review, Review, "load_review")
    if not isinstance(reading, str):
        raise ReviewError(f"reading: the name of one, got {shown(reading)}")
    return review.kept(("known effects", reading), lambda: _known_effects(review, reading))


def _known_effects(review: Review, reading: str) -> KnownEffects:
    tables = _keyed(review)
    pairs = _comparisons(tables, reading)
    outcomes = tables["outcomes"].set_index("outcome")
    outcomes = outcomes.reindex(columns=["measure", "lower_is_better", *SCALE])
    listed = _with_arms(pairs.join(outcomes, on="outcome"), tables["arm_results"])
    listed = listed.join(_of_events(review), on="outcome")
    listed.insert(0, "label", pd.Series(comparison_names(pairs, review.trial_names), dtype="str"))
    other = _from_contrasts(listed, tables["contrasts"])
    if reading == MAIN:  # no other one is reconstructed
        other = pd.concat([other, _from_reconstruction(listed, tables["reconstructed"])])
    of_one = listed["measure"].isin(GROUP_MEASURES)
    is_known = listed.index.isin(other.index[has_variance(other)])
    arms, reasons, silent, numbers = _from_arms(listed[~of_one], is_known[~of_one])
    groups, lacking = _from_groups(listed[of_one])
    reasons = pd.concat([reasons, lacking]).loc[listed.index]
    known = pd.concat(
        [arms, groups, other]
    )  # the best known first: of a doubled row the first stays
    usable = has_variance(known)
    reasons[known.index[~usable]] = NO_VARIANCE
    known = known[usable]
    known = known[~known.index.duplicated()].sort_index()
    reasons[known.index] = ""
    kinds = COLUMNS | EVENTS | TIMES
    words = ["instrument", "remark"]
    known[words] = known[words].fillna("")
    table = listed[NAMES].join(known, how="right")[list(kinds)].astype(kinds)
    measures = dict(zip(review.outcomes["outcome"], review.outcomes["measure"], strict=True))
    places = _places(pairs.loc[known.index])
    silent = listed[[*ANALYSIS, *NAMES]].join(silent[~silent.index.isin(known.index)], how="right")
    silent = silent.reindex(columns=[*ANALYSIS, *kinds]).astype(kinds)
    silent_of = {
        (str(outcome), str(time)): rows[columns_of(measures[outcome])].reset_index(drop=True)
        for (outcome, time), rows in silent.groupby(ANALYSIS)
    }
    return KnownEffects(table, places, _unknown(listed, reasons), measures, silent_of, numbers)


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


def has_variance(known: pd.DataFrame) -> Mask:
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
    """Return every experimental arm of a trial with every comparator one, by analysis.

    Of an outcome that is measured of one group, the experimental arms alone.
    """
    results = tables["arm_results"][[*ANALYSIS, "trial", "arm"]]
    arms = results.merge(tables["arms"][["trial", "arm", "group"]], on=["trial", "arm"])
    first, second = (
        arms[arms["group"] == side].rename(columns={"arm": f"{side}_arm"}) for side in SIDES
    )
    measures = tables["outcomes"].set_index("outcome")["measure"]
    of_one = first["outcome"].map(measures.to_dict()).astype("str").isin(GROUP_MEASURES)
    pairs = first[~of_one].merge(second, on=[*ANALYSIS, "trial"])[KEYS]
    alone = first[of_one].reindex(columns=KEYS)
    alone = alone.astype({"comparator_arm": pairs["comparator_arm"].dtype})
    return pd.concat([pairs, alone]) if len(alone) else pairs


def _places(pairs: pd.DataFrame) -> dict[Analysis, slice]:
    """Return where each analysis begins and ends."""
    starts = np.flatnonzero(~pairs.duplicated(ANALYSIS))
    keys = pairs[ANALYSIS].iloc[starts].itertuples(index=False, name=None)
    return dict(zip(keys, map(slice, starts, [*starts[1:], len(pairs)]), strict=True))


def _with_arms(pairs: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Put what ``arm_results`` holds of both arms beside each comparison."""
    columns = sorted({*OF_MEANS, *OF_EVENTS, *OF_RATES, "correlation", *SCALE, *HOW, *OF_DESIGN})
    results = results.astype({"n": float, "events": float})
    results = results.reindex(columns=list(dict.fromkeys([*results.columns, *columns])))
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
) -> tuple[pd.DataFrame, pd.Series, pd.DataFrame, pd.DataFrame]:
    """Return the effects from means and SDs by arm, or from events; and why the others have none.

    The third are those of events that tell nothing of a ratio, where the review leaves them out,
    the last the numbers by arm of all comparisons of two groups of people.

    ``is_known`` says of which comparisons the effect is known in another way: they have their
    share of an arm all the same.
    """
    measures = listed["measure"]
    of_rates = measures.isin(RATE_MEASURES)
    of_counts = measures.isin(BINARY_MEASURES) | of_rates
    has_means, has_events, has_rates = (
        listed[_of_both(names)].notna().all(axis="columns")
        for names in (OF_MEANS, OF_EVENTS, OF_RATES)
    )
    lacking = np.select([of_rates, of_counts], [NO_RATES, NO_EVENTS], NO_MEANS)
    reasons = pd.Series(lacking, listed.index, dtype="str")
    has_counts = has_rates.where(of_rates, has_events)
    complete = has_counts.where(of_counts, has_means & ~measures.isin(GENERIC_MEASURES))
    shared = _shared(listed, complete | is_known)[complete]
    arms, fits = _rescaled(turned(_without_clusters(shared)))
    of_counts, of_rates = of_counts[arms.index], of_rates[arms.index]
    people, events = arms[_of_both(["n"])], arms[_of_both(["events"])]
    few = ~of_counts & (people < 2).any(axis="columns")
    few |= of_counts & arms["by_peto"] & (people.sum(axis="columns") < 2)
    beyond = of_counts & ~of_rates & np.any(events.to_numpy() > people.to_numpy(), axis=1)
    silent = of_counts & arms["drops"] & ~beyond & tell_nothing(arms)
    told = [TOO_FEW, NOT_AMONG, OUTSIDE, NO_RATIO, MIXED, NOT_PAIRED, TELLS_NOTHING]
    changes, others = (arms[f"score_{side}"] == "change" for side in SIDES)
    mixed = changes != others
    wrong = [few, beyond, ~fits, _has_no_ratio(arms), mixed, _is_half_paired(arms), silent]
    reasons[arms.index] = np.select(wrong, told, "")
    counts = [*people, *events, *TIMES]
    first, second = (arms[f"instrument_{side}"] for side in SIDES)
    how = (
        arms[counts]
        .join(_how(arms))
        .assign(
            people=_people(arms, shared),
            instrument=first.fillna(second),
            remark=remarks_on_arms(arms),
        )
    )
    used = reasons[arms.index] == ""
    found = computed_by_arms(arms[used])
    usable = found.index[has_variance(found)]
    of_groups = (arms.index.isin(usable) | silent) & ~_is_paired(arms)
    return found.join(how), reasons, how[silent], arms[of_groups]


def _without_clusters(arms: pd.DataFrame) -> pd.DataFrame:
    """Divide the sizes of clusters' arms by their design effect; means and SDs stay."""
    smaller = arms.copy()
    for side in SIDES:
        factor = design_effects(arms[f"cluster_size_{side}"], arms[f"icc_{side}"])
        for name in ("n", "events", "person_time"):
            smaller[f"{name}_{side}"] /= factor
    return smaller


def _people(arms: pd.DataFrame, shared: pd.DataFrame) -> pd.Series:
    """Return how many people a comparison has; of a cross-over trial each counts once."""
    total = shared[_of_both(["n"])].sum(axis="columns", skipna=False)
    return (total / 2).where(_is_paired(arms), total)


def _is_paired(arms: pd.DataFrame) -> pd.Series:
    return arms[_of_both([PAIRED])].notna().any(axis="columns")


def _is_half_paired(arms: pd.DataFrame) -> pd.Series:
    """Say where a correlation is given and the two arms are not the same people."""
    (r1, r2), (n1, n2) = (
        (arms[f"{name}_experimental"], arms[f"{name}_comparator"]) for name in (PAIRED, "n")
    )
    return _is_paired(arms) & ((r1.fillna(r2) != r2.fillna(r1)) | (n1 != n2))


def _has_no_ratio(arms: pd.DataFrame) -> pd.Series:
    first, second = (arms[f"mean_{side}"] for side in SIDES)
    return (arms["measure"] == "ROM") & ~(first * second > 0)


def _from_groups(listed: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Return what is measured of single groups, pooled as `OF_GROUP` says, and why not."""
    reasons = pd.Series("", listed.index, dtype="str")
    found = [pd.DataFrame({"effect": [], "variance": []}, dtype=float)]
    for measure, rows in listed.groupby("measure"):
        compute, names = OF_GROUP[str(measure)]
        numbers = rows[[f"{name}_experimental" for name in names]].astype(float)
        lacks = numbers.isna().any(axis="columns")
        reasons[rows.index[lacks]] = f"not all of {', '.join(names)}"
        for place in rows.index[~lacks]:
            sizes = attempt(compute, *numbers.loc[place].tolist())
            if isinstance(sizes, ReviewError):
                reasons[place] = str(sizes).replace("study 1: ", "got ")
                continue
            one = {"effect": sizes.effect, "variance": sizes.variance}
            found.append(pd.DataFrame(one, index=[place]))
    effects = pd.concat(found)
    side = SIDES[0]
    how = listed.loc[effects.index]
    return effects.assign(
        n_experimental=how[f"n_{side}"],
        events_experimental=how[f"events_{side}"],
        person_time_experimental=how[f"person_time_{side}"],
        provenance=how[f"provenance_{side}"],
        source=how[f"source_{side}"],
        people=how[f"n_{side}"],
        instrument=how[f"instrument_{side}"],
        remark=how[f"derived_{side}"],
    ), reasons


def tell_nothing(arms: pd.DataFrame) -> Mask:
    """Say of which comparisons of events a ratio is not told."""
    n1, events1, n2, events2 = (arms[name].to_numpy() for name in _of_both(["n", "events"]))
    cells = (events1, n1 - events1, events2, n2 - events2)
    is_odds = (arms["measure"] == "OR").to_numpy()
    is_ratio = is_odds | arms["measure"].isin(["RR", "IRR"]).to_numpy()
    of_odds, of_risks = (tells_nothing(cells, measure) for measure in ("OR", "RR"))
    return np.asarray(is_ratio & np.where(is_odds, of_odds, of_risks))


def _shared(listed: pd.DataFrame, enters: pd.Series) -> pd.DataFrame:
    """Divide people, events and time of an arm among the comparisons that it enters."""
    shared = listed.copy()
    for side in SIDES:
        arm = [*ANALYSIS, "trial", f"{side}_arm"]
        shares = enters.groupby([listed[key] for key in arm]).transform("sum").clip(lower=1)
        shared[f"shares_{side}"] = shares
        for name in ("n", "events", "person_time"):
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


def computed_by_arms(arms: pd.DataFrame) -> pd.DataFrame:
    """Return effects and variances of rows as `KnownEffects.arms` holds, a measure a call."""
    found = [pd.DataFrame({"effect": [], "variance": []}, dtype=float)]
    paired = _is_paired(arms)
    for key, rows in arms.groupby(["measure", "by_peto", "correction", paired]):
        measure, by_peto, correction, is_paired = str(key[0]), key[1], key[2], key[3]
        numbers = [rows[name] for name in _of_both(takes(measure))]
        compute, more = COMPUTE[measure], dict[str, Any]()
        if measure in BINARY_MEASURES and by_peto:
            compute = peto_odds_ratio
        elif measure in (*BINARY_MEASURES, *RATE_MEASURES):
            more = {"correction": correction}
        elif is_paired:
            compute = COMPUTE_PAIRED[measure]
            r1, r2 = (rows[name] for name in _of_both([PAIRED]))
            numbers = [*numbers[:3], *numbers[4:], r1.fillna(r2)]
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
    found = found.reindex(columns=list(dict.fromkeys([*found.columns, *OF_DESIGN])))
    found = found.assign(estimate=numbers["effect"], variance=numbers["variance"])
    return _renamed(_as_counted(found))


def _as_counted(found: pd.DataFrame) -> pd.DataFrame:
    """Turn the sign of effects whose instrument counts the other way; make clusters less heavy."""
    factor = design_effects(found["cluster_size"], found["icc"])
    turns = turned_round(found["higher_is_better"], found)
    return found.assign(
        estimate=found["estimate"].where(~turns, -found["estimate"]),
        variance=found["variance"] * factor,
        remark=remarks_on_contrasts(found),
    )


def _from_reconstruction(listed: pd.DataFrame, reconstructed: pd.DataFrame) -> pd.DataFrame:
    """Return the reconstructed effects."""
    found = _matching(listed, reconstructed)
    return _renamed(found.assign(variance=found["se"] ** 2))


def _matching(listed: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table that belong to the comparisons, numbered as these are."""
    keys = [*KEYS, "measure"]
    rows = listed[[*keys, "lower_is_better"]].rename_axis("row").reset_index()
    return rows.merge(table, on=keys, validate="1:1").set_index("row")


def _renamed(found: pd.DataFrame) -> pd.DataFrame:
    columns = [column for column in COLUMNS if column not in NAMES]
    found = found.assign(people=found[_of_both(["n"])].sum(axis="columns", skipna=False))
    people = dict.fromkeys([*_of_both(["n"]), "people"], float)
    return found.rename(columns={"estimate": "effect"}).reindex(columns=columns).astype(people)
