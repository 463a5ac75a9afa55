"""Is what RevMan writes read as it is: its data package, its file, and what it leaves at zero?"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from table_rows import rows_of

import analysis_lib as al
from analysis_lib.__main__ import main
from analysis_lib.base.errors import ReviewError
from analysis_lib.importing import import_results

ROWS = """\
Analysis group,Analysis number,Analysis name,Subgroup,Study,Study year,GIV Mean,GIV SE,\
Experimental mean,Experimental SD,Experimental cases,Experimental N,Control mean,Control SD,\
Control cases,Control N,O-E,Variance
1,1,Pain,,Example 2015,2015,0,0,5,1.5,0,30,6,1.7,0,31,0,0
1,1,Pain,,Sample 2016,2016,0,0,4.2,1.1,0,20,5.1,1.4,0,21,0,0
1,2,Falls,,Example 2015,2015,0,0,0,0,0,30,0,0,4,31,0,0
"""
SETTINGS = """\
Analysis group,Analysis group name,Analysis number,Analysis name,Data type,Effect measure,\
Experimental group label,Control group label
1,Chairs,1,Pain,Continuous,Mean Difference,Chair,No chair
1,Chairs,2,Falls,Dichotomous,Risk Ratio,Chair,No chair
"""
RM5 = """<?xml version="1.0" encoding="UTF-8"?>
<COCHRANE_REVIEW><STUDIES_AND_REFERENCES><STUDIES><INCLUDED_STUDIES>
<STUDY ID="STD-1" NAME="Example 2015" YEAR="2015"/></INCLUDED_STUDIES></STUDIES>
</STUDIES_AND_REFERENCES><ANALYSES_AND_DATA><COMPARISON ID="CMP-1" NO="1"><NAME>Chairs</NAME>
<CONT_OUTCOME ID="1" NO="1" EFFECT_MEASURE="MD"><NAME>Pain</NAME>
<GROUP_LABEL_1>Chair</GROUP_LABEL_1>
<GROUP_LABEL_2>No chair</GROUP_LABEL_2><CONT_DATA STUDY_ID="STD-1" MEAN_1="5.0" SD_1="1.5"
TOTAL_1="30" MEAN_2="6.0" SD_2="1.7" TOTAL_2="31"/></CONT_OUTCOME></COMPARISON></ANALYSES_AND_DATA>
</COCHRANE_REVIEW>
"""


def package(path: Path, *, settings: str = SETTINGS, inside: bool = False) -> Path:
    """Write a data package; within the zip of a whole review if asked for."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr("CD1-analyses-data/CD1-data-rows.csv", "\ufeff" + ROWS)
        if settings:
            name = "CD1-analyses-data/CD1-overall-estimates-and-settings.csv"
            packed.writestr(name, settings)
    if not inside:
        path.write_bytes(content.getvalue())
        return path
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("CD1-analyses-data.zip", content.getvalue())
        packed.writestr("CD1.rm5", "x")
    return path


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("settings", [SETTINGS, ""])
def test_a_package_holds_its_analyses(tmp_path: Path, settings: str, inside: bool) -> None:
    path = package(tmp_path / "CD1.zip", settings=settings, inside=inside)
    found = import_results(path, time="Post")
    numbers = [(r.study, r.outcome, *r.numbers) for r in found.results]
    assert numbers == [
        ("Example 2015", "Pain", 30, 5, 1.5, None), ("Example 2015", "Pain", 31, 6, 1.7, None),
        ("Sample 2016", "Pain", 20, 4.2, 1.1, None), ("Sample 2016", "Pain", 21, 5.1, 1.4, None),
        ("Example 2015", "Falls", 30, None, None, 0), ("Example 2015", "Falls", 31, None, None, 4),
    ]  # fmt: skip
    labels = {r.arm_label for r in found.results}
    assert labels == ({"Chair", "No chair"} if settings else {"experimental", "control"})


def test_one_analysis_may_be_chosen(tmp_path: Path) -> None:
    path = package(tmp_path / "CD1.zip")
    found = import_results(path, time="Post", analyses=["1.2"])
    assert [r.events for r in found.results] == [0, 4]
    with pytest.raises(ReviewError, match=r"no analysis 3.1; it has 1.1 \(Pain\), 1.2 \(Falls\)"):
        import_results(path, time="Post", analyses=["3.1"])


def test_the_file_of_revman_5_is_read(tmp_path: Path) -> None:
    path = tmp_path / "CD1.rm5"
    path.write_text(RM5, encoding="utf-8")
    found = import_results(path, time="Post")
    assert [(r.arm_label, *r.numbers) for r in found.results] == [
        ("Chair", 30, 5, 1.5, None), ("No chair", 31, 6, 1.7, None)
    ]  # fmt: skip


def test_the_command_takes_a_package_to_a_pooled_result(
    folder: Path, tmp_path: Path, capsys: Any
) -> None:
    path = package(tmp_path / "CD1.zip")
    given = ["--time", "ETP", "--analysis", "1.1"]
    assert main(["import", str(path), "--to", str(folder), *given]) == 0, capsys.readouterr().err
    fit = al.study_effects(al.load_review(folder / "data"), "pain", "ETP").pool()
    assert sorted(fit.effect) == pytest.approx([-1, -0.9])
    assert len(rows_of(folder / "data" / "arm_results.csv")) == 4


def test_a_zip_of_something_else_is_told(folder: Path, tmp_path: Path, capsys: Any) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as packed:
        packed.writestr("note.txt", "nothing")
    assert main(["import", str(tmp_path / "other.zip"), "--to", str(folder)]) == 1
    assert "other.zip" in capsys.readouterr().err
