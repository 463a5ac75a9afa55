"""Change one thing at a time in the code that computes, and count how many changes the tests see.

``python tools/mutants.py [ROOM ...] [--sample N] [--seed S]``: of each module of a room so many
mutants are drawn at random and run against the unit tests of that room. What comes out stands in
``benchmarks/mutants.csv``; the changes that no test saw are shown with their lines.

The mutants are made and run by mutmut, which ``make mutants`` installs into a folder of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "_build" / "mutants"
TABLE = ROOT / "benchmarks" / "mutants.csv"
PROCESSES = 1


class Room(NamedTuple):
    """Modules that are changed, and the tests that should see it."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


ROOMS = {
    "statistics": Room(
        ("analysis_lib/effects/*.py", "analysis_lib/pooling/*.py"),
        ("tests/unit/effects", "tests/unit/pooling"),
    ),
    "certainty": Room(
        ("analysis_lib/conclusions/certainty.py",),
        ("tests/unit/conclusions/test_certainty.py",),
    ),
    "audit": Room(
        ("analysis_lib/printed/intervals.py", "analysis_lib/printed/audit/*.py"),
        ("tests/unit/printed/test_audit.py",),
    ),
    "review": Room(
        ("analysis_lib/review/*.py",),
        (
            "tests/unit/review",
            "tests/unit/importing/test_judgements.py",
            "tests/unit/importing/test_comparing.py",
            "tests/unit/book/test_moderators.py",
        ),
    ),
    "explorer": Room(
        ("analysis_lib/book/sections/explorer.py",),
        ("tests/unit/book/test_explorer.py", "tests/unit/book/test_binary_review.py"),
    ),
}
SETTINGS = """\
[mutmut]
source_paths = analysis_lib
only_mutate =
    {modules}
also_copy =
    {others}
pytest_add_cli_args_test_selection =
    {tests}
pytest_add_cli_args =
    -m
    not slow
use_git_change_detection = false
track_dependencies = false
"""


def main() -> None:
    """Draw, run and count the mutants of the rooms that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rooms", nargs="*", choices=[[], *ROOMS], metavar="ROOM")
    parser.add_argument("--sample", type=int, default=20, help="mutants a module")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for name in options.rooms or ROOMS:
        record(name, run(name, options.sample, options.seed))


def run(name: str, sample: int, seed: int) -> pd.DataFrame:
    """Run a sample of a room's mutants in a copy of the project; return one row a mutant."""
    room, place = ROOMS[name], WORK / name
    copy_project(place)
    paths = [path for pattern in room.modules for path in sorted(place.glob(pattern))]
    modules = [str(path.relative_to(place)) for path in paths if path.name != "__init__.py"]
    others = sorted({path.name for path in place.iterdir()} - {"analysis_lib", "tests"})
    text = SETTINGS.format(
        modules="\n    ".join(modules),
        others="\n    ".join(others),
        tests="\n    ".join(room.tests),
    )
    (place / "setup.cfg").write_text(text, encoding="utf-8")
    made = {module: mutants_of(place, module) for module in modules}
    draw = random.Random(seed)  # noqa: S311  # a sample, no secret
    drawn = [n for names in made.values() for n in draw.sample(names, min(sample, len(names)))]
    command = ["run", "--max-children", str(PROCESSES), *drawn]
    subprocess.run([sys.executable, "-m", "mutmut", *command], cwd=place, check=True)
    ends: dict[str, int | None] = {}
    for module in modules:
        kept = json.loads((place / "mutants" / f"{module}.meta").read_text(encoding="utf-8"))
        ends |= kept["exit_code_by_key"]
    rows = [
        {"module": module, "mutants": len(names), "mutant": mutant, "end": ends[mutant]}
        for module, names in made.items()
        for mutant in names
        if mutant in drawn
    ]
    return pd.DataFrame(rows)


def copy_project(place: Path) -> None:
    """Copy what git knows of the project, as it stands in the folder."""
    shutil.rmtree(place, ignore_errors=True)
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    for name in listed.stdout.decode().split("\0"):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)


def mutants_of(place: Path, module: str) -> list[str]:
    """Return the names of all mutants of a module."""
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.utils.format_utils import get_mutant_name

    with contextlib.chdir(place):  # where mutmut finds its settings
        made = mutate_file_contents(module, Path(module).read_text(encoding="utf-8"))
    return [get_mutant_name(Path(module), name) for name in made.mutant_names]


def record(room: str, found: pd.DataFrame) -> None:
    """Write the counts of a room into the table, and show what no test saw."""
    unseen = found[found["end"].isin([0, 5, 33])]  # all tests pass, or none reaches the line
    for mutant in unseen["mutant"]:
        command = [sys.executable, "-m", "mutmut", "show", mutant]
        subprocess.run(command, cwd=WORK / room, check=True)
    by_module = found.assign(unseen=found["mutant"].isin(unseen["mutant"])).groupby("module")
    counts = by_module.agg(
        mutants=("mutants", "first"), sample=("mutant", "size"), unseen=("unseen", "sum")
    ).reset_index()
    counts.insert(0, "room", room)
    kept = pd.read_csv(TABLE) if TABLE.is_file() else counts.iloc[:0]
    pd.concat([kept[kept["room"] != room], counts]).to_csv(TABLE, index=False)


if __name__ == "__main__":
    main()
