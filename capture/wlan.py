"""IEEE 802.11 frames and the headers that radios put before them: radiotap, Prism, AVS.

Unprotected data frames are followed into their LLC header; everything else is WLAN with its two addresses.
Sources: IEEE 802.11-2020 section 9.2, radiotap.org.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from capture.gather import u8, u16_little, u32, u32_little
from capture.kinds import Header
from capture.protocol import Protocol
from capture.wrappers import cut_check_sequence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.cursors import Cursors
    from capture.gather import Rows

_TO_DS = 0x01
_FROM_DS = 0x02
_MORE_FRAGMENTS = 0x04
_PROTECTED = 0x40
_HT_CONTROL = 0x80
_RADIOTAP_MOST_WORDS = 16


def radiotap(cursors: Cursors, rows: Rows) -> None:
    """Version, padding, length, then words of present bits (bit 31: one more word), then the fields.

    Of the fields only the flags matter here: 0x10 says that the frame ends with its check sequence, 0x20 that there
    is padding between the 802.11 header and the data.
    """
    rows = cursors.whole(rows, 8)
    at = cursors.position[rows]
    length, present = u16_little(cursors.buffer, at + 2), u32_little(cursors.buffer, at + 4)
    words = np.ones(len(rows), np.int64)
    more = present >> 31 == 1
    for _ in range(_RADIOTAP_MOST_WORDS):
        if not more.any():
            break
        words += more
        more &= u32_little(cursors.buffer, at + 4 * words) >> 31 == 1
    has_clock, has_flags = present & 1, present & 2 != 0
    # Fields are aligned to their own size: the eight-byte clock moves what follows.
    clock_at = (4 + 4 * words + 7) & ~7
    flags_at = np.where(has_clock == 1, clock_at + 8, 4 + 4 * words)
    flags = np.where(has_flags & (flags_at < length), u8(cursors.buffer, at + flags_at), 0)
    cursors.passed(rows, Header.RADIOTAP)
    cursors.go(rows, Header.WLAN)
    cut_check_sequence(cursors, rows[flags & 0x10 != 0])
    cursors.padded[rows] = flags & 0x20 != 0
    cursors.skip(rows, np.maximum(length, 8))


def prism(cursors: Cursors, rows: Rows) -> None:
    """LINKTYPE_IEEE802_11_PRISM: message code and length in host byte order; or an AVS header in its place."""
    rows = cursors.whole(rows, 8)
    at = cursors.position[rows]
    little = u32_little(cursors.buffer, at + 4)
    cursors.passed(rows, Header.PRISM)
    cursors.go(rows, Header.WLAN)
    cursors.skip(rows, np.maximum(np.where(little < 0x10000, little, u32(cursors.buffer, at + 4)), 8))


def avs(cursors: Cursors, rows: Rows) -> None:
    """LINKTYPE_IEEE802_11_AVS: version and length, big-endian."""
    rows = cursors.whole(rows, 8)
    length = u32(cursors.buffer, cursors.position[rows] + 4)
    cursors.passed(rows, Header.AVS)
    cursors.go(rows, Header.WLAN)
    cursors.skip(rows, np.maximum(length, 8))


def wlan(cursors: Cursors, rows: Rows) -> None:
    """Frame control, duration, addresses; what follows depends on the type and on the way to or from the system."""
    rows = cursors.whole(rows, 10)
    at = cursors.position[rows]
    control, bits = u8(cursors.buffer, at), u8(cursors.buffer, at + 1)
    data = control & 0x0C == 0x08
    size = _header_size(control, bits)
    present = cursors.end[rows] - at >= np.where(data, size, 16)
    source, destination = _addresses(at, bits, data)
    cursors.frame(rows, Protocol.WLAN, np.where(present, source, -1), np.where(present, destination, at + 4))
    cursors.passed(rows, Header.WLAN)
    readable = data & present & _carries_llc(cursors, at, control, bits)
    cursors.finish(rows[~readable], malformed=False)
    size = np.where(cursors.padded[rows], (size + 3) & ~3, size)
    rows = cursors.skip(rows[readable], size[readable])
    cursors.go(rows, Header.LLC)


def _header_size(control: NDArray[np.int64], bits: NDArray[np.int64]) -> NDArray[np.int64]:
    """24 bytes; six more between systems, two for quality of service, four for HT control."""
    quality = control & 0x80 != 0
    relayed = bits & (_TO_DS | _FROM_DS) == _TO_DS | _FROM_DS
    high_throughput = quality & (bits & _HT_CONTROL != 0)
    size: NDArray[np.int64] = 24 + 6 * relayed + 2 * quality + 4 * high_throughput
    return size


def _addresses(at: Rows, bits: NDArray[np.int64], data: NDArray[np.bool_]) -> tuple[Rows, Rows]:
    """Where the sender's and the receiver's address stand (table 9-30); other frames: address 2 and address 1."""
    way = np.where(data, bits & (_TO_DS | _FROM_DS), 0)
    source = np.choose(way, [at + 10, at + 10, at + 16, at + 24])
    destination = np.choose(way, [at + 4, at + 16, at + 4, at + 16])
    return source, destination


def _carries_llc(cursors: Cursors, at: Rows, control: NDArray[np.int64], bits: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Neither empty (a null frame) nor protected, nor a piece, nor several frames in one (A-MSDU)."""
    empty = control & 0x40 != 0
    relayed = bits & (_TO_DS | _FROM_DS) == _TO_DS | _FROM_DS
    several = (control & 0x80 != 0) & (u8(cursors.buffer, at + np.where(relayed, 30, 24)) & 0x80 != 0)
    piece = (bits & _MORE_FRAGMENTS != 0) | (u8(cursors.buffer, at + 22) & 0x0F != 0)
    result: NDArray[np.bool_] = ~(empty | several | piece | (bits & _PROTECTED != 0))
    return result
