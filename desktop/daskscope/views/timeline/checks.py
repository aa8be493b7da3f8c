"""A list of names with a check mark each, from any number of workers to a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from daskscope.paint.brush import colour
from daskscope.paint.control import plain_tip
from daskscope.paint.font import Role, elided, font
from daskscope.paint.icon import draw_check
from daskscope.paint.swatch import draw_prefix_swatch
from daskscope.paint.text import draw_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from PySide6.QtCore import QAbstractItemModel

    from daskscope.theme import Theme

ROW_PX: Final = 20
_BOX_PX: Final = 13
_SWATCH_PX: Final = 10
_GAP_PX: Final = 7
#: Characters of a name that is never cut; a longer one is told whole in a tip.
_SURE_TO_FIT: Final = 12
#: Data of an item beside its name: the palette slot of its swatch, or None.
_SLOT_ROLE: Final = Qt.ItemDataRole.UserRole + 1

_Index = QModelIndex | QPersistentModelIndex


class Checks(QListWidget):
    """Names with a check mark each."""

    #: A mark was set or taken away.
    changed = Signal()

    def __init__(self, name: str, theme: Theme) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setFont(font(Role.BODY))
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setItemDelegate(_Row(theme, self))
        self.itemChanged.connect(lambda _item: self.changed.emit())

    def fill(self, rows: Iterable[tuple[str, bool, int | None]]) -> None:
        """Show names, whether they are checked, and the palette slot of a swatch or None."""
        self.clear()
        for name, is_checked, slot in rows:
            item = QListWidgetItem(name)
            item.setSizeHint(QSize(0, ROW_PX))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            state = Qt.CheckState.Checked if is_checked else Qt.CheckState.Unchecked
            item.setCheckState(state)
            item.setData(_SLOT_ROLE, slot)
            if len(name) > _SURE_TO_FIT:
                item.setToolTip(plain_tip(name))
            self.addItem(item)

    def narrow(self, text: str) -> None:
        """Show only names that contain `text`."""
        wanted = text.casefold()
        for row in range(self.count()):
            item = self.item(row)
            item.setHidden(wanted not in item.text().casefold())

    def checked(self) -> list[str]:
        """Names that are checked."""
        return self._names(lambda state: state == Qt.CheckState.Checked)

    def unchecked(self) -> list[str]:
        """Names that are not."""
        return self._names(lambda state: state != Qt.CheckState.Checked)

    def _names(self, is_meant: Callable[[Qt.CheckState], bool]) -> list[str]:
        items = (self.item(row) for row in range(self.count()))
        return [item.text() for item in items if is_meant(item.checkState())]


class _Row(QStyledItemDelegate):
    """Draws a row, and lets a click anywhere in it set the mark."""

    def __init__(self, theme: Theme, parent: Checks) -> None:
        super().__init__(parent)
        self._theme = theme

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Draw box, swatch and name."""
        theme, rect = self._theme, option.rect
        state = option.state
        if state & (QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_HasFocus):
            painter.fillRect(rect, colour(theme.hover))
        value = index.data(Qt.ItemDataRole.CheckStateRole)
        is_checked = Qt.CheckState(value) == Qt.CheckState.Checked
        left, top = rect.left() + 3, rect.top() + (rect.height() - _BOX_PX) // 2
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour(theme.accent if is_checked else theme.t3), 1))
        painter.setBrush(colour(theme.accent if is_checked else theme.s2))
        painter.drawRoundedRect(QRectF(left + 0.5, top + 0.5, _BOX_PX - 1, _BOX_PX - 1), 3, 3)
        if is_checked:
            draw_check(painter, left + _BOX_PX / 2, top + _BOX_PX / 2, theme.onacc)
        painter.restore()
        left += _BOX_PX + _GAP_PX
        slot = index.data(_SLOT_ROLE)
        if slot is not None:
            swatch_top = rect.top() + (rect.height() - _SWATCH_PX) // 2
            swatch = QRect(left, swatch_top, _SWATCH_PX, _SWATCH_PX)
            draw_prefix_swatch(painter, swatch, slot, theme)
            left += _SWATCH_PX + _GAP_PX
        box = (left, rect.top(), rect.right() - left, rect.height())
        middle = Qt.TextElideMode.ElideMiddle
        name = elided(Role.BODY, index.data(Qt.ItemDataRole.DisplayRole), box[2], middle)
        draw_text(painter, box, name, Role.BODY, theme.t1)

    def editorEvent(
        self,
        event: QEvent,
        model: QAbstractItemModel,
        option: QStyleOptionViewItem,
        index: _Index,
    ) -> bool:
        """Set or take away the mark: with a click, or with the space key."""
        is_key = event.type() == QEvent.Type.KeyPress
        if event.type() != QEvent.Type.MouseButtonRelease and not is_key:
            return False
        if is_key:
            return super().editorEvent(event, model, option, index)
        is_checked = Qt.CheckState(index.data(Qt.ItemDataRole.CheckStateRole)) == (
            Qt.CheckState.Checked
        )
        state = Qt.CheckState.Unchecked if is_checked else Qt.CheckState.Checked
        return model.setData(index, state, Qt.ItemDataRole.CheckStateRole)
