"""How often each mark was set, by connection and end: one pass over the packets, sparse since most have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.marks import NAMES, RESENT, Mark
from capture.protocol import Flag

if TYPE_CHECKING:
    from capture.table import Packets

NONE: Final = dict.fromkeys(NAMES.values(), 0)


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

    def of(self, connection: int, end: int) -> dict[str, int]:
        """The counts of one end (0: a, 1: b) by name; retransmissions include the fast and the spurious ones."""
        low, high = np.searchsorted(self._end, (connection * 2 + end, connection * 2 + end + 1))
        if low == high:
            return dict(NONE)
        marks = self._marks[low:high]
        return {name: int(np.count_nonzero(marks & np.uint32(mark))) for mark, name in NAMES.items()}
