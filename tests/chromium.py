"""The browser of the tests: the system's Chromium, and the pages of the built book."""

from __future__ import annotations

import functools
import gzip
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from places import HTML
from playwright.sync_api import Browser, sync_playwright

PAGES = sorted(
    page.relative_to(HTML)
    for folder in ("book", "notebooks")
    for page in (HTML / folder).glob("*.html")
)
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

#: Images and fonts are compressed already.
COMPRESSED = {".css", ".html", ".js", ".json", ".svg"}

no_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine: pages not opened"
)
needed = [
    pytest.mark.skipif(not PAGES, reason="the book is not built: run make book"),
    no_browser,
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


@functools.cache
def bytes_sent(file: Path) -> int:
    """Return how many bytes a web server sends for a file: text goes out compressed."""
    content = file.read_bytes()
    return len(gzip.compress(content, 6) if file.suffix in COMPRESSED else content)


class _Quiet(SimpleHTTPRequestHandler):
    """A server of files that writes nothing to the terminal."""

    def log_message(self, *words: object) -> None:
        pass


@contextmanager
def serving(folder: Path = HTML) -> Iterator[str]:
    """Serve a folder on this machine, and return its address."""
    handler = functools.partial(_Quiet, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
