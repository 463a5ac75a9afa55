"""What makes a book: what has changed, the notebooks that run, and what readers take along."""

from __future__ import annotations

import sys

# What reads notebooks would also like to know, of addresses in any language, whether they are
# sound: nobody asks, and to compile the grammar takes as long as to load and check a review.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
