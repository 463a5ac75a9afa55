"""The summary of findings and the evidence profile: every outcome, reason and number once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup, Tag
from places import ROOT

import analysis_lib as al
from analysis_lib.book.sections import findings
from analysis_lib.book.sections.analyses import axis_unit
from analysis_lib.book.sphinx.tables import for_screens
from analysis_lib.conclusions.certainty import GRADE_DOMAINS
from analysis_lib.review.possible import pooled_analyses


def soup(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")


def rows(table: BeautifulSoup) -> Iterator[list[str]]:
    for row in table.select("tbody tr:not(.group)"):
        yield [cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])]


def summary(review: al.Review) -> BeautifulSoup:
    table = findings.findings_table(review)
    assert table is not None
    return soup(table.html())


@pytest.fixture(scope="module")
def page(review: al.Review) -> BeautifulSoup:
    return summary(review)


def test_every_outcome_has_a_row_with_its_people_certainty_and_words(
    review: al.Review, page: BeautifulSoup
) -> None:
    outcomes = [group.get_text(" ", strip=True) for group in page.select("tr.group")]
    for label in (*review.outcomes["label"], "Adverse events"):
        assert sum(text.startswith(label) for text in outcomes) == 1, label
    pain = list(rows(page))[1]
    assert pain[1].startswith("MD −0.52 (−0.92 to −0.08) points")
    assert pain[2] == "474 (7)"
    assert pain[3].startswith("⊕⊝⊝⊝ very low")
    assert pain[4].endswith("but the evidence is very uncertain.")
    harms = list(rows(page))[-1]
    assert harms[-1].startswith("Five trials of 13 report on harms")


def test_every_letter_leads_to_a_reason_that_is_told_once(page: BeautifulSoup) -> None:
    links = [str(link["href"])[1:] for link in page.select("td a")]
    places = [str(item["id"]) for item in page.select("ol li")]
    assert set(links) == set(places)
    reasons = [item.get_text() for item in page.select("ol.letters li")]
    assert len(reasons) == len(set(reasons))
    assert "Methodological limitations." in reasons


@pytest.mark.slow
def test_an_unrated_review_says_so_and_gives_no_reasons(review: al.Review) -> None:
    page = summary(replace(review, certainty=review.certainty.iloc[:0]))
    assert page.select("ol.letters") == []
    assert {row[-2] for row in rows(page)} == {"not rated"}


def test_only_measures_in_use_are_spelt_out() -> None:
    review = al.load_review(ROOT / "examples" / "hazard_ratios" / "data")
    note = summary(review).get_text(" ", strip=True)
    assert "HR: hazard ratio." in note
    assert "SMD" not in note


def test_a_scale_that_the_unit_names_is_not_said_again(review: al.Review) -> None:
    assert axis_unit(review, "pain") == "points, 0 to 10"
    other = al.load_review(ROOT / "examples" / "spinal_manipulation" / "data")
    assert axis_unit(other, "pain") == "points, 0 to 100"


def test_what_a_ratio_means_for_people_stands_beside_it() -> None:
    page = summary(al.load_review(ROOT / "examples" / "rosiglitazone" / "data"))
    row = next(rows(page))
    assert "of 1000" in row[1] or "per 1000" in row[1], row
    assert "per 1000" in row[2]
    assert "difference: " in row[3]


def test_a_review_without_results_has_no_profile(review: al.Review) -> None:
    none = ("analyses", "reconstructed", "contrasts", "arm_results")
    empty = replace(review, **{name: getattr(review, name).iloc[:0] for name in none})
    assert findings.profile(empty).rows == []


@pytest.fixture(scope="module")
def profile(review: al.Review) -> findings.ProfileTable:
    return findings.profile(review)


def test_the_profile_has_a_cell_a_domain_with_its_numbers_behind_it(
    review: al.Review, profile: findings.ProfileTable
) -> None:
    page = soup(profile.html())
    shown = list(pooled_analyses(review))
    assert len(list(rows(page))) == len(shown)
    details = page.select("td details")
    assert len(details) == len(shown) * len(GRADE_DOMAINS)
    prompts = [prompt for _, _, found in profile.rows for prompt in found.prompts]
    for cell, prompt in zip(details, prompts, strict=True):
        assert isinstance(cell, Tag)
        assert prompt.finding[1:] in cell.get_text()  # its first letter is a capital
        assert prompt.suggestion in cell.get_text()
    text = page.get_text()
    for rule in {prompt.rule for prompt in prompts}:
        assert text.count(rule) == 1, rule


def test_a_recorded_rating_outside_what_is_prompted_is_framed(
    profile: findings.ProfileTable,
) -> None:
    framed = [
        bool(row.select(".apart")) for row in soup(profile.html()).select("tbody tr:not(.group)")
    ]
    assert framed == [found.agrees is False for _, _, found in profile.rows]
    assert any(framed)


@pytest.mark.slow
def test_words_of_the_data_are_text(review: al.Review) -> None:
    bad = "<b>x</b>"
    hostile = replace(review, certainty=review.certainty.assign(reasons=bad))
    table = findings.findings_table(hostile)
    assert table is not None
    for html in (table.html(), findings.profile(hostile).html()):
        assert bad not in html
        assert "&lt;b&gt;x&lt;/b&gt;" in html.lower()


def test_a_table_that_fits_a_telephone_stays_one_and_another_becomes_cards() -> None:
    def table(columns: int) -> str:
        heads = "".join(f"<th>Recomputed {n}</th>" for n in range(columns))
        cells = "<th>first</th>" + "".join(f"<td>{n} &lt;b&gt;</td>" for n in range(1, columns))
        return (
            f'<div><table class="review"><thead><tr>{heads}</tr></thead>'
            f"<tbody><tr>{cells}</tr></tbody></table></div>"
        )

    assert "cards" not in for_screens(table(2))
    wide = for_screens(table(6))
    labels = re.findall(r'<td data-label="(.*?)" role="cell">', wide)
    assert labels == [f"Recomputed {n}" for n in range(1, 6)]
    assert 'role="rowheader"' in wide
    assert "&lt;b&gt;" in wide
    assert for_screens("<table><tr><td>other</td></tr></table>").startswith("<table><tr>")


def test_a_cell_that_is_a_date_stays_on_one_line() -> None:
    row = '<td>2026-11-21</td><td class="number">2025-03</td><td>since 2025-03</td>'
    told = for_screens(f'<table class="review"><tbody><tr>{row}</tr></tbody></table>')
    assert '<td class="date">2026-11-21' in told
    assert '<td class="number date">2025-03' in told
    assert "<td>since 2025-03" in told
