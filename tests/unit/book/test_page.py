"""Does what a notebook shows reach the page whole, escaped, and the same on every machine?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup, Tag
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT
from properties import examples

from analysis_lib import plots
from analysis_lib.base.errors import ReviewError
from analysis_lib.book import page as book

HOSTILE = "<script>alert('x')</script> & \"quoted\" <b onclick=1>"
PROPERTY = examples(100)
SIX_DIGITS = 5e-6  # half a unit of the sixth significant digit, relative: what rounding may change


@pytest.fixture
def glued(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Return what the prose of a page could glue."""
    stored: dict[str, object] = {}

    def glue(name: str, value: object, display: bool) -> None:
        assert display is False
        stored[name] = value

    monkeypatch.setattr("myst_nb.glue", glue)
    return stored


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, dict[str, Any]]]:
    """Return what a notebook displays."""
    stored: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr(book, "display", lambda thing, **options: stored.append((thing, options)))
    return stored


# Numbers for the prose


def test_numbers_are_stored_as_plain_python_numbers(glued: dict[str, object]) -> None:
    book.publish(
        {
            "count": np.int64(806),
            "whole": np.float64(12.0),
            "share": np.float32(0.5),
            "nullable": pd.array([7], dtype="Int64")[0],
            "yes": True,
            "words": "Aasa 2015",
        }
    )
    assert glued == {
        "count": 806,
        "whole": 12,
        "share": 0.5,
        "nullable": 7,
        "yes": 1,
        "words": "Aasa 2015",
    }
    assert {name: type(value) for name, value in glued.items()} == {
        "count": int,
        "whole": int,
        "share": float,
        "nullable": int,
        "yes": int,
        "words": str,
    }


def test_names_carry_their_prefix(glued: dict[str, object]) -> None:
    book.publish({"n": 1}, prefix="pain-ETP")
    book.publish({"n": 2})
    assert glued == {"pain-ETP-n": 1, "n": 2}


def test_numbers_keep_six_significant_digits(glued: dict[str, object]) -> None:
    book.publish({"a": -0.123456789, "b": 1234.56789, "c": 1.23456789e-9})
    assert glued == {"a": -0.123457, "b": 1234.57, "c": 1.23457e-09}


def test_counts_keep_all_their_digits(glued: dict[str, object]) -> None:
    book.publish({"n": 123456789, "m": 123456789.0})
    assert glued == {"n": 123456789, "m": 123456789}


def test_the_noise_of_arithmetic_changes_nothing(glued: dict[str, object]) -> None:
    book.publish({"sum": 0.1 + 0.2, "plain": 0.3, "five": 5.000000001, "exactly": 5.0})
    assert repr(glued["sum"]) == repr(glued["plain"]) == "0.3"
    assert repr(glued["five"]) == repr(glued["exactly"]) == "5"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -np.inf, np.nan, None, pd.NA])
def test_what_is_no_number_is_refused_by_name(glued: dict[str, object], value: object) -> None:
    with pytest.raises(ValueError, match=r"^tau2: .* cannot stand in a sentence"):
        book.publish({"tau2": value})
    assert glued == {}


@given(value=st.floats(allow_nan=False, allow_infinity=False))
@PROPERTY
def test_rounding_stays_within_six_digits_and_rounds_once(value: float) -> None:
    stored = book._plain("value", value)
    assert isinstance(stored, int | float)
    assert abs(stored - value) <= SIX_DIGITS * abs(value)
    assert book._plain("value", stored) == stored


# Tables


def soup(table: pd.DataFrame, caption: str = "Caption", **options: Any) -> BeautifulSoup:
    return BeautifulSoup(book.table_html(table, caption, **options), "html.parser")


def one(page: BeautifulSoup | Tag, selector: str) -> Tag:
    (tag,) = page.select(selector)
    return tag


def texts(page: BeautifulSoup | Tag, selector: str) -> list[str]:
    return [tag.get_text() for tag in page.select(selector)]


def trials() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Trial": ["Aasa", "Cai", "Cai", "Kell"],
            "n": ["35", "28", "28", "9"],
            "side": ["loaded", "loaded", "unloaded", "unloaded"],
        }
    )


def test_a_table_has_caption_headers_and_a_place_to_scroll() -> None:
    page = soup(trials(), "Arms of the trials", name="arms", note="nr: not reported")
    assert texts(page, "table > caption") == ["Arms of the trials"]
    assert texts(page, "thead th[scope=col]") == ["Trial", "n", "side"]
    assert texts(page, "tbody th[scope=row]") == ["Aasa", "Cai", "Cai", "Kell"]
    assert texts(page, "tbody tr:first-child td") == ["35", "loaded"]
    assert texts(page, "p.table-note") == ["nr: not reported"]
    block = one(page, "div.table-block")
    assert block["id"] == "arms"
    scroll = one(block, "div.table-scroll")
    assert (scroll["role"], scroll["tabindex"]) == ("region", "0")
    assert scroll["aria-label"] == "Arms of the trials"


def test_without_name_and_note_there_is_neither() -> None:
    page = soup(trials())
    assert not page.select("[id]")
    assert not page.select("p")


def test_numbers_stand_on_the_right_in_head_and_body() -> None:
    page = soup(trials(), numeric=["n"])
    assert texts(page, ".number") == ["n", "35", "28", "28", "9"]


def test_rows_stand_under_the_heading_of_their_group() -> None:
    page = soup(trials(), group="side")
    assert texts(page, "thead th") == ["Trial", "n"]
    bodies = page.select("tbody")
    assert [texts(body, "tr.group th[scope=rowgroup]") for body in bodies] == [
        ["loaded"],
        ["unloaded"],
    ]
    assert [texts(body, "th[scope=row]") for body in bodies] == [["Aasa", "Cai"], ["Cai", "Kell"]]
    assert {th["colspan"] for th in page.select("tr.group th")} == {"2"}


def test_a_group_that_comes_back_gets_its_heading_again() -> None:
    page = soup(trials().iloc[[0, 2, 1]], group="side")
    assert texts(page, "tr.group") == ["loaded", "unloaded", "loaded"]


@pytest.mark.parametrize("where", ["cell", "head", "column", "caption", "note", "name", "group"])
def test_text_is_never_taken_for_html(where: str) -> None:
    def text(place: str) -> str:
        return HOSTILE if place == where else place

    table = pd.DataFrame(
        {text("column"): [text("head")], "b": [text("cell")], "c": [text("group")]}
    )
    page = soup(table, text("caption"), note=text("note"), name=text("name"), group="c")
    assert HOSTILE in page.get_text() or one(page, "div.table-block")["id"] == book.anchor(HOSTILE)
    assert not page.select("script, b")
    assert not [tag for tag in page.find_all(True) if set(tag.attrs) & {"onclick"}]
    if where == "caption":
        assert one(page, "div.table-scroll")["aria-label"] == HOSTILE


@pytest.mark.parametrize("absent", [None, np.nan, pd.NA, float("nan")])
def test_an_absent_value_is_an_empty_cell(absent: object) -> None:
    table = pd.DataFrame({"a": ["x"], "b": [absent]}, dtype=object)
    assert texts(soup(table), "td") == [""]


def test_a_line_break_does_not_end_the_html() -> None:
    table = pd.DataFrame({"a": ["one\n\n```{raw} html\ntwo"], "b": [0]})
    html = book.table_html(table, "Caption")
    assert "\n" not in html
    assert "one<br><br>```{raw} html<br>two" in html


def test_values_are_shown_as_they_are() -> None:
    table = pd.DataFrame({"a": ["x"], "n": [3], "f": [2.5], "z": [0]})
    assert texts(soup(table), "td") == ["3", "2.5", "0"]


def test_a_table_without_rows_still_has_its_head() -> None:
    page = soup(trials().iloc[:0], group="side")
    assert texts(page, "th") == ["Trial", "n"]
    assert not page.select("tr + tr")


def test_show_table_shows_the_same_html(shown: list[tuple[Any, dict[str, Any]]]) -> None:
    book.show_table(trials(), "Arms", group="side", numeric=["n"])
    ((thing, _),) = shown
    assert thing.data == book.table_html(trials(), "Arms", group="side", numeric=["n"])


# Figures


@pytest.fixture
def close_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.mark.usefixtures("close_figures")
def test_a_figure_carries_its_words_and_is_closed(
    shown: list[tuple[Any, dict[str, Any]]],
) -> None:
    before = plt.get_fignums()
    book.show_figure(plots.statement("No trial\nmeasured this.", title="Fear"), "fig-none")
    ((thing, options),) = shown
    assert options["metadata"] == {
        "figure": {
            "name": "fig-none",
            "alt": "No trial measured this.",
            "caption": "Fear. No trial measured this.",
        }
    }
    assert plt.get_fignums() == before
    text = " ".join(texts(BeautifulSoup(thing.data, "html.parser"), "text"))
    assert "measured this." in text


@pytest.mark.usefixtures("close_figures")
def test_the_same_figure_is_the_same_text(shown: list[tuple[Any, dict[str, Any]]]) -> None:
    for _ in range(2):
        book.show_figure(plots.statement("Nothing to show."), "fig-none")
    first, second = (thing.data for thing, _ in shown)
    assert first == second
    assert not re.search(r"\d{4}-\d\d-\d\dT|/home/|/work/|matplotlib v", first, re.IGNORECASE)


@pytest.mark.usefixtures("close_figures")
def test_a_figure_of_another_origin_is_refused() -> None:
    _, ax = plt.subplots()
    with pytest.raises(KeyError, match="carries no description"):
        book.show_figure(ax, "fig-other")


def test_a_stored_table_is_found_from_a_folder_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "notebooks")
    assert {"family", "worst_error"} <= set(book.stored_table("r_agreement").columns)


def test_a_stored_table_that_is_not_there_is_named() -> None:
    with pytest.raises(ReviewError, match=r"book/tables/nothing\.csv"):
        book.stored_table("nothing")
