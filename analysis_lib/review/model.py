"""The front door: read a review's folder, check all of it, and return one typed object."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from analysis_lib.base.checks import as_path
from analysis_lib.base.errors import Problem, ReviewError, stop
from analysis_lib.review.baseline import ARM, BASELINE, NUMBERS, PROVENANCES, scores_at_baseline
from analysis_lib.review.cells import (
    Cells,
    cells_of,
    checked_values,
    in_order,
    links_in,
    read_text,
    text_of,
)
from analysis_lib.review.entries import read_toml
from analysis_lib.review.extraction import open_cells, read_differences
from analysis_lib.review.found import with_marks
from analysis_lib.review.info import Participants, ReviewInfo, Treatment
from analysis_lib.review.instruments import OWN, own_instruments
from analysis_lib.review.provenance import cells_told, with_weaker_cells
from analysis_lib.review.reported import with_means

if TYPE_CHECKING:
    from analysis_lib.review.comparisons import StudyEffects

T = TypeVar("T")

INFO = "review.toml"
IN_THE_DATA = "in the review's data"
KEPT = 64  # tables, those of two or three reviews


@dataclass(frozen=True, slots=True)
class Review:
    """A review as data: every table, read and checked.

    Numbers are numbers; the digits of ``published.csv`` as they were printed are kept as text in
    ``printed``, for the checks that need to know how far a number was rounded.

    The tables are not changed in place, since what was computed of them is kept; make another
    review of other tables with ``dataclasses.replace``.
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
    statements: pd.DataFrame
    moderators: pd.DataFrame
    instruments: pd.DataFrame
    printed: pd.DataFrame = field(repr=False)
    #: What has been computed of these tables and may be asked for again.
    computed: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    def kept(self, name: Hashable, compute: Callable[[], T]) -> T:
        """Return what was computed of these tables before under a name, or compute it now."""
        if name not in self.computed:
            self.computed[name] = compute()
        found: T = self.computed[name]
        return found

    def analysis(
        self, outcome: str, follow_up: str, *, shared_arms: Treatment | None = None
    ) -> StudyEffects:
        """Return the effects of one outcome at one follow-up: `analysis_lib.study_effects`.

        Examples
        --------
        >>> pain = load_review("data").analysis("pain", "ETP")
        >>> pain.k, pain.pool().k
        (9, 9)
        """
        from analysis_lib.review.comparisons import study_effects  # which needs this class

        return study_effects(self, outcome, follow_up, shared_arms=shared_arms)

    @property
    def trial_names(self) -> dict[str, str]:
        """What each trial is called, by its key."""
        return self.kept(
            "trial names",
            lambda: dict(zip(self.trials["trial"], self.trials["label"], strict=True)),
        )

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
    from analysis_lib.review.agreement import choices_of_outcomes
    from analysis_lib.review.schemas import SCHEMAS

    folder = find_folder(path)
    bib = Path(bibliography) if bibliography else folder.parent / "book" / "references.bib"

    problems: list[object] = [*links_in(folder), *open_cells(read_differences(folder))]
    contents: dict[str, str] = {}
    for name, schema in SCHEMAS.items():
        try:
            contents[name] = text_of(folder / f"{name}.csv", schema)
            problems += _cells(name, contents[name]).ragged
        except ReviewError as error:
            problems.append(error)
    stop(problems, IN_THE_DATA)

    tables = {}
    wrong: list[Problem] = []
    for name, content in contents.items():
        tables[name], found = _values(name, content)
        wrong += found
    stop(in_order(wrong), IN_THE_DATA)

    info = read_toml(read_text(folder / INFO), ReviewInfo, INFO)
    citations = _citation_keys(bib)
    if info.citation not in citations:
        problems.append(f"{INFO}, key citation: {info.citation!r} is not in {bib.name}")
    problems += choices_of_outcomes(tables["outcomes"], info)
    problems += _disagreements(tuple(contents.items()), citations, info.participants)
    tables["arm_results"], uncomputed = with_means(tables["arm_results"])
    stop([*problems, *uncomputed], IN_THE_DATA)
    # While they are checked, the rows of a table carry the numbers they have in its file.
    tables = {name: table.reset_index(drop=True) for name, table in tables.items()}
    tables["risk_of_bias"].attrs[OWN] = own_instruments(tables["instruments"])
    tables["trials"] = with_marks(tables["trials"], folder)
    printed = _cells("published", contents["published"]).text.reset_index(drop=True)
    return Review(path=folder, info=info, printed=printed, **tables)


# A table whose text is the same as before is the same: of a review that is read again and again
# while somebody edits it, one table differs.


@lru_cache(KEPT)
def _cells(name: str, content: str) -> Cells:
    from analysis_lib.review.schemas import SCHEMAS

    return cells_of(f"{name}.csv", content, SCHEMAS[name])


@lru_cache(KEPT)
def _values(name: str, content: str) -> tuple[pd.DataFrame, tuple[Problem, ...]]:
    from analysis_lib.review.schemas import SCHEMAS

    values, problems = checked_values(_cells(name, content), SCHEMAS[name])
    return values, tuple(problems)


@lru_cache(4)
def _disagreements(
    contents: tuple[tuple[str, str], ...], citations: frozenset[str], participants: Participants
) -> tuple[Problem, ...]:
    from analysis_lib.review.agreement import disagreements

    tables = {name: _values(name, content)[0] for name, content in contents}
    return tuple(disagreements(tables, citations, participants))


def find_folder(path: str | Path) -> Path:
    """Return the folder, looked for here and then upwards."""
    here = Path.cwd()
    wanted = as_path("path", path)
    places = [wanted] if wanted.is_absolute() else [p / wanted for p in (here, *here.parents)]
    for place in places:
        if (place / INFO).is_file():
            return place
    raise ReviewError(f"{wanted}: no folder of that name with a review.toml, here or above")


def data_folder(path: str | Path) -> Path:
    """Return the folder with ``review.toml``: the one named, or ``data`` in it.

    Raises
    ------
    ReviewError
        If there is neither.
    """
    folder = as_path("path", path).resolve()
    for place in (folder, folder / "data"):
        if (place / INFO).is_file():
            return place
    raise ReviewError(f"{path}: no {INFO} in it, nor in its folder data")


def _citation_keys(path: Path) -> frozenset[str]:
    return frozenset(re.findall(r"^@\w+\{([^,\s]+)\s*,", read_text(path), re.MULTILINE))


def provenance_counts(review: Review) -> pd.DataFrame:
    """Count the rows of every table by how they came to be known.

    Returns
    -------
    pandas.DataFrame
        One row a table: ``table``, ``holds``, one column a provenance, ``rows``, ``in part`` (rows
        with cells that are known less well, counted under their row's provenance too) and
        ``which`` (these cells by column).
    """
    from analysis_lib.review.schemas import SCHEMAS

    rows = []
    for name, schema in SCHEMAS.items():
        table = getattr(review, name)
        counts = table["provenance"].value_counts()
        known = {word: int(counts.get(word, 0)) for word in PROVENANCES}
        rows.append(
            {
                "table": f"{name}.csv",
                "holds": schema.title,
                **known,
                "rows": sum(known.values()),
                "in part": int(with_weaker_cells(table).sum()),
                "which": cells_told(table),
            }
        )
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
