"""Is a book that is watched made by a process that knows the library as it is now?

Nothing is imported and nothing made here: `test_build` watches a whole book. No test waits on a
clock.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis_lib.base.errors import ReviewError
from analysis_lib.book import warm
from analysis_lib.book.engine import sources

FOLDER = Path("review")


class StartedAgainError(Exception):
    """In the place of a program that takes that of this one."""


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return both ends of the line on which a making is asked for; nothing is loaded for it."""
    monkeypatch.setattr(warm, "load_everything", lambda folder: None)
    asking, asked = socket.socketpair()
    with asking, asked:
        yield asking, asked


def test_each_making_is_a_process_of_its_own_and_its_end_is_told(
    line: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, asked = line
    forked, ended = iter([11, 12]), list[int]()
    monkeypatch.setattr(os, "fork", lambda: next(forked))
    monkeypatch.setattr(os, "waitpid", lambda pid, how: ended.append(pid))
    asking.sendall(b"!!")
    asking.shutdown(socket.SHUT_WR)
    assert not warm.serve(FOLDER, asked)
    assert ended == [11, 12]
    assert asking.recv(8) == b"!!"


def test_what_is_forked_makes_the_book_and_answers_nobody(
    line: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, asked = line
    monkeypatch.setattr(os, "fork", lambda: 0)
    asking.sendall(b"!")
    assert warm.serve(FOLDER, asked)
    assert asked.fileno() == -1


def test_a_library_that_was_written_is_loaded_anew_before_anything_is_made(
    line: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def start_again(program: str, arguments: list[str]) -> None:
        assert (program, arguments) == (sys.executable, sys.orig_argv)
        raise StartedAgainError

    asking, asked = line
    module = tmp_path / "module.py"
    module.touch()
    monkeypatch.setattr(sources, "LIBRARY", tmp_path)
    monkeypatch.setattr(warm, "load_everything", lambda folder: module.write_text("new"))
    monkeypatch.setattr(os, "execv", start_again)
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("made by what was there before"))
    asking.sendall(b"!")
    with pytest.raises(StartedAgainError):
        warm.serve(FOLDER, asked)
    assert asked.get_inheritable()
    assert asked.recv(8) == b"!"  # which the one that begins finds


def test_packages_that_changed_are_code_that_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sources.code_written()
    assert sources.code_written() == before
    monkeypatch.setattr(sources, "distributions", list)
    assert sources.code_written() != before
    monkeypatch.undo()
    assert sources.code_written() == before


def test_a_maker_that_has_ended_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("true"))
    with warm.making(FOLDER) as make:
        for _ in range(2):
            with pytest.raises(ReviewError, match="has ended; begin again"):
                make()


def test_where_nothing_can_be_forked_the_command_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    run = list[list[str]]()
    monkeypatch.delattr(os, "fork")
    monkeypatch.setattr(warm, "_run", run.append)
    with warm.making(FOLDER) as make:
        make()
        make()
    assert run == [["-m", "analysis_lib", "build", "review"]] * 2
