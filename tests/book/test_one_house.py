"""Do the notebooks that ``new`` writes find, on our data, what the pages of this book show?

The calls of the template run on our review; figures, numbers and sentences are compared with the
outputs that our notebooks 01-03 and 05-10 keep. The notebook tests see that those are current.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import nbformat
import pytest
from bs4 import BeautifulSoup, Tag
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from places import ROOT
from template_cells import NOTEBOOKS

import analysis_lib as al
from analysis_lib.book.sections import chapters

#: Our pages, by the notebook of the template that has the same section.
PAGES = {
    "01_selection": ["01_selection"],
    "02_trials": ["02_trials"],
    "03_risk_of_bias": ["03_risk_of_bias"],
    # What is printed stands beside what is recomputed on the page of the audit.
    "04_results": ["05_primary_outcomes", "06_secondary_outcomes", "10_consistency_audit"],
    "05_robustness": ["07_robustness"],
    "06_reporting_bias": ["08_reporting_bias"],
    "07_certainty": ["09_certainty"],
}
#: Figures that our text calls by a shorter name.
OURS = {"fig-risk-of-bias-all": "fig-rob"}
#: Sections of which our pages show a choice, with a table of all.
CHOSEN = ("fig-subgroups", "fig-leave-one-out", "fig-risk-of-bias-all-domains")
NUMBER = re.compile(r"−?\d+(?:\.\d+)?")


class Figure(NamedTuple):
    svg: str
    alt: str


class Page:
    """What the cells of some notebooks show."""

    def __init__(self, outputs: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        self.figures = {
            told["figure"]["name"]: Figure("".join(data["image/svg+xml"]), told["figure"]["alt"])
            for data, told in outputs
            if "figure" in told
        }
        self.words = [data["text/markdown"] for data, _ in outputs if "text/markdown" in data]
        shown = (BeautifulSoup(data.get("text/html", ""), "html.parser") for data, _ in outputs)
        self.tables = [table for soup in shown for table in soup.select("table")]

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Yield the rows of all tables, each with the words of the group that it stands in."""
        for table in self.tables:
            group = ""
            for row in table.select("tbody tr"):
                cells = row.find_all(["th", "td"])
                if len(cells) == 1:
                    group = text(cells[0])
                else:
                    yield group, *(line for cell in cells for line in lines(cell))


def lines(cell: Tag) -> list[str]:
    """Return the lines of a cell: below an effect ours has that of a familiar instrument."""
    broken = BeautifulSoup(str(cell).replace("<br/>", "\n"), "html.parser")
    return [" ".join(html.unescape(line).split()) for line in broken.get_text().split("\n")]


def text(cell: Tag) -> str:
    return " ".join(html.unescape(cell.get_text()).split())


def numbers(cells: tuple[str, ...]) -> set[float]:
    """Return the numbers in cells, however many zeros end them."""
    return {float(n.replace("−", "-")) for n in NUMBER.findall(" ".join(cells))}


@pytest.fixture(scope="module")
def template() -> dict[str, Page]:
    """Return what each notebook of the template shows of our review."""
    InteractiveShell.instance()  # without one, what is displayed is printed
    names = {"review": al.load_review("data"), "chapters": chapters, "al": al}
    found = {}
    for notebook, calls in NOTEBOOKS.items():
        with capture_output() as captured:
            for call in calls:
                exec(call, dict(names))
        found[notebook] = Page([(output.data, output.metadata) for output in captured.outputs])
    return found


@pytest.fixture(scope="module")
def ours() -> dict[str, Page]:
    """Return what our pages show, by the notebook of the template."""
    found = {}
    for notebook, pages in PAGES.items():
        kept = [nbformat.read(ROOT / "notebooks" / f"{page}.ipynb", as_version=4) for page in pages]
        cells = [cell for each in kept for cell in each.cells if cell.cell_type == "code"]
        outputs = [out for cell in cells for out in cell.outputs if "data" in out]
        found[notebook] = Page([(out.data, out.metadata) for out in outputs])
    return found


def test_every_notebook_of_the_template_has_its_pages() -> None:
    assert set(PAGES) == set(NOTEBOOKS)


def test_every_figure_is_the_same_to_the_last_byte(
    template: dict[str, Page], ours: dict[str, Page]
) -> None:
    same = []
    for notebook, page in template.items():
        for name, figure in page.figures.items():
            mine = ours[notebook].figures.get(OURS.get(name, name))
            if mine is None:
                assert name.startswith(CHOSEN), f"{name} is on none of our pages"
                continue
            assert figure.alt == mine.alt, name
            assert figure.svg.strip() == mine.svg.strip(), name
            same.append(name)
    for kind in ("fig-prisma", "fig-pain-etp", "fig-funnel-pain"):
        assert any(name.startswith(kind) for name in same), kind
    for kind in CHOSEN[:2]:
        assert any(name.startswith(kind) for name in same), kind


@pytest.mark.parametrize("notebook", sorted({*PAGES} - {"02_trials"}))
def test_every_number_of_a_table_stands_on_our_page(
    template: dict[str, Page], ours: dict[str, Page], notebook: str
) -> None:
    """Row by row: a table of ours may have further columns and further rows."""
    mine = [set(row) for row in ours[notebook].rows()]
    for row in template[notebook].rows():
        wanted = {cell for cell in row if NUMBER.search(cell)}
        assert any(wanted <= cells for cells in mine), row


def test_every_number_of_the_people_before_the_trials_stands_on_our_page(
    template: dict[str, Page], ours: dict[str, Page]
) -> None:
    """Our table prints them with the digits and in the columns of the article."""
    mine: dict[tuple[str, ...], set[float]] = {}
    for row in ours["02_trials"].rows():
        mine.setdefault(row[:2], set()).update(numbers(row))
    (people,) = (
        table for table in template["02_trials"].tables if "before the trials" in table.get_text()
    )
    page = Page([])
    page.tables = [people]
    rows = list(page.rows())
    assert len(rows) > 20
    for row in rows:
        men_to_disability = row[2:7]  # another outcome stands on the page of its results
        assert numbers(men_to_disability) <= mine[row[:2]], row


def test_every_sentence_about_a_result_stands_on_our_pages(
    template: dict[str, Page], ours: dict[str, Page]
) -> None:
    told = [words for words in template["04_results"].words if words.startswith("**")]
    assert len(told) > 10
    assert [words for words in told if words not in ours["04_results"].words] == []
