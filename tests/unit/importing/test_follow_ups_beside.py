"""Are follow-ups that stand beside each other read as rows, in words, or said not to be understood?

The sheets are made up: what must come out is what stands in their cells.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis_lib.__main__ import main
from analysis_lib.base.errors import ReviewError
from analysis_lib.importing import import_results
from analysis_lib.importing.extraction import results_of
from analysis_lib.importing.follow_up_columns import one_row_a_follow_up
from analysis_lib.importing.spreadsheets import Row, Sheet

Found = dict[tuple[str, str], tuple[float | None, ...]]
#: Time and side of each arm, with n, mean, SD and events.
ARMS: Found = {
    ("6 weeks", "experimental"): (35, 3.1, 1.2, None),
    ("12 weeks", "experimental"): (35, 2.8, 1.1, None),
    ("6 weeks", "comparator"): (36, 4.1, 1.3, None),
    ("12 weeks", "comparator"): (36, 3.9, 1.4, None),
}
BY_ARM = """Study,Arm,N,mean 6 weeks,SD 6 weeks,mean 12 weeks,SD 12 weeks
Aasa 2015,Intervention,35,3.1,1.2,2.8,1.1
Aasa 2015,Control,36,4.1,1.3,3.9,1.4
"""


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Found]:
    def run(text: str, **options: Any) -> Found:
        path = tmp_path / "wide.csv"
        path.write_text(text, encoding="utf-8")
        found = import_results(path, outcome="Pain", **options)
        return {(r.time, r.side): r.numbers for r in found.results}

    return run


@pytest.mark.parametrize(
    "text",
    [
        BY_ARM,
        BY_ARM.replace(",", ";"),
        BY_ARM.replace("mean 6 weeks,SD 6 weeks", "6 weeks mean,6 weeks SD"),
        BY_ARM.replace("mean 12 weeks,SD 12 weeks", "Mean (12 weeks),standard deviation 12 weeks"),
        BY_ARM.replace("mean 12 weeks,SD 12 weeks", "mean at 12 weeks,SD 12 weeks (mm)"),
        BY_ARM.replace("mean 12 weeks,SD 12 weeks", "mean_12 weeks,sd_12 weeks"),
        "Study,Arm,N,6 weeks,,12 weeks,\n,,,Mean,SD,Mean,SD\n" + BY_ARM.partition("\n")[2],
        ",,,6 weeks,,12 weeks,\nStudy,Arm,N,Mean,SD,Mean,SD\n" + BY_ARM.partition("\n")[2],
        "Study,n1,n2,mean 6 weeks 1,SD 6 weeks 1,mean 6 weeks 2,SD 6 weeks 2,mean1 12 weeks,"
        "SD1 12 weeks,12 weeks mean2,12 weeks sd2\n"
        "Aasa 2015,35,36,3.1,1.2,4.1,1.3,2.8,1.1,3.9,1.4\n",
        "Study,6 weeks,,,,,,12 weeks,,,,,\n,Intervention,,,Control,,,Intervention,,,Control,,\n"
        ",N,Mean,SD,N,Mean,SD,N,Mean,SD,N,Mean,SD\n"
        "Aasa 2015,35,3.1,1.2,36,4.1,1.3,35,2.8,1.1,36,3.9,1.4\n",
        "Study,Arm,N,Mean (SD) 6 weeks,Mean (SD) 12 weeks\n"
        "Aasa 2015,Intervention,35,3.1 (1.2),2.8 (1.1)\nAasa 2015,Control,36,4.1 (1.3),3.9 (1.4)\n",
    ],
)
def test_one_row_a_follow_up(read: Callable[..., Found], text: str) -> None:
    assert read(text) == ARMS


@pytest.mark.few
@pytest.mark.parametrize(
    ("first", "second"),
    [
        *[("6w", "12w"), ("6wk", "12wks"), ("week 6", "week 12"), ("W6", "W12"), ("T1", "T2")],
        *[("6 Wochen", "12 Wochen"), ("nach 6 Wochen", "nach 12 Wochen")],
        *[("6 semaines", "1 an"), ("6 semanas", "3 meses"), ("6 settimane", "3 mesi")],
        *[("6 weken", "3 maanden"), ("6周", "12个月"), ("6–8 weeks", "1.5 years")],
        *[("day 28", "day 56"), ("FU1", "FU2"), ("follow-up 1", "follow-up 2"), ("6m", "12m")],
        *[("visit 2", "visit 3"), ("6-week follow-up", "12-week follow-up"), ("6 mo", "1 yr")],
        *[("post", "6 months"), ("post-treatment", "6 months"), ("M6", "M12")],
    ],
)
def test_follow_ups_as_people_write_them(
    read: Callable[..., Found], first: str, second: str
) -> None:
    head = f"Study,Arm,N,mean {first},SD {first},mean {second},SD {second}\n"
    found = read(head + BY_ARM.partition("\n")[2])
    assert [numbers for (_, side), numbers in found.items()] == list(ARMS.values())
    for written, (time, _) in zip((first, second) * 2, found, strict=True):
        assert time in written


@pytest.mark.parametrize("word", ["baseline", "pre", "T0", "week 0", "Ausgangswert"])
def test_what_is_measured_first_is_the_baseline(read: Callable[..., Found], word: str) -> None:
    head = f"Study,Arm,N,mean {word},SD {word},mean 12 weeks,SD 12 weeks\n"
    found = read(head + BY_ARM.partition("\n")[2])
    assert found["baseline", "experimental"] == ARMS["6 weeks", "experimental"]
    assert found["12 weeks", "comparator"] == ARMS["12 weeks", "comparator"]


@pytest.mark.parametrize("unit", ["kg/m2", "kg/m²", "ml/min/1.73 m2", "0-10"])
def test_a_unit_is_no_follow_up(read: Callable[..., Found], unit: str) -> None:
    text = f"Study,Arm,N,mean ({unit}),SD ({unit})\nAasa 2015,Control,36,4.1,1.3\n"
    assert read(text, time="Post") == {("Post", "comparator"): (36, 4.1, 1.3, None)}


@pytest.mark.parametrize(
    "text",
    [
        "Studie;Gruppe;N;MW 6 Wochen;SD 6 Wochen;MW nach 12 Wochen;SD nach 12 Wochen\n"
        "A 2015;Interventionsgruppe;30;1,5;2,1;1,2;2,0\nA 2015;Kontrollgruppe;30;2,5;2,2;2,4;2,1\n",
        "Étude;Groupe;N;Moyenne à 6 semaines;ET à 6 semaines;Moyenne à 3 mois;ET à 3 mois\n"
        "A 2015;Intervention;30;1,5;2,1;1,2;2,0\nA 2015;Témoin;30;2,5;2,2;2,4;2,1\n",
        "Estudio;Grupo;N;Media a las 6 semanas;DE a las 6 semanas;Media a los 3 meses;"
        "DE a los 3 meses\n"
        "A 2015;Grupo intervención;30;1,5;2,1;1,2;2,0\nA 2015;Grupo control;30;2,5;2,2;2,4;2,1\n",
        "研究;组别;例数;6周均数;6周标准差;12周均数;12周标准差\n"
        "张 2015;试验组;30;1,5;2,1;1,2;2,0\n张 2015;对照组;30;2,5;2,2;2,4;2,1\n",
    ],
)
def test_whole_sheets_in_other_languages(read: Callable[..., Found], text: str) -> None:
    sides = ("experimental", "comparator") * 2
    found = read(text)
    assert sorted(side for _, side in found) == sorted(sides)
    assert {numbers[:3] for numbers in found.values()} == {
        *((30, 1.5, 2.1), (30, 1.2, 2.0), (30, 2.5, 2.2), (30, 2.4, 2.1))
    }


def test_group_a_is_an_arm_and_no_word_beside_a_time(read: Callable[..., Found]) -> None:
    names = [f"Group {g} 6 weeks {what}" for g in "AB" for what in ("n", "mean", "SD")]
    found = read(f"Study,{','.join(names)}\nAasa 2015,35,3.1,1.2,36,4.1,1.3\n")
    assert found == {key: ARMS[key] for key in ARMS if key[0] == "6 weeks"}


def test_people_of_a_follow_up_are_not_those_of_another(read: Callable[..., Found]) -> None:
    head = "Study,Arm,N,N 6 weeks,mean 6 weeks,SD 6 weeks,mean 12 weeks,SD 12 weeks\n"
    rows = "Aasa 2015,Intervention,40,35,3.1,1.2,2.8,1.1\nAasa 2015,Control,40,36,4.1,1.3,3.9,1.4\n"
    found = read(head + rows)
    assert found["6 weeks", "experimental"][0] == 35
    assert found["12 weeks", "experimental"][0] is None


@pytest.mark.parametrize(
    "text",
    [
        "MD 6 weeks (95% CI),MD 12 weeks (95% CI)\nA 2015,-1.0 (-1.5 to -0.5),-0.8 (-1.2 to -0.4)",
        "MD 6 weeks,95% CI 6 weeks,MD 12 weeks,12 weeks 95% CI\n"
        "A 2015,-1.0,-1.5 to -0.5,-0.8,-1.2 to -0.4",
        "MD 6 weeks,MD 6 weeks 95% CI,MD 12 weeks,MD 12 weeks 95% CI\n"
        "A 2015,-1.0,-1.5 to -0.5,-0.8,-1.2 to -0.4",
    ],
)
def test_effects_beside_each_other(tmp_path: Path, text: str) -> None:
    path = tmp_path / "effects.csv"
    path.write_text(f"Study,{text}\n")
    found = import_results(path, outcome="Pain").differences
    assert [(d.time, d.estimate, d.ci_low, d.ci_high) for d in found] == [
        ("6 weeks", -1.0, -1.5, -0.5),
        ("12 weeks", -0.8, -1.2, -0.4),
    ]


def test_each_effect_keeps_its_own_interval(tmp_path: Path) -> None:
    path = tmp_path / "effects.csv"
    path.write_text(
        "Study,OR (95% CI),RR (95% CI)\nAasa 2015,0.7 (0.4 to 1.22),0.8 (0.5 to 1.28)\n"
    )
    (found,) = import_results(path, outcome="Death", time="Post").differences
    assert (found.measure, found.estimate, found.ci_low, found.ci_high) == ("OR", 0.7, 0.4, 1.22)


def test_one_follow_up_can_be_chosen_or_does_not_exist(read: Callable[..., Found]) -> None:
    assert {time for time, _ in read(BY_ARM, time="12 weeks")} == {"12 weeks"}
    with pytest.raises(ReviewError, match="the columns are of 6 weeks and 12 weeks"):
        read(BY_ARM, time="Post")
    named = {"mean": "mean 6 weeks", "sd": "SD 6 weeks"}
    found = read(BY_ARM, time="Short", columns=named)
    assert found["Short", "experimental"] == ARMS["6 weeks", "experimental"]


def test_a_fault_is_named_with_the_column_of_the_file(read: Callable[..., Found]) -> None:
    with pytest.raises(ReviewError, match=r"wide.csv, row 2, column SD 12 weeks: 'x1'"):
        read(BY_ARM.replace("1.1", "x1"))
    with pytest.raises(ReviewError, match=r"row 3, column mean 6 weeks: '=A1' .*formula"):
        read(BY_ARM.replace("4.1", "=A1"))


def test_two_columns_of_one_thing_are_asked_about(read: Callable[..., Found]) -> None:
    with pytest.raises(ReviewError, match="'mean 6 weeks' and 'average 6wk' both seem to hold"):
        read(BY_ARM.replace("SD 12 weeks", "average 6wk"))


@pytest.mark.parametrize("time", [None, "6 weeks"])
@pytest.mark.parametrize(
    "head",
    [
        "Study,Yoga mean 6 weeks,Yoga SD 6 weeks,Yoga mean 12 weeks,Yoga SD 12 weeks,x,y",
        "Study,Arm,N,Walk 6 weeks,Walk SD 6 weeks,Walk 12 weeks,Walk SD 12 weeks",
        "Study,Arm,N,Mean pain 12 weeks,SD pain 12 weeks,Mean fear 12 weeks,SD fear 12 weeks",
        "Study,Arm,N,mean 6 weeks,SD,mean 12 weeks,note",  # one SD: of which?
        "Study,Arm,N,mean,SD,mean 12 weeks,SD 12 weeks",  # the first has no name
    ],
)
def test_what_is_not_understood_is_said_with_its_columns(
    read: Callable[..., Found], head: str, time: str | None
) -> None:
    if time and "mean,SD" in head:
        return  # then these are of that follow-up, and the others are told as not used
    rows = BY_ARM.partition("\n")[2].replace("Intervention", "Exercise")
    with pytest.raises(ReviewError) as caught:
        read(f"{head}\n{rows}", time=time)
    told = str(caught.value)
    assert "12 weeks" in told
    assert "column side" not in told
    if "mean,SD" not in head:
        assert "Study, Arm, Side, Outcome, Time, N, Mean, SD" in told
        assert head.split(",")[3] in told


def test_an_empty_follow_up_is_told_and_its_pair_is_no_comparison(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(BY_ARM.replace("2.8,1.1", ","))
    found = import_results(path, outcome="Pain")
    assert any("without a result of 12 weeks" in note for note in found.notes)
    assert [(arm.time, arm.arm) for arm in found.blank] == [("12 weeks", "intervention")]


def test_a_workbook_with_cells_merged_over_columns(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Study", "Arm", "N", "6 weeks", None, "12 weeks", None])
    sheet.append([None, None, None, "Mean", "SD", "Mean", "SD"])
    for row in csv.reader(BY_ARM.splitlines()[1:]):
        sheet.append([row[0], row[1], *map(float, row[2:])])
    for place in ("A1:A2", "B1:B2", "C1:C2", "D1:E1", "F1:G1"):
        sheet.merge_cells(place)
    book.save(tmp_path / "wide.xlsx")
    found = import_results(tmp_path / "wide.xlsx", outcome="Pain")
    assert {(r.time, r.side): r.numbers for r in found.results} == ARMS


def test_two_people_are_compared_cell_by_cell(folder: Path, tmp_path: Path, capsys: Any) -> None:
    files = tmp_path / "a.csv", tmp_path / "b.csv"
    files[0].write_text(BY_ARM)
    files[1].write_text(BY_ARM.replace("2.8", "2.9"))
    command = ["import", *map(str, files), "--to", str(folder), "--compare", "--outcome", "Pain"]
    assert main(command) == 1
    assert "mean 12 weeks is 2.8 (a.csv, row 2) or 2.9 (b.csv, row 2)" in capsys.readouterr().err
    differences = folder / "data" / "extraction" / "differences.csv"
    rows = list(csv.DictReader(differences.read_text(encoding="utf-8").splitlines()))
    with differences.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({**row, "settled": "2.9", "decided_by": "both"} for row in rows)
    table = folder / "data" / "follow_ups.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    more = [lines[1].replace("ETP", key).replace("Month 1", key) for key in ("6-weeks", "12-weeks")]
    table.write_text("\n".join([*lines, *more, ""]), encoding="utf-8")
    assert main(command) == 0, capsys.readouterr().err
    found = csv.DictReader((folder / "data" / "arm_results.csv").read_text().splitlines())
    numbers = {(row["time"], row["arm"]): row["mean"] for row in found}
    assert numbers["12-weeks", "intervention"] == "2.9"
    assert numbers["6-weeks", "intervention"] == "3.1"
    assert main(["check", str(folder)]) == 0, capsys.readouterr().err


TIMES = st.lists(st.integers(1, 60), min_size=1, max_size=6, unique=True)


@pytest.mark.slow
@given(TIMES, st.sampled_from(["{w} {t} weeks", "{t}wk {w}", "{w}_{t}_months", "week {t} {w}"]))
def test_every_cell_comes_out_once(times: list[int], form: str) -> None:
    what = [(w, t) for t in times for w in ("mean", "SD", "n")]
    columns = [form.format(w=w, t=t) for w, t in what]
    cells = {c: str(place) for place, c in enumerate(columns, start=1)}
    rows = tuple(Row(n, {"Study": "A 2001", "Arm": arm, **cells})
                 for n, arm in enumerate(("Intervention", "Control"), start=2))  # fmt: skip
    sheet = Sheet("made.csv", ("Study", "Arm", *columns), rows)
    found = results_of(sheet, outcome="Pain")
    read = [(r.mean, r.sd, r.n) for r in found.results if r.side == "experimental"]
    assert sorted(x for three in read for x in three if x) == list(range(1, len(columns) + 1))
    assert len({r.time for r in found.results}) == len(times)


@pytest.mark.slow
@given(st.lists(st.text(max_size=12), min_size=1, max_size=8, unique=True))
def test_any_header_is_read_or_left_as_it_is(columns: list[str]) -> None:
    sheet = Sheet("made.csv", tuple(columns), (Row(2, dict.fromkeys(columns, "1")),))
    assert (
        one_row_a_follow_up(sheet, {}) is sheet or "Time" in one_row_a_follow_up(sheet, {}).columns
    )
