"""Words that try to be more than words, and a small review that holds them in every column.

The review is complete: every table has rows, so that every section of a book has something to
show. Columns are found in the schemas: a new one is covered as soon as it is there.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import functools
import inspect
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter

from analysis_lib.book import page
from analysis_lib.book.sections import analyses, authors, chapters, grading, robustness
from analysis_lib.importing.new_review import new_review
from analysis_lib.plots import look
from analysis_lib.review.cells import checked_values, read_cells
from analysis_lib.review.comparisons import study_effects
from analysis_lib.review.info import ReviewInfo
from analysis_lib.review.model import Review
from analysis_lib.review.schemas import SCHEMAS

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
#: Columns of free text that hold names of something else, which somebody looks up.
READ = {
    ("subgroup_levels", "variable"),
    ("claims", "table"),
    ("claims", "column"),
    ("claims", "where"),
    ("published", "without"),
    ("analyses", "reading"),
    ("statements", "beside"),
    ("moderators", "moderator"),
    *((table, "weaker") for table in SCHEMAS),
}
Row = Mapping[str, object]


def _rows() -> dict[str, list[dict[str, object]]]:
    """Return the cells that cannot be just any words."""
    arms = [(trial, arm) for trial in TRIALS for arm in ("more", "less")]
    pair = {"experimental_arm": "more", "comparator_arm": "less"}
    pain = {"outcome": "pain", "follow_up": "end"}
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
        "trials": [{"trial": trial, "pooled": "yes"} for trial in TRIALS],
        "moderators": [],  # they name further columns of the trials, which have none here
        "arms": [
            {"trial": t, "arm": a, "n": 20 + 10 * i, "men": "", "women": "", "age_mean": 40 + 2 * i}
            | {"group": "experimental" if a == "more" else "comparator"}
            for i, (t, a) in enumerate(arms)
        ],
        "interventions": [{"trial": trial} for trial in TRIALS],
        "adverse_events": [{"trial": TRIALS[0], "arm": "more", "relation": "related", "events": 1}],
        "published": [
            {"id": "p1", **pain, "kind": "pooled", **printed, "tau2": 0.1, "i2": 40},
            {"id": "p2", **pain, "kind": "sensitivity", **printed, "without": TRIALS[0]},
            {"id": "p3", **pain, "kind": "subgroup", "place": "results", "q": 2, "df": 1}
            | {"words": "Q = 2, df = 1"},
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
        ],
        "certainty": [{**pain, "rating": "low"}],
        "analyses": [],
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


#: Keys, for a table that is not among the rows above.
USUAL = {"trial": TRIALS[0], "outcome": "pain", "follow_up": "end", "arm": "more"}
USUAL |= {"experimental_arm": "more", "comparator_arm": "less", "citation": "this-review"}
DEFAULTS = {"str": "words", "float64": "", "Int64": "2010", "boolean": "yes"}


def no_change(table: str, column: str, row: int) -> str:
    """Leave a cell as it is."""
    return ""


def write_review(folder: Path, change: Callable[[str, str, int], str] = no_change) -> Path:
    """Write the small review as a folder that `new` began, and return it.

    Parameters
    ----------
    folder
        Where.
    change
        Takes table, column and number of a row; returns what stands in that cell, empty for what
        stands in it anyway.
    """
    new_review(folder)
    rows = _rows()
    for name, schema in SCHEMAS.items():
        with (folder / "data" / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(schema.columns)
            for number, row in enumerate(rows.get(name, [{}])):
                usual = {column: _cell(name, column, row, number) for column in schema.columns}
                writer.writerow([change(name, c, number) or cell for c, cell in usual.items()])
    return folder


def _cell(table: str, column: str, row: Row, number: int) -> str:
    """Return what stands in a cell: what the row says, or anything that the schema allows."""
    spec = SCHEMAS[table].columns[column]
    kind = spec.metadata["kind"]
    choices = [
        value for check in spec.checks for value in check.statistics.get("allowed_values", ())
    ]
    if column in row:
        return str(row[column])
    if column == "provenance":
        return "reconstructed" if table == "reconstructed" else "reported"
    if column.endswith("printed") and spec.nullable:
        return ""  # or the numbers beside it would have to be in it
    if kind == "str" and not spec.checks and (table, column) not in READ:
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
        for name, spec in schema.columns.items():
            if (spec.metadata or {}).get("kind") == "str":
                yield Column(table, name, is_free=not spec.checks)


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
        if column.is_free and (column.table, column.name) not in READ:
            table: pd.DataFrame = tables.get(column.table, getattr(review, column.table))
            cells = table[column.name].astype("str").tolist()
            words = [word(column, cells.index(cell)) for cell in cells]
            tables[column.table] = table.assign(**{column.name: pd.array(words, dtype="str")})
    return dataclasses.replace(review, **tables)


def info_texts(info: ReviewInfo) -> dict[str, str | tuple[str, ...]]:
    """Return the words of ``review.toml`` that pages may show, by their key."""
    keys = [key for key in type(info).model_fields if key != "citation"]
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

SECTIONS = (analyses, authors, chapters, grading, robustness)
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

TEXT, REFUSED, NAME = "text", "refused", "a name"


def refused_cells(folder: Path, texts: Sequence[str]) -> dict[tuple[str, str], set[int]]:
    """Read every table with each text in each of its columns of text; return what is refused.

    Returns
    -------
    dict
        By table and column the numbers of the texts.
    """
    found: dict[tuple[str, str], set[int]] = {}
    for table, schema in SCHEMAS.items():
        columns = [column.name for column in text_columns() if column.table == table]
        path = folder / f"{table}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(schema.columns), restval="")
            writer.writeheader()
            writer.writerows(dict.fromkeys(columns, text) for text in texts)
        _, problems = checked_values(read_cells(path, schema), schema)
        for column in columns:
            rows = {p.row for p in problems if p.column == column and p.row is not None}
            found[table, column] = {row - 2 for row in rows}  # the header is row 1
    return found


def table_of_columns(folder: Path) -> pd.DataFrame:
    """Return what becomes of each kind of text in each column.

    Returns
    -------
    pandas.DataFrame
        ``text``: it passes the loader, and is text wherever it is shown. ``refused``: the loader
        names file, row, column and value. ``a name``: it passes as a text, but whoever looks it up
        finds nothing of that name.
    """
    kinds = catalogue(folder / "canary", folder / "secret.txt")
    kind_of = [kind for kind, texts in kinds.items() for _ in texts]
    refused = refused_cells(folder, [text for texts in kinds.values() for text in texts])
    rows: dict[str, dict[str, str]] = {}
    for (table, column), numbers in refused.items():
        passes = NAME if (table, column) in READ else TEXT
        rows[f"{table}.{column}"] = {
            kind: _told(len(texts), sum(kind_of[n] == kind for n in numbers), passes)
            for kind, texts in kinds.items()
        }
    return pd.DataFrame(rows).T


def _told(texts: int, refused: int, passes: str) -> str:
    if refused in (0, texts):
        return REFUSED if refused else passes
    return f"{passes} {texts - refused}, {REFUSED} {refused}"


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        print(table_of_columns(Path(folder)).to_string())


if __name__ == "__main__":
    main()
