"""Write book/tables/subgroup_level.csv: how often a test between subgroups errs.

Run as ``python tools/subgroup_level.py`` from the project's root. Each setting is drawn with a seed
of its own, so that the same numbers come out again.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import chdtrc

import analysis_lib as al

TABLE = Path(__file__).resolve().parent.parent / "book" / "tables" / "subgroup_level.csv"
REVIEWS = 4000
STUDIES = (2, 3, 5, 10)  # in each of two subgroups
HETEROGENEITY = (0.0, 0.5, 0.75)
LEVEL = 0.05
SMALL, LARGE = 1.0, 4.0  # sampling variances, in turn


def p_values(generator: np.random.Generator, studies: int, tau2: float) -> list[float]:
    """Draw a review without a difference between two subgroups; return the p of each test."""
    variance = np.resize([SMALL, LARGE], 2 * studies)
    effect = generator.normal(0.0, np.sqrt(variance + tau2))
    groups = ["a"] * studies + ["b"] * studies
    own = al.subgroup_analysis(effect, variance, groups, ci_method="HK")
    common = al.subgroup_analysis(effect, variance, groups, ci_method="HK", common_tau2=True)
    return [
        *(float(chdtrc(found.df, found.q_between or 0.0)) for found in (own, common)),
        *(1.0 if found.p_value is None else found.p_value for found in (own, common)),
    ]


def shares() -> pd.DataFrame:
    """Return how often each test is significant at 5 %, by setting."""
    rows = []
    for seed, (studies, i2) in enumerate(product(STUDIES, HETEROGENEITY)):
        generator = np.random.default_rng(seed)
        tau2 = i2 / (1 - i2) * SMALL
        found = np.array([p_values(generator, studies, tau2) for _ in range(REVIEWS)])
        chi2, chi2_common, f, f_common = (found < LEVEL).mean(axis=0)
        rows.append(
            {
                **{"studies": studies, "i2": i2, "reviews": REVIEWS},
                **{"chi2": chi2, "chi2_common": chi2_common, "f": f, "f_common": f_common},
            }
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    shares().to_csv(TABLE, index=False)
