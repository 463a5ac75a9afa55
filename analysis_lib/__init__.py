"""The statistics, data checks and plots of an executable systematic review."""

from analysis_lib.errors import ReviewError
from analysis_lib.review import Review, ReviewInfo, load_review
from analysis_lib.selection import flow_problems

__all__ = ["Review", "ReviewError", "ReviewInfo", "flow_problems", "load_review"]
