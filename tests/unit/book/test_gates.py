"""Is there a way from the data to a page that does not pass a gate?

What is shown passes `say`, `show_table` or `show_figure`, whose gaps hold text. These tests read
the code: nobody else displays, what is written as Markdown or HTML is written in the code, word for
word, and no HTML is put together as a plain text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import nbformat
import pytest
from places import ROOT

from analysis_lib.book import templates

LIBRARY = ROOT / "analysis_lib"
GATES = "analysis_lib/book/page.py"
#: These put HTML together otherwise; looked at by eye.
BY_HAND = {
    "analysis_lib/base/results.py",  # tested with hostile words
    "analysis_lib/book/numbers.py",  # escapes for Markdown, and so that no tag can end
    "analysis_lib/book/sphinx/formulas.py",  # MathML of formulas that pages write
}
#: These put HTML on a page that a gate has made: `Markup` of a template, an output of `show_table`.
RAW = {"analysis_lib/book/sphinx/figures.py", "analysis_lib/book/sphinx/inserts.py"}
TEMPLATES = sorted((LIBRARY / "book" / "templates").glob("*.html"))
#: The name of a group, as in ``(?P<number>``, is none.
TAG = re.compile(r"(?<!\(\?P)</?[a-z][a-z0-9]*(\s[^<>]*)?/?>|<[a-z]+\s[a-z-]+=")
LINK_OR_TAG = re.compile(r"\]\([^)]*\{|<[a-z/!]", re.IGNORECASE)


@cache
def sources() -> dict[str, ast.Module]:
    """Return every module and every cell with what is written in it."""
    found = {}
    for path in sorted(LIBRARY.rglob("*.py")):
        found[path.relative_to(ROOT).as_posix()] = ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
            if cell.cell_type == "code" and not cell.source.startswith("%"):
                found[f"{path.name}, cell {number}"] = ast.parse(cell.source)
    return found


@cache
def nodes_of(tree: ast.AST) -> tuple[ast.AST, ...]:
    """Return everything in a tree, which five rules look through."""
    return tuple(ast.walk(tree))


def name_of(node: ast.expr) -> str:
    """Return the last part of a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    for node in nodes_of(tree):
        if isinstance(node, ast.Call) and name_of(node.func) in names:
            yield node


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in nodes_of(tree) if isinstance(node, ast.FunctionDef))


# -- The rules ------------------------------------------------------------------------------------


def displays(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield what shows something past the gates."""
    for node in nodes_of(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("IPython.display"):
            yield node
    yield from calls(tree, "display", "glue", "Prose")


@cache
def prose_functions() -> set[str]:
    """Return the names of the functions that return prose."""
    return {
        function.name
        for tree in sources().values()
        for function in functions(tree)
        if function.returns is not None and ast.unparse(function.returns) == "Prose"
    }


def unwritten_prose(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield what is shown as Markdown and is not, word for word, in the code."""
    if "say" in {function.name for function in functions(tree)}:
        return  # the gate itself, or another way to say something, to the terminal
    known: dict[str, list[ast.expr]] = {}
    for node in nodes_of(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                known.setdefault(name_of(target), []).append(node.value)
    for call in calls(tree, "say", "ask_keepers", "prose"):
        template = call.args[0]
        if isinstance(template, ast.Call) and name_of(template.func) in prose_functions():
            continue
        if any(text is None or LINK_OR_TAG.search(text) for text in written(template, known)):
            yield call


def written(node: ast.expr, known: dict[str, list[ast.expr]]) -> Iterator[str | None]:
    """Yield the texts that an expression is made of, none for what comes from elsewhere."""
    if isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.Name) and node.id in known:
        for value in known[node.id]:
            yield from written(value, known)
    elif isinstance(node, ast.FormattedValue):
        yield from written(node.value, known)
    elif isinstance(node, ast.IfExp):
        yield from (*written(node.body, known), *written(node.orelse, known))
    elif isinstance(node, ast.BinOp):
        yield from (*written(node.left, known), *written(node.right, known))
    elif isinstance(node, ast.JoinedStr):
        for part in node.values:
            yield from written(part, known)
    else:
        yield None


def plain_html(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield tags in plain texts that something is put into; ruff's S704 looks after `Markup`."""
    for node in nodes_of(tree):
        parts: list[ast.AST] = []
        if isinstance(node, ast.JoinedStr):
            parts = list(node.values)
        elif isinstance(node, ast.BinOp):
            parts = [node.left, node.right]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            parts = [node.func.value, *node.args] if node.func.attr in CHANGES else []
        for part in parts:
            if isinstance(part, ast.Constant) and TAG.search(str(part.value)):
                yield node


CHANGES = {"format", "join", "replace", "format_map"}


def unescaped_tables(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield tables of pandas that are told not to escape."""
    for call in calls(tree, "to_html", "to_latex", "to_markdown", "Styler"):
        if any(keyword.arg == "escape" for keyword in call.keywords):
            yield call


def raw_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield what goes into a page unread."""
    yield from calls(tree, "raw")


Rule = Callable[[ast.Module], Iterator[ast.AST]]
RULES: dict[Rule, set[str]] = {
    displays: {GATES},
    unwritten_prose: set(),
    plain_html: BY_HAND,
    unescaped_tables: set(),
    raw_nodes: RAW,
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_nothing_passes_by_a_gate(rule: Rule) -> None:
    found = [
        f"{place}, line {node.lineno}: {ast.unparse(node)}"  # type: ignore[attr-defined]
        for place, tree in sources().items()
        if place not in RULES[rule]
        for node in rule(tree)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (displays, "from IPython.display import HTML"),
        (displays, "display(thing)"),
        (displays, "Prose(label)"),
        (unwritten_prose, "say(label)"),
        (unwritten_prose, "say(f'**{label}**')"),
        (unwritten_prose, "say('**' + label)"),
        (unwritten_prose, "say('[here]({address})', address=label)"),
        (unwritten_prose, "say('<b>{label}</b>', label=label)"),
        (plain_html, "f'<b>{label}</b>'"),
        (plain_html, "'<td>' + label"),
        (plain_html, "'<a href=\"%s\">' % label"),
        (plain_html, "'<td>{}</td>'.format(label)"),
        (plain_html, "'</td><td>'.join(labels)"),
        (unescaped_tables, "table.to_html(escape=False)"),
        (raw_nodes, "nodes.raw('', label, format='html')"),
    ],
)
def test_each_rule_sees_what_it_is_for(rule: Rule, code: str) -> None:
    assert list(rule(ast.parse(code)))


def test_the_gates_themselves_are_not_seen() -> None:
    code = """
TEMPLATE = "**Result.** {told}"
say(TEMPLATE, told=label)
say(f"{TEMPLATE} And more.", told=label)
say("One." if few else "Many: {n}.", n=len(labels))
say(analysis_text(fit, effects, asked))
Markup("<b>{}</b>").format(label)
"""
    assert [node for rule in RULES for node in rule(ast.parse(code))] == []


# -- The templates --------------------------------------------------------------------------------


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_the_gaps_of_a_template_stand_where_escaping_is_enough(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert not re.search(r"\|\s*safe|autoescape|\{%-?\s*(include|import|raw)", text)
    for gap in re.finditer(r"\{\{.*?\}\}", text):
        before = text[: gap.start()]
        assert not re.search(r"<(script|style)[^>]*>[^<]*$", before), f"{gap[0]} is read as code"
        if before.rfind("<") > before.rfind(">"):
            attribute = re.search(r'([\w-]+)="[^"]*$', before)
            assert attribute, f"{gap[0]} stands in a tag without quotation marks"
            assert not re.match(r"on|style|srcdoc", attribute[1]), f"{gap[0]} is read as code"


def test_what_fills_a_gap_is_escaped() -> None:
    told = templates.render("explorer.html", folder='"><b>', choices=[], left_out="", note="<b>")
    assert told.count("<b>") == 0
    assert told.count("&lt;b&gt;") == 4
