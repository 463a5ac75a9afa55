"""Are the settings of a book read without Sphinx, and is what is wrong in them told?"""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis_lib.base.errors import ReviewError
from analysis_lib.book.engine.settings import CONFIG, CONTENTS, read_settings
from analysis_lib.book.writing import write_pages


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / CONFIG).touch()
    (tmp_path / CONTENTS).touch()
    return tmp_path


@pytest.mark.parametrize(
    "text", ["title: A", "sphinx: {extra: 1}", "sphinx: {config: {numfig: 1}}"]
)
def test_what_is_not_said_is_as_in_a_new_review(folder: Path, text: str) -> None:
    (folder / CONFIG).write_text(text)
    settings = read_settings(folder)
    assert settings.review_folder == "data"
    assert settings.review_inputs == settings.review_ignores == ()


def test_what_is_said_of_the_review_decides_what_the_book_is_made_from(folder: Path) -> None:
    config = "review_folder: tables, review_inputs: [more], review_ignores: [tests, logo.svg]"
    (folder / CONFIG).write_text(f"sphinx: {{config: {{numfig: true, {config}}}}}")
    settings = read_settings(folder)
    assert settings.review_folder == "tables"
    for name in ("more/table.csv", "tests/test.py", "logo.svg", "other.csv"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    sources = settings.sources(folder)
    files = {file.relative_to(folder).as_posix() for file in sources.files}
    assert files == {CONFIG, CONTENTS, "more/table.csv", "other.csv"}
    assert folder / "more" / "table.csv" in sources.copied


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title: [", "_config.yml: cannot be read: while parsing"),
        ("", "_config.yml, key the whole: None must be a table"),
        ("- title", "_config.yml, key the whole: .* must be a table"),
        ("sphinx: 3", "_config.yml, key sphinx: 3 must be a table"),
        ("sphinx: {config: no}", r"table \[sphinx\], key config: .* must be a table"),
        ("sphinx: {config: {review_inputs: examples}}", "key review_inputs: .* must be a list"),
        ("sphinx: {config: {review_ignores: [3]}}", "key review_ignores, entry 1: .* be a text"),
        ("sphinx: {config: {review_folder: [data]}}", "key review_folder: .* must be a text"),
    ],
)
def test_a_fault_is_told_with_its_place(folder: Path, text: str, told: str) -> None:
    (folder / CONFIG).write_text(text)
    with pytest.raises(ReviewError, match=told):
        read_settings(folder)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("html: {analytics: 3}", "_config.yml: cannot be read: .* not iterable"),
        ("html: {use_issues_button: true}", "cannot be read: .* specify the repository URL"),
    ],
)
def test_what_jupyter_book_cannot_read_is_one_line(folder: Path, text: str, told: str) -> None:
    (folder / CONFIG).write_text(text)
    assert read_settings(folder).review_folder == "data"
    with pytest.raises(ReviewError, match=told):
        write_pages(folder, folder / "out", "html")
    assert not (folder / "out").exists()
