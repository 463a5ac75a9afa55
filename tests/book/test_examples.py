"""The examples that readers copy: those of the docstrings, and that of the page on the library."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import pkgutil
import re

import matplotlib.pyplot as plt
import pytest
from places import ROOT

import analysis_lib as al

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(al.__path__, "analysis_lib.")
    if module.name != "analysis_lib.__main__"
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_the_docstrings_are_right(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    tests = doctest.DocTestFinder().find(importlib.import_module(name))
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in tests:
        runner.run(test)
    plt.close("all")
    assert runner.summarize(verbose=False).failed == 0


def test_the_first_example_of_the_library_prints_what_its_page_says() -> None:
    page = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
    start, example = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[:2]
    printed = re.findall(r"```text\n(.*?)```", page, re.DOTALL)[0]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(start + example, "api.md", "exec"), {})
    assert out.getvalue() == printed
    assert "tau2  0.3132" in printed
    assert "estimate  −0.7145" in printed
