"""Turns of TCP connections: what the client sends until the server answers, and that answer.

A program in between works turn by turn, whatever it speaks. Requests that are sent before the answer to the one before
(pipelining, RFC 9112 section 9.3.2; several streams of HTTP/2) are one turn. What is sent again is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.marks import RESENT
from analysis.snapshot import span_of
from capture.protocol import Flag, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from analysis.connections import Connections
    from analysis.exchanges import Exchange
    from analysis.snapshot import Snapshot

PIECES: Final = 8
"""Packets of a message that are kept: enough to compare what it begins with."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One request of a client and its reply: rows of the packets that carry them, at most `PIECES` of each.

    `end_ns` is when the reply began, or else the time of the connection's last packet; of the capture's, where a reply
    might still come.
    """

    connection: int
    number: int  # 0: the first turn of its connection
    request: tuple[int, ...]
    reply: tuple[int, ...]
    begin_ns: int
    end_ns: int
    request_bytes: int
    lookup: str = ""  # what was asked a name server, in words

    @property
    def packet(self) -> int:
        """The row of the request's first packet."""
        return self.request[0]


def turns(snapshot: Snapshot, rows: NDArray[np.int64]) -> Iterator[Turn]:
    """The turns among these packets (rows of such as carry payload, int64, ascending), connection by connection."""
    packets, c = snapshot.packets, snapshot.connections
    tcp = np.isin(packets.protocol[rows], (Protocol.TCP4, Protocol.TCP6))
    rows = rows[tcp & (packets.marks[rows] & np.uint32(RESENT) == 0) & (packets.connection[rows] >= 0)]
    if not len(rows):
        return
    connection = packets.connection[rows]
    order = np.argsort(connection, kind="stable")
    rows, connection = rows[order], connection[order]
    from_b = (packets.flags[rows] & np.uint16(Flag.FROM_B)) != 0
    asks = from_b == (c.client[connection] == 1)
    edges = np.flatnonzero((connection[1:] != connection[:-1]) | (asks[1:] != asks[:-1])) + 1
    starts = np.concatenate(([0], edges))
    sizes = np.add.reduceat(packets.payload_length[rows].astype(np.int64), starts)
    runs = list(zip(starts.tolist(), [*edges.tolist(), len(rows)], sizes.tolist(), strict=True))
    number, before = 0, -1
    newest = span_of(snapshot)[1]
    for place, (first, last, size) in enumerate(runs):
        row = int(connection[first])
        number, before = (number if row == before else 0), row
        if not asks[first]:
            continue
        request: tuple[int, ...] = tuple(rows[first : min(last, first + PIECES)].tolist())
        reply: tuple[int, ...] = ()
        end = newest if _open(c, row) else int(packets.time_ns[c.last_packet[row]])
        if place + 1 < len(runs) and connection[runs[place + 1][0]] == row:
            begin, stop, _ = runs[place + 1]
            reply = tuple(rows[begin : min(stop, begin + PIECES)].tolist())
            end = int(packets.time_ns[reply[0]])
        yield Turn(row, number, request, reply, int(packets.time_ns[request[0]]), end, size)
        number += 1


def _open(c: Connections, row: int) -> bool:
    """Whether a connection's server may still answer: it has not closed it, and nobody has reset it."""
    return bool((c.rst_packet[row] < 0).all() and c.fin_packet[row][1 - int(c.client[row])] < 0)


def lookups(snapshot: Snapshot, exchanges: tuple[Exchange, ...]) -> Iterator[Turn]:
    """Questions to name servers over UDP, each a turn of its own."""
    packets = snapshot.packets
    for each in exchanges:
        if each.kind != "DNS" or packets.protocol[each.request_packet] not in (Protocol.UDP4, Protocol.UDP6):
            continue
        begin = int(packets.time_ns[each.request_packet])
        answered = each.reply_packet is not None
        reply = () if each.reply_packet is None else (each.reply_packet,)
        end = (
            begin + (each.took_ns or 0)
            if answered
            else int(packets.time_ns[snapshot.connections.last_packet[each.connection]])
        )
        size = int(packets.payload_length[each.request_packet])
        yield Turn(each.connection, 0, (each.request_packet,), reply, begin, end, size, each.request)
