"""Build the book: check the data, run the notebooks, write HTML. Nothing stale is published.

The notebooks run in a copy, ``_build/source``, so that the stored outputs of ``notebooks/`` stay
what ``make refresh`` made them, and the tests can tell when they are out of date. A notebook runs
again when its cells, any data file, any module of the library or the locked environment changed;
the pages are written again, from nothing, when anything in the copy changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
from extras import finish, write_explorer, write_links
from new_version import news_snippets

import analysis_lib as al
from analysis_lib.book.page import FIGURE_FOLDER, as_markdown, table_html
from analysis_lib.review.model import provenance_counts, result_status
from analysis_lib.review.schemas import codebook
from notebooks import execute_all

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
SOURCE = BUILD / "source"
PRINTS = BUILD / "figures"
HTML = BUILD / "html"
STAMP = BUILD / "html.fingerprint"
RAN = BUILD / "notebooks.json"


def main() -> None:
    """Build, and say at each step what is being done."""
    start = time.monotonic()
    say("checking the data")
    try:
        review = al.load_review(ROOT / "data")
    except al.ReviewError as error:
        raise SystemExit(f"{error}\nNothing was built.") from None
    say(f"  {review}")
    stage_pages()
    write_data_pages(review)
    run_notebooks()
    write_figures()
    if "book/explorer" in (ROOT / "_toc.yml").read_text(encoding="utf-8"):
        write_explorer(review, SOURCE / "book")
    write_links(ROOT, SOURCE / "book")
    write_html()
    say(f"done in {time.monotonic() - start:.0f} s")
    say(f"open {(HTML / 'index.html').relative_to(ROOT)} in a browser")


def say(words: str) -> None:
    """Print at once, so that progress is seen as it is made."""
    print(words, flush=True)


def fingerprint(files: Iterable[Path]) -> str:
    """Return a digest of the names and contents of files."""
    digest = hashlib.sha256(sys.version.encode())
    for file in sorted(files):
        digest.update(str(file).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def files_below(*folders: Path) -> list[Path]:
    """Return every file below the folders that is not a product of Python."""
    return [
        file
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    ]


def stage_pages() -> None:
    """Copy the pages; what was deleted from the book disappears from the copy too."""
    SOURCE.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(SOURCE / "book", ignore_errors=True)
    shutil.copytree(ROOT / "book", SOURCE / "book", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, SOURCE / name)


def write_data_pages(review: al.Review) -> None:
    """Write the tables of the data page: the codebook from the schemas, the status from the data.

    They are snippets for the page to include, and end in .txt lest they be taken for pages.
    """
    folder = SOURCE / "book" / "generated"
    folder.mkdir(exist_ok=True)
    status = provenance_counts(review)
    results = result_status(review)
    results.columns = ["Trial", "Means and SDs by arm", "Differences between arms"]
    tables: dict[str, str] = {
        "status": table_html(
            status, "Rows by provenance", name="data-status", numeric=[*status.columns[2:]]
        ),
        "results": table_html(
            results,
            "What is known of each trial's results after training",
            name="result-status",
            note="The means and standard deviations that are missing here stand in Appendix D of "
            "the review, which is not among our sources.",
        ),
        "agreement": table_html(
            agreement(),
            "Agreement with R by family of methods: reference entries, tolerance and worst "
            "difference seen",
            name="agreement-table",
            group="Family",
            numeric=["Entries", "Tolerance", "Worst difference"],
        ),
        "codebook": table_html(codebook(), "Codebook", name="codebook-table", group="table"),
    }
    tables |= news_snippets(review, ROOT / "data")
    for name, table in tables.items():
        (folder / f"{name}.txt").write_text(table + "\n", encoding="utf-8")


def agreement() -> pd.DataFrame:
    """Return the comparison with R that the last recorded test run wrote, by family."""
    cases = pd.read_csv(ROOT / "book" / "tables" / "r_agreement.csv", dtype={"tolerance": "str"})
    rows = []
    for (family, tolerance, reason), group in cases.groupby(
        ["family", "tolerance", "reason"], sort=False
    ):
        rows.append(
            {
                "Family": family,
                "Quantities": ", ".join(sorted(group["quantity"].astype(str))),
                "Entries": group["entries"].max(),
                "Tolerance": tolerance,
                "Worst difference": f"{group['worst_error'].max():.1e}",
                "Why this tolerance": reason,
            }
        )
    return pd.DataFrame(rows)


def run_notebooks() -> None:
    """Run the notebooks whose result may have changed since they last ran."""
    folder = SOURCE / "notebooks"
    folder.mkdir(exist_ok=True)
    notebooks = {path.name: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    for old in folder.glob("*.ipynb"):
        if old.name not in notebooks:
            old.unlink()
    common = fingerprint(
        [
            *files_below(ROOT / "data", ROOT / "analysis_lib", ROOT / "examples"),
            *files_below(ROOT / "book" / "tables"),
            *(ROOT / "tests" / "golden").glob("rubinstein2019.json"),
            ROOT / "requirements.lock",
            ROOT / "tools" / "notebooks.py",
            ROOT / "book" / "references.bib",
        ]
    )
    wanted = {name: common + cells_fingerprint(path) for name, path in notebooks.items()}
    ran = json.loads(RAN.read_text()) if RAN.is_file() else {}
    stale = [n for n in notebooks if ran.get(n) != wanted[n] or not (folder / n).is_file()]
    say(f"notebooks: {len(stale)} to run, {len(notebooks) - len(stale)} up to date")
    for name in stale:
        ran.pop(name, None)
        shutil.copy(notebooks[name], folder / name)
    PRINTS.mkdir(exist_ok=True)
    os.environ[FIGURE_FOLDER] = str(PRINTS)  # the kernels inherit it
    RAN.write_text(json.dumps(ran))  # a run that is cut off is not taken for a finished one
    execute_all(folder / name for name in stale)
    RAN.write_text(json.dumps(wanted, indent=1))


def cells_fingerprint(path: Path) -> str:
    """Return a digest of what a notebook does: its sources and settings, not its outputs."""
    notebook = nbformat.read(path, as_version=4)
    cells = [(c.cell_type, c.source, c.metadata) for c in notebook.cells]
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()


def write_figures() -> None:
    """Write every figure of the notebooks for pages to include and readers to take along.

    In its notebook a figure gets its number from `analysis_lib.book.sphinx`.
    """
    folder = SOURCE / "book" / "figures"
    folder.mkdir(exist_ok=True)
    for path in sorted((SOURCE / "notebooks").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                if words := output.get("metadata", {}).get("figure"):
                    write_figure(folder, words, output["data"]["image/svg+xml"])


def write_figure(folder: Path, words: dict[str, Any], svg: str) -> None:
    """Write a figure as a file, and as a snippet that a page can include.

    Alt text and caption hold words from the data, and stay words: as a quoted option, and escaped.
    """
    name = words["name"]
    (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    alt = json.dumps(words["alt"], ensure_ascii=False)  # quoted, lest a # begin a comment
    caption = as_markdown(words["caption"])
    (folder / f"{name}.txt").write_text(
        f"```{{figure}} /book/figures/{name}.svg\n:alt: {alt}\n\n{caption}\n```\n",
        encoding="utf-8",
    )


def write_html() -> None:
    """Write the pages from nothing, with every warning an error, and swap them in when whole."""
    # The library writes pages too: its docstrings are the reference.
    made_from = files_below(SOURCE, ROOT / "analysis_lib", ROOT / "tools")
    wanted = fingerprint([*made_from, ROOT / "requirements.lock"])
    if STAMP.is_file() and STAMP.read_text() == wanted and HTML.is_dir():
        say("pages: nothing changed")
        return
    say("writing the pages")
    STAMP.unlink(missing_ok=True)
    fresh = BUILD / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    options = [
        "--path-output",
        str(fresh),
        "--warningiserror",
        "--nitpick",
        "--keep-going",
        "--quiet",
    ]
    # Warnings come on stderr and are shown; the farewell on stdout names the wrong folder.
    result = subprocess.run(
        [jupyter_book, "build", SOURCE, *options], cwd=ROOT, check=False, stdout=subprocess.DEVNULL
    )
    if result.returncode:
        raise SystemExit("The pages could not be written; see the messages above.")
    finish(fresh / "_build" / "html", ROOT, SOURCE / "book" / "figures", PRINTS)
    shutil.rmtree(HTML, ignore_errors=True)
    shutil.move(fresh / "_build" / "html", HTML)
    shutil.rmtree(fresh)
    STAMP.write_text(wanted)


if __name__ == "__main__":
    main()
