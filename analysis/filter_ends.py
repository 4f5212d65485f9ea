"""Tests of a connection's ends, their addresses, names and ports: for each end, whether it is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.filter_grammar import FilterError
from analysis.filter_values import PLAIN, Block, block, numbers
from analysis.pairs import Addresses
from analysis.services import CUT, SERVICES, WITH_PORTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from analysis.connections import Connections
    from analysis.filter_grammar import Term
    from analysis.snapshot import Snapshot

Ends = tuple["NDArray[np.bool_]", "NDArray[np.bool_]"]
"""For each connection whether a is meant and whether b is; bool (M,) each."""


# Other ports at which Wireshark and people look for a service, besides the one that bears its name.
ALSO: Final = {
    "http": (3128, 8080),
    "dns": (5353, 5355),
    "tls": (443, 465, 636, 853, 993, 995, 8443),
    "ssl": (443, 465, 636, 853, 993, 995, 8443),
}


def addressed(test: Term) -> Callable[[Snapshot], Ends]:
    """Ends whose address is one of those given: an address, a block (10.0.0.0/8), or a name in the capture.

    Raises `FilterError`.
    """
    if test.operator not in (":", "==", "!=", "in"):
        raise FilterError(f"{test.name} needs an address, as in host:10.0.0.5 or net:10.0.0.0/8.", test.at)
    blocks: list[Block] = []
    named: list[str] = []
    for value in (part for each in test.values for part in each.split(",")):
        found = block(value)
        if found is not None:
            blocks.append(found)
        elif value[:1].isdigit() or ":" in value or "/" in value:
            raise FilterError(f"{value!r} is no address; 10.0.0.5, 10.0.0.0/8 and fe80::1 are.", test.at)
        else:
            named.append(value.lower().rstrip("."))

    def ends(snapshot: Snapshot) -> Ends:
        meant = blocks + [each for each in map(block, _addresses_of(named, snapshot)) if each is not None]
        return _in_blocks(snapshot.connections, meant)

    return ends


def _addresses_of(names: Iterable[str], snapshot: Snapshot) -> list[str]:
    wanted = set(names)
    if not wanted:
        return []
    return [address for address, name in tuple(snapshot.names.items()) if name.lower().rstrip(".") in wanted]


def _in_blocks(table: Connections, blocks: Iterable[Block]) -> Ends:
    ends = np.zeros(len(table), np.bool_), np.zeros(len(table), np.bool_)
    low: object = table.address_low
    for each in blocks:
        if each.family == 4 and isinstance(low, Addresses):
            a, b = low.ipv4_within(each.low, each.low_mask)
            ends = ends[0] | a, ends[1] | b
            continue
        rows = np.flatnonzero(table.family == each.family)
        for end, found in enumerate(ends):
            same = table.address_low[rows, end] & np.uint64(each.low_mask) == np.uint64(each.low)
            if each.family == 6:
                same &= table.address_high[rows, end] & np.uint64(each.high_mask) == np.uint64(each.high)
            found[rows] |= same
    return ends


def at_ports(test: Term, transport: int | None = None) -> Callable[[Snapshot], Ends]:
    """Ends at one of these ports, numbers or the names of services; `transport`: 6 TCP, 17 UDP, None: any.

    Raises `FilterError`. A `!=` is the caller's business: the ends are those at the port.
    """
    known = {name: str(port) for port, name in reversed(SERVICES.items())}
    values = tuple(known.get(value.lower(), value) for value in test.values)
    equal = test.operator if test.operator != "!=" else "=="
    wanted = numbers(type(test)(test.name, equal, values, test.at), PLAIN)

    def ends(snapshot: Snapshot) -> Ends:
        carried = carried_by(snapshot, (transport,) if transport is not None else WITH_PORTS, cut=True)
        port = snapshot.connections.port
        return wanted(port[:, 0]) & carried, wanted(port[:, 1]) & carried

    return ends


def carried_by(snapshot: Snapshot, transports: Iterable[int], *, cut: bool = False) -> NDArray[np.bool_]:
    """Which connections are carried over IP by one of these transports; bool (M,). `cut`: those of cut headers, too."""
    table = snapshot.connections
    carrier = table.transport & np.uint16(~CUT & 0xFFFF) if cut else table.transport
    found = np.zeros(len(table), np.bool_)
    for transport in transports:
        found |= carrier == transport
    return found & (table.family >= 4)


def ports_of_service(name: str) -> tuple[int, ...]:
    """The ports at which a service is looked for; none if there is no such service."""
    return tuple(port for port, service in SERVICES.items() if service == name) + ALSO.get(name, ())


def serves(name: str) -> Callable[[Snapshot], NDArray[np.bool_]]:
    """Connections with an end at a port of this service."""
    ports = np.array(ports_of_service(name), np.uint16)

    def mask(snapshot: Snapshot) -> NDArray[np.bool_]:
        found = np.zeros(len(snapshot.connections), np.bool_)
        for port in ports:
            column = snapshot.connections.port
            found |= (column[:, 0] == port) | (column[:, 1] == port)
        return found & carried_by(snapshot, WITH_PORTS, cut=True)

    return mask
