"""The page on the reconstruction: what enters, what is met, how free it is and what it is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis_lib.base import formatting as fmt
from analysis_lib.base.measures import MEASURE_WORDS
from analysis_lib.book.sections.analyses import (
    QUANTITY_WORDS,
    analysis_names,
    pooled_analyses,
    result_names,
)
from analysis_lib.book.sections.over_sets import in_sets
from analysis_lib.plots.reconstruction import ensemble_ranges
from analysis_lib.printed.reconstruction.files import read_report
from analysis_lib.printed.reconstruction.tables import (
    KEY,
    build_analysis,
    guess_spread,
    read_tables,
    reconstruct_analysis,
)
from analysis_lib.printed.reconstruction.targets import Z95
from analysis_lib.review.model import Review

MAIN = r"\bmain\b"  # among the readings of a row
ANALYSIS = ["outcome", "follow_up"]
INSIDE, OUTSIDE, ASIDE = "inside rounding", "outside rounding", "set aside: contradicts the others"


# --- which comparisons enter ----------------------------------------------------------------------


def rebuilt_comparisons(review: Review) -> pd.DataFrame:
    """Return every reconstructed comparison with all that is known of it.

    Returns
    -------
    pandas.DataFrame
        The columns of `StudyEffects.table`; ``outcome``, ``follow_up``, ``analysis`` and ``group``
        (its name, and that of the follow-up); the guess before the pooled results are looked at
        (``guess``, ``guess_sd``, ``variance_from``); and the row of ``analyses.csv``, whose
        provenance is ``argued``.
    """
    tables, names = read_tables(review.path), analysis_names(review)
    times = dict(zip(review.follow_ups["follow_up"], review.follow_ups["label"], strict=True))
    parts = []
    for found in pooled_analyses(review):
        if not found.reconstructed.any():
            continue
        known = build_analysis(tables, found.outcome, found.follow_up)
        guess = known.comparisons[list(KEY)].assign(
            guess=known.prior.effect_mean,
            guess_sd=known.prior.effect_sd,
            variance_from=known.variance_from,
        )
        key = found.outcome, found.follow_up
        here = dict(zip(ANALYSIS, key, strict=True))
        effects = found.table[found.reconstructed].assign(
            **here, analysis=names[key], group=times[found.follow_up]
        )
        parts.append(effects.merge(guess, on=list(KEY), how="left"))
    argued = review.analyses[review.analyses["reading"].str.contains(MAIN)]
    argued = argued.drop(columns="source").rename(columns={"provenance": "argued"})
    return pd.concat(parts).merge(argued, on=list(KEY))


def comparisons_table(review: Review) -> pd.DataFrame:
    """Return the trials, comparisons and people of each reconstructed result, as text."""
    printed, names = _pooled_rows(review), analysis_names(review)
    rows = []
    for found in pooled_analyses(review):
        if not found.reconstructed.any():
            continue
        key = found.outcome, found.follow_up
        counts = found.table["trial"].value_counts(sort=False)
        trials = [
            review.trial_names[str(trial)] + (f" ({n})" if n > 1 else "")
            for trial, n in counts.items()
        ]
        told = {
            name: "not printed" if pd.isna(n) else fmt.count(n)
            for name, n in printed.loc[key, ["trials", "participants"]].items()
        }
        rows.append(
            {
                "Result": names[key],
                "Trials, printed": told["trials"],
                "Trials": fmt.count(len(counts)),
                "Comparisons": fmt.count(found.k),
                "People, printed": told["participants"],
                "People": fmt.count(found.participants),
                "Comparisons of": fmt.listing(trials),
            }
        )
    return pd.DataFrame(rows)


def _pooled_rows(review: Review) -> pd.DataFrame:
    """Return the pooled results as printed, by outcome and follow-up."""
    return review.published[review.published["kind"] == "pooled"].set_index(ANALYSIS)


def result_of_other_trials(review: Review) -> dict[str, object]:
    """Return the one result whose printed number of trials we do not take, and why.

    Returns
    -------
    dict
        Its name (``differs``), the trials printed and taken (``differs-printed``,
        ``differs-ours``), and the comparisons (``least-k``) that the printed τ² asks for.

    Notes
    -----
    The standard error of a pooled effect is at least τ/√k, so that k is at least τ²/SE².
    """
    printed = _pooled_rows(review)
    trials = {
        (found.outcome, found.follow_up): found.table["trial"].nunique()
        for found in pooled_analyses(review)
    }
    (key,) = (key for key in printed.index if trials[key] != printed.loc[key, "trials"])
    row = printed.loc[key]
    se = (row["ci_high"] - row["ci_low"]) / (2 * Z95)
    return {
        "differs": analysis_names(review)[key],
        "differs-printed": row["trials"],
        "differs-ours": trials[key],
        "least-k": math.ceil(row["tau2"] / se**2),
    }


def reasons_table(review: Review, rebuilt: pd.DataFrame) -> pd.DataFrame:
    """Return why each trial enters each result, as `analyses.csv` argues."""
    reasons = rebuilt.drop_duplicates([*ANALYSIS, "trial"])
    return pd.DataFrame(
        {
            "Trial": reasons["trial"].map(review.trial_names),
            "Membership": reasons["argued"].map({"reported": "named", "reconstructed": "inferred"}),
            "Why": reasons["why"],
            "Remark": reasons["note"],
            "Result": reasons["analysis"],
        }
    )


def other_readings(review: Review, rebuilt: pd.DataFrame) -> pd.DataFrame:
    """Return what the printed numbers say of every reading but the main one.

    Returns
    -------
    pandas.DataFrame
        One row a reading: ``outcome``, ``follow_up``, ``reading``, ``aims`` (printed numbers to
        meet), ``missed`` (by the nearest effects), and ``change``: how far at most an effect of a
        comparison of both readings moves, absent where a number is missed.
    """
    report = read_report(review.path)
    tables, ours = read_tables(review.path), rebuilt.set_index(list(KEY))["effect"]
    rows = []
    others = report[report["reading"] != "main"]
    for key, numbers in others.groupby([*ANALYSIS, "reading"], sort=False):
        aims = numbers[~numbers["set_aside"]]
        missed, change = int((~aims["inside_rounding"]).sum()), math.nan
        if not missed:
            outcome, follow_up, reading = map(str, key)
            analysis = build_analysis(tables, outcome, follow_up, reading)
            theirs = reconstruct_analysis(analysis, draws=0).rows().set_index(list(KEY))
            change = float((theirs["estimate"] - ours).abs().max())
        rows.append((*key, len(aims), missed, change))
    return pd.DataFrame(rows, columns=[*ANALYSIS, "reading", "aims", "missed", "change"])


def readings_table(
    review: Review, readings: pd.DataFrame, words: Mapping[tuple[str, str, str], str]
) -> pd.DataFrame:
    """Return the other readings as text.

    Parameters
    ----------
    review
        A review that was loaded.
    readings
        Result of `other_readings`.
    words
        What each of them says, by outcome, follow-up and reading.
    """
    names = analysis_names(review)
    keys = list(zip(*(readings[name] for name in (*ANALYSIS, "reading")), strict=True))
    return pd.DataFrame(
        {
            "Result": [names[outcome, follow_up] for outcome, follow_up, _ in keys],
            "Other reading": [words[key] for key in keys],
            "Numbers to meet": readings["aims"],
            "Not met": readings["missed"],
            "Verdict": [
                "excluded by the printed numbers" if n else "possible" for n in readings["missed"]
            ],
            "Largest change of an effect": [fmt.number(x, absent="") for x in readings["change"]],
        }
    )


# --- what is guessed beforehand, and what is aimed at ---------------------------------------------


def known_beforehand(review: Review, rebuilt: pd.DataFrame) -> pd.Series:
    """Say of each comparison what is known before the pooled results are looked at."""
    known = pd.Series("nothing", index=rebuilt.index)
    told = rebuilt["favours"].notna()
    by_p = rebuilt["effect_from"] == "p value"
    known[by_p & ~told] = "no significant difference"
    known[by_p & told & (rebuilt["p_high"] == 1)] = "the direction alone"
    for side, name in zip(("experimental", "comparator"), review.info.short_names, strict=True):
        significant = (rebuilt["favours"] == side) & (rebuilt["p_high"] < 1)
        known[significant] = f"significant, in favour of {name}"
    known[rebuilt["effect_from"] == "contrast"] = "a standardised difference in another review"
    return known


def known_table(review: Review, rebuilt: pd.DataFrame) -> pd.DataFrame:
    """Return what is known beforehand, of how many comparisons and of which trials, as text."""
    groups = rebuilt.groupby(known_beforehand(review, rebuilt), sort=False)["trial"]
    return pd.DataFrame(
        {
            "Known beforehand": words,
            "Comparisons": fmt.count(len(trials)),
            "Trials": fmt.listing(list(dict.fromkeys(trials.map(review.trial_names)))),
        }
        for words, trials in groups
    )


def variances_table(rebuilt: pd.DataFrame) -> pd.DataFrame:
    """Return where the guessed sampling variances come from, as text."""
    return pd.DataFrame(
        {
            "Sampling variances from": words,
            "Results": fmt.listing(list(dict.fromkeys(names))),
        }
        for words, names in rebuilt.groupby("variance_from", sort=False)["analysis"]
    )


def guess_factors(review: Review) -> dict[str, float]:
    """Return the factor by which a guessed variance may be off, one standard deviation of it."""
    spread = guess_spread(read_tables(review.path))
    return {f"spread-{measure.lower()}": math.exp(sd) for measure, sd in spread.items()}


def main_report(review: Review) -> pd.DataFrame:
    """Return `read_report` of the main readings, with ``verdict`` in words."""
    report = read_report(review.path)
    report = report[report["reading"] == "main"].reset_index(drop=True)
    inside = report["inside_rounding"].map({True: INSIDE, False: OUTSIDE})
    return report.assign(verdict=inside.mask(report["set_aside"], ASIDE))


def report_table(review: Review, report: pd.DataFrame) -> pd.DataFrame:
    """Return every printed number beside the reconstructed one, as text.

    Parameters
    ----------
    review
        A review that was loaded.
    report
        Result of `main_report`.
    """
    words = QUANTITY_WORDS | {"p_value": "p", "q_between": "Q between subgroups"}
    digits = report["printed"].str.extract(r"\.(\d+)")[0].str.len().fillna(0).astype(int) + 2
    printed = pd.to_numeric(report["printed"], errors="coerce")  # "< 0.001" has no residual
    numbers = {"Reconstructed": report["reconstructed"],
               "Residual": report["reconstructed"] - printed}  # fmt: skip
    texts = {
        name: [fmt.number(x, d, absent="") for x, d in zip(column, digits, strict=True)]
        for name, column in numbers.items()
    }
    return pd.DataFrame(
        {
            "Number": report["quantity"].map(words),
            "Printed": report["printed"].str.replace("-", fmt.MINUS),
            **texts,
            "Verdict": report["verdict"],
            "Result": report["result"].map(result_names(review)),
        }
    )


def set_aside_table(numbers: pd.DataFrame) -> pd.DataFrame:
    """Return, of `report_table`, the printed numbers that contradict the others."""
    heads = {
        "Result": "Result",
        "Number": "Number",
        "Printed": "Printed",
        "Reconstructed": "What the others lead to",
    }
    return numbers.loc[numbers["Verdict"] == ASIDE, list(heads)].rename(columns=heads)


def report_counts(report: pd.DataFrame) -> dict[str, int]:
    """Return how many printed numbers there are, are aimed at, met, missed, and set aside."""
    aims = report[~report["set_aside"]]
    return {
        "numbers": len(report),
        "aims": len(aims),
        "inside": int(aims["inside_rounding"].sum()),
        "outside": int((~aims["inside_rounding"]).sum()),
        "aside": len(report) - len(aims),
    }


# --- how free the effects are ---------------------------------------------------------------------


def draw_ranges(review: Review, rebuilt: pd.DataFrame, outcome: str, caption: str) -> Axes:
    """Draw the reconstructed effects of one outcome with their ranges."""
    row = review.outcomes.set_index("outcome").loc[outcome]
    favours = review.info.short_names if row["lower_is_better"] else review.info.short_names[::-1]
    xlabel = MEASURE_WORDS[str(row["measure"])].capitalize()
    if row["measure"] == "MD":
        xlabel += f", {row['unit']}"
        xlabel += "" if pd.isna(row["scale_max"]) else f" of {row['scale_max']:g}"
    here = rebuilt[rebuilt["outcome"] == outcome]
    return ensemble_ranges(here, xlabel=xlabel, favours=favours, caption=caption)


def range_left(rebuilt: pd.DataFrame) -> pd.Series:
    """Return each range as a share of the one that the guess allowed, its mean ± 1.96 SD."""
    return (rebuilt["high"] - rebuilt["low"]) / (2 * Z95 * rebuilt["guess_sd"])


def ranges_table(rebuilt: pd.DataFrame, ensemble: pd.DataFrame) -> pd.DataFrame:
    """Return the ranges of reconstructed effects beside what was guessed beforehand, as text.

    Parameters
    ----------
    rebuilt
        Result of `rebuilt_comparisons`.
    ensemble
        All sets, from `read_ensemble`.
    """
    guesses = zip(rebuilt["guess"], rebuilt["guess_sd"], strict=True)
    ranges = zip(rebuilt["low"], rebuilt["high"], strict=True)
    errors = ensemble.groupby(list(KEY))["se"].agg(list)
    ends = [
        tuple(np.quantile(errors.loc[key], (0.025, 0.975)).tolist())
        for key in zip(*(rebuilt[name] for name in KEY), strict=True)
    ]
    return pd.DataFrame(
        {
            "Comparison": rebuilt["label"],
            "Guess ± SD": [f"{fmt.number(m)} ± {fmt.number(s)}" for m, s in guesses],
            "Range": [fmt.interval(pair) for pair in ranges],
            "Range of the standard error": [fmt.interval(pair) for pair in ends],
            "Range left": [fmt.percent(x) for x in range_left(rebuilt)],
            "Result": rebuilt["analysis"],
        }
    )


# --- what can be said -----------------------------------------------------------------------------


def statements(review: Review, found: pd.DataFrame) -> pd.DataFrame:
    """Return what is said of trials and of whole results, with ``text`` and ``analysis``.

    Parameters
    ----------
    review
        A review that was loaded.
    found
        Result of `stability_of_all`, of which single comparisons of a trial are left out.
    """
    names = analysis_names(review)
    kept = (found["topic"] != "influence") | found["subject"].isin(review.trial_names.values())
    found = found[kept]
    analyses = zip(found["outcome"], found["follow_up"], strict=True)
    share = [in_sets(x, n) for x, n in zip(found["share"], found["draws"], strict=True)]
    return found.assign(
        text=found["subject"] + ": " + found["says"] + " (" + share + ")",
        analysis=[names[analysis] for analysis in analyses],
    )


def statements_table(said: pd.DataFrame) -> pd.DataFrame:
    """Return the statements that nearly all sets make, by result and topic."""
    said = said[said["stable"]]
    return pd.DataFrame(
        {"Topic": topic, "What holds": "\n".join(rows["text"]), "Result": analysis}
        for (analysis, topic), rows in said.groupby(["analysis", "topic"], sort=False)
    )


def statements_told(said: pd.DataFrame) -> dict[str, object]:
    """Return how many statements are stable, and those that the prose names."""
    topic, stable = said["topic"], said["stable"]
    about, subject = said["analysis"].str.lower(), said["subject"]
    influence = topic == "influence"
    open_results = (topic == "pooled effect") & ~stable
    influential = influence & stable & (said["says"] == "influential")
    subgroups = (topic == "subgroups") & stable & (said["says"] == "p below 0.05")
    return {
        "statements": len(said),
        "stable": int(stable.sum()),
        "influence": int(influence.sum()),
        "influence-stable": int((influence & stable).sum()),
        "open": fmt.listing(list("the " + subject[open_results] + " of " + about[open_results])),
        "influential": fmt.listing(list(subject[influential] + " (" + about[influential] + ")")),
        "subgroups": fmt.listing(list(about[subgroups] + " by " + subject[subgroups])),
    }


# --- known data sets, hidden ----------------------------------------------------------------------


def validation_scores(validation: pd.DataFrame) -> pd.DataFrame:
    """Return how well each hidden data set was found again.

    Parameters
    ----------
    validation
        Result of `read_validation`.

    Returns
    -------
    pandas.DataFrame
        One row a data set, with the conclusions known or not: ``data_set``,
        ``conclusions_known``, ``studies``, how many true effects and standard errors lie in
        their range (``inside``, ``se_inside``), and ``ratio``, the root mean squared error over
        that of the guess.
    """
    squares = validation.assign(
        miss=(validation["reconstructed"] - validation["effect"]) ** 2,
        guess_miss=(validation["guess"] - validation["effect"]) ** 2,
    )
    scores = squares.groupby(["data_set", "conclusions_known"], sort=False).agg(
        studies=("effect", "size"),
        inside=("covered", "sum"),
        se_inside=("se_covered", "sum"),
        miss=("miss", "mean"),
        guess_miss=("guess_miss", "mean"),
    )
    scores["ratio"] = (scores["miss"] / scores["guess_miss"]) ** 0.5
    return scores.drop(columns=["miss", "guess_miss"]).reset_index()


def validation_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the scores as text, first those with the conclusions of the studies known."""
    scores = scores.sort_values("conclusions_known", ascending=False, kind="stable")
    headings = {True: "Conclusions of the studies known", False: "Conclusions not known"}
    return pd.DataFrame(
        {
            "Data set": scores["data_set"],
            "Studies": scores["studies"].map(fmt.count),
            "True effects in range": scores["inside"].map(fmt.count),
            "True SEs in range": scores["se_inside"].map(fmt.count),
            "Error, relative to the guess": scores["ratio"].map(fmt.number),
            "Conclusions": scores["conclusions_known"].map(headings),
        }
    )


def validation_rates(scores: pd.DataFrame) -> dict[str, float]:
    """Return how many true effects were held (``covered``, per cent) and how large errors are.

    Parameters
    ----------
    scores
        Rows of `validation_scores`.

    Returns
    -------
    dict
        Per cent of effects and standard errors in their range (``covered``, ``se-covered``), the
        median and the largest ``ratio`` of errors (``ratio``, ``worst``), and in how many data
        sets the guess was as good (``worse``).
    """
    studies, ratio = scores["studies"].sum(), scores["ratio"]
    return {
        "covered": 100 * scores["inside"].sum() / studies,
        "se-covered": 100 * scores["se_inside"].sum() / studies,
        "ratio": ratio.median(),
        "worst": ratio.max(),
        "worse": int((ratio >= 1).sum()),
    }
