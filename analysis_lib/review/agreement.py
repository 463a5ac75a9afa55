"""What must agree between the tables of a review, and between the columns of one.

A schema judges a cell by itself. Here keys must resolve, counts add up, the ends of an interval
stand in order, a number is the one printed beside it, and no two names look the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from typing import Final

import numpy as np
import pandas as pd

from analysis_lib.base.errors import MOST_PROBLEMS, Problem, ReviewError, did_you_mean, shown
from analysis_lib.base.measures import (
    BINARY_MEASURES,
    EVENT_MEASURES,
    GROUP_MEASURES,
    RATE_MEASURES,
    RATIO_MEASURES,
    no_difference,
)
from analysis_lib.review.baseline import (
    BASELINE,
    BASELINE_OF,
    outcome_of,
    scores_at_baseline,
)
from analysis_lib.review.cells import COUNT, NUMBER, kind_of, rows_where
from analysis_lib.review.flow import (
    DATABASES,
    EXCLUDED,
    NOT_RETRIEVED,
    PREVIOUS_REPORTS,
    flow_problems,
)
from analysis_lib.review.info import Participants, ReviewInfo
from analysis_lib.review.instruments import (
    INSTRUMENTS,
    ROB2,
    check_item,
    instrument_names,
    own_instruments,
    wrong_instruments,
)
from analysis_lib.review.provenance import weaker_cells
from analysis_lib.review.schemas import MODERATED, SCHEMAS

Tables = Mapping[str, pd.DataFrame]


def disagreements(
    tables: Tables, citations: frozenset[str], participants: Participants
) -> list[Problem]:
    """Return everything in which the tables of a review disagree.

    Parameters
    ----------
    tables
        All tables by name, their cells checked; the index holds the rows of the file.
    citations
        The keys of the bibliography.
    participants
        The numbers that the review states.
    """
    return [
        *_unresolved_keys(tables, citations),
        *_flow(tables),
        *_reports(tables),
        *_participants(tables["arms"], participants),
        *_sexes(tables["arms"]),
        *_intervals(tables),
        *_important(tables["outcomes"]),
        *_measured(tables["arm_results"]),
        *_scores(tables, "arm_results"),
        *_scores(tables, "contrasts"),
        *_designs(tables),
        *_printed_of_groups(tables),
        *_differences(tables["contrasts"], tables["outcomes"]),
        *_judged(tables["risk_of_bias"], tables["instruments"]),
        *_readings(tables["analyses"]),
        *_follow_ups(tables["follow_ups"]),
        *_factors(tables),
        *_moderators(tables),
        *_claims(tables),
        *_misprinted(tables),
        *_look_alikes(tables),
        *_like_keys(tables),
        *_weaker(tables),
    ]


# --- keys -----------------------------------------------------------------------------------------

OF_TRIALS = (
    *("arms", "reports", "interventions", "adverse_events", "arm_results", "contrasts"),
    *("risk_of_bias", "analyses", "reconstructed"),
)
OF_OUTCOMES = ("published", "arm_results", "contrasts", "certainty", "analyses", "reconstructed")
OF_FOLLOW_UPS = ("published", "contrasts", "certainty", "analyses", "reconstructed")
PAIRED = ("contrasts", "analyses", "reconstructed")  # tables whose rows compare two arms


def _unresolved_keys(tables: Tables, citations: frozenset[str]) -> Iterator[Problem]:
    trials, outcomes = set(tables["trials"]["trial"]), set(tables["outcomes"]["outcome"])
    follow_ups, boxes = set(tables["follow_ups"]["follow_up"]), set(tables["selection"]["box"])
    reasons = set(tables["excluded_reports"]["reason"])  # all of them, without a diagram
    keys: list[tuple[str, Collection[str], str, tuple[str, ...]]] = [
        ("trial", trials, "trials.csv", OF_TRIALS),
        ("outcome", outcomes, "outcomes.csv", OF_OUTCOMES),
        ("outcome", outcomes | {"all"}, "outcomes.csv", ("risk_of_bias",)),
        ("follow_up", follow_ups, "follow_ups.csv", OF_FOLLOW_UPS),
        ("time", follow_ups | {BASELINE}, "follow_ups.csv", ("arm_results",)),
        ("reason", boxes or reasons, "selection.csv", ("excluded_reports",)),
        ("parent", boxes, "selection.csv", ("selection",)),
        ("citation", citations, "references.bib", ("sources", "excluded_reports", "reports")),
    ]
    for column, known, where, names in keys:
        for name in names:
            values = tables[name][column]
            absent = [x for x in values.unique() if x not in known and not pd.isna(x)]
            # The first are those that an error lists; to look for what was meant takes time.
            meant = {x: did_you_mean(x, sorted(known)) for x in absent[:MOST_PROBLEMS]}
            for row, value in values[values.isin(absent)].items() if absent else ():
                told = f"{shown(value)} is not in {where}{meant.get(value, '')}"
                yield Problem(f"{name}.csv", told, int(str(row)), column)
    yield from _unresolved_arms(tables)
    with_report = trials if tables["reports"].empty else set(tables["reports"]["trial"])
    for trial in sorted(trials - with_report):
        yield Problem("trials.csv", f"{trial!r} has no report in reports.csv", column="trial")
    for trial in sorted(trials - set(tables["arms"]["trial"])):
        yield Problem("trials.csv", f"{trial!r} has no arm in arms.csv", column="trial")


def choices_of_outcomes(outcomes: pd.DataFrame, info: ReviewInfo) -> Iterator[str]:
    """Check that what ``review.toml`` chooses for outcomes fits the outcomes of the table."""
    measures = dict(zip(outcomes["outcome"], outcomes["measure"], strict=True))
    for name in sorted(set(info.outcome) - set(measures)):
        told = f"{shown(name)} is not in outcomes.csv{did_you_mean(name, list(measures))}"
        yield f"review.toml, table [outcome.{name}]: {told}"
    for name, measure in measures.items():
        too_many = [risk for risk in info.of_outcome(name).assumed_risk if risk >= 1]
        if too_many and measure not in RATE_MEASURES:
            yield (
                f"review.toml, table [outcome.{name}], key assumed_risk: a risk lies between 0 and "
                f"1, got {too_many[0]:g}; only rates ({', '.join(RATE_MEASURES)}) may be greater"
            )
        is_other = measure in (*BINARY_MEASURES, *RATE_MEASURES) and measure != "OR"
        if is_other and info.events_of(name).event_method == "Peto":
            own = info.of_outcome(name).event_method is not None
            place = f"table [outcome.{name}]" if own else "table [methods]"
            yield (
                f"review.toml, {place}, key event_method: Peto's is an odds ratio, and "
                f"outcomes.csv measures {shown(name)} by {measure}"
            )


def _unresolved_arms(tables: Tables) -> Iterator[Problem]:
    arms = set(zip(tables["arms"]["trial"], tables["arms"]["arm"], strict=True))
    columns = [
        ("adverse_events", "arm"),
        ("arm_results", "arm"),
        *((name, side) for name in PAIRED for side in ("experimental_arm", "comparator_arm")),
    ]
    for name, column in columns:
        table = tables[name]
        for row, *key in zip(table.index, table["trial"], table[column], strict=True):
            if tuple(key) not in arms:
                told = f"arm {key[1]!r} of {key[0]!r} is not in arms.csv"
                yield Problem(f"{name}.csv", told, int(row), column)


# --- counts ---------------------------------------------------------------------------------------


def _flow(tables: Tables) -> Iterator[Problem]:
    """Check that the boxes of the flow diagram add up (PRISMA 2020)."""
    selection = tables["selection"]
    if selection.empty:  # a review may lack the diagram, but not a part of it
        return
    rows = dict(zip(selection["box"], selection.index, strict=True))
    counts = {box: int(n) for box, n in zip(selection["box"], selection["count"], strict=True)}
    reasons = list(selection.loc[selection["parent"] == EXCLUDED, "box"])
    databases = list(selection.loc[selection["parent"] == DATABASES, "box"])
    for box, message in flow_problems(counts, reasons, databases):
        row = int(rows[box]) if box in rows else None
        yield Problem("selection.csv", message, row, "count")


def _reports(tables: Tables) -> Iterator[Problem]:
    """Check the counted boxes against the lists of reports and trials, as far as there are any."""
    boxes, excluded, reports = (tables[t] for t in ("selection", "excluded_reports", "reports"))
    listed = {"studies_included": len(tables["trials"])}
    if len(reports):
        before = boxes.loc[boxes["box"] == PREVIOUS_REPORTS, "count"].sum()
        listed["reports_included"] = len(reports) - int(before)
        by_way = reports["found_by"].value_counts()
        listed |= {f"reports_included_{found_by}": int(n) for found_by, n in by_way.items()}
    if len(excluded):
        reasons = [*boxes.loc[boxes["parent"] == EXCLUDED, "box"], NOT_RETRIEVED]
        listed |= dict.fromkeys(reasons, 0)
        listed |= {str(reason): int(n) for reason, n in excluded["reason"].value_counts().items()}
    for row, box, counted in boxes[["box", "count"]].itertuples(name=None):
        if counted != listed.get(box, counted):
            message = f"{counted} counted for {box!r}, but {listed[box]} listed by name"
            yield Problem("selection.csv", message, int(row), "count")
    for row in rows_where(excluded["retrieved"] == (excluded["reason"] == NOT_RETRIEVED)):
        message = f"a report is not retrieved exactly when its reason is {NOT_RETRIEVED!r}"
        yield Problem("excluded_reports.csv", message, row, "retrieved")


def _participants(arms: pd.DataFrame, stated: Participants) -> Iterator[Problem]:
    """Check that the arms add up to the review's numbers, or that the difference is on record."""
    for key, sides in (
        ("experimental", ("experimental",)),
        ("comparator", ("comparator",)),
        ("total", ("experimental", "comparator")),
    ):
        total = getattr(stated, key)
        found = int(arms.loc[arms["group"].isin(sides), "n"].sum())
        explained = sum(d.n for d in stated.difference if d.group in sides)
        if total is not None and found - explained != total:
            message = (
                f"the {'' if key == 'total' else key + ' '}arms add up to {found}, "
                f"the review says {total}, "
                f"and review.toml explains a difference of {explained}"
            )
            yield Problem("arms.csv", message, column="n")


def _sexes(arms: pd.DataFrame) -> Iterator[Problem]:
    """Check men + women against n; an oddity that is printed so has to be noted."""
    both = arms.dropna(subset=["men", "women", "n"])
    wrong = (both["men"] + both["women"] != both["n"]) & both["note"].isna()
    for row in rows_where(wrong):
        arm = both.loc[row]
        message = (
            f"{arm['men']} men and {arm['women']} women, but n is {arm['n']}; "
            "if it is printed so, say it in note"
        )
        yield Problem("arms.csv", message, row, "men")


def _measured(results: pd.DataFrame) -> Iterator[Problem]:
    """Check that each result by arm is a mean, or events among people."""
    n, events, time = results["n"], results["events"], results["person_time"]
    middle = results[["mean", "median", "correlation"]].notna().any(axis="columns")
    for wrong, column, message in (
        (~middle & events.isna(), "mean", "neither a mean nor events"),
        (middle & events.notna(), "events", "both a mean and events"),
        (events.notna() & n.isna() & time.isna(), "n", "events without a number of people"),
        (time.notna() & events.isna(), "person_time", "person-time without events"),
    ):
        for row in rows_where(wrong):
            yield Problem("arm_results.csv", message, row, column)
    for row in rows_where(time.isna() & (events > n)):
        told = f"more events than people, got {events[row]:g} of {n[row]:g}"
        yield Problem("arm_results.csv", told, row, "events")


def _scores(tables: Tables, name: str) -> Iterator[Problem]:
    """Check that a standardised difference is not made of final scores and of changes."""
    results, outcomes = tables[name], tables["outcomes"]
    standardised = outcomes.loc[outcomes["measure"] == "SMD", "outcome"]
    rows = results[results["outcome"].isin(standardised)]
    place = "time" if "time" in rows else "follow_up"
    rows = rows[rows[place] != BASELINE]
    is_change = rows["score"] == "change"
    mixed = is_change.groupby([rows["outcome"], rows[place]]).transform("nunique") > 1
    for row in rows_where(mixed & is_change):
        message = (
            "a change among final scores; their SDs differ, so they cannot be standardised together"
        )
        yield Problem(f"{name}.csv", message, row, "score")


def _printed_of_groups(tables: Tables) -> Iterator[Problem]:
    """Find printed results of what is measured of one group, which are not compared with ours."""
    measures = tables["outcomes"].set_index("outcome")["measure"].to_dict()
    of_one = tables["published"]["outcome"].map(measures).isin(GROUP_MEASURES)
    for row in rows_where(of_one):
        measure = measures[tables["published"]["outcome"][row]]
        message = f"a printed {measure} of one group cannot be held beside ours yet: leave it out"
        yield Problem("published.csv", message, row, "outcome")


def _designs(tables: Tables) -> Iterator[Problem]:
    """Check what is said of clusters, of cross-over and of instruments that run the other way."""
    measures = tables["outcomes"].set_index("outcome")["measure"].to_dict()
    for name in ("arm_results", "contrasts"):
        table = tables[name]
        size, icc = table["cluster_size"], table["icc"]
        standardised = table["outcome"].map(measures) == "SMD"
        wrong = [
            (size.notna() & icc.isna(), "icc", "missing: a cluster size needs the ICC"),
            (size.isna() & icc.notna(), "cluster_size", "missing: an ICC needs the cluster size"),
            (
                table["higher_is_better"].notna() & ~standardised,
                "higher_is_better",
                "only instruments of a standardised difference (SMD) may run the other way",
            ),
        ]
        if name == "arm_results":
            of_counts = table["paired_correlation"].notna() & table["events"].notna()
            told = "of events of the same people give the effect with its SE in contrasts.csv"
            wrong.append((of_counts, "paired_correlation", told))
        for bad, column, message in wrong:
            for row in rows_where(bad):
                yield Problem(f"{name}.csv", message, row, column)


RISK: Final = "risk of bias"  # by which subgroups are formed in any case
OF_SCORES: Final = ("HR", "OR")


def _differences(contrasts: pd.DataFrame, outcomes: pd.DataFrame) -> Iterator[Problem]:
    """Check that each printed effect has a precision, its measure and, a ratio, its sign."""
    low, high, estimate = (contrasts[name] for name in ("ci_low", "ci_high", "estimate"))
    score, v, p = (contrasts[name] for name in ("o_minus_e", "v", "p"))
    ratio = contrasts["measure"].isin(RATIO_MEASURES)
    none = contrasts["measure"].map(no_difference)
    of_scores = estimate.isna() & score.notna()
    imprecise = ~of_scores & contrasts[["se", "ci_low", "ci_high", "p"]].isna().all(axis="columns")
    outside = (low <= high) & ~estimate.isna() & ~estimate.between(low, high)
    by_p = p.notna() & contrasts[["se", "ci_low"]].isna().all(axis="columns")
    wanted = contrasts["outcome"].map(outcomes.set_index("outcome")["measure"].to_dict())
    of_events = ratio | contrasts["measure"].eq("RD") | wanted.isin(EVENT_MEASURES)
    mixed = of_events & wanted.notna() & (wanted != contrasts["measure"])
    for wrong, column, message in (
        (estimate.isna() & score.isna(), "estimate", "neither an estimate nor O − E with V"),
        (of_scores & v.isna(), "v", "O − E needs its variance"),
        (of_scores & ~contrasts["measure"].isin(OF_SCORES), "o_minus_e", "O − E is of HR or OR"),
        (imprecise, "ci_low", "neither an interval, nor a standard error, nor a p value"),
        (outside, "estimate", "outside its confidence interval"),
        (ratio & (estimate <= 0), "estimate", "a ratio must be greater than zero"),
        (ratio & (low <= 0), "ci_low", "a limit of a ratio must be greater than zero"),
        (by_p & ((p == 0) | (p == 1)), "p", "must lie strictly between 0 and 1"),
        (by_p & (estimate == none), "p", "tells nothing of an effect of no difference"),
        (contrasts["level"] == 1, "level", "must be less than 1"),
    ):
        for row in rows_where(wrong):
            value = contrasts[column][row]
            got = "" if pd.isna(value) else f", got {value:g}"
            yield Problem("contrasts.csv", message + got, row, column)
    for row in rows_where(mixed):
        measure, outcome = contrasts.loc[row, ["measure", "outcome"]]
        message = (
            f"{measure} is not the measure of {shown(outcome)}, which is {wanted[row]} in "
            "outcomes.csv"
        )
        yield Problem("contrasts.csv", message, row, "measure")


def _judged(table: pd.DataFrame, own: pd.DataFrame) -> Iterator[Problem]:
    """Check that judgements are of a domain and a level of their instrument."""
    wrong = list(wrong_instruments(own))
    yield from wrong
    if wrong:
        return
    known = {**INSTRUMENTS, **own_instruments(own)}
    names = instrument_names(table)
    for row, name in names[~names.isin(list(known))].items():
        told = f"{shown(name)} is not one of {', '.join(known)}{did_you_mean(name, list(known))}"
        yield Problem("risk_of_bias.csv", told, int(str(row)), "instrument")
    table = table[names.isin(list(known))]
    for row, item, word in table[["item", "judgement"]].itertuples():
        if item[0].isdigit() and names[row] == ROB2.name:
            continue  # answers to signalling questions are checked where judgements follow
        try:
            check_item(known[names[row]], item, word)
        except ReviewError as error:
            column = "judgement" if "must be" in str(error) else "item"
            yield Problem("risk_of_bias.csv", str(error), row, column)


def _readings(analyses: pd.DataFrame) -> Iterator[Problem]:
    """Check that no reading of the text counts a comparison twice."""
    comparison = ["outcome", "follow_up", "trial", "experimental_arm", "comparator_arm", "reading"]
    one_a_row = analyses.assign(reading=analyses["reading"].str.split("; ")).explode("reading")
    twice = one_a_row.duplicated(comparison, keep=False).to_numpy()
    for row, reading in zip(one_a_row.index[twice], one_a_row["reading"][twice], strict=True):
        message = f"the reading {reading!r} holds this comparison twice"
        yield Problem("analyses.csv", message, int(row), "reading")


def _weaker(tables: Tables) -> Iterator[Problem]:
    """Check that cells said to be known less well are cells of the table."""
    for name, table in tables.items():
        if table.empty or "weaker" not in table:
            continue
        for row, text in table["weaker"].dropna().items():
            try:
                weaker_cells(str(text), table.columns)
            except ReviewError as error:
                yield Problem(f"{name}.csv", str(error), int(str(row)), "weaker")


# --- numbers --------------------------------------------------------------------------------------

INTERVALS: Final = (
    ("published", "ci_low", "ci_high"),
    ("published", "pi_low", "pi_high"),
    ("outcomes", "scale_min", "scale_max"),
    ("analyses", "p_low", "p_high"),
    ("reconstructed", "low", "high"),
    ("contrasts", "ci_low", "ci_high"),
    ("arm_results", "scale_min", "scale_max"),
    ("subgroup_levels", "low", "high"),
)


def _intervals(tables: Tables) -> Iterator[Problem]:
    for name, low, high in INTERVALS:
        table = tables[name]
        if table.empty:
            continue
        for given, absent in ((low, high), (high, low)):
            for row in rows_where(table[given].notna() & table[absent].isna()):
                message = f"{given} is given, but {absent} is missing"
                yield Problem(f"{name}.csv", message, row, absent)
        for row in rows_where(table[low] > table[high]):
            start, end = table.loc[row, [low, high]]
            message = f"{low} {start:g} is greater than {high} {end:g}"
            yield Problem(f"{name}.csv", message, row, low)


def _important(outcomes: pd.DataFrame) -> Iterator[Problem]:
    """Check that the minimal important difference of a ratio is some difference."""
    for row in rows_where(outcomes["measure"].isin(RATIO_MEASURES) & (outcomes["mid"] == 1)):
        message = f"{outcomes['measure'][row]} = 1 is no difference; give 0.8 or 1.25, say"
        yield Problem("outcomes.csv", message, row, "mid")


NUMERAL = re.compile(r"(?<![\d.,])(?:\d[\d.,]*|\.\d+)(?:[eE][-+]?\d+)?")
GROUPED: Final = {
    ",": re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?"),
    ".": re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?"),
}
BETWEEN_THOUSANDS = re.compile(r"(?<=\d)[\s\u2009\u202f](?=\d{3}(?!\d))")
DASHES: Final = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")


def printed_numbers(text: str) -> list[frozenset[float]]:
    """Return what each numeral of a printed text may stand for, in their order.

    A dash behind another number may be a minus or say "to"; a comma may be a decimal one, stand
    between thousands, or between two numbers.

    Examples
    --------
    >>> [sorted(values) for values in printed_numbers("−0.52 (0.1-0.9), 1,234")]
    [[-0.52], [0.1], [-0.9, 0.9], [1.0, 1.234, 234.0, 1234.0]]
    """
    plain = unicodedata.normalize("NFKC", text).translate(DASHES)
    plain = re.sub(r"\bzero\b", "0", plain)
    found = []
    for numeral in NUMERAL.finditer(plain):
        before = plain[: numeral.start()]
        values = _values(numeral[0].rstrip(".,"))
        if before.rstrip().endswith("-"):
            is_sign = before.endswith("-") and not re.search(r"[\d%)\]]\s*-$", before)
            values = {-x for x in values} | (set() if is_sign else values)
        found.append(frozenset(values))
    joined = BETWEEN_THOUSANDS.sub("", plain)
    return found if joined == plain else [*found, *printed_numbers(joined)]


def _values(numeral: str) -> set[float]:
    """Return the numbers that digits with points and commas may be."""
    forms = [numeral.replace(",", "."), *numeral.split(",")]
    for mark, grouped in GROUPED.items():
        if grouped.fullmatch(numeral):
            forms.append(numeral.replace(mark, "").replace(",", "."))
    return {float(form) for form in forms if form.count(".") <= 1 and form.strip(".")}


def _misprinted(tables: Tables) -> Iterator[Problem]:
    """Check that each number is among those that the cell beside it prints, or that its note gives.

    A cell in which no digit stands ("nr") prints no number, and is not compared.
    """
    for name, schema in SCHEMAS.items():
        for column, spec in schema.columns.items():
            numbers = list((spec.metadata or {}).get("prints", ()))
            table = tables[name]
            if not numbers or table.empty:
                continue
            told = table.loc[
                table[column].str.contains(r"\d", na=False), [column, "note", *numbers]
            ]
            for row, cell, note, *values in told.itertuples(name=None):
                known = {
                    number: float(value)
                    for number, value in zip(numbers, values, strict=True)
                    if not pd.isna(value)
                }
                for number, message in _unlike_print(cell, note, known):
                    message = f"{known[number]:g}, but {column} is {shown(cell)}{message}"
                    yield Problem(f"{name}.csv", message, int(row), number)


def _unlike_print(cell: str, note: object, known: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    """Yield the numbers that a cell does not print, or prints in another order."""
    printed = printed_numbers(cell)
    noted = printed_numbers(note) if isinstance(note, str) else []
    places = {
        number: [i for i, values in enumerate(printed) if value in values]
        for number, value in known.items()
    }
    for number, value in known.items():
        if not places[number] and not any(value in values for values in noted):
            yield number, "; if it was computed, give it in note"
    mean, sd = (next((places[n] for n in known if n.endswith(end)), []) for end in ("mean", "sd"))
    if mean and sd and min(mean) > max(sd):
        yield next(n for n in known if n.endswith("mean")), ", where it stands behind the SD"


# --- names ----------------------------------------------------------------------------------------

LOOKS_LATIN: Final = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеорсухіјѕһԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧαινορυıɑɡ’‘“”",
    "ABESIJKMHOPCTYXaeopcyxijshdqwABEZHIKMNOPTYXaivopuiag''\"\"",
)
BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters without a mark


def looks(label: str) -> str:
    """Return what a reader sees of a label: marks alike are one, and what is invisible is gone.

    Examples
    --------
    >>> looks("Аasa\u200b  2015") == looks("Aasa 2015")
    True
    """
    plain = unicodedata.normalize("NFKC", label).translate(DASHES).translate(LOOKS_LATIN)
    seen = "".join(
        c for c in plain
        if c not in BLANK and unicodedata.category(c) != "Cf" and not "\ufe00" <= c <= "\ufe0f"
    )  # fmt: skip
    return " ".join(seen.split())


def _look_alikes(tables: Tables) -> Iterator[Problem]:
    """Find names of one kind that differ and cannot be told apart by looking."""
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    for name, schema in SCHEMAS.items():
        for column, spec in schema.columns.items():
            kind = str((spec.metadata or {}).get("label", ""))
            labels = tables[name][column].dropna().drop_duplicates() if kind else []
            for row, label in dict(labels).items():
                place = f"{name}.csv, row {row}"
                other, where = seen.setdefault((kind, looks(label)), (label, place))
                if other != label:
                    yield Problem(f"{name}.csv", _unlike(label, other, where), int(row), column)


def _unlike(label: str, other: str, where: str) -> str:
    """Say how a label differs from one that looks the same."""
    odd = dict.fromkeys(c for c in label + other if (c in label) != (c in other))
    names = ", ".join(unicodedata.name(c, repr(c)) for c in odd)
    return f"{shown(label)} looks like {shown(other)} of {where}" + (f" ({names})" if odd else "")


#: The tables that define identifiers, and the columns that are one.
DEFINED: Final[Mapping[str, tuple[str, ...]]] = {
    "trials": ("trial",),
    "outcomes": ("outcome",),
    "follow_ups": ("follow_up",),
    "arms": ("trial", "arm"),
}


def _like_keys(tables: Tables) -> Iterator[Problem]:
    """Find identifiers that a file system, or an address on a page, may take for one."""
    for name, columns in DEFINED.items():
        seen: dict[str, tuple[list[str], int]] = {}
        for row, *key in tables[name][list(columns)].dropna().itertuples():
            folded = " ".join([*key[:-1], key[-1].casefold().replace("_", "-")])
            other, first = seen.setdefault(folded, (key, row))
            if other != key:
                message = (
                    f"{shown(key[-1])} is {shown(other[-1])} of row {first} but for capitals, - "
                    "and _; if they are one, write it alike, and if two, name them apart"
                )
                yield Problem(f"{name}.csv", message, int(row), columns[-1])


# --- follow-ups and factors -----------------------------------------------------------------------


def _follow_ups(follow_ups: pd.DataFrame) -> Iterator[Problem]:
    """Check that what was measured before the trials is not pooled as if it came after."""
    for row in rows_where(follow_ups["follow_up"] == BASELINE):
        message = f"{BASELINE!r} is the time before the follow-ups, not one of them"
        yield Problem("follow_ups.csv", message, row, "follow_up")


def _factors(tables: Tables) -> Iterator[Problem]:
    """Check that a factor speaks of something that the tables know, in all its levels."""
    file, levels = "subgroup_levels.csv", tables["subgroup_levels"]
    first = levels.groupby("factor")["variable"].transform("first")
    for row in rows_where(levels["variable"] != first):
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


def _moderators(tables: Tables) -> Iterator[Problem]:
    """Check that every further column is declared, is there, and holds what it is said to hold."""
    declared = tables["moderators"]
    for row in rows_where(declared["label"].isin({*tables["subgroup_levels"]["factor"], RISK})):
        told = f"{shown(declared['label'][row])} is a factor of subgroups already"
        yield Problem("moderators.csv", told, row, "label")
    for name in MODERATED:
        known = SCHEMAS[name].columns
        more = [str(column) for column in tables[name] if column not in known]
        here = declared[declared["table"] == name]
        unknown = [
            f"{shown(column)}{did_you_mean(column, list(here['moderator']))}"
            for column in more
            if column not in set(here["moderator"])
        ]
        if unknown:
            told = (
                f"unknown columns: {', '.join(unknown)}; a moderator is declared in moderators.csv"
            )
            yield Problem(f"{name}.csv", told, 1)
        for row, column, kind in here[["moderator", "kind"]].itertuples(name=None):
            if column not in more:
                told = f"{shown(column)} is no further column of {name}.csv"
                told += did_you_mean(column, more)
                yield Problem("moderators.csv", told, int(row), "moderator")
            elif kind == "number":
                cells = tables[name][column]
                wrong = cells.notna() & ~np.isfinite(pd.to_numeric(cells, errors="coerce"))
                for place in rows_where(wrong):
                    yield Problem(
                        f"{name}.csv", f"{shown(cells[place])} is no number", place, column
                    )


def _claims(tables: Tables) -> Iterator[Problem]:
    """Check that a statement of the text speaks of columns that there are."""
    claims = tables["claims"]
    for row, name, column, where in claims[["table", "column", "where"]].itertuples():
        if name not in tables:
            told = f"no table {shown(name)}{did_you_mean(name, tuple(tables))}"
            yield Problem("claims.csv", told, int(row), "table")
            continue
        known = [*tables[name].columns, *(["group"] if name == "arm_results" else [])]
        conditions = [] if pd.isna(where) else filter(None, where.split("&"))
        named = [("where", condition.partition("=")[0].strip()) for condition in conditions]
        for place, word in [("column", column), *named]:
            if word not in known:
                told = f"{name}.csv has no column {shown(word)}{did_you_mean(word, known)}"
                yield Problem("claims.csv", told, int(row), place)


def _beyond_scale(
    level: pd.DataFrame, arm_results: pd.DataFrame, outcome: str
) -> Iterator[Problem]:
    """Check that a level of a score with a scale is a share of that scale."""
    if scores_at_baseline(arm_results, outcome)["scale_max"].isna().all():
        return
    for end in ("low", "high"):
        for row in rows_where(~level[end].between(0, 1)):
            message = f"{level[end][row]:g} is no share of the scale, which runs from 0 to 1"
            yield Problem("subgroup_levels.csv", message, row, end)
