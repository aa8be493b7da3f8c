"""An X display as a window manager sees it, which shows windows and hides them."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, byref, c_int, c_uint, c_ulong, c_void_p
from typing import Final

_VIEWABLE: Final = 2


class _Attributes(Structure):
    """`XWindowAttributes` of Xlib, with room for what is not read."""

    _fields_ = [
        *((name, c_int) for name in ("x", "y", "width", "height", "border", "depth")),
        ("visual", c_void_p),
        ("root", c_ulong),
        *((name, c_int) for name in ("kind", "bits", "gravity", "backing")),
        *((name, c_ulong) for name in ("planes", "pixel")),
        ("save_under", c_int),
        ("colours", c_ulong),
        *((name, c_int) for name in ("is_installed", "map_state")),
        ("rest", c_ulong * 8),
    ]


class Screen:
    """The windows of a display."""

    def __init__(self, display: str) -> None:
        self._x = ctypes.CDLL("libX11.so.6")  # which Qt needs as well
        self._x.XOpenDisplay.restype = c_void_p
        self._x.XDefaultRootWindow.restype = c_ulong
        self._display = c_void_p(self._x.XOpenDisplay(display.encode()))

    def windows(self) -> list[int]:
        """Ids of the windows that are shown, lowest first."""
        root, n, children = c_ulong(), c_uint(), POINTER(c_ulong)()
        self._x.XQueryTree(
            self._display,
            c_ulong(self._x.XDefaultRootWindow(self._display)),
            *(byref(root), byref(root), byref(children), byref(n)),
        )
        return [window for window in children[: n.value] if self._is_shown(window)]

    def _is_shown(self, window: int) -> bool:
        found = _Attributes()
        self._x.XGetWindowAttributes(self._display, c_ulong(window), byref(found))
        return bool(found.map_state == _VIEWABLE)

    def show(self, window: int, *, is_shown: bool) -> None:
        """Show a window, or hide it as one that is minimised or on another desktop."""
        call = self._x.XMapWindow if is_shown else self._x.XUnmapWindow
        call(self._display, c_ulong(window))
        self._x.XSync(self._display, 0)

    def close(self) -> None:
        """Leave the display."""
        self._x.XCloseDisplay(self._display)
