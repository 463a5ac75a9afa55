"""Terms of the glossary: found in prose and nowhere else, explained in the browser to everyone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import chromium
import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page, expect
from test_accessibility import AXE, LEVELS, audit

from analysis_lib.book.sphinx import glossary

SETTINGS = """\
extensions = ["myst_parser", "analysis_lib.book.sphinx.glossary"]
myst_enable_extensions = ["colon_fence"]
root_doc = "page"
"""
GLOSSARY = """\
---
everyday: weight
---

# Glossary

```{glossary}
forest plot
  A picture of {term}`effects <effect>`. It has a diamond.

effect
true effect
  A difference. More words.

GRADE
  A system.

tau squared (τ²)
  A variance; see the forest plot.

weight
  A share.
```
"""
PAGE = """\
# A forest plot in a heading

Two Forest plots show τ² and a true effect; another forest plot and its effect follow.
Degrade is no word of ours, nor is non-effect, nor upgrade; *GRADE* is, and `tau squared` is code.
Every weight is an everyday word, but {term}`weight` was asked for.

```{toctree}
glossary
more
```
"""
MORE = """\
# More

[a forest plot in a link](page.md)

| forest plot | in a table |
|---|---|
| effect | GRADE |

```{note}
A note is prose: tau
squared.
```
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small book that was built with warnings as errors."""
    folder = tmp_path_factory.mktemp("glossary")
    texts = {"conf.py": SETTINGS, "glossary.md": GLOSSARY, "page.md": PAGE, "more.md": MORE}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", folder, folder / "html"]
    subprocess.run(command, check=True)
    return folder / "html"


def explained(page: Path) -> list[tuple[str, str, str]]:
    """Return the word, the target and the title of every explained term."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    links = soup.select("a.glossary-term")
    return [(link.get_text(), str(link["href"]), str(link["title"])) for link in links]


def test_the_first_use_of_a_term_in_prose_is_explained(small: Path) -> None:
    assert explained(small / "page.html") == [
        ("Forest plots", "glossary.html#term-forest-plot", "A picture of effects."),
        ("τ²", "glossary.html#term-tau-squared-2", "A variance; see the forest plot."),
        ("true effect", "glossary.html#term-effect", "A difference."),
        ("GRADE", "glossary.html#term-GRADE", "A system."),
        ("weight", "glossary.html#term-weight", "A share."),
    ]


def test_links_and_tables_are_left_alone_and_notes_are_read(small: Path) -> None:
    assert [word for word, _, _ in explained(small / "more.html")] == ["tau\nsquared"]


def test_the_glossary_explains_its_own_links_and_nothing_else(small: Path) -> None:
    found = explained(small / "glossary.html")
    assert found == [("effects", "#term-effect", "A difference.")]


def test_a_book_without_a_glossary_is_built(tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text(SETTINGS)
    (tmp_path / "page.md").write_text("# A page\n\nA forest plot.\n")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", tmp_path, tmp_path / "html"]
    subprocess.run(command, check=True)
    assert explained(tmp_path / "html" / "page.html") == []


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("arm", ["arm", "arms"]),
        ("meta-analysis", ["meta-analysis", "meta-analyses"]),
        ("subsidy", ["subsidy", "subsidies"]),
        ("risk of bias", ["risk of bias"]),
        ("I squared (I²)", ["I squared", "I²", "I squareds"]),
    ],
)
def test_a_name_is_found_in_its_plural_and_by_its_sign(name: str, written: list[str]) -> None:
    assert list(glossary.spellings(name)) == written


def test_small_letters_may_begin_a_sentence_and_capitals_stay() -> None:
    find, groups = glossary.pattern(["p value", "Egger's test", "Q"])
    text = "P values, Egger’s test, Egger's test, egger's test, q, Q, p value-based, Q2"
    found = [(match[0], groups[str(match.lastgroup)]) for match in find.finditer(text)]
    assert found == [
        ("P values", "p value"),
        ("Egger’s test", "Egger's test"),
        ("Egger's test", "Egger's test"),
        ("Q", "Q"),
    ]


# -- The built book -------------------------------------------------------------------------------

built = pytest.mark.skipif(not chromium.PAGES, reason="the book is not built: run make book")
PAGE_WITH_TERMS = "notebooks/05_primary_outcomes.html"
#: More would make a page restless to read; the one with the most has 16.
MOST = 20


@built
def test_no_page_is_restless_and_no_term_is_marked_twice() -> None:
    total = 0
    for path in chromium.PAGES:
        if path.stem == "glossary":
            continue
        page = BeautifulSoup((chromium.HTML / path).read_text(encoding="utf-8"), "html.parser")
        links = page.select("article a.glossary-term")
        targets = [str(link["href"]) for link in links]
        assert len(set(targets)) == len(targets) <= MOST, path
        assert all(link.get("title") for link in links), path
        wrong = page.select(
            ":is(h1, h2, h3, h4, table, figcaption, pre, code, dt.sig, a) a.glossary-term"
        )
        assert wrong == [], path
        total += len(links)
    assert total > len(chromium.PAGES)


@built
def test_every_definition_is_one_short_whole_sentence() -> None:
    page = BeautifulSoup(
        (chromium.HTML / "book" / "glossary.html").read_text(encoding="utf-8"), "html.parser"
    )
    titles = {str(a["title"]) for a in page.select("a.glossary-term")}
    assert titles
    assert [t for t in titles if not t.endswith((".", "?")) or len(t) > 220 or "[" in t] == []


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.goto((chromium.HTML / PAGE_WITH_TERMS).as_uri())
    yield page
    context.close()


needed = [*chromium.needed]


def in_browser(test: object) -> object:
    for mark in needed:
        test = mark(test)
    return test


@in_browser
def test_the_pointer_shows_a_definition_that_stays_and_can_be_put_away(page: Page) -> None:
    term = page.locator("a.glossary-term", has_text="confidence interval").first
    expect(term).not_to_have_attribute("title", "")
    term.hover()
    note = page.get_by_role("tooltip")
    expect(note).to_have_count(1)
    expect(note).to_contain_text("A range that holds the values")
    note.hover()  # the pointer may move onto it (WCAG 1.4.13, hoverable)
    page.wait_for_timeout(400)
    expect(note).to_be_visible()
    audited, _ = audit_with_note(page)
    assert audited == []
    page.keyboard.press("Escape")
    expect(note).to_have_count(0)
    term.hover()
    page.mouse.move(0, 0)
    expect(note).to_have_count(0)


def audit_with_note(page: Page) -> tuple[list[str], int]:
    page.add_script_tag(path=AXE)
    return audit(page, {"runOnly": {"type": "tag", "values": LEVELS}})


@in_browser
def test_the_keyboard_shows_it_and_names_it_for_those_who_listen(page: Page) -> None:
    term = page.locator("a.glossary-term").first
    term.focus()
    note = page.get_by_role("tooltip")
    expect(note).to_be_visible()
    assert term.get_attribute("aria-describedby") == note.get_attribute("id")
    page.keyboard.press("Tab")
    expect(note).not_to_be_visible()


@in_browser
def test_the_first_touch_shows_it_and_the_second_follows_the_link(browser: Browser) -> None:
    context = browser.new_context(
        viewport={"width": 375, "height": 800}, has_touch=True, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto((chromium.HTML / PAGE_WITH_TERMS).as_uri())
    terms = page.locator("a.glossary-term")
    note = page.get_by_role("tooltip")
    for number in range(terms.count()):
        terms.nth(number).tap()
        expect(note).to_have_count(1)
        box = note.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 375
        note.tap()  # a touch anywhere else, and on the note too, puts it away
        expect(note).to_have_count(0)
    terms.first.tap()
    assert page.url.endswith(PAGE_WITH_TERMS)
    terms.first.tap()
    page.wait_for_url("**/glossary.html#term-*")
    context.close()


@in_browser
def test_without_a_script_it_is_a_link_with_a_title(browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((chromium.HTML / PAGE_WITH_TERMS).as_uri())
    term = page.locator("a.glossary-term").first
    expect(term).to_have_attribute("title", "Resistance from something other than one’s own body.")
    term.click()
    page.wait_for_url("**/glossary.html#term-*")
    context.close()
