"""Does the one reader take every table that is sound, and name the place of every fault?

Each test reads one file. What must agree between tables is asked in ``test_model.py``.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from places import DATA
from properties import examples

from analysis_lib.base.errors import MOST_PROBLEMS, ReviewError
from analysis_lib.review import cells
from analysis_lib.review.cells import links_in, read_as_text, read_table
from analysis_lib.review.schemas import (
    SCHEMAS,
    count,
    day,
    key,
    number,
    one_of,
    table,
    text,
    usual_tables,
    yes_no,
)

FIRST_ROW = 2  # the header is row 1, as a spreadsheet counts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, schema in SCHEMAS.items():
        file = DATA / f"{name}.csv"
        if file.is_file():
            shutil.copy(file, tmp_path)
        else:  # a table that this review does without
            (tmp_path / file.name).write_text(",".join(schema.columns) + "\n", encoding="utf-8")
    return tmp_path


def load(folder: Path, name: str) -> pd.DataFrame:
    return read_table(folder / f"{name}.csv", SCHEMAS[name])


def told(folder: Path, name: str) -> list[str]:
    """Return what is wrong with a table, one problem a line."""
    with pytest.raises(ReviewError) as caught:
        load(folder, name)
    head, *lines = str(caught.value).split("\n- ")
    return lines or [head]


def read(folder: Path, name: str) -> list[list[str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def write(folder: Path, name: str, rows: list[list[str]]) -> None:
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def set_cell(folder: Path, name: str, row: int, column: str, value: str) -> None:
    rows = read(folder, name)
    rows[row - 1][rows[0].index(column)] = value
    write(folder, name, rows)


def replace(folder: Path, file: str, old: str, new: str) -> None:
    content = (folder / file).read_text(encoding="utf-8")
    assert old in content
    (folder / file).write_text(content.replace(old, new, 1), encoding="utf-8")


# Cells

WRONG_CELLS = [
    ("arms", "age_sd", "-10", "must be greater than 0"),
    ("arms", "age_sd", "0", "must be greater than 0"),
    ("arms", "age_mean", "-1", "must be at least 0"),
    ("arms", "age_mean", "forty", "is not a number"),
    ("arms", "age_mean", "nan", "is not a number"),
    ("arms", "age_mean", "inf", "is not a number"),
    ("arms", "age_mean", "-inf", "looks like a spreadsheet formula"),
    ("arms", "age_mean", "1e999", "is not a number"),
    ("arms", "age_mean", "1_000", "is not a number"),
    ("arms", "age_mean", "0x1F", "is not a number"),
    ("arms", "age_mean", "4,2", "is not a number"),
    ("arms", "age_mean", "−42", "is not a number"),
    ("arms", "age_mean", "NA", "is not a number"),
    ("arms", "age_mean", "True", "is not a number"),
    ("arms", "n", "12.5", "is not a whole number"),
    ("arms", "n", "1e300", "is not a whole number"),
    ("arms", "n", "99999999999999999999", "is not a whole number"),
    ("arms", "n", "0", "must be at least 1"),
    ("arms", "n", "-35", "must be at least 1"),
    ("arms", "group", "exercise", "must be one of: experimental, comparator"),
    ("arms", "provenance", "guessed", "must be one of: reported, secondary, reconstructed"),
    ("arms", "arm", "two words", "must be an identifier (letters, digits, - and _)"),
    ("published", "p", "1.2", "must be at most 1"),
    ("published", "p", "-0.1", "must be at least 0"),
    ("published", "i2", "167", "must be at most 100"),
    ("published", "tau2", "-0.1", "must be at least 0"),
    ("arm_results", "sd", "-9.6", "must be greater than 0"),
    ("contrasts", "measure", "XX", "must be one of: MD, SMD, ROM, RR, OR, RD, IRR, IRD, HR"),
    ("trials", "pooled", "maybe", "is neither yes nor no"),
    ("searches", "date", "March 2025", "must be a month, as in 2025-03"),
    ("excluded_reports", "year", "215", "must be at least 1900"),
    ("risk_of_bias", "item", "9th", "must be overall, D1 to D5, or a signalling question"),
    ("risk_of_bias", "judgement", "bad", "must be one of: low, some concerns, high"),
    ("certainty", "rating", "excellent", "must be one of: very low, low, moderate, high"),
]


@pytest.mark.parametrize(("name", "column", "value", "words"), WRONG_CELLS)
def test_a_wrong_cell_is_named(
    folder: Path, name: str, column: str, value: str, words: str
) -> None:
    row = FIRST_ROW + 1
    set_cell(folder, name, row, column, value)
    (line,) = told(folder, name)
    assert line.startswith(f"{name}.csv, row {row}, column {column}: {value!r} ")
    assert words in line


@pytest.mark.parametrize(
    "column", ["group", "trial", "arm", "provenance", "source", "label_printed"]
)
def test_a_missing_value_is_named(folder: Path, column: str) -> None:
    set_cell(folder, "arms", 4, column, "  ")
    assert f"arms.csv, row 4, column {column}: a value is missing" in told(folder, "arms")


UNSAFE = [
    ("<script>alert(1)</script>", "holds HTML or script"),
    ("Aasa < img src=x onerror=alert(1)>", "holds HTML or script"),
    ("</td>", "holds HTML or script"),
    ("<!-- hidden -->", "holds HTML or script"),
    ("&#60;b&#62;", "holds HTML or script"),
    ("[x](JavaScript:alert(1))", "holds HTML or script"),
    ('=HYPERLINK("x","y")', "looks like a spreadsheet formula"),
    ("@SUM(A1)", "looks like a spreadsheet formula"),
    ("+cmd|' /C calc'!A0", "looks like a spreadsheet formula"),
    ("-cmd", "looks like a spreadsheet formula"),
    ("-2+3+cmd|' /C calc'!A0", "looks like a spreadsheet formula"),
    ('+1+HYPERLINK("x")', "looks like a spreadsheet formula"),
    ("bell\x07", "holds a control character"),
    ("nothing\x00more", "holds a control character"),
    ("escape\x1b[31m", "holds a control character"),
    ("right\u202eleft", "holds a control character"),
]


@pytest.mark.parametrize(("value", "words"), UNSAFE)
def test_a_cell_that_could_run_is_refused(folder: Path, value: str, words: str) -> None:
    set_cell(folder, "selection", 4, "label", value)
    assert told(folder, "selection") == [f"selection.csv, row 4, column label: {value!r} {words}"]


@pytest.mark.parametrize(
    "value",
    [
        "p < 0.05",
        "5 <6",
        "-0.52 (95 % CI -0.92 to -0.08)",
        "+3.5 points",
        "- not stated",
        "-",
        "−0.5",
        "R&D and M&M",
        "a = b",
        "Biering-Sørensen, ≥ 7 weeks",
        "two\nlines",
        'a "quoted" word',
    ],
)
def test_ordinary_words_and_numbers_are_let_in(folder: Path, value: str) -> None:
    set_cell(folder, "selection", 4, "note", value)
    assert load(folder, "selection").loc[4, "note"] == value


def test_a_very_long_value_is_cut_in_the_message(folder: Path) -> None:
    set_cell(folder, "arms", 2, "n", "9" * 10_000)
    (line,) = told(folder, "arms")
    assert line.startswith("arms.csv, row 2, column n: '999")
    assert len(line) < 200


def test_columns_that_are_misspelt_missing_extra_or_doubled_are_named(folder: Path) -> None:
    header, *rows = read(folder, "selection")
    cases = {
        (
            "box",
            "label",
            "cuont",
            *header[3:],
        ): "missing columns: 'count'; unknown columns: 'cuont' (did you mean 'count'?)",
        ("box", "label", "label", *header[3:]): (
            "missing columns: 'count'; columns named twice: 'label'"
        ),
        tuple(header[:-1]): "missing columns: 'note'",
        (*header, "more"): "unknown columns: 'more'",
        (*header, ""): "unknown columns: ''",
        (*header, "box"): "columns named twice: 'box'",
        ("BOX", *header[1:]): (
            "missing columns: 'box'; unknown columns: 'BOX' (did you mean 'box'?)"
        ),
    }
    for columns, words in cases.items():
        write(folder, "selection", [list(columns), *rows])
        assert told(folder, "selection") == [f"selection.csv, row 1: {words}"]


def test_the_order_of_columns_does_not_matter(folder: Path) -> None:
    arms = load(folder, "arms")
    write(folder, "arms", [row[::-1] for row in read(folder, "arms")])
    pd.testing.assert_frame_equal(load(folder, "arms"), arms)


def test_all_ragged_rows_of_a_table_are_named(folder: Path) -> None:
    rows = read(folder, "selection")
    rows[3] = rows[3][:-1]
    rows[7] = [*rows[7], "one more"]
    write(folder, "selection", rows)
    width = len(rows[0])
    assert told(folder, "selection") == [
        f"selection.csv, row 4: {width - 1} cells where the header has {width}",
        f"selection.csv, row 8: {width + 1} cells where the header has {width}",
    ]


@pytest.mark.parametrize("content", ["", "\n", "\n\n\n", " , ,\n", "\ufeff"])
def test_a_file_without_a_header_is_named(folder: Path, content: str) -> None:
    (folder / "arms.csv").write_text(content, encoding="utf-8")
    assert told(folder, "arms") == ["arms.csv, row 1: the header is missing"]


def test_text_that_is_not_utf8_is_told_with_its_row(folder: Path) -> None:
    raw = (folder / "selection.csv").read_bytes().splitlines(keepends=True)
    raw[5] = raw[5].replace(b"Records", b"R\xe9cords")
    (folder / "selection.csv").write_bytes(b"".join(raw))
    assert told(folder, "selection") == ["selection.csv, row 6: not UTF-8 text; save it as UTF-8"]


def test_utf16_is_told(folder: Path) -> None:
    text = (folder / "selection.csv").read_text(encoding="utf-8")
    (folder / "selection.csv").write_text(text, encoding="utf-16")
    assert told(folder, "selection") == ["selection.csv, row 1: not UTF-8 text; save it as UTF-8"]


def test_an_unclosed_quote_is_told(folder: Path) -> None:
    replace(folder, "selection.csv", "Records screened", '"Records screened')
    (line,) = told(folder, "selection")
    assert line.startswith("selection.csv: not a readable CSV file (")


def test_a_huge_file_is_refused_unread(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "LARGEST_FILE", 10_000)
    size = (folder / "excluded_reports.csv").stat().st_size
    assert f"excluded_reports.csv: {size:,} bytes; the limit is 10,000" in told(
        folder, "excluded_reports"
    )


def test_a_huge_cell_is_refused(folder: Path) -> None:
    set_cell(folder, "selection", 3, "note", "x" * 200_000)
    (line,) = told(folder, "selection")
    assert line.startswith("selection.csv: not a readable CSV file (field larger")


def test_a_file_that_may_not_be_read_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_text = Path.read_text

    def refuse(path: Path, *args: str, **kwargs: str) -> str:
        if path.name == "arms.csv":
            raise PermissionError(13, "Permission denied")
        return open_text(path, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", refuse)
    assert told(folder, "arms") == ["arms.csv: cannot be read (Permission denied)"]


def byte_order_mark(raw: bytes) -> bytes:
    return b"\xef\xbb\xbf" + raw


def windows_line_ends(raw: bytes) -> bytes:
    return raw.replace(b"\n", b"\r\n")


def old_mac_line_ends(raw: bytes) -> bytes:
    return raw.replace(b"\n", b"\r")


def no_last_line_end(raw: bytes) -> bytes:
    return raw.rstrip(b"\n")


def blank_lines(raw: bytes) -> bytes:
    return raw.replace(b"\n", b"\n\n") + b"\n,,,,,,\n  \n"


@pytest.mark.parametrize(
    "change",
    [byte_order_mark, windows_line_ends, old_mac_line_ends, no_last_line_end],
)
def test_what_spreadsheets_do_to_files_is_fine(
    folder: Path, change: Callable[[bytes], bytes]
) -> None:
    before = load(folder, "follow_ups")
    file = folder / "follow_ups.csv"
    file.write_bytes(change(file.read_bytes()))
    pd.testing.assert_frame_equal(load(folder, "follow_ups"), before)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_spaces_and_blank_lines_are_fine(folder: Path, name: str) -> None:
    before = load(folder, name)
    rows = [[f"  {cell}\xa0 " for cell in row] for row in read(folder, name)]
    blank = ["" for _ in rows[0]]
    write(folder, name, [rows[0], blank, [], *rows[1:], [" "]])
    after = load(folder, name)
    assert list(after.index) == [row + 2 for row in before.index]
    pd.testing.assert_frame_equal(after.set_axis(before.index), before)


# Rows

WITH_ROWS = sorted(name for name in SCHEMAS if (DATA / f"{name}.csv").is_file())


@pytest.mark.parametrize("name", WITH_ROWS)
def test_a_row_that_stands_twice_is_named(folder: Path, name: str) -> None:
    rows = read(folder, name)
    write(folder, name, [*rows, rows[1]])
    lines = told(folder, name)
    for row in (FIRST_ROW, len(rows) + 1):
        named = [line for line in lines if line.startswith(f"{name}.csv, row {row}")]
        assert any("in the table twice" in line for line in named)
    for column in SCHEMAS[name].metadata["unique"]:
        assert f"{column} {rows[1][rows[0].index(column)]!r}" in lines[0]


# What a review may leave out, and add


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_columns_whose_cells_may_all_be_empty_may_be_absent(folder: Path, name: str) -> None:
    rows = read(folder, name)
    needed = [spec.required for column in rows[0] for spec in [SCHEMAS[name].columns[column]]]
    write(folder, name, [[x for x, kept in zip(row, needed, strict=True) if kept] for row in rows])
    after = load(folder, name)
    assert list(after.columns) == list(SCHEMAS[name].columns)
    absent = [column for column, kept in zip(rows[0], needed, strict=True) if not kept]
    assert after[absent].isna().all(axis=None)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("trials", "gender_reported"),
        ("trials", "risk_of_bias_text"),
        ("trials", "between_groups_text"),
        ("trials", "year"),
        ("interventions", "modalities"),
        ("interventions", "progressive"),
        ("interventions", "supervision"),
        ("sources", "platform_group"),
        ("reports", "reference"),
        ("analyses", "effect_from"),
    ],
)
def test_what_this_review_needs_for_itself_is_not_asked_of_others(name: str, column: str) -> None:
    assert SCHEMAS[name].columns[column].nullable
    assert not SCHEMAS[name].columns[column].required


def test_interventions_take_any_columns_that_describe(folder: Path) -> None:
    rows = read(folder, "interventions")
    more = [["dose (mg)", "given by"], ["5", "a nurse"], *([["", ""]] * (len(rows) - 2))]
    write(folder, "interventions", [row + extra for row, extra in zip(rows, more, strict=True)])
    table = load(folder, "interventions")
    assert list(table.columns) == [*SCHEMAS["interventions"].columns, "dose (mg)", "given by"]
    assert table["dose (mg)"].dropna().tolist() == ["5"]
    set_cell(folder, "interventions", 3, "given by", "=1+1")
    assert told(folder, "interventions") == [
        "interventions.csv, row 3, column given by: '=1+1' looks like a spreadsheet formula"
    ]


def test_a_misspelt_column_does_not_pass_for_a_further_one(folder: Path) -> None:
    replace(folder, "interventions.csv", "sessions_per_week", "session_per_week")
    assert told(folder, "interventions") == [
        "interventions.csv, row 1: unknown columns: 'session_per_week' "
        "(did you mean 'sessions_per_week'?)"
    ]


# Links, and many faults


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_tables_that_only_some_reviews_have_may_be_absent(folder: Path, name: str) -> None:
    (folder / f"{name}.csv").unlink()
    if name in usual_tables():
        assert told(folder, name) == [f"{name}.csv: the file is missing from {folder.name}/"]
    else:
        found = load(folder, name)
        assert found.empty
        assert list(found.columns) == list(SCHEMAS[name].columns)


def test_a_link_is_not_followed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "arms.csv"
    shutil.move(folder / "arms.csv", elsewhere)
    (folder / "arms.csv").symlink_to(elsewhere)
    (folder / "registry").mkdir()
    (folder / "registry" / "all").symlink_to(elsewhere.parent)
    words = "a link to another place; put the file itself there"
    assert told(folder, "arms") == [f"arms.csv: {words}"]
    assert [str(problem) for problem in links_in(folder)] == [
        f"arms.csv: {words}",
        f"registry/all: {words}",
    ]


def test_an_error_lists_at_most_twenty_problems_and_counts_all(folder: Path) -> None:
    rows = read(folder, "arms")
    age = rows[0].index("age_sd")
    write(folder, "arms", [rows[0], *([*row[:age], "-1", *row[age + 1 :]] for row in rows[1:])])
    with pytest.raises(ReviewError) as caught:
        load(folder, "arms")
    head, *lines = str(caught.value).splitlines()
    assert head == f"{len(rows) - 1} problems in arms.csv; the first 20:"
    assert len(lines) == MOST_PROBLEMS < len(rows) - 1
    assert lines[0] == "- arms.csv, row 2, column age_sd: '-1' must be greater than 0"


def test_what_is_asked_of_a_text_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Growth: many rows repeat few texts, so the work is that of the distinct ones."""
    asked: list[str] = []
    danger = cells.danger
    monkeypatch.setattr(cells, "danger", lambda cell: asked.append(cell) or danger(cell))
    path = tmp_path / "many.csv"
    path.write_text("name,word\n" + "a,one\nb,two\n" * 5_000, encoding="utf-8")
    schema = table("Many", {"name": text("Name"), "word": text("Word")})
    assert len(read_table(path, schema)) == 10_000
    assert sorted(asked) == ["a", "b", "one", "two"]


# Any table at all

KINDS = table(
    "One column a kind",
    {
        "key": key("Key", unique=True),
        "n": count("Whole number", low=1),
        "x": number("Number", low=-10, high=10),
        "word": one_of("Word", ("low", "high")),
        "sure": yes_no("Yes or no"),
        "day": day("Day"),
        "words": text("Text", optional=True),
    },
    unique=("n", "word"),
)
WORDS = st.text(
    st.characters(categories=["L", "N", "P", "Zs"], exclude_characters="<&=+-@"), max_size=12
).filter(lambda x: "javascript:" not in x.lower())
ROW = st.fixed_dictionaries(
    {
        "key": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,6}", fullmatch=True),
        "n": st.integers(1, 10**6),
        "x": st.none() | st.floats(-10, 10),
        "word": st.sampled_from(["low", "high"]),
        "sure": st.booleans(),
        "day": st.dates().map(lambda d: d.isoformat()),
        "words": WORDS.map(str.strip),
    }
)
ROWS = st.lists(ROW, max_size=8, unique_by=(lambda r: r["key"], lambda r: (r["n"], r["word"])))
SOME = ROWS.filter(bool)
WRONG = {
    "key": ["two words", "", "é", "-a", "a/b"],
    "n": ["0", "-1", "1.5", "many", "", "1e300"],
    "x": ["10.5", "-11", "inf", "nan", "1,5", "one"],
    "word": ["middle", "", "Low"],
    "sure": ["true", "", "Yes"],
    "day": ["2025-3-1", "", "yesterday"],
    "words": ["=1", "<b>", "a\x07", "@x"],
}
QUICK = examples(60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def as_row(row: dict[str, Any]) -> list[str]:
    """Return the cells of a row as somebody would write them."""
    words = {"sure": {True: "yes", False: "no"}.get(row["sure"], "")}
    cells = [(row | words)[name] for name in KINDS.columns]  # drawn in any order
    return ["" if x is None else str(x) for x in cells]


def save(path: Path, rows: list[list[str]], *, quoted: bool = False, end: str = "\n") -> None:
    out = io.StringIO()
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    writer = csv.writer(out, lineterminator=end, quoting=quoting)
    writer.writerows([list(KINDS.columns), *rows])
    path.write_bytes(out.getvalue().encode("utf-8"))


@pytest.mark.slow
@given(rows=ROWS, quoted=st.booleans(), end=st.sampled_from(["\n", "\r\n"]))
@QUICK
def test_any_sound_table_loads_as_it_was_written(
    tmp_path: Path, rows: list[dict[str, Any]], quoted: bool, end: str
) -> None:
    path = tmp_path / "kinds.csv"
    save(path, [as_row(row) for row in rows], quoted=quoted, end=end)
    found = read_table(path, KINDS)
    assert list(found.index) == list(range(FIRST_ROW, FIRST_ROW + len(rows)))
    for name in KINDS.columns:
        written = [None if row[name] == "" else row[name] for row in rows]
        assert [None if pd.isna(x) else x for x in found[name]] == written
    text_of = read_as_text(path, KINDS)
    assert text_of.fillna("").to_numpy().tolist() == [as_row(row) for row in rows]


@pytest.mark.slow
@given(rows=SOME, data=st.data())
@QUICK
def test_any_damage_is_refused_with_its_place(
    tmp_path: Path, rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    path = tmp_path / "kinds.csv"
    at = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from(list(KINDS.columns)))
    value = data.draw(st.sampled_from(WRONG[column]))
    lines = [as_row(row) for row in rows]
    lines[at][list(KINDS.columns).index(column)] = value
    save(path, lines)
    with pytest.raises(ReviewError) as caught:
        read_table(path, KINDS)
    head, line = str(caught.value).splitlines()
    assert head == "1 problem in kinds.csv:"
    what = re.escape(repr(value)) if value else "a value is missing"
    assert re.match(rf"- kinds\.csv, row {at + FIRST_ROW}, column {column}: {what}", line)


@pytest.mark.slow
@given(rows=SOME, data=st.data())
@QUICK
def test_any_row_that_stands_twice_is_named_both_times(
    tmp_path: Path, rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    path = tmp_path / "kinds.csv"
    at = data.draw(st.integers(0, len(rows) - 1))
    again = {**rows[at], "key": "another-key-than-any"}
    save(path, [as_row(row) for row in [*rows, again]])
    with pytest.raises(ReviewError) as caught:
        read_table(path, KINDS)
    places = [int(row) for row in re.findall(r"row (\d+): n '", str(caught.value))]
    assert places == [at + FIRST_ROW, len(rows) + FIRST_ROW]


@pytest.mark.slow
@given(content=st.binary(max_size=60))
@QUICK
def test_any_bytes_at_all_load_or_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kinds.csv"
    save(path, [])
    path.write_bytes(path.read_bytes() + content)
    with contextlib.suppress(ReviewError):
        assert read_table(path, KINDS).empty  # no bytes this few make a sound row
