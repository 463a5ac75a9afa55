"""Is there one value for the methods, that all functions take and that refuses a wrong name?"""

import dataclasses
import inspect
import re
import tomllib
from pathlib import Path

import pytest
from places import ROOT

import analysis_lib as al
from analysis_lib.__main__ import main
from analysis_lib.pooling.methods import EventMethods, MethodNames
from analysis_lib.review.entries import read_toml
from analysis_lib.review.info import ReviewInfo

EFFECT, VARIANCE = [0.1, 0.5, 0.9, 0.4, 0.2], [0.04, 0.05, 0.04, 0.06, 0.03]
CHOSEN = al.Methods(tau2_method="PM", ci_method="HK-adhoc", pi_method="V", level=0.9)
GROUPS = list("aabba")


def test_the_keyword_arguments_are_the_fields() -> None:
    fields = {field.name: field.type for field in dataclasses.fields(al.Methods)}
    assert MethodNames.__annotations__.keys() == fields.keys() == set(CHOSEN)
    assert al.Methods(**CHOSEN) == CHOSEN
    assert CHOSEN.but(level=0.95) == al.Methods(**{**CHOSEN, "level": 0.95})


#: Where a reader is told which interval is taken if nothing is said.
TEXTS_OF_DEFAULTS = (
    ROOT / "book" / "reuse.md",
    ROOT / "analysis_lib" / "book" / "texts" / "methods.md",
    ROOT / "analysis_lib" / "importing" / "template" / "data" / "review.toml",
)


def test_every_text_tells_the_default_that_the_code_has(tmp_path: Path) -> None:
    """The functions take Wald, a review that `new` begins the ad hoc form, each told with both."""
    assert main(["new", str(tmp_path / "review")]) == 0
    toml = tmp_path / "review" / "data" / "review.toml"
    begun = tomllib.loads(toml.read_text(encoding="utf-8"))["methods"]
    text = toml.read_text(encoding="utf-8")
    info = read_toml(text, ReviewInfo, toml.name)
    assert info.methods.ci_method == begun["ci_method"] == "HK-adhoc"
    empty = read_toml(f"{text.partition('[methods]')[0]}[methods]", ReviewInfo, toml.name)
    assert empty.methods == al.Methods()
    assert (empty.shared_arms, empty.events) == (begun["shared_arms"], EventMethods())
    default = al.Methods().ci_method
    texts = [path.read_text(encoding="utf-8") for path in TEXTS_OF_DEFAULTS]
    for text in (*texts, str(al.Methods.__doc__)):
        assert {default, begun["ci_method"]} <= set(re.findall(r"[\w-]+", text))
        assert "Röver, Knapp and Friede" in text
    for name, value in dict(al.Methods()).items():
        assert f"{name}={value!r}".replace("'", '"') in str(al.pool.__doc__)


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
