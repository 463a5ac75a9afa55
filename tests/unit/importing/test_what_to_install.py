"""Does the advice to install something bring what is missing?"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from typing import Any

import pytest
from packaging.requirements import Requirement
from places import ROOT

from analysis_lib import __main__ as command
from analysis_lib.__main__ import NOT_OF_A_BOOK, main

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def named(lines: list[str]) -> set[str]:
    """Return the packages of a list, and all that these need."""
    found: set[str] = set()
    waiting = [Requirement(line).name.lower() for line in lines if "analysis-lib[" not in line]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name not in found:
            found.add(name)
            try:
                needed = [Requirement(line) for line in requires(name) or ()]
            except ModuleNotFoundError:
                continue  # of another system
            waiting += [
                r.name for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})
            ]
    return found


def imported() -> set[str]:
    """Return the packages that any module of the library imports."""
    found = set()
    for path in (ROOT / "analysis_lib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return {name for name in found if name not in sys.stdlib_module_names}


@pytest.mark.slow
def test_what_the_extra_does_not_bring_has_advice_of_its_own() -> None:
    brought = named([*PROJECT["dependencies"], *EXTRAS["book"]])
    distributions = packages_distributions()
    lacking = {
        name
        for name in imported() - {"analysis_lib"}
        if not any(
            re.sub(r"[-_.]+", "-", d).lower() in brought for d in distributions.get(name, ())
        )
    }
    told = {name for name in lacking if name in distributions} - NOT_OF_A_BOOK.keys()
    assert not told
    for name, advice in NOT_OF_A_BOOK.items():
        extra = re.search(r"analysis-lib\[(\w+)\]", advice)
        lines = EXTRAS[extra[1]] if extra else re.findall(r"pip install '(.*?)'", advice)
        packages = {Requirement(line).name for line in lines if "analysis-lib[" not in line}
        assert packages & {name, f"{name}-binary"}


def test_the_version_of_what_prints_is_that_of_the_tests() -> None:
    (tested,) = (line for line in EXTRAS["test"] if line.startswith("playwright"))
    assert tested in NOT_OF_A_BOOK["playwright"]


@pytest.mark.parametrize("module", ["playwright.sync_api", "playwright", "jupyter_book"])
def test_the_command_says_it(monkeypatch: pytest.MonkeyPatch, capsys: Any, module: str) -> None:
    def lacks(_options: object) -> list[str]:
        raise ModuleNotFoundError(name=module)

    monkeypatch.setattr(command, "_pdf", lacks)
    assert main(["pdf"]) == 1
    told = capsys.readouterr().err
    assert ("playwright>=" in told, "[book]" in told) == (
        module.startswith("playwright"),
        module == "jupyter_book",
    )
