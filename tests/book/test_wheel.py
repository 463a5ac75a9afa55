"""Does the library pool where nothing is installed but what the statistics need?

The wheel is built and installed without extras into a fresh environment.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from places import ROOT

POOLED = """
import importlib.util

import analysis_lib as al

assert [n for n in EXTRAS if importlib.util.find_spec(n)] == [], "the environment is not fresh"
effects = al.risk_ratio(*zip(*BCG))
fit = al.pool(effects.effect, effects.variance, tau2_method="REML", ci_method="HK")
print(fit.k, round(fit.estimate, 6), round(fit.tau2, 6))
print(al.plots.forest(fit).get_xlabel() is not None, al.plots.__name__, al.book.__name__)
"""
EXTRAS = ("IPython", "sphinx", "jupyter_book", "yaml", "openpyxl", "rispy", "jinja2")
# Events and people of the vaccinated and of the others: the 13 trials of dat.bcg in R's metadat.
BCG = [
    (4, 123, 11, 139), (6, 306, 29, 303), (3, 231, 11, 220), (62, 13598, 248, 12867),
    (33, 5069, 47, 5808), (180, 1541, 372, 1451), (8, 2545, 10, 629), (505, 88391, 499, 88391),
    (29, 7499, 45, 7277), (17, 1716, 65, 1665), (186, 50634, 141, 27338), (5, 2498, 3, 2341),
    (27, 16913, 29, 17854),
]  # fmt: skip


COMPILED = shutil.ignore_patterns("__pycache__")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "project"  # building leaves files beside the sources
    shutil.copytree(ROOT / "analysis_lib", copy / "analysis_lib", ignore=COMPILED)
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    options = ("--no-deps", "--no-build-isolation", "--disable-pip-version-check", "-q")
    command = [sys.executable, "-m", "pip", "wheel", *options, "-w", folder, copy]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment that has the wheel and what it needs."""
    folder = tmp_path_factory.mktemp("fresh") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    found = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", found, "install", "-q"]
    pip += ["--no-compile", "--disable-pip-version-check", wheel]
    uv = [shutil.which("uv") or "false", "pip", "install", "--python", found, "-q", wheel]
    # A checkout on PYTHONPATH would count as installed.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for install in (uv, pip):  # as make does: pip where there is no uv, or it cannot
        told = subprocess.run(install, capture_output=True, text=True, check=False, env=env)
        if told.returncode == 0:
            return found
    assert "No matching distribution" in told.stderr, told.stderr
    pytest.skip("no package index can be reached: the wheel cannot be installed afresh")


def run(python: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-I", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_wheel_holds_every_file_of_the_library(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        held = {name for name in packed.namelist() if name.startswith("analysis_lib/")}
    files = {f for f in (ROOT / "analysis_lib").rglob("*") if f.is_file()}
    files = {f for f in files if f.parent.name != "__pycache__"}
    assert {f.relative_to(ROOT).as_posix() for f in files} == held


def test_an_index_can_show_what_the_wheel_says_of_itself(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        (name,) = [name for name in packed.namelist() if name.endswith("METADATA")]
        told = Parser().parsestr(packed.read(name).decode())
        (points,) = [name for name in packed.namelist() if name.endswith("entry_points.txt")]
        assert "review = analysis_lib.__main__:main" in packed.read(points).decode()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert told["Version"] == project["version"]  # which stands nowhere else
    assert told["Description-Content-Type"] == "text/markdown"
    words = told.get_payload()
    assert isinstance(words, str)
    assert words.startswith("# analysis-lib")
    # There is no folder beside it to which a link could lead.
    assert not re.findall(r"\]\((?!https://)", words)
    pythons = {c.rpartition(" ")[2] for c in told.get_all("Classifier", []) if ":: 3." in c}
    assert pythons == {"3.11", "3.12", "3.13"}


def test_the_command_works_in_an_empty_environment(python: Path, tmp_path: Path) -> None:
    review = python.with_name("review")

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [review, *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    assert command("new", "mine").returncode == 0
    assert (tmp_path / "mine" / ".github" / "workflows" / "watch.yml").is_file()
    assert (tmp_path / "mine" / "data" / "searches.toml").is_file()
    checked = command("check", "mine")
    assert checked.returncode == 1
    assert "outcomes.csv" in checked.stderr
    assert "Traceback" not in checked.stderr


def test_bcg_is_pooled_without_extras(python: Path, tmp_path: Path) -> None:
    code = POOLED.replace("EXTRAS", repr(EXTRAS)).replace("BCG", repr(BCG))
    told = run(python, tmp_path, "-W", "error", "-c", code)
    assert told.returncode == 0, told.stderr
    # metafor 5.0.1, rma(method = "REML", test = "knha") on the log risk ratios: to six decimals.
    pooled, there = told.stdout.splitlines()
    assert pooled == "13 -0.714532 0.313243"
    assert there == "True analysis_lib.plots analysis_lib.book"


def test_a_review_is_begun_and_checked_and_what_building_needs_is_told(
    python: Path, tmp_path: Path
) -> None:
    assert run(python, tmp_path, "-m", "analysis_lib", "new", "mine").returncode == 0
    checked = run(python, tmp_path, "-m", "analysis_lib", "check", "mine")
    assert "Traceback" not in checked.stderr
    built = run(python, tmp_path, "-m", "analysis_lib", "build", "mine")
    assert built.returncode == 1
    (line,) = built.stderr.splitlines()
    assert line.endswith("is not installed: a book needs pip install 'analysis-lib[book]'")
