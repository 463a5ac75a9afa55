"""The methods of a meta-analysis as one value that every function shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, TypedDict, Unpack, cast

from analysis_lib.base.checks import check_choice, check_level
from analysis_lib.base.errors import ReviewError
from analysis_lib.pooling.tau2 import ESTIMATORS

TAU2_METHODS = tuple(ESTIMATORS)
#: Intervals that go with every estimator of tau2. Kenward and Roger's go with REML alone.
CI_METHODS = ("wald", "HK", "HK-adhoc")
PI_METHODS = ("HTS", "V", "HK", "HK-PR", "normal")
KENWARD_ROGER = ("KR", "KR-PR")
#: Name of a prediction interval -> degrees of freedom lost, None for normal, and whose SE it uses.
PREDICTIONS: dict[str, tuple[int | None, str]] = {
    "HTS": (2, "wald"),
    "V": (1, "wald"),
    "HK": (1, "HK"),
    "HK-PR": (2, "HK"),
    "normal": (None, "wald"),
    "KR": (0, "KR"),  # of Kenward and Roger's own degrees of freedom
    "KR-PR": (1, "KR"),
}


#: How events of two arms are pooled, and which of the two models of true effects is fitted.
EVENT_METHODS = ("MH", "Peto", "inverse")
MODELS = ("common", "random")
DOUBLE_ZEROS = ("drop", "keep")


class EventMethodNames(TypedDict, total=False):
    """The keyword arguments by which functions take the fields of `EventMethods`."""

    event_method: str
    model: str
    correction: float
    double_zeros: str


class MethodNames(TypedDict, total=False):
    """The keyword arguments by which functions take the fields of `Methods`."""

    tau2_method: str
    ci_method: str
    pi_method: str
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Methods:
    """How effects are pooled. It unpacks into keyword arguments: ``pool(y, v, **methods)``.

    Parameters
    ----------
    tau2_method : {"REML", "FE", "DL", "HE", "HS", "SJ", "ML", "EB", "PM"}
        Estimator of the between-study variance: restricted maximum likelihood, none (common
        effect), DerSimonian-Laird, Hedges, Hunter-Schmidt, Sidik-Jonkman, maximum likelihood,
        empirical Bayes, Paule-Mandel.
    ci_method : {"wald", "HK", "HK-adhoc", "KR"}
        Normal distribution, as R's metafor and meta take where nothing is said; Hartung-Knapp, t
        with k - 1 degrees of freedom; the same with a standard error that is never smaller than the
        classic one, which a new review begins with (Röver, Knapp and Friede 2015, BMC Medical
        Research Methodology 15:99); Kenward-Roger, with REML only.
    pi_method : {"HTS", "V", "HK", "HK-PR", "normal", "KR", "KR-PR"}
        Prediction interval with t on k - 2 (HTS, HK-PR) or k - 1 (V, HK) degrees of freedom, or
        normal; KR and KR-PR, with REML only, on those of Kenward and Roger, and on one less. HK
        and HK-PR use the Hartung-Knapp standard error (ad hoc when the interval is), KR and KR-PR
        Kenward and Roger's, the others the classic one, whatever ``ci_method`` is; these are the
        names of R's meta.
    level : float
        Level of all intervals, between 0 and 1.

    Raises
    ------
    ReviewError
        For an unknown method, with the choices, methods that do not go together, or a level
        outside 0 to 1.

    Examples
    --------
    >>> from analysis_lib import Methods, pool
    >>> methods = Methods(ci_method="HK")
    >>> round(pool([0.1, 0.5, 0.9], [0.04, 0.05, 0.04], **methods).se, 3)
    0.233
    >>> methods.but(level=0.9).level
    0.9
    """

    tau2_method: str = "REML"
    ci_method: str = "wald"
    pi_method: str = "HTS"
    level: float = 0.95

    def __post_init__(self) -> None:
        check_choice("tau2_method", self.tau2_method, TAU2_METHODS)
        check_choice("ci_method", self.ci_method, (*CI_METHODS, KENWARD_ROGER[0]))
        check_choice("pi_method", self.pi_method, tuple(PREDICTIONS))
        check_level(self.level)
        for name in ("ci_method", "pi_method"):
            if self[name] in KENWARD_ROGER and self.tau2_method != "REML":
                raise ReviewError(
                    f"{name}: Kenward and Roger's interval ({self[name]}) needs tau2_method REML, "
                    f"not {self.tau2_method}"
                )

    @classmethod
    def named(cls, names: MethodNames) -> Methods:
        """Return the methods of keyword arguments, or say which keyword there is not."""
        for name in names:
            check_choice("the name of a method", name, tuple(DEFAULT))
        return cls(**names) if names else DEFAULT

    def but(self, **names: Unpack[MethodNames]) -> Methods:
        """Return the same methods with some of them changed, or say which keyword there is not."""
        return self.named(cast(MethodNames, {**self, **names}))

    def __iter__(self) -> Iterator[str]:
        return (field.name for field in fields(self))

    keys = __iter__

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


#: Made and checked once: most calls name no method.
DEFAULT = Methods()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMethods:
    """How events of two arms are pooled, beside what `Methods` says.

    Parameters
    ----------
    event_method : {"inverse", "MH", "Peto"}
        Inverse variance, Mantel-Haenszel, or Peto's odds ratio; see `analysis_lib.pool_events`.
    model : {"random", "common"}
        True effects that vary, or one true effect. Mantel-Haenszel adds up counts for one true
        effect only. With random effects the trials' own effects are weighted by inverse variances
        whichever method is named; of Mantel-Haenszel there remains, with the DerSimonian-Laird
        tau2, the mean that Q and tau2 are taken around, as in RevMan 5.
    correction : float
        Added to the cells of a trial with an empty one, where its own effect needs it.
    double_zeros : {"drop", "keep"}
        What becomes of a trial that tells nothing about a ratio, because nobody in either arm had
        the event (or everybody, for odds). A difference keeps it always.

    Raises
    ------
    ReviewError
        For an unknown method, with the choices, or a correction that is not above zero.

    Examples
    --------
    >>> EventMethods(event_method="MH", model="common").double_zeros
    'drop'
    """

    event_method: str = "inverse"
    model: str = "random"
    correction: float = 0.5
    double_zeros: str = "drop"

    def __post_init__(self) -> None:
        check_choice("event_method", self.event_method, EVENT_METHODS)
        check_choice("model", self.model, MODELS)
        check_choice("double_zeros", self.double_zeros, DOUBLE_ZEROS)
        if isinstance(self.correction, bool) or not isinstance(self.correction, int | float):
            raise ReviewError(f"correction must be a number, not {self.correction!r}")
        if not 0 < self.correction < float("inf"):
            raise ReviewError(
                f"correction must be finite and greater than zero, not {self.correction}"
            )

    def but(self, **names: Unpack[EventMethodNames]) -> EventMethods:
        """Return the same choices with some of them changed, or say which there is not."""
        for name in names:
            check_choice("the name of a choice", name, tuple(field.name for field in fields(self)))
        return replace(self, **names)


class NamesItsMethods:
    """A result that keeps its ``methods`` and tells each of them by name."""

    __slots__ = ()
    methods: Methods

    @property
    def tau2_method(self) -> str:
        """Estimator of the between-study variance."""
        return self.methods.tau2_method

    @property
    def ci_method(self) -> str:
        """Method of the confidence interval."""
        return self.methods.ci_method

    @property
    def pi_method(self) -> str:
        """Method of the prediction interval."""
        return self.methods.pi_method

    @property
    def level(self) -> float:
        """Level of the intervals."""
        return self.methods.level
