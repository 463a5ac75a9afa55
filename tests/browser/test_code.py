"""The code of a page: one switch shows or hides it all, and it is there without scripts too."""

from __future__ import annotations

from collections.abc import Iterator

import chromium
import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = chromium.needed

FIRST, SECOND = "notebooks/01_selection.html", "notebooks/03_risk_of_bias.html"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with chromium.serving() as address:
        context = browser.new_context(base_url=address)
        yield context.new_page()
        context.close()


def test_the_code_is_hidden_at_first_and_shown_by_the_keyboard_for_good(page: Page) -> None:
    page.goto(FIRST)
    switch, code = page.get_by_role("switch", name="Show the code"), page.locator(".cell_input")
    expect(switch).not_to_be_checked()
    assert code.count() > 1
    expect(code.filter(visible=True)).to_have_count(0)
    switch.focus()
    page.keyboard.press("Space")
    expect(switch).to_be_checked()
    expect(code.filter(visible=True)).to_have_count(code.count())
    page.goto(SECOND)  # another page remembers
    expect(page.get_by_role("switch")).to_be_checked()
    page.get_by_role("switch").click()
    page.reload()
    expect(page.get_by_role("switch")).not_to_be_checked()
    expect(page.locator(".cell_input").filter(visible=True)).to_have_count(0)


def test_no_bar_stands_where_code_is_hidden_or_shown(page: Page) -> None:
    page.goto(FIRST)
    summaries = page.locator(".cell summary").filter(visible=True)
    expect(summaries).to_have_count(0)
    page.get_by_role("switch").click()
    expect(page.locator(".cell_input").first).to_be_visible()
    expect(summaries).to_have_count(0)


def test_a_page_without_code_has_no_switch(page: Page) -> None:
    page.goto("book/methods.html")
    expect(page.locator("article h1")).to_be_visible()
    expect(page.get_by_role("switch")).to_have_count(0)


def test_without_scripts_each_piece_of_code_can_be_unfolded(browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((chromium.HTML / FIRST).as_uri())
    expect(page.locator(".cell_input").first).to_be_hidden()
    page.locator(".cell summary").first.click()
    expect(page.locator(".cell_input").first).to_be_visible()
    context.close()
