"""The blocks of a pcapng file that are not packets, one at a time (pcapng specification, section 4).

Block bodies come from hostile files: what overruns its block is left out, and never an error by itself.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from capture.batch import Interface
from capture.ticks import resolution_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

SECTION_HEADER: Final = 0x0A0D0D0A
INTERFACE_DESCRIPTION: Final = 1
PACKET: Final = 2  # obsolete
SIMPLE_PACKET: Final = 3
NAME_RESOLUTION: Final = 4
INTERFACE_STATISTICS: Final = 5
ENHANCED_PACKET: Final = 6
DECRYPTION_SECRETS: Final = 0x0A

COMMENT: Final = 1  # the option opt_comment, in every block

_MICROSECONDS: Final = 6
_MOST_OPTIONS: Final = 1000  # looked at in one block


@dataclass(frozen=True, slots=True)
class Clock:
    """How an interface's timestamps count: if_tsresol and if_tsoffset."""

    resolution: int = _MICROSECONDS
    offset: int = 0


@dataclass(frozen=True, slots=True)
class InterfaceDescription:
    """An Interface Description Block."""

    interface: Interface
    clock: Clock
    comments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InterfaceStatistics:
    """An Interface Statistics Block: the interface's number within the section, isb_ifdrop if it tells that."""

    interface: int
    dropped: int | None
    comments: tuple[str, ...]


def byte_order(magic: bytes) -> str | None:
    """The byte order ("<" or ">") that these four bytes tell as the byte-order magic; None if they are not one."""
    return {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}.get(magic)


def text(value: bytes) -> str:
    """An option's UTF-8 text."""
    return value.rstrip(b"\0").decode("utf-8", "replace")


def options(body: bytes, at: int, order: str) -> Iterator[tuple[int, bytes]]:
    """Code and value of the options from `at` on, up to opt_endofopt or to one that overruns (section 3.5)."""
    for _ in range(_MOST_OPTIONS):
        if at + 4 > len(body):
            return
        code, length = struct.unpack_from(order + "HH", body, at)
        at += 4
        if code == 0 or at + length > len(body):
            return
        yield code, body[at : at + length]
        at += (length + 3) & ~3


def comments(body: bytes, at: int, order: str) -> tuple[str, ...]:
    """The comments among the options from `at` on."""
    return tuple(text(value) for code, value in options(body, at, order) if code == COMMENT)


def version(body: bytes, order: str) -> tuple[int, int]:
    """Major and minor version of a Section Header Block (section 4.1) of at least 8 bytes."""
    major, minor = struct.unpack_from(order + "HH", body, 4)
    return major, minor


def interface_description(body: bytes, order: str) -> InterfaceDescription:
    """Section 4.2; `body` is the block without type and lengths, at least 8 bytes."""
    link_type, _, snap_length = struct.unpack_from(order + "HHI", body)
    found = dict(reversed(list(options(body, 8, order))))  # the first of a kind counts
    resolution = found[9][0] if found.get(9) else _MICROSECONDS
    offset = struct.unpack(order + "q", found[14])[0] if len(found.get(14, b"")) == 8 else 0
    capture_filter = found.get(11, b"")  # a byte for its kind (0: a libpcap string) comes first
    interface = Interface(
        link_type=link_type,
        snap_length=snap_length,
        time_resolution=resolution_seconds(resolution),
        name=text(found[2]) if 2 in found else None,
        description=text(found[3]) if 3 in found else None,
        capture_filter=text(capture_filter[1:]) if capture_filter[:1] == b"\0" else None,
        operating_system=text(found[12]) if 12 in found else None,
        hardware=found[6].hex(":") if len(found.get(6, b"")) == 6 else None,
    )
    return InterfaceDescription(interface, Clock(resolution, offset), comments(body, 8, order))


def names(body: bytes, order: str) -> Iterator[tuple[str, str]]:
    """Addresses and their names of a Name Resolution Block (section 4.5)."""
    at = 0
    while at + 4 <= len(body):
        kind, length = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4 : at + 4 + length]
        at += 4 + ((length + 3) & ~3)
        size = {1: 4, 2: 16}.get(kind)
        if kind == 0:
            return
        if size is None or len(value) < length or length < size:
            continue
        address = str(ipaddress.ip_address(value[:size]))
        yield from ((address, text(name)) for name in value[size:].split(b"\0") if name)


def statistics(body: bytes, order: str) -> InterfaceStatistics | None:
    """Section 4.6; None if the block is shorter than its own fields."""
    if len(body) < 12:
        return None
    found = dict(reversed(list(options(body, 12, order))))  # the first of a kind counts
    dropped = struct.unpack(order + "Q", found[5])[0] if len(found.get(5, b"")) == 8 else None
    return InterfaceStatistics(struct.unpack_from(order + "I", body)[0], dropped, comments(body, 12, order))


def secrets(body: bytes, order: str) -> tuple[int, bytes] | None:
    """Kind and data of a Decryption Secrets Block (section 4.7); None if it overruns."""
    if len(body) < 8:
        return None
    kind, length = struct.unpack_from(order + "II", body)
    return (kind, body[8 : 8 + length]) if 8 + length <= len(body) else None
