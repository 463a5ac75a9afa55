"""Does every item of the reporting checklist lead to a page of this book?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from places import ROOT

PAGE = ROOT / "book" / "prisma_checklist.md"
TEXT = PAGE.read_text(encoding="utf-8")
LINK = re.compile(r"\{doc\}`(?:[^`<]*<)?([^`<>]+)>?`")
ROW = re.compile(r"^\* - (.+)\n  - (.+)\n  - (.+)$", re.MULTILINE)
#: The items of PRISMA 2020 (Page and others, BMJ 2021;372:n71) with their parts.
PARTS = {10: "ab", 13: "abcdef", 16: "ab", 20: "abcd", 23: "abcd", 24: "abc"}
ITEMS = [f"{n}{part}" for n in range(1, 28) for part in PARTS.get(n, " ")]
ADMITTED = re.compile(
    r"\*\*(?:Not here|Only in part|Nothing|Not recorded)\.\*\*|[Tt]he article|None"
)


def rows() -> list[tuple[str, str, str]]:
    return [(m[1], m[2], m[3]) for m in ROW.finditer(TEXT) if m[1] != "Item"]


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


def test_every_item_stands_once_and_in_order() -> None:
    numbers = [number for number, _, _ in rows() if re.fullmatch(r"\d+[a-f]?", number)]
    assert numbers == [item.strip() for item in ITEMS]


def test_the_items_for_living_reviews_are_there() -> None:
    assert [n for n, _, _ in rows() if re.fullmatch(r"L\d", n)] == ["L1", "L2", "L3", "L4"]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_an_item_is_fulfilled_by_a_page_or_said_not_to_be(row: tuple[str, str, str]) -> None:
    _, _, where = row
    assert targets(where) or ADMITTED.search(where), where


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
