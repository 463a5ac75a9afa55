"""Words that stand both in the tables of a review and in code: one list of each."""

from __future__ import annotations

from typing import Final

#: Measures of a difference between means, in the unit of the outcome or in standard deviations.
MEASURES: Final = ("MD", "SMD")
#: Measures of what people have or have not.
BINARY_MEASURES: Final = ("RR", "OR", "RD")
#: How a row came to be known, from the best known to the least.
PROVENANCES: Final = ("reported", "secondary", "reconstructed")
#: The time of a result by arm that is no follow-up.
BASELINE: Final = "baseline"
