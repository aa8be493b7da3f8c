"""Saves a picture of a window, whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QWidget


def save_picture(window: QWidget, path: Path) -> None:
    """Write what the window shows to `path`.

    Raises
    ------
    OSError
        Where it cannot be written; nothing half-written is left.
    """
    draft = path.with_name(f".{path.name}.part")
    kind = path.suffix.removeprefix(".").upper() or "PNG"
    if not window.grab().save(str(draft), kind):
        draft.unlink(missing_ok=True)
        raise OSError(f"cannot write a picture to {path}")
    os.replace(draft, path)


def check_picture_path(path: Path) -> None:
    """Refuse early what could only fail at the end.

    Raises
    ------
    OSError
        Where the folder is missing or cannot be written, or the extension is unknown.
    """
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg", ".bmp"):
        raise OSError(f"{path}: a picture is .png, .jpg or .bmp")
    folder = path.resolve().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise OSError(f"{path}: the folder {folder} cannot be written")
