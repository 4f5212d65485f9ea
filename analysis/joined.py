"""Numbers of TCP segments that came in IP fragments (RFC 791 section 3.2, RFC 8200 section 4.5).

No packet of the capture has their header and all else in one piece, so that they are kept; every other segment is read
again when it is looked at. There are few of them: TCP avoids fragments (RFC 9293 section 3.7.2).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.places import indices
from analysis.segments import NOT_ANALYSED, is_tcp_packet
from capture.protocol import TCP_FLAGS, Flag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.details import Detail
    from capture.columns import Columns
    from capture.headers import Headers
    from capture.table import Packets

JOINED: Final = {
    "packet": np.int64,
    "sequence": np.uint32,
    "acknowledgment": np.uint32,
    "window": np.uint16,
}
REASSEMBLED: Final = np.uint16(Flag.REASSEMBLED)


@dataclass(frozen=True, slots=True)
class Joined:
    """K segments: `packet` are rows of the packet table, ascending, of the fragments that completed them."""

    packet: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    sequence: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))
    acknowledgment: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))
    window: NDArray[np.uint16] = field(default_factory=lambda: np.zeros(0, np.uint16))  # as sent

    def put_into(self, detail: Detail, packets: Packets) -> Detail:
        """The detail of a packet with the numbers of the segment that it completed, if it is one of them."""
        place = int(np.searchsorted(self.packet, detail.packet))
        if place == len(self.packet) or self.packet[place] != detail.packet:
            return detail
        return replace(
            detail,
            sequence=int(self.sequence[place]),
            acknowledgment=int(self.acknowledgment[place]),
            window=int(self.window[place]),
            flags=int(packets.flags[detail.packet]) & TCP_FLAGS,
        )


def keep_joined(headers: Headers, first_row: int, table: Columns) -> None:
    """Add those of a batch to a table with the columns `JOINED`; `first_row` is the batch's first packet."""
    there = headers.flags & (REASSEMBLED | NOT_ANALYSED) == REASSEMBLED
    if not there.any():
        return
    rows = indices(there & is_tcp_packet(headers))
    table.extend(
        {
            "packet": first_row + rows,
            "sequence": headers.sequence[rows],
            "acknowledgment": headers.acknowledgment[rows],
            "window": headers.window[rows],
        }
    )


def joined_of(table: Columns) -> Joined:
    """What has been kept so far."""
    return Joined(**dict(table.items()))
