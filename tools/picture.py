"""Write the picture of the README: the first figure of the results, as its notebook drew it."""

from __future__ import annotations

from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "notebooks" / "00_results.ipynb"
PICTURE = ROOT / "book" / "answer.svg"


def drawn(name: str = "fig-printed") -> str:
    """Return a figure of the notebook as SVG."""
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        for output in cell.get("outputs", []):
            if output.get("metadata", {}).get("figure", {}).get("name") == name:
                return str(output["data"]["image/svg+xml"])
    raise SystemExit(f"{NOTEBOOK.name}: no figure {name}; run the notebook first")


if __name__ == "__main__":
    PICTURE.write_text(drawn(), encoding="utf-8")
