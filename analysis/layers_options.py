"""TCP options (RFC 9293 section 3.1) and DHCP options (RFC 2132), one by one, each part with its bytes."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

from analysis.layers_build import Range
from analysis.layers_values import count, hexadecimal, readable

if TYPE_CHECKING:
    from analysis.layers_build import Builder

TCP_OPTIONS: Final = {
    0: ("eol", "End of Option List"),
    1: ("nop", "No-Operation"),
    2: ("mss", "Maximum Segment Size"),
    3: ("wscale", "Window Scale"),
    4: ("sack_perm", "SACK Permitted"),
    5: ("sack", "SACK"),
    8: ("timestamps", "Timestamps"),
    14: ("alt_checksum", "Alternate Checksum Request"),
    19: ("md5", "MD5 Signature"),
    28: ("user_timeout", "User Timeout"),
    29: ("ao", "Authentication Option"),
    30: ("mptcp", "Multipath TCP"),
    34: ("tfo", "Fast Open Cookie"),
    172: ("accecn0", "Accurate ECN Order 0"),
    174: ("accecn1", "Accurate ECN Order 1"),
    253: ("exp1", "Experiment 1"),
    254: ("exp2", "Experiment 2"),
}
"""Kind: path and name (IANA registry tcp-parameters)."""

_TCP_NUMBERS: Final[dict[int, tuple[tuple[str, int], ...]]] = {
    2: (("MSS Value", 2),),
    3: (("Shift Count", 1),),
    8: (("Timestamp Value", 4), ("Timestamp Echo Reply", 4)),
}

_DHCP_OPTIONS: Final = {
    1: "Subnet Mask",
    3: "Router",
    6: "Domain Name Server",
    12: "Host Name",
    15: "Domain Name",
    28: "Broadcast Address",
    42: "NTP Servers",
    50: "Requested IP Address",
    51: "IP Address Lease Time",
    53: "DHCP Message Type",
    54: "DHCP Server Identifier",
    55: "Parameter Request List",
    57: "Maximum DHCP Message Size",
    58: "Renewal Time",
    59: "Rebinding Time",
    60: "Vendor Class Identifier",
    61: "Client Identifier",
    81: "Client FQDN",
    82: "Relay Agent Information",
    119: "Domain Search",
    121: "Classless Static Route",
}
_DHCP_MESSAGES: Final = ("", "Discover", "Offer", "Request", "Decline", "ACK", "NAK", "Release", "Inform")
_DHCP_ADDRESSES: Final = frozenset({1, 3, 6, 28, 42, 50, 54})
_DHCP_SECONDS: Final = frozenset({51, 58, 59})


def tcp_options(builder: Builder, data: bytes, start: int, stop: int) -> list[str]:
    """The options of the TCP header in `data[start:stop]`; returns them in a few words each: "mss 1460"."""
    summary: list[str] = []
    where = start
    while where < stop and not builder.full:
        kind = data[where]
        slug, name = TCP_OPTIONS.get(kind, (f"kind{kind}", f"Unknown option {kind}"))
        slug = f"options.{slug}"
        length = 1 if kind < 2 else data[where + 1] if where + 1 < stop else 0
        if length < (1 if kind < 2 else 2) or where + length > stop:
            builder.field(
                "options.bad", "Malformed options", hexadecimal(data[where:stop]), Range(where, stop - where), 2
            )
            summary.append("malformed option")
            break
        body = data[where + 2 : where + length]
        values = _tcp_values(kind, body, where + 2)
        shown = ", ".join(value for _, value, _ in values)
        builder.field(slug, name, shown or (count(length, "byte")), Range(where, length), 2)
        builder.field(f"{slug}.kind", "Kind", str(kind), Range(where, 1), 3)
        if kind > 1:
            builder.field(f"{slug}.length", "Length", str(length), Range(where + 1, 1), 3)
        for part, value, place in values:
            builder.field(f"{slug}.{part.lower().replace(' ', '_')}", part, value, place, 3)
        if kind > 1:
            summary.append(f"{name} {shown}".strip())
        where += length
        if kind == 0 and where < stop:
            builder.field("options.padding", "Padding", hexadecimal(data[where:stop]), Range(where, stop - where), 2)
            break
    return summary


def _tcp_values(kind: int, body: bytes, where: int) -> list[tuple[str, str, Range]]:
    layout = _TCP_NUMBERS.get(kind)
    if kind == 5 and len(body) % 8 == 0:
        layout = tuple(
            (f"{edge} Edge {block}", 4) for block in range(1, len(body) // 8 + 1) for edge in ("Left", "Right")
        )
    if layout is None or sum(size for _, size in layout) != len(body):
        return [("Value", hexadecimal(body), Range(where, len(body)))] if body else []
    values = []
    for name, size in layout:
        number = int.from_bytes(body[:size], "big")
        values.append((name, str(number), Range(where, size)))
        body, where = body[size:], where + size
    return values


def dhcp_options(builder: Builder, data: bytes, start: int, stop: int) -> str:
    """The options of the DHCP message in `data[start:stop]`; returns the message's type, if one is given."""
    message = ""
    where = start
    while where < stop and not builder.full:
        code = data[where]
        if code in (0, 255):
            builder.field("option.end" if code else "option.pad", "End" if code else "Pad", "", Range(where, 1))
            where += 1
            continue
        length = data[where + 1] if where + 1 < stop else 0
        if where + 2 + length > stop or where + 1 >= stop:
            builder.field("option.bad", "Malformed option", hexadecimal(data[where:stop]), Range(where, stop - where))
            break
        body = data[where + 2 : where + 2 + length]
        value = _dhcp_value(code, body)
        slug = f"option.{code}"
        builder.field(slug, _DHCP_OPTIONS.get(code, f"Option {code}"), value, Range(where, 2 + length))
        builder.field(f"{slug}.code", "Code", str(code), Range(where, 1), 2)
        builder.field(f"{slug}.length", "Length", str(length), Range(where + 1, 1), 2)
        if body:
            builder.field(f"{slug}.value", "Value", value, Range(where + 2, length), 2)
        message = value if code == 53 else message
        where += 2 + length
    return message


def _dhcp_value(code: int, body: bytes) -> str:
    if code == 53 and len(body) == 1 and 0 < body[0] < len(_DHCP_MESSAGES):
        return _DHCP_MESSAGES[body[0]]
    if code in _DHCP_ADDRESSES and body and len(body) % 4 == 0:
        return ", ".join(socket.inet_ntoa(body[at : at + 4]) for at in range(0, len(body), 4))
    if code in _DHCP_SECONDS and len(body) == 4:
        return count(int.from_bytes(body, "big"), "second")
    if code == 55:
        return ", ".join(map(str, body))
    return readable(body)
