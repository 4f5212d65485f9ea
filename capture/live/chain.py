"""Files that are written one after the other, read as one capture: the sections of a ring of files."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from capture.growing import PAUSE_SECONDS
from capture.store import DamagedStoreError

if TYPE_CHECKING:
    from collections.abc import Callable


class FileChain:
    """A `capture.store.ByteStore` over files that are added as they are begun; of dropped ones nothing can be read.

    Takes the descriptors over. Offsets go on from file to file. `ended` says that nobody writes any more, `whole` how
    much of what was read at a place of the one file still was there (`capture.live.spool`).
    """

    def __init__(self, ended: Callable[[], bool], whole: Callable[[int, bytes], bytes] | None = None) -> None:
        self._ended = ended
        self._whole = whole
        self._files: list[tuple[int, int | None]] = []  # where each begins in the whole, and its descriptor
        self._current = 0
        self._position = 0
        self._held = 0  # when it was closed
        self._cancelled = threading.Event()
        self._lock = threading.Lock()

    def add(self, descriptor: int, keep: int) -> None:
        """Another file is begun; only the newest `keep` stay readable."""
        with self._lock:
            begin = 0
            if self._files:
                begin, before = self._files[-1]
                begin += os.fstat(before).st_size if before is not None else 0
            self._files.append((begin, descriptor))
            for place, (start, old) in enumerate(self._files[:-keep]):
                if old is not None:
                    os.close(old)
                    self._files[place] = (start, None)

    def fill(self, view: memoryview) -> int:
        """The next bytes; waits for one. What was dropped before it was read is an error."""
        while not self._cancelled.is_set():
            last, more = self._ended(), self._current + 1 < len(self._files)
            with self._lock:
                begin, descriptor = self._files[self._current]
                if descriptor is None:
                    raise DamagedStoreError("its next file was dropped from the ring before it could be read")
                count = os.preadv(descriptor, [view], self._position - begin)
            if count:
                self._position += count
                return count
            if more:
                self._current += 1
            elif last:
                return 0
            else:
                self._cancelled.wait(PAUSE_SECONDS)
        return 0

    @property
    def waiting(self) -> int:
        """Bytes that were written and not yet read."""
        with self._lock:
            begin, descriptor = self._files[-1]
            end = begin + (os.fstat(descriptor).st_size if descriptor is not None else 0)
        return max(end - self._position, 0)

    @property
    def held(self) -> int:
        """Bytes of the files that were not dropped."""
        with self._lock:
            return self._size()

    def _size(self) -> int:
        kept = [(begin, descriptor) for begin, descriptor in self._files if descriptor is not None]
        return kept[-1][0] + os.fstat(kept[-1][1]).st_size - kept[0][0] if kept else self._held

    def ready(self) -> bool:
        """Whether `fill` would not wait."""
        return self._cancelled.is_set() or self.waiting > 0

    def read(self, offset: int, length: int) -> bytes:
        """Bytes that `fill` has passed; fewer where their file was dropped or the chain is closed."""
        with self._lock:
            for begin, descriptor in reversed(self._files):
                if offset >= begin:
                    if descriptor is None or length <= 0:
                        return b""
                    data = os.pread(descriptor, length, offset - begin)
                    return data if self._whole is None else self._whole(offset, data)
        return b""

    @property
    def bytes_read(self) -> int:
        """Progress."""
        return self._position

    @property
    def bytes_total(self) -> int | None:
        """Nobody knows."""
        return None

    def cancel(self) -> None:
        """End the waiting."""
        self._cancelled.set()

    def close(self) -> None:
        """Give the files back."""
        with self._lock:
            self._held = self._size()
            for place, (begin, descriptor) in enumerate(self._files):
                if descriptor is not None:
                    os.close(descriptor)
                self._files[place] = (begin, None)
