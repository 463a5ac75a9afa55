"""The windows in which pages are read, and where in them a reader finds what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from places import HTML
from playwright.sync_api import Page

WINDOWS = {"desk": (1400, 900), "tablet": (820, 1180), "phone": (390, 844)}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SMALLEST = 12  # px, the least size of words on a screen
#: Boxes of what a selector finds, with their texts; what only a screen reader gets is left out.
BOXES = """selector => [...document.querySelectorAll(selector)].map(node => {
  const box = node.getBoundingClientRect();
  return {left: box.left, right: box.right, top: box.top + scrollY, bottom: box.bottom + scrollY,
          width: box.width, text: node.textContent.trim(),
          shown: box.width > 2 && box.height > 2};
}).filter(box => box.shown)"""


def emptied(page: Page) -> Page:
    """Return a page as a new tab has it: nothing in it, light, 1280 x 900, the pointer away."""
    page.goto("about:blank")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")
    page.mouse.move(0, 0)
    return page


@contextmanager
def troubles_of(page: Page) -> Iterator[list[str]]:
    """Collect what goes wrong in a page: errors of its scripts and its console, failed requests."""
    troubles: list[str] = []
    heard: dict[Any, Callable[[Any], None]] = {
        "console": lambda m: troubles.append(m.text) if m.type == "error" else None,
        "pageerror": lambda error: troubles.append(str(error)),
        "requestfailed": lambda request: troubles.append(f"failed: {request.url}"),
    }
    for event, handler in heard.items():
        page.on(event, handler)
    yield troubles
    for event, handler in heard.items():
        page.remove_listener(event, handler)


def open_page(page: Page, path: str | Path) -> None:
    """Open a page of the built book if it is not open yet, and wait until all of it is there."""
    address = (HTML / path).as_uri()
    if page.url != address:
        page.goto(address)
        page.wait_for_load_state("networkidle")


def boxes(page: Page, selector: str) -> list[dict[str, Any]]:
    """Return the boxes of everything that a selector finds and that is seen."""
    found: list[dict[str, Any]] = page.evaluate(BOXES, selector)
    return found
