"""Values of fields as people write them. Text from a packet is escaped and cut here, whatever wrote it."""

from __future__ import annotations

import unicodedata
from typing import Final

MAX_TEXT: Final = 400
"""Characters of one value: a line on a screen, with room for a long host name or cookie."""

MAX_HEX: Final = 32
"""Bytes of one value written in hex; the byte view shows the rest."""

ETHER_TYPES: Final = {
    0x0800: "IPv4",
    0x0806: "ARP",
    0x8035: "RARP",
    0x8100: "802.1Q VLAN",
    0x86DD: "IPv6",
    0x8809: "slow protocols",
    0x8847: "MPLS",
    0x8848: "MPLS multicast",
    0x8863: "PPPoE discovery",
    0x8864: "PPPoE session",
    0x888E: "EAPOL",
    0x88A8: "802.1ad VLAN",
    0x88CC: "LLDP",
    0x88E5: "MACsec",
    0x88F7: "PTP",
    0x9000: "loopback test",
    0x9100: "QinQ VLAN",
    0x6558: "Ethernet in GRE",
}
"""IEEE EtherTypes, from the IANA registry ieee-802-numbers."""

IP_PROTOCOLS: Final = {
    0: "hop-by-hop options",
    1: "ICMP",
    2: "IGMP",
    4: "IPv4",
    6: "TCP",
    17: "UDP",
    33: "DCCP",
    41: "IPv6",
    43: "routing header",
    44: "fragment header",
    46: "RSVP",
    47: "GRE",
    50: "ESP",
    51: "AH",
    58: "ICMPv6",
    59: "no next header",
    60: "destination options",
    88: "EIGRP",
    89: "OSPF",
    103: "PIM",
    112: "VRRP",
    115: "L2TP",
    132: "SCTP",
    135: "mobility header",
    136: "UDP-Lite",
    137: "MPLS in IP",
}
"""IANA registry protocol-numbers. Not the machine's /etc/protocols: a packet reads the same everywhere."""

TCP_FLAGS: Final = ("AE", "CWR", "ECE", "URG", "ACK", "PSH", "RST", "SYN", "FIN")
"""Most significant first: RFC 9293 section 3.1, and RFC 9768 for the bit that was NS."""


def escaped(text: str) -> str:
    """`text` without control, format or unassigned characters (they become escapes), cut to `MAX_TEXT`."""
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT] + "…"
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_escaped_character, text))


def _escaped_character(character: str) -> str:
    if character == " " or unicodedata.category(character)[0] not in "CZ":
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def hexadecimal(data: bytes) -> str:
    """Bytes in hex, and how many there are if not all of them are written."""
    shown = data[:MAX_HEX].hex(" ")
    return shown if len(data) <= MAX_HEX else f"{shown} … ({len(data)} bytes)"


def readable(data: bytes) -> str:
    """Bytes as text if they are printable ASCII, zeros behind it apart; else in hex."""
    if len(data) > 8 and not data.strip(b"\0"):
        return f"{len(data)} zero bytes"
    text = data.rstrip(b"\0")
    if text and all(0x20 <= byte < 0x7F for byte in text[: MAX_TEXT + 1]):
        return text[: MAX_TEXT + 1].decode("ascii")
    return hexadecimal(data)


def named(number: int, names: dict[int, str]) -> str:
    """Like "6 (TCP)", or the number alone."""
    return f"{number} ({names[number]})" if number in names else str(number)


def ether_type(number: int) -> str:
    """Like "0x0800 (IPv4)"."""
    name = ETHER_TYPES.get(number)
    return f"0x{number:04x} ({name})" if name else f"0x{number:04x}"


def tcp_flags(bits: int) -> str:
    """The flags that are set, in the order in which they are spoken of: "SYN, ACK"."""
    spoken = ("SYN", "FIN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE")
    width = len(TCP_FLAGS) - 1
    return ", ".join(name for name in spoken if bits >> (width - TCP_FLAGS.index(name)) & 1) or "none"


def count(number: int, unit: str) -> str:
    """Like "1 byte", "55 bytes", "1,460 bytes"."""
    return f"{number:,} {unit}" if number == 1 else f"{number:,} {unit}s"
