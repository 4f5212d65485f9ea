"""As much of a frame as the lab has to know: which kind it is, and between which ends it goes."""

from __future__ import annotations

import socket
from typing import Final, NamedTuple

from lab.network import Kind

IPV4: Final = b"\x08\x00"
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
TCP, UDP = socket.IPPROTO_TCP, socket.IPPROTO_UDP

Address = tuple[str, int]


class Ends(NamedTuple):
    """From which address and port to which; ports are 0 where there are none."""

    source: Address
    destination: Address


def kinds(frame: bytes) -> frozenset[Kind]:
    """All kinds that an Ethernet frame is of."""
    if frame[12:14] != IPV4 or len(frame) < 34:
        return frozenset()
    at = 14 + 4 * (frame[14] & 0x0F)
    if frame[23] == UDP:
        return frozenset({Kind.IP, Kind.UDP})
    if frame[23] != TCP or len(frame) < at + 20:
        return frozenset({Kind.IP})
    found = {Kind.IP, Kind.TCP}
    if 14 + int.from_bytes(frame[16:18], "big") > at + 4 * (frame[at + 12] >> 4):
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
    """Between which ends an Ethernet frame's IPv4 packet goes; None if it holds none."""
    if frame[12:14] != IPV4 or len(frame) < 34:
        return None
    at = 14 + 4 * (frame[14] & 0x0F)
    source, destination = socket.inet_ntoa(frame[26:30]), socket.inet_ntoa(frame[30:34])
    if frame[23] not in (TCP, UDP) or len(frame) < at + 4:
        return Ends((source, 0), (destination, 0))
    ports = int.from_bytes(frame[at : at + 2], "big"), int.from_bytes(frame[at + 2 : at + 4], "big")
    return Ends((source, ports[0]), (destination, ports[1]))
