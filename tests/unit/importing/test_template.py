"""Does a new review begin with the methods that its template names, and why those?"""

from __future__ import annotations

import tomllib
from pathlib import Path

from analysis_lib.importing.new_review import new_review
from analysis_lib.pooling.methods import EventMethods, Methods


def test_a_new_review_pools_by_the_methods_of_the_handbook(tmp_path: Path) -> None:
    """REML is what Cochrane advises, the ad hoc Hartung-Knapp interval what Röver 2015 does."""
    new_review(tmp_path / "review")
    toml = tomllib.loads((tmp_path / "review" / "data" / "review.toml").read_text())
    named = toml["methods"]
    effects = {"tau2_method": "REML", "ci_method": "HK-adhoc", "pi_method": "HTS", "level": 0.95}
    assert {name: named.pop(name) for name in effects} == effects
    Methods(**effects)  # each is one that pool knows
    assert named.pop("shared_arms") == "split"
    assert EventMethods(**named) == EventMethods()
