"""Do the workflows test, publish and watch as they say, here and in every new review?

No runner is at hand: their form is checked, and the steps of the watch are run by bash with a
`python`, a `git` and a `gh` that only write down how they were called.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from places import ROOT

from analysis_lib.importing.new_review import new_review

OURS = ROOT / ".github"
TEMPLATE = ROOT / "analysis_lib" / "importing" / "template" / "github"
FILES = [f for top in (OURS, TEMPLATE) for f in sorted((top / "workflows").glob("*.yml"))]
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
#: What may stand in a script of a workflow: nothing that a stranger can word.
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
HARMLESS = {
    "github.ref", "matrix.python", "steps.deployed.outputs.page_url", "vars.REVIEW_CONTACT",
    "github.token",
}  # fmt: skip
KEYS = {"name", "uses", "with", "run", "env", "id", "if"}

each = pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parts[-3]}/{p.name}")


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def test_there_are_three_here_and_in_every_review(tmp_path: Path) -> None:
    names = ["publish.yml", "test.yml", "watch.yml"]
    assert [f.name for f in FILES] == names * 2
    new_review(tmp_path / "mine")
    made = tmp_path / "mine" / ".github"
    assert sorted(f.name for f in (made / "workflows").iterdir()) == names
    assert not (tmp_path / "mine" / "github").exists()
    assert yaml.safe_load((made / "dependabot.yml").read_text())["version"] == 2
    assert (made / "dependabot.yml").read_text() == (OURS / "dependabot.yml").read_text()


@each
def test_a_workflow_has_the_form_that_github_describes(path: Path) -> None:
    workflow = read(path)
    assert set(workflow) <= {"name", "on", "permissions", "concurrency", "jobs"}
    assert workflow["name"] == path.stem
    assert workflow["permissions"] == {}  # each job says what it needs
    for job in workflow["jobs"].values():
        assert {"runs-on", "timeout-minutes", "permissions", "steps"} <= set(job)
        assert set(job.get("needs", "").split()) <= set(workflow["jobs"])
        for step in job["steps"]:
            assert set(step) <= KEYS
            assert ("uses" in step) != ("run" in step)


@each
def test_actions_are_pinned_and_strangers_word_no_script(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    uses = [line.strip().removeprefix("- ") for line in text.splitlines() if "uses: " in line]
    assert uses
    assert all(PINNED.fullmatch(line) for line in uses), uses
    assert set(EXPRESSION.findall(text)) <= HARMLESS
    for step in steps(path):
        script = step.get("run", "")
        assert "${{" not in script
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_every_python_of_the_project_is_tested() -> None:
    for top in (OURS, TEMPLATE):
        strategy = read(top / "workflows" / "test.yml")["jobs"]["test"]["strategy"]
        assert strategy["matrix"]["python"] == ["3.11", "3.12", "3.13"]


def follow(tmp_path: Path, top: Path, code: int, told: str) -> tuple[int, list[str], str]:
    """Run the scripts of the watch as a runner does, with commands that write down their calls."""
    log, body = tmp_path / "log", tmp_path / "body.md"
    stubs = {
        "python": f"printf '%s' \"$TOLD\"; exit {code}",
        "git": '[ "$2" != --cached ]',  # something is to be committed
        "gh": "true",
    }
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name, script in stubs.items():
        for place in (tmp_path, tmp_path / ".venv" / "bin"):
            stub = place / name
            stub.write_text(f'#!/usr/bin/env bash\necho "{name} $*" >> "{log}"\n{script}\n')
            stub.chmod(0o755)
    env = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}", "RUNNER_TEMP": str(tmp_path), "TOLD": told,
        "GITHUB_OUTPUT": str(tmp_path / "output"), "CONTACT": "ann@example.org",
    }  # fmt: skip
    by_name = {step.get("name"): step for step in steps(top / "workflows" / "watch.yml")}
    ended = subprocess.run(
        ["bash", "-e"], input=by_name["Ask"]["run"], text=True, env=env, cwd=tmp_path, check=False,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    output = (tmp_path / "output").read_text().strip().removeprefix("code=")
    assert output == str(code)
    for name in ("Keep the answers", "Open an issue") if ended.returncode == 0 else ():
        condition = by_name[name].get("if", "")
        if not condition or f'"{output}"' in condition:
            script = by_name[name]["run"]
            subprocess.run(
                ["bash", "-e"], input=script, text=True, env=env, cwd=tmp_path, check=True
            )
    return ended.returncode, log.read_text().splitlines(), body.read_text() if body.exists() else ""


@pytest.mark.parametrize("top", [OURS, TEMPLATE], ids=["ours", "template"])
@pytest.mark.parametrize(("code", "issue"), [(0, False), (3, True), (4, False), (5, True)])
def test_a_watch_keeps_its_answers_and_opens_an_issue_for_what_is_new(
    tmp_path: Path, top: Path, code: int, issue: bool
) -> None:
    told = "New, article: PMID 1, `$(touch run)` @somebody ```\nNothing is included by itself.\n"
    ended, log, body = follow(tmp_path, top, code, told)
    assert ended == 0
    assert log[0] == "python -m analysis_lib watch . --contact ann@example.org"
    assert "git add --all data" in log
    assert "git push --quiet" in log
    assert any(line.startswith("gh issue create") for line in log) == issue
    if issue:  # as code, in which nobody is called and nothing is markup
        assert body.startswith(
            "    New, article: PMID 1, `$(touch run)` @somebody ```\n    Nothing"
        )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("code", [1, 2])
def test_a_watch_that_cannot_ask_is_red_and_records_nothing(tmp_path: Path, code: int) -> None:
    ended, log, _ = follow(tmp_path, TEMPLATE, code, "review.toml has no contact\n")
    assert ended == code
    assert len(log) == 1


def test_a_launched_repository_gets_the_locked_packages_and_the_library() -> None:
    folder = ROOT / ".binder"
    assert (folder / "requirements.txt").read_text() == "-r ../requirements.lock\n"
    assert (folder / "runtime.txt").read_text() == "python-3.13\n"
    setup = folder / "postBuild"
    assert os.access(setup, os.X_OK)
    subprocess.run(["bash", "-n", str(setup)], check=True)
