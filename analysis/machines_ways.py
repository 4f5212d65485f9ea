"""Which way a packet took: from machine to machine, as its addresses tell at each point where it was captured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.causes_evidence import Kind
from analysis.machines import Ground, end_address
from analysis.names import addresses_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.causes import Cause
    from analysis.connections import Connections
    from analysis.details import Detail
    from analysis.machines import Machines

Node = int | str
"""A machine: its number in `Machines.all`, or the one address that is known of it, with a port on a shared address."""


class Ways:
    """The machines of some connections: what they are called, and how packets went between them."""

    def __init__(self, c: Connections, machines: Machines, causes: Iterable[Cause], connections: Sequence[int]) -> None:
        self.machines = machines
        self._named = {each.name: number for number, each in enumerate(machines.all) if each.name}
        self._same: dict[Node, Node] = {}
        self._ends = {row: (self._end(c, row, 0), self._end(c, row, 1)) for row in connections}
        self._addresses: dict[Node, list[str]] = {}
        some = set(connections)
        for each in causes:
            told = {each.connection, each.effect} <= some
            if told and not any(fact.kind is Kind.SAME_NUMBERS for fact in each.evidence):
                self._join(self._ends[each.effect][0], self._ends[each.connection][1])
        for row in connections:
            for side in (0, 1):
                known = self._addresses.setdefault(self._one(self._ends[row][side]), [])
                address = end_address(c, row, int(c.client[row]) ^ side)
                if address not in known:
                    known.append(address)

    def _end(self, c: Connections, row: int, side: int) -> Node:
        """The client's (0) or the server's machine (1); their endpoints where both are one machine's."""
        ends = [int(c.client[row]) ^ each for each in (0, 1)]
        addresses = [end_address(c, row, end) for end in ends]
        one, other = (self.machines.key(address) for address in addresses)
        if one == other and any(c.port[row]):
            address = addresses[side]
            return (
                f"[{address}]:{c.port[row][ends[side]]}" if ":" in address else f"{address}:{c.port[row][ends[side]]}"
            )
        return (one, other)[side]

    def _join(self, node: Node, other: Node) -> None:
        """Whoever asks because it was asked is the one that was asked."""
        one, same = self._one(node), self._one(other)
        if one != same:
            self._same[one] = same

    def _one(self, node: Node) -> Node:
        while node in self._same:
            node = self._same[node]
        return node

    def name(self, node: Node) -> str:
        """What a lane is called: the machine's name, else its address."""
        if isinstance(node, int):
            machine = self.machines.all[node]
            return machine.name or (machine.addresses or machine.hardware)[0]
        return node

    def point(self, interface: str) -> Node | None:
        """The machine that a capture point belongs to, by the point's name: `machine:device`."""
        number = self._named.get(interface.partition(":")[0])
        return None if number is None else self._one(number)

    def addresses(self, node: Node) -> tuple[str, ...]:
        """The machine's IP addresses, those that are spoken to first."""
        known = list(self._addresses.get(node, ()))
        if isinstance(node, int):
            known += [each for each in self.machines.all[node].addresses if each not in known]
        return tuple(each for each in known if each)

    def path(self, connection: int, seen: Sequence[Detail], *, from_client: bool) -> tuple[Node, ...]:
        """The machines on a packet's way, the sender first; `seen` are its sightings in the order of time."""
        ends = tuple(self._one(node) for node in self._ends[connection])
        source, destination = ends if from_client else ends[::-1]
        nodes: list[Node] = []
        hops = list(dict.fromkeys(self._hop(detail) for detail in seen))
        for hop in hops:
            for node in hop:
                if node is not None and nodes[-1:] != [node]:
                    nodes.append(node)
        # Whose hardware address is not known is told by the IP address; one that several share is told by neither.
        if not nodes or ((hops[0][0] is None or isinstance(source, int)) and nodes[0] != source):
            nodes.insert(0, source)
        if (hops and hops[-1][1] is None) or isinstance(destination, int) or len(nodes) < 2:
            nodes += [destination] if nodes[-1] != destination else []
        return tuple(nodes) if len(nodes) > 1 else (source, destination)

    def _hop(self, detail: Detail) -> tuple[Node | None, Node | None]:
        """Who sent a frame and whom it was for, as far as their hardware addresses are known."""
        if detail.names[:1] != ("ethernet",) or len(detail.data) < 14:
            return None, None
        source, destination = addresses_of(detail)
        return self._owner(detail.data[6:12], source), self._owner(detail.data[:6], destination)

    def _owner(self, hardware: bytes, address: str) -> Node | None:
        number = None if hardware[0] & 1 else self.machines.of(hardware.hex(":"))
        if number is None:
            return None
        machine = self.machines.all[number]
        # A router that only ARP tells of is left out: whom it stands for has a lane already.
        return self._one(number) if Ground.NAMED in machine.grounds or address in machine.addresses else None
