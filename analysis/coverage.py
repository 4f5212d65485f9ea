"""Which bytes of each end were seen at all: how many, counting none twice, and when missing ones were acknowledged.

Nearly all payload goes on where its end has stopped, and is counted by numpy. Only what leaves a hole, or comes back to
an earlier place of an end that has holes, is looked at one by one.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.places import indices
from analysis.segments import ACK
from analysis.stretches import STEP, first_in_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.connections import ConnectionTable
    from analysis.segments import Segments
    from analysis.sequence import Sent

MOST_HOLES: Final = 1000
"""Holes remembered of one end. A crafted capture could make them without end; the oldest are forgotten, and what fills
them later is not counted."""

MOST_AT_ONCE: Final = 8
"""Of an end with more new holes than this the acknowledgments that pass them are looked for one by one."""


@dataclass(slots=True)
class Hole:
    """Missing bytes [`start`, `stop`), as distances from the end's `analysis.sequence.Sent.origin`.

    From batch to batch they are kept as distances from where the end's last segment ended.
    """

    start: int
    stop: int
    since: int  # row behind which acknowledgments are looked at: of the segment that showed it, -1 in an earlier batch
    acknowledged: bool = False  # the other end has told that it has them
    passing: int | None = None  # place of the first segment by which it does, -1 for none; None: not looked for yet


def cover(s: Segments, sent: Sent, table: ConnectionTable) -> list[tuple[int, int]]:
    """Count each end's unique payload bytes; the acknowledgments that pass over a hole, as (place, side of the hole).

    Of an end whose SYN was not captured, bytes before its first segment are not counted.
    """
    columns = table.columns
    fresh = np.minimum(sent.payload + sent.length - sent.top, sent.length)
    np.maximum(fresh, 0, out=fresh)
    unique = np.zeros(len(s.ends), np.int64)
    unique[s.owner] = np.add.reduceat(fresh, s.head)
    concerned = columns["open_holes"].reshape(-1)[s.ends] != 0
    concerned[s.side[indices(sent.start > sent.top)]] = True
    told: list[tuple[int, int]] = []
    sides = indices(concerned)
    if len(sides):
        found = _Holes(s, sent, table)
        for side in found.follow_single(sides).tolist():
            filled, passed = found.follow(side)
            unique[side] += filled
            told += passed
        told += found.told
    table.counts.add("unique_bytes", s.ends, unique)
    return told


def is_single(many: NDArray[np.int64], carried: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which ends have one segment of interest in the batch, and no hole from before."""
    single: NDArray[np.bool_] = (many == 1) & ~carried
    return single


class _Holes:
    """The holes of some ends of a batch."""

    def __init__(self, s: Segments, sent: Sent, table: ConnectionTable) -> None:
        self._s = s
        self._sent = sent
        self._table = table
        interesting = (sent.start > sent.top) | ((sent.length > 0) & (sent.payload < sent.top))
        self._interesting = indices(interesting)
        self._passing: dict[int, int] = {}
        self.told: list[tuple[int, int]] = []

    def follow_single(self, sides: NDArray[np.int64]) -> NDArray[np.int64]:
        """Follow, all at once, those that have one new hole and nothing else of interest. Gives the ends that are left.

        `told` gets the acknowledgments that pass over their holes.
        """
        s, sent = self._s, self._sent
        at = self._interesting[indices((sent.start > sent.top)[self._interesting])]
        at = at[np.bincount(s.side[at], minlength=len(s.ends))[s.side[at]] <= MOST_AT_ONCE]
        passed = self._first_passing(at)
        self._passing = dict(zip(at.tolist(), passed.tolist(), strict=True))
        many = np.bincount(s.side[self._interesting], minlength=len(s.ends))
        carried = self._table.columns["open_holes"].reshape(-1)[s.ends] != 0
        single = is_single(many, carried)
        alone = indices(single[s.side[at]])
        at, passed = at[alone], passed[alone]
        side = s.side[at]
        reached = sent.reached[side]
        values = (s.ends[side], sent.top[at] - reached, sent.start[at] - reached, passed >= 0)
        for end, start, stop, acknowledged in zip(*(column.tolist() for column in values), strict=True):
            self._table.holes[divmod(end, 2)] = [Hole(start, stop, -1, acknowledged)]
        self._table.columns["open_holes"].reshape(-1)[s.ends[side]] = True
        told = indices(passed >= 0)
        self.told = list(zip(passed[told].tolist(), side[told].tolist(), strict=True))
        followed = np.zeros(len(s.ends), np.bool_)
        followed[side] = True
        return sides[~followed[sides]]

    def _first_passing(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """The first acknowledgment of the other end that passes the start of each of these holes, -1 for none.

        `at` are the places of the segments that show the holes.
        """
        s, sent = self._s, self._sent
        side = s.side[at]
        number = sent.origin[side] + sent.top[at].astype(np.uint32)

        def passes(place: NDArray[np.int64], of: NDArray[np.int64]) -> NDArray[np.bool_]:
            beyond: NDArray[np.bool_] = (s.acknowledgment[place] - number[of]).view(np.int32) > 0
            beyond &= s.flags[place] & ACK != 0
            return beyond

        return first_in_each(s.after(s.other[at], side ^ 1), s.begin[(side ^ 1) + 1], passes)

    def follow(self, side: int) -> tuple[int, list[tuple[int, int]]]:
        """Follow one end through the batch: bytes that fill its holes, and acknowledgments that pass over one."""
        connection, end = divmod(int(self._s.ends[side]), 2)
        carried = int(self._sent.carried[side])
        holes = [
            Hole(hole.start + carried, hole.stop + carried, -1, hole.acknowledged)
            for hole in self._table.holes.pop((connection, end), [])
        ]
        filled = 0
        told: list[tuple[int, int]] = []
        low, high = self._interesting.searchsorted(self._s.begin[side : side + 2])
        at = self._interesting[low:high]
        columns = (self._s.row, self._sent.start, self._sent.payload, self._sent.length, self._sent.top)
        values = (at.tolist(), *(column[at].tolist() for column in columns))
        for place, row, start, payload, length, top in zip(*values, strict=True):
            told += self._passed(holes, side, row)
            if start > top:
                holes.append(Hole(top, start, row, passing=self._passing.get(place)))
                del holes[:-MOST_HOLES]
            else:
                filled += _fill(holes, payload, payload + length, row)
        told += self._passed(holes, side, None)
        self._carry(connection, end, holes, int(self._sent.reached[side]))
        return filled, told

    def _carry(self, connection: int, end: int, holes: list[Hole], reached: int) -> None:
        self._table.columns["open_holes"][connection, end] = bool(holes)
        if holes:
            self._table.holes[connection, end] = [
                Hole(hole.start - reached, hole.stop - reached, -1, hole.acknowledged) for hole in holes
            ]

    def _passed(self, holes: list[Hole], side: int, until: int | None) -> list[tuple[int, int]]:
        """Acknowledgments before the row `until` that pass over a hole for the first time.

        Holes stand in the order of their numbers, and are passed in that order: what acknowledges one before the holes
        in front of it are passed is more than half the number space away.
        """
        told: list[tuple[int, int]] = []
        for hole in holes:
            if hole.acknowledged:
                continue
            if told:
                hole.since = max(hole.since, int(self._s.row[told[-1][0]]) - 1)
            at = self._acknowledgment(side, hole, until)
            if at is None:
                break
            hole.acknowledged = True
            told.append((at, side))
        return told

    def _acknowledgment(self, side: int, hole: Hole, until: int | None) -> int | None:
        """The other end's first segment after the hole, and before `until`, that acknowledges bytes of it."""
        s = self._s
        if hole.passing is not None and (hole.passing < 0 or s.row[hole.passing] > hole.since):
            found = hole.passing >= 0 and (until is None or s.row[hole.passing] < until)
            return hole.passing if found else None
        number = np.uint32(int(self._sent.origin[side]) + hole.start & 0xFFFFFFFF)
        begin, end = s.begin[side ^ 1], s.begin[(side ^ 1) + 1]
        rows = s.row[begin:end]
        finish = int(end if until is None else begin + rows.searchsorted(until))
        at, step = int(begin + rows.searchsorted(hole.since + 1)), STEP
        while at < finish:
            part = slice(at, min(at + step, finish))
            beyond = (s.acknowledgment[part] - number).view(np.int32) > 0
            beyond &= (s.flags[part] & ACK) != 0
            if beyond.any():
                return at + int(np.argmax(beyond))
            at += step
            step *= 2
        return None


def _fill(holes: list[Hole], start: int, stop: int, row: int) -> int:
    """Take [`start`, `stop`), sent in this row, out of the holes; how many bytes of them it was."""
    first = bisect_left(holes, start, key=lambda hole: hole.stop - 1)
    last = bisect_left(holes, stop, key=lambda hole: hole.start)
    filled = 0
    left: list[Hole] = []
    for hole in holes[first:last]:
        low, high = max(hole.start, start), min(hole.stop, stop)
        filled += high - low
        if hole.start < low:
            left.append(Hole(hole.start, low, hole.since, hole.acknowledged, hole.passing))
        if high < hole.stop:
            left.append(Hole(high, hole.stop, row, hole.acknowledged))
    holes[first:last] = left
    return filled
