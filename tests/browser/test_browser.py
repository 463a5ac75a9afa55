"""The built pages in a real browser: no error, no outside request, light, none wider than a window.

Screenshots stay in ``_build/screenshots``: every page whole, and its first screen dark and narrow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

import chromium
import pytest
from playwright.sync_api import Page, Request
from windows import troubles_of

pytestmark = chromium.needed

SHOTS = chromium.HTML.parent / "screenshots"
PATIENCE = 120_000  # ms; a long page takes a while where other work shares the machine
TALLEST = 16_000  # pixels; Chromium takes no picture that is higher
WINDOWS: dict[str, tuple[int, int, Literal["light", "dark"]]] = {
    "desktop": (1280, 900, "light"),
    "dark": (1280, 900, "dark"),
    "phone": (375, 800, "light"),
}

LANDING = Path("book/intro.html")
#: Bytes that a web server sends for a page with everything that it loads.
HEAVIEST = 1_500_000
HEAVIEST_LANDING = 500_000


@pytest.fixture
def page(tab: Page) -> Page:
    tab.set_default_timeout(PATIENCE)
    return tab


@pytest.mark.parametrize("path", chromium.PAGES, ids=lambda p: p.stem)
def test_a_page_opens_cleanly(path: Path, page: Page) -> None:
    loaded: set[str] = set()

    def note(request: Request) -> None:
        loaded.add(request.url)

    page.on("request", note)
    with troubles_of(page) as troubles:
        page.goto((chromium.HTML / path).as_uri())
        page.wait_for_load_state("networkidle")
        for name, (width, height, scheme) in WINDOWS.items():
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            take_picture(page, SHOTS / f"{path.stem}-{name}.png", whole=name == "desktop")
    page.remove_listener("request", note)
    assert troubles == []
    assert [url for url in loaded if not url.startswith(("file:", "data:"))] == []
    files = {Path(unquote(urlsplit(url).path)) for url in loaded if url.startswith("file:")}
    sent = sum(map(chromium.bytes_sent, files))
    assert 0 < sent <= (HEAVIEST_LANDING if path == LANDING else HEAVIEST)


def take_picture(page: Page, path: Path, *, whole: bool) -> None:
    """Keep a picture of the first screen, or of the whole page if Chromium can."""
    path.parent.mkdir(exist_ok=True)
    height = page.evaluate("document.documentElement.scrollHeight")
    page.screenshot(path=path, full_page=whole and height < TALLEST)
