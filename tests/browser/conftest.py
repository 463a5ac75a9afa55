"""The pages of the tests: those of a file share a tab, which is at hand in each window.

A page that opens where another one was takes a third of what a new tab takes.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from windows import SCHEMES, WINDOWS, emptied


@pytest.fixture(scope="module")
def shared_tab(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.fixture
def tab(shared_tab: Page) -> Page:
    """Return the tab of the file, empty, at a desk and light, whatever the last test did."""
    return emptied(shared_tab)


@pytest.fixture(scope="module", params=WINDOWS)
def window(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=SCHEMES)
def page(browser: Browser, window: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, height = WINDOWS[window]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=request.param,
        reduced_motion="reduce",
    )
    yield context.new_page()
    context.close()
