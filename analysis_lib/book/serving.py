"""Show a book while it is written: make it again when something changes, and reload its pages.

The pages are served to this computer alone, as they lie in ``_build/html``; a line of script that
reloads them is added on the way, so that the files are those of any other build.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from analysis_lib.base.errors import ReviewError
from analysis_lib.book.engine.settings import read_settings
from analysis_lib.book.engine.stamp import STAMP
from analysis_lib.book.templates import render
from analysis_lib.book.warm import making

HOST = "127.0.0.1"
PORT = 8000
#: Where a page asks for what is new.
NEWS = "/.built"
PAUSE = 0.5  # seconds between two looks at the files


def watch(folder: Path, port: int = PORT) -> None:
    """Make a book, serve it, and make it again at each change, until somebody interrupts.

    Parameters
    ----------
    folder
        The review, as for `build`.
    port
        Where on this computer; 0 takes any that is free.

    Raises
    ------
    ReviewError
        If there is no review, or the port is taken. What is wrong with the data is told, and the
        pages that were there stay until it is mended.
    """
    folder = folder.resolve()
    read_settings(folder)
    with serving(folder / "_build" / "html", port) as pages, making(folder) as make:
        where = f"http://{HOST}:{pages.server_port}/"
        print(f"{where} shows the book and its changes; Ctrl+C ends it", flush=True)
        for _ in changes(partial(state, folder), partial(time.sleep, PAUSE)):
            make()
            pages.tell()


def changes(see: Callable[[], Any], pause: Callable[[], None]) -> Iterator[None]:
    """Yield at first, and then whenever there is something else to see.

    What changes while the caller is busy counts as a change after that.
    """
    before: Any = None
    while True:
        if (now := see()) != before:
            before = now
            yield
        else:
            pause()


def state(folder: Path) -> object:
    """Return what differs as soon as a file is written on which the book may depend."""
    try:
        return read_settings(folder).sources(folder).written()
    except (OSError, ReviewError) as error:  # a file that is being replaced, settings half typed
        return str(error)


@contextmanager
def serving(html: Path, port: int) -> Iterator[Pages]:
    """Serve pages to this computer while the block runs.

    Raises
    ------
    ReviewError
        If the port is taken.
    """
    try:
        pages = Pages(html, port)
    except OSError as error:
        raise ReviewError(f"port {port}: {error.strerror}; name another one with --port") from None
    Thread(target=pages.serve_forever, daemon=True).start()
    try:
        yield pages
    finally:
        pages.shutdown()
        pages.server_close()


class Pages(ThreadingHTTPServer):
    """The pages of a book, and the news that they were made again."""

    daemon_threads = True
    block_on_close = False  # whoever waits for news does not hold up the end

    def __init__(self, html: Path, port: int) -> None:
        self.html = html
        self.news = Condition()
        super().__init__((HOST, port), partial(_Handler, directory=str(html)))

    def stamp(self) -> str:
        """Return what the present pages were made from; nothing before there are any."""
        try:
            return (self.html / STAMP).read_text(encoding="utf-8")
        except OSError:
            return ""

    def tell(self) -> None:
        """Wake the pages that wait; those of another state reload."""
        with self.news:
            self.news.notify_all()


class _Handler(SimpleHTTPRequestHandler):
    server: Pages

    def do_GET(self) -> None:
        """Answer with a file, or with what is new."""
        asked = urlsplit(self.path)
        if self.headers.get("Host", "").partition(":")[0] not in (HOST, "localhost"):
            self.send_error(HTTPStatus.FORBIDDEN)  # a page from elsewhere asks under its own name
        elif asked.path == NEWS:
            self._wait(parse_qs(asked.query, keep_blank_values=True).get("since", [""])[0])
        else:
            super().do_GET()

    def _wait(self, since: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.flush()
        with self.server.news:
            self.server.news.wait_for(lambda: self.server.stamp() not in ("", since))
        self.wfile.write(b"data: new\n\n")

    def send_head(self) -> Any:
        """Send a page with the line that reloads it, any other file as it is."""
        page = Path(self.translate_path(self.path))
        if urlsplit(self.path).path.endswith("/"):
            page /= "index.html"
        if page.suffix != ".html":
            return super().send_head()
        since = self.server.stamp()  # before the page: it may be newer than that, never older
        try:
            found, status = page.read_bytes(), HTTPStatus.OK
        except OSError:
            found, status = b"", HTTPStatus.NOT_FOUND
        news = f"{NEWS}?{urlencode({'since': since})}"
        script = render("reload.html", news=news, waiting=not found)
        body = found + script.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)

    def end_headers(self) -> None:
        """Let no browser keep what may be made again."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the terminal tells of builds."""
