"""Headers of a whole batch at once: the way from captured bytes to columns.

No Python loop over packets: rows that stand before the same kind of header are moved on together (`capture.walk`), and
the shapes that most captures consist of are read in one gather each (`capture.shapes`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from capture.cursors import Cursors, joined_endpoints, no_endpoints
from capture.headers import Headers, Mentions
from capture.network import hardware_address
from capture.options import multipath_options, no_multipath_options, syn_options
from capture.paths import Paths
from capture.protocol import Protocol
from capture.shapes import read_shapes
from capture.walk import walk
from capture.wrappers import first_headers

if TYPE_CHECKING:
    from capture.batch import Batch
    from capture.fragments import Reassembler
    from capture.gather import Rows
    from capture.headers import MultipathOptions


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
        read_shapes(cursors)
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
