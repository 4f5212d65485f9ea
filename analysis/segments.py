"""The TCP segments of one batch in connection order: what every judgement over connections works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

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


@dataclass(frozen=True, slots=True)
class Segments:
    """K segments of G connections: those of one connection stand together, in capture order."""

    row: NDArray[np.int64]  # (K,) row in the batch
    packet: NDArray[np.int32]  # (K,) row in the packet table
    group: NDArray[np.int64]  # (K,) which of the G connections
    direction: NDArray[np.int64]  # (K,) 0: sent by a, 1: by b
    side: NDArray[np.int64]  # (K,) which of the 2 G ends sent it: 2 * group + direction
    by_side: NDArray[np.int64]  # (K,) indices of the segments, those of one end together, in capture order
    flags: NDArray[np.uint16]
    sequence: NDArray[np.uint32]
    acknowledgment: NDArray[np.uint32]
    window: NDArray[np.uint16]
    length: NDArray[np.int64]  # payload, bytes
    time_ns: NDArray[np.int64]
    analysed: NDArray[np.bool_]  # its length is known: it may be judged
    begin: NDArray[np.int64]  # (G,) index of the connection's first segment
    end: NDArray[np.int64]  # (G,) one past its last
    connection: NDArray[np.int64]  # (G,) row of the connection table

    def __len__(self) -> int:
        return len(self.row)

    def has(self, flag: np.uint16) -> NDArray[np.bool_]:
        """Which segments carry a flag."""
        found: NDArray[np.bool_] = (self.flags & flag) != 0
        return found


def segments_of(batch: Batch, headers: Headers, assigned: Assignment, first_row: int) -> Segments:
    """Take the TCP segments out of a batch and order them by connection, keeping capture order within each."""
    tcp = np.flatnonzero((headers.protocol == Protocol.TCP4) | (headers.protocol == Protocol.TCP6))
    local, connection = dense(assigned.connection[tcp])
    # 16 bits sort by radix, which is several times faster than comparing wider keys
    order = np.argsort(local.astype(np.uint16), kind="stable")
    row = tcp[order]
    group = local[order]
    count = np.bincount(group, minlength=len(connection))
    end = np.cumsum(count)
    begin = end - count
    direction = assigned.from_b[row].astype(np.int64)
    return Segments(
        row=row,
        packet=(first_row + row).astype(np.int32),
        group=group,
        direction=direction,
        side=group * 2 + direction,
        by_side=_by_side(direction, group, begin, end),
        flags=headers.flags[row],
        sequence=headers.sequence[row],
        acknowledgment=headers.acknowledgment[row],
        window=headers.window[row],
        length=headers.payload_length[row].astype(np.int64),
        time_ns=batch.time_ns[row],
        analysed=(headers.flags[row] & np.uint16(Flag.NOT_ANALYSED)) == 0,
        begin=begin,
        end=end,
        connection=connection,
    )


def _by_side(
    direction: NDArray[np.int64], group: NDArray[np.int64], begin: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Within each group those of a, then those of b: by counting, which is quicker than sorting."""
    upto = np.concatenate((np.zeros(1, np.int64), np.cumsum(direction)))  # how many b sent before each
    index = np.arange(len(direction))
    earlier = upto[begin]
    place = np.where(direction, upto[:-1] + (end - upto[end])[group], index - upto[:-1] + earlier[group])
    order = np.empty(len(index), np.int64)
    order[place] = index
    return order


def dense(connection: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the connections of a batch from 0 without gaps: each row's number (K,), and the connections (G,).

    At most 65,536 rows (capture.batch.MAX_BATCH), so that the numbers fit 16 bits.
    """
    if not len(connection):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    low = int(connection.min())
    span = int(connection.max()) - low + 1
    if span > 16 * len(connection):
        found, local = np.unique(connection, return_inverse=True)
        return local.astype(np.int64), found.astype(np.int64)
    present = np.zeros(span, np.bool_)
    present[connection - low] = True
    number = np.cumsum(present) - 1
    return number[connection - low], np.flatnonzero(present) + low


def first_of_each(s: Segments, where: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Index of each connection's first segment for which `where` holds."""
    at = np.flatnonzero(where)
    group = s.group[at]
    first = np.ones(len(at), np.bool_)
    first[1:] = group[1:] != group[:-1]
    return at[first]


def is_tcp(protocol: int) -> bool:
    """Whether a connection's `protocol` is TCP."""
    return protocol in (Protocol.TCP4, Protocol.TCP6)


def is_udp(protocol: int) -> bool:
    """Whether a conversation's `protocol` is UDP."""
    return protocol in (Protocol.UDP4, Protocol.UDP6)
