"""The three tables that `make reconstruct` writes beside `reconstructed.csv`, and their readers.

An ensemble takes most of a minute to compute, so it is kept: every draw (``ensemble.csv``), every
printed number beside its reconstructed value (``reconstruction_report.csv``), and every study of
known data sets that was hidden and reconstructed (``reconstruction_validation.csv``).
`load_review` does not read them, because no pooled result depends on them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis_lib.base.errors import Problem, ReviewError, shown
from analysis_lib.printed.reconstruction.effects import Residual, validate
from analysis_lib.printed.reconstruction.tables import KEY, ReconstructedAnalysis
from analysis_lib.review.model import find_folder

ENSEMBLE, REPORT = "ensemble", "reconstruction_report"
VALIDATION = "reconstruction_validation"
TEXT, NUMBER, POSITIVE, WHOLE, YES_NO = "text", "number", "positive", "whole", "yes or no"
NOT_OF_KIND = {
    NUMBER: "is not a number",
    POSITIVE: "is not a number above zero",
    WHOLE: "is not a whole number above zero",
    YES_NO: "is neither yes nor no",
}
COLUMNS: Mapping[str, Mapping[str, str]] = {
    ENSEMBLE: {
        **dict.fromkeys(KEY, TEXT),
        "draw": WHOLE,
        "estimate": NUMBER,
        "se": POSITIVE,
    },
    REPORT: {
        "outcome": TEXT,
        "follow_up": TEXT,
        "reading": TEXT,
        "result": TEXT,
        "quantity": TEXT,
        "printed": TEXT,
        "printed_low": NUMBER,
        "printed_high": NUMBER,
        "reconstructed": NUMBER,
        "inside_rounding": YES_NO,
        "set_aside": YES_NO,
    },
    VALIDATION: {
        "data_set": TEXT,
        "conclusions_known": YES_NO,
        "study": TEXT,
        "effect": NUMBER,
        "guess": NUMBER,
        "reconstructed": NUMBER,
        "low": NUMBER,
        "high": NUMBER,
        "covered": YES_NO,
        "se": POSITIVE,
        "se_guess": POSITIVE,
        "se_reconstructed": POSITIVE,
        "se_low": POSITIVE,
        "se_high": POSITIVE,
        "se_covered": YES_NO,
    },
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


def _text(name: str, table: pd.DataFrame) -> str:
    """Write every number with six significant digits, no zero below zero, and yes or no."""
    cells = table[list(COLUMNS[name])].astype(object)
    for column, kind in COLUMNS[name].items():
        if kind in (NUMBER, POSITIVE):
            cells[column] = ["" if pd.isna(x) else f"{float(x) + 0.0:.6g}" for x in cells[column]]
        elif kind == YES_NO:
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
    table = _read(folder, ENSEMBLE)
    table["draw"] = table["draw"].astype(int)
    sizes = table.groupby(["outcome", "follow_up"])["draw"].transform("max")
    for key, rows in table.groupby(list(KEY), sort=False):
        name, wanted = " ".join(map(str, key)), int(sizes[rows.index[0]])
        if sorted(rows["draw"]) != list(range(1, wanted + 1)):
            problem = f"{name}: the draws are not 1 to {wanted}, each once"
            _stop([Problem(f"{ENSEMBLE}.csv", problem, int(rows.index[0]), "draw")])
    return table.reset_index(drop=True)


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
    return _read(folder, REPORT, optional=("reconstructed",)).reset_index(drop=True)


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
    return _read(folder, VALIDATION).reset_index(drop=True)


def _read(folder: str | Path, name: str, optional: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table whose index is the row in the file, its cells checked by column."""
    text = _read_text(find_folder(folder) / f"{name}.csv", list(COLUMNS[name]))
    table = text.copy()
    for column, kind in COLUMNS[name].items():
        if kind == YES_NO:
            table[column] = text[column].map({"yes": True, "no": False})
        elif kind != TEXT:
            table[column] = pd.to_numeric(text[column], errors="coerce").astype(float)
    _stop(_problems(name, text, table, optional))
    yes_no = [column for column, kind in COLUMNS[name].items() if kind == YES_NO]
    return table.astype(dict.fromkeys(yes_no, bool))


def _read_text(path: Path, columns: list[str]) -> pd.DataFrame:
    """Read every cell as text; an empty one is absent."""
    if not path.is_file():
        raise ReviewError(f"{path.name}: the file is missing; run make reconstruct")
    try:
        text = pd.read_csv(path, dtype="str", keep_default_na=False, na_values=[""])
    except (ValueError, pd.errors.ParserError) as error:  # not UTF-8, empty, cells too many
        raise ReviewError(f"{path.name}: not a readable CSV file ({error})") from None
    if list(text.columns) != columns or not isinstance(text.index, pd.RangeIndex):
        raise ReviewError(f"{path.name}, row 1: the columns must be {', '.join(columns)}")
    return text.set_axis(range(2, len(text) + 2))  # the header is row 1, as spreadsheets count


def _problems(
    name: str, text: pd.DataFrame, table: pd.DataFrame, optional: Sequence[str]
) -> Iterator[Problem]:
    """Yield every cell that is absent or not what its column holds."""
    if text.empty:
        yield Problem(f"{name}.csv", "there is no row; run make reconstruct")
    for column, kind in COLUMNS[name].items():
        absent = text[column].isna()
        if column not in optional:
            for row in text.index[absent]:
                yield Problem(f"{name}.csv", "a value is missing", int(row), column)
        bad = table[column].isna() & ~absent
        if kind in (NUMBER, POSITIVE, WHOLE):
            bad |= table[column].abs() == math.inf
        if kind in (POSITIVE, WHOLE):
            bad |= table[column] <= 0
        if kind == WHOLE:
            bad |= table[column] % 1 != 0
        for row in text.index[bad]:
            told = f"{shown(text.loc[row, column])} {NOT_OF_KIND[kind]}"
            yield Problem(f"{name}.csv", told, int(row), column)


def _stop(problems: Iterable[Problem]) -> None:
    """Raise one error for all problems, if there are any."""
    if lines := [str(problem) for problem in problems]:
        raise ReviewError("\n".join(lines))
