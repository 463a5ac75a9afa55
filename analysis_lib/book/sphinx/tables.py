"""Tables made ready for narrow screens: each cell says what it is, where a row becomes a card.

A table whose words fit a telephone stays a table. One that does not becomes a card a row there; the
roles are written out, since a style that takes a table apart takes its meaning from it, too.
"""

from __future__ import annotations

from bs4 import BeautifulSoup, Tag

#: Letters of 14.4 pixels that a line of a telephone holds, and what a gap between cells takes.
ROOM, GAP = 42, 3
NO_BREAK = "\N{NO-BREAK SPACE}"
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
        heads = [head.get_text(" ", strip=True) for head in table.select("thead th")]
        if needed(table, heads) > ROOM:
            make_cards(table, heads)
    return str(soup)


def needed(table: Tag, heads: list[str]) -> int:
    """Return how many letters side by side a table cannot do without: its longest words."""
    columns = [[head] for head in heads]
    for row in table.select("tbody tr:not(.group)"):
        for column, cell in zip(columns, row.find_all(["th", "td"], recursive=False), strict=False):
            text = cell.get_text(" ")
            column.append(text.replace(" ", NO_BREAK) if is_number(cell) else text)
    # A space that does not break holds the ends of an interval together.
    longest = [max(len(word) for text in texts for word in text.split(" ")) for texts in columns]
    return sum(longest) + GAP * len(columns)


def is_number(cell: Tag) -> bool:
    """Return whether the style keeps a cell on one line."""
    return cell.name == "td" and "number" in cell.get_attribute_list("class")


def make_cards(table: Tag, heads: list[str]) -> None:
    """Give each cell of a table its label, and each part its role."""
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
