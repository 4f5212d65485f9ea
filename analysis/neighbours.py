"""Which hardware address each IP address is said to have, and in which packet: ARP (RFC 826) and NDP (RFC 4861).

What is told is what any host on the link would have learnt from the same packets, the later one counting.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final

from analysis.discovery import discovery
from analysis.messages import arp_fields
from capture.protocol import Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from analysis.details import Detail
    from analysis.snapshot import Snapshot

NOBODY: Final = "00:00:00:00:00:00"
ASKS: Final = 1
"""The operation of an ARP request (RFC 826)."""


@unique
class How(StrEnum):
    """How an address was told."""

    ASKED = "asked for another"  # who asks tells its own
    ANSWERED = "answered"
    ANNOUNCED = "announced"  # unasked: gratuitous


@dataclass(frozen=True, slots=True)
class Neighbour:
    """`address` is at `hardware`, as `packet` (a row) tells; `before` is what was told of it until then, if another."""

    address: str
    hardware: str
    packet: int
    how: How
    before: str | None = None


def neighbours(snapshot: Snapshot, details: Iterable[Detail]) -> list[Neighbour]:
    """What these packets (of any kind, ascending) tell, each pair of addresses once, and again after a change."""
    known: dict[str, str] = {}
    found = []
    for detail in details:
        for address, hardware, how in _told(Protocol(int(snapshot.packets.protocol[detail.packet])), detail):
            before = known.get(address)
            if hardware not in (before, NOBODY):
                known[address] = hardware
                found.append(Neighbour(address, hardware, detail.packet, how, before))
    return found


def _told(protocol: Protocol, detail: Detail) -> Iterator[tuple[str, str, How]]:
    if protocol is Protocol.ARP and detail.network >= 0:
        arp = arp_fields(detail.data[detail.network :])
        if arp is not None and int(arp.sender):  # a probe tells nobody's address (RFC 5227 section 2.1.1)
            announced = arp.sender == arp.target
            how = How.ANNOUNCED if announced else How.ANSWERED if arp.operation == 2 else How.ASKED
            yield str(arp.sender), arp.hardware, how
    elif protocol is Protocol.ICMP6 and detail.transport >= 0:
        found = discovery(detail.data[detail.network :], detail.transport - detail.network)
        if found is not None and found.hardware is not None:
            address = found.sender if found.asks else found.target
            how = How.ASKED if found.asks else How.ANSWERED if found.solicited else How.ANNOUNCED
            if int(address):  # a probe tells nobody's address (RFC 4862 section 5.4.2)
                yield str(address), found.hardware, how


def question(protocol: Protocol, detail: Detail) -> str:
    """The address that a packet asks the hardware address of; "" if it does not ask."""
    if protocol is Protocol.ARP and detail.network >= 0:
        arp = arp_fields(detail.data[detail.network :])
        asks = arp is not None and arp.operation == ASKS and arp.sender != arp.target
        return str(arp.target) if arp is not None and asks else ""
    if protocol is Protocol.ICMP6 and detail.transport >= 0:
        found = discovery(detail.data[detail.network :], detail.transport - detail.network)
        return str(found.target) if found is not None and found.asks else ""
    return ""
