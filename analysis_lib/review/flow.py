"""Study selection: the counts of the PRISMA 2020 flow diagram, which must add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

EXCLUDED = "reports_excluded"
NOT_RETRIEVED = "reports_not_retrieved"
STUDIES = "studies_included"


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
        return sum(counts[b] for b in self.plus) - sum(counts[b] for b in self.minus)

    def told(self, counts: Mapping[str, int]) -> str:
        """Say how the box differs from what flows in less what leaves."""
        names = " + ".join(self.plus) + "".join(f" - {b}" for b in self.minus)
        figures = " + ".join(str(counts[b]) for b in self.plus)
        figures += "".join(f" - {counts[b]}" for b in self.minus)
        return f"{self.box} is {counts[self.box]}, but {names} = {figures} = {self.total(counts)}"


FLOW = (
    Equation("records_identified", ("records_databases", "records_citation")),
    Equation("records_screened", ("records_identified",), ("duplicates_removed",)),
    Equation("reports_sought", ("records_screened",), ("records_excluded",)),
    Equation("reports_assessed", ("reports_sought",), (NOT_RETRIEVED,)),
    Equation("reports_included", ("reports_assessed",), (EXCLUDED,)),
    Equation("reports_included", ("reports_included_databases", "reports_included_citation")),
)
BOXES = tuple(dict.fromkeys([box for step in FLOW for box in step.boxes] + [STUDIES]))


def flow_problems(counts: Mapping[str, int], reasons: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Find the boxes of a flow diagram that are missing or do not add up.

    Parameters
    ----------
    counts
        Number of records, reports or studies in each box.
    reasons
        The boxes that give a reason for exclusion at full text.

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
    >>> counts["records_databases"] = 6
    >>> [box for box, message in flow_problems(counts, [])]
    ['records_identified']
    """
    for box in BOXES:
        if box not in counts:
            yield box, f"the box {box!r} is missing"
    for step in (*FLOW, *([Equation(EXCLUDED, tuple(reasons))] if reasons else [])):
        if all(box in counts for box in step.boxes) and counts[step.box] != step.total(counts):
            yield step.box, step.told(counts)
