"""From a review's tables to the priors and targets of a reconstruction, and back to a table.

Everything that is known about an analysis lies in tables: which comparisons enter it
(``analyses``), sizes (``arms``), SDs at baseline and the few at a follow-up (``arm_results``),
what the review prints (``published``), single contrasts (``contrasts``), and the levels of its
subgroups (``subgroup_levels``). The tables are data frames of text, because a printed ``-0.40``
says more than the number -0.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from analysis_lib.base.checks import FloatArray
from analysis_lib.base.errors import ReviewError
from analysis_lib.printed.intervals import Interval
from analysis_lib.printed.reconstruction.effects import (
    Ensemble,
    Reconstruction,
    ensemble,
    reconstruct,
)
from analysis_lib.printed.reconstruction.solver import Prior, conditioned
from analysis_lib.printed.reconstruction.targets import (
    Z95,
    BetweenTarget,
    FitTargets,
    Targets,
    critical_z,
    rounded,
    set_aside_contradictions,
)
from analysis_lib.review.baseline import (
    BASELINE,
    NOT_STATED,
    Factor,
    read_factors,
    scores_at_baseline,
)
from analysis_lib.review.cells import read_as_text
from analysis_lib.review.schemas import SCHEMAS, header

TABLES = (
    "analyses",
    "arms",
    "published",
    "contrasts",
    "arm_results",
    "outcomes",
    "subgroup_levels",
)
KEY = ("outcome", "follow_up", "trial", "experimental_arm", "comparator_arm")
Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Analysis:
    """One meta-analysis to reconstruct, under one reading of which comparisons enter it.

    Parameters
    ----------
    outcome, follow_up, reading, measure : str
        Which analysis, which reading, and whether it pools MD or SMD.
    comparisons : DataFrame
        The rows of ``analyses``, with ``n_experimental`` and ``n_comparator``, shared arms split.
    prior, targets : Prior, Targets
        What `reconstruct` and `ensemble` take.
    variance_from : str
        Where the sampling variances of the prior come from, in words.
    """

    outcome: str
    follow_up: str
    reading: str
    measure: str
    comparisons: pd.DataFrame
    prior: Prior
    targets: Targets
    variance_from: str

    @property
    def name(self) -> str:
        """Outcome and follow-up, and the reading when it is not the main one."""
        name = f"{self.outcome} {self.follow_up}"
        return name if self.reading == "main" else f"{name} ({self.reading})"


def read_tables(folder: str | Path) -> dict[str, pd.DataFrame]:
    """Return the tables that a reconstruction needs, every cell as the text in the file.

    Parameters
    ----------
    folder : str or Path
        Where the tables of a review lie; `load_review` says whether they are sound.

    Returns
    -------
    dict of str to DataFrame
        The tables named in `TABLES`; a cell where nothing stands is an empty text.
    """
    files = {name: Path(folder) / f"{name}.csv" for name in TABLES}
    return {
        name: read_as_text(path, SCHEMAS[name]).fillna("").reset_index(drop=True)
        for name, path in files.items()
    }


def analyses_to_reconstruct(tables: Tables) -> Iterator[tuple[str, str, str]]:
    """Yield outcome, follow-up and reading of every pooled result, main readings first.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``analyses`` and ``published`` are used.

    Yields
    ------
    tuple of str
        Outcome, follow-up, reading.
    """
    published = tables["published"]
    pooled = published[published["kind"] == "pooled"]
    rows = tables["analyses"]
    for outcome, follow_up in zip(pooled["outcome"], pooled["follow_up"], strict=True):
        here = rows[(rows["outcome"] == outcome) & (rows["follow_up"] == follow_up)]
        readings = dict.fromkeys(r for cell in here["reading"] for r in cell.split("; "))
        for reading in sorted(readings, key=lambda r: r != "main"):
            yield outcome, follow_up, reading


def _comparisons(tables: Tables, outcome: str, follow_up: str, reading: str) -> pd.DataFrame:
    """Return the comparisons of one analysis with their numbers of people."""
    rows = tables["analyses"]
    chosen = (rows["outcome"] == outcome) & (rows["follow_up"] == follow_up)
    chosen &= rows["reading"].map(lambda cell: reading in cell.split("; "))
    found = rows[chosen].reset_index(drop=True)
    if found.empty:
        raise ReviewError(f"analyses: no comparison for {outcome} {follow_up} ({reading})")
    people = tables["arms"].set_index(["trial", "arm"])["n"].astype(float)
    for side in ("experimental", "comparator"):
        arms = list(zip(found["trial"], found[f"{side}_arm"], strict=True))
        shared = pd.Series(arms).map(pd.Series(arms).value_counts())
        found[f"n_{side}"] = people.loc[arms].to_numpy() / shared.to_numpy()
    # Where another number of people is known to have been analysed, all arms shrink alike.
    table_1 = (
        found.groupby("trial")[["n_experimental", "n_comparator"]].transform("sum").sum(axis=1)
    )
    analysed = pd.to_numeric(found["participants"]).fillna(table_1)
    for side in ("experimental", "comparator"):
        found[f"n_{side}"] *= analysed / table_1
    return found


def _baseline_sds(tables: Tables, outcome: str) -> pd.Series:
    """Return the SDs at baseline that are known, by trial and arm, on the outcome's scale."""
    scores = scores_at_baseline(tables["arm_results"], outcome)
    definition = tables["outcomes"].set_index("outcome").loc[outcome]
    low, high = (pd.to_numeric(definition[end]) for end in ("scale_min", "scale_max"))
    widths = scores["scale_max"] - scores["scale_min"]
    rescaled = scores["sd"] * (high - low) / widths
    return rescaled.fillna(scores["sd"]).dropna()  # without a scale as they stand


def _of_arms(known: pd.Series, arms: pd.DataFrame) -> FloatArray:
    """Return the SD of each arm; one that is not known is the median of the others."""
    found = known.reindex(pd.MultiIndex.from_frame(arms))
    return found.fillna(known.median()).to_numpy()


def _log_drift(tables: Tables) -> tuple[float, float]:
    """Return how far log SDs move after baseline, and log numbers of people from Table 1.

    Root mean squares over what the tables hold: SDs of the same arm at two times, and trials
    whose number analysed is known to differ from the number in Table 1.
    """
    results = tables["arm_results"]
    key = ["trial", "outcome", "arm"]
    log_sd = np.log(pd.to_numeric(results["sd"]))
    at_start = results["time"] == BASELINE
    first = results[at_start].assign(first=log_sd[at_start])[[*key, "first"]]
    later = results[~at_start].assign(later=log_sd[~at_start])[[*key, "later"]]
    moved = later.merge(first, on=key)
    rows = tables["analyses"]
    stated = rows[rows["participants"] != ""].drop_duplicates(["trial", "participants"])
    arms = tables["arms"].assign(n=pd.to_numeric(tables["arms"]["n"]))
    table_1 = stated["trial"].map(arms.groupby("trial")["n"].sum())
    change = np.log(pd.to_numeric(stated["participants"]) / table_1)
    if moved.empty or stated.empty:
        raise ReviewError("arm_results, analyses: nothing to tell how far SDs and numbers drift")
    sd_drift = np.sqrt(((moved["later"] - moved["first"]) ** 2).mean())
    return float(sd_drift), float(np.sqrt((change**2).mean()))


def guess_spread(tables: Tables) -> dict[str, float]:
    """Return how far off a guessed variance may be, as the SD of its logarithm.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``arm_results``, ``analyses`` and ``arms`` are used.

    Returns
    -------
    dict of str to float
        ``MD``: SDs and numbers of people both drift. ``SMD``: numbers of people alone.
    """
    sd_drift, n_drift = _log_drift(tables)
    return {"MD": float(np.hypot(2 * sd_drift, n_drift)), "SMD": n_drift}


def _sd_from_contrasts(tables: Tables, outcome: str) -> float | None:
    """Return the SD that printed mean differences of this outcome imply, if there are any."""
    rows = tables["contrasts"]
    rows = rows[
        (rows["outcome"] == outcome) & (rows["measure"] == "MD") & (rows["n_experimental"] != "")
    ]
    if rows.empty:
        return None
    columns = ["ci_low", "ci_high", "n_experimental", "n_comparator"]
    low, high, n1, n2 = (pd.to_numeric(rows[c]).to_numpy() for c in columns)
    return float(np.median((high - low) / (2 * Z95) / np.sqrt(1 / n1 + 1 / n2)))


def _sd_from_pooled(size: FloatArray, main: FitTargets) -> float:
    """Return the common SD at which studies of these sizes give the printed SE and tau2."""
    if main.ci_low is None or main.ci_high is None or main.tau2 is None:
        raise ReviewError(f"{main.name}: no SD is known and no interval and tau2 to infer one")
    se = (main.ci_high.middle - main.ci_low.middle) / (2 * Z95)
    tau2 = max(main.tau2.middle, 0.0)
    floor = np.sqrt(tau2 / len(size))
    if se <= floor:
        raise ReviewError(f"{main.name}: SE {se:.3g} is below its least value {floor:.3g}")

    def excess(log_sd: float) -> float:
        return float(1 / np.sqrt((1 / (np.exp(2 * log_sd) * size + tau2)).sum())) - se

    return float(np.exp(brentq(excess, -30, 30)))


def _targets(tables: Tables, comparisons: pd.DataFrame, outcome: str, follow_up: str) -> Targets:
    """Return what the review prints about one analysis, contradictions set aside."""
    published = tables["published"]
    here = (published["outcome"] == outcome) & (published["follow_up"] == follow_up)
    trials, k = comparisons["trial"], len(comparisons)
    fits: list[FitTargets] = []
    for _, row in published[here & (published["kind"] == "pooled")].iterrows():
        again = here & (published["kind"] == "sensitivity") & (published["without"] == "")
        fits.append(_fit_targets(row, (), k, more_digits=published[again]))
    left_out = published[here & (published["kind"] == "sensitivity") & (published["without"] != "")]
    for _, row in left_out.iterrows():
        without = row["without"].split("; ")
        positions = tuple(i for i, trial in enumerate(trials) if trial in without)
        if set(without) <= set(trials):
            fits.append(_fit_targets(row, positions, k - len(positions)))
    return Targets(tuple(fits), _subgroup_tests(tables, comparisons, published[here]))


def _fit_targets(
    row: pd.Series[str],
    left_out: tuple[int, ...],
    k: int,
    more_digits: pd.DataFrame | None = None,
) -> FitTargets:
    """Read one printed result; numbers printed again with more digits narrow it."""
    found: dict[str, Interval] = {}
    for name in ("estimate", "ci_low", "ci_high", "pi_low", "pi_high", "tau2", "i2"):
        again = [] if more_digits is None else list(more_digits[name])
        for text in (row[name], *again):
            if text:
                found[name] = rounded(text, per_cent=name == "i2").meet(found.get(name))
    if row["p"]:
        upper = float(row["p"])
        found["p_value"] = rounded(row["p"]) if row["p_relation"] == "=" else Interval(0.0, upper)
    printed = FitTargets.of(row["id"], found, left_out=left_out)
    return set_aside_contradictions(printed, k)


def _subgroup_tests(
    tables: Tables, comparisons: pd.DataFrame, published: pd.DataFrame
) -> tuple[BetweenTarget, ...]:
    """Return the printed subgroup tests whose factor is known, where their df fits the levels.

    A trial without a value makes a group of its own. The experimental arm's value counts: with it,
    and not with both arms, the three groups of the printed test come out.
    """
    factors = read_factors(tables["subgroup_levels"], tables["arms"], tables["arm_results"])
    found: list[BetweenTarget] = []
    for _, row in published[published["factor"].isin(list(factors))].iterrows():
        groups = _groups(factors[row["factor"]], comparisons)
        if row["q"] and row["df"] == str(len(groups) - 1):
            found.append(BetweenTarget(row["id"], groups, rounded(row["q"])))
    return tuple(found)


def _groups(factor: Factor, comparisons: pd.DataFrame) -> tuple[tuple[int, ...], ...]:
    """Return the positions of the comparisons in each level that any of them has."""
    arms = zip(comparisons["trial"], comparisons["experimental_arm"], strict=True)
    levels = factor.of_arms(arms)
    names = [*(name for name, _, _ in factor.levels), NOT_STATED]
    return tuple(
        tuple(i for i, level in enumerate(levels) if level == name)
        for name in names
        if name in levels
    )


def _z_bounds(row: pd.Series[str], *, lower_is_better: bool) -> tuple[float, float]:
    """Return the range of z statistics that a p value range and a direction allow."""
    p_high = float(row["p_high"])
    sizes = critical_z(Interval(float(row["p_low"]), p_high))
    near, far = sizes.low, sizes.high
    if not row["favours"]:
        if p_high < 1:
            raise ReviewError(f"analyses: {row['trial']}: p below {p_high} needs a direction")
        return -far, far
    negative = (row["favours"] == "experimental") == lower_is_better
    return (-far, -near) if negative else (near, far)


def build_analysis(tables: Tables, outcome: str, follow_up: str, reading: str = "main") -> Analysis:
    """Put together what is known about one meta-analysis.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The tables named in `TABLES`, all cells text, empty where nothing is known.
    outcome, follow_up, reading : str
        Which analysis, and which reading of its comparisons.

    Returns
    -------
    Analysis
        Prior and targets, ready for `reconstruct`.

    Raises
    ------
    ReviewError
        When there is no such analysis, or nothing to guess a variance from.

    Notes
    -----
    Variances. MD: ``sd1²/n1 + sd2²/n2`` with the baseline SD of each arm, if the outcome has any;
    else the SD implied by a printed contrast of the same outcome; else one common SD at which the
    printed SE comes out. SMD: ``1/n1 + 1/n2 + g²/(2 N)`` with g the unknown effect.
    Shared arms are split evenly, as the review did.

    Effects. Without further knowledge an effect is ``N(m, tau2 + v)`` with the printed m and
    tau2: the random-effects model. A p value or a direction cuts that distribution; its mean
    and SD after the cut are used. An SMD from another review gives mean and SD directly.
    """
    comparisons = _comparisons(tables, outcome, follow_up, reading)
    targets = _targets(tables, comparisons, outcome, follow_up)
    main = targets.fits[0]
    published = tables["published"]
    measure = published.loc[published["id"] == main.name, "measure"].item()
    guess = _variances(tables, comparisons, main, outcome, measure)
    mean, sd = _effects(tables, comparisons, main, guess, outcome, follow_up)
    labels = [
        f"{row.trial} {row.experimental_arm} vs {row.comparator_arm}"
        for row in comparisons.itertuples()
    ]
    prior = Prior.of(
        mean,
        sd,
        guess.variance,
        np.full(len(labels), guess.log_sd),
        curvature=guess.curvature,
        correlation=_shared_arms(comparisons, guess.parts),
        labels=labels,
    )
    return Analysis(outcome, follow_up, reading, measure, comparisons, prior, targets, guess.source)


@dataclass(frozen=True, slots=True)
class _Variances:
    """Guessed sampling variances: the parts of the two arms, and how they were had."""

    parts: FloatArray  # (k, 2): experimental and comparator arm
    curvature: FloatArray
    pooled_sd: FloatArray  # outcome units in one SD, where SDs are known
    log_sd: float
    source: str

    @property
    def variance(self) -> FloatArray:
        """Sampling variances at an effect of zero."""
        return np.asarray(self.parts.sum(axis=1))


def _variances(
    tables: Tables, comparisons: pd.DataFrame, main: FitTargets, outcome: str, measure: str
) -> _Variances:
    """Guess sampling variances, as the notes of `build_analysis` say."""
    n = comparisons[["n_experimental", "n_comparator"]].to_numpy()
    none, one = np.zeros(len(n)), np.ones(len(n))
    log_sd = guess_spread(tables)[measure]
    if measure == "SMD":
        curvature = 1 / (2 * n.sum(axis=1))
        return _Variances(1 / n, curvature, one, log_sd, "numbers of people (SMD)")
    known = _baseline_sds(tables, outcome)
    if len(known):
        arms = [comparisons[["trial", f"{side}_arm"]] for side in ("experimental", "comparator")]
        sds = np.column_stack([_of_arms(known, rows) for rows in arms])
        pooled_sd = np.sqrt((sds**2).mean(axis=1))
        return _Variances(sds**2 / n, none, pooled_sd, log_sd, "baseline SDs of Table 1")
    source = "the SD implied by a printed contrast of the outcome"
    sd = _sd_from_contrasts(tables, outcome)
    if sd is None:
        source = "a common SD at which the printed SE comes out"
        sd = _sd_from_pooled((1 / n).sum(axis=1), main)
    return _Variances(sd**2 / n, none, sd * one, log_sd, source)


def _shared_arms(comparisons: pd.DataFrame, parts: FloatArray) -> FloatArray:
    """Return how the log variances of comparisons go together that share an arm.

    A log variance moves by the moves of its two arms, each weighted by the arm's part of the
    variance; moves of different arms are independent, the move of a shared arm is common.
    """
    share = parts / parts.sum(axis=1, keepdims=True)
    arms = pd.MultiIndex.from_frame(
        pd.concat(
            [
                comparisons[["trial", f"{side}_arm"]].set_axis(["trial", "arm"], axis=1)
                for side in ("experimental", "comparator")
            ]
        )
    )
    codes, names = arms.factorize()
    k = len(comparisons)
    loading = np.zeros((k, len(names)))
    for side in (0, 1):
        loading[np.arange(k), codes[side * k : (side + 1) * k]] = share[:, side]
    loading /= np.linalg.norm(loading, axis=1, keepdims=True)
    return np.asarray(loading @ loading.T)


def _effects(
    tables: Tables,
    comparisons: pd.DataFrame,
    main: FitTargets,
    guess: _Variances,
    outcome: str,
    follow_up: str,
) -> tuple[FloatArray, FloatArray]:
    """Return means and SDs of the effects before the pooled results are solved for."""
    aims = main.aims()
    centre = aims["estimate"].middle if "estimate" in aims else _middle(main)
    tau2 = 0.0 if main.tau2 is None else max(main.tau2.middle, 0.0)
    outcomes = tables["outcomes"].set_index("outcome")
    lower_is_better = bool(outcomes["lower_is_better"].eq("yes").loc[outcome])
    contrasts = tables["contrasts"].set_index(list(KEY[2:]))
    contrasts = contrasts[(contrasts["outcome"] == outcome) & (contrasts["follow_up"] == follow_up)]
    variance, curvature = guess.variance, guess.curvature
    mean, sd = np.full_like(variance, centre), np.sqrt(tau2 + variance + curvature * centre**2)
    for i, row in comparisons.iterrows():
        at = int(str(i))
        if row["effect_from"] == "contrast":
            known = contrasts.loc[tuple(row[name] for name in KEY[2:])]
            unit = guess.pooled_sd[at] if known["measure"] == "SMD" else 1.0
            mean[at] = float(known["estimate"]) * unit
            sd[at] = (float(known["ci_high"]) - float(known["ci_low"])) / (2 * Z95) * unit
        elif row["effect_from"] == "p value":
            bounds = _z_bounds(row, lower_is_better=lower_is_better)
            low, high = (_effect_at(z, variance[at], curvature[at]) for z in bounds)
            mean[at], sd[at] = conditioned(mean[at], sd[at], low, high)
    return mean, sd


def _middle(main: FitTargets) -> float:
    """Return the middle of the confidence interval."""
    if main.ci_low is None or main.ci_high is None:
        raise ReviewError(f"{main.name}: neither estimate nor interval can be used")
    return (main.ci_low.middle + main.ci_high.middle) / 2


def _effect_at(z: float, variance: float, curvature: float) -> float:
    """Return the effect whose z statistic is ``z``, the variance growing with the effect."""
    if not np.isfinite(z):
        return z
    rest = 1 - curvature * z**2
    if rest <= 0:  # no effect, however large, is that significant in so small a study
        return float(np.sign(z)) * np.inf
    return z * float(np.sqrt(variance / rest))


@dataclass(frozen=True, slots=True)
class ReconstructedAnalysis:
    """An analysis with its least surprising reconstruction and how free it is.

    Parameters
    ----------
    analysis : Analysis
        What went in.
    reconstruction : Reconstruction
        The least surprising values.
    ensemble : Ensemble or None
        The ensemble; ``None`` when the printed numbers cannot all be met.
    """

    analysis: Analysis
    reconstruction: Reconstruction
    ensemble: Ensemble | None

    def table(self) -> pd.DataFrame:
        """Return printed against reconstructed, one row a printed number."""
        table = self.reconstruction.table()
        table.insert(0, "analysis", self.analysis.name)
        return table

    def rows(self) -> pd.DataFrame:
        """Return one row a comparison, with the columns of ``reconstructed.csv`` as numbers."""
        rows = self.analysis.comparisons[[*KEY, "n_experimental", "n_comparator"]].copy()
        rows["measure"] = self.analysis.measure
        rows["estimate"] = self.reconstruction.effect
        rows["se"] = np.sqrt(self.reconstruction.variance)
        ranges = None if self.ensemble is None else self.ensemble.ranges()
        for name in ("low", "high"):
            rows[name] = np.nan if ranges is None else ranges[f"effect_{name}"].to_numpy()
        rows["provenance"] = "reconstructed"
        rows["source"] = "analysis_lib.printed.reconstruction, from review: Results and Table 1"
        rows["note"] = self._note()
        return rows[header("reconstructed")]

    def _note(self) -> str:
        """Say what the numbers rest on and which printed numbers they do not meet."""
        unmet = [r for r in self.reconstruction.residuals if r.used and not r.inside]
        aside = [r for r in self.reconstruction.residuals if not r.used]
        parts = ["Not a measurement: agrees with the printed pooled results."]
        parts.append(f"Variance guessed from {self.analysis.variance_from}.")
        distance, values = self.reconstruction.distance, 2 * len(self.analysis.comparisons)
        parts.append(f"Distance from that and other guesses: {distance:.1f} SD ({values} values).")
        if aside:
            told = ", ".join(f"{r.result} {r.quantity}" for r in aside)
            parts.append(f"Printed numbers set aside as contradictory: {told}.")
        if unmet:
            told = ", ".join(f"{r.result} {r.quantity}" for r in unmet)
            parts.append(f"Printed numbers not met: {told}.")
        return " ".join(parts)


def reconstruct_analysis(analysis: Analysis, *, draws: int = 200) -> ReconstructedAnalysis:
    """Reconstruct one analysis, with an ensemble when its printed numbers can all be met.

    Parameters
    ----------
    analysis : Analysis
        From `build_analysis`.
    draws : int
        Size of the ensemble; zero for none.

    Returns
    -------
    ReconstructedAnalysis
        Values, comparison with the printed numbers, ensemble.
    """
    found = reconstruct(analysis.prior, analysis.targets)
    free = None
    if found.converged and draws:
        free = ensemble(analysis.prior, analysis.targets, draws=draws)
    return ReconstructedAnalysis(analysis, found, free)


def reconstructed_csv(results: list[ReconstructedAnalysis]) -> str:
    """Return ``reconstructed.csv`` as text, the same byte for byte at every run.

    Parameters
    ----------
    results : list of ReconstructedAnalysis
        Main readings, in the order wanted.

    Returns
    -------
    str
        Comma separated; numbers with six decimals, so that the file still agrees with the printed
        numbers when it is read back; numbers of people with at most four.
    """
    table = pd.concat([result.rows() for result in results], ignore_index=True)
    for name in ("estimate", "se", "low", "high"):
        table[name] = [
            "" if np.isnan(value) else f"{round(value, 6) + 0.0:.6f}" for value in table[name]
        ]
    for name in ("n_experimental", "n_comparator"):
        table[name] = [f"{value:.4f}".rstrip("0").rstrip(".") for value in table[name]]
    return table.to_csv(index=False, lineterminator="\n")
