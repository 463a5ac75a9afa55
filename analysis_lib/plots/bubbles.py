"""Bubble plots: effects over a number that may explain them, with the line of the regression."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import RATIO_MEASURES, no_difference
from analysis_lib.base.quantiles import two_sided_quantile
from analysis_lib.plots.axis import axis_words, ratio_ticks, shown_values
from analysis_lib.plots.look import BLUE, INK, PALE, axes_of_size, describe, figure_of, styled
from analysis_lib.plots.text import NumberFormatter
from analysis_lib.pooling.regression import INTERCEPT, MetaRegression

LARGEST, SMALLEST = 22.0, 5.0  # points across
PLACES = 101  # of the line


@styled
def bubbles(
    fit: MetaRegression,
    *,
    moderator: str,
    measure: str = "MD",
    unit: str = "",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw effects over one moderator, with the line of the regression and its interval.

    Parameters
    ----------
    fit
        Result of `analysis_lib.meta_regression` on an intercept and one number.
    moderator
        Words below the horizontal axis.
    measure, unit
        For the vertical axis; a ratio stands on a logarithmic one.
    title
        Title of the plot.
    ax
        Where to draw; a new figure when absent.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ReviewError
        For a regression on anything else than an intercept and one number.
    """
    if len(fit.names) != 2 or fit.names[0] != INTERCEPT:
        raise ReviewError(f"bubbles: a line has an intercept and one slope, not {fit.names}")
    if ax is None:
        ax = axes_of_size(6.6, 4.6)
    x = fit.design[:, 1]
    span = float(np.ptp(x)) or 1.0
    places = np.linspace(x.min() - 0.05 * span, x.max() + 0.05 * span, PLACES)
    design = np.column_stack([np.ones(PLACES), places])
    line = design @ fit.coefficients
    error = np.sqrt(np.einsum("ij,jk,ik->i", design, fit.covariance, design))
    half = float(two_sided_quantile(fit.level, np.inf if fit.df is None else fit.df)) * error
    low, middle, high = (shown_values(y, measure) for y in (line - half, line, line + half))
    weights = 1 / (fit.variance + fit.tau2)
    sizes = SMALLEST + (LARGEST - SMALLEST) * np.sqrt(weights / weights.max())
    if measure in RATIO_MEASURES:
        ax.set_yscale("log")
        ax.yaxis.set_minor_locator(NullLocator())
    ax.axhline(no_difference(measure), color=INK, lw=1.0, zorder=1)
    ax.fill_between(places, low, high, color=PALE, lw=0, zorder=0)
    ax.plot(places, middle, color=INK, lw=1.4, zorder=2)
    effects = shown_values(fit.effect, measure)
    ax.scatter(x, effects, s=sizes**2, color=BLUE, alpha=0.55, edgecolors=BLUE, zorder=3)
    ax.xaxis.set_major_formatter(NumberFormatter())
    _mark_effects(ax, measure)
    ax.set_xlabel(moderator)
    ax.set_ylabel(axis_words(measure, unit))
    if title:
        ax.set_title(title)
    return describe(ax, alt=_alt(fit, moderator, measure), caption=_caption(title, fit))


def _mark_effects(ax: Axes, measure: str) -> None:
    if measure not in RATIO_MEASURES:
        ax.yaxis.set_major_formatter(NumberFormatter())
        return
    height = ax.get_window_extent().height / figure_of(ax).dpi
    ticks = ratio_ticks(*ax.get_ylim(), height)
    ax.set_yticks(ticks, [fmt.tick(value) for value in ticks])


def _alt(fit: MetaRegression, moderator: str, measure: str) -> str:
    slope, ends = fit.coefficients[1], (float(fit.ci[1, 0]), float(fit.ci[1, 1]))
    told = f"{measure} of {fmt.plural(fit.k, 'comparison')} over {moderator}"
    return f"Bubble plot: {told}. Slope, as pooled, {fmt.estimate(float(slope), ends, 3)}."


def _caption(title: str, fit: MetaRegression) -> str:
    told = (
        "Bubbles: comparisons, area by weight. Line: the regression; band: "
        f"{fmt.percent(fit.level)} confidence interval of the mean"
    )
    return fmt.sentence(f"{title}. {told}" if title else told)
