"""A stretch of a byte store in memory: read into one buffer that is used again and again.

Reading into a reused buffer is as fast as mapping the file, and a file cut short while it is open ends the
reading instead of killing the process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.batch import PADDING
from capture.store import DamagedStoreError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.store import ByteStore

FIRST: Final = 128 << 10
"""Bytes of the first window: small, so that the first packets are out and shown within milliseconds."""

LARGEST: Final = 32 << 20
"""The most bytes of later windows, unless one record is larger."""


class Window:
    """`buffer[:filled]` holds the bytes of `store` from `origin` on; at least `PADDING` zero bytes follow them."""

    def __init__(self, store: ByteStore) -> None:
        self._store = store
        self._size = FIRST
        self._most = LARGEST
        self.buffer: NDArray[np.uint8] = np.zeros(FIRST + PADDING, np.uint8)
        self.origin = 0
        self.filled = 0
        self._damage: DamagedStoreError | None = None  # met, and not yet told

    def hold(self, size: int) -> None:
        """Grow to this many bytes at most: what is not more than its reader takes at once is in the cache by then."""
        self._most = max(FIRST, min(size, LARGEST))

    def refill(self, consumed: int, needed: int = 0) -> bool:
        """Drop `consumed` bytes from the front and read more behind; False: the store has no more.

        Waits for at least one byte. Room is made for `needed` bytes, without waiting for them all. Raises
        `DamagedStoreError` when everything before the damage has been given.
        """
        self._make_room(consumed, needed)
        before = self.filled
        self._fill()
        self.buffer[self.filled : self.filled + PADDING] = 0
        if self.filled == before and self._damage:
            raise self._damage
        if self.filled == self._size < self._most:
            self._size = min(self._size * 4, self._most)
        return self.filled > before

    def _fill(self) -> None:
        """Read until the window is full, or nothing more is there yet."""
        view = self.buffer.data
        while self.filled < self._size and not self._damage:
            try:
                count = self._store.fill(view[self.filled : self._size])
            except DamagedStoreError as error:
                self._damage = error
                return
            self.filled += count
            if count == 0 or not self._store.ready():
                return

    def _make_room(self, consumed: int, needed: int) -> None:
        """Move what is left to the front of a buffer that is large enough."""
        rest = self.filled - consumed
        self._size = max(self._size, needed, rest + 1)
        old = self.buffer
        if len(old) < self._size + PADDING:
            self.buffer = np.empty(self._size + PADDING, np.uint8)
        self.buffer[:rest] = old[consumed : self.filled]
        self.origin += consumed
        self.filled = rest
