"""Write the folder of a new review: empty tables, words to fill in, and a book that adapts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, TypeAlias

from analysis_lib.base.errors import ReviewError

Cell: TypeAlias = tuple[str, str]

REVIEW_TOML: Final = """\
# What this review is. Fill in every line; the tables beside this file hold the rest.
# The headings in square brackets stay, even with nothing below them.
# Title, authors and question stand nowhere else: the book takes them from here.
title = "The title of the review"
authors = ["First Author", "Second Author"]
question = "What does the review ask?"
registration = "not registered"    # or the registry and number, as "PROSPERO CRD..."
citation = "this-review"           # its entry in ../book/references.bib
# The two sides of every comparison in the words of the review, as they stand in a sentence; effects
# are the first minus the second. The short names head columns and arrows.
experimental = "the intervention"
comparator = "the comparator"
short_names = ["intervention", "comparator"]

# Any dates worth telling, written as texts.
[dates]
# searched = "2026-01-31"

# Numbers of participants that the text of the review states, if it does. `check` compares them
# with the arms; a difference that has a reason is explained here.
[participants]
# total = 120
# experimental = 60
# comparator = 60
# [[participants.difference]]
# n = 2
# group = "experimental"
# why = "Two people who were randomised twice are counted once in the text."

# How the analyses are pooled.
[methods]
tau2_method = "REML"   # FE DL HE HS SJ ML REML EB PM
ci_method = "HK"       # wald HK HK-adhoc
pi_method = "HTS"      # HTS (t with k-2 degrees of freedom), V (t with k-1), normal
level = 0.95

# From how many domains with "some concerns" the overall risk of bias is high; RoB 2 leaves the
# number to the reviewer.
[risk_of_bias]
# concerns_for_high = 2
"""

BIBLIOGRAPHY: Final = """\
% The works that the tables cite in their columns "citation", and the pages with {cite}`key`.

% This entry stands for the review itself. Its title and authors are in ../data/review.toml.
@misc{this-review,
}
"""

DATA_README: Final = """\
# The data of this review

- `review.toml` says what the review is. The other files are tables: UTF-8, one header row.
- Begin with `outcomes.csv` and `follow_ups.csv`, then `trials.csv`, `arms.csv` and
  `arm_results.csv` (n, mean and sd of each arm at each time, `baseline` among them; events instead
  of mean and sd for what people have or have not). `python -m analysis_lib import SHEET --to .`
  fills the last three from an extraction sheet.
- Every row ends with `provenance` (`reported` when the source says so, `secondary` when another
  article does, `reconstructed` when it was computed), `source` (which document, and where in it)
  and `note`.
- `group` in `arms.csv` is `experimental` for the first side of the comparison and `comparator` for
  the second.
- Leave a cell empty if nothing is known. A table that the review has no use for stays empty, and
  a column whose cells may all be empty may be absent.
- `interventions.csv` takes any further columns that describe what was done, such as dose or
  training of the therapists.
- `python -m analysis_lib check .` says what is wrong and what is missing.
"""

CONFIG: Final = """\
# The settings of the book. Title and authors are not among them: they are in data/review.toml.
only_build_toc_files: true
execute:
  execute_notebooks: force
  timeout: 600    # seconds for one cell
bibtex_bibfiles: [book/references.bib]
html:
  use_issues_button: false
  use_repository_button: false
sphinx:
  recursive_update: true
  config:
    review_folder: data
    nb_execution_raise_on_error: true
    html_math_renderer: mathml
    myst_update_mathjax: false
    html_context: {default_mode: auto}
    html_theme_options: {navbar_persistent: []}
    html_show_copyright: false
    bibtex_reference_style: author_year
    # The whole list, without the extensions that need other hosts.
    extensions:
      - sphinx_comments
      - sphinx_togglebutton
      - sphinx_copybutton
      - myst_nb
      - jupyter_book
      - sphinx_external_toc
      - sphinx_design
      - sphinx_book_theme
      - sphinxcontrib.bibtex
      - analysis_lib.book.sphinx
parse:
  myst_enable_extensions: [colon_fence, deflist, dollarmath, amsmath]
"""

INTRO_PROMPT: Final = "What did you find, and how sure are you? Write it here, in plain words."
INTRO: Final = f"""\
# {{review}}`title`

{{review}}`authors`

**Question.** {{review}}`question`

**Registration.** {{review}}`registration`

{INTRO_PROMPT}

The tables in `data/` are the review; the pages that follow are computed from them.
"""

SETUP: Final = """\
import analysis_lib as al
from analysis_lib.book import chapters

review = al.load_review("data")"""


def _page(title: str, question: str, *sections: tuple[str, str]) -> tuple[Cell, ...]:
    """Return the cells of a notebook: a question, and one call below each heading."""
    cells = [("markdown", f"# {title}\n\n{question}"), ("code", SETUP)]
    for heading, call in sections:
        cells += [("markdown", f"## {heading}"), ("code", call)]
    return tuple(cells)


NOTEBOOKS: Final[dict[str, tuple[Cell, ...]]] = {
    "01_selection": _page(
        "How the trials were found",
        "Which trials can answer the question, where were they looked for, and what became of "
        "every record that was found?",
        ("What counts as an answer", "chapters.show_criteria(review)"),
        ("Where it was looked for", "chapters.show_sources(review)"),
        ("What became of the records", "chapters.show_flow(review)"),
        ("The reports", "chapters.show_reports(review)"),
    ),
    "02_trials": _page(
        "The trials",
        "Who took part, what did they do, and was it safe?",
        ("Trials and arms", "chapters.show_trials(review)"),
        ("People", "chapters.show_participants(review)"),
        ("What the experimental arms did", "chapters.show_interventions(review)"),
        ("Adverse events", "chapters.show_adverse_events(review)"),
    ),
    "03_risk_of_bias": _page(
        "Risk of bias",
        "How far can each trial be trusted?",
        ("Trial by trial", "chapters.show_risk_of_bias(review)"),
        ("How much of the evidence is affected", "chapters.show_risk_by_weight(review)"),
    ),
    "04_results": _page(
        "The results",
        "What did the trials find, and what follows when they are taken together?",
        ("Primary outcomes", 'chapters.show_outcomes(review, "primary")'),
        ("Secondary outcomes", 'chapters.show_outcomes(review, "secondary")'),
        ("Published against recomputed", "chapters.show_published(review)"),
    ),
    "05_robustness": _page(
        "Robustness",
        "Do the conclusions depend on one kind of trial, on one trial, or on a choice of the "
        "analyst?",
        ("Subgroups", "chapters.show_subgroups(review)"),
        ("Leaving out one trial at a time", "chapters.show_leave_one_out(review)"),
        ("Other choices", "chapters.show_choices(review)"),
    ),
    "06_reporting_bias": _page(
        "Reporting bias",
        "Are results missing because of what they showed?",
        ("Small studies against large ones", "chapters.show_reporting_bias(review)"),
    ),
    "07_certainty": _page(
        "Certainty of the evidence",
        "How sure may one be?",
        ("Summary of findings", "chapters.show_findings(review)"),
        ("What the numbers prompt", "chapters.show_prompts(review)"),
    ),
}

TOC: Final = "\n".join(
    ["format: jb-book", "root: book/intro", "chapters:"]
    + [f"  - file: notebooks/{name}" for name in NOTEBOOKS]
    + [""]
)


def new_review(path: str | Path) -> tuple[Path, ...]:
    """Write the folder of a new review.

    Parameters
    ----------
    path
        The folder; it must not hold anything yet.

    Returns
    -------
    tuple of Path
        What was written: ``data`` with every table as a header, ``review.toml`` with comments,
        ``book``, ``notebooks`` and the two files that jupyter-book needs.

    Raises
    ------
    ReviewError
        If the folder is not empty, or cannot be written.
    """
    # pandera is slow to import, and only this function and the loader need the schemas.
    from analysis_lib.review.schemas import SCHEMAS, header

    folder = Path(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ReviewError(f"{folder} is there and is not an empty folder; nothing was written")
    texts = {
        "data/review.toml": REVIEW_TOML,
        "data/README.md": DATA_README,
        **{f"data/{name}.csv": ",".join(header(name)) + "\n" for name in SCHEMAS},
        "book/intro.md": INTRO,
        "book/references.bib": BIBLIOGRAPHY,
        "_config.yml": CONFIG,
        "_toc.yml": TOC,
        **{f"notebooks/{name}.ipynb": _notebook(cells) for name, cells in NOTEBOOKS.items()},
    }
    try:
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ReviewError(f"{folder}: cannot be written ({error.strerror})") from None
    return tuple(folder / name for name in texts)


def _notebook(cells: tuple[Cell, ...]) -> str:
    """Return the text of a notebook without outputs."""
    written = []
    for number, (kind, source) in enumerate(cells):
        cell: dict[str, object] = {
            "cell_type": kind,
            "id": f"cell-{number}",
            "metadata": {"tags": ["hide-input"]} if kind == "code" else {},
            "source": source.splitlines(keepends=True),
        }
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        written.append(cell)
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    notebook = {
        "cells": written,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
