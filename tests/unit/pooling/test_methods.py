"""Is there one value for the methods, that all functions take and that refuses a wrong name?"""

import dataclasses
import inspect

import pytest

import analysis_lib as al
from analysis_lib.pooling.methods import EventMethods, MethodNames

EFFECT, VARIANCE = [0.1, 0.5, 0.9, 0.4, 0.2], [0.04, 0.05, 0.04, 0.06, 0.03]
CHOSEN = al.Methods(tau2_method="PM", ci_method="HK-adhoc", pi_method="V", level=0.9)
GROUPS = list("aabba")


def test_the_keyword_arguments_are_the_fields() -> None:
    fields = {field.name: field.type for field in dataclasses.fields(al.Methods)}
    assert MethodNames.__annotations__.keys() == fields.keys() == set(CHOSEN)
    assert al.Methods(**CHOSEN) == CHOSEN
    assert CHOSEN.but(level=0.95) == al.Methods(**{**CHOSEN, "level": 0.95})


@pytest.mark.parametrize(
    "result",
    [
        al.pool(EFFECT, VARIANCE, **CHOSEN),
        al.pool_many(EFFECT, VARIANCE, **CHOSEN),
        al.meta_regression(EFFECT, VARIANCE, [1, 2, 3, 4, 6], **CHOSEN),
        al.subgroup_analysis(EFFECT, VARIANCE, GROUPS, **CHOSEN).overall,
        al.subgroup_analysis(EFFECT, VARIANCE, GROUPS, common_tau2=True, **CHOSEN).fits["a"],
        al.gosh(EFFECT, VARIANCE, **CHOSEN),
        al.permutation_test(EFFECT, VARIANCE, **CHOSEN),
        al.bootstrap(EFFECT, VARIANCE, draws=10, **CHOSEN),
        al.trim_and_fill(EFFECT, VARIANCE, side="left", **CHOSEN).fit,
    ],
    ids=lambda result: type(result).__name__,
)
def test_every_result_keeps_the_methods_and_names_each(result: object) -> None:
    assert result.methods == CHOSEN
    assert {name: getattr(result, name) for name in CHOSEN} == dict(CHOSEN)


def test_methods_unpacked_give_what_typed_ones_give() -> None:
    typed = al.leave_one_out(
        EFFECT, VARIANCE, tau2_method="PM", ci_method="HK-adhoc", pi_method="V", level=0.9
    )
    assert typed.equals(al.leave_one_out(EFFECT, VARIANCE, **CHOSEN))
    assert not typed.equals(al.leave_one_out(EFFECT, VARIANCE))
    empty = al.pool(EFFECT, VARIANCE)
    assert empty.methods == al.Methods()


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"tau2_method": "reml"}, r"tau2_method must be one of FE, .* \(did you mean .REML.\?"),
        ({"ci_method": "hksj"}, r"ci_method must be one of wald, .*'hksj' \(did you mean .HK.\?"),
        ({"ci_method": 3}, "ci_method must be one of .* got 3$"),
        ({"pi_method": ["HTS"]}, "pi_method must be one of"),
        ({"level": 95}, r"level must lie between 0 and 1, got 95; did you mean 0.95\?"),
        ({"level": 1.0}, "level must lie between 0 and 1, got 1.0$"),
        ({"level": float("nan")}, "level must lie between 0 and 1, got nan"),
        ({"level": "0.95"}, "level must be a number between 0 and 1, got '0.95'"),
        ({"level": True}, "level must be a number"),
    ],
)
def test_a_wrong_value_says_the_choices(names: dict[str, object], told: str) -> None:
    with pytest.raises(al.ReviewError, match=told):
        al.Methods(**names)
    for function in (al.pool, al.pool_many, al.leave_one_out, al.gosh, al.trim_and_fill):
        with pytest.raises(al.ReviewError, match=told):
            function(EFFECT, VARIANCE, **names)


def test_a_misspelt_name_says_the_names() -> None:
    told = r"level; got 'tau_method' \(did you mean .tau2_method"
    with pytest.raises(al.ReviewError, match=told):
        al.pool(EFFECT, VARIANCE, tau_method="PM")
    with pytest.raises(al.ReviewError, match=told):
        al.Methods().but(tau_method="PM")
    with pytest.raises(al.ReviewError, match=r"did you mean .event_method"):
        EventMethods().but(event_methods="MH")


def test_no_function_declares_the_methods_again() -> None:
    functions = [f for name in al.__all__ if inspect.isfunction(f := getattr(al, name))]
    assert al.pool in functions
    for function in functions:
        assert not {"tau2_method", "pi_method"} & set(inspect.signature(function).parameters)
