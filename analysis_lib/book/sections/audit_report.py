"""The page on the audit: what was checked, what was found, and the weightiest findings by hand."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri, stdtrit

from analysis_lib.base import formatting as fmt
from analysis_lib.base.errors import ReviewError
from analysis_lib.book.sections.analyses import result_names
from analysis_lib.book.sections.from_arms import arms_on_scale
from analysis_lib.conclusions.ranges import excludes, spread
from analysis_lib.conclusions.stability import draws
from analysis_lib.pooling.batch import pool_many
from analysis_lib.pooling.pooled_effect import pool
from analysis_lib.printed.audit import RULES, Audit, audit
from analysis_lib.review.comparisons import study_effects
from analysis_lib.review.model import Review

TABLES = ("arms", "arm_results", "trials", "interventions", "adverse_events", "selection",
          "excluded_reports", "claims", "subgroup_levels")  # fmt: skip
TWO_DECIMALS = ("estimate", "ci_low", "ci_high", "pi_low", "pi_high")
AGREE, UNCHECKED = "consistent", "cannot be checked"
WEIGHTS = ("conclusion", "number", "wording", "none")
Z = float(ndtri(0.975))  # of a 95 % interval


def audit_of(review: Review, **options: Any) -> Audit:
    """Audit what a review prints against itself and against all of its tables.

    Parameters
    ----------
    review
        A review that was loaded.
    **options
        As for `analysis_lib.audit`. Without any, a review is audited once, however often it is
        asked for.
    """

    def made() -> Audit:
        tables = {name: getattr(review, name) for name in TABLES}
        return audit(review.printed, **tables, **options)

    return made() if options else review.kept("audit", made)


def broken_rules(review: Review) -> dict[str, list[str]]:
    """Return the rules of the audit that each figure breaks, by the place that a finding names."""
    found: dict[str, list[str]] = {}
    for finding in audit_of(review).findings:
        found.setdefault(finding.where, []).append(finding.rule)
    return found


def rules_table(found: Audit) -> pd.DataFrame:
    """Return every rule with the number of checks that agree, do not, or cannot be made."""
    checks = found.to_frame(every_check=True)
    verdict = checks["verdict"].where(checks["verdict"].isin([AGREE, UNCHECKED]), "found")
    counts = pd.crosstab(checks["rule"], verdict).reindex(
        index=[rule.name for rule in RULES], columns=[AGREE, "found", UNCHECKED], fill_value=0
    )
    heads = ["Agree", "Do not agree", "Cannot be checked"]
    table = counts.map(fmt.count).set_axis(heads, axis="columns").reset_index(names="Rule")
    table.insert(1, "What it asks", [rule.asks for rule in RULES])
    return table


def counts_of(found: Audit) -> dict[str, int]:
    """Return how many rules, checks and findings there are, and for what the findings matter."""
    verdicts: list[str] = [check.verdict for check in found.checks]
    matters: list[str] = [finding.matters for finding in found.findings]
    return {
        "rules": len(RULES),
        "checks": len(verdicts),
        "judged": len(verdicts) - verdicts.count(UNCHECKED),
        "agree": verdicts.count(AGREE),
        "found": len(found),
        "places": len({finding.where for finding in found.findings}),
        "corrections": sum(finding.suggestion is not None for finding in found.findings),
        **{f"matters-{word}": matters.count(word) for word in WEIGHTS},
    }


# --- a review that was made up --------------------------------------------------------------------


def made_up_results(results: int, seed: int) -> pd.DataFrame:
    """Draw meta-analyses, pool them, and print them as an article would.

    Returns
    -------
    pandas.DataFrame
        One row a result, figures as text, as `analysis_lib.audit` takes them.
    """
    generator = np.random.default_rng(seed)
    rows = []
    for i in range(results):
        k = int(generator.integers(3, 12))
        variance = generator.uniform(0.02, 0.4, k)
        fit = pool(generator.normal(-0.4, np.sqrt(variance + generator.uniform(0, 0.5))), variance)
        figures = (fit.estimate, *fit.ci, *(fit.prediction_interval or ()))
        rows.append(
            {"id": f"analysis {i}", "measure": "MD", "comparisons": str(k)}
            | {name: f"{x:.2f}" for name, x in zip(TWO_DECIMALS, figures, strict=True)}
            | {"p": f"{fit.p_value:.3f}", "tau2": f"{fit.tau2:.3f}", "i2": f"{fit.i2:.0%}"[:-1]}
        )
    return pd.DataFrame(rows)


def without_a_minus(results: pd.DataFrame) -> pd.DataFrame:
    """Take the minus sign from the first estimate whose interval is clearly below zero."""
    clear = results.index[results["ci_high"].astype(float) < -0.1][0]
    estimates = results["estimate"].copy()
    estimates[clear] = estimates[clear].removeprefix("-")
    return results.assign(estimate=estimates)


def audits_table(audits: Mapping[str, Audit]) -> pd.DataFrame:
    """Return what audits of several reviews found, one row a review, as text."""
    judged = [[c for c in found.checks if c.verdict != UNCHECKED] for found in audits.values()]
    proposals = [
        dict.fromkeys(finding.suggestion or "" for finding in found.findings)
        for found in audits.values()
    ]
    return pd.DataFrame(
        {
            "Review": list(audits),
            "Results": [fmt.count(len({c.where for c in checks})) for checks in judged],
            "Checks that could judge": [fmt.count(len(checks)) for checks in judged],
            "Findings": [fmt.count(len(found)) for found in audits.values()],
            "Correction proposed": ["; ".join(p).replace("-", fmt.MINUS) for p in proposals],
        }
    )


# --- the findings ---------------------------------------------------------------------------------


def findings_in_words(review: Review, found: Audit, places: Mapping[str, str]) -> pd.DataFrame:
    """Return the findings of a review as a reader is told them.

    Parameters
    ----------
    review
        The review that was audited.
    found
        Result of `audit_of`.
    places
        By rule, where that stands which is neither a printed result nor a claim; Table 1 by
        default.

    Returns
    -------
    pandas.DataFrame
        One row a finding, those on one result together: the columns of `Audit.to_frame` with
        names in place of keys and true minus signs, ``asks`` (the rule's question), ``heading``
        (what the finding is about, and where it stands) and ``note`` (that of a claim, or empty).
    """
    names = result_names(review)
    told = found.to_frame()
    sources = dict(zip(review.published["id"], review.published["source"], strict=True))
    sources |= dict(zip(review.claims["claim"], review.claims["source"], strict=True))
    elsewhere = told["rule"].map({rule.name: places.get(rule.name, "Table 1") for rule in RULES})
    place = told["where"].map(sources).fillna(elsewhere)
    place = place.str.removeprefix("review: ")
    told["heading"] = told["where"].map(names).fillna(told["where"]) + " (" + place + ")"
    told["heading"] = told["heading"].mask(told["where"].isin(review.claims["claim"]), place)
    told["asks"] = told["rule"].map({rule.name: rule.asks for rule in RULES})
    lists = told["rule"] == "exclusive lists"
    told.loc[lists, "follows"] = told["follows"].str.partition(": ")[2]  # without the column's key
    told.loc[lists, "printed"] = told["printed"].replace("nothing", "")
    told["follows"] = told["follows"].str.replace(
        SAME_FIGURE, "another group has the same figure", regex=True
    )
    notes = dict(zip(review.claims["claim"], review.claims["note"], strict=True))
    told["note"] = told["where"].map(notes).fillna("").astype("str")
    keys = review.trial_names | names | _arm_names(review)
    for column in ("heading", "printed", "follows", "suggestion"):
        told[column] = _named(told[column].fillna(""), keys)
    order = {heading: i for i, heading in enumerate(dict.fromkeys(told["heading"]))}
    return told.sort_values("heading", key=lambda column: column.map(order), kind="stable")


#: What the audit says of a figure that another claim, named by its key, has as well.
SAME_FIGURE = re.compile(r"[\w-]+ prints the same figure")


def _arm_names(review: Review) -> dict[str, str]:
    """Return how readers know each arm, by the keys of its trial and its own."""
    arms = review.arms
    return {
        f"{trial} {arm}": f"{review.trial_names[trial]} {label}"
        for trial, arm, label in zip(arms["trial"], arms["arm"], arms["label_printed"], strict=True)
    }


def _named(texts: pd.Series, names: Mapping[str, str]) -> pd.Series:
    """Put names in place of keys, and true minus signs."""
    # The longest first, since some begin alike.
    for key in sorted(names, key=len, reverse=True):
        texts = texts.str.replace(key, names[key], regex=False)
    return texts.str.replace(r"(?<!\w)-(?=\d)", fmt.MINUS, regex=True)


def findings_table(told: pd.DataFrame, matters: str) -> pd.DataFrame:
    """Return the findings that matter for a conclusion, a number, the wording, or for nothing."""
    heads = {
        "asks": "What the rule asks",
        "printed": "What is printed",
        "follows": "What follows",
        "suggestion": "One character would mend it",
        "question": "Question",
        "heading": "where",
    }
    kept = told[told["matters"] == matters]
    noted = (kept["follows"] + ". " + kept["note"]).str.removesuffix(". ")
    return kept.assign(follows=noted)[list(heads)].rename(columns=heads)


def told_of(told: pd.DataFrame, where: str) -> dict[str, str]:
    """Return what is told of the first finding on a result: printed, follows and suggestion."""
    first = told[told["where"] == where].iloc[0]
    return {name: str(first[name]) for name in ("printed", "follows", "suggestion")}


# --- by hand --------------------------------------------------------------------------------------


def interval_by_hand(row: pd.Series) -> dict[str, object]:
    """Return what a printed estimate, interval and p value say about each other.

    Parameters
    ----------
    row
        A row of ``published.csv``.

    Returns
    -------
    dict
        The interval's ``centre``, standard error (``se``), ``z`` and p value (``p-interval``);
        the lower limit ``mirrored`` from the upper one at the estimate; the standard error from
        estimate and p value (``se-by-p``) with its limits (``low-by-p``, ``high-by-p``).

    Notes
    -----
    A Wald interval is the estimate plus and minus 1.96 standard errors, and z is the estimate over
    its standard error.
    """
    estimate, low, high, p = (float(row[name]) for name in ("estimate", "ci_low", "ci_high", "p"))
    centre, se, se_by_p = (low + high) / 2, (high - low) / (2 * Z), abs(estimate) / -ndtri(p / 2)
    return {
        "estimate": fmt.number(estimate),
        "low": fmt.number(low),
        "high": fmt.number(high),
        "interval": fmt.interval((low, high)),
        "p": p,
        "centre": fmt.threshold(centre, least=2),
        "mirrored": fmt.number(2 * estimate - high),
        "se": se,
        "z": abs(centre) / se,
        "p-interval": 2 * float(ndtr(-abs(centre) / se)),
        "se-by-p": se_by_p,
        "low-by-p": fmt.number(estimate - Z * se_by_p, 3),
        "high-by-p": fmt.number(estimate + Z * se_by_p, 3),
    }


def people_by_hand(row: pd.Series) -> dict[str, object]:
    """Return the least standard error of a standardised difference among the printed people.

    Notes
    -----
    Its variance is at least 1/n1 + 1/n2, hence 4/N (``least``, the root of that); so the printed
    interval takes about 4/SE² people (``need``).
    """
    n, se = int(row["participants"]), (row["ci_high"] - row["ci_low"]) / (2 * Z)
    interval = fmt.interval((row["ci_low"], row["ci_high"]))
    return {
        "n": n,
        "trials": int(row["trials"]),
        "interval": interval,
        "se": se,
        "least": 2 / math.sqrt(n),
        "need": math.ceil(4 / se**2),
    }


def prediction_by_hand(row: pd.Series) -> dict[str, object]:
    """Return what the printed τ² and standard error make of a printed prediction interval.

    Returns
    -------
    dict
        The ``printed`` interval and its ``half`` width; ``tau2`` and ``se``; what the half-width
        is at ``least``, and with τ² alone (``tau-alone``); the ``quantile`` that it implies.

    Notes
    -----
    The half-width is a quantile, never below 1.96, times the root of τ² + SE².
    """
    half = (row["pi_high"] - row["pi_low"]) / 2
    se, tau2 = (row["ci_high"] - row["ci_low"]) / (2 * Z), row["tau2"]
    spread = math.sqrt(tau2 + se**2)
    return {
        "printed": fmt.interval((row["pi_low"], row["pi_high"])),
        "half": half,
        "tau2": tau2,
        "se": se,
        "tau-alone": Z * math.sqrt(tau2),
        "least": Z * spread,
        "quantile": half / spread,
    }


def comparisons_by_hand(quantile: float) -> dict[str, object]:
    """Return how many comparisons the quantile of a prediction interval implies.

    Returns
    -------
    dict
        The degrees of freedom (``df``) whose 97.5 % quantile of t is nearest, that quantile
        (``t``) and those beside it (``t-less``, ``t-more``), and the comparisons (``k``): R's meta
        takes k − 2 degrees of freedom.
    """
    df = 1 + int(np.abs(stdtrit(np.arange(1, 50), 0.975) - quantile).argmin())
    less, t, more = (float(stdtrit(degrees, 0.975)) for degrees in (df - 1, df, df + 1))
    return {"df": df, "t-less": less, "t": t, "t-more": more, "k": df + 2}


def comparisons_told(review: Review, found: Audit) -> pd.DataFrame:
    """Return what the printed numbers say about how many comparisons there were."""
    checks = found.to_frame(every_check=True)
    rules = checks["rule"].isin(["prediction width", "number of comparisons"])
    checks = checks[rules & (checks["verdict"] == AGREE)]
    return pd.DataFrame(
        {
            "Result": checks["where"].map(result_names(review)),
            "What follows": checks["follows"],
            "asks": checks["rule"].map({rule.name: rule.asks for rule in RULES}),
        }
    )


# --- Table 1, and the arms that entered -----------------------------------------------------------


def small_sds_table(
    review: Review, doubtful: Mapping[str, tuple[str, float, Sequence[str]]]
) -> pd.DataFrame:
    """Return the smallest standard deviation of trials beside the others' median, as text.

    Parameters
    ----------
    review
        A review that was loaded.
    doubtful
        By heading: an outcome, the length of the scale on which to compare, and the trials.
    """
    rows = []
    people = review.arms.groupby("trial")["n"].min()
    for heading, (outcome, scale, trials) in doubtful.items():
        sds = arms_on_scale(review, outcome, (0, scale)).groupby("trial")["sd"]
        others = sds.median().drop(list(trials)).median()
        rows += [
            {
                "Trial": review.trial_names[trial],
                "Smallest SD": fmt.number(sds.min()[trial]),
                "n": fmt.count(people[trial]),
                "The SD if it were an SE": fmt.number(sds.min()[trial] * math.sqrt(people[trial])),
                "Median SD of the other trials": fmt.number(others),
                "outcome": heading,
            }
            for trial in trials
        ]
    return pd.DataFrame(rows)


def if_errors(review: Review, trial: str, outcome: str, follow_up: str) -> dict[str, object]:
    """Return what becomes of a result if standard deviations of a trial are standard errors.

    Parameters
    ----------
    review
        A review that was loaded.
    trial
        The trial in question, whose arms are equally large.
    outcome, follow_up
        The result.

    Returns
    -------
    dict
        ``estimate``, ``low`` and ``high``: the pooled effect and its interval, each the median
        over the sets of effects that agree with the print; ``includes``, the per cent of sets
        whose interval includes no difference then.

    Raises
    ------
    ReviewError
        If the arms of the trial differ in size.

    Notes
    -----
    A deviation is the error times the root of n. A mean difference keeps its size and has a
    variance n times as large; a standardised one becomes smaller by the root of n, and has the
    variance of its new size.
    """
    effects = study_effects(review, outcome, follow_up)
    here = (effects.table["trial"] == trial).to_numpy()
    n1, n2 = (effects.table[f"n_{side}"].to_numpy(float) for side in ("experimental", "comparator"))
    if not np.array_equal(n1[here], n2[here]):
        raise ReviewError(f"{review.trial_names[trial]}: the arms differ in size")
    found = draws(review, effects)
    effect, variance = found.effect.copy(), found.variance.copy()
    if effects.measure == "SMD":
        effect[:, here] /= np.sqrt(n1[here])
        n = (n1 + n2)[here]
        variance[:, here] = n / (n1 * n2)[here] + effect[:, here] ** 2 / (2 * n)
    else:
        variance[:, here] *= n1[here]
    fit = pool_many(effect, variance, **review.info.methods)
    numbers = {"estimate": fit.estimate, "low": fit.ci_low, "high": fit.ci_high}
    told = {name: fmt.number(float(spread(values)[0])) for name, values in numbers.items()}
    return told | {"includes": 100 * (1 - excludes(fit))}


def arms_of_analyses(review: Review) -> pd.DataFrame:
    """Return which arms enter which pooled result, by the main reading of the text."""
    main = review.analyses[review.analyses["reading"].str.contains(r"\bmain\b")]
    main = main.assign(analysis=main["outcome"] + "-" + main["follow_up"])
    sides = ["experimental_arm", "comparator_arm"]
    arms = main.melt(["analysis", "trial"], sides, value_name="arm")
    return arms[["analysis", "trial", "arm"]].drop_duplicates()


#: What can be judged only if one knows which arms enter a result.
BY_MEMBERS = {"size of analysis": "people", "implied SDs": "standard deviations"}


def reading_table(review: Review, found: Audit) -> pd.DataFrame:
    """Return what follows for each result if the arms that are taken to enter it are right."""
    checks = found.to_frame(every_check=True)
    judged = checks[checks["rule"].isin(BY_MEMBERS) & (checks["verdict"] != UNCHECKED)]
    names = result_names(review)
    return pd.DataFrame(
        {
            "Result": judged["where"].map(names),
            "About": judged["rule"].map(BY_MEMBERS),
            "What is printed": _named(judged["printed"], names),
            "Under our reading": _named(judged["follows"], names),
            "Fits": judged["verdict"].map({AGREE: "yes"}).fillna("no"),
        }
    )
