"""What findings are made from: all connections side by side, and one connection with its packets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.endpoint_pairs import closed_shortly_before
from capture.protocol import Flag, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.connections import Connections
    from analysis.examined import Examined
    from analysis.marks import Mark
    from analysis.snapshot import Snapshot


@dataclass(frozen=True)
class Overview:
    """The M connections of a snapshot, for questions that are put to all of them at once."""

    snapshot: Snapshot

    @property
    def connections(self) -> Connections:
        """The connection table."""
        return self.snapshot.connections

    @cached_property
    def tcp(self) -> NDArray[np.bool_]:
        """Which connections are TCP's."""
        protocol = self.connections.protocol
        tcp: NDArray[np.bool_] = (protocol == Protocol.TCP4) | (protocol == Protocol.TCP6)
        return tcp

    @cached_property
    def end_ns(self) -> int:
        """The time of the capture's last packet in time."""
        times = self.snapshot.packets.time_ns
        return int(times.max()) if len(times) else 0

    def of_client(self, column: NDArray[Any]) -> NDArray[Any]:
        """The client's values of a column with two values a row."""
        return np.where(self.connections.client == 1, column[:, 1], column[:, 0])

    def of_server(self, column: NDArray[Any]) -> NDArray[Any]:
        """The server's values."""
        return np.where(self.connections.client == 1, column[:, 0], column[:, 1])

    def marked(self, mark: Mark) -> NDArray[np.bool_]:
        """Which connections have a packet with one of these marks."""
        return self.with_packet(np.flatnonzero(self.snapshot.packets.marks & np.uint32(mark)))

    def with_packet(self, packets: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which connections have one of these packets."""
        found = np.zeros(len(self.connections), np.bool_)
        found[self.snapshot.packets.connection[packets]] = True
        return found

    @cached_property
    def closed(self) -> NDArray[np.bool_]:
        """Both ends sent FIN, and no reset came before the second one (as `analysis.verdict` says)."""
        c = self.connections
        fins, resets = (c.fin_packet[:, 0], c.fin_packet[:, 1]), (c.rst_packet[:, 0], c.rst_packet[:, 1])
        last = np.maximum(*fins)
        in_time = [(reset < 0) | (reset > last) for reset in resets]
        closed: NDArray[np.bool_] = (np.minimum(*fins) >= 0) & in_time[0] & in_time[1]
        return closed

    @cached_property
    def before_it(self) -> NDArray[np.int64]:
        """As `analysis.endpoint_pairs.closed_shortly_before` says."""
        return closed_shortly_before(self.connections, self.snapshot.packets.time_ns, self.tcp, self.closed)


@dataclass(frozen=True)
class Case:
    """Connection `row` and the rows of its K packets, ascending; `examined` is what the first ones' bytes told."""

    overview: Overview
    row: int
    packets: NDArray[np.int64]
    examined: Examined

    @property
    def snapshot(self) -> Snapshot:
        """What is known of the capture."""
        return self.overview.snapshot

    @property
    def connections(self) -> Connections:
        """The connection table."""
        return self.snapshot.connections

    @property
    def client(self) -> int:
        """The client's end: 0 for a, 1 for b."""
        return int(self.connections.client[self.row])

    @cached_property
    def time_ns(self) -> NDArray[np.int64]:
        """When the packets were captured, int64 (K,)."""
        return self.snapshot.packets.time_ns[self.packets]

    @cached_property
    def flags(self) -> NDArray[np.uint16]:
        """Their flags, (K,)."""
        return self.snapshot.packets.flags[self.packets]

    @cached_property
    def marks(self) -> NDArray[np.uint32]:
        """Their marks, (K,)."""
        return self.snapshot.packets.marks[self.packets]

    @cached_property
    def length(self) -> NDArray[np.int64]:
        """Their payload in bytes, (K,)."""
        length: NDArray[np.int64] = self.snapshot.packets.payload_length[self.packets].astype(np.int64)
        return length

    @cached_property
    def end(self) -> NDArray[np.int64]:
        """Who sent them, 0 for a, 1 for b, (K,)."""
        end: NDArray[np.int64] = ((self.flags & np.uint16(Flag.FROM_B)) != 0).astype(np.int64)
        return end

    def has(self, flag: Flag) -> NDArray[np.bool_]:
        """Which packets carry one of these flags, (K,)."""
        found: NDArray[np.bool_] = (self.flags & np.uint16(flag)) != 0
        return found

    def marked(self, mark: Mark) -> NDArray[np.bool_]:
        """Which packets carry one of these marks, (K,)."""
        found: NDArray[np.bool_] = (self.marks & np.uint32(mark)) != 0
        return found

    def bytes_before(self, index: int) -> tuple[int, int]:
        """Payload bytes that a and b had sent before the packet at a position."""
        end, length = self.end[:index], self.length[:index]
        return int(length[end == 0].sum()), int(length[end == 1].sum())
