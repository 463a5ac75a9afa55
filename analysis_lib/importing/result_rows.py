"""From the rows of an extraction sheet to results by arm, and to effects with their precision.

Numbers stay what the sheet gives. Where it gives a standard error or an interval in place of a
standard deviation, the standard deviation follows from it and the row says so; from medians it is
estimated only when that was asked for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

from analysis_lib.base.errors import MOST_COUNTED, Problem, ReviewError, shown
from analysis_lib.base.formatting import plural
from analysis_lib.effects.conversions import sd_from_ci, sd_from_se
from analysis_lib.effects.medians import mean_sd_from_median
from analysis_lib.importing.grids import MOST_TOLD, spans
from analysis_lib.importing.result_columns import EFFECTS, GROUP, SIDES, Columns
from analysis_lib.importing.spreadsheets import Row, Sheet
from analysis_lib.importing.texts import as_key, plain
from analysis_lib.importing.written_numbers import without_footnote
from analysis_lib.review.baseline import PROVENANCES

Side: TypeAlias = Literal["experimental", "comparator"]

SIDE_OF: Final[Mapping[str, Side]] = {"1": "experimental", "2": "comparator"}
UNNAMED: Final = {"1": "experimental", "2": "control"}  # arms that the sheet does not name
SIDE_WORDS: Final[Mapping[str, Side]] = {
    **dict.fromkeys(("experimental", "intervention", "first", "active"), "experimental"),
    **dict.fromkeys(("treatment", "treated", "exp", "int", "i", "e", "ig", "eg"), "experimental"),
    **dict.fromkeys(("comparator", "control", "comparison", "second", "placebo"), "comparator"),
    **dict.fromkeys(("ctrl", "con", "c", "cg", "kontrolle", "controle"), "comparator"),
    **dict.fromkeys(
        (
            *("interventionsgruppe", "behandlung", "traitement", "intervencion", "tratamiento"),
            *("intervencao", "tratamento", "intervento", "trattamento", "interventie"),
            *("试验组", "治疗组", "干预组", "介入群"),
        ),
        "experimental",
    ),
    **dict.fromkeys(("kontrollgruppe", "temoin", "controllo", "对照组", "対照群"), "comparator"),
}
YEAR = re.compile(r"(?<!\d)(?:1[89]|20)\d\d(?=[a-z]?(?![a-z0-9]))", re.IGNORECASE)
LETTERED = re.compile(r"(?:1[89]|20)\d\d[a-z]", re.IGNORECASE)
#: What stands in a cell of which nothing is known; R writes NA.
ABSENT = frozenset(("na", "n a", "nr", "n r", "not reported", "not stated", "not available", "nd"))
TOTALS = re.compile(
    r"(?:sub)?totals?\b|overall\b|pooled\b|summary\b|heterogeneity\b|test for\b|"
    r"(?:random|common|fixed) effects? model|prediction interval|weighted (?:mean|average)\b|"
    r"(?:ins)?gesamt\b|summe\b|totale\b|totaal\b|合计|总计|合計|"
    r"(?:all(?: studies| trials)?|sum|Σ|mean|average|combined|ensemble|somme)\W*$",
    re.IGNORECASE,
)
LARGEST_ARM = 999_999_999  # people
#: Of which scores an effect may be, and the words for it.
SCORES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("final", "final score", "post"), "final"),
    **dict.fromkeys(("change", "change score", "change from baseline"), "change"),
    **dict.fromkeys(("adjusted", "ancova", "baseline adjusted"), "adjusted"),
}
YES_NO: Final[Mapping[str, str]] = {
    **dict.fromkeys(("yes", "y", "true", "1", "higher", "high"), "yes"),
    **dict.fromkeys(("no", "n", "false", "0", "1 0", "lower", "low"), "no"),
}
SAME_HR = 0.1  # of its standard error, by which rounding and ties can move a hazard ratio
#: Standard errors from the middle to the end of an interval, of any level and degrees of freedom.
FEWEST_ERRORS, MOST_ERRORS = 1, 5
SAME_SD = 0.05  # of an SD, by which rounding of a printed SE can move it


@dataclass(frozen=True, slots=True)
class ArmResult:
    """The result of one arm, and the row of the sheet in which it stands.

    Attributes
    ----------
    study, trial : str
        Name of the trial, and its identifier.
    year : int or None
        Of the main report, if the sheet says it.
    outcome, time : str
        As the sheet calls them.
    arm, arm_label, side : str
        Identifier and name of the arm, and on which side of a comparison it stands.
    n, mean, sd, events : number or None
        What was measured.
    scale_min, scale_max : float or None
        Ends of the instrument.
    row : int
        Of the sheet.
    derived : str
        How the SD or the mean was computed, if the sheet does not give it.
    is_estimated : bool
        Whether that is an estimate and not algebra.
    summary : mapping of str to float
        The median with quartiles or range that mean and SD were estimated from.
    is_change : bool
        Whether it is a change from baseline and not a score.
    instrument, subgroup : str
        As the sheet calls them.
    higher_is_better : {"yes", "no", ""}
        Of the instrument.
    person_time, correlation, cluster_size, icc : float or None
        As in ``arm_results.csv``.
    paired_correlation, final_sd, change_correlation : float or None
        As in ``arm_results.csv``.
    provenance, source : str
        As the review had them of which the sheet is an export; empty otherwise.
    """

    study: str
    trial: str
    year: int | None
    outcome: str
    time: str
    arm: str
    arm_label: str
    side: Side
    n: int | None
    mean: float | None
    sd: float | None
    events: int | None
    scale_min: float | None
    scale_max: float | None
    row: int
    derived: str = ""
    is_estimated: bool = False
    summary: Mapping[str, float] = field(default_factory=dict)
    is_change: bool = False
    instrument: str = ""
    subgroup: str = ""
    higher_is_better: str = ""
    person_time: float | None = None
    correlation: float | None = None
    cluster_size: float | None = None
    icc: float | None = None
    paired_correlation: float | None = None
    final_sd: float | None = None
    change_correlation: float | None = None
    provenance: str = ""
    source: str = ""

    @property
    def numbers(self) -> tuple[float | None, ...]:
        """What was measured: n, mean, SD, events; of rates also person-time."""
        more = [x for x in (self.person_time, self.correlation) if x is not None]
        return (self.n, self.mean, self.sd, self.events, *more)

    @property
    def is_empty(self) -> bool:
        """Whether there is neither a mean, nor events, nor a correlation."""
        return self.mean is None and self.events is None and self.correlation is None


@dataclass(frozen=True, slots=True)
class Difference:
    """An effect with its precision, and the row of the sheet in which it stands.

    Attributes
    ----------
    study, trial, year, outcome, time, row
        As of `ArmResult`.
    arms : (str, str)
        Names of the two arms.
    measure : str
        Such as "OR"; empty where the sheet does not say.
    estimate, se, ci_low, ci_high : float or None
        Of a ratio: the ratio, the standard error of its logarithm, and the limits of the ratio.
    is_log : bool or None
        Whether `estimate` and limits are logarithms; ``None`` where the sheet does not say.
    people : (int or None, int or None)
        In the two arms.
    derived : str
        How a number was computed, if the sheet does not give it.
    p, df, level, cluster_size, icc : float or None
        As in ``contrasts.csv``.
    score : {"final", "change", "adjusted", ""}
        As in ``contrasts.csv``.
    provenance, source : str
        As of `ArmResult`.
    """

    study: str
    trial: str
    year: int | None
    outcome: str
    time: str
    arms: tuple[str, str]
    measure: str
    estimate: float
    se: float | None
    ci_low: float | None
    ci_high: float | None
    is_log: bool | None
    people: tuple[int | None, int | None]
    row: int
    derived: str = ""
    p: float | None = None
    df: float | None = None
    level: float | None = None
    cluster_size: float | None = None
    icc: float | None = None
    score: str = ""
    provenance: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """What the rows of a sheet hold, what cannot be used, and what a person should know.

    `blank` are the arms of rows without any result.
    """

    results: list[ArmResult]
    differences: list[Difference]
    problems: list[Problem]
    notes: list[str]
    blank: list[ArmResult]


def side_of(word: str) -> Side | None:
    """Return the side of a comparison that a word names, as "Control group" does."""
    return SIDE_WORDS.get(" ".join(w for w in plain(word).split() if w not in GROUP))


def is_absent(cell: str) -> bool:
    """Say whether a cell says that nothing is known: NA, NR, a dash, the full stop of Stata."""
    return bool(cell) and (plain(cell) in ABSENT or not cell.strip("-–—−. "))


def read_rows(
    table: Sheet,
    columns: Columns,
    given: Mapping[str, str | None],
    *,
    estimate_from_medians: bool = False,
) -> Rows:
    """Read every row of a sheet.

    Parameters
    ----------
    table, columns
        The sheet, and which column holds what.
    given
        The outcome and the follow-up of every row, where the sheet has no column for it.
    estimate_from_medians
        Estimate mean and SD from medians with quartiles or range.
    """
    reader = _Reader(table, columns, given, estimate_from_medians)
    results: list[ArmResult] = []
    differences: list[Difference] = []
    blank: list[ArmResult] = []
    for row in table.rows:
        if len(reader.problems) >= MOST_COUNTED:
            break
        base = reader.base(row)
        if base is None:
            continue
        arms = list(reader.arms(base, row))
        if any(not arm.is_empty for arm in arms):
            results += arms
        else:
            found = reader.difference(base, row, arms)
            if found is not None:
                differences.append(found)
            elif not reader.has_problem(row):
                reader.empty.append(row)
                blank += arms
    return Rows(results, differences, reader.problems, list(reader.notes()), blank)


class _Reader:
    """Reads one row after the other and collects what cannot be used."""

    def __init__(
        self, table: Sheet, columns: Columns, given: Mapping[str, str | None], medians: bool
    ) -> None:
        self.table, self.columns, self.given, self.medians = table, columns, given, medians
        self.problems: list[Problem] = []
        self.totals: list[Row] = []
        self.empty: list[Row] = []
        self.not_known: list[Row] = []
        self.footnotes: dict[str, None] = {}  # each once, though several follow-ups may have it
        self.log_ranks: list[Row] = []

    def notes(self) -> Iterator[str]:
        """Say which rows and cells were not read, and why."""
        for rows, told in (
            (self.totals, "a total or a test, and no study; not read"),
            *self._without_result(),
            (self.log_ranks, "an estimate beside O-E and V, from which it is computed"),
            (self.not_known, "NA, NR or the like, read as not known"),
        ):
            numbers = sorted({row.number for row in rows})
            if numbers:
                places = f"row{'s' * (len(numbers) > 1)} {spans(numbers)}"
                yield f"{self.table.file}, {places}: {told}"
        if self.footnotes:
            told = "; ".join(list(self.footnotes)[:MOST_TOLD])
            more = plural(len(self.footnotes), "cell") + " with the mark of a footnote, read"
            yield f"{self.table.file}: {more} without it; see what each footnote says: {told}"

    def _without_result(self) -> Iterator[tuple[list[Row], str]]:
        """Return the rows that give nothing, apart for each follow-up that has its own columns."""
        rows: dict[str, list[Row]] = {}
        for row in self.empty:
            at = row.get(self.columns.get("time")) if row.headers else ""
            rows.setdefault(at, []).append(row)
        for at, own in rows.items():
            yield own, f"without a result{f' of {at}' if at else ''}; not read"

    def has_problem(self, row: Row) -> bool:
        return any(problem.row == row.number for problem in self.problems)

    def base(self, row: Row) -> ArmResult | None:
        """Return what a row says besides its numbers, or note why it cannot be used."""
        study = self._unmarked(row, "study")
        if TOTALS.match(study):
            self.totals.append(row)
            return None
        texts = {"study": self._lettered(row, study)}
        for name in ("outcome", "time"):
            texts[name] = row.get(self.columns.get(name)) or self.given[name] or ""
        for name, text in texts.items():
            if not text:
                told = "a value is missing; write it in each row, also below merged cells"
                self._add(row, name, told)
        if not all(texts.values()):
            return None
        study = texts["study"]
        year, trial = self._year(row, study), as_key(study)
        if not trial:
            self._add(row, "study", f"{shown(study)} has no letter or digit for an identifier")
            return None
        low, high = self._number(row, "scale_min"), self._number(row, "scale_max")
        if (low is None) != (high is None) or (
            low is not None and high is not None and low >= high
        ):
            self._add(row, "scale_min", "the lowest score must be below the highest, or both empty")
        return ArmResult(
            study, trial, year, texts["outcome"], texts["time"], "", "", "experimental",
            None, None, None, None, low, high, row.number,
            instrument=row.get(self.columns.get("instrument")),
            subgroup=row.get(self.columns.get("subgroup")),
            higher_is_better=self._direction(row),
            cluster_size=self._number(row, "cluster_size"),
            icc=self._number(row, "icc"),
            paired_correlation=self._number(row, "paired_correlation"),
            change_correlation=self._number(row, "change_correlation"),
            provenance=self._provenance(row, ""),
            source=row.get(self.columns.get("own_source")),
        )  # fmt: skip

    def _provenance(self, row: Row, side: str) -> str:
        """Return how the review knew a result of which the sheet is an export."""
        cell = row.get(self.columns.get(f"own_provenance{side}"))
        if cell and cell not in PROVENANCES:
            told = f"{shown(cell)} is not one of {', '.join(PROVENANCES)}"
            self._add(row, f"own_provenance{side}", told)
        return cell

    def _direction(self, row: Row) -> str:
        """Return whether a higher score is better, as the review writes it."""
        cell = row.get(self.columns.get("higher_is_better"))
        if not cell or is_absent(cell):
            return ""
        if plain(cell) not in YES_NO:
            self._add(row, "higher_is_better", f"{shown(cell)} is neither yes nor no")
        return YES_NO.get(plain(cell), "")

    def arms(self, base: ArmResult, row: Row) -> Iterator[ArmResult]:
        """Return the arms of a row: two of a comparison, or the one of which it is."""
        if self.columns.by_arm:
            arm = self._named_arm(base, row)
            if arm is not None:
                yield self._measured(arm, row, "")
        elif self.columns.paired:
            for side in SIDES:
                label = row.get(self.columns.get(f"arm{side}")) or self._unnamed(base, side)
                if not as_key(label):
                    self._add(row, f"arm{side}", f"{shown(label)} cannot name an arm")
                arm = replace(base, side=SIDE_OF[side], arm=as_key(label), arm_label=label)
                yield self._measured(arm, row, side)

    def _unnamed(self, base: ArmResult, side: str) -> str:
        return f"{UNNAMED[side]} {base.subgroup}".strip()

    def _named_arm(self, base: ArmResult, row: Row) -> ArmResult | None:
        label = row.get(self.columns.get("arm"))
        word = row.get(self.columns.get("side")) or label
        side = side_of(word)
        if not as_key(label):
            self._add(row, "arm", f"{shown(label)} cannot name an arm")
        if side is None:
            told = (
                f"{shown(word)} is not one of experimental, intervention, treatment, comparator, "
                "control, placebo and the like; a column Side says on which side each is, "
                "or name yours with --column side=HEADER"
            )
            self._add(row, "side", told)
        if not as_key(label) or side is None:
            return None
        return replace(base, arm=as_key(label), arm_label=label, side=side)

    # --- the numbers of an arm --------------------------------------------------------------------

    def _measured(self, arm: ArmResult, row: Row, side: str) -> ArmResult:
        """Return the arm with its numbers, each checked by itself and with the others."""
        n, events = self._count(row, f"n{side}"), self._count(row, f"events{side}")
        others = self._count(row, f"non_events{side}")
        if n is None and events is not None and others is not None:
            n = events + others
        self._check_count(row, side, n, events)
        mean, sd = self._number(row, f"mean{side}"), self._number(row, f"sd{side}")
        time, final_sd = (
            self._number(row, f"{name}{side}") for name in ("person_time", "final_sd")
        )
        r = self._number(row, f"correlation{side}")
        if r is not None and not -1 < r < 1:
            self._add(row, f"correlation{side}", f"{r:g} does not lie between -1 and 1")
        if time is not None and time <= 0:
            self._add(row, f"person_time{side}", f"{time:g} is not greater than zero")
        arm = replace(
            arm,
            n=n,
            mean=mean,
            sd=sd,
            events=events,
            person_time=time,
            final_sd=final_sd,
            correlation=r,
            provenance=self._provenance(row, side) or arm.provenance,
            source=row.get(self.columns.get(f"own_source{side}")) or arm.source,
        )
        arm = self._change(arm, row, side) if mean is None else arm
        if arm.sd is not None and arm.sd <= 0:
            self._add(row, f"sd{side}", f"{arm.sd:g} is not greater than zero")
        if arm.mean is None and arm.events is None:
            return self._median(arm, row, side)
        return self._spread(arm, row, side)

    def _check_count(self, row: Row, side: str, n: int | None, events: int | None) -> None:
        if n is not None and n < 1:
            self._add(row, f"n{side}", f"{n} people; an arm has at least one")
        if events is not None and events < 0:
            self._add(row, f"events{side}", f"{events} is negative")
        if self._filled(row, f"person_time{side}"):
            return
        if events is not None and n is not None and events > n:
            self._add(row, f"events{side}", f"{events} events among {n} people")
        if events is not None and n is None and not self._filled(row, f"n{side}"):
            self._add(row, f"n{side}", "events without a number of people")

    def _change(self, arm: ArmResult, row: Row, side: str) -> ArmResult:
        change = self._number(row, f"change{side}")
        if change is None:
            return arm
        sd = self._number(row, f"change_sd{side}")
        return replace(arm, mean=change, sd=sd, is_change=True)

    def _spread(self, arm: ArmResult, row: Row, side: str) -> ArmResult:
        """Return the arm with the SD that its standard error or its interval gives."""
        se = self._number(row, f"change_se{side}" if arm.is_change else f"se{side}")
        low, high = self._number(row, f"ci_low{side}"), self._number(row, f"ci_high{side}")
        if arm.n is None or arm.n < 2 or (se is None and (low is None or high is None)):
            return arm
        try:
            if se is not None:
                sd, told = float(sd_from_se(se, arm.n)), f"the standard error {se:g}"
            else:
                sd = float(sd_from_ci(low or 0.0, high or 0.0, arm.n))
                told = f"the 95 % interval {low:g} to {high:g}"
        except ReviewError as error:
            self._add(row, f"{'se' if se is not None else 'ci_low'}{side}", str(error))
            return arm
        if arm.sd is None:
            return replace(arm, sd=sd, derived=f"SD computed from {told} and n = {arm.n}")
        if abs(arm.sd - sd) > SAME_SD * arm.sd:
            given = f"the SD {arm.sd:g} and {told}, which means SD {sd:.4g}, contradict each other"
            self._add(row, f"sd{side}", given)
        return arm

    def _median(self, arm: ArmResult, row: Row, side: str) -> ArmResult:
        """Return the arm with mean and SD estimated from its median, if that was asked for."""
        median = self._number(row, f"median{side}")
        if median is None:
            return arm
        names = ("q1", "q3", "minimum", "maximum")
        cells = {name: self._number(row, f"{name}{side}") for name in names}
        known = {name: value for name, value in cells.items() if value is not None}
        if not self.medians:
            told = (
                f"a median ({median:g}), and no mean with SD. With --medians mean and SD are "
                "estimated from it and its quartiles or range, and each such row says so; or leave "
                "the row out"
            )
            self._add(row, f"median{side}", told)
            return arm
        if arm.n is None:
            self._add(row, f"n{side}", "a median without a number of people")
            return arm
        try:
            found = mean_sd_from_median(
                arm.n,
                median,
                q1=known.get("q1"),
                q3=known.get("q3"),
                minimum=known.get("minimum"),
                maximum=known.get("maximum"),
            )
        except ReviewError as error:
            self._add(row, f"median{side}", str(error).replace("study 1: ", ""))
            return arm
        spread = ", ".join(f"{name} {value:g}" for name, value in known.items())
        told = f"Mean and SD estimated from the median {median:g} ({spread}) of {arm.n} people"
        return replace(
            arm,
            mean=float(found.mean),
            sd=float(found.sd),
            derived=f"{told} (Luo 2018, Wan 2014)",
            is_estimated=True,
            summary={"median": median, **known},
        )

    # --- an effect --------------------------------------------------------------------------------

    def difference(self, base: ArmResult, row: Row, arms: Sequence[ArmResult]) -> Difference | None:
        """Return the effect that a row gives, if it does."""
        if not self.columns.has_effects:
            return None
        people = (self._count(row, "n1"), self._count(row, "n2"))
        names = (
            row.get(self.columns.get("arm1")) or self._unnamed(base, "1"),
            row.get(self.columns.get("arm2")) or self._unnamed(base, "2"),
        )
        common = (base.study, base.trial, base.year, base.outcome, base.time, names)
        measure = row.get(self.columns.get("measure")).upper()
        log_rank = self._log_rank(row)
        if log_rank is not None:
            log_hr, of_log_hr, told = log_rank
            self._check_log_rank(row, log_hr, of_log_hr)
            return Difference(
                *common, "HR", log_hr, of_log_hr, None, None, True, people, row.number, told
            )
        estimate = self._number(row, "estimate")
        if estimate is None:
            return None
        of_name, is_log = EFFECTS.get(plain(self.columns.get("estimate") or ""), ("", None))
        se, variance = self._number(row, "effect_se"), self._number(row, "effect_variance")
        low, high = self._number(row, "effect_low"), self._number(row, "effect_high")
        told = ""
        if se is None and variance is not None and variance > 0:
            se, told = variance**0.5, f"SE computed from the variance {variance:g}"
        is_bare = se is None and low is None and variance is None
        p = self._number(row, "effect_p") if is_bare else None  # else it may be no exact one
        self._check_effect(row, estimate, se, low, high, variance, p)
        return Difference(
            *common, measure or of_name, estimate, se, low, high, is_log, people, row.number, told,
            p=p, df=None if se else self._number(row, "effect_df"), level=self._level(row),
            cluster_size=base.cluster_size, icc=base.icc, score=self._score(row),
            provenance=base.provenance, source=base.source,
        )  # fmt: skip

    def _score(self, row: Row) -> str:
        """Return of which scores an effect is: final, change, or adjusted (ANCOVA)."""
        cell = plain(row.get(self.columns.get("score")))
        if cell and not is_absent(cell) and cell not in SCORES:
            self._add(row, "score", f"{shown(cell)} is not one of {', '.join(SCORES)}")
        return SCORES.get(cell, "")

    def _level(self, row: Row) -> float | None:
        """Return the level of an interval as a fraction; sheets write 95, 95 % or 0.95."""
        level = self._number(row, "effect_level")
        return level / 100 if level is not None and level > 1 else level

    def _log_rank(self, row: Row) -> tuple[float, float, str] | None:
        """Return the logarithm of the hazard ratio of a log-rank test, with its SE."""
        o_e, v = self._number(row, "o_e"), self._number(row, "o_e_variance")
        if o_e is None or v is None:
            return None
        if v <= 0:
            self._add(row, "o_e_variance", f"{v:g} is not greater than zero")
            return None
        told = f"Log hazard ratio (O-E)/V from O-E {o_e:g} and V {v:g}, SE 1/√V"
        return o_e / v, v**-0.5, told

    def _check_log_rank(self, row: Row, log_hr: float, se: float) -> None:
        """Note an estimate beside O-E and V, which must be the hazard ratio that these give."""
        estimate = self._number(row, "estimate")
        if estimate is None:
            return
        is_log = EFFECTS.get(plain(self.columns.get("estimate") or ""), ("", None))[1]
        read = [] if is_log is False else [estimate]
        read += [math.log(estimate)] if not is_log and estimate > 0 else []
        if any(abs(one - log_hr) <= SAME_HR * se for one in read):
            self.log_ranks.append(row)
        else:
            told = (
                f"the estimate {estimate:g} and O-E with V, which mean a hazard ratio of "
                f"{math.exp(log_hr):.3g}, contradict each other; empty the cells that do not hold"
            )
            self._add(row, "estimate", told)

    def _check_effect(
        self,
        row: Row,
        estimate: float,
        se: float | None,
        low: float | None,
        high: float | None,
        variance: float | None,
        p: float | None,
    ) -> None:
        if (low is None) != (high is None):
            self._add(row, "effect_low", "one limit of the interval without the other")
        elif low is not None and high is not None and not low <= estimate <= high:
            told = f"the interval {low:g} to {high:g} does not hold the estimate {estimate:g}"
            self._add(row, "effect_low", told)
        for name, value in (("effect_se", se), ("effect_variance", variance)):
            if value is not None and value <= 0:
                self._add(row, name, f"{value:g} is not greater than zero")
        if se and low is not None and high is not None and not self._fits(row, se, low, high):
            told = f"{se:g} cannot be the standard error of the interval {low:g} to {high:g}"
            self._add(row, "effect_se", told)
        if p is not None and not 0 < p < 1:
            self._add(row, "effect_p", f"{p:g} does not lie between 0 and 1")
        if se is None and low is None and variance is None and p is None:
            self._add(
                row,
                "effect_se",
                "an effect without a standard error or an interval, and without a p value",
            )

    def _fits(self, row: Row, se: float, low: float, high: float) -> bool:
        """Say whether an interval of any level may have this standard error, on any scale."""
        widths = [high - low] + ([math.log(high / low)] if low > 0 else [])
        return any(FEWEST_ERRORS <= width / (2 * se) <= MOST_ERRORS for width in widths)

    # --- cells ------------------------------------------------------------------------------------

    def _lettered(self, row: Row, study: str) -> str:
        """Return the name of a study with its year where a letter there tells it from another."""
        year = row.get(self.columns.get("year")).strip()
        return f"{study} {year}" if study and LETTERED.fullmatch(year) else study

    def _year(self, row: Row, study: str) -> int | None:
        """Return the year from its column, or the one that the study's name ends with."""
        cell = row.get(self.columns.get("year"))
        if cell and plain(cell) not in ABSENT:
            years = YEAR.findall(cell)
            if len(years) != 1:
                self._add(row, "year", f"{shown(cell)} is not a year")
                return None
            return int(years[0])
        named = YEAR.findall(study)
        return int(named[-1]) if named else None

    def _number(self, row: Row, name: str, *, whole: bool = False) -> float | None:
        column = self.columns.get(name)
        if column is None:
            return None
        if is_absent(self._unmarked(row, name)):
            self.not_known.append(row)
            return None
        try:
            return self.table.number(row, column, whole=whole)
        except ReviewError as error:
            self._add(row, name, str(error).rpartition(f"column {row.header(column)}: ")[2])
            return None

    def _unmarked(self, row: Row, name: str) -> str:
        """Return a cell without the mark of a footnote, which is noted."""
        column = self.columns.get(name) or name
        cell = row.get(column)
        bare = without_footnote(cell)
        if bare != cell:
            place = f"row {row.number}, column {row.header(column)}"
            self.footnotes[f"{place}: {shown(cell)}"] = None
        return bare

    def _count(self, row: Row, name: str) -> int | None:
        number = self._number(row, name, whole=True)
        if number is None:
            return None
        if not number.is_integer() or abs(number) > LARGEST_ARM:
            told = f"{shown(row.get(self.columns.get(name)))} is not a whole number"
            self._add(row, name, told)
            return None
        return int(number)

    def _filled(self, row: Row, name: str) -> bool:
        return bool(row.get(self.columns.get(name)))

    def _add(self, row: Row, name: str, told: str) -> None:
        column = row.header(self.columns.get(name) or name)
        self.problems.append(Problem(self.table.file, told, row.number, column))


def changes(results: Sequence[ArmResult]) -> str:
    """Say how many results are changes from baseline; nothing if none is."""
    rows = sorted({result.row for result in results if result.is_change})
    if not rows:
        return ""
    told = f"{plural(len(rows), 'row')} of changes from baseline, not of final scores"
    return f"{told}; the two may be pooled as mean differences (MD), never as SMD"
