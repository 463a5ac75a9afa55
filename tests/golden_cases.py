"""Reference results of R: read them, compare with them, and keep the tally that the book prints.

``load("a1")`` reads the one file of ``tests/golden`` whose name starts with ``a1_``. ``agree``
compares one quantity of one reference entry with ours, fails when they differ by more than the
tolerance, and otherwise records the comparison. ``conftest.py`` prints the tally after a run.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from places import GOLDEN

INFINITIES = {"Inf": math.inf, "-Inf": -math.inf}
COLUMNS = ("family", "quantity", "entries", "tolerance", "worst_error", "reason")


@dataclass
class Tally:
    """What the comparisons of one quantity in one family have shown so far."""

    tolerance: float = 0.0
    worst_error: float = 0.0
    worst_where: str = ""
    reason: str = ""
    entries: set[str] = field(default_factory=set)


#: (family, quantity) -> tally; filled by ``agree``, read by ``conftest.py``.
tallies: dict[tuple[str, str], Tally] = {}


@cache
def load(topic: str) -> dict[str, Any]:
    """Return ``{"notes", "datasets", "entries"}`` of one topic, such as ``"a1"``.

    ``datasets[name]`` has the columns under ``"columns"``; each entry has ``id``, ``dataset`` and
    ``out``. R's ``NA`` is ``None``, its infinities are floats. The result is shared between
    tests: do not change it.
    """
    paths = sorted(GOLDEN.glob(f"{topic}_*.json")) + sorted(GOLDEN.glob(f"{topic}.json"))
    if len(paths) != 1:
        raise FileNotFoundError(f"golden topic {topic!r}: {len(paths)} files in {GOLDEN}")
    return _with_infinities(json.loads(paths[0].read_text(encoding="utf-8")))


def columns_of(topic: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of the data set that a reference entry was computed from."""
    return dict(load(topic)["datasets"][entry["dataset"]]["columns"])


def cases(topic: str, *kinds: str) -> list[Any]:
    """Return the reference entries of some kinds, the first word of an id, as parameters."""
    entries = load(topic)["entries"]
    return [pytest.param(e, id=e["id"]) for e in entries if e["id"].split("|")[0] in kinds]


def agree(
    family: str,
    quantity: str,
    ours: Any,
    expected: Any,
    tolerance: float,
    *,
    where: str,
    scale: float = 0.0,
    reason: str = "",
) -> None:
    """Assert that a number, an absent value or a sequence equals R's, and record how closely.

    The error is ``|ours - expected| / max(|expected|, scale)``. With the default scale of zero
    it is purely relative, so that a zero of R must be met exactly. Give ``scale`` (an SE, the
    largest element) where a number near zero comes from cancellation. ``None`` equals only
    ``None``. ``where`` is the id of the reference entry, ``reason`` says why this tolerance.
    """
    tell = f"{family}, {quantity}, {where}: ours {ours!r}, R {expected!r}"
    error = max((_error(a, b, scale, tell) for a, b in _pairs(ours, expected, tell)), default=0.0)
    assert error <= tolerance, f"{tell}; error {error:.2e} > {tolerance:.0e}"
    tally = tallies.setdefault((family, quantity), Tally())
    tally.entries.add(where)
    tally.tolerance = max(tally.tolerance, tolerance)
    tally.reason = tally.reason or reason
    if error > tally.worst_error:
        tally.worst_error, tally.worst_where = error, where


def write_table(path: Path) -> None:
    """Write the tally, quantity by quantity."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for (family, quantity), tally in sorted(tallies.items()):
            limit, worst = f"{tally.tolerance:.0e}", f"{tally.worst_error:.1e}"
            writer.writerow([family, quantity, len(tally.entries), limit, worst, tally.reason])


def write_families(table: Path, families: Path) -> None:
    """Write the table of ``write_table`` by family, as ``book/methods.md`` shows it."""
    cases = pd.read_csv(table, dtype={"tolerance": "str"})
    rows = [
        {
            "Family": family,
            "Quantities": ", ".join(sorted(group["quantity"].astype(str))),
            "Entries": group["entries"].max(),
            "Tolerance": tolerance,
            "Worst difference": f"{group['worst_error'].max():.1e}",
            "Why this tolerance": reason,
        }
        for (family, tolerance, reason), group in cases.groupby(
            ["family", "tolerance", "reason"], sort=False
        )
    ]
    pd.DataFrame(rows).to_csv(families, index=False, lineterminator="\n")


def summary_lines() -> Iterable[str]:
    """Yield one line a family: reference entries met, numbers compared, the worst error."""
    for family in sorted({name for name, _ in tallies}):
        parts = {what: tally for (name, what), tally in tallies.items() if name == family}
        entries = set().union(*(tally.entries for tally in parts.values()))
        numbers = sum(len(tally.entries) for tally in parts.values())
        what = max(parts, key=lambda name: parts[name].worst_error)
        yield (
            f"{family:<34} {len(entries):>5} entries {numbers:>6} quantities"
            f"   worst {parts[what].worst_error:.1e}  ({what}, {parts[what].worst_where or 'all'})"
        )


def dump_tallies() -> str:
    """Return the tally as text, for a pytest-xdist worker to hand to its controller."""
    return json.dumps([[*key, _as_plain(tally)] for key, tally in tallies.items()])


def merge_tallies(text: str) -> None:
    """Add the tally of one worker to ours."""
    for family, quantity, plain in json.loads(text):
        theirs = Tally(**{**plain, "entries": set(plain["entries"])})
        mine = tallies.setdefault((family, quantity), Tally())
        mine.entries |= theirs.entries
        mine.tolerance = max(mine.tolerance, theirs.tolerance)
        mine.reason = mine.reason or theirs.reason
        if theirs.worst_error > mine.worst_error:
            mine.worst_error, mine.worst_where = theirs.worst_error, theirs.worst_where


def _as_plain(tally: Tally) -> dict[str, Any]:
    return {**vars(tally), "entries": sorted(tally.entries)}


def _with_infinities(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_infinities(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_infinities(item) for item in value]
    return INFINITIES.get(value, value) if isinstance(value, str) else value


def _is_sequence(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, str)


def _pairs(ours: Any, expected: Any, tell: str) -> list[tuple[Any, Any]]:
    """Pair the numbers of two equally shaped, possibly nested sequences."""
    if not _is_sequence(ours) and not _is_sequence(expected):
        return [(ours, expected)]
    assert _is_sequence(ours), f"{tell}: one is a sequence, the other is not"
    assert _is_sequence(expected), f"{tell}: one is a sequence, the other is not"
    left: Sequence[Any] = list(ours)
    right: Sequence[Any] = list(expected)
    assert len(left) == len(right), f"{tell}: lengths differ"
    return [pair for a, b in zip(left, right, strict=True) for pair in _pairs(a, b, tell)]


def _error(ours: Any, expected: Any, scale: float, tell: str) -> float:
    if ours is None or expected is None:
        assert ours is None, f"{tell}: R gives no value"
        assert expected is None, f"{tell}: ours is absent"
        return 0.0
    if ours == expected:
        return 0.0
    assert math.isfinite(ours), tell
    assert math.isfinite(expected), tell
    size = max(abs(expected), scale)
    return abs(ours - expected) / size if size > 0 else math.inf
