"""Link headers that name what follows by an EtherType: Ethernet and its tags, LLC and SNAP, Linux cooked captures.

Sources: IEEE 802.3, 802.1Q and 802.1ah, RFC 1042 (SNAP), and the tcpdump.org registry for the SLL, NULL, LOOP and
ENC headers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.gather import u8, u16, u32, u32_little
from capture.kinds import Header
from capture.protocol import Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from capture.cursors import Cursors
    from capture.gather import Rows

ETHER_TYPES: Final[Mapping[int, Header]] = {
    0x0800: Header.IPV4,
    0x86DD: Header.IPV6,
    0x0806: Header.ARP,
    0x8035: Header.ARP,  # RARP: the same format
    0x8100: Header.VLAN,
    0x88A8: Header.VLAN,  # IEEE 802.1ad, QinQ
    0x9100: Header.VLAN,  # QinQ before it had a standard
    0x9200: Header.VLAN,
    0x88E7: Header.PBB,
    0x8909: Header.CMD,
    0x8847: Header.MPLS,
    0x8848: Header.MPLS,
    0x8863: Header.PPPOE_DISCOVERY,
    0x8864: Header.PPPOE,
    0x880B: Header.PPP,
    0x88CC: Header.LLDP,
    0x888E: Header.EAPOL,
    0x88C7: Header.EAPOL,  # pre-authentication
    0x894F: Header.NSH,
    0x6558: Header.ETHERNET,  # transparent Ethernet bridging
}

LONGEST_LENGTH: Final = 1500
"""IEEE 802.3: a larger number in the length/type field is an EtherType."""


def _table(numbers: Mapping[int, Header]) -> NDArray[np.uint8]:
    table = np.zeros(0x10000, np.uint8)
    table[list(numbers)] = list(numbers.values())
    return table


_NEXT: Final = _table(ETHER_TYPES)

_FAMILIES: Final[Mapping[int, Header]] = {
    2: Header.IPV4,
    10: Header.IPV6,  # Linux
    23: Header.IPV6,  # Windows
    24: Header.IPV6,  # NetBSD, OpenBSD
    28: Header.IPV6,  # FreeBSD
    30: Header.IPV6,  # macOS
}


def follow_ether_type(cursors: Cursors, rows: Rows, ether_types: Rows) -> None:
    """Go on to what the EtherTypes name; a number up to 1500 is the length of an LLC frame."""
    cursors.ether_type[rows] = ether_types
    cursors.go(rows, _NEXT[ether_types])
    short = ether_types <= LONGEST_LENGTH
    if short.any():
        rows, lengths = rows[short], ether_types[short]
        cursors.limit(rows, lengths)
        cursors.go(rows, Header.LLC)


def ethernet(cursors: Cursors, rows: Rows) -> None:
    """Destination, source, EtherType or length: 14 bytes."""
    rows = cursors.whole(rows, 14)
    at = cursors.position[rows]
    cursors.frame(rows, Protocol.ETHERNET, at + 6, at)
    cursors.passed(rows, Header.ETHERNET)
    cursors.position[rows] = at + 14
    follow_ether_type(cursors, rows, u16(cursors.buffer, at + 12))


def vlan(cursors: Cursors, rows: Rows) -> None:
    """IEEE 802.1Q tag: control information, EtherType: 4 bytes."""
    rows = cursors.skip(rows, 4)
    cursors.passed(rows, Header.VLAN)
    follow_ether_type(cursors, rows, u16(cursors.buffer, cursors.position[rows] - 2))


def backbone(cursors: Cursors, rows: Rows) -> None:
    """IEEE 802.1ah I-TAG: four bytes, then the customer's Ethernet frame."""
    rows = cursors.skip(rows, 4)
    cursors.passed(rows, Header.PBB)
    cursors.go(rows, Header.ETHERNET)


def metadata(cursors: Cursors, rows: Rows) -> None:
    """Cisco MetaData: version, length, option, group tag, EtherType: 8 bytes."""
    rows = cursors.skip(rows, 8)
    cursors.passed(rows, Header.CMD)
    follow_ether_type(cursors, rows, u16(cursors.buffer, cursors.position[rows] - 2))


def llc(cursors: Cursors, rows: Rows) -> None:
    """IEEE 802.2: DSAP, SSAP, control (one byte for unnumbered frames, else two)."""
    rows = cursors.whole(rows, 3)
    at = cursors.position[rows]
    service = u8(cursors.buffer, at)
    control = u8(cursors.buffer, at + 2)
    snap_follows = (service == 0xAA) & (u8(cursors.buffer, at + 1) & 0xFE == 0xAA) & (control == 3)
    cursors.protocol[rows] = np.where(service == 0x42, Protocol.STP, Protocol.LLC)
    cursors.ether_type[rows] = service
    cursors.passed(rows, Header.LLC)
    cursors.go(rows, np.select([snap_follows, service == 0x06], [Header.SNAP, Header.IPV4], Header.DONE))
    cursors.skip(rows, np.where(control & 3 == 3, 3, 4))


def snap(cursors: Cursors, rows: Rows) -> None:
    """RFC 1042: organisation (three bytes), then an EtherType if the organisation is 00-00-00."""
    rows = cursors.skip(rows, 5)
    cursors.passed(rows, Header.SNAP)
    organisation = u32(cursors.buffer, cursors.position[rows] - 5) >> 8
    number = u16(cursors.buffer, cursors.position[rows] - 2)
    per_vlan = (organisation == 0x00000C) & (number == 0x010B)  # Cisco's spanning tree per VLAN
    cursors.protocol[rows[per_vlan]] = Protocol.STP
    # 00-00-f8 marks bridged frames (RFC 1042 by way of IEEE 802.1H).
    ethernet_like = (organisation == 0) | (organisation == 0x0000F8)
    cursors.finish(rows[~ethernet_like])
    rows, number = rows[ethernet_like], number[ethernet_like]
    cursors.protocol[rows] = Protocol.ETHERNET
    follow_ether_type(cursors, rows, np.maximum(number, LONGEST_LENGTH + 1))


def cooked(cursors: Cursors, rows: Rows) -> None:
    """LINKTYPE_LINUX_SLL: packet type, device type, address length, address, protocol: 16 bytes."""
    rows = cursors.whole(rows, 16)
    at = cursors.position[rows]
    has_address = u16(cursors.buffer, at + 4) == 6
    cursors.frame(rows, Protocol.ETHERNET, np.where(has_address, at + 6, -1), -1)
    cursors.passed(rows, Header.SLL)
    cursors.position[rows] = at + 16
    _follow_cooked(cursors, rows, u16(cursors.buffer, at + 14))


def cooked_2(cursors: Cursors, rows: Rows) -> None:
    """LINKTYPE_LINUX_SLL2: protocol first, interface, device type, packet type, address: 20 bytes."""
    rows = cursors.whole(rows, 20)
    at = cursors.position[rows]
    has_address = u8(cursors.buffer, at + 11) == 6
    cursors.frame(rows, Protocol.ETHERNET, np.where(has_address, at + 12, -1), -1)
    cursors.passed(rows, Header.SLL2)
    cursors.position[rows] = at + 20
    _follow_cooked(cursors, rows, u16(cursors.buffer, at))


def _follow_cooked(cursors: Cursors, rows: Rows, protocols: Rows) -> None:
    """An EtherType; small numbers are Linux's own, of which 4 is an LLC frame and the others are not decoded."""
    follow_ether_type(cursors, rows, np.maximum(protocols, LONGEST_LENGTH + 1))
    cursors.go(rows[protocols == 4], Header.LLC)


def null(cursors: Cursors, rows: Rows) -> None:
    """LINKTYPE_NULL: an address family in the byte order of the capturing host, whichever that was."""
    rows = cursors.whole(rows, 4)
    at = cursors.position[rows]
    little = u32_little(cursors.buffer, at)
    families = np.where(little < 0x10000, little, u32(cursors.buffer, at))
    _follow_family(cursors, rows, families, Header.NULL, 4)
    # Some systems write PPP with its address and control bytes here.
    ppp = u16(cursors.buffer, at) == 0xFF03
    cursors.position[rows[ppp]] = at[ppp]
    cursors.go(rows[ppp], Header.PPP)


def loop(cursors: Cursors, rows: Rows) -> None:
    """LINKTYPE_LOOP: the same in network byte order."""
    rows = cursors.whole(rows, 4)
    _follow_family(cursors, rows, u32(cursors.buffer, cursors.position[rows]), Header.LOOP, 4)


def encapsulating(cursors: Cursors, rows: Rows) -> None:
    """LINKTYPE_ENC: address family in host byte order, security parameters index, flags: 12 bytes."""
    rows = cursors.whole(rows, 12)
    little = u32_little(cursors.buffer, cursors.position[rows])
    families = np.where(little < 0x10000, little, u32(cursors.buffer, cursors.position[rows]))
    _follow_family(cursors, rows, families, Header.ENC, 12)


def _follow_family(cursors: Cursors, rows: Rows, families: Rows, header: Header, size: int) -> None:
    cursors.passed(rows, header)
    cursors.position[rows] += size
    following = np.zeros(256, np.uint8)
    following[list(_FAMILIES)] = list(_FAMILIES.values())
    cursors.go(rows, np.where(families < 256, following[families & 0xFF], 0).astype(np.uint8))


def raw_ip(cursors: Cursors, rows: Rows) -> None:
    """No header: IPv4 or IPv6, told by the version."""
    rows = cursors.whole(rows, 1)
    version = u8(cursors.buffer, cursors.position[rows]) >> 4
    cursors.go(rows, np.select([version == 4, version == 6], [Header.IPV4, Header.IPV6], Header.DONE))


def named(header: Header, protocol: Protocol) -> Callable[[Cursors, Rows], None]:
    """A handler for a protocol that is recognised by its number alone and not looked into."""

    def recognise(cursors: Cursors, rows: Rows) -> None:
        cursors.protocol[rows] = protocol
        cursors.passed(rows, header)
        cursors.finish(rows)

    return recognise
