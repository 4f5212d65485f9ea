"""The packets of one batch in the order that all of the analysis shares: connection by connection, and end by end.

That takes two steps. Packets are put connection by connection, in capture order (`Turns`): connections of one batch are
pairs of endpoints, but for the few that were opened anew in it, so that whoever knows the pairs can do that. Then those
of either end are put together (`Order`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.places import indices, run_sizes, run_starts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.streams import Assignment


@dataclass(frozen=True, slots=True)
class Turns:
    """The rows of a batch of C connections: first the segments that may be judged, then all other packets.

    Either part is connection by connection, and these are in the order of their last packets: K groups in all.
    """

    row: NDArray[np.int64]  # (N,) row in the batch
    begin: NDArray[np.int64]  # (K,) where in `row` each group begins
    of: NDArray[np.int64]  # (K,) which of the C connections it is of
    judged: int  # how many of the groups are of segments that may be judged
    last: NDArray[np.int64]  # (C,) row of the last packet of each connection, ascending


@dataclass(frozen=True, slots=True)
class Order:
    """The rows of a batch end by end: first the segments that may be judged, then all other packets in the same way."""

    row: NDArray[np.int64]  # (N,) row in the batch
    judged: int  # how many of them are segments that may be judged
    begin: NDArray[np.int64]  # (E + 1,) where each end's stretch begins; those of judged segments come first
    end: NDArray[np.int64]  # (E,) the end: 2 * row of the connection table + 0 for a, 1 for b
    judged_ends: int  # how many of them are of judged segments
    turn: NDArray[np.int64]  # (judged,) places in `row`: connection by connection as in `row`, but in capture order
    other: NDArray[np.int64]  # (judged,) place of the other end's last segment before, as `analysis.segments` has it
    connection: NDArray[np.int64]  # rows of the connection table of all connections of the batch
    last: NDArray[np.int64]  # row in the batch of the last packet of each


class Grouper:
    """Groups the packets of one batch after the other."""

    def __init__(self) -> None:
        self._last = np.zeros(0, np.uint16)  # by connection: room to find the last packet of each in

    def turns(self, connection: NDArray[np.int64], judged: NDArray[np.bool_]) -> Turns:
        """The packets of a batch by any numbers of their connections, int64 (N,), not negative.

        `judged` (bool, (N,)) are the segments that may be judged.
        """
        last, group = self._groups(connection)
        group += len(last) * ~judged
        key, groups = _dense(group, 2 * len(last))
        # 16 bits sort by radix, which is several times faster than comparing wider keys.
        row = key.argsort(kind="stable")
        return Turns(
            row=row,
            begin=run_starts(key.take(row)),
            of=groups % len(last),
            judged=int(groups.searchsorted(len(last))),
            last=last,
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


def order_of(turns: Turns, assigned: Assignment) -> Order:
    """The packets of a batch end by end. Its connections are those that the turns were made of."""
    count = len(turns.row)
    start = turns.begin
    size = run_sizes(start, count)
    from_b = assigned.from_b.take(turns.row)
    # Where a packet stands follows from how many of either end there were in its connection so far.
    of_b = from_b.cumsum()
    of_b -= (of_b[start] - from_b[start]).repeat(size)
    sizes = np.empty((len(start), 2), np.int64)
    sizes[:, 1] = of_b[start + size - 1]
    sizes[:, 0] = size - sizes[:, 1]
    begin = np.empty_like(sizes)
    begin[:, 0] = start
    begin[:, 1] = start + sizes[:, 0]
    last_of_a = np.arange(count) - of_b
    last_of_b = of_b + (begin[:, 1] - 1).repeat(size)
    place = np.where(from_b, last_of_b, last_of_a)
    row = np.empty(count, np.int64)
    row[place] = turns.row
    judged = int(size[: turns.judged].sum())
    told = np.where(from_b, last_of_a, last_of_b)[:judged]
    alone = indices(((of_b == 0) | (last_of_a < start.repeat(size)))[:judged])
    told[alone] = judged + 2 * (start.searchsorted(alone, "right") - 1) + ~from_b[alone]
    other = np.empty(judged, np.int64)
    other[place[:judged]] = told
    connection = assigned.connection[turns.last]
    end = 2 * connection[turns.of, None] + np.arange(2)
    there = sizes > 0
    return Order(
        row=row,
        judged=judged,
        begin=np.append(begin[there], count),
        end=end[there],
        judged_ends=int(there[: turns.judged].sum()),
        turn=place[:judged],
        other=other,
        connection=connection,
        last=turns.last,
    )
