"""What search looks up, what is taken from pages, and the card that is shared."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from bs4 import BeautifulSoup, Tag
from figure_texts import clipped_texts, overlapping_texts

from analysis_lib import plots
from analysis_lib.book.engine import searching
from analysis_lib.book.engine.weight import with_sizes, without_repeats

PAGE = """<html><body><nav>Everything</nav><article>
<section id="top"><h1>Harms<a class="headerlink">#</a></h1><p>Before &lt;b&gt;.</p>
<section id="few"><h2>Few</h2><table><tr><td>Kell</td><td>2</td></tr></table>
<div class="cell_input">import secret</div>
<section id="deep"><h3>Deep</h3><p>Far down.</p></section></section></section>
<dl class="glossary"><dt id="term-mid">minimal important difference<a class="headerlink">#</a></dt>
<dt id="term-x">tau squared (τ²)</dt><dd><p>What matters.</p></dd><dt id="term-y">alone</dt>
<dd>One.</dd></dl></article></body></html>"""


def article() -> Tag:
    found = BeautifulSoup(PAGE, "html.parser").article
    assert found is not None
    return found


def test_a_section_has_its_own_words_and_no_others() -> None:
    found = {one.anchor: one for one in searching.sections_of(article(), "book/harms")}
    assert list(found) == ["top", "few", "deep", "term-mid", "term-x", "term-y"]
    assert found["top"].title == found["top"].of == "Harms"
    assert found["top"].text == "Before <b>."
    assert found["few"].text == "Kell 2"
    assert found["deep"].text == "Far down."
    assert found["term-x"].text == "What matters."
    assert "secret" not in " ".join(one.text for one in found.values())


def test_names_of_one_entry_mean_the_same() -> None:
    read = article()
    for link in read.select(".headerlink"):
        link.decompose()
    (names,) = searching.names_of_entries(read)
    assert names == ["minimal important difference", "tau squared", "τ²"]


def test_the_search_page_loads_the_index_and_the_library_is_left_out(tmp_path: Path) -> None:
    for folder in ("book", "_static"):
        (tmp_path / folder).mkdir()
    for page in ("book/harms", "book/api_pooling"):
        (tmp_path / f"{page}.html").write_text(PAGE, encoding="utf-8")
    search = tmp_path / "search.html"
    search.write_text('<script src="searchindex.js"></script>', encoding="utf-8")
    searching.write_index(tmp_path, ["book/harms", "book/api_pooling", "book/gone"])
    script = (tmp_path / "_static" / searching.INDEX).read_text(encoding="utf-8")
    sections = json.loads(script.partition("const SECTIONS = ")[2].partition(";\n")[0])
    assert {section[0] for section in sections} == {"book/harms"}
    html = search.read_text(encoding="utf-8")
    assert html.index("searchindex.js") < html.index(searching.INDEX) < html.index("search.js")


def test_drawings_say_how_large_they_are(tmp_path: Path) -> None:
    (tmp_path / "a b.svg").write_text('<svg width="75pt" height="150.2pt" viewBox="0 0 1 1"/>')
    page = tmp_path / "page.html"
    tag = '<img alt="x" src="a%20b.svg">'
    assert with_sizes(tag, page) == '<img width="100" height="200" alt="x" src="a%20b.svg">'
    for other in ('<img src="gone.svg">', '<img src="p.png">', '<img width="3" src="a%20b.svg">'):
        assert with_sizes(other, page) == other


def test_a_page_says_its_width_once() -> None:
    meta = '<meta name="viewport" content="width=device-width"/>'
    assert without_repeats(f"<head>{meta}{meta}\n  {meta}<p>") == f"<head>{meta}<p>"
    once, other = "<title>Load</title>", "<title>Pain &#8212; Load</title>"
    assert without_repeats("<title>Load &#8212; Load</title>") == once
    assert without_repeats(other) == other


@pytest.mark.parametrize("results", [0, 3, 40])
def test_a_card_holds_its_words(results: int) -> None:
    rows = [("A long outcome name that goes on, from 6 months", "−0.52 (−0.92 to −0.08)", "low")]
    ax = plots.card("A title " * 12, "It may make a difference. " * 4, rows * results)
    assert clipped_texts(ax) == []
    assert overlapping_texts(ax) == []
    plt.close("all")
