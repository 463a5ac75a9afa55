"""What a review's tables must look like, column by column.

The schemas are pandera's. They are also the codebook: every column carries its description, and
``codebook()`` turns them into the table that the book prints.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pandera.pandas as pa

from analysis_lib.base.measures import (
    BINARY_MEASURES,
    GENERIC_MEASURES,
    GROUP_MEASURES,
    MEAN_MEASURES,
    MEASURES,
    RATE_MEASURES,
)
from analysis_lib.review.baseline import BASELINE, BASELINE_OF, PROVENANCES
from analysis_lib.review.cells import COUNT, NUMBER, TEXT, YES_NO, kind_of
from analysis_lib.review.instruments import INSTRUMENTS, LEVELS, ROB2

#: Whether printed numbers support a statement; or what it is, if it is none about numbers.
SUPPORT = ("yes", "in part", "no", "not tested", "advice", "method", "declared", "background")
ALL_MEASURES = (*MEAN_MEASURES, *BINARY_MEASURES, *RATE_MEASURES, *GENERIC_MEASURES)
#: What an outcome may be: a comparison of two arms, or what is measured of one group.
OUTCOME_MEASURES = (*ALL_MEASURES, *GROUP_MEASURES)
#: How trials gave out their treatments.
DESIGNS = ("parallel", "cluster", "cross-over")
RATINGS = ("very low", "low", "moderate", "high")


def _column(
    kind: str,
    description: str,
    *checks: pa.Check,
    optional: bool = False,
    unique: bool = False,
    **told: object,
) -> pa.Column:
    """Make a column; one whose cells may all be empty may be absent."""
    return pa.Column(
        None,  # the reader gives a column its kind, so pandera need not ask for it again
        list(checks),
        nullable=optional,
        required=not optional,
        unique=unique,
        description=description,
        metadata={"kind": kind, **told},
    )


def _written_as(pattern: str, error: str) -> pa.Check:
    """Ask of each distinct text that all of it is written in one way."""
    form = re.compile(pattern)
    return pa.Check(
        lambda column: column.isin([x for x in column.unique() if form.fullmatch(x)]), error=error
    )


def text(
    description: str,
    *,
    optional: bool = False,
    unique: bool = False,
    label: str = "",
    usual: bool = True,
    prints: tuple[str, ...] = (),
) -> pa.Column:
    """Make a column of free text.

    Parameters
    ----------
    description
        What it holds.
    optional, unique
        Whether a cell may be empty, and whether it may stand only once.
    label
        Of what it is the name, if a reader tells things apart by it.
    usual
        Whether a new review begins with the column.
    prints
        The columns whose numbers the text holds as they are printed.
    """
    return _column(
        TEXT, description,
        optional=optional, unique=unique, label=label, usual=usual, prints=prints,
    )  # fmt: skip


def key(description: str, *, optional: bool = False, unique: bool = False) -> pa.Column:
    """Make an identifier column: letters, digits, hyphens, underscores."""
    rule = _written_as(
        r"[A-Za-z0-9][A-Za-z0-9_-]*", "must be an identifier (letters, digits, - and _)"
    )
    return _column(TEXT, description, rule, optional=optional, unique=unique)


def one_of(
    description: str, values: tuple[str, ...], *, optional: bool = False, usual: bool = True
) -> pa.Column:
    """Make a column of words from a fixed list."""
    rule = pa.Check.isin(values, error=f"must be one of: {', '.join(values)}")
    return _column(TEXT, description, rule, optional=optional, usual=usual)


def number(
    description: str,
    *,
    low: float | None = None,
    above: float | None = None,
    high: float | None = None,
    below: float | None = None,
    optional: bool = True,
    usual: bool = True,
) -> pa.Column:
    """Make a column of numbers between bounds, of which ``above`` and ``below`` are excluded."""
    checks = []
    if low is not None:
        checks.append(pa.Check.ge(low, error=f"must be at least {low:g}"))
    if above is not None:
        checks.append(pa.Check.gt(above, error=f"must be greater than {above:g}"))
    if high is not None:
        checks.append(pa.Check.le(high, error=f"must be at most {high:g}"))
    if below is not None:
        checks.append(pa.Check.lt(below, error=f"must be less than {below:g}"))
    return _column(NUMBER, description, *checks, optional=optional, usual=usual)


def count(
    description: str, *, low: int = 0, optional: bool = False, usual: bool = True
) -> pa.Column:
    """Make a column of whole numbers, at least ``low``."""
    rule = pa.Check.ge(low, error=f"must be at least {low}")
    return _column(COUNT, description, rule, optional=optional, usual=usual)


def yes_no(description: str, *, optional: bool = False, usual: bool = True) -> pa.Column:
    """Make a column that holds yes or no."""
    return _column(YES_NO, description, optional=optional, usual=usual)


def day(description: str, *, unique: bool = False) -> pa.Column:
    """Make a column of days."""
    rule = _written_as(r"\d{4}-\d{2}-\d{2}", "must be a day, as in 2025-03-31")
    return _column(TEXT, description, rule, unique=unique)


def table(
    title: str,
    columns: dict[str, pa.Column],
    *,
    unique: tuple[str, ...] = (),
    needs_rows: bool = False,
    takes_more: bool = False,
    usual: bool = True,
) -> pa.DataFrameSchema:
    """Make a table.

    Parameters
    ----------
    title
        What it holds.
    columns
        Its columns by name.
    unique
        The columns whose cells may stand together only once.
    needs_rows
        Whether a header alone is not enough.
    takes_more
        Whether a file may have further columns, of text that describes.
    usual
        Whether a new review begins with the table; one that is not usual may be absent.
    """
    return pa.DataFrameSchema(
        columns,
        strict=not takes_more,
        title=title,
        metadata={"unique": list(unique), "needs_rows": needs_rows, "usual": usual},
    )


def _last_columns() -> dict[str, pa.Column]:
    """Return the columns that every row of a review must carry."""
    note = text("Oddities as printed, repairs, inferences said as such", optional=True)
    note.required = True
    return {
        "provenance": one_of("How the row came to be known", PROVENANCES),
        "source": text("Which document, and where in it"),
        "note": note,
        "weaker": text(
            "Cells known less well than the row, each with how: weeks: secondary; n: inferred",
            optional=True,
            usual=False,
        ),
    }


def _table(title: str, columns: dict[str, pa.Column], **rules: Any) -> pa.DataFrameSchema:
    return table(title, columns | _last_columns(), **rules)


def _printed(what: str, *numbers: str) -> pa.Column:
    return text(f"{what}, the cell as printed", optional=True, prints=numbers)


def _reference() -> pa.Column:
    return count("Number in the review's reference list", low=1, optional=True, usual=False)


def _of_exercise(description: str) -> pa.Column:
    return text(description, optional=True, usual=False)


def _mean_sd(name: str, what: str, unit: str) -> dict[str, pa.Column]:
    return {
        f"{name}_printed": _printed(what, f"{name}_mean", f"{name}_sd"),
        f"{name}_mean": number(f"{what}, mean ({unit})", low=0),
        f"{name}_sd": number(f"{what}, standard deviation ({unit})", above=0),
    }


def _of_design() -> dict[str, pa.Column]:
    """Return the columns of a trial of clusters whose analysis took no account of them."""
    return {
        "cluster_size": number(
            "Mean number of people in a cluster, where the analysis took no account of clusters",
            low=1,
            usual=False,
        ),
        "icc": number("Intracluster correlation", low=0, high=1, usual=False),
    }


def _of_instrument() -> dict[str, pa.Column]:
    """Return the columns that tell the instruments of a standardised difference apart."""
    return {
        "instrument": text("Instrument of the trial", optional=True, usual=False),
        "higher_is_better": yes_no(
            "Whether a higher score of the instrument is better; of a standardised difference the "
            "sign is turned where the outcome says otherwise",
            optional=True,
            usual=False,
        ),
    }


TRIAL = "Trial; key of trials.csv"
OUTCOME = "Outcome; key of outcomes.csv"
FOLLOW_UP = "Follow-up; key of follow_ups.csv"
CITATION = "Key in book/references.bib"
EXPERIMENTAL_ARM = "Experimental arm; key of arms.csv"
COMPARATOR_ARM = "Comparator arm; key of arms.csv"
GROUPS = ("experimental", "comparator")
#: Tables that may have further columns, which moderators.csv declares.
MODERATED = ("trials", "arms")
#: The numbers of a printed result that its sentence holds.
PRINTED_NUMBERS = (
    *("estimate", "ci_low", "ci_high", "p", "pi_low", "pi_high"),
    *("i2", "tau2", "q", "df", "statistic"),
)

SCHEMAS: Mapping[str, pa.DataFrameSchema] = {
    "outcomes": _table(
        "Outcomes and how each is measured",
        {
            "outcome": key("Outcome", unique=True),
            "label": text("Name in text and plots", label="outcome"),
            "priority": one_of("Primary or secondary outcome", ("primary", "secondary")),
            "measure": one_of(
                "Effect measure of the meta-analyses, or what is measured of one group (the "
                "experimental arm)",
                OUTCOME_MEASURES,
            ),
            "unit": text("Unit of the effect", optional=True),
            "instruments": text("Instruments that the review accepts"),
            "lower_is_better": yes_no("Whether a lower score is the better one"),
            "mid": number(
                "Minimal important difference, in the unit of the effect; for a ratio (RR, OR) a "
                "ratio such as 0.8 or 1.25, which say the same",
                above=0,
            ),
            "mid_source": text("Where the minimal important difference comes from", optional=True),
            "scale_min": number("Lowest score of the scale that effects are given on"),
            "scale_max": number("Highest score of the scale that effects are given on"),
        },
        needs_rows=True,
    ),
    "follow_ups": _table(
        "Follow-ups of the syntheses",
        {
            "follow_up": key("Follow-up", unique=True),
            "label": text("Name in text and plots", label="follow-up"),
            "plain": text(
                "When it was, in a reader's words: up to 6 weeks", optional=True, usual=False
            ),
            "definition": text("The review's definition"),
        },
        needs_rows=True,
    ),
    "criteria": _table(
        "Eligibility criteria",
        {
            "criterion": key("Criterion", unique=True),
            "domain": one_of(
                "What the criterion is about",
                (
                    "population",
                    "intervention",
                    "comparator",
                    "outcome",
                    "design",
                    "language",
                    "date",
                    "quality",
                ),
            ),
            "rule": one_of("What meeting it does", ("include", "exclude")),
            "text": text("The criterion"),
        },
    ),
    "sources": _table(
        "Databases and other sources searched",
        {
            "name": text("Source", unique=True, label="source"),
            "kind": one_of("Kind", ("database", "gray literature", "citation search")),
            "platform_group": one_of(
                "Group",
                ("core", "multidisciplinary", "subject", "gray", "reviews"),
                optional=True,
                usual=False,
            ),
            "filter": text("Filter applied", optional=True),
            "searchers": text("Who searched", optional=True),
            "reference": _reference(),
            "citation": key(CITATION, optional=True),
        },
    ),
    "searches": _table(
        "Dates of the searches",
        {
            "date": _column(
                TEXT,
                "Month of the search",
                _written_as(r"\d{4}-\d{2}", "must be a month, as in 2025-03"),
                unique=True,
            ),
            "kind": one_of("First search or update", ("first", "update")),
            "searchers": text("Who searched", optional=True),
        },
    ),
    "selection": _table(
        "Boxes of the PRISMA 2020 flow diagram",
        {
            "box": key("Box", unique=True),
            "label": text("Words in the box", label="box"),
            "count": count("Records, reports or studies in the box"),
            "parent": key("Box that this one is a part of", optional=True),
        },
    ),
    "excluded_reports": _table(
        "Reports sought and not included",
        {
            "report": key("Report", unique=True),
            "reference": _reference(),
            "first_author": text("First author"),
            "year": count("Year of publication", low=1900),
            "title": text("Title"),
            "reason": key("Reason; a box of selection.csv"),
            "citation": key(CITATION, optional=True),
            "retrieved": yes_no("Whether the full text was retrieved"),
        },
    ),
    "reports": _table(
        "Reports included",
        {
            "report": key("Report", unique=True),
            "trial": key(TRIAL),
            "reference": _reference(),
            "first_author": text("First author"),
            "year": count("Year of publication", low=1900),
            "role": one_of("Main report of the trial or companion", ("primary", "companion")),
            "found_by": one_of("How the report was found", ("databases", "citation")),
            "citation": key(CITATION),
        },
    ),
    "trials": _table(
        "Trials included",
        {
            "trial": key("Trial", unique=True),
            "label": text("Name in text and plots", unique=True, label="trial"),
            "year": count("Year of the main report", low=1900, optional=True),
            "pooled": yes_no("Whether the trial enters the quantitative synthesis"),
            "design": one_of(
                "Parallel arms, clusters randomised, or cross-over; parallel when absent",
                DESIGNS,
                optional=True,
                usual=False,
            ),
            "gender_reported": yes_no(
                "Whether Table 1 gives the sexes", optional=True, usual=False
            ),
            "risk_of_bias_text": text(
                "Overall risk of bias as the text states it", optional=True, usual=False
            ),
            "between_groups_text": text(
                "Between-group finding as the text states it", optional=True, usual=False
            ),
        },
        needs_rows=True,
        takes_more=True,
    ),
    "arms": _table(
        "Arms of the trials and their participants at baseline",
        {
            "trial": key(TRIAL),
            "arm": key("Arm; unique within its trial"),
            "group": one_of("Side of the comparison", GROUPS),
            "label_printed": text("Group label as printed", label="arm"),
            "description": text("What the arm did, where a source names it", optional=True),
            "n": count("Participants", low=1, optional=True),
            "sex_printed": _printed("Men and women", "men", "women"),
            "men": count("Men", optional=True),
            "women": count("Women", optional=True),
            **_mean_sd("age", "Age", "years"),
            **_mean_sd("weight", "Weight", "kg"),
            **_mean_sd("height", "Height", "cm"),
            "condition": text("Type or stage of the condition, as printed", optional=True),
            "adverse_printed": text(
                "Adverse events, the cell as printed", optional=True, usual=False
            ),
            **_mean_sd("duration", "Duration of symptoms", "years"),
        },
        unique=("trial", "arm"),
        needs_rows=True,
        takes_more=True,
    ),
    "interventions": _table(
        "The experimental programmes",
        {
            "trial": key(TRIAL, unique=True),
            "modalities": _of_exercise("Resistance modalities"),
            "exercise_type": _of_exercise("Kind of exercise"),
            "intensity_metric": _of_exercise("How intensity was prescribed"),
            "overload_strategy": _of_exercise("How load progressed"),
            "progressive": yes_no("Whether overload was progressive", optional=True, usual=False),
            "supervision": _of_exercise("Supervision"),
            "weeks": number("Length of the programme (weeks)", above=0),
            "sessions_per_week": number("Sessions a week", above=0, usual=False),
            "sessions": number("Sessions in all", above=0, usual=False),
        },
        takes_more=True,
    ),
    "adverse_events": _table(
        "Adverse events",
        {
            "trial": key(TRIAL),
            "arm": key("Arm; key of arms.csv"),
            "events": count("Events", optional=True),
            "relation": one_of(
                "Relation to the intervention", ("related", "unrelated", "none", "not stated")
            ),
            "description": text("What the text says", optional=True),
        },
        unique=("trial", "arm"),
    ),
    "published": _table(
        "Every pooled result that the review prints",
        {
            "id": key("Result", unique=True),
            "outcome": key(OUTCOME),
            "follow_up": key(FOLLOW_UP),
            "kind": one_of(
                "What the result is",
                (
                    "pooled",
                    "single",
                    "sensitivity",
                    "subgroup",
                    "bias",
                    "discussion",
                    "abstract",
                ),
            ),
            "place": one_of("Part of the article", ("abstract", "results", "discussion")),
            "measure": text("Effect measure as printed", optional=True),
            "estimate": number("Pooled effect, experimental minus comparator"),
            "ci_low": number("Lower limit of the 95 % confidence interval"),
            "ci_high": number("Upper limit of the 95 % confidence interval"),
            "p": number("p value", low=0, high=1),
            "p_relation": one_of(
                "Whether p equals the value or is less", ("=", "<"), optional=True
            ),
            "pi_low": number("Lower limit of the 95 % prediction interval"),
            "pi_high": number("Upper limit of the 95 % prediction interval"),
            "i2": number("I2 (per cent)", low=0, high=100),
            "tau2": number("Between-study variance", low=0),
            "q": number("Cochran's Q, or Q between subgroups", low=0),
            "df": number("Degrees of freedom of Q or t", low=0),
            "statistic": number("Test statistic"),
            "trials": count("Trials", low=1, optional=True),
            "comparisons": count("Comparisons", low=1, optional=True),
            "participants": count("Participants", low=1, optional=True),
            "without": text("Trials left out", optional=True),
            "factor": text("Factor of a subgroup analysis", optional=True, label="factor"),
            "words": text("The sentence, shortened", prints=PRINTED_NUMBERS),
        },
    ),
    "arm_results": _table(
        "Results by arm",
        {
            "trial": key(TRIAL),
            "outcome": key(OUTCOME),
            "arm": key("Arm; key of arms.csv"),
            "time": key(f"{BASELINE}, or a follow-up"),
            "n": count("Participants measured", low=1, optional=True),
            "printed": _printed("The result", "mean", "sd", "events"),
            "mean": number("Mean (points of the scale)"),
            "sd": number("Standard deviation (points of the scale)", above=0),
            "events": count("People with the event, of a binary outcome", optional=True),
            "scale_min": number("Lowest score of the instrument"),
            "scale_max": number("Highest score of the instrument"),
            "weeks": number("Weeks from the start", low=0),
            "score": one_of(
                "Final score, or change from baseline; final when absent",
                ("final", "change"),
                optional=True,
                usual=False,
            ),
            "person_time": number(
                "Time at risk of all people together, in the unit of the outcome",
                above=0,
                usual=False,
            ),
            "correlation": number(
                "Correlation of two things measured in the people of the arm",
                above=-1,
                below=1,
                usual=False,
            ),
            "se": number("Standard error of the mean", above=0, usual=False),
            "ci_low": number("Lower limit of the mean's 95 % confidence interval", usual=False),
            "ci_high": number("Upper limit of the mean's 95 % confidence interval", usual=False),
            "median": number("Median, where no mean is reported", usual=False),
            "q1": number("Lower quartile", usual=False),
            "q3": number("Upper quartile", usual=False),
            "minimum": number("Least score", usual=False),
            "maximum": number("Greatest score", usual=False),
            "final_sd": number(
                "SD after treatment, where the SD of a change is not reported", above=0, usual=False
            ),
            "change_correlation": number(
                "Correlation of scores before and after, from which the SD of a change follows",
                above=-1,
                below=1,
                usual=False,
            ),
            **_of_design(),
            "paired_correlation": number(
                "Cross-over: correlation of people's scores under the two treatments",
                above=-1,
                below=1,
                usual=False,
            ),
            **_of_instrument(),
            "derived": text(
                "How mean or SD was computed; filled in where it follows from other columns",
                optional=True,
                usual=False,
            ),
        },
        unique=("trial", "outcome", "arm", "time"),
    ),
    "contrasts": _table(
        "Between-arm differences that a source prints",
        {
            "trial": key(TRIAL),
            "outcome": key(OUTCOME),
            "follow_up": key(FOLLOW_UP),
            "experimental_arm": key(EXPERIMENTAL_ARM),
            "comparator_arm": key(COMPARATOR_ARM),
            "measure": one_of("Effect measure", ALL_MEASURES),
            "printed": _printed("The difference", "estimate", "ci_low", "ci_high"),
            "estimate": number("Experimental minus comparator, or their ratio"),
            "ci_low": number("Lower limit of the confidence interval"),
            "ci_high": number("Upper limit of the confidence interval"),
            "level": number(
                "Level of the confidence interval; 0.95 when absent", above=0, high=1, usual=False
            ),
            "se": number("Standard error, of a ratio that of its logarithm", above=0, usual=False),
            "p": number("Exact two-sided p value of no difference", low=0, high=1, usual=False),
            "df": number(
                "Degrees of freedom of interval or p value (t); normal distribution when absent",
                above=0,
                usual=False,
            ),
            "o_minus_e": number(
                "Observed minus expected events of the experimental arm (log-rank, Peto)",
                usual=False,
            ),
            "v": number("Variance of observed minus expected events", above=0, usual=False),
            "unit": text("Unit of the effect", optional=True),
            "n_experimental": count("Participants, experimental arm", low=1, optional=True),
            "n_comparator": count("Participants, comparator arm", low=1, optional=True),
            "score": one_of(
                "Of final scores, of changes, or adjusted for baseline (ANCOVA)",
                ("final", "change", "adjusted"),
                optional=True,
                usual=False,
            ),
            **_of_design(),
            **_of_instrument(),
        },
        unique=("trial", "outcome", "follow_up", "experimental_arm", "comparator_arm", "measure"),
    ),
    "risk_of_bias": _table(
        "Risk of bias, by signalling question, domain or overall",
        {
            "trial": key(TRIAL),
            "outcome": key("all, or an outcome"),
            "item": _column(
                TEXT,
                "overall, a domain (of RoB 2: D1 to D5) or a signalling question (1.1 to 5.3)",
                _written_as(
                    r"overall|[A-Z][A-Z]?\d{0,2}[a-z]?|[1-5]\.[1-7]",
                    "must be overall, D1 to D5, or a signalling question such as 1.1; of another "
                    "instrument, one of its domains",
                ),
            ),
            "judgement": one_of(
                "Judgement, or answer to a signalling question",
                tuple(dict.fromkeys((*ROB2.words, "Y", "PY", "PN", "N", "NI", "NA", *LEVELS))),
            ),
            "instrument": text(
                f"Instrument of the judgement; RoB 2 when absent. It is {', '.join(INSTRUMENTS)} "
                "or one of instruments.csv",
                optional=True,
                usual=False,
            ),
        },
        unique=("trial", "outcome", "item"),
    ),
    "instruments": _table(
        "Instruments for the risk of bias of the review's own: their domains, levels and signs",
        {
            "instrument": text("Name of the instrument, as risk_of_bias.csv writes it"),
            "part": one_of("What the row defines", ("domain", "level", "overall")),
            "name": text(
                "Identifier of a domain, such as D1; the instrument's own word for a level"
            ),
            "means": text(
                "Title of the domain; which level it is, in the words of risk_of_bias.csv"
            ),
            "sign": text("Sign for the level", optional=True),
        },
        unique=("instrument", "part", "name"),
        usual=False,
    ),
    "certainty": _table(
        "Certainty of the evidence (GRADE) as the review rates it",
        {
            "outcome": key(OUTCOME),
            "follow_up": key(FOLLOW_UP),
            "rating": one_of("Rating", RATINGS),
            "reasons": text("Reasons given"),
        },
        unique=("outcome", "follow_up"),
    ),
    "analyses": _table(
        "Which comparisons enter which analysis, and why",
        {
            "outcome": key(OUTCOME),
            "follow_up": key(FOLLOW_UP),
            "trial": key(TRIAL),
            "experimental_arm": key(EXPERIMENTAL_ARM),
            "comparator_arm": key(COMPARATOR_ARM),
            "reading": text("Readings of the text that the row belongs to: main, or another"),
            "participants": count("Participants analysed, if not those of Table 1", optional=True),
            "effect_from": one_of(
                "What is known of the effect beforehand; nothing where it is empty",
                ("nothing", "p value", "contrast"),
                optional=True,
                usual=False,
            ),
            "favours": one_of("Side that the trial favours", GROUPS, optional=True, usual=False),
            "p_low": number("Least p value that fits what is stated", low=0, high=1, usual=False),
            "p_high": number(
                "Greatest p value that fits what is stated", low=0, high=1, usual=False
            ),
            "why": text("The argument from the text"),
        },
        unique=("outcome", "follow_up", "trial", "experimental_arm", "comparator_arm", "reading"),
    ),
    "reconstructed": _table(
        "Effects computed to agree with what is printed, written by make reconstruct",
        {
            "outcome": key(OUTCOME),
            "follow_up": key(FOLLOW_UP),
            "trial": key(TRIAL),
            "experimental_arm": key(EXPERIMENTAL_ARM),
            "comparator_arm": key(COMPARATOR_ARM),
            "measure": one_of("Effect measure", MEASURES),
            "estimate": number("Experimental minus comparator", optional=False),
            "se": number("Standard error", above=0, optional=False),
            "low": number("Least estimate in the ensemble (2.5 %)", optional=False),
            "high": number("Greatest estimate in the ensemble (97.5 %)", optional=False),
            "n_experimental": number("Participants, experimental, a shared arm split", above=0),
            "n_comparator": number("Participants, comparator, a shared arm split", above=0),
        },
        unique=("outcome", "follow_up", "trial", "experimental_arm", "comparator_arm"),
        usual=False,
    ),
    "claims": _table(
        "Statements of the text that a table can check",
        {
            "claim": key("Statement", unique=True),
            "table": text("Table that it speaks of"),
            "column": text("Column that it speaks of"),
            "where": text("Rows that it speaks of: column=value, joined by &", optional=True),
            "statistic": one_of(
                "What it states",
                ("max", "mean", "median", "min", "product", "rows", "sum", "trials"),
            ),
            "relation": one_of("How", ("=", "<=", ">=")),
            "value": number("The value stated", optional=False),
            "factor": number("Multiplies the column before it is compared", above=0),
            "scale_max": number("Scale to which the column is brought first", above=0),
            "words": text("The statement"),
            "matters": one_of("What a contradiction would change", ("none", "wording", "number")),
        },
        usual=False,
    ),
    "moderators": _table(
        "Further columns of trials.csv and arms.csv that may explain why effects differ",
        {
            "moderator": key("Name of the column", unique=True),
            "table": one_of("Table that holds the column", MODERATED),
            "label": text("Name in text and plots", unique=True, label="factor"),
            "kind": one_of("Words that divide trials, or a number", ("category", "number")),
            "unit": text("Unit of the number", optional=True),
        },
        usual=False,
    ),
    "subgroup_levels": _table(
        "Levels of the subgroup analyses",
        {
            "factor": text("Factor", label="factor"),
            "level": text("Level", label="level"),
            "variable": text(f"Column of arms.csv, or {BASELINE_OF.strip()} an outcome"),
            "low": number(
                "Lower end: a share of the scale; without a scale, in the unit of the variable",
                optional=False,
            ),
            "high": number(
                "Upper end: a share of the scale; without a scale, in the unit of the variable",
                optional=False,
            ),
        },
        unique=("factor", "level"),
    ),
    "statements": _table(
        "What the authors say, sentence by sentence, beside what their numbers show",
        {
            "statement": key("Statement", unique=True),
            "section": text("Subject under which it is told"),
            "text": text("What the authors say, in other words"),
            "support": one_of("What the printed numbers say of it", SUPPORT),
            "beside": text(
                "What stands beside it; {result.number} is a number of published.csv", optional=True
            ),
        },
        usual=False,
    ),
}


def usual_tables() -> list[str]:
    """Return the tables that a new review begins with."""
    return [name for name, schema in SCHEMAS.items() if (schema.metadata or {})["usual"]]


def header(name: str) -> list[str]:
    """Return the columns that a table of a new review begins with."""
    columns = SCHEMAS[name].columns.items()
    return [column for column, spec in columns if (spec.metadata or {}).get("usual", True)]


def codebook() -> pd.DataFrame:
    """Return one row a column of every table: what it holds, and what it may hold."""
    from analysis_lib.review.found import schema  # which is made of what stands here

    kinds = {TEXT: "text", NUMBER: "number", COUNT: "whole number", YES_NO: "yes or no"}
    rows = [
        {
            "table": f"{name}.csv",
            "column": column,
            "holds": spec.description,
            "kind": kinds[kind_of(spec)],
            "rule": "; ".join(str(check.error) for check in spec.checks),
            "empty allowed": "yes" if spec.nullable else "no",
        }
        for name, table in (*SCHEMAS.items(), ("found", schema()))
        for column, spec in table.columns.items()
    ]
    return pd.DataFrame(rows)


#: What two extraction sheets differ in: the tables of the folder ``extraction``.
EXTRACTION: Mapping[str, pa.DataFrameSchema] = {
    "differences.csv": table(
        "Cells in which two extraction sheets differ",
        {
            **{name: text(f"{name}, as in the sheets") for name in ("study", "outcome", "time")},
            "arms": text("Arm, or the two arms, as in the sheets", optional=True),
            "column": text("Column in which the sheets differ"),
            "first": text("Cell of the first sheet", optional=True),
            "first_row": count("Row of the first sheet", low=1, optional=True),
            "second": text("Cell of the second sheet", optional=True),
            "second_row": count("Row of the second sheet", low=1, optional=True),
            "settled": text("Value that holds; empty if there is none", optional=True),
            "decided_by": text("Who decided", optional=True),
            "why": text("Why", optional=True),
            "first_file": text("File of the first sheet"),
            "second_file": text("File of the second sheet"),
        },
        takes_more=True,
    ),
    "compared.csv": table(
        "Extraction sheets that were compared, as they were first",
        {
            "first_file": text("File of the first sheet"),
            "second_file": text("File of the second sheet"),
            "cells": count("Cells that at least one of the two filled"),
            "differing": count("Cells in which they differ"),
            "results": text("Which results they hold", optional=True, usual=False),
        },
        unique=("first_file", "second_file"),
    ),
}
