"""Do the numbers in the prose of a notebook say what its cells computed, and no more than text?"""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from analysis_lib.base.errors import ReviewError
from analysis_lib.book.numbers import STORED, as_roles, stored_values, with_numbers, write_numbers

TAG = re.compile(r"<[^>]*>")


def shown(markdown: str) -> str:
    """Return what a reader of rendered Markdown sees of it."""
    return unescape(TAG.sub("", MarkdownIt("gfm-like", {"html": True}).render(markdown))).strip()


def notebook(prose: str, **values: object) -> dict[str, Any]:
    outputs = [
        {"metadata": {"scrapbook": {"name": name}}, "data": {STORED: repr(value)}}
        for name, value in values.items()
    ]
    figure = {"metadata": {}, "data": {"image/svg+xml": "<svg/>"}}
    return {
        "cells": [
            {"cell_type": "markdown", "source": prose},
            {"cell_type": "code", "source": "1", "outputs": [figure, *outputs]},
        ]
    }


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("n:d", 778, "778"),
        ("n:.0f", 47.6, "48"),
        ("n:+.2f", 0.3, "+0.30"),
        ("n:.2f", -0.5, "-0.50"),
        ("n:s", "−0.52 (−0.92 to −0.08)", "−0.52 (−0.92 to −0.08)"),
        ("n:s", "p < 0.001", "p < 0.001"),
    ],
)
def test_a_number_is_written_in_its_format(name: str, value: object, text: str) -> None:
    page = notebook(f"Of <data value='{name}'>old</data> people.", n=value)
    write_numbers(page)
    prose = page["cells"][0]["source"]
    assert shown(prose) == f"Of {text} people."
    assert "\\" not in prose
    assert as_roles(prose) == f"Of {{glue:text}}`{name}` people."
    again = with_numbers(prose, stored_values(page))
    assert again == prose


def test_cells_of_code_stay_as_they_are() -> None:
    page = notebook("none", n=1)
    page["cells"][1]["source"] = source = "<data value='n:d'>2</data>"
    write_numbers(page)
    assert page["cells"][1]["source"] == source


def test_a_name_that_nobody_stores_is_told() -> None:
    with pytest.raises(ReviewError, match="etp-p: no cell stores"):
        write_numbers(notebook("<data value='etp-p:.3f'>0.022</data>", other=1))


@pytest.mark.slow
@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1))
def test_words_from_the_data_are_text_and_nothing_else(words: str) -> None:
    prose = with_numbers("A <data value='n:s'></data> b", {"n": repr(words)})
    assert shown(prose).split() == f"A {words} b".split()
    assert with_numbers(prose, {"n": repr("c")}) == "A <data value='n:s'>c</data> b"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"])))
def test_a_notebook_is_read_as_before_but_for_its_numbers(words: str) -> None:
    prose = with_numbers("A <data value='n:s'></data> b, *c* <span>d</span>", {"n": repr(words)})
    stored = json.dumps({"source": [prose]})
    roles = {"source": ["A {glue:text}`n:s` b, *c* <span>d</span>"]}
    assert json.loads(as_roles(stored)) == roles
