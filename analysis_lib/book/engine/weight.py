"""Written pages made lighter: what no reader of them needs is taken away."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont


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
