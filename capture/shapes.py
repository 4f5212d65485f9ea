"""Packets of the shapes that most captures consist of, each shape read in one gather, exactly as the walk reads them.

Ethernet with IPv4 and TCP is read first, for all rows; then, among those that are left, the same behind a VLAN tag,
IPv6 with TCP, and IPv4 with UDP. Whatever has options in front of its transport, is a piece of something, contradicts
itself or was cut before its ports is left to `capture.walk`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.gather import chosen, layout, records
from capture.kinds import Header
from capture.protocol import TCP_FLAGS, Flag, Protocol
from capture.tunnels import PORTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.cursors import Cursors
    from capture.gather import Rows

_IPV4: Final[dict[str, tuple[str, int]]] = {
    "ether_type": (">u2", 12),
    "version": ("u1", 14),
    "total_length": (">u2", 16),
    "fragment": (">u2", 20),
    "protocol": ("u1", 23),
    "source_low": (">u4", 26),
    "destination_low": (">u4", 30),
    "source_port": (">u2", 34),
    "destination_port": (">u2", 36),
}
_TAG: Final = 4  # bytes of a VLAN tag (IEEE 802.1Q)
_TAGGED_IPV4: Final[dict[str, tuple[str, int]]] = {
    "tag": (">u2", 12),
    **{name: (form, at + _TAG) for name, (form, at) in _IPV4.items()},
}
_IPV6: Final[dict[str, tuple[str, int]]] = {
    "ether_type": (">u2", 12),
    "version": ("u1", 14),
    "payload_length": (">u2", 18),
    "next_header": ("u1", 20),
    "source_high": (">u8", 22),
    "source_low": (">u8", 30),
    "destination_high": (">u8", 38),
    "destination_low": (">u8", 46),
    "source_port": (">u2", 54),
    "destination_port": (">u2", 56),
}


def _tcp(at: int) -> dict[str, tuple[str, int]]:
    """What follows the ports of a TCP header that begins `at` this offset."""
    return {
        "sequence": (">u4", at + 4),
        "acknowledgment": (">u4", at + 8),
        "offset_flags": (">u2", at + 12),
        "window": (">u2", at + 14),
    }


_TCP4: Final = layout(54, **_IPV4, **_tcp(34))
_TAGGED_TCP4: Final = layout(58, **_TAGGED_IPV4, **_tcp(38))
_TCP6: Final = layout(74, **_IPV6, **_tcp(54))
_UDP4: Final = layout(42, **_IPV4, length=(">u2", 38))
_MORE_OR_OFFSET: Final = 0x3FFF
_ETHERNET: Final = np.uint8(Header.ETHERNET)  # numpy compares a column with an enumeration ten times as slowly
_LEADS_ON: Final = np.zeros(0x10000, np.bool_)
_LEADS_ON[list(PORTS)] = True

_MOST: Final = 14 + 0xFFFF
"""Bytes of the longest packet of the first shape."""

_BLOCK: Final = 16_384
"""Rows of the first shape that are read together: their headers stay in the processor's cache for all columns."""


def read_shapes(cursors: Cursors) -> None:
    """Read all rows that have one of the shapes; the others stay where they are."""
    if not (cursors.next == _ETHERNET).any():
        return
    rest = [_read_tcp4(cursors, slice(first, first + _BLOCK)) for first in range(0, len(cursors.base), _BLOCK)]
    rows = np.concatenate(rest)
    rows = rows[cursors.next[rows] == _ETHERNET]
    for read in (_read_tagged_tcp4, _read_tcp6):
        if len(rows):
            rows = read(cursors, rows)
    if len(rows):
        _read_udp4(cursors, rows)


def _read_tcp4(cursors: Cursors, rows: slice) -> Rows:
    """Columns are written whole, and what is not of that shape is wiped again: those rows are returned."""
    base = cursors.base[rows]
    captured = (cursors.end[rows] - base).astype(np.int32)
    promised = np.minimum(cursors.stop[rows] - base, _MOST).astype(np.int32)
    header = records(cursors.buffer, base, _TCP4)
    offset_flags = header["offset_flags"].astype(np.uint16)
    size = (offset_flags >> 12).astype(np.int32) * 4
    behind = size + 34
    length = np.minimum(header["total_length"].astype(np.int32) + 14, promised) - behind
    common = (header["ether_type"] == 0x0800) & (header["version"] == 0x45) & (header["protocol"] == 6)
    common &= (header["fragment"] & _MORE_OR_OFFSET == 0) & (size >= 20) & (length >= 0)
    common &= (cursors.next[rows] == _ETHERNET) & (captured >= _TCP4.itemsize)
    rest = np.flatnonzero(~common)
    left: Rows = rest + rows.start
    if len(rest) == len(common):
        return left
    ends = cursors.endpoints
    captured_end = np.minimum(captured, behind + length)
    payload = np.where(behind <= captured_end, behind, -1)
    path = cursors.paths.number(Header.ETHERNET, Header.IPV4, Header.TCP)
    flags = offset_flags & np.uint16(TCP_FLAGS)
    for column, values, otherwise in (
        (ends.family, 4, 0),
        (ends.transport, 6, ends.transport[rows][rest]),
        (ends.source_low, header["source_low"], 0),
        (ends.destination_low, header["destination_low"], 0),
        (ends.source_port, header["source_port"], 0),
        (ends.destination_port, header["destination_port"], 0),
        (cursors.protocol, Protocol.TCP4, 0),
        (cursors.path, path, 0),
        (cursors.network, 14, -1),
        (cursors.transport, 34, -1),
        (cursors.payload, payload, -1),
        (cursors.payload_length, length, 0),
        (cursors.sequence, header["sequence"], 0),
        (cursors.acknowledgment, header["acknowledgment"], 0),
        (cursors.window, header["window"], 0),
        (cursors.flags, flags, 0),
        (cursors.next, Header.DONE, cursors.next[rows][rest]),
    ):
        part = column[rows]
        part[:] = values
        part[rest] = otherwise
    syn = np.flatnonzero(common & (flags & np.uint16(Flag.SYN) != 0))
    _note_syns(cursors, rows.start + syn, 34, size[syn], captured_end[syn])
    return left


def _read_tagged_tcp4(cursors: Cursors, rows: Rows) -> Rows:
    """Those of the rows that are of this shape; the others are returned."""
    base = cursors.base[rows]
    header = records(cursors.buffer, base, _TAGGED_TCP4)
    size = (header["offset_flags"] >> 12).astype(np.int64) * 4
    length = np.minimum(header["total_length"].astype(np.int64), cursors.stop[rows] - base - 18) - 20 - size
    captured = cursors.end[rows] - base
    common = (header["tag"] == 0x8100) & (header["ether_type"] == 0x0800) & (header["version"] == 0x45)
    common &= (header["protocol"] == 6) & (header["fragment"] & _MORE_OR_OFFSET == 0)
    common &= (size >= 20) & (length >= 0) & (captured >= _TAGGED_TCP4.itemsize)
    which = np.flatnonzero(common)
    if not len(which):
        return rows
    found, header = rows[which], chosen(header, common)
    cursors.endpoints.family[found] = 4
    cursors.protocol[found] = Protocol.TCP4
    cursors.path[found] = cursors.paths.number(Header.ETHERNET, Header.VLAN, Header.IPV4, Header.TCP)
    _write_ends(cursors, found, header, 6, 14 + _TAG, 34 + _TAG)
    _write_tcp(cursors, found, header, (size[which], length[which], captured[which]), 34 + _TAG)
    others: Rows = rows[~common]
    return others


def _read_tcp6(cursors: Cursors, rows: Rows) -> Rows:
    """Those of the rows that are of this shape; the others are returned."""
    base = cursors.base[rows]
    header = records(cursors.buffer, base, _TCP6)
    promised = header["payload_length"].astype(np.int64)  # 0 has another meaning, and is too little
    size = (header["offset_flags"] >> 12).astype(np.int64) * 4
    length = np.minimum(promised, cursors.stop[rows] - base - 54) - size
    captured = cursors.end[rows] - base
    common = (header["ether_type"] == 0x86DD) & (header["version"] >> 4 == 6) & (header["next_header"] == 6)
    common &= (size >= 20) & (length >= 0) & (promised > 0) & (captured >= _TCP6.itemsize)
    which = np.flatnonzero(common)
    if not len(which):
        return rows
    found, header = rows[which], chosen(header, common)
    ends = cursors.endpoints
    for column, values in (
        (ends.family, 6),
        (ends.source_high, header["source_high"]),
        (ends.destination_high, header["destination_high"]),
        (cursors.protocol, Protocol.TCP6),
        (cursors.path, cursors.paths.number(Header.ETHERNET, Header.IPV6, Header.TCP)),
    ):
        column[found] = values
    _write_ends(cursors, found, header, 6, 14, 54)
    _write_tcp(cursors, found, header, (size[which], length[which], captured[which]), 54)
    others: Rows = rows[~common]
    return others


def _read_udp4(cursors: Cursors, rows: Rows) -> None:
    """Those of the rows that are of this shape and lead into no tunnel."""
    base = cursors.base[rows]
    header = records(cursors.buffer, base, _UDP4)
    length = header["length"].astype(np.int64)
    left = np.minimum(header["total_length"].astype(np.int64), cursors.stop[rows] - base - 14) - 20
    common = (header["ether_type"] == 0x0800) & (header["version"] == 0x45) & (header["protocol"] == 17)
    common &= (header["fragment"] & _MORE_OR_OFFSET == 0) & (length >= 8) & (length <= left)
    common &= cursors.end[rows] - base >= _UDP4.itemsize
    common &= ~(_LEADS_ON[header["source_port"]] | _LEADS_ON[header["destination_port"]])
    which = np.flatnonzero(common)
    if not len(which):
        return
    found, header = rows[which], chosen(header, common)
    for column, values in (
        (cursors.endpoints.family, 4),
        (cursors.protocol, Protocol.UDP4),
        (cursors.path, cursors.paths.number(Header.ETHERNET, Header.IPV4, Header.UDP)),
        (cursors.payload, 42),
        (cursors.payload_length, length[which] - 8),
    ):
        column[found] = values
    _write_ends(cursors, found, header, 17, 14, 34)


def _write_ends(cursors: Cursors, rows: Rows, header: NDArray[Any], number: int, network: int, transport: int) -> None:
    """Addresses (their low words), ports and where the headers are; these rows are done."""
    ends = cursors.endpoints
    for column, values in (
        (ends.transport, number),
        (ends.source_low, header["source_low"]),
        (ends.destination_low, header["destination_low"]),
        (ends.source_port, header["source_port"]),
        (ends.destination_port, header["destination_port"]),
        (cursors.network, network),
        (cursors.transport, transport),
        (cursors.next, Header.DONE),
    ):
        column[rows] = values


def _write_tcp(
    cursors: Cursors, rows: Rows, header: NDArray[Any], sizes: tuple[Rows, Rows, Rows], transport: int
) -> None:
    """What follows the ports; `sizes` are those of the TCP header, the payload, and what was captured of the packet."""
    size, length, captured = sizes
    behind = transport + size
    captured_end = np.minimum(captured, behind + length)
    flags = header["offset_flags"].astype(np.uint16) & np.uint16(TCP_FLAGS)
    for column, values in (
        (cursors.payload, np.where(behind <= captured_end, behind, -1)),
        (cursors.payload_length, length),
        (cursors.sequence, header["sequence"]),
        (cursors.acknowledgment, header["acknowledgment"]),
        (cursors.window, header["window"]),
        (cursors.flags, flags),
    ):
        column[rows] = values
    syn = np.flatnonzero(flags & np.uint16(Flag.SYN))
    _note_syns(cursors, rows[syn], transport, size[syn], captured_end[syn])


def _note_syns(cursors: Cursors, rows: Rows, transport: int, size: NDArray[Any], captured_end: NDArray[Any]) -> None:
    """Keep where the options of these segments with SYN lie; `capture.options` reads them all at once."""
    if len(rows):
        base = cursors.base[rows]
        begin = base + transport + 20
        cursors.segments.append((rows, begin, np.minimum(begin - 20 + size, base + captured_end)))
