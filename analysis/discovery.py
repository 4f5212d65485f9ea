"""Neighbour discovery's questions and answers: solicitations and advertisements (RFC 4861 sections 4.3 and 4.4)."""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Final, NamedTuple

SOLICITATION, ADVERTISEMENT = 135, 136
SOURCE_LINK_LAYER, TARGET_LINK_LAYER = 1, 2
SOLICITED, OVERRIDE = 0x40, 0x20
FIXED: Final = 40
"""Bytes of an IPv6 header."""


class Discovery(NamedTuple):
    """`asks` for `target`, or tells where it is; `hardware` is the asker's or the target's, None if it is not told.

    `solicited`: an advertisement that answers somebody; `override`: it counts for more than what was known. The
    `sender` is :: where a host without an address looks whether the target is taken (RFC 4862 section 5.4).
    """

    asks: bool
    sender: IPv6Address
    target: IPv6Address
    hardware: str | None
    solicited: bool
    override: bool


def discovery(packet: bytes, at: int) -> Discovery | None:
    """What the IPv6 packet says whose ICMPv6 message begins `at`; None where it says something else or is cut short."""
    message = packet[at:]
    if at < FIXED or len(message) < 24 or message[0] not in (SOLICITATION, ADVERTISEMENT):
        return None
    asks = message[0] == SOLICITATION
    wanted, hardware, place = SOURCE_LINK_LAYER if asks else TARGET_LINK_LAYER, None, 24
    while place + 8 <= len(message) and message[place + 1] and hardware is None:
        if message[place] == wanted:
            hardware = message[place + 2 : place + 8].hex(":")
        place += 8 * message[place + 1]
    sender, target = IPv6Address(packet[8:24]), IPv6Address(message[8:24])
    solicited, override = bool(message[4] & SOLICITED), bool(message[4] & OVERRIDE)
    return Discovery(asks, sender, target, hardware, solicited, override)
