"""Print a whole book to one PDF: a single page of HTML, made ready for paper by Chromium."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import yaml
from bs4 import BeautifulSoup
from playwright.sync_api import sync_playwright

from analysis_lib.base.errors import ReviewError
from analysis_lib.book.build import build, read_settings, write_pages

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

#: What a page prints with, from its own button as from here.
STYLE = (Path(__file__).parent / "static" / "print.css").read_text(encoding="utf-8")
#: Pixels between the margins of a page: 210 - 2 * 18 mm at 96 to the inch.
WIDTH = 657
#: What is wider than the page all the same is made smaller; sizes are measured as printed.
FIT = """() => {
  for (const block of document.querySelectorAll("article :is(table, div.math > math)")) {
    const wide = block.getBoundingClientRect();
    const room = document.documentElement.clientWidth - wide.left;
    if (wide.width > room) block.style.zoom = room / wide.width;
  }
}"""
FOOTER = """
<div style="width: 100%; font: 8pt sans-serif; text-align: center; color: #444">
  <span class="title"></span> · <span class="pageNumber"></span> of <span class="totalPages"></span>
</div>
"""


def print_book(folder: Path) -> Path:
    """Make a book, print it, and return the PDF, ``_build/book.pdf``.

    Raises
    ------
    ReviewError
        If there is no Chromium, or the book cannot be made.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise ReviewError(f"Printing needs one of {', '.join(BROWSERS)}, and none is installed.")
    folder = folder.resolve()
    build(folder)
    page = single_page(folder, folder / "_build" / "print")
    make_printable(page)
    pdf = folder / "_build" / "book.pdf"
    part = pdf.with_suffix(".part")
    print_pdf(page, part, browser)
    part.replace(pdf)
    shutil.rmtree(folder / "_build" / "print")
    return pdf


def single_page(folder: Path, out: Path) -> Path:
    """Write all pages as one, and return it where its pictures and links are found."""
    shutil.rmtree(out, ignore_errors=True)
    settings = read_settings(folder)
    write_pages(folder, settings, out, "singlehtml")
    written = out / "singlehtml"
    root = yaml.safe_load((folder / "_toc.yml").read_text(encoding="utf-8"))["root"]
    # The page lies in the folder of the first one, but its addresses are those of the top.
    return (written / f"{root}.html").rename(written / "all.html")


def make_printable(page: Path) -> None:
    """Let links lead to places of this page, open what is folded, and drop the scripts."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    for unprinted in soup.select("script, noscript, dialog, .headerlink, #explorer"):
        unprinted.decompose()
    anchors = {str(tag["id"]) for tag in soup.find_all(id=True)}
    for link in soup.find_all("a", href=True):
        address = str(link["href"])
        place = address.partition("#")[2]
        if re.match(r"[a-z]+:", address):
            continue
        if place in anchors:
            link["href"] = f"#{place}"
        else:
            del link["href"]  # a file to download, which paper does not hold
    for details in soup.find_all("details"):
        if details.find_parent(class_="matrix") is None:  # a sign stands for its numbers there
            details["open"] = ""
    style = soup.new_tag("style")
    style.string = STYLE
    for top in soup.find_all("html"):
        top["data-theme"] = top["data-mode"] = "light"
        top.append(style)
    page.write_text(str(soup), encoding="utf-8")


def print_pdf(page: Path, pdf: Path, browser: str) -> None:
    """Print a page with page numbers, bookmarks and tags for screen readers."""
    with sync_playwright() as playwright:
        # A container has no user namespaces for the sandbox; the page is our own.
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        tab = chromium.new_page(viewport={"width": WIDTH, "height": WIDTH})
        tab.emulate_media(media="print")
        tab.goto(page.as_uri(), wait_until="load")
        tab.evaluate(FIT)
        tab.pdf(
            path=pdf,
            format="A4",
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOTER,
            print_background=True,
            prefer_css_page_size=True,
            tagged=True,
            outline=True,
        )
        chromium.close()
