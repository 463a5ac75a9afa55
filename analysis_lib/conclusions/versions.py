"""What changed from one version of a living review to the next.

A version is recorded as it is released: the trials it holds, how far it was searched, its results
and a fingerprint of its data. What is new is then read from two records, and never written by hand.

References
----------
Akl EA, Khabsa J, Iannizzi C, et al. Extension of the PRISMA 2020 statement for living systematic
reviews (PRISMA-LSR): checklist and explanation. BMJ 2024;387:e079183.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import pooled, shown, shown_interval
from analysis_lib.conclusions.update import ABOVE, BELOW, side_of
from analysis_lib.printed.audit.rows import MAIN
from analysis_lib.review.cells import read_table
from analysis_lib.review.comparisons import study_effects
from analysis_lib.review.model import Review, load_review
from analysis_lib.review.schemas import RATINGS, count, day, key, number, one_of, table, text

#: How the results of a version came to be: taken from the article, or pooled from the data.
PRINTED, COMPUTED = "printed", "computed"
VERSIONS, RESULTS = "versions", "version_results"
TABLES: Final = {
    VERSIONS: table(
        "Versions of the review",
        {
            "version": text("Version", unique=True),
            "date": day("Day of its release"),
            "basis": one_of("How its results came to be", (PRINTED, COMPUTED)),
            "status": text("Whether the review was kept up to date", optional=True),
            "last_search": text("Month of the last search", optional=True),
            "fingerprint": text("Digest of its data", optional=True),
            "trials": text("Trials included", optional=True),
            "note": text("What made it necessary", optional=True),
        },
    ),
    RESULTS: table(
        "Results of each version",
        {
            "version": text("Version"),
            "outcome": key("Outcome"),
            "follow_up": key("Follow-up"),
            "measure": text("Effect measure"),
            "k": count("Comparisons", optional=True),
            "reconstructed": count("Comparisons whose effect is reconstructed"),
            "estimate": number("Pooled effect"),
            "ci_low": number("Lower limit of the confidence interval"),
            "ci_high": number("Upper limit of the confidence interval"),
            "pi_low": number("Lower limit of the prediction interval"),
            "pi_high": number("Upper limit of the prediction interval"),
            "certainty": one_of("Certainty of the evidence", RATINGS, optional=True),
        },
        unique=("version", "outcome", "follow_up"),
    ),
}
NUMBERS: Final = ("estimate", "ci_low", "ci_high", "pi_low", "pi_high")
DIGITS = 6  # decimals that a record keeps; more would be the arithmetic of one machine
FINGERPRINT_LENGTH = 12


@dataclass(frozen=True, slots=True)
class WhatsNew:
    """What a page of news shows.

    Attributes
    ----------
    summary : str
        In a few sentences.
    status, trials, results, history : pandas.DataFrame
        Cells as text: the state of the review; trials added and removed; old against new results;
        every version.
    """

    summary: str
    status: pd.DataFrame
    trials: pd.DataFrame
    results: pd.DataFrame
    history: pd.DataFrame


def data_fingerprint(review: Review) -> str:
    """Return a digest of all tables of a review and of the words about it.

    A column in which nothing stands says nothing, so that a schema may gain one.

    Examples
    --------
    >>> from analysis_lib import load_review
    >>> len(data_fingerprint(load_review("data")))
    12
    """
    digest = hashlib.sha256(review.info.model_dump_json(exclude_unset=True).encode())
    for field in fields(review):
        table = getattr(review, field.name)
        if isinstance(table, pd.DataFrame):
            digest.update(field.name.encode())
            digest.update(table.dropna(axis=1, how="all").to_csv(index=False).encode())
    return digest.hexdigest()[:FINGERPRINT_LENGTH]


def record_version(
    review: Review, version: str, date: str, *, basis: str, status: str, note: str = ""
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Describe a review as it is now, for the record.

    Parameters
    ----------
    review
        A review that was loaded.
    version, date
        Its name, and the day as ``2026-11-21``.
    basis
        ``printed``: the results of ``published.csv``. ``computed``: pooled from the effects of the
        data by the review's own methods.
    status
        Whether the review is kept up to date, in words.
    note
        What made this version necessary.

    Returns
    -------
    tuple of pandas.DataFrame
        One row about the version, and one row a result.

    Raises
    ------
    ReviewError
        For another basis, an empty version or a date that is none.
    """
    if basis not in (PRINTED, COMPUTED):
        raise ReviewError(f"basis: {basis!r} is neither {PRINTED!r} nor {COMPUTED!r}")
    if not version.strip():
        raise ReviewError("version: the name is empty")
    try:
        day = pd.Timestamp(date).strftime("%Y-%m-%d")
    except ValueError:
        raise ReviewError(f"date: {date!r} is not a day") from None
    head = {
        "version": version,
        "date": day,
        "basis": basis,
        "status": status,
        "last_search": review.searches["date"].max(),
        # What an article prints has no data of its own.
        "fingerprint": data_fingerprint(review) if basis == COMPUTED else None,
        "trials": "; ".join(review.trials["trial"]),
        "note": note,
    }
    results = _printed(review) if basis == PRINTED else _computed(review)
    ratings = review.certainty.set_index(["outcome", "follow_up"])["rating"].to_dict()
    results["certainty"] = [
        ratings.get(key) for key in zip(results["outcome"], results["follow_up"], strict=True)
    ]
    results["version"] = version
    results[list(NUMBERS)] = results[list(NUMBERS)].astype("float64").round(DIGITS)
    return pd.DataFrame([head], columns=_columns(VERSIONS)), results[_columns(RESULTS)]


def read_versions(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read ``versions.csv`` and ``version_results.csv``.

    Returns
    -------
    tuple of pandas.DataFrame
        The records in the order of release, as `record_version` makes them; empty when there are
        none.

    Raises
    ------
    ReviewError
        Naming file, row, column and value of what cannot be used.
    """
    heads, results = (_read(folder, name) for name in TABLES)
    return heads, results


def _read(folder: Path, name: str) -> pd.DataFrame:
    path = folder / f"{name}.csv"
    if not path.exists():
        return pd.DataFrame(columns=_columns(name))
    return read_table(path, TABLES[name]).reset_index(drop=True)


def _columns(name: str) -> list[str]:
    return list(TABLES[name].columns)


def _printed(review: Review) -> pd.DataFrame:
    rows = review.published[review.published["kind"].isin(MAIN)].copy()
    rows["k"] = rows["comparisons"]
    rows["reconstructed"] = 0
    return rows


def _computed(review: Review) -> pd.DataFrame:
    rows = []
    for outcome in review.outcomes["outcome"]:
        for follow_up in review.follow_ups["follow_up"]:
            effects = study_effects(review, str(outcome), str(follow_up))
            if not effects.k:
                continue
            fit = effects.pool()
            # as a review prints them: ratios, not their logarithms
            ci = shown_interval(fit.ci, effects.measure)
            pi = shown_interval(fit.prediction_interval or (np.nan, np.nan), effects.measure)
            rows.append(
                {
                    "outcome": outcome,
                    "follow_up": follow_up,
                    "measure": effects.measure,
                    "k": fit.k,
                    "reconstructed": int(effects.reconstructed.sum()),
                    "estimate": shown(fit.estimate, effects.measure),
                    "ci_low": ci[0],
                    "ci_high": ci[1],
                    "pi_low": pi[0],
                    "pi_high": pi[1],
                }
            )
    columns = [c for c in _columns(RESULTS) if c not in ("version", "certainty")]
    return pd.DataFrame(rows, columns=columns)


def add_version(
    folder: Path,
    version: str,
    date: str,
    *,
    basis: str,
    status: str = "",
    note: str = "",
    again: bool = False,
) -> None:
    """Record the review in a folder as a version.

    Parameters
    ----------
    folder
        The data of the review.
    version, date, basis, status, note
        As `record_version` takes them.
    again
        Whether the newest version may be replaced by one of its name.

    Raises
    ------
    ReviewError
        If the version is recorded already, unless it is the newest and ``again`` says to record
        it anew.
    """
    head, results = record_version(
        load_review(folder), version, date, basis=basis, status=status, note=note
    )
    old_heads, old_results = read_versions(folder)
    if version in set(old_heads["version"]):
        if not again or old_heads["version"].iloc[-1] != version:
            raise ReviewError(f"version {version} is recorded; --again replaces the newest")
        old_heads = old_heads[old_heads["version"] != version]
        old_results = old_results[old_results["version"] != version]
    for name, old, new in (
        (VERSIONS, old_heads, head),
        (RESULTS, old_results, results),
    ):
        joined = new if old.empty else pd.concat([old, new], ignore_index=True)
        joined.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


def news(review: Review) -> WhatsNew | None:
    """Return what is new in the last recorded version, or nothing if none is recorded."""
    versions, results = read_versions(review.path)
    return None if versions.empty else whats_new(review, versions, results)


def whats_new(review: Review, versions: pd.DataFrame, results: pd.DataFrame) -> WhatsNew:
    """Compare the newest recorded version with the one before it, and with the data as they are.

    Parameters
    ----------
    review
        The review as it is.
    versions, results
        The records, in the order of release: the columns of ``record_version``.

    Returns
    -------
    WhatsNew

    Raises
    ------
    ReviewError
        If there is no version, or a column is missing, or a version stands twice.
    """
    for name, given in ((VERSIONS, versions), (RESULTS, results)):
        if missing := [c for c in _columns(name) if c not in given.columns]:
            raise ReviewError(f"{name}: missing columns {', '.join(missing)}")
    if versions.empty or versions["version"].duplicated().any():
        raise ReviewError("versions: none, or one of them twice")
    rows = versions.to_dict("records")
    now, before = rows[-1], (rows[-2] if len(rows) > 1 else None)
    trials = _trials(review, now, before)
    compared = _results(review, results, now, before)
    current = now["fingerprint"] == data_fingerprint(review)
    return WhatsNew(
        _summary(now, before, trials, compared, current),
        _status(now, before, results, current),
        trials,
        compared,
        _history(versions),
    )


Row = Mapping[object, object]


def _listed(row: Row | None) -> list[str]:
    return [] if row is None else [t.strip() for t in str(row["trials"]).split(";") if t.strip()]


def _trials(review: Review, now: Row, before: Row | None) -> pd.DataFrame:
    old, new = _listed(before), _listed(now)
    names = review.trial_names
    changes = [("added", t) for t in new if t not in old] if before is not None else []
    changes += [("removed", t) for t in old if t not in new]
    return pd.DataFrame(
        [(names.get(trial, trial), what) for what, trial in changes], columns=["Trial", "Change"]
    )


def _results(
    review: Review, results: pd.DataFrame, now: Row, before: Row | None
) -> pd.DataFrame:  # fmt: skip
    key = ["outcome", "follow_up"]
    new = results[results["version"] == now["version"]].set_index(key)
    old = results[results["version"] == (before or {}).get("version")].set_index(key)
    outcomes = review.outcomes.set_index("outcome")
    follow_ups = review.follow_ups.set_index("follow_up")["label"]
    rows = []
    for outcome in outcomes.index:
        for follow_up in follow_ups.index:
            here = (outcome, follow_up)
            if here not in new.index and here not in old.index:
                continue
            lower = bool(outcomes.loc[outcome, "lower_is_better"])
            # a positive effect favours the other side where lower is better
            names = review.info.short_names[:: 1 if lower else -1]
            told = [_told(t.loc[here], names) if here in t.index else None for t in (old, new)]
            rows.append(
                {
                    "Result": follow_ups[follow_up],
                    "Before": told[0][0] if told[0] else "",
                    "Now": told[1][0] if told[1] else "no longer pooled",
                    "Conclusion": _turned(*(t[1] if t else None for t in told)),
                    "outcome": outcomes.loc[outcome, "label"],
                }
            )
    return pd.DataFrame(rows, columns=["Result", "Before", "Now", "Conclusion", "outcome"])


def _told(row: pd.Series, names: Sequence[str]) -> tuple[str, str]:
    """Return a result in numbers, and which side its confidence interval favours."""
    measure = str(row["measure"])
    estimate, *limits = (pooled(float(row[name]), measure) for name in NUMBERS[:3])
    side = int(side_of(*limits))
    sides = {BELOW: f"favours {names[0]}", ABOVE: f"favours {names[1]}"}
    said = sides.get(side, "no clear difference")
    return fmt.effect_estimate(estimate, (limits[0], limits[1]), measure), said


def _turned(before: str | None, now: str | None) -> str:
    if before is None or now is None:
        return now or "no longer pooled"
    return f"{now}, as before" if now == before else f"{now}; before: {before}"


def _summary(
    now: Row, before: Row | None, trials: pd.DataFrame, results: pd.DataFrame, current: bool
) -> str:
    since = (
        "It is the first version."
        if before is None
        else f"Since version {before['version']}, {_counted(trials)}; {_changed(results)}."
    )
    data = (
        "The data are those of this version."
        if current
        else "The data have changed since this version was recorded; the next version will say how."
    )
    return f"Version {now['version']} of {now['date']}. {since} {data}"


def _counted(trials: pd.DataFrame) -> str:
    counts = trials["Change"].value_counts()
    parts = [
        f"{fmt.plural(int(counts[what]), 'trial', spelled=True)} "
        f"{'was' if counts[what] == 1 else 'were'} {what}"
        for what in ("added", "removed")
        if what in counts
    ]
    return fmt.listing(parts) or "no trial was added or removed"


def _changed(results: pd.DataFrame) -> str:
    changed = results[results["Conclusion"].str.contains("before: ", regex=False)]
    if changed.empty:
        return "no conclusion changed"
    names = [
        f"{fmt.inside_sentence(outcome)} ({fmt.inside_sentence(result)})"
        for outcome, result in zip(changed["outcome"], changed["Result"], strict=True)
    ]
    return f"what the confidence interval says changed for {fmt.listing(names)}"


def _status(now: Row, before: Row | None, results: pd.DataFrame, current: bool) -> pd.DataFrame:
    items = {
        "Version": "version",
        "Date": "date",
        "Status": "status",
        "Searched up to": "last_search",
        "Fingerprint of the data": "fingerprint",
        "Why this version": "note",
    }
    rows = [(item, _text(before, key), _text(now, key)) for item, key in items.items()]
    counts = (str(len(_listed(before))) if before else "", str(len(_listed(now))))
    rows.append(("Trials", *counts))
    rows.append(("Results are", _basis(before, results), _basis(now, results)))
    rows.append(("Data since then", "", "unchanged" if current else "changed"))
    return pd.DataFrame(rows, columns=["What", "Version before", "This version"])


def _text(row: Row | None, key: str) -> str:
    """Return a cell as text; what is absent is nothing."""
    value = None if row is None else row[key]
    return "" if value is None or value != value else str(value)  # a NaN differs from itself


def _basis(row: Row | None, results: pd.DataFrame) -> str:
    if row is None or row["basis"] == PRINTED:
        return "" if row is None else "as printed"
    here = results[results["version"] == row["version"]]
    known, total = int(here["reconstructed"].sum()), int(here["k"].sum())
    if not known:
        return "computed from reported effects"
    return f"computed; {known} of {total} effects are reconstructed, not reported"


def _history(versions: pd.DataFrame) -> pd.DataFrame:
    rows = versions.to_dict("records")[::-1]
    return pd.DataFrame(
        {
            "Version": [_text(row, "version") for row in rows],
            "Date": [_text(row, "date") for row in rows],
            "Searched up to": [_text(row, "last_search") for row in rows],
            "Trials": [str(len(_listed(row))) for row in rows],
            "Why": [_text(row, "note") for row in rows],
        }
    )
