"""Does what is exported come back, by `import` in a new review, with nothing typed?"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from places import DATA, ROOT
from properties import examples
from random_reviews import random_review

import analysis_lib as al
from analysis_lib.__main__ import main
from analysis_lib.book.engine.exporting import export
from analysis_lib.importing.search.store import read_store
from analysis_lib.review.possible import pooled_analyses

FOLDERS = (
    DATA,
    ROOT / "examples" / "rosiglitazone" / "data",
    ROOT / "examples" / "spinal_manipulation" / "data",
)
FILES = {"csv": "comparisons.csv", "metafor": "comparisons.csv", "revman": "revman.csv"}
# The standard error is written and squared again, and a ratio taken as a logarithm twice.
CLOSED_FORM = 1e-9
WORDS = {
    **{"priority": "primary", "instruments": "VAS", "lower_is_better": True},
    **{"definition": "When it was", "provenance": "reported", "source": "made up"},
}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a new review."""
    folder = tmp_path_factory.mktemp("new") / "review"
    assert main(["new", str(folder)]) == 0
    return folder


def come_back(review: al.Review, to: str, empty: Path, place: Path) -> al.Review:
    """Export a review, and import it into an empty one."""
    export(review, to, place / "out")
    shutil.copytree(empty, place / "new")
    assert main(["import", str(place / "out" / FILES[to]), "--to", str(place / "new")]) == 0
    return al.load_review(place / "new" / "data")


def results(review: al.Review) -> dict[tuple[str, ...], tuple[float, ...]]:
    """Return effect and variance by outcome, time, measure, trial and arms; and how it is known."""
    printed = {
        (row.trial, row.arm): row.label_printed if isinstance(row.label_printed, str) else row.arm
        for row in review.arms.itertuples()
    }
    return {
        (
            effects.outcome, effects.follow_up, effects.measure, review.trial_names[row.trial],
            printed[row.trial, row.experimental_arm], printed[row.trial, row.comparator_arm],
            row.provenance,
        ): (row.effect, row.variance)
        for effects in pooled_analyses(review)
        for row in effects.table.itertuples()
    }  # fmt: skip


def check_same(old: al.Review, new: al.Review) -> None:
    before, after = results(old), results(new)
    assert after.keys() == before.keys()
    for key, numbers in before.items():
        assert after[key] == pytest.approx(numbers, rel=CLOSED_FORM, abs=1e-12), key


@pytest.mark.slow
@pytest.mark.parametrize("to", FILES)
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.parent.name)
def test_reviews_come_back(folder: Path, to: str, empty: Path, tmp_path: Path) -> None:
    old = al.load_review(folder)
    new = come_back(old, to, empty, tmp_path)
    check_same(old, new)
    ours, theirs = (
        {(e.outcome, e.follow_up): e.pool().estimate for e in pooled_analyses(one)}
        for one in (old, new)
    )
    if "rosiglitazone" not in str(folder):  # whose review.toml adds counts up
        assert theirs == pytest.approx(ours, rel=1e-6)


@pytest.mark.slow
def test_events_and_means_come_back_as_counts_and_means(empty: Path, tmp_path: Path) -> None:
    for at, (folder, column) in enumerate(zip(FOLDERS[1:], ("events", "mean"), strict=True)):
        old = al.load_review(folder)
        new = come_back(old, "csv", empty, tmp_path / str(at))
        assert new.arm_results[column].notna().sum() > 0
        assert new.contrasts.empty or not old.contrasts.empty


@pytest.mark.slow
def test_moderators_come_back(empty: Path, tmp_path: Path) -> None:
    old = al.load_review(ROOT / "examples" / "hydroxychloroquine" / "data")
    new = come_back(old, "revman", empty, tmp_path)
    check_same(old, new)
    assert new.moderators["moderator"].tolist() == old.moderators["moderator"].tolist()
    for name, table in old.moderators[["moderator", "table"]].itertuples(index=False):
        pooled = {row[3] for row in results(old)}
        before, after = (
            {
                one.trial_names[row["trial"]]: row[name]
                for row in getattr(one, table).to_dict("records")
                if one.trial_names[row["trial"]] in pooled
            }
            for one in (old, new)
        )
        assert after == before


@pytest.mark.slow
@examples(8)
@example(seed=3747, to="revman")  # an arm of one person
@example(seed=0, to="revman")  # a comparison that tells nothing and shares an arm
@given(seed=st.integers(0, 10_000), to=st.sampled_from(["csv", "revman"]))
def test_any_review_comes_back(seed: int, to: str, empty: Path) -> None:
    """With shared arms, printed and reconstructed effects, scales, and readings of the text."""
    old = _whole(random_review(seed))
    with TemporaryDirectory() as place:
        if next(pooled_analyses(old), None) is not None:
            check_same(old, come_back(old, to, empty, Path(place)))


def _whole(review: al.Review) -> al.Review:
    """Give a random review the cells that a file needs, and arms whose names differ."""
    names = {"a_b": "walking", "a-b": "bands"}
    tables: dict[str, Any] = {}
    for name in ("arms", "arm_results", "contrasts", "reconstructed", "analyses"):
        tables[name] = getattr(review, name).replace(names)
    for name in ("outcomes", "follow_ups"):
        table = getattr(review, name).copy()
        for column in table:
            if column in WORDS:
                table[column] = WORDS[column]
        tables[name] = table
    tables["follow_ups"]["label"] = tables["follow_ups"]["follow_up"]
    tables["arms"]["label_printed"] = None
    return replace(review, **tables)


def test_references_come_back_as_records(empty: Path, tmp_path: Path) -> None:
    old = al.load_review(DATA)
    export(old, "ris", tmp_path / "out")
    shutil.copytree(empty, tmp_path / "new")
    file = tmp_path / "out" / "included.ris"
    assert main(["import", str(file), "--to", str(tmp_path / "new")]) == 0
    assert len(read_store(tmp_path / "new" / "data" / "search")) == len(old.reports)
    assert "no place for results" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_numbers_of_an_export_are_never_more_sure_than_they_were(
    empty: Path, tmp_path: Path
) -> None:
    old = al.load_review(DATA)
    new = come_back(old, "csv", empty, tmp_path)
    assert "reconstructed" in {*new.contrasts["provenance"]}
    assert {row[-1] for row in results(new)} == {row[-1] for row in results(old)}
    assert new.contrasts["source"].str.contains("; comparisons.csv, row ").all()
