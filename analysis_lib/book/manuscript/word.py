"""A manuscript as files: pandoc writes them, in a style that journals take.

The style is pandoc's own with what ``texts/journal.xml`` says otherwise: Times, double spacing and
small tables; and with numbered lines and pages, as reviewers ask for.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import subprocess
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from defusedxml.ElementTree import fromstring
from pybtex.database import parse_file
from pybtex.exceptions import PybtexError

from analysis_lib.base.errors import ReviewError
from analysis_lib.book.engine.archive import write_archive
from analysis_lib.book.engine.citing import PRIVATE, as_written
from analysis_lib.book.manuscript import blocks, contents
from analysis_lib.book.manuscript.blocks import Node, R, W
from analysis_lib.book.manuscript.draft import Draft
from analysis_lib.review.model import Review

TEXTS: Final = Path(__file__).parents[1] / "texts"
WORD, MARKDOWN = ".docx", ".md"
#: Citations, entities and addresses, for pandoc and for those that make links of bare addresses.
BARE: Final = re.compile(r"([@&]|/(?=/)|(?<=www)\.)", re.IGNORECASE)
#: What is stamped with a time gets this one, so that the same review gives the same bytes.
EPOCH: Final = "315532800"  # 1980-01-01, the first day that a zip file knows
FOOTER: Final = (
    f'<w:ftr xmlns:w="{W}"><w:p><w:pPr><w:jc w:val="center"/></w:pPr><w:fldSimple w:instr=" PAGE ">'
    "<w:r><w:t>1</w:t></w:r></w:fldSimple></w:p></w:ftr>"
)


def write_manuscript(review: Review, out: Path, *, replace: bool = False) -> list[Path]:
    """Write a review as a manuscript: a Word file, the same as Markdown, and its figures.

    Parameters
    ----------
    review
        A review that was loaded.
    out
        The Word file; the others stand beside it under its name.
    replace
        Whether files that are there are written anew, with what people wrote into them lost.

    Returns
    -------
    list of Path
        The Word file, the Markdown, and the folder of the figures.

    Raises
    ------
    ReviewError
        If pandoc is missing or fails, a file is there already, or a bibliography cannot be read.
    """
    if out.suffix != WORD:
        raise ReviewError(f"{out}: the name of a Word file ends in {WORD}")
    written = [out, out.with_suffix(MARKDOWN), out.with_name(f"{out.stem}_figures")]
    there = [file.name for file in written if file.exists()]
    if there and not replace:
        raise ReviewError(
            f"{', '.join(there)} in {out.parent}: there already, and perhaps somebody wrote in it; "
            "--out takes another name, --replace writes over it"
        )
    program = pandoc()
    written[2].mkdir(parents=True, exist_ok=True)
    for picture in written[2].glob("figure-*.png"):
        picture.unlink()
    works = _works(program, review)
    draft = Draft(review, written[2], {str(work["id"]) for work in works})
    contents.write(draft)
    told = blocks.document(draft.blocks, title=review.info.title, authors=review.info.authors)
    with tempfile.TemporaryDirectory() as made:
        listed, journal = Path(made) / "works.json", Path(made) / "journal.docx"
        listed.write_text(json.dumps(works), encoding="utf-8")
        write_archive(_journal(program), journal)
        how = ["--citeproc", f"--bibliography={listed}", *_style(review)]
        tree = json.loads(run(program, [*how, "--to=json", "--from=json"], _bytes(told)))
        for name in ("bibliography", "csl"):
            tree["meta"].pop(name, None)
        tree["blocks"] = without(tree["blocks"], _is_only_for_styles)
        _write(program, tree, written[0], "docx", f"--reference-doc={journal}")
        tree["blocks"] = escaped(without(tree["blocks"], _is_only_for_word))
        _write(program, tree, written[1], "markdown-citations", "--wrap=none", "--standalone")
    return written


def _write(program: str, tree: Node, file: Path, to: str, *how: str) -> None:
    # Pictures are named by where they are from the folder of the document.
    folder = file.resolve().parent
    wanted = ["--from=json", f"--to={to}", f"--output={file.resolve()}", *how]
    run(program, wanted, _bytes(tree), folder)


def _bytes(tree: Node) -> bytes:
    return json.dumps(tree).encode()


def pandoc() -> str:
    """Return the program that writes documents.

    Raises
    ------
    ReviewError
        If it is not installed.
    """
    try:
        import pypandoc

        return str(pypandoc.get_pandoc_path())
    except (ImportError, OSError):
        raise ReviewError(
            "pandoc is not installed: a manuscript needs pip install 'analysis-lib[manuscript]'"
        ) from None


def run(
    program: str, arguments: list[str], given: bytes = b"", folder: Path | None = None
) -> bytes:
    """Run pandoc and return what it writes.

    Raises
    ------
    ReviewError
        If it fails, with what it says.
    """
    times = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH}
    done = subprocess.run(  # noqa: S603  # a program of the environment, arguments of this module
        [program, *arguments], input=given, capture_output=True, cwd=folder, env=times, check=False
    )
    if done.returncode:
        told = " ".join(done.stderr.decode(errors="replace").split())
        raise ReviewError(f"pandoc could not write the manuscript: {told}")
    return done.stdout


# --- the works that are cited ---------------------------------------------------------------------


def _works(program: str, review: Review) -> list[Node]:
    """Return the bibliographies of the review and of the methods as CSL has them."""
    known = dict(parse_file(TEXTS / "methods.bib").entries)
    own = review.path.parent / "book" / "references.bib"
    if own.is_file():
        try:
            known |= parse_file(own).entries
        except PybtexError as error:
            raise ReviewError(f"{own.name}: cannot be read ({error})") from None
    for entry in known.values():
        for name in PRIVATE:
            entry.fields.pop(name, None)
    # In its sandbox pandoc reads no file that an entry might name.
    how = ["--sandbox", "--from=bibtex", "--to=csljson"]
    filled = {key: one for key, one in known.items() if one.fields or one.persons}
    works: list[Node] = json.loads(run(program, how, as_written(filled).encode()))
    for work in works:
        if not str(work.get("URL", "")).startswith(("https://", "http://")):
            work.pop("URL", None)
    return works


def _style(review: Review) -> list[str]:
    """Return the citation style that stands beside the bibliography; else it is pandoc's own."""
    styles = sorted((review.path.parent / "book").glob("*.csl"))
    if len(styles) > 1:
        names = ", ".join(style.name for style in styles)
        raise ReviewError(f"book: one citation style is needed, and there are {names}")
    return [f"--csl={style.resolve()}" for style in styles]


# --- Word -----------------------------------------------------------------------------------------


def without(found: Any, is_left_out: Callable[[Node], bool]) -> Any:
    """Return a tree without some of its nodes; what stands inside a span stays."""
    if isinstance(found, dict):
        return {name: without(one, is_left_out) for name, one in found.items()}
    if not isinstance(found, list):
        return found
    kept: list[Any] = []
    for one in found:
        if not (isinstance(one, dict) and is_left_out(one)):
            kept.append(without(one, is_left_out))
        elif one["t"] == "Span":
            kept += without(one["c"][1], is_left_out)
    return kept


def escaped(found: Any) -> Any:
    """Return a tree for Markdown with a backslash before the signs that pandoc leaves bare."""
    if isinstance(found, dict):
        return {name: escaped(one) for name, one in found.items()}
    if not isinstance(found, list):
        return found
    return [part for one in found for part in (_parts(one) if _is_words(one) else [escaped(one)])]


def _is_words(one: Any) -> bool:
    return isinstance(one, dict) and one.get("t") == "Str"


def _parts(words: Node) -> list[Node]:
    parts = BARE.split(words["c"])
    signs = [blocks.node("RawInline", "markdown", f"\\{sign}") for sign in parts[1::2]]
    texts = [blocks.node("Str", part) if part else None for part in parts[::2]]
    return [one for pair in itertools.zip_longest(texts, signs) for one in pair if one is not None]


def _is_only_for_word(one: Node) -> bool:
    return one.get("t") in ("RawInline", "RawBlock")


def _is_only_for_styles(one: Node) -> bool:
    """Return whether a node is a mark that protects the capitals of a name from a style."""
    return one.get("t") == "Span" and one["c"][0][1] == ["nocase"]


def _journal(program: str) -> dict[str, bytes]:
    """Return the parts of pandoc's own reference document in the style of a manuscript."""
    own = run(program, ["--print-default-data-file=reference.docx"])
    with zipfile.ZipFile(io.BytesIO(own)) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    parts["word/styles.xml"] = _restyled(parts["word/styles.xml"])
    parts["word/footer1.xml"] = FOOTER.encode()
    body = fromstring(parts["word/document.xml"])
    inside = body[0]
    inside.remove(inside[-1])
    inside.append(fromstring(blocks.pages()))
    parts["word/document.xml"] = ElementTree.tostring(body)
    relation = f'<Relationship Id="rIdFooter" Type="{R}/footer" Target="footer1.xml"/>'
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footer+xml"
    override = f'<Override PartName="/word/footer1.xml" ContentType="{kind}"/>'
    for name, end, more in (
        ("word/_rels/document.xml.rels", "</Relationships>", relation),
        ("[Content_Types].xml", "</Types>", override),
    ):
        parts[name] = parts[name].decode().replace(end, more + end).encode()
    return parts


def _restyled(styles: bytes) -> bytes:
    """Return the styles of a Word file with those of ``journal.xml`` in the place of their own."""
    ElementTree.register_namespace("w", W)
    ElementTree.register_namespace("r", R)
    known, name = fromstring(styles), f"{{{W}}}styleId"
    ours = {one.get(name): one for one in fromstring((TEXTS / "journal.xml").read_bytes())}
    for old in [one for one in known if one.get(name) in ours]:
        known.remove(old)
    known.extend(ours.values())
    return bytes(ElementTree.tostring(known, encoding="UTF-8", xml_declaration=True))
