"""Does the front door let the review's data in, and nothing else?

The first part asks whether the transcription holds together and keeps the printed digits. The
second breaks a copy of the data in what must agree between its files, and asks for one clear error
with file, row, column and value; what one file holds is asked in ``test_cells.py``. The last throws
random edits at the loader: it may load or raise ``ReviewError``, and nothing else.
"""

from __future__ import annotations

import contextlib
import csv
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from places import DATA, ROOT
from properties import examples

import analysis_lib as al
from analysis_lib.base.errors import MOST_PROBLEMS
from analysis_lib.review.baseline import PROVENANCES
from analysis_lib.review.found import schema as found_schema
from analysis_lib.review.model import arms_at_baseline, provenance_counts, result_status
from analysis_lib.review.provenance import with_weaker_cells
from analysis_lib.review.schemas import SCHEMAS, codebook, header

TABLES = sorted(set(SCHEMAS) - {"moderators", "instruments"})  # of which this review has none
FIRST_ROW = 2  # the header is row 1, as a spreadsheet counts


def copy_to(folder: Path) -> Path:
    """Copy what the loader reads and return the data folder."""
    (folder / "book").mkdir()
    shutil.copy(ROOT / "book" / "references.bib", folder / "book")
    return Path(shutil.copytree(DATA, folder / "data"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return copy_to(tmp_path)


def read(data: Path, table: str) -> list[list[str]]:
    with (data / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def write(data: Path, table: str, rows: list[list[str]]) -> None:
    with (data / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def set_cell(data: Path, table: str, row: int, column: str, value: str) -> None:
    rows = read(data, table)
    rows[row - 1][rows[0].index(column)] = value
    write(data, table, rows)


def get_cell(data: Path, table: str, row: int, column: str) -> str:
    rows = read(data, table)
    return rows[row - 1][rows[0].index(column)]


def row_where(data: Path, table: str, **wanted: str) -> int:
    """Return the number of the first row with these cells."""
    rows = read(data, table)
    for number, row in enumerate(rows[1:], start=FIRST_ROW):
        cells = dict(zip(rows[0], row, strict=True))
        if wanted.items() <= cells.items():
            return number
    raise LookupError(wanted)


def replace(data: Path, file: str, old: str, new: str) -> None:
    text = (data / file).read_text(encoding="utf-8")
    assert old in text
    (data / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def told(data: Path) -> list[str]:
    """Return the problems that the loader lists, one a line."""
    with pytest.raises(al.ReviewError) as caught:
        al.load_review(data)
    head, *lines = str(caught.value).split("\n- ")
    found = re.fullmatch(
        r"(\d+) problems? in (the review's data|review\.toml)(; the first 20)?:", head
    )
    assert found
    assert len(lines) == min(int(found[1]), MOST_PROBLEMS)
    return lines


# The real data


def test_the_review_loads_as_one_frozen_object(review: al.Review) -> None:
    assert review.path == DATA
    assert repr(review).endswith(
        f"{len(review.trials)} trials, {len(review.arms)} arms, "
        f"{len(review.published)} printed results)"
    )
    with pytest.raises(AttributeError):
        review.trials = review.arms  # type: ignore[misc]  # that is the question
    for name, schema in SCHEMAS.items():
        table = getattr(review, name)
        assert list(table.columns) == list(schema.columns)
        assert list(table.index) == list(range(len(table)))


def test_every_table_that_the_schemas_know_stands_in_the_folder() -> None:
    assert set(TABLES) <= {path.stem for path in DATA.glob("*.csv")}


def test_the_flow_of_records_is_that_of_the_text(review: al.Review) -> None:
    n = review.selection.set_index("box")["count"].to_dict()
    assert (n["records_identified"], n["records_databases"], n["records_citation"]) == (
        1710,
        1609,
        101,
    )
    assert n["records_screened"] == 1155 == 1710 - n["duplicates_removed"]
    assert n["reports_sought"] == 73 == 1155 - n["records_excluded"]
    assert n["reports_assessed"] == 72 == 73 - n["reports_not_retrieved"]
    assert n["reports_excluded"] == 57
    assert n["reports_included"] == 15 == 72 - 57
    assert n["studies_included"] == 13
    reasons = review.selection[review.selection["parent"] == "reports_excluded"]
    assert sorted(reasons["count"]) == [2, 3, 4, 4, 4, 9, 13, 18]


def test_the_excluded_reports_are_all_listed_by_name(review: al.Review) -> None:
    reports = review.excluded_reports
    assert len(reports) == 58
    assert reports.loc[~reports["retrieved"], "reason"].tolist() == ["reports_not_retrieved"]
    # References 69 to 124 are the excluded ones; the thesis has no number in the list.
    retrieved = reports.loc[reports["retrieved"], "reference"]
    assert sorted(retrieved.dropna()) == list(range(69, 125))
    assert retrieved.isna().sum() == 1


def test_the_reports_included_belong_to_the_trials(review: al.Review) -> None:
    assert len(review.reports) == 15
    assert sorted(review.reports["reference"]) == list(range(54, 69))
    assert set(review.reports["trial"]) == set(review.trials["trial"])
    assert (review.reports["role"] == "primary").sum() == 13
    assert review.trials["pooled"].sum() == 12


def test_the_arms_add_up_and_the_difference_is_explained(review: al.Review) -> None:
    sizes = review.arms.groupby("group")["n"].sum()
    assert (sizes["experimental"], sizes["comparator"], sizes.sum()) == (423, 383, 806)
    people = review.info.participants
    assert (people["total"], people["experimental"], people["comparator"]) == (778, 395, 383)
    (difference,) = people["difference"]
    assert difference["n"] == 806 - 778 == 423 - 395
    cai = review.arms[
        (review.arms["trial"] == "cai-2017") & (review.arms["group"] == "experimental")
    ]
    assert cai["n"].tolist() == [28, 28]


def test_printed_oddities_are_kept_and_noted(review: al.Review) -> None:
    odd = review.arms[review.arms["sex_printed"] == "69/3"]
    assert odd["n"].tolist() == [71]
    assert odd["note"].notna().all()


def test_printed_numbers_are_kept_digit_by_digit(review: al.Review) -> None:
    rows = read(DATA, "published")
    printed = review.printed
    assert list(printed.columns) == list(review.published.columns)
    for row, cells in enumerate(rows[1:]):
        for column, cell in zip(rows[0], cells, strict=True):
            kept = printed.loc[row, column]
            assert (kept if isinstance(kept, str) else "") == cell.strip()
            value = review.published.loc[row, column]
            if not isinstance(value, str) and not pd.isna(value):
                assert float(value) == float(cell)
    assert {"-0.40", "-0.50", "0.10"} & set(printed["estimate"])  # a trailing zero survives


NUMBER_WORDS = {"1": "one|single|et al."}  # a single trial is told in words


@pytest.mark.parametrize(
    "column",
    [
        *("estimate", "ci_low", "ci_high", "p", "pi_low", "pi_high", "i2", "tau2", "q", "df"),
        *("statistic", "trials", "comparisons", "participants"),
    ],
)
def test_every_printed_number_stands_in_the_sentence_it_comes_from(
    review: al.Review, column: str
) -> None:
    rows = review.printed.dropna(subset=[column])
    assert not rows.empty
    for name, digits, words in zip(rows["id"], rows[column], rows["words"], strict=True):
        forms = (digits, *NUMBER_WORDS.get(digits, digits).split("|"))
        assert any(form in words for form in forms), (name, digits, words)


def test_the_printed_results_are_all_there(review: al.Review) -> None:
    pooled = review.published[review.published["kind"].isin(["pooled", "single"])]
    primary = pooled["outcome"].isin(["pain", "disability"])
    assert primary.sum() == 6
    assert (~primary).sum() == 8
    assert {"sensitivity", "subgroup", "bias", "abstract"} <= set(review.published["kind"])


def test_the_tables_about_the_search(review: al.Review) -> None:
    assert (review.sources["kind"] != "citation search").sum() == 7
    assert (review.sources["kind"] == "citation search").sum() == 10
    assert review.searches["date"].tolist() == ["2022-09", "2024-10", "2025-03"]


def test_contrasts_keep_reported_and_secondary_apart(review: al.Review) -> None:
    by_source = review.contrasts["provenance"].value_counts()
    assert by_source["secondary"] == 3
    assert (
        (review.contrasts.loc[review.contrasts["measure"] == "SMD", "provenance"])
        .eq("secondary")
        .all()
    )


def test_risk_of_bias_states_what_the_text_states(review: al.Review) -> None:
    table = review.risk_of_bias
    overall = table[table["item"] == "overall"]
    assert (overall["judgement"] == "high").sum() == 5
    assert set(overall["trial"]) == set(review.trials["trial"])
    assert (table.loc[table["item"].str.match("D[1-5]"), "judgement"] != "high").all()


def test_the_review_is_found_from_the_folder_of_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "notebooks")
    assert al.load_review("data").path == DATA


def test_a_folder_that_is_nowhere_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        al.ReviewError, match=r"nowhere: no folder of that name with a review\.toml"
    ):
        al.load_review("nowhere")


def test_provenance_is_counted_for_every_table(review: al.Review) -> None:
    counts = provenance_counts(review)
    assert counts["table"].tolist() == [f"{name}.csv" for name in SCHEMAS]
    for name, row in zip(SCHEMAS, counts.itertuples(), strict=True):
        table = getattr(review, name)
        assert row.rows == len(table)
        assert [getattr(row, word) for word in PROVENANCES] == [
            (table["provenance"] == word).sum() for word in PROVENANCES
        ]


def test_the_status_of_results_names_what_is_known(review: al.Review) -> None:
    status = result_status(review).set_index("trial")
    assert len(status) == len(review.trials)
    assert "Pain catastrophizing (ETP)" in status.loc["Gibbs 2022", "arm_level"]
    assert "Back muscle endurance (PW, MD, reported)" in status.loc["Aasa 2015", "contrasts"]
    assert (status.loc["Castro 2022"] == "none").all()


def test_the_codebook_describes_every_column_of_every_table() -> None:
    book = codebook()
    tables = {**SCHEMAS, "found": found_schema()}
    assert list(zip(book["table"], book["column"], strict=True)) == [
        (f"{name}.csv", column) for name, schema in tables.items() for column in schema.columns
    ]
    assert book["holds"].str.len().gt(0).all()
    assert set(book["kind"]) == {"text", "number", "whole number", "yes or no"}
    assert not book["rule"].str.contains("None").any()
    (rule,) = book.loc[(book["table"] == "published.csv") & (book["column"] == "p"), "rule"]
    assert rule == "must be at least 0; must be at most 1"


def test_a_new_table_begins_without_the_columns_that_few_reviews_need() -> None:
    for table, schema in SCHEMAS.items():
        assert "weaker" in schema.columns
        assert "weaker" not in header(table)
        assert {"provenance", "source", "note"} <= set(header(table)) < set(schema.columns)


# Cells that name something; what is asked of a table alone, `test_cells` asks

UNKNOWN_NAMES = [
    ("arms", "trial", "nobody-1999", "is not in trials.csv"),
    ("published", "outcome", "happiness", "is not in outcomes.csv"),
    ("published", "follow_up", "LATER", "is not in follow_ups.csv"),
    ("arm_results", "outcome", "happiness", "is not in outcomes.csv"),
    ("arm_results", "time", "LATER", "is not in follow_ups.csv"),
    ("arm_results", "arm", "other", "arm 'other' of 'aasa-2015' is not in arms.csv"),
    ("contrasts", "experimental_arm", "other", "is not in arms.csv"),
    ("reports", "citation", "nobody1999", "is not in references.bib"),
    ("excluded_reports", "citation", "nobody1999", "is not in references.bib"),
    ("excluded_reports", "reason", "dislike", "is not in selection.csv"),
    ("selection", "parent", "nowhere", "is not in selection.csv"),
    ("risk_of_bias", "item", "D9", "is no domain of RoB 2, nor overall"),
    ("risk_of_bias", "outcome", "happiness", "is not in outcomes.csv"),
    ("claims", "table", "arm", "no table 'arm' (did you mean 'arms'?)"),
    ("claims", "column", "people", "arms.csv has no column 'people'"),
    ("claims", "where", "side", "arms.csv has no column 'side'"),
]


@pytest.mark.few
@pytest.mark.parametrize(("table", "column", "value", "words"), UNKNOWN_NAMES)
def test_a_name_of_nothing_is_told(
    data: Path, table: str, column: str, value: str, words: str
) -> None:
    row = FIRST_ROW + 1
    set_cell(data, table, row, column, value)
    lines = [line for line in told(data) if line.startswith(f"{table}.csv, row {row}, ")]
    place = f"{table}.csv, row {row}, column {column}: "
    (line,) = [line for line in lines if line.startswith(place)]
    assert repr(value) in line
    assert words in line


def test_all_problems_of_all_tables_are_listed_at_once_and_in_order(data: Path) -> None:
    wrong = [
        ("arms", 2, "age_sd", "-10"),
        ("arms", 5, "age_mean", "=1+1"),
        ("arms", 5, "n", "many"),
        ("published", 3, "p", "7"),
        ("trials", 2, "pooled", "perhaps"),
    ]
    for table, row, column, value in reversed(wrong):
        set_cell(data, table, row, column, value)
    lines = told(data)
    assert [line.split(": ")[0] for line in lines] == [
        f"{table}.csv, row {row}, column {column}" for table, row, column, _ in wrong
    ]


LOOK_ALIKES = {
    "\u0410asa 2015": "(CYRILLIC CAPITAL LETTER A, LATIN CAPITAL LETTER A)",
    "Aasa\u200b 2015": "(ZERO WIDTH SPACE)",
    "Aasa\u00a02015": "(NO-BREAK SPACE, SPACE)",
    "Aasa 201\uff15": "(FULLWIDTH DIGIT FIVE, DIGIT FIVE)",
    "Aasa  2015": "",  # two spaces: no sign of its own
}


@pytest.mark.few
@pytest.mark.parametrize("label", LOOK_ALIKES)
def test_names_that_cannot_be_told_apart_by_looking_are_told(data: Path, label: str) -> None:
    assert get_cell(data, "trials", 2, "label") == "Aasa 2015"
    set_cell(data, "trials", 3, "label", label)
    (line,) = told(data)
    place = (
        f"trials.csv, row 3, column label: {label!r} looks like 'Aasa 2015' of trials.csv, row 2"
    )
    assert line == f"{place} {LOOK_ALIKES[label]}".rstrip()


def test_names_of_one_kind_are_compared_between_tables(data: Path) -> None:
    row = row_where(data, "published", kind="subgroup")
    factor = get_cell(data, "published", row, "factor")
    rows = read(data, "subgroup_levels")
    place = rows[0].index("factor")
    assert factor in [cells[place] for cells in rows]
    set_cell(data, "published", row, "factor", f"{factor}\u200b")
    (line,) = [line for line in told(data) if "looks like" in line]
    place = f"published.csv, row {row} (ZERO WIDTH SPACE)"
    assert line.endswith(f"column factor: {factor!r} looks like '{factor}\\u200b' of {place}")


@pytest.mark.parametrize("table", ["methods", "outcome.pain"])
def test_peto_is_chosen_for_odds_ratios_only(data: Path, table: str) -> None:
    set_cell(data, "outcomes", row_where(data, "outcomes", outcome="pain"), "measure", "RR")
    if table not in (data / "review.toml").read_text(encoding="utf-8"):
        replace(data, "review.toml", "[methods]", f"[{table}]\n\n[methods]")
    replace(data, "review.toml", f"[{table}]", f"[{table}]\nevent_method = 'Peto'")
    assert (
        f"review.toml, table [{table}], key event_method: Peto's is an odds ratio, and "
        "outcomes.csv measures 'pain' by RR"
    ) in told(data)


# Rows and keys


def test_a_count_that_does_not_add_up_is_told_with_its_sum(data: Path) -> None:
    row = row_where(data, "selection", box="records_databases")
    set_cell(data, "selection", row, "count", "1610")
    total = row_where(data, "selection", box="records_identified")
    assert told(data) == [
        f"selection.csv, row {total}, column count: records_identified is 1710, "
        "but records_databases + records_citation = 1610 + 101 = 1711"
    ]


@pytest.mark.slow
def test_no_count_of_the_flow_can_change_unnoticed(data: Path) -> None:
    for row, cells in enumerate(read(data, "selection")[1:], start=FIRST_ROW):
        count = cells[2]
        set_cell(data, "selection", row, "count", str(int(count) + 1))
        assert any(line.startswith("selection.csv, row ") for line in told(data)), cells
        set_cell(data, "selection", row, "count", count)
    al.load_review(data)


def test_a_box_that_is_missing_is_named(data: Path) -> None:
    rows = read(data, "selection")
    write(data, "selection", [row for row in rows if row[0] != "records_excluded"])
    assert "selection.csv, column count: the box 'records_excluded' is missing" in told(data)
    write(data, "selection", [row for row in rows if row[0] != "duplicates_removed"])
    assert any("records_screened is 1155, but" in line for line in told(data))


def test_an_excluded_report_that_is_removed_is_missed(data: Path) -> None:
    rows = read(data, "excluded_reports")
    gone = next(row for row in rows if "language" in row)
    write(data, "excluded_reports", [row for row in rows if row is not gone])
    box = row_where(data, "selection", box="language")
    assert told(data) == [
        f"selection.csv, row {box}, column count: 3 counted for 'language', but 2 listed by name"
    ]


def test_a_reason_without_any_report_is_missed(data: Path) -> None:
    rows = read(data, "excluded_reports")
    write(data, "excluded_reports", [row for row in rows if "language" not in row])
    box = row_where(data, "selection", box="language")
    assert told(data) == [
        f"selection.csv, row {box}, column count: 3 counted for 'language', but 0 listed by name"
    ]


def test_an_included_report_that_is_removed_is_missed(data: Path) -> None:
    rows = read(data, "reports")
    gone = row_where(data, "reports", role="companion")
    write(data, "reports", rows[: gone - 1] + rows[gone:])
    box = row_where(data, "selection", box="reports_included")
    line = f"selection.csv, row {box}, column count: 15 counted for 'reports_included', but 14"
    assert any(found.startswith(line) for found in told(data))


def test_a_trial_without_arms_or_report_is_named(data: Path) -> None:
    rows = read(data, "trials")
    label = rows[0].index("label")
    new = ["nobody-1999", *rows[1][1:]]
    new[label] = "Nobody 1999"
    write(data, "trials", [*rows, new])
    lines = told(data)
    assert "trials.csv, column trial: 'nobody-1999' has no report in reports.csv" in lines
    assert "trials.csv, column trial: 'nobody-1999' has no arm in arms.csv" in lines


def test_a_report_that_was_not_retrieved_says_so_in_both_columns(data: Path) -> None:
    row = row_where(data, "excluded_reports", retrieved="no")
    set_cell(data, "excluded_reports", row, "retrieved", "yes")
    (line,) = told(data)
    assert line.startswith(f"excluded_reports.csv, row {row}, column retrieved: ")


def test_participants_that_do_not_add_up_are_told(data: Path) -> None:
    row = row_where(data, "arms", trial="kell-2009", group="comparator")
    n = int(get_cell(data, "arms", row, "n"))
    set_cell(data, "arms", row, "n", str(n + 1))
    assert told(data)[:2] == [
        "arms.csv, column n: the comparator arms add up to 384, the review says 383, "
        "and review.toml explains a difference of 0",
        "arms.csv, column n: the arms add up to 807, the review says 778, "
        "and review.toml explains a difference of 28",
    ]


def test_men_and_women_add_up_or_the_oddity_is_noted(data: Path) -> None:
    row = row_where(data, "arms", sex_printed="15/20")
    set_cell(data, "arms", row, "sex_printed", "14/20")
    set_cell(data, "arms", row, "men", "14")
    al.load_review(data)  # the row has a note
    set_cell(data, "arms", row, "note", "")
    assert told(data) == [
        f"arms.csv, row {row}, column men: 14 men and 20 women, but n is 35; "
        "if it is printed so, say it in note"
    ]


INTERVALS = [
    ("published", "ci_low", "ci_high"),
    ("published", "pi_low", "pi_high"),
    ("contrasts", "ci_low", "ci_high"),
    ("outcomes", "scale_min", "scale_max"),
    ("analyses", "p_low", "p_high"),
    ("reconstructed", "low", "high"),
    ("arm_results", "scale_min", "scale_max"),
    ("subgroup_levels", "low", "high"),
]


@pytest.mark.few
@pytest.mark.parametrize(("table", "low", "high"), INTERVALS)
def test_interval_ends_in_the_wrong_order_are_told(
    data: Path, table: str, low: str, high: str
) -> None:
    start, end = (get_cell(data, table, FIRST_ROW, column) for column in (low, high))
    set_cell(data, table, FIRST_ROW, low, end)
    set_cell(data, table, FIRST_ROW, high, start)
    assert told(data) == [
        f"{table}.csv, row {FIRST_ROW}, column {low}: "
        f"{low} {float(end):g} is greater than {high} {float(start):g}"
    ]


@pytest.mark.few
@pytest.mark.parametrize(("table", "low", "high"), INTERVALS)
def test_one_end_of_an_interval_alone_is_told(data: Path, table: str, low: str, high: str) -> None:
    for absent, given_end in ((low, high), (high, low)):
        value = get_cell(data, table, FIRST_ROW, absent)
        set_cell(data, table, FIRST_ROW, absent, "")
        (line,) = told(data)
        assert line.startswith(f"{table}.csv, row {FIRST_ROW}, column {absent}: ")
        if not line.endswith("a value is missing"):
            assert line.endswith(f"{given_end} is given, but {absent} is missing")
        set_cell(data, table, FIRST_ROW, absent, value)


def test_a_comparison_counts_once_in_a_reading(data: Path) -> None:
    rows = read(data, "analyses")
    again = [*rows[1]]
    again[rows[0].index("reading")] = "main"
    write(data, "analyses", [*rows, again])
    assert told(data) == [
        f"analyses.csv, row {row}, column reading: the reading 'main' holds this comparison twice"
        for row in (FIRST_ROW, len(rows) + 1)
    ]


# Baseline and subgroups


def set_column(data: Path, table: str, column: str, value: str) -> None:
    for row in range(FIRST_ROW, len(read(data, table)) + 1):
        set_cell(data, table, row, column, value)


@pytest.mark.few
@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("baseline of happiness", "'happiness' is not in outcomes.csv"),
        ("baseline of", "'baseline of' is no column of numbers in arms.csv"),
        ("shoe_size", "'shoe_size' is no column of numbers in arms.csv"),
        ("condition", "'condition' is no column of numbers in arms.csv"),  # it is text
    ],
)
def test_a_factor_that_speaks_of_nothing_known_is_named(
    data: Path, variable: str, words: str
) -> None:
    set_column(data, "subgroup_levels", "variable", variable)
    lines = told(data)
    assert len(lines) == 3  # one a level
    assert lines[0].startswith(f"subgroup_levels.csv, row {FIRST_ROW}, column variable: {words}")


def test_the_levels_of_a_factor_speak_of_one_variable(data: Path) -> None:
    set_cell(data, "subgroup_levels", 3, "variable", "age_mean")
    assert told(data) == [
        "subgroup_levels.csv, row 3, column variable: "
        "another level of 'baseline pain intensity' speaks of 'baseline of pain'"
    ]


def test_a_level_of_a_score_is_a_share_of_its_scale_and_one_of_an_age_is_not(data: Path) -> None:
    set_cell(data, "subgroup_levels", 4, "high", "10")
    assert told(data) == [
        "subgroup_levels.csv, row 4, column high: 10 is no share of the scale, "
        "which runs from 0 to 1"
    ]
    set_column(data, "subgroup_levels", "variable", "age_mean")
    assert al.load_review(data).subgroup_levels["high"].max() == 10


def test_the_time_before_the_trials_is_no_follow_up(data: Path) -> None:
    row = row_where(data, "follow_ups", follow_up="PW")
    rows = read(data, "follow_ups")
    again = ["baseline", *rows[row - 1][1:]]
    write(data, "follow_ups", [*rows, again])
    assert told(data) == [
        f"follow_ups.csv, row {len(rows) + 1}, column follow_up: "
        "'baseline' is the time before the follow-ups, not one of them"
    ]


def test_a_review_without_scores_at_baseline_loads(data: Path) -> None:
    rows = read(data, "arm_results")
    time = rows[0].index("time")
    write(data, "arm_results", [row for row in rows if row[time] != "baseline"])
    review = al.load_review(data)
    assert set(review.arm_results["time"]) == {"ETP", "PW"}
    for outcome in review.outcomes["outcome"]:
        assert arms_at_baseline(review, outcome)["mean"].isna().all()


def test_every_score_at_baseline_keeps_what_was_printed(review: al.Review) -> None:
    """The numbers of a cell are those printed in it; one cell prints two SDs (see its note)."""
    rows = review.arm_results.dropna(subset=["printed"])
    assert rows["outcome"].value_counts().to_dict() == {"pain": 29, "disability": 22}
    for row in rows.itertuples():
        score, _, spread = row.printed.partition(" ± ")
        assert score == f"{row.mean:g} ({row.scale_min:g}-{row.scale_max:g})"
        assert spread.split()[0] == ("nr" if pd.isna(row.sd) else f"{row.sd:g}")
    assert (rows["source"] == "review: Table 1").all()


def test_arms_come_with_their_scores_in_the_order_of_the_table(review: al.Review) -> None:
    arms = arms_at_baseline(review, "pain")
    pd.testing.assert_frame_equal(arms[list(review.arms.columns)], review.arms)
    assert set(arms.loc[arms["mean"].isna(), "trial"]) == {"helmhout-2008"}
    with pytest.raises(al.ReviewError, match=r"'happiness' is not in outcomes\.csv"):
        arms_at_baseline(review, "happiness")


# Files


def test_every_condition_of_a_statement_names_a_column(data: Path) -> None:
    # Of arm_results, whose rows know the group of their arm, too.
    row = row_where(data, "claims", claim="pain-mean-loaded")
    set_cell(data, "claims", row, "where", "group=experimental & colour=red & place=here&")
    place = f"claims.csv, row {row}, column where: arm_results.csv has no column"
    lines = [line for line in told(data) if line.startswith(place)]
    assert lines == [f"{place} 'colour'", f"{place} 'place'"]
    set_cell(data, "claims", row, "where", "group=experimental & outcome=pain&")
    al.load_review(data)


def test_all_missing_files_are_named_together(data: Path) -> None:
    (data / "arms.csv").unlink()
    (data / "trials.csv").unlink()
    write(data, "searches", [["date"]])
    assert [line.split(":")[0].split(",")[0] for line in told(data)] == [
        name
        for name in (f"{n}.csv" for n in SCHEMAS)
        if name[:-4] in {"arms", "trials", "searches"}
    ]


@pytest.mark.few
@pytest.mark.parametrize("table", TABLES)
def test_a_table_without_rows_is_refused_where_it_cannot_be(data: Path, table: str) -> None:
    write(data, table, read(data, table)[:1])
    if table in {"outcomes", "follow_ups", "trials", "arms"}:
        assert told(data) == [f"{table}.csv: the table has a header and no rows"]
    else:
        review = al.load_review(data)
        assert getattr(review, table).empty
        assert provenance_counts(review).set_index("table").loc[f"{table}.csv", "rows"] == 0
        assert len(result_status(review)) == len(review.trials)


def test_blank_lines_count_as_rows_as_in_a_spreadsheet(data: Path) -> None:
    rows = read(data, "arms")
    blank = ["" for _ in rows[0]]
    write(data, "arms", [*rows[:2], blank, blank, *rows[2:]])
    set_cell(data, "arms", 5, "group", "exercise")
    set_cell(data, "arms", 6, "men", "13")
    set_cell(data, "arms", 6, "sex_printed", "13/14")
    set_cell(data, "arms", 6, "note", "")
    (line,) = told(data)
    assert line.startswith("arms.csv, row 5, column group: 'exercise'")
    set_cell(data, "arms", 5, "group", "comparator")
    (line,) = told(data)
    assert line.startswith("arms.csv, row 6, column men: 13 men and 14 women")


# review.toml and the bibliography

TOML_CASES = [
    ("citation = ", "citation : ", "review.toml: not readable as TOML"),
    ("total = 778", "total = " + "9" * 5000, "review.toml: not readable as TOML"),
    ("total = 778", "total = " + "[" * 5000, "review.toml: not readable as TOML"),
    ('citation = "ranzani2025"', "citation = 7", "key citation: 7 must be a text"),
    ('citation = "ranzani2025"', "", "key citation is missing"),
    ('citation = "ranzani2025"', 'citation = "x"', "key citation: 'x' is not in references.bib"),
    ("citation = ", "citatoin = 'x'\ncitation = ", "key citatoin is not known (did you mean "),
    ("citation = ", "publisher = 'x'\ncitation = ", "key publisher is not known; there are title,"),
    ('authors = ["Marco Ranzani"', "authors = [3", "key authors, entry 1: 3 must be a text"),
    ("accepted = ", "accepted = 2025-11-03 #", "table [dates], key accepted: datetime.date("),
    ("total = 778", "", "table [participants]: needs total, the number of people in all"),
    ("total = 778", "total = true", "table [participants], key total: True must be a whole number"),
    ("total = 778", "total = 778.0", "[participants], key total: 778.0 must be a whole number"),
    (
        "experimental = 395",
        "experimental = '395'",
        "table [participants], key experimental: '395' must be a whole number",
    ),
    ("n = 28", "n = -1.5", "table [participants.difference.1], key n: -1.5 must be a whole number"),
    (
        'group = "experimental"',
        'group = ["experimental"]',
        "[participants.difference.1], key group: ['experimental'] must be one of experimental, ",
    ),
    (
        'group = "experimental"',
        'group = "experimentl"',
        "key group: 'experimentl' must be one of experimental, comparator (did you mean "
        "'experimental'?)",
    ),
    ('"To what', '"<b>To what', "key question: '<b>To what extent does the use of ex"),
    ('"Marco Ranzani"', '"<script>x"', "key authors, entry 1: '<script>x' holds HTML or script"),
    ('why = "The', 'why = "</p>The', "[participants.difference.1], key why: '</p>The"),
    (
        '"loaded exercise"',
        '"loaded\\u202e"',
        "key experimental: 'loaded\\u202e' holds a control character",
    ),
    ("why = ", "because = ", "table [participants.difference.1], key why is missing"),
    ("why = ", "because = ", "key because is not known; there are n, group, why"),
    (
        "[[participants.difference]]",
        "difference = 5\n[other]",
        "table [participants], key difference: 5 must be a list",
    ),
    ("concerns_for_high = 2", "concerns_for_high = 0", "key concerns_for_high: 0 must be greater "),
    ("concerns_for_high = 2", "concern_for_high = 2", "(did you mean 'concerns_for_high'?)"),
    ('["loaded", "unloaded"]', '["x", "x"]', "key short_names: ['x', 'x'] must be two names that"),
    ('["loaded", "unloaded"]', '["x"]', "key short_names, entry 2 is missing"),
    ('"REML"', '"reml"', "table [methods]: tau2_method must be one of FE, DL, HE,"),
    ('"REML"', '"NOPE"', "SJ, ML, REML, EB, PM; got 'NOPE'"),
    (
        '"wald"',
        '"HKSJ"',
        "ci_method must be one of wald, HK, HK-adhoc, KR; got 'HKSJ' (did you mean 'H",
    ),
    ("level = 0.95", "level = 95", "table [methods]: level must lie between 0 and 1, got 95; did"),
    ("ci_method", "cimethod", "the name of a method must be one of tau2_method, ci_method"),
]


@pytest.mark.parametrize(("old", "new", "words"), TOML_CASES)
def test_a_wrong_entry_of_review_toml_is_named(data: Path, old: str, new: str, words: str) -> None:
    replace(data, "review.toml", old, new)
    with pytest.raises(al.ReviewError) as caught:
        al.load_review(data)
    assert words in str(caught.value)
    assert "review.toml" in str(caught.value)


def test_without_methods_the_stated_defaults_hold(data: Path) -> None:
    toml = data / "review.toml"
    lines = toml.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(tuple(al.Methods()))]
    assert len(lines) - len(kept) == len(tuple(al.Methods()))
    toml.write_text("\n".join(kept), encoding="utf-8")
    assert al.load_review(data).info.methods == al.Methods()


def test_all_wrong_methods_are_told_at_once(data: Path) -> None:
    replace(data, "review.toml", '"REML"', '"NOPE"')
    replace(data, "review.toml", "level = 0.95", "levle = 0.95")
    (line,) = told(data)
    assert "got 'NOPE'" in line
    assert "got 'levle' (did you mean 'level'?)" in line


def test_the_words_of_a_review_cannot_change(review: al.Review) -> None:
    with pytest.raises(ValueError, match="frozen"):
        review.info.title = "another"
    assert isinstance(review.info.participants["difference"], tuple)
    assert dict(review.info.risk_of_bias) == {**review.info.risk_of_bias}


def test_without_review_toml_there_is_no_review(data: Path) -> None:
    (data / "review.toml").unlink()
    with pytest.raises(al.ReviewError, match=r"data: no folder of that name with a review\.toml"):
        al.load_review(data)


def test_participants_of_the_text_are_compared_with_the_arms(data: Path) -> None:
    replace(data, "review.toml", "total = 778", "total = 779")
    assert told(data) == [
        "arms.csv, column n: the arms add up to 806, the review says 779, "
        "and review.toml explains a difference of 28"
    ]


def test_a_missing_bibliography_is_named(data: Path) -> None:
    (data.parent / "book" / "references.bib").unlink()
    with pytest.raises(al.ReviewError, match=r"references\.bib: the file is missing from book/"):
        al.load_review(data)


def test_another_bibliography_can_be_given(data: Path) -> None:
    elsewhere = data.parent / "elsewhere.bib"
    shutil.move(data.parent / "book" / "references.bib", elsewhere)
    assert len(al.load_review(data, bibliography=elsewhere).trials) == 13
    elsewhere.write_text("@article{other,\n}\n")
    assert "review.toml, key citation: 'ranzani2025' is not in elsewhere.bib" in told_with(
        data, elsewhere
    )


def told_with(data: Path, bibliography: Path) -> str:
    with pytest.raises(al.ReviewError) as caught:
        al.load_review(data, bibliography=bibliography)
    return str(caught.value)


# Anything at all

EXAMPLES = 30  # a load takes 0.2 s
NASTY = [
    "",
    " ",
    "0",
    "-1",
    "1e308",
    "-1e308",
    "1e999",
    "nan",
    "inf",
    "NA",
    "None",
    "<NA>",
    "yes",
    "all",
    "9" * 400,
    "1e18",
    "9007199254740993",
    "0.1",
    "-0.0",
    "=1",
    "<b>",
    "reports_excluded",
    "aasa-2015",
    '"',
    ",",
    "\r",
    "\n",
    "\x00",
    "\ufeff",
    "é",
]
CELL = st.one_of(
    st.sampled_from(NASTY), st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
)
EDIT = st.tuples(st.sampled_from(TABLES), st.integers(0, 400), st.integers(0, 400), CELL)
RANDOM = examples(EXAMPLES, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def pristine() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield copy_to(Path(folder))


def loads_or_tells(data: Path) -> None:
    """Load; an error of any other kind than the project's own fails the test."""
    with contextlib.suppress(al.ReviewError):
        assert len(al.load_review(data).trials) > 0


@pytest.mark.slow
@given(edits=st.lists(EDIT, min_size=1, max_size=3))
@RANDOM
def test_random_cells_load_or_are_refused(
    pristine: Path, edits: list[tuple[str, int, int, str]]
) -> None:
    before = {table: (pristine / f"{table}.csv").read_bytes() for table, *_ in edits}
    try:
        for table, row, column, value in edits:
            rows = read(DATA, table)
            line = rows[row % len(rows)]
            line[column % len(line)] = value
            write(pristine, table, rows)
        loads_or_tells(pristine)
    finally:
        for table, raw in before.items():
            (pristine / f"{table}.csv").write_bytes(raw)


FILES = [*(f"{table}.csv" for table in TABLES), "review.toml", "../book/references.bib"]


@pytest.mark.slow
@given(
    file=st.sampled_from(FILES),
    start=st.floats(0, 1),
    length=st.integers(0, 200),
    new=st.binary(max_size=8),
)
@RANDOM
def test_random_bytes_load_or_are_refused(
    pristine: Path, file: str, start: float, length: int, new: bytes
) -> None:
    raw = (pristine / file).read_bytes()
    at = int(start * len(raw))
    try:
        (pristine / file).write_bytes(raw[:at] + new + raw[at + length :])
        loads_or_tells(pristine)
    finally:
        (pristine / file).write_bytes(raw)


@pytest.mark.few
@pytest.mark.parametrize(
    ("item", "judgement", "said"),
    [
        ("D7", "serious", None),
        ("A1", "serious", "item: 'A1' is no domain of ROBINS-I, nor overall"),
        ("D7", "unclear", "judgement: judgement of ROBINS-I must be one of low, moderate, serious"),
        ("1.1", "Y", "item: '1.1' is no domain of ROBINS-I, nor overall"),
    ],
)
def test_a_judgement_is_one_of_its_instrument(
    data: Path, item: str, judgement: str, said: str | None
) -> None:
    path = data / "risk_of_bias.csv"
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    cells = {**dict.fromkeys(header, "x"), "trial": rows[0][0], "outcome": "pain", "item": item}
    cells |= {"judgement": judgement, "provenance": "reported"}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*header, "instrument"])
        writer.writerows([*row, ""] for row in rows)
        writer.writerow([*(cells[name] for name in header), "ROBINS-I"])
    if said is None:
        assert len(al.load_review(data).risk_of_bias) == len(rows) + 1
    else:
        assert any(said in line for line in told(data))


def test_a_row_is_as_well_known_as_its_weakest_cell(review: al.Review) -> None:
    counts = provenance_counts(review).set_index("table")
    weeks = review.interventions["weaker"].dropna().str.contains("weeks").sum()
    assert counts.loc["interventions.csv", "in part"] == 9
    assert counts.loc["interventions.csv", "which"].startswith(f"{weeks} of weeks")
    assert counts.loc["outcomes.csv", "which"] == "1 of mid and 2 of measure"
    assert counts.loc["trials.csv", "in part"] == 0
    bare = review.interventions.drop(columns="weaker")  # as of a table that has no such column
    assert not with_weaker_cells(bare).any()
    assert with_weaker_cells(review.interventions).sum() == 9


@pytest.mark.parametrize(
    ("cell", "told_of"),
    [
        ("week: secondary", "no column 'week'"),
        ("weeks: guessed", "weeks: must be secondary or inferred, got 'guessed'"),
        ("weeks", "weeks: must be secondary or inferred, got ''"),
    ],
)
def test_a_weaker_cell_is_one_of_the_table(data: Path, cell: str, told_of: str) -> None:
    rows = read(data, "interventions")
    place = rows[0].index("weaker")
    rows[1][place] = cell
    write(data, "interventions", rows)
    assert told(data) == [f"interventions.csv, row 2, column weaker: {told_of}"]
