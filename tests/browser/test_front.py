"""The front page as it is read: what is in the window, not what is in the HTML.

Places are measured in a browser, at the widths of a desk, a tablet and a phone, light and dark.
"""

from __future__ import annotations

import chromium
import pytest
from playwright.sync_api import Page
from windows import SMALLEST, WINDOWS, boxes, open_page

pytestmark = chromium.needed

SCREENS = {"desk": 1, "tablet": 1, "phone": 2}  # how many hold verdict and first answer
SMALL = """least => [...document.querySelectorAll('.bd-article *')].filter(node =>
  [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim()) &&
  node.getBoundingClientRect().width > 2 && node.tagName !== 'STYLE' &&
  parseFloat(getComputedStyle(node).fontSize) < least - 0.01 && node.tagName !== 'SUP' &&
  !node.closest('sup')).map(node => node.textContent.trim().slice(0, 40))"""


@pytest.fixture(scope="module")
def page(page: Page) -> Page:
    open_page(page, "book/intro.html")
    return page


def test_the_answer_is_in_the_first_window(page: Page, window: str) -> None:
    limit = WINDOWS[window][1] * SCREENS[window]
    (verdict,) = boxes(page, ".verdict > p:first-child")
    assert "very uncertain" in verdict["text"]
    assert verdict["bottom"] <= WINDOWS[window][1]
    first = boxes(page, ".answers td.effect")[0]
    assert first["text"].startswith("−0.48")
    assert first["bottom"] <= limit


def test_each_effect_and_each_certainty_is_in_the_page(page: Page, window: str) -> None:
    width = WINDOWS[window][0]
    rows = boxes(page, ".answers tbody tr")
    for selector in ("td.when", "td.effect", "td.picture svg.strip", "td.people", "td.certainty"):
        found = boxes(page, f".answers {selector}")
        assert len(found) == len(rows), selector
        for box in found:
            assert 0 <= box["left"] < box["right"] <= width, (selector, box["text"])
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_no_cell_lies_on_another(page: Page) -> None:
    cells = boxes(page, ".answers tbody :is(th, td)")
    for place, one in enumerate(cells):
        for other in cells[place + 1 :]:
            apart = (
                one["right"] <= other["left"] + 1
                or other["right"] <= one["left"] + 1
                or one["bottom"] <= other["top"] + 1
                or other["bottom"] <= one["top"] + 1
            )
            assert apart, (one["text"], other["text"])


def test_no_text_is_small(page: Page) -> None:
    assert page.evaluate(SMALL, SMALLEST) == []


def test_harms_are_told(page: Page) -> None:
    told = " ".join(box["text"] for box in boxes(page, ".three > div"))
    assert "uncommon harms cannot be ruled out" in told


def test_each_picture_says_which_side_is_better(page: Page, window: str) -> None:
    sides = boxes(page, ".answers .sides")
    assert all("better" in box["text"] for box in sides)
    labels = boxes(page, ".answers .people .label")
    assert bool(labels) is (window == "phone")  # there is no head that says what the numbers are
    assert len(sides) == (len(boxes(page, ".answers tbody")) if window == "phone" else 1)


def test_trial_by_trial_leads_to_the_harms(page: Page) -> None:
    link = page.get_by_role("link", name="Trial by trial").get_attribute("href")
    assert link is not None
    assert link.endswith("#was-it-safe")
