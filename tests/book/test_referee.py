"""Does every sentence that answers the referee still stand on its page?"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from places import ROOT

REFEREE = ROOT / "benchmarks" / "referee.md"
ROW = re.compile(r"\| (?P<point>.+?) \| \[[^\]]+\]\((?P<page>[^)]+)\) \| (?P<answer>.+) \|")
QUOTE = re.compile(r"“(?P<words>.+)”[^”]*")  # what follows the quoted sentence quotes nothing
NOT_ANSWERED = "*not answered"


def rows() -> list[tuple[str, Path, str]]:
    found = ROW.findall(REFEREE.read_text(encoding="utf-8"))
    return [(point, (REFEREE.parent / page).resolve(), answer) for point, page, answer in found]


@cache
def words_of(page: Path) -> str:
    """Return prose, tables and captions of a page without spaces, as the notebooks store them."""
    if page.suffix == ".md":
        return squeezed(page.read_text(encoding="utf-8"))
    told = []
    for cell in nbformat.read(page, as_version=4).cells:
        if cell.cell_type == "markdown":
            told.append(re.sub(r"</?data[^>]*>", "", cell.source))
        for out in cell.get("outputs", []):
            data = out.get("data", {})
            shown = BeautifulSoup(data.get("text/html", ""), "html.parser")
            told += [data.get("text/markdown", ""), shown.get_text(" ")]
            told.append(str(out.get("metadata", {}).get("figure", {}).get("caption", "")))
    return squeezed(" ".join(told))


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_every_row_is_read() -> None:
    table = [x for x in REFEREE.read_text(encoding="utf-8").splitlines() if x.startswith("|")]
    lines = [line for line in table if "](../" in line]
    assert len(rows()) == len(lines) > 0


@pytest.mark.parametrize(("point", "page", "answer"), rows(), ids=lambda value: str(value)[:40])
def test_the_sentence_stands_on_its_page(point: str, page: Path, answer: str) -> None:
    if answer.startswith(NOT_ANSWERED):
        assert ": " in answer, f"{point}: why not?"
        return
    quote = QUOTE.fullmatch(answer)
    assert quote is not None, f"{point}: no sentence is quoted"
    assert squeezed(quote["words"]) in words_of(page), f"{point}: not on {page.name}"
