"""What a capture tells of hosts and what they asked of one another: names, neighbours, masters, requests and replies.

Read from the packets that may tell such things, at most `MOST` of them: of a larger capture the first, or those around
a packet. The latter also bounds how far is looked for them, for captures that grow: their older packets may be gone,
and what only they told (an ARP reply, the preface of HTTP/2) is not known then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.causes import Causes
from analysis.exchanges import exchanges
from analysis.http2 import http2_exchanges
from analysis.machines import Machines, machines
from analysis.masters import VRRP, masters
from analysis.names import names
from analysis.neighbours import neighbours
from analysis.pageload import MOST as MOST_LOADS
from analysis.pageload import PageLoads
from capture.protocol import Flag, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from analysis.causes import Cause
    from analysis.details import Detail
    from analysis.exchanges import Exchange
    from analysis.masters import Mastership
    from analysis.names import Name
    from analysis.neighbours import Neighbour
    from analysis.pageload import PageLoad
    from analysis.reading import Reading
    from analysis.snapshot import Snapshot

MOST: Final = 20_000
CHUNK: Final = 4096
SPAN: Final = 1 << 18
"""Rows of the packet table that are looked at around a packet."""
EDGE: Final = 8
"""Of the first and the last such part of what was looked at, it may not be known what it belongs to."""
CARRYING: Final = (Protocol.TCP4, Protocol.TCP6, Protocol.UDP4, Protocol.UDP6)
TELLING: Final = (Protocol.ARP, Protocol.ICMP6, *VRRP)


@dataclass(frozen=True, slots=True)
class Learned:
    """What was found out, in the order of the packets; `whole`: no packet that could tell more was left out.

    `until` is how many packets there were, `part` the rows among which was looked, if that was around a packet and not
    among all.
    """

    names: tuple[Name, ...]
    neighbours: tuple[Neighbour, ...]
    exchanges: tuple[Exchange, ...]
    page_loads: tuple[PageLoad, ...]
    whole: bool
    masters: tuple[Mastership, ...] = ()
    machines: Machines = field(default_factory=Machines)
    causes: tuple[Cause, ...] = ()
    until: int = 0
    part: range | None = None
    inner: range | None = None  # of these, without what lies near an edge behind which there is more
    most: int = 0  # packets that were looked at, at most

    def covers(self, packet: int) -> bool:
        """Whether what has to do with a packet (a row) was looked for."""
        return packet < self.until if self.inner is None else packet in self.inner


def learn(reading: Reading, around: int | None = None, most: int = MOST) -> Learned:
    """Find out from a snapshot, of `most` packets at most. Reads the capture: not for the screen's thread.

    While it grows, give a reading `at_rest`.
    """
    snapshot = reading.snapshot
    found = telling(snapshot) if around is None else None
    rows, part, inner = _first(found, most) if found is not None else _around(snapshot, around or 0, most)
    whole = len(rows) == len(found) if found is not None else part is None
    details = list(_details(reading, rows))
    told = (
        tuple(names(snapshot, details)),
        tuple(neighbours(snapshot, details)),
        tuple(sorted(exchanges(snapshot, details) + http2_exchanges(reading, details, part), key=_asked)),
    )
    loads = tuple(islice(PageLoads(snapshot, told, details).all(), MOST_LOADS))
    known = machines(snapshot, details, told[1], reading.source.names)
    causes = Causes(reading, rows, {detail.packet: detail for detail in details}, known, part).all(told[2])
    until = len(snapshot.packets)
    return Learned(*told, loads, whole, tuple(masters(snapshot, details)), known, causes, until, part, inner, most)


def _asked(exchange: Exchange) -> int:
    return exchange.request_packet


def _first(found: NDArray[np.int64], most: int) -> tuple[NDArray[np.int64], None, range | None]:
    """The first of the rows that may tell something, as `_around`."""
    rows = found[:most]
    return rows, None, None if len(rows) == len(found) else range(int(rows[-max(len(rows) // EDGE, 1)]))


def _around(snapshot: Snapshot, packet: int, most: int) -> tuple[NDArray[np.int64], range | None, range | None]:
    """Rows around a packet that may tell something; `Learned.part` and `Learned.inner`, None where these are all."""
    count = len(snapshot.packets)
    end = min(packet + SPAN // 2, count)
    begin = max(end - SPAN, 0)
    rows = telling(snapshot, begin, end)
    if len(rows) > most:
        first = min(max(int(np.searchsorted(rows, packet)) - most // 2, 0), len(rows) - most)
        begin = int(rows[first - 1]) + 1 if first else begin
        end = int(rows[first + most]) if first + most < len(rows) else end
        rows = rows[first : first + most]
    if (begin, end) == (0, count):
        return rows, None, None
    edge = len(rows) // EDGE
    low = min(int(rows[edge]), packet) if begin and edge else begin
    high = max(int(rows[-edge]), packet + 1) if end < count and edge else end
    return rows, range(begin, end), range(low, high)


def tells_much(snapshot: Snapshot) -> bool:
    """Whether more packets may tell something than are looked at all together."""
    return len(telling(snapshot)) > MOST


def telling(snapshot: Snapshot, begin: int = 0, end: int | None = None) -> NDArray[np.int64]:
    """Rows of the packets that may tell something: ARP, ICMPv6, VRRP, and what carries payload; ascending, int64.

    Only those from row `begin` on, and before row `end`.
    """
    packets, rows = snapshot.packets, slice(begin, end)
    protocol = packets.protocol[rows]
    carrying = np.isin(protocol, CARRYING) & (packets.payload_length[rows] > 0)
    first = packets.flags[rows] & np.uint16(Flag.SEEN_AGAIN) == 0
    return np.flatnonzero((carrying | np.isin(protocol, TELLING)) & first) + begin


def _details(reading: Reading, rows: NDArray[np.int64]) -> Iterator[Detail]:
    for first in range(0, len(rows), CHUNK):
        yield from reading.details(rows[first : first + CHUNK])
