"""Whether R computes every analysis of a review as here: when it last did, and what it found."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import listing, plural
from analysis_lib.conclusions.versions import data_fingerprint
from analysis_lib.review.model import Review

#: What the last comparison found, beside the pages that tell it.
FILE: Final = Path("book") / "tables" / "with_r.csv"
COLUMNS: Final = ("day", "r", "metafor", "fingerprint", "analysis", "verdict")
SAME, DIFFERS = "as in metafor", "DIFFERS"


def read_comparison(review: Review) -> list[dict[str, str]]:
    """Return what the last comparison with R found, an analysis a row; none if there was none.

    Raises
    ------
    ReviewError
        If the file of it cannot be understood.
    """
    path = review.path.parent / FILE
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    if not rows or any(set(row) != set(COLUMNS) or None in row.values() for row in rows):
        raise ReviewError(
            f"{FILE.name}: needs the columns {', '.join(COLUMNS)} and a row an analysis; "
            "python -m analysis_lib with-r writes it"
        )
    return rows


def comparison_told(review: Review) -> str:
    """Return when R computed the analyses of a review, by which version, and whether it agreed."""
    rows = read_comparison(review)
    if not rows:
        return "R has not computed the analyses of this review yet (python -m analysis_lib with-r)."
    first = rows[0]
    same = sum(row["verdict"] == SAME for row in rows)
    other = sorted({row["verdict"] for row in rows} - {SAME, DIFFERS})
    differ = [row["analysis"] for row in rows if row["verdict"] == DIFFERS]
    told = [
        f"On {first['day']}, R {first['r']} with metafor {first['metafor']} computed "
        f"{same} of {plural(len(rows), 'analysis', 'analyses')} as here."
    ]
    told += [f"Not as here: {listing(differ)}."] * bool(differ)
    told += [
        f"{sum(row['verdict'] == verdict for row in rows)} could not be compared: {verdict}."
        for verdict in other
    ]
    if first["fingerprint"] != data_fingerprint(review):
        told.append("The data of the review have changed since.")
    return " ".join(told)
