"""Gaps in what was captured of an end's numbers, and the acknowledgments that show what is missing.

A gap opens when an end goes on at another number than the next one. It lasts until a segment begins where the gap does,
or the other end acknowledges what lies beyond: that acknowledgment is Wireshark's "ACKed unseen segment". One gap is
told once, and one that opens inside it is part of it. Ends that have a single one are followed all at once, the few
others one by one; segments without gaps are never looked at here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.places import indices
from analysis.segments import ACK
from analysis.stretches import STEP, first_in_each, places

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.reach import Reach
    from analysis.segments import Segments

HALF: Final = np.uint32(1 << 31)
LAST: Final = 1 << 62
"""Behind all rows of a batch."""


def is_single(many: NDArray[np.int64], carried: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which ends have a single gap, by how many open in the batch, and whether one did before."""
    single: NDArray[np.bool_] = (many == 1) & ~carried
    return single


class Gaps:
    """The gaps of a batch.

    Afterwards `closing` are the places of segments that acknowledge past a gap, and `open` (bool, (n,)) says at which
    segments a gap of the other end's numbers is open.
    """

    def __init__(self, s: Segments) -> None:
        self._s = s
        self.closing: list[int] = []
        self.open = np.zeros(len(s), np.bool_)

    def follow(
        self, reach: Reach, opens: NDArray[np.int64], limit: NDArray[np.uint32], known: NDArray[np.uint32]
    ) -> NDArray[np.uint32]:
        """Where the gap of each end begins that is open after the batch, uint32 (2G,); 0 for none.

        `opens` are the places of segments that would open one, ascending; `limit` and `known` (2G,) the same and the
        highest number of each end before the batch.
        """
        s = self._s
        carried = limit != known
        if not len(opens) and not carried.any():
            return np.zeros(len(limit), np.uint32)
        slots = s.side[opens]
        many = np.bincount(slots, minlength=len(limit))
        single = is_single(many, carried)
        alone = indices(single[slots])
        still = self._follow_single(opens[alone], reach.next[opens[alone]])
        sides = indices(((many > 0) | carried) & ~single)
        low, high = slots.searchsorted(sides), slots.searchsorted(sides + 1)
        at, starts = opens.tolist(), reach.next[opens].tolist()
        for side, first, last in zip(sides.tolist(), low.tolist(), high.tolist(), strict=True):
            start = int(limit[side]) if carried[side] else 0
            still[side] = self._follow_one(side, at[first:last], starts[first:last], start)
        return still

    def _follow_single(self, opens: NDArray[np.int64], start: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Follow, all at once, the gaps of ends that have one only; the result is that of `follow`."""
        s = self._s
        side = s.side[opens]
        following = start + np.uint32(1)

        def fills(place: NDArray[np.int64], of: NDArray[np.int64]) -> NDArray[np.bool_]:
            found: NDArray[np.bool_] = s.sequence[place] == start[of]
            return found

        def passes(place: NDArray[np.int64], of: NDArray[np.int64]) -> NDArray[np.bool_]:
            found: NDArray[np.bool_] = s.acknowledgment[place] - following[of] < HALF
            found &= s.flags[place] & ACK != 0
            return found

        begin, end = s.after(s.other[opens], side ^ 1), s.begin[(side ^ 1) + 1]
        filled = first_in_each(opens + 1, s.begin[side + 1], fills)
        passed = first_in_each(begin, end, passes)
        row = np.append(s.row, LAST)  # the last for "there is none"
        closed = row[passed] < row[filled]
        self.closing += passed[closed].tolist()
        until = np.where(closed, passed, end)
        until[filled >= 0] = np.minimum(until, s.after(s.other[filled], side ^ 1))[filled >= 0]
        self.open[places(begin, until)[0]] = True
        still = np.zeros(len(s.ends), np.uint32)
        still[side] = start * ((filled < 0) & (passed < 0))
        return still

    def _follow_one(self, side: int, openings: list[int], starts: list[int], start: int) -> int:
        """Follow the gaps of one end; `start` is where the one begins that is open before the batch, or 0."""
        row = -1  # of the segment that was looked at last
        turn = 0
        while True:
            if not start:
                while turn < len(openings) and self._s.row[openings[turn]] <= row:
                    turn += 1
                if turn == len(openings):
                    return 0
                row, start = int(self._s.row[openings[turn]]), starts[turn]
            begin, row = self._after(side ^ 1, row), self._end_of(side, start, row)
            if row < 0:
                self.open[begin : self._s.begin[(side ^ 1) + 1]] = True
                return start
            self.open[begin : self._after(side ^ 1, row - 1)] = True
            start = 0

    def _end_of(self, side: int, start: int, row: int) -> int:
        """Row of the segment that ends the gap which begins at `start`, the first after `row`; -1: none does."""
        s, step = self._s, STEP
        number, following = np.uint32(start), np.uint32((start + 1) & 0xFFFFFFFF)
        own, other = self._after(side, row), self._after(side ^ 1, row)
        while True:
            row = min(self._row(own + step - 1, side), self._row(other + step - 1, side ^ 1))
            mine, theirs = slice(own, self._after(side, row)), slice(other, self._after(side ^ 1, row))
            filled = _first(mine, s.sequence[mine] == number)
            past = (s.acknowledgment[theirs] - following < HALF) & (s.flags[theirs] & ACK != 0)
            passed = _first(theirs, past)
            if filled >= 0 and (passed < 0 or s.row[filled] < s.row[passed]):
                return int(s.row[filled])
            if passed >= 0:
                self.closing.append(passed)
                return int(s.row[passed])
            if row == LAST:
                return -1
            own, other, step = mine.stop, theirs.stop, 2 * step

    def _after(self, side: int, row: int) -> int:
        """Place of an end's first segment after a row of the batch."""
        begin, end = self._s.begin[side], self._s.begin[side + 1]
        return int(begin + np.searchsorted(self._s.row[begin:end], row, "right"))

    def _row(self, place: int, side: int) -> int:
        """Row of the segment at a place, `LAST` if its end has none there."""
        return int(self._s.row[place]) if place < self._s.begin[side + 1] else LAST


def _first(part: slice, found: NDArray[np.bool_]) -> int:
    """The first place of the part that was found, -1 for none."""
    first = int(found.argmax()) if len(found) else 0
    return part.start + first if len(found) and found[first] else -1
