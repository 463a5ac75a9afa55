"""Risk-of-bias plots: lights trial by trial, and bars over all trials.

The manner is that of robvis (McGuinness and Higgins, Research Synthesis Methods 2021;12:55-61),
with a sign in every light so that no judgement rests on colour, and a grey blank for what a text
does not state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.plots.look import (
    INK,
    PALE,
    SMALL,
    axes_of_size,
    describe,
    figure_of,
    is_narrow_page,
    styled,
)
from analysis_lib.plots.marks import (
    RISK_COLOURS,
    RISK_SIGNS,
    legend_width,
    paint_light,
    paint_risk_legend,
)
from analysis_lib.plots.text import (
    below_axes,
    in_lines,
    statement,
    text_size,
    widest,
    wrap_to,
    write,
)
from analysis_lib.review.instruments import OVERALL, ROB2, Instrument

# Inches of the page, then sizes in points.
CELL_WIDTH, ROW_HEIGHT, BAR_WIDTH = 0.55, 0.32, 4.6
NARROW_CELL, NARROW_BAR = 0.33, 1.6
WIDEST_NAME, NARROW_NAME = 3.0, 1.5  # beside a bar
LINE = 0.15
MARGIN, HEADINGS, AXIS, LEGEND, NOTE = 0.1, 0.3, 0.52, 0.3, 0.17
TEXT, TITLE, LIGHT = 9.0, 11.0, 17.0
LEAST_PAGE, LEAST_MIDDLE = 3.0, 0.9
NOT_STATED = "not stated"
NOT_ASSESSED = "No trial has been assessed for risk of bias."


@styled
def traffic_lights(
    matrix: pd.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    instrument: Instrument = ROB2,
    ax: Axes | None = None,
) -> Axes:
    """Draw the judgement of every trial in every domain.

    Parameters
    ----------
    matrix
        Result of `analysis_lib.review.risk_of_bias.judgements`.
    labels
        Trial -> the name to print; the index itself when absent.
    title
        Title of the plot.
    instrument
        With which the trials were judged.
    ax
        Where to draw; a figure sized from the rows when absent.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if matrix.empty:
        return statement(NOT_ASSESSED, ax=ax, title=title)
    _check_words(matrix, instrument)
    every, matrix = matrix, _with_judgements(matrix)
    names = [str((labels or {}).get(trial, trial)) for trial in matrix.index]
    notes = [f"{name}: {told}" for name, told in instrument.domains.items() if name in matrix]
    rows, columns = matrix.shape
    headings = [fmt.capitalised(str(column)) for column in matrix.columns]
    if is_narrow_page():
        headings = [heading.replace("Overall", "Over-\nall") for heading in headings]
    cell = NARROW_CELL if is_narrow_page() else CELL_WIDTH
    above = HEADINGS + LINE * is_narrow_page()
    seen = [word for word in instrument.words if (matrix == word).to_numpy().any()]
    page = _Page(names, max(columns * cell, LEAST_MIDDLE), above, 0.0, title, notes, seen)
    ax, edge = page.axes(ax)
    ax.set_xlim(-0.5, columns - 0.5)
    ax.set_ylim(rows - 0.5, -0.5)
    ax.set_xticks(range(columns), headings, weight="bold")
    ax.set_yticks(range(rows), names)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    for y in range(rows + 1):
        ax.axhline(y - 0.5, color="#D0D4D9", lw=0.7, zorder=1, clip_on=False)
    if OVERALL in matrix.columns:
        column = list(matrix.columns).index(OVERALL)
        ax.axvspan(column - 0.5, column + 0.5, color=PALE, lw=0, zorder=0)
    for y, trial in enumerate(matrix.index):
        for x, judgement in enumerate(matrix.loc[trial]):
            paint_light(ax, x, y, str(judgement), transform=ax.transData, size=LIGHT)
    page.paint_title(ax, edge)
    page.paint_legend(ax, edge, start=0.0)
    _paint_notes(ax, notes, edge, start=LEGEND * len(page.legend_lines()))
    told = _caption(title, instrument, "trial by trial")
    if len(matrix.columns) < len(every.columns):
        told += " No judgement of a domain is stated."
    return describe(ax, alt=_lights_alt(matrix, names), caption=told)


@styled
def risk_of_bias_bars(
    shares: pd.DataFrame,
    *,
    weighted: bool,
    title: str = "",
    instrument: Instrument | None = ROB2,
    ax: Axes | None = None,
) -> Axes:
    """Draw how much of the evidence has which judgement, a bar a domain.

    Parameters
    ----------
    shares
        Result of `analysis_lib.review.risk_of_bias.judgement_shares`.
    weighted
        Whether the shares are shares of weight in the analysis, or of the trials.
    title
        Title of the plot.
    instrument
        Whose domains these are; ``None`` for judgements by several.
    ax
        Where to draw; a figure sized from the rows when absent.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if shares.empty:
        return statement(NOT_ASSESSED, ax=ax, title=title)
    full = instrument.domains if instrument else {}
    names = [full.get(str(item), fmt.capitalised(str(item))) for item in shares.index]
    names = [
        wrap_to(name, NARROW_NAME if is_narrow_page() else WIDEST_NAME, size=TEXT, weight="bold")
        for name in names
    ]
    words = [word for word in RISK_SIGNS if word in shares]
    seen = [word for word in words if (shares[word] > 0).any()]
    bar = NARROW_BAR if is_narrow_page() else BAR_WIDTH
    page = _Page(names, bar, 0.0, AXIS, title, (), seen)
    ax, edge = page.axes(ax)
    ax.set_xlim(0, 1)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_yticks(range(len(names)), names)
    for item, name in zip(shares.index, ax.get_yticklabels(), strict=True):
        name.set_fontweight("bold" if item == OVERALL else "normal")
    ticks = (0.0, 0.5, 1.0) if is_narrow_page() else (0.0, 0.25, 0.5, 0.75, 1.0)
    ax.set_xticks(ticks, [fmt.percent(x) for x in ticks])
    ax.set_xlabel("Share of the weight" if weighted else "Share of the trials")
    ax.tick_params(axis="y", length=0)
    ax.spines[["left"]].set_visible(False)
    for y, item in enumerate(shares.index):
        _paint_bar(ax, y, {word: float(shares.loc[item, word]) for word in words})
    page.paint_title(ax, edge)
    page.paint_legend(ax, edge, start=AXIS)
    kind = "share of weight" if weighted else "share of trials"
    return describe(
        ax, alt=_bars_alt(shares, names, kind), caption=_caption(title, instrument, kind)
    )


@dataclass(frozen=True, slots=True)
class _Page:
    """What a figure has to hold: rows with names, text below them, and inches above and below."""

    names: Sequence[str]
    middle: float
    above: float
    below: float
    title: str
    notes: Sequence[str]
    words: Sequence[str]  # that the legend names

    def axes(self, given: Axes | None) -> tuple[Axes, float]:
        """Return the Axes, and where across them lines of text start.

        A figure of its own is as large as its contents, and text starts at the edge of the page;
        in Axes that were given it starts at their own edge, or it would run into a neighbour.
        """
        if given is not None:
            return given, 0.0
        left, width = self._widths()
        lines = 1 + max(name.count("\n") for name in self.names)
        rows = max(ROW_HEIGHT, LINE * lines + 0.06) * len(self.names)
        below = self.below + LEGEND * len(self.legend_lines()) + NOTE * len(self.notes) + MARGIN
        title = wrap_to(self.title, width - 2 * MARGIN, size=TITLE, weight="bold")
        room = text_size(title, size=TITLE, weight="bold")[1] + 0.15 if title else MARGIN
        height = room + self.above + rows + below
        ax = axes_of_size(width, height, layout=None)
        ax.set_position((left / width, below / height, self.middle / width, rows / height))
        return ax, (MARGIN - left) / self.middle

    def paint_title(self, ax: Axes, edge: float) -> None:
        """Write the title above, in as many lines as it needs."""
        figure = figure_of(ax)
        room = ax.get_position().width * figure.get_figwidth()
        if edge < 0:  # in a figure of its own
            room = figure.get_figwidth() - 2 * MARGIN
        title = wrap_to(self.title, room, size=TITLE, weight="bold")
        ax.set_title(title, x=edge, pad=6)

    def legend_lines(self) -> list[list[str]]:
        """Distribute the lights of the legend over lines that fit the page."""
        needed = {word: legend_width(word, size=TEXT) for word in self.words}
        return in_lines(needed.items(), self._widths()[1] - 2 * MARGIN)

    def paint_legend(self, ax: Axes, edge: float, *, start: float) -> None:
        """Draw the lights with their words below the Axes."""
        for number, words in enumerate(self.legend_lines()):
            line = below_axes(ax, start + LEGEND * (number + 0.6))
            paint_risk_legend(ax, words, transform=line, x=edge, size=TEXT)

    def _widths(self) -> tuple[float, float]:
        """Return the inches left of the middle, and those of the whole page."""
        left = widest(self.names, size=TEXT, weight="bold") + 2 * MARGIN
        text = max(LEAST_PAGE, widest(self.notes, size=SMALL) + 2 * MARGIN)
        # Half of a heading or of "100%" may stand beyond the middle.
        return left, max(left + self.middle + 0.26, text)


def _check_words(matrix: pd.DataFrame, instrument: Instrument) -> None:
    for trial, row in matrix.iterrows():
        for item, word in row.items():
            if word not in instrument.words:
                known = ", ".join(instrument.words)
                raise ReviewError(f"{trial}, {item}: judgement must be one of {known}: {word!r}")


def _with_judgements(matrix: pd.DataFrame) -> pd.DataFrame:
    """Return a matrix without its domains if nothing is stated of any."""
    domains = matrix.drop(columns=OVERALL, errors="ignore")
    nothing = OVERALL in matrix and bool((domains == NOT_STATED).all(axis=None))
    return matrix[[OVERALL]] if nothing else matrix


def _paint_notes(ax: Axes, notes: Sequence[str], edge: float, *, start: float) -> None:
    """Write the notes one by one: the lines of a single text are not evenly far apart."""
    for number, note in enumerate(notes, start=1):
        write(ax, edge, note, below_axes(ax, start + NOTE * number), SMALL)


def _paint_bar(ax: Axes, y: int, parts: Mapping[str, float]) -> None:
    start = 0.0
    room = ax.get_position().width * figure_of(ax).get_figwidth()
    look: dict[str, Any] = {"height": 0.68, "edgecolor": INK, "lw": 0.7, "clip_on": False}
    for word, share in parts.items():
        if share <= 0:
            continue
        ax.barh(y, share, left=start, color=RISK_COLOURS[word], **look)
        sign, told = RISK_SIGNS[word], fmt.percent(share)
        for text, size in (
            (f"{sign}  {told}".strip(), TEXT), (f"{sign} {told}".strip(), SMALL), (sign, TEXT)
        ):  # fmt: skip
            if text and text_size(text, size=size)[0] + 0.06 < share * room:
                middle = start + share / 2
                ax.text(middle, y, text, ha="center", va="center_baseline", size=size)
                break
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
            f"{word} {fmt.percent(float(found[word]))}" for word in found.index if found[word] > 0
        ]
        lines.append(f"{name}: {', '.join(told)}")
    return f"Risk of bias, {kind}. {'; '.join(lines)}."


def _caption(title: str, instrument: Instrument | None, kind: str) -> str:
    told = f"Risk of bias{f' ({instrument.name})' if instrument else ''}, {kind}."
    if title.startswith("Risk of bias"):  # the title says it already
        told = f"{instrument.name}, {kind}." if instrument else f"{kind.capitalize()}."
    return f"{title}. {told}" if title else told
