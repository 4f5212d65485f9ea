"""The TCP segments of one batch in an order that every judgement shares, and the batch's packets in the same.

The packets of one end stand together, in capture order, and a connection's a before its b. That makes an end's segment
before a step back, and a sum over an end a sum over a stretch; how both ends' segments took turns is a second order
beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analysis.places import indices, run_sizes, run_starts
from capture.protocol import Flag, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.streams import Assignment
    from capture.batch import Batch
    from capture.headers import Headers

SYN: Final = np.uint16(Flag.SYN)
FIN: Final = np.uint16(Flag.FIN)
RST: Final = np.uint16(Flag.RST)
ACK: Final = np.uint16(Flag.ACK)
SYN_ACK: Final = SYN | ACK
NOT_ANALYSED: Final = np.uint16(Flag.NOT_ANALYSED)


@dataclass(frozen=True, slots=True)
class Order:
    """The rows of a batch end by end: first the segments that may be judged, then all other packets in the same way."""

    row: NDArray[np.int64]  # (N,) row in the batch
    judged: int  # how many of them are segments that may be judged
    begin: NDArray[np.int64]  # (E + 1,) where each end's stretch begins; those of judged segments come first
    end: NDArray[np.int64]  # (E,) the end: 2 * row of the connection table + 0 for a, 1 for b
    judged_ends: int  # how many of them are of judged segments
    turn: NDArray[np.int64]  # (judged,) places in `row`: connection by connection as in `row`, but in capture order
    other: NDArray[np.int64]  # (judged,) as in `Segments`
    connection: NDArray[np.int64]  # rows of the connection table of all connections of the batch
    last: NDArray[np.int64]  # row in the batch of the last packet of each


class Orderer:
    """Makes the order of one batch after the other."""

    def __init__(self) -> None:
        self._last = np.zeros(0, np.uint16)  # by connection: room to find the last packet of each in

    def order(self, assigned: Assignment, judged: NDArray[np.bool_]) -> Order:
        """The order of a batch; `judged` (bool, (N,)) are the segments that may be judged."""
        count = len(judged)
        index = np.arange(count)
        last, group = self._groups(assigned.connection, index)
        group += len(last) * ~judged
        key, groups = _dense(group, 2 * len(last))
        # 16 bits sort by radix, which is several times faster than comparing wider keys.
        in_turn = key.argsort(kind="stable")
        key, from_b = key.take(in_turn), assigned.from_b.take(in_turn)
        start = run_starts(key)
        size = run_sizes(start, count)
        # Where a packet stands follows from how many of either end there were in its connection so far.
        of_b = from_b.cumsum()
        of_b -= (of_b[start] - from_b[start]).repeat(size)
        sizes = np.empty((len(start), 2), np.int64)
        sizes[:, 1] = of_b[start + size - 1]
        sizes[:, 0] = size - sizes[:, 1]
        begin = np.empty_like(sizes)
        begin[:, 0] = start
        begin[:, 1] = start + sizes[:, 0]
        last_of_a = index - of_b
        last_of_b = of_b + (begin[:, 1] - 1).repeat(size)
        place = np.where(from_b, last_of_b, last_of_a)
        row = np.empty(count, np.int64)
        row[place] = in_turn
        judged_groups = int(groups.searchsorted(len(last)))
        judged_count = int(size[:judged_groups].sum())
        turn = place[:judged_count]
        told = np.where(from_b, last_of_a, last_of_b)[:judged_count]
        alone = indices(((of_b == 0) | (last_of_a < start.repeat(size)))[:judged_count])
        told[alone] = judged_count + 2 * key[alone].astype(np.int64) + ~from_b[alone]
        other = np.empty(judged_count, np.int64)
        other[turn] = told
        connections = assigned.connection[last]
        end = 2 * connections[groups % len(last), None] + np.arange(2)
        there = sizes > 0
        return Order(
            row=row,
            judged=judged_count,
            begin=np.append(begin[there], count),
            end=end[there],
            judged_ends=int(there[:judged_groups].sum()),
            turn=turn,
            other=other,
            connection=connections,
            last=last,
        )

    def _groups(
        self, connection: NDArray[np.int64], index: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The last row of each connection, ascending, and for each row which of them is its connection's."""
        highest = int(connection.max())
        if highest >= len(self._last):
            self._last = np.zeros(2 * highest + 1024, np.uint16)
        short = index.astype(np.uint16)
        self._last[connection] = short
        name = self._last.take(connection)
        last = indices(name == short)
        number = np.empty(len(index), np.int64)
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


@dataclass(frozen=True, slots=True)
class Segments:
    """n segments that may be judged, of the 2G ends of G connections: those of one end together, in capture order.

    Places are indices of these arrays; n + side stands for the last segment of an end before the batch.
    """

    row: NDArray[np.int64]  # (n,) row in the batch
    side: NDArray[np.int64]  # (n,) which of the 2 G ends sent it: twice the connection's index, 1 more for b
    flags: NDArray[np.uint16]
    sequence: NDArray[np.uint32]
    acknowledgment: NDArray[np.uint32]
    window: NDArray[np.uint16]
    length: NDArray[np.uint32]  # payload, bytes
    begin: NDArray[np.int64]  # (2G + 1,) place where each end's segments begin
    size: NDArray[np.int64]  # (2G,) how many it has
    owner: NDArray[np.int64]  # (H,) the ends that have segments
    head: NDArray[np.int64]  # (H,) place of the first of them
    last: NDArray[np.int64]  # (H,) place of the last
    turn: NDArray[np.int64]  # (n,) places in capture order, connection by connection
    other: NDArray[np.int64]  # (n,) place of the other end's last segment before it
    opening_turn: NDArray[np.int64]  # where in `turn` the segments with SYN stand, ascending
    opening: NDArray[np.int64]  # and their places
    connection: NDArray[np.int64]  # (G,) row of the connection table
    ends: NDArray[np.int64]  # (2G,) the ends' places in the connection table's columns, taken flat
    first_row: int  # row in the packet table of the batch's first packet
    times: NDArray[np.int64]  # (N,) when the batch's packets came, by row: few are asked for

    def __len__(self) -> int:
        return len(self.row)

    def packet(self, at: NDArray[np.int64]) -> NDArray[np.int32]:
        """Rows in the packet table of the segments at these places."""
        return (self.first_row + self.row[at]).astype(np.int32)

    def time_ns(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """When the segments at these places came."""
        return self.times[self.row[at]]

    def having(self, flag: np.uint16) -> NDArray[np.int64]:
        """Places of the segments that carry a flag."""
        return indices((self.flags & flag) != 0)

    def shifted(self, values: NDArray[Any], carried: NDArray[Any]) -> NDArray[Any]:
        """Each segment's value of `values` (n,) one segment of its end before; `carried` (2G,) has the heads'."""
        earlier = np.empty_like(values)
        earlier[1:] = values[:-1]
        earlier[self.head] = carried[self.owner]
        return earlier

    def repeated(self, of_end: NDArray[Any]) -> NDArray[Any]:
        """Each segment's value of one that its end has; `of_end` is (2G,)."""
        return of_end.repeat(self.size)

    def after(self, place: NDArray[np.int64], side: NDArray[np.int64]) -> NDArray[np.int64]:
        """Place of the next segment of these ends after one of theirs, which may be one from before the batch."""
        following: NDArray[np.int64] = np.where(place < len(self), place + 1, self.begin[side])
        return following

    def places_of(self, sides: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All places of some ends (which have segments), end by end, and where each end's begin among them."""
        begin, size = self.begin[sides], self.begin[sides + 1] - self.begin[sides]
        heads = size.cumsum() - size
        return np.arange(size.sum()) + np.repeat(begin - heads, size), heads

    def first_but(self, exceptions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Place of each end's first segment, (2G,), that is none of the `exceptions` (ascending, few); n for none."""
        first = self.begin[:-1].copy()
        if len(exceptions):
            first += self._leading(exceptions)
        first[indices(first == self.begin[1:])] = len(self)
        return first

    def _leading(self, exceptions: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many of each end's first segments, (2G,), are among the exceptions."""
        side = self.side[exceptions]
        begins = run_starts(side)
        rank = np.arange(len(side)) - begins.repeat(run_sizes(begins, len(side)))
        leading = side[indices(exceptions - self.begin[side] == rank)]
        return np.bincount(leading, minlength=len(self.ends))


def is_tcp_packet(headers: Headers) -> NDArray[np.bool_]:
    """Which packets are TCP segments."""
    found: NDArray[np.bool_] = (headers.protocol == Protocol.TCP4) | (headers.protocol == Protocol.TCP6)
    return found


def segments_of(batch: Batch, headers: Headers, order: Order, first_row: int) -> Segments:
    """The segments that may be judged, in their order."""
    count = order.judged
    row = order.row[:count]
    end, head = order.end[: order.judged_ends], order.begin[: order.judged_ends]
    last = order.begin[1 : order.judged_ends + 1] - 1
    first = run_starts(end >> 1)
    connection = end[first] >> 1
    owner = 2 * np.repeat(np.arange(len(first)), run_sizes(first, len(end))) + (end & 1)
    size = np.zeros(2 * len(connection), np.int64)
    size[owner] = last + 1 - head
    begin = np.concatenate(([0], size.cumsum()))
    side = np.repeat(np.arange(len(size)), size)
    flags = headers.flags.take(row)
    opening_turn = indices((flags & SYN != 0).take(order.turn))
    return Segments(
        row=row,
        side=side,
        flags=flags,
        sequence=headers.sequence.take(row),
        acknowledgment=headers.acknowledgment.take(row),
        window=headers.window.take(row),
        length=headers.payload_length.take(row),
        begin=begin,
        size=size,
        owner=owner,
        head=head,
        last=last,
        turn=order.turn,
        other=order.other,
        opening_turn=opening_turn,
        opening=order.turn[opening_turn],
        connection=connection,
        ends=(2 * connection[:, None] + np.arange(2)).ravel(),
        first_row=first_row,
        times=batch.time_ns,
    )


def is_tcp(protocol: int) -> bool:
    """Whether a connection's `protocol` is TCP."""
    return protocol in (Protocol.TCP4, Protocol.TCP6)


def is_udp(protocol: int) -> bool:
    """Whether a conversation's `protocol` is UDP."""
    return protocol in (Protocol.UDP4, Protocol.UDP6)
