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

    from analysis.order import Order
    from capture.batch import Batch
    from capture.headers import Headers

SYN: Final = np.uint16(Flag.SYN)
FIN: Final = np.uint16(Flag.FIN)
RST: Final = np.uint16(Flag.RST)
ACK: Final = np.uint16(Flag.ACK)
SYN_ACK: Final = SYN | ACK
_IPV6, _TCP6 = np.uint8(1), np.uint8(Protocol.TCP6)
"""An IPv6 form is the number after its IPv4 form. With numbers of other types numpy compares 64 bits a packet."""
NOT_ANALYSED: Final = np.uint16(Flag.NOT_ANALYSED)
MALFORMED: Final = np.uint16(Flag.MALFORMED)


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
    found: NDArray[np.bool_] = (headers.protocol | _IPV6) == _TCP6
    return found


def may_be_judged(headers: Headers) -> NDArray[np.bool_]:
    """Which packets are TCP segments that may be judged: their length is known."""
    found: NDArray[np.bool_] = is_tcp_packet(headers) & (headers.flags & NOT_ANALYSED == 0)
    return found


def too_short(headers: Headers, row: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of these TCP segments have a header that says to be shorter than a header is."""
    # Such a one leaves bytes that it counts as payload; one that says to be longer than its segment leaves none.
    wrong = headers.flags[row] & (NOT_ANALYSED | MALFORMED) == NOT_ANALYSED | MALFORMED
    found: NDArray[np.bool_] = wrong & (headers.payload_length[row] > 0)
    return found


def segments_of(batch: Batch, headers: Headers, order: Order, ends: NDArray[np.int64], first_row: int) -> Segments:
    """The segments that may be judged, in their order; `ends` (E,) are its ends in the connection table."""
    count = order.judged
    row = order.row[:count]
    end, head = ends[: order.judged_ends], order.begin[: order.judged_ends]
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
