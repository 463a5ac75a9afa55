"""Identifiers that differ by capitals, - and _ only are asked about: a file may hold one."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis_lib.review.agreement import DEFINED, _like_keys


def tables(trials: list[str], arms: list[tuple[str, str]]) -> dict[str, pd.DataFrame]:
    """Return tables of identifiers; the index holds rows of a file."""
    found = {name: pd.DataFrame(columns=list(columns)) for name, columns in DEFINED.items()}
    found["trials"] = pd.DataFrame({"trial": trials}, index=range(2, 2 + len(trials)))
    found["arms"] = pd.DataFrame(arms, columns=["trial", "arm"], index=range(2, 2 + len(arms)))
    return found


@pytest.mark.parametrize("other", ["AASA-2015", "aasa_2015"])
def test_trials_that_differ_by_capitals_or_dashes_are_asked_about(other: str) -> None:
    (problem,) = _like_keys(tables(["aasa-2015", "cai-2015", other], []))
    assert (problem.file, problem.row, problem.column) == ("trials.csv", 4, "trial")
    assert f"{other!r} is 'aasa-2015' of row 2 but for capitals" in problem.message


def test_arms_are_told_apart_within_a_trial_only() -> None:
    arms = [("a", "high"), ("b", "High"), ("b", "low"), ("b", "LOW")]
    (problem,) = _like_keys(tables(["a", "b"], arms))
    assert (problem.file, problem.row, problem.column) == ("arms.csv", 5, "arm")


def test_an_identifier_that_stands_twice_is_not_asked_about_here() -> None:
    assert not list(_like_keys(tables(["a", "a"], [])))
