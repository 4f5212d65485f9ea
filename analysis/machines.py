"""Which addresses belong to one machine: hardware, IPv4 and IPv6. All of it is deduced.

A machine is learned from what the capture calls it, where it has capture points that are named as those of the lab,
`machine:device`; from ARP and NDP; and from frames: a hardware address that sends with the time to live of a first hop
for one IPv4 address speaks for itself. One that hands packets on has lowered it (RFC 791 section 3.2), so what stands
behind a router is never taken for the router. An address that two hardware addresses speak for belongs to neither:
real servers behind a director share one.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum, unique
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

from analysis.names import addresses_of
from analysis.sightings import POINT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from analysis.connections import Connections
    from analysis.details import Detail
    from analysis.neighbours import Neighbour
    from analysis.snapshot import Snapshot

FIRST_HOP: Final = frozenset({32, 64, 128, 255})
"""Times to live that systems begin with: one that is lower by one or more has passed a router."""
MOST_OWN: Final = 4
"""IPv4 addresses that one hardware address may have; one that answers ARP for more does so for others."""
MOST: Final = 10_000
"""Addresses that are kept."""
NOBODY: Final = "00:00:00:00:00:00"
Node = tuple[str, str]
"""("hardware" or "address" or "name", what it is)."""


@unique
class Ground(StrEnum):
    """What it is known by that addresses are one machine's."""

    NAMED = "named by the capture"
    TOLD = "told by ARP or NDP"
    SENT = "sent from one hardware address"


@dataclass(frozen=True, slots=True)
class Machine:
    """The addresses of one machine, in the order of their discovery; `name` is "" where the capture has none."""

    name: str
    addresses: tuple[str, ...]
    hardware: tuple[str, ...]
    grounds: tuple[Ground, ...]


class Machines:
    """All machines of a capture that have more than one address, or a name. Numbers are places in `all`."""

    def __init__(self, machines: Sequence[Machine] = ()) -> None:
        self.all = tuple(machines)
        self._of = {each: number for number, machine in enumerate(self.all) for each in machine.addresses}
        self._of |= {each: number for number, machine in enumerate(self.all) for each in machine.hardware}

    def of(self, address: str) -> int | None:
        """The machine of an IP or hardware address; None where it is not known."""
        return self._of.get(address)

    def key(self, address: str) -> int | str:
        """The same for the addresses of one machine: its number, or an address that is alone."""
        return self._of.get(address, address)

    def name(self, address: str) -> str:
        """What the machine is called; "" if it has no name."""
        number = self._of.get(address)
        return "" if number is None else self.all[number].name


def end_address(c: Connections, row: int, end: int) -> str:
    """The IP address of a connection's end (0: a, 1: b); "" where it has none."""
    high, low = int(c.address_high[row][end]), int(c.address_low[row][end])
    if c.family[row] == 4:
        return str(IPv4Address(low & 0xFFFF_FFFF))
    return str(IPv6Address(high << 64 | low)) if c.family[row] == 6 else ""


class _Joined:
    """Sets of nodes that are joined one pair after the other."""

    def __init__(self) -> None:
        self._parent: dict[Node, Node] = {}
        self._grounds: defaultdict[Node, set[Ground]] = defaultdict(set)

    def root(self, node: Node) -> Node:
        self._parent.setdefault(node, node)
        while self._parent[node] != node:
            self._parent[node] = self._parent[self._parent[node]]
            node = self._parent[node]
        return node

    def join(self, one: Node, other: Node, ground: Ground) -> None:
        kept, gone = self.root(one), self.root(other)
        if kept != gone:
            self._parent[gone] = kept
            self._grounds[kept] |= self._grounds.pop(gone, set())
        self._grounds[kept].add(ground)

    def machines(self) -> list[Machine]:
        """Everything that has a name or two addresses."""
        members: defaultdict[Node, list[Node]] = defaultdict(list)
        for node in list(self._parent):
            members[self.root(node)].append(node)
        found = []
        for root, nodes in members.items():
            name = next((value for kind, value in nodes if kind == "name"), "")
            addresses = tuple(value for kind, value in nodes if kind == "address")
            hardware = tuple(value for kind, value in nodes if kind == "hardware")
            if name or len(addresses) + len(hardware) > 1:
                grounds = tuple(each for each in Ground if each in self._grounds[root])
                found.append(Machine(name, addresses, hardware, grounds))
        return found


def machines(
    snapshot: Snapshot, details: Iterable[Detail], neighbours: Sequence[Neighbour], names: Mapping[str, Sequence[str]]
) -> Machines:
    """Learn from packets where they were seen first (`details`), what ARP and NDP told, and the capture's own names."""
    joined = _Joined()
    _join_names(joined, snapshot, names)
    spoke, handed_on = _speakers(details)
    for address, hardware in _told(neighbours).items():
        if spoke[address] <= {hardware} and hardware not in handed_on[address]:
            joined.join(("address", address), ("hardware", hardware), Ground.TOLD)
    own: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
    for address, speakers in spoke.items():
        if len(speakers) == 1:
            (hardware,) = speakers
            own[hardware, ip_address(address).version].append(address)
    for (hardware, version), addresses in own.items():
        if len(addresses) <= (1 if version == 4 else MOST_OWN):
            for address in addresses:
                joined.join(("address", address), ("hardware", hardware), Ground.SENT)
    return Machines(joined.machines())


def _join_names(joined: _Joined, snapshot: Snapshot, names: Mapping[str, Sequence[str]]) -> None:
    """What a capture of the lab says: whose its points are, and how its hosts are called.

    Other captures' names are those of a name service, which calls several machines by one name.
    """
    points = [each for each in snapshot.interfaces if each.name is not None and POINT.fullmatch(each.name)]
    for each in points:
        if each.hardware is not None and each.name is not None:
            joined.join(("name", each.name.partition(":")[0]), ("hardware", each.hardware), Ground.NAMED)
    for address, called in names.items() if points else ():
        joined.join(("name", called[0]), ("address", address), Ground.NAMED)


def _told(neighbours: Sequence[Neighbour]) -> dict[str, str]:
    """The hardware address of each IP address that ARP and NDP told only one for."""
    told: defaultdict[str, set[str]] = defaultdict(set)
    owned: defaultdict[str, set[str]] = defaultdict(set)
    for each in neighbours:
        told[each.address].add(each.hardware)
        if ip_address(each.address).version == 4:
            owned[each.hardware].add(each.address)
    sure = {address: next(iter(hardware)) for address, hardware in told.items() if len(hardware) == 1}
    return {address: hardware for address, hardware in sure.items() if len(owned[hardware]) <= MOST_OWN}


def _speakers(details: Iterable[Detail]) -> tuple[defaultdict[str, set[str]], defaultdict[str, set[str]]]:
    """Hardware addresses that spoke for each IP address as its first hop, and those that handed its packets on."""
    spoke: defaultdict[str, set[str]] = defaultdict(set)
    handed_on: defaultdict[str, set[str]] = defaultdict(set)
    for detail in details:
        hardware = sender(detail)
        address = addresses_of(detail)[0] if hardware else ""
        if not address or len(spoke) >= MOST or not _is_one_host(address):
            continue
        life = detail.data[detail.network + (8 if "." in address else 7)]
        (spoke if life in FIRST_HOP else handed_on)[address].add(hardware)
    return spoke, handed_on


def _is_one_host(address: str) -> bool:
    where = ip_address(address)
    return not (where.is_multicast or where.is_unspecified or where.is_loopback)


def sender(detail: Detail) -> str:
    """The hardware address that a frame was sent from; "" where it is not told, or is of another host's tunnel."""
    inside = [name for name in detail.names if name not in {"ethernet", "vlan"}]
    if detail.names[:1] != ("ethernet",) or len(inside) > 2 or len(detail.data) < 14:
        return ""
    hardware = detail.data[6:12].hex(":")
    return "" if hardware == NOBODY or detail.data[6] & 1 else hardware
