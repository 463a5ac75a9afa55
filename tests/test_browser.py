"""The built pages in a real browser: no error, no outside request, nothing wider than the window.

Screenshots of every page stay in ``_build/screenshots``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"
SHOTS = ROOT / "_build" / "screenshots"
PAGES = sorted(
    p.relative_to(HTML) for d in ("book", "notebooks") for p in (HTML / d).glob("*.html")
)
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)

pytestmark = [
    pytest.mark.skipif(not PAGES, reason="the book is not built: run make book"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: pages not opened"),
]

TALLEST = 16_000  # pixels; Chromium takes no picture that is higher

WINDOWS = {
    "desktop": (1280, 900, "light"),
    "dark": (1280, 900, "dark"),
    "phone": (375, 800, "light"),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # A container has no user namespaces for the sandbox; the pages are our own.
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture(params=WINDOWS)
def window(request: pytest.FixtureRequest, browser: Browser) -> Iterator[tuple[str, Page]]:
    width, height, scheme = WINDOWS[request.param]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    yield request.param, context.new_page()
    context.close()


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_a_page_opens_cleanly(path: Path, window: tuple[str, Page]) -> None:
    name, page = window
    troubles: list[str] = []
    page.on("console", lambda m: troubles.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("requestfailed", lambda request: troubles.append(f"failed: {request.url}"))
    page.on(
        "request",
        lambda r: None if r.url.startswith(("file:", "data:")) else troubles.append(r.url),
    )
    page.goto((HTML / path).as_uri())
    page.wait_for_load_state("networkidle")
    SHOTS.mkdir(exist_ok=True)
    height = page.evaluate("document.documentElement.scrollHeight")
    whole = height < TALLEST
    page.screenshot(path=SHOTS / f"{path.stem}-{name}.png", full_page=whole)
    assert troubles == []
    assert page.evaluate("document.documentElement.scrollWidth") <= WINDOWS[name][0]
