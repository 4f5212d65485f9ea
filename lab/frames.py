"""As much of a frame as the lab has to know: which kind it is, and between which ends it goes."""

from __future__ import annotations

import socket
from typing import Final, NamedTuple

from lab.network import Kind

IPV4: Final = b"\x08\x00"
IPV6: Final = b"\x86\xdd"
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
TCP, UDP = socket.IPPROTO_TCP, socket.IPPROTO_UDP

Address = tuple[str, int]


class Ends(NamedTuple):
    """From which address and port to which; ports are 0 where there are none."""

    source: Address
    destination: Address


class _Packet(NamedTuple):
    """Where things are in a frame; `end` is where the IP packet ends."""

    protocol: int
    addresses: tuple[str, str]
    transport: int
    end: int


def _packet(frame: bytes) -> _Packet | None:
    """The IP packet of an Ethernet frame; None if it holds none. Extension headers of IPv6 are not looked behind."""
    if frame[12:14] == IPV4 and len(frame) >= 34:
        ends = socket.inet_ntoa(frame[26:30]), socket.inet_ntoa(frame[30:34])
        return _Packet(frame[23], ends, 14 + 4 * (frame[14] & 0x0F), 14 + int.from_bytes(frame[16:18], "big"))
    if frame[12:14] == IPV6 and len(frame) >= 54:
        both = (socket.inet_ntop(socket.AF_INET6, frame[at : at + 16]) for at in (22, 38))
        return _Packet(frame[20], (next(both), next(both)), 54, 54 + int.from_bytes(frame[18:20], "big"))
    return None


def kinds(frame: bytes) -> frozenset[Kind]:
    """All kinds that an Ethernet frame is of."""
    packet = _packet(frame)
    if packet is None:
        return frozenset()
    at = packet.transport
    if packet.protocol == UDP:
        return frozenset({Kind.IP, Kind.UDP})
    if packet.protocol != TCP or len(frame) < at + 20:
        return frozenset({Kind.IP})
    found = {Kind.IP, Kind.TCP}
    if packet.end > at + 4 * (frame[at + 12] >> 4):
        found.add(Kind.DATA)
    flags = frame[at + 13]
    if flags & (SYN | ACK) == SYN:
        found.add(Kind.SYN)
    if flags & (FIN | RST):
        found.add(Kind.END)
    if flags & (FIN | SYN | RST | ACK) == ACK and Kind.DATA not in found:
        found.add(Kind.ACK)
    return frozenset(found)


def ends(frame: bytes) -> Ends | None:
    """Between which ends an Ethernet frame's IP packet goes; None if it holds none."""
    packet = _packet(frame)
    if packet is None:
        return None
    at, (source, destination) = packet.transport, packet.addresses
    if packet.protocol not in (TCP, UDP) or len(frame) < at + 4:
        return Ends((source, 0), (destination, 0))
    ports = int.from_bytes(frame[at : at + 2], "big"), int.from_bytes(frame[at + 2 : at + 4], "big")
    return Ends((source, ports[0]), (destination, ports[1]))
