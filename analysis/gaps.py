"""Gaps in what was captured of an end's numbers, and the acknowledgments that show what is missing.

A gap opens when an end goes on at another number than the next one. It lasts until a segment begins where the gap does,
or the other end acknowledges what lies beyond: that acknowledgment is Wireshark's "ACKed unseen segment". One gap is
told once, and one that opens inside it is part of it, so that each is followed by itself; segments without gaps are
never looked at here.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.segments import ACK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.ends import Ends
    from analysis.reach import Reach
    from analysis.segments import Segments

HALF: Final = np.uint32(1 << 31)
STEP: Final = 64
"""Segments that are searched at first; each time nothing is found, twice as many."""


class Gaps:
    """The gaps of a batch.

    Afterwards `closing` (bool, (K,)) says which segments of `s` acknowledge past a gap, and `open` (bool, (2, K)) at
    which ones a gap of a's and of b's numbers is open.
    """

    def __init__(self, s: Segments) -> None:
        self._s = s
        self._ack = s.has(ACK) & s.analysed
        self.closing = np.zeros(len(s), np.bool_)
        self.open = np.zeros((2, len(s)), np.bool_)

    def follow(
        self, ends: Ends, reach: Reach, opens: NDArray[np.int64], limit: NDArray[np.uint32], known: NDArray[np.uint32]
    ) -> NDArray[np.uint32]:
        """Where the gap of each end begins that is open after the batch, uint32 (2G,); 0 for none.

        `opens` are the places of segments that would open one, ascending; `limit` and `known` (2G,) the same and the
        highest number of each end before the batch.
        """
        still = np.zeros(len(limit), np.uint32)
        slots = ends.slot[opens]
        concerned = limit != known
        concerned[slots] = True
        for slot in np.flatnonzero(concerned).tolist():
            low, high = np.searchsorted(slots, (slot, slot + 1))
            mine = opens[low:high]
            still[slot] = self._follow_one(
                slot,
                ends.at[mine].tolist(),
                reach.next[mine].tolist(),
                int(limit[slot]) if limit[slot] != known[slot] else 0,
            )
        return still

    def _follow_one(self, slot: int, openings: list[int], starts: list[int], start: int) -> int:
        """Follow the gaps of one end; `start` is where the one begins that is open before the batch, or 0."""
        at = int(self._s.begin[slot // 2]) - 1
        turn = 0
        while True:
            if not start:
                turn = bisect_right(openings, at, turn)
                if turn == len(openings):
                    return 0
                at, start = openings[turn], starts[turn]
            begin, at = at + 1, self._end_of(slot, start, at + 1)
            self.open[slot % 2, begin : at if at >= 0 else int(self._s.end[slot // 2])] = True
            if at < 0:
                return start
            start = 0

    def _end_of(self, slot: int, start: int, at: int) -> int:
        """The segment that ends the gap which begins at `start`, the first of those from `at` on; -1: none does."""
        s = self._s
        stop, step = int(s.end[slot // 2]), STEP
        number = np.uint32(start)
        while at < stop:
            rows = slice(at, min(at + step, stop))
            mine = s.direction[rows] == slot % 2
            filled = mine & (s.sequence[rows] == number) & s.analysed[rows]
            past = ~mine & self._ack[rows] & (s.acknowledgment[rows] - number - np.uint32(1) < HALF)
            found = np.flatnonzero(filled | past)
            if len(found):
                self.closing[at + found[0]] = past[found[0]]
                return at + int(found[0])
            at += step
            step *= 2
        return -1
