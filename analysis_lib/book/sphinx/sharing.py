"""What search engines, reference managers and those who share a page read of it.

Each page has a description and a picture; the first one is an article, with its authors, its date
and what it is based on. Addresses are told where ``_config.yml`` has a ``baseurl``: canonical ones
on the pages, a sitemap, and a page for addresses that lead nowhere. What is new is an Atom feed.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
from docutils import nodes
from markupsafe import Markup, escape

from analysis_lib import plots
from analysis_lib.base.errors import ReviewError
from analysis_lib.book.engine.citing import cite_review
from analysis_lib.book.sections.answers import answers, verdict
from analysis_lib.book.sphinx.making import making
from analysis_lib.book.templates import render
from analysis_lib.conclusions.versions import read_versions
from analysis_lib.review.model import Review

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LONGEST, SHORTEST = 200, 60  # letters of a description
PICTURE = "_static/answer.png"
FEED = "whats_new.xml"
MEASURES_OF_HEALTH = "MedicalScholarlyArticle"
NOWHERE = "404"
TOLD = "Nothing is at this address. Look in the contents, or search the book."


def base_of(app: Sphinx) -> str:
    """Return the address of the book with a slash at its end, or nothing if none is known."""
    address = str(app.config.html_baseurl or "")
    return address if not address or address.endswith("/") else f"{address}/"


def add_words(
    app: Sphinx, page: str, template: str, context: dict[str, Any], document: nodes.document | None
) -> None:
    """Put into the head of a page what others read of it."""
    if app.builder.name != "html":
        return
    review = making(app).review
    first = page == app.config.root_doc
    title = _plain(str(context.get("title") or ""))
    if first:
        context["title"] = escape(app.config.html_title)
    told = verdict(review) if first else described(document)
    base = base_of(app)
    named = {
        "og:type": "article" if first else "website",
        "og:title": app.config.html_title if first or not title else title,
        "og:site_name": app.config.html_title,
        "og:description": told,
        "og:image": base + PICTURE if base else str(context["pathto"](PICTURE, 1)),
        "og:image:alt": f"The results of the review. {verdict(review)}",
        "og:url": f"{base}{page}.html" if base else "",
    }
    tags = [_meta("property", name, text) for name, text in named.items() if text]
    tags += [_meta("name", "description", told)] if told else []
    tags += [_meta("name", "twitter:card", "summary_large_image")]
    if first:
        tags += [_meta("name", name, text) for name, text in cited(app, review)]
        tags.append(_script(described_as_data(app, review)))
    if versions_of(review):
        address = base + FEED if base else str(context["pathto"](FEED, 1))
        link = Markup('<link rel="alternate" type="application/atom+xml" title="{}" href="{}">')
        tags.append(link.format("What is new", address))
    context["metatags"] = "\n".join([str(context.get("metatags", "")), *map(str, tags)])


def described(document: nodes.document | None) -> str:
    """Return the first sentences of a page that are long enough to say what it is about."""
    if document is None:
        return ""
    for paragraph in document.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if len(text) >= SHORTEST and not isinstance(paragraph.parent, nodes.entry):
            return shortened(text)
    return ""


def shortened(text: str) -> str:
    """Return the beginning of a text, whole sentences where they fit, else whole words.

    Examples
    --------
    >>> shortened("One. " + "word " * 60)[-6:]
    'word …'
    """
    if len(text) <= LONGEST:
        return text
    cut = text[:LONGEST]
    end = max(cut.rfind(". "), cut.rfind("? "))
    return cut[: end + 1] if end >= SHORTEST else f"{cut[: cut.rfind(' ')]} …"


def cited(app: Sphinx, review: Review) -> Iterator[tuple[str, str]]:
    """Yield the tags by which reference managers cite a book."""
    yield "citation_title", str(app.config.html_title)
    authors = [str(app.config.author)] if app.config.author else list(review.info.authors)
    for author in authors:
        yield "citation_author", author
    versions = versions_of(review)
    if versions:
        yield "citation_publication_date", str(versions[-1]["date"]).replace("-", "/")
    if base := base_of(app):
        yield "citation_public_url", f"{base}{app.config.root_doc}.html"
    yield "citation_language", str(app.config.language or "en")


def described_as_data(app: Sphinx, review: Review) -> dict[str, Any]:
    """Return what schema.org calls the book: an article on health, and the data behind it."""
    name, base = str(app.config.html_title), base_of(app)
    authors = [str(app.config.author)] if app.config.author else list(review.info.authors)
    kind = "Person" if list(review.info.authors) == authors else "Organization"
    people = [{"@type": kind, "name": author} for author in authors]
    article: dict[str, Any] = {
        "@type": ["ScholarlyArticle", MEASURES_OF_HEALTH],
        "headline": name,
        "abstract": verdict(review),
        "author": people,
        "about": review.info.question,
        "inLanguage": str(app.config.language or "en"),
    }
    data: dict[str, Any] = {
        "@type": "Dataset",
        "name": f"Data: {name}",
        "description": f"The tables from which {name} is computed: trials, arms, results, risk of "
        "bias, certainty, each row with where it comes from.",
        "creator": people,
        "isPartOf": {"@type": "ScholarlyArticle", "headline": name},
    }
    if versions := versions_of(review):
        newest = versions[-1]
        article |= {"dateModified": str(newest["date"]), "version": str(newest["version"])}
        data |= {"dateModified": str(newest["date"]), "version": str(newest["version"])}
    if base:
        article["url"] = base
        data["distribution"] = {
            "@type": "DataDownload",
            "encodingFormat": "application/zip",
            "contentUrl": f"{base}downloads/book.zip",
        }
    try:
        source = cite_review(review)
    except (ReviewError, KeyError, OSError):
        source = None
    if source is not None and name != review.info.title:
        article["isBasedOn"] = {
            "@type": "ScholarlyArticle",
            "name": source.title.rstrip("."),
            "citation": f"{source.before}{source.title}{source.after}",
        }
    return {"@context": "https://schema.org", "@graph": [article, data]}


def versions_of(review: Review) -> list[dict[str, Any]]:
    """Return the versions that are recorded, the oldest first."""
    versions, _ = read_versions(review.path)
    return [{str(key): value for key, value in row.items()} for row in versions.to_dict("records")]


def write_files(app: Sphinx, error: Exception | None) -> None:
    """Write the picture, the feed and, where an address is known, the map of the pages."""
    if error is not None or app.builder.name != "html":
        return
    review, out = making(app).review, Path(app.outdir)
    draw_picture(str(app.config.html_title), review, out / PICTURE)
    base = base_of(app)
    if versions := versions_of(review):
        (out / FEED).write_text(feed(app, versions, base), encoding="utf-8")
    if base:
        pages = sorted(page for page in app.env.found_docs if (out / f"{page}.html").is_file())
        xml = render("sitemap.xml", addresses=[f"{base}{page}.html" for page in pages])
        (out / "sitemap.xml").write_text(xml, encoding="utf-8")
        (out / "robots.txt").write_text(
            f"User-agent: *\nAllow: /\nSitemap: {base}sitemap.xml\n", encoding="utf-8"
        )


def feed(app: Sphinx, versions: list[dict[str, Any]], base: str) -> str:
    """Return the versions of a review as an Atom feed, the newest first."""
    return render(
        "feed.xml",
        name=f"urn:review:{making(app).review.info.citation}",
        title=app.config.html_title,
        author=app.config.author,
        versions=versions,
        base=base,
    )


def draw_picture(title: str, review: Review, path: Path) -> None:
    """Draw the answers as a picture of the size that is shared, 1200 by 630 pixels."""
    found = answers(review)
    path.parent.mkdir(parents=True, exist_ok=True)
    ax = plots.card(
        title,
        verdict(review),
        [
            (f"{a.asked.outcome[:1].upper()}{a.asked.outcome[1:]}, {a.when}", a.effect,
             a.certainty or "not rated")
            for a in found
        ],
    )  # fmt: skip
    plots.figure_of(ax).savefig(path, dpi=100, metadata={"Software": None})
    plt.close(plots.figure_of(ax))


def add_nowhere(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the page that a host shows for addresses that lead nowhere."""
    if app.builder.name == "html":
        body = Markup("<h1>No such page</h1><p>{}</p>").format(TOLD)
        yield NOWHERE, {"title": "No such page", "body": body}, "page.html"


def find_from_anywhere(
    app: Sphinx, page: str, template: str, context: dict[str, Any], document: nodes.document | None
) -> None:
    """Have the links of the page for lost addresses lead from the top, wherever it is shown."""
    if page == NOWHERE and (base := base_of(app)):
        tag = Markup('<base href="{}">').format(base)
        context["metatags"] = f"{tag}{context.get('metatags', '')}"


def _meta(kind: str, name: str, text: str) -> Markup:
    return Markup('<meta {}="{}" content="{}">').format(kind, name, " ".join(text.split()))


def _script(data: dict[str, Any]) -> Markup:
    # Words of the data cannot end the script: no sign that could begin a tag is left.
    told = json.dumps(data, ensure_ascii=True).replace("<", "\\u003c").replace("&", "\\u0026")
    return Markup('<script type="application/ld+json">{}</script>').format(
        Markup(told)  # noqa: S704  # JSON without a sign that could end it
    )


def _plain(title: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", title))


def setup(app: Sphinx) -> None:
    """Register the steps; the pages are written before the files beside them."""
    app.connect("html-page-context", add_words, priority=850)
    app.connect("html-page-context", find_from_anywhere, priority=860)
    app.connect("html-collect-pages", add_nowhere)
    app.connect("build-finished", write_files, priority=400)
