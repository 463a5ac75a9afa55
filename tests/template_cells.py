"""What the notebooks of a new review call, for tests to call on reviews of their own."""

from __future__ import annotations

import nbformat

from analysis_lib.book.sections import chapters, moderation, one_group, results, robustness
from analysis_lib.importing.new_review import TEMPLATE

#: The modules whose functions show figures; tests collect these instead.
DRAWING = (chapters, moderation, one_group, results, robustness)


def calls(path: str) -> list[str]:
    """Return the code cells of a notebook without the first, which loads the review."""
    cells = nbformat.read(TEMPLATE / "notebooks" / f"{path}.ipynb", as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"][1:]


#: The calls of each notebook, by its name.
NOTEBOOKS: dict[str, list[str]] = {
    path.stem: calls(path.stem) for path in sorted((TEMPLATE / "notebooks").glob("*.ipynb"))
}
