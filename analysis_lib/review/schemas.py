"""What a review's tables must look like, column by column, and what must agree between them.

The schemas are pandera's. They are also the codebook: every column carries its description, and
``codebook()`` turns them into the table that the book prints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
import pandera.pandas as pa

from analysis_lib.base.errors import Problem, shown
from analysis_lib.base.measures import BINARY_MEASURES, MEASURES, RATIO_MEASURES
from analysis_lib.review.baseline import (
    BASELINE,
    BASELINE_OF,
    PROVENANCES,
    outcome_of,
    scores_at_baseline,
)
from analysis_lib.review.flow import EXCLUDED, NOT_RETRIEVED, flow_problems

RATINGS = ("very low", "low", "moderate", "high")

TEXT, NUMBER, COUNT, YES_NO = "str", "float64", "Int64", "boolean"


def _column(
    kind: str, description: str, *checks: pa.Check, optional: bool = False, unique: bool = False
) -> pa.Column:
    return pa.Column(
        kind,
        list(checks),
        nullable=optional,
        unique=unique,
        coerce=True,
        description=description,
        metadata={"kind": kind},
    )


def kind_of(column: pa.Column) -> str:
    """Return what a column holds: ``TEXT``, ``NUMBER``, ``COUNT`` or ``YES_NO``."""
    return str((column.metadata or {})["kind"])


def text(description: str, *, optional: bool = False, unique: bool = False) -> pa.Column:
    """Free text."""
    return _column(TEXT, description, optional=optional, unique=unique)


def key(description: str, *, optional: bool = False, unique: bool = False) -> pa.Column:
    """Make an identifier column: lower-case letters, digits, hyphens, underscores."""
    rule = pa.Check.str_matches(
        r"^[A-Za-z0-9][A-Za-z0-9_-]*$",
        error="must be an identifier (letters, digits, - and _)",
    )
    return _column(TEXT, description, rule, optional=optional, unique=unique)


def one_of(description: str, values: tuple[str, ...], *, optional: bool = False) -> pa.Column:
    """Make a column of words from a fixed list."""
    rule = pa.Check.isin(values, error=f"must be one of: {', '.join(values)}")
    return _column(TEXT, description, rule, optional=optional)


def number(
    description: str,
    *,
    low: float | None = None,
    above: float | None = None,
    high: float | None = None,
    optional: bool = True,
) -> pa.Column:
    """Make a column of numbers, at least ``low``, greater than ``above``, at most ``high``."""
    checks = []
    if low is not None:
        checks.append(pa.Check.ge(low, error=f"must be at least {low:g}"))
    if above is not None:
        checks.append(pa.Check.gt(above, error=f"must be greater than {above:g}"))
    if high is not None:
        checks.append(pa.Check.le(high, error=f"must be at most {high:g}"))
    return _column(NUMBER, description, *checks, optional=optional)


def count(description: str, *, low: int = 0, optional: bool = False) -> pa.Column:
    """Make a column of whole numbers, at least ``low``."""
    rule = pa.Check.ge(low, error=f"must be at least {low}")
    return _column(COUNT, description, rule, optional=optional)


def yes_no(description: str) -> pa.Column:
    """Make a column that holds yes or no."""
    return _column(YES_NO, description)


LAST_COLUMNS = ("provenance", "source", "note")


def _table(
    title: str, columns: dict[str, pa.Column], *, unique: tuple[str, ...] = ()
) -> pa.DataFrameSchema:
    """Close a table with the three columns that every row of a review must carry."""
    columns |= {
        "provenance": one_of("How the row came to be known", PROVENANCES),
        "source": text("Which document, and where in it"),
        "note": text("Oddities as printed, repairs, inferences said as such", optional=True),
    }
    return pa.DataFrameSchema(columns, strict=True, unique=list(unique) or None, title=title)


def _printed(what: str) -> pa.Column:
    return text(f"{what}, the cell as printed", optional=True)


def _mean_sd(name: str, what: str, unit: str) -> dict[str, pa.Column]:
    return {
        f"{name}_printed": _printed(what),
        f"{name}_mean": number(f"{what}, mean ({unit})", low=0),
        f"{name}_sd": number(f"{what}, standard deviation ({unit})", above=0),
    }


TRIAL = "Trial; key of trials.csv"
OUTCOME = "Outcome; key of outcomes.csv"
FOLLOW_UP = "Follow-up; key of follow_ups.csv"
CITATION = "Key in book/references.bib"
EXPERIMENTAL_ARM = "Experimental arm; key of arms.csv"
COMPARATOR_ARM = "Comparator arm; key of arms.csv"
GROUPS = ("experimental", "comparator")

SCHEMAS: Mapping[str, pa.DataFrameSchema] = {
    "outcomes": _table(
        "Outcomes and how each is measured",
        {
            "outcome": key("Outcome", unique=True),
            "label": text("Name in text and plots"),
            "priority": one_of("Primary or secondary outcome", ("primary", "secondary")),
            "measure": one_of("Effect measure of the meta-analyses", (*MEASURES, *BINARY_MEASURES)),
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
    ),
    "follow_ups": _table(
        "Follow-ups of the syntheses",
        {
            "follow_up": key("Follow-up", unique=True),
            "label": text("Name in text and plots"),
            "definition": text("The review's definition"),
        },
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
            "name": text("Source", unique=True),
            "kind": one_of("Kind", ("database", "gray literature", "citation search")),
            "platform_group": one_of(
                "Group", ("core", "multidisciplinary", "subject", "gray", "reviews")
            ),
            "filter": text("Filter applied", optional=True),
            "searchers": text("Who searched", optional=True),
            "reference": count("Number in the review's reference list", low=1, optional=True),
            "citation": key(CITATION, optional=True),
        },
    ),
    "searches": _table(
        "Dates of the searches",
        {
            "date": _column(
                TEXT,
                "Month of the search",
                pa.Check.str_matches(r"^\d{4}-\d{2}$", error="must be a month, as in 2025-03"),
                unique=True,
            ),
            "kind": one_of("First search or update", ("first", "update")),
            "searchers": text("Who searched"),
        },
    ),
    "selection": _table(
        "Boxes of the PRISMA 2020 flow diagram",
        {
            "box": key("Box", unique=True),
            "label": text("Words in the box"),
            "count": count("Records, reports or studies in the box"),
            "parent": key("Box that this one is a part of", optional=True),
        },
    ),
    "excluded_reports": _table(
        "Reports sought and not included",
        {
            "report": key("Report", unique=True),
            "reference": count("Number in the review's reference list", low=1, optional=True),
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
            "reference": count("Number in the review's reference list", low=1),
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
            "label": text("Name in text and plots", unique=True),
            "year": count("Year of the main report", low=1900),
            "pooled": yes_no("Whether the trial enters the quantitative synthesis"),
            "gender_reported": yes_no("Whether Table 1 gives the sexes"),
            "risk_of_bias_text": text("Overall risk of bias as the text states it"),
            "between_groups_text": text("Between-group finding as the text states it"),
        },
    ),
    "arms": _table(
        "Arms of the trials and their participants at baseline",
        {
            "trial": key(TRIAL),
            "arm": key("Arm; unique within its trial"),
            "group": one_of("Side of the comparison", GROUPS),
            "label_printed": text("Group label as printed"),
            "description": text("What the arm did, where a source names it", optional=True),
            "n": count("Participants", low=1),
            "sex_printed": _printed("Men and women"),
            "men": count("Men", optional=True),
            "women": count("Women", optional=True),
            **_mean_sd("age", "Age", "years"),
            **_mean_sd("weight", "Weight", "kg"),
            **_mean_sd("height", "Height", "cm"),
            "condition": text("Type or stage of the condition, as printed", optional=True),
            "adverse_printed": _printed("Adverse events"),
            **_mean_sd("duration", "Duration of symptoms", "years"),
        },
        unique=("trial", "arm"),
    ),
    "interventions": _table(
        "The experimental programmes",
        {
            "trial": key(TRIAL, unique=True),
            "modalities": text("Resistance modalities"),
            "exercise_type": text("Kind of exercise"),
            "intensity_metric": text("How intensity was prescribed"),
            "overload_strategy": text("How load progressed"),
            "progressive": yes_no("Whether overload was progressive"),
            "supervision": text("Supervision"),
            "weeks": number("Length of the programme (weeks)", above=0),
            "sessions_per_week": number("Sessions a week", above=0),
            "sessions": number("Sessions in all", above=0),
        },
    ),
    "adverse_events": _table(
        "Adverse events",
        {
            "trial": key(TRIAL),
            "arm": key("Arm; key of arms.csv"),
            "events": count("Events", optional=True),
            "relation": one_of(
                "Relation to the exercise", ("related", "unrelated", "none", "not stated")
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
            "factor": text("Factor of a subgroup analysis", optional=True),
            "words": text("The sentence, shortened"),
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
            "printed": _printed("The result"),
            "mean": number("Mean (points of the scale)"),
            "sd": number("Standard deviation (points of the scale)", above=0),
            "events": count("People with the event, of a binary outcome", optional=True),
            "scale_min": number("Lowest score of the instrument"),
            "scale_max": number("Highest score of the instrument"),
            "weeks": number("Weeks from the start", low=0),
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
            "measure": one_of("Effect measure", MEASURES),
            "estimate": number("Experimental minus comparator", optional=False),
            "ci_low": number("Lower limit of the 95 % confidence interval", optional=False),
            "ci_high": number("Upper limit of the 95 % confidence interval", optional=False),
            "unit": text("Unit of the effect", optional=True),
            "n_experimental": count("Participants, experimental arm", low=1, optional=True),
            "n_comparator": count("Participants, comparator arm", low=1, optional=True),
        },
        unique=("trial", "outcome", "follow_up", "experimental_arm", "comparator_arm", "measure"),
    ),
    "risk_of_bias": _table(
        "Risk of bias (RoB 2), by signalling question, domain or overall",
        {
            "trial": key(TRIAL),
            "outcome": key("all, or an outcome"),
            "item": _column(
                TEXT,
                "overall, a domain (D1 to D5) or a signalling question (1.1 to 5.3)",
                pa.Check.str_matches(
                    r"^(overall|D[1-5]|[1-5]\.[1-7])$",
                    error="must be overall, D1 to D5, or a signalling question such as 1.1",
                ),
            ),
            "judgement": one_of(
                "Judgement, or answer to a signalling question",
                ("low", "some concerns", "high", "not stated", "Y", "PY", "PN", "N", "NI", "NA"),
            ),
        },
        unique=("trial", "outcome", "item"),
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
                "What is known of the effect beforehand", ("nothing", "p value", "contrast")
            ),
            "favours": one_of("Side that the trial favours", GROUPS, optional=True),
            "p_low": number("Least p value that fits what is stated", low=0, high=1),
            "p_high": number("Greatest p value that fits what is stated", low=0, high=1),
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
    ),
    "subgroup_levels": _table(
        "Levels of the subgroup analyses",
        {
            "factor": text("Factor"),
            "level": text("Level"),
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
}


# What a review may not have, or not yet; a table of any other kind must have rows.
MAY_BE_EMPTY = frozenset(
    {
        "criteria",
        "sources",
        "searches",
        "selection",
        "reports",
        "interventions",
        "analyses",
        "reconstructed",
        "claims",
        "subgroup_levels",
        "excluded_reports",
        "adverse_events",
        "published",
        "arm_results",
        "contrasts",
        "risk_of_bias",
        "certainty",
    }
)


def required_columns(name: str) -> list[str]:
    """Return the columns that a table must have; one whose cells may all be empty may be absent."""
    return [
        column
        for column, spec in SCHEMAS[name].columns.items()
        if not spec.nullable or column in LAST_COLUMNS
    ]


def table_problems(name: str, table: pd.DataFrame, text: pd.DataFrame) -> list[Problem]:
    """Return everything that one table's schema finds wrong with it.

    Parameters
    ----------
    name
        Which table.
    table
        Its rows as numbers, truth values and text; the index holds the row numbers of the file.
    text
        The same rows as they stand in the file.
    """
    file = f"{name}.csv"
    if table.empty and name not in MAY_BE_EMPTY:
        return [Problem(file, "the table has a header and no rows")]
    try:
        SCHEMAS[name].validate(table, lazy=True)
    except pa.errors.SchemaErrors as errors:
        return [_explained(name, text, case) for _, case in errors.failure_cases.iterrows()]
    return []


def _explained(name: str, text: pd.DataFrame, case: pd.Series) -> Problem:
    """Say one failure of pandera's in the words of somebody who looks at a spreadsheet."""
    file, check = f"{name}.csv", str(case["check"])
    row, column = int(case["index"]), str(case["column"])
    if check == "multiple_fields_uniqueness":
        key = SCHEMAS[name].unique or []
        combination = ", ".join(f"{c} {shown(text.loc[row, c])}" for c in key)
        return Problem(file, f"{combination} stand together in the table twice", row)
    if check == "field_uniqueness":
        return Problem(
            file, f"{shown(text.loc[row, column])} stands in the table twice", row, column
        )
    if check == "not_nullable":
        return Problem(file, "a value is missing", row, column)
    return Problem(file, f"{shown(text.loc[row, column])} {check}", row, column)


Tables = Mapping[str, pd.DataFrame]


def cross_table_problems(
    tables: Tables, citations: frozenset[str], participants: Mapping[str, Any]
) -> list[Problem]:
    """Return everything in which the tables of a review disagree with each other."""
    return [
        *_unresolved_keys(tables, citations),
        *_flow(tables),
        *_reports(tables),
        *_participants(tables["arms"], participants),
        *_sexes(tables["arms"]),
        *_intervals(tables),
        *_important(tables["outcomes"]),
        *_measured(tables["arm_results"]),
        *_readings(tables["analyses"]),
        *_follow_ups(tables["follow_ups"]),
        *_factors(tables),
    ]


def _unresolved_keys(tables: Tables, citations: frozenset[str]) -> Iterator[Problem]:
    trials, outcomes = set(tables["trials"]["trial"]), set(tables["outcomes"]["outcome"])
    follow_ups, boxes = set(tables["follow_ups"]["follow_up"]), set(tables["selection"]["box"])
    reasons = set(tables["excluded_reports"]["reason"])  # all of them, without a diagram
    keys: list[tuple[str, set[str] | frozenset[str], str, tuple[str, ...]]] = [
        (
            "trial",
            trials,
            "trials.csv",
            (
                "arms",
                "reports",
                "interventions",
                "adverse_events",
                "arm_results",
                "contrasts",
                "risk_of_bias",
                "analyses",
                "reconstructed",
            ),
        ),
        (
            "outcome",
            outcomes,
            "outcomes.csv",
            ("published", "arm_results", "contrasts", "certainty", "analyses", "reconstructed"),
        ),
        ("outcome", outcomes | {"all"}, "outcomes.csv", ("risk_of_bias",)),
        (
            "follow_up",
            follow_ups,
            "follow_ups.csv",
            ("published", "contrasts", "certainty", "analyses", "reconstructed"),
        ),
        ("time", follow_ups | {BASELINE}, "follow_ups.csv", ("arm_results",)),
        ("reason", boxes or reasons, "selection.csv", ("excluded_reports",)),
        ("parent", boxes, "selection.csv", ("selection",)),
        ("citation", citations, "references.bib", ("sources", "excluded_reports", "reports")),
    ]
    for column, known, where, names in keys:
        for name in names:
            values = tables[name][column]
            for row in _rows(values.notna() & ~values.isin(known)):
                told = f"{shown(values[row])} is not in {where}"
                yield Problem(f"{name}.csv", told, row, column)
    yield from _unresolved_arms(tables)
    with_report = trials if tables["reports"].empty else set(tables["reports"]["trial"])
    for trial in sorted(trials - with_report):
        yield Problem("trials.csv", f"{trial!r} has no report in reports.csv", column="trial")
    for trial in sorted(trials - set(tables["arms"]["trial"])):
        yield Problem("trials.csv", f"{trial!r} has no arm in arms.csv", column="trial")


def _rows(wrong: pd.Series) -> list[int]:
    """Return the row numbers at which something is true."""
    return [int(row) for row in wrong.index[wrong]]


PAIRED = ("contrasts", "analyses", "reconstructed")  # tables whose rows compare two arms


def _unresolved_arms(tables: Tables) -> Iterator[Problem]:
    arms = set(zip(tables["arms"]["trial"], tables["arms"]["arm"], strict=True))
    columns = [
        ("adverse_events", "arm"),
        ("arm_results", "arm"),
        *((name, side) for name in PAIRED for side in ("experimental_arm", "comparator_arm")),
    ]
    for name, column in columns:
        table = tables[name]
        for row, trial, arm in zip(table.index, table["trial"], table[column], strict=True):
            if (trial, arm) not in arms:
                told = f"arm {arm!r} of {trial!r} is not in arms.csv"
                yield Problem(f"{name}.csv", told, int(row), column)


def _flow(tables: Tables) -> Iterator[Problem]:
    """Check that the boxes of the flow diagram add up (PRISMA 2020)."""
    selection = tables["selection"]
    if selection.empty:  # a review may lack the diagram, but not a part of it
        return
    rows = dict(zip(selection["box"], selection.index, strict=True))
    counts = {box: int(n) for box, n in zip(selection["box"], selection["count"], strict=True)}
    reasons = list(selection.loc[selection["parent"] == EXCLUDED, "box"])
    for box, message in flow_problems(counts, reasons):
        row = int(rows[box]) if box in rows else None
        yield Problem("selection.csv", message, row, "count")


def _reports(tables: Tables) -> Iterator[Problem]:
    """Check the counted boxes against the lists of reports and trials."""
    selection = tables["selection"].set_index("box")["count"]
    listed = {
        **tables["excluded_reports"]["reason"].value_counts().to_dict(),
        "studies_included": len(tables["trials"]),
    }
    if len(tables["reports"]):  # a review may count its reports without a list of them
        listed["reports_included"] = len(tables["reports"])
    for found_by, n in tables["reports"]["found_by"].value_counts().items():
        listed[f"reports_included_{found_by}"] = n
    excluded = tables["selection"].loc[tables["selection"]["parent"] == EXCLUDED, "box"]
    reasons = [*excluded, NOT_RETRIEVED]
    for box in dict.fromkeys([*reasons, *listed]):
        told, found = selection.get(box), listed.get(box, 0)
        if told is not None and told != found:
            row = int(tables["selection"].index[tables["selection"]["box"] == box][0])
            message = f"{told} counted for {box!r}, but {found} listed by name"
            yield Problem("selection.csv", message, row, "count")
    reports = tables["excluded_reports"]
    wrong = reports["retrieved"] == (reports["reason"] == NOT_RETRIEVED)
    for row in _rows(wrong):
        message = f"a report is not retrieved exactly when its reason is {NOT_RETRIEVED!r}"
        yield Problem("excluded_reports.csv", message, row, "retrieved")


def _participants(arms: pd.DataFrame, told: Mapping[str, Any]) -> Iterator[Problem]:
    """Check that the arms add up to the review's numbers, or that the difference is on record."""
    differences = told.get("difference", [])
    for key, sides in (
        ("experimental", ("experimental",)),
        ("comparator", ("comparator",)),
        ("total", ("experimental", "comparator")),
    ):
        found = int(arms.loc[arms["group"].isin(sides), "n"].sum())
        explained = sum(d["n"] for d in differences if d["group"] in sides)
        if key in told and found - explained != told[key]:
            message = (
                f"the {'' if key == 'total' else key + ' '}arms add up to {found}, "
                f"the review says {told[key]}, "
                f"and review.toml explains a difference of {explained}"
            )
            yield Problem("arms.csv", message, column="n")


def _sexes(arms: pd.DataFrame) -> Iterator[Problem]:
    """Check men + women against n; an oddity that is printed so has to be noted."""
    both = arms.dropna(subset=["men", "women"])
    wrong = (both["men"] + both["women"] != both["n"]) & both["note"].isna()
    for row in _rows(wrong):
        arm = both.loc[row]
        message = (
            f"{arm['men']} men and {arm['women']} women, but n is {arm['n']}; "
            "if it is printed so, say it in note"
        )
        yield Problem("arms.csv", message, row, "men")


def _measured(results: pd.DataFrame) -> Iterator[Problem]:
    """Check that each result by arm is a mean, or events among people."""
    n, events = results["n"], results["events"]
    for wrong, column, message in (
        (results["mean"].isna() & events.isna(), "mean", "neither a mean nor events"),
        (results["mean"].notna() & events.notna(), "events", "both a mean and events"),
        (events.notna() & n.isna(), "n", "events without a number of people"),
        ((events > n).fillna(value=False).astype(bool), "events", "more events than people"),
    ):
        for row in _rows(wrong):
            yield Problem("arm_results.csv", message, row, column)


def _important(outcomes: pd.DataFrame) -> Iterator[Problem]:
    """Check that the minimal important difference of a ratio is some difference."""
    for row in _rows(outcomes["measure"].isin(RATIO_MEASURES) & (outcomes["mid"] == 1)):
        message = f"{outcomes['measure'][row]} = 1 is no difference; give 0.8 or 1.25, say"
        yield Problem("outcomes.csv", message, row, "mid")


def _intervals(tables: Tables) -> Iterator[Problem]:
    for name, low, high in (
        ("published", "ci_low", "ci_high"),
        ("published", "pi_low", "pi_high"),
        ("outcomes", "scale_min", "scale_max"),
        ("analyses", "p_low", "p_high"),
        ("reconstructed", "low", "high"),
        ("contrasts", "ci_low", "ci_high"),
        ("arm_results", "scale_min", "scale_max"),
        ("subgroup_levels", "low", "high"),
    ):
        table = tables[name]
        for row, start, end in zip(table.index, table[low], table[high], strict=True):
            if pd.isna(start) != pd.isna(end):
                given, absent = (high, low) if pd.isna(start) else (low, high)
                message = f"{given} is given, but {absent} is missing"
                yield Problem(f"{name}.csv", message, int(row), absent)
            elif start > end:
                message = f"{low} {start:g} is greater than {high} {end:g}"
                yield Problem(f"{name}.csv", message, int(row), low)


def _readings(analyses: pd.DataFrame) -> Iterator[Problem]:
    """Check that no reading of the text counts a comparison twice."""
    comparison = ["outcome", "follow_up", "trial", "experimental_arm", "comparator_arm", "reading"]
    one_a_row = analyses.assign(reading=analyses["reading"].str.split("; ")).explode("reading")
    twice = one_a_row.duplicated(comparison, keep=False).to_numpy()
    for row, reading in zip(one_a_row.index[twice], one_a_row["reading"][twice], strict=True):
        message = f"the reading {reading!r} holds this comparison twice"
        yield Problem("analyses.csv", message, int(row), "reading")


def _follow_ups(follow_ups: pd.DataFrame) -> Iterator[Problem]:
    """Check that what was measured before the trials is not pooled as if it came after."""
    for row in _rows(follow_ups["follow_up"] == BASELINE):
        message = f"{BASELINE!r} is the time before the follow-ups, not one of them"
        yield Problem("follow_ups.csv", message, row, "follow_up")


def _factors(tables: Tables) -> Iterator[Problem]:
    """Check that a factor speaks of something that the tables know, in all its levels."""
    file, levels = "subgroup_levels.csv", tables["subgroup_levels"]
    first = levels.groupby("factor")["variable"].transform("first")
    for row in _rows(levels["variable"] != first):
        message = f"another level of {levels['factor'][row]!r} speaks of {first[row]!r}"
        yield Problem(file, message, row, "variable")
    columns = {c for c, spec in SCHEMAS["arms"].columns.items() if kind_of(spec) in (NUMBER, COUNT)}
    outcomes = set(tables["outcomes"]["outcome"])
    for row, variable in zip(levels.index, levels["variable"], strict=True):
        outcome = outcome_of(variable)
        if outcome is None and variable not in columns:
            message = (
                f"{shown(variable)} is no column of numbers in arms.csv, and does not begin with "
                f"{BASELINE_OF.strip()!r}"
            )
            yield Problem(file, message, int(row), "variable")
        elif outcome is not None and outcome not in outcomes:
            message = f"{shown(outcome)} is not in outcomes.csv"
            yield Problem(file, message, int(row), "variable")
        elif outcome is not None:
            yield from _beyond_scale(levels.loc[[row]], tables["arm_results"], outcome)


def _beyond_scale(
    level: pd.DataFrame, arm_results: pd.DataFrame, outcome: str
) -> Iterator[Problem]:
    """Check that a level of a score with a scale is a share of that scale."""
    if scores_at_baseline(arm_results, outcome)["scale_max"].isna().all():
        return
    for end in ("low", "high"):
        for row in _rows(~level[end].between(0, 1)):
            message = f"{level[end][row]:g} is no share of the scale, which runs from 0 to 1"
            yield Problem("subgroup_levels.csv", message, row, end)


def codebook() -> pd.DataFrame:
    """Return one row a column of every table: what it holds, and what it may hold."""
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
        for name, schema in SCHEMAS.items()
        for column, spec in schema.columns.items()
    ]
    return pd.DataFrame(rows)
