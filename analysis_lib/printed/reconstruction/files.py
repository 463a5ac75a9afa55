"""The three tables that `make reconstruct` writes beside `reconstructed.csv`, and their readers.

An ensemble takes most of a minute to compute, so it is kept: every draw (``ensemble.csv``), every
printed number beside its reconstructed value (``reconstruction_report.csv``), and every study of
known data sets that was hidden and reconstructed (``reconstruction_validation.csv``).
`load_review` does not read them, because no pooled result depends on them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pandera.pandas as pa

from analysis_lib.base.errors import ReviewError
from analysis_lib.printed.reconstruction.effects import Residual, validate
from analysis_lib.printed.reconstruction.tables import KEY, ReconstructedAnalysis
from analysis_lib.review.cells import COUNT, NUMBER, YES_NO, kind_of, table_of, text_of
from analysis_lib.review.model import find_folder
from analysis_lib.review.schemas import count, key, number, table, text, yes_no

ENSEMBLE, REPORT = "ensemble", "reconstruction_report"
VALIDATION = "reconstruction_validation"
TABLES: Final[Mapping[str, pa.DataFrameSchema]] = {
    ENSEMBLE: table(
        "Sets of effects that agree with what is printed",
        {
            **{name: key(name.replace("_", " ").capitalize()) for name in KEY},
            "draw": count("Number of the set", low=1),
            "estimate": number("Experimental minus comparator", optional=False),
            "se": number("Standard error", above=0, optional=False),
        },
        unique=(*KEY, "draw"),
        needs_rows=True,
    ),
    REPORT: table(
        "Printed numbers beside their reconstructed values",
        {
            "outcome": key("Outcome"),
            "follow_up": key("Follow-up"),
            "reading": text("Reading of the text"),
            "result": key("Printed result"),
            "quantity": key("Which of its numbers"),
            "printed": text("As printed"),
            "printed_low": number("Least number that rounds to it", optional=False),
            "printed_high": number("Greatest number that rounds to it", optional=False),
            "reconstructed": number("Of the reconstructed effects"),
            "inside_rounding": yes_no("Whether it rounds to the printed number"),
            "set_aside": yes_no("Whether the printed number was not used"),
        },
        needs_rows=True,
    ),
    VALIDATION: table(
        "Studies of known data sets, hidden and reconstructed",
        {
            "data_set": text("Data set"),
            "conclusions_known": yes_no("Whether the studies' conclusions were known beforehand"),
            "study": text("Study"),
            "effect": number("True effect", optional=False),
            "guess": number("Effect guessed beforehand", optional=False),
            "reconstructed": number("Reconstructed effect", optional=False),
            "low": number("Least of the ensemble (2.5 %)", optional=False),
            "high": number("Greatest of the ensemble (97.5 %)", optional=False),
            "covered": yes_no("Whether these hold the true effect"),
            "se": number("True standard error", above=0, optional=False),
            "se_guess": number("Guessed beforehand", above=0, optional=False),
            "se_reconstructed": number("Reconstructed", above=0, optional=False),
            "se_low": number("Least of the ensemble (2.5 %)", above=0, optional=False),
            "se_high": number("Greatest of the ensemble (97.5 %)", above=0, optional=False),
            "se_covered": yes_no("Whether these hold the true one"),
        },
        needs_rows=True,
    ),
}


# --- writing --------------------------------------------------------------------------------------


def ensemble_csv(results: Iterable[ReconstructedAnalysis]) -> str:
    """Return ``ensemble.csv`` as text: one row a comparison and draw.

    Parameters
    ----------
    results : iterable of ReconstructedAnalysis
        Main readings; one without an ensemble contributes nothing.

    Returns
    -------
    str
        Comma separated, numbers with six significant digits.
    """
    parts = []
    for result in results:
        if result.ensemble is None:
            continue
        draws, k = result.ensemble.effect.shape
        rows = result.analysis.comparisons[list(KEY)]
        rows = rows.loc[rows.index.repeat(draws)].reset_index(drop=True)
        rows["draw"] = [draw for _ in range(k) for draw in range(1, draws + 1)]
        rows["estimate"] = result.ensemble.effect.T.ravel()
        rows["se"] = result.ensemble.variance.T.ravel() ** 0.5
        parts.append(rows)
    return _text(ENSEMBLE, pd.concat(parts))


def report_csv(results: Iterable[ReconstructedAnalysis]) -> str:
    """Return ``reconstruction_report.csv`` as text: one row a printed number and reading.

    Parameters
    ----------
    results : iterable of ReconstructedAnalysis
        Main and other readings.

    Returns
    -------
    str
        Comma separated. ``printed`` keeps the digits of the review; I² is in per cent.
    """
    rows = [
        {
            "outcome": result.analysis.outcome,
            "follow_up": result.analysis.follow_up,
            "reading": result.analysis.reading,
            **_printed(residual),
        }
        for result in results
        for residual in result.reconstruction.residuals
    ]
    return _text(REPORT, pd.DataFrame(rows))


def _printed(residual: Residual) -> dict[str, object]:
    """Return a printed number as it stands in the review, beside its reconstructed value."""
    unit = 100.0 if residual.quantity == "i2" else 1.0
    low, high = unit * residual.printed.low, unit * residual.printed.high
    if residual.quantity == "p_value" and low == 0:
        printed = f"< {high:g}"
    else:
        decimals = max(0, round(-math.log10(high - low)))
        printed = f"{(low + high) / 2:.{decimals}f}"
    return {
        "result": residual.result,
        "quantity": residual.quantity,
        "printed": printed,
        "printed_low": low,
        "printed_high": high,
        "reconstructed": None if residual.value is None else unit * residual.value,
        "inside_rounding": residual.inside,
        "set_aside": not residual.used,
    }


def validation_csv(
    data_sets: Mapping[str, Mapping[str, Any]],
    log_variance_sd: Mapping[str, float],
    *,
    draws: int = 200,
) -> str:
    """Hide known data sets, reconstruct them, and return the comparison with the truth as text.

    Parameters
    ----------
    data_sets : mapping of str to mapping
        For each name effects ``yi``, variances ``vi``, ``decimals`` that a paper would print, and
        for standardized mean differences the people of both arms, ``n``.
    log_variance_sd : mapping of str to float
        How well variances are guessed beforehand, for ``MD`` and for ``SMD``.
    draws : int
        Size of each ensemble.

    Returns
    -------
    str
        ``reconstruction_validation.csv``: one row a study, once with the conclusions of the
        studies known beforehand and once without. See `validate`.
    """
    parts = []
    for name, data in data_sets.items():
        standardized = "n" in data
        for known in (True, False):
            found = validate(
                data["yi"],
                data["vi"],
                log_variance_sd=log_variance_sd["SMD" if standardized else "MD"],
                curvature=[1 / (2 * n) for n in data["n"]] if standardized else None,
                conclusions=known,
                decimals=data["decimals"],
                draws=draws,
            )
            head = {"data_set": name, "conclusions_known": known}
            parts.append(found.rename_axis("study").reset_index().assign(**head))
    return _text(VALIDATION, pd.concat(parts))


def _text(name: str, rows: pd.DataFrame) -> str:
    """Write every number with six significant digits, no zero below zero, and yes or no."""
    cells = rows[list(TABLES[name].columns)].astype(object)
    for column, spec in TABLES[name].columns.items():
        if kind_of(spec) == NUMBER:
            cells[column] = ["" if pd.isna(x) else f"{float(x) + 0.0:.6g}" for x in cells[column]]
        elif kind_of(spec) == YES_NO:
            cells[column] = ["yes" if x else "no" for x in cells[column]]
    return cells.to_csv(index=False, lineterminator="\n")


# --- reading --------------------------------------------------------------------------------------


def read_ensemble(folder: str | Path = "data") -> pd.DataFrame:
    """Read ``ensemble.csv`` and check that every comparison has every draw.

    Parameters
    ----------
    folder : str or Path
        The folder of the review, as for `load_review`.

    Returns
    -------
    DataFrame
        ``outcome``, ``follow_up``, ``trial``, ``experimental_arm``, ``comparator_arm``,
        ``draw`` (from 1), ``estimate``, ``se``.

    Raises
    ------
    ReviewError
        Naming file, row, column and value of what cannot be used.
    """
    rows = _read(folder, ENSEMBLE)
    draws = rows.groupby(list(KEY), sort=False)["draw"].agg(["size", "max"])
    most = draws.groupby(["outcome", "follow_up"])["max"].transform("max")
    for comparison in draws.index[draws["size"] != most]:
        told = f"{' '.join(comparison)}: the draws are not 1 to {most[comparison]}, each once"
        raise ReviewError(f"{ENSEMBLE}.csv, column draw: {told}")
    return rows


def read_report(folder: str | Path = "data") -> pd.DataFrame:
    """Read ``reconstruction_report.csv``.

    Parameters
    ----------
    folder : str or Path
        The folder of the review, as for `load_review`.

    Returns
    -------
    DataFrame
        One row a printed number and reading: ``outcome``, ``follow_up``, ``reading``, ``result``,
        ``quantity``, ``printed`` (text), ``printed_low``, ``printed_high``, ``reconstructed``,
        ``inside_rounding``, ``set_aside``. I² is in per cent.

    Raises
    ------
    ReviewError
        Naming file, row, column and value of what cannot be used.
    """
    return _read(folder, REPORT)


def read_validation(folder: str | Path = "data") -> pd.DataFrame:
    """Read ``reconstruction_validation.csv``.

    Parameters
    ----------
    folder : str or Path
        The folder of the review, as for `load_review`.

    Returns
    -------
    DataFrame
        One row a study, with the columns of `validate` and ``data_set``, ``conclusions_known``.

    Raises
    ------
    ReviewError
        Naming file, row, column and value of what cannot be used.
    """
    return _read(folder, VALIDATION)


def _read(folder: str | Path, name: str) -> pd.DataFrame:
    path = find_folder(folder) / f"{name}.csv"
    if not path.is_file():
        raise ReviewError(f"{path.name}: the file is missing; run make reconstruct")
    return _checked(name, text_of(path, TABLES[name])).copy()


@lru_cache(len(TABLES))
def _checked(name: str, content: str) -> pd.DataFrame:
    """Check a table, once as long as its text is the same: each analysis asks for the ensemble.

    What is never absent has a type that knows no absence.
    """
    rows = table_of(f"{name}.csv", content, TABLES[name]).reset_index(drop=True)
    kinds = {column: kind_of(spec) for column, spec in TABLES[name].columns.items()}
    plain = {COUNT: "int64", YES_NO: "bool"}
    return rows.astype({name: plain[kind] for name, kind in kinds.items() if kind in plain})
