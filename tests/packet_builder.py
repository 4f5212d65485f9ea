"""Packets byte by byte for tests of the decoder, and what it says of them in words."""

from __future__ import annotations

import ipaddress
import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from capture.batch import PADDING, Batch
from capture.decode import decode_alone
from capture.protocol import Flag, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.headers import Endpoints, Headers

MAC_A, MAC_B = bytes.fromhex("02000000000a"), bytes.fromhex("02000000000b")


def ethernet(content: bytes, ether_type: int = 0x0800) -> bytes:
    return MAC_B + MAC_A + struct.pack(">H", ether_type) + content


def vlan(content: bytes, ether_type: int = 0x0800, outer: int = 0x8100) -> bytes:
    return ethernet(struct.pack(">HH", 5, ether_type) + content, outer)


def ipv4(
    content: bytes,
    protocol: int = 6,
    *,
    total: int | None = None,
    fragment: int = 0,
    identification: int = 1,
    options: bytes = b"",
    source: str = "10.0.0.1",
    destination: str = "10.0.0.2",
) -> bytes:
    size = 20 + len(options)
    total = size + len(content) if total is None else total
    head = struct.pack(">BBHHHBBH", 0x40 | size // 4, 0, total, identification, fragment, 64, protocol, 0)
    return head + ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed + options + content


def ipv6(content: bytes, protocol: int = 6, *, length: int | None = None) -> bytes:
    length = len(content) if length is None else length
    addresses = ipaddress.ip_address("2001:db8::1").packed + ipaddress.ip_address("2001:db8::2").packed
    return struct.pack(">IHBB", 6 << 28, length, protocol, 64) + addresses + content


def tcp(
    content: bytes = b"", *, flags: int = 0x10, options: bytes = b"", offset: int | None = None, port: int = 80
) -> bytes:
    offset = (20 + len(options)) // 4 if offset is None else offset
    return struct.pack(">HHIIHHHH", 1000, port, 5, 6, offset << 12 | flags, 700, 0, 0) + options + content


def udp(content: bytes = b"", port: int = 53, *, source: int = 2000, length: int | None = None) -> bytes:
    return struct.pack(">HHHH", source, port, 8 + len(content) if length is None else length, 0) + content


def arp() -> bytes:
    head = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1)
    return head + MAC_A + bytes([192, 0, 2, 1]) + bytes(6) + bytes([192, 0, 2, 2])


def batch_of(
    frames: Sequence[bytes], link_type: int | Sequence[int] = 1, original: int | Sequence[int] | None = None
) -> Batch:
    """A batch of `frames` without a gap between them, so that reading too far meets the next packet's bytes."""
    count = len(frames)
    lengths = np.array([len(frame) for frame in frames], np.int64)
    start = np.cumsum(lengths) - lengths
    return Batch(
        buffer=np.frombuffer(b"".join(frames) + bytes(PADDING), np.uint8),
        start=start,
        offset=start,
        captured_length=lengths.astype(np.uint32),
        original_length=np.broadcast_to(lengths if original is None else original, count).astype(np.uint32),
        time_ns=np.zeros(count, np.int64),
        interface=np.zeros(count, np.uint16),
        link_type=np.broadcast_to(link_type, count).astype(np.uint16),
    )


class Told(NamedTuple):
    """One packet as the decoder tells it."""

    protocol: str
    path: str
    ends: str
    network: int
    transport: int
    payload: int
    payload_length: int
    flags: Flag
    numbers: tuple[int, int, int]  # sequence, acknowledgment, window


def told(headers: Headers, row: int = 0) -> Told:
    return Told(
        protocol=Protocol(headers.protocol[row]).name,
        path=" ".join(headers.paths[headers.path[row]]),
        ends=ends_of(headers.endpoints, row),
        network=int(headers.network[row]),
        transport=int(headers.transport[row]),
        payload=int(headers.payload[row]),
        payload_length=int(headers.payload_length[row]),
        flags=Flag(int(headers.flags[row])),
        numbers=(int(headers.sequence[row]), int(headers.acknowledgment[row]), int(headers.window[row])),
    )


def decoded(frame: bytes, link_type: int = 1, original: int | None = None) -> Told:
    return told(decode_alone(batch_of([frame], link_type, original)))


def ends_of(ends: Endpoints, row: int) -> str:
    """ "6: 10.0.0.1 1000 > 10.0.0.2 80": transport, source, destination."""
    family = int(ends.family[row])
    source = _address(family, int(ends.source_high[row]), int(ends.source_low[row]))
    destination = _address(family, int(ends.destination_high[row]), int(ends.destination_low[row]))
    ports = int(ends.source_port[row]), int(ends.destination_port[row])
    if any(ports):
        source, destination = f"{source} {ports[0]}", f"{destination} {ports[1]}"
    return f"{int(ends.transport[row])}: {source} > {destination}"


def mentions_of(headers: Headers) -> list[tuple[int, str, str]]:
    """Row, "before" or "after", endpoints."""
    mentions = headers.mentions
    return [
        (int(mentions.row[index]), "before" if mentions.before[index] else "after", ends_of(mentions.endpoints, index))
        for index in range(len(mentions.row))
    ]


def _address(family: int, high: int, low: int) -> str:
    if family == 4:
        assert high == 0
        return str(ipaddress.IPv4Address(low))
    if family == 6:
        return str(ipaddress.IPv6Address(high << 64 | low))
    if family == 1:
        assert high == 0
        return low.to_bytes(6, "big").hex(":")
    assert high == low == 0
    return "-"


TCP_4 = "6: 10.0.0.1 1000 > 10.0.0.2 80"
TCP_6 = "6: 2001:db8::1 1000 > 2001:db8::2 80"
UDP_4 = "17: 10.0.0.1 2000 > 10.0.0.2 53"
MACS = "02:00:00:00:00:0a > 02:00:00:00:00:0b"
