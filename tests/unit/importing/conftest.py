"""A review to import into."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from analysis_lib.__main__ import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a new review with one outcome and one follow-up."""
    path = tmp_path / "review"
    assert main(["new", str(path)]) == 0
    end = {"provenance": "reported", "source": "the sheet"}
    rows: tuple[dict[str, str], ...] = (
        {"outcome": "pain", "label": "Pain", "priority": "primary", "measure": "MD",
         "unit": "points", "instruments": "VAS", "lower_is_better": "yes", **end},
        {"follow_up": "ETP", "label": "Month 1", "definition": "One month", **end},
    )  # fmt: skip
    for name, row in zip(("outcomes", "follow_ups"), rows, strict=True):
        file = path / "data" / f"{name}.csv"
        header = file.read_text(encoding="utf-8").splitlines()[0].split(",")
        with file.open("a", encoding="utf-8", newline="") as open_file:
            csv.writer(open_file).writerow([row.get(column, "") for column in header])
    return path
