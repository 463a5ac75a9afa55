"""The browser of the tests: the system's Chromium, and the pages of the built book."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

HTML = Path(__file__).resolve().parent.parent / "_build" / "html"
PAGES = sorted(
    page.relative_to(HTML)
    for folder in ("book", "notebooks")
    for page in (HTML / folder).glob("*.html")
)
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

needed = [
    pytest.mark.skipif(not PAGES, reason="the book is not built: run make book"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: pages not opened"),
]


@contextmanager
def running() -> Iterator[Browser]:
    """Start Chromium, and end it."""
    with sync_playwright() as playwright:
        # A container has no user namespaces for the sandbox; the pages are our own.
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()
