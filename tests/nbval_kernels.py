"""A plug-in of pytest: nbval's kernels are forks, and the notebooks that run longest begin first.

Each notebook has a process of its own, in which modules are loaded and the review is checked.
"""

from __future__ import annotations

import os

import pytest

#: The others take a few seconds each.
LONGEST = ("16_method_choice", "14_operating_characteristics", "12_living_update")


def pytest_configure(config: pytest.Config) -> None:
    """Begin a Python to fork from; the processes that run notebooks inherit where it is."""
    if hasattr(config, "workerinput"):
        return
    from places import ROOT
    from warm_python import WarmPython

    warm = WarmPython(ROOT)
    config.add_cleanup(warm.close)
    os.environ["JUPYTER_PATH"] = warm.env["JUPYTER_PATH"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda cell: order.get(cell.path.stem, len(order)))
