"""Print a whole book to one PDF: a single page of HTML, made ready for paper by Chromium."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import sync_playwright

from analysis_lib.base.errors import ReviewError
from analysis_lib.book.build import build
from analysis_lib.book.writing import write_pages

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

#: What a page prints with, from its own button as from here.
STYLE = (Path(__file__).parent / "static" / "print.css").read_text(encoding="utf-8")
#: Pixels between the margins of a page: 210 - 2 * 18 mm at 96 to the inch.
WIDTH = 657
#: A number takes no more room than is kept, so that the second printing has the pages of the first.
MOST_PRINTS = 4
#: Writes the numbers of the pages beside the contents, which keep room for them.
NUMBER = """pages => {
  for (const link of document.querySelectorAll(".printed-contents a"))
    link.querySelector(".page").textContent = pages[link.hash.slice(1)] ?? "";
}"""
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
    write_pages(folder, out, "singlehtml")
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
    write_contents(soup)
    for details in soup.find_all("details"):
        if details.find_parent(class_="matrix") is None:  # a sign stands for its numbers there
            details["open"] = ""
    style = soup.new_tag("style")
    style.string = STYLE
    for top in soup.find_all("html"):
        top["data-theme"] = top["data-mode"] = "light"
        top.append(style)
    page.write_text(str(soup), encoding="utf-8")


def write_contents(soup: BeautifulSoup) -> None:
    """Fill the contents of the theme with chapters and sections, and room for their pages."""
    contents = soup.select_one("#jb-print-toc nav")
    if contents is None:
        return
    contents.clear()
    contents["class"] = "printed-contents"
    for number, (level, heading) in enumerate(headings(soup)):
        heading["id"] = f"printed-{number}"  # two pages may have sections of one name
        link = soup.new_tag("a", href=f"#printed-{number}", attrs={"class": f"level-{level}"})
        link.append(soup.new_tag("span", string=heading.get_text(" ", strip=True)))
        link.append(soup.new_tag("span", attrs={"class": "page"}))
        contents.append(link)


def headings(soup: BeautifulSoup) -> Iterator[tuple[int, Tag]]:
    """Yield chapters, with level 1, and their sections, with level 2, in their order."""
    for chapter in soup.select('span[id^="document-"] + section'):
        for level, section in (
            (1, chapter),
            *((2, inner) for inner in chapter.find_all("section", recursive=False)),
        ):
            heading = section.find(["h1", "h2", "h3"], recursive=False)
            if isinstance(heading, Tag):
                yield level, heading


def pages_of(pdf: bytes) -> dict[str, int]:
    """Return on which page each place of a PDF lies that a link leads to.

    Chromium writes the objects of a PDF as text: the tree of pages, and the places by name. Those
    of the bookmarks have none.
    """
    kids = {
        int(found[1]): [int(kid) for kid in re.findall(rb"(\d+) 0 R", found[2])]
        for found in re.finditer(
            rb"(\d+) 0 obj\s*<<\s*/Type /Pages\b[^>]*?/Kids \[(.*?)\]", pdf, re.DOTALL
        )
    }
    below = {kid for several in kids.values() for kid in several}
    pages = [page for top in kids if top not in below for page in _leaves(top, kids)]
    number = {page: place for place, page in enumerate(pages, start=1)}
    places = re.findall(rb"/(?!Dest )([^\s/<>\[\]()]+) \[(\d+) 0 R /XYZ", pdf)
    return {_name(name): number[int(page)] for name, page in places if int(page) in number}


def _leaves(node: int, kids: Mapping[int, list[int]]) -> Iterator[int]:
    if node not in kids:
        yield node
    for kid in kids.get(node, []):
        yield from _leaves(kid, kids)


def _name(name: bytes) -> str:
    """Return a name as it is meant: signs that have a meaning in a PDF are written as numbers."""
    meant = re.sub(rb"#([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), name)
    return meant.decode("utf-8", "replace")


def print_pdf(page: Path, pdf: Path, browser: str) -> None:
    """Print a page with page numbers, bookmarks and tags for screen readers.

    The contents get their numbers from a first printing, which is quicker without the rest.
    """
    with sync_playwright() as playwright:
        # A container has no user namespaces for the sandbox; the page is our own.
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        tab = chromium.new_page(viewport={"width": WIDTH, "height": WIDTH})
        tab.emulate_media(media="print")
        tab.goto(page.as_uri(), wait_until="load")
        tab.evaluate(FIT)
        numbers: dict[str, int] | None = None
        for before in range(MOST_PRINTS):
            printed = tab.pdf(
                format="A4",
                display_header_footer=True,
                header_template="<span></span>",
                footer_template=FOOTER,
                print_background=True,
                prefer_css_page_size=True,
                tagged=before > 0,
                outline=before > 0,
            )
            if (found := pages_of(printed)) == numbers:
                break
            numbers = found
            tab.evaluate(NUMBER, numbers)
        pdf.write_bytes(printed)
        chromium.close()
