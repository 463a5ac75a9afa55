"""What the book has beyond its pages: the explorer's data, downloads, and less weight.

`tools/build_book.py` calls `write_explorer` and `write_links` before the pages are written, and
`finish` after.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path

import citing
from bs4 import BeautifulSoup, Tag
from fontTools import subset
from fontTools.ttLib import TTFont

import analysis_lib as al
from analysis_lib.book import explorer

ARCHIVE = "book.zip"
EARLIEST = (1980, 1, 1, 0, 0, 0)  # the zip format knows no time before; the same in every build


def write_explorer(review: al.Review, book: Path) -> None:
    """Write what the explorer looks up, and what its page shows without a script.

    Parameters
    ----------
    review
        A review that was loaded.
    book
        The staged folder of pages; the figures of the notebooks are there already.
    """
    generated = book / "generated"
    generated.mkdir(exist_ok=True)
    (book / "static" / "explorer-data.js").write_text(explorer.script(review), encoding="utf-8")
    snippets = {
        "explorer": explorer.form(review),
        "explorer-tables": explorer.static_tables(review),
        "explorer-figure": (
            book / "figures" / f"fig-{explorer.name_of(explorer.main_analysis(review)).lower()}.txt"
        ).read_text(encoding="utf-8"),
    }
    for name, text in snippets.items():
        (generated / f"{name}.txt").write_text(text + "\n", encoding="utf-8")


def write_links(root: Path, book: Path) -> None:
    """Write what pages include: the list of what `finish` will offer, and how to cite the book."""
    files = [
        *sorted((root / "data").glob("*.*")),
        *sorted((root / "notebooks").glob("*.ipynb")),
    ]
    lines = "".join(
        f'<li><a href="../downloads/{file.parent.name}/{file.name}" download>{file.name}</a></li>'
        for file in files
    )
    everything = (
        f'<p><a href="../downloads/{ARCHIVE}" download>Everything as one archive</a>: the data, '
        "the notebooks, every figure as SVG and PDF, and every table as CSV.</p>"
    )
    details = f"<details><summary>The files one by one</summary><ul>{lines}</ul></details>"
    text = f'<div class="all-downloads">\n{everything}\n{details}\n</div>\n'
    (book / "generated" / "downloads.txt").write_text(text, encoding="utf-8")
    (book / "generated" / "cite.txt").write_text(citing.page(root), encoding="utf-8")


def finish(book: Path, root: Path, figures: Path, prints: Path) -> None:
    """Make the written pages lighter and add what can be downloaded.

    Parameters
    ----------
    book
        The folder of the pages that were written.
    root
        The repository: its data and notebooks are what is offered.
    figures, prints
        Where each figure lies as ``fig-....svg``, and where as ``fig-....pdf``.
    """
    lighten(book)
    pages = sorted(p for folder in ("book", "notebooks") for p in (book / folder).glob("*.html"))
    downloads = book / "downloads"
    shutil.copytree(root / "data", downloads / "data", ignore=shutil.ignore_patterns("__pycache__"))
    (downloads / "notebooks").mkdir()
    for notebook in sorted((root / "notebooks").glob("*.ipynb")):
        shutil.copy(notebook, downloads / "notebooks")
    for page in pages:
        text = link_figures(page.read_text(encoding="utf-8"), figures, prints, downloads)
        text = link_tables(text, page.stem, downloads)
        # The footer is the same text on every page; these pages stand in a folder.
        text = text.replace('href="book/cite.html"', 'href="../book/cite.html"')
        page.write_text(text, encoding="utf-8")
    write_archive(downloads, downloads / ARCHIVE)


# -- Weight ---------------------------------------------------------------------------------------


def lighten(book: Path) -> None:
    """Take away what no reader of these pages needs.

    The theme ships every icon of Font Awesome three times: as a script of 1.5 MB, as fonts, and in
    maps for those who debug it. The script goes, and the font keeps the icons in use.
    """
    static = book / "_static"
    for pattern in ("**/*.map", "**/*.LICENSE.txt.map", "scripts/fontawesome.js*"):
        for file in static.glob(pattern):
            file.unlink()
    style = static / "styles" / "pydata-sphinx-theme.css"
    css = style.read_text(encoding="utf-8")
    other_styles = [sheet for sheet in static.rglob("*.css") if sheet != style]
    readable = (*book.rglob("*.html"), *static.rglob("*.js"), *other_styles)
    texts = [path.read_text(encoding="utf-8") for path in readable]
    used = icons_in_use(texts, css)
    fonts = static / "vendor" / "fontawesome" / "webfonts"
    for font in sorted(fonts.glob("*.ttf")):
        kept = keep_glyphs(font, used)
        css = css.replace(
            f'url(../vendor/fontawesome/webfonts/{font.stem}.woff2) format("woff2"),'
            f'url(../vendor/fontawesome/webfonts/{font.name}) format("truetype")',
            f'url(../vendor/fontawesome/webfonts/{kept.name}) format("woff")',
        )
    for file in (*fonts.glob("*.ttf"), *fonts.glob("*.woff2")):
        file.unlink()
    style.write_text(re.sub(r"/\*# sourceMappingURL=.*?\*/", "", css), encoding="utf-8")
    for script in static.rglob("*.js"):
        code = script.read_text(encoding="utf-8")
        script.write_text(re.sub(r"//# sourceMappingURL=\S+", "", code), encoding="utf-8")
    script_tag = re.compile(
        r"\s*<!-- So that users can add custom icons -->"
        r"\s*<script[^>]*fontawesome\.js[^>]*></script>"
    )
    for page in book.rglob("*.html"):
        page.write_text(script_tag.sub("", page.read_text(encoding="utf-8")), encoding="utf-8")


def icons_in_use(texts: Iterable[str], css: str) -> set[int]:
    """Return the code points of the icons that pages, scripts and style sheets use."""
    texts = list(texts)
    named = {name for text in texts for name in re.findall(r"\bfa-[a-z][a-z-]*", text)}
    # The icons of notes and warnings are values of the theme's own variables, as characters.
    found = {ord(icon) for icon in re.findall(r'--pst-icon-[a-z-]+:\s*"(.)"', css)}
    for text in texts:
        found |= {int(code, 16) for code in re.findall(r'content:\s*"\\(f[0-9a-f]{3})"', text)}
    for selectors, code in re.findall(r'([^{}]*)\{content:"\\([0-9a-f]+)"\}', css):
        if named & set(re.findall(r"\.(fa-[a-z0-9-]+):?:before", selectors)):
            found.add(int(code, 16))
    return found


def keep_glyphs(font: Path, code_points: set[int]) -> Path:
    """Write a font with only these characters beside it and return the new file."""
    options = subset.Options(flavor="woff", recalc_timestamp=False, layout_features=[])
    loaded = TTFont(font, recalcTimestamp=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=code_points)
    subsetter.subset(loaded)
    loaded.flavor = "woff"
    kept = font.with_suffix(".woff")
    loaded.save(kept)
    return kept


# -- Downloads ------------------------------------------------------------------------------------


def link_figures(page: str, figures: Path, prints: Path, downloads: Path) -> str:
    """Offer every figure of a page as SVG, and as PDF where there is one."""
    known = {file.read_bytes(): file for file in sorted(figures.glob("*.svg"))}
    folder = downloads / "figures"
    folder.mkdir(parents=True, exist_ok=True)

    def with_links(match: re.Match[str]) -> str:
        image = downloads.parent / match["src"].removeprefix("../")
        source = known.get(image.read_bytes()) if image.is_file() else None
        if source is None:
            return match[0]
        found = [f for f in (source, prints / f"{source.stem}.pdf") if f.is_file()]
        files = [Path(shutil.copy(file, folder / file.name)) for file in found]
        return match["before"] + _links("figure", files, downloads) + match["after"]

    figure = (
        r'(?P<before><figure\b(?:(?!</figure>).)*?<img[^>]*src="(?P<src>[^"]+)"'
        r"(?:(?!</figure>).)*?)(?P<after></figcaption>)"
    )
    return re.sub(figure, with_links, page, flags=re.DOTALL)


def link_tables(page: str, stem: str, downloads: Path) -> str:
    """Offer every table of a page as CSV."""
    folder = downloads / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    numbers = iter(range(1, 1000))

    def with_link(match: re.Match[str]) -> str:
        name = match["id"] or str(next(numbers))
        file = folder / f"{name if name.startswith(stem) else f'{stem}-{name}'}.csv"
        file.write_text(table_csv(match["table"]), encoding="utf-8")
        return match[0] + f'<p class="downloads">{_links("table", [file], downloads)}</p>'

    table = (
        r'<div class="table-block"(?: id="(?P<id>[^"]*)")?><div class="table-scroll"[^>]*>'
        r"(?P<table><table.*?</table>)</div>"
    )
    return re.sub(table, with_link, page, flags=re.DOTALL)


def _links(what: str, files: Iterable[Path], downloads: Path) -> str:
    links = ", ".join(
        f'<a href="../downloads/{file.relative_to(downloads).as_posix()}" download>'
        f"{file.suffix[1:].upper()}</a>"
        for file in files
    )
    return f' <span class="downloads">Download this {what}: {links}</span>'


def table_csv(table: str) -> str:
    """Return a table as CSV; the heading of a group of rows becomes a first column.

    Examples
    --------
    >>> print(table_csv("<table><tr><th>a</th><th>b, c</th></tr></table>").strip())
    a,"b, c"
    """
    soup = BeautifulSoup(table, "html.parser")
    grouped = soup.select_one("tr.group") is not None
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    group = "Group"
    for row in soup.find_all("tr"):
        if "group" in row.get_attribute_list("class"):
            group = row.get_text(" ", strip=True)
            continue
        cells = [_text(cell) for cell in row.find_all(["th", "td"])]
        writer.writerow([group, *cells] if grouped else cells)
    return text.getvalue()


def _text(cell: Tag) -> str:
    for line_break in cell.find_all("br"):
        line_break.replace_with("\n")
    return cell.get_text().replace("\N{NO-BREAK SPACE}", " ").strip()


def write_archive(folder: Path, archive: Path) -> None:
    """Pack a folder; the same files make the same archive, byte for byte."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file != archive:
                entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), EARLIEST)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                packed.writestr(entry, file.read_bytes())
