"""Words that stand both in the tables of a review and in code: one list of each."""

from __future__ import annotations

from typing import Final

#: How a row came to be known, from the best known to the least.
PROVENANCES: Final = ("reported", "secondary", "reconstructed")
#: What stands where a source was read and does not say.
NOT_STATED: Final = "not stated"
#: The time of a result by arm that is no follow-up.
BASELINE: Final = "baseline"
