"""The one error a reader of this library has to know."""

from __future__ import annotations


class ReviewError(ValueError):
    """Input that cannot be used, said so that it can be mended.

    The message names the study label and the value, or the file, the row, the column and the
    value. A table with several problems raises one error that lists them all.
    """
