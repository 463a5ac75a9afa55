"""The page on how often intervals hold: shares at the review's own designs, and on a grid."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis_lib.base import formatting as fmt
from analysis_lib.review.model import Review

LEVEL = 0.95
SETTINGS = ["sizes", "k", "i2"]
Check = tuple[str, str, bool]


def coverage_by_design(review: Review, stored: pd.DataFrame) -> pd.DataFrame:
    """Return how often each interval holds, at the design of each pooled result, without effect.

    Parameters
    ----------
    review
        A review that was loaded.
    stored
        The table ``operating_characteristics``, with REML among its estimators.

    Returns
    -------
    pandas.DataFrame
        One row a result, in the printed order, by id: ``name`` (with the number of comparisons in
        brackets), ``k``, ``tau2`` (printed), ``tau2_zero`` (share of simulated reviews whose
        estimate of τ² is zero), and the share of each method (``wald``, ``HK``, ``HTS`` ...).
    """
    null = _at_review(stored).query("effect == 'none'")
    shares = null.pivot(index="result", columns="method", values="coverage")
    known = null.groupby("result")[["k", "tau2", "tau2_zero"]].first()
    printed = review.published.set_index("id")
    results = [result for result in printed.index if result in shares.index]
    outcomes = dict(zip(review.outcomes["outcome"], review.outcomes["label"], strict=True))
    table = known.join(shares).loc[results]
    labels = printed.loc[results, "outcome"].map(outcomes)
    times = printed.loc[results, "follow_up"]
    names = labels + ", " + times + " (" + table["k"].astype("str") + ")"
    return table.assign(name=names)


def _at_review(stored: pd.DataFrame) -> pd.DataFrame:
    return stored[(stored["set"] == "review") & (stored["tau2_method"] == "REML")]


def lowest_and_highest(shares: pd.DataFrame, methods: Sequence[str]) -> dict[str, float]:
    """Return the least and the largest share of each method, in per cent."""
    ends = {"low": shares[list(methods)].min(), "high": shares[list(methods)].max()}
    return {
        f"{method.lower()}-{end}": 100 * float(values[method])
        for method in methods
        for end, values in ends.items()
    }


def power_table(review: Review, stored: pd.DataFrame, designs: pd.DataFrame) -> pd.DataFrame:
    """Return how often the test of the pooled effect is significant, as text.

    Parameters
    ----------
    review, stored
        As for `coverage_by_design`.
    designs
        Its result.
    """
    intervals = _at_review(stored).query("kind == 'CI'")
    found = intervals.pivot(
        index="result", columns=["effect", "method"], values="excludes_zero"
    ).loc[designs.index]
    printed = review.published.set_index("id").loc[designs.index]
    return pd.DataFrame(
        {
            "Result": designs["name"],
            "True mean": printed["estimate"].map(fmt.number),
            "Wald, no effect": [fmt.percent(x, 1) for x in found["none", "wald"]],
            "Hartung-Knapp, no effect": [fmt.percent(x, 1) for x in found["none", "HK"]],
            "Wald, true mean": [fmt.percent(x) for x in found["printed", "wald"]],
            "Hartung-Knapp, true mean": [fmt.percent(x) for x in found["printed", "HK"]],
        }
    )


def subgroup_level_table(level: pd.DataFrame) -> pd.DataFrame:
    """Return how often a test finds a difference between subgroups that is not there, as text.

    Parameters
    ----------
    level
        The table ``subgroup_level``.
    """
    shares = {
        "χ², τ² each": "chi2",
        "F (Welch and James), τ² each": "f",
        "χ², common τ²": "chi2_common",
        "F, common τ²": "f_common",
    }
    return pd.DataFrame(
        {
            "Trials": [f"{n} + {n}" for n in level["studies"]],
            "I²": level["i2"].map(fmt.percent),
            **{head: [fmt.percent(x, 1) for x in level[name]] for head, name in shares.items()},
        }
    )


#: Intervals where arms are shared, in the words of the page.
SHARED = {
    "split, wald": "Split, Wald",
    "split, HK": "Split, Hartung-Knapp",
    "combined, HK": "Combined, Hartung-Knapp",
    "combined, KR": "Combined, Kenward-Roger",
    "combined, Henmi-Copas": "Combined, Henmi-Copas",
    "combined, Bayes": "Combined, Bayesian",
    "modelled, wald": "Modelled, Wald",
    "modelled, robust": "Modelled, robust",
}
#: Those of them that are drawn: the review's, and one for each other way to treat the arms.
SHARED_DRAWN = {name: SHARED[name] for name in ("split, wald", "combined, HK", "modelled, robust")}


def shared_coverage_by_design(review: Review, stored: pd.DataFrame) -> pd.DataFrame:
    """Return how often intervals hold the true mean where comparisons share arms.

    Parameters
    ----------
    review
        A review that was loaded.
    stored
        The table ``shared_arm_coverage``.

    Returns
    -------
    pandas.DataFrame
        One row a result, in the printed order, by name (with the numbers of comparisons and trials
        in brackets): ``tau2``, and the share of each interval of `SHARED`.
    """
    shares = stored.pivot(index="result", columns="method", values="coverage")[list(SHARED)]
    known = stored.groupby("result")[["k", "trials", "tau2"]].first()
    printed = review.published.set_index("id")
    results = [result for result in printed.index if result in shares.index]
    outcomes = dict(zip(review.outcomes["outcome"], review.outcomes["label"], strict=True))
    names = [
        f"{outcomes[printed.loc[result, 'outcome']]}, {printed.loc[result, 'follow_up']} "
        f"({known.loc[result, 'k']} in {known.loc[result, 'trials']})"
        for result in results
    ]
    table = known[["tau2"]].join(shares).loc[results]
    return table.set_index(pd.Index(names, name="name"))


def shared_ends(shares: pd.DataFrame) -> dict[str, float]:
    """Return the least and the largest share of each interval where trials differ, in per cent."""
    apart = shares[shares["tau2"] > 0].rename(columns=lambda name: name.replace(", ", "-"))
    return lowest_and_highest(apart, [name.replace(", ", "-") for name in SHARED])


def shared_coverage_table(shares: pd.DataFrame) -> pd.DataFrame:
    """Return `shared_coverage_by_design` as text."""
    columns = {words: [fmt.percent(x) for x in shares[name]] for name, words in SHARED.items()}
    return pd.DataFrame({"Result": list(shares.index), **columns})


def grid_coverage(stored: pd.DataFrame, sizes: str, i2: float) -> pd.DataFrame:
    """Return the shares of DerSimonian and Laird's method on the grid, by number of trials."""
    grid = stored[(stored["set"] == "grid") & (stored["tau2_method"] == "DL")]
    chosen = grid[(grid["sizes"] == sizes) & (grid["i2"] == i2)]
    return chosen.pivot(index="k", columns="method", values="coverage").rename("{} trials".format)


def literature_checks(stored: pd.DataFrame) -> list[Check]:
    """Ask of the grid what simulations in the literature found.

    Parameters
    ----------
    stored
        The table ``operating_characteristics``.

    Returns
    -------
    list of tuple
        What is known, what is found here, and whether it has the same direction.

    Notes
    -----
    After IntHout and others 2014, Langan and others 2019, Partlett and Riley 2017, and Röver and
    others 2015. Shares are of settings with heterogeneity; an error is a share that does not hold.
    """
    dl, reml = (_held(stored, method) for method in ("DL", "REML"))
    return [*_errors(1 - dl), *_coverage(reml)]


def _held(stored: pd.DataFrame, tau2_method: str) -> pd.DataFrame:
    """Return the shares by setting of the grid, where there is heterogeneity, and method."""
    grid = stored[(stored["set"] == "grid") & (stored["tau2_method"] == tau2_method)]
    held = grid.pivot(index=SETTINGS, columns="method", values="coverage")
    return held[held.index.get_level_values("i2") > 0]


def _setting(held: pd.DataFrame, *setting: object) -> dict[str, float]:
    """Return the shares of one setting by method."""
    row = held.loc[[setting]].iloc[0]
    return {str(method): float(share) for method, share in row.items()}


def _errors(errors: pd.DataFrame) -> list[Check]:
    worst, fewer = errors[["wald", "HK"]].max(), errors["HK"] < errors["wald"]
    mean = errors.groupby(level="sizes").mean()
    rise = {m: float(mean[m]["one large"] - mean[m]["equal"]) for m in ("wald", "HK")}
    return [
        (
            "The error rate of DerSimonian and Laird's test can exceed 30%; that of Hartung and "
            "Knapp's is at most about doubled (IntHout 2014)",
            f"largest: {_pair(worst['wald'], worst['HK'])}",
            bool(worst["wald"] > 0.3 and worst["HK"] < 0.11),
        ),
        (
            "Hartung and Knapp's test errs less often throughout (IntHout 2014)",
            f"in {fewer.sum()} of {len(fewer)} settings with heterogeneity",
            bool(fewer.all()),
        ),
        (
            "With trials of unequal size both err more often, Hartung and Knapp's test far less so "
            "(IntHout 2014)",
            f"on average {_pair(rise['wald'], rise['HK'])} more",
            bool(rise["wald"] > rise["HK"] > 0),
        ),
    ]


def _coverage(held: pd.DataFrame) -> list[Check]:
    nearer = (held["HK"] - LEVEL).abs() < (held["wald"] - LEVEL).abs()
    few, many = _setting(held, "equal", 3, 0.9), _setting(held, "equal", 20, 0.9)
    low, high = _setting(held, "equal", 10, 0.25), _setting(held, "equal", 10, 0.9)
    worst = held.loc[[held["HK"].idxmin()]]
    errors = 1 - worst[["HK", "HK-adhoc"]].iloc[0]
    return [
        (
            "Hartung and Knapp's method improves the coverage (Langan 2019)",
            f"with REML nearer to 95% in {nearer.sum()} of {len(nearer)} settings with "
            "heterogeneity",
            bool(nearer.all()),
        ),
        (
            "After REML, the conventional interval covers poorly with few trials and large "
            "heterogeneity; the modified one does better (Partlett and Riley 2017)",
            f"I² 90%, 3 trials: {_pair(few['wald'], few['HK'])}; "
            f"20 trials: {_pair(many['wald'], many['HK'])}",
            bool(few["wald"] < many["wald"] < LEVEL and few["HK"] > few["wald"]),
        ),
        (
            "The prediction interval is poorly calibrated when heterogeneity is low (Partlett and "
            "Riley 2017)",
            f"10 trials: {fmt.percent(low['HTS'], 1)} at I² 25%, {fmt.percent(high['HTS'], 1)} at "
            "90%",
            bool(low["HTS"] < high["HTS"] and abs(high["HTS"] - LEVEL) < 0.01),
        ),
        (
            "Hartung and Knapp's test exceeds its level when precisions differ; the ad hoc form is "
            "more conservative (Röver 2015)",
            f"worst setting: {_pair(errors['HK'], errors['HK-adhoc'])}",
            bool(
                worst.index.get_level_values("sizes")[0] == "one large"
                and (held["HK-adhoc"] >= held["HK"]).all()
            ),
        ),
    ]


def _pair(first: float, second: float) -> str:
    return f"{fmt.percent(first, 1)} and {fmt.percent(second, 1)}"


def literature_table(checks: Sequence[Check]) -> pd.DataFrame:
    """Return `literature_checks` as text."""
    return pd.DataFrame(
        {"What is known": known, "Here": here, "Same direction": "yes" if same else "no"}
        for known, here, same in checks
    )
