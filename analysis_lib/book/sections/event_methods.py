"""The events of one analysis pooled by every method, as a table."""

from __future__ import annotations

import pandas as pd

from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.pooling.methods import EventMethods
from analysis_lib.review.comparisons import StudyEffects
from analysis_lib.review.event_ways import METHOD_WORDS, MODEL_WORDS, event_ways, pooled_by

ZERO_WORDS = {"drop": "left out", "keep": "kept"}


def methods_of_events(effects: StudyEffects) -> pd.DataFrame:
    """Return a row a way to pool the events: the trials that enter, the result, and p, as text.

    Parameters
    ----------
    effects
        An analysis of events, with at least one trial that tells something.
    """
    table = pd.DataFrame([_row(effects, way) for way in event_ways(effects)])
    return table if effects.holds_double_zeros else table.drop(columns="Double zeros")


def _row(effects: StudyEffects, way: EventMethods) -> dict[str, str]:
    fit = pooled_by(effects, way)
    if isinstance(fit, ReviewError):
        numbers = ("", f"not computed: {fit}", "")
    else:
        result = fmt.effect_estimate(fit.estimate, fit.ci, effects.measure)
        numbers = (fmt.count(fit.k), result, fmt.p_value(fit.p_value))
    heads = ("Method", "Model", "Double zeros", "Trials", effects.measure, "p")
    words = (METHOD_WORDS[way.event_method], MODEL_WORDS[way.model], ZERO_WORDS[way.double_zeros])
    return dict(zip(heads, (*words, *numbers), strict=True))
