"""The bytes of the selected packet, with the selected field's marked; a click on a byte selects its field."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.message import Message

from tui.lineview import LineView

if TYPE_CHECKING:
    from views.bytes import ByteDump


class BytesPanel(LineView):
    """Draws a `ByteDump`."""

    CURSOR: ClassVar[bool] = False
    WIDE: ClassVar[int] = 80
    dump: ByteDump | None = None

    class Chosen(Message):
        """A byte was clicked."""

        def __init__(self, offset: int) -> None:
            super().__init__()
            self.offset = offset

    def show_bytes(self, dump: ByteDump | None, selected: tuple[int, int] | None) -> None:
        """Show bytes with a range (offset, length) on screen; None: they are not there yet."""
        self.dump = dump
        self.show(self.dump)
        if self.dump is not None and selected is not None and self.inner:
            first = self.dump.index_of(selected[0], self.inner)
            last = self.dump.index_of(max(selected[0], sum(selected) - 1), self.inner)
            if first < self.top or last >= self.top + self.page:
                self.scroll_by(max(min(first, last - self.page + 1), first - self.page + 1) - self.top)

    def clicked(self, index: int, column: int) -> None:
        """Select the field of a byte."""
        offset = self.dump.offset_at(index, column, self._drawn_width()) if self.dump is not None else None
        if offset is not None:
            self.post_message(self.Chosen(offset))
