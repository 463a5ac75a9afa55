"""Does a notebook run again when a page or a table that it reads has changed, and only then?"""

from __future__ import annotations

import csv
import dataclasses
import json
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from places import DATA, ROOT
from template_cells import NOTEBOOKS
from warm_python import WarmPython

import analysis_lib as al
from analysis_lib.book.engine.reading import digest, digests
from analysis_lib.book.sections import chapters
from analysis_lib.review.schemas import SCHEMAS

READS = """\
from pathlib import Path
import json
for path in sorted(Path().glob("*.ipynb")):
    cells = json.loads(path.read_text())["cells"]
    print(path.stem, cells[0]["source"], [c["source"] for c in cells if c["cell_type"] == "code"])
print(Path("../book/intro.md").read_text())
"""


def write(folder: Path, name: str, text: str, code: str) -> None:
    cells = [nbformat.v4.new_markdown_cell(text), nbformat.v4.new_code_cell(code)]
    for i, cell in enumerate(cells):
        cell.id = str(i)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "notebooks" / f"{name}.ipynb")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("notebooks", "book", "data"):
        (tmp_path / name).mkdir()
    (tmp_path / "book" / "intro.md").write_text("Welcome")
    write(tmp_path, "reads", "# Reads the others", READS)
    write(tmp_path, "other", "# Other\n\nA sentence.", "print(1 + 1)")
    return tmp_path


RUN = """\
import sys
from pathlib import Path
from analysis_lib.book.engine.reading import digests
from analysis_lib.book.engine.running import run_stale
from analysis_lib.book.engine.sources import Sources
from analysis_lib.review.model import load_review
folder, store = map(Path, sys.argv[1:])
notebooks = {p.name: p for p in (folder / "notebooks").glob("*.ipynb")}
has_review = (folder / "data" / "review.toml").is_file()
tables = digests(load_review(folder / "data")) if has_review else {}
run_stale(Sources(folder), notebooks, store, tables).wait()
"""


def ran(python: WarmPython, folder: Path, store: str = "ran") -> set[str]:
    """Run what is stale; return which notebooks those were."""
    command = python.start("-c", RUN, str(folder), str(folder / "_build" / store), cwd=folder)
    said = command.communicate()[0]
    assert command.returncode == 0, said
    return set(re.findall(r"ran (\w+)\.ipynb", said))


def shown(folder: Path, name: str, store: str = "ran") -> str:
    cells = nbformat.read(folder / "_build" / store / f"{name}.ipynb", as_version=4).cells
    return str([cell.get("outputs") for cell in cells])


@pytest.mark.slow
def test_what_a_notebook_reads_of_others_is_never_stale(folder: Path) -> None:
    with WarmPython(ROOT) as python:
        assert ran(python, folder) == {"reads", "other"}
        write(folder, "other", "# Other\n\nAnother sentence.", "print(1 + 1)")
        (folder / "book" / "unread.md").write_text("Nobody opens this")
        assert ran(python, folder) == set()
        write(folder, "other", "# Renamed\n\nAnother sentence.", "print(1 + 1)")
        assert ran(python, folder) == {"reads"}
        assert "Renamed" in shown(folder, "reads")
        write(folder, "other", "# Renamed\n\nAnother sentence.", "print(2 + 2)")
        assert ran(python, folder) == {"reads", "other"}
        write(folder, "third", "# Third", "print(3)")
        assert ran(python, folder) == {"reads", "third"}
        (folder / "book" / "intro.md").write_text("Good morning")
        assert ran(python, folder) == {"reads"}
        (folder / "notebooks" / "third.ipynb").unlink()
        assert ran(python, folder) == {"reads"}
        assert ran(python, folder, "afresh") == {"reads", "other"}
    for name in ("reads", "other"):  # as if nothing had been kept
        assert shown(folder, name) == shown(folder, name, "afresh")


def test_a_digest_is_one_of_what_other_pages_show(folder: Path) -> None:
    other = folder / "notebooks" / "other.ipynb"
    before = digest(other), digest(other.parent), digest(folder / "data")
    (other.parent / ".ipynb_checkpoints").mkdir()
    (folder / "data" / "trials.csv").write_text("a table has its own digest")
    assert (digest(other), digest(other.parent), digest(folder / "data")) == before
    write(folder, "other", "A title without a sign\n\n# Other", "print(1 + 1)")
    assert digest(other) != before[0]
    assert digest(folder / "none.md") == ""
    for broken in ("", "{", "[]", '{"cells": 1}', '{"cells": [{}]}'):
        other.write_text(broken)
        assert digest(other) != before[0]


#: A column of each table whose first cell can be any words.
WORDS = {
    "outcomes": "label", "follow_ups": "label", "criteria": "text", "sources": "name",
    "searches": "searchers", "selection": "label", "excluded_reports": "title",
    "reports": "first_author", "trials": "label", "arms": "description",
    "interventions": "modalities", "adverse_events": "description", "published": "note",
    "arm_results": "source", "contrasts": "note", "risk_of_bias": "note", "certainty": "source",
    "analyses": "source", "reconstructed": "source", "claims": "source",
    "subgroup_levels": "source", "statements": "source",
}  # fmt: skip
#: Tables that this review need not have, and has not.
ABSENT = {"moderators", "instruments"}


def change(table: Path, column: str) -> None:
    """Write a word more into the first cell of a column."""
    with table.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))
    place = rows[0].index(column)
    row = next(row for row in rows[1:] if row[place])
    row[place] += " changed"
    with table.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines, lineterminator="\n").writerows(rows)


def with_data(folder: Path) -> Path:
    shutil.copytree(DATA, folder / "data", dirs_exist_ok=True)
    (folder / "book").mkdir(exist_ok=True)
    shutil.copy(ROOT / "book" / "references.bib", folder / "book")
    return folder


#: Notebooks that come to what a table holds in different ways, each with the tables it depends on.
WAYS = {
    "asks": ('print(review.searches.to_csv())', {"searches"}),
    "by_name": ('print(getattr(review, "criteria").to_csv())', {"criteria"}),
    "marked": ('print(review.trials["label"].tolist())', {"trials"}),
    "kept": ("print(review.trial_names)", {"trials"}),
    "kept_too": ("print(review.trial_names, len(review.certainty))", {"trials", "certainty"}),
    "another": (
        "import dataclasses\nprint(dataclasses.replace(review).claims.to_csv())",
        {*WORDS},
    ),
    "opens": ('import pandas as pd\nprint(pd.read_csv("../data/sources.csv"))', {"sources"}),
    "imports": ("import helper\nprint(helper.rows)", {"reports"}),
    "imports_too": ("import helper\nprint(len(helper.rows), helper.rows)", {"reports"}),
    "program": (
        'import subprocess\nprint(subprocess.check_output(["cat", "../data/claims.csv"]))',
        {*WORDS},
    ),
    "elsewhere": ("print(1 + 1)", set()),
}  # fmt: skip
HELPER = 'from pathlib import Path\nrows = Path("../data/reports.csv").read_text()\n'


@pytest.mark.slow
def test_a_notebook_runs_again_when_a_table_that_it_came_to_has_changed(folder: Path) -> None:
    with_data(folder)
    for old in (folder / "notebooks").iterdir():
        old.unlink()
    (folder / "notebooks" / "helper.py").write_text(HELPER)
    load = 'import analysis_lib as al\nreview = al.load_review("data")\n'
    for name, (code, _) in WAYS.items():
        write(folder, name, f"# {name}", load + code)
    with WarmPython(ROOT) as python:
        assert ran(python, folder) == {*WAYS}
        assert ran(python, folder) == set()
        for table in ("searches", "criteria", "trials", "sources", "reports", "certainty"):
            change(folder / "data" / f"{table}.csv", WORDS[table])
            assert ran(python, folder) == {name for name, (_, on) in WAYS.items() if table in on}
        ran(python, folder, "afresh")
    for name in WAYS:
        assert shown(folder, name) == shown(folder, name, "afresh")


RECORD = """\
import json, sys
from contextlib import redirect_stdout
from io import StringIO
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
import analysis_lib as al
from analysis_lib.book.engine import reading
from analysis_lib.book.sections import chapters
InteractiveShell.instance()
found = {}
for call in json.loads(sys.argv[1]):
    reading.begin(*sys.argv[2:])
    with capture_output() as shown:
        exec(call, {"review": al.load_review("data"), "chapters": chapters, "al": al})
    with redirect_stdout(StringIO()) as told:
        reading.tell(sys.argv[3])
    found[call] = [[str(one.data) for one in shown.outputs], json.loads(told.getvalue())]
print("FOUND" + json.dumps(found))
"""
CALLS = [call for calls in NOTEBOOKS.values() for call in calls]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what each section of a new book shows of our review, and what it read for that."""
    folder = with_data(tmp_path_factory.mktemp("recorded"))
    with WarmPython(ROOT) as python:
        told = (json.dumps(CALLS), str(folder), str(folder / "data"))
        command = python.start("-c", RECORD, *told, cwd=folder)
        said = command.communicate()[0]
    assert command.returncode == 0, said
    found: dict[str, Any] = json.loads(said.partition("FOUND")[2])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS)
def test_what_a_section_shows_is_the_same_when_all_that_it_did_not_read_has_changed(
    call: str, recorded: dict[str, Any], tmp_path: Path
) -> None:
    shown, told = recorded[call]
    folder = with_data(tmp_path)
    read = {Path(file).name for file in told["read"]} | {f"{name}.csv" for name in told["tables"]}
    for table, column in WORDS.items():
        if f"{table}.csv" not in read:
            change(folder / "data" / f"{table}.csv", column)
    for file in (folder / "data").rglob("*.csv"):
        if file.name not in read and file.stem not in SCHEMAS:
            file.write_text("never opened")
    names = {"review": al.load_review(folder / "data"), "chapters": chapters, "al": al}
    InteractiveShell.instance()
    with capture_output() as captured:
        exec(call, names)
    assert [str(one.data) for one in captured.outputs] == shown
    assert shown


@pytest.mark.slow
def test_every_table_is_read_by_some_section_and_none_by_all(recorded: dict[str, Any]) -> None:
    assert {*WORDS} == {*SCHEMAS} - ABSENT
    asked = [set(told["tables"]) for _, told in recorded.values()]
    assert set.union(*asked) >= {*WORDS} - {"claims", "statements"}
    assert not set.intersection(*asked)


def test_a_review_has_nothing_but_tables_and_what_is_looked_at_beside_them() -> None:
    """Its folder, ``review.toml`` whose contents count for all, what it keeps for one notebook."""
    review = al.load_review(DATA)
    names = {field.name for field in dataclasses.fields(review)}
    assert names - digests(review).keys() == {"path", "info", "computed"}


def test_a_digest_of_a_table_is_one_of_every_value_and_of_what_goes_with_it() -> None:
    review = al.load_review(DATA)
    before = digests(review)
    assert digests(al.load_review(DATA)) == before
    trials = review.trials
    for other in (
        trials.iloc[::-1],
        trials.astype({"year": "float64"}),
        trials.rename(columns={"note": "notes"}),
        trials.assign(label=trials["label"].where(trials.index != 3, None)),
    ):
        assert digests(dataclasses.replace(review, trials=other))["trials"] != before["trials"]
    marked = trials.copy()
    marked.attrs["of its own"] = {"an": "entry"}
    assert digests(dataclasses.replace(review, trials=marked))["trials"] != before["trials"]
    assert isinstance(review.printed, pd.DataFrame)
