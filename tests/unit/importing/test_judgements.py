"""Are judgements by every instrument read, and is what may mean two things asked about?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from matplotlib.text import Text
from places import ROOT
from table_rows import rows_of

import analysis_lib as al
from analysis_lib.__main__ import main
from analysis_lib.base.errors import ReviewError
from analysis_lib.importing.judgements import defined_instruments
from analysis_lib.review.instruments import INSTRUMENTS, ROB1, ROBINS_I, used_instruments
from analysis_lib.review.risk_of_bias import judgements, overall_judgements

RESULTS = "Study,n1,mean1,sd1,n2,mean2,sd2\nAasa 2015,9,1,2,9,2,2\nKell 2009,8,1,2,8,2,2\n"
ROB2 = "Study,D1,D2,D3,D4,D5,Overall,Weight\n"
IN_WORDS = """Aasa 2015,Low,Some concerns,Low,Low,Low,Some concerns,60
Kell 2009,LOW,high,low,,NA,High ,40
"""
EXPECTED = {
    "aasa-2015": ["low", "some concerns", "low", "low", "low", "some concerns"],
    "kell-2009": ["low", "high", "low", None, None, "high"],
}
ITEMS = ("D1", "D2", "D3", "D4", "D5", "overall")


@pytest.fixture
def bring(folder: Path, tmp_path: Path, capsys: Any) -> Callable[..., tuple[int, str]]:
    """Import a sheet of judgements into a review of two trials."""
    sheet = tmp_path / "results.csv"
    sheet.write_text(RESULTS, encoding="utf-8")
    given = ["--outcome", "Pain", "--time", "ETP"]
    assert main(["import", str(sheet), "--to", str(folder), *given]) == 0

    def run(text: str, *more: str, encoding: str = "utf-8") -> tuple[int, str]:
        capsys.readouterr()
        path = tmp_path / "bias.csv"
        path.write_bytes(text.encode(encoding))
        code = main(["import", str(path), "--to", str(folder), *more])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def rows(folder: Path) -> list[dict[str, str]]:
    return rows_of(folder / "data" / "risk_of_bias.csv")


def found(folder: Path, items: Any = ITEMS) -> dict[str, list[str | None]]:
    known = {(row["trial"], row["item"]): row["judgement"] for row in rows(folder)}
    return {t: [known.get((t, item)) for item in items] for t in ("aasa-2015", "kell-2009")}


AS_TOLD = [
    ROB2 + IN_WORDS,
    # signs of the tool, of robvis, and of both
    ROB2 + "Aasa 2015,+,!,+,+,+,!,60\nKell 2009,+,-,+,,,−,40\n",
    ROB2 + "Aasa 2015,+,-,+,+,+,-,60\nKell 2009,+,X,+,,,x,40\n",
    ROB2 + "Aasa 2015,+,!,+,+,+,!,60\nKell 2009,+,×,+,,,X,40\n",
    # other headers, order and marks; empty rows; a column of somebody's own
    "Overall bias;Measurement of the outcome;Bias arising from the randomization process;"
    "Deviations from the intended interventions;Missing outcome data;"
    "Selection of the reported result;Für wen;Author\n"
    "some concerns;L;low risk;Some concern;Low risk of bias;l;x;aasa, 2015\n\n"
    "H;;low;High risk;low;n/a;;Kell 2009\n",
    # a row a domain, in any order
    "Study,Domain,Judgement\nKell 2009,D2,High\nAasa 2015,D1,Low\nAasa 2015,D2,some concerns\n"
    "Aasa 2015,D3,low\nAasa 2015,D4,low\nAasa 2015,D5,low\nAasa 2015,Overall,Some concerns\n"
    "Kell 2009,D1,Low\nKell 2009,D3,Low\nKell 2009,Overall,High\n",
    # as a tool numbers studies
    "Unique ID,Study ID,Study,Domain 1 risk of bias judgement,Domain 2 risk of bias judgement,"
    "Domain 3 judgement,Domain 4 judgement,Domain 5 judgement,Overall risk of bias judgement\n"
    "1,1,Aasa 2015,green,yellow,green,green,green,yellow\n2,2,Kell 2009,Green,Red,green,,,red\n",
    "Study ID,Domain 1,Domain 2: deviations,D 3,D4,d5,Overall risk of bias\n"
    "Aasa 2015,low,SC,low,low,low,SC\nKell 2009,low,H,low,,,H\n",
]


@pytest.mark.few
@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"])
@pytest.mark.parametrize("text", AS_TOLD)
def test_words_and_signs_under_any_header_are_read(
    folder: Path,
    bring: Callable[..., tuple[int, str]],
    text: str,
    encoding: str,
) -> None:
    if encoding == "cp1252":
        text = text.replace("−", "-")
    code, told = bring(text, encoding=encoding)
    assert (code, "Judgements by RoB 2: D1, D2, D3, D4, D5, overall." in told) == (0, True), told
    assert found(folder) == EXPECTED
    al.load_review(folder / "data")
    again = bring(text, encoding=encoding)[1]
    assert "10 judgements stood there already, with the same words." in again


SEVEN = ",".join(f"D{i}" for i in range(1, 8))
OTHERS = {
    "RoB 1": (
        f"Study,{SEVEN},Overall\nAasa 2015,+,Unclear,-,+,+,+,?,?\n",
        ["low", "unclear", "high", "low", "low", "low", "unclear", "unclear"],
    ),
    "ROBINS-I": (
        f"Study,{SEVEN},Overall\nAasa 2015,Low,Moderate,Serious,Critical,Low,Low,NI,X\n",
        ["low", "moderate", "serious", "critical", "low", "low", "no information", "serious"],
    ),
    "QUADAS-2": (
        "Study,Patient selection,Index test,Reference standard,Flow & timing,"
        "Applicability: patient selection,Applicability - index test,"
        "Applicability concerns (reference standard)\nAasa 2015,Low,Unclear,High,U,L,H,Low\n",
        ["low", "unclear", "high", "unclear", "low", "high", "low", None],
    ),
    "RoB 2 for cluster-randomised trials": (
        "Study,D1a,D1b,D2,D3,D4,D5,Overall\nAasa 2015,+,!,+,+,+,+,!\n",
        ["low", "some concerns", "low", "low", "low", "low", "some concerns"],
    ),
    "RoB 2 for cross-over trials": (
        "Study,Randomisation process,Period and carryover effects,Deviations,Missing data,"
        "Measurement of the outcome,Selection of the reported result,Overall\n"
        "Aasa 2015,Low,High,Low,Low,Low,Low,High\n",
        ["low", "high", "low", "low", "low", "low", "high"],
    ),
    "ROBINS-E": (
        f"Study,{SEVEN},Overall\n"
        "Aasa 2015,Low,Some concerns,High,Very high,Low,Low,Low,Very high\n",
        ["low", "some concerns", "high", "very high", "low", "low", "low", "very high"],
    ),
    "PROBAST": (
        "Study,Participants,Predictors,Outcome of the model,Analysis,Overall\n"
        "Aasa 2015,Low,Unclear,High,Low,High\n",
        ["low", "unclear", "high", "low", None, None, None, "high"],
    ),
}
OWN = """instrument,part,name,means,sign,provenance,source,note
Three questions,domain,Q1,Was it fair?,,reported,made up,
Three questions,domain,Q2,Was it whole?,,reported,made up,
Three questions,domain,Q3,Was it told?,,reported,made up,
Three questions,level,good,low,+,reported,made up,
Three questions,level,fair,some concerns,~,reported,made up,
Three questions,level,poor,high,x,reported,made up,
Three questions,overall,worst,The worst domain,,reported,made up,
"""


@pytest.mark.few
@pytest.mark.parametrize("name", OTHERS)
def test_other_instruments_are_told_by_their_columns_and_words(
    folder: Path,
    bring: Callable[..., tuple[int, str]],
    name: str,
) -> None:
    text, expected = OTHERS[name]
    code, told = bring(text)
    assert (code, f"Judgements by {name}: " in told) == (0, True), told
    items = [*INSTRUMENTS[name].domains, "overall"]
    assert found(folder, items)["aasa-2015"] == expected
    assert {row["instrument"] for row in rows(folder)} == {name}
    review = al.load_review(folder / "data")
    matrix = judgements(review.risk_of_bias, instrument=INSTRUMENTS[name])
    assert matrix.loc["aasa-2015"].tolist() == [x or "not stated" for x in expected]
    assert overall_judgements(review.risk_of_bias)["aasa-2015"] == (expected[-1] or "not stated")


def test_an_instrument_of_ones_own_is_a_small_table(
    folder: Path, bring: Callable[..., tuple[int, str]]
) -> None:
    """What it calls its levels is read; drawn they are levels of the known instruments."""
    (folder / "data" / "instruments.csv").write_text(OWN, encoding="utf-8")
    text = "Study,Q1,Q2,Q3\nAasa 2015,Good,Fair,+\nKell 2009,poor,good,\n"
    code, told = bring(text)
    assert (code, "Judgements by Three questions: Q1, Q2, Q3." in told) == (0, True), told
    review = al.load_review(folder / "data")
    (own,) = used_instruments(review.risk_of_bias)
    matrix = judgements(review.risk_of_bias, instrument=own)
    assert matrix.loc["aasa-2015"].tolist() == ["low", "some concerns", "low", "some concerns"]
    assert matrix.loc["kell-2009"].tolist() == ["high", "low", "not stated", "high"]
    assert overall_judgements(review.risk_of_bias).tolist() == ["some concerns", "high"]
    axes = al.plots.traffic_lights(matrix, instrument=own)
    assert "Was it whole?" in " ".join(t.get_text() for t in axes.figure.findobj(Text))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (",low,", ",lovely,", r"row \d, column means: a level must be one of .*, got 'lovely'"),
        ("Three questions", "RoB 1", "row 2, column instrument: 'RoB 1' is known"),
        (",level,", ",domain,", "row 2, column instrument: .* needs rows of domains and of levels"),
    ],
)
def test_an_instrument_that_cannot_be_is_told(
    folder: Path, bring: Callable[..., tuple[int, str]], old: str, new: str, words: str
) -> None:
    assert bring(ROB2 + IN_WORDS)[0] == 0
    (folder / "data" / "instruments.csv").write_text(OWN.replace(old, new), encoding="utf-8")
    for read in (al.load_review, defined_instruments):
        with pytest.raises(ReviewError, match=f"instruments.csv, {words}"):
            read(folder / "data")


def test_the_words_of_robvis_for_the_older_tool_are_its_levels(
    folder: Path,
    bring: Callable[..., tuple[int, str]],
) -> None:
    header = ",".join(ROB1.domains.values()).replace("generation", "generation.")
    code, told = bring(f"Study,{header},Overall,Weight\nKell 2009,Low,Unclear,High,+,+,+,+,Low,1\n")
    assert (code, "Judgements by RoB 1" in told) == (0, True), told
    assert found(folder, ["D2", "D3", "overall"])["kell-2009"] == ["unclear", "high", "low"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ROB2 + "Aasa 2015,+,-,+,+,+,-,1\n", "row 2, column D2: '-' is high or some concerns"),
        (ROB2 + "Aasa 2015,+,?,+,+,+,+,1\n", "row 2, column D2: '?' is not stated or some concern"),
        (ROB2 + "Aasa 2015,low,perhaps,low,low,low,low,1\n", "'perhaps' is no judgement of RoB 2"),
        (
            ROB2 + "Asa 2015,low,low,low,low,low,low,1\n",
            "not in trials.csv (did you mean 'Aasa",
        ),
        (ROB2 + "Aasa 2015,=1,low,low,low,low,low,1\n", "looks like a spreadsheet formula"),
        (
            f"Study,{SEVEN}\nAasa 2015,low,low,low,low,low,low,low\n",
            "RoB 1, ROBINS-I and ROBINS-E? Say",
        ),
    ],
)
def test_what_cannot_be_used_is_told_and_nothing_is_written(
    folder: Path,
    bring: Callable[..., tuple[int, str]],
    text: str,
    told: str,
) -> None:
    code, words = bring(text)
    assert (code, told in words) == (1, True), words
    assert rows(folder) == []


def test_a_person_may_name_instrument_and_outcome(
    folder: Path,
    bring: Callable[..., tuple[int, str]],
) -> None:
    text = f"Study,{SEVEN}\nAasa 2015,low,low,low,low,low,low,low\n"
    assert bring(text, "--instrument", "ROBINS-I", "--outcome", "PAIN")[0] == 0
    assert {(row["instrument"], row["outcome"]) for row in rows(folder)} == {("ROBINS-I", "pain")}
    code, told = bring(text, "--instrument", "RoB")
    assert (code, "must be one of RoB 2, RoB 1, ROBINS-I, QUADAS-2, " in told) == (1, True)
    code, told = bring(text, "--instrument", "RoB 1", "--outcome", "Pian")
    assert (code, "(did you mean 'Pain'?)" in told) == (1, True)


def test_two_sheets_of_judgements_are_not_compared(
    folder: Path, tmp_path: Path, capsys: Any
) -> None:
    sheet = tmp_path / "bias.csv"
    sheet.write_text(ROB2 + IN_WORDS, encoding="utf-8")
    assert main(["import", str(sheet), str(sheet), "--compare", "--to", str(folder)]) == 1
    assert "--compare compares results" in capsys.readouterr().err
    assert rows(folder) == []


def test_judgements_may_be_of_outcomes(folder: Path, bring: Callable[..., tuple[int, str]]) -> None:
    header = ROB2.replace("Study,", "Study,Outcome,")
    text = header + IN_WORDS.replace("2015,", "2015,Pain,").replace("2009,", "2009,,")
    assert bring(text)[0] == 0
    assert {(row["trial"], row["outcome"]) for row in rows(folder)} == {
        ("aasa-2015", "pain"),
        ("kell-2009", "all"),
    }
    code, told = bring(header + "Aasa 2015,Pian,low,low,low,low,low,low,\n")
    assert (code, "'Pian' is not in outcomes.csv (did you mean 'Pain'?)" in told) == (1, True)


def test_what_stands_twice_or_is_judged_by_another_instrument_is_told(
    folder: Path, bring: Callable[..., tuple[int, str]]
) -> None:
    code, told = bring(ROB2 + IN_WORDS + "aasa 2015,low,low,low,low,low,low,\n")
    assert (code, "row 4: aasa 2015, D1: stands already in row 2" in told) == (1, True)
    assert rows(folder) == []
    bring(ROB2 + IN_WORDS)
    code, told = bring(OTHERS["RoB 1"][0], "--replace")
    assert (code, "D1: risk_of_bias.csv has it by another instrument" in told) == (1, True)


def test_another_judgement_is_taken_only_when_that_is_said(
    folder: Path,
    bring: Callable[..., tuple[int, str]],
) -> None:
    bring(ROB2 + IN_WORDS)
    other = ROB2 + IN_WORDS.replace("Kell 2009,LOW,high", "Kell 2009,LOW,low")
    code, told = bring(other)
    assert (code, "Kell 2009, D2: high in risk_of_bias.csv and low here; --replace" in told) == (
        1,
        True,
    )
    code, told = bring(other, "--replace", "--dry-run")
    assert (code, "Kell 2009, all: D2 high is now low" in told) == (0, True)
    assert found(folder) == EXPECTED
    assert bring(other, "--replace")[0] == 0
    assert found(folder)["kell-2009"][1] == "low"


def test_an_emptied_judgement_and_a_deleted_row_are_told_and_taken_out_on_demand(
    folder: Path, bring: Callable[..., tuple[int, str]]
) -> None:
    bring(ROB2 + IN_WORDS)
    whole = rows(folder)
    emptied = ROB2 + IN_WORDS.replace("Kell 2009,LOW,high", "Kell 2009,LOW,")
    code, told = bring(emptied)
    assert (code, "Kell 2009, all: D2 high stays; the cell is empty in the sheet" in told) == (
        0,
        True,
    )
    assert rows(folder) == whole
    code, told = bring(emptied, "--replace")
    assert (code, "Kell 2009, all: D2 high is now empty" in told) == (0, True)
    assert len(rows(folder)) == len(whole) - 1
    gone = ROB2 + "".join(line for line in IN_WORDS.splitlines(True) if "Kell" not in line)
    code, told = bring(gone, "--replace")
    assert (code, "kell-2009, all: D1 low is no longer in the sheet" in told) == (0, True)
    code, told = bring(gone, "--replace", "--remove")
    assert (code, "kell-2009, all: the row is removed (D1 low)" in told) == (0, True)
    assert {row["trial"] for row in rows(folder)} == {"aasa-2015"}


def test_the_overall_judgement_is_the_worst_domain_only_where_the_instrument_says_so() -> None:
    assert ROBINS_I.worst(["low", "serious", "moderate"]) == "serious"
    assert ROBINS_I.worst(["low", "not stated", "serious"]) == "not stated"
    assert ROB1.worst(["low", "high"]) == "not stated"
    assert INSTRUMENTS["RoB 2"].worst(["low", "high", "not stated"]) == "high"


@pytest.mark.parametrize(
    "header",
    [
        "Participants,Predictors,Outcome,Analysis,Overall",
        "D1. Participants,D2. Predictors,D3. Outcome,D4. Analysis,Overall ROB",
        "ROB Participants,ROB Predictors,ROB Outcome,ROB Analysis,Overall ROB",
    ],
)
def test_the_domain_outcome_of_probast_is_no_outcome(
    folder: Path, bring: Callable[..., tuple[int, str]], header: str
) -> None:
    code, told = bring(f"Study,{header}\nAasa 2015,low,high,low,unclear,high\n")
    assert (code, "Judgements by PROBAST: D1, D2, D3, D4, overall." in told) == (0, True), told
    words = ["low", "high", "low", "unclear", "high"]
    assert found(folder, ["D1", "D2", "D3", "D4", "overall"])["aasa-2015"] == words


#: Headers of the second row of the sheet "Results" of ROB2_IRPG_beta, as public scripts read them.
TOOL = (
    *("Unique ID", "Study ID", "Experimental", "Comparator", "Outcome", "1.1", "1.2", "1.3"),
    *("1.0 Algorithm result", "1.0 Assessor's Judgement", "2.1", "2.0 Algorithm result"),
    *("2.0 Assessor's Judgement", "3.0 Algorithm result", "3.0 Assessor's judgement"),
    *("4.0 Algorithm result", "4.0 Assessor's Judgement", "5.0 Algorithm result"),
    *("5.0 Assessor's Judgement", "Algorithm's overall Judgement"),
    "Assessor's overall Judgement",
)


def test_the_tool_of_rob_2_is_read_from_its_sheet_of_results(
    folder: Path, bring: Callable[..., tuple[int, str]], tmp_path: Path, capsys: Any
) -> None:
    """What the assessor judged holds, not what the algorithm proposed."""
    bring(ROB2 + IN_WORDS)
    (folder / "data" / "risk_of_bias.csv").unlink()
    book = openpyxl.Workbook()
    book.active.title = "Intro"
    book.active.append(["Revised Cochrane risk-of-bias tool"])
    sheet = book.create_sheet("Results")
    sheet.append(["Domain 1", None, "Domain 2"])
    sheet.append(TOOL)
    sheet.append([1, "Aasa 2015", "A", "B", "Pain", "Y", "Y", "N", "Low", "Low", "Y", "Low", "High",
                  "Low", "Low", "Low", "Low", "Low", "Some concerns", "Low", "High"])  # fmt: skip
    book.save(tmp_path / "tool.xlsx")
    assert main(["import", str(tmp_path / "tool.xlsx"), "--to", str(folder)]) == 0
    told = capsys.readouterr().out
    assert "read sheet 'Results'" in told
    assert {(row["item"], row["judgement"], row["outcome"]) for row in rows(folder)} == {
        ("D1", "low", "pain"),
        ("D2", "high", "pain"),
        ("D3", "low", "pain"),
        ("D4", "low", "pain"),
        ("D5", "some concerns", "pain"),
        ("overall", "high", "pain"),
    }


def test_an_overall_judgement_milder_than_a_domain_is_told(
    folder: Path, bring: Callable[..., tuple[int, str]], capsys: Any
) -> None:
    assert bring(ROB2 + "Aasa 2015,low,high,low,low,low,low,1\n")[0] == 0
    assert main(["check", str(folder)]) == 0
    told = capsys.readouterr().out
    assert "Aasa 2015: low overall, although D2 is high; by RoB 2 the overall judgement" in told
    assert bring(ROB2 + "Aasa 2015,low,high,low,low,low,high,1\n", "--replace")[0] == 0
    main(["check", str(folder)])
    assert "although" not in capsys.readouterr().out


def test_the_guide_alone_leads_to_an_instrument_of_ones_own(
    folder: Path, bring: Callable[..., tuple[int, str]]
) -> None:
    guide = (ROOT / "book" / "reuse.md").read_text(encoding="utf-8")
    table = guide.split("```text\ninstrument,part,")[1].split("```")[0]
    text = f"instrument,part,{table}"
    (folder / "data" / "instruments.csv").write_text(text, encoding="utf-8")
    code, told = bring("Study,Q1,Q2,Q3\nAasa 2015,good,~,poor\n")
    assert (code, "Judgements by Three questions: Q1, Q2, Q3." in told) == (0, True), told
    assert found(folder, ["Q1", "Q2", "Q3"])["aasa-2015"] == [
        "low",
        "some concerns",
        "high",
    ]
    al.load_review(folder / "data")
