"""The blocks of a pcapng file that the lab writes (draft-ietf-opsawg-pcapng), with nothing but the standard library."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SECTION_HEADER, INTERFACE, NAMES, STATISTICS, PACKET = 0x0A0D0D0A, 1, 4, 5, 6
COMMENT: Final = 1
INBOUND, OUTBOUND = 1, 2
ETHERNET: Final = 1
LONGEST: Final = 0xFFFF
"""An option's length is a 16-bit number."""


def option(code: int, value: bytes) -> bytes:
    """Code, length, value padded to 32 bits (section 3.5)."""
    value = value[:LONGEST]
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def comments(texts: Iterable[str]) -> bytes:
    """An opt_comment for each text."""
    return b"".join(option(COMMENT, text.encode()) for text in texts)


def block(kind: int, body: bytes, options: bytes = b"") -> bytes:
    """A block, its length at both ends (section 3.1); options are closed by opt_endofopt."""
    body += bytes(-len(body) % 4) + (options + bytes(4) if options else b"")
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def section(program: str, texts: Iterable[str] = ()) -> bytes:
    """The Section Header Block (section 4.1)."""
    body = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    return block(SECTION_HEADER, body, comments(texts) + option(4, program.encode()))


def interface(
    name: str, description: str, *, mac: bytes = b"", snap_length: int = 0, link_type: int = ETHERNET
) -> bytes:
    """An Interface Description Block whose times are in ns (section 4.2)."""
    options = option(2, name.encode()) + option(3, description.encode())
    options += (option(6, mac) if mac else b"") + option(9, b"\x09")
    return block(INTERFACE, struct.pack("<HHI", link_type, 0, snap_length), options)


def names(known: Mapping[str, str]) -> bytes:
    """A Name Resolution Block: addresses and their names (section 4.5); nothing if there are none."""
    records = b""
    for address, name in known.items():
        six = ":" in address
        value = socket.inet_pton(socket.AF_INET6 if six else socket.AF_INET, address) + name.encode() + b"\0"
        records += struct.pack("<HH", 2 if six else 1, len(value)) + value + bytes(-len(value) % 4)
    return block(NAMES, records + bytes(4)) if known else b""


def packet(number: int, time_ns: int, frame: bytes, length: int, direction: int, texts: Iterable[str] = ()) -> bytes:
    """An Enhanced Packet Block of interface `number` (section 4.3); `length` is the frame's before it was cut."""
    head = struct.pack("<IIIII", number, time_ns >> 32, time_ns & 0xFFFF_FFFF, len(frame), length)
    return block(PACKET, head + frame, comments(texts) + option(2, struct.pack("<I", direction)))


def statistics(number: int, time_ns: int, received: int, dropped: int, texts: Iterable[str] = ()) -> bytes:
    """An Interface Statistics Block with isb_ifrecv and isb_ifdrop (section 4.6)."""
    counts = option(4, struct.pack("<Q", received)) + option(5, struct.pack("<Q", dropped))
    return block(
        STATISTICS, struct.pack("<III", number, time_ns >> 32, time_ns & 0xFFFF_FFFF), comments(texts) + counts
    )
