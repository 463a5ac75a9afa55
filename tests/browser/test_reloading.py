"""Does a page that is open reload once the book was made again?"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from analysis_lib.book.engine.stamp import STAMP
from analysis_lib.book.serving import serving


def write(html: Path, words: str) -> None:
    (html / "index.html").write_text(f"<html><body><p>{words}</p></body></html>")
    (html / STAMP).write_text(words)


def test_an_open_page_shows_what_was_made_last(browser: Browser, tmp_path: Path) -> None:
    write(tmp_path, "first")
    with serving(tmp_path, 0) as pages, browser.new_page() as page:
        page.goto(f"http://127.0.0.1:{pages.server_port}/")
        assert page.inner_text("p") == "first"
        for words in ("second", "third"):
            write(tmp_path, words)
            pages.tell()
            page.get_by_text(words, exact=True).wait_for()
