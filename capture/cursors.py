"""The state of one batch's decoding: a cursor in every packet, and what the headers passed so far have said.

Handlers of one kind of header each move the cursors of some rows; `capture.decode` calls them in turn. Nothing is ever
read for a row beyond its `end`, and `position <= end` always holds.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from capture.batch import PADDING
from capture.headers import Endpoints
from capture.kinds import Header
from capture.protocol import Flag, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from capture.gather import Rows
    from capture.paths import Paths


def no_endpoints(count: int) -> Endpoints:
    """`count` rows of family 0."""
    return Endpoints(
        family=np.zeros(count, np.uint8),
        transport=np.zeros(count, np.uint16),
        source_high=np.zeros(count, np.uint64),
        source_low=np.zeros(count, np.uint64),
        destination_high=np.zeros(count, np.uint64),
        destination_low=np.zeros(count, np.uint64),
        source_port=np.zeros(count, np.uint16),
        destination_port=np.zeros(count, np.uint16),
    )


def endpoints_of(endpoints: Endpoints, rows: Rows) -> Endpoints:
    """Copies of some rows."""
    return Endpoints(**{field.name: getattr(endpoints, field.name)[rows] for field in fields(Endpoints)})


def joined_endpoints(parts: Sequence[Endpoints]) -> Endpoints:
    """Endpoints one below the other."""
    if not parts:
        return no_endpoints(0)
    return Endpoints(
        **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Endpoints)}
    )


class Cursors:
    """One row a packet, N rows.

    `base`, `position`, `end` and `stop` are positions in `buffer` (int64): `base` of the packet's first byte,
    `position` of the next header, `end` just behind the last captured byte of the enclosing header, and `stop` where it
    would end by the headers' word, had everything been captured.
    """

    def __init__(self, buffer: NDArray[np.uint8], base: Rows, captured: Rows, original: Rows, paths: Paths) -> None:
        count = len(base)
        self.buffer = buffer
        self.base = base.copy()
        self.position = base.copy()
        self.end = base + captured
        self.stop = base + np.maximum(original, captured)
        self.next = np.zeros(count, np.uint8)  # a `Header`
        self.paths = paths
        self.quoting = 0  # how many ICMP errors these headers are quoted in

        self.protocol = np.zeros(count, np.uint8)
        self.path = np.zeros(count, np.uint16)
        self.endpoints = no_endpoints(count)
        self.hardware_source = np.full(count, -1, np.int64)  # positions in `buffer`
        self.hardware_destination = np.full(count, -1, np.int64)
        self.ether_type = np.zeros(count, np.uint16)
        self.network = np.full(count, -1, np.int32)
        self.transport = np.full(count, -1, np.int32)
        self.payload = np.full(count, -1, np.int32)
        self.payload_length = np.zeros(count, np.uint32)
        self.flags = np.zeros(count, np.uint16)
        self.sequence = np.zeros(count, np.uint32)
        self.acknowledgment = np.zeros(count, np.uint32)
        self.window = np.zeros(count, np.uint16)

        self.partial = np.zeros(count, bool)  # a datagram's first fragment alone: no lengths are known
        self.padded = np.zeros(count, bool)  # 802.11: the header is filled up to a multiple of four bytes
        self.moved = np.zeros(count, bool)  # walks through reassembled bytes, not its own
        self.fragment_length = np.zeros(count, np.int64)  # of a waiting fragment, by the IP header's word
        self.erspan_indexed = np.zeros(count, bool)  # GRE had a sequence number, so ERSPAN has a header of its own
        self.network_at = np.zeros(count, np.int64)  # position in `buffer` of the innermost IP header
        self.segments: list[tuple[Rows, Rows, Rows]] = []  # rows of SYNs, and where their options begin and end
        self.quotes: list[Rows] = []  # rows of ICMP errors: what they quote stands 8 bytes behind the cursor
        self.mentions: list[tuple[Rows, bool, Endpoints]] = []  # rows ascending within each

    def whole(self, rows: Rows, size: int | Rows) -> Rows:
        """Those of `rows` that have `size` captured bytes ahead; the walk of the others ends here."""
        enough = self.end[rows] - self.position[rows] >= size
        if enough.all():
            return rows
        self.finish(rows[~enough], malformed=True)
        return rows[enough]

    def skip(self, rows: Rows, size: int | Rows) -> Rows:
        """Move over a header of `size` bytes; rows that end before it does are left out, and end."""
        rows_before = rows
        rows = self.whole(rows, size)
        if not isinstance(size, int) and len(rows) != len(rows_before):
            size = size[np.isin(rows_before, rows, assume_unique=True)]
        self.position[rows] += size
        return rows

    def finish(self, rows: Rows, *, malformed: bool = False) -> None:
        """The walk ends: what was found so far stands."""
        self.next[rows] = Header.DONE
        if malformed:
            self.flags[rows] |= np.uint16(Flag.MALFORMED)

    def go(self, rows: Rows, header: Header | NDArray[np.uint8]) -> None:
        """Name the header at the cursor (one for all, or one for each row)."""
        self.next[rows] = header

    def passed(self, rows: Rows, header: Header) -> None:
        """Add a header to the path of `rows`."""
        self.path[rows] = self.paths.extended(self.path[rows], header)

    def limit(self, rows: Rows, length: Rows) -> None:
        """The enclosing header says that `length` bytes follow the cursor's position."""
        stop = np.minimum(self.stop[rows], self.position[rows] + length)
        self.stop[rows] = stop
        self.end[rows] = np.minimum(self.end[rows], stop)

    def frame(self, rows: Rows, protocol: Protocol, source: Rows, destination: Rows | int) -> None:
        """A link header with hardware addresses at these positions (-1: none) becomes the innermost one."""
        self.protocol[rows] = protocol
        self.endpoints.family[rows] = 0
        self.hardware_source[rows] = source
        self.hardware_destination[rows] = destination
        self.forget_transport(rows)

    def forget_transport(self, rows: Rows) -> None:
        """A header inside a tunnel was found: the outer transport is no longer the innermost."""
        rows = rows[self.transport[rows] >= 0]
        if len(rows):
            self.transport[rows] = self.payload[rows] = -1
            self.payload_length[rows] = 0
            self.endpoints.source_port[rows] = self.endpoints.destination_port[rows] = 0

    def offset(self, rows: Rows) -> Rows:
        """The cursor as an offset in the packet; -1 where it stands in reassembled bytes."""
        return np.where(self.moved[rows], -1, self.position[rows] - self.base[rows])

    def mention(self, rows: Rows, *, before: bool = True) -> None:
        """The endpoints found so far are those of an outer transport: note them."""
        if len(rows):
            self.mentions.append((rows, before, endpoints_of(self.endpoints, rows)))

    def move(self, rows: Rows, contents: Sequence[bytes]) -> None:
        """Let the cursors of `rows` continue in other bytes: one reassembled datagram for each row."""
        lengths = np.array([len(content) for content in contents], np.int64)
        first = len(self.buffer)
        added = np.frombuffer(b"".join(contents) + bytes(PADDING), np.uint8)
        self.buffer = np.concatenate([self.buffer, added])
        start = first + np.cumsum(lengths) - lengths
        self.position[rows] = start
        self.end[rows] = self.stop[rows] = start + lengths
        self.moved[rows] = True
