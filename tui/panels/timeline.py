"""All connections on one time axis: pan, zoom around the play head, click into time."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.message import Message

from tui.bindings import bindings_of
from tui.lineview import LineView

if TYPE_CHECKING:
    from textual.binding import BindingType

    from views.timeline import Timeline


class TimelinePanel(LineView):
    """Draws a `Timeline`."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_of("timeline")
    timeline: Timeline | None = None
    whole: tuple[int, int] = (0, 1)

    class Chosen(Message):
        """A place was clicked: a connection, at a time (ns since the epoch)."""

        def __init__(self, connection: int, time_ns: int) -> None:
            super().__init__()
            self.connection, self.time_ns = connection, time_ns

    def show_timeline(self, timeline: Timeline | None, connection: int, time_ns: int) -> None:
        """Show bars with the play head at a time and the cursor on a connection."""
        if timeline is not self.timeline:
            self.timeline = timeline
            self.whole = timeline.window_ns if timeline is not None else (0, 1)
            cursor = timeline.index_of(connection) if timeline is not None and len(timeline) else None
            self.show(timeline, cursor=cursor)
        if timeline is not None and (timeline.cursor_time_ns, timeline.cursor) != (time_ns, connection):
            timeline.cursor_time_ns, timeline.cursor = time_ns, connection
            self.redraw()

    def _window(self, begin: int, length: int) -> None:
        """Show a stretch of time, within the whole."""
        assert self.timeline is not None
        first, last = self.whole
        length = min(max(length, 1000), max(last - first, 1))
        begin = min(max(begin, first), last - length)
        self.timeline.window_ns = (begin, begin + length)
        self.redraw()

    def action_zoom(self, by: int) -> None:
        """Twice or half as much time, the play head staying where it is if it is on screen."""
        if self.timeline is None:
            return
        begin, end = self.timeline.window_ns
        length = end - begin
        centre = self.timeline.cursor_time_ns
        centre = centre if begin <= centre <= end else begin + length // 2
        wanted = length // 2 if by > 0 else length * 2
        self._window(centre - (centre - begin) * wanted // max(length, 1), wanted)

    def action_sideways(self, by: int) -> None:
        """An eighth of the window earlier or later."""
        if self.timeline is not None:
            begin, end = self.timeline.window_ns
            self._window(begin + by * (end - begin) // 8, end - begin)

    def clicked(self, index: int, column: int) -> None:
        """Go to a connection at a time."""
        super().clicked(index, column)
        if self.timeline is None:
            return
        connection = self.timeline.connection_at(index)
        if connection is not None:
            self.post_message(self.Chosen(connection, self.timeline.time_at(column, self.inner)))
