"""A book is never stale: what changed is run and read again, whoever calls Sphinx.

The fingerprint of everything that a book is made from stands in the folder of its pages, in
``.fingerprint``, and is the last thing that is written. Where it is another one or missing, the
notebooks whose own digest changed run, and pages are read again (`analysis_lib.book.sphinx.keeping`
says which).
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from myst_nb.ext.glue.crossref import read_glue_cache
from sphinx.errors import ConfigError, ExtensionError
from sphinx_external_toc.events import remove_suffix

from analysis_lib.base.errors import ReviewError
from analysis_lib.book.engine import archive, reading, searching, weight
from analysis_lib.book.engine.lock import hold
from analysis_lib.book.engine.running import Execution, run_stale, write_whole
from analysis_lib.book.engine.sources import Sources
from analysis_lib.book.engine.stamp import STAMP, is_current, state
from analysis_lib.conclusions.versions import news
from analysis_lib.review.model import Review, load_review

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.environment import BuildEnvironment

MADE: WeakKeyDictionary[Sphinx, Making] = WeakKeyDictionary()
#: Told to the parts of the book when the notebooks have run.
RAN = "review-notebooks-ran"


class Making:
    """One making of a book: what it is made from, and where.

    Attributes
    ----------
    folder, sources, review, news
        The review: its folder, its files, as it was loaded, and what is new in it.
    store
        Where the notebooks are kept that have run, and what is made of them for pages to show.
    shown
        What the code of each page calls, in the order of reading.
    order
        The keys of all that Sphinx knew before it read a page, in their order.
    running
        The notebooks, while they run and nobody has waited for them.
    """

    def __init__(self, app: Sphinx, config: Config) -> None:
        self.folder = Path(app.srcdir)
        self.store = store_of(self.folder)
        self.shown: dict[str, set[str]] = {}
        self.order: dict[str, list[Any]] = {}
        self.running: Execution | None = None
        try:
            hold(self.folder)
            self.sources = Sources(
                self.folder,
                tuple(config.review_inputs),
                tuple(config.review_ignores),
                config.review_folder,
            )
            self.review: Review = load_review(self.folder / config.review_folder)
            self.news = news(self.review)
        except ReviewError as error:
            raise ConfigError(f"{error}\nNothing was built.") from None

    @property
    def data_files(self) -> list[Path]:
        """The files of the review's data."""
        return [file for file in self.sources.copied if file.is_relative_to(self.review.path)]

    def stamp(self, app: Sphinx) -> Path:
        """Return the file that says from what the pages were made."""
        return Path(app.outdir) / STAMP

    def is_current(self, app: Sphinx) -> bool:
        """Whether the pages that are there were made from what is there now."""
        wanted = app.builder.name == "html"
        return wanted and is_current(Path(app.outdir), self.sources, self.review)


def store_of(folder: Path) -> Path:
    """Return where the notebooks of a book are kept that have run."""
    return folder / "_build" / "ran"


def making(app: Sphinx) -> Making:
    """Return the making that Sphinx is in."""
    return MADE[app]


def in_order(app: Sphinx) -> list[str]:
    """Return the pages as the contents list them."""
    names = [remove_suffix(name, app.config.source_suffix) for name in app.config.external_site_map]
    return [name for name in names if name in app.env.found_docs]


def begin(app: Sphinx, config: Config) -> None:
    """Load the review; nothing is written if it cannot be."""
    MADE[app] = Making(app, config)
    read_glue_cache.cache_clear()  # the numbers of a making before, in the same process
    config.nb_execution_mode = "off"  # or myst-nb would run everything a second time
    config.nb_code_prompt_show, config.nb_code_prompt_hide = "Show the code", "Hide the code"
    # The pages are those of the contents; what is hidden, as an environment is, has none.
    config.external_toc_exclude_missing = True
    config.exclude_patterns = [*config.exclude_patterns, ".*", "**/.*", *config.review_ignores]


def clear(app: Sphinx) -> None:
    """Take away the pages of another state, or one that is no longer written would stay."""
    out = Path(app.outdir)
    if making(app).stamp(app).is_file() and not making(app).is_current(app):
        shutil.rmtree(out)
        out.mkdir()


def run(app: Sphinx, env: BuildEnvironment, *to_read: set[str]) -> list[str]:
    """Begin to run the notebooks, unless all is as it was; other pages are read meanwhile."""
    made = making(app)
    if made.is_current(app) and not any(to_read):
        return []
    if app.builder.name == "html":
        made.stamp(app).unlink(missing_ok=True)
    paths = {page: Path(env.doc2path(page)) for page in sorted(env.found_docs)}
    notebooks = {f"{page}.ipynb": p for page, p in paths.items() if p.suffix == ".ipynb"}
    try:
        tables = reading.digests(made.review)
        made.running = run_stale(made.sources, notebooks, made.store, tables)
    except ReviewError as error:
        raise ExtensionError(str(error)) from None
    return []


def wait_for_notebooks(app: Sphinx) -> None:
    """Wait until the notebooks have run, and have what pages show of them gathered."""
    made = making(app)
    if made.running is None:
        return
    running, made.running = made.running, None
    try:
        running.wait()
        _stop_if_changed(made.sources)
    except ReviewError as error:
        raise ExtensionError(str(error)) from None
    app.emit(RAN, app.env)


def give_up_notebooks(app: Sphinx) -> None:
    """End the notebooks for which nobody has waited, because a page could not be read."""
    made = MADE.get(app)  # a book without this extension has none
    if made is not None and made.running is not None:
        made.running.give_up()


def _stop_if_changed(sources: Sources) -> None:
    changed = [os.path.relpath(file, sources.folder) for file in sources.changed()]
    if changed:
        raise ReviewError(f"{', '.join(changed)} changed while the book was made: build it again")


def read_executed(app: Sphinx, page: str, source: list[str]) -> None:
    """Let Sphinx read the notebook that has run in the place of the one that was written."""
    if not app.env.doc2path(page).endswith(".ipynb"):
        return
    wait_for_notebooks(app)
    kept = making(app).store / f"{page}.ipynb"
    if kept.is_file():
        source[0] = with_folded_code(kept.read_text(encoding="utf-8"))


def with_folded_code(text: str) -> str:
    """Return a notebook whose code is all there and all folded; ``book.js`` unfolds it at once."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            tags = [tag for tag in cell["metadata"].get("tags", []) if tag != "remove-input"]
            cell["metadata"]["tags"] = [*tags, "hide-input"]
    return json.dumps(notebook)


def finish(app: Sphinx, error: Exception | None) -> None:
    """Add what readers can take along, make the pages lighter, and write down what they show."""
    made = making(app)
    if error is not None or app.builder.name != "html" or made.is_current(app):
        return
    out = Path(app.outdir)
    kept = {page: made.store / f"{page}.ipynb" for page in sorted(app.env.found_docs)}
    notebooks = {page: file for page, file in kept.items() if file.is_file()}
    for file in made.store.glob("*.js"):  # what the explorer looks up
        shutil.copy(file, out / "_static")
    archive.offer(made.sources, made.review, notebooks, out)
    sections = out.parent / "sections.json" if app.config.review_ground else None
    searching.write_index(out, in_order(app), sections)
    weight.lighten(out)
    _stop_if_changed(made.sources)
    if not app._warncount:
        write_whole(made.stamp(app), state(made.sources, made.review))


def setup(app: Sphinx) -> None:
    """Register the steps in the order in which Sphinx takes them."""
    app.add_config_value("review_folder", "data", "env", str)
    app.add_config_value("review_inputs", [], "env", list)
    app.add_config_value("review_ignores", [], "env", list)
    app.connect("config-inited", begin)
    app.connect("builder-inited", clear)
    app.add_event(RAN)
    app.connect("env-get-outdated", run, priority=400)
    app.connect("source-read", read_executed)
    app.connect("env-updated", lambda app, env: wait_for_notebooks(app), priority=0)
    app.connect("build-finished", finish)
