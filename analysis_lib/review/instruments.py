"""Instruments for the risk of bias, as data: their domains, their levels and the signs for these.

References
----------
RoB 2: Sterne et al., BMJ 2019;366:l4898. RoB 1: Higgins et al., BMJ 2011;343:d5928. ROBINS-I:
Sterne et al., BMJ 2016;355:i4919. QUADAS-2: Whiting et al., Ann Intern Med 2011;155:529-536.
Signs: the summary of the RoB 2 tool; RevMan; robvis (McGuinness and Higgins, Res Synth Methods
2021;12:55-61). RoB 2 for cluster-randomised and for cross-over trials: the tools of 2021 at
riskofbias.info. ROBINS-E: Higgins et al., Environ Int 2024;186:108602. PROBAST: Wolff et al., Ann
Intern Med 2019;170:51-58.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import pandas as pd

from analysis_lib.base.errors import Problem, ReviewError, shown
from analysis_lib.review.baseline import NOT_STATED

Signs = Mapping[str, str]

LOW, CONCERNS, HIGH, VERY_HIGH = "low", "some concerns", "high", "very high"
UNCLEAR, MODERATE, SERIOUS, CRITICAL = "unclear", "moderate", "serious", "critical"
NO_INFORMATION = "no information"
OVERALL = "overall"

#: How bad each level is, in the words of RoB 2: what an overview over several instruments counts.
SEVERITY: Final[Mapping[str, str]] = {
    LOW: LOW,
    CONCERNS: CONCERNS,
    UNCLEAR: CONCERNS,
    MODERATE: CONCERNS,
    HIGH: HIGH,
    VERY_HIGH: HIGH,
    SERIOUS: HIGH,
    CRITICAL: HIGH,
    NO_INFORMATION: NOT_STATED,
    NOT_STATED: NOT_STATED,
}


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument for the risk of bias.

    Attributes
    ----------
    name : str
        As ``risk_of_bias.csv`` writes it.
    domains : mapping of str to str
        Title of each domain, by its identifier.
    levels : tuple of str
        Judgements from the best to the worst.
    signs : tuple of mapping of str to str
        Which sign means which level; one mapping for each usage that is met.
    also : mapping of str to str
        Other words for levels.
    has_overall : bool
        Whether the worst domain is the overall judgement, by the instrument's own rule; concerns
        about applicability (A1 and the like) are none about bias.
    is_rare : bool
        Whether a sheet that a familiar instrument fits as well is of that one.
    """

    name: str
    domains: Mapping[str, str]
    levels: tuple[str, ...]
    signs: tuple[Signs, ...]
    also: Mapping[str, str]
    has_overall: bool = True
    is_rare: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The levels, and that a judgement is not stated."""
        return (*self.levels, NOT_STATED)

    def worst(self, found: Iterable[str]) -> str:
        """Return the overall judgement: the worst domain, where the instrument says so.

        While a domain is not stated only the worst level of all is certain.
        """
        known = list(found)
        if not self.has_overall or not known:
            return NOT_STATED
        if self.levels[-1] in known:
            return self.levels[-1]
        return max(known, key=(*self.levels, NOT_STATED).index)


ROB2 = Instrument(
    "RoB 2",
    {
        "D1": "Randomisation process",
        "D2": "Deviations from intended interventions",
        "D3": "Missing outcome data",
        "D4": "Measurement of the outcome",
        "D5": "Selection of the reported result",
    },
    (LOW, CONCERNS, HIGH),
    (
        {"+": LOW, "!": CONCERNS, "-": HIGH, "?": NOT_STATED},  # the tool
        {"+": LOW, "-": CONCERNS, "x": HIGH, "?": NOT_STATED},  # robvis
        {"+": LOW, "?": CONCERNS, "-": HIGH},  # RevMan
        {"+": LOW, "!": CONCERNS, "x": HIGH, "?": NOT_STATED},
    ),
    {
        **{NO_INFORMATION: NOT_STATED, "some concern": CONCERNS, "moderate": CONCERNS},
        **{"sc": CONCERNS, "green": LOW, "yellow": CONCERNS, "red": HIGH},
    },
)
ROB1 = Instrument(
    "RoB 1",
    {
        "D1": "Random sequence generation",
        "D2": "Allocation concealment",
        "D3": "Blinding of participants and personnel",
        "D4": "Blinding of outcome assessment",
        "D5": "Incomplete outcome data",
        "D6": "Selective reporting",
        "D7": "Other bias",
    },
    (LOW, UNCLEAR, HIGH),
    (
        {"+": LOW, "?": UNCLEAR, "-": HIGH},  # RevMan
        {"+": LOW, "-": UNCLEAR, "x": HIGH},  # robvis
        {"+": LOW, "?": UNCLEAR, "x": HIGH},
    ),
    {
        **{CONCERNS: UNCLEAR, NO_INFORMATION: NOT_STATED, "uncertain": UNCLEAR},
        **{"green": LOW, "yellow": UNCLEAR, "red": HIGH},
    },
    has_overall=False,
)
ROBINS_I = Instrument(
    "ROBINS-I",
    {
        "D1": "Confounding",
        "D2": "Selection of participants",
        "D3": "Classification of interventions",
        "D4": "Deviations from intended interventions",
        "D5": "Missing data",
        "D6": "Measurement of outcomes",
        "D7": "Selection of the reported result",
    },
    (LOW, MODERATE, SERIOUS, CRITICAL, NO_INFORMATION),
    ({"+": LOW, "-": MODERATE, "x": SERIOUS, "!": CRITICAL, "?": NO_INFORMATION},),  # robvis
    {"ni": NO_INFORMATION},
)
QUADAS2 = Instrument(
    "QUADAS-2",
    {
        "D1": "Patient selection",
        "D2": "Index test",
        "D3": "Reference standard",
        "D4": "Flow and timing",
        "A1": "Applicability: patient selection",
        "A2": "Applicability: index test",
        "A3": "Applicability: reference standard",
    },
    (LOW, UNCLEAR, HIGH),
    (
        {"+": LOW, "?": UNCLEAR, "-": HIGH},  # RevMan
        {"+": LOW, "-": UNCLEAR, "x": HIGH},  # robvis
        {"+": LOW, "?": UNCLEAR, "x": HIGH},
    ),
    {CONCERNS: UNCLEAR, NO_INFORMATION: NOT_STATED},
    has_overall=False,
)
_OF_ROB2 = {item: title for item, title in ROB2.domains.items() if item != "D1"}
ROB2_CLUSTER = replace(
    ROB2,
    name="RoB 2 for cluster-randomised trials",
    domains={
        "D1a": ROB2.domains["D1"],
        "D1b": "Timing of identification or recruitment of participants",
        **_OF_ROB2,
    },
    is_rare=True,
)
ROB2_CROSSOVER = replace(
    ROB2,
    name="RoB 2 for cross-over trials",
    domains={"D1": ROB2.domains["D1"], "DS": "Period and carry-over effects", **_OF_ROB2},
    is_rare=True,
)
ROBINS_E = Instrument(
    "ROBINS-E",
    {
        "D1": "Confounding",
        "D2": "Measurement of the exposure",
        "D3": "Selection of participants",
        "D4": "Post-exposure interventions",
        "D5": "Missing data",
        "D6": "Measurement of the outcome",
        "D7": "Selection of the reported result",
    },
    (LOW, CONCERNS, HIGH, VERY_HIGH),
    (
        {"+": LOW, "-": CONCERNS, "x": HIGH, "!": VERY_HIGH, "?": NOT_STATED},  # robvis
        {"+": LOW, "?": CONCERNS, "-": HIGH},
    ),
    {"some concern": CONCERNS, "vh": VERY_HIGH, NO_INFORMATION: NOT_STATED},
    is_rare=True,
)
PROBAST = Instrument(
    "PROBAST",
    {
        "D1": "Participants",
        "D2": "Predictors",
        "D3": "Outcome",
        "D4": "Analysis",
        "A1": "Applicability: participants",
        "A2": "Applicability: predictors",
        "A3": "Applicability: outcome",
    },
    (LOW, UNCLEAR, HIGH),
    QUADAS2.signs,
    {CONCERNS: UNCLEAR, NO_INFORMATION: NOT_STATED},
    is_rare=True,
)
INSTRUMENTS: Final[Mapping[str, Instrument]] = {
    one.name: one
    for one in (
        *(ROB2, ROB1, ROBINS_I, QUADAS2),
        *(ROB2_CLUSTER, ROB2_CROSSOVER, ROBINS_E, PROBAST),
    )
}
LEVELS: Final = tuple(SEVERITY)
OWN = "instruments"  # of a review, kept with its judgements
FILE = f"{OWN}.csv"


def instrument_names(table: pd.DataFrame) -> pd.Series:
    """Return the instrument of each row of ``risk_of_bias.csv``; RoB 2 where none is named."""
    if "instrument" not in table.columns:
        return pd.Series(ROB2.name, table.index, dtype="str")
    return table["instrument"].fillna(ROB2.name)


def used_instruments(table: pd.DataFrame) -> list[Instrument]:
    """Return the instruments by which trials were judged, in the order of the table."""
    known = instruments_of(table)
    return [known[name] for name in dict.fromkeys(instrument_names(table))]


def instruments_of(table: pd.DataFrame) -> dict[str, Instrument]:
    """Return the instruments by which the judgements of a table may be, a review's own included."""
    return {**INSTRUMENTS, **table.attrs.get(OWN, {})}


def own_instruments(table: pd.DataFrame) -> dict[str, Instrument]:
    """Return the instruments that a review defines in ``instruments.csv``.

    Parameters
    ----------
    table
        A row a domain (its identifier and what it is called), a row a level (the word for it, and
        which of `SEVERITY` it is; from the best to the worst; a sign if there is one), and a row
        "overall" where the worst domain is the overall judgement; as `wrong_instruments` passes it.
    """
    found = {}
    for name, rows in table.groupby("instrument", sort=False):
        parts = dict(iter(rows.groupby("part")))
        levels = parts["level"]
        signed = levels.dropna(subset="sign")
        found[str(name)] = Instrument(
            str(name),
            dict(zip(parts["domain"]["name"], parts["domain"]["means"], strict=True)),
            tuple(dict.fromkeys(word for word in levels["means"] if word != NOT_STATED)),
            (dict(zip(signed["sign"], signed["means"], strict=True)),),
            {
                word.casefold(): means
                for word, means in zip(levels["name"], levels["means"], strict=True)
            },
            has_overall="overall" in parts,
        )
    return found


def wrong_instruments(table: pd.DataFrame) -> Iterator[Problem]:
    """Find what keeps the rows of ``instruments.csv`` from defining instruments."""
    for row, word in table.loc[table["part"] == "level", "means"].items():
        if word not in SEVERITY:
            told = f"a level must be one of {', '.join(SEVERITY)}, got {shown(word)}"
            yield Problem(FILE, told, int(str(row)), "means")
    for name, rows in table.groupby("instrument", sort=False):
        first = int(str(rows.index[0]))
        if str(name) in INSTRUMENTS:
            told = f"{shown(name)} is known; give your own another name"
            yield Problem(FILE, told, first, "instrument")
        elif not {"domain", "level"} <= {*rows["part"]}:
            told = f"{shown(name)} needs rows of domains and of levels"
            yield Problem(FILE, told, first, "instrument")


def check_item(instrument: Instrument, item: str, word: str) -> None:
    """Check that a domain or the overall judgement of an instrument has one of its levels.

    Raises
    ------
    ReviewError
        For what is no domain of it, or no level.
    """
    if item != OVERALL and item not in instrument.domains:
        raise ReviewError(f"{item!r} is no domain of {instrument.name}, nor overall")
    if word not in instrument.words:
        raise ReviewError(
            f"judgement of {instrument.name} must be one of {', '.join(instrument.words)}, "
            f"got {word!r}"
        )
