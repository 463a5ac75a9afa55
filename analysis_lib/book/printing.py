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

#: What belongs to a screen goes, and pages break where a reader expects it.
STYLE = """
@page { size: A4; margin: 20mm 18mm 22mm; }
html { font-size: 10.5pt; }
.bd-header, .bd-header-article, .bd-sidebar-primary, .bd-sidebar-secondary, .prev-next-footer,
.bd-footer, .header-article-items, #pst-back-to-top, .downloads, .all-downloads,
.toggle-button, .tocsection, .code-switch, div.cell_input, details.hide {
  display: none !important;
}
.bd-main .bd-content .bd-article-container, .bd-page-width, .bd-container,
.bd-container__inner, .bd-main .bd-content, article.bd-article {
  max-width: none !important; margin: 0 !important; padding: 0 !important; display: block;
}
span[id^="document-"] { display: block; break-before: page; }
h1, h2, h3, h4, caption, table.review tr.group { break-after: avoid; }
/* Or Chromium paints a heading at the top of a page on the page before too, unseen, and its
   bookmark says the words twice. */
h1, h2, h3, h4 { padding-top: 2mm; }
h1 { font-size: 1.9rem; }
figure, tr, .admonition, .sd-card, dt, div.math { break-inside: avoid; }
table.review { break-inside: auto !important; }
p, li { orphans: 3; widows: 3; }
/* What scrolls on a screen would be cut off, or moved to the next page as a whole. */
.table-scroll, .output, figure, pre, div.math { overflow: visible !important; max-height: none; }
.sd-row, .sd-col { display: block !important; width: 100%; max-width: none; margin-bottom: 3mm; }
pre { white-space: pre-wrap !important; overflow-wrap: anywhere; font-size: 8.5pt; }
table.review { font-size: 7.8pt; }
table.review :is(th, td) { padding: 0.15rem 0.3rem; overflow-wrap: break-word; }
table.review thead { display: table-header-group; }
article img { width: auto !important; max-width: 100% !important; max-height: 195mm; }
a { color: inherit; }
"""
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
