"""Measure what each page of the built book weighs, and when its first content is seen.

Run ``python benchmarks/pages.py`` after ``make book``; it prints a table and writes ``pages.md``.
The pages come from this machine; every visit is a first visit, with nothing kept from the one
before. A web server sends text compressed, and that is what the limits are for. Times are the best
of several visits, since whatever else a computer does can only add to them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "tests"))  # the browser and the server are those of the tests

import chromium  # noqa: E402

VISITS = 3
LANDING = "book/intro.html"
MOST_BYTES, MOST_BYTES_LANDING = 1_500_000, 150_000
MOST_SECONDS = 1.0
#: From this heading on the page is written by hand, and kept.
BESIDE = "## Beside other tools"
FIRST_CONTENT = """() => new Promise(found => new PerformanceObserver(list => {
  for (const entry of list.getEntries())
    if (entry.name === "first-contentful-paint") found(entry.startTime / 1000);
}).observe({type: "paint", buffered: true}))"""
LOADED = """() => performance.getEntries()
  .filter(entry => ["navigation", "resource"].includes(entry.entryType))
  .map(entry => entry.name)"""


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit to a page."""

    files: int
    size: int  # bytes of the files
    sent: int  # bytes that a web server sends
    seconds: float  # until the first content


def visit(browser: Browser, address: str) -> Visit:
    """Open a page as if for the first time."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(address, wait_until="networkidle")
    seconds = float(page.evaluate(FIRST_CONTENT))
    paths = {unquote(urlsplit(name).path).lstrip("/") for name in page.evaluate(LOADED)}
    context.close()
    asked_for = [chromium.HTML / path for path in paths]
    files = [file for file in asked_for if file.is_file()]  # there may be no icon
    size = sum(file.stat().st_size for file in files)
    return Visit(len(files), size, sum(map(chromium.bytes_sent, files)), seconds)


def line(page: str, visits: list[Visit]) -> str:
    """Return a row of the table."""
    first, seconds = visits[0], min(visit.seconds for visit in visits)
    limit = MOST_BYTES_LANDING if page == LANDING else MOST_BYTES
    met = "yes" if first.sent <= limit and seconds <= MOST_SECONDS else "no"
    return (
        f"| {page} | {first.files} | {first.size / 1000:.0f} | {first.sent / 1000:.0f} "
        f"| {limit / 1000:.0f} | {seconds:.2f} | {met} |"
    )


def main() -> None:
    """Measure every page and write the table."""
    if not chromium.PAGES or chromium.CHROMIUM is None:
        raise SystemExit("A built book and Chromium are needed: run make book first.")
    lines = [
        "# The pages of the book",
        "",
        "Everything that a page loads on a first visit; the first content as it comes from this",
        "machine.",
        "",
        f"| page | files | kB | kB sent | at most | first content, s (at most {MOST_SECONDS:g}) "
        "| met |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    with chromium.serving() as root, chromium.running() as browser:
        visit(browser, f"{root}/{LANDING}")  # to warm up
        for path in map(Path.as_posix, chromium.PAGES):
            visits = [visit(browser, f"{root}/{path}") for _ in range(VISITS)]
            lines.append(line(path, visits))
            print(lines[-1], flush=True)
    file = HERE / "pages.md"
    written = file.read_text(encoding="utf-8") if file.is_file() else ""
    rest = written[written.index(BESIDE) :] if BESIDE in written else ""  # by hand
    told = "\n".join(lines) + "\n" + (f"\n{rest}" if rest else "")
    file.write_text(told, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
