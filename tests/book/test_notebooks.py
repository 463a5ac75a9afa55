"""Are the stored notebooks clean: run in order, without noise, and every figure described?

nbval asks whether the stored outputs are still true; this asks whether they may be stored at all.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from places import ROOT

from analysis_lib.book.numbers import stored_values, with_numbers

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LONGEST_CELL, MOST_CODE = 10, 1_200  # lines
NOISE = {
    "an address in memory": r"\b(?:at|object at) 0x[0-9a-fA-F]{6,}",
    "a folder of one machine": r"(?<![\w.:/])/(?:home|Users|tmp|work|root|var|private|mnt)/\w",
    "a Windows folder": r"\b[A-Z]:\\\\?Users",
    "a time of day": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d",
}
FIGURE_NAME = re.compile(r"fig-[a-z0-9-]+")
IMAGE_KINDS = {"image/png", "image/jpeg", "image/gif", "application/pdf"}


def load(path: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in load(path)["cells"] if cell["cell_type"] == "code"]


def outputs(path: Path) -> list[dict[str, Any]]:
    return [output for cell in code_cells(path) for output in cell["outputs"]]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def every_notebook(question: Any) -> Any:
    return pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)(question)


def test_there_are_notebooks_and_their_names_are_numbered() -> None:
    assert NOTEBOOKS
    assert all(re.fullmatch(r"\d\d_[a-z_]+", path.stem) for path in NOTEBOOKS)
    numbers = [path.stem[:2] for path in NOTEBOOKS]
    assert len(set(numbers)) == len(numbers)


@every_notebook
def test_every_code_cell_was_run_once_and_in_order(path: Path) -> None:
    counts = [cell["execution_count"] for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1)), "run `make refresh`"


@every_notebook
def test_no_error_or_warning_is_stored(path: Path) -> None:
    for output in outputs(path):
        assert output["output_type"] != "error"
        assert output.get("name") != "stderr", output


@every_notebook
def test_figures_are_stored_as_vectors_alone(path: Path) -> None:
    for output in outputs(path):
        assert not set(output.get("data", {})) & IMAGE_KINDS


@every_notebook
@pytest.mark.parametrize("what", NOISE)
def test_nothing_of_one_machine_or_one_moment_is_stored(path: Path, what: str) -> None:
    assert re.findall(NOISE[what], path.read_text(encoding="utf-8")) == []


@every_notebook
def test_the_metadata_hold_what_the_refresh_writes_and_no_more(path: Path) -> None:
    metadata = load(path)["metadata"]
    assert metadata["kernelspec"]["name"] == "python3"
    assert metadata["language_info"] == {"name": "python"}
    assert set(metadata) == {"kernelspec", "language_info"}
    for cell in load(path)["cells"]:
        assert set(cell["metadata"]) <= {"tags"}


@every_notebook
def test_cells_have_identifiers_of_their_own(path: Path) -> None:
    names = [cell["id"] for cell in load(path)["cells"]]
    assert len(set(names)) == len(names)


@every_notebook
def test_no_function_or_class_is_defined(path: Path) -> None:
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for cell in code_cells(path):
        for node in ast.walk(ast.parse(source(cell))):
            assert not isinstance(node, definitions), source(cell)
            assigned = isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr)
            assert not (assigned and isinstance(node.value, ast.Lambda)), source(cell)


@every_notebook
def test_every_figure_is_named_described_and_alone_in_its_cell(path: Path) -> None:
    names = []
    for cell in code_cells(path):
        pictures = [o for o in cell["outputs"] if "image/svg+xml" in o.get("data", {})]
        assert len(pictures) <= 1
        assert pictures or "show_figure(" not in source(cell), "run `make refresh`"
        for picture in pictures:
            words = picture["metadata"]["figure"]
            assert set(words) == {"name", "alt", "caption"}
            assert FIGURE_NAME.fullmatch(words["name"])
            assert len(words["alt"]) > len("Figure.")
            assert words["caption"].endswith(".")
            assert not any(
                re.search(r"\bnan\b|\bNone\b|<NA>", words[key]) for key in ("alt", "caption")
            )
            names.append(words["name"])
    assert len(set(names)) == len(names)


def test_no_two_figures_of_the_book_share_a_name() -> None:
    names = [
        output["metadata"]["figure"]["name"]
        for path in NOTEBOOKS
        for output in outputs(path)
        if "figure" in output.get("metadata", {})
    ]
    assert names
    assert sorted(set(names)) == sorted(names)


@every_notebook
def test_the_prose_shows_the_numbers_that_the_cells_stored(path: Path) -> None:
    notebook = load(path)
    values = stored_values(notebook)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            assert with_numbers(source(cell), values) == source(cell), "run `make refresh`"
            assert "{glue" not in source(cell), "a name is no number to who reads the notebook"


@every_notebook
def test_a_cell_is_no_longer_than_a_paragraph_and_uses_public_names(path: Path) -> None:
    for cell in code_cells(path):
        lines = [line for line in source(cell).splitlines() if line.strip()]
        assert len(lines) <= LONGEST_CELL, source(cell)
        nodes = list(ast.walk(ast.parse(source(cell))))
        names = [node.attr for node in nodes if isinstance(node, ast.Attribute)]
        names += [n.name for node in nodes if isinstance(node, ast.ImportFrom) for n in node.names]
        assert [name for name in names if name.startswith("_")] == []


def test_the_code_of_all_notebooks_can_be_read_in_an_hour() -> None:
    lines = [
        line
        for path in NOTEBOOKS
        for cell in code_cells(path)
        for line in source(cell).splitlines()
        if line.strip()
    ]
    assert len(lines) <= MOST_CODE


@every_notebook
def test_every_notebook_begins_with_its_question(path: Path) -> None:
    first = load(path)["cells"][0]
    assert first["cell_type"] == "markdown"
    assert re.match(r"# \S.*\n", source(first))
    assert "?" in source(first)


@every_notebook
def test_notebooks_read_the_data_by_the_front_door_alone(path: Path) -> None:
    for cell in code_cells(path):
        assert not re.search(
            r"read_csv|open\(|\.\./|sys\.path|^\s*[%!]|requests|urllib", source(cell), re.M
        ), source(cell)
