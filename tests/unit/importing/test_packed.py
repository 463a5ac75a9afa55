"""Is one file among files that are none read, the others told, and of two neither chosen?"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing import import_results, read_records
from analysis_lib.importing.packed import is_about, unpacked
from analysis_lib.importing.texts import read_bytes

SHEET = "Study,n1,mean1,sd1,n2,mean2,sd2\nAasa 2015,35,3.1,1.2,36,4,1.5\n"
RIS = "TY  - JOUR\nTI  - A title\nER  - \n"
PAIN = {"outcome": "Pain", "time": "Post"}
Pack = Callable[[dict[str, str]], Path]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    def run(files: dict[str, str]) -> Path:
        with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
            for name, text in files.items():
                packed.writestr(name, text)
        return tmp_path / "a.zip"

    return run


@pytest.mark.parametrize(
    "beside",
    [
        *("README", "README.md", "readme_first.txt", "Read me.txt", "LICENSE", "licence.pdf"),
        *("CITATION.cff", "sub/CHANGES.txt", "figure.PNG", "analysis.R", "protocol.docx"),
    ],
)
def test_what_is_plainly_none_is_told_by_name(pack: Pack, beside: str) -> None:
    path = pack({"data/results.csv": SHEET, beside: "x", "__MACOSX/._r.csv": "x", ".DS_Store": ""})
    found = import_results(path, **PAIN)
    assert len(found.results) == 2
    assert f"a.zip: 'data/results.csv' is read; not read: {beside!r}" in found.notes


def test_notes_in_words_are_none_and_records_are_some(pack: Pack) -> None:
    words = "These data, which\nI typed by myself, are mine.\n"
    found = import_results(pack({"results.csv": SHEET, "notes.txt": words}), **PAIN)
    assert "a.zip: 'results.csv' is read; not read: 'notes.txt'" in found.notes
    export = read_records(pack({"savedrecs.txt": RIS, "notes.txt": words}))
    assert len(export) == 1
    assert "a.zip: 'savedrecs.txt' is read; not read: 'notes.txt'" in export.notes


@pytest.mark.parametrize(
    ("name", "text"),
    [("b.csv", SHEET), ("b.xlsx", "x"), ("b.txt", RIS), ("b.txt", SHEET), ("b.unknown", "x")],
)
def test_of_two_files_neither_is_chosen(pack: Pack, name: str, text: str) -> None:
    with pytest.raises(ReviewError, match=rf"2 files; .*'a\.csv', '{name}'"):
        import_results(pack({"a.csv": SHEET, name: text, "README": ""}), **PAIN)


def test_a_name_is_no_path(pack: Pack, tmp_path: Path) -> None:
    (tmp_path / "outside.csv").write_text("kept")
    path = pack({"../outside.csv": SHEET, "/etc/README": "x"})
    before = sorted(tmp_path.iterdir())
    assert read_bytes(path) == SHEET.encode()
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "outside.csv").read_text() == "kept"


def test_the_limit_holds_for_the_one_file_and_for_texts_beside_it(pack: Pack) -> None:
    bomb = pack({"a.csv": SHEET, "notes.txt": "a " * 3_000_000})
    found = unpacked("a.zip", bomb.read_bytes(), 1000)
    assert found.content == SHEET.encode()
    with pytest.raises(ReviewError, match="too many bytes unpacked; the limit is 20"):
        unpacked("a.zip", bomb.read_bytes(), 20)


@given(st.text(min_size=1, max_size=20))
def test_a_table_is_never_a_note_about_one(name: str) -> None:
    ending = f"x{name}.csv".replace("/", "")
    assert not is_about(ending)
