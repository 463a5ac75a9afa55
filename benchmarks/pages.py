"""Measure what each page of the built book weighs, when it is seen, and how far its answers lie.

Run ``python benchmarks/pages.py`` after ``make book``; it prints a table and writes ``pages.md``.
The pages come from this machine; every visit is a first visit, with nothing kept from the one
before. A web server sends text compressed, and that is what the limits are for. Times are the best
of several visits, since whatever else a computer does can only add to them.

How far an answer lies stands in for a reader who looks for it with a clock: the distance to scroll,
and the words that stand before it, read at the silent reading rate of adults, 238 words a minute
(Brysbaert, Journal of Memory and Language 2019;109:104047).
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
BY_HAND = "## A first reading"
WINDOWS = {"desk": (1400, 900), "phone": (390, 844)}
WORDS_A_MINUTE = 238
OUTCOMES = ("Pain intensity", "Disability", "Back muscle endurance")
#: Where each answer ends, and how many words stand before it, in the order of the page.
ANSWERS = """outcomes => {
  const article = document.querySelector(".bd-article");
  const found = (name, node) => {
    const before = document.createRange();
    before.setStart(article, 0);
    before.setEndBefore(node);
    const words = before.toString().split(/\\s+/).filter(Boolean).length;
    let taps = 0;
    for (let up = node; up; up = up.parentElement) taps += up.matches("details:not([open])");
    return {name, words, taps, bottom: node.getBoundingClientRect().bottom + scrollY};
  };
  const rows = [...document.querySelectorAll(".answers tbody")];
  const harms = [...document.querySelectorAll(".three > div")];
  const told = [found("what to tell a patient", document.querySelector(".patient"))];
  for (const outcome of outcomes) {
    const row = rows.find(body => body.textContent.includes(outcome));
    told.push(found(`${outcome}: size`, row.querySelector("td.effect")));
    told.push(found(`${outcome}: certainty`, row.querySelector("td.certainty")));
  }
  told.push(found("harms", harms.find(part => /harm|adverse/i.test(part.textContent))));
  return told;
}"""
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


def reach(browser: Browser, address: str) -> list[str]:
    """Return the rows of a table of how far the answers of the front page lie."""
    rows: dict[str, list[str]] = {}
    taps = {}
    for width, height in WINDOWS.values():
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(address, wait_until="networkidle")
        for answer in page.evaluate(ANSWERS, OUTCOMES):
            seconds = 60 * answer["words"] / WORDS_A_MINUTE
            told = rows.setdefault(answer["name"], [f"{answer['words']}", f"{seconds:.0f}"])
            taps[answer["name"]] = answer["taps"]
            told.append(f"{max(0, answer['bottom'] - height):.0f}")
        page.close()
    return [f"| {name} | {' | '.join(told)} | {taps[name]} |" for name, told in rows.items()]


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
        lines += [
            "",
            "## A reader with a minute",
            "",
            "What stands in for somebody who looks for an answer on the front page: nobody was",
            f"timed. Seconds are those of reading every word before it, {WORDS_A_MINUTE} a minute;",
            "one who looks for a name in the table is faster. Windows: 1400 by 900, 390 by 844 px.",
            "",
            "| answer | words before | s, at most | px to scroll, desk | px, phone | taps |",
            "|---|---:|---:|---:|---:|---:|",
            *reach(browser, f"{root}/{LANDING}"),
        ]
    file = HERE / "pages.md"
    written = file.read_text(encoding="utf-8") if file.is_file() else ""
    rest = written[written.index(BY_HAND) :] if BY_HAND in written else ""
    told = "\n".join(lines) + "\n" + (f"\n{rest}" if rest else "")
    file.write_text(told, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
