"""Two numbers for one result: what is printed, what ours is, and why they differ, in one place.

Every page that shows one of these numbers shows the printed one, and takes ours and the reason
from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from string import ascii_lowercase

import pandas as pd

from analysis_lib.base import formatting as fmt
from analysis_lib.base.measures import pooled
from analysis_lib.book.page import show_table
from analysis_lib.book.sections.analyses import QUANTITY_WORDS, result_names
from analysis_lib.book.sections.answers import DOUBTS
from analysis_lib.book.sections.audit_report import audit_of, broken_rules, findings_in_words
from analysis_lib.conclusions.published import (
    CIRCULAR,
    INDEPENDENT,
    REPEATS,
    compare_with_published,
)
from analysis_lib.printed.audit.rows import COUNTS, MAIN
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.model import Review

#: Why a printed number cannot be met, by the rule of the audit that it breaks.
BROKEN = DOUBTS | {
    "prediction width": "The prediction interval does not fit the printed variance between trials.",
    "p value": "The p value does not fit its own estimate and interval.",
}
#: The rules that speak of a number, the most telling first.
RULES_OF = {
    "estimate": ("sign", "centre"),
    "ci_low": ("centre", "standard error floor"),
    "ci_high": ("centre", "standard error floor"),
    "pi_low": ("prediction width floor", "prediction centre", "prediction width"),
    "pi_high": ("prediction width floor", "prediction centre", "prediction width"),
    "p": ("p value",),
}
ENTERED = "Which {what} entered is inferred from the text, which does not list them."
NOT_AIMED_AT = "It contradicts the other printed numbers, which together lead to ours."
#: What a page calls that shows a kind of result; where a number stands is looked up by it.
SHOWN_BY = {"sensitivity": "sensitivity_table(", "bias": "reporting_bias_table(",
            "subgroup": "subgroup_table("}  # fmt: skip


def printed_effect(review: Review, effects: StudyEffects) -> str:
    """Return the result that the review prints for an analysis, empty if it prints none."""
    row = printed_main(review, effects.outcome, effects.follow_up)
    if row is None:
        return ""
    value, low, high = (
        pooled(row[name], effects.measure) for name in ("estimate", "ci_low", "ci_high")
    )
    return fmt.effect_estimate(value, (low, high), effects.measure)


def printed_main(review: Review, outcome: str, follow_up: str) -> pd.Series | None:
    """Return the row of ``published`` with the main result of an analysis, if there is one."""
    rows = review.published
    match = rows[
        (rows["outcome"] == outcome) & (rows["follow_up"] == follow_up) & rows["kind"].isin(MAIN)
    ]
    return None if match.empty else match.iloc[0]


def differing(review: Review) -> pd.DataFrame:
    """Return every printed number that ours differs from, with the reason.

    Parameters
    ----------
    review
        A review that was loaded.

    Returns
    -------
    pandas.DataFrame
        The columns of `compare_with_published`, ``ours`` (as text) and ``why``, never empty.
        Numbers that abstract and discussion repeat are left out.
    """
    return review.kept("differing", lambda: _differing(review))


def _differing(review: Review) -> pd.DataFrame:
    found = compare_with_published(review)
    outside = found["inside_rounding"].map(lambda inside: not pd.isna(inside) and not inside)
    found = found[outside & ~found["kind"].isin(REPEATS)].reset_index(drop=True)
    ours = [
        fmt.count(x) if quantity in COUNTS else fmt.number(x, 3 if quantity == "p" else 2)
        for x, quantity in zip(found["recomputed"], found["quantity"], strict=True)
    ]
    return found.assign(ours=ours, why=reasons(review, found))


def reasons(review: Review, found: pd.DataFrame) -> list[str]:
    """Return why ours is another number, or why there is none, for each printed number.

    Parameters
    ----------
    review
        A review that was loaded.
    found
        Rows of `compare_with_published`.

    Returns
    -------
    list of str
        Empty where the two agree.
    """
    if found.empty:  # nothing is printed, so nothing is audited
        return []
    broken = broken_rules(review)
    return [_why(row, broken.get(row["id"], [])) for _, row in found.iterrows()]


def _why(row: pd.Series, broken: Sequence[str]) -> str:
    inside = row["inside_rounding"]
    if pd.isna(inside):
        return str(row["reason"])
    if inside:
        return ""
    quantity = str(row["quantity"])
    if quantity in COUNTS:
        return ENTERED.format(what="arms" if quantity == "participants" else "trials")
    for rule in RULES_OF.get(quantity, ()):
        if rule in broken:
            return BROKEN[rule]
    if row["basis"] == CIRCULAR:
        return NOT_AIMED_AT
    return "It does not follow from the reported data."


#: Quantities that a table calls by their short names, for sentences.
SPOKEN = {
    "ci_low": "Lower end of the confidence interval",
    "ci_high": "Upper end of the confidence interval",
    "pi_low": "Lower end of the prediction interval",
    "pi_high": "Upper end of the prediction interval",
}


def sentences(review: Review, outcome: str, follow_up: str) -> list[str]:
    """Return, for the main result of an analysis, where ours is another number, and why."""
    row = printed_main(review, outcome, follow_up)
    if row is None:
        return []
    found = differing(review)
    found = found[found["id"] == row["id"]]
    told = [
        f"{SPOKEN.get(quantity) or fmt.capitalised(QUANTITY_WORDS[quantity])}: printed "
        f"{_printed(printed)}, ours {ours}."
        for quantity, printed, ours in zip(
            found["quantity"], found["printed"], found["ours"], strict=True
        )
    ]
    # One reason for the two ends of an interval, after both.
    last = found["why"] != found["why"].shift(-1)
    return [
        f"{words} {why}" if is_last else words
        for words, why, is_last in zip(told, found["why"], last, strict=True)
    ]


def _reasons(review: Review) -> dict[tuple[str, str], str]:
    """Return why ours differs, in one paragraph, for every analysis whose main result does."""
    found = differing(review)
    found = found[found["kind"].isin(MAIN) & ~found["quantity"].isin(COUNTS)]
    return {
        (str(outcome), str(time)): " ".join(dict.fromkeys(here["why"]))
        for (outcome, time), here in found.groupby(["outcome", "follow_up"], sort=False)
    }


def letters(review: Review) -> dict[tuple[str, str], str]:
    """Return a letter for every analysis with a main result of which ours differs.

    Analyses with the same reason share one.
    """
    reasons = _reasons(review)
    letter = dict(zip(dict.fromkeys(reasons.values()), ascii_lowercase, strict=False))
    return {key: letter[why] for key, why in reasons.items() if why in letter}


def notes(review: Review) -> str:
    """Return the lettered notes that go with `letters`, in one paragraph."""
    reasons = _reasons(review)
    told = {letter: reasons[key] for key, letter in letters(review).items()}
    return " ".join(f"({letter}) {why}" for letter, why in told.items())


SAME_NUMBER = {True: "yes", False: "no"}


def published_table(review: Review, priority: str | None = None) -> pd.DataFrame:
    """Return every printed number beside ours, as text, grouped by result.

    Parameters
    ----------
    review
        A review that was loaded.
    priority
        ``primary`` or ``secondary`` outcomes only; all by default.

    Returns
    -------
    pandas.DataFrame
        Columns Quantity, Printed, Recomputed, Difference, whether it lies inside rounding
        (independent or circular), Why not, and Result. The numbers that abstract and discussion
        repeat are left out.
    """
    found = compare_with_published(review)
    found = found[~found["kind"].isin(REPEATS)]
    if priority is not None:
        wanted = review.outcomes.loc[review.outcomes["priority"] == priority, "outcome"]
        found = found[found["outcome"].isin(wanted)]
    digits = found["printed"].str.extract(r"\.(\d+)")[0].str.len().fillna(0).astype(int) + 2
    digits = digits.where(~found["quantity"].isin(COUNTS), 0)
    return pd.DataFrame(
        {
            "Quantity": found["quantity"].map(QUANTITY_WORDS),
            "Printed": found["printed"].str.replace("-", fmt.MINUS),
            "Recomputed": [
                fmt.number(x, d, absent="")
                for x, d in zip(found["recomputed"], digits, strict=True)
            ],
            "Difference": [
                fmt.number(x, d, absent="")
                for x, d in zip(found["difference"], digits, strict=True)
            ],
            "Inside rounding, independent": _agreement(found, INDEPENDENT),
            "Inside rounding, circular": _agreement(found, CIRCULAR),
            "Why not": reasons(review, found),
            "Result": found["id"].map(result_names(review)),
        }
    )


def _agreement(found: pd.DataFrame, basis: str) -> list[str]:
    return [
        SAME_NUMBER[bool(inside)] if how == basis else ""
        for inside, how in zip(found["inside_rounding"], found["basis"], strict=True)
    ]


def show_comparison_with_published(review: Review, priority: str | None = None) -> None:
    """Show every printed number beside ours."""
    show_table(
        published_table(review, priority),
        "Published against recomputed",
        numeric=["Printed", "Recomputed", "Difference"],
        group="Result",
        note="Independent: our number rests on reported data. Circular: it rests on effects that "
        "were reconstructed so as to agree, and its agreement confirms nothing; where it does not "
        "agree, the printed numbers cannot all be right together.",
    )


def twice_table(review: Review) -> pd.DataFrame:
    """Return every number that stands twice in the book, with both, why, and where.

    Returns
    -------
    pandas.DataFrame
        Text columns Number, Printed, Ours, Why, Where (titles of pages) and Result.
    """
    found, names = differing(review), result_names(review)
    pages = dict(pages_of(review.path.parent))
    rows = [
        {
            "Number": QUANTITY_WORDS[row["quantity"]],
            "Printed": _printed(row["printed"]),
            "Ours": row["ours"],
            "Why": row["why"],
            "Where": fmt.listing(_where(pages, row)),
            "Result": names[row["id"]],
        }
        for _, row in found.iterrows()
    ]
    return pd.DataFrame([*rows, *_of_claims(review, pages)])


def _of_claims(review: Review, pages: dict[str, str]) -> Iterator[dict[str, object]]:
    """Yield what the text of an article says otherwise than its own tables."""
    tables = review.claims.set_index("claim")["table"]
    told = findings_in_words(review, audit_of(review), places={})
    for _, finding in told[told["rule"] == "text and table"].iterrows():
        gives, _, rest = finding["follows"].partition(", the text ")
        text, _, why = rest.partition("; ")
        of_trials = tables[finding["where"]] in OF_TRIALS
        yield {
            "Number": f"“{finding['printed']}”",
            "Printed": text,
            "Ours": gives.removeprefix("the table gives "),
            "Why": fmt.sentence("; ".join(filter(None, [why, finding["note"]])) or DIFFER),
            "Where": fmt.listing([*(_titles(pages, "trial_tables.") if of_trials else []), AUDIT]),
            "Result": "Text and tables of the article",
        }


DIFFER = "the text of the article and its tables differ"
#: Tables of data that the page of the trials shows.
OF_TRIALS = ("arms", "arm_results", "adverse_events", "interventions")
AUDIT = "the audit"


def _where(pages: dict[str, str], row: pd.Series) -> list[str]:
    call = SHOWN_BY.get(row["kind"])
    call = call or f'show_analysis(review, "{row["outcome"]}", "{row["follow_up"]}")'
    return [*_titles(pages, call), AUDIT]


def _titles(pages: dict[str, str], call: str) -> list[str]:
    return [title for title, code in pages.items() if call in code]


def pages_of(book: Path) -> Iterator[tuple[str, str]]:
    """Yield the title and the code of every notebook of a book."""
    import nbformat  # a second, which pages without this table need not wait

    for path in sorted((book / "notebooks").glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        text = next((cell.source for cell in cells if cell.cell_type == "markdown"), path.stem)
        code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        yield text.splitlines()[0].lstrip("# "), code


def _printed(text: str) -> str:
    return text.replace("-", fmt.MINUS)
