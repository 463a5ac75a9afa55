"""The prompts of certainty that rest on single effects, over all sets of reconstructed ones.

Pooled effect, intervals and heterogeneity are fixed by the print, and so are the prompts of
inconsistency and imprecision. The weights of the trials and the asymmetry of the funnel are not:
their prompts are those that nearly all sets have in common, or the range over the sets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.conclusions import ranges
from analysis_lib.conclusions.certainty import (
    Prompt,
    publication_bias_prompt,
    risk_of_bias_prompt,
    risk_of_bias_steps,
)
from analysis_lib.conclusions.stability import STABLE, Draws
from analysis_lib.pooling.asymmetry import FEWEST_TO_READ, EggerTest
from analysis_lib.pooling.methods import Methods
from analysis_lib.review.instruments import SEVERITY
from analysis_lib.review.risk_of_bias import JUDGEMENTS

Steps = tuple[int, int]


def steps_in_common(steps: Sequence[Steps]) -> Steps:
    """Return the steps that nearly all sets ask for, or else the fewest and the most of any.

    Examples
    --------
    >>> steps_in_common([(2, 2)] * 99 + [(0, 2)]), steps_in_common([(2, 2), (0, 1)])
    ((2, 2), (0, 2))
    """
    (usual, sets), *_ = Counter(steps).most_common()
    if sets >= STABLE * len(steps):
        return usual
    return min(low for low, _ in steps), max(high for _, high in steps)


def risk_of_bias_over_sets(found: Draws, judgements: Sequence[str], methods: Methods) -> Prompt:
    """Return `risk_of_bias_prompt` over the ensemble of an analysis.

    Parameters
    ----------
    found
        The ensemble of an analysis.
    judgements
        Overall risk of bias of each comparison.
    methods
        How to pool.
    """
    shares = ranges.weight_by_level(found, [SEVERITY[word] for word in judgements], methods)
    told = ", ".join(
        f"{level} {ranges.told_percent(ranges.spread(shares[level]))}"
        for level in JUDGEMENTS
        if level in shares
    )
    steps = [
        risk_of_bias_steps({level: float(weights[place]) for level, weights in shares.items()})
        for place in range(len(found))
    ]
    return replace(
        risk_of_bias_prompt(found.effects.pool(), judgements),
        finding=f"weight by overall judgement: {told}",
        steps=steps_in_common(steps),
    )


def publication_bias_over_sets(found: Draws, tests: Sequence[EggerTest | ReviewError]) -> Prompt:
    """Return `publication_bias_prompt` over the ensemble of an analysis.

    Parameters
    ----------
    found
        The ensemble of an analysis.
    tests
        The test of asymmetry of each set, or why it has none.
    """
    fit = found.effects.pool()
    prompts = [publication_bias_prompt(fit, test) for test in tests]
    known = [test for test in tests if isinstance(test, EggerTest)]
    if fit.k < FEWEST_TO_READ or len(known) < len(tests):
        return prompts[0]
    told = ranges.told(ranges.spread(np.array([test.p_value for test in known])))
    return replace(
        prompts[0],
        finding=prompts[0].finding.replace(fmt.p_value(known[0].p_value), f"p {told}"),
        steps=steps_in_common([prompt.steps for prompt in prompts if prompt.steps is not None]),
    )
