"""The test of a funnel's asymmetry that fits the measure of an analysis.

The standard error of a ratio, or of a standardised difference, moves with the effect; Egger's test
then finds a lean where there is none.
"""

from __future__ import annotations

from analysis_lib.pooling.asymmetry import EggerTest, egger_test
from analysis_lib.pooling.asymmetry_events import harbord_test, peters_test, pustejovsky_test
from analysis_lib.review.comparisons import COUNTS, StudyEffects


def asymmetry_test(effects: StudyEffects) -> EggerTest:
    """Test the asymmetry of an analysis by the test that fits its measure.

    Parameters
    ----------
    effects
        The effects of one analysis.

    Returns
    -------
    EggerTest
        Harbord's for odds ratios, Peters' for risk ratios and differences, Pustejovsky and
        Rodgers' for standardised differences; Egger's for all others, and where the events or the
        people that these need are not known.

    Raises
    ------
    ReviewError
        As `analysis_lib.egger_test`, and where shared arms are modelled.
    """
    effects.check_independent()
    level = effects.methods.level
    if effects.is_of_events:
        columns = [effects.table[name].to_numpy(dtype=float) for name in COUNTS]
        if effects.measure == "OR":
            return harbord_test(*columns, labels=effects.labels, level=level)
        return peters_test(*columns, measure=effects.measure, labels=effects.labels, level=level)
    people = effects.table[["n_experimental", "n_comparator"]].to_numpy(dtype=float)
    if effects.measure == "SMD" and (people > 0).all():
        n1, n2 = people.T
        return pustejovsky_test(n1, n2, effects.effect, labels=effects.labels, level=level)
    return egger_test(effects.effect, effects.variance, level=level)
