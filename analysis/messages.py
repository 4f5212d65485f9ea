"""What a packet carries, in a few words: pure functions on its bytes. Where the bytes do not say it, nothing is said.

Nothing here guesses an application from a port alone: a port chooses which grammar to try, the bytes must fit it.
The words hold text from the packet; views make it safe to show.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, NamedTuple

from analysis.dns import dns_words
from analysis.http2_frames import PREFACE, http2_words
from analysis.icmp import icmp4_words, icmp6_words
from analysis.tls import tls_words
from analysis.vrrp import vrrp_words
from capture.protocol import Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

METHODS: Final = (
    rb"GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PROPFIND|PROPPATCH|MKCOL|COPY|MOVE|LOCK|UNLOCK|REPORT|SEARCH"
    rb"|M-SEARCH|NOTIFY|SUBSCRIBE|UNSUBSCRIBE"
)
# A target cut off by the end of what was captured is shown as far as it goes.
_REQUEST: Final = re.compile(rb"(" + METHODS + rb") ([!-~\x80-\xff]{1,400})(?: HTTP/1\.[01]\r?\n| HTTP/1\.[01]\r?$|\Z)")
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: ([ -~\x80-\xff]{0,80}))?")
_SSH: Final = re.compile(rb"(SSH-(?:1\.99|1\.5|2\.0)-[!-~]{1,80})")
DNS_PORTS: Final = frozenset({53, 5353, 5355})
NTP_PORT: Final = 123
DHCP_PORTS: Final = frozenset({67, 68})
_DHCP_COOKIE: Final = b"\x63\x82\x53\x63"
_DHCP_TYPES: Final = ("DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM")
_NTP_MODES: Final = {1: "symmetric active", 2: "symmetric passive", 3: "client", 4: "server", 5: "broadcast"}


def http_words(payload: bytes) -> str:
    """The request line without its version, or status code and reason (RFC 9112 sections 3 and 4)."""
    if payload.startswith(PREFACE):
        frames = http2_words(payload[len(PREFACE) :]).removeprefix("HTTP/2")
        return "HTTP/2 connection preface" + ("," + frames if frames else "")
    if request := _REQUEST.match(payload):
        return f"{request[1].decode('ascii')} {request[2].decode('utf-8', 'backslashreplace')}"
    if status := _STATUS.match(payload):
        return f"{status[1].decode('ascii')} {(status[2] or b'').decode('utf-8', 'backslashreplace')}".rstrip()
    return ""


def ssh_words(payload: bytes) -> str:
    """The identification string (RFC 4253 section 4.2)."""
    found = _SSH.match(payload)
    return found[1].decode("ascii") if found else ""


class Arp(NamedTuple):
    """The fields of an ARP packet for IPv4 over Ethernet (RFC 826); operation 1 asks, 2 answers."""

    operation: int
    hardware: str  # the sender's
    sender: IPv4Address
    target: IPv4Address


def arp_fields(packet: bytes) -> Arp | None:
    """What an ARP packet says, None where it is cut short or about other networks."""
    if len(packet) < 28 or packet[:6] != b"\x00\x01\x08\x00\x06\x04":
        return None
    operation = int.from_bytes(packet[6:8], "big")
    return Arp(operation, packet[8:14].hex(":"), IPv4Address(packet[14:18]), IPv4Address(packet[24:28]))


def arp_words(packet: bytes) -> str:
    """Who asks for whom, or who is where (probes and announcements: RFC 5227 section 1.1)."""
    arp = arp_fields(packet)
    if arp is None:
        return ""
    if arp.operation not in {1, 2}:
        return f"ARP operation {arp.operation}"
    if arp.sender == arp.target:
        return f"gratuitous: {arp.sender} is at {arp.hardware}"
    if arp.operation == 2:
        return f"{arp.sender} is at {arp.hardware}"
    if int(arp.sender) == 0:
        return f"probe: does anyone use {arp.target}?"
    return f"who has {arp.target}? tell {arp.sender}"


def dhcp_words(payload: bytes) -> str:
    """The DHCP message type (RFC 2131 section 3, RFC 2132 section 9.6)."""
    if payload[236:240] != _DHCP_COOKIE:
        return ""
    at = 240
    while at + 2 < len(payload) and payload[at] != 255:
        if payload[at] == 0:  # padding has no length
            at += 1
            continue
        if payload[at] == 53 and payload[at + 1] == 1 and 1 <= payload[at + 2] <= len(_DHCP_TYPES):
            return f"DHCP {_DHCP_TYPES[payload[at + 2] - 1]}"
        at += 2 + payload[at + 1]
    return ""


def ntp_words(payload: bytes) -> str:
    """NTP's version and mode (RFC 5905 section 7.3)."""
    if len(payload) < 48:
        return ""
    version, mode = payload[0] >> 3 & 7, payload[0] & 7
    return f"NTP {_NTP_MODES[mode]}" if 1 <= version <= 4 and mode in _NTP_MODES else ""


def tcp_words(payload: bytes, ports: frozenset[int]) -> str:
    """What a segment's payload begins with."""
    if not payload:
        return ""
    if DNS_PORTS & ports and len(payload) > 2:  # RFC 1035 section 4.2.2: two bytes of length come first
        return dns_words(payload[2:])
    return http_words(payload) or tls_words(payload) or ssh_words(payload) or http2_words(payload)


def udp_words(payload: bytes, ports: frozenset[int]) -> str:
    """What a datagram's payload is."""
    if DNS_PORTS & ports:
        return dns_words(payload)
    if DHCP_PORTS & ports:
        return dhcp_words(payload)
    if NTP_PORT in ports:
        return ntp_words(payload)
    return http_words(payload)  # SSDP speaks HTTP over UDP


_BY_TRANSPORT: Final[dict[Protocol, Callable[[bytes], str]]] = {
    Protocol.ICMP4: icmp4_words,
    Protocol.ICMP6: icmp6_words,
}


def message(protocol: Protocol, data: bytes, network: int, transport: int, payload: int) -> str:
    """What the packet `data` carries; offsets as in `capture.headers`, -1 for none. "" where it is not known.

    `data` may be cut short at any place.
    """
    if protocol is Protocol.ARP:
        return arp_words(data[network:]) if network >= 0 else ""
    if transport < 0:
        return ""
    if protocol in {Protocol.VRRP4, Protocol.VRRP6}:
        return vrrp_words(data[network:], transport - network)
    if protocol in _BY_TRANSPORT:
        return _BY_TRANSPORT[protocol](data[transport:])
    if protocol not in {Protocol.TCP4, Protocol.TCP6, Protocol.UDP4, Protocol.UDP6} or payload < 0:
        return ""
    ports = frozenset(int.from_bytes(data[at : at + 2], "big") for at in (transport, transport + 2))
    words = tcp_words if protocol in {Protocol.TCP4, Protocol.TCP6} else udp_words
    return words(data[payload:], ports)
