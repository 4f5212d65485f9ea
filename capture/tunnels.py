"""Tunnels to the packet inside: GRE (RFC 2784, 2890, 2637), ERSPAN, and those within UDP.

A UDP tunnel is believed only if what is inside looks right; then the outer UDP header becomes a mention, for Wireshark
numbers a stream for it. VXLAN is RFC 7348, Geneve RFC 8926, GTP-U 3GPP TS 29.281, Teredo RFC 4380, L2TP RFC 2661,
GRE in UDP RFC 8086.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.gather import u8, u16, u32
from capture.kinds import Header
from capture.link import ETHER_TYPES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.cursors import Cursors
    from capture.gather import Rows

PORTS: Final = {
    1701: Header.L2TP,
    2152: Header.GTP,
    3544: Header.TEREDO,
    4754: Header.GRE_IN_UDP,
    4789: Header.VXLAN,
    4790: Header.VXLAN_GPE,
    5072: Header.AYIYA,
    6081: Header.GENEVE,
    8472: Header.VXLAN,  # Linux before the port was assigned
}
_GTP_EXTENSIONS_MOST: Final = 8
_INSIDE: Final = np.zeros(0x10000, np.uint8)
_INSIDE[list(ETHER_TYPES)] = list(ETHER_TYPES.values())
_INSIDE[[0x88BE, 0x22EB]] = Header.ERSPAN


def _accept(cursors: Cursors, rows: Rows, plausible: NDArray[np.bool_], header: Header) -> Rows:
    """Believe the tunnel where it is plausible; elsewhere the outer UDP datagram stays what the packet is."""
    cursors.finish(rows[~plausible])
    rows = rows[plausible]
    cursors.mention(rows)
    cursors.passed(rows, header)
    return rows


def _ip_version(cursors: Cursors, at: Rows, end: Rows) -> NDArray[np.uint8]:
    """IPv4 or IPv6 by the first four bits, `Header.DONE` if it is neither or nothing is left."""
    version = np.where(end - at >= 1, u8(cursors.buffer, np.minimum(at, end)) >> 4, 0)
    return np.select([version == 4, version == 6], [Header.IPV4, Header.IPV6], Header.DONE).astype(np.uint8)


def gre(cursors: Cursors, rows: Rows) -> None:
    """Flags, EtherType, then checksum, key, sequence and acknowledgment number as the flags say."""
    rows = cursors.whole(rows, 4)
    at = cursors.position[rows]
    flags, number = u16(cursors.buffer, at), u16(cursors.buffer, at + 2)
    optional = [0x8000 | 0x4000, 0x2000, 0x1000]
    size = 4 + 4 * sum((flags & bit != 0).astype(np.int64) for bit in optional)
    size = size + 4 * ((flags & 0x0087) == 0x0081)
    cursors.passed(rows, Header.GRE)
    cursors.erspan_indexed[rows] = flags & 0x1000 != 0
    headers = _INSIDE[number]
    # Version 1 (PPTP) without a sequence number carries only an acknowledgment; routing was withdrawn by RFC 2784.
    empty = (flags & 0x1007 == 0x0001) | (flags & 0x4000 != 0)
    cursors.go(rows, np.where(empty, Header.DONE, headers).astype(np.uint8))
    cursors.ether_type[rows] = number
    cursors.skip(rows, size)


def erspan(cursors: Cursors, rows: Rows) -> None:
    """Type I has no header, type II (GRE with sequence number) eight bytes, type III twelve and perhaps eight more."""
    third = cursors.ether_type[rows] == 0x22EB
    size = np.where(third, 12, np.where(cursors.erspan_indexed[rows], 8, 0))
    at = cursors.position[rows]
    last = u8(cursors.buffer, at + 11)
    size += np.where(third & (last & 1 == 1), 8, 0)
    cursors.go(rows, Header.ETHERNET)
    rows = cursors.skip(rows, size)
    cursors.passed(rows, Header.ERSPAN)


def vxlan(cursors: Cursors, rows: Rows) -> None:
    """Flags with the I bit, network identifier: 8 bytes, then an Ethernet frame."""
    at = cursors.position[rows]
    plausible = (cursors.end[rows] - at >= 22) & (u8(cursors.buffer, at) & 0x08 != 0)
    rows = _accept(cursors, rows, plausible, Header.VXLAN)
    cursors.position[rows] += 8
    cursors.go(rows, Header.ETHERNET)


def vxlan_gpe(cursors: Cursors, rows: Rows) -> None:
    """The same with the next protocol's number in the fourth byte."""
    at = cursors.position[rows]
    number = u8(cursors.buffer, at + 3)
    headers = [Header.IPV4, Header.IPV6, Header.ETHERNET, Header.NSH, Header.MPLS]
    following = np.select([number == index for index in (1, 2, 3, 4, 5)], headers, Header.DONE).astype(np.uint8)
    # Senders in the wild leave the P bit out; Wireshark reads the number all the same.
    plausible = (cursors.end[rows] - at > 8) & (u8(cursors.buffer, at) & 0x08 != 0) & (following != 0)
    following = following[plausible]
    rows = _accept(cursors, rows, plausible, Header.VXLAN_GPE)
    cursors.position[rows] += 8
    cursors.go(rows, following)


def geneve(cursors: Cursors, rows: Rows) -> None:
    """Version and options' length (units of four bytes), flags, EtherType, network identifier: 8 bytes."""
    at = cursors.position[rows]
    first = u8(cursors.buffer, at)
    following = _INSIDE[u16(cursors.buffer, at + 2)]
    size = 8 + 4 * (first & 0x3F)
    plausible = (cursors.end[rows] - at > size) & (first >> 6 == 0) & (following != 0)
    following, size = following[plausible], size[plausible]
    rows = _accept(cursors, rows, plausible, Header.GENEVE)
    cursors.position[rows] += size
    cursors.go(rows, following)


def gre_in_udp(cursors: Cursors, rows: Rows) -> None:
    """RFC 8086: the GRE header follows at once."""
    at = cursors.position[rows]
    flags = u16(cursors.buffer, at)
    plausible = (cursors.end[rows] - at >= 8) & (flags & 0x4FFF == 0) & (_INSIDE[u16(cursors.buffer, at + 2)] != 0)
    cursors.finish(rows[~plausible])
    rows = rows[plausible]
    cursors.mention(rows)
    cursors.go(rows, Header.GRE)


def gtp(cursors: Cursors, rows: Rows) -> None:
    """GTP-U version 1, message type 255: eight bytes, four more if a flag is set, then extension headers."""
    at, end = cursors.position[rows], cursors.end[rows]
    flags, kind = u8(cursors.buffer, at), u8(cursors.buffer, at + 1)
    size = np.where(flags & 0x07 != 0, 12, 8)
    more = (flags & 0x04 != 0) & (end - at >= 12)
    extension = np.where(more, u8(cursors.buffer, at + 11), 0)
    for _ in range(_GTP_EXTENSIONS_MOST):
        going = (extension != 0) & (at + size < end)
        if not going.any():
            break
        length = 4 * u8(cursors.buffer, np.minimum(at + size, end))
        going &= length > 0
        size = np.where(going, size + length, size)
        extension = np.where(going, u8(cursors.buffer, np.minimum(at + size - 1, end)), 0)
    following = _ip_version(cursors, at + size, end)
    plausible = (flags & 0xF0 == 0x30) & (kind == 255) & (end - at > size) & (following != 0) & (extension == 0)
    following, size = following[plausible], size[plausible]
    rows = _accept(cursors, rows, plausible, Header.GTP)
    cursors.position[rows] += size
    cursors.go(rows, following)


def teredo(cursors: Cursors, rows: Rows) -> None:
    """RFC 4380 section 5.1.1: perhaps authentication (00 01), perhaps an origin (00 00), then IPv6."""
    at, end = cursors.position[rows], cursors.end[rows]
    authenticated = (u16(cursors.buffer, at) == 1) & (end - at >= 13)
    size = np.where(authenticated, 13 + u8(cursors.buffer, at + 2) + u8(cursors.buffer, at + 3), 0)
    inner = np.minimum(at + size, end)
    size += np.where((u16(cursors.buffer, inner) == 0) & (end - inner >= 8), 8, 0)
    inner = np.minimum(at + size, end)
    plausible = (end - inner >= 40) & (u8(cursors.buffer, inner) >> 4 == 6)
    inner = inner[plausible]
    rows = _accept(cursors, rows, plausible, Header.TEREDO)
    cursors.position[rows] = inner
    cursors.go(rows, Header.IPV6)


def l2tp(cursors: Cursors, rows: Rows) -> None:
    """RFC 2661 section 3.1: flags say which of length, sequence numbers and offset are there; data carries PPP."""
    at, end = cursors.position[rows], cursors.end[rows]
    flags = u16(cursors.buffer, at)
    size = 6 + np.where(flags & 0x4000, 2, 0) + np.where(flags & 0x0800, 4, 0)
    offset = np.where((flags & 0x0200 != 0) & (end - at >= size + 2), 2 + u16(cursors.buffer, at + size), 0)
    size = size + offset
    plausible = (end - at > size) & (flags & 0x800F == 0x0002)
    size = size[plausible]
    rows = _accept(cursors, rows, plausible, Header.L2TP)
    cursors.position[rows] += size
    cursors.go(rows, Header.PPP)


def ayiya(cursors: Cursors, rows: Rows) -> None:
    """Anything in Anything: lengths of identity and signature, operation 1 (forward), next header, time."""
    at, end = cursors.position[rows], cursors.end[rows]
    first = u32(cursors.buffer, at)
    identity = np.int64(1) << (first >> 28)
    size = 8 + identity + 4 * ((first >> 20) & 0x0F)
    number = first & 0xFF
    following = np.select([number == 4, number == 41], [Header.IPV4, Header.IPV6], Header.DONE).astype(np.uint8)
    plausible = (end - at > size) & ((first >> 8) & 0x0F == 1) & (following != 0)
    plausible &= _ip_version(cursors, np.minimum(at + size, end), end) == following
    following, size = following[plausible], size[plausible]
    rows = _accept(cursors, rows, plausible, Header.AYIYA)
    cursors.position[rows] += size
    cursors.go(rows, following)
