"""Qt before there is a window: which platform it runs on, and one clear line when it cannot.

Imported by window commands only; every headless command works without Qt.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

NO_DISPLAY_EXIT = 3

_HINTS = {
    "libEGL": "libegl1",
    "libGL.": "libgl1",
    "libxkbcommon": "libxkbcommon0",
    "libdbus": "libdbus-1-3",
    "libfontconfig": "libfontconfig1",
}


class PlatformError(RuntimeError):
    """Qt cannot run here; the message is one line that says what to do."""


def choose_platform() -> str:
    """Take Qt's offscreen platform where there is no display, unless the user chose one.

    Returns
    -------
    str
        `offscreen`, or "" for Qt's own choice.
    """
    if os.environ.get("QT_QPA_PLATFORM"):
        return os.environ["QT_QPA_PLATFORM"]
    has_display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not has_display:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        return "offscreen"
    return ""


def check_qt() -> None:
    """Import Qt.

    Raises
    ------
    PlatformError
        Where PySide6 or a library of the system that it needs is missing.
    """
    try:
        import PySide6.QtWidgets  # noqa: F401
    except ImportError as error:
        raise PlatformError(_import_hint(str(error))) from error


def _import_hint(message: str) -> str:
    for library, package in _HINTS.items():
        if library in message:
            return f"Qt needs {library.rstrip('.')}: install it (Debian: apt-get install {package})"
    if "PySide6" in message:
        return "the window needs Qt: pip install 'daskscope[desktop]'"
    return f"Qt cannot be loaded: {message}"


def report_messages() -> Callable[[], None]:
    """Write what Qt has to say to standard error; for want of a platform, one line and an exit.

    Returns
    -------
    callable
        To be called when there is an application. Until then warnings wait, because the first is
        the reason that Qt's own last words before it aborts leave out.
    """
    from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

    waiting: list[str] | None = []

    def handle(kind: QtMsgType, _context: QMessageLogContext, message: str) -> None:
        line = " ".join(message.split())
        if kind is QtMsgType.QtFatalMsg:
            _say(f"Qt cannot open a window: {waiting[0] if waiting else line}")
            os._exit(NO_DISPLAY_EXIT)
        if kind not in (QtMsgType.QtWarningMsg, QtMsgType.QtCriticalMsg):
            return
        if waiting is None:
            _say(line)
        else:
            waiting.append(line)

    def release() -> None:
        nonlocal waiting
        held, waiting = waiting or [], None
        for line in held:
            _say(line)

    qInstallMessageHandler(handle)
    return release


def _say(line: str) -> None:
    sys.stderr.write(f"daskscope: {line}\n")
    sys.stderr.flush()
