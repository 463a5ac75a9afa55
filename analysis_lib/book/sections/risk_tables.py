"""Risk of bias in tables: who is rated how, by weight, and what the rule for the whole does."""

from __future__ import annotations

import pandas as pd

from analysis_lib.base import formatting as fmt
from analysis_lib.book.sections.analyses import heading
from analysis_lib.review.baseline import NOT_STATED
from analysis_lib.review.instruments import SEVERITY
from analysis_lib.review.model import Review
from analysis_lib.review.possible import pooled_analyses
from analysis_lib.review.risk_of_bias import judgement_shares, overall_judgement, overall_judgements

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


def weights_table(shares: pd.DataFrame, judged: tuple[str, ...]) -> pd.DataFrame:
    """Return `risk_by_weight` as text, for some of the judgements."""
    columns = {name.capitalize(): shares[name].map(fmt.percent) for name in judged}
    return pd.DataFrame(columns).rename_axis("Analysis").reset_index()


def rule_table(review: Review) -> pd.DataFrame:
    """Return the overall judgement by the tool and by the review's rule, when no domain is high."""
    numbers = range(3)
    domains = [[CONCERNS] * n + [LOW] * (DOMAINS - n) for n in numbers]
    return pd.DataFrame(
        {
            "Domains with some concerns": ["none", *fmt.NUMBER_WORDS[1 : len(numbers)]],
            "The tool's algorithm": [overall_judgement(d) for d in domains],
            "The review's rule": [
                overall_judgement(d, **review.info.risk_of_bias) for d in domains
            ],
        }
    )
