"""Does the guide to a review of one's own work, word for word, from an empty folder on?

Its files are written, its commands and its Python run in order, all taken from the page. What
installs, builds, runs notebooks or asks services is left out: it takes minutes or a network, and
other tests have it.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from places import ROOT

import analysis_lib as al
from analysis_lib.__main__ import main

GUIDE = ROOT / "book" / "reuse.md"
BLOCK = re.compile(
    r"^```(?:\{code-block\} )?(?P<language>\w+)\n(?::caption: (?P<file>\S+)\n\n)?"
    r"(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
COMMAND = "python -m analysis_lib "
LEFT_OUT = ("make ", "source ", "jupyter", "python -m pytest", f"{COMMAND}build", f"{COMMAND}watch")
#: What has more to ask: the page's two people differ on a record, and nobody has decided.
UNFINISHED = (f"{COMMAND}selection my-review",)

# metafor 5.0.1, rma(method = "REML", test = "knha") on the log risk ratios of dat.bcg: as the page
# prints it.
MEAN, CI, TAU2 = -0.714532, (-1.108444, -0.320621), 0.313243
# Half a unit of the last printed digit, and as much for where R's iteration stops; worst seen 5e-7.
PRINTED = 1e-6


class Block(NamedTuple):
    language: str
    file: str | None
    text: str


class Walk(NamedTuple):
    """What a reader has after the last step: the folder, what each step said, the variables."""

    folder: Path
    told: dict[str, str]
    variables: dict[str, Any]


def blocks() -> Iterator[Block]:
    for match in BLOCK.finditer(GUIDE.read_text(encoding="utf-8")):
        yield Block(match["language"], match["file"], match["text"])


def follow(block: Block, walk: Walk) -> None:
    """Do what one block of the page says."""
    if block.file:
        path = walk.folder / block.file
        assert path.parent.is_dir(), f"the page has not made {path.parent} yet"
        path.write_text(block.text, encoding="utf-8")
    elif block.language == "python":
        with contextlib.redirect_stdout(io.StringIO()) as told:
            exec(block.text, walk.variables)
        walk.told[block.text] = told.getvalue()
    elif block.language != "text":  # a text without a file is an example that nobody has to type
        assert block.language == "bash"
        for line in block.text.splitlines():
            if line.startswith(LEFT_OUT):
                continue
            assert line.startswith(COMMAND), f"a command that no test runs: {line}"
            with contextlib.redirect_stdout(io.StringIO()) as told:
                assert main(shlex.split(line)[3:]) == (line in UNFINISHED), line
            walk.told[line] = told.getvalue()


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    folder = tmp_path_factory.mktemp("afternoon")
    walk = Walk(folder, {}, {})
    with contextlib.chdir(folder):
        for block in blocks():
            follow(block, walk)
    return walk


def test_every_block_of_the_page_is_understood() -> None:
    fences = re.findall(r"^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) == 2 * len(list(blocks()))


def test_every_command_is_run(walk: Walk) -> None:
    words = [line.split()[3] for line in walk.told if line.startswith(COMMAND)]
    # check stands twice, with the same words
    assert words == ["new", "import", "import", "selection", "check"]
    (check,) = (told for line, told in walk.told.items() if line.startswith(f"{COMMAND}check"))
    assert "Can be pooled: Tuberculosis, end, 13 comparisons." in check
    assert "of the template" not in check


def test_the_pooled_result_is_that_of_r(walk: Walk) -> None:
    fit = walk.variables["fit"]
    assert fit.k == 13
    assert fit.estimate == pytest.approx(MEAN, abs=PRINTED)
    assert fit.ci == pytest.approx(CI, abs=PRINTED)
    assert fit.tau2 == pytest.approx(TAU2, abs=PRINTED)


def test_the_page_prints_the_result_of_r() -> None:
    words = GUIDE.read_text(encoding="utf-8").replace("−", "-")
    assert f"{MEAN} ({CI[0]} to {CI[1]})" in words
    assert f"τ² {TAU2}" in words


def test_every_row_of_the_sheet_arrives_with_its_source(walk: Walk) -> None:
    sheet = (walk.folder / "extraction.csv").read_text(encoding="utf-8").splitlines()[1:]
    review = al.load_review(walk.folder / "my-review" / "data")
    assert review.trials["label"].tolist() == [row.split(",")[0] for row in sheet]
    people = sum(int(row.split(",")[i]) for row in sheet for i in (5, 7))
    assert int(review.arm_results["n"].sum()) == people
    assert set(review.arm_results["source"]) == {
        f"metadat dat.bcg; extraction.csv, row {i}" for i in range(2, len(sheet) + 2)
    }


def test_the_search_is_counted_and_screened(walk: Walk) -> None:
    (told,) = (told for line, told in walk.told.items() if "first-database.ris" in line)
    assert [line for line in told.splitlines() if line.startswith(("records_", "dupl"))] == [
        "records_identified: 5",
        "duplicates_removed: 2",
        "records_screened: 3",
    ]
    # Observed 2/3, expected 4/9: (2/3 - 4/9) / (5/9) = 2/5.
    assert walk.variables["agreement"].kappa == pytest.approx(0.4)
    assert walk.variables["agreement"].disagreements == ("Non-specific low back pain",)


def test_the_screening_sheet_of_the_page_is_the_one_that_is_written(tmp_path: Path) -> None:
    """The page fills in two columns; records and titles must be those of the command."""
    walk = Walk(tmp_path, {}, {})
    filled = ""
    with contextlib.chdir(tmp_path):
        for block in blocks():
            if block.file and block.file.endswith("screening.csv"):
                filled = block.text
                break
            if block.language != "python":
                follow(block, walk)
    empty = (tmp_path / "my-review/data/search/screening.csv").read_text(encoding="utf-8")
    assert filled.count("\n") == empty.count("\n")
    for one, other in zip(filled.splitlines()[1:], empty.splitlines()[1:], strict=True):
        assert one.startswith(other.removesuffix(",,"))
