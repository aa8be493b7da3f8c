"""What is remembered between two starts: the theme, and the window's place and docks."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QSettings

#: Grows when docks are renamed, so that an old arrangement is not applied to a new window.
LAYOUT_VERSION = 1


class Settings:
    """Typed access to the platform's settings store."""

    def __init__(self) -> None:
        self._store = QSettings("daskscope", "daskscope")

    @property
    def theme(self) -> str:
        """`light`, `dark`, or "" to follow the system."""
        value = self._store.value("theme", "")
        return value if value in ("light", "dark") else ""

    @theme.setter
    def theme(self, name: str) -> None:
        self._store.setValue("theme", name)

    @property
    def geometry(self) -> QByteArray:
        """The window's place, empty at the first start."""
        value = self._store.value(f"geometry-{LAYOUT_VERSION}")
        return value if isinstance(value, QByteArray) else QByteArray()

    @geometry.setter
    def geometry(self, value: QByteArray) -> None:
        self._store.setValue(f"geometry-{LAYOUT_VERSION}", value)
