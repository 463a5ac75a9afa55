"""The statistics, data checks and plots of an executable systematic review."""

from analysis_lib.base.lazy import attach

__getattr__, __dir__ = attach(__name__, __file__)
