"""Words that try to be more than words, and a small review that holds them in every column.

The review is complete: every table has rows, so that every section of a book has something to
show. Columns are found in the schemas: a new one is covered as soon as it is there.

``PYTHONPATH=.:tests python tests/hostile.py`` writes what becomes of each kind of words in each
column into ``benchmarks/hostile.md``.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import functools
import inspect
import io
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter
from places import ROOT

from analysis_lib.book import page
from analysis_lib.book.sections import (
    analyses,
    authors,
    chapters,
    grading,
    moderation,
    results,
    robustness,
)
from analysis_lib.conclusions import versions
from analysis_lib.importing.new_review import new_review
from analysis_lib.importing.watching import kept
from analysis_lib.plots import look
from analysis_lib.printed.reconstruction import files
from analysis_lib.review import found
from analysis_lib.review.cells import TEXT, cells_of, checked_values, kind_of
from analysis_lib.review.comparisons import study_effects
from analysis_lib.review.info import SHARED_ARMS, ReviewInfo
from analysis_lib.review.instruments import OWN, own_instruments
from analysis_lib.review.model import Review
from analysis_lib.review.schemas import EXTRACTION, SCHEMAS

HOST = "evil.example"
RTL, LRO, POP = "\u202e", "\u2066", "\u2069"


#: What people write: it has to appear as it stands.
ORDINARY = (
    "P < 0.05", "a_b", "5 * 3 * 2", "#1", "C++ & C", "[sic]", "$5 to $10", "50 % (n = 3)",
    "O'Brien's \"trial\"", "a -- b", "1. first", "- 0.5", "I² ≥ 75%", "(a) b", "~5", "A|B", "x^2",
    "<0.001", "R&D", "50 < x > 30", "'quoted'", "e.g. 10:30", "@home", "{x}", "2)", "1/2", "...",
)  # fmt: skip


def catalogue(canary: Path, secret: Path) -> dict[str, tuple[str, ...]]:
    """Return hostile texts by their kind.

    Parameters
    ----------
    canary
        A file that exists afterwards if a command was run.
    secret
        A file whose contents must be nowhere afterwards.
    """
    run = f"touch {canary}"
    return {
        "Jinja": (
            f"{{{{ cycler.__init__.__globals__.os.popen('{run}').read() }}}}",
            "{% for x in ().__class__.__subclasses__() %}{{ x }}{% endfor %}",
            "{# unseen #}",
            "{0.__class__} {x} %(x)s %s {{}}",
        ),
        "roles": (
            f"{{download}}`{secret}`",
            "{glue:text}`pain` {review}`title` {doc}`/book/intro` {abbr}`A (b)` {cite}`key`",
            f"|today| `a`_ `b <https://{HOST}>`_ :ref:`c` **d** .. include:: {secret}",
        ),
        "directives": (
            f"```{{include}} {secret}",
            f"a\n\n```{{include}} {secret}\n```\n",
            f"a\n\n:::{{literalinclude}} {secret}\n:::\n",
            f"```{{eval-rst}}\n.. include:: {secret}\n```",
            "a\n\n```{raw} html\n<b id=evil>x</b>\n```",
            f"```{{code-cell}}\n!{run}\n```\n+++",
            "---\ntitle: x\n---\n",
            "(evil)=\n% unseen\n[](#evil)",
            "{#evil .evil onclick=evil} x{.evil}",
        ),
        "Markdown": (
            "# x",
            "x\n===\ny\n---",
            "- x\n- y\n1. z",
            "1. x",
            "x\n: y",
            "> x",
            "***",
            "| a | b |\n|---|---|\n| c | d |",
            "```\nx",
            "~~~\nx",
            "a\n\n        b",
            "*a* **b** _c_ __d__ ~~e~~ `f` ^g^ ==h== *i",
            "\\ \\\\ \\` \\x1b \\u003c \\n",
        ),
        "HTML": (
            f"<script src=https://{HOST}/x.js></script><script>evil()</script>",
            "</script><script>evil()</script><!--<script>",
            f"<img src=//{HOST}/x.png onerror=evil()>",
            f"</td></table></div><iframe src=https://{HOST}></iframe>",
            f"<style>@import url(//{HOST}/x.css)</style><b style=color:red>x</b>",
            f"<svg onload=evil()><image href=https://{HOST}/x.png /></svg>",
            "]]><!ENTITY x SYSTEM 'file:///etc/passwd'><?x y?>&x;",
            "a <!-- unseen --> b -->",
            '" onmouseover="evil()" x=\'',
            "' autofocus onfocus='evil()' x=\"",
            "a\n\n<b id=evil>x</b>",
        ),
        "entities": ("&lt;b&gt;x&lt;/b&gt; &amp; &#60;i&#62; &nbsp;&copy &#x3c;u&#x3e;",),
        "links": (
            f"[x](https://{HOST}) [y][z] [z]: https://{HOST}",
            f"[x]: https://{HOST}",
            "[x](javascript:evil()) javascript:evil()",
            f"<https://{HOST}> <mail@{HOST}>",
            f"https://{HOST}/?a=1&b=2 www.{HOST} mail@{HOST} {HOST} ftp://{HOST}",
            "x[^1] [^1]: y [@key]",
        ),
        "images": (
            f"![x](https://{HOST}/x.png) ![y](//{HOST}/y.png)",
            f"![x]({secret}) ![](../../../../etc/passwd)",
        ),
        "LaTeX": (
            f"$\\input{{{secret}}}$ $$x$$ \\(y\\) \\[z\\]",
            "\\begin{align}\nx\n\\end{align}",
            r"$\frac{1}$ x$ $\undefined{$",
        ),
        "formulas": (
            f'=HYPERLINK("https://{HOST}")',
            f'+1 +HYPERLINK("https://{HOST}")',
            " =1+1",
            "- 1+cmd|'/c calc'!A1",
            "@SUM(1)",
        ),
        "paths and commands": (
            "../../../../tmp/evil",
            str(secret),
            "C:\\evil\\x /dev/null ~root",
            "*.csv [a-z]? ** {a,b}",
            "-rf --help",
            f"$({run}) `{run}`; {run} | {run} & {run}",
            f"__import__('os').system('{run}')",
        ),
        "unseen signs": (
            f"a{RTL}b\u202c {LRO}c{POP} \u200fd\u200e",
            "a\u200bb\u200cc\u200dd\u2060e\ufefff\u00adg",
            "a\u2028b\u2029c\u0085d",
            "a\x07b\x1b[31mc\x7f",
            "a\ufffeb\uffffc",
            "Z\u0351\u036b\u0343 \U000e0041",
        ),
        "other words": ("_hidden", "nan", "疼痛 שלום боль ألم 🏋️", "x" * 300, *ORDINARY),
    }


# -- A small review -------------------------------------------------------------------------------

TRIALS = ("ada-2001", "bo-2002", "cy-2003", "di-2004")
BOXES = {
    "records_identified": 6, "records_databases": 5, "records_citation": 1,
    "duplicates_removed": 0, "records_screened": 6, "records_excluded": 0, "reports_sought": 6,
    "reports_not_retrieved": 1, "reports_assessed": 5, "reports_excluded": 1,
    "reports_included_databases": 3, "reports_included_citation": 1, "reports_included": 4,
    "studies_included": 4,
}  # fmt: skip
#: What `_rows` declares as moderators, beyond the schemas: a category, and a number.
FURTHER = {"trials": ("setting",), "arms": ("dose",)}
#: Columns that name something of the review: the loader refuses every other word, when it compares
#: the tables.
NAMES = {
    ("subgroup_levels", "variable"),
    ("claims", "table"),
    ("claims", "column"),
    ("claims", "where"),
    ("arms", "dose"),
    ("risk_of_bias", "instrument"),
    *((table, "weaker") for table in SCHEMAS),
}
Row = Mapping[str, object]


def _rows() -> dict[str, list[dict[str, object]]]:
    """Return the cells that cannot be just any words."""
    arms = [(trial, arm) for trial in TRIALS for arm in ("more", "less")]
    pair = {"experimental_arm": "more", "comparator_arm": "less"}
    pain = {"outcome": "pain", "follow_up": "end"}
    own = {"instrument": "of our own"}
    score = {"scale_min": 0, "scale_max": 10}
    printed = {"place": "results", "estimate": -0.5, "ci_low": -1, "ci_high": -0.1, "p": 0.02}
    printed |= {"words": "-0.5 (-1, -0.1), p = 0.02, tau2 0.1, I2 40"}
    return {
        "outcomes": [
            {"outcome": "pain", "priority": "primary", "measure": "MD", "mid": 1, **score},
            {"outcome": "falls", "priority": "primary", "measure": "RR"},
            {"outcome": "sleep", "priority": "secondary", "measure": "SMD"},
        ],
        "follow_ups": [{"follow_up": "end"}],
        "criteria": [{"criterion": "a", "domain": "population", "rule": "include"}],
        "sources": [{"kind": "database", "platform_group": "core", "citation": "this-review"}],
        "searches": [{"date": "2020-01", "kind": "first"}],
        "selection": [
            *({"box": box, "count": n} for box, n in BOXES.items()),
            {"box": "why", "count": 1, "parent": "reports_excluded"},
        ],
        "excluded_reports": [
            {"report": "x", "reason": "why", "retrieved": "yes"},
            {"report": "y", "reason": "reports_not_retrieved", "retrieved": "no"},
        ],
        "reports": [
            {"report": t, "trial": t, "role": "primary", "citation": "this-review"}
            | {"found_by": "citation" if t == TRIALS[0] else "databases"}
            for t in TRIALS
        ],
        "trials": [
            {"trial": trial, "pooled": "yes", "setting": f"setting {i % 2}"}
            for i, trial in enumerate(TRIALS)
        ],
        "instruments": [
            {"part": "domain", **own},
            *({"part": "level", "means": level, **own} for level in ("low", "high")),
        ],
        "moderators": [
            {"moderator": "setting", "table": "trials", "kind": "category"},
            {"moderator": "dose", "table": "arms", "kind": "number"},
        ],
        "arms": [
            {"trial": t, "arm": a, "n": 20 + 10 * i, "men": "", "women": "", "age_mean": 40 + 2 * i}
            | {"group": "experimental" if a == "more" else "comparator", "dose": i * i}
            for i, (t, a) in enumerate(arms)
        ],
        "interventions": [{"trial": trial} for trial in TRIALS],
        "adverse_events": [{"trial": TRIALS[0], "arm": "more", "relation": "related", "events": 1}],
        "published": [
            {"id": "p1", **pain, "kind": "pooled", **printed, "tau2": 0.1, "i2": 40, "without": ""},
            {"id": "p2", **pain, "kind": "sensitivity", **printed, "without": TRIALS[0]},
            {"id": "p3", **pain, "kind": "subgroup", "place": "results", "q": 2, "df": 1}
            | {"words": "Q = 2, df = 1", "without": ""},
        ],
        "arm_results": [
            *(
                {"trial": t, "arm": a, "outcome": "pain", "time": time, "n": 20 + 3 * i, **score}
                | {"mean": 5 + i / 4 - (time == "end") * (i * i % 7) / 2, "sd": 2 + (i % 5) / 4}
                for i, (t, a) in enumerate(arms)
                for time in ("baseline", "end")
            ),
            *(
                {"trial": t, "arm": a, "outcome": "falls", "time": "end", "n": 30, "events": 5 + i}
                for i, (t, a) in enumerate(arms[:6])
            ),
        ],
        "contrasts": [
            {"trial": t, "outcome": "sleep", "follow_up": "end", "measure": "SMD", **pair}
            | {"estimate": (i * i % 5) / 4, "ci_low": -1, "ci_high": 2 + i}
            | {"n_experimental": 9, "n_comparator": 9}
            for i, t in enumerate(TRIALS)
        ],
        "risk_of_bias": [
            {"trial": t, "outcome": whose, "item": item, "judgement": word}
            for t, word in zip(TRIALS, ("low", "some concerns", "high", "high"), strict=True)
            for whose in ("all", "pain")
            for item in ("overall", "D1")
        ]
        + [
            {"trial": t, "outcome": "falls", "item": "overall", "judgement": "low", **own}
            for t in TRIALS
        ],
        "certainty": [{**pain, "rating": "low"}],
        "analyses": [
            {"trial": t, **pain, **pair, "reading": "main; another", "participants": ""}
            for t in TRIALS
        ],
        "reconstructed": [
            {"trial": t, "measure": "SMD", "outcome": "sleep", "follow_up": "end", **pair}
            | {"estimate": 0.1, "se": 0.2, "low": -0.3, "high": 0.5}
            for t in TRIALS[:1]
        ],
        "claims": [
            {"claim": "c", "statistic": "sum", "relation": "=", "value": 1, "matters": "wording"}
            | {"table": "arms", "column": "n", "where": "group=experimental"}
        ],
        "subgroup_levels": [
            {"factor": "age", "level": level, "variable": "age_mean", "low": low, "high": high}
            for level, low, high in (("young", 0, 46), ("old", 46, 99))
        ],
    }


def columns_of(table: str) -> list[str]:
    """Return the columns of a table of the review: those of its schema, and declared ones."""
    return [*SCHEMAS[table].columns, *FURTHER.get(table, ())]


#: Keys, for a table that is not among the rows above.
USUAL = {"trial": TRIALS[0], "outcome": "pain", "follow_up": "end", "arm": "more"}
USUAL |= {"experimental_arm": "more", "comparator_arm": "less", "citation": "this-review"}
DEFAULTS = {"str": "words", "float64": "", "Int64": "2010", "boolean": "yes"}


def _extraction(decided_by: str) -> dict[str, Row]:
    """Return the one row of each table that compares two extraction sheets."""
    sheets = {"first_file": "a.csv", "second_file": "b.csv"}
    words = dict.fromkeys(EXTRACTION["differences.csv"].columns, "words")
    differing = {**words, **sheets, "first_row": 2, "second_row": 2, "decided_by": decided_by}
    return {
        "differences.csv": differing,
        "compared.csv": {**sheets, "cells": 10, "differing": 1},
    }


def no_change(table: str, column: str, row: int) -> str:
    """Leave a cell as it is."""
    return ""


def write_review(
    folder: Path,
    change: Callable[[str, str, int], str] = no_change,
    *,
    decided_by: str = "somebody",
) -> Path:
    """Write the small review as a folder that `new` began, and return it.

    Parameters
    ----------
    folder
        Where.
    change
        Takes table, column and number of a row; returns what stands in that cell, empty for what
        stands in it anyway.
    decided_by
        Who settled in what two extraction sheets differ.
    """
    new_review(folder)
    rows = _rows()
    for name in SCHEMAS:
        with (folder / "data" / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            columns = columns_of(name)
            writer.writerow(columns)
            for number, row in enumerate(rows.get(name, [{}])):
                usual = {column: _cell(name, column, row, number) for column in columns}
                writer.writerow([change(name, c, number) or cell for c, cell in usual.items()])
    (folder / "data" / "extraction").mkdir()
    for name, row in _extraction(decided_by).items():
        pd.DataFrame([row]).to_csv(folder / "data" / "extraction" / name, index=False)
    return folder


def _cell(table: str, column: str, row: Row, number: int) -> str:
    """Return what stands in a cell: what the row says, or anything that the schema allows."""
    if column in row:
        return str(row[column])
    spec = SCHEMAS[table].columns[column]
    kind = kind_of(spec)
    choices = [
        value for check in spec.checks for value in check.statistics.get("allowed_values", ())
    ]
    if column == "provenance":
        return "reconstructed" if table == "reconstructed" else "reported"
    if column.endswith("printed") and spec.nullable:
        return ""  # or the numbers beside it would have to be in it
    if kind == "str" and not spec.checks and (table, column) not in NAMES:
        return f"{table} {column} {number}"
    if spec.nullable:
        return ""
    return USUAL.get(column) or (choices[0] if choices else DEFAULTS[kind])


# -- Its columns ----------------------------------------------------------------------------------


class Column(NamedTuple):
    """A column that holds text; one that is not free holds a key or one of a few words."""

    table: str
    name: str
    is_free: bool


def text_columns() -> Iterator[Column]:
    """Return every column of text of every table."""
    for table, schema in SCHEMAS.items():
        for name in columns_of(table):
            spec = schema.columns.get(name)
            if spec is None or kind_of(spec) == TEXT:
                yield Column(table, name, is_free=spec is None or not spec.checks)


#: How words become a cell that is taken for a list.
LISTS = {
    ("published", "without"): lambda word: word.replace(";", ","),
    ("certainty", "reasons"): lambda word: word.replace(";", ","),
    ("analyses", "reading"): lambda word: f"main; {word.replace(';', ',')}",
}


def poisoned(review: Review, word: Callable[[Column, int], str]) -> Review:
    """Return a review with a word in every cell of free text, past the loader.

    Parameters
    ----------
    review
        A review that was loaded.
    word
        Takes column and number of a row; cells that were equal get the word of the first.
    """
    tables: dict[str, Any] = {}
    for column in text_columns():
        if column.is_free and column[:2] not in NAMES:
            table: pd.DataFrame = tables.get(column.table, getattr(review, column.table))
            cells = table[column.name].astype("str").tolist()
            entered = LISTS.get(column[:2], str)
            words = [entered(word(column, cells.index(cell))) for cell in cells]
            tables[column.table] = table.assign(**{column.name: pd.array(words, dtype="str")})
    tables |= _of_one_instrument(review, tables["instruments"], tables["risk_of_bias"])
    return dataclasses.replace(review, **tables)


def _of_one_instrument(
    review: Review, own: pd.DataFrame, judgements: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Let levels mean what they meant, and judgements name the review's instrument as it does."""
    levels = own["part"] == "level"
    own = own.assign(means=own["means"].mask(levels, review.instruments["means"]))
    named = judgements["instrument"].mask(
        judgements["instrument"].notna(), own["instrument"].iloc[0]
    )
    judgements = judgements.assign(instrument=named)
    judgements.attrs[OWN] = own_instruments(own)
    return {"instruments": own, "risk_of_bias": judgements}


def info_texts(info: ReviewInfo) -> dict[str, str | tuple[str, ...]]:
    """Return the words of ``review.toml`` that pages may show, by their key.

    The address of a repository is none: with any other text the build stops.
    """
    others = ("citation", "repository", SHARED_ARMS)
    keys = [key for key in type(info).model_fields if key not in others]
    return {key: info[key] for key in keys if isinstance(info[key], str | tuple)}


def with_info(review: Review, word: Callable[[str], str]) -> Review:
    """Return a review with a word in every text of ``review.toml``, past the loader."""
    changed = {
        key: word(key)
        if isinstance(value, str)
        else tuple(word(f"{key} {i}") for i in range(len(value)))
        for key, value in info_texts(review.info).items()
    }
    return dataclasses.replace(review, info=review.info.model_copy(update=changed))


# -- What a book shows of it ----------------------------------------------------------------------

SECTIONS = (analyses, authors, chapters, grading, moderation, results, robustness)
ARGUMENTS = {
    "priority": "primary",
    "outcome": "pain",
    "follow_up": "end",
    "caption": "A caption",
}


def sections(review: Review) -> Iterator[tuple[str, Callable[[], object]]]:
    """Return every public function that shows something of a review, ready to be called."""
    for module in SECTIONS:
        for name, function in vars(module).items():
            if name.startswith("show_") and function.__module__ == module.__name__:
                yield f"{module.__name__.rpartition('.')[2]}.{name}", _bound(function, review)


def _bound(function: Callable[..., object], review: Review) -> Callable[[], object]:
    given: dict[str, object] = {"review": review}
    rest: tuple[str, ...] = ()
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "factor":
            given[name] = review.subgroup_levels["factor"].iloc[0]
        elif name == "effects":
            given[name] = study_effects(review, "pain", "end")
        elif name == "sections":
            rest = tuple(dict.fromkeys(review.statements["section"]))
        elif name in ARGUMENTS:
            given[name] = ARGUMENTS[name]
        elif name != "review" and parameter.default is inspect.Parameter.empty:
            raise TypeError(f"{function.__qualname__}: the hostile review has no {name} to give")
    del given["review"]
    return functools.partial(function, review, *rest, **given)


@contextlib.contextmanager
def collected() -> Iterator[list[Any]]:
    """Collect what is shown as the outputs that a notebook would store."""
    outputs: list[Any] = []
    formatter = DisplayFormatter()

    def display(thing: object, metadata: dict[str, Any] | None = None) -> None:
        data, found = formatter.format(thing)
        shown = nbformat.v4.new_output("display_data", data=data, metadata=metadata or found)
        outputs.append(shown)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "display", display)
        yield outputs


@contextlib.contextmanager
def measured_in_letters() -> Iterator[None]:
    """Measure the texts of figures by the number of their letters, which takes no time.

    A label of thousands of letters leaves no room for the plot; it is drawn all the same.
    """

    def text_size(
        text: str, *, size: float = look.FONT_SIZE, weight: str = "normal"
    ) -> tuple[float, float]:
        lines = text.split("\n")
        return 0.07 * max(map(len, lines)), 0.15 * len(lines)

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "constrained_layout not applied", UserWarning)
        for name, module in list(sys.modules.items()):
            if name.startswith("analysis_lib.plots") and hasattr(module, "text_size"):
                patch.setattr(module, "text_size", text_size)
        yield


# -- What the loader says of it -------------------------------------------------------------------

AS_TEXT, REFUSED = "text", "refused"
#: Every table of a review's folder, by its file.
TABLES = {
    **{f"{name}.csv": schema for name, schema in SCHEMAS.items()},
    **{f"extraction/{name}": schema for name, schema in EXTRACTION.items()},
    **{f"{name}.csv": schema for name, schema in (versions.TABLES | files.TABLES).items()},
    found.FILE: found.schema(),
    **{f"{kept.FOLDER}/{name}": kept.schema(name) for name in (kept.ANSWERS, kept.RUNS)},
}


def refused_cells(texts: Sequence[str]) -> dict[tuple[str, str], set[int]]:
    """Read every table with each text in each of its columns; return what is refused.

    Returns
    -------
    dict
        By file and column the numbers of the texts.
    """
    refused: dict[tuple[str, str], set[int]] = {}
    for file, schema in TABLES.items():
        columns = [*schema.columns, *FURTHER.get(file.removesuffix(".csv"), ())]
        content = io.StringIO()
        writer = csv.writer(content)
        writer.writerow(columns)
        writer.writerows([text] * len(columns) for text in texts)
        _, problems = checked_values(cells_of(file, content.getvalue(), schema), schema)
        for column in columns:
            # Row 1 is the header. Each text stands once, so that none is a key that stands twice.
            rows = {p.row for p in problems if p.column == column and p.row is not None}
            refused[file, column] = {row - 2 for row in rows}
    return refused


def table_of_columns() -> pd.DataFrame:
    """Return what becomes of each kind of text in each column of each table.

    Returns
    -------
    pandas.DataFrame
        ``text``: it passes the loader, and is text wherever it is shown. ``refused``: the loader
        names file, row, column and value. Where some texts of a kind are refused, their number.
    """
    kinds = catalogue(Path("canary"), Path("secret.txt"))
    kind_of_text = [kind for kind, texts in kinds.items() for _ in texts]
    refused = refused_cells([text for texts in kinds.values() for text in texts])
    rows: dict[str, dict[str, str]] = {}
    for (file, column), numbers in refused.items():
        named = (file.removesuffix(".csv"), column) in NAMES
        rows[f"{file}: {column}"] = {
            kind: REFUSED
            if named
            else _outcome(len(texts), sum(kind_of_text[n] == kind for n in numbers))
            for kind, texts in kinds.items()
        }
    return pd.DataFrame(rows).T


def _outcome(texts: int, refused: int) -> str:
    if refused in (0, texts):
        return REFUSED if refused else AS_TEXT
    return f"{AS_TEXT} {texts - refused}, {REFUSED} {refused}"


def markdown() -> str:
    """Return the table as a page: columns of one behaviour are a row."""
    table = table_of_columns()
    by_file: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for name, *told in table.itertuples(name=None):
        file, _, column = str(name).partition(": ")
        by_file.setdefault(tuple(told), {}).setdefault(file, []).append(column)
    lines = [
        INTRODUCTION.format(columns=len(table), files=len(TABLES)),
        f"| {' | '.join(('columns', *table.columns))} |",
        f"|---|{'---|' * len(table.columns)}",
    ]
    groups = {told: f"group {n}" for n, told in enumerate(by_file, start=1)}
    for told, name in groups.items():
        count = sum(map(len, by_file[told].values()))
        lines.append(f"| {' | '.join((f'{name} ({count})', *told))} |")
    for told, name in groups.items():
        lines += ["", f"## {name.capitalize()}", ""]
        lines += [f"- `{file}`: {', '.join(columns)}" for file, columns in by_file[told].items()]
    return "\n".join(lines) + "\n"


INTRODUCTION = """\
# What becomes of hostile words, column by column

Written by `python tests/hostile.py`: every kind of words of its catalogue in every one of the
{columns} columns of the {files} tables that a review may hold, read by the loader. *Text*: the
words pass, and `tests/book/test_hostile.py` finds them as text wherever a book of either kind shows
them. *Refused*: the loader names file, row, column and value; what it refuses is put on the pages
of that test all the same. Where only some texts of a kind are refused, the cell has their numbers.
Columns of one behaviour are a group.
"""


def main() -> None:
    """Write the page."""
    (ROOT / "benchmarks" / "hostile.md").write_text(markdown(), encoding="utf-8")


if __name__ == "__main__":
    main()
