"""How many examples a property is tried on: the same at each run, fewer where time counts."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

#: The profile of `make check`; ``conftest.py`` registers it, and `make test` does without.
QUICK = "quick"
FEWEST = 5


def examples(most: int, **options: Any) -> settings:
    """Return the settings of a property that is tried on so many examples, and waits on no clock.

    The profile ``quick`` tries the first quarter of them.
    """
    few = settings.get_current_profile_name() == QUICK
    n = max(FEWEST, most // 4) if few else most
    return settings(max_examples=n, derandomize=True, deadline=None, **options)
