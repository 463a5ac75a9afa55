"""The built pages, read as a browser or a screen reader would read them."""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag
from places import HTML

PAGES = sorted(
    path for folder in ("book", "notebooks") for path in (HTML / folder).glob("**/*.html")
)

if not PAGES:
    pytest.skip("the book is not built: run make book", allow_module_level=True)


@pytest.fixture(params=PAGES, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def page(path: Path) -> BeautifulSoup:
    return soup(path)


@cache
def soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@cache
def places(path: Path) -> frozenset[str]:
    """Return every place on a page that a link can name."""
    return frozenset(str(tag["id"]) for tag in soup(path).find_all(id=True))


def loaded(page: BeautifulSoup) -> list[str]:
    """Everything that a browser fetches by itself."""
    found = [(tag, "src") for tag in page.find_all(["script", "img", "iframe", "source", "audio"])]
    kinds = {"stylesheet", "icon", "preload", "modulepreload", "prefetch"}
    found += [(link, "href") for link in page.find_all("link") if kinds & set(link.get("rel", []))]
    return [str(tag[name]) for tag, name in found if tag.has_attr(name)]


def test_the_page_loads_nothing_from_another_host(page: BeautifulSoup) -> None:
    assert [url for url in loaded(page) if urlsplit(url).netloc] == []


def test_no_script_on_the_page_names_a_content_network(page: BeautifulSoup) -> None:
    inline = " ".join(tag.get_text() for tag in page.find_all("script"))
    assert [host for host in ("cdn.", "unpkg", "jsdelivr", "googleapis") if host in inline] == []


def test_everything_that_the_page_loads_is_there(path: Path, page: BeautifulSoup) -> None:
    local = [url for url in loaded(page) if not url.startswith("data:")]
    missing = [u for u in local if not (path.parent / unquote(urlsplit(u).path)).is_file()]
    assert missing == []


def test_every_link_within_the_book_leads_somewhere(path: Path, page: BeautifulSoup) -> None:
    broken = []
    for link in page.find_all("a", href=True):
        url = urlsplit(str(link["href"]))
        if url.scheme or url.netloc:
            continue
        target = (path.parent / unquote(url.path)).resolve() if url.path else path
        known = target.is_file()
        if known and url.fragment and target.suffix == ".html":
            known = unquote(url.fragment) in places(target) | {"top"}
        if not known:
            broken.append(str(link["href"]))
    assert broken == []


def test_every_image_has_a_text_for_those_who_cannot_see_it(page: BeautifulSoup) -> None:
    images = page.select("article img")
    poor = [str(i.get("src")) for i in images if len(str(i.get("alt", ""))) < len("a short text")]
    poor += [str(i["alt"]) for i in images if str(i.get("alt", "")).endswith((".svg", ".png"))]
    assert poor == []


def test_every_figure_has_a_number_and_a_caption(page: BeautifulSoup) -> None:
    figures = page.select("article figure")
    assert all(f.select_one("figcaption .caption-number") for f in figures)
    assert all(len(f.select_one("figcaption .caption-text").get_text()) > 10 for f in figures)


def test_every_table_has_a_caption_and_headers_with_a_scope(page: BeautifulSoup) -> None:
    for table in page.select("article table.review"):
        caption = table.find("caption")
        assert isinstance(caption, Tag)
        assert caption.get_text(strip=True)
        assert all(th.get("scope") in {"col", "row", "rowgroup"} for th in table.find_all("th"))


def test_the_tables_of_the_book_are_numbered_in_one_row() -> None:
    numbers = []
    for path in PAGES:
        captions = soup(path).select("article table > caption")
        labels = [caption.select_one(".caption-number") for caption in captions]
        assert all(labels), path
        on_page = [int(label.get_text().removeprefix("Table ")) for label in labels if label]
        start = min(on_page, default=0)
        assert on_page == list(range(start, start + len(on_page)))
        numbers += on_page
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


def test_the_tables_are_counted_in_the_order_of_reading() -> None:
    first = {
        path.stem: label.get_text()
        for path in PAGES
        if (label := soup(path).select_one("article caption .caption-number"))
    }
    assert first["intro"] == "Table 1 "
    order = ["intro", "00_results", "07_robustness", "10_consistency_audit", "methods"]
    numbers = [int(first[stem].split()[1]) for stem in order]
    assert numbers == sorted(numbers)


def test_every_page_leads_to_how_to_cite_it(path: Path, page: BeautifulSoup) -> None:
    links = [str(a["href"]) for a in page.select("footer a[href]")]
    cite = [link for link in links if link.endswith("cite.html")]
    if path.stem == "cite":
        cite = [path.name for link in links if link == "#"]
    assert cite
    assert all((path.parent / link).is_file() for link in cite)


def test_every_citation_leads_to_its_entry(page: BeautifulSoup) -> None:
    entries = soup(HTML / "book" / "bibliography.html").select("article div.citation[id]")
    known = {str(entry["id"]) for entry in entries}
    assert len(known) > 100
    cited = [str(a["href"]) for a in page.select('article a[href*="bibliography.html#"]')]
    assert [link for link in cited if link.partition("#")[2] not in known] == []


def test_one_heading_of_the_first_level_and_a_language(page: BeautifulSoup) -> None:
    assert len(page.select("article h1")) == 1
    assert page.html is not None
    assert page.html.get("lang") == "en"


def test_headings_do_not_skip_a_level(page: BeautifulSoup) -> None:
    levels = [int(h.name[1]) for h in page.select("article :is(h1, h2, h3, h4)")]
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))


def test_identifiers_are_unique(page: BeautifulSoup) -> None:
    ids = [str(tag["id"]) for tag in page.select("article [id]")]
    assert sorted(i for i in set(ids) if ids.count(i) > 1) == []


def test_no_glue_formula_or_value_is_left_raw(path: Path, page: BeautifulSoup) -> None:
    article = page.select_one("article")
    assert article is not None
    for code in article.select("pre, code"):
        code.extract()
    text = article.get_text()
    raw = ["{glue", "{numref", "\\frac"]
    if not path.stem.startswith("api"):  # whose docstrings speak of None
        raw += [f" {word}{end}" for word in ("nan", "<NA>") for end in (" ", ":", ".", ",")]
        # "None" is a word of English too; as the whole of a cell or number it is an absent value.
        values = article.select("td, th, span.pasted-text")
        assert "None" not in {value.get_text(strip=True) for value in values}
    assert [word for word in raw if word in text] == []
