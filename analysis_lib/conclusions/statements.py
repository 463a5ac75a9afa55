"""What a result may be said to show: GRADE's informative statements.

The size comes from the estimate, the doubt from the recorded certainty. The patterns follow
Santesso N, Glenton C, Dahm P, et al. (2020), GRADE guidelines 26: informative statements to
communicate the findings of systematic reviews of interventions. Journal of Clinical Epidemiology
119:126-135, and chapter 15 of the Cochrane Handbook.
"""

from __future__ import annotations

from dataclasses import dataclass

from analysis_lib.base.errors import ReviewError
from analysis_lib.base.measures import Interval
from analysis_lib.conclusions.certainty import RATINGS

#: The size of a standardised mean difference, by Cohen's rule of thumb as chapter 15 of the
#: Cochrane Handbook gives it: the smallest one, a moderate and a large one.
SMALL, MODERATE, LARGE = 0.2, 0.5, 0.8
#: Signs of the ratings, as the GRADE working group draws them.
CERTAINTY_SIGNS = {
    word: "⊕" * (place + 1) + "⊝" * (3 - place) for place, word in enumerate(RATINGS)
}
MORE, LESS, LITTLE, UNCLEAR, UNKNOWN = "more", "less", "little", "unclear", "unknown"
VERBS = {
    # what it may do, what it does, and what it did where nobody says how sure that is
    MORE: ("increase", "increases", "increased"),
    LESS: ("reduce", "reduces", "reduced"),
    LITTLE: (
        "make little or no difference",
        "makes little or no difference",
        "made little or no difference",
    ),
    UNCLEAR: ("make no clear difference", "makes no clear difference", "made no clear difference"),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """What a result shows.

    Attributes
    ----------
    direction
        ``more``, ``less`` or ``little``; ``unclear`` where the interval includes no difference and
        the estimate is not known to be too small to matter; ``unknown`` where very uncertain
        evidence leaves every answer open.
    size
        ``slightly``, ``greatly``, or empty.
    certainty
        The rating, or empty if nobody rated it.
    """

    direction: str
    size: str
    certainty: str

    def phrase(self) -> str:
        """Return the statement without its subject, for a cell of a table.

        Examples
        --------
        >>> Statement("less", "slightly", "low").phrase()
        'May reduce it slightly'
        >>> Statement("little", "", "very low").phrase()
        'May make little or no difference; very uncertain'
        """
        if self.direction == UNKNOWN:
            return "We do not know; very uncertain"
        told = self._verb("it")
        doubt = "; very uncertain" if self.certainty == "very low" else ""
        return f"{told[0].upper()}{told[1:]}{doubt}"

    def sentence(self, subject: str, outcome: str, *, of_one_trial: bool = False) -> str:
        """Return the statement as a sentence.

        Parameters
        ----------
        subject
            What was done: "loaded exercise".
        outcome
            What was measured, as it stands in a sentence: "pain".
        of_one_trial
            Whether one trial alone says so.

        Examples
        --------
        >>> Statement("more", "", "moderate").sentence("loaded exercise", "endurance")
        'Loaded exercise probably increases endurance.'
        >>> Statement("unknown", "", "very low").sentence("loaded exercise", "disability")
        'We do not know whether loaded exercise changes disability: the evidence is very uncertain.'
        """
        if self.direction == UNKNOWN:
            return (
                f"We do not know whether {subject} changes {outcome}: "
                "the evidence is very uncertain."
            )
        text = f"{subject[0].upper()}{subject[1:]} {self._verb(outcome)}"
        if not self.certainty:
            where = "this trial" if of_one_trial else "these trials"
            told = f"In {where} {subject} {self._verb(outcome)}"
            return f"{told}; how certain this is has not been rated."
        if self.certainty == "very low":
            return f"{text}, but the evidence is very uncertain."
        return f"{text}."

    def _verb(self, outcome: str) -> str:
        may, does, did = VERBS[self.direction]
        if self.direction in (LITTLE, UNCLEAR):
            rest = "" if outcome == "it" else f" to {outcome}"
        else:
            rest = f" {outcome}{' slightly' if self.size == 'slightly' else ''}"
        greatly = "greatly " if self.size == "greatly" else ""
        if not self.certainty:
            return f"{greatly}{did}{rest}"
        if self.certainty in ("low", "very low"):
            return f"may {greatly}{may}{rest}"
        return f"{'probably ' if self.certainty == 'moderate' else ''}{greatly}{does}{rest}"


def statement(
    effect: float,
    ci: Interval,
    *,
    certainty: str | None = None,
    important: float | None = None,
    standardised: bool = False,
) -> Statement:
    """Return what an effect shows, with the certainty that people recorded.

    Parameters
    ----------
    effect, ci
        The effect and its confidence interval as they are pooled (logarithms of ratios): below
        zero means less of the outcome.
    certainty
        ``high``, ``moderate``, ``low`` or ``very low``; none if nobody rated it.
    important
        The smallest difference that matters, as pooled; for a standardised mean difference without
        one, Cohen's 0.2.
    standardised
        Whether the effect is in standard deviations: then its size is told, too.

    Returns
    -------
    Statement

    Raises
    ------
    ReviewError
        For another rating.

    Notes
    -----
    With very low certainty GRADE names a direction or none, never a size. Where the interval then
    includes no difference and the estimate is important, or the interval includes important
    differences both ways, nothing is known.

    Examples
    --------
    >>> statement(-0.52, (-0.92, -0.08), certainty="very low", important=1.5).phrase()
    'May make little or no difference; very uncertain'
    >>> statement(-0.40, (-1.0, 0.2), certainty="very low", standardised=True).phrase()
    'We do not know; very uncertain'
    """
    if certainty is not None and certainty not in RATINGS:
        raise ReviewError(f"certainty must be one of {', '.join(RATINGS)}, got {certainty!r}")
    rating = certainty or ""
    if important is None and standardised:
        important = SMALL
    open_ended = ci[0] <= 0 <= ci[1]
    if open_ended and rating == "very low" and _tells_nothing(effect, ci, important):
        return Statement(UNKNOWN, "", rating)
    if important is not None and abs(effect) < important:
        return Statement(LITTLE, "", rating)
    if open_ended:
        return Statement(UNCLEAR, "", rating)
    size = _size(abs(effect)) if standardised and rating != "very low" else ""
    return Statement(MORE if effect > 0 else LESS, size, rating)


def _tells_nothing(effect: float, ci: Interval, important: float | None) -> bool:
    if important is None:
        return False
    return abs(effect) >= important or (ci[0] <= -important and ci[1] >= important)


def _size(effect: float) -> str:
    if effect < MODERATE:
        return "slightly"
    return "" if effect < LARGE else "greatly"
