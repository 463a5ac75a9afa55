"""Run notebooks in place, so that their outputs, and the picture of the README, are current."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat

from analysis_lib.base.errors import ReviewError
from analysis_lib.book.engine.running import Execution, Told
from analysis_lib.book.engine.sources import Sources

ROOT = Path(__file__).resolve().parent.parent
#: The figure that the README shows, and where it finds it.
PICTURE = ("fig-printed", ROOT / "book" / "answer.svg")


def keep(path: Path, ran: nbformat.NotebookNode, _: Told) -> None:
    """Write a notebook that has run, and the picture if it shows it."""
    nbformat.write(ran, path)
    name, picture = PICTURE
    for output in (output for cell in ran.cells for output in cell.get("outputs", [])):
        if output.get("metadata", {}).get("figure", {}).get("name") == name:
            picture.write_text(output["data"]["image/svg+xml"], encoding="utf-8")


def main() -> None:
    """Run the notebooks that the command line names."""
    try:
        Execution(map(Path, sys.argv[1:]), Sources(ROOT), keep).wait()
    except ReviewError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
