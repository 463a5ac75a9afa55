"""Does the README show the present result, and name commands and folders that exist?"""

from __future__ import annotations

import json
import re

from places import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_picture_is_the_figure_of_the_notebook() -> None:
    notebook = json.loads((ROOT / "notebooks" / "00_results.ipynb").read_text(encoding="utf-8"))
    (svg,) = (
        "".join(output["data"]["image/svg+xml"])
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if output.get("metadata", {}).get("figure", {}).get("name") == "fig-printed"
    )
    stored = (ROOT / "book" / "answer.svg").read_text(encoding="utf-8")
    assert stored == svg, "run `make refresh`"


def test_the_picture_is_shown_with_a_text_for_those_who_listen() -> None:
    (alt,) = re.findall(r"!\[([^\]]+)\]\(book/answer\.svg\)", README)
    assert len(alt) > 40


def test_every_command_and_folder_exists() -> None:
    rules = re.findall(
        r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    named = re.findall(r"\bmake ([a-z-]+)", README) + re.findall(r"`([a-z][a-z-]*)`[,.]", README)
    assert {"book", "test", "lab"} <= set(named)
    assert set(named) <= set(rules)
    for folder in re.findall(r"^([a-z_]+)/ ", README, re.MULTILINE):
        assert (ROOT / folder).is_dir(), folder
