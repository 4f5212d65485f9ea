"""Headers of a whole batch at once: the way from captured bytes to columns.

No Python loop over packets: rows that stand before the same kind of header are moved on together (`capture.walk`), and
the shape that most captures consist of, Ethernet with IPv4 and TCP, is read in one gather.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.cursors import Cursors, joined_endpoints, no_endpoints
from capture.gather import layout, records
from capture.headers import Headers, Mentions
from capture.kinds import Header
from capture.network import hardware_address
from capture.options import multipath_options, no_multipath_options, syn_options
from capture.paths import Paths
from capture.protocol import TCP_FLAGS, Flag, Protocol
from capture.walk import walk
from capture.wrappers import first_headers

if TYPE_CHECKING:
    from capture.batch import Batch
    from capture.fragments import Reassembler
    from capture.gather import Rows
    from capture.headers import MultipathOptions

_COMMON: Final = layout(
    54,
    ether_type=(">u2", 12),
    version=("u1", 14),
    total_length=(">u2", 16),
    fragment=(">u2", 20),
    protocol=("u1", 23),
    source=(">u4", 26),
    destination=(">u4", 30),
    source_port=(">u2", 34),
    destination_port=(">u2", 36),
    sequence=(">u4", 38),
    acknowledgment=(">u4", 42),
    offset_flags=(">u2", 46),
    window=(">u2", 48),
)
"""Ethernet, IPv4 without options, TCP without options."""

_BLOCK: Final = 16_384
"""Rows of the common shape that are read together: their headers stay in the processor's cache for all columns."""


class Decoder:
    """Decodes the batches of one source, in order.

    It carries the IP fragments that still wait for others, and whether there is MPTCP in the capture.
    """

    def __init__(self) -> None:
        self._paths = Paths()
        self._multipath = False
        self._reassemblers: list[Reassembler] = []

    def decode(self, batch: Batch) -> Headers:
        """What the headers say, one row a packet. The batch's buffer may be reused afterwards.

        Never raises for anything captured: a header that is not whole or contradicts itself ends its row's walk with
        `Flag.MALFORMED`, and what was found before stands.
        """
        captured = batch.captured_length.astype(np.int64)
        original = batch.original_length.astype(np.int64)
        cursors = Cursors(batch.buffer, batch.start, captured, original, self._paths)
        cursors.next[:] = first_headers(batch.link_type.astype(np.int64))
        cursors.endpoints.transport[:] = batch.link_type
        _read_common_shape(cursors)
        walk(cursors, self._reassemblers)
        _name_by_hardware(cursors)
        headers = _headers(cursors)
        self._multipath |= bool(headers.syn_options.multipath.any())
        if self._multipath:
            headers.multipath = _multipath(batch, headers)
        return headers


def decode_alone(batch: Batch) -> Headers:
    """Decode packets again, to look at them: a `Decoder` without a past.

    A packet that completes a fragmented datagram is told as a fragment here, without ports and sequence numbers, unless
    the other fragments are in the same batch.
    """
    return Decoder().decode(batch)


def _read_common_shape(cursors: Cursors) -> None:
    """Read Ethernet, IPv4, TCP in one gather where that is what the 54 bytes are, exactly as the walk would."""
    if (cursors.next == Header.ETHERNET).any():
        for first in range(0, len(cursors.base), _BLOCK):
            _read_common_block(cursors, slice(first, first + _BLOCK))


def _read_common_block(cursors: Cursors, rows: slice) -> None:
    """The same for some rows. Columns are written whole, and what is not of that shape is wiped again."""
    base, end, stop = cursors.base[rows], cursors.end[rows], cursors.stop[rows]
    header = records(cursors.buffer, base, _COMMON)
    offset_flags = header["offset_flags"].astype(np.uint16)
    size = (offset_flags >> 12).astype(np.int32) * 4
    total = header["total_length"].astype(np.int32)
    length = np.minimum(total, stop - base - 14) - 20 - size
    common = (header["ether_type"] == 0x0800) & (header["version"] == 0x45) & (header["protocol"] == 6)
    common &= (header["fragment"] & 0x3FFF == 0) & (size >= 20) & (length >= 0)
    common &= (cursors.next[rows] == Header.ETHERNET) & (end - base >= _COMMON.itemsize)
    rest = np.flatnonzero(~common)
    if len(rest) == len(common):
        return
    ends = cursors.endpoints
    captured_end = np.minimum(end - base, 34 + size + length)
    payload = np.where(34 + size <= captured_end, 34 + size, -1)
    path = cursors.paths.number(Header.ETHERNET, Header.IPV4, Header.TCP)
    flags = offset_flags & np.uint16(TCP_FLAGS)
    for column, values, otherwise in (
        (ends.family, 4, 0),
        (ends.transport, 6, ends.transport[rows][rest]),
        (ends.source_low, header["source"], 0),
        (ends.destination_low, header["destination"], 0),
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
    if len(syn):
        begin = base[syn] + 54
        options_end = np.minimum(begin - 20 + size[syn], base[syn] + captured_end[syn])
        cursors.segments.append((rows.start + syn, begin, options_end))


def _name_by_hardware(cursors: Cursors) -> None:
    """Rows without a network address get the addresses of their link header."""
    ends = cursors.endpoints
    known = (cursors.hardware_source >= 0) | (cursors.hardware_destination >= 0)
    rows: Rows = np.flatnonzero((ends.family == 0) & known)
    if len(rows):
        ends.family[rows] = 1
        ends.transport[rows] = cursors.ether_type[rows]
        ends.source_high[rows] = ends.destination_high[rows] = 0
        ends.source_low[rows] = hardware_address(cursors, cursors.hardware_source[rows])
        ends.destination_low[rows] = hardware_address(cursors, cursors.hardware_destination[rows])


def _headers(cursors: Cursors) -> Headers:
    return Headers(
        protocol=cursors.protocol,
        path=cursors.path,
        paths=cursors.paths.names,
        endpoints=cursors.endpoints,
        network=cursors.network,
        transport=cursors.transport,
        payload=cursors.payload,
        payload_length=cursors.payload_length,
        flags=cursors.flags,
        sequence=cursors.sequence,
        acknowledgment=cursors.acknowledgment,
        window=cursors.window,
        syn_options=syn_options(cursors.buffer, cursors.segments),
        multipath=no_multipath_options(),
        mentions=_mentions(cursors),
    )


def _multipath(batch: Batch, headers: Headers) -> MultipathOptions:
    """Of all TCP segments whose header lies in the packet itself, and not in reassembled bytes."""
    tcp = (headers.protocol == Protocol.TCP4) | (headers.protocol == Protocol.TCP6)
    rows = np.flatnonzero(tcp & (headers.transport >= 0))
    start = batch.start[rows]
    return multipath_options(
        batch.buffer, rows, start + headers.transport[rows], start + batch.captured_length[rows].astype(np.int64)
    )


def _mentions(cursors: Cursors) -> Mentions:
    """All mentions by row; a row's own keep their order, which is from the outside in."""
    if not cursors.mentions:
        return Mentions(row=np.zeros(0, np.int64), before=np.zeros(0, bool), endpoints=no_endpoints(0))
    rows = np.concatenate([np.zeros(0, np.int64), *(rows for rows, _, _ in cursors.mentions)])
    before = np.concatenate([np.zeros(0, bool), *(np.full(len(rows), told) for rows, told, _ in cursors.mentions)])
    ends = joined_endpoints([ends for _, _, ends in cursors.mentions])
    order = np.argsort(rows, kind="stable")
    ends = type(ends)(**{name: getattr(ends, name)[order] for name in type(ends).__slots__})
    return Mentions(row=rows[order], before=before[order], endpoints=ends)
