"""Forest plots in the layout that readers of systematic reviews know."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.special import ndtri

from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import GROUP_MEASURES, RATIO_MEASURES, no_difference
from analysis_lib.plots.look import describe, styled
from analysis_lib.plots.marks import RISK_SIGNS
from analysis_lib.plots.rows import OWN, LayoutOptions, Row, RowLayout, RowPlot
from analysis_lib.plots.stacked import draw_rows
from analysis_lib.plots.text import statement
from analysis_lib.pooling.events import PooledEvents
from analysis_lib.pooling.pooled_dependent import PooledDependent
from analysis_lib.pooling.pooled_effect import PooledEffect
from analysis_lib.pooling.subgroups import SubgroupAnalysis
from analysis_lib.review.baseline import NOT_STATED
from analysis_lib.review.info import ORDERS

SIDES = ("experimental", "comparator")
COUNTED = ("n", "events", "person_time")
DETAILS = (
    *(f"{what}_{side}" for what in COUNTED for side in SIDES),
    "risk_of_bias",
    "provenance",
)
RECONSTRUCTED = "reconstructed"


@styled
def forest(
    fit: PooledEffect | None,
    *,
    details: pd.DataFrame | None = None,
    columns: Sequence[str] = (),
    order: str = "",
    domains: pd.DataFrame | None = None,
    note: str = "",
    ax: Axes | None = None,
    **layout: Unpack[LayoutOptions],
) -> Axes:
    """Draw every comparison, the pooled estimate and the prediction interval.

    Parameters
    ----------
    fit
        Result of `analysis_lib.pool`; ``None`` when there is nothing to pool, which is said
        instead of drawn.
    details
        What else is known about the comparisons, indexed by their labels. Columns that are used,
        each of them optional: n_experimental, n_comparator, events_experimental and
        events_comparator (of people who had the event; shown as "events / n"), risk_of_bias,
        provenance (what is reconstructed is drawn hollow).
    columns
        Names of further columns of ``details`` that are shown beside the names: dose, year,
        instrument, whatever a reader compares by.
    order
        How the comparisons are sorted: ``effect``, ``weight``, ``year`` (of the column ``year`` of
        the details, or else at the end of a label), ``name`` or ``risk of bias``, with a minus
        before it from the last to the first; as they are given when empty.
    domains
        Judgements of the domains of risk of bias, a row a comparison by its label and a column a
        domain; their lights stand before that of the whole.
    note
        A sentence that stands below, as on comparisons that share an arm.
    ax
        Where to draw; a figure sized from its rows when absent.
    **layout
        What `analysis_lib.plots.rows.RowLayout` takes: measure, unit, arms, favours, mid, limits,
        title, finding, reference, compact.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes of the middle part; `alt_text` and `caption` describe it.

    Raises
    ------
    ReviewError
        If ``details`` or ``domains`` names a label twice or lacks one, if a column is missing, if
        there is no such order, if the limits are no interval, if ``mid`` is no size of a
        difference, or if ``ax`` is too small.

    Examples
    --------
    >>> import analysis_lib as al
    >>> from analysis_lib.plots import forest
    >>> fit = al.pool([-0.4, -0.9, 0.1], [0.04, 0.09, 0.05], labels=["A", "B", "C"])
    >>> axes = forest(fit, measure="MD", favours=("favours loaded", "favours unloaded"))
    >>> axes = forest(fit, measure="RR", mid=0.8, favours=("fewer events", "more events"))
    >>> doses = pd.DataFrame({"dose": ["low", "high", "low"]}, index=["A", "B", "C"])
    >>> axes = forest(fit, details=doses, columns=["dose"], order="-effect", reference=-0.5)
    """
    words = RowLayout(**layout)
    measure = words.measure
    if fit is None:
        return statement("There are no comparisons to pool.", ax=ax, title=words.title)
    more = _Beside(details, columns, order, domains)
    known = study_details(fit.labels, details)
    studies = more.sorted(_study_rows(fit, known, measure))
    rows = [*studies, *_summary_rows(fit, known, measure)]
    notes = [] if fit.k == 1 else [heterogeneity(fit, measure)]
    if notes and not math.isnan(no_difference(measure)):  # else there is nothing to test it against
        notes.append(effect_test(fit))
    handling = fit.handling(named=False) if isinstance(fit, PooledEvents) else ""
    notes += [told for told in (handling, note) if told]
    plot = RowPlot(rows, notes, fit.level, words, own=more.heads, domains=more.names)
    hollow = sum(row.hollow for row in rows)
    return describe(
        draw_rows(plot, ax), alt=_alt(fit, measure, hollow), caption=_caption(words, fit, hollow)
    )


@styled
def forest_by_subgroup(
    analysis: SubgroupAnalysis,
    *,
    factor: str = "",
    details: pd.DataFrame | None = None,
    columns: Sequence[str] = (),
    order: str = "",
    domains: pd.DataFrame | None = None,
    ax: Axes | None = None,
    **layout: Unpack[LayoutOptions],
) -> Axes:
    """Draw the comparisons of each subgroup with its own pooled estimate, and the test between.

    Parameters
    ----------
    analysis
        Result of `analysis_lib.subgroup_analysis`; the subgroups are drawn in the order of its
        ``fits``.
    factor
        What the subgroups are formed by; stands in their headings before their names.
    details, columns, order, domains, ax, **layout
        As for `forest`; the comparisons are sorted within their subgroup.

    Returns
    -------
    matplotlib.axes.Axes
    """
    words = RowLayout(**layout)
    measure = words.measure
    overall = analysis.overall
    more = _Beside(details, columns, order, domains)
    known = study_details(overall.labels, details)
    rows: list[Row] = []
    for name, fit in analysis.fits.items():
        heading = f"{factor[:1].upper()}{factor[1:]}: {name}" if factor else str(name)
        studies = more.sorted(_study_rows(fit, known, measure, overall))
        rows += [Row("heading", heading), *studies]
        rows += [] if fit.k == 1 else _subtotal_rows(fit, known, measure, overall)
    rows += [Row("heading", "All comparisons"), *_summary_rows(overall, known, measure)]
    between = subgroup_test(analysis)
    notes = [heterogeneity(overall, measure), effect_test(overall), between]
    plot = RowPlot(rows, notes, overall.level, words, own=more.heads, domains=more.names)
    told = "; ".join(
        f"{name}: {fmt.effect_estimate(fit.estimate, fit.ci, measure)} from "
        f"{fmt.plural(fit.k, 'comparison')}"
        for name, fit in analysis.fits.items()
    )
    alt = fmt.sentence(f"Forest plot by subgroup. {measure}, {told}. {between}")
    told = f"{told_first(words)}. {between}" if words.title else between
    return describe(draw_rows(plot, ax), alt=alt, caption=fmt.sentence(told))


def heterogeneity(fit: PooledEffect, measure: str = "MD") -> str:
    """Return the heterogeneity line below a forest plot; τ² of ratios is that of logarithms.

    Behind τ² stands its confidence interval, where there is one.
    """
    if fit.q_p_value is None:
        return "Heterogeneity: not estimable from one comparison"
    text = (
        f"Heterogeneity: Q = {fmt.number(fit.q)} (df = {fit.q_df}, {fmt.p_value(fit.q_p_value)}), "
        f"I² = {fmt.percent(fit.i2)}"
    )
    if fit.tau2_method == "FE":
        return f"{text}; the model assumes one true effect"
    digits = fmt.tau2_digits(measure)
    more = [] if fit.tau2_ci is None else [fmt.interval(fit.tau2_ci, digits)]
    if isinstance(fit, PooledDependent):
        between, within = (fmt.number(value, digits) for value in fit.model.sigma2)
        more = ["one trial"] if fit.tau2 is None else [f"{between} between trials, {within} within"]
    more = ["no value fits"] if fit.has_empty_tau2_set else more
    scale = GROUP_MEASURES.get(measure)
    more += ["log scale"] if measure in RATIO_MEASURES else [scale] if scale else []
    behind = f" ({', '.join(more)})" if more else ""
    return f"{text}, τ² = {fmt.number(fit.tau2, digits)}{behind}"


def effect_test(fit: PooledEffect) -> str:
    """Return the line that states the test of the pooled estimate."""
    name = "z" if fit.df is None else f"t({fmt.degrees(fit.df)})"
    value = fmt.number(fit.statistic)
    return f"Test of the pooled estimate: {name} = {value}, {fmt.p_value(fit.p_value)}"


def subgroup_test(analysis: SubgroupAnalysis) -> str:
    """Return the line that states the test between subgroups."""
    return analysis.note or f"Test between subgroups: {analysis.test_words()}"


def heterogeneity_within(fit: PooledEffect, measure: str = "MD") -> str:
    """Return the line below the subtotal of a subgroup."""
    tau2 = f"τ² = {fmt.number(fit.tau2, fmt.tau2_digits(measure))}, "
    return (
        f"Heterogeneity: I² = {fmt.percent(fit.i2)}, "
        f"{'' if fit.tau2_method == 'FE' else tau2}{fmt.p_value(fit.q_p_value)}"
    )


def study_details(labels: Sequence[str], details: pd.DataFrame | None) -> pd.DataFrame:
    """Return the columns of ``details`` that a plot can use, or say what is wrong with them."""
    repeated = sorted({label for label in labels if list(labels).count(label) > 1})
    if repeated:
        raise ReviewError(f"labels must differ to be told apart: {', '.join(repeated)}")
    if details is None:
        return pd.DataFrame(index=list(labels))
    twice = details.index[details.index.duplicated()]
    if len(twice):
        raise ReviewError(f"details: label given twice: {', '.join(map(str, twice.unique()))}")
    _have_rows("details", labels, details)
    known = details[[column for column in DETAILS if column in details.columns]]
    if "risk_of_bias" in known:
        bad = sorted(set(known["risk_of_bias"].dropna()) - set(RISK_SIGNS))
        if bad:
            raise ReviewError(f"details: risk_of_bias must be one of {list(RISK_SIGNS)}: {bad}")
    return known


@dataclass(frozen=True)
class _Beside:
    """What a forest plot shows beside what it always shows, and how its rows are sorted."""

    details: pd.DataFrame | None
    columns: Sequence[str]
    order: str
    domains: pd.DataFrame | None

    def __post_init__(self) -> None:
        have = [] if self.details is None else list(self.details.columns)
        missing = [column for column in self.columns if column not in have]
        if missing:
            raise ReviewError(f"details: no column {', '.join(missing)}; there are {have}")
        if self.order and self.order.removeprefix("-") not in ORDERS:
            raise ReviewError(f"order must be one of {', '.join(ORDERS)}, not {self.order!r}")
        if self.domains is not None:
            bad = set(np.ravel(self.domains.to_numpy())) - set(RISK_SIGNS)
            if bad:
                raise ReviewError(f"domains: each must be one of {list(RISK_SIGNS)}: {sorted(bad)}")

    @property
    def heads(self) -> dict[str, str]:
        """The heads of one's own columns."""
        return {name: fmt.capitalised(name.replace("_", " ")) for name in self.columns}

    @property
    def names(self) -> list[str]:
        """What the lights of a row judge."""
        return [] if self.domains is None else [*map(str, self.domains.columns), "overall"]

    def sorted(self, rows: list[Row]) -> list[Row]:
        """Return the rows of comparisons with their further cells and lights, in their order."""
        rows = [self._with_more(row) for row in rows]
        if not self.order:
            return rows
        key = KEYS[self.order.removeprefix("-")]
        return sorted(
            rows, key=lambda row: key(row, self.details), reverse=self.order.startswith("-")
        )

    def _with_more(self, row: Row) -> Row:
        cells = dict(row.cells)
        if self.details is not None:
            told = self.details.loc[row.label]
            cells |= {OWN + name: _as_cell(told[name]) for name in self.columns}
        if self.domains is None:
            return replace(row, cells=cells)
        _have_rows("domains", [row.label], self.domains)
        lights = tuple(map(str, self.domains.loc[row.label]))
        return replace(row, cells=cells, lights=lights, risk=row.risk or NOT_STATED)


def _as_cell(value: object) -> str:
    if value is None or value is pd.NA or value != value:  # absent
        return ""
    return fmt.threshold(float(value)) if isinstance(value, int | float | np.number) else str(value)


def _year(row: Row, details: pd.DataFrame | None) -> float:
    if details is not None and "year" in details:
        year = pd.to_numeric(details["year"], errors="coerce")[row.label]
        if not math.isnan(year):
            return float(year)
    found = re.findall(r"\b(?:19|20)\d\d", row.label)
    return float(found[-1]) if found else math.inf


def _severity(row: Row, details: pd.DataFrame | None) -> int:
    return list(RISK_SIGNS).index(row.risk or NOT_STATED)


KEYS: dict[str, Callable[[Row, pd.DataFrame | None], Any]] = {
    "effect": lambda row, _: row.estimate,
    "weight": lambda row, _: row.weight,
    "year": _year,
    "name": lambda row, _: row.label.casefold(),
    "risk of bias": _severity,
}


def _have_rows(what: str, labels: Iterable[str], table: pd.DataFrame) -> None:
    missing = [label for label in labels if label not in table.index]
    if missing:
        raise ReviewError(f"{what}: no row for {', '.join(missing)}")


def _study_rows(
    fit: PooledEffect, known: pd.DataFrame, measure: str, overall: PooledEffect | None = None
) -> list[Row]:
    """Return a row a study; its weight is that in ``overall`` where that is given."""
    weighing = fit if overall is None else overall
    weights = dict(zip(weighing.labels, weighing.weights, strict=True))
    half_width = ndtri((1 + fit.level) / 2) * np.sqrt(fit.variance)
    rows = []
    for label, effect, half in zip(fit.labels, fit.effect, half_width, strict=True):
        more = known.loc[label].to_dict()
        interval = (float(effect - half), float(effect + half))
        cells = {
            "effect": fmt.effect_estimate(effect, interval, measure),
            **people_cells(more),
        }
        if weighing.k > 1:
            cells["weight"] = fmt.percent(weights[label], 1)
        risk = risk_word(more)
        hollow = bool(more.get("provenance") == RECONSTRUCTED)
        rows.append(
            Row("study", label, cells, float(effect), interval, float(weights[label]), risk, hollow)
        )
    return rows


def people_cells(known: Mapping[Any, Any], *, absent: str = fmt.EN_DASH) -> dict[str, str]:
    """Return the cells that say how many people each arm had, and how many had the event."""
    cells = {}
    for side in SIDES:
        counts = {
            what: fmt.count(_number(known[f"{what}_{side}"]), absent=absent)
            for what in COUNTED
            if f"{what}_{side}" in known
        }
        if "events" in counts:
            among = counts.get("person_time", counts.get("n", absent))
            both = (counts["events"], among)
            cells[f"events_{side}"] = " / ".join(both) if all(both) else ""
        elif "n" in counts:
            cells[f"n_{side}"] = counts["n"]
    return cells


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def risk_word(known: Mapping[Any, Any] | pd.Series) -> str | None:
    """Return the judgement of the risk of bias; nothing where no trial has any."""
    if "risk_of_bias" not in known:
        return None
    return "not stated" if pd.isna(known["risk_of_bias"]) else str(known["risk_of_bias"])


def _summary_rows(fit: PooledEffect, known: pd.DataFrame, measure: str) -> list[Row]:
    if fit.k == 1:
        return [Row("note", "One comparison: nothing to pool")]
    limits = fit.prediction_interval
    label = f"{fmt.percent(fit.level)} prediction interval"
    told = {"effect": fmt.effect_interval(limits, measure)}
    prediction = Row("prediction", label, told, interval=limits)
    pooled = _pooled_row(fit, "Pooled estimate", known, measure)
    return [_weighing(pooled, fmt.percent(1.0)), prediction]


def _subtotal_rows(
    fit: PooledEffect, known: pd.DataFrame, measure: str, overall: PooledEffect
) -> list[Row]:
    """Return the pooled estimate of a subgroup with its weight in ``overall``, and its spread."""
    weights = dict(zip(overall.labels, overall.weights, strict=True))
    weight = fmt.percent(sum(float(weights[label]) for label in fit.labels), 1)
    subtotal = _weighing(_pooled_row(fit, "Subtotal", known, measure), weight)
    return [subtotal, Row("quiet", heterogeneity_within(fit, measure))]


def _weighing(row: Row, weight: str) -> Row:
    return replace(row, cells={**row.cells, "weight": weight})


def _pooled_row(fit: PooledEffect, label: str, known: pd.DataFrame, measure: str) -> Row:
    counts = [f"{what}_{side}" for what in COUNTED for side in SIDES]
    if isinstance(fit, PooledDependent):  # a shared arm is whole in each of its comparisons
        counts = []
    pooled = known.loc[list(fit.labels)]
    totals = {name: pooled[name].sum(skipna=False) for name in counts if name in known}
    cells = {
        "effect": fmt.effect_estimate(fit.estimate, fit.ci, measure),
        **people_cells(totals, absent=""),
    }
    return Row("pooled", label, cells, fit.estimate, fit.ci)


def _alt(fit: PooledEffect, measure: str, hollow: int) -> str:
    told = "; ".join(
        f"{label} {fmt.effect(effect, measure)}"
        for label, effect in zip(fit.labels, fit.effect, strict=True)
    )
    if fit.k == 1:
        return (
            f"Forest plot with a single comparison, {fit.labels[0]}: {measure} "
            f"{fmt.effect_estimate(fit.estimate, fit.ci, measure)}. Nothing is pooled."
        )
    text = (
        f"Forest plot of {fmt.plural(fit.k, 'comparison')}. Pooled {measure} "
        f"{fmt.effect_estimate(fit.estimate, fit.ci, measure)}, prediction interval "
        f"{fmt.effect_interval(fit.prediction_interval, measure)}. Estimates: {told}."
    )
    return text if not hollow else f"{text} {hollow} of {fit.k} are reconstructed."


def told_first(words: RowLayout) -> str:
    """Return how a caption begins: with what is drawn, and what it shows."""
    told = words.finding.rstrip(".")
    return f"{words.title}: {fmt.inside_sentence(told)}" if told and words.title else words.title


def _caption(words: RowLayout, fit: PooledEffect, hollow: int) -> str:
    parts = [told_first(words)] if words.title else []
    if fit.k > 1:
        parts += [
            "Squares: comparisons, area by weight. Diamond: pooled estimate. Bar: prediction "
            "interval"
        ]
    if hollow:
        parts += ["Hollow: reconstructed from printed results"]
    return fmt.sentence(". ".join(parts)) if parts else "Forest plot."
