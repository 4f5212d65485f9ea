"""The way of one end's packets past the capture points of a lab: in which order they pass them, and which get lost.

Which points are on the way is deduced from the packets that were seen at several, and their order from those that were
seen at any two. A packet that was not seen at the next point is lost, or was dropped by the
machine between, if one that was sent later was seen at both; without a later one it may still be on its way. A packet
that was not seen where others were before they came to its first point was made on the way: a copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.snapshot import rows_of
from capture.protocol import Flag, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.snapshot import Snapshot

NEVER: Final = np.iinfo(np.int64).max
MOST: Final = 4_000_000
"""Packets times points that are looked at; of a connection with more nothing is told."""
MOST_POINTS: Final = 64


OF_ONE_END: Final = np.array([Protocol.TCP4, Protocol.TCP6, Protocol.UDP4, Protocol.UDP6, Protocol.ICMP4], np.uint8)
"""Whose packets one machine sends. What ARP, neighbour discovery or VRRP say of an address, any machine may say."""


@unique
class Fate(IntEnum):
    """What became of a packet between capture points."""

    ARRIVED = 0  # as far as is known
    LOST = 1
    MADE = 2  # by the network: a copy
    OVERTAKEN = 3  # by one that was sent later


@dataclass(frozen=True, slots=True)
class Way:
    """Of the N packets of one end: `points`, int64 (P,), are the interfaces that they pass, in order.

    `rows`, int64 (N,): each packet where it was seen first, ascending; `times`, int64 (N, P): when it was seen at each
    point, ns since the epoch, `NEVER` where it was not.
    """

    points: NDArray[np.int64]
    rows: NDArray[np.int64]
    times: NDArray[np.int64]

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Which of them were lost, bool (N,)."""
        return self._next_missed() >= 0

    @property
    def made(self) -> NDArray[np.bool_]:
        """Which of them were not sent by their end, but made on the way, bool (N,)."""
        return self._made_behind() >= 0

    @property
    def passed(self) -> NDArray[np.bool_]:
        """Which of them were overtaken on the way, bool (N,): `overtaken` says by which one, and where."""
        if not len(self.rows):
            return np.zeros(0, np.bool_)
        soonest = np.minimum.accumulate(self._times_sent()[::-1], axis=0)[::-1]
        after = np.vstack((soonest[1:], np.full((1, len(self.points)), NEVER, np.int64)))
        ahead = (self.times != NEVER) & (after < self.times)
        found: NDArray[np.bool_] = ahead.any(axis=1) & ~ahead[:, 0]
        return found

    def _times_sent(self) -> NDArray[np.int64]:
        """`times`, and `NEVER` for copies: they set out behind the others, and overtook nothing."""
        return np.where(self.made[:, None], NEVER, self.times)

    def _made_behind(self) -> NDArray[np.int64]:
        """The place of the point behind which each was made, int64 (N,); -1 where its end sent it."""
        seen = self.times != NEVER
        first, found = np.argmax(seen, axis=1), np.full(len(self.rows), -1, np.int64)
        for place in range(1, len(self.points)):
            # The points where those that pass this one were seen before: there it was not, so it came to be behind.
            before = np.flatnonzero(seen[seen[:, place]][:, :place].any(axis=0))
            if len(before):
                found[first == place] = before[-1]
        return found

    def _next_missed(self) -> NDArray[np.int64]:
        """The place of the point where each packet was missed, int64 (N,); -1 where it was not lost."""
        seen = self.times != NEVER
        count = len(self.points)
        last = count - 1 - np.argmax(seen[:, ::-1], axis=1)  # the last point where each was seen
        found = np.full(len(self.rows), -1, np.int64)
        for here in range(count):
            at = np.flatnonzero(last == here)
            for place in range(count - 1, here, -1):  # the nearest counts
                # Ways may part: only what passed both points tells that one leads to the other.
                both = np.flatnonzero(seen[:, here] & seen[:, place])
                if len(both):
                    found[at[at < both[-1]]] = place
        return found

    def losses(self) -> dict[int, tuple[int, int]]:
        """The row of each that was lost, with the interfaces that it was seen at last, and missed at."""
        missed = self._next_missed()
        at = np.flatnonzero(missed >= 0)
        return {int(self.rows[place]): self._between(place, int(missed[place])) for place in at.tolist()}

    def _between(self, place: int, missed: int) -> tuple[int, int]:
        """Of the packet at a place the interface where it was seen last, and that of the point where it was missed."""
        last = int(np.flatnonzero(self.times[place] != NEVER)[-1])
        return int(self.points[last]), int(self.points[missed])

    def _place(self, packet: int) -> int:
        return int(np.searchsorted(self.rows, packet))

    def lost_between(self, packet: int) -> tuple[int, int] | None:
        """The interfaces that a packet was seen at last, and missed at; None if it was not lost."""
        place = self._place(packet)
        missed = int(self._next_missed()[place])
        return None if missed < 0 else self._between(place, missed)

    def made_between(self, packet: int) -> tuple[int, int] | None:
        """The interfaces between which a packet came to be that its sender did not send; None if that sent it."""
        place = self._place(packet)
        behind = int(self._made_behind()[place])
        first = int(np.argmax(self.times[place] != NEVER))
        return None if behind < 0 else (int(self.points[behind]), int(self.points[first]))

    def overtaken(self, packet: int) -> tuple[int, int, int] | None:
        """The interfaces between which another packet overtook it first, and that packet's row; None if none did."""
        place = self._place(packet)
        own, later = self.times[place], self._times_sent()[place + 1 :]
        ahead = (own != NEVER) & (later < own)
        at = np.flatnonzero(ahead.any(axis=0))
        if not len(at) or at[0] == 0:
            return None
        by = int(self.rows[place + 1 + int(np.argmax(ahead[:, at[0]]))])
        return int(self.points[at[0] - 1]), int(self.points[at[0]]), by

    def last_seen(self, packet: int) -> tuple[int, int]:
        """The interface that is the farthest on the way at which a packet was seen, and when (ns since the epoch)."""
        times = self.times[self._place(packet)]
        place = int(np.flatnonzero(times != NEVER)[-1])
        return int(self.points[place]), int(times[place])


class Losses:
    """The packets that were lost, connection by connection, as they are asked for."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._found: dict[int, tuple[int, int]] = {}
        self._looked: set[int] = set()

    def of(self, packet: int) -> tuple[int, int] | None:
        """The interfaces that a packet was seen at last, and missed at; None if it was not lost or is a sighting."""
        if not len(self._snapshot.sightings):
            return None
        connection = int(self._snapshot.packets.connection[packet])
        if connection not in self._looked:
            self._looked.add(connection)
            rows = rows_of(self._snapshot, connection)
            for from_b in (False, True):
                passed = way(self._snapshot, rows, from_b=from_b)
                if passed is not None:
                    self._found |= passed.losses()
        return self._found.get(packet)


def way(snapshot: Snapshot, rows: NDArray[np.int64], *, from_b: bool) -> Way | None:
    """Of a connection's packets `rows` (where they were seen first, ascending) those of one end.

    None for a protocol in which an end may be several machines, where they were captured at one point only, and where
    they are too many.
    """
    packets, pairs = snapshot.packets, snapshot.sightings
    if not len(pairs) or not len(rows) or packets.protocol[rows[0]] not in OF_ONE_END:
        return None
    own = rows[((packets.flags[rows] & np.uint16(Flag.FROM_B)) != 0) == from_b]
    again = pairs[np.isin(pairs[:, 1], own)]
    if not len(again):
        return None
    first = np.concatenate((np.arange(len(own)), np.searchsorted(own, again[:, 1])))
    seen = np.concatenate((own, again[:, 0]))
    points, point = np.unique(packets.interface[seen], return_inverse=True)
    if len(own) * len(points) > MOST or len(points) > MOST_POINTS:
        return None
    times = np.full((len(own), len(points)), NEVER, np.int64)
    np.minimum.at(times, (first, point), packets.time_ns[seen])
    order = _in_order(times)
    return Way(points[order].astype(np.int64), own, times[:, order])


class Passages:
    """The ways of both ends of a connection (`way`), each put together when it is first asked for, and then kept."""

    def __init__(self, snapshot: Snapshot, rows: NDArray[np.int64]) -> None:
        self._snapshot, self._rows = snapshot, rows
        self._ways: dict[bool, Way | None] = {}

    def of(self, *, from_b: bool) -> Way | None:
        """The way of one end's packets."""
        if from_b not in self._ways:
            self._ways[from_b] = way(self._snapshot, self._rows, from_b=from_b)
        return self._ways[from_b]

    def fates(self) -> NDArray[np.uint8]:
        """What became of each packet: a `Fate`, uint8 (N,)."""
        found = np.zeros(len(self._rows), np.uint8)
        for from_b in (False, True):
            passed = self.of(from_b=from_b)
            if passed is not None:
                fate = np.where(passed.passed, np.uint8(Fate.OVERTAKEN), np.uint8(Fate.ARRIVED))
                fate[passed.made] = Fate.MADE
                fate[passed.lost] = Fate.LOST
                found[np.searchsorted(self._rows, passed.rows)] = fate
        return found


def fates(snapshot: Snapshot, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """What became of each of a connection's packets (where they were seen first, ascending): a `Fate`, uint8 (N,)."""
    return Passages(snapshot, rows).fates()


def _in_order(times: NDArray[np.int64]) -> NDArray[np.intp]:
    """The points in the order in which they are passed: each behind those that most packets had passed before it."""
    seen = times != NEVER
    before = np.zeros(times.shape[1], np.int64)
    for place in range(times.shape[1]):
        both = seen & seen[:, [place]]
        earlier = both & (times < times[:, [place]])
        before[place] = np.count_nonzero(2 * earlier.sum(axis=0) > both.sum(axis=0))
    return np.lexsort((-seen.sum(axis=0), before))
