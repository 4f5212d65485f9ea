"""Ends that gave another first number in a later SYN,ACK: from there on, their relative numbers count from that.

Wireshark's rule. It takes the SYN,ACK for the same connection's, where ports were reused and the new SYN was not
captured, or somebody forged one; numbers that went on from the first would be far off.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.snapshot import Snapshot
    from capture.columns import Columns

RENUMBERED: Final = {"packet": np.int64, "end": np.int64, "sequence": np.uint32}
MOST: Final = 65_536
"""SYN,ACKs that are noted; a crafted capture could have them without end. Numbers count from the last one noted."""


@dataclass(frozen=True)
class Renumbered:
    """K SYN,ACKs in capture order: rows of the packet table, 2 * row + end of their senders, and their numbers."""

    packet: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    end: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    sequence: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))

    def latest(self, end: int, packet: int) -> int | None:
        """The number that an end gave in the last of these up to a packet; None: in none of them."""
        if not len(self.packet):
            return None
        keys, order = self._sorted
        place = int(np.searchsorted(keys, _key(end, packet), "right")) - 1
        if place < 0 or self.end[order[place]] != end:
            return None
        return int(self.sequence[order[place]])

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        keys = self.end << 32 | self.packet
        order = keys.argsort()
        return keys[order], order


def _key(end: int, packet: int) -> int:
    return end << 32 | packet


def note_renumbered(
    table: Columns, packet: NDArray[np.int32], end: NDArray[np.int64], sequence: NDArray[np.uint32]
) -> None:
    """Add SYN,ACKs of another number, in capture order, to a table with the columns `RENUMBERED`."""
    room = MOST - len(table)
    table.extend({"packet": packet[:room], "end": end[:room], "sequence": sequence[:room]})


def renumbered_of(table: Columns) -> Renumbered:
    """What has been noted so far."""
    return Renumbered(**dict(table.items()))


def initial_at(snapshot: Snapshot, connection: int, end: int, packet: int) -> int | None:
    """What the relative numbers of an end (0 for a, 1 for b) count from in a packet; None where that is not known."""
    c = snapshot.connections
    if not c.sequence_known[connection, end]:
        return None
    latest = snapshot.renumbered.latest(2 * connection + end, packet)
    return int(c.initial_sequence[connection, end]) if latest is None else latest
