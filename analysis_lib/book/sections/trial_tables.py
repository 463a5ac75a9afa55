"""The page on the trials: who took part, what they did, and what happened to them."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from analysis_lib import plots
from analysis_lib.base import formatting as fmt
from analysis_lib.review.baseline import NOT_STATED
from analysis_lib.review.model import Review, arms_at_baseline
from analysis_lib.review.provenance import weaker_cells

SIDES = ("experimental", "comparator")
SOURCE = "Source: review, Table 1."


# --- who took part --------------------------------------------------------------------------------


def arms_with_names(review: Review) -> pd.DataFrame:
    """Return the arms with ``trial_label``, what their trial is called."""
    return review.arms.assign(trial_label=review.arms["trial"].map(review.trial_names))


def side_names(review: Review) -> dict[str, str]:
    """Return what the two sides of every comparison are called where there is little room."""
    return dict(zip(SIDES, review.info.short_names, strict=True))


def printed_participants(review: Review, scores: dict[str, str]) -> pd.DataFrame:
    """Return the participants of every arm as the review prints them.

    Parameters
    ----------
    review
        A review that was loaded.
    scores
        Headings of outcomes whose scores before training are printed, by key.
    """
    arms = arms_with_names(review)
    columns = {
        "Group": arms["label_printed"],
        "n": arms["n"],
        "Men/women": arms["sex_printed"],
        "Age, years": arms["age_printed"],
        "Weight, kg": arms["weight_printed"],
        "Height, cm": arms["height_printed"],
        **{head: arms_at_baseline(review, key)["printed"] for key, head in scores.items()},
        "Type": arms["condition"],
        "Symptoms, years": arms["duration_printed"],
        "trial": arms["trial_label"],
    }
    return pd.DataFrame(columns)


def people_told(review: Review) -> dict[str, float]:
    """Return how many people took part, by the arms and by the text, and who they were.

    Returns
    -------
    dict
        Trials, arms and years; the ``sum`` of the arms and what the text says (``text-...``), both
        by side; sizes of arms; the per cent of men (``men-share``) in the trials that report it
        (``gender-trials``); the lowest and the highest mean age.
    """
    arms, stated = review.arms, review.info.participants
    n, sides = arms["n"], arms.groupby("group")["n"].sum()
    known = arms.dropna(subset=["men", "women"])
    sexes = known[["men", "women"]].sum()
    men, women = (known.groupby("group")[sex].sum() for sex in ("men", "women"))
    return {
        "trials": len(review.trials),
        "first-year": review.trials["year"].min(),
        "last-year": review.trials["year"].max(),
        "arms": len(arms),
        "smallest-arm": n.min(),
        "median-arm": n.median(),
        "largest-arm": n.max(),
        "sum": n.sum(),
        **{f"sum-{side}": sides[side] for side in SIDES},
        **{f"text-{name}": stated[name] for name in ("total", *SIDES)},
        "difference": sum(part["n"] for part in stated["difference"]),
        "gender-trials": review.trials["gender_reported"].sum(),
        "men-share": 100 * sexes["men"] / sexes.sum(),
        "sexes-printed": _claimed(review, "men-loaded"),
        **{
            f"sexes-{side}": f"{fmt.count(men[side])} men and {fmt.count(women[side])} women"
            for side in SIDES
        },
        "youngest": arms["age_mean"].min(),
        "oldest": arms["age_mean"].max(),
    }


def _claimed(review: Review, claim: str) -> str:
    """Return the words of the article behind a claim."""
    return str(review.claims.set_index("claim").loc[claim, "words"])


def draw_sizes(review: Review) -> Axes:
    """Draw how many people every arm had."""
    caption = f"Participants in each arm of Table 1. {SOURCE}"
    return plots.arm_sizes(
        arms_with_names(review), group_labels=side_names(review), caption=caption
    )


def draw_ages(review: Review) -> Axes:
    """Draw the mean age of every arm."""
    return plots.arm_means(
        arms_with_names(review),
        mean="age_mean",
        sd="age_sd",
        group_labels=side_names(review),
        xlabel="Age, years",
        caption="Age of the participants: mean of each arm, and one standard deviation to each "
        f"side. {SOURCE}",
    )


def draw_scores(review: Review, arms: pd.DataFrame, *, xlabel: str, caption: str) -> Axes:
    """Draw the mean score of every arm, as `arms_on_scale` returns them."""
    return plots.arm_means(
        arms, mean="mean", sd="sd", group_labels=side_names(review), xlabel=xlabel, caption=caption
    )


def scores_told(arms: pd.DataFrame) -> dict[str, object]:
    """Return the lowest and the highest mean and the spread of scores, with whose they are.

    Parameters
    ----------
    arms
        Result of `arms_on_scale`.
    """
    mean, sd = arms["mean"], arms["sd"]
    low, high, alike = (arms.iloc[at] for at in (mean.argmin(), mean.argmax(), sd.argmin()))
    return {
        "lowest": low["mean"],
        "lowest-trial": low["trial_label"],
        "highest": high["mean"],
        "highest-trial": high["trial_label"],
        "smallest-sd": alike["sd"],
        "smallest-sd-trial": alike["trial_label"],
        "median-sd": sd.median(),
    }


# --- what they did --------------------------------------------------------------------------------


#: What stands behind a cell that is known less well than its row.
WEAKER_SIGNS = {"secondary": "°", "inferred": "†"}
WEAKER_NOTE = "° from another source than the review, † inferred: see the note of its row"


def groups_table(review: Review) -> pd.DataFrame:
    """Return what each group did, the two sides of every trial beside each other, as text.

    Returns
    -------
    pandas.DataFrame
        Columns Trial, the two sides by their short names, each arm on a line with its people,
        Programme (weeks and sessions a week) and Progression. Cells that are known less well than
        their row have a sign.
    """
    arms, columns = review.arms, review.arms.columns
    told = arms["description"] + arms.apply(lambda row: _sign(row, "description", columns), axis=1)
    lines = told + " (n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}" + arms["n"].map(fmt.count) + ")"
    sides = {
        name: lines[arms["group"] == side].groupby(arms["trial"]).agg("\n".join)
        for side, name in side_names(review).items()
    }
    done = review.interventions.set_index("trial")
    table = pd.DataFrame(
        {
            "Trial": pd.Series(review.trial_names),
            **{f"{name.capitalize()} (people)": cells for name, cells in sides.items()},
            "Programme": done.apply(_length, axis=1, columns=done.columns),
            "Progression of the load": done["overload_strategy"],
        }
    )
    return table.loc[list(review.trials["trial"])].reset_index(drop=True)


def _length(row: pd.Series, columns: pd.Index) -> str:
    parts = []
    if not pd.isna(row["weeks"]):
        parts.append(f"{fmt.plural(int(row['weeks']), 'week')}{_sign(row, 'weeks', columns)}")
    often = row["sessions_per_week"]
    if not pd.isna(often):
        sign = _sign(row, "sessions_per_week", columns)
        parts.append(f"{fmt.count(float(often))} a week{sign}")
    return ", ".join(parts) or NOT_STATED


def _sign(row: pd.Series, column: str, columns: pd.Index) -> str:
    weaker = row.get("weaker")
    if pd.isna(weaker):
        return ""
    return WEAKER_SIGNS.get(weaker_cells(str(weaker), columns).get(column, ""), "")


def programmes_table(review: Review) -> pd.DataFrame:
    """Return what the loaded groups did, as text."""
    done = review.interventions
    return pd.DataFrame(
        {
            "Trial": done["trial"].map(review.trial_names),
            "Exercises": done["exercise_type"],
            "Resistance": done["modalities"],
            "Intensity given as": done["intensity_metric"],
        }
    )


def programme_features(review: Review) -> pd.DataFrame:
    """Return which programme has which resistance, kind of exercise and progression.

    Returns
    -------
    pandas.DataFrame
        One row a trial, by name; a column a feature, true or false.
    """
    done = review.interventions
    features = done["modalities"].str.get_dummies(sep="; ").astype(bool)
    features["multi-joint exercises"] = done["exercise_type"] == "multi-joint"
    features["progressive overload"] = done["progressive"].astype(bool)
    return features.set_index(done["trial"].map(review.trial_names))


def draw_features(features: pd.DataFrame, caption: str) -> Axes:
    """Draw which programme has which feature."""
    told = "; ".join(
        f"{trial}: {', '.join(row.index[row]) or 'none of these'}"
        for trial, row in features.iterrows()
    )
    return plots.feature_matrix(
        features, caption=caption, alt=f"Which trial used which resistance. {told}."
    )


def programmes_told(review: Review, features: pd.DataFrame) -> dict[str, float]:
    """Return how long programmes were, and how many have each feature.

    Returns
    -------
    dict
        ``shortest`` and ``longest`` in weeks, ``lumbopelvic``, and each feature by its name, with
        hyphens.
    """
    done = review.interventions
    return {
        "shortest": done["weeks"].min(),
        "longest": done["weeks"].max(),
        "lumbopelvic": (done["exercise_type"] == "lumbopelvic").sum(),
        **{str(name).replace(" ", "-"): int(count) for name, count in features.sum().items()},
    }


# --- what happened to them ------------------------------------------------------------------------


def told_events(review: Review) -> pd.DataFrame:
    """Return the adverse events of the arms whose report speaks of them, with arm and trial."""
    events = review.adverse_events[review.adverse_events["relation"] != NOT_STATED]
    arms = arms_with_names(review)[["trial", "arm", "trial_label", "label_printed", "group", "n"]]
    return events.merge(arms, on=["trial", "arm"])


def events_table(events: pd.DataFrame) -> pd.DataFrame:
    """Return adverse events by arm, as text."""
    return pd.DataFrame(
        {
            "Group": events["label_printed"],
            "n": events["n"],
            "Events": events["events"],
            "Relation": events["relation"],
            "What the text says": events["description"],
            "trial": events["trial_label"],
        }
    )


def events_differ(review: Review) -> str:
    """Return where the text of the article counts other adverse events than its table.

    Returns
    -------
    str
        ``Aasa 2015 (2 in the table, 1 in the text)`` and the like; empty if they are the same.
    """
    claims = review.claims[review.claims["table"] == "adverse_events"]
    told = []
    for _, claim in claims.iterrows():
        wanted = dict(part.split("=") for part in claim["where"].split(" & "))
        rows = review.adverse_events
        for column, value in wanted.items():
            rows = rows[rows[column] == value]
        counted, said = int(rows["events"].sum()), int(claim["value"])
        if counted != said:
            name = review.trial_names[wanted["trial"]]
            told.append(f"{name} ({counted} in the table, {said} in the text)")
    return fmt.listing(told)


def events_told(review: Review, events: pd.DataFrame) -> dict[str, int]:
    """Return how many trials tell of events or of none, and how many events there were by side."""
    sides = events.groupby("group")[["events", "n"]].sum()
    telling = events["trial"].nunique()
    return {
        "telling": telling,
        "silent": len(review.trials) - telling,
        **{side: int(sides["events"][side]) for side in SIDES},
        **{f"n-{side}": int(sides["n"][side]) for side in SIDES},
    }
