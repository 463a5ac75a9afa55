"""Search in a real browser: a trial, its registration and a method are found, and can be read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import chromium
import pytest
from playwright.sync_api import Locator, Page, expect

import analysis_lib as al

pytestmark = [
    *chromium.needed,
    pytest.mark.skipif(
        not (chromium.HTML / "searchindex.js").is_file(), reason="the book has no search"
    ),
]

TRIALS = "notebooks/02_trials.html"
ANSWERS = {
    "Kell": TRIALS,
    "Sertpoyraz": TRIALS,
    "NCT05706103": "notebooks/12_living_update.html",
    "Hartung": "book/methods.html",
}
#: What readers ask, and a page whose section has to come first.
FIRST = {
    "GRADE": {"notebooks/09_certainty.html", "book/glossary.html"},
    "egger": {"notebooks/08_reporting_bias.html", "book/methods.html", "book/glossary.html"},
    "MCID": {"book/glossary.html", "book/methods.html"},
    "Kell": None,
    "Nambi": None,
    "Handbook chapter 10": {"book/methods.html"},
    "fixed effect": {"book/methods.html", "book/glossary.html"},
    "rare events": {"book/methods.html"},
    "is it safe": {"notebooks/02_trials.html", "book/intro.html", "notebooks/09_certainty.html"},
}
PHONE = {"width": 375, "height": 800}
#: Longer than any word of the book but an address: several words that lost their spaces.
LONGEST_WORD = 60
#: What a page holds and a reader does not see: program text that is folded away, its button.
UNSEEN = re.compile(r"\b(import|publish|show_table|show_figure)\b[ (]|code cell source")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with chromium.serving() as address:
        yield address


@pytest.fixture(params=["http", "file"])
def root(request: pytest.FixtureRequest, server: str) -> str:
    return server if request.param == "http" else chromium.HTML.as_uri()


@pytest.fixture
def page(tab: Page) -> Page:
    return tab


def search(page: Page, root: str, words: str) -> Locator:
    """Type words into the field of the search page; return what is found."""
    page.goto(f"{root}/search.html")
    field = page.locator("main input[type=search]")
    field.fill(words)
    field.press("Enter")
    expect(page.locator("#search-results")).to_contain_text("Search finished")
    return page.locator("#search-results ul.search > li")


def addresses(found: Locator) -> list[str]:
    """Return the pages that are found, without the place on the page."""
    links = found.locator("a").evaluate_all("links => links.map(a => a.getAttribute('href'))")
    return [re.sub(r"[?#].*", "", link) for link in links]


@pytest.mark.parametrize("words", ANSWERS)
def test_the_page_that_tells_of_it_is_found(page: Page, root: str, words: str) -> None:
    found = search(page, root, words)
    assert ANSWERS[words] in addresses(found)
    found.locator(f"a[href^='{ANSWERS[words]}']").first.click()
    expect(page.locator("article")).to_contain_text(words)


@pytest.mark.parametrize("words", FIRST)
def test_a_section_comes_first_and_the_library_last(page: Page, server: str, words: str) -> None:
    found = search(page, server, words)
    links = found.locator("a").evaluate_all("links => links.map(a => a.getAttribute('href'))")
    pages = [re.sub(r"[?#].*", "", link) for link in links]
    assert "#" in links[0]
    assert FIRST[words] is None or pages[0] in FIRST[words], pages[:5]
    of_library = ["/api" in page or page.startswith(("genindex", "py-mod")) for page in pages]
    assert of_library == sorted(of_library)
    excerpt = found.locator("p.context").first
    expect(excerpt).to_be_visible()
    assert excerpt.inner_text().strip()


def test_search_from_any_page_by_keyboard(page: Page, server: str) -> None:
    page.goto(f"{server}/{TRIALS}")
    page.keyboard.press("Control+k")
    page.keyboard.type("Sertpoyraz")
    page.keyboard.press("Enter")
    expect(page.locator("#search-results")).to_contain_text("Search finished")
    assert TRIALS in addresses(page.locator("#search-results li"))


def test_nothing_found_is_said(page: Page, root: str) -> None:
    page.goto(f"{root}/search.html?q=xylophone")
    expect(page.locator("#search-results")).to_contain_text("did not match any documents")


@pytest.mark.parametrize("words", ANSWERS)
def test_excerpts_can_be_read(page: Page, server: str, words: str) -> None:
    found = search(page, server, words)
    expect(found.locator("p.context").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    excerpts = found.locator("p.context").all_text_contents()
    assert any(words in excerpt for excerpt in excerpts)
    longest = max((word for text in excerpts for word in text.split()), key=len)
    assert len(longest) <= LONGEST_WORD, longest
    assert [text for text in excerpts if UNSEEN.search(text)] == []


def test_on_a_phone_and_in_the_dark_a_button_leads_to_results_inside_the_window(
    page: Page, server: str
) -> None:
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="dark")
    page.goto(f"{server}/{TRIALS}")
    page.get_by_role("button", name="Search", exact=True).locator("visible=true").click()
    page.keyboard.type("Kell")
    page.keyboard.press("Enter")
    expect(page.locator("#search-results")).to_contain_text("Search finished")
    page.wait_for_load_state("networkidle")
    assert TRIALS in addresses(page.locator("#search-results ul.search > li"))
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_cells_of_tables_are_words_of_the_index() -> None:
    text = (chromium.HTML / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(re.fullmatch(r"Search\.setIndex\((.*)\)\s*", text, re.DOTALL)[1])
    trials = index["docnames"].index(TRIALS.removesuffix(".html"))
    labels = al.load_review("data").trials["label"]
    for name in {re.match(r"\w+", label)[0].lower() for label in labels}:
        stem = next(name[:end] for end in range(len(name), 2, -1) if name[:end] in index["terms"])
        places = index["terms"][stem]
        assert trials in (places if isinstance(places, list) else [places]), name
