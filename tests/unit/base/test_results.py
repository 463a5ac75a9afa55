"""Does every result look right in a notebook, and is every word of it text?"""

import pytest

import analysis_lib as al
from analysis_lib.base.results import Result

EFFECT, VARIANCE = [0.1, 0.5, 0.9, 0.4, 0.3], [0.04, 0.05, 0.04, 0.06, 0.05]
HOSTILE = "<script>alert(1)</script>"
RESULTS = [
    al.pool(EFFECT, VARIANCE),
    al.pool([1.0], [1.0]),
    al.subgroup_analysis(EFFECT, VARIANCE, ["a", "a", HOSTILE, HOSTILE, "b"]),
    al.meta_regression(EFFECT, VARIANCE, {HOSTILE: [1, 2, 3, 4, 6]}),
    al.egger_test(EFFECT, VARIANCE),
    al.begg_test(EFFECT, VARIANCE),
    al.trim_and_fill(EFFECT, VARIANCE, labels=[HOSTILE, *"abcd"]),
    al.pet_peese(EFFECT, VARIANCE),
]


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: type(result).__name__)
def test_a_result_is_a_small_table_of_escaped_words(result: Result) -> None:
    html = result._repr_html_()
    assert "<script" not in html
    assert html.count("<tr>") == len(result.rows())
    assert html.count("<caption>") == 1
    assert str(result).splitlines()[0] == result.title()


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: type(result).__name__)
def test_the_frame_has_the_numbers_unrounded(result: Result) -> None:
    frame = result.to_frame()
    assert len(frame)
    if isinstance(result, al.PooledEffect):
        assert frame.loc[0, "estimate"] == result.estimate


def test_hostile_words_stand_there_as_words() -> None:
    assert "&lt;script&gt;" in RESULTS[2]._repr_html_()
    assert RESULTS[2].to_frame()["subgroup"].tolist() == ["a", HOSTILE, "b"]


def test_a_notebook_prints_the_message_of_an_error_alone() -> None:
    with pytest.raises(al.ReviewError) as caught:
        al.pool([], [])
    assert caught.value._render_traceback_() == [f"ReviewError: {caught.value}"]
