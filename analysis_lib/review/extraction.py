"""Two people who extracted the same results: where their sheets differ, and who decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis_lib.base.errors import Problem
from analysis_lib.base.formatting import listing, percent, plural
from analysis_lib.review.cells import read_table

FOLDER = "extraction"
DIFFERENCES, COMPARED = "differences.csv", "compared.csv"
WHOLE_ROW = "(the row)"  # in place of a column, where only one sheet has the row
THERE = "is there"  # in place of a cell, of the sheet that has the row


@dataclass(frozen=True, slots=True)
class ExtractionAgreement:
    """How far two extraction sheets agreed when they were first compared.

    Attributes
    ----------
    cells, differing : int
        Cells that at least one of the two filled, and those in which they differ.
    decided_by : tuple of str
        Who settled what differed.
    """

    cells: int
    differing: int
    decided_by: tuple[str, ...]

    def __str__(self) -> str:
        same = self.cells - self.differing
        share = f"{same:,} of {plural(self.cells, 'cell')} ({percent(same / self.cells)})"
        told = f"Two people extracted the results; they agreed on {share}."
        who = f" What differed was settled by {listing(self.decided_by)}."
        return told + (who if self.decided_by else "")


def read_differences(data: Path) -> pd.DataFrame:
    """Return the cells in which extraction sheets differ, with what was decided.

    Raises
    ------
    ReviewError
        For a table that cannot be read, naming file, row and column.
    """
    from analysis_lib.review.schemas import EXTRACTION  # pandera is slow to import

    path = data / FOLDER / DIFFERENCES
    if not path.exists():
        return pd.DataFrame(columns=list(EXTRACTION[DIFFERENCES].columns))
    return read_table(path, EXTRACTION[DIFFERENCES])


def open_cells(differences: pd.DataFrame) -> Iterator[Problem]:
    """Name every cell in which two sheets differ and of which nobody has decided."""
    for number, row in differences.astype(object).fillna("").iterrows():
        is_row = row["column"] == WHOLE_ROW
        if row["decided_by"] and not (is_row and row["settled"] != "no"):
            continue
        where = ", ".join(row[name] for name in ("study", "outcome", "time", "arms") if row[name])
        if is_row:
            side = "first" if row["first"] else "second"
            other = row["second_file" if side == "first" else "first_file"]
            told = (
                f"only in {row[f'{side}_file']}, row {row[f'{side}_row']}. If it belongs in the "
                f"review, the second person enters it in {other} too, and both sheets are compared "
                "again; if not, write no in settled and who decided in decided_by"
            )
            if row["settled"] not in ("", "no"):
                told += f" ({row['settled']} in settled does not do: one person alone extracted it)"
        else:
            first, second = (
                f"{row[side] or 'nothing'} ({row[f'{side}_file']}, row {row[f'{side}_row']})"
                for side in ("first", "second")
            )
            told = (
                f"{row['column']} is {first} or {second}; write the right one in settled and who "
                "decided in decided_by"
            )
        yield Problem(f"{FOLDER}/{DIFFERENCES}", f"{where}: {told}", int(str(number)))


def extraction_agreement(data: Path) -> ExtractionAgreement | None:
    """Return how far the extraction sheets of a review agree; ``None`` if none were compared."""
    from analysis_lib.review.schemas import EXTRACTION  # pandera is slow to import

    path = data / FOLDER / COMPARED
    if not path.exists():
        return None
    compared = read_table(path, EXTRACTION[COMPARED])
    if not compared["cells"].sum():
        return None
    people = read_differences(data)["decided_by"].dropna()
    return ExtractionAgreement(
        int(compared["cells"].sum()), int(compared["differing"].sum()), tuple(dict.fromkeys(people))
    )
