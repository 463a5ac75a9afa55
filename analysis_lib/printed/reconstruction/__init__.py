"""Study results that agree with everything a review prints, when the trial data are not printed.

`targets` reads the printed numbers as intervals, `solver` finds the nearest results that give them,
`effects` is the front door; `tables` and `files` bring a review's tables in and the results out.
"""

from analysis_lib.printed.intervals import Interval
from analysis_lib.printed.reconstruction.effects import (
    Ensemble,
    Reconstruction,
    Residual,
    compare,
    ensemble,
    printed_targets,
    reconstruct,
    validate,
)
from analysis_lib.printed.reconstruction.solver import Prior, conditioned
from analysis_lib.printed.reconstruction.targets import (
    BetweenTarget,
    FitTargets,
    Targets,
    rounded,
    set_aside_contradictions,
)

__all__ = [
    "BetweenTarget",
    "Ensemble",
    "FitTargets",
    "Interval",
    "Prior",
    "Reconstruction",
    "Residual",
    "Targets",
    "compare",
    "conditioned",
    "ensemble",
    "printed_targets",
    "reconstruct",
    "rounded",
    "set_aside_contradictions",
    "validate",
]
