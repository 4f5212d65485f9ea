"""The packets of one batch in the order that all of the analysis shares: connection by connection, and end by end.

Connections of one batch are pairs of endpoints, but for the few that were opened anew in it: whoever knows the pairs
can put their packets in order, whatever numbers the connections get.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.places import indices, run_sizes, run_starts

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Order:
    """The rows of a batch end by end: first the segments that may be judged, then all other packets in the same way.

    Of the batch's C connections, in the order of their last packets, E ends have packets in either part.
    """

    row: NDArray[np.int64]  # (N,) row in the batch
    judged: int  # how many of them are segments that may be judged
    begin: NDArray[np.int64]  # (E + 1,) where each end's stretch begins; those of judged segments come first
    connection: NDArray[np.int64]  # (E,) which of the connections it is an end of
    side: NDArray[np.int64]  # (E,) 0 for a, 1 for b
    judged_ends: int  # how many of them are of judged segments
    turn: NDArray[np.int64]  # (judged,) places in `row`: connection by connection as in `row`, but in capture order
    other: NDArray[np.int64]  # (judged,) place of the other end's last segment before, as `analysis.segments` has it
    last: NDArray[np.int64]  # (C,) row of the last packet of each connection, ascending
    from_b: NDArray[np.bool_]  # (N,) by row, what it was made of: whether b sent it


class Orderer:
    """Makes the order of one batch after the other."""

    def __init__(self) -> None:
        self._last = np.zeros(0, np.uint16)  # by connection: room to find the last packet of each in

    def order(self, connection: NDArray[np.int64], from_b: NDArray[np.bool_], judged: NDArray[np.bool_]) -> Order:
        """The order of a batch by any numbers of its packets' connections, int64 (N,), not negative.

        `judged` (bool, (N,)) are the segments that may be judged.
        """
        count = len(connection)
        last, group = self._groups(connection)
        group += len(last) * ~judged
        key, groups = _dense(group, 2 * len(last))
        # 16 bits sort by radix, which is several times faster than comparing wider keys.
        in_turn = key.argsort(kind="stable")
        start = run_starts(key.take(in_turn))
        size = run_sizes(start, count)
        # Where a packet stands follows from how many of either end there were in its connection so far.
        by_b = from_b.take(in_turn)
        of_b = by_b.cumsum()
        of_b -= (of_b[start] - by_b[start]).repeat(size)
        sizes = np.empty((len(start), 2), np.int64)
        sizes[:, 1] = of_b[start + size - 1]
        sizes[:, 0] = size - sizes[:, 1]
        begin = np.empty_like(sizes)
        begin[:, 0] = start
        begin[:, 1] = start + sizes[:, 0]
        last_of_a = np.arange(count) - of_b
        last_of_b = of_b + (begin[:, 1] - 1).repeat(size)
        place = np.where(by_b, last_of_b, last_of_a)
        row = np.empty(count, np.int64)
        row[place] = in_turn
        judged_groups = int(groups.searchsorted(len(last)))
        judged_count = int(size[:judged_groups].sum())
        told = np.where(by_b, last_of_a, last_of_b)[:judged_count]
        alone = indices(((of_b == 0) | (last_of_a < start.repeat(size)))[:judged_count])
        told[alone] = judged_count + 2 * (start.searchsorted(alone, "right") - 1) + ~by_b[alone]
        other = np.empty(judged_count, np.int64)
        other[place[:judged_count]] = told
        there = sizes.ravel() > 0
        return Order(
            row=row,
            judged=judged_count,
            begin=np.append(begin.ravel()[there], count),
            connection=(groups % len(last)).repeat(2)[there],
            side=indices(there) & 1,
            judged_ends=int(there[: 2 * judged_groups].sum()),
            turn=place[:judged_count],
            other=other,
            last=last,
            from_b=from_b,
        )

    def _groups(self, connection: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The last row of each connection, ascending, and for each row which of them is its connection's."""
        highest = int(connection.max())
        if highest >= len(self._last):
            self._last = np.zeros(2 * highest + 1024, np.uint16)
        row = np.arange(len(connection), dtype=np.uint16)
        self._last[connection] = row
        name = self._last.take(connection)
        last = indices(name == row)
        number = np.empty(len(connection), np.int64)
        number[last] = np.arange(len(last))
        return last, number.take(name.astype(np.int64))


def _dense(code: NDArray[np.int64], size: int) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """Codes below `size` numbered anew without gaps, uint16, and the codes that occur, ascending.

    There are at most 65,536 rows (capture.batch.MAX_BATCH), so that the numbers fit 16 bits.
    """
    present = np.zeros(size, np.bool_)
    present[code] = True
    codes = indices(present)
    number = np.empty(size, np.uint16)
    number[codes] = np.arange(len(codes))
    return number.take(code), codes
