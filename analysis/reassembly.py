"""One end's bytes of a TCP connection in order, whatever was sent again, late or overlapping (RFC 9293 section 3.4)."""

from __future__ import annotations

import heapq
from typing import Final

MOST_HELD: Final = 1024
"""Segments that wait for one that has not come."""
MOST_BYTES: Final = 4 << 20
"""Bytes that wait."""
HALF: Final = 1 << 31
WHOLE: Final = 1 << 32


class Stream:
    """Fed with segments as they were captured; `lost` once something is missing that will not come any more.

    Of bytes that were sent twice the first ones count.
    """

    def __init__(self, first: int) -> None:
        self.lost = False
        self._first = first  # sequence number of byte 0
        self._have = 0  # bytes handed out
        self._held: list[tuple[int, bytes]] = []
        self._bytes = 0

    def add(self, sequence: int, data: bytes) -> bytes:
        """What is in order now and was not before. `sequence` is the number of the first byte, as on the wire."""
        if self.lost:
            return b""
        ahead = (sequence - self._first - self._have + HALF) % WHOLE - HALF
        heapq.heappush(self._held, (self._have + ahead, data))
        self._bytes += len(data)
        ready = bytearray()
        while self._held and self._held[0][0] <= self._have:
            place, piece = heapq.heappop(self._held)
            self._bytes -= len(piece)
            fresh = piece[self._have - place :]
            ready += fresh
            self._have += len(fresh)
        self.lost = len(self._held) > MOST_HELD or self._bytes > MOST_BYTES
        return bytes(ready)
