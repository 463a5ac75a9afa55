"""Study selection: the counts of the PRISMA 2020 flow diagram, which must add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

EXCLUDED = "reports_excluded"
NOT_RETRIEVED = "reports_not_retrieved"
STUDIES = "studies_included"
DATABASES = "records_databases"
PREVIOUS, NEW = "previous_studies", "new_studies"
PREVIOUS_REPORTS = "previous_reports"


@dataclass(frozen=True, slots=True)
class Equation:
    """One box of the diagram: what flows in, less what leaves."""

    box: str
    plus: tuple[str, ...]
    minus: tuple[str, ...] = ()

    @property
    def boxes(self) -> tuple[str, ...]:
        """Every box of the equation."""
        return (self.box, *self.plus, *self.minus)

    def total(self, counts: Mapping[str, int]) -> int:
        """Return what flows in less what leaves."""
        into, out = (sum(counts.get(b, 0) for b in boxes) for boxes in (self.plus, self.minus))
        return into - out

    def told(self, counts: Mapping[str, int]) -> str:
        """Say how the box differs from what flows in less what leaves."""
        into, out = ([b for b in boxes if b in counts] for boxes in (self.plus, self.minus))
        names = " + ".join(into) + "".join(f" - {b}" for b in out)
        figures = " + ".join(str(counts[b]) for b in into)
        figures += "".join(f" - {counts[b]}" for b in out)
        return f"{self.box} is {counts[self.box]}, but {names} = {figures} = {self.total(counts)}"


FLOW = (
    Equation("records_identified", (DATABASES, "records_registers", "records_citation")),
    Equation(
        "records_screened", ("records_identified",), ("duplicates_removed", "records_removed_other")
    ),
    Equation("reports_sought", ("records_screened",), ("records_excluded",)),
    Equation("reports_assessed", ("reports_sought",), (NOT_RETRIEVED,)),
    Equation("reports_included", ("reports_assessed",), (EXCLUDED,)),
    Equation("reports_included", ("reports_included_databases", "reports_included_citation")),
)
#: What not every review counts: where records came from, what did not happen, and what was there
#: before a later search.
OPTIONAL = frozenset(
    (
        *(DATABASES, "records_registers", "records_citation", "duplicates_removed"),
        *("records_removed_other", NOT_RETRIEVED, PREVIOUS, PREVIOUS_REPORTS, NEW),
        *("reports_included_databases", "reports_included_citation"),
    )
)
UPDATED = Equation(STUDIES, (PREVIOUS, NEW))
BOXES = tuple(
    dict.fromkeys(box for step in FLOW for box in (*step.boxes, STUDIES) if box not in OPTIONAL)
)


def flow_problems(
    counts: Mapping[str, int], reasons: Sequence[str], databases: Sequence[str] = ()
) -> Iterator[tuple[str, str]]:
    """Find the boxes of a flow diagram that are missing or do not add up.

    Parameters
    ----------
    counts
        Number of records, reports or studies in each box.
    reasons
        The boxes that give a reason for exclusion at full text.
    databases
        The boxes that count the records of one database.

    Yields
    ------
    box, message
        Nothing when every box equals what flows into it less what leaves.

    References
    ----------
    Page MJ, McKenzie JE, Bossuyt PM, et al. The PRISMA 2020 statement. BMJ 2021;372:n71.

    Examples
    --------
    >>> counts = dict.fromkeys(BOXES, 0)
    >>> list(flow_problems(counts, []))
    []
    >>> counts["records_databases"] = 6  # which not every review counts
    >>> [box for box, message in flow_problems(counts, [])]
    ['records_identified']
    """
    for box in BOXES:
        if box not in counts:
            yield box, f"the box {box!r} is missing"
    parts = ((EXCLUDED, reasons), (DATABASES, databases))
    sums = [Equation(box, tuple(boxes)) for box, boxes in parts if boxes]
    for step in (*FLOW, UPDATED, *sums):
        if _is_counted(step, counts) and counts[step.box] != step.total(counts):
            yield step.box, step.told(counts)


def _is_counted(step: Equation, counts: Mapping[str, int]) -> bool:
    """Say whether the boxes of an equation are there: all that it needs, and any of its parts."""
    needed = [box for box in step.boxes if box not in OPTIONAL]
    return all(box in counts for box in (step.box, *needed)) and any(b in counts for b in step.plus)
