"""Are the medians of all others those that leaving each out would give?"""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

from analysis_lib.effects.suspect_sds import suspect_sds


@examples(200)
@given(st.lists(st.sampled_from([0.01, 0.5, 1.0, 1.0, 2.0, 3.0, 40.0]), min_size=3, max_size=9))
def test_a_suspect_lies_below_the_median_of_all_others(sds: list[float]) -> None:
    found = {one.label: one.others_median for one in suspect_sds([16] * len(sds), sds)}
    medians = [float(np.median(np.delete(sds, i))) for i in range(len(sds))]
    assert found == {  # of 16 people, a standard error is nearer than half of the median
        f"study {i + 1}": median
        for i, (sd, median) in enumerate(zip(sds, medians, strict=True))
        if sd < median / 2
    }
