"""Compute every analysis of a review again in R, by the script that is exported, and record it."""

from __future__ import annotations

import csv
import datetime
import shutil
import subprocess
import tempfile
from pathlib import Path

import pandas as pd

from analysis_lib.base.errors import ReviewError
from analysis_lib.book.engine.exporting import export
from analysis_lib.book.sections.with_r import COLUMNS, DIFFERS, FILE, comparison_told
from analysis_lib.conclusions.versions import data_fingerprint
from analysis_lib.importing.texts import write_all
from analysis_lib.review.model import Review

PROGRAM = "Rscript"
LONGEST = 600  # seconds


def compare_with_r(review: Review, day: datetime.date) -> tuple[str, bool]:
    """Run the exported script of R, and record what it finds beside the pages.

    Parameters
    ----------
    review
        A review that was loaded.
    day
        That of the comparison.

    Returns
    -------
    str, bool
        What was found, in sentences, and whether R agrees.

    Raises
    ------
    ReviewError
        If R or its package metafor is missing, the script fails, or there is nothing to compute.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise ReviewError(f"{PROGRAM} is not installed: R and its package metafor are needed")
    with tempfile.TemporaryDirectory() as made:
        export(review, "metafor", Path(made))
        found = _run(program, Path(made))
    told = {"day": day.isoformat(), "fingerprint": data_fingerprint(review)}
    rows = pd.DataFrame([{**told, **row} for row in found], columns=list(COLUMNS))
    file = review.path.parent / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    write_all({file: rows.to_csv(index=False, lineterminator="\n")})
    return comparison_told(review), all(row["verdict"] != DIFFERS for row in found)


def _run(program: str, folder: Path) -> list[dict[str, str]]:
    try:
        done = subprocess.run(  # noqa: S603  # a script of this library, no words of the data
            [program, "--vanilla", "metafor.R"],
            cwd=folder, capture_output=True, timeout=LONGEST, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ReviewError(f"R did not end within {LONGEST} seconds") from None
    written = folder / "agreement.csv"
    if not written.is_file():
        told = " ".join(done.stderr.decode(errors="replace").split())
        if "there is no package" in told:
            raise ReviewError("R has no package metafor, which computes the analyses")
        raise ReviewError(f"R could not compute the analyses: {told}")
    with written.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
