"""The ladder with a lane for each machine, over all connections that belong together; sideways it moves by lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tui.lineview import LineView

if TYPE_CHECKING:
    from views.machines import MachineLadder


class MachinesPanel(LineView):
    """Draws a `MachineLadder`."""

    WIDE: ClassVar[int] = 0
    ladder: MachineLadder | None = None

    def show_machines(self, ladder: MachineLadder | None, packet: int) -> None:
        """Show a story with the cursor on a packet."""
        if ladder is not None and self.ladder is not None:
            ladder.first_lane = self.ladder.first_lane
        self.ladder = ladder
        self.show_title(None if ladder is None else ladder.title)
        self.aside = "Enter opens its ladder, Esc goes back"
        index = None if ladder is None else ladder.index_of(packet)
        if ladder is not None:
            ladder.cursor = -1 if index is None else index
        self.show(ladder, cursor=index)

    def show_packet(self, packet: int) -> None:
        """Put the cursor on a packet's line, silently."""
        index = None if self.ladder is None else self.ladder.index_of(packet)
        if index is not None and index != self.cursor:
            self.move_to(index, tell=False)

    def move_to(self, index: int, *, tell: bool = True) -> None:
        """The marked line is the cursor's; there is nothing to go to on a line that only says that there is more."""
        if self.ladder is not None and self.total:
            index = min(max(index, 0), self.total - 1)
            index = index if self.ladder.packet_at(index) is not None else index - 1
            self.ladder.cursor = index
        super().move_to(index, tell=tell)

    def action_sideways(self, by: int) -> None:
        """Other lanes, where there is no room for all."""
        if self.ladder is not None and self.ladder.sideways(by, self.inner):
            self.redraw()
