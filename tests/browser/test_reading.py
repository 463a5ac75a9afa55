"""What a reader meets on the pages with results: by geometry, at a desk, on a tablet, on a phone.

Each effect and each certainty is inside the window, no word is small, no block is cut off, hardly
anything has to be moved sideways, and nothing jumps while a page loads.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import chromium
import pytest
from playwright.sync_api import Browser, Page, expect
from windows import SMALLEST, WINDOWS, boxes, open_page

pytestmark = chromium.needed

CERTAINTY, FORESTS = "notebooks/09_certainty.html", "notebooks/05_primary_outcomes.html"
#: Pages for readers; those of the library hold program text.
READ = [page for page in chromium.PAGES if not page.stem.startswith(("api", "reuse", "cite"))]
#: A figure may be drawn this much smaller than its own size: rounding of the steps of the style.
ROUNDING = 0.01
MOST_MOVED = 0  # blocks of all pages for readers that are moved sideways on a phone
#: Pages with the widest tables, and windows between those of the other tests, with the narrowest
#: columns beside the lists of the theme.
WIDEST = (
    "book/data",
    "notebooks/02_trials",
    "notebooks/07_robustness",
    "notebooks/13_second_review",
)
BETWEEN = (700, 820, 900, 1000, 1200)
SHEETS = 2  # of paper for the front page
PROFILE_SHEETS = 4  # of the page on certainty: findings, their reasons with the rules, matrix, end
FEWEST_LETTERS = 60  # of a sheet that is not empty
MOST_SHIFT = 0.05  # the limit of what counts as a page that does not jump is 0.1
SMALL = """least => [...document.querySelectorAll('.bd-article *')].filter(node =>
  [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim()) &&
  node.getBoundingClientRect().width > 2 && !node.closest('sup, script, style, math') &&
  parseFloat(getComputedStyle(node).fontSize) < least - 0.01
).map(node => node.textContent.trim().slice(0, 40))"""
DRAWINGS = """() => [...document.querySelectorAll('.bd-article figure')].map(figure => ({
  name: figure.id, room: figure.clientWidth,
  drawings: [...figure.querySelectorAll('img')].filter(img => img.getBoundingClientRect().width > 0)
    .map(img => ({source: img.src, width: img.getBoundingClientRect().width,
                  own: Number(img.getAttribute('width')),
                  narrow: img.classList.contains('stacked')}))}))"""
MOVED = """() => [...document.querySelectorAll(
  'article .table-scroll, article .pst-scrollable-table-container, article figure, ' +
  'article .math, ' +
  'article pre')].filter(block => block.clientWidth > 0 &&
    block.scrollWidth > block.clientWidth + 1 &&
    ['auto', 'scroll'].includes(getComputedStyle(block).overflowX))
  .map(block => (block.id || block.className) + ': ' + block.textContent.trim().slice(0, 50))"""
#: Symbols with their numbers, and dates, that a line of a page breaks.
BROKEN = """() => {
  const found = [], range = document.createRange();
  const texts = document.createTreeWalker(document.querySelector('article'), NodeFilter.SHOW_TEXT);
  const whole = /(?<![\\w.])p\\s[=<]\\s\\d[\\d.]*|\\b\\d{1,2}\\s(May|June|August)\\s\\d{4}/g;
  for (let text; (text = texts.nextNode()); ) {
    const parent = text.parentElement;
    if (!parent.checkVisibility() || parent.closest('pre, code')) continue;
    for (const one of text.textContent.matchAll(whole)) {
      range.setStart(text, one.index);
      range.setEnd(text, one.index + one[0].length);
      if (new Set([...range.getClientRects()].map(box => box.top)).size > 1) found.push(one[0]);
    }
  }
  return found;
}"""
SHIFT = """() => new Promise(done => {
  let sum = 0;
  new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
  }).observe({type: 'layout-shift', buffered: true});
  setTimeout(() => done(sum), 300);
})"""
FONT = re.compile(r"font(?:-size)?: ?(?:bold |italic |700 )*([\d.]+)px")


@cache
def smallest_words(file: Path) -> float:
    """Return the size of the smallest words of a drawing in its own size, in pixels."""
    sizes = [float(size) for size in FONT.findall(file.read_text(encoding="utf-8"))]
    return min(sizes) * 96 / 72 if sizes else float("inf")


def test_each_effect_and_each_certainty_is_in_the_window(page: Page, window: str) -> None:
    open_page(page, CERTAINTY)
    width = WINDOWS[window][0]
    rows = len(boxes(page, ".findings tbody tr:not(.group)"))
    assert rows > 10
    for selector in ("td.certainty .word", "td.in-words", 'th[scope="row"]'):
        found = boxes(page, f".findings {selector}")
        assert len(found) == rows, selector
        for box in found:
            assert 0 <= box["left"] < box["right"] <= width, box["text"]
    for box in boxes(page, ".findings td .line"):
        assert 0 <= box["left"] < box["right"] <= width, box["text"]
    for box in boxes(page, ".matrix td .word"):
        assert 0 <= box["left"] < box["right"] <= width, box["text"]


def test_every_sign_of_the_profile_opens_its_numbers(page: Page) -> None:
    open_page(page, CERTAINTY)
    signs = page.locator(".matrix summary")
    assert signs.count() > 50
    signs.first.click()
    numbers = page.locator(".matrix details[open] .numbers")
    assert "Weight by overall judgement" in numbers.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    signs.first.click()  # the other tests share the page
    expect(numbers).to_have_count(0)


@pytest.mark.parametrize("path", [CERTAINTY, FORESTS])
def test_no_word_of_a_page_is_small(page: Page, path: str) -> None:
    open_page(page, path)
    assert page.evaluate(SMALL, SMALLEST) == []


def test_one_drawing_is_shown_and_the_wide_one_only_where_it_fits(page: Page, window: str) -> None:
    open_page(page, FORESTS)
    figures = page.evaluate(DRAWINGS)
    assert figures
    for figure in figures:
        (shown,) = figure["drawings"]
        assert shown["narrow"] is (window == "phone") or window == "tablet", figure["name"]
        assert shown["width"] <= figure["room"] + 1, figure["name"]
        file = Path(unquote(urlsplit(shown["source"]).path))
        scale = shown["width"] / shown["own"]
        assert smallest_words(file) * scale >= SMALLEST * (1 - ROUNDING), figure["name"]


def test_hardly_anything_is_moved_sideways_on_a_phone(browser: Browser) -> None:
    width, height = WINDOWS["phone"]
    page = browser.new_page(viewport={"width": width, "height": height})
    moved = {}
    for path in READ:
        open_page(page, path)
        moved |= {f"{path.stem} {block}": 1 for block in page.evaluate(MOVED)}
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    page.close()
    assert len(moved) <= MOST_MOVED, sorted(moved)


@pytest.mark.parametrize("path", WIDEST)
def test_no_table_is_moved_sideways_in_a_window_of_any_width(browser: Browser, path: str) -> None:
    page = browser.new_page(viewport={"width": BETWEEN[0], "height": 900})
    open_page(page, f"{path}.html")
    for width in BETWEEN:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(MOVED) == [], width
    page.close()


@pytest.mark.parametrize("path", [CERTAINTY, FORESTS, "notebooks/06_secondary_outcomes.html"])
def test_no_line_breaks_within_a_number_and_its_symbol(page: Page, path: str) -> None:
    open_page(page, path)
    assert page.evaluate(BROKEN) == []


@pytest.mark.parametrize("path", ["book/intro.html", CERTAINTY, FORESTS])
def test_nothing_jumps_while_a_page_loads(browser: Browser, window: str, path: str) -> None:
    width, height = WINDOWS[window]
    page = browser.new_page(viewport={"width": width, "height": height})
    open_page(page, path)
    shift = page.evaluate(SHIFT)
    page.close()
    assert shift <= MOST_SHIFT


def test_a_dark_figure_lets_the_page_through_and_its_file_stays_white(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 900}, color_scheme="dark")
    open_page(page, FORESTS)
    image = page.locator("article figure img.roomy").first
    image.scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")
    style = image.evaluate("i => [getComputedStyle(i).filter, getComputedStyle(i).mixBlendMode]")
    assert "invert(1)" in style[0]
    assert style[1] == "screen"
    address = page.locator("article figure .downloads a").first.get_attribute("href")
    assert address is not None
    page.close()
    file = (chromium.HTML / FORESTS).parent / address
    assert "fill: #ffffff" in file.read_text(encoding="utf-8")


def test_the_head_of_each_page_says_what_it_is() -> None:
    for path in chromium.PAGES:
        html = (chromium.HTML / path).read_text(encoding="utf-8")
        assert html.count('name="viewport"') == 1, path
        assert html.count("<title>") == 1, path
        assert 'property="og:title"' in html, path
        assert "searchindex.js" not in html, path
        unsized = [tag for tag in re.findall(r"<img [^>]*>", html) if " width=" not in tag]
        assert unsized == [], path


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler is not installed")
def test_the_front_page_has_two_sheets_and_the_summary_of_findings_one(
    browser: Browser, tmp_path: Path
) -> None:
    """Printed from a dark telephone, where rules for screens would do most harm."""
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    sheets = {}
    for path in ("book/intro.html", CERTAINTY):
        open_page(page, path)
        pdf = tmp_path / "page.pdf"
        page.pdf(path=pdf, prefer_css_page_size=True, print_background=True)
        command = ("pdftotext", "-layout", str(pdf), "-")
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        sheets[path] = [" ".join(sheet.split()) for sheet in told.split("\f")[:-1]]
        assert min(len(sheet) for sheet in sheets[path]) >= FEWEST_LETTERS
    page.close()
    assert len(sheets[CERTAINTY]) <= PROFILE_SHEETS
    front = sheets["book/intro.html"]
    assert len(front) == SHEETS
    assert "What to tell a patient" in front[0]  # beside the verdict
    (summary,) = [sheet for sheet in sheets[CERTAINTY] if "Summary of findings: loaded" in sheet]
    assert summary.count("very low") >= 7
    for row in ("Pain intensity", "Kinesiophobia", "Adverse events", "cannot be ruled out"):
        assert row in summary, row
