"""Explain a term of the glossary where a page first uses it, without anyone marking it by hand.

The first use of a term in the prose of a page becomes a link to the glossary, whose title is the
first sentence of the definition; ``book.js`` shows it beside the word. Plurals are found, and the
other names that the glossary gives an entry. A word with an everyday meaning as well is listed in
the front matter of the glossary, under ``everyday``; it is explained only where a page links to it.
A page whose front matter says ``explain_terms: false`` is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

CLASS = "glossary-term"
#: A word in one of these is not prose, or is a link already.
NOT_PROSE = (
    nodes.FixedTextElement,
    nodes.Titular,
    addnodes.desc,
    addnodes.glossary,
    addnodes.toctree,
    nodes.caption,
    nodes.citation,
    nodes.figure,
    nodes.legend,
    nodes.literal,
    nodes.math,
    nodes.raw,
    nodes.reference,
    nodes.table,
    nodes.term,
)
#: A glued value and what a role of ``sphinx_design`` makes are no prose either.
NOT_PROSE_CLASSES = {"pasted-text", "sd-badge"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the glossary."""

    page: str
    anchor: str
    definition: str


def entries(env: BuildEnvironment) -> dict[str, Entry]:
    """Return every entry by each of its names; the names of one entry share it."""
    terms = [term for term in env.get_domain("std").get_objects() if term[2] == "term"]
    names = {(page, anchor): name for name, _, _, page, anchor, _ in terms}
    found: dict[str, Entry] = {}
    for page in sorted({page for page, _ in names}):
        for item in env.get_doctree(page).findall(nodes.definition_list_item):
            anchors = [anchor for term in item.findall(nodes.term) for anchor in term["ids"]]
            known = [anchor for anchor in anchors if (page, anchor) in names]
            if known:
                entry = Entry(page, known[0], first_sentence(item))
                found |= {names[page, anchor]: entry for anchor in known}
    return found


def first_sentence(item: nodes.Element) -> str:
    """Return the first sentence of a definition, without its citations."""
    paragraph = next(item.findall(nodes.paragraph))
    words = "".join(
        text.astext()
        for text in paragraph.findall(nodes.Text)
        if not any(parent.get("refdomain") == "cite" for parent in parents(text))
    )
    words = re.sub(r"\s+", " ", words).replace(" .", ".").replace(" ?", "?").strip()
    return re.split(r"(?<=[.?]) (?=[A-Z])", words)[0]


def parents(node: nodes.Node) -> Iterator[nodes.Element]:
    """Yield the elements around a node, from the inside out."""
    while node.parent is not None:
        node = node.parent
        yield node


def spellings(name: str) -> Iterator[str]:
    """Yield the ways in which a name is written in a sentence.

    "tau squared (τ²)" is also "τ²", and "standard error" also "standard errors".
    """
    plain, _, symbol = name.partition(" (")
    yield plain
    if symbol:
        yield symbol.rstrip(")")
    if plain.endswith("sis"):
        yield f"{plain[:-2]}es"
    elif re.search("[^aeiou]y$", plain):
        yield f"{plain[:-1]}ies"
    elif not plain.endswith("s"):
        yield f"{plain}s"


def pattern(names: Iterable[str]) -> tuple[re.Pattern[str], dict[str, str]]:
    """Return what finds any of the names in a text, and the name that a group stands for.

    A name in small letters may begin a sentence; a name with capitals is found as it is written.
    """
    written = [(spelling, name) for name in names for spelling in spellings(name)]
    written.sort(key=lambda pair: -len(pair[0]))  # "true effect" before "effect"
    groups = {f"n{n}": name for n, (_, name) in enumerate(written)}
    parts = []
    for group, (spelling, _) in zip(groups, written, strict=True):
        words = re.escape(spelling).replace(r"\ ", r"\s+").replace("'", "['’]")
        if spelling.islower() and spelling[0].isalpha():
            words = f"[{spelling[0].upper()}{spelling[0]}]{words[1:]}"
        parts.append(f"(?P<{group}>{words})")
    # A hyphen or a figure beside it makes it another word: "p value-based", "Q2".
    return re.compile(rf"(?<![\w-])(?:{'|'.join(parts)})(?![\w-])"), groups


class ExplainTerms(SphinxPostTransform):
    """Link the first use of every term of a page to the glossary."""

    default_priority = 800  # after every reference and every glued value has its text
    builders = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Explain the links that are there, then link what is not."""
        known: dict[str, Entry] = self.env.glossary_entries  # type: ignore[attr-defined]
        if not known:
            return
        seen = set(self.explain_links({(e.page, e.anchor): e for e in known.values()}))
        wanted = self.env.metadata[self.env.docname].get("explain_terms", True) not in (
            False,
            "False",
        )
        if not wanted or self.env.docname in {entry.page for entry in known.values()}:
            return
        everyday = self.everyday({entry.page for entry in known.values()})
        find, groups = pattern(name for name in known if name not in everyday)
        join_lines(self.document)
        for text in list(self.document.findall(nodes.Text)):
            if is_prose(text):
                self.link_terms(text, find, {g: known[name] for g, name in groups.items()}, seen)

    def everyday(self, pages: Iterable[str]) -> set[str]:
        """Return the names that are not looked for."""
        listed = ",".join(str(self.env.metadata[page].get("everyday", "")) for page in pages)
        return {name.strip() for name in listed.split(",")}

    def explain_links(self, known: dict[tuple[str, str], Entry]) -> Iterator[Entry]:
        """Give the links that somebody wrote their definition, and yield their entries."""
        names = {anchor: entry for (_, anchor), entry in known.items()}
        for link in self.document.findall(nodes.reference):
            anchor = link.get("refid") or str(link.get("refuri", "")).partition("#")[2]
            entry = names.get(anchor)
            if entry is not None and link.get("internal"):
                link["classes"].append(CLASS)
                link["reftitle"] = entry.definition
                yield entry

    def link_terms(
        self,
        text: nodes.Text,
        find: re.Pattern[str],
        entry_of: dict[str, Entry],
        seen: set[Entry],
    ) -> None:
        """Replace the terms in a text that are not yet explained by links."""
        words = str(text)
        parts: list[nodes.Node] = []
        end = 0
        for match in find.finditer(words):
            entry = entry_of[str(match.lastgroup)]
            if entry in seen:
                continue
            seen.add(entry)
            link = make_refnode(
                self.app.builder,
                self.env.docname,
                entry.page,
                entry.anchor,
                nodes.Text(match[0]),
                entry.definition,
            )
            link["classes"].append(CLASS)
            parts += [nodes.Text(words[end : match.start()]), link]
            end = match.end()
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(words[end:])])


def join_lines(document: nodes.document) -> None:
    """Make one text of the lines of a sentence, so that a term may stand on two of them."""
    for parent in {text.parent: None for text in document.findall(nodes.Text)}:
        joined: list[nodes.Node] = []
        for child in parent.children:
            if isinstance(child, nodes.Text) and joined and isinstance(joined[-1], nodes.Text):
                joined[-1] = nodes.Text(joined[-1] + child)
            else:
                joined.append(child)
        if len(joined) < len(parent.children):
            parent.children = []
            parent.extend(joined)


def is_prose(text: nodes.Text) -> bool:
    """Whether a text stands in a sentence that somebody wrote for the page, and is no link."""
    around = list(parents(text))
    paragraphs = [node for node in around if isinstance(node, nodes.paragraph)]
    written = [node for node in paragraphs if "docstring of" not in (node.source or "")]
    return bool(written) and not any(
        isinstance(node, NOT_PROSE) or NOT_PROSE_CLASSES & set(node.get("classes", ()))
        for node in around
    )


def read_entries(app: Sphinx, env: BuildEnvironment) -> None:
    """Read the glossary once, when every page is read."""
    env.glossary_entries = entries(env)  # type: ignore[attr-defined]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the transform."""
    app.add_post_transform(ExplainTerms)
    app.connect("env-updated", read_entries)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
