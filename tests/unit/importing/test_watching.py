"""Does a watch notice what is new, lose nothing, and leave every decision to people?

The services are on this machine and answer as their documentation says; the review is this one.
"""

from __future__ import annotations

import csv
import datetime
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback_services import (
    CRITERIA,
    HTML,
    Failure,
    World,
    medline,
    noon,
    retraction,
    serving,
    study,
)
from places import DATA, ROOT
from table_rows import rows_of

from analysis_lib.__main__ import main
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.unsafe import danger, harmless
from analysis_lib.book.page import Table, collected
from analysis_lib.book.sections.found import doubts, searched, show_found
from analysis_lib.importing import watching
from analysis_lib.importing.watching import Watched, kept, watch
from analysis_lib.importing.watching.asking import LONGEST_WAIT, TRIES, UnansweredError, Web
from analysis_lib.importing.watching.found import as_words
from analysis_lib.importing.watching.queries import OfPubMed, OfRegistry, read_searches
from analysis_lib.importing.watching.services import articles, notices, studies
from analysis_lib.review.found import is_doubt, read_found
from analysis_lib.review.model import Review, load_review

SEARCHES = """
since = 2026-10-31
[clinicaltrials.loads]
condition = "low back pain"
intervention = "resistance training"
[pubmed.loads]
term = "low back pain AND resistance training"
"""
FIRST_OF_ALL = datetime.date(2026, 10, 31)
FIRST, SECOND, THIRD = (datetime.date(2026, 11, day) for day in (5, 12, 19))


@pytest.fixture
def review(tmp_path: Path) -> Path:
    """Return this review, with queries and somebody to write to."""
    skip = shutil.ignore_patterns("ensemble.csv", "search", "found.csv")
    shutil.copytree(DATA, tmp_path / "data", ignore=skip)
    (tmp_path / "book").mkdir()
    shutil.copy(ROOT / "book" / "references.bib", tmp_path / "book")
    (tmp_path / "data" / "searches.toml").write_text(SEARCHES)
    info = tmp_path / "data" / "review.toml"
    words = info.read_text(encoding="utf-8")
    info.write_text('contact = "ann@example.org"\n' + words, encoding="utf-8")
    return tmp_path


@pytest.fixture
def world() -> Iterator[World]:
    """Return services that know the included reports, one new trial and one new article."""
    known = World(
        studies={"NCT90000001": ("2026-11-03", study("NCT90000001", "Deadlifts for backs"))},
        articles={"41000001": ("2026-11-04", medline("41000001", "Kettlebells and the spine"))},
        works={doi.lower(): {"DOI": doi, "title": ["As it was"]} for doi in REPORTS.values()},
        now=noon(FIRST),
    )
    with serving(known):
        yield known


REPORTS = {
    "aasa-2015": "10.2519/jospt.2015.5021",
    "calatayud-2020": "10.3390/ijerph17228326",
    "castro-2022": "10.2217/pmt-2021-0042",
    "gibbs-2022": "10.1177/02692155221095484",
    "kell-2009": "10.1519/JSC.0b013e3181918a6e",
    "nambi-2020a": "10.1097/MD.0000000000020418",
    "nambi-2020b": "10.1155/2020/2981273",
    "michaelson-2016": "10.2340/16501977-2091",
    "santos-2022": "10.2217/pmt-2021-0106",
    "sertpoyraz-2009": "10.1177/0269215508099862",
    "smith-2011": "10.3233/BMR-2011-0301",
    "cai-2017": "10.1249/MSS.0000000000001396",
}
GIBBS = (
    "Does a powerlifting inspired exercise programme better compliment pain education compared to "
    "bodyweight exercise for people with chronic low back pain? A multicentre, single-blind, "
    "randomized controlled trial"
)


def run(review: Path, world: World, day: datetime.date = FIRST) -> tuple[Watched, list[float]]:
    """Watch on a day; return how long it would have waited, too."""
    waited: list[float] = []
    world.now = noon(day)
    return watch(review, today=day, addresses=world.at, wait=waited.append), waited


def ask(world: World, where: str) -> tuple[list[str], list[float]]:
    """Ask one service, and return what it found and how long it would have waited."""
    waited: list[float] = []
    with Web("ann@example.org", FIRST, waited.append) as web:
        if where == "/studies":
            query = OfRegistry(condition="low back pain")
            return [study.id for study in studies(web, world.at, "q", query, FIRST_OF_ALL)], waited
        if where == "/works":
            found = notices(web, world.at, "aasa-2015", REPORTS["aasa-2015"], "ann@example.org")
            return [notice.kind for notice in found or ()], waited
        days = FIRST_OF_ALL, FIRST
        files, _ = articles(web, world.at, "q", OfPubMed(term="lbp"), days, "ann@example.org")
        return files, waited


def rows(review: Path, name: str = "found.csv") -> list[dict[str, str]]:
    return rows_of(review / "data" / name)


@pytest.mark.slow
def test_three_weeks(review: Path, world: World) -> None:
    """A new eligible trial; then an ineligible one and a duplicate; then a retraction."""
    first, _ = run(review, world)
    assert first.code == watching.NEW
    assert [(row["found"], row["judged"]) for row in first.new] == [
        ("NCT90000001", "met"), ("PMID 41000001", ""),
    ]  # fmt: skip
    trial = first.new[0]["words"]
    assert "chronic-nonspecific: Adults with chronic non-specific low back pain" in trial

    recurrent = CRITERIA.replace("chronic", "recurrent")
    world.studies["NCT90000002"] = "2026-11-10", study("NCT90000002", "Twice", recurrent)
    included = (
        f"PMID- 41000002\nTI  - {GIBBS}\nFAU - Gibbs, Mitchell T\nJT  - Clinical rehabilitation\n"
        f"DP  - 2022 Sep\nVI  - 36\nPG  - 1199-1213\nLID - {REPORTS['gibbs-2022']} [doi]"
    )
    world.articles["41000002"] = "2026-11-11", included
    second, _ = run(review, world, SECOND)
    assert [(row["found"], row["judged"]) for row in second.new] == [("NCT90000002", "not met")]
    assert "recurrent non-specific low back pain (inclusion)" in second.new[0]["words"]
    assert [row["found"] for row in second.known] == ["PMID 41000002"]
    assert "(references.bib): the same title and the same DOI" in second.known[0]["why"]

    kell = REPORTS["kell-2009"]
    notice = retraction("10.1519/retracted.1"), retraction("10.1519/Retracted.1", "publisher")
    world.works[kell.lower()]["updated-by"] = list(notice)
    third, _ = run(review, world, THIRD)
    (row,) = third.new
    assert (row["kind"], row["trial"], row["doi"]) == ("notice", "kell-2009", "10.1519/retracted.1")
    assert row["words"] == "retraction, publisher and retraction-watch, 2026-11-17"
    assert is_doubt(row)
    assert [row["found"] for row in rows(review)] == [
        "NCT90000001", "PMID 41000001", "NCT90000002", row["found"],
    ]  # fmt: skip
    assert all(not row["decision"] for row in rows(review))
    _check_pages(load_review(review / "data"))


def _check_pages(review: Review) -> None:
    """Check what the pages tell after the three weeks."""
    with collected() as shown:
        show_found(review)
    assert shown[0] == (
        "Trials were last searched for on 2026-11-19. The next search is due by 2026-12-20."
    )
    finds, notices, beside = (one.frame for one in shown if isinstance(one, Table))
    assert list(finds["Title"]) == ["Deadlifts for backs", "Kettlebells and the spine", "Twice"]
    assert list(finds["Criteria"]) == ["met", "not judged", "not met"]
    assert set(finds["Decision"]) == {"open"}
    assert list(notices["Notice"]) == ["retraction, publisher and retraction-watch, 2026-11-17"]
    assert "retracted" in review.trial_names["kell-2009"]
    assert len(beside) > 0
    assert (beside["With"] != beside["Without"]).all()
    told = searched(review, datetime.date(2026, 11, 20))
    assert "on 2026-11-19, 1 day before this page was made" in told
    assert "without a decision of people: 3." in told
    assert "In doubt: Kell 2009" in doubts(review)


@pytest.mark.slow
def test_nothing_new_is_said_so_and_asks_only_for_the_days_since(
    review: Path, world: World
) -> None:
    run(review, world)
    world.asked.clear()
    again, _ = run(review, world, SECOND)
    assert again.code == 0
    assert "Nothing new." in list(again.lines())
    (registry,) = [given for path, given, _ in world.asked if path == "/studies"]
    # Seven days before the last watch: services show a record days after its date.
    assert registry["filter.advanced"] == "AREA[LastUpdatePostDate]RANGE[2026-10-29,MAX]"


@pytest.mark.slow
def test_a_query_that_changed_begins_at_the_last_search_by_hand(review: Path, world: World) -> None:
    run(review, world)
    searches = review / "data" / "searches.toml"
    changed = SEARCHES.replace('intervention = "resistance', 'intervention = "strength')
    searches.write_text(changed)
    world.asked.clear()
    run(review, world, THIRD)
    (registry,) = [given for path, given, _ in world.asked if path == "/studies"]
    assert "RANGE[2026-10-31,MAX]" in registry["filter.advanced"]


def test_every_page_is_read_and_every_answer_kept_as_received(review: Path, world: World) -> None:
    for number in range(2, 6):
        nct = f"NCT9000000{number}"
        world.studies[nct] = "2026-11-04", study(nct, f"Trial of load {number} and nothing else")
    watched, _ = run(review, world)
    assert sum(row["kind"] == "registration" for row in watched.new) == 5
    answers = rows(review, "search/watch/2026-11-05/answers.csv")
    pages = [row for row in answers if row["service"] == "ClinicalTrials.gov"]
    assert [row["file"] for row in pages] == [f"clinicaltrials-loads-{i}.json" for i in (1, 2, 3)]
    assert "pageToken=t2" in pages[1]["asked"]
    kept = review / "data" / "search" / "watch" / "2026-11-05"
    document = json.loads((kept / pages[1]["file"]).read_bytes())
    assert document == {
        "studies": [world.studies[f"NCT9000000{i}"][1] for i in (3, 4)],
        "nextPageToken": "t4",
    }
    assert {row["day"] for row in answers} == {"2026-11-05"}


def test_a_service_is_asked_slowly_and_told_who_asks(review: Path, world: World) -> None:
    _, waited = run(review, world)
    assert all("mailto:ann@example.org" in agent for _, _, agent in world.asked)
    mails = [given.get("email") or given.get("mailto") for path, given, _ in world.asked
             if path != "/studies"]  # fmt: skip
    assert set(mails) == {"ann@example.org"}
    # One pause less than requests, of each service but the first, which had one request.
    assert len(waited) == len(world.asked) - 3
    assert all(0 < seconds <= 1.5 for seconds in waited)


@pytest.mark.few
@pytest.mark.parametrize(
    "failure",
    [
        Failure("", 429, {"Retry-After": "7"}),
        Failure("", 500),
        Failure("", 503, {"Retry-After": "Thu, 05 Nov 2020 12:00:00 GMT"}),
        Failure("", 200, body=b'{"studies": [', cut=True),
        Failure("", 200, body=b'{"studies": ['),
        Failure("", 200, body=HTML),
        Failure("", 200, body=b"\xff\xfe"),
        Failure("", 200, body=b"[" * 100_000),
    ],
    ids=["429", "500", "503", "cut short", "half JSON", "HTML", "no text", "too deep"],
)
@pytest.mark.parametrize("where", ["/studies", "/esearch", "/efetch", "/works"])
def test_a_fault_that_passes_is_asked_again(world: World, where: str, failure: Failure) -> None:
    world.failing.append(Failure(where, failure.status, failure.headers, failure.body, failure.cut))
    found, waited = ask(world, where)
    assert not world.failing
    assert found in (["NCT90000001"], ["pubmed-q-1.txt"], [])
    assert max(waited) == (7 if failure.status == 429 else 2)


@pytest.mark.few
@pytest.mark.parametrize(
    ("where", "failure", "told"),
    [
        ("/studies", Failure("", 500), "is busy or fails (HTTP 500) (asked 5 times)"),
        ("/studies", Failure("", body=HTML), "a web page (HTML) instead of data (asked 5 times)"),
        ("/efetch", Failure("", body=HTML), "a web page (HTML) instead of data (asked 5 times)"),
        ("/efetch", Failure("", body=b"PMID- 1\n"), "other records than it was asked for"),
        ("/works", Failure("", body=b"{", cut=True), "no whole answer"),
    ],
)
def test_a_fault_that_stays_leaves_the_other_services_heard(
    review: Path, world: World, where: str, failure: Failure, told: str
) -> None:
    answer = Failure(where, failure.status, failure.headers, failure.body, failure.cut)
    world.failing += [answer] * TRIES
    watched, _ = run(review, world)
    assert any(told in line for line in watched.lines())
    assert watched.code == watching.BOTH
    silent = {"/studies": "ClinicalTrials.gov", "/efetch": "PubMed", "/works": "Crossref"}[where]
    asked = {row["service"] for row in rows(review, "search/watch/runs.csv")}
    assert asked == {"ClinicalTrials.gov", "PubMed", "Crossref"} - {silent}
    # Next time it is asked for the same days, and everything is there.
    later, _ = run(review, world, SECOND)
    assert len(watched.new) + len(later.new) == 2
    assert not later.failures


def test_who_asks_to_wait_long_is_asked_another_time(world: World) -> None:
    seconds = str(int(LONGEST_WAIT) + 1)
    world.failing.append(Failure("/studies", 429, {"Retry-After": seconds}))
    with pytest.raises(UnansweredError, match="asks to wait 301 seconds"):
        ask(world, "/studies")


@pytest.mark.parametrize(
    ("where", "body", "told"),
    [
        ("/studies", {"trials": []}, "ClinicalTrials.gov, key studies is missing"),
        ("/studies", {"studies": [{"id": 1}], "totalCount": 1}, "identificationModule.nctId"),
        ("/studies", {"studies": [], "totalCount": 3}, "gave 0 of 3 studies"),
        ("/studies", {"studies": [], "nextPageToken": "t0"}, "leads to itself"),
        ("/studies", [], "must be a table"),
        ("/esearch", {"result": {}}, "PubMed, key esearchresult is missing"),
        ("/esearch", {"esearchresult": {"ERROR": "Search Backend failed"}}, "Backend failed"),
        ("/esearch", {"esearchresult": {"count": "2", "idlist": ["x&id=1"]}}, "idlist"),
        ("/esearch", {"esearchresult": {"count": "2", "idlist": []}}, "gave 0 of 2 numbers"),
        ("/works", {"message": {"title": "?"}}, "key DOI is missing"),
        ("/works", {"message": {"DOI": "10.1/other"}}, "answers about another work"),
        ("/works", {"message": {"DOI": REPORTS["aasa-2015"], "updated-by": [{}]}}, "key type"),
    ],
)
def test_a_schema_that_changed_is_one_line(
    world: World, where: str, body: object, told: str
) -> None:
    world.failing += [Failure(where, body=json.dumps(body).encode())] * 2
    with pytest.raises(UnansweredError) as raised:
        ask(world, where)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_refused_query_is_told_in_the_words_of_the_service(world: World) -> None:
    world.failing.append(Failure("/studies", 400, body=b"<b>Cannot</b> parse\x07 `query.cond`"))
    with pytest.raises(UnansweredError, match=r"\(HTTP 400\): 'Cannot parse `query.cond`'"):
        ask(world, "/studies")


def test_a_move_to_another_host_is_not_followed(world: World) -> None:
    world.failing.append(Failure("/studies", 302, {"Location": "http://127.0.0.1:9/"}))
    with pytest.raises(UnansweredError, match=r"refuses the request \(HTTP 302\)"):
        ask(world, "/studies")


def test_too_many_records_are_refused_before_they_are_fetched(world: World) -> None:
    many = {"esearchresult": {"count": "10000", "idlist": []}}
    world.failing.append(Failure("/esearch", body=json.dumps(many).encode()))
    with pytest.raises(ReviewError, match="10,000 new records"):
        ask(world, "/esearch")


def test_a_record_that_cannot_be_read_is_kept_for_people(review: Path, world: World) -> None:
    hostile = study(
        "NCT90000003", "=cmd|' /C calc'!A0 <script>alert(1)</script> \u202egnp.exe <odd"
    )
    hostile["protocolSection"]["eligibilityModule"]["minimumAge"] = "eighteen"
    world.studies["NCT90000003"] = "2026-11-04", hostile
    watched, _ = run(review, world)
    row = next(row for row in watched.new if row["found"] == "NCT90000003")
    assert row["judged"] == "unclear"
    assert row["words"].startswith("the record cannot be read")
    assert "\u202e" not in row["title"]
    assert "<" not in row["title"]
    # The table can be read again, and nothing in it runs.
    assert next(r for r in read_found(review / "data") if r["found"] == "NCT90000003") == row
    assert not any(danger(cell) for row in rows(review) for cell in row.values())


@given(st.text(max_size=60))
def test_words_of_a_service_pass_the_gates_of_the_review(text: str) -> None:
    assert danger(harmless(as_words(text))) is None


def test_a_wrong_clock_stops_before_anything_is_recorded(review: Path, world: World) -> None:
    world.now = noon(FIRST)
    with pytest.raises(ReviewError, match=r"today is 2026-11-05, the clock .* 2027-11-05"):
        watch(review, today=datetime.date(2027, 11, 5), addresses=world.at, wait=print)
    assert not (review / "data" / "search").exists()
    run(review, world)
    before = rows(review)
    with pytest.raises(ReviewError, match="the last watch was on 2026-11-05"):
        watch(review, today=datetime.date(2026, 11, 4), addresses=world.at, wait=print)
    assert rows(review) == before


@pytest.mark.slow
@pytest.mark.parametrize("name", ["found.csv", "search/watch/runs.csv"])
def test_a_half_written_table_is_one_line_and_stays(review: Path, world: World, name: str) -> None:
    run(review, world)
    path = review / "data" / name
    half = path.read_text(encoding="utf-8")[:-12]
    path.write_text(half, encoding="utf-8")
    world.asked.clear()
    with pytest.raises(ReviewError, match=r"half written .* row \d") as raised:
        run(review, world, SECOND)
    assert "\n" not in str(raised.value)
    assert path.read_text(encoding="utf-8") == half
    assert not world.asked


def test_an_interrupted_watch_goes_on_where_it_was(review: Path, world: World) -> None:
    class Interrupted(Exception):  # noqa: N818 - it stands for the key that a person presses
        """Stands for the end of a session."""

    def interrupt(_: float) -> None:
        if len(world.asked) == 4:
            raise Interrupted

    world.now = noon(FIRST)
    with pytest.raises(Interrupted):
        watch(review, today=FIRST, addresses=world.at, wait=interrupt)
    assert not (review / "data" / "found.csv").exists()
    earlier = [path for path, _, _ in world.asked]
    world.asked.clear()
    watched, _ = run(review, world)
    assert len(watched.new) == 2
    assert not {path for path, _, _ in world.asked} & {*earlier}
    assert len(rows(review, "search/watch/2026-11-05/answers.csv")) == 3 + len(REPORTS)


@pytest.mark.slow
def test_two_watches_of_one_day_keep_their_answers_apart(review: Path, world: World) -> None:
    run(review, world)
    again, _ = run(review, world)
    assert again.code == 0
    folders = sorted(p.name for p in (review / "data" / "search" / "watch").glob("2026*"))
    assert folders == ["2026-11-05", "2026-11-05-2"]


def test_a_watch_during_another_is_one_line_and_asks_nothing(review: Path, world: World) -> None:
    with kept.alone(review / "data"), pytest.raises(ReviewError, match="another watch") as told:
        run(review, world)
    assert "\n" not in str(told.value)
    assert not world.asked
    assert run(review, world)[0].code == watching.NEW  # and the way is free again


def test_what_people_wrote_stays(review: Path, world: World) -> None:
    run(review, world)
    path = review / "data" / "found.csv"
    table = rows(review)
    table[0] |= {"decision": "wait", "decided_by": "AB", "why": "no results yet", "tag": "ask"}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    changed = CRITERIA.replace("chronic", "recurrent")
    world.studies["NCT90000001"] = "2026-11-10", study("NCT90000001", "Deadlifts", changed)
    watched, _ = run(review, world, SECOND)
    (row,) = watched.changed
    assert watched.code == watching.NEW
    assert (row["judged"], row["day"], row["changed"]) == ("not met", "2026-11-05", "2026-11-12")
    assert (row["decision"], row["decided_by"], row["why"]) == ("wait", "AB", "no results yet")
    assert rows(review)[0]["tag"] == "ask"


def test_a_trial_whose_record_the_review_has_is_known(review: Path, world: World) -> None:
    world.studies = {"NCT05706103": ("2026-11-04", study("NCT05706103", "Screened by hand"))}
    watched, _ = run(review, world)
    assert [row["found"] for row in watched.known] == ["NCT05706103"]
    assert rows(review, "search/watch/2026-11-05/known.csv")[0]["why"].startswith("its record")


def test_a_correction_is_told_and_no_doubt(review: Path, world: World) -> None:
    gibbs = REPORTS["gibbs-2022"]
    correction = retraction("10.1177/c") | {"type": "correction", "source": "publisher"}
    concern = retraction("10.1177/e") | {"type": "expression_of_concern"}
    world.works[gibbs]["updated-by"] = [correction, concern]
    world.works[gibbs]["update-to"] = [retraction("10.1/x")]  # the report is itself a notice
    watched, _ = run(review, world)
    told = {row["words"].partition(",")[0]: is_doubt(row) for row in watched.new
            if row["kind"] == "notice"}  # fmt: skip
    assert told == {
        "correction": False, "expression of concern": True, "notice of retraction": False,
    }  # fmt: skip


def test_reports_that_cannot_be_asked_for_are_named(review: Path, world: World) -> None:
    del world.works[REPORTS["cai-2017"].lower()]
    watched, _ = run(review, world)
    lines = "\n".join(watched.lines())
    assert "12 included reports asked for, 0 notices" in lines
    assert "Without a DOI in references.bib, so not asked for: helmhout-2008, mannion" in lines
    assert "Not known to Crossref by the DOI of references.bib: cai-2017." in lines


@pytest.mark.slow
def test_a_replay_gives_the_same_without_a_network(review: Path, world: World) -> None:
    watched, _ = run(review, world)
    table = rows(review)
    (review / "data" / "found.csv").unlink()
    world.asked.clear()
    answers = review / "data" / "search" / "watch" / "2026-11-05"
    again = watch(review, replay=answers)
    assert (again.new, again.code, again.day) == (watched.new, watched.code, FIRST)
    assert rows(review) == table
    assert not world.asked
    assert len(rows(review, "search/watch/runs.csv")) == 3  # it is the same watch
    # Answers of a machine with a network, brought to one without.
    brought = review / "brought" / "2026-11-05"
    shutil.move(review / "data" / "search", review / "brought-search")
    shutil.move(review / "brought-search" / "watch" / "2026-11-05", brought)
    (review / "data" / "found.csv").unlink()
    assert watch(review, replay=brought).new == watched.new
    assert (answers / "answers.csv").is_file()


def test_a_replay_says_what_is_missing(review: Path, world: World, tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match="no answers of a watch"):
        watch(review, replay=tmp_path / "empty")
    run(review, world)
    answers = review / "data" / "search" / "watch" / "2026-11-05"
    (answers / "clinicaltrials-loads-1.json").unlink()
    again = watch(review, replay=answers)
    assert "no answer clinicaltrials-loads-1.json is kept" in again.failures[0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ('since = "2026-10-31"', "key since: '2026-10-31'"),
        ("since = 2026-10-31\nevery = 7", "key every is not known"),
        ("since = 2026-10-31\noverdue_after = 0", "key overdue_after: 0 must be greater"),
        ("since = 2026-10-31\n[pubmed.a]\nterm = ' '", "table [pubmed.a], key term: ' ' is empty"),
        ("since = 2026-10-31\n[clinicaltrials.a]", "table [clinicaltrials.a]: needs at least one"),
        ("since = 2026-10-31\n[pubmed.'../a']\nterm = 'x'", "must be a short name"),
        ("since = 2026-10-31\nreports = false", "asks for nothing"),
        ("since = 2026-10-31\n[pubmed.a]\nterm = '<script>'", "holds HTML or script"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, words: str, told: str) -> None:
    (tmp_path / "searches.toml").write_text(words)
    with pytest.raises(ReviewError) as raised:
        read_searches(tmp_path)
    assert told in str(raised.value)


def test_a_new_review_is_watched_when_it_says_since_when(review: Path) -> None:
    template = ROOT / "analysis_lib" / "importing" / "template" / "data" / "searches.toml"
    shutil.copy(template, review / "data")
    with pytest.raises(ReviewError, match=r"searches.toml, key since is missing"):
        watch(review, today=FIRST)


@pytest.mark.slow
def test_the_command_says_it_with_its_exit_code(
    review: Path, world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(review, world)
    answers = review / "data" / "search" / "watch" / "2026-11-05"
    assert main(["watch", str(review), "--replay", str(answers)]) == 0
    assert "Nothing new." in capsys.readouterr().out
    (review / "data" / "found.csv").unlink()
    assert main(["watch", str(review), "--replay", str(answers)]) == watching.NEW
    info = review / "data" / "review.toml"
    info.write_text(info.read_text(encoding="utf-8").partition("\n")[2], encoding="utf-8")
    assert main(["watch", str(review)]) == 1
    assert 'review.toml has no contact = "name@example.org"' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["watch", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    for code in (0, 1, watching.NEW, watching.UNANSWERED, watching.BOTH):
        assert f"{code} " in told.partition("Exit codes:")[2]


def test_without_its_package_the_watch_says_what_is_missing(
    review: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(ReviewError, match=r"httpx is not installed: a watch needs pip install"):
        watch(review, today=FIRST)
