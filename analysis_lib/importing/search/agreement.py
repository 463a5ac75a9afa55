"""How far two people who screened the same records agree, and on which they do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from analysis_lib.base.checks import FloatArray, as_items, check_level
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import interval, number, percent, plural
from analysis_lib.importing.texts import plain

#: How people and programs write a decision.
SPELLINGS = (
    ("include", ("include", "included", "in", "yes", "y", "1", "true", "relevant")),
    ("exclude", ("exclude", "excluded", "out", "no", "n", "0", "false", "irrelevant")),
    ("unclear", ("unclear", "maybe", "unsure", "undecided", "uncertain")),
)
NO_SPREAD = 1e-7  # of kappa: rounding leaves a hair more than nothing
NO_ANSWER = ("", "na", "n a", "nan", "none")


@dataclass(frozen=True, slots=True)
class ScreeningAgreement:
    """How far two people who screened the same records agree.

    Attributes
    ----------
    n : int
        Records that both judged.
    observed, expected : float
        Share on which they agree, and share on which they would by chance.
    kappa : float or None
        Cohen's kappa; ``None`` when both gave one and the same answer to everything.
    se : float or None
        Its large-sample standard error.
    ci : (float, float) or None
        Its confidence interval, within -1 and 1.
    level : float
        Of the interval.
    disagreements : tuple of str
        The records to talk about.
    """

    n: int
    observed: float
    expected: float
    kappa: float | None
    se: float | None
    ci: tuple[float, float] | None
    level: float
    disagreements: tuple[str, ...]

    def __str__(self) -> str:
        """Return a sentence, which says why there is no kappa where there is none."""
        agreed = f"Both judged {plural(self.n, 'record')} and agreed on {percent(self.observed, 1)}"
        if self.kappa is None:
            return f"{agreed}; as all have one and the same answer, kappa cannot be computed."
        told = f"{agreed}; kappa is {number(self.kappa)}"
        if self.se is None or self.se < NO_SPREAD:  # one answer a person, or agreement throughout
            return f"{told}, and the answers do not vary enough for an interval."
        return f"{told} ({percent(self.level)} interval {interval(self.ci)})."


def screening_agreement(
    first: Sequence[str],
    second: Sequence[str],
    *,
    labels: Sequence[object] | None = None,
    level: float = 0.95,
) -> ScreeningAgreement:
    r"""Cohen's kappa of two people who screened the same records.

    Parameters
    ----------
    first, second : sequence of str, shape (n,)
        Their answers, for example "include", "exclude", "unclear"; capitals, spaces and marks
        around a word say nothing, and "included", "yes" and 1 are "include".
    labels : sequence, optional
        Names of the records.
    level : float, default 0.95
        Level of the confidence interval.

    Returns
    -------
    ScreeningAgreement

    Raises
    ------
    ReviewError
        For no records, lists of unequal length, or an answer that is missing.

    Notes
    -----
    With the shares :math:`p_{ij}` of answers i and j, observed agreement
    :math:`p_o = \sum p_{ii}` and expected agreement :math:`p_e = \sum p_{i.}p_{.i}`,

    .. math:: \kappa = \frac{p_o-p_e}{1-p_e}, \qquad
        \widehat{se}^2 = \frac{A+B-C}{n(1-p_e)^2},

    .. math:: A = \sum_i p_{ii}\left(1-(p_{i.}+p_{.i})(1-\kappa)\right)^2, \quad
        B = (1-\kappa)^2\sum_{i\neq j}p_{ij}(p_{.i}+p_{j.})^2, \quad
        C = \left(\kappa-p_e(1-\kappa)\right)^2 .

    References
    ----------
    Cohen J (1960). A coefficient of agreement for nominal scales. Educational and Psychological
    Measurement 20:37-46.

    Fleiss JL, Cohen J, Everitt BS (1969). Large sample standard errors of kappa and weighted
    kappa. Psychological Bulletin 72:323-327.

    Examples
    --------
    >>> one = ["include"] * 25 + ["exclude"] * 25
    >>> two = ["include"] * 20 + ["exclude"] * 5 + ["include"] * 10 + ["exclude"] * 15
    >>> print(screening_agreement(one, two))
    Both judged 50 records and agreed on 70.0%; kappa is 0.40 (95% interval 0.15 to 0.65).
    """
    names = _checked_answers(first, second, labels)
    first, second = (tuple(map(_word, one)) for one in (first, second))
    check_level(level)
    answers = sorted({*first, *second})
    positions = {answer: i for i, answer in enumerate(answers)}
    counts = np.zeros((len(answers), len(answers)))
    for a, b in zip(first, second, strict=True):
        counts[positions[a], positions[b]] += 1
    shares = counts / len(first)
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    observed, expected = float(np.trace(shares)), float(rows @ columns)
    differ = tuple(n for n, a, b in zip(names, first, second, strict=True) if a != b)
    kappa = se = ci = None
    if len(answers) > 1:
        kappa = (observed - expected) / (1 - expected)
        se = _se_of_kappa(shares, kappa, expected) / len(first) ** 0.5
        margin = -float(ndtri((1 - level) / 2)) * se
        ci = (max(-1.0, kappa - margin), min(1.0, kappa + margin))
    return ScreeningAgreement(len(first), observed, expected, kappa, se, ci, level, differ)


def _word(answer: object) -> str:
    """Return an answer as a word: of several spellings of one decision always the same."""
    word = plain(str(answer).strip().removesuffix(".0"))
    return next((name for name, words in SPELLINGS if word in words), word)


def _is_missing(answer: object) -> bool:
    is_number = isinstance(answer, (int, float)) and answer == answer  # NaN is none
    return not (is_number or isinstance(answer, str)) or plain(str(answer)) in NO_ANSWER


def _se_of_kappa(shares: FloatArray, kappa: float, expected: float) -> float:
    """Return the standard error of kappa for one record (Fleiss, Cohen and Everitt 1969)."""
    rows, columns, agreed = shares.sum(axis=1), shares.sum(axis=0), np.diag(shares)
    on_diagonal = float(agreed @ (1 - (rows + columns) * (1 - kappa)) ** 2)
    spread = shares * (columns[:, None] + rows[None, :]) ** 2
    off_diagonal = (1 - kappa) ** 2 * float(spread.sum() - np.trace(spread))
    centre = (kappa - expected * (1 - kappa)) ** 2
    # Rounding may leave a hair less than zero where the two agree in everything.
    return float(np.sqrt(max(0.0, on_diagonal + off_diagonal - centre)) / (1 - expected))


def _checked_answers(
    first: Sequence[str], second: Sequence[str], labels: Sequence[object] | None
) -> tuple[str, ...]:
    first, second = as_items("first", first), as_items("second", second)
    if len(first) != len(second) or not first:
        raise ReviewError(f"{len(first)} answers of one and {len(second)} of the other; need equal")
    names = tuple(
        map(str, as_items("labels", labels))
        if labels is not None
        else (f"record {i + 1}" for i in range(len(first)))
    )
    if len(names) != len(first):
        raise ReviewError(f"labels: {len(names)} labels for {len(first)} records")
    for name, a, b in zip(names, first, second, strict=True):
        if _is_missing(a) or _is_missing(b):
            raise ReviewError(f"{name}: an answer is missing ({a!r}, {b!r})")
    return names
