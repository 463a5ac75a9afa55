"""The explorer in a real browser: what it shows is what the library says."""

from __future__ import annotations

import csv
import gzip
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlencode
from xml.etree import ElementTree

import chromium
import pytest
from playwright.sync_api import Browser, Page, expect
from windows import troubles_of

import analysis_lib as al
from analysis_lib.base import formatting as fmt
from analysis_lib.book.sections.analyses import heading, pooled_analyses, question
from analysis_lib.book.sections.explorer import TOGETHER
from analysis_lib.book.sentences import MEASURE_WORDS, plain_words
from analysis_lib.review.subgroups import overall_risk

PAGE = chromium.HTML / "book" / "explorer.html"
STATES = 60  # drawn at random
HALO = 4  # pixels: the pale edge of a text, which a box includes, and rounding
MOST_BYTES = 200_000  # of the data, as a server sends them

pytestmark = [
    *chromium.needed,
    pytest.mark.skipif(not PAGE.is_file(), reason="the book has no explorer page"),
]


@pytest.fixture(scope="module")
def review() -> al.Review:
    return al.load_review("data")


@pytest.fixture(scope="module")
def analyses(review: al.Review) -> dict[str, al.StudyEffects]:
    return {f"{e.outcome}-{e.follow_up}": e for e in pooled_analyses(review)}


@pytest.fixture
def page(tab: Page) -> Iterator[Page]:
    with troubles_of(tab) as troubles:
        tab.goto(PAGE.as_uri())
        yield tab
        tab.evaluate("0")  # what was going on is told before the answer comes
    assert troubles == []


# Next to no degrees of freedom: the last bits of tau2 show in limits of 1e31.
BEYOND = 1e6


def go(page: Page, **state: str) -> None:
    page.evaluate("hash => { location.hash = hash; }", urlencode(state))
    shown = "asked => document.querySelector('#explorer-link').hash === asked"
    page.wait_for_function(shown, arg=f"#{urlencode(state)}")


def address(page: Page) -> dict[str, str]:
    return {name: value[0] for name, value in parse_qs(page.url.partition("#")[2]).items()}


def text(page: Page, selector: str) -> str:
    return " ".join((page.text_content(selector) or "").split())


def cells(page: Page, selector: str) -> list[list[str]]:
    """Return the cells of a table, row by row, also where it is folded away."""
    script = "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    found: list[list[str]] = page.locator(f"{selector} tbody tr").evaluate_all(script)
    return [[cell.replace("\N{NO-BREAK SPACE}", " ") for cell in row] for row in found]


def risks(review: al.Review, effects: al.StudyEffects) -> dict[str, str]:
    return dict(zip(effects.table["trial"], overall_risk(review, effects), strict=True))


def first_sentence(
    review: al.Review, effects: al.StudyEffects, fit: al.PooledEffect, trials: int
) -> str:
    """Return what the explorer says first, from the library's result."""
    asked = question(review, effects.outcome)
    measure = MEASURE_WORDS[effects.measure]
    what = f"One comparison: its {measure}" if fit.k == 1 else f"Pooled {measure}"
    return (
        f"{what} {fmt.number(fit.estimate)} {asked.unit} (95% confidence interval "
        f"{fmt.interval(fit.ci)}; {fmt.p_value(fit.p_value)}), from "
        f"{fmt.plural(fit.k, 'comparison')} of {fmt.plural(trials, 'trial')}."
    )


def test_random_states_show_what_pool_returns(
    page: Page, review: al.Review, analyses: dict[str, al.StudyEffects]
) -> None:
    draw = random.Random(11)
    for _ in range(STATES):
        name, whole = draw.choice(list(analyses.items()))
        trials = sorted(set(whole.table["trial"]))
        without = sorted(draw.sample(trials, draw.randrange(len(trials))))
        effects = whole.without(*without)
        methods = draw.choice(TOGETHER)
        options = dict(zip(("tau2", "ci", "pi"), methods, strict=True))
        fit = effects.pool(**{f"{key}_method": value for key, value in options.items()})
        left_out = {"without": " ".join(without)} if without else {}
        if fit.k == 1 and effects.reconstructed.all():
            go(page, analysis=name, **left_out, **options)
            assert text(page, "#explorer-reading").startswith(
                "One reconstructed comparison is left"
            )
            assert page.locator("#explorer-result").count() == 0
            continue
        if max(fit.ci[1], (fit.prediction_interval or fit.ci)[1]) > BEYOND:
            continue
        go(page, analysis=name, **left_out, **options)

        rest = len(trials) - len(without)
        assert text(page, "#explorer-result") == first_sentence(review, whole, fit, rest)
        asked = replace(question(review, whole.outcome), mid=None)
        assert text(page, "#explorer-words") == plain_words(fit, asked)
        assert text(page, "#explorer-title") == heading(review, whole)
        drawn = page.locator("#explorer-plot text").all_text_contents()
        assert (fmt.estimate(fit.estimate, fit.ci) in drawn) == (fit.k >= 1)
        if fit.k > 1:
            assert fmt.interval(fit.prediction_interval) in drawn
            numbers = text(page, "#explorer-numbers")
            assert f"prediction interval: {fmt.interval(fit.prediction_interval)}." in numbers
            assert f"I² = {fmt.percent(fit.i2)}" in numbers
            assert fit.tau2_method == "FE" or f"τ² = {fmt.number(fit.tau2)}." in numbers


def test_it_opens_with_the_main_analysis_of_the_table_below(page: Page) -> None:
    shown = text(page, "#explorer-plot text.head:text-matches('−|[0-9]', 'i') >> nth=-1")
    assert shown in text(page, "#explorer-main")
    rows = cells(page, "#explorer-table")
    assert rows == cells(page, "#explorer-comparisons")
    assert rows


def test_a_trial_is_left_out_by_keyboard_and_the_address_follows(page: Page) -> None:
    before = text(page, "#explorer-result")
    box = page.get_by_role("checkbox").first
    trial = box.get_attribute("value")
    box.focus()
    page.keyboard.press("Space")
    expect(box).not_to_be_checked()
    assert text(page, "#explorer-result") != before
    assert address(page)["without"] == trial
    assert "left out" in text(page, "#explorer-plot")
    after = text(page, "#explorer-result")
    page.reload()
    assert text(page, "#explorer-result") == after
    expect(page.get_by_role("checkbox").first).not_to_be_checked()
    page.get_by_role("button", name="All trials").press("Enter")
    assert text(page, "#explorer-result") == before


def test_the_choices_have_names_and_change_the_result(page: Page) -> None:
    page.get_by_label("Variance between trials").select_option("DL")
    page.get_by_label("Confidence interval").select_option("HK")
    page.get_by_label("Prediction interval").select_option("V")
    chosen = address(page)
    assert (chosen["tau2"], chosen["ci"], chosen["pi"]) == ("DL", "HK", "V")
    page.get_by_role("button", name="As in the review").click()
    assert (address(page)["tau2"], address(page)["ci"]) == ("REML", "wald")


def test_intervals_that_do_not_go_with_an_estimator_are_told_and_not_drawn(page: Page) -> None:
    go(page, analysis="pain-ETP", tau2="REML", ci="KR", pi="KR")
    assert text(page, "#explorer-result").startswith("Pooled")
    page.get_by_label("Variance between trials").select_option("DL")
    told = "Kenward and Roger's intervals go with REML alone. Choose it, or other intervals."
    assert text(page, "#explorer-reading") == told
    expect(page.locator("#explorer-plot .diamond")).to_have_count(0)
    page.get_by_label("Confidence interval").select_option("HK")
    page.get_by_label("Prediction interval").select_option("HTS")
    expect(page.get_by_label("Confidence interval").locator("option[value=KR]")).to_be_disabled()
    assert text(page, "#explorer-result").startswith("Pooled")


def test_another_outcome_keeps_the_follow_up_where_it_exists(
    page: Page, analyses: dict[str, al.StudyEffects]
) -> None:
    for outcome in dict.fromkeys(effects.outcome for effects in analyses.values()):
        page.get_by_label("Outcome", exact=True).select_option(outcome)
        assert address(page)["analysis"] in analyses
        assert address(page)["analysis"].startswith(outcome)
        missing = page.locator("select[name=follow_up] option:disabled").evaluate_all(
            "options => options.map(option => option.value)"
        )
        assert [m for m in missing if f"{outcome}-{m}" in analyses] == []


def test_another_outcome_keeps_the_methods(page: Page) -> None:
    page.get_by_label("Variance between trials").select_option("PM")
    page.get_by_label("Confidence interval").select_option("HK-adhoc")
    page.get_by_label("Prediction interval").select_option("HK-PR")
    page.get_by_label("Outcome", exact=True).select_option("disability")
    chosen = address(page)
    assert (chosen["tau2"], chosen["ci"], chosen["pi"]) == ("PM", "HK-adhoc", "HK-PR")
    assert chosen["analysis"].startswith("disability")


def test_as_in_the_review_stays_at_the_outcome(page: Page) -> None:
    page.get_by_label("Outcome", exact=True).select_option("disability")
    before = address(page)
    page.get_by_label("Variance between trials").select_option("DL")
    page.get_by_role("checkbox").first.uncheck()
    page.get_by_role("button", name="As in the review").click()
    assert address(page) == before


def test_ticks_and_plot_show_the_risk_of_bias(
    page: Page, review: al.Review, analyses: dict[str, al.StudyEffects]
) -> None:
    signs = {"low": "+", "some concerns": "!", "high": "−", "not stated": ""}
    for name, effects in analyses.items():
        go(page, analysis=name, tau2="REML", ci="wald", pi="HTS")
        known = risks(review, effects)
        for label in page.locator("#explorer-trials label").all():
            box = label.get_by_role("checkbox")
            risk = known[box.get_attribute("value") or ""]
            assert " ".join(label.inner_text().split()).endswith(f"{signs[risk]} {risk}".lstrip())
            expect(box).to_have_accessible_name(re.compile(f"[0-9a-z)] {risk}$"))
        drawn = page.locator("#explorer-plot .sign").all_text_contents()
        assert drawn == [signs[risk] for risk in overall_risk(review, effects)]
        risk_column = [row[-2] for row in cells(page, "#explorer-table")]
        assert risk_column == overall_risk(review, effects)


def test_one_button_leaves_out_the_trials_at_high_risk(
    page: Page, review: al.Review, analyses: dict[str, al.StudyEffects]
) -> None:
    pressed = 0
    for name, effects in analyses.items():
        go(page, analysis=name, tau2="REML", ci="wald", pi="HTS")
        known = risks(review, effects)
        high = sorted(trial for trial, risk in known.items() if risk == "high")
        button = page.get_by_role("button", name="Without trials at high risk of bias")
        if not 0 < len(high) < len(known):
            expect(button).to_be_disabled()
            expect(button).to_contain_text("(all are)" if high else "(none is)")
            continue
        button.focus()
        page.keyboard.press("Enter")
        assert address(page)["without"].split() == high
        unticked = page.locator("[name=trial]:not(:checked)").evaluate_all(
            "boxes => boxes.map(box => box.value)"
        )
        assert sorted(unticked) == high
        left = effects.without(*high)
        if left.k == 1 and left.reconstructed.all():
            assert "only its range is known" in text(page, "#explorer-reading")
        else:
            fit, rest = left.pool(**review.info.methods), len(known) - len(high)
            assert text(page, "#explorer-result") == first_sentence(review, effects, fit, rest)
        expect(button).to_be_focused()
        pressed += 1
    assert pressed


def test_no_trial_is_a_sentence_and_not_an_error(page: Page) -> None:
    for box in page.get_by_role("checkbox").all():
        box.uncheck()
    assert text(page, "#explorer-reading") == "No trial is ticked. Tick at least one."
    page.get_by_role("button", name="All trials").click()
    assert text(page, "#explorer-result").startswith("Pooled")


def test_an_address_that_makes_no_sense_opens_the_main_analysis_and_says_so(page: Page) -> None:
    before = text(page, "#explorer-result")
    expect(page.locator("#explorer-strange")).to_have_count(0)
    page.evaluate("location.hash = 'analysis=nothing&without=nobody&tau2=XX&ci=&pi=1'")
    expect(page.locator("#explorer-strange")).to_have_text(
        "Part of the address is not understood: analysis “nothing”, tau2 “XX”, ci “”, pi “1”, "
        "without “nobody”. The choices of the review are shown in its place."
    )
    assert text(page, "#explorer-result") == before
    page.reload()
    expect(page.locator("#explorer-reading #explorer-strange")).to_be_visible()
    assert text(page, "#explorer-result") == before
    page.get_by_role("checkbox").first.uncheck()
    expect(page.locator("#explorer-strange")).to_have_count(0)


def test_what_is_understood_of_an_address_is_shown(page: Page) -> None:
    page.evaluate("location.hash = 'analysis=disability-ETP&tau2=constructor&pi=V'")
    expect(page.locator("#explorer-strange")).to_contain_text("understood: tau2 “constructor”.")
    assert page.get_by_label("Prediction interval").input_value() == "V"
    assert page.get_by_label("Outcome", exact=True).input_value() == "disability"


def test_a_link_to_a_place_on_the_page_is_no_view(page: Page) -> None:
    page.get_by_label("Variance between trials").select_option("DL")
    page.evaluate("location.hash = 'explorer-main'")
    page.wait_for_timeout(50)
    assert page.get_by_label("Variance between trials").input_value() == "DL"
    page.reload()
    expect(page.locator("#explorer-strange")).to_have_count(0)


def test_the_address_can_be_read_by_people(page: Page) -> None:
    for box in page.get_by_role("checkbox").all()[:2]:
        box.uncheck()
    state = page.url.partition("#")[2]
    assert re.fullmatch(r"[a-z0-9]+=[\w+-]+(&[a-z0-9]+=[\w+-]+)+", state)


def test_the_reading_is_announced_once_and_the_plot_has_a_name(page: Page) -> None:
    expect(page.locator("#explorer-reading")).to_have_role("status")
    live = page.locator("article [aria-live], article [role=status], article [role=alert]")
    assert live.count() == 1
    page.evaluate(
        """() => {
          window.changes = 0;
          const seen = new MutationObserver(records => { window.changes += records.length; });
          const everything = { childList: true, subtree: true, characterData: true };
          seen.observe(document.getElementById("explorer-reading"), everything);
        }"""
    )
    page.get_by_role("checkbox").first.uncheck()
    assert page.evaluate("window.changes") == 1
    page.set_viewport_size({"width": 900, "height": 900})  # draws again, and says nothing
    page.wait_for_timeout(100)
    assert page.evaluate("window.changes") == 1
    name = page.locator("#explorer-plot svg").get_attribute("aria-label") or ""
    assert re.match(r"Forest plot: .+\. \d+ comparisons; estimate .+\.", name)


def test_nothing_moves_for_those_who_want_no_motion(page: Page) -> None:
    moving = page.locator("#explorer, #explorer *").evaluate_all(
        """elements => elements.map(element => getComputedStyle(element)).filter(style =>
          style.animationName !== "none"
          || style.transitionDuration.split(", ").some(time => parseFloat(time) > 0)).length"""
    )
    assert moving == 0


def test_reconstructed_effects_are_ranges_and_said_so(
    page: Page, analyses: dict[str, al.StudyEffects]
) -> None:
    for name, effects in analyses.items():
        go(page, analysis=name, tau2="REML", ci="wald", pi="HTS")
        free = int(effects.reconstructed.sum())
        assert page.locator("#explorer-plot .band").count() == free
        assert page.locator("#explorer-plot .square").count() == effects.k - free
        assert page.locator("#explorer-note").is_visible() == bool(free)
        told = [row[3] for row in cells(page, "#explorer-table")]
        assert [cell.startswith("range ") for cell in told] == effects.reconstructed.tolist()


def test_the_printed_result_stands_before_what_is_computed(page: Page) -> None:
    printed, computed = (page.locator(f"#explorer-{part}") for part in ("printed", "reading"))
    assert text(page, "#explorer-printed").startswith("Printed in the review")
    assert "−0.52 (−0.92 to −0.08) points" in text(page, "#explorer-printed")
    found = "but the evidence is very uncertain. This counts any difference, however small."
    assert text(page, "#explorer-finding").endswith(found)
    first, second = printed.bounding_box(), computed.bounding_box()
    assert first
    assert second
    assert first["y"] + first["height"] <= second["y"]


def test_a_threshold_is_the_readers_own_and_each_outcome_has_its_own(page: Page) -> None:
    field = page.get_by_label("Smallest difference that matters to you")
    assert field.input_value() == ""
    expect(page.locator("#explorer-plot .mid")).to_have_count(0)
    field.fill("1,5")
    assert text(page, "#explorer-yours").startswith(
        "Your threshold of 1,5 points: the average is smaller; the whole interval is smaller"
    )
    expect(page.locator("#explorer-plot .mid")).to_have_count(1)
    assert address(page)["mid"] == "1,5"
    field.fill("0.5")
    assert "not smaller; the interval reaches to both sides" in text(page, "#explorer-yours")
    page.get_by_label("Outcome", exact=True).select_option("disability")
    assert field.input_value() == ""
    page.get_by_label("Outcome", exact=True).select_option("pain")
    assert field.input_value() == "0.5"
    field.fill("much")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#explorer-yours")).to_have_count(0)


def test_limits_that_say_nothing_are_told_in_a_word(page: Page) -> None:
    """Kenward and Roger's degrees of freedom can be next to none."""
    seen = 0
    for name in ("strength-STP", "strength-PW", "fear-avoidance-ETP", "endurance-STP"):
        go(page, analysis=name, tau2="REML", ci="KR", pi="KR-PR")
        parts = ("#explorer-reading", "#explorer-numbers")
        shown = " ".join(text(page, part) for part in parts)
        assert re.search(r"\d{6}\.\d\d", shown) is None
        seen += "too wide to say anything" in shown
    assert seen


def test_a_view_is_taken_along(page: Page) -> None:
    page.get_by_role("checkbox").first.uncheck()
    files = {}
    for name in ("SVG", "CSV", "R", "Python"):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=name, exact=True).click()
        files[name] = waiting.value.path().read_text("utf-8")
        assert waiting.value.suggested_filename.startswith("explorer-pain-etp.")
    assert "<title>Pain intensity, extended training programs, comparisons recon" in files["SVG"]
    ElementTree.fromstring(files["SVG"])
    lines = list(csv.DictReader(files["CSV"].splitlines()))
    assert {len(line) for line in lines} == {9}
    assert "Aasa 2015" not in {line["comparison"] for line in lines}
    pooled = next(line for line in lines if line["comparison"] == "Pooled")
    shown = text(page, "#explorer-result")
    assert pooled["effect"].replace("-", "−") in shown
    scope: dict[str, object] = {}
    exec(files["Python"].replace("print(", "fit = ("), scope)
    fit = scope["fit"]
    assert isinstance(fit, al.PooledEffect)
    assert f"{fmt.number(fit.estimate)} points" in shown
    assert 'rows$analysis == "pain ETP"' in files["R"]
    assert "Aasa 2015" not in files["R"]
    assert 'method = "REML", test = "z"' in files["R"]


def test_nothing_moves_while_the_page_opens(browser: Browser) -> None:
    for width in (390, 1400):
        context = browser.new_context(viewport={"width": width, "height": 900})
        page = context.new_page()
        page.add_init_script(
            """window.moved = 0;
            new PerformanceObserver(list => list.getEntries().forEach(entry => {
              if (!entry.hadRecentInput) window.moved += entry.value;
            })).observe({ type: "layout-shift", buffered: true });"""
        )
        page.goto(PAGE.as_uri())
        page.wait_for_function("document.querySelector('#explorer-plot svg')")
        page.wait_for_timeout(300)
        assert page.evaluate("window.moved") < 0.05
        context.close()


def test_on_a_phone_nothing_is_wider_than_the_window(
    page: Page, analyses: dict[str, al.StudyEffects]
) -> None:
    page.set_viewport_size({"width": 375, "height": 800})
    for name in analyses:
        go(page, analysis=name, tau2="REML", ci="wald", pi="HTS")
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
        plot = page.locator("#explorer-plot svg").bounding_box()
        assert plot
        for label in page.locator("#explorer-plot text").all():
            box = label.bounding_box()
            assert box
            assert box["x"] >= plot["x"] - HALO
            assert box["x"] + box["width"] <= plot["x"] + plot["width"] + HALO


def test_without_scripts_the_page_shows_the_main_analysis(browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(PAGE.as_uri())
    assert not page.locator("#explorer").is_visible()
    assert page.locator("noscript p").count() == 1
    assert page.locator("#explorer-main table").is_visible()
    assert page.locator("article figure img:visible").count() >= 1
    context.close()


def test_the_data_are_small() -> None:
    data = chromium.HTML / "_static" / "explorer-data.js"
    assert len(gzip.compress(data.read_bytes())) < MOST_BYTES
