"""Written pages made lighter: what no reader of them needs is taken away."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

from fontTools import subset
from fontTools.ttLib import TTFont
from markupsafe import Markup

from analysis_lib.book.engine import styles

PIXELS_A_POINT = 96 / 72
SIZE = re.compile(r'<svg[^>]*?\bwidth="([\d.]+)pt"[^>]*?\bheight="([\d.]+)pt"')
VIEWPORT = re.compile(r'\s*<meta name="viewport"[^>]*>')
TITLE_TWICE = re.compile(r"<title>([^<]*?) (?:&#8212;|\N{EM DASH}) \1</title>")
TOGGLE = re.compile(r"\s*<script>var togglebuttonSelector[^<]*</script>")
SEARCH = re.compile(
    r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>'
)
#: Both find quickly where they cannot begin: after a letter, within a selector.
ICON = re.compile(r"fa-(?<=\bfa-)[a-z][a-z-]*")
ICON_RULE = re.compile(r'(?<![^{}])([^{}]*)\{content:"\\([0-9a-f]+)"\}')
#: Scripts of the theme, except the one whose words others hang upon where they stand.
SCRIPT = re.compile(
    r'\s*<script(?! defer)(?: [\w-]+="[^"]*")* src="(?![^"]*documentation_options)(?:[^"]*/)?'
    r'(?P<name>[^"/?]+)[^"]*"></script>'
)
#: What each of these scripts looks for on a page.
FINDS = {
    "clipboard.min.js": "<pre>",
    "copybutton.js": "<pre>",
    "togglebutton.js": "toggle ",
    "design-tabs.js": "sd-tab-set",
}


def lighten(book: Path) -> None:
    """Take away what no reader of these pages needs.

    The theme ships every icon of Font Awesome three times: as a script of 1.5 MB, as fonts, and in
    maps for those who debug it. The script goes, and the font keeps the icons in use. Style sheets
    keep the rules in use, and a page loads only the scripts that find something on it.
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
        html = without_repeats(script_tag.sub("", page.read_text(encoding="utf-8")))
        # Only the search page looks anything up, by scripts that change each other before they run.
        if page.name != "search.html":
            html = later(SEARCH.sub("", html))
        page.write_text(with_sizes(html, page), encoding="utf-8")
    words = styles.words_of(
        text for path, text in zip(readable, texts, strict=True) if path.suffix != ".css"
    )
    for sheet in static.rglob("*.css"):
        sheet.write_text(styles.cut(sheet.read_text(encoding="utf-8"), words), encoding="utf-8")


def later(html: str) -> str:
    """Return a page that is drawn before its scripts come, and without those it has no use for.

    Examples
    --------
    >>> later('<script src="../_static/design-tabs.js?v=1"></script><script src="a.js"></script>')
    '<script defer src="a.js"></script>'
    """

    def deferred(found: re.Match[str]) -> str:
        name = found["name"]
        if name in FINDS and FINDS[name] not in html:
            return ""
        return found.group().replace("<script", "<script defer", 1)

    return SCRIPT.sub(deferred, html)


def without_repeats(html: str) -> str:
    """Return a page that says its width, its title and every setting of a script once."""
    html = TITLE_TWICE.sub(r"<title>\1</title>", html, count=1)
    for repeated in (VIEWPORT, TOGGLE):
        first = repeated.search(html)
        if first is not None:
            rest = html[first.end() :]
            html = html[: first.end()] + repeated.sub("", rest)
    return html


def with_sizes(html: str, page: Path) -> str:
    """Return a page whose drawings say how large they are, so that nothing moves when they come."""

    def sized(found: re.Match[str]) -> str:
        tag = found.group()
        source = re.search(r'src="([^"]+\.svg)"', tag)
        if source is None or " width=" in tag:
            return tag
        file = page.parent / unquote(source.group(1))
        size = SIZE.search(file.read_text(encoding="utf-8")[:2000]) if file.is_file() else None
        if size is None:
            return tag
        width, height = (round(float(number) * PIXELS_A_POINT) for number in size.groups())
        return str(Markup('<img width="{}" height="{}"').format(width, height)) + tag[4:]

    return re.sub(r"<img [^>]*>", sized, html)


def icons_in_use(texts: Iterable[str], css: str) -> set[int]:
    """Return the code points of the icons that pages, scripts and style sheets use."""
    texts = list(texts)
    named = {name for text in texts for name in ICON.findall(text)}
    # The icons of notes and warnings are values of the theme's own variables, as characters.
    found = {ord(icon) for icon in re.findall(r'--pst-icon-[a-z-]+:\s*"(.)"', css)}
    for text in texts:
        found |= {int(code, 16) for code in re.findall(r'content:\s*"\\(f[0-9a-f]{3})"', text)}
    for selectors, code in ICON_RULE.findall(css):
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
