"""Headers that the lab's directors and routers write themselves: IPv4, and TCP's checksum (RFC 791, 1071, 9293)."""

from __future__ import annotations

import socket
import struct
from typing import Final

ETHERNET: Final = 14
IPV4: Final = b"\x08\x00"
TCP: Final = 6


def checksum(data: bytes) -> int:
    """The ones' complement sum (RFC 1071), to be put where there is 0 now."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(source: str, destination: str, protocol: int, payload: bytes, *, ttl: int = 64) -> bytes:
    """A packet without options."""
    length = 20 + len(payload)
    head = struct.pack("!BBHHHBBH", 0x45, 0, length, 0, 0x4000, ttl, protocol, 0)
    head += socket.inet_aton(source) + socket.inet_aton(destination)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def rewritten(
    packet: bytes,
    *,
    source: str | None = None,
    destination: str | None = None,
    source_port: int | None = None,
    destination_port: int | None = None,
) -> bytes:
    """A TCP packet as a router forwards it, with one less to live, and with the addresses and ports that are told."""
    size = (packet[0] & 0xF) * 4
    (length,) = struct.unpack_from("!H", packet, 2)
    head, segment = bytearray(packet[:size]), bytearray(packet[size:length])
    head[8] -= 1
    if source is not None:
        head[12:16] = socket.inet_aton(source)
    if destination is not None:
        head[16:20] = socket.inet_aton(destination)
    head[10:12] = bytes(2)
    head[10:12] = struct.pack("!H", checksum(bytes(head)))
    for at, port in ((0, source_port), (2, destination_port)):
        if port is not None:
            segment[at : at + 2] = struct.pack("!H", port)
    segment[16:18] = bytes(2)
    pseudo = bytes(head[12:20]) + struct.pack("!BBH", 0, TCP, len(segment))
    segment[16:18] = struct.pack("!H", checksum(pseudo + bytes(segment)))
    return bytes(head + segment)


def addresses(packet: bytes) -> tuple[str, str]:
    """Source and destination."""
    return socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20])


def ports(packet: bytes) -> tuple[int, int]:
    """Source and destination port of TCP or UDP."""
    source, destination = struct.unpack_from("!HH", packet, (packet[0] & 0xF) * 4)
    return source, destination
