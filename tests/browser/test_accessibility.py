"""Every page of the book against WCAG 2.2 AA: axe-core in a real browser, light and dark.

What a program can find is not all that can be wrong; no violation here is the least, not the most.
"""

from __future__ import annotations

from typing import Any

import chromium
import pytest
from places import ROOT
from playwright.sync_api import Browser, Page

pytestmark = chromium.needed

AXE = ROOT / "tests" / "vendor" / "axe.min.js"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
#: What depends on colours, and so has to be looked at again in dark mode.
COLOURS = ["color-contrast", "link-in-text-block"]
#: What a narrow window can change: it hides words and shows other buttons.
NARROW = ["button-name", "link-name", "target-size", "scrollable-region-focusable"]
#: axe leaves this rule of WCAG 2.2 out unless it is asked for.
ALSO = {"target-size": {"enabled": True}}
#: Pixels: a window of 1280 at a zoom of 400% (WCAG 1.4.10, reflow).
NARROWEST = 320
#: Fewer rules than this with something to look at would mean that axe did not see the page.
LEAST_RULES = 20


@pytest.fixture(params=chromium.PAGES, ids=lambda path: path.stem)
def page(request: pytest.FixtureRequest, tab: Page) -> Page:
    tab.goto((chromium.HTML / request.param).as_uri())
    tab.add_script_tag(path=AXE)
    return tab


def audit(page: Page, options: dict[str, Any]) -> tuple[list[str], int]:
    """Return each violation as a line, and the number of rules that found something to check."""
    script = "options => axe.run(document, {resultTypes: ['violations'], ...options})"
    found = page.evaluate(script, options)
    violations = [
        f"{rule['id']} ({rule['impact']}): {node['html'][:160]}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
    return violations, len(found["passes"]) + len(found["violations"])


def test_a_page_breaks_no_rule_in_light_and_dark_and_narrow(page: Page) -> None:
    violations, rules = audit(page, {"runOnly": {"type": "tag", "values": LEVELS}, "rules": ALSO})
    assert violations == []
    assert rules >= LEAST_RULES
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    violations, _ = audit(page, {"runOnly": {"type": "rule", "values": COLOURS}})
    assert violations == []
    page.set_viewport_size({"width": NARROWEST, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROWEST
    # The page hears of its new width just before it is painted again.
    page.evaluate("new Promise(go => requestAnimationFrame(() => requestAnimationFrame(go)))")
    violations, _ = audit(page, {"runOnly": {"type": "rule", "values": NARROW}})
    assert violations == []


def test_axe_finds_what_is_wrong(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<html><body><img src='x.png'><p style='color:#eee'>pale</p></body></html>")
    page.add_script_tag(path=AXE)
    violations, _ = audit(page, {"runOnly": {"type": "tag", "values": LEVELS}})
    page.close()
    broken = {line.split()[0] for line in violations}
    assert {"image-alt", "color-contrast", "html-has-lang", "document-title"} <= broken


@pytest.mark.parametrize("colours", ["none", "active"])
def test_whatever_the_keyboard_reaches_shows_it(browser: Browser, colours: Any) -> None:
    page = browser.new_page(
        viewport={"width": 1280, "height": 900}, forced_colors=colours, reduced_motion="reduce"
    )
    page.goto((chromium.HTML / chromium.PAGES[0]).as_uri())
    seen = set()
    while True:
        page.keyboard.press("Tab")
        element, ring = page.evaluate(
            """() => {
              const el = document.activeElement, style = getComputedStyle(el);
              const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
              return [`${el.tagName} ${el.className}`, ring];
            }"""
        )
        if element.startswith("BODY"):  # once round
            break
        seen.add(f"{element}: {'shown' if ring else 'NOT SHOWN'}")
    page.close()
    assert {element.split()[0] for element in seen} >= {"A", "BUTTON", "SUMMARY"}
    assert [element for element in seen if element.endswith("NOT SHOWN")] == []
