"""Network headers.

IPv4 is RFC 791, IPv6 and its extensions RFC 8200, AH RFC 4302, ARP RFC 826, MPLS RFC 3032, NSH RFC 8300.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.gather import among, chosen, layout, records, u8, u16, u32, u48
from capture.kinds import Header
from capture.protocol import Flag, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.cursors import Cursors
    from capture.gather import Rows

_IPV4: Final = layout(
    20,
    version=("u1", 0),
    total_length=(">u2", 2),
    fragment=(">u2", 6),
    protocol=("u1", 9),
    source=(">u4", 12),
    destination=(">u4", 16),
)
_IPV6: Final = layout(
    40,
    version=("u1", 0),
    payload_length=(">u2", 4),
    next_header=("u1", 6),
    source_high=(">u8", 8),
    source_low=(">u8", 16),
    destination_high=(">u8", 24),
    destination_low=(">u8", 32),
)
_IP_PROTOCOLS: Final = {
    1: Header.ICMP,
    2: Header.IGMP,
    4: Header.IPV4,
    6: Header.TCP,
    17: Header.UDP,
    33: Header.DCCP,
    41: Header.IPV6,
    47: Header.GRE,
    50: Header.ESP,
    51: Header.AH,
    58: Header.ICMPV6,
    89: Header.OSPF,
    103: Header.PIM,
    112: Header.VRRP,
    132: Header.SCTP,
    137: Header.MPLS,
    143: Header.ETHERNET,
}
_EXTENSIONS: Final = {
    0: Header.IPV6_EXTENSION,  # hop-by-hop options
    43: Header.IPV6_EXTENSION,  # routing
    44: Header.IPV6_FRAGMENT,
    60: Header.IPV6_EXTENSION,  # destination options
    135: Header.IPV6_EXTENSION,  # mobility
    139: Header.IPV6_EXTENSION,  # host identity
    140: Header.IPV6_EXTENSION,  # shim6
}
_LABELS_MOST: Final = 32


def _table(numbers: dict[int, Header]) -> NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    table[list(numbers)] = list(numbers.values())
    return table


# ICMPv6 is not for IPv4; ICMP and IGMP are not for IPv6, which has ICMPv6 for both.
_NEXT_IPV4: Final = _table({number: header for number, header in _IP_PROTOCOLS.items() if number != 58})
_NEXT_IPV6: Final = _table(
    {number: header for number, header in (_IP_PROTOCOLS | _EXTENSIONS).items() if number not in (1, 2)}
)


def follow_ip_protocol(cursors: Cursors, rows: Rows, numbers: Rows) -> None:
    """Go on to the header of these IP protocol numbers, as the row's IP version understands them."""
    cursors.endpoints.transport[rows] = numbers
    six = cursors.endpoints.family[rows] == 6
    cursors.go(rows, np.where(six, _NEXT_IPV6[numbers], _NEXT_IPV4[numbers]))


def ipv4(cursors: Cursors, rows: Rows) -> None:
    """RFC 791 section 3.1. A total length of 0 is segmentation left to the network card: all that is there."""
    rows = cursors.whole(rows, 20)
    at = cursors.position[rows]
    header = records(cursors.buffer, at, _IPV4)
    version = header["version"].astype(np.int64)
    size, total = (version & 0x0F) * 4, header["total_length"].astype(np.int64)
    total = np.where(total == 0, cursors.stop[rows] - at, total)
    good = (version >> 4 == 4) & (size >= 20) & (total >= size)
    if not good.all():
        # An IPv6 packet under IPv4's number is followed, as Wireshark does.
        cursors.finish(rows[~good], malformed=True)
        other = rows[version >> 4 == 6]
        cursors.flags[other] &= ~np.uint16(Flag.MALFORMED)
        cursors.go(other, Header.IPV6)
        rows, at, header, size, total = rows[good], at[good], chosen(header, good), size[good], total[good]
    cursors.limit(rows, total)
    _enter(cursors, rows, 4, Protocol.IPV4)
    cursors.passed(rows, Header.IPV4)
    ends = cursors.endpoints
    ends.source_low[rows], ends.destination_low[rows] = header["source"], header["destination"]
    ends.source_high[rows] = ends.destination_high[rows] = 0
    follow_ip_protocol(cursors, rows, header["protocol"])
    pieces = header["fragment"] & 0x3FFF != 0
    if pieces.any():
        _await_others(cursors, rows[pieces], total[pieces] - size[pieces])
    cursors.skip(rows, size)


def _enter(cursors: Cursors, rows: Rows, family: int, protocol: Protocol) -> None:
    """This IP header is the innermost network header so far."""
    cursors.forget_transport(rows)
    cursors.protocol[rows] = protocol
    cursors.endpoints.family[rows] = family
    cursors.network[rows] = cursors.offset(rows)
    cursors.network_at[rows] = cursors.position[rows]


def _await_others(cursors: Cursors, rows: Rows, length: Rows) -> None:
    """A piece of a datagram: it is put together with the others when all rows have come as far as they can."""
    six = cursors.endpoints.family[rows] == 6
    cursors.protocol[rows] = np.where(six, Protocol.FRAGMENT6, Protocol.FRAGMENT4)
    cursors.fragment_length[rows] = length
    cursors.go(rows, Header.FRAGMENT)


def ipv6(cursors: Cursors, rows: Rows) -> None:
    """RFC 8200 section 3. A payload length of 0 is a jumbogram (RFC 2675) or segmentation left to the card."""
    rows = cursors.whole(rows, 40)
    at = cursors.position[rows]
    header = records(cursors.buffer, at, _IPV6)
    good = header["version"] >> 4 == 6
    if not good.all():
        cursors.finish(rows[~good], malformed=True)
        rows, at, header = rows[good], at[good], chosen(header, good)
    length = header["payload_length"].astype(np.int64)
    cursors.limit(rows, np.where(length == 0, cursors.stop[rows] - at, length + 40))
    _enter(cursors, rows, 6, Protocol.IPV6)
    cursors.passed(rows, Header.IPV6)
    ends = cursors.endpoints
    ends.source_high[rows], ends.source_low[rows] = header["source_high"], header["source_low"]
    ends.destination_high[rows], ends.destination_low[rows] = header["destination_high"], header["destination_low"]
    cursors.position[rows] = at + 40
    follow_ip_protocol(cursors, rows, header["next_header"])


def ipv6_extension(cursors: Cursors, rows: Rows) -> None:
    """RFC 8200 section 4: next header, length in units of eight bytes beyond the first eight."""
    rows = cursors.whole(rows, 8)
    at = cursors.position[rows]
    cursors.passed(rows, Header.IPV6_EXTENSION)
    follow_ip_protocol(cursors, rows, u8(cursors.buffer, at))
    cursors.skip(rows, 8 + 8 * u8(cursors.buffer, at + 1))


def ipv6_fragment(cursors: Cursors, rows: Rows) -> None:
    """RFC 8200 section 4.5: next header, offset and more-fragments bit, identification: 8 bytes."""
    rows = cursors.skip(rows, 8)
    at = cursors.position[rows]
    cursors.passed(rows, Header.IPV6_FRAGMENT)
    follow_ip_protocol(cursors, rows, u8(cursors.buffer, at - 8))
    # An atomic fragment (RFC 6946) is a whole datagram.
    pieces = u16(cursors.buffer, at - 6) & 0xFFF9 != 0
    rows, at = rows[pieces], at[pieces]
    end = cursors.network_at[rows] + 40 + u16(cursors.buffer, cursors.network_at[rows] + 4)
    _await_others(cursors, rows, end - at)


def authentication(cursors: Cursors, rows: Rows) -> None:
    """RFC 4302 section 2: next header, length in units of four bytes less two."""
    rows = cursors.whole(rows, 12)
    at = cursors.position[rows]
    cursors.passed(rows, Header.AH)
    follow_ip_protocol(cursors, rows, u8(cursors.buffer, at))
    cursors.skip(rows, np.maximum(8 + 4 * u8(cursors.buffer, at + 1), 12))


def arp(cursors: Cursors, rows: Rows) -> None:
    """RFC 826: hardware and protocol types and lengths, operation, then sender's and target's addresses."""
    rows = cursors.whole(rows, 8)
    at = cursors.position[rows]
    hardware, protocol = u8(cursors.buffer, at + 4), u8(cursors.buffer, at + 5)
    internet = (u16(cursors.buffer, at + 2) == 0x0800) & (protocol == 4)
    cursors.protocol[rows] = Protocol.ARP
    cursors.passed(rows, Header.ARP)
    cursors.finish(rows)
    cursors.finish(rows[cursors.end[rows] - at < 8 + 2 * (hardware + protocol)], malformed=True)
    cursors.forget_transport(rows)
    cursors.network[rows] = cursors.offset(rows)
    readable = internet & (cursors.end[rows] - at >= 16 + 2 * hardware)
    rows, at, hardware = rows[readable], at[readable] + 8, hardware[readable]
    ends = cursors.endpoints
    ends.family[rows], ends.transport[rows] = 4, 0x0806
    ends.source_high[rows] = ends.destination_high[rows] = 0
    ends.source_low[rows] = u32(cursors.buffer, at + hardware)
    ends.destination_low[rows] = u32(cursors.buffer, at + 2 * hardware + 4)


def mpls(cursors: Cursors, rows: Rows) -> None:
    """RFC 3032: labels of four bytes up to the one with the bottom bit; what is below is guessed by its first bits.

    4 and 6 are IP versions; 0 is a pseudowire's control word (RFC 4385), unless only the bytes without one look like
    an Ethernet header.
    """
    cursors.protocol[rows] = np.where(cursors.endpoints.family[rows] == 0, Protocol.MPLS, cursors.protocol[rows])
    cursors.passed(rows, Header.MPLS)
    labelled = rows
    for _ in range(_LABELS_MOST):
        labelled = cursors.skip(labelled, 4)
        labelled = labelled[u8(cursors.buffer, cursors.position[labelled] - 2) & 1 == 0]
        if not len(labelled):
            break
    cursors.finish(labelled, malformed=True)
    rows = rows[cursors.next[rows] == Header.MPLS]
    rows = cursors.whole(rows, 1)
    at = cursors.position[rows]
    nibble = u8(cursors.buffer, at) >> 4
    cursors.go(rows, np.select([nibble == 4, nibble == 6], [Header.IPV4, Header.IPV6], Header.DONE))
    wired = nibble == 0
    rows, at = rows[wired], at[wired]
    bare = _looks_like_ethernet(cursors, at) & ~_looks_like_ethernet(cursors, at + 4)
    cursors.go(rows, Header.ETHERNET)
    cursors.skip(rows, np.where(bare, 0, 4))


def _looks_like_ethernet(cursors: Cursors, at: Rows) -> NDArray[np.bool_]:
    """Ends with an EtherType of IP, ARP, MPLS or a tag; a length would prove nothing."""
    return among(u16(cursors.buffer, at + 12), (0x0800, 0x86DD, 0x0806, 0x8100, 0x88A8, 0x8847))


def service_chain(cursors: Cursors, rows: Rows) -> None:
    """RFC 8300 network service header: length in units of four bytes, then the next protocol's number."""
    rows = cursors.whole(rows, 8)
    at = cursors.position[rows]
    cursors.passed(rows, Header.NSH)
    number = u8(cursors.buffer, at + 3)
    headers = [Header.IPV4, Header.IPV6, Header.ETHERNET, Header.MPLS]
    cursors.go(rows, np.select([number == 1, number == 2, number == 3, number == 5], headers, Header.DONE))
    cursors.skip(rows, np.maximum(4 * (u8(cursors.buffer, at + 1) & 0x3F), 8))


def hardware_address(cursors: Cursors, at: Rows) -> NDArray[np.uint64]:
    """The addresses at these positions, 0 where the position is negative."""
    address = u48(cursors.buffer, np.maximum(at, 0))
    return np.where(at >= 0, address, np.uint64(0))
