"""Does a new review notice three weeks of news by itself, and does its book tell them?

The services are on this machine. They fail on the way as services do: busy, broken, cut short, down
for maintenance, of another form. The pages are made once, after the third week.
"""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
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
from places import DATA
from table_rows import rows_of
from test_new_book import BUILD, succeed
from warm_python import WarmPython

from analysis_lib.__main__ import main
from analysis_lib.book.engine.sources import Sources
from analysis_lib.book.engine.stamp import state
from analysis_lib.importing import watching
from analysis_lib.importing.checking import check_folder
from analysis_lib.importing.watching import watch
from analysis_lib.importing.watching.kept import FOLDER, RUNS
from analysis_lib.importing.watching.state import LastSearch
from analysis_lib.review.model import load_review

pytestmark = pytest.mark.slow

WEEKS = [datetime.date(2026, 11, day) for day in (5, 12, 19)]
SHEET = """\
Study,n1,events1,n2,events2
Aasa 2015,50,10,50,20
Kell 2009,40,6,42,11
Gibbs 2022,80,15,78,24
"""
DOIS = {"Aasa 2015": "10.1000/aasa", "Kell 2009": "10.1000/kell", "Gibbs 2022": "10.1000/gibbs"}
SEARCHES = """
since = 2026-10-31
[clinicaltrials.loads]
condition = "low back pain"
[pubmed.loads]
term = "low back pain"
"""


def add(path: Path, *rows: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{row}\n" for row in rows)


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a new review of three reports with DOIs, judged by the rules of this book."""
    folder = tmp_path_factory.mktemp("weeks") / "mine"
    data = folder / "data"
    assert main(["new", str(folder)]) == 0
    end = "reported,the sheet,"
    add(data / "outcomes.csv", f"falls,Falls,primary,RR,,counted,yes,,,,,{end}")
    add(data / "follow_ups.csv", f"end,End,At the end,{end}")
    sheet = folder.parent / "sheet.csv"
    sheet.write_text(SHEET)
    assert main(
        ["import", str(sheet), "--to", str(folder), "--outcome", "falls", "--time", "end"]
    ) == 0  # fmt: skip
    for label, doi in DOIS.items():
        author, year = label.split()
        trial = f"{author.lower()}-{year}"
        add(data / "reports.csv",
            f"{trial},{trial},{author},{year},primary,databases,{trial},{end}")  # fmt: skip
        add(folder / "book" / "references.bib",
            f"@article{{{trial}, author={{{author}, A.}}, title={{The trial of {author}}},",
            f"  journal={{Journal of Examples}}, year={{{year}}}, doi={{{doi}}}}}")  # fmt: skip
    for name in ("criteria.csv", "screening_rules.toml"):
        shutil.copy(DATA / name, data)
    (data / "searches.toml").write_text(SEARCHES)
    info = data / "review.toml"
    words = info.read_text(encoding="utf-8")
    info.write_text(f'contact = "ann@example.org"\n{words}', encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def told(review: Path, warm: WarmPython) -> dict[str, str]:
    """Watch for three weeks, make the book, and return the words of its pages."""
    works = {doi: {"DOI": doi, "title": ["As it was"]} for doi in DOIS.values()}
    world = World(works=works)
    with serving(world):
        for day, code, news in zip(
            WEEKS, (0, watching.NEW, watching.BOTH), (first, second, third), strict=True
        ):
            news(world)
            world.now = noon(day)
            done = watch(review, today=day, addresses=world.at, wait=lambda _: None)
            assert done.code == code, list(done.lines())
            assert not world.failing
            kept = rows_of(review / "data" / FOLDER / day.isoformat() / "answers.csv")
            assert {row["status"] for row in kept} == {"200"}
            assert "Trials were last searched for" in " ".join(check_folder(review))
    assert "writing the pages" in succeed(review, *BUILD, warm=warm)
    html = review / "_build" / "html"
    names = {"front": "book/intro"} | {
        name: f"notebooks/{name}" for name in ("01_selection", "02_trials")
    }
    pages = {name: html / f"{place}.html" for name, place in names.items()}
    return {
        name: " ".join(BeautifulSoup(path.read_text("utf-8"), "html.parser").get_text(" ").split())
        for name, path in pages.items()
    }


def first(world: World) -> None:
    """Nothing new, from services that are busy and broken."""
    world.failing = [Failure("/studies", 429, {"Retry-After": "1"}), Failure("/works/", 500)]


def second(world: World) -> None:
    """A trial that may be included, one that may not, and a work that is known."""
    other = CRITERIA.replace("chronic", "recurrent")
    world.studies["NCT90000001"] = "2026-11-10", study("NCT90000001", "Deadlifts for backs")
    world.studies["NCT90000002"] = "2026-11-10", study("NCT90000002", "After remission", other)
    known = medline("41000002", "The trial of Gibbs", "Gibbs, A", DOIS["Gibbs 2022"])
    world.articles["41000002"] = "2026-11-11", known.replace("2026 Nov", "2022")
    world.failing = [
        Failure("/studies", body=b'{"studies": [', cut=True), Failure("/efetch", body=HTML),
    ]  # fmt: skip


def third(world: World) -> None:
    """A retraction, a correction, and a registry whose answers have another form."""
    world.works[DOIS["Kell 2009"]]["updated-by"] = [retraction("10.1000/retraction")]
    erratum = retraction("10.1000/erratum", "publisher") | {"type": "erratum"}
    world.works[DOIS["Gibbs 2022"]]["updated-by"] = [erratum]
    world.failing = [Failure("/studies", body=b'{"trials": []}')]


def test_nothing_is_lost_and_nothing_is_included(review: Path, told: dict[str, str]) -> None:
    rows = rows_of(review / "data" / "found.csv")
    assert [(row["found"], row["judged"], row["trial"]) for row in rows] == [
        ("NCT90000001", "met", ""),
        ("NCT90000002", "not met", ""),
        ("kell-2009: retraction 10.1000/retraction", "", "kell-2009"),
        ("gibbs-2022: erratum 10.1000/erratum", "", "gibbs-2022"),
    ]
    assert not any(row["decision"] for row in rows)
    assert len(rows_of(review / "data" / "trials.csv")) == len(DOIS)
    known = rows_of(review / "data" / FOLDER / "2026-11-12" / "known.csv")
    assert [row["found"] for row in known] == ["PMID 41000002"]
    # The registry was not understood in the third week: those days are asked for again.
    runs = rows_of(review / "data" / FOLDER / RUNS)
    asked = [(row["day"], row["service"]) for row in runs if row["day"] == "2026-11-19"]
    assert asked == [("2026-11-19", "PubMed"), ("2026-11-19", "Crossref")]


def test_the_pages_tell_it(told: dict[str, str]) -> None:
    assert "Trials were last searched for on 2026-11-12" in told["front"]
    assert "without a decision of people: 2." in told["front"]
    assert "In doubt: Kell 2009 [retracted]." in told["front"]
    found = told["01_selection"]
    for words in (
        "Deadlifts for backs", "After remission", "Results with and without what is in doubt",
        "retraction, retraction-watch, 2026-11-17", "erratum, publisher", "3 and 2",
    ):  # fmt: skip
        assert words in found
    assert "Kell 2009 [retracted]" in told["02_trials"]
    assert "Gibbs 2022 [" not in told["02_trials"]


def test_the_forest_plot_marks_it(review: Path, told: dict[str, str]) -> None:
    html = review / "_build" / "html" / "notebooks" / "04_results.html"
    plot = BeautifulSoup(html.read_text("utf-8"), "html.parser").select_one("#fig-falls-end img")
    assert plot is not None
    assert "Kell 2009 [retracted] 0.57" in plot["alt"]


def test_a_book_that_becomes_overdue_is_made_again(
    review: Path, told: dict[str, str], warm: WarmPython, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What pages are made from changes with the day on which the next search is due."""
    assert "pages: nothing changed" in succeed(review, *BUILD, warm=warm)
    loaded, sources = load_review(review / "data"), Sources(review)
    before = state(sources, loaded)
    monkeypatch.setattr(LastSearch, "is_overdue", lambda self, _: self.due is not None)
    assert state(sources, loaded) != before
