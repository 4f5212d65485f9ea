"""Checksums of many packets at once: the IPv4 header's, TCP's and UDP's (RFC 1071, RFC 9293 section 3.1, RFC 768).

The sum of 16-bit words does not depend on where a packet lies in the buffer: words taken across its own boundaries
give the same sum with its bytes swapped (RFC 1071 section 2 B), so one view of the buffer serves all packets.
"""

from __future__ import annotations

from enum import IntEnum, unique
from typing import TYPE_CHECKING, Final

import numpy as np

from capture.protocol import Flag, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.batch import Batch
    from capture.headers import Headers

TCP: Final = 6
UDP: Final = 17
TCP_FIELD: Final = 16
UDP_FIELD: Final = 6
SUMMED: Final = np.uint32(0xFFFF)
"""What the words of an intact packet sum up to, its checksum included."""


@unique
class Check(IntEnum):
    """What was found."""

    UNKNOWN = 0  # not whole, not sent, or not of a kind that has one
    RIGHT = 1
    WRONG = 2
    UNFINISHED = 3  # only the pseudo header is summed: the sending host's network card was to do the rest


def check_transport(batch: Batch, headers: Headers) -> NDArray[np.uint8]:
    """A `Check` of each packet's TCP or UDP checksum, uint8 (N,).

    Not checked are packets that the snap length cut, pieces of datagrams, and UDP over IPv4 without a checksum.
    """
    found = np.zeros(len(batch), np.uint8)
    at = np.flatnonzero(_checkable(headers))
    start = batch.start[at] + headers.transport[at]
    v6 = np.isin(headers.protocol[at], (Protocol.TCP6, Protocol.UDP6))
    length, whole = _transport_length(batch, headers, at, v6)
    tcp = np.isin(headers.protocol[at], (Protocol.TCP4, Protocol.TCP6))
    field_at = start + np.where(tcp, TCP_FIELD, UDP_FIELD)
    field = _word(batch.buffer, field_at)
    sent = tcp | v6 | (field != 0)
    ready = whole & sent & (length >= np.where(tcp, 20, 8))
    at, start, length, tcp, field = at[ready], start[ready], length[ready], tcp[ready], field[ready]
    v6 = v6[ready]
    pseudo = _pseudo_sum(batch, headers, at, v6) + length.astype(np.uint32) + np.where(tcp, TCP, UDP).astype(np.uint32)
    total = _fold(_sums(batch.buffer, start, length) + pseudo)
    unfinished = (_fold(pseudo) == field) | (tcp & (field == 0))
    found[at] = np.where(total == SUMMED, Check.RIGHT, np.where(unfinished, Check.UNFINISHED, Check.WRONG))
    return found


def check_header(batch: Batch, headers: Headers) -> NDArray[np.uint8]:
    """A `Check` of each packet's innermost IPv4 header checksum, uint8 (N,); a field of 0 is unfinished."""
    found = np.zeros(len(batch), np.uint8)
    v4 = np.isin(headers.protocol, (Protocol.TCP4, Protocol.UDP4)) & (headers.network >= 0)
    at = np.flatnonzero(v4)
    start = batch.start[at] + headers.network[at]
    length = (batch.buffer[start] & 0x0F).astype(np.int64) * 4
    whole = (headers.network[at] + length <= batch.captured_length[at]) & (length >= 20)
    at, start, length = at[whole], start[whole], length[whole]
    total = _fold(_header_sums(batch.buffer, start, length))
    wrong = np.where(_word(batch.buffer, start + 10) == 0, Check.UNFINISHED, Check.WRONG)
    found[at] = np.where(total == SUMMED, Check.RIGHT, wrong)
    return found


def _checkable(headers: Headers) -> NDArray[np.bool_]:
    """TCP and UDP whose headers are in the packet, and that are not pieces put together."""
    kinds = np.isin(headers.protocol, (Protocol.TCP4, Protocol.TCP6, Protocol.UDP4, Protocol.UDP6))
    broken = (headers.flags & np.uint16(Flag.REASSEMBLED | Flag.MALFORMED | Flag.NOT_ANALYSED)) != 0
    whole = (headers.transport >= 0) & (headers.network >= 0) & (headers.payload >= 0)
    checkable: NDArray[np.bool_] = kinds & ~broken & whole
    return checkable


def _transport_length(
    batch: Batch, headers: Headers, at: NDArray[np.int64], v6: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Bytes of header and payload, and whether all of them were captured: all that the network header tells of."""
    header = (headers.payload[at] - headers.transport[at]).astype(np.int64)
    length = header + headers.payload_length[at].astype(np.int64)
    network = batch.start[at] + headers.network[at]
    told = _word(batch.buffer, network + np.where(v6, 4, 2)).astype(np.int64) + np.where(v6, 40, 0)
    before = headers.transport[at] - headers.network[at]
    whole = (headers.transport[at] + length <= batch.captured_length[at]) & (told - before == length)
    return length, whole


def _pseudo_sum(batch: Batch, headers: Headers, at: NDArray[np.int64], v6: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """The addresses' part of the pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1).

    They are taken from where they stand before the transport header; a routing header's last address is not looked for.
    """
    network = batch.start[at] + headers.network[at]
    return _header_sums(batch.buffer, network + np.where(v6, 8, 12), np.where(v6, 32, 8).astype(np.int64))


def _word(buffer: NDArray[np.uint8], at: NDArray[np.int64]) -> NDArray[np.uint32]:
    """16-bit fields in network byte order."""
    return buffer[at].astype(np.uint32) << np.uint32(8) | buffer[at + 1]


def _fold(total: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The ones' complement sum in 16 bits."""
    total = (total & SUMMED) + (total >> np.uint32(16))
    return (total & SUMMED) + (total >> np.uint32(16))


def _header_sums(buffer: NDArray[np.uint8], start: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.uint32]:
    """The same as `_sums` for stretches of an even length of at most 60 bytes, without a pass over what is between."""
    total = np.zeros(len(start), np.uint32)
    least = int(length.min(initial=60))
    for at in range(0, least, 2):
        total += _word(buffer, start + at)
    for at in range(least, int(length.max(initial=0)), 2):
        longer = np.flatnonzero(length > at)
        total[longer] += _word(buffer, start[longer] + at)
    return _fold(total)


def _sums(buffer: NDArray[np.uint8], start: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Ones' complement sums of stretches, at most 64 KiB each; uint32, folded to 16 bits."""
    if not len(start):
        return np.zeros(0, np.uint32)
    words = buffer[: len(buffer) // 2 * 2].view(">u2")
    odd_start, stop = start & 1, start + length
    odd_stop = stop & 1
    edges = np.empty(2 * len(start), np.int64)
    edges[0::2] = (start + odd_start) >> 1
    edges[1::2] = np.maximum((stop - odd_stop) >> 1, edges[0::2])
    # Where nothing lies between two edges, reduceat gives the word at the first instead of 0.
    total = np.add.reduceat(words, edges, dtype=np.uint32)[0::2]
    total = np.where(edges[1::2] > edges[0::2], total, np.uint32(0))
    total = total + np.where(odd_stop, buffer[stop - 1].astype(np.uint32) << np.uint32(8), np.uint32(0))
    total = total + np.where(odd_start, buffer[start].astype(np.uint32), np.uint32(0))
    total = _fold(total.astype(np.uint32))
    swapped = (total >> np.uint32(8)) | (total & np.uint32(0xFF)) << np.uint32(8)
    return np.where(odd_start, swapped, total).astype(np.uint32)
