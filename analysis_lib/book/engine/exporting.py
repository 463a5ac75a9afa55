"""A review in the files of other programs: RevMan, metafor and netmeta in R, reference managers.

What is written is text and numbers only; the one script, of R, is the same for every review and
reads them. Anybody can so compute our answers again.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from pybtex.database import Entry, parse_file
from pybtex.richtext import Text

from analysis_lib.base.errors import ReviewError, attempt
from analysis_lib.base.unsafe import harmless
from analysis_lib.effects.columns import EffectSizes
from analysis_lib.effects.means import mean_difference, standardized_mean_difference
from analysis_lib.importing.own_export import BESIDE, MARK, OF_ROW, OF_VALUES, VALUES
from analysis_lib.importing.search.store import FOLDER, Stored, read_answers, read_store
from analysis_lib.importing.texts import plain
from analysis_lib.pooling.events import PooledEvents
from analysis_lib.pooling.pooled_dependent import PooledDependent
from analysis_lib.pooling.pooled_effect import PooledEffect
from analysis_lib.review.arm_names import TOGETHER
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.designs import design_effects
from analysis_lib.review.known_effects import takes
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
        raise ReviewError(
            f"{review.path.name}: nothing to export to {to} yet; check says what is missing"
        )
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
    tables |= {"covariances.csv": _table(covariances)} if covariances else {}
    return {**tables, **_described(review, OF_COMPARISONS)}


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
    ours = own_columns(review, effects, _known(effects))
    own = dict(zip(fit.labels, zip(fit.effect, fit.variance, strict=True), strict=True))
    names = _arm_names(review)
    for row in _rows(_known(effects)):
        effect, variance = own.get(row["label"], (np.nan, np.nan))
        yield {
            "analysis": _key(effects),
            "study": row["label"],
            "trial": row["trial"],
            "treat1": _name(names, row["trial"], row["experimental_arm"]),
            "treat2": _name(names, row["trial"], row["comparator_arm"]),
            "TE": float(effect),
            "seTE": float(np.sqrt(variance)),
            "measure": effects.measure,
            "event1": row.get("events_experimental"),
            "n1": row["n_experimental"],
            "event2": row.get("events_comparator"),
            "n2": row["n_comparator"],
            "provenance": row["provenance"],
            "source": row["source"],
            **ours[row["label"]],
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


# --- what comes back ------------------------------------------------------------------------------

SIDES: Final = {"1": "experimental", "2": "comparator"}
#: What a result by arm holds, and the column of an export; and what both arms have to share.
OF_RESULT: Final[Mapping[str, str]] = {
    **{"n": "n", "events": "events", "person_time": "person time"},
    **{"mean": "mean", "sd": "sd"},
}
SHARED: Final[Mapping[str, str]] = {
    **{"scale_min": "Scale min", "scale_max": "Scale max", "instrument": "Instrument"},
    **{"higher_is_better": "Higher is better", "cluster_size": "Cluster size", "icc": "ICC"},
    **{"paired_correlation": "Paired correlation", "score": ""},
}


def own_columns(review: Review, effects: StudyEffects, known: pd.DataFrame) -> dict[str, Row]:
    """Return what the review has of each comparison that is written of an analysis, by its label.

    The results by arm as they are, before an arm was shared; or the effect, where it did not come
    from such results alone.
    """
    years = dict(zip(review.trials["trial"], review.trials["year"], strict=True))
    here = (review.arm_results["outcome"] == effects.outcome) & (
        review.arm_results["time"] == effects.follow_up
    )
    results = {(row["trial"], row["arm"]): row for row in _rows(review.arm_results[here])}
    else_known = _otherwise_known(review, effects)
    names = _arm_names(review)
    found: dict[str, Row] = {}
    for trial, rows in known.groupby("trial", sort=False):
        comparisons = _rows(rows)
        is_else = any((trial, r["experimental_arm"], r["comparator_arm"]) in else_known
                      for r in comparisons)  # fmt: skip
        arms = [] if is_else else _by_arm(comparisons, results, effects)
        for i, row in enumerate(comparisons):
            cells: Row = {
                "Outcome": effects.outcome,
                "Time": effects.follow_up,
                "Study": review.trial_names[str(trial)],
                "Year": years[trial],
                "Arm 1": _name(names, str(trial), row["experimental_arm"]),
                "Arm 2": _name(names, str(trial), row["comparator_arm"]),
                "Effect measure": effects.measure,
                "Own provenance": row["provenance"],
                "Own source": row["source"],
            }
            cells |= arms[i] if arms else _effect(row)
            found[row["label"]] = {f"{MARK}{name}": cells.get(name) for name in OF_ROW}
    return found


def _otherwise_known(review: Review, effects: StudyEffects) -> set[tuple[str, str, str]]:
    """Return the comparisons of an analysis that have an effect in a table of the review."""
    found = set()
    for table in (review.contrasts, review.reconstructed):
        here = (table["outcome"] == effects.outcome) & (table["follow_up"] == effects.follow_up)
        found |= {(row["trial"], row["experimental_arm"], row["comparator_arm"])
                  for row in _rows(table[here])}  # fmt: skip
    return found


def _arm_names(review: Review) -> dict[tuple[str, str], str]:
    """Return the name of each arm as printed, or its identifier where that is no name."""
    rows = _rows(review.arms)
    printed = {
        (row["trial"], row["arm"]): str(row["label_printed"])
        for row in rows
        if isinstance(row["label_printed"], str)
    }
    used = Counter((trial, plain(name)) for (trial, _), name in printed.items())
    return {
        (row["trial"], row["arm"]): name
        if (name := printed.get((row["trial"], row["arm"]), ""))
        and used[row["trial"], plain(name)] == 1
        else row["arm"]
        for row in rows
    }


def _name(names: Mapping[tuple[str, str], str], trial: str, arm: str) -> str:
    """Return the name of an arm, or of several that were combined."""
    return TOGETHER.join(names[trial, part] for part in arm.split(TOGETHER))


def _effect(row: Mapping[str, Any]) -> Row:
    """Return the effect of a comparison, with people where these are whole."""
    people = {f"n {i}": row[f"n_{side}"] for i, side in SIDES.items()}
    whole = {name: n for name, n in people.items() if not pd.isna(n) and float(n).is_integer()}
    if pd.isna(row["effect"]):
        return {}
    return {"TE": row["effect"], "seTE": float(np.sqrt(row["variance"])), **whole}


def _by_arm(
    rows: Sequence[Mapping[str, Any]],
    results: Mapping[tuple[str, str], Mapping[str, Any]],
    effects: StudyEffects,
) -> list[Row]:
    """Return the results by arm of the comparisons of a trial, if its effects came from them."""
    # Split, a shared arm lends each comparison a part of its people; modelled, all of them.
    is_split = effects.shared_arms == "split"
    uses = Counter((row["trial"], row[f"{side}_arm"]) for row in rows for side in SIDES.values())
    found = []
    for row in rows:
        arms = {side: results.get((row["trial"], row[f"{side}_arm"])) for side in SIDES.values()}
        cells: Row = {}
        for i, side in SIDES.items():
            arm, share = arms[side], uses[row["trial"], row[f"{side}_arm"]] if is_split else 1
            if arm is None or not _is_of(arm, row, side, share, effects.measure):
                return []
            change = "change " if arm["score"] == "change" else ""
            for name, column in OF_RESULT.items():
                cells[f"{change * (name in ('mean', 'sd'))}{column} {i}"] = arm[name]
            cells |= {f"Own {name} {i}": arm[name] for name in ("provenance", "source")}
        first, second = arms.values()
        if first is None or second is None or not all(_same(first[c], second[c]) for c in SHARED):
            return []
        cells |= {column: _word(first[name]) for name, column in SHARED.items() if column}
        found.append(cells)
    return found


def _is_of(
    arm: Mapping[str, Any], row: Mapping[str, Any], side: str, share: int, measure: str
) -> bool:
    """Say whether a comparison has this share of the people of an arm, and nothing else."""
    if any(pd.isna(arm[name]) for name in takes(measure)):
        return False
    clusters = design_effects(pd.Series([arm["cluster_size"]]), pd.Series([arm["icc"]]))
    n = float("nan") if pd.isna(arm["n"]) else float(arm["n"])
    lent = n / share / float(np.asarray(clusters)[0])
    return bool(np.isclose(lent, row[f"n_{side}"], rtol=SAME, atol=0, equal_nan=True))


def _same(one: object, other: object) -> bool:
    return bool(pd.isna(one) and pd.isna(other)) or one == other  # type: ignore[call-overload]


def _word(value: object) -> object:
    return ("no", "yes")[int(value)] if isinstance(value, bool | np.bool_) else value


def _described(review: Review, of_files: str) -> dict[str, str]:
    """Return the tables that say what was measured and when, and what each file holds."""
    tables = {
        f"{name}.csv": _table(
            [{k: _word(v) for k, v in row.items()} for row in _rows(getattr(review, name))]
        )
        for name in BESIDE
    }
    if len(review.moderators):
        tables["moderators.csv"] = _table(_rows(review.moderators))
        tables[VALUES] = _table(list(_moderator_values(review)))
    return {**tables, "README.md": f"{of_files}\n{README}"}


def _moderator_values(review: Review) -> Iterator[Row]:
    """Return the value of each moderator for each trial, or arm, that states it."""
    arms = _arm_names(review)
    for declared in _rows(review.moderators):
        name = declared["moderator"]
        for row in _rows(getattr(review, declared["table"])):
            arm = arms[row["trial"], row["arm"]] if "arm" in row else ""
            if not pd.isna(row[name]):
                values = review.trial_names[row["trial"]], arm, name, row[name]
                yield dict(zip(OF_VALUES, values, strict=True))


OF_COMPARISONS: Final = """\
comparisons.csv: a row a comparison of two arms in an analysis.

- analysis: outcome and follow-up, by their names in outcomes.csv and follow_ups.csv
- study, trial: the comparison, and the trial that it is of
- treat1, treat2: the two arms; effects are the first minus the second, or divided by it
- TE, seTE: the effect and its standard error, of ratios as natural logarithms; empty where a trial
  tells nothing of a ratio
- measure: such as MD (mean difference), SMD (standardised), OR, RR, RD, HR
- event1, n1, event2, n2: people with the event, and people; shared arms have a part of them
- provenance, source: whether the trial reports it, and where it stands

analyses.csv: a row a pooled answer, on the scale of TE.

- analysis, outcome, follow_up, measure: which one
- pooled_by: inverse variance, MH (Mantel-Haenszel) or Peto, or a model of dependent effects
- tau2_method, ci_method, pi_method, level: the methods by which it was pooled
- comparisons: how many were pooled
- estimate, ci_low, ci_high: the answer with its confidence interval
- tau2, pi_low, pi_high: the variance between studies, and the prediction interval

covariances.csv, if it is there: how the sampling errors of two comparisons go together (analysis,
study1, study2, covariance). metafor.R, if it is there, computes every answer again.
"""


OF_REVMAN: Final = """\
revman.csv: a row a study in an analysis, in the columns of RevMan Web; means, events, or an effect
(GIV Mean) with its standard error (GIV SE), of ratios as natural logarithms. Analysis group counts
the rows of outcomes.csv, Analysis number those of follow_ups.csv.
"""


README: Final = """\
outcomes.csv, follow_ups.csv: what was measured and when, by the names that the other files use.
moderators.csv with its values, if they are there: what may explain differences between trials.

The columns that begin with "review" bring the results back: import this file into a new review,
with outcomes.csv and follow_ups.csv beside it. What these files do not hold: results at baseline
and of single groups, what did not enter an analysis, where two arms of a trial differ in their
instrument, its scale or its clusters, or where arms were combined (then the effect is written in
place of the arms), printed intervals, risk of bias, searches and the texts of the review, and the
methods of review.toml.
"""


README_OF_RECORDS: Final = """\
References and nothing else: import them as the export of a search. RIS has no place for results,
for which report belongs to which trial, or for the two people who screened; a note (N1) says in
words whether a report was included, or why it was excluded.
"""


# --- RevMan ---------------------------------------------------------------------------------------


def _revman(review: Review) -> dict[str, str]:
    """Return the rows of every analysis: means or events where they tell all, effects otherwise."""
    numbers = {name: i for i, name in enumerate(review.outcomes["outcome"], start=1)}
    labels = dict(zip(review.outcomes["outcome"], review.outcomes["label"], strict=True))
    times = {name: i for i, name in enumerate(review.follow_ups["follow_up"], start=1)}
    years = dict(zip(review.trials["trial"], review.trials["year"], strict=True))
    rows = list[Row]()
    for effects in pooled_analyses(review):
        known = _known(effects) if _is_whole(effects) else effects.table
        ours = own_columns(review, effects, known)
        place: Row = {
            "Analysis group": numbers[effects.outcome],
            "Analysis number": times[effects.follow_up],
            "Analysis name": f"{labels[effects.outcome]}, {effects.follow_up}",
        }
        for trial, label, how, cells in _cells(review, effects):
            head = {"Study": f"{label}{how}", "Study year": years[trial]}
            rows.append({**place, **head, **cells, **ours[label]})
    columns = (*REVMAN, *(f"{MARK}{name}" for name in OF_ROW))
    filled = [{name: row.get(name, "") for name in columns} for row in rows]
    return {"revman.csv": _table(filled), **_described(review, OF_REVMAN)} if rows else {}


def _cells(review: Review, effects: StudyEffects) -> Iterator[tuple[str, str, str, Row]]:
    """Return the trial, the name, how it is known and the numbers of each comparison.

    A name says so where an effect is not reported: RevMan has no other place for that. RevMan
    computes an analysis in one way; it gets counts or means only where they lead to the very
    effects of the review, not where an arm was shared or a scale changed.
    """
    is_whole = _is_whole(effects)
    known = _known(effects) if is_whole else effects.table
    means = _means(review, effects)
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
        yield row["trial"], row["label"], how, cells


def _is_whole(effects: StudyEffects) -> bool:
    """Say whether an analysis is one of events that are whole numbers, as RevMan needs them."""
    if not effects.is_of_events:
        return False
    known = _known(effects)
    counts = known[["events_experimental", "events_comparator", "n_experimental", "n_comparator"]]
    return bool((counts.astype(float) % 1 == 0).all(axis=None))


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
        again = attempt(OF_MEANS[effects.measure], *numbers)
        if isinstance(again, ReviewError):
            return []
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
    texts = {name: "".join(found) for name, found in files_of.items() if found}
    return {**texts, "README.md": README_OF_RECORDS} if texts else {}


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
