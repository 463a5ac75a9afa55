"""What is kept of a making, so that after an edit only the pages that it concerns are made anew.

Sphinx's pages are kept as it wrote them, with all that it had read. They are used again only if
nothing but the sources of pages and the tables of the data has changed, and no word of the review
that any page may say. Then a page is read again if its source changed, what its notebook shows, a
file that it takes in, a notebook whose numbers it takes, or, if it shows anything of the review,
any figure or table. If what Sphinx knows of the book is afterwards what it knew before, the pages
that were read are written again, and the others are right; if not, everything is made from nothing.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from myst_nb.ext.glue.utils import PendingGlueReference
from sphinx import addnodes
from sphinx.errors import SphinxError

from analysis_lib.book.engine.running import DIGEST
from analysis_lib.book.engine.sources import Sources, digest, environment, files_below
from analysis_lib.book.engine.stamp import is_overdue
from analysis_lib.book.sphinx.inserts import SHOWS
from analysis_lib.book.sphinx.making import making, wait_for_notebooks
from analysis_lib.book.sphinx.sharing import versions_of
from analysis_lib.review.model import Review

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.environment import BuildEnvironment

KEPT = "kept"
STATE = "state.json"
#: Every file of what is kept, and its size: a folder that was cut off is none.
FILES = "files.json"
#: The pages as Sphinx wrote them, before they are made lighter.
WRITTEN = "written"
#: What myst-nb keeps of notebooks beside the pages: images, and numbers for other pages.
OUTPUTS = "jupyter_execute"
OUTPUT = re.compile(r"[0-9a-f]{64}\.\w+")  # the name of an image says what it holds
#: The sources of pages; every other file is one on which all pages rest, save the tables.
PAGES = {".md", ".ipynb"}
#: What is known of a page: the notebooks whose numbers it takes, the places that it leads to.
TAKES, LEADS_TO = "review_takes", "review_leads_to"
#: What Sphinx knows that is shown on no page but the one that was read, or follows from `ground`.
UNSHOWN = {
    # Sphinx itself, its settings and its places
    *("app", "config", "config_status", "config_status_extra", "doctreedir", "domains", "events"),
    *("myst_config", "mystnb_config", "project", "settings", "srcdir", "version"),
    # when a page was read, and from which files (`read_from` looks at these)
    *("all_docs", "dependencies", "included", "nb_new_exec_data"),
    # pages themselves, in memory
    *("_pickled_doctree_cache", "_write_doc_doctree_cache"),
    # `drawings` has those whose name is not that of their contents
    "images",
}
#: The same of single entries: words counted on a page, the works with the time of their file, what
#: a notebook was computed from, and places with their titles, of which `titles` has those shown.
UNSHOWN_ENTRIES = {"wordcount", "bibdata", DIGEST, "labels"}
#: The line on which something stands is told in warnings only.
LINE = "line"
#: What Python writes of an object that says nothing of itself: its place in memory.
PLACE = " at 0x"


class BookChangedError(SphinxError):
    """What Sphinx knows of the book has changed: all pages are to be made from nothing."""


def ground(sources: Sources, review: Review) -> str:
    """Return a digest of all on which all pages rest."""
    names = [file.relative_to(sources.folder).as_posix() for file in sources.files]
    others = [f for f in sources.files if f.suffix not in PAGES and f not in sources.tables]
    code = [sources.library, environment()]
    contents = digest(others, sources.folder)
    told = [str(sources.folder), sorted(names), contents, *code, is_overdue(review)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def bring_back(rests_on: str, fresh: Path) -> None:
    """Lay out what was kept where Sphinx looks for it, if it rests on the same."""
    kept = fresh.with_name(KEPT)
    try:
        told = json.loads((kept / STATE).read_text(encoding="utf-8"))
        whole = json.loads((kept / FILES).read_text(encoding="utf-8")) == sizes(kept)
    except (OSError, ValueError):
        return
    if whole and told["ground"] == rests_on:
        shutil.copytree(kept, fresh)


def keep(fresh: Path) -> None:
    """Keep a making that is whole, in the place of the one before; none if none was set aside."""
    kept = fresh.with_name(KEPT)
    shutil.rmtree(kept, ignore_errors=True)
    if not (fresh / WRITTEN).is_dir():
        shutil.rmtree(fresh)
        return
    (fresh / WRITTEN).rename(fresh / "html")
    (fresh / FILES).write_text(json.dumps(sizes(fresh)), encoding="utf-8")
    fresh.rename(kept)


def sizes(folder: Path) -> dict[str, int]:
    """Return the size of every file of a folder, save the list of them."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.name != FILES)
    return {file.relative_to(folder).as_posix(): file.stat().st_size for file in files}


def state_file(app: Sphinx) -> Path:
    """Return the file that says from what the pages were made, if this making is kept."""
    return Path(app.outdir).parent / STATE


def before(app: Sphinx) -> dict[str, Any]:
    """Return what is known of the making that was brought back; nothing if none was."""
    if not app.config.review_ground or not state_file(app).is_file():
        return {}
    found: dict[str, Any] = json.loads(state_file(app).read_text(encoding="utf-8"))
    return found


def begin_again(app: Sphinx, env: BuildEnvironment, *_: Any) -> list[str]:
    """Go on only if pages may say of the review what they said; no notebook has begun."""
    told = before(app)
    if told and told["words"] != words(app):
        raise BookChangedError("what pages say of the review")
    return []


def read_again(app: Sphinx, env: BuildEnvironment, *_: Any) -> list[str]:
    """Have every page read whose sources are not those that it was read from before."""
    if making(app).is_current(app):
        return []
    known = before(app).get("pages")
    if known is None:
        return list(env.found_docs)
    wait_for_notebooks(app)
    now = read_from(app, env)
    stale = [page for page in env.found_docs if known.get(page) != now[page]]
    # One at least: where nothing is to be read Sphinx writes nothing, not even its own files.
    return stale or [app.config.root_doc]


def words(app: Sphinx) -> str:
    """Return what any page may say of the review, and what its head may."""
    return json.dumps([app.config.review_words, versions_of(making(app).review)], default=str)


def note_others(app: Sphinx, document: nodes.document) -> None:
    """Note what a page shows of others: of which it takes numbers, to what in them it leads."""
    known = app.env.metadata[app.env.docname]
    known[TAKES] = sorted({str(one.refdoc) for one in document.findall(PendingGlueReference)})
    links = document.findall(addnodes.pending_xref)
    shown = (link for link in links if shows_title(link, app.config))
    known[LEADS_TO] = sorted({str(link.get("reftarget")).lower() for link in shown})


def shows_title(link: addnodes.pending_xref, config: Config) -> bool:
    """Return whether a link may show the title of the place that it leads to."""
    is_number = link.get("reftype") == "numref" and not link.get("refexplicit")
    return not is_number or "{name}" in str(config.numfig_format)


def read_from(app: Sphinx, env: BuildEnvironment) -> dict[str, str]:
    """Return a digest of what each page is read from."""
    made = making(app)
    figures = digest(files_below(made.store / "figures"), made.store)
    calls = {page: sorted(found) for page, found in made.shown.items()}

    @cache
    def contents(file: Path) -> str:
        return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "none"

    found = {}
    for page in env.found_docs:
        ran = made.store / f"{page}.ipynb"  # is read in the place of the notebook's source
        own = ran if ran.is_file() else Path(env.doc2path(page))
        known = env.metadata.get(page, {})
        taken = [contents(made.store / f"{one}.ipynb") for one in known.get(TAKES, ())]
        names = sorted(env.dependencies.get(page, ()))
        read = [(name, contents(made.folder / name)) for name in names]
        of_review = [figures, calls, made.sources.told] if SHOWS in known else []
        told = json.dumps([contents(own), taken, read, of_review])
        found[page] = hashlib.sha256(told.encode(errors="surrogateescape")).hexdigest()
    return found


def compare(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Go on only if what Sphinx knows of the book is what it knew before; write it down."""
    if not app.config.review_ground:
        return []
    known, now = before(app).get("shown"), shown(env)
    if known is not None and known != now:
        raise BookChangedError(", ".join(sorted(k for k in now if known.get(k) != now[k])))
    told = {"ground": app.config.review_ground, "words": words(app), "shown": now}
    told["pages"] = read_from(app, env)
    state_file(app).write_text(json.dumps(told), encoding="utf-8")
    return []


def shown(env: BuildEnvironment) -> dict[str, str]:
    """Return a digest of each thing that any page may show of the others or of the book."""
    known = {name: value for name, value in vars(env).items() if name not in UNSHOWN}
    known |= {"titles": titles(env), "drawings": drawings(env)}
    return {
        name: hashlib.sha256(repr(plain(value)).encode(errors="surrogatepass")).hexdigest()
        for name, value in known.items()
    }


def titles(env: BuildEnvironment) -> list[tuple[str, ...]]:
    """Return where each place is that has a name, with its title if any page may show that."""
    shown = {name for known in env.metadata.values() for name in known.get(LEADS_TO, ())}
    return sorted(
        (name, page, anchor, str(title) if name in shown else "")
        for name, (page, anchor, title) in env.domaindata["std"]["labels"].items()
    )


def drawings(env: BuildEnvironment) -> list[tuple[str, str]]:
    """Return under which name each image is written, save those that notebooks show."""
    return sorted(
        (path, name) for path, (_, name) in env.images.items() if OUTPUTS not in Path(path).parts
    )


def plain(value: Any) -> Any:
    """Return a value as text and lists, the same in every making that found the same."""
    if isinstance(value, Mapping):
        kept = (key for key in value if key not in UNSHOWN_ENTRIES)
        return sorted((repr(plain(key)), plain(value[key])) for key in kept)
    if isinstance(value, set | frozenset):
        return sorted(repr(plain(one)) for one in value)
    if isinstance(value, nodes.Node):
        return value.pformat()
    if isinstance(value, ast.AST):  # which works a list of references takes
        return ast.dump(value)
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return [(name, plain(one)) for name, one in value._asdict().items() if name != LINE]
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    text = repr(value)
    if PLACE in text and hasattr(value, "__dict__"):
        return [type(value).__name__, plain(vars(value))]
    return text


def tables(env: BuildEnvironment) -> dict[str, dict[Any, Any]]:
    """Return the dictionaries in which Sphinx and its domains write what pages say."""
    inner = {f"{d}/{name}": v for d, data in env.domaindata.items() for name, v in data.items()}
    return {name: v for name, v in (vars(env) | inner).items() if isinstance(v, dict)}


def note_order(app: Sphinx, env: BuildEnvironment, pages: list[str]) -> None:
    """Note in which order everything was read, which is that of the pages' names."""
    making(app).order = {name: list(table) for name, table in tables(env).items()}


def restore_order(app: Sphinx, env: BuildEnvironment) -> None:
    """Put what was read again into the place that it has if everything is read."""
    for name, table in tables(env).items():
        for key in making(app).order.get(name, ()):
            if key in table:
                table[key] = table.pop(key)
    env.domaindata["cite"]["citation_refs"].sort(key=lambda reference: reference.docname)


def forget(app: Sphinx, env: BuildEnvironment, page: str) -> None:
    """Forget the numbers that a page gave to others before it is read again."""
    (Path(app.outdir).parent / OUTPUTS / f"{page}.glue.json").unlink(missing_ok=True)


def set_aside(app: Sphinx, error: Exception | None) -> None:
    """Copy the pages before anything is done to them that is done to all."""
    if error is None and app.config.review_ground:
        # Sphinx writes these files each time, and pages name the state of those that are there.
        ignored = shutil.ignore_patterns("_static")
        remove_unshown(app)
        shutil.copytree(app.outdir, state_file(app).with_name(WRITTEN), ignore=ignored)


def remove_unshown(app: Sphinx) -> None:
    """Remove what notebooks showed before; no page that is made from nothing has it beside it."""
    shown = {name for _, name in app.env.images.values()}
    for folder in (Path(app.outdir) / "_images", Path(app.outdir).parent / OUTPUTS):
        for file in files_below(folder):
            if OUTPUT.fullmatch(file.name) and file.name not in shown:
                file.unlink()


def setup(app: Sphinx) -> None:
    """Register the steps in the order in which Sphinx takes them."""
    app.add_config_value("review_ground", "", "", str)
    app.connect("env-get-outdated", begin_again, priority=300)
    app.connect("env-get-outdated", read_again, priority=600)  # the notebooks have begun
    app.connect("env-before-read-docs", note_order)
    app.connect("env-purge-doc", forget)
    app.connect("doctree-read", note_others)
    app.connect("env-updated", restore_order, priority=100)  # before anything is numbered
    app.connect("env-get-updated", compare, priority=900)  # everything is numbered
    app.connect("build-finished", set_aside, priority=100)
