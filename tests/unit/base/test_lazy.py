"""Is everything there after ``import analysis_lib``, though nothing is loaded that is not used?"""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import analysis_lib as al

HEAVY = {"numpy", "pandas", "scipy", "matplotlib", "pandera", "pydantic"}
PACKAGES = ("analysis_lib", "analysis_lib.importing")


def loaded_by(code: str, *arguments: str) -> set[str]:
    """Return which heavy packages a fresh Python loads on the way."""
    told = f"import atexit, sys; atexit.register(lambda: print(*sys.modules.keys() & {HEAVY}))"
    command = [sys.executable, "-c", f"{told}\n{code}", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_that_is_offered_is_there(name: str) -> None:
    package = import_module(name)
    offered = package.__all__
    assert len(offered) > 5
    assert offered == sorted(offered)
    assert len(set(offered)) == len(offered)
    for one in offered:
        assert getattr(package, one) is getattr(package, one)
    assert set(offered) <= set(dir(package))


@pytest.mark.parametrize("name", PACKAGES)
def test_what_a_type_checker_sees_is_what_is_offered(name: str) -> None:
    """The stub imports every name once, and lists it."""
    package = import_module(name)
    stub = ast.parse(Path(str(package.__file__)).with_suffix(".pyi").read_text(encoding="utf-8"))
    imported = [a.name for n in stub.body if isinstance(n, ast.ImportFrom) for a in n.names]
    rooms = {"book", "plots"} if name == "analysis_lib" else set()
    assert sorted({*imported} - rooms) == package.__all__
    assert len(imported) == len(set(imported))


def test_plots_and_book_are_there_and_other_rooms_do_not_crowd_the_names() -> None:
    assert al.plots.forest.__name__ == "forest"
    assert al.book.__name__ == "analysis_lib.book"
    assert set(dir(al)) == {*al.__all__, "plots", "book"}


def test_a_star_import_brings_the_names_and_no_plots() -> None:
    names: dict[str, object] = {}
    exec("from analysis_lib import *", names)
    assert {*al.__all__} <= names.keys()
    assert "plots" not in names


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'analysis_lib' has no attribute 'poool'"):
        al.poool  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'poool'"):
        exec("from analysis_lib import poool")


def test_a_name_is_looked_up_once() -> None:
    vars(al).pop("pool", None)
    assert al.pool is vars(al)["pool"]


@pytest.mark.slow
def test_importing_the_library_loads_nothing_heavy() -> None:
    assert loaded_by("import analysis_lib; dir(analysis_lib)") == set()
    assert "pandas" not in loaded_by("import analysis_lib; analysis_lib.Methods")
    assert "pandas" in loaded_by("import analysis_lib; analysis_lib.load_review")


def test_help_loads_nothing_heavy() -> None:
    main = "import runpy; runpy.run_module('analysis_lib', run_name='__main__')"
    assert loaded_by(main, "--help") == set()
    assert loaded_by(main, "import", "--help") == set()
