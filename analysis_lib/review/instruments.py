"""Instruments for the risk of bias, as data: their domains, their levels and the signs for these.

References
----------
RoB 2: Sterne et al., BMJ 2019;366:l4898. RoB 1: Higgins et al., BMJ 2011;343:d5928. ROBINS-I:
Sterne et al., BMJ 2016;355:i4919. QUADAS-2: Whiting et al., Ann Intern Med 2011;155:529-536.
Signs: the summary of the RoB 2 tool; RevMan; robvis (McGuinness and Higgins, Res Synth Methods
2021;12:55-61).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd

from analysis_lib.base.errors import ReviewError
from analysis_lib.review.baseline import NOT_STATED

Signs = Mapping[str, str]

LOW, CONCERNS, HIGH = "low", "some concerns", "high"
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
        Whether the worst domain is the overall judgement, by the instrument's own rule.
    """

    name: str
    domains: Mapping[str, str]
    levels: tuple[str, ...]
    signs: tuple[Signs, ...]
    also: Mapping[str, str]
    has_overall: bool = True

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
INSTRUMENTS: Final[Mapping[str, Instrument]] = {
    one.name: one for one in (ROB2, ROB1, ROBINS_I, QUADAS2)
}
LEVELS: Final = tuple(SEVERITY)
DOMAIN_NAMES: Final = tuple(dict.fromkeys(d for one in INSTRUMENTS.values() for d in one.domains))


def instrument_names(table: pd.DataFrame) -> pd.Series:
    """Return the instrument of each row of ``risk_of_bias.csv``; RoB 2 where none is named."""
    if "instrument" not in table.columns:
        return pd.Series(ROB2.name, table.index, dtype="str")
    return table["instrument"].fillna(ROB2.name)


def used_instruments(table: pd.DataFrame) -> list[Instrument]:
    """Return the instruments by which trials were judged, in the order of the table."""
    return [INSTRUMENTS[name] for name in dict.fromkeys(instrument_names(table))]


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
