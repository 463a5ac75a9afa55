"""Are the exports read that people really have: other tags, headings, encodings, faults?

Each is the same two records, written in another way; what was changed is the name of the case.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing import read_records
from analysis_lib.importing.search import is_search_export

TWO = [
    ("Chair yoga at work: a trial", 2015, "example", "10.1000/a"),
    ("Desk cycling", 2016, "muster", "10.1000/b"),
]
RIS = """\
TY  - JOUR
T1  - Chair yoga at work: a trial
A1  - Example, Ann
Y1  - 2015//
DO  - 10.1000/a
ER  -

TY  - JOUR
T1  - Desk cycling
A1  - Muster, Eva
Y1  - 2016//
DO  - 10.1000/b
ER  -
"""
MEDLINE = """\
PMID- 12345678
DP  - 2015 May 1
TI  - Chair yoga at work:
      a trial
FAU - Example, Ann
LID - 10.1000/a [doi]

PMID- 12345679
DP  - 2016
TI  - Desk cycling
FAU - Muster, Eva
AID - 10.1000/b [doi]
"""
WOS = """\
FN Clarivate Analytics Web of Science
VR 1.0
PT J
AU Example, A
TI Chair yoga at work:
   a trial
PY 2015
DI 10.1000/a
ER

PT J
AU Muster, E
TI Desk cycling
PY 2016
DI 10.1000/b
ER

EF
"""
REFER = """\
%0 Journal Article
%A Example, Ann
%T Chair yoga at work: a trial
%D 2015
%R 10.1000/a

%0 Journal Article
%A Muster, Eva
%T Desk cycling
%D 2016
%R 10.1000/b
"""
BIBTEX = """\
@article{one,
  title = {Chair yoga at work: a trial},
  author = {Example, Ann},
  year = {2015},
  doi = {10.1000/a}
}
@ARTICLE{two, TITLE = "Desk cycling", AUTHOR = "Eva Muster", YEAR = 2016, DOI = {10.1000/b}}
"""
XML = "<?xml version='1.0'?><xml><records>" + "".join(
    f"<record><ref-type name='Journal Article'>17</ref-type><contributors><authors><author>"
    f"{author}, A.</author></authors></contributors><titles><title>{title}</title></titles><dates>"
    f"<year>{year}</year></dates><electronic-resource-num>{doi}</electronic-resource-num></record>"
    for title, year, author, doi in TWO
) + "</records></xml>"  # fmt: skip
OVID = """\
<1>
UI  - 12345678
AU  - Example A
TI  - Chair yoga at work: a trial
SO  - J Ex. 1(1):1-9, 2015
DO  - https://dx.doi.org/10.1000/a

<2>
UI  - 12345679
AU  - Muster E
TI  - Desk cycling
DO  - 10.1000/b
YR  - 2016
"""
OVID_LABELS = """\
<1>
Unique Identifier
  12345678
Title
  Chair yoga at work: a trial
Authors
  Example A
  Sample B
Year of Publication
  2015
Digital Object Identifier
  10.1000/a

<2>
Title
  Desk cycling
Authors
  Muster E
Source
  J Ex. 2016
Digital Object Identifier
  https://dx.doi.org/10.1000/b
"""
WAYS = {
    "small letters": RIS.replace("TY  -", "ty  -").replace("T1  -", "ti  -").replace("A1", "au"),
    "another dash": RIS.replace("  - ", "  – "),
    "hard spaces": RIS.replace("  - ", "\u00a0\u00a0- "),
    "a byte of nothing": RIS.replace("Chair", "Ch\0air"),
    "the DOI in a note": RIS.replace("DO  - ", "N1  - doi: "),
    "the title of a translation": RIS.replace("T1  -", "TT  -"),
    "editors for authors": RIS.replace("A1  -", "A4  -"),
    "RefWorks with dashes": RIS.replace("TY  -", "RT  -").replace("ER  -\n", ""),
    "blank lines within": MEDLINE.replace("\nDP", "\n\nDP"),
    "numbers before records": "1: " + MEDLINE.replace("\nPMID", "\n2: PMID"),
    "a record without its number": MEDLINE.replace("PMID- 12345678\n", ""),
    "types in words": WOS.replace("PT J\n", "PT Journal\n"),
    "spaces behind": WOS.replace("PT J\n", "PT J \n").replace("ER\n", "ER \n"),
    "blank lines in refer": REFER.replace("%D", "\n%D"),
    "tabs in refer": REFER.replace("%T ", "%T\t").replace("%0 ", "%0\t"),
    "refer without types": REFER.replace("%0 Journal Article\n", ""),
    "a comma is missing": BIBTEX.replace("Ann},", "Ann}"),
    "capitals in XML": XML.replace("record", "RECORD").replace("<xml>", "<XML>")
    .replace("</xml>", "</XML>"),
    "marks that XML forbids": XML.replace("Chair", "Ch\x0bair"),
    "Ovid, tags": OVID,
    "Ovid, labels": OVID_LABELS,
    "headings of Web of Science": "PT\tAF\tTI\tPY\tDI\nJ\tExample, A\tChair yoga at work: a trial\t"
    "2015\t10.1000/a\nJ\tMuster, E\tDesk cycling\t2016\t10.1000/b\n",
}  # fmt: skip


def found(path: Path) -> list[tuple[str, int | None, str, str]]:
    return [(r.title, r.year, r.first_author, r.doi) for r in read_records(path)]


def written(folder: Path, content: str) -> Path:
    path = folder / "export.txt"
    path.write_text(content, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize("way", WAYS)
def test_records_are_read_however_they_are_written(tmp_path: Path, way: str) -> None:
    path = written(tmp_path, WAYS[way])
    assert found(path) == TWO
    assert is_search_export(path)


@pytest.mark.parametrize(
    "header",
    [
        *("articleTitle,authorString,pubYear,doi", "work_title|author_names|publication_year|doi"),
        *("Item Title,Authors,Publication Year,Item DOI", "Paper Title,Author Names,Year,DOI Link"),
        *("Titel;Autoren;Jahr;DOI", "Título,Autores,Año,DOI", "Titre;Auteurs;Année;DOI"),
        *("Titolo;Autori;Anno;DOI", "标题,作者,年份,DOI", "タイトル,著者,出版年,DOI"),
        *("title,authorships.raw_author_name,publication_year,doi", "Title,Author 1,Year,url"),
        *("title,authors.name,year,externalIds.DOI", "Title,Authors (Raw Name),PubYear,DOI"),
        "title,authors,pubdate,digitalObjectIdentifier",
    ],
)  # fmt: skip
def test_headings_of_many_vendors_and_languages(tmp_path: Path, header: str) -> None:
    mark = next(mark for mark in ";|," if mark in header)
    names = ("Example A", "Muster E")
    rows = [[title, name, str(y), doi] for (title, y, _, doi), name in zip(TWO, names, strict=True)]
    path = written(tmp_path, "\n".join([header, *map(mark.join, rows)]))
    assert found(path) == TWO
    assert is_search_export(path)


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("Publication Date", ("20150501", "May 1, 2016")),
        ("published-print", ("2015-05", "2016")),
        ("Date", ("5/1/2015", "Winter 2016")),
    ],
)
def test_years_within_dates(tmp_path: Path, column: str, cells: tuple[str, str]) -> None:
    one, two = cells
    path = written(tmp_path, f'Title,{column}\nOne,"{one}"\nTwo,"{two}"\n')
    assert [r.year for r in read_records(path)] == [2015, 2016]


def test_authors_as_a_program_lists_them(tmp_path: Path) -> None:
    path = written(tmp_path, "Title;authors\nOne;['Example, Ann', \"O'Muster, Bo\"]\n")
    assert [r.authors for r in read_records(path)] == ["Example, Ann; O'Muster, Bo"]


def test_a_column_that_its_name_does_not_tell_can_be_named(tmp_path: Path) -> None:
    path = written(tmp_path, "Name,Year\nDesk cycling,2016\n")
    with pytest.raises(ReviewError, match="--column title=NAME"):
        read_records(path)
    assert [r.title for r in read_records(path, columns={"title": "Name"})] == ["Desk cycling"]
    assert is_search_export(path, {"title": "Name"})
    with pytest.raises(ReviewError, match=r"there is no such column \(did you mean 'Name'\?\)"):
        read_records(path, columns={"title": "Nam"})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<!DOCTYPE html><html><body>Log in</body></html>", "a web page, though some"),
        ("<table><tr><td>x</td></tr></table>", "a web page, though some programs call it .xls"),
        ("<?xml version='1.0'?><?mso-application progid='Excel.Sheet'?><Workbook/>", "old Excel"),
        ("<?xml version='1.0'?>\n<PubmedArticleSet></PubmedArticleSet>", "holds no record"),
        ("<?xml version='1.0'?><other/>", "XML of a form that is not known here; export it as"),
        ('{"a": 1}', "JSON without titles; what is read of JSON is CSL"),
        ('[{"title": "Desk cycling"', "export.txt, row 1: not readable JSON .* was it cut off"),
        ('{"title": "A"}\n{"title": "B', "row 2: not readable JSON, perhaps cut off; take the"),
        ("1. Desk.\nA B.\nPMID: 12345678\n", "the text that PubMed shows; save the search again"),
        ("12345678\n22345678\n", "a list of numbers; save the search again"),
        ("[]", "JSON without titles"),
        ("%PDF-1.7", "a PDF; save the table or the search in another form"),
        (XML[:-40], "export.txt, line 1: not well-formed XML"),
        ('Title,Note\nOne,"a "b" c"\n', "row 2: not a readable CSV file"),
        ("Title,Note\nOne,x,y\n", "row 2: more cells than the header"),
    ],
)
def test_what_cannot_be_read_is_called_by_its_name(
    tmp_path: Path, content: str, words: str
) -> None:
    with pytest.raises(ReviewError, match=words):
        read_records(written(tmp_path, content))


def test_the_doi_of_another_work_in_a_note_is_not_taken(tmp_path: Path) -> None:
    path = written(tmp_path, RIS.replace("DO  - 10.1000/a", "N1  - Erratum in doi: 10.1000/x"))
    assert [r.doi for r in read_records(path)] == ["", "10.1000/b"]


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("J Ex (2014) 3:2 (152-160). Date of Publication: 1 May 2014",
         ("J Ex", 2014, "3", "2", "152-160")),
        ("J Ex (2014) 3 SUPPL. 1 (S4)", ("J Ex", 2014, "3", "", "S4")),
        ("J Ex. 12(3):4-9, 2015 May", ("J Ex", 2015, "12", "3", "4-9")),
        ("J Ex (Berlin)", ("J Ex (Berlin)", None, "", "", "")),
    ],
)  # fmt: skip
def test_a_place_in_one_text_is_parted(
    tmp_path: Path, source: str, place: tuple[str, int | None, str, str, str]
) -> None:
    (record,) = read_records(written(tmp_path, f'Title,Source\nOne,"{source}"\n'))
    assert (record.journal, record.year, record.volume, record.issue, record.pages) == place


def test_a_record_without_type_and_title_is_kept(tmp_path: Path) -> None:
    text = "TI  - One\nPY  - 2001\nER  -\n\nTI  -\nPY  - 2002\nDO  - 10.1000/b\nER  -\n"
    found = read_records(written(tmp_path, text))
    assert [(r.title, r.year) for r in found] == [("One", 2001), ("", 2002)]
    assert any("without a title, kept" in note for note in found.notes)
