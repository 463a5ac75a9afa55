"""Record the review as it is now as a version, so that the page of news can compare with it.

    make new-version VERSION=1.1 NOTE="two trials added"

A version is recorded once.
"""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path

import analysis_lib as al
from analysis_lib.book.news import STATUS, add_version
from analysis_lib.conclusions.versions import COMPUTED, PRINTED

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Read the command line and record."""
    parser = argparse.ArgumentParser(description="record the review as a version")
    parser.add_argument("version")
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    parser.add_argument("--basis", choices=(PRINTED, COMPUTED), default=COMPUTED)
    parser.add_argument("--status", default=STATUS)
    parser.add_argument("--note", default="")
    parser.add_argument("--again", action="store_true", help="replace a version of this name")
    given = parser.parse_args()
    try:
        add_version(
            ROOT / "data",
            given.version,
            given.date,
            basis=given.basis,
            status=given.status,
            note=given.note,
            again=given.again,
        )
    except al.ReviewError as error:
        raise SystemExit(str(error)) from None
    print(f"recorded version {given.version} of {given.date}")


if __name__ == "__main__":
    main()
