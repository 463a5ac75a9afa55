"""Risk-of-bias plots: lights trial by trial, and bars over all trials.

The manner is that of robvis (McGuinness and Higgins, Research Synthesis Methods 2021;12:55-61),
with a sign in every light so that no judgement rests on colour, and a fourth state for what a
text does not state.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from analysis_lib import formatting as fmt
from analysis_lib.errors import ReviewError
from analysis_lib.plots.style import (
    GREY,
    INK,
    RISK_COLOURS,
    RISK_SIGNS,
    SMALL,
    axes_of_size,
    below_axes,
    describe,
    figure_of,
    light_handle,
    paint_light,
    statement,
    styled,
    text_size,
    widest,
)
from analysis_lib.risk_of_bias import DOMAINS, OVERALL

CELL_WIDTH, CELL_HEIGHT = 0.55, 0.36
BAR_HEIGHT, BAR_WIDTH = 0.36, 4.6
LIGHT = 17.0
TITLE_ROOM = 0.35


@styled
def traffic_lights(
    matrix: pd.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the judgement of every trial in every domain.

    Parameters
    ----------
    matrix
        Result of `analysis_lib.risk_of_bias.judgements`.
    labels
        Trial -> the name to print; the index itself when absent.
    title
        Title of the plot.
    ax
        Where to draw; a figure sized from the rows when absent.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if matrix.empty:
        return statement("No trial has been assessed for risk of bias.", ax=ax, title=title)
    _check_words(matrix)
    names = [str((labels or {}).get(trial, trial)) for trial in matrix.index]
    headings = [str(column).capitalize() for column in matrix.columns]
    notes = _domain_notes(matrix)
    if ax is None:
        ax = _sized_axes(names, len(matrix.columns) * CELL_WIDTH, len(names), title, notes, 0.35)
    rows, columns = matrix.shape
    ax.set_xlim(-0.5, columns - 0.5)
    ax.set_ylim(rows - 0.5, -0.5)
    ax.set_xticks(range(columns), headings, weight="bold")
    ax.set_yticks(range(rows), names)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    for edge in range(rows + 1):
        ax.axhline(edge - 0.5, color="#D0D4D9", lw=0.7, zorder=0)
    if OVERALL in matrix.columns:
        ax.axvline(list(matrix.columns).index(OVERALL) - 0.5, color=GREY, lw=1.0, zorder=1)
    for y, trial in enumerate(matrix.index):
        for x, judgement in enumerate(matrix.loc[trial]):
            paint_light(ax, x, y, str(judgement), transform=ax.transData, size=LIGHT)
    if title:
        ax.set_title(title, pad=10)
    _paint_notes(ax, notes, _seen(matrix))
    return describe(ax, alt=_lights_alt(matrix, names), caption=_caption(title, "trial by trial"))


@styled
def risk_of_bias_bars(
    shares: pd.DataFrame, *, weighted: bool, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw how much of the evidence has which judgement, a bar a domain.

    Parameters
    ----------
    shares
        Result of `analysis_lib.risk_of_bias.judgement_shares`.
    weighted
        Whether the shares are shares of weight in the analysis, or of the trials.
    title
        Title of the plot.
    ax
        Where to draw; a figure sized from the rows when absent.

    Returns
    -------
    matplotlib.axes.Axes
    """
    full = {domain.id: domain.title for domain in DOMAINS}
    names = [full.get(str(item), str(item).capitalize()) for item in shares.index]
    if ax is None:
        ax = _sized_axes(names, BAR_WIDTH, len(names), title, [], 0.62)
    ax.set_xlim(0, 1)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_yticks(range(len(names)), names)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], [fmt.percent(x) for x in (0, 0.25, 0.5, 0.75, 1)])
    ax.set_xlabel("Share of the weight in the analysis" if weighted else "Share of the trials")
    ax.tick_params(axis="y", length=0)
    ax.spines[["left"]].set_visible(False)
    for y, item in enumerate(shares.index):
        _paint_bar(ax, y, {word: float(shares.loc[item, word]) for word in RISK_SIGNS})
    if title:
        ax.set_title(title, pad=10)
    seen = [word for word in RISK_SIGNS if (shares[word] > 0).any()]
    _paint_notes(ax, [], seen, start=0.62)
    kind = "share of weight" if weighted else "share of trials"
    return describe(ax, alt=_bars_alt(shares, names, kind), caption=_caption(title, kind))


def _check_words(matrix: pd.DataFrame) -> None:
    for trial, row in matrix.iterrows():
        for item, word in row.items():
            if word not in RISK_SIGNS:
                raise ReviewError(
                    f"{trial}, {item}: judgement must be one of {', '.join(RISK_SIGNS)}: {word!r}"
                )


def _seen(matrix: pd.DataFrame) -> list[str]:
    return [word for word in RISK_SIGNS if (matrix == word).to_numpy().any()]


def _domain_notes(matrix: pd.DataFrame) -> list[str]:
    return [f"{d.id}: {d.title}" for d in DOMAINS if d.id in matrix.columns]


def _sized_axes(
    names: list[str], middle: float, rows: int, title: str, notes: list[str], bottom: float
) -> Axes:
    """Return Axes in a figure that is as large as the names, the rows and the notes need."""
    left = widest(names, size=9.0) + 0.2
    legend = text_size("+  low   !  some concerns   −  high   ?  not stated", size=9.0)[0] + 0.9
    lines = widest(notes, size=SMALL)
    width = max(left + middle + 0.26, legend + 0.2, lines + 0.2)
    top = 0.36 + (TITLE_ROOM if title else 0.0)
    below = bottom + 0.17 * len(notes) + 0.3
    height = top + rows * CELL_HEIGHT + below
    ax = axes_of_size(width, height, layout=None)
    box = (left / width, below / height, middle / width, rows * CELL_HEIGHT / height)
    ax.set_position(box)
    return ax


def _paint_notes(ax: Axes, notes: list[str], seen: list[str], *, start: float = 0.12) -> None:
    """Write the legend and the names of the domains below, from the left edge of the figure."""
    figure = figure_of(ax)
    inward = ax.get_position().x0 * figure.get_figwidth()
    place = below_axes(ax, start)
    across = -inward / (ax.get_position().width * figure.get_figwidth()) if notes or seen else 0.0
    edge = across + 0.1 / (ax.get_position().width * figure.get_figwidth())
    ax.legend(
        handles=[light_handle(word) for word in seen],
        loc="upper left",
        bbox_to_anchor=(edge, 0),
        bbox_transform=place,
        borderaxespad=0,
        borderpad=0,
        ncols=len(seen),
        columnspacing=1.2,
        handletextpad=0.3,
        handlelength=1.2,
    )
    ax.text(
        edge,
        0,
        "\n".join(notes),
        transform=below_axes(ax, start + 0.28),
        va="top",
        size=SMALL,
        linespacing=1.35,
    )


def _paint_bar(ax: Axes, y: int, parts: dict[str, float]) -> None:
    start = 0.0
    room = ax.get_position().width * figure_of(ax).get_figwidth()
    for word, share in parts.items():
        if share <= 0:
            continue
        ax.barh(y, share, left=start, height=0.62, color=RISK_COLOURS[word], edgecolor=INK, lw=0.7)
        candidates = (f"{RISK_SIGNS[word]}  {fmt.percent(share)}", RISK_SIGNS[word])
        fitting = [c for c in candidates if text_size(c, size=9.0)[0] + 0.08 < share * room]
        if fitting:
            ax.text(start + share / 2, y, fitting[0], ha="center", va="center_baseline", size=9.0)
        start += share


def _lights_alt(matrix: pd.DataFrame, names: list[str]) -> str:
    if OVERALL not in matrix.columns:
        return f"Risk of bias of {fmt.plural(len(names), 'trial')} by domain."
    named = {
        word: [n for n, found in zip(names, matrix[OVERALL], strict=True) if found == word]
        for word in RISK_SIGNS
    }
    told = [f"{word}: {fmt.listing(trials)}" for word, trials in named.items() if trials]
    return f"Risk of bias by domain and overall. Overall {'; '.join(told)}."


def _bars_alt(shares: pd.DataFrame, names: list[str], kind: str) -> str:
    lines = []
    for item, name in zip(shares.index, names, strict=True):
        found = shares.loc[item]
        told = [
            f"{word} {fmt.percent(float(found[word]))}" for word in RISK_SIGNS if found[word] > 0
        ]
        lines.append(f"{name}: {', '.join(told)}")
    return f"Risk of bias, {kind}. {'; '.join(lines)}."


def _caption(title: str, kind: str) -> str:
    return f"{title}. Risk of bias (RoB 2), {kind}." if title else f"Risk of bias (RoB 2), {kind}."
