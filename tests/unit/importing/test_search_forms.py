"""Are records in XML and JSON read, under the names of each source, and the right sheet?"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from analysis_lib.__main__ import main
from analysis_lib.base.errors import ReviewError
from analysis_lib.importing import Record, read_records
from analysis_lib.importing.search import is_search_export

PUBMED = """<?xml version="1.0" ?>
<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle//EN" "https://dtd.example/pubmed.dtd">
<PubmedArticleSet><PubmedArticle><MedlineCitation Status="MEDLINE"><PMID Version="1">12345678</PMID>
<Article PubModel="Print"><Journal><JournalIssue><Volume>3</Volume><Issue>1</Issue><PubDate>
<Year>2015</Year></PubDate></JournalIssue><Title>Journal of Examples</Title>
<ISOAbbreviation>J Ex</ISOAbbreviation></Journal>
<ArticleTitle>Lifting <i>crates</i>, H<sub>2</sub>O &amp; pain.</ArticleTitle>
<Pagination><StartPage>12</StartPage><MedlinePgn>12-9</MedlinePgn></Pagination>
<AuthorList><Author><LastName>Example</LastName><ForeName>Ann</ForeName></Author>
<Author><CollectiveName>The Crate Group</CollectiveName></Author></AuthorList>
<PublicationTypeList><PublicationType UI="D1">Journal Article</PublicationType>
<PublicationType UI="D2">Randomized Controlled Trial</PublicationType></PublicationTypeList>
</Article><CommentsCorrectionsList><CommentsCorrections RefType="Cites"><PMID>999999</PMID>
</CommentsCorrections></CommentsCorrectionsList></MedlineCitation><PubmedData><ArticleIdList>
<ArticleId IdType="pubmed">12345678</ArticleId><ArticleId IdType="doi">10.1000/a</ArticleId>
</ArticleIdList><ReferenceList><Reference><ArticleIdList>
<ArticleId IdType="doi">10.9999/cited</ArticleId></ArticleIdList></Reference></ReferenceList>
</PubmedData></PubmedArticle>
<PubmedArticle><MedlineCitation><PMID>33333333</PMID><Article><Journal><JournalIssue><PubDate>
<MedlineDate>1998 Dec-1999 Jan</MedlineDate></PubDate></JournalIssue></Journal>
<ArticleTitle/><VernacularTitle>Kisten.</VernacularTitle></Article></MedlineCitation></PubmedArticle>
<PubmedBookArticle><BookDocument><PMID>22222222</PMID><Book><BookTitle>A Book</BookTitle>
<PubDate><Year>2012</Year></PubDate></Book><ArticleTitle>A chapter</ArticleTitle><AuthorList>
<Author><LastName>Muster</LastName><ForeName>Eva</ForeName></Author></AuthorList></BookDocument>
</PubmedBookArticle></PubmedArticleSet>"""
MODS = """<?xml version="1.0"?><modsCollection xmlns="http://www.loc.gov/mods/v3"><mods>
<titleInfo><title>Lifting crates</title></titleInfo><name type="personal">
<namePart type="family">Example</namePart><namePart type="given">Ann</namePart></name>
<genre>article</genre><identifier type="issn">1</identifier>
<identifier type="doi">10.1000/a</identifier><relatedItem type="host"><titleInfo>
<title>Journal of Examples</title></titleInfo><part>
<detail type="volume"><number>3</number></detail>
<detail type="issue"><number>1</number></detail><extent unit="pages"><start>12</start></extent>
<date>2015</date></part></relatedItem></mods></modsCollection>"""
CSL = {
    "id": "a", "type": "article-journal", "title": "Lifting crates &amp; <i>pain</i>",
    "container-title": "Journal of Examples", "volume": "3", "issue": "1", "page": "12-19",
    "DOI": "10.1000/A", "PMID": "12345678", "issued": {"date-parts": [["2015", 3, 2]]},
    "author": [{"family": "Example", "given": "Ann"}, {"literal": "The Crate Group"}],
}  # fmt: skip
CROSSREF = {
    "title": ["Lifting crates & pain"], "container-title": ["Journal of Examples"], "volume": "3",
    "issue": "1", "page": "12-19", "DOI": "10.1000/a", "type": "journal-article",
    "published": {"date-parts": [[2015]]}, "author": [{"family": "Example", "given": "Ann"}],
}  # fmt: skip
OPENALEX = {
    "id": "https://openalex.org/W1", "doi": "https://doi.org/10.1000/a", "publication_year": 2015,
    "title": "Lifting crates & pain", "ids": {"pmid": "https://pubmed.ncbi.nlm.nih.gov/12345678"},
    "authorships": [{"author": {"display_name": "Ann Example"}}], "type": "article",
    "primary_location": {"source": {"display_name": "Journal of Examples"}},
    "biblio": {"volume": "3", "issue": "1", "first_page": "12", "last_page": "19"},
}  # fmt: skip
EUROPE_PMC = {
    "id": "12345678", "pmid": "12345678", "doi": "10.1000/a", "title": "Lifting crates & pain.",
    "authorString": "Example A, Sample B.", "journalTitle": "Journal of Examples",
    "pubYear": "2015", "journalVolume": "3", "issue": "1", "pageInfo": "12-19",
}  # fmt: skip
LENS = {
    "lens_id": "1-2", "title": "Lifting crates & pain", "year_published": 2015, "volume": "3",
    "authors": [{"first_name": "Ann", "last_name": "Example"}], "start_page": "12",
    "source": {"title": "Journal of Examples"}, "issue": "1",
    "external_ids": [{"type": "pmid", "value": "12345678"}, {"type": "doi", "value": "10.1000/a"}],
}  # fmt: skip
SCHOLAR = {
    "paperId": "x", "title": "Lifting crates & pain", "year": 2015, "venue": "",
    "authors": [{"authorId": "1", "name": "Ann Example"}], "externalIds": {"DOI": "10.1000/a"},
    "journal": {"name": "Journal of Examples", "volume": "3", "pages": "12-19"},
}  # fmt: skip
ZOTERO = {
    "key": "K", "data": {
        "itemType": "journalArticle", "title": "Lifting crates & pain", "date": "March 2015",
        "creators": [{"creatorType": "author", "firstName": "Ann", "lastName": "Example"}],
        "publicationTitle": "Journal of Examples", "volume": "3", "issue": "1", "pages": "12-19",
        "DOI": "10.1000/a",
    },
}  # fmt: skip
SCOPUS = {
    "dc:title": "Lifting crates & pain", "dc:creator": "Example A.", "prism:doi": "10.1000/a",
    "prism:coverDate": "2015-03-01", "prism:publicationName": "Journal of Examples",
    "prism:volume": "3", "prism:pageRange": "12-19", "subtypeDescription": "Article",
}  # fmt: skip
DATACITE = {
    "id": "10.1000/a", "attributes": {
        "doi": "10.1000/a", "titles": [{"title": "Lifting crates & pain"}],
        "creators": [{"name": "Example, Ann", "familyName": "Example", "givenName": "Ann"}],
        "publicationYear": 2015, "container": {"title": "Journal of Examples"},
        "volume": "3", "pages": "12-19",
    },
}  # fmt: skip
SUMMARY = {
    "uid": "12345678", "pubdate": "2015 Mar", "source": "J Ex", "title": "Lifting crates & pain",
    "authors": [{"name": "Example A", "authtype": "Author"}], "volume": "3", "pages": "12-9",
    "fulljournalname": "Journal of Examples",
    "articleids": [
        {"idtype": "pmid", "value": "12345678"}, {"idtype": "doi", "value": "10.1000/a"}
    ],
}  # fmt: skip
OF_SERVICES: dict[str, Any] = {
    "a list of CSL": [CSL],
    "CSL, one in each line": None,
    "Crossref": {"status": "ok", "message": {"items": [CROSSREF], "total-results": 1}},
    "OpenAlex": {"meta": {"count": 1}, "results": [OPENALEX]},
    "Europe PMC": {"hitCount": 1, "resultList": {"result": [EUROPE_PMC]}},
    "Lens": {"total": 1, "data": [LENS]},
    "Semantic Scholar": {"total": 1, "data": [SCHOLAR]},
    "Zotero": [ZOTERO],
    "one record": CROSSREF,
    "one record of Lens": LENS,
    "by their names": {"a": CSL, "b": CSL},
    "Scopus": {"search-results": {"entry": [SCOPUS]}},
    "DataCite": {"data": [DATACITE]},
    "PubMed's summaries": {"result": {"uids": ["12345678"], "12345678": SUMMARY}},
}
RECORDS = (("Title", "Authors", "Year"), ("Lifting crates", "Example A", 2015))
README = (("Field", "Meaning"), ("Title", "the title of a work"), ("Year", "of its print"))


def read(tmp_path: Path, content: str) -> list[Record]:
    path = tmp_path / "export"
    path.write_text(content, encoding="utf-8")
    assert is_search_export(path)
    return list(read_records(path))


@pytest.mark.parametrize("source", OF_SERVICES)
def test_the_works_of_each_source_are_read(tmp_path: Path, source: str) -> None:
    answer = OF_SERVICES[source]
    text = json.dumps(answer) if answer else f"{json.dumps(CSL)}\n{json.dumps(CSL)}\n"
    record = read(tmp_path, text)[-1]
    found = (record.title.strip("."), record.first_author, record.year, record.journal)
    assert found == ("Lifting crates & pain", "example", 2015, "Journal of Examples")
    assert (record.volume, record.pages[:2], record.doi) == ("3", "12", "10.1000/a")
    assert record.pmid in ("12345678", "")
    assert bool(record.pmid) == ("12345678" in text)


def test_a_work_without_a_title_is_a_record_too(tmp_path: Path) -> None:
    records = read(tmp_path, json.dumps([CSL, {"DOI": "10.1000/b"}, None, "words"]))
    assert [(r.title[:4], r.doi) for r in records] == [
        ("Lift", "10.1000/a"), ("", "10.1000/b"), ("", ""), ("", "")
    ]  # fmt: skip


def test_every_record_of_pubmed_xml_is_read(tmp_path: Path) -> None:
    first, second, chapter = read(tmp_path, PUBMED)
    assert (first.title, first.pmid, first.doi) == (
        "Lifting crates, H2O & pain.", "12345678", "10.1000/a"
    )  # fmt: skip
    assert (first.authors, first.year) == ("Example, Ann; The Crate Group", 2015)
    assert (first.journal, first.volume, first.issue) == ("Journal of Examples", "3", "1")
    assert (first.pages, first.other_dois) == ("12-9", ())
    assert first.kind == "Journal Article; Randomized Controlled Trial"
    assert (second.title, second.year) == ("Kisten.", 1998)
    assert (chapter.title, chapter.journal, chapter.first_author) == (
        "A chapter",
        "A Book",
        "muster",
    )


def test_mods_is_read(tmp_path: Path) -> None:
    (record,) = read(tmp_path, MODS)
    assert (record.title, record.authors, record.year) == ("Lifting crates", "Example, Ann", 2015)
    assert (record.journal, record.volume, record.issue) == ("Journal of Examples", "3", "1")
    assert (record.pages, record.doi, record.kind) == ("12", "10.1000/a", "article")


# --- tables: what stands above the header, and beside the sheet -----------------------------------


@pytest.mark.parametrize(
    "above",
    [
        "Low back pain in the north\n",
        "Search title,Low back pain\nExported by,Ann\n\n",
        "Title,Low back pain\nSource,A database\n",
        '"Title: low back pain; and more"\n"Database: One, 2010 to 2020, exported"\n',
        ",,,\nDate,2020-01-01,,\n",
    ],
)
def test_lines_above_the_header_are_no_records(tmp_path: Path, above: str) -> None:
    table = "Title,Authors,Year,Journal\nLifting crates,Example A,2015,J Ex\nTitle,B,2016,J Ex\n"
    records = read(tmp_path, above + table)
    assert [(r.title, r.year) for r in records] == [("Lifting crates", 2015), ("Title", 2016)]
    assert records[0].row == above.count("\n") + 2


def book(path: Path, **sheets: Any) -> Path:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    workbook.save(path)
    return path


@pytest.mark.parametrize(
    "first",
    [(), (("This book holds the records of our search",), ("Made by Ann",)), README,
     (("Database", "n"), ("One", 3))],
)  # fmt: skip
def test_the_sheet_with_records_is_read(tmp_path: Path, first: Any) -> None:
    path = book(tmp_path / "book.xlsx", First=first, Records=RECORDS)
    assert is_search_export(path)
    export = read_records(path)
    assert [r.title for r in export] == ["Lifting crates"]
    assert "book.xlsx: read sheet 'Records'" in export.notes
    assert any(note.startswith("book.xlsx: not read: First") for note in export.notes)


def test_of_two_sheets_with_records_one_has_to_be_named(folder: Path, tmp_path: Path) -> None:
    other = (*RECORDS[:1], ("Walking", "Muster E", 2016))
    path = book(tmp_path / "book.xlsx", One=RECORDS, Two=other)
    with pytest.raises(ReviewError, match=r"several sheets hold records \('One', 'Two'\).*--sheet"):
        read_records(path)
    for sheet in ("One", "Two"):
        assert main(["import", str(path), "--to", str(folder), "--sheet", sheet]) == 0
    exports = (folder / "data" / "search" / "exports.csv").read_text(encoding="utf-8")
    assert exports.count("\nbook (") == 2


def test_a_sheet_of_results_is_not_taken_for_a_search(tmp_path: Path) -> None:
    results = (("Study", "n1", "mean1", "sd1"), ("Example 2015", 9, 1, 2))
    path = book(tmp_path / "book.xlsx", Results=results, References=RECORDS)
    assert not is_search_export(path)


def packed(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (packed("a.ris", "b.ris", "__MACOSX/._a.ris"),
         "a packed folder with 2 files; unpack it and import one of 'a.ris', 'b.ris'"),
        (packed("README.txt", "LICENSE"), "nothing to import: 'README.txt', 'LICENSE'"),
        (packed("Index/Document.iwa", "preview.jpg"), "a document of Numbers"),
        (packed("[Content_Types].xml", "word/document.xml"), "a document of Word; copy its table"),
        (packed("mimetype", "content.xml"), "export: line 1: not well-formed XML"),
        (gzip.compress(b"TY  - JOUR", mtime=0)[:-4], "cannot be unpacked .*; unpack it"),
        (bytes.fromhex("D0CF11E0A1B11AE1"), "an old .xls workbook, or one with a password; open"),
    ],
)  # fmt: skip
def test_what_is_packed_is_called_by_its_name(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "export"
    path.write_bytes(content)
    with pytest.raises(ReviewError, match=words):
        read_records(path)
