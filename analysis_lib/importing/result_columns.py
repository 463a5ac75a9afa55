"""What a column of an extraction sheet may be called, and which column of a sheet holds what.

The words are those of RevMan, of R's metafor and meta, of Metapsy, and of people. Names are
compared as `plain` writes them: without case, accents and marks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from analysis_lib.base.errors import Problem, did_you_mean, shown, stop
from analysis_lib.importing.spreadsheets import Sheet
from analysis_lib.importing.texts import plain

YEAR_DIGITS = 4  # fewer digits are the number of a study
SIDES: Final = ("1", "2")  # of a comparison: the experimental arm, the comparator

#: What the columns of one arm hold, and the words for it.
OF_ARM: Final[Mapping[str, tuple[str, ...]]] = {
    "n": (
        *("n", "total", "n analysed", "n analyzed", "sample size", "number", "participants"),
        *("n total", "n randomised", "n randomized", "anzahl", "numero", "nombre", "aantal"),
        *("例数", "人数", "样本量"),
    ),
    "mean": (
        *("mean", "m", "average", "score", "mittelwert", "mw", "media", "moyenne", "gemiddelde"),
        *("均数", "均值", "平均值", "平均数"),
    ),
    "sd": (
        *("sd", "s", "standard deviation", "std dev", "stdev", "std", "standardabweichung"),
        *("de", "desviacion estandar", "et", "ecart type", "ds", "dp", "desvio padrao"),
        *("deviazione standard", "standaarddeviatie", "标准差", "標準偏差"),
    ),
    "se": ("se", "sem", "standard error", "std error", "standard error of the mean", "std err"),
    "ci_low": ("ci low", "ci lower", "lower ci", "ci start", "lower 95 ci", "95 ci lower", "lcl"),
    "ci_high": ("ci high", "ci upper", "upper ci", "ci end", "upper 95 ci", "95 ci upper", "ucl"),
    "median": ("median", "med"),
    "q1": ("q1", "lower quartile", "25th percentile", "p25", "iqr lower", "iqr low", "iqr start"),
    "q3": ("q3", "upper quartile", "75th percentile", "p75", "iqr upper", "iqr high", "iqr end"),
    "minimum": ("minimum", "min", "range low", "range lower"),
    "maximum": ("maximum", "max", "range high", "range upper"),
    "events": (
        "events",
        "event",
        "cases",
        "number of events",
        "n events",
        "responders",
        "deaths",
        "ev",
        "r",
        *("ereignisse", "eventos", "evenements", "eventi", "事件数", "发生数"),
    ),
    "non_events": ("non events", "no events", "nonevents"),
    "change": (
        *("change mean", "mean change", "change", "change score", "change from baseline"),
        *("mean change from baseline", "change from baseline mean"),
    ),
    "change_sd": (
        *("change sd", "sd change", "sd of change", "change standard deviation"),
        *("sd change from baseline", "sd of change from baseline", "change from baseline sd"),
    ),
    "change_se": ("change se", "se change", "change standard error"),
    "correlation": ("correlation", "cor", "pearson r"),
    "final_sd": ("final sd", "sd after", "sd at follow up"),
    "person_time": (
        *("person time", "person years", "person months", "person days", "time at risk"),
        *("patient years", "follow up time"),
    ),
}
#: What stands beside those words, for the first arm and for the second.
BESIDE: Final = {
    "1": (
        *("experimental", "intervention", "treatment", "exp", "int", "treated", "e", "t", "1"),
        *("arm1", "arm 1", "group 1", "group1", "i", "active", "ig", "eg", "tx", "treat", "trt"),
        *("group a", "interv", "interventionsgruppe", "exercise", "intervencion", "intervencao"),
        *("intervento", "interventie", "traitement", "tratamiento", "tratamento", "trattamento"),
        *("behandlung", "试验组", "治疗组", "干预组", "介入群"),
    ),
    "2": (
        *("control", "comparator", "comparison", "ctrl", "con", "c", "2", "arm2", "arm 2"),
        *("group 2", "group2", "cg", "placebo", "reference", "group b", "ctl", "cont", "kontrolle"),
        *("kontrollgruppe", "controle", "usual care", "controllo", "temoin"),
        *("对照组", "対照群"),
    ),
}
#: Names that are made in another way; metafor's and meta's first.
ELSE: Final[Mapping[str, tuple[str, ...]]] = {
    "mean1": ("m1i", "m1", "mean1i", "me"),
    "mean2": ("m2i", "m2", "mean2i", "mc"),
    "sd1": ("sd1i", "s1", "sd1", "sde", "se"),
    "sd2": ("sd2i", "s2", "sd2", "sdc", "sc"),
    "n1": ("n1i", "n1", "totaln arm1", "ne", "ntrt", "nti", "nei"),
    "n2": ("n2i", "n2", "totaln arm2", "nc", "nctrl", "nctl", "nci"),
    "events1": ("ai", "event arm1", "x1i", "tpos", "evtrt", "xti"),
    "events2": ("ci", "event arm2", "x2i", "cpos", "evctrl", "evctl", "xci"),
    **{f"person_time{i}": (f"t{i}i", f"time{i}") for i in SIDES},
    "non_events1": ("bi", "tneg"),
    "non_events2": ("di", "cneg"),
}
#: Names so short that they tell something only where both arms have them; alone, se is an error.
TOGETHER: Final[Mapping[tuple[str, str], str]] = {
    ("mean1", "me"): "mc",
    ("mean2", "mc"): "me",
    ("sd1", "se"): "sc",
    ("sd2", "sc"): "se",
}
#: Words for the limits of an interval.
LOWER: Final = ("lower", "low", "ll", "lb", "lcl", "lci", "l", "lower limit", "start", "min", "2 5")
UPPER: Final = ("upper", "high", "ul", "ub", "ucl", "uci", "u", "upper limit", "end", "max", "97 5")
INTERVALS: Final = (
    "{} ci",
    "ci {}",
    "95 ci {}",
    "{} 95 ci",
    "{} 95",
    "ci 95 {}",
    "ci95 {}",
    "{}95",
)


def _limits(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return what the column of a limit may be called: alone a word only if it tells enough."""
    alone = [word for word in words if word not in ("l", "u", "start", "end", "min", "max")]
    return (*alone, *(form.format(word) for form in INTERVALS for word in words))


#: Of a row as a whole.
OF_ROW: Final[Mapping[str, tuple[str, ...]]] = {
    "study": (
        *("study", "study id", "study name", "trial", "studlab", "slab", "study label"),
        *("study or subgroup", "source"),
        *("author year", "author", "authors", "first author", "reference", "citation"),
        *("studie", "estudio", "etude", "studio", "paper", "publication", "article", "name"),
        *("estudo", "onderzoek", "autor", "auteur", "autore", "研究", "文献", "作者"),
    ),
    "year": (
        *("year", "study year", "publication year", "year of study", "pub year"),
        *("jahr", "annee", "ano", "anno", "jaar", "年份", "发表年份"),
    ),
    "outcome": (
        *("outcome", "outcome name", "analysis name", "endpoint", "outcome measure"),
        *("endpunkt", "zielgrosse", "resultado", "desenlace", "esito", "uitkomst", "结局指标"),
    ),
    "time": (
        *("time", "time point", "timepoint", "follow up", "followup", "time of measurement"),
        *("zeitpunkt", "tiempo", "temps", "tempo", "tijdstip", "随访时间"),
    ),
    "scale_min": ("scale min", "scale minimum", "lowest score"),
    "scale_max": ("scale max", "scale maximum", "highest score"),
    "instrument": ("instrument", "scale", "questionnaire", "measurement instrument", "test"),
    "higher_is_better": ("higher is better", "high is good"),
    "cluster_size": ("cluster size", "mean cluster size", "average cluster size"),
    "icc": ("icc", "intracluster correlation", "intra cluster correlation"),
    "paired_correlation": ("paired correlation", "cross over correlation"),
    "change_correlation": ("change correlation", "correlation with baseline"),
    "subgroup": ("subgroup", "subgroup name"),
    # of an export of a review
    "own_provenance": ("own provenance",),
    "own_source": ("own source",),
    **{f"own_{what}{i}": (f"own {what} {i}",) for what in ("provenance", "source") for i in SIDES},
    # one row an arm
    "arm": (
        *("arm", "arm name", "group", "treatment", "condition"),
        *("gruppe", "grupo", "groupe", "gruppo", "groep", "组别"),
    ),
    "side": ("side", "role", "arm role", "arm type", "group type"),
    # one row a comparison
    "arm1": (
        *("arm 1", "arm1", "experimental arm", "intervention arm", "condition arm1"),
        *("experimental intervention", "experimental group", "intervention group", "intervention"),
        *("group 1", "group1", "treatment 1", "treat1", "experimental", "intervention name"),
    ),
    "arm2": (
        *("arm 2", "arm2", "control arm", "comparator arm", "condition arm2", "comparison arm"),
        *("control intervention", "control group", "comparator group", "comparator", "control"),
        *("group 2", "group2", "treatment 2", "treat2", "comparison", "control name"),
    ),
    # one row an effect
    "effect_se": (
        *("se", "sei", "sete", "se te", "standard error", "giv se", "g se", "se g", "effect se"),
        *(
            "se effect",
            "std err",
            "std error",
            "log rr se",
            "se d",
            "d se",
            "se log or",
            "log or se",
        ),
    ),
    "effect_variance": ("vi", "var", "effect variance", "variance of effect", "var g", "v g"),
    "effect_low": _limits(LOWER),
    "effect_high": _limits(UPPER),
    "score": ("score type", "type of score", "final or change"),
    "effect_p": ("p", "p value", "pval", "exact p", "p exact"),
    "effect_df": ("df", "degrees of freedom"),
    "effect_level": ("level", "confidence level", "ci level"),
    "measure": ("effect measure", "measure", "sm", "summary measure", "effect type"),
    "o_e": ("o e", "o minus e", "observed minus expected"),
    "o_e_variance": ("o e variance", "variance", "v"),
}
#: Of the names for a study those that do not stand beside another one.
SURE_OF_STUDY: Final = OF_ROW["study"][:8]
#: What the column of an effect is called, which measure that is, and whether it is a logarithm;
#: ``None`` where the name does not say.
EFFECTS: Final[Mapping[str, tuple[str, bool | None]]] = {
    **dict.fromkeys(("yi", "te", "giv mean"), ("", True)),
    **dict.fromkeys(("effect", "effect size", "estimate", "es", "effect estimate"), ("", None)),
    **dict.fromkeys(("md", "mean difference", "wmd"), ("MD", False)),
    **dict.fromkeys(("smd", "g", "hedges g", "hedges s g", "d", "cohens d"), ("SMD", False)),
    **dict.fromkeys(("cohen s d", "cohen d", "hedge s g"), ("SMD", False)),
    **dict.fromkeys(
        ("standardised mean difference", "standardized mean difference"), ("SMD", False)
    ),
    **dict.fromkeys(("or", "odds ratio", "aor", "adjusted odds ratio"), ("OR", False)),
    **dict.fromkeys(("log or", "logor", "lnor", "ln or", "log odds ratio"), ("OR", True)),
    **dict.fromkeys(("rr", "risk ratio", "relative risk"), ("RR", False)),
    **dict.fromkeys(("log rr", "logrr", "lnrr", "ln rr", "log risk ratio"), ("RR", True)),
    **dict.fromkeys(("hr", "hazard ratio", "ahr"), ("HR", False)),
    **dict.fromkeys(("log hr", "loghr", "lnhr", "ln hr", "log hazard ratio"), ("HR", True)),
    **dict.fromkeys(("irr", "rate ratio", "incidence rate ratio"), ("IRR", False)),
    **dict.fromkeys(("log irr", "logirr", "ln irr"), ("IRR", True)),
    **dict.fromkeys(("rd", "risk difference"), ("RD", False)),
    **dict.fromkeys(("ird", "rate difference", "incidence rate difference"), ("IRD", False)),
    **dict.fromkeys(("rom", "ratio of means"), ("ROM", False)),
    **dict.fromkeys(("log rom", "lnrom", "ln rom", "lnrr means"), ("ROM", True)),
}


#: What stands beside the name of an effect in the columns of its precision.
OF_EFFECT: Final = {
    "effect_se": ("se {}", "se{}", "{} se"),
    "effect_variance": ("var {}", "v {}", "{} var", "variance {}"),
    "effect_low": tuple(f"{{}} {end}" for end in _limits(LOWER)),
    "effect_high": tuple(f"{{}} {end}" for end in _limits(UPPER)),
}


def _names() -> dict[str, tuple[str, ...]]:
    """Return what every column may be called, by what it holds."""
    names = dict(OF_ROW)
    names["estimate"] = tuple(EFFECTS)
    for name, words in OF_EFFECT.items():
        own = [mark.format(effect) for mark in words for effect in EFFECTS]
        names[name] = (*names[name], *own)
    names |= OF_ARM
    for side in SIDES:
        for what, words in OF_ARM.items():
            beside = [f"{b} {w}" for w in words for b in BESIDE[side]]
            behind = [f"{w} {b}" for w in words for b in BESIDE[side]]
            glued = [f"{w}{side}" for w in words]
            glued += [f"{b}{w}" for w in words for b in BESIDE[side] if not (b + w).isascii()]
            special = ELSE.get(f"{what}{side}", ())
            names[f"{what}{side}"] = (*special, *beside, *behind, *glued)
    return names


#: What a column fills in the review's tables, where that has another name there.
FILLS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("mean", "change"), ("mean", "score")),
    **dict.fromkeys(("se", "ci_low", "ci_high", "change_sd", "change_se"), ("sd",)),
    "effect_se": ("se",),
    "effect_variance": ("se",),
    "effect_low": ("ci_low",),
    "effect_high": ("ci_high",),
    "effect_p": ("p",),
    "effect_df": ("df",),
    "effect_level": ("level",),
}
PEOPLE: Final = {"n1": "n_experimental", "n2": "n_comparator"}


def fills(names: Iterable[str]) -> Iterator[str]:
    """Return the columns of ``arm_results.csv`` and ``contrasts.csv`` that these can fill."""
    for name in names:
        yield from (PEOPLE[name],) if name in PEOPLE else ()
        bare = name[:-1] if name[-1:] in SIDES and name[:-1] in OF_ARM else name
        yield from FILLS.get(bare, (bare,))


#: Words that say of a number that it is a final one; those at baseline are never read.
AT_THE_END: Final = frozenset(("post", "final", "endpoint", "posttreatment", "postintervention"))
#: Words for the people of an arm, which stand beside its name or do not.
GROUP: Final = frozenset(
    ("group", "arm", "gruppe", "grupo", "groupe", "gruppo", "groep", "patients", "participants")
)
#: Units, in which a column may say that its numbers are; a time without a number is one, too.
UNITS: Final = frozenset(
    (
        *("mm", "cm", "m", "km", "kg", "g", "mg", "µg", "μg", "ug", "ng", "pg", "lb", "l", "ml"),
        *("dl", "s", "sec", "seconds", "min", "minutes", "h", "hours", "days", "weeks", "months"),
        *("years", "mmhg", "kpa", "hz", "bpm", "mmol", "nmol", "pmol", "mol", "iu", "u", "n", "nm"),
        *("w", "kcal", "kj", "points", "pts", "score", "vas", "nrs", "in", "to", "per", "c", "%"),
    )
)
UNIT = re.compile(r"[^\W\d_]+|%")
SIZE = re.compile(r"(?<=[a-z])[23](?!\d)|[²³]|\b1\.73\b|\b[01] ?(?:-|–|to) ?\d{1,3}\b")
#: What stands in brackets behind a name, or behind a comma.
BEHIND = re.compile(r"(.*\S)\s*(?:\(([^()]*)\)|\[([^\[\]]*)\]|,([^,]*))")
PERCENT = re.compile(r"(?<!\d)(?<!\d )%")
#: What a column may be called, in the words of `plain`. Options can name any other.
NAMES: Final[Mapping[str, tuple[str, ...]]] = _names()
#: Words for numbers of people, which no column of percentages holds.
COUNTS: Final = frozenset(
    word for what in ("n", "events", "non_events") for side in ("", *SIDES)
    for word in NAMES[f"{what}{side}"]
)  # fmt: skip
KNOWN: Final = frozenset(word for words in NAMES.values() for word in words)


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of a sheet holds what.

    Attributes
    ----------
    place : mapping of str to str
        The column, by what it holds; the names are those of `NAMES`.
    paired : bool
        Whether a row is a comparison, its two arms beside each other.
    by_arm : bool
        Whether a row is an arm.
    has_effects : bool
        Whether a row gives an effect with its precision.
    """

    place: Mapping[str, str]
    paired: bool
    by_arm: bool
    has_effects: bool

    def get(self, name: str) -> str | None:
        """Return the column that holds something."""
        return self.place.get(name)


def columns_of(table: Sheet, chosen: Mapping[str, str]) -> Columns:
    """Find which column of a sheet holds what.

    Parameters
    ----------
    table
        The sheet.
    chosen
        What a person said, by the names of `NAMES`.

    Raises
    ------
    ReviewError
        For a name or a column that does not exist, and for two columns that both seem to hold one
        thing.
    """
    stop(_wrong_choices(table, chosen), "with --column")
    found = dict(chosen)
    problems: list[object] = []
    names = [(column, list(names_of(column))) for column in reversed(table.columns)]
    known = {words[at]: c for at in (3, 2, 1, 0) for c, words in names if at < len(words)}
    for name, words in NAMES.items():
        fitting = [known[word] for word in words if _tells(name, word, known)]
        if name not in chosen and fitting:
            found[name] = fitting[0]
    twice = _as_revman_prints(table, found)
    found |= twice
    said = set(chosen)
    own = _beside_effect(known, found.get("estimate")) if "estimate" in found else {}
    found |= {name: column for name, column in own.items() if name not in said}
    said |= own.keys()
    if "study" not in said and "author" in known and _is_numbered(table, found):
        found["study"], said = known["author"], said | {"study"}
    paired = any({f"{what}1", f"{what}2"} <= found.keys() for what in ("n", "mean", "events"))
    has_effects = "estimate" in found and bool(
        {"effect_se", "effect_variance", "effect_low", "effect_p", "o_e"} & found.keys()
    )
    by_arm = (
        not paired
        and "arm" in found
        and bool({"n", "mean", "events", "correlation"} & found.keys())
    )
    kept = _used(found, said, paired=paired, by_arm=by_arm, has_effects=has_effects)
    problems += _ambiguous(table, kept, said, twice)
    stop(problems, f"in {table.file}")
    return Columns(kept, paired, by_arm, has_effects or "o_e" in kept)


def _beside_effect(known: Mapping[str, str], estimate: str | None) -> dict[str, str]:
    """Return the columns of precision that bear the name of the effect, such as g and g_se."""
    effect = plain(estimate or "")
    own = {
        name: [known[word] for mark in marks if (word := mark.format(effect)) in known]
        for name, marks in OF_EFFECT.items()
    }
    return {name: columns[0] for name, columns in own.items() if columns}


def _tells(name: str, word: str, names: Collection[str]) -> bool:
    """Say whether a word names one of these columns, and is not alone where two belong together."""
    return word in names and TOGETHER.get((name, word), word) in names


def names_of(column: str) -> Iterator[str]:
    """Yield what a column is called, and then the same without what names may lack.

    These are the unit, the word for the end of a trial, and the word for a group of people. The
    sign of per cent is a word, so that percentages are not taken for people.

    Examples
    --------
    >>> list(names_of("Intervention group mean (mm)"))[-1], list(names_of("Events 1 (%)"))
    ('intervention mean', ['events 1 percent'])
    """
    whole = plain(PERCENT.sub(" percent ", column))
    yield whole
    found = BEHIND.fullmatch(column.strip())
    bare = whole
    if found and _is_unit(found[2] or found[3] or found[4] or ""):
        bare = plain(PERCENT.sub(" percent ", found[1]))
        if "%" in column and bare in COUNTS:
            return
        yield bare
    for out in (AT_THE_END, AT_THE_END | GROUP):
        words = [word for word in bare.split() if word not in out]
        if len(words) > 1 or (words and out is AT_THE_END):
            yield " ".join(words)


def _is_unit(text: str) -> bool:
    sized = SIZE.search(text.casefold())
    rest = SIZE.sub("", text.casefold())
    words = UNIT.findall(rest)
    return bool(words or sized) and all(word in UNITS for word in words) and not _has_digit(rest)


def _has_digit(text: str) -> bool:
    return any(sign.isdigit() for sign in text)


def _as_revman_prints(table: Sheet, found: Mapping[str, str]) -> dict[str, str]:
    """Return the columns of both arms where each name stands twice, the experimental arm's first.

    So a forest plot of RevMan prints them: Mean, SD, Total, Mean, SD, Total.
    """
    twice: dict[str, str] = {}
    for what in ("n", "mean", "sd", "events"):
        names = [name for name in table.repeated if plain(name) in OF_ARM[what]]
        if len(names) == 1 and f"{what}1" not in found:
            again = re.compile(rf"{re.escape(names[0])} \(column \d+\)")
            others = [column for column in table.columns if again.fullmatch(column)]
            if len(others) == 1:
                twice |= {f"{what}1": names[0], f"{what}2": others[0]}
    measured = {"mean1", "events1"} & (twice.keys() | found.keys())
    return twice if "n1" in twice and measured else {}


def _is_numbered(table: Sheet, found: Mapping[str, str]) -> bool:
    """Say whether the column of the studies only counts them."""
    cells = [row.get(found.get("study")) for row in table.rows]
    return bool(cells) and all(cell.isdecimal() and len(cell) < YEAR_DIGITS for cell in cells)


def _wrong_choices(table: Sheet, chosen: Mapping[str, str]) -> Iterator[object]:
    for name, column in chosen.items():
        if name not in NAMES:
            told = did_you_mean(name, list(NAMES))
            yield f"--column {name}: {shown(name)} is no name of a column{told}"
        elif column not in table.columns:
            told = did_you_mean(column, table.columns)
            yield f"{table.file}: there is no column {shown(column)}{told}. {table.header}"


def _used(
    found: Mapping[str, str], chosen: set[str], *, paired: bool, by_arm: bool, has_effects: bool
) -> dict[str, str]:
    """Leave out what the shape of the sheet has no place for; one column holds one thing."""
    arms = {f"{what}{side}" for what in OF_ARM for side in SIDES}
    effects = {"estimate", *(name for name in OF_ROW if name.startswith("effect_"))}
    out: set[str] = set()
    out |= set() if paired or has_effects else {*arms, "arm1", "arm2"}
    out |= set() if by_arm else {*OF_ARM, "arm", "side"}
    out |= set() if has_effects else effects
    if "events1" not in found or found["events1"] == found.get("events2"):
        out |= {"events2"} if plain(found.get("events2", "")) == "ci" else set()
    if "o_e" not in found:
        out |= {"o_e_variance"}
    kept: dict[str, str] = {}
    for name, column in found.items():
        if name in chosen or (name not in out and column not in kept.values()):
            kept[name] = column
    return kept


def _ambiguous(
    table: Sheet, kept: Mapping[str, str], chosen: set[str], twice: Mapping[str, str]
) -> Iterator[Problem]:
    """Find what two columns seem to hold under equally good names, and names that stand twice."""
    names = {word for column in table.columns for word in names_of(column)}
    for name, column in kept.items():
        if column in table.repeated and not twice.get(name):
            yield Problem(table.file, f"two columns are named {shown(column)}")
        if name in chosen or name in ("instrument", "estimate"):
            continue
        words = SURE_OF_STUDY if name == "study" else NAMES[name]
        rest = [c for c in table.columns if c not in kept.values()]
        others = [
            c
            for c in rest
            if (rank := _rank(c, name, words, names)) is not None
            and rank in (0, _rank(column, name, words, names))
            and not (c.startswith(".") and plain(c) == plain(column))  # computed, says Metapsy
        ]
        for other in others[:1]:
            told = f"columns {shown(column)} and {shown(other)} both seem to hold {name}"
            yield Problem(table.file, f"{told}; say which with --column {name}={shown(column)}")


def _rank(column: str, name: str, words: Collection[str], names: Collection[str]) -> int | None:
    """Return how surely a column is called by one of these words: 0 if just so."""
    told = (word in words and _tells(name, word, names) for word in names_of(column))
    return next((rank for rank, tells in enumerate(told) if tells), None)
