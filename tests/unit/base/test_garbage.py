"""Is Python's search for garbage as it was, once the work is done or has failed?"""

from __future__ import annotations

import gc

import pytest

from analysis_lib.base.garbage import garbage_left_lying


def test_what_was_set_comes_back() -> None:
    before = gc.get_threshold()
    with garbage_left_lying():
        assert gc.get_threshold() > before
    assert gc.get_threshold() == before
    with pytest.raises(ZeroDivisionError), garbage_left_lying():
        _ = 1 / 0
    assert gc.get_threshold() == before
