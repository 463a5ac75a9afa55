"""The chapters of a book that adapts to its data: what is known is shown, what is not is said.

The notebooks that ``python -m analysis_lib new`` writes call one function a section. Each takes a
review; where its tables hold nothing, it shows a sentence that says so and names the table.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection

import pandas as pd

from analysis_lib import plots
from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError, attempt
from analysis_lib.book.page import ask_keepers, say, show_figure, show_table
from analysis_lib.book.sections import findings, grading, moderation, one_group, robustness
from analysis_lib.book.sections.analyses import (
    heading,
    name_of,
    nothing_to_pool,
    say_why,
)
from analysis_lib.book.sections.found import show_found as show_found
from analysis_lib.book.sections.results import show_analysis
from analysis_lib.book.sections.risk_tables import risk_by_weight, weights_table
from analysis_lib.book.sections.trial_tables import told_events
from analysis_lib.book.sections.twice import show_comparison_with_published
from analysis_lib.importing.texts import as_key
from analysis_lib.pooling.asymmetry import FEWEST_TO_READ
from analysis_lib.review.baseline import BASELINE, NOT_STATED
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.dependence import shares_arms
from analysis_lib.review.directions import odd_one_out
from analysis_lib.review.extraction import extraction_agreement
from analysis_lib.review.instruments import ROB2, instrument_names, used_instruments
from analysis_lib.review.model import Review, arms_at_baseline
from analysis_lib.review.open_questions import designs_of, open_questions
from analysis_lib.review.possible import analyses, group_analyses, pooled_analyses
from analysis_lib.review.risk_of_bias import (
    ALL_OUTCOMES,
    judgement_shares,
    judgements,
    milder_than_domains,
)
from analysis_lib.review.shared_arms import arms_listed_twice
from analysis_lib.review.spreads import doubtful_spreads
from analysis_lib.review.subgroups import overall_risk

REFERENCE = "Reference in the article"
FOUND_BY = {"databases": "database search", "citation": "citation search"}
OF_EVENTS = (
    " Of events, the common effect is that of Mantel-Haenszel, of inverse variance and, for odds, "
    "of Peto, with normal intervals; trials in which nobody or everybody had the event in both "
    "arms are left out of inverse variance, and kept."
)
FILLED = (
    " Trim-and-fill (L0) is a sensitivity analysis: what the pooled effect would be if the funnel "
    "were made symmetric, around the random-effects and, in the last column, the common-effect "
    "mean."
)
OF_ARMS = (
    " Arms that several comparisons share are split, combined and modelled, the last by REML and "
    "as one common effect, with Wald and cluster-robust intervals; reconstructed effects belong to "
    "arms that were split."
)


def _show_rows(
    table: pd.DataFrame, caption: str, file: str, *, group: str | None = None, note: str = ""
) -> None:
    """Show a table without its empty columns; numbers stand on the right."""
    if table.empty:
        ask_keepers("Nothing is recorded in `data/{file}.csv`.", file=file)
        return
    filled = table.dropna(axis="columns", how="all")
    numeric = [str(c) for c in filled.select_dtypes("number")]
    words = {c: [fmt.count(x, absent="") for x in filled[c].astype("float64")] for c in numeric}
    answers = [str(c) for c in filled.select_dtypes(["bool", "boolean"])]
    words |= {c: filled[c].map({True: "yes", False: "no"}).tolist() for c in answers}
    show_table(filled.assign(**words), caption, numeric=numeric, group=group, note=note)


def _place(table: pd.DataFrame) -> str:
    """Say where all rows of a table come from, if it is one place."""
    places = table["source"].unique()
    if len(places) != 1:
        return ""
    within = places[0].removeprefix("review: ")
    return f"Source: {within}." if within == places[0] else f"Source: review, {within}."


# -- How the trials were found --------------------------------------------------------------------


def show_criteria(review: Review) -> None:
    """Show what a trial had to be."""
    names = {"domain": "Domain", "rule": "Rule", "text": "Criterion"}
    _show_rows(
        review.criteria[list(names)].rename(columns=names),
        "Eligibility criteria",
        "criteria",
        note=_place(review.criteria),
    )


def show_sources(review: Review) -> None:
    """Show where trials were looked for, when, and whose reference lists were read."""
    lists = review.sources["kind"] == "citation search"
    searched, read = review.sources[~lists], review.sources[lists]
    names = {"name": "Source", "kind": "Kind", "platform_group": "Group", "filter": "Filter"}
    if len(searched) or read.empty:
        _show_rows(
            searched[list(names)].rename(columns=names),
            "Databases and other sources searched",
            "sources",
            note=_place(searched),
        )
    if len(review.searches):
        names = {"date": "Month", "kind": "Search", "searchers": "By"}
        _show_rows(
            review.searches[list(names)].rename(columns=names), "Dates of the searches", "searches"
        )
    if len(read):
        names = {"name": "Source", "reference": REFERENCE}
        _show_rows(read[list(names)].rename(columns=names), "Reference lists read", "sources")


def show_flow(review: Review) -> None:
    """Show what became of every record, as a PRISMA 2020 flow diagram."""
    if review.selection.empty:
        ask_keepers(
            "The records are not counted in `data/selection.csv`: there is no flow diagram."
        )
        return
    show_figure(plots.prisma(review.selection), "fig-prisma")


def show_reports(review: Review) -> None:
    """Show the reports that were included and those that were not, with the reason."""
    included = review.reports
    _show_rows(
        pd.DataFrame(
            {
                "Report": _author_year(included),
                "Trial": included["trial"].map(review.trial_names),
                "Role": included["role"],
                "Found by": included["found_by"].map(FOUND_BY),
                REFERENCE: included["reference"],
            }
        ),
        "The reports and the trials they belong to",
        "reports",
    )
    excluded = review.excluded_reports
    if excluded.empty:
        return
    boxes = dict(zip(review.selection["box"], review.selection["label"], strict=True))
    counts, order = excluded["reason"].value_counts(), list(boxes)
    reasons = [f"{boxes.get(box, box)} (n = {counts[box]})" for box in excluded["reason"]]
    table = pd.DataFrame(
        {
            "Report": _author_year(excluded),
            "Title": excluded["title"],
            REFERENCE: excluded["reference"],
            "Reason": reasons,
        }
    )
    # As in the flow diagram; a reason that has no box there comes last.
    places = [order.index(box) if box in order else len(order) for box in excluded["reason"]]
    _show_rows(
        table.iloc[pd.Series(places).argsort(kind="stable")],
        "Reports sought and not included, by reason",
        "excluded_reports",
        group="Reason",
        note=_place(excluded),
    )


def _author_year(reports: pd.DataFrame) -> pd.Series:
    return reports["first_author"].astype("str") + " " + reports["year"].astype("str")


# -- The trials -----------------------------------------------------------------------------------


def show_trials(review: Review) -> None:
    """Show the trials and their arms, and how far two people who extracted them agreed."""
    agreement = extraction_agreement(review.path)
    if agreement is not None:
        say("{told}", told=str(agreement))
    people = review.arms.groupby("trial")["n"].agg(["size", "sum"])
    trials = review.trials
    designs = designs_of(review)
    _show_rows(
        pd.DataFrame(
            {
                "Trial": trials["label"],
                "Year": trials["year"],
                **({"Design": trials["trial"].map(designs)} if any(designs.values()) else {}),
                "Arms": trials["trial"].map(people["size"]),
                "People": trials["trial"].map(people["sum"]),
            }
        ),
        "The trials",
        "trials",
    )
    sides = dict(zip(("experimental", "comparator"), review.info.short_names, strict=True))
    arms = review.arms
    _show_rows(
        pd.DataFrame(
            {
                "Arm": arms["label_printed"],
                "Side": arms["group"].map(sides),
                "People": arms["n"],
                "What was done": arms["description"],
                "Trial": arms["trial"].map(review.trial_names),
            }
        ),
        "The arms of the trials",
        "arms",
        group="Trial",
    )


def show_participants(review: Review) -> None:
    """Show who took part: age, sexes and scores of each arm before the trial began."""
    arms = review.arms
    columns = {
        "Men": arms["men"],
        "Women": arms["women"],
        "Age, years": _mean_sd(arms["age_mean"], arms["age_sd"]),
    }
    for outcome in review.outcomes.itertuples():
        scores = arms_at_baseline(review, str(outcome.outcome))
        columns[str(outcome.label)] = [
            told and told + _scale(low, high)
            for told, low, high in zip(
                _mean_sd(scores["mean"], scores["sd"]),
                scores["scale_min"],
                scores["scale_max"],
                strict=True,
            )
        ]
    table = pd.DataFrame(columns).dropna(axis="columns", how="all").dropna(how="all")
    if table.empty:
        say("Nothing is recorded of the people before the trials began.")
        return
    table.insert(0, "Arm", arms["label_printed"])
    _show_rows(
        table.assign(Trial=arms["trial"].map(review.trial_names)),
        "The people before the trials began: numbers, or mean ± standard deviation (scale)",
        "arms",
        group="Trial",
    )
    for outcome in review.outcomes["outcome"]:
        _say_doubtful_spreads(review, str(outcome), [BASELINE])


def _mean_sd(means: pd.Series, sds: pd.Series) -> list[str | None]:
    """Return means with standard deviations as text, with the digits that the data have."""
    return [
        None if pd.isna(m) else fmt.threshold(m) + ("" if pd.isna(s) else f" ± {fmt.threshold(s)}")
        for m, s in zip(means, sds, strict=True)
    ]


def _scale(low: float, high: float) -> str:
    return "" if pd.isna(low) or pd.isna(high) else f" ({low:g}{fmt.EN_DASH}{high:g})"


def show_interventions(review: Review) -> None:
    """Show what the experimental arms did."""
    table = review.interventions.drop(columns=["trial", "provenance", "source", "note"])
    table = table.rename(columns=lambda name: fmt.sentence(str(name).replace("_", " ")).rstrip("."))
    table.insert(0, "Trial", review.interventions["trial"].map(review.trial_names))
    _show_rows(table, "What the experimental arms did", "interventions")


def show_adverse_events(review: Review) -> None:
    """Show the adverse events by arm, and say how many trials tell of any."""
    told = told_events(review)
    _show_rows(
        pd.DataFrame(
            {
                "Arm": told["label_printed"],
                "People": told["n"],
                "Events": told["events"],
                "Relation": told["relation"],
                "What the report says": told["description"],
                "Trial": told["trial_label"],
            }
        ),
        "Adverse events by arm, in the trials that report them",
        "adverse_events",
        group="Trial",
    )
    silent = len(review.trials) - told["trial"].nunique()
    if len(told) and silent:
        say(
            "Of {trials} nothing about adverse events is recorded, which is not the same as none.",
            trials=fmt.plural(silent, "trial"),
        )


# -- Risk of bias ---------------------------------------------------------------------------------


def show_risk_of_bias(review: Review) -> None:
    """Show the judgements by trial and domain, for all outcomes and for each rated by itself."""
    if review.risk_of_bias.empty:
        ask_keepers("No judgement is recorded in `data/risk_of_bias.csv`.")
        return
    for told in milder_than_domains(review.risk_of_bias, review.trial_names):
        say("{told}.", told=told)
    labels = dict(zip(review.outcomes["outcome"], review.outcomes["label"], strict=True))
    several = len(used_instruments(review.risk_of_bias)) > 1
    for instrument in used_instruments(review.risk_of_bias):
        table = review.risk_of_bias[instrument_names(review.risk_of_bias) == instrument.name]
        judged = [t for t in review.trials["trial"] if not several or t in set(table["trial"])]
        for outcome in dict.fromkeys(table["outcome"]):
            matrix = judgements(
                table,
                outcome=outcome,
                trials=judged,
                instrument=instrument,
                **review.info.risk_of_bias,
            )
            whose = "" if outcome == ALL_OUTCOMES else f": {labels[outcome]}"
            by = f" ({instrument.name})" if several else ""
            key = as_key(instrument.name) if several else ""
            name = "-".join(filter(None, ("fig-risk-of-bias", key, outcome))).lower()
            show_figure(
                plots.traffic_lights(
                    matrix,
                    labels=review.trial_names,
                    title=f"Risk of bias{whose}{by}",
                    instrument=instrument,
                ),
                name,
            )
            show_figure(
                plots.risk_of_bias_bars(
                    judgement_shares(matrix),
                    weighted=False,
                    title=f"Risk of bias by domain{whose}{by}",
                    instrument=instrument,
                ),
                f"{name}-domains",
            )


def show_risk_by_weight(review: Review) -> None:
    """Show how much of the weight of each analysis comes from trials of which overall risk.

    Weights that rest on reconstructed effects are told over all sets of them, and not drawn.
    """
    found = list(pooled_analyses(review))
    if review.risk_of_bias.empty or not found:
        say("Without judgements and results there is nothing to weigh.")
        return
    if any(effects.reconstructed.any() for effects in found):
        table = weights_table(review)
        show_table(
            table,
            "Share of weight by overall risk of bias, reconstructed",
            numeric=list(table.columns[1:]),
            note="Median and range of 95% of the sets of effects that agree with the print; one "
            "number where all sets agree to the digit, or where one trial stands alone. A "
            "judgement without a column is stated for no trial.",
        )
        return
    show_figure(
        plots.risk_of_bias_bars(
            risk_by_weight(review),
            weighted=True,
            title="Overall risk of bias by weight",
            instrument=ROB2 if used_instruments(review.risk_of_bias) == [ROB2] else None,
        ),
        "fig-risk-of-bias-weight",
    )


# -- Results --------------------------------------------------------------------------------------


def show_outcomes(review: Review, priority: str) -> None:
    """Show every analysis of the primary, or of the secondary, outcomes.

    An outcome is a heading. A follow-up that has effects is a forest plot with its text; one that
    has none, but should, is a sentence.
    """
    found = list(analyses(review, priority))
    if not found:
        say("The review has no {priority} outcome.", priority=priority)
    labels = dict(zip(review.outcomes["outcome"], review.outcomes["label"], strict=True))
    for outcome, group in itertools.groupby(found, key=lambda analysis: analysis[0]):
        say("### {outcome}", outcome=labels[outcome])
        told = [_show_or_say(review, *analysis) for analysis in group]
        if not any(told):
            say("No result of any trial is recorded.")
        _say_doubtful_spreads(review, str(outcome), review.follow_ups["follow_up"])


def _say_doubtful_spreads(review: Review, outcome: str, times: Collection[str]) -> None:
    """Ask of standard deviations whether they are standard errors."""
    found = [
        str(one)
        for one in doubtful_spreads(review)
        if one.outcome == outcome and one.time in set(times)
    ]
    if found:
        ask_keepers(
            "**Standard deviation or standard error?** Each of these would fit the other arms "
            "better as a standard error. Only the report can tell; a standard error that passes "
            "for a standard deviation makes its trial look far too sure. {arms}.",
            arms="; ".join(found),
        )


def _show_or_say(
    review: Review, outcome: str, follow_up: str, found: StudyEffects | ReviewError
) -> bool:
    """Show one analysis, or say why not; return whether there was anything to say."""
    if isinstance(found, ReviewError):
        say_why(name_of(review, outcome, follow_up), found)
    elif found.k:
        show_analysis(review, found.outcome, found.follow_up)
        _say_shared_arms(review, found)
        _say_odd_one_out(review, found)
        for question in open_questions(review, found):
            ask_keepers("**To be told.** {question}.", question=fmt.sentence(question).rstrip("."))
    elif found.unknown:
        say("{told}", told=nothing_to_pool(review, found))
    else:
        return False
    return True


def _say_shared_arms(review: Review, effects: StudyEffects) -> None:
    shared = [str(arm) for arm in arms_listed_twice(review, effects)]
    if shared:
        ask_keepers(
            "**Counted more than once?** These comparisons list arms with equal numbers under "
            "different names: {arms}. If they are one arm, its people count more than once. Give "
            "it one name in `data/arms.csv`, and its people are shared between the comparisons.",
            arms="; ".join(shared),
        )


def _say_odd_one_out(review: Review, effects: StudyEffects) -> None:
    trial = odd_one_out(effects)
    if trial is not None:
        ask_keepers(
            "**Measured the other way round?** {trial} alone has a clear effect on the other side. "
            "A standardised difference does not tell whether its instrument counts in the same "
            "direction as the others; the report does.",
            trial=review.trial_names[trial],
        )


def show_published(review: Review) -> None:
    """Show every printed number beside ours, if the review has any."""
    if review.published.empty:
        ask_keepers("No printed result is recorded in `data/published.csv`.")
        return
    show_comparison_with_published(review)


# -- Robustness -----------------------------------------------------------------------------------


def show_subgroups(review: Review) -> None:
    """Show every primary analysis by every factor that divides it, and list those undivided."""
    primary = list(pooled_analyses(review, "primary"))
    if not primary:
        say("There is no primary analysis of which to form subgroups.")
        return
    said, undivided = False, []
    for effects in primary:
        found = attempt(_subgroups, review, effects)
        if isinstance(found, ReviewError):
            say_why(f"{heading(review, effects)}, by subgroups,", found)
            said = True
            continue
        for factor, groups in found.items():
            if len(set(groups)) > 1:
                robustness.show_subgroups(review, effects.outcome, effects.follow_up, factor)
                said = True
            else:
                undivided.append(f"{heading(review, effects)}, by {factor}: {groups[0]}")
    if len(review.moderators):
        moderation.show_moderators(review)
    if undivided:
        say("In one group only: {analyses}.", analyses="; ".join(undivided))
    elif not said:
        ask_keepers(
            "No subgroups are formed: no risk of bias is rated, and `data/subgroup_levels.csv` "
            "names no factor."
        )


def _subgroups(review: Review, effects: StudyEffects) -> dict[str, list[str]]:
    """Return the subgroups of an analysis; without a rating there are none by risk of bias."""
    found = robustness.subgroups(review, effects)
    if set(overall_risk(review, effects)) == {NOT_STATED}:
        del found[robustness.RISK_OF_BIAS]
    return found


def show_leave_one_out(review: Review) -> None:
    """Show every primary analysis of three trials or more without each of its trials."""
    few = True
    for effects in pooled_analyses(review, "primary"):
        if effects.table["trial"].nunique() >= robustness.FEWEST_LEFT:
            robustness.show_leave_one_out(review, effects.outcome, effects.follow_up)
            few = False
    for effects in group_analyses(review, "primary"):
        if effects.k >= robustness.FEWEST_LEFT:
            robustness.show_group_left_out(review, effects)
            few = False
    if few:
        say("No primary analysis has three trials: none can be left out.")


def show_choices(review: Review) -> None:
    """Show how many ways to pool each primary analysis lead to which conclusion."""
    table = robustness.specification_table(review)
    if table.empty:
        say("There is no primary analysis to pool in other ways.")
        return
    of_events = any(effects.counts for effects in pooled_analyses(review, "primary"))
    show_table(
        table,
        "Ways to pool the primary analyses, and how many reach which conclusion",
        numeric=[*table.columns[1:]],
        note="Estimators: REML, DL, PM, SJ and none (one common effect). Intervals: Wald, "
        "Hartung-Knapp, and its ad hoc form; prediction intervals with k − 2 and k − 1 degrees of "
        "freedom; with all trials and, of three to twenty, without each."
        + (OF_EVENTS if of_events else "")
        + (OF_ARMS if any(map(shares_arms, pooled_analyses(review, "primary"))) else ""),
    )


# -- Reporting bias -------------------------------------------------------------------------------


def show_reporting_bias(review: Review) -> None:
    """Show tests of asymmetry for every analysis, and a funnel plot where there is one to read."""
    one_group.say_no_funnel(review)
    table = robustness.reporting_bias_table(review)
    if table.empty:
        if next(group_analyses(review), None) is None:
            say("There is nothing to pool yet, and no funnel to look at.")
        return
    any_added_up = any(effects.adds_up_counts for effects in pooled_analyses(review))
    show_table(
        table,
        "Egger's test and trim-and-fill",
        numeric=["k"],
        group="Outcome",
        note="k: comparisons."
        + (FILLED if robustness.FILLED_TOO in table else "")
        + " With fewer than ten comparisons nothing here can tell asymmetry from chance."
        + (f" {robustness.ADDED_UP}" if any_added_up else ""),
    )
    wide = [e for e in pooled_analyses(review) if e.k >= FEWEST_TO_READ]
    for effects in wide:
        robustness.show_funnel(review, effects.outcome, effects.follow_up)
    if not wide:
        say("No analysis has ten comparisons, from which a funnel plot begins to say something.")


# -- Certainty ------------------------------------------------------------------------------------


def show_findings(review: Review) -> None:
    """Show the summary of findings, and say which ratings belong to no result."""
    if review.certainty.empty:
        ask_keepers("No rating is recorded in `data/certainty.csv`.")
    note = _absolute_note(grading.summary_table(review)).strip()
    title = f"Summary of findings: {review.info.experimental} against {review.info.comparator}"
    findings.show_findings(review, title=title, note=note)
    _say_ratings_alone(review)


def _absolute_note(table: pd.DataFrame) -> str:
    """Say where the risk without the intervention comes from, if any is told."""
    heads = grading.ABSOLUTE_HEADS
    if heads["difference"] not in table:
        return ""
    of_rates = table[heads["difference"]] != ""
    if heads["nnt"] in table:
        of_rates &= table[heads["nnt"]] == ""
    rates = (
        " Rates are events in the person-time stated; without: the rate that review.toml assumes "
        "or, by default, the median of the comparator arms, its own uncertainty not in the "
        "intervals."
    )
    told = rates if of_rates.any() else ""
    if heads["nnt"] not in table:
        return told
    return told + (
        " Without: the risk that review.toml assumes or, by default, the median of the comparator "
        "arms that are pooled (where it is none, all of them together); its own uncertainty is not "
        "in the intervals. NNTB and NNTH: number needed to treat for one person to benefit, or to "
        "be harmed; an interval that includes no difference runs through infinity."
    )


def _say_ratings_alone(review: Review) -> None:
    """Say which recorded ratings belong to no result on these pages."""
    pooled = {
        (outcome, follow_up)
        for outcome, follow_up, found in analyses(review)
        if isinstance(found, StudyEffects) and found.k
    }
    alone = [
        f"{name_of(review, str(row.outcome), str(row.follow_up))} ({row.rating}: {row.reasons})"
        for row in review.certainty.itertuples()
        if (row.outcome, row.follow_up) not in pooled
    ]
    if alone:
        say("Rated, with no effect that can be pooled: {ratings}.", ratings="; ".join(alone))


def show_prompts(review: Review) -> None:
    """Show what the numbers of each result prompt, domain by domain, beside what is recorded."""
    if not findings.show_profile(review):
        say("Nothing is pooled, so no number prompts a rating.")
