"""One connection as views read it: who is the client, which end sent a packet, what both ends' states are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.renumbered import initial_at
from analysis.services import has_ports
from analysis.states import EndState, State, unpack
from capture.live.processes import owner_of
from capture.protocol import TCP_FLAGS, Flag, Protocol
from views.durations import address, endpoint, sequence
from views.text import safe
from views.wording import _

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.details import Detail
    from analysis.gathered import Gathered
    from analysis.snapshot import Snapshot

TCP = 6  # IP protocol number
TCP_PROTOCOLS = (Protocol.TCP4, Protocol.TCP6)


@dataclass(frozen=True, slots=True)
class Conversation:
    """Connection `row` of a snapshot and its packets' rows, ascending."""

    snapshot: Snapshot
    row: int
    packets: NDArray[np.int64]
    gathered: Gathered | None = None
    """The same packets' columns, where they are at hand."""

    def __post_init__(self) -> None:
        # A newer list of rows may name packets that this snapshot does not have yet.
        known = self.packets[: np.searchsorted(self.packets, len(self.snapshot.packets))]
        object.__setattr__(self, "packets", known)

    def column(self, name: str) -> NDArray[Any]:
        """One of the columns of `Gathered` for each of its packets, shape (n,)."""
        if self.gathered is not None:
            column: NDArray[Any] = getattr(self.gathered, name)[: len(self.packets)]
        else:
            column = getattr(self.snapshot.packets, name)[self.packets]
        return column

    @property
    def first(self) -> int:
        """The connection's first packet, also where that is not among these."""
        return int(self.snapshot.connections.first_packet[self.row])

    @property
    def before(self) -> int | None:
        """The packet before these, where the connection has earlier ones that were not gathered."""
        return self.gathered.before if self.gathered is not None and self.gathered.earlier else None

    @property
    def is_tcp(self) -> bool:
        """Whether its ends have states."""
        connections = self.snapshot.connections
        return int(connections.transport[self.row]) == TCP and int(connections.family[self.row]) in {4, 6}

    @property
    def client(self) -> int:
        """The end that is the client: 0 for a, 1 for b."""
        return int(self.snapshot.connections.client[self.row])

    @property
    def roles_seen(self) -> bool:
        """Whether a captured SYN tells who is the client."""
        return bool(self.snapshot.connections.roles_seen[self.row])

    def end_of(self, *, client: bool) -> int:
        """The client's end or the server's: 0 for a, 1 for b."""
        return self.client if client else 1 - self.client

    def name(self, *, client: bool, named: bool = False) -> str:
        """Address and port of one end; with `named`, its name in place of the address if there is one."""
        names = self.snapshot.names if named else {}
        return endpoint(self.snapshot.connections, self.row, self.end_of(client=client), names)

    def owner(self, *, client: bool) -> str:
        """The process of this machine that has one end's socket, as `python3[1234]`; "" where that is not known."""
        connections, end = self.snapshot.connections, self.end_of(client=client)
        if not self.snapshot.owners:
            return ""
        family, transport = int(connections.family[self.row]), int(connections.transport[self.row])
        high, low = int(connections.address_high[self.row, end]), int(connections.address_low[self.row, end])
        port = int(connections.port[self.row, end])
        return safe(owner_of(self.snapshot.owners, transport, address(family, high, low), port) or "")

    def role(self, *, client: bool) -> str:
        """`client`, or `client?` where that is a guess; "" where nobody is one (ARP, ICMP and the like)."""
        connections = self.snapshot.connections
        if not has_ports(int(connections.family[self.row]), int(connections.transport[self.row])):
            return ""
        word = _("client") if client else _("server")
        return word if self.roles_seen else word + "?"

    def index(self, packet: int) -> int:
        """The position of a packet among the connection's packets, or of the one before it; 0 at least."""
        return max(int(np.searchsorted(self.packets, packet, side="right")) - 1, 0)

    def flags(self, packet: int) -> Flag:
        """The TCP flags of a packet, without netviz's own bits."""
        return Flag(int(self.snapshot.packets.flags[packet]) & TCP_FLAGS)

    def from_client(self, packet: int) -> bool:
        """Whether the client sent it."""
        from_b = bool(int(self.snapshot.packets.flags[packet]) & Flag.FROM_B)
        return int(from_b) == self.client

    def state(self, packet: int, *, client: bool) -> EndState:
        """One end's state after a packet."""
        states = int(self.snapshot.packets.states[packet])
        return unpack(states, from_b=self.end_of(client=client) == 1)

    def opening(self, *, client: bool) -> EndState:
        """One end's state before the first packet: known only if that is the SYN which opens the connection.

        Where earlier ones were not gathered, that after the last of them.

        That the server listens is confirmed by its SYN,ACK alone.
        """
        if self.before is not None:
            return self.state(self.before, client=client)
        if not len(self.packets) or self.flags(self.first) & (Flag.SYN | Flag.ACK) != Flag.SYN:
            return EndState(State.UNKNOWN, inferred=False)
        if client == self.from_client(self.first):
            return EndState(State.CLOSED, inferred=False)
        answered = int(self.snapshot.connections.syn_ack[self.row, self.end_of(client=client)]) > 0
        return EndState(State.LISTEN, inferred=not answered)

    def state_before(self, index: int, *, client: bool) -> EndState:
        """One end's state before the packet at a position."""
        if index <= 0:
            return self.opening(client=client)
        return self.state(int(self.packets[index - 1]), client=client)

    def changed(self, index: int, *, client: bool) -> EndState | None:
        """One end's state after the packet at a position, None if that packet did not change it."""
        after = self.state(int(self.packets[index]), client=client)
        return None if after == self.state_before(index, client=client) else after

    def shown_sequence(self, packet: int, number: int, *, client: bool, relative: bool) -> int:
        """A number in one end's sequence space, as shown with a packet; as on the wire if its start is not known."""
        initial = initial_at(self.snapshot, self.row, self.end_of(client=client), packet)
        return sequence(number, initial or 0, relative=relative and initial is not None)

    def protocol(self, packet: int) -> Protocol:
        """The innermost protocol of a packet."""
        return Protocol(int(self.snapshot.packets.protocol[packet]))

    def payload(self, packet: int) -> int:
        """Payload bytes of a packet."""
        return int(self.snapshot.packets.payload_length[packet])

    def carried(self, detail: Detail) -> bytes:
        """The packet's bytes up to the end of its payload: what follows is the link layer's padding."""
        if detail.payload < 0:
            return detail.data
        return detail.data[: detail.payload + self.payload(detail.packet)]
