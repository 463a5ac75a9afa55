"""Tables that come as HTML count in one row with those that Sphinx knows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

SETTINGS = """\
extensions = ["myst_parser", "analysis_lib.book.sphinx.table_numbers"]
root_doc = "first"
numfig = True
"""
HTML_TABLE = "<table><caption>{}</caption><tr><td>1</td></tr></table>\n"
FIRST = f"""\
# First

{HTML_TABLE.format("As HTML")}
See {{numref}}`known`.

```{{toctree}}
third
second
```
"""
SECOND = f"""\
# Second

```{{list-table}} Known to Sphinx
:name: known

* - 1
```

<div>{HTML_TABLE.format("One").strip()}{HTML_TABLE.format("Two").strip()}</div>
"""
THIRD = f"""\
# Third

| without | a caption |
|---|---|
| 1 | 2 |

{HTML_TABLE.format("Elsewhere")}
"""


@pytest.mark.parametrize("builder", ["html", "singlehtml"])
def test_tables_are_counted_in_the_order_of_the_contents(builder: str, tmp_path: Path) -> None:
    texts = {"conf.py": SETTINGS, "first.md": FIRST, "second.md": SECOND, "third.md": THIRD}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", builder, tmp_path, out]
    subprocess.run(command, check=True)
    pages = ("first", "third", "second") if builder == "html" else ("first",)
    soups = [BeautifulSoup((out / f"{p}.html").read_text("utf-8"), "html.parser") for p in pages]
    captions = [c.get_text().rstrip("#¶") for soup in soups for c in soup.find_all("caption")]
    assert captions == [
        "Table 1 As HTML",
        "Table 2 Elsewhere",
        "Table 3 Known to Sphinx",
        "Table 4 One",
        "Table 5 Two",
    ]
    reference = soups[0].select_one(".std-numref")
    assert reference is not None
    assert reference.get_text() == "Table 3"
