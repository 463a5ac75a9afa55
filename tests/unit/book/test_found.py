"""Does every page say when it was searched last, what was found, and which trial is in doubt?"""

from __future__ import annotations

import csv
import datetime
import shutil
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
from places import DATA, ROOT

from analysis_lib import load_review
from analysis_lib.base.errors import ReviewError
from analysis_lib.book import page
from analysis_lib.book.sections.found import doubts, results_without, searched, show_found
from analysis_lib.importing.checking import check_folder
from analysis_lib.importing.watching.kept import FOLDER, RUNS
from analysis_lib.importing.watching.kept import schema as of_watch
from analysis_lib.importing.watching.state import last_search
from analysis_lib.review.found import FILE, doubted_trials, read_found, schema

TRIAL = {
    "found": "NCT90000001", "kind": "registration", "day": "2026-11-05", "judged": "met",
    "service": "ClinicalTrials.gov", "query": "loads", "title": "Deadlifts *for* backs",
    "words": "adults: 18 (min_age)", "file": "2026-11-05/clinicaltrials-loads-1.json",
}  # fmt: skip
ARTICLE = TRIAL | {"found": "PMID 1", "kind": "article", "judged": "", "decision": "exclude"}
NOTICE = TRIAL | {
    "found": "kell-2009: retraction 10.1/r", "kind": "notice", "title": "Kell 2009", "judged": "",
    "words": "retraction, retraction-watch, 2026-11-17", "doi": "10.1/r", "trial": "kell-2009",
}  # fmt: skip
SEARCHES = 'since = 2026-10-31\noverdue_after = 30\n[clinicaltrials.loads]\nterm = "x"\n'


def write(path: Path, columns: list[str], *rows: Mapping[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *([row.get(c, "") for c in columns] for row in rows)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return this review's data, of which no watch has been run."""
    skip = shutil.ignore_patterns("ensemble.csv", "search", FILE, "searches.toml")
    shutil.copytree(DATA, tmp_path / "data", ignore=skip)
    (tmp_path / "book").mkdir()
    shutil.copy(ROOT / "book" / "references.bib", tmp_path / "book")
    return tmp_path / "data"


def find(folder: Path, *rows: Mapping[str, str]) -> None:
    write(folder / FILE, list(schema().columns), *rows)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect what is shown, as text."""
    seen: list[str] = []
    monkeypatch.setattr(page, "display", lambda thing: seen.append(thing.data))
    return seen


def test_a_review_that_nobody_watches_says_when_people_searched(
    folder: Path, shown: list[str]
) -> None:
    show_found(load_review(folder))
    assert shown[0] == "Trials were last searched for in 2025-03."
    assert "No trial or article" in shown[1]
    assert len(shown) == 2


@pytest.mark.parametrize(
    ("today", "told"),
    [
        (
            datetime.date(2026, 11, 25),
            "on 2026-11-05, 20 days ago. The next search is due by",
        ),
        (datetime.date(2026, 12, 5), "30 days ago. The next search is due by 2026-12-05."),
        (datetime.date(2026, 12, 6), "The next search has been overdue since 2026-12-05."),
        (None, "on 2026-11-05. The next search is due by 2026-12-05."),
    ],
)
def test_the_last_watch_is_told_and_when_it_is_overdue(
    folder: Path, today: datetime.date | None, told: str
) -> None:
    (folder / "searches.toml").write_text(SEARCHES)
    run = {"day": "2026-11-05", "service": "ClinicalTrials.gov", "query": "loads", "asked": "x",
           "since": "2026-10-31", "folder": "2026-11-05", "records": "1", "new": "1"}  # fmt: skip
    write(folder / FOLDER / RUNS, list(of_watch(RUNS).columns), run)
    assert told in last_search(load_review(folder)).sentence(today)


def test_a_query_without_an_answer_is_not_counted_as_searched(folder: Path) -> None:
    (folder / "searches.toml").write_text(SEARCHES + '[pubmed.loads]\nterm = "x"\n')
    run = {"day": "2026-11-05", "service": "ClinicalTrials.gov", "query": "loads", "asked": "x",
           "since": "2026-10-31", "folder": "2026-11-05", "records": "1", "new": "1"}  # fmt: skip
    write(folder / FOLDER / RUNS, list(of_watch(RUNS).columns), run)
    state = last_search(load_review(folder))
    assert (state.told, state.due) == ("in 2025-03", datetime.date(2026, 11, 30))


def test_what_was_found_waits_for_a_decision_as_text(folder: Path, shown: list[str]) -> None:
    find(folder, TRIAL, ARTICLE)
    show_found(load_review(folder))
    table = shown[1]
    assert "Deadlifts *for* backs" in table  # and not in italics
    assert "Meets every criterion by its words" in table
    assert "1 row without a decision" in table
    assert len(shown) == 2
    assert f"{FILE}: 1 row without a decision of people." in check_folder(folder)


@pytest.mark.slow
def test_a_trial_in_doubt_is_marked_and_its_results_stand_beside(
    folder: Path, shown: list[str]
) -> None:
    sound = load_review(folder)
    find(folder, NOTICE)
    review = load_review(folder)
    assert review.trial_names["kell-2009"] == "Kell 2009 [retracted]"
    pain = review.analysis("pain", "ETP")
    assert "Kell 2009 [retracted]" in pain.labels
    assert pain.without("Kell 2009").k == pain.k - 1  # what it was called is understood
    # The numbers beside are those of the review without the trial.
    table = results_without(review, doubted_trials(read_found(folder))).set_index("Result")
    without = sound.analysis("pain", "ETP").without("kell-2009").pool()
    (row,) = [
        row for name, row in table.iterrows() if "Pain" in str(name) and "9 and 8" in list(row)
    ]
    assert f"{without.estimate:.2f}".replace("-", "−") in row["Without"]
    assert row["With"] != row["Without"]
    show_found(review)
    assert "What is said of included reports" in shown[2]
    assert "Results with and without what is in doubt" in shown[3]
    assert any(line.startswith("In doubt: Kell 2009 [retracted]: retraction") for line in
               check_folder(folder))  # fmt: skip


def test_the_first_page_says_what_waits_and_what_is_in_doubt(folder: Path) -> None:
    find(folder, TRIAL, ARTICLE, NOTICE)
    told = searched(load_review(folder), datetime.date(2026, 11, 25))
    assert told == (
        "Trials were last searched for in 2025-03. Found since and without a decision of people: 1."
    )
    assert doubts(load_review(folder)) == (
        "In doubt: Kell 2009 [retracted]. The page on how the trials were found has the results "
        "without."
    )


def test_a_correction_marks_nothing_and_the_gravest_word_marks(folder: Path) -> None:
    correction = NOTICE | {"words": "correction, publisher"}
    find(folder, correction)
    assert load_review(folder).trial_names["kell-2009"] == "Kell 2009"
    concern = NOTICE | {"found": "x", "words": "expression of concern, publisher"}
    rows = [dict(concern), dict(NOTICE), dict(correction)]
    assert doubted_trials(rows) == doubted_trials(rows[::-1]) == {"kell-2009": "retracted"}


def test_a_trial_without_which_nothing_is_left_says_so(folder: Path) -> None:
    review = load_review(folder)
    table = results_without(review, dict.fromkeys(review.trials["trial"], "retracted"))
    assert len(table) > 0
    assert table["Without"].str.contains("no studies to pool").all()
    assert results_without(review, {}).equals(pd.DataFrame(columns=table.columns))


def test_a_notice_about_no_trial_is_an_error_with_its_row(folder: Path) -> None:
    find(folder, TRIAL, NOTICE | {"trial": "kel-2009"})
    with pytest.raises(ReviewError, match=r"found.csv, row 3, column trial: 'kel-2009'"):
        load_review(folder)
