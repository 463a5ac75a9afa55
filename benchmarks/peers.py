"""The same meta-analysis by other Python packages, each through its own public function.

A package that is not installed is left out. Every function takes effects and variances and returns
the pooled estimate and tau2, so that a faster answer is also seen to be the same answer.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

Fit = Callable[[np.ndarray, np.ndarray], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Peer:
    """A package, the function that is measured, and what it does."""

    package: str
    function: str
    tau2_method: str
    fit: Fit

    @property
    def version(self) -> str:
        """Version that is installed."""
        return version(self.package)


def _pimeta() -> Fit:
    import pimeta

    def fit(y: np.ndarray, v: np.ndarray) -> tuple[float, float]:
        result = pimeta.rma(y, v, method="REML")
        return float(np.ravel(result.b)[0]), float(result.tau2)

    return fit


def _pymetaanalysis() -> Fit:
    import meta_analyze

    def fit(y: np.ndarray, v: np.ndarray) -> tuple[float, float]:
        result = meta_analyze.meta_analysis(effect=y, variance=v, tau2_method="REML")
        return float(result.estimate), float(result.tau2)

    return fit


def _pymare() -> Fit:
    from pymare.estimators import VarianceBasedLikelihoodEstimator

    ones: dict[int, np.ndarray] = {}

    def fit(y: np.ndarray, v: np.ndarray) -> tuple[float, float]:
        column = ones.setdefault(len(y), np.ones((len(y), 1)))
        estimator = VarianceBasedLikelihoodEstimator(method="reml")
        found = estimator.fit(y[:, None], v[:, None], column).params_
        return float(np.ravel(found["fe_params"])[0]), float(np.ravel(found["tau2"])[0])

    return fit


def _statsmodels(method: str) -> Callable[[], Fit]:
    def load() -> Fit:
        from statsmodels.stats.meta_analysis import combine_effects

        def fit(y: np.ndarray, v: np.ndarray) -> tuple[float, float]:
            result = combine_effects(y, v, method_re=method)
            return float(result.mean_effect_re), float(result.tau2)

        return fit

    return load


#: Package on the index, its function, its estimator of tau2, and how to load it.
KNOWN: tuple[tuple[str, str, str, Callable[[], Fit]], ...] = (
    ("pimeta", "rma", "REML", _pimeta),
    ("PyMetaAnalysis", "meta_analysis", "REML", _pymetaanalysis),
    ("PyMARE", "VarianceBasedLikelihoodEstimator.fit", "REML", _pymare),
    ("statsmodels", "combine_effects", "PM", _statsmodels("iterated")),
    ("statsmodels", "combine_effects", "DL", _statsmodels("dl")),
)


def installed() -> Iterator[Peer]:
    """Yield the peers that are there."""
    for package, function, tau2_method, load in KNOWN:
        if is_installed(package):
            yield Peer(package, function, tau2_method, load())


def is_installed(package: str) -> bool:
    """Say whether a package is there."""
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def missing() -> list[str]:
    """Return the packages that are not there."""
    return sorted({package for package, *_ in KNOWN if not is_installed(package)})


def pimeta_subsets(y: np.ndarray, v: np.ndarray, subsets: int) -> Any:
    """Pool so many random subsets with pimeta."""
    import pimeta

    return pimeta.gosh(y, v, method="REML", subsets=subsets, seed=1)


def pimeta_leave_one_out(y: np.ndarray, v: np.ndarray) -> Any:
    """Pool without each study with pimeta."""
    import pimeta

    return pimeta.leave1out(y, v, method="REML")


def pimeta_permutations(y: np.ndarray, v: np.ndarray) -> float:
    """Return the p value of pimeta's exact permutation test."""
    import pimeta

    result = pimeta.permutest(pimeta.rma(y, v, method="REML"), exact=True)
    return float(np.ravel(result.pval)[0])


METAFOR = """
suppressMessages(library(metafor))
d <- scan(file("stdin"), quiet = TRUE)
k <- d[1]; n <- d[2]; y <- d[2 + 1:k]; v <- d[2 + k + 1:k]
sets <- matrix(d[-(1:(2 + 2 * k))] == 1, nrow = n, byrow = TRUE)
fit <- function(i) tryCatch(rma(y[i], v[i], method = "REML")$tau2, error = function(e) NA)
start <- proc.time()
tau2 <- apply(sets, 1, fit)
cat(as.character(packageVersion("metafor")), (proc.time() - start)[["user.self"]], tau2)
"""


def metafor_subsets(
    y: np.ndarray, v: np.ndarray, masks: np.ndarray
) -> tuple[str, float, np.ndarray] | None:
    """Return metafor's version, processor seconds and tau2 of subsets; nothing without R."""
    if shutil.which("Rscript") is None:
        return None
    numbers = [len(y), len(masks), *y, *v, *masks.ravel().astype(int)]
    run = subprocess.run(  # noqa: S603 (the words are ours)
        ["Rscript", "-e", METAFOR],  # noqa: S607
        input=" ".join(map(repr, map(float, numbers))),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode:
        return None
    version_of, seconds, *tau2 = run.stdout.split()
    return version_of, float(seconds), np.array([np.nan if t == "NA" else float(t) for t in tau2])
