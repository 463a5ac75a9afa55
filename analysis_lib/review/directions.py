"""Trials that may count in the other direction than the rest of their analysis.

Instruments of one outcome may run either way: a scale of disability falls as people get better, one
of function rises. A standardised difference hides from which it comes.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from analysis_lib.review.comparisons import StudyEffects

FEWEST_OTHERS = 2  # of two trials that disagree, neither is the odd one


def odd_one_out(effects: StudyEffects) -> str | None:
    """Return the trial that alone has a clear effect on its side, if there is one.

    Parameters
    ----------
    effects
        One analysis. Only standardised differences are looked at: other measures are in one unit.

    Returns
    -------
    str or None
        The trial's key. An effect is clear if its 95 % confidence interval excludes no difference;
        two other trials or more have a clear effect on the other side, and no other has one on
        this.
    """
    if effects.measure != "SMD":
        return None
    clear = np.abs(effects.effect) > -ndtri(0.025) * np.sqrt(effects.variance)
    sides = effects.table["trial"][clear].groupby(np.sign(effects.effect[clear])).unique()
    if len(sides) != len((-1, 1)):
        return None
    few, many = sorted(map(set, sides), key=len)
    is_odd = len(few) == 1 and len(many) >= FEWEST_OTHERS and not few & many
    return str(few.pop()) if is_odd else None
