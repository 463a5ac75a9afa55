"""Tables made ready for narrow screens: each cell says what it is, where a row becomes a card.

A table whose words fit a telephone stays a table. One that does not becomes a card a row there, and
in every wider column that it does not fit either; the roles are written out, since a style that
takes a table apart takes its meaning from it, too.
"""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Tag

#: Letters of 14.4 pixels that a line of a telephone holds, and what a gap between cells takes.
ROOM, GAP = 42, 3
#: Below this width of their column, in pixels, tables become cards (``review.css``), and no column
#: is narrower than that of the smallest telephone.
CARDS, NARROWEST = 620, 280
#: Width of a letter in pixels, and that of tables which the style sets closer: a wide font's.
LETTER, CLOSE_LETTER, CLOSE_COLUMNS = 7.4, 6.1, 7
NO_BREAK = "\N{NO-BREAK SPACE}"
DATE = re.compile(r"\d{4}-\d{2}(-\d{2})?")
ROLES = {"thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "td": "cell"}


def for_screens(html: str) -> str:
    """Return HTML whose tables are cards on a telephone where they do not fit it.

    Parameters
    ----------
    html
        What `analysis_lib.book.page.table_html` makes; other HTML is left as it is.
    """
    if 'class="review"' not in html:
        return html
    soup = BeautifulSoup(html, "html.parser")
    for table in soup.select("table.review"):
        for cell in table.find_all("td"):
            if DATE.fullmatch(cell.get_text()):
                cell["class"] = " ".join([*cell.get_attribute_list("class"), "date"])
        heads = [head.get_text(" ", strip=True) for head in table.select("thead th")]
        if needed(table, heads) > ROOM:
            make_cards(table, heads)
    return str(soup)


def beyond(table: Tag, heads: list[str]) -> float:
    """Return how many pixels a table needs beyond the width below which tables become cards."""
    letter = CLOSE_LETTER if len(heads) >= CLOSE_COLUMNS else LETTER
    room = needed(table, heads, whole=False) * letter - CARDS
    return min(max(room, 0), NARROWEST)


def needed(table: Tag, heads: list[str], *, whole: bool = True) -> int:
    """Return how many letters side by side a table cannot do without: its longest words.

    Parameters
    ----------
    table, heads
        A table, and what heads its columns.
    whole
        Whether a cell with a number counts as one word.
    """
    columns = [[head] for head in heads]
    for row in table.select("tbody tr:not(.group)"):
        for column, cell in zip(columns, row.find_all(["th", "td"], recursive=False), strict=False):
            text = cell.get_text(" ")
            column.append(text.replace(" ", NO_BREAK) if whole and is_number(cell) else text)
    # A space that does not break holds the ends of an interval together.
    longest = [max(len(word) for text in texts for word in text.split(" ")) for texts in columns]
    return sum(longest) + GAP * len(columns)


def is_number(cell: Tag) -> bool:
    """Return whether a cell holds a number."""
    return cell.name == "td" and "number" in cell.get_attribute_list("class")


def make_cards(table: Tag, heads: list[str]) -> None:
    """Give each cell of a table its label, each part its role, and its block the room it needs."""
    block, room = table.find_parent(class_="table-block"), beyond(table, heads)
    if block is not None and room:
        block["style"] = f"--beyond: {room:.0f}px"
    table["class"] = "review cards"
    table["role"] = "table"
    for name, role in ROLES.items():
        for part in table.find_all(name):
            part["role"] = role
    for column in table.select("thead th"):
        column["role"] = "columnheader"
    for row in table.select("tbody tr"):
        for head, cell in zip(heads, row.find_all(["th", "td"], recursive=False), strict=False):
            if cell.name == "td":
                cell["data-label"] = head
            else:
                cell["role"] = "rowheader"
