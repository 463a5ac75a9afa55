"""Does the picture of coverage show every share, and can every word be read?"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from figure_texts import clipped_texts, overlapping_texts

from analysis_lib.plots import alt_text, caption
from analysis_lib.plots.look import figure_of
from analysis_lib.plots.trials import coverage

SHARES = pd.DataFrame(
    {"wald": [0.904, 0.71, 0.95], "HK": [0.949, 0.913, np.nan]},
    index=["Fear-avoidance beliefs about physical activity, ETP (2)", "Disability", "Strength"],
)
SHARES["ad hoc"] = [0.951, 0.95, 0.999]
LABELS = {"wald": "Wald", "HK": "Hartung-Knapp", "ad hoc": "its ad hoc form"}
PHONE = 6.5  # inches: a wider figure would have to shrink too much


@pytest.fixture
def ax():
    yield coverage(SHARES, level=0.95, labels=LABELS, title="Confidence intervals")
    plt.close("all")


def test_marks_stand_at_the_shares(ax):
    wald, hk = ax.get_lines()[:2]
    np.testing.assert_array_equal(wald.get_xdata(), SHARES["wald"])
    np.testing.assert_array_equal(hk.get_xdata(), SHARES["HK"])
    assert ax.get_lines()[3].get_xdata()[0] == 0.95
    low, high = ax.get_xlim()
    assert low < 0.71
    assert high > 1


def test_words_tell_every_share(ax):
    assert "Disability: Wald 71.0%, Hartung-Knapp 91.3%, its ad hoc form 95.0%" in alt_text(ax)
    assert "Strength: Wald 95.0%, Hartung-Knapp none, " in alt_text(ax)
    assert caption(ax) == "Confidence intervals. The line marks the 95% that are promised."


def test_words_can_be_read(ax):
    assert not overlapping_texts(ax)
    assert not clipped_texts(ax)
    assert figure_of(ax).get_figwidth() <= PHONE


def test_too_many_methods_are_refused():
    with pytest.raises(ValueError, match="4 methods for 3 marks"):
        coverage(SHARES, level=0.95, labels=dict.fromkeys("abcd", ""), title="")
