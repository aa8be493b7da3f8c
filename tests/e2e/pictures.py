"""What a picture of the window shows, told by the colours of the bars."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

if TYPE_CHECKING:
    from pathlib import Path

    from daskscope.theme import Theme

#: More than the swatches of legend and progress have together.
LEAST_PX = 800


def n_prefixes(picture: Path, theme: Theme) -> int:
    """How many prefixes have bars that can be seen."""
    image = QImage(str(picture)).convertToFormat(QImage.Format.Format_RGB32)
    assert not image.isNull()
    data = bytes(image.constBits())
    counts = Counter(memoryview(data).cast("I"))
    found = {pixel & 0xFFFFFF: n for pixel, n in counts.items()}
    return sum(found.get(colour & 0xFFFFFF, 0) > LEAST_PX for colour in theme.prefix)
