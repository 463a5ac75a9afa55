"""Is a manuscript what the book shows, and are words from the data only words in it?"""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hostile
import pandas as pd
import pytest
from defusedxml.ElementTree import fromstring
from places import DATA, ROOT

from analysis_lib.__main__ import main
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import printable
from analysis_lib.book.engine.checklist import rows_of
from analysis_lib.book.manuscript import blocks, contents, word
from analysis_lib.book.manuscript.draft import Draft
from analysis_lib.book.page import Table, prose
from analysis_lib.book.sections import chapters
from analysis_lib.book.sections.answers import answers
from analysis_lib.pooling.methods import Methods
from analysis_lib.review.model import load_review

DOCUMENT = "word/document.xml"
NUMBER = re.compile(r"\d+\.\d{2,}")


def own_review(folder: Path) -> Path:
    """Copy the data and the bibliography of this book."""
    shutil.copytree(DATA, folder / "data")
    (folder / "book").mkdir()
    shutil.copy(ROOT / "book" / "references.bib", folder / "book")
    return folder


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which this book's manuscript was written by the command."""
    folder = own_review(tmp_path_factory.mktemp("own"))
    assert main(["manuscript", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def markdown(written: Path) -> str:
    return (written / "manuscript.md").read_text(encoding="utf-8")


def part(file: Path, name: str = DOCUMENT) -> str:
    with zipfile.ZipFile(file) as packed:
        return packed.read(name).decode()


@pytest.mark.slow
def test_the_numbers_are_those_of_the_answers(markdown: str) -> None:
    told = answers(load_review(DATA))
    assert len(told) > 10
    plain = markdown.replace("\\", "")
    assert all(answer.effect.split(" ")[0] in plain for answer in told)
    assert all(answer.statement.phrase() for answer in told)


@pytest.mark.slow
def test_what_is_reconstructed_is_in_no_result(written: Path, tmp_path: Path) -> None:
    """Without the tables of reconstruction the same manuscript comes out, word for word."""
    folder = own_review(tmp_path)
    for name in ("reconstructed", "ensemble"):
        table = folder / "data" / f"{name}.csv"
        table.write_text(table.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    assert main(["manuscript", str(folder)]) == 0
    ours, theirs = (
        re.sub(r"fingerprint [0-9a-f]{12}", "", (one / "manuscript.md").read_text(encoding="utf-8"))
        for one in (written, folder)
    )
    assert ours == theirs
    pictures = [sorted((one / "manuscript_figures").iterdir()) for one in (written, folder)]
    assert [p.read_bytes() for p in pictures[0]] == [p.read_bytes() for p in pictures[1]]


@pytest.mark.slow
def test_every_item_of_the_checklist_leads_to_a_page(written: Path) -> None:
    text = part(written / "manuscript.docx")
    wanted = re.findall(r"PAGEREF (\w+) ", text)
    marks = re.findall(r'w:bookmarkStart[^>]*w:name="([^"]+)"', text)
    places = re.findall(r'w:bookmarkStart[^>]*w:id="(\d+)"', text)
    assert len(wanted) >= len(rows_of("introduction", "methods", "results", "discussion")) == 42
    assert set(wanted) <= set(marks)
    assert len(marks) == len(set(marks))
    assert len(places) == len(set(places))


@pytest.mark.slow
def test_what_people_write_is_marked(written: Path, markdown: str) -> None:
    asked = re.findall(r"\[\\\[To be written: [^\n]+\\\]\]\{\.mark\}", markdown)
    assert len(asked) > 15
    assert part(written / "manuscript.docx").count('<w:highlight w:val="yellow"') > len(asked)
    assert "openxml" not in markdown


@pytest.mark.slow
def test_figures_have_300_dots_per_inch_and_a_text(written: Path) -> None:
    pictures = sorted((written / "manuscript_figures").glob("*.png"))
    told = re.findall(r'<wp:extent cx="(\d+)" cy="\d+" />.*?<wp:docPr descr="([^"]+)"',
                      part(written / "manuscript.docx"), re.DOTALL)  # fmt: skip
    assert len(pictures) == len(told) >= 4
    for picture, (width, alt) in zip(pictures, told, strict=True):
        pixels = int.from_bytes(picture.read_bytes()[16:20])
        assert pixels / (int(width) / 914_400) >= 299  # a rounding of a thousandth of a cm
        assert len(alt) > 20


@pytest.mark.slow
def test_the_same_review_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = hostile.write_review(tmp_path / "review")
    for place, zone in (("one", "UTC"), ("two", "Asia/Tokyo")):
        monkeypatch.setenv("TZ", zone)  # another time of the day
        out = tmp_path / place / "manuscript.docx"
        out.parent.mkdir()
        out.write_text("an old one")
        assert main(["manuscript", str(folder), "--out", str(out), "--replace"]) == 0
    first, second = (
        {file.name: file.read_bytes() for file in (tmp_path / place).rglob("*") if file.is_file()}
        for place in ("one", "two")
    )
    assert first == second


@pytest.mark.slow
def test_works_that_are_cited_are_listed_by_the_style_of_the_review(
    markdown: str, tmp_path: Path
) -> None:
    assert "Aasa, B., L. Berglund" in markdown
    folder = hostile.write_review(tmp_path / "review")
    style = folder / "book" / "numbers.csl"
    style.write_text(NUMBERED)
    assert main(["manuscript", str(folder)]) == 0
    text = (folder / "manuscript.md").read_text(encoding="utf-8")
    assert "(Page" not in text
    assert "ref-1" in text
    shutil.copy(style, folder / "book" / "other.csl")
    with pytest.raises(ReviewError, match=r"one citation style.*numbers.csl, other.csl"):
        word.write_manuscript(load_review(folder / "data"), tmp_path / "x.docx")


NUMBERED = """<?xml version="1.0" encoding="utf-8"?>
<style xmlns="http://purl.org/net/xbiblio/csl" class="in-text" version="1.0">
<info><title>Numbers</title><id>numbers</id><updated>2020-01-01T00:00:00Z</updated></info>
<citation><layout delimiter=","><text variable="citation-number" prefix="ref-"/></layout></citation>
<bibliography><layout><text variable="citation-number"/><text variable="title"/></layout>
</bibliography></style>
"""


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_nothing_that_somebody_wrote_is_lost(written: Path, capsys: pytest.CaptureFixture) -> None:
    before = (written / "manuscript.docx").read_bytes()
    assert main(["manuscript", str(written)]) == 1
    assert "perhaps somebody wrote in it" in capsys.readouterr().err
    assert (written / "manuscript.docx").read_bytes() == before


def test_a_missing_pandoc_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "pypandoc", None)
    assert main(["manuscript", str(ROOT), "--out", str(tmp_path / "x.docx")]) == 1
    assert "pip install 'analysis-lib[manuscript]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_another_ending_and_a_failing_pandoc_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match=r"ends in \.docx"):
        word.write_manuscript(load_review(DATA), tmp_path / "x.odt")
    with pytest.raises(ReviewError, match=r"pandoc could not write the manuscript: .*JSON"):
        word.run(word.pandoc(), ["--from=json", "--to=docx"], b"no tree")


# --- words are words ------------------------------------------------------------------------------


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every node of a tree."""
    if isinstance(tree, dict):
        if "t" in tree:
            yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for one in tree:
            yield from nodes(one)


def words_of(tree: Any) -> str:
    """Return all words below a node."""
    told = {"Space": " ", "SoftBreak": " ", "LineBreak": " "}
    return "".join(one["c"] if one["t"] == "Str" else told.get(one["t"], "") for one in nodes(tree))


@pytest.mark.parametrize("form", ["docx", "markdown-citations"])
def test_hostile_words_come_back_as_they_were(tmp_path: Path, form: str) -> None:
    kinds = hostile.catalogue(tmp_path / "canary", tmp_path / "secret")
    texts = [" ".join(text.split()) for kind in kinds.values() for text in kind]
    frame = pd.DataFrame({"n": [str(i) for i in range(len(texts))], "words": texts})
    table = Table(frame, texts[0], note=texts[1])
    document = blocks.document(
        [
            *(block for text in texts for block in blocks.of_prose(prose("{text}", text=text))),
            *blocks.of_table(1, table),
        ],
        title=texts[2],
        authors=[texts[3]],
    )
    program, file = word.pandoc(), tmp_path / "file"
    if form != "docx":
        document["blocks"] = word.escaped(document["blocks"])
    given = json.dumps(document).encode()
    word.run(program, ["--from=json", f"--to={form}", "--standalone", f"--output={file}"], given)
    back = json.loads(
        word.run(program, [f"--from={form.removesuffix('-citations')}", "--to=json", str(file)])
    )
    kept = [one["t"] for one in nodes(back["blocks"])]
    assert not {"Link", "Image", "RawInline", "RawBlock", "Math", "Cite", "Code"} & set(kept)
    (made,) = (one for one in back["blocks"] if one["t"] == "Table")
    rows = made["c"][4][0][3]
    found = [words_of(row[1][1]) for row in rows]
    assert len(found) == len(texts)
    for text, cell in zip(texts, found, strict=True):
        wanted = " ".join(printable(text).split())
        # Pandoc ties "e.g." to the next word; `split` takes such a space for any other.
        assert " ".join(cell.split()) == " ".join(wanted.split())
    assert not (tmp_path / "canary").exists()


@pytest.mark.slow
@pytest.mark.parametrize("is_printed", [True, False])
def test_a_hostile_review_gives_a_sound_document(tmp_path: Path, is_printed: bool) -> None:
    secret, canary = tmp_path / "secret", tmp_path / "canary"
    secret.write_text("the secret of this machine")
    kinds = hostile.catalogue(canary, secret)
    texts = [text for kind in kinds.values() for text in kind]
    columns = list(hostile.text_columns())
    review = load_review(hostile.write_review(tmp_path / "review") / "data")
    if not is_printed:
        nothing = {name: getattr(review, name).iloc[:0] for name in ("published", "reconstructed")}
        review = dataclasses.replace(review, **nothing)
    review = hostile.poisoned(review, lambda c, row: texts[(columns.index(c) + row) % len(texts)])
    review = hostile.with_info(review, lambda key: texts[len(key) % len(texts)])
    out = tmp_path / "out.docx"
    with hostile.measured_in_letters():
        word.write_manuscript(review, out)
    with zipfile.ZipFile(out) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    for name, content in parts.items():
        if name.endswith((".xml", ".rels")):
            fromstring(content)
    assert hostile.HOST not in parts["word/_rels/document.xml.rels"].decode()
    told = b"".join(parts.values()) + out.with_suffix(".md").read_bytes()
    assert b"the secret of this machine" not in told
    assert not canary.exists()
    back = json.loads(word.run(word.pandoc(), ["--to=json", str(out.with_suffix(".md"))]))
    addresses = [one["c"][2][0] for one in nodes(back["blocks"]) if one["t"] in ("Link", "Image")]
    assert addresses
    assert all(re.match(r"#|out_figures/figure-\d+\.png$|https://doi\.org/", a) for a in addresses)
    assert not {"RawInline", "RawBlock", "Math"} & {one["t"] for one in nodes(back["blocks"])}


@pytest.mark.parametrize(
    ("measure", "model", "start"),
    [
        (
            "OR",
            "common",
            "Events were pooled by the Mantel-Haenszel method in a common-effect model.",
        ),
        (
            "IRR",
            "common",
            "Events were pooled by the Mantel-Haenszel method in a common-effect model.",
        ),
        ("OR", "random", "Effects were pooled by inverse variance in a random-effects model; "),
        ("MD", "common", "Effects were pooled by inverse variance in a random-effects model; "),
    ],
)
def test_the_plan_tells_what_was_done_and_nothing_else(
    measure: str, model: str, start: str
) -> None:
    review = load_review(ROOT / "examples" / "rosiglitazone" / "data")
    events = review.info.events.but(event_method="MH", model=model)
    info = review.info.model_copy(
        update={"events": events, "outcome": {}, "methods": Methods(tau2_method="REML")}
    )
    outcomes = review.outcomes.assign(measure=measure)
    told = contents.plan(dataclasses.replace(review, info=info, outcomes=outcomes))
    assert told.startswith(start)
    assert ("Events were pooled by" in told) == (measure != "MD")


@pytest.mark.parametrize(
    ("tau2_method", "is_around"),
    [("DL", True), ("REML", False)],  # as pool_events takes Q and tau2, see its `heterogeneity`
)
def test_mantel_haenszel_is_named_only_where_it_is_computed(
    tau2_method: str, is_around: bool
) -> None:
    review = load_review(ROOT / "examples" / "rosiglitazone" / "data")
    events = review.info.events.but(event_method="MH", model="random")
    methods = Methods(tau2_method=tau2_method)
    info = review.info.model_copy(update={"events": events, "outcome": {}, "methods": methods})
    told = contents.plan(dataclasses.replace(review, info=info))
    assert "Events were pooled by inverse variance in a random-effects model" in told
    assert ("taken around the Mantel-Haenszel estimate" in told) == is_around
    effects = dataclasses.replace(review, info=info).analysis("death", "end")
    arms = effects.pool(event_method="inverse", model="random", tau2_method=tau2_method)
    assert (effects.pool().tau2 != arms.tau2 or effects.pool().q != arms.q) == is_around


def test_what_the_book_asks_its_keepers_is_marked(tmp_path: Path) -> None:
    draft = Draft(load_review(ROOT / "examples" / "rosiglitazone" / "data"), tmp_path, ())
    draft.head(2, "Subgroups", "subgroups")
    draft.show(chapters.show_subgroups)
    (_, asked) = draft.blocks
    assert asked["c"][0]["c"][0][1] == ["mark"]
    assert words_of(asked).startswith("[To be settled: No subgroups are formed")
    assert draft.open == ["subgroups"]
