"""Are results read as trials report them, from every program that people have, and never mixed up?

The sheets are made up; what must come out follows from arithmetic that stands beside it. RevMan's
files are written here in its own form.
"""

from __future__ import annotations

import csv
import io
import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from table_rows import rows_of

import analysis_lib as al
from analysis_lib.__main__ import main
from analysis_lib.base.errors import ReviewError
from analysis_lib.importing import ImportedResults, import_results
from analysis_lib.importing.filling import add_results

# Only rounding in binary numbers.
SAME = 1e-12
PAIN = {"outcome": "Pain", "time": "Post"}
END = {"provenance": "reported", "source": "made up", "note": ""}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str, name: str = "sheet.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that begins a review whose one outcome is of a measure."""

    def begin(measure: str = "MD") -> Path:
        path = tmp_path / f"review-{measure}"
        assert main(["new", str(path)]) == 0
        outcome = {
            **{"outcome": "pain", "label": "Pain", "priority": "primary", "measure": measure},
            **{"unit": "" if measure in ("OR", "RR", "HR") else "points", "instruments": "VAS"},
            **{"lower_is_better": "yes", **END},
        }
        follow_up = {"follow_up": "post", "label": "Post", "definition": "After", **END}
        for name, row in (("outcomes", outcome), ("follow_ups", follow_up)):
            table = path / "data" / f"{name}.csv"
            header = table.read_text(encoding="utf-8").splitlines()[0].split(",")
            with table.open("a", encoding="utf-8", newline="") as file:
                csv.writer(file).writerow([row.get(column, "") for column in header])
        return path / "data"

    return begin


def told(path: Path, **options: Any) -> str:
    with pytest.raises(ReviewError) as error:
        import_results(path, **{**PAIN, **options})
    return str(error.value)


def numbers(found: ImportedResults) -> list[tuple[Any, ...]]:
    return [(r.study, r.year, *r.numbers) for r in found.results]


# --- the names of columns ------------------------------------------------------------------------

MEANS = "Example,2015,35,3.1,1.2,36,4,1.5"
EVENTS = "Example,2015,35,3,36,6"


@pytest.mark.parametrize(
    "head",
    [
        "Study,Study year,Experimental N,Experimental mean,Experimental SD,Control N,Control mean,"
        "Control SD",
        "study,year,n1i,m1i,sd1i,n2i,m2i,sd2i",
        "author,year,n.e,mean.e,sd.e,n.c,mean.c,sd.c",
        "studlab,year,n1,mean1,sd1,n2,mean2,sd2",
        "study,year,n_arm1,mean_arm1,sd_arm1,n_arm2,mean_arm2,sd_arm2",
        "Author,Year,Intervention n,Intervention Mean,Intervention SD,Control n,Control Mean,"
        "Control SD",
        "Study,Year,N (intervention),Mean (intervention),SD (intervention),N (control),"
        "Mean (control),SD (control)",
        "Study ID,Year,Total_exp,Mean_exp,SD_exp,Total_ctrl,Mean_ctrl,SD_ctrl",
        "Study,Year,n IG,mean post IG,sd post IG,n CG,mean post CG,sd post CG",
        "Paper,Year,n_tx,final_mean_tx,sd_tx,n_ctl,final_mean_ctl,sd_ctl",
        "Studie,Year,N Interventionsgruppe,Mittelwert Interventionsgruppe,SD Interventionsgruppe,"
        "N Kontrolle,Mittelwert Kontrolle,SD Kontrolle",
        "Study,Year,Ne,Me,SDe,Nc,Mc,SDc",
        "Study,Year,Experimental,,,Control,,\n,,N,Mean,SD,N,Mean,SD",  # a header of two rows
    ],
)
def test_means_under_the_headings_of_every_program(write: Callable[..., Path], head: str) -> None:
    found = import_results(write(f"{head}\n{MEANS}\n"), **PAIN)
    assert numbers(found) == [
        ("Example", 2015, 35, 3.1, 1.2, None),
        ("Example", 2015, 36, 4, 1.5, None),
    ]
    assert found.notes == ()


@pytest.mark.parametrize(
    "head",
    [
        "Study,Year,Experimental N,Experimental cases,Control N,Control cases",
        "Study,Year,Total 1,Events 1,Total 2,Events 2",
        "author,year,n1i,ai,n2i,ci",
        "study,year,n.e,event.e,n.c,event.c",
        "study,year,totaln_arm1,event_arm1,totaln_arm2,event_arm2",
        "study,year,ntrt,evtrt,nctrl,evctrl",
        "Study,Year,N intervention,Deaths intervention,N control,Deaths control",
    ],
)
def test_events_under_the_headings_of_every_program(write: Callable[..., Path], head: str) -> None:
    found = import_results(write(f"{head}\n{EVENTS}\n"), **PAIN)
    assert numbers(found) == [
        ("Example", 2015, 35, None, None, 3),
        ("Example", 2015, 36, None, None, 6),
    ]


def test_a_table_of_four_cells(write: Callable[..., Path]) -> None:
    """R's metafor: events and people without the event."""
    found = import_results(write("author,year,ai,bi,ci,di\nExample,2015,3,32,6,30\n"), **PAIN)
    assert [r.numbers for r in found.results] == [(35, None, None, 3), (36, None, None, 6)]


# --- names and years -----------------------------------------------------------------------------


def pairs(*rows: str, more: str = "") -> str:
    return "\n".join([f"Study,n1,mean1,sd1,n2,mean2,sd2{more}", *rows, ""])


ONE, OTHER = "35,3.1,1.2,36,4,1.5", "20,2,1,21,3,1.1"


@pytest.mark.parametrize(
    ("study", "year"),
    [
        ("Example 2015", 2015),
        ("Example 2015a", 2015),
        ("Example (2015b)", 2015),
        ("Example, 2015; Sample", 2015),
        ("PROJECT-A", None),
        ("ACE-2", None),
        ("Study 20151", None),
        ("样 2015", 2015),
    ],
)
def test_a_year_may_have_a_letter_or_be_absent(
    write: Callable[..., Path], study: str, year: int | None
) -> None:
    found = import_results(write(pairs(f'"{study}",{ONE}')), **PAIN)
    assert {r.year for r in found.results} == {year}


def test_letters_tell_trials_apart(write: Callable[..., Path]) -> None:
    path = write(pairs(f"Example 2015a,{ONE}", f"Example 2015b,{OTHER}", f"例 2015,{ONE}"))
    found = import_results(path, **PAIN)
    assert {r.trial for r in found.results} == {"example-2015a", "example-2015b", "4f8b-2015"}


def test_an_author_with_trials_of_two_years_has_two_trials(write: Callable[..., Path]) -> None:
    head = "author,year,n1i,m1i,sd1i,n2i,m2i,sd2i\n"
    path = write(f"{head}Example,2015,{ONE}\nExample,2017,{OTHER}\nSample,2016,{ONE}\n")
    found = import_results(path, **PAIN)
    names = [r.study for r in found.results[::2]]
    assert names == ["Example 2015", "Example 2017", "Sample"]


def test_the_letter_of_a_year_tells_trials_apart_wherever_they_report(
    write: Callable[..., Path],
) -> None:
    head = "author,year,outcome,time,n1i,m1i,sd1i,n2i,m2i,sd2i\n"
    rows = f"Example,2015a,Pain,Post,{ONE}\nExample,2015b,Pain,Later,{OTHER}\n"
    found = import_results(write(head + rows))
    assert [r.study for r in found.results[::2]] == ["Example 2015a", "Example 2015b"]
    assert {r.year for r in found.results} == {2015}


def test_two_trials_of_one_name_are_asked_about(write: Callable[..., Path]) -> None:
    path = write(pairs(f"Example 2015,{ONE}", f"Sample 2016,{ONE}", f"Example 2015,{OTHER}"))
    words = told(path)
    assert "sheet.csv, row 4: 'Example 2015', Pain, Post: stands in rows 2 and 4" in words
    assert "--one-trial" in words
    found = import_results(path, one_trial=True, **PAIN)
    assert [r.arm for r in found.results if r.trial == "example-2015"] == [
        "experimental-1", "control-1", "experimental-2", "control-2",
    ]  # fmt: skip


def test_arms_that_are_named_are_one_arm_in_two_rows(write: Callable[..., Path]) -> None:
    rows = (
        f"Example 2015,{ONE},Yoga,Wait list",
        "Example 2015,33,3.4,1.3,36,4,1.5,Pilates,Wait list",
    )
    found = import_results(write(pairs(*rows, more=",Arm 1,Arm 2")), **PAIN)
    assert [(r.arm_label, r.side, r.n) for r in found.results] == [
        ("Yoga", "experimental", 35),
        ("Wait list", "comparator", 36),
        ("Pilates", "experimental", 33),
    ]
    assert [(p.experimental, p.comparator) for p in found.pairs] == [
        ("yoga", "wait-list"),
        ("pilates", "wait-list"),
    ]
    wrong = (rows[0], "Example 2015,33,3.4,1.3,30,4,1.5,Pilates,Wait list")
    words = told(write(pairs(*wrong, more=",Arm 1,Arm 2")))
    assert "row 3: 'Example 2015', Wait list: stands already in row 2, with other numbers" in words


def test_one_instrument_a_row_is_refused_with_both_rows(write: Callable[..., Path]) -> None:
    rows = (f"Example 2015,{ONE},VAS", f"Example 2015,{OTHER},SF-36")
    assert "stands in rows 2 and 3" in told(write(pairs(*rows, more=",Instrument")))


def test_totals_and_rows_without_a_result_are_not_read_and_told(
    write: Callable[..., Path],
) -> None:
    path = write(pairs(f"A 2001,{ONE}", "B 2002,,,,,,", "Total (95% CI),65,,,67,,"))
    found = import_results(path, **PAIN)
    assert {r.study for r in found.results} == {"A 2001"}
    assert found.notes == (
        "sheet.csv, row 4: a total or a test, and no study; not read",
        "sheet.csv, row 3: without a result; not read",
    )


def test_what_is_not_known_is_empty_and_told(write: Callable[..., Path]) -> None:
    found = import_results(write(pairs("A 2001,35,NR,NA,36,4,n/a", f"B 2002,{ONE}")), **PAIN)
    assert [r.numbers for r in found.results[:2]] == [(35, None, None, None), (36, 4, None, None)]
    assert any("row 2: NA, NR or the like, read as not known" in note for note in found.notes)


def test_thousands_are_never_read_as_decimals(write: Callable[..., Path]) -> None:
    text = pairs("A 2001,35,7.500,2.100,36,6.800,1.950").replace(",", ";")
    assert "'7.500' may be 7.500 or 7500" in told(write(text))
    text = pairs("A 2001,35,7.500,2.1,36,6.800,1.950").replace(",", ";")
    assert import_results(write(text), **PAIN).results[0].mean == 7.5


# --- numbers in another form ---------------------------------------------------------------------


def test_standard_errors_and_intervals_give_the_sd(write: Callable[..., Path]) -> None:
    """SE 0.2 of 25 people is SD 1; an interval as wide as 2 x t(24) x SE gives the same."""
    head = "Study,n1,mean1,se1,n2,mean2,se2"
    found = import_results(write(f"{head}\nA 2001,25,3,0.2,36,4,0.3\n"), **PAIN)
    assert [r.sd for r in found.results] == pytest.approx([1.0, 1.8], rel=SAME)
    assert found.results[0].derived == "SD computed from the standard error 0.2 and n = 25"
    assert any("numbers computed in 2" in note for note in found.notes)
    low, high = 3 - 2.0638985616280205 * 0.2, 3 + 2.0638985616280205 * 0.2
    head = "Study,n1,mean1,ci low 1,ci high 1,n2,mean2,sd2"
    found = import_results(write(f"{head}\nA 2001,25,3,{low!r},{high!r},36,4,1\n"), **PAIN)
    assert found.results[0].sd == pytest.approx(1.0, rel=1e-9)  # of the quantile's digits


def test_an_sd_that_contradicts_its_standard_error_is_named(write: Callable[..., Path]) -> None:
    head = "Study,n1,mean1,sd1,se1,n2,mean2,sd2"
    words = told(write(f"{head}\nA 2001,25,3,2,0.2,36,4,1\n"))
    assert "column sd1: the SD 2 and the standard error 0.2, which means SD 1, contradict" in words
    found = import_results(write(f"{head}\nA 2001,25,3,1.02,0.2,36,4,1\n"), **PAIN)
    assert found.results[0].sd == 1.02


def test_medians_are_estimated_only_when_asked_for(write: Callable[..., Path]) -> None:
    head = "Study,n1,median1,q1 1,q3 1,n2,median2,q1 2,q3 2"
    path = write(f"{head}\nA 2001,20,10,8,13,21,11,9,14\n")
    assert "column median1: a median (10), and no mean with SD. With --medians" in told(path)
    first = import_results(path, medians=True, **PAIN).results[0]
    expected = al.mean_sd_from_median(20, 10, q1=8, q3=13)
    assert (first.mean, first.sd) == (expected.mean, expected.sd)
    assert first.is_estimated
    assert "estimated from the median 10 (q1 8, q3 13) of 20 people" in first.derived


def test_changes_are_read_and_told(write: Callable[..., Path]) -> None:
    head = "Study,n1,mean change 1,sd change 1,n2,mean change 2,sd change 2"
    found = import_results(write(f"{head}\nA 2001,{ONE}\n"), **PAIN)
    assert [(r.mean, r.sd, r.is_change) for r in found.results] == [
        (3.1, 1.2, True),
        (4, 1.5, True),
    ]
    assert any("1 row of changes from baseline" in note for note in found.notes)


def test_sds_that_look_like_standard_errors_are_told(write: Callable[..., Path]) -> None:
    rows = [f"T 200{i},40,20,{8.9 + i / 10},41,21,9.2" for i in range(4)]
    path = write(pairs(*rows, "Wrong 2015,48,20.5,1.3,49,24,9.4"))
    (note,) = (n for n in import_results(path, **PAIN).notes if "standard error" in n)
    assert note.startswith("sheet.csv, row 6: Wrong 2015, experimental: SD 1.3 may be a standard")


# --- effects -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "row", "measure", "estimate", "se", "interval"),
    [
        ("OR,CI lower,CI upper", "0.8,0.64,1", "OR", 0.8, None, (0.64, 1)),
        ("logOR,SE", "-0.22,0.1", "OR", -0.22, 0.1, None),
        ("g,SE", "-0.42,0.21", "SMD", -0.42, 0.21, None),
        (".g,.g_se", "-0.42,0.21", "SMD", -0.42, 0.21, None),
        ("yi,vi", "-0.42,0.04", "", -0.42, 0.2, None),
        ("TE,seTE", "-0.42,0.2", "", -0.42, 0.2, None),
        ("HR,lower,upper", "0.7,0.5,0.9", "HR", 0.7, None, (0.5, 0.9)),
        ("estimate,ci.lb,ci.ub", "0.7,0.5,0.9", "", 0.7, None, (0.5, 0.9)),
        ("MD,95% CI lower,95% CI upper", "-1,-2,0", "MD", -1, None, (-2, 0)),
        ("MD,95%CI_low,95%CI_high", "-1,-2,0", "MD", -1, None, (-2, 0)),
        ("OR,2.5%,97.5%", "0.8,0.64,1", "OR", 0.8, None, (0.64, 1)),
        ("OR,or_lower_ci,or_upper_ci", "0.8,0.64,1", "OR", 0.8, None, (0.64, 1)),
        ("OR,LL 95% CI,UL 95% CI", "0.8,0.64,1", "OR", 0.8, None, (0.64, 1)),
        ("OR,95% CI", "0.8,(0.64 to 1.0)", "OR", 0.8, None, (0.64, 1)),
        ("Cohen's d,SE", "-0.42,0.21", "SMD", -0.42, 0.21, None),
    ],
)
def test_effects_under_the_names_of_every_program(
    write: Callable[..., Path], head: str, row: str, measure: str, estimate: float,
    se: float | None, interval: tuple[float, float] | None,
) -> None:  # fmt: skip
    found = import_results(write(f"Study,Year,{head}\nExample,2015,{row}\n"), **PAIN)
    (one,) = found.differences
    assert (one.study, one.measure, one.estimate) == ("Example", measure, estimate)
    assert one.se == (None if se is None else pytest.approx(se, rel=SAME))
    assert (one.ci_low, one.ci_high) == (interval or (None, None))


@pytest.mark.parametrize(
    ("head", "row", "words"),
    [
        ("OR,CI lower,CI upper", "0.8,0.9,1", "the interval 0.9 to 1 does not hold the estimate"),
        ("OR,CI lower,CI upper", "0.8,0.6,", "one limit of the interval without the other"),
        ("g,SE", "0.8,0", "column SE: 0 is not greater than zero"),
        ("g,SE", "0.8,", "an effect without a standard error or an interval"),
        ("yi,vi", "0.8,-1", "column vi: -1 is not greater than zero"),
    ],
)
def test_effects_that_cannot_be_are_named(
    write: Callable[..., Path], head: str, row: str, words: str
) -> None:
    assert words in told(write(f"Study,Year,{head}\nExample,2015,{row}\n"))


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("Experimental maen,Experimental N,Control mean,Control N",
         "did you mean 'Experimental maen'?); name it with --column mean1=HEADER"),
        ("Experimental value,Experimental N,Control value,Control N",
         "no column for means with SDs or for events; not used: 'Experimental value'"),
    ],
)  # fmt: skip
def test_a_column_that_is_not_found_is_asked_for(
    write: Callable[..., Path], head: str, words: str
) -> None:
    assert words in told(write(f"Study,{head}\nExample,3,35,4,36\n"))


def test_results_by_arm_come_before_effects(write: Callable[..., Path]) -> None:
    head = "study,n_arm1,mean_arm1,sd_arm1,n_arm2,mean_arm2,sd_arm2,.g,.g_se"
    path = write(f"{head}\nA 2001,{ONE},-0.6,0.2\nB 2002,20,,,21,,,-0.3,0.3\n")
    found = import_results(path, **PAIN)
    assert [r.study for r in found.results] == ["A 2001", "A 2001"]
    assert [(d.study, d.estimate, d.people) for d in found.differences] == [
        ("B 2002", -0.3, (20, 21))
    ]


# --- into the review -----------------------------------------------------------------------------


def effects(data: Path) -> list[tuple[float, float]]:
    table = al.study_effects(al.load_review(data), "pain", "post").table
    return [(row.effect, math.sqrt(row.variance)) for row in table.itertuples()]


def test_ratios_enter_as_ratios_and_are_pooled_as_logarithms(
    write: Callable[..., Path], folder: Callable[..., Path]
) -> None:
    data = folder("OR")
    text = "Study,Year,OR,CI lower,CI upper\nA,2001,0.8,0.64,1\nB,2002,1.25,1,1.5625\n"
    assert add_results(import_results(write(text), **PAIN), data).added["contrasts.csv"] == 2
    se = math.log(1 / 0.64) / (2 * 1.959963984540054)
    expected = [math.log(0.8), se, math.log(1.25), se]
    assert [x for pair in effects(data) for x in pair] == pytest.approx(expected, rel=SAME)


def test_logarithms_enter_as_ratios(
    write: Callable[..., Path], folder: Callable[..., Path]
) -> None:
    data = folder("HR")
    path = write("Study,TE,seTE\nA 2001,-0.2,0.1\n")
    add_results(import_results(path, **PAIN), data)
    row = al.load_review(data).contrasts.iloc[0]
    assert row["estimate"] == pytest.approx(math.exp(-0.2), rel=SAME)
    assert effects(data) == [pytest.approx((-0.2, 0.1), rel=SAME)]


def test_a_log_rank_test_is_a_hazard_ratio(
    write: Callable[..., Path], folder: Callable[..., Path]
) -> None:
    data = folder("HR")
    path = write("Study,n1,n2,O-E,Variance\nA 2001,50,51,-4,8\n")
    add_results(import_results(path, **PAIN), data)
    assert effects(data) == [pytest.approx((-0.5, 8**-0.5), rel=SAME)]


@pytest.mark.parametrize(
    ("measure", "text", "words"),
    [
        (
            "OR",
            "Study,estimate,lower,upper\nA 2001,0.8,0.6,1\n",
            "Say --scale ratio or --scale log",
        ),
        (
            "RR",
            "Study,OR,lower,upper\nA 2001,0.8,0.6,1\n",
            "the sheet gives 'OR', but outcomes.csv",
        ),
        ("OR", "Study,OR,lower,upper\nA 2001,0.8,-0.6,1\n", "greater than zero, not -0.6"),
    ],
)
def test_effects_of_another_scale_or_measure_are_named(
    write: Callable[..., Path], folder: Callable[..., Path], measure: str, text: str, words: str
) -> None:
    data = folder(measure)
    with pytest.raises(ReviewError) as error:
        add_results(import_results(write(text), **PAIN), data)
    assert words in str(error.value)


def test_a_scale_that_is_named_is_taken(
    write: Callable[..., Path], folder: Callable[..., Path]
) -> None:
    data = folder("OR")
    found = import_results(write("Study,estimate,se\nA 2001,-0.2,0.1\n"), **PAIN)
    add_results(found, data, scale="log")
    assert effects(data) == [pytest.approx((-0.2, 0.1), rel=SAME)]


@pytest.mark.slow
def test_a_half_typed_sheet_never_blocks_the_right_one(
    write: Callable[..., Path], folder: Callable[..., Path]
) -> None:
    data = folder()
    half = pairs("A 2001,35,3.1,,36,4,", "B 2002,20,2,1,21,,")
    add_results(import_results(write(half), **PAIN), data)
    assert al.study_effects(al.load_review(data), "pain", "post").k == 0
    found = import_results(write(pairs(f"A 2001,{ONE}", "B 2002,20,2,1,21,3,1.1")), **PAIN)
    filled = add_results(found, data)
    assert [str(change) for change in filled.changes] == [
        "arm_results.csv, A 2001, experimental: sd is now 1.2",
        "arm_results.csv, A 2001, control: sd is now 1.5",
    ]
    assert al.study_effects(al.load_review(data), "pain", "post").k == 2
    again = add_results(import_results(write(half), **PAIN), data)
    assert (again.changes, again.known) == ((), 3)  # what is not typed takes nothing away


def test_medians_are_not_shown_as_reported(
    write: Callable[..., Path], folder: Callable[..., Path]
) -> None:
    data = folder()
    head = "Study,n1,median1,q1 1,q3 1,n2,mean2,sd2"
    path = write(f"{head}\nA 2001,20,10,8,13,21,11,4\n")
    add_results(import_results(path, medians=True, **PAIN), data)
    results = al.load_review(data).arm_results
    assert results["median"].iloc[0] == 10
    assert results["weaker"].iloc[0] == "mean: inferred; sd: inferred"
    ((_, told),) = al.load_review(data).analysis("pain", "post").remarks
    assert "mean and SD estimated from the median (Luo 2018, Wan 2014)" in told
    assert "the test of Shi 2023 does not show skew" in told


def test_changes_and_final_scores_are_not_standardised_together(
    write: Callable[..., Path], folder: Callable[..., Path]
) -> None:
    change = "Study,n1,mean change 1,sd change 1,n2,mean change 2,sd change 2\n"
    for measure in ("MD", "SMD"):
        data = folder(measure)
        add_results(import_results(write(pairs(f"A 2001,{ONE}")), **PAIN), data)
        add_results(import_results(write(f"{change}B 2002,{ONE}\n"), **PAIN), data)
        if measure == "MD":
            assert al.study_effects(al.load_review(data), "pain", "post").k == 2
        else:
            with pytest.raises(ReviewError, match="cannot be standardised together"):
                al.load_review(data)


def test_a_misspelt_outcome_is_asked_about(
    write: Callable[..., Path], folder: Callable[..., Path]
) -> None:
    data = folder()
    found = import_results(write(pairs(f"A 2001,{ONE}")), outcome="Pian", time="Later")
    with pytest.raises(ReviewError) as error:
        add_results(found, data)
    assert "'Pian' is not in outcomes.csv (did you mean 'Pain'?)" in str(error.value)
    assert "'Later' is not in follow_ups.csv (it has post, Post)" in str(error.value)


# --- RevMan --------------------------------------------------------------------------------------

DATA_ROWS = """\
\ufeffAnalysis group,Analysis number,Analysis name,Subgroup,Applicability,Study,Study year,\
GIV Mean,GIV SE,Experimental mean,Experimental SD,Experimental cases,Experimental N,\
Control mean,Control SD,Control cases,Control N,O-E,Variance,Weight,Mean,CI start,CI end,Footnotes
1,1,Falls,,SUBGROUP_AND_OVERALL,A 2001,2001,0.0,0.0,0.0,0.0,12,50,0.0,0.0,20,51,0.0,0.0,60,1,1,1,
1,2,Pain,,SUBGROUP_AND_OVERALL,A 2001,2001,0.0,0.0,5.0,1.5,0,30,6.0,1.7,0,31,0.0,0.0,60,1,1,1,
1,3,Pain,,SUBGROUP_AND_OVERALL,B 2002,2002,-0.4,0.15,0.0,0.0,0,30,0.0,0.0,0,31,0.0,0.0,60,1,1,1,
1,4,Death,men,SUBGROUP_AND_OVERALL,C 2003,2003,0.0,0.0,0.0,0.0,1,50,0.0,0.0,2,51,-4.0,8.0,60,1,1,1,
"""
SETTINGS = """\
Analysis group,Analysis number,Analysis name,Analysis group name,Data type,\
Experimental group label,Control group label,Effect measure
1,1,Falls,Yoga or not,Dichotomous,Yoga,None,Risk Ratio
1,2,Pain,Yoga or not,Continuous,Yoga,None,Mean Difference
1,3,Pain,Yoga or not,Contrast level,Yoga,None,Mean Difference
1,4,Death,Yoga or not,O-E and variance,Yoga,None,Hazard Ratio
"""


def package(path: Path, *, inner: bool) -> Path:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        folder = "CD000000-analysis-data/CD000000"
        packed.writestr(f"{folder}-data-rows.csv", DATA_ROWS)
        packed.writestr(f"{folder}-overall-estimates-and-settings.csv", SETTINGS)
    if not inner:
        path.write_bytes(buffer.getvalue())
        return path
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("CD000000/CD000000-files/CD000000-data.zip", buffer.getvalue())
    return path


@pytest.mark.parametrize("inner", [False, True])
def test_a_data_package_of_revman_web(tmp_path: Path, inner: bool) -> None:
    path = package(tmp_path / "review.zip", inner=inner)
    found = import_results(path, time="Post", analyses=["1.1"])
    assert [(r.arm_label, r.n, r.events, r.mean, r.sd) for r in found.results] == [
        ("Yoga", 50, 12, None, None),
        ("None", 51, 20, None, None),
    ]
    found = import_results(path, time="Post")
    assert {r.outcome for r in found.results} == {"Falls", "1.2 Pain"}
    assert [(d.outcome, d.measure, d.estimate, d.is_log) for d in found.differences] == [
        ("1.3 Pain", "MD", -0.4, True),
        ("Death", "HR", -0.5, True),
    ]
    assert "no analysis 2.1; it has 1.1 (Falls)" in told(path, outcome=None, analyses=["2.1"])


def test_the_csv_of_revman_web(write: Callable[..., Path]) -> None:
    found = import_results(write(DATA_ROWS), time="Post")
    assert [(r.outcome, *r.numbers) for r in found.results] == [
        ("Falls", 50, None, None, 12),
        ("Falls", 51, None, None, 20),
        ("1.2 Pain", 30, 5, 1.5, None),
        ("1.2 Pain", 31, 6, 1.7, None),
    ]
    assert [(d.estimate, d.se, d.arms) for d in found.differences] == [
        (-0.4, 0.15, ("experimental", "control")),
        (-0.5, pytest.approx(8**-0.5), ("experimental men", "control men")),
    ]


RM5_CSV = """\
Comparison Number,Outcome Number,Subgroup Number,Name,Data Type,Statistical Method,Effect Measure,\
Events 1,Mean 1,SD 1,Total 1,Events 2,Mean 2,SD 2,Total 2,Effect Estimate,SE,CI Start,CI End,\
Year of study,User defined order
1,0,0,Yoga or not,,,,,,,,,,,,,,,,,
1,1,0,Falls,DIC,MH,OR,19,,,90,29,,,93,0.6,,0.3,1.1,,
1,1,1,In hospital,,,,12,,,50,20,,,51,0.5,,0.2,1.1,,
1,1,1,A 2001,,,,12,0,0,50,20,0,0,51,0.5,0.4,0.2,1.1,2001,1
1,1,2,At home,,,,7,,,40,9,,,42,0.8,,0.3,2.3,,
1,1,2,B 2002,,,,7,0,0,40,9,0,0,42,0.8,0.5,0.3,2.3,2002,2
1,2,0,Pain,CON,IV,MD,,,,30,,,,31,-1,,,,,
1,2,0,A 2001,,,,0,5,1.5,30,0,6,1.7,31,-1,0.4,-1.8,-0.2,2001,1
1,3,0,Ratio,IV,IV,RR,,,,,,,,,0.8,,,,,
1,3,0,A 2001,,,,0,0,0,0,0,0,0,0,0.8,0.1,0.66,0.97,2001,1
"""
RM5 = """\
<?xml version="1.0" encoding="ISO-8859-1" standalone="no"?>
<COCHRANE_REVIEW ID="1"><STUDIES_AND_REFERENCES><STUDIES><INCLUDED_STUDIES>
<STUDY ID="STD-A" NAME="A 2001" YEAR="2001"/><STUDY ID="STD-B" NAME="B 2002" YEAR="2002"/>
</INCLUDED_STUDIES></STUDIES></STUDIES_AND_REFERENCES><ANALYSES_AND_DATA>
<COMPARISON ID="CMP-001" NO="1"><NAME>Yoga or not</NAME>
<DICH_OUTCOME ID="CMP-001.01" EFFECT_MEASURE="OR" NO="1"><NAME>Falls</NAME>
<GROUP_LABEL_1>Yoga</GROUP_LABEL_1><GROUP_LABEL_2>None</GROUP_LABEL_2>
<DICH_SUBGROUP NO="1"><NAME>In hospital</NAME>
<DICH_DATA EVENTS_1="12" EVENTS_2="20" TOTAL_1="50" TOTAL_2="51" STUDY_ID="STD-A"/>
</DICH_SUBGROUP></DICH_OUTCOME>
<CONT_OUTCOME ID="CMP-001.02" EFFECT_MEASURE="MD" NO="2"><NAME>Pain</NAME>
<GROUP_LABEL_1>Yoga</GROUP_LABEL_1><GROUP_LABEL_2>None</GROUP_LABEL_2>
<CONT_DATA MEAN_1="5.0" MEAN_2="6" SD_1="1.5" SD_2="1.7" TOTAL_1="30" TOTAL_2="31"
 STUDY_ID="STD-A"/></CONT_OUTCOME>
<IV_OUTCOME ID="CMP-001.03" LOG_DATA="YES" NO="3"><NAME>Ratio</NAME>
<GROUP_LABEL_1/><GROUP_LABEL_2/><EFFECT_MEASURE>Hazard Ratio</EFFECT_MEASURE>
<IV_DATA ESTIMATE="-0.22" SE="0.1" STUDY_ID="STD-B" TOTAL_1="0" TOTAL_2="0"/></IV_OUTCOME>
</COMPARISON></ANALYSES_AND_DATA></COCHRANE_REVIEW>
"""


def test_the_csv_of_revman_5(write: Callable[..., Path]) -> None:
    found = import_results(write(RM5_CSV), time="Post", analyses=["1.1", "1.2"])
    assert [(r.study, r.arm_label, *r.numbers) for r in found.results] == [
        ("A 2001", "experimental In hospital", 50, None, None, 12),
        ("A 2001", "control In hospital", 51, None, None, 20),
        ("B 2002", "experimental At home", 40, None, None, 7),
        ("B 2002", "control At home", 42, None, None, 9),
        ("A 2001", "experimental", 30, 5, 1.5, None),
        ("A 2001", "control", 31, 6, 1.7, None),
    ]
    (one,) = import_results(write(RM5_CSV), time="Post", analyses=["1.3"]).differences
    assert (one.measure, one.estimate, one.se, one.ci_low) == ("RR", 0.8, 0.1, 0.66)


def test_the_file_of_revman_5(write: Callable[..., Path]) -> None:
    found = import_results(write(RM5, "review.rm5"), time="Post")
    assert [(r.study, r.year, r.arm_label, *r.numbers) for r in found.results] == [
        ("A 2001", 2001, "Yoga", 50, None, None, 12),
        ("A 2001", 2001, "None", 51, None, None, 20),
        ("A 2001", 2001, "Yoga", 30, 5, 1.5, None),
        ("A 2001", 2001, "None", 31, 6, 1.7, None),
    ]
    (one,) = found.differences
    assert (one.study, one.measure, one.estimate, one.is_log) == ("B 2002", "HR", -0.22, True)


#: As R's write.table writes a table by itself: spaces, quotes, names of rows without a header.
OF_R = """"study" "year" "n1i" "m1i" "sd1i" "n2i" "m2i" "sd2i"
"1" "Edinburgh, a" 1990 155 55 47 156 75 64
"2" "Orpington" 1991 31 27 7 32 29 NA
"""


def test_what_r_writes_by_itself_is_read(write: Callable[..., Path]) -> None:
    plain = OF_R.replace('"1" ', "").replace('"2" ', "").replace(" ", "   ").replace(",   a", ", a")
    for text in (OF_R, plain, plain.replace("\n", "  \n")):
        found = import_results(write(text), **PAIN)
        assert [r.numbers for r in found.results] == [
            (155, 55, 47, None), (156, 75, 64, None), (31, 27, 7, None), (32, 29, None, None)
        ]  # fmt: skip
        assert {result.study for result in found.results} == {"Edinburgh, a", "Orpington"}


def test_the_standard_error_that_bears_the_name_of_the_effect_is_taken(
    write: Callable[..., Path],
) -> None:
    found = import_results(
        write("study,.g,.log_rr_se,.g_se\nA 2001,0.5,NA,0.2\n"), **PAIN
    )  # as in the databases of Metapsy
    assert [(d.estimate, d.se) for d in found.differences] == [(0.5, 0.2)]


def test_of_a_row_with_means_and_events_the_measure_says_which(
    write: Callable[..., Path], folder: Callable[..., Path]
) -> None:
    """As in metadat's dat.gibson2002; both in one row would be a review that cannot be loaded."""
    data = folder()
    head = "study,n1i,m1i,sd1i,ai,n2i,m2i,sd2i,ci\n"
    found = import_results(write(f"{head}A 2001,50,2.2,12.7,4,54,5.2,12.5,6\n"), **PAIN)
    filled = add_results(found, data)
    assert any("2 results with a mean and with events" in note for note in filled.notes)
    assert [(row["mean"], row["events"]) for row in rows_of(data / "arm_results.csv")] == [
        ("2.2", ""),
        ("5.2", ""),
    ]
