"""ICMP and ICMPv6 messages in a few words (RFC 792, RFC 4443, RFC 4861; IANA's registries of types and codes)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Final

_UNREACHABLE_4: Final = (
    "network unreachable", "host unreachable", "protocol unreachable", "port unreachable", "fragmentation needed",
    "source route failed", "network unknown", "host unknown", "source host isolated", "network prohibited",
    "host prohibited", "network unreachable for this service", "host unreachable for this service",
    "prohibited by a filter", "host precedence violation", "precedence cutoff",
)  # fmt: skip
_TYPES_4: Final = {
    0: "echo reply",
    3: "destination unreachable",
    4: "source quench",
    5: "redirect",
    8: "echo request",
    9: "router advertisement",
    10: "router solicitation",
    11: "time exceeded",
    12: "parameter problem",
    13: "timestamp request",
    14: "timestamp reply",
    17: "address mask request",
    18: "address mask reply",
}
_UNREACHABLE_6: Final = (
    "no route to destination", "prohibited by a filter", "beyond the scope of the source address",
    "address unreachable", "port unreachable", "source address failed policy", "route rejected",
)  # fmt: skip
_TYPES_6: Final = {
    1: "destination unreachable",
    2: "packet too big",
    3: "time exceeded",
    4: "parameter problem",
    128: "echo request",
    129: "echo reply",
    130: "multicast listener query",
    131: "multicast listener report",
    132: "multicast listener done",
    133: "router solicitation",
    134: "router advertisement",
    135: "neighbour solicitation",
    136: "neighbour advertisement",
    137: "redirect",
    143: "multicast listener report v2",
}
_EXCEEDED: Final = ("TTL exceeded in transit", "fragment reassembly time exceeded")
_EXCEEDED_6: Final = ("hop limit exceeded in transit", "fragment reassembly time exceeded")


def _numbered(words: str, message: bytes) -> str:
    identifier, number = int.from_bytes(message[4:6], "big"), int.from_bytes(message[6:8], "big")
    return f"{words} id={identifier} seq={number}"


def icmp4_words(message: bytes) -> str:
    """The type, the code where it says more, and the numbers of an echo."""
    if len(message) < 8:
        return ""
    kind, code = message[0], message[1]
    if kind == 3 and code < len(_UNREACHABLE_4):
        mtu = int.from_bytes(message[6:8], "big")
        return _UNREACHABLE_4[code] + (f", MTU {mtu}" if code == 4 and mtu else "")
    if kind == 11 and code < len(_EXCEEDED):
        return _EXCEEDED[code]
    if kind == 5:
        return f"redirect to {IPv4Address(message[4:8])}"
    words = _TYPES_4.get(kind, f"ICMP type {kind}")
    return _numbered(words, message) if kind in {0, 8} else words


def icmp6_words(message: bytes) -> str:
    """The same for IPv6, with neighbour discovery's question and answer."""
    if len(message) < 8:
        return ""
    kind, code = message[0], message[1]
    if kind == 1 and code < len(_UNREACHABLE_6):
        return _UNREACHABLE_6[code]
    if kind == 2:
        return f"packet too big, MTU {int.from_bytes(message[4:8], 'big')}"
    if kind == 3 and code < len(_EXCEEDED_6):
        return _EXCEEDED_6[code]
    if kind in {135, 136} and len(message) >= 24:
        return _neighbour(kind, message)
    words = _TYPES_6.get(kind, f"ICMPv6 type {kind}")
    return _numbered(words, message) if kind in {128, 129} else words


def _neighbour(kind: int, message: bytes) -> str:
    target = IPv6Address(message[8:24])
    if kind == 135:
        return f"who has {target}?"
    if message[24:26] == b"\x02\x01" and len(message) >= 32:  # the target link-layer address option
        return f"{target} is at {message[26:32].hex(':')}"
    return f"{target} is here"
