"""Does every public function say what is wrong with its input, whatever it is given?

Each function is called with the same wrong thing in every place, and with it in one place and
something plausible in the others. What comes out is an answer, or an error of the project; a
`TypeError` is one only of the call itself.
"""

from __future__ import annotations

import inspect
import math
import traceback
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import pandas as pd
import pytest
from places import DATA

import analysis_lib as al

#: They read files, whose errors other tests look at.
READERS = {"deduplicate", "import_results", "load_review", "read_records"}
WRONG: dict[str, Any] = {
    "a list": [1, 2],
    "one number": [0.3],
    "three numbers": (1.0, 2.0, 3.0),
    "nothing": [],
    "no list": None,
    "a word": "x",
    "words": ["a", "b"],
    "a mapping": {},
    "not a number": [math.nan, 1.0],
    "negative": -1,
    "zero": 0,
    "infinite": math.inf,
    "lists in a list": [[1, 2], [3, 4]],
    "lists of unequal length": [[1], [2, 3]],
    "any object": object(),
}
PLAUSIBLE = [0.2, 0.4, 0.5]


@cache
def known() -> dict[str, Any]:
    review = al.load_review(DATA)
    effects = review.analysis("pain", "ETP")
    return {"review": review, "effects": effects, "groups": ["a", "b", "a"], "measure": "RR"}


def functions() -> list[str]:
    found = [name for name in al.__all__ if inspect.isfunction(getattr(al, name))]
    return [name for name in found if name not in READERS]


def calls(name: str, wrong: Any) -> Iterator[dict[str, Any]]:
    """Yield the arguments of each call: wrong in all places that need one, then in each alone."""
    parameters = [
        one
        for one in inspect.signature(getattr(al, name)).parameters.values()
        if one.kind is not one.VAR_KEYWORD
    ]
    needed = [one.name for one in parameters if one.default is one.empty]
    yield dict.fromkeys(needed, wrong)
    for one in parameters:
        yield {key: known().get(key, PLAUSIBLE) for key in needed} | {one.name: wrong}


def unclear(name: str, arguments: dict[str, Any]) -> str:
    """Return what is unclear in the error of a call; nothing, if it is an answer or a clear one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            getattr(al, name)(**arguments)
        except al.ReviewError as error:
            return "" if str(error) else "no message"
        except TypeError as error:
            is_of_the_call = len(traceback.extract_tb(error.__traceback__)) == 1
            return "" if is_of_the_call else f"{error} ({list(arguments)})"
    return ""


@pytest.mark.slow  # thousands of calls
@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("name", functions())
def test_wrong_input_is_an_answer_or_an_error_that_says_so(name: str, kind: str) -> None:
    for arguments in calls(name, WRONG[kind]):
        assert unclear(name, arguments) == ""


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: al.prior_sensitivity([1, 2]), "effects must be of the kind that study_effects"),
        (lambda: al.pool([0.1, 0.2], [0.1, -0.2]), "study 2: -0.2"),
        (lambda: al.pool([0.1, math.nan], [0.1, 0.2]), "study 2: nan"),
        (lambda: al.pool([0.1], [0.1, 0.2]), "effect has 1, variance has 2"),
        (lambda: al.pool([], []), "no studies"),
        (lambda: al.pool([0.1], [0.1], labels=3), "labels must be a list, got 3"),
        (lambda: al.gosh([0.1, 0.2], [0.1, 0.1], max_subsets="x"), "max_subsets must be a whole"),
        (lambda: al.bootstrap([0.1, 0.2], [0.1, 0.1], seed=-1), "seed must be a whole number"),
        (lambda: al.bootstrap([0.1, 0.2], [0.1, 0.1], executor=3), "executor"),
        (lambda: al.bayes_pool([0.1], [0.1], mean_prior=[1]), "mean_prior: a mean and an SD"),
        (lambda: al.study_effects("pain", "pain", "ETP"), "review must be of the kind"),
    ],
)
def test_the_message_names_the_argument(call: Any, says: str) -> None:
    with pytest.raises(al.ReviewError) as caught:
        call()
    assert says in str(caught.value)


def test_every_public_function_is_asked() -> None:
    left = {name for name in al.__all__ if inspect.isfunction(getattr(al, name))}
    assert left - set(functions()) == READERS
    assert not pd.Series(functions()).duplicated().any()
