"""Write what is reconstructed: study effects that agree with everything the review prints.

Run as ``python tools/reconstruct.py`` from the project's root (about two minutes). It writes four
tables into the data folder: ``reconstructed.csv``, ``ensemble.csv``, ``reconstruction_report.csv``
and ``reconstruction_validation.csv``. ``--print`` shows printed against reconstructed instead.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd

from analysis_lib.printed.reconstruction.files import (
    ENSEMBLE,
    REPORT,
    VALIDATION,
    ensemble_csv,
    report_csv,
    validation_csv,
)
from analysis_lib.printed.reconstruction.tables import (
    ReconstructedAnalysis,
    analyses_to_reconstruct,
    build_analysis,
    guess_spread,
    read_tables,
    reconstruct_analysis,
    reconstructed_csv,
)

KNOWN_DATA_SETS = Path("tests/golden/reconstruction_datasets.json")


def all_readings(tables: dict[str, pd.DataFrame], draws: int) -> list[ReconstructedAnalysis]:
    """Reconstruct every reading of every pooled result; main readings have an ensemble."""
    return [
        reconstruct_analysis(
            build_analysis(tables, outcome, follow_up, reading),
            draws=draws if reading == "main" else 0,
        )
        for outcome, follow_up, reading in analyses_to_reconstruct(tables)
    ]


def write_all(folder: Path, known: Path, draws: int) -> None:
    """Write the four tables."""
    tables = read_tables(folder)
    results = all_readings(tables, draws)
    main = [result for result in results if result.analysis.reading == "main"]
    data_sets = json.loads(known.read_text(encoding="utf-8"))["datasets"]
    for name, text in (
        ("reconstructed", reconstructed_csv(main)),
        (ENSEMBLE, ensemble_csv(main)),
        (REPORT, report_csv(results)),
        (VALIDATION, validation_csv(data_sets, guess_spread(tables), draws=draws)),
    ):
        (folder / f"{name}.csv").write_text(text, encoding="utf-8", newline="\n")


def main() -> None:
    """Read the command line and do what it asks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the tables")
    parser.add_argument("--known", type=Path, default=KNOWN_DATA_SETS, help="data sets to hide")
    parser.add_argument("--draws", type=int, default=200, help="size of each ensemble")
    parser.add_argument("--print", action="store_true", help="show the comparison, write nothing")
    options = parser.parse_args()
    if options.print:
        results = all_readings(read_tables(options.data), draws=0)
        print(pd.concat([result.table() for result in results]).to_string(index=False))
        return
    write_all(options.data, options.known, options.draws)


if __name__ == "__main__":
    main()
