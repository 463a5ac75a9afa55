"""Reviews as somebody types them: a folder with the tables and columns that a test needs."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from analysis_lib.importing.new_review import new_review

END = {"provenance": "reported", "source": "typed", "note": ""}
Row = Mapping[str, object]


def typed(
    folder: Path,
    measure: str,
    /,
    *,
    toml: str = "",
    outcome: Row | None = None,
    **tables: Iterable[Row],
) -> Path:
    """Write a review of one outcome ("y" at "w8") with two arms a trial, "a" against "b".

    Trials and arms are those that the rows of results name.
    """
    new_review(folder)
    data = folder / "data"
    given = {name: [dict(row) for row in rows] for name, rows in tables.items()}
    results, contrasts = given.setdefault("arm_results", []), given.get("contrasts", [])
    for row in results:
        row.setdefault("outcome", "y")
        row.setdefault("time", "w8")
    for row in contrasts:
        of_arms = {"experimental_arm": "a", "comparator_arm": "b"}
        for name, value in {
            "outcome": "y",
            "follow_up": "w8",
            "measure": measure,
            **of_arms,
        }.items():
            row.setdefault(name, value)
    names = list(dict.fromkeys(str(row["trial"]) for row in (*results, *contrasts)))
    given.setdefault("trials", [{"trial": t} for t in names])
    for row in given["trials"]:
        row |= {"label": str(row["trial"]).title(), "pooled": "yes"}
    given["arms"] = [
        {"trial": t, "arm": arm, "group": side, "label_printed": f"arm {arm}", "n": ""}
        for t in names
        for arm, side in (("a", "experimental"), ("b", "comparator"))
    ]
    words = {
        "label": "Score",
        "priority": "primary",
        "instruments": "any",
        "lower_is_better": "yes",
    }
    given["outcomes"] = [{"outcome": "y", "measure": measure, **words, **(outcome or {})}]
    given["follow_ups"] = [{"follow_up": "w8", "label": "Week 8", "definition": "Week 8"}]
    for name, rows in given.items():
        path = data / f"{name}.csv"
        header = path.read_text(encoding="utf-8").strip().split(",") if path.exists() else []
        header += [c for row in rows for c in (*row, *END) if c not in header]
        header = list(dict.fromkeys(header))
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, header, restval="")
            writer.writeheader()
            writer.writerows({**END, **row} for row in rows)
    text = (data / "review.toml").read_text(encoding="utf-8")
    (data / "review.toml").write_text(f"{text}\n{toml}\n", encoding="utf-8")
    return data
