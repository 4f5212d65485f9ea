"""What a session publishes: everything known so far, as values that any thread may read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.joined import Joined
from analysis.renumbered import Renumbered
from capture.protocol import Flag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from analysis.connections import Connections
    from capture.batch import Interface
    from capture.errors import Problem
    from capture.table import Packets, Thinned


PACKETS_OF: Final = (
    "syn_packet", "syn_ack_packet", "established_packet", "fin_packet", "fin_acked_packet", "rst_packet",
)  # fmt: skip
"""Columns of the connection table that hold rows of packets, or -1."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The capture as far as it has been read. `bytes_total` is None where the size is not known (a stream)."""

    packets: Packets
    connections: Connections
    interfaces: tuple[Interface, ...]
    problems: tuple[Problem, ...]
    bytes_read: int
    bytes_total: int | None
    finished: bool  # no more packets will come
    cancelled: bool = False  # the reader was told to stop before the end
    names: Mapping[str, str] = field(default_factory=dict)  # of addresses, as far as they were found out; grows
    owners: Mapping[tuple[int, str, int], str] = field(default_factory=dict)  # processes, by protocol, address and port
    span_ns: tuple[int, int] | None = None  # `span_of` tells it in any case
    thinned: Thinned | None = None
    """Some of the packets, where looking through all of them would fetch them from a file."""
    sightings: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    """(K, 2): rows of packets that were seen before at another point, ascending, and the rows of the same there."""
    joined: Joined = field(default_factory=Joined)  # numbers of segments that came in fragments
    renumbered: Renumbered = field(default_factory=Renumbered)  # what relative numbers count from: `initial_at`


def span_of(snapshot: Snapshot) -> tuple[int, int]:
    """The earliest and the latest time of all packets, ns since the epoch; (0, 0) where there are none."""
    times = snapshot.packets.time_ns
    if snapshot.span_ns is None and len(times):
        return int(times.min()), int(times.max())
    return snapshot.span_ns or (0, 0)


def at_rest(snapshot: Snapshot) -> Snapshot:
    """The same, with a connection table that names no packet which this snapshot does not have.

    Rows of that table change while packets come, so that they may be newer than the packets.
    """
    if snapshot.finished:
        return snapshot
    table, count = snapshot.connections, len(snapshot.packets)
    known = {name: getattr(table, name).copy() for name in PACKETS_OF}
    for column in known.values():
        column[column >= count] = -1
    last = np.minimum(table.last_packet, count - 1)
    return replace(snapshot, connections=replace(table, last_packet=last, **known))


def rows_of(snapshot: Snapshot, connection: int, since: int = 0, until: int | None = None) -> NDArray[np.int64]:
    """Rows of a connection's packets, int64, ascending, each of them where it was seen first.

    Only those from row `since` on, and before row `until`.
    """
    table, packets = snapshot.connections, snapshot.packets
    first, last = max(int(table.first_packet[connection]), since), int(table.last_packet[connection])
    end = last + 1 if until is None else min(last + 1, until)
    rows = np.flatnonzero(packets.connection[first:end] == connection) + first
    if not len(snapshot.sightings):
        return rows
    first_seen: NDArray[np.int64] = rows[packets.flags[rows] & np.uint16(Flag.SEEN_AGAIN) == 0]
    return first_seen


def first_sighting(snapshot: Snapshot, packet: int) -> int:
    """The row of the same packet where it was captured first: mostly its own."""
    pairs = snapshot.sightings
    place = int(np.searchsorted(pairs[:, 0], packet))
    return int(pairs[place, 1]) if place < len(pairs) and pairs[place, 0] == packet else packet
