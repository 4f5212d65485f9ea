"""Names of addresses as the capture tells them: answers of name servers, names that TLS and HTTP clients ask for.

A name in TLS (RFC 6066 section 3) or HTTP (RFC 9110 section 7.2) is what the client calls the server; a name server's
answer (RFC 1035) counts for more. Whom a client asks a proxy for is not the proxy's name: requests with a whole URI or
CONNECT (RFC 9112 section 3.2), and what goes through its tunnel, name nobody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum, unique
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

from analysis.dns import answered
from analysis.messages import DNS_PORTS, http_words
from analysis.segments import is_tcp, is_udp
from analysis.tls import server_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from analysis.details import Detail
    from analysis.snapshot import Snapshot

MOST: Final = 10_000
"""Addresses whose names are kept: a hostile capture could tell any number."""
_HOST: Final = re.compile(rb"\r\nHost: *([!-9;-~]{1,253})(?::\d+)? *\r\n", re.IGNORECASE)
_WHOLE_URI: Final = re.compile(r"[A-Z]+ [a-z][a-z0-9+.-]*://", re.IGNORECASE)
_CLIENT_HELLO: Final = b"\x16\x03"


@unique
class Source(IntEnum):
    """Who says so; the greater counts for more."""

    HOST = 1
    SNI = 2
    DNS = 3

    @property
    def label(self) -> str:
        """In words."""
        return {Source.HOST: "HTTP Host", Source.SNI: "TLS SNI", Source.DNS: "DNS"}[self]


@dataclass(frozen=True, slots=True)
class Name:
    """`address` is called `name`, as `packet` (a row) tells."""

    address: str
    name: str
    packet: int
    source: Source


def names(snapshot: Snapshot, details: Iterable[Detail]) -> list[Name]:
    """One name for each address that these packets (of any kind, ascending) name: the first of the best source."""
    found: dict[str, Name] = {}
    tunnels: set[int] = set()
    for detail in details:
        for each in _told(snapshot, detail, tunnels):
            known = found.get(each.address)
            if (known is None and len(found) < MOST) or (known is not None and each.source > known.source):
                found[each.address] = each
    return list(found.values())


def addresses_of(detail: Detail) -> tuple[str, str]:
    """Source and destination of a packet's innermost IP header; empty where there is none."""
    header = detail.data[detail.network :] if detail.network >= 0 else b""
    if len(header) >= 20 and header[0] >> 4 == 4:
        return str(IPv4Address(header[12:16])), str(IPv4Address(header[16:20]))
    if len(header) >= 40 and header[0] >> 4 == 6:
        return str(IPv6Address(header[8:24])), str(IPv6Address(header[24:40]))
    return "", ""


def _told(snapshot: Snapshot, detail: Detail, tunnels: set[int]) -> Iterator[Name]:
    """The names that a packet tells; `tunnels` are the connections on which CONNECT was said, which it may add to."""
    protocol = int(snapshot.packets.protocol[detail.packet])
    if detail.payload < 0 or detail.transport < 0 or not (is_tcp(protocol) or is_udp(protocol)):
        return
    payload, packet = detail.data[detail.payload :], detail.packet
    ports = {int.from_bytes(detail.data[at : at + 2]) for at in (detail.transport, detail.transport + 2)}
    if DNS_PORTS & ports:
        for address, name in answered(payload[2:] if is_tcp(protocol) else payload):
            yield Name(address, name, packet, Source.DNS)
        return
    address, connection = addresses_of(detail)[1], int(snapshot.packets.connection[packet])
    words = http_words(payload)
    if words.startswith("CONNECT "):
        tunnels.add(connection)
    if not address or connection in tunnels:
        return
    if payload.startswith(_CLIENT_HELLO) and payload[5:6] == b"\x01" and (name := server_name(payload[5:])):
        yield Name(address, name, packet, Source.SNI)
    elif (host := _HOST.search(payload)) and words and _WHOLE_URI.match(words) is None:
        name = host[1].decode("ascii")
        if not _is_address(name):
            yield Name(address, name, packet, Source.HOST)


def _is_address(text: str) -> bool:
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True
