"""Does nothing vanish that is not surely the same work, and is every decision kept and undone?

The expected decisions are what a librarian would say of the two records; the property at the end
throws random ones together.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import examples
from table_rows import rows_of

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing import Record, deduplicate, read_records
from analysis_lib.importing.search import duplicates, titles, works
from analysis_lib.importing.search.store import COLUMNS, add_search
from analysis_lib.importing.search.titles import most_alike
from analysis_lib.importing.search.works import facts_of

TRIAL = {
    "title": "Lifting crates for low back pain: a made-up trial",
    "authors": "Example, Ann; Sample, Bo",
    "year": 2015,
    "journal": "Journal of Examples",
    "volume": "3",
    "pages": "12-19",
    "doi": "10.1000/a",
}


#: How what is about a work names it; every one shares the DOI of the work.
ABOUT_IT = (
    *("RETRACTED: {}", "Notice of retraction: {}", "Statement of Retraction: {}", "{} [Retracted]"),
    *("Retraction notice to “{}” [J Ex 3 (2015) 12-19]", "Editorial expression of concern: {}"),
    *("{} (Retracted article. See vol. 4, pg. 3, 2016)", "Publisher's correction: {}"),
    *("Correction for Example et al., {}", "Letter by Muster regarding article, {}"),
    "Erratum: Author Correction: {} (J Ex (2015) 3 12 DOI: 10.1000/a)",
    *("Editorial: {}", "{}. Authors' reply", "In reply: {}", "{} erratum"),
    "Response by Example to letter regarding article, “{}”",
)
#: Titles that differ in one sign, number or word that bears meaning.
ONE_SIGN = (
    ("people with BMI ≥ 30", "people with BMI < 30"),
    ("people with a score > 5", "people with a score < 5"),
    ("HER2+ breast cancer", "HER2- breast cancer"),
    ("CD4(+) T cells", "CD4(-) T cells"),
    ("α-tocopherol for pain", "β-tocopherol for pain"),
    ("type 1 diabetes", "type 2 diabetes"),
    ("type I diabetes", "type II diabetes"),
    ("back pain. Part I: men", "back pain. Part II: men"),
    ("back pain (part A)", "back pain (part B)"),
    ("pain at 0.5 mg daily", "pain at 05 mg daily"),
    ("pain with and without belts", "pain without belts"),
    ("pain ♂ and more", "pain ♀ and more"),
    ("pain at −5 degrees", "pain at 5 degrees"),
    ("腰痛に対する運動の効果について１", "腰痛に対する運動の効果について２"),
    ("back pain", "back pain: study protocol"),
    ("back pain", "back pain. Abstract"),
)


def decided(one: dict[str, Any], other: dict[str, Any]) -> str:
    first, second = Record("a", 1, **one), Record("b", 1, **other)
    forth = deduplicate([first, second]).decisions[1].decision
    back = deduplicate([second, first]).decisions[1].decision
    assert forth == back
    return forth


def changed(**facts: Any) -> dict[str, Any]:
    return TRIAL | facts


@pytest.mark.parametrize(
    "other",
    [
        changed(),
        changed(title="LIFTING CRATES FOR LOW-BACK PAIN. A Made-Up Trial."),
        changed(authors="Example A., Sample B.", journal="J Examples", doi=""),
        changed(year=2014),  # first seen in another year
        changed(year=2014, doi=""),
        changed(doi="", other_dois=()),
        changed(title="[Lifting crates for low back pain: a made-up trial]. [Japanese]"),
        changed(title="Lifting crates for low back pain", journal=""),  # without the subtitle
        changed(title="Lifting crates forlow back pain: a made‐up trial", doi=""),
        changed(
            title=f"{TRIAL['title']} 11 Medical and Health Sciences 1117 Public Health", doi=""
        ),
        changed(volume="", pages="", journal="", doi="", year=None),
        changed(journal="JE", doi=""),
        changed(doi="10.1002/central/CN-1/full"),
        changed(doi="10.1000/b", other_dois=("10.1000/a",)),
        changed(authors="Example-Muster, Ann"),
        changed(pages="12-9", volume="3 (Suppl 1)"),
        changed(pmid="12345678"),
        changed(
            title="Kisten gegen Rückenschmerz [Lifting crates for low back pain: a made-up trial]",
            doi="",
        ),
        changed(
            title="Lifting crates for low back pain: a made-up trial = Kisten gegen den "
            "Rückenschmerz",
            doi="",
        ),
        changed(authors="Example A von", doi=""),
        changed(journal="Journal of Examples. Conference: A Made-up Meeting", doi=""),
        changed(kind="Conference Abstract", doi=""),  # databases differ, the page does not
    ],
)
def test_what_is_surely_the_same_work_is_one(other: dict[str, Any]) -> None:
    assert decided(TRIAL, other) == "duplicate"


@pytest.mark.parametrize(
    "other",
    [
        changed(journal="Annals of Samples", doi=""),  # abstract and article
        changed(journal="Annals of Samples", doi="10.1000/c", year=2014, volume="9", pages="S4"),
        changed(doi="10.1000/b"),
        changed(doi="", year=2019, pages="", volume="", journal=""),
        changed(doi="", authors="Muster, Eva"),
        changed(doi="", volume="4"),
        changed(doi="", pages="44"),
        changed(title="A wholly other work"),  # the DOI of a supplement or a book
        changed(pages="13", title="Lifting crates for low back pain: the made-up trial"),
        changed(title="Heben von Kisten bei Rückenschmerz", doi=""),  # the same place, translated
        changed(title="Lifting crates for low back pain: a made-up triol", doi="", volume=""),
        changed(title="Lifting crates for low back pain: a made-up trial in men", pages=""),
        changed(journal="Workshop of Examples", doi="", volume="", pages=""),
        changed(kind="Thesis", doi="", volume="", pages="", journal=""),
    ],
)
def test_what_may_be_another_is_kept_and_flagged(other: dict[str, Any]) -> None:
    assert decided(changed(kind="Article"), other | {"kind": other.get("kind", "")}) == "look at"


@pytest.mark.parametrize(
    "other",
    [
        changed(title="Erratum: Lifting crates for low back pain: a made-up trial", year=2016),
        changed(title="Correction to: Lifting crates for low back pain: a made-up trial", doi=""),
        changed(title="Lifting crates for low back pain: a made-up trial (vol 3, pg 12, 2015)"),
        changed(title="Comment on: Lifting crates for low back pain: a made-up trial", pages="20"),
        changed(title="Retraction of lifting crates for low back pain: a made-up trial"),
        changed(title="Re: Lifting crates for low back pain: a made-up trial", doi="10.1000/e"),
        changed(journal="clinicaltrials.gov NCT00000001", authors="", volume="", pages="", doi=""),
        changed(kind="Trial registry record", doi="10.1002/central/CN-2/full"),
        changed(kind="Published Erratum"),
        changed(title="Lifting crates for low back pain: a made-up trial (Erratum)"),
        changed(title="Lifting crates for low back pain: a made-up trial - Corrigendum", doi=""),
        changed(title="Lifting crates for low back pain: a made-up trial. Correction"),
        changed(title="Lifting crates for low back pain: a made-up trial: reply", pages="30"),
        changed(title="Invited commentary on: Lifting crates for low back pain: a made-up trial"),
        changed(title="In response to: Lifting crates for low back pain: a made-up trial"),
        *(changed(title=form.format(TRIAL["title"])) for form in ABOUT_IT),
        changed(kind="Retraction of Publication"),
        changed(kind="Comment"),
    ],
)
def test_what_is_about_a_work_is_linked(other: dict[str, Any]) -> None:
    assert decided(TRIAL, other) == "linked"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (TRIAL, {"title": "Lifting crates", "authors": "Muster, Eva", "year": 2001}),
        (TRIAL, changed(title="Walking with crates", doi="", pages="99")),
        ({"title": "Editorial", "journal": "J One"}, {"title": "Editorial", "journal": "B Two"}),
        ({"title": "Trial I", "year": 2001}, {"title": "Trial II", "year": 2001}),
        ({}, {}),
        ({"title": "Introduction"}, {"title": "Conclusion"}),
    ],
)
def test_what_has_nothing_to_do_with_each_other_is_kept(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert decided(one, other) == "kept"


@pytest.mark.parametrize("doi", ["10.1000/a", ""])
@pytest.mark.parametrize(("one", "other"), ONE_SIGN)
def test_titles_that_differ_by_a_sign_are_flagged(one: str, other: str, doi: str) -> None:
    """However much else is the same: the place in the journal, and even the DOI."""
    titles = (f"Lifting of heavy crates for {end}" for end in (one, other))
    first, second = (changed(title=title, doi=doi) for title in titles)
    assert decided(first, second) == "look at"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("people aged ≥65 years", "people aged > or = 65 years"),
        ("people aged ≥ 65 years", "people aged >=65 years"),
        ("CD4(+) cells", "CD4+ cells"),
        ("a dose of 0·5 mg", "a dose of 0.5 mg"),
        ("α-blockers", "alpha-blockers"),
        ("men’s backs", "men's backs"),
    ],
)
def test_signs_may_be_spelled_otherwise(one: str, other: str) -> None:
    first, second = (changed(title=f"Lifting of crates for {end}") for end in (one, other))
    wording = "or" in other
    assert decided(first, second) == ("look at" if wording else "duplicate")


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("Example, Bert", "look at"),
        ("Bert Example", "look at"),
        ("Example B", "look at"),
        ("Example, Andrea", "look at"),
        ("Example A C", "duplicate"),
        ("Example, A.-M.", "duplicate"),
        ("Anne Example", "duplicate"),
        ("Example A et al.", "duplicate"),
        ("Example Jr, Ann", "duplicate"),
        ("Example, Ann, Jr.", "duplicate"),
        ("Example", "duplicate"),
    ],
)
def test_two_of_one_family_name_may_be_two_people(name: str, verdict: str) -> None:
    assert decided(changed(doi="", pages=""), changed(authors=name, doi="", pages="")) == verdict


def test_a_translated_journal_in_one_place_is_one() -> None:
    """PubMed and Embase name Chinese journals by sound and by meaning."""
    title = "Lifting crates for low back pain: a made-up trial"
    one = changed(title=f"[{title}]", journal="Zhonghua Yi Xue Za Zhi", doi="")
    assert decided(one, changed(journal="Chinese Medical Journal", doi="")) == "duplicate"
    assert decided(one, changed(journal="Chinese Medical Journal", doi="", pages="40")) == "look at"


@pytest.mark.parametrize("issue", ["", "2"])
def test_editorials_of_one_year_are_not_one(issue: str) -> None:
    """A journal prints one in each issue, and no export need say in which."""
    editorial = {"title": "Editorial", "journal": "J Examples", "volume": "3", "year": 2015}
    assert decided(editorial | {"issue": "1"}, editorial | {"issue": issue}) == "look at"
    signed = editorial | {"authors": "Example A", "title": "In this issue"}
    assert decided(signed | {"issue": "1"}, signed | {"issue": issue or "2"}) == "look at"
    reply = {"title": "The authors reply", "authors": "Example A", "pages": ""}
    assert decided(editorial | reply, editorial | reply) == "look at"  # to two letters, perhaps
    reply["pages"] = "12"
    assert decided(editorial | reply, editorial | reply) == "duplicate"
    longer = editorial | {"title": "This month in the journal"}
    assert decided(longer, longer | {"issue": issue}) == "look at"


def test_a_work_is_known_by_all_its_records() -> None:
    """The third record shares nothing but a DOI that only the second has."""
    one = Record("a", 1, **changed(doi=""))
    two = Record("b", 1, **changed(doi="10.1000/x"))
    three = Record("c", 1, title=TRIAL["title"], doi="10.1000/x")
    found = deduplicate([one, two, three])
    assert [d.decision for d in found.decisions] == ["kept", "duplicate", "duplicate"]
    assert (found.records[0].file, found.records[0].doi) == ("a", "10.1000/x")


def test_the_log_says_why() -> None:
    found = deduplicate([Record("a", 1, **TRIAL), Record("b", 7, **changed(doi="10.1000/b"))])
    row = found.log().iloc[1]
    assert (row["of_file"], row["of_row"], row["decision"]) == ("a", "1", "look at")
    assert row["why"] == "the same title, but another DOI"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"year": 2019, "doi": ""}, "another year"),
        ({"doi": "10.1000/y"}, "another DOI"),
        ({"authors": "Smith J", "doi": ""}, "another first author"),
        ({"year": 2019, "doi": "10.1000/y"}, "another DOI and another year"),
    ],
)
def test_one_title_with_other_facts_is_looked_at(more: dict[str, Any], why: str) -> None:
    one = Record("a", 1, "Lifting", "Kell, R", 2009, "Spine", doi="10.1000/x")
    found = deduplicate([one, replace(one, file="b", **more)])
    assert [d.decision for d in found.decisions] == ["kept", "look at"]
    assert found.decisions[1].why == f"the same title, but {why}"


def test_equal_titles_are_compared_with_so_many_works_only(monkeypatch: Any) -> None:
    """However many editorials there are, each is compared with a bounded number of them."""
    calls = []
    real = duplicates.compared
    monkeypatch.setattr(duplicates, "compared", lambda *a: calls.append(1) or real(*a))
    records = [Record("a", i, "Editorial", doi=f"10.1000/{i}") for i in range(500)]
    assert deduplicate(records).counts["duplicates_removed"] == 0
    assert len(calls) <= 500 * 3 * duplicates.MOST_COMPARED


FACTS = {
    "title": st.sampled_from(["", "Lifting", "LIFTING.", "Erratum: Lifting", "Walking and pain"]),
    "authors": st.sampled_from(["", "Kell, R", "Kell R; Smith", "Aasa B"]),
    "year": st.sampled_from([None, 2009, 2010]),
    "journal": st.sampled_from(["", "Spine", "Pain Research"]),
    "doi": st.sampled_from(["", "10.1000/a", "10.1000/b"]),
    "pages": st.sampled_from(["", "1-2", "7"]),
}
RECORDS = st.lists(st.fixed_dictionaries(FACTS), max_size=12).map(
    lambda rows: [Record("a", i, **row) for i, row in enumerate(rows)]
)


@examples(200)
@given(records=RECORDS)
def test_no_record_is_lost_and_none_is_counted_twice(records: list[Record]) -> None:
    found = deduplicate(records)
    assert [d.record for d in found.decisions] == records
    kept = [d for d in found.decisions if d.decision != "duplicate"]
    assert len(kept) == len(found.records)
    for decision in found.decisions:
        assert (decision.of is None) == (decision.decision == "kept")
        assert decision.of is None or decision.of in found.records


LIFTING = (
    *("Lifting crates for pain", "Lifting crate for pain", "Lifting crates for pain: a"),
    *("Comment on: Lifting crates for pain", "Walking", ""),
)


@examples(200)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            FACTS
            | {
                "title": st.sampled_from(LIFTING),
                "volume": st.sampled_from(["", "1", "2"]),
            }
        ),
        min_size=2,
        max_size=2,
    )
)
def test_works_that_are_apart_are_judged_as_if_their_titles_were_compared(
    rows: list[dict[str, Any]],
) -> None:
    """What spares the comparison of letters changes no decision."""
    one, other = (facts_of(Record("a", i, **row)) for i, row in enumerate(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(works, "_are_apart", lambda *_: False)
        expected = works.compared(one, other)
    assert works.compared(one, other) == expected


def test_most_works_that_share_a_page_by_chance_are_not_compared_by_letters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []
    real = titles.nearest
    monkeypatch.setattr(titles, "nearest", lambda *a: calls.append(a) or real(*a))
    for i in range(20):
        ours, theirs = (
            facts_of(
                Record("a", i, f"On the {i}th {word}", name, 2009, "Spine", volume=v, pages="7")
            )
            for word, name, v in (("walk", "Kell, R", "1"), ("talk", "Aasa, B", str(i + 2)))
        )
        assert works.compared(ours, theirs) is None
    assert not calls


@examples(200)
@given(records=RECORDS)
def test_what_a_key_spares_is_nothing_to_be_found(records: list[Record]) -> None:
    """Of all pairs that are surely one work, each shares a key: none is missed unseen."""
    facts = [facts_of(record) for record in records]
    for (i, one), (j, other) in combinations(enumerate(facts), 2):
        found = works.compared(one, other)
        if found and found[0] == "duplicate":
            assert {*duplicates._keys(one)} & {*duplicates._keys(other)}, (records[i], records[j])


# --- what stands in the review's folder ----------------------------------------------------------


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., Any]:
    def export(name: str, *titles: str, doi: str = "") -> Any:
        rows = "".join(f'"{title}",Example A,2015,J Examples,{doi}\n' for title in titles)
        path = tmp_path / name
        path.write_text(f"Title,Authors,Year,Journal,DOI\n{rows}", encoding="utf-8")
        return read_records(path)

    return export


def rows(folder: Path, name: str = "records") -> list[dict[str, str]]:
    return rows_of(folder / "search" / f"{name}.csv")


def rewrite(folder: Path, name: str, table: list[dict[str, str]]) -> None:
    with (folder / "search" / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)


def test_every_record_has_a_row_and_those_kept_one_in_the_screening(
    tmp_path: Path, export: Callable[..., Any]
) -> None:
    added = add_search([export("a.csv", "One", "=Two"), export("b.csv", "ONE.")], tmp_path)
    assert added.counts == {
        "records_identified": 3,
        "duplicates_removed": 1,
        "records_screened": 2,
    }
    assert [(r["record"], r["decision"], r["of"], r["title"]) for r in rows(tmp_path)] == [
        ("1", "kept", "", "One"),
        ("2", "kept", "", "'=Two"),
        ("3", "duplicate", "1", "ONE."),
    ]
    assert [r["record"] for r in rows(tmp_path, "screening")] == ["1", "2"]
    assert [(r["file"], r["records"]) for r in rows(tmp_path, "exports")] == [
        ("a.csv", "2"),
        ("b.csv", "1"),
    ]


def test_a_second_import_of_the_same_files_changes_nothing(
    tmp_path: Path, export: Callable[..., Any]
) -> None:
    exports = [export("a.csv", "One", "=Two", "-Omics; x"), export("b.csv", "ONE.", "")]
    add_search(exports, tmp_path)
    before = {p.name: p.read_bytes() for p in (tmp_path / "search").iterdir()}
    added = add_search(exports, tmp_path)
    assert (added.added, added.known) == (0, 5)
    assert {p.name: p.read_bytes() for p in (tmp_path / "search").iterdir()} == before


def test_what_a_person_decided_stands(tmp_path: Path, export: Callable[..., Any]) -> None:
    add_search([export("a.csv", "One", "ONE.", "Two", "Other two")], tmp_path)
    table = rows(tmp_path)
    table[1] |= {"decision": "kept", "of": "", "why": "I know both"}
    table[3] |= {"decision": "duplicate", "of": "3"}
    rewrite(tmp_path, "records", table)
    answers = rows(tmp_path, "screening")
    assert [r["record"] for r in answers] == ["1", "3", "4"]
    answers[0]["first"] = answers[2]["first"] = "include"
    rewrite(tmp_path, "screening", answers)
    added = add_search([export("later.csv", "one", "Three")], tmp_path, search="2")
    assert [(r["decision"], r["of"], r["search"]) for r in rows(tmp_path)] == [
        ("kept", "", "1"),
        ("kept", "", "1"),
        ("kept", "", "1"),
        ("duplicate", "3", "1"),
        ("duplicate", "1", "2"),
        ("kept", "", "2"),
    ]
    assert rows(tmp_path)[1]["why"] == "I know both"
    assert [(r["record"], r["first"]) for r in rows(tmp_path, "screening")] == [
        ("1", "include"),
        ("2", ""),
        ("3", ""),
        ("4", "include"),
        ("6", ""),
    ]
    assert added.kept_answers == ("Other two",)


def test_a_table_saved_by_a_spreadsheet_elsewhere_is_read_again(
    tmp_path: Path, export: Callable[..., Any]
) -> None:
    add_search([export("a.csv", "One", "Größe")], tmp_path)
    path = tmp_path / "search" / "records.csv"
    path.write_bytes(path.read_text(encoding="utf-8").replace(",", ";").encode("utf-8-sig"))
    assert [s.record.title for s in add_search([], tmp_path).records] == ["One", "Größe"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"decision": "maybe"}, "row 3, column decision: 'maybe' is not one of kept"),
        ({"decision": "duplicate", "of": "9"}, "row 3, column of: '9' is not the number of a rec"),
        ({"decision": "duplicate", "of": ""}, "row 3, column of: '' is not the number of a record"),
        ({"decision": "duplicate", "of": "9"}, "or make the decision kept"),
        ({"decision": "duplicate", "of": "2"}, "2 repeats 2, so that none is kept; make one"),
        ({"decision": "linked", "of": "9"}, "row 3, column of: '9' is not the number of a record"),
        ({"decision": "duplicat", "of": "1"}, "did you mean 'duplicate'?"),
        ({"record": "x"}, "row 3, column record: 'x' is no number"),
        ({"record": "1"}, "row 3, column record: 1 stands in row 2 too; take one of the rows out"),
        (dict.fromkeys(COLUMNS, ""), "row 3, column record: an empty row; take it out"),
        ({"row": "?"}, "row 3, column row: '?' is no number; type the row of the record in a.csv"),
    ],
)
def test_a_decision_that_cannot_be_understood_is_named(
    tmp_path: Path, export: Callable[..., Any], change: dict[str, str], words: str
) -> None:
    add_search([export("a.csv", "One", "Two")], tmp_path)
    table = rows(tmp_path)
    table[1] |= change
    rewrite(tmp_path, "records", table)
    with pytest.raises(ReviewError) as error:
        add_search([], tmp_path)
    assert words in str(error.value)


def test_a_duplicate_of_a_duplicate_repeats_what_is_kept(
    tmp_path: Path, export: Callable[..., Any]
) -> None:
    add_search([export("a.csv", "One", "Two", "Three", "Four")], tmp_path)
    table = rows(tmp_path)
    table[0] |= {"decision": " Duplicate", "of": "2"}  # also of one that stands below
    table[1] |= {"decision": "DUPLICATE", "of": "4"}
    table[2] |= {"decision": "Keep", "of": "4"}
    rewrite(tmp_path, "records", table)
    for _ in range(2):  # and the table that is written is read again
        added = add_search([export("later.csv", "One")], tmp_path)
        assert [(s.decision, s.of) for s in added.records] == [
            ("duplicate", 4),
            ("duplicate", 4),
            ("kept", None),
            ("kept", None),
            ("duplicate", 4),
        ]


def test_a_circle_is_told_once_for_each_row_of_it(
    tmp_path: Path, export: Callable[..., Any]
) -> None:
    add_search([export("a.csv", "One", "Two", "Three")], tmp_path)
    table = rows(tmp_path)
    for row, of in zip(table, ("2", "3", "2"), strict=True):
        row |= {"decision": "duplicate", "of": of}
    rewrite(tmp_path, "records", table)
    with pytest.raises(ReviewError) as error:
        add_search([], tmp_path)
    told = str(error.value)
    assert "row 3, column of: 2 repeats 3 repeats 2, so that none is kept" in told
    assert "row 4, column of: 3 repeats 2 repeats 3" in told
    assert "row 2" not in told


@pytest.mark.parametrize("name", ["records", "screening"])
def test_a_column_that_was_renamed_is_named(
    tmp_path: Path, export: Callable[..., Any], name: str
) -> None:
    add_search([export("a.csv", "One")], tmp_path)
    table = [{f"{k} no." if k == "record" else k: v for k, v in rows(tmp_path, name)[0].items()}]
    rewrite(tmp_path, name, table)
    with pytest.raises(ReviewError, match=rf"{name}.csv, row 1: no column 'record'; give it"):
        add_search([], tmp_path)


def test_an_answer_to_no_record_is_never_lost(tmp_path: Path, export: Callable[..., Any]) -> None:
    add_search([export("a.csv", "One")], tmp_path)
    rewrite(tmp_path, "screening", [rows(tmp_path, "screening")[0] | {"record": "7"}])
    with pytest.raises(ReviewError, match="row 2, column record: 7 is not the number of a record"):
        add_search([], tmp_path)


def test_another_file_of_the_same_name_is_refused(
    tmp_path: Path, export: Callable[..., Any]
) -> None:
    add_search([export("a.csv", "One")], tmp_path)
    for others in (("Two",), ("One", "Two")):
        with pytest.raises(ReviewError, match="give the new export another name"):
            add_search([export("a.csv", *others)], tmp_path)
    assert len(rows(tmp_path)) == 1


@given(st.text("abc ", min_size=1), st.text("abc ", min_size=1))
@examples(200)
def test_no_two_titles_are_more_alike_than_their_letters(one: str, other: str) -> None:
    """Titles whose letters tell enough are not compared further."""
    ratio = SequenceMatcher(None, one, other, autojunk=False).ratio()
    # The same quotient of whole numbers, so that no rounding comes between.
    assert most_alike(one, other) >= ratio
    assert most_alike(one, "".join(sorted(one))) == 1
