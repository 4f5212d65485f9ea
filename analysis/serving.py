"""How a server treats its clients: when each asked, was answered and was done, and how many it served at a time.

Packets do not show a server's queue: a client that waits for its turn looks like one whose request is in work. What
they show is how fast all were served beside how long one takes: `Serving.at_once` is deduced from that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.segments import is_tcp
from analysis.verdict import sides
from capture.protocol import Flag

if TYPE_CHECKING:
    from analysis.session import Session

MOST: Final = 1000
"""Connections that are looked at, the first ones."""


@dataclass(frozen=True, slots=True)
class Served:
    """One client's connection (its row), and moments in ns since the epoch.

    They are those of its first packet, of the first bytes of its request and of the answer, and of its last packet.
    """

    connection: int
    began_ns: int
    asked_ns: int
    answered_ns: int
    ended_ns: int

    @property
    def waited_ns(self) -> int:
        """From the request to the first byte of the answer."""
        return self.answered_ns - self.asked_ns


@dataclass(frozen=True, slots=True)
class Serving:
    """All clients that were answered, in the order in which they began."""

    served: tuple[Served, ...]

    @property
    def began_ns(self) -> int:
        """When the first one began; 0 without any."""
        return min((each.began_ns for each in self.served), default=0)

    @property
    def total_ns(self) -> int:
        """From the first packet of the first one to the last of the last one."""
        return max((each.ended_ns for each in self.served), default=0) - self.began_ns

    @property
    def at_once(self) -> float | None:
        """How many were served at a time on average, deduced by Little's law; None where nobody waited.

        The one that waited least is taken for one that was served at once, and alone: its wait is what a request costs.
        Where all slow one another down, as threads that compute do, this counts who shares the server; that no time was
        won by it is told by `total_ns`.
        """
        least = min((each.waited_ns for each in self.served), default=0)
        if least <= 0:
            return None
        took = max(each.answered_ns for each in self.served) - min(each.asked_ns for each in self.served)
        return len(self.served) * least / took


def serving(session: Session) -> Serving:
    """The TCP connections of a capture in which a client asked first, and was answered."""
    snapshot = session.snapshot
    found = (_served(session, row) for row in range(min(len(snapshot.connections), MOST)))
    return Serving(tuple(sorted((each for each in found if each is not None), key=lambda each: each.began_ns)))


def _served(session: Session, connection: int) -> Served | None:
    snapshot = session.snapshot
    if not is_tcp(int(snapshot.connections.protocol[connection])):
        return None
    rows = session.packets_of(connection)
    packets = snapshot.packets
    times = packets.time_ns[rows]
    from_b = (packets.flags[rows] & np.uint16(Flag.FROM_B)) != 0
    of_client = from_b == bool(sides(snapshot.connections, connection).client)
    data = packets.payload_length[rows] > 0
    asked = np.flatnonzero(data & of_client)
    if not len(asked):
        return None
    answered = np.flatnonzero(data & ~of_client)
    if not len(answered) or answered[0] < asked[0]:
        return None
    began, ended = int(times.min()), int(times.max())
    return Served(connection, began, int(times[asked[0]]), int(times[answered[0]]), ended)
