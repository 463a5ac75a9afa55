"""Measure how the cost of a search grows with its records: read, stored, duplicates removed.

``python benchmarks/searches.py [RECORDS ...]`` makes up exports (RIS) of two databases, of which
the second repeats three in ten works of the first, puts them into a new review as
``python -m analysis_lib import`` does, and prints a table of processor seconds.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis_lib.importing.new_review import new_review
from analysis_lib.importing.search import read_records
from analysis_lib.importing.search.store import add_search, read_store

SIZES = (1_000, 10_000, 100_000)
REPEATED = 0.3  # part of the second export that the first one has, too
SYLLABLES = ("ba", "de", "fi", "go", "lu", "ma", "ne", "pi", "ro", "su", "ta", "ve")


def works(n: int, seed: int) -> Iterator[str]:
    """Yield made-up works in RIS: a title of ten words, two authors, a journal, often a DOI."""
    generator = np.random.default_rng(seed)
    words = ["".join(generator.choice(SYLLABLES, 3)) for _ in range(4000)]
    for i in range(n):
        title = " ".join(words[w] for w in generator.integers(0, len(words), 10))
        first, second = (words[w].title() for w in generator.integers(0, len(words), 2))
        start = int(generator.integers(1, 900))
        yield (
            f"TY  - JOUR\nTI  - {title.capitalize()}\nAU  - {first}, {second[0]}.\n"
            f"AU  - {second}, {first[0]}.\nPY  - {generator.integers(1980, 2026)}\n"
            f"JO  - Journal of {words[i % 200]}\nVL  - {generator.integers(1, 90)}\n"
            f"SP  - {start}\nEP  - {start + 9}\nAB  - {title} {title} {title}.\n"
            + (f"DO  - 10.1000/{seed}.{i}\n" if generator.random() < 0.8 else "")
            + "ER  - \n\n"
        )


def exports(folder: Path, n: int) -> list[Path]:
    """Write two exports of n records together."""
    one, other = folder / "one.ris", folder / "other.ris"
    first = list(works(n // 2, 1))
    repeated = first[: int(REPEATED * (n // 2))]
    one.write_text("".join(first), encoding="utf-8")
    own = works(n - n // 2 - len(repeated), 2)
    other.write_text("".join([*repeated, *own]), encoding="utf-8")
    return [one, other]


@dataclass(frozen=True, slots=True)
class Cost:
    """Records that were stored, duplicates among them, and processor seconds for both."""

    records: int
    duplicates: int
    taken: float  # both exports read, duplicates removed, everything stored
    again: float  # the store read again

    def line(self) -> str:
        """Return the line of the table."""
        each = f"{1e3 * self.taken / self.records:.2f} ms"
        return (
            f"| {self.records:,} | {self.duplicates:,} | {self.taken:.1f} s | {self.again:.1f} s "
            f"| {each} |"
        )


def measure(n: int) -> Cost:
    """Import and read again so many records."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        files = exports(folder, n)
        new_review(folder / "review")
        start = time.process_time()
        add_search([read_records(file) for file in files], folder / "review" / "data")
        taken = time.process_time() - start
        start = time.process_time()
        stored = read_store(folder / "review" / "data" / "search")
        again = time.process_time() - start
    removed = sum(one.decision == "duplicate" for one in stored)
    return Cost(len(stored), removed, taken, again)


def main() -> None:
    """Print the table."""
    print("| records | duplicates | import of both exports | read again | a record |")
    print("|---:|---:|---:|---:|---:|")
    for n in map(int, sys.argv[1:]) if sys.argv[1:] else SIZES:
        print(measure(n).line(), flush=True)


if __name__ == "__main__":
    main()
