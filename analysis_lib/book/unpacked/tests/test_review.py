"""Does this archive give its own figures and tables again? Run ``make book`` before, or both."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis_lib import load_review

ROOT = Path(__file__).resolve().parent.parent
MADE = ROOT / "_build" / "html" / "downloads"
FILES = sorted(
    file.relative_to(ROOT)
    for pattern in ("figures/*.svg", "tables/*.csv")
    for file in ROOT.glob(pattern)
)


def test_the_data_are_read() -> None:
    assert len(load_review(ROOT / "data").trials) > 0


def test_there_are_figures_or_tables() -> None:
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_figure_or_table_comes_out_as_it_is(file: Path) -> None:
    assert (MADE / file).read_bytes() == (ROOT / file).read_bytes()
