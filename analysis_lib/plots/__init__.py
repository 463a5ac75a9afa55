"""The plots of a review: each takes a result, draws it and returns its Axes."""

from analysis_lib.plots.overview import PooledRow, overview
from analysis_lib.plots.prisma import prisma
from analysis_lib.plots.style import (
    STYLE,
    alt_text,
    caption,
    describe,
    figure_of,
    save_figure,
    statement,
    use_style,
)
from analysis_lib.plots.trials import arm_means, arm_sizes, feature_matrix

__all__ = [
    "STYLE",
    "PooledRow",
    "alt_text",
    "arm_means",
    "arm_sizes",
    "caption",
    "describe",
    "feature_matrix",
    "figure_of",
    "overview",
    "prisma",
    "save_figure",
    "statement",
    "use_style",
]
