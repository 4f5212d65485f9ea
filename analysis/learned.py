"""What a capture tells of hosts and what they asked of one another: names, neighbours, masters, requests and replies.

Read from the packets that may tell such things, at most `MOST` of them: of a larger capture the first.
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
    from analysis.session import Session
    from analysis.snapshot import Snapshot

MOST: Final = 20_000
CHUNK: Final = 4096
CARRYING: Final = (Protocol.TCP4, Protocol.TCP6, Protocol.UDP4, Protocol.UDP6)
TELLING: Final = (Protocol.ARP, Protocol.ICMP6, *VRRP)


@dataclass(frozen=True, slots=True)
class Learned:
    """What was found out, in the order of the packets; `whole`: no packet that could tell more was left out."""

    names: tuple[Name, ...]
    neighbours: tuple[Neighbour, ...]
    exchanges: tuple[Exchange, ...]
    page_loads: tuple[PageLoad, ...]
    whole: bool
    masters: tuple[Mastership, ...] = ()
    machines: Machines = field(default_factory=Machines)
    causes: tuple[Cause, ...] = ()


def learn(session: Session) -> Learned:
    """Find out from the session's snapshot. Reads the capture: not for the screen's thread."""
    snapshot = session.snapshot
    rows = telling(snapshot)
    details = list(_details(session, rows[:MOST]))
    told = (
        tuple(names(snapshot, details)),
        tuple(neighbours(snapshot, details)),
        tuple(sorted(exchanges(snapshot, details) + http2_exchanges(session, details), key=_asked)),
    )
    loads = tuple(islice(PageLoads(snapshot, told, details).all(), MOST_LOADS))
    known = machines(snapshot, details, told[1], session.source.names)
    causes = Causes(session, rows[:MOST], {detail.packet: detail for detail in details}, known).all(told[2])
    return Learned(*told, loads, len(rows) <= MOST, tuple(masters(snapshot, details)), known, causes)


def _asked(exchange: Exchange) -> int:
    return exchange.request_packet


def telling(snapshot: Snapshot) -> NDArray[np.int64]:
    """Rows of the packets that may tell something: ARP, ICMPv6, VRRP, and what carries payload; ascending, int64."""
    protocol = snapshot.packets.protocol
    carrying = np.isin(protocol, CARRYING) & (snapshot.packets.payload_length > 0)
    first = snapshot.packets.flags & np.uint16(Flag.SEEN_AGAIN) == 0
    return np.flatnonzero((carrying | np.isin(protocol, TELLING)) & first)


def _details(session: Session, rows: NDArray[np.int64]) -> Iterator[Detail]:
    for first in range(0, len(rows), CHUNK):
        yield from session.details(rows[first : first + CHUNK])
