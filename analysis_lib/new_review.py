"""Write the folder of a new review: empty tables, words to fill in, and a book that adapts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, TypeAlias

from analysis_lib.errors import ReviewError

Cell: TypeAlias = tuple[str, str]

REVIEW_TOML: Final = """\
# What this review is. Fill in every line; the tables beside this file hold the rest.
# The headings in square brackets stay, even with nothing below them.
title = "The title of the review"
authors = ["First Author", "Second Author"]
question = "What does the review ask?"
registration = "not registered"    # or the registry and number, as "PROSPERO CRD..."
citation = "this-review"           # its key in ../book/references.bib
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
@misc{this-review,
  title  = {The title of the review},
  author = {Author, First and Author, Second},
  year   = {2026}
}
"""

DATA_README: Final = """\
# The data of this review

- `review.toml` says what the review is. The other files are tables: UTF-8, one header row.
- Begin with `outcomes.csv` and `follow_ups.csv`, then `trials.csv`, `arms.csv` and
  `arm_results.csv` (n, mean and sd of each arm at each time; events instead of mean and sd for
  what people have or have not). `python -m analysis_lib import SHEET --to .` fills the last three
  from an extraction sheet.
- Every row ends with `provenance` (`reported` when the source says so, `secondary` when another
  article does, `reconstructed` when it was computed), `source` (which document, and where in it)
  and `note`.
- `group` in `arms.csv` is `experimental` for the first side of the comparison and `comparator` for
  the second.
- Leave a cell empty if nothing is known. A table that the review has no use for stays empty.
- `python -m analysis_lib check .` says what is wrong and what is missing.
"""

CONFIG: Final = """\
title: "The title of the review"
author: "First Author, Second Author"
only_build_toc_files: true
execute:
  execute_notebooks: force
bibtex_bibfiles: [book/references.bib]
html:
  use_issues_button: false
  use_repository_button: false
sphinx:
  config:
    html_math_renderer: mathjax
    bibtex_reference_style: author_year
"""

TOC: Final = """\
format: jb-book
root: book/intro
chapters:
  - file: notebooks/01_trials
  - file: notebooks/02_results
  - file: notebooks/03_robustness
"""

INTRO: Final = """\
# The title of the review

What does the review ask, and what does it find? Write it here, in plain words.

The tables in `data/` are the review; the pages that follow are computed from them.

```{bibliography}
:all:
```
"""

SETUP: Final = """\
import pandas as pd

import analysis_lib as al
from analysis_lib import formatting, plots, sections
from analysis_lib.book import show_figure, show_table

review = al.load_review("data")"""

NOTEBOOKS: Final[dict[str, tuple[Cell, ...]]] = {
    "01_trials": (
        ("markdown", "# The trials\n\nWhich trials are included, and how were they found?"),
        ("code", SETUP),
        (
            "code",
            "if len(review.selection):\n"
            '    show_figure(plots.prisma(review.selection), "fig-selection")',
        ),
        (
            "code",
            'people = review.arms.groupby("trial")["n"].agg(["size", "sum"])\n'
            "show_table(\n"
            "    pd.DataFrame(\n"
            "        {\n"
            '            "Trial": review.trials["label"],\n'
            '            "Year": review.trials["year"],\n'
            '            "Arms": review.trials["trial"].map(people["size"]),\n'
            '            "People": review.trials["trial"].map(people["sum"]),\n'
            "        }\n"
            "    ),\n"
            '    "The trials",\n'
            '    numeric=["Year", "Arms", "People"],\n'
            ")",
        ),
        (
            "code",
            "if len(review.adverse_events):\n"
            '    show_table(review.adverse_events[["trial", "arm", "events", "relation"]], '
            '"Adverse events")',
        ),
    ),
    "02_results": (
        (
            "markdown",
            "# The results\n\nOutcome by outcome and follow-up by follow-up: what did the trials "
            "find, and what follows when they are taken together?",
        ),
        ("code", SETUP),
        (
            "code",
            "analyses = list(sections.pooled_analyses(review))\n"
            "for effects in analyses:\n"
            "    sections.show_analysis(review, effects.outcome, effects.follow_up)\n"
            "if not analyses:\n"
            '    print("Nothing can be pooled yet: data/arm_results.csv has no complete pair.")',
        ),
        (
            "code",
            "if len(review.certainty):\n"
            '    show_table(review.certainty[["outcome", "follow_up", "rating", "reasons"]], '
            '"Certainty of the evidence")',
        ),
    ),
    "03_robustness": (
        (
            "markdown",
            "# Would the answer change?\n\nEach comparison is left out once, and small studies are "
            "set against large ones. With fewer than ten comparisons a funnel plot says little.",
        ),
        ("code", SETUP),
        (
            "code",
            "for effects in sections.pooled_analyses(review):\n"
            "    if effects.k >= 3:\n"
            "        left_out = al.leave_one_out(\n"
            "            effects.effect, effects.variance, labels=effects.labels, "
            "**review.info.methods\n"
            "        )\n"
            "        show_table(\n"
            "            pd.DataFrame(\n"
            "                {\n"
            '                    "Without": left_out["left_out"],\n'
            '                    "Effect (CI)": [\n'
            "                        formatting.estimate(r.estimate, (r.ci_low, r.ci_high))\n"
            "                        for r in left_out.itertuples()\n"
            "                    ],\n"
            "                }\n"
            "            ),\n"
            "            sections.heading(review, effects),\n"
            "        )",
        ),
        (
            "code",
            "for effects in sections.pooled_analyses(review):\n"
            "    if effects.k >= 10:\n"
            "        show_figure(\n"
            "            plots.funnel(effects.pool(**review.info.methods), "
            "measure=effects.measure),\n"
            '            f"fig-funnel-{effects.outcome}-{effects.follow_up}".lower(),\n'
            "        )",
        ),
    ),
}


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
    from analysis_lib.schemas import SCHEMAS

    folder = Path(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ReviewError(f"{folder} is there and is not an empty folder; nothing was written")
    texts = {
        "data/review.toml": REVIEW_TOML,
        "data/README.md": DATA_README,
        **{f"data/{name}.csv": ",".join(s.columns) + "\n" for name, s in SCHEMAS.items()},
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
