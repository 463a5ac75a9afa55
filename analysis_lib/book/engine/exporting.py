"""A review in the files of other programs: RevMan, metafor and netmeta in R, reference managers.

What is written is text and numbers only; the one script, of R, is the same for every review and
reads them. Anybody can so compute our answers again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from pybtex.database import Entry, parse_file
from pybtex.richtext import Text

from analysis_lib.base.errors import ReviewError
from analysis_lib.base.unsafe import harmless
from analysis_lib.effects.columns import EffectSizes
from analysis_lib.effects.means import mean_difference, standardized_mean_difference
from analysis_lib.importing.search.store import FOLDER, Stored, read_answers, read_store
from analysis_lib.pooling.events import PooledEvents
from analysis_lib.pooling.pooled_dependent import PooledDependent
from analysis_lib.pooling.pooled_effect import PooledEffect
from analysis_lib.review.arm_names import TOGETHER
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.model import Review
from analysis_lib.review.possible import pooled_analyses

Row = dict[str, object]

SAME: Final = 1e-9  # relative; what is computed again from the same numbers is the same
OF_MEANS: Final[Mapping[str, Callable[..., EffectSizes]]] = {
    "MD": mean_difference,
    "SMD": standardized_mean_difference,
}
MEANS: Final = tuple(
    f"{side} {what}" for side in ("Experimental", "Control") for what in ("N", "mean", "SD")
)
REVMAN: Final = (
    *("Analysis group", "Analysis number", "Analysis name", "Subgroup", "Study", "Study year"),
    *("Experimental mean", "Experimental SD", "Experimental cases", "Experimental N"),
    *("Control mean", "Control SD", "Control cases", "Control N"),
    *("O-E", "Variance", "GIV Mean", "GIV SE"),
)


def export(review: Review, to: str, folder: Path) -> list[Path]:
    """Write a review in the form of another program.

    Parameters
    ----------
    review
        A review that was loaded.
    to
        ``"revman"``: the rows of its analyses, as RevMan Web names the columns. ``"csv"``: the
        comparisons in the contrast form that netmeta reads, and the pooled answers. ``"metafor"``:
        the same, with an R script that computes them again. ``"ris"``: the reports included and
        excluded, and the records of the searches with what the screeners said.
    folder
        Where to write; made if absent.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    ReviewError
        If the review holds nothing to write.
    """
    texts = FORMS[to](review)
    if not texts:
        raise ReviewError(f"{review.path.name}: nothing to export to {to} yet")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return [folder / name for name in texts]


# --- numbers --------------------------------------------------------------------------------------


def _csv(review: Review) -> dict[str, str]:
    comparisons, answers = list[Row](), list[Row]()
    for effects in pooled_analyses(review):
        comparisons += _comparisons(review, effects)
        answers.append(_answer(effects))
    if not answers:
        return {}
    tables = {"comparisons.csv": _table(comparisons), "analyses.csv": _table(answers)}
    covariances = [row for effects in pooled_analyses(review) for row in _covariances(effects)]
    return tables | ({"covariances.csv": _table(covariances)} if covariances else {})


def _covariances(effects: StudyEffects) -> Iterator[Row]:
    """Return how the sampling errors of comparisons go together, each pair once."""
    if effects.covariance is None:
        return
    for i, j in zip(*np.nonzero(np.tril(effects.covariance, -1)), strict=True):
        yield {
            "analysis": _key(effects),
            "study1": effects.labels[j],
            "study2": effects.labels[i],
            "covariance": float(effects.covariance[i, j]),
        }


def _metafor(review: Review) -> dict[str, str]:
    tables = _csv(review)
    if not tables:
        return {}
    script = files("analysis_lib.book.templates").joinpath("metafor.R").read_text(encoding="utf-8")
    return {**tables, "metafor.R": script}


def _comparisons(review: Review, effects: StudyEffects) -> Iterator[Row]:
    """Return the comparisons of an analysis, those that tell nothing of a ratio among them."""
    fit = effects.pool()
    own = dict(zip(fit.labels, zip(fit.effect, fit.variance, strict=True), strict=True))
    printed = {(row["trial"], row["arm"]): row["label_printed"] for row in _rows(review.arms)}

    def name(trial: str, arm: str) -> str:
        return TOGETHER.join(printed[trial, part] for part in arm.split(TOGETHER))

    for row in _rows(_known(effects)):
        effect, variance = own.get(row["label"], (np.nan, np.nan))
        yield {
            "analysis": _key(effects),
            "study": row["label"],
            "trial": row["trial"],
            "treat1": name(row["trial"], row["experimental_arm"]),
            "treat2": name(row["trial"], row["comparator_arm"]),
            "TE": float(effect),
            "seTE": float(np.sqrt(variance)),
            "measure": effects.measure,
            "event1": row.get("events_experimental"),
            "n1": row["n_experimental"],
            "event2": row.get("events_comparator"),
            "n2": row["n_comparator"],
            "provenance": row["provenance"],
            "source": row["source"],
        }


def _answer(effects: StudyEffects) -> Row:
    """Return the pooled answer of an analysis, on the scale of `TE`, and how it was computed."""
    fit = effects.pool()
    low, high = fit.prediction_interval or (np.nan, np.nan)
    return {
        "analysis": _key(effects),
        "outcome": effects.outcome,
        "follow_up": effects.follow_up,
        "measure": effects.measure,
        "pooled_by": _pooled_by(fit),
        **dict(fit.methods),
        "comparisons": fit.k,
        "estimate": fit.estimate,
        "ci_low": fit.ci[0],
        "ci_high": fit.ci[1],
        "tau2": np.nan if fit.tau2 is None else fit.tau2,
        "pi_low": low,
        "pi_high": high,
    }


def _pooled_by(fit: PooledEffect) -> str:
    if isinstance(fit, PooledDependent):
        return "multilevel"
    adds_counts = isinstance(fit, PooledEvents) and fit.model == "common"
    return fit.method if adds_counts and isinstance(fit, PooledEvents) else "inverse"


def _key(effects: StudyEffects) -> str:
    return f"{effects.outcome} {effects.follow_up}"


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _known(effects: StudyEffects) -> pd.DataFrame:
    if effects.silent is None:
        return effects.table
    return pd.concat([effects.table, effects.silent], ignore_index=True)


# --- RevMan ---------------------------------------------------------------------------------------


def _revman(review: Review) -> dict[str, str]:
    """Return the rows of every analysis: means or events where they tell all, effects otherwise."""
    numbers = {name: i for i, name in enumerate(review.outcomes["outcome"], start=1)}
    labels = dict(zip(review.outcomes["outcome"], review.outcomes["label"], strict=True))
    times = {name: i for i, name in enumerate(review.follow_ups["follow_up"], start=1)}
    years = dict(zip(review.trials["trial"], review.trials["year"], strict=True))
    rows = list[Row]()
    for effects in pooled_analyses(review):
        place: Row = {
            "Analysis group": numbers[effects.outcome],
            "Analysis number": times[effects.follow_up],
            "Analysis name": f"{labels[effects.outcome]}, {effects.follow_up}",
        }
        for trial, study, cells in _cells(review, effects):
            rows.append({**place, "Study": study, "Study year": years[trial], **cells})
    filled = [{name: row.get(name, "") for name in REVMAN} for row in rows]
    return {"revman.csv": _table(filled)} if rows else {}


def _cells(review: Review, effects: StudyEffects) -> Iterator[tuple[str, str, Row]]:
    """Return the trial, the name and the numbers of each comparison of an analysis.

    A name says so where an effect is not reported: RevMan has no other place for that. RevMan
    computes an analysis in one way; it gets counts or means only where they lead to the very
    effects of the review, not where an arm was shared or a scale changed.
    """
    known = _known(effects)
    counts = known.reindex(columns=["events_experimental", "events_comparator"])
    people = known[["n_experimental", "n_comparator"]].astype(float)
    numbers = pd.concat([counts, people], axis="columns")
    is_whole = effects.is_of_events and bool((numbers % 1 == 0).all(axis=None))
    means = _means(review, effects)
    if not is_whole:
        known = effects.table
    for i, row in enumerate(_rows(known)):
        if is_whole:
            cells: Row = {
                "Experimental cases": row["events_experimental"],
                "Experimental N": row["n_experimental"],
                "Control cases": row["events_comparator"],
                "Control N": row["n_comparator"],
            }
        elif means:
            cells = means[i]
        else:
            cells = {"GIV Mean": row["effect"], "GIV SE": float(np.sqrt(row["variance"]))}
        how = "" if row["provenance"] == "reported" else f" ({row['provenance']})"
        yield row["trial"], f"{row['label']}{how}", cells


def _means(review: Review, effects: StudyEffects) -> list[Row]:
    """Return means and SDs of every comparison, if they alone lead to its effect."""
    if effects.measure not in OF_MEANS:
        return []
    here = (review.arm_results["outcome"] == effects.outcome) & (
        review.arm_results["time"] == effects.follow_up
    )
    results = review.arm_results[here].set_index(["trial", "arm"])[["n", "mean", "sd"]]
    known = {arm: [float(x) for x in row] for arm, row in results.dropna().iterrows()}
    found = list[Row]()
    for row in _rows(effects.table):
        arms = [(row["trial"], row[f"{side}_arm"]) for side in ("experimental", "comparator")]
        if not all(arm in known for arm in arms):
            return []
        numbers = [*known[arms[0]], *known[arms[1]]]
        again = OF_MEANS[effects.measure](*numbers)
        ours, theirs = [row["effect"], row["variance"]], [again.effect[0], again.variance[0]]
        if not np.allclose(ours, theirs, rtol=SAME, atol=0):
            return []
        found.append(dict(zip(MEANS, numbers, strict=True)))
    return found


# --- references -----------------------------------------------------------------------------------


def _ris(review: Review) -> dict[str, str]:
    bibliography = review.path.parent / "book" / "references.bib"
    entries: Mapping[str, Entry] = parse_file(bibliography).entries if bibliography.exists() else {}
    included = [
        _of_report(row, entries, f"Included, {row['role']} report: {row['trial']}")
        for row in _rows(review.reports)
    ]
    excluded = [
        _of_report(row, entries, f"Excluded: {row['reason']}")
        for row in _rows(review.excluded_reports)
    ]
    answers = read_answers(review.path / FOLDER)
    records = [
        _of_record(stored, answers.get(stored.number, ()))
        for stored in read_store(review.path / FOLDER)
        if stored.decision != "duplicate"
    ]
    files_of = {"included.ris": included, "excluded.ris": excluded, "records.ris": records}
    return {name: "".join(found) for name, found in files_of.items() if found}


def _of_report(row: Mapping[str, Any], entries: Mapping[str, Entry], note: str) -> str:
    """Return a report as RIS: as the bibliography has it, or as far as the table tells."""
    entry = entries.get(row["citation"]) if isinstance(row["citation"], str) else None
    fields = {} if entry is None else {k: _plain(v) for k, v in entry.fields.items()}
    people = [] if entry is None else [_plain(str(p)) for p in entry.persons.get("author", ())]
    return _reference(
        {
            "TI": [fields.get("title") or row.get("title", "")],
            "AU": [name for name in people if name.casefold() != "others"] or [row["first_author"]],
            "PY": [str(row["year"])],
            "JO": [fields.get("journal", "")],
            "VL": [fields.get("volume", "")],
            "IS": [fields.get("number", "")],
            "SP": [fields.get("pages", "")],
            "DO": [fields.get("doi", "")],
            "N1": [note],
        }
    )


def _of_record(stored: Stored, answers: Sequence[str]) -> str:
    record = stored.record
    said = [f"Screened: {', '.join(answers)}"] if answers else []
    return _reference(
        {
            "TI": [record.title],
            "AU": [name.strip() for name in record.authors.split(";")],
            "PY": [str(record.year or "")],
            "JO": [record.journal],
            "VL": [record.volume],
            "IS": [record.issue],
            "SP": [record.pages],
            "DO": list(record.dois),
            "AN": [record.pmid],
            "N1": [f"Record {stored.number}, {stored.decision}", *said],
        }
    )


def _reference(fields: Mapping[str, Sequence[str]]) -> str:
    """Return one reference as RIS; a value is one line."""
    lines = ["TY  - JOUR"]
    for tag, values in fields.items():
        lines += [f"{tag}  - {' '.join(value.split())}" for value in values if value.strip()]
    return "\n".join([*lines, "ER  - ", "", ""])


def _plain(latex: str) -> str:
    return str(Text.from_latex(latex))


# --- text -----------------------------------------------------------------------------------------


def _table(rows: Sequence[Row]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return buffer.getvalue()


def _cell(value: object) -> str:
    """Return a number with all its digits, or text that no spreadsheet runs."""
    if isinstance(value, str):
        return harmless(value)
    if value is None or pd.isna(value):  # type: ignore[call-overload]  # a number or nothing
        return ""
    number = float(value)  # type: ignore[arg-type]  # what is left is a number
    return str(int(number)) if number.is_integer() else repr(number)


FORMS: Final[Mapping[str, Callable[[Review], dict[str, str]]]] = {
    "revman": _revman,
    "metafor": _metafor,
    "csv": _csv,
    "ris": _ris,
}
