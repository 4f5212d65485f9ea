"""Headers that capturing systems put before the link header, and rings: PPI, PKTAP, NFLOG, Juniper, FDDI, Token Ring.

Sources: the tcpdump.org registry, the PPI 1.0.10 specification, RFC 2734 (IP over IEEE 1394).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.gather import u8, u16, u16_little, u32, u32_little
from capture.kinds import Header
from capture.link import follow_ether_type
from capture.protocol import Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from capture.cursors import Cursors
    from capture.gather import Rows

LINK_TYPES: Final[Mapping[int, Header]] = {
    0: Header.NULL,
    1: Header.ETHERNET,
    6: Header.TOKEN_RING,
    8: Header.SLIP,
    9: Header.PPP,
    10: Header.FDDI,
    12: Header.RAW_IP,
    14: Header.RAW_IP,
    50: Header.PPP,
    51: Header.PPPOE,
    101: Header.RAW_IP,
    104: Header.HDLC,
    105: Header.WLAN,
    107: Header.FRAME_RELAY,
    108: Header.LOOP,
    109: Header.ENC,
    113: Header.SLL,
    119: Header.PRISM,
    123: Header.SUN_ATM,
    127: Header.RADIOTAP,
    138: Header.IEEE1394,
    149: Header.PKTAP,  # as macOS writes it
    163: Header.AVS,
    166: Header.PPP_DIRECTION,
    178: Header.JUNIPER,
    192: Header.PPI,
    204: Header.PPP_DIRECTION,
    226: Header.IPNET,
    228: Header.IPV4,
    229: Header.IPV6,
    239: Header.NFLOG,
    258: Header.PKTAP,
    276: Header.SLL2,
    281: Header.ETHERNET,  # with a switch's tag in place of the EtherType
    285: Header.ETHERNET,
}
"""The header that stands first for each LINKTYPE_ number."""

_FIRST: Final = np.zeros(0x10001, np.uint8)
_FIRST[list(LINK_TYPES)] = list(LINK_TYPES.values())

_NFLOG_PAYLOAD: Final = 9
_NFLOG_MOST: Final = 32


def first_headers(link_types: Rows) -> NDArray[np.uint8]:
    """The header for each link type (int64), `Header.DONE` where it is not decoded."""
    return _FIRST.take(link_types, mode="clip")


def fddi(cursors: Cursors, rows: Rows) -> None:
    """Frame control, destination, source: 13 bytes; only frames that carry LLC are followed."""
    rows = cursors.whole(rows, 13)
    at = cursors.position[rows]
    cursors.frame(rows, Protocol.UNKNOWN, at + 7, at + 1)
    cursors.passed(rows, Header.FDDI)
    cursors.position[rows] = at + 13
    carries_llc = u8(cursors.buffer, at) & 0xF0 == 0x50
    cursors.go(rows, np.where(carries_llc, Header.LLC, Header.DONE).astype(np.uint8))


def token_ring(cursors: Cursors, rows: Rows) -> None:
    """Access control, frame control, destination, source: 14 bytes; a source route if the source's top bit is set."""
    rows = cursors.whole(rows, 14)
    at = cursors.position[rows]
    cursors.frame(rows, Protocol.UNKNOWN, at + 8, at + 2)
    cursors.passed(rows, Header.TOKEN_RING)
    routed = u8(cursors.buffer, at + 8) & 0x80 != 0
    route = np.where(routed, u8(cursors.buffer, at + 14) & 0x1F, 0)
    carries_llc = u8(cursors.buffer, at + 1) & 0xC0 == 0x40
    cursors.go(rows, np.where(carries_llc, Header.LLC, Header.DONE).astype(np.uint8))
    cursors.skip(rows, 14 + route)


def ieee1394(cursors: Cursors, rows: Rows) -> None:
    """LINKTYPE_APPLE_IP_OVER_IEEE1394: two addresses of eight bytes, EtherType: 18 bytes."""
    rows = cursors.skip(rows, 18)
    cursors.passed(rows, Header.IEEE1394)
    follow_ether_type(cursors, rows, np.maximum(u16(cursors.buffer, cursors.position[rows] - 2), 1501))


def ipnet(cursors: Cursors, rows: Rows) -> None:
    """LINKTYPE_IPNET: version, family (2 or 26, as Solaris numbers them), then lengths and zones: 24 bytes."""
    rows = cursors.skip(rows, 24)
    cursors.passed(rows, Header.IPNET)
    family = u8(cursors.buffer, cursors.position[rows] - 23)
    cursors.go(rows, np.select([family == 2, family == 26], [Header.IPV4, Header.IPV6], Header.DONE))


def juniper(cursors: Cursors, rows: Rows) -> None:
    """LINKTYPE_JUNIPER_ETHER: magic number, flags (0x80 extensions, 0x02 no link header), length of extensions."""
    rows = cursors.whole(rows, 6)
    at = cursors.position[rows]
    flags = u8(cursors.buffer, at + 3)
    understood = (u32(cursors.buffer, at) >> 8 == 0x4D4743) & (flags & 0x02 == 0)
    cursors.go(rows, np.where(understood, Header.ETHERNET, Header.DONE).astype(np.uint8))
    cursors.passed(rows, Header.JUNIPER)
    cursors.skip(rows, np.where(flags & 0x80, u16(cursors.buffer, at + 4) + 6, 4))


def nflog(cursors: Cursors, rows: Rows) -> None:
    """LINKTYPE_NFLOG: family, version, group, then attributes in host byte order, of which number 9 is the packet."""
    rows = cursors.skip(rows, 4)
    cursors.passed(rows, Header.NFLOG)
    family = u8(cursors.buffer, cursors.position[rows] - 4)
    headers = [Header.RAW_IP, Header.IPV4, Header.IPV6]  # family 1 is a rule's for both versions
    cursors.go(rows, np.select([family == 1, family == 2, family == 10], headers, Header.DONE))
    for _ in range(_NFLOG_MOST):
        rows = cursors.whole(rows, 4)
        if not len(rows):
            return
        at = cursors.position[rows]
        left = cursors.stop[rows] - at
        length, kind = u16_little(cursors.buffer, at), u16_little(cursors.buffer, at + 2)
        big = (length > left) | (kind > 0xFF)
        length = np.where(big, u16(cursors.buffer, at), length)
        kind = np.where(big, u16(cursors.buffer, at + 2), kind) & 0x7FFF
        found = (kind == _NFLOG_PAYLOAD) & (length >= 4) & (length <= left)
        cursors.limit(rows[found], length[found])
        cursors.position[rows[found]] += 4
        bad = (length < 4) | (length > left)
        cursors.finish(rows[bad], malformed=True)
        going = ~(found | bad)
        rows = cursors.skip(rows[going], (length[going] + 3) & ~3)
    cursors.finish(rows, malformed=True)


def ppi(cursors: Cursors, rows: Rows) -> None:
    """LINKTYPE_PPI: version, flags, length, link type (little-endian), then fields.

    The 802.11-common field, where it stands first, tells whether the frame ends with its check sequence.
    """
    rows = cursors.whole(rows, 8)
    at = cursors.position[rows]
    length, link = u16_little(cursors.buffer, at + 2), u32_little(cursors.buffer, at + 4)
    checked = (length >= 20) & (u16_little(cursors.buffer, at + 8) == 2) & (u8(cursors.buffer, at + 20) & 1 == 1)
    cursors.passed(rows, Header.PPI)
    cursors.go(rows, first_headers(link))
    cut_check_sequence(cursors, rows[checked & (link == 105)])
    cursors.skip(rows, np.maximum(length, 8))


def cut_check_sequence(cursors: Cursors, rows: Rows) -> None:
    """The last four bytes of the frame are its check sequence, not data."""
    cursors.stop[rows] = np.maximum(cursors.stop[rows] - 4, cursors.position[rows])
    cursors.end[rows] = np.minimum(cursors.end[rows], cursors.stop[rows])


def pktap(cursors: Cursors, rows: Rows) -> None:
    """LINKTYPE_PKTAP: header length, record type, link type (little-endian), then the process that sent it."""
    rows = cursors.whole(rows, 12)
    at = cursors.position[rows]
    length, link = u32_little(cursors.buffer, at), u32_little(cursors.buffer, at + 8)
    packet = u32_little(cursors.buffer, at + 4) == 1
    cursors.passed(rows, Header.PKTAP)
    cursors.go(rows, np.where(packet, first_headers(link), 0).astype(np.uint8))
    cursors.skip(rows, np.maximum(length, 12))
