"""All connections on one time axis: a bar for each, letters where something happened, a cursor at the play head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.services import carried_service
from analysis.snapshot import span_of
from capture.protocol import Flag
from views.durations import duration, endpoint, shorten_middle
from views.glyphs import glyphs
from views.raster import LIMIT, cell_of, key_packets, line_of, paint, painted_over, sample
from views.text import SELECTED, Span, cells, cut, fit, with_modifier
from views.wording import _

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.snapshot import Snapshot
    from capture.table import Packets, Thinned
    from views.options import Options
    from views.text import Line

TICK: Final = 16
"""Least cells from one time on the axis to the next."""


class Timeline:
    """Bars of the connections in `order` (rows of the connection table; without it, all as they came).

    `window_ns` (first and last time shown, ns since the epoch), `cursor_time_ns` and `cursor` (the selected
    connection) may be set. A line looks at no more than `raster.LIMIT` packets.
    """

    def __init__(self, snapshot: Snapshot, options: Options, *, order: NDArray[np.int64] | None = None) -> None:
        self.snapshot = snapshot
        self.options = options
        self.order = np.flatnonzero(snapshot.connections.first_packet >= 0) if order is None else order
        self._glyphs = glyphs(ascii_only=options.ascii)
        # Captures merged from several points are not in order: the first and last packet need not be the extremes.
        self.start_ns, end_ns = span_of(snapshot)
        self.window_ns = (self.start_ns, max(end_ns, self.start_ns + 1))
        self.cursor_time_ns = self.start_ns
        self.cursor: int | None = None

    def __len__(self) -> int:
        return len(self.order)

    def connection_at(self, index: int) -> int | None:
        """The connection of a line."""
        return int(self.order[index]) if 0 <= index < len(self.order) else None

    def index_of(self, connection: int) -> int:
        """The line of a connection, 0 if it has none."""
        found = np.flatnonzero(self.order == connection)
        return int(found[0]) if len(found) else 0

    def _names(self, width: int) -> int:
        """Cells for the names at the left."""
        return 30 if width >= 100 else 20 if width >= 60 else 6

    def time_at(self, column: int, width: int) -> int:
        """The time (ns since the epoch) in the middle of a column of a line of `width` cells."""
        names = self._names(width)
        start, end = self.window_ns
        room = max(width - names, 1)
        place = min(max(column - names, 0), room - 1)
        return start + (end - start) * (2 * place + 1) // (2 * room)

    def head(self, width: int) -> tuple[Line, ...]:
        """The axis: times since the capture's first packet."""
        names = self._names(width)
        room = max(width - names, 1)
        text = cut(" " + _("connection"), names - 1).ljust(names)
        start, end = self.window_ns
        ticks = max(room // TICK, 1)
        for tick in range(ticks):
            place = names + room * tick // ticks
            label = duration(start + (end - start) * tick // ticks - self.start_ns, micro=self._glyphs.micro)
            text = text.ljust(place)[:place] + label
        return (fit((Span(text, "head"),), width),)

    def draw(self, index: int, width: int) -> Line:
        """One connection: its name, and its packets on the axis."""
        connection = self.connection_at(index)
        if connection is None:
            return fit((), width)
        names = self._names(width)
        room = width - names
        name = Span(cut(self._name(connection, names - 2), names - 2).ljust(names), "address")
        if room <= 0:
            return fit((name,), width)
        client = int(self.snapshot.connections.client[connection])
        keys = paint(self.snapshot.packets, key_packets(self.snapshot, connection), client, self.window_ns, room)
        others = paint(*self._packets(connection), client, self.window_ns, room)
        best, from_client = painted_over(others, keys)
        cursor = cell_of(self.cursor_time_ns, self.window_ns, room)
        bars = line_of(best, from_client, self._life(connection, room), cursor, self._glyphs)
        line = fit((name, *bars), width)
        return with_modifier(line, SELECTED) if connection == self.cursor else line

    def _name(self, connection: int, room: int) -> str:
        """` 12 http  93.184.216.34`: number, service or protocol, server."""
        table = self.snapshot.connections
        server = 1 - int(table.client[connection])
        family, transport = int(table.family[connection]), int(table.transport[connection])
        what = carried_service(family, transport, int(table.port[connection, server]))
        lead = f" {connection}"
        if room < 16:
            return lead
        lead += f" {what} "
        ellipsis = self._glyphs.ellipsis
        names = self.snapshot.names if self.options.names else {}
        return lead + shorten_middle(endpoint(table, connection, server, names), max(room - cells(lead), 1), ellipsis)

    def _life(self, connection: int, room: int) -> tuple[int, int]:
        """The cells of its first and last packet."""
        table, times = self.snapshot.connections, self.snapshot.packets.time_ns
        last = min(int(table.last_packet[connection]), len(times) - 1)
        first = min(int(table.first_packet[connection]), last)
        return cell_of(int(times[first]), self.window_ns, room), cell_of(int(times[last]), self.window_ns, room)

    def _packets(self, connection: int) -> tuple[Packets | Thinned, NDArray[np.int64]]:
        """The connection's packets to be painted, all in the window or a sample: a table, and its rows (places)."""
        table, packets = self.snapshot.connections, self.snapshot.packets
        first, end = int(table.first_packet[connection]), int(table.last_packet[connection]) + 1
        end = min(end, len(packets))
        if end - first > LIMIT:
            start_ns, end_ns = self.window_ns
            span = packets.time_ns[first:end]
            low, high = np.searchsorted(span, start_ns, "left"), np.searchsorted(span, end_ns, "right")
            first, end = first + int(low), first + int(high)
        source: Packets | Thinned = packets
        thinned = self.snapshot.thinned
        if thinned is not None and end - first > thinned.stride * LIMIT:
            source, first, end = thinned, -(-first // thinned.stride), -(-end // thinned.stride)
        rows = sample(first, end)
        mine = (source.connection[rows] == connection) & (source.flags[rows] & np.uint16(Flag.SEEN_AGAIN) == 0)
        return source, rows[mine]
