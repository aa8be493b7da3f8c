"""The toolbar: menus, what is connected, live or paused, time in view, search, theme."""

from daskscope.views.toolbar.bar import RANGES, Toolbar

__all__ = ["RANGES", "Toolbar"]
