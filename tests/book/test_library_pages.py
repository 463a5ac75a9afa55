"""The pages on the library: every public name once, every example right, no page too heavy."""

from __future__ import annotations

import collections
import contextlib
import importlib
import inspect
import io
import re
from pathlib import Path
from types import ModuleType

import matplotlib.pyplot as plt
import pytest
from places import HTML, ROOT

import analysis_lib as al
from analysis_lib import importing, plots
from analysis_lib.printed import audit as consistency
from analysis_lib.printed import reconstruction

PAGES = sorted((ROOT / "book").glob("api*.md"))
PAGES_HTML = HTML / "book"
HEAVIEST = 400_000  # bytes of HTML
WIDEST = 88  # characters: what a code block shows on a desktop without being moved
DIRECTIVE = re.compile(r"^\.\. automodule:: (?P<module>\S+)\n   :members:(?P<names>.*)$", re.M)


def documented() -> collections.Counter[str]:
    """Return how often the pages document each class and function, by the page's name for it."""
    found: collections.Counter[str] = collections.Counter()
    for page in PAGES:
        for match in DIRECTIVE.finditer(page.read_text(encoding="utf-8")):
            module = importlib.import_module(match["module"])
            names = [name.strip() for name in match["names"].split(",") if name.strip()]
            found.update(f"{module.__name__}.{name}" for name in names or members(module))
    return found


def members(module: ModuleType) -> list[str]:
    """Return what autodoc takes of a module: what is defined there and has a docstring."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
        and value.__doc__
    ]


def resolved(name: str) -> object:
    """Return what a full name stands for."""
    module, _, member = name.rpartition(".")
    return getattr(importlib.import_module(module), member)


@pytest.mark.parametrize(
    "package", [al, consistency, importing, plots, reconstruction], ids=lambda p: p.__name__
)
def test_every_exported_name_is_documented_once(package: ModuleType) -> None:
    pages_have = [resolved(name) for name in documented().elements()]
    exported = {name: getattr(package, name) for name in package.__all__}
    counts = {name: pages_have.count(value) for name, value in exported.items() if callable(value)}
    assert len(counts) >= 3  # or the loop above did not see them
    assert {name: count for name, count in counts.items() if count != 1} == {}


def test_nothing_is_documented_twice() -> None:
    found = [resolved(name) for name in documented().elements()]
    assert [value for value in found if found.count(value) > 1] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_example_at_the_top_prints_what_the_page_says(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    text = page.read_text(encoding="utf-8")
    code = "".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    (said,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    assert text.index("```text") < text.find("\n## ") or "\n## " not in text
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, page.name, "exec"), {})
    plt.close("all")
    assert out.getvalue().strip() == said.strip()
    assert all(len(line) <= WIDEST for line in code.splitlines()), "wider than the page"


def test_the_overview_leads_to_every_page() -> None:
    overview = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    for page in PAGES:
        assert f"file: book/{page.stem}\n" in contents
        assert page.stem == "api" or f"<{page.stem}>`" in overview


@pytest.mark.skipif(not HTML.is_dir(), reason="the book is not built: run make book")
def test_no_page_on_the_library_is_heavy() -> None:
    weights = {page.stem: (PAGES_HTML / f"{page.stem}.html").stat().st_size for page in PAGES}
    assert {name: weight for name, weight in weights.items() if weight >= HEAVIEST} == {}
