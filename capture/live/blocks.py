"""A capture that comes through a pipe, cut into blocks of pcapng (draft-ietf-opsawg-pcapng): what is pcap becomes so.

A block is handed on when it is whole, so that what is written ends after a packet at any moment.
"""

from __future__ import annotations

import struct
from typing import Final

from capture.live.helper import EPB, block, option

PACKET_KINDS: Final = {2, 3, 6}
SECTION: Final = b"\x0a\x0d\x0d\x0a"
LARGEST_BLOCK: Final = 16 << 20
_NANOSECONDS: Final = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}
"""What a pcap file's fractions of a second are, by its magic number."""

Piece = tuple[bool, bytes]
"""Whether it is a packet, and a block."""


class NotPcapError(Exception):
    """What comes is no capture."""


class Blocks:
    """Cuts a stream; raises `NotPcapError`."""

    def __init__(self) -> None:
        self._rest = b""
        self._pcap: _Pcap | None = None
        self._order = ""

    def feed(self, data: bytes) -> list[Piece]:
        """The blocks that are whole with these bytes."""
        self._rest += data
        if not self._order and self._pcap is None:
            if len(self._rest) < _Pcap.HEAD:
                return []
            if not self._rest.startswith(SECTION):
                self._pcap = _Pcap(self._rest)
                self._rest = self._rest[_Pcap.HEAD :]
                return [*self._pcap.head(), *self._records(self._pcap)]
        return self._records(self._pcap) if self._pcap is not None else self._blocks()

    def _blocks(self) -> list[Piece]:
        found: list[Piece] = []
        data, at = self._rest, 0
        while at + 12 <= len(data):
            if data.startswith(SECTION, at):
                self._order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            kind, length = struct.unpack_from(self._order + "II", data, at)
            if not 12 <= length <= LARGEST_BLOCK or length % 4:
                raise NotPcapError(f"a block of {length} bytes is not one of pcapng")
            if at + length > len(data):
                break
            found.append((kind in PACKET_KINDS, data[at : at + length]))
            at += length
        self._rest = data[at:]
        return found

    def _records(self, pcap: _Pcap) -> list[Piece]:
        found, used = pcap.records(self._rest)
        self._rest = self._rest[used:]
        return found


class _Pcap:
    """What the head of a pcap file says, and its records as Enhanced Packet Blocks with times in ns."""

    HEAD: Final = 24

    def __init__(self, head: bytes) -> None:
        for order in "<>":
            magic = struct.unpack_from(order + "I", head)[0]
            if magic in _NANOSECONDS:
                self._unit = _NANOSECONDS[magic]
                self._record = struct.Struct(order + "IIII")
                self._snap_length, self._link_type = struct.unpack_from(order + "II", head, 16)
                return
        raise NotPcapError("it begins like neither pcapng nor pcap")

    def head(self) -> list[Piece]:
        section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
        described = struct.pack("<HHI", self._link_type & 0xFFFF, 0, self._snap_length)
        return [
            (False, block(0x0A0D0D0A, section)),
            (False, block(1, described + option(9, b"\x09") + bytes(4))),
        ]

    def records(self, data: bytes) -> tuple[list[Piece], int]:
        """The whole records of these bytes, and how many bytes they are."""
        found: list[Piece] = []
        at, size = 0, self._record.size
        while at + size <= len(data):
            seconds, fraction, captured, length = self._record.unpack_from(data, at)
            if captured > LARGEST_BLOCK:
                raise NotPcapError(f"a packet of {captured} bytes is none")
            end = at + size + captured
            if end > len(data):
                break
            stamp = seconds * 1_000_000_000 + fraction * self._unit
            total = 32 + ((captured + 3) & ~3)
            head = EPB.pack(6, total, 0, stamp >> 32, stamp & 0xFFFFFFFF, captured, length)
            found.append((True, head + data[at + size : end] + bytes(-captured % 4) + total.to_bytes(4, "little")))
            at = end
        return found, at
