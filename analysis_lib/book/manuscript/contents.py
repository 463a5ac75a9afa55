"""What stands in a manuscript: every section from the functions that show it in the book.

Of a review of a publication the results are those that it prints. What is reconstructed is in none
of its results, and a forest plot is drawn only where all of its effects are reported.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pandas as pd

from analysis_lib.base import formatting as fmt
from analysis_lib.base.measures import MEASURE_WORDS
from analysis_lib.book.engine.archive import PROJECT
from analysis_lib.book.engine.checklist import rows_of
from analysis_lib.book.engine.citing import version_words
from analysis_lib.book.manuscript import blocks
from analysis_lib.book.manuscript.draft import Draft
from analysis_lib.book.page import Figure, Table, prose
from analysis_lib.book.sections import as_printed, chapters, findings, found, grading
from analysis_lib.book.sections.analyses import axis_unit, draw_forest, heading, name_of
from analysis_lib.book.sections.answers import Answer, answers, harms, has_printed, verdict
from analysis_lib.book.sections.results import printed_text
from analysis_lib.book.sections.with_r import comparison_told, read_comparison
from analysis_lib.book.sentences import CI_WORDS, PI_WORDS, TAU2_WORDS
from analysis_lib.conclusions.versions import data_fingerprint, read_versions
from analysis_lib.importing.search.store import (
    EXPORTS,
    FOLDER,
    read_answers,
    read_store,
    read_table,
)
from analysis_lib.importing.watching.queries import FILE, read_searches
from analysis_lib.importing.watching.state import last_search
from analysis_lib.pooling.methods import Methods
from analysis_lib.review.comparisons import OF_COUNTS, StudyEffects
from analysis_lib.review.extraction import extraction_agreement
from analysis_lib.review.found import read_found
from analysis_lib.review.instruments import used_instruments
from analysis_lib.review.model import Review
from analysis_lib.review.possible import analyses
from analysis_lib.review.risk_of_bias import ALL_OUTCOMES, judgements

#: Works that describe a method, by its name in review.toml; keys of the library's bibliography.
WORKS: Final[Mapping[str, tuple[str, ...]]] = {
    "REML": ("viechtbauer2005",),
    "ML": ("viechtbauer2005",),
    "HE": ("viechtbauer2005",),
    "HS": ("viechtbauer2005",),
    "DL": ("dersimonian1986",),
    "PM": ("paule1982",),
    "EB": ("morris1983",),
    "SJ": ("sidik2005",),
    "HK": ("hartung2001",),
    "HK-adhoc": ("knapp2003", "rover2015"),
    "HTS": ("higgins2009",),
    "HK-PR": ("partlett2017",),
}
#: How events are pooled by method and model; with varying effects the trials' own are weighted.
EVENT_WORDS: Final[Mapping[tuple[str, str], str]] = {
    ("MH", "common"): "the Mantel-Haenszel method in a common-effect model",
    ("Peto", "common"): "Peto's method in a common-effect model",
    ("inverse", "common"): "inverse variance in a common-effect model",
    ("MH", "random"): "inverse variance in a random-effects model",
    ("Peto", "random"): "inverse variance, as odds ratios of Peto, in a random-effects model",
    ("inverse", "random"): "inverse variance in a random-effects model",
}
#: What Review Manager 5 calls "M-H, Random".
AROUND_MH: Final = (
    "; Q and the variance between studies were taken around the Mantel-Haenszel estimate, as in "
    "Review Manager 5"
)


def write(draft: Draft) -> None:
    """Write the whole manuscript."""
    for part in (_title, _abstract, _introduction, _methods, _results, _discussion, _other):
        part(draft)
    draft.head(1, "References", "references")
    draft.add(blocks.references())
    _appendices(draft)


# --- before the text ------------------------------------------------------------------------------


def _title(draft: Draft) -> None:
    info = draft.review.info
    draft.head(2, "About this manuscript", "title-page")
    draft.ask("affiliation and ORCID of each author; if need be, the order of authors")
    if info.contact:
        draft.write(prose("**Corresponding author.** {contact}", contact=info.contact))
    else:
        draft.ask("name, postal address and e-mail of the corresponding author")
    draft.write(prose("**Registration.** {told}.", told=_registration(draft.review)))
    draft.ask("short title, key words, number of words")
    draft.write(
        prose(
            "All numbers, tables and figures are written by a program from the data of the review "
            "({version}). What is marked in yellow only people can write.",
            version=_version(draft.review),
        )
    )
    if has_printed(draft.review):
        draft.write(
            prose(
                "The results are those that the publication prints. Effects of single trials that "
                "can only be reconstructed from them are not part of any result here."
            ),
            *_of_publication(draft.review),
        )


def _registration(review: Review) -> str:
    return fmt.capitalised(review.info.registration.rstrip("."))


def _version(review: Review) -> str:
    versions, _ = read_versions(review.path)
    newest = None if versions.empty else {str(k): v for k, v in versions.iloc[-1].items()}
    return version_words(newest, data_fingerprint(review))


def _of_publication(review: Review) -> tuple[str, ...]:
    """Return the work whose results are told, if its bibliography has it."""
    return (review.info.citation,) if has_printed(review) else ()


def _abstract(draft: Draft) -> None:
    """Write the abstract: the items of PRISMA 2020 for abstracts, in their order."""
    review = draft.review
    draft.head(1, "Abstract", "abstract")
    draft.ask("background, in a sentence")
    draft.write(prose("**Objective.** {question}", question=review.info.question))
    draft.write(prose("**Eligibility criteria.** {told}", told=_criteria_in_short(review)))
    draft.write(prose("**Information sources.** {told}", told=_sources_in_short(review)))
    draft.write(prose("**Risk of bias.** {told}", told=_instruments(review)))
    draft.write(prose("**Synthesis of results.** {told}", told=plan(review)))
    draft.write(prose("**Included studies.** {told}", told=_included(review)))
    told = (verdict(review), _digits(review), found.doubts(review, "Study selection"))
    draft.write(prose("**Results.** {told}", told=" ".join(filter(None, told))))
    draft.write(prose("**Harms.** {told}", told=harms(review)))
    draft.ask("limitations of the evidence")
    draft.ask("interpretation: what the results mean")
    draft.ask("funding")
    draft.write(prose("**Registration.** {told}.", told=_registration(review)))


def _criteria_in_short(review: Review) -> str:
    wanted = review.criteria[review.criteria["rule"] == "include"]["text"]
    told = " ".join(fmt.sentence(str(one)) for one in wanted)
    return told or "No criterion is recorded."


def _sources_in_short(review: Review) -> str:
    names = review.sources[review.sources["kind"] != "citation search"]["name"]
    months = review.searches["date"]
    told = fmt.listing(list(dict.fromkeys(names.astype("str")))) or "No source is recorded"
    return f"{told}, last searched in {max(months)}." if len(months) else f"{told}."


def _instruments(review: Review) -> str:
    names = [one.name for one in used_instruments(review.risk_of_bias)]
    if review.risk_of_bias.empty or not names:
        return "No judgement of the risk of bias is recorded."
    return f"Risk of bias was judged with {fmt.listing(names)}."


def plan(review: Review) -> str:
    """Say how effects are pooled, as ``review.toml`` has it and the results follow."""
    counted = review.outcomes[review.outcomes["measure"].isin(OF_COUNTS)]
    ways: dict[str, list[str]] = {}
    for name, label in zip(counted["outcome"], counted["label"], strict=True):
        ways.setdefault(_plan_of_events(review, name), []).append(label)
    told = [_plan_of_effects(review.info.methods)] * _pools_effects(review)
    for way, labels in ways.items():
        of = "Events" if len(ways) == 1 else f"Events of {fmt.listing(labels)}"
        told.append(f"{of} were pooled by {way}")
    return f"{'. '.join(told)}."


def _pools_effects(review: Review) -> bool:
    """Whether any result is pooled from the trials' own effects with ``[methods]``."""
    return any(
        measure not in OF_COUNTS or review.info.events_of(outcome).model == "random"
        for outcome, measure in zip(
            review.outcomes["outcome"], review.outcomes["measure"], strict=True
        )
    )


def _plan_of_events(review: Review, outcome: str) -> str:
    events = review.info.events_of(outcome)
    way = events.event_method, events.model
    is_around = way == ("MH", "random") and review.info.methods.tau2_method == "DL"
    return f"{EVENT_WORDS[way]}{AROUND_MH * is_around}"


def _plan_of_effects(methods: Methods) -> str:
    level = fmt.percent(methods.level)
    if methods.tau2_method == "FE":
        told = "Effects were pooled by inverse variance in a common-effect model"
    else:
        told = (
            "Effects were pooled by inverse variance in a random-effects model; the variance "
            f"between studies was estimated by {TAU2_WORDS[methods.tau2_method]}"
        )
    told += f"; the {level} confidence interval {CI_WORDS[methods.ci_method]}"
    if methods.tau2_method != "FE":
        told += f"; {level} prediction intervals were computed {PI_WORDS[methods.pi_method]}"
    return told


def _included(review: Review) -> str:
    stated = review.info.participants.total
    people = stated if stated is not None else review.arms["n"].sum()
    trials = fmt.plural(len(review.trials), "trial")
    told = f"{trials} with {fmt.count(float(people))} people" if people else trials
    return f"{fmt.capitalised(told)}."


def _digits(review: Review) -> str:
    """Return each result of the primary outcomes in digits."""
    primary = set(review.outcomes.loc[review.outcomes["priority"] == "primary", "outcome"])
    told = [_one(answer) for answer in answers(review) if answer.key[0] in primary]
    return f"{fmt.capitalised('; '.join(told))}." if told else ""


def _one(answer: Answer) -> str:
    measure = answer.asked.measure
    level = "95% CI"
    interval = fmt.effect_interval(answer.ci, measure)
    effect = answer.asked.with_unit(fmt.effect(answer.estimate, measure))
    certainty = f"; {answer.certainty} certainty" if answer.certainty else ""
    return (
        f"{answer.asked.outcome}, {answer.when}: {MEASURE_WORDS[measure]} {effect} ({level} "
        f"{interval}; trials: {answer.trials}; people: {answer.people}{certainty})"
    )


def _introduction(draft: Draft) -> None:
    draft.head(1, "Introduction", "introduction")
    draft.head(2, "Rationale", "rationale")
    draft.ask("why the review was needed, in the light of what was known")
    draft.head(2, "Objectives", "objectives")
    draft.write(prose("{question}", question=draft.review.info.question))


# --- methods --------------------------------------------------------------------------------------


def _methods(draft: Draft) -> None:
    review = draft.review
    draft.head(1, "Methods", "methods")
    draft.write(prose("This report follows PRISMA 2020; the checklist is the last appendix."),
                "page2021")  # fmt: skip
    draft.head(2, "Registration and protocol", "protocol")
    draft.write(prose("Registration: {told}.", told=review.info.registration))
    draft.ask("where the protocol can be read, and what was changed since")
    draft.head(2, "Eligibility criteria", "criteria")
    draft.show_or_ask("criteria", chapters.show_criteria, "which studies were eligible")
    draft.write(prose("Results were grouped by follow-up: {times}.",
                      times="; ".join(review.follow_ups["label"].astype("str"))))  # fmt: skip
    draft.head(2, "Information sources", "sources")
    wanted = "every database, register and other source, and the day it was last searched"
    draft.show_or_ask("sources", chapters.show_sources, wanted)
    draft.write(prose("{told}", told=last_search(review).sentence()))
    draft.head(2, "Search strategy", "search")
    draft.write(prose("What is kept of the searches stands in Appendix A."))
    draft.head(2, "Selection process", "selection-process")
    _write_selection_process(draft)
    draft.head(2, "Data collection process", "collection")
    agreement = extraction_agreement(review.path)
    if agreement is None:
        draft.ask("how many people collected data from each report, and whether independently")
    else:
        draft.write(prose("{told}", told=str(agreement)))
    draft.head(2, "Data items", "items")
    draft.table(_outcomes(review))
    draft.head(2, "Study risk of bias assessment", "bias-methods")
    draft.write(prose("{told}", told=_instruments(review)),
                *["sterne2019"] * _is_rob2(review))  # fmt: skip
    rule = review.info.risk_of_bias.concerns_for_high
    if rule is not None:
        draft.write(
            prose(
                "From {domains} with some concerns the overall risk of bias was rated high.",
                domains=fmt.plural(rule, "domain", spelled=True),
            )
        )
    draft.ask("how many people judged each study, and whether independently")
    draft.head(2, "Synthesis methods", "synthesis-methods")
    _write_synthesis(draft)
    draft.head(2, "Reporting bias assessment", "reporting-methods")
    if has_printed(review):
        draft.ask("how bias from missing results was assessed")
    else:
        draft.write(
            prose(
                "Funnel plots, Egger's test and trim-and-fill were looked at, and read from ten "
                "comparisons on."
            ),
            *("egger1997", "duval2000"),
        )
    draft.head(2, "Certainty assessment", "certainty-methods")
    if review.certainty.empty:
        draft.ask("how the certainty of the evidence was assessed")
    else:
        draft.write(prose("The certainty of each result was rated by GRADE."))


def _is_rob2(review: Review) -> bool:
    return not review.risk_of_bias.empty and any(
        one.name == "RoB 2" for one in used_instruments(review.risk_of_bias)
    )


def _write_selection_process(draft: Draft) -> None:
    said = read_answers(draft.review.path / FOLDER)
    twice = sum(len(words) > 1 for words in said.values())
    if said:
        draft.write(
            prose(
                "{n} were screened, {twice} of them by two people.",
                n=fmt.capitalised(fmt.plural(len(said), "record")),
                twice=fmt.count(twice),
            )
        )
    draft.ask("how many people screened each record and report, independently or not; tools used")


def _outcomes(review: Review) -> Table:
    rows = [
        {
            "Outcome": row["label"],
            "Priority": row["priority"],
            "Measure": MEASURE_WORDS.get(str(row["measure"]), str(row["measure"])),
            "Unit and scale": axis_unit(review, str(row["outcome"])),
            "Better": "lower" if row["lower_is_better"] else "higher",
            "Smallest important difference": fmt.threshold(row["mid"]) if pd.notna(row["mid"])
            else "not set",
        }
        for row in review.outcomes.to_dict("records")
    ]  # fmt: skip
    return Table(pd.DataFrame(rows), "Outcomes and effect measures")


def _write_synthesis(draft: Draft) -> None:
    review, methods = draft.review, draft.review.info.methods
    chosen = (methods.tau2_method, methods.ci_method, methods.pi_method)
    works = [key for name in chosen for key in WORKS.get(name, ())] * _pools_effects(review)
    if review.outcomes["measure"].isin(OF_COUNTS).any():
        works.append("higgins2024")
    sides = {"first": review.info.experimental, "second": review.info.comparator}
    draft.write(prose("Effects are {first} against {second}. {plan}", plan=plan(review), **sides),
                *dict.fromkeys(works))  # fmt: skip
    if has_printed(review):
        draft.write(
            prose(
                "These are the methods that the publication states. The text below tells its "
                "results with the digits that it prints; nothing is pooled anew."
            ),
            *_of_publication(review),
        )
    else:
        draft.write(
            prose(
                "Heterogeneity is told by τ², I² and the prediction interval; how each result was "
                "computed stands with it. Primary results were computed again by subgroups, "
                "without each trial, and with other estimators and intervals."
            ),
            "higgins2002",
        )
        if read_comparison(review):
            draft.write(prose("{told}", told=comparison_told(review)))
        else:
            draft.ask("whether another program computes the same results, and which")
    draft.write(
        prose(
            "Software: analysis_lib {library}, Python {python}, NumPy {numpy}, SciPy {scipy}, "
            "pandas {pandas}, Matplotlib {matplotlib}.",
            library=version(PROJECT),
            python=platform.python_version(),
            **{name: version(name) for name in ("numpy", "scipy", "pandas", "matplotlib")},
        )
    )


# --- results --------------------------------------------------------------------------------------


def _results(draft: Draft) -> None:
    review = draft.review
    draft.head(1, "Results", "results")
    draft.head(2, "Study selection", "selection")
    wanted = "how many records were found, screened and left out: the flow diagram"
    draft.show_or_ask("selection", chapters.show_flow, wanted)
    keys = review.reports["citation"].dropna().astype("str")
    draft.write(prose("{told}", told=_included(review)), *dict.fromkeys(keys))
    _write_found(draft)
    draft.head(2, "Study characteristics", "characteristics")
    draft.show(chapters.show_trials)
    draft.show(chapters.show_participants)
    wanted = "what was done in each group: dose, length, how it was kept to"
    draft.show_or_ask("interventions", chapters.show_interventions, wanted)
    draft.head(2, "Risk of bias in studies", "bias")
    draft.show_or_ask("risk_of_bias", chapters.show_risk_of_bias, "the risk of bias in each study")
    draft.head(2, "Results of individual studies", "individual")
    if has_printed(review):
        draft.ask("the results of each study; those that are known whole are drawn below")
    else:
        draft.write(prose("The result of each study stands in the forest plots below."))
    draft.head(2, "Results of syntheses", "syntheses")
    write = _write_printed if has_printed(review) else _write_computed
    write(draft)
    draft.head(2, "Harms", "harms")
    draft.write(prose("{told}", told=harms(review)))
    wanted = "what the studies report of harms"
    draft.show_or_ask("adverse_events", chapters.show_adverse_events, wanted)
    draft.head(2, "Certainty of evidence", "certainty")
    table = _summary(review)
    if table is None:
        draft.ask("the certainty of each result")
    else:
        draft.table(table)


def _write_found(draft: Draft) -> None:
    """Write what was found since the last search, and which studies are in doubt."""
    table = found.finds(read_found(draft.review.path))
    draft.table(Table(table.drop(columns="To do"), "Found since the last search"))
    if found.NO_DECISION in set(table["Decision"]):
        draft.ask("what becomes of each record that was found since and has no decision")
    draft.show(found.show_doubts)


def _write_printed(draft: Draft) -> None:
    """Write the results of a publication, as it prints them."""
    review = draft.review
    caption = "Every pooled result as the review prints it."
    draft.figure(Figure(as_printed.draw_printed(review, caption), "fig-printed"))
    caption = "Pooled results as the review prints them"
    draft.table(Table(as_printed.printed_table(review), caption, group="outcome"))
    complete = {(e.outcome, e.follow_up): e for e in _reported(review)}
    for answer in answers(review):
        draft.head(3, name_of(review, *answer.key), _name("result", *answer.key))
        draft.write(printed_text(review, answer))
        if answer.key in complete:
            effects = complete[answer.key]
            draft.figure(Figure(draw_forest(review, effects), "fig"))
    draft.head(2, "Sensitivity analyses and subgroups", "sensitivity")
    table = as_printed.sensitivity_table(review)
    draft.table(Table(table, "Sensitivity analyses and subgroups, as printed", group="Analysis"))
    if table.empty:
        draft.ask("what the sensitivity analyses showed")
    draft.head(2, "Reporting biases", "reporting")
    rows = review.printed[review.printed["kind"] == "bias"]
    printed = {
        "Analysis": [name_of(review, *key) for key in
                     zip(rows["outcome"], rows["follow_up"], strict=True)],
        "As printed": rows["words"],
    }  # fmt: skip
    draft.table(Table(pd.DataFrame(printed), "Tests of asymmetry, as printed"))
    if rows.empty:
        draft.ask("what was found of bias from missing results")


def _reported(review: Review) -> list[StudyEffects]:
    """Return the analyses of which every effect is reported, and none is missing."""
    found = (effects for _, _, effects in analyses(review))
    return [
        effects
        for effects in found
        if isinstance(effects, StudyEffects)
        and effects.k
        and not effects.reconstructed.any()
        and not effects.unknown
    ]


def _write_computed(draft: Draft) -> None:
    """Write the results of a review that pools what its trials report."""
    review = draft.review
    rebuilt = [heading(review, effects) for _, _, effects in analyses(review)
               if isinstance(effects, StudyEffects) and effects.reconstructed.any()]  # fmt: skip
    if rebuilt:
        draft.write(
            prose(
                "Not told here, since effects of their trials are reconstructed: {names}.",
                names="; ".join(rebuilt),
            )
        )
        return
    if len(review.risk_of_bias):
        draft.show(chapters.show_risk_by_weight)
    draft.head(3, "Primary outcomes", "primary")
    draft.show(chapters.show_outcomes, "primary")
    if "secondary" in set(review.outcomes["priority"]):
        draft.head(3, "Secondary outcomes", "secondary")
        draft.show(chapters.show_outcomes, "secondary")
    draft.head(2, "Sensitivity analyses and subgroups", "sensitivity")
    draft.show(chapters.show_subgroups)
    draft.show(chapters.show_leave_one_out)
    draft.show(chapters.show_choices)
    draft.head(2, "Reporting biases", "reporting")
    draft.show(chapters.show_reporting_bias)


def _summary(review: Review) -> Table | None:
    """Return the summary of findings, without what rules prompt and with the reasons recorded."""
    sides = f"{fmt.capitalised(review.info.experimental)} against {review.info.comparator}"
    caption = f"Summary of findings: {sides}"
    if not has_printed(review):
        frame = grading.summary_table(review)
        if frame.empty:
            return None
        return Table(frame.drop(columns="Certainty, prompted"), caption, group="Outcome")
    rows = [
        {
            "Outcome": fmt.capitalised(answer.asked.outcome),
            "Measured": fmt.capitalised(answer.when),
            "Effect (95% CI)": f"{answer.asked.measure} {answer.effect}",
            "People (trials)": f"{answer.people} ({answer.trials})",
            "Certainty": answer.certainty or "not rated",
            "What happens": answer.sentence,
        }
        for answer in answers(review)
    ]
    return Table(pd.DataFrame(rows), caption, group="Outcome") if rows else None


def _name(*parts: str) -> str:
    return "-".join("".join(c if c.isalnum() else "-" for c in part) for part in parts).lower()


# --- after the text -------------------------------------------------------------------------------


def _discussion(draft: Draft) -> None:
    draft.head(1, "Discussion", "discussion")
    for title, name, what in (
        ("Interpretation", "interpretation", "what the results mean beside other evidence"),
        ("Limitations of the evidence", "limits-evidence", "limitations of the evidence"),
        ("Limitations of the review", "limits-review", "limitations of how the review was done"),
        ("Implications", "implications", "what follows for practice, policy and research"),
    ):
        draft.head(2, title, name)
        draft.ask(what)


def _other(draft: Draft) -> None:
    review = draft.review
    draft.head(1, "Other information", "other")
    draft.head(2, "Registration", "registration")
    draft.write(prose("{told}.", told=_registration(review)))
    for title, name, what in (
        ("Funding", "funding", "who paid, and what they had to say in the review"),
        ("Competing interests", "interests", "competing interests of each author"),
        ("Contributions", "contributions", "who did what (CRediT)"),
    ):
        draft.head(2, title, name)
        draft.ask(what)
    draft.head(2, "Availability of data and code", "availability")
    draft.write(
        prose(
            "Data, code and every number are in the review's folder ({told}); its archive holds "
            "them with the packages that they need, and makes the results again.",
            told=_version(review),
        )
    )
    draft.ask("where the archive can be had: address or DOI")


def _appendices(draft: Draft) -> None:
    review = draft.review
    draft.head(1, "Appendix A. Search strategies", "appendix-search")
    _write_searches(draft)
    draft.head(1, "Appendix B. Reports included and excluded", "appendix-reports")
    wanted = "every report that was included, and every one excluded at full text, with the reason"
    draft.show_or_ask("reports", chapters.show_reports, wanted)
    draft.head(1, "Appendix C. Risk of bias, study by study", "appendix-bias")
    tables = list(_judged(review))
    for table in tables:
        draft.table(table)
    if not tables:
        draft.ask("the judgement of each domain of each study")
    draft.head(1, "Appendix D. Evidence profile", "appendix-grade")
    _write_profile(draft)
    draft.head(1, "Appendix E. PRISMA 2020 checklist", "appendix-checklist")
    draft.add(*_checklist(draft))


def _write_searches(draft: Draft) -> None:
    path = draft.review.path
    exports = path / FOLDER / "exports.csv"
    if exports.is_file():
        heads = {name: fmt.capitalised(name.replace("_", " ")) for name in EXPORTS}
        frame = pd.DataFrame(read_table(exports)).reindex(columns=list(heads)).rename(columns=heads)
        draft.table(Table(frame, "Files of the searches, as exported"))
        stored = read_store(path / FOLDER)
        repeats = sum(one.decision == "duplicate" for one in stored)
        draft.write(
            prose(
                "Of {n} in these files {repeats} were duplicates.",
                n=fmt.plural(len(stored), "record"),
                repeats=fmt.count(repeats),
            )
        )
    rows = _queries(path)
    draft.table(Table(pd.DataFrame(rows), "Queries by which newer trials are watched for"))
    draft.ask("the full search strategy of each source, as it was run, with filters and limits")


def _queries(path: Path) -> list[dict[str, str]]:
    if not (path / FILE).is_file():
        return []
    searches = read_searches(path)
    return [
        *(
            {
                "Source": "ClinicalTrials.gov",
                "Query": "\n".join(
                    f"{field}: {words}"
                    for field, words in query.model_dump().items()
                    if words
                ),
            }
            for query in searches.clinicaltrials.values()
        ),
        *({"Source": "PubMed", "Query": query.term} for query in searches.pubmed.values()),
    ]  # fmt: skip


def _judged(review: Review) -> list[Table]:
    """Return the judgements of every instrument and outcome, domain by domain."""
    found = []
    labels = dict(zip(review.outcomes["outcome"], review.outcomes["label"], strict=True))
    for instrument in used_instruments(review.risk_of_bias):
        for outcome in dict.fromkeys(review.risk_of_bias["outcome"]):
            matrix = judgements(
                review.risk_of_bias,
                outcome=outcome,
                trials=list(review.trials["trial"]),
                instrument=instrument,
                **review.info.risk_of_bias,
            )
            heads = {**instrument.domains, "overall": "Overall"}
            frame = matrix.rename(columns=heads)
            frame.insert(0, "Trial", [review.trial_names[trial] for trial in matrix.index])
            whose = "all outcomes" if outcome == ALL_OUTCOMES else str(labels[outcome])
            found.append(Table(frame, f"Risk of bias by {instrument.name}: {whose}"))
    return found if len(review.risk_of_bias) else []


def _write_profile(draft: Draft) -> None:
    """Write each rating with its reasons; of what is computed also what the rules prompt."""
    review = draft.review
    rated = {
        "Result": [name_of(review, *key) for key in
                   zip(review.certainty["outcome"], review.certainty["follow_up"], strict=True)],
        "Certainty": review.certainty["rating"],
        "Reasons": review.certainty["reasons"],
    }  # fmt: skip
    draft.table(Table(pd.DataFrame(rated), "Certainty as the reviewers rated it, with reasons"))
    found = [] if has_printed(review) else findings.profile(review).rows
    prompts = [
        {
            "Domain": fmt.capitalised(prompt.domain),
            "Prompts": prompt.suggestion,
            "By the numbers": prompt.finding,
            "Result": f"{outcome}, {fmt.inside_sentence(time)}",
        }
        for outcome, time, assessment in found
        for prompt in assessment.prompts
    ]
    caption = "What the numbers of each result prompt, domain by domain"
    draft.table(Table(pd.DataFrame(prompts), caption, group="Result"))
    if not (len(review.certainty) or prompts):
        draft.ask("the certainty of each result, domain by domain")


def _checklist(draft: Draft) -> blocks.Nodes:
    """Return the items of PRISMA 2020, each with the section that reports it and its page."""
    rows = []
    for item in rows_of("introduction", "methods", "results", "discussion"):
        places = [name for name in item["manuscript"].split() if name in draft.titles]
        where: blocks.Nodes = []
        for name in places:
            where += [blocks.node("LineBreak")] * bool(where)
            where += [blocks.link_to(name, draft.titles[name])]
            where += [*blocks.text(", page "), blocks.page_number(name)]
            where += [blocks.node("Space"), blocks.marked("[to be written]")] * (name in draft.open)
        rows.append((item["item"], item["asks"], where or blocks.text("not reported")))
    return blocks.of_checklist(rows)
