"""Transport headers: TCP (RFC 9293), UDP (RFC 768), ICMP (RFC 792, 4443) and those of which only the ports are read.

Lengths follow Wireshark: `tcp.len` is what the IP header promises less the TCP header, whatever was captured of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.gather import among, layout, records, u8, u16
from capture.kinds import Header
from capture.protocol import TCP_FLAGS, Flag, Protocol
from capture.tunnels import PORTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from capture.cursors import Cursors
    from capture.gather import Rows

_TO_WINDOW: Final = layout(
    16,
    source_port=(">u2", 0),
    destination_port=(">u2", 2),
    sequence=(">u4", 4),
    acknowledgment=(">u4", 8),
    offset_flags=(">u2", 12),
    window=(">u2", 14),
)
"""A TCP header as far as Wireshark reads it before it looks for the stream: a shorter one belongs to none."""

_TUNNELS: Final = np.zeros(0x10000, np.uint8)
_TUNNELS[list(PORTS)] = list(PORTS.values())


def _enter(cursors: Cursors, rows: Rows, protocol: Protocol, header: Header) -> None:
    """This transport is the packet's, so far; `protocol` is its IPv4 form, and the IPv6 form is the number after it."""
    cursors.protocol[rows] = protocol + (cursors.endpoints.family[rows] == 6)
    cursors.passed(rows, header)
    cursors.transport[rows] = cursors.offset(rows)
    cursors.finish(rows)


def _ports(cursors: Cursors, rows: Rows) -> None:
    """Source and destination port, the first four bytes."""
    at = cursors.position[rows]
    cursors.endpoints.source_port[rows] = u16(cursors.buffer, at)
    cursors.endpoints.destination_port[rows] = u16(cursors.buffer, at + 2)


def _read_to(cursors: Cursors, rows: Rows, size: int, cut: Protocol, header: Header) -> Rows:
    """Those of `rows` that have the `size` bytes of this header; the others are `cut`."""
    enough = cursors.end[rows] - cursors.position[rows] >= size
    if enough.all():
        return rows
    _leave_cut(cursors, rows[~enough], cut, header)
    return rows[enough]


def _leave_cut(cursors: Cursors, rows: Rows, cut: Protocol, header: Header) -> None:
    """Of these headers only the ports are read; `cut` is the IPv4 form of what they are then.

    Without their ports they are IP packets of an unknown transport.
    """
    rows = cursors.whole(rows, 4)
    _enter(cursors, rows, cut, header)
    _ports(cursors, rows)
    cursors.finish(rows, malformed=True)


def _payload(cursors: Cursors, rows: Rows, size: int | Rows, length: Rows) -> None:
    """`length` bytes of payload follow `size` bytes of header; no offset if not even the header was captured."""
    captured = cursors.position[rows] + size <= cursors.end[rows]
    # In reassembled bytes there is no offset that would be the packet's own.
    inside = captured & ~cursors.moved[rows]
    cursors.payload[rows] = np.where(inside, cursors.position[rows] + size - cursors.base[rows], -1)
    cursors.payload_length[rows] = np.maximum(length, 0)


def tcp(cursors: Cursors, rows: Rows) -> None:
    """RFC 9293 section 3.1. A header that ends before its window does tells its ports, and nothing else."""
    rows = _read_to(cursors, rows, _TO_WINDOW.itemsize, Protocol.CUT_TCP4, Header.TCP)
    _enter(cursors, rows, Protocol.TCP4, Header.TCP)
    at = cursors.position[rows]
    header = records(cursors.buffer, at, _TO_WINDOW)
    ends = cursors.endpoints
    ends.source_port[rows], ends.destination_port[rows] = header["source_port"], header["destination_port"]
    cursors.sequence[rows], cursors.acknowledgment[rows] = header["sequence"], header["acknowledgment"]
    cursors.window[rows] = header["window"]
    size = (header["offset_flags"] >> 12).astype(np.int64) * 4
    length = cursors.stop[rows] - at - size
    wrong = (size < 20) | (length < 0)
    flags = header["offset_flags"].astype(np.uint16) & np.uint16(TCP_FLAGS)
    flags |= np.where(wrong, int(Flag.MALFORMED | Flag.NOT_ANALYSED), 0).astype(np.uint16)
    flags |= np.where(cursors.partial[rows], int(Flag.NOT_ANALYSED), 0).astype(np.uint16)
    cursors.flags[rows] |= flags
    _payload(cursors, rows, size, length)
    cursors.payload[rows[wrong]] = -1
    _note_syns(cursors, rows, flags, size)


def _note_syns(cursors: Cursors, rows: Rows, flags: NDArray[np.uint16], size: Rows) -> None:
    """Keep where the options of segments with SYN lie; `capture.options` reads them all at once."""
    syn = flags & Flag.SYN != 0
    if syn.any() and not cursors.quoting:
        rows, size = rows[syn], size[syn]
        begin = cursors.position[rows] + 20
        end = np.minimum(cursors.position[rows] + size, cursors.end[rows])
        cursors.segments.append((rows, begin, end))


def udp(cursors: Cursors, rows: Rows) -> None:
    """RFC 768: ports, length, checksum: 8 bytes. Over IPv6, a length of 0 is a jumbogram's: all that is there.

    A length that ends within the header cuts it: Wireshark looks for no stream then, either.
    """
    rows = _read_to(cursors, rows, 8, Protocol.CUT_UDP4, Header.UDP)
    at = cursors.position[rows]
    length = u16(cursors.buffer, at + 4)
    left = cursors.stop[rows] - at
    length = np.where((length == 0) & (cursors.endpoints.family[rows] == 6), left, length)
    short = length < 8
    if short.any():
        _leave_cut(cursors, rows[short], Protocol.CUT_UDP4, Header.UDP)
        rows, length, left = rows[~short], length[~short], left[~short]
    _enter(cursors, rows, Protocol.UDP4, Header.UDP)
    _ports(cursors, rows)
    wrong = (length > left) & ~cursors.partial[rows]
    cursors.flags[rows[wrong]] |= np.uint16(Flag.MALFORMED)
    _payload(cursors, rows, 8, np.minimum(length, left) - 8)
    cursors.limit(rows, length)
    ends = cursors.endpoints
    low = np.minimum(ends.source_port[rows], ends.destination_port[rows])
    high = np.maximum(ends.source_port[rows], ends.destination_port[rows])
    tunnels = np.where(_TUNNELS[low] != 0, _TUNNELS[low], _TUNNELS[high])
    inside = (tunnels != 0) & ~wrong
    if inside.any():
        cursors.position[rows[inside]] += 8
        cursors.go(rows[inside], tunnels[inside])


def icmp(cursors: Cursors, rows: Rows) -> None:
    """RFC 792: type, code, checksum, four bytes more; errors quote the packet they complain about."""
    _icmp(cursors, rows, Header.ICMP, (3, 4, 5, 11, 12))


def icmpv6(cursors: Cursors, rows: Rows) -> None:
    """RFC 4443: types below 128 are errors."""
    _icmp(cursors, rows, Header.ICMPV6, (1, 2, 3, 4))


def _icmp(cursors: Cursors, rows: Rows, header: Header, errors: tuple[int, ...]) -> None:
    rows = cursors.whole(rows, 4)
    _enter(cursors, rows, Protocol.ICMP4, header)
    at = cursors.position[rows]
    _payload(cursors, rows, 8, cursors.stop[rows] - at - 8)
    quoted = among(u8(cursors.buffer, at), errors) & (cursors.end[rows] - at > 8)
    if quoted.any():
        cursors.quotes.append(rows[quoted])


def _with_ports(header: Header, protocol: Protocol, size: int) -> Callable[[Cursors, Rows], None]:
    """A handler for a transport of which only the ports, in its first four bytes, are read."""

    def read_ports(cursors: Cursors, rows: Rows) -> None:
        rows = cursors.whole(rows, 4)
        _enter(cursors, rows, protocol, header)
        _ports(cursors, rows)
        _payload(cursors, rows, size, cursors.stop[rows] - cursors.position[rows] - size)

    return read_ports


sctp = _with_ports(Header.SCTP, Protocol.SCTP4, 12)  # RFC 9260 section 3.1
dccp = _with_ports(Header.DCCP, Protocol.DCCP4, 12)  # RFC 4340 section 5.1


def without_ports(header: Header, protocol: Protocol) -> Callable[[Cursors, Rows], None]:
    """A handler for a protocol that is recognised by its number alone."""

    def recognise(cursors: Cursors, rows: Rows) -> None:
        _enter(cursors, rows, protocol, header)

    return recognise
