"""Risk of bias in tables: who is rated how, by weight, and what the rule for the whole does."""

from __future__ import annotations

import pandas as pd

from analysis_lib.base import formatting as fmt
from analysis_lib.book.sections.analyses import heading
from analysis_lib.conclusions import ranges
from analysis_lib.conclusions.stability import draws
from analysis_lib.review.baseline import NOT_STATED
from analysis_lib.review.instruments import SEVERITY
from analysis_lib.review.model import Review
from analysis_lib.review.possible import pooled_analyses
from analysis_lib.review.risk_of_bias import (
    JUDGEMENTS,
    judgement_shares,
    overall_judgement,
    overall_judgements,
)
from analysis_lib.review.subgroups import overall_risk

CONCERNS, LOW = "some concerns", "low"
DOMAINS = 5


def ratings_told(review: Review, matrix: pd.DataFrame) -> dict[str, object]:
    """Return how many trials are at high risk and which, and how much is not stated.

    Parameters
    ----------
    review
        A review that was loaded.
    matrix
        Result of `analysis_lib.review.risk_of_bias.judgements`, by trial.
    """
    overall = matrix["overall"]
    high = [review.trial_names[str(trial)] for trial in overall.index[overall == "high"]]
    domains = matrix.drop(columns="overall")
    return {
        "trials": len(matrix),
        "high": len(high),
        "high-list": fmt.listing(high),
        "not-stated": int((overall == NOT_STATED).sum()),
        "domains-stated": int((domains != NOT_STATED).to_numpy().sum()),
    }


def risk_by_weight(review: Review) -> pd.DataFrame:
    """Return how much of the weight of each analysis comes from trials of which overall risk.

    Returns
    -------
    pandas.DataFrame
        One row an analysis, named by the index; a column a judgement, fractions of the weight. The
        levels of other instruments count as those of RoB 2 that are as bad.
    """
    shares = {}
    for effects in pooled_analyses(review):
        weight = pd.Series(effects.pool().weights).groupby(effects.table["trial"]).sum()
        overall = overall_judgements(
            review.risk_of_bias,
            outcome=effects.outcome,
            trials=list(weight.index),
            **review.info.risk_of_bias,
        )
        found = judgement_shares(
            overall.map(SEVERITY).to_frame(), {str(k): float(w) for k, w in weight.items()}
        )
        shares[heading(review, effects)] = found.loc["overall"]
    return pd.DataFrame(shares).T


def weights_table(review: Review) -> pd.DataFrame:
    """Return `risk_by_weight` as text, over the sets where effects are reconstructed.

    Returns
    -------
    pandas.DataFrame
        One row an analysis, a column each for the judgements that occur: median, and range of
        95 % of the sets.
    """
    rows = {}
    for effects in pooled_analyses(review):
        levels = [SEVERITY[risk] for risk in overall_risk(review, effects)]
        found = ranges.weight_by_level(draws(review, effects), levels, review.info.methods)
        rows[heading(review, effects)] = {
            level: ranges.told_percent(ranges.spread(shares)) for level, shares in found.items()
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table = table[[level for level in JUDGEMENTS if level in table]].fillna(fmt.percent(0))
    table.columns = pd.Index([level.capitalize() for level in table.columns])
    return table.rename_axis("Analysis").reset_index()


def rule_table(review: Review) -> pd.DataFrame:
    """Return the overall judgement by the tool and as it is counted, when no domain is high."""
    numbers = range(3)
    domains = [[CONCERNS] * n + [LOW] * (DOMAINS - n) for n in numbers]
    return pd.DataFrame(
        {
            "Domains with some concerns": ["none", *fmt.NUMBER_WORDS[1 : len(numbers)]],
            "The tool, unless a reviewer decides otherwise": [
                overall_judgement(d) for d in domains
            ],
            "As counted here": [overall_judgement(d, **review.info.risk_of_bias) for d in domains],
        }
    )
