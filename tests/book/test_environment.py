"""Is there one list of dependencies, told in three forms that agree?

``pyproject.toml`` is the list; ``environment.yml`` says the same to conda, and
``requirements.lock`` holds one exact version of each, with hashes and from no named host.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from places import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA: dict[str, Any] = yaml.safe_load((ROOT / "environment.yml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()
PIN = re.compile(r"^([\w.-]+)==(\S+?)(?: ; (.+?))? \\$", re.MULTILINE)
PYTHONS = ("3.11", "3.12", "3.13")


def by_name(requirements: list[str]) -> dict[str, SpecifierSet]:
    parsed = [Requirement(text) for text in requirements]
    names = [canonicalize_name(requirement.name) for requirement in parsed]
    assert len(set(names)) == len(names)
    return {name: r.specifier for name, r in zip(names, parsed, strict=True)}


EXTRAS = PROJECT["optional-dependencies"]
WANTED = by_name(PROJECT["dependencies"] + EXTRAS["book"] + EXTRAS["test"])


def conda_requirements() -> list[str]:
    from_pip = [entry for entry in CONDA["dependencies"] if isinstance(entry, dict)]
    plain = [entry for entry in CONDA["dependencies"] if isinstance(entry, str)]
    (pip,) = from_pip
    return plain + pip["pip"]


def test_conda_gets_the_same_packages_in_the_same_ranges() -> None:
    assert CONDA["channels"] == ["conda-forge"]
    entries = conda_requirements()
    assert "--editable ." in entries
    listed = by_name([e for e in entries if e not in {"--editable .", "pip"}])
    assert listed.pop("python") == SpecifierSet(PROJECT["requires-python"])
    assert listed == WANTED


def test_python_is_that_of_the_project() -> None:
    assert SpecifierSet(PROJECT["requires-python"]) == SpecifierSet(">=3.11,<3.14")
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in PYTHONS
    assert "3, 11) <= sys.version_info[:2] < (3, 14)" in (ROOT / "Makefile").read_text()


def test_jupyter_book_is_the_last_of_the_first_generation() -> None:
    assert WANTED["jupyter-book"] == SpecifierSet("==1.0.4.post1")
    assert ("jupyter-book", "1.0.4.post1") in {(name, pin) for name, pin, _ in PIN.findall(LOCK)}


@pytest.mark.parametrize("name", sorted(WANTED))
def test_every_locked_version_lies_in_its_range(name: str) -> None:
    pins = [
        Version(pin) for locked, pin, _ in PIN.findall(LOCK) if canonicalize_name(locked) == name
    ]
    assert pins, f"{name} is not in requirements.lock; run `make lock`"
    assert all(pin in WANTED[name] for pin in pins)


def test_every_locked_version_has_a_hash() -> None:
    lines = LOCK.splitlines()
    starts = [i for i, line in enumerate(lines) if re.match(r"\S+==", line)]
    assert len(starts) == len(PIN.findall(LOCK)) > len(WANTED)
    assert all(lines[i + 1].strip().startswith("--hash=sha256:") for i in starts)


def test_every_locked_version_is_exact_and_nothing_else_is_asked_for() -> None:
    others = [
        line
        for line in LOCK.splitlines()
        if line.strip() and not re.match(r"\S+==|    --hash=sha256:[0-9a-f]{64}|\s*#", line)
    ]
    assert others == []


#: A Python that writes down what it is called with; pip brings uv if it is told so.
PYTHON = """#!/bin/sh
case "$*" in
  "-m venv .venv") mkdir -p .venv/bin; cp "$0" .venv/bin/python;;
  *installer.lock) echo "python $*" >> said; test "$PIP_BRINGS" && cp "$PIP_BRINGS" .venv/bin/uv;;
  *install*) echo "python $*" >> said;;
esac
"""
UV = """#!/bin/sh
test "$1" = --version || echo "uv $*" >> said
exit {status}
"""
PIP = "python -m pip install -q --disable-pip-version-check"
INSTALLER = Path("analysis_lib/book/unpacked/installer.lock")
BRING_UV = f"{PIP} --require-hashes -r {INSTALLER}"
WITH_UV = "uv pip install -q --python .venv/bin/python --require-hashes -r requirements.lock"
WITH_PIP = f"{PIP} --require-hashes -r requirements.lock"


@pytest.mark.parametrize(
    ("there", "brought", "installs"),
    [
        (0, None, [WITH_UV]),
        (127, 0, [BRING_UV, WITH_UV]),  # there and does not run, as a shim may be
        (127, 1, [BRING_UV, WITH_UV, WITH_PIP]),  # an index that only pip knows
        (127, None, [BRING_UV, WITH_PIP]),
    ],
)
def test_uv_installs_what_is_locked_and_pip_where_it_cannot(
    there: int, brought: int | None, installs: list[str], tmp_path: Path
) -> None:
    said = said_by_make(ROOT / "Makefile", there, brought, tmp_path)
    assert said == [*installs, f"{PIP} --no-deps --no-build-isolation -e ."]


@pytest.mark.parametrize(
    ("brought", "installs"), [(0, [WITH_UV]), (1, [WITH_UV, WITH_PIP]), (None, [WITH_PIP])]
)
def test_the_archive_installs_with_the_uv_that_pip_brings(
    brought: int | None, installs: list[str], tmp_path: Path
) -> None:
    said = said_by_make((ROOT / INSTALLER).with_name("Makefile"), 0, brought, tmp_path)
    # Its lock has hashes where that of the review has.
    expected = [line.replace("--require-hashes ", "") for line in installs]
    assert said == [f"{PIP} --require-hashes -r {INSTALLER.name}", *expected]


def said_by_make(makefile: Path, there: int, brought: int | None, folder: Path) -> list[str]:
    """Return what was called to make an environment.

    The machine's uv and the one that pip brings end with a status; pip brings none at ``None``.
    """
    tools = folder / "tools"
    tools.mkdir()
    texts = {"python": PYTHON, "uv": UV.format(status=there), "wheel": UV.format(status=brought)}
    for name, text in texts.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    for name in ("requirements.lock", "pyproject.toml"):
        (folder / name).touch()
    brings = "" if brought is None else str(tools / "wheel")
    subprocess.run(
        ["make", "-f", makefile, "PYTHON=python", ".venv/ready"],
        cwd=folder,
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PIP_BRINGS": brings},
        capture_output=True,
        check=True,
    )
    assert (folder / ".venv" / "ready").is_file()
    return (folder / "said").read_text().splitlines()


def test_the_installer_is_one_exact_version_of_which_only_wheels_are_taken() -> None:
    first, empty, pin, *hashes = (ROOT / INSTALLER).read_text().splitlines()
    assert (first, empty) == ("--only-binary :all:", "")
    assert re.fullmatch(r"uv==[\d.]+ \\", pin)
    assert hashes
    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in hashes)


def test_the_lock_names_no_host() -> None:
    assert not re.search(r"https?:|://|index-url|find-links|trusted-host|@ file", LOCK)


def test_the_locked_environment_is_the_one_that_runs() -> None:
    from importlib.metadata import version

    pins = {canonicalize_name(name): pin for name, pin, marker in PIN.findall(LOCK) if not marker}
    wrong = {
        name: (version(name), pins[name])
        for name in WANTED
        if name in pins and version(name) != pins[name]
    }
    assert wrong == {}


def test_the_book_names_no_other_host() -> None:
    for file in ("_config.yml", "_toc.yml"):
        settings = yaml.safe_load((ROOT / file).read_text())
        assert not re.search(r"https?:|//[a-z]|cdn|unpkg|jsdelivr", str(settings))


def test_the_book_loads_no_extension_that_needs_another_host() -> None:
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    extensions = config["sphinx"]["config"]["extensions"]
    assert not {"sphinx_thebe", "sphinx.ext.intersphinx", "sphinx.ext.mathjax"} & set(extensions)
    assert config["sphinx"]["config"]["html_math_renderer"] == "mathml"
    assert config["execute"]["execute_notebooks"] == "off"


def test_the_library_is_installed_with_the_entry_points_of_the_project() -> None:
    from importlib.metadata import distribution

    installed = distribution("analysis-lib").entry_points
    for group, entries in PROJECT["entry-points"].items():
        assert {e.name: e.value for e in installed.select(group=group)} == entries, "run make book"


def test_every_package_and_file_of_the_library_is_installed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert listed["packages"]["find"]["include"] == ["analysis_lib*"]
    copied = ROOT / "analysis_lib" / "book" / "unpacked"  # goes into archives, and is no package
    modules = (ROOT / "analysis_lib").rglob("*.py")
    rooms = {file.parent for file in modules if not file.is_relative_to(copied)}
    assert [room for room in rooms if not (room / "__init__.py").is_file()] == []
    patterns = listed["package-data"]["analysis_lib"]
    kept = {f for pattern in patterns for f in (ROOT / "analysis_lib").glob(pattern)}
    files = {f for f in (ROOT / "analysis_lib").rglob("*") if f.is_file()}
    files = {f for f in files if f.suffix != ".py" and f.parent.name != "__pycache__"}
    assert files <= kept
