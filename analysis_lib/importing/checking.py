"""What a reviewer is told about a folder: what is wrong, what is there, what is still missing."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from analysis_lib.base.errors import ReviewError, attempt
from analysis_lib.base.formatting import effect_estimate, listing, plural
from analysis_lib.base.measures import RATIO_MEASURES
from analysis_lib.effects.lopsided import off_centre, uneven_words
from analysis_lib.importing.filling import read_table
from analysis_lib.importing.new_review import INTRO_PROMPT, TEMPLATE
from analysis_lib.importing.search.store import FOLDER, read_store
from analysis_lib.importing.watching.state import last_search
from analysis_lib.review.baseline import BASELINE
from analysis_lib.review.comparisons import OF_COUNTS, StudyEffects
from analysis_lib.review.directions import odd_one_out
from analysis_lib.review.event_ways import (
    METHOD_WORDS,
    MODEL_WORDS,
    event_ways,
    pooled_by,
    rare_events,
)
from analysis_lib.review.extraction import extraction_agreement
from analysis_lib.review.found import FILE, is_doubt, read_found
from analysis_lib.review.info import OF_EVENTS
from analysis_lib.review.known_effects import TELLS_NOTHING
from analysis_lib.review.model import Review, data_folder, load_review
from analysis_lib.review.open_questions import open_questions
from analysis_lib.review.possible import analyses
from analysis_lib.review.risk_of_bias import milder_than_domains
from analysis_lib.review.shared_arms import arms_listed_twice
from analysis_lib.review.spreads import doubtful_spreads
from analysis_lib.review.subgroups import levels_by_factor

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
PLURALS = {"result by arm": "results by arm"}
#: What nobody but the reviewer can write.
OWN_WORDS = ("title", "authors", "question", "experimental", "comparator", "short_names")


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
    folder = data_folder(path)
    try:
        return check_review(load_review(folder))
    except ReviewError as error:
        raise ReviewError(f"{error}{what_comes_first(folder)}") from None


def what_comes_first(folder: Path) -> str:
    """Say how the tables are filled that a review begins with, while some of them are empty."""
    steps = {
        "outcomes": "Describe what was measured in outcomes.csv, a row an outcome.",
        "follow_ups": "Describe when it was measured in follow_ups.csv, a row a follow-up.",
        "trials": "Trials, arms and results come by import: import SHEET --to "
        f"{folder.parent if folder.name == 'data' else folder}",
    }
    tables = {name: attempt(read_table, folder, name, ()) for name in steps}
    empty = [
        steps[name]
        for name, table in tables.items()
        if not isinstance(table, ReviewError) and not table.rows
    ]
    return "".join(f"\n{told}" for told in ("What comes next:", *empty) if empty)


def check_review(review: Review) -> list[str]:
    """Say what a review that was loaded holds and what it lacks, as `check_folder` does."""
    known, impossible = _analyses(review)
    counts = {
        "trial": len(review.trials),
        "arm": len(review.arms),
        "result by arm": len(review.arm_results),
        "printed difference": len(review.contrasts),
    }
    return [
        f"{review.info.title}",
        ", ".join(plural(n, what, PLURALS.get(what)) for what, n in counts.items() if n) + ".",
        *_untouched(review),
        _methods(review),
        *_told_analyses(review, known),
        *impossible,
        *_not_begun(known, impossible),
        *_undivided(review, known),
        *_without_results(review),
        *_missing_numbers(review),
        *_shared(review, known),
        *_turned_round(review, known),
        *_open_questions(review, known),
        *_rare(review, known),
        *(f"Standard deviation or standard error? {one}." for one in doubtful_spreads(review)),
        *_uneven(review),
        *_against_the_rule(review),
        *_extraction(review),
        *_watched(review),
        *_counted(review),
        *_empty_tables(review),
    ]


def _untouched(review: Review) -> Iterator[str]:
    """Name the texts that are still those of the template of a new review."""
    template = tomllib.loads((TEMPLATE / "data" / "review.toml").read_text(encoding="utf-8"))
    left = [name for name in OWN_WORDS if _as_list(getattr(review.info, name)) == template[name]]
    if left:
        yield f"review.toml still has the words of the template: {listing(left)}."
    intro = review.path.parent / "book" / "intro.md"
    if intro.is_file() and INTRO_PROMPT in intro.read_text(encoding="utf-8", errors="replace"):
        yield "book/intro.md still asks what you found: write it there."


def _counted(review: Review) -> Iterator[str]:
    """Say when the flow diagram was counted before records were imported or merged."""
    stored = read_store(review.path / FOLDER)
    boxes = review.selection.set_index("box")
    own = boxes["source"].eq(f"data/{FOLDER}") if len(boxes) else boxes["count"]
    now = {
        "records_identified": len(stored),
        "duplicates_removed": sum(one.decision == "duplicate" for one in stored),
    }
    for box, n in now.items():
        if box in own.index and own[box] and int(boxes["count"][box]) != n:
            told = f"selection.csv counts {int(boxes['count'][box])} in {box!r}, but now it is {n}"
            yield f"{told}: count the flow diagram again with selection."


def _methods(review: Review) -> str:
    named = [f"{name} {value}" for name, value in dict(review.info.methods).items()]
    if review.outcomes["measure"].isin(OF_COUNTS).any():
        named += [f"{name} {getattr(review.info.events, name)}" for name in OF_EVENTS]
    if review.info.shared_arms != "split":
        named.append(f"shared_arms {review.info.shared_arms}")
    return f"Pooled by {listing(named)}: review.toml, [methods], or its default."


def _as_list(words: str | tuple[str, ...]) -> str | list[str]:
    return words if isinstance(words, str) else list(words)


def _analyses(review: Review) -> tuple[list[StudyEffects], list[str]]:
    """Return the effects of every analysis, and why an analysis cannot be computed."""
    known, impossible = [], []
    for outcome, follow_up, found in analyses(review):
        if isinstance(found, ReviewError):
            name = _name(review, outcome, follow_up)
            impossible.append(f"Cannot be computed: {name}: {found}.")
        else:
            known.append(found)
    return known, impossible


def _name(review: Review, outcome: str, follow_up: str) -> str:
    labels = dict(zip(review.outcomes["outcome"], review.outcomes["label"], strict=True))
    return f"{labels[outcome]}, {follow_up}"


def _told_analyses(review: Review, known: list[StudyEffects]) -> Iterator[str]:
    for effects in known:
        name = _name(review, effects.outcome, effects.follow_up)
        if effects.k:
            yield f"Can be pooled: {name}, {plural(effects.k, 'comparison')}."
        if effects.silent is not None:
            silent = listing(effects.silent["label"].tolist())
            yield f"Left out of {name}: {silent}: {TELLS_NOTHING}."
        if unknown := [told for told in effects.unknown if not told.endswith(TELLS_NOTHING)]:
            yield f"Cannot be used yet in {name}: {listing(unknown)}."


def _not_begun(known: list[StudyEffects], impossible: list[str]) -> Iterator[str]:
    """Say which tables are to be filled, if it is that which is missing."""
    if not impossible and not any(effects.k for effects in known):
        yield "Nothing can be pooled yet: fill arm_results.csv (n, mean, sd) or contrasts.csv."


def _undivided(review: Review, known: list[StudyEffects]) -> Iterator[str]:
    """Say which analyses cannot be divided into the subgroups that the review names."""
    for effects in known:
        found = attempt(levels_by_factor, review, effects)
        if isinstance(found, ReviewError):
            name = _name(review, effects.outcome, effects.follow_up)
            yield f"Cannot be divided into subgroups: {name}: {found}."


def _without_results(review: Review) -> Iterator[str]:
    known = {*_after_baseline(review)["trial"], *review.contrasts["trial"]}
    absent = review.trials[~review.trials["trial"].isin(known)]
    if len(absent):
        yield f"Without a result of their own after baseline: {listing(list(absent['label']))}."


def _after_baseline(review: Review) -> pd.DataFrame:
    return review.arm_results[review.arm_results["time"] != BASELINE]


def _missing_numbers(review: Review) -> Iterator[str]:
    table = _after_baseline(review)
    for column, told in (("n", "number of people"), ("sd", "standard deviation")):
        lacking = int((table[column].isna() & table["mean"].notna()).sum())
        if lacking:
            yield f"arm_results.csv: {plural(lacking, 'mean')} without a {told}."
    alone = int(((table["n"] == 1) & table["mean"].notna()).sum())  # events of one person can
    if alone:
        yield f"arm_results.csv: {plural(alone, 'arm')} of one person cannot enter a pooling."


def _shared(review: Review, known: list[StudyEffects]) -> Iterator[str]:
    for effects in known:
        for arm in arms_listed_twice(review, effects):
            yield (
                f"Counted more than once? {_name(review, effects.outcome, effects.follow_up)}: "
                f"{arm}. If they are one arm, give it one name in arms.csv, and its people are "
                "shared between the comparisons."
            )


def _turned_round(review: Review, known: list[StudyEffects]) -> Iterator[str]:
    for effects in known:
        trial = odd_one_out(effects)
        if trial is not None:
            name = _name(review, effects.outcome, effects.follow_up)
            yield (
                f"{name}: {review.trial_names[trial]} alone has a clear effect on the other side. "
                "See whether its instrument counts in the same direction as the others."
            )


def _open_questions(review: Review, known: list[StudyEffects]) -> Iterator[str]:
    for effects in known:
        for question in open_questions(review, effects):
            yield f"{_name(review, effects.outcome, effects.follow_up)}: {question}."


def _rare(review: Review, known: list[StudyEffects]) -> Iterator[str]:
    """Warn of rare events, and show the methods of pooling them beside each other."""
    for effects in known:
        told = rare_events(effects)
        if told is not None:
            fits = [(way, pooled_by(effects, way)) for way in event_ways(effects)]
            ways = [
                f"{METHOD_WORDS[way.event_method]}, {MODEL_WORDS[way.model]} "
                f"{effect_estimate(fit.estimate, fit.ci, effects.measure)}"
                for way, fit in fits
                if way.double_zeros == "drop" and not isinstance(fit, ReviewError)
            ]
            name = _name(review, effects.outcome, effects.follow_up)
            yield f"{name}: {told} {effects.measure} by {'; '.join(ways)}."


def _uneven(review: Review) -> Iterator[str]:
    """Warn of printed effects that do not stand in the middle of their intervals."""
    printed = review.contrasts.dropna(subset=["estimate", "ci_low", "ci_high"])
    printed = printed[printed["provenance"] != "reconstructed"]
    for row in printed.to_dict("records"):
        limits = row["estimate"], row["ci_low"], row["ci_high"]
        middle = off_centre(*limits, log=row["measure"] in RATIO_MEASURES)
        if middle is not None:
            numbers = "{} {:g} ({:g} to {:g})".format(row["measure"], *limits)
            name = _name(review, row["outcome"], row["follow_up"])
            place = f"{review.trial_names[row['trial']]}, {name} ({row['source']})"
            yield f"contrasts.csv, {place}: {uneven_words(numbers, middle)}."


def _against_the_rule(review: Review) -> Iterator[str]:
    for told in milder_than_domains(review.risk_of_bias, review.trial_names):
        yield f"risk_of_bias.csv: {told}."


def _extraction(review: Review) -> Iterator[str]:
    agreement = extraction_agreement(review.path)
    if agreement is not None:
        yield str(agreement)


def _watched(review: Review) -> Iterator[str]:
    """Say when it was searched last, what waits for a decision, and which reports are in doubt."""
    yield last_search(review).sentence(datetime.date.today())
    rows = read_found(review.path)
    waiting = sum(row["kind"] != "notice" and not row["decision"] for row in rows)
    if waiting:
        yield f"{FILE}: {plural(waiting, 'row')} without a decision of people."
    for row in rows:
        if is_doubt(row):
            name = review.trial_names.get(row["trial"], row["title"])
            yield f"In doubt: {name}: {row['words']} ({row['doi'] or 'no DOI'})."


def _empty_tables(review: Review) -> Iterator[str]:
    for name, shown in NEEDED_FOR.items():
        table: pd.DataFrame = getattr(review, name)
        if table.empty:
            yield f"{name}.csv is empty: the book cannot show {shown}."
