"""Style sheets cut to what pages can use.

The theme brings the rules of a whole framework. A rule stays where each class and each name of its
selector is a word of some page or script; what a script puts together from parts is not found.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator

WORD = re.compile(r"[\w-]+")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
#: What stands between two signs that part rules; a sign within quotes or an address parts nothing.
PIECE = re.compile(
    r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|url\([^"')]*\)|\\.|[^{};"'])+|[{};]"""
)
QUOTED = re.compile(r"""\[[^\]]*\]|"[^"]*"|'[^']*'""")
INNERMOST = re.compile(r"\([^()]*\)")
NAMED = re.compile(r"(?<!\\)[.#]((?:[\w-]|\\.)+)")
#: Blocks of rules, which are cut in their turn; every other block is one rule or kept as it is.
NESTING = ("@media", "@supports", "@container", "@layer")


def words_of(texts: Iterable[str]) -> set[str]:
    """Return every word of pages and scripts: each may be the name of a class."""
    return {word for text in texts for word in WORD.findall(text)}


def cut(css: str, words: Container[str]) -> str:
    """Return a style sheet without the rules that no page can use.

    Parameters
    ----------
    css
        The style sheet; its comments go.
    words
        What pages and scripts hold, as `words_of` returns it.

    Examples
    --------
    >>> cut(".a{top:0} .b,.a>p{left:0} @media print{.b{top:1px}}", {"a"})
    '.a{top:0}.a>p{left:0}'
    """
    bare = COMMENT.sub("", css)
    pieces = PIECE.findall(bare)
    if "".join(pieces) != bare:  # not understood
        return css
    return "".join(_rules(iter(pieces), words))


def _rules(pieces: Iterator[str], words: Container[str]) -> Iterator[str]:
    """Yield the rules of a block that are used, up to the brace that ends it."""
    head = ""
    for piece in pieces:
        if piece == "}":
            return
        if piece == ";":  # a rule without a block, as @import
            yield f"{head};"
            head = ""
        elif piece != "{":
            head = piece.strip()
        else:
            yield from _rule(head, pieces, words)
            head = ""


def _rule(head: str, pieces: Iterator[str], words: Container[str]) -> Iterator[str]:
    if head.startswith(NESTING):
        inside = "".join(_rules(pieces, words))
        if inside:
            yield f"{head}{{{inside}}}"
        return
    block = "".join(_block(pieces))
    if head.startswith("@"):
        yield f"{head}{{{block}}}"
    elif kept := [one for one in _selectors(head) if _is_used(one, words)]:
        yield f"{','.join(kept)}{{{block}}}"


def _block(pieces: Iterator[str]) -> Iterator[str]:
    """Yield what a block holds, blocks in it too, up to the brace that ends it."""
    depth = 0
    for piece in pieces:
        depth += (piece == "{") - (piece == "}")
        if depth < 0:
            return
        yield piece.strip()


def _selectors(head: str) -> Iterator[str]:
    """Yield the selectors of a list; a comma in brackets parts none."""
    depth, start = 0, 0
    for place, letter in enumerate(head):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and not depth:
            yield head[start:place].strip()
            start = place + 1
    yield head[start:].strip()


def _is_used(selector: str, words: Container[str]) -> bool:
    bare = QUOTED.sub("", selector)
    while INNERMOST.search(bare):  # what stands in brackets may be one of several, or must not be
        bare = INNERMOST.sub("", bare)
    return all(name.replace("\\", "") in words for name in NAMED.findall(bare))
