"""The plots of a review: each takes a result, draws it and returns its Axes."""

from analysis_lib.plots.bubbles import bubbles
from analysis_lib.plots.cards import card
from analysis_lib.plots.flow_diagram import prisma
from analysis_lib.plots.forests import forest, forest_by_subgroup
from analysis_lib.plots.funnels import extended_funnel, funnel
from analysis_lib.plots.influence import baujat, cumulative, gosh, leave_one_out
from analysis_lib.plots.look import (
    STYLE,
    alt_text,
    as_pdf,
    as_svg,
    caption,
    describe,
    figure_of,
    narrow_drawing,
    save_figure,
    use_style,
)
from analysis_lib.plots.method_choices import method_choices
from analysis_lib.plots.over_sets import (
    baujat_over_sets,
    funnel_over_sets,
    ranges_over_sets,
    subsets_over_sets,
)
from analysis_lib.plots.printed_forest import PrintedResult, forest_of_printed
from analysis_lib.plots.reconstruction import ensemble_ranges
from analysis_lib.plots.risk_of_bias import risk_of_bias_bars, traffic_lights
from analysis_lib.plots.text import statement
from analysis_lib.plots.trials import arm_means, arm_sizes, feature_matrix
from analysis_lib.plots.whole_review import PooledRow, overview

__all__ = [
    "STYLE",
    "PooledRow",
    "PrintedResult",
    "alt_text",
    "arm_means",
    "arm_sizes",
    "as_pdf",
    "as_svg",
    "baujat",
    "baujat_over_sets",
    "bubbles",
    "caption",
    "card",
    "cumulative",
    "describe",
    "ensemble_ranges",
    "extended_funnel",
    "feature_matrix",
    "figure_of",
    "forest",
    "forest_by_subgroup",
    "forest_of_printed",
    "funnel",
    "funnel_over_sets",
    "gosh",
    "leave_one_out",
    "method_choices",
    "narrow_drawing",
    "overview",
    "prisma",
    "ranges_over_sets",
    "risk_of_bias_bars",
    "save_figure",
    "statement",
    "subsets_over_sets",
    "traffic_lights",
    "use_style",
]
