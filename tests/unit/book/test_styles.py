"""Style sheets keep what pages can use, whatever stands in them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis_lib.book.engine import styles, weight

#: Names of classes, and words that a page has.
NAMES = st.sampled_from(["a", "b-c", "d_e", "f1"])


@pytest.mark.parametrize(
    ("css", "kept"),
    [
        (".a{top:0}.x{top:1px}", ".a{top:0}"),
        (".x,.a>b,.a.x{top:0}", ".a>b{top:0}"),
        ("@media print{.x{top:0}}p{top:0}", "p{top:0}"),
        ("@media print{.x{top:0}.a{top:0}}", "@media print{.a{top:0}}"),
        ("@media print{@supports (top:0){.a{top:0}}.x{y:0}}",
         "@media print{@supports (top:0){.a{top:0}}}"),
        ("@font-face{src:url(x;{.woff)}", "@font-face{src:url(x;{.woff)}"),
        ("@keyframes x{from{top:0}to{top:1px}}", "@keyframes x{from{top:0}to{top:1px}}"),
        ("@charset \"utf-8\";.a{top:0}", "@charset \"utf-8\";.a{top:0}"),
        (".a:not(.x){top:0}", ".a:not(.x){top:0}"),
        (":is(.x,.a) p{top:0}", ":is(.x,.a) p{top:0}"),
        ('[class*=".x"]{top:0}', '[class*=".x"]{top:0}'),
        ('.a::before{content:"}.x{"}', '.a::before{content:"}.x{"}'),
        ("/* .x { */.a{top:0}", ".a{top:0}"),
        (r".w-1\/2{top:0}.a\:b{top:0}", r".w-1\/2{top:0}"),
    ],
)  # fmt: skip
def test_rules_stay_where_a_page_has_their_names(css: str, kept: str) -> None:
    assert styles.cut(css, {"a", "w-1/2", "b"}) == kept


def test_a_sheet_that_is_not_understood_stays_whole() -> None:
    broken = '.x{top:0}.a{content:"never closed}'
    assert styles.cut(broken, {"a"}) == broken


@given(st.lists(st.tuples(NAMES, NAMES), max_size=6), st.sets(NAMES))
def test_no_rule_whose_names_are_all_on_a_page_is_lost(
    rules: list[tuple[str, str]], words: set[str]
) -> None:
    css = "".join(f".{one} #{other}{{order:{n}}}" for n, (one, other) in enumerate(rules))
    kept = [int(n) for n in re.findall(r"order:(\d+)", styles.cut(css, words))]
    assert kept == [n for n, names in enumerate(rules) if words.issuperset(names)]


def test_scripts_wait_and_come_only_where_they_find_something() -> None:
    options = '<script src="../_static/documentation_options.js?v=1"></script>'
    copy = '<script src="../_static/copybutton.js?v=1"></script>'
    own = '<script data-x="y" src="../_static/book.js?v=1"></script>'
    inline = "<script>let x = 1;</script>"
    page = weight.later(options + copy + own + inline)
    assert page == options + own.replace("<script", "<script defer") + inline
    assert "copybutton" in weight.later(f"{copy}<pre>code</pre>")
