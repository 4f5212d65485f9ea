"""The ladder of one connection: asks for the details of the packets on screen, and keeps its place when it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from tui.lineview import LineView
from views.text import LATER, Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analysis.details import Detail
    from views.ladder import Ladder
    from views.text import Line


class LadderPanel(LineView):
    """Draws a `Ladder`."""

    ladder: Ladder | None = None
    dims = False

    class Missing(Message):
        """Packets are on screen whose details are not known yet."""

        def __init__(self, packets: NDArray[np.int64]) -> None:
            super().__init__()
            self.packets = packets

        def can_replace(self, message: Message) -> bool:
            """Only what is on screen now matters."""
            return isinstance(message, LadderPanel.Missing)

    def show_ladder(self, ladder: Ladder | None, packet: int) -> None:
        """Show a ladder with the cursor on a packet; the details that were known are handed on."""
        if ladder is not None and self.ladder is not None and ladder is not self.ladder:
            ladder.supply(self.ladder.details.values())
        self.ladder = ladder
        here = None
        if ladder is not None and len(ladder):
            ladder.cursor = packet
            here = ladder.index_of(packet)
        self.show(ladder, cursor=here)

    def show_packet(self, packet: int, *, dims: bool) -> None:
        """Put the cursor on a packet's line, silently; `dims`: playback is on, and later packets are dimmed."""
        if self.ladder is None:
            return
        changed = dims != self.dims or (dims and self.ladder.cursor != packet)
        self.dims = dims
        self.ladder.cursor = packet
        if self.ladder.packet_at(self.cursor) != packet:
            self.move_to(self.ladder.index_of(packet), tell=False)
        if changed:
            self.redraw()

    def drawn(self, index: int, width: int) -> Line:
        """A ladder line; what comes later is dimmed only during playback."""
        line = super().drawn(index, width)
        return line if self.dims else tuple(Span(text, role.removesuffix(LATER)) for text, role in line)

    def move_to(self, index: int, *, tell: bool = True) -> None:
        """The cursor is always on a packet; the line above the first one only comes into sight."""
        opening = index <= 0
        if self.ladder is not None and self.total:
            index = min(max(index, 0), self.total - 1)
            packet = self.ladder.packet_at(index)
            if packet is None:
                index, packet = 1, self.ladder.packet_at(1)
            if packet is not None:
                self.ladder.cursor = packet
                index = self.ladder.index_of(packet)
        super().move_to(index, tell=tell)
        if self.ladder is not None and self.ladder.options.two_rows:
            self.redraw()  # both rows of a packet are marked, not only the cursor's
        if opening:
            self.scroll_by(-self.top)

    def action_line(self, by: int) -> None:
        """Next or previous packet or fold, whatever its height."""
        start = self.ladder.packet_at(self.cursor) if self.ladder is not None else None
        index = self.cursor + by
        while self.ladder is not None and 0 < index < self.total - 1 and self.ladder.packet_at(index) == start:
            index += by
        super().action_line(index - self.cursor)

    def page_changed(self) -> None:
        """Ask for the details of the packets on screen."""
        if self.ladder is None or not self.visible_lines:
            return
        missing = self.ladder.missing(self.visible_lines.start, self.visible_lines.stop - 1)
        if len(missing):
            self.post_message(self.Missing(missing))

    def supply(self, details: list[Detail]) -> None:
        """Details have come: those of packets in another ladder are found by nobody."""
        if self.ladder is not None and details:
            self.ladder.supply(details)
            self.redraw()
            self.page_changed()
