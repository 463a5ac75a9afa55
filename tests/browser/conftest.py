"""A page in each window, light and dark; the tests of a file share it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from windows import SCHEMES, WINDOWS


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
