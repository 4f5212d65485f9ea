"""Which packets leave the spool of a live capture when it is full, and which of it can be saved.

Connections that are closed leave first, the one with the oldest last packet before the others; when that does not make
room enough, the oldest packets, whatever they belong to. Only whole pages of the file can be given back: a packet is
there as long as a neighbour keeps its page, and counts as gone once any byte of its block is. Rows, states and marks
stay. The newest packets never leave, and what is not analysed yet cannot.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.live.spool import PAGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from analysis.connections import Connections
    from analysis.snapshot import Snapshot
    from capture.live.feed import Feed
    from capture.live.spool import Spool
    from capture.table import Packets

HEADER: Final = 28
"""Bytes of an Enhanced Packet Block before the packet's own (pcapng, section 4.3)."""
TRAILER: Final = 4
MOST_OPTIONS: Final = 12
"""Bytes of options behind a packet: those of a direction, or none."""
AT_ONCE: Final = 32
"""This part of the spool is made free when it is full, so that little is looked at then ..."""
NEWEST: Final = 4
"""... and this part stays, whatever its packets belong to."""
DENSE: Final = 8
"""Pages are looked for where this part of a stretch is to leave: scattered more, packets hardly fill any."""
ROWS: Final = 1 << 16
"""Rows that are looked at with one step."""


class Leaving:
    """Called with each snapshot, on the thread that reads; `present` may be asked by any thread."""

    def __init__(self, feed: Feed, spool: Spool) -> None:
        self._feed, self._spool = feed, spool
        self._limit = feed.spool_bytes
        self._before = 0  # the packets of earlier rows are to leave
        self._until = np.zeros(0, np.int32)  # and of each connection those of earlier rows
        self._has_left = np.zeros(0, np.bool_)
        self._snapshot: Snapshot | None = None

    def __call__(self, snapshot: Snapshot) -> None:
        """Make room if there is not enough."""
        self._snapshot = snapshot
        if len(snapshot.packets) and self._spool.occupied > self._limit:
            try:
                with self._spool.steady:
                    self._make_room(snapshot)
            except OSError as error:
                self._feed.break_off(f"its spool is full, and cannot be made smaller: {error.strerror}")
            if self._spool.occupied > self._limit + self._limit // NEWEST:
                self._feed.break_off("packets came faster than they could be analysed, and its spool is full")

    def _make_room(self, snapshot: Snapshot) -> None:
        packets, wanted = snapshot.packets, self._limit - self._limit // AT_ONCE
        newest = int(np.searchsorted(packets.offset, int(packets.offset[-1]) - self._limit // NEWEST))
        first, last = self._close(snapshot, newest, self._spool.occupied - wanted)
        self._give_back(snapshot, first, last)
        while (needed := self._spool.occupied - wanted) > 0 and self._before < newest:
            old = self._before
            at = int(np.searchsorted(packets.offset, int(packets.offset[old]) + needed, side="right"))
            self._before = min(max(at, old + 1), newest)
            self._give_back(snapshot, old, self._before)
        self._spool.left = replace(self._spool.left, connections=int(np.count_nonzero(self._has_left)))
        packets.let_go()

    def _close(self, snapshot: Snapshot, newest: int, needed: int) -> tuple[int, int]:
        """Tell closed connections to leave, for so many bytes; the rows between which that may have made pages free."""
        connections, offset = snapshot.connections, snapshot.packets.offset
        self._until = _grown(self._until, len(connections))
        last = np.asarray(connections.last_packet)
        here = np.flatnonzero(_closed(connections) & (self._until <= last) & (last < newest))
        here = here[np.argsort(last[here], kind="stable")]
        sizes = np.asarray(connections.bytes)[here].sum(axis=1, dtype=np.int64)
        sizes += np.asarray(connections.packets)[here].sum(axis=1, dtype=np.int64) * (HEADER + TRAILER)
        here = here[: int(np.searchsorted(np.cumsum(sizes), needed)) + 1]
        if not len(here):
            return 0, 0
        begin = max(int(np.maximum(np.asarray(connections.first_packet)[here], self._until[here]).min()), self._before)
        end = int(last[here].max()) + 1
        self._until[here] = last[here] + 1
        if begin >= end or int(sizes[: len(here)].sum()) < (int(offset[end - 1]) - int(offset[begin])) // DENSE:
            return 0, 0  # they make no page free; their neighbours will, when they leave
        return begin, end

    def _give_back(self, snapshot: Snapshot, first: int, end: int) -> None:
        """Give back the pages whose packets are all to leave, from row `first` to before `end`."""
        packets = snapshot.packets
        if first >= end:
            return
        for at in range(first, end, ROWS):
            # What leaves shares pages with what was told to leave earlier, or is looked at with another step.
            rows = _with_neighbours(packets, at, min(at + ROWS, end))
            begins, ends = _blocks(packets, rows)
            leaving = self._leaving(packets.connection[rows], rows.start)
            joined = leaving[1:] & leaving[:-1] & (begins[1:] == ends[:-1])
            starts = np.flatnonzero(leaving & ~np.append(False, joined))
            stops = np.flatnonzero(leaving & ~np.append(joined, False))
            self._punch(packets, begins[starts], ends[stops])

    def _leaving(self, connection: NDArray[np.int32], first: int) -> NDArray[np.bool_]:
        """Which packets, those of rows from `first` on, are to leave."""
        row = np.arange(first, first + len(connection))
        known = np.append(self._until, 0)  # the last one for packets without a connection
        leaving: NDArray[np.bool_] = (row < self._before) | (row < known[connection])
        return leaving

    def _punch(self, packets: Packets, begins: NDArray[np.int64], ends: NDArray[np.int64]) -> None:
        """Give back the whole pages of these stretches, and count what leaves."""
        begins, ends = -(-begins // PAGE) * PAGE, ends // PAGE * PAGE
        worth = begins < ends
        for begin, end in zip(begins[worth].tolist(), ends[worth].tolist(), strict=True):
            for start, stop in list(self._spool.stretches(begin, end)):
                rows = self._broken(packets, start, stop)
                self._spool.punch(start, stop)
                self._has_left = _grown(self._has_left, int(self._until.size))
                connection = packets.connection[rows]
                self._has_left[connection[connection >= 0]] = True
                left = self._spool.left
                self._spool.left = replace(
                    left, packets=left.packets + rows.stop - rows.start, bytes=left.bytes + stop - start
                )

    def _broken(self, packets: Packets, start: int, stop: int) -> slice:
        """The rows of whole packets that have bytes between two places."""
        first = int(np.searchsorted(packets.offset, start + HEADER, side="right")) - 1
        last = int(np.searchsorted(packets.offset, stop + HEADER, side="left")) - 1
        if int(packets.offset[first]) - HEADER < start and self._spool.is_hole(start - 1):
            first += 1
        if int(_blocks(packets, slice(last, last + 1))[1][0]) > stop and self._spool.is_hole(stop):
            last -= 1
        return slice(first, max(last + 1, first))

    def present(self, length: int) -> list[tuple[int, int]]:
        """Stretches of the first `length` bytes of the spool that hold whole blocks: from, to, ascending."""
        if self._snapshot is None or not len(self._snapshot.packets):
            return [(0, length)]
        packets = self._snapshot.packets
        found = []
        for start, stop in self._spool.stretches(0, length):
            begin, end = start, stop
            if start > 0:
                begin = int(packets.offset[np.searchsorted(packets.offset, start + HEADER)]) - HEADER
            if stop < length:
                last = int(np.searchsorted(packets.offset, stop + HEADER)) - 1
                begins, ends = _blocks(packets, slice(last, last + 1))
                end = int(begins[0]) if ends[0] > stop else stop
            if begin < end:
                found.append((begin, end))
        return found


def making_room(feed: Feed) -> Callable[[Snapshot], None]:
    """What a session of this capture calls with each snapshot: to make room in its spool, if that is bounded so."""
    if feed.spool is None or not feed.spool.gives_back:
        return lambda _: None
    leaving = Leaving(feed, feed.spool)
    feed.present = leaving.present
    return leaving


def _closed(connections: Connections) -> NDArray[np.bool_]:
    """Connections that both ends have closed, or one has reset."""
    fins, resets = np.asarray(connections.fin_acked_packet) >= 0, np.asarray(connections.rst_packet) >= 0
    closed: NDArray[np.bool_] = (fins[:, 0] & fins[:, 1]) | resets[:, 0] | resets[:, 1]
    return closed


def _with_neighbours(packets: Packets, first: int, end: int) -> slice:
    """These rows, and those beside them that may lie in the same pages: one at least."""
    low = int(np.searchsorted(packets.offset, int(packets.offset[first]) - PAGE)) - 1
    high = int(np.searchsorted(packets.offset, int(packets.offset[end - 1]) + PAGE)) + 2
    return slice(max(low, 0), min(high, len(packets)))


def _blocks(packets: Packets, rows: slice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the blocks of these packets begin and end in the file."""
    offset = packets.offset[rows]
    captured = packets.captured_length[rows].astype(np.int64)
    begins = offset - HEADER
    ends = offset + (captured + 3) // 4 * 4 + TRAILER
    # With options a block is longer; where it is known where the next one begins, that tells.
    following = packets.offset[rows.start + 1 : rows.stop + 1] - HEADER
    between = following - ends[: len(following)]
    ends[: len(following)] += np.where(between <= MOST_OPTIONS, between, 0)
    return begins, ends


def _grown(column: NDArray[Any], count: int) -> NDArray[Any]:
    """The column with zeroes up to so many rows."""
    return np.concatenate((column, np.zeros(max(count - len(column), 0), column.dtype)))
