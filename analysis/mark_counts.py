"""How often each mark was set, by connection and end: one pass over the packets, sparse since most have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.marks import NAMES, RESENT, Mark
from capture.protocol import Flag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from capture.table import Packets


class MarkCounts:
    """The counts of all connections of a snapshot's packets."""

    def __init__(self, packets: Packets) -> None:
        marked = np.flatnonzero(packets.marks)
        of_b = (packets.flags[marked] & int(Flag.FROM_B)) != 0
        end = packets.connection[marked].astype(np.int64) * 2 + of_b
        order = np.argsort(end, kind="stable")
        self._end = end[order]
        marks = packets.marks[marked[order]]
        self._marks = marks | np.where(marks & np.uint32(RESENT), np.uint32(Mark.RETRANSMISSION), np.uint32(0))

    def of_each(self, ends: Sequence[tuple[int, int]]) -> Iterator[tuple[str, list[int]]]:
        """The counts of some connections' ends (0: a, 1: b), by mark; retransmissions with fast and spurious."""
        wanted = np.array([connection * 2 + end for connection, end in ends], np.int64)
        low, high = np.searchsorted(self._end, wanted, side="left"), np.searchsorted(self._end, wanted, side="right")
        size = high - low
        owner = np.repeat(np.arange(len(ends)), size)
        marks = self._marks[np.arange(len(owner)) + np.repeat(low - (np.cumsum(size) - size), size)]
        for mark, name in NAMES.items():
            set_by = owner[(marks & np.uint32(mark)) != 0]
            yield name, np.bincount(set_by, minlength=len(ends)).tolist()
