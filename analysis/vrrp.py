"""VRRP advertisements: version 2 (RFC 3768 section 5.1) and version 3 (RFC 9568 section 5.1, as RFC 5798)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

LIFE: Final = 255
"""The TTL or hop limit of a valid advertisement: one that came through a router is dropped (RFC 9568 section 7.1)."""
ADVERTISEMENT: Final = 1
SECOND_NS: Final = 1_000_000_000
CENTISECOND_NS: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Advertisement:
    """What a master says: `router` is the VRID; priority 0: it resigns, 255: the addresses are its own."""

    version: int
    router: int
    priority: int
    interval_ns: int
    sender: IPv4Address | IPv6Address
    addresses: tuple[str, ...]

    @property
    def skew_ns(self) -> int:
        """Of a backup with this priority (RFC 9568 section 6.1); in version 2 it is a part of a second."""
        return (256 - self.priority) * (SECOND_NS if self.version == 2 else self.interval_ns) // 256

    @property
    def down_ns(self) -> int:
        """After so much silence a backup with this priority takes over: the master-down interval."""
        return 3 * self.interval_ns + self.skew_ns


def advertisement(packet: bytes, at: int) -> Advertisement | None:
    """What the IP packet says whose VRRP message begins `at`; None where it is cut short or no router would take it.

    Checksums are not verified: a sender may leave them to its network card.
    """
    message = packet[at:]
    if at < 20 or len(message) < 8 or message[0] & 15 != ADVERTISEMENT or not message[1]:
        return None
    four = packet[0] >> 4 == 4
    version, size = message[0] >> 4, 4 if four else 16
    if version == 3:
        interval = (int.from_bytes(message[4:6]) & 0xFFF) * CENTISECOND_NS
    elif version == 2 and four:
        interval = message[5] * SECOND_NS
    else:
        return None
    end = 8 + size * message[3]
    if not interval or not message[3] or len(message) < end or packet[8 if four else 7] != LIFE:
        return None
    sender = ip_address(packet[12:16] if four else packet[8:24])
    addresses = tuple(str(ip_address(message[place : place + size])) for place in range(8, end, size))
    return Advertisement(version, message[1], message[2], interval, sender, addresses)


def vrrp_words(packet: bytes, at: int) -> str:
    """Which virtual router, with which priority, for which address, in a few words."""
    told = advertisement(packet, at)
    if told is None:
        return ""
    first = told.addresses[0] + (f" and {len(told.addresses) - 1} more" if len(told.addresses) > 1 else "")
    if not told.priority:
        return f"VRRP {told.router}: resigns as master of {first}"
    return f"VRRP {told.router}: master of {first}, priority {told.priority}"
