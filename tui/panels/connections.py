"""The list of connections: the cursor chooses, Enter opens its ladder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.lineview import LineView

if TYPE_CHECKING:
    from views.connections import ConnectionList


class ConnectionsPanel(LineView):
    """Draws a `ConnectionList`."""

    connections: ConnectionList | None = None

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
