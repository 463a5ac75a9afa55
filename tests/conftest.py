"""What the tests share: the review, a browser, the tally of agreement with R (to be written)."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

# Tests run as one process a core: threads of linear algebra would only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import golden_cases  # which brings numpy, and numpy the threads
import pytest
from hypothesis import settings
from places import DATA, ROOT
from properties import QUICK

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from warm_python import WarmPython

    from analysis_lib import Review

TABLE = ROOT / "book" / "tables" / "r_agreement.csv"
FAMILIES = TABLE.with_name("agreement.csv")

#: The files that take longest, from 90 to 10 seconds of a processor. They begin first, so that
#: nobody waits for one of them at the end.
LONGEST = (
    "test_made_anew.py", "test_accessibility.py", "test_build.py", "test_print.py",
    "test_new_book.py", "test_hostile.py", "test_browser.py", "test_explorer_browser.py",
    "test_search.py", "test_reading.py", "test_manuscript.py", "test_reconstruction.py",
    "test_plots.py", "test_exporting.py", "test_pages.py", "test_lab.py", "test_three_weeks.py",
    "test_wheel.py",
)  # fmt: skip

settings.register_profile(QUICK)


@pytest.fixture(scope="session")
def review() -> Review:
    """Return the review of this book, which no test changes; what it has computed it keeps."""
    import analysis_lib

    return analysis_lib.load_review(DATA)


@pytest.fixture
def closed_figures() -> Iterator[None]:
    """Close the figures that a test has drawn, when it is over."""
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium once for the tests of a module."""
    import chromium  # Playwright is loaded only by those who open a page

    with chromium.running() as browser:
        yield browser


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmPython]:
    """Return a Python from which commands fork that use the library as it is here."""
    import warm_python  # which only those need who build a book

    with warm_python.WarmPython(ROOT) as python:
        yield python


@pytest.hookimpl(tryfirst=True)  # before the slow are left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))
    begun: set[str] = set()
    for item in items:
        if item.get_closest_marker("few"):
            name = item.nodeid.partition("[")[0]
            if name in begun:
                item.add_marker("slow")
            begun.add(name)


def pytest_collection_finish() -> None:
    """Spare the collector of garbage what stays until the end: modules, and thousands of tests."""
    gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-agreement",
        action="store_true",
        help="write book/tables/r_agreement.csv from the golden tests of this run, if all pass",
    )


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Collect the tally of a pytest-xdist worker that has finished."""
    output = getattr(node, "workeroutput", {})
    golden_cases.merge_tallies(output.get("agreement", "[]"))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["agreement"] = golden_cases.dump_tallies()
    elif session.config.getoption("--write-agreement") and exitstatus == 0:
        golden_cases.write_table(TABLE)
        golden_cases.write_families(TABLE, FAMILIES)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if golden_cases.tallies:
        terminalreporter.section("agreement with R: reference entries passed, by family")
        for line in golden_cases.summary_lines():
            terminalreporter.write_line(line)
