"""Pictures are compared with kept ones: where marks stand, how long intervals are, the words.

Places are compared in parts of the axes, not in pixels, so that letters of another font, which move
columns and margins, change nothing here. ``python tests/unit/plots/test_kept_pictures.py`` keeps
the pictures as they are drawn now; look at the difference before it is committed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from places import GOLDEN

import analysis_lib as al
from analysis_lib import plots

FILE = GOLDEN / "pictures.json"
#: Of the extent of the axes: what rounding of the arithmetic of another machine can move.
TOLERANCE = 1e-4
EFFECT = np.array([-1.2, -0.4, -0.9, 0.3, -0.1, -0.7])
VARIANCE = np.array([0.09, 0.04, 0.16, 0.05, 0.02, 0.12])
NAMES = ["Adams 2001", "Brown 2004", "Clark 2008", "Davis 2011", "Evans 2015", "Frank 2020"]
FAVOURS = ("favours exercise", "favours rest")


def details() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "n_experimental": [20.0, 41.0, 15.0, 33.0, 60.0, 18.0],
            "n_comparator": [21.0, 40.0, 16.0, 35.0, 58.5, 18.0],
            "risk_of_bias": ["low", "high", "some concerns", "not stated", "low", "high"],
        },
        index=NAMES,
    )


def selection() -> pd.DataFrame:
    rows = [
        ("records_identified", "Records identified", 120, ""),
        ("duplicates_removed", "Duplicates removed", 20, "records_identified"),
        ("records_screened", "Records screened", 100, "records_identified"),
        ("records_excluded", "Records excluded", 80, "records_screened"),
        ("reports_sought", "Reports sought", 20, "records_screened"),
        ("reports_not_retrieved", "Reports not retrieved", 2, "reports_sought"),
        ("reports_assessed", "Reports assessed", 18, "reports_sought"),
        ("reports_excluded", "Reports excluded", 12, "reports_assessed"),
        ("wrong_design", "Not randomised", 12, "reports_excluded"),
        ("studies_included", "Studies included", 6, "reports_assessed"),
    ]
    return pd.DataFrame(rows, columns=["box", "label", "count", "parent"])


def ratios() -> al.PooledEffect:
    return al.pool(EFFECT / 2, VARIANCE, labels=NAMES)


DRAWN: dict[str, Callable[[], Axes]] = {
    "forest": lambda: plots.forest(
        al.pool(EFFECT, VARIANCE, labels=NAMES), details=details(), favours=FAVOURS, mid=0.5,
        unit="points", title="Pain",
    ),
    "forest of ratios": lambda: plots.forest(
        ratios(), measure="RR", favours=FAVOURS, limits=(0.5, 2.0), reference=0.8, order="effect"
    ),
    "leave one out": lambda: plots.leave_one_out(
        al.influential(EFFECT, VARIANCE, labels=NAMES), al.pool(EFFECT, VARIANCE, labels=NAMES)
    ),
    "funnel": lambda: plots.funnel(
        al.pool(EFFECT, VARIANCE, labels=NAMES), details=details(),
        filled=al.trim_and_fill(EFFECT, VARIANCE), name_points=False,
    ),
    "lights": lambda: plots.traffic_lights(
        details()[["risk_of_bias"]].rename(columns={"risk_of_bias": "overall"})
    ),
    "flow": lambda: plots.prisma(selection()),
}  # fmt: skip


def narrow(draw: Callable[[], Axes]) -> Axes:
    ax = plots.narrow_drawing(draw())
    assert ax is not None
    return ax


PICTURES = {
    **DRAWN,
    **{f"{name}, narrow": partial(narrow, draw) for name, draw in DRAWN.items()},
}


def picture(ax: Axes) -> dict[str, Any]:
    """Return what is drawn: marks and lines in parts of the axes, and the words."""
    figure = plots.figure_of(ax)
    figure.draw_without_rendering()
    return {
        "lines": sorted(lines(ax)),
        "shapes": sorted(shapes(ax)),
        "words": sorted(words(ax)),
    }


def lines(ax: Axes) -> Iterator[list[Any]]:
    for line in ax.lines:
        if line.get_transform() == ax.transData:
            ends = in_axes(ax, np.asarray(line.get_xydata(), dtype=float))
            yield [str(line.get_marker()), *ends]


def shapes(ax: Axes) -> Iterator[list[Any]]:
    for patch in ax.patches:
        if patch.get_data_transform() == ax.transData:
            corners = patch.get_patch_transform().transform(patch.get_path().vertices)
            yield [type(patch).__name__, *in_axes(ax, np.array([corners.min(0), corners.max(0)]))]


def words(ax: Axes) -> Iterator[str]:
    texts = [*plots.figure_of(ax).texts, *ax.texts]
    if ax.axison:
        texts += [*ax.get_xticklabels(), *ax.get_yticklabels(), ax.xaxis.label, ax.yaxis.label]
    for told in (ax.get_title(loc="left"), *(text.get_text() for text in texts)):
        yield from told.split()


def in_axes(ax: Axes, points: Any) -> list[float]:
    """Return places as parts of the axes, from left to right and from bottom to top."""
    places = ax.transAxes.inverted().transform(ax.transData.transform(points))
    return [round(float(number), 6) for number in np.ravel(places)]


pytestmark = pytest.mark.usefixtures("closed_figures")


@pytest.mark.few
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_the_one_that_is_kept(name: str) -> None:
    kept = json.loads(FILE.read_text(encoding="utf-8"))[name]
    drawn = picture(PICTURES[name]())
    assert drawn["words"] == kept["words"]
    for part in ("lines", "shapes"):
        assert [mark[0] for mark in drawn[part]] == [mark[0] for mark in kept[part]]
        for mark, before in zip(drawn[part], kept[part], strict=True):
            assert mark[1:] == pytest.approx(before[1:], abs=TOLERANCE)


def test_every_kept_picture_is_drawn_and_has_something_to_compare() -> None:
    kept = json.loads(FILE.read_text(encoding="utf-8"))
    assert kept.keys() == PICTURES.keys()
    assert all(len(one["lines"]) + len(one["shapes"]) >= 4 for one in kept.values())


def test_a_mark_that_moves_is_seen() -> None:
    ax = DRAWN["forest"]()
    before = picture(ax)
    mark = next(line for line in ax.lines if line.get_marker() == "s")
    mark.set_xdata([float(mark.get_xdata()[0]) + 0.01])  # too little for its place in the order
    moved = [a for a, b in zip(picture(ax)["lines"], before["lines"], strict=True) if a != b]
    (one,) = moved
    assert one[0] == "s"


if __name__ == "__main__":
    kept = {name: picture(draw()) for name, draw in PICTURES.items()}
    FILE.write_text(json.dumps(kept, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")
