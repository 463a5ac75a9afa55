"""The front door: read a review's folder, check all of it, and return one typed object."""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from analysis_lib.errors import ReviewError

# A spreadsheet runs a cell that begins like this, and a browser a cell that holds a tag: neither
# has a place in a table of facts.
FORMULA = re.compile(r"^[=@\t\r].|^[+-](?![\s\d.∞])")
MARKUP = re.compile(r"<\s*[A-Za-z!/?]|&#|javascript:", re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

LARGEST_FILE = 20_000_000  # bytes; a table of facts is far smaller


@dataclass(frozen=True, slots=True)
class ReviewInfo:
    """What a review is: the words of ``review.toml``."""

    title: str
    authors: tuple[str, ...]
    question: str
    registration: str
    dates: Mapping[str, str]
    citation: str
    loaded: str
    unloaded: str
    participants: Mapping[str, Any]
    methods: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Review:
    """A review as data: every table, read and checked.

    Numbers are numbers; the digits of ``published.csv`` as they were printed are kept as text in
    ``printed``, for the checks that need to know how far a number was rounded.
    """

    path: Path
    info: ReviewInfo
    outcomes: pd.DataFrame
    follow_ups: pd.DataFrame
    criteria: pd.DataFrame
    sources: pd.DataFrame
    searches: pd.DataFrame
    selection: pd.DataFrame
    excluded_reports: pd.DataFrame
    reports: pd.DataFrame
    trials: pd.DataFrame
    arms: pd.DataFrame
    interventions: pd.DataFrame
    adverse_events: pd.DataFrame
    published: pd.DataFrame
    arm_results: pd.DataFrame
    contrasts: pd.DataFrame
    risk_of_bias: pd.DataFrame
    certainty: pd.DataFrame
    printed: pd.DataFrame = field(repr=False)

    def __repr__(self) -> str:
        return (
            f"Review({self.info.title!r}: {len(self.trials)} trials, {len(self.arms)} arms, "
            f"{len(self.published)} printed results)"
        )


def load_review(path: str | Path = "data", *, bibliography: str | Path | None = None) -> Review:
    """Read and check a review.

    Parameters
    ----------
    path
        The folder that holds ``review.toml`` and the tables. A relative path is looked for here
        and then in the folders above, so that a notebook finds it from its own folder.
    bibliography
        The BibTeX file whose keys the tables cite; by default ``book/references.bib`` beside the
        folder.

    Returns
    -------
    Review

    Raises
    ------
    ReviewError
        If a file is missing or unreadable, or if a cell, a row or a count is wrong. The message
        lists every problem of the stage that failed, with file, row, column and value: first the
        shape of all files, then the cells of all tables, then what must agree between tables.

    Examples
    --------
    >>> review = load_review("data")
    >>> len(review.trials)
    13
    """
    # pandera is slow to import, and the statistics do not need it.
    from analysis_lib import schemas

    folder = find_folder(path)
    bib = Path(bibliography) if bibliography else folder.parent / "book" / "references.bib"

    problems: list[object] = []
    raw = {}
    for name, schema in schemas.SCHEMAS.items():
        try:
            raw[name] = _read_csv(folder / f"{name}.csv", list(schema.columns))
        except ReviewError as error:
            problems.append(error)
    _stop(problems)

    tables = {}
    for name, text in raw.items():
        tables[name], unreadable = _typed(name, text)
        problems += unreadable
        problems += schemas.table_problems(name, tables[name])
    _stop(_in_order(problems))

    info = _read_info(folder / "review.toml")
    problems += schemas.cross_table_problems(tables, _citation_keys(bib), info.participants)
    _stop(problems)
    return Review(path=folder, info=info, printed=raw["published"], **tables)


def find_folder(path: str | Path) -> Path:
    """Return the folder, looked for here and then upwards."""
    here = Path.cwd()
    wanted = Path(path)
    places = [wanted] if wanted.is_absolute() else [p / wanted for p in (here, *here.parents)]
    for place in places:
        if (place / "review.toml").is_file():
            return place
    raise ReviewError(f"{wanted}: no folder of that name with a review.toml, here or above")


def _stop(problems: Sequence[object]) -> None:
    """Raise one error for all problems, if there are any."""
    if problems:
        lines = list(dict.fromkeys(str(problem) for problem in problems))
        head = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
        raise ReviewError(f"{head} in the review's data:\n" + "\n".join(f"- {x}" for x in lines))


def _in_order(problems: list[Any]) -> list[Any]:
    """Sort by file and row, as somebody goes through the files to mend them."""
    return sorted(problems, key=lambda p: (p.file, p.row or 0, p.column or ""))


def _read_text(path: Path) -> str:
    if not path.is_file():
        raise ReviewError(f"{path.name}: the file is missing from {path.parent.name}/")
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise ReviewError(f"{path.name}: {size:,} bytes; the limit is {LARGEST_FILE:,}")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ReviewError(f"{path.name}, row {line}: not UTF-8 text; save it as UTF-8") from None


def _read_csv(path: Path, columns: list[str]) -> pd.DataFrame:
    """Read a table as text, with no guess about any cell, and check its shape."""
    text = _read_text(path)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise ReviewError(f"{path.name}: not a readable CSV file ({error})") from None
    header = [cell.strip() for cell in rows[0]] if rows else []
    _stop_header(path.name, header, columns)
    cells = []
    for line, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise ReviewError(
                f"{path.name}, row {line}: {len(row)} cells where the header has {len(header)}"
            )
        cells.append([cell.strip() or None for cell in row])
    return pd.DataFrame(cells, columns=header, dtype="str")[columns]


def _stop_header(file: str, header: list[str], columns: list[str]) -> None:
    missing = [c for c in columns if c not in header]
    unknown = [c for c in header if c not in columns]
    twice = sorted({c for c in header if header.count(c) > 1})
    told = [
        f"{what}: {', '.join(repr(c) for c in names)}"
        for what, names in (
            ("missing columns", missing),
            ("unknown columns", unknown),
            ("columns named twice", twice),
        )
        if names
    ]
    if told:
        raise ReviewError(f"{file}, row 1: {'; '.join(told)}")


def _typed(name: str, text: pd.DataFrame) -> tuple[pd.DataFrame, list[Any]]:
    """Turn text into numbers, whole numbers and yes/no, and list the cells that are not."""
    from analysis_lib import schemas

    problems = list(_unsafe_cells(name, text))
    table = text.copy()
    for column, spec in schemas.SCHEMAS[name].columns.items():
        kind = schemas.kind_of(spec)
        if kind == schemas.YES_NO:
            table[column] = text[column].map({"yes": True, "no": False}).astype("boolean")
            told = "is neither yes nor no"
        elif kind in (schemas.NUMBER, schemas.COUNT):
            numbers = pd.to_numeric(text[column], errors="coerce").astype("float64")
            numbers = numbers.where(numbers.abs() < float("inf"))
            if kind == schemas.COUNT:
                numbers = numbers.where(numbers == numbers.round()).astype("Int64")
            table[column] = numbers
            told = "is not a whole number" if kind == schemas.COUNT else "is not a number"
        else:
            continue
        for row in text.index[text[column].notna() & table[column].isna()]:
            problems.append(
                schemas.Problem(
                    f"{name}.csv",
                    f"{text.at[row, column]!r} {told}",
                    int(row) + schemas.FIRST_ROW,
                    column,
                )
            )
    return table, problems


def _unsafe_cells(name: str, text: pd.DataFrame) -> Iterator[Any]:
    from analysis_lib.schemas import FIRST_ROW, Problem

    rules = (
        (FORMULA, "looks like a spreadsheet formula"),
        (MARKUP, "holds HTML or script"),
        (CONTROL, "holds a control character"),
    )
    for column in text.columns:
        for row, cell in text[column].dropna().items():
            for pattern, told in rules:
                if pattern.search(cell):
                    yield Problem(f"{name}.csv", f"{cell!r} {told}", int(row) + FIRST_ROW, column)


def _read_info(path: Path) -> ReviewInfo:
    try:
        toml = tomllib.loads(_read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ReviewError(f"{path.name}: not readable as TOML: {error}") from None
    wanted: dict[str, type] = {
        "title": str,
        "authors": list,
        "question": str,
        "registration": str,
        "dates": dict,
        "citation": str,
        "loaded": str,
        "unloaded": str,
        "participants": dict,
        "methods": dict,
    }
    problems = [
        f"{path.name}: {key} is missing" if key not in toml else f"{path.name}: {key} must be a "
        f"{kind.__name__}, not {toml[key]!r}"
        for key, kind in wanted.items()
        if not isinstance(toml.get(key), kind)
    ]
    problems += [f"{path.name}: unknown entry {key!r}" for key in toml if key not in wanted]
    problems += _participant_problems(path.name, toml.get("participants"))
    _stop(problems)
    return ReviewInfo(**{**toml, "authors": tuple(toml["authors"])})


def _participant_problems(file: str, participants: object) -> Iterator[str]:
    if not isinstance(participants, dict):
        return
    if not isinstance(participants.get("total"), int):
        yield f"{file}: participants.total must be a whole number"
    for i, difference in enumerate(participants.get("difference", []), start=1):
        if (
            not isinstance(difference, dict)
            or not isinstance(difference.get("n"), int)
            or not {"group", "why"} <= difference.keys()
        ):
            yield f"{file}: participants.difference {i} needs n (a whole number), group and why"


def _citation_keys(path: Path) -> frozenset[str]:
    return frozenset(re.findall(r"^@\w+\{([^,\s]+)\s*,", _read_text(path), re.MULTILINE))


def provenance_counts(review: Review) -> pd.DataFrame:
    """Count the rows of every table by how they came to be known.

    Returns
    -------
    pandas.DataFrame
        One row a table: ``table``, one column a provenance, ``rows``.
    """
    from analysis_lib.schemas import PROVENANCES, SCHEMAS

    rows = []
    for name, schema in SCHEMAS.items():
        counts = getattr(review, name)["provenance"].value_counts()
        known = {word: int(counts.get(word, 0)) for word in PROVENANCES}
        row = {"table": f"{name}.csv", "holds": schema.title, **known, "rows": sum(known.values())}
        rows.append(row)
    return pd.DataFrame(rows)


def result_status(review: Review) -> pd.DataFrame:
    """Say for each trial which of its results are known at follow-up.

    Returns
    -------
    pandas.DataFrame
        One row a trial: ``trial``, ``arm_level`` (means and standard deviations by arm),
        ``contrasts`` (differences between arms with an interval), each as words.
    """
    after = review.arm_results[review.arm_results["time"] != "baseline"]
    names = dict(zip(review.outcomes["outcome"], review.outcomes["label"], strict=True))
    rows = []
    for trial in review.trials.itertuples():
        arms = after[after["trial"] == trial.trial]
        pairs = review.contrasts[review.contrasts["trial"] == trial.trial]
        known = [f"{names[o]} ({t})" for o, t in zip(arms["outcome"], arms["time"], strict=True)]
        differences = [
            f"{names[r.outcome]} ({r.follow_up}, {r.measure}, {r.provenance})"
            for r in pairs.itertuples()
        ]
        rows.append(
            {
                "trial": trial.label,
                "arm_level": "; ".join(dict.fromkeys(known)) or "none",
                "contrasts": "; ".join(differences) or "none",
            }
        )
    return pd.DataFrame(rows)
