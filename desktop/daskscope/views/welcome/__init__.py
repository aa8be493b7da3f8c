"""The empty state: what has come in so far, lines to paste, the data's way, past recordings."""

from daskscope.views.welcome.page import WelcomeView

__all__ = ["WelcomeView"]
