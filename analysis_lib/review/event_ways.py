"""The events of one analysis pooled by every method that there is for them."""

from __future__ import annotations

from analysis_lib.base.errors import ReviewError, attempt
from analysis_lib.pooling.events import PooledEvents
from analysis_lib.pooling.methods import EventMethods
from analysis_lib.pooling.pooled_effect import PooledEffect
from analysis_lib.review.comparisons import PoolingNames, StudyEffects

METHOD_WORDS = {"MH": "Mantel-Haenszel", "Peto": "Peto", "inverse": "inverse variance"}
MODEL_WORDS = {"common": "one common effect", "random": "random effects"}


def event_ways(effects: StudyEffects) -> list[EventMethods]:
    """Return the ways to pool events that a reader may want to see side by side."""
    common = ["MH", "Peto", "inverse"] if effects.measure == "OR" else ["MH", "inverse"]
    ways = [EventMethods(event_method=name, model="common") for name in common]
    ways.append(EventMethods())
    if effects.holds_double_zeros:
        ways += [EventMethods(model=model, double_zeros="keep") for model in ("common", "random")]
    return ways


def pooled_by(effects: StudyEffects, way: EventMethods) -> PooledEffect | ReviewError:
    """Pool the events of an analysis in one way, or say why it cannot be done."""
    names: PoolingNames = {
        "event_method": way.event_method,
        "model": way.model,
        "double_zeros": way.double_zeros,
        "correction": effects.events.correction,
    }
    if way.model == "random" and effects.methods.tau2_method == "FE":
        names["tau2_method"] = "REML"
    if way.model == "common":
        names["tau2_method"] = "FE"
    return attempt(effects.pool, **names)


def rare_events(effects: StudyEffects) -> str | None:
    """Say so where the events of an analysis are rare."""
    fit = effects.pool() if effects.k and effects.counts else None
    return fit.rare if isinstance(fit, PooledEvents) else None
