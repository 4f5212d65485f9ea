"""Putting IP datagrams together from their fragments.

As in Wireshark, the whole belongs to the packet that completes it; the other pieces stay fragments.

The loop over fragments is Python's: each depends on those before it, and they are rare. Memory is bounded; the
datagram that waited longest is given up first.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.gather import u16, u32
from capture.network import follow_ip_protocol
from capture.protocol import Flag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.cursors import Cursors
    from capture.gather import Rows

MOST_BYTES: Final = 4 << 20
MOST_DATAGRAMS: Final = 1000
_OVERHEAD: Final = 64
"""Bytes counted for each piece beside its own, so that empty pieces are not free."""

Key = tuple[int, ...]
"""Family, the addresses' four words, IP protocol (0 for IPv6: RFC 8200 section 4.5 leaves it out), identification."""


@dataclass(slots=True)
class Datagram:
    """Pieces of one datagram, by offset; where they overlap, the one that starts first counts."""

    offsets: list[int] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    reach: int = 0  # bytes known from the beginning on, without a hole
    merged: int = 0  # how many pieces that took
    length: int | None = None  # known from the first piece that says it is the last
    size: int = 0  # bytes of memory counted

    def add(self, offset: int, piece: bytes, *, last: bool) -> bytes | None:
        """Add a piece; the whole datagram if that completes it."""
        place = bisect_right(self.offsets, offset)
        repeated = place > 0 and self.offsets[place - 1] == offset and len(self.pieces[place - 1]) >= len(piece)
        # A repetition adds nothing; keeping it would only let a flood of them grow the lists.
        if not repeated:
            self._insert(place, offset, piece)
        if last and self.length is None:
            self.length = offset + len(piece)
        if self.length is None or self.reach < self.length:
            return None
        return self._whole()[: self.length]

    def _insert(self, place: int, offset: int, piece: bytes) -> None:
        self.offsets.insert(place, offset)
        self.pieces.insert(place, piece)
        self.size += len(piece) + _OVERHEAD
        if place < self.merged:
            self.merged += 1
            self.reach = max(self.reach, offset + len(piece))
        while self.merged < len(self.offsets) and self.offsets[self.merged] <= self.reach:
            self.reach = max(self.reach, self.offsets[self.merged] + len(self.pieces[self.merged]))
            self.merged += 1

    def _whole(self) -> bytes:
        whole = bytearray()
        for offset, piece in zip(self.offsets, self.pieces, strict=True):
            whole += piece[max(0, len(whole) - offset) :]
        return bytes(whole)


class Reassembler:
    """Datagrams that wait for pieces, oldest first."""

    def __init__(self, most_bytes: int = MOST_BYTES, most_datagrams: int = MOST_DATAGRAMS) -> None:
        self._waiting: dict[Key, Datagram] = {}
        self._size = 0
        self._most_bytes = most_bytes
        self._most_datagrams = most_datagrams

    def add(self, key: Key, offset: int, piece: bytes, *, last: bool) -> bytes | None:
        """Add a piece of the datagram `key`, `offset` in bytes; its whole payload if that completes it."""
        datagram = self._waiting.setdefault(key, Datagram())
        before = datagram.size
        whole = datagram.add(offset, piece, last=last)
        self._size += datagram.size - before
        if whole is not None:
            self._give_up(key)
        while self._size > self._most_bytes or len(self._waiting) > self._most_datagrams:
            self._give_up(next(iter(self._waiting)))
        return whole

    def _give_up(self, key: Key) -> None:
        self._size -= self._waiting.pop(key).size


def reassemble(cursors: Cursors, rows: Rows, reassembler: Reassembler) -> None:
    """Hand the fragments of `rows` (ascending) over; rows that complete a datagram go on in its bytes.

    A fragment of which not everything was captured is not put together; if it is the first, what there is of its
    transport header is read over IPv4 alone, as Wireshark does it.
    """
    at = cursors.position[rows]
    length = cursors.fragment_length[rows]
    here = (length > 0) & (cursors.end[rows] - at >= length)
    offset, more, identification = _place(cursors, rows)
    cursors.finish(rows)
    keys = _keys(cursors, rows, identification)
    completed: list[int] = []
    contents: list[bytes] = []
    for index in np.flatnonzero(here).tolist():
        piece = cursors.buffer[at[index] : at[index] + length[index]].tobytes()
        key = tuple(int(part[index]) for part in keys)
        whole = reassembler.add(key, int(offset[index]), piece, last=not more[index])
        if whole is not None:
            completed.append(index)
            contents.append(whole)
    if completed:
        done = rows[completed]
        cursors.move(done, contents)
        cursors.flags[done] |= np.uint16(Flag.REASSEMBLED)
        follow_ip_protocol(cursors, done, cursors.endpoints.transport[done].astype(np.int64))
    begin_alone(cursors, rows[~here & (offset == 0) & (cursors.endpoints.family[rows] == 4)])


def begin_alone(cursors: Cursors, rows: Rows) -> None:
    """Read the transport header of first fragments by themselves: their segment's length is not known."""
    cursors.partial[rows] = True
    follow_ip_protocol(cursors, rows, cursors.endpoints.transport[rows].astype(np.int64))


def _place(cursors: Cursors, rows: Rows) -> tuple[Rows, Rows, Rows]:
    """Offset in bytes, whether more follow, and identification of each fragment."""
    six = cursors.endpoints.family[rows] == 6
    # IPv4: in the IP header. IPv6: in the fragment header, which ends at the cursor.
    four_at = cursors.network_at[rows]
    six_at = cursors.position[rows] - 8
    field_at = np.where(six, six_at + 2, four_at + 6)
    word = u16(cursors.buffer, field_at)
    offset = np.where(six, word & 0xFFF8, (word & 0x1FFF) * 8)
    more = np.where(six, word & 1, word & 0x2000) != 0
    identification = np.where(six, u32(cursors.buffer, np.where(six, six_at + 4, 0)), u16(cursors.buffer, four_at + 4))
    return offset, more, identification


def _keys(cursors: Cursors, rows: Rows, identification: Rows) -> tuple[NDArray[Any], ...]:
    ends = cursors.endpoints
    four = ends.family[rows] == 4
    return (
        ends.family[rows],
        ends.source_high[rows],
        ends.source_low[rows],
        ends.destination_high[rows],
        ends.destination_low[rows],
        np.where(four, ends.transport[rows], 0),
        identification,
    )
