"""Links without hardware addresses: PPP in its framings, PPPoE, Cisco HDLC, Frame Relay, SLIP, ATM.

Sources: RFC 1661 and 1662 (PPP), RFC 2516 (PPPoE), RFC 2427 (Frame Relay), and the tcpdump.org registry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.gather import u8, u16
from capture.kinds import Header
from capture.link import follow_ether_type, raw_ip
from capture.protocol import Protocol

if TYPE_CHECKING:
    from capture.cursors import Cursors
    from capture.gather import Rows

_PPP_PROTOCOLS: Final = {0x0021: Header.IPV4, 0x0057: Header.IPV6, 0x0281: Header.MPLS, 0x0283: Header.MPLS}


def ppp(cursors: Cursors, rows: Rows) -> None:
    """Perhaps ff 03 (address and control), then a protocol of two bytes, or of one if that is odd."""
    rows = cursors.whole(rows, 1)
    at = cursors.position[rows]
    # ff alone tells framing: no protocol number begins with it, and other control bytes than 03 are seen.
    framed = (u8(cursors.buffer, at) == 0xFF) & (cursors.end[rows] - at >= 2)
    at = at + np.where(framed, 2, 0)
    first = u8(cursors.buffer, at)
    short = first & 1 == 1
    numbers = np.where(short, first, u16(cursors.buffer, at))
    headers = np.select([numbers == number for number in _PPP_PROTOCOLS], list(_PPP_PROTOCOLS.values()), Header.DONE)
    enough = cursors.end[rows] - at >= np.where(short, 1, 2)
    cursors.finish(rows[~enough], malformed=True)
    rows = rows[enough]
    cursors.protocol[rows] = Protocol.PPP
    cursors.passed(rows, Header.PPP)
    cursors.position[rows] = (at + np.where(short, 1, 2))[enough]
    cursors.go(rows, headers[enough])


def ppp_direction(cursors: Cursors, rows: Rows) -> None:
    """LINKTYPE_PPP_WITH_DIR: one byte for the direction, then PPP."""
    rows = cursors.skip(rows, 1)
    cursors.go(rows, Header.PPP)


def pppoe(cursors: Cursors, rows: Rows) -> None:
    """RFC 2516 section 4: version and type, code, session, length: 6 bytes; code 0 carries PPP."""
    rows = cursors.skip(rows, 6)
    at = cursors.position[rows]
    cursors.passed(rows, Header.PPPOE)
    cursors.limit(rows, u16(cursors.buffer, at - 2))
    cursors.go(rows, Header.PPP)
    cursors.finish(rows[u8(cursors.buffer, at - 5) != 0])


def hdlc(cursors: Cursors, rows: Rows) -> None:
    """LINKTYPE_C_HDLC: address, control, EtherType: 4 bytes."""
    rows = cursors.skip(rows, 4)
    cursors.protocol[rows] = Protocol.UNKNOWN
    cursors.passed(rows, Header.HDLC)
    numbers = u16(cursors.buffer, cursors.position[rows] - 2)
    follow_ether_type(cursors, rows, np.maximum(numbers, 1501))


def frame_relay(cursors: Cursors, rows: Rows) -> None:
    """RFC 2427: address of two bytes or more (the last is odd), then 03 and an NLPID, or Cisco's EtherType."""
    rows = cursors.whole(rows, 4)
    at = cursors.position[rows]
    octets = [u8(cursors.buffer, at + index) & 1 == 1 for index in (1, 2)]
    start = at + np.select(octets, [2, 3], 4)
    control = u8(cursors.buffer, start)
    padded = (control == 3) & (u8(cursors.buffer, start + 1) == 0)
    nlpid_at = start + 1 + padded
    nlpid = np.where(control == 3, u8(cursors.buffer, nlpid_at), -1)
    headers = np.select(
        [nlpid == 0xCC, nlpid == 0x8E, nlpid == 0x80], [Header.IPV4, Header.IPV6, Header.SNAP], Header.DONE
    )
    cursors.passed(rows, Header.FRAME_RELAY)
    cursors.go(rows, headers)
    rows_left = cursors.skip(rows, np.where(control == 3, nlpid_at + 1, start + 2) - at)
    cisco = (control != 3)[np.isin(rows, rows_left, assume_unique=True)]
    rows = rows_left[cisco]
    follow_ether_type(cursors, rows, np.maximum(u16(cursors.buffer, cursors.position[rows] - 2), 1501))


def slip(cursors: Cursors, rows: Rows) -> None:
    """LINKTYPE_SLIP: 16 bytes of direction and compression, then IP if it is not compressed."""
    rows = cursors.skip(rows, 16)
    cursors.passed(rows, Header.SLIP)
    raw_ip(cursors, rows)


def sun_atm(cursors: Cursors, rows: Rows) -> None:
    """LINKTYPE_SUNATM: flags with the kind of traffic, VPI, VCI: 4 bytes; kind 2 is LLC."""
    rows = cursors.skip(rows, 4)
    cursors.passed(rows, Header.SUN_ATM)
    kind = u8(cursors.buffer, cursors.position[rows] - 4) & 0x0F
    cursors.go(rows, np.where(kind == 2, Header.LLC, Header.DONE).astype(np.uint8))
