"""Is every format that people export read from its content, with nothing lost on the way?

The files are written by the tests, in the dialects of the databases; rispy and pybtex count
independently where they can read them. The end throws random files at the readers.
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import rispy
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from properties import examples

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing import Record, read_records
from analysis_lib.importing.search import is_search_export
from analysis_lib.importing.search.record import cleaned, family_name, find_dois

fuzz = examples(100, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str, name: str = "export", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


#: Two works in every format: title, first author, year, DOI.
WORKS = [
    ("Balance & strength: a trial of <40 years", "example", 2015, "10.1000/a.1"),
    ("Walking for Müster's knees", "muster", 2016, ""),
]
OVID = """\
1. 
TY  - JOUR
ID  - 0000001
T1  - Balance &amp; <i>strength</i>:  a trial of <40 years
A1  - Example, Ann
A1  - Sample, Bo
Y1  - 2015//
JF  - Journal of Examples
VL  - 3
IS  - 1
SP  - 12
EP  - 19
N2  - We found
C1  - text
DO  - http://dx.doi.org/10.1000/A.1
ER  - 

Link to the Ovid Full Text or citation: http://ovid.example/x

C1  - Database: Madeup <1980 to 2024 Week 25>

Search Strategy:
--------------------------------------------------------------------------------
2. 
TY  - JOUR
T1  - Walking for M\u00fcster's knees
A1  - Muster, Eva
Y1  - 2016//
ER  - 
"""  # noqa: W291
CENTRAL = """\
Record #1 of 2
Provider: John Wiley & Sons, Ltd.
Content: text/plain; charset="UTF-8"

TY  -  JOUR
AN  -  CN-00000001
A1  -  Example, A
T1  -  Balance &#38; strength: a trial of <40 years
PY  -  2015
DO  -  10.1000/a.1
ER  -  


Record #2 of 2
Provider: John Wiley & Sons, Ltd.

TY  -  JOUR
A1  -  Muster, E
T1  -  Walking for M\u00fcster's knees
PY  -  2016
ER  -  
"""  # noqa: W291
EBSCO = """\
TY  - JOUR
T1  - Balance & strength: a trial of &lt;40 years.
AU  - Example, Ann
Y1  - 2015/03/01/
L3  - 10.1000/A.1
UR  - https://search.example/login.aspx?10.1000/other
ER  - 

TY  - JOUR
T1  - Walking for M\u00fcster's knees.
AU  - Muster, Eva
Y1  - 2016///
UR  - https://search.example/login.aspx?direct=true&db=ccm&AN=00000011
ER  - 
"""  # noqa: W291
UNTIDY = """\
TI - Balance & strength:
 a trial of <40 years
TY - JOUR
TY - JFULL
AU - Example, A
AB - Cells were
ER - positive, and
ER-alpha was high
PY - 2015
DO - 10.1000/a.1
\tTY - JOUR
\tTI -Walking for M\u00fcster's knees
\tAU\t-\tMuster, E
\tPY -2016
"""
NBIB = """\

PMID- 10000001
OWN - NLM
DP  - 2015 Mar
TI  - Balance & strength: a trial of
      <40 years.
LID - 10.1000/a.1 [doi]
AB  - TI  - this is no title
FAU - Example, Ann
AU  - Example A
FAU - Sample, Bo
AU  - Sample B
JT  - Journal of examples
AID - S0000-0000(15)00000-0 [pii]
AID - 10.1000/a.1 [doi]

PMID- 10000002
DP  - 2016
TI  - Walking for M\u00fcster's knees
FAU - Muster, Eva
"""
WOS = """\
FN Clarivate Analytics Web of Science
VR 1.0
PT J
AU Example, A
   Sample, B
AF Example, Ann
   Sample, Bo
TI Balance & strength: a trial of
   <40 years
SO JOURNAL OF EXAMPLES
AB ER is no end here
   ER neither
PY 2015
DI 10.1000/a.1
ER

PT C
AU Muster, E
TI Walking for M\u00fcster's knees
PY 2016
ER

EF
"""
ENW = """\
%0 Journal Article
%T Balance & strength: a trial of <40 years
%A Example, Ann
%A Sample, Bo
%D 2015
%R 10.1000/a.1
%X A text of
two lines

%0 Journal Article
%T Walking for M\u00fcster's knees
%A Muster, Eva
%D 2016
"""
REFWORKS = """\
RT Journal Article
SR Electronic(1)
A1 Example,Ann
A1 Sample,Bo
T1 Balance & strength: a trial of <40 years
YR 2015
AB We went
on and on
DO 10.1000/a.1

RT Journal Article
A1 Muster,Eva
T1 Walking for M\u00fcster's knees
YR 2016
"""
COCHRANE = """\
Record #1 of 2
ID: CN-00000001
AU: Example A
AU: Sample B
TI: Balance & strength: a trial of <40 years
SO: Journal of Examples
YR: 2015
DOI: 10.1000/a.1
US: https://example/central/CN-00000001/full

Record #2 of 2
ID: CN-00000002
AU: Muster E
TI: Walking for M\u00fcster's knees
YR: 2016
"""
BIBTEX = r"""
@comment{ nothing }
@string{ j = "Journal of Examples" }
@article{Example 2015,
  title = {Balance {\&} strength: a trial of {$<$}40 years},
  author = {Example, Ann and Sample, Bo},
  journal = j,
  year = {2015},
  doi = {10.1000/a.1}
}
@inproceedings{, author={M{\"u}ster, Eva}, title="Walking for {M\"{u}ster}'s knees", year=2016}
"""
ENDNOTE = """\
<?xml version="1.0" encoding="UTF-8"?><xml><records><record><ref-type name="Journal Article">17\
</ref-type><contributors><authors><author><style face="normal">Example, Ann</style></author>\
<author>Sample, Bo</author></authors></contributors><titles><title><style face="normal">Balance \
&amp; </style><style face="italic">strength</style><style>: a trial of &lt;40 years</style></title>\
<secondary-title>J Examples</secondary-title></titles><dates><year>2015</year></dates>\
<electronic-resource-num>10.1000/a.1</electronic-resource-num></record><record><contributors>\
<authors><author>Muster, Eva</author></authors></contributors><titles><title>Walking for \
M\u00fcster's knees</title></titles><dates><year>2016</year></dates></record></records></xml>
"""


def table(head: str, *rows: str, between: str = ",", before: str = "") -> str:
    return before + "\n".join(between.join(r.split("|")) for r in (head, *rows)) + "\n"


TITLES = ("Balance &amp; strength: a trial of &lt;40 years", "Walking for Müster's knees")
TABLES = {
    "Scopus": table(
        'Authors|"Author(s) ID"|Title|Year|Source title|DOI|Abstract|Source',
        f'"Example A.; Sample B."|"1; 2"|{TITLES[0]}|2015|J Ex|10.1000/a.1|"P < 0.05 <b>"|Scopus',
        f"Muster E.|3|{TITLES[1]}|2016|J Ex|||Scopus",
        before="\ufeff",
    ),
    "Embase": table(
        '"Title"|"Author Names"|"Source"|"Publication Year"|"DOI"',
        f'"{TITLES[0]}"|"Example A.; Sample B."|"J Examples (2015) 3:1"|"2015"|"10.1000/a.1"',
        f'"{TITLES[1]}"|"Muster E."|"J Examples"|"2016"|""',
        before='"SEARCH QUERY","balance:ti, a; b; c; d; e"\n----------\n\n',
    ),
    "CINAHL": table(
        "Article Title|Author|Journal Title|ISSN|Publication Date|DOI",
        f'"{TITLES[0]}."|"Example, Ann; Sample, Bo"|"J Ex"|="12345678"|="4/3/2015"|10.1000/a.1',
        f'"{TITLES[1]}."|"Muster, Eva"|"J Ex"|="12345678"|="Jun2016"|',
    ),
    "Covidence": table(
        "Title|Authors|Abstract|Published Year|Journal|DOI|Covidence #",
        f'{TITLES[0]}|"Example, A.; Sample, B."|Text|2015|J Ex|10.1000/a.1|#1',
        f'{TITLES[1]}|"Muster, E."|=1+1|2016|J Ex||#2',
    ),
    "Rayyan": table(
        "key|title|year|journal|authors|notes|doi",
        f'rayyan-1|{TITLES[0]}|2015|J Ex|"Example, A. and Sample, B."|x|10.1000/a.1',
        f'rayyan-2|{TITLES[1]}|2016|J Ex|"Muster, E."|x|',
    ),
    "ASReview": table(
        "record_id|title|authors|year|doi|included|labeled_at|labeled_at",
        f'0|{TITLES[0]}|"Example, A."|2015|https://doi.org/10.1000/a.1|1|a|b',
        f'1|{TITLES[1]}|"Muster, E."|2016||0|a|b',
    ),
    "Lens": table(
        '"Lens ID"|"Title"|"Publication Year"|"Source Title"|"Author/s"|"Abstract"|"DOI"',
        f'"0"|"{TITLES[0]}"|"2015"|"J Ex"|"Ann Example; Bo Sample"|"<jats:p>"|"10.1000/a.1"',
        f'"1"|"{TITLES[1]}"|"2016"|"J Ex"|"Eva Muster"|""|""',
    ),
    "OpenAlex": table(
        "id|doi|display_name|publication_year|authorships.author.display_name",
        f"W1|https://doi.org/10.1000/a.1|{TITLES[0]}|2015|Ann Example|Bo Sample".replace(
            "Ann Example|Bo Sample", "Ann Example\x1fBo Sample"
        ),
        f"W2||{TITLES[1]}|2016|Eva Muster",
    ).replace("\x1f", "|"),
    "Dimensions": table(
        "Rank|DOI|Title|Source title|PubYear|Authors",
        f'1|10.1000/a.1|{TITLES[0]}|J Ex|2015|"Example, Ann; Sample, Bo"',
        f'2||{TITLES[1]}|J Ex|2016|"Muster, Eva"',
        before='"About the data: Exported on Jan 01, 2024. Criteria: a, b, c, d, e."\n',
    ),
    "Publish or Perish": table(
        '"Cites"|"Authors"|"Title"|"Year"|"Source"|"QueryDate"|"DOI"',
        f'12|"A Example, B Sample"|"{TITLES[0]}"|"2015"|"J Ex"|"2024-01-01"|"10.1000/a.1"',
        f'1|"E Muster"|"{TITLES[1]}"|"2016"|"J Ex"|"2024-01-01"|""',
        before="\ufeff",
    ),
    "PubMed": table(
        "PMID|Title|Authors|First Author|Journal/Book|Publication Year|DOI",
        f'10000001|"{TITLES[0]}."|"Example A, Sample B."|Example A|J Ex|2015|10.1000/a.1',
        f"10000002|{TITLES[1]}|Muster E.|Muster E|J Ex|2016|",
    ),
    "RefWorks table": table(
        "Reference Type|Authors, Primary|Title Primary|Periodical Full|Pub Year|DOI",
        f"Journal Article|Example,Ann; Sample,Bo|{TITLES[0]}|J Ex|2015|10.1000/a.1",
        f"Journal Article|Muster,Eva|{TITLES[1]}|J Ex|2016|",
        between="\t",
    ),
    "semicolons": table(
        "Title|Authors|Year|DOI",
        f'"{TITLES[0]}"|Example, Ann|2015|10.1000/a.1',
        f"{TITLES[1]}|Muster, Eva|2016|",
        between=";",
    ),
}
TEXTS = {
    "Ovid": OVID,
    "CENTRAL": CENTRAL,
    "EBSCO": EBSCO,
    "untidy RIS": UNTIDY,
    "PubMed": NBIB,
    "Web of Science": WOS,
    "EndNote": ENW,
    "RefWorks": REFWORKS,
    "Cochrane": COCHRANE,
    "BibTeX": BIBTEX,
    "EndNote XML": ENDNOTE,
}


def essence(record: Record) -> tuple[str, str, int | None, str]:
    return record.title.rstrip("."), record.first_author, record.year, record.doi


@pytest.mark.parametrize("name", [*TEXTS, *TABLES])
@pytest.mark.parametrize("ending", ["", ".txt", ".csv"])
def test_every_format_is_found_from_its_content(
    write: Callable[..., Path], name: str, ending: str
) -> None:
    text = {**TEXTS, **TABLES}[name]
    export = read_records(write(text, f"export{ending}"))
    assert [essence(record) for record in export] == WORKS
    assert "2 records read" in export.notes[0]
    assert is_search_export(write(text))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("name", ["Ovid", "PubMed", "Covidence"])
def test_every_encoding_is_read(write: Callable[..., Path], name: str, encoding: str) -> None:
    text = {**TEXTS, **TABLES}[name].removeprefix("\ufeff")
    export = read_records(write(text, encoding=encoding))
    assert [essence(record) for record in export] == WORKS
    guessed = any("the encoding is not stated" in note for note in export.notes)
    assert guessed == (encoding in ("utf-16-le", "cp1252"))


def test_every_line_end_is_one(write: Callable[..., Path]) -> None:
    for end in ("\n", "\r\n", "\r"):
        export = read_records(write(OVID.replace("\n", end)))
        assert [record.row for record in export] == [2, 25]


def test_a_table_in_a_workbook_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Exported on a Monday"])
    book.active.append(["Title", "Authors", "Publication Year", "DOI"])
    book.active.append([TITLES[0], "Example A.", 2015, "10.1000/a.1"])
    book.active.append([TITLES[1], "Muster E.", 2016, None])
    book.save(tmp_path / "export.ris")
    assert [essence(record) for record in read_records(tmp_path / "export.ris")] == WORKS


def test_what_stands_between_records_is_skipped_and_counted(write: Callable[..., Path]) -> None:
    notes = read_records(write(OVID)).notes
    assert notes[1].startswith("export: 6 lines between records not read: 1 '1.'")
    notes = read_records(write(CENTRAL)).notes
    assert "5 lines between records not read" in notes[1]


def test_records_without_title_are_kept_and_told(write: Callable[..., Path]) -> None:
    export = read_records(write("TY  - JOUR\nAU  - Example, A\nER  - \n" + EBSCO))
    assert len(export) == 3
    assert export.notes[-1] == "export: 1 record without a title, kept: row 1"
    export = read_records(write("Title,DOI\n,10.1000/x\nA,\n"))
    assert [record.title for record in export] == ["", "A"]


def test_columns_not_used_are_listed(write: Callable[..., Path]) -> None:
    notes = read_records(write(TABLES["ASReview"])).notes
    assert notes[1] == (
        "export: columns not used: record_id, included, labeled_at, labeled_at (column 8)"
    )


def test_a_fault_in_bibtex_is_told_and_the_rest_is_read(write: Callable[..., Path]) -> None:
    broken = BIBTEX + '\n@article{x, title={Kept}, year = oops "}\n@article{y, title={Last}}\n'
    export = read_records(write(broken))
    assert [record.title for record in export][2:] == ["Kept", "Last"]
    assert "in BibTeX: undefined" in export.notes[1] or "in BibTeX: syntax" in export.notes[1]
    assert "line 1" in export.notes[1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file is empty"),
        ("PMID\n1\n", "no column for titles, and none of the formats that are known"),
        ("1. Lifting for pain.\nAasa B.\nJOSPT. 2015\n", "no column for titles"),
        ("Title,Title,Year\na,b,2001\n", "two columns are named 'Title'"),
        ("<xml><records><record><title></record></records></xml>", "line 1: not well-formed XML"),
        ("Title,Year\na,2001,x,y\n", "row 2: more cells than the header"),
    ],
)
def test_what_is_no_export_is_told(write: Callable[..., Path], content: str, words: str) -> None:
    with pytest.raises(ReviewError) as error:
        read_records(write(content))
    assert words in str(error.value)


def test_exports_and_sheets_of_results_are_told_apart(write: Callable[..., Path]) -> None:
    assert not is_search_export(write("Study,Title,n1,mean1,sd1,n2,mean2,sd2\n"))
    assert not is_search_export(write("Study,D1,D2,D3,D4,D5,Overall\n"))


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("CO<inf>2</inf> and H<sub xmlns='x'>2</sub>O", "CO2 and H2O"),
        ("Parkinson&#39;s &amp;amp; others", "Parkinson's & others"),
        ("<jats:title>A</jats:title><mml:math><mml:mi>β</mml:mi></mml:math>", "A β"),
        ("adults <40 years, P < or = 0.05, a<b", "adults <40 years, P < or = 0.05, a<b"),
        ("x <script>alert(1)</script> y", "x y"),
        ("x <scr<b>ipt>alert(1)</scr</b>ipt> y", "x y"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;", ""),
        ("<img src=x onerror=alert(1)>A", "A"),
        ("zero\u200bwidth \u202abidi\u202c soft\u00adhyphen \x00\x07", "zerowidth bidi softhyphen"),
        ("e\u0301", "\u00e9"),
        ("A\u00a0B\u2003C", "A B C"),
        ("AT&T and R&D; x&copyright", "AT&T and R&D; x&copyright"),
        ("=1+1", "=1+1"),
        ("<svg/onload=alert(1)>A", "A"),
        ("<![CDATA[A]]>", "A"),
        ('<Emphasis Type="Italic">A</Emphasis><Subscript>2</Subscript>', "A2"),
    ],
)
def test_titles_are_cleaned_and_never_changed_otherwise(text: str, clean: str) -> None:
    assert cleaned(text) == clean
    assert cleaned(clean) == clean


@pytest.mark.parametrize(
    ("cell", "dois"),
    [
        ("10.1000/a", ["10.1000/a"]),
        ("DOI: 10.1000/A.", ["10.1000/a"]),
        ("http://dx.doi.org/10.1000/S0-0%2812%2960001-1", ["10.1000/s0-0(12)60001-1"]),
        ("https://doi.org/10.1000/a?nosfx=y", ["10.1000/a"]),
        ("10.1000/a; 10.1000/b", ["10.1000/a", "10.1000/b"]),
        ("10.1000/a,10.1000/b", ["10.1000/a", "10.1000/b"]),
        ("(10.1000/a(1)2)", ["10.1000/a(1)2"]),
        ("10.1000/(SICI)1-0(1998)1:1&lt;11::AID-A1&gt;3.0.CO;2-2",
         ["10.1000/(sici)1-0(1998)1:1<11::aid-a1>3.0.co;2-2"]),
        ("10.1000/a [doi]", ["10.1000/a"]),
        ("10.1000%2Fa", ["10.1000/a"]),
        ("https://example.org/doi/10.1000/a/full", ["10.1000/a"]),
        ("10.1000/a.pdf 10.1000/b#s2", ["10.1000/a", "10.1000/b"]),
        ("10.1000//a\u200b", ["10.1000/a"]),
        ("10.1000 / a", ["10.1000/a"]),
        ("none", []),
        ("", []),
    ],
)  # fmt: skip
def test_dois_in_every_dress(cell: str, dois: list[str]) -> None:
    assert list(find_dois(cell)) == dois


@pytest.mark.parametrize(
    ("authors", "family"),
    [
        ("Example, Ann; Sample, Bo", "example"),
        ("Example A, Sample B", "example"),
        ("Example A., Sample B.", "example"),
        ("Example, A., Sample, B.", "example"),
        ("A Example, B Sample", "example"),
        ("A. B. Example", "example"),
        ("Ann Example|Bo Sample", "example"),
        ("Example, A. and Sample, B.", "example"),
        ("Ann Example and Bo Sample", "example"),
        ("van der Example, J", "example"),
        ("Example, J. van der", "example"),
        ("Example J van der", "example"),
        ("Example A. (2015)", "example"),
        ("Example, Ann [0000-0000-0000-0000]", "example"),
        ("O'Sample, P", "osample"),
        ("Sørmüster, Å", "sormuster"),
        ("García López, M", "garcia lopez"),
        ("Collaboration Group", "group"),
        ("Müller", "muller"),
        ("李, 明", "李"),
        ("", ""),
    ],
)
def test_first_authors_in_every_order(authors: str, family: str) -> None:
    assert family_name(authors) == family


# --- counted by others, and at random ------------------------------------------------------------

LINES = st.text(alphabet="abcABC äß,.()-/:", min_size=1, max_size=30).filter(str.strip)
ENTRIES = st.lists(
    st.tuples(LINES, st.lists(LINES, max_size=3), st.integers(1900, 2030)), min_size=1, max_size=8
)


@fuzz
@given(entries=ENTRIES, end=st.sampled_from(["\n", "\r\n"]), blank=st.booleans())
def test_rispy_counts_the_same_records(
    tmp_path: Path, entries: list[tuple[str, list[str], int]], end: str, blank: bool
) -> None:
    lines = []
    for title, authors, year in entries:
        lines += ["TY  - JOUR", f"TI  - {title}", *(f"AU  - {author}" for author in authors)]
        lines += [f"PY  - {year}", "ER  - ", *([""] if blank else [])]
    text = end.join([*lines, ""])
    path = tmp_path / "x.ris"
    path.write_bytes(text.encode())
    theirs = rispy.loads(text.replace(end, "\n"))
    ours = read_records(path)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.title == cleaned(other.get("title", ""))
        assert str(one.year) == other["year"]


@fuzz
@given(
    rows=st.lists(st.tuples(LINES, LINES, st.integers(1900, 2030)), min_size=1, max_size=8),
    between=st.sampled_from(",;\t"),
)
def test_as_many_records_as_rows(
    tmp_path: Path, rows: list[tuple[str, str, int]], between: str
) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=between).writerows([("Title", "Authors", "Year"), *rows])
    path = tmp_path / "x"
    path.write_text(buffer.getvalue(), encoding="utf-8")
    export = read_records(path)
    assert [(r.title, r.year) for r in export] == [(cleaned(t), year) for t, _, year in rows]


CHUNKS = st.sampled_from(
    ["TY  - JOUR\n", "ER  - \n", "TI  - x\n", "PMID- 1\n", "PT J\n", "ER\n", "%0 x\n", "RT y\n",
     "@article{a,", "title={x}", "}", "<xml><records><record>", "</record>", "Title,Year\n",
     "a,1\n", "\n", "Record #1 of 1\nID: 1\n", "\x00", "\ufeff"]
)  # fmt: skip


@fuzz
@given(content=st.lists(st.one_of(CHUNKS, st.text(max_size=9)), max_size=12).map("".join))
def test_any_text_is_read_or_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content.encode("utf-8", errors="replace"))
    for read in (read_records, is_search_export):
        with contextlib.suppress(ReviewError):
            read(path)


@fuzz
@given(content=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    for read in (read_records, is_search_export):
        with contextlib.suppress(ReviewError):
            read(path)


@fuzz
@given(text=st.text(max_size=40))
def test_nothing_live_comes_through(text: Any) -> None:
    for hostile in (text, f"<script>{text}</script>", f"<img {text}>", f"&lt;iframe {text}&gt;"):
        found = cleaned(hostile).casefold()
        assert "<script" not in found or "<script" in text.casefold()
        assert cleaned(cleaned(hostile)) == cleaned(hostile)
