"""Statistics of the selection: a table by prefix, a histogram of durations, shares of workers."""

from daskscope.views.statistics.panel import StatisticsView

__all__ = ["StatisticsView"]
