"""Are pages served to this computer only, as they are, and reloaded once they were made again?

No test waits on a clock: a stream is read until it says something, a pause is a change.
"""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_reviews import three_equal_trials, write

from analysis_lib.__main__ import main
from analysis_lib.base.errors import ReviewError
from analysis_lib.book.engine.stamp import STAMP
from analysis_lib.book.serving import NEWS, Pages, changes, serving, state

PAGE = b"<html><body><p>Effects</p></body></html>"


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    html = tmp_path / "_build" / "html"
    html.mkdir(parents=True)
    (html / "index.html").write_bytes(PAGE)
    (html / "figure.svg").write_bytes(b"<svg/>")
    (html / STAMP).write_text("first")
    with serving(html, 0) as found:
        yield found


def get(pages: Pages, path: str, host: str = "127.0.0.1") -> bytes:
    address = f"http://127.0.0.1:{pages.server_port}{path}"
    request = urllib.request.Request(address, headers={"Host": host})
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        body: bytes = answer.read()
    return body


def refused(pages: Pages, path: str, host: str = "127.0.0.1") -> tuple[int, bytes]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(pages, path, host)
    with caught.value as error:
        return error.code, error.read()


@pytest.mark.parametrize("path", ["/", "/index.html", "/index.html?view=1#part"])
def test_a_page_is_served_with_the_line_that_reloads_it(pages: Pages, path: str) -> None:
    body = get(pages, path)
    assert body.startswith(PAGE)
    assert f'data-news="{NEWS}?since=first"'.encode() in body
    assert b"is being made" not in body
    assert (pages.html / "index.html").read_bytes() == PAGE


def test_other_files_are_served_as_they_are(pages: Pages) -> None:
    assert get(pages, "/figure.svg") == b"<svg/>"


@pytest.mark.parametrize("path", ["/../lock", "/%2e%2e/lock", "/none.svg", "/none.html"])
def test_what_is_not_among_the_pages_is_not_there(pages: Pages, path: str) -> None:
    (pages.html.parent / "lock").write_text("private")
    code, body = refused(pages, path)
    assert code == 404
    assert b"private" not in body


def test_other_computers_and_pages_of_other_names_get_nothing(pages: Pages) -> None:
    assert pages.server_address[0] == "127.0.0.1"
    assert refused(pages, "/", host="elsewhere.example")[0] == 403


def test_a_page_hears_of_new_ones_once_they_are_there(pages: Pages) -> None:
    address = f"http://127.0.0.1:{pages.server_port}{NEWS}?since=first"
    with urllib.request.urlopen(address) as news:
        assert news.headers["Content-Type"] == "text/event-stream"
        pages.tell()  # a build that failed, or changed nothing
        (pages.html / STAMP).write_text("second")
        pages.tell()
        assert news.read() == b"data: new\n\n"


def test_a_page_of_another_state_hears_at_once(pages: Pages) -> None:
    assert get(pages, f"{NEWS}?since=older") == b"data: new\n\n"


@pytest.mark.slow
def test_before_there_are_pages_a_sentence_waits_for_them(tmp_path: Path) -> None:
    with serving(tmp_path / "html", 0) as pages:
        code, body = refused(pages, "/")
    assert code == 404
    assert b"is being made" in body
    assert f'data-news="{NEWS}?since="'.encode() in body


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ReviewError, match=f"port {port}: .*--port"), serving(tmp_path, port):
            pass


def test_a_folder_without_a_book_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", str(tmp_path), "--watch", "--port", "0"]) == 1
    assert "_config.yml: the file is missing" in capsys.readouterr().err


def test_a_change_is_seen_once_also_if_it_comes_while_a_book_is_made() -> None:
    seen = iter(["a", "a", "b", "b", "c", "d", "d"])
    pauses: list[int] = []
    found = changes(lambda: next(seen), lambda: pauses.append(1))
    for _ in range(4):  # a at first, b, c, d
        next(found)
    assert len(pauses) == 2  # where the same was seen twice


@pytest.mark.parametrize(
    "name",
    ["data/outcomes.csv", "data/found.csv", "book/intro.md", "notebooks/01_selection.ipynb"],
)
def test_every_file_of_a_review_is_watched(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "review"
    write(folder, three_equal_trials())
    before = state(folder)
    assert state(folder) == before
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    with file.open("a", encoding="utf-8") as end:
        end.write("\n")
    assert state(folder) != before


def test_settings_that_are_half_typed_are_a_state_too(tmp_path: Path) -> None:
    folder = tmp_path / "review"
    write(folder, three_equal_trials())
    config = folder / "_config.yml"
    config.write_text("title: [", encoding="utf-8")
    assert "_config.yml" in str(state(folder))
