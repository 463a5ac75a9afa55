"""Do the notebooks of a new review show what its tables hold, and say what they do not?

The cells of the template run as a reader would run them; what they show is collected.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from places import ROOT
from template_cells import DRAWING, NOTEBOOKS

import analysis_lib as al
from analysis_lib import plots
from analysis_lib.__main__ import main
from analysis_lib.book import page as book
from analysis_lib.book.sections import analyses as sections
from analysis_lib.book.sections import chapters

END = {"provenance": "reported", "source": "the sheet"}
OUTCOMES = [
    {"outcome": "pain", "label": "Pain", "priority": "primary", "measure": "MD", "unit": "points"},
    {"outcome": "falls", "label": "Falls", "priority": "secondary", "measure": "RR"},
    {"outcome": "sleep", "label": "Sleep_*quality*", "priority": "secondary", "measure": "SMD"},
]
SHEET = """\
Study,Outcome,Time,n1,mean1,sd1,n2,mean2,sd2,events1,events2
Aasa 2015,Pain,Week 8,35,4,2,35,5,2,,
Cai 2017,Pain,Week 8,28,3,1,27,4.5,1.5,,
Kell 2009,Pain,Week 8,9,2,1,10,5,1,,
Aasa 2015,Pain,Week 52,30,4,2,31,4.5,2,,
"""
FALLS = """\
Study,Experimental cases,Experimental N,Control cases,Control N
Aasa 2015,2,35,5,35
Cai 2017,0,28,3,27
"""


def add(folder: Path, table: str, *rows: dict[str, str]) -> None:
    path = folder / "data" / f"{table}.csv"
    header = path.read_text(encoding="utf-8").splitlines()[0].split(",")
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[({**END, **r}).get(c, "") for c in header] for r in rows])


def bring(folder: Path, sheet: str, *options: str) -> None:
    file = folder / "sheet.csv"
    file.write_text(sheet, encoding="utf-8")
    assert main(["import", str(file), "--to", str(folder), *options]) == 0


def begin(folder: Path) -> Path:
    assert main(["new", str(folder)]) == 0
    add(folder, "outcomes", *({"instruments": "x", "lower_is_better": "yes"} | o for o in OUTCOMES))
    for time, label in (("w8", "Week 8"), ("w52", "Week 52")):
        add(folder, "follow_ups", {"follow_up": time, "label": label, "definition": label})
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a review with two measures, two follow-ups and nothing else."""
    path = begin(tmp_path_factory.mktemp("chapters") / "review")
    bring(path, SHEET.replace(",events1,events2", "").replace(",,\n", "\n"))
    bring(path, FALLS, "--outcome", "falls", "--time", "w8")
    return path


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Collect what is shown: the text of a paragraph or a table, the name of a figure."""
    seen: list[str] = []

    def show_figure(ax: Any, name: str) -> None:
        assert plots.alt_text(ax)
        assert plots.caption(ax)
        plt.close(ax.figure)
        seen.append(f"figure {name}")

    monkeypatch.setattr(book, "display", lambda thing: seen.append(thing.data))
    for module in DRAWING:
        monkeypatch.setattr(module, "show_figure", show_figure)
    yield seen
    plt.close("all")


def run(review: al.Review, shown: list[str], *notebooks: str) -> dict[str, list[str]]:
    """Run the cells of the template; return what each showed, by its code."""
    found = {}
    for name in notebooks or NOTEBOOKS:
        for code in NOTEBOOKS[name]:
            shown.clear()
            exec(code, {"review": review, "chapters": chapters})
            found[code] = list(shown)
    return found


def figures(found: dict[str, list[str]]) -> list[str]:
    return [told for cell in found.values() for told in cell if told.startswith("figure ")]


@pytest.mark.slow
def test_every_section_shows_something_or_says_that_there_is_nothing(
    folder: Path, shown: list[str]
) -> None:
    found = run(al.load_review(folder / "data"), shown)
    assert all(found.values())
    absent = {
        "chapters.show_criteria(review)": "criteria.csv",
        "chapters.show_sources(review)": "sources.csv",
        "chapters.show_flow(review)": "selection.csv",
        "chapters.show_reports(review)": "reports.csv",
        "chapters.show_interventions(review)": "interventions.csv",
        "chapters.show_adverse_events(review)": "adverse_events.csv",
        "chapters.show_risk_of_bias(review)": "risk_of_bias.csv",
        "chapters.show_published(review)": "published.csv",
        "chapters.show_subgroups(review)": "subgroup_levels.csv",
        "chapters.show_findings(review)": "certainty.csv",
    }
    for call, table in absent.items():
        sentence, *more = found[call]
        assert not more or "findings" in call  # which are shown without ratings too
        assert f"`data/{table}`" in sentence
    assert set(absent) < set(found)


def test_outcomes_of_every_measure_and_follow_up_stand_under_their_heading(
    folder: Path, shown: list[str]
) -> None:
    review = al.load_review(folder / "data")
    chapters.show_outcomes(review, "primary")
    heads = [told.partition("\n")[0] for told in shown]
    assert [h for h in heads if h.startswith(("###", "figure"))] == [
        "### Pain",
        "figure fig-pain-w8",
        "figure fig-pain-w52",
    ]
    shown.clear()
    chapters.show_outcomes(review, "secondary")
    heads = [told.partition("\n")[0] for told in shown if "**" not in told]
    (by_method,) = [told for told in heads if 'id="methods-falls-w8"' in told]  # few events
    assert [told for told in heads if told != by_method] == [
        "### Falls",
        "figure fig-falls-w8",
        "### Sleep\\_\\*quality\\*",
        "No result of any trial is recorded.",
    ]


def test_three_trials_can_be_left_out_two_cannot(folder: Path, shown: list[str]) -> None:
    chapters.show_leave_one_out(al.load_review(folder / "data"))
    assert shown == ["figure fig-leave-one-out-pain-w8"]


@pytest.mark.slow
def test_a_comparison_that_cannot_be_computed_is_said_and_hides_no_other(
    tmp_path: Path, shown: list[str]
) -> None:
    path = begin(tmp_path / "review")
    head = "Study,Outcome,Time,n1,mean1,sd1,n2,mean2,sd2\n"
    bring(path, f"{head}Aasa 2015,Pain,w8,1,4,2,35,5,2\nAasa 2015,Pain,w52,30,4,2,31,4.5,2\n")
    found = run(al.load_review(path / "data"), shown)
    cell = found['chapters.show_outcomes(review, "primary")']
    (told,) = (x for x in cell if "no effect is known" in x)
    assert "Missing: Aasa 2015: fewer than two people in an arm" in told
    assert "figure fig-pain-w52" in cell


def test_arms_that_may_be_one_are_pointed_out(tmp_path: Path, shown: list[str]) -> None:
    path = begin(tmp_path / "review")
    head = "Study,Outcome,Time,n1,mean1,sd1,n2,mean2,sd2\n"
    bring(path, f"{head}Cai 2017,Pain,w8,28,3,1,27,4.5,1.5\nCai 2017,Pain,w8,25,2,1,27,4.5,1.5\n")
    chapters.show_outcomes(al.load_review(path / "data"), "primary")
    (told,) = (text for text in shown if text.startswith("**Counted more than once?**"))
    assert "the same second arm (n = 27)" in told


def rated(folder: Path, copy: Path, **judgements: str) -> al.Review:
    """Return the review with an overall risk of bias for some trials."""
    for file in (folder / "data").glob("*.*"):
        (copy / "data").mkdir(parents=True, exist_ok=True)
        (copy / "data" / file.name).write_bytes(file.read_bytes())
    (copy / "book").mkdir()
    (copy / "book" / "references.bib").write_bytes((folder / "book/references.bib").read_bytes())
    rows = [
        {"trial": trial.replace("_", "-"), "outcome": "all", "item": "overall", "judgement": word}
        for trial, word in judgements.items()
    ]
    add(copy, "risk_of_bias", *rows)
    return al.load_review(copy / "data")


@pytest.mark.slow
def test_the_risk_of_bias_follows_the_ratings_everywhere(
    folder: Path, tmp_path: Path, shown: list[str]
) -> None:
    review = rated(folder, tmp_path / "review", kell_2009="high", aasa_2015="low")
    found = run(review, shown, "03_risk_of_bias", "05_robustness")
    assert found["chapters.show_risk_of_bias(review)"] == [
        "figure fig-risk-of-bias-all",
        "figure fig-risk-of-bias-all-domains",
    ]
    assert found["chapters.show_risk_by_weight(review)"] == ["figure fig-risk-of-bias-weight"]
    first, second = found["chapters.show_subgroups(review)"]
    assert first == "figure fig-subgroups-pain-w8-risk-of-bias"
    assert second == "In one group only: Pain, week 52, by risk of bias: not rated high."


def test_an_overall_judgement_milder_than_a_domain_is_told_on_the_page(
    folder: Path, tmp_path: Path, shown: list[str]
) -> None:
    review = rated(folder, tmp_path / "review", kell_2009="high", aasa_2015="low")
    domain = review.risk_of_bias[review.risk_of_bias["judgement"] == "low"].assign(
        item="D2", judgement="high"
    )
    table = pd.concat([review.risk_of_bias, domain], ignore_index=True)
    chapters.show_risk_of_bias(replace(review, risk_of_bias=table))
    assert "low overall, although D2 is high; by RoB 2" in shown[0]


@pytest.mark.slow
def test_a_forest_plot_has_the_risk_of_bias_only_where_there_is_something_to_show(
    folder: Path, tmp_path: Path
) -> None:
    def columns(review: al.Review, follow_up: str) -> set[str]:
        return set(sections.details(review, al.study_effects(review, "pain", follow_up)))

    assert "risk_of_bias" not in columns(al.load_review(folder / "data"), "w8")
    review = rated(folder, tmp_path / "one", kell_2009="high")  # not in the second follow-up
    assert "risk_of_bias" in columns(review, "w8")
    assert "risk_of_bias" not in columns(review, "w52")
    review = rated(folder, tmp_path / "two", kell_2009="not stated")
    assert "risk_of_bias" in columns(review, "w8")
    assert "risk_of_bias" in columns(review, "w52")


def test_people_are_described_by_what_is_known_of_them(tmp_path: Path, shown: list[str]) -> None:
    path = begin(tmp_path / "review")
    head = "Study,Outcome,Time,n1,mean1,sd1,n2,mean2,sd2\n"
    bring(path, f"{head}Cai 2017,Pain,w8,28,3,1,27,4.5,1.5\n")
    chapters.show_participants(al.load_review(path / "data"))
    assert shown == ["Nothing is recorded of the people before the trials began."]
    shown.clear()
    bring(path, f"{head}Cai 2017,Pain,baseline,28,6.26,1,27,6.5,1.5\n")
    chapters.show_participants(al.load_review(path / "data"))
    (table,) = shown
    heads = re.findall(r'<th scope="col"[^>]*>([^<]*)</th>', table)
    assert heads == ["Arm", "Pain"]
    assert re.findall(r"<td>([^<]*)</td>", table) == ["6.26\u00a0±\u00a01", "6.5\u00a0±\u00a01.5"]


def test_recorded_ratings_become_the_summary_of_findings(
    folder: Path, tmp_path: Path, shown: list[str]
) -> None:
    rated(folder, tmp_path / "review")
    row = {"outcome": "pain", "follow_up": "w8", "rating": "low", "reasons": "few people"}
    add(tmp_path / "review", "certainty", row)
    found = run(al.load_review(tmp_path / "review" / "data"), shown, "07_certainty")
    (summary,) = found["chapters.show_findings(review)"]
    assert "<caption>Summary of findings: the intervention against the comparator" in summary
    assert "Falls" in summary
    assert "familiar" not in summary  # a column without a cell
    (prompts,) = found["chapters.show_prompts(review)"]
    assert '<span class="word">low</span><span class="reasons">few people</span>' in prompts


TABLES = [
    (chapters.show_criteria, ["Eligibility criteria"]),
    (
        chapters.show_sources,
        ["Databases and other sources searched", "Dates of the searches", "Reference lists read"],
    ),
    (chapters.show_reports, ["The reports and the trials", "Reports sought and not included"]),
    (chapters.show_trials, ["The trials", "The arms of the trials"]),
    (chapters.show_participants, ["The people before the trials began"]),
    (chapters.show_interventions, ["What the experimental arms did"]),
    (chapters.show_adverse_events, ["Adverse events by arm"]),
    (chapters.show_published, ["Published against recomputed"]),
    pytest.param(
        chapters.show_choices, ["Ways to pool the primary analyses"], marks=pytest.mark.slow
    ),
]


@pytest.mark.few
@pytest.mark.parametrize(("show", "captions"), TABLES, ids=lambda x: getattr(x, "__name__", ""))
def test_what_a_full_review_holds_is_a_table(
    show: Callable[[al.Review], None], captions: list[str], shown: list[str]
) -> None:
    show(al.load_review(ROOT / "data"))
    tables = [told for told in shown if "<table" in told]
    assert len(tables) == len(captions)
    for table, caption in zip(tables, captions, strict=True):
        assert f"<caption>{caption}" in table
        assert not re.search(r">(True|False|nan|None|&lt;NA&gt;)<", table)


def test_reports_left_out_stand_by_reason_as_in_the_flow_diagram(shown: list[str]) -> None:
    review = al.load_review(ROOT / "data")
    chapters.show_reports(review)
    headings = re.findall(r'scope="rowgroup"[^>]*>([^<]+) \(n = (\d+)\)<', shown[-1])
    boxes = review.selection.set_index("label")["count"]
    assert [(name, int(n)) for name, n in headings] == [
        (name, boxes[name]) for name in boxes.index if name in dict(headings)
    ]
    assert sum(int(n) for _, n in headings) == len(review.excluded_reports)


def test_lists_that_were_read_are_sources_too(shown: list[str]) -> None:
    """Without a database the table of databases is not told to be empty."""
    review = al.load_review(ROOT / "data")
    lists = review.sources[review.sources["kind"] == "citation search"]
    chapters.show_sources(replace(review, sources=lists, searches=review.searches.iloc[:0]))
    (table,) = shown
    assert "<caption>Reference lists read" in table
    assert table.count("<tr>") == 1 + len(lists)


def test_a_source_of_all_rows_is_named_once(shown: list[str]) -> None:
    review = al.load_review(ROOT / "data")
    chapters.show_criteria(review)
    assert "Source: review, Methods, Eligibility criteria." in shown[-1]
    two = review.criteria.assign(source=["a", *["b"] * (len(review.criteria) - 1)])
    chapters.show_criteria(replace(review, criteria=two))
    assert "Source:" not in shown[-1]


@pytest.mark.slow
def test_no_two_figures_of_a_full_review_have_one_name(shown: list[str]) -> None:
    review = al.load_review(ROOT / "data")
    names = figures(run(review, shown, *(n for n in NOTEBOOKS if n != "05_robustness")))
    chapters.show_leave_one_out(review)
    names += [told for told in shown if told.startswith("figure ")]
    assert len(set(names)) == len(names) > 20
