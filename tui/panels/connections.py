"""The list of connections: the cursor chooses, Enter opens its ladder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from textual.message import Message

from tui.lineview import LineView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from analysis.causes import Cause
    from views.connections import ConnectionList


class ConnectionsPanel(LineView):
    """Draws a `ConnectionList`."""

    connections: ConnectionList | None = None

    class Missing(Message):
        """Connections are on screen about which nothing has been looked for yet: rows, ascending."""

        def __init__(self, connections: NDArray[np.int64]) -> None:
            super().__init__()
            self.connections = connections

        def can_replace(self, message: Message) -> bool:
            """Only what is on screen now matters."""
            return isinstance(message, ConnectionsPanel.Missing)

    def page_changed(self) -> None:
        """Ask for the findings about what came on screen."""
        if self.connections is None:
            return
        shown = self.visible_lines
        rows = self.connections.order[shown.start : shown.stop].tolist()
        missing = sorted(row for row in rows if row not in self.connections.found)
        if missing:
            self.post_message(self.Missing(np.array(missing, np.int64)))

    def show_connections(self, connections: ConnectionList | None, connection: int) -> None:
        """Show a list with the cursor on a connection; of a newer list, on the one it was on."""
        on = self.chosen
        fresh = self.connections is None or on is None
        self.connections = connections
        if connections is None or not len(connections):
            self.show(connections)
            return
        connections.cursor = connection
        self.show(connections, cursor=connections.index_of(connection if fresh or on is None else on))

    def show_causes(self, causes: Mapping[int, Sequence[Cause]]) -> None:
        """Say which connections caused which, by the effect."""
        if self.connections is not None and self.connections.causes is not causes:
            self.connections.causes = causes
            self.redraw()

    def go_to_connection(self, connection: int) -> None:
        """Another connection was opened: put the cursor on it, silently."""
        if self.connections is not None and len(self.connections):
            self.connections.cursor = connection
            self.move_to(self.connections.index_of(connection), tell=False)
            self.redraw()

    @property
    def chosen(self) -> int | None:
        """The connection under the cursor."""
        if self.connections is None or not len(self.connections):
            return None
        return self.connections.connection_at(self.cursor)
