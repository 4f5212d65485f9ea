"""A list over the panels: names, neighbours, requests with their replies; Enter goes to the packet of a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Container
from textual.screen import ModalScreen

from tui.lineview import LineView
from views.learned import LearnedList
from views.text import Span

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from analysis.learned import Learned
    from views.options import Options


class LearnedScreen(ModalScreen[int | None]):
    """Gives back the packet to go to, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,R", "dismiss", "Close", show=False)]

    def __init__(self, learned: Learned, options: Options) -> None:
        super().__init__()
        self._lines = LearnedList(learned, options)
        self._view = LineView(id="learned", ascii=options.ascii)
        self._view.title = (Span("hosts and requests", "title"), Span("  Enter goes there   Esc closes", "dim"))

    def compose(self) -> ComposeResult:
        """One view in a frame."""
        with Container(id="frame", classes="wide ascii" if self._view.ascii else "wide"):
            yield self._view

    def on_mount(self) -> None:
        """Fill it."""
        self._view.show(self._lines)
        self._view.focus()

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        """The cursor is on another line."""
        event.stop()
        self._lines.cursor = event.index
        self._view.redraw()

    def on_line_view_opened(self, event: LineView.Opened) -> None:
        """Enter: go to the packet that tells it."""
        event.stop()
        packet = self._lines.packet_at(event.index)
        if packet is not None:
            self.dismiss(packet)
