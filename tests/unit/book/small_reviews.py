"""Random small reviews, as tables that a reviewer might have typed: few trials, odd numbers.

A drawn review is a mapping from the name of a table to its rows, and the words of ``review.toml``
that change. `write` puts it into a folder that `python -m analysis_lib new` began.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from analysis_lib.base.measures import (
    BINARY_MEASURES,
    GROUP_MEASURES,
    RATE_MEASURES,
    RATIO_MEASURES,
)
from analysis_lib.importing.new_review import new_review
from analysis_lib.pooling.methods import CI_METHODS, PI_METHODS, TAU2_METHODS
from analysis_lib.review.schemas import OUTCOME_MEASURES, RATINGS

Row = dict[str, str]
Tables = dict[str, list[Row]]
Drawn = tuple[Tables, dict[str, str]]  # the tables, and what review.toml says of methods

END = {"provenance": "reported", "source": "drawn"}
TIMES = ("w8", "w52")
#: What the numbers of a review are drawn from: all equal, ordinary, or of every size.
PALETTES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "equal": {"n": ["10"], "mean": ["4"], "sd": ["2"], "events": ["3"], "half": ["1"]},
    "nearly equal": {
        "n": ["10", "12"],
        "mean": ["4", "5"],
        "sd": ["2"],
        "events": ["0", "3"],
        "half": ["1", "0.5"],
    },
    "ordinary": {
        "n": ["2", "8", "10", "25", "31", "140"],
        "mean": ["0", "1", "3.4", "4", "5.25", "-2", "6"],
        "sd": ["0.3", "1", "1.5", "2", "2.2"],
        "events": ["0", "1", "2", "5", "8"],
        "half": ["0.2", "0.9", "1", "1.5"],
    },
    "any": {
        "n": ["", "1", "2", "3", "999999999"],
        "mean": ["", "0", "1", "1e-300", "-1e12", "1e12", "1e300"],
        "sd": ["", "1e-300", "1e-9", "1", "1e12", "1e300"],
        "events": ["0", "1", "999999999"],
        "half": ["0", "1e-300", "1e-9", "1", "1e12", "1e300"],
    },
}

#: Ratios that a source prints, and how far their limits lie from them.
RATIOS = (["0.5", "0.8", "1", "2", "1e9"], ["1", "1.0000001", "1.5", "4", "1e12"])


@st.composite
def small_reviews(draw: st.DrawFn) -> Drawn:
    """Draw a review."""
    outcomes = draw(st.lists(_outcome(), min_size=1, max_size=3, unique_by=lambda o: o["label"]))
    for number, outcome in enumerate(outcomes):
        outcome["outcome"] = f"outcome-{number}"
    times = TIMES[: draw(st.integers(1, 2))]
    tables: Tables = {
        "outcomes": outcomes,
        "follow_ups": [{"follow_up": t, "label": f"Week {t[1:]}", "definition": t} for t in times],
    }
    tables |= {name: [] for name in ("trials", "arms", "arm_results", "contrasts")}
    tables |= {name: [] for name in ("risk_of_bias", "certainty", "published", "subgroup_levels")}
    for number in range(draw(st.sampled_from([0, 1, 1, 2, 2, 3, 3, 3, 4, 5, 6]))):
        _add_trial(draw, tables, f"trial-{number}", f"Author {number} 2020")
    palette = PALETTES[draw(st.sampled_from(list(PALETTES)))]
    style = draw(st.sampled_from(["arms", "contrasts", "both", "none"]))
    for outcome in outcomes:
        if style in ("arms", "both"):
            _add_arm_results(draw, tables, outcome, times, palette)
        if style in ("contrasts", "both"):
            _add_contrasts(draw, tables, outcome, times, palette)
    if draw(st.booleans()):
        _add_ratings(draw, tables)
    if draw(st.booleans()):
        _add_certainty_and_published(draw, tables, times)
    if draw(st.booleans()):
        tables["subgroup_levels"] = draw(_levels(outcomes[0]["outcome"]))
    return tables, draw(_methods())


def three_equal_trials() -> Drawn:
    """Return a review in which every trial has the same size and spread, as many have.

    Standard errors are equal, so that no line can be drawn through them; with one trial at high
    risk of bias, the effects of the two others are equal too.
    """
    trials = [f"trial-{number}" for number in range(3)]
    arms = {"a": ("experimental", ("3", "4", "4")), "b": ("comparator", ("5", "5", "5"))}
    outcome = {"outcome": "pain", "label": "Pain", "priority": "primary", "measure": "MD"}
    tables: Tables = {
        "outcomes": [outcome | {"instruments": "any", "lower_is_better": "yes"}],
        "follow_ups": [{"follow_up": "w8", "label": "Week 8", "definition": "Week 8"}],
        "trials": [_trial(trial, trial.replace("-", " ")) for trial in trials],
        "arms": [
            {"trial": t, "arm": arm, "group": group, "label_printed": arm, "n": "20"}
            for t in trials
            for arm, (group, _) in arms.items()
        ],
        "arm_results": [
            {"trial": t, "outcome": "pain", "arm": arm, "time": "w8", "n": "20", "mean": mean}
            | {"sd": "2"}
            for arm, (_, means) in arms.items()
            for t, mean in zip(trials, means, strict=True)
        ],
        "risk_of_bias": [
            {"trial": "trial-0", "outcome": "all", "item": "overall", "judgement": "high"}
        ],
        "certainty": [{"outcome": "pain", "follow_up": "w8", "rating": "low", "reasons": "few"}],
    }
    return tables, {}


def write(folder: Path, drawn: Drawn) -> None:
    """Write a drawn review into a new folder."""
    tables, methods = drawn
    new_review(folder)
    for name, rows in tables.items():
        path = folder / "data" / f"{name}.csv"
        header = path.read_text(encoding="utf-8").strip().split(",")
        header += sorted({column for row in rows for column in row} - set(header))
        with path.open("w", encoding="utf-8", newline="") as file:
            cells = [[({**END, **r}).get(c, "") for c in header] for r in rows]
            csv.writer(file).writerows([header, *cells])
    toml = folder / "data" / "review.toml"
    lines = toml.read_text(encoding="utf-8").splitlines()
    for key, value in methods.items():
        lines = [f"{key} = {value}" if line.startswith(f"{key} ") else line for line in lines]
    toml.write_text("\n".join([*lines, ""]), encoding="utf-8")


@st.composite
def _outcome(draw: st.DrawFn) -> Row:
    measure = draw(st.sampled_from(OUTCOME_MEASURES))
    scale = draw(st.sampled_from([("", ""), ("0", "10"), ("0", "100")]))
    return {
        "label": draw(st.sampled_from(["Pain", "Falls", "Sleep quality", "ADL"])),
        "priority": draw(st.sampled_from(["primary", "primary", "secondary"])),
        "measure": measure,
        "unit": draw(st.sampled_from(["", "points"])),
        "instruments": "any",
        "lower_is_better": draw(st.sampled_from(["yes", "no"])),
        "mid": draw(st.sampled_from(["", "0.8", "2"])),
        "scale_min": scale[0],
        "scale_max": scale[1],
    }


def _add_trial(draw: st.DrawFn, tables: Tables, trial: str, label: str) -> None:
    tables["trials"].append(_trial(trial, label))
    # Identifiers may end in one word, as a-group and b-group do.
    names = draw(st.sampled_from([("a", "b", "c", "d"), ("a-x", "b-x", "c-x", "d-x")]))
    for number, arm in enumerate(names[: draw(st.sampled_from([1, 2, 2, 2, 3, 4]))]):
        side = draw(st.sampled_from(["experimental", "comparator"])) if number > 1 else ""
        tables["arms"].append(
            {
                "trial": trial,
                "arm": arm,
                "group": side or ("experimental", "comparator")[number],
                "label_printed": f"Arm {arm}",
                "n": draw(st.sampled_from(["10", "24"])),
                "age_mean": draw(st.sampled_from(["", "30", "50"])),
            }
        )


def _trial(trial: str, label: str) -> Row:
    judged = {"risk_of_bias_text": "not stated", "between_groups_text": "not stated"}
    yes = {"pooled": "yes", "gender_reported": "no"}
    return {"trial": trial, "label": label, "year": "2020", **yes, **judged}


def _add_arm_results(
    draw: st.DrawFn,
    tables: Tables,
    outcome: Row,
    times: Sequence[str],
    palette: Mapping[str, Sequence[str]],
) -> None:
    is_binary = outcome["measure"] in (*BINARY_MEASURES, "proportion")
    is_rate = outcome["measure"] in (*RATE_MEASURES, "rate")
    for arm in tables["arms"]:
        for time in ("baseline", *times):
            if draw(st.integers(0, 9)) == 0:
                continue
            row = {k: arm[k] for k in ("trial", "arm")} | {"outcome": outcome["outcome"]}
            row |= {"time": time, "n": draw(st.sampled_from(palette["n"]))}
            if is_binary and row["n"] and draw(st.integers(0, 9)):
                events = draw(st.sampled_from(palette["events"]))
                row["events"] = str(min(int(events), int(row["n"])))
            elif is_rate and draw(st.integers(0, 9)):
                row |= {"events": draw(st.sampled_from(palette["events"]))}
                row |= {"person_time": draw(st.sampled_from(["0.5", "40", "1e6"]))}
            elif outcome["measure"] == "correlation":
                row["correlation"] = draw(st.sampled_from(["-0.4", "0", "0.3", "0.9999"]))
            else:
                row |= {k: draw(st.sampled_from(palette[k])) for k in ("mean", "sd")}
                scale = draw(st.sampled_from([("", ""), ("0", "10"), ("0", "40")]))
                row |= dict(zip(("scale_min", "scale_max"), scale, strict=True))
            if row.get("mean") or row.get("events") or row.get("correlation"):
                tables["arm_results"].append(row)


def _add_contrasts(
    draw: st.DrawFn,
    tables: Tables,
    outcome: Row,
    times: Sequence[str],
    palette: Mapping[str, Sequence[str]],
) -> None:
    if outcome["measure"] in GROUP_MEASURES:
        return
    has_n = draw(st.sampled_from([0, 1, 1, 2]))  # of no comparison, of all, of some
    for trial in tables["trials"]:
        arms = [a["arm"] for a in tables["arms"] if a["trial"] == trial["trial"]]
        for time in times:
            if len(arms) < 2 or draw(st.integers(0, 9)) == 0:
                continue
            middle = float(draw(st.sampled_from([x for x in palette["mean"] if x])))
            half = float(draw(st.sampled_from(palette["half"])))
            row = {"trial": trial["trial"], "outcome": outcome["outcome"], "follow_up": time}
            row |= {"experimental_arm": arms[0], "comparator_arm": arms[1]}
            row |= {"measure": outcome["measure"], "estimate": repr(middle)}
            row |= {"ci_low": repr(middle - half), "ci_high": repr(middle + half)}
            if outcome["measure"] in RATIO_MEASURES:
                ratio, factor = (float(draw(st.sampled_from(x))) for x in RATIOS)
                row |= {"estimate": repr(ratio)}
                row |= {"ci_low": repr(ratio / factor), "ci_high": repr(ratio * factor)}
            if has_n == 1 or (has_n and draw(st.booleans())):
                row |= {"n_experimental": "10", "n_comparator": "12"}
            tables["contrasts"].append(row)


def _add_ratings(draw: st.DrawFn, tables: Tables) -> None:
    whose = draw(st.sampled_from(["all", tables["outcomes"][0]["outcome"]]))
    words = st.sampled_from(["low", "some concerns", "high", "not stated"])
    for trial in tables["trials"]:
        for item in draw(st.sampled_from([(), ("overall",), ("overall", "D1", "D2"), ("D3",)])):
            row = {"trial": trial["trial"], "outcome": whose, "item": item}
            tables["risk_of_bias"].append({**row, "judgement": draw(words)})


def _add_certainty_and_published(draw: st.DrawFn, tables: Tables, times: Sequence[str]) -> None:
    for outcome in tables["outcomes"]:
        for time in times:
            where = {"outcome": outcome["outcome"], "follow_up": time}
            if draw(st.booleans()):
                rating = draw(st.sampled_from(RATINGS))
                tables["certainty"].append({**where, "rating": rating, "reasons": "few people"})
            if outcome["measure"] not in GROUP_MEASURES and draw(st.booleans()):
                tables["published"].append(_printed(draw, tables, where))


def _printed(draw: st.DrawFn, tables: Tables, where: Row) -> Row:
    row = {**where, "id": f"p{len(tables['published'])}", "place": "results", "words": "drawn"}
    row["kind"] = draw(
        st.sampled_from(["pooled", "single", "sensitivity", "subgroup", "bias", "abstract"])
    )
    row |= draw(
        st.sampled_from(
            [
                {"estimate": "0.52", "ci_low": "0.30", "ci_high": "0.92", "p": "0.02"},
                {
                    "estimate": "-1.2",
                    "ci_low": "-2.0",
                    "ci_high": "-0.4",
                    "i2": "40",
                    "tau2": "0.1",
                },
                {"q": "3.1", "df": "1", "p": "0.001", "p_relation": "<"},
                {"estimate": "0.5", "statistic": "1.2", "pi_low": "-3", "pi_high": "4"},
            ]
        )
    )
    row.setdefault("p_relation", "=" if "p" in row else "")
    trials = [trial["trial"] for trial in tables["trials"]]
    if row["kind"] == "subgroup":
        row["factor"] = draw(st.sampled_from(["age", "risk of bias", "nothing"]))
    elif trials and draw(st.booleans()):
        row["without"] = "; ".join(draw(st.lists(st.sampled_from(trials), min_size=1, unique=True)))
    return row


def _levels(outcome: str) -> st.SearchStrategy[list[Row]]:
    of_age = [("young", "0", "40"), ("old", "40", "99")]
    of_score = [("mild", "0", "0.45"), ("severe", "0.45", "1")]
    few = [("few", "0", "10")]
    variables = {"age_mean": of_age, f"baseline of {outcome}": of_score, "n": few}
    return st.sampled_from(
        [
            [
                {"factor": "age", "level": level, "variable": variable, "low": low, "high": high}
                for level, low, high in levels
            ]
            for variable, levels in variables.items()
        ]
    )


def _methods() -> st.SearchStrategy[dict[str, str]]:
    def quoted(words: Sequence[Any]) -> st.SearchStrategy[str]:
        return st.sampled_from([f'"{word}"' for word in words])

    return st.fixed_dictionaries(
        {},
        optional={
            "tau2_method": quoted(list(TAU2_METHODS)),
            "ci_method": quoted(list(CI_METHODS)),
            "pi_method": quoted(list(PI_METHODS)),
            "level": st.sampled_from(["0.9", "0.95", "0.99"]),
        },
    )
