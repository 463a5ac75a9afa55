"""Is a version recorded once, and does the page of news get its tables from the records alone?"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from places import ROOT

import analysis_lib as al
from analysis_lib.base.errors import ReviewError
from analysis_lib.book.page import Table
from analysis_lib.book.sections.tables import NO_VERSION, TABLES
from analysis_lib.conclusions.versions import (
    COMPUTED,
    PRINTED,
    add_version,
    read_versions,
    whats_new,
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return the data of this review without its versions."""
    shutil.copytree(ROOT / "data", tmp_path / "data", ignore=shutil.ignore_patterns("version*"))
    (tmp_path / "book").mkdir()
    shutil.copy(ROOT / "book" / "references.bib", tmp_path / "book")
    return tmp_path / "data"


@pytest.mark.slow
def test_a_version_is_recorded_once(data: Path) -> None:
    add_version(data, "1.0", "2025-12-05", basis=PRINTED)
    add_version(data, "1.10", "2026-01-01", basis=COMPUTED)
    with pytest.raises(ReviewError, match="recorded"):
        add_version(data, "1.0", "2026-01-01", basis=COMPUTED, again=True)
    add_version(data, "1.10", "2026-02-02", basis=COMPUTED, again=True)
    heads, results = read_versions(data)
    assert heads["version"].tolist() == ["1.0", "1.10"]  # text: 1.10 is not 1.1
    assert heads["date"].tolist() == ["2025-12-05", "2026-02-02"]
    assert "unchanged" in whats_new(al.load_review(data), heads, results).status.to_string()


@pytest.mark.slow
def test_the_recorded_versions_of_this_review_can_be_told() -> None:
    review = al.load_review(ROOT / "data")
    heads, results = read_versions(review.path)
    news = whats_new(review, heads, results)
    assert set(heads["version"]) == set(results["version"])
    assert len(news.results) == results["version"].eq(heads["version"].iloc[-1]).sum()


def test_the_tables_of_news_hold_no_html_of_the_records(data: Path) -> None:
    review = al.load_review(data)
    names = [name for name in TABLES if name.startswith("news-")]
    assert len(names) == 4
    assert {TABLES[name](review) for name in names} == {NO_VERSION}
    add_version(data, "1", "2026-01-01", basis=PRINTED, status="1 < 2", note="a & b")
    tables = {name: TABLES[name](review) for name in names}
    assert tables["news-trials"] == "No trial was added or removed."
    state = tables["news-state"]
    assert isinstance(state, Table)
    assert "a &amp; b" in state.html()
    assert "1 &lt; 2" in state.html()
