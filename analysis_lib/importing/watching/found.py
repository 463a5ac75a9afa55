"""To put what a watch found into ``found.csv``, beside what people wrote there.

A watch adds rows and fills what it knows; what people decided stays as they wrote it, like any
column that they add.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence

from analysis_lib.base.unsafe import MARKUP
from analysis_lib.importing.search.record import cleaned
from analysis_lib.review.found import Row


def as_words(text: str) -> str:
    """Return what a service says as words that every gate of the review lets through.

    Signs that could be markup become signs that only look alike; the answer itself is kept as it
    was received.

    Examples
    --------
    >>> as_words("Pain &lt;b&gt;and <script>x</script>function <unusual tag")
    'Pain and function ‹unusual tag'
    """
    words = cleaned(text)
    if MARKUP.search(words):
        words = words.replace("<", "‹").replace("&#", "& #")
        words = MARKUP.sub(lambda found: found.group().replace(":", " :"), words)
    return words


def news(
    earlier: Sequence[Row], now: Iterable[Row], day: datetime.date
) -> tuple[list[Row], list[Row], list[Row]]:
    """Put what was found into the table.

    Returns
    -------
    rows, new, changed : list of dict
        The whole table; what was never seen; what is judged otherwise than before. What people
        wrote stays.
    """
    rows = {row["found"]: dict(row) for row in earlier}
    new, changed = [], []
    for row in now:
        known = rows.get(row["found"])
        if known is None:
            rows[row["found"]] = row
            new.append(row)
        elif (known["judged"], known["words"]) != (row["judged"], row["words"]):
            told = {name: row[name] for name in ("title", "judged", "words", "file")}
            known |= told | {"changed": day.isoformat()}
            changed.append(known)
    return list(rows.values()), new, changed
