"""Does every item of the reporting checklist lead to a page of this book?"""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from places import ROOT

import analysis_lib as al
from analysis_lib.book.engine import checklist
from analysis_lib.book.engine.checklist import ITEMS as ITEMS_FILE
from analysis_lib.book.sections import chapters
from analysis_lib.review.schemas import SCHEMAS

PAGE = ROOT / "book" / "prisma_checklist.md"
TEXT = PAGE.read_text(encoding="utf-8")
LINK = re.compile(r"\{doc\}`(?:[^`<]*<)?([^`<>]+)>?`")
BLOCK = re.compile(r"^```\{review-checklist\} \w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: The items of PRISMA 2020 (Page and others, BMJ 2021;372:n71) with their parts.
PARTS = {10: "ab", 13: "abcdef", 16: "ab", 20: "abcd", 23: "abcd", 24: "abc"}
ITEMS = [f"{n}{part}" for n in range(1, 28) for part in PARTS.get(n, " ")]
ADMITTED = re.compile(
    r"\*\*(?:Not here|Only in part|Nothing|Not recorded)\.\*\*|[Tt]he article|None"
)


def rows() -> list[tuple[str, str]]:
    """Return each item of the page with where it is reported."""
    lines = (line for block in BLOCK.findall(TEXT) for line in block.splitlines())
    return [(item, where) for item, _, where in (line.partition(": ") for line in lines)]


def items() -> list[dict[str, str]]:
    """Return what the engine knows of each item."""
    with ITEMS_FILE.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def targets(text: str) -> list[str]:
    return LINK.findall(text)


def page_file(target: str, page: Path) -> Path | None:
    """Return the source of a page that a link names, if there is one."""
    base = (page.parent / target).resolve()
    found = [base.with_name(base.name + ending) for ending in (".md", ".ipynb")]
    return next((file for file in found if file.is_file()), None)


def pages_of_the_book() -> set[str]:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [c["file"] for part in toc["parts"] for c in part["chapters"]]
    return {toc["root"], *chapters}


@pytest.mark.parametrize(
    "numbers", [[item for item, _ in rows()], [row["item"] for row in items()]]
)
def test_every_item_stands_once_and_in_order(numbers: list[str]) -> None:
    plain = [number for number in numbers if re.fullmatch(r"\d+[a-f]?", number)]
    assert plain == [item.strip() for item in ITEMS]
    assert [n for n in numbers if re.fullmatch(r"L\d", n)] == ["L1", "L2", "L3", "L4"]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_an_item_is_fulfilled_by_a_page_or_said_not_to_be(row: tuple[str, str]) -> None:
    _, where = row
    assert targets(where) or ADMITTED.search(where), where


def test_what_fills_an_item_exists() -> None:
    for row in items():
        assert all(hasattr(chapters, call) for call in row["calls"].split()), row
        assert set(row["tables"].split()) <= SCHEMAS.keys(), row
        assert row["calls"] or row["page"] or row["words"], row


def test_an_item_is_filled_from_what_is_shown_and_held() -> None:
    review = al.load_review(ROOT / "data")
    shown = {"book/intro": set(), "notebooks/a": {"show_flow"}, "notebooks/b": {"show_criteria"}}
    by_item = {answer.item: answer for answer in checklist.answers(review, "results", shown)}
    assert by_item["16a"].pages == ("notebooks/a",)
    assert by_item["17"].words == "Not here. No page of the book shows it."
    empty = replace(review, selection=review.selection.iloc[:0])
    by_item = {answer.item: answer for answer in checklist.answers(empty, "results", shown)}
    assert by_item["16a"].pages == ()
    assert by_item["16a"].words == "Not here. Nothing is recorded in data/selection.csv."


@pytest.mark.parametrize("target", sorted(set(targets(TEXT))))
def test_a_link_leads_to_a_page_of_the_book(target: str) -> None:
    file = page_file(target, PAGE)
    assert file is not None, f"{PAGE.name} links to {target}, which does not exist"
    name = file.relative_to(ROOT).with_suffix("").as_posix()
    assert name in pages_of_the_book(), f"{name} is linked but not in _toc.yml"


def test_a_dead_link_is_noticed() -> None:
    assert targets("see {doc}`methods` and {doc}`that <../notebooks/99_gone>`") == [
        "methods",
        "../notebooks/99_gone",
    ]
    assert page_file("../notebooks/99_gone", PAGE) is None
    assert page_file("methods", PAGE) == ROOT / "book" / "methods.md"
