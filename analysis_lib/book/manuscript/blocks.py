"""The pieces of a document as pandoc takes them: a tree, in which words can only be words.

Nothing is put together as a text that is parsed again. A word from the data is a leaf of the tree,
and whatever signs it holds, pandoc writes them as they stand.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import pandas as pd
from markdown_it import MarkdownIt
from markdown_it.token import Token

from analysis_lib.base.formatting import printable
from analysis_lib.book.page import Prose, Table

#: A node of pandoc's tree: ``t`` is its type, ``c`` its contents.
Node = dict[str, Any]
Nodes = list[Node]

NBSP: Final = "\N{NO-BREAK SPACE}"
OWN_BOOKMARKS: Final = 10_000  # pandoc numbers its own from 1
VERSION: Final = [1, 23]  # of pandoc's tree
MARKDOWN: Final = MarkdownIt("commonmark", {"html": False})
PLAIN: Final = ["", [], []]
#: Letters of a table's size that stand beside each other, and the longest word that is not broken.
BOLD: Final = 1.15  # how much wider letters are in bold
LINE, TURNED_LINE, LONGEST_WORD = 112, 172, 18
W: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def node(kind: str, *contents: Any) -> Node:
    """Return a node; one with several contents holds them as a list."""
    if not contents:
        return {"t": kind}
    return {"t": kind, "c": contents[0] if len(contents) == 1 else list(contents)}


def text(words: str) -> Nodes:
    """Return words as they stand; a new line is a line break."""
    found: Nodes = []
    for line in printable(words).splitlines():
        found += [node("LineBreak")] * bool(found)
        for word in line.split(" "):
            found += [node("Space")] * bool(found and found[-1]["t"] == "Str")
            found += [node("Str", word)] * bool(word)
    return found


def paragraph(*inlines: Node) -> Node:
    """Return a paragraph."""
    return node("Para", list(inlines))


def heading(level: int, title: str, name: str, number: int) -> Node:
    """Return a heading with a name that links go to, and a bookmark of Word with a number."""
    # Pandoc's own bookmark stands before the heading, where some programs do not find it.
    number += OWN_BOOKMARKS
    begun = f'<w:bookmarkStart w:id="{number}" w:name="{_bookmark(name)}"/>'
    mark = node("RawInline", "openxml", f'{begun}<w:bookmarkEnd w:id="{number}"/>')
    return node("Header", level, [name, [], []], [mark, *text(title)])


def _bookmark(name: str) -> str:
    return f"page_{name.replace('-', '_')}"


def strong(words: str) -> Node:
    """Return words in bold."""
    return node("Strong", text(words))


def marked(words: str) -> Node:
    """Return words on yellow: somebody has to write what they ask for."""
    return on_yellow(text(words))


def on_yellow(inlines: Nodes) -> Node:
    """Return inlines on yellow, as `marked` does with words."""
    return node("Span", ["", ["mark"], []], inlines)


def link_to(name: str, words: str) -> Node:
    """Return a link to a heading."""
    return node("Link", PLAIN, text(words), [f"#{name}", ""])


def page_number(name: str) -> Node:
    """Return a field of Word that holds the page on which a heading stands."""
    field = f'<w:fldSimple w:instr=" PAGEREF {_bookmark(name)} \\h " w:dirty="true">'
    return node("RawInline", "openxml", f"{field}<w:r><w:t>–</w:t></w:r></w:fldSimple>")


def cite(told: Node, keys: Sequence[str]) -> None:
    """Cite works of the bibliography at the end of a paragraph, before its full stop."""
    cited = [
        {
            "citationId": key,
            "citationPrefix": [],
            "citationSuffix": [],
            "citationMode": node("NormalCitation"),
            "citationNoteNum": 1,
            "citationHash": 0,
        }
        for key in keys
    ]
    last = told["c"][-1]
    stop = [node("Str", ".")] * last["c"].endswith(".")
    last["c"] = last["c"].removesuffix(".")
    told["c"] += [node("Space"), node("Cite", cited, []), *stop]


def references() -> Node:
    """Return the place where the works that are cited are listed."""
    return node("Div", ["refs", [], []], [])


def figure(number: int, caption: str, alt: str, file: str, width: float) -> Node:
    """Return a picture with its number, caption and text for those who listen; width in cm."""
    image = node("Image", ["", [], [["width", f"{width:.2f}cm"]]], text(alt), [file, ""])
    told = [strong(f"Figure {number}."), node("Space"), *text(caption)]
    return node("Figure", PLAIN, [None, [node("Plain", told)]], [node("Plain", [image])])


# --- prose ----------------------------------------------------------------------------------------


def of_prose(told: Prose) -> Nodes:
    """Return Markdown whose words are escaped, as it reads on a page."""
    blocks: Nodes = []
    level = 0
    for token in MARKDOWN.parse(told):
        if token.type == "heading_open":
            level = int(token.tag[1])
        elif token.type == "inline":
            inlines = _inlines(iter(token.children or []))
            blocks.append(node("Header", level, PLAIN, inlines) if level else paragraph(*inlines))
            level = 0
    return blocks


def _inlines(tokens: Iterator[Token], until: str = "") -> Nodes:
    found: Nodes = []
    for token in tokens:
        if token.type == until:
            break
        if token.type in ("strong_open", "em_open"):
            kind = {"strong_open": "Strong", "em_open": "Emph"}[token.type]
            found.append(node(kind, _inlines(tokens, token.type.replace("open", "close"))))
        elif token.type == "code_inline":
            found.append(node("Code", PLAIN, printable(token.content)))
        elif token.type in ("softbreak", "hardbreak"):
            found.append(node("Space"))
        elif token.content:
            found += _with_ends(token.content)
    return found


def _with_ends(words: str) -> Nodes:
    """Return words with the spaces at their ends, which part them from what is bold."""
    before = [node("Space")] * words.startswith(" ")
    return [*before, *text(words), *[node("Space")] * (words.endswith(" ") and bool(words.strip()))]


# --- tables ---------------------------------------------------------------------------------------


def of_table(number: int, table: Table) -> Nodes:
    """Return a table with its number and caption, and what stands below it."""
    columns = [column for column in table.frame.columns if column != table.group]
    heads = [str(column) for column in columns]
    caption = [strong(f"Table {number}."), node("Space"), *text(table.caption)]
    sides = ["AlignRight" if column in table.numeric else "AlignLeft" for column in columns]
    needed, wanted = _letters(heads, table.frame[columns])
    is_wide = sum(needed) > LINE
    widths = _widths(needed, wanted, TURNED_LINE if is_wide else LINE)
    made = _table(caption, heads, list(zip(sides, widths, strict=True)), _rows(table, columns))
    note = [node("Div", ["", [], [["custom-style", "Table Note"]]], [paragraph(*text(table.note))])]
    found = [made, *note * bool(table.note)]
    return [_end_of_pages(), *found, _end_of_pages(turned=True)] if is_wide else found


def _end_of_pages(*, turned: bool = False) -> Node:
    """Return the end of pages of one direction: upright, or turned for a wide table."""
    return node("RawBlock", "openxml", f"<w:p><w:pPr>{pages(turned=turned)}</w:pPr></w:p>")


def pages(*, turned: bool = False) -> str:
    """Return what Word calls a section: A4, numbered lines, the number of the page at its foot."""
    wide, high, way = (16838, 11906, "landscape") if turned else (11906, 16838, "portrait")
    margins = " ".join(f'w:{side}="1417"' for side in ("top", "right", "bottom", "left"))
    return (
        f'<w:sectPr xmlns:w="{W}" xmlns:r="{R}"><w:footerReference w:type="default" '
        f'r:id="rIdFooter"/><w:pgSz w:w="{wide}" w:h="{high}" w:orient="{way}"/><w:pgMar {margins} '
        'w:header="708" w:footer="708" w:gutter="0"/>'
        '<w:lnNumType w:countBy="1" w:restart="continuous"/></w:sectPr>'
    )


def of_checklist(rows: Iterable[tuple[str, str, Nodes]]) -> Nodes:
    """Return a checklist: the number of each item, what it asks for, and where that stands."""
    body = [
        _row([_cell(text(item)), _cell(text(asks)), _cell(place)]) for item, asks, place in rows
    ]
    heads = ["Item", "What is to be reported", "Where it is reported"]
    return [_table([], heads, [("AlignLeft", share) for share in (0.08, 0.42, 0.5)], body)]


def _table(
    caption: Nodes, heads: Sequence[str], columns: Sequence[tuple[str, float]], rows: Iterable[Any]
) -> Node:
    return node(
        "Table",
        PLAIN,
        [None, [node("Plain", caption)] if caption else []],
        [[node(side), node("ColWidth", width)] for side, width in columns],
        [PLAIN, [_row([_cell(text(head)) for head in heads])]],
        [[PLAIN, 0, [], list(rows)]],
        [PLAIN, []],
    )


def _rows(table: Table, columns: Sequence[str]) -> Iterator[list[Any]]:
    heads = [None] * len(table.frame) if table.group is None else table.frame[table.group].tolist()
    rows = zip(heads, table.frame[list(columns)].itertuples(index=False), strict=True)
    for head, inside in itertools.groupby(rows, key=lambda row: row[0]):
        if table.group is not None:
            yield _row([_cell([strong(_words(head))], span=len(columns))])
        for _, cells in inside:
            yield _row([_cell(text(_words(cell))) for cell in cells])


def _row(cells: list[Any]) -> list[Any]:
    return [PLAIN, cells]


def _cell(inlines: Nodes, span: int = 1) -> list[Any]:
    # An empty paragraph would have the size of the text, and so a high row.
    return [PLAIN, node("AlignDefault"), 1, span, [node("Plain", inlines or [node("Str", NBSP)])]]


def _words(value: object) -> str:
    absent = value is None or value is pd.NA or (isinstance(value, float) and value != value)
    return "" if absent else str(value)


def _letters(heads: Sequence[str], cells: pd.DataFrame) -> tuple[list[int], list[int]]:
    """Return how many letters each column needs for its words, and how many its lines have."""
    words, lines = list[int](), list[int]()
    for place, head in enumerate(heads):
        column = [_words(cell) for cell in cells.iloc[:, place]]
        longest = [len(word) * BOLD for word in head.split()]
        longest += [len(word) for cell in column for word in cell.split()]
        words.append(2 + round(min(max(longest, default=1), LONGEST_WORD)))
        lengths = sorted(len(line) for cell in column for line in cell.splitlines())
        lines.append(lengths[int(len(lengths) * 0.9)] if lengths else 0)
    return words, lines


def _widths(words: Sequence[int], lines: Sequence[int], line: int) -> list[float]:
    """Return the share of the width of each column: its longest word first, then its lines."""
    room = max(0, line - sum(words))
    wanted = [max(0, long - word) for long, word in zip(lines, words, strict=True)]
    given = min(1.0, room / (sum(wanted) or 1))
    widths = [word + given * more for word, more in zip(words, wanted, strict=True)]
    return [width / sum(widths) for width in widths]


def document(blocks: Iterable[Node], *, title: str, authors: Iterable[str]) -> dict[str, Any]:
    """Return a whole document, with what its file says of itself."""
    people = node("MetaList", [node("MetaInlines", text(name)) for name in authors])
    meta = {
        "title": node("MetaInlines", text(title)),
        "author": people,
        "lang": node("MetaInlines", text("en-GB")),
    }
    return {"pandoc-api-version": VERSION, "meta": meta, "blocks": list(blocks)}
