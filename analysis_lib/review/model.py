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

from analysis_lib.base.errors import Problem, ReviewError, shown
from analysis_lib.pooling.methods import Methods
from analysis_lib.review.baseline import ARM, BASELINE, NUMBERS, PROVENANCES, scores_at_baseline

# A spreadsheet runs a cell that begins like this, and a browser a cell that holds a tag: neither
# has a place in a table of facts.
FORMULA = re.compile(r"^[=@].|^[+-](?![\s\d.∞]|$)|^[+-]\S*(?:\||[A-Za-z]\()")
MARKUP = re.compile(r"<\s*[A-Za-z!/?]|&#|javascript:", re.IGNORECASE)
# The last two ranges turn the direction of writing, and so hide what a cell says.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

LARGEST_FILE = 20_000_000  # bytes; a table of facts is far smaller
LARGEST_COUNT = 999_999_999


@dataclass(frozen=True, slots=True)
class ReviewInfo:
    """What a review is: the words of ``review.toml``.

    ``experimental`` and ``comparator`` are the two sides of every comparison in the words of the
    review, ``short_names`` the same two for the heads of columns.
    """

    title: str
    authors: tuple[str, ...]
    question: str
    registration: str
    dates: Mapping[str, str]
    citation: str
    experimental: str
    comparator: str
    short_names: tuple[str, str]
    participants: Mapping[str, Any]
    methods: Methods
    risk_of_bias: Mapping[str, Any]


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
    analyses: pd.DataFrame
    reconstructed: pd.DataFrame
    claims: pd.DataFrame
    subgroup_levels: pd.DataFrame
    printed: pd.DataFrame = field(repr=False)

    @property
    def trial_names(self) -> dict[str, str]:
        """What each trial is called, by its key."""
        return dict(zip(self.trials["trial"], self.trials["label"], strict=True))

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
    from analysis_lib.review import schemas

    folder = find_folder(path)
    bib = Path(bibliography) if bibliography else folder.parent / "book" / "references.bib"

    problems: list[object] = []
    raw = {}
    for name, schema in schemas.SCHEMAS.items():
        try:
            raw[name], ragged = _read_csv(
                folder / f"{name}.csv", list(schema.columns), schemas.required_columns(name)
            )
            problems += ragged
        except ReviewError as error:
            problems.append(error)
    _stop(problems)

    tables = {}
    wrong: list[Problem] = []
    for name, text in raw.items():
        tables[name], unreadable = _typed(name, text)
        wrong += unreadable
        wrong += schemas.table_problems(name, tables[name], text)
    _stop(_in_order(wrong))

    info = _read_info(folder / "review.toml")
    citations = _citation_keys(bib)
    if info.citation not in citations:
        problems.append(f"review.toml: citation {info.citation!r} is not in {bib.name}")
    problems += schemas.cross_table_problems(tables, citations, info.participants)
    _stop(problems)
    # While they are checked, the rows of a table carry the numbers they have in its file.
    tables = {name: table.reset_index(drop=True) for name, table in tables.items()}
    printed = raw["published"].reset_index(drop=True)
    return Review(path=folder, info=info, printed=printed, **tables)


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


def _in_order(problems: Sequence[Problem]) -> list[Problem]:
    """Sort by file and row, as somebody goes through the files to mend them.

    A cell is named once, with the first thing that is wrong with it: the others follow from it.
    """
    once: dict[object, Problem] = {}
    for problem in problems:
        in_a_cell = problem.row is not None and problem.column is not None
        place = (problem.file, problem.row, problem.column) if in_a_cell else problem
        once.setdefault(place, problem)
    return sorted(once.values(), key=lambda p: (p.file, p.row or 0, p.column or ""))


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
    except OSError as error:
        raise ReviewError(f"{path.name}: cannot be read ({error.strerror})") from None


def _read_csv(
    path: Path, columns: list[str], required: list[str]
) -> tuple[pd.DataFrame, list[Problem]]:
    """Read a table as text, with no guess about any cell, and list the rows of another length.

    The index holds the row numbers of the file, as a spreadsheet counts: the header is row 1.
    """
    text = _read_text(path)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise ReviewError(f"{path.name}: not a readable CSV file ({error})") from None
    header = [cell.strip() for cell in rows[0]] if rows else []
    _stop_header(path.name, header, columns, required)
    filled = {
        line: [cell.strip() or None for cell in row]
        for line, row in enumerate(rows[1:], start=2)
        if any(cell.strip() for cell in row)
    }
    ragged = [
        Problem(path.name, f"{len(row)} cells where the header has {len(header)}", line)
        for line, row in filled.items()
        if len(row) != len(header)
    ]
    cells = [] if ragged else list(filled.values())
    index = [] if ragged else list(filled)
    table = pd.DataFrame(cells, index, columns=header, dtype="str")
    return table.reindex(columns=columns).astype("str"), ragged


def _stop_header(file: str, header: list[str], columns: list[str], required: list[str]) -> None:
    if not any(header):
        raise ReviewError(f"{file}, row 1: the header is missing")
    missing = [c for c in required if c not in header]
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


def _typed(name: str, text: pd.DataFrame) -> tuple[pd.DataFrame, list[Problem]]:
    """Turn text into numbers, whole numbers and yes/no, and list the cells that are not."""
    from analysis_lib.review import schemas

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
                whole = (numbers == numbers.round()) & (numbers.abs() <= LARGEST_COUNT)
                numbers = numbers.where(whole).astype("Int64")
            table[column] = numbers
            told = "is not a whole number" if kind == schemas.COUNT else "is not a number"
        else:
            continue
        for row in text.index[text[column].notna() & table[column].isna()]:
            message = f"{shown(text.loc[row, column])} {told}"
            problems.append(Problem(f"{name}.csv", message, int(row), column))
    return table, problems


UNSAFE_TEXT = (
    (MARKUP, "holds HTML or script"),
    (CONTROL, "holds a control character"),
)


def _unsafe_cells(name: str, text: pd.DataFrame) -> Iterator[Problem]:
    rules = ((FORMULA, "looks like a spreadsheet formula"), *UNSAFE_TEXT)
    for column in text.columns:
        filled = text[column].dropna()
        for row, cell in zip(filled.index, filled, strict=True):
            for pattern, told in rules:
                if pattern.search(cell):
                    yield Problem(f"{name}.csv", f"{shown(cell)} {told}", int(row), column)


def _read_info(path: Path) -> ReviewInfo:
    text = _read_text(path)
    try:
        toml = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # too many digits, too deep
        raise ReviewError(f"{path.name}: not readable as TOML: {error}") from None
    _stop([f"{path.name}: {problem}" for problem in _info_problems(toml)])
    short = toml.get("short_names", (toml["experimental"], toml["comparator"]))
    return ReviewInfo(
        **{
            **toml,
            "authors": tuple(toml["authors"]),
            "short_names": tuple(short),
            "methods": Methods(**toml["methods"]),
        }
    )


def _info_problems(toml: Mapping[str, Any]) -> Iterator[str]:
    texts = ("title", "question", "registration", "citation", "experimental", "comparator")
    tables = ("dates", "participants", "methods", "risk_of_bias")
    wanted = {
        **dict.fromkeys(texts, (_is_text, "a text")),
        "authors": (_is_list_of_texts, "a list of texts"),
        **dict.fromkeys(tables, (_is_table, "a table")),
    }
    for key, (is_right, kind) in wanted.items():
        if key not in toml:
            yield f"{key} is missing"
        elif not is_right(toml[key]):
            yield f"{key} must be {kind}, not {shown(toml[key])}"
    if "short_names" in toml and not _is_pair_of_texts(toml["short_names"]):
        yield f"short_names must be two texts, not {shown(toml['short_names'])}"
    for key in toml:
        if key not in (*wanted, "short_names"):
            yield f"unknown entry {shown(key)}"
    if _is_table(toml.get("dates")):
        for key, date in toml["dates"].items():
            if not _is_text(date):
                yield f"dates.{key} must be a text, not {shown(date)}"
    if _is_table(toml.get("participants")):
        yield from _participant_problems(toml["participants"])
    if _is_table(toml.get("methods")):
        try:
            Methods.named(toml["methods"])
        except ReviewError as error:
            yield f"methods: {error}"
    for place, text in _texts_in(toml):
        for pattern, told in UNSAFE_TEXT:
            if pattern.search(text):
                yield f"{place}: {shown(text)} {told}"


def _texts_in(value: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Return every text in a parsed TOML document, each with its place."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts_in(inner, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for number, inner in enumerate(value, start=1):
            yield from _texts_in(inner, f"{place} {number}")


def _participant_problems(participants: Mapping[str, Any]) -> Iterator[str]:
    if participants and "total" not in participants:
        yield "participants.total is missing"
    for key in ("total", "experimental", "comparator"):
        if key in participants and not _is_whole(participants[key]):
            yield f"participants.{key} must be a whole number, not {shown(participants[key])}"
    differences = participants.get("difference", [])
    if not isinstance(differences, list):
        yield f"participants.difference must be a list of tables, not {shown(differences)}"
        return
    for i, difference in enumerate(differences, start=1):
        if (
            not _is_table(difference)
            or not _is_whole(difference.get("n"))
            or difference.get("group") not in ("experimental", "comparator")
            or not _is_text(difference.get("why"))
        ):
            yield (
                f"participants.difference {i} needs n (a whole number), "
                f"group (experimental or comparator) and why (a text), not {shown(difference)}"
            )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(_is_text(item) for item in value)


def _is_pair_of_texts(value: object) -> bool:
    return _is_list_of_texts(value) and len(value) == 2 and value[0] != value[1]  # type: ignore[arg-type,index]  # a list, just found


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _citation_keys(path: Path) -> frozenset[str]:
    return frozenset(re.findall(r"^@\w+\{([^,\s]+)\s*,", _read_text(path), re.MULTILINE))


def provenance_counts(review: Review) -> pd.DataFrame:
    """Count the rows of every table by how they came to be known.

    Returns
    -------
    pandas.DataFrame
        One row a table: ``table``, one column a provenance, ``rows``.
    """
    from analysis_lib.review.schemas import SCHEMAS

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
    after = review.arm_results[review.arm_results["time"] != BASELINE]
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


def arms_at_baseline(review: Review, outcome: str) -> pd.DataFrame:
    """Return every arm with its score of one outcome before the trial began.

    Parameters
    ----------
    review
        A review that was loaded.
    outcome
        A key of ``outcomes.csv``.

    Returns
    -------
    pandas.DataFrame
        The rows of ``arms.csv`` in their order, with the columns ``printed``, ``mean``, ``sd``,
        ``scale_min`` and ``scale_max`` of the score; absent where the arm has none.

    Raises
    ------
    ReviewError
        For an outcome that the review does not have.

    Examples
    --------
    >>> arms = arms_at_baseline(load_review("data"), "pain")
    >>> arms[["mean", "scale_max"]].iloc[0].tolist()
    [43.0, 100.0]
    """
    if outcome not in set(review.outcomes["outcome"]):
        raise ReviewError(f"outcome {outcome!r} is not in outcomes.csv")
    scores = scores_at_baseline(review.arm_results, outcome)[["printed", *NUMBERS]]
    return review.arms.join(scores, on=ARM)
