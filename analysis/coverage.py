"""Which bytes of each end were seen at all: how many, counting none twice, and when missing ones were acknowledged.

Nearly all payload goes on where its end has stopped, and is counted by numpy. Only what leaves a hole, or comes back to
an earlier place of an end that has holes, is looked at one by one.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.segments import ACK

if TYPE_CHECKING:
    from analysis.connections import ConnectionTable
    from analysis.segments import Segments
    from analysis.sequence import Sent

MOST_HOLES: Final = 1000
"""Holes remembered of one end. A crafted capture could make them without end; the oldest are forgotten, and what fills
them later is not counted."""

STEP: Final = 64
"""Acknowledgments that are searched at first; each time nothing is found, twice as many."""


@dataclass(slots=True)
class Hole:
    """Missing bytes [`start`, `stop`), as distances from the end's `analysis.sequence.Sent.origin`."""

    start: int
    stop: int
    since: int  # index of the segment that showed it, -1 in an earlier batch
    acknowledged: bool = False  # the other end has told that it has them


def cover(s: Segments, sent: Sent, table: ConnectionTable) -> list[tuple[int, int]]:
    """Count each end's unique payload bytes; the acknowledgments that pass over a hole, as (index, side of the hole).

    Of an end whose SYN was not captured, bytes before its first segment are not counted.
    """
    columns = table.columns
    stop = sent.payload + sent.length
    fresh = np.where(sent.length > 0, np.maximum(stop - np.maximum(sent.payload, sent.top), 0), 0)
    side_count = 2 * len(s.connection)
    unique = np.bincount(sent.side, fresh, side_count).astype(np.uint64)
    opens = sent.start > sent.top
    carried = np.flatnonzero(columns["open_holes"][s.connection].ravel())
    told: list[tuple[int, int]] = []
    if opens.any() or len(carried):
        found = _Holes(s, sent, table)
        for side in np.union1d(sent.side[opens], carried).tolist():
            filled, passed = found.follow(side)
            unique[side] += np.uint64(filled)
            told += passed
    columns["unique_bytes"][s.connection] += unique.reshape(-1, 2)
    return sorted(told)


class _Holes:
    """The holes of some ends of a batch."""

    def __init__(self, s: Segments, sent: Sent, table: ConnectionTable) -> None:
        self._s = s
        self._sent = sent
        self._table = table
        self._by_side = s.side[s.by_side]

    def follow(self, side: int) -> tuple[int, list[tuple[int, int]]]:
        """Follow one end through the batch: bytes that fill its holes, and acknowledgments that pass over one."""
        connection, end = int(self._s.connection[side // 2]), side % 2
        holes = self._table.holes.pop((connection, end), [])
        filled = 0
        told: list[tuple[int, int]] = []
        low, high = np.searchsorted(self._sent.side, (side, side + 1))
        mine = slice(int(low), int(high))
        start, payload, length, top = (
            column[mine] for column in (self._sent.start, self._sent.payload, self._sent.length, self._sent.top)
        )
        of_interest = np.flatnonzero((start > top) | ((length > 0) & (payload < top)))
        for place in of_interest.tolist():
            at = int(self._sent.at[mine][place])
            told += self._passed(holes, side, at)
            if start[place] > top[place]:
                holes.append(Hole(int(top[place]), int(start[place]), at))
                del holes[:-MOST_HOLES]
            else:
                filled += _fill(holes, int(payload[place]), int(payload[place] + length[place]))
        told += self._passed(holes, side, len(self._s))
        self._carry(connection, end, holes, int(self._sent.moved[side]))
        return filled, told

    def _carry(self, connection: int, end: int, holes: list[Hole], moved: int) -> None:
        self._table.columns["open_holes"][connection, end] = bool(holes)
        if holes:
            self._table.holes[connection, end] = [
                Hole(hole.start - moved, hole.stop - moved, -1, hole.acknowledged) for hole in holes
            ]

    def _passed(self, holes: list[Hole], side: int, until: int) -> list[tuple[int, int]]:
        """Acknowledgments before the segment with index `until` that pass over a hole for the first time."""
        told = []
        for hole in holes:
            if hole.acknowledged:
                continue
            at = self._acknowledgment(side, hole, until)
            if at is None:
                break  # holes stand in the order of their numbers: one further on is not passed earlier
            hole.acknowledged = True
            told.append((at, side))
        return told

    def _acknowledgment(self, side: int, hole: Hole, until: int) -> int | None:
        """The other end's first segment after the hole, and before `until`, that acknowledges bytes of it."""
        low, high = np.searchsorted(self._by_side, (side ^ 1, (side ^ 1) + 1))
        others = self._s.by_side[low:high]
        begin, finish = np.searchsorted(others, (hole.since + 1, until))
        step = STEP
        while begin < finish:
            part = others[begin : min(begin + step, finish)]
            beyond = (self._s.acknowledgment[part] - self._sent.origin[side]).view(np.int32) > hole.start
            beyond &= self._s.analysed[part] & ((self._s.flags[part] & ACK) != 0)
            if beyond.any():
                return int(part[int(np.argmax(beyond))])
            begin += step
            step *= 2
        return None


def _fill(holes: list[Hole], start: int, stop: int) -> int:
    """Take [`start`, `stop`) out of the holes; how many bytes of them it was."""
    first = bisect_left(holes, start, key=lambda hole: hole.stop - 1)
    last = bisect_left(holes, stop, key=lambda hole: hole.start)
    filled = 0
    left: list[Hole] = []
    for hole in holes[first:last]:
        low, high = max(hole.start, start), min(hole.stop, stop)
        filled += high - low
        parts = ((hole.start, low), (high, hole.stop))
        left += [Hole(*part, hole.since, hole.acknowledged) for part in parts if part[0] < part[1]]
    holes[first:last] = left
    return filled
